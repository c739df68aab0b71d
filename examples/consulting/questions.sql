-- questions.sql
--   Questions of the consultancy about clients who come back. Run data.sql and
--   events.sql first; events.sql explains what counts as which event, and why the
--   thresholds are 1 year and 2 years.
--
--   With so few clients, a rate is shown with the number of clients and with its
--   95 % confidence interval.

\set QUIET on
\set ON_ERROR_STOP on
\pset footer off
\pset null '-'
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET search_path = consulting_example, public;

\echo
\echo '1. Clients for whom we were at work on 2024-01-01: which standing do they have if only the'
\echo 'first day of an engagement counts, and if all of it does?'
WITH at_work AS (
  SELECT DISTINCT client_id AS customer
    FROM engagements
   WHERE started_on < '2024-01-01' AND (ended_on >= '2024-01-01' OR ended_on IS NULL)
),
first_days AS (
  SELECT client_id AS customer,
         lifecycle_at(started_on, '2024-01-01', '1 year', '2 years') AS standing
    FROM engagements
   WHERE client_id IS NOT NULL
   GROUP BY client_id
),
all_of_it AS (
  SELECT customer, lifecycle_at(at, event, '2024-01-01', '1 year', '2 years') AS standing
    FROM events
   WHERE customer IS NOT NULL
   GROUP BY customer
)
SELECT first_days.standing AS "only first days", all_of_it.standing AS "all of it",
       count(*) AS clients
  FROM at_work JOIN first_days USING (customer) JOIN all_of_it USING (customer)
 GROUP BY 1, 2
 ORDER BY 1, 2;

\echo '2. How well did we get clients back, year by year?'
SELECT extract(year FROM starts_on) AS year, step,
       active_start AS active, inactive_start AS inactive, churned_start AS churned,
       reactivation, to_char(100 * reactivation_rate, '990.0%') AS rate,
       win_back, to_char(100 * winback_rate, '990.0%') AS rate,
       to_char(100 * lower, '990.0') || to_char(100 * upper, ' - 990.0%') AS "95% sure"
  FROM unnest((
         SELECT lifecycle_series(customer, at, event, '[2021-01-01,2025-01-01)', '1 year',
                                 '1 year', '2 years')
           FROM events
       )),
       rate_interval(win_back)
 ORDER BY starts_on;

\echo '3. In which sector do former clients come back? (Of those who were former clients when'
\echo '2022 began, those who came back within three years. This is one period. The tallies of three'
\echo 'years must not be added up, because a client who stays away counts in each of them.)'
SELECT coalesce(sector, 'all') AS sector, sum(win_back) AS win_back,
       to_char(100 * rate(sum(win_back)), '990.0%') AS rate
  FROM (
         SELECT sector,
                winback_tally(customer, at, event, '[2022-01-01,2025-01-01)', '2 years') AS win_back
           FROM events JOIN clients ON client_id = customer
          GROUP BY sector
       ) AS sectors
 GROUP BY ROLLUP (sector)
 ORDER BY grouping(sector), 1;

\echo '4. Does it matter how they left? Those who were former clients when 2024 began, by the'
\echo 'reason in their letter, if they wrote one. (A letter makes a former client at once, silence'
\echo 'only after two years. So the clients in the first row have been away the longest.)'
WITH client AS (
  SELECT customer,
         lifecycle_at(at, event, '2024-01-01', '1 year', '2 years') AS before,
         lifecycle_during(at, event, '[2024-01-01,2025-01-01)', '1 year', '2 years') AS after,
         max(at) FILTER (WHERE event = 'purchase' AND at < '2024-01-01') AS last_day
    FROM events
   WHERE customer IS NOT NULL
   GROUP BY customer
)
SELECT coalesce(reason, 'fell silent') AS "how they left", winback_tally(before, after) AS win_back,
       to_char(100 * winback_rate(before, after), '990.0%') AS rate
  FROM client LEFT JOIN departures
       ON client_id = customer AND left_on >= last_day AND left_on < '2024-01-01'
 WHERE before = 'churned'
 GROUP BY reason
 ORDER BY reason NULLS FIRST;

\echo '5. Who came back in 2024, after how long, and for which work? (The largest fees first. A'
\echo 'client is reactivated if inactive when the year began, and won back if churned.)'
WITH client AS (
  SELECT customer AS client_id,
         lifecycle_during(at, event, '[2024-01-01,2025-01-01)', '1 year', '2 years') AS status,
         max(at) FILTER (WHERE event = 'purchase' AND at < '2024-01-01') AS last_day
    FROM events
   WHERE customer IS NOT NULL
   GROUP BY customer
)
SELECT name, partner, status, coalesce(reason, 'fell silent') AS "how they left",
       last_day, started_on AS back_on,
       round((started_on - last_day) / 365.25, 1) AS "years away", practice, fee
  FROM client JOIN clients USING (client_id)
       LEFT JOIN departures
       ON departures.client_id = client.client_id
          AND left_on >= last_day AND left_on < '2024-01-01',
       LATERAL (
         SELECT started_on, practice, fee
           FROM engagements
          WHERE engagements.client_id = client.client_id AND started_on >= '2024-01-01'
          ORDER BY started_on
          LIMIT 1
       ) AS first_job
 WHERE status IN ('reactivated', 'won_back')
 ORDER BY fee DESC, client.client_id
 LIMIT 8;

\echo '6. How much of the new work of 2024 came from which clients? (Fees of the engagements begun'
\echo 'in that year.)'
WITH client AS (
  SELECT customer AS client_id,
         lifecycle_during(at, event, '[2024-01-01,2025-01-01)', '1 year', '2 years') AS status
    FROM events
   WHERE customer IS NOT NULL
   GROUP BY customer
)
SELECT status, count(DISTINCT client_id) AS clients, sum(fee) AS fees,
       to_char(100 * sum(fee) / sum(sum(fee)) OVER (), '990.0%') AS share
  FROM engagements JOIN client USING (client_id)
 WHERE started_on <@ daterange '[2024-01-01,2025-01-01)'
 GROUP BY status
 ORDER BY status;

\echo '7. Today is 2025-01-01. Whom should each partner call? The three inactive clients with the'
\echo 'highest fees, before they are former clients:'
SELECT partner, name, sector, last_day, fees
  FROM (
         SELECT partner, name, sector, last_day, fees,
                row_number() OVER (PARTITION BY partner ORDER BY fees DESC, client_id) AS place
           FROM (
                  SELECT customer AS client_id, max(at) AS last_day
                    FROM events
                   WHERE customer IS NOT NULL
                   GROUP BY customer
                  HAVING lifecycle_at(at, event, '2025-01-01', '1 year', '2 years') = 'inactive'
                ) AS inactive
                JOIN clients USING (client_id)
                JOIN (
                  SELECT client_id, sum(fee) AS fees FROM engagements GROUP BY client_id
                ) AS paid USING (client_id)
       ) AS ranked
 WHERE place <= 3
 ORDER BY partner, place;

\echo '8. Client 265 hired us last in July 2022. Why is it active when 2024 begins?'
\x on
SELECT (explain_lifecycle(at, event, '[2024-01-01,2025-01-01)', '1 year', '2 years')).*
  FROM events
 WHERE customer = 265;
\x off
