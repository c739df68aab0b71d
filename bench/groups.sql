-- Each group has customers of its own, and so a state.  Hashing is what can go
-- wrong with many states, so no sorting.  The result is brought down to one row
-- that shows every bit of every group's rate, in whatever order they come.
SET enable_sort = off;
SELECT count(*), count(rate), bit_xor(hashfloat8extended(rate, grp))
FROM (SELECT customer_id % :groups AS grp,
		reactivation_rate(customer_id, ordered_at, :'period', :'inactive_after') AS rate
	FROM orders
	GROUP BY grp) AS rates;
