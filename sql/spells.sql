--
-- spells.sql
--
-- Proves that active_spells, returns and own_threshold follow the definitions: an instant is in a
-- spell exactly if lifecycle_at shows active then, spells equal range_agg where adding and
-- subtracting agree, a return is a purchase at which lifecycle_at shows inactive or churned, and
-- gaps are those between purchase days.
--
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SET client_min_messages = warning;
CREATE SCHEMA spells;
SET search_path = spells, public;
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/include/helpers.sql'
\i :helpers
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused

CREATE TABLE events (customer text, day date, event lifecycle_event);
INSERT INTO events VALUES
  ('ann', '2024-01-01', 'purchase'), ('ann', '2024-01-08', 'purchase'),
  ('ann', '2024-03-01', 'purchase'), ('ann', '2024-03-01', 'purchase'),
  ('ben', '2024-01-01', 'interest'), ('ben', '2024-01-05', 'purchase'),
  ('ben', '2024-01-09', 'cancellation'), ('ben', '2024-01-20', 'purchase'),
  ('cleo', '2024-01-01', 'interest'),
  ('dan', '2024-01-05', 'cancellation'), ('dan', '2024-01-05', 'purchase'),
  ('dan', '2024-01-12', 'purchase'), ('dan', '2024-01-15', 'adjustment'),
  ('eve', '-infinity', 'purchase'), ('eve', '2024-05-01', 'purchase'), ('eve', NULL, 'purchase'),
  ('eve', '2024-05-03', NULL), ('eve', 'infinity', 'purchase');

-- a spell lasts from a purchase to the last day on which the customer is active; a cancellation
-- ends it; a purchase on the day of a cancellation begins none
SELECT customer, active_spells(day, event, '10 days', '20 days') AS spells,
       (returns(day, event, '10 days', '20 days')).*
FROM events GROUP BY customer ORDER BY customer;

-- all three types of time, and no events: all rows are purchases
SELECT active_spells(day, '10 days', NULL) AS days,
       active_spells(day::timestamp, '10 days', NULL) AS timestamps,
       active_spells(day::timestamptz, '10 days', NULL) AS timestamptzs
FROM events WHERE customer = 'ann';
SELECT active_spells(day, '10 days', NULL) AS no_row, returns(day, '10 days', NULL) IS NULL AS none
FROM events WHERE false;

-- a month is subtracted, not added: on 1 March it leads back to 1 February, after 31 January
SELECT bought, active_spells(bought, '1 month', NULL) AS spells,
       tstzmultirange(tstzrange(bought, bought + interval '1 month', '[]')) AS added
FROM unnest('{2024-01-30, 2024-01-31 12:00, 2023-02-28 06:00, 2024-04-30,
              2024-05-10}'::timestamptz[]) AS bought
GROUP BY bought ORDER BY bought;

-- where the clock changes: a day after 02:30, which 31 March 2024 has not in Berlin
SET TimeZone = 'Europe/Berlin';
SELECT bought, active_spells(bought, '1 day', NULL) AS spells
FROM unnest('{2024-03-30 02:30, 2024-03-30 12:00, 2024-10-26 02:30,
              2024-10-26 12:00}'::timestamptz[]) AS bought
GROUP BY bought ORDER BY bought;

--
-- Generated customers
--
CREATE TABLE generated AS
SELECT n, n / 8 AS customer,
       timestamptz '2023-01-20' + pick(n, 1, 150) * interval '1 day'
         + pick(n, 2, '{0 h, 0 h, 1 us, 02:30, 12 h, 23:59:59.999999}'::interval[]) AS at,
       pick(n, 3, '{purchase, purchase, purchase, purchase, cancellation, interest}'::text[])
         ::lifecycle_event AS event
FROM generate_series(8, 8000) AS n;

-- without cancellations and with days, over dates and timestamps, spells are those of range_agg
SELECT count(*) AS customers,
       count(*) FILTER (WHERE timestamps IS DISTINCT FROM added) AS timestamps_differ,
       count(*) FILTER (WHERE days IS DISTINCT FROM added_days) AS days_differ
FROM (SELECT active_spells(at::timestamp, length, NULL) AS timestamps,
             range_agg(tsrange(at::timestamp, at::timestamp + length, '[]')) AS added,
             active_spells(at::date, length, NULL) AS days,
             range_agg(daterange(at::date, (at::date + length)::date, '[]')) AS added_days
      FROM (SELECT customer, at, pick(customer, 4, '{7 days, 10 days, 30 days}'::interval[])
              FROM generated) AS g (customer, at, length)
      GROUP BY customer, length) AS s;

-- an instant is in a spell exactly if lifecycle_at shows active then, except the purchases
-- themselves, at which a spell has begun
CREATE TABLE lives AS
SELECT customer, inactive_after, churned_after,
       active_spells(at, event, inactive_after, churned_after) AS spells,
       active_spells(at::date, event, inactive_after, churned_after) AS day_spells,
       (returns(at, event, inactive_after, churned_after)).*
FROM generated,
     LATERAL (SELECT pick(customer, 5, '{1 month, 10 days, 31 days, 1 month 1 day}'::interval[]))
       AS i (inactive_after),
     LATERAL (SELECT pick(customer, 6, ARRAY[NULL, interval '2 months'])) AS c (churned_after)
GROUP BY customer, inactive_after, churned_after;
CREATE TABLE probes AS
SELECT DISTINCT customer, t
FROM generated,
     LATERAL (SELECT at + pick(n, 7, '{1 month, 10 days, 31 days, 1 month 1 day,
                                       3 days}'::interval[])
                       + pick(n, 8, 5) * interval '1 day'
                       + pick(n, 9, '{0 h, 0 h, -1 us, 1 us, 5 h}'::interval[])
              UNION ALL SELECT at + interval '1 us') AS p (t)
WHERE NOT EXISTS (SELECT FROM generated AS g
                   WHERE g.customer = generated.customer AND g.at = t AND event = 'purchase');
SELECT count(*) AS probes, count(*) FILTER (WHERE standing = 'active') AS active,
       count(*) FILTER (WHERE (standing IS NOT DISTINCT FROM 'active') <> (t <@ spells)) AS differ
FROM (SELECT customer, t, spells,
             lifecycle_at(at, event, t, inactive_after, churned_after) AS standing
        FROM probes JOIN lives USING (customer) JOIN generated USING (customer)
       GROUP BY customer, t, spells, inactive_after, churned_after) AS s;
SELECT count(*) AS probes, count(*) FILTER (WHERE standing = 'active') AS active,
       count(*) FILTER (WHERE (standing IS NOT DISTINCT FROM 'active') <> (day <@ spells)) AS differ
FROM (SELECT customer, day, day_spells AS spells,
             lifecycle_at(at::date, event, day, inactive_after, churned_after) AS standing
        FROM (SELECT DISTINCT customer, t::date AS day FROM probes) AS p
        JOIN lives USING (customer) JOIN generated USING (customer)
       WHERE NOT EXISTS (SELECT FROM generated AS g
                          WHERE g.customer = p.customer AND g.at::date = day
                            AND g.event = 'purchase')
       GROUP BY customer, day, day_spells, inactive_after, churned_after) AS s;

-- a return is a purchase at which lifecycle_at shows inactive or churned
SELECT count(*) AS customers, sum(returns) AS returns,
       count(*) FILTER (WHERE (returns, first_return, last_return)
                              IS DISTINCT FROM (wanted, first_wanted, last_wanted)) AS differ
FROM lives
JOIN (SELECT customer, count(*) FILTER (WHERE came_back) AS wanted,
             min(bought) FILTER (WHERE came_back) AS first_wanted,
             max(bought) FILTER (WHERE came_back) AS last_wanted
        FROM (SELECT customer, bought,
                     coalesce(lifecycle_at(at, event, bought, inactive_after, churned_after)
                                IN ('inactive', 'churned'), false) AS came_back
                FROM (SELECT DISTINCT customer, at AS bought FROM generated
                       WHERE event = 'purchase') AS p
                JOIN lives USING (customer) JOIN generated USING (customer)
               GROUP BY customer, bought, inactive_after, churned_after) AS b
       GROUP BY customer) AS w USING (customer);

-- gaps lie between purchase days
SELECT count(*) AS customers, sum(gaps) AS gaps,
       count(*) FILTER (WHERE gaps <> coalesce(n, 0)
                           OR extract(epoch FROM longest_silence) IS DISTINCT FROM longest * 86400
                           OR abs(extract(epoch FROM mean_gap) - mean * 86400) > 0.000001
                           OR extract(epoch FROM median_gap)::float8
                              IS DISTINCT FROM median * 86400) AS differ
FROM lives
LEFT JOIN (SELECT customer, count(*) AS n, max(gap) AS longest, avg(gap) AS mean,
                  percentile_cont(0.5) WITHIN GROUP (ORDER BY gap) AS median
             FROM (SELECT customer, day - lag(day) OVER (PARTITION BY customer ORDER BY day) AS gap
                     FROM (SELECT DISTINCT customer, at::date AS day FROM generated
                            WHERE event = 'purchase') AS d) AS g
            WHERE gap IS NOT NULL GROUP BY customer) AS w USING (customer);

--
-- own_threshold: the median of the curve is 31 days
--
SELECT gaps, median_gap, own_threshold(r, c, 3) AS k_3, own_threshold(r, c, 3, 0) AS own_gaps_only,
       own_threshold(r, c, 1.5, 10) AS k_1_5, own_threshold(r, '{10:1/9}', 3) AS no_median
FROM (VALUES (ROW(0, NULL, NULL, 0, NULL, NULL, NULL)::customer_returns),
             (ROW(0, NULL, NULL, 1, '10 days', '10 days', '10 days')::customer_returns),
             (ROW(0, NULL, NULL, 9, '20 days', '10 days', '10 days 12:00')::customer_returns),
             (ROW(0, NULL, NULL, 300, '20 days', '10 days', '10 days')::customer_returns),
             (ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL)::customer_returns)) AS v (r),
     CAST ('{9:1/0,13:1/1,18:1/0,23:1/0,28:0/1,31:1/0,34:1/0,45:0/1,48:1/0,161:0/1}'
           AS return_curve) AS c,
     LATERAL (SELECT (r).gaps, (r).median_gap) AS m
ORDER BY gaps;

\pset format unaligned
SELECT call, refused('SELECT ' || call || ' FROM events') AS complaint
FROM unnest(ARRAY[
       $$active_spells(day, NULL, '20 days')$$,
       $$active_spells(day, '0 days', '20 days')$$,
       $$active_spells(day, '30 days', '20 days')$$,
       $$active_spells(day, '90', NULL)$$,
       $$active_spells(day, CASE WHEN day > '2024-01-03' THEN '1 day' ELSE '2 days' END::interval,
                       NULL)$$,
       $$returns(day, event, NULL, '20 days')$$,
       $$returns(day, event, '30 days', '20 days')$$,
       $$own_threshold(ROW(0, NULL, NULL, 0, NULL, NULL, NULL), '{1:1/0}', 0)$$,
       $$own_threshold(ROW(0, NULL, NULL, 0, NULL, NULL, NULL), '{1:1/0}', 'NaN')$$,
       $$own_threshold(ROW(0, NULL, NULL, 0, NULL, NULL, NULL), '{1:1/0}', 3, -1)$$])
     WITH ORDINALITY AS u (call, i) ORDER BY i;

DROP SCHEMA spells CASCADE;
