-- questions.sql
--   Questions of the wine merchant about the campaigns. Run data.sql and events.sql
--   first; data.sql says what is planted, and events.sql which members count.

\set QUIET on
\set ON_ERROR_STOP on
\pset footer off
\pset null '-'
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET search_path = campaign_example, public;

\echo
\echo '1. Was the draw as planned? In spring half of the Germans and a tenth of the French were the'
\echo 'control group, in autumn half of all. A p-value below 0.001 would mean that it went wrong.'
SELECT campaign, country, array_agg(variant ORDER BY variant) AS variants,
       array_agg(members ORDER BY variant) AS members,
       round(split_check(array_agg(members ORDER BY variant),
               CASE WHEN campaign = 'autumn' THEN '{1,1}'::float8[]
                    WHEN country = 'de' THEN '{50,25,25}' ELSE '{10,45,45}' END)::numeric, 3) AS p
  FROM (
         SELECT campaign, country, variant, count(*) AS members
           FROM campaign_members JOIN customers USING (customer_id)
          GROUP BY campaign, country, variant
       ) AS groups
 GROUP BY campaign, country
 ORDER BY campaign DESC, country;

\echo '2. Did the offers bring customers back? By country, because the control groups differ. "Won"'
\echo 'is the number of customers who came back because of the offer.'
WITH tallies AS (
  SELECT campaign, country, variant, reactivation_tally(before, after) AS came_back
    FROM results JOIN customers ON customer_id = customer
   GROUP BY campaign, country, variant
)
SELECT treated.campaign, treated.country, treated.variant, treated.came_back,
       control.came_back AS control,
       to_char(100 * difference, '990.0%') AS difference,
       to_char(100 * lower, '990.0') || to_char(100 * upper, ' to 990.0%') AS "95% interval",
       to_char(p_value, '0.0000') AS p, round(incremental) AS won
  FROM tallies AS treated JOIN tallies AS control USING (campaign, country),
       rate_effect(treated.came_back, control.came_back)
 WHERE treated.variant <> 'control' AND control.variant = 'control'
 ORDER BY treated.campaign DESC, treated.country, treated.variant;

\echo '3. And in both countries together? Within the countries, and (wrong) over the sums: the'
\echo 'French come back more often, and few of them are in the control group.'
WITH tallies AS (
  SELECT campaign, country, variant, reactivation_tally(before, after) AS came_back
    FROM results JOIN customers ON customer_id = customer
   GROUP BY campaign, country, variant
), pairs AS (
  SELECT treated.campaign, treated.variant,
         array_agg(treated.came_back ORDER BY country) AS treated,
         array_agg(control.came_back ORDER BY country) AS control,
         rate_effect(sum(treated.came_back), sum(control.came_back)) AS added_up
    FROM tallies AS treated JOIN tallies AS control USING (campaign, country)
   WHERE treated.variant <> 'control' AND control.variant = 'control'
   GROUP BY treated.campaign, treated.variant
)
SELECT campaign, variant,
       to_char(100 * difference, '990.0%') AS difference,
       to_char(100 * lower, '990.0') || to_char(100 * upper, ' to 990.0%') AS "95% interval",
       to_char(p_value, '0.0000') AS p, round(incremental) AS won,
       round(incremental_lower) AS "at least", round(incremental_upper) AS "at most",
       to_char(100 * (added_up).difference, '990.0%') AS "sums (wrong)"
  FROM pairs, rate_effect_stratified(treated, control)
 ORDER BY campaign DESC, variant;

\echo '4. What did it bring? The money that a customer spent in the 30 days, in Germany:'
WITH tallies AS (
  SELECT campaign, variant, spend_tally(spent) AS spend
    FROM results JOIN customers ON customer_id = customer
   WHERE country = 'de'
   GROUP BY campaign, variant
)
SELECT treated.campaign, treated.variant, round(mean(treated.spend), 2) AS spent,
       round(mean(control.spend), 2) AS control,
       to_char(lower, '990.00') || to_char(upper, ' to 990.00') AS "95% interval",
       to_char(p_value, '0.0000') AS p, to_char(100 * (ratio - 1), '990%') AS lift,
       round(incremental) AS won, round(incremental_lower) AS "at least",
       round(incremental_upper) AS "at most"
  FROM tallies AS treated JOIN tallies AS control USING (campaign),
       spend_effect(treated.spend, control.spend)
 WHERE treated.variant <> 'control' AND control.variant = 'control'
 ORDER BY treated.campaign DESC, treated.variant;

\echo '5. Which offer wins whom back? By the reason for leaving, within the countries. These are six'
\echo 'tests, so the p-values are adjusted (Holm):'
WITH tallies AS (
  SELECT country, left_for, variant, reactivation_tally(before, after) AS came_back
    FROM results JOIN customers ON customer_id = customer
   WHERE campaign = 'spring'
   GROUP BY country, left_for, variant
), pairs AS (
  SELECT left_for, treated.variant,
         array_agg(treated.came_back ORDER BY country) AS treated,
         array_agg(control.came_back ORDER BY country) AS control
    FROM tallies AS treated JOIN tallies AS control USING (country, left_for)
   WHERE treated.variant <> 'control' AND control.variant = 'control'
   GROUP BY left_for, treated.variant
), tests AS (
  SELECT array_agg(left_for ORDER BY left_for, variant) AS left_for,
         array_agg(variant ORDER BY left_for, variant) AS variant,
         array_agg(effect ORDER BY left_for, variant) AS effect,
         holm(array_agg((effect).p_value ORDER BY left_for, variant)) AS adjusted
    FROM (SELECT left_for, variant, rate_effect_stratified(treated, control) AS effect
            FROM pairs) AS effects
)
SELECT u.left_for, u.variant,
       to_char(100 * difference, '990.0%') AS difference,
       to_char(100 * lower, '990.0') || to_char(100 * upper, ' to 990.0%') AS "95% interval",
       to_char(p_value, '0.0000') AS p, to_char(u.adjusted, '0.0000') AS adjusted
  FROM tests,
       ROWS FROM (unnest(tests.left_for), unnest(tests.variant), unnest(tests.effect),
                  unnest(tests.adjusted))
         AS u (left_for, variant, difference, lower, upper, p_value, incremental,
               incremental_lower, incremental_upper, adjusted)
 ORDER BY u.left_for, u.variant;

\echo '6. The same by channel of the first order, for the voucher:'
WITH tallies AS (
  SELECT country, channel, variant, reactivation_tally(before, after) AS came_back
    FROM results JOIN customers ON customer_id = customer
   WHERE campaign = 'spring'
   GROUP BY country, channel, variant
)
SELECT channel, to_char(100 * difference, '990.0%') AS difference,
       to_char(100 * lower, '990.0') || to_char(100 * upper, ' to 990.0%') AS "95% interval",
       to_char(p_value, '0.0000') AS p
  FROM (
         SELECT channel, array_agg(treated.came_back ORDER BY country) AS treated,
                array_agg(control.came_back ORDER BY country) AS control
           FROM tallies AS treated JOIN tallies AS control USING (country, channel)
          WHERE treated.variant = 'voucher' AND control.variant = 'control'
          GROUP BY channel
       ) AS pairs,
       rate_effect_stratified(treated, control)
 ORDER BY channel;

\echo '7. Why count who was assigned, and not who opened the letter? The autumn reminder changed'
\echo 'nothing, but those who opened it came back far more often than the control group:'
SELECT compared, came_back, control, to_char(100 * difference, '990.0%') AS difference,
       to_char(p_value, '0.0000') AS p
  FROM (
         SELECT reactivation_tally(before, after) FILTER (WHERE variant = 'control') AS control,
                reactivation_tally(before, after) FILTER (WHERE variant = 'reminder') AS assigned,
                reactivation_tally(before, after) FILTER (WHERE opened) AS opened
           FROM results
          WHERE campaign = 'autumn'
       ) AS tallies,
       LATERAL (VALUES (1, 'assigned', assigned), (2, 'opened (wrong)', opened))
         AS choice (n, compared, came_back),
       rate_effect(came_back, control)
 ORDER BY n;

\echo '8. How many customers would show that a letter brings 1 percentage point more?'
SELECT sample_size(0.06, 0.07) AS "in each group", sample_size(0.06, 0.14) AS "for 8 points";

\echo '9. Who left for the price, got a voucher and came back? (Of a single customer nobody can say'
\echo 'that the voucher did it.)'
SELECT customer, country, before, after, spent
  FROM results JOIN customers ON customer_id = customer
 WHERE campaign = 'spring' AND variant = 'voucher' AND left_for = 'price'
   AND after IN ('reactivated', 'won_back')
 ORDER BY spent DESC, customer
 LIMIT 5;
