-- lifecycle_series, 60 months, with events
SELECT cardinality(lifecycle_series(customer_id, ordered_at, lifecycle_event 'purchase',
	'[2020-01-01,2025-01-01)', '1 month', '90 days', '1 year'))
FROM orders;
