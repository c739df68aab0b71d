--
-- property_history_customers.sql
--
-- Proves that the aggregates over histories equal those over the rows from which the histories were
-- made, to the last bit, over thousands of generated customers:
--
--   * every aggregate: rates, tallies, counts, series and their tallies, with and without
--     lost_after, over all three types of time, in several time zones, with events and amounts,
--     with purchases only, and over the whole, small groups and single customers
--   * a literal and a range of the type ask the same
--   * in serial and parallel plans, in windows, and with states that are settled between two steps
--
-- The aggregates over rows are compared with the definitions in property*.sql.  Another seed makes
-- other customers: then the counts change, but the columns named "differ" must stay 0.
--
\set seed 1
\set customers 1400
-- On a slow server (scripts/checked) there are fewer cases, and the counts change.
\getenv fewer WINBACK_CASES
\if :{?fewer}
  \set customers 300
\endif

SET client_min_messages = warning;
SET jit = off;
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SET TimeZone = 'UTC';
CREATE SCHEMA property_history_customers;
SET search_path = property_history_customers, public;
SELECT set_config('property.seed', :'seed', false) AS seed;
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/include/helpers.sql'
\i :helpers

-- Up to 12 rows of each customer, in no order.  Customers of country 0 have purchases only, without
-- amounts, and those of country 1 with amounts of two decimals.  The others have all kinds of
-- events; their amounts have one scale, several, or are not integers of 64 bits.  Some instants are
-- equal, infinite, NULL, before the first or after the last period.
CREATE TABLE happened AS
SELECT customer, customer % 7 AS country, customer % 100 AS hundred, n,
       at AS "timestamp", at::timestamptz AS "timestamptz", at::date AS "date", event,
       CASE WHEN customer % 7 = 0 THEN NULL
            WHEN event IN ('interest', 'cancellation')
            THEN pick(n, 20, '{NULL,NULL,0,0.00}'::numeric[])
            WHEN customer % 7 < 5 THEN round(pick(n, 21, 100000) / 100.0, 2)
            WHEN customer % 7 = 5
            THEN pick(n, 22, '{NULL,0,1,1.0,1.50,-1.5,49.90,0.001,9223372036854775807,
                               -9223372036854775807,1.000000000000000000}'::numeric[])
            ELSE pick(n, 23, '{NULL,12345678901234567890.5,1e-30,-1e-30,5,5.00,
                               9223372036854775808,1.0000000000000000000,1e20,0.0}'::numeric[])
                 + CASE WHEN customer % 100 = 6
                        THEN pick(n, 24, '{NaN,Infinity,-Infinity}'::numeric[]) ELSE 0 END
       END AS amount
  FROM (SELECT customer, customer * 100::bigint + i AS n,
               CASE pick(customer * 100 + i, 2, 40)
                 WHEN 0 THEN NULL
                 WHEN 1 THEN CASE customer % 3 WHEN 0 THEN timestamp 'infinity' END
                 WHEN 2 THEN CASE customer % 3 WHEN 0 THEN timestamp '-infinity' END
                 ELSE date_trunc(pick(customer, 3, '{day,hour,second,milliseconds,microseconds,
                                                     minute}'::text[]),
                        timestamp '2023-06-01'
                        + pick(customer * 100 + i / 2, 4, 600) * interval '1 day'
                        + pick(customer * 100 + i / 2, 5, 86400000) * interval '1 ms'
                        + pick(customer * 100 + i / 2, 6, 1000) * interval '1 us')
               END AS at,
               CASE WHEN customer % 7 < 2 THEN 'purchase'::lifecycle_event
                    ELSE pick(customer * 100 + i, 7, '{purchase,purchase,purchase,cancellation,
                                interest,adjustment,NULL}'::lifecycle_event[]) END AS event
          FROM generate_series(1, :customers) AS customer,
               LATERAL generate_series(1, 1 + pick(customer, 1, 12)) AS i) AS r
 ORDER BY pick(n, 30, 1000000), n;
ANALYZE happened;

-- The questions.  Steps of months begin at the end of one, and thresholds of months have cut-offs
-- that are not in order; periods are within the data, and beyond them.
CREATE TABLE questions AS
SELECT q, period, step, inactive_after, churned_after, lost_after,
       daterange(lower(period)::date, upper(period)::date,
                 concat(CASE WHEN lower_inc(period) THEN '[' ELSE '(' END,
                        CASE WHEN upper_inc(period) THEN ']' ELSE ')' END)) AS days
  FROM (VALUES (1, tsrange('2024-01-01', '2024-04-01'), interval '1 month',
                interval '30 days', interval '90 days', interval '200 days'),
               (2, '[2024-03-10,2024-03-31)', '1 day', '1 month', '3 months', '3 months'),
               (3, '[2023-07-31,2024-12-31)', '1 month', '45 days', NULL, NULL),
               (4, '(2024-02-29,2024-06-30]', '3 days', '10 days', '10 days', '20 days'),
               (5, '[2022-01-01,2026-01-01)', '1 month', '90 days', '1 year', NULL),
               (6, '[2023-12-30,2024-03-02)', '9 days', '1 month', '2 months', '1 year')
       ) AS v (q, period, step, inactive_after, churned_after, lost_after);

-- Pairs of aggregates.  Over rows, ROW is customer, at, event and amount; HISTORY is a history.
CREATE TABLE aggregates AS
SELECT a.name || lost AS name, takes_amount, in_step, threshold,
       format('%s%s(%%s, PERIOD%s%s%s)', a.name, lost, in_step,
              CASE threshold WHEN 'winback' THEN '' ELSE ', INACTIVE' END
              || CASE threshold WHEN 'reactivation' THEN '' ELSE ', CHURNED' END,
              CASE lost WHEN '' THEN '' ELSE ', LOST' END) AS call
  FROM (VALUES ('reactivation_rate', false, '', 'reactivation'),
               ('reactivation_tally', false, '', 'reactivation'),
               ('winback_rate', false, '', 'winback'), ('winback_tally', false, '', 'winback'),
               ('lifecycle_counts', true, '', ''), ('lifecycle_counts_tally', true, '', ''),
               ('lifecycle_series', true, ', STEP', ''),
               ('lifecycle_series_tally', true, ', STEP', '')) AS a (name, takes_amount, in_step,
                                                        threshold),
       (VALUES (''), ('_lost_after')) AS l (lost);

CREATE TABLE answers (
  aggregate text, time text, zone text, groups text, id text, one text, two text);

-- Asks both forms of every aggregate all questions about one type of time, by an expression.
CREATE PROCEDURE ask_both(t text, range text, zone text, groups text, purchases_only boolean)
LANGUAGE plpgsql AS $$
DECLARE
  q record;
  rows text;
  histories text;
BEGIN
  PERFORM set_config('TimeZone', zone, false);
  EXECUTE format('CREATE TEMP TABLE histories AS
                  SELECT customer, %1$s AS id, %2$s AS history FROM happened %3$s
                   GROUP BY customer, %1$s',
                 groups,
                 CASE WHEN purchases_only THEN format('history_agg(%I, amount)', t)
                      ELSE format('history_agg(%I, event, amount)', t) END,
                 CASE WHEN purchases_only THEN 'WHERE country < 2' ELSE '' END);
  FOR q IN SELECT * FROM questions ORDER BY q LOOP
    SELECT string_agg(format(call, format('customer, %I%s%s', t,
                        CASE WHEN purchases_only THEN '' ELSE ', event' END,
                        CASE WHEN takes_amount THEN ', amount' ELSE '' END)) || '::text', ', '
                      ORDER BY name COLLATE "C"),
           string_agg(format(call, 'history') || '::text', ', ' ORDER BY name COLLATE "C")
      INTO rows, histories
      FROM aggregates
     -- without events nobody cancels, and the win-back rate needs churned_after
     WHERE NOT (purchases_only AND threshold = 'winback' AND q.churned_after IS NULL);
    EXECUTE replace(replace(replace(replace(replace(format($sql$
      INSERT INTO answers
      SELECT name, %1$L, %2$L, %3$L || CASE WHEN %4$L THEN ', purchases' ELSE '' END,
             id || ', question ' || %5$L, of_rows, of_histories
        FROM (SELECT %3$s AS id, ARRAY[%6$s] AS all_rows FROM happened %8$s GROUP BY %3$s) AS r
        FULL JOIN (SELECT id, ARRAY[%7$s] AS all_histories FROM histories GROUP BY id) AS h
             USING (id),
             ROWS FROM (unnest(all_rows), unnest(all_histories),
                        unnest((SELECT array_agg(name ORDER BY name COLLATE "C") FROM aggregates
                                 WHERE NOT (%4$L AND threshold = 'winback' AND %9$L)))) AS
             u (of_rows, of_histories, name)$sql$,
      t, zone, groups, purchases_only, q.q, rows, histories,
      CASE WHEN purchases_only THEN 'WHERE country < 2' ELSE '' END, q.churned_after IS NULL),
      -- a literal for odd questions, and a range of the type for even ones
      'PERIOD', format('%s%L', CASE WHEN q.q % 2 = 0 THEN range || ' ' ELSE '' END,
                       CASE WHEN t = 'date' THEN q.days::text ELSE q.period::text END)),
      'STEP', quote_literal(q.step)),
      'INACTIVE', quote_literal(q.inactive_after)),
      'CHURNED', quote_nullable(q.churned_after)),
      'LOST', quote_nullable(q.lost_after));
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
    FOREACH zone IN ARRAY '{UTC,America/New_York,Pacific/Auckland}'::text[] LOOP
      CALL ask_both('timestamptz', 'tstzrange', zone, 'hundred', purchases_only);
    END LOOP;
    CALL ask_both('timestamptz', 'tstzrange', 'Europe/Berlin', 'customer % 1', purchases_only);
    CALL ask_both('timestamp', 'tsrange', 'America/New_York', 'hundred', purchases_only);
    CALL ask_both('timestamp', 'tsrange', 'Asia/Kathmandu', 'customer % 1', purchases_only);
    CALL ask_both('date', 'daterange', 'Pacific/Auckland', 'customer', purchases_only);
    CALL ask_both('date', 'daterange', 'America/New_York', 'country', purchases_only);
    CALL ask_both('date', 'daterange', 'UTC', 'customer % 1', purchases_only);
  END LOOP;
END $$;

-- No answer differs.
SELECT aggregate, count(DISTINCT time) AS times, count(DISTINCT zone) AS zones,
       count(DISTINCT groups) AS groupings, count(*) AS answers,
       count(DISTINCT one) AS different_answers,
       count(*) FILTER (WHERE one IS DISTINCT FROM two) AS differ
  FROM answers GROUP BY aggregate ORDER BY aggregate COLLATE "C";
-- The first answers that differ: none.
SELECT * FROM answers WHERE one IS DISTINCT FROM two
 ORDER BY aggregate COLLATE "C", time, zone, groups, id COLLATE "C" LIMIT 4;

--
-- Plans and steps between
--
CREATE TABLE histories AS
SELECT customer, country, history_agg("date", event, amount) AS history
  FROM happened GROUP BY customer, country ORDER BY pick(customer, 50, 1000000);
ANALYZE histories;
\set question '''[2023-09-01,2024-12-01)'', ''1 month'', ''30 days'', ''90 days'''
\set period '''[2024-01-01,2024-04-01)'', ''30 days'''
\set asked 'country, reactivation_tally(history, daterange ' :period '), '
\set asked :asked 'winback_rate(history, ' :period '), '
\set asked :asked 'lifecycle_series_tally(history, daterange ' :question ')::text AS tally, '
\set asked :asked 'lifecycle_series(history, ' :question ')::text AS series'
\set by_country 'SELECT ' :asked ' FROM histories GROUP BY country'
\set whole 'SELECT ' :asked
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
RESET max_parallel_workers_per_gather;
SELECT count(*) AS groups, count(*) FILTER (WHERE s IS DISTINCT FROM p) AS differ
  FROM (SELECT * FROM serial UNION ALL SELECT country + 100, reactivation_tally, winback_rate,
                                              tally, series FROM serial_whole) AS s
  FULL JOIN (SELECT * FROM parallel UNION ALL SELECT country + 100, reactivation_tally,
                                                     winback_rate, tally, series
               FROM parallel_whole) AS p USING (country);
-- hashed and sorted groups, and grouping sets, which share transition values
SET max_parallel_workers_per_gather = 0;
SET enable_hashagg = off;
CALL keep('sorted', :'by_country', '^GroupAggregate');
RESET enable_hashagg;
RESET max_parallel_workers_per_gather;
SELECT count(*) AS groups, count(*) FILTER (WHERE s IS DISTINCT FROM p) AS differ
  FROM serial AS s FULL JOIN sorted AS p USING (country);
SELECT count(*) AS sets, count(DISTINCT tally) AS tallies
  FROM (SELECT lifecycle_series_tally(history, daterange :question)::text AS tally
          FROM histories GROUP BY GROUPING SETS ((country), ()) HAVING grouping(country) = 1
        UNION ALL SELECT tally FROM serial_whole) AS t;

-- A question may be another one in each group.
SELECT count(*) AS questions, count(*) FILTER (WHERE one IS DISTINCT FROM two) AS differ
  FROM (SELECT q, lifecycle_series_tally_lost_after(history, days, step, inactive_after,
                                                    churned_after, lost_after)::text AS one
          FROM histories, questions GROUP BY q) AS a
  JOIN LATERAL (SELECT lifecycle_series_tally_lost_after(customer, "date", event, amount, days,
                         step, inactive_after, churned_after, lost_after)::text AS two
                  FROM happened, questions AS o WHERE o.q = a.q) AS b ON true;
-- more questions by turns than a call site keeps calendars
SELECT count(*) AS questions, count(DISTINCT one) AS answers,
       count(*) FILTER (WHERE one IS DISTINCT FROM two) AS differ
  FROM (SELECT day, lifecycle_counts_tally(history,
                 daterange(date '2024-01-01' + day, '2024-06-10'), '30 days', '90 days')::text
                 AS one
          FROM histories, generate_series(0, 99) AS day WHERE customer <= 60 GROUP BY day) AS a
  JOIN LATERAL (SELECT lifecycle_counts_tally(customer, "date", event, amount,
                         daterange(date '2024-01-01' + day, '2024-06-10'), '30 days',
                         '90 days')::text AS two
                  FROM happened WHERE customer <= 60) AS b ON true;

-- The states are values of concrete types, which other servers may send as text: those that were
-- settled on the way, open ones, and both together make the same tally.
CREATE AGGREGATE states(customer_history, daterange, interval, interval, interval) (
  SFUNC = lifecycle_series_history_trans, STYPE = lifecycle_tally);
CREATE AGGREGATE combined(lifecycle_tally) (
  SFUNC = lifecycle_tally_combine, STYPE = lifecycle_tally,
  FINALFUNC = lifecycle_tally_history_final);
CREATE TABLE pieces AS
SELECT customer % 40 AS piece, customer % 40 % 3 AS way,
       states(history, daterange :question) AS state
  FROM histories GROUP BY customer % 40;
SELECT count(*) AS ways, count(DISTINCT tally) AS tallies
  FROM (SELECT combined(state ORDER BY piece)::text AS tally FROM pieces
        UNION ALL SELECT combined(state ORDER BY piece DESC)::text FROM pieces
        UNION ALL SELECT combined(state::text::lifecycle_tally ORDER BY piece)::text FROM pieces
        UNION ALL SELECT combined(CASE way WHEN 0 THEN state::text::lifecycle_tally ELSE state END
                                  ORDER BY piece)::text FROM pieces
        UNION ALL SELECT combined(CASE way WHEN 0 THEN state ELSE state::text::lifecycle_tally END
                                  ORDER BY piece)::text FROM pieces
        UNION ALL SELECT sum(state ORDER BY piece)::text FROM pieces
        UNION ALL SELECT tally FROM serial_whole) AS t;
-- what was stored has not been changed
SELECT count(*) AS pieces, count(*) FILTER (WHERE state::text IS DISTINCT FROM tally) AS differ
  FROM pieces JOIN (SELECT customer % 40 AS piece,
                           lifecycle_series_tally(history, daterange :question)::text AS tally
                      FROM histories GROUP BY customer % 40) AS t USING (piece);
CREATE AGGREGATE rate_states(customer_history, daterange, interval) (
  SFUNC = reactivation_history_trans, STYPE = rate_tally);
CREATE AGGREGATE combined(rate_tally) (
  SFUNC = history_tally_combine, STYPE = rate_tally, FINALFUNC = history_tally_final);
SELECT count(*) AS ways, count(DISTINCT tally) AS tallies
  FROM (SELECT combined(state::text::rate_tally ORDER BY piece)::text AS tally
          FROM (SELECT customer % 40 AS piece, rate_states(history, daterange :period) AS state
                  FROM histories GROUP BY customer % 40) AS s
        UNION ALL SELECT reactivation_tally::text FROM serial_whole) AS t;

-- In a window the state goes on after each result.
SELECT count(*) AS rows, count(*) FILTER (WHERE running IS DISTINCT FROM tally) AS differ
  FROM (SELECT customer, ROW(lifecycle_counts_tally(history, :period, NULL) OVER w,
                             reactivation_tally(history, :period) OVER w)::text AS running
          FROM histories WHERE customer <= 100 WINDOW w AS (ORDER BY customer)) AS r
  JOIN LATERAL (SELECT ROW(lifecycle_counts_tally(history, :period, NULL),
                           reactivation_tally(history, :period))::text AS tally
                  FROM histories AS h WHERE h.customer <= r.customer) AS t ON true;

-- Histories that are compressed, and those outside of the row.
CREATE TABLE places (place text, customer int, history customer_history)
  WITH (toast_tuple_target = 128);
ALTER TABLE places ALTER history SET STORAGE external;
INSERT INTO places SELECT 'external', customer % 5, history || history || history || history
                     FROM (SELECT customer % 5 AS customer, history_agg(history) AS history
                             FROM histories GROUP BY customer % 5) AS h;
ALTER TABLE places ALTER history SET STORAGE main;
INSERT INTO places SELECT 'compressed', customer, history FROM places;
SELECT place, count(*) AS histories,
       sum(pg_column_size(history)) < sum(octet_length(customer_history_send(history)))
         AS compressed,
       reactivation_tally(history, daterange :period),
       hashtext(lifecycle_series_tally(history, :question)::text) = hashtext(
         (SELECT lifecycle_series_tally(customer % 5, "date", event, amount, daterange :question)
            FROM happened, generate_series(1, 4))::text) AS equal
  FROM places GROUP BY place ORDER BY place;

DROP SCHEMA property_history_customers CASCADE;
