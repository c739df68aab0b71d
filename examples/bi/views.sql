-- views.sql
--   Views over the orders of the demo's shop (examples/demo/shop.sql) for tools that draw
--   dashboards. doc/bi.md explains how each tool reads them.
--
--   The idea: three materialized views keep the numbers, and a plain view stands before each,
--   because some tools list only plain views (Malloy and LibreOffice among them). All columns
--   but one of bi.events, which no tool needs, have types of PostgreSQL's own: a status is a
--   text, and a tally is two numbers.
--
--   The queries stand in functions that fix the time zone, so a refresh returns the same numbers
--   in every session. The functions have a body in standard SQL (BEGIN ATOMIC), whose names are
--   looked up here and now, because a refresh has no search_path from PostgreSQL 17 on.
--
--   To use this file for your own table, name it and its columns in bi.events, and change the
--   thresholds in bi.settings, the segments in bi.segments, and the time zone 'UTC' (four times).

CREATE SCHEMA bi;

-- Your table: only this view names it. Here an order with a negative amount is a refund, which
-- changes the revenue and nobody's standing, and one without an amount is no event. If there are no
-- such orders, the constant lifecycle_event 'purchase' AS event is faster. A timestamp without time
-- zone needs AT TIME ZONE.
CREATE VIEW bi.events AS
SELECT customer_id, ordered_at AS at,
       CASE WHEN amount < 0 THEN lifecycle_event 'adjustment'
            WHEN amount > 0 THEN 'purchase' END AS event, amount
FROM orders;

-- the silence after which a customer is inactive, and after which a customer is churned
CREATE VIEW bi.settings AS
SELECT 60 AS inactive_days, 180 AS churned_days;

-- The lifecycle of each step: from the year of the first order to the current one, so that all
-- steps begin where a reader expects, or from from_date to to_date, both included. A period is
-- complete if it is over and the data cover it.
CREATE FUNCTION bi.lifecycle(step interval, from_date date DEFAULT NULL, to_date date DEFAULT NULL,
                             inactive_days int DEFAULT NULL, churned_days int DEFAULT NULL)
RETURNS TABLE (
  starts_on date, history_complete boolean, period_complete boolean,
  new_customers bigint, retained bigint, reactivated bigint, won_back bigint,
  active_end bigint, inactive_end bigint, churned_end bigint,
  reactivation_returned bigint, reactivation_eligible bigint, reactivation_rate float8,
  reactivation_lower float8, reactivation_upper float8,
  winback_returned bigint, winback_eligible bigint, winback_rate float8,
  winback_lower float8, winback_upper float8,
  revenue_new numeric, revenue_retained numeric, revenue_reactivated numeric,
  revenue_won_back numeric, revenue_other numeric)
LANGUAGE sql STABLE SET timezone = 'UTC'
BEGIN ATOMIC
  SELECT counts.starts_on, counts.history_complete,
         counts.period_complete AND counts.period_end <= now(),
         counts.new_customers, counts.retained, counts.reactivated, counts.won_back,
         counts.active_end, counts.inactive_end, counts.churned_end,
         returned(counts.reactivation), eligible(counts.reactivation), counts.reactivation_rate,
         reactivation.lower, reactivation.upper,
         returned(counts.win_back), eligible(counts.win_back), counts.winback_rate,
         win_back.lower, win_back.upper,
         counts.revenue_new, counts.revenue_retained, counts.revenue_reactivated,
         counts.revenue_won_back, counts.revenue_other
  FROM unnest((
         SELECT lifecycle_series(
                  customer_id, at, event, amount,
                  (SELECT tstzrange(
                            coalesce(from_date, date_trunc('year', min(at)), now()),
                            coalesce(to_date + 1, date_trunc('year', now()) + interval '1 year'))
                   FROM bi.events),
                  step,
                  (SELECT make_interval(days => coalesce($4, settings.inactive_days))
                   FROM bi.settings),
                  (SELECT make_interval(days => coalesce($5, settings.churned_days))
                   FROM bi.settings))
         FROM bi.events)) AS counts,
       rate_interval(counts.reactivation) AS reactivation,
       rate_interval(counts.win_back) AS win_back;
END;

-- Months and quarters. Only periods that the data cover have a row. Another step is another view,
-- because tallies of periods must never be added up.
CREATE MATERIALIZED VIEW bi.lifecycle_by_month_stored AS
SELECT * FROM bi.lifecycle('1 month') WHERE history_complete AND period_complete;

CREATE MATERIALIZED VIEW bi.lifecycle_by_quarter_stored AS
SELECT * FROM bi.lifecycle('3 months') WHERE history_complete AND period_complete;

-- an index without a condition, so that a refresh can be concurrent
CREATE UNIQUE INDEX ON bi.lifecycle_by_month_stored (starts_on);
CREATE UNIQUE INDEX ON bi.lifecycle_by_quarter_stored (starts_on);

CREATE VIEW bi.lifecycle_by_month AS SELECT * FROM bi.lifecycle_by_month_stored;
CREATE VIEW bi.lifecycle_by_quarter AS SELECT * FROM bi.lifecycle_by_quarter_stored;

-- one row for each segment of a stacked bar
CREATE VIEW bi.buyers_by_month AS
SELECT starts_on, status, customers, revenue
FROM bi.lifecycle_by_month_stored,
     LATERAL (VALUES ('new', new_customers, revenue_new),
                     ('retained', retained, revenue_retained),
                     ('reactivated', reactivated, revenue_reactivated),
                     ('won back', won_back, revenue_won_back)) AS bar (status, customers, revenue);

-- The segment of each customer. It must be a property of the customer that never changes, such as
-- the country, or here the season of the first order.
CREATE VIEW bi.segments AS
SELECT customer_id,
       CASE WHEN extract(month FROM min(at) AT TIME ZONE 'UTC') >= 10
            THEN 'Christmas season' ELSE 'rest of the year' END AS segment
FROM bi.events
WHERE customer_id IS NOT NULL AND event = 'purchase'
GROUP BY customer_id;

-- Months by segment, with columns that can be added up over the segments of one month, and no
-- rates: the rate of several segments is sum(returned) / sum(eligible).
CREATE FUNCTION bi.lifecycle_of_segments()
RETURNS TABLE (
  starts_on date, segment text,
  new_customers bigint, retained bigint, reactivated bigint, won_back bigint,
  reactivation_returned bigint, reactivation_eligible bigint,
  winback_returned bigint, winback_eligible bigint,
  revenue numeric, revenue_that_came_back numeric)
LANGUAGE sql STABLE SET timezone = 'UTC'
BEGIN ATOMIC
  SELECT counts.starts_on, series.segment,
         counts.new_customers, counts.retained, counts.reactivated, counts.won_back,
         returned(counts.reactivation), eligible(counts.reactivation),
         returned(counts.win_back), eligible(counts.win_back),
         counts.revenue_new + counts.revenue_retained + counts.revenue_reactivated
           + counts.revenue_won_back + counts.revenue_other,
         counts.revenue_reactivated + counts.revenue_won_back
  FROM (SELECT segments.segment,
               lifecycle_series(
                 customer_id, at, event, amount,
                 (SELECT tstzrange(coalesce(date_trunc('year', min(at)), now()),
                                   date_trunc('year', now()) + interval '1 year')
                  FROM bi.events),
                 '1 month',
                 (SELECT make_interval(days => inactive_days) FROM bi.settings),
                 (SELECT make_interval(days => churned_days) FROM bi.settings)) AS counts
        FROM bi.events JOIN bi.segments USING (customer_id)
        GROUP BY segments.segment) AS series,
       unnest(series.counts) AS counts;
END;

-- A month is complete if the orders of all segments together cover it.
CREATE MATERIALIZED VIEW bi.lifecycle_by_month_and_segment_stored AS
SELECT segments.*
FROM bi.lifecycle_of_segments() AS segments
     JOIN bi.lifecycle('1 month') AS months USING (starts_on)
WHERE months.history_complete AND months.period_complete;

CREATE UNIQUE INDEX ON bi.lifecycle_by_month_and_segment_stored (starts_on, segment);

CREATE VIEW bi.lifecycle_by_month_and_segment AS
SELECT * FROM bi.lifecycle_by_month_and_segment_stored;

-- The customers on the day after the last order, or now if that is earlier.
CREATE FUNCTION bi.customer_statuses()
RETURNS TABLE (
  customer_id bigint, as_of date, status text, segment text, last_order_on date, days_silent int,
  orders bigint, revenue numeric)
LANGUAGE sql STABLE SET timezone = 'UTC'
BEGIN ATOMIC
  WITH data AS MATERIALIZED (
    SELECT least(now(), date_trunc('day', max(at)) + interval '1 day') AS as_of FROM bi.events)
  SELECT events.customer_id, (SELECT as_of FROM data)::date,
         lifecycle_at(at, event, (SELECT as_of FROM data),
                      (SELECT make_interval(days => inactive_days) FROM bi.settings),
                      (SELECT make_interval(days => churned_days) FROM bi.settings))::text,
         min(segments.segment), (max(at) FILTER (WHERE event = 'purchase'))::date,
         (SELECT as_of FROM data)::date - (max(at) FILTER (WHERE event = 'purchase'))::date,
         count(*) FILTER (WHERE event = 'purchase'), sum(amount)
  FROM bi.events AS events JOIN bi.segments USING (customer_id)
  WHERE at < (SELECT as_of FROM data)
  GROUP BY events.customer_id
  HAVING count(*) FILTER (WHERE event = 'purchase') > 0;
END;

CREATE MATERIALIZED VIEW bi.customers_stored AS SELECT * FROM bi.customer_statuses();

CREATE UNIQUE INDEX ON bi.customers_stored (customer_id);

CREATE VIEW bi.customers AS SELECT * FROM bi.customers_stored;

-- Run "CALL bi.refresh()" every night. Readers go on reading meanwhile.
CREATE PROCEDURE bi.refresh()
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  REFRESH MATERIALIZED VIEW CONCURRENTLY bi.lifecycle_by_month_stored;
  REFRESH MATERIALIZED VIEW CONCURRENTLY bi.lifecycle_by_quarter_stored;
  REFRESH MATERIALIZED VIEW CONCURRENTLY bi.lifecycle_by_month_and_segment_stored;
  REFRESH MATERIALIZED VIEW CONCURRENTLY bi.customers_stored;
$$;
