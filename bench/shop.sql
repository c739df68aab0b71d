-- shop.sql
--   The tables of a shop, for the questions of bench/peers: orders, customers and
--   cancellations, and a view of the events of both.  There are :orders orders and
--   :customers customers.
--
--   Channel and store change from order to order, so a customer is in many groups.
--   segment numbers groups of 50 customers, and a customer is in one of them.
\set zipf false
\ir orders.sql

ALTER TABLE orders RENAME TO plain_orders;

CREATE UNLOGGED TABLE orders AS
SELECT customer_id, ordered_at, amount,
	(ARRAY['web', 'email', 'store', 'phone'])[1 + pick(hash, 7, 4)] AS channel,
	pick(hash, 8, 2000)::int AS store,
	(customer_id % (:customers / 50))::int AS segment
FROM (SELECT *, hash_record_extended((customer_id, ordered_at, amount), 6) AS hash
	FROM plain_orders) AS hashed;

DROP TABLE plain_orders;

-- an e-mail address has 32 bytes
CREATE UNLOGGED TABLE customers AS
SELECT n AS customer_id,
	(ARRAY['AT', 'BE', 'CH', 'DE', 'DK', 'ES', 'FR', 'GB', 'IT', 'NL', 'PL', 'SE'])
		[1 + pick(n, 9, 12)] AS country,
	left(md5('customer ' || n), 20) || '@example.com' AS email
FROM generate_series(1, :customers::int8) AS n;

ALTER TABLE customers ADD PRIMARY KEY (customer_id);

-- a cancellation follows one order of twenty after ten days
CREATE UNLOGGED TABLE cancellations AS
SELECT customer_id, ordered_at + interval '10 days' AS cancelled_at
FROM orders
WHERE pick(hash_record_extended((customer_id, ordered_at, amount), 10), 0, 20) = 0;

CREATE VIEW customer_events AS
SELECT customer_id, ordered_at AS at, lifecycle_event 'purchase' AS event FROM orders
UNION ALL
SELECT customer_id, cancelled_at, 'cancellation' FROM cancellations;

VACUUM (ANALYZE, FREEZE) orders, customers, cancellations;
