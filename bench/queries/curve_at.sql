-- return_curve_at
SELECT round(sum(survival)::numeric, 9)
FROM unnest((SELECT return_curve_at(customer_id, ordered_at, '2024-01-01', '2025-01-01')
	FROM orders));
