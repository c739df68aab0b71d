-- data.sql
--   All data that the report shows, as one JSON document. scripts/report runs it after check.sql,
--   which looked up the tables and says what the variables are, and puts its output into
--   page.html.
--
--   The idea: the page computes no statistics, it only draws. So every number on it can be checked
--   against the database; t/050_report.pl does so.
--
--   Each question is one pass over the orders, in a shape that a Winback Scan can read: aggregates
--   over columns, with FILTER, and no casts. Without a psql that shows progress, \warn does.
--
--   The period is whole calendar months. The figures of a year and of the year before compare the
--   last 12, 3 or 1 whole months with the same months a year earlier: the longest of these for
--   which the orders reach back far enough.
--
--   Limits: a month is complete as soon as its last day has an order, while winback wants an order
--   after its last microsecond. A campaign begins with the day of its assigned_at. Orders without
--   a customer cannot be judged; the report counts them and leaves them out. Purchases in the
--   future, counted from now, do not move the end of the report.

\warn '  the first and the last order'
SELECT count(*) FILTER (WHERE :is_purchase AND :customer IS NOT NULL AND :at IS NOT NULL)
         AS orders_counted,
       count(*) FILTER (WHERE :customer IS NULL OR :at IS NULL) AS orders_left_out,
       count(*) FILTER (WHERE :is_purchase AND :amount_value < 0) AS negative,
       count(*) FILTER (WHERE :amount_value IN ('NaN', 'Infinity', '-Infinity')) AS no_numbers,
       coalesce((min(:at) FILTER (WHERE :is_purchase AND :customer IS NOT NULL
                                    AND isfinite(:at)))::date::text, '') AS first_order,
       coalesce((max(:at) FILTER (WHERE :is_purchase AND :customer IS NOT NULL AND isfinite(:at)
                                    AND :at <= now()))::date::text,
                (max(:at) FILTER (WHERE :is_purchase AND :customer IS NOT NULL
                                    AND isfinite(:at)))::date::text, '') AS last_order
  FROM :orders \gset
SELECT :negative > 0 AND :'event_arg' = '' AS has_refunds \gset
\if :has_refunds
\warn 'WARNING:' :negative 'orders have a negative amount, and count as purchases.'
\warn 'HINT: If these are refunds, give them the event adjustment in a column, and name it as EVENT.'
\endif

-- A part of a month must not stand beside whole months, so the default begins and ends with whole
-- ones. A month is whole if its first and its last day have orders.
WITH
extent AS (
  SELECT nullif(:'first_order', '')::date AS first_order,
         nullif(:'last_order', '')::date AS last_order
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
SELECT "from", "to",
       -- the instant of the list of customers and of the curve
       least(last_order + 1, CASE WHEN :'to' <> '' THEN "to" END) AS as_of,
       set_config('winback_report.period', json_build_object(
         'from', "from", 'to', "to", 'from_is_given', :'from' <> '', 'to_is_given', :'to' <> '',
         'first_order', first_order, 'last_order', last_order,
         'no_numbers', :'no_numbers')::text, false) AS period
  FROM chosen \gset

DO $check$
DECLARE
  wanted json := current_setting('winback_report.wanted');
  resolved json := current_setting('winback_report.resolved');
  period json := current_setting('winback_report.period');
  first_order date := period ->> 'first_order';
  last_order date := period ->> 'last_order';
  first_day date := period ->> 'from';
  end_day date := period ->> 'to';
  month interval := '1 month';
  variable text;
  day date;
BEGIN
  IF first_order IS NULL THEN
    RAISE EXCEPTION 'there are no orders in %, so there is nothing to report', resolved ->> 'orders'
      USING ERRCODE = 'no_data_found',
            HINT = 'An order needs a customer, a time'
                   || CASE WHEN wanted ->> 'event' <> '' THEN ', and the event purchase.'
                      ELSE '.' END;
  END IF;
  IF period ->> 'no_numbers' <> '0' THEN
    RAISE EXCEPTION '% amounts are NaN or infinite', period ->> 'no_numbers'
      USING ERRCODE = 'numeric_value_out_of_range',
            HINT = 'Correct them, or leave them out in a view.';
  END IF;
  FOREACH variable IN ARRAY ARRAY['to', 'from'] LOOP
    day := period ->> variable;
    IF NOT isfinite(day) THEN
      RAISE EXCEPTION '% is %, which is not a day', upper(variable), day
        USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass the first day of a month.';
    ELSIF day <> date_trunc('month', day) THEN
      RAISE EXCEPTION '% is %, which is not the first day of a month', upper(variable), day
        USING ERRCODE = 'invalid_parameter_value',
              HINT = format(CASE variable
                WHEN 'from' THEN 'Pass FROM=%s to begin with %s, or FROM=%s to begin with %s.'
                ELSE 'Pass TO=%s to end with %4$s, or TO=%3$s to end with %2$s.' END,
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
              HINT = format('The orders begin on %s and end on %s. Pass FROM=, TO=, or both: the '
                            'first day of the first month, and the day after the last one.',
                            first_order, last_order);
    END IF;
    RAISE EXCEPTION 'the orders, from % to %, cover no whole month', first_order, last_order
      USING ERRCODE = 'invalid_parameter_value',
            HINT = format('To see parts of months all the same, pass FROM=%s and TO=%s.',
                          date_trunc('month', first_order)::date,
                          (date_trunc('month', last_order) + month)::date);
  END IF;
  IF (first_day + interval '50 years') < end_day THEN
    RAISE EXCEPTION 'the report would show more than 50 years' USING
      ERRCODE = 'invalid_parameter_value', HINT = 'Pass a later FROM=.';
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
SELECT interval :'inactive_after' AS inactive_after, interval :'churned_after' AS churned_after,
       format('[%s,%s)', date :'from', date :'to') AS period,
       first AS silence_1,
       coalesce((SELECT min(length) FROM round_length WHERE length >= 1.5 * first),
                2 * first) AS silence_2
  FROM silence \gset

-- The months that are compared with those of the year before. The longest silence that must lie
-- before them is best the limit of the first group of former customers.
WITH
month AS (
  SELECT least(date :'to', date_trunc('month', date :'last_order' + 1)::date) AS until,
         date :'first_order' AS first_order
),
candidate AS (
  SELECT preference, years = 1 AS has_before, silence = interval :'silence_1' AS has_group,
         (until - make_interval(months => months))::date AS now_from, until AS now_to,
         (until - make_interval(months => months + 12))::date AS before_from,
         (until - make_interval(months => 12))::date AS before_to, months,
         first_order < until - make_interval(months => months + 12 * years) - silence AS is_complete
    FROM month,
         (VALUES (1, 12, 1, interval :'silence_1'), (2, 3, 1, :'silence_1'),
                 (3, 12, 1, :'churned_after'), (4, 3, 1, :'churned_after'),
                 (5, 1, 1, :'churned_after'), (6, 12, 0, :'churned_after'),
                 (7, 3, 0, :'churned_after'), (8, 1, 0, :'churned_after'))
           AS choice (preference, months, years, silence)
)
SELECT coalesce(min(preference), 0) > 0 AS has_window,
       coalesce((array_agg(has_before ORDER BY preference))[1], false) AS has_before,
       coalesce((array_agg(has_group ORDER BY preference))[1], false) AS has_group,
       -- without any, a month that is not shown
       coalesce((array_agg(now_from ORDER BY preference))[1], date :'from') AS now_from,
       coalesce((array_agg(now_to ORDER BY preference))[1],
                (date :'from' + interval '1 month')::date) AS now_to,
       coalesce((array_agg(before_from ORDER BY preference))[1],
                (date :'from' - interval '12 months')::date) AS before_from,
       coalesce((array_agg(before_to ORDER BY preference))[1],
                (date :'from' - interval '11 months')::date) AS before_to,
       coalesce((array_agg(months ORDER BY preference))[1], 1) AS months,
       (date :'as_of' - interval '1 year')::date AS as_of_before
  FROM candidate
 WHERE is_complete \gset
SELECT format('[%s,%s)', :'now_from', :'now_to') AS now_period,
       format('[%s,%s)', :'before_from', :'before_to') AS before_period \gset

\warn '  the orders by month'
-- The lost_after of the second and the third series count those who were silent for less: their
-- tallies are parts of each other, also with cancellations.
WITH
series AS MATERIALIZED (
  SELECT lifecycle_series(:customer, :at :event_arg :amount_arg, :'period', '1 month',
                          :'inactive_after', :'churned_after') AS everybody,
         lifecycle_series_lost_after(:customer, :at :event_arg, :'period', '1 month',
                                     :'inactive_after', :'churned_after', :'silence_1') AS first,
         lifecycle_series_lost_after(:customer, :at :event_arg, :'period', '1 month',
                                     :'inactive_after', :'churned_after', :'silence_2') AS second
    FROM :orders
),
silence AS (
  SELECT a.starts_on, number, tally, complete
    FROM series,
         unnest(everybody) AS a JOIN unnest(first) AS b USING (starts_on)
                                JOIN unnest(second) AS c USING (starts_on),
         LATERAL (VALUES (1, b.win_back, b.history_complete),
                         (2, c.win_back - b.win_back, c.history_complete),
                         (3, a.win_back - c.win_back, c.history_complete))
           AS part (number, tally, complete)
),
month AS (
  SELECT count.*, back.lower AS reactivation_lower, back.upper AS reactivation_upper,
         former.lower AS winback_lower, former.upper AS winback_upper,
         revenue_reactivated + revenue_won_back AS revenue_back,
         revenue_new + revenue_retained + revenue_reactivated + revenue_won_back + revenue_other
           AS revenue,
         starts_on + interval '1 month' <= date :'last_order' + 1 AS is_over
    FROM series, unnest(everybody) AS count,
         rate_interval(reactivation) AS back,
         rate_interval(win_back) AS former
)
SELECT replace('"months": ' || json_agg(json_build_object(
         'month', to_char(starts_on, 'YYYY-MM'),
         'history_complete', history_complete,
         'period_complete', is_over,
         'prospects_end', prospects_end,
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
         'silence', (
           SELECT json_agg(json_build_object(
                    'returned', returned(tally), 'eligible', eligible(tally),
                    'rate', rate(tally), 'lower', lower, 'upper', upper,
                    'history_complete', complete) ORDER BY number)
             FROM silence, rate_interval(tally)
            WHERE silence.starts_on = month.starts_on),
         'sustained', sustained,
         'lapsed_again', lapsed_again,
         'revenue_new', revenue_new,
         'revenue_retained', revenue_retained,
         'revenue_reactivated', revenue_reactivated,
         'revenue_won_back', revenue_won_back,
         'revenue', revenue,
         'revenue_back', revenue_back,
         'revenue_back_share', round(revenue_back / nullif(revenue, 0), 6))
       ORDER BY starts_on)::text || ',', '<', '\u003c')
  FROM month;

\warn '  the last months and those of the year before'
WITH
counts AS MATERIALIZED (
  SELECT lifecycle_counts(:customer, :at :event_arg :amount_arg, :'now_period',
                          :'inactive_after', :'churned_after') AS now,
         lifecycle_counts(:customer, :at :event_arg :amount_arg, :'before_period',
                          :'inactive_after', :'churned_after') AS before,
         winback_tally_lost_after(:customer, :at :event_arg, :'now_period',
                                  :'churned_after', :'silence_1') AS now_group,
         winback_tally_lost_after(:customer, :at :event_arg, :'before_period',
                                  :'churned_after', :'silence_1') AS before_group
    FROM :orders
),
side AS (
  SELECT side.*, (counts).*,
         (counts).revenue_reactivated + (counts).revenue_won_back AS revenue_back,
         (counts).revenue_new + (counts).revenue_retained + (counts).revenue_reactivated
           + (counts).revenue_won_back + (counts).revenue_other AS revenue
    FROM counts,
         LATERAL (VALUES ('now', now, now_group), ('before', before, before_group))
           AS side (name, counts, "group")
),
tally AS (
  SELECT side.name AS side, kind, tally
    FROM side,
         LATERAL (VALUES ('reactivation', reactivation), ('winback', win_back), ('group', "group"))
           AS one (kind, tally)
)
SELECT replace('"compared": ' || CASE WHEN :'has_window' THEN json_build_object(
         'months', :months, 'has_before', :'has_before'::boolean,
         'has_group', :'has_group'::boolean,
         'has_group_now', date :'first_order' < date :'now_from' - interval :'silence_1',
         'from', date :'now_from', 'to', date :'now_to',
         'before_from', date :'before_from', 'before_to', date :'before_to',
         'counts', (
           SELECT json_object_agg(side.name, json_build_object(
                    'active_end', active_end, 'inactive_end', inactive_end,
                    'churned_end', churned_end, 'churned_start', churned_start,
                    'new', new_customers, 'retained', retained,
                    'reactivated', reactivated, 'won_back', won_back,
                    'sustained', sustained, 'lapsed_again', lapsed_again,
                    'revenue', revenue, 'revenue_back', revenue_back,
                    'revenue_back_share', round(revenue_back / nullif(revenue, 0), 6)))
             FROM side),
         'rates', (
           SELECT json_object_agg(n.kind, json_build_object(
                    'now', json_build_object(
                      'returned', returned(n.tally), 'eligible', eligible(n.tally),
                      'rate', rate(n.tally), 'lower', a.lower, 'upper', a.upper),
                    'before', json_build_object(
                      'returned', returned(b.tally), 'eligible', eligible(b.tally),
                      'rate', rate(b.tally), 'lower', c.lower, 'upper', c.upper),
                    'difference', effect.difference, 'lower', effect.lower,
                    'upper', effect.upper))
             FROM tally AS n JOIN tally AS b USING (kind),
                  rate_interval(n.tally) AS a, rate_interval(b.tally) AS c,
                  rate_effect(n.tally, b.tally) AS effect
            WHERE n.side = 'now' AND b.side = 'before'))::text ELSE 'null' END || ',',
         '<', '\u003c')
  FROM counts;

\warn '  the return curve'
SELECT return_curve(:customer, :at :event_arg, :'as_of') AS curve,
       return_curve(:customer, :at :event_arg, :'as_of_before') AS curve_before
  FROM :orders \gset
-- the days after which half of all silences have ended, where that is known
SELECT coalesce(extract(epoch FROM median_return(:'curve')) / 86400, threshold) AS usual_gap,
       coalesce(extract(epoch FROM median_return(:'curve_before')) / 86400, threshold)
         AS usual_gap_before
  FROM extract(epoch FROM interval :'inactive_after' / 86400) AS threshold \gset

WITH
curve AS (
  SELECT side, curve
    FROM (VALUES ('now', return_curve :'curve'), ('before', :'curve_before')) AS c (side, curve)
),
reach AS (
  SELECT greatest(400, 2 * extract(epoch FROM interval :'churned_after') / 86400)::int AS days
),
described AS (
  SELECT side, json_build_object(
           'silences', (SELECT coalesce(sum(returned + censored), 0) FROM unnest(curve)),
           'median', (extract(epoch FROM median_return(curve)) / 86400)::float8,
           'rare', (extract(epoch FROM silence_for(curve, 0.1, '90 days')) / 86400)::int,
           'points', (
             SELECT coalesce(json_agg(json_build_object(
                      'days', extract(day FROM silence), 'at_risk', at_risk,
                      'returned', returned, 'survival', round(survival::numeric, 6),
                      'lower', round(lower::numeric, 6), 'upper', round(upper::numeric, 6))
                    ORDER BY silence), '[]')
               FROM unnest(curve)
              WHERE extract(day FROM silence) <= (SELECT days FROM reach)),
           'chances', (
             SELECT json_agg(json_build_object(
                      'silence', days, 'chance', chance, 'lower', lower, 'upper', upper,
                      'at_risk', at_risk) ORDER BY days)
               FROM (SELECT DISTINCT days FROM unnest(thresholds) AS days
                      UNION
                     SELECT days FROM unnest('{30, 60, 90, 180, 360}'::int[]) AS days
                      -- not beside one of the thresholds
                      WHERE days <> ALL (SELECT generate_series(threshold - 9, threshold + 9)
                                           FROM unnest(thresholds) AS threshold)) AS silence,
                    chance_of_return(curve, make_interval(days => days), '90 days'))) AS curve
    FROM curve,
         LATERAL (SELECT ARRAY[extract(epoch FROM interval :'inactive_after') / 86400,
                               extract(epoch FROM interval :'churned_after') / 86400]::int[]
                    AS thresholds) AS t
)
SELECT replace('"curve": ' || json_build_object(
         -- a month counts as 30 days here, as where PostgreSQL compares intervals
         'inactive_days', (extract(epoch FROM interval :'inactive_after') / 86400)::int,
         'churned_days', (extract(epoch FROM interval :'churned_after') / 86400)::int,
         'now', (SELECT curve FROM described WHERE side = 'now'),
         'before', (SELECT curve FROM described WHERE side = 'before'
                     AND date :'first_order' < date :'as_of_before' - 90))::text || ',',
       '<', '\u003c');

\warn '  the customers one by one'
WITH
customer AS MATERIALIZED (
  SELECT :customer AS customer,
         lifecycle_at(:at :event_arg, :'now_from', :'inactive_after', :'churned_after') AS was,
         lifecycle_during(:at :event_arg, :'now_period', :'inactive_after',
                          :'churned_after') AS became,
         lifecycle_at(:at :event_arg, :'before_from', :'inactive_after', :'churned_after')
           AS was_before,
         lifecycle_during(:at :event_arg, :'before_period', :'inactive_after',
                          :'churned_after') AS became_before,
         count(*) FILTER (WHERE :is_purchase) AS orders,
         count(*) FILTER (WHERE :is_purchase AND :at < :'from') AS earlier,
         count(*) FILTER (WHERE :is_purchase AND :at >= :'to') AS later,
         count(*) FILTER (WHERE :is_purchase AND :at >= :'now_from' AND :at < :'now_to') AS bought,
         count(*) FILTER (WHERE :is_purchase AND :at >= :'before_from' AND :at < :'before_to')
           AS bought_before,
         sum(:amount_value) FILTER (WHERE :at >= :'now_from' AND :at < :'now_to') AS spent,
         sum(:amount_value) FILTER (WHERE :at >= :'before_from' AND :at < :'before_to')
           AS spent_before,
         -- what is known of the customer at both instants of the list
         lifecycle_at(:at :event_arg, :'as_of', :'inactive_after', :'churned_after') AS standing,
         min(:at) FILTER (WHERE :is_purchase AND :at > '-infinity') AS first,
         count(*) FILTER (WHERE :is_purchase AND :at > '-infinity' AND :at < :'as_of')
           AS orders_now,
         max(:at) FILTER (WHERE :is_purchase AND :at > '-infinity' AND :at < :'as_of') AS last_now,
         sum(:amount_value) FILTER (WHERE :at < :'as_of') AS total_now,
         count(*) FILTER (WHERE :is_purchase AND :at > '-infinity' AND :at < :'as_of_before')
           AS orders_then,
         max(:at) FILTER (WHERE :is_purchase AND :at > '-infinity' AND :at < :'as_of_before')
           AS last_then,
         sum(:amount_value) FILTER (WHERE :at < :'as_of_before') AS total_then
    FROM :orders
   WHERE :customer IS NOT NULL AND :at IS NOT NULL
   GROUP BY :customer
),
step AS (
  SELECT CASE WHEN n.after IS NULL THEN b.before ELSE n.before END AS before,
         coalesce(n.after, b.after) AS after, coalesce(n.customers, 0) AS customers,
         coalesce(b.customers, 0) AS customers_before
    FROM (SELECT step.* FROM (SELECT lifecycle_transitions(was, became) AS steps FROM customer)
            AS matrix, unnest(steps) AS step) AS n
    FULL JOIN
         (SELECT step.* FROM (SELECT lifecycle_transitions(was_before, became_before) AS steps
                                FROM customer) AS matrix, unnest(steps) AS step) AS b
      ON (coalesce(n.before::text, ''), n.after) = (coalesce(b.before::text, ''), b.after)
),
spent AS (
  SELECT kind, spend_tally(spent) FILTER (WHERE side = 'now') AS now,
         spend_tally(spent) FILTER (WHERE side = 'before') AS before
    FROM (SELECT 'now' AS side, became AS status, spent FROM customer WHERE bought > 0
           UNION ALL
          SELECT 'before', became_before, spent_before FROM customer WHERE bought_before > 0)
           AS buyer,
         LATERAL (VALUES (status::text),
                         (CASE WHEN status IN ('reactivated', 'won_back') THEN 'back' END))
           AS one (kind)
   WHERE kind IS NOT NULL
   GROUP BY kind
),
-- The mean of a side with its interval is the effect against customers who all spent nothing.
mean AS (
  SELECT kind,
         json_build_object('customers', coalesce(customers(now), 0),
                           'mean', round(mean(now), 4),
                           'lower', n.lower, 'upper', n.upper) AS now,
         json_build_object('customers', coalesce(customers(before), 0),
                           'mean', round(mean(before), 4),
                           'lower', b.lower, 'upper', b.upper) AS before,
         both_sides.difference, both_sides.lower, both_sides.upper
    FROM spent
         LEFT JOIN LATERAL spend_effect(now, '2/0/0') AS n ON true
         LEFT JOIN LATERAL spend_effect(before, '2/0/0') AS b ON true
         LEFT JOIN LATERAL spend_effect(now, before) AS both_sides ON true
),
-- Customers who are late for themselves: silent for longer than three times their usual gap, which
-- is shrunk to the median of the shop as own_threshold does, but not for longer than silence_1.
known AS (
  SELECT side.*, customer, standing, last::date AS last_order, as_of - last::date AS silent,
         nullif(last::date - first::date, 0)::numeric / (side.orders - 1) AS gap,
         ceil(3 * (last::date - first::date
                   + 3 * usual)::numeric / (side.orders - 1 + 3)) AS own
    FROM customer,
         LATERAL (VALUES
           ('now', date :'as_of', orders_now, last_now, total_now, :usual_gap),
           ('before', date :'as_of_before', orders_then, last_then, total_then, :usual_gap_before))
           AS side (side, as_of, orders, last, spent, usual)
   WHERE side.orders > 0
     AND (side = 'now' OR date :'first_order' < date :'as_of_before' - interval :'silence_1')
),
late AS (
  SELECT *, row_number() OVER (PARTITION BY side
                               ORDER BY spent DESC NULLS LAST, orders DESC, customer) AS place
    FROM known
   WHERE silent > own AND last_order >= as_of - interval :'silence_1'
)
SELECT replace(format('"transitions": %s, "value": %s, "customers": %s, "orders_before": %s, '
                      '"orders_after": %s, "call": %s,',
         coalesce((SELECT json_agg(json_build_object(
                            'before', before, 'after', after, 'customers', customers,
                            'customers_before', customers_before)
                          ORDER BY before NULLS FIRST, after)
                     FROM step WHERE :'has_window'), '[]'),
         coalesce((SELECT json_agg(json_build_object(
                            'kind', kind, 'now', now, 'before', before, 'difference', difference,
                            'lower', lower, 'upper', upper) ORDER BY kind)
                     FROM mean WHERE :'has_window' AND :'amount_arg' <> ''), '[]'),
         count(*) FILTER (WHERE orders > 0), coalesce(sum(earlier), 0), coalesce(sum(later), 0),
         CASE WHEN :call > 0 THEN (
           SELECT json_build_object(
                    'as_of', date :'as_of',
                    'now', json_build_object(
                      'customers', count(*) FILTER (WHERE side = 'now'),
                      'spent', sum(spent) FILTER (WHERE side = 'now')),
                    'before', CASE WHEN date :'first_order'
                                        < date :'as_of_before' - interval :'silence_1'
                                   THEN json_build_object(
                      'as_of', date :'as_of_before',
                      'customers', count(*) FILTER (WHERE side = 'before'),
                      'spent', sum(spent) FILTER (WHERE side = 'before')) END,
                    'rows', coalesce(json_agg(json_build_object(
                      'customer', customer::text, 'standing', standing, 'last_order', last_order,
                      'silent', silent, 'gap', round(gap), 'orders', orders, 'spent', spent,
                      'chance', (SELECT chance FROM chance_of_return(:'curve',
                                   make_interval(days => silent), '90 days')))
                      ORDER BY place) FILTER (WHERE side = 'now' AND place <= :call), '[]'))
             FROM late)::text ELSE 'null' END),
         '<', '\u003c')
  FROM customer;

\if :has_members
\warn '  the campaigns'
\endif
WITH
member AS (
  SELECT campaign::text, variant::text, assigned_at::date AS assigned, :stratum AS stratum,
         :members_customer AS customer
    FROM :members AS members
   WHERE :members_customer IS NOT NULL AND assigned_at IS NOT NULL
),
-- the members who were not active when the variants were assigned
result AS (
  SELECT campaign, variant, stratum, assigned, customer, was, became, spent
    FROM (SELECT campaign, variant, stratum, assigned, customer,
                 lifecycle_at(at, event, assigned:::time_type, :'inactive_after', :'churned_after')
                   AS was,
                 lifecycle_during(at, event, :range_type(assigned, assigned + :campaign_days),
                                  :'inactive_after', :'churned_after') AS became,
                 sum(amount) FILTER (WHERE at >= assigned AND at < assigned + :campaign_days)
                   AS spent
            FROM member
                 LEFT JOIN (SELECT :customer AS customer, :at AS at, :event_value AS event,
                                   :amount_value AS amount
                              FROM :orders) AS purchase USING (customer)
           GROUP BY campaign, variant, stratum, assigned, customer) AS all_members
   WHERE was IN ('inactive', 'churned')
),
variant AS (
  SELECT campaign, variant, stratum, min(assigned) AS first_day,
         max(assigned) + :campaign_days - 1 AS last_day,
         reactivation_tally(was, became) AS came_back, spend_tally(spent) AS spend
    FROM result
   GROUP BY campaign, variant, stratum
),
-- Each variant against the control group of its campaign, within the strata that have both. The
-- money of strata adds up, and so do the variances.
pair AS (
  SELECT treated.campaign, treated.variant, min(treated.first_day) AS first_day,
         max(greatest(treated.last_day, control.last_day)) AS last_day,
         sum(treated.came_back) AS came_back, sum(control.came_back) AS control,
         array_agg(treated.came_back ORDER BY stratum) AS treated_strata,
         array_agg(control.came_back ORDER BY stratum) AS control_strata,
         sum((money).incremental) AS won,
         CASE WHEN count((money).incremental_upper) = count(*) THEN
           sqrt(sum((((money).incremental_upper - (money).incremental_lower) / 2) ^ 2)) END AS half
    FROM variant AS treated JOIN variant AS control USING (campaign, stratum),
         spend_effect(treated.spend, control.spend) AS money
   WHERE treated.variant <> :'control' AND control.variant = :'control'
   GROUP BY treated.campaign, treated.variant
),
-- once all have had their days
effect AS (
  SELECT campaign, variant, first_day, came_back, control, won, half, strata,
         CASE WHEN strata > 1 THEN many.difference ELSE one.difference END AS difference,
         CASE WHEN strata > 1 THEN many.lower ELSE one.lower END AS lower,
         CASE WHEN strata > 1 THEN many.upper ELSE one.upper END AS upper,
         CASE WHEN strata > 1 THEN many.p_value ELSE one.p_value END AS p_value,
         CASE WHEN strata > 1 THEN many.incremental ELSE one.incremental END AS incremental,
         CASE WHEN strata > 1 THEN many.incremental_lower ELSE one.incremental_lower END
           AS incremental_lower,
         CASE WHEN strata > 1 THEN many.incremental_upper ELSE one.incremental_upper END
           AS incremental_upper
    FROM pair, cardinality(treated_strata) AS strata,
         rate_effect(came_back, control) AS one,
         rate_effect_stratified(treated_strata, control_strata) AS many
   WHERE last_day <= date :'last_order'
),
adjusted AS (
  SELECT campaign, variant, p
    FROM (SELECT array_agg(campaign ORDER BY campaign, variant) AS campaigns,
                 array_agg(variant ORDER BY campaign, variant) AS variants,
                 holm(array_agg(p_value ORDER BY campaign, variant)) AS ps
            FROM effect WHERE difference IS NOT NULL) AS all_tests,
         unnest(campaigns, variants, ps) AS test (campaign, variant, p)
)
SELECT replace(format('"campaign_days": %s, "campaigns": %s, "campaigns_left_out": %s,',
         :campaign_days,
         coalesce((
           SELECT json_agg(json_build_object(
                    'campaign', campaign, 'variant', variant, 'from', first_day, 'strata', strata,
                    'treated', json_build_object('returned', returned(came_back),
                                                 'eligible', eligible(came_back),
                                                 'rate', rate(came_back)),
                    'control', json_build_object('returned', returned(control),
                                                 'eligible', eligible(control),
                                                 'rate', rate(control)),
                    'difference', difference, 'lower', lower, 'upper', upper,
                    'p', p_value, 'adjusted', p,
                    'won', json_build_object('value', incremental, 'lower', incremental_lower,
                                             'upper', incremental_upper),
                    'revenue', json_build_object('value', won, 'lower', won - half,
                                                 'upper', won + half))
                  ORDER BY first_day, campaign, variant)::text
             FROM effect JOIN adjusted USING (campaign, variant)), '[]'),
         coalesce((
           SELECT json_agg(json_build_object('campaign', campaign, 'reason', reason)
                           ORDER BY campaign)::text
             FROM (SELECT campaign,
                          CASE WHEN NOT bool_or(variant = :'control') THEN 'control'
                               WHEN max(last_day) > date :'last_order' THEN 'time' END AS reason
                     FROM variant GROUP BY campaign) AS campaign
            WHERE reason IS NOT NULL), '[]')), '<', '\u003c');

SELECT replace(right(json_build_object(
         'name', coalesce(nullif(:'name', ''), current_database()),
         'currency', nullif(:'currency', ''),
         'has_amount', :'amount_arg' <> '',
         'has_event', :'event_arg' <> '',
         'has_members', :'has_members'::boolean,
         'timezone', CASE WHEN :'time_type' = 'timestamptz' THEN :'timezone' END,
         'inactive_after', :'inactive_after',
         'churned_after', :'churned_after',
         'silence', json_build_array(:'silence_1', :'silence_2'),
         'from', date :'from',
         'to', date :'to',
         'orders', :orders_counted,
         'negative', CASE WHEN :'event_arg' = '' THEN :negative ELSE 0 END,
         'first_order', date :'first_order',
         'last_order', date :'last_order',
         'as_of', date :'as_of',
         'orders_left_out', :orders_left_out)::text, -1), '<', '\u003c');
ROLLBACK;
