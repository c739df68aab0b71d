-- events.sql
--   What counts as what in the software firm.
--
--   The firm: bookkeeping on the web, by subscription. Here customers say when
--   they leave, and there are people who tried and never paid:
--
--   * A trial is interest. Who signs up and never pays is a prospect.
--   * Every payment is a purchase, renewals too: it is the proof that the
--     subscription was alive.
--   * A subscription that was cancelled is a cancellation at ended_at: not when
--     they clicked on "cancel", for they have paid until then. One that lies
--     ahead does no harm: a standing looks only at what came before it.
--   * "payment failed" is a cancellation as well, though nobody decided it: the
--     firm closes the account after three attempts.
--   * An end is not a cancellation by itself. A project licence ends because its
--     term is over (cancel_reason NULL); a change of plan ends one row where the
--     next begins. The latter would be fatal: a cancellation at the same instant
--     as a payment counts as after it, so whoever moved to the annual plan would
--     count as churned for a whole year of being a customer. Question 2 shows it.
--
--   The thresholds:
--   * churned after NULL: customers leave by cancelling, and in no other way;
--   * inactive after 13 months: the longest term is paid for 12 months, plus one
--     for late payers. So a subscription that runs never counts as inactive. Who
--     does are those whose project ended by itself and who took nothing since.

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
 WHERE cancel_reason <> 'changed plan';   -- and so is not NULL

COMMENT ON VIEW events IS 'Trials, payments and cancellations as winback sees them';
