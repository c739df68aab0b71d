-- three bits a customer
SELECT countIf(bits = 5) / nullIf(count(), 0)
FROM (SELECT groupBitOr(toUInt8(multiIf(ordered_at < :'inactive_from', 1,
			ordered_at < :'from', 2, 4))) AS bits
	FROM orders
	WHERE ordered_at < :'to'
	GROUP BY customer_id)
WHERE bits IN (1, 5)
