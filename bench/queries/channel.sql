-- reactivation_rate GROUP BY channel
SELECT channel, reactivation_rate(customer_id, ordered_at, :'period', :'inactive_after')
FROM orders
GROUP BY channel
ORDER BY channel;
