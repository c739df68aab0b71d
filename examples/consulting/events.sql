-- events.sql
--   The view events: it turns the consultancy's rows into events.
--
--   The firm advises on strategy, operations and IT. It has few clients, an
--   engagement lasts for months, and years may lie between two:
--
--   * An engagement is not a moment. One that runs from March 2023 to May 2024
--     has a single row. If only its first day were a purchase, its client would
--     count as inactive from March 2024 on, in the middle of the work, and as
--     "reactivated" by the next engagement, a month after the last. So the view
--     turns it into a purchase on its first day, one each month while it runs, and
--     one on its last day, when the silence begins. Question 1 shows the difference.
--   * An engagement without an end, or with one in the future, runs until today:
--     least() ignores a NULL. One that has not begun is not a purchase yet.
--   * Monthly purchases are frequent enough for thresholds in years. The steps only
--     have to be shorter than inactive_after.
--   * The end of an engagement is not a cancellation, because every engagement
--     ends. Only a letter by which the client ends the relationship is one.
--
--   The thresholds:
--   * inactive after 1 year: budgets are made once a year, and one went by
--     without us;
--   * churned after 2 years: two budgets went by, and the people who hired us have
--     moved on. A client that comes back after that was won anew.

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

COMMENT ON VIEW events
  IS 'Engagements (month by month while they run) and departures, as events for winback';
