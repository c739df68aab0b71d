-- six tallies of events behind 120 columns, without the Winback Scan
SET winback.enable_scan = off;
SELECT reactivation_tally(customer_id, ordered_at, event, :'period', '90 days'),
	reactivation_tally(customer_id, ordered_at, event, :'period', '60 days'),
	reactivation_tally(customer_id, ordered_at, event, :'period', '30 days'),
	winback_tally(customer_id, ordered_at, event, :'period', '1 year'),
	winback_tally(customer_id, ordered_at, event, :'period', '180 days'),
	winback_tally(customer_id, ordered_at, event, :'period', '90 days')
FROM orders_wide;
