-- the list of a customer's orders
SELECT count(*) FILTER (WHERE list_max(orders) >= :'from')::double / nullif(count(*), 0)
FROM (SELECT list(ordered_at) AS orders
	FROM orders
	WHERE ordered_at < :'to'
	GROUP BY customer_id)
WHERE list_max(list_filter(orders, lambda ordered_at: ordered_at < :'from')) < :'inactive_from'
