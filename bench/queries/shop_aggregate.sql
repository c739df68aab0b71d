-- reactivation_rate behind texts, without the Winback Scan
SET winback.enable_scan = off;
SELECT reactivation_rate(customer_id, ordered_at, :'period', :'inactive_after') FROM orders_shop;
