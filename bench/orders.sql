-- orders.sql
--   The table orders: :orders rows of three years, 2022 to 2024, by customers
--   1 to :customers.  The rows come from hash arithmetic instead of random(), so
--   they are the same everywhere.
--
--   As in a real table the rows lie nearly in the order of time: an order is
--   entered up to a day late.  The customers come in no order, which is the hard
--   case for every customer table.  The channel is the one that won the customer,
--   so a customer is in one group only.
--
--   If :zipf is true, some customers order more than others: the customer of rank
--   k has a share of ln((k + 1) / k) / ln(:customers + 1) of the orders, by Zipf's
--   law with exponent 1.  A prime factor scatters the ranks over the customers.

-- returns a hash of n that is at least 0 and less than below
CREATE OR REPLACE FUNCTION pick(n int8, seed int8, below int8) RETURNS int8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(n, seed) & 9223372036854775807) % below;

-- returns a customer by Zipf's law: the inverse of the distribution function, at a hash of n
CREATE OR REPLACE FUNCTION zipf(n int8, customers int8) RETURNS int8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 1 + (least(floor(power((customers + 1)::float8,
				pick(n, 1, 9007199254740992) / float8 '9007199254740992'))::int8,
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
