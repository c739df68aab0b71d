--
-- parallel.sql
--
-- Proves that a parallel plan gives the number that a serial plan gives and that
-- plain SQL gives, to the last bit: for every kind of key and every time type,
-- with and without GROUP BY, with workers that read no rows, with groups that only
-- one worker reads, and with hundreds of thousands of customers in each worker.
-- Before it trusts a number, the test checks that the plan aggregates in parts
-- and runs under Gather.
--
SET client_min_messages = warning;
SET jit = off;
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SET TimeZone = 'Europe/Berlin';
CREATE SCHEMA parallel_plans;
SET search_path = parallel_plans, public;
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/include/helpers.sql'
\i :helpers

SET parallel_setup_cost = 0;
SET cpu_operator_cost = 1;  -- aggregation is expensive, so the planner does it in parts
SET min_parallel_table_scan_size = 0;
SET work_mem = '64MB';

CREATE TABLE answers (
  theme text, kind text, time text, workers int, leader bool, grp int, rate text,
  plain float8, serial float8, parallel float8);
CREATE VIEW compared AS
SELECT *,
       parallel > 0 AND parallel < 1 AS between_0_and_1,
       float8send(serial) IS DISTINCT FROM float8send(plain)
       OR float8send(parallel) IS DISTINCT FROM float8send(plain) AS differs
  FROM answers;

-- Computes both rates of each group of a table by plain SQL, by a serial plan and
-- by a parallel plan, and fails unless the parallel plan matches "wanted".
CREATE PROCEDURE ask(
  theme text, kind text, source text, customer text, "time" text, "at" text, "by" text,
  wanted text,
  filter text DEFAULT 'true', workers int DEFAULT 2, leader bool DEFAULT false)
LANGUAGE plpgsql AS $$
DECLARE
  span text := CASE time WHEN 'timestamptz' THEN 'tstzrange' WHEN 'timestamp' THEN 'tsrange'
                         ELSE 'daterange' END;
  asked text := format(
    'SELECT %s AS grp,
            reactivation_rate(%s, %s, %L::%s, ''30 days'') FILTER (WHERE %s) AS reactivation,
            winback_rate(%2$s, %3$s, %4$L::%5$s, ''3 months'') FILTER (WHERE %6$s) AS winback
       FROM %s %s',
    coalesce(by, '0'), customer, at, '[2024-06-15,2024-08-01)', span, filter, source,
    'GROUP BY ' || by);
BEGIN
  DROP TABLE IF EXISTS plain, serial, parallel;
  PERFORM set_config('max_parallel_workers_per_gather', '0', false);
  EXECUTE format(
    'CREATE TEMP TABLE plain AS
     SELECT grp,
            count(*) FILTER (WHERE silent_30_days AND bought)::float8
              / nullif(count(*) FILTER (WHERE silent_30_days), 0) AS reactivation,
            count(*) FILTER (WHERE silent_3_months AND bought)::float8
              / nullif(count(*) FILTER (WHERE silent_3_months), 0) AS winback
       FROM (SELECT grp, customer,
                    max(at) FILTER (WHERE at < ''2024-06-15'')
                      < ''2024-06-15''::%1$s - interval ''30 days'' AS silent_30_days,
                    max(at) FILTER (WHERE at < ''2024-06-15'')
                      < ''2024-06-15''::%1$s - interval ''3 months'' AS silent_3_months,
                    bool_or(at >= ''2024-06-15'' AND at < ''2024-08-01'') AS bought
               FROM (SELECT %2$s AS grp, %3$s AS customer, %4$s AS at FROM %5$s WHERE %6$s) p
              WHERE customer IS DISTINCT FROM NULL AND at IS NOT NULL
              GROUP BY grp, customer) c
      GROUP BY grp',
    time, coalesce(by, '0'), customer, at, source, filter);
  CALL keep('serial', asked);
  PERFORM set_config('max_parallel_workers_per_gather', workers::text, false);
  PERFORM set_config('parallel_leader_participation', leader::text, false);
  CALL keep('parallel', asked, wanted);
  INSERT INTO answers
  SELECT theme, kind, time, workers, leader, grp, r.*
    FROM serial s FULL JOIN parallel p USING (grp) FULL JOIN plain USING (grp),
         LATERAL (VALUES ('reactivation', plain.reactivation, s.reactivation, p.reactivation),
                         ('win-back', plain.winback, s.winback, p.winback)) r;
END $$;

-- 20,000 purchases of 4,000 customers, each under a key of every kind.  Where a key has two
-- spellings, half of the rows use the other one.  Some rows have a NULL customer or time.
CREATE COLLATION ignore_case
  (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE shop_customer AS (shop text, number int);
CREATE DOMAIN customer_number AS int8 CHECK (VALUE > 0);
CREATE TABLE orders AS
SELECT n, n % 50 AS fifty, n % 2000 AS spread, n / 10 AS side_by_side, who % 3 AS regular,
       (who - 2000)::int2 AS "int2",
       (who - 2000) * 1000003 AS "int4",
       who::int8 << 32 AS "int8",
       CASE way WHEN 0 THEN lpad(who::text, 32, '0')
                ELSE upper(lpad(who::text, 32, '0')) END::uuid AS "uuid",
       CASE who % 400 WHEN 0 THEN repeat('long ', 300) || who WHEN 1 THEN ''
                      ELSE 'number ' || who END AS "text",
       ('number ' || who)::varchar(20) AS "varchar",
       ('number ' || who)::char(20) AS "char(n)",
       (CASE way WHEN 0 THEN 'Älter ' ELSE 'äLTER ' END || who) COLLATE ignore_case
         AS "text ignoring case",
       date '2000-01-01' + who AS "date",
       round(who - 2000::numeric, way) AS "numeric",
       CASE who WHEN 0 THEN (way - 1) * 0::float8 WHEN 1 THEN 'NaN'
                ELSE 1 / who::float8 END AS "float8",
       ROW(CASE WHEN who > 1 THEN 'shop ' || who % 3 END,
           CASE WHEN who > 0 THEN who END)::shop_customer AS "composite",
       (who + 1)::customer_number AS "domain",
       at::timestamptz AS at_timestamptz, at AS at_timestamp, at::date AS at_date
  FROM (SELECT n, pick(n, 1, 2) AS way,
               CASE pick(n, 2, 50) WHEN 0 THEN NULL ELSE pick(n, 3, 4000) END AS who,
               CASE pick(n, 4, 50) WHEN 0 THEN NULL WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity'
                 ELSE timestamp '2023-06-01' + pick(n, 5, 500) * interval '1 day'
                      + pick(n, 6, 86400) * interval '1 second' END AS at
          FROM generate_series(1, 20000) AS n) n
 ORDER BY n;
ANALYZE orders;

-- Every kind of key: without groups with every time type, and with groups, hashed and sorted.
DO $$
DECLARE
  kind text;
  t text;
BEGIN
  FOR kind IN SELECT attname FROM pg_attribute
               WHERE attrelid = 'orders'::regclass AND attnum BETWEEN 6 AND 18 ORDER BY attname LOOP
    FOREACH t IN ARRAY '{timestamptz,timestamp,date}'::text[] LOOP
      CALL ask('keys', kind, 'orders', quote_ident(kind), t, 'at_' || t, NULL,
               '^Finalize Aggregate > Gather > '
               '(Partial Aggregate > Parallel Seq Scan|Parallel Custom Scan)$');
    END LOOP;
    CALL ask('groups, scanned', kind, 'orders', quote_ident(kind), 'timestamptz',
             'at_timestamptz', 'fifty',
             '^Finalize HashAggregate > Gather > '
             '(Partial HashAggregate > Parallel Seq Scan|Parallel Custom Scan)$');
    SET winback.enable_scan = off;
    SET enable_sort = off;
    CALL ask('groups, hashed', kind, 'orders', quote_ident(kind), 'timestamptz', 'at_timestamptz',
             'fifty',
             '^Finalize HashAggregate > Gather > Partial HashAggregate > Parallel Seq Scan$');
    SET enable_sort = on;
    RESET winback.enable_scan;
    SET enable_hashagg = off;
    CALL ask('groups, sorted', kind, 'orders', quote_ident(kind), 'timestamptz', 'at_timestamptz',
             'fifty',
             '^Finalize GroupAggregate > Gather Merge > '
             'Partial GroupAggregate > Parallel Seq Scan$');
    SET enable_hashagg = on;
  END LOOP;
END $$;
SELECT kind, count(*) FILTER (WHERE theme = 'keys') AS "without groups",
       count(*) FILTER (WHERE theme <> 'keys') AS "of groups",
       count(*) FILTER (WHERE between_0_and_1) AS between_0_and_1,
       count(*) FILTER (WHERE differs) AS differ
  FROM compared GROUP BY kind ORDER BY kind;

-- Any number of workers, with and without the leader, gives the same answer.
DO $$
DECLARE
  kind text;
  workers int;
  leader bool;
BEGIN
  FOREACH kind IN ARRAY '{int8,text,text ignoring case,composite}'::text[] LOOP
    FOR workers IN 2..4 LOOP
      FOREACH leader IN ARRAY '{t,f}'::bool[] LOOP
        EXECUTE format('ALTER TABLE orders SET (parallel_workers = %s)', workers);
        CALL ask('workers', kind, 'orders', quote_ident(kind), 'timestamp', 'at_timestamp', NULL,
                 '^Finalize Aggregate > Gather > '
                 '(Partial Aggregate > Parallel Seq Scan|Parallel Custom Scan)$',
                 workers => workers, leader => leader);
      END LOOP;
    END LOOP;
  END LOOP;
END $$;
SELECT workers, leader, count(*) AS answers,
       count(*) FILTER (WHERE between_0_and_1) AS between_0_and_1,
       count(*) FILTER (WHERE differs) AS differ
  FROM compared WHERE theme = 'workers' GROUP BY workers, leader ORDER BY workers, leader;

-- The plans above start workers: at least one of the two takes part.
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
CREATE FUNCTION workers_launched(query text) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) ' || query INTO plan;
  RETURN plan -> 0 -> 'Plan' -> 'Plans' -> 0 ->> 'Workers Launched';
END $$;
SELECT workers_launched($$SELECT reactivation_rate("int8", at_date, '[2024-06-15,2024-08-01)',
                                                   '30 days')
                            FROM orders$$) > 0 AS in_parallel;

-- FILTER keeps some rows of each group, no row of some groups, or no row at all.
CALL ask('filter, some rows', 'int4', 'orders', '"int4"', 'date', 'at_date', NULL,
         '^Finalize Aggregate > Gather > (Partial Aggregate|Parallel Custom Scan)',
         filter => 'n % 7 > 2');
CALL ask('filter, some groups', 'int4', 'orders', '"int4"', 'date', 'at_date', 'fifty',
         '^Finalize HashAggregate > Gather > (Partial HashAggregate|Parallel Custom Scan)',
         filter => 'fifty > 10');
CALL ask('filter, no rows', 'int4', 'orders', '"int4"', 'date', 'at_date', NULL,
         '^Finalize Aggregate > Gather > (Partial Aggregate|Parallel Custom Scan)',
         filter => 'n < 0');

-- Aggregates of PostgreSQL beside those of winback, whose states are sent in several portions.
SELECT $$ROW(reactivation_rate("text", at_date, '[2024-06-15,2024-08-01)', '30 days'),
             count(*), count("int2"), count(*) FILTER (WHERE n % 7 > 2), min("int2"), max("int4"),
             min("int8"), max(at_date), min(at_timestamp), max(at_timestamptz), sum("int2"),
             sum(n), max(n) FILTER (WHERE n < 0))::text$$ AS beside \gset
SELECT 'SELECT ' || :'beside' || ' FROM orders' AS whole,
       'SELECT fifty, ' || :'beside' || ' FROM orders GROUP BY fifty' AS groups \gset
CALL keep('beside', :'whole', '^Finalize Aggregate > Gather > ');
CALL keep('beside_groups', :'groups', '^Finalize .*Gather');
SELECT * FROM beside;
SELECT nodes(:'whole') ~ 'Parallel Custom Scan' AS whole,
       nodes(:'groups') ~ 'Parallel Custom Scan' AS groups;

-- 2,000 groups of 10 rows side by side, most of which lie in the part of one worker, and 2,000
-- groups spread over the table.
SET enable_sort = off;
SET cpu_operator_cost = 0.1;
SET parallel_tuple_cost = 0;
-- each process reads all rows, and returns the rates of its part of the groups
\set divided '^Gather > Parallel Custom Scan$|^(Finalize )?HashAggregate > Gather'
SELECT nodes($$SELECT reactivation_rate(regular, at_date, '[2024-06-15,2024-08-01)', '30 days')
                FROM orders GROUP BY spread$$);
CALL ask('2,000 groups side by side, divided', 'int4', 'orders', 'regular', 'date', 'at_date',
         'side_by_side', :'divided');
CALL ask('2,000 groups spread, divided', 'text', 'orders', 'regular::text', 'timestamptz',
         'at_timestamptz', 'spread', :'divided', workers => 4);
CALL ask('2,000 groups spread, divided', 'int4', 'orders', 'regular', 'date', 'at_date',
         'spread', :'divided', leader => true);
SET work_mem = '64kB';
CALL ask('2,000 groups spread, divided, little memory', 'int4', 'orders', 'regular', 'date',
         'at_date', 'spread', :'divided');
SET work_mem = '64MB';
-- each process reads some of the rows, and returns states: few groups are expected
ALTER TABLE orders ALTER side_by_side SET (n_distinct = 20), ALTER spread SET (n_distinct = 20);
ANALYZE orders;
CALL ask('2,000 groups side by side, scanned', 'int4', 'orders', 'regular', 'date', 'at_date',
         'side_by_side',
         '^Finalize HashAggregate > Gather > (Partial HashAggregate|Parallel Custom Scan)');
CALL ask('2,000 groups spread, scanned', 'int4', 'orders', 'regular', 'date', 'at_date', 'spread',
         '^Finalize HashAggregate > Gather > (Partial HashAggregate|Parallel Custom Scan)');
-- with this memory a process returns its groups many times
SET work_mem = '64kB';
SELECT nodes($$SELECT reactivation_rate(regular, at_date, '[2024-06-15,2024-08-01)', '30 days')
                FROM orders GROUP BY spread$$);
CALL ask('2,000 groups spread, little memory', 'int4', 'orders', 'regular', 'date', 'at_date',
         'spread',
         '^Finalize HashAggregate > Gather > (Partial HashAggregate|Parallel Custom Scan)');
ALTER TABLE orders ALTER side_by_side RESET (n_distinct), ALTER spread RESET (n_distinct);
ANALYZE orders;
SET work_mem = '64MB';
-- one of PostgreSQL's own partial paths, of the groups of whole partitions, is cheaper than ours
CREATE TABLE by_group (LIKE orders) PARTITION BY HASH (spread);
CREATE TABLE by_group_0 PARTITION OF by_group FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE by_group_1 PARTITION OF by_group FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO by_group SELECT * FROM orders;
CREATE INDEX ON by_group (spread);
ANALYZE by_group;
SET enable_partitionwise_aggregate = on;
SET enable_seqscan = off;
SET enable_hashagg = off;
SET cpu_operator_cost = 1;
CALL ask('2,000 groups in two partitions', 'int4', 'by_group', 'regular', 'date', 'at_date',
         'spread', '^Gather > Parallel Append > GroupAggregate');
RESET enable_partitionwise_aggregate;
RESET enable_seqscan;
RESET enable_hashagg;
RESET parallel_tuple_cost;
SET winback.enable_scan = off;
CALL ask('2,000 groups side by side, hashed', 'int4', 'orders', 'regular', 'date', 'at_date',
         'side_by_side',
         '^Finalize HashAggregate > Gather > Partial HashAggregate');
CALL ask('2,000 groups spread, hashed', 'int4', 'orders', 'regular', 'date', 'at_date', 'spread',
         '^Finalize HashAggregate > Gather > Partial HashAggregate');
CALL ask('2,000 groups spread, hashed', 'text', 'orders', 'regular::text', 'timestamptz',
         'at_timestamptz', 'spread',
         '^Finalize HashAggregate > Gather > Partial HashAggregate',
         workers => 4, leader => true);
RESET winback.enable_scan;
SET enable_sort = on;
SET enable_hashagg = off;
CALL ask('2,000 groups side by side, sorted', 'int4', 'orders', 'regular', 'date', 'at_date',
         'side_by_side',
         '^Finalize GroupAggregate > Gather Merge > Partial GroupAggregate');
CALL ask('2,000 groups spread, sorted', 'text ignoring case', 'orders',
         '(CASE n % 4 WHEN 0 THEN ''a'' ELSE ''A'' END || regular) COLLATE ignore_case',
         'date', 'at_date', 'spread',
         '^Finalize GroupAggregate > Gather Merge > Partial GroupAggregate');
SET enable_hashagg = on;

-- Some workers get no purchase: the table has fewer rows than workers, no rows, only rows with
-- a NULL, or half of its rows with a NULL.
CREATE TABLE few (customer int, day date) WITH (parallel_workers = 4);
INSERT INTO few VALUES (1, '2024-01-01'), (1, '2024-07-01'), (2, '2024-01-01');
CREATE TABLE none (LIKE few) WITH (parallel_workers = 4);
CREATE TABLE nulls (LIKE few) WITH (parallel_workers = 4);
INSERT INTO nulls SELECT CASE n % 2 WHEN 0 THEN n END, CASE n % 2 WHEN 1 THEN date '2024-01-01' END
  FROM generate_series(1, 5000) AS n;
CREATE TABLE half (LIKE few) WITH (parallel_workers = 4);
INSERT INTO half SELECT CASE WHEN n > 5000 THEN n % 500 END, date '2024-01-01' + pick(n, 7, 200)
  FROM generate_series(1, 10000) AS n;
DO $$
DECLARE
  source text;
BEGIN
  FOREACH source IN ARRAY '{few,none,nulls,half}'::text[] LOOP
    CALL ask('idle workers, table "' || source || '"', 'int4', source, 'customer', 'date', 'day',
             NULL,
             '^Finalize Aggregate > Gather > '
             '(Partial Aggregate > Parallel Seq Scan|Parallel Custom Scan)$', workers => 4);
    CALL ask('idle workers, table "' || source || '"', 'text', source, 'customer::text',
             'timestamp', 'day::timestamp', NULL,
             '^Finalize Aggregate > Gather > '
             '(Partial Aggregate > Parallel Seq Scan|Parallel Custom Scan)$',
             workers => 4, leader => true);
  END LOOP;
END $$;

-- Large states: each worker has 200,000 customers, which are either the same in all workers or
-- different ones in each.  On a slow server (scripts/checked) there are fewer.
\set customers 200000
\getenv fewer WINBACK_CASES
\if :{?fewer}
  \set customers 20000
\endif
CREATE TABLE overlapping AS
SELECT n * 7919::int8 % :customers AS customer, date '2024-01-01' + pick(n, 8, 250) AS day
  FROM generate_series(1, 2 * :customers) AS n;
CREATE TABLE disjoint AS
SELECT n::int8 AS customer, day
  FROM generate_series(1, 2 * :customers) AS n,
       LATERAL (SELECT date '2024-01-01' + pick(n, 9, 166) AS day
                UNION ALL SELECT date '2024-06-15' + pick(n, 10, 100) WHERE n % 3 = 0) d;
ANALYZE overlapping, disjoint;
CALL ask('200,000 customers overlapping', 'int8', 'overlapping', 'customer', 'date', 'day', NULL,
         '^Finalize Aggregate > Gather > (Partial Aggregate|Parallel Custom Scan)');
CALL ask('200,000 customers overlapping', 'text', 'overlapping', '(''number '' || customer)',
         'timestamp', 'day::timestamp', NULL,
         '^Finalize Aggregate > Gather > (Partial Aggregate|Parallel Custom Scan)', leader => true);
CALL ask('200,000 customers disjoint', 'int8', 'disjoint', 'customer', 'date', 'day', NULL,
         '^Finalize Aggregate > Gather > (Partial Aggregate|Parallel Custom Scan)');
CALL ask('200,000 customers disjoint', 'text', 'disjoint', '(''number '' || customer)', 'date',
         'day', NULL,
         '^Finalize Aggregate > Gather > (Partial Aggregate|Parallel Custom Scan)');
CALL ask('200,000 customers disjoint', 'numeric', 'disjoint', 'customer::numeric', 'date', 'day',
         NULL,
         '^Finalize Aggregate > Gather > (Partial Aggregate|Parallel Custom Scan)');

-- A worker's Winback Scan sends its state to the leader in portions of some kilobytes.  Here the
-- names are longer than a portion, and the rows of one customer do not fit in a portion.
CREATE TABLE long_names (customer text, day date) WITH (parallel_workers = 2);
INSERT INTO long_names
SELECT repeat('name ', 20000 + n % 40) || n % 40, date '2024-01-01' + pick(n, 11, 250)
  FROM generate_series(1, 120) AS n;
CREATE TABLE few_customers (customer int, day date, event lifecycle_event, amount numeric)
  WITH (parallel_workers = 2);
INSERT INTO few_customers
SELECT n % 5 * 1000, date '2024-01-01' + pick(n, 12, 250), event,
       CASE WHEN event IN ('purchase', 'adjustment')
            THEN pick(n, 14, '{NULL,1,2.50,1e-20,12345678901234567890.12}'::numeric[]) END
  FROM generate_series(1, 30000) AS n,
       pick(n, 13, '{purchase,purchase,cancellation,interest,adjustment}'::lifecycle_event[])
         AS event;
ANALYZE long_names, few_customers;
CALL ask('names of 100 kB', 'text', 'long_names', 'customer', 'date', 'day', NULL,
         '^Finalize Aggregate > Gather > (Partial Aggregate|Parallel Custom Scan)');
SELECT $$SELECT lifecycle_series(customer, day, event, amount, '[2024-02-01,2024-08-01)',
                                 '1 month', '10 days', '30 days')::text AS answer
           FROM few_customers$$ AS query \gset
DROP TABLE serial, parallel;
SET max_parallel_workers_per_gather = 0;
CALL keep('serial', :'query');
SET max_parallel_workers_per_gather = 2;
CALL keep('parallel', :'query',
          '^Finalize Aggregate > Gather > (Partial Aggregate|Parallel Custom Scan)');
SELECT (SELECT answer FROM serial) = answer AS same,
       (SELECT sum(revenue_new + revenue_retained + revenue_reactivated + revenue_won_back)
          FROM unnest(answer::lifecycle_counts[])) AS revenue
  FROM parallel;

-- The partitions of a table are aggregated each on its own, in parallel and in one process.
CREATE TABLE parted (n int, customer int8, day date) PARTITION BY RANGE (n);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (5000);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (5000) TO (15000);
CREATE TABLE parted_3 PARTITION OF parted FOR VALUES FROM (15000) TO (20001);
INSERT INTO parted SELECT n, "int8", at_date FROM orders;
ANALYZE parted;
-- a Winback Scan would read all partitions into one state
SET winback.enable_scan = off;
SET enable_partitionwise_aggregate = on;
CALL ask('partitions', 'int8', 'parted', 'customer', 'date', 'day', NULL,
         '^Finalize Aggregate.*Partial Aggregate');
CALL ask('partitions, one process', 'int8', 'parted', 'customer', 'date', 'day', NULL,
         '^Finalize Aggregate > Append( > Partial Aggregate > Seq Scan){3}$', workers => 0);
SET enable_partitionwise_aggregate = off;
RESET winback.enable_scan;

-- No answer differs in the other themes, and where there are rows, some rates lie between 0 and 1.
SELECT theme, count(DISTINCT kind) AS kinds, count(*) AS answers,
       count(*) FILTER (WHERE between_0_and_1) AS between_0_and_1,
       count(*) FILTER (WHERE differs) AS differ
  FROM compared WHERE theme NOT IN ('keys', 'workers') GROUP BY theme ORDER BY theme COLLATE "C";

-- The first answers that differ: none.
SELECT * FROM compared WHERE differs
 ORDER BY theme COLLATE "C", kind, time, workers, leader, grp, rate LIMIT 10;

-- Parameters that differ between rows are an error in a parallel plan too, whichever worker
-- reads the rows.
SET max_parallel_workers_per_gather = 2;
\set VERBOSITY sqlstate
SELECT nodes($$SELECT reactivation_rate("int4", at_date, CASE WHEN n > 10000
                        THEN daterange('2024-06-15', '2024-08-01')
                        ELSE daterange('2024-06-15', '2024-09-01') END, '30 days')
                 FROM orders$$);
SELECT reactivation_rate("int4", at_date, CASE WHEN n > 10000
         THEN daterange('2024-06-15', '2024-08-01')
         ELSE daterange('2024-06-15', '2024-09-01') END, '30 days')
  FROM orders;
SELECT winback_rate("text", at_date, '[2024-06-15,2024-08-01)',
         CASE WHEN n > 10000 THEN interval '30 days' ELSE interval '31 days' END)
  FROM orders;
\set VERBOSITY default

DROP SCHEMA parallel_plans CASCADE;
