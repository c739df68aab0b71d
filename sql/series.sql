--
-- series.sql
--
-- Proves the series sample by sample: where its periods begin and end; that each
-- element equals lifecycle_counts of its period alone; who came back and stayed,
-- and the revenue from them; the transitions between statuses; and that every
-- mistake raises its error.  Small enough to check by hand.
--
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';

--
-- Where the periods begin and end.
--

-- The bounds of all periods of a series in one line: the start of each, and the end of the last.
CREATE FUNCTION bounds(series lifecycle_counts[]) RETURNS text LANGUAGE sql AS $$
  SELECT replace(string_agg(series[k].period_start::text, ' ' ORDER BY k)
                 || ' to ' || max(series[k].period_end), ' 00:00:00+00', '')
    FROM generate_subscripts(series, 1) AS k
$$;

-- An element without its step, the only column that lifecycle_counts leaves NULL.
CREATE FUNCTION without_step(counts lifecycle_counts) RETURNS text LANGUAGE sql AS $$
  SELECT (to_jsonb(counts) - 'step')::text
$$;

-- dates: period k starts k steps after the first start, so that month ends do not drift; the last
-- period ends where the whole period ends
SELECT no, step,
       bounds(lifecycle_series(1, date '2024-01-01', period::daterange, step::interval,
                               '30 days', '60 days'))
  FROM (VALUES
    (1, '[2024-01-31,2024-05-31)', '1 month'),           -- a leap year
    (2, '[2023-01-31,2023-05-31)', '1 month'),
    (3, '[2023-01-30,2023-05-30)', '1 month'),
    (4, '[2024-01-31,2025-01-31)', '3 months'),
    (5, '[2020-02-29,2025-01-01)', '1 year'),
    (6, '[2024-01-31,2024-05-31)', '1 month 15 days'),   -- k months first, then 15 * k days
    (7, '[2024-01-01,2024-01-29)', '1 week'),            -- whole steps
    (8, '[2024-01-01,2024-01-30)', '1 week'),            -- one day more
    (9, '[2024-01-01,2024-01-05)', '1 week'),            -- shorter than the step
    (10, '(2024-01-01,2024-01-05]', '2 days')            -- other bounds
  ) p (no, period, step)
 GROUP BY no, step ORDER BY no;

-- timestamps: no clock changes, and a step can have any length
SELECT no, step,
       bounds(lifecycle_series(1, timestamp '2024-01-01', period::tsrange, step::interval,
                               '30 days', '60 days'))
  FROM (VALUES
    (1, '[2024-01-31 12:00,2024-05-31)', '1 month'),
    (2, '[2024-03-30,2024-04-02)', '36 hours'),
    (3, '(2024-03-30,2024-03-30 00:00:00.000003)', '1 microsecond')
  ) p (no, period, step)
 GROUP BY no, step ORDER BY no;

-- timestamptz: a step of days counts days of the session's time zone, which lost an hour on
-- 31 March and won one on 27 October; a step of hours counts hours; a period that would start at
-- 02:30 on 31 March, which does not exist, starts an hour later
SET TimeZone = 'Europe/Berlin';
SELECT no, step,
       bounds(lifecycle_series(1, timestamptz '2024-01-01', period::tstzrange, step::interval,
                               '30 days', '60 days'))
  FROM (VALUES
    (1, '[2024-03-30,2024-04-02)', '1 day'),
    (2, '[2024-03-30,2024-04-02)', '24 hours'),
    (3, '[2024-10-26,2024-10-28)', '24 hours'),
    (4, '[2024-03-30 02:30,2024-04-02)', '1 day'),
    (5, '[2024-10-27 02:00+02,2024-10-27 04:00+01)', '1 hour')
  ) p (no, period, step)
 GROUP BY no, step ORDER BY no;

-- Samoa had no 30 December 2011: the series leaves out a step of no length, and each other element
-- equals lifecycle_counts of its period alone
SET TimeZone = 'Pacific/Apia';
SELECT no, step,
       bounds(lifecycle_series(1, timestamptz '2011-12-01', period::tstzrange, step::interval,
                               '30 days', '60 days'))
  FROM (VALUES
    (1, '[2011-12-28,2012-01-02)', '1 day'),
    (2, '[2011-12-28 12:00,2012-01-02)', '1 day'),
    (3, '[2011-12-28,2012-01-02)', '2 days'),
    (4, '[2011-12-29,2011-12-31)', '1 day'),
    (5, '[2011-12-29,2012-01-02)', '24 hours'),          -- hours have no gap
    (6, '[2011-11-30,2012-01-31)', '1 month')
  ) p (no, period, step)
 GROUP BY no, step ORDER BY no;
CREATE TEMP TABLE samoa AS
SELECT 1 AS customer_id, generate_series(timestamptz '2011-12-01', '2012-02-01', '6 hours') AS at;
SELECT count(*) AS days,
       count(*) FILTER (WHERE without_step(element) IS DISTINCT FROM without_step(alone)) AS differ,
       sum(element.retained) AS retained
  FROM (SELECT lifecycle_series(customer_id, at, '[2011-12-28,2012-01-02)', '1 day',
                                '2 days', '60 days') AS series FROM samoa) s,
       unnest(series) AS element,
       LATERAL (SELECT lifecycle_counts(customer_id, at, tstzrange(element.period_start,
                                        element.period_end), '2 days', '60 days') AS alone
                  FROM samoa) a;
SET TimeZone = 'UTC';

--
-- Counts.
--

-- Monthly from February to April; a customer is inactive after 1 month and churned after 3.  A
-- customer is churned on 1 February if the last purchase was before November, on 1 March if it was
-- before December, and on 1 April if it was before January.  A customer who returns in February
-- must buy in March to be active on 1 April, and so on for the other months.
CREATE TABLE shop (customer text, day date, event lifecycle_event, amount numeric);
INSERT INTO shop VALUES
  ('steady',            '2024-01-15', 'purchase', 10),
  ('steady',            '2024-02-15', 'purchase', 10.5),
  ('steady',            '2024-03-15', 'purchase', NULL),
  ('steady',            '2024-04-15', 'purchase', 10),
  ('steady',            '2024-05-15', 'purchase', 10),
  ('returns, stays',    '2023-11-01', 'purchase', 7),
  ('returns, stays',    '2024-02-29', 'purchase', 20),
  ('returns, stays',    '2024-03-01', 'purchase', 1.25),
  ('returns, lapses',   '2023-12-31', 'purchase', 7),
  ('returns, lapses',   '2024-02-29', 'purchase', 30),
  ('returns, lapses',   '2024-02-29', 'purchase', 30),
  ('won back, stays',   '2023-11-30', 'purchase', 7),
  ('won back, stays',   '2024-03-31', 'purchase', 5.00),
  ('won back, stays',   '2024-04-30', 'purchase', 6),
  ('won back, lapses',  '2023-10-31', 'purchase', 7),
  ('won back, lapses',  '2024-02-01', 'purchase', 3.1),
  ('cancels once more', '2024-01-20', 'purchase', 7),
  ('cancels once more', '2024-01-25', 'cancellation', NULL),
  ('cancels once more', '2024-02-05', 'purchase', 8),
  ('cancels once more', '2024-03-31', 'purchase', 9),
  ('cancels once more', '2024-03-31', 'cancellation', NULL),
  ('returns in April',  '2024-02-29', 'interest', NULL),
  ('returns in April',  '2024-01-31', 'purchase', 7),
  ('returns in April',  '2024-04-30', 'purchase', -2),
  ('returns in April',  '2024-05-01', 'purchase', 7),
  ('lead',              '2024-01-10', 'interest', NULL),
  ('lead',              '2024-03-01', 'purchase', 4),
  ('newcomer',          '2024-04-02', 'purchase', 50),
  ('newcomer',          '2024-04-03', 'purchase', 0.001),
  ('at the end',        '2024-05-01', 'purchase', 7);

-- the standing on the first of each month: the counts below can be checked against it
SELECT customer, lifecycle_at(day, event, '2024-02-01', '1 month', '3 months') AS february,
       lifecycle_at(day, event, '2024-03-01', '1 month', '3 months') AS march,
       lifecycle_at(day, event, '2024-04-01', '1 month', '3 months') AS april,
       lifecycle_at(day, event, '2024-05-01', '1 month', '3 months') AS may,
       lifecycle_at(day, event, '2024-06-01', '1 month', '3 months') AS june
  FROM shop GROUP BY customer ORDER BY customer COLLATE "C";

-- the counts of each month; sustained and lapsed_again of April are NULL, because they are judged
-- on 1 June, and the data end on 15 May
SELECT period_start::date AS month,
       prospects_start AS p, active_start AS a, inactive_start AS i, churned_start AS c,
       new_customers AS new, converted AS conv, retained AS ret, reactivated AS react,
       won_back AS won,
       prospects_end AS p, active_end AS a, inactive_end AS i, churned_end AS c,
       reactivation, win_back, sustained, lapsed_again AS lapsed
  FROM unnest((SELECT lifecycle_series(customer, day, event, '[2024-02-01,2024-05-01)',
                                       '1 month', '1 month', '3 months') FROM shop))
 ORDER BY month;

-- the revenue of each month: two equal amounts both count, a NULL adds nothing, an event other than
-- a purchase adds nothing, and the revenue from no amounts is 0
SELECT period_start::date AS month, sustained, lapsed_again,
       revenue_new, revenue_retained, revenue_reactivated, revenue_won_back
  FROM unnest((SELECT lifecycle_series(customer, day, event, amount, '[2024-02-01,2024-05-01)',
                                       '1 month', '1 month', '3 months') FROM shop))
 ORDER BY month;

-- each element equals lifecycle_counts of its period alone, in all four forms and three time types
WITH months AS (
  SELECT k, date '2024-01-31' + make_interval(months => k) AS low,
         least(date '2024-01-31' + make_interval(months => k + 1), '2024-05-15') AS high
    FROM generate_series(0, 3) k
), each_alone AS (
  SELECT k,
         lifecycle_counts(customer, day, daterange(low::date, high::date),
                          '1 month', '3 months') AS a,
         lifecycle_counts(customer, day, event, daterange(low::date, high::date),
                          '1 month', '3 months') AS b,
         lifecycle_counts(customer, day::timestamp, amount, tsrange(low, high),
                          '1 month', '3 months') AS c,
         lifecycle_counts(customer, day::timestamptz, event, amount, tstzrange(low, high),
                          '1 month', '3 months') AS d
    FROM shop, months GROUP BY k
), series AS (
  SELECT lifecycle_series(customer, day, '[2024-01-31,2024-05-15)',
                          '1 month', '1 month', '3 months') AS a,
         lifecycle_series(customer, day, event, '[2024-01-31,2024-05-15)',
                          '1 month', '1 month', '3 months') AS b,
         lifecycle_series(customer, day::timestamp, amount, '[2024-01-31,2024-05-15)',
                          '1 month', '1 month', '3 months') AS c,
         lifecycle_series(customer, day::timestamptz, event, amount, '[2024-01-31,2024-05-15)',
                          '1 month', '1 month', '3 months') AS d
    FROM shop
)
SELECT k, without_step(s.a[k + 1]) = without_step(e.a) AS rows,
       without_step(s.b[k + 1]) = without_step(e.b) AS events,
       without_step(s.c[k + 1]) = without_step(e.c) AS amounts,
       without_step(s.d[k + 1]) = without_step(e.d) AS both,
       cardinality(s.a) AS elements, e.d
  FROM each_alone e, series s ORDER BY k;

-- sustained and lapsed_again are judged at the end + inactive_after, here on 1 June.  They are NULL
-- unless the data have an event, of any customer and kind, on 31 May or later; an event at infinity
-- does not count.  A cancellation before 1 June counts, a cancellation on 1 June does not.
SELECT note, (series[3]).reactivated, (series[3]).sustained, (series[3]).lapsed_again
  FROM (SELECT no, note,
               lifecycle_series(customer, day, event, '[2024-02-01,2024-05-01)',
                                '1 month', '1 month', '3 months') AS series
          FROM (VALUES
            (1, 'data end a day too early', 'another customer', '2024-05-30', 'purchase'),
            (2, 'data end just late enough', 'another customer', '2024-05-31', 'purchase'),
            (3, 'event of another kind', 'another customer', '2024-05-31', 'interest'),
            (4, 'event much later', 'another customer', '2024-12-31', 'purchase'),
            (5, 'event at infinity', 'another customer', 'infinity', 'purchase'),
            (6, 'cancelled the day before', 'returns in April', '2024-05-31', 'cancellation'),
            (7, 'cancelled on that day', 'returns in April', '2024-06-01', 'cancellation'))
               v (no, note, added_customer, added_day, added_event),
               LATERAL (TABLE shop UNION ALL
                        SELECT added_customer, added_day::date, added_event::lifecycle_event,
                               NULL) s
         GROUP BY no, note) x
 ORDER BY no;

-- timestamps: the same to the microsecond.  The customer returned on 1 January; the period ends on
-- 2 January, and is judged 30 days later, on 1 February at 00:00.
SELECT note, (c).sustained, (c).lapsed_again
  FROM (SELECT no, note,
               lifecycle_counts(customer, at::timestamp, '[2024-01-01,2024-01-02)',
                                '30 days', '90 days') AS c
          FROM (VALUES
            (1, 'bought 30 days before',
             '2024-01-02', '2024-01-31 23:59:59.999999'),
            (2, 'bought a microsecond earlier',
             '2024-01-01 23:59:59.999999', '2024-01-31 23:59:59.999999'),
            (3, 'data end a microsecond too early',
             '2024-01-02', '2024-01-31 23:59:59.999998')) v (no, note, again, data_end),
               LATERAL (VALUES (1, '2023-11-01'), (1, '2024-01-01'), (1, again), (2, data_end))
                 o (customer, at)
         GROUP BY no, note) x
 ORDER BY no;

-- dates: 36 hours after the end (2 January) is noon on 3 January, so the period is judged on the
-- first day that does not begin before this, 4 January.  36 hours before 4 January is noon on
-- 2 January: a customer who bought on 2 January is not active then, one who bought on 3 January is.
SELECT data_end, (c).sustained, (c).lapsed_again
  FROM (SELECT data_end,
               lifecycle_counts(customer, day::date, '[2024-01-01,2024-01-02)',
                                '36 hours', '36 hours') AS c
          FROM (VALUES ('2024-01-02'), ('2024-01-03')) v (data_end),
               LATERAL (VALUES (1, '2023-11-01'), (1, '2024-01-01'), (1, '2024-01-02'),
                               (2, '2023-11-01'), (2, '2024-01-01'), (2, data_end))
                 o (customer, day)
         GROUP BY data_end) x
 ORDER BY data_end;

-- sustained and lapsed_again are NULL, and all other counts are as usual, if the instant at which
-- they are judged lies beyond the range of the type, if '1 month' before it is later than '30 days'
-- before it (2 March), or if it is not after the end of the period
SELECT no, note, (c).period_end, (c).reactivated, (c).won_back, (c).sustained, (c).lapsed_again
  FROM (SELECT 1 AS no, 'beyond the range of timestamptz' AS note,
               lifecycle_counts(1, at::timestamptz, '[294276-11-01,294276-12-01)',
                                '90 days', '180 days') AS c
          FROM unnest('{294276-06-01,294276-11-02}'::text[]) AS at
        UNION ALL
        SELECT 2, 'beyond the range of timestamp',
               lifecycle_counts(1, at::timestamp, '[294276-11-01,294276-12-01)',
                                '90 days', '180 days')
          FROM unnest('{294276-06-01,294276-11-02}'::text[]) AS at
        UNION ALL
        SELECT 3, 'beyond the dates that fit a timestamp',
               lifecycle_counts(1, at::date, '[294276-11-01,294276-12-01)', '90 days', '180 days')
          FROM unnest('{294276-06-01,294276-11-02}'::text[]) AS at
        UNION ALL
        SELECT 4, 'far away, but in range',
               lifecycle_counts(1, at::date, '[2024-01-01,2024-02-01)', '6700 years', NULL)
          FROM unnest('{-infinity,2024-01-15,8724-03-01}'::text[]) AS at
        UNION ALL
        SELECT 5, 'thresholds in the wrong order',
               lifecycle_counts(1, at::date, '[2024-01-01,2024-02-01)', '30 days', '1 month')
          FROM unnest('{2023-06-01,2024-01-15,2024-12-31}'::text[]) AS at
        UNION ALL
        SELECT 6, 'thresholds in order',
               lifecycle_counts(1, at::date, '[2024-01-01,2024-02-01)', '30 days', '32 days')
          FROM unnest('{2023-06-01,2024-01-15,2024-12-31}'::text[]) AS at
        UNION ALL
        SELECT 7, 'inactive_after does not lead forward',
               lifecycle_counts(1, at::timestamp, '[2023-01-02,2023-02-01)',
                                '1 month -29 days', '60 days')
          FROM unnest('{2022-06-01,2023-01-15,2023-12-31}'::text[]) AS at) x
 ORDER BY no;

--
-- Amounts.
--

-- the revenue of one new customer equals sum(), to the last digit and in any order of the rows
SELECT no,
       (lifecycle_counts(1, day, amount::numeric, '[2024-01-01,2024-02-01)',
                         '30 days', '60 days')).revenue_new::text AS revenue,
       (lifecycle_counts(1, day, amount::numeric, '[2024-01-01,2024-02-01)',
                         '30 days', '60 days' ORDER BY n DESC)).revenue_new::text
         IS NOT DISTINCT FROM coalesce(sum(amount::numeric), 0)::text AS as_sum
  FROM (VALUES (1, '{1.50,2,0.250}'::text[]), (2, '{1.50,-1.50}'), (3, '{NULL,3}'), (4, '{NULL}'),
               (5, '{0.000}'), (6, '{1,NaN,2}'), (7, '{1,Infinity}'), (8, '{-Infinity,1}'),
               (9, '{Infinity,-Infinity}'), (10, '{Infinity,NaN}'),
               (11, '{99999999999999999999999999999999999999,1,1e-30}'),
               (12, '{1e30,1e-30,-1e30}')) v (no, amounts),
       make_date(2024, 1, 15) AS day, unnest(amounts) WITH ORDINALITY AS a (amount, n)
 GROUP BY no ORDER BY no;

-- the most digits that a numeric can have; and a sum within the range of numeric, though two of its
-- amounts together exceed the range
SELECT no, length(revenue::text), revenue = total AS as_sum,
       scale(revenue) = scale(total) AS of_its_scale
  FROM (SELECT no,
               (lifecycle_counts(1, day, amount, '[2024-01-01,2024-02-01)',
                                 '30 days', '60 days')).revenue_new AS revenue,
               sum(amount) AS total
          FROM (VALUES (1, 9e131071), (1, 1e-16383), (2, 9e131071), (2, 9e131071), (2, -9e131071))
                 v (no, amount), make_date(2024, 1, 15) AS day
         GROUP BY no) x
 ORDER BY no;
-- the same in every order of the rows
SELECT no, revenue = 9e131071 AS as_sum
  FROM (SELECT no, (lifecycle_counts(1, date '2024-01-15', amount, '[2024-01-01,2024-02-01)',
                                     '30 days', '60 days' ORDER BY n)).revenue_new AS revenue
          FROM (VALUES (1, '{9e131071,9e131071,-9e131071}'::numeric[]),
                       (2, '{9e131071,-9e131071,9e131071}'),
                       (3, '{-9e131071,9e131071,9e131071}')) v (no, amounts),
               unnest(amounts) WITH ORDINALITY AS a (amount, n)
         GROUP BY no) x
 ORDER BY no;
-- if the sum exceeds the range, sum() fails, and so does the revenue
\set VERBOSITY sqlstate
SELECT sum(amount) FROM (VALUES (9e131071), (9e131071)) v (amount);
SELECT lifecycle_counts(1, date '2024-01-15', amount, '[2024-01-01,2024-02-01)',
                        '30 days', '60 days') IS NULL
  FROM (VALUES (9e131071), (9e131071)) v (amount);
\set VERBOSITY default

-- without an upper bound, all revenue since the start counts, but not the amounts of rows without a
-- customer, a time or an event, nor those at infinity
SELECT (c).period_end, (c).new_customers, (c).sustained, (c).revenue_new
  FROM (SELECT lifecycle_counts(customer, day, event, amount, '[2024-01-01,)',
                                '30 days', '60 days') AS c
          FROM (VALUES (1, date '2024-01-15', lifecycle_event 'purchase', 1.1),
                       (NULL, '2024-01-15', 'purchase', 10), (1, NULL, 'purchase', 100),
                       (1, '2024-01-15', NULL, 1000), (1, 'infinity', 'purchase', 10000),
                       (1, '2034-01-15', 'purchase', 0.25)) v (customer, day, event, amount)) x;

--
-- Transitions.
--

-- the cells are in the order of the labels, with NULL first; a pair of two NULLs is not counted;
-- the array has no cells without customers
SELECT before, after, customers
  FROM unnest((SELECT lifecycle_transitions(before, after)
                 FROM (SELECT lifecycle_at(day, event, '2024-02-01',
                                           '1 month', '3 months') AS before,
                              lifecycle_during(day, event, '[2024-02-01,2024-03-01)',
                                               '1 month', '3 months') AS after
                         FROM shop GROUP BY customer) customers))
         WITH ORDINALITY AS t (before, after, customers, n)
 ORDER BY n;
SELECT lifecycle_transitions(before::lifecycle_status, after::lifecycle_status)
  FROM (VALUES ('won_back', NULL), (NULL, 'prospect'), ('prospect', NULL), (NULL, NULL),
               ('new', 'won_back'), ('new', 'won_back')) v (before, after);
-- the same with groups and FILTER; group 3 has only a pair of two NULLs
SELECT grp, lifecycle_transitions(before, after) AS all,
       lifecycle_transitions(before, after) FILTER (WHERE after = 'active') AS active_after
  FROM (VALUES (1, lifecycle_status 'active', lifecycle_status 'active'), (1, 'active', 'churned'),
               (2, 'active', 'active'), (3, NULL, NULL)) v (grp, before, after)
 GROUP BY grp ORDER BY grp;

-- without any row, the results are NULL, and so they are if all rows are ignored
SELECT lifecycle_series(customer, day, event, amount, '[2024-02-01,2024-05-01)',
                        '1 month', '1 month', '3 months') IS NULL AS series,
       lifecycle_counts(customer, day, event, amount, '[2024-02-01,2024-05-01)',
                        '1 month', '3 months') IS NULL AS counts,
       lifecycle_transitions(NULL, NULL) IS NULL AS transitions
  FROM shop WHERE false;
SELECT lifecycle_series(nullif(customer, customer), day, event, amount,
                        NULL, NULL, NULL, NULL) IS NULL AS series,
       lifecycle_series(customer, nullif(day, day), '[2024-02-01,2024-05-01)',
                        '1 month', '1 month', '3 months') IS NULL AS no_time,
       lifecycle_transitions(NULL, NULL) IS NULL AS transitions
  FROM shop;
-- with one row at any time, even at infinity, the series has all periods
SELECT (s).period_start::date, (s).period_end::date, (s).new_customers, (s).reactivation,
       (s).reactivation_rate, (s).sustained, (s).revenue_new
  FROM (SELECT unnest(lifecycle_series(1, at, 5.0, '[2024-02-01,2024-03-15)',
                                       '1 month', '1 month', '3 months')) AS s
          FROM (VALUES (timestamp 'infinity')) v (at)) x
 ORDER BY 1;

--
-- Lost customers, adjustments, and what the data reach.
--

-- Five customers, by silence at the start, 2024-04-01, and at the end, 2024-05-01.  Thresholds are
-- 30, 60 and 120 days.  Customer 3 has been silent for exactly 120 days at the start, so is not lost
-- yet; customer 4 is lost at the start, and buys.
CREATE TEMP TABLE silent (customer int, day date, event lifecycle_event, amount numeric, why text);
INSERT INTO silent VALUES
  (1, '2024-03-20', 'purchase', 1, 'active'),
  (2, '2024-01-20', 'purchase', 2, 'churned'),
  (3, '2023-12-03', 'purchase', 3, 'churned for exactly 120 days'),
  (4, '2023-12-02', 'purchase', 4, 'lost'),
  (4, '2024-04-10', 'purchase', 5, 'lost, and back'),
  (5, '2023-12-01', 'purchase', 6, 'lost'),
  (5, '2024-03-30', 'cancellation', NULL, 'still lost');
SELECT churned_start, lost_start, won_back, churned_end, lost_end, reactivation, win_back
  FROM (SELECT (lifecycle_counts_lost_after(customer, day, event, '[2024-04-01,2024-05-01)',
                                            '30 days', '60 days', '120 days')).*
          FROM silent) c;
-- the rates are those of the counts; lost_after NULL is the form without it
SELECT winback_tally_lost_after(customer, day, event, period, '60 days', '120 days') AS winback,
       reactivation_tally_lost_after(customer, day, event, period, '30 days', '120 days')
         AS reactivation,
       winback_tally_lost_after(customer, day, event, period, '60 days', NULL) AS nobody_lost,
       winback_tally(customer, day, event, period, '60 days') AS the_same,
       winback_rate_lost_after(customer, day, event, period, '60 days', '60 days')
         AS churned_by_cancellation_only
  FROM silent, daterange('2024-04-01', '2024-05-01') AS period;
-- a customer who cancelled is churned, and lost later: customer 6 from July on
SELECT starts_on, churned_start, lost_start, churned_end, lost_end
  FROM unnest((SELECT lifecycle_series_lost_after(customer, day, event, '[2024-04-01,2024-09-01)',
                                                  '1 month', '30 days', '60 days', '120 days')
                 FROM (VALUES (6, date '2024-02-25', lifecycle_event 'purchase'),
                              (6, '2024-03-01', 'cancellation')) v (customer, day, event)))
 ORDER BY starts_on;
-- Each adjustment counts in the revenue of its period, in the column of the customer's status:
-- new, retained, active without a purchase, churned, and not known.  It changes no other column, so
-- customer 5, who has nothing else, is not counted, and the data end with the last purchase.
CREATE TEMP TABLE refunds (customer int, day date, event lifecycle_event, amount numeric);
INSERT INTO refunds VALUES
  (1, '2024-04-05', 'purchase', 100), (1, '2024-04-20', 'adjustment', -30),
  (2, '2024-03-25', 'purchase', 100), (2, '2024-04-06', 'purchase', 50),
  (2, '2024-04-06', 'adjustment', -5.5),
  (3, '2024-04-01', 'adjustment', -7), (3, '2024-03-31', 'purchase', 100),
  (4, '2023-01-01', 'purchase', 100), (4, '2024-04-30', 'adjustment', -100),
  (5, '2024-04-15', 'adjustment', -1.25), (5, '2024-05-01', 'adjustment', -1000),
  (6, '2024-04-02', 'interest', 0), (6, '2024-04-03', 'cancellation', NULL);
SELECT prospects_end, active_end, churned_end, new_customers, retained, data_end::date AS data_end,
       revenue_new, revenue_retained, revenue_reactivated, revenue_won_back, revenue_other
  FROM (SELECT (lifecycle_counts(customer, day, event, amount, '[2024-04-01,2024-05-01)', '45 days',
                                 '60 days')).*
          FROM refunds) c;
-- without an end nothing is known of those who do not buy
SELECT revenue_new, revenue_retained, revenue_other
  FROM (SELECT (lifecycle_counts(customer, day, event, amount, '[2024-04-01,)', '45 days',
                                 '60 days')).*
          FROM refunds) c;
-- adjustments are no events for an aggregate without amounts
SELECT customer,
       lifecycle_at(day, event, '2024-05-15', '30 days', '60 days') AS standing,
       lifecycle_during(day, event, '[2024-04-01,2024-05-01)', '30 days', '60 days') AS status,
       explain_lifecycle(day, event, '[2024-04-01,2024-05-01)', '30 days', '60 days') IS NULL
         AS unknown,
       reactivation_tally(customer, day, event, '[2024-05-01,2024-06-01)', '1 day') AS eligible,
       lifecycle_counts(customer, day, event, '[2024-05-01,2024-06-01)', '1 day', '2 days') IS NULL
         AS no_row
  FROM refunds WHERE customer >= 4 GROUP BY customer ORDER BY customer;
-- The revenue is sum(numeric) of the amounts, to its display scale: amounts are added up as
-- integers of 128 bits, and those that are no such integers as numerics.  Each set has 300 amounts.
WITH amounts AS (
  SELECT no, kind, CASE n % 7 WHEN 0 THEN NULL ELSE (digits * factor)::numeric END AS amount
    FROM (VALUES
      (1, 'two decimals', 0.01, 99999999),
      (2, 'integers', 1, 1000000),
      (3, 'eighteen decimals', 1e-18, 1000000000000000000),
      (4, 'nineteen decimals', 1e-19, 1000000000000000000),
      (5, 'integers of 18 digits', 1, 999999999999999999),
      (6, 'sums beyond 64 bits', 92233720368547758.07, 100),
      (7, 'integers beyond 64 bits', 1e19, 1000),
      (8, 'trailing zeros', 1.000, 1000)) k (no, kind, factor, below),
         generate_series(1, 300) AS n,
         LATERAL (SELECT trunc((hashint8extended(n, no) % 1000000000) / 1e9 * below)
                         * CASE n % 3 WHEN 0 THEN -1 ELSE 1 END AS digits) d
  UNION ALL
  SELECT 9, 'all scales', round((hashint8extended(n, 9) % 1000000000) / 1e7, n % 25)
    FROM generate_series(1, 300) AS n
  UNION ALL
  SELECT 10, 'beyond 128 bits when brought to one scale',
         CASE WHEN n = 150 THEN 1e-18 ELSE 9223372036854775807 END
    FROM generate_series(1, 300) AS n
  UNION ALL
  SELECT 11, 'large and small',
         CASE n % 3 WHEN 0 THEN 1e40 WHEN 1 THEN -1e40 ELSE 0.05 END::numeric
    FROM generate_series(1, 300) AS n
  UNION ALL
  SELECT 12, 'not a number', CASE n WHEN 7 THEN 'NaN' ELSE 1.5 END::numeric
    FROM generate_series(1, 300) AS n
  UNION ALL
  SELECT 13, 'infinity', CASE n % 100 WHEN 7 THEN 'infinity' ELSE 1.5 END::numeric
    FROM generate_series(1, 300) AS n
)
SELECT kind, (c).revenue_new::text = sum::text AS same, left(sum::text, 40) AS sum
  FROM (SELECT no, kind, sum(amount),
               lifecycle_counts(1, date '2024-01-15', amount, '[2024-01-01,2024-02-01)', '30 days',
                                '60 days') AS c
          FROM amounts GROUP BY no, kind) s
 ORDER BY no;

-- A series adds up the amounts of the same customer and period when it has kept a million of them:
-- 1,250,000 amounts of 50,000 customers in four months, of which most are added up, of 500,000
-- customers in 12 months, of which nearly none are, and of one customer, whose amounts cannot be
-- added up.  Every seventh amount has another scale, and every thousandth is no integer of 64 bits.
CREATE TEMP TABLE many_amounts AS
SELECT customers, hashint8extended(n, 1) % customers AS customer,
       date '2024-01-01' + (31 * (abs(hashint8extended(n, 2)) % months))::int AS day,
       CASE WHEN n % 1000 = 0 OR customers = 1 THEN 1e-19 * n
            WHEN n % 7 = 0 THEN n / 10.0 ELSE n * 0.01 END AS amount
  FROM (VALUES (50000, 4), (500000, 12), (1, 2)) AS v (customers, months),
       generate_series(1, 1250000) AS n;
SELECT customers, count(*) AS months, bool_and(total::text = amounts::text) AS same, sum(total)
  FROM (SELECT customers, c.period_start::date AS day,
               revenue_new + revenue_retained + revenue_reactivated + revenue_won_back AS total
          FROM (SELECT customers, lifecycle_series(customer, day, amount, '[2024-01-01,2025-01-07)',
                                                   '31 days', '40 days', '90 days') AS series
                  FROM many_amounts GROUP BY customers) AS g, unnest(series) AS c) AS periods
  JOIN (SELECT customers, day, sum(amount) AS amounts FROM many_amounts
         GROUP BY customers, day) AS months USING (customers, day)
 GROUP BY customers ORDER BY customers;
DROP TABLE many_amounts;

-- the first and the last event with a finite time, in three time types; there may be none
SELECT data_start, data_end FROM (SELECT (lifecycle_counts(1, at::timestamptz,
                                          '[2024-01-01,2024-02-01)', '30 days', '60 days')).*
  FROM unnest('{-infinity,2020-02-29 12:00,2024-06-01,infinity}'::timestamp[]) AS at) c;
SELECT data_start, data_end FROM (SELECT (lifecycle_counts(1, at, '[2024-01-01,2024-02-01)',
                                                           '30 days', '60 days')).*
  FROM unnest('{infinity,-infinity}'::timestamp[]) AS at) c;
-- dates outside of the range of timestamptz
SELECT data_start, data_end FROM (SELECT (lifecycle_counts(1, at, '[2024-01-01,2024-02-01)',
                                                           '30 days', '60 days')).*
  FROM unnest('{4713-01-01 BC,5874897-12-31}'::date[]) AS at) c;

--
-- Mistakes.
--

-- Run a query; return its error (SQLSTATE, message, detail, hint), or its result
CREATE FUNCTION complaint(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text; detail text; hint text;
BEGIN
  EXECUTE query INTO result;
  RETURN 'no error: ' || coalesce(result, 'NULL');
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(E'\n   ', sqlstate || ': ' || sqlerrm,
                   nullif('detail: ' || detail, 'detail: '), nullif('hint: ' || hint, 'hint: '));
END $$;
CREATE TEMP TABLE orders (
  customer_id int, ordered_at timestamptz, happened timestamp, day date, amount numeric);
INSERT INTO orders VALUES
  (1, '2023-01-01', '2023-01-01', '2023-01-01', 1),
  (1, '2024-01-02', '2024-01-02', '2024-01-02', 2);

\pset format unaligned
\pset tuples_only on
-- each mistake in the period or the step
SELECT mistake,
       complaint('SELECT cardinality(lifecycle_series(customer_id, ' || call
                 || ', ''30 days'', ''60 days'')) FROM orders')
  FROM (VALUES
    ( 1, 'period that is NULL',
      $$day, NULL, '1 month'$$),
    ( 2, 'empty period',
      $$happened, 'empty', '1 month'$$),
    ( 3, 'no lower bound',
      $$ordered_at, '(,2024-01-01)', '1 month'$$),
    ( 4, 'no upper bound',
      $$ordered_at, '[2024-01-01,)', '1 month'$$),
    ( 5, 'infinite upper bound, with amount',
      $$day, amount, '[2024-01-01,infinity)', '1 month'$$),
    ( 6, 'step that is NULL',
      $$happened, '[2024-01-01,2024-02-01)', NULL$$),
    ( 7, 'step of zero',
      $$happened, '[2024-01-01,2024-02-01)', '0'$$),
    ( 8, 'negative step',
      $$day, '[2024-01-01,2024-02-01)', '-1 day'$$),
    ( 9, 'step of no length in sum',
      $$ordered_at, '[2024-01-01,2024-02-01)', '1 day -24 hours'$$),
    (10, 'step of hours for dates',
      $$day, '[2024-01-01,2024-02-01)', '36 hours'$$),
    (11, 'step of hours for dates, with one period',
      $$day, '[2024-01-01,2024-01-02)', '1 day 12 hours'$$),
    (12, 'step that does not lead forward',
      $$happened, '[2023-01-31,2023-05-01)', '1 month -29 days'$$),
    (13, 'the greatest number of periods',
      $$day, '[2024-01-01,2051-05-19)', '1 day'$$),
    (14, 'one period too many',
      $$day, '[2024-01-01,2051-05-20)', '1 day'$$),
    (15, 'far too many periods',
      $$happened, '[2024-01-01,2051-05-20)', '1 microsecond'$$),
    (16, 'period that changes within the group',
      $$day, daterange('2024-01-01', date '2024-02-01' + (day > '2023-06-01')::int), '1 month'$$),
    (17, 'step that changes within the group',
      $$day, '[2024-01-01,2024-02-01)',
        CASE WHEN day < '2024-01-01' THEN interval '1 month' ELSE '30 days' END$$)
  ) m (no, mistake, call)
 ORDER BY no;

-- mistakes in the thresholds and the customer raise the errors of lifecycle_counts
SELECT mistake, complaint('SELECT cardinality(lifecycle_series(' || call || ')) FROM orders')
  FROM (VALUES
    (1, 'inactive_after that is NULL',
     $$customer_id, day, '[2024-01-01,2024-02-01)', '1 month', NULL, '60 days'$$),
    (2, 'churned_after may be NULL',
     $$customer_id, day, '[2024-01-01,2024-02-01)', '1 week', '30 days', NULL$$),
    (3, 'churned_after shorter',
     $$customer_id, day, '[2024-01-01,2024-02-01)', '1 month', '60 days', '30 days'$$),
    (4, 'churned_after shorter only at the end of the second period',
     $$customer_id, day, '[2024-02-01,2024-04-01)', '1 month', '30 days', '1 month'$$),
    (5, 'type that cannot be hashed',
     $$point(1, 2), day, amount, '[2024-01-01,2024-02-01)', '1 month', '30 days', '60 days'$$)
  ) m (no, mistake, call)
 ORDER BY no;

-- the amount must be numeric; we show only the first line of the error, because PostgreSQL 19 words
-- the other lines differently
SELECT 'amount of float8', split_part(complaint($$
  SELECT cardinality(lifecycle_series(customer_id, day, amount::float8, '[2024-01-01,2024-02-01)',
                                      '1 month', '30 days', '60 days')) FROM orders$$), E'\n', 1);
\pset tuples_only off
\pset format aligned

-- lost_after
SELECT no, mistake, complaint(format('SELECT %s FROM silent', call))
  FROM (VALUES
    (1, 'shorter than churned_after',
     $$winback_rate_lost_after(customer, day, '[2024-04-01,2024-05-01)', '60 days', '59 days')$$),
    (2, 'shorter than inactive_after',
     $$reactivation_rate_lost_after(customer, day, '[2024-04-01,2024-05-01)', '60 days',
                                    '1 month')$$),
    (3, 'without churned_after',
     $$lifecycle_counts_lost_after(customer, day, event, '[2024-04-01,2024-05-01)', '60 days', NULL,
                                   '120 days')$$),
    (4, 'not positive',
     $$winback_rate_lost_after(customer, day, '[2024-04-01,2024-05-01)', '60 days', '0 days')$$),
    (5, 'not constant',
     $$winback_rate_lost_after(customer, day, '[2024-04-01,2024-05-01)', '60 days',
                               make_interval(days => 60 + customer))$$)
  ) m (no, mistake, call)
 ORDER BY no;

-- money on other events is a mistake, in any row
SELECT complaint(format($$SELECT lifecycle_counts(1, day, %L::lifecycle_event, %s,
                                                  '[2024-04-01,2024-05-01)', '30 days', '60 days')
                            FROM (VALUES (date '2024-06-01')) v (day)$$, event, amount))
  FROM (VALUES ('interest', '0.01'), ('cancellation', '-100'), ('cancellation', 'NULL::numeric'),
               ('interest', '0.00')) v (event, amount)
 ORDER BY event, amount;
DROP TABLE shop;
DROP FUNCTION bounds, complaint;

-- A series of thousands of periods counts silences one by one, a shorter series does not: the same
-- periods, in one series and in pieces, have the same counts.
CREATE TEMP TABLE busy AS
SELECT n AS customer_id,
       timestamptz '2022-01-01'
         + (abs(hashint8extended(n * 100 + k, 7)) % (1095 * 86400)) * interval '1 second'
         AS ordered_at
FROM generate_series(1, 300) n, generate_series(1, 8) k;
WITH whole AS (
  SELECT c.*
  FROM unnest((SELECT lifecycle_series(customer_id, ordered_at, '[2022-01-01,2025-01-01)',
                                       '6 hours', '90 days', '1 year') FROM busy)) c
), pieces AS (
  SELECT c.*
  FROM (SELECT lifecycle_series(customer_id, ordered_at,
                                tstzrange(start, start + interval '4 months'),
                                '6 hours', '90 days', '1 year') AS series
        FROM busy, generate_series(timestamptz '2022-01-01', '2024-09-01', '4 months') start
        GROUP BY start) p,
       unnest(series) c
)
SELECT (SELECT count(*) FROM whole) AS periods, (SELECT count(*) FROM pieces) AS in_pieces,
       (SELECT count(*)
        FROM whole w JOIN pieces p ON w.period_start = p.period_start
                                  AND w IS NOT DISTINCT FROM p) AS equal,
       (SELECT sum(reactivated + won_back) > 300 FROM whole) AS many_returned;

-- A later boundary may have an earlier cut-off for inactive customers: around the ends of months,
-- where steps are hours and thresholds are months, and where clocks go back.  Each element still
-- equals lifecycle_counts of its period alone.
CREATE TEMP TABLE mixed AS
SELECT n AS customer_id,
       CASE WHEN n <= 400
         THEN (ARRAY[timestamp '2024-02-27', '2024-03-29', '2024-05-29', '2024-06-29'])
                [1 + abs(hashint8extended(n * 100 + k, 12)) % 4]
         ELSE '2024-10-24' END
       + (abs(hashint8extended(n * 100 + k, 13)) % (6 * 72)) * interval '20 minutes' AS at
FROM generate_series(1, 800) n, generate_series(1, 4) k
UNION ALL  -- customer 801 has been silent for more than a day at the first 02:40, and for less at
           -- the second 02:00, which is later
SELECT 801, unnest('{2024-10-26 02:20,2024-10-27 02:30,2024-10-28 02:10}'::timestamp[]);
WITH arguments AS (
  SELECT step, inactive_after, start
  FROM unnest('{1 hour,6 hours,12 hours,36 hours}'::interval[]) step,
       unnest('{1 month,3 months}'::interval[]) inactive_after,
       unnest('{2024-03-29,2024-05-29 12:00}'::timestamp[]) start
)
SELECT arguments.step, inactive_after, count(*) AS periods,
       sum(element.reactivated) > 5 AND sum(element.sustained) > 5 AS many_returned,
       count(*) FILTER (WHERE without_step(element) IS DISTINCT FROM without_step(alone)) AS differ,
       count(*) FILTER (WHERE element.lapsed_again < 0) AS negative
  FROM arguments,
       LATERAL (SELECT lifecycle_series(customer_id, at, tsrange(start, start + interval '4 days'),
                                        step, inactive_after, '1 year') AS series
                  FROM mixed) AS s,
       unnest(series) AS element,
       LATERAL (SELECT lifecycle_counts(customer_id, at,
                                        tsrange(element.period_start::timestamp,
                                                element.period_end::timestamp),
                                        inactive_after, '1 year') AS alone
                  FROM mixed) AS a
 GROUP BY arguments.step, inactive_after ORDER BY arguments.step, inactive_after;
SET TimeZone = 'Europe/Berlin';
SELECT step.step, count(*) AS periods,
       sum(element.reactivated) > 5 AND sum(element.sustained) > 5 AS many_returned,
       count(*) FILTER (WHERE without_step(element) IS DISTINCT FROM without_step(alone)) AS differ,
       count(*) FILTER (WHERE element.lapsed_again < 0) AS negative
  FROM unnest('{10 minutes,20 minutes,30 minutes}'::interval[]) AS step,
       LATERAL (SELECT lifecycle_series(customer_id, at::timestamptz,
                                        '[2024-10-27 01:00,2024-10-27 05:00)',
                                        step, '1 day', '1 month') AS series
                  FROM mixed) AS s,
       unnest(series) AS element,
       LATERAL (SELECT lifecycle_counts(customer_id, at::timestamptz,
                                        tstzrange(element.period_start, element.period_end),
                                        '1 day', '1 month') AS alone
                  FROM mixed) AS a
 GROUP BY step.step ORDER BY step.step;

--
-- Time.
--

-- the time that a query takes, in seconds: the shorter of two runs
CREATE FUNCTION seconds(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
  started timestamptz;
  shortest float8 := 'infinity';
BEGIN
  FOR run IN 1..3 LOOP
    started := clock_timestamp();
    EXECUTE query;
    shortest := least(shortest, extract(epoch FROM clock_timestamp() - started));
  END LOOP;
  RETURN shortest;
END $$;

-- The time for a row does not depend on how unevenly the edges lie: here are 10,000 periods of a
-- second, with cut-offs 1,000 years before them.  (A walk along the edges took 30 times as long.)
CREATE TEMP TABLE clicks AS
SELECT n % 10 AS customer_id, timestamp '2024-01-01' + n % 10000 * interval '1 second' AS at
  FROM generate_series(1, 200000) n;
SELECT seconds(format(query, '1000 years')) < 5 * seconds(format(query, '2 hours')) AS as_fast
  FROM (VALUES ($$SELECT lifecycle_series(customer_id, at, '[2024-01-01,2024-01-01 02:46:40)',
                                          '1 second', '1 hour', %L) FROM clicks$$)) v (query);

-- A customer who buys and cancels by turns comes back in every period, and each return is judged
-- 10 years later.  (A walk through the events until then took 8 times as long.)
CREATE TEMP TABLE turns AS
SELECT 1 AS customer_id, timestamp '2000-01-01' + n * interval '1 hour' AS at,
       CASE n % 2 WHEN 0 THEN lifecycle_event 'purchase' ELSE 'cancellation' END AS event
  FROM generate_series(1, 200000) n;
SELECT seconds(format(query, '10 years')) < 5 * seconds(format(query, '1 day')) AS as_fast
  FROM (VALUES ($$SELECT lifecycle_series(customer_id, at, event, '[2000-01-01 00:30,2022-01-01)',
                                          '25 hours', %L, '20 years') FROM turns$$)) v (query);
-- An amount of few digits costs the same whether or not the sum has many digits: the amount of
-- 131,000 digits comes in the first or in the last row.  (Copying the sum for each amount took 100
-- times as long.)
SELECT seconds(format(query, 1)) < 5 * seconds(format(query, 100000)) AND
       seconds(format(query, 100000)) < 5 * seconds(format(query, 1)) AS as_fast
  FROM (VALUES ($$SELECT lifecycle_counts(1, date '2024-01-15',
                                          CASE n WHEN %s THEN 1e131000 ELSE 1.5 END,
                                          '[2024-01-01,2024-02-01)', '30 days', '60 days')
                    FROM generate_series(1, 100000) n$$)) v (query);
DROP FUNCTION seconds;
