--
-- return_curve.sql
--
-- Proves that the type return_curve reads and writes what it should, that its statistics are those
-- of R's package survival (survfit and survdiff; the numbers in the comments are R's), and that the
-- aggregates count silences as doc/reference.md, "Silences and return curves", defines them.
--
SET TimeZone = 'UTC';
SET IntervalStyle = 'postgres';
SET DateStyle = 'ISO, YMD';
SET extra_float_digits = 0;

\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused

--
-- R's aml data: survival after chemotherapy, in weeks, here days
--
CREATE TEMP TABLE aml (maintained return_curve, other return_curve);
INSERT INTO aml VALUES
  ('{9:1/0,13:1/1,18:1/0,23:1/0,28:0/1,31:1/0,34:1/0,45:0/1,48:1/0,161:0/1}',
   '{5:2/0,8:2/0,12:1/0,16:0/1,23:1/0,27:1/0,30:1/0,33:1/0,43:1/0,45:1/0}');

-- the rows of the estimate: R has at 31 the survival .491, and the interval .2549 to .946
SELECT silence, at_risk, returned, censored, round(survival::numeric, 12) AS survival,
       round(lower::numeric, 12) AS lower, round(upper::numeric, 12) AS upper
FROM aml, unnest(maintained) ORDER BY silence;

-- the standard error, which the interval contains: .1642 at 31
SELECT round((survival * ln(survival / lower) / 1.959963984540054)::numeric, 4) AS std_error
FROM aml, unnest(maintained) WHERE silence = '31 days';

-- the median is 31; its interval begins at 18 and has no upper bound; at 80 percent it begins at 23
SELECT median_return(maintained), i.lower, i.upper, j.lower AS lower_80, j.upper AS upper_80,
       median_return(other) AS other
FROM aml, median_return_interval(maintained) AS i, median_return_interval(maintained, 0.8) AS j;

-- the log-rank test: 3.4 on one degree of freedom, p = .07, in both directions
SELECT round(chi_squared::numeric, 12) AS chi_squared, round(p_value::numeric, 12) AS p_value
FROM aml, log_rank(maintained, other);
SELECT log_rank(maintained, other) = log_rank(other, maintained) AS symmetric,
       round((log_rank(maintained, maintained)).p_value::numeric, 12) AS against_itself
FROM aml;

-- the restricted mean: 41.415909090909 within 100 days, 28.897727272727 within 40
SELECT round(extract(epoch FROM restricted_mean_return(maintained, '100 days'))::numeric / 86400, 9)
         AS within_100,
       round(extract(epoch FROM restricted_mean_return(maintained, '40 days'))::numeric / 86400, 9)
         AS within_40,
       restricted_mean_return(maintained, '161 days') AS to_the_end,
       restricted_mean_return(maintained, '162 days') AS beyond
FROM aml;

-- the chance of a return after 20 days within 20: that of R over the silences longer than 20 days,
-- 1 - 0.51428571429 with the bounds 1 - 1 and 1 - 0.23647081217
SELECT round(chance::numeric, 11) AS chance, lower, round(upper::numeric, 11) AS upper, at_risk
FROM aml, chance_of_return(maintained, '20 days', '20 days');

-- with a silence of 0 days it is 1 - S
SELECT round(chance::numeric, 12) AS chance, at_risk
FROM aml, chance_of_return(maintained, '0 days', '31 days');

-- nothing is extrapolated: the curve reaches 161 days; of the other group all have returned by 45
SELECT silence, within, m.chance, m.at_risk, o.chance AS other, o.lower, o.at_risk AS other_at_risk
FROM aml, (VALUES ('100 days'::interval, '61 days'::interval), ('100 days', '62 days'),
                  ('161 days', '1 day'), ('44 days', '1 day'), ('30 days', '15 days'),
                  ('30 days', '1000 days'), ('45 days', '1 day')) AS asked (silence, within),
     chance_of_return(maintained, silence, within) AS m,
     chance_of_return(other, silence, within) AS o
ORDER BY silence, within;

-- a narrower interval at a lower confidence
SELECT round(lower::numeric, 6) AS lower, round(upper::numeric, 6) AS upper
FROM aml, (VALUES (0.5), (0.95), (0.99)) AS c (confidence),
     chance_of_return(maintained, '0 days', '31 days', confidence) ORDER BY confidence;

-- the shortest silence after which the chance is at most so much: a day earlier it is higher;
-- within 114 days the curve never gets to 0.1, because it ends 113 days after the last return
SELECT asked, within, threshold,
       (chance_of_return(maintained, threshold, within)).chance <= asked AS is_low,
       (chance_of_return(maintained, greatest(threshold - interval '1 day', '0'),
                         within)).chance > asked AS was_high
FROM aml, (VALUES (0.0, '10 days'::interval), (0.2, '17 days'), (0.25, '9 days'), (0.1, '20 days'),
                  (0.1, '113 days'), (0.1, '114 days'), (1, '30 days')) AS a (asked, within),
     silence_for(maintained, asked, within) AS threshold
ORDER BY asked, within;

--
-- Exact halves: the middle of two lengths, as R has it
--
SELECT c, median_return(c), i.lower, i.upper
FROM (VALUES (1, return_curve '{1:1/0,2:1/0,3:1/0,4:1/0,5:1/0,6:1/0}'), -- 3.5, 2, none
             (2, '{10:1/0,20:1/0,35:1/0,50:0/1}'),                      -- 27.5, 10, none
             (3, '{10:1/0,20:1/0,35:0/1,50:0/1}'),                      -- 20: nothing lower is next
             (4, '{10:1/0,20:1/0,30:0/1,35:1/0}'),                      -- 27.5: the next return
             (5, '{10:1/0,20:0/2}'),                                    -- less than half returned
             (6, '{}')) AS v (n, c), median_return_interval(c) AS i ORDER BY n;
-- half of 6 silences have returned, by products that a float8 rounds
SELECT median_return('{1:1/0,2:1/0,3:1/0,9:1/0,10:1/1}') AS "6";

--
-- Silences that enter late, as in R's Surv(start, stop, event):
-- (0,4] (0,6+] (3,9] (5,9] (5,12+] (8,15] (10,11] (2,20] (0,25+] (7,30+]
--
CREATE TEMP TABLE late (c return_curve);
INSERT INTO late VALUES
  ('{2:0/0/1,3:0/0/1,4:1/0,5:0/0/2,6:0/1,7:0/0/1,8:0/0/1,9:2/0,10:0/0/1,11:1/0,12:0/1,15:1/0,'
   '20:1/0,25:0/1,30:0/1}');
-- the survivals: 0.8, 0.571428571429, 0.476190476190, 0.357142857143, 0.238095238095
SELECT silence, at_risk, returned, censored, round(survival::numeric, 12) AS survival,
       round(lower::numeric, 12) AS lower, round(upper::numeric, 12) AS upper
FROM late, unnest(c) WHERE returned > 0 ORDER BY silence;
-- the median is 11, its interval begins at 9
SELECT median_return(c), i.lower, i.upper FROM late, median_return_interval(c) AS i;
-- between 4 and 5 days nobody is at risk: no chance is known across this gap
SELECT silence, within, chance, at_risk
FROM (VALUES ('2 days'::interval, '2 days'::interval), ('2 days', '3 days'), ('4 days', '1 day'),
             ('5 days', '1 day'), ('5 days', '2 days')) AS asked (silence, within),
     chance_of_return('{3:1/1,4:0/1,5:0/0/2,6:1/0,7:0/1}', silence, within)
ORDER BY silence, within;

--
-- Input and output
--

-- an element prints as days:returned/censored, with the late ones only where there are some
SELECT i, c FROM unnest('{"{}", "{0:0/3}", "{1:1/0}", "{007:01/00,8:0/1/0}", "{1:0/0/2,3:1/1}",
                          "{2147483647:9223372036854775806/1}"}'::return_curve[])
                 WITH ORDINALITY AS u (c, i) ORDER BY i;

\pset format unaligned
SELECT input, refused(format('SELECT %L::return_curve', input)) AS refused
FROM unnest(ARRAY['', '{', '}', '{}}', '{,}', '{1:1/0', '{1:1/0,}', '{1:1/0}x', '{ 1:1/0}',
                  '{1:1}', '{1/1/0}', '{1:-1/0}', '{1:+1/0}', '{1:1/0/0/0}', '{1:1.5/0}', '{:1/0}',
                  '{2147483648:1/0}', '{1:9223372036854775808/0}', '{1:0/0}', '{2:1/0,2:1/0}',
                  '{2:1/0,1:1/0}', '{0:1/0}', '{0:0/1/1,2:1/0}', '{1:9223372036854775807/1}',
                  '{2:1/0/1}', '{1:0/0/2,2:1/0}', '{2:0/1,3:0/0/1}'])
     WITH ORDINALITY AS u (input, i) ORDER BY i;
\pset format aligned

-- the stored form: a version, and for each length its distance and the counts
SELECT c, encode(return_curve_send(c), 'hex') AS bytes
FROM unnest('{"{}", "{9:1/0,13:1/1}", "{300:1000/0}", "{1:0/0/2,3:1/1}"}'::return_curve[])
     WITH ORDINALITY AS u (c, i) ORDER BY i;

-- equal curves have equal bytes, whatever they were made from
SELECT return_curve '{1:1/0,2:0/1}' = '{1:1/0}'::return_curve + '{2:0/1}' AS equal,
       return_curve '{1:1/0}' = '{1:0/1}' AS not_equal,
       return_curve '{1:1/0}' <> '{1:0/1}' AS differs;

--
-- Sums
--
SELECT return_curve '{1:1/0,3:2/1,5:0/0/1,6:1/0}' + '{2:1/1,3:1/0/1,6:0/1}' AS plus,
       return_curve '{}' + '{1:1/0}' AS plus_nothing, return_curve '{1:1/0}' + NULL AS plus_null;
SELECT sum(c) AS sum, sum(c) FILTER (WHERE c IS NULL) AS nothing
FROM (VALUES (return_curve '{1:1/0}'), (NULL), ('{1:0/2}'), ('{2:1/0}')) AS v (c);
SELECT refused($$SELECT return_curve '{1:9223372036854775807/0}' + '{2:0/1}'$$) AS out_of_range;

-- a hundred million silences and more: the products of the variance and of the test do not overflow
SELECT silence, at_risk, round(survival::numeric, 10) AS survival,
       round((upper - lower)::numeric, 10) AS width
FROM unnest(return_curve '{30:100000000/0,60:50000000/50000000,'
                         '90:4000000000000000/4000000000000000}')
ORDER BY silence;
SELECT round(chi_squared::numeric) AS chi_squared, p_value
FROM log_rank('{30:100000000/0,60:0/100000000}', '{30:100050000/0,60:0/99950000}');

--
-- What is a silence?
--
CREATE TEMP TABLE orders (customer text, day date, event lifecycle_event);
INSERT INTO orders VALUES
  ('ann', '2024-01-01', 'purchase'), ('ann', '2024-01-11', 'purchase'),
  ('ann', '2024-01-31', 'purchase'),
  -- purchases of one day are one
  ('ben', '2024-01-05', 'purchase'), ('ben', '2024-01-05', 'purchase'),
  ('ben', '2024-01-08', 'purchase'),
  -- a purchase on the day of until and a later one do not count
  ('cleo', '2024-01-20', 'purchase'), ('cleo', '2024-02-01', 'purchase'),
  ('cleo', '2024-02-09', 'purchase'),
  -- cancellations, interest and adjustments neither begin nor end a silence
  ('dan', '2024-01-02', 'interest'), ('dan', '2024-01-04', 'purchase'),
  ('dan', '2024-01-06', 'cancellation'), ('dan', '2024-01-07', 'adjustment'),
  ('dan', '2024-01-24', 'purchase'),
  ('eve', '2024-01-02', 'interest'), ('fay', '2024-02-01', 'purchase'),
  -- a NULL, and infinities
  (NULL, '2024-01-02', 'purchase'), ('ann', NULL, 'purchase'), ('ann', '2024-01-15', NULL),
  ('ben', '-infinity', 'purchase'), ('ben', 'infinity', 'purchase');

-- returns after 10 and 20 days (ann), 3 (ben), 20 (dan); open for 1, 24, 12 and 8 days
SELECT return_curve(customer, day, event, '2024-02-01') FROM orders;
-- each customer alone
SELECT customer, return_curve(customer, day, event, '2024-02-01')
FROM orders WHERE customer IS NOT NULL GROUP BY customer ORDER BY customer;
-- all three time types; without events all rows are purchases
SELECT return_curve(customer, day, '2024-02-01') AS days,
       return_curve(customer, day::timestamp, '2024-02-01') AS timestamps,
       return_curve(customer, day::timestamptz, '2024-02-01') AS timestamptzs
FROM orders WHERE event = 'purchase' AND isfinite(day);
-- without a row the curve is NULL; without a purchase before until it has no silence
SELECT return_curve(customer, day, '2024-02-01') AS no_row FROM orders WHERE false;
SELECT return_curve(customer, day, '2024-01-01') AS no_purchase, median_return('{}') AS median,
       chance_of_return('{}', '0 days', '1 day') AS chance,
       silence_for('{}', 1, '1 day') AS silence,
       restricted_mean_return('{}', '1 day') AS mean, log_rank('{}', '{}') AS log_rank,
       (SELECT count(*) FROM unnest(return_curve '{}')) AS rows
FROM orders;

-- until within a day: the purchases before it count, and the open silence is that to its day
SELECT until, return_curve(customer, at, until)
FROM (VALUES (1, timestamp '2024-01-10 09:00'), (1, '2024-01-10 15:00'), (1, '2024-01-12 08:00'),
             (1, '2024-01-12 18:00')) AS o (customer, at),
     (VALUES (timestamp '2024-01-10 12:00'), ('2024-01-12 00:00'), ('2024-01-12 12:00'),
             ('2024-01-12 23:00')) AS u (until)
GROUP BY until ORDER BY until;

-- the days of a timestamptz are those of TimeZone: an evening in New York is a day later in Berlin
CREATE TEMP TABLE evenings AS
SELECT 1 AS customer, at
FROM unnest('{2024-03-09 23:30-05, 2024-03-10 22:30-04, 2024-03-12 01:00-04, 2024-10-27 00:30+02,
              2024-10-27 23:30+01}'::timestamptz[]) AS at;
SET TimeZone = 'America/New_York';
SELECT return_curve(customer, at, '2024-12-01') AS new_york FROM evenings;
SET TimeZone = 'Europe/Berlin';
SELECT return_curve(customer, at, '2024-12-01') AS berlin FROM evenings;
SET TimeZone = 'UTC';

-- days more than 179 years apart, in any order, and merged
SELECT return_curve(customer, day, '2024-02-01')
FROM (VALUES ('ann', date '2024-01-01'), ('ann', '2023-01-01'), ('ann', '1500-01-01'),
             ('ann', '4000-01-01 BC'), ('ann', '1500-01-02'), ('ben', '2024-01-31'),
             ('ben', '2024-01-30'), ('ben', '2024-01-31')) AS o (customer, day);

-- the longest silences that there can be
SELECT return_curve(1, day, '5874897-12-31'),
       return_curve_at(1, day, '2024-01-01', '5874897-12-31')
FROM unnest('{4714-11-24 BC, 2000-01-01, 5874897-12-30}'::date[]) AS day;

--
-- One silence a customer: that which is open at as_of
--

-- ann is silent since the 1st, and returns on the 11th; ben since the 8th; dan since the 4th, and
-- returns on the 24th; cleo bought nothing before.  They are observed from the 10th on
SELECT return_curve_at(customer, day, event, '2024-01-10', '2024-02-01') FROM orders;
-- a purchase on the day of as_of is a return: 10 days for ann, who entered after 9
SELECT return_curve_at(customer, day, event, '2024-01-11', '2024-02-01')
FROM orders WHERE customer = 'ann';
-- with as_of within a day, a purchase before it begins the silence, and another one on the same day
-- does not end it
SELECT as_of, return_curve_at(customer, at, as_of, '2024-02-01')
FROM (VALUES (1, timestamp '2024-01-01 09:00'), (1, '2024-01-10 09:00'), (1, '2024-01-10 15:00'),
             (1, '2024-01-12 08:00')) AS o (customer, at),
     (VALUES (timestamp '2024-01-10 00:00'), ('2024-01-10 12:00'), ('2024-01-10 18:00'),
             ('2024-01-13 00:00')) AS u (as_of)
GROUP BY as_of ORDER BY as_of;
SELECT return_curve_at(customer, day, '2024-01-10', '2024-02-01') AS no_row
FROM orders WHERE false;

--
-- Mistakes
--
\pset format unaligned
SELECT call, refused('SELECT ' || call || ' FROM orders') AS complaint
FROM unnest(ARRAY[
       'return_curve(customer, day, NULL)',
       $$return_curve(customer, day, 'infinity')$$,
       $$return_curve(customer, day, '-infinity')$$,
       'return_curve(customer, day, day)',
       $$return_curve(point(1, 2), day, '2024-01-01')$$,
       $$return_curve_at(customer, day, NULL, '2024-01-01')$$,
       $$return_curve_at(customer, day, '2024-01-01', NULL)$$,
       $$return_curve_at(customer, day, '-infinity', '2024-01-01')$$,
       $$return_curve_at(customer, day, '2024-01-01', 'infinity')$$,
       $$return_curve_at(customer, day, '2024-01-01', '2024-01-01')$$,
       $$return_curve_at(customer, day, day, '2025-01-01')$$,
       $$chance_of_return('{1:1/0}', '-1 days', '1 day')$$,
       $$chance_of_return('{1:1/0}', '1 day', '0 days')$$,
       $$chance_of_return('{1:1/0}', '1 day', '3 months')$$,
       $$chance_of_return('{1:1/0}', '90', '90 days')$$,
       $$chance_of_return('{1:1/0}', '1 day', '1 day', 1)$$,
       $$chance_of_return('{1:1/0}', '1 day', '1 day', 'NaN')$$,
       $$silence_for('{1:1/0}', -0.1, '1 day')$$,
       $$silence_for('{1:1/0}', 1.1, '1 day')$$,
       $$silence_for('{1:1/0}', 'NaN', '1 day')$$,
       $$silence_for('{1:1/0}', 0.1, '1 year')$$,
       $$median_return_interval('{1:1/0}', 0)$$,
       $$restricted_mean_return('{1:1/0}', '-1 days')$$])
     WITH ORDINALITY AS u (call, i) ORDER BY i;
\pset format aligned

-- whole days may be written as hours, and a NULL argument gives NULL
SELECT chance_of_return(maintained, '24:00:00', '1 day 48:00:00')
         = chance_of_return(maintained, '1 day', '3 days') AS hours,
       chance_of_return(maintained, NULL, '1 day') IS NULL AS is_null
FROM aml;

--
-- Plans
--
CREATE TEMP TABLE many AS
SELECT n % 300 AS customer, date '2023-01-01' + (n * 7919) % 700 AS day, n % 3 AS country
FROM generate_series(1, 6000) AS n;
ANALYZE many;

-- a Winback Scan computes curves, and they are those of PostgreSQL's Agg node
EXPLAIN (COSTS OFF) SELECT return_curve(customer, day, '2024-12-01') FROM many;
EXPLAIN (COSTS OFF)
SELECT country, return_curve_at(customer, day, '2024-01-01', '2024-12-01')
FROM many GROUP BY country;
CREATE TEMP TABLE by_scan AS
SELECT country, return_curve(customer, day, '2024-12-01') AS c,
       return_curve_at(customer, day, '2024-01-01', '2024-12-01') AS at
FROM many GROUP BY country;
SET winback.enable_scan = off;
SELECT country, b.c = a.c AS same, b.at = a.at AS same_at
FROM by_scan AS b
JOIN (SELECT country, return_curve(customer, day, '2024-12-01') AS c,
             return_curve_at(customer, day, '2024-01-01', '2024-12-01') AS at
      FROM many GROUP BY country) AS a USING (country) ORDER BY country;
RESET winback.enable_scan;

-- the groups share no customer, so their curves add up to that of all
SELECT sum(c) = (SELECT return_curve(customer, day, '2024-12-01') FROM many) AS sum,
       sum(at) = (SELECT return_curve_at(customer, day, '2024-01-01', '2024-12-01') FROM many)
         AS sum_at
FROM by_scan;

-- a join to the customers, by whose country the rows are grouped, changes nothing
CREATE TEMP TABLE countries AS
SELECT n AS customer, n % 3 AS country FROM generate_series(0, 299) AS n;
ALTER TABLE countries ADD PRIMARY KEY (customer);
ANALYZE countries;
EXPLAIN (COSTS OFF)
SELECT c.country, return_curve_at(customer, day, '2024-01-01', '2024-12-01')
FROM many JOIN countries AS c USING (customer) GROUP BY c.country;
SELECT country, b2.c = a.c AS same, b.at = a.at AS same_at
FROM by_scan AS a
JOIN (SELECT c.country, return_curve_at(customer, day, '2024-01-01', '2024-12-01') AS at
      FROM many JOIN countries AS c USING (customer) GROUP BY c.country) AS b USING (country)
JOIN (SELECT c.country, return_curve(customer, day, '2024-12-01') AS c
      FROM many JOIN countries AS c USING (customer) GROUP BY c.country) AS b2 USING (country)
ORDER BY country;

-- the memory is at most 4 bytes for each purchase and 24 for each customer, whether customers are
-- numbers of a sequence or not
CREATE TEMP TABLE large AS
SELECT 1 + n * 7919 % 20000 AS near, (1 + n * 7919 % 20000) * 10007 AS apart,
       date '2022-01-01' + (n / 200)::int AS day
FROM generate_series(1, 200000) AS n;
ANALYZE large;
CREATE FUNCTION memory_of(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (ANALYZE, VERBOSE, TIMING OFF, COSTS OFF) ' || query LOOP
    IF line ~ 'Memory: ' THEN
      RETURN substring(line FROM '(\d+) ?kB')::bigint * 1024;
    END IF;
  END LOOP;
END $$;
SELECT key, memory_of(format($$SELECT return_curve(%s, day, '2025-01-01') FROM large$$, key))
              BETWEEN 2 * 200000 AND 4 * 200000 + 24 * 20000 AS is_small
FROM (VALUES ('near'), ('apart')) AS k (key) ORDER BY key;

-- as a window function, a curve grows row by row
SELECT day, return_curve(customer, day, '2024-02-01') OVER (ORDER BY day)
FROM orders WHERE customer IN ('ann', 'ben') AND event = 'purchase' AND isfinite(day) ORDER BY day;

DROP FUNCTION refused(text), memory_of(text);
