-- events.sql
--   The view events: it turns the agency's rows into events.
--
--   The firm runs search, social media and brand campaigns for companies, by
--   contracts of a year. Most companies that it has met never became its clients:
--
--   * A pitch is interest, won or lost: a company that asked us and never signed
--     is a prospect. A pitch to a former client changes nothing: the company stays
--     a former client until it signs.
--   * A contract is a purchase on the day it is signed, because on that day the
--     company came (back) to us.
--   * While a contract runs it is a purchase every month, and one on its last day.
--     So no client is inactive while we run its campaigns, and its silence begins
--     when the work ends. The last day is the end of the term, or an earlier one by
--     notice, or today: least() ignores a NULL.
--   * A contract that runs out is not a cancellation. The client has not said that
--     it leaves; if it does leave, its silence will show it.
--   * Notice before the end of the term is a cancellation on the last day, but only
--     if the client has no other contract then: a client that stops social media
--     and keeps search has not left us. Question 5 shows what happens otherwise.
--
--   The thresholds:
--   * inactive after 3 months without a contract: talks about a renewal last up to
--     3 months;
--   * churned after 12 months: by then, another agency has the budget.

\set QUIET on
\set ON_ERROR_STOP on
SET search_path = agency_example, public;

CREATE VIEW events AS
WITH contract AS (
  SELECT client_id, signed_on, starts_on, terminated_on,
         least(ends_on, terminated_on, current_date) AS last_day
    FROM contracts
)
SELECT company_id AS customer, pitched_on AS at, lifecycle_event 'interest' AS event
  FROM pitches
 UNION ALL
SELECT client_id, signed_on, 'purchase'
  FROM contract
 UNION ALL
SELECT client_id, month::date, 'purchase'
  FROM contract, generate_series(starts_on::timestamp, last_day, '1 month') AS month
 UNION ALL
SELECT client_id, last_day, 'purchase'
  FROM contract
 WHERE starts_on <= last_day
 UNION ALL
SELECT client_id, terminated_on, 'cancellation'
  FROM contract
 WHERE NOT EXISTS (
         SELECT FROM contract AS other
          WHERE other.client_id = contract.client_id
            AND other.signed_on <= contract.terminated_on
            AND other.last_day > contract.terminated_on
       );

COMMENT ON VIEW events
  IS 'Pitches, contracts (month by month while they run) and departures, as events for winback';
