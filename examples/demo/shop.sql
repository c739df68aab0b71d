-- shop.sql
--   The orders of a small shop: about 4,000 customers over the three years from
--   2022 to 2024. Plain SQL that gives the same rows on every machine and every
--   PostgreSQL version: random numbers come from the sha256 of the customer and the
--   week, and all arithmetic is on integers.
--
--   The idea: customers join, each buys by a habit, pauses now and then, and one
--   day drifts off, but not always for ever. For every customer and week a random
--   number decides whether he buys; Christmas and the summer holidays change the
--   odds.
--
--   Limits: no customer orders twice in a week, and customers do not influence each
--   other.

SET TimeZone = 'UTC';

CREATE TABLE orders (
  order_id    bigint PRIMARY KEY,
  customer_id bigint NOT NULL,
  ordered_at  timestamptz NOT NULL,
  amount      numeric(10,2) NOT NULL
);

COMMENT ON TABLE orders IS 'Orders of a made-up shop, 2022 to 2024';
COMMENT ON COLUMN orders.order_id IS 'Number of the order, ascending in time';
COMMENT ON COLUMN orders.customer_id IS 'Number of the customer: 1 to 4000';
COMMENT ON COLUMN orders.ordered_at IS 'When the order was placed';
COMMENT ON COLUMN orders.amount IS 'Value of the order in euros';

INSERT INTO orders
WITH
-- the habits of a customer; odds are weekly, in 65,536ths
customer AS MATERIALIZED (
  SELECT customer_id, chance,
         -- a third of the customers are there from the start, the others join over three years
         greatest(0, get_byte(chance, 0) * 235 / 255 - 80) AS joins,
         -- a customer stays for two months to six years; few stay that long
         8 + get_byte(chance, 1) * get_byte(chance, 1) / 200 AS stays,
         CASE WHEN get_byte(chance, 2) < 36 THEN 27000    -- a regular
              WHEN get_byte(chance, 2) < 130 THEN 11500    -- now and then
              ELSE 3000                                   -- seldom
         END AS odds,
         get_byte(chance, 2) >= 190 AS buys_presents      -- seldom, except at Christmas
    FROM generate_series(1, 4000) AS customer_id,
         sha256(convert_to(format('customer %s', customer_id), 'UTF8')) AS chance
),
-- a week in which a customer may buy, with the day and minute of the order
week AS (
  SELECT customer.*, week, draw,
         date '2022-01-01' + 7 * week + get_byte(draw, 0) % 7 AS day,
         8 * 60 + (get_byte(draw, 1) * 256 + get_byte(draw, 2)) % (15 * 60) AS minute
    FROM customer,
         generate_series(joins, 156) AS week,
         sha256(convert_to(format('customer %s, week %s', customer_id, week), 'UTF8')) AS draw
),
bought AS (
  SELECT customer_id, day + make_interval(mins => minute) AS ordered_at, draw, buys_presents
    FROM week,
         CAST(extract(month FROM day) AS int) AS month
   WHERE day < date '2025-01-01'
     AND get_byte(draw, 3) * 256 + get_byte(draw, 4) <
         odds
         -- the season, in percent: January to December
         * (ARRAY[85, 80, 95, 100, 105, 95, 70, 60, 95, 105, 165, 180])[month] / 100
         * CASE WHEN buys_presents AND month >= 11 THEN 4 ELSE 1 END
         -- a pause: drawn anew every 16 weeks, in different weeks for different customers
         * CASE WHEN get_byte(chance, 10 + (week + get_byte(chance, 3) % 16) / 16) < 80
                THEN 3 ELSE 100 END / 100
         -- a customer who has drifted off
         * CASE WHEN week >= joins + stays THEN 2 ELSE 100 END / 100
      OR week = joins AND joins > 0   -- a customer joins with his first order
)
SELECT row_number() OVER (ORDER BY ordered_at, customer_id),
       customer_id,
       ordered_at AT TIME ZONE 'UTC',
       -- from 6 to about 280 euros, small amounts more often than large ones
       (600 + get_byte(draw, 5) * get_byte(draw, 6) * get_byte(draw, 7) / 620
        + get_byte(draw, 8)) / 100.0
  FROM bought
 ORDER BY 1;

ANALYZE orders;

-- Two campaigns. The orders are there already, so what a campaign changes is planted by who gets
-- which variant: of the customers who came back after the mails of October, more got a voucher
-- than stayed in the control group. The mails of April change nothing.
CREATE TABLE campaign_members (
  campaign    text NOT NULL,
  customer_id bigint NOT NULL,
  variant     text NOT NULL,
  assigned_at timestamptz NOT NULL,
  PRIMARY KEY (campaign, customer_id)
);

COMMENT ON TABLE campaign_members IS 'Customers to whom a campaign was or was not sent';
COMMENT ON COLUMN campaign_members.variant IS 'What the customer got; "control" is nothing';
COMMENT ON COLUMN campaign_members.assigned_at IS 'When it was decided who gets which variant';

INSERT INTO campaign_members
WITH campaign (campaign, assigned_at, control, reminder, returned_control, returned_reminder) AS (
  -- the variants' shares of all others and of those who came back, in 256ths
  VALUES ('April', timestamptz '2024-04-01 00:00 UTC', 85, 171, 85, 171),
         ('October', timestamptz '2024-10-01 00:00 UTC', 85, 171, 60, 132)
),
silent AS (   -- customers without an order in the 60 days before
  SELECT campaign, customer_id, assigned_at, control, reminder,
         returned_control, returned_reminder,
         bool_or(ordered_at >= assigned_at) AS returned
    FROM campaign JOIN orders ON ordered_at < assigned_at + interval '30 days'
   GROUP BY campaign, customer_id, assigned_at, control, reminder,
            returned_control, returned_reminder
  HAVING max(ordered_at) FILTER (WHERE ordered_at < assigned_at)
           < assigned_at - interval '60 days'
)
SELECT campaign, customer_id,
       CASE WHEN chance < CASE WHEN returned THEN returned_control ELSE control END
              THEN 'control'
            WHEN chance < CASE WHEN returned THEN returned_reminder ELSE reminder END
              THEN 'reminder'
            ELSE 'voucher' END,
       assigned_at
  FROM silent,
       LATERAL (SELECT get_byte(sha256(convert_to(
                  format('campaign %s, customer %s', campaign, customer_id), 'UTF8')), 0)
                  AS chance) AS draw
 ORDER BY campaign, customer_id;

ANALYZE campaign_members;
