-- three counts behind texts, without the Winback Scan
SET winback.enable_scan = off;
SELECT (lifecycle_counts(customer_id, ordered_at, :'period', '30 days', '1 year')).churned_end,
	(lifecycle_counts(customer_id, ordered_at, :'period', '60 days', '1 year')).inactive_end,
	(lifecycle_counts(customer_id, ordered_at, :'period', '90 days', '1 year')).active_end
FROM orders_shop;
