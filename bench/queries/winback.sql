-- winback_rate
SELECT winback_rate(customer_id, ordered_at, :'period', :'churned_after') FROM orders;
