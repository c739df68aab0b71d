--
-- history_aggregates.sql
--
-- The aggregates over histories: examples, what they ignore, wrong questions, histories of another
-- type of time, damaged ones, and calls outside of an aggregate.  property_history_customers.sql
-- compares them with the aggregates over rows.
--
SET client_min_messages = warning;
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SET TimeZone = 'UTC';
CREATE SCHEMA history_aggregates_test;
SET search_path = history_aggregates_test, public;

-- Only this test makes a history of bytes that nobody has checked.
CREATE CAST (bytea AS customer_history) WITHOUT FUNCTION;

-- Ann comes back, Ben does not, Cleo cancelled and comes back, Dora is a lead, and Eve is new.
CREATE TABLE customers (name text, country text, history customer_history);
INSERT INTO customers VALUES
  ('Ann', 'DE', '{date; 2023-05-01 purchase 10.00, 2024-02-01 purchase 25.50}'),
  ('Ben', 'DE', '{date; 2023-05-01 purchase 10.00}'),
  ('Cleo', 'FR', '{date; 2023-12-01 purchase 5.00, 2023-12-15 cancellation,
                         2024-01-10 purchase 7.25}'),
  ('Dora', 'FR', '{date; 2023-11-01 interest}'),
  ('Eve', 'FR', '{date; 2024-03-01 purchase 99.00, 2024-03-20 adjustment -9.00}');

SELECT country, reactivation_tally(history, '[2024-01-01,2024-04-01)', '90 days'),
       winback_tally(history, '[2024-01-01,2024-04-01)', '180 days'),
       reactivation_rate(history, '[2024-01-01,2024-04-01)', '90 days') AS rate
  FROM customers GROUP BY ROLLUP (country) ORDER BY country;
-- who bought last on 1 May 2023 is lost in 2024
SELECT reactivation_tally_lost_after(history, '[2024-01-01,2024-04-01)', '90 days', '200 days'),
       winback_tally_lost_after(history, '[2024-01-01,2024-04-01)', '90 days', '200 days')
  FROM customers;
-- silence makes nobody churned, so only Cleo is
SELECT winback_tally(history, '[2024-01-01,2024-04-01)', NULL) FROM customers;
SELECT new_customers, retained, reactivated, won_back, reactivation, win_back, sustained,
       revenue_new, revenue_won_back, revenue_other
  FROM (SELECT lifecycle_counts(history, '[2024-01-01,2024-04-01)', '90 days', '180 days') AS c
          FROM customers) AS counted, LATERAL (SELECT (c).*) AS t;
SELECT starts_on, new_customers, won_back, active_end, revenue_new, revenue_other
  FROM (SELECT lifecycle_series(history, '[2024-01-01,2024-04-01)', '1 month', '90 days',
                                '180 days') AS s FROM customers) AS asked,
       unnest(s)
 ORDER BY period_start;
-- tallies add up
SELECT sum(tally) = (SELECT lifecycle_series_tally(history, '[2024-01-01,2024-04-01)', '1 month',
                              '90 days', '180 days') FROM customers) AS equal
  FROM (SELECT lifecycle_series_tally(history, '[2024-01-01,2024-04-01)', '1 month', '90 days',
                                      '180 days') AS tally FROM customers GROUP BY country) AS t;

-- A NULL is ignored, and so is a question that no history asks.
SELECT reactivation_rate(history, '[2024-01-01,2024-04-01)', '90 days') AS rate,
       reactivation_tally(history, '[2024-01-01,2024-04-01)', '90 days') AS tally,
       lifecycle_counts(history, '[2024-01-01,2024-04-01)', '90 days', NULL) AS counts,
       lifecycle_series_tally(history, '[2024-01-01,2024-04-01)', '1 month', '90 days', NULL)
         AS series,
       reactivation_tally(history, NULL::text, NULL) AS not_asked
  FROM (VALUES (NULL::customer_history), (NULL)) AS v (history);
-- Who only has an adjustment is nobody's customer, but the money counts.
SELECT tally, (counts).revenue_other, (counts).data_start
  FROM (SELECT reactivation_tally(history, '[2024-01-01,2024-04-01)', '90 days') AS tally,
               lifecycle_counts(history, '[2024-01-01,2024-04-01)', '90 days', NULL) AS counts
          FROM (SELECT history_agg(date '2024-02-01', 'adjustment', -5.00) AS history) AS h) AS c;

--
-- Errors
--
CREATE FUNCTION error_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
  hint text;
BEGIN
  EXECUTE query;
  RETURN 'none';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws('; ', SQLSTATE, SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;
-- Wrong questions raise the errors that they raise over rows, where an argument is of that type.
CREATE TABLE wrong (n serial, aggregate text, question text);
INSERT INTO wrong (aggregate, question) VALUES
  ('reactivation_rate', 'NULL::TYPE, ''1 day'''),
  ('reactivation_rate', 'TYPE ''empty'', ''1 day'''),
  ('reactivation_rate', 'TYPE ''(,2024-01-01)'', ''1 day'''),
  ('reactivation_tally', 'TYPE ''[2024-01-01,)'', NULL'),
  ('reactivation_tally', 'TYPE ''[2024-01-01,)'', ''0 days'''),
  ('reactivation_tally', 'TYPE ''[2024-01-01,)'', ''-1 day'''),
  ('reactivation_rate_lost_after', 'TYPE ''[2024-01-01,)'', ''2 days'', ''1 day'''),
  ('winback_rate', 'TYPE ''[2024-01-01,)'', ''-1 day'''),
  ('winback_tally_lost_after', 'TYPE ''[2024-01-01,)'', ''2 days'', ''1 day'''),
  ('lifecycle_counts', 'TYPE ''[2024-01-01,)'', ''2 days'', ''1 day'''),
  ('lifecycle_counts', 'TYPE ''[2024-01-01,)'', NULL, ''1 day'''),
  ('lifecycle_counts_lost_after', 'TYPE ''[2024-01-01,)'', ''1 day'', NULL, ''3 days'''),
  ('lifecycle_series', 'TYPE ''[2024-01-01,)'', ''1 month'', ''1 day'', ''2 days'''),
  ('lifecycle_series', 'TYPE ''[2024-01-01,2024-02-01)'', NULL, ''1 day'', ''2 days'''),
  ('lifecycle_series', 'TYPE ''[2024-01-01,2024-02-01)'', ''-1 day'', ''1 day'', ''2 days'''),
  ('lifecycle_series_tally', 'TYPE ''[1900-01-01,2024-02-01)'', ''1 day'', ''1 day'', ''2 days'''),
  ('lifecycle_counts_tally', 'NULL::TYPE, ''1 day'', ''2 days''');
SELECT aggregate, question, count(DISTINCT of_histories) AS errors,
       min(of_histories) AS error,
       count(*) FILTER (WHERE of_rows IS DISTINCT FROM of_histories) AS differ
  FROM wrong,
       (VALUES ('timestamptz', 'tstzrange'), ('timestamp', 'tsrange'), ('date', 'daterange'))
         AS t (at, range),
       LATERAL (SELECT error_of(format('SELECT %s(1, at, ''purchase''%s, %s)
                                          FROM (SELECT ''2023-01-01''::%s AS at) AS r', aggregate,
                         CASE WHEN aggregate ~ 'lifecycle' THEN ', NULL::numeric' ELSE '' END,
                         replace(question, 'TYPE', range), at)) AS of_rows,
                       error_of(format('SELECT %s(history_agg, %s)
                                          FROM (SELECT history_agg(''2023-01-01''::%s)) AS r',
                         aggregate, replace(question, 'TYPE', range), at)) AS of_histories) AS e
 GROUP BY n, aggregate, question ORDER BY n;
-- a literal
SELECT error_of($$SELECT reactivation_rate(history, 'last quarter', '90 days') FROM customers$$);

-- A range must be one of the type of the histories.
SELECT reactivation_rate(history, tstzrange '[2024-01-01,2024-04-01)', '90 days') FROM customers;
SELECT lifecycle_counts(history, tsrange '[2024-01-01,2024-04-01)', '90 days', NULL) FROM customers;
-- Histories of different types are different questions, in any order.
CREATE TABLE mixed AS
SELECT history FROM customers UNION ALL SELECT '{timestamptz; 2023-01-01 00:00:00+00}';
SELECT reactivation_rate(history, '[2024-01-01,2024-04-01)', '90 days') FROM mixed;
SELECT lifecycle_counts_tally(history, '[2024-01-01,2024-04-01)', '90 days', NULL) FROM mixed;
SELECT n, error_of(format('SELECT %s(history, ''[2024-01-01,2024-04-01)'', ''90 days''%s)
                             FROM (SELECT * FROM mixed ORDER BY history %s) AS m',
                          name, more, direction))
  FROM (VALUES (1, 'winback_rate', '', 'ASC'), (2, 'winback_rate', '', 'DESC'),
               (3, 'lifecycle_counts', ', NULL', 'ASC'), (4, 'lifecycle_counts', ', NULL', 'DESC'))
       AS v (n, name, more, direction) ORDER BY n;
-- but each may have a group of its own
SELECT reactivation_tally(history, '[2024-01-01,2024-04-01)', '90 days'),
       (lifecycle_counts(history, '[2024-01-01,2024-04-01)', '90 days', NULL)).inactive_start
  FROM mixed GROUP BY history::text ~ 'timestamptz' ORDER BY 1;

-- A question that changes within a group.
SELECT n, error_of(query)
  FROM (VALUES (1, $$SELECT reactivation_rate(history, daterange('2024-01-01', '2024-04-01'),
                                               make_interval(days => length(name)))
                       FROM customers$$),
               (2, $$SELECT winback_tally(history,
                              daterange(date '2024-01-01' + length(name), NULL), '90 days')
                       FROM customers$$),
               (3, $$SELECT lifecycle_counts(history,
                              daterange(date '2024-01-01' + length(name), NULL), '90 days', NULL)
                       FROM customers$$),
               (4, $$SELECT lifecycle_series(history, '[2024-01-01,2024-04-01)',
                                             make_interval(days => length(name)), '90 days', NULL)
                       FROM customers$$)) AS v (n, query)
 ORDER BY n;
-- the same in states that are put together
CREATE AGGREGATE rate_states(customer_history, daterange, interval) (
  SFUNC = reactivation_history_trans, STYPE = rate_tally);
CREATE AGGREGATE states(customer_history, daterange, interval, interval) (
  SFUNC = lifecycle_counts_history_trans, STYPE = lifecycle_tally);
SELECT history_tally_combine(rate_states(history, '[2024-01-01,)', '90 days'),
                             rate_states(history, '[2024-01-02,)', '90 days'))
  FROM customers;
SELECT lifecycle_tally_combine(states(history, '[2024-01-01,)', '90 days', NULL),
                               states(history, '[2024-01-02,)', '90 days', NULL))
  FROM customers;
-- too many customers
SELECT history_tally_combine('0/3000000000000', '0/3000000000000');

-- Outside of an aggregate the functions change no argument, and make no state.
SELECT reactivation_history_trans(tally, history, daterange '[2024-01-01,2024-04-01)', '90 days')
         IS NOT NULL AS counted, tally
  FROM (SELECT rate_tally '0/0' AS tally, history FROM customers WHERE name = 'Ann') AS t;
SELECT lifecycle_counts_history_trans(NULL, history, daterange '[2024-01-01,2024-04-01)', '90 days',
                                      NULL)
         = lifecycle_counts_tally(history, '[2024-01-01,2024-04-01)', '90 days', NULL) AS settled
  FROM customers WHERE name = 'Ann' GROUP BY history;

-- Damaged histories: every prefix of one, and every byte changed, gives an error or an answer.
CREATE TABLE damaged AS
SELECT customer_history_send(history) AS bytes
  FROM (VALUES ('{date; 2023-05-01 purchase 10.00, 2023-12-15 cancellation,
                        2024-02-01 purchase 25.50}'::customer_history),
               ('{timestamptz; 2023-05-01 10:00:00+00, 2024-01-15 11:00:00.5+00,
                  2024-02-01 10:00:00+00, 2024-02-02 10:00:00+00}'),
               ('{date; 2023-05-01 purchase 10.00, 2023-12-15 purchase 3.50,
                        2024-02-01 purchase 25.50, 2024-03-01, 2024-03-01 purchase 7.00}'),
               ('{timestamp; 2023-05-01 10:00:00 purchase 1e30, 2024-02-01 10:00:00 purchase 1.5,
                  2024-02-02 adjustment -1}')) AS v (history);
SELECT kind, count(*) AS damages,
       count(*) FILTER (WHERE error = 'none') BETWEEN 1 AND count(*) - 1 AS some_are_valid,
       count(*) FILTER (WHERE error NOT IN ('none', 'XX001', '22P03')) AS other
  FROM (SELECT kind, left(error_of(format($$
                 SELECT reactivation_tally(h, '[2024-01-01,2024-04-01)', '90 days'),
                        winback_rate(h, '[2024-01-01,2024-04-01)', '90 days'),
                        lifecycle_counts(h, '[2024-01-01,2024-04-01)', '90 days', NULL),
                        lifecycle_series(h, '[2023-01-01,2024-04-01)', '1 month', '90 days', NULL)
                   FROM (SELECT %L::bytea::customer_history AS h) AS d$$, changed)), 5) AS error
          FROM damaged,
               LATERAL (SELECT 'prefix' AS kind, substring(bytes FOR n) AS changed
                          FROM generate_series(0, octet_length(bytes)) AS n
                         UNION ALL
                        SELECT 'byte', set_byte(bytes, n, value)
                          FROM generate_series(0, octet_length(bytes) - 1) AS n,
                               unnest(ARRAY[0, 1, 2, 3, 5, 17, 64, 127, 128, 129, 192, 254, 255])
                                 AS value) AS c) AS e
 GROUP BY kind ORDER BY kind;
SELECT reactivation_rate('\x0101'::bytea::customer_history, '[2024-01-01,2024-04-01)', '90 days');

DROP CAST (bytea AS customer_history);
DROP SCHEMA history_aggregates_test CASCADE;
