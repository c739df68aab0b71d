-- questions.sql
--   Questions of the shop about customers who come back. Run data.sql and
--   events.sql first; events.sql explains what counts as which event, and why the
--   thresholds are 6 and 12 months.
--
--   Every query reads all orders: a rate depends on the orders before its period,
--   so the period is an argument and never a WHERE.

\set QUIET on
\set ON_ERROR_STOP on
\pset footer off
\pset null '-'
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET search_path = retail_example, public;

\echo
\echo '1. How likely is it that a customer comes back after so long a silence, and which thresholds'
\echo 'follow? (The last column shows why the waits that ended are no guide: they leave out all who'
\echo 'never came back, so nearly all of them are shorter.)'
WITH shop AS (
  SELECT return_curve(customer_id, ordered_at, '2025-01-01') AS curve FROM orders
)
SELECT days AS "days of silence", to_char(100 * chance, '990.0%') AS "back in 180 days",
       to_char(100 * lower, '990.0') || to_char(100 * upper, ' - 990.0%') AS "95% sure", at_risk
  FROM shop, unnest('{30, 60, 90, 120, 180, 270, 365, 545}'::int[]) AS days,
       chance_of_return(curve, make_interval(days => days), '180 days')
 ORDER BY days;
WITH shop AS (
  SELECT return_curve(customer_id, ordered_at, '2025-01-01') AS curve FROM orders
)
SELECT threshold, "at most come back",
       silence_for(curve, at_most, '180 days') AS "after a silence of",
       (SELECT to_char(100 * avg((wait <= extract(day FROM
                                   silence_for(curve, at_most, '180 days')))::int), '990%')
          FROM (
                 SELECT ordered_at::date - lag(ordered_at::date) OVER customer AS wait
                   FROM orders
                  WHERE customer_id IS NOT NULL
                 WINDOW customer AS (PARTITION BY customer_id ORDER BY ordered_at)
               ) AS waits
         WHERE wait > 0) AS "of the waits are shorter"
  FROM shop,
       (VALUES ('inactive', 0.25, '1 of 4'), ('churned', 0.125, '1 of 8'))
         AS asked (threshold, at_most, "at most come back")
 ORDER BY at_most DESC;

\echo '2. How well did we get customers back, month by month in 2024?'
SELECT to_char(starts_on, 'YYYY-MM') AS month, step,
       reactivation, to_char(100 * reactivation_rate, '990.0%') AS rate,
       win_back, to_char(100 * winback_rate, '990.0%') AS rate
  FROM unnest((
         SELECT lifecycle_series(customer_id, ordered_at, '[2024-01-01,2025-01-01)', '1 month',
                                 '6 months', '12 months')
           FROM orders
       ))
 ORDER BY starts_on;

\echo '3. And by quarter: how many customers were there, came, came back, or left? ("history" is'
\echo 'false where the orders do not reach back 12 months before the quarter. A quarter is a period'
\echo 'of its own: its rates do not follow from those of its months.)'
SELECT to_char(starts_on, 'YYYY "Q"Q') AS quarter, step, history_complete AS history,
       active_start, inactive_start, churned_start,
       new_customers, retained, reactivated, won_back,
       active_end, inactive_end, churned_end
  FROM unnest((
         SELECT lifecycle_series(customer_id, ordered_at, '[2023-01-01,2025-01-01)', '3 months',
                                 '6 months', '12 months')
           FROM orders
       ))
 ORDER BY starts_on;

\echo '4. Of those who were former customers when 2024 began, how many came back, by the channel'
\echo 'of their first order?'
WITH customer AS (
  SELECT DISTINCT ON (customer_id) customer_id, channel AS first_channel
    FROM orders
   WHERE customer_id IS NOT NULL
   ORDER BY customer_id, ordered_at
)
SELECT first_channel, win_back,
       to_char(100 * rate(win_back), '990.0%') AS rate,
       to_char(100 * lower, '990.0') || to_char(100 * upper, ' - 990.0%') AS "95% sure"
  FROM (
         SELECT first_channel,
                winback_tally(customer_id, ordered_at, '[2024-01-01,2025-01-01)', '12 months')
                  AS win_back
           FROM orders JOIN customer USING (customer_id)
          GROUP BY first_channel
       ) AS channel,
       rate_interval(win_back)
 ORDER BY first_channel;

\echo '5. And which channel brought them back? (Every row is a share of the same former customers,'
\echo 'so the rows add up.)'
WITH customer AS (
  SELECT customer_id,
         lifecycle_at(ordered_at, '2024-01-01', '6 months', '12 months') AS before,
         (array_agg(channel ORDER BY ordered_at)
           FILTER (WHERE ordered_at <@ tstzrange '[2024-01-01,2025-01-01)'))[1] AS back_in
    FROM orders
   WHERE customer_id IS NOT NULL
   GROUP BY customer_id
),
former AS (
  SELECT back_in, count(*) AS customers, sum(count(*)) OVER () AS all_customers
    FROM customer
   WHERE before = 'churned'
   GROUP BY back_in
)
SELECT coalesce(back_in, 'did not come back') AS "back in",
       rate_tally(customers, all_customers::bigint) AS customers,
       to_char(100.0 * customers / all_customers, '990.0%') AS share
  FROM former
 ORDER BY back_in;

\echo '6. Why not simply GROUP BY channel?'
\echo 'Wrong: it cuts each history apart. A customer who bought on the web site last month is'
\echo '"gone" to the store; one who is gone from three channels counts three times; one who left'
\echo 'the store and came back on the web site did not come back in either.'
\echo 'Right, by customer: each customer has one first channel, all his orders stay together, and'
\echo 'the rows add up to all customers.'
\echo 'Right, by return: each customer came back in one channel, and the rows add up to all who'
\echo 'came back.'
WITH cut_apart AS (
  SELECT channel,
         winback_tally(customer_id, ordered_at, '[2024-01-01,2025-01-01)', '12 months') AS wrong
    FROM orders
   GROUP BY channel
),
customer AS (
  SELECT customer_id,
         (array_agg(channel ORDER BY ordered_at))[1] AS first_channel,
         (array_agg(channel ORDER BY ordered_at)
           FILTER (WHERE ordered_at <@ tstzrange '[2024-01-01,2025-01-01)'))[1] AS back_in,
         lifecycle_at(ordered_at, '2024-01-01', '6 months', '12 months') AS before,
         lifecycle_during(ordered_at, '[2024-01-01,2025-01-01)', '6 months', '12 months') AS after
    FROM orders
   WHERE customer_id IS NOT NULL
   GROUP BY customer_id
),
by_customer AS (
  SELECT first_channel AS channel, winback_tally(before, after) AS by_customer
    FROM customer
   GROUP BY first_channel
),
by_return AS (
  SELECT back_in AS channel, count(*) AS by_return
    FROM customer
   WHERE after = 'won_back'
   GROUP BY back_in
)
SELECT coalesce(channel, 'all') AS channel,
       sum(wrong) AS wrong, to_char(100 * rate(sum(wrong)), '990.0%') AS rate,
       sum(by_customer) AS by_customer, to_char(100 * rate(sum(by_customer)), '990.0%') AS rate,
       sum(by_return) AS by_return
  FROM cut_apart LEFT JOIN by_customer USING (channel) LEFT JOIN by_return USING (channel)
 GROUP BY ROLLUP (channel)
 ORDER BY grouping(channel), 1;

\echo '7. Today is 2025-01-01. Of the customers who are gone and whom we may call, who spent most?'
SELECT customer_id, email, status, orders, spent, last_order::date
  FROM (
         SELECT customer_id,
                lifecycle_at(ordered_at, '2025-01-01', '6 months', '12 months') AS status,
                count(*) AS orders, sum(amount) AS spent, max(ordered_at) AS last_order
           FROM orders
          WHERE customer_id IS NOT NULL
          GROUP BY customer_id
       ) AS customer
       JOIN customers USING (customer_id)
 WHERE status IN ('inactive', 'churned') AND may_call
 ORDER BY spent DESC, customer_id
 LIMIT 8;

\echo '8. What did customers who came back spend in 2024, less what they got back? ("Others" bought'
\echo 'nothing in 2024, but got money back for an order of 2023.)'
SELECT who, customers, round(revenue) AS revenue,
       to_char(100 * revenue / sum(revenue) OVER (), '990.0%') AS share
  FROM (
         SELECT (lifecycle_counts(customer, at, event, amount, '[2024-01-01,2025-01-01)',
                                  '6 months', '12 months')).*
           FROM events
       ) AS year,
       LATERAL (VALUES (1, 'new customers', new_customers, revenue_new),
                       (2, 'active before', retained, revenue_retained),
                       (3, 'inactive before', reactivated, revenue_reactivated),
                       (4, 'churned before', won_back, revenue_won_back),
                       (5, 'others', NULL, revenue_other)
               ) AS part(no, who, customers, revenue)
 ORDER BY no;

\echo '9. Are returned goods a cancellation? No: most customers who return something buy again'
\echo 'within half a year (returns before July 2024).'
SELECT rate_tally(count(*) FILTER (WHERE bought_again), count(*)) AS bought_again
  FROM (
         SELECT EXISTS (
                  SELECT FROM orders AS later
                   WHERE later.customer_id = orders.customer_id
                     AND later.ordered_at > returned_at
                     AND later.ordered_at <= returned_at + interval '6 months'
                ) AS bought_again
           FROM returns JOIN orders USING (order_id)
          WHERE returned_at < '2024-07-01' AND customer_id IS NOT NULL
       ) AS returned;
\echo 'If they counted as cancellations, customers would be "gone" who were there the month before,'
\echo 'and "won back" though they never left:'
SELECT 'orders alone' AS "what counts", win_back, to_char(100 * rate(win_back), '990.0%') AS rate
  FROM (
         SELECT winback_tally(customer, at, event, '[2024-01-01,2025-01-01)', '12 months')
                  AS win_back
           FROM events
       ) AS orders_alone
 UNION ALL
SELECT 'returns as cancellations', win_back, to_char(100 * rate(win_back), '990.0%')
  FROM (
         SELECT winback_tally(customer, at, event, '[2024-01-01,2025-01-01)', '12 months')
                  AS win_back
           FROM (
                  SELECT customer, at, event FROM events
                   UNION ALL
                  SELECT customer_id, returned_at, 'cancellation'
                    FROM returns JOIN orders USING (order_id)
                ) AS with_returns
       ) AS with_returns
 ORDER BY 1;

\echo '10. Which customers were won back in December 2024? (Those who spent most in it first.)'
SELECT customer_id, last_order_before::date, orders, spent
  FROM (
         SELECT customer_id,
                lifecycle_during(ordered_at, '[2024-12-01,2025-01-01)', '6 months', '12 months')
                  AS status,
                max(ordered_at) FILTER (WHERE ordered_at < '2024-12-01') AS last_order_before,
                count(*) FILTER (WHERE ordered_at >= '2024-12-01') AS orders,
                sum(amount) FILTER (WHERE ordered_at >= '2024-12-01') AS spent
           FROM orders
          WHERE customer_id IS NOT NULL
          GROUP BY customer_id
       ) AS customer
 WHERE status = 'won_back'
 ORDER BY spent DESC, customer_id
 LIMIT 5;

\echo '11. Why does the first of them count as won back?'
\x on
SELECT (explain_lifecycle(ordered_at, '[2024-12-01,2025-01-01)', '6 months', '12 months')).*
  FROM orders
 WHERE customer_id = 1242;
\x off

\echo '12. Do we win back more customers than a year ago? The rate of all former customers seems to'
\echo 'say so. But it compares two different pools: at the end of 2023 nobody had been silent for'
\echo 'more than two years, because the data begin in 2022. Of those who had been silent for 12 to'
\echo '18 months, as many came back as a year ago:'
SELECT to_char(starts_on, 'YYYY "Q"Q') AS quarter, data_start::date,
       win_back AS "all former", to_char(100 * winback_rate, '990.0%') AS rate,
       silent AS "12 to 18 months", to_char(100 * rate(silent), '990.0%') AS rate
  FROM generate_series(timestamptz '2023-10-01', '2024-10-01', '1 year') AS quarter,
       tstzrange(quarter, quarter + interval '3 months') AS period,
       LATERAL (
         SELECT (lifecycle_counts(customer_id, ordered_at, period, '6 months', '12 months')).*
           FROM orders
       ) AS all_former,
       LATERAL (
         SELECT winback_tally_lost_after(customer_id, ordered_at, period, '12 months', '18 months')
           FROM orders
       ) AS not_yet_lost(silent)
 ORDER BY starts_on;
