--
-- dense.sql
--
-- Proves that integer customers give the answers of plain SQL, and the answers of the same
-- numbers as text, however the numbers lie: side by side, with gaps, with outliers, up to the
-- ends of their type, and in whatever order they come.  The customer table keeps many numbers
-- that lie close together in an array, and returns to a hash table when distant numbers come
-- (src/table/customer_table.c); the memory of a scan shows the form.  Last, states of all these
-- forms are combined, in one process and in parallel.
--
SET client_min_messages = warning;
SET jit = off;
SET TimeZone = 'UTC';
SET max_parallel_workers_per_gather = 0;
SET work_mem = '64MB';
CREATE SCHEMA dense;
SET search_path = dense, public;
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/include/helpers.sql'
\i :helpers

-- 30,000 customers have one or two events each; some of the events lie after the period.
-- "chance" is a random number to sort by; "grp" belongs to the event, not to the customer.
CREATE TABLE events AS
SELECT n, pick(e, 1, 1000000) AS chance, pick(e, 2, 2) AS grp,
       date '2022-07-01' + pick(e, 3, 650) AS day,
       (ARRAY['purchase', 'purchase', 'purchase', 'cancellation', 'interest']
       )[1 + pick(e, 4, 5)]::lifecycle_event AS event
  FROM generate_series(1, 30000) AS n, generate_series(1, 1 + n % 2) AS k,
       LATERAL (SELECT n * 10 + k AS e) AS x;

\set from '''2024-01-01'''
\set to '''2024-04-01'''
-- Plain SQL computes the answers over all events and over each half of them, once with every
-- event taken as a purchase, and once with the events as they are.
CREATE TABLE plain AS
WITH asked AS (
  SELECT with_events, key, n, day, CASE WHEN with_events THEN event ELSE 'purchase' END AS event
    FROM events,
         (VALUES (true), (false)) AS e (with_events),
         LATERAL (VALUES (-1), (grp)) AS g (key)
), past AS (
  SELECT with_events, key, n, bool_or(day < :from) AS known1, bool_or(day < :to) AS known2,
         max(day) FILTER (WHERE event = 'purchase' AND day < :from) AS p1,
         max(day) FILTER (WHERE event = 'cancellation' AND day < :from) AS x1,
         max(day) FILTER (WHERE event = 'purchase' AND day < :to) AS p2,
         max(day) FILTER (WHERE event = 'cancellation' AND day < :to) AS x2,
         coalesce(bool_or(event = 'purchase' AND day >= :from AND day < :to), false) AS bought
    FROM asked GROUP BY with_events, key, n
), standing AS (
  SELECT *,
         CASE WHEN NOT known1 THEN NULL
              WHEN p1 IS NULL THEN 'prospect'
              WHEN x1 >= p1 OR p1 < date :from - 180 THEN 'churned'
              WHEN p1 < date :from - 90 THEN 'inactive'
              ELSE 'active' END AS s1,
         CASE WHEN NOT known2 THEN NULL
              WHEN p2 IS NULL THEN 'prospect'
              WHEN x2 >= p2 OR p2 < date :to - 180 THEN 'churned'
              WHEN p2 < date :to - 90 THEN 'inactive'
              ELSE 'active' END AS s2
    FROM past
)
SELECT with_events, key,
       rate_tally(count(*) FILTER (WHERE bought AND s1 <> 'active'),
                  count(*) FILTER (WHERE s1 <> 'active')) AS reactivation,
       rate_tally(count(*) FILTER (WHERE bought AND s1 = 'churned'),
                  count(*) FILTER (WHERE s1 = 'churned')) AS winback,
       ROW(count(*) FILTER (WHERE s1 = 'prospect'),
           count(*) FILTER (WHERE s1 = 'active'),
           count(*) FILTER (WHERE s1 = 'inactive'),
           count(*) FILTER (WHERE s1 = 'churned'),
           count(*) FILTER (WHERE bought AND coalesce(s1, 'prospect') = 'prospect'),
           count(*) FILTER (WHERE bought AND s1 = 'active'),
           count(*) FILTER (WHERE bought AND s1 = 'inactive'),
           count(*) FILTER (WHERE bought AND s1 = 'churned'),
           count(*) FILTER (WHERE s2 = 'prospect'),
           count(*) FILTER (WHERE s2 = 'active'),
           count(*) FILTER (WHERE s2 = 'inactive'),
           count(*) FILTER (WHERE s2 = 'churned'))::text AS counts
  FROM standing GROUP BY with_events, key;

-- compared_fields returns the fields of lifecycle_counts that plain SQL computes.  asking returns
-- a query that calls every aggregate over a table of events (customer, day, event, grp); their
-- states keep 1, 34, 5 and some 30 bytes of facts a customer.
CREATE FUNCTION compared_fields(lifecycle_counts) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ROW(($1).prospects_start, ($1).active_start, ($1).inactive_start, ($1).churned_start,
             ($1).new_customers, ($1).retained, ($1).reactivated, ($1).won_back,
             ($1).prospects_end, ($1).active_end, ($1).inactive_end, ($1).churned_end)::text
$$;
CREATE FUNCTION asking(source text, customer text, by text) RETURNS text
LANGUAGE sql AS $$
  SELECT format($q$
    SELECT q.key, v.*
      FROM (SELECT %2$s AS key,
                   reactivation_tally(%1$s, day, '[2024-01-01,2024-04-01)', '90 days') AS r,
                   winback_tally(%1$s, day, '[2024-01-01,2024-04-01)', '180 days') AS w,
                   reactivation_rate(%1$s, day, '[2024-01-01,2024-04-01)', '90 days') AS r_rate,
                   winback_rate(%1$s, day, '[2024-01-01,2024-04-01)', '180 days') AS w_rate,
                   reactivation_tally(%1$s, day, event, '[2024-01-01,2024-04-01)', '90 days')
                     AS r_events,
                   winback_tally(%1$s, day, event, '[2024-01-01,2024-04-01)', '180 days')
                     AS w_events,
                   lifecycle_counts(%1$s, day, '[2024-01-01,2024-04-01)', '90 days', '180 days')
                     AS c,
                   lifecycle_counts(%1$s, day, event, '[2024-01-01,2024-04-01)', '90 days',
                                    '180 days') AS c_events,
                   lifecycle_series(%1$s, day, '[2022-09-01,2024-04-01)', '10 days', '30 days',
                                    '90 days') AS s
              FROM %3$s %4$s) AS q,
           LATERAL (VALUES ('reactivation_tally', r::text), ('winback_tally', w::text),
                           ('reactivation_rate', r_rate::text), ('winback_rate', w_rate::text),
                           ('reactivation_tally, events', r_events::text),
                           ('winback_tally, events', w_events::text),
                           ('lifecycle_counts', compared_fields(c)),
                           ('lifecycle_counts, whole', md5(c::text)),
                           ('lifecycle_counts, events', compared_fields(c_events)),
                           ('lifecycle_counts, events, whole', md5(c_events::text)),
                           ('lifecycle_series, whole', md5(s::text))) AS v (call, answer)$q$,
    customer, by, source, 'GROUP BY ' || nullif(by, '-1'))
$$;
CREATE FUNCTION ask(source text, customer text DEFAULT 'customer', by text DEFAULT '-1')
RETURNS TABLE (key int, call text, answer text)
LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE asking(source, customer, by);
END $$;

-- The right answers are those of plain SQL; for the calls that plain SQL does not compute, they
-- come from text customers.
CREATE TABLE right_answers AS
SELECT key, call, coalesce(p.answer, t.answer) AS answer, p.answer IS NOT NULL AS plain,
       p.answer IS DISTINCT FROM t.answer AND p.answer IS NOT NULL AS differ
  FROM (SELECT * FROM ask('events', 'n::text')
        UNION ALL
        SELECT * FROM ask('events', 'n::text', 'grp')) AS t
  LEFT JOIN (SELECT key, v.*
               FROM plain,
                    LATERAL (VALUES ('reactivation_tally', reactivation::text),
                                    ('winback_tally', winback::text),
                                    ('lifecycle_counts', counts),
                                    ('reactivation_rate', rate(reactivation)::text),
                                    ('winback_rate', rate(winback)::text)) AS v (call, answer)
              WHERE NOT with_events
             UNION ALL
             SELECT key, v.*
               FROM plain,
                    LATERAL (VALUES ('reactivation_tally, events', reactivation::text),
                                    ('winback_tally, events', winback::text),
                                    ('lifecycle_counts, events', counts)) AS v (call, answer)
              WHERE with_events) AS p USING (key, call);
SELECT key, count(*) AS answers, count(*) FILTER (WHERE plain) AS plain,
       count(*) FILTER (WHERE differ) AS differ
  FROM right_answers GROUP BY key ORDER BY key;
SELECT call, answer FROM right_answers WHERE key = -1 AND plain ORDER BY call COLLATE "C";

-- Returns how many bytes of memory a scan of reactivation_rate takes for each customer.  The
-- facts take 1 byte of them or, with events, 34.
CREATE FUNCTION bytes_a_customer(source text, event text DEFAULT '') RETURNS float8
LANGUAGE plpgsql AS $$
DECLARE
  before text := current_setting('winback.enable_scan');
  plan json;
BEGIN
  SET LOCAL winback.enable_scan = on;
  EXECUTE format('EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON)
                  SELECT reactivation_rate(customer, day, %s
                                           ''[2024-01-01,2024-04-01)'', ''90 days'')
                    FROM %s', event, source) INTO plan;
  PERFORM set_config('winback.enable_scan', before, true);
  plan := plan -> 0 -> 'Plan';
  RETURN (plan ->> 'Memory')::float8 * 1024 / (plan ->> 'Customers')::float8;
END $$;

-- Each shape numbers the customers by an expression over n, and orders the events by "sort".  A
-- hash table takes 11 bytes a customer or more, and an array takes 3 where the numbers lie side
-- by side.  With wider gaps the memory does not show the form: is_array is NULL.
CREATE TABLE shapes (
  no serial, shape text, type text, customer text, sort text, is_array bool,
  grouped bool DEFAULT false);
INSERT INTO shapes (shape, type, customer, sort, is_array, grouped) VALUES
('ascending', 'int4', 'n', 'n', true, true),
('descending', 'int4', 'n', 'n DESC', true, false),
('by chance', 'int4', 'n', 'chance', true, true),
('negative, ascending', 'int4', 'n - 40000', 'n', true, false),
('negative, descending', 'int4', '-n', 'n', true, false),
('on both sides of zero', 'int4', 'n - 15000', 'n', true, true),
('from zero to both sides, in turns', 'int4', 'CASE n % 2 WHEN 0 THEN n ELSE -n END / 2',
 'n', true, false),
('far from zero', 'int4', '1234567890 - n', 'chance', true, false),
('upwards in jumps and back', 'int4', 'n', 'n / 1000 * 7 % 31, n', true, false),
('from the middle, in jumps to both sides', 'int4', 'n', 'abs(n / 500 - 30) / 3, n', true, true),
('gaps of 2', 'int4', 'n * 2', 'n', true, false),
('gaps of 2, descending', 'int4', 'n * 2', 'n DESC', true, false),
('gaps of 3', 'int4', 'n * 3', 'n', NULL, false),
('gaps of 3, by chance', 'int4', 'n * 3', 'chance', NULL, false),
('gaps of 7', 'int4', 'n * 7', 'n', NULL, true),
('gaps of 7, descending', 'int4', '-n * 7', 'n', NULL, false),
('gaps of 7, by chance', 'int4', 'n * 7', 'chance', NULL, false),
('gaps of 20', 'int4', 'n * 20', 'n', false, false),
('gaps of 20, by chance', 'int4', 'n * 20', 'chance', false, false),
('gaps that grow', 'int4', 'n + n / 100 * (n / 100)', 'n', NULL, false),
('gaps that shrink', 'int4', '-(n + n / 100 * (n / 100))', 'n DESC', NULL, false),
('scattered', 'int4', 'n * 50021', 'n', false, true),
('two clusters, one after the other', 'int4', 'CASE WHEN n > 15000 THEN 1000000000 ELSE 0 END + n',
 'n', false, true),
('two clusters, by chance', 'int4', 'n % 2 * 1000000000 + n', 'chance', false, false),
('one outlier, last', 'int4', 'CASE n WHEN 30000 THEN -1500000000 ELSE n END', 'n', false, true),
('one outlier, first', 'int4', 'CASE n WHEN 30000 THEN 1500000000 ELSE n END',
 'n <> 30000, n', false, false),
('one outlier, in the middle', 'int4', 'CASE n WHEN 15000 THEN 1500000000 ELSE n END',
 'n', false, false),
('outliers ever further away', 'int4', 'CASE n % 4000 WHEN 0 THEN n * n / 1000 ELSE n END',
 'n', false, false),
('up to the greatest int4', 'int4', '2147483647 - 30000 + n', 'n', true, true),
('down from the greatest int4', 'int4', '2147483647 - n + 1', 'n', true, false),
('up from the least int4', 'int4', '-2147483648 + n - 1', 'n', true, false),
('down to the least int4', 'int4', '-2147483648 + n - 1', 'n DESC', true, true),
('gaps of 7 up to the greatest int4', 'int4', '2147483647 - (30000 - n) * 7', 'n', NULL, false),
('the least and the greatest int4, too', 'int4',
 'CASE n WHEN 20000 THEN 2147483647 WHEN 20001 THEN -2147483648 ELSE n END', 'n', false, true),
('int2', 'int2', 'n - 15000', 'n', true, true),
('int2, from end to end', 'int2', '(n - 1) * 65535::int8 / 29999 - 32768', 'n', true, false),
('int2, from end to end, by chance', 'int2', '(n - 1) * 65535::int8 / 29999 - 32768',
 'chance', true, false),
('int8', 'int8', 'n', 'n', true, true),
('int8, negative', 'int8', '-n', 'chance', true, false),
('int8 beyond 32 bits', 'int8', 'n + (1::int8 << 40)', 'n', false, true),
('int8 across the greatest int4', 'int8', '2147483647::int8 - 20000 + n', 'n', false, false),
('int8 across the greatest int4, descending', 'int8', '2147483647::int8 - 20000 + n',
 'n DESC', false, false),
('int8 across the least int4', 'int8', '-2147483648::int8 + 20000 - n', 'n', false, false),
('int8, an outlier in 32 bits', 'int8', 'CASE n WHEN 20000 THEN -1999999999 ELSE n END',
 'n', false, false),
('int8, an outlier beyond 32 bits, last', 'int8',
 'CASE n WHEN 30000 THEN 4294967296 + 7 ELSE n END', 'n', false, true),
('int8, an outlier beyond 32 bits, first', 'int8',
 'CASE n WHEN 30000 THEN 4294967296 + 7 ELSE n END', 'n <> 30000, n', false, false),
('int8, both ends of the type in the middle', 'int8',
 'CASE n WHEN 15000 THEN 9223372036854775807 WHEN 15001 THEN -9223372036854775808 ELSE n END',
 'n', false, true),
('int8, an outlier in 32 bits, then one beyond', 'int8',
 'CASE n WHEN 25000 THEN 1500000000 WHEN 30000 THEN 1::int8 << 33 ELSE n END',
 'n', false, false),
('int8, 2^32 apart', 'int8', 'n / 2 + n % 2 * (1::int8 << 32)', 'n', false, false),
('date', 'date', 'date ''1900-01-01'' + n', 'n', true, true),
('date, and both infinities', 'date',
 'CASE n WHEN 29000 THEN date ''infinity'' WHEN 29001 THEN ''-infinity''
         ELSE date ''1900-01-01'' + n END', 'n', false, false);

-- On a slow server (scripts/checked) this test takes only the shapes with "grouped", and below
-- only the meetings with "more".
\getenv fewer WINBACK_CASES
\if :{?fewer}
  DELETE FROM shapes WHERE NOT grouped;
\endif

CREATE TABLE answers (no int, key int, call text, answer text);
CREATE TABLE memory (no int, bytes float8);
DO $$
DECLARE
  s shapes;
  scan text;
BEGIN
  FOR s IN SELECT * FROM shapes ORDER BY no LOOP
    EXECUTE format('CREATE TABLE shaped AS SELECT (%s)::%s AS customer, day, event, grp
                      FROM events ORDER BY %s, chance', s.customer, s.type, s.sort);
    -- the rows of a NULL customer are ignored
    INSERT INTO shaped SELECT NULL, day, 'purchase', grp FROM shaped LIMIT 5;
    FOREACH scan IN ARRAY '{on,off}'::text[] LOOP
      PERFORM set_config('winback.enable_scan', scan, false);
      INSERT INTO answers SELECT s.no, a.* FROM ask('shaped') AS a;
    END LOOP;
    IF s.grouped THEN
      INSERT INTO answers SELECT s.no, a.* FROM ask('shaped', by => 'grp') AS a;
    END IF;
    RESET winback.enable_scan;
    INSERT INTO memory SELECT s.no, bytes_a_customer('shaped');
    DROP TABLE shaped;
  END LOOP;
END $$;
SELECT shape, type, count(*) AS answers,
       count(*) FILTER (WHERE a.answer IS DISTINCT FROM r.answer) AS differ, is_array,
       (bytes < 6) IS DISTINCT FROM is_array AND is_array IS NOT NULL AS memory_differs
  FROM answers AS a
  JOIN right_answers AS r USING (key, call)
  JOIN shapes USING (no)
  JOIN memory USING (no)
 GROUP BY no, shape, type, is_array, bytes ORDER BY no;

-- An array that grows at one end keeps its spare room there: it stays under 2 bytes a customer,
-- and with events under 42.  A hash table takes at least 6, and with events at least 44.
CREATE TABLE growing (way text, purchases float8, events float8);
DO $$
DECLARE
  way text;
BEGIN
  FOREACH way IN ARRAY '{n,-n,n * 10007}'::text[] LOOP
    EXECUTE format('CREATE TABLE shaped AS
                    SELECT %s AS customer, date ''2023-01-01'' AS day,
                           lifecycle_event ''purchase'' AS event
                      FROM generate_series(1, 200000) AS n', way);
    INSERT INTO growing
    SELECT way, bytes_a_customer('shaped'), bytes_a_customer('shaped', 'event,');
    DROP TABLE shaped;
  END LOOP;
END $$;
SELECT way, purchases < 2 AS purchases_in_2, purchases > 6 AS in_6, events < 42 AS events_in_42,
       events > 44 AS in_44
  FROM growing ORDER BY way COLLATE "C";

-- Running tallies over ten parts of the customers: the final function must not change the state,
-- because the next part is added to it.
SELECT count(*) AS parts, count(DISTINCT number::text) AS rates,
       count(*) FILTER (WHERE number::text IS DISTINCT FROM text::text) AS differ
  FROM (SELECT DISTINCT ON (part)
               reactivation_tally(n, day, '[2024-01-01,2024-04-01)', '90 days')
                 OVER running AS number,
               reactivation_tally(n::text, day, '[2024-01-01,2024-04-01)', '90 days')
                 OVER running AS text
          FROM (SELECT n * 10 / 30001 AS part, n, day FROM events) AS e
        WINDOW running AS (ORDER BY part)) AS w;

-- Each meeting combines the states of three partitions in order.  15,000 customers side by side
-- make an array in every state.
CREATE TABLE meetings (
  no serial, meeting text, type text, customer text, part text, more bool);
INSERT INTO meetings (meeting, type, customer, part, more) VALUES
('the same in all', 'int4', 'n', 'chance % 3', true),
('the same in two, few in the first', 'int4', 'n',
 'CASE WHEN n > 29990 THEN 0 ELSE 1 + chance % 2 END', false),
('the second above the first', 'int4', 'n', 'n / 15000', true),
('the second below the first', 'int4', 'n', '(30000 - n) / 15000', false),
('they overlap', 'int4', 'n',
 'CASE WHEN n < 10000 THEN 0 WHEN n > 20000 THEN 1 ELSE chance % 2 END', false),
('the second within the first', 'int4', 'n',
 'CASE WHEN n BETWEEN 7000 AND 22000 THEN 1 ELSE 0 END', false),
('with gaps of 7', 'int4', 'n * 7', 'chance % 3', false),
('each has gaps, and they fit', 'int4', 'n', 'n % 3', false),
('far apart', 'int4', 'n + n / 15000 * 1000000000', 'n / 15000', true),
('far apart, the second below', 'int4', 'n - n / 15000 * 1000000000', 'n / 15000', false),
('at both ends of int4', 'int4',
 'CASE WHEN n < 15000 THEN -2147483648 + n ELSE 2147483647 - 30000 + n END', 'n / 15000', false),
('at the upper end of int4', 'int4', '2147483647 - 30000 + n', 'n / 15000', false),
('at the lower end of int4', 'int4', '-2147483648 + (30000 - n)', 'n / 15000', false),
('close, then scattered', 'int4', 'CASE WHEN n < 15000 THEN n ELSE n * 50021 END',
 'n / 15000', true),
('scattered, then close', 'int4', 'CASE WHEN n < 15000 THEN n ELSE n * 50021 END',
 'CASE WHEN n < 15000 THEN 1 ELSE 0 END', true),
('close, then few further away', 'int4', 'CASE WHEN n > 29990 THEN n + 20000 ELSE n END',
 'CASE WHEN n > 29990 THEN 1 ELSE 0 END', false),
('close, then few far away', 'int4', 'CASE WHEN n > 29990 THEN n + 2000000000 ELSE n END',
 'CASE WHEN n > 29990 THEN 1 ELSE 0 END', false),
('few far away, then close', 'int4', 'CASE WHEN n > 29990 THEN n - 2000000000 ELSE n END',
 'CASE WHEN n > 29990 THEN 0 ELSE 1 END', false),
('no customers, then close', 'int4', 'n', '1', false),
('close, then no customers', 'int4', 'n', '0', true),
('no customers in the middle', 'int4', 'n', 'n / 15001 * 2', false),
('scattered both', 'int4', 'n * 50021', 'n / 15000', false),
('close, then beyond 32 bits', 'int8', 'CASE WHEN n < 15000 THEN n ELSE n * (1::int8 << 32) END',
 'n / 15000', true),
('beyond 32 bits, then close', 'int8', 'CASE WHEN n < 15000 THEN n ELSE n * (1::int8 << 32) END',
 'CASE WHEN n < 15000 THEN 1 ELSE 0 END', true),
('close, then one beyond 32 bits, then close', 'int8',
 'CASE n WHEN 20000 THEN 1::int8 << 40 ELSE n END',
 'CASE n WHEN 20000 THEN 1 ELSE chance % 2 * 2 END', false),
('scattered, beyond 32 bits, close', 'int8',
 'CASE WHEN n < 10000 THEN n * 50021 WHEN n < 15000 THEN n * (1::int8 << 32) ELSE n END',
 'CASE WHEN n < 10000 THEN 0 WHEN n < 15000 THEN 1 ELSE 2 END', false),
('close, scattered, beyond 32 bits', 'int8',
 'CASE WHEN n < 15000 THEN n WHEN n < 20000 THEN n * 50021 ELSE n * (1::int8 << 32) END',
 'CASE WHEN n < 15000 THEN 0 WHEN n < 20000 THEN 1 ELSE 2 END', false),
('far apart beyond 32 bits', 'int8', 'n + n / 15000 * (1::int8 << 32)', 'n / 15000', false),
('int2', 'int2', 'n - 15000', 'chance % 2', false),
('dates', 'date', 'date ''1900-01-01'' + n', 'n / 15000', false);
\if :{?fewer}
  DELETE FROM meetings WHERE NOT more;
\endif
CREATE TABLE met (
  meeting text, way text, plan text, as_wanted bool, key int, call text, answer text);
-- Asks all questions about the table parted, and notes whether the plan is the wanted one.
CREATE PROCEDURE meet(
  meeting text, way text, wanted text, by text DEFAULT '-1', workers int DEFAULT 0,
  scan text DEFAULT 'off')
LANGUAGE plpgsql AS $$
DECLARE
  before text := current_setting('winback.enable_scan');
  plan text;
BEGIN
  PERFORM set_config('winback.enable_scan', scan, true),
          set_config('max_parallel_workers_per_gather', workers::text, true);
  plan := nodes(asking('parted', 'customer', by));
  INSERT INTO met SELECT meeting, way, plan, plan ~ wanted, a.* FROM ask('parted', by => by) AS a;
  PERFORM set_config('winback.enable_scan', before, true),
          set_config('max_parallel_workers_per_gather', '0', true);
END $$;
SET cpu_operator_cost = 1;  -- aggregation is expensive, so the planner does it in parts
SET enable_partitionwise_aggregate = on;
SET parallel_setup_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
DO $$
DECLARE
  m meetings;
BEGIN
  FOR m IN SELECT * FROM meetings ORDER BY no LOOP
    EXECUTE format('CREATE TABLE parted
                      (customer %s, day date, event lifecycle_event, grp int, part int)
                    PARTITION BY LIST (part)', m.type);
    FOR i IN 0..2 LOOP
      EXECUTE format('CREATE TABLE part_%s PARTITION OF parted FOR VALUES IN (%s)
                      WITH (parallel_workers = 2)', i, i);
    END LOOP;
    EXECUTE format('INSERT INTO parted SELECT %s, day, event, grp, %s FROM events ORDER BY chance',
                   m.customer, m.part);
    ANALYZE parted;
    CALL meet(m.meeting, 'partitions in order',
              '^Finalize Aggregate > Append( > Partial Aggregate > Seq Scan){3}$');
    IF m.more THEN
      CALL meet(m.meeting, 'partitions in order, groups',
                '^Finalize (Hash|Group)Aggregate > Append > Partial', by => 'grp');
      CALL meet(m.meeting, 'partitions in parallel',
                '^Finalize Aggregate > Gather > .*Partial Aggregate', workers => 2);
      CALL meet(m.meeting, 'a parallel scan',
                '^Finalize Aggregate > Gather > Parallel Custom Scan$', workers => 2, scan => 'on');
    END IF;
    DROP TABLE parted;
  END LOOP;
END $$;
SELECT way, count(DISTINCT meeting) AS meetings, count(*) AS answers,
       count(*) FILTER (WHERE as_wanted) AS as_wanted,
       count(*) FILTER (WHERE m.answer IS DISTINCT FROM r.answer) AS differ
  FROM met AS m LEFT JOIN right_answers AS r USING (key, call)
 GROUP BY way ORDER BY way COLLATE "C";
SELECT * FROM met AS m JOIN right_answers AS r USING (key, call)
 WHERE m.answer IS DISTINCT FROM r.answer OR NOT as_wanted
 ORDER BY meeting, way, key, call LIMIT 10;

-- Two workers read one table, and each reads rows of any customer.
CREATE TABLE parted (customer int, day date, event lifecycle_event, grp int)
  WITH (parallel_workers = 2);
INSERT INTO parted SELECT n, day, event, grp FROM events ORDER BY n;
ANALYZE parted;
CALL meet('ascending', 'one table',
          '^Finalize Aggregate > Gather > Partial Aggregate > Parallel Seq Scan$', workers => 2);
CALL meet('ascending', 'one table, groups',
          '^Finalize (Hash|Group)Aggregate > (Gather|Gather Merge) > Partial HashAggregate',
          by => 'grp', workers => 2);
CALL meet('ascending', 'one table, a parallel scan',
          '^Finalize Aggregate > Gather > Parallel Custom Scan$', workers => 2, scan => 'on');
SELECT way, count(*) AS answers, count(*) FILTER (WHERE as_wanted) AS as_wanted,
       count(*) FILTER (WHERE m.answer IS DISTINCT FROM r.answer) AS differ
  FROM met AS m LEFT JOIN right_answers AS r USING (key, call)
 WHERE way LIKE 'one table%' GROUP BY way ORDER BY way COLLATE "C";

DROP SCHEMA dense CASCADE;
