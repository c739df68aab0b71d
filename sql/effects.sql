--
-- The effect of a campaign on rates: published figures, limits of the numbers, laws over generated
-- cases, several offers, strata, plan and audit, errors
--
SET client_min_messages = warning;
CREATE SCHEMA effects;
SET search_path = effects, public;
SET extra_float_digits = 0;
-- whether two numbers agree to a relative error
CREATE FUNCTION near(a float8, b float8, relative float8) RETURNS boolean LANGUAGE sql AS
  $$ SELECT a = b OR abs(a - b) <= relative * greatest(abs(a), abs(b)) $$;
-- a number from 0 to n - 1 that looks like chance
CREATE FUNCTION chance(name text, n bigint) RETURNS bigint LANGUAGE sql AS
  $$ SELECT ('x' || left(md5(name), 8))::bit(32)::bigint % n $$;
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused

-- the figures that Newcombe (1998) and R's packages print
CREATE TEMP TABLE published (n int, treated rate_tally, control rate_tally, method text,
                             lower numeric, upper numeric);
INSERT INTO published VALUES
  (1, '56/70', '48/80', 'newcombe', .0524, .3339),
  (1, '56/70', '48/80', 'miettinen-nurminen', .0528, .3382),
  (1, '56/70', '48/80', 'agresti-caffo', .05245293, .3357585),
  (2, '9/10', '3/10', 'newcombe', .1705, .8090),
  (2, '9/10', '3/10', 'miettinen-nurminen', .1700, .8406),
  (2, '9/10', '3/10', 'agresti-caffo', .1600008, .8399992),
  (3, '5/56', '0/29', 'newcombe', -.0381, .1926),
  (3, '5/56', '0/29', 'miettinen-nurminen', -.0326, .1933),
  (3, '5/56', '0/29', 'agresti-caffo', -.02886585, .1712463),
  (4, '0/10', '0/10', 'newcombe', -.2775, .2775),
  (4, '0/10', '0/10', 'miettinen-nurminen', -.2879, .2879),
  (4, '0/10', '0/10', 'agresti-caffo', -.2211503, .2211503),
  (5, '84/101', '89/105', 'newcombe', -.1177, .0851),
  (5, '84/101', '89/105', 'miettinen-nurminen', -.1191, .0860),
  (5, '84/101', '89/105', 'agresti-caffo', -.1168, .0850);
SELECT treated, control, method, p.lower, p.upper,
       round(e.lower::numeric, scale(p.lower)) = p.lower
         AND round(e.upper::numeric, scale(p.upper)) = p.upper AS agrees
  FROM published AS p, rate_effect(treated, control, 0.95, method) AS e
 ORDER BY n, method DESC;
-- Koopman's ratio, and the two p-values
SELECT round(ratio_lower::numeric, 6) AS lower, round(ratio_upper::numeric, 6) AS upper
  FROM rate_effect('7/34', '1/34');
SELECT round(p_value::numeric, 8) AS p_value, round(p_exact::numeric, 8) AS p_exact
  FROM rate_effect('56/70', '48/80');

-- limits of Miettinen and Nurminen from the cubic equation in R, and p-values of its fisher.test
-- and prop.test: all agree to 12 digits
CREATE TEMP TABLE oracle (treated rate_tally, control rate_tally, confidence float8,
                          lower float8, upper float8, p_exact float8, p_value float8);
INSERT INTO oracle VALUES
  ('56/70', '48/80', 0.95, 0.052829713246, 0.338172940016, 0.012521129749209, 0.0080450813681966),
  ('9/10', '3/10', 0.95, 0.170025016424, 0.840649543943, 0.01976661109788, 0.0061698993205442),
  ('5/56', '1/29', 0.95, -0.091589110140, 0.166241679238, 0.65904075412122, 0.34967104962768),
  ('84/101', '89/105', 0.95, -0.119064614898, 0.085996872345, 0.84990341903749, 0.7552422582855),
  ('7/34', '1/34', 0.95, 0.027041626583, 0.345291216966, 0.054400130495066, 0.023925843480627),
  ('200/1000', '150/1100', 0.95, 0.031719897376, 0.095908631850, 0.00010589230351828,
   9.3050335814524e-05),
  ('1/3', '2/5', 0.95, -0.620981151924, 0.568533143342, 1, 0.85043626831235),
  ('12/5000', '40/5100', 0.95, -0.008479403874, -0.002766760170, 0.00012744487505447,
   0.00013262010164468),
  ('980/1000', '2000/2100', 0.95, 0.014292735263, 0.040013872861, 0.00013214907371064,
   0.00019416161437146),
  ('56/70', '48/80', 0.99, 0.005103036029, 0.379265147418, 0.012521129749209, 0.0080450813681966),
  ('9/10', '3/10', 0.99, 0.021809115584, 0.879161594638, 0.01976661109788, 0.0061698993205442),
  ('84/101', '89/105', 0.99, -0.153215436185, 0.119506562011, 0.84990341903749, 0.7552422582855),
  ('1/3', '2/5', 0.99, -0.716471318757, 0.678343897253, 1, 0.85043626831235),
  ('980/1000', '2000/2100', 0.99, 0.009627598153, 0.043951394650, 0.00013214907371064,
   0.00019416161437146);
SELECT count(*), count(*) FILTER (WHERE abs(e.lower - o.lower) < 1e-12
                                    AND abs(e.upper - o.upper) < 1e-12) AS limits,
       count(*) FILTER (WHERE near(e.p_exact, o.p_exact, 1e-12)) AS fisher,
       count(*) FILTER (WHERE near(e.p_value, o.p_value, 1e-12)) AS score
  FROM oracle AS o, rate_effect(treated, control, confidence, 'miettinen-nurminen') AS e;

-- Fisher's test equals the definition, with exact integers, for all tables of up to 7 customers
CREATE FUNCTION choose(n bigint, k bigint) RETURNS numeric LANGUAGE sql IMMUTABLE AS
  $$ SELECT factorial(n) / factorial(k) / factorial(n - k) $$;
SELECT count(*) AS tables, count(*) FILTER (WHERE near(p_exact, exact, 1e-13)) AS agree
  FROM generate_series(1, 7) AS t_n, generate_series(0, t_n) AS t_r,
       generate_series(1, 7) AS c_n, generate_series(0, c_n) AS c_r,
       rate_effect(rate_tally(t_r, t_n), rate_tally(c_r, c_n)),
       LATERAL (SELECT sum(ways) FILTER (WHERE ways <= observed) / sum(ways) AS exact
                  FROM (SELECT choose(t_n, k) * choose(c_n, t_r + c_r - k) AS ways,
                               choose(t_n, t_r) * choose(c_n, c_r) AS observed
                          FROM generate_series(greatest(0, t_r + c_r - c_n),
                                               least(t_n, t_r + c_r)) AS k) AS w) AS definition;
-- far in the tail: all of n against none of n has the probability 2 / (2n over n)
SELECT n, p_exact < 1e-14 AS small,
       near(p_exact, (2 / choose(2 * n, n))::float8, 1e-12) AS agrees
  FROM unnest('{25,100,300,500,510}'::int[]) AS n, rate_effect(rate_tally(n, n), rate_tally(0, n))
 ORDER BY n;
-- the score test, too: all of n against none of n has z = sqrt(2n); 2 * pnorm(-z) in R
SELECT n, near(p_value, in_r, 1e-12) AS agrees
  FROM (VALUES (50, 1.52397060483211e-23), (450, 9.81342785429637e-198), (684, 1.8886631304818e-299)
       ) AS v (n, in_r), rate_effect(rate_tally(n, n), rate_tally(0, n))
 ORDER BY n;

-- of millions, where Fisher's test does not add up all tables: twice R's phyper, for equal sizes
SELECT treated, control, near(p_exact, in_r, 1e-12) AS agrees
  FROM (VALUES (1, rate_tally '50050/1000000', rate_tally '49950/1000000', 0.748060198282936),
               (2, '1000100/1000000000', '999000/1000000000', 0.436761219054747),
               (3, '50005000/100000000', '49995000/100000000', 0.157340721778315),
               (4, '500050000/1000000000', '499950000/1000000000', 7.74583644697124e-06)
       ) AS v (n, treated, control, in_r), rate_effect(treated, control)
 ORDER BY n;

-- from one customer to 10^12, and to the largest number of a tally: all columns are in order
SELECT treated, control, lower <= difference AND difference <= upper AS difference_inside,
       ratio_lower <= ratio AND ratio <= ratio_upper AS ratio_inside,
       p_value BETWEEN 0 AND 1 AND p_exact BETWEEN 0 AND 1 AS probabilities
  FROM (VALUES (1, rate_tally '0/1', rate_tally '1/1'), (2, '1/1', '1/1'), (3, '0/1', '0/1'),
               (4, '0/1', '1/1000000000000'), (5, '1/1000000000000', '3/1000000000000'),
               (6, '500000000000/1000000000000', '500001000000/1000000000000'),
               (7, '999999999999/1000000000000', '999999999990/1000000000000'),
               (8, '1/9223372036854775807', '9223372036854775807/9223372036854775807')
       ) AS v (n, treated, control), rate_effect(treated, control)
 ORDER BY n;
-- of 10^12 customers: rare returns as exactly as of few, others as the normal distribution
SELECT near(p_exact, 0.625, 1e-11) AS rare
  FROM rate_effect('1/1000000000000', '3/1000000000000');
SELECT difference, near(lower, -3.385903824e-06, 1e-8) AS lower,
       near(upper, -6.14096176e-07, 1e-8) AS upper,
       abs(ln(p_exact) - ln(p_value)) < 1e-5 AS p_values_agree,
       round(p_value::numeric, 9) AS p_value
  FROM rate_effect('500000000000/1000000000000', '500002000000/1000000000000');

-- one side without customers, or nobody who returned
SELECT treated, control, e.*
  FROM (VALUES (1, rate_tally '0/0', rate_tally '1/2'), (2, '1/2', '0/0'), (3, '0/0', '0/0')
       ) AS v (n, treated, control), rate_effect(treated, control) AS e
 ORDER BY n;
SELECT treated, control, ratio, round(ratio_lower::numeric, 3) AS ratio_lower, ratio_upper > 1e300
         AS upper_is_infinite, p_value, round(p_exact::numeric, 6) AS p_exact
  FROM (VALUES (1, rate_tally '3/10', rate_tally '0/10'), (2, '0/10', '3/10'), (3, '0/10', '0/10'),
               (4, '10/10', '10/10')
       ) AS v (n, treated, control), rate_effect(treated, control) AS e
 ORDER BY n;
SELECT rate_effect(NULL, '1/2') IS NULL AS strict;

--
-- Laws over 4000 generated pairs of tallies, small and large, equal and far apart
--
CREATE TEMP TABLE pairs AS
SELECT n, rate_tally(chance(n || 'a', t_n + 1), t_n) AS treated,
       CASE n % 5 WHEN 0 THEN rate_tally(c_n * chance(n || 'a', t_n + 1) / t_n, c_n)
                  ELSE rate_tally(chance(n || 'b', c_n + 1), c_n) END AS control
  FROM generate_series(1, 4000) AS n,
       LATERAL (SELECT (1 + chance(n || 'c', CASE n % 3 WHEN 0 THEN 12 WHEN 1 THEN 300
                                             ELSE 100000 END)) AS t_n,
                       (1 + chance(n || 'd', CASE n % 4 WHEN 0 THEN 12 WHEN 1 THEN 300
                                             ELSE 100000 END)) AS c_n) AS sizes;
CREATE TEMP TABLE effects AS
SELECT n, treated, control, method, confidence, z, e.*
  FROM pairs, unnest('{newcombe,miettinen-nurminen,agresti-caffo}'::text[]) AS method,
       (VALUES (0.8, 1.2815515655446004), (0.95, 1.959963984540054), (0.99, 2.5758293035489004)
       ) AS c (confidence, z),
       rate_effect(treated, control, confidence, method) AS e;
-- the effect of b against a mirrors that of a against b, to the last bit
SELECT count(*) AS effects,
       count(*) FILTER (WHERE m.difference = -e.difference AND m.lower = -e.upper
                          AND m.upper = -e.lower AND m.p_value = e.p_value
                          AND m.p_exact = e.p_exact) AS mirrored,
       count(*) FILTER (WHERE near(m.ratio_lower, 1 / nullif(e.ratio_upper, 0), 1e-12)
                           OR e.ratio_upper = 'infinity' AND m.ratio_lower = 0) AS ratios
  FROM effects AS e, rate_effect(control, treated, confidence, method) AS m;
-- who did not return is the mirror, too: the limits are the same but for rounding
SELECT count(*) AS effects, count(*) FILTER (WHERE abs(m.lower - e.lower) < 1e-13
                                               AND abs(m.upper - e.upper) < 1e-13) AS mirrored
  FROM effects AS e,
       LATERAL (SELECT rate_tally(eligible(treated) - returned(treated), eligible(treated)) AS t,
                       rate_tally(eligible(control) - returned(control), eligible(control)) AS c
               ) AS stayed,
       rate_effect(c, t, confidence, method) AS m;
-- the score interval contains 0 exactly when its own p-value, with N / (N - 1), exceeds alpha; and
-- the ratio's interval contains 1 exactly when p_value does
SELECT count(*) AS effects,
       count(*) FILTER (WHERE (lower < 0 AND upper > 0) = (own_z < z)) AS difference_agrees,
       count(*) FILTER (WHERE (ratio_lower < 1 AND ratio_upper > 1) = (p_value > 1 - confidence))
         AS ratio_agrees
  FROM effects,
       LATERAL (SELECT (eligible(treated) + eligible(control))::float8 AS total,
                       (returned(treated) + returned(control))::float8 AS back) AS b,
       LATERAL (SELECT CASE WHEN difference = 0 THEN 0 ELSE
                  abs(difference) / sqrt(back / total * (1 - back / total) * total / (total - 1)
                    * (1.0 / eligible(treated) + 1.0 / eligible(control))) END AS own_z) AS s
 WHERE method = 'miettinen-nurminen';
-- the difference lies within the limits (agresti-caffo moves its middle), which are within -1 to 1,
-- and the incremental customers are the difference times the treated ones
SELECT method, count(*) AS effects,
       count(*) FILTER (WHERE lower <= difference AND difference <= upper) AS inside,
       count(*) FILTER (WHERE lower >= -1 AND upper <= 1 AND lower < upper) AS in_range,
       count(*) FILTER (WHERE incremental = eligible(treated) * difference
                          AND incremental_lower = eligible(treated) * lower
                          AND incremental_upper = eligible(treated) * upper) AS incremental
  FROM effects GROUP BY method ORDER BY method;
-- limits widen with the confidence, and p-values do not depend on it
SELECT count(*) AS pairs,
       count(*) FILTER (WHERE wide.lower <= e.lower AND wide.upper >= e.upper
                          AND wide.upper - wide.lower > e.upper - e.lower
                          AND wide.ratio_lower <= e.ratio_lower
                          AND wide.ratio_upper >= e.ratio_upper) AS wider,
       count(*) FILTER (WHERE wide.p_value = e.p_value AND wide.p_exact = e.p_exact) AS same_p
  FROM effects AS e JOIN effects AS wide USING (n, method)
 WHERE (e.confidence, wide.confidence) IN ((0.8, 0.95), (0.95, 0.99));
-- newcombe is made of the limits that rate_interval shows
SELECT count(*) AS effects,
       count(*) FILTER (WHERE abs(e.lower - (rate(treated) - rate(control)
                                - sqrt((rate(treated) - t.lower)^2 + (c.upper - rate(control))^2)))
                              < 1e-14
                          AND abs(e.upper - (rate(treated) - rate(control)
                                + sqrt((t.upper - rate(treated))^2 + (rate(control) - c.lower)^2)))
                              < 1e-14) AS agree
  FROM effects AS e, rate_interval(treated, confidence) AS t,
       rate_interval(control, confidence) AS c
 WHERE method = 'newcombe';
-- the lower limit of the score method has the score z, with the likeliest rates of this difference
SELECT count(*) AS effects, count(*) FILTER (WHERE abs(score - z) < 1e-6 * z) AS agree
  FROM (SELECT * FROM effects
         WHERE method = 'miettinen-nurminen' AND lower > -1 AND n % 10 = 0) AS e,
       LATERAL (SELECT returned(treated)::float8 AS x1, eligible(treated)::float8 AS n1,
                       returned(control)::float8 AS x2, eligible(control)::float8 AS n2,
                       greatest(0, -lower) AS least, least(1, 1 - lower) AS most) AS counts,
       -- bisection for the likeliest control rate, 60 halvings
       LATERAL (
         WITH RECURSIVE halving AS (
           SELECT 0 AS step, least AS low, most AS high
           UNION ALL
           SELECT step + 1, CASE WHEN slope > 0 THEN middle ELSE low END,
                  CASE WHEN slope > 0 THEN high ELSE middle END
             FROM halving,
                  LATERAL (SELECT (low + high) / 2 AS middle) AS m,
                  LATERAL (SELECT x2 / nullif(middle, 0) AS a,
                                  (n2 - x2) / nullif(1 - middle, 0) AS b,
                                  x1 / nullif(middle + lower, 0) AS c,
                                  (n1 - x1) / nullif(1 - middle - lower, 0) AS d) AS f,
                  LATERAL (SELECT coalesce(a, 0) - coalesce(b, 0) + coalesce(c, 0)
                                  - coalesce(d, 0) AS slope) AS s
            WHERE step < 60)
         SELECT low AS p2 FROM halving WHERE step = 60) AS likeliest,
       LATERAL (SELECT (difference - lower)
                       / sqrt(((p2 + lower) * (1 - p2 - lower) / n1 + p2 * (1 - p2) / n2)
                              * (n1 + n2) / (n1 + n2 - 1)) AS score) AS s;

--
-- Several tests
--
SELECT holm('{0.01,0.04,NULL,0.03,0.005,1,0.2}') AS as_in_r, holm('{}') AS none,
       holm('{0.3}') AS one, holm('{NULL}') AS unknown, holm('[5:6]={0.01,0.02}') AS from_5;
-- the definition, over 500 generated arrays: the largest of p * (m - rank + 1) up to each rank
SELECT count(*) AS p_values, count(*) FILTER (WHERE near(adjusted, definition, 1e-14)) AS agree
  FROM (SELECT a, i, adjusted,
               max(least(1, p * (m - rank + 1))) OVER (PARTITION BY a ORDER BY rank) AS definition
          FROM (SELECT a, i, p, adjusted, count(*) OVER (PARTITION BY a) AS m,
                       row_number() OVER (PARTITION BY a ORDER BY p, i) AS rank
                  FROM generate_series(1, 500) AS a,
                       LATERAL (SELECT array_agg(chance(a || 'p' || i, 1000) / 1000.0::float8
                                                 ORDER BY i) AS ps
                                  FROM generate_series(1, 1 + a % 9) AS i) AS array_of,
                       unnest(ps, holm(ps)) WITH ORDINALITY AS u (p, adjusted, i)) AS ranked
       ) AS t;

--
-- Strata
--
-- two countries that were split differently; added up, they would show the opposite
SELECT round(e.difference::numeric, 4) AS stratified, round(e.lower::numeric, 4) AS lower,
       round(e.upper::numeric, 4) AS upper, round(e.p_value::numeric, 6) AS p_value,
       round(e.incremental::numeric, 2) AS incremental, round(w.difference::numeric, 4) AS added_up
  FROM rate_effect_stratified('{90/900,30/100}', '{8/100,225/900}') AS e,
       rate_effect('120/1000', '233/1000') AS w;
-- alike strata are the same as the whole, and one stratum has the p-value of rate_effect
SELECT count(*) AS cases,
       count(*) FILTER (WHERE near(k.difference, w.difference, 1e-12)
                          AND (k.lower IS NULL) = (w.lower IS NULL)
                          AND (w.lower IS NULL OR abs(k.lower - w.lower) < 1e-12)
                          AND (w.lower IS NULL OR abs(k.upper - w.upper) < 1e-12)
                          AND near(k.p_value, w.p_value, 1e-9)
                          AND near(k.incremental, w.incremental, 1e-9)) AS whole,
       count(*) FILTER (WHERE near(w.difference, e.difference, 1e-12)
                          AND near(w.p_value, e.p_value, 1e-9)) AS as_rate_effect,
       count(*) FILTER (WHERE w.lower IS NULL) AS without_limits
  FROM (SELECT treated, control, 2 + n % 6 AS strata FROM pairs WHERE n <= 1500) AS p,
       rate_effect_stratified(array_fill(treated, ARRAY[strata]),
                              array_fill(control, ARRAY[strata])) AS k,
       LATERAL (SELECT rate_tally(strata * returned(treated), strata * eligible(treated)) AS t,
                       rate_tally(strata * returned(control), strata * eligible(control)) AS c
               ) AS s,
       rate_effect_stratified(ARRAY[t], ARRAY[c]) AS w, rate_effect(t, c) AS e;
-- a stratum with one side does not count, and the order of the strata does not matter
SELECT rate_effect_stratified('{56/70,5/9,0/0}', '{48/80,0/0,1/2}')
         = rate_effect_stratified('{56/70}', '{48/80}') AS one_sided,
       rate_effect_stratified('{56/70,9/10}', '{48/80,3/10}')
         = rate_effect_stratified('{9/10,56/70}', '{3/10,48/80}') AS turned,
       rate_effect_stratified('{0/0}', '{1/2}') AS nobody,
       rate_effect_stratified('{}', '{}') AS none,
       rate_effect_stratified('{0/10}', '{0/20}') AS nobody_returned;

--
-- Plan and audit
--
SELECT sample_size(.04, .05), sample_size(.50, .75, .9), sample_size(.021, .159, .95, .99),
       sample_size(.05, .04) AS turned, sample_size(0, 1) AS certain,
       sample_size(.5, .6, .01) AS tiny;
-- a smaller difference, more power or more confidence needs more customers
SELECT count(*) AS cases,
       count(*) FILTER (WHERE sample_size(c, c + d / 2) >= sample_size(c, c + d)
                          AND sample_size(c, c + d, 0.9) >= sample_size(c, c + d)
                          AND sample_size(c, c + d, 0.8, 0.99) >= sample_size(c, c + d)) AS more
  FROM generate_series(1, 500) AS n,
       LATERAL (SELECT chance(n || 's', 500) / 1000.0::float8 AS c,
                       (1 + chance(n || 't', 400)) / 1000.0::float8 AS d) AS rates;

SELECT split_check('{498,502,1100}', '{0.25,0.25,0.5}')::numeric(16,13) AS as_in_r,
       split_check('{50,50}', '{1,1}') AS even, split_check('{0,0}', '{1,1}') AS nobody,
       split_check('{5,5,1}', '{1,1,0}') AS in_a_group_without_share,
       split_check('{5,5,0}', '{1,1,0}') AS group_without_share,
       near(split_check('{500001000000,499999000000}', '{0.5,0.5}'), 0.04550026389635839, 1e-12)
         AS of_10_12,
       split_check('{500100000000,499900000000}', '{0.5,0.5}') AS far;
-- over two groups the p-value is that of the pooled z: 1.96 for 0.05
SELECT round(split_check('{1098,902}', '{0.5,0.5}')::numeric, 9) AS p_value,
       round(split_check(ARRAY[1098, 902], '{3,3}')::numeric, 9) AS shares_of_another_sum;
-- against R's pchisq: 1, 2, 9 and 99 degrees of freedom
SELECT near(split_check('{60,40}', '{1,1}'), 0.0455002638963584, 1e-12) AS one,
       near(split_check('{60,40,50}', '{1,1,1}'), 0.135335283236613, 1e-12) AS two,
       near(split_check(ARRAY(SELECT 100 + 3 * i FROM generate_series(1, 10) AS i),
                        ARRAY(SELECT 1 FROM generate_series(1, 10))), 0.702043867639003, 1e-12)
         AS nine,
       near(split_check(ARRAY(SELECT 100 + i FROM generate_series(1, 100) AS i),
                        ARRAY(SELECT 1 FROM generate_series(1, 100))), 2.33311820524072e-64, 1e-12)
         AS ninety_nine;

-- mistakes
\pset format unaligned
SELECT call, refused('SELECT ' || call) AS refused
  FROM unnest(ARRAY[
    $$rate_effect('1/2', '1/2', 0)$$, $$rate_effect('1/2', '1/2', 1)$$,
    $$rate_effect('1/2', '1/2', 'nan')$$, $$rate_effect('1/2', '1/2', 95)$$,
    $$rate_effect('1/2', '1/2', 0.95, 'wald')$$, $$rate_effect('1/2', '1/2', method => '')$$,
    $$rate_effect('2/1', '1/2')$$,
    $$rate_effect_stratified('{1/2}', '{1/2,1/2}')$$,
    $$rate_effect_stratified('{1/2,NULL}', '{1/2,1/2}')$$,
    $$rate_effect_stratified('{1/2,1/2}', '{1/2,NULL}')$$,
    $$rate_effect_stratified('{{1/2},{1/2}}', '{1/2,1/2}')$$,
    $$rate_effect_stratified('{1/2}', '{1/2}', 2)$$,
    $$holm('{0.5,1.5}')$$, $$holm('{0.5,-0.1}')$$, $$holm('{nan}')$$, $$holm('{{0.1,0.2}}')$$,
    $$sample_size(-0.1, 0.5)$$, $$sample_size(0.1, 1.5)$$, $$sample_size(0.1, 'nan')$$,
    $$sample_size(0.1, 0.1)$$, $$sample_size(0.1, 0.2, 1)$$, $$sample_size(0.1, 0.2, 0.8, 1)$$,
    $$sample_size(0.5, 0.5000000001)$$,
    $$split_check('{1,2}', '{0.5,0.4,0.1}')$$, $$split_check('{1,-2}', '{0.5,0.5}')$$,
    $$split_check('{1,2}', '{0.5,-0.5}')$$, $$split_check('{1,2}', '{0.5,infinity}')$$,
    $$split_check('{1,2}', '{0.5,nan}')$$, $$split_check('{1,2}', '{0.5,NULL}')$$,
    $$split_check('{1,NULL}', '{0.5,0.5}')$$, $$split_check('{1,2}', '{0,1}')$$,
    $$split_check('{}', '{}')$$, $$split_check('{{1,2}}', '{0.5,0.5}')$$,
    $$split_check('{1,2}', '{1e308,1e308}')$$]) WITH ORDINALITY AS u (call, n)
 ORDER BY n;
\pset format aligned
DROP SCHEMA effects CASCADE;
