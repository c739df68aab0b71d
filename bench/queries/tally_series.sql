-- lifecycle_series of :periods periods
SELECT reactivation
FROM unnest((SELECT lifecycle_series(customer_id, ordered_at, :'series', :'step',
		'90 days', '1 year')
	FROM orders));
