-- lifecycle_counts
SELECT (lifecycle_counts(customer_id, ordered_at, :'period', :'inactive_after', '1 year')
	).reactivation_rate
FROM orders;
