--
-- history_curve.sql
--
-- Curves and returns over histories: examples, what they ignore, wrong questions, histories of
-- another type of time, damaged ones, and open curves outside of an aggregate.
-- property_history_curve.sql compares curves with those over rows.
--
SET client_min_messages = warning;
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SET TimeZone = 'UTC';
CREATE SCHEMA history_curve_test;
SET search_path = history_curve_test, public;

-- Only this test makes a history of bytes that nobody has checked.
CREATE CAST (bytea AS customer_history) WITHOUT FUNCTION;

-- Ann comes back after 30 days and is silent for 31, Ben is silent, Cleo cancels and comes back,
-- Dora is a lead, and Eve bought twice on a day.
CREATE TABLE customers (name text, history customer_history);
INSERT INTO customers VALUES
  ('Ann', '{date; 2024-01-01 purchase 10.00, 2024-01-31 purchase 25.50}'),
  ('Ben', '{date; 2024-02-01 purchase 10.00}'),
  ('Cleo', '{date; 2024-01-01, 2024-01-15 cancellation, 2024-02-10, 2024-03-02}'),
  ('Dora', '{date; 2024-01-10 interest}'),
  ('Eve', '{date; -infinity, 2024-02-20, 2024-02-20, 2024-02-21 adjustment -9.00, infinity}');
SELECT return_curve(history, '2024-03-02') AS curve,
       return_curve_at(history, '2024-02-05', '2024-03-02') AS at FROM customers;
SELECT name, return_curve(history, date '2024-03-02') AS curve,
       return_curve_at(history, date '2024-02-05', date '2024-03-02') AS at
  FROM customers GROUP BY name ORDER BY name;
-- A NULL and a history of adjustments are ignored, and so is a question that no history asks.
SELECT return_curve(history, '2024-03-02') AS curve, return_curve(history, NULL::text) AS not_asked,
       return_curve_at(history, NULL::date, NULL) AS nor_asked
  FROM (VALUES (NULL::customer_history), ('{date; 2024-01-01 adjustment 1.00}')) AS v (history);
-- A lead and a purchase that is too late are no silence.
SELECT return_curve(history, '2024-01-01') AS curve,
       return_curve_at(history, '2023-01-01', '2024-01-01') AS at FROM customers;
-- The day is one of the TimeZone.
SET TimeZone = 'America/New_York';
SELECT return_curve(history, '2024-03-02') AS curve, return_curve(history, timestamptz '2024-03-02')
  FROM (VALUES (customer_history '{timestamptz; 2024-01-02 04:00:00+00,
                                   2024-01-02 06:00:00+00}')) AS v (history);
SET TimeZone = 'UTC';

--
-- Errors
--
CREATE FUNCTION error_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
  detail text;
  hint text;
BEGIN
  EXECUTE query INTO result;
  RETURN 'none: ' || coalesce(result, 'NULL');
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws('; ', SQLSTATE, SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;
-- Wrong questions raise the errors that they raise over rows.
SELECT aggregate, question, count(DISTINCT of_histories) AS errors, min(of_histories) AS error,
       count(*) FILTER (WHERE of_rows IS DISTINCT FROM of_histories) AS differ
  FROM (VALUES (1, 'return_curve', 'NULL::TYPE'), (2, 'return_curve', 'TYPE ''infinity'''),
               (3, 'return_curve', 'TYPE ''-infinity'''),
               (4, 'return_curve_at', 'NULL::TYPE, TYPE ''2024-01-01'''),
               (5, 'return_curve_at', 'TYPE ''2024-01-01'', NULL::TYPE'),
               (6, 'return_curve_at', 'TYPE ''infinity'', TYPE ''2024-01-01'''),
               (7, 'return_curve_at', 'TYPE ''-infinity'', TYPE ''2024-01-01'''),
               (8, 'return_curve_at', 'TYPE ''2024-01-01'', TYPE ''infinity'''),
               (9, 'return_curve_at', 'TYPE ''2024-01-01'', TYPE ''2024-01-01'''),
               (10, 'return_curve', 'TYPE ''2024-01-01'' + n'),
               (11, 'return_curve_at', 'TYPE ''2024-01-01'' + n, TYPE ''2025-01-01''')
       ) AS w (n, aggregate, question),
       (VALUES ('timestamptz'), ('timestamp'), ('date')) AS t (type),
       LATERAL (SELECT replace(replace(question, ' + n', CASE type WHEN 'date' THEN ' + n' ELSE
                                 ' + n * interval ''1 day''' END), 'TYPE', type) AS asked) AS a,
       LATERAL (SELECT error_of(format('SELECT %s(1, ''2023-01-01''::%s, %s)
                                          FROM generate_series(1, 2) AS n', aggregate, type, asked))
                         AS of_rows,
                       error_of(format('SELECT %s(history, %s)
                                          FROM (SELECT history_agg(''2023-01-01''::%s) AS history)
                                                 AS h, generate_series(1, 2) AS n',
                                       aggregate, asked, type)) AS of_histories) AS e
 GROUP BY n, aggregate, question ORDER BY n;
-- a literal
SELECT error_of($$SELECT return_curve(history, 'today''s end') FROM customers$$);
SELECT error_of($$SELECT return_curve_at(history, 'last year', '2024-01-01') FROM customers$$);
SELECT error_of($$SELECT return_curve(history, CASE name WHEN 'Ann' THEN '2024-03-01'
                                                         ELSE 'March' END)
                    FROM customers$$);
-- An instant must be one of the type of the histories, and not one that depends on TimeZone.
SELECT error_of($$SELECT return_curve(history, timestamptz '2024-03-01') FROM customers$$);
SELECT error_of($$SELECT return_curve_at(history, timestamp '2024-01-01', '2024-03-01')
                    FROM customers$$);
SELECT error_of($$SELECT return_curve(history, date '2024-03-01')
                    FROM (SELECT history_agg(timestamptz '2024-01-01') AS history) AS h$$);
-- Histories of different types are different questions, in any order.
SELECT error_of(format($$SELECT return_curve(history, '2024-03-01' ORDER BY history %s)
                           FROM (SELECT history FROM customers
                                 UNION ALL SELECT '{timestamp; 2023-01-01 00:00:00}') AS h$$, way))
  FROM (VALUES ('ASC'), ('DESC')) AS v (way) ORDER BY way;
-- A damaged history
SELECT error_of(format('SELECT %s(history::customer_history, %s)
                          FROM (SELECT overlay(customer_history_send(history)
                                               PLACING ''\x7f'' FROM 3) AS history
                                  FROM customers) AS h', name, question))
  FROM (VALUES (1, 'return_curve', '''2024-03-01'''),
               (2, 'return_curve_at', '''2024-01-01'', ''2024-03-01'''),
               (3, 'returns', '''30 days'', NULL')) AS v (n, name, question) ORDER BY n;

--
-- Open curves
--
-- Outside of an aggregate a state does not remain open, so that nobody stores it.
SELECT return_curve_history_trans(NULL, history, '2024-03-02') AS one,
       return_curve_history_trans('{5:1/1}', history, '2024-03-02') AS two,
       return_curve_combine('{5:1/1}', '{5:2/0/1,9:0/1}') AS sum, return_curve_combine(NULL, '{}'),
       get_byte(return_curve_send(return_curve_history_trans(NULL, history, '2024-03-02')), 0)
         AS version
  FROM customers WHERE name = 'Ann';
SELECT error_of($$SELECT return_curve_combine('{5:9223372036854775807/0}', '{5:1/0}')$$);
SELECT error_of($$SELECT return_curve_combine('{5:9223372036854775807/0}', '{6:1/0}')$$);
-- An open curve that is stored nevertheless is read like the stored form.
CREATE AGGREGATE states(customer_history, text) (
  SFUNC = return_curve_history_trans, STYPE = return_curve);
CREATE AGGREGATE combined(return_curve) (
  SFUNC = return_curve_combine, STYPE = return_curve, FINALFUNC = return_curve_history_final);
CREATE CAST (return_curve AS bytea) WITHOUT FUNCTION;
CREATE TABLE states AS SELECT 1 AS n, states(history, '2024-03-02') AS state FROM customers
  UNION ALL SELECT 2, states(history, '2024-03-03') FROM customers;
SELECT n, get_byte(state::bytea, 0) AS version, get_byte(return_curve_send(state), 0) AS sent,
       state, state = state::text::return_curve AS equal, state + '{}' = state AS sum,
       (SELECT count(*) FROM unnest(state)) AS lengths
  FROM states ORDER BY n;
-- States of two questions are not added.
SELECT error_of($$SELECT combined(state) FROM states$$);

-- Fifty customers with all kinds of events, over all types of time.
CREATE VIEW many AS
SELECT customer, event, day, local, local AT TIME ZONE 'UTC' AS at
  FROM (SELECT n % 50 AS customer, date '2024-01-01' + n * 7919 % 200 AS day,
               timestamp '2024-01-01' + n * 7919 % 4800 * interval '1 hour' AS local,
               ('{purchase,purchase,purchase,cancellation,interest,adjustment}'
                  ::lifecycle_event[])[1 + n * 31 % 6] AS event
          FROM generate_series(1, 600) AS n) AS e;

--
-- returns of a history
--
SELECT name, (r).* FROM (SELECT name, returns(history, '14 days', '60 days') AS r FROM customers)
                          AS c ORDER BY name;
-- it equals the aggregate over rows, over all types of time
SELECT type, count(*) AS customers,
       count(*) FILTER (WHERE of_rows IS DISTINCT FROM of_history) AS differ
  FROM (SELECT 'date' AS type, returns(day, event, '14 days', '1 month') AS of_rows,
               returns(history_agg(day, event), '14 days', '1 month') AS of_history
          FROM many GROUP BY customer
        UNION ALL
        SELECT 'timestamp', returns(local, event, '14 days', '1 month'),
               returns(history_agg(local, event), '14 days', '1 month')
          FROM many GROUP BY customer
        UNION ALL
        SELECT 'timestamptz', returns(at, event, '14 days', NULL),
               returns(history_agg(at, event), '14 days', NULL)
          FROM many GROUP BY customer) AS r
 GROUP BY type ORDER BY type;

--
-- active_spells of a history
--
SELECT name, active_spells(history, '14 days', '60 days') FROM customers ORDER BY name;
-- it equals the aggregate over rows, over all types of time, in the TimeZone of the session
SELECT type, count(*) AS customers,
       count(*) FILTER (WHERE of_rows IS DISTINCT FROM of_history) AS differ
  FROM (SELECT 'date' AS type,
               (SELECT range_agg(tstzrange(lower(r), upper(r)))
                  FROM unnest(active_spells(day, event, '14 days', '1 month')) AS r) AS of_rows,
               nullif(active_spells(history_agg(day, event), '14 days', '1 month'), '{}')
                 AS of_history
          FROM many GROUP BY customer
        UNION ALL
        SELECT 'timestamp',
               (SELECT range_agg(tstzrange(lower(r), upper(r), '[]'))
                  FROM unnest(active_spells(local, event, '14 days', '1 month')) AS r),
               nullif(active_spells(history_agg(local, event), '14 days', '1 month'), '{}')
          FROM many GROUP BY customer
        UNION ALL
        SELECT 'timestamptz', active_spells(at, event, '14 days', NULL),
               active_spells(history_agg(at, event), '14 days', NULL)
          FROM many GROUP BY customer) AS r
 GROUP BY type ORDER BY type;
-- a spell that begins in the hour that a clock leaves out
SET TimeZone = 'Europe/Berlin';
SELECT active_spells(customer_history '{timestamp; 2024-03-31 02:30}', '20 minutes', NULL);
SET TimeZone = 'UTC';
SELECT active_spells(NULL::customer_history, NULL, NULL) AS no_history,
       active_spells(customer_history '{date; 2024-01-01 adjustment 1.00}', NULL, NULL) AS no_event,
       active_spells(customer_history '{date; 2024-01-01 cancellation}', '2 days', NULL) AS never;
SELECT returns(NULL::customer_history, NULL, NULL) AS no_history,
       returns(customer_history '{date; 2024-01-01 adjustment 1.00}', NULL, NULL) AS no_event;
SELECT n, error_of(format($$SELECT returns(customer_history '{date; 2024-01-01}', %s)$$, question))
  FROM (VALUES (1, 'NULL, NULL'), (2, '''0 days'', NULL'), (3, '''2 days'', ''-1 day'''),
               (4, '''1 hour'', NULL')) AS v (n, question) ORDER BY n;

DROP CAST (bytea AS customer_history);
DROP CAST (return_curve AS bytea);
DROP SCHEMA history_curve_test CASCADE;
