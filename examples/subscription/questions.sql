-- questions.sql
--   Questions of the software firm about accounts that come back. Run data.sql and
--   events.sql first; events.sql explains what counts as which event, why an
--   account is inactive after 13 months, and why churned_after is NULL.

\set QUIET on
\set ON_ERROR_STOP on
\pset footer off
\pset null '-'
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET search_path = subscription_example, public;

\echo
\echo '1. How do subscriptions end? (Up to today, 2025-01-01. Not every end is a cancellation: the'
\echo 'first two are not.)'
SELECT coalesce(cancel_reason, 'term was over') AS "end", count(*) AS subscriptions
  FROM subscriptions
 WHERE ended_at < '2025-01-01'
 GROUP BY cancel_reason
 ORDER BY cancel_reason IS NOT NULL, cancel_reason <> 'changed plan', cancel_reason;

\echo '2. What if every end counted as a cancellation? Then accounts that only changed the plan or'
\echo 'finished a project "churn", and their next payment "wins them back":'
SELECT 'cancellations' AS "what counts", churned_start, retained, reactivated, won_back,
       win_back, to_char(100 * winback_rate, '990.0%') AS rate
  FROM (
         SELECT (lifecycle_counts(customer, at, event, '[2024-01-01,2025-01-01)',
                                  '13 months', NULL)).*
           FROM events
       ) AS cancellations
 UNION ALL
SELECT 'every end', churned_start, retained, reactivated, won_back,
       win_back, to_char(100 * winback_rate, '990.0%')
  FROM (
         SELECT (lifecycle_counts(customer, at, event, '[2024-01-01,2025-01-01)',
                                  '13 months', NULL)).*
           FROM (
                  SELECT customer, at, event FROM events WHERE event <> 'cancellation'
                   UNION ALL
                  SELECT account_id, ended_at, 'cancellation' FROM subscriptions
                ) AS with_every_end
       ) AS every_end
 ORDER BY 1;

\echo '3. Month by month in 2024: how many of the accounts that had cancelled came back, and how'
\echo 'many of those that had only tried subscribed?'
SELECT to_char(starts_on, 'YYYY-MM') AS month, step,
       win_back, to_char(100 * winback_rate, '990.0%') AS rate,
       rate_tally(converted, prospects_start) AS conversion,
       to_char(100 * rate(rate_tally(converted, prospects_start)), '990.0%') AS rate,
       new_customers - converted AS "straight from the trial"
  FROM unnest((
         SELECT lifecycle_series(customer, at, event, '[2024-01-01,2025-01-01)', '1 month',
                                 '13 months', NULL)
           FROM events
       ))
 ORDER BY starts_on;

\echo '4. Of the accounts that had cancelled when 2024 began, how many came back, by why they left?'
WITH reason AS (
  SELECT DISTINCT ON (account_id) account_id AS customer, cancel_reason
    FROM subscriptions
   WHERE cancel_reason <> 'changed plan' AND ended_at < '2024-01-01'
   ORDER BY account_id, ended_at DESC
)
SELECT coalesce(cancel_reason, 'all') AS reason, sum(win_back) AS win_back,
       to_char(100 * rate(sum(win_back)), '990.0%') AS rate
  FROM (
         SELECT cancel_reason,
                winback_tally(customer, at, event, '[2024-01-01,2025-01-01)', NULL) AS win_back
           FROM events JOIN reason USING (customer)
          GROUP BY cancel_reason
       ) AS reasons
 GROUP BY ROLLUP (cancel_reason)
 ORDER BY grouping(cancel_reason), 1;

\echo '5. Did the offers of June 2024 work? Three months later, against those who got no offer:'
SELECT offer, win_back, to_char(100 * rate(win_back), '990.0%') AS rate,
       to_char(100 * lower, '990.0') || to_char(100 * upper, ' - 990.0%') AS "95% sure"
  FROM (
         SELECT offer,
                winback_tally(customer, at, event, '[2024-06-01,2024-09-01)', NULL) AS win_back
           FROM events JOIN offers ON account_id = customer
          GROUP BY offer
       ) AS campaign,
       rate_interval(win_back)
 ORDER BY rate(win_back);

\echo '6. For which accounts did they work? By offer and reason:'
WITH customer AS (
  SELECT customer,
         lifecycle_at(at, event, '2024-06-01', '13 months', NULL) AS before,
         lifecycle_during(at, event, '[2024-06-01,2024-09-01)', '13 months', NULL) AS after
    FROM events
   WHERE customer IS NOT NULL
   GROUP BY customer
),
reason AS (
  SELECT DISTINCT ON (account_id) account_id, cancel_reason
    FROM subscriptions
   WHERE cancel_reason <> 'changed plan' AND ended_at < '2024-06-01'
   ORDER BY account_id, ended_at DESC
)
SELECT cancel_reason AS reason,
       winback_tally(before, after) FILTER (WHERE offer = 'nothing') AS nothing,
       winback_tally(before, after) FILTER (WHERE offer = 'a month free') AS "a month free",
       winback_tally(before, after) FILTER (WHERE offer = 'half price for a year')
         AS "half price for a year"
  FROM customer JOIN offers ON account_id = customer JOIN reason USING (account_id)
 GROUP BY cancel_reason
 ORDER BY cancel_reason;

\echo '7. Of the accounts that were not paying when 2024 began (prospects, inactive and churned),'
\echo 'how many subscribed in 2024, by how they found us?'
WITH customer AS (
  SELECT customer,
         lifecycle_at(at, event, '2024-01-01', '13 months', NULL) AS before,
         lifecycle_during(at, event, '[2024-01-01,2025-01-01)', '13 months', NULL) AS after
    FROM events
   WHERE customer IS NOT NULL
   GROUP BY customer
)
SELECT source,
       reactivation_tally(before, after) FILTER (WHERE before = 'prospect') AS prospects,
       reactivation_tally(before, after) FILTER (WHERE before = 'inactive') AS inactive,
       reactivation_tally(before, after) FILTER (WHERE before = 'churned') AS churned,
       reactivation_tally(before, after) AS reactivation,
       to_char(100 * reactivation_rate(before, after), '990.0%') AS rate
  FROM customer JOIN accounts ON account_id = customer
 GROUP BY source
 ORDER BY source;

\echo '8. How much did the accounts that were won back in 2024 pay in that year, by quarter?'
WITH customer AS (
  SELECT customer AS account_id,
         lifecycle_during(at, event, '[2024-01-01,2025-01-01)', '13 months', NULL) = 'won_back'
           AS won_back
    FROM events
   WHERE customer IS NOT NULL
   GROUP BY customer
)
SELECT to_char(paid_at, 'YYYY "Q"Q') AS quarter,
       count(DISTINCT account_id) FILTER (WHERE won_back) AS accounts,
       sum(amount) FILTER (WHERE won_back) AS revenue,
       to_char(100 * sum(amount) FILTER (WHERE won_back) / sum(amount), '990.0%') AS "of all"
  FROM payments JOIN subscriptions USING (subscription_id) JOIN customer USING (account_id)
 WHERE paid_at <@ tstzrange '[2024-01-01,2025-01-01)'
 GROUP BY 1
 ORDER BY 1;

\echo '9. Today is 2025-01-01. Which accounts should we write to: churned over price or a missing'
\echo 'feature, and not in the last campaign, those that paid us most first?'
SELECT account_id, company, ended_at::date AS left_on, cancel_reason, paid
  FROM (
         SELECT customer AS account_id
           FROM events
          WHERE customer IS NOT NULL
          GROUP BY customer
         HAVING lifecycle_at(at, event, '2025-01-01', '13 months', NULL) = 'churned'
       ) AS churned
       JOIN accounts USING (account_id),
       LATERAL (
         SELECT ended_at, cancel_reason
           FROM subscriptions
          WHERE subscriptions.account_id = churned.account_id AND ended_at < '2025-01-01'
          ORDER BY ended_at DESC
          LIMIT 1
       ) AS last_subscription,
       LATERAL (
         SELECT sum(amount) AS paid
           FROM subscriptions JOIN payments USING (subscription_id)
          WHERE subscriptions.account_id = churned.account_id
       ) AS all_payments
 WHERE cancel_reason IN ('too expensive', 'feature missing')
   AND account_id NOT IN (SELECT account_id FROM offers)
 ORDER BY paid DESC, account_id
 LIMIT 8;

\echo '10. The project of account 514 was over in January 2023. Why does it count for the'
\echo 'reactivation rate of 2024, but not for the win-back rate?'
\x on
SELECT (explain_lifecycle(at, event, '[2024-01-01,2025-01-01)', '13 months', NULL)).*
  FROM events
 WHERE customer = 514;
\x off
