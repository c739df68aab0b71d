-- events.sql
--   What counts as what in the shop.
--
--   The firm: a shop for house and garden. Nobody signs up and nobody cancels:
--   customers simply stop coming. So there is one kind of event, the purchase,
--   and only silence tells who is gone. The table of orders is already all that
--   winback needs, and most of questions.sql asks it directly; the view is for
--   the functions that are given an event, and the place for these decisions:
--
--   * An order counts when it is placed, not when it is paid or delivered: that
--     is when the customer came back.
--   * All channels count. Who goes from the store to the web site has not left.
--   * Orders without a customer card (customer_id NULL) belong to nobody. They
--     need no WHERE: rows with a NULL customer are ignored.
--   * Goods that come back are not a cancellation. Who returns a pair of gloves
--     has ended a purchase, not the relationship, and the order stays a purchase
--     even when all of it comes back: the customer was there. Question 9 shows
--     what goes wrong otherwise.
--
--   The thresholds come from question 1, how long customers usually wait:
--   * inactive after 6 months: 9 of 10 waits are shorter, so that this silence
--     is worth a reminder;
--   * churned after 12 months: a whole year of seasons has gone by without them,
--     and hardly a wait is longer.

\set QUIET on
\set ON_ERROR_STOP on
SET search_path = retail_example, public;

CREATE VIEW events AS
SELECT customer_id AS customer,
       ordered_at AS at,
       lifecycle_event 'purchase' AS event
  FROM orders;

COMMENT ON VIEW events IS 'Orders as winback sees them: every one a purchase';
