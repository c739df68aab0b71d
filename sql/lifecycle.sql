--
-- lifecycle.sql
--
-- Proves the lifecycle sample by sample: the standing at an instant, the status
-- over a period, the rates and the counts that follow from them, and the
-- explanation.  Small enough to check by hand.
--
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';

-- Thirteen customers.  The period is the second quarter of 2024; a customer is inactive after
-- 90 days and churned after 180.  At the start, 1 April, customers are active if they last bought
-- on 2 January or later, and inactive if on 4 October 2023 or later.  At the end, 1 July, these
-- days are 2 April and 3 January.
CREATE TABLE shop (customer text, day date, event lifecycle_event);
INSERT INTO shop VALUES
  ('active, buys',            '2024-02-01', 'purchase'),
  ('active, buys',            '2024-05-01', 'purchase'),
  ('active, is silent',       '2024-02-01', 'purchase'),
  ('active for the last day', '2024-01-02', 'purchase'),
  ('active for the last day', '2024-04-01', 'purchase'),
  ('inactive for one day',    '2024-01-01', 'purchase'),
  ('inactive for one day',    '2024-06-30', 'purchase'),
  ('inactive, stays away',    '2023-10-04', 'purchase'),
  ('churned for one day',     '2023-10-03', 'purchase'),
  ('churned for one day',     '2024-04-01', 'purchase'),
  ('cancelled, returns',      '2024-03-01', 'purchase'),
  ('cancelled, returns',      '2024-03-15', 'cancellation'),
  ('cancelled, returns',      '2024-04-15', 'purchase'),
  ('cancelled, inquires',     '2024-03-01', 'purchase'),
  ('cancelled, inquires',     '2024-03-15', 'cancellation'),
  ('cancelled, inquires',     '2024-04-15', 'interest'),
  ('cancels in the period',   '2024-03-01', 'purchase'),
  ('cancels in the period',   '2024-05-01', 'cancellation'),
  ('lead, converts',          '2024-03-20', 'interest'),
  ('lead, converts',          '2024-04-20', 'purchase'),
  ('lead, waits',             '2022-01-01', 'interest'),
  ('newcomer',                '2024-06-01', 'purchase'),
  ('too late',                '2024-07-01', 'purchase');

-- the standing at both ends of the period, and the status over it
SELECT customer, lifecycle_at(day, event, '2024-04-01', '90 days', '180 days') AS at_start,
       lifecycle_during(day, event, '[2024-04-01,2024-07-01)', '90 days', '180 days') AS during,
       lifecycle_at(day, event, '2024-07-01', '90 days', '180 days') AS at_end
  FROM shop GROUP BY customer ORDER BY customer COLLATE "C";

-- with churned_after NULL, only a cancellation makes a customer churned
SELECT customer, lifecycle_at(day, event, '2024-04-01', '90 days', NULL) AS at_start,
       lifecycle_during(day, event, '[2024-04-01,2024-07-01)', '90 days', NULL) AS during
  FROM shop WHERE customer ~ 'churned|inactive|cancel'
 GROUP BY customer ORDER BY customer COLLATE "C";

-- the tallies from the events: there are 2 prospects, 2 inactive and 3 churned customers at the
-- start, and of these 1, 1 and 2 bought in the period
SELECT reactivation_tally(customer, day, event, '[2024-04-01,2024-07-01)', '90 days')
         AS reactivation,
       winback_tally(customer, day, event, '[2024-04-01,2024-07-01)', '180 days') AS winback,
       reactivation_rate(customer, day, event, '[2024-04-01,2024-07-01)', '90 days')
         AS reactivation_rate,
       winback_rate(customer, day, event, '[2024-04-01,2024-07-01)', '180 days') AS winback_rate
  FROM shop;

-- the same tallies in two steps: one row for each customer, then the tallies over any customers
CREATE TABLE customers AS
SELECT customer, split_part(customer, ',', 1) = 'cancelled' AS cancelled,
       lifecycle_at(day, event, '2024-04-01', '90 days', '180 days') AS before,
       lifecycle_during(day, event, '[2024-04-01,2024-07-01)', '90 days', '180 days') AS after
  FROM shop GROUP BY customer;
SELECT cancelled, reactivation_tally(before, after) AS reactivation,
       winback_tally(before, after) AS winback,
       reactivation_rate(before, after), winback_rate(before, after)
  FROM customers GROUP BY ROLLUP (cancelled) ORDER BY cancelled;

-- every pair of a standing and a status that a customer can have: the standing decides
-- whether the customer is eligible, the status whether the customer returned; pairs with a NULL
-- are ignored
SELECT before, after, reactivation_tally(before, after) AS reactivation,
       winback_tally(before, after) AS winback
  FROM (VALUES ('prospect', 'prospect'), ('prospect', 'new'),
               ('active', 'active'), ('active', 'inactive'), ('active', 'churned'),
               ('inactive', 'inactive'), ('inactive', 'churned'), ('inactive', 'reactivated'),
               ('churned', 'churned'), ('churned', 'won_back'),
               (NULL, 'new'), (NULL, 'prospect'), (NULL, NULL), ('churned', NULL)) v (b, a),
       LATERAL (SELECT b::lifecycle_status AS before, a::lifecycle_status AS after) s
 GROUP BY before, after ORDER BY before NULLS FIRST, after NULLS FIRST;

-- without any row, a tally is 0/0, and every other result is NULL
SELECT reactivation_tally(before, after), winback_tally(before, after),
       reactivation_rate(before, after), winback_rate(before, after)
  FROM customers WHERE false;
SELECT reactivation_tally(customer, day, event, '[2024-04-01,2024-07-01)', '90 days'),
       winback_rate(customer, day, event, '[2024-04-01,2024-07-01)', '90 days'),
       lifecycle_at(day, event, '2024-04-01', '90 days', '180 days'),
       lifecycle_during(day, event, '[2024-04-01,2024-07-01)', '90 days', '180 days'),
       lifecycle_counts(customer, day, event, '[2024-04-01,2024-07-01)', '90 days', '180 days')
         IS NULL AS no_counts,
       explain_lifecycle(day, event, '[2024-04-01,2024-07-01)', '90 days', '180 days')
         IS NULL AS no_explanation
  FROM shop WHERE false;

-- all counts of the period
\x on
SELECT (lifecycle_counts(customer, day, event, '[2024-04-01,2024-07-01)',
                         '90 days', '180 days')).* FROM shop;
-- without an upper bound, all columns about the end are NULL, and the purchase in July counts
SELECT (lifecycle_counts(customer, day, event, '[2024-04-01,)', '90 days', '180 days')).* FROM shop;
\x off

-- the bounds of a period of dates or timestamps are shown as instants in the session's TimeZone
SET TimeZone = 'America/New_York';
SELECT (lifecycle_counts(customer, day, '[2024-03-01,2024-04-01)',
                         '90 days', NULL)).period_start AS dates,
       (lifecycle_counts(customer, day::timestamp, '(2024-03-01,2024-04-01]',
                         '90 days', NULL)).period_end AS timestamps
  FROM shop;
RESET TimeZone;
SET TimeZone = 'UTC';

-- history_complete: the first event lies before start - churned_after (if that is NULL, before
-- start - inactive_after); period_complete: an event lies in the last day or microsecond of the
-- period, or later
SELECT note, (c).history_complete, (c).period_complete
  FROM (SELECT note, lifecycle_counts(1, day::date, period::daterange,
                                      '90 days', churned_after::interval) AS c
          FROM (VALUES
            (1, 'both ends one day short',
             '{2023-10-04,2024-06-29}', '[2024-04-01,2024-07-01)', '180 days'),
            (2, 'both ends just complete',
             '{2023-10-03,2024-06-30}', '[2024-04-01,2024-07-01)', '180 days'),
            (3, 'later events count too',
             '{2023-10-03,2024-09-01}', '[2024-04-01,2024-07-01)', '180 days'),
            (4, 'churned_after NULL, just complete',
             '{2024-01-01,2024-06-30}', '[2024-04-01,2024-07-01)', NULL),
            (5, 'churned_after NULL, start one day short',
             '{2024-01-02,2024-06-30}', '[2024-04-01,2024-07-01)', NULL),
            (6, 'no upper bound',
             '{2023-10-03,2024-06-30}', '[2024-04-01,)', '180 days'),
            (7, 'infinite times do not count',
             '{-infinity,infinity}', '[2024-04-01,2024-07-01)', '180 days'))
               v (no, note, days, period, churned_after), unnest(days::date[]) AS day
         GROUP BY no, note ORDER BY no) x;
SELECT at, (lifecycle_counts(1, at, '[2024-04-01,2024-07-01)', '90 days', NULL)).period_complete
  FROM unnest('{2024-06-30 23:59:59.999998,2024-06-30 23:59:59.999999}'::timestamp[]) AS at
 GROUP BY at ORDER BY at;

-- the explanation of each customer's status
SELECT customer, (e).last_purchase::date, (e).silence, (e).last_cancellation::date,
       (e).standing_at_start, (e).first_purchase::date, (e).status,
       (e).reactivation_eligible AS r_eligible, (e).reactivation_returned AS r_returned,
       (e).winback_eligible AS w_eligible, (e).winback_returned AS w_returned
  FROM (SELECT customer,
               explain_lifecycle(day, event, '[2024-04-01,2024-07-01)', '90 days', '180 days') AS e
          FROM shop GROUP BY customer) x
 ORDER BY customer COLLATE "C";
\x on
SELECT (explain_lifecycle(day, event, '[2024-04-01,2024-07-01)', '90 days', '180 days')).*
  FROM shop WHERE customer = 'cancelled, returns';
\x off
-- without an upper bound, only customers who bought in the period have a status; with churned_after
-- NULL, churned_before is NULL
SELECT customer, (e).status, (e).churned_before
  FROM (SELECT customer, explain_lifecycle(day, event, '[2024-04-01,)', '90 days', NULL) AS e
          FROM shop GROUP BY customer) x
 WHERE customer ~ 'cancel|late' ORDER BY customer COLLATE "C";
-- the silence is measured in the type of the column: in days of the calendar for dates and
-- timestamps; for timestamptz, without the hour that the clocks skip on 31 March
SET TimeZone = 'Europe/Berlin';
SELECT (explain_lifecycle(date '2024-03-30', '[2024-04-01,)', '90 days', NULL)).silence AS dates,
       (explain_lifecycle(timestamp '2024-03-30', '[2024-04-01,)', '90 days', NULL)).silence
         AS timestamps,
       (explain_lifecycle(timestamptz '2024-03-30', '[2024-04-01,)', '90 days', NULL)).silence
         AS timestamptzs;
SET TimeZone = 'UTC';

--
-- Ties and bounds, with timestamps: the period is April 2024; a customer is inactive after 1 month.
--
CREATE FUNCTION life(ats timestamp[], events lifecycle_event[],
                     churned_after interval DEFAULT '3 months') RETURNS text LANGUAGE sql AS $$
  SELECT format('%s -> %s -> %s',
           coalesce(lifecycle_at(at, event, '2024-04-01', '1 month', $3)::text, 'nothing'),
           coalesce(lifecycle_during(at, event, '[2024-04-01,2024-05-01)', '1 month', $3)::text,
                    'nothing'),
           coalesce(lifecycle_at(at, event, '2024-05-01', '1 month', $3)::text, 'nothing'))
    FROM unnest($1, $2) AS e (at, event)
$$;
SELECT rule, life(ats::timestamp[], events::lifecycle_event[]) AS "start -> status -> end"
  FROM (VALUES
    (1, 'purchase at start - 1 month',
     '{2024-03-01}', '{purchase}'),
    (2, '... a microsecond earlier',
     '{2024-02-29 23:59:59.999999}', '{purchase}'),
    (3, 'purchase at start - 3 months',
     '{2024-01-01}', '{purchase}'),
    (4, '... a microsecond earlier',
     '{2023-12-31 23:59:59.999999}', '{purchase}'),
    (5, 'cancellation and purchase at one instant',
     '{2024-03-10,2024-03-10}', '{cancellation,purchase}'),
    (6, '... the cancellation a microsecond earlier',
     '{2024-03-09 23:59:59.999999,2024-03-10}', '{cancellation,purchase}'),
    (7, '... in the period',
     '{2024-04-10,2024-04-10}', '{purchase,cancellation}'),
    (8, '... at the start',
     '{2024-03-10,2024-04-01,2024-04-01}', '{purchase,purchase,cancellation}'),
    (9, '... at the end',
     '{2024-03-10,2024-05-01,2024-05-01}', '{purchase,purchase,cancellation}'),
    (10, 'cancellation just before the start',
     '{2024-03-10,2024-03-31 23:59:59.999999}', '{purchase,cancellation}'),
    (11, 'cancellation at the start',
     '{2024-03-10,2024-04-01}', '{purchase,cancellation}'),
    (12, 'purchase at the last microsecond',
     '{2024-04-30 23:59:59.999999}', '{purchase}'),
    (13, 'interest at the end',
     '{2024-05-01}', '{interest}'),
    (14, 'interest just before the end',
     '{2024-04-30 23:59:59.999999}', '{interest}'),
    (15, 'cancellation without any purchase',
     '{2024-03-10}', '{cancellation}'),
    (16, '... and a purchase in the period',
     '{2024-03-10,2024-04-10}', '{cancellation,purchase}'),
    (17, 'purchase at -infinity',
     '{-infinity}', '{purchase}'),
    (18, 'purchase at infinity',
     '{infinity}', '{purchase}'),
    (19, 'interest after a purchase changes nothing',
     '{2024-01-10,2024-03-10}', '{purchase,interest}'),
    (20, 'NULLs are ignored',
     '{NULL,2024-03-10,2024-03-11}', '{purchase,NULL,interest}'),
    (21, 'only NULLs',
     '{NULL,2024-03-10}', '{purchase,NULL}')
  ) v (no, rule, ats, events) ORDER BY no;
-- with churned_after NULL, a customer who bought at -infinity is inactive, and churned only by a
-- cancellation
SELECT life('{-infinity}', '{purchase}', NULL) AS silence_only,
       life('{-infinity,-infinity}', '{purchase,cancellation}', NULL) AS cancelled;

-- in a window, the state goes on after each result: the standing by the events so far
SELECT day, event,
       lifecycle_at(day, event, '2024-07-01', '90 days', '180 days') OVER (ORDER BY day)
         AS standing_so_far
  FROM shop WHERE customer = 'cancelled, inquires' ORDER BY day;

--
-- Mistakes, and the error of each, in all forms.
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
  RETURN concat_ws(' | ', sqlstate || ': ' || sqlerrm, nullif(detail, ''), nullif(hint, ''));
END $$;
\pset format unaligned
-- lifecycle_at
SELECT mistake, complaint(format('SELECT lifecycle_at(day, event, %s) FROM shop', call))
  FROM (VALUES (1, 'as_of NULL', $$NULL::date, '90 days', '180 days'$$),
               (2, 'as_of infinite', $$'infinity', '90 days', '180 days'$$),
               (3, 'inactive_after NULL', $$'2024-04-01', NULL, '180 days'$$),
               (4, 'inactive_after zero', $$'2024-04-01', '0', '180 days'$$),
               (5, 'churned_after negative', $$'2024-04-01', '90 days', '-1 day'$$),
               (6, 'churned_after too short', $$'2024-04-01', '90 days', '89 days'$$),
               (7, 'as_of changes', $$day, '90 days', '180 days'$$),
               (8, 'inactive_after changes', $$'2024-04-01',
                  CASE WHEN day < '2024-04-01' THEN interval '90 days' ELSE '91 days' END,
                  '180 days'$$)) v (no, mistake, call)
 ORDER BY no;
-- lifecycle_during, lifecycle_counts, explain_lifecycle
SELECT mistake, function, complaint(format('SELECT %s%s) FROM shop', call, arguments))
  FROM (VALUES (1, 'period NULL', $$NULL, '90 days', '180 days'$$),
               (2, 'period empty', $$'empty', '90 days', '180 days'$$),
               (3, 'no lower bound', $$'(,2024-07-01)', '90 days', '180 days'$$),
               (4, 'no upper bound', $$'[2024-04-01,)', '90 days', '180 days'$$),
               (5, 'upper bound infinite', $$'[2024-04-01,infinity)', '90 days', '180 days'$$),
               (6, 'inactive_after NULL', $$'[2024-04-01,2024-07-01)', NULL, '180 days'$$),
               (7, 'churned_after too short', $$'[2024-04-01,2024-07-01)', '90 days', '89 days'$$),
               (8, 'period changes',
                $$daterange('2024-04-01', day + 1000), '90 days', '180 days'$$),
               (9, 'churned_after changes',
                $$'[2024-04-01,2024-07-01)', '90 days',
                  CASE WHEN day < '2024-04-01' THEN interval '180 days' END$$))
         m (no, mistake, arguments),
       (VALUES (1, 'lifecycle_during', 'lifecycle_during(day, event, '),
               (2, 'lifecycle_counts', 'lifecycle_counts(customer, day, event, '),
               (3, 'explain_lifecycle', 'explain_lifecycle(day, event, ')) f (f, function, call)
 WHERE f = 1 OR no IN (4, 5) ORDER BY no, f;
SELECT function, count(*) AS mistakes,
       string_agg(DISTINCT left(complaint(format('SELECT %s%s) FROM shop', call, arguments)), 5),
                  ' ') AS sqlstates
  FROM (VALUES ($$NULL, '90 days', '180 days'$$),
               ($$'empty', '90 days', '180 days'$$),
               ($$'(,2024-07-01)', '90 days', '180 days'$$),
               ($$'[2024-04-01,2024-07-01)', NULL, '180 days'$$),
               ($$'[2024-04-01,2024-07-01)', '90 days', '89 days'$$),
               ($$daterange('2024-04-01', day + 1000), '90 days', '180 days'$$),
               ($$'[2024-04-01,2024-07-01)', '90 days',
                  CASE WHEN day < '2024-04-01' THEN interval '180 days' END$$)) m (arguments),
       (VALUES ('lifecycle_counts', 'lifecycle_counts(customer, day, event, '),
               ('explain_lifecycle', 'explain_lifecycle(day, event, ')) f (function, call)
 GROUP BY function ORDER BY function;
-- the silence since -infinity cannot be an interval
SELECT complaint($$
  SELECT explain_lifecycle(timestamp '-infinity', '[2024-04-01,2024-07-01)',
                           '90 days', '180 days')$$);
-- the customer's type cannot be hashed
SELECT complaint($$
  SELECT lifecycle_counts(point(1, 2), day, event, '[2024-04-01,2024-07-01)',
                          '90 days', '180 days') FROM shop$$);
-- period_end lies beyond the range of timestamptz
SELECT complaint($$
  SELECT lifecycle_counts(1, date '2024-01-01', '[2024-04-01,5000000-01-01)',
                          '90 days', '180 days')$$);
-- a row without an event is ignored, and so are its parameters
SELECT complaint($$
  SELECT lifecycle_at(day, nullif(event, event), NULL::date, NULL, NULL) FROM shop$$);
\pset format aligned

DROP FUNCTION complaint, life;
DROP TABLE shop, customers;
