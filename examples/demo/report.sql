-- report.sql
--   The two rates of the demo shop by month, as a table and a small chart, the
--   win-back rate of those silent for 180 to 365 days, and the chance of a return
--   by length of silence.
--
--   A rate depends on the orders before the month, so each month's query reads the
--   whole table: the month is the period, not a WHERE. The report starts in 2023,
--   so that a year of history lies before the first month.
--
--   A bar is at most 20 blocks wide; the heading shows how much one block stands for.

SET TimeZone = 'UTC';
\encoding UTF8
\pset linestyle unicode
\pset border 1
\pset footer off
\pset null '-'

\echo 'How well does a shop get its customers back? The reactivation rate: of the customers who had'
\echo 'bought nothing for 60 days when a month began, the share who bought in it. The win-back'
\echo 'rate: the same for those who had bought nothing for 180 days, the former customers.'
\echo
\echo 'Both rates fall as the history grows: a former customer leaves the pool only by ordering, so'
\echo 'the pool fills with people who have been silent for years. The last column is the win-back'
\echo 'rate of those silent for 180 to 365 days, which can be compared over the years.'
\echo

SELECT to_char(month, 'Mon YYYY') AS "month",
       orders, customers,
       to_char(100 * reactivation, '990.0') || ' %' AS "reactivation",
       repeat('█', least(20, round(100 * reactivation)::int)) AS "█ = 1 %",
       to_char(100 * winback, '990.0') || ' %' AS "win-back",
       repeat('█', least(20, round(100 * winback)::int)) AS "█ = 1 %",
       to_char(100 * rate(former - longer), '990.0') || ' %' AS "to 365 days"
  FROM generate_series(timestamptz '2023-01-01', '2024-12-01', '1 month') AS month,
       tstzrange(month, month + interval '1 month') AS period,
       LATERAL (
         SELECT count(*) FILTER (WHERE ordered_at <@ period) AS orders,
                count(DISTINCT customer_id) FILTER (WHERE ordered_at <@ period) AS customers,
                reactivation_rate(customer_id, ordered_at, period, '60 days') AS reactivation,
                winback_rate(customer_id, ordered_at, period, '180 days') AS winback,
                winback_tally(customer_id, ordered_at, period, '180 days') AS former,
                winback_tally(customer_id, ordered_at, period, '365 days') AS longer
           FROM orders
       ) AS shop
 ORDER BY month.month;

\echo 'Why 60 and 180 days? The chance that a customer comes back within 90 days, after so long a'
\echo 'silence, with those counted who never came back (Kaplan-Meier):'
\echo

SELECT days AS "days of silence",
       to_char(100 * chance, '990.0') || ' %' AS "come back",
       repeat('█', round(20 * chance)::int) AS "█ = 5 %",
       to_char(100 * lower, '990.0') || to_char(100 * upper, ' - 990.0') || ' %' AS "95 % sure",
       at_risk AS "silences",
       CASE days WHEN 60 THEN 'inactive' WHEN 180 THEN 'churned' ELSE '' END AS "threshold"
  FROM (SELECT return_curve(customer_id, ordered_at, '2025-01-01') AS curve FROM orders) AS shop,
       unnest('{30, 60, 90, 180, 360}'::int[]) AS days,
       chance_of_return(curve, make_interval(days => days), '90 days')
 ORDER BY days;

\echo 'Try it on a table of your own (all of it: without its history no customer can come back):'
\echo
\echo '  CREATE EXTENSION winback;'
\echo '  SELECT winback_rate(customer_id, ordered_at, ''[2024-11-01,2024-12-01)'', ''180 days'')'
\echo '    FROM orders;'
\echo
SELECT winback_rate(customer_id, ordered_at, '[2024-11-01,2024-12-01)', '180 days') FROM orders;
