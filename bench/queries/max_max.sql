-- max(customer_id), max(ordered_at)
SELECT max(customer_id), max(ordered_at) FROM orders;
