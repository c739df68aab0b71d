--
-- spend_tally: input and output, sums, the aggregate, means; spend_effect
--
SET client_min_messages = warning;
CREATE SCHEMA spend_tally;
SET search_path = spend_tally, public;
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused
CREATE FUNCTION chance(name text, n bigint) RETURNS bigint LANGUAGE sql AS
  $$ SELECT ('x' || left(md5(name), 8))::bit(32)::bigint % n $$;
CREATE FUNCTION near(a float8, b float8, relative float8) RETURNS boolean LANGUAGE sql AS
  $$ SELECT a = b OR abs(a - b) <= relative * greatest(abs(a), abs(b)) $$;

-- a tally prints as customers/sum/sum of squares, and its mean is NULL without customers
SELECT t, customers(t), total(t), sum_of_squares(t), mean(t)
  FROM (VALUES (1, spend_tally '0/0/0'), (2, '1/-5/25'), (3, '2/30.00/500.0000'),
               (4, '3461/2422.70/134698.2900'), (5, '9223372036854775807/0/0'),
               (6, '1/-1234567890.000001/1524157875019054569.135780000001')) AS v (n, t)
 ORDER BY n;
SELECT typlen, typbyval, typalign, typstorage FROM pg_type WHERE typname = 'spend_tally';
SELECT '007/030/0500'::spend_tally AS leading_zeros, spend_tally(2, 30, 500) AS made,
       spend_tally(2, 30, 500)::text AS text;
-- input must have the form n/number/number, and amounts with these sums must exist
\pset format unaligned
SELECT input, refused(format('SELECT %L::spend_tally', input)) AS refused
FROM unnest('{"", /, //, 1/2, 1/2/4/5, "1 /2/4", "1/2/4 ", 1/x/4, 1/2/x, -1/0/0, 1.5/2/4, 1//4,
              1/-/4, 1/./4, 1/1e3/1000000, 1/NaN/NaN, 1/Infinity/4, 0x1/2/4, 1/+2/4, 1/2/-4,
              9223372036854775808/0/0, 1/2/3, 2/30/449.99, 0/1/1, 0/0/1, 5/0/-1}'::text[])
     WITH ORDINALITY u(input, n) ORDER BY n;
SELECT call, refused('SELECT ' || call) AS refused
FROM unnest('{"spend_tally(-1, 0, 0)", "spend_tally(1, 2, 3)", "spend_tally(0, 0, 1)",
              "spend_tally(1, ''NaN'', 1)", "spend_tally(1, 1, ''Infinity'')",
              "spend_tally(1, NULL, 1)"}'::text[])
     WITH ORDINALITY u(call, n) ORDER BY n;
\pset format aligned
SELECT refused(format('SELECT %L::spend_tally', '1/' || repeat('9', 131073) || '/4')) LIKE
         '22P02: invalid input syntax for type spend_tally%' AS too_long;
-- a sum may have as many digits as a numeric, and reads back
SELECT t::text::spend_tally::text = t::text AS same, length(t::text) AS length
  FROM (SELECT ('1/0/' || repeat('9', 131072) || '.' || repeat('7', 16383))::spend_tally) AS v (t);

-- the aggregate: one row for each customer; NULL is a customer who spent nothing
SELECT spend_tally(amount), mean(spend_tally(amount)),
       spend_tally(amount) FILTER (WHERE false) AS nobody
  FROM (VALUES (10.00), (20.50), (NULL), (0)) AS v (amount);
SELECT refused($$SELECT spend_tally('NaN'::numeric)$$) AS nan,
       refused($$SELECT spend_tally('-Infinity'::numeric)$$) AS infinite;
SELECT refused($$SELECT spend_tally(1e100000)$$) AS too_large;
SELECT spend_tally '2/30.00/500' + '1/-5/25' AS plus, spend_tally '2/30/500' + NULL AS plus_null;
SELECT sum(t), count(t) FROM (VALUES (spend_tally '2/30/500'), (NULL), ('1/5.5/30.25')) AS v (t);
SELECT sum(t) IS NULL AS nothing FROM (VALUES (NULL::spend_tally)) AS v (t);
SELECT refused($$SELECT spend_tally '9223372036854775807/0/0' + '1/0/0'$$);
-- equal by value, whatever the digits after the point; grouped and hashed so
SELECT spend_tally '2/30/500' = '2/30.00/500.0' AS equal,
       spend_tally '2/30/500' <> '2/30/501' AS differ,
       spend_tally '2/30/500' = '3/30/500' AS customers_count;
SELECT count(*) AS groups FROM (SELECT t FROM (VALUES (spend_tally '2/30/500'), ('2/30.00/500.0'),
                                ('2/30/501')) AS v (t) GROUP BY t) AS g;

-- exact: equals plain numeric sums over 20000 customers, in groups, in parallel, in any order
CREATE TABLE spent AS
SELECT n, n % 7 AS grp, CASE WHEN n % 3 > 0 THEN (chance('x' || n, 100000) - 20000) * 0.01
                             WHEN n % 30 = 0 THEN 1e15 + n * 1e-9 END::numeric AS amount
  FROM generate_series(1, 20000) AS n;
ANALYZE spent;
SELECT count(*) AS groups,
       count(*) FILTER (WHERE customers(t) = c AND total(t) = s AND sum_of_squares(t) = q) AS exact
  FROM (SELECT grp, spend_tally(amount) AS t, count(*) AS c, sum(amount) AS s,
               sum(amount * amount) AS q FROM spent GROUP BY grp) AS g;
CREATE TEMP TABLE serial AS SELECT grp, spend_tally(amount) AS t FROM spent GROUP BY grp;
SELECT (SELECT sum(t) FROM serial) = (SELECT spend_tally(amount) FROM spent) AS groups_add_up,
       (SELECT spend_tally(amount ORDER BY n DESC) FROM spent)
         = (SELECT spend_tally(amount ORDER BY amount) FROM spent) AS any_order;
SET parallel_setup_cost = 0; SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2; SET parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT grp, spend_tally(amount) FROM spent GROUP BY grp;
SELECT count(*) AS groups, count(*) FILTER (WHERE s.t = p.t AND s.t::text = p.t::text) AS agree
  FROM serial AS s
  JOIN (SELECT grp, spend_tally(amount) AS t FROM spent GROUP BY grp) AS p USING (grp);
RESET parallel_setup_cost; RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather; RESET parallel_leader_participation;
SELECT n, spend_tally(amount) OVER (ORDER BY n) AS running FROM spent WHERE n <= 4 ORDER BY n;
-- stored, compressed and toasted values read back equal
CREATE TEMP TABLE stored (n int, t spend_tally);
INSERT INTO stored SELECT n, spend_tally(1, repeat('7', n * 1000)::numeric,
                                         repeat('7', n * 1000)::numeric ^ 2)
                     FROM generate_series(1, 20) AS n;
INSERT INTO stored SELECT grp + 100, t FROM serial;
SELECT count(*) AS stored, count(*) FILTER (WHERE t::text::spend_tally = t) AS read_back,
       count(*) FILTER (WHERE n < 100 AND total(t) = repeat('7', n * 1000)::numeric) AS long
  FROM stored;

--
-- The effect on money
--
SELECT round(treated_mean::numeric, 5) AS treated, round(control_mean::numeric, 5) AS control,
       round(difference::numeric, 5) AS difference, round(lower::numeric, 5) AS lower,
       round(upper::numeric, 5) AS upper, round(p_value::numeric, 5) AS p_value,
       round(ratio::numeric - 1, 5) AS lift, round(ratio_lower::numeric - 1, 5) AS lift_lower,
       round(ratio_upper::numeric - 1, 5) AS lift_upper,
       round(incremental::numeric, 2) AS incremental
  FROM spend_effect('3461/2422.7/134698.29', '3407/1396.87/52377.9767');
-- limits and p-values of R's t.test: few customers, one without variance, cents beside 10^15
CREATE TEMP TABLE oracle (n int, treated numeric[], control numeric[], confidence float8,
                          lower float8, upper float8, p_value float8);
INSERT INTO oracle VALUES
  (1, '{10.00,20.50,0.00}',
   '{1.00,2.00,3.00,4.00}', 0.95, -17.386197218713, 32.719530552046, 0.32416703971293),
  (2, '{0.00,0.00,0.00,0.00,50.00}',
   '{0.00,0.00,0.00,0.00,0.00,0.00,9.99}',
   0.95, -19.043987947138, 36.189702232852, 0.44210078971914),
  (3, '{5.00,5.00,5.00}',
   '{1.00,2.00}', 0.95, -2.8531023680873, 9.8531023680873, 0.090334470601733),
  (4, '{51.92,18.45,36.99,30.12,6.13,6.26,68.51,0.30,2.04,3.43,2.32,12.22}',
   '{6.33,168.94,23.29,7.98,15.54,48.39,47.45,69.94,34.89}',
   0.95, -66.945037785383, 12.782260007606, 0.16182387025593),
  (5, '{1.00,2.00}',
   '{100.00,101.00}', 0.95, -102.0424349223, -95.957565077703, 5.1011299035915e-05),
  (6, '{-3.00,8.00,4.25,19.00}',
   '{-5.00,7.00,0.00,0.00,1.00}', 0.95, -7.2807245594695, 20.20572455947, 0.26271507669433),
  (7, '{10.00,20.50,0.00}',
   '{1.00,2.00,3.00,4.00}', 0.5, 2.8279392488437, 12.50539408449, 0.32416703971293),
  (8, '{0.00,0.00,0.00,0.00,50.00}',
   '{0.00,0.00,0.00,0.00,0.00,0.00,9.99}', 0.5, 1.1189181287973, 16.026796156917, 0.44210078971914),
  (9, '{5.00,5.00,5.00}', '{1.00,2.00}', 0.5, 3, 4, 0.090334470601733),
  (10, '{51.92,18.45,36.99,30.12,6.13,6.26,68.51,0.30,2.04,3.43,2.32,12.22}',
   '{6.33,168.94,23.29,7.98,15.54,48.39,47.45,69.94,34.89}',
   0.5, -39.646694400268, -14.51608337751, 0.16182387025593),
  (11, '{1.00,2.00}',
   '{100.00,101.00}', 0.5, -99.57735026919, -98.42264973081, 5.1011299035915e-05),
  (12, '{-3.00,8.00,4.25,19.00}',
   '{-5.00,7.00,0.00,0.00,1.00}', 0.5, 2.784593733762, 10.140406266238, 0.26271507669433),
  (13, '{10.00,20.50,0.00}',
   '{1.00,2.00,3.00,4.00}', 0.999, -168.59390298809, 183.92723632142, 0.32416703971293),
  (14, '{0.00,0.00,0.00,0.00,50.00}',
   '{0.00,0.00,0.00,0.00,0.00,0.00,9.99}',
   0.999, -74.534350837623, 91.680065123337, 0.44210078971914),
  (15, '{5.00,5.00,5.00}',
   '{1.00,2.00}', 0.999, -314.80962438439, 321.80962438439, 0.090334470601733),
  (16, '{51.92,18.45,36.99,30.12,6.13,6.26,68.51,0.30,2.04,3.43,2.32,12.22}',
   '{6.33,168.94,23.29,7.98,15.54,48.39,47.45,69.94,34.89}',
   0.999, -108.45133967, 54.288561892218, 0.16182387025593),
  (17, '{1.00,2.00}',
   '{100.00,101.00}', 0.999, -121.34390577009, -76.656094229912, 5.1011299035915e-05),
  (18, '{-3.00,8.00,4.25,19.00}',
   '{-5.00,7.00,0.00,0.00,1.00}', 0.999, -35.814442017964, 48.739442017964, 0.26271507669433),
  (19, '{1.1,2.2,3.3,4.4,5.5,6.6,7.7,8.8,9.9,11,12.1,13.2,14.3,15.4,16.5,17.6,18.7,19.8}',
   '{2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19}', 0.95,
   -3.85279343393905, 3.75279343393905, 0.978833317142456);
SELECT count(*) AS cases,
       count(*) FILTER (WHERE near(e.lower, o.lower, 1e-12)) AS lower,
       count(*) FILTER (WHERE near(e.upper, o.upper, 1e-12)) AS upper,
       count(*) FILTER (WHERE near(e.p_value, o.p_value, 1e-12)) AS p_value
  FROM oracle AS o,
       LATERAL (SELECT spend_tally(a) AS t FROM unnest(treated) AS a) AS t,
       LATERAL (SELECT spend_tally(a) AS c FROM unnest(control) AS a) AS c,
       spend_effect(t, c, confidence) AS e;
-- what is not known is NULL: nobody on a side, one customer, the same amount for all, a mean of 0
SELECT e.* FROM (VALUES (1, spend_tally '0/0/0', spend_tally '2/3/5'), (2, '2/3/5', '0/0/0'),
                        (3, '1/7/49', '2/3/5'), (4, '2/4/8', '3/3/3'), (5, '5/0/0', '7/0/0')
                ) AS v (n, t, c), spend_effect(t, c) AS e ORDER BY n;
SELECT round(lower::numeric, 6) AS lower, ratio, ratio_lower
  FROM spend_effect('2/3/5', '4/0/0') UNION ALL
SELECT round(lower::numeric, 6), ratio, ratio_lower FROM spend_effect('2/3/5', '4/-2/10')
 ORDER BY lower;
-- laws over 3000 generated pairs: b against a mirrors a against b; limits widen with confidence;
-- they exclude 0 exactly when the p-value is less than alpha; a unit of money does not matter
CREATE TEMP TABLE pairs AS
SELECT n, (SELECT spend_tally(chance(n || 'a' || i, 4000) * chance(n || 'b' || i, 3) * 0.01)
             FROM generate_series(1, 2 + n % 11) AS i) AS t,
       (SELECT spend_tally(chance(n || 'c' || i, 4000) * chance(n || 'd' || i, 3) * 0.01)
          FROM generate_series(1, 2 + n % 17) AS i) AS c
  FROM generate_series(1, 3000) AS n;
SELECT count(*) AS pairs, count(e.lower) AS with_limits,
       count(*) FILTER (WHERE m.difference = -e.difference AND m.lower = -e.upper
                          AND m.upper = -e.lower AND m.p_value = e.p_value) AS mirrored,
       count(*) FILTER (WHERE wide.lower < e.lower AND wide.upper > e.upper
                          AND wide.p_value = e.p_value) AS wider,
       count(*) FILTER (WHERE (e.lower > 0 OR e.upper < 0) = (e.p_value < 0.05)) AS tests_agree,
       count(*) FILTER (WHERE near(cents.lower, 100 * e.lower, 1e-9)
                          AND near(cents.p_value, e.p_value, 1e-11)) AS cents,
       count(*) FILTER (WHERE e.incremental = customers(t) * e.difference) AS incremental
  FROM pairs, spend_effect(t, c) AS e, spend_effect(c, t) AS m, spend_effect(t, c, 0.99) AS wide,
       spend_effect(spend_tally(customers(t), 100 * total(t), 10000 * sum_of_squares(t)),
                    spend_tally(customers(c), 100 * total(c), 10000 * sum_of_squares(c))) AS cents;
-- many customers: of 10^12 as of few, and a p-value far in the tail
SELECT difference, round(lower::numeric, 9) AS lower, round(upper::numeric, 9) AS upper,
       near(p_value, 5.733031437583892e-07, 1e-9) AS p_value
  FROM spend_effect(spend_tally(1000000000000, 5000000000000, 26000000000000),
                    spend_tally(1000000000000, 4999992928932.188, 25999929289321.88));
SELECT p_value > 0 AND p_value < 1e-190 AS far_in_the_tail
  FROM spend_effect('100000/500000/2600000', '100000/485000/2500000');
\pset format unaligned
SELECT call, refused('SELECT ' || call) AS refused
  FROM unnest('{"spend_effect(''2/3/5'', ''2/3/5'', 0)", "spend_effect(''2/3/5'', ''2/3/5'', 95)",
                "spend_effect(''2/3/5'', ''2/3/5'', ''nan'')",
                "spend_effect(''2/3/4'', ''2/3/5'')"}'
              ::text[]) WITH ORDINALITY AS u (call, n) ORDER BY n;
SELECT refused('SELECT spend_effect(spend_tally(2, 1e400, 1e801), ''2/3/5'')') LIKE
         '22003: "1000%" is out of range for type double precision' AS too_large;
\pset format aligned
DROP SCHEMA spend_tally CASCADE;
