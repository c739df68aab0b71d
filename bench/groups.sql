-- The groups have different customers, so each needs a state.  Hashing is the hard
-- case with many states, so sorting is off, and so is the Winback Scan, whose groups
-- bench/peers --questions measures.  The result is brought down to one row
-- that depends on every bit of every group's rate, and not on their order.
SET enable_sort = off;
SET winback.enable_scan = off;
SELECT count(*), count(rate), bit_xor(hashfloat8extended(rate, grp))
FROM (SELECT customer_id % :groups AS grp,
		reactivation_rate(customer_id, ordered_at, :'period', :'inactive_after') AS rate
	FROM orders
	GROUP BY grp) AS rates;
