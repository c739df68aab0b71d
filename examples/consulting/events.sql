-- events.sql
--   What counts as what in the consultancy.
--
--   The firm: advises on strategy, operations and IT. There are few clients, an
--   engagement is a matter of months, and years may lie between two:
--
--   * An engagement is not a moment. One that runs from March 2023 to May 2024
--     has a single row, and were only its first day a purchase, its client would
--     count as inactive from March 2024 on, in the middle of the work, and as
--     "reactivated" by the next job a month after the last. So the view turns it
--     into a purchase on its first day, one each month while it runs, and one on
--     its last day, from which the silence is counted. Question 1 shows what this
--     changes.
--   * It runs until today when it has no end, or one that lies ahead: least()
--     passes over the NULL. One that has not begun is not a purchase yet.
--   * Monthly is fine enough for thresholds in years. What matters is that no
--     step is longer than inactive_after.
--   * An engagement that ends is not a cancellation: that is what engagements
--     do. Only a letter by which the client ends the relationship is one.
--
--   The thresholds:
--   * inactive after 1 year: budgets are made once a year, and one went by
--     without us;
--   * churned after 2 years: two budgets, and those who hired us have moved on.
--     Who is asked again after that was won anew.

\set QUIET on
\set ON_ERROR_STOP on
SET search_path = consulting_example, public;

CREATE VIEW events AS
WITH running AS (
  SELECT client_id, started_on, least(ended_on, current_date) AS until
    FROM engagements
   WHERE started_on <= current_date
)
SELECT client_id AS customer, month::date AS at, lifecycle_event 'purchase' AS event
  FROM running, generate_series(started_on::timestamp, until, '1 month') AS month
 UNION ALL
SELECT client_id, until, 'purchase'
  FROM running
 UNION ALL
SELECT client_id, left_on, 'cancellation'
  FROM departures;

COMMENT ON VIEW events IS 'Engagements, month by month while they run, and departures as winback sees them';
