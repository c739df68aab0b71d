-- A third way to write it, by the method of winback itself: three bits a customer, for
-- orders long before, just before and in the period.
SELECT count(*) FILTER (WHERE bits = 5)::float8 / nullif(count(*), 0)
FROM (SELECT bit_or(CASE WHEN ordered_at < :'inactive_from' THEN 1
			WHEN ordered_at < :'from' THEN 2 ELSE 4 END) AS bits
	FROM orders
	WHERE ordered_at < :'to'
	GROUP BY customer_id) AS customers
WHERE bits IN (1, 5);
