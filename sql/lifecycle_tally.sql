--
-- lifecycle_tally.sql
--
-- Proves for the type lifecycle_tally that sums over groups without a common customer are exact
-- where sums of the columns of lifecycle_counts are not, that tallies of different questions are
-- not added up, that its text and its bytes are checked, and that a roll-up table can store it.
-- property_series.sql proves over generated cases that the rows of a sum are those of the whole.
--
SET client_min_messages = warning;
CREATE SCHEMA lifecycle_tally;
SET search_path = lifecycle_tally, public;
SET TimeZone = 'Europe/Berlin';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';

-- Customers of three countries.  Only the orders of Spain reach August.
CREATE TABLE orders (country text, customer int, at timestamptz, amount numeric);
INSERT INTO orders VALUES
  ('es', 1, '2024-01-05 10:00', 10.00), ('es', 1, '2024-06-05 10:00', 5.5),
  ('es', 1, '2024-07-10 10:00', 1), ('es', 2, '2024-05-20 10:00', 20), ('es', 2, '2024-09-30', 7),
  ('fr', 3, '2024-01-07 10:00', 30.25), ('fr', 3, '2024-06-08 10:00', 3.125),
  ('fr', 4, '2024-06-30 23:59:59.999999', 0.01),
  ('it', 5, '2023-01-01', NULL), ('it', 5, '2024-06-15', NULL);

-- The text contains everything, in ISO 8601 and UTC whatever the settings are.
SELECT lifecycle_counts_tally(customer, at, amount, '[2024-06-01,2024-07-01)',
                              '30 days', '1 year') AS tally
  FROM orders;
BEGIN;
SET LOCAL DateStyle = 'German';
SET LOCAL IntervalStyle = 'sql_standard';
SET LOCAL TimeZone = 'Asia/Tokyo';
SELECT tally, tally::text::lifecycle_tally = tally AS equal
  FROM (SELECT lifecycle_series_tally_lost_after(customer, at::date, '[2024-05-01,2024-07-01)',
                 '1 month', '1 month -1 days', '3 months', '1 year 2 days 24:00') AS tally
          FROM orders) t;
ROLLBACK;
-- It is JSON.
SELECT jsonb_pretty(tally::text::jsonb #- '{periods,0,customers}')
  FROM (SELECT lifecycle_counts_tally(customer, at::timestamp, '[2024-06-01,)', '30 days', NULL)
                 AS tally FROM orders) t;

-- Sums over countries: the sum of the columns "sustained" knows the customers of Spain only, as the
-- data of the other countries end too early.  The sum of the tallies is the answer over all.
CREATE TABLE by_country AS
SELECT country,
       lifecycle_series(customer, at, amount, '[2024-06-01,2024-08-01)',
                        '1 month', '30 days', '1 year') AS rows,
       lifecycle_series_tally(customer, at, amount, '[2024-06-01,2024-08-01)',
                              '1 month', '30 days', '1 year') AS tally
  FROM orders GROUP BY country;
SELECT starts_on, sum(sustained) AS sustained, sum(lapsed_again) AS lapsed_again,
       bool_and(history_complete) AS history_complete, max(data_end) AS data_end
  FROM by_country, unnest(rows) GROUP BY starts_on ORDER BY starts_on;
SELECT starts_on, sustained, lapsed_again, history_complete, data_end, reactivated, won_back,
       revenue_new, revenue_reactivated, revenue_won_back, revenue_other
  FROM unnest((SELECT sum(tally) FROM by_country)) ORDER BY starts_on;
SELECT array_agg(r)::text = (SELECT lifecycle_series(customer, at, amount,
                                      '[2024-06-01,2024-08-01)', '1 month', '30 days', '1 year')
                               FROM orders)::text AS equal
  FROM unnest((SELECT sum(tally) FROM by_country)) AS r;
-- The order does not matter, nor does the grouping.
SELECT count(DISTINCT sum::text) AS sums, count(*) AS ways
  FROM (SELECT a.tally + b.tally + c.tally FROM by_country a, by_country b, by_country c
         WHERE a.country <> b.country AND b.country <> c.country AND a.country <> c.country
        UNION ALL
        SELECT a.tally + (b.tally + c.tally) FROM by_country a, by_country b, by_country c
         WHERE a.country <> b.country AND b.country <> c.country AND a.country <> c.country
       ) w (sum);

-- No row, no question: the tally is NULL, sums ignore it, and there are no rows.
SELECT lifecycle_counts_tally(customer, at, '[2024-06-01,2024-07-01)', '30 days', '1 year')
         IS NULL AS no_tally,
       sum(NULL::lifecycle_tally) IS NULL AS no_sum
  FROM orders WHERE false;
SELECT count(*) AS rows FROM unnest(NULL::lifecycle_tally);
SELECT sum(tally) = (SELECT tally FROM by_country WHERE country = 'es') AS equal
  FROM (SELECT tally FROM by_country WHERE country = 'es' UNION ALL SELECT NULL) t;
-- A tally of rows that all lie at infinity has a question, but no data: it changes nothing.
SELECT nothing, tally + nothing = tally AS after, nothing + tally = tally AS before
  FROM by_country,
       (SELECT lifecycle_series_tally(0, 'infinity'::timestamptz, 1, '[2024-06-01,2024-08-01)',
                                      '1 month', '30 days', '1 year') AS nothing) n
 WHERE country = 'fr';
SELECT data_start, data_end, history_complete, active_start, revenue_new
  FROM unnest((SELECT lifecycle_counts_tally(0, 'infinity'::date, 1, '[2024-06-01,2024-08-01)',
                                             '30 days', '1 year')));

\pset tuples_only on
-- Different questions are not added up.  The error names all differences.
CREATE FUNCTION added(one lifecycle_tally, other lifecycle_tally) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  detail text;
BEGIN
  PERFORM one + other;
  RETURN 'added';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN sqlstate || ' ' || sqlerrm || ': ' || detail;
END $$;
CREATE FUNCTION ask(
  period tstzrange DEFAULT '[2024-06-01,2024-08-01)', step interval DEFAULT '1 month',
  inactive_after interval DEFAULT '30 days', churned_after interval DEFAULT '1 year',
  lost_after interval DEFAULT '2 years')
RETURNS lifecycle_tally LANGUAGE sql AS $$
  SELECT lifecycle_series_tally_lost_after(customer, at, period, step, inactive_after,
                                           churned_after, lost_after) FROM orders
$$;
SELECT added(ask(), ask());
SELECT added(ask(), ask(period => '[2024-06-01,2024-09-01)'));
SELECT added(ask(), ask(period => '[2024-06-01,2024-08-01]'));
SELECT added(ask(), ask(step => '2 months'));
-- a day more or less, or a month instead of 30 days: other questions, with the same periods or not
SELECT added(ask(step => '1 month'), ask(step => '1 mon 00:00:00.000001'));
SELECT added(ask(), ask(inactive_after => '1 month'));
SELECT added(ask(), ask(churned_after => '365 days'));
SELECT added(ask(), ask(lost_after => NULL));
SELECT added(ask(churned_after => NULL, lost_after => NULL), ask(lost_after => NULL));
SELECT added(ask(), ask(step => '1 week', inactive_after => '3 days', lost_after => '3 years'));
-- lost_after NULL is the question without lost_after
SELECT added(ask(lost_after => NULL),
             (SELECT lifecycle_series_tally(customer, at, '[2024-06-01,2024-08-01)',
                                            '1 month', '30 days', '1 year') FROM orders));
-- with and without amounts
SELECT added(ask(lost_after => NULL), (SELECT tally FROM by_country WHERE country = 'fr'));
-- a series of one step and a period without steps
SELECT added(ask(period => '[2024-06-01,2024-07-01)', lost_after => NULL),
             (SELECT lifecycle_counts_tally(customer, at, '[2024-06-01,2024-07-01)',
                                            '30 days', '1 year') FROM orders));
-- rows with events and rows that are all purchases answer the same question
SELECT added(ask(lost_after => NULL),
             (SELECT lifecycle_series_tally(customer, at, lifecycle_event 'purchase',
                       '[2024-06-01,2024-08-01)', '1 month', '30 days', '1 year') FROM orders));
-- the type of time
SELECT added(lifecycle_counts_tally(customer, at::timestamp, '[2024-06-01,)', '30 days', NULL),
             lifecycle_counts_tally(customer, at::date, '[2024-06-01,)', '30 days', NULL))
  FROM orders;
-- the same question, where two servers do not agree about its instants
SELECT added(ask(), replace(ask()::text, '"reach": "2022-05-31T22:00:00',
                            '"reach": "2022-05-31T21:00:00')::lifecycle_tally);
-- TimeZone, even where the periods begin at the same instants; dates do not have one
CREATE TABLE zones AS
SELECT 'Berlin' AS zone,
       lifecycle_counts_tally(customer, at, '[2024-06-01 UTC,)', '30 days', NULL) AS instants,
       lifecycle_counts_tally(customer, at::date, '[2024-06-01,)', '30 days', NULL) AS dates
  FROM orders;
SET TimeZone = 'America/Lima';
INSERT INTO zones
SELECT 'Lima',
       lifecycle_counts_tally(customer, at, '[2024-06-01 UTC,)', '30 days', NULL),
       lifecycle_counts_tally(customer, at::date, '[2024-06-01,)', '30 days', NULL)
  FROM orders;
SET TimeZone = 'Europe/Berlin';
SELECT added(a.instants, b.instants), added(a.dates, b.dates)
  FROM zones a, zones b WHERE a.zone < b.zone;
\pset tuples_only off
-- the hint
SELECT sum(tally) FROM (VALUES (ask()), (ask(step => '1 week'))) t (tally);

-- Rows have the starts_on of the TimeZone in which a tally over timestamptz was computed, whoever
-- reads them.  Dates are shown as midnights of the reader.
SET TimeZone = 'America/New_York';
SELECT zone, u.starts_on, u.period_start, v.starts_on, v.period_start, v.data_start
  FROM zones, unnest(instants) AS u, unnest(dates) AS v ORDER BY zone;
SHOW TimeZone;
SET TimeZone = 'Europe/Berlin';

-- Text that is no tally.  Each is the text of a tally with one change.
CREATE TABLE good AS
SELECT lifecycle_counts_tally_lost_after(customer, at, amount, '[2024-06-01,2024-07-01)',
                                         '30 days', '1 year', '2 years')::text AS text
  FROM orders;
CREATE PROCEDURE read(text text) LANGUAGE plpgsql AS $$
DECLARE
  detail text;
BEGIN
  RAISE INFO 'accepted, %', CASE WHEN $1::lifecycle_tally::text = $1 THEN 'same text'
                                 ELSE 'other text' END;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RAISE INFO '% %: %', sqlstate, sqlerrm, detail;
END $$;
DO $$
DECLARE
  change record;
BEGIN
  FOR change IN
    SELECT old, new, replace(text, old, new) AS changed, position(old IN text) > 0 AS found
      FROM good, (VALUES
        (1, 'x', 'x'), (2, ': ', E' :\n\t'), (3, '{"version"', '  {  "version"'),
        (4, 'version": 1', 'version": 2'), (5, 'timestamptz', 'timetz'),
        (6, 'timestamptz', 'timestamp'), (7, 'Europe/Berlin', ''),
        (8, 'Europe/Berlin', 'Europe\u002fBerlin'), (9, 'Europe/Berlin', 'Atlantis'),
        (10, '"P30D"', 'null'), (11, '"P30D"', '"P0D"'), (12, '"P30D"', '"30 days"'),
        (13, '"P30D"', '"-P30D"'), (14, '"churned_after": "P1Y"', '"churned_after": null'),
        (15, '"amounts": true', '"amounts": 1'), (16, '"amounts": true', '"amounts": false'),
        (17, '"data": ["2022', '"data": ["2025'), (18, '+00:00', ''), (19, '+00:00', '+02:00'),
        (20, '"from": "2024-05-31T22:00:00+00:00"', '"from": "infinity"'),
        (21, '"from": "2024-05-31T22:00:00+00:00"', '"from": "today"'),
        (22, '"from": "2024-05-31T22:00:00+00:00"', '"from": "2024-07-31T22:00:00+00:00"'),
        (23, '"from": "2024-05-31T22:00:00+00:00"', '"from": null'),
        (24, '"to": "2024-06-30T22:00:00+00:00"', '"to": null'),
        (25, '"reach": "2022', '"reach": "2025'), (26, '"later": "2024-07', '"later": "2024-05'),
        (27, '"step": null', '"step": "P1M"'), (28, '"periods": [{', '"periods": [{}, {'),
        (29, '"later": "2024-07-30T22:00:00+00:00"', '"later": null'),
        (30, '/bought/', '/sold/'), (31, 'none/bought', 'lapsed/bought'),
        (32, '"none/bought/active": 1', '"none/bought/active": -1'),
        (33, '"none/bought/active": 1', '"none/bought/active": 0'),
        (34, '"none/bought/active": 1', '"none/bought/active": 9223372036854775807'),
        (35, '"none/bought/active": 1', '"none/bought/active": 9223372036854775808'),
        (36, '"none/bought/active": 1', '"none/bought/active": 1, "none/bought/active": 1'),
        (37, '"sustained": 1', '"sustained": 4'), (38, '0.01', '1e1'), (39, '0.01', '"NaN"'),
        (40, '0.01', '"Infinity"'), (41, '0.01', 'NaN'), (42, '0.01', '"0.01"'),
        (43, '0.01', '0x1'), (44, '0.01', '0.01, 1'), (45, '0.01', '1.2.3'), (46, ']}]}', ']}]'),
        (47, ']}]}', ']}]}}'), (48, '"lost_after"', '"lostafter"')) c (no, old, new)
     ORDER BY no
  LOOP
    RAISE INFO '% -> %', change.old, coalesce(nullif(change.new, ''), 'nothing');
    IF NOT change.found AND change.old <> 'x' THEN
      RAISE EXCEPTION 'nothing changed';
    END IF;
    CALL read(change.changed);
  END LOOP;
END $$;
CALL read('');
CALL read('null');
CALL read('{}');
-- the hint, and where the text stops being one
SELECT lifecycle_tally '{"version": 1, "type": "date", "TimeZone": "UTC"}';
-- A TimeZone that this server does not know does not matter until somebody wants rows.
SELECT count(*) FROM good, unnest(replace(text, 'Europe/Berlin', 'Atlantis')::lifecycle_tally);

-- The bytes, as src/README.md describes them: these vectors must never change.  t/030_types.pl reads
-- bytes that are no tally.
CREATE TABLE vectors (tally lifecycle_tally, bytes bytea);
INSERT INTO vectors VALUES
  ('{"version": 1, "type": "date", "step": null, "inactive_after": "P30D", "churned_after": null,
     "lost_after": null, "amounts": false, "data": null,
     "from": "2024-01-01", "periods": [{"to": null, "reach": "2023-12-02", "later": null,
     "customers": {"churned/silent/churned": 300}, "sustained": 0}]}',
   '\x01 00 003c00 fc8801 01 1e 00 000000000000100000 ac02 00'),
  ('{"version": 1, "type": "timestamptz", "TimeZone": "Europe/Berlin", "step": "P1M",
     "inactive_after": "P1M", "churned_after": "P3M", "lost_after": "P1Y2DT0.000001S",
     "amounts": true, "data": ["1999-12-31T23:59:59.999999+00:00", "2000-01-01T00:00:00+00:00"],
     "from": "2000-01-01T00:00:00+00:00", "periods": [
      {"to": "2000-01-01T00:00:01+00:00", "reach": "1999-12-31T23:59:59+00:00",
       "later": "2000-01-01T00:00:01.000001+00:00",
       "customers": {"none/silent/prospect": 1, "inactive/bought/active": 2, "lost/bought/lost": 3},
       "sustained": 2, "revenue": [9223372036854775.807, 0.00, -12.5, "NaN", 9223372036854775.808]},
      {"to": "2000-01-01T00:00:01.000001+00:00", "reach": "1999-12-31T00:00:01+00:00",
       "later": null, "customers": {}, "sustained": 0, "revenue": [0, 0, 0, 0, 0]}]}',
   '\x01 fe 0d 4575726f70652f4265726c696e 020000 060000 180402 020000 01 01 00 02
       c0843d c0843d 01 020000000010000080 01 02 03 02
       03 feffffffffffffffff01 02 00 01 f901 ff 03 4e614e ff 14 393232333337323033363835343737352e383038
       01 80c0ddeec102 00 000000000000000000 00 0000 0000 0000 0000 0000');
SELECT lifecycle_tally_send(tally) = bytes AS equal, lifecycle_tally_send(tally) AS bytes
  FROM vectors ORDER BY length(bytes);

-- Numbers beyond 64 bits.
SELECT t + t FROM good, CAST(
  replace(text, '"none/bought/active": 1',
          '"none/bought/active": 4611686018427387904') AS lifecycle_tally) t;
-- A total beyond 64 bits, of cells that are not.
SELECT sum(t)
  FROM (SELECT replace(text, '"none/bought/active": 1',
                       '"none/bought/active": 9223372036854775000')::lifecycle_tally FROM good
        UNION ALL
        SELECT replace(text, '"none/bought/active": 1',
                       '"none/bought/inactive": 1000')::lifecycle_tally FROM good) u (t);
-- The largest numbers.
SELECT new_customers, revenue_new
  FROM good, unnest(replace(replace(text, '"none/bought/active": 1',
                                    '"none/bought/active": 9223372036854775000'),
                            '0.01', repeat('9', 40) || '.' || repeat('9', 30))::lifecycle_tally);

-- Amounts: the display scale is that of sum(), and of all kinds of numbers.
CREATE TABLE paid (shop int, customer int, at date, amount numeric);
INSERT INTO paid
SELECT shop, shop * 100 + n, date '2024-01-01' + n, amount
  FROM (VALUES (1, 1, 0.10), (1, 2, -0.1000), (2, 1, 1e-30), (2, 2, 12345678901234567890123.4),
               (3, 1, 9223372036854775807), (3, 2, 9223372036854775807), (3, 3, -1e18),
               (4, 1, NULL), (5, 1, 0.000), (6, 1, 1e-20)) v (shop, n, amount);
SELECT sum, revenue_new
  FROM (SELECT sum(amount) FROM paid) s,
       unnest((SELECT sum(tally)
                 FROM (SELECT lifecycle_counts_tally(customer, at, amount,
                                '[2024-01-01,2025-01-01)', '30 days', NULL) AS tally
                         FROM paid GROUP BY shop) t));
SELECT shop, pg_typeof(tally), u.revenue_new
  FROM (SELECT shop, lifecycle_counts_tally(customer, at, amount, '[2024-01-01,2025-01-01)',
                                            '30 days', NULL) AS tally
          FROM paid GROUP BY shop) t, unnest(tally) AS u ORDER BY shop;
-- NaN and the infinities
SELECT u.revenue_new
  FROM unnest((SELECT sum(tally)
                 FROM (SELECT lifecycle_counts_tally(n, date '2024-02-01', amount,
                                '[2024-01-01,2025-01-01)', '30 days', NULL) AS tally
                         FROM (VALUES (1, numeric 'Infinity'), (2, '1.0')) v (n, amount)
                        GROUP BY n) t)) AS u
UNION ALL
SELECT u.revenue_new
  FROM unnest((SELECT sum(tally)
                 FROM (SELECT lifecycle_counts_tally(n, date '2024-02-01', amount,
                                '[2024-01-01,2025-01-01)', '30 days', NULL) AS tally
                         FROM (VALUES (1, numeric 'Infinity'), (2, '-Infinity')) v (n, amount)
                        GROUP BY n) t)) AS u;

-- Dates and timestamps at the ends of their range.
SELECT t = t::text::lifecycle_tally AS equal, u.period_start, u.data_start, u.data_end
  FROM (SELECT lifecycle_counts_tally(n, at, '[4713-06-01 BC,4712-01-01 BC)', '30 days', NULL) AS t
          FROM (VALUES (1, date '4713-01-01 BC'), (2, '5874897-12-31')) v (n, at)) s,
       unnest(t) AS u;
SELECT t = t::text::lifecycle_tally AS equal, u.period_start, u.period_end, u.data_start, u.data_end
  FROM (SELECT lifecycle_counts_tally(n, at, '[0001-03-01 BC,294276-12-01)', '30 days', NULL) AS t
          FROM (VALUES (1, timestamp '4713-01-01 BC'),
                       (2, '294276-12-31 23:59:59.999999')) v (n, at)) s,
       unnest(t) AS u;
-- As many periods as there can be.
SELECT t = t::text::lifecycle_tally AS equal, (t + t)::text <> t::text AS doubled,
       (SELECT count(*) FROM unnest(t)) AS periods
  FROM (SELECT lifecycle_series_tally(n, date '2000-01-01' + n, '[2000-01-01,2027-05-19)',
                                      '1 day', '30 days', NULL) AS t
          FROM generate_series(1, 20) AS n) s;
SELECT replace(t::text, ']}', ', ' || substring(t::text FROM '"periods": \[(.*?})[,\]]') || ']}')
         ::lifecycle_tally IS NULL AS one_more
  FROM (SELECT lifecycle_series_tally(n, date '2000-01-01' + n, '[2000-01-01,2027-05-19)',
                                      '1 day', '30 days', NULL) AS t
          FROM generate_series(1, 20) AS n) s;

-- A roll-up table: a row a day and shop; toasted, compressed, and added up in parallel.
CREATE TABLE rollup (shop int, tally lifecycle_tally);
INSERT INTO rollup
SELECT n % 400,
       lifecycle_series_tally(n, date '2020-01-01' + n % 1000, (n % 7)::numeric / 4,
                              '[2020-01-01,2023-01-01)', '1 week', '30 days', '90 days')
  FROM generate_series(1, 4000) AS n GROUP BY n % 400;
INSERT INTO rollup VALUES (-1, NULL);
ANALYZE rollup;
CREATE TABLE serial AS SELECT sum(tally) FROM rollup;
SELECT sum = (SELECT lifecycle_series_tally(n, date '2020-01-01' + n % 1000,
                                            (n % 7)::numeric / 4, '[2020-01-01,2023-01-01)',
                                            '1 week', '30 days', '90 days')
                FROM generate_series(1, 4000) AS n) AS equal FROM serial;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
ALTER TABLE rollup SET (parallel_workers = 2);
EXPLAIN (COSTS off) SELECT sum(tally) FROM rollup;
SELECT (SELECT sum(tally) FROM rollup) = sum AS equal FROM serial;
SELECT bool_and(sum = alone) AS equal
  FROM (SELECT shop % 3 AS grp, sum(tally) FROM rollup GROUP BY shop % 3) a
  JOIN (SELECT grp, sum(tally) AS alone FROM (SELECT shop % 3 AS grp, tally FROM rollup OFFSET 0) r
         GROUP BY grp) b USING (grp);

-- The tallies, and the counts over the same arguments, share one state and one Winback Scan.
SET max_parallel_workers_per_gather = 0;
SET winback.enable_scan = on;
EXPLAIN (COSTS off)
SELECT lifecycle_counts_tally(customer, at, amount, '[2024-06-01,2024-07-01)', '30 days', '1 year'),
       lifecycle_counts(customer, at, amount, '[2024-06-01,2024-07-01)', '30 days', '1 year')
  FROM orders;
SELECT country, unnest(tally) = counts AS equal
  FROM (SELECT country,
               lifecycle_counts_tally(customer, at, amount, '[2024-06-01,2024-07-01)',
                                      '30 days', '1 year') AS tally,
               lifecycle_counts(customer, at, amount, '[2024-06-01,2024-07-01)',
                                '30 days', '1 year') AS counts
          FROM orders GROUP BY country) t ORDER BY country;
DROP SCHEMA lifecycle_tally CASCADE;
