-- questions.sql
--   Questions of the agency about companies that come back. Run data.sql and
--   events.sql first; events.sql explains what counts as which event, and why the
--   thresholds are 3 and 12 months.

\set QUIET on
\set ON_ERROR_STOP on
\pset footer off
\pset null '-'
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET search_path = agency_example, public;

\echo
\echo '1. Quarter by quarter: how many of the companies that were not clients, prospects'
\echo 'included, signed, and how many of our former clients?'
SELECT to_char(starts_on, 'YYYY "Q"Q') AS quarter, step,
       prospects_start AS prospects, active_start AS active, inactive_start AS inactive,
       churned_start AS churned,
       reactivation, to_char(100 * reactivation_rate, '990.0%') AS rate,
       win_back, to_char(100 * winback_rate, '990.0%') AS rate
  FROM unnest((
         SELECT lifecycle_series(customer, at, event, '[2023-01-01,2025-01-01)', '3 months',
                                 '3 months', '12 months')
           FROM events
       ))
 ORDER BY starts_on;

\echo '2. Which companies were the easiest to sign in 2024: prospects, clients whose contract had'
\echo 'just run out, or former clients? (The rows add up to the reactivation rate.)'
WITH company AS (
  SELECT customer,
         lifecycle_at(at, event, '2024-01-01', '3 months', '12 months') AS before,
         lifecycle_during(at, event, '[2024-01-01,2025-01-01)', '3 months', '12 months') AS after
    FROM events
   WHERE customer IS NOT NULL
   GROUP BY customer
)
SELECT coalesce(before::text, 'all') AS "when 2024 began",
       reactivation_tally(before, after) AS signed,
       to_char(100 * reactivation_rate(before, after), '990.0%') AS rate
  FROM company
 WHERE before IN ('prospect', 'inactive', 'churned')
 GROUP BY ROLLUP (before)
 ORDER BY company.before;

\echo '3. Of those who were former clients when 2024 began, who came back, by why they had left?'
WITH reason AS (
  SELECT DISTINCT ON (client_id) client_id AS customer,
         coalesce(termination_reason, 'contract ran out') AS reason
    FROM contracts
   WHERE starts_on < '2024-01-01'
   ORDER BY client_id, least(ends_on, terminated_on) DESC
)
SELECT reason, win_back, to_char(100 * rate(win_back), '990.0%') AS rate,
       to_char(100 * lower, '990.0') || to_char(100 * upper, ' - 990.0%') AS "95% sure"
  FROM (
         SELECT reason,
                winback_tally(customer, at, event, '[2024-01-01,2025-01-01)', '12 months')
                  AS win_back
           FROM events JOIN reason USING (customer)
          GROUP BY reason
       ) AS reasons,
       rate_interval(win_back)
 ORDER BY rate(win_back) DESC, reason;

\echo '4. After which lost pitches do companies still sign? The prospects when 2024 began, by why'
\echo 'we lost the last pitch, and how many of them signed in 2024:'
WITH prospect AS (
  SELECT customer,
         lifecycle_at(at, event, '2024-01-01', '3 months', '12 months') AS before,
         lifecycle_during(at, event, '[2024-01-01,2025-01-01)', '3 months', '12 months') AS after
    FROM events
   WHERE customer IS NOT NULL
   GROUP BY customer
),
last_pitch AS (
  SELECT DISTINCT ON (company_id) company_id AS customer, won, lost_because
    FROM pitches
   WHERE pitched_on < '2024-01-01'
   ORDER BY company_id, pitched_on DESC
)
SELECT lost_because, reactivation_tally(before, after) AS signed,
       to_char(100 * reactivation_rate(before, after), '990.0%') AS rate
  FROM prospect JOIN last_pitch USING (customer)
 WHERE before = 'prospect' AND NOT won
 GROUP BY lost_because
 ORDER BY lost_because;

\echo '5. What if every notice counted as a cancellation? Then a client that stops one of two'
\echo 'services has "left" while we work for it, until the next month of the other service "wins it'
\echo 'back". The months of 2024 (each is a period of its own, so they must not be added up):'
WITH any_notice AS (
  SELECT customer, at, event FROM events
   UNION ALL
  SELECT client_id, terminated_on, 'cancellation' FROM contracts
)
SELECT to_char(starts_on, 'YYYY-MM') AS month, left_us.step,
       left_us.win_back AS "no contract left",
       to_char(100 * left_us.winback_rate, '990.0%') AS rate,
       notice.win_back AS "any notice",
       to_char(100 * notice.winback_rate, '990.0%') AS rate
  FROM unnest((
         SELECT lifecycle_series(customer, at, event, '[2024-01-01,2025-01-01)', '1 month',
                                 '3 months', '12 months')
           FROM events
       )) AS left_us
       JOIN unnest((
         SELECT lifecycle_series(customer, at, event, '[2024-01-01,2025-01-01)', '1 month',
                                 '3 months', '12 months')
           FROM any_notice
       )) AS notice USING (starts_on)
 ORDER BY starts_on;

\echo '6. How much do the clients pay who signed in 2024? (Monthly fees of the contracts signed in'
\echo 'that year.)'
WITH company AS (
  SELECT customer AS client_id,
         lifecycle_during(at, event, '[2024-01-01,2025-01-01)', '3 months', '12 months') AS status
    FROM events
   WHERE customer IS NOT NULL
   GROUP BY customer
)
SELECT status, count(DISTINCT client_id) AS clients, sum(monthly_fee) AS monthly_fees,
       to_char(100 * sum(monthly_fee) / sum(sum(monthly_fee)) OVER (), '990.0%') AS share
  FROM contracts JOIN company USING (client_id)
 WHERE signed_on <@ daterange '[2024-01-01,2025-01-01)'
 GROUP BY status
 ORDER BY status;

\echo '7. Today is 2025-01-01. Which former clients should we offer a pitch: those that did not'
\echo 'leave over our results and had no pitch since, with the highest last fees first?'
WITH company AS (
  SELECT customer AS client_id,
         lifecycle_at(at, event, '2025-01-01', '3 months', '12 months') AS standing,
         max(at) FILTER (WHERE event = 'interest') AS last_pitch
    FROM events
   WHERE at < '2025-01-01' AND customer IS NOT NULL
   GROUP BY customer
)
SELECT name, industry, standing, last_day, reason, monthly_fee
  FROM company JOIN companies ON company_id = client_id,
       LATERAL (
         SELECT least(ends_on, terminated_on) AS last_day,
                coalesce(termination_reason, 'contract ran out') AS reason, monthly_fee
           FROM contracts
          WHERE contracts.client_id = company.client_id
          ORDER BY 1 DESC, 3 DESC
          LIMIT 1
       ) AS last_contract
 WHERE standing IN ('inactive', 'churned') AND reason <> 'results' AND last_pitch < last_day
 ORDER BY monthly_fee DESC, company_id
 LIMIT 8;

\echo '8. Company 779 stopped social media in December 2023. Why is it not a former client?'
\x on
SELECT (explain_lifecycle(at, event, '[2024-01-01,2025-01-01)', '3 months', '12 months')).*
  FROM events
 WHERE customer = 779;
\x off
