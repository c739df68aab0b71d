-- sets of customers: ordered long before, not just before; of these, ordered in the period
WITH lapsed AS MATERIALIZED (
	SELECT DISTINCT customer_id
	FROM orders
	WHERE ordered_at < :'inactive_from'
		AND customer_id NOT IN (SELECT customer_id FROM orders
			WHERE ordered_at >= :'inactive_from' AND ordered_at < :'from')
)
SELECT (SELECT count(*) FROM lapsed SEMI JOIN (SELECT customer_id FROM orders
		WHERE ordered_at >= :'from' AND ordered_at < :'to') AS bought USING (customer_id))::double
	/ nullif((SELECT count(*) FROM lapsed), 0)
