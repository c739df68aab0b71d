--
-- scan_history.sql
--
-- Proves that a Winback Scan computes the aggregates over histories: each over the whole table,
-- over groups, over a join to attributes of the customers, in parallel, and in all the places
-- where an ordinary aggregate may stand.  Each query is planned and run with and without the scan,
-- and the answers must be the same, to the last digit.
--
SET client_min_messages = error;
SET jit = off;
SET TimeZone = 'Europe/Berlin';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SET max_parallel_workers_per_gather = 0;
SET winback.enable_scan = on;
CREATE SCHEMA scan_history;
SET search_path = scan_history, public;
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/include/helpers.sql'
\i :helpers

-- 20,000 events of 3,000 customers.  One customer in ten has no history, and a few have many
-- events.
CREATE TABLE events AS
SELECT CASE pick(n, 1, 9) WHEN 0 THEN pick(n, 2, 5) ELSE pick(n, 3, 3000) END AS customer,
       timestamptz '2022-06-01' + pick(n, 4, 900) * interval '1 day'
         + pick(n, 5, 3) * interval '1 s' AS at,
       pick(n, 6, '{purchase,purchase,purchase,purchase,cancellation,interest,adjustment}'
                  ::lifecycle_event[]) AS event,
       pick(n, 7, 20000) / 100.0 AS amount
  FROM generate_series(1, 20000) AS n;
UPDATE events SET amount = NULL WHERE event IN ('interest', 'cancellation');
CREATE TABLE histories (
  dropped text, padding text, customer int8, region int, bucket int, history customer_history,
  spent numeric);
INSERT INTO histories
SELECT 'gone', repeat('-', pick(customer, 8, 30)), customer, pick(customer, 9, 4), customer % 500,
       CASE WHEN customer % 10 > 0 THEN history_agg(at, event, amount) END, sum(amount)
  FROM events GROUP BY customer;
ALTER TABLE histories DROP COLUMN dropped;
CREATE TABLE customers (customer int8 PRIMARY KEY, country text, region int);
INSERT INTO customers
SELECT n, pick(n, 10, '{AT,DE,FR,NULL}'::text[]), pick(n, 11, 3) FROM generate_series(0, 2900) AS n;
-- rows of orders beside the histories
CREATE TABLE orders AS
SELECT *, repeat('-', 300) || customer AS name FROM events JOIN histories USING (customer);
ANALYZE histories, customers, orders;

-- The calls that are asked below.
CREATE TABLE calls (name text PRIMARY KEY, call text);
INSERT INTO calls VALUES
  ('reactivation', $$reactivation_rate(h.history, '[2024-01-01,2024-04-01)', '90 days')$$),
  ('tally', $$reactivation_tally(h.history, tstzrange '[2024-01-01,)', '30 days')$$),
  ('winback', $$winback_rate(h.history, '[2024-01-01,2024-04-01)', '90 days')$$),
  ('lost', $$reactivation_tally_lost_after(h.history, '[2024-01-01,2024-04-01)', '30 days',
                                           '1 year')$$),
  ('winback lost', $$winback_tally_lost_after(h.history, '[2024-01-01,2024-04-01)', '90 days',
                                              NULL)$$),
  ('counts', $$lifecycle_counts(h.history, '[2024-01-01,2024-04-01)', '30 days', '90 days')$$),
  ('counts lost', $$lifecycle_counts_lost_after(h.history, '[2024-01-01,2024-04-01)', '30 days',
                                                '90 days', '1 year')$$),
  ('counts tally', $$lifecycle_counts_tally(h.history, '[2024-01-01,2024-04-01)', '30 days',
                                            '90 days')$$),
  ('series', $$lifecycle_series(h.history, '[2023-01-01,2024-07-01)', '1 month', '30 days',
                                '90 days')$$),
  ('series lost', $$lifecycle_series_tally_lost_after(h.history, '[2023-01-01,2024-07-01)',
                                                      '13 days', '30 days', '90 days',
                                                      '1 year')$$),
  ('curve', $$return_curve(h.history, '2024-07-01')$$),
  ('curve at', $$return_curve_at(h.history, timestamptz '2024-01-01', '2024-07-01')$$);

-- Returns what EXPLAIN ANALYZE shows of the Winback Scan that answers a query.
CREATE FUNCTION counters(query text) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) ' || query INTO plan;
  RETURN plan -> 0 -> 'Plan';
END $$;

-- Asks each call in a query, in which CALL stands for it, with and without the scan.  The plan with
-- it must be a Winback Scan, and both must match "wanted".  Returns the numbers of calls, of rows
-- and of different rows.
CREATE FUNCTION ask(query text, wanted text DEFAULT '',
                    OUT calls bigint, OUT answers bigint, OUT "rows" bigint)
LANGUAGE plpgsql AS $$
DECLARE
  call record;
  plan text;
BEGIN
  CREATE TEMP TABLE answers (name text, answer text);
  FOR call IN SELECT * FROM calls ORDER BY name LOOP
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || replace(query, 'CALL', call.call || '::text') INTO plan;
    IF plan !~ 'Winback Scan' THEN
      RAISE EXCEPTION 'no Winback Scan for %', call.name USING DETAIL = plan;
    END IF;
    CALL keep('answer', replace(query, 'CALL', call.call || '::text'), wanted);
    INSERT INTO answers SELECT call.name, answer::text FROM answer;
    DROP TABLE answer;
  END LOOP;
  SELECT count(DISTINCT a.name), count(DISTINCT a.answer), count(*) INTO calls, answers, "rows"
    FROM answers AS a;
  DROP TABLE answers;
END $$;

SELECT * FROM ask('SELECT CALL FROM histories AS h');
SELECT * FROM ask('SELECT region, CALL FROM histories AS h GROUP BY region');
SELECT * FROM ask('SELECT region, CALL FROM histories AS h WHERE customer % 2 = 0 AND spent > 10
                    GROUP BY region HAVING count(*) > 5');
SELECT * FROM ask('SELECT padding, region, CALL, count(*), sum(spent), min(customer)
                     FROM histories AS h GROUP BY padding, region');
SELECT * FROM ask('SELECT country, CALL FROM histories AS h JOIN customers USING (customer)
                    GROUP BY country');
SELECT * FROM ask('SELECT country, h.region, CALL, count(*)
                     FROM histories AS h LEFT JOIN customers USING (customer)
                    GROUP BY country, h.region');
SELECT * FROM ask('SELECT CALL FROM histories AS h
                    WHERE EXISTS (SELECT FROM customers AS c
                                   WHERE c.customer = h.customer AND country = ''AT'')');
-- an empty table, no row that FILTER accepts, and no history that is known
SELECT * FROM ask('SELECT CALL FROM histories AS h WHERE customer < 0');
SELECT * FROM ask('SELECT CALL FROM histories AS h WHERE customer % 10 = 0');
UPDATE calls SET call = call || ' FILTER (WHERE customer % 3 = 1)';
SELECT * FROM ask('SELECT CALL FROM histories AS h');
SELECT * FROM ask('SELECT region, CALL FROM histories AS h GROUP BY region');
SELECT * FROM ask('SELECT region, CALL FROM histories AS h WHERE customer % 3 = 0 GROUP BY region');
UPDATE calls SET call = replace(call, ' FILTER (WHERE customer % 3 = 1)', '');
-- beside an aggregate for lists of customers
SET work_mem = '1GB';
SELECT * FROM ask($$SELECT customer, CALL, lifecycle_at(at, '2024-01-01', '90 days', NULL)
                      FROM orders AS h GROUP BY customer$$);
RESET work_mem;
-- more groups than the memory holds, and than the planner expects: several passes
ALTER TABLE histories ALTER bucket SET (n_distinct = 5), ALTER customer SET (n_distinct = 5);
ANALYZE histories;
SET work_mem = '64kB';
SELECT * FROM ask('SELECT bucket, CALL FROM histories AS h GROUP BY bucket');
SELECT * FROM ask('SELECT customer, CALL, sum(spent) FROM histories AS h GROUP BY customer');
SELECT (counters('SELECT bucket, return_curve(history, ''2024-07-01'') FROM histories
                   GROUP BY bucket') ->> 'Passes')::int > 2 AS several_passes;
RESET work_mem;
ALTER TABLE histories ALTER bucket RESET (n_distinct), ALTER customer RESET (n_distinct);
ANALYZE histories;

-- One scan computes several aggregates, which may share a state.
SELECT c ->> 'Node Type' AS node, c -> 'Group Key' AS key, c -> 'Rows Scanned' AS rows,
       c -> 'Groups' AS groups, c -> 'Customers' AS customers
  FROM counters($$SELECT region, reactivation_rate(history, '[2024-01-01,2024-04-01)', '90 days'),
                         reactivation_tally(history, '[2024-01-01,2024-04-01)', '90 days')
                    FROM histories GROUP BY region$$) AS c;
SELECT region, reactivation_rate(history, '[2024-01-01,2024-04-01)', '90 days'),
       reactivation_tally(history, '[2024-01-01,2024-04-01)', '90 days')
  FROM histories GROUP BY region ORDER BY region;

-- In parallel the processes send their states, of groups and of a join, too.
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET cpu_operator_cost = 1;
\set parallel '^Finalize .*Gather.* > (Partial .*|Parallel Custom Scan.*)'
SELECT * FROM ask('SELECT CALL FROM histories AS h', :'parallel');
SELECT * FROM ask('SELECT region, CALL FROM histories AS h GROUP BY region', :'parallel');
SELECT * FROM ask('SELECT country, CALL FROM histories AS h JOIN customers USING (customer)
                    GROUP BY country', :'parallel');
SELECT * FROM ask('SELECT CALL FROM histories AS h WHERE customer % 10 = 0', :'parallel');
-- more groups than the memory of a process holds
SET work_mem = '64kB';
SELECT * FROM ask('SELECT bucket, CALL FROM histories AS h GROUP BY bucket');
RESET work_mem;
-- some aggregates of PostgreSQL beside them are sent, too; sum(numeric) is not
SELECT * FROM ask('SELECT region, CALL,
                          ROW(count(*), count(history), min(customer), sum(bucket))::text
                     FROM histories AS h GROUP BY region', :'parallel');
SELECT nodes($$SELECT region, reactivation_rate(history, '[2024-01-01,)', '90 days'), sum(spent)
                 FROM histories GROUP BY region$$);
-- many groups are divided
SELECT * FROM ask('SELECT bucket, CALL, sum(spent) FROM histories AS h GROUP BY bucket');
-- an aggregate of a role that is no superuser, who asks it
CREATE ROLE regress_scan_history;
GRANT USAGE, CREATE ON SCHEMA scan_history TO regress_scan_history;
GRANT SELECT ON histories TO regress_scan_history;
SET ROLE regress_scan_history;
CREATE AGGREGATE own_rate(customer_history, tstzrange, interval) (
  SFUNC = reactivation_history_trans, STYPE = rate_tally, FINALFUNC = history_rate_final,
  COMBINEFUNC = history_tally_combine, INITCOND = '0/0', PARALLEL = SAFE);
SELECT own_rate(history, '[2024-01-01,2024-04-01)', '90 days') =
       reactivation_rate(history, '[2024-01-01,2024-04-01)', '90 days') AS same FROM histories;
SELECT nodes($$SELECT own_rate(history, '[2024-01-01,2024-04-01)', '90 days') FROM histories$$);
RESET ROLE;
DROP OWNED BY regress_scan_history;
DROP ROLE regress_scan_history;
SET max_parallel_workers_per_gather = 0;
RESET cpu_operator_cost;

-- Beside aggregates over rows of the same table, also in portions from several processes.
SELECT * FROM ask($$SELECT region, CALL,
                           winback_rate(customer, at, '[2024-01-01,2024-04-01)',
                                        '90 days') AS of_rows
                      FROM orders AS h GROUP BY region$$);
SET max_parallel_workers_per_gather = 2;
SET cpu_operator_cost = 1;
SELECT * FROM ask($$SELECT region, CALL, winback_rate(name, at, '[2024-01-01,2024-04-01)',
                                                      '90 days') AS of_rows
                      FROM orders AS h GROUP BY region$$, :'parallel');
SELECT * FROM ask($$SELECT region, CALL, winback_rate(customer, at, '[2024-01-01,2024-04-01)',
                                                      '90 days') AS of_rows
                      FROM orders AS h GROUP BY region$$, :'parallel');
SET max_parallel_workers_per_gather = 0;
RESET cpu_operator_cost;

-- Partitions and UNION ALL, also with histories that are constants.
CREATE TABLE parts (history customer_history, customer int8, region int) PARTITION BY LIST (region);
CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN (0, 1);
CREATE TABLE part_2 (region int, history customer_history, customer int8);
ALTER TABLE parts ATTACH PARTITION part_2 FOR VALUES IN (2, 3);
INSERT INTO parts SELECT history, customer, region FROM histories;
CREATE VIEW all_histories AS
SELECT region, history FROM histories WHERE customer % 2 = 0
UNION ALL SELECT region, history FROM parts WHERE customer % 2 = 1
UNION ALL SELECT region + 10, '{timestamptz; 2024-01-01 00:00:00+00, 2024-03-01 00:00:00+00}'
  FROM customers;
ANALYZE parts;
SELECT * FROM ask('SELECT CALL FROM parts AS h');
SELECT * FROM ask('SELECT region, CALL FROM all_histories AS h GROUP BY region');

-- Compressed histories and those outside of the row.
CREATE TABLE large (n int, region int, history customer_history) WITH (toast_tuple_target = 128);
ALTER TABLE large ALTER history SET STORAGE external;
INSERT INTO large
SELECT 1, region, history || history || history || history
  FROM (SELECT region, history_agg(history) AS history FROM histories GROUP BY region) AS h;
ALTER TABLE large ALTER history SET STORAGE main;
INSERT INTO large SELECT 2, region, history FROM large;
ALTER TABLE large ALTER history SET STORAGE external;
ANALYZE large;
SELECT * FROM ask('SELECT n, CALL FROM large AS h GROUP BY n');

-- Parameters, also of a generic plan; a scan that begins again; an aggregate with another start.
PREPARE asked(text, interval) AS
  SELECT region, reactivation_tally(history, $1, $2) FROM histories GROUP BY region ORDER BY region;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS off) EXECUTE asked('[2024-01-01,2024-04-01)', '90 days');
EXECUTE asked('[2024-01-01,2024-04-01)', '90 days');
EXECUTE asked('[2023-06-01,2023-09-01)', '30 days');
RESET plan_cache_mode;
SELECT * FROM ask($$SELECT r, (SELECT CALL FROM histories AS h WHERE region = r)
                      FROM generate_series(0, 4) AS r$$);
SELECT q.inactive_after, t.tally
  FROM (VALUES (interval '10 days'), ('30 days'), ('90 days')) AS q (inactive_after),
       LATERAL (SELECT reactivation_tally(history, '[2024-01-01,2024-04-01)', q.inactive_after)
                         AS tally
                  FROM histories) AS t;
CREATE AGGREGATE started(customer_history, tstzrange, interval) (
  SFUNC = reactivation_history_trans, STYPE = rate_tally, FINALFUNC = history_tally_final,
  INITCOND = '5/7');
CALL keep('started', $$SELECT region, started(history, '[2024-01-01,2024-04-01)', '90 days')::text,
                              started(history, '[2024-01-01,2024-04-01)', '90 days')
                                FILTER (WHERE customer < 0)::text AS none
                         FROM histories GROUP BY region$$);
SELECT * FROM started ORDER BY region;

-- The errors of the transition functions, with and without the scan.
CREATE TABLE mixed AS
SELECT 1 AS n, '{date; 2024-01-01}'::customer_history AS history
UNION ALL SELECT 1, '{timestamp; 2024-01-01 00:00:00}'::customer_history;
SELECT reactivation_rate(history, '[2024-01-01,2024-04-01)', '90 days') FROM mixed;
SELECT lifecycle_counts(history, '[2024-01-01,2024-04-01)', '90 days', NULL) FROM mixed GROUP BY n;
SELECT reactivation_rate(history, '[2024-01-01,2024-04-01)', '0 days') FROM histories;
SELECT reactivation_rate(history, '(,2024-04-01)', '90 days') FROM histories;
SELECT reactivation_rate(history, tsrange '[2024-01-01,2024-04-01)', '90 days') FROM histories;
-- no error without a history
SELECT reactivation_tally(history, '(,2024-04-01)', '90 days') FROM histories
 WHERE customer % 10 = 0;

-- What the scan leaves to PostgreSQL: a question from the rows, DISTINCT, ORDER BY, grouping sets.
SELECT nodes($$SELECT reactivation_rate(history, '[2024-01-01,)', spent * interval '1 day')
                 FROM histories$$),
       nodes($$SELECT reactivation_rate(DISTINCT history, '[2024-01-01,)', '90 days')
                 FROM histories$$),
       nodes($$SELECT region, reactivation_rate(history, '[2024-01-01,)', '90 days')
                 FROM histories GROUP BY ROLLUP (region)$$);

DROP SCHEMA scan_history CASCADE;
