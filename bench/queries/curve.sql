-- return_curve
SELECT round(sum(survival)::numeric, 9)
FROM unnest((SELECT return_curve(customer_id, ordered_at, '2025-01-01') FROM orders));
