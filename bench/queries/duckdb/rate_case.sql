-- the same with CASE
SELECT sum(CASE WHEN last >= :'from' THEN 1 ELSE 0 END)::double / nullif(count(*), 0)
FROM (SELECT max(ordered_at) AS last,
		max(CASE WHEN ordered_at < :'from' THEN ordered_at END) AS last_before
	FROM orders
	WHERE ordered_at < :'to'
	GROUP BY customer_id)
WHERE last_before < :'inactive_from'
