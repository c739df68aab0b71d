-- orders.sql
--   The table orders: :orders rows of three years, 2022 to 2024, by customers
--   1 to :customers.  Hash arithmetic instead of random(): the same rows
--   everywhere.
--
--   As in a real table the rows lie in the order of time, nearly: an order is
--   entered up to a day late.  Customers come in no order, which is the hard
--   case for everything that keeps a table of customers.  The channel is that
--   which won the customer, so a customer is in one group only.
--
--   Where :zipf is true, customers are not alike: the one of rank k has a share
--   of ln((k + 1) / k) / ln(:customers + 1) of the orders, which is Zipf's law
--   with exponent 1.  A prime number scatters the ranks over the customers.

-- a hash of n, at least 0 and less than below
CREATE OR REPLACE FUNCTION pick(n int8, seed int8, below int8) RETURNS int8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(n, seed) & 9223372036854775807) % below;

-- the distribution turned round, at a number from 0 to 1
CREATE OR REPLACE FUNCTION zipf(n int8, customers int8) RETURNS int8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 1 + (least(floor(power((customers + 1)::float8, pick(n, 1, 9007199254740992) / float8 '9007199254740992'))::int8,
	customers) - 1) * 1000000007 % customers;

\if :zipf
	\set customer zipf(n, :customers)
\else
	\set customer 1 + pick(n, 1, :customers)
\endif

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
FROM (SELECT n, :customer AS customer_id FROM generate_series(1, :orders::int8) AS n) AS numbered;
