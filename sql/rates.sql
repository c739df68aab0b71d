--
-- reactivation_rate and winback_rate: the definitions, one sentence at a time
--
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';

CREATE TEMP TABLE orders (customer_id int, ordered_at timestamptz);

-- nobody: NULL
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
SELECT reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days') AS one_of_three FROM orders;

-- with a longer threshold only who lapsed earlier is a former customer
SELECT winback_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '320 days') AS one_of_two,
       winback_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '350 days') AS one_of_one,
       winback_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '400 days') AS nobody
FROM orders;

-- churned_after NULL: silence churns nobody
SELECT winback_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', NULL) FROM orders;

-- exactly 90 days of silence is still active; a microsecond more is not
SELECT t AS last_purchase, reactivation_rate(c, t, '[2024-01-01,2024-04-01)', '90 days')
FROM (VALUES (1, timestamp '2023-10-03 00:00:00'), (2, '2023-10-02 23:59:59.999999')) v(c, t)
GROUP BY t ORDER BY t;

-- the period is half-open: at its start counts as in it, at its end does not
SELECT back, reactivation_rate(1, t, '[2024-01-01,2024-04-01)', '90 days')
FROM (VALUES (timestamp '2024-01-01'), ('2024-03-31 23:59:59.999999'), ('2024-04-01'), ('2023-12-31 23:59:59.999999')) b(back),
     LATERAL (VALUES (timestamp '2023-01-01'), (back)) v(t)
GROUP BY back ORDER BY back;

-- other bounds mean what PostgreSQL means: the neighbour, a microsecond or a day on
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

-- without an upper bound: ever since; infinity lies after every period all the same
SELECT back, reactivation_rate(1, t, '[2024-01-01,)', '90 days') AS unbounded,
       reactivation_rate(1, t, '[2024-01-01,infinity]', '90 days') AS infinite
FROM (VALUES (timestamp '2099-01-01'), ('infinity')) b(back),
     LATERAL (VALUES (timestamp '2023-01-01'), (back)) v(t)
GROUP BY back ORDER BY back;

-- -infinity is a purchase long ago
SELECT reactivation_rate(c, t, '[2024-01-01,2024-04-01)', '90 days') AS one_of_two
FROM (VALUES (1, date '-infinity'), (2, '-infinity'), (2, '2024-02-02')) v(c, t);

-- months are calendar months, also from the end of one
SELECT period, reactivation_rate(c, t, period, '1 month') AS one_of_one
FROM (VALUES (daterange('2023-03-31', '2023-04-30'), 1, date '2023-02-27'), ('[2023-03-31,2023-04-30)', 1, '2023-04-01'),
             ('[2023-03-31,2023-04-30)', 2, '2023-02-28'),
             ('[2024-03-31,2024-04-30)', 1, '2024-02-28'), ('[2024-03-31,2024-04-30)', 1, '2024-04-01'),
             ('[2024-03-31,2024-04-30)', 2, '2024-02-29')) v(period, c, t)
GROUP BY period ORDER BY period;

-- a day before a change of clocks is not 24 hours before
SET TimeZone = 'Europe/Berlin';
SELECT reactivation_rate(c, t, '[2024-04-01,2024-05-01)', '1 day') AS a_day,
       reactivation_rate(c, t, '[2024-04-01,2024-05-01)', '24 hours') AS hours
FROM (VALUES (1, timestamptz '2024-03-31 00:00'), (2, '2024-03-30 23:30'), (2, '2024-04-15'), (3, '2024-03-30 22:30')) v(c, t);
SET TimeZone = 'UTC';

-- a date counts as its midnight, so a threshold in hours can cut between two days
SELECT reactivation_rate(c, t, '[2024-01-10,2024-02-01)', '36 hours') AS one_of_one,
       reactivation_rate(c, t, '[2024-01-10,2024-02-01)', '24 hours') AS one_of_one_too,
       reactivation_rate(c, t, '[2024-01-10,2024-02-01)', '23 hours') AS one_of_two
FROM (VALUES (1, date '2024-01-08'), (1, '2024-01-11'), (2, '2024-01-09')) v(c, t);

-- rows with a NULL customer or time are ignored, duplicates change nothing
SELECT reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days') AS one_of_three
FROM (SELECT * FROM orders UNION ALL SELECT * FROM orders UNION ALL SELECT 6, NULL UNION ALL SELECT NULL, '2023-01-01') o;
SELECT reactivation_rate(NULL::int, NULL::timestamptz, '[2024-01-01,2024-04-01)', '90 days');

-- before the common era, and far from now
SELECT reactivation_rate(c, t, '[0001-01-01 BC,0001-02-01)', '100 years') AS long_ago
FROM (VALUES (1, timestamp '4000-01-01 BC'), (1, '0001-01-15 BC'), (2, '4713-01-01 BC')) v(c, t);
SELECT reactivation_rate(c, t, '[290000-01-01,)', '100 years') AS far_away
FROM (VALUES (1, timestamp '2000-01-01'), (1, '290000-01-01'), (2, '2000-01-01')) v(c, t);
