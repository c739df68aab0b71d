-- reactivation_tally of :groups groups
SET enable_sort = off;
SELECT count(*) FILTER (WHERE eligible(tally) > 0),
	sum((grp + 1) * (1000003 * returned(tally) + eligible(tally)))
FROM (SELECT customer_id % :groups AS grp,
		reactivation_tally(customer_id, ordered_at, :'period', :'inactive_after') AS tally
	FROM orders
	GROUP BY grp) AS tallies;
