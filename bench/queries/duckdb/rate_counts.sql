-- three counts a customer
SELECT count(*) FILTER (WHERE in_period > 0)::double / nullif(count(*), 0)
FROM (SELECT count(*) FILTER (WHERE ordered_at >= :'from') AS in_period
	FROM orders
	WHERE ordered_at < :'to'
	GROUP BY customer_id
	HAVING count(*) FILTER (WHERE ordered_at < :'inactive_from') > 0
		AND count(*) FILTER (WHERE ordered_at >= :'inactive_from' AND ordered_at < :'from') = 0)
