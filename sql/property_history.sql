--
-- property_history.sql
--
-- Proves the properties of customer_history over thousands of generated customers, in all three
-- types of time, in several time zones, with and without events and amounts:
--
--   * a history answers like the rows from which it was made: lifecycle_at, lifecycle_during and
--     explain_lifecycle of it equal the aggregates of the same name (which property_events.sql
--     compares with the definitions)
--   * unnest returns the rows
--   * histories add up: in any order, however the rows are split, in serial and parallel plans
--   * equal bags of events are equal histories, and different ones differ
--   * text and jsonb read back as the same history, under any settings
--
-- Each customer is made from a hash of a number, so they are the same in every version of
-- PostgreSQL.  Another seed makes other customers: then the counts change, but the columns named
-- "differ" must stay 0.
--
\set seed 1
\set customers 1200
-- On a slow server (scripts/checked) there are fewer cases, and the counts change.
\getenv fewer WINBACK_CASES
\if :{?fewer}
  \set customers 240
\endif

SET client_min_messages = warning;
SET jit = off;
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SET TimeZone = 'UTC';
CREATE SCHEMA property_history;
SET search_path = property_history, public;
SELECT set_config('property.seed', :'seed', false) AS seed;
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/include/helpers.sql'
\i :helpers

-- Up to 12 rows of each customer, in no order.  The instants of a customer are whole days, hours,
-- seconds, milliseconds or any microseconds; some are equal, infinite or NULL.  The amounts of some
-- customers have one scale, of others several, and some amounts are not integers of 64 bits.
CREATE TABLE happened AS
SELECT customer, customer % 60 AS sixty, n,
       at AS "timestamp", at::timestamptz AS "timestamptz", at::date AS "date", event,
       CASE WHEN event IN ('interest', 'cancellation')
            THEN pick(n, 20, '{NULL,NULL,0,0.00}'::numeric[])
            WHEN customer % 5 < 2 THEN round(pick(n, 21, 100000) / 100.0, 2)
            WHEN customer % 5 = 2
            THEN pick(n, 22, '{NULL,0,1,1.0,1.50,-1.5,49.90,0.001}'::numeric[])
            WHEN customer % 5 = 3
            THEN pick(n, 23, '{NULL,12345678901234567890.5,1e-30,-1e-30,NaN,Infinity,-Infinity,
                               9223372036854775807,-9223372036854775807,9223372036854775808,
                               1.000000000000000000,1.0000000000000000000,1e20,0.0}'::numeric[])
       END AS amount
  FROM (SELECT customer, customer * 100::bigint + i AS n,
               CASE pick(customer * 100 + i, 2, 40)
                 WHEN 0 THEN NULL
                 WHEN 1 THEN CASE customer % 3 WHEN 0 THEN timestamp 'infinity' END
                 WHEN 2 THEN CASE customer % 3 WHEN 0 THEN timestamp '-infinity' END
                 ELSE date_trunc(pick(customer, 3, '{day,hour,second,milliseconds,microseconds,
                                                     minute}'::text[]),
                        timestamp '2023-06-01'
                        + pick(customer * 100 + i / 2, 4, 500) * interval '1 day'
                        + pick(customer * 100 + i / 2, 5, 86400000) * interval '1 ms'
                        + pick(customer * 100 + i / 2, 6, 1000) * interval '1 us')
               END AS at,
               CASE WHEN customer % 2 = 0 THEN 'purchase'::lifecycle_event
                    ELSE pick(customer * 100 + i, 7, '{purchase,purchase,purchase,cancellation,
                                interest,adjustment,NULL}'::lifecycle_event[]) END AS event
          FROM generate_series(1, :customers) AS customer,
               LATERAL generate_series(1, 1 + pick(customer, 1, 12)) AS i) AS r
 ORDER BY pick(n, 30, 1000000), n;
CREATE INDEX ON happened (customer);
ANALYZE happened;

-- The questions.
CREATE TABLE questions AS
SELECT q, lower(period) AS as_of, period,
       daterange(lower(period)::date, upper(period)::date,
                 concat(CASE WHEN lower_inc(period) THEN '[' ELSE '(' END,
                        CASE WHEN upper_inc(period) THEN ']' ELSE ')' END)) AS days,
       format(', %L, %L', inactive_after, churned_after) AS thresholds
  FROM (VALUES (1, tsrange('2024-01-01', '2024-04-01'), interval '30 days', interval '90 days'),
               (2, '[2024-03-10,2024-03-31)', '1 month', '3 months'),
               (3, '[2023-11-05,2024-03-10)', '45 days', NULL),
               (4, '(2024-02-29,2024-06-30]', '10 days', '10 days'),
               (5, '[2023-06-01,2025-01-01)', '1 year', '2 years')
       ) AS v (q, period, inactive_after, churned_after);

CREATE TABLE answers (
  property text, time text, zone text, id text, one text, two text);

-- Compares the functions of one history with the aggregates over the rows, for one type of time.
CREATE PROCEDURE ask_both(t text, range text, zone text, event text)
LANGUAGE plpgsql AS $$
DECLARE
  q record;
BEGIN
  PERFORM set_config('TimeZone', zone, false);
  EXECUTE format('CREATE TEMP TABLE histories AS
                  SELECT customer, history_agg(%1$I %2$s) AS history
                    FROM happened GROUP BY customer', t, event);
  FOR q IN SELECT * FROM questions ORDER BY q LOOP
    EXECUTE replace(replace(replace(replace(replace(replace($sql$
      INSERT INTO answers
      SELECT 'lifecycle_at, lifecycle_during', 'TIME', current_setting('TimeZone'),
             customer || ', question ' || QUESTION,
             (SELECT ROW(lifecycle_at(TIME EVENT, AS_OF),
                         lifecycle_during(TIME EVENT, PERIOD))::text
                FROM happened AS r WHERE r.customer = h.customer),
             ROW(lifecycle_at(history, TYPE_AS_OF), lifecycle_during(history, TYPE_PERIOD))::text
        FROM histories AS h
       UNION ALL
      SELECT 'explain_lifecycle', 'TIME', current_setting('TimeZone'),
             customer || ', question ' || QUESTION,
             (SELECT explain_lifecycle(TIME EVENT, PERIOD)::text
                FROM happened AS r WHERE r.customer = h.customer),
             explain_lifecycle(history, TYPE_PERIOD)::text
        -- PostgreSQL cannot compute the silence since -infinity
        FROM histories AS h WHERE first_at(history) <> '-infinity'$sql$,
      'QUESTION', q.q::text),
      'TIME', t), 'EVENT', event),
      -- a literal for odd numbers, and a value of the type that suits for even ones
      'TYPE_', CASE WHEN q.q % 2 = 0 THEN '' ELSE 'text ' END),
      'AS_OF', CASE WHEN q.q % 2 = 0 THEN t || ' ' ELSE '' END
               || quote_literal(q.as_of) || q.thresholds),
      'PERIOD', CASE WHEN q.q % 2 = 0 THEN range || ' ' ELSE '' END
                || quote_literal(CASE WHEN t = 'date' THEN q.days::text ELSE q.period::text END)
                || q.thresholds);
  END LOOP;
  DROP TABLE histories;
  PERFORM set_config('TimeZone', 'UTC', false);
END $$;
DO $$
DECLARE
  zone text;
  event text;
BEGIN
  FOREACH zone IN ARRAY '{UTC,America/New_York,Asia/Kathmandu,Pacific/Auckland}'::text[] LOOP
    FOREACH event IN ARRAY '{"",", event"}'::text[] LOOP
      CALL ask_both('timestamptz', 'tstzrange', zone, event);
      CALL ask_both('timestamp', 'tsrange', zone, event);
      CALL ask_both('date', 'daterange', zone, event);
    END LOOP;
  END LOOP;
END $$;

-- Histories with everything, of each type of time.
CREATE TABLE everything AS
SELECT customer,
       history_agg("timestamptz", event, amount) AS "timestamptz",
       history_agg("timestamp", event, amount) AS "timestamp",
       history_agg("date", event, amount) AS "date"
  FROM happened GROUP BY customer;

-- Runs the checks that are the same for each type of time.
CREATE PROCEDURE check_laws(t text)
LANGUAGE plpgsql AS $$
DECLARE
  zone text;
  style text;
BEGIN
  -- unnest returns the rows, with the scale of each amount
  EXECUTE format($sql$
    INSERT INTO answers
    SELECT 'unnest', %1$L, 'UTC', customer::text, rows, events
      FROM (SELECT customer, string_agg(ROW(%1$I::timestamptz, event, amount)::text, ' '
                     ORDER BY %1$I, event, amount, scale(amount)) AS rows
              FROM happened WHERE %1$I IS NOT NULL AND event IS NOT NULL GROUP BY customer) AS r
      FULL JOIN (SELECT customer, string_agg(e::text, ' '
                          ORDER BY at, event, amount, scale(amount)) AS events
                   FROM everything, LATERAL unnest(%1$I) AS e GROUP BY customer) AS u
     USING (customer)$sql$, t);
  -- the head
  EXECUTE format($sql$
    INSERT INTO answers
    SELECT 'first_at, last_at, purchases', %1$L, 'UTC', customer::text,
           ROW(min(%1$I)::timestamptz, max(%1$I)::timestamptz,
               count(*) FILTER (WHERE event = 'purchase'))::text,
           (SELECT ROW(first_at(%1$I), last_at(%1$I), purchases(%1$I))::text
              FROM everything AS e WHERE e.customer = h.customer)
      FROM happened AS h WHERE %1$I IS NOT NULL AND event IS NOT NULL GROUP BY customer$sql$, t);
  -- the order of the rows does not matter, and neither does how they are split
  EXECUTE format($sql$
    INSERT INTO answers
    SELECT 'order of the rows', %1$L, '', customer::text,
           encode(customer_history_send(history_agg(%1$I, event, amount ORDER BY n)), 'hex'),
           encode(customer_history_send(
                    history_agg(%1$I, event, amount ORDER BY pick(n, 40, 1000), n)), 'hex')
      FROM happened GROUP BY customer$sql$, t);
  EXECUTE format($sql$
    INSERT INTO answers
    SELECT 'history_agg of pieces', %1$L, '', customer::text,
           (SELECT %1$I FROM everything AS e WHERE e.customer = p.customer)::text,
           history_agg(piece ORDER BY piece)::text
      FROM (SELECT customer, history_agg(%1$I, event, amount) AS piece
              FROM happened GROUP BY customer, pick(n, 41, 3)) AS p
     GROUP BY customer$sql$, t);
  EXECUTE format($sql$
    INSERT INTO answers
    SELECT '|| is commutative and associative', %1$L, way, customer::text,
           (SELECT %1$I FROM everything AS e WHERE e.customer = p.customer)::text, sum::text
      FROM (SELECT customer,
                   history_agg(%1$I, event, amount) FILTER (WHERE pick(n, 41, 3) = 0) AS a,
                   history_agg(%1$I, event, amount) FILTER (WHERE pick(n, 41, 3) = 1) AS b,
                   history_agg(%1$I, event, amount) FILTER (WHERE pick(n, 41, 3) = 2) AS c
              FROM happened GROUP BY customer) AS p,
           LATERAL (VALUES ('abc', a || b || c), ('a(bc)', a || (b || c)), ('cba', c || b || a),
                           ('bac', b || a || c)) AS v (way, sum)
     WHERE sum IS NOT NULL$sql$, t);
  -- text and jsonb read back as the same bytes, whatever the settings
  FOREACH zone IN ARRAY '{UTC,America/New_York,Asia/Kathmandu}'::text[] LOOP
    FOREACH style IN ARRAY '{"ISO, YMD","German","SQL, DMY","Postgres, MDY"}'::text[] LOOP
      PERFORM set_config('TimeZone', zone, false), set_config('DateStyle', style, false);
      EXECUTE format($sql$
        CREATE TEMP TABLE written AS
        SELECT customer, %1$I::text AS t, %1$I::jsonb AS j FROM everything$sql$, t);
      PERFORM set_config('TimeZone', 'Pacific/Auckland', false),
              set_config('DateStyle', 'SQL, MDY', false);
      EXECUTE format($sql$
        INSERT INTO answers
        SELECT 'text and jsonb', %1$L, %2$L, customer::text,
               repeat(encode(customer_history_send(%1$I), 'hex'), 2),
               encode(customer_history_send(t::customer_history), 'hex')
               || encode(customer_history_send(j::customer_history), 'hex')
          FROM everything JOIN written USING (customer)$sql$, t, zone || ', ' || style);
      DROP TABLE written;
      PERFORM set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO, YMD', false);
    END LOOP;
  END LOOP;
  -- equal bags of rows are equal histories, and others are not.  These few rows have many equals.
  EXECUTE format($sql$
    CREATE TEMP TABLE bags AS
    SELECT n, history_agg((timestamp '2024-01-01'
                           + pick(n * 10 + i, 50, 2) * interval '1 day')::%1$I,
                          pick(n * 10 + i, 51, '{purchase,adjustment}'::lifecycle_event[]),
                          pick(n * 10 + i, 52, '{NULL,1,1.0}'::numeric[])) AS history,
           array_agg(ROW(pick(n * 10 + i, 50, 2), pick(n * 10 + i, 51, 2), pick(n * 10 + i, 52, 3))
                     ORDER BY pick(n * 10 + i, 50, 2), pick(n * 10 + i, 51, 2),
                              pick(n * 10 + i, 52, 3))::text AS bag
      FROM generate_series(1, 300) AS n, generate_series(1, 2) AS i GROUP BY n$sql$, t);
  INSERT INTO answers
  SELECT 'equal bags are equal histories', t, '', a.n || ' ' || b.n,
         (a.bag = b.bag)::text || (a.bag = b.bag)::text || true::text,
         (a.history = b.history)::text || (customer_history_cmp(a.history, b.history) = 0)::text
         || (a.bag <> b.bag
             OR (customer_history_hash(a.history) = customer_history_hash(b.history)
                 AND customer_history_hash_extended(a.history, 7)
                     = customer_history_hash_extended(b.history, 7)))::text
    FROM bags AS a, bags AS b;
  DROP TABLE bags;
END $$;
CALL check_laws('timestamptz');
CALL check_laws('timestamp');
CALL check_laws('date');

-- Parallel plans make the same histories, from rows and from histories, here of 20 customers each.
CREATE TABLE pieces AS
SELECT sixty, history_agg("date", event, amount) AS piece
  FROM happened GROUP BY sixty, customer, n % 3;
ANALYZE pieces;
\set from_rows 'SELECT sixty, history_agg("date", event, amount) AS h FROM happened GROUP BY sixty'
\set from_pieces 'SELECT sixty, history_agg(piece) AS h FROM pieces GROUP BY sixty'
SET max_parallel_workers_per_gather = 0;
CALL keep('serial', :'from_rows');
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET winback.enable_scan = off;
CALL keep('from_rows', :'from_rows', '^Finalize .*Gather.* > Partial');
CALL keep('from_pieces', :'from_pieces', '^Finalize .*Gather.* > Partial');
RESET winback.enable_scan;
RESET max_parallel_workers_per_gather;
INSERT INTO answers
SELECT 'parallel plans', 'date', '', sixty, repeat(s.h::text, 2), r.h::text || p.h::text
  FROM serial s FULL JOIN from_rows r USING (sixty) FULL JOIN from_pieces p USING (sixty);

-- A Winback Scan makes the same histories, beside other aggregates, with a FILTER, in one pass over
-- the table and in several.
\set compare :abs_srcdir '/sql/include/compare.sql'
\i :compare
CREATE FUNCTION passes(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || query INTO plan;
  RETURN coalesce(plan -> 0 -> 'Plan' ->> 'Passes', plan -> 0 -> 'Plan' -> 'Plans' -> 0
                  ->> 'Passes', '1');
END $$;
CREATE TABLE listed (no serial, query text);
INSERT INTO listed (query) VALUES
  ('SELECT customer, history_agg("timestamptz", event, amount) FROM happened GROUP BY customer'),
  ('SELECT customer, history_agg("timestamp"), count(*) FROM happened GROUP BY customer'),
  ('SELECT customer, history_agg("date", amount), sum(amount), history_agg("date"),
           lifecycle_at("date", event, ''2024-01-01'', ''1 day'', ''2 days'')
      FROM happened WHERE amount >= 0 GROUP BY customer'),
  ('SELECT customer, history_agg("date", event) FILTER (WHERE n % 3 = 0)
      FROM happened GROUP BY customer HAVING count(*) > 2');
DROP INDEX happened_customer_idx;
SET max_parallel_workers_per_gather = 0;
SELECT no, passes(query), c.* FROM listed,
       compare(format('SELECT * FROM (%s) q ORDER BY customer', query)) AS c ORDER BY no;
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
SET seq_page_cost = 0;
SET random_page_cost = 100000;
SELECT no, passes(query) > 1 AS several_passes, c.* FROM listed,
       compare(format('SELECT * FROM (%s) q ORDER BY customer', query)) AS c ORDER BY no;
RESET work_mem;
RESET hash_mem_multiplier;
RESET seq_page_cost;
RESET random_page_cost;
RESET max_parallel_workers_per_gather;

-- No property fails.
SELECT property, count(DISTINCT time) AS times, count(DISTINCT zone) AS ways, count(*) AS answers,
       count(DISTINCT one) AS different_answers,
       count(*) FILTER (WHERE one IS DISTINCT FROM two) AS differ
  FROM answers GROUP BY property ORDER BY property COLLATE "C";

-- The first answers that differ: none.
SELECT * FROM answers WHERE one IS DISTINCT FROM two
 ORDER BY property COLLATE "C", time, zone, id COLLATE "C" LIMIT 4;

-- The errors of the functions of one history are those of the aggregates.
CREATE FUNCTION error_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
  hint text;
BEGIN
  EXECUTE query;
  RETURN 'none';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws('; ', SQLSTATE, SQLERRM, detail, hint);
END $$;
SELECT time, count(*) AS questions, count(DISTINCT of_rows) AS different_errors,
       count(*) FILTER (WHERE of_rows IS DISTINCT FROM of_history) AS differ
  FROM unnest('{timestamptz,timestamp,date}'::text[]) AS time,
       (VALUES ('lifecycle_at', '''infinity'', ''1 day'', ''2 days'''),
               ('lifecycle_at', 'NULL, ''1 day'', ''2 days'''),
               ('lifecycle_at', '''2024-01-01'', NULL, ''2 days'''),
               ('lifecycle_at', '''2024-01-01'', ''2 days'', ''1 day'''),
               ('lifecycle_at', '''2024-01-01'', ''-2 days'', ''1 day'''),
               ('lifecycle_at', '''2024-01-01'', ''2 days'', ''0 days'''),
               ('lifecycle_at', '''2024-01-01'', ''5 minutes'', ''2 days'''),
               ('lifecycle_during', 'NULL, ''1 day'', ''2 days'''),
               ('lifecycle_during', '''empty'', ''1 day'', ''2 days'''),
               ('lifecycle_during', '''[2024-01-01,)'', ''1 day'', ''2 days'''),
               ('lifecycle_during', '''(,2024-01-01)'', ''1 day'', ''2 days'''),
               ('explain_lifecycle', '''(,2024-01-01)'', ''1 day'', ''2 days'''),
               ('explain_lifecycle', '''[2024-01-01,)'', ''1 day'', ''2 days''')
       ) AS v (function, question),
       LATERAL (SELECT error_of(format('SET LOCAL client_min_messages = error;
                                        SELECT %s(at, %s) FROM (SELECT ''2023-01-01''::%s AS at) t',
                                       function, question, time)) AS of_rows,
                       error_of(format('SET LOCAL client_min_messages = error;
                                        SELECT %s(history_agg(at), %s)
                                          FROM (SELECT ''2023-01-01''::%s AS at) t',
                                       function, question, time)) AS of_history) AS e
 GROUP BY time ORDER BY time;

-- Bytes: at microseconds at most 7 a purchase, at days at most 2, and 3 more with an amount of two
-- decimals.  The head takes some bytes of its own.
SELECT unit, count(*) AS customers,
       count(*) FILTER (WHERE octet_length(customer_history_send(history))
                              > 24 + limit_each * purchases(history)) AS too_large
  FROM (SELECT 'microseconds' AS unit, 7 AS limit_each, history_agg(at) AS history
          FROM (SELECT n % 100 AS customer,
                       timestamptz '2010-01-01' + pick(n, 60, 5000) * interval '1 day'
                       + pick(n, 61, 86400) * interval '1 s'
                       + pick(n, 62, 1000000) * interval '1 us' AS at
                  FROM generate_series(1, 10000) AS n) AS r GROUP BY customer
        UNION ALL
        SELECT 'days', 2, history_agg(at)
          FROM (SELECT n % 100 AS customer, date '2010-01-01' + pick(n, 60, 5000) AS at
                  FROM generate_series(1, 10000) AS n) AS r GROUP BY customer
        UNION ALL
        SELECT 'days with amounts', 5, history_agg(at, round(pick(n, 63, 1000000) / 100.0, 2))
          FROM (SELECT n, n % 100 AS customer, date '2010-01-01' + pick(n, 60, 5000) AS at
                  FROM generate_series(1, 10000) AS n) AS r GROUP BY customer) AS h
 GROUP BY unit ORDER BY unit;

DROP SCHEMA property_history CASCADE;
