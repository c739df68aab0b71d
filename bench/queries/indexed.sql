-- plain SQL over an index on (customer_id, ordered_at)
SET enable_hashagg = off;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT count(*) FILTER (WHERE last >= :'from')::float8 / nullif(count(*), 0)
FROM (SELECT max(ordered_at) AS last,
		max(ordered_at) FILTER (WHERE ordered_at < :'from') AS last_before
	FROM orders_timestamp
	WHERE ordered_at < :'to'
	GROUP BY customer_id) AS customers
WHERE last_before < :'inactive_from';
