-- sets of customers: ordered long before, not just before; of these, ordered in the period
SELECT uniqExactIf(customer_id, customer_id IN (SELECT customer_id FROM orders
		WHERE ordered_at >= :'from' AND ordered_at < :'to'))
	/ nullIf(uniqExact(customer_id), 0)
FROM orders
WHERE ordered_at < :'inactive_from'
	AND customer_id NOT IN (SELECT customer_id FROM orders
		WHERE ordered_at >= :'inactive_from' AND ordered_at < :'from')
