-- The best plain SQL that we know.  It computes each customer's last order before the
-- period and last order of all, in one pass over the table, and compares with constants.
SELECT count(*) FILTER (WHERE last >= :'from')::float8 / nullif(count(*), 0)
FROM (SELECT max(ordered_at) AS last,
		max(ordered_at) FILTER (WHERE ordered_at < :'from') AS last_before
	FROM orders
	WHERE ordered_at < :'to'
	GROUP BY customer_id) AS customers
WHERE last_before < :'inactive_from';
