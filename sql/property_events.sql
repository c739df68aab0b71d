--
-- property_events.sql
--
-- Proves that every function of winback over events (interest, purchase,
-- cancellation, adjustment) returns, to the last bit, what the definitions say: the
-- rates and tallies, the standing of a customer and his status, the two-step form,
-- the counts of a period with amounts and their identities, the forms with
-- lost_after, and the explanation.  The definitions are written here in plain SQL
-- and compared with the functions over thousands of generated cases, in serial and
-- in parallel plans.
--
-- Each case is made from a hash of its number, so the cases are the same in every
-- version of PostgreSQL.  Another seed makes other cases: then the counts change,
-- but the columns named "differ" and "broken" must stay 0.
--
\set seed 1
\set cases_per_round 150
-- On a slow server (scripts/checked) there are fewer cases, and the counts change.
\getenv cases_per_round WINBACK_CASES

-- a threshold below an hour raises a WARNING
SET client_min_messages = error;
SET jit = off;
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
CREATE SCHEMA property_events;
SET search_path = property_events, public;
SELECT set_config('property.seed', :'seed', false) AS seed;
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/include/helpers.sql'
\i :helpers

--
-- The definitions.  They read two tables, which each round fills anew:
--
--   periods (case_id, period, "from", "to", later, tick, inactive_after, churned_after,
--            lost_after, counts_lost_after)
--     "to" is NULL if the period has no upper bound; later is "to" + inactive_after (for a date
--     column, the first date that is not earlier); tick is the least step of the time type;
--     counts_lost_after is the lost_after of the counts: NULL if churned_after is
--   known (case_id, customer, at, event, amount)
--     the rows without a NULL (the amount may be NULL), with the customer as text
--
SET check_function_bodies = off;

-- Returns each customer's standing at the start and the end of the period, and at "later", and
-- whether he is lost then.  An adjustment makes nobody known.
CREATE FUNCTION plain_standings()
RETURNS TABLE (case_id int, customer text, which text,
               last_purchase timestamptz, last_cancellation timestamptz,
               silence interval, standing text, lost bool)
LANGUAGE sql AS $$
  WITH asked AS (
    SELECT *, 'start' AS which, "from" AS t FROM periods
    UNION ALL
    SELECT *, 'end' AS which, "to" AS t FROM periods WHERE "to" IS NOT NULL
    UNION ALL
    SELECT *, 'later' AS which, later AS t FROM periods WHERE "to" IS NOT NULL
  ), past AS (
    -- p is the last purchase before t, x the last cancellation before t
    SELECT a.case_id, e.customer, a.which, a.t, a.inactive_after, a.churned_after, a.lost_after,
           max(e.at) FILTER (WHERE e.event = 'purchase') AS p,
           max(e.at) FILTER (WHERE e.event = 'cancellation') AS x
      FROM asked a
      JOIN known e ON e.case_id = a.case_id AND e.at < a.t AND e.event <> 'adjustment'
     GROUP BY a.case_id, e.customer, a.which, a.t, a.inactive_after, a.churned_after, a.lost_after
  )
  SELECT case_id, customer, which, p::timestamptz, x::timestamptz,
         CASE WHEN isfinite(p) THEN t - p END,
         CASE WHEN p IS NULL THEN 'prospect'
              WHEN x >= p OR p < t - churned_after THEN 'churned'
              WHEN p < t - inactive_after THEN 'inactive'
              ELSE 'active' END,
         coalesce(p < t - lost_after, false)
    FROM past
$$;

-- Returns each customer's status over the period, and the other columns of an explanation.
CREATE FUNCTION plain_customers()
RETURNS TABLE (case_id int, customer text, standing_at_end text, standing_later text,
               lost_at_start bool, lost_at_end bool, lost_before timestamptz,
               last_purchase timestamptz, silence interval, inactive_before timestamptz,
               churned_before timestamptz, last_cancellation timestamptz, standing_at_start text,
               first_purchase timestamptz, status text, reactivation_eligible bool,
               reactivation_returned bool, winback_eligible bool, winback_returned bool)
LANGUAGE sql AS $$
  WITH standings AS (
    SELECT * FROM plain_standings()
  ), cutoffs AS (
    -- for a date column the cut-off is a date, too: the first that is not earlier
    SELECT *,
           CASE WHEN tick = '1 day'
                THEN date_trunc('day', "from" - inactive_after + tick - interval '1us')
                ELSE "from" - inactive_after END AS inactive_before,
           CASE WHEN tick = '1 day'
                THEN date_trunc('day', "from" - churned_after + tick - interval '1us')
                ELSE "from" - churned_after END AS churned_before,
           CASE WHEN tick = '1 day'
                THEN date_trunc('day', "from" - lost_after + tick - interval '1us')
                ELSE "from" - lost_after END AS lost_before
      FROM periods
  ), customers AS (
    SELECT p.case_id, e.customer, p.inactive_before, p.churned_before, p.lost_before,
           min(e.at) FILTER (
             WHERE e.event = 'purchase' AND e.at >= p."from"
               AND (e.at < p."to" OR p."to" IS NULL AND e.at < 'infinity'))::timestamptz AS bought
      FROM cutoffs p JOIN known e USING (case_id)
     GROUP BY p.case_id, e.customer, p.inactive_before, p.churned_before, p.lost_before
  )
  SELECT c.case_id, c.customer, e.standing, l.standing,
         coalesce(s.lost, false), coalesce(e.lost, false), c.lost_before::timestamptz,
         s.last_purchase, s.silence, c.inactive_before::timestamptz, c.churned_before::timestamptz,
         s.last_cancellation, s.standing, c.bought,
         CASE WHEN c.bought IS NULL THEN e.standing
              WHEN s.standing IS NULL OR s.standing = 'prospect' THEN 'new'
              WHEN s.standing = 'active' THEN 'active'
              WHEN s.standing = 'inactive' THEN 'reactivated'
              WHEN s.standing = 'churned' THEN 'won_back' END,
         coalesce(s.standing IN ('inactive', 'churned', 'prospect'), false),
         coalesce(s.standing IN ('inactive', 'churned', 'prospect'), false)
           AND c.bought IS NOT NULL,
         coalesce(s.standing = 'churned', false),
         coalesce(s.standing = 'churned', false) AND c.bought IS NOT NULL
    FROM customers c
    LEFT JOIN standings s
      ON s.case_id = c.case_id AND s.customer = c.customer AND s.which = 'start'
    LEFT JOIN standings e
      ON e.case_id = c.case_id AND e.customer = c.customer AND e.which = 'end'
    LEFT JOIN standings l
      ON l.case_id = c.case_id AND l.customer = c.customer AND l.which = 'later'
$$;

-- Returns the counts of each period with and without amounts, and with and without lost_after,
-- from the table customers, which holds the rows of plain_customers().  The forms without amounts
-- ignore adjustments, so that a case with nothing else has no counts.
CREATE FUNCTION plain_counts()
RETURNS TABLE (case_id int, question text, counts lifecycle_counts)
LANGUAGE sql AS $$
  WITH bought AS (
    SELECT *, first_purchase IS NOT NULL AS bought,
           first_purchase IS NOT NULL AND standing_at_start IN ('inactive', 'churned') AS came_back
      FROM customers
  ), extent AS (
    SELECT case_id, min(at) FILTER (WHERE isfinite(at)) AS first_event,
           max(at) FILTER (WHERE isfinite(at)) AS last_event
      FROM known WHERE event <> 'adjustment' GROUP BY case_id
  ), revenue AS (
    -- each amount counts in the column of the customer's status
    SELECT case_id,
           sum(amount) FILTER (WHERE status = 'new') AS new,
           sum(amount) FILTER (WHERE status = 'active') AS retained,
           sum(amount) FILTER (WHERE status = 'reactivated') AS reactivated,
           sum(amount) FILTER (WHERE status = 'won_back') AS won_back,
           sum(amount) FILTER (
             WHERE status IS NULL OR status IN ('prospect', 'inactive', 'churned')) AS other
      FROM periods JOIN known USING (case_id) JOIN customers USING (case_id, customer)
     WHERE event IN ('purchase', 'adjustment')
       AND at >= "from" AND (at < "to" OR "to" IS NULL AND at < 'infinity')
     GROUP BY case_id
  ), counts AS (
    SELECT case_id,
           count(*) FILTER (WHERE standing_at_start = 'prospect') AS prospects_start,
           count(*) FILTER (WHERE standing_at_start = 'active') AS active_start,
           count(*) FILTER (WHERE standing_at_start = 'inactive') AS inactive_start,
           count(*) FILTER (WHERE standing_at_start = 'churned') AS churned_start,
           count(*) FILTER (
             WHERE bought AND (standing_at_start IS NULL OR standing_at_start = 'prospect')
           ) AS new_customers,
           count(*) FILTER (WHERE bought AND standing_at_start = 'prospect') AS converted,
           count(*) FILTER (WHERE bought AND standing_at_start = 'active') AS retained,
           count(*) FILTER (WHERE bought AND standing_at_start = 'inactive') AS reactivated,
           count(*) FILTER (WHERE bought AND standing_at_start = 'churned') AS won_back,
           count(*) FILTER (WHERE standing_at_end = 'prospect') AS prospects_end,
           count(*) FILTER (WHERE standing_at_end = 'active') AS active_end,
           count(*) FILTER (WHERE standing_at_end = 'inactive') AS inactive_end,
           count(*) FILTER (WHERE standing_at_end = 'churned') AS churned_end,
           count(*) FILTER (WHERE came_back AND standing_later = 'active') AS sustained,
           count(*) FILTER (WHERE came_back AND standing_later <> 'active') AS lapsed_again,
           count(*) FILTER (WHERE standing_at_start = 'churned' AND lost_at_start) AS lost_start,
           count(*) FILTER (WHERE standing_at_end = 'churned' AND lost_at_end) AS lost_end
      FROM bought GROUP BY case_id
  ), tallies AS (
    -- of all customers, and without the lost ones
    SELECT case_id, without_lost,
           count(*) FILTER (WHERE reactivation_returned AND counted) AS reactivation_returned,
           count(*) FILTER (WHERE reactivation_eligible AND counted) AS reactivation_eligible,
           count(*) FILTER (WHERE winback_returned AND counted) AS winback_returned,
           count(*) FILTER (WHERE winback_eligible AND counted) AS winback_eligible
      FROM customers, (VALUES (false), (true)) AS w (without_lost),
           LATERAL (SELECT NOT (without_lost AND lost_at_start) AS counted) n
     GROUP BY case_id, without_lost
  ), asked AS (
    SELECT *, CASE WHEN lost THEN counts_lost_after END AS lost_in_counts
      FROM periods,
           (VALUES ('lifecycle_counts', false, false),
                   ('lifecycle_counts, amounts', true, false),
                   ('lifecycle_counts_lost_after', false, true),
                   ('lifecycle_counts_lost_after, amounts', true, true)
           ) AS q (question, amounts, lost)
  )
  SELECT case_id, question,
         ROW("from"::timestamptz, "to"::timestamptz,
             prospects_start, active_start, inactive_start, churned_start,
             new_customers, converted, c.retained, c.reactivated, c.won_back,
             CASE WHEN "to" IS NOT NULL THEN prospects_end END,
             CASE WHEN "to" IS NOT NULL THEN active_end END,
             CASE WHEN "to" IS NOT NULL THEN inactive_end END,
             CASE WHEN "to" IS NOT NULL THEN churned_end END,
             reactivation_returned || '/' || reactivation_eligible,
             winback_returned || '/' || winback_eligible,
             reactivation_returned::float8 / nullif(reactivation_eligible, 0),
             winback_returned::float8 / nullif(winback_eligible, 0),
             coalesce(first_event < "from" - coalesce(lost_in_counts, churned_after,
                                                      inactive_after), false),
             CASE WHEN "to" IS NOT NULL THEN coalesce(last_event >= "to" - tick, false) END,
             -- the customers who came back and stayed, if the events reach up to "later"
             CASE WHEN last_event >= later - tick THEN sustained END,
             CASE WHEN last_event >= later - tick THEN lapsed_again END,
             CASE WHEN amounts THEN coalesce(r.new, 0) END,
             CASE WHEN amounts THEN coalesce(r.retained, 0) END,
             CASE WHEN amounts THEN coalesce(r.reactivated, 0) END,
             CASE WHEN amounts THEN coalesce(r.won_back, 0) END,
             NULL::interval, "from"::timestamptz::date,
             first_event::timestamptz, last_event::timestamptz,
             CASE WHEN lost_in_counts IS NOT NULL THEN lost_start END,
             CASE WHEN lost_in_counts IS NOT NULL AND "to" IS NOT NULL THEN lost_end END,
             CASE WHEN amounts THEN coalesce(r.other, 0) END
            )::lifecycle_counts
    FROM counts c JOIN asked USING (case_id)
    JOIN tallies USING (case_id)
    LEFT JOIN extent e USING (case_id)
    LEFT JOIN revenue r USING (case_id)
   WHERE without_lost = (lost_in_counts IS NOT NULL) AND (amounts OR e.case_id IS NOT NULL)
$$;

-- Returns the tallies and rates with lost_after, from the table customers.
CREATE FUNCTION plain_tallies_lost_after()
RETURNS TABLE (case_id int, reactivation text, win_back text,
               reactivation_rate float8, winback_rate float8)
LANGUAGE sql AS $$
  WITH tallies AS (
    SELECT case_id,
           count(*) FILTER (WHERE reactivation_returned AND NOT lost_at_start) AS r_returned,
           count(*) FILTER (WHERE reactivation_eligible AND NOT lost_at_start) AS r_eligible,
           count(*) FILTER (WHERE winback_returned AND NOT lost_at_start) AS w_returned,
           count(*) FILTER (WHERE winback_eligible AND NOT lost_at_start) AS w_eligible
      FROM customers GROUP BY case_id
  )
  SELECT case_id, r_returned || '/' || r_eligible, w_returned || '/' || w_eligible,
         r_returned::float8 / nullif(r_eligible, 0), w_returned::float8 / nullif(w_eligible, 0)
    FROM tallies
$$;

-- Fills periods and known from cases (case_id, period, inactive_after, churned_after, lost_after,
-- counts_lost_after) and events (case_id, customer, at, event, amount).  IS DISTINCT FROM NULL is
-- written because IS NOT NULL is false for a composite value with a NULL field.
CREATE PROCEDURE prepare(tick interval)
LANGUAGE plpgsql AS $$
BEGIN
  DROP TABLE IF EXISTS periods, known;
  EXECUTE format($sql$
    CREATE TEMP TABLE periods AS
    WITH bounds AS (
      SELECT *, interval %L AS tick,
             lower(period) + CASE WHEN lower_inc(period) THEN '0' ELSE '1us' END::interval
               AS "from",
             CASE WHEN isfinite(upper(period))
                  THEN upper(period)
                       + CASE WHEN upper_inc(period) THEN '1us' ELSE '0' END::interval
             END AS "to"
        FROM cases
    )
    SELECT *, CASE WHEN tick = '1 day'
                   THEN date_trunc('day', "to" + inactive_after + tick - interval '1us')
                   ELSE "to" + inactive_after END AS later
      FROM bounds $sql$, tick);
  EXECUTE $sql$
    CREATE TEMP TABLE known AS
    SELECT case_id, customer::text, at, event, amount FROM events
     WHERE customer IS DISTINCT FROM NULL AND at IS NOT NULL AND event IS NOT NULL $sql$;
  ANALYZE periods;
  ANALYZE known;
END $$;

--
-- The generator.
--

-- "shortest" is the shortest threshold that a time type accepts.
CREATE TABLE times (time text, span text, tick interval, shortest interval, jitters interval[]);
INSERT INTO times VALUES
  ('timestamptz', 'tstzrange', '1us', '1us', '{-1us,-1us,0,0,0,0,1us,1us,2us,-1h,1h}'),
  ('timestamp', 'tsrange', '1us', '1us', '{-1us,-1us,0,0,0,0,1us,1us,2us,-1h,1h}'),
  ('date', 'daterange', '1d', '24h', '{-1d,-1d,0,0,0,0,1d,1d,2d}');

-- The expression that makes the key of customer number "who".
CREATE TYPE shop_customer AS (shop text, number int);
CREATE TABLE keys (kind text, spelling text);
INSERT INTO keys VALUES
  ('int4', $$(who - 5) * 100003$$),
  ('text', $$CASE who WHEN 0 THEN '' WHEN 1 THEN repeat('long ', 1000)
                      ELSE 'number ' || who END$$),
  ('uuid', $$lpad(who::text, 32, '0')::uuid$$),
  ('composite', $$ROW(CASE WHEN who > 1 THEN 'shop ' || who % 3 END,
                      CASE WHEN who > 0 THEN who END)::shop_customer$$);

-- Month ends, leap days, the epoch, the gaps and overlaps of Berlin (26 March 2023, 31 March and
-- 27 October 2024) and New York (10 March and 3 November 2024), and moments that lie one threshold
-- after such a moment.
CREATE FUNCTION moments() RETURNS timestamp[] LANGUAGE sql IMMUTABLE AS $$
  SELECT ARRAY[
    '2024-02-29', '2024-03-31', '2023-03-31', '2024-03-30', '2023-03-29', '2025-02-28',
    '2024-05-31 12:00', '2024-12-31', '2025-01-01', '2024-03-01', '2023-03-01', '2100-03-01',
    '2000-01-01', '1970-01-01', '1900-03-31', '0001-03-31', '4000-02-29',
    '2024-03-31 02:30', '2024-03-31 03:00', '2024-04-01 02:30', '2023-04-26 02:30',
    '2024-03-31 23:30', '2024-10-27 02:00', '2024-10-27 02:30', '2024-10-27 03:00',
    '2024-10-28 02:30', '2024-11-27 02:30',
    '2024-03-10 02:30', '2024-03-10 03:00', '2024-03-11 02:30', '2024-04-10 02:30',
    '2024-11-03 01:30', '2024-11-03 02:00', '2024-11-04 01:30', '2024-12-03 01:30']::timestamp[]
$$;

-- All thresholds of a case have the same unit, so they are in order at any instant.
CREATE TABLE thresholds (
  no serial, inactive_after interval, churned_after interval, lost_after interval);
INSERT INTO thresholds (inactive_after, churned_after, lost_after) VALUES
  ('1 month', '1 month', '1 month'), ('1 month', '3 months', '4 months'),
  ('3 months', '1 year', '1 year 3 months'), ('1 year', '1 year 2 months', '2 years'),
  ('1 month', NULL, '2 months'), ('1 day', '1 day', '2 days'), ('1 day', '7 days', '7 days'),
  ('30 days', '30 days', '60 days'), ('30 days', '90 days', '180 days'),
  ('7 days', '31 days', '31 days'), ('30 days', NULL, '45 days'),
  ('24 hours', '24 hours', '30 hours'), ('24 hours', '36 hours', '36 hours'),
  ('1 hour', '24 hours', '25 hours'), ('1 hour', NULL, '2 hours'),
  ('1 microsecond', '1 microsecond', '2 microseconds'),
  ('1 microsecond', '2 microseconds', '3 microseconds'),
  ('1 month 3 days 04:05:06.000007', '2 months 3 days 04:05:06.000007',
   '3 months 3 days 04:05:06.000007');

CREATE FUNCTION lengths() RETURNS interval[] LANGUAGE sql IMMUTABLE AS $$
  SELECT ARRAY[
    '1 month', '1 month', '1 month', '3 months', '1 year', '7 days', '1 day', '1 day', '24 hours',
    '1 hour', '40 minutes', '0', '1 microsecond', '2 microseconds', '1 month 00:00:00.000001',
    NULL, NULL]::interval[]  -- NULL: no end
$$;

-- Fills cases and events for one time type and one kind of key, in the session's time zone, with
-- the cases numbered from first to last.  In every fourth case all events are purchases.  In the
-- other cases some customers buy nothing before the period, and some have only adjustments.  A
-- third of the events have a twin at the same instant, which may be of another kind.  Interest and
-- cancellations have no amount, or one of zero.
CREATE PROCEDURE generate(first int, last int, t times, k keys)
LANGUAGE plpgsql AS $$
DECLARE
  template text := $template$
    CREATE TEMP TABLE cases AS
    WITH lows AS (
      SELECT n AS case_id,
             (CASE WHEN pick(n, 1, 3) > 0 THEN pick(n, 2, moments())
                   ELSE timestamp '2018-01-01' + pick(n, 3, 3000) * interval '1 day'
                        + pick(n, 4, 2000000000) * interval '43 microseconds' END)::TIME
             + pick(n, 5, '{0,0,0,-1us,1us,1h,-1h}'::interval[]) AS low,
             pick(n, 6, lengths()) AS length
        FROM generate_series(FIRST, LAST) AS n
    ), bounds AS (
      SELECT case_id, low::TIME,
             CASE WHEN length IS NOT NULL THEN low + length
                  ELSE pick(case_id, 7, '{NULL,infinity}'::timestamp[]) END::TIME AS high,
             pick(case_id, 8, '{[),[),[],(],()}'::text[]) AS kind
        FROM lows
    )
    SELECT case_id, inactive_after, churned_after, lost_after,
           CASE WHEN churned_after IS NOT NULL THEN lost_after END AS counts_lost_after,
           CASE WHEN isempty(SPAN(low, high, kind))
                     OR (kind = '()' AND high <= low + interval '1us')
                THEN SPAN(low, high, '[]') ELSE SPAN(low, high, kind) END AS period
      FROM bounds
      JOIN (SELECT no,
                   CASE WHEN inactive_after < 'SHORTEST' THEN 'SHORTEST'
                        ELSE inactive_after END AS inactive_after,
                   CASE WHEN churned_after < 'SHORTEST' THEN 'SHORTEST'
                        ELSE churned_after END AS churned_after,
                   CASE WHEN lost_after < 'SHORTEST' THEN 'SHORTEST'
                        ELSE lost_after END AS longest
              FROM thresholds) t
        ON no = 1 + pick(case_id, 9, (SELECT count(*)::int FROM thresholds)),
           LATERAL (SELECT CASE WHEN pick(case_id, 24, 6) > 0 THEN longest END AS lost_after) l;

    CREATE TEMP TABLE events AS
    WITH instants AS (
      SELECT case_id, inactive_after, coalesce(churned_after, inactive_after * 3) AS churned_after,
             coalesce(lost_after, churned_after, inactive_after * 4) AS lost_after,
             lower(period) + CASE WHEN lower_inc(period) THEN '0' ELSE '1us' END::interval
               AS "from",
             coalesce(nullif(upper(period), 'infinity'),
                      (lower(period) + interval '40 days')::TIME) AS "to"
        FROM cases
    ), rows AS (
      SELECT *, pick(n, 11, JITTERS::interval[]) AS jitter,
             pick(n, 14, 1 + pick(case_id, 15, 10)) AS who
        FROM instants,
             generate_series(case_id * 64::bigint,
                             case_id * 64::bigint + pick(case_id, 12, 40) - 1) AS n
    ), placed AS (
      SELECT *, CASE pick(n, 17, 23)
               WHEN 0 THEN "from" + jitter
               WHEN 1 THEN "from" + jitter
               WHEN 2 THEN "to" + jitter
               WHEN 3 THEN "to" + jitter
               WHEN 4 THEN "from" - inactive_after + jitter
               WHEN 5 THEN "from" - inactive_after + jitter
               WHEN 6 THEN "from" - churned_after + jitter
               WHEN 7 THEN "from" - churned_after + jitter
               WHEN 8 THEN "to" - inactive_after + jitter
               WHEN 9 THEN "to" - churned_after + jitter
               WHEN 10 THEN pick(n, 18, '{infinity,-infinity}'::timestamp[])::TIME
               WHEN 11 THEN CASE WHEN pick(n, 19, 3) > 0 THEN "from" - churned_after * 2 END
               WHEN 12 THEN "from" - lost_after + jitter
               WHEN 13 THEN "from" - lost_after + jitter
               WHEN 14 THEN "to" - lost_after + jitter
               ELSE "from" + (inactive_after + interval '40 days')
                             * ((pick(n, 20, 5000) - 3000) / 1000.0)
             END::TIME AS at
        FROM rows
    ), copied AS (
      SELECT *, n * 8 + copy AS row_id
        FROM placed, generate_series(0, CASE pick(n, 13, 3) WHEN 0 THEN 1 ELSE 0 END) AS copy
    ), labelled AS (
      SELECT *,
             CASE WHEN case_id % 4 = 0 THEN 'purchase'
                  WHEN pick(case_id * 16 + who, 25, 12) = 0 THEN 'adjustment'
                  WHEN at < "from" AND pick(case_id * 16 + who, 23, 3) = 0
                    THEN pick(row_id, 16, '{interest,interest,interest,
                                            cancellation,adjustment,NULL}'::lifecycle_event[])
                  ELSE pick(row_id, 16, '{purchase,purchase,purchase,purchase,purchase,purchase,
                                          cancellation,cancellation,cancellation,
                                          interest,interest,
                                          adjustment,adjustment,NULL}'::lifecycle_event[])
             END::lifecycle_event AS event
        FROM copied
    )
    SELECT case_id, CASE WHEN pick(n, 21, 30) > 0 THEN SPELLING END AS customer, at, event,
           pick(row_id, 26, CASE WHEN event IN ('interest', 'cancellation') THEN '{NULL,0,0.000}'
                                 ELSE '{NULL,0,1,2.50,-2.50,0.001,1e-20,1e25,
                                        12345678901234567890.12,99.9,100}'
                            END::numeric[]) AS amount
      FROM labelled
     ORDER BY pick(row_id, 22, 1000000), row_id;
  $template$;
BEGIN
  DROP TABLE IF EXISTS cases, events;
  template := replace(template, 'TIME', t.time);
  template := replace(template, 'SPAN', t.span);
  template := replace(template, 'JITTERS', quote_literal(t.jitters));
  template := replace(template, 'SHORTEST', t.shortest::text);
  template := replace(template, 'SPELLING', k.spelling);
  template := replace(template, 'FIRST', first::text);
  template := replace(template, 'LAST', last::text);
  EXECUTE template;
END $$;

-- pairs holds the answers of plain SQL and of winback in one round; summary and the tables below
-- it hold those of all rounds.  As text, two values are equal only if every bit is.
CREATE TABLE pairs (question text, case_id int, customer text, plain text, answer text);
CREATE TABLE summary (
  question text, zone text, time text, kind text, answers int, undefined int, differ int);
CREATE TABLE different (
  question text, zone text, time text, kind text, case_id int, customer text,
  plain text, answer text);
CREATE TABLE all_cases (
  case_id int, purchases_only bool, counts lifecycle_counts, with_lost lifecycle_counts,
  paid numeric);
CREATE TABLE all_customers (
  case_id int, customer text, standing_at_end text, standing_later text,
  lost_at_start bool, lost_at_end bool, lost_before timestamptz,
  last_purchase timestamptz, silence interval,
  inactive_before timestamptz, churned_before timestamptz, last_cancellation timestamptz,
  standing_at_start text, first_purchase timestamptz, status text,
  reactivation_eligible bool, reactivation_returned bool,
  winback_eligible bool, winback_returned bool);
CREATE TABLE adjusted (status text, unbounded bool, adjustments bigint, at_another_event bigint);

-- Asks winback about all cases at once, with the parameters in columns.  "of_rows" calls the forms
-- without event, "of_purchases" those with the constant event purchase; both must always agree.
-- "of_null" calls the forms with a lost_after of NULL, "without_lost" those without lost_after.
-- Without events nobody churns if churned_after is NULL; winback_rate and winback_tally raise an
-- error then, and are not asked.
CREATE PROCEDURE ask(t times)
LANGUAGE plpgsql AS $$
DECLARE
  per_customer text := $template$
    CREATE TEMP TABLE got_customers AS
    SELECT e.case_id, e.customer::text AS customer,
           lifecycle_at(at, event, p."from"::TIME, THRESHOLDS) AS at_start,
           lifecycle_at(at, event, p."to"::TIME, THRESHOLDS) FILTER (WHERE BOUNDED) AS at_end,
           lifecycle_during(at, event, period, THRESHOLDS) FILTER (WHERE BOUNDED) AS during,
           explain_lifecycle(at, event, period, THRESHOLDS) FILTER (WHERE COMPUTABLE) AS why,
           ROW(lifecycle_at(at, p."from"::TIME, THRESHOLDS),
               lifecycle_at(at, p."to"::TIME, THRESHOLDS) FILTER (WHERE BOUNDED),
               lifecycle_during(at, period, THRESHOLDS) FILTER (WHERE BOUNDED),
               explain_lifecycle(at, period, THRESHOLDS)
                 FILTER (WHERE at <> '-infinity'))::text AS of_rows,
           ROW(lifecycle_at(at, PURCHASE, p."from"::TIME, THRESHOLDS),
               lifecycle_at(at, PURCHASE, p."to"::TIME, THRESHOLDS) FILTER (WHERE BOUNDED),
               lifecycle_during(at, PURCHASE, period, THRESHOLDS) FILTER (WHERE BOUNDED),
               explain_lifecycle(at, PURCHASE, period, THRESHOLDS)
                 FILTER (WHERE at <> '-infinity'))::text AS of_purchases
      FROM events e JOIN periods p USING (case_id)
      LEFT JOIN customers c ON c.case_id = e.case_id AND c.customer = e.customer::text
     WHERE e.customer IS DISTINCT FROM NULL
     GROUP BY e.case_id, e.customer
  $template$;
  per_case text := $template$
    CREATE TEMP TABLE got_cases AS
    SELECT case_id,
           reactivation_tally(customer, at, event, period, inactive_after) AS reactivation,
           winback_tally(customer, at, event, period, churned_after) AS winback,
           reactivation_rate(customer, at, event, period, inactive_after) AS reactivation_rate,
           winback_rate(customer, at, event, period, churned_after) AS winback_rate,
           reactivation_tally_lost_after(customer, at, event, period, RATE) AS reactivation_lost,
           winback_tally_lost_after(customer, at, event, period, WINBACK) AS winback_lost,
           reactivation_rate_lost_after(customer, at, event, period, RATE)
             AS reactivation_rate_lost,
           winback_rate_lost_after(customer, at, event, period, WINBACK) AS winback_rate_lost,
           lifecycle_counts(customer, at, event, period, THRESHOLDS) AS counts,
           lifecycle_counts(customer, at, event, amount, period, THRESHOLDS) AS counts_amounts,
           lifecycle_counts_lost_after(customer, at, event, period, COUNTS) AS counts_lost,
           lifecycle_counts_lost_after(customer, at, event, amount, period, COUNTS)
             AS counts_lost_amounts,
           ROW(reactivation_tally(customer, at, period, inactive_after),
               winback_tally(customer, at, period, churned_after) CAN_CHURN,
               reactivation_rate(customer, at, period, inactive_after),
               winback_rate(customer, at, period, churned_after) CAN_CHURN,
               reactivation_tally_lost_after(customer, at, period, RATE),
               winback_tally_lost_after(customer, at, period, WINBACK) CAN_CHURN,
               reactivation_rate_lost_after(customer, at, period, RATE),
               winback_rate_lost_after(customer, at, period, WINBACK) CAN_CHURN,
               lifecycle_counts(customer, at, period, THRESHOLDS),
               lifecycle_counts(customer, at, amount, period, THRESHOLDS),
               lifecycle_counts_lost_after(customer, at, period, COUNTS),
               lifecycle_counts_lost_after(customer, at, amount, period, COUNTS)
              )::text AS of_rows,
           ROW(reactivation_tally(customer, at, PURCHASE, period, inactive_after),
               winback_tally(customer, at, PURCHASE, period, churned_after),
               reactivation_rate(customer, at, PURCHASE, period, inactive_after),
               winback_rate(customer, at, PURCHASE, period, churned_after),
               reactivation_tally_lost_after(customer, at, PURCHASE, period, RATE),
               winback_tally_lost_after(customer, at, PURCHASE, period, WINBACK),
               reactivation_rate_lost_after(customer, at, PURCHASE, period, RATE),
               winback_rate_lost_after(customer, at, PURCHASE, period, WINBACK),
               lifecycle_counts(customer, at, PURCHASE, period, THRESHOLDS),
               lifecycle_counts(customer, at, PURCHASE, amount, period, THRESHOLDS),
               lifecycle_counts_lost_after(customer, at, PURCHASE, period, COUNTS),
               lifecycle_counts_lost_after(customer, at, PURCHASE, amount, period, COUNTS)
              )::text AS of_purchases
      FROM cases LEFT JOIN events USING (case_id)
     GROUP BY case_id
  $template$;
  with_null text := $template$
    CREATE TEMP TABLE got_null AS
    SELECT case_id,
           ROW(reactivation_tally(customer, at, event, period, inactive_after),
               winback_tally(customer, at, event, period, churned_after),
               reactivation_rate(customer, at, event, period, inactive_after),
               winback_rate(customer, at, event, period, churned_after),
               lifecycle_counts(customer, at, event, period, THRESHOLDS),
               lifecycle_counts(customer, at, event, amount, period, THRESHOLDS),
               lifecycle_counts(customer, at, period, THRESHOLDS),
               lifecycle_counts(customer, at, amount, period, THRESHOLDS))::text AS without_lost,
           ROW(reactivation_tally_lost_after(customer, at, event, period, inactive_after, NULL),
               winback_tally_lost_after(customer, at, event, period, churned_after, NULL),
               reactivation_rate_lost_after(customer, at, event, period, inactive_after, NULL),
               winback_rate_lost_after(customer, at, event, period, churned_after, NULL),
               lifecycle_counts_lost_after(customer, at, event, period, THRESHOLDS, NULL),
               lifecycle_counts_lost_after(customer, at, event, amount, period, THRESHOLDS, NULL),
               lifecycle_counts_lost_after(customer, at, period, THRESHOLDS, NULL),
               lifecycle_counts_lost_after(customer, at, amount, period, THRESHOLDS, NULL)
              )::text AS of_null
      FROM cases LEFT JOIN events USING (case_id)
     WHERE case_id % 5 = 0
     GROUP BY case_id
  $template$;
BEGIN
  DROP TABLE IF EXISTS got_customers, got_cases, got_null, two_steps;
  per_customer := replace(per_customer, 'THRESHOLDS', 'inactive_after, churned_after');
  per_customer := replace(per_customer, 'BOUNDED', 'p."to" IS NOT NULL');
  -- no interval can express the silence since -infinity
  per_customer := replace(per_customer, 'COMPUTABLE',
                          $sql$c.last_purchase IS DISTINCT FROM '-infinity'$sql$);
  per_customer := replace(per_customer, 'TIME', t.time);
  EXECUTE replace(per_customer, 'PURCHASE', $sql$'purchase'::lifecycle_event$sql$);
  per_case := replace(per_case, 'RATE', 'inactive_after, lost_after');
  per_case := replace(per_case, 'WINBACK', 'churned_after, lost_after');
  per_case := replace(per_case, 'THRESHOLDS', 'inactive_after, churned_after');
  per_case := replace(per_case, 'COUNTS', 'inactive_after, churned_after, counts_lost_after');
  per_case := replace(per_case, 'CAN_CHURN', 'FILTER (WHERE churned_after IS NOT NULL)');
  EXECUTE replace(per_case, 'PURCHASE', $sql$'purchase'::lifecycle_event$sql$);
  EXECUTE replace(with_null, 'THRESHOLDS', 'inactive_after, churned_after');
  CREATE TEMP TABLE two_steps AS
  SELECT p.case_id,
         reactivation_tally(at_start, during) AS reactivation,
         winback_tally(at_start, during) AS winback,
         reactivation_rate(at_start, during) AS reactivation_rate,
         winback_rate(at_start, during) AS winback_rate
    FROM periods p LEFT JOIN got_customers g USING (case_id)
   WHERE p."to" IS NOT NULL
   GROUP BY p.case_id;
END $$;

-- Asks winback about one case, with the parameters as constants.  Returns the rates, tallies and
-- counts, and each customer's name with his status.
CREATE FUNCTION ask_constants(
  c text, period text, span text, inactive_after text, churned_after text, lost_after text,
  counts_lost_after text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  EXECUTE format($sql$
    SELECT ROW(reactivation_tally(customer, at, event, %1$L::%2$s, %3$L::interval),
               winback_tally(customer, at, event, %1$L::%2$s, %4$L::interval),
               reactivation_rate(customer, at, event, %1$L::%2$s, %3$L::interval),
               winback_rate(customer, at, event, %1$L::%2$s, %4$L::interval),
               lifecycle_counts(customer, at, event, %1$L::%2$s, %3$L::interval, %4$L::interval),
               reactivation_tally_lost_after(customer, at, event, %1$L::%2$s,
                                             %3$L::interval, %6$L::interval),
               winback_rate_lost_after(customer, at, event, %1$L::%2$s,
                                       %4$L::interval, %6$L::interval),
               lifecycle_counts_lost_after(customer, at, event, amount, %1$L::%2$s, %3$L::interval,
                                           %4$L::interval, %7$L::interval),
               (SELECT string_agg(customer || during::text, ' ' ORDER BY customer COLLATE "C")
                  FROM (SELECT customer::text,
                               lifecycle_during(at, event, %1$L::%2$s,
                                                %3$L::interval, %4$L::interval)
                                 FILTER (WHERE isfinite(upper(%1$L::%2$s))) AS during
                          FROM events
                         WHERE case_id = %5$s AND customer IS DISTINCT FROM NULL
                         GROUP BY customer) c))::text
      FROM events WHERE case_id = %5$s $sql$,
    period, span, inactive_after, churned_after, c, lost_after, counts_lost_after) INTO result;
  RETURN result;
END $$;

CREATE PROCEDURE play(round int, how_many int, zone text, t times, k keys)
LANGUAGE plpgsql AS $$
DECLARE
  first int := round * 1000;
  scan text;
BEGIN
  PERFORM set_config('TimeZone', zone, false);
  CALL generate(first, first + how_many - 1, t, k);
  CALL prepare(t.tick);
  DROP TABLE IF EXISTS customers, counts, tallies;
  CREATE TEMP TABLE customers AS SELECT * FROM plain_customers();
  ANALYZE customers;
  CREATE TEMP TABLE counts AS SELECT * FROM plain_counts();
  CREATE TEMP TABLE tallies AS SELECT * FROM plain_tallies_lost_after();
  CALL ask(t);
  TRUNCATE pairs;

  INSERT INTO pairs
  SELECT v.question, case_id, customer, v.plain, v.answer
    FROM customers c FULL JOIN got_customers g USING (case_id, customer),
         LATERAL (VALUES ('lifecycle_at, start', c.standing_at_start, g.at_start::text),
                         ('lifecycle_at, end', c.standing_at_end, g.at_end::text),
                         ('without event = purchases, customers', g.of_purchases, g.of_rows)
                 ) v (question, plain, answer);
  INSERT INTO pairs
  SELECT 'lifecycle_during', case_id, customer, c.status, g.during::text
    FROM customers c FULL JOIN got_customers g USING (case_id, customer)
    JOIN periods p USING (case_id)
   WHERE p."to" IS NOT NULL;
  INSERT INTO pairs
  SELECT 'explain_lifecycle ' || key, case_id, customer, v.plain, v.answer
    FROM (SELECT c.case_id, c.customer,
                 to_jsonb(c) - '{case_id,customer,standing_at_end,standing_later,lost_at_start,
                                 lost_at_end,lost_before}'::text[] AS plain,
                 to_jsonb(g.why) AS answer
            FROM customers c LEFT JOIN got_customers g USING (case_id, customer)
           WHERE c.last_purchase IS DISTINCT FROM '-infinity'
             -- an adjustment explains nothing
             AND EXISTS (SELECT FROM known AS other
                          WHERE other.case_id = c.case_id AND other.customer = c.customer
                            AND other.event <> 'adjustment')) c,
         LATERAL (SELECT key, p.value AS plain, a.value AS answer
                    FROM jsonb_each_text(c.plain) p
                    FULL JOIN jsonb_each_text(c.answer) a USING (key)) v;
  INSERT INTO pairs
  SELECT v.question, case_id, NULL, v.plain, v.answer
    FROM cases LEFT JOIN (SELECT case_id, (counts).* FROM counts
                           WHERE question = 'lifecycle_counts') c USING (case_id)
    LEFT JOIN tallies w USING (case_id) JOIN got_cases g USING (case_id),
         LATERAL (VALUES ('reactivation_tally', coalesce(c.reactivation, '0/0')::text,
                          g.reactivation::text),
                         ('winback_tally', coalesce(c.win_back, '0/0')::text, g.winback::text),
                         ('reactivation_rate', c.reactivation_rate::text,
                          g.reactivation_rate::text),
                         ('winback_rate', c.winback_rate::text, g.winback_rate::text),
                         ('reactivation_tally_lost_after', coalesce(w.reactivation, '0/0'),
                          g.reactivation_lost::text),
                         ('winback_tally_lost_after', coalesce(w.win_back, '0/0'),
                          g.winback_lost::text),
                         ('reactivation_rate_lost_after', w.reactivation_rate::text,
                          g.reactivation_rate_lost::text),
                         ('winback_rate_lost_after', w.winback_rate::text,
                          g.winback_rate_lost::text),
                         ('without event = purchases, cases', g.of_purchases, g.of_rows)
                 ) v (question, plain, answer);
  INSERT INTO pairs
  SELECT 'lost_after NULL = without lost_after', case_id, NULL, without_lost, of_null
    FROM got_null;
  INSERT INTO pairs
  SELECT v.question, case_id, NULL, v.plain, v.answer
    FROM two_steps s JOIN got_cases g USING (case_id),
         LATERAL (VALUES ('reactivation_tally, two steps', g.reactivation::text,
                          s.reactivation::text),
                         ('winback_tally, two steps', g.winback::text, s.winback::text),
                         ('reactivation_rate, two steps', g.reactivation_rate::text,
                          s.reactivation_rate::text),
                         ('winback_rate, two steps', g.winback_rate::text, s.winback_rate::text)
                 ) v (question, plain, answer);
  -- each column of two of the four questions, and the whole rows of the others
  INSERT INTO pairs
  SELECT question || ', ' || key, case_id, NULL, v.plain, v.answer
    FROM (SELECT question, case_id, to_jsonb(c.counts) AS plain, to_jsonb(g.counts) AS answer
            FROM counts c
            FULL JOIN (SELECT case_id, v.*
                         FROM got_cases,
                              LATERAL (VALUES ('lifecycle_counts', counts),
                                              ('lifecycle_counts_lost_after, amounts',
                                               counts_lost_amounts)) AS v (question, counts)
                      ) g USING (question, case_id)
           WHERE question IN ('lifecycle_counts', 'lifecycle_counts_lost_after, amounts')) c,
         LATERAL (SELECT key, p.value AS plain, a.value AS answer
                    FROM jsonb_each_text(c.plain) p
                    FULL JOIN jsonb_each_text(c.answer) a USING (key)) v;
  INSERT INTO pairs
  SELECT question, case_id, NULL, c.counts::text, g.counts::text
    FROM counts c
    FULL JOIN (SELECT case_id, v.*
                 FROM got_cases,
                      LATERAL (VALUES ('lifecycle_counts', counts),
                                      ('lifecycle_counts, amounts', counts_amounts),
                                      ('lifecycle_counts_lost_after', counts_lost),
                                      ('lifecycle_counts_lost_after, amounts',
                                       counts_lost_amounts)) AS v (question, counts)
                WHERE v.counts IS DISTINCT FROM NULL
              ) g USING (question, case_id);
  FOREACH scan IN ARRAY '{on,off}'::text[] LOOP
    PERFORM set_config('winback.enable_scan', scan, false);
    INSERT INTO pairs
    SELECT 'constants = columns', c.case_id, NULL,
           ROW(g.reactivation, g.winback, g.reactivation_rate, g.winback_rate, g.counts,
               g.reactivation_lost, g.winback_rate_lost, g.counts_lost_amounts,
               (SELECT string_agg(customer || during::text, ' ' ORDER BY customer COLLATE "C")
                  FROM got_customers b WHERE b.case_id = c.case_id))::text,
           ask_constants(c.case_id::text, c.period::text, t.span,
                         c.inactive_after::text, c.churned_after::text, c.lost_after::text,
                         c.counts_lost_after::text)
      FROM cases c JOIN got_cases g USING (case_id) WHERE c.case_id % 15 = 0;
  END LOOP;
  RESET winback.enable_scan;

  INSERT INTO summary
  SELECT question, zone, t.time, k.kind, count(*), count(*) FILTER (WHERE answer IS NULL),
         count(*) FILTER (WHERE plain IS DISTINCT FROM answer)
    FROM pairs GROUP BY question;
  INSERT INTO different
  SELECT question, zone, t.time, k.kind, case_id,
         left(customer, 40), left(plain, 200), left(answer, 200)
    FROM pairs WHERE plain IS DISTINCT FROM answer;
  INSERT INTO all_cases
  SELECT case_id, case_id % 4 = 0, counts, counts_lost_amounts, coalesce(paid, 0)
    FROM got_cases
    LEFT JOIN (SELECT case_id, sum(amount) AS paid
                 FROM cases JOIN events USING (case_id)
                WHERE at <@ period AND at < 'infinity' AND customer IS DISTINCT FROM NULL
                  AND event IN ('purchase', 'adjustment')
                GROUP BY case_id) p USING (case_id);
  INSERT INTO all_customers SELECT * FROM customers;
  INSERT INTO adjusted
  SELECT c.status, p."to" IS NULL, count(*),
         count(*) FILTER (WHERE EXISTS (SELECT FROM known AS other
                                         WHERE other.case_id = a.case_id
                                           AND other.customer = a.customer
                                           AND other.at = a.at AND other.event <> 'adjustment'))
    FROM known a JOIN periods p USING (case_id) JOIN customers c USING (case_id, customer)
   WHERE a.event = 'adjustment' AND a.amount <> 0
     AND a.at >= p."from" AND (a.at < p."to" OR p."to" IS NULL AND a.at < 'infinity')
   GROUP BY 1, 2;
END $$;

-- Plays a round for each zone, time type and kind of key.
CREATE PROCEDURE play_all(how_many int)
LANGUAGE plpgsql AS $$
DECLARE
  round int := 0;
  zone text;
  t times;
  k keys;
BEGIN
  FOREACH zone IN ARRAY '{UTC,Europe/Berlin,America/New_York}'::text[] LOOP
    FOR t IN SELECT * FROM times ORDER BY time LOOP
      FOR k IN SELECT * FROM keys ORDER BY kind LOOP
        round := round + 1;
        CALL play(round, how_many, zone, t, k);
      END LOOP;
    END LOOP;
  END LOOP;
END $$;
CALL play_all(:cases_per_round);

-- By question: no answer differs.
SELECT question, sum(answers) AS answers, sum(undefined) AS undefined, sum(differ) AS differ
  FROM summary GROUP BY question ORDER BY question COLLATE "C";

-- By time type and the session's time zone, and by kind of key: no answer differs.
SELECT coalesce(time, '') AS time, coalesce(zone, '') AS zone, coalesce(kind, '') AS kind,
       sum(answers) AS answers, sum(differ) AS differ
  FROM summary GROUP BY GROUPING SETS ((time, zone), (kind)) ORDER BY time, zone, kind;

-- The first answers that differ: none.
SELECT * FROM different ORDER BY question COLLATE "C", case_id, customer COLLATE "C" LIMIT 10;

--
-- Identities of the counts, which hold for any rows.
--
-- A customer who has bought stays a customer: active, inactive or churned.  So the
-- customers at the end are those at the start and the new ones.  A prospect stops
-- being one only by buying (converted), and a person becomes one only by an event
-- that is no purchase; a person who does both in the period is a new customer who
-- was unknown at the start.  So
--
--   customers at the end = customers at the start + new_customers
--   prospects_end        = prospects_start - converted + prospects newly known
--   people at the end    = people at the start + (new_customers - converted)
--                          + prospects newly known
--
-- The prospects newly known are the one flow that is not a column: the people
-- without an event before the start, with one before the end, and without a
-- purchase.  A customer who is active at the end bought in the period or was active
-- at the start, with one exception: 31 March 06:00 - 1 month lies before
-- 30 March 12:00 - 1 month (both on 29 February), and likewise 1 day before the end
-- can lie before 1 day before the start where the clocks go back.  There a silence can
-- end without a purchase.  No identity holds for inactive and churned, because a buyer
-- may fall silent or cancel before the end.
--
CREATE TABLE books AS
SELECT a.case_id, a.purchases_only, (a.counts).*, a.with_lost, a.paid, c.*
  FROM all_cases a
  JOIN (SELECT case_id AS of_case,
               count(*) FILTER (
                 WHERE standing_at_start IS NULL AND standing_at_end = 'prospect') AS newly_known,
               count(*) FILTER (WHERE first_purchase IS NOT NULL) AS buyers,
               count(*) FILTER (WHERE standing_at_start IS NOT NULL) AS people_start,
               count(*) FILTER (WHERE standing_at_end IS NOT NULL) AS people_end,
               count(*) FILTER (WHERE standing_at_start <> 'active' AND standing_at_end = 'active'
                                  AND first_purchase IS NULL) AS woken_by_the_calendar,
               count(*) FILTER (WHERE status = 'new') AS status_new,
               count(*) FILTER (WHERE status = 'active') AS status_active,
               count(*) FILTER (WHERE status = 'active' AND first_purchase IS NULL) AS still_active,
               count(*) FILTER (WHERE status = 'reactivated') AS status_reactivated,
               count(*) FILTER (WHERE status = 'won_back') AS status_won_back,
               count(*) FILTER (WHERE status = 'prospect') AS status_prospect,
               count(*) FILTER (WHERE status = 'inactive') AS status_inactive,
               count(*) FILTER (WHERE status = 'churned') AS status_churned
          FROM all_customers GROUP BY case_id) c ON of_case = a.case_id;

-- Each identity holds in every case; those of the end, in every case that has an end.
SELECT no, identity, count(holds) AS cases, count(*) FILTER (WHERE NOT holds) AS broken
  FROM books,
       LATERAL (VALUES
         (1, 'returned <= eligible, both',
          returned(reactivation) <= eligible(reactivation)
          AND returned(win_back) <= eligible(win_back)),
         (2, 'reactivated + won_back + converted = returned(reactivation)',
          reactivated + won_back + converted = returned(reactivation)),
         (3, 'won_back = returned(win_back)', won_back = returned(win_back)),
         (4, 'prospects_start + inactive_start + churned_start = eligible(reactivation)',
          prospects_start + inactive_start + churned_start = eligible(reactivation)),
         (5, 'churned_start = eligible(win_back)', churned_start = eligible(win_back)),
         (6, 'each flow <= the standing it comes from',
          converted <= prospects_start AND converted <= new_customers AND retained <= active_start
          AND reactivated <= inactive_start AND won_back <= churned_start),
         (7, 'new_customers + retained + reactivated + won_back = buyers',
          new_customers + retained + reactivated + won_back = buyers),
         (8, 'the four at the start = people known at the start',
          prospects_start + active_start + inactive_start + churned_start = people_start),
         (9, 'the four at the end = people known at the end',
          prospects_end + active_end + inactive_end + churned_end = people_end),
         (10, 'customers at the end = customers at the start + new_customers',
          active_end + inactive_end + churned_end
          = active_start + inactive_start + churned_start + new_customers),
         (11, 'prospects_end = prospects_start - converted + newly known',
          prospects_end = prospects_start - converted + newly_known),
         (12, 'people at the end = people at the start + (new_customers - converted) + newly known',
          prospects_end + active_end + inactive_end + churned_end
          = people_start + (new_customers - converted) + newly_known),
         (13, 'active_end <= active_start + new_customers + reactivated + won_back (+ by calendar)',
          active_end <= active_start + new_customers + reactivated + won_back
                        + woken_by_the_calendar),
         (14, 'statuses: new, reactivated, won_back are their flows',
          (status_new, status_reactivated, status_won_back)
          = (new_customers, reactivated, won_back)),
         (15, 'statuses: active = retained + active at the end without a purchase',
          status_active = retained + still_active),
         (16, 'statuses: prospect = prospects_end',
          status_prospect = prospects_end),
         (17, 'statuses: inactive <= inactive_end, churned <= churned_end',
          status_inactive <= inactive_end AND status_churned <= churned_end),
         (18, 'rates = tallies',
          reactivation_rate IS NOT DISTINCT FROM rate(reactivation)
          AND winback_rate IS NOT DISTINCT FROM rate(win_back)),
         (19, 'sustained + lapsed_again = reactivated + won_back, where known',
          sustained + lapsed_again = reactivated + won_back),
         (20, 'purchases alone: no prospects, win-back within reactivation',
          CASE WHEN purchases_only
               THEN prospects_start = 0 AND converted = 0 AND coalesce(prospects_end, 0) = 0
                    AND eligible(win_back) <= eligible(reactivation)
                    AND returned(win_back) <= returned(reactivation) END),
         (21, 'the five revenues = the amounts of purchases and adjustments in the period',
          (with_lost).revenue_new + (with_lost).revenue_retained
          + (with_lost).revenue_reactivated + (with_lost).revenue_won_back
          + (with_lost).revenue_other = paid),
         (22, 'lost_start <= churned_start', (with_lost).lost_start <= churned_start),
         (23, 'lost_end <= churned_end', (with_lost).lost_end <= churned_end),
         (24, 'eligible with lost_after = eligible - lost_start, both',
          eligible((with_lost).reactivation) = eligible(reactivation) - (with_lost).lost_start
          AND eligible((with_lost).win_back) = eligible(win_back) - (with_lost).lost_start),
         (25, 'returned with lost_after <= returned, both',
          returned((with_lost).reactivation) <= returned(reactivation)
          AND returned((with_lost).win_back) <= returned(win_back)),
         (26, 'a history that is complete with lost_after is complete without it',
          history_complete OR NOT (with_lost).history_complete),
         (27, 'data_start <= data_end', data_start <= data_end)
       ) i (no, identity, holds)
 GROUP BY no, identity ORDER BY no;

-- The customers by their standing at the start and their status: the cases cover many changes.
SELECT coalesce(standing_at_start, 'unknown') AS standing_at_start,
       coalesce(status, 'none') AS status, count(*) AS customers
  FROM all_customers GROUP BY standing_at_start, status
 ORDER BY standing_at_start::lifecycle_status NULLS FIRST, status::lifecycle_status NULLS FIRST;

-- The cases contain corner cases: customers whose last purchase or cancellation lies exactly on
-- a boundary, or a microsecond beside it.
SELECT count(*) FILTER (WHERE last_cancellation = last_purchase) AS cancelled_at_purchase,
       count(*) FILTER (WHERE last_cancellation = last_purchase - interval '1us') AS just_before,
       count(*) FILTER (WHERE last_cancellation = last_purchase + interval '1us') AS just_after,
       count(*) FILTER (WHERE last_purchase = inactive_before) AS at_inactive_before,
       count(*) FILTER (WHERE last_purchase = inactive_before - interval '1us') AS just_silent,
       count(*) FILTER (WHERE last_purchase = churned_before) AS at_churned_before,
       count(*) FILTER (WHERE last_purchase = churned_before - interval '1us') AS just_churned,
       count(*) FILTER (WHERE last_purchase = lost_before) AS at_lost_before,
       count(*) FILTER (WHERE last_purchase = lost_before - interval '1us') AS just_lost,
       count(*) FILTER (WHERE last_purchase = '-infinity') AS long_ago
  FROM all_customers;
SELECT count(*) FILTER (WHERE first_purchase = period_start) AS bought_at_start,
       count(*) FILTER (WHERE first_purchase = period_end - interval '1us') AS bought_at_the_last,
       count(*) FILTER (WHERE history_complete) AS of_complete_history,
       count(*) FILTER (WHERE NOT history_complete) AS of_incomplete_history,
       count(*) FILTER (WHERE period_complete) AS of_complete_period,
       count(*) FILTER (WHERE NOT period_complete) AS of_incomplete_period,
       count(*) FILTER (WHERE history_complete AND NOT (with_lost).history_complete)
         AS too_short_for_lost
  FROM all_customers JOIN books USING (case_id);

-- Customers who are lost at the start came back, cancelled or stayed away.
SELECT standing_at_start, lost_at_start, status, count(*) AS customers
  FROM all_customers WHERE standing_at_start = 'churned'
 GROUP BY standing_at_start, lost_at_start, status
 ORDER BY lost_at_start, status::lifecycle_status NULLS FIRST;

-- The adjustments in the periods that have an amount, by the status of the customer, in periods
-- with and without an end.  Some have the same time as another event of the customer.
SELECT unbounded, coalesce(status, 'none') AS status, sum(adjustments) AS adjustments,
       sum(at_another_event) AS at_another_event
  FROM adjusted GROUP BY unbounded, status
 ORDER BY unbounded, status::lifecycle_status NULLS FIRST;

--
-- Corner cases, with their results printed.
--

-- A silence that ends without a purchase: one month before 30 March 12:00 is 29 February 12:00,
-- and one month before 31 March 06:00 is 29 February 06:00.  The customer did not buy, so he did
-- not return, in one step or in two.
WITH one AS (
  SELECT 1 AS customer, timestamp '2024-02-29 08:00' AS at,
         tsrange('2024-03-30 12:00', '2024-03-31 06:00') AS period
), steps AS (
  SELECT lifecycle_at(at, '2024-03-30 12:00', '1 month', NULL) AS before,
         lifecycle_during(at, period, '1 month', NULL) AS after
    FROM one GROUP BY customer
)
SELECT before, after, reactivation_tally(customer, at, period, '1 month') AS one_step,
       (SELECT reactivation_tally(before, after) FROM steps) AS two_steps
  FROM one, steps GROUP BY before, after;

-- The same where the clocks go back: 02:10 winter time is 20 minutes after 02:50 summer time.
SET TimeZone = 'Europe/Berlin';
WITH one AS (
  SELECT 1 AS customer, timestamptz '2024-10-26 02:30+02' AS at,
         tstzrange('2024-10-27 02:50+02', '2024-10-27 02:10+01') AS period
), steps AS (
  SELECT lifecycle_at(at, '2024-10-27 02:50+02', '1 day', NULL) AS before,
         lifecycle_during(at, period, '1 day', NULL) AS after
    FROM one GROUP BY customer
)
SELECT before, after, reactivation_tally(customer, at, period, '1 day') AS one_step,
       (SELECT reactivation_tally(before, after) FROM steps) AS two_steps
  FROM one, steps GROUP BY before, after;
SET TimeZone = 'UTC';

-- An adjustment counts in the column of the customer's status: new (1), active with and without a
-- purchase in the period (2 and 3), reactivated (4), won back (5).  Those of the customers 6 to 11
-- count among the others: 10 has nothing but adjustments, and 11 buys only later.  Adjustments
-- outside the period do not count.  In the period without an end, whoever does not buy is among
-- the others (3, too), and 11 is new.
CREATE TEMP TABLE adjustments AS
SELECT customer, at::date, event::lifecycle_event, amount::numeric
  FROM (VALUES (1, '2024-06-10', 'purchase', 0), (2, '2024-05-20', 'purchase', 0),
               (2, '2024-06-10', 'purchase', 0), (3, '2024-05-31', 'purchase', 0),
               (4, '2024-03-15', 'purchase', 0), (4, '2024-06-10', 'purchase', 0),
               (5, '2024-01-15', 'purchase', 0), (5, '2024-06-10', 'purchase', 0),
               (6, '2024-05-01', 'interest', 0), (7, '2024-04-15', 'purchase', 0),
               (8, '2024-01-15', 'purchase', 0), (9, '2024-05-31', 'purchase', 0),
               (9, '2024-06-15', 'cancellation', 0), (11, '2024-07-05', 'purchase', 0)
       ) AS v (customer, at, event, amount)
UNION ALL
SELECT customer, at::date, 'adjustment', -(2 ^ customer)::numeric
  FROM generate_series(1, 11) AS customer,
       (VALUES ('2024-05-31'), ('2024-06-01'), ('2024-06-30'), ('2024-07-01')) AS v (at);
SELECT period, (c).data_start, (c).data_end, (c).revenue_new, (c).revenue_retained,
       (c).revenue_reactivated, (c).revenue_won_back, (c).revenue_other
  FROM (SELECT period, lifecycle_counts(customer, at, event, amount, period, '2 months', '3 months')
                         AS c
          FROM adjustments,
               (VALUES (daterange '[2024-06-01,2024-07-01)'), ('[2024-06-01,2024-07-01]'),
                       ('[2024-06-01,)')) AS p (period)
         GROUP BY period) x
 ORDER BY period;

-- If a group has nothing but adjustments, no customer is known, and the data have no extent.
SELECT (c).active_start, (c).active_end, (c).history_complete, (c).period_complete,
       (c).data_start, (c).data_end, (c).revenue_other
  FROM (SELECT lifecycle_counts(customer, at, event, amount, '[2024-06-01,2024-07-01)', '2 months',
                                '3 months') AS c
          FROM adjustments WHERE customer = 10) x;

-- lost_after ends no standing, so it does not change who stayed.  The customer came back and is
-- active 30 days after the period, on 3 March, where 1 month is shorter than 30 days.
CREATE TEMP TABLE stayed AS
SELECT 1 AS customer, at
  FROM (VALUES (date '2022-01-01'), ('2023-01-15'), ('2023-02-20'), ('2023-06-01')) AS v (at);
SELECT lost_after, (c).won_back, (c).sustained, (c).lapsed_again
  FROM (SELECT lost_after,
               lifecycle_counts_lost_after(customer, at, '[2023-01-01,2023-02-01)', '30 days',
                                           '30 days', lost_after) AS c
          FROM stayed, (VALUES (NULL), (interval '1 month'), ('31 days')) AS l (lost_after)
         GROUP BY lost_after) x
 ORDER BY lost_after;
DROP TABLE stayed;

-- Thresholds in different units may be in order at one instant and not at another: 30 days are
-- longer than the month before 1 March, and shorter than the month before 1 June.
\set VERBOSITY sqlstate
SELECT lifecycle_at(date '2024-01-01', date '2024-03-01', '30 days', '1 month');
\set VERBOSITY default
SELECT lifecycle_at(date '2024-01-01', date '2024-03-01', '30 days', '1 month');
SELECT lifecycle_at(date '2024-01-01', date '2024-06-01', '30 days', '1 month');
SELECT lifecycle_during(date '2024-01-01', '[2024-06-01,2025-03-01)', '30 days', '1 month');

-- For a date column, 36 hours before 3 June is 1 June 12:00, so a purchase on 2 June is the
-- earliest that leaves the customer active.
SELECT day, (e).inactive_before, (e).churned_before, (e).standing_at_start
  FROM (SELECT day, explain_lifecycle(day, '[2024-06-03,)', '36 hours', '36 hours') AS e
          FROM generate_series(date '2024-06-01', '2024-06-02', '1 day') d, date(d) AS day
         GROUP BY day) x
 ORDER BY day;

--
-- Parallel plans: the answers of the serial plan, of the parallel plan and of plain SQL are equal,
-- bit for bit.  Before it trusts an answer, the test checks that the plan aggregates in parts.
--
SET TimeZone = 'Europe/Berlin';
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET cpu_operator_cost = 1;  -- aggregation is expensive, so the planner does it in parts
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;

-- 10,000 events of 1,000 customers, in 40 groups.  Each customer has a key of every kind.
CREATE TABLE history AS
SELECT n, n % 40 AS forty, who * 100003 AS "int4", 'number ' || who AS "text",
       lpad(who::text, 32, '0')::uuid AS "uuid",
       ROW(CASE WHEN who > 1 THEN 'shop ' || who % 3 END,
           CASE WHEN who > 0 THEN who END)::shop_customer AS "composite",
       at::timestamptz AS at_timestamptz, at AS at_timestamp, at::date AS at_date, event,
       CASE WHEN event IN ('interest', 'cancellation') THEN 0
            ELSE pick(n, 8, '{NULL,0,1,2.50,-2.50,0.001,99.9}'::numeric[]) END AS amount
  FROM (SELECT n, CASE pick(n, 2, 50) WHEN 0 THEN NULL ELSE pick(n, 3, 1000) END AS who,
               CASE pick(n, 4, 50) WHEN 0 THEN NULL WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity'
                 ELSE timestamp '2023-06-01' + pick(n, 5, 500) * interval '1 day'
                      + pick(n, 6, 86400) * interval '1 second' END AS at,
               pick(n, 7, '{purchase,purchase,purchase,cancellation,
                            interest,adjustment,NULL}'::lifecycle_event[]) AS event
          FROM generate_series(1, 10000) AS n) n
 ORDER BY n;
ANALYZE history;

CREATE TABLE parallel_answers (
  asked text, way text, kind text, time text, id text, plain text, serial text, parallel text);

-- Runs a query (id, answer) in a serial plan and in a parallel plan that matches "wanted".  The
-- table expected (id, answer) holds the answers of plain SQL, for the customers or groups with
-- events.
CREATE PROCEDURE ask_both(
  asked text, way text, kind text, "time" text, query text, wanted text)
LANGUAGE plpgsql AS $$
BEGIN
  DROP TABLE IF EXISTS serial, parallel;
  PERFORM set_config('max_parallel_workers_per_gather', '0', false);
  CALL keep('serial', query);
  PERFORM set_config('max_parallel_workers_per_gather', '2', false);
  -- a Winback Scan of a list of customers is not parallel
  PERFORM set_config('winback.enable_scan', (way NOT LIKE 'customers%')::text, false);
  CALL keep('parallel', query, wanted);
  PERFORM set_config('winback.enable_scan', 'on', false);
  PERFORM set_config('max_parallel_workers_per_gather', '0', false);
  INSERT INTO parallel_answers
  SELECT asked, way, kind, time, id, e.answer, s.answer, p.answer
    FROM serial s FULL JOIN parallel p USING (id) FULL JOIN expected e USING (id);
END $$;

-- Asks all questions of one kind of key and one time type: without groups, by group (hashed and
-- sorted) and by customer (hashed and sorted).  For the forms without event, plain SQL takes
-- every row as a purchase.
CREATE PROCEDURE ask_parallel(k text, t times, event text, ways text[])
LANGUAGE plpgsql AS $$
DECLARE
  way text;
  query text;
  of_groups text := $template$
    SELECT BY AS id, jsonb_build_array(
             reactivation_tally(KEY, TIME, EVENT PERIOD, '30 days'),
             winback_tally(KEY, TIME, EVENT PERIOD, '3 months'),
             reactivation_rate(KEY, TIME, EVENT PERIOD, '30 days'),
             winback_rate(KEY, TIME, EVENT PERIOD, '3 months'),
             lifecycle_counts(KEY, TIME, EVENT PERIOD, '30 days', '3 months'),
             reactivation_tally_lost_after(KEY, TIME, EVENT PERIOD, '30 days', '6 months'),
             winback_tally_lost_after(KEY, TIME, EVENT PERIOD, '3 months', '6 months'),
             reactivation_rate_lost_after(KEY, TIME, EVENT PERIOD, '30 days', '6 months'),
             winback_rate_lost_after(KEY, TIME, EVENT PERIOD, '3 months', '6 months'),
             lifecycle_counts_lost_after(KEY, TIME, EVENT amount, PERIOD,
                                         '30 days', '3 months', '6 months'))::text AS answer
      FROM history GROUPED $template$;
  of_customers text := $template$
    SELECT KEY::text AS id,
           ROW(lifecycle_at(TIME, EVENT '2024-06-15', '30 days', '3 months'),
               lifecycle_during(TIME, EVENT PERIOD, '30 days', '3 months'))::text AS answer
      FROM history WHERE KEY IS DISTINCT FROM NULL GROUP BY KEY $template$;
BEGIN
  FOREACH way IN ARRAY ways LOOP
    DROP TABLE IF EXISTS cases, events, customers, expected;
    EXECUTE format('CREATE TEMP TABLE events AS
                    SELECT %s AS case_id, %I AS customer, %I AS at, %s AS event, amount
                      FROM history',
                   CASE WHEN way LIKE 'groups%' THEN 'forty' ELSE '0' END, k, 'at_' || t.time,
                   CASE event WHEN '' THEN $sql$'purchase'::lifecycle_event$sql$ ELSE 'event' END);
    EXECUTE format('CREATE TEMP TABLE cases AS
                    SELECT DISTINCT case_id, %L::%s AS period,
                           interval ''30 days'' AS inactive_after,
                           interval ''3 months'' AS churned_after,
                           interval ''6 months'' AS lost_after,
                           interval ''6 months'' AS counts_lost_after FROM events',
                   '[2024-06-15,2024-08-01)', t.span);
    CALL prepare(t.tick);
    CREATE TEMP TABLE customers AS SELECT * FROM plain_customers();
    IF way LIKE 'customers%' THEN
      CREATE TEMP TABLE expected AS
      SELECT customer AS id, ROW(standing_at_start, status)::text AS answer FROM customers;
      query := of_customers;
    ELSE
      CREATE TEMP TABLE expected AS
      SELECT case_id AS id,
             jsonb_build_array((c.counts).reactivation, (c.counts).win_back,
                               (c.counts).reactivation_rate, (c.counts).winback_rate, c.counts,
                               w.reactivation, w.win_back, w.reactivation_rate, w.winback_rate,
                               l.counts)::text AS answer
        FROM plain_counts() c
        JOIN plain_counts() l USING (case_id)
        JOIN plain_tallies_lost_after() w USING (case_id)
       WHERE c.question = 'lifecycle_counts'
         AND l.question = 'lifecycle_counts_lost_after, amounts';
      query := replace(of_groups, 'GROUPED',
                       CASE WHEN way LIKE 'groups%' THEN 'GROUP BY forty' ELSE '' END);
      query := replace(query, 'BY AS id',
                       CASE WHEN way LIKE 'groups%' THEN 'forty' ELSE '0' END || ' AS id');
    END IF;
    query := replace(query, 'KEY', quote_ident(k));
    query := replace(query, 'TIME', 'at_' || t.time);
    query := replace(query, 'EVENT', event);
    query := replace(query, 'PERIOD', format('%L::%s', '[2024-06-15,2024-08-01)', t.span));
    PERFORM set_config('enable_sort', (way NOT LIKE '%hashed')::text, false);
    PERFORM set_config('enable_hashagg', (way NOT LIKE '%sorted')::text, false);
    CALL ask_both(CASE WHEN way LIKE 'customers%' THEN 'lifecycle_at, lifecycle_during'
                       ELSE 'rates, tallies, counts' END
                  || CASE event WHEN '' THEN ', without event' ELSE '' END,
                  way, k, t.time, query,
                  CASE WHEN way LIKE '%hashed'
                       THEN '^Finalize HashAggregate > Gather > '
                            '(Partial HashAggregate > Parallel Seq Scan|Parallel Custom Scan)$'
                       WHEN way LIKE '%sorted'
                       THEN '^Finalize GroupAggregate > Gather Merge > '
                            'Partial GroupAggregate > Parallel Seq Scan$'
                       ELSE '^Finalize Aggregate > Gather > '
                            '(Partial Aggregate > Parallel Seq Scan|Parallel Custom Scan)$' END);
    PERFORM set_config('enable_sort', 'true', false);
    PERFORM set_config('enable_hashagg', 'true', false);
  END LOOP;
END $$;
DO $$
DECLARE
  k text;
  t times;
BEGIN
  FOREACH k IN ARRAY '{int4,text,uuid,composite}'::text[] LOOP
    FOR t IN SELECT * FROM times ORDER BY time LOOP
      CALL ask_parallel(k, t, 'event,', '{without groups}');
      CALL ask_parallel(k, t, '', '{without groups}');
    END LOOP;
    CALL ask_parallel(k, t, 'event,', '{"groups, hashed","groups, sorted"}');
  END LOOP;
  FOR t IN SELECT * FROM times ORDER BY time LOOP
    CALL ask_parallel('int4', t, 'event,', '{"customers, hashed","customers, sorted"}');
    CALL ask_parallel('text', t, '', '{"customers, hashed","customers, sorted"}');
  END LOOP;
END $$;

-- The second step, over the statuses that the first step stored in a table: it must return what
-- the one-step form returns.
CREATE TABLE statuses AS
SELECT "int4" AS customer, "int4" % 40 AS forty,
       lifecycle_at(at_date, event, '2024-06-15', '30 days', '3 months') AS before,
       lifecycle_during(at_date, event, '[2024-06-15,2024-08-01)', '30 days', '3 months') AS after
  FROM history WHERE "int4" IS NOT NULL GROUP BY "int4" ORDER BY "int4";
ANALYZE statuses;
CREATE PROCEDURE ask_second_step(way text, by text, wanted text)
LANGUAGE plpgsql AS $$
BEGIN
  DROP TABLE IF EXISTS expected;
  EXECUTE format($sql$
    CREATE TEMP TABLE expected AS
    SELECT %1$s AS id,
           ROW(reactivation_tally("int4", at_date, event, '[2024-06-15,2024-08-01)', '30 days'),
               winback_tally("int4", at_date, event, '[2024-06-15,2024-08-01)', '3 months'),
               reactivation_rate("int4", at_date, event, '[2024-06-15,2024-08-01)', '30 days'),
               winback_rate("int4", at_date, event, '[2024-06-15,2024-08-01)', '3 months')
           )::text AS answer
      FROM history WHERE "int4" IS NOT NULL %2$s $sql$,
    replace(coalesce(by, '0'), 'forty', '"int4" % 40'),
    replace('GROUP BY ' || by, 'forty', '"int4" % 40'));
  CALL ask_both('second step', way, 'int4', 'date', format(
    'SELECT %s AS id, ROW(reactivation_tally(before, after), winback_tally(before, after),
                          reactivation_rate(before, after),
                          winback_rate(before, after))::text AS answer
       FROM statuses %s', coalesce(by, '0'), 'GROUP BY ' || by), wanted);
END $$;
CALL ask_second_step('without groups', NULL,
                     '^Finalize Aggregate > Gather > '
                     '(Partial Aggregate > Parallel Seq Scan|Parallel Custom Scan)$');
SET enable_sort = off;
CALL ask_second_step('groups, hashed', 'forty',
                     '^Finalize HashAggregate > Gather > '
                     '(Partial HashAggregate > Parallel Seq Scan|Parallel Custom Scan)$');
SET enable_sort = on;
SET enable_hashagg = off;
CALL ask_second_step('groups, sorted', 'forty',
                     '^Finalize GroupAggregate > Gather Merge > '
                     'Partial GroupAggregate > Parallel Seq Scan$');
SET enable_hashagg = on;

-- No answer differs.
SELECT asked, way, count(DISTINCT kind) AS kinds, count(DISTINCT time) AS times,
       count(*) AS answers,
       count(DISTINCT parallel) AS different_answers,
       count(*) FILTER (WHERE serial IS DISTINCT FROM parallel) AS parallel_differs,
       count(*) FILTER (WHERE serial IS DISTINCT FROM coalesce(plain, '(,)')) AS serial_differs
  FROM parallel_answers GROUP BY asked, way ORDER BY asked COLLATE "C", way COLLATE "C";

-- The first answers that differ: none.
SELECT * FROM parallel_answers
 WHERE serial IS DISTINCT FROM parallel OR serial IS DISTINCT FROM coalesce(plain, '(,)')
 ORDER BY asked COLLATE "C", way COLLATE "C", kind, time, id LIMIT 4;

DROP SCHEMA property_events CASCADE;
