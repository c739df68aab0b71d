-- the last order before the period, and the last at all
SELECT count(*) FILTER (WHERE last >= :'from')::double / nullif(count(*), 0)
FROM (SELECT max(ordered_at) AS last,
		max(ordered_at) FILTER (WHERE ordered_at < :'from') AS last_before
	FROM orders
	WHERE ordered_at < :'to'
	GROUP BY customer_id)
WHERE last_before < :'inactive_from'
