--
-- track_histories.sql
--
-- Histories that are kept up to date: after each kind of statement, the stored histories are those
-- that the source gives; what is noted and what is not; partitions that come and go; names and
-- types of all kinds; the watermark; least privileges; errors. specs/track_refresh.spec runs
-- several sessions, and t/150_histories.pl compares stored with recomputed after random edits.
--
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
\set SHOW_CONTEXT never
CREATE SCHEMA track;
SET search_path = track, public;

-- Return the number of customers whose stored history is not the one that a query returns.
CREATE FUNCTION differing(histories regclass, query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  n bigint;
BEGIN
  EXECUTE format('SELECT count(*) FROM (SELECT * FROM %s) AS s
                    FULL JOIN (%s) AS r (customer, history) USING (customer)
                   WHERE s.history IS DISTINCT FROM r.history',
                 histories, query) INTO n;
  RETURN n;
END $$;
-- Refresh, and return what the refresh returns, the number of differing histories before and
-- after it, and that of all.
CREATE FUNCTION refreshed(histories regclass, query text, OUT before bigint, OUT made bigint,
                          OUT after bigint, OUT customers bigint)
LANGUAGE plpgsql AS $$
BEGIN
  before := differing(histories, query);
  made := refresh_customer_histories(histories);
  after := differing(histories, query);
  EXECUTE 'SELECT count(*) FROM ' || histories INTO customers;
END $$;

--
-- Each kind of statement
--
CREATE TABLE orders (
  order_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id int, ordered_at timestamptz, kind lifecycle_event, amount numeric, status text);
CREATE INDEX ON orders (customer_id, ordered_at);
INSERT INTO orders (customer_id, ordered_at, kind, amount)
SELECT n % 500, timestamptz '2024-01-01' + n * interval '1 hour', 'purchase', n % 97 + 0.5
  FROM generate_series(1, 20000) AS n;
ANALYZE orders;
SELECT track_customer_histories('orders', 'customer_id', 'ordered_at', 'kind', 'amount');
SELECT 'SELECT customer_id, history_agg(ordered_at, kind, amount) FROM orders
         WHERE customer_id IS NOT NULL GROUP BY 1 HAVING history_agg(ordered_at) IS NOT NULL'
  AS rows \gset

-- it is filled, and nothing waits
SELECT differing('customer_histories', :'rows'), count(*) FROM customer_histories;
SELECT waiting, waiting_since, refreshed_at > now() - interval '1 minute' AS is_fresh, customers,
       complete, problems
  FROM customer_history_status('customer_histories');
-- a refresh without a change makes no history
SELECT * FROM refreshed('customer_histories', :'rows');

-- INSERT: known and new customers, and none; several statements note a customer several times
INSERT INTO orders (customer_id, ordered_at, kind) VALUES
  (1, '2025-01-01', 'purchase'), (1, '2025-01-02', 'cancellation'),
  (1000, '2025-01-01', 'interest'), (NULL, '2025-01-01', 'purchase');
INSERT INTO orders (customer_id, ordered_at, kind) VALUES (1, '2025-01-03', 'purchase');
SELECT customer, count(*) FROM customer_histories_changes GROUP BY 1 ORDER BY 1;
SELECT waiting, waiting_since <= now() AS has_time, complete
  FROM customer_history_status('customer_histories');
SELECT * FROM refreshed('customer_histories', :'rows');
-- a customer without a time or a kind has no history
INSERT INTO orders (customer_id, ordered_at, kind) VALUES
  (1001, NULL, 'purchase'), (1002, '2025-01-01', NULL);
SELECT * FROM refreshed('customer_histories', :'rows');
-- no row
INSERT INTO orders (customer_id) SELECT 1 WHERE false;
SELECT * FROM refreshed('customer_histories', :'rows');

-- UPDATE of each column that a history contains, in both directions
UPDATE orders SET ordered_at = ordered_at - interval '1 us' WHERE customer_id = 2;
UPDATE orders SET amount = amount * 2 WHERE customer_id IN (3, 4);
UPDATE orders SET kind = 'interest', amount = NULL WHERE customer_id = 5 AND order_id % 2 = 0;
SELECT * FROM refreshed('customer_histories', :'rows');
-- the scale of an amount
UPDATE orders SET amount = 1.0 WHERE customer_id = 6;
SELECT * FROM refreshed('customer_histories', :'rows');
UPDATE orders SET amount = 1.00 WHERE customer_id = 6;
SELECT * FROM refreshed('customer_histories', :'rows');
-- a customer merged into another, one split off, one erased, one that was nobody
UPDATE orders SET customer_id = 7 WHERE customer_id = 8;
UPDATE orders SET customer_id = 2000 WHERE customer_id = 9 AND ordered_at < '2024-02-01';
UPDATE orders SET customer_id = NULL WHERE customer_id = 10;
UPDATE orders SET customer_id = 2001 WHERE customer_id IS NULL AND ordered_at = '2025-01-01';
SELECT * FROM refreshed('customer_histories', :'rows');
-- two customers exchanged in one statement
UPDATE orders SET customer_id = 23 - customer_id WHERE customer_id IN (11, 12);
SELECT * FROM refreshed('customer_histories', :'rows');
-- what no history contains, or does not change, notes nobody
UPDATE orders SET status = 'shipped';
UPDATE orders SET ordered_at = ordered_at, customer_id = customer_id, amount = amount;
SELECT count(*) FROM customer_histories_changes;

-- DELETE of some orders and of all orders of a customer
DELETE FROM orders WHERE customer_id = 13 AND amount > 50 OR customer_id = 14;
SELECT * FROM refreshed('customer_histories', :'rows');

-- COPY, ON CONFLICT, MERGE, CTEs and foreign keys
COPY orders (customer_id, ordered_at, kind, amount) FROM STDIN (FORMAT csv);
15,2025-02-01,purchase,10.50
3000,2025-02-01,purchase,7
\.
SELECT * FROM refreshed('customer_histories', :'rows');
INSERT INTO orders (order_id, customer_id, ordered_at, kind) OVERRIDING SYSTEM VALUE
VALUES (16, 16, '2025-01-01', 'purchase'), (100001, 3001, '2025-01-01', 'purchase')
ON CONFLICT (order_id) DO UPDATE SET customer_id = 3002;
SELECT * FROM refreshed('customer_histories', :'rows');
MERGE INTO orders AS o USING (VALUES (17, 'd'), (18, 'u'), (100002, 'i')) AS v (id, what)
   ON o.order_id = v.id
 WHEN MATCHED AND what = 'd' THEN DELETE
 WHEN MATCHED THEN UPDATE SET amount = 1000
 WHEN NOT MATCHED THEN
      INSERT (customer_id, ordered_at, kind) VALUES (3003, '2025-01-01', 'purchase');
SELECT * FROM refreshed('customer_histories', :'rows');
WITH gone AS (DELETE FROM orders WHERE customer_id = 19 RETURNING *)
INSERT INTO orders (customer_id, ordered_at, kind) SELECT 3004, ordered_at, kind FROM gone;
SELECT * FROM refreshed('customer_histories', :'rows');
CREATE TABLE customers (id int PRIMARY KEY);
INSERT INTO customers SELECT DISTINCT customer_id FROM orders WHERE customer_id IS NOT NULL;
ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers
  ON DELETE CASCADE ON UPDATE CASCADE;
DELETE FROM customers WHERE id IN (20, 21);
UPDATE customers SET id = 4000 WHERE id = 22;
SELECT * FROM refreshed('customer_histories', :'rows');
ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey;

-- a transaction that is undone notes nobody, and neither does a savepoint
BEGIN;
DELETE FROM orders;
ROLLBACK;
BEGIN;
SAVEPOINT before;
DELETE FROM orders;
ROLLBACK TO before;
INSERT INTO orders (customer_id, ordered_at, kind) VALUES (24, '2025-01-01', 'purchase');
-- a refresh in the same transaction sees the order
SELECT * FROM refreshed('customer_histories', :'rows');
ROLLBACK;
SELECT * FROM refreshed('customer_histories', :'rows');

-- a batch at a time: batch counts notes
INSERT INTO orders (customer_id, ordered_at, kind)
SELECT n % 10, '2025-03-01', 'purchase' FROM generate_series(1, 25) AS n;
INSERT INTO orders (customer_id, ordered_at, kind) VALUES (1, '2025-03-02', 'purchase');
SELECT refresh_customer_histories('customer_histories', 4) AS first,
       refresh_customer_histories('customer_histories', batch => 4) AS second;
SELECT waiting FROM customer_history_status('customer_histories');
SELECT * FROM refreshed('customer_histories', :'rows');

-- a refresh reads the orders of the noted customers by the index, and no other order
INSERT INTO orders (customer_id, ordered_at, kind) SELECT n, now(), 'purchase'
  FROM generate_series(100, 199) AS n;
BEGIN;
SELECT pg_stat_get_xact_numscans('orders'::regclass) AS seq_scans,
       pg_stat_get_xact_numscans('orders_customer_id_ordered_at_idx'::regclass) AS index_scans \gset
SELECT refresh_customer_histories('customer_histories');
SELECT pg_stat_get_xact_numscans('orders'::regclass) - :seq_scans AS seq_scans,
       pg_stat_get_xact_numscans('orders_customer_id_ordered_at_idx'::regclass) - :index_scans
         AS index_scans;
COMMIT;
-- without an index it warns, reads all orders once, and is right
DROP INDEX orders_customer_id_ordered_at_idx;
UPDATE orders SET amount = 5 WHERE customer_id BETWEEN 200 AND 209;
DELETE FROM orders WHERE customer_id = 210;
BEGIN;
SELECT pg_stat_get_xact_numscans('orders'::regclass) AS seq_scans \gset
SELECT refresh_customer_histories('customer_histories');
SELECT pg_stat_get_xact_numscans('orders'::regclass) - :seq_scans AS seq_scans;
COMMIT;
SELECT complete, problems FROM customer_history_status('customer_histories');
SELECT * FROM refreshed('customer_histories', :'rows');
-- an index that does not serve: partial, of another column, of another collation
CREATE INDEX ON orders (customer_id) WHERE ordered_at > '2024-01-01';
CREATE INDEX ON orders (ordered_at, customer_id);
SELECT problems FROM customer_history_status('customer_histories');
CREATE INDEX ON orders USING hash (customer_id);
SELECT problems FROM customer_history_status('customer_histories');

-- A customer from whose orders no history can be made keeps nobody else waiting, until corrected.
UPDATE orders SET kind = 'interest' WHERE customer_id IN (300, 301) AND amount > 90;
UPDATE orders SET amount = amount + 1 WHERE customer_id BETWEEN 295 AND 305 AND kind = 'purchase';
-- (it warns of them in any order)
SET client_min_messages = error;
SELECT made, after FROM refreshed('customer_histories',
  replace(:'rows', 'WHERE', 'WHERE customer_id NOT IN (300, 301) AND'));
SET client_min_messages = warning;
SELECT complete, problems FROM customer_history_status('customer_histories');
SELECT customer, error FROM customer_histories_changes ORDER BY customer, error;
SELECT refresh_customer_histories('customer_histories');
UPDATE orders SET amount = NULL WHERE customer_id = 300 AND kind = 'interest';
SELECT refresh_customer_histories('customer_histories');
SELECT problems FROM customer_history_status('customer_histories');
-- the same if all histories are to be made again
INSERT INTO customer_histories_changes DEFAULT VALUES;
SELECT refresh_customer_histories('customer_histories', 1000) AS made, customers
  FROM customer_history_status('customer_histories');
SELECT problems FROM customer_history_status('customer_histories');
UPDATE orders SET kind = 'purchase' WHERE customer_id = 301;
SELECT * FROM refreshed('customer_histories', :'rows');
SELECT waiting, problems FROM customer_history_status('customer_histories');

-- all histories again, on demand
UPDATE customer_histories SET history = '{timestamptz; 2024-01-01}' WHERE customer = 1;
INSERT INTO customer_histories_changes DEFAULT VALUES;
SELECT before, made = customers AS all_made, after
  FROM refreshed('customer_histories', :'rows');

-- TRUNCATE, and orders after it
TRUNCATE orders;
INSERT INTO orders (customer_id, ordered_at, kind) VALUES (1, '2025-01-01', 'purchase');
SELECT waiting FROM customer_history_status('customer_histories');
SELECT before > 400 AS before, made > 400 AS made, after, customers
  FROM refreshed('customer_histories', :'rows');
SELECT * FROM customer_histories;

-- Objects that the histories need: columns and tables cannot be dropped, but renamed.
ALTER TABLE orders DROP COLUMN amount;
\set VERBOSITY terse
ALTER TABLE orders ALTER COLUMN ordered_at TYPE date;
\set VERBOSITY default
DROP TABLE customer_histories;
DROP TABLE orders;
ALTER TABLE customer_histories RENAME TO h;
INSERT INTO orders (customer_id, ordered_at, kind) VALUES (2, '2025-01-01', 'purchase');
SELECT * FROM refreshed('h', :'rows');
-- a trigger that is missing is made again, and all histories, too; one that is disabled is reported
DROP TRIGGER customer_histories_delete ON orders;
DELETE FROM orders WHERE customer_id = 2;
SELECT complete, problems FROM customer_history_status('h');
SELECT * FROM refreshed('h', :'rows');
SELECT complete, problems FROM customer_history_status('h');
ALTER TABLE orders DISABLE TRIGGER USER;
SELECT complete, problems FROM customer_history_status('h');
ALTER TABLE orders ENABLE TRIGGER USER;

-- untrack leaves the histories, and nothing else; a second time it is an error
SELECT untrack_customer_histories('h');
SELECT relname FROM pg_class WHERE relname ~ '^(h$|customer_histories)' ORDER BY relname;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'orders'::regclass AND NOT tgisinternal;
SELECT proname FROM pg_proc WHERE proname = 'customer_histories_note';
SELECT count(*) FROM h;
SELECT untrack_customer_histories('h');
-- DROP ... CASCADE leaves no trigger behind that would keep orders from being written
SELECT track_customer_histories('orders', 'customer_id', 'ordered_at', 'kind');
DROP TABLE customer_histories CASCADE;
INSERT INTO orders (customer_id, ordered_at, kind) VALUES (2, '2025-01-01', 'purchase');
DROP TABLE customer_histories_tracking, customer_histories_changes;
DROP VIEW customer_histories_source;
DROP FUNCTION customer_histories_note;
-- untrack of a tracking that has lost its source
SELECT track_customer_histories('orders', 'customer_id', 'ordered_at', 'kind');
DROP TABLE orders CASCADE;
SELECT refresh_customer_histories('customer_histories');
SELECT untrack_customer_histories('customer_histories');
DROP TABLE customer_histories, h;

--
-- Two tables of histories of one source; a trigger function that another role cannot replace
--
CREATE TABLE orders (customer_id int, day date, amount int);
CREATE INDEX ON orders (customer_id, day);
INSERT INTO orders SELECT n % 10, date '2024-01-01' + n, n FROM generate_series(1, 100) AS n;
SELECT track_customer_histories('orders', 'customer_id', 'day', histories => 'all_orders'),
       track_customer_histories('orders', 'customer_id', 'day', amount => 'amount',
                                histories => 'paid', fill => false);
SELECT waiting, refreshed_at, customers FROM customer_history_status('paid');
INSERT INTO orders VALUES (1, '2025-01-01', 5);
UPDATE orders SET amount = 0 WHERE customer_id = 3;
SELECT * FROM refreshed('all_orders',
  'SELECT customer_id, history_agg(day) FROM orders GROUP BY 1');
SELECT * FROM refreshed('paid',
  'SELECT customer_id, history_agg(day, amount) FROM orders GROUP BY 1');
SELECT untrack_customer_histories('all_orders'), untrack_customer_histories('paid');
DROP TABLE orders, all_orders, paid;

--
-- Partitions
--
CREATE TABLE orders (customer_id int, at timestamp, amount numeric(10,2)) PARTITION BY RANGE (at);
CREATE TABLE orders_2023 PARTITION OF orders FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
-- one with other columns, and partitions of its own
CREATE TABLE orders_2024 (dropped int, amount numeric(10,2), at timestamp, customer_id int)
  PARTITION BY HASH (customer_id);
ALTER TABLE orders_2024 DROP COLUMN dropped;
CREATE TABLE orders_2024_0 PARTITION OF orders_2024 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE orders_2024_1 PARTITION OF orders_2024 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
ALTER TABLE orders ATTACH PARTITION orders_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE INDEX ON orders (customer_id, at);
INSERT INTO orders SELECT n % 20, timestamp '2023-01-01' + n * interval '12 hours', n
  FROM generate_series(1, 1000) AS n;
SELECT track_customer_histories('orders', 'customer_id', 'at', amount => 'amount');
\set rows 'SELECT customer_id, history_agg(at, amount) FROM orders GROUP BY 1'
SELECT * FROM refreshed('customer_histories', :'rows');
-- statements on the table, with a row that moves to another partition, and on partitions
INSERT INTO orders VALUES (1, '2023-05-05', 1), (2, '2024-05-05', 2);
UPDATE orders SET at = at + interval '1 year' WHERE at < '2023-01-03';
SELECT * FROM refreshed('customer_histories', :'rows');
INSERT INTO orders_2023 VALUES (3, '2023-05-05', 1);
UPDATE orders_2024 SET customer_id = 21 WHERE customer_id = 4 AND at < '2024-02-01';
DELETE FROM orders_2024_0 WHERE at < '2024-01-10';
DELETE FROM orders_2024_1 WHERE at < '2024-01-10';
SELECT before > 10 AS before, made > 10 AS made, after, customers
  FROM refreshed('customer_histories', :'rows');
TRUNCATE orders_2024_0;
SELECT before > 5 AS before, after FROM refreshed('customer_histories', :'rows');
-- a new partition: rows by the table are noted; the refresh makes its triggers
CREATE TABLE orders_2025 PARTITION OF orders FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO orders VALUES (5, '2025-01-01', 1);
SELECT waiting, complete, problems FROM customer_history_status('customer_histories');
INSERT INTO orders_2025 VALUES (6, '2025-01-01', 1);
SELECT * FROM refreshed('customer_histories', :'rows');
SELECT waiting, complete, problems FROM customer_history_status('customer_histories');
INSERT INTO orders_2025 VALUES (7, '2025-01-01', 1);
SELECT * FROM refreshed('customer_histories', :'rows');
-- one that is attached with its rows, or detached, or dropped
CREATE TABLE orders_2022 (LIKE orders);
INSERT INTO orders_2022 VALUES (8, '2022-01-01', 1), (30, '2022-01-01', 1), (NULL, '2022-01-01', 1);
ALTER TABLE orders ATTACH PARTITION orders_2022 FOR VALUES FROM ('2022-01-01') TO ('2023-01-01');
DELETE FROM orders WHERE customer_id IS NULL;
SELECT * FROM refreshed('customer_histories', :'rows');
ALTER TABLE orders DETACH PARTITION orders_2022;
SELECT complete, problems FROM customer_history_status('customer_histories');
SELECT * FROM refreshed('customer_histories', :'rows');
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'orders_2022'::regclass;
INSERT INTO orders_2022 VALUES (31, '2022-01-01', 1);
DROP TABLE orders_2023;
SELECT complete, array_length(problems, 1) FROM customer_history_status('customer_histories');
SELECT before > 5 AS before, after FROM refreshed('customer_histories', :'rows');
SELECT complete, problems FROM customer_history_status('customer_histories');
-- at another isolation level no snapshot is new enough for a new partition
CREATE TABLE orders_2026 PARTITION OF orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT refresh_customer_histories('customer_histories');
COMMIT;
SELECT refresh_customer_histories('customer_histories'), complete
  FROM customer_history_status('customer_histories');
SELECT complete FROM customer_history_status('customer_histories');
SELECT untrack_customer_histories('customer_histories');
SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'customer_histories%';
DROP TABLE orders, orders_2022, customer_histories;
-- children by inheritance
CREATE TABLE orders (customer_id int, at date);
CREATE TABLE child (more text) INHERITS (orders);
INSERT INTO orders VALUES (1, '2024-01-01');
INSERT INTO child VALUES (2, '2024-01-01');
CREATE INDEX ON orders (customer_id);
SELECT track_customer_histories('orders', 'customer_id', 'at');
\set rows 'SELECT customer_id, history_agg(at) FROM orders GROUP BY 1'
INSERT INTO child VALUES (3, '2024-01-01');
UPDATE orders SET at = '2024-02-01' WHERE customer_id < 3;
SELECT * FROM refreshed('customer_histories', :'rows');
SELECT untrack_customer_histories('customer_histories');
DROP TABLE orders, child, customer_histories;

--
-- Names and types
--
CREATE SCHEMA "my ""shop";
CREATE SCHEMA reports;
CREATE COLLATION track.blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE track.key AS (shop int, "no %s" text);
CREATE DOMAIN track.number AS int CHECK (VALUE > 0);
CREATE DOMAIN track.moment AS timestamptz;
CREATE DOMAIN track.money2 AS numeric(12,2);
CREATE FUNCTION test_type(type text, first text, second text, OUT customer text,
                          OUT made bigint, OUT differing bigint, OUT customers bigint,
                          OUT by_index boolean)
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TABLE "my ""shop"."all %%s ''orders''" (
    "the customer" %s, "at" track.moment, "amount"";" track.money2)', type);
  EXECUTE format('CREATE INDEX ON "my ""shop"."all %%s ''orders''" ("the customer", "at")');
  EXECUTE format('INSERT INTO "my ""shop"."all %%s ''orders''" VALUES
    (%s, ''2024-01-01'', 1), (%s, ''2024-02-01'', 2)', first, second);
  PERFORM track_customer_histories('"my ""shop"."all %s ''orders''"', 'the customer', 'at',
    amount => 'amount";', histories => 'h ''%s" $note$', schema => 'reports');
  EXECUTE format('INSERT INTO "my ""shop"."all %%s ''orders''" VALUES
    (%s, ''2024-03-01'', 1), (NULL, ''2024-03-01'', 1)', first);
  EXECUTE format('DELETE FROM "my ""shop"."all %%s ''orders''" WHERE "the customer" = %s', second);
  SELECT format_type(atttypid, atttypmod) || coalesce(' COLLATE ' || collname, '') INTO customer
    FROM pg_attribute LEFT JOIN pg_collation AS c ON c.oid = attcollation AND collname <> 'default'
   WHERE attrelid = 'reports."h ''%s"" $note$"'::regclass AND attnum = 1;
  made := refresh_customer_histories('reports."h ''%s"" $note$"');
  differing := differing('reports."h ''%s"" $note$"',
    'SELECT "the customer", history_agg(at, "amount"";") FROM "my ""shop"."all %s ''orders''"
      WHERE num_nulls("the customer") = 0 GROUP BY 1');
  SELECT s.customers, problems IS NULL INTO customers, by_index
    FROM customer_history_status('reports."h ''%s"" $note$"') AS s;
  PERFORM untrack_customer_histories('reports."h ''%s"" $note$"');
  DROP TABLE "my ""shop"."all %s 'orders'", reports."h '%s"" $note$";
END $$;
SET search_path = public, track;
SELECT t.* FROM (VALUES
  (1, 'text', $$'a'$$, $$'b'$$), (2, 'text COLLATE "C"', $$'a'$$, $$'b'$$),
  (3, 'text COLLATE track.blind', $$'a'$$, $$'b'$$), (4, 'varchar(10)', $$'a'$$, $$'b'$$),
  (5, 'char(3)', $$'a'$$, $$'b'$$),
  (6, 'uuid', $$'00000000-0000-0000-0000-000000000001'::uuid$$,
              $$'00000000-0000-0000-0000-000000000002'::uuid$$),
  (7, 'track.key', $$ROW(1, NULL)::track.key$$, $$ROW(2, 'x')::track.key$$),
  (8, 'track.number', '1', '2'), (9, 'numeric(8,2)', '1.5', '2'),
  (10, 'bytea', $$'\x00'$$, $$'\x01'$$),
  (11, 'int[]', $$'{1}'$$, $$'{2}'$$), (12, 'lifecycle_status', $$'new'$$, $$'active'$$),
  (13, 'int4range', $$'[1,2)'$$, $$'[2,3)'$$), (14, 'rate_tally', $$'1/2'$$, $$'2/4'$$),
  (15, 'inet', $$'::1'$$, $$'::2'$$), (16, 'date', $$'2024-01-01'$$, $$'2024-01-02'$$),
  (17, '"char"', $$'a'$$, $$'b'$$), (18, 'oid', '1', '2'), (19, 'name', $$'a'$$, $$'b'$$)
  ) AS v (no, type, first, second), test_type(type, first, second) AS t
 ORDER BY no;
SET search_path = track, public;
-- customers that are equal in the collation are one
CREATE TABLE orders (customer text COLLATE track.blind, at date);
CREATE INDEX ON orders (customer);
INSERT INTO orders VALUES ('anna', '2024-01-01'), ('Anna', '2024-01-02');
SELECT track_customer_histories('orders', 'customer', 'at');
INSERT INTO orders VALUES ('ANNA', '2024-01-03');
SELECT refresh_customer_histories('customer_histories');
SELECT lower(customer) AS customer, history FROM customer_histories;
SELECT untrack_customer_histories('customer_histories');
DROP TABLE orders, customer_histories;

--
-- A watermark instead of triggers
--
CREATE TABLE feed (id bigint PRIMARY KEY, customer_id int, at timestamptz, amount int);
CREATE INDEX ON feed (customer_id, at);
INSERT INTO feed SELECT n, n % 10, timestamptz '2024-01-01' + n * interval '1 hour', n
  FROM generate_series(1, 100) AS n;
CREATE VIEW of_feed AS SELECT * FROM feed;
SELECT track_customer_histories('of_feed', 'customer_id', 'at', amount => 'amount',
                                watermark => 'id', overlap => '5');
SELECT 'SELECT customer_id, history_agg(at, amount) FROM feed WHERE customer_id IS NOT NULL
         GROUP BY 1' AS rows \gset
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'feed'::regclass;
SELECT * FROM refreshed('customer_histories', :'rows');
INSERT INTO feed
VALUES (105, 1, '2025-01-01', 1), (106, 50, '2025-01-01', 1), (107, NULL, now(), 1);
SELECT waiting, waiting_since, complete, problems
  FROM customer_history_status('customer_histories');
SELECT * FROM refreshed('customer_histories', :'rows');
SELECT waiting FROM customer_history_status('customer_histories');
SELECT * FROM refreshed('customer_histories', :'rows');
-- rows that are late, within the overlap and beyond it
INSERT INTO feed VALUES (104, 2, '2025-01-01', 1);
SELECT * FROM refreshed('customer_histories', :'rows');
INSERT INTO feed VALUES (101, 3, '2025-01-01', 1);
SELECT * FROM refreshed('customer_histories', :'rows');
-- a batch at a time
INSERT INTO feed SELECT n, n % 10, '2025-05-01', 1 FROM generate_series(200, 299) AS n;
SELECT refresh_customer_histories('customer_histories', 7) AS first,
       refresh_customer_histories('customer_histories', 7) AS second,
       refresh_customer_histories('customer_histories', 7) AS third;
SELECT untrack_customer_histories('customer_histories');
DROP TABLE customer_histories;
-- watermarks of other types; the filling by the first refresh; no row at first
CREATE FUNCTION test_watermark(type text, first text, second text, overlap text, fill boolean,
                               OUT watermark text, OUT "default" text, OUT filled bigint,
                               OUT made bigint, OUT differing bigint)
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TABLE f (customer int, at date, mark %s)', type);
  CREATE INDEX ON f (customer);
  PERFORM track_customer_histories('f', 'customer', 'at', watermark => 'mark', overlap => overlap,
                                   fill => false, histories => 'empty');
  EXECUTE format('INSERT INTO f VALUES (1, ''2024-01-01'', %s)', first);
  PERFORM track_customer_histories('f', 'customer', 'at', watermark => 'mark', overlap => overlap,
                                   fill => fill, histories => 'full');
  SELECT t.overlap, pg_typeof(reached) INTO "default", watermark FROM full_tracking AS t;
  filled := refresh_customer_histories('empty') + refresh_customer_histories('full');
  EXECUTE format('INSERT INTO f VALUES (1, ''2024-01-02'', %s), (2, ''2024-01-02'', %1$s)', second);
  made := refresh_customer_histories('empty') + refresh_customer_histories('full');
  EXECUTE format('INSERT INTO f VALUES (1, ''2024-01-03'', %s)', first);
  made := made * 100 + refresh_customer_histories('empty') + refresh_customer_histories('full');
  differing := differing('empty', 'SELECT customer, history_agg(at) FROM f GROUP BY 1')
             + differing('full', 'SELECT customer, history_agg(at) FROM f GROUP BY 1');
  PERFORM untrack_customer_histories('empty'), untrack_customer_histories('full');
  DROP TABLE f, empty, "full";
END $$;
SELECT t.* FROM (VALUES
  (1, 'int', '1', '2', NULL, true), (2, 'smallint', '1', '2', '1', false),
  (3, 'numeric', '1', '2', NULL, true),
  (4, 'timestamptz', $$'2024-01-01'$$, $$'2024-01-01 01:00'$$, NULL, true),
  (5, 'timestamp', $$'2024-01-01'$$, $$'2024-01-02'$$, '1 day', false),
  (6, 'date', $$'2024-01-01'$$, $$'2024-01-02'$$, NULL, true),
  (7, 'date', $$'2024-01-01'$$, $$'2024-01-03'$$, '1 day', true)
  ) AS v (no, type, first, second, overlap, fill),
  test_watermark(type, first, second, overlap, fill) AS t
 ORDER BY no;
DROP VIEW of_feed;
-- A table that Citus has distributed, by a stand-in for its catalog: it has no triggers, so it needs
-- a watermark, and its refresh, which may not use LATERAL, is right. Reference tables cannot be
-- tracked, and neither can local ones that Citus manages.
BEGIN;
SET LOCAL allow_system_table_mods = on;
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass, partmethod "char");
INSERT INTO pg_dist_partition VALUES ('feed', 'h');
SAVEPOINT tracking;
SELECT track_customer_histories('feed', 'customer_id', 'at', fill => false);
\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO tracking;
SELECT track_customer_histories('feed', 'customer_id', 'at', amount => 'amount', watermark => 'id');
INSERT INTO feed VALUES (300, 1, '2025-06-01', 1), (301, 70, '2025-06-01', 1);
SELECT * FROM refreshed('customer_histories', :'rows');
INSERT INTO feed VALUES (299, 2, '2025-06-01', 1) ON CONFLICT (id) DO UPDATE SET at = '2025-06-02';
SELECT * FROM refreshed('customer_histories', :'rows');
ROLLBACK TO tracking;
UPDATE pg_dist_partition SET partmethod = 'n';
SELECT track_customer_histories('feed', 'customer_id', 'at', watermark => 'id');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;

--
-- Least privileges
--
CREATE ROLE track_owner;
CREATE ROLE track_writer;
CREATE ROLE track_refresher;
CREATE ROLE track_reader;
CREATE SCHEMA shop AUTHORIZATION track_owner;
GRANT USAGE ON SCHEMA shop TO track_writer, track_refresher, track_reader;
SET search_path = public;
SET ROLE track_owner;
CREATE TABLE shop.orders (customer_id int, at date, secret text);
CREATE INDEX ON shop.orders (customer_id, at);
GRANT INSERT, UPDATE, DELETE, SELECT ON shop.orders TO track_writer;
SELECT track_customer_histories('shop.orders', 'customer_id', 'at');
-- who writes orders need not know of the histories
SET ROLE track_writer;
INSERT INTO shop.orders VALUES (1, '2024-01-01'), (2, '2024-01-01');
UPDATE shop.orders SET at = '2024-01-02' WHERE customer_id = 1;
SELECT * FROM shop.customer_histories_changes;
INSERT INTO shop.customer_histories_changes (customer) VALUES (3);
SELECT shop.customer_histories_note();
SELECT refresh_customer_histories('shop.customer_histories');
SELECT * FROM customer_history_status('shop.customer_histories');
SELECT untrack_customer_histories('shop.customer_histories');
-- a role that refreshes, without a right to the orders
SET ROLE track_owner;
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.customer_histories TO track_refresher;
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.customer_histories_changes TO track_refresher;
GRANT SELECT, UPDATE ON shop.customer_histories_tracking TO track_refresher;
GRANT SELECT ON shop.customer_histories_source TO track_refresher;
GRANT SELECT ON shop.customer_histories TO track_reader;
SET ROLE track_refresher;
SELECT refresh_customer_histories('shop.customer_histories');
SELECT customers, complete FROM customer_history_status('shop.customer_histories');
SELECT count(*) FROM shop.orders;
SELECT untrack_customer_histories('shop.customer_histories');
SET ROLE track_reader;
SELECT * FROM shop.customer_histories ORDER BY customer;
SELECT refresh_customer_histories('shop.customer_histories');
-- row level security of the source hides nothing from the histories
SET ROLE track_owner;
ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON shop.orders USING (customer_id < 2);
INSERT INTO shop.orders VALUES (5, '2024-01-01');
SET ROLE track_refresher;
SELECT refresh_customer_histories('shop.customer_histories');
SELECT count(*) FROM shop.customer_histories;
-- who may write to the tracking cannot make the owner read another view or write another table
RESET ROLE;
CREATE SCHEMA of_refresher AUTHORIZATION track_refresher;
SET ROLE track_refresher;
CREATE VIEW of_refresher.v AS SELECT 1 AS customer, date '2024-01-01' AS at;
UPDATE shop.customer_histories_tracking SET source_view = 'of_refresher.v';
SET ROLE track_owner;
SELECT refresh_customer_histories('shop.customer_histories');
-- another role cannot pretend to be a tracking
RESET ROLE;
CREATE SCHEMA mallory AUTHORIZATION track_writer;
SET ROLE track_owner;
SELECT untrack_customer_histories('shop.customer_histories');
SET ROLE track_writer;
CREATE TABLE mallory.tracking (histories regclass DEFAULT 'shop.customer_histories'::regclass,
                               source_view regclass);
SET ROLE track_owner;
SELECT refresh_customer_histories('shop.customer_histories');
-- a source of another owner can be read by a watermark
RESET ROLE;
GRANT SELECT ON shop.orders TO track_reader;
CREATE SCHEMA reports_of_reader AUTHORIZATION track_reader;
SET ROLE track_reader;
SELECT track_customer_histories('shop.orders', 'customer_id', 'at');
SELECT track_customer_histories('shop.orders', 'customer_id', 'at', watermark => 'at');
SELECT track_customer_histories('shop.orders', 'customer_id', 'at', watermark => 'at',
                                schema => 'reports_of_reader');
RESET ROLE;
SET search_path = track, public;
SET client_min_messages = error;
DROP SCHEMA shop, mallory, reports_of_reader, of_refresher CASCADE;
DROP ROLE track_owner, track_writer, track_refresher, track_reader;
SET client_min_messages = warning;

--
-- Errors
--
CREATE FUNCTION error(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  d text;
  h text;
BEGIN
  EXECUTE query;
  RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
  RETURN concat_ws(E'\n', SQLSTATE || ': ' || SQLERRM, NULLIF(d, ''), NULLIF(h, ''));
END $$;
CREATE TABLE orders (customer_id int, at timestamptz, "at text" text, price float8, place point,
                     "Day" date, kind text);
CREATE TEMP TABLE temporary (customer_id int, at date);
CREATE UNLOGGED TABLE unlogged (customer_id int, at date);
CREATE TABLE taken_source (x int);
CREATE FUNCTION used_note() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE TABLE mixed (customer_id int, at date) PARTITION BY RANGE (at);
CREATE FOREIGN TABLE mixed_0 PARTITION OF mixed FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')
  SERVER nowhere;
\pset format unaligned
SELECT call, error('SELECT ' || call) FROM (VALUES
  (1, $$track_customer_histories(NULL, 'customer_id', 'at')$$),
  (2, $$track_customer_histories('orders', NULL, 'at')$$),
  (3, $$track_customer_histories('orders', 'customer_id', NULL)$$),
  (4, $$track_customer_histories('orders', 'customer_id', 'at', histories => NULL)$$),
  (5, $$track_customer_histories('orders', 'customer_id', 'at', fill => NULL)$$),
  (6, $$track_customer_histories('nowhere', 'customer_id', 'at')$$),
  (7, $$track_customer_histories('orders', 'customer', 'at')$$),
  (8, $$track_customer_histories('orders', 'customer_id', 'day')$$),
  (9, $$track_customer_histories('orders', 'customer_id', 'ctid')$$),
  (10, $$track_customer_histories('orders', 'customer_id', 'at text')$$),
  (11, $$track_customer_histories('orders', 'customer_id', 'at', 'kind')$$),
  (12, $$track_customer_histories('orders', 'customer_id', 'at', amount => 'price')$$),
  (13, $$track_customer_histories('orders', 'place', 'at')$$),
  (14, $$track_customer_histories('orders', 'customer_id', 'at', watermark => 'kind')$$),
  (15, $$track_customer_histories('orders', 'customer_id', 'at', watermark => 'at',
         overlap => '-1 day')$$),
  (16, $$track_customer_histories('orders', 'customer_id', 'at', watermark => 'customer_id',
         overlap => '-1')$$),
  (17, $$track_customer_histories('orders', 'customer_id', 'at', watermark => 'customer_id',
         overlap => '1 day')$$),
  (18, $$track_customer_histories('orders', 'customer_id', 'at', overlap => '1 day')$$),
  (19, $$track_customer_histories('orders', 'customer_id', 'at', histories => 'orders')$$),
  (20, $$track_customer_histories('orders', 'customer_id', 'at', histories => 'taken')$$),
  (21, $$track_customer_histories('orders', 'customer_id', 'at', histories => 'used')$$),
  (22, $$track_customer_histories('orders', 'customer_id', 'at',
         histories => rpad('x', 55, 'x')::name)$$),
  (23, $$track_customer_histories('orders', 'customer_id', 'at', schema => 'no such')$$),
  (24, $$track_customer_histories('temporary', 'customer_id', 'at')$$),
  (25, $$track_customer_histories('unlogged', 'customer_id', 'at')$$),
  (26, $$track_customer_histories('pg_views', 'viewname', 'viewowner')$$),
  (27, $$track_customer_histories('mixed', 'customer_id', 'at', fill => false)$$),
  (28, $$track_customer_histories('mixed_0', 'customer_id', 'at')$$),
  (29, $$refresh_customer_histories('orders')$$),
  (30, $$refresh_customer_histories(NULL)$$),
  (31, $$refresh_customer_histories('orders', NULL)$$),
  (32, $$refresh_customer_histories('orders', 0)$$),
  (33, $$customer_history_status('orders')$$),
  (34, $$customer_history_status(NULL)$$),
  (35, $$untrack_customer_histories('orders')$$),
  (36, $$untrack_customer_histories(NULL)$$)
  ) AS v (no, call) ORDER BY no;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT error($$SELECT track_customer_histories('orders', 'customer_id', 'at')$$);
ROLLBACK;
\pset format aligned
-- no call has left anything behind
SELECT relname FROM pg_class WHERE relname ~ '^customer_histories' AND relname !~ '_(idx|pkey)$'
 ORDER BY relname;

SET client_min_messages = error;
DROP SCHEMA track, "my ""shop", reports CASCADE;
DROP FOREIGN DATA WRAPPER nothing CASCADE;
