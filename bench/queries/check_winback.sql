SELECT count(*) FILTER (WHERE returned)::float8 / nullif(count(*), 0)
FROM (SELECT bool_or(ordered_at >= :'from' AND ordered_at < :'to') AS returned
	FROM orders
	GROUP BY customer_id
	HAVING max(ordered_at) FILTER (WHERE ordered_at < :'from') < :'churned_from') AS churned;
