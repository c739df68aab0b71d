-- the same in plain SQL: three bits a customer
SET enable_sort = off;
SELECT count(*), sum((grp + 1) * (1000003 * returned + eligible))
FROM (SELECT grp, count(*) FILTER (WHERE bits = 5) AS returned, count(*) AS eligible
	FROM (SELECT min(customer_id % :groups) AS grp,
			bit_or(CASE WHEN ordered_at < :'inactive_from' THEN 1
				WHEN ordered_at < :'from' THEN 2 ELSE 4 END) AS bits
		FROM orders
		WHERE ordered_at < :'to'
		GROUP BY customer_id) AS customers
	WHERE bits IN (1, 5)
	GROUP BY grp) AS groups;
