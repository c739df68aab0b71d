-- reactivation_rate, rows in no order of time
SELECT reactivation_rate(customer_id, ordered_at, :'period', :'inactive_after')
FROM orders_shuffled;
