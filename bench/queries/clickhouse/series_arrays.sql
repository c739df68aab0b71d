-- the same from the sorted array of a customer's orders
WITH silence AS (
	SELECT this + INTERVAL 90 DAY AS inactive, next
	FROM (SELECT arraySort(groupArray(ordered_at)) AS times
		FROM orders
		WHERE ordered_at < :'series_to'
		GROUP BY customer_id)
	ARRAY JOIN times AS this,
		arrayPushBack(arrayMap(x -> toNullable(x), arrayPopFront(times)), NULL) AS next
), counted AS (
	-- the customer is eligible in the periods a to b - 1, and returns, if ever, in b - 1
	SELECT greatest(dateDiff(:'step_unit', toDateTime64(:'series_from', 6, 'UTC'),
			inactive, 'UTC') + 1, 0) AS a,
		greatest(ifNull(dateDiff(:'step_unit', toDateTime64(:'series_from', 6, 'UTC'),
			next, 'UTC') + 1, :periods), 0) AS b,
		next IS NOT NULL AS returned, count() AS n
	FROM silence
	WHERE next IS NULL OR next > inactive
	GROUP BY a, b, returned
	HAVING a < b
), change AS (
	SELECT toInt64(a) AS place, toInt64(n) AS eligible, 0 AS returned FROM counted
	UNION ALL
	SELECT toInt64(b), -toInt64(n), 0 FROM counted
	UNION ALL
	SELECT toInt64(b) - 1, 0, n FROM counted WHERE returned
	UNION ALL
	SELECT toInt64(number), 0, 0 FROM numbers(:periods)
), series AS (
	SELECT place, sum(sum(eligible)) OVER (ORDER BY place) AS running, sum(returned) AS total
	FROM change
	GROUP BY place
)
SELECT concat(toString(total), '/', toString(running))
FROM series
WHERE place < :periods
ORDER BY place
