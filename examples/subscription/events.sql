-- events.sql
--   The view events: it turns the software firm's rows into events.
--
--   The firm rents out bookkeeping on the web, by subscription. Here customers say
--   when they leave, and there are people who tried and never paid:
--
--   * A trial is interest. An account that signs up and never pays is a prospect.
--   * Every payment is a purchase, renewals too: it proves that the subscription
--     was alive.
--   * A cancelled subscription is a cancellation at ended_at, not when the customer
--     clicked on "cancel", because he has paid until then. An end that lies ahead
--     does no harm: a standing depends only on the events before it.
--   * "payment failed" is a cancellation as well, though the customer did not decide
--     it: the firm closes the account after three attempts.
--   * An end is not a cancellation by itself. A project licence ends because its
--     term is over (cancel_reason NULL); a change of plan ends one row where the
--     next begins. That end would do great harm: a cancellation at the same instant
--     as a payment counts as after it, so a customer who moved to the annual plan
--     would count as churned for a whole year. Question 2 shows it.
--
--   The thresholds:
--   * churned after NULL: customers leave only by cancelling;
--   * inactive after 13 months: the longest term is paid for 12 months, and one
--     month is added for late payers. So a subscription that runs never counts as
--     inactive. Only customers whose project licence ended, and who have bought
--     nothing since, are inactive.

\set QUIET on
\set ON_ERROR_STOP on
SET search_path = subscription_example, public;

CREATE VIEW events AS
SELECT account_id AS customer, started_at AS at, lifecycle_event 'interest' AS event
  FROM trials
 UNION ALL
SELECT account_id, paid_at, 'purchase'
  FROM payments JOIN subscriptions USING (subscription_id)
 UNION ALL
SELECT account_id, ended_at, 'cancellation'
  FROM subscriptions
 WHERE cancel_reason <> 'changed plan';   -- true only where cancel_reason is not NULL

COMMENT ON VIEW events IS 'Trials, payments and cancellations as events for winback';
