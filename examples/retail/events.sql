-- events.sql
--   The view events: it turns the shop's orders into events.
--
--   The firm is a shop for house and garden. Customers neither sign up nor cancel:
--   they simply stop coming. So there is one kind of event, the purchase, and only
--   silence shows that a customer is gone. The table of orders is all that winback
--   needs, and most of questions.sql uses it directly. The view is for the functions
--   with an event argument, and it is the place for these decisions:
--
--   * An order counts when it is placed, not when it is paid or delivered, because
--     the customer came back when he placed it.
--   * All channels count. A customer who moves from the store to the web site has
--     not left.
--   * Orders without a customer card (customer_id NULL) need no WHERE: winback
--     ignores rows with a NULL customer.
--   * Goods that come back are not a cancellation. A customer who returns a pair of
--     gloves has ended a purchase, not the relationship. The order stays a purchase
--     even if all of it comes back, because the customer was there. Question 9 shows
--     what goes wrong otherwise.
--
--   The thresholds come from question 1, how long customers usually wait:
--   * inactive after 6 months: 9 of 10 waits are shorter, so a longer silence is
--     worth a reminder;
--   * churned after 12 months: a whole year of seasons has gone by without the
--     customer, and very few waits are longer.

\set QUIET on
\set ON_ERROR_STOP on
SET search_path = retail_example, public;

CREATE VIEW events AS
SELECT customer_id AS customer,
       ordered_at AS at,
       lifecycle_event 'purchase' AS event
  FROM orders;

COMMENT ON VIEW events IS 'Orders as events for winback: each order is a purchase';
