--
-- scan.sql
--
-- Proves which queries a Winback Scan serves and which it leaves to PostgreSQL,
-- and that the answers are the same with and without it: each query is planned
-- and run both ways.  Every other test runs with the scan and, in make test, a
-- second time without it.
--
SET client_min_messages = warning;
SET jit = off;
SET TimeZone = 'UTC';
SET max_parallel_workers_per_gather = 0;
SET winback.enable_scan = on;
-- some thresholds are a minute, which is a warning
SET client_min_messages = error;
CREATE SCHEMA scan;
SET search_path = scan, public;

CREATE TABLE orders (
  dropped text, customer_id int8, padding text, ordered_at timestamptz, event lifecycle_event,
  amount numeric, region int);
INSERT INTO orders
SELECT 'gone', nullif(n * n % 4999, 0), repeat('-', n % 50),
       timestamptz '2023-01-01' + n * 7919 % 10007 * interval '65 minutes',
       (ARRAY['purchase', 'purchase', 'cancellation', 'interest', NULL]::lifecycle_event[])
         [1 + n % 5],
       n % 90, n % 4
  FROM generate_series(1, 10000) AS n;
ALTER TABLE orders DROP COLUMN dropped;
-- the rows above do not have this column on disk: they have the default
ALTER TABLE orders ADD COLUMN shop text DEFAULT 'first';
INSERT INTO orders (customer_id, ordered_at, event, amount, region, shop)
SELECT n * 13 % 4999, timestamptz '2024-03-01' + n * interval '1 minute', 'purchase', n, n % 4,
       CASE WHEN n % 2 = 0 THEN 'second' END
  FROM generate_series(1, 2000) AS n;
DELETE FROM orders WHERE customer_id % 50 = 7;
UPDATE orders SET amount = amount + 1 WHERE customer_id % 50 = 9;
ANALYZE orders;

\getenv abs_srcdir PG_ABS_SRCDIR
\set compare :abs_srcdir '/sql/include/compare.sql'
\i :compare

CREATE TABLE shapes (no serial, shape text, served bool, query text);
\set rate 'reactivation_rate(customer_id, ordered_at, ''[2024-01-01,2024-04-01)'', ''90 days'')'
INSERT INTO shapes (served, shape, query)
SELECT served, shape,
       replace(query, 'RATE', $$reactivation_rate(customer_id, ordered_at,
                                '[2024-01-01,2024-04-01)', '90 days')$$)
  FROM (VALUES
-- the scan serves these
(true, 'a rate', 'SELECT RATE FROM orders'),
(true, 'several aggregates in expressions, two of them with one state', $$
  SELECT round(RATE::numeric, 3),
         reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days') AS tally,
         winback_rate(customer_id, ordered_at, event, '[2024-01-01,2024-04-01)', '90 days') + 1
           AS winback
    FROM orders$$),
(true, 'counts and a series, with amounts', $$
  SELECT lifecycle_counts(customer_id, ordered_at, event, amount, '[2024-01-01,2024-04-01)',
                          '30 days', '90 days') FILTER (WHERE event = 'purchase'),
         lifecycle_series(customer_id, ordered_at, amount, '[2023-06-01,2024-04-01)', '1 month',
                          '30 days', '90 days')
    FROM orders$$),
(true, 'with lost_after', $$
  SELECT reactivation_tally_lost_after(customer_id, ordered_at, event, '[2024-01-01,2024-04-01)',
                                       '30 days', '90 days'),
         winback_tally_lost_after(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '30 days',
                                  '90 days'),
         (lifecycle_counts_lost_after(customer_id, ordered_at, '[2024-01-01,2024-04-01)',
                                      '30 days', '60 days', '90 days')).lost_start,
         md5(lifecycle_series_lost_after(customer_id, ordered_at, event, '[2023-06-01,2024-04-01)',
                                         '1 month', '30 days', '60 days', '90 days')::text)
    FROM orders$$),
(true, 'WHERE', $$SELECT RATE FROM orders WHERE region <> 2 AND amount > 10$$),
(true, 'FILTER of one aggregate', $$
  SELECT RATE FILTER (WHERE region = 1 OR event = 'purchase'), RATE AS all FROM orders$$),
(true, 'columns with a default that is not on disk', $$
  SELECT reactivation_rate(shop, ordered_at, '[2024-01-01,2024-04-01)', '1 minute')
    FROM orders WHERE shop <> 'x' OR shop IS NULL$$),
(true, 'no rows', 'SELECT RATE FROM orders WHERE region > 100'),
(true, 'a period that is an expression', $$
  SELECT reactivation_rate(customer_id, ordered_at,
                           tstzrange('2024-01-01', '2024-03-01'::timestamptz + interval '1 month'),
                           '90 days') FROM orders$$),
(true, 'a period from a subquery', $$
  SELECT reactivation_rate(customer_id, ordered_at,
                           (SELECT tstzrange('2024-01-01', '2024-04-01')), '90 days')
    FROM orders$$),
(true, 'a correlated subquery, scanned several times', $$
  SELECT r, (SELECT RATE FROM orders WHERE region = r) FROM generate_series(0, 4) AS r$$),
(true, 'a period from the outer query', $$
  SELECT d, (SELECT reactivation_rate(customer_id, ordered_at,
                                      tstzrange('2024-01-01', '2024-02-01'::timestamptz + d),
                                      '90 days') FROM orders)
    FROM (VALUES (interval '-20 days'), ('40 days')) AS v (d)$$),
(true, 'an invalid period, but no row that it is used for', $$
  SELECT (SELECT reactivation_tally(customer_id, ordered_at,
                                    tstzrange('2024-01-02',
                                              '2024-01-02'::timestamptz - i * interval '1 day'),
                                    '90 days')
            FROM orders WHERE region > 100) AS none,
         (SELECT reactivation_tally(customer_id, ordered_at,
                                    tstzrange('2024-01-02',
                                              '2024-01-02'::timestamptz - i * interval '1 day'),
                                    '90 days') FILTER (WHERE region > 100)
            FROM orders) AS filtered
    FROM generate_series(1, 2) AS i$$),
(true, 'below a window function, ORDER BY and LIMIT', $$
  SELECT RATE, rank() OVER (ORDER BY RATE) FROM orders ORDER BY 1 LIMIT 1$$),
(true, 'UNION ALL of two', $$
  SELECT RATE FROM orders UNION ALL SELECT RATE FROM orders WHERE region = 1$$),
(true, 'GROUP BY', 'SELECT region, RATE FROM orders GROUP BY region ORDER BY region'),
(true, 'GROUP BY several keys, with a domain, text and numbers of several spellings', $$
  SELECT region, lower(name), price, RATE
    FROM (SELECT *, CASE WHEN amount < 20 THEN 'Cheap' WHEN amount < 60 THEN 'CHEAP' END AS name,
                 CASE customer_id % 2 WHEN 0 THEN 1.0 ELSE 1.00 END AS price FROM orders) o
   GROUP BY region, lower(name), price ORDER BY 1, 2, 3$$),
(true, 'GROUP BY an expression, with HAVING', $$
  SELECT date_trunc('day', timestamp '2024-01-01' + customer_id % 9 * interval '9 hours') AS day,
         RATE, max(region) OVER () FROM orders
   GROUP BY 1, region HAVING RATE > 0.3 AND region <> 2 ORDER BY 1, region$$),
(true, 'GROUP BY an expression that WHERE and HAVING contain', $$
  SELECT region % 2 = 0 AS even, RATE FROM orders
   WHERE region % 2 = 0 OR amount > 10 GROUP BY 1 HAVING (region % 2 = 0) IS NOT NULL
   ORDER BY 1$$),
(true, 'GROUP BY, with FILTER, counts and an empty group', $$
  SELECT region, RATE FILTER (WHERE region < 2), RATE FILTER (WHERE amount * 2 > 50),
         lifecycle_counts(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days', NULL)
    FROM orders GROUP BY region ORDER BY region$$),
(true, 'GROUP BY without rows', $$
  SELECT region, RATE FROM orders WHERE length(padding) < 0 GROUP BY region$$),
(true, 'GROUP BY a key that is not in the output', $$
  SELECT count(*), min(r), max(r)
    FROM (SELECT RATE AS r FROM orders GROUP BY customer_id % 100) o$$),
(true, 'GROUP BY in a correlated subquery', $$
  SELECT r, (SELECT max(x) FROM (SELECT RATE AS x FROM orders WHERE region <> r
                                  GROUP BY region, r) o)
    FROM generate_series(0, 4) AS r$$),
(true, 'aggregates of PostgreSQL beside the rate', $$
  SELECT count(*), RATE, sum(amount), avg(amount) FILTER (WHERE region = 1), max(ordered_at),
         count(event), sum(region), round(avg(region), 5) FROM orders$$),
(true, 'aggregates of PostgreSQL by group', $$
  SELECT region, count(*), RATE, sum(amount), min(ordered_at) FILTER (WHERE amount > 10)
    FROM orders WHERE amount > 5 GROUP BY region
  HAVING count(*) > 1 AND sum(amount) IS NOT NULL ORDER BY region$$),
(true, 'aggregates of PostgreSQL without rows', $$
  SELECT count(*), RATE, sum(amount), max(ordered_at) FROM orders WHERE region = 99$$),
(true, 'HAVING of an aggregate of PostgreSQL', 'SELECT RATE FROM orders HAVING count(*) > 1'),
(false, 'an aggregate of PostgreSQL that the scan does not compute', $$
  SELECT RATE, string_agg(region::text, '' ORDER BY n) > '' FROM
    (SELECT *, row_number() OVER () AS n FROM orders) o$$),
(false, 'another aggregate of PostgreSQL', 'SELECT RATE, max(event) FROM orders'),
(true, 'HAVING of an aggregate without GROUP BY', 'SELECT RATE FROM orders HAVING RATE > 2'),
-- the scan leaves these to PostgreSQL
(false, 'GROUP BY and a volatile condition', $$
  SELECT region, RATE FROM orders WHERE random() >= 0 GROUP BY region ORDER BY region$$),
(false, 'grouping sets', $$
  SELECT region, RATE FROM orders GROUP BY ROLLUP (region) ORDER BY region$$),
(false, 'ORDER BY in the aggregate', $$
  SELECT reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days'
                           ORDER BY amount) FROM orders$$),
(false, 'DISTINCT in the aggregate', $$
  SELECT reactivation_rate(DISTINCT customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
    FROM orders$$),
(false, 'an argument that is computed for each row', $$
  SELECT reactivation_rate(customer_id + 1, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
    FROM orders$$),
(false, 'a volatile argument', $$
  SELECT reactivation_rate(customer_id, ordered_at, tstzrange('2024-01-01', '2024-04-01'),
                           interval '90 days' + (random() * 0)::int * interval '1 day')
    FROM orders$$),
(false, 'the whole row, and a system column', $$
  SELECT RATE FROM orders WHERE orders IS NOT NULL AND ctid IS NOT NULL$$),
(false, 'a subquery in WHERE', $$
  SELECT RATE FROM orders WHERE region = (SELECT 1) OR region IN (SELECT 2)$$),
(false, 'a join', 'SELECT RATE FROM orders JOIN generate_series(0, 2) AS r ON r = region'),
(false, 'TABLESAMPLE', $$
  SELECT RATE < 0.5 FROM orders TABLESAMPLE BERNOULLI (50) REPEATABLE (1)$$),
(false, 'as a window function', 'SELECT DISTINCT RATE OVER () FROM orders')
  ) AS v (served, shape, query);
SELECT shape, c.scan, c.scan = served AS expected, c.same, c.answer
  FROM shapes, compare(query) AS c ORDER BY no;

-- Groups that memory cannot hold together: the scan reads the table once for each part of them.
CREATE FUNCTION scan_of(memory text, query text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
BEGIN
  PERFORM set_config('work_mem', memory, true);
  EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) ' || query INTO plan;
  RETURN jsonb_path_query_first(plan, '$.** ? (@."Custom Plan Provider" == "Winback Scan")');
END $$;
CREATE TABLE many_groups AS
SELECT n % 20000 AS g, n % 7 AS customer, date '2023-12-01' + n % 90 AS day
  FROM generate_series(1, 60000) AS n;
ANALYZE many_groups;
SELECT memory, e ->> 'Groups' AS groups, coalesce(e ->> 'Passes', '1')::int > 1 AS several_passes,
       (e ->> 'Memory')::int < limit_kb AS little_memory
  FROM (VALUES ('1MB', 6000), ('64MB', 40000)) AS v (memory, limit_kb),
       scan_of(memory, $$
         SELECT g, reactivation_tally(customer, day, '[2024-01-01,2024-02-01)', '9 days')
           FROM many_groups GROUP BY g$$) AS e;
SET work_mem = '1MB';
SELECT c.scan, c.same FROM compare($$
  SELECT count(*), sum(t), max(g) FROM (
    SELECT g, reactivation_tally(customer, day, '[2024-01-01,2024-02-01)', '9 days') AS t
      FROM many_groups GROUP BY g) s$$) AS c;
RESET work_mem;
DROP TABLE many_groups;

-- Compare the plans over each kind of table.
CREATE VIEW a_view AS
SELECT customer_id AS c, ordered_at AS t, region FROM orders WHERE region <> 3;
CREATE VIEW a_barrier WITH (security_barrier) AS
SELECT customer_id AS c, ordered_at AS t, region FROM orders WHERE region <> 3;
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
INSERT INTO toasted
SELECT repeat('customer ' || c % 300, 300), t, region FROM a_matview WHERE c % 10 = 0;
CREATE TABLE empty (c int8, t timestamptz, region int);
SELECT name, c.scan, c.same, c.answer
  FROM unnest('{a_view,a_barrier,a_matview,a_temp,an_unlogged,a_parent,a_child,ONLY a_parent,
                a_partitioned,a_partition,another,generated,toasted,empty}'::text[])
       WITH ORDINALITY AS n (name, no),
       compare(format($$
         SELECT reactivation_tally(c, t, '[2024-01-01,2024-04-01)', '90 days'),
                reactivation_rate(c, t, '[2024-01-01,)', '1 month')
           FROM %s WHERE region < 3$$, name)) AS c
 ORDER BY no;

-- The transition function is changed after the plan was made.
BEGIN;
PREPARE planned AS SELECT :rate FROM orders;
EXECUTE planned;
ALTER FUNCTION reactivation_trans(internal, anyelement, timestamptz, tstzrange, interval)
  SET work_mem = '64MB';
\set VERBOSITY sqlstate
EXECUTE planned;
\set VERBOSITY default
ROLLBACK;
DEALLOCATE planned;

-- The scan checks privileges and obeys row-level security policies, as other plans do.
-- All databases share the roles, and several databases may be tested at once, so the name of the
-- role contains that of the database.
SELECT current_database() || '_reader' AS reader \gset
CREATE ROLE :"reader";
GRANT USAGE ON SCHEMA scan TO :"reader";
GRANT EXECUTE ON FUNCTION compare TO :"reader";
SET ROLE :"reader";
SELECT :rate FROM orders;
RESET ROLE;
GRANT SELECT (customer_id, ordered_at) ON orders TO :"reader";
SET ROLE :"reader";
SELECT c.* FROM compare($$
  SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
    FROM orders$$) AS c;
SELECT :rate FROM orders WHERE region = 1;
RESET ROLE;
-- the function of an operator in WHERE or FILTER, too
BEGIN;
REVOKE EXECUTE ON FUNCTION int8gt(int8, int8) FROM PUBLIC;
SET LOCAL ROLE :"reader";
SAVEPOINT before;
SELECT :rate FILTER (WHERE customer_id > 7::int8) FROM orders;
ROLLBACK TO before;
SELECT :rate FROM orders WHERE customer_id > 7::int8;
ROLLBACK;
BEGIN;
REVOKE EXECUTE ON FUNCTION reactivation_rate(anyelement, timestamptz, tstzrange, interval)
  FROM PUBLIC;
SET LOCAL ROLE :"reader";
SELECT :rate FROM orders;
ROLLBACK;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY first_half ON orders USING (customer_id < 500);
SET ROLE :"reader";
SELECT c.* FROM compare($$
  SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
    FROM orders$$) AS c;
RESET ROLE;
ALTER TABLE orders DISABLE ROW LEVEL SECURITY;

-- A query sees its transaction's own changes; a cursor does not see those made after it was opened,
-- and can scroll back.
BEGIN;
DECLARE answers SCROLL CURSOR FOR SELECT :rate AS rate FROM orders;
DELETE FROM orders WHERE region = 1;
FETCH answers;
FETCH answers;
FETCH PRIOR FROM answers;
SELECT c.* FROM compare($$
  SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
    FROM orders$$) AS c;
ROLLBACK;

-- A prepared statement has a generic plan, and is executed before and after a change of the table.
PREPARE prepared(tstzrange, interval) AS
SELECT reactivation_tally(customer_id, ordered_at, $1, $2) FROM orders;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE prepared('[2024-01-01,2024-04-01)', '90 days');
EXECUTE prepared('[2024-01-01,2024-04-01)', '90 days');
EXECUTE prepared('[2024-01-01,2024-03-01)', '30 days');
ALTER TABLE orders DROP COLUMN padding, ADD COLUMN later int DEFAULT 1;
EXECUTE prepared('[2024-01-01,2024-03-01)', '30 days');
RESET plan_cache_mode;
-- Mistakes raise the same errors, and the next query is right.
\set VERBOSITY sqlstate
EXECUTE prepared('[,2024-03-01)', '30 days');
EXECUTE prepared(NULL, '30 days');
EXECUTE prepared('[2024-01-01,2024-03-01)', '-30 days');
SELECT reactivation_rate(region, ordered_at, tstzrange('2024-01-01', '2024-04-01'), '90 days')
  FROM orders WHERE 1 / (region - 2) < 2;
\set VERBOSITY default
EXECUTE prepared('[2024-01-01,2024-03-01)', '30 days');
DEALLOCATE prepared;

-- After waiting for another session's update, PostgreSQL evaluates a plan again for one row
-- (EvalPlanQual; specs/scan_recheck tests it).  Here two queries with these plans run without an
-- update to wait for: one has the aggregate beside FOR UPDATE, one in an UPDATE.
SELECT o.rate
  FROM (SELECT :rate AS rate FROM orders) o,
       (SELECT region FROM orders WHERE region = 1 LIMIT 1 FOR UPDATE) r
 WHERE o.rate > 0;
UPDATE orders SET later = 2
 WHERE region = 1 AND later < (SELECT :rate + 1 FROM orders);
SELECT count(*) > 0 AS updated FROM orders WHERE later = 2;

-- EXPLAIN shows a parallel plan, and the numbers that the scan counts.
CREATE FUNCTION explained(query text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE query LOOP
    -- leave out lines and numbers that depend on the machine
    CONTINUE WHEN line ~ 'Planning|Execution|Workers Launched|Buffers|Query Identifier|Disabled';
    CONTINUE WHEN line ~ 'Storage|Worker [0-9]';
    RETURN NEXT regexp_replace(regexp_replace(line, '(Memory: )\d+', '\1...'),
                               '(actual rows=\d+)\.00', '\1');
  END LOOP;
END $$;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT * FROM explained($$EXPLAIN (COSTS OFF)
  SELECT 'x', reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
    FROM orders WHERE region > 0$$);
SELECT c.* FROM compare($$
  SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
    FROM orders WHERE region > 0$$) AS c;
SET max_parallel_workers_per_gather = 0;
SELECT * FROM explained($$EXPLAIN (ANALYZE, VERBOSE, COSTS OFF, TIMING OFF, BUFFERS OFF)
  SELECT reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
           FILTER (WHERE amount > 5)
    FROM orders WHERE region > 0$$);
CREATE FUNCTION explained_json(query text, options text DEFAULT 'ANALYZE, VERBOSE') RETURNS json
LANGUAGE plpgsql AS $$
DECLARE
  explained json;
BEGIN
  EXECUTE format('EXPLAIN (%s, FORMAT JSON) %s', options, query) INTO explained;
  RETURN explained;
END $$;
SELECT json -> 0 -> 'Plan' ->> 'Custom Plan Provider' AS provider,
       json -> 0 -> 'Plan' -> 'Columns' AS columns,
       json -> 0 -> 'Plan' -> 'Rows Scanned' AS rows,
       json -> 0 -> 'Plan' -> 'Customers' AS customers,
       (json -> 0 -> 'Plan' ->> 'Memory')::int > 0 AS memory
  FROM explained_json($$
    SELECT reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
      FROM orders$$) AS json;

-- One scan reads all tables of a partitioned table or an inheritance tree.  The partitions have the
-- columns in another order, dropped columns between them, and columns that some rows do not have on
-- disk; one has partitions itself, one is empty.
SET max_parallel_workers_per_gather = 0;
CREATE TABLE shops (
  customer_id int8, note text, ordered_at timestamptz, event lifecycle_event, region int,
  amount numeric) PARTITION BY LIST (region);
CREATE TABLE shop_0 (
  gone int, amount numeric, dropped text, region int, ordered_at timestamptz, note text,
  customer_id int8, event lifecycle_event);
ALTER TABLE shop_0 DROP COLUMN gone, DROP COLUMN dropped;
ALTER TABLE shops ATTACH PARTITION shop_0 FOR VALUES IN (0);
CREATE TABLE shop_1 PARTITION OF shops FOR VALUES IN (1) USING another_heap;
CREATE TABLE shop_2 PARTITION OF shops FOR VALUES IN (2) PARTITION BY RANGE (ordered_at);
CREATE TABLE shop_2_early PARTITION OF shop_2 FOR VALUES FROM (MINVALUE) TO ('2023-09-01');
CREATE TABLE shop_2_late (
  region int, event lifecycle_event, amount numeric, note text, ordered_at timestamptz,
  customer_id int8);
ALTER TABLE shop_2 ATTACH PARTITION shop_2_late FOR VALUES FROM ('2023-09-01') TO (MAXVALUE);
CREATE TABLE shop_3 PARTITION OF shops FOR VALUES IN (3);
CREATE TABLE shop_rest PARTITION OF shops DEFAULT;
INSERT INTO shops (customer_id, note, ordered_at, event, region, amount)
SELECT customer_id, 'customer ' || customer_id, ordered_at, event,
       nullif(nullif(amount::int % 7, 3), 6), CASE WHEN amount::int % 11 > 0 THEN amount END
  FROM orders;
ALTER TABLE shops ADD COLUMN shop text DEFAULT 'first', ADD COLUMN counter int;
INSERT INTO shops (customer_id, note, ordered_at, event, region, amount, shop, counter)
SELECT customer_id + 1, 'customer ' || customer_id + 1, ordered_at + interval '40 days', event,
       nullif(nullif(amount::int % 7, 3), 6), amount, nullif('second', shop), 1
  FROM orders WHERE amount < 20;
ALTER TABLE shops DROP COLUMN counter;
CREATE TABLE shop_4 (
  shop text DEFAULT 'third', amount numeric, event lifecycle_event, customer_id int8, note text,
  region int, ordered_at timestamptz);
INSERT INTO shop_4 (amount, event, customer_id, note, region, ordered_at)
SELECT amount, event, customer_id, 'customer ' || customer_id, 4, ordered_at
  FROM shops WHERE region = 4;
DELETE FROM shops WHERE region = 4;
ALTER TABLE shops ATTACH PARTITION shop_4 FOR VALUES IN (4);
CREATE TABLE all_shops AS SELECT * FROM shops;
CREATE VIEW view_of_shops AS
SELECT note AS c, ordered_at AS t, region AS r FROM shops WHERE event = 'purchase';
CREATE TABLE years (customer_id int8, ordered_at timestamptz, year int);
CREATE TABLE year_2023 (extra text DEFAULT 'x', CHECK (year = 2023)) INHERITS (years);
CREATE TABLE year_2024 (
  year int CHECK (year = 2024), extra text, gone int, ordered_at timestamptz, customer_id int8);
ALTER TABLE year_2024 DROP COLUMN gone;
ALTER TABLE year_2024 INHERIT years;
CREATE TABLE year_2024_child (more int) INHERITS (year_2024);
INSERT INTO years SELECT customer_id, ordered_at, NULL FROM orders WHERE region = 0;
INSERT INTO year_2023 (customer_id, ordered_at, year)
SELECT customer_id, ordered_at, 2023
  FROM orders WHERE ordered_at < '2024-01-01' AND region > 0;
INSERT INTO year_2024 (customer_id, ordered_at, year)
SELECT customer_id, ordered_at, 2024
  FROM orders WHERE ordered_at >= '2024-01-01' AND region IN (1, 2);
INSERT INTO year_2024_child (customer_id, ordered_at, year)
SELECT customer_id, ordered_at, 2024
  FROM orders WHERE ordered_at >= '2024-01-01' AND region = 3;
CREATE TEMP TABLE temp_shops (LIKE shops) PARTITION BY HASH (customer_id);
CREATE TEMP TABLE temp_shop_0 PARTITION OF temp_shops FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TEMP TABLE temp_shop_1 PARTITION OF temp_shops FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO temp_shops SELECT * FROM shops;
ANALYZE shops, all_shops, years, year_2023, year_2024, year_2024_child, temp_shops;

CREATE TABLE divided_shapes (no serial, shape text, served bool, query text);
INSERT INTO divided_shapes (served, shape, query)
SELECT served, shape,
       replace(query, 'TALLY', $$reactivation_tally(customer_id, ordered_at,
                                 '[2024-01-01,2024-04-01)', '90 days')$$)
  FROM (VALUES
(true, 'the same rows in one table', 'SELECT TALLY FROM all_shops'),
(true, 'all partitions', 'SELECT TALLY FROM shops'),
(true, 'several aggregates, two of them with one state', $$
  SELECT reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days'), TALLY,
         winback_tally(customer_id, ordered_at, event, '[2024-01-01,2024-04-01)', '90 days')
    FROM shops$$),
(true, 'the same in one table', $$
  SELECT reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days'), TALLY,
         winback_tally(customer_id, ordered_at, event, '[2024-01-01,2024-04-01)', '90 days')
    FROM all_shops$$),
(true, 'counts and a series, with amounts', $$
  SELECT md5(lifecycle_counts(customer_id, ordered_at, event, amount, '[2024-01-01,2024-04-01)',
                              '30 days', '90 days') FILTER (WHERE event = 'purchase')::text),
         md5(lifecycle_series(customer_id, ordered_at, amount, '[2023-06-01,2024-04-01)', '1 month',
                              '30 days', '90 days')::text)
    FROM shops$$),
(true, 'the same in one table', $$
  SELECT md5(lifecycle_counts(customer_id, ordered_at, event, amount, '[2024-01-01,2024-04-01)',
                              '30 days', '90 days') FILTER (WHERE event = 'purchase')::text),
         md5(lifecycle_series(customer_id, ordered_at, amount, '[2023-06-01,2024-04-01)', '1 month',
                              '30 days', '90 days')::text)
    FROM all_shops$$),
(true, 'customers of type text', $$
  SELECT reactivation_tally(note, ordered_at, '[2024-01-01,2024-04-01)', '90 days') FROM shops$$),
(true, 'a column that some rows do not have on disk', $$
  SELECT reactivation_tally(shop, ordered_at, '[2024-01-01,2024-04-01)', '1 minute') FROM shops$$),
(true, 'the same in one table', $$
  SELECT reactivation_tally(shop, ordered_at, '[2024-01-01,2024-04-01)', '1 minute')
    FROM all_shops$$),
(true, 'WHERE', $$
  SELECT TALLY FROM shops WHERE amount > 10 AND (shop <> 'second' OR shop IS NULL)$$),
(true, 'the same in one table', $$
  SELECT TALLY FROM all_shops WHERE amount > 10 AND (shop <> 'second' OR shop IS NULL)$$),
(true, 'FILTER', $$
  SELECT TALLY FILTER (WHERE amount > 10 OR event = 'purchase'),
         TALLY FILTER (WHERE region <> 2) AS not_2, TALLY AS all FROM shops$$),
(true, 'the same in one table', $$
  SELECT TALLY FILTER (WHERE amount > 10 OR event = 'purchase'),
         TALLY FILTER (WHERE region <> 2) AS not_2, TALLY AS all FROM all_shops$$),
(true, 'WHERE and FILTER', $$
  SELECT TALLY FILTER (WHERE shop IS NULL), TALLY FILTER (WHERE note LIKE '%7%') AS seven
    FROM shops WHERE amount % 3 = 1 OR region IS NULL$$),
(true, 'the same in one table', $$
  SELECT TALLY FILTER (WHERE shop IS NULL), TALLY FILTER (WHERE note LIKE '%7%') AS seven
    FROM all_shops WHERE amount % 3 = 1 OR region IS NULL$$),
(true, 'a condition without columns that is also an output column', $$
  SELECT TALLY, random() >= 0 AS always FROM shops WHERE random() >= 0$$),
(true, 'the same in one table', $$
  SELECT TALLY, random() >= 0 AS always FROM all_shops WHERE random() >= 0$$),
(true, 'UNION ALL below the aggregate', $$
  SELECT TALLY FROM (SELECT customer_id, ordered_at FROM shops
                     UNION ALL SELECT customer_id, ordered_at FROM years) AS u$$),
(true, 'a condition that rules out the rows on which another fails', $$
  SELECT TALLY FROM shops WHERE 1 / (region - 2) < 2 AND shop = 'first' AND region = 1$$),
(true, 'the same in one table', $$
  SELECT TALLY FROM all_shops WHERE 1 / (region - 2) < 2 AND shop = 'first' AND region = 1$$),
(true, 'three partitions', 'SELECT TALLY FROM shops WHERE region IN (0, 1, 3) AND amount > 5'),
(true, 'one partition', 'SELECT TALLY FROM shops WHERE region = 0 AND amount > 5'),
(true, 'one partition that has partitions', 'SELECT TALLY FROM shops WHERE region = 2'),
(true, 'one partition of that partition', $$
  SELECT winback_tally(customer_id, ordered_at, '[2023-07-01,)', '2 months')
    FROM shops WHERE region = 2 AND ordered_at < '2023-08-01'$$),
(true, 'the empty partition', 'SELECT TALLY FROM shops WHERE region = 3'),
(true, 'the partition of rows without a region', 'SELECT TALLY FROM shops WHERE region IS NULL'),
(false, 'no partition', 'SELECT TALLY FROM shops WHERE region = 1 AND region = 2'),
(true, 'a partition that has partitions by its name', 'SELECT TALLY FROM shop_2'),
(true, 'a partition by its name', 'SELECT TALLY FROM shop_0 WHERE amount > 5'),
(true, 'a view', $$
  SELECT reactivation_tally(c, t, '[2024-01-01,2024-04-01)', '90 days')
    FROM view_of_shops WHERE r <> 1$$),
(false, 'a correlated subquery', $$
  SELECT r, (SELECT TALLY FROM shops WHERE region = r) FROM generate_series(0, 6) AS r$$),
(true, 'the same in one table', $$
  SELECT r, (SELECT TALLY FROM all_shops WHERE region = r) FROM generate_series(0, 6) AS r$$),
(true, 'a correlated FILTER and period', $$
  SELECT r, (SELECT reactivation_tally(customer_id, ordered_at,
                                       tstzrange('2024-01-01', '2024-02-01'::timestamptz
                                                               + r * interval '10 days'),
                                       '90 days') FILTER (WHERE region >= r)
               FROM shops WHERE amount > r) FROM generate_series(0, 3) AS r$$),
(true, 'UNION ALL with a partition', $$
  SELECT 1 AS n, TALLY FROM shops UNION ALL SELECT 2, TALLY FROM shop_1 ORDER BY n$$),
(true, 'a temporary partitioned table', 'SELECT TALLY FROM temp_shops WHERE amount > 5'),
(true, 'a parent and its children', 'SELECT TALLY FROM years'),
(true, 'a child that has a child', $$
  SELECT winback_tally(customer_id, ordered_at, '[2024-03-01,)', '1 month') FROM year_2024$$),
(true, 'the same without the child of the child', $$
  SELECT winback_tally(customer_id, ordered_at, '[2024-03-01,)', '1 month') FROM ONLY year_2024$$),
(true, 'some children ruled out by a CHECK', 'SELECT TALLY FROM years WHERE year = 2023'),
(true, 'all children ruled out by a CHECK', 'SELECT TALLY FROM years WHERE year = 2022'),
(true, 'FILTER on a parent and its children', $$
  SELECT TALLY FILTER (WHERE year IS NULL OR year = 2024) FROM years WHERE customer_id % 3 = 0$$),
(false, 'only the partitioned table itself', 'SELECT TALLY FROM ONLY shops'),
(true, 'GROUP BY', $$
  SELECT region, TALLY FROM shops WHERE region < 2 GROUP BY region ORDER BY region$$),
(false, 'the table of a row', $$SELECT TALLY FROM shops WHERE tableoid <> 'shop_1'::regclass$$),
(false, 'the whole row', 'SELECT TALLY FILTER (WHERE shops IS NOT NULL) FROM shops'),
(false, 'an argument that is computed for each row', $$
  SELECT reactivation_tally(customer_id + region, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
    FROM shops$$),
(false, 'TABLESAMPLE', 'SELECT TALLY FROM shops TABLESAMPLE BERNOULLI (100)'),
(false, 'a join', 'SELECT TALLY FROM shops JOIN generate_series(0, 2) AS r ON r = region')
  ) AS v (served, shape, query);
SELECT shape, c.scan, c.scan = served AS expected, c.same, c.answer
  FROM divided_shapes, compare(query) AS c ORDER BY no;
-- The same queries run in parallel: all processes read each table together.
SET max_parallel_workers_per_gather = 2;
SELECT count(*) AS queries, count(*) FILTER (WHERE c.scan) > 30 AS scans,
       count(*) FILTER (WHERE c.same) AS same
  FROM divided_shapes, compare(query) AS c;
SELECT * FROM explained($$EXPLAIN (COSTS OFF)
  SELECT reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
    FROM shops WHERE region < 3$$);
SELECT scan ->> 'Parallel Aware' AS parallel, scan -> 'Tables' AS tables,
       (scan ->> 'Rows Scanned')::int = (SELECT count(*) FROM shops WHERE amount > 5) AS all_rows,
       (scan ->> 'Customers')::int >= (SELECT count(DISTINCT customer_id)
                                         FROM shops WHERE amount > 5) AS all_customers
  FROM (SELECT explained_json($$
                 SELECT reactivation_rate(customer_id, ordered_at, '[2024-01-01,)', '90 days')
                   FROM shops WHERE amount > 5$$)
                 -> 0 -> 'Plan' -> 'Plans' -> 0 -> 'Plans' -> 0 AS scan) AS s;
SET max_parallel_workers_per_gather = 0;
-- EXPLAIN shows the number of tables; with VERBOSE it shows their names.
SELECT * FROM explained($$EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF)
  SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
           FILTER (WHERE amount > 5)
    FROM shops WHERE region IN (0, 2, 4) AND shop = 'first'$$);
SELECT * FROM explained($$EXPLAIN (VERBOSE, COSTS OFF)
  SELECT reactivation_tally(note, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
    FROM shops WHERE region IN (0, 2)$$);
SELECT * FROM explained($$EXPLAIN (VERBOSE, COSTS OFF)
  SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
    FROM years WHERE year = 2024$$);
SELECT * FROM explained($$EXPLAIN (COSTS OFF)
  SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
    FROM year_2023$$);
SELECT explained_json(query, 'COSTS OFF') -> 0 -> 'Plan' ->> 'Tables' AS number,
       explained_json(query) -> 0 -> 'Plan' ->> 'Tables' AS names
  FROM (VALUES ($$
    SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
      FROM shops WHERE region IN (1, 2)$$)) AS v (query);

-- A generic plan reads only the partitions of the region that it is executed for.  Meanwhile the
-- table is changed.
PREPARE by_region(int) AS
SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
  FROM shops WHERE region = $1;
PREPARE of_all AS
SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days') FROM shops;
SET plan_cache_mode = force_generic_plan;
EXECUTE by_region(0);
EXECUTE by_region(2);
EXECUTE by_region(3);
EXECUTE by_region(99);
EXECUTE of_all;
CREATE TABLE shop_7 (
  customer_id int8, region int, amount numeric, ordered_at timestamptz, shop text, note text,
  event lifecycle_event);
INSERT INTO shop_7
SELECT customer_id + 10000, 7, 0, ordered_at, 'third', 'new' FROM orders WHERE region = 1;
ALTER TABLE shops ATTACH PARTITION shop_7 FOR VALUES IN (7);
EXECUTE by_region(7);
EXECUTE of_all;
SELECT c.* FROM compare($$
  SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
    FROM shops$$) AS c;
ALTER TABLE shops DETACH PARTITION shop_7;
EXECUTE by_region(7);
EXECUTE of_all;
ALTER TABLE shops ADD COLUMN later int DEFAULT 1;
DROP TABLE shop_0;
EXECUTE by_region(0);
EXECUTE of_all;
RESET plan_cache_mode;
DEALLOCATE ALL;

-- Where Append prunes partitions when it starts or at each rescan, the scan leaves the query to
-- Append.  It serves a query whose condition is a constant, is not on a partition key or has a
-- volatile function, and a query for which the planner leaves only one partition.
CREATE TABLE tenants (tenant int, customer_id int8, ordered_at timestamptz)
  PARTITION BY RANGE (ordered_at);
CREATE TABLE tenants_2023 PARTITION OF tenants FOR VALUES FROM ('2023-01-01') TO ('2024-01-01')
  PARTITION BY LIST (tenant);
CREATE TABLE tenants_2023_0 PARTITION OF tenants_2023 FOR VALUES IN (0);
CREATE TABLE tenants_2023_1 PARTITION OF tenants_2023 FOR VALUES IN (1);
CREATE TABLE tenants_2024 PARTITION OF tenants FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
INSERT INTO tenants
SELECT region % 2, customer_id, ordered_at FROM orders WHERE ordered_at < '2024-12-31';
ANALYZE tenants;
CREATE FUNCTION plan_of(query text, OUT plan text)
LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    CONTINUE WHEN line !~ 'Custom Scan|Append|Subplans Removed';
    plan := coalesce(plan || ', ', '') || substring(line, 'Custom Scan .*|Append|Subplans.*');
  END LOOP;
END $$;
SET plan_cache_mode = force_generic_plan;
PREPARE since(timestamptz) AS
SELECT winback_tally(customer_id, ordered_at, '[2024-01-01,)', '90 days')
  FROM tenants WHERE ordered_at >= $1;
PREPARE by_tenant(int) AS
SELECT winback_tally(customer_id, ordered_at, '[2024-01-01,)', '90 days')
  FROM tenants WHERE tenant = $1;
PREPARE by_customer(int) AS
SELECT winback_tally(customer_id, ordered_at, '[2024-01-01,)', '90 days')
  FROM tenants WHERE customer_id > $1;
CREATE TABLE prunable (no serial, condition text, query text);
INSERT INTO prunable (condition, query)
SELECT condition, replace(query, 'TALLY',
         $$winback_tally(customer_id, ordered_at, '[2024-01-01,)', '90 days')$$)
  FROM (VALUES
('a stable function', $$
  SELECT TALLY FROM tenants WHERE ordered_at >= now() - interval '1 day'$$),
('a stable operator', $$SELECT TALLY FROM tenants WHERE ordered_at >= date '2024-01-01'$$),
('a parameter of a generic plan', $$EXECUTE since('2024-01-01')$$),
('in a partition that has partitions', 'EXECUTE by_tenant(1)'),
('LATERAL', 'SELECT * FROM generate_series(0, 2) AS n,
  LATERAL (SELECT TALLY FROM tenants WHERE tenant = n) AS t'),
('a correlated subquery', 'SELECT (SELECT TALLY FROM tenants WHERE tenant = n)
  FROM generate_series(0, 2) AS n'),
('a constant', $$SELECT TALLY FROM tenants WHERE ordered_at >= '2023-01-01'$$),
('not on the partition key', 'EXECUTE by_customer(5)'),
('a volatile function', 'SELECT TALLY FROM tenants WHERE ordered_at >= clock_timestamp()'),
('one partition left', $$SELECT TALLY FROM tenants
  WHERE ordered_at >= '2024-01-01' AND ordered_at < now()$$),
('a table without partitions', 'SELECT TALLY FROM orders WHERE ordered_at < now()')
  ) AS v (condition, query);
SELECT condition, p.plan FROM prunable, plan_of(query) AS p ORDER BY no;
SET enable_partition_pruning = off;
SELECT p.plan FROM prunable, plan_of(query) AS p WHERE condition = 'a stable function';
RESET enable_partition_pruning;
RESET plan_cache_mode;
DEALLOCATE ALL;

-- A scan of partitions also sees the transaction's own changes, and a cursor does not see those
-- made after it was opened.
BEGIN;
DECLARE answers SCROLL CURSOR FOR
SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days') FROM shops;
UPDATE shops SET region = 3 WHERE region = 1;
FETCH answers;
FETCH answers;
FETCH PRIOR FROM answers;
SELECT c.* FROM compare($$
  SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
    FROM shops WHERE region = 3$$) AS c;
ROLLBACK;
-- A query fails in the middle of the second table; the next query is right.
\set VERBOSITY sqlstate
SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
  FROM shops WHERE 1 / (region - 2) < 2;
\set VERBOSITY default
SELECT c.* FROM compare($$
  SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
    FROM shops$$) AS c;

-- The privileges and policies that count are those of the table that the query names.
SET ROLE :"reader";
SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days') FROM shops;
RESET ROLE;
GRANT SELECT (customer_id, ordered_at) ON shops TO :"reader";
ALTER TABLE shop_1 ENABLE ROW LEVEL SECURITY;
SET ROLE :"reader";
SELECT c.* FROM compare($$
  SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
    FROM shops$$) AS c;
SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
  FROM shops WHERE region = 1;
SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
  FROM shop_1;
RESET ROLE;
ALTER TABLE shops ENABLE ROW LEVEL SECURITY;
CREATE POLICY first_half ON shops USING (customer_id < 500);
SET ROLE :"reader";
SELECT c.* FROM compare($$
  SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
    FROM shops$$) AS c;
RESET ROLE;

-- Numbers of output columns have 16 bits.  The scan returns an aggregate once, however often the
-- query uses it, and needs one number for each table, whatever the number of aggregates.
CREATE TABLE eight (customer_id int8, ordered_at timestamptz) PARTITION BY HASH (customer_id);
SELECT format('CREATE TABLE eight_%s PARTITION OF eight
                 FOR VALUES WITH (MODULUS 8, REMAINDER %s)', n, n)
  FROM generate_series(0, 7) AS n \gexec
INSERT INTO eight
SELECT n, timestamptz '2023-01-01' + n * interval '1 day' FROM generate_series(1, 50) AS n;
CREATE FUNCTION query_of(aggregates int, uses int, source text) RETURNS text
LANGUAGE sql AS $$
  SELECT format('SELECT md5(ARRAY[%s]::text) FROM %s', string_agg(
           format('winback_tally(customer_id, ordered_at, ''[2023-02-01,)'', ''%s hours'')',
                  1 + n % aggregates), ', '), source)
    FROM generate_series(1, uses) AS n $$;
SELECT aggregates, uses, source, c.scan, c.same
  FROM (VALUES (2, 16384, 'eight_0'), (300, 300, 'eight'), (3676, 3676, 'eight'))
         AS v (aggregates, uses, source),
       compare(query_of(aggregates, uses, source)) AS c;

-- Rows of many layouts: columns of each alignment and length follow each other; they are NULL or
-- not, dropped, or added after the row.
CREATE TABLE layouts (
  flag bool, short int2, packed text, gone int, label name, customer_id int8, wide text, one "char",
  amount numeric, day date, event lifecycle_event, tag text, key uuid, ordered_at timestamptz,
  late int);
INSERT INTO layouts
SELECT n % 2 = 0, nullif(n % 5, 3), repeat('p', n % 6), n, 'label ' || n % 97,
       nullif(n % 499, 13), repeat('w', n % 3 * 100), 'x', n % 90 / 7.0,
       date '2023-01-01' + n % 500,
       (ARRAY['purchase', 'purchase', 'cancellation', 'interest', NULL]::lifecycle_event[])
         [1 + n % 5],
       CASE WHEN n % 7 > 0 THEN 'tag ' || n % 7 END, md5((n % 300)::text)::uuid,
       timestamptz '2023-01-01' + n % 10007 * interval '65 minutes', nullif(n % 3, 0)
  FROM generate_series(1, 4000) AS n;
ALTER TABLE layouts DROP COLUMN gone, ADD COLUMN branch text DEFAULT 'first', ADD COLUMN place int;
INSERT INTO layouts SELECT (l.x).* FROM (SELECT l AS x FROM layouts AS l WHERE late = 1) AS l;
UPDATE layouts SET branch = 'second', place = customer_id % 10 WHERE short = 1;
CREATE TABLE layout_queries (no serial, columns text, query text);
INSERT INTO layout_queries (columns, query)
SELECT columns, format('SELECT md5(ROW(%s)::text) FROM layouts %s', aggregates, condition)
  FROM (SELECT c1 || ', ' || c2 AS columns, condition,
               format($$reactivation_tally(%1$s, ordered_at, '[2023-06-01,2023-09-01)', '30 days'),
                        winback_tally(%1$s, ordered_at, event, '[2023-06-01,)', '60 days'),
                        lifecycle_counts(%2$s, day, amount, '[2023-06-01,2023-09-01)',
                                         '30 days', '90 days') %3$s,
                        lifecycle_counts(%1$s, ordered_at, event, '[2023-06-01,2023-09-01)',
                                         '30 days', '90 days') %3$s$$, c1, c2, filter) AS aggregates
          FROM (VALUES ('flag', 'short'), ('packed', 'label'), ('customer_id', 'wide'),
                       ('one', 'tag'), ('key', 'late'), ('branch', 'place')) AS v (c1, c2),
               (VALUES (''), ('FILTER (WHERE customer_id % 3 = 0)'),
                       ('FILTER (WHERE place IS NULL)')) AS f (filter),
               (VALUES (''), ('WHERE short > 1'), ('WHERE late IS NULL')) AS w (condition)) AS q;
SELECT columns, count(*) AS queries, count(DISTINCT c.answer) AS answers,
       count(*) FILTER (WHERE c.scan) AS scans, count(*) FILTER (WHERE c.same) AS same
  FROM layout_queries, compare(query) AS c GROUP BY columns ORDER BY columns COLLATE "C";

-- Conditions of WHERE that are evaluated on the columns of a page: each comparison of each
-- built-in type, from both sides, with values that occur, and with those that are hard: NULL, NaN,
-- infinities, a text of 3 kB, limits of integers.  The column "by_column" is the number of
-- conditions that are evaluated so.
CREATE COLLATION ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE conditions (
  customer_id int8, ordered_at timestamptz, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, d date,
  ts timestamp, tz timestamptz, t text, v varchar(10), n numeric, u uuid, b bool,
  c text COLLATE "C");
INSERT INTO conditions
SELECT n % 499, timestamptz '2023-01-01' + n % 10007 * interval '65 minutes',
       (ARRAY[-32768, -1, 0, 7, 32767, NULL])[1 + n % 6],
       (ARRAY[-2147483648, -1, 0, 7, 2147483647, NULL])[1 + n % 6],
       (ARRAY[-9223372036854775808, -1, 0, 7, 4294967303, NULL])[1 + n / 3 % 6],
       (ARRAY['NaN', '-infinity', '0.1', '7', 'infinity', NULL]::float4[])[1 + n % 6],
       (ARRAY['NaN', '-infinity', '0.1', '7', '-0', NULL]::float8[])[1 + n / 2 % 6],
       (ARRAY['-infinity', '2023-06-01', '2023-06-02', 'infinity', NULL]::date[])[1 + n % 5],
       (ARRAY['-infinity', '2023-06-01', '2023-06-01 12:00', 'infinity', NULL]::timestamp[])
         [1 + n % 5],
       (ARRAY['-infinity', '2023-06-01', '2023-06-01 12:00', 'infinity', NULL]::timestamptz[])
         [1 + n / 2 % 5],
       (ARRAY['', 'email', 'e-mail', repeat('x', 3000), NULL])[1 + n % 5],
       (ARRAY['', 'email', 'shop', NULL])[1 + n % 4],
       (ARRAY['NaN', '0.10', '0.1', '7', '1e30', NULL]::numeric[])[1 + n % 6],
       md5((n % 7)::text)::uuid, (ARRAY[true, false, NULL])[1 + n % 3],
       (ARRAY['', 'email', repeat('y', 3000)])[1 + n % 3]
  FROM generate_series(1, 5000) AS n;
VACUUM ANALYZE conditions;
CREATE TABLE tried (no serial, theme text, condition text);
INSERT INTO tried (theme, condition)
SELECT 'comparisons', format(CASE side WHEN 1 THEN '%1$s %2$s %3$s' ELSE '%3$s %2$s %1$s' END,
                             col, op, quote_nullable(value) || '::' || type)
  FROM (VALUES ('i2', 'int2', '7'), ('i2', 'int4', '32768'), ('i2', 'int8', '4294967303'),
               ('i4', 'int4', '7'), ('i4', 'int2', '-1'), ('i4', 'int8', '-2147483649'),
               ('i8', 'int8', '7'), ('i8', 'int4', '7'), ('i8', 'int8', NULL),
               ('f4', 'float4', '0.1'), ('f4', 'float8', '0.1'), ('f4', 'float8', 'NaN'),
               ('f8', 'float8', '0'), ('f8', 'float4', '7'), ('f8', 'float8', 'infinity'),
               ('d', 'date', '2023-06-01'), ('d', 'date', 'infinity'),
               ('d', 'timestamp', '2023-06-01 12:00'), ('ts', 'timestamp', '2023-06-01'),
               ('ts', 'date', '2023-06-01'), ('tz', 'timestamptz', '2023-06-01'),
               ('n', 'numeric', '0.1'), ('n', 'numeric', 'NaN'), ('t', 'text', 'email'),
               ('t', 'text', repeat('x', 3000)), ('c', 'text', ''), ('v', 'varchar', 'shop'),
               ('u', 'uuid', '8f14e45f-ceea-467f-a9a1-2d1f2a4b2d9e'), ('b', 'bool', 't'))
         AS v (col, type, value),
       unnest('{=,<>,<,<=,>,>=}'::text[]) AS op, generate_series(1, 2) AS side
UNION ALL
SELECT theme, condition
  FROM (VALUES
    ('lists', 'i4 IN (7, -1, 0)'), ('lists', 'i4 IN (7, NULL)'), ('lists', 'i4 NOT IN (7, -1)'),
    ('lists', 'i4 IN (7, 1, 2, 3, 4, 5, 6, 8, 9)'), ('lists', 'i8 = ANY (NULL::int8[])'),
    ('lists', $$t IN ('email', '')$$),
    ('lists', $$v IN ('email', 'shop')$$), ('lists', $$n IN (0.1, 7.00)$$),
    ('lists', 'i2 = ANY (ARRAY[7::int2])'), ('lists', $$i4 = ANY ('{}')$$),
    ('lists', 'i4 > ANY (ARRAY[-1, 7])'), ('lists', 'i4 > ALL (ARRAY[-1, 0])'),
    ('NULL', 'i4 IS NULL'), ('NULL', 't IS NOT NULL'), ('NULL', 'u IS NULL'), ('NULL', 'b IS TRUE'),
    ('AND, OR', 'i4 BETWEEN -1 AND 7 AND i8 > -5'), ('AND, OR', 'i4 = 7 OR i4 IS NULL OR f8 > 1'),
    ('AND, OR', $$(i4 = 7 AND t = 'email') OR (i4 IS NULL AND (n < 1 OR d > '2023-06-01'))$$),
    ('AND, OR', 'NOT (i4 = 7 OR i8 = 7)'), ('AND, OR', 'i4 = 7 OR length(t) = 5'),
    ('others between', 'i4 > 0 AND 10 / i4 > 0'),
    ('others between', $$i2 IS NOT NULL AND t LIKE 'e%' AND i8 < 7$$),
    ('others between', 'abs(i4 % 100) = 7 AND i8 = 7'), ('others between', 'i4 = i2 AND i8 = 7'),
    ('others between', 'b AND i8 = 7'), ('others between', $$c > 'a' AND i8 = 7$$),
    ('others between', $$t = 'email' COLLATE ignore_case AND i8 = 7$$),
    ('parameters', 'i8 = (SELECT max(region) + 4 FROM orders)'),
    ('parameters', 'tz > (SELECT min(tz) FROM conditions)'))
         AS v (theme, condition);
CREATE FUNCTION by_column(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (VERBOSE, FORMAT json) ' || query INTO plan;
  RETURN coalesce((jsonb_path_query_first(plan::jsonb, '$.**."Conditions by Column"'))::int, 0);
END $$;
-- each condition once in WHERE, beside a FILTER by column and one that is not, and once in FILTER
SELECT theme, place, count(*) AS queries, count(DISTINCT c.answer) AS answers,
       count(*) FILTER (WHERE c.same) AS same, sum(by_column(q.query)) AS by_column
  FROM tried,
       (VALUES ('WHERE', 'i8 > 0', 'mod(i4, 100) > 1', '%s'), ('FILTER', '%s', '%s', 'i2 > -5'),
               ('FILTER without WHERE', '%s', 'true', 'true')) AS p (place, first, second, rest),
       LATERAL (SELECT format('SELECT reactivation_tally(customer_id, ordered_at, %1$L,'
                              ' ''30 days'') FILTER (WHERE %2$s),'
                              ' winback_tally(customer_id, ordered_at, %1$L, ''60 days'')'
                              ' FILTER (WHERE %3$s) FROM conditions WHERE %4$s',
                              '[2023-06-01,2023-09-01)', format(first, condition),
                              format(second, condition), format(rest, condition)) AS query) AS q,
       compare(q.query) AS c
 GROUP BY theme, place ORDER BY theme COLLATE "C", place COLLATE "C";
-- a parameter of a prepared statement, in a generic plan, and one that differs between rescans
SET plan_cache_mode = force_generic_plan;
PREPARE with_parameter(text, int8[]) AS
  SELECT reactivation_tally(customer_id, ordered_at, '[2023-06-01,2023-09-01)', '30 days')
    FROM conditions WHERE t = $1 AND i8 = ANY ($2);
EXECUTE with_parameter('email', '{7,-1}');
EXECUTE with_parameter('email', '{7}');
EXECUTE with_parameter(NULL, '{7}');
RESET plan_cache_mode;
SELECT c.scan, c.same, by_column(q.query) AS by_column, c.answer
  FROM (VALUES ($$SELECT g, (SELECT reactivation_tally(customer_id, ordered_at,
                                                      '[2023-06-01,2023-09-01)', '30 days')
                             FROM conditions WHERE i4 = g AND t = 'email')
                  FROM (VALUES (7), (0), (NULL), (7)) AS v (g)$$)) AS q (query),
       compare(query) AS c;
-- the rows that the conditions exclude are counted
SELECT plan -> 'Rows Removed by Filter' AS removed, plan -> 'Rows Scanned' AS scanned
  FROM jsonb_path_query(explained_json($$
    SELECT reactivation_tally(customer_id, ordered_at, '[2023-06-01,2023-09-01)', '30 days')
      FROM conditions WHERE i4 = 7 AND t = 'email' AND length(v) = 5$$)::jsonb,
    'strict $.**?(@."Node Type" == "Custom Scan")') AS plan;

-- In a parallel plan, each process sends its customers to the leader: the planner takes it where
-- there are many rows for each customer, but not where each row is a customer of its own.  In that
-- case it does not take PostgreSQL's own parallel plan either.
CREATE TABLE customers WITH (parallel_workers = 2) AS
SELECT n AS customer_id, n % 100 AS one_of_few,
       timestamptz '2023-01-01' + n * interval '10 minutes' AS ordered_at
  FROM generate_series(1, 30000) AS n;
CREATE INDEX ON customers (ordered_at);
ANALYZE customers;
SET max_parallel_workers_per_gather = 2;
RESET parallel_tuple_cost;
EXPLAIN (COSTS OFF)
SELECT winback_tally(one_of_few, ordered_at, '[2023-02-01,)', '90 days') FROM customers;
EXPLAIN (COSTS OFF)
SELECT winback_tally(customer_id, ordered_at, '[2023-02-01,)', '90 days') FROM customers;
EXPLAIN (COSTS OFF)
SELECT winback_tally(one_of_few, ordered_at, '[2023-02-01,)', '90 days'),
       winback_tally(customer_id, ordered_at, '[2023-02-01,)', '90 days') FROM customers;
SET max_parallel_workers_per_gather = 0;
-- The scan reads whole tables, so enable_seqscan = off disables it.
SET enable_seqscan = off;
EXPLAIN (COSTS OFF)
SELECT winback_tally(customer_id, ordered_at, '[2023-02-01,)', '90 days')
  FROM customers WHERE ordered_at > '2023-01-02';
RESET enable_seqscan;

-- With winback.enable_scan = off the scan is not used; a misspelt setting of winback is refused.
SET winback.enable_scan = off;
EXPLAIN (COSTS OFF) SELECT :rate FROM orders;
SET winback.enable_scna = off;
RESET winback.enable_scan;

RESET ROLE;
DROP OWNED BY :"reader";
DROP ROLE :"reader";
DROP ACCESS METHOD another_heap CASCADE;
DROP SCHEMA scan CASCADE;
