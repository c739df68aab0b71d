-- reactivation_rate
SELECT reactivation_rate(customer_id, ordered_at, :'period', :'inactive_after') FROM orders;
