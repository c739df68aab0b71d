-- the array of a customer's orders
SELECT countIf(arrayMax(orders) >= :'from') / nullIf(count(), 0)
FROM (SELECT groupArray(ordered_at) AS orders
	FROM orders
	WHERE ordered_at < :'to'
	GROUP BY customer_id)
WHERE arrayExists(x -> x < :'inactive_from', orders)
	AND NOT arrayExists(x -> x >= :'inactive_from' AND x < :'from', orders)
