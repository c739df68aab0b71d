--
-- property_events.sql
--
-- Proves that every function of winback over events (interest, purchase,
-- cancellation) returns, to the last bit, what the definitions say: the rates and
-- tallies, the standing of a customer and his status, the two-step form, the counts
-- of a period with their identities, and the explanation.  The definitions are
-- written here in plain SQL and compared with the functions over thousands of
-- generated cases, in serial and in parallel plans.
--
-- Each case is made from a hash of its number, so the cases are the same in every
-- version of PostgreSQL.  Another seed makes other cases: then the counts change,
-- but the columns named "differ" and "broken" must stay 0.
--
\set seed 1
\set cases_per_round 150
-- On a slow server (scripts/checked) there are fewer cases, and the counts change.
\getenv cases_per_round WINBACK_CASES

SET client_min_messages = warning;
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
--   periods (case_id, period, "from", "to", later, tick, inactive_after, churned_after)
--     "to" is NULL if the period has no upper bound; later is "to" + inactive_after (for a date
--     column, the first date that is not earlier); tick is the least step of the time type
--   known (case_id, customer, at, event)
--     the rows without a NULL, with the customer as text
--
SET check_function_bodies = off;

-- Returns each customer's standing at the start and the end of the period, and at "later".
CREATE FUNCTION plain_standings()
RETURNS TABLE (case_id int, customer text, which text,
               last_purchase timestamptz, last_cancellation timestamptz,
               silence interval, standing text)
LANGUAGE sql AS $$
  WITH asked AS (
    SELECT *, 'start' AS which, "from" AS t FROM periods
    UNION ALL
    SELECT *, 'end' AS which, "to" AS t FROM periods WHERE "to" IS NOT NULL
    UNION ALL
    SELECT *, 'later' AS which, later AS t FROM periods WHERE "to" IS NOT NULL
  ), past AS (
    -- p is the last purchase before t, x the last cancellation before t
    SELECT a.case_id, e.customer, a.which, a.t, a.inactive_after, a.churned_after,
           max(e.at) FILTER (WHERE e.event = 'purchase') AS p,
           max(e.at) FILTER (WHERE e.event = 'cancellation') AS x
      FROM asked a JOIN known e ON e.case_id = a.case_id AND e.at < a.t
     GROUP BY a.case_id, e.customer, a.which, a.t, a.inactive_after, a.churned_after
  )
  SELECT case_id, customer, which, p::timestamptz, x::timestamptz,
         CASE WHEN isfinite(p) THEN t - p END,
         CASE WHEN p IS NULL THEN 'prospect'
              WHEN x >= p OR p < t - churned_after THEN 'churned'
              WHEN p < t - inactive_after THEN 'inactive'
              ELSE 'active' END
    FROM past
$$;

-- Returns each customer's status over the period, and the other columns of an explanation.
CREATE FUNCTION plain_customers()
RETURNS TABLE (case_id int, customer text, standing_at_end text, standing_later text,
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
                ELSE "from" - churned_after END AS churned_before
      FROM periods
  ), customers AS (
    SELECT p.case_id, e.customer, p.inactive_before, p.churned_before,
           min(e.at) FILTER (
             WHERE e.event = 'purchase' AND e.at >= p."from"
               AND (e.at < p."to" OR p."to" IS NULL AND e.at < 'infinity'))::timestamptz AS bought
      FROM cutoffs p JOIN known e USING (case_id)
     GROUP BY p.case_id, e.customer, p.inactive_before, p.churned_before
  )
  SELECT c.case_id, c.customer, e.standing, l.standing,
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

-- Returns the counts of each period, from the table customers, which holds the rows of
-- plain_customers().
CREATE FUNCTION plain_counts()
RETURNS TABLE (case_id int, period_start timestamptz, period_end timestamptz,
               prospects_start bigint, active_start bigint, inactive_start bigint,
               churned_start bigint, new_customers bigint, converted bigint, retained bigint,
               reactivated bigint, won_back bigint,
               prospects_end bigint, active_end bigint, inactive_end bigint, churned_end bigint,
               reactivation text, win_back text, reactivation_rate float8, winback_rate float8,
               history_complete bool, period_complete bool, sustained bigint, lapsed_again bigint,
               revenue_new numeric, revenue_retained numeric, revenue_reactivated numeric,
               revenue_won_back numeric)
LANGUAGE sql AS $$
  WITH bought AS (
    SELECT *, first_purchase IS NOT NULL AS bought,
           first_purchase IS NOT NULL AND standing_at_start IN ('inactive', 'churned') AS came_back
      FROM customers
  ), extent AS (
    SELECT case_id, min(at) AS first_event, max(at) AS last_event
      FROM known WHERE isfinite(at) GROUP BY case_id
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
           count(*) FILTER (WHERE reactivation_returned) AS reactivation_returned,
           count(*) FILTER (WHERE reactivation_eligible) AS reactivation_eligible,
           count(*) FILTER (WHERE winback_returned) AS winback_returned,
           count(*) FILTER (WHERE winback_eligible) AS winback_eligible
      FROM bought GROUP BY case_id
  )
  SELECT case_id, "from"::timestamptz, "to"::timestamptz,
         prospects_start, active_start, inactive_start, churned_start,
         new_customers, converted, retained, reactivated, won_back,
         CASE WHEN "to" IS NOT NULL THEN prospects_end END,
         CASE WHEN "to" IS NOT NULL THEN active_end END,
         CASE WHEN "to" IS NOT NULL THEN inactive_end END,
         CASE WHEN "to" IS NOT NULL THEN churned_end END,
         reactivation_returned || '/' || reactivation_eligible,
         winback_returned || '/' || winback_eligible,
         reactivation_returned::float8 / nullif(reactivation_eligible, 0),
         winback_returned::float8 / nullif(winback_eligible, 0),
         coalesce(first_event < "from" - coalesce(churned_after, inactive_after), false),
         CASE WHEN "to" IS NOT NULL THEN coalesce(last_event >= "to" - tick, false) END,
         -- the customers who came back and stayed, if the events reach up to "later"
         CASE WHEN last_event >= later - tick THEN sustained END,
         CASE WHEN last_event >= later - tick THEN lapsed_again END,
         NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric
    FROM counts JOIN periods USING (case_id) LEFT JOIN extent USING (case_id)
$$;

-- Fills periods and known from cases (case_id, period, inactive_after, churned_after) and events
-- (case_id, customer, at, event).  IS DISTINCT FROM NULL is written because IS NOT NULL is false
-- for a composite value with a NULL field.
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
    SELECT case_id, customer::text, at, event FROM events
     WHERE customer IS DISTINCT FROM NULL AND at IS NOT NULL AND event IS NOT NULL $sql$;
  ANALYZE periods;
  ANALYZE known;
END $$;

--
-- The generator.
--

CREATE TABLE times (time text, span text, tick interval, jitters interval[]);
INSERT INTO times VALUES
  ('timestamptz', 'tstzrange', '1us', '{-1us,-1us,0,0,0,0,1us,1us,2us,-1h,1h}'),
  ('timestamp', 'tsrange', '1us', '{-1us,-1us,0,0,0,0,1us,1us,2us,-1h,1h}'),
  ('date', 'daterange', '1d', '{-1d,-1d,0,0,0,0,1d,1d,2d}');

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

-- Both thresholds have the same unit, so they are in order at any instant.
CREATE TABLE thresholds (no serial, inactive_after interval, churned_after interval);
INSERT INTO thresholds (inactive_after, churned_after) VALUES
  ('1 month', '1 month'), ('1 month', '3 months'), ('3 months', '1 year'),
  ('1 year', '1 year 2 months'), ('1 month', NULL), ('1 day', '1 day'), ('1 day', '7 days'),
  ('30 days', '30 days'), ('30 days', '90 days'),
  ('7 days', '31 days'), ('30 days', NULL), ('24 hours', '24 hours'), ('24 hours', '36 hours'),
  ('1 hour', '24 hours'), ('1 hour', NULL), ('1 microsecond', '1 microsecond'),
  ('1 microsecond', '2 microseconds'),
  ('1 month 3 days 04:05:06.000007', '2 months 3 days 04:05:06.000007');

CREATE FUNCTION lengths() RETURNS interval[] LANGUAGE sql IMMUTABLE AS $$
  SELECT ARRAY[
    '1 month', '1 month', '1 month', '3 months', '1 year', '7 days', '1 day', '1 day', '24 hours',
    '1 hour', '40 minutes', '0', '1 microsecond', '2 microseconds', '1 month 00:00:00.000001',
    NULL, NULL]::interval[]  -- NULL: no end
$$;

-- Fills cases and events for one time type and one kind of key, in the session's time zone, with
-- the cases numbered from first to last.  In every fourth case all events are purchases.  In the
-- other cases some customers buy nothing before the period.  A third of the events have a twin at
-- the same instant, which may be of another kind.
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
    SELECT case_id, inactive_after, churned_after,
           CASE WHEN isempty(SPAN(low, high, kind))
                     OR (kind = '()' AND high <= low + interval '1us')
                THEN SPAN(low, high, '[]') ELSE SPAN(low, high, kind) END AS period
      FROM bounds JOIN thresholds
        ON no = 1 + pick(case_id, 9, (SELECT count(*)::int FROM thresholds));

    CREATE TEMP TABLE events AS
    WITH instants AS (
      SELECT case_id, inactive_after, coalesce(churned_after, inactive_after * 3) AS churned_after,
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
      SELECT *, CASE pick(n, 17, 20)
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
               ELSE "from" + (inactive_after + interval '40 days')
                             * ((pick(n, 20, 5000) - 3000) / 1000.0)
             END::TIME AS at
        FROM rows
    ), copied AS (
      SELECT *, n * 8 + copy AS row_id
        FROM placed, generate_series(0, CASE pick(n, 13, 3) WHEN 0 THEN 1 ELSE 0 END) AS copy
    )
    SELECT case_id, CASE WHEN pick(n, 21, 30) > 0 THEN SPELLING END AS customer, at,
           CASE WHEN case_id % 4 = 0 THEN 'purchase'
                WHEN at < "from" AND pick(case_id * 16 + who, 23, 3) = 0
                  THEN pick(row_id, 16, '{interest,interest,interest,
                                          cancellation,NULL}'::lifecycle_event[])
                ELSE pick(row_id, 16, '{purchase,purchase,purchase,purchase,purchase,purchase,
                                        cancellation,cancellation,cancellation,
                                        interest,interest,NULL}'::lifecycle_event[])
           END::lifecycle_event AS event
      FROM copied
     ORDER BY pick(row_id, 22, 1000000), row_id;
  $template$;
BEGIN
  DROP TABLE IF EXISTS cases, events;
  template := replace(template, 'TIME', t.time);
  template := replace(template, 'SPAN', t.span);
  template := replace(template, 'JITTERS', quote_literal(t.jitters));
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
CREATE TABLE all_cases (case_id int, purchases_only bool, counts lifecycle_counts);
CREATE TABLE all_customers (
  case_id int, customer text, standing_at_end text, standing_later text,
  last_purchase timestamptz, silence interval,
  inactive_before timestamptz, churned_before timestamptz, last_cancellation timestamptz,
  standing_at_start text, first_purchase timestamptz, status text,
  reactivation_eligible bool, reactivation_returned bool,
  winback_eligible bool, winback_returned bool);

-- Asks winback about all cases at once, with the parameters in columns.  "of_rows" calls the forms
-- without event, "of_purchases" those with the constant event purchase; both must always agree.
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
           lifecycle_counts(customer, at, event, period, inactive_after, churned_after) AS counts,
           ROW(reactivation_tally(customer, at, period, inactive_after),
               winback_tally(customer, at, period, churned_after),
               reactivation_rate(customer, at, period, inactive_after),
               winback_rate(customer, at, period, churned_after),
               lifecycle_counts(customer, at, period,
                                inactive_after, churned_after))::text AS of_rows,
           ROW(reactivation_tally(customer, at, PURCHASE, period, inactive_after),
               winback_tally(customer, at, PURCHASE, period, churned_after),
               reactivation_rate(customer, at, PURCHASE, period, inactive_after),
               winback_rate(customer, at, PURCHASE, period, churned_after),
               lifecycle_counts(customer, at, PURCHASE, period,
                                inactive_after, churned_after))::text AS of_purchases
      FROM cases LEFT JOIN events USING (case_id)
     GROUP BY case_id
  $template$;
BEGIN
  DROP TABLE IF EXISTS got_customers, got_cases, two_steps;
  per_customer := replace(per_customer, 'THRESHOLDS', 'inactive_after, churned_after');
  per_customer := replace(per_customer, 'BOUNDED', 'p."to" IS NOT NULL');
  -- no interval can express the silence since -infinity
  per_customer := replace(per_customer, 'COMPUTABLE',
                          $sql$c.last_purchase IS DISTINCT FROM '-infinity'$sql$);
  per_customer := replace(per_customer, 'TIME', t.time);
  EXECUTE replace(per_customer, 'PURCHASE', $sql$'purchase'::lifecycle_event$sql$);
  EXECUTE replace(per_case, 'PURCHASE', $sql$'purchase'::lifecycle_event$sql$);
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
  c text, period text, span text, inactive_after text, churned_after text) RETURNS text
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
               (SELECT string_agg(customer || during::text, ' ' ORDER BY customer COLLATE "C")
                  FROM (SELECT customer::text,
                               lifecycle_during(at, event, %1$L::%2$s,
                                                %3$L::interval, %4$L::interval)
                                 FILTER (WHERE isfinite(upper(%1$L::%2$s))) AS during
                          FROM events
                         WHERE case_id = %5$s AND customer IS DISTINCT FROM NULL
                         GROUP BY customer) c))::text
      FROM events WHERE case_id = %5$s $sql$,
    period, span, inactive_after, churned_after, c) INTO result;
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
  DROP TABLE IF EXISTS customers, counts;
  CREATE TEMP TABLE customers AS SELECT * FROM plain_customers();
  CREATE TEMP TABLE counts AS SELECT * FROM plain_counts();
  ANALYZE customers;
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
                 to_jsonb(c) - '{case_id,customer,standing_at_end,standing_later}'::text[] AS plain,
                 to_jsonb(g.why) AS answer
            FROM customers c LEFT JOIN got_customers g USING (case_id, customer)
           WHERE c.last_purchase IS DISTINCT FROM '-infinity') c,
         LATERAL (SELECT key, p.value AS plain, a.value AS answer
                    FROM jsonb_each_text(c.plain) p
                    FULL JOIN jsonb_each_text(c.answer) a USING (key)) v;
  INSERT INTO pairs
  SELECT v.question, case_id, NULL, v.plain, v.answer
    FROM cases LEFT JOIN counts c USING (case_id) JOIN got_cases g USING (case_id),
         LATERAL (VALUES ('reactivation_tally', coalesce(c.reactivation, '0/0'),
                          g.reactivation::text),
                         ('winback_tally', coalesce(c.win_back, '0/0'), g.winback::text),
                         ('reactivation_rate', c.reactivation_rate::text,
                          g.reactivation_rate::text),
                         ('winback_rate', c.winback_rate::text, g.winback_rate::text),
                         ('without event = purchases, cases', g.of_purchases, g.of_rows)
                 ) v (question, plain, answer);
  INSERT INTO pairs
  SELECT v.question, case_id, NULL, v.plain, v.answer
    FROM two_steps s JOIN got_cases g USING (case_id) LEFT JOIN counts c USING (case_id),
         LATERAL (VALUES ('reactivation_tally, two steps', g.reactivation::text,
                          s.reactivation::text),
                         ('winback_tally, two steps', g.winback::text, s.winback::text),
                         ('reactivation_rate, two steps', c.reactivation_rate::text,
                          s.reactivation_rate::text),
                         ('winback_rate, two steps', c.winback_rate::text, s.winback_rate::text)
                 ) v (question, plain, answer);
  INSERT INTO pairs
  SELECT 'lifecycle_counts ' || key, case_id, NULL, v.plain, v.answer
    FROM (SELECT case_id, to_jsonb(c) - 'case_id' AS plain, to_jsonb(g.counts) AS answer
            FROM counts c FULL JOIN got_cases g USING (case_id)) c,
         LATERAL (SELECT key, p.value AS plain, a.value AS answer
                    FROM jsonb_each_text(c.plain) p
                    FULL JOIN jsonb_each_text(c.answer) a USING (key)) v;
  FOREACH scan IN ARRAY '{on,off}'::text[] LOOP
    PERFORM set_config('winback.enable_scan', scan, false);
    INSERT INTO pairs
    SELECT 'constants = columns', c.case_id, NULL,
           ROW(g.reactivation, g.winback, g.reactivation_rate, g.winback_rate, g.counts,
               (SELECT string_agg(customer || during::text, ' ' ORDER BY customer COLLATE "C")
                  FROM got_customers b WHERE b.case_id = c.case_id))::text,
           ask_constants(c.case_id::text, c.period::text, t.span,
                         c.inactive_after::text, c.churned_after::text)
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
  INSERT INTO all_cases SELECT case_id, case_id % 4 = 0, counts FROM got_cases;
  INSERT INTO all_customers SELECT * FROM customers;
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
SELECT a.case_id, a.purchases_only, (a.counts).*, c.*
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
                    AND returned(win_back) <= returned(reactivation) END)
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
       count(*) FILTER (WHERE last_purchase = '-infinity') AS long_ago
  FROM all_customers;
SELECT count(*) FILTER (WHERE first_purchase = period_start) AS bought_at_start,
       count(*) FILTER (WHERE first_purchase = period_end - interval '1us') AS bought_at_the_last,
       count(*) FILTER (WHERE history_complete) AS of_complete_history,
       count(*) FILTER (WHERE NOT history_complete) AS of_incomplete_history,
       count(*) FILTER (WHERE period_complete) AS of_complete_period,
       count(*) FILTER (WHERE NOT period_complete) AS of_incomplete_period
  FROM all_customers JOIN books USING (case_id);

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
       at::timestamptz AS at_timestamptz, at AS at_timestamp, at::date AS at_date, event
  FROM (SELECT n, CASE pick(n, 2, 50) WHEN 0 THEN NULL ELSE pick(n, 3, 1000) END AS who,
               CASE pick(n, 4, 50) WHEN 0 THEN NULL WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity'
                 ELSE timestamp '2023-06-01' + pick(n, 5, 500) * interval '1 day'
                      + pick(n, 6, 86400) * interval '1 second' END AS at,
               pick(n, 7, '{purchase,purchase,purchase,cancellation,
                            interest,NULL}'::lifecycle_event[]) AS event
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
  CALL keep('parallel', query, wanted);
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
             lifecycle_counts(KEY, TIME, EVENT PERIOD, '30 days', '3 months'))::text AS answer
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
                    SELECT %s AS case_id, %I AS customer, %I AS at, %s AS event FROM history',
                   CASE WHEN way LIKE 'groups%' THEN 'forty' ELSE '0' END, k, 'at_' || t.time,
                   CASE event WHEN '' THEN $sql$'purchase'::lifecycle_event$sql$ ELSE 'event' END);
    EXECUTE format('CREATE TEMP TABLE cases AS
                    SELECT DISTINCT case_id, %L::%s AS period,
                           interval ''30 days'' AS inactive_after,
                           interval ''3 months'' AS churned_after FROM events',
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
             jsonb_build_array(reactivation, win_back, reactivation_rate, winback_rate,
                               to_jsonb(c) - 'case_id')::text AS answer
        FROM plain_counts() c;
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
                            'Partial HashAggregate > Parallel Seq Scan$'
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
                     'Partial HashAggregate > Parallel Seq Scan$');
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
