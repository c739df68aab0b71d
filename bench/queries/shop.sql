-- reactivation_rate behind texts
SELECT reactivation_rate(customer_id, ordered_at, :'period', :'inactive_after') FROM orders_shop;
