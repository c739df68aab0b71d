SELECT count(*), count(rate), bit_xor(hashfloat8extended(rate, grp))
FROM (SELECT grp, count(*) FILTER (WHERE lapsed AND returned)::float8
		/ nullif(count(*) FILTER (WHERE lapsed), 0) AS rate
	FROM (SELECT customer_id % :groups AS grp,
			max(ordered_at) FILTER (WHERE ordered_at < :'from') < :'inactive_from' AS lapsed,
			coalesce(bool_or(ordered_at >= :'from' AND ordered_at < :'to'), false) AS returned
		FROM orders
		GROUP BY customer_id) AS customers
	GROUP BY grp) AS rates;
