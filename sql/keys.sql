--
-- Customers of every kind of type: the same orders, the same answer
--
SET TimeZone = 'UTC';

CREATE COLLATION ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE account AS (tenant int, code text);
CREATE TYPE plan AS ENUM ('free', 'team', 'company');
CREATE DOMAIN customer_number AS bigint CHECK (VALUE > 0);
CREATE DOMAIN email AS text;

-- 5000 customers, some 5 orders each; the last digit of n tells whether they came back
CREATE TEMP TABLE orders AS
SELECT n, date '2021-01-01' + (abs(hashint8extended(n * 7 + k, 1)) % 1300)::int AS ordered_on
FROM generate_series(1, 5000) n, generate_series(1, 5) k;

-- key: a lossless form of n in each type
CREATE FUNCTION rate_with(key text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
  result float8;
BEGIN
  EXECUTE format($q$SELECT reactivation_rate(%s, ordered_on, '[2024-01-01,2024-04-01)', '90 days') FROM orders$q$, key) INTO result;
  RETURN result;
END $$;

-- what plain SQL says
CREATE TEMP VIEW plain AS
SELECT count(*) FILTER (WHERE bought)::float8 / count(*) AS rate
FROM (SELECT n, max(ordered_on) FILTER (WHERE ordered_on < '2024-01-01') AS last_before,
             bool_or(ordered_on >= '2024-01-01' AND ordered_on < '2024-04-01') AS bought
      FROM orders GROUP BY n) c
WHERE last_before < date '2024-01-01' - interval '90 days';
SELECT rate > 0.1 AND rate < 0.9 AS telling FROM plain;

-- each type agrees with it
SELECT key, rate_with(key) = rate AS equal
FROM plain, (VALUES
  ( 1, 'n::int2'), ( 2, 'n'), ( 3, 'n::int8'), ( 4, '-n'), ( 5, 'n::int8 << 40'), ( 6, '(n - 2500)::int2'),
  ( 7, $$date '2000-01-01' + n$$),
  ( 8, $$lpad(to_hex(n), 32, '0')::uuid$$), ( 9, $$rpad(lpad(to_hex(n), 4, '0'), 32, '0')::uuid$$), (10, 'md5(n::text)::uuid'),
  (11, 'n::text'), (12, $$'customer number ' || n$$), (13, $$n::text || repeat('x', 300)$$), (14, 'n::varchar'),
  (15, $$repeat('x', 20000) || n$$), (16, 'n::text COLLATE "C"'), (17, $$CASE n WHEN 1 THEN '' ELSE n::text END$$),
  (18, $$CASE WHEN ordered_on > '2022-06-01' THEN 'A' ELSE 'a' END || n::text COLLATE ignore_case$$),
  (19, 'n::numeric'), (20, $$CASE WHEN ordered_on > '2022-06-01' THEN n::numeric ELSE (n || '.00')::numeric END$$),
  (21, 'n::float8'), (22, 'n::float4'), (23, $$make_interval(days => n)$$), (24, $$CASE WHEN ordered_on > '2022-06-01' THEN make_interval(hours => 24 * n) ELSE make_interval(days => n) END$$),
  (25, 'n::text::bpchar'), (26, $$CASE WHEN ordered_on > '2022-06-01' THEN n::bpchar(9) ELSE n::bpchar(20) END$$), (27, 'n::text::name'), (28, 'n::text::bytea'),
  (29, 'array[n, 7]'), (30, $$array[n::text, 'x']$$), (31, $$(n % 7, 'c' || n)::account$$), (32, $$row(n, text 'x', 1.5)$$),
  (33, 'n::oid'), (34, $$make_time(n / 3600, n % 3600 / 60, n % 60)$$), (35, $$timestamptz '2000-01-01' + make_interval(hours => n)$$), (36, $$jsonb_build_object('id', n)$$),
  (37, 'int4range(n, n + 1)'), (38, $$'10.0.0.0'::inet + n$$), (39, 'n::customer_number'), (40, $$(n || '@example.org')::email$$),
  (41, $$row((n::text || 'x') COLLATE "C", NULL::int)$$), (42, $$repeat(md5(n::text), 500)$$)
) k(no, key) ORDER BY no;

-- types that tell few customers apart count those
SELECT reactivation_rate(n < 3, t, '[2024-01-01,2024-04-01)', '90 days') AS one_of_two,
       reactivation_rate((enum_range(NULL::plan))[n], t, '[2024-01-01,2024-04-01)', '90 days') AS one_of_three,
       reactivation_rate(7, t, '[2024-01-01,2024-04-01)', '90 days') AS one_of_one
FROM (VALUES (1, date '2023-01-01'), (2, '2023-02-01'), (3, '2023-03-01'), (1, '2024-02-01')) v(n, t);

-- 0, -0 and NaN are what their type says they are
SELECT reactivation_rate(k, t, '[2024-01-01,2024-04-01)', '90 days') AS both_came_back
FROM (VALUES (float8 '0', date '2023-01-01'), ('-0', '2024-02-01'), ('NaN', '2023-01-01'), ('NaN', '2024-02-01')) v(k, t);

-- an uuid of nothing but zeroes or ones is a customer like any other; so are 0 and the extremes of the integers
SELECT reactivation_rate(k, t, '[2024-01-01,2024-04-01)', '90 days') AS one_of_three
FROM (VALUES (uuid '00000000-0000-0000-0000-000000000000', date '2023-01-01'), ('ffffffff-ffff-ffff-ffff-ffffffffffff', '2023-01-01'),
             ('00000000-0000-0000-0000-000000000001', '2023-01-01'), ('00000000-0000-0000-0000-000000000000', '2024-02-01')) v(k, t);
SELECT reactivation_rate(k, t, '[2024-01-01,2024-04-01)', '90 days') AS one_of_three
FROM (VALUES (0::int8, date '2023-01-01'), (9223372036854775807, '2023-01-01'), ((-9223372036854775808)::int8, '2023-01-01'), (0, '2024-02-01')) v(k, t);

-- keys that are toasted and compressed in the table, around and beyond what a batch holds
CREATE TEMP TABLE long_keys AS
SELECT repeat(n::text || '/', 5 + (n % 9) * 700) AS k, ordered_on FROM orders WHERE n <= 2000;
SELECT reactivation_rate(k, ordered_on, '[2024-01-01,2024-04-01)', '90 days')
     = (SELECT reactivation_rate(n, ordered_on, '[2024-01-01,2024-04-01)', '90 days') FROM orders WHERE n <= 2000) AS equal
FROM long_keys;

-- texts around the length up to which a table holds them itself, in parts that are merged: some have none of the longer ones
CREATE TABLE texts (part int, k text, n int, ordered_on date) PARTITION BY LIST (part);
CREATE TABLE texts_first PARTITION OF texts FOR VALUES IN (0);
CREATE TABLE texts_with_longer PARTITION OF texts FOR VALUES IN (1);
CREATE TABLE texts_last PARTITION OF texts FOR VALUES IN (2);
INSERT INTO texts
SELECT CASE WHEN n % 3 = 2 THEN 1 ELSE extract(day FROM ordered_on)::int % 3 END,
       CASE n % 3 WHEN 0 THEN n::text WHEN 1 THEN lpad(n::text, 15, '-') ELSE lpad(n::text, 16, '-') END, n, ordered_on
  FROM orders;
ANALYZE texts;
SELECT part, count(*) > 1000 AS many, max(length(k)) FROM texts GROUP BY part ORDER BY part;
SELECT reactivation_tally(k, ordered_on, '[2024-01-01,2024-04-01)', '90 days')::text
     = reactivation_tally(n, ordered_on, '[2024-01-01,2024-04-01)', '90 days')::text AS equal,
       eligible(reactivation_tally(k, ordered_on, '[2024-01-01,2024-04-01)', '90 days')) > 1000 AS many
FROM texts;
SET winback.enable_scan = off;
SET enable_partitionwise_aggregate = on;
SET cpu_tuple_cost = 1000;  -- appending rows is dear, so it is worth aggregating before
SET max_parallel_workers_per_gather = 0;
CREATE FUNCTION partial_aggregates(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  line text;
  n int := 0;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    n := n + (line LIKE '%Partial Aggregate%')::int;
  END LOOP;
  RETURN n;
END $$;
SELECT partial_aggregates($$SELECT reactivation_tally(k, ordered_on, '[2024-01-01,2024-04-01)', '90 days') FROM texts$$);
SELECT reactivation_tally(k, ordered_on, '[2024-01-01,2024-04-01)', '90 days')::text
     = reactivation_tally(n, ordered_on, '[2024-01-01,2024-04-01)', '90 days')::text AS equal,
       lifecycle_series(k, ordered_on, '[2023-06-01,2024-04-01)', '1 month', '30 days', '90 days')::text
     = lifecycle_series(n, ordered_on, '[2023-06-01,2024-04-01)', '1 month', '30 days', '90 days')::text AS series_equal
FROM texts;
RESET max_parallel_workers_per_gather;
RESET cpu_tuple_cost;
RESET enable_partitionwise_aggregate;
RESET winback.enable_scan;
DROP TABLE texts;
DROP FUNCTION partial_aggregates;

-- distinct keys with the same 32-bit hash: only equality tells them apart
SET client_min_messages = warning;  -- no notices of a shell type, which differ from version to version
CREATE TYPE clumsy;
CREATE FUNCTION clumsy_in(cstring) RETURNS clumsy LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION clumsy_out(clumsy) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE clumsy (INPUT = clumsy_in, OUTPUT = clumsy_out, LIKE = int4);
RESET client_min_messages;
CREATE FUNCTION clumsy_eq(clumsy, clumsy) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4eq';
CREATE FUNCTION clumsy_hash(clumsy) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 42';
CREATE OPERATOR === (LEFTARG = clumsy, RIGHTARG = clumsy, FUNCTION = clumsy_eq, COMMUTATOR = ===, HASHES);
CREATE OPERATOR CLASS clumsy_ops DEFAULT FOR TYPE clumsy USING hash AS OPERATOR 1 ===, FUNCTION 1 clumsy_hash(clumsy);
SELECT reactivation_rate(n::text::clumsy, ordered_on, '[2024-01-01,2024-04-01)', '90 days')
     = (SELECT reactivation_rate(n, ordered_on, '[2024-01-01,2024-04-01)', '90 days') FROM orders WHERE n <= 60) AS equal
FROM orders WHERE n <= 60;

DROP FUNCTION rate_with;
DROP TYPE clumsy CASCADE;
DROP DOMAIN customer_number, email;
DROP TYPE account, plan;
DROP COLLATION ignore_case;
