--
-- keys.sql
--
-- Proves that the type of the customer column does not change the answer: the
-- same orders, with customers of every kind of type, have the same rate.
--
SET TimeZone = 'UTC';

CREATE COLLATION ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE account AS (tenant int, code text);
CREATE TYPE plan AS ENUM ('free', 'team', 'company');
CREATE DOMAIN customer_number AS bigint CHECK (VALUE > 0);
CREATE DOMAIN email AS text;

-- 5000 customers with 5 orders each; some types write the key of a late order in another way
CREATE TEMP TABLE orders AS
SELECT n, ordered_on, ordered_on > '2022-06-01' AS late
FROM generate_series(1, 5000) n, generate_series(1, 5) k,
     LATERAL (SELECT date '2021-01-01'
                     + (abs(hashint8extended(n * 7 + k, 1)) % 1300)::int AS ordered_on) o;

-- the rate over orders with the given key, an expression that is different for each n
CREATE FUNCTION rate_with(key text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
  result float8;
BEGIN
  EXECUTE format($q$
    SELECT reactivation_rate(%s, ordered_on, '[2024-01-01,2024-04-01)', '90 days')
      FROM orders$q$, key) INTO result;
  RETURN result;
END $$;

-- the same rate computed by plain SQL, and a check that it is not close to 0 or 1
CREATE TEMP VIEW plain AS
SELECT count(*) FILTER (WHERE bought)::float8 / count(*) AS rate
FROM (SELECT n, max(ordered_on) FILTER (WHERE ordered_on < '2024-01-01') AS last_before,
             bool_or(ordered_on >= '2024-01-01' AND ordered_on < '2024-04-01') AS bought
      FROM orders GROUP BY n) c
WHERE last_before < date '2024-01-01' - interval '90 days';
SELECT rate > 0.1 AND rate < 0.9 AS some_came_back FROM plain;

-- with each key, the rate equals that of plain SQL
SELECT key, rate_with(key) = rate AS equal
FROM plain, (VALUES
  ( 1, 'n::int2'),
  ( 2, 'n'),
  ( 3, 'n::int8'),
  ( 4, '-n'),
  ( 5, 'n::int8 << 40'),
  ( 6, '(n - 2500)::int2'),
  ( 7, $$date '2000-01-01' + n$$),
  ( 8, $$lpad(to_hex(n), 32, '0')::uuid$$),
  ( 9, $$rpad(lpad(to_hex(n), 4, '0'), 32, '0')::uuid$$),
  (10, 'md5(n::text)::uuid'),
  (11, 'n::text'),
  (12, $$'customer number ' || n$$),
  (13, $$n::text || repeat('x', 300)$$),
  (14, 'n::varchar'),
  (15, $$repeat('x', 20000) || n$$),
  (16, 'n::text COLLATE "C"'),
  (17, $$CASE n WHEN 1 THEN '' ELSE n::text END$$),
  (18, $$CASE WHEN late THEN 'A' ELSE 'a' END || n::text COLLATE ignore_case$$),
  (19, 'n::numeric'),
  (20, $$CASE WHEN late THEN n::numeric ELSE (n || '.00')::numeric END$$),
  (21, 'n::float8'),
  (22, 'n::float4'),
  (23, $$make_interval(days => n)$$),
  (24, $$CASE WHEN late THEN make_interval(hours => 24 * n) ELSE make_interval(days => n) END$$),
  (25, 'n::text::bpchar'),
  (26, $$CASE WHEN late THEN n::bpchar(9) ELSE n::bpchar(20) END$$),
  (27, 'n::text::name'),
  (28, 'n::text::bytea'),
  (29, 'array[n, 7]'),
  (30, $$array[n::text, 'x']$$),
  (31, $$(n % 7, 'c' || n)::account$$),
  (32, $$row(n, text 'x', 1.5)$$),
  (33, 'n::oid'),
  (34, $$make_time(n / 3600, n % 3600 / 60, n % 60)$$),
  (35, $$timestamptz '2000-01-01' + make_interval(hours => n)$$),
  (36, $$jsonb_build_object('id', n)$$),
  (37, 'int4range(n, n + 1)'),
  (38, $$'10.0.0.0'::inet + n$$),
  (39, 'n::customer_number'),
  (40, $$(n || '@example.org')::email$$),
  (41, $$row((n::text || 'x') COLLATE "C", NULL::int)$$), (42, $$repeat(md5(n::text), 500)$$)
) k(no, key) ORDER BY no;

-- a type with two or three values makes two or three customers, and a constant makes one
SELECT reactivation_rate(n < 3, t, '[2024-01-01,2024-04-01)', '90 days') AS one_of_two,
       reactivation_rate((enum_range(NULL::plan))[n], t,
                         '[2024-01-01,2024-04-01)', '90 days') AS one_of_three,
       reactivation_rate(7, t, '[2024-01-01,2024-04-01)', '90 days') AS one_of_one
FROM (VALUES (1, date '2023-01-01'), (2, '2023-02-01'), (3, '2023-03-01'), (1, '2024-02-01'))
  v(n, t);

-- as float8 compares them, 0 and -0 are one customer, and NaN is one customer
SELECT reactivation_rate(k, t, '[2024-01-01,2024-04-01)', '90 days') AS both_came_back
FROM (VALUES (float8 '0', date '2023-01-01'), ('-0', '2024-02-01'), ('NaN', '2023-01-01'),
             ('NaN', '2024-02-01')) v(k, t);

-- an uuid of all zeroes or all ones is an ordinary customer; so are 0 and the extreme integers
SELECT reactivation_rate(k, t, '[2024-01-01,2024-04-01)', '90 days') AS one_of_three
FROM (VALUES (uuid '00000000-0000-0000-0000-000000000000', date '2023-01-01'),
             ('ffffffff-ffff-ffff-ffff-ffffffffffff', '2023-01-01'),
             ('00000000-0000-0000-0000-000000000001', '2023-01-01'),
             ('00000000-0000-0000-0000-000000000000', '2024-02-01')) v(k, t);
SELECT reactivation_rate(k, t, '[2024-01-01,2024-04-01)', '90 days') AS one_of_three
FROM (VALUES (0::int8, date '2023-01-01'), (9223372036854775807, '2023-01-01'),
             ((-9223372036854775808)::int8, '2023-01-01'), (0, '2024-02-01')) v(k, t);

-- the table stores the keys toasted and compressed; the longest exceed the memory of a batch
CREATE TEMP TABLE long_keys AS
SELECT repeat(n::text || '/', 5 + (n % 9) * 700) AS k, ordered_on FROM orders WHERE n <= 2000;
SELECT reactivation_rate(k, ordered_on, '[2024-01-01,2024-04-01)', '90 days')
     = (SELECT reactivation_rate(n, ordered_on, '[2024-01-01,2024-04-01)', '90 days')
          FROM orders WHERE n <= 2000) AS equal
FROM long_keys;

-- A text of 16 or 32 bytes fills the words of its key, where a shorter one has its length in the
-- last byte. Each of these customers has one order, but for z: a control character is no length.
SELECT reactivation_tally(k, t, '[2024-01-01,2024-04-01)', '90 days') AS one_of_three
FROM (VALUES (repeat('x', 15), date '2023-01-01'), (repeat('x', 15) || chr(15), '2024-02-01'),
             (repeat('y', 15) || chr(15), '2023-01-01'), (repeat('y', 15), '2024-02-01'),
             (repeat('z', 16), '2023-01-01'), (repeat('z', 16), '2024-02-01')) v(k, t);
SELECT reactivation_tally(k, t, '[2024-01-01,2024-04-01)', '90 days') AS one_of_three
FROM (VALUES (repeat('x', 31), date '2023-01-01'), (repeat('x', 31) || chr(31), '2024-02-01'),
             (repeat('y', 31) || chr(31), '2023-01-01'), (repeat('y', 31), '2024-02-01'),
             (repeat('z', 32), '2023-01-01'), (repeat('z', 32), '2024-02-01')) v(k, t);

-- A customer table of texts begins as KEY_PAIR, for up to 16 bytes. It becomes KEY_QUAD, for up to
-- 32, at the first longer text, and KEY_BYTES at the first that is longer still. We merge the
-- states of four partitions: two have short texts, one has longer ones, one the longest.
CREATE TABLE texts (part int, k text, n int, ordered_on date) PARTITION BY LIST (part);
CREATE TABLE texts_first PARTITION OF texts FOR VALUES IN (0);
CREATE TABLE texts_with_longer PARTITION OF texts FOR VALUES IN (1);
CREATE TABLE texts_last PARTITION OF texts FOR VALUES IN (2);
CREATE TABLE texts_with_longest PARTITION OF texts FOR VALUES IN (3);
INSERT INTO texts
SELECT CASE n % 6 WHEN 3 THEN 1 WHEN 4 THEN 1 WHEN 5 THEN 3
                  ELSE extract(day FROM ordered_on)::int % 4 END,
       CASE n % 6 WHEN 0 THEN n::text
                  ELSE lpad(n::text, (ARRAY[15, 16, 17, 32, 33])[n % 6], '-') END, n, ordered_on
  FROM orders;
ANALYZE texts;
SELECT part, count(*) > 1000 AS many, max(length(k)) FROM texts GROUP BY part ORDER BY part;
SELECT reactivation_tally(k, ordered_on, '[2024-01-01,2024-04-01)', '90 days')::text
     = reactivation_tally(n, ordered_on, '[2024-01-01,2024-04-01)', '90 days')::text AS equal,
       eligible(reactivation_tally(k, ordered_on, '[2024-01-01,2024-04-01)', '90 days')) > 1000
         AS many
FROM texts;
SET winback.enable_scan = off;
SET enable_partitionwise_aggregate = on;
SET cpu_tuple_cost = 1000;  -- makes the planner aggregate each partition before Append
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
SELECT partial_aggregates($$
  SELECT reactivation_tally(k, ordered_on, '[2024-01-01,2024-04-01)', '90 days') FROM texts$$);
SELECT reactivation_tally(k, ordered_on, '[2024-01-01,2024-04-01)', '90 days')::text
     = reactivation_tally(n, ordered_on, '[2024-01-01,2024-04-01)', '90 days')::text AS equal,
       lifecycle_series(k, ordered_on, '[2023-06-01,2024-04-01)', '1 month',
                        '30 days', '90 days')::text
     = lifecycle_series(n, ordered_on, '[2023-06-01,2024-04-01)', '1 month',
                        '30 days', '90 days')::text AS series_equal
FROM texts;
RESET max_parallel_workers_per_gather;
RESET cpu_tuple_cost;
RESET enable_partitionwise_aggregate;
RESET winback.enable_scan;
DROP TABLE texts;
DROP FUNCTION partial_aggregates;

-- all keys have the same 32-bit hash, so only the equality operator distinguishes them
SET client_min_messages = warning;  -- the notices of a shell type differ from version to version
CREATE TYPE clumsy;
CREATE FUNCTION clumsy_in(cstring) RETURNS clumsy LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION clumsy_out(clumsy) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE clumsy (INPUT = clumsy_in, OUTPUT = clumsy_out, LIKE = int4);
RESET client_min_messages;
CREATE FUNCTION clumsy_eq(clumsy, clumsy) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT AS 'int4eq';
CREATE FUNCTION clumsy_hash(clumsy) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 42';
CREATE OPERATOR === (
  LEFTARG = clumsy, RIGHTARG = clumsy, FUNCTION = clumsy_eq, COMMUTATOR = ===, HASHES);
CREATE OPERATOR CLASS clumsy_ops DEFAULT FOR TYPE clumsy USING hash AS
  OPERATOR 1 ===, FUNCTION 1 clumsy_hash(clumsy);
SELECT reactivation_rate(n::text::clumsy, ordered_on, '[2024-01-01,2024-04-01)', '90 days')
     = (SELECT reactivation_rate(n, ordered_on, '[2024-01-01,2024-04-01)', '90 days')
          FROM orders WHERE n <= 60) AS equal
FROM orders WHERE n <= 60;

-- We choose keys that a fixed, reversible scramble (splitmix64's, or MurmurHash3's for 32 bits)
-- would put into the same places of a hash table, where each is compared with all keys before it.
-- A query would then take several times the timeout; it takes a thirtieth of the timeout where the
-- keys are spread evenly. A memory checker makes the server slow, so under one we use few keys and
-- no timeout.
\getenv checked WINBACK_CHECKED
\if :{?checked}
  \set keys 2000
  \set timeout 0
\else
  \set keys 60000
  \set timeout '1s'
\endif
CREATE FUNCTION times64(x bit(64), factor numeric) RETURNS bit(64) LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  product numeric := mod(x::bigint * factor, 18446744073709551616);
BEGIN
  IF product >= 9223372036854775808 THEN
    product := product - 18446744073709551616;
  ELSIF product < -9223372036854775808 THEN
    product := product + 18446744073709551616;
  END IF;
  RETURN product::bigint::bit(64);
END $$;
CREATE FUNCTION scrambled64(x bit(64)) RETURNS bit(64) LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  x := times64(x # (x >> 30), 13787848793156543929);
  x := times64(x # (x >> 27), 10723151780598845931);
  RETURN x # (x >> 31);
END $$;
CREATE FUNCTION unscrambled64(x bit(64)) RETURNS bit(64) LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  x := times64(x # (x >> 31) # (x >> 62), 3573116690164977347);
  x := times64(x # (x >> 27) # (x >> 54), 10871156337175269513);
  RETURN x # (x >> 30) # (x >> 60);
END $$;
CREATE FUNCTION times32(x bit(32), factor bigint) RETURNS bit(32) LANGUAGE sql IMMUTABLE AS
  $$SELECT ((x::int * factor)::bit(64) << 32)::bit(32)$$;
CREATE FUNCTION unscrambled32(x bit(32)) RETURNS bit(32) LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  x := times32(x # (x >> 16), 2127672349);
  x := times32(x # (x >> 13) # (x >> 26), 2781581891);
  RETURN x # (x >> 16);
END $$;
-- the first eight bytes of an uuid or a text, as the integer that a little-endian machine reads
CREATE FUNCTION reversed(hex text) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$SELECT substr(hex, 15, 2) || substr(hex, 13, 2) || substr(hex, 11, 2) || substr(hex, 9, 2)
        || substr(hex, 7, 2) || substr(hex, 5, 2) || substr(hex, 3, 2) || substr(hex, 1, 2)$$;
SELECT unscrambled64(scrambled64(x)) = x AS inverse
FROM (VALUES (1234567890123456789::bit(64))) v(x);

CREATE TEMP TABLE chosen AS
SELECT n, date '2023-01-01' + n % 400 AS ordered_on, word::bigint AS int8,
       unscrambled32(n::bit(32))::int AS int4,
       (reversed(encode(int8send(word::bigint), 'hex')) || repeat('0', 16))::uuid AS uuid
FROM (SELECT n, unscrambled64(n::bigint::bit(64)) AS word FROM generate_series(1, :keys) n) words;
-- We cannot compute texts backwards from their hashes, because a text cannot hold all bytes. So we
-- make three times as many texts, and keep those whose hash has the top two bits zero.
CREATE TEMP TABLE chosen_texts AS
SELECT n, date '2023-01-01' + n % 400 AS ordered_on, start || 'aaaaaaa' AS k
FROM (SELECT n, lpad(to_hex(n), 8, '0') AS start FROM generate_series(1, 3 * :keys) n) starts,
     (SELECT scrambled64(x'0f61616161616161') AS rest OFFSET 0) r
WHERE scrambled64(('x' || reversed(encode(start::bytea, 'hex')))::bit(64) # rest) >> 62
    = 0::bigint::bit(64);
SELECT count(*) > :keys / 2 AS many FROM chosen_texts;

SET winback.enable_scan = off;
SET statement_timeout = :'timeout';
SELECT reactivation_tally(int8, ordered_on, '[2024-01-01,2024-04-01)', '90 days')::text
     = reactivation_tally(n, ordered_on, '[2024-01-01,2024-04-01)', '90 days')::text AS int8_equal
FROM chosen;
SELECT reactivation_tally(int4, ordered_on, '[2024-01-01,2024-04-01)', '90 days')::text
     = reactivation_tally(n, ordered_on, '[2024-01-01,2024-04-01)', '90 days')::text AS int4_equal
FROM chosen;
SELECT reactivation_tally(uuid, ordered_on, '[2024-01-01,2024-04-01)', '90 days')::text
     = reactivation_tally(n, ordered_on, '[2024-01-01,2024-04-01)', '90 days')::text AS uuid_equal
FROM chosen;
SELECT reactivation_tally(k, ordered_on, '[2024-01-01,2024-04-01)', '90 days')::text
     = reactivation_tally(n, ordered_on, '[2024-01-01,2024-04-01)', '90 days')::text AS text_equal
FROM chosen_texts;
RESET statement_timeout;
RESET winback.enable_scan;
DROP TABLE chosen, chosen_texts;
DROP FUNCTION reversed, unscrambled32, times32, unscrambled64, scrambled64, times64;

-- Two states of one aggregate place their keys by different seeds if they began in different
-- statements: here, in two fetches from a cursor. Each part is aggregated group by group, and the
-- second part has no rows that pass the filter before group 4, so its state begins in a later
-- fetch.
CREATE TABLE parts (part int, g int, n int, ordered_on date) PARTITION BY LIST (part);
CREATE TABLE parts_first PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE parts_second PARTITION OF parts FOR VALUES IN (2);
INSERT INTO parts
SELECT part, g, n, date '2023-01-01' + (n + 200 * part) % 450
FROM generate_series(1, 2) part, generate_series(1, 4) g, generate_series(1, 1000) n;
CREATE INDEX ON parts (g);
ANALYZE parts;
SET winback.enable_scan = off;
SET enable_partitionwise_aggregate = on;
SET enable_hashagg = off;
SET enable_seqscan = off;
SET max_parallel_workers_per_gather = 0;
\set tally reactivation_tally
\set rest 'ordered_on, daterange(''2024-01-01'', ''2024-04-01''), interval ''90 days'''
\set passing 'FILTER (WHERE part = 1 OR g = 4)'
BEGIN;
DECLARE groups CURSOR FOR
SELECT g, :tally(n, :rest) :passing AS dense, :tally(n * 12345, :rest) :passing AS int4,
       :tally(n * 12345678901, :rest) :passing AS int8,
       :tally(CASE WHEN part = 2 AND n = 7 THEN 1::int8 << 50 ELSE n * 12345 END, :rest) :passing
         AS int8_later,
       :tally(md5(n::text)::uuid, :rest) :passing AS uuid, :tally(n::text, :rest) :passing AS short,
       :tally(n || ' of many customers', :rest) :passing AS long,
       :tally(CASE WHEN part = 2 AND n = 7 THEN repeat('7', 20) ELSE n::text END, :rest) :passing
         AS long_later,
       :tally(n::numeric, :rest) :passing AS any
FROM parts GROUP BY g ORDER BY g;
FETCH 2 FROM groups;
FETCH 2 FROM groups;
COMMIT;
-- each tally of group 4, from one state; for *_later, customer 7 has another key in the second part
SELECT :tally(n, :rest) AS all,
       :tally(CASE WHEN part = 2 AND n = 7 THEN -7 ELSE n END, :rest) AS all_later
FROM parts WHERE g = 4;
RESET max_parallel_workers_per_gather;
RESET enable_seqscan;
RESET enable_hashagg;
RESET enable_partitionwise_aggregate;
RESET winback.enable_scan;
DROP TABLE parts;

DROP FUNCTION rate_with;
DROP TYPE clumsy CASCADE;
DROP DOMAIN customer_number, email;
DROP TYPE account, plan;
DROP COLLATION ignore_case;
