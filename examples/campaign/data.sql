-- data.sql
--   The firm of this example sells wine by mail in Germany and France. A customer
--   reorders several times a year, or goes elsewhere. Those who have gone are asked
--   why; the reason is in the table of customers.
--
--   The data: 6,000 customers. "Today" is 1 November 2024. The rows are the same on
--   every machine: random numbers come from the sha256 of the customer, and all
--   arithmetic is on integers.
--
--   The idea: two campaigns, with effects that are known because they are planted.
--
--   * spring, 1 April 2024: nothing (control), a letter, or a voucher for customers
--     who had not ordered for 90 days. Of those who get nothing, 6 percent come back
--     in Germany and 15 percent in France. A letter adds 1 percentage point. A
--     voucher adds 8 for those who left because of the price, and 1 for others. In
--     Germany half of the customers are the control group, in France a tenth.
--   * autumn, 1 October 2024: nothing (control), or a reminder. It changes nothing.

\set QUIET on
\set ON_ERROR_STOP on
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';

CREATE SCHEMA campaign_example;
SET search_path = campaign_example, public;

CREATE TABLE customers (
  customer_id int PRIMARY KEY,
  country     text NOT NULL,
  channel     text NOT NULL,
  left_for    text NOT NULL
);

CREATE TABLE orders (
  order_id    int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id int NOT NULL REFERENCES customers,
  ordered_at  timestamptz NOT NULL,
  amount      numeric(8,2) NOT NULL
);

CREATE TABLE campaign_members (
  campaign    text NOT NULL,
  customer_id int NOT NULL REFERENCES customers,
  variant     text NOT NULL,
  assigned_at timestamptz NOT NULL,
  opened      boolean NOT NULL,
  PRIMARY KEY (campaign, customer_id)
);

COMMENT ON TABLE customers IS 'Everybody who ever ordered';
COMMENT ON COLUMN customers.channel IS 'How the first order came in';
COMMENT ON COLUMN customers.left_for IS 'Why the customer ordered less, as asked by telephone';
COMMENT ON TABLE orders IS 'All orders';
COMMENT ON TABLE campaign_members
  IS 'Who was assigned to which variant, also those who got nothing';
COMMENT ON COLUMN campaign_members.variant IS 'What the customer was to get; control is nothing';
COMMENT ON COLUMN campaign_members.assigned_at IS 'When the variants were drawn';
COMMENT ON COLUMN campaign_members.opened IS 'Whether the customer opened the letter or mail';

INSERT INTO customers
SELECT id,
       CASE WHEN get_byte(chance, 0) < 128 THEN 'de' ELSE 'fr' END,
       (ARRAY['telephone', 'web', 'web'])[1 + get_byte(chance, 1) % 3],
       (ARRAY['price', 'price', 'taste', 'no reason'])[1 + get_byte(chance, 2) % 4]
  FROM generate_series(1, 6000) AS id,
       sha256(convert_to(format('customer %s', id), 'UTF8')) AS chance;

-- two orders in 2022 and 2023, the last one 100 to 500 days before April 2024
INSERT INTO orders (customer_id, ordered_at, amount)
SELECT customer_id,
       timestamptz '2024-04-01' - make_interval(days => 100 + get_byte(chance, 3 + n) * 400 / 255,
                                                mins => get_byte(chance, 7)),
       (2000 + 40 * get_byte(chance, 8 + n)) / 100.0
  FROM customers, generate_series(0, 1) AS n,
       sha256(convert_to(format('customer %s', customer_id), 'UTF8')) AS chance
 ORDER BY 2, 1;

-- The draw of the control group differs by country. Everybody else gets one of two offers.
INSERT INTO campaign_members
SELECT 'spring', customer_id,
       CASE WHEN holdout(customer_id, 'spring 2024', CASE country WHEN 'de' THEN 0.5 ELSE 0.1 END)
              THEN 'control'
            WHEN holdout(customer_id, 'spring 2024, offer', 0.5) THEN 'letter'
            ELSE 'voucher' END,
       timestamptz '2024-04-01', false
  FROM customers
 ORDER BY customer_id;
INSERT INTO campaign_members
SELECT 'autumn', customer_id,
       CASE WHEN holdout(customer_id, 'autumn 2024', 0.5) THEN 'control' ELSE 'reminder' END,
       timestamptz '2024-10-01', false
  FROM customers
 ORDER BY customer_id;

-- Who comes back in the 30 days after each campaign, in 256ths; and 20 in 256 buy in September.
INSERT INTO orders (customer_id, ordered_at, amount)
SELECT customer_id, assigned_at + make_interval(days => get_byte(chance, 1) % 30, hours => 9),
       (1500 + 25 * get_byte(chance, 2)) / 100.0
  FROM campaign_members JOIN customers USING (customer_id),
       sha256(convert_to(format('%s, customer %s', campaign, customer_id), 'UTF8')) AS chance
 WHERE get_byte(chance, 0) <
       CASE country WHEN 'de' THEN 15 ELSE 38 END
       + CASE variant WHEN 'letter' THEN 3
                      WHEN 'voucher' THEN CASE left_for WHEN 'price' THEN 20 ELSE 3 END
                      ELSE 0 END
 UNION ALL
SELECT customer_id,
       timestamptz '2024-09-01 10:00' + make_interval(days => get_byte(chance, 4) % 30),
       (1500 + 25 * get_byte(chance, 5)) / 100.0
  FROM customers,
       sha256(convert_to(format('September, customer %s', customer_id), 'UTF8')) AS chance
 WHERE get_byte(chance, 3) < 20
 ORDER BY 2, 1;

-- Who likes the firm opens its letters, and comes back more often. The letter has no part in it.
UPDATE campaign_members AS member
   SET opened = get_byte(sha256(convert_to(format('opened, customer %s', customer_id), 'UTF8')), 0)
                < CASE WHEN EXISTS (SELECT FROM orders
                                     WHERE orders.customer_id = member.customer_id
                                       AND ordered_at >= assigned_at
                                       AND ordered_at < assigned_at + interval '30 days')
                       THEN 200 ELSE 90 END
 WHERE variant <> 'control';

ANALYZE customers, orders, campaign_members;
