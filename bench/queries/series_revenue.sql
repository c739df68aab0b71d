-- lifecycle_series, 60 months, with amounts
SELECT cardinality(lifecycle_series(customer_id, ordered_at, amount, '[2020-01-01,2025-01-01)',
	'1 month', '90 days', '1 year'))
FROM orders;
