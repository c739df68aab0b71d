--
-- scan_partitions.sql
--
-- Proves that a plan that aggregates each partition on its own reads each of them by a Winback Scan,
-- and that the answers are those without partitions, and without the scan.
--
SET client_min_messages = error;
SET jit = off;
SET TimeZone = 'UTC';
SET max_parallel_workers_per_gather = 0;
SET winback.enable_scan = on;
SET enable_partitionwise_aggregate = on;
CREATE SCHEMA scan_partitions;
SET search_path = scan_partitions, public;

-- Partitions have their columns in different orders, dropped columns and partitions; one is empty.
CREATE TABLE orders (customer_id int8, ordered_at timestamp, amount numeric, country text)
  PARTITION BY HASH (customer_id);
CREATE TABLE orders_0 PARTITION OF orders FOR VALUES WITH (MODULUS 4, REMAINDER 0);
CREATE TABLE orders_1 (
  country text, gone text, ordered_at timestamp, customer_id int8, amount numeric);
ALTER TABLE orders_1 DROP COLUMN gone;
ALTER TABLE orders ATTACH PARTITION orders_1 FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE orders_2 PARTITION OF orders FOR VALUES WITH (MODULUS 4, REMAINDER 2)
  PARTITION BY LIST (country);
CREATE TABLE orders_2_de (amount numeric, country text, customer_id int8, ordered_at timestamp);
ALTER TABLE orders_2 ATTACH PARTITION orders_2_de FOR VALUES IN ('DE');
CREATE TABLE orders_2_rest PARTITION OF orders_2 DEFAULT;
CREATE TABLE orders_3 PARTITION OF orders FOR VALUES WITH (MODULUS 4, REMAINDER 3);
INSERT INTO orders
SELECT customer_id, timestamp '2023-01-01' + n * 7919 % 10007 * interval '65 minutes',
       nullif(n % 90, 0), (ARRAY['DE', 'FR', 'IT', NULL])[1 + customer_id % 4]
  FROM generate_series(1, 20000) AS n, LATERAL (SELECT n::int8 * n % 4999) AS c (customer_id)
 WHERE satisfies_hash_partition('orders'::regclass, 4, 3, customer_id) IS FALSE;
CREATE TABLE one_table AS SELECT * FROM orders;
ANALYZE;

-- Plan and run a query with and without the scan, and over one table with the rows of the
-- partitions.  Return what is scanned, whether scans run side by side, whether the answers are the
-- same, and the number of rows.
CREATE FUNCTION compare(query text, OUT scans text, OUT side_by_side bool, OUT same bool,
                        OUT nrows int)
LANGUAGE plpgsql AS $$
DECLARE
  line text;
  plan text := '';
  answer text;
  of_one text;
  without text;
  query_of_one text := regexp_replace(query, '\morders\M', 'one_table', 'g');
  rows text := 'SELECT count(*) || coalesce(string_agg(q::text, chr(10) ORDER BY q::text), '''')
                  FROM (%s) AS q';
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    plan := plan || line;
  END LOOP;
  scans := CASE WHEN plan LIKE '%Scan) on orders\_%' THEN 'each partition'
                WHEN plan LIKE '%Scan) on orders%' THEN 'the table' ELSE 'nothing' END;
  side_by_side := plan LIKE '%Parallel Append%Scan) on orders\_%';
  EXECUTE format(rows, query) INTO answer;
  EXECUTE format(rows, query_of_one) INTO of_one;
  SET LOCAL winback.enable_scan = off;
  EXECUTE format(rows, query) INTO without;
  SET LOCAL winback.enable_scan = on;
  same := answer = of_one AND answer = without;
  EXECUTE 'SELECT count(*) FROM (' || query || ') AS q' INTO nrows;
END $$;

CREATE TABLE shapes (no serial, shape text, query text);
INSERT INTO shapes (shape, query)
SELECT shape,
       replace(replace(replace(query, 'STATUS', $$lifecycle_during(ordered_at,
           '[2024-01-01,2024-04-01)', '90 days', '180 days')$$),
         'HISTORY', 'history_agg(ordered_at, amount)'),
         'TALLY', $$reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)',
                                       '90 days')$$)
  FROM (VALUES
('a list of customers', 'SELECT customer_id, STATUS FROM orders GROUP BY customer_id'),
('several aggregates, WHERE, FILTER and HAVING', $$
  SELECT customer_id % 10 AS digit, STATUS, HISTORY FILTER (WHERE amount > 7), count(*), sum(amount)
    FROM orders WHERE country IS NOT NULL AND amount % 5 > 0
   GROUP BY customer_id HAVING count(*) > 2 AND max(ordered_at) > '2023-08-01'$$),
('two steps', $$
  SELECT reactivation_tally(before, after)
    FROM (SELECT lifecycle_at(ordered_at, '2024-01-01', '90 days', '180 days') AS before,
                 STATUS AS after
            FROM orders GROUP BY customer_id) AS c$$),
('tallies of customers', 'SELECT customer_id, TALLY FROM orders GROUP BY customer_id'),
('tallies of customers by countries', $$
  SELECT country, customer_id, TALLY, count(amount) FROM orders
   WHERE amount > 3 GROUP BY customer_id, country HAVING count(*) > 1$$),
('tallies of expressions', $$
  SELECT customer_id, lower(country), TALLY FILTER (WHERE amount > 20) FROM orders
   GROUP BY lower(country), customer_id$$),
('one partition', $$
  SELECT customer_id, STATUS FROM orders
   WHERE customer_id = (SELECT min(customer_id) FROM one_table) GROUP BY customer_id$$),
('partitions that an Append could skip', $$
  SELECT c, (SELECT HISTORY FROM orders WHERE customer_id = c GROUP BY customer_id)
    FROM generate_series(0, 20) AS c$$),
('groups that are not within partitions', $$
  SELECT country, TALLY FROM orders GROUP BY country$$),
('no GROUP BY', 'SELECT TALLY FROM orders')) AS v (shape, query);
SELECT shape, scans, same, nrows FROM shapes, compare(query) AS c ORDER BY no;

-- The same in little memory: the partitions are read in several passes.
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
SET enable_sort = off;
SELECT shape, scans, same, nrows FROM shapes, compare(query) AS c WHERE no <= 6 ORDER BY no;
-- EXPLAIN names the partition, and its columns.
EXPLAIN (VERBOSE, COSTS OFF)
SELECT customer_id, history_agg(ordered_at, amount) FROM orders
 WHERE amount > 3 GROUP BY customer_id HAVING count(*) > 1;
RESET work_mem;
RESET hash_mem_multiplier;
RESET enable_sort;

-- And by several processes, which take one partition each, or divide the customers of one.  Which
-- plan is cheapest depends on the version of PostgreSQL.
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT shape, same, nrows FROM shapes, compare(query) AS c ORDER BY no;
SELECT count(*) > 2 AS side_by_side FROM shapes, compare(query) AS c WHERE c.side_by_side;
SET enable_parallel_append = off;
SELECT shape, same, nrows FROM shapes, compare(query) AS c WHERE no <= 6 ORDER BY no;
RESET enable_parallel_append;
SET max_parallel_workers_per_gather = 0;

DROP SCHEMA scan_partitions CASCADE;
