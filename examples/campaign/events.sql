-- events.sql
--   The view events turns the wine merchant's rows into events: every order is a
--   purchase. The view results has one row for each customer and campaign, with all
--   that a question about the effect needs:
--
--   * before: the standing when the variants were drawn;
--   * after: the status over the 30 days that follow;
--   * spent: the money spent in these 30 days.
--
--   The period of 30 days was chosen before the campaigns began, and it is the same
--   for all. A member who was active when the variants were drawn is not eligible,
--   whatever the list of the campaign says: the view leaves such members out, in all
--   variants alike. It keeps members without any order, as the LEFT JOIN does.
--
--   The thresholds:
--   * inactive after 90 days: customers reorder several times a year;
--   * churned after one year.

\set QUIET on
\set ON_ERROR_STOP on
SET TimeZone = 'UTC';
SET search_path = campaign_example, public;

CREATE VIEW events AS
SELECT customer_id AS customer, ordered_at AS at, lifecycle_event 'purchase' AS event, amount
  FROM orders;

CREATE VIEW results AS
SELECT campaign, variant, opened, customer, before, after, spent
  FROM (
         SELECT campaign, variant, opened, customer_id AS customer,
                lifecycle_at(at, event, assigned_at, '90 days', '1 year') AS before,
                lifecycle_during(at, event,
                                 tstzrange(assigned_at, assigned_at + interval '30 days'),
                                 '90 days', '1 year') AS after,
                sum(amount) FILTER (WHERE at >= assigned_at
                                      AND at < assigned_at + interval '30 days') AS spent
           FROM campaign_members LEFT JOIN events ON customer = customer_id
          GROUP BY campaign, variant, opened, customer_id, assigned_at
       ) AS members
 WHERE before IN ('inactive', 'churned');

COMMENT ON VIEW events IS 'Orders as events for winback';
COMMENT ON VIEW results IS 'Each eligible member of a campaign: standing, status, money';
