-- reactivation_rate, uuid keys
SELECT reactivation_rate(customer_id, ordered_at, :'period', :'inactive_after') FROM orders_uuid;
