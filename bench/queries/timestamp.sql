-- reactivation_rate, timestamp column
SELECT reactivation_rate(customer_id, ordered_at, :'period', :'inactive_after')
FROM orders_timestamp;
