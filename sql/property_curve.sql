--
-- property_curve.sql
--
-- Proves over thousands of generated cases that
--   return_curve and return_curve_at count the silences that the definitions count, which are
--     written here in plain SQL, for all time types, with and without events, in time zones with
--     changes of the clock and over leap days;
--   unnest, chance_of_return, silence_for, median_return, restricted_mean_return and log_rank are
--     those of a Kaplan-Meier estimate in plain SQL, to 1e-12;
--   the curves of groups of customers add up to that of all;
--   a curve is the same in any order of the rows, with duplicates, with a Winback Scan and
--     without, and by any number of parallel workers.
--
-- Each case is made from a hash of its number, so the cases are the same in every version of
-- PostgreSQL.  Another seed makes other cases: then the counts change, but the columns named
-- "differ" must stay 0.
--
\set seed 1
\set cases 400
-- On a slow server (scripts/checked) there are fewer cases, and the counts change.
\getenv cases WINBACK_CASES

SET client_min_messages = warning;
SET jit = off;
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
CREATE SCHEMA property_curve;
SET search_path = property_curve, public;
SELECT set_config('property.seed', :'seed', false) AS seed;
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/include/helpers.sql'
\i :helpers

CREATE AGGREGATE product(float8) (SFUNC = float8mul, STYPE = float8);

-- The zones: Lord Howe changes its clock by half an hour, and Apia left out 30 December 2011.
CREATE TABLE zones (n int, time text, zone text);
INSERT INTO zones VALUES
  (1, 'date', 'UTC'), (2, 'timestamp', 'Europe/Berlin'), (3, 'timestamptz', 'Europe/Berlin'),
  (4, 'timestamptz', 'America/New_York'), (5, 'timestamptz', 'Australia/Lord_Howe'),
  (6, 'timestamptz', 'Pacific/Apia');

-- The customers of a case buy within about seven weeks that begin before a leap day, the end of
-- February in another year, changes of the clock, or Apia's missing day.
CREATE TABLE cases AS
SELECT n AS case_id, base, base + pick(n, 2, 20) * interval '1 day'
         + pick(n, 3, '{0 h, 0 h, 12 h, 23:59:59.999999, 02:30}'::interval[]) AS as_of,
       base + (20 + pick(n, 4, 40)) * interval '1 day'
         + pick(n, 5, '{0 h, 0 h, 09:00, 1us}'::interval[]) AS until
  FROM generate_series(1, :cases) AS n,
       LATERAL (SELECT pick(n, 1, '{2024-02-20, 2023-02-20, 2024-03-01, 2024-03-25, 2024-10-01,
                                    2024-09-25, 2011-12-15}'::timestamp[]) AS base) AS b;
CREATE TABLE purchases AS
SELECT n, case_id, (pick(n, 1, 100) * pick(n, 2, 100)) / 1700 AS customer,
       CASE WHEN pick(n, 3, 300) = 0 THEN NULL
            WHEN pick(n, 3, 300) = 1 THEN 'infinity' WHEN pick(n, 3, 300) = 2 THEN '-infinity'
            ELSE base + pick(n, 4, 50) * interval '1 day'
                   + pick(n, 5, '{0 h, 0 h, 1us, 02:15, 02:45, 12 h, 23:59:59.999999}'::interval[])
       END AS at,
       pick(n, 6, '{purchase, purchase, purchase, cancellation, interest, adjustment}'::text[])
         ::lifecycle_event AS event
  FROM cases, generate_series(case_id * 100 + 1, case_id * 100 + 1 + pick(case_id, 7, 60)) AS n;

-- The silences of the cases, by the definitions: the last day before each was observed, and the
-- day on which it ended.  A silence with start -1 was observed from its first day on.  This is a
-- template: "time" stands for the time type.
CREATE FUNCTION silences_of("time" text) RETURNS text
LANGUAGE sql AS $$
  SELECT replace($query$
    WITH known AS (
      SELECT case_id, form, customer, at::"time" AS at, at::"time"::date AS day,
             as_of::"time" AS as_of, as_of::"time"::date AS as_of_day,
             until::"time" AS until, until::"time"::date AS until_day
        FROM purchases JOIN cases USING (case_id), (VALUES ('rows'), ('events')) AS f (form)
       WHERE (form = 'rows' OR event = 'purchase') AND at > '-infinity'
         AND at::"time" < until::"time"
    ), gaps AS (
      SELECT case_id, form, customer, lead(day) OVER days - day AS gap, until_day - day AS open
        FROM (SELECT DISTINCT case_id, form, customer, day, until_day FROM known) AS d
      WINDOW days AS (PARTITION BY case_id, form, customer ORDER BY day)
    ), around AS (
      SELECT case_id, form, customer, as_of_day, until_day,
             max(day) FILTER (WHERE at < as_of) AS before,
             array_agg(day ORDER BY day) FILTER (WHERE at >= as_of) AS days
        FROM known WHERE as_of < until GROUP BY case_id, form, customer, as_of_day, until_day
    )
    SELECT case_id, form, 'all' AS kind, customer, -1 AS start, coalesce(gap, open) AS stop,
           gap IS NOT NULL AS returned
      FROM gaps
    UNION ALL
    SELECT case_id, form, 'at', customer,
           CASE WHEN as_of_day - before > 1 THEN as_of_day - before - 1 ELSE -1 END,
           coalesce((SELECT min(d) FROM unnest(days) AS d WHERE d > before), until_day) - before,
           (SELECT min(d) FROM unnest(days) AS d WHERE d > before) IS NOT NULL
      FROM around WHERE before IS NOT NULL
  $query$, '"time"', "time")
$$;

-- The curves of the aggregates: of all customers, of two groups, and with the rows in other orders.
CREATE FUNCTION curves_of("time" text) RETURNS text
LANGUAGE sql AS $$
  SELECT replace($query$
    WITH typed AS (
      SELECT n, case_id, customer, at::"time" AS at, event, as_of::"time" AS as_of,
             until::"time" AS until
        FROM purchases JOIN cases USING (case_id)
    )
    SELECT case_id, 'rows' AS form, 'all' AS kind,
           return_curve(customer, at, until) AS whole,
           return_curve(customer, at, until) FILTER (WHERE customer % 2 = 0) AS even,
           return_curve(customer, at, until) FILTER (WHERE customer % 2 = 1) AS odd,
           return_curve(customer::text, at, until ORDER BY at DESC) AS backwards,
           return_curve(customer, at, until ORDER BY n % 7, n) AS shuffled
      FROM typed GROUP BY case_id
    UNION ALL
    SELECT case_id, 'events', 'all',
           return_curve(customer, at, event, until),
           return_curve(customer, at, event, until) FILTER (WHERE customer % 2 = 0),
           return_curve(customer, at, event, until) FILTER (WHERE customer % 2 = 1),
           return_curve(customer::text, at, event, until ORDER BY at DESC),
           return_curve(customer, at, event, until ORDER BY n % 7, n)
      FROM typed GROUP BY case_id
    UNION ALL
    SELECT case_id, 'rows', 'at',
           return_curve_at(customer, at, as_of, until),
           return_curve_at(customer, at, as_of, until) FILTER (WHERE customer % 2 = 0),
           return_curve_at(customer, at, as_of, until) FILTER (WHERE customer % 2 = 1),
           return_curve_at(customer::text, at, as_of, until ORDER BY at DESC),
           return_curve_at(customer, at, as_of, until ORDER BY n % 7, n)
      FROM typed WHERE as_of < until GROUP BY case_id
    UNION ALL
    SELECT case_id, 'events', 'at',
           return_curve_at(customer, at, event, as_of, until),
           return_curve_at(customer, at, event, as_of, until) FILTER (WHERE customer % 2 = 0),
           return_curve_at(customer, at, event, as_of, until) FILTER (WHERE customer % 2 = 1),
           return_curve_at(customer::text, at, event, as_of, until ORDER BY at DESC),
           return_curve_at(customer, at, event, as_of, until ORDER BY n % 7, n)
      FROM typed WHERE as_of < until GROUP BY case_id
  $query$, '"time"', "time")
$$;

CREATE TABLE silences (round int, case_id int, form text, kind text, customer int, start int,
                       stop int, returned bool);
CREATE TABLE curves (round int, case_id int, form text, kind text, whole return_curve,
                     even return_curve, odd return_curve, backwards return_curve,
                     shuffled return_curve);
DO $$
DECLARE
  z zones;
BEGIN
  FOR z IN SELECT * FROM zones ORDER BY n LOOP
    PERFORM set_config('TimeZone', z.zone, false);
    EXECUTE format('INSERT INTO silences SELECT %s, * FROM (%s) AS s', z.n, silences_of(z.time));
    EXECUTE format('INSERT INTO curves SELECT %s, * FROM (%s) AS c', z.n, curves_of(z.time));
  END LOOP;
END $$;
ANALYZE silences;
ANALYZE curves;

-- The numbers of silences at each length, and the text of a curve
CREATE TABLE points AS
SELECT round, case_id, form, kind, days,
       count(*) FILTER (WHERE returned AND days = stop) AS returned,
       count(*) FILTER (WHERE NOT returned AND days = stop) AS censored,
       count(*) FILTER (WHERE days = start) AS entered
  FROM silences,
       LATERAL (SELECT start UNION SELECT stop) AS d (days)
 WHERE days >= 0
 GROUP BY round, case_id, form, kind, days;
SELECT time, zone, kind, form, count(*) AS cases,
       count(*) FILTER (WHERE coalesce(whole::text, '{}') <> '{' || coalesce(text, '') || '}')
         AS differ,
       count(*) FILTER (WHERE backwards IS DISTINCT FROM whole OR shuffled IS DISTINCT FROM whole)
         AS orders_differ,
       count(*) FILTER (WHERE coalesce(even + odd, even, odd) IS DISTINCT FROM whole) AS sums_differ
  FROM curves AS c
  JOIN zones ON zones.n = round
  LEFT JOIN (SELECT round, case_id, form, kind,
                    string_agg(days || ':' || returned || '/' || censored
                               || CASE WHEN entered > 0 THEN '/' || entered ELSE '' END,
                               ',' ORDER BY days) AS text
               FROM points GROUP BY round, case_id, form, kind) AS p
    USING (round, case_id, form, kind)
 GROUP BY round, time, zone, kind, form ORDER BY round, kind, form;

-- reading and writing a curve, as text and as bytes, does not change it
SELECT count(*) AS curves, count(*) FILTER (WHERE whole::text::return_curve <> whole) AS differ
  FROM curves;

--
-- The statistics, in the zones 1 and 3.  risks has the silences at risk on each day.
--
CREATE TABLE risks AS
SELECT round, case_id, form, kind, days,
       count(*) FILTER (WHERE start < days AND days <= stop) AS at_risk,
       count(*) FILTER (WHERE returned AND days = stop) AS returned,
       count(*) FILTER (WHERE start < days AND days <= stop AND customer % 2 = 0) AS at_risk_even,
       count(*) FILTER (WHERE returned AND days = stop AND customer % 2 = 0) AS returned_even
  FROM silences, generate_series(0, 70) AS days
 WHERE round IN (1, 3)
 GROUP BY round, case_id, form, kind, days;
CREATE INDEX ON risks (round, case_id, form, kind, days);
ANALYZE risks;

-- Return whether two numbers differ.
CREATE FUNCTION differ(a float8, b float8) RETURNS bool
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN a IS NULL OR b IS NULL THEN (a IS NULL) <> (b IS NULL)
              ELSE NOT abs(a - b) <= 1e-12 * greatest(1, abs(a)) END
$$;

CREATE TABLE estimates AS
SELECT round, case_id, form, kind, days, at_risk, returned, survival,
       CASE WHEN survival > 0 THEN exp(ln(survival) - 1.9599639845400545 * sqrt(variance)) END
         AS lower,
       CASE WHEN survival > 0
            THEN least(1, exp(ln(survival) + 1.9599639845400545 * sqrt(variance))) END AS upper
  FROM (SELECT *, product(CASE WHEN returned > 0 THEN (at_risk - returned)::float8 / at_risk
                               ELSE 1 END) OVER earlier AS survival,
               sum(returned::float8 / nullif(at_risk::float8 * (at_risk - returned), 0)
                  ) OVER earlier AS variance
          FROM (SELECT round, case_id, form, kind, days, at_risk, returned FROM risks
                WHERE at_risk > 0 OR returned > 0) AS r
        WINDOW earlier AS (PARTITION BY round, case_id, form, kind ORDER BY days)) AS e;
CREATE INDEX ON estimates (round, case_id, form, kind, days);
ANALYZE estimates;

-- unnest has a row for each length, with the same survival and interval
SELECT kind, count(*) AS rows, count(e.lower) AS bounds,
       count(*) FILTER (WHERE u.at_risk IS DISTINCT FROM coalesce(e.at_risk, 0)
                          OR u.returned IS DISTINCT FROM p.returned
                          OR u.censored IS DISTINCT FROM p.censored
                          OR e.days IS NOT NULL AND (differ(u.survival, e.survival)
                                                     OR differ(u.lower, e.lower)
                                                     OR differ(u.upper, e.upper))) AS differ
  FROM (SELECT round, case_id, form, kind, extract(day FROM silence)::int AS days, at_risk,
               returned, censored, survival, lower, upper
          FROM curves, unnest(whole) WHERE round IN (1, 3)) AS u
  FULL JOIN (SELECT * FROM points WHERE round IN (1, 3)) AS p
    USING (round, case_id, form, kind, days)
  LEFT JOIN estimates AS e USING (round, case_id, form, kind, days)
 GROUP BY kind ORDER BY kind;

-- The chance of a return within so many days after each silence.  It is known if silences are at
-- risk on each of these days, until all have returned.
CREATE TABLE chances AS
SELECT round, case_id, form, kind, silence, within, 1 - stayed AS chance, variance,
       complete AS is_known
  FROM (SELECT r.*, product(CASE WHEN at_risk > 0 THEN (at_risk - returned)::float8 / at_risk
                                 ELSE 1 END) OVER ahead AS stayed,
               sum(returned::float8 / nullif(at_risk::float8 * (at_risk - returned), 0)
                  ) OVER ahead AS variance,
               coalesce(min(days) FILTER (WHERE at_risk = 0) OVER ahead, 1000)
                 > least(coalesce(min(days) FILTER (WHERE at_risk = returned AND at_risk > 0)
                                    OVER ahead, 1000), days + within) AS complete,
               days AS silence
          FROM (SELECT *, 14 AS within FROM risks) AS r
        WINDOW ahead AS (PARTITION BY round, case_id, form, kind ORDER BY days
                         ROWS BETWEEN 1 FOLLOWING AND 14 FOLLOWING)) AS c
 WHERE silence <= 56;
CREATE INDEX ON chances (round, case_id, form, kind);
ANALYZE chances;
SELECT kind, count(*) AS chances, count(*) FILTER (WHERE is_known) AS known,
       count(*) FILTER (WHERE differ((c).chance, CASE WHEN is_known THEN s.chance END)) AS differ,
       count(*) FILTER (WHERE differ((c).lower, CASE WHEN is_known AND s.chance < 1 THEN
                          1 - least(1, exp(ln(1 - s.chance)
                                           + 1.9599639845400545 * sqrt(coalesce(variance, 0))))
                        END)
                          OR differ((c).upper, CASE WHEN is_known AND s.chance < 1 THEN
                          1 - exp(ln(1 - s.chance)
                                  - 1.9599639845400545 * sqrt(coalesce(variance, 0)))
                        END)) AS bounds_differ
  FROM chances AS s
  JOIN curves USING (round, case_id, form, kind),
       LATERAL (SELECT chance_of_return(whole, silence * interval '1 day', '14 days') AS c) AS f
 GROUP BY kind ORDER BY kind;

-- the shortest silence with so low a chance
SELECT kind, asked, count(*) AS curves, count(threshold) AS thresholds,
       count(*) FILTER (WHERE threshold IS DISTINCT FROM silence * interval '1 day') AS differ
  FROM (VALUES (0.0), (0.3), (0.5), (0.8)) AS a (asked),
       curves AS c,
       LATERAL (SELECT min(silence) AS silence FROM chances AS s
                 WHERE (s.round, s.case_id, s.form, s.kind) = (c.round, c.case_id, c.form, c.kind)
                   AND is_known AND chance <= asked + 1e-12) AS s,
       LATERAL (SELECT silence_for(whole, asked, '14 days') AS threshold) AS f
 WHERE round IN (1, 3)
 GROUP BY kind, asked ORDER BY kind, asked;

-- the median and the restricted mean
SELECT kind, count(*) AS curves, count(median_return(whole)) AS medians,
       count(*) FILTER (WHERE median_return(whole) IS DISTINCT FROM median * interval '1 day')
         AS differ,
       count(restricted_mean_return(whole, '20 days')) AS means,
       count(*) FILTER (WHERE differ(extract(epoch FROM restricted_mean_return(whole, '20 days'))
                                       / 86400 / 1e6, mean / 1e6)) AS means_differ
  FROM curves AS c,
       LATERAL (SELECT min(days) AS first, (array_agg(survival ORDER BY days))[1] AS at_first
                  FROM estimates AS e
                 WHERE (e.round, e.case_id, e.form, e.kind) = (c.round, c.case_id, c.form, c.kind)
                   AND survival < 0.5 + 1e-8) AS h,
       LATERAL (SELECT CASE WHEN abs(at_first - 0.5) < 1e-8
                            THEN (first + coalesce(min(days), first)) / 2.0 ELSE first END AS median
                  FROM estimates AS e
                 WHERE (e.round, e.case_id, e.form, e.kind) = (c.round, c.case_id, c.form, c.kind)
                   AND survival < at_first - 1e-8) AS m,
       -- the area: the survival at the end of each day before the last
       LATERAL (SELECT CASE WHEN bool_and(at_risk > 0 OR gone) THEN sum(survival) END AS mean
                  FROM (SELECT days, lead(at_risk) OVER d AS at_risk,
                               product(CASE WHEN at_risk > 0 AND days > 0
                                            THEN (at_risk - returned)::float8 / at_risk
                                            ELSE 1 END) OVER d AS survival,
                               bool_or(at_risk > 0 AND at_risk = returned) OVER d AS gone
                          FROM risks AS r
                         WHERE (r.round, r.case_id, r.form, r.kind)
                                 = (c.round, c.case_id, c.form, c.kind) AND days <= 20
                        WINDOW d AS (ORDER BY days)) AS s
                 WHERE days < 20) AS a
 WHERE round IN (1, 3)
 GROUP BY kind ORDER BY kind;

-- the log-rank test of the customers with even numbers and the others
SELECT kind, count(*) AS tests, count(t.chi_squared) AS known,
       count(*) FILTER (WHERE differ(t.chi_squared, CASE WHEN variance > 0
                                                         THEN excess ^ 2 / variance END)) AS differ
  FROM curves AS c
  JOIN (SELECT round, case_id, form, kind,
               sum(returned_even - returned * share) AS excess,
               sum(CASE WHEN at_risk > 1
                        THEN returned * share * (1 - share) * (at_risk - returned) / (at_risk - 1)
                   END) AS variance
          FROM (SELECT *, at_risk_even::float8 / at_risk AS share FROM risks
                 WHERE returned > 0) AS r
         GROUP BY round, case_id, form, kind) AS s USING (round, case_id, form, kind),
       LATERAL log_rank(even, odd) AS t
 WHERE even IS NOT NULL AND odd IS NOT NULL
 GROUP BY kind ORDER BY kind;

--
-- Parallel workers, with and without a Winback Scan, and keys and days of all forms
--
CREATE TABLE orders AS
SELECT n, pick(n, 1, 1500) AS near, pick(n, 1, 1500) * 1000003::bigint AS apart,
       'customer ' || pick(n, 1, 1500) AS name,
       'customer with a long name ' || pick(n, 1, 1500) AS long_name,
       timestamptz '2022-01-01' + pick(n, 2, 1000) * interval '1 day'
         + pick(n, 3, 86400) * interval '1 second' AS at,
       CASE WHEN pick(n, 4, 50) = 0
            THEN timestamptz '1700-01-01' + pick(n, 5, 900) * interval '1 day'
            ELSE timestamptz '2022-01-01' + pick(n, 2, 1000) * interval '1 day' END AS old_at,
       pick(n, 6, '{purchase, purchase, purchase, cancellation}'::text[])::lifecycle_event AS event
  FROM generate_series(1, 20000 + 10000 * (:cases > 100)::int) AS n;
ALTER TABLE orders SET (parallel_workers = 2);
ANALYZE orders;
SET TimeZone = 'America/New_York';
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET cpu_operator_cost = 1;  -- aggregation is expensive, so the planner does it in parts
SET min_parallel_table_scan_size = 0;

-- Return the curves of all kinds of keys, each of a customer's days and of old days.
CREATE FUNCTION curves_by_keys(workers int, scan bool)
RETURNS TABLE (kind text, curve return_curve)
LANGUAGE plpgsql AS $$
DECLARE
  key text;
  query text;
BEGIN
  PERFORM set_config('max_parallel_workers_per_gather', workers::text, true),
          set_config('winback.enable_scan', scan::text, true);
  FOREACH key IN ARRAY '{near, apart, name, long_name, "row(near, 1)"}'::text[] LOOP
    FOREACH query IN ARRAY ARRAY[
      'return_curve(%1$s, at, ''2024-07-01'')',
      'return_curve(%1$s, old_at, ''2024-07-01'')',
      'return_curve(%1$s, at, event, ''2024-07-01'')',
      'return_curve_at(%1$s, at, ''2024-01-01 12:00'', ''2024-07-01'')',
      'return_curve_at(%1$s, old_at, event, ''1701-01-01'', ''2024-07-01'')'] LOOP
      kind := format(query, key);
      query := format('SELECT %s FROM orders', kind);
      IF coalesce(nodes(query), '') LIKE '%Gather%' <> (workers > 0) THEN
        RAISE EXCEPTION 'not the plan wanted: %', nodes(query) USING DETAIL = query;
      END IF;
      EXECUTE query INTO curve;
      kind := replace(kind, key, 'key');
      RETURN NEXT;
    END LOOP;
  END LOOP;
END $$;
CREATE TABLE by_keys AS
SELECT workers, scan, kind, curve
  FROM (VALUES (0, true), (0, false), (2, true), (2, false)) AS w (workers, scan),
       curves_by_keys(workers, scan);
SELECT kind, count(*) AS curves, count(DISTINCT curve::text) AS different,
       (SELECT count(*) FROM unnest(min(curve::text)::return_curve)) AS lengths
  FROM by_keys GROUP BY kind ORDER BY kind COLLATE "C";

-- they are those of plain SQL
SELECT kind, curve = text AS equal
  FROM (SELECT DISTINCT kind, curve::text AS curve FROM by_keys) AS b
  JOIN (SELECT format('return_curve(key, %s, ''2024-07-01'')', column_name) AS kind,
               '{' || string_agg(length || ':' || returned || '/' || censored, ',' ORDER BY length)
                 || '}' AS text
          FROM (SELECT column_name, coalesce(gap, open) AS length, count(gap) AS returned,
                       count(*) - count(gap) AS censored
                  FROM (SELECT column_name, lead(day) OVER d - day AS gap,
                               date '2024-07-01' - day AS open
                          FROM (SELECT DISTINCT column_name, near, day::date AS day
                                  FROM orders,
                                       LATERAL (VALUES ('at', at), ('old_at', old_at))
                                         AS v (column_name, day)
                                 WHERE day < '2024-07-01') AS days
                        WINDOW d AS (PARTITION BY column_name, near ORDER BY day)) AS gaps
                 GROUP BY column_name, coalesce(gap, open)) AS lengths
         GROUP BY column_name) AS p USING (kind)
 ORDER BY kind COLLATE "C";

-- groups that share no customer add up to the whole, in a parallel plan, too
SELECT sum(c) = (SELECT return_curve(near, at, '2024-07-01') FROM orders) AS equal
  FROM (SELECT near % 7 AS segment, return_curve(near, at, '2024-07-01') AS c
          FROM orders GROUP BY near % 7) AS g;

DROP SCHEMA property_curve CASCADE;
