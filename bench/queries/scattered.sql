-- reactivation_rate, integers that lie apart
SELECT reactivation_rate(customer_id, ordered_at, :'period', :'inactive_after')
FROM orders_scattered;
