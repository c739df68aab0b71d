--
-- property_history_curve.sql
--
-- Proves over generated customers that return_curve and return_curve_at over histories equal those
-- over the rows from which the histories were made:
--
--   * over all three types of time, in time zones with changes of the clock, with events and with
--     purchases only, duplicates and infinite times, few and many purchases, and days long ago
--   * with until and as_of as a text and as a value of the type of the histories
--   * over the whole, groups and single customers, in serial and parallel plans, in windows, and
--     with states that are settled between two steps
--
-- property_curve.sql compares the aggregates over rows with the definitions.  Another seed makes
-- other customers: then the counts change, but the columns named "differ" must stay 0.
--
\set seed 1
\set customers 800
-- On a slow server (scripts/checked) there are fewer cases, and the counts change.
\getenv fewer WINBACK_CASES
\if :{?fewer}
  \set customers 200
\endif

SET client_min_messages = warning;
SET jit = off;
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SET TimeZone = 'UTC';
CREATE SCHEMA property_history_curve;
SET search_path = property_history_curve, public;
SELECT set_config('property.seed', :'seed', false) AS seed;
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/include/helpers.sql'
\i :helpers

-- Most customers have up to 15 rows, and each twentieth up to 400.  They buy within 500 days
-- with a leap day, changes of the clock and Apia's missing day, and some of them long ago.  Those
-- of country 0 have purchases only.
CREATE TABLE happened AS
SELECT customer, customer % 5 AS country, customer % 60 AS sixty, n,
       at AS "timestamp", at::timestamptz AS "timestamptz", at::date AS "date",
       CASE WHEN customer % 5 = 0 THEN 'purchase'
            ELSE pick(n, 7, '{purchase,purchase,purchase,cancellation,interest,adjustment,NULL}'
                              ::lifecycle_event[]) END AS event
  FROM (SELECT customer, customer * 1000::bigint + i AS n,
               CASE pick(customer * 1000 + i, 2, 50)
                 WHEN 0 THEN NULL
                 WHEN 1 THEN CASE customer % 3 WHEN 0 THEN timestamp 'infinity' END
                 WHEN 2 THEN CASE customer % 3 WHEN 0 THEN timestamp '-infinity' END
                 WHEN 3 THEN pick(customer, 8, '{0001-01-01, 1700-02-28, 1900-01-01,
                                                 1970-01-01, 4000-01-01 BC}'::timestamp[])
                 ELSE timestamp '2011-06-01'
                        + pick(customer * 1000 + i / 2, 4, 500) * interval '1 day'
                        + pick(customer * 1000 + i / 2, 5, '{0 h, 0 h, 1us, 02:15, 02:45, 12 h,
                                                     23:59:59.999999}'::interval[])
               END AS at
          FROM generate_series(1, :customers) AS customer,
               LATERAL generate_series(1, 1 + pick(customer, 1,
                                                   CASE customer % 20 WHEN 0 THEN 400 ELSE 15 END))
                 AS i) AS r
 ORDER BY pick(n, 30, 1000000), n;
ANALYZE happened;

-- until and as_of, at midnight and within a day, inside of the data and beyond them
CREATE TABLE questions (q int, as_of timestamp, until timestamp);
INSERT INTO questions VALUES
  (1, '2012-01-01', '2012-07-01'), (2, '2011-12-30 12:00', '2012-03-25 02:30'),
  (3, '2012-02-29 00:00:00.000001', '2012-10-20 23:59:59.999999'), (4, '1960-01-01', '2030-01-01'),
  (5, '2012-03-31', '2012-04-01'), (6, '2012-03-11 02:30', '2012-03-11 03:30'),
  (7, '2020-01-01', '2021-01-01'), (8, '0900-01-01', '1980-01-01');

CREATE TABLE answers (
  time text, zone text, groups text, q int, form text, one return_curve, two return_curve);

-- Asks both forms all questions about one type of time, by an expression.
CREATE PROCEDURE ask_both(t text, of text, zone text, groups text, purchases_only boolean)
LANGUAGE plpgsql AS $$
DECLARE
  q record;
BEGIN
  PERFORM set_config('TimeZone', zone, false);
  EXECUTE format('CREATE TEMP TABLE histories AS
                  SELECT customer, %1$s AS id, history_agg(%2$s) AS history FROM happened %3$s
                   GROUP BY customer, %1$s',
                 groups, quote_ident(t) || CASE WHEN purchases_only THEN '' ELSE ', event' END,
                 CASE WHEN purchases_only THEN 'WHERE country = 0' ELSE '' END);
  FOR q IN SELECT questions.q, as_of::text, until::text FROM questions
            -- two instants of one day are no question over dates, nor are two of one hour that
            -- the zone leaves out
            WHERE CASE t WHEN 'date' THEN as_of::date < until::date
                         ELSE as_of::timestamptz < until::timestamptz END
            ORDER BY q LOOP
    EXECUTE replace(replace(format($sql$
      INSERT INTO answers
      SELECT %1$L, %2$L, %3$L, %4$L, form, of_rows, of_histories
        FROM (SELECT %3$s AS id, ARRAY[return_curve(ARGS, UNTIL),
                                       return_curve_at(ARGS, %5$L, UNTIL)] AS all_rows
                FROM happened %7$s GROUP BY %3$s) AS r
        FULL JOIN (SELECT id, ARRAY[return_curve(history, %8$s %6$L),
                                    return_curve_at(history, %8$s %5$L, %8$s %6$L)]
                                AS all_histories
                     FROM histories GROUP BY id) AS h USING (id),
             ROWS FROM (unnest(all_rows), unnest(all_histories), unnest('{all,at}'::text[])) AS
             u (of_rows, of_histories, form)$sql$,
      t, zone, groups, q.q, q.as_of, q.until,
      CASE WHEN purchases_only THEN 'WHERE country = 0' ELSE '' END, of),
      'UNTIL', quote_literal(q.until)),
      'ARGS', 'customer, ' || quote_ident(t) || CASE WHEN purchases_only THEN '' ELSE ', event' END);
  END LOOP;
  DROP TABLE histories;
  PERFORM set_config('TimeZone', 'UTC', false);
END $$;
DO $$
DECLARE
  zone text;
  purchases_only boolean;
BEGIN
  FOREACH purchases_only IN ARRAY '{false,true}'::boolean[] LOOP
    FOREACH zone IN ARRAY '{UTC,America/New_York,Australia/Lord_Howe,Pacific/Apia}'::text[] LOOP
      CALL ask_both('timestamptz', '', zone, 'sixty', purchases_only);
      CALL ask_both('timestamptz', 'timestamptz', zone, 'customer', purchases_only);
    END LOOP;
    CALL ask_both('timestamptz', 'timestamptz', 'Europe/Berlin', 'country', purchases_only);
    CALL ask_both('timestamp', '', 'America/New_York', 'customer % 1', purchases_only);
    CALL ask_both('timestamp', 'timestamp', 'Pacific/Apia', 'sixty', purchases_only);
    CALL ask_both('date', '', 'UTC', 'customer', purchases_only);
    CALL ask_both('date', 'date', 'Pacific/Apia', 'country', purchases_only);
  END LOOP;
END $$;

-- No answer differs, as a curve and as bytes.
SELECT time, zone, form, count(*) AS answers, count(DISTINCT one::text) AS different_answers,
       count(*) FILTER (WHERE one IS DISTINCT FROM two
                          OR return_curve_send(one) IS DISTINCT FROM return_curve_send(two)
                          OR one::text IS DISTINCT FROM two::text) AS differ
  FROM answers GROUP BY time, zone, form ORDER BY time COLLATE "C", zone COLLATE "C", form;
-- The first answers that differ: none.
SELECT * FROM answers WHERE one IS DISTINCT FROM two
 ORDER BY time, zone, groups, q, form LIMIT 4;
-- Many answers are not trivial.
SELECT form, count(*) FILTER (WHERE text ~ ',.*,') > 1000 AS long,
       count(*) FILTER (WHERE text = '{}') > 10 AS empty, count(*) FILTER (WHERE text IS NULL) > 0
         AS none
  FROM (SELECT form, one::text AS text FROM answers) AS a GROUP BY form ORDER BY form;

--
-- Plans and steps between
--
CREATE TABLE histories AS
SELECT customer, country, history_agg("timestamptz", event) AS history
  FROM happened GROUP BY customer, country ORDER BY pick(customer, 50, 1000000);
ANALYZE histories;
\set asked 'return_curve(history, ''2012-07-01'')::text AS curve, '
\set asked :asked 'return_curve_at(history, timestamptz ''2012-01-01'', ''2012-07-01'')::text AS at'
\set by_country 'SELECT country, ' :asked ' FROM histories GROUP BY country'
\set whole 'SELECT 100 AS country, ' :asked
\set whole :whole ' FROM (SELECT 0 AS country, history FROM histories) h GROUP BY country'

-- Parallel plans give the same answers.
SET max_parallel_workers_per_gather = 0;
CALL keep('serial', :'by_country', '^([^>]*Aggregate > Seq Scan)?$');
CALL keep('serial_whole', :'whole', '^([^>]*Aggregate > Seq Scan)?$');
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CALL keep('parallel', :'by_country', '^Finalize .*Gather.* > (Partial|Parallel Custom Scan)');
CALL keep('parallel_whole', :'whole', '^Finalize .*Gather.* > (Partial|Parallel Custom Scan)');
SET max_parallel_workers_per_gather = 0;
SET enable_hashagg = off;
CALL keep('sorted', :'by_country', '^GroupAggregate');
RESET enable_hashagg;
RESET max_parallel_workers_per_gather;
SELECT count(*) AS groups, count(*) FILTER (WHERE s IS DISTINCT FROM p) AS differ
  FROM (SELECT * FROM serial UNION ALL SELECT * FROM serial_whole) AS s
  FULL JOIN (SELECT * FROM parallel UNION ALL SELECT * FROM parallel_whole) AS p USING (country);
SELECT count(*) AS groups, count(*) FILTER (WHERE s IS DISTINCT FROM p) AS differ
  FROM serial AS s FULL JOIN sorted AS p USING (country);
-- grouping sets, and the sum of the groups
SELECT count(*) AS sets, count(DISTINCT curve) AS curves
  FROM (SELECT return_curve(history, '2012-07-01')::text AS curve
          FROM histories GROUP BY GROUPING SETS ((country), ()) HAVING grouping(country) = 1
        UNION ALL SELECT curve FROM serial_whole
        UNION ALL SELECT sum(curve::return_curve)::text FROM serial) AS t;

-- A question may be another one in each group.
SELECT count(*) AS questions, count(*) FILTER (WHERE one IS DISTINCT FROM two) AS differ
  FROM (SELECT q, return_curve_at(history, as_of::timestamptz, until)::text AS one
          FROM histories, questions GROUP BY q) AS a
  JOIN LATERAL (SELECT return_curve_at(customer, "timestamptz", event, as_of, until)::text AS two
                  FROM happened, questions AS o WHERE o.q = a.q) AS b ON true;

-- The states are values of a concrete type, which other servers may send as text: those that were
-- settled on the way, open ones, and both together make the same curve.
CREATE AGGREGATE states(customer_history, text) (
  SFUNC = return_curve_history_trans, STYPE = return_curve);
CREATE AGGREGATE combined(return_curve) (
  SFUNC = return_curve_combine, STYPE = return_curve, FINALFUNC = return_curve_history_final);
CREATE TABLE pieces AS
SELECT customer % 40 AS piece, customer % 40 % 3 AS way, states(history, '2012-07-01') AS state
  FROM histories GROUP BY customer % 40;
SELECT count(*) AS ways, count(DISTINCT curve) AS curves
  FROM (SELECT combined(state ORDER BY piece)::text AS curve FROM pieces
        UNION ALL SELECT combined(state ORDER BY piece DESC)::text FROM pieces
        UNION ALL SELECT combined(state::text::return_curve ORDER BY piece)::text FROM pieces
        UNION ALL SELECT combined(CASE way WHEN 0 THEN state::text::return_curve ELSE state END
                                  ORDER BY piece)::text FROM pieces
        UNION ALL SELECT combined(CASE way WHEN 0 THEN state ELSE state::text::return_curve END
                                  ORDER BY piece)::text FROM pieces
        UNION ALL SELECT sum(state ORDER BY piece)::text FROM pieces
        UNION ALL SELECT curve FROM serial_whole) AS t;
-- an open state is equal to the curve, has its hash and its bytes, and has not been changed
SELECT count(*) AS pieces,
       count(*) FILTER (WHERE state <> curve OR state::text <> curve::text
                          OR return_curve_hash(state) <> return_curve_hash(curve)
                          OR return_curve_send(state) <> return_curve_send(curve)
                          OR median_return(state) IS DISTINCT FROM median_return(curve)) AS differ
  FROM pieces JOIN (SELECT customer % 40 AS piece, return_curve(history, '2012-07-01') AS curve
                      FROM histories GROUP BY customer % 40) AS t USING (piece);

-- In a window the state goes on after each result.
SELECT count(*) AS rows, count(*) FILTER (WHERE running IS DISTINCT FROM curve) AS differ
  FROM (SELECT customer, return_curve(history, '2012-07-01') OVER w AS running
          FROM histories WHERE customer <= 100 WINDOW w AS (ORDER BY customer)) AS r
  JOIN LATERAL (SELECT return_curve(history, '2012-07-01') AS curve
                  FROM histories AS h WHERE h.customer <= r.customer) AS t ON true;

DROP SCHEMA property_history_curve CASCADE;
