--
-- property.sql
--
-- Proves that reactivation_rate and winback_rate, and their forms with lost_after,
-- are, to the last bit, what their definition says.  The definition is written here
-- twice in plain SQL, in two styles, and both are compared with the aggregates over
-- thousands of generated cases: every time type, every kind of key, every kind of
-- bound, thresholds of months, days and hours, purchases on the microsecond of every
-- boundary, month ends, leap days, daylight saving, NULLs, duplicates and infinities.
--
-- Over plain orders the tally with lost_after is the difference of two tallies
-- without it.  The test proves this, and that a lost_after of NULL changes nothing.
--
-- Each case is made from a hash of its number, so the cases are the same in every
-- version of PostgreSQL.  Another seed makes other cases: then the counts change,
-- but the columns named "differ" must stay 0.
--
\set seed 1
\set cases_per_round 70
\set purchases 50000
-- On a slow server (scripts/checked) there are fewer cases, and the counts change.
\getenv fewer WINBACK_CASES
\if :{?fewer}
  \set cases_per_round :fewer
  \set purchases 2000
\endif

-- a threshold below an hour raises a WARNING
SET client_min_messages = error;
SET jit = off;
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
CREATE SCHEMA property;
SET search_path = property, public;
SELECT set_config('property.seed', :'seed', false) AS seed;
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/include/helpers.sql'
\i :helpers

--
-- The definition.  It reads two tables, which each round fills anew:
--
--   cases     (case_id, period, inactive_after, churned_after, lost_after)
--   purchases (case_id, customer, at)
--
SET check_function_bodies = off;

-- First style: one row for each customer, with the last purchase before the
-- period and whether he bought in it.  A date counts as its midnight, and a date
-- minus an interval is a timestamp.  If lost_after is NULL, no customer is lost.
-- IS DISTINCT FROM NULL is written because IS NOT NULL is false for a composite
-- value with a NULL field.
CREATE FUNCTION plain_by_customer()
RETURNS TABLE (case_id int, reactivation float8, winback float8,
               reactivation_lost_after float8, winback_lost_after float8)
LANGUAGE sql AS $$
  WITH instants AS (
    SELECT c.*,
           lower(period) + CASE WHEN lower_inc(period) THEN interval '0'
                                ELSE interval '1 microsecond' END AS "from",
           CASE WHEN isfinite(upper(period)) THEN upper(period) END AS "to"
      FROM cases c
  ), customers AS (
    SELECT i.case_id, p.customer,
           max(p.at) FILTER (WHERE p.at < i."from") AS last_before,
           count(*) FILTER (WHERE p.at >= i."from"
                              AND (p.at < i."to"
                                   OR (p.at = i."to" AND upper_inc(i.period))
                                   OR i."to" IS NULL)
                              AND p.at <> 'infinity') > 0 AS bought
      FROM instants i JOIN purchases p USING (case_id)
     WHERE p.customer IS DISTINCT FROM NULL AND p.at IS NOT NULL
     GROUP BY i.case_id, p.customer
  ), standings AS (
    SELECT i.case_id, c.bought,
           c.last_before < i."from" - i.inactive_after AS was_inactive,
           c.last_before < i."from" - i.churned_after AS was_churned,
           coalesce(c.last_before < i."from" - i.lost_after, false) AS was_lost
      FROM instants i LEFT JOIN customers c USING (case_id)
  )
  SELECT s.case_id,
         count(*) FILTER (WHERE was_inactive AND bought)::float8
           / nullif(count(*) FILTER (WHERE was_inactive), 0),
         count(*) FILTER (WHERE was_churned AND bought)::float8
           / nullif(count(*) FILTER (WHERE was_churned), 0),
         count(*) FILTER (WHERE was_inactive AND NOT was_lost AND bought)::float8
           / nullif(count(*) FILTER (WHERE was_inactive AND NOT was_lost), 0),
         count(*) FILTER (WHERE was_churned AND NOT was_lost AND bought)::float8
           / nullif(count(*) FILTER (WHERE was_churned AND NOT was_lost), 0)
    FROM standings s
   GROUP BY s.case_id
$$;

-- Second style: sets of customers, and PostgreSQL's own range operators.  A customer
-- is eligible if he bought before the period, but not between the cut-off and the
-- period.  With lost_after, he also bought between that cut-off and the period.
CREATE FUNCTION plain_by_sets()
RETURNS TABLE (case_id int, reactivation float8, winback float8,
               reactivation_lost_after float8, winback_lost_after float8)
LANGUAGE sql AS $$
  WITH counted AS (
    SELECT c.case_id, p.customer, p.at,
           p.at <@ c.period AND p.at < 'infinity' AS within,
           p.at <= lower(c.period) AND NOT p.at <@ c.period AS before,
           CASE WHEN lower_inc(c.period) THEN lower(c.period) - c.inactive_after
                ELSE lower(c.period) + interval '1 microsecond' - c.inactive_after
           END AS inactive_before,
           CASE WHEN lower_inc(c.period) THEN lower(c.period) - c.churned_after
                ELSE lower(c.period) + interval '1 microsecond' - c.churned_after
           END AS churned_before,
           CASE WHEN c.lost_after IS NULL THEN '-infinity'
                WHEN lower_inc(c.period) THEN lower(c.period) - c.lost_after
                ELSE lower(c.period) + interval '1 microsecond' - c.lost_after
           END AS lost_before
      FROM cases c JOIN purchases p USING (case_id)
     WHERE NOT p.customer IS NOT DISTINCT FROM NULL AND NOT p.at IS NULL
  ), came AS (
    SELECT case_id, customer FROM counted WHERE within
  ), inactive AS (
    SELECT case_id, customer FROM counted WHERE before
    EXCEPT
    SELECT case_id, customer FROM counted WHERE before AND at >= inactive_before
  ), churned AS (
    SELECT case_id, customer FROM counted WHERE before
    EXCEPT
    SELECT case_id, customer FROM counted WHERE before AND at >= churned_before
  ), reached AS (
    SELECT case_id, customer FROM counted WHERE before AND at >= lost_before
  ), eligible AS (
    SELECT 'inactive' AS which, * FROM inactive
    UNION ALL
    SELECT 'churned', * FROM churned
    UNION ALL
    SELECT 'inactive, not lost', * FROM (SELECT * FROM inactive INTERSECT SELECT * FROM reached) i
    UNION ALL
    SELECT 'churned, not lost', * FROM (SELECT * FROM churned INTERSECT SELECT * FROM reached) l
  ), sizes AS (
    SELECT case_id, which, count(*)::float8 AS eligible
      FROM eligible GROUP BY case_id, which
  ), returns AS (
    SELECT case_id, which, count(*)::float8 AS returned
      FROM eligible JOIN (SELECT DISTINCT * FROM came) c USING (case_id, customer)
     GROUP BY case_id, which
  ), rates AS (
    SELECT case_id, which, coalesce(returned, 0) / eligible AS rate
      FROM sizes LEFT JOIN returns USING (case_id, which)
  )
  SELECT case_id,
         (SELECT rate FROM rates r WHERE r.case_id = c.case_id AND which = 'inactive'),
         (SELECT rate FROM rates r WHERE r.case_id = c.case_id AND which = 'churned'),
         (SELECT rate FROM rates r WHERE r.case_id = c.case_id AND which = 'inactive, not lost'),
         (SELECT rate FROM rates r WHERE r.case_id = c.case_id AND which = 'churned, not lost')
    FROM cases c
$$;

-- Calls the aggregates, with the parameters in columns.
CREATE FUNCTION aggregated()
RETURNS TABLE (case_id int, reactivation float8, winback float8,
               reactivation_lost_after float8, winback_lost_after float8)
LANGUAGE sql AS $$
  SELECT c.case_id,
         reactivation_rate(p.customer, p.at, c.period, c.inactive_after),
         winback_rate(p.customer, p.at, c.period, c.churned_after),
         reactivation_rate_lost_after(p.customer, p.at, c.period, c.inactive_after, c.lost_after),
         winback_rate_lost_after(p.customer, p.at, c.period, c.churned_after, c.lost_after)
    FROM cases c LEFT JOIN purchases p USING (case_id)
   GROUP BY c.case_id
$$;

-- Returns pairs of values that must be equal, for each case, as text: the difference of two
-- tallies and the tally with lost_after; that tally's rate and the rate; and the forms with a
-- lost_after of NULL and those without it.
CREATE FUNCTION equal_values()
RETURNS TABLE (case_id int, property text, one text, other text)
LANGUAGE sql AS $$
  WITH tallies AS (
    SELECT c.case_id,
           reactivation_tally(customer, at, period, inactive_after) AS r1,
           reactivation_tally(customer, at, period, lost_after)
             FILTER (WHERE lost_after IS NOT NULL) AS r2,
           reactivation_tally_lost_after(customer, at, period, inactive_after, lost_after) AS r3,
           winback_tally(customer, at, period, churned_after) AS w1,
           winback_tally(customer, at, period, lost_after)
             FILTER (WHERE lost_after IS NOT NULL) AS w2,
           winback_tally_lost_after(customer, at, period, churned_after, lost_after) AS w3,
           reactivation_rate_lost_after(customer, at, period, inactive_after, lost_after) AS r_rate,
           winback_rate_lost_after(customer, at, period, churned_after, lost_after) AS w_rate,
           ROW(reactivation_rate(customer, at, period, inactive_after),
               reactivation_tally(customer, at, period, inactive_after),
               winback_rate(customer, at, period, churned_after),
               winback_tally(customer, at, period, churned_after))::text AS without,
           ROW(reactivation_rate_lost_after(customer, at, period, inactive_after, NULL),
               reactivation_tally_lost_after(customer, at, period, inactive_after, NULL),
               winback_rate_lost_after(customer, at, period, churned_after, NULL),
               winback_tally_lost_after(customer, at, period, churned_after, NULL))::text
             AS with_null
      FROM cases c LEFT JOIN purchases p USING (case_id)
     GROUP BY c.case_id
  )
  -- the rows of r2 and w2 are left out where lost_after is NULL, and their tally is 0/0
  SELECT case_id, v.*
    FROM tallies,
         LATERAL (VALUES ('reactivation_tally - reactivation_tally', (r1 - r2)::text, r3::text),
                         ('winback_tally - winback_tally', (w1 - w2)::text, w3::text),
                         ('rate of the reactivation tally', rate(r3)::text, r_rate::text),
                         ('rate of the win-back tally', rate(w3)::text, w_rate::text),
                         ('lost_after NULL', without, with_null)) AS v
$$;

--
-- The generator.
--

-- "shortest" is the shortest threshold that a time type accepts.
CREATE TABLE times (time regtype, span regtype, shortest interval, jitters interval[]);
INSERT INTO times VALUES
  ('timestamptz', 'tstzrange', '1us', '{-1us,-1us,0,0,0,1us,1us,2us,-1h,1h}'),
  ('timestamp', 'tsrange', '1us', '{-1us,-1us,0,0,0,1us,1us,2us,-1h,1h}'),
  ('date', 'daterange', '1d', '{-1d,-1d,0,0,0,1d,1d,2d}');

-- The expression that makes the key of customer number "who"; "way" selects among equal
-- keys that are spelled differently.
CREATE TABLE keys (kind text, spelling text);
CREATE COLLATION ignore_case
  (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE shop_customer AS (shop text, number int);
CREATE DOMAIN customer_number AS int8 CHECK (VALUE > 0);
INSERT INTO keys VALUES
  ('int2', $$(who - 5)::int2$$),
  ('int4', $$(who - 5) * 100003$$),
  ('int8', $$(who - 5)::int8 << 32$$),
  ('uuid', $$CASE who % 2 WHEN 0 THEN lpad(who::text, 32, '0')
                          ELSE rpad(who::text, 32, '0') END::uuid$$),
  ('text', $$CASE who WHEN 0 THEN '' WHEN 1 THEN repeat('long ', 1000)
                      WHEN 2 THEN repeat('long ', 1000) || '.' ELSE 'number ' || who END$$),
  ('varchar', $$('number ' || who)::varchar(20)$$),
  ('char(n)', $$('number ' || who)::char(20)$$),
  ('text ignoring case', $$(CASE way WHEN 0 THEN 'Älter ' ELSE 'äLTER ' END || who)
                            COLLATE ignore_case$$),
  ('date', $$CASE who WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity'
                      ELSE date '2000-01-01' - 8 + who END$$),
  ('numeric', $$CASE who WHEN 0 THEN 'NaN' ELSE round(who - 5::numeric, way) END$$),
  ('float8', $$CASE who WHEN 0 THEN 'NaN' WHEN 1 THEN (way - 1) * 0::float8
                        ELSE 1 / who::float8 END$$),
  ('composite', $$ROW(CASE WHEN who > 1 THEN 'shop ' || who % 3 END,
                      CASE WHEN who > 0 THEN who END)::shop_customer$$),
  ('domain', $$(who + 1)::customer_number$$);

-- Moments where calendars are hard: month ends, leap days, the epoch, the gaps
-- and overlaps of Berlin (26 March 2023, 31 March and 27 October 2024) and New
-- York (10 March and 3 November 2024), and moments that lie one threshold after
-- such a moment.
CREATE FUNCTION moments() RETURNS timestamp[] LANGUAGE sql IMMUTABLE AS $$
  SELECT ARRAY[
    '2024-02-29', '2024-03-31', '2023-03-31', '2024-03-30', '2023-03-29', '2025-02-28',
    '2024-05-31 12:00', '2024-12-31', '2025-01-01', '2024-03-01', '2023-03-01', '2100-03-01',
    '2000-02-29', '2000-01-01', '1970-01-01', '1900-03-31', '0001-03-31', '4000-02-29',
    '2024-03-31 02:00', '2024-03-31 02:30', '2024-03-31 03:00', '2024-04-01 02:30',
    '2023-04-26 02:30', '2024-03-31 23:30', '2024-05-01 00:30', '2024-10-27 02:00',
    '2024-10-27 02:30', '2024-10-27 03:00', '2024-10-28 02:30', '2024-11-27 02:30',
    '2024-03-10 02:00', '2024-03-10 02:30', '2024-03-10 03:00', '2024-03-11 02:30',
    '2024-04-10 02:30', '2024-11-03 01:00', '2024-11-03 01:30', '2024-11-03 02:00',
    '2024-11-04 01:30', '2024-12-03 01:30']::timestamp[]
$$;
CREATE FUNCTION thresholds() RETURNS interval[] LANGUAGE sql IMMUTABLE AS $$
  SELECT ARRAY[
    '1 month', '1 month', '2 months', '3 months', '1 year', '1 year 2 months', '1 day', '7 days',
    '30 days', '31 days', '90 days', '1 hour', '24 hours', '36 hours', '30 minutes',
    '1 microsecond', '1 month 3 days 04:05:06.000007', '2 days -1 hour', '1 month -1 day',
    '1 month -29 days', '1 day -23 hours', '-1 month 40 days']::interval[]
$$;
CREATE FUNCTION lengths() RETURNS interval[] LANGUAGE sql IMMUTABLE AS $$
  SELECT ARRAY[
    '1 month', '1 month', '3 months', '1 year', '7 days', '1 day', '1 day', '24 hours', '1 hour',
    '0', '1 microsecond', '2 microseconds', '1 month 00:00:00.000001',
    NULL, NULL, NULL]::interval[]  -- NULL: no end
$$;

-- Fills both tables for one time type and one kind of key, in the session's
-- time zone, with the cases numbered from first to last.
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
             + pick(n, 5, '{0,0,0,-1us,1us,1h}'::interval[]) AS low,
             pick(n, 6, lengths()) AS length
        FROM generate_series(FIRST, LAST) AS n
    ), bounds AS (
      SELECT case_id, low::TIME,
             CASE WHEN length IS NOT NULL THEN low + length
                  ELSE pick(case_id, 7, '{NULL,infinity}'::timestamp[]) END::TIME AS high,
             pick(case_id, 8, '{[),[),[],(],()}'::text[]) AS kind
        FROM lows
    ), spans AS (
      SELECT case_id, pick(case_id, 9, thresholds()) AS first_try,
             pick(case_id, 10, thresholds()) AS second_try,
             pick(case_id, 23, thresholds()) AS third_try,
             CASE WHEN isempty(SPAN(low, high, kind))
                       OR (kind = '()' AND high <= low + interval '1us')
                  THEN SPAN(low, high, '[]') ELSE SPAN(low, high, kind) END AS period
        FROM bounds
    ), instants AS MATERIALIZED (
      SELECT *,
             lower(period) + CASE WHEN lower_inc(period) THEN '0' ELSE '1us' END::interval
               AS "from"
        FROM spans
    ), chosen AS MATERIALIZED (
      SELECT case_id, period, "from", third_try,
             CASE WHEN "from" - first_try < "from" AND first_try >= 'SHORTEST' THEN first_try
                  ELSE '1 month' END AS inactive_after,
             CASE WHEN "from" - second_try < "from" AND second_try >= 'SHORTEST' THEN second_try
                  ELSE '2 months' END AS churned_after,
             pick(case_id, 25, '{0,0,1us,1 day,1 month}'::interval[]) AS more
        FROM instants
    )
    -- lost_after is not shorter than the other two: neither as an interval, nor at "from"
    SELECT case_id, period, inactive_after, churned_after,
           CASE WHEN pick(case_id, 24, 8) > 0 THEN
             (SELECT one
                FROM unnest(ARRAY[third_try, inactive_after + more, churned_after + more,
                                  '2 years']) WITH ORDINALITY AS tries (one, no)
               WHERE one >= inactive_after AND "from" - one <= "from" - inactive_after
                 AND one >= churned_after AND "from" - one <= "from" - churned_after
               ORDER BY no LIMIT 1) END AS lost_after
      FROM chosen;

    CREATE TEMP TABLE purchases AS
    WITH instants AS (
      SELECT *,
             lower(period) + CASE WHEN lower_inc(period) THEN '0' ELSE '1us' END::interval
               AS "from",
             coalesce(upper(period), 'infinity') AS "to"
        FROM cases
    ), rows AS (
      SELECT *, pick(n, 11, JITTERS::interval[]) AS jitter, n * 8 + copy AS row_id
        FROM instants,
             generate_series(case_id * 64::bigint,
                             case_id * 64::bigint + pick(case_id, 12, 36) - 1) AS n,
             generate_series(0, CASE pick(n, 13, 6) WHEN 0 THEN 1 ELSE 0 END) AS copy
    ), named AS (
      SELECT *, pick(n, 14, 1 + pick(case_id, 15, 16)) AS who, pick(row_id, 16, 2) AS way,
             CASE pick(n, 17, 16)
               WHEN 0 THEN "from" + jitter
               WHEN 1 THEN "from" + jitter
               WHEN 2 THEN "to" + jitter
               WHEN 3 THEN "to" + jitter
               WHEN 4 THEN "from" - inactive_after + jitter
               WHEN 5 THEN "from" - inactive_after + jitter
               WHEN 6 THEN "from" - churned_after + jitter
               WHEN 7 THEN "from" - churned_after + jitter
               WHEN 8 THEN pick(n, 18, '{infinity,-infinity}'::timestamp[])::TIME
               WHEN 9 THEN CASE WHEN pick(n, 19, 3) > 0 THEN "from" - churned_after * 2 END
               WHEN 10 THEN "from" - coalesce(lost_after, churned_after) + jitter
               WHEN 11 THEN "from" - coalesce(lost_after, churned_after) + jitter
               ELSE "from" + (inactive_after + interval '40 days')
                             * ((pick(n, 20, 5000) - 3000) / 1000.0)
             END::TIME AS at
        FROM rows
    )
    SELECT case_id, CASE WHEN pick(n, 21, 30) > 0 THEN SPELLING END AS customer, at
      FROM named
     ORDER BY pick(row_id, 22, 1000000), row_id;
  $template$;
BEGIN
  DROP TABLE IF EXISTS cases, purchases;
  template := replace(template, 'TIME', t.time::text);
  template := replace(template, 'SPAN', t.span::text);
  template := replace(template, 'JITTERS', quote_literal(t.jitters));
  template := replace(template, 'SHORTEST', t.shortest::text);
  template := replace(template, 'SPELLING', k.spelling);
  template := replace(template, 'FIRST', first::text);
  template := replace(template, 'LAST', last::text);
  EXECUTE template;
END $$;

-- The answers of the definition, in both styles, and of the aggregates, for each case.
CREATE TABLE answers (
  asked text, zone text, time regtype, kind text, case_id int, rate text,
  plain float8, by_sets float8, answer float8);
CREATE VIEW compared AS
SELECT *,
       answer IS NULL AS undefined,
       answer > 0 AND answer < 1 AS between_0_and_1,
       float8send(answer) IS DISTINCT FROM float8send(plain) AS differs,
       float8send(by_sets) IS DISTINCT FROM float8send(plain) AS styles_differ
  FROM answers;
CREATE TABLE equalities (
  property text, zone text, time regtype, kind text, case_id int, one text, other text);

-- Plays a round.  One query asks about all cases, with the parameters in columns.
-- For every tenth case there are also a query with the parameters as constants, and
-- a prepared statement that is run under a generic and under a custom plan.
CREATE PROCEDURE play(round int, how_many int, zone text, t times, k keys)
LANGUAGE plpgsql AS $$
DECLARE
  first int := round * 1000;
  c record;
  scan text;
  mode text;
  one record;
BEGIN
  PERFORM set_config('TimeZone', zone, false);
  CALL generate(first, first + how_many - 1, t, k);

  DROP TABLE IF EXISTS plain, got;
  CREATE TEMP TABLE plain AS
  SELECT case_id, p.reactivation, p.winback, p.reactivation_lost_after, p.winback_lost_after,
         s.reactivation AS reactivation_by_sets, s.winback AS winback_by_sets,
         s.reactivation_lost_after AS reactivation_lost_after_by_sets,
         s.winback_lost_after AS winback_lost_after_by_sets
    FROM plain_by_customer() p FULL JOIN plain_by_sets() s USING (case_id);
  CREATE TEMP TABLE got AS SELECT 'columns' AS asked, * FROM aggregated();

  EXECUTE format(
    'PREPARE one_case(%s, interval, interval, interval, int) AS
     SELECT reactivation_rate(customer, at, $1, $2) AS reactivation,
            winback_rate(customer, at, $1, $3) AS winback,
            reactivation_rate_lost_after(customer, at, $1, $2, $4) AS reactivation_lost_after,
            winback_rate_lost_after(customer, at, $1, $3, $4) AS winback_lost_after
       FROM purchases WHERE case_id = $5', t.span);
  FOR c IN SELECT case_id, period::text, inactive_after::text, churned_after::text,
                  lost_after::text
             FROM cases WHERE case_id % 10 = 0 ORDER BY case_id LOOP
    FOREACH scan IN ARRAY '{on,off}'::text[] LOOP
      PERFORM set_config('winback.enable_scan', scan, false);
      EXECUTE format(
        'SELECT reactivation_rate(customer, at, %1$L::%2$s, %3$L::interval) AS reactivation,
                winback_rate(customer, at, %1$L::%2$s, %4$L::interval) AS winback,
                reactivation_rate_lost_after(customer, at, %1$L::%2$s, %3$L::interval,
                                             %5$L::interval) AS reactivation_lost_after,
                winback_rate_lost_after(customer, at, %1$L::%2$s, %4$L::interval,
                                        %5$L::interval) AS winback_lost_after
           FROM purchases WHERE case_id = %6$L',
        c.period, t.span, c.inactive_after, c.churned_after, c.lost_after, c.case_id) INTO one;
      INSERT INTO got VALUES ('constants', c.case_id, one.reactivation, one.winback,
                              one.reactivation_lost_after, one.winback_lost_after);
      FOREACH mode IN ARRAY '{force_generic_plan,force_custom_plan}'::text[] LOOP
        PERFORM set_config('plan_cache_mode', mode, false);
        EXECUTE format('EXECUTE one_case(%L, %L, %L, %L, %L)', c.period, c.inactive_after,
                       c.churned_after, c.lost_after, c.case_id) INTO one;
        INSERT INTO got VALUES ('prepared, ' || mode, c.case_id, one.reactivation, one.winback,
                                one.reactivation_lost_after, one.winback_lost_after);
      END LOOP;
    END LOOP;
    RESET plan_cache_mode;
    RESET winback.enable_scan;
  END LOOP;
  DEALLOCATE one_case;

  INSERT INTO answers
  SELECT g.asked, zone, t.time, k.kind, case_id, r.*
    FROM plain p FULL JOIN got g USING (case_id),
         LATERAL (VALUES ('reactivation', p.reactivation, p.reactivation_by_sets, g.reactivation),
                         ('win-back', p.winback, p.winback_by_sets, g.winback),
                         ('reactivation, lost_after', p.reactivation_lost_after,
                          p.reactivation_lost_after_by_sets, g.reactivation_lost_after),
                         ('win-back, lost_after', p.winback_lost_after,
                          p.winback_lost_after_by_sets, g.winback_lost_after)) r;
  INSERT INTO equalities
  SELECT e.property, zone, t.time, k.kind, e.case_id, e.one, e.other FROM equal_values() e;
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
    FOR t IN SELECT * FROM times ORDER BY time::text LOOP
      FOR k IN SELECT * FROM keys ORDER BY kind LOOP
        round := round + 1;
        CALL play(round, how_many, zone, t, k);
      END LOOP;
    END LOOP;
  END LOOP;
END $$;
CALL play_all(:cases_per_round);

-- By the way the parameters are given: no answer differs, and many rates lie between 0 and 1.
SELECT asked, count(DISTINCT case_id) AS cases, count(*) AS answers,
       count(*) FILTER (WHERE undefined) AS undefined,
       count(*) FILTER (WHERE between_0_and_1) AS between_0_and_1,
       count(*) FILTER (WHERE differs) AS differ,
       count(*) FILTER (WHERE styles_differ) AS styles_differ
  FROM compared GROUP BY asked ORDER BY asked;

-- By time type and the session's time zone: many rates lie between 0 and 1 in each.
SELECT time, zone, count(*) AS answers,
       count(*) FILTER (WHERE undefined) AS undefined,
       count(*) FILTER (WHERE between_0_and_1) AS between_0_and_1,
       count(*) FILTER (WHERE differs) AS differ
  FROM compared GROUP BY time, zone ORDER BY time::text, zone;

-- By kind of key: many rates lie between 0 and 1 in each.
SELECT kind, count(*) AS answers,
       count(*) FILTER (WHERE undefined) AS undefined,
       count(*) FILTER (WHERE between_0_and_1) AS between_0_and_1,
       count(*) FILTER (WHERE differs) AS differ
  FROM compared GROUP BY kind ORDER BY kind;

-- By rate: many rates lie between 0 and 1, with lost_after, too.
SELECT rate, count(*) AS answers,
       count(*) FILTER (WHERE undefined) AS undefined,
       count(*) FILTER (WHERE between_0_and_1) AS between_0_and_1,
       count(*) FILTER (WHERE differs) AS differ
  FROM compared GROUP BY rate ORDER BY rate COLLATE "C";

-- The tally with lost_after is the difference of two tallies, its rate is the rate with
-- lost_after, and a lost_after of NULL changes nothing.
SELECT property, count(*) AS cases, count(DISTINCT one) AS different_values,
       count(*) FILTER (WHERE one IS DISTINCT FROM other) AS differ
  FROM equalities GROUP BY property ORDER BY property COLLATE "C";
SELECT * FROM equalities WHERE one IS DISTINCT FROM other
 ORDER BY property COLLATE "C", case_id LIMIT 10;

-- A difference of tallies is an error if it is no tally: all pairs of tallies with up to 4 eligible
-- customers.
CREATE FUNCTION difference(a rate_tally, b rate_tally) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
  RETURN (a - b)::text;
EXCEPTION WHEN numeric_value_out_of_range THEN
  RETURN 'out of range';
END $$;
WITH tallies AS (
  SELECT r, e, rate_tally(r, e) AS tally
    FROM generate_series(0, 4) AS e, generate_series(0, e) AS r
), pairs AS (
  SELECT CASE WHEN a.r >= b.r AND a.e - b.e >= a.r - b.r THEN (a.r - b.r) || '/' || (a.e - b.e)
              ELSE 'out of range' END AS plain,
         difference(a.tally, b.tally) AS answer,
         a.tally::text AS one, difference(a.tally + b.tally, b.tally) AS of_sum
    FROM tallies a, tallies b
)
SELECT count(*) AS pairs, count(*) FILTER (WHERE plain = 'out of range') AS out_of_range,
       count(*) FILTER (WHERE plain IS DISTINCT FROM answer) AS differ,
       count(*) FILTER (WHERE one IS DISTINCT FROM of_sum) AS sums_differ
  FROM pairs;

-- The first cases that differ: none.
SELECT asked, zone, time, kind, case_id, rate, plain, by_sets, answer
  FROM compared WHERE differs OR styles_differ ORDER BY asked, case_id, rate LIMIT 10;

--
-- Many customers in one group: 50,000 purchases of 10,000 customers; on a slow server, fewer.
--
SET TimeZone = 'UTC';
CREATE TABLE many AS
SELECT n, pick(n, 1, 10000) AS who, pick(n, 2, 2) AS way,
       timestamptz '2023-01-01' + pick(n, 3, 700) * interval '1 day'
       + pick(n, 4, 86400000) * interval '1 millisecond' AS at
  FROM generate_series(1, :purchases) AS n;

CREATE TABLE many_answers (kind text, arrival text, rate text, plain float8, answer float8);
CREATE PROCEDURE play_many(k keys, arrivals text[])
LANGUAGE plpgsql AS $$
DECLARE
  arrival text;
BEGIN
  DROP TABLE IF EXISTS cases, plain;
  CREATE TEMP TABLE cases AS
  SELECT 1 AS case_id, tstzrange('2024-06-15', '2024-08-01') AS period,
         interval '30 days' AS inactive_after, interval '3 months' AS churned_after,
         interval '6 months' AS lost_after;
  FOREACH arrival IN ARRAY arrivals LOOP
    DROP TABLE IF EXISTS purchases;
    EXECUTE format('CREATE TEMP TABLE purchases AS SELECT 1 AS case_id, %s AS customer, at
                      FROM many ORDER BY %s',
                   k.spelling,
                   CASE arrival WHEN 'by customer' THEN 'who, n' WHEN 'by time' THEN 'at, n'
                                ELSE 'pick(n, 5, 1000000), n' END);
    CREATE TEMP TABLE IF NOT EXISTS plain AS SELECT * FROM plain_by_customer();
    DROP TABLE IF EXISTS asked;
    CALL keep('asked', $q$SELECT reactivation_rate(customer, at, '[2024-06-15,2024-08-01)',
                                                   '30 days') AS reactivation,
                                 winback_rate(customer, at, '[2024-06-15,2024-08-01)',
                                              '3 months') AS winback,
                                 reactivation_rate_lost_after(
                                   customer, at, '[2024-06-15,2024-08-01)', '30 days',
                                   '6 months') AS reactivation_lost_after,
                                 winback_rate_lost_after(
                                   customer, at, '[2024-06-15,2024-08-01)', '3 months',
                                   '6 months') AS winback_lost_after
                            FROM purchases$q$);
    INSERT INTO many_answers
    SELECT k.kind, arrival, r.*
      FROM plain p,
           asked a,
           LATERAL (VALUES ('reactivation', p.reactivation, a.reactivation),
                           ('win-back', p.winback, a.winback),
                           ('reactivation, lost_after', p.reactivation_lost_after,
                            a.reactivation_lost_after),
                           ('win-back, lost_after', p.winback_lost_after,
                            a.winback_lost_after)) r;
  END LOOP;
END $$;
DO $$
DECLARE
  k keys;
BEGIN
  FOR k IN SELECT * FROM keys ORDER BY kind LOOP
    CALL play_many(k, CASE WHEN k.kind IN ('int8', 'uuid', 'text')
                           THEN ARRAY['shuffled', 'by customer', 'by time']
                           ELSE ARRAY['shuffled'] END);
  END LOOP;
END $$;

-- Neither the kind of key nor the order of the rows changes a rate: each equals that of plain SQL.
SELECT rate, count(*) AS answers, count(DISTINCT answer) AS rates,
       count(*) FILTER (WHERE answer > 0 AND answer < 1) AS between_0_and_1,
       count(*) FILTER (WHERE float8send(answer) IS DISTINCT FROM float8send(plain)) AS differ
  FROM many_answers GROUP BY rate ORDER BY rate COLLATE "C";

-- The answers that differ: none.
SELECT * FROM many_answers WHERE float8send(answer) IS DISTINCT FROM float8send(plain)
 ORDER BY kind, arrival, rate;

-- Groups of sizes around the powers of two, where customer tables grow: no answer differs.
DROP TABLE cases, purchases;
CREATE TEMP TABLE cases AS
SELECT DISTINCT (2 ^ k)::int + d AS case_id, tsrange('2024-06-15', '2024-08-01') AS period,
       interval '30 days' AS inactive_after, interval '3 months' AS churned_after,
       interval '4 months' AS lost_after
  FROM generate_series(0, 13) AS k, generate_series(-1, 1) AS d;
CREATE TEMP TABLE purchases AS
SELECT case_id, who AS customer,
       timestamp '2024-01-01'
         + pick(case_id * 100000::bigint + who * 2 + n, 1, 250) * interval '1 day' AS at
  FROM cases, generate_series(1, case_id) AS who, generate_series(0, 1) AS n
 ORDER BY pick(case_id * 100000::bigint + who * 2 + n, 2, 1000000), case_id, who, n;
SELECT count(*) AS groups, max(case_id) AS largest,
       count(*) FILTER (WHERE a.reactivation > 0 AND a.reactivation < 1) AS between_0_and_1,
       count(*) FILTER (WHERE a.winback_lost_after > 0 AND a.winback_lost_after < 1)
         AS with_lost_after,
       count(*) FILTER (WHERE a::text IS DISTINCT FROM p::text) AS differ
  FROM aggregated() a FULL JOIN plain_by_customer() p USING (case_id);

--
-- Corner cases, with their results printed.
--
CREATE FUNCTION both_ways()
RETURNS TABLE (case_id int, reactivation float8, winback float8,
               reactivation_lost_after float8, winback_lost_after float8, as_plain bool)
LANGUAGE sql AS $$
  SELECT case_id, a.reactivation, a.winback, a.reactivation_lost_after, a.winback_lost_after,
         a::text IS NOT DISTINCT FROM p::text AND a::text IS NOT DISTINCT FROM s::text
    FROM aggregated() a
    JOIN plain_by_customer() p USING (case_id)
    JOIN plain_by_sets() s USING (case_id)
$$;

-- Timestamps: two customers have been silent since January; one buys at "instant", one never.
-- In the periods without their lower bound both are lost by a microsecond.
DROP TABLE cases, purchases;
CREATE TEMP TABLE cases AS
SELECT row_number() OVER ()::int AS case_id, period::tsrange, instant::timestamp,
       interval '1 month' AS inactive_after, interval '2 months' AS churned_after,
       interval '4 months 17 days' AS lost_after
  FROM (VALUES ('[2024-06-01,2024-07-01)', '2024-06-01'),
               ('[2024-06-01,2024-07-01)', '2024-06-30 23:59:59.999999'),
               ('[2024-06-01,2024-07-01)', '2024-07-01'),
               ('[2024-06-01,2024-07-01]', '2024-07-01'),
               ('[2024-06-01,2024-07-01]', '2024-07-01 00:00:00.000001'),
               ('(2024-06-01,2024-07-01)', '2024-06-01 00:00:00.000001'),
               ('(2024-06-01,2024-06-01 00:00:00.000002)', '2024-06-01 00:00:00.000001'),
               ('[2024-06-01,2024-06-01]', '2024-06-01'),
               ('[2024-06-01,)', '294276-12-31 23:59:59.999999'),
               ('[2024-06-01,)', 'infinity'),
               ('[2024-06-01,infinity)', 'infinity'),
               ('[2024-06-01,infinity]', 'infinity'),
               ('[2024-06-01,294276-12-31 23:59:59.999999]', '294276-12-31 23:59:59.999999'),
               ('[2024-06-01,294276-12-31 23:59:59.999999]', 'infinity'),
               ('[2024-06-01,2024-07-01)', '-infinity')) AS v (period, instant);
CREATE TEMP TABLE purchases AS
SELECT case_id, customer, at
  FROM cases,
       LATERAL (VALUES (1, '2024-01-15'), (2, '2024-01-15'), (1, instant)) AS p (customer, at);
SELECT c.period, c.instant, b.reactivation, b.winback, b.reactivation_lost_after,
       b.winback_lost_after, b.as_plain
  FROM cases c JOIN both_ways() b USING (case_id) ORDER BY case_id;

-- A period with an exclusive lower bound begins a microsecond later, and the month is counted
-- back from there: from 31 March 00:00 to 29 February, not from 30 March 23:59:59.999999.
DROP TABLE cases, purchases;
CREATE TEMP TABLE cases AS
SELECT 1 AS case_id, tsrange('2024-03-30 23:59:59.999999', '2024-05-01', '()') AS period,
       interval '1 month' AS inactive_after, interval '1 month 00:00:00.000001' AS churned_after,
       interval '1 month 00:00:00.000001' AS lost_after;
CREATE TEMP TABLE purchases AS
SELECT 1 AS case_id, customer, at::timestamp
  FROM (VALUES (1, '2024-02-28 23:59:59.999998'), (2, '2024-02-28 23:59:59.999999'),
               (3, '2024-02-29 00:00:00'), (1, '2024-04-01')) AS p (customer, at);
SELECT * FROM both_ways();

-- Dates that lie outside the range of timestamp are compared like any other date.  The customer
-- who bought at -infinity is the only one lost.
DROP TABLE cases, purchases;
CREATE TEMP TABLE cases AS
SELECT row_number() OVER ()::int AS case_id, period::daterange, instant::date,
       interval '1 month' AS inactive_after, interval '2 months 12:00' AS churned_after,
       interval '2 months 36:00' AS lost_after
  FROM (VALUES ('[2024-06-01,2024-07-01)', '2024-06-30'),
               ('[2024-06-01,2024-07-01)', '2024-07-01'),
               ('[2024-06-01,2024-07-01]', '2024-07-01'),
               ('(2024-06-01,2024-07-01]', '2024-06-01'),
               ('[2024-06-01,2024-06-01]', '2024-06-01'),
               ('[2024-06-01,5000000-01-01)', '4999999-12-31'),
               ('[2024-06-01,5000000-01-01)', '5000000-01-01'),
               ('[2024-06-01,)', '5000000-01-01'),
               ('[2024-06-01,)', 'infinity'),
               ('[2024-06-01,infinity]', '5000000-01-01'),
               ('[2024-06-01,infinity]', 'infinity'),
               ('[2024-06-01,infinity)', 'infinity'),
               ('[2024-06-01,2024-07-01)', '-infinity')) AS v (period, instant);
CREATE TEMP TABLE purchases AS
SELECT case_id, customer, at
  FROM cases, LATERAL (VALUES (1, '2024-04-01'), (2, '2024-03-31'), (1, instant), (2, instant),
                              (3, '-infinity')) AS p (customer, at);
SELECT c.period, c.instant, b.reactivation, b.winback, b.reactivation_lost_after,
       b.winback_lost_after, b.as_plain
  FROM cases c JOIN both_ways() b USING (case_id) ORDER BY case_id;

-- In Berlin a day has 23 or 25 hours when the clocks change, so 1 day is not 24 hours.
SET TimeZone = 'Europe/Berlin';
DROP TABLE cases, purchases;
CREATE TEMP TABLE cases AS
SELECT row_number() OVER ()::int AS case_id, tstzrange("from"::timestamptz, NULL) AS period,
       interval '1 day' AS inactive_after, interval '24 hours' AS churned_after,
       interval '25 hours' AS lost_after
  FROM (VALUES ('2024-03-31 12:00'), ('2024-04-01 02:30'), ('2024-10-27 12:00'),
               ('2024-10-28 02:30')) AS v ("from");
CREATE TEMP TABLE purchases AS
SELECT case_id, customer,
       lower(period) - customer * interval '30 minutes' - interval '1 microsecond' AS at
  FROM cases, generate_series(45, 51) AS customer
UNION ALL
SELECT case_id, customer, lower(period)
  FROM cases, generate_series(45, 51) AS customer
 WHERE customer % 3 = 0;
SELECT lower(c.period) AS "from", lower(c.period) - c.inactive_after AS inactive_before,
       lower(c.period) - c.churned_after AS churned_before, b.reactivation, b.winback,
       b.reactivation_lost_after, b.winback_lost_after, b.as_plain
  FROM cases c JOIN both_ways() b USING (case_id) ORDER BY case_id;
RESET TimeZone;

-- A rate with no eligible customer is NULL, not 0: all rows have a NULL, or no customer bought
-- before the period, or none was silent.
SELECT situation,
       reactivation_rate(customer, at, '[2024-06-01,2024-07-01)', '1 month') AS reactivation,
       winback_rate(customer, at, '[2024-06-01,2024-07-01)', '1 month') AS winback
  FROM (VALUES ('a row of NULLs', NULL, NULL), ('only NULLs', NULL, '2024-01-01'),
               ('only NULLs', 1, NULL), ('no purchase before', 1, '2024-06-01'),
               ('no silence', 1, '2024-05-01')) AS v (situation, customer, day),
       LATERAL (SELECT day::date AS at) d
 GROUP BY situation ORDER BY situation;
-- A rate over no rows is NULL, too.
SELECT reactivation_rate(1, date '2024-01-01', '[2024-06-01,2024-07-01)', '1 month')
         AS reactivation,
       winback_rate(1, date '2024-01-01', '[2024-06-01,2024-07-01)', '1 month') AS winback
 WHERE false;

-- A customer's name is stored in three ways, short, long and compressed, and is one customer.
DROP TABLE cases, purchases;
CREATE TEMP TABLE cases AS
SELECT 1 AS case_id, daterange('2024-06-01', '2024-07-01') AS period,
       interval '1 month' AS inactive_after, interval '2 months' AS churned_after,
       interval '5 months' AS lost_after;
CREATE TEMP TABLE stored AS
SELECT 1 AS case_id, customer, date '2024-01-01' AS at
  FROM (VALUES ('short'), (repeat('long', 5000)), ('third')) AS v (customer);
CREATE TEMP VIEW purchases AS
SELECT case_id, customer, at FROM stored
UNION ALL
SELECT case_id, customer || '', date '2024-06-01' FROM stored WHERE customer <> 'third';
SELECT * FROM both_ways();

-- If PostgreSQL cannot subtract the threshold from the start of the period, that is an error.
\set VERBOSITY sqlstate
SELECT reactivation_rate(1, timestamp '2024-01-01', '[4714-12-01 BC,2024-01-01)', '1 year');
SELECT timestamp '4714-12-01 BC' - interval '1 year';
SELECT reactivation_rate(1, date '2024-01-01', '[300000-01-01,)', '1 year');
SELECT date '300000-01-01' - interval '1 year';

-- Thresholds of mixed signs: 1 month -29 days is positive, but one such threshold before 1 March
-- is 2 March, which lies after 1 March: an error.
SELECT reactivation_rate(1, timestamp '2023-01-01', '[2023-03-01,2023-04-01)', '1 month -29 days');
-- 1 day -24 hours is no time at all, though a day has 23 or 25 hours when the clocks change.
SELECT reactivation_rate(1, timestamptz '2024-01-01', '[2024-03-31 12:00 Europe/Berlin,)',
                         '1 day -24 hours');
\set VERBOSITY default
-- One such threshold before 1 February is 30 January.
SELECT reactivation_rate(customer, at, '[2023-02-01,2023-04-01)', '1 month -29 days')
         AS reactivation
  FROM (VALUES (1, timestamp '2023-01-30'), (2, '2023-01-29 23:59:59.999999'),
               (2, '2023-02-01')) AS p (customer, at);

-- A lost_after is refused if it is shorter than the other threshold: as an interval, or counted
-- back from the start of the period.  A date column is counted back to a midnight.
CREATE FUNCTION refused(
  call text, t times, start timestamp, threshold interval, lost_after interval) RETURNS bool
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SELECT %1$s(1, %2$L::%3$s, %4$s(%2$L, NULL), %5$L, %6$L)',
                 call, start, t.time, t.span, threshold, lost_after);
  RETURN false;
EXCEPTION WHEN invalid_parameter_value THEN
  RETURN sqlerrm ~ '^lost_after must not be shorter than (inactive|churned)_after$';
END $$;
CREATE FUNCTION counted_back(t times, start timestamp, threshold interval) RETURNS timestamp
LANGUAGE sql AS $$
  SELECT CASE t.time
         WHEN 'timestamptz'::regtype THEN (start::timestamptz - threshold) AT TIME ZONE 'UTC'
         WHEN 'timestamp'::regtype THEN start - threshold
         ELSE date_trunc('day', date(start) - threshold + interval '1 day -1us') END
$$;
SET TimeZone = 'Europe/Berlin';
WITH pairs AS (
  SELECT n, t, pick(n, 26, moments()) AS start, pick(n, 27, thresholds()) AS threshold,
         pick(n, 28, thresholds()) AS lost_after
    FROM generate_series(1, 2000) AS n, times AS t
), counted AS (
  SELECT *, counted_back(t, start, threshold) AS silent_before,
         counted_back(t, start, lost_after) AS lost_before
    FROM pairs
), compared AS (
  SELECT (t).time, lost_after < threshold AS as_interval, lost_before > silent_before AS at_start,
         refused('reactivation_rate_lost_after', t, start, threshold, lost_after) AS reactivation,
         refused('winback_rate_lost_after', t, start, threshold, lost_after) AS winback
    FROM counted
   WHERE threshold >= (t).shortest AND lost_after >= (t).shortest
     AND silent_before < counted_back(t, start, '0') AND lost_before < counted_back(t, start, '0')
)
SELECT time, as_interval, at_start, count(*) AS pairs,
       count(*) FILTER (WHERE reactivation <> (as_interval OR at_start)) AS reactivation_differs,
       count(*) FILTER (WHERE winback <> (as_interval OR at_start)) AS winback_differs
  FROM compared GROUP BY time, as_interval, at_start ORDER BY time::text, as_interval, at_start;

DROP SCHEMA property CASCADE;
