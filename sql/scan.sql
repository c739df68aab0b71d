--
-- scan.sql
--
-- Proves what a Winback Scan is for, and that it is neither used for what it
-- cannot do nor gives another answer where it is used: of each query the plan,
-- and the answers with and without it.  Every other test runs with it and, by
-- make test, a second time without.
--
SET client_min_messages = warning;
SET jit = off;
SET TimeZone = 'UTC';
SET max_parallel_workers_per_gather = 0;
SET winback.enable_scan = on;
CREATE SCHEMA scan;
SET search_path = scan, public;

CREATE TABLE orders (
  dropped text, customer_id int8, padding text, ordered_at timestamptz, event lifecycle_event, amount numeric, region int);
INSERT INTO orders
SELECT 'gone', nullif(n * n % 4999, 0), repeat('-', n % 50), timestamptz '2023-01-01' + n * 7919 % 10007 * interval '65 minutes',
       (ARRAY['purchase', 'purchase', 'cancellation', 'interest', NULL]::lifecycle_event[])[1 + n % 5], n % 90, n % 4
  FROM generate_series(1, 10000) AS n;
ALTER TABLE orders DROP COLUMN dropped;
-- a column that no row has on disk: the rows so far have the default
ALTER TABLE orders ADD COLUMN shop text DEFAULT 'first';
INSERT INTO orders (customer_id, ordered_at, event, amount, region, shop)
SELECT n * 13 % 4999, timestamptz '2024-03-01' + n * interval '1 minute', 'purchase', n, n % 4, CASE WHEN n % 2 = 0 THEN 'second' END
  FROM generate_series(1, 2000) AS n;
DELETE FROM orders WHERE customer_id % 50 = 7;
UPDATE orders SET amount = amount + 1 WHERE customer_id % 50 = 9;
ANALYZE orders;

-- Is a Winback Scan used, and do both plans give the same?
CREATE FUNCTION asked(query text, OUT scan bool, OUT same bool, OUT answer text)
LANGUAGE plpgsql AS $$
DECLARE
  line text;
  without text;
BEGIN
  scan := false;
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    scan := scan OR line LIKE '%Custom Scan (Winback Scan)%';
  END LOOP;
  EXECUTE 'SELECT string_agg(q::text, '' '') FROM (' || query || ') q' INTO answer;
  SET LOCAL winback.enable_scan = off;
  EXECUTE 'SELECT string_agg(q::text, '' '') FROM (' || query || ') q' INTO without;
  SET LOCAL winback.enable_scan = on;
  same := answer IS NOT DISTINCT FROM without;
  -- of a long answer its length will do
  IF length(answer) > 100 THEN answer := length(answer) || ' characters'; END IF;
END $$;

CREATE TABLE asks (no serial, what text, served bool, query text);
\set rate 'reactivation_rate(customer_id, ordered_at, ''[2024-01-01,2024-04-01)'', ''90 days'')'
INSERT INTO asks (served, what, query)
SELECT served, what, replace(query, 'RATE', $$reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')$$)
  FROM (VALUES
-- what it does
(true, 'a rate', 'SELECT RATE FROM orders'),
(true, 'several aggregates, two of them with one state, within expressions', $$
  SELECT round(RATE::numeric, 3), reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days') AS tally,
         winback_rate(customer_id, ordered_at, event, '[2024-01-01,2024-04-01)', '90 days') + 1 AS winback FROM orders$$),
(true, 'counts and a series, with amounts', $$
  SELECT lifecycle_counts(customer_id, ordered_at, event, amount, '[2024-01-01,2024-04-01)', '30 days', '90 days'),
         lifecycle_series(customer_id, ordered_at, amount, '[2023-06-01,2024-04-01)', '1 month', '30 days', '90 days') FROM orders$$),
(true, 'WHERE', $$SELECT RATE FROM orders WHERE region <> 2 AND amount > 10$$),
(true, 'FILTER, of one of them', $$SELECT RATE FILTER (WHERE region = 1 OR event = 'purchase'), RATE AS all FROM orders$$),
(true, 'columns with a default that is not on disk', $$
  SELECT reactivation_rate(shop, ordered_at, '[2024-01-01,2024-04-01)', '1 minute') FROM orders WHERE shop <> 'x' OR shop IS NULL$$),
(true, 'no rows', 'SELECT RATE FROM orders WHERE region > 100'),
(true, 'a period that is an expression', $$
  SELECT reactivation_rate(customer_id, ordered_at, tstzrange('2024-01-01', '2024-03-01'::timestamptz + interval '1 month'), '90 days') FROM orders$$),
(true, 'a period from a subquery', $$
  SELECT reactivation_rate(customer_id, ordered_at, (SELECT tstzrange('2024-01-01', '2024-04-01')), '90 days') FROM orders$$),
(true, 'a correlated subquery, scanned again and again', $$
  SELECT r, (SELECT RATE FROM orders WHERE region = r) FROM generate_series(0, 4) AS r$$),
(true, 'a period from outside', $$
  SELECT d, (SELECT reactivation_rate(customer_id, ordered_at, tstzrange('2024-01-01', '2024-02-01'::timestamptz + d), '90 days') FROM orders)
    FROM (VALUES (interval '-20 days'), ('40 days')) AS v (d)$$),
(true, 'below a window function, ORDER BY and LIMIT', 'SELECT RATE, rank() OVER (ORDER BY RATE) FROM orders ORDER BY 1 LIMIT 1'),
(true, 'UNION ALL of two', 'SELECT RATE FROM orders UNION ALL SELECT RATE FROM orders WHERE region = 1'),
-- what it leaves to others
(false, 'GROUP BY', 'SELECT region, RATE FROM orders GROUP BY region ORDER BY region'),
(false, 'grouping sets', 'SELECT region, RATE FROM orders GROUP BY ROLLUP (region) ORDER BY region'),
(false, 'HAVING', 'SELECT RATE FROM orders HAVING count(*) > 1'),
(false, 'another aggregate beside', 'SELECT RATE, count(*) FROM orders'),
(false, 'ORDER BY inside', $$SELECT reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days' ORDER BY amount) FROM orders$$),
(false, 'DISTINCT', $$SELECT reactivation_rate(DISTINCT customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days') FROM orders$$),
(false, 'an argument that is computed for each row', $$
  SELECT reactivation_rate(customer_id + 1, ordered_at, '[2024-01-01,2024-04-01)', '90 days') FROM orders$$),
(false, 'a volatile argument', $$
  SELECT reactivation_rate(customer_id, ordered_at, tstzrange('2024-01-01', '2024-04-01'), interval '90 days' + (random() * 0)::int * interval '1 day') FROM orders$$),
(false, 'the row as a whole, or a system column', $$SELECT RATE FROM orders WHERE orders IS NOT NULL AND ctid IS NOT NULL$$),
(false, 'a subquery in WHERE', 'SELECT RATE FROM orders WHERE region = (SELECT 1) OR region IN (SELECT 2)'),
(false, 'a join', 'SELECT RATE FROM orders JOIN generate_series(0, 2) AS r ON r = region'),
(false, 'TABLESAMPLE', 'SELECT RATE FROM orders TABLESAMPLE BERNOULLI (50) REPEATABLE (1)'),
(false, 'as a window function', 'SELECT DISTINCT RATE OVER () FROM orders')
  ) AS v (served, what, query);
SELECT what, a.scan, a.scan = served AS expected, a.same, a.answer FROM asks, asked(query) AS a ORDER BY no;

-- Kinds of tables.
CREATE VIEW a_view AS SELECT customer_id AS c, ordered_at AS t, region FROM orders WHERE region <> 3;
CREATE VIEW a_barrier WITH (security_barrier) AS SELECT customer_id AS c, ordered_at AS t, region FROM orders WHERE region <> 3;
CREATE MATERIALIZED VIEW a_matview AS SELECT customer_id AS c, ordered_at AS t, region FROM orders;
CREATE TEMP TABLE a_temp AS SELECT * FROM a_matview;
CREATE UNLOGGED TABLE an_unlogged AS SELECT * FROM a_matview;
CREATE TABLE a_parent AS SELECT * FROM a_matview;
CREATE TABLE a_child () INHERITS (a_parent);
INSERT INTO a_child SELECT * FROM a_matview;
CREATE TABLE a_partitioned (c int8, t timestamptz, region int) PARTITION BY LIST (region);
CREATE TABLE a_partition PARTITION OF a_partitioned FOR VALUES IN (0, 1);
CREATE TABLE a_rest PARTITION OF a_partitioned DEFAULT;
INSERT INTO a_partitioned SELECT * FROM a_matview;
CREATE ACCESS METHOD another_heap TYPE TABLE HANDLER heap_tableam_handler;
CREATE TABLE another USING another_heap AS SELECT * FROM a_matview;
CREATE TABLE generated (c int8, t timestamptz, region int GENERATED ALWAYS AS (c % 4) STORED);
INSERT INTO generated SELECT c, t FROM a_matview;
CREATE TABLE toasted (c text, t timestamptz, region int);
ALTER TABLE toasted ALTER c SET STORAGE EXTERNAL;
INSERT INTO toasted SELECT repeat('customer ' || c % 300, 300), t, region FROM a_matview WHERE c % 10 = 0;
CREATE TABLE empty (c int8, t timestamptz, region int);
SELECT name, a.scan, a.same, a.answer
  FROM unnest('{a_view,a_barrier,a_matview,a_temp,an_unlogged,a_parent,a_child,ONLY a_parent,a_partitioned,a_partition,another,generated,toasted,empty}'::text[])
       WITH ORDINALITY AS n (name, no),
       asked(format('SELECT reactivation_tally(c, t, ''[2024-01-01,2024-04-01)'', ''90 days''), reactivation_rate(c, t, ''[2024-01-01,)'', ''1 month'') FROM %s WHERE region < 3', name)) AS a
 ORDER BY no;

-- Privileges are asked for, and rows that a policy hides stay hidden, whatever the plan.
CREATE ROLE winback_scan_reader;
GRANT USAGE ON SCHEMA scan TO winback_scan_reader;
GRANT EXECUTE ON FUNCTION asked TO winback_scan_reader;
SET ROLE winback_scan_reader;
SELECT :rate FROM orders;
RESET ROLE;
GRANT SELECT (customer_id, ordered_at) ON orders TO winback_scan_reader;
SET ROLE winback_scan_reader;
SELECT a.* FROM asked($$SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days') FROM orders$$) AS a;
SELECT :rate FROM orders WHERE region = 1;
RESET ROLE;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY first_half ON orders USING (customer_id < 500);
SET ROLE winback_scan_reader;
SELECT a.* FROM asked($$SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days') FROM orders$$) AS a;
RESET ROLE;
ALTER TABLE orders DISABLE ROW LEVEL SECURITY;

-- Own changes are seen, those after the cursor was opened are not, and one can go back in it.
BEGIN;
DECLARE answers SCROLL CURSOR FOR SELECT :rate AS rate FROM orders;
DELETE FROM orders WHERE region = 1;
FETCH answers;
FETCH answers;
FETCH PRIOR FROM answers;
SELECT a.* FROM asked($$SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days') FROM orders$$) AS a;
ROLLBACK;

-- A prepared statement under both kinds of plan, and after the table has changed.
PREPARE prepared(tstzrange, interval) AS SELECT reactivation_tally(customer_id, ordered_at, $1, $2) FROM orders;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE prepared('[2024-01-01,2024-04-01)', '90 days');
EXECUTE prepared('[2024-01-01,2024-04-01)', '90 days');
EXECUTE prepared('[2024-01-01,2024-03-01)', '30 days');
ALTER TABLE orders DROP COLUMN padding, ADD COLUMN later int DEFAULT 1;
EXECUTE prepared('[2024-01-01,2024-03-01)', '30 days');
RESET plan_cache_mode;
-- Mistakes are the same errors; the next query is right.
\set VERBOSITY sqlstate
EXECUTE prepared('[,2024-03-01)', '30 days');
EXECUTE prepared(NULL, '30 days');
EXECUTE prepared('[2024-01-01,2024-03-01)', '-30 days');
SELECT reactivation_rate(region, ordered_at, tstzrange('2024-01-01', '2024-04-01'), '90 days') FROM orders WHERE 1 / (region - 2) < 2;
\set VERBOSITY default
EXECUTE prepared('[2024-01-01,2024-03-01)', '30 days');
DEALLOCATE prepared;

-- A statement that waits for another's update would evaluate its plan again for one row (EvalPlanQual);
-- here it only has to run: an aggregate below FOR UPDATE.
SELECT o.rate FROM (SELECT :rate AS rate FROM orders) o, (SELECT region FROM orders WHERE region = 1 LIMIT 1 FOR UPDATE) r WHERE o.rate > 0;
UPDATE orders SET later = 2 WHERE region = 1 AND later < (SELECT reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days') + 1 FROM orders);
SELECT count(*) > 0 AS updated FROM orders WHERE later = 2;

-- In parallel; and what EXPLAIN shows.
CREATE FUNCTION explained(query text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE query LOOP
    -- numbers that depend on the machine
    CONTINUE WHEN line ~ 'Planning|Execution|Workers Launched|Buffers|Query Identifier|Disabled|Storage|Worker [0-9]';
    RETURN NEXT regexp_replace(regexp_replace(line, '(Memory: )\d+', '\1...'), '(actual rows=\d+)\.00', '\1');
  END LOOP;
END $$;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT * FROM explained('EXPLAIN (COSTS OFF) SELECT ' || quote_literal('x') || ', ' || $$reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days') FROM orders WHERE region > 0$$);
SELECT a.* FROM asked($$SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days') FROM orders WHERE region > 0$$) AS a;
SET max_parallel_workers_per_gather = 0;
SELECT * FROM explained($$EXPLAIN (ANALYZE, VERBOSE, COSTS OFF, TIMING OFF, BUFFERS OFF)
  SELECT reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days') FILTER (WHERE amount > 5) FROM orders WHERE region > 0$$);
CREATE FUNCTION explained_json(query text) RETURNS json
LANGUAGE plpgsql AS $$
DECLARE
  explained json;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, VERBOSE, FORMAT JSON) ' || query INTO explained;
  RETURN explained;
END $$;
SELECT json -> 0 -> 'Plan' ->> 'Custom Plan Provider' AS provider, json -> 0 -> 'Plan' -> 'Columns' AS columns,
       json -> 0 -> 'Plan' -> 'Rows Scanned' AS rows, json -> 0 -> 'Plan' -> 'Customers' AS customers,
       (json -> 0 -> 'Plan' ->> 'Memory')::int > 0 AS memory
  FROM explained_json($$SELECT reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days') FROM orders$$) AS json;

-- Switched off it is not used; and nobody may invent settings of winback's.
SET winback.enable_scan = off;
EXPLAIN (COSTS OFF) SELECT :rate FROM orders;
SET winback.enable_scna = off;
RESET winback.enable_scan;

RESET ROLE;
DROP OWNED BY winback_scan_reader;
DROP ROLE winback_scan_reader;
DROP ACCESS METHOD another_heap CASCADE;
DROP SCHEMA scan CASCADE;
