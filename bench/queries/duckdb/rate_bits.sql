-- three bits a customer
SELECT count(*) FILTER (WHERE bits = 5)::double / nullif(count(*), 0)
FROM (SELECT bit_or(CASE WHEN ordered_at < :'inactive_from' THEN 1::utinyint
			WHEN ordered_at < :'from' THEN 2::utinyint ELSE 4::utinyint END) AS bits
	FROM orders
	WHERE ordered_at < :'to'
	GROUP BY customer_id)
WHERE bits IN (1, 5)
