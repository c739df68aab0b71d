--
-- property_series.sql
--
-- Proves over thousands of generated series that
--   each element of a series equals, to the last bit, the result of lifecycle_counts for its
--     period, and has the step of the series besides; with lost_after, too;
--   both equal the result of the definitions, which are written here in plain SQL: in all columns,
--     among them sustained and lapsed_again, and the revenue, which is summed by sum();
--   the forms without event take every row as a purchase, duplicate purchases change nothing, and
--     a lost_after of NULL changes nothing;
--   a state is the same however the rows are split: in parts combined in any order, and by any
--     number of parallel workers, with and without groups;
--   the tallies of parts of the customers add up, in any order, to the tally of all of them, and
--     unnest() makes the rows of lifecycle_series and lifecycle_counts from it;
--   lifecycle_transitions counts the same pairs as GROUP BY of its two columns.
--
-- Each case is made from a hash of its number, so the cases are the same in every version of
-- PostgreSQL.  Another seed makes other cases: then the counts change, but the columns named
-- "differ" must stay 0.
--
\set seed 1
\set series_per_round 56
-- On a slow server (scripts/checked) there are fewer series, and the counts change.
\getenv series_per_round WINBACK_CASES

-- a threshold below an hour raises a WARNING
SET client_min_messages = error;
SET jit = off;
SET enable_mergejoin = off;  -- hash joins are the fastest for these many small tables
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
CREATE SCHEMA property_series;
SET search_path = property_series, public;
SELECT set_config('property.seed', :'seed', false) AS seed;
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/include/helpers.sql'
\i :helpers

--
-- The definitions.  They read three tables, which each round fills anew, with times of one type:
--
--   series (series_id, period, step, inactive_after, churned_after, lost_after)
--   periods (series_id, k, "from", "to", later, tick, inactive_after, churned_after, lost_after)
--     period k of a series; tick is the least step of the time type; later is the instant at
--     which it is decided whether a customer has stayed
--   known (series_id, form, customer, at, event, amount)
--     the rows without a NULL, with the customer as text; form 'events' has the rows with an
--     event, form 'rows' has all rows as purchases
--
SET check_function_bodies = off;

-- The time types, each with its least step and its shortest threshold, and with small offsets to
-- place events by.
CREATE TABLE times (time text, span text, tick interval, shortest interval, jitters interval[]);
INSERT INTO times VALUES
  ('timestamptz', 'tstzrange', '1us', '1us', '{-1us,-1us,0,0,0,0,1us,1us,2us,-1h,1h}'),
  ('timestamp', 'tsrange', '1us', '1us', '{-1us,-1us,0,0,0,0,1us,1us,2us,-1h,1h}'),
  ('date', 'daterange', '1 day', '24h', '{-1d,-1d,0,0,0,0,1d,1d,2d}');

-- Returns the counts of each period, without amounts and with them, and without lost_after and
-- with it.  The forms without amounts ignore adjustments, so that a series with nothing else has no
-- counts.
CREATE FUNCTION plain_counts()
RETURNS TABLE (series_id int, k int, form text, amounts bool, lost bool, counts lifecycle_counts)
LANGUAGE sql SET enable_nestloop = off AS $$
  WITH asked AS (
    SELECT DISTINCT series_id, t, inactive_after, churned_after, lost_after
      FROM periods, unnest(ARRAY["from", "to", later]) AS t
  ), standings AS MATERIALIZED (
    -- p is the last purchase before t, x the last cancellation before t
    SELECT series_id, form, customer, t,
           CASE WHEN p IS NULL THEN 'prospect'
                WHEN x >= p OR p < t - churned_after THEN 'churned'
                WHEN p < t - inactive_after THEN 'inactive'
                ELSE 'active' END AS standing,
           p < t - lost_after AS lost
      FROM (SELECT a.series_id, e.form, e.customer, a.t,
                   a.inactive_after, a.churned_after, a.lost_after,
                   max(e.at) FILTER (WHERE e.event = 'purchase') AS p,
                   max(e.at) FILTER (WHERE e.event = 'cancellation') AS x
              FROM asked a
              JOIN known e
                ON e.series_id = a.series_id AND e.at < a.t AND e.event <> 'adjustment'
             GROUP BY a.series_id, e.form, e.customer, a.t,
                      a.inactive_after, a.churned_after, a.lost_after) past
  ), flows AS MATERIALIZED (
    SELECT p.series_id, p.k, e.form, e.customer, p."from", p."to", p.later, p.tick,
           p.inactive_after, p.churned_after, p.lost_after, e.first_event, e.last_event, e.others,
           s.standing AS at_start, f.standing AS at_end, l.standing AS later_on,
           s.standing = 'churned' AND s.lost AS lost_at_start,
           f.standing = 'churned' AND f.lost AS lost_at_end,
           b.customer IS NOT NULL AS bought
      FROM periods p
      JOIN (SELECT series_id, form, customer,
                   min(min(at) FILTER (WHERE isfinite(at) AND event <> 'adjustment'))
                     OVER all_customers AS first_event,
                   max(max(at) FILTER (WHERE isfinite(at) AND event <> 'adjustment'))
                     OVER all_customers AS last_event,
                   bool_or(bool_or(event <> 'adjustment')) OVER all_customers AS others
              FROM known GROUP BY series_id, form, customer
            WINDOW all_customers AS (PARTITION BY series_id, form)) e USING (series_id)
      LEFT JOIN standings s
        ON s.series_id = p.series_id AND s.form = e.form AND s.customer = e.customer
       AND s.t = p."from"
      LEFT JOIN standings f
        ON f.series_id = p.series_id AND f.form = e.form AND f.customer = e.customer
       AND f.t = p."to"
      LEFT JOIN standings l
        ON l.series_id = p.series_id AND l.form = e.form AND l.customer = e.customer
       AND l.t = p.later
      LEFT JOIN (SELECT DISTINCT p.series_id, p.k, e.form, e.customer
                   FROM periods p
                   JOIN known e
                     ON e.series_id = p.series_id AND e.event = 'purchase'
                    AND e.at >= p."from" AND e.at < p."to") b
        ON b.series_id = p.series_id AND b.k = p.k AND b.form = e.form AND b.customer = e.customer
  ), paid AS (
    -- the amounts in a period, each with the part of the revenue in which it counts
    SELECT f.series_id, f.k, f.form, e.amount,
           CASE WHEN bought AND coalesce(at_start, 'prospect') = 'prospect' THEN 'new'
                WHEN bought AND at_start = 'active' THEN 'retained'
                WHEN bought AND at_start = 'inactive' THEN 'reactivated'
                WHEN bought AND at_start = 'churned' THEN 'won_back'
                WHEN at_end = 'active' THEN 'retained'
                ELSE 'other' END AS part
      FROM flows f
      JOIN known e
        ON e.series_id = f.series_id AND e.form = f.form AND e.customer = f.customer
       AND e.event IN ('purchase', 'adjustment') AND e.at >= f."from" AND e.at < f."to"
  ), revenue AS (
    SELECT series_id, k, form,
           sum(amount) FILTER (WHERE part = 'new') AS new,
           sum(amount) FILTER (WHERE part = 'retained') AS retained,
           sum(amount) FILTER (WHERE part = 'reactivated') AS reactivated,
           sum(amount) FILTER (WHERE part = 'won_back') AS won_back,
           sum(amount) FILTER (WHERE part = 'other') AS other
      FROM paid GROUP BY series_id, k, form
  ), counts AS (
    SELECT series_id, k, form, "from", "to", later, tick,
           inactive_after, churned_after, lost_after, first_event, last_event, others,
           count(*) FILTER (WHERE at_start = 'prospect') AS prospects_start,
           count(*) FILTER (WHERE at_start = 'active') AS active_start,
           count(*) FILTER (WHERE at_start = 'inactive') AS inactive_start,
           count(*) FILTER (WHERE at_start = 'churned') AS churned_start,
           count(*) FILTER (WHERE bought AND at_start IS NULL) AS unknown_bought,
           count(*) FILTER (WHERE bought AND at_start = 'prospect') AS converted,
           count(*) FILTER (WHERE bought AND at_start = 'active') AS retained,
           count(*) FILTER (WHERE bought AND at_start = 'inactive') AS reactivated,
           count(*) FILTER (WHERE bought AND at_start = 'churned') AS won_back,
           count(*) FILTER (WHERE at_end = 'prospect') AS prospects_end,
           count(*) FILTER (WHERE at_end = 'active') AS active_end,
           count(*) FILTER (WHERE at_end = 'inactive') AS inactive_end,
           count(*) FILTER (WHERE at_end = 'churned') AS churned_end,
           count(*) FILTER (WHERE bought AND at_start IN ('inactive', 'churned')
                              AND later_on = 'active') AS sustained,
           count(*) FILTER (WHERE bought AND at_start IN ('inactive', 'churned')
                              AND later_on <> 'active') AS lapsed_again,
           count(*) FILTER (WHERE lost_at_start) AS lost_start,
           count(*) FILTER (WHERE lost_at_start AND bought) AS lost_bought,
           count(*) FILTER (WHERE lost_at_end) AS lost_end
      FROM flows
     GROUP BY series_id, k, form, "from", "to", later, tick,
              inactive_after, churned_after, lost_after, first_event, last_event, others
  ), tallies AS (
    -- lost customers are not eligible
    SELECT *,
           converted + reactivated + won_back - not_returned AS r_returned,
           prospects_start + inactive_start + churned_start - not_eligible AS r_eligible,
           won_back - not_returned AS w_returned, churned_start - not_eligible AS w_eligible
      FROM counts, (VALUES (false), (true)) AS l (lost),
           LATERAL (SELECT lost AND lost_after IS NOT NULL AS limited) m,
           LATERAL (SELECT CASE WHEN limited THEN lost_start ELSE 0 END AS not_eligible,
                           CASE WHEN limited THEN lost_bought ELSE 0 END AS not_returned) n
  )
  SELECT series_id, k, form, amounts, lost,
         ROW("from"::timestamptz, "to"::timestamptz,
             prospects_start, active_start, inactive_start, churned_start,
             unknown_bought + converted, converted, c.retained, c.reactivated, c.won_back,
             prospects_end, active_end, inactive_end, churned_end,
             r_returned || '/' || r_eligible, w_returned || '/' || w_eligible,
             r_returned::float8 / nullif(r_eligible, 0),
             w_returned::float8 / nullif(w_eligible, 0),
             coalesce(first_event < "from" - CASE WHEN limited THEN lost_after
                                                  ELSE coalesce(churned_after, inactive_after) END,
                      false),
             coalesce(last_event >= "to" - tick, false),
             CASE WHEN last_event >= later - tick THEN sustained END,
             CASE WHEN last_event >= later - tick THEN lapsed_again END,
             CASE WHEN amounts THEN coalesce(r.new, 0) END,
             CASE WHEN amounts THEN coalesce(r.retained, 0) END,
             CASE WHEN amounts THEN coalesce(r.reactivated, 0) END,
             CASE WHEN amounts THEN coalesce(r.won_back, 0) END,
             NULL::interval, "from"::timestamptz::date,
             first_event::timestamptz, last_event::timestamptz,
             CASE WHEN limited THEN lost_start END, CASE WHEN limited THEN lost_end END,
             CASE WHEN amounts THEN coalesce(r.other, 0) END
            )::lifecycle_counts
    FROM tallies c LEFT JOIN revenue r USING (series_id, k, form),
         (VALUES (false), (true)) a (amounts)
   WHERE amounts OR others
$$;

-- Returns the counts without the step, which lifecycle_counts does not have.
CREATE FUNCTION without_step(lifecycle_counts) RETURNS lifecycle_counts
LANGUAGE sql STRICT AS $$ SELECT jsonb_populate_record($1, '{"step": null}') $$;

-- Fills periods and known from series and events (series_id, customer, at, event, amount).
-- IS DISTINCT FROM NULL is written because IS NOT NULL is false for a composite value with a NULL
-- field.
CREATE PROCEDURE prepare(t times)
LANGUAGE plpgsql AS $$
DECLARE
  of_periods text := $template$
    CREATE TEMP TABLE periods AS
    WITH whole AS (
      SELECT *,
             lower(period) + CASE WHEN lower_inc(period) THEN '0' ELSE '1us' END::interval AS start,
             upper(period) + CASE WHEN upper_inc(period) THEN '1us' ELSE '0' END::interval AS stop
        FROM series
    ), parts AS (
      SELECT series_id, k, (start + k * step)::TIME AS "from",
             least(start + (k + 1) * step, stop)::TIME AS "to",
             interval 'TICK' AS tick, inactive_after, churned_after, lost_after
        FROM whole, generate_series(0, 60) AS k
       WHERE start + k * step < stop
    )
    -- later is the first instant of the time type that is not before "to" + inactive_after
    SELECT *, (CASE WHEN tick = '1 day'
                    THEN date_trunc('day', "to" + inactive_after + tick - interval '1us')
                    ELSE "to" + inactive_after END)::TIME AS later,
           SPAN("from", "to") AS period
      FROM parts $template$;
BEGIN
  DROP TABLE IF EXISTS periods, known;
  of_periods := replace(of_periods, 'TIME', t.time);
  of_periods := replace(of_periods, 'SPAN', t.span);
  EXECUTE replace(of_periods, 'TICK', t.tick::text);
  EXECUTE $sql$
    CREATE TEMP TABLE known AS
    SELECT series_id, form, customer::text, at,
           CASE form WHEN 'rows' THEN 'purchase' ELSE event END AS event, amount
      FROM events, (VALUES ('rows'), ('events')) AS f (form)
     WHERE customer IS DISTINCT FROM NULL AND at IS NOT NULL
       AND (event IS NOT NULL OR form = 'rows') $sql$;
  ANALYZE periods;
  ANALYZE known;
END $$;

--
-- The generator.
--

-- The expression that makes the key of customer number "who".
CREATE TYPE shop_customer AS (shop text, number int);
CREATE TABLE keys (kind text, spelling text);
INSERT INTO keys VALUES
  ('int8', $$(who - 3)::int8 << 32$$),
  ('text', $$CASE who WHEN 0 THEN '' WHEN 1 THEN repeat('long ', 1000)
                      ELSE 'number ' || who END$$),
  ('uuid', $$lpad(who::text, 32, '0')::uuid$$),
  ('composite', $$ROW(CASE WHEN who > 1 THEN 'shop ' || who % 3 END,
                      CASE WHEN who > 0 THEN who END)::shop_customer$$);

-- Steps, and thresholds of the same scale.  All thresholds have the same unit, so they are in order
-- at any instant.
CREATE TABLE steps (no int, scale text, of_days bool, step interval);
INSERT INTO steps
SELECT row_number() OVER (PARTITION BY scale, of_days ORDER BY o) - 1, scale, of_days, step
  FROM (VALUES
    (1, 'hours', '1 hour'), (2, 'hours', '90 minutes'), (3, 'hours', '6 hours'),
    (4, 'hours', '24 hours'), (5, 'hours', '1 day'), (6, 'hours', '36 hours'),
    (1, 'days', '1 day'), (2, 'days', '1 week'), (3, 'days', '10 days'), (4, 'days', '2 weeks'),
    (5, 'days', '7 days 01:30:00.000001'), (6, 'days', '168 hours'),
    (1, 'months', '1 month'), (2, 'months', '1 month'), (3, 'months', '3 months'),
    (4, 'months', '1 year'), (5, 'months', '1 month 10 days'), (6, 'months', '30 days'),
    (7, 'months', '1 month 00:00:00.000001')) s (o, scale, text),
       CAST(text AS interval) AS step, (VALUES (false), (true)) d (of_days)
 WHERE NOT of_days
    OR extract(epoch FROM date_trunc('day', step)) = extract(epoch FROM step) AND text !~ 'hours';
CREATE TABLE thresholds (
  no int, scale text, inactive_after interval, churned_after interval, lost_after interval);
INSERT INTO thresholds
SELECT row_number() OVER (PARTITION BY scale ORDER BY o) - 1, scale,
       inactive_after, churned_after, lost_after
  FROM (VALUES
    (1, 'hours', interval '1 hour', interval '3 hours', interval '4 hours'),
    (2, 'hours', '6 hours', '24 hours', '36 hours'),
    (3, 'hours', '24 hours', '36 hours', '36 hours'), (4, 'hours', '2 hours', '2 hours', '5 hours'),
    (5, 'hours', '1 day', '2 days', '3 days'), (6, 'hours', '12 hours', NULL, NULL),
    (7, 'hours', '1 microsecond', '2 microseconds', '3 microseconds'),
    (1, 'days', '1 day', '3 days', '4 days'), (2, 'days', '7 days', '14 days', '21 days'),
    (3, 'days', '10 days', '10 days', '10 days'), (4, 'days', '30 days', '60 days', '90 days'),
    (5, 'days', '36 hours', '72 hours', '90 hours'), (6, 'days', '7 days', NULL, NULL),
    (1, 'months', '1 month', '3 months', '4 months'),
    (2, 'months', '1 month', '2 months', '1 year'),
    (3, 'months', '3 months', '1 year', '1 year 3 months'),
    (4, 'months', '30 days', '90 days', '180 days'),
    (5, 'months', '2 months', '2 months', '2 months'), (6, 'months', '1 month', NULL, NULL),
    (7, 'months', '1 month 3 days 04:05:06.000007', '2 months 3 days 04:05:06.000007',
     '3 months 3 days 04:05:06.000007')
  ) t (o, scale, inactive_after, churned_after, lost_after);

-- Month ends, leap days, the gaps and overlaps of Berlin (31 March and 27 October 2024) and New
-- York (10 March and 3 November 2024), and moments from which some step leads into a gap or an
-- overlap.
CREATE FUNCTION moments() RETURNS timestamp[] LANGUAGE sql IMMUTABLE AS $$
  SELECT ARRAY[
    '2024-01-31', '2024-01-31', '2023-01-31', '2023-01-30', '2024-01-30', '2024-01-29',
    '2023-12-31', '2024-02-29', '2023-11-30', '2024-08-31', '2023-10-31 02:30', '2024-01-01',
    '2023-03-31', '2000-02-29', '1999-12-31', '1970-01-01', '1900-01-31', '0001-01-31',
    '2024-03-30 02:30', '2024-03-31', '2024-03-31 03:00', '2024-03-24 02:30', '2024-02-29 02:30',
    '2023-12-31 02:30', '2024-10-26 02:30', '2024-10-27 01:00', '2024-10-27 02:30',
    '2024-09-27 02:00',
    '2024-03-09 02:30', '2024-03-10', '2024-02-10 02:30', '2024-11-02 01:30', '2024-11-03',
    '2024-10-03 01:30']::timestamp[]
$$;

-- Fills series and events for one time type and one kind of key, in the session's time zone, with
-- the series numbered from first to last.  In every fourth series all events are purchases.  In
-- every third the last event lies close to the "later" of some period, and only adjustments are
-- later.  In three of four series some customers have only adjustments.  A third of the events have
-- a twin at the same instant, which may have another kind and amount.  Interest and cancellations
-- have no amount, or one of zero.
CREATE PROCEDURE generate(first int, last int, t times, key keys)
LANGUAGE plpgsql AS $$
DECLARE
  template text := $template$
    CREATE TEMP TABLE series AS
    WITH numbers AS (
      SELECT n AS series_id,
             pick(n, 1, '{hours,days,days,months,months,months}'::text[]) AS scale
        FROM generate_series(FIRST, LAST) AS n
    ), lows AS (
      SELECT series_id, step, inactive_after, churned_after, lost_after,
             (CASE WHEN pick(series_id, 2, 4) > 0 THEN pick(series_id, 3, moments())
                   ELSE timestamp '2018-01-01' + pick(series_id, 4, 3000) * interval '1 day'
                        + pick(series_id, 5, 2000000000) * interval '43 microseconds' END)::TIME
             + pick(series_id, 6, '{0,0,0,0,-1us,1us,1h}'::interval[]) AS low
        FROM numbers
        JOIN (SELECT *, count(*) OVER (PARTITION BY scale)::int AS options
                FROM steps WHERE of_days = OF_DAYS) s USING (scale)
        JOIN (SELECT no, scale, count(*) OVER (PARTITION BY scale)::int AS options,
                     CASE WHEN inactive_after < 'SHORTEST' THEN 'SHORTEST'
                          ELSE inactive_after END AS inactive_after,
                     CASE WHEN churned_after < 'SHORTEST' THEN 'SHORTEST'
                          ELSE churned_after END AS churned_after,
                     CASE WHEN lost_after < 'SHORTEST' THEN 'SHORTEST'
                          ELSE lost_after END AS lost_after
                FROM thresholds) h USING (scale)
       WHERE s.no = pick(series_id, 7, s.options) AND h.no = pick(series_id, 8, h.options)
    ), bounds AS (
      SELECT series_id, step, inactive_after, churned_after,
             CASE WHEN pick(series_id, 30, 6) > 0 THEN lost_after END AS lost_after, low::TIME,
             (low::TIME + (1 + pick(series_id, 9, 14)) * step
              - CASE pick(series_id, 10, 4) WHEN 0 THEN interval 'TICK' WHEN 1 THEN step / 3
                                            ELSE '0' END)::TIME AS high,
             pick(series_id, 11, '{[),[),[],(],()}'::text[]) AS kind
        FROM lows
    )
    SELECT series_id, step, inactive_after, churned_after, lost_after,
           CASE WHEN high <= low + interval 'TICK'
                THEN SPAN(low, (low + interval 'TICK')::TIME, '[)')
                ELSE SPAN(low, high, kind) END AS period
      FROM bounds;

    CREATE TEMP TABLE events AS
    WITH whole AS (
      SELECT *, coalesce(churned_after, inactive_after * 3) AS lapse,
             coalesce(lost_after, churned_after * 1.5, inactive_after * 4) AS loss,
             lower(period) + CASE WHEN lower_inc(period) THEN '0' ELSE '1us' END::interval AS start,
             upper(period) + CASE WHEN upper_inc(period) THEN '1us' ELSE '0' END::interval AS stop
        FROM series
    ), rows AS (
      SELECT *, pick(n, 12, JITTERS::interval[]) AS jitter,
             pick(n, 13, 1 + pick(series_id, 14, 8)) AS who,
             least(start + pick(n, 15, 15) * step, stop)::TIME AS anchor
        FROM whole,
             generate_series(series_id * 64::bigint,
                             series_id * 64::bigint + pick(series_id, 16, 50) - 1) AS n
    ), placed AS (
      SELECT series_id, who, n, CASE pick(n, 17, 22)
               WHEN 0 THEN anchor + jitter
               WHEN 1 THEN anchor + jitter
               WHEN 2 THEN anchor - inactive_after + jitter
               WHEN 3 THEN anchor - inactive_after + jitter
               WHEN 4 THEN anchor - lapse + jitter
               WHEN 5 THEN anchor - lapse + jitter
               WHEN 6 THEN anchor + inactive_after + jitter
               WHEN 7 THEN anchor + inactive_after - lapse + jitter
               WHEN 8 THEN anchor + inactive_after - inactive_after + jitter
               WHEN 9 THEN CASE pick(n, 18, 6) WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity'
                                               WHEN 2 THEN NULL ELSE anchor - step / 2 END
               WHEN 10 THEN start - lapse * 2
               WHEN 11 THEN anchor - loss + jitter
               WHEN 12 THEN anchor - loss + jitter
               ELSE start - lapse * 1.5
                    + (anchor + inactive_after * 1.5 - (start - lapse * 1.5))
                      * (pick(n, 20, 5000) / 5000.0)
             END::TIME AS at
        FROM rows
    ), ends AS (
      -- the time of the last event of every third series
      SELECT series_id,
             (least(start + pick(series_id, 21, 15) * step, stop)::TIME
              + inactive_after - interval 'TICK'
              + pick(series_id, 22, '{-1,-1,0,0,0,1}'::int[]) * interval 'TICK')::TIME AS horizon
        FROM whole WHERE series_id % 3 = 0
    ), ended AS (
      SELECT * FROM placed
      UNION ALL
      SELECT series_id, 0, series_id * 64 + 63, horizon FROM ends
    ), copied AS (
      SELECT *, n * 8 + copy AS row_id
        FROM ended, generate_series(0, CASE pick(n, 23, 3) WHEN 0 THEN 1 ELSE 0 END) AS copy
    ), labelled AS (
      SELECT *,
             CASE WHEN series_id % 4 = 0 THEN 'purchase'
                  WHEN pick(series_id * 16 + who, 31, 12) = 0 THEN 'adjustment'
                  ELSE pick(row_id, 25, '{purchase,purchase,purchase,purchase,
                                          purchase,purchase,purchase,
                                          cancellation,cancellation,interest,interest,
                                          adjustment,adjustment,NULL}'::lifecycle_event[])
             END::lifecycle_event AS event
        FROM copied
    )
    SELECT series_id, CASE WHEN pick(n, 24, 30) > 0 THEN SPELLING END AS customer, at, event,
           CASE WHEN event IN ('interest', 'cancellation')
                THEN pick(row_id, 28, '{NULL,0,0.000}'::numeric[])
                WHEN series_id % 11 = 0 AND pick(row_id, 26, 5) = 0
                THEN pick(row_id, 27, '{NaN,Infinity,-Infinity}'::numeric[])
                ELSE pick(row_id, 28, '{NULL,0,1,2.50,-2.50,0.001,1e-20,1e25,
                                        12345678901234567890.12,99.9,100}'::numeric[])
           END AS amount
      FROM labelled LEFT JOIN ends USING (series_id)
     WHERE (at <= horizon OR NOT isfinite(at)) IS NOT FALSE OR event = 'adjustment'
     ORDER BY pick(row_id, 29, 1000000), row_id;
  $template$;
BEGIN
  DROP TABLE IF EXISTS series, events;
  template := replace(template, 'OF_DAYS', (t.time = 'date')::text);
  template := replace(template, 'TIME', t.time);
  template := replace(template, 'TICK', t.tick::text);
  template := replace(template, 'SPAN', t.span);
  template := replace(template, 'JITTERS', quote_literal(t.jitters));
  template := replace(template, 'SHORTEST', t.shortest::text);
  template := replace(template, 'SPELLING', key.spelling);
  template := replace(template, 'FIRST', first::text);
  template := replace(template, 'LAST', last::text);
  EXECUTE template;
END $$;

-- The answers of all rounds, and whether they differ.  As text, two values are equal only if
-- every bit and every digit is.
CREATE TABLE elements (
  zone text, time text, kind text, series_id int, k int, step interval, form text, amounts bool,
  lost bool, plain lifecycle_counts, alone lifecycle_counts, element lifecycle_counts,
  series_differs bool, counts_differ bool);
CREATE TABLE corners (corner text, cases bigint);
CREATE TABLE wholes (
  comparison text, zone text, time text, kind text, series_id int, one text, other text);

CREATE TABLE splits (parts bigint, series bigint);

CREATE PROCEDURE play(round int, how_many int, zone text, t times, key keys)
LANGUAGE plpgsql AS $$
DECLARE
  first int := round * 1000;
  q record;
  scan text;
  constants text;
BEGIN
  PERFORM set_config('TimeZone', zone, false);
  CALL generate(first, first + how_many - 1, t, key);
  CALL prepare(t);
  DROP TABLE IF EXISTS asked, alone;
  CREATE TEMP TABLE asked AS
  SELECT series_id,
         lifecycle_series(customer, at, period, step, inactive_after, churned_after) AS rows,
         lifecycle_series(customer, at, event, period, step,
                          inactive_after, churned_after) AS events,
         lifecycle_series(customer, at, amount, period, step,
                          inactive_after, churned_after) AS rows_amounts,
         lifecycle_series(customer, at, event, amount, period, step,
                          inactive_after, churned_after) AS events_amounts,
         lifecycle_series_lost_after(customer, at, period, step,
                                     inactive_after, churned_after, lost_after) AS rows_lost,
         lifecycle_series_lost_after(customer, at, event, period, step,
                                     inactive_after, churned_after, lost_after) AS events_lost,
         lifecycle_series_lost_after(customer, at, amount, period, step,
                                     inactive_after, churned_after, lost_after)
           AS rows_amounts_lost,
         lifecycle_series_lost_after(customer, at, event, amount, period, step,
                                     inactive_after, churned_after, lost_after)
           AS events_amounts_lost,
         lifecycle_series(customer, at, lifecycle_event 'purchase', period, step,
                          inactive_after, churned_after)::text AS purchases,
         lifecycle_series(customer, at, lifecycle_event 'purchase', amount, period, step,
                          inactive_after, churned_after)::text AS purchases_amounts,
         lifecycle_series_lost_after(customer, at, lifecycle_event 'purchase', amount, period, step,
                                     inactive_after, churned_after, lost_after)::text
           AS purchases_amounts_lost
    FROM series LEFT JOIN events USING (series_id) GROUP BY series_id;
  -- Each customer is in one of up to five parts.
  DROP TABLE IF EXISTS tallies;
  CREATE TEMP TABLE tallies AS
  SELECT series_id, count(*) AS parts,
         sum(rows) AS rows,
         sum(events ORDER BY part DESC) AS events,
         sum(rows_amounts) AS rows_amounts,
         sum(events_amounts ORDER BY part DESC) AS events_amounts,
         sum(rows_lost) AS rows_lost,
         sum(events_lost ORDER BY part DESC) AS events_lost,
         sum(rows_amounts_lost) AS rows_amounts_lost,
         sum(events_amounts_lost ORDER BY part DESC) AS events_amounts_lost,
         sum(counts) AS counts,
         sum(counts_lost ORDER BY part DESC) AS counts_lost
    FROM (
      SELECT series_id,
             pick(series_id + hashtext(customer::text), 50, 1 + pick(series_id, 51, 5)) AS part,
             lifecycle_series_tally(customer, at, period, step,
                                    inactive_after, churned_after) AS rows,
             lifecycle_series_tally(customer, at, event, period, step,
                                    inactive_after, churned_after) AS events,
             lifecycle_series_tally(customer, at, amount, period, step,
                                    inactive_after, churned_after) AS rows_amounts,
             lifecycle_series_tally(customer, at, event, amount, period, step,
                                    inactive_after, churned_after) AS events_amounts,
             lifecycle_series_tally_lost_after(customer, at, period, step,
                                               inactive_after, churned_after, lost_after)
               AS rows_lost,
             lifecycle_series_tally_lost_after(customer, at, event, period, step,
                                               inactive_after, churned_after, lost_after)
               AS events_lost,
             lifecycle_series_tally_lost_after(customer, at, amount, period, step,
                                               inactive_after, churned_after, lost_after)
               AS rows_amounts_lost,
             lifecycle_series_tally_lost_after(customer, at, event, amount, period, step,
                                               inactive_after, churned_after, lost_after)
               AS events_amounts_lost,
             lifecycle_counts_tally(customer, at, period,
                                    inactive_after, churned_after) AS counts,
             lifecycle_counts_tally_lost_after(customer, at, event, amount, period,
                                               inactive_after, churned_after, lost_after)
               AS counts_lost
        FROM series LEFT JOIN events USING (series_id) GROUP BY series_id, part) parts
   GROUP BY series_id;
  INSERT INTO splits
  SELECT parts, count(*) FROM tallies GROUP BY parts;

  -- over timestamptz, the time zone of the reader does not matter
  PERFORM set_config('TimeZone', CASE t.time WHEN 'timestamptz' THEN 'Pacific/Apia' ELSE zone END,
                     false);
  INSERT INTO wholes
  SELECT 'sum of tallies', zone, t.time, key.kind, series_id, one::text,
         (SELECT array_agg(row) FROM unnest(tally::text::lifecycle_tally) AS row)::text
    FROM asked a JOIN tallies s USING (series_id),
         LATERAL (VALUES (a.rows, s.rows),
                         (a.events, s.events),
                         (a.rows_amounts, s.rows_amounts),
                         (a.events_amounts, s.events_amounts),
                         (a.rows_lost, s.rows_lost),
                         (a.events_lost, s.events_lost),
                         (a.rows_amounts_lost, s.rows_amounts_lost),
                         (a.events_amounts_lost, s.events_amounts_lost)) v (one, tally);
  PERFORM set_config('TimeZone', zone, false);

  INSERT INTO wholes
  SELECT 'sum of tallies, one period', zone, t.time, key.kind, series_id, one, other
    FROM (SELECT series_id,
                 lifecycle_counts_tally(customer, at, period,
                                        inactive_after, churned_after) AS tally,
                 lifecycle_counts_tally_lost_after(customer, at, event, amount, period,
                                                   inactive_after, churned_after, lost_after)
                   AS tally_lost,
                 lifecycle_counts(customer, at, period,
                                  inactive_after, churned_after)::text AS counts,
                 lifecycle_counts_lost_after(customer, at, event, amount, period,
                                             inactive_after, churned_after, lost_after)::text
                   AS counts_lost
            FROM series LEFT JOIN events USING (series_id) GROUP BY series_id) a
    JOIN (SELECT series_id, counts AS sum, counts_lost AS sum_lost FROM tallies) s
        USING (series_id),
         LATERAL (VALUES (a.counts, (SELECT row::text FROM unnest(sum) AS row)),
                         (a.counts_lost, (SELECT row::text FROM unnest(sum_lost) AS row)),
                         ('true', coalesce(tally = sum, true)::text),
                         ('false', coalesce(tally_lost <> sum_lost, false)::text)
                 ) v (one, other);

  CREATE TEMP TABLE alone AS
  SELECT p.series_id, k,
         lifecycle_counts(customer, at, period, inactive_after, churned_after) AS rows,
         lifecycle_counts(customer, at, event, period, inactive_after, churned_after) AS events,
         lifecycle_counts(customer, at, amount, period,
                          inactive_after, churned_after) AS rows_amounts,
         lifecycle_counts(customer, at, event, amount, period,
                          inactive_after, churned_after) AS events_amounts,
         lifecycle_counts_lost_after(customer, at, period,
                                     inactive_after, churned_after, lost_after) AS rows_lost,
         lifecycle_counts_lost_after(customer, at, event, period,
                                     inactive_after, churned_after, lost_after) AS events_lost,
         lifecycle_counts_lost_after(customer, at, amount, period,
                                     inactive_after, churned_after, lost_after)
           AS rows_amounts_lost,
         lifecycle_counts_lost_after(customer, at, event, amount, period,
                                     inactive_after, churned_after, lost_after)
           AS events_amounts_lost
    FROM periods p LEFT JOIN events USING (series_id) GROUP BY p.series_id, k;

  INSERT INTO elements
  SELECT zone, t.time, key.kind, series_id, k, step, form, amounts, lost,
         p.counts, a.counts, e.counts,
         without_step(e.counts)::text IS DISTINCT FROM a.counts::text
         OR (e.counts).step::text
            IS DISTINCT FROM CASE WHEN e.counts IS DISTINCT FROM NULL THEN step::text END,
         a.counts::text IS DISTINCT FROM p.counts::text
    FROM plain_counts() p
    FULL JOIN (SELECT series_id, k, form, amounts, lost, counts
                 FROM alone,
                      LATERAL (VALUES ('rows', false, false, rows),
                                      ('events', false, false, events),
                                      ('rows', true, false, rows_amounts),
                                      ('events', true, false, events_amounts),
                                      ('rows', false, true, rows_lost),
                                      ('events', false, true, events_lost),
                                      ('rows', true, true, rows_amounts_lost),
                                      ('events', true, true, events_amounts_lost)
                              ) a (form, amounts, lost, counts)) a
        USING (series_id, k, form, amounts, lost)
    FULL JOIN (SELECT series_id, k - 1 AS k, form, amounts, lost, elements[k] AS counts
                 FROM asked,
                      LATERAL (VALUES ('rows', false, false, rows),
                                      ('events', false, false, events),
                                      ('rows', true, false, rows_amounts),
                                      ('events', true, false, events_amounts),
                                      ('rows', false, true, rows_lost),
                                      ('events', false, true, events_lost),
                                      ('rows', true, true, rows_amounts_lost),
                                      ('events', true, true, events_amounts_lost)
                              ) a (form, amounts, lost, elements),
                      generate_subscripts(elements, 1) AS k) e
        USING (series_id, k, form, amounts, lost)
    JOIN series USING (series_id);

  INSERT INTO wholes
  SELECT 'event purchase', zone, t.time, key.kind, series_id, rows::text, purchases
    FROM asked
  UNION ALL
  SELECT 'event purchase, amounts', zone, t.time, key.kind, series_id, rows_amounts::text,
         purchases_amounts
    FROM asked
  UNION ALL
  SELECT 'event purchase, amounts, lost_after', zone, t.time, key.kind, series_id,
         rows_amounts_lost::text, purchases_amounts_lost
    FROM asked;

  INSERT INTO wholes
  SELECT 'lost_after NULL', zone, t.time, key.kind, series_id,
         concat_ws(' ', a.rows, a.events, a.rows_amounts, a.events_amounts), n.of_null
    FROM asked a
    JOIN (SELECT series_id,
                 concat_ws(' ',
                           lifecycle_series_lost_after(customer, at, period, step,
                                                       inactive_after, churned_after, NULL),
                           lifecycle_series_lost_after(customer, at, event, period, step,
                                                       inactive_after, churned_after, NULL),
                           lifecycle_series_lost_after(customer, at, amount, period, step,
                                                       inactive_after, churned_after, NULL),
                           lifecycle_series_lost_after(customer, at, event, amount, period, step,
                                                       inactive_after, churned_after, NULL)
                          ) AS of_null
            FROM series LEFT JOIN events USING (series_id)
           WHERE series_id % 5 = 2 GROUP BY series_id) n USING (series_id);

  -- every row once or three times, in another order
  INSERT INTO wholes
  SELECT 'duplicates', zone, t.time, key.kind, series_id, a.rows::text,
         (SELECT lifecycle_series(customer, at, s.period, s.step, s.inactive_after, s.churned_after)
            FROM (SELECT customer, at FROM events e, generate_series(1, 3) AS copy
                   WHERE e.series_id = s.series_id AND (copy = 1 OR amount > 0)
                   ORDER BY amount, copy DESC, at) e)::text
    FROM asked a JOIN series s USING (series_id) WHERE series_id % 3 = 1;

  INSERT INTO corners
  SELECT v.corner, v.cases
    FROM (SELECT count(*) FILTER (WHERE at = "from") AS at_start,
                 count(*) FILTER (WHERE at = "from" - tick) AS before_start,
                 count(*) FILTER (WHERE at = "from" - inactive_after) AS still_active,
                 count(*) FILTER (WHERE at = "from" - inactive_after - tick) AS inactive,
                 count(*) FILTER (WHERE at = "from" - churned_after) AS still_inactive,
                 count(*) FILTER (WHERE at = "from" - churned_after - tick) AS churned,
                 count(*) FILTER (WHERE at = "from" - lost_after) AS not_lost,
                 count(*) FILTER (WHERE at = "from" - lost_after - tick) AS lost,
                 count(*) FILTER (WHERE at = later) AS at_later,
                 count(*) FILTER (WHERE at = later - inactive_after) AS stayed,
                 count(*) FILTER (WHERE at = later - inactive_after - tick) AS lapsed
            FROM periods JOIN known USING (series_id)
           WHERE form = 'events' AND event = 'purchase') c,
         (SELECT count(*) FILTER (WHERE last_event = later - tick) AS data_reach,
                 count(*) FILTER (WHERE last_event = later - tick * 2) AS too_short
            FROM periods
            JOIN (SELECT series_id, max(at) FILTER (WHERE isfinite(at)) AS last_event
                    FROM known WHERE form = 'events' AND event <> 'adjustment'
                   GROUP BY series_id) k USING (series_id)) d,
         (SELECT count(*) FILTER (WHERE first_adjustment < first_event) AS before_data,
                 count(*) FILTER (WHERE last_adjustment > last_event) AS after_data,
                 count(*) FILTER (WHERE first_event IS NULL) AS nothing_else
            FROM (SELECT series_id,
                         min(at) FILTER (WHERE event <> 'adjustment') AS first_event,
                         max(at) FILTER (WHERE event <> 'adjustment') AS last_event,
                         min(at) FILTER (WHERE event = 'adjustment') AS first_adjustment,
                         max(at) FILTER (WHERE event = 'adjustment') AS last_adjustment
                    FROM known WHERE form = 'events' AND isfinite(at) GROUP BY series_id) k) f,
         (SELECT count(*) FILTER (WHERE last_period AND "to" < "from" + step) AS cut_short,
                 count(*) FILTER (WHERE last_period AND k = 0) AS only_period
            FROM (SELECT *, k = max(k) OVER (PARTITION BY series_id) AS last_period
                    FROM periods) p
            JOIN series USING (series_id)) e,
         LATERAL (VALUES ('bought at a start', at_start),
                         ('just before a start', before_start),
                         ('inactive_after before a start', still_active),
                         ('just before inactive_after before a start', inactive),
                         ('churned_after before a start', still_inactive),
                         ('just before churned_after before a start', churned),
                         ('lost_after before a start', not_lost),
                         ('just before lost_after before a start', lost),
                         ('an adjustment before any other event', before_data),
                         ('an adjustment after any other event', after_data),
                         ('no event but adjustments', nothing_else),
                         ('bought when it is decided who has stayed', at_later),
                         ('inactive_after before that decision', stayed),
                         ('just before inactive_after before that decision', lapsed),
                         ('events that just reach that decision', data_reach),
                         ('events that just do not reach it', too_short),
                         ('last period cut short', cut_short),
                         ('only one period', only_period)) v (corner, cases);

  -- ask again with the parameters as constants
  FOR q IN
    SELECT series_id, period::text, step, inactive_after, churned_after, lost_after
      FROM series WHERE series_id % 7 = 0 ORDER BY series_id
  LOOP
    FOREACH scan IN ARRAY '{on,off}'::text[] LOOP
      PERFORM set_config('winback.enable_scan', scan, false);
      EXECUTE format(
        'SELECT concat_ws('' '',
                          lifecycle_series(customer, at, event, amount,
                                           %1$L::%5$s, %2$L, %3$L, %4$L),
                          lifecycle_series(customer, at, %1$L::%5$s, %2$L, %3$L, %4$L),
                          lifecycle_series_lost_after(customer, at, event, amount,
                                                      %1$L::%5$s, %2$L, %3$L, %4$L, %7$L))
           FROM events WHERE series_id = %6$s',
        q.period, q.step, q.inactive_after, q.churned_after, t.span, q.series_id, q.lost_after)
        INTO constants;
      INSERT INTO wholes
      SELECT 'constants', zone, t.time, key.kind, series_id,
             concat_ws(' ', events_amounts, rows, events_amounts_lost), constants
        FROM asked WHERE series_id = q.series_id;
    END LOOP;
    RESET winback.enable_scan;
  END LOOP;
END $$;

-- Plays a round for each zone, time type and kind of key.
CREATE PROCEDURE play_all(how_many int)
LANGUAGE plpgsql AS $$
DECLARE
  round int := 0;
  zone text;
  t times;
  key keys;
BEGIN
  FOREACH zone IN ARRAY '{UTC,Europe/Berlin,America/New_York}'::text[] LOOP
    FOR t IN SELECT * FROM times ORDER BY time LOOP
      FOR key IN SELECT * FROM keys ORDER BY kind LOOP
        round := round + 1;
        CALL play(round, how_many, zone, t, key);
      END LOOP;
    END LOOP;
  END LOOP;
END $$;
CALL play_all(:series_per_round);

-- By form: no element differs from lifecycle_counts of its period, and that does not differ from
-- plain SQL.
SELECT form, amounts, lost, count(DISTINCT series_id) AS series, count(*) AS elements,
       34 * count(*) AS fields,
       count(*) FILTER (WHERE series_differs) AS series_differ,
       count(*) FILTER (WHERE counts_differ) AS counts_differ
  FROM elements GROUP BY form, amounts, lost ORDER BY form, amounts, lost;

-- By time type and the session's time zone, by kind of key, and by step: no element differs.
SELECT coalesce(time, '') AS time, coalesce(zone, '') AS zone, coalesce(kind, '') AS kind,
       coalesce(step::text, '') AS step,
       count(DISTINCT series_id) AS series, count(*) AS elements,
       count(*) FILTER (WHERE series_differs OR counts_differ) AS differ
  FROM elements GROUP BY GROUPING SETS ((time, zone), (kind), (step::text))
 ORDER BY time, zone, kind, min(step), step;

-- The first fields that differ: none.
SELECT zone, time, kind, series_id, k, form, amounts, lost, field,
       p.value AS plain, a.value AS alone, e.value AS element
  FROM elements, jsonb_each_text(to_jsonb(plain)) AS p (field, value),
       LATERAL (SELECT to_jsonb(alone) ->> p.field AS value) a,
       LATERAL (SELECT to_jsonb(element) ->> p.field AS value) e
 WHERE (series_differs OR counts_differ)
   AND (p.value IS DISTINCT FROM a.value
        OR e.value IS DISTINCT FROM CASE field WHEN 'step' THEN step::text ELSE a.value END)
 ORDER BY series_id, k, form, amounts, lost, field COLLATE "C" LIMIT 10;

-- Whole series: the forms without event return the same as the constant event purchase, duplicate
-- purchases and a lost_after of NULL change nothing, constant parameters act like parameters in
-- columns, and the tallies of parts add up to the whole.
SELECT comparison, count(*) AS series, count(*) FILTER (WHERE one IS NULL) AS undefined,
       count(*) FILTER (WHERE one IS DISTINCT FROM other) AS differ
  FROM wholes GROUP BY comparison ORDER BY comparison COLLATE "C";

-- In how many parts the customers were: up to six, with the rows without a customer in one of them.
SELECT parts, sum(series) AS series FROM splits GROUP BY parts ORDER BY parts;

-- The elements contain values of every kind.
SELECT count(*) FILTER (WHERE (e).sustained > 0) AS with_sustained,
       count(*) FILTER (WHERE (e).lapsed_again > 0) AS with_lapsed_again,
       count(*) FILTER (WHERE (e).sustained > 0 AND (e).lapsed_again > 0) AS with_both,
       count(*) FILTER (WHERE (e).sustained IS NULL) AS not_known,
       count(*) FILTER (WHERE (e).reactivated > 0) AS with_reactivated,
       count(*) FILTER (WHERE (e).won_back > 0) AS with_won_back,
       count(*) FILTER (WHERE (e).converted > 0) AS with_converted,
       count(*) FILTER (WHERE (e).retained > 0) AS with_retained,
       count(*) FILTER (WHERE (e).reactivation_rate > 0 AND (e).reactivation_rate < 1)
         AS rate_within_0_and_1
  FROM (SELECT element AS e FROM elements WHERE form = 'events' AND NOT amounts AND NOT lost) x;
SELECT count(*) FILTER (WHERE (e).lost_start > 0) AS with_lost_start,
       count(*) FILTER (WHERE (e).lost_start > 0
                          AND (e).lost_start < (e).churned_start) AS with_lost_and_not_lost,
       count(*) FILTER (WHERE (e).lost_end <> (e).lost_start) AS with_another_number_at_end,
       count(*) FILTER (WHERE (e).won_back > returned((e).win_back)) AS with_lost_won_back,
       count(*) FILTER (WHERE (e).winback_rate > 0 AND (e).winback_rate < 1)
         AS rate_within_0_and_1,
       count(*) FILTER (WHERE (e).lost_start IS NULL) AS without_lost_after,
       count(*) FILTER (WHERE (e).history_complete) AS with_history
  FROM (SELECT element AS e FROM elements WHERE form = 'events' AND NOT amounts AND lost) x;
SELECT count(*) FILTER (WHERE r = 0) AS of_zero,
       count(*) FILTER (WHERE r < 0) AS negative,
       count(*) FILTER (WHERE r > 0 AND r < 'Infinity') AS positive,
       count(*) FILTER (WHERE r IN ('Infinity', '-Infinity')) AS infinite,
       count(*) FILTER (WHERE r = 'NaN') AS not_a_number,
       count(*) FILTER (WHERE scale(r) > 15) AS of_fine_scale,
       count(*) FILTER (WHERE r = 0 AND scale(r) > 0) AS of_zero_with_scale
  FROM elements,
       unnest(ARRAY[(element).revenue_new, (element).revenue_retained,
                    (element).revenue_reactivated, (element).revenue_won_back,
                    (element).revenue_other]) AS r
 WHERE amounts AND NOT lost;
SELECT form, count(*) FILTER (WHERE (element).revenue_other <> 0) AS with_revenue_of_others
  FROM elements WHERE amounts AND NOT lost GROUP BY form ORDER BY form;

-- The rows contain every corner case, to the microsecond or the day.
SELECT corner, sum(cases) AS cases FROM corners GROUP BY corner ORDER BY corner COLLATE "C";

-- The periods of one day contain days of 23 and of 25 hours.
SELECT zone, (element).period_end - (element).period_start AS length, count(*) AS periods
  FROM elements
 WHERE time = 'timestamptz' AND form = 'rows' AND NOT amounts AND NOT lost AND step = '1 day'
   AND (element).period_end - (element).period_start >= '23 hours'
 GROUP BY zone, (element).period_end - (element).period_start ORDER BY zone, length;

-- Series of months that begin on day 29, 30 or 31: some of their periods start on an earlier day,
-- because the month is shorter.
SELECT extract(day FROM (element).period_start) AS day, count(*) AS periods
  FROM elements
 WHERE time = 'date' AND form = 'rows' AND NOT amounts AND NOT lost AND step = '1 month'
   AND extract(day FROM (element).period_start) >= 28
 GROUP BY day ORDER BY day;

--
-- Split states: parallel plans, and parts combined in any order.  Each question is a query that
-- calls all forms of lifecycle_series and of lifecycle_counts and returns text.  The test checks
-- that the plan aggregates in parts; then the answer must be that of the serial plan, bit for bit.
--
SET TimeZone = 'Europe/Berlin';
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET cpu_operator_cost = 1;  -- aggregation is expensive, so the planner does it in parts
SET min_parallel_table_scan_size = 0;

-- 8,000 events of 1,000 customers, in 40 groups and in 500.  Each customer has a key of every kind.
CREATE TABLE history AS
SELECT n, coalesce(who, n) % 40 AS forty, n % 500 AS many, who, who::int8 << 32 AS "int8",
       'number ' || who AS "text", lpad(who::text, 32, '0')::uuid AS "uuid",
       ROW(CASE WHEN who > 1 THEN 'shop ' || who % 3 END,
           CASE WHEN who > 0 THEN who END)::shop_customer AS "composite",
       at::timestamptz AS at_timestamptz, at AS at_timestamp, at::date AS at_date, event,
       CASE WHEN event IN ('interest', 'cancellation') THEN 0 ELSE amount END AS amount
  FROM (SELECT n, CASE pick(n, 42, 50) WHEN 0 THEN NULL ELSE pick(n, 43, 1000) END AS who,
               CASE pick(n, 44, 50) WHEN 0 THEN NULL WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity'
                 ELSE timestamp '2023-06-01' + pick(n, 45, 600) * interval '1 day'
                      + pick(n, 46, 86400) * interval '1 second' END AS at,
               pick(n, 47, '{purchase,purchase,purchase,purchase,
                             cancellation,interest,adjustment,NULL}'::lifecycle_event[]) AS event,
               pick(n, 48, '{NULL,0,1,2.50,-2.50,0.001,1e-20,1e25,
                             12345678901234567890.12,99.9,100}'::numeric[]) AS amount
          FROM generate_series(1, 8000) AS n) n
 ORDER BY pick(n, 49, 1000000), n;
ANALYZE history;

CREATE TABLE split_answers (
  asked text, way text, kind text, time text, workers int, id int, whole text, split text);
CREATE TABLE launched (way text, planned int, at_least_one bool);

-- Returns a query (id, answer) over the columns of the given kind of key and time type; "grouped"
-- is a column to group by, or NULL.
CREATE FUNCTION question(kind text, t times, grouped text, source text) RETURNS text
LANGUAGE sql AS $$
  SELECT replace(replace(replace(replace(replace(replace(
    $template$
    SELECT BY AS id,
           concat_ws(' ', lifecycle_series(KEY, TIME, PERIOD, '1 month', '1 month', '3 months'),
                     lifecycle_series(KEY, TIME, event, PERIOD, '1 month', '1 month', '3 months'),
                     lifecycle_series(KEY, TIME, amount, PERIOD, '1 month', '1 month', '3 months'),
                     lifecycle_series(KEY, TIME, event, amount, PERIOD, '10 days', '30 days', NULL),
                     lifecycle_series_lost_after(KEY, TIME, event, amount, PERIOD, '1 month',
                                                 '1 month', '3 months', '6 months'),
                     lifecycle_counts(KEY, TIME, event, amount, PERIOD, '30 days', '90 days'),
                     lifecycle_counts_lost_after(KEY, TIME, event, amount, PERIOD,
                                                 '30 days', '90 days', '180 days')
                    ) AS answer
      FROM SOURCE GROUPED $template$,
    'BY AS id', coalesce(grouped, '0') || ' AS id'),
    'KEY', quote_ident(kind)),
    'TIME', 'at_' || t.time),
    'PERIOD', format('%L::%s', '[2023-11-30,2024-09-15)', t.span)),
    'SOURCE', source),
    'GROUPED', coalesce('GROUP BY ' || grouped, ''))
$$;

-- Asks the question in a serial and in a parallel plan.
CREATE PROCEDURE ask_parallel(
  way text, kind text, t times, grouped text, workers int, leader bool)
LANGUAGE plpgsql AS $$
DECLARE
  query text := question(kind, t, grouped, 'history');
  wanted text :=
    CASE way WHEN 'groups, hashed'
             THEN '^Finalize HashAggregate > Gather > '
                  '(Partial HashAggregate > Parallel Seq Scan|Parallel Custom Scan)$'
             WHEN 'groups, sorted'
             THEN '^Finalize GroupAggregate > Gather Merge > '
                  'Partial GroupAggregate > Parallel Seq Scan$'
             ELSE '^Finalize Aggregate > Gather > '
                  '(Partial Aggregate > Parallel Seq Scan|Parallel Custom Scan)$' END;
  line text;
BEGIN
  DROP TABLE IF EXISTS serial, parallel;
  PERFORM set_config('enable_sort', (way NOT LIKE '%hashed')::text, false);
  PERFORM set_config('enable_hashagg', (way NOT LIKE '%sorted')::text, false);
  PERFORM set_config('max_parallel_workers_per_gather', '0', false);
  CALL keep('serial', query);
  PERFORM set_config('max_parallel_workers_per_gather', workers::text, false);
  PERFORM set_config('parallel_leader_participation', leader::text, false);
  EXECUTE format('ALTER TABLE history SET (parallel_workers = %s)', workers);
  CALL keep('parallel', query, wanted);
  IF grouped IS NULL AND kind = 'int8' THEN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
      INSERT INTO launched
      SELECT way, workers, substring(line FROM 'Workers Launched: (\d+)')::int > 0
       WHERE line ~ 'Workers Launched';
    END LOOP;
  END IF;
  PERFORM set_config('max_parallel_workers_per_gather', '0', false);
  PERFORM set_config('enable_sort', 'true', false);
  PERFORM set_config('enable_hashagg', 'true', false);
  INSERT INTO split_answers
  SELECT CASE leader WHEN true THEN 'parallel, with the leader'
                     ELSE 'parallel, workers alone' END,
         way, kind, t.time, workers, id, s.answer, p.answer
    FROM serial s FULL JOIN parallel p USING (id);
END $$;
DO $$
DECLARE
  key keys;
  t times;
BEGIN
  FOR t IN SELECT * FROM times ORDER BY time LOOP
    FOR key IN SELECT * FROM keys ORDER BY kind LOOP
      CALL ask_parallel('without groups', key.kind, t, NULL, 2, false);
    END LOOP;
    CALL ask_parallel('groups, hashed', 'int8', t, 'forty', 2, false);
    CALL ask_parallel('groups, sorted', 'text', t, 'many', 3, true);
  END LOOP;
  FOR workers IN 1 .. 4 LOOP
    CALL ask_parallel('without groups', 'int8', t, NULL, workers, true);
  END LOOP;
END $$;

-- PostgreSQL aggregates each partition of a table on its own and then combines them in order, on
-- any machine.  The rows are split by number, by customer and by time: into three partitions in
-- all orders, into two, and with nearly all rows in one.
CREATE TABLE parts (part int, LIKE history) PARTITION BY LIST (part);
CREATE TABLE part0 PARTITION OF parts FOR VALUES IN (0);
CREATE TABLE part1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE part2 PARTITION OF parts FOR VALUES IN (2);
-- a Winback Scan would read all partitions into one state
SET winback.enable_scan = off;
SET enable_partitionwise_aggregate = on;
SET max_parallel_workers_per_gather = 0;
CREATE PROCEDURE ask_parts(way text, part text)
LANGUAGE plpgsql AS $$
DECLARE
  t times;
  grouped text;
BEGIN
  TRUNCATE parts;
  EXECUTE format('INSERT INTO parts SELECT (%s), history.* FROM history', part);
  ANALYZE parts;
  FOR t IN SELECT * FROM times ORDER BY time LOOP
    FOREACH grouped IN ARRAY '{NULL,forty}'::text[] LOOP
      CONTINUE WHEN t.time <> 'timestamptz' AND grouped IS NOT NULL;
      DROP TABLE IF EXISTS whole, split;
      PERFORM set_config('cpu_tuple_cost', '0.01', false);
      EXECUTE 'CREATE TEMP TABLE whole AS ' || question('int8', t, grouped, 'history');
      -- appending rows is expensive, so the planner aggregates before
      PERFORM set_config('cpu_tuple_cost', '1000', false);
      IF nodes(question('int8', t, grouped, 'parts'))
         !~ ('^Finalize (Hash|Group)?Aggregate > Append'
             '( > Partial (Hash|Group)?Aggregate > Seq Scan){3}$') THEN
        RAISE EXCEPTION 'not in parts: %', nodes(question('int8', t, grouped, 'parts'));
      END IF;
      EXECUTE 'CREATE TEMP TABLE split AS ' || question('int8', t, grouped, 'parts');
      PERFORM set_config('cpu_tuple_cost', '0.01', false);
      INSERT INTO split_answers
      SELECT 'in parts', way || CASE WHEN grouped IS NULL THEN '' ELSE ', groups' END, 'int8',
             t.time, 0, id, w.answer, s.answer
        FROM whole w FULL JOIN split s USING (id);
    END LOOP;
  END LOOP;
END $$;
CALL ask_parts('rows 0 1 2', 'n % 3');
CALL ask_parts('rows 1 2 0', '(n + 1) % 3');
CALL ask_parts('rows 2 0 1', '(n + 2) % 3');
CALL ask_parts('rows 0 2 1', 'n * 2 % 3');
CALL ask_parts('two parts', 'n % 2 * 2');
CALL ask_parts('by customer', 'coalesce(who, 0) % 3');
CALL ask_parts('by time', $$CASE WHEN at_date >= '2024-08-01' THEN 0
                                 WHEN at_date >= '2024-01-01' THEN 1 ELSE 2 END$$);
CALL ask_parts('all but one', 'CASE WHEN n < 7999 THEN 1 WHEN n = 7999 THEN 0 ELSE 2 END');
CALL ask_parts('all in one', '2');

-- No answer differs, and workers took part in every kind of parallel plan.
SELECT asked, asked_of, array_agg(DISTINCT workers ORDER BY workers) AS workers,
       count(DISTINCT way) AS ways, count(DISTINCT kind) AS kinds, count(DISTINCT time) AS times,
       count(*) AS answers, count(DISTINCT split) AS different_answers,
       count(*) FILTER (WHERE whole IS DISTINCT FROM split) AS differ
  FROM split_answers,
       LATERAL (SELECT CASE WHEN way ~ 'groups,|, groups' THEN 'groups'
                            ELSE 'all' END AS asked_of) i
 GROUP BY asked, asked_of ORDER BY asked COLLATE "C", asked_of;
SELECT way, bool_and(at_least_one) AS with_workers FROM launched GROUP BY way ORDER BY way;

-- Merging is idempotent: with the same purchases in two parts, and no amounts, the answer is that
-- of the purchases once.
INSERT INTO parts SELECT part, history.* FROM history, generate_series(0, 1) AS part;
ANALYZE parts;
SET cpu_tuple_cost = 1000;
SELECT nodes('SELECT lifecycle_series("int8", at_date, ''[2023-11-30,2024-09-15)'', ''1 month'',
                                      ''1 month'', ''3 months'')
                FROM parts')
       ~ '^Finalize Aggregate > Append( > Partial Aggregate > Seq Scan){3}$' AS in_parts;
SELECT (SELECT count(*) FROM parts) AS rows,
       (SELECT lifecycle_series("int8", at_date, '[2023-11-30,2024-09-15)', '1 month', '1 month',
                                '3 months')::text
          FROM parts)
       = (SELECT lifecycle_series("int8", at_date, '[2023-11-30,2024-09-15)', '1 month', '1 month',
                                  '3 months')::text
            FROM history) AS same;
RESET cpu_tuple_cost;
RESET winback.enable_scan;

-- The answers of the 40 groups are those of plain SQL.
RESET cpu_operator_cost;
DROP TABLE series, events;
CREATE TEMP TABLE series AS
SELECT forty AS series_id, tstzrange '[2023-11-30,2024-09-15)' AS period,
       interval '1 month' AS step, interval '1 month' AS inactive_after,
       interval '3 months' AS churned_after, interval '6 months' AS lost_after
  FROM history GROUP BY forty;
CREATE TEMP TABLE events AS
SELECT forty AS series_id, "int8" AS customer, at_timestamptz AS at, event, amount FROM history;
DO $$
DECLARE
  t times;
BEGIN
  SELECT * INTO t FROM times WHERE time = 'timestamptz';
  CALL prepare(t);
END $$;
SELECT count(*) AS elements, count(*) FILTER (WHERE (counts).sustained > 0) AS with_sustained,
       count(*) FILTER (WHERE counts::text IS DISTINCT FROM without_step(elements[k + 1])::text)
         AS differ
  FROM plain_counts()
  JOIN (SELECT forty AS series_id,
               lifecycle_series_lost_after(
                 "int8", at_timestamptz, event, amount, '[2023-11-30,2024-09-15)', '1 month',
                 '1 month', '3 months', '6 months') AS elements
          FROM history GROUP BY forty) g USING (series_id)
 WHERE form = 'events' AND amounts AND lost;

--
-- Transitions.
--

-- 10,000 customers with any two statuses, in 100 groups.  In the last group both are NULL.
CREATE TABLE changes AS
SELECT n, n % 100 AS grp,
       CASE WHEN n % 100 < 99 THEN pick(n, 51, labels) END AS before,
       CASE WHEN n % 100 < 99 THEN pick(n, 52, labels) END AS after
  FROM generate_series(1, 10000) AS n,
       (SELECT '{NULL,prospect,new,active,inactive,churned,
                 reactivated,won_back}'::lifecycle_status[] AS labels) l;
ANALYZE changes;

-- Counts the customers by GROUP BY of the two columns, in the order of the labels with NULL first,
-- and leaves out the pair of two NULLs.
CREATE FUNCTION plain_transitions(grp int) RETURNS text
LANGUAGE sql AS $$
  SELECT array_agg(ROW(before, after, customers)::lifecycle_transition
                   ORDER BY before NULLS FIRST, after NULLS FIRST)::text
    FROM (SELECT before, after, count(*) AS customers FROM changes
           WHERE (changes.grp = $1 OR $1 IS NULL) AND (before IS NOT NULL OR after IS NOT NULL)
           GROUP BY before, after) c
$$;
CREATE TABLE transition_answers (way text, grp int, plain text, answer text);
CREATE PROCEDURE ask_transitions(way text, query text, workers int, wanted text)
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('max_parallel_workers_per_gather', workers::text, false);
  IF nodes(query) !~ wanted THEN
    RAISE EXCEPTION 'not the plan wanted: %', nodes(query) USING DETAIL = query;
  END IF;
  DROP TABLE IF EXISTS got;
  EXECUTE 'CREATE TEMP TABLE got AS ' || query;
  PERFORM set_config('max_parallel_workers_per_gather', '0', false);
  INSERT INTO transition_answers SELECT way, grp, plain_transitions(grp), answer FROM got;
END $$;
SET cpu_operator_cost = 1;
CALL ask_transitions('serial', 'SELECT NULL::int AS grp,
                                       lifecycle_transitions(before, after)::text AS answer
                                  FROM changes', 0, '^Aggregate > Seq Scan$');
CALL ask_transitions('parallel', 'SELECT NULL::int AS grp,
                                         lifecycle_transitions(before, after)::text AS answer
                                    FROM changes', 2,
                     '^Finalize Aggregate > Gather > '
                     '(Partial Aggregate > Parallel Seq Scan|Parallel Custom Scan)$');
\set of_groups 'SELECT grp, lifecycle_transitions(before, after)::text AS answer'
\set of_groups :of_groups ' FROM changes GROUP BY grp'
CALL ask_transitions('serial, groups', :'of_groups', 0, '^HashAggregate > Seq Scan$');
SET enable_sort = off;
CALL ask_transitions('parallel, groups, hashed', :'of_groups', 2,
                     '^Finalize HashAggregate > Gather > '
                     '(Partial HashAggregate > Parallel Seq Scan|Parallel Custom Scan)$');
RESET enable_sort;
SET enable_hashagg = off;
CALL ask_transitions('parallel, groups, sorted', :'of_groups', 3,
                     '^Finalize GroupAggregate > Gather Merge > '
                     'Partial GroupAggregate > Parallel Seq Scan$');
RESET enable_hashagg;

-- No answer differs, and the answers contain all 63 cells.
SELECT way, count(*) AS answers, max(cardinality(answer::lifecycle_transition[])) AS most_cells,
       count(*) FILTER (WHERE plain IS NULL) AS without_customers,
       count(*) FILTER (WHERE plain IS DISTINCT FROM answer) AS differ
  FROM transition_answers GROUP BY way ORDER BY way COLLATE "C";

DROP SCHEMA property_series CASCADE;
