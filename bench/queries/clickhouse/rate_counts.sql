-- three counts a customer
SELECT countIf(in_period > 0) / nullIf(count(), 0)
FROM (SELECT countIf(ordered_at >= :'from') AS in_period
	FROM orders
	WHERE ordered_at < :'to'
	GROUP BY customer_id
	HAVING countIf(ordered_at < :'inactive_from') > 0
		AND countIf(ordered_at >= :'inactive_from' AND ordered_at < :'from') = 0)
