-- report_data.sql
--   All data that the report shows, as one JSON document: one query over the demo
--   shop's orders. scripts/report puts its output into report.html.
--
--   The idea: the page computes no statistics, it only draws. So every number on it
--   can be checked against the database; t/050_report.pl does so.
--
--   psql variables, each with a default:
--     orders           table or view with customer_id, ordered_at, amount
--     from, to         first day of the first month, and the day after the last
--     inactive_after   silence after which a customer is inactive
--     churned_after    silence after which a customer is a former one
--     currency         ISO code of the amounts
--
--   Limits: it reads purchases alone, by calendar months in UTC. It casts ordered_at
--   to a date, which changes no result, because months and thresholds begin at
--   midnight, but one: a month is complete as soon as its last day has an order,
--   while a timestamp would have to reach the month's last microsecond.

\if :{?orders} \else \set orders orders \endif
\if :{?from} \else \set from 2022-01-01 \endif
\if :{?to} \else \set to 2025-01-01 \endif
\if :{?inactive_after} \else \set inactive_after '60 days' \endif
\if :{?churned_after} \else \set churned_after '180 days' \endif
\if :{?currency} \else \set currency EUR \endif

SET TimeZone = 'UTC';
\encoding UTF8
\pset tuples_only on
\pset format unaligned

WITH
purchase AS (
  SELECT customer_id AS customer, ordered_at::date AS day, amount FROM :orders
),
-- one pass over the orders for all months
month AS (
  SELECT count.*, back.lower AS reactivation_lower, back.upper AS reactivation_upper,
         former.lower AS winback_lower, former.upper AS winback_upper,
         revenue_reactivated + revenue_won_back AS revenue_back,
         revenue_new + revenue_retained + revenue_reactivated + revenue_won_back AS revenue
    FROM (SELECT lifecycle_series(customer, day, amount, daterange(:'from', :'to'), '1 month',
                                  :'inactive_after', :'churned_after') AS series
            FROM purchase) AS shop,
         unnest(series) AS count,
         rate_interval(reactivation) AS back,
         rate_interval(win_back) AS former
),
-- the last three months, customer by customer
quarter AS (
  SELECT greatest(:'from', (date :'to' - interval '3 months')::date) AS first
),
customer AS (
  SELECT lifecycle_at(day, (SELECT first FROM quarter), :'inactive_after', :'churned_after')
           AS before,
         lifecycle_during(day, (SELECT daterange(first, :'to') FROM quarter),
                          :'inactive_after', :'churned_after') AS after
    FROM purchase
   GROUP BY customer
),
transition AS (
  SELECT step.*
    FROM (SELECT lifecycle_transitions(before, after) AS steps FROM customer) AS matrix,
         unnest(steps) AS step
)
-- "<" is escaped, so no text in the data can end the HTML element that holds the document
SELECT replace(json_build_object(
  'currency', :'currency',
  'inactive_after', :'inactive_after',
  'churned_after', :'churned_after',
  'from', date :'from',
  'to', date :'to',
  'orders', (SELECT count(*) FROM purchase),
  'customers', (SELECT count(DISTINCT customer) FROM purchase),
  'first_order', (SELECT min(day) FROM purchase),
  'last_order', (SELECT max(day) FROM purchase),
  'months', (
    SELECT json_agg(json_build_object(
             'month', to_char(period_start, 'YYYY-MM'),
             'history_complete', history_complete,
             'period_complete', period_complete,
             'active_end', active_end,
             'inactive_end', inactive_end,
             'churned_end', churned_end,
             'new', new_customers,
             'retained', retained,
             'reactivated', reactivated,
             'won_back', won_back,
             'reactivation', json_build_object(
               'returned', returned(reactivation), 'eligible', eligible(reactivation),
               'rate', reactivation_rate, 'lower', reactivation_lower, 'upper', reactivation_upper),
             'winback', json_build_object(
               'returned', returned(win_back), 'eligible', eligible(win_back),
               'rate', winback_rate, 'lower', winback_lower, 'upper', winback_upper),
             'sustained', sustained,
             'lapsed_again', lapsed_again,
             'revenue_new', revenue_new,
             'revenue_retained', revenue_retained,
             'revenue_reactivated', revenue_reactivated,
             'revenue_won_back', revenue_won_back,
             'revenue', revenue,
             'revenue_back', revenue_back,
             'revenue_back_share', round(revenue_back / nullif(revenue, 0), 6))
           ORDER BY period_start)
      FROM month),
  'quarter', (SELECT first FROM quarter),
  'transitions', (
    SELECT json_agg(json_build_object('before', before, 'after', after, 'customers', customers)
           ORDER BY before NULLS FIRST, after)
      FROM transition)
)::text, '<', '\u003c');
