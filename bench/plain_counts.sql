-- Another way to write it, which is sometimes faster: it counts each customer's orders
-- long before, just before and in the period.
SELECT count(*) FILTER (WHERE in_period > 0)::float8 / nullif(count(*), 0)
FROM (SELECT count(*) FILTER (WHERE ordered_at >= :'from') AS in_period
	FROM orders
	WHERE ordered_at < :'to'
	GROUP BY customer_id
	HAVING count(*) FILTER (WHERE ordered_at < :'inactive_from') > 0
		AND count(*) FILTER (WHERE ordered_at >= :'inactive_from'
			AND ordered_at < :'from') = 0) AS customers;
