-- lag(), in steps as it is often written
WITH history AS (
	SELECT customer_id, ordered_at,
		lag(ordered_at) OVER (PARTITION BY customer_id ORDER BY ordered_at) AS previous
	FROM orders
), returned AS (
	SELECT DISTINCT customer_id
	FROM history
	WHERE ordered_at >= :'from' AND ordered_at < :'to' AND previous < :'inactive_from'
), lapsed AS (
	SELECT customer_id
	FROM orders
	WHERE ordered_at < :'from'
	GROUP BY customer_id
	HAVING max(ordered_at) < :'inactive_from'
)
SELECT (SELECT count(*) FROM returned)::float8 / nullif((SELECT count(*) FROM lapsed), 0);
