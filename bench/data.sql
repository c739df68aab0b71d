-- data.sql
--   Orders of three years, 2022 to 2024: :orders of them, by :orders / 10
--   customers.  Hash arithmetic instead of random(): the same rows everywhere.
--
--   As in a real table the rows lie in the order of time, nearly: an order is
--   entered up to a day late.  Customers come in no order, which is the hard
--   case for everything that keeps a table of customers.  The channel is that
--   which won the customer, so a customer is in one group only.
--
--   Each kind of key or time has a table of its own, so that it always stands
--   in the first or second column, and reading it costs the same.
CREATE EXTENSION winback;
CREATE EXTENSION pg_prewarm;

-- a hash of n, at least 0 and less than below
CREATE FUNCTION pick(n int8, seed int8, below int8) RETURNS int8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(n, seed) & 9223372036854775807) % below;

CREATE UNLOGGED TABLE orders (
	customer_id int8,
	ordered_at timestamptz,
	amount numeric(10,2),
	channel text
);

INSERT INTO orders
SELECT customer_id,
	timestamptz '2022-01-01' + make_interval(secs =>
		(n - 1) * (1095 * 86400.0 / :orders) + pick(n, 2, 86400000) / 1000.0),
	(100 + pick(n, 3, 20000)) / 100.0,
	(ARRAY['search', 'email', 'social', 'shop', 'friend'])[1 + pick(customer_id, 4, 5)]
FROM (SELECT n, 1 + pick(n, 1, greatest(:orders / 10, 1)) AS customer_id
	FROM generate_series(1, :orders::int8) AS n) AS numbered;

CREATE UNLOGGED TABLE orders_shuffled AS
SELECT * FROM orders ORDER BY hash_record_extended((customer_id, ordered_at, amount), 5);

CREATE UNLOGGED TABLE orders_uuid AS
SELECT md5('customer ' || customer_id)::uuid AS customer_id, ordered_at, amount, channel FROM orders;

-- as many shops write it: K00012345
CREATE UNLOGGED TABLE orders_text AS
SELECT 'K' || lpad(customer_id::text, 8, '0') AS customer_id, ordered_at, amount, channel FROM orders;

CREATE UNLOGGED TABLE orders_timestamp AS
SELECT customer_id, ordered_at::timestamp AS ordered_at, amount, channel FROM orders;

CREATE UNLOGGED TABLE orders_date AS
SELECT customer_id, ordered_at::date AS ordered_at, amount, channel FROM orders;

-- for plain SQL at its best: it reads the customers one by one from the index
CREATE INDEX ON orders_timestamp (customer_id, ordered_at);

-- for memory: one order a customer, n customers where customer_int8 <= n
CREATE UNLOGGED TABLE single_orders AS
SELECT n AS customer_int8, md5('customer ' || n)::uuid AS customer_uuid,
	'K' || lpad(n::text, 8, '0') AS customer_text,
	timestamptz '2022-01-01' + make_interval(secs => pick(n, 6, 1095 * 86400)) AS ordered_at
FROM generate_series(1, 1000000::int8) AS n;

VACUUM (ANALYZE, FREEZE) orders, orders_shuffled, orders_uuid, orders_text,
	orders_timestamp, orders_date, single_orders;

CREATE TABLE runs (contender text, round int, seconds float8);
CREATE TABLE contenders (contender text PRIMARY KEY, place int, title text);
CREATE TABLE memory (customers int8, key text, bytes int8);
