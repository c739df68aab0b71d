SELECT channel, count(*) FILTER (WHERE returned)::float8 / nullif(count(*), 0)
FROM (SELECT channel, bool_or(ordered_at >= :'from' AND ordered_at < :'to') AS returned
	FROM orders
	GROUP BY channel, customer_id
	HAVING max(ordered_at) FILTER (WHERE ordered_at < :'from') < :'inactive_from') AS lapsed
GROUP BY channel
ORDER BY channel;
