-- data.sql
--   All data that the report shows, as one JSON document: one query over the demo
--   shop's orders. scripts/report puts its output into page.html.
--
--   The idea: the page computes no statistics, it only draws. So every number on it
--   can be checked against the database; t/050_report.pl does so.
--
--   psql variables, each with a default:
--     orders           table or view with customer_id, ordered_at, amount
--     from, to         first day of the first month, and the day after the last one;
--                      default: the whole months that the orders cover, at most the
--                      last 36. Orders before `from` count as history.
--     inactive_after   silence after which a customer is inactive
--     churned_after    silence after which a customer is a former one
--     campaigns        table or view with campaign, customer_id, variant, assigned_at;
--                      default: campaign_members, if there is such a table
--     control          variant of those who got nothing; default: control
--     campaign_days    days after assigned_at in which customers come back; default: 30
--     currency         ISO code of the amounts
--     timezone         where days and months begin, if ordered_at is a timestamptz;
--                      default: UTC
--
--   Limits: it reads purchases alone, by calendar months. It casts ordered_at to a
--   date, which changes no result, because months and thresholds begin at midnight,
--   but one: a month is complete as soon as its last day has an order, while a
--   timestamp would have to reach the month's last microsecond. A campaign begins with
--   the day of its assigned_at, too. Orders without a
--   customer cannot be judged; the report counts them and leaves them out.

\if :{?orders} \else \set orders orders \endif
\if :{?from} \else \set from '' \endif
\if :{?to} \else \set to '' \endif
\if :{?inactive_after} \else \set inactive_after '60 days' \endif
\if :{?churned_after} \else \set churned_after '180 days' \endif
\if :{?control} \else \set control control \endif
\if :{?campaign_days} \else \set campaign_days 30 \endif
\if :{?currency} \else \set currency EUR \endif
\if :{?timezone} \else \set timezone UTC \endif

SET TimeZone = :'timezone';
SET DateStyle = 'ISO';
SET IntervalStyle = 'postgres';
\encoding UTF8
\pset tuples_only on
\pset format unaligned
-- a complaint of the check below needs no line number
\set SHOW_CONTEXT never

\if :{?campaigns}
\else
-- without a table: no rows, with a customer of the right type
SELECT CASE WHEN to_regclass('campaign_members') IS NULL
            THEN format('(SELECT NULL::text AS campaign, customer_id, NULL::text AS variant, '
                        'NULL::date AS assigned_at FROM %s WHERE false)', :'orders')
            ELSE 'campaign_members' END AS campaigns \gset
\endif

-- The period of the report. A part of a month must not stand beside whole months, so the default
-- begins and ends with whole ones. A month is whole if its first and its last day have orders.
WITH
extent AS (
  SELECT min(day) AS first_order, max(day) AS last_order
    FROM (SELECT ordered_at::date AS day FROM :orders WHERE customer_id IS NOT NULL) AS purchase
   WHERE isfinite(day)
),
whole AS (
  SELECT first_order, last_order,
         date_trunc('month', first_order + interval '1 month' - interval '1 day')::date AS "from",
         date_trunc('month', last_order + interval '1 day')::date AS "to"
    FROM extent
),
chosen AS (
  SELECT first_order, last_order,
         coalesce(nullif(:'from', '')::date,
                  greatest(whole."from", (last."to" - interval '36 months')::date)) AS "from",
         last."to"
    FROM whole,
         coalesce(nullif(:'to', '')::date, whole."to") AS last ("to")
)
SELECT "from", "to", first_order, last_order,
       set_config('winback_report.period', json_build_object(
         'from', "from", 'to', "to", 'from_is_given', :'from' <> '', 'to_is_given', :'to' <> '',
         'first_order', first_order, 'last_order', last_order)::text, false) AS period
  FROM chosen \gset

DO $check$
DECLARE
  period json := current_setting('winback_report.period')::json;
  first_order date := period ->> 'first_order';
  last_order date := period ->> 'last_order';
  first_day date := period ->> 'from';
  end_day date := period ->> 'to';
  month interval := '1 month';
  variable text;
  day date;
BEGIN
  IF first_order IS NULL THEN
    RAISE EXCEPTION 'there are no orders, so there is nothing to report'
      USING ERRCODE = 'no_data_found';
  END IF;
  FOREACH variable IN ARRAY ARRAY['to', 'from'] LOOP
    day := period ->> variable;
    IF NOT isfinite(day) THEN
      RAISE EXCEPTION '% is %, which is not a day', variable, day
        USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass the first day of a month.';
    ELSIF day <> date_trunc('month', day) THEN
      RAISE EXCEPTION '% is %, which is not the first day of a month', variable, day
        USING ERRCODE = 'invalid_parameter_value',
              DETAIL = 'A part of a month cannot be compared with whole months.',
              HINT = format(CASE variable
                WHEN 'from' THEN 'Pass from=%s to begin with %s, or from=%s to begin with %s.'
                ELSE 'Pass to=%s to end with %4$s, or to=%3$s to end with %2$s.' END,
                date_trunc('month', day)::date,
                to_char(date_trunc('month', day), 'FMMonth YYYY'),
                (date_trunc('month', day) + month)::date,
                to_char(date_trunc('month', day)
                        + CASE variable WHEN 'from' THEN month ELSE - month END, 'FMMonth YYYY'));
    END IF;
  END LOOP;
  IF first_day >= end_day THEN
    IF (period ->> 'from_is_given')::boolean OR (period ->> 'to_is_given')::boolean THEN
      RAISE EXCEPTION 'the report would begin on % and end before %', first_day, end_day
        USING ERRCODE = 'invalid_parameter_value',
              DETAIL = format('The orders begin on %s and end on %s.', first_order, last_order),
              HINT = 'Pass from=, to=, or both: the first day of the first month, and the day '
                     'after the last one.';
    END IF;
    RAISE EXCEPTION 'the orders, from % to %, cover no whole month', first_order, last_order
      USING ERRCODE = 'invalid_parameter_value',
            HINT = format('To see parts of months all the same, pass from=%s and to=%s.',
                          date_trunc('month', first_order)::date,
                          (date_trunc('month', last_order) + month)::date);
  END IF;
END
$check$;

-- Former customers by length of silence: from churned_after to silence_1, from there to silence_2,
-- and longer. These are the first round lengths that are at least one and a half times as long as
-- the limit before, in days if churned_after is in days, else in months.
WITH
round_length AS (
  SELECT length::interval
    FROM unnest(CASE WHEN extract(year FROM interval :'churned_after') = 0
                      AND extract(month FROM interval :'churned_after') = 0
                THEN '{14 days,30 days,60 days,90 days,180 days,365 days,730 days,1460 days,
                       2920 days,5840 days}'::text[]
                ELSE '{1 month,2 months,3 months,6 months,1 year,2 years,4 years,8 years,
                       16 years}'::text[] END) AS length
),
silence AS (
  SELECT coalesce((SELECT min(length) FROM round_length
                    WHERE length >= 1.5 * interval :'churned_after'),
                  2 * interval :'churned_after') AS first
)
SELECT first AS silence_1,
       coalesce((SELECT min(length) FROM round_length WHERE length >= 1.5 * first),
                2 * first) AS silence_2
  FROM silence \gset

WITH
purchase AS (
  SELECT customer_id AS customer, ordered_at::date AS day, amount
    FROM :orders
   WHERE customer_id IS NOT NULL AND ordered_at IS NOT NULL
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
-- the win-back rates by length of silence, in another pass
silence AS (
  SELECT number, starts_on, win_back, winback_rate, history_complete, share.lower, share.upper
    FROM (SELECT lifecycle_series_lost_after(customer, day, daterange(:'from', :'to'), '1 month',
                   :'inactive_after', :'churned_after', :'silence_1') AS first,
                 lifecycle_series_lost_after(customer, day, daterange(:'from', :'to'), '1 month',
                   :'inactive_after', :'silence_1', :'silence_2') AS second,
                 lifecycle_series(customer, day, daterange(:'from', :'to'), '1 month',
                   :'inactive_after', :'silence_2') AS longer
            FROM purchase) AS shop,
         LATERAL (VALUES (1, first), (2, second), (3, longer)) AS part (number, series),
         unnest(series),
         rate_interval(win_back) AS share
),
-- how long silences last, up to the end of the report
silences AS (
  SELECT return_curve(customer, day, :'to') AS curve FROM purchase
),
-- the period whose customers the report follows one by one: the last complete quarter, or month
complete AS (
  SELECT starts_on FROM month WHERE history_complete AND period_complete
),
followed AS (
  SELECT first, (first + make_interval(months => months))::date AS next, months
    FROM (SELECT date_trunc('quarter', starts_on)::date AS first, 3 AS months
            FROM complete GROUP BY 1 HAVING count(*) = 3
           UNION ALL
          SELECT starts_on, 1 FROM complete) AS candidate
   ORDER BY months DESC, first DESC
   LIMIT 1
),
customer AS (
  SELECT lifecycle_at(day, (SELECT first FROM followed), :'inactive_after', :'churned_after')
           AS before,
         lifecycle_during(day, (SELECT daterange(first, next) FROM followed),
                          :'inactive_after', :'churned_after') AS after
    FROM purchase
   WHERE EXISTS (SELECT FROM followed)
   GROUP BY customer
),
transition AS (
  SELECT step.*
    FROM (SELECT lifecycle_transitions(before, after) AS steps FROM customer) AS matrix,
         unnest(steps) AS step
),
-- the members of campaigns who were not active when the variants were assigned
member AS (
  SELECT campaign, variant, assigned_at::date AS assigned, customer_id AS customer
    FROM :campaigns AS members
   WHERE customer_id IS NOT NULL
),
result AS (
  SELECT campaign, variant, assigned, customer, before, after, spent
    FROM (SELECT campaign, variant, assigned, customer,
                 lifecycle_at(day, assigned, :'inactive_after', :'churned_after') AS before,
                 lifecycle_during(day, daterange(assigned, assigned + :campaign_days),
                                  :'inactive_after', :'churned_after') AS after,
                 sum(amount) FILTER (WHERE day >= assigned AND day < assigned + :campaign_days)
                   AS spent
            FROM member LEFT JOIN purchase USING (customer)
           GROUP BY campaign, variant, assigned, customer) AS all_members
   WHERE before IN ('inactive', 'churned')
),
variant AS (
  SELECT campaign, variant, min(assigned) AS first_day,
         max(assigned) + :campaign_days - 1 AS last_day,
         reactivation_tally(before, after) AS came_back, spend_tally(spent) AS spend
    FROM result
   GROUP BY campaign, variant
),
-- the effect of each variant against the control group of its campaign, once all have had their days
effect AS (
  SELECT treated.campaign, treated.variant, treated.first_day, treated.came_back,
         control.came_back AS control, rates, money
    FROM variant AS treated JOIN variant AS control USING (campaign),
         rate_effect(treated.came_back, control.came_back) AS rates,
         spend_effect(treated.spend, control.spend) AS money
   WHERE treated.variant <> :'control' AND control.variant = :'control'
     AND greatest(treated.last_day, control.last_day) <= :'last_order'
),
adjusted AS (
  SELECT campaign, variant, p
    FROM (SELECT array_agg(campaign ORDER BY campaign, variant) AS campaigns,
                 array_agg(variant ORDER BY campaign, variant) AS variants,
                 holm(array_agg((rates).p_value ORDER BY campaign, variant)) AS ps
            FROM effect) AS all_tests,
         unnest(campaigns, variants, ps) AS test (campaign, variant, p)
)
-- "<" is escaped, so no text in the data can end the HTML element that holds the document
SELECT replace(json_build_object(
  'currency', :'currency',
  'timezone', (SELECT :'timezone' FROM :orders
                WHERE pg_typeof(ordered_at) = 'timestamptz'::regtype LIMIT 1),
  'inactive_after', :'inactive_after',
  'churned_after', :'churned_after',
  'silence', json_build_array(:'silence_1', :'silence_2'),
  'from', date :'from',
  'to', date :'to',
  'orders', (SELECT count(*) FROM purchase),
  'customers', (SELECT count(DISTINCT customer) FROM purchase),
  'first_order', date :'first_order',
  'last_order', date :'last_order',
  'orders_before', (SELECT count(*) FROM purchase WHERE day < :'from'),
  'orders_after', (SELECT count(*) FROM purchase WHERE day >= :'to'),
  'orders_left_out', (SELECT count(*) FROM :orders WHERE customer_id IS NULL OR ordered_at IS NULL),
  'months', (
    SELECT json_agg(json_build_object(
             'month', to_char(starts_on, 'YYYY-MM'),
             'history_complete', history_complete,
             'period_complete', period_complete,
             'active_end', active_end,
             'inactive_end', inactive_end,
             'churned_start', churned_start,
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
             'silence', (
               SELECT json_agg(json_build_object(
                        'returned', returned(win_back), 'eligible', eligible(win_back),
                        'rate', winback_rate, 'lower', lower, 'upper', upper,
                        'history_complete', history_complete) ORDER BY number)
                 FROM silence WHERE silence.starts_on = month.starts_on),
             'sustained', sustained,
             'lapsed_again', lapsed_again,
             'revenue_new', revenue_new,
             'revenue_retained', revenue_retained,
             'revenue_reactivated', revenue_reactivated,
             'revenue_won_back', revenue_won_back,
             'revenue', revenue,
             'revenue_back', revenue_back,
             'revenue_back_share', round(revenue_back / nullif(revenue, 0), 6))
           ORDER BY starts_on)
      FROM month),
  'curve', (
    SELECT json_build_object(
             'silences', (SELECT coalesce(sum(returned + censored), 0) FROM unnest(curve)),
             'median', extract(epoch FROM median_return(curve)) / 86400,
             -- a month counts as 30 days here, as where PostgreSQL compares intervals
             'inactive_days', extract(epoch FROM interval :'inactive_after') / 86400,
             'churned_days', extract(epoch FROM interval :'churned_after') / 86400,
             'points', (
               SELECT coalesce(json_agg(json_build_object(
                        'days', extract(day FROM silence), 'at_risk', at_risk,
                        'returned', returned, 'survival', round(survival::numeric, 6),
                        'lower', round(lower::numeric, 6), 'upper', round(upper::numeric, 6))
                      ORDER BY silence), '[]')
                 FROM unnest(curve)
                WHERE silence <= greatest(interval '400 days',
                                          2 * make_interval(days => (extract(epoch FROM
                                            interval :'churned_after') / 86400)::int))),
             'chances', (
               SELECT json_agg(json_build_object(
                        'silence', days, 'chance', chance, 'lower', lower, 'upper', upper,
                        'at_risk', at_risk) ORDER BY days)
                 FROM unnest('{30, 60, 90, 180, 360}'::int[]) AS days,
                      chance_of_return(curve, make_interval(days => days), '90 days')))
      FROM silences),
  'followed', (SELECT json_build_object('from', first, 'to', next, 'months', months) FROM followed),
  'transitions', (
    SELECT json_agg(json_build_object('before', before, 'after', after, 'customers', customers)
           ORDER BY before NULLS FIRST, after)
      FROM transition),
  'campaign_days', :campaign_days,
  'campaigns', (
    SELECT json_agg(json_build_object(
             'campaign', campaign,
             'variant', variant,
             'from', first_day,
             'treated', json_build_object('returned', returned(came_back),
                                          'eligible', eligible(came_back),
                                          'rate', (rates).treated_rate),
             'control', json_build_object('returned', returned(control),
                                          'eligible', eligible(control),
                                          'rate', (rates).control_rate),
             'difference', (rates).difference, 'lower', (rates).lower, 'upper', (rates).upper,
             'p', (rates).p_value, 'adjusted', p,
             'won', json_build_object('value', (rates).incremental,
                                      'lower', (rates).incremental_lower,
                                      'upper', (rates).incremental_upper),
             'revenue', json_build_object('value', (money).incremental,
                                          'lower', (money).incremental_lower,
                                          'upper', (money).incremental_upper))
           ORDER BY first_day, campaign, variant)
      FROM effect JOIN adjusted USING (campaign, variant)
     WHERE (rates).difference IS NOT NULL)
)::text, '<', '\u003c');
