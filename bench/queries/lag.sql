-- lag(), one pass
SELECT count(*) FILTER (WHERE returned)::float8 / nullif(count(*), 0)
FROM (SELECT bool_or(ordered_at >= :'from' AND previous < :'inactive_from') AS returned
	FROM (SELECT customer_id, ordered_at,
			lag(ordered_at) OVER (PARTITION BY customer_id ORDER BY ordered_at) AS previous
		FROM orders
		WHERE ordered_at < :'to') AS with_previous
	GROUP BY customer_id
	HAVING max(ordered_at) FILTER (WHERE ordered_at < :'from') < :'inactive_from') AS lapsed;
