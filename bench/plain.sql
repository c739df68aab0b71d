-- The best plain SQL that we know: the last order before the period, and the
-- last at all.  All in one look at the table, with constants to compare with.
SELECT count(*) FILTER (WHERE last >= :'from')::float8 / nullif(count(*), 0)
FROM (SELECT max(ordered_at) AS last,
		max(ordered_at) FILTER (WHERE ordered_at < :'from') AS last_before
	FROM orders
	WHERE ordered_at < :'to'
	GROUP BY customer_id) AS customers
WHERE last_before < :'inactive_from';
