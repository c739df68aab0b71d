-- data.sql
--   The shop of this example sells for house and garden: in two stores, on its web
--   site, in an app (since 2023) and on a market place run by others. It records
--   the customer of an order if the customer card is shown; the other orders have
--   no customer.
--
--   The data: 1,500 customers, 2022 to 2024; "today" is 1 January 2025. The rows are
--   the same on every machine: random numbers come from the sha256 of the customer
--   and the month, and all arithmetic is on integers.
--
--   The idea: customers join in one channel and buy by a habit, month by month,
--   until they drift off; then they buy now and then at most. Store customers
--   stay for long, those of the market place do not, and a reminder by e-mail
--   brings back customers who joined on the web site.

\set QUIET on
\set ON_ERROR_STOP on
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';

CREATE SCHEMA retail_example;
SET search_path = retail_example, public;

CREATE TABLE customers (
  customer_id int PRIMARY KEY,
  email       text NOT NULL,
  may_call    boolean NOT NULL
);

CREATE TABLE orders (
  order_id    int PRIMARY KEY,
  customer_id int REFERENCES customers,
  ordered_at  timestamptz NOT NULL,
  channel     text NOT NULL CHECK (channel IN ('store', 'web', 'app', 'market place')),
  amount      numeric(8,2) NOT NULL
);

CREATE TABLE returns (
  order_id    int PRIMARY KEY REFERENCES orders,
  returned_at timestamptz NOT NULL,
  refund      numeric(8,2) NOT NULL
);

COMMENT ON TABLE customers IS 'Customers with a customer card';
COMMENT ON COLUMN customers.may_call IS 'The customer has agreed to be called';
COMMENT ON TABLE orders IS 'Orders in all channels';
COMMENT ON COLUMN orders.customer_id IS 'NULL: bought without a customer card';
COMMENT ON TABLE returns IS 'Goods sent or brought back, at most once an order';

INSERT INTO customers
SELECT id, format('customer%s@example.com', id), get_byte(chance, 9) < 150
  FROM generate_series(1, 1500) AS id,
       sha256(convert_to(format('customer %s', id), 'UTF8')) AS chance;

INSERT INTO orders
WITH
-- the habits of a customer; odds are monthly, in 256ths
nature AS MATERIALIZED (
  SELECT customer_id, home, chance,
         -- a third of the customers are there from the start, the others join over three years
         greatest(0, get_byte(chance, 1) * 52 / 255 - 17) AS joins,
         CASE home WHEN 'store' THEN 8 WHEN 'web' THEN 5 ELSE 2 END
           + get_byte(chance, 2) * get_byte(chance, 2) / 3000 AS stays,
         CASE home WHEN 'store' THEN 130 WHEN 'web' THEN 100 ELSE 60 END AS odds,
         CASE home WHEN 'store' THEN 5 WHEN 'web' THEN 12 ELSE 2 END AS odds_when_gone
    FROM customers,
         sha256(convert_to(format('customer %s', customer_id), 'UTF8')) AS chance,
         LATERAL (
           SELECT CASE WHEN get_byte(chance, 0) < 95 THEN 'store'
                       WHEN get_byte(chance, 0) < 175 THEN 'web'
                       ELSE 'market place' END
         ) AS joined_in(home)
),
-- a month in which a customer may buy, with the day and minute of the order
month AS (
  SELECT nature.*, month, draw, month >= joins + stays AS gone,
         date '2022-01-01' + make_interval(months => month, days => get_byte(draw, 0) % 28,
           mins => 8 * 60 + (get_byte(draw, 1) * 256 + get_byte(draw, 2)) % (12 * 60)) AS at
    FROM nature,
         generate_series(joins, 35) AS month,
         sha256(convert_to(format('customer %s, month %s', customer_id, month), 'UTF8')) AS draw
),
bought AS (
  SELECT customer_id, at, draw,
         CASE WHEN month = joins THEN home
              WHEN gone AND get_byte(draw, 3) < 180 THEN 'web'
              WHEN month >= 12 AND get_byte(draw, 3) % 6 = 0 THEN 'app'
              WHEN get_byte(draw, 3) % 6 = 1 THEN 'store'
              WHEN get_byte(draw, 3) % 6 = 2 THEN 'web'
              ELSE home
         END AS channel
    FROM month
   WHERE month = joins
      OR get_byte(draw, 4) <
         CASE WHEN gone THEN odds_when_gone ELSE odds END
         -- the season, in percent: January to December
         * (ARRAY[70, 80, 110, 130, 130, 110, 80, 70, 90, 95, 120, 140])[month % 12 + 1] / 100
  UNION ALL
  -- orders without a customer card
  SELECT NULL, timestamp '2022-01-01 10:00' + make_interval(hours => 18 * n),
         sha256(convert_to(format('till %s', n), 'UTF8')), 'store'
    FROM generate_series(0, 1400) AS n
)
SELECT row_number() OVER (ORDER BY at, customer_id), customer_id, at AT TIME ZONE 'UTC', channel,
       -- from 8 to about 300 euros, small amounts more often than large ones
       (800 + get_byte(draw, 5) * get_byte(draw, 6) * get_byte(draw, 7) / 600
        + get_byte(draw, 8)) / 100.0
  FROM bought
 ORDER BY 1;

INSERT INTO returns
SELECT order_id, returned_at, amount
  FROM orders,
       sha256(convert_to(format('order %s', order_id), 'UTF8')) AS chance,
       LATERAL (
         SELECT ordered_at + make_interval(days => 3 + get_byte(chance, 1) % 20)
       ) AS r(returned_at)
 WHERE get_byte(chance, 0) < CASE channel WHEN 'store' THEN 8 ELSE 32 END
   AND returned_at < '2025-01-01';

ANALYZE customers, orders, returns;
