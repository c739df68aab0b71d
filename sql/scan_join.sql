--
-- scan_join.sql
--
-- Proves that a Winback Scan joins its rows to those of other tables as PostgreSQL's own plan
-- does, for each kind of join that it serves, and that it leaves the others to PostgreSQL.  Each
-- query is planned and run with and without the scan, and the answers are compared.
--
SET client_min_messages = warning;
SET jit = off;
SET max_parallel_workers_per_gather = 0;
SET TimeZone = 'Europe/Berlin';
CREATE SCHEMA scan_join;
SET search_path = scan_join, public;
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/include/helpers.sql'
\set compare :abs_srcdir '/sql/include/compare.sql'
\i :helpers
\i :compare

-- 12,000 orders of 1,200 customers.  Some have no customer, and some customers are in no table.
-- Customers share e-mail addresses, and some have none; some countries are unknown.
CREATE TABLE orders (
  dropped text, padding text, customer_id int8, ordered_at timestamptz, event lifecycle_event,
  amount numeric, region int, small_id int);
ALTER TABLE orders DROP COLUMN dropped;
INSERT INTO orders
SELECT repeat('-', n % 50), CASE WHEN n % 97 > 0 THEN n * 13 % 1200 END,
       timestamptz '2023-01-01' + n * 7919 % 10007 * interval '65 minutes',
       (ARRAY['purchase', 'purchase', 'cancellation', 'purchase', NULL]::lifecycle_event[])
         [1 + n % 5],
       CASE WHEN n % 5 <> 2 THEN n % 90 END, n % 4, n * 13 % 1200
  FROM generate_series(1, 12000) AS n;
CREATE TABLE customers (
  country text, customer_id int8 PRIMARY KEY, email text, key uuid, born date);
INSERT INTO customers
SELECT (ARRAY['de', 'fr', 'DE', NULL])[1 + n % 4], n,
       CASE WHEN n % 50 > 0 THEN 'customer number ' || n / 3 || '@example.com' END,
       md5((n / 2)::text)::uuid, date '1950-01-01' + n % 300
  FROM generate_series(1, 1150) AS n;
INSERT INTO customers VALUES ('de', 5000);  -- without orders
CREATE TABLE countries (country text PRIMARY KEY, continent text, planet numeric);
INSERT INTO countries VALUES ('de', 'Europe', 1.0), ('fr', 'Europe', 1.00), ('DE', 'none', 2);
CREATE TABLE visits AS SELECT n % 700 AS customer_id, n % 10 AS page FROM generate_series(1, 3000) n;
CREATE TABLE small (id int2 PRIMARY KEY, name varchar(10));
INSERT INTO small SELECT n, 'name ' || n % 7 FROM generate_series(0, 1000) AS n;
CREATE TABLE parted (LIKE orders) PARTITION BY LIST (region);
CREATE TABLE parted_1 (region int, small_id int, amount numeric, ordered_at timestamptz,
                       event lifecycle_event, customer_id int8, padding text);
ALTER TABLE parted ATTACH PARTITION parted_1 FOR VALUES IN (0, 1);
CREATE TABLE parted_2 PARTITION OF parted DEFAULT;
INSERT INTO parted SELECT * FROM orders;
CREATE TABLE unhashable AS
SELECT customer_id, ordered_at, (small_id % 256)::bit(8) AS bits FROM orders;
CREATE TABLE bits AS SELECT n::bit(8) AS bits FROM generate_series(1, 200) AS n;
ALTER TABLE bits ADD PRIMARY KEY (bits);
ANALYZE orders, customers, countries, visits, small, parted, unhashable, bits;

CREATE TABLE far_customers AS
SELECT n * 9000000000000000 - 4000000000000000000 AS far FROM generate_series(1, 900) AS n;
ALTER TABLE far_customers ADD PRIMARY KEY (far);
CREATE TABLE far_orders AS
SELECT customer_id * 9000000000000000 - 4000000000000000000 AS far, ordered_at
  FROM orders WHERE customer_id < 1000;
ANALYZE far_customers, far_orders;

CREATE TABLE shapes (no serial, served bool, shape text, query text);
INSERT INTO shapes (served, shape, query)
SELECT served, shape, replace(replace(query, 'RATE', $$reactivation_rate(o.customer_id, ordered_at,
                                '[2024-01-01,2024-01-21)', '10 days')$$),
                      'TALLY', $$winback_tally(o.customer_id, ordered_at, event,
                                '[2024-01-01,2024-01-21)', '10 days')$$)
  FROM (VALUES
(true, 'an inner join without GROUP BY', $$
  SELECT RATE, TALLY FROM orders o JOIN customers USING (customer_id)$$),
(true, 'a condition on the other side', $$
  SELECT RATE FROM orders o JOIN customers USING (customer_id) WHERE country = 'de'$$),
(true, 'GROUP BY a column of the other side', $$
  SELECT country, RATE, TALLY FROM orders o JOIN customers USING (customer_id)
   GROUP BY country ORDER BY country COLLATE "C"$$),
(true, 'GROUP BY an expression of the other side', $$
  SELECT CASE WHEN country IS NULL THEN email ELSE country END IS NULL, RATE
    FROM orders o JOIN customers USING (customer_id)
   GROUP BY 1 ORDER BY 1$$),
(true, 'GROUP BY columns of both sides, with HAVING, WHERE and FILTER', $$
  SELECT region, country, born < '1950-07-01' AS old, RATE, TALLY FILTER (WHERE amount > 10)
    FROM orders o JOIN customers c USING (customer_id)
   WHERE born < '1950-09-01' AND region < 3 AND amount * 2 < 170
   GROUP BY region, country, born < '1950-07-01' HAVING RATE > 0.1
   ORDER BY region, country COLLATE "C", 3$$),
(true, 'the other side on the left', $$
  SELECT country, RATE FROM customers c, orders o WHERE c.customer_id = o.customer_id
   GROUP BY country ORDER BY country COLLATE "C"$$),
(true, 'the customer is a text of the other side', $$
  SELECT reactivation_tally(email, ordered_at, '[2024-01-01,2024-01-21)', '10 days'),
         reactivation_tally(CASE WHEN born IS NULL THEN email ELSE country END, ordered_at,
                            '[2024-01-01,2024-01-21)', '2 days'),
         reactivation_tally(key, ordered_at, '[2024-01-01,2024-01-21)', '10 days'), TALLY
    FROM orders o JOIN customers USING (customer_id)$$),
(true, 'a text customer by group', $$
  SELECT country, reactivation_tally(email, ordered_at, '[2024-01-01,2024-01-21)', '10 days')
    FROM orders o JOIN customers USING (customer_id) GROUP BY country
   ORDER BY country COLLATE "C"$$),
(true, 'a further table behind the other', $$
  SELECT continent, RATE
    FROM orders o JOIN customers USING (customer_id) JOIN countries USING (country)
   GROUP BY continent ORDER BY continent COLLATE "C"$$),
(true, 'counts and a series with amounts by group', $$
  SELECT country,
         md5(lifecycle_counts(o.customer_id, ordered_at, event, amount,
                              '[2024-01-01,2024-01-21)', '10 days', '180 days')::text),
         md5(lifecycle_series(o.customer_id, ordered_at, '[2023-06-01,2024-04-01)', '1 month',
                              '90 days', NULL)::text)
    FROM orders o JOIN customers USING (customer_id) GROUP BY country
   ORDER BY country COLLATE "C"$$),
(true, 'a left join', $$
  SELECT country, RATE, reactivation_tally(email, ordered_at, '[2024-01-01,2024-01-21)',
                                           '10 days')
    FROM orders o LEFT JOIN customers USING (customer_id) GROUP BY country
   ORDER BY country COLLATE "C"$$),
(true, 'a semi-join to rows that are not unique', $$
  SELECT RATE FROM orders o
   WHERE EXISTS (SELECT FROM visits v WHERE v.customer_id = o.customer_id AND page > 3)$$),
(true, 'IN, by group', $$
  SELECT region, RATE FROM orders o
   WHERE customer_id IN (SELECT customer_id FROM visits WHERE page = 3)
   GROUP BY region ORDER BY region$$),
(true, 'an anti-join', $$
  SELECT RATE FROM orders o
   WHERE NOT EXISTS (SELECT FROM visits v WHERE v.customer_id = o.customer_id)$$),
(true, 'keys of different integers', $$
  SELECT name, RATE FROM orders o JOIN small ON id = small_id GROUP BY name
   ORDER BY name COLLATE "C"$$),
(true, 'partitions with other columns', $$
  SELECT country, region, RATE FROM parted o JOIN customers USING (customer_id)
   GROUP BY country, region ORDER BY country COLLATE "C", region$$),
(true, 'a subquery as the other side', $$
  SELECT c, RATE FROM orders o
    JOIN (SELECT customer_id, count(*) AS c FROM visits GROUP BY 1) v USING (customer_id)
   GROUP BY c ORDER BY c$$),
(true, 'no match', $$
  SELECT RATE FROM orders o JOIN customers USING (customer_id) WHERE country = 'none'$$),
(true, 'no match, by group', $$
  SELECT country, RATE FROM orders o JOIN customers USING (customer_id)
   WHERE country LIKE '%none%' GROUP BY country$$),
(true, 'a correlated subquery, with a parameter on each side', $$
  SELECT r, (SELECT max(x) FROM (SELECT RATE AS x FROM orders o JOIN customers c
                                   USING (customer_id)
                                  WHERE region <> r AND c.customer_id % 4 <> r
                                  GROUP BY country) s)
    FROM generate_series(0, 4) AS r$$),
(true, 'a condition on the key', $$
  SELECT RATE FROM orders o JOIN customers c USING (customer_id) WHERE c.customer_id < 500$$),
(true, 'an expression that could raise an error for a row without a match', $$
  SELECT 1 / (5000 - customers.customer_id) AS k, RATE
    FROM orders o JOIN customers USING (customer_id) GROUP BY k ORDER BY k$$),
(true, 'an expression that is not NULL without a match', $$
  SELECT coalesce(country, '?'), RATE FROM orders o LEFT JOIN customers c USING (customer_id)
   GROUP BY 1 ORDER BY 1$$),
(true, 'expressions of one column', $$
  SELECT date_trunc('month', born), extract(dow FROM born), born < '1950-03-01' AS old, RATE
    FROM orders o JOIN customers USING (customer_id) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3$$),
(true, 'a number of several spellings', $$
  SELECT planet::int, RATE
    FROM (SELECT * FROM orders WHERE customer_id < 1000) o JOIN customers USING (customer_id)
    JOIN countries USING (country) GROUP BY planet ORDER BY planet$$),
(true, 'an expression of both columns of a left join', $$
  SELECT country IS NULL, c.customer_id IS NULL, coalesce(email, country, 'none') < 'd', RATE
    FROM orders o LEFT JOIN customers c USING (customer_id) GROUP BY 1, 2, 3
   ORDER BY 1, 2, 3$$),
(true, 'an anti-join that was a left join', $$
  SELECT country, RATE, reactivation_tally(email, ordered_at, '[2024-01-01,2024-01-21)',
                                           '10 days')
    FROM orders o LEFT JOIN (SELECT * FROM customers WHERE born < '1950-05-01') c
         USING (customer_id)
   WHERE c.customer_id IS NULL GROUP BY country$$),
(true, 'an anti-join that was a left join, to no rows', $$
  SELECT country, RATE FROM orders o LEFT JOIN (SELECT * FROM customers WHERE born > '2000-01-01') c
         USING (customer_id)
   WHERE c.customer_id IS NULL GROUP BY country$$),
(true, 'expressions that raise an error for a row that the join excludes', $$
  SELECT sign(1 / (1151 - small_id)) AS k, RATE,
         TALLY FILTER (WHERE 1 / (1152 - small_id) + region > 1)
    FROM orders o JOIN customers c USING (customer_id) GROUP BY k ORDER BY k$$),
(true, 'constants as all arguments, by group', $$
  SELECT region, reactivation_tally(1, timestamptz '2024-01-01', '[2024-01-01,2024-01-21)',
                                    '10 days')
    FROM orders GROUP BY region ORDER BY region$$),
(true, 'groups whose rows the aggregate ignores', $$
  SELECT name, reactivation_tally(small_id, ordered_at, '[2024-01-01,2024-01-21)', '10 days')
                 FILTER (WHERE small_id % 7 > 3)
    FROM orders JOIN small ON id = small_id GROUP BY name ORDER BY name COLLATE "C"$$),
(true, 'groups whose rows FILTER excludes, or lie behind the period', $$
  SELECT born < '1950-07-01', email < 'd', RATE FILTER (WHERE amount > 100), TALLY,
         winback_rate(email, ordered_at, '[2023-01-01,2023-01-02)', '1 hour')
    FROM orders o JOIN customers USING (customer_id) GROUP BY 1, 2 ORDER BY 1, 2$$),
(true, 'keys far from each other', $$
  SELECT sign(far), reactivation_tally(far, ordered_at, '[2024-01-01,2024-01-21)', '10 days')
    FROM far_orders JOIN far_customers USING (far) GROUP BY 1 ORDER BY 1$$),
-- the scan leaves these to PostgreSQL
(false, 'an expression of an anti-join that was a left join', $$
  SELECT reactivation_tally(CASE WHEN email IS NULL THEN 'none' ELSE email END, ordered_at,
                            '[2024-01-01,2024-01-21)', '10 days')
    FROM orders o LEFT JOIN (SELECT * FROM customers WHERE born < '1950-05-01') c
         USING (customer_id)
   WHERE c.customer_id IS NULL$$),
(false, 'a key that cannot be hashed', $$
  SELECT RATE FROM unhashable o JOIN bits USING (bits)$$),
(false, 'a join to rows that are not unique', $$
  SELECT page, RATE FROM orders o JOIN visits USING (customer_id) GROUP BY page ORDER BY page$$),
(true, 'rows that are unique, in two further tables', $$
  SELECT continent, name, RATE
    FROM orders o JOIN customers c USING (customer_id)
    JOIN countries ON countries.country = c.country JOIN small ON id = c.customer_id
   GROUP BY continent, name ORDER BY continent COLLATE "C", name COLLATE "C"$$),
(false, 'a further table that is not unique', $$
  SELECT page, RATE FROM orders o JOIN customers USING (customer_id)
    JOIN visits v ON v.customer_id = customers.customer_id GROUP BY page ORDER BY page$$),
(false, 'two conditions', $$
  SELECT RATE FROM orders o JOIN customers c ON c.customer_id = o.customer_id
     AND born < ordered_at - interval '73 years'$$),
(false, 'another operator', $$
  SELECT RATE FROM orders o JOIN customers c ON c.customer_id < o.customer_id
   WHERE o.customer_id < 9$$),
(false, 'a key of both sides', $$
  SELECT region || country, RATE FROM orders o JOIN customers USING (customer_id)
   GROUP BY 1 ORDER BY 1$$),
(false, 'a full join', $$
  SELECT RATE FROM orders o FULL JOIN customers USING (customer_id)$$),
(false, 'orders that may be missing', $$
  SELECT country, RATE FROM customers LEFT JOIN orders o USING (customer_id)
   GROUP BY country ORDER BY country COLLATE "C"$$),
(false, 'a condition above a left join', $$
  SELECT RATE FROM orders o LEFT JOIN customers c USING (customer_id)
   WHERE coalesce(country, 'de') = 'de'$$),
(false, 'a volatile key', $$
  SELECT RATE FROM orders o JOIN customers USING (customer_id) GROUP BY random() < 2$$),
(false, 'an expression of a number of several spellings', $$
  SELECT planet::text < '1.00', RATE FROM orders o JOIN customers USING (customer_id)
    JOIN countries USING (country) GROUP BY 1 ORDER BY 1$$),
(false, 'FILTER on the other side', $$
  SELECT RATE FILTER (WHERE country = 'de') FROM orders o JOIN customers USING (customer_id)$$)
  ) AS v (served, shape, query);
SELECT shape, c.scan, c.scan = served AS expected, c.same, c.answer
  FROM shapes, compare(query) AS c ORDER BY no;

-- Facts are gathered by the key of the join first, if groups and customers depend on nothing else,
-- and the keys are integers close to each other.
CREATE FUNCTION facts_first(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  plan text;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, FORMAT JSON) ' || query INTO plan;
  RETURN substring(plan FROM '"Facts First": (\w+)');
END $$;
SELECT shape, f AS facts_first FROM shapes, facts_first(query) AS f WHERE f IS NOT NULL ORDER BY no;

-- With little memory the scan reads the tables several times, but joins to the same rows.
SET work_mem = '64kB';
SELECT shape, c.scan, c.same FROM shapes, compare(query) AS c
 WHERE served AND shape ~ 'GROUP|group' ORDER BY no;
RESET work_mem;

-- In a parallel plan each process reads the other side, and customers keep their values.
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
ALTER TABLE orders SET (parallel_workers = 2);
SELECT nodes($$
  SELECT country, reactivation_tally(email, ordered_at, '[2024-01-01,2024-01-21)', '10 days')
    FROM orders o JOIN customers USING (customer_id) GROUP BY country$$);
SELECT shape, c.scan, c.same FROM shapes, compare(query) AS c WHERE served ORDER BY no;
-- PostgreSQL 16 and later leave out keys that are constant or equal to another key.
SELECT c.same FROM compare($$
  SELECT region, reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-01-21)', '10 days')
    FROM orders WHERE region = 1 GROUP BY region$$) AS c;
SELECT c.same FROM compare($$
  SELECT o.customer_id, c.customer_id,
         reactivation_tally(email, ordered_at, '[2024-01-01,2024-01-21)', '10 days')
    FROM orders o JOIN customers c ON c.customer_id = o.customer_id
   GROUP BY o.customer_id, c.customer_id ORDER BY o.customer_id$$) AS c;
SET max_parallel_workers_per_gather = 0;

-- A generic plan, with parameters on both sides, before and after a change of both tables.
SET plan_cache_mode = force_generic_plan;
PREPARE by_country(tstzrange, text, int) AS
SELECT country, reactivation_tally(customer_id, ordered_at, $1, '10 days')
  FROM orders JOIN customers USING (customer_id) WHERE country <> $2 AND region < $3
 GROUP BY country ORDER BY country COLLATE "C";
EXPLAIN (COSTS OFF) EXECUTE by_country('[2024-01-01,2024-01-21)', 'fr', 3);
EXECUTE by_country('[2024-01-01,2024-01-21)', 'fr', 3);
BEGIN;
UPDATE customers SET country = 'at' WHERE customer_id % 3 = 0;
DELETE FROM orders WHERE customer_id % 5 = 0;
EXECUTE by_country('[2024-01-01,2024-01-21)', 'fr', 3);
ROLLBACK;
EXECUTE by_country('[2024-02-01,2024-04-01)', 'de', 4);

-- Row security on the other side, and a view that is a security barrier.
CREATE VIEW a_barrier WITH (security_barrier) AS SELECT * FROM customers WHERE country <> 'fr';
SELECT c.* FROM compare($$
  SELECT country, reactivation_tally(o.customer_id, ordered_at, '[2024-01-01,2024-01-21)',
                                     '10 days')
    FROM orders o JOIN a_barrier USING (customer_id) GROUP BY country ORDER BY 1$$) AS c;
SELECT 'scan_join_reader_' || txid_current() AS reader \gset
CREATE ROLE :"reader";
GRANT USAGE ON SCHEMA scan_join TO :"reader";
GRANT SELECT ON orders TO :"reader";
SET ROLE :"reader";
SELECT reactivation_tally(o.customer_id, ordered_at, '[2024-01-01,2024-01-21)', '10 days')
  FROM orders o JOIN customers USING (customer_id);
RESET ROLE;
GRANT SELECT ON customers TO :"reader";
ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
CREATE POLICY half ON customers USING (customer_id < 500);
SET ROLE :"reader";
SELECT c.* FROM compare($$
  SELECT reactivation_tally(o.customer_id, ordered_at, '[2024-01-01,2024-01-21)', '10 days')
    FROM orders o JOIN customers USING (customer_id)$$) AS c;
RESET ROLE;
DROP OWNED BY :"reader";
DROP ROLE :"reader";

DROP SCHEMA scan_join CASCADE;
