-- data.sql
--   The orders of orders.sql, :orders of them, by :orders / 10 customers, in
--   every form that is measured.
--
--   Each kind of key or time has a table of its own.  So the key is always the
--   first column and the time the second, and reading them costs the same in every
--   table.
CREATE EXTENSION winback;
CREATE EXTENSION pg_prewarm;

SELECT :orders / 10 AS customers, false AS zipf \gset
\ir orders.sql

CREATE UNLOGGED TABLE orders_shuffled AS
SELECT * FROM orders ORDER BY hash_record_extended((customer_id, ordered_at, amount), 5);

-- the same customers, scattered over 31 bits: the factor is odd, so no two get the same number
CREATE UNLOGGED TABLE orders_scattered AS
SELECT customer_id * 2654435761 & 2147483647 AS customer_id, ordered_at, amount, channel
FROM orders;

CREATE UNLOGGED TABLE orders_uuid AS
SELECT md5('customer ' || customer_id)::uuid AS customer_id, ordered_at, amount, channel
FROM orders;

-- customer numbers as many shops write them: K00012345
CREATE UNLOGGED TABLE orders_text AS
SELECT 'K' || lpad(customer_id::text, 8, '0') AS customer_id, ordered_at, amount, channel
FROM orders;

CREATE UNLOGGED TABLE orders_timestamp AS
SELECT customer_id, ordered_at::timestamp AS ordered_at, amount, channel FROM orders;

CREATE UNLOGGED TABLE orders_date AS
SELECT customer_id, ordered_at::date AS ordered_at, amount, channel FROM orders;

-- the columns of a shop: customer and time stand behind texts
CREATE UNLOGGED TABLE orders_shop AS
SELECT 'order of ' || customer_id AS note, channel, customer_id, ordered_at, amount FROM orders;

-- a tenth of the customers, with a column of events behind eight texts, and behind 120 columns
CREATE UNLOGGED TABLE orders_texts AS
SELECT channel AS t1, channel AS t2, channel AS t3, channel AS t4, channel AS t5, channel AS t6,
	channel AS t7, channel AS t8, customer_id, ordered_at, lifecycle_event 'purchase' AS event
FROM orders
WHERE customer_id % 10 = 0;

SELECT format('CREATE UNLOGGED TABLE orders_wide AS
		SELECT %s, customer_id, ordered_at, event FROM orders_texts',
	string_agg(format(CASE WHEN n % 2 = 0 THEN 't1 AS c%s' ELSE '%1$s AS c%1$s' END, n), ', '))
FROM generate_series(1, 120) AS n \gexec

-- with this index, plain SQL is at its fastest: it reads the customers in order
CREATE INDEX ON orders_timestamp (customer_id, ordered_at);

-- bench/run measures memory over this table: one order a customer, n customers where
-- customer_int8 <= n
CREATE UNLOGGED TABLE single_orders AS
SELECT n AS customer_int8, n * 2654435761 & 2147483647 AS customer_scattered,
	md5('customer ' || n)::uuid AS customer_uuid,
	'K' || lpad(n::text, 8, '0') AS customer_text,
	timestamptz '2022-01-01' + make_interval(secs => pick(n, 6, 1095 * 86400)) AS ordered_at
FROM generate_series(1, 1000000::int8) AS n;

VACUUM (ANALYZE, FREEZE) orders, orders_shuffled, orders_scattered, orders_uuid, orders_text,
	orders_timestamp, orders_date, orders_shop, orders_texts, orders_wide, single_orders;

CREATE TABLE runs (contender text, round int, seconds float8);
CREATE TABLE contenders (contender text PRIMARY KEY, place int, title text);
CREATE TABLE memory (customers int8, key text, bytes int8);
