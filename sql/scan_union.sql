--
-- scan_union.sql
--
-- Proves which queries over a UNION ALL a Winback Scan serves, and that the answers are the same
-- with and without it, and the same as over one table with these rows.
--
SET jit = off;
SET TimeZone = 'UTC';
SET max_parallel_workers_per_gather = 0;
SET winback.enable_scan = on;
-- some thresholds are a minute, which is a warning
SET client_min_messages = error;
CREATE SCHEMA scan_union;
SET search_path = scan_union, public;

-- The tables of the branches have their columns in different orders, dropped columns, columns that
-- some rows do not have on disk, NULLs, other types, partitions and children.
CREATE TABLE orders (
  dropped text, customer_id int8, padding text, ordered_at timestamptz, amount numeric, region int);
INSERT INTO orders
SELECT 'gone', nullif(n * n % 4999, 0), repeat('-', n % 50),
       timestamptz '2023-01-01' + n * 7919 % 10007 * interval '65 minutes', n % 90, n % 4
  FROM generate_series(1, 10000) AS n;
ALTER TABLE orders DROP COLUMN dropped;
ALTER TABLE orders ADD COLUMN order_id serial PRIMARY KEY;
ALTER TABLE orders ADD COLUMN shop text DEFAULT 'first';
INSERT INTO orders (customer_id, ordered_at, amount, region, shop)
SELECT n * 13 % 4999, timestamptz '2024-03-01' + n * interval '1 minute', n, n % 4,
       CASE WHEN n % 2 = 0 THEN 'second' END
  FROM generate_series(1, 2000) AS n;
CREATE TABLE cancellations (
  dropped int, reason text, cancelled_at timestamptz, noticed_at timestamptz, customer_id int8,
  region int);
INSERT INTO cancellations
SELECT n, CASE WHEN n % 3 > 0 THEN 'price' END, timestamptz '2023-09-01' + n * interval '7 hours',
       timestamptz '2023-10-01' + n * interval '5 hours', n * 11 % 4999, n % 5
  FROM generate_series(1, 800) AS n;
CREATE TABLE leads (
  seen_on date, email varchar(40), customer_id int4, region int8) PARTITION BY LIST (region);
CREATE TABLE leads_0 PARTITION OF leads FOR VALUES IN (0, 1);
CREATE TABLE leads_2 (region int8, customer_id int4, gone text, email varchar(40), seen_on date);
ALTER TABLE leads_2 DROP COLUMN gone;
ALTER TABLE leads ATTACH PARTITION leads_2 FOR VALUES IN (2);
CREATE TABLE leads_rest PARTITION OF leads DEFAULT;
INSERT INTO leads
SELECT date '2023-01-01' + n % 400, 'Customer-' || n % 5500 || '@example.com', n % 5500, n % 4
  FROM generate_series(1, 3000) AS n;
CREATE TABLE refunds (amount numeric, paid_at timestamptz, customer_id int8, region int);
CREATE TABLE old_refunds (note text) INHERITS (refunds);
INSERT INTO refunds
SELECT -n % 7, timestamptz '2023-02-01' + n * interval '9 hours', n * 17 % 4999, n % 4
  FROM generate_series(1, 700) AS n;
INSERT INTO old_refunds
SELECT -n % 5, timestamptz '2023-01-01' + n * interval '3 hours', n * 19 % 4999, n % 4, 'old'
  FROM generate_series(1, 300) AS n;
ANALYZE;

CREATE TABLE customers (customer_id int8 PRIMARY KEY, country text, email text);
INSERT INTO customers
SELECT n, (ARRAY['DE', 'FR', NULL])[1 + n % 3], 'customer ' || n / 2
  FROM generate_series(1, 4500) AS n;
ANALYZE customers;

CREATE VIEW customer_events AS
SELECT customer_id, ordered_at AS at, lifecycle_event 'purchase' AS event FROM orders
UNION ALL
SELECT customer_id, cancelled_at, 'cancellation' FROM cancellations;
-- partitions, children, casts, the same column twice
CREATE VIEW all_events AS
SELECT customer_id, ordered_at AS at, ordered_at AS same_at, lifecycle_event 'purchase' AS event,
       amount, region, shop AS source FROM orders
UNION ALL
SELECT customer_id, cancelled_at, noticed_at, 'cancellation', NULL, region, reason
  FROM cancellations
UNION ALL
SELECT customer_id::int8, seen_on::timestamptz, seen_on::timestamptz, 'interest', NULL, region::int,
       lower(email)
  FROM leads
UNION ALL
SELECT customer_id, paid_at, paid_at, 'adjustment', amount, NULL, 'refund' FROM refunds;
-- WHERE in the branches, also in that of partitions
CREATE VIEW some_events AS
SELECT customer_id, ordered_at AS at, lifecycle_event 'purchase' AS event, amount, region
  FROM orders WHERE amount > 3 AND shop IS NOT NULL
UNION ALL
SELECT customer_id, cancelled_at, 'cancellation', NULL, region
  FROM cancellations WHERE reason = 'price' OR length(reason) + region = 2
UNION ALL
SELECT customer_id::int8, seen_on::timestamptz, 'interest', NULL, region::int
  FROM leads WHERE email LIKE '%7%' AND region <> 3
UNION ALL
SELECT customer_id, paid_at, 'adjustment', amount, region FROM refunds;
-- the branches have other types, so the planner converts the columns above them
CREATE VIEW mixed_events AS
SELECT customer_id, seen_on AS at, lifecycle_event 'interest' AS event, NULL::int AS amount, email
  FROM leads
UNION ALL
SELECT customer_id, ordered_at, 'purchase', amount, shop FROM orders WHERE amount > 3
UNION ALL
SELECT customer_id, cancelled_at, 'cancellation', NULL, reason FROM cancellations;
CREATE VIEW nested_events AS
SELECT customer_id, at, event FROM customer_events
UNION ALL
SELECT customer_id, same_at, event FROM all_events;
CREATE TABLE rows_of_all_events AS SELECT * FROM all_events;
CREATE TABLE rows_of_some_events AS SELECT * FROM some_events;
CREATE TABLE rows_of_mixed_events AS SELECT * FROM mixed_events;
CREATE TABLE rows_of_nested_events AS SELECT * FROM nested_events;
CREATE TABLE rows_of_customer_events AS SELECT * FROM customer_events;
ANALYZE;

-- Plan and run a query with and without the scan, and over tables with the rows of the views.
-- Return whether the plan has a Winback Scan, whether the answers are the same, and the answer.
CREATE FUNCTION compare(query text, OUT scan bool, OUT same bool, OUT answer text)
LANGUAGE plpgsql AS $$
DECLARE
  line text;
  without text;
  of_rows text;
BEGIN
  scan := false;
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    scan := scan OR line LIKE '%Custom Scan (Winback Scan)%';
  END LOOP;
  EXECUTE 'SELECT string_agg(q::text, '' '') FROM (' || query || ') q' INTO answer;
  SET LOCAL winback.enable_scan = off;
  EXECUTE 'SELECT string_agg(q::text, '' '') FROM (' || query || ') q' INTO without;
  EXECUTE 'SELECT string_agg(q::text, '' '') FROM ('
          || regexp_replace(query, '(customer|all|some|mixed|nested)_events', 'rows_of_\1_events',
                            'g') || ') q'
     INTO of_rows;
  SET LOCAL winback.enable_scan = on;
  same := answer IS NOT DISTINCT FROM without AND answer IS NOT DISTINCT FROM of_rows;
  -- show only the length of a long answer
  IF length(answer) > 100 THEN answer := length(answer) || ' characters'; END IF;
END $$;

CREATE TABLE shapes (no serial, shape text, served bool, query text);
INSERT INTO shapes (served, shape, query)
SELECT served, shape,
       replace(replace(query, 'TALLY', $$reactivation_tally(customer_id, at, event,
                                         '[2024-01-01,2024-04-01)', '90 days')$$),
               'PLAIN', $$reactivation_tally(customer_id, at, '[2024-01-01,2024-04-01)',
                                             '90 days')$$)
  FROM (VALUES
-- the scan serves these
(true, 'two tables', 'SELECT TALLY FROM customer_events'),
(true, 'four, with partitions, children and casts', 'SELECT TALLY FROM all_events'),
(true, 'views in a view, and the same table twice', 'SELECT TALLY FROM nested_events'),
(true, 'the period from a function in FROM', $$
  SELECT winback_tally(customer_id, at, event, period, NULL),
         winback_tally(customer_id, at, event, period, '90 days')
    FROM customer_events, tstzrange('2024-01-01', '2024-04-01') AS period$$),
(true, 'several aggregates, two columns that are one in some branches', $$
  SELECT TALLY, PLAIN,
         reactivation_tally(customer_id, same_at, event, '[2024-01-01,2024-04-01)', '90 days'),
         reactivation_tally(same_at, at, '[2023-11-01,2024-04-01)', '30 days') AS other
    FROM all_events$$),
(true, 'counts and a series, with events and amounts, which are NULL in some branches', $$
  SELECT lifecycle_counts(customer_id, at, event, amount, '[2024-01-01,2024-04-01)', '30 days',
                          '90 days'),
         lifecycle_series(customer_id, at, event, amount, '[2023-06-01,2024-04-01)', '1 month',
                          '30 days', '90 days')
    FROM all_events$$),
(true, 'a constant as the customer, and computed texts', $$
  SELECT reactivation_tally(event, at, '[2023-11-01,2024-04-01)', '1 minute'),
         reactivation_tally(source, at, '[2024-01-01,2024-04-01)', '90 days') FROM all_events$$),
(true, 'WHERE on the event', $$SELECT TALLY FROM customer_events WHERE event = 'purchase'$$),
(true, 'WHERE on the event and others', $$
  SELECT TALLY, PLAIN FROM all_events
   WHERE event <> 'interest' AND region < 3 AND customer_id % 7 > 0$$),
(true, 'WHERE on events that no branch has', $$
  SELECT TALLY FROM customer_events WHERE event > 'cancellation' OR customer_id < 0$$),
(true, 'WHERE on computed columns', $$
  SELECT TALLY FROM all_events WHERE source LIKE '%7%' OR at > '2024-01-01'$$),
(true, 'WHERE that not all branches can evaluate', $$
  SELECT TALLY FROM all_events
   WHERE event <> 'purchase' AND 1 / CASE event WHEN 'purchase' THEN 0 ELSE 1 END > 0$$),
(true, 'FILTER', $$
  SELECT TALLY FILTER (WHERE event = 'purchase'), PLAIN FILTER (WHERE event = 'cancellation') AS c,
         TALLY FILTER (WHERE amount > 30 OR event <> 'purchase') AS t,
         PLAIN FILTER (WHERE event = 'purchase' AND amount * 2 > 60) AS p,
         TALLY FILTER (WHERE region = 1 AND source IS NOT NULL) AS r, TALLY AS all
    FROM all_events$$),
(true, 'only FILTERs that accept no row', $$
  SELECT TALLY FILTER (WHERE event > 'adjustment'), PLAIN FILTER (WHERE event IS NULL)
    FROM all_events$$),
(true, 'a FILTER that only some branches can evaluate', $$
  SELECT TALLY FILTER (WHERE event = 'purchase' AND
                             1 / CASE event WHEN 'purchase' THEN 1 ELSE 0 END > 0)
    FROM customer_events$$),
(true, 'GROUP BY the event', $$
  SELECT event, PLAIN FROM customer_events GROUP BY event ORDER BY event$$),
(true, 'GROUP BY the event and others, with WHERE, FILTER and HAVING', $$
  SELECT region, event, PLAIN, TALLY FILTER (WHERE amount > 5) AS t FROM all_events
   WHERE event <> 'interest' AND coalesce(region, 0) < 3
   GROUP BY event, region HAVING PLAIN IS NOT NULL AND event < 'adjustment'
   ORDER BY event, region$$),
(true, 'GROUP BY a column that is computed in a branch, and an expression of columns', $$
  SELECT source, event::text || region AS e, TALLY FROM all_events WHERE length(source) < 22
   GROUP BY source, event::text || region ORDER BY 1, 2$$),
(true, 'GROUP BY a key that is NULL in a branch', $$
  SELECT amount > 50 AS much, TALLY FROM all_events GROUP BY 1 ORDER BY 1$$),
(true, 'an output that equals a constant of a branch', $$
  SELECT lifecycle_event 'purchase' AS constant, event, PLAIN FROM customer_events
   GROUP BY event ORDER BY event$$),
(true, 'a correlated subquery, scanned several times', $$
  SELECT r, (SELECT TALLY FROM all_events WHERE customer_id % 4 = r)
    FROM generate_series(0, 3) AS r$$),
(true, 'a correlated subquery that asks for an event', $$
  SELECT r, (SELECT PLAIN FROM all_events
              WHERE event = (ARRAY['purchase', 'cancellation']::lifecycle_event[])[r])
    FROM generate_series(0, 3) AS r$$),
(true, 'GROUP BY in a correlated subquery', $$
  SELECT r, (SELECT string_agg(x::text, ',' ORDER BY x)
               FROM (SELECT PLAIN AS x FROM all_events
                      WHERE customer_id % 5 <> r OR event = 'adjustment'
                      GROUP BY event, r) o)
    FROM generate_series(0, 4) AS r$$),
(true, 'a UNION ALL in the query, of a partition, a child and a table', $$
  SELECT reactivation_tally(c, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM (SELECT customer_id::text AS c, seen_on AS at FROM leads_2
          UNION ALL SELECT note, paid_at::date FROM old_refunds
          UNION ALL SELECT shop, ordered_at::date FROM orders) AS u (c, at)$$),
(true, 'one table without its children', $$
  SELECT reactivation_tally(c, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM (SELECT customer_id, paid_at FROM ONLY refunds
          UNION ALL SELECT customer_id, paid_at FROM refunds) AS u (c, at)$$),
(true, 'constants only', $$
  SELECT reactivation_tally(c, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM (SELECT 1, timestamptz '2024-02-01' FROM orders
          UNION ALL SELECT 1, '2023-02-01' FROM cancellations
          UNION ALL SELECT NULL, '2023-02-01' FROM cancellations) AS u (c, at)$$),
(true, 'GROUP BY a column that is a function without columns in a branch', $$
  SELECT what, PLAIN, current_setting('TimeZone') AS zone
    FROM (SELECT customer_id, ordered_at, shop FROM orders
          UNION ALL SELECT customer_id, paid_at, current_setting('TimeZone') FROM refunds)
           AS u (customer_id, at, what)
   GROUP BY what ORDER BY what$$),
(true, 'WHERE in the branches', 'SELECT TALLY FROM some_events'),
(true, 'branches of different types', 'SELECT TALLY FROM mixed_events'),
(true, 'WHERE in the branches, several aggregates, FILTER and WHERE', $$
  SELECT TALLY, PLAIN FILTER (WHERE event <> 'interest' AND region < 3) AS plain,
         lifecycle_counts(customer_id, at, event, amount, '[2024-01-01,2024-04-01)', '30 days',
                          '90 days')
    FROM some_events WHERE event <> 'cancellation' AND customer_id % 3 > 0$$),
(true, 'branches of different types, several aggregates, FILTER and WHERE', $$
  SELECT TALLY, PLAIN FILTER (WHERE event <> 'interest' AND amount > 7) AS plain,
         reactivation_tally(email, at, '[2024-01-01,2024-04-01)', '90 days') AS by_email,
         lifecycle_counts(customer_id, at, event, amount, '[2024-01-01,2024-04-01)', '30 days',
                          '90 days')
    FROM mixed_events WHERE amount IS NULL OR amount % 5 > 0$$),
(true, 'branches of different types, of which one remains', $$
  SELECT TALLY, PLAIN FROM mixed_events WHERE event = 'purchase' AND at > '2023-02-01'$$),
(true, 'WHERE in the branches, and GROUP BY', $$
  SELECT event, region, TALLY, PLAIN FILTER (WHERE amount > 5) AS p FROM some_events
   GROUP BY event, region ORDER BY event, region$$),
(true, 'branches of different types, and GROUP BY', $$
  SELECT event, amount % 4 AS four, TALLY FROM mixed_events
   GROUP BY 1, 2 HAVING PLAIN IS NOT NULL ORDER BY 1, 2$$),
(true, 'WHERE in the branches, in a correlated subquery', $$
  SELECT r, (SELECT TALLY FROM some_events WHERE customer_id % 4 = r),
         (SELECT TALLY FROM mixed_events WHERE customer_id % 4 = r AND at > '2023-03-01')
    FROM generate_series(0, 3) AS r$$),
(true, 'WHERE in the branches, of which the rows do not reach another that fails', $$
  SELECT reactivation_tally(c, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM (SELECT customer_id, ordered_at, region FROM orders WHERE region > 0
          UNION ALL SELECT customer_id, paid_at, 1 FROM refunds) AS u (c, at, r)
   WHERE 1 / r > 0$$),
(true, 'one partition remains', $$
  SELECT reactivation_tally(c, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM (SELECT customer_id, seen_on FROM leads WHERE region = 2 AND email LIKE 'C%'
          UNION ALL SELECT customer_id, paid_at::date FROM refunds WHERE amount < -2)
           AS u (c, at)$$),
(true, 'a join with attributes of customers', $$
  SELECT country, TALLY FROM customer_events JOIN customers USING (customer_id)
   GROUP BY country ORDER BY country$$),
(true, 'a join with attributes of customers, casts, WHERE and FILTER', $$
  SELECT country, event, PLAIN FILTER (WHERE region < 3) AS p, TALLY FROM all_events
    LEFT JOIN customers USING (customer_id) WHERE event <> 'adjustment'
   GROUP BY country, event ORDER BY country, event$$),
(true, 'a semi-join, WHERE in the branches', $$
  SELECT TALLY FROM some_events
   WHERE customer_id IN (SELECT customer_id FROM customers WHERE country = 'DE')$$),
(true, 'a join, branches of different types', $$
  SELECT country, TALLY FROM mixed_events JOIN customers USING (customer_id)
   WHERE amount IS NULL OR amount % 5 > 0 GROUP BY country ORDER BY country$$),
(true, 'customers from a join, by a key that is constant in a branch', $$
  SELECT reactivation_tally(c.email, u.at, '[2024-01-01,2024-04-01)', '90 days')
    FROM (SELECT customer_id, ordered_at AS at, 7 FROM orders
          UNION ALL SELECT 7, paid_at, 7 FROM refunds) AS u (id, at)
    JOIN customers c ON c.customer_id = u.id$$),
-- the scan leaves these to PostgreSQL
(false, 'a branch that joins', $$
  SELECT reactivation_tally(c, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM (SELECT o.customer_id, ordered_at FROM orders o JOIN cancellations USING (customer_id)
          UNION ALL SELECT customer_id, paid_at FROM refunds) AS u (c, at)$$),
(false, 'a branch with LIMIT', $$
  SELECT reactivation_tally(c, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM ((SELECT customer_id, ordered_at FROM orders ORDER BY 2, 1 LIMIT 100)
          UNION ALL SELECT customer_id, paid_at FROM refunds) AS u (c, at)$$),
(false, 'a branch that aggregates', $$
  SELECT reactivation_tally(c, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM (SELECT customer_id, max(ordered_at) FROM orders GROUP BY 1
          UNION ALL SELECT customer_id, paid_at FROM refunds) AS u (c, at)$$),
(false, 'a branch without a table', $$
  SELECT reactivation_tally(c, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM (SELECT 7::int8, timestamptz '2023-02-01'
          UNION ALL SELECT customer_id, paid_at FROM refunds) AS u (c, at)$$),
(false, 'a branch with DISTINCT', $$
  SELECT reactivation_tally(c, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM (SELECT DISTINCT customer_id, seen_on FROM leads
          UNION ALL SELECT customer_id, paid_at FROM refunds) AS u (c, at)$$),
(false, 'a subquery in WHERE of a branch', $$
  SELECT reactivation_tally(c, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM (SELECT customer_id, ordered_at FROM orders
           WHERE ordered_at > (SELECT min(cancelled_at) FROM cancellations)
          UNION ALL SELECT customer_id, paid_at FROM refunds) AS u (c, at)$$),
(false, 'EXISTS in WHERE of a branch', $$
  SELECT reactivation_tally(c, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM (SELECT customer_id, ordered_at FROM orders
           WHERE EXISTS (SELECT FROM cancellations c WHERE c.customer_id = orders.customer_id)
          UNION ALL SELECT customer_id, paid_at FROM refunds) AS u (c, at)$$),
(false, 'a volatile condition in a branch', $$
  SELECT reactivation_tally(c, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM (SELECT customer_id, ordered_at FROM orders WHERE random() >= 0
          UNION ALL SELECT customer_id, paid_at FROM refunds) AS u (c, at)$$),
(false, 'a system column in WHERE of a branch', $$
  SELECT reactivation_tally(c, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM (SELECT customer_id, ordered_at FROM orders WHERE ctid > '(0,0)'
          UNION ALL SELECT customer_id, paid_at FROM refunds) AS u (c, at)$$),
(false, 'one of an index', $$
  SELECT reactivation_tally(c, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM (SELECT customer_id, ordered_at FROM orders WHERE order_id = 7
          UNION ALL SELECT customer_id, cancelled_at FROM cancellations WHERE customer_id = 8)
           AS u (c, at)$$),
(false, 'a volatile column', $$
  SELECT reactivation_tally(c, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM (SELECT customer_id + (random() * 0)::int8, ordered_at FROM orders
          UNION ALL SELECT customer_id, paid_at FROM refunds) AS u (c, at)$$),
(false, 'a subquery in a column', $$
  SELECT reactivation_tally(c, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM (SELECT customer_id, (SELECT max(cancelled_at) FROM cancellations c
                                WHERE c.customer_id = orders.customer_id) FROM orders
          UNION ALL SELECT customer_id, paid_at FROM refunds) AS u (c, at)$$),
(false, 'a system column', $$
  SELECT source::regclass, reactivation_tally(c, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM (SELECT tableoid, customer_id, ordered_at FROM orders
          UNION ALL SELECT tableoid, customer_id, paid_at FROM refunds) AS u (source, c, at)
   GROUP BY source ORDER BY source::regclass::text$$),
(false, 'UNION', $$
  SELECT reactivation_tally(c, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM (SELECT customer_id, ordered_at FROM orders
          UNION SELECT customer_id, paid_at FROM refunds) AS u (c, at)$$),
(false, 'TABLESAMPLE in a branch', $$
  SELECT reactivation_tally(c, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM (SELECT customer_id, ordered_at FROM orders TABLESAMPLE BERNOULLI (100)
          UNION ALL SELECT customer_id, paid_at FROM refunds) AS u (c, at)$$),
(false, 'a join with the view', $$
  SELECT TALLY FROM customer_events JOIN generate_series(0, 2) AS r ON r = customer_id % 5$$),
(false, 'the whole row', $$
  SELECT TALLY FROM customer_events WHERE customer_events IS NOT NULL$$),
(false, 'partitions that an Append could skip when the query runs', $$
  SELECT r, (SELECT TALLY FROM all_events WHERE region = r) FROM generate_series(0, 3) AS r$$)
  ) AS v (served, shape, query);
SELECT shape, c.scan, c.scan = served AS expected, c.same, c.answer
  FROM shapes, compare(query) AS c ORDER BY no;

-- Parallel plans give the same answers.  The processes share the tables of all branches.
CREATE TABLE few (customer_id int8, at timestamptz, amount numeric) WITH (parallel_workers = 2);
INSERT INTO few
SELECT n % 100, timestamptz '2023-01-01' + n * interval '20 minutes', n % 7
  FROM generate_series(1, 30000) AS n;
CREATE TABLE few_ended (at date, customer_id int4) WITH (parallel_workers = 2);
INSERT INTO few_ended
SELECT date '2023-08-01' + n % 150, n % 110 FROM generate_series(1, 5000) AS n;
ANALYZE few, few_ended;
DROP VIEW nested_events;
CREATE VIEW nested_events AS
SELECT customer_id, at, lifecycle_event 'purchase' AS event, amount FROM few
UNION ALL
SELECT customer_id::int8, at::timestamptz, 'cancellation', NULL FROM few_ended
UNION ALL
SELECT customer_id, at + interval '1 day', 'purchase', amount FROM few;
DROP VIEW some_events;
CREATE VIEW some_events AS
SELECT customer_id, at, lifecycle_event 'purchase' AS event, amount FROM few WHERE amount > 2
UNION ALL
SELECT customer_id::int8, at::timestamptz, 'cancellation', NULL FROM few_ended
 WHERE customer_id % 3 > 0;
DROP TABLE rows_of_some_events, rows_of_nested_events;
CREATE TABLE rows_of_some_events AS SELECT * FROM some_events;
CREATE TABLE rows_of_nested_events AS SELECT * FROM nested_events;
ANALYZE rows_of_some_events, rows_of_nested_events;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF)
SELECT reactivation_tally(customer_id, at, event, '[2023-10-01,2024-01-01)', '90 days')
  FROM nested_events WHERE event <> 'interest';
EXPLAIN (COSTS OFF)
SELECT event, reactivation_tally(customer_id, at, event, '[2023-10-01,2024-01-01)', '90 days')
  FROM nested_events GROUP BY event;
EXPLAIN (COSTS OFF)
SELECT reactivation_tally(customer_id, at, event, '[2023-10-01,2024-01-01)', '90 days')
  FROM some_events;
SELECT query, c.*
  FROM (VALUES
    ('SELECT TALLY FROM nested_events'),
    ('SELECT TALLY, PLAIN FROM nested_events WHERE event = ''purchase'''),
    ('SELECT TALLY FILTER (WHERE event <> ''interest''), PLAIN FROM nested_events'),
    ('SELECT event, PLAIN FROM nested_events GROUP BY event ORDER BY event'),
    ('SELECT event, amount, PLAIN FROM nested_events GROUP BY 1, 2 ORDER BY 1, 2'),
    ('SELECT SERIES FROM nested_events WHERE customer_id % 3 > 0'),
    ('SELECT TALLY FROM some_events WHERE amount > 1 OR amount IS NULL'),
    ('SELECT event, PLAIN FROM some_events GROUP BY event ORDER BY event')) AS q (query),
  compare(replace(replace(replace(query,
    'TALLY', $$reactivation_tally(customer_id, at, event, '[2023-10-01,2024-01-01)', '20 days')$$),
    'PLAIN', $$reactivation_tally(customer_id, at, '[2023-10-01,2024-01-01)', '20 days')$$),
    'SERIES', $$lifecycle_series(customer_id, at, event, amount, '[2023-06-01,2024-01-01)',
                                 '1 month', '10 days', '20 days')$$)) AS c;
SET max_parallel_workers_per_gather = 0;

-- EXPLAIN shows the tables and the conditions.
CREATE FUNCTION explained(query text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE query LOOP
    -- leave out lines and numbers that depend on the machine
    CONTINUE WHEN line ~ 'Planning|Execution|Buffers|Query Identifier|Disabled|Storage';
    RETURN NEXT regexp_replace(regexp_replace(line, '((Memory|Batches): )\d+', '\1...'),
                               '(actual rows=\d+)\.00', '\1');
  END LOOP;
END $$;
SELECT * FROM explained($$EXPLAIN (COSTS OFF)
  SELECT event, reactivation_rate(customer_id, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM customer_events WHERE event = 'purchase' AND customer_id > 7 GROUP BY event
  HAVING reactivation_rate(customer_id, at, '[2024-01-01,2024-04-01)', '90 days') < 1$$);
SELECT * FROM explained($$EXPLAIN (ANALYZE, VERBOSE, COSTS OFF, TIMING OFF, BUFFERS OFF)
  SELECT event, reactivation_rate(customer_id, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM all_events WHERE customer_id > 7 GROUP BY event$$);
SELECT * FROM explained($$EXPLAIN (ANALYZE, VERBOSE, COSTS OFF, TIMING OFF, BUFFERS OFF)
  SELECT event, reactivation_rate(customer_id, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM mixed_events WHERE customer_id > 7 GROUP BY event$$);

-- Prepared statements with generic plans: a parameter in WHERE, one compared with a constant of a
-- branch, and a change of a branch's table between two executions.
SET plan_cache_mode = force_generic_plan;
PREPARE prepared(lifecycle_event, int, tstzrange) AS
SELECT reactivation_tally(customer_id, at, event, $3, '90 days') FROM all_events
 WHERE customer_id % 9 > $2 AND (event = $1 OR $1 IS NULL);
EXECUTE prepared('purchase', 1, '[2024-01-01,2024-04-01)');
EXECUTE prepared(NULL, 1, '[2024-01-01,2024-04-01)');
ALTER TABLE cancellations ADD COLUMN later int DEFAULT 1, DROP COLUMN dropped;
INSERT INTO cancellations (cancelled_at, customer_id, region) VALUES ('2023-12-31', 1236, 1);
EXECUTE prepared(NULL, 1, '[2024-01-01,2024-04-01)');
DELETE FROM cancellations WHERE later = 1 AND customer_id = 1236 AND reason IS NULL
   AND cancelled_at = '2023-12-31';
EXECUTE prepared(NULL, 1, '[2024-01-01,2024-04-01)');
SELECT bool_or(plan LIKE '%Winback%') AS scan
  FROM (SELECT string_agg(e, ' ') AS plan
          FROM explained($$EXPLAIN (COSTS OFF)
                           EXECUTE prepared(NULL, 1, '[2024-01-01,2024-04-01)')$$) AS e) AS p;
RESET plan_cache_mode;

-- The owner of a view reads its tables, and the user needs the view only; row security and security
-- barriers leave the query to PostgreSQL where they add conditions.
SELECT current_database() || '_union_reader' AS reader \gset
CREATE ROLE :"reader";
GRANT USAGE ON SCHEMA scan_union TO :"reader";
GRANT SELECT ON customer_events, rows_of_customer_events TO :"reader";
\set tally 'reactivation_tally(customer_id, at, event, ''[2024-01-01,2024-04-01)'', ''90 days'')'
SET ROLE :"reader";
SELECT c.* FROM compare($$
  SELECT reactivation_tally(customer_id, at, event, '[2024-01-01,2024-04-01)', '90 days')
    FROM customer_events$$) AS c;
SELECT :tally FROM (SELECT customer_id, ordered_at AS at, lifecycle_event 'purchase' AS event
                      FROM orders
                    UNION ALL SELECT customer_id, cancelled_at, 'cancellation'
                      FROM cancellations) AS u;
RESET ROLE;
GRANT SELECT ON orders, cancellations TO :"reader";
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY first_half ON orders USING (customer_id < 500);
SET ROLE :"reader";
SELECT :tally FROM (SELECT customer_id, ordered_at AS at, lifecycle_event 'purchase' AS event
                      FROM orders
                    UNION ALL SELECT customer_id, cancelled_at, 'cancellation'
                      FROM cancellations) AS u;
EXPLAIN (COSTS OFF)
SELECT :tally FROM (SELECT customer_id, ordered_at AS at, lifecycle_event 'purchase' AS event
                      FROM orders
                    UNION ALL SELECT customer_id, cancelled_at, 'cancellation'
                      FROM cancellations) AS u;
SELECT :tally FROM (SELECT customer_id, ordered_at AS at, lifecycle_event 'purchase' AS event
                      FROM orders WHERE amount > 3
                    UNION ALL SELECT customer_id, cancelled_at, 'cancellation'
                      FROM cancellations) AS u;
EXPLAIN (COSTS OFF)
SELECT :tally FROM (SELECT customer_id, ordered_at AS at, lifecycle_event 'purchase' AS event
                      FROM orders WHERE amount > 3
                    UNION ALL SELECT customer_id, cancelled_at, 'cancellation'
                      FROM cancellations) AS u;
RESET ROLE;
ALTER TABLE orders DISABLE ROW LEVEL SECURITY;
CREATE VIEW without_3 WITH (security_barrier) AS
SELECT customer_id, ordered_at AS at, lifecycle_event 'purchase' AS event, region
  FROM orders WHERE region <> 3
UNION ALL
SELECT customer_id, cancelled_at, 'cancellation', region FROM cancellations WHERE region <> 3;
SELECT c.* FROM compare($$
  SELECT reactivation_tally(customer_id, at, event, '[2024-01-01,2024-04-01)', '90 days')
    FROM without_3 WHERE 1 / (region - 3) < 1$$) AS c;
ALTER VIEW customer_events SET (security_barrier);
SELECT c.* FROM compare($$
  SELECT reactivation_tally(customer_id, at, event, '[2024-01-01,2024-04-01)', '90 days')
    FROM customer_events WHERE event = 'purchase' AND customer_id % 2 = 0$$) AS c;

-- A parameter that is in a branch alone reaches the workers of a parallel plan, and nodes above the
-- scan compute their rows anew when its value changes.
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
SELECT c.scan, c.same FROM compare($$
  SELECT kind, reactivation_tally(customer_id, at, '[2024-01-01,2024-04-01)', '90 days')
    FROM (SELECT customer_id, ordered_at AS at, (SELECT 'a' || count(*) FROM few) AS kind
            FROM orders
          UNION ALL SELECT customer_id, cancelled_at, 'b' FROM cancellations) AS u
   GROUP BY kind ORDER BY kind$$) AS c;
RESET parallel_leader_participation;
SET max_parallel_workers_per_gather = 0;
SELECT c.scan, c.same FROM compare($$
  SELECT kind, (SELECT max(n) FROM (
           SELECT tally, count(*) AS n FROM (
             SELECT reactivation_tally(customer_id, at, '[2024-01-01,2024-04-01)', '90 days')
                      AS tally
               FROM (SELECT customer_id, ordered_at AS at, kind AS k FROM orders
                     UNION ALL SELECT customer_id, cancelled_at, 'z' FROM cancellations) AS u
              WHERE u.k = 'a' GROUP BY u.k) AS g
            GROUP BY tally) AS t)
    FROM unnest(ARRAY['a', 'b', 'a']) AS kind$$) AS c;

-- Errors are those of PostgreSQL: none for a branch without rows, or for rows that WHERE excludes.
CREATE TABLE empty (customer_id int8, ordered_at timestamptz);
SELECT c.scan, c.answer IS NOT NULL AS works
  FROM compare($$
    SELECT reactivation_tally(c, at, '[2024-01-01,2024-04-01)', '90 days')
             FILTER (WHERE 1 / n > 0)
      FROM (SELECT customer_id, ordered_at, 0 FROM empty
            UNION ALL SELECT customer_id, ordered_at, 1 FROM orders) AS u (c, at, n)$$) AS c;
\set VERBOSITY sqlstate
INSERT INTO empty VALUES (1, now());
SELECT reactivation_tally(c, at, '[2024-01-01,2024-04-01)', '90 days') FILTER (WHERE 1 / n > 0)
  FROM (SELECT customer_id, ordered_at, 0 FROM empty
        UNION ALL SELECT customer_id, ordered_at, 1 FROM orders) AS u (c, at, n);
SELECT reactivation_tally(c, at, '[2024-01-01,2024-04-01)', '90 days')
  FROM (SELECT customer_id / 0, ordered_at FROM empty
        UNION ALL SELECT customer_id, ordered_at FROM orders) AS u (c, at);
\set VERBOSITY default

DROP OWNED BY :"reader";
DROP ROLE :"reader";
DROP SCHEMA scan_union CASCADE;
