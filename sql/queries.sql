--
-- The rates, called in every place of a query where an aggregate can stand
--
SET TimeZone = 'UTC';

CREATE TABLE orders AS
SELECT n AS customer_id, n % 3 AS region,
       timestamptz '2021-01-01'
         + (abs(hashint8extended(n * 10 + k, 1)) % (1300 * 86400)) * interval '1 second'
         AS ordered_at
FROM generate_series(1, 600) n, generate_series(1, 5) k;
ANALYZE orders;

-- by_region computes the rates by plain SQL; the queries below are compared with it
CREATE VIEW by_region AS
SELECT region, count(*) FILTER (WHERE bought)::float8 / count(*) AS rate
FROM (SELECT customer_id, region,
             max(ordered_at) FILTER (WHERE ordered_at < '2024-01-01') AS last_before,
             bool_or(ordered_at >= '2024-01-01' AND ordered_at < '2024-04-01') AS bought
      FROM orders GROUP BY customer_id, region) c
WHERE last_before < timestamptz '2024-01-01' - interval '90 days'
GROUP BY GROUPING SETS ((region), ());
SELECT region, round(rate::numeric, 4) AS rate FROM by_region ORDER BY region;

-- GROUP BY, by sorting and by hashing
SET enable_hashagg = off;
SELECT count(*) AS equal
FROM by_region
JOIN (SELECT region,
             reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
               AS rate
      FROM orders GROUP BY region) w USING (region, rate);
RESET enable_hashagg; SET enable_sort = off;
SELECT count(*) AS equal
FROM by_region
JOIN (SELECT region,
             reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
               AS rate
      FROM orders GROUP BY region) w USING (region, rate);
RESET enable_sort;

-- grouping sets: one call fills several groups by turns
SELECT count(*) AS equal
FROM by_region p
JOIN (SELECT region,
             reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
               AS rate
      FROM orders GROUP BY ROLLUP (region)) w
  ON p.rate = w.rate AND p.region IS NOT DISTINCT FROM w.region;
SELECT count(*) AS equal
FROM by_region p
JOIN (SELECT region,
             reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
               AS rate
      FROM orders GROUP BY GROUPING SETS (region, ordered_at::date, ())
      HAVING grouping(ordered_at::date) = 1) w
  ON p.rate = w.rate AND p.region IS NOT DISTINCT FROM w.region;

-- FILTER, DISTINCT, ORDER BY inside the call, HAVING
SELECT reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
         FILTER (WHERE region = 1)
         = (SELECT rate FROM by_region WHERE region = 1) AS filter,
       reactivation_rate(DISTINCT customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
         = (SELECT rate FROM by_region WHERE region IS NULL) AS distinct,
       reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days'
                         ORDER BY ordered_at DESC)
         = (SELECT rate FROM by_region WHERE region IS NULL) AS ordered
FROM orders;
SELECT count(*) AS groups
FROM (SELECT region FROM orders GROUP BY region
      HAVING reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
             = (SELECT max(rate) FROM by_region WHERE region IS NOT NULL)) h;

-- both rates, one of them twice, and count(*): PostgreSQL may let calls share a state
SELECT reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
         = winback_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
         AS without_events_the_same,
       reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
         = reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
         AS itself,
       count(*)
FROM orders;

-- a window aggregate over whole partitions
SELECT count(*) AS rows, count(*) FILTER (WHERE w.rate = p.rate) AS equal
FROM (SELECT region,
             reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
               OVER (PARTITION BY region) AS rate
      FROM orders) w
JOIN by_region p USING (region);

-- a window aggregate over a growing frame: its final function runs once for each row
-- and must not change the state
SELECT count(DISTINCT rate) > 20 AS grows,
       (array_agg(rate ORDER BY ordered_at DESC, customer_id DESC))[1]
         = (SELECT rate FROM by_region WHERE region IS NULL) AS ends_at_the_whole
FROM (SELECT customer_id, ordered_at,
             reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
               OVER (ORDER BY ordered_at, customer_id) AS rate
      FROM orders) w;

-- the same with a state of more than 64 kB, where the final function finds purchases still
-- waiting in a batch
WITH grown AS MATERIALIZED (
  SELECT n,
         reactivation_rate(n, CASE WHEN n <= 20000 THEN date '2023-01-01' ELSE '2024-02-01' END,
                           '[2024-01-01,2024-04-01)', '90 days')
           OVER (ORDER BY n ROWS UNBOUNDED PRECEDING) AS rate
  FROM (SELECT n FROM generate_series(1, 20000) n) o
) SELECT count(*) AS rows, count(*) FILTER (WHERE rate = 0) AS zero FROM grown WHERE n > 19000;

-- prepared statements, with a custom and with a generic plan
PREPARE rate(tstzrange, interval) AS
SELECT reactivation_rate(customer_id, ordered_at, $1, $2)
         = (SELECT rate FROM by_region WHERE region IS NULL) AS equal
FROM orders;
SET plan_cache_mode = force_custom_plan;
EXECUTE rate('[2024-01-01,2024-04-01)', '90 days');
SET plan_cache_mode = force_generic_plan;
EXECUTE rate('[2024-01-01,2024-04-01)', '90 days');
EXECUTE rate('[2024-01-01,2024-04-01)', '91 days');
EXECUTE rate(NULL, '91 days');
RESET plan_cache_mode;

-- the period is an expression, a subquery, a column
SELECT reactivation_rate(customer_id, ordered_at,
                         tstzrange('2024-01-01',
                                   ordered_at - ordered_at + timestamptz '2024-04-01'),
                         interval '1 day' * 90)
         = (SELECT rate FROM by_region WHERE region IS NULL) AS expression,
       reactivation_rate(customer_id, ordered_at, (SELECT tstzrange('2024-01-01', '2024-04-01')),
                         (SELECT interval '90 days'))
         = (SELECT rate FROM by_region WHERE region IS NULL) AS subquery
FROM orders;
SELECT month,
       round(reactivation_rate(customer_id, ordered_at,
                               tstzrange(month, month + interval '1 month'),
                               '90 days')::numeric, 4) AS rate
FROM generate_series(timestamptz '2024-01-01', '2024-03-01', '1 month') month, orders
GROUP BY month ORDER BY month;

-- in PL/pgSQL, with variables; in a materialized view; in a lateral subquery
DO $$
DECLARE
  period tstzrange := '[2024-01-01,2024-04-01)';
  silence interval := '90 days';
  rate float8;
BEGIN
  FOR i IN 1..8 LOOP
    SELECT reactivation_rate(customer_id, ordered_at, period, silence) INTO rate FROM orders;
    ASSERT rate = (SELECT b.rate FROM by_region b WHERE region IS NULL);
  END LOOP;
END $$;
CREATE MATERIALIZED VIEW rates AS
SELECT region,
       reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days') AS rate
FROM orders GROUP BY region;
REFRESH MATERIALIZED VIEW rates;
SELECT count(*) AS equal FROM rates JOIN by_region USING (region, rate);
SELECT r.region, w.rate = b.rate AS equal
FROM generate_series(0, 2) r(region)
JOIN by_region b USING (region),
     LATERAL (SELECT reactivation_rate(customer_id, ordered_at,
                                       '[2024-01-01,2024-04-01)', '90 days') AS rate
              FROM orders o WHERE o.region = r.region) w
ORDER BY region;

-- 200,000 groups, sorted, and hashed with little memory so that they spill: every rate is right
CREATE TEMP TABLE many AS
SELECT g, g % 5 AS customer_id,
       CASE k WHEN 0 THEN date '2023-01-01' ELSE date '2024-02-01' END AS ordered_on
FROM generate_series(1, 200000) g, generate_series(0, 1) k
WHERE k = 0 OR g % 2 = 0;
ANALYZE many;
SET work_mem = '4MB';
SET enable_sort = off;
SELECT rate, count(*)
FROM (SELECT g,
             reactivation_rate(customer_id, ordered_on, '[2024-01-01,2024-04-01)', '90 days')
               AS rate
      FROM many GROUP BY g) w
GROUP BY rate ORDER BY rate;
RESET enable_sort; SET enable_hashagg = off;
SELECT rate, count(*)
FROM (SELECT g,
             reactivation_rate(customer_id, ordered_on, '[2024-01-01,2024-04-01)', '90 days')
               AS rate
      FROM many GROUP BY g) w
GROUP BY rate ORDER BY rate;
RESET enable_hashagg; RESET work_mem;

-- the extension can live in any schema and move to another
CREATE SCHEMA analytics;
ALTER EXTENSION winback SET SCHEMA analytics;
SELECT analytics.reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days')
         = (SELECT rate FROM by_region WHERE region IS NULL) AS equal
FROM orders;
ALTER EXTENSION winback SET SCHEMA public;

-- every object of the extension has a comment
SELECT pg_describe_object(classid, objid, objsubid) AS without_comment
FROM pg_depend d
WHERE refclassid = 'pg_extension'::regclass
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'winback') AND deptype = 'e'
  AND obj_description(objid, classid::regclass::name) IS NULL
  AND NOT (classid = 'pg_type'::regclass
           AND EXISTS (SELECT FROM pg_type e WHERE e.typarray = objid))
ORDER BY 1;

DROP MATERIALIZED VIEW rates;
DROP VIEW by_region;
DROP TABLE orders;
DROP SCHEMA analytics;
