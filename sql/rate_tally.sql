--
-- rate_tally: input and output, validation, sums, differences, equality, order, rate, interval
--
CREATE TEMP TABLE tallies (i int, t rate_tally);
INSERT INTO tallies VALUES
  (1, '0/0'), (2, '0/1'), (3, '1/1'), (4, '1/2'), (5, '12/340'), (6, '50/100'),
  (7, '9223372036854775807/9223372036854775807'), (8, '0/9223372036854775807'), (9, NULL);

-- a tally prints as returned/eligible, and its rate is NULL when eligible is 0
SELECT t, returned(t), eligible(t), rate(t), t::float8 AS as_float8 FROM tallies ORDER BY i;

-- a tally takes 16 bytes and is aligned as int8 is
SELECT typlen, typbyval, typalign FROM pg_type WHERE typname = 'rate_tally';

-- each value has one text form, without leading zeros
SELECT '007/0340'::rate_tally AS leading_zeros,
       rate_tally(7, 340) AS made, rate_tally(7, 340)::text AS text;

-- input must have the form n/n, fit into 64 bits and obey 0 <= returned <= eligible
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused
\pset format unaligned
SELECT input, refused(format('SELECT %L::rate_tally', input)) AS refused
FROM unnest('{"", /, 12, 12/, /340, 12/340/1, "12 /340", "12/ 340", " 12/340", "12/340 ",
              12:340, 0.5, 1.0/2, 1e1/20, 0x1/2, 1_0/20, a/b, +1/2, 1/+2, -1/2, 0/-1, -0/1,
              2/1, 1/0, 9223372036854775808/9223372036854775808, 1/9223372036854775808,
              1/18446744073709551617, 1/99999999999999999999999}'::text[])
     WITH ORDINALITY u(input, n) ORDER BY n;
SELECT call, refused('SELECT ' || call) AS refused
FROM unnest('{"rate_tally(-1, 1)", "rate_tally(2, 1)", "rate_tally(0, -1)",
              "rate_tally(-2, -1)", "rate_tally(NULL, 1)", "rate_tally(1, NULL)"}'::text[])
     WITH ORDINALITY u(call, n) ORDER BY n;
\pset format aligned

-- sum() and + add both numbers; sum() ignores NULL, and over no tally it returns NULL
SELECT sum(t) AS sum, count(t) FROM tallies WHERE i < 7 OR i = 9;
SELECT sum(t) AS nothing, sum(t) FILTER (WHERE i = 9) AS nothing_but_null FROM tallies WHERE i = 9;
SELECT rate_tally '1/2' + '50/100' AS plus, rate_tally '1/2' + NULL AS plus_null;

-- a sum of 2^63 - 1 is returned, and a larger one is an error
SELECT rate_tally '0/9223372036854775806' + '1/1' AS edge;
SELECT refused($$SELECT rate_tally '0/9223372036854775807' + '0/1'$$),
       refused($$SELECT sum(t) FROM tallies WHERE i IN (2, 7)$$);

-- - subtracts both numbers; a tally minus itself is 0/0
SELECT rate_tally '134/1900' - '40/900' AS minus, rate_tally '134/1900' - '134/1900' AS itself,
       rate_tally '1/2' - '0/0' AS minus_nothing, rate_tally '1/2' - NULL AS minus_null,
       rate_tally '9223372036854775807/9223372036854775807'
         - '9223372036854775806/9223372036854775806' AS largest;
-- if the result would not be a tally, the second tally is not part of the first
\pset format unaligned
SELECT refused(format('SELECT rate_tally %L - %L', a, b))
FROM (VALUES (1, '1/5', '2/4'), (2, '3/4', '1/5'), (3, '3/4', '1/3'), (4, '0/0', '0/1'),
             (5, '0/0', '9223372036854775807/9223372036854775807'),
             (6, '0/9223372036854775807', '1/1')) v (n, a, b)
ORDER BY n;
\pset format aligned
-- a difference of two tallies of up to 6 customers adds up to the first again, or is an error
SELECT count(*) AS pairs, count(*) FILTER (WHERE nested) AS nested,
       count(*) FILTER (WHERE CASE WHEN nested
         THEN rate_tally(a_r, a_n) - rate_tally(b_r, b_n) + rate_tally(b_r, b_n)
              = rate_tally(a_r, a_n)
         ELSE refused(format('SELECT rate_tally(%s, %s) - rate_tally(%s, %s)', a_r, a_n, b_r, b_n))
              LIKE '22003: second rate_tally is not part of the first; %' END) AS agree
  FROM generate_series(0, 6) AS a_n, generate_series(0, a_n) AS a_r,
       generate_series(0, 6) AS b_n, generate_series(0, b_n) AS b_r,
       LATERAL (SELECT a_r - b_r BETWEEN 0 AND a_n - b_n AS nested) v;

-- the rate of a sum of tallies differs from the mean of their rates
SELECT rate(sum(t)) AS rate_of_sum, avg(rate(t)) AS mean_of_rates FROM tallies WHERE i IN (4, 5);

-- a serial and a parallel plan, with and without groups, give the sums of the two numbers
CREATE TABLE many_tallies AS
SELECT n, n % 10 AS grp, rate_tally(n * 7919 % 101, 100 + n % 13) AS t
FROM generate_series(1, 20000) AS n;
INSERT INTO many_tallies SELECT n, n % 10, NULL FROM generate_series(1, 100) AS n;
ANALYZE many_tallies;
CREATE TEMP TABLE serial AS SELECT grp, sum(t) AS t FROM many_tallies GROUP BY grp;
SET parallel_setup_cost = 0; SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2; SET parallel_leader_participation = off;
CREATE FUNCTION in_parts(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  line text;
  plan text := '';
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    plan := plan || line || E'\n';
  END LOOP;
  RETURN plan ~ 'Finalize.*Gather.*Partial.*Parallel Seq Scan';
END $$;
SELECT in_parts('SELECT sum(t) FROM many_tallies') AS whole,
       in_parts('SELECT grp, sum(t) FROM many_tallies GROUP BY grp') AS groups,
       in_parts('SELECT min(t), max(t) FROM many_tallies') AS extremes;
SELECT sum(t), rate_tally(sum(returned(t))::int8, sum(eligible(t))::int8) AS of_numbers
FROM many_tallies;
CREATE TEMP TABLE parallel AS SELECT grp, sum(t) AS t FROM many_tallies GROUP BY grp;
SELECT count(*) AS groups, count(*) FILTER (WHERE s.t = p.t AND s.t = n.t) AS agree
  FROM serial s JOIN parallel p USING (grp)
  JOIN (SELECT grp, rate_tally(sum(returned(t))::int8, sum(eligible(t))::int8) AS t
          FROM many_tallies GROUP BY grp) n USING (grp);
-- min() and max() are the first and the last tally, in a parallel plan too
SELECT min(t) = (SELECT t FROM many_tallies WHERE t IS NOT NULL
                 ORDER BY rate(t), eligible(t) LIMIT 1) AS min_agrees,
       max(t) = (SELECT t FROM many_tallies WHERE t IS NOT NULL
                 ORDER BY rate(t) DESC, eligible(t) DESC LIMIT 1) AS max_agrees
FROM many_tallies;
-- an overflow in a parallel worker raises the same error
SELECT refused($$SELECT sum(rate_tally(0, eligible(t) << 50)) FROM many_tallies$$);
RESET parallel_setup_cost; RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather; RESET parallel_leader_participation;
-- a running sum is right in every row: the final function leaves the state unchanged
SELECT i, sum(t) OVER (ORDER BY i) FROM tallies WHERE i < 7 ORDER BY i;

-- two tallies are equal if their numbers are equal; equal rates are not enough
SELECT count(*) AS pairs,
       count(*) FILTER (WHERE (a.t = b.t) = (a.i = b.i) AND (a.t <> b.t) = (a.i <> b.i)) AS agree
FROM tallies a, tallies b WHERE a.i < 9 AND b.i < 9;
SELECT rate_tally '1/2' = '50/100' AS equal,
       rate(rate_tally '1/2') = rate(rate_tally '50/100') AS of_equal_rate;

-- the type has operator classes for hashing and for an order, and amvalidate finds them valid
SELECT opcname, amname, amvalidate(o.oid)
FROM pg_opclass o JOIN pg_am a ON a.oid = opcmethod
WHERE opcintype = 'rate_tally'::regtype ORDER BY amname;

--
-- The order
--

-- tallies sort by rate, then by eligible; 0/0 comes after all others, and only NULL after it
SELECT t FROM tallies ORDER BY t;
SELECT t FROM tallies ORDER BY t DESC NULLS LAST;
-- rates are compared exactly: these have the same float8; each is 1 minus the fraction shown
SELECT count(DISTINCT rate(t)) AS float8s,
       string_agg(eligible(t) - returned(t) || '/(2^63-1-' || e || ')', ' < ' ORDER BY t) AS to_1
FROM (VALUES (2, 0), (3, 1), (2, 1), (1, 0), (4, 2), (3, 0)) v (r, e),
     LATERAL (SELECT rate_tally(9223372036854775807 - r, 9223372036854775807 - e) AS t) w;

-- all comparisons of small, large and random tallies agree with those of the exact products
CREATE TEMP TABLE pairs AS
WITH various AS (
  SELECT t FROM tallies WHERE t IS NOT NULL
  UNION SELECT rate_tally(r, n) FROM generate_series(0, 6) AS n, generate_series(0, n) AS r
  UNION SELECT rate_tally(9223372036854775807 - n - r, 9223372036854775807 - n)
          FROM generate_series(0, 3) AS n, generate_series(0, 3) AS r
  UNION SELECT rate_tally(least(a, b), greatest(a, b))
          FROM generate_series(1, 30) AS n,
               LATERAL (SELECT hashint8extended(n, 1) & 9223372036854775807 AS a,
                               hashint8extended(n, 2) & 9223372036854775807 AS b) v
  UNION SELECT rate_tally(n * f, 2 * n * f)
          FROM generate_series(1, 3) AS n,
               unnest('{1,1000000007,1000000000000000003}'::int8[]) AS f)
SELECT a.t AS a, b.t AS b,
       CASE WHEN eligible(a.t) = 0 OR eligible(b.t) = 0
            THEN (eligible(a.t) = 0)::int - (eligible(b.t) = 0)::int
            ELSE coalesce(
              nullif(sign(returned(a.t)::numeric * eligible(b.t)
                          - returned(b.t)::numeric * eligible(a.t)), 0),
              sign(eligible(a.t)::numeric - eligible(b.t))) END AS wanted
  FROM various a, various b;
SELECT count(*) AS pairs, count(*) FILTER (WHERE wanted = 0) AS equal,
       count(*) FILTER (WHERE (a < b) = (wanted < 0) AND (a <= b) = (wanted <= 0)
                          AND (a = b) = (wanted = 0) AND (a <> b) = (wanted <> 0)
                          AND (a >= b) = (wanted >= 0) AND (a > b) = (wanted > 0)
                          AND rate_tally_cmp(a, b) = wanted
                          AND least(a, b) = CASE WHEN wanted < 0 THEN a ELSE b END
                          AND greatest(a, b) = CASE WHEN wanted > 0 THEN a ELSE b END) AS agree
FROM pairs;

-- min() and max() ignore NULL, and return NULL without a tally; 0/0 is the largest
SELECT min(t), max(t), max(t) FILTER (WHERE eligible(t) > 0) AS max_with_a_rate,
       min(t) FILTER (WHERE i = 9) AS min_null, max(t) FILTER (WHERE i > 9) AS max_nothing
FROM tallies;
-- each row of a window has its own minimum and maximum
SELECT i, min(t) OVER w, max(t) OVER w FROM tallies
WINDOW w AS (ORDER BY i ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) ORDER BY i;

-- the hash functions agree, and GROUP BY, DISTINCT, a join and a hash index use them
SELECT count(DISTINCT rate_tally_hash(t)) AS hashes,
       bool_and(rate_tally_hash(t) = rate_tally_hash_extended(t, 0)::bit(32)::int)
         AS extended_agrees,
       count(DISTINCT rate_tally_hash_extended(t, 42)) AS seeded_hashes
FROM tallies;
EXPLAIN (COSTS OFF) SELECT t, count(*) FROM many_tallies GROUP BY t;
SELECT count(*) AS groups, sum(n) AS rows,
       (SELECT count(DISTINCT t::text) FROM many_tallies) + 1 AS texts_and_null
FROM (SELECT t, count(*) AS n FROM many_tallies GROUP BY t) g;
SELECT count(*) FROM (SELECT DISTINCT t FROM many_tallies WHERE n < 10) d;
SET enable_nestloop = off;
SELECT count(*) FROM tallies a JOIN tallies b USING (t);
RESET enable_nestloop;
CREATE INDEX ON many_tallies USING hash (t);
SET enable_seqscan = off; SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT n FROM many_tallies WHERE t = '41/101';
SELECT count(*) FROM many_tallies WHERE t = (SELECT t FROM many_tallies WHERE n = 5000);
RESET enable_seqscan; RESET enable_bitmapscan;
SELECT count(*) FROM many_tallies a
WHERE t::text = (SELECT t::text FROM many_tallies WHERE n = 5000);
-- a btree index answers =, ranges, ORDER BY, min() and max(), as a scan of the table does
CREATE FUNCTION plan_lines(wanted text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  line text;
  lines text[];
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    lines := array_append(lines, substring(line FROM wanted));
  END LOOP;
  RETURN array_to_string(lines, '; ');
END $$;
CREATE TEMP TABLE scanned AS
SELECT t, row_number() OVER (ORDER BY rate(t), eligible(t), n) AS place
FROM many_tallies WHERE t IS NOT NULL;
DROP INDEX many_tallies_t_idx;
CREATE INDEX ordered ON many_tallies (t);
VACUUM ANALYZE many_tallies;
SET enable_seqscan = off; SET enable_bitmapscan = off;
SELECT query, plan_lines('ordered|Index Cond.*', query)
FROM unnest(ARRAY['SELECT t FROM many_tallies WHERE t = ''41/101''',
                  'SELECT t FROM many_tallies WHERE t >= ''1/3'' AND t < ''1/2''',
                  'SELECT min(t) FROM many_tallies', 'SELECT max(t) FROM many_tallies',
                  'SELECT t FROM many_tallies ORDER BY t DESC LIMIT 1'])
     WITH ORDINALITY u(query, n) ORDER BY n;
SELECT (SELECT count(*) FROM many_tallies WHERE t >= '1/3' AND t < '1/2')
         = (SELECT count(*) FROM scanned
             WHERE 3 * returned(t) >= eligible(t) AND 2 * returned(t) < eligible(t))
         AS range_agrees,
       (SELECT min(t) FROM many_tallies) = (SELECT t FROM scanned WHERE place = 1) AS min_agrees,
       (SELECT max(t) FROM many_tallies)
         = (SELECT t FROM scanned ORDER BY place DESC LIMIT 1) AS max_agrees,
       (SELECT array_agg(t) FROM (SELECT t FROM many_tallies ORDER BY t LIMIT 20000) o)
         = (SELECT array_agg(t ORDER BY place) FROM scanned) AS order_agrees;
RESET enable_seqscan; RESET enable_bitmapscan;
-- a merge join finds the same pairs as a hash join
SET enable_nestloop = off; SET enable_hashjoin = off;
SELECT plan_lines('(?:Hash|Merge) Cond', 'SELECT FROM many_tallies a JOIN scanned b USING (t)');
CREATE TEMP TABLE merged AS
SELECT t, count(*) AS n FROM many_tallies JOIN scanned USING (t) GROUP BY t;
RESET enable_hashjoin; SET enable_mergejoin = off;
SELECT plan_lines('(?:Hash|Merge) Cond', 'SELECT FROM many_tallies a JOIN scanned b USING (t)');
SELECT count(*) AS tallies, count(*) FILTER (WHERE m.n = h.n) AS agree
FROM merged m FULL JOIN (SELECT t, count(*) AS n FROM many_tallies JOIN scanned USING (t)
                         GROUP BY t) h USING (t);
RESET enable_nestloop; RESET enable_mergejoin;
DROP TABLE many_tallies;

--
-- Casts
--

-- the cast to numeric divides the two numbers as numeric, with the scale of numeric division
SELECT t, rate_numeric(t), t::numeric AS as_numeric,
       t::numeric::text = (returned(t)::numeric / nullif(eligible(t), 0))::text AS as_divided
FROM tallies ORDER BY i;
SELECT round(100 * rate_tally '12/340'::numeric, 1) AS percent,
       rate_tally '1/9223372036854775807'::numeric AS smallest;
-- each tally of up to 60 customers has the numeric of a division; as a float8 it differs from
-- the rate in the last bit at most
SELECT count(*) AS tallies,
       bool_and(rate_tally(r, n)::numeric::text = (r::numeric / n)::text) AS as_divided,
       max(abs(rate_tally(r, n)::numeric::float8 - rate(rate_tally(r, n)))) < 1.2e-16 AS last_bit
FROM generate_series(1, 60) AS n, generate_series(0, n) AS r;

-- a tally becomes a float8 or a numeric by an explicit cast only
\set VERBOSITY terse
SELECT rate_tally '1/2' + 0.5::float8;
SELECT rate_tally '1/2' + 0.5::numeric;
CREATE TEMP TABLE numbers (x float8);
INSERT INTO numbers SELECT rate_tally '1/2';
SELECT rate_tally '1/2' < 0.5;
SELECT sqrt(rate_tally '1/2');
\set VERBOSITY default
INSERT INTO numbers SELECT CAST(rate_tally '1/2' AS float8);
SELECT x FROM numbers;

--
-- The Wilson score interval
--

-- the interval of 95% agrees with Wilson's formula in SQL, where z is 1.959963984540054
SELECT t, round(lower::numeric, 12) AS lower, round(upper::numeric, 12) AS upper,
       abs(lower - (p + z * z / (2 * n) - z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)))
                   / (1 + z * z / n)) < 1e-12 AS lower_agrees,
       abs(upper - (p + z * z / (2 * n) + z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)))
                   / (1 + z * z / n)) < 1e-12 AS upper_agrees
  FROM tallies, rate_interval(t),
       LATERAL (SELECT rate(t) AS p, nullif(eligible(t), 0)::float8 AS n,
                       1.959963984540054::float8 AS z) w
 WHERE i < 9 ORDER BY i;

-- the intervals agree with those that Newcombe published for 81 of 263, 15 of 148, 0 of 20
-- and 1 of 29 (Statistics in Medicine 17, 1998, table I)
SELECT t, round(lower::numeric, 4) AS lower, round(upper::numeric, 4) AS upper
  FROM unnest('{81/263,15/148,0/20,1/29}'::rate_tally[]) WITH ORDINALITY u(t, i),
       rate_interval(t)
 ORDER BY i;

-- intervals of other confidences agree with the formula, with z from printed tables
SELECT confidence, t, round(lower::numeric, 12) AS lower, round(upper::numeric, 12) AS upper,
       abs(lower - (p + z * z / (2 * n) - z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)))
                   / (1 + z * z / n)) < 1e-12 AS lower_agrees,
       abs(upper - (p + z * z / (2 * n) + z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)))
                   / (1 + z * z / n)) < 1e-12 AS upper_agrees
  FROM (VALUES (0.5, 0.6744897501960817), (0.8, 1.2815515655446004),
               (0.9, 1.6448536269514722), (0.95, 1.959963984540054),
               (0.98, 2.3263478740408408), (0.99, 2.5758293035489004),
               (0.999, 3.2905267314918945),
               (0.999999, 4.891638475698767)) q (confidence, z_printed),
       (VALUES ('12/340'::rate_tally), ('0/7')) v (t), rate_interval(t, confidence),
       LATERAL (SELECT rate(t) AS p, eligible(t)::float8 AS n, z_printed::float8 AS z) w
 ORDER BY confidence, t::text;

-- the interval of each tally up to 60/60 lies between 0 and 1, contains the rate, mirrors
-- the interval of (n - r)/n, grows with the confidence, and agrees with the formula in SQL
SELECT count(*) AS tallies,
       bool_and(0 <= lower AND lower <= p AND p <= upper AND upper <= 1) AS around_the_rate,
       bool_and((r = 0) = (lower = 0)) AS lower_0_only_for_none,
       bool_and((r = n) = (upper = 1)) AS upper_1_only_for_all,
       max(abs(lower - (1 - m_upper))) < 1e-12 AND
       max(abs(upper - (1 - m_lower))) < 1e-12 AS mirrored,
       bool_and(narrow_lower >= lower AND narrow_upper <= upper AND
                narrow_upper - narrow_lower < upper - lower) AS wider,
       max(abs(lower - greatest(0, middle - half))) < 1e-12 AND
       max(abs(upper - least(1, middle + half))) < 1e-12 AS as_in_sql
  FROM generate_series(1, 60) AS n, generate_series(0, n) AS r,
       LATERAL (SELECT rate_tally(r, n) AS t, rate_tally(n - r, n) AS mirror,
                       r::float8 / n AS p, 1.959963984540054::float8 AS z) v,
       rate_interval(t), rate_interval(mirror) m (m_lower, m_upper),
       rate_interval(t, 0.8) s (narrow_lower, narrow_upper),
       LATERAL (SELECT (p + z * z / (2 * n)) / (1 + z * z / n) AS middle,
                       z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4.0 * n * n))
                         AS half) w;

-- the arguments have names, and the default confidence is 0.95
SELECT rate_interval('1/2') = rate_interval(tally => '1/2', confidence => 0.95) AS default_is_95;
-- the interval is NULL when eligible is 0 and when an argument is NULL
SELECT v.what, lower, upper
  FROM (VALUES ('nobody eligible', '0/0'::rate_tally, 0.95), ('no tally', NULL, 0.95),
               ('no confidence', '1/2', NULL)) v (what, t, c),
       rate_interval(t, c) ORDER BY what;

-- a confidence must lie between 0 and 1, both excluded
\pset format unaligned
SELECT confidence, refused(format('SELECT rate_interval(%L, %L)', '1/2', confidence)) AS refused
FROM unnest('{0,1,-0.5,1.5,95,NaN,Infinity,-Infinity}'::float8[])
     WITH ORDINALITY u(confidence, n) ORDER BY n;
-- the confidence is also checked when eligible is 0
SELECT refused($$SELECT rate_interval('0/0', 95)$$);
\pset format aligned
-- confidences very close to 0 and to 1 give an interval that contains the rate
SELECT confidence,
       lower >= 0 AND lower < 0.5 AND upper > 0.5 AND upper <= 1 AND
       abs(lower + upper - 1) < 1e-12 AS sensible
  FROM unnest('{1e-9,0.001,0.999999999999999,0.9999999999999999}'::float8[]) AS confidence,
       rate_interval('50/100', confidence)
 ORDER BY confidence;

DROP FUNCTION refused(text);
