-- returned and eligible of each group
SELECT count(*), sum((grp + 1) * (1000003 * returned + eligible))
FROM (SELECT grp, count(*) FILTER (WHERE bits = 5) AS returned, count(*) AS eligible
	FROM (SELECT any_value(customer_id % :groups) AS grp,
			bit_or(CASE WHEN ordered_at < :'inactive_from' THEN 1::utinyint
				WHEN ordered_at < :'from' THEN 2::utinyint ELSE 4::utinyint END) AS bits
		FROM orders
		WHERE ordered_at < :'to'
		GROUP BY customer_id)
	WHERE bits IN (1, 5)
	GROUP BY grp)
