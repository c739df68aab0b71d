--
-- scan_list.sql
--
-- Proves that a Winback Scan computes lists of customers: GROUP BY the customer, with aggregates
-- over the rows of each customer and with count, min, max, sum and avg.  Each query is planned and
-- run with and without the scan, and the answers must be the same, to the last digit.  Some are
-- compared with plain SQL, too.
--
SET client_min_messages = error;
SET jit = off;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SET max_parallel_workers_per_gather = 0;
SET winback.enable_scan = on;
CREATE SCHEMA scan_list;
SET search_path = scan_list, public;
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/include/helpers.sql'
\i :helpers

-- Orders with few distinct times, many of them at the edges of the periods below, so that ties and
-- boundaries are frequent.  The sums of amounts exceed 64 bits for some customers, others have
-- amounts of several scales, NaN or infinity.
CREATE FUNCTION at_or_near(n bigint) RETURNS timestamp LANGUAGE sql STABLE AS $$
  SELECT CASE pick(n, 1, 12)
    WHEN 0 THEN NULL
    WHEN 1 THEN CASE pick(n, 2, 9) WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' END::timestamp
    WHEN 2 THEN timestamp '2022-01-01' + pick(n, 3, 1500) * interval '1 day'
    ELSE pick(n, 4, '{2024-01-01,2024-04-01,2023-10-03,2024-01-02,2023-01-01,2023-04-01}'
                    ::timestamp[])
         + pick(n, 5, '{0,1,-1}'::int[]) * pick(n, 6, '{1 us,1 day}'::interval[])
  END
$$;
CREATE DOMAIN customer_number AS int8;
CREATE TABLE orders (
  dropped text, customer int8, padding text, at timestamptz, event lifecycle_event,
  amount numeric, price numeric(10,2), small int2, middle int4, big int8, day date,
  local timestamp, region int);
INSERT INTO orders
SELECT 'gone', nullif(pick(n, 10, 400), 0) - 20, repeat('-', pick(n, 11, 40)),
       at_or_near(n) AT TIME ZONE 'UTC',
       pick(n, 12, '{purchase,purchase,purchase,cancellation,interest,adjustment,NULL}'
                   ::lifecycle_event[]),
       CASE pick(n, 13, 40)
         WHEN 0 THEN NULL
         WHEN 1 THEN 'NaN'
         WHEN 2 THEN 'infinity'
         WHEN 3 THEN '-infinity'
         WHEN 4 THEN 9e18
         WHEN 5 THEN 1e-25
         WHEN 6 THEN -123456789012345678901234567890.5
         ELSE pick(n, 14, '{1,1.5,-2.25,1.50,0.00,1000000}'::numeric[])
       END,
       nullif(pick(n, 15, 3000), 0) / 100.0, nullif(pick(n, 16, 65536) - 32768, 0),
       pick(n, 17, '{-2147483648,2147483647,0,5,NULL}'::int[]),
       pick(n, 18, '{-9223372036854775808,9223372036854775807,0,5,NULL}'::int8[]),
       at_or_near(n * 2 + 1)::date, at_or_near(n * 3 + 2), pick(n, 19, 4)
  FROM generate_series(1, 4000) AS n;
ALTER TABLE orders DROP COLUMN dropped;
-- the same customers as other types
ALTER TABLE orders
  ADD COLUMN customer2 int2, ADD COLUMN customer4 int4, ADD COLUMN number customer_number,
  ADD COLUMN far int8, ADD COLUMN name text, ADD COLUMN code varchar(40), ADD COLUMN id uuid,
  ADD COLUMN born date, ADD COLUMN since timestamptz, ADD COLUMN insensitive text,
  ADD COLUMN padded char(8), ADD COLUMN exact numeric;
UPDATE orders
   SET customer2 = customer, customer4 = customer * 5000000, number = customer,
       far = customer * 40000000000,
       name = CASE WHEN customer % 3 = 0 THEN 'c' || customer
                   WHEN customer % 50 = 1 THEN repeat('customer ' || customer, 400)
                   WHEN customer % 50 = 2 THEN ''
                   ELSE 'customer number ' || customer || ' of many' END,
       code = 'c' || customer, id = md5(customer::text)::uuid,
       born = date '1990-01-01' + customer::int,
       since = CASE customer WHEN 1 THEN 'infinity' ELSE timestamptz '2020-01-01'
               + customer * interval '1 hour' END,
       insensitive = CASE region % 2 WHEN 0 THEN 'C' ELSE 'c' END || customer,
       padded = 'c' || customer, exact = customer + CASE region WHEN 0 THEN 0.0 ELSE 0.00 END;
-- the rows above do not have this column on disk: they have the default
ALTER TABLE orders ADD COLUMN shop text DEFAULT 'first';
INSERT INTO orders (customer, at, event, shop, amount)
SELECT n % 500, timestamptz '2024-03-01' + n * interval '1 minute', 'purchase', 'second', n
  FROM generate_series(1, 600) AS n;
DELETE FROM orders WHERE customer % 50 = 7;
UPDATE orders SET amount = amount + 1 WHERE customer % 50 = 9;
ANALYZE orders;

-- Plan and run a query with and without the scan.  Return whether the plan has a Winback Scan,
-- whether the answers are the same, and the answer.
CREATE FUNCTION compare(query text, OUT scan bool, OUT same bool, OUT answer text)
LANGUAGE plpgsql AS $$
DECLARE
  line text;
  without text;
  run text := 'SELECT string_agg(q::text, E''\n'' ORDER BY q::text COLLATE "C") FROM ('
              || query || ') q';
BEGIN
  scan := false;
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    scan := scan OR line LIKE '%Custom Scan (Winback Scan)%';
  END LOOP;
  EXECUTE run INTO answer;
  SET LOCAL winback.enable_scan = off;
  EXECUTE run INTO without;
  SET LOCAL winback.enable_scan = on;
  same := answer IS NOT DISTINCT FROM without;
  IF length(answer) > 60 THEN
    answer := length(answer) || ' characters, '
              || cardinality(string_to_array(answer, E'\n')) || ' rows';
  END IF;
END $$;

-- Every aggregate, over every type of customer and of time, with and without events.
CREATE TABLE aggregates (no int, times text, aggregate text);
INSERT INTO aggregates VALUES
  (1, 'instants', $$lifecycle_at(AT, '2024-01-01', '90 days', '1 year')$$),
  (2, 'instants', $$lifecycle_during(AT, PERIOD'[2024-01-01,2024-04-01)', '90 days', '1 year')$$),
  (3, 'instants', $$lifecycle_at(AT, event, '2024-01-01', '90 days', NULL)$$),
  (4, 'instants', $$lifecycle_at(AT, event, '2024-04-01', '1 month', '6 months')
                      FILTER (WHERE region <> 1)$$),
  (5, 'instants', $$lifecycle_during(AT, event, PERIOD'[2024-01-01,2024-04-01)', '90 days',
                                     '1 year')$$),
  (6, 'instants', $$min(AT)$$),
  (7, 'instants', $$max(AT)$$),
  (8, 'instants', $$explain_lifecycle(AT, event, PERIOD'[2024-01-01,)', '90 days', '1 year')
                      FILTER (WHERE isfinite(AT))$$),
  (9, 'instants', $$explain_lifecycle(AT, PERIOD'[2024-01-01,2024-04-01)', '90 days', NULL)
                      FILTER (WHERE AT > '-infinity')$$),
  (10, 'all', $$count(*)$$),
  (11, 'all', $$count(amount)$$),
  (12, 'all', $$count(*) FILTER (WHERE length(padding) > 10)$$),
  (13, 'all', $$count(1)$$),
  (14, 'all', $$sum(amount)$$),
  (15, 'all', $$sum(price) FILTER (WHERE region = 2)$$),
  (16, 'all', $$sum(small)$$),
  (17, 'all', $$sum(middle)$$),
  (18, 'all', $$sum(big)$$),
  (19, 'all', $$min(small)$$),
  (20, 'all', $$max(small)$$),
  (21, 'all', $$min(middle)$$),
  (22, 'all', $$max(middle)$$),
  (23, 'all', $$min(big)$$),
  (24, 'all', $$max(big) FILTER (WHERE big < 9 OR padding > '----')$$),
  (25, 'all', $$avg(amount)$$),
  (26, 'all', $$avg(price) FILTER (WHERE region = 2)$$),
  (27, 'all', $$avg(small)$$),
  (28, 'all', $$avg(middle)$$),
  (29, 'all', $$avg(big)$$),
  (30, 'all', $$lifecycle_at(day, event, '2024-01-01', '90 days', '1 year')$$);
SELECT count(*) AS queries, count(*) FILTER (WHERE c.scan) AS served,
       count(*) FILTER (WHERE c.same) AS same
  FROM unnest('{customer,customer2,customer4,number,far,name,code,id,born,since}'::text[]) AS key,
       (VALUES ('at', 'tstzrange'), ('local', 'tsrange'), ('day', 'daterange')) AS t (at, period),
       (SELECT string_agg(aggregate, ', ' ORDER BY no) FROM aggregates) AS a (list),
       compare(format('SELECT %s, %s FROM orders GROUP BY 1', key,
                      replace(replace(list, 'AT', at), 'PERIOD', period))) AS c;
-- each of them alone, beside one of winback, and with conditions that leave some customers out
SELECT aggregate, conditions, c.*
  FROM aggregates,
       unnest('{true,region = 1,length(padding) > 20 AND region <> 2}'::text[]) AS conditions,
       compare(format($$SELECT customer, lifecycle_at(at, '2023-04-01', '1 month', NULL), %s
                          FROM orders WHERE %s GROUP BY customer$$,
                      replace(replace(aggregate, 'AT', 'at'), 'PERIOD', 'tstzrange'),
                      conditions)) AS c
 WHERE NOT c.scan OR NOT c.same;

-- Random lists.
CREATE TABLE lists AS
SELECT n, format(
         'SELECT %s FROM orders WHERE %s GROUP BY %s HAVING %s',
         (SELECT string_agg(replace(replace(aggregate, 'AT', at), 'PERIOD', period), ', '
                            ORDER BY pick(n, 100 + no, 1000))
            FROM aggregates WHERE pick(n, 200 + no, 4) = 0 OR no = 1),
         pick(n, 3, '{true,region = 1,region > 0 AND amount < 5,amount IS NOT NULL,
                      length(padding) > 20,customer > 5 OR customer IS NULL,region > 9,at IS NULL}'
                    ::text[]),
         pick(n, 4, '{customer,customer4,far,name,id,code,name}'::text[]),
         pick(n, 5, '{true,count(*) > 2,max(at) < ''2024-01-01'',sum(price) > 100}'::text[])
       ) AS query
  FROM generate_series(1, 150) AS n,
       LATERAL (SELECT pick(n, 1, '{at,local,day}'::text[]) AS at) AS a,
       LATERAL (SELECT CASE at WHEN 'at' THEN 'tstzrange' WHEN 'local' THEN 'tsrange'
                       ELSE 'daterange' END AS period) AS p;
SELECT count(*) AS queries, count(*) FILTER (WHERE c.scan) AS served,
       count(*) FILTER (WHERE c.same) AS same, count(DISTINCT c.answer) > 100 AS differing
  FROM lists, compare(query) AS c;

-- The definitions in plain SQL, for one instant and one period.
CREATE VIEW list AS
SELECT customer,
       lifecycle_at(at, event, '2024-01-01', '90 days', '1 year') AS standing,
       lifecycle_during(at, event, '[2024-01-01,2024-04-01)', '90 days', '1 year') AS status
  FROM orders GROUP BY customer;
SELECT nodes('SELECT * FROM list') AS no_aggregate;
CREATE FUNCTION standing(at timestamptz, known bool, p timestamptz, x timestamptz)
RETURNS text LANGUAGE sql AS $$
  SELECT CASE WHEN NOT known THEN NULL
              WHEN p IS NULL THEN 'prospect'
              WHEN x >= p OR p < at - interval '1 year' THEN 'churned'
              WHEN p < at - interval '90 days' THEN 'inactive'
              ELSE 'active' END
$$;
WITH facts AS (
  SELECT customer,
         coalesce(bool_or(at < '2024-01-01'), false) AS known,
         max(at) FILTER (WHERE event = 'purchase' AND at < '2024-01-01') AS p,
         max(at) FILTER (WHERE event = 'cancellation' AND at < '2024-01-01') AS x,
         coalesce(bool_or(at < '2024-04-01'), false) AS known_end,
         max(at) FILTER (WHERE event = 'purchase' AND at < '2024-04-01') AS p_end,
         max(at) FILTER (WHERE event = 'cancellation' AND at < '2024-04-01') AS x_end,
         coalesce(bool_or(event = 'purchase' AND at >= '2024-01-01' AND at < '2024-04-01'), false)
           AS bought
    FROM (SELECT customer, CASE WHEN event <> 'adjustment' THEN at END AS at, event
            FROM orders) AS o
   GROUP BY customer),
standings AS (
  SELECT *, standing('2024-01-01', known, p, x) AS at_start,
         standing('2024-04-01', known_end, p_end, x_end) AS at_end
    FROM facts)
SELECT count(*) AS customers, count(*) FILTER (WHERE s.at_start IS NOT DISTINCT FROM
                                                     l.standing::text) AS same_standing,
       count(*) FILTER (
         WHERE l.status::text IS NOT DISTINCT FROM
               CASE WHEN NOT bought THEN at_end
                    WHEN at_start IS NULL OR at_start = 'prospect' THEN 'new'
                    WHEN at_start = 'churned' THEN 'won_back'
                    WHEN at_start = 'inactive' THEN 'reactivated'
                    ELSE 'active' END) AS same_status
  FROM standings s FULL JOIN list l ON coalesce(s.customer, 1000) = coalesce(l.customer, 1000);

-- Shapes of queries that the scan serves, and shapes that it leaves to PostgreSQL.
CREATE TABLE shapes (no serial, shape text, served bool, query text);
INSERT INTO shapes (served, shape, query)
SELECT served, shape,
       replace(query, 'STANDING', $$lifecycle_at(at, '2024-01-01', '90 days', '1 year')$$)
  FROM (VALUES
(true, 'a list', 'SELECT customer, STANDING FROM orders GROUP BY customer'),
(true, 'without the customer', 'SELECT STANDING FROM orders GROUP BY customer'),
(true, 'no rows', 'SELECT customer, STANDING FROM orders WHERE region > 9 GROUP BY 1'),
(true, 'only rows without a customer', $$
  SELECT customer, STANDING, count(*) FROM orders WHERE customer IS NULL GROUP BY customer$$),
(true, 'only FILTER, so customers without such a row are groups', $$
  SELECT customer, STANDING FILTER (WHERE region = 1), count(*) FILTER (WHERE region = 2)
    FROM orders GROUP BY customer$$),
(true, 'below a second step', $$
  SELECT standing, count(*), sum(orders), max(last), sum(revenue)
    FROM (SELECT STANDING AS standing, count(*) AS orders, max(at) AS last, sum(price) AS revenue
            FROM orders GROUP BY customer) c GROUP BY standing$$),
(true, 'HAVING of the status', $$
  SELECT customer, max(at) FROM orders GROUP BY customer HAVING STANDING = 'churned'$$),
(true, 'expressions of results', $$
  SELECT customer + 1, STANDING::text || '!', round(sum(price) / count(*), 3), rank() OVER
         (ORDER BY max(at), customer) FROM orders GROUP BY customer$$),
(true, 'a cast that does not change the customer', $$
  SELECT code::text AS c, STANDING FROM orders GROUP BY code::text$$),
(true, 'a constant event, a constant time, a constant amount', $$
  SELECT customer, lifecycle_at(at, 'cancellation', '2024-01-01', '90 days', NULL),
         lifecycle_at('2023-12-01'::timestamptz, event, '2024-01-01', '90 days', NULL),
         lifecycle_at(NULL::timestamptz, '2024-01-01', '90 days', NULL), sum(1.50), sum(7),
         count(NULL) FROM orders GROUP BY customer$$),
(true, 'a period from a subquery', $$
  SELECT customer, lifecycle_during(at, (SELECT tstzrange('2024-01-01', '2024-04-01')), '90 days',
                                    NULL) FROM orders GROUP BY customer$$),
(true, 'correlated, scanned several times', $$
  SELECT r, (SELECT string_agg(c::text, ' ' ORDER BY c::text COLLATE "C")
               FROM (SELECT customer, lifecycle_at(at, timestamptz '2024-01-01' - r * interval
                                                   '1 month', '90 days', '1 year'), sum(price)
                       FROM orders WHERE region = r GROUP BY customer) c)
    FROM generate_series(0, 4) AS r$$),
(true, 'LIMIT', $$
  SELECT count(*), count(s) IS NULL FROM (SELECT STANDING AS s FROM orders GROUP BY customer
                                           LIMIT 5) c$$),
(true, 'ORDER BY', 'SELECT customer, STANDING FROM orders GROUP BY customer ORDER BY 1 DESC'),
(true, 'the same aggregate twice', $$
  SELECT customer, STANDING, STANDING IS NULL, sum(price), sum(price) + 1, count(*), count(*)
    FROM orders GROUP BY customer$$),
(true, 'the customer in aggregates, FILTER, HAVING and WHERE', $$
  SELECT count(customer), sum(customer), max(customer), STANDING FILTER (WHERE customer % 2 = 0),
         count(*) FILTER (WHERE customer > 5)
    FROM orders WHERE customer % 3 = 0 OR customer IS NULL GROUP BY customer
   HAVING customer IS NULL OR customer + count(*) > 7$$),
(true, 'a default that is not on disk, as customer', $$
  SELECT shop, STANDING, count(*) FROM orders GROUP BY shop$$),
(false, 'only aggregates of PostgreSQL', 'SELECT customer, count(*) FROM orders GROUP BY customer'),
(false, 'another aggregate', $$
  SELECT customer, STANDING, stddev(price) FROM orders GROUP BY customer$$),
(false, 'min of a text', 'SELECT customer, STANDING, min(name) FROM orders GROUP BY customer'),
(false, 'a rate beside it', $$
  SELECT customer, STANDING, reactivation_tally(customer, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM orders GROUP BY customer$$),
(false, 'DISTINCT', $$
  SELECT customer, STANDING, count(DISTINCT region) FROM orders GROUP BY customer$$),
(false, 'ORDER BY in the aggregate', $$
  SELECT customer, lifecycle_at(at, '2024-01-01', '90 days', '1 year' ORDER BY at)
    FROM orders GROUP BY customer$$),
(false, 'GROUP BY two columns', 'SELECT customer, STANDING FROM orders GROUP BY customer, region'),
(false, 'GROUP BY an expression', 'SELECT customer % 7, STANDING FROM orders GROUP BY 1'),
(false, 'no GROUP BY', 'SELECT STANDING FROM orders'),
(false, 'grouping sets', $$
  SELECT customer, STANDING FROM orders GROUP BY GROUPING SETS (customer, ())$$),
-- 5.0 and 5.00 are one customer, and which of them is shown depends on the order of the rows
(false, 'numeric customers', 'SELECT trim_scale(exact)::text, STANDING FROM orders GROUP BY exact'),
(false, 'char(n) customers', 'SELECT padded, STANDING FROM orders GROUP BY padded'),
(false, 'a question that differs from row to row', $$
  SELECT customer, lifecycle_at(at, since, '90 days', '1 year') FROM orders
   WHERE since < 'infinity' GROUP BY customer$$),
(false, 'a volatile condition', $$
  SELECT customer, STANDING FROM orders WHERE random() >= 0 GROUP BY customer$$)
  ) AS v (served, shape, query);
SELECT shape, c.scan, c.scan = served AS expected, c.same, c.answer
  FROM shapes, compare(query) AS c ORDER BY no;
DROP TABLE shapes;

-- A customer whose equal spellings differ: PostgreSQL chooses the spelling.
CREATE COLLATION insensitive (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
SELECT c.* FROM compare($$
  SELECT lower(insensitive COLLATE "C"), lifecycle_at(at, '2024-01-01', '90 days', '1 year')
    FROM (SELECT insensitive COLLATE insensitive AS insensitive, at FROM orders) o
   GROUP BY insensitive$$) AS c;

-- A user's aggregate with the name or with a function of another one is not taken for it.
CREATE AGGREGATE count(numeric) (sfunc = numeric_add, stype = numeric, initcond = '0');
CREATE AGGREGATE count_from_five(*) (sfunc = int8inc, stype = int8, initcond = '5');
SELECT c.* FROM
  unnest('{scan_list.count(price),count_from_five(*)}'::text[]) AS other,
  compare(format($$
    SELECT customer, lifecycle_at(at, '2024-01-01', '90 days', '1 year'), %s
      FROM orders GROUP BY customer$$, other)) AS c;

-- More customers than work_mem holds: the tables are read several times.  Texts, uuids, integers
-- close to each other and far apart, and sums that need memory of their own.
CREATE TABLE many AS
SELECT n % 20011 AS close, (n % 20011) * 1000003 AS far, 'customer ' || n % 20011 AS name,
       repeat('customer ', (n % 20011 % 4)::int) || n % 20011 AS long,
       md5((n % 20011)::text)::uuid AS id, (n % 20011 - 15000)::int2 AS small,
       date '2000-01-01' + (n % 20011)::int AS day,
       timestamptz '2000-01-01' + n % 20011 * interval '1 hour' AS since,
       timestamptz '2023-01-01' + n * 7919 % 10007 * interval '65 minutes' AS at,
       (n % 977)::numeric / (ARRAY[1, 10, 100])[1 + n % 3] AS amount
  FROM generate_series(1::int8, 40000) AS n;
INSERT INTO many (at, amount) VALUES ('2024-01-01', 1), ('2023-01-01', NULL);
ANALYZE many;
SET work_mem = '256kB';
SET enable_sort = off;
SET seq_page_cost = 0;
CREATE FUNCTION passes(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || query INTO plan;
  RETURN coalesce(plan -> 0 -> 'Plan' ->> 'Passes', plan -> 0 -> 'Plan' -> 'Plans' -> 0
                  ->> 'Passes');
END $$;
SELECT key, passes(query) > 1 AS passes, c.*
  FROM unnest('{close,far,name,long,id,small,day,since}'::text[]) AS key,
       format($$SELECT %s, lifecycle_at(at, '2024-01-01', '90 days', '1 year'), sum(amount),
                       count(*) FILTER (WHERE amount > 5), max(at) FILTER (WHERE amount < 5)
                  FROM many GROUP BY 1$$, key) AS query,
       compare(query) AS c;
SELECT passes(query) > 1 AS passes, c.*
  FROM (VALUES ($$
    SELECT name, explain_lifecycle(at, '[2024-01-01,2024-04-01)', '90 days', '1 year')
      FROM many WHERE amount > 3 GROUP BY name HAVING count(*) > 1$$)) AS v (query),
       compare(query) AS c;
-- the smallest limit
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
SELECT passes(query) > 8 AS passes, c.*
  FROM (VALUES ($$
    SELECT far, lifecycle_at(at, '2024-01-01', '90 days', '1 year'), sum(amount) FROM many
     GROUP BY far$$)) AS v (query),
       compare(query) AS c;
RESET seq_page_cost;
RESET hash_mem_multiplier;
RESET enable_sort;
-- The planner knows that a pass only keeps its part of the customers, and that a table which fits
-- effective_cache_size is read from disk once: some passes are cheaper than a plan that writes the
-- rows to disk.
SET work_mem = '1MB';
SELECT passes(query) BETWEEN 2 AND 8 AS some_passes, c.*
  FROM (VALUES ('SELECT far, history_agg(at) FROM many GROUP BY far')) AS v (query),
       compare(query) AS c;
CREATE FUNCTION cost(query text, cache text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  PERFORM set_config('effective_cache_size', cache, true);
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  RETURN plan -> 0 -> 'Plan' ->> 'Total Cost';
END $$;
SELECT cost(query, '64kB') - cost(query, '1GB') > pg_relation_size('many') / 8192 AS reads_again
  FROM (VALUES ('SELECT far, history_agg(at) FROM many GROUP BY far')) AS v (query);
RESET work_mem;
SET enable_sort = off;

-- In parallel, the processes divide the customers: each reads all rows, and has some of the
-- customers.  EXPLAIN adds up their customers, and counts once the rows that all of them read.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET cpu_operator_cost = 1;
SET max_parallel_workers_per_gather = 3;
CREATE FUNCTION divided(query text, OUT gather text, OUT divided text, OUT rows_scanned int,
                        OUT customers int, OUT passes bool)
LANGUAGE plpgsql AS $$
DECLARE
  plan json;
  scan json;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || query INTO plan;
  gather := plan -> 0 -> 'Plan' ->> 'Node Type';
  scan := plan -> 0 -> 'Plan' -> 'Plans' -> 0;
  divided := scan ->> 'Divided By';
  rows_scanned := scan ->> 'Rows Scanned';
  customers := scan ->> 'Customers';
  passes := scan ->> 'Passes' IS NOT NULL;
END $$;
CREATE TABLE fewer AS SELECT * FROM many WHERE close < 2000 OR close IS NULL;
ANALYZE fewer;
CREATE TABLE asked AS
SELECT key, format($$SELECT %s, history_agg(at, amount), sum(amount),
                            lifecycle_at(at, '2024-01-01', '90 days', '1 year')
                       FROM fewer GROUP BY 1$$, key) AS query
  FROM unnest('{close,far,name,long,id,small,day,since}'::text[]) AS key;
SELECT key, gather, divided, rows_scanned, customers, scan, same, answer
  FROM asked, compare(query), divided(query);
-- without the leader
SET parallel_leader_participation = off;
SELECT key, scan, same, answer FROM asked, compare(query);
RESET parallel_leader_participation;
-- no worker starts: the leader takes the parts of all, one after the other
SET max_parallel_workers = 0;
SELECT key, d.*, scan, same FROM asked, compare(query), divided(query) AS d;
RESET max_parallel_workers;
-- each process returns its customers in several parts
SET work_mem = '256kB';
SET seq_page_cost = 0;
SET cpu_operator_cost = 0.05;
SELECT key, d.*, scan, same
  FROM asked, replace(query, 'fewer', 'many') AS more, compare(more), divided(more) AS d
 WHERE key IN ('close', 'name');
RESET work_mem;
RESET seq_page_cost;
SET cpu_operator_cost = 1;
-- a process stops early, or starts again
SELECT count(*) AS customers
  FROM (SELECT name, history_agg(at, amount) FROM many GROUP BY 1 LIMIT 100) AS m;
SET enable_material = off;
SELECT nodes(query), c.*
  FROM (VALUES ($$
    SELECT round, count(*) AS customers, sum(purchases(history)) AS purchases
      FROM (VALUES (1), (2), (3)) AS rounds (round)
           LEFT JOIN (SELECT far, history_agg(at, amount) AS history FROM many GROUP BY far)
             AS histories ON true
     GROUP BY round$$)) AS v (query), compare(query) AS c;
RESET enable_material;
-- the next step of the query is parallel, too
SELECT nodes(query), c.*
  FROM (VALUES ($$
    SELECT status, count(*), sum(purchases)
      FROM (SELECT long, lifecycle_at(at, '2024-01-01', '90 days', '1 year') AS status,
                   history_agg(at) AS history, count(*) AS purchases, max(at), min(at)
              FROM many GROUP BY long) AS customers
     WHERE purchases(history) > 0
     GROUP BY status$$)) AS v (query), compare(query) AS c;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET cpu_operator_cost;
SET max_parallel_workers_per_gather = 0;
RESET enable_sort;

-- Partitions with the columns in another order, and dropped ones between them; inheritance.
CREATE TABLE shops (
  customer int8, name text, at timestamptz, event lifecycle_event, region int, amount numeric)
  PARTITION BY LIST (region);
CREATE TABLE shop_0 (
  gone int, amount numeric, dropped text, region int, at timestamptz, name text, customer int8,
  event lifecycle_event);
ALTER TABLE shop_0 DROP COLUMN gone, DROP COLUMN dropped;
ALTER TABLE shops ATTACH PARTITION shop_0 FOR VALUES IN (0);
CREATE TABLE shop_1 PARTITION OF shops FOR VALUES IN (1);
CREATE TABLE shop_rest PARTITION OF shops DEFAULT;
INSERT INTO shops SELECT customer, name, at, event, region, amount FROM orders;
CREATE TABLE years (customer int8, name text, at timestamptz, event lifecycle_event, region int,
                    amount numeric);
CREATE TABLE year_2024 (
  gone int, at timestamptz, name text, amount numeric, region int, event lifecycle_event,
  customer int8);
ALTER TABLE year_2024 DROP COLUMN gone;
ALTER TABLE year_2024 INHERIT years;
INSERT INTO years
SELECT customer, name, at, event, region, amount FROM orders WHERE at < '2024-01-01';
INSERT INTO year_2024 (customer, name, at, event, region, amount)
SELECT customer, name, at, event, region, amount FROM orders WHERE at >= '2024-01-01';
ANALYZE shops, years;
SELECT name, key, c.scan, c.same
  FROM unnest('{shops,years,ONLY years,shop_0,year_2024}'::text[]) AS name,
       unnest('{customer,name}'::text[]) AS key,
       compare(format($$
         SELECT %s, lifecycle_at(at, event, '2024-01-01', '90 days', '1 year'), count(*),
                sum(amount) FILTER (WHERE region <> 1), max(at)
           FROM %s WHERE region <> 2 AND length(name) <> 5 GROUP BY 1$$, key, name)) AS c
 ORDER BY name, key;

-- Tables of a UNION ALL, with a constant event, a time of another type, and WHERE.
CREATE VIEW both_tables AS
SELECT customer, name, at, event, amount FROM orders WHERE region < 3
UNION ALL
SELECT customer4 / 5000000, code, day, 'cancellation', 1.5 FROM orders WHERE region = 3;
SELECT key, c.*
  FROM unnest('{customer,name}'::text[]) AS key,
       compare(format($$
         SELECT %s, lifecycle_at(at, event, '2024-01-01', '90 days', '1 year'), count(*),
                sum(amount) FILTER (WHERE event <> 'interest'), max(at)
           FROM both_tables WHERE amount > 1 GROUP BY 1$$, key)) AS c;

-- Prepared statements with parameters, in a generic plan.
SET plan_cache_mode = force_generic_plan;
PREPARE prepared(timestamptz, interval, int) AS
SELECT customer, lifecycle_at(at, $1, '90 days', $2), count(*), sum(price)
  FROM orders WHERE region = $3 GROUP BY customer HAVING count(*) > 3 AND customer < 3
 ORDER BY customer;
EXPLAIN (COSTS OFF) EXECUTE prepared('2024-01-01', '1 year', 1);
EXECUTE prepared('2024-01-01', '1 year', 1);
EXECUTE prepared('2023-01-01', NULL, 2);
RESET plan_cache_mode;

-- An invalid question raises the same error, and only if a row needs it.
\set VERBOSITY sqlstate
EXECUTE prepared('infinity', '1 year', 1);
EXECUTE prepared('2024-01-01', '1 day', 1);
EXECUTE prepared(NULL, '1 day', 1);
EXECUTE prepared(NULL, '1 day', 9);
SELECT customer, lifecycle_during(at, '[2024-01-01,)', '90 days', NULL) FROM orders GROUP BY 1;
SELECT customer, explain_lifecycle(at, '[2024-01-01,2024-04-01)', '90 days', NULL)
  FROM orders WHERE at < '2023-10-01' GROUP BY customer HAVING min(at) = max(at);
\set VERBOSITY default
SELECT c.* FROM compare($$
  SELECT count(s), count(*)
    FROM (SELECT lifecycle_at(at, 'infinity', '90 days', NULL) AS s FROM orders
           WHERE at IS NULL GROUP BY customer) o$$) AS c;

-- Privileges are checked: on columns, and on the functions of PostgreSQL's aggregates.
SELECT current_database() || '_lister' AS lister \gset
CREATE ROLE :"lister";
GRANT USAGE ON SCHEMA scan_list TO :"lister";
GRANT SELECT (customer, at) ON orders TO :"lister";
SET ROLE :"lister";
SELECT count(*) > 0 AS allowed
  FROM (SELECT customer, lifecycle_at(at, '2024-01-01', '90 days', NULL) FROM orders
         GROUP BY customer) o;
SELECT customer, lifecycle_at(at, '2024-01-01', '90 days', NULL), sum(price) FROM orders
 GROUP BY customer;
RESET ROLE;
BEGIN;
REVOKE EXECUTE ON FUNCTION count() FROM PUBLIC;
SET LOCAL ROLE :"lister";
SELECT customer, lifecycle_at(at, '2024-01-01', '90 days', NULL), count(*) FROM orders
 GROUP BY customer;
ROLLBACK;
REVOKE ALL ON SCHEMA scan_list FROM :"lister";
REVOKE ALL ON orders FROM :"lister";
DROP ROLE :"lister";

-- EXPLAIN shows the customer, HAVING, and the numbers that the scan counts.
CREATE FUNCTION explained(query text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE query LOOP
    CONTINUE WHEN line ~ 'Planning|Execution|Buffers|Query Identifier|Disabled|Storage';
    RETURN NEXT regexp_replace(regexp_replace(line, '((Memory|Passes): )\d+', '\1...'),
                               '(actual rows=\d+)\.00', '\1');
  END LOOP;
END $$;
SELECT * FROM explained($$EXPLAIN (ANALYZE, VERBOSE, COSTS OFF, TIMING OFF, BUFFERS OFF)
  SELECT customer, lifecycle_at(at, '2024-01-01', '90 days', '1 year'), count(*)
    FROM orders WHERE region > 0 GROUP BY customer HAVING max(at) > '2024-01-01'$$);
SET work_mem = '256kB';
SET enable_sort = off;
SELECT * FROM explained($$EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, BUFFERS OFF)
  SELECT name, lifecycle_at(at, '2024-01-01', '90 days', '1 year') FROM many GROUP BY name$$);
RESET enable_sort;
RESET work_mem;
DROP SCHEMA scan_list CASCADE;
