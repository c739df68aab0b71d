--
-- reactivation_rate and winback_rate: one test for each sentence of the definitions
--
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';

CREATE TEMP TABLE orders (customer_id int, ordered_at timestamptz);

-- no customer is eligible: both rates are NULL
SELECT reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days'),
       winback_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
FROM orders;

-- from - 90 days is 2023-10-03
INSERT INTO orders VALUES
  (1, '2023-01-01'), (1, '2024-01-15'),               -- lapsed, came back
  (2, '2023-02-01'),                                  -- lapsed, stayed away
  (3, '2023-01-01'), (3, '2023-12-24'), (3, '2024-02-01'),  -- active at the start
  (4, '2024-02-01'),                                  -- new
  (5, '2023-03-01'), (5, '2024-04-01');               -- came back too late
SELECT reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
         AS one_of_three
FROM orders;

-- with a longer threshold, only customers who lapsed earlier are former customers
SELECT winback_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '320 days') AS one_of_two,
       winback_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '350 days') AS one_of_one,
       winback_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '400 days') AS none_eligible
FROM orders;

-- churned_after is NULL: silence makes no customer churned
SELECT winback_rate(customer_id, ordered_at, lifecycle_event 'purchase', '[2024-01-01,2024-04-01)',
                    NULL)
  FROM orders;

-- a customer silent for exactly 90 days is active; a microsecond more makes him inactive
SELECT t AS last_purchase, reactivation_rate(c, t, '[2024-01-01,2024-04-01)', '90 days')
FROM (VALUES (1, timestamp '2023-10-03 00:00:00'), (2, '2023-10-02 23:59:59.999999')) v(c, t)
GROUP BY t ORDER BY t;

-- the period is half-open: it includes a purchase at its start and excludes one at its end
SELECT back, reactivation_rate(1, t, '[2024-01-01,2024-04-01)', '90 days')
FROM (VALUES (timestamp '2024-01-01'), ('2024-03-31 23:59:59.999999'), ('2024-04-01'),
             ('2023-12-31 23:59:59.999999')) b(back),
     LATERAL (VALUES (timestamp '2023-01-01'), (back)) v(t)
GROUP BY back ORDER BY back;

-- other bounds: an exclusive start or an inclusive end moves the bound by a microsecond or a day
SELECT reactivation_rate(1, t, '(2024-01-01,2024-04-01)', '90 days') AS after_from,
       reactivation_rate(1, t, '[2024-01-01,2024-04-01)', '90 days') AS at_from
FROM (VALUES (timestamp '2023-01-01'), ('2024-01-01')) v(t);
SELECT reactivation_rate(1, t, '[2024-01-01,2024-04-01]', '90 days') AS to_included,
       reactivation_rate(1, t, '[2024-01-01,2024-04-01)', '90 days') AS to_excluded
FROM (VALUES (timestamp '2023-01-01'), ('2024-04-01')) v(t);
SELECT reactivation_rate(1, t, '[2024-01-01,2024-04-01]', '90 days') AS to_included,
       reactivation_rate(1, t, '(2023-12-31,2024-04-02)', '90 days') AS the_same,
       reactivation_rate(1, t, '[2024-01-01,2024-03-31]', '90 days') AS to_excluded
FROM (VALUES (date '2023-01-01'), ('2024-04-01')) v(t);

-- a period without an upper bound includes every later purchase, but not one at infinity
SELECT back, reactivation_rate(1, t, '[2024-01-01,)', '90 days') AS unbounded,
       reactivation_rate(1, t, '[2024-01-01,infinity]', '90 days') AS infinite
FROM (VALUES (timestamp '2099-01-01'), ('infinity')) b(back),
     LATERAL (VALUES (timestamp '2023-01-01'), (back)) v(t)
GROUP BY back ORDER BY back;

-- -infinity is a purchase long ago: it makes a customer eligible
SELECT reactivation_rate(c, t, '[2024-01-01,2024-04-01)', '90 days') AS one_of_two
FROM (VALUES (1, date '-infinity'), (2, '-infinity'), (2, '2024-02-02')) v(c, t);

-- months are calendar months, also when counted back from the last day of a month
SELECT period, reactivation_rate(c, t, period, '1 month') AS one_of_one
FROM (VALUES (daterange('2023-03-31', '2023-04-30'), 1, date '2023-02-27'),
             ('[2023-03-31,2023-04-30)', 1, '2023-04-01'),
             ('[2023-03-31,2023-04-30)', 2, '2023-02-28'),
             ('[2024-03-31,2024-04-30)', 1, '2024-02-28'),
             ('[2024-03-31,2024-04-30)', 1, '2024-04-01'),
             ('[2024-03-31,2024-04-30)', 2, '2024-02-29')) v(period, c, t)
GROUP BY period ORDER BY period;

-- across a change of clocks, '1 day' reaches back to another instant than '24 hours'
SET TimeZone = 'Europe/Berlin';
SELECT reactivation_rate(c, t, '[2024-04-01,2024-05-01)', '1 day') AS a_day,
       reactivation_rate(c, t, '[2024-04-01,2024-05-01)', '24 hours') AS hours
FROM (VALUES (1, timestamptz '2024-03-31 00:00'), (2, '2024-03-30 23:30'), (2, '2024-04-15'),
             (3, '2024-03-30 22:30')) v(c, t);
SET TimeZone = 'UTC';

-- a date counts as its midnight, so a threshold in hours can fall between two days
SELECT reactivation_rate(c, t, '[2024-01-10,2024-02-01)', '36 hours') AS one_of_one,
       reactivation_rate(c, t, '[2024-01-10,2024-02-01)', '24 hours') AS one_of_one_too
FROM (VALUES (1, date '2024-01-08'), (1, '2024-01-11'), (2, '2024-01-09')) v(c, t);

-- rows with a NULL customer or time are ignored, and duplicate rows change nothing
SELECT reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
         AS one_of_three
FROM (SELECT * FROM orders
      UNION ALL SELECT * FROM orders
      UNION ALL SELECT 6, NULL
      UNION ALL SELECT NULL, '2023-01-01') o;
SELECT reactivation_rate(NULL::int, NULL::timestamptz, '[2024-01-01,2024-04-01)', '90 days');

-- times before the common era, and times far in the future
SELECT reactivation_rate(c, t, '[0001-01-01 BC,0001-02-01)', '100 years') AS long_ago
FROM (VALUES (1, timestamp '4000-01-01 BC'), (1, '0001-01-15 BC'), (2, '4713-01-01 BC')) v(c, t);
SELECT reactivation_rate(c, t, '[290000-01-01,)', '100 years') AS far_away
FROM (VALUES (1, timestamp '2000-01-01'), (1, '290000-01-01'), (2, '2000-01-01')) v(c, t);
