-- events.sql
--   The view events: it turns the shop's orders into events.
--
--   The firm is a shop for house and garden. Customers neither sign up nor cancel:
--   they simply stop coming. So an order is a purchase, and only silence shows that
--   a customer is gone. The table of orders is all that the rates need, and most of
--   questions.sql uses it directly. The view is for revenue, which has refunds as
--   well, and it is the place for these decisions:
--
--   * An order counts when it is placed, not when it is paid or delivered, because
--     the customer came back when he placed it.
--   * All channels count. A customer who moves from the store to the web site has
--     not left.
--   * Orders without a customer card (customer_id NULL) need no WHERE in front of an
--     aggregate over all customers: it ignores rows with a NULL customer. A GROUP BY
--     customer_id needs one, because it makes one customer of all these rows.
--   * Goods that come back are not a cancellation. A customer who returns a pair of
--     gloves has ended a purchase, not the relationship. The order stays a purchase
--     even if all of it comes back, because the customer was there. Question 9 shows
--     what goes wrong otherwise.
--   * A refund is an adjustment on the day on which the goods come back. It lowers
--     the revenue and changes no standing. Question 8 uses it.
--
--   The thresholds come from question 1, how likely a return is after a silence:
--   * inactive after 6 months: from then on at most one in four comes back within the
--     next 180 days, so a longer silence is worth a reminder;
--   * churned after 12 months: at most one in eight does, and a whole year of seasons
--     has gone by without the customer.

\set QUIET on
\set ON_ERROR_STOP on
SET search_path = retail_example, public;

CREATE VIEW events AS
SELECT customer_id AS customer,
       ordered_at AS at,
       lifecycle_event 'purchase' AS event,
       amount
  FROM orders
 UNION ALL
SELECT customer_id, returned_at, 'adjustment', -refund
  FROM returns JOIN orders USING (order_id);

COMMENT ON VIEW events IS 'Orders and refunds as events for winback';
