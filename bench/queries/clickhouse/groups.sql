-- returned and eligible of each group
SELECT count(), sum((grp + 1) * (1000003 * returned + eligible))
FROM (SELECT grp, countIf(bits = 5) AS returned, count() AS eligible
	FROM (SELECT any(customer_id % :groups) AS grp,
			groupBitOr(toUInt8(multiIf(ordered_at < :'inactive_from', 1,
				ordered_at < :'from', 2, 4))) AS bits
		FROM orders
		WHERE ordered_at < :'to'
		GROUP BY customer_id)
	WHERE bits IN (1, 5)
	GROUP BY grp)
