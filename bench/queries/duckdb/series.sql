-- silences by their first and last period
WITH silence AS (
	SELECT ordered_at + INTERVAL 90 DAY AS inactive,
		lead(ordered_at) OVER (PARTITION BY customer_id ORDER BY ordered_at) AS next
	FROM orders
	WHERE ordered_at < :'series_to'
), counted AS (
	-- the customer is eligible in the periods a to b - 1, and returns, if ever, in b - 1
	SELECT greatest(date_diff(:'step_unit', :'series_from'::timestamp, inactive) + 1, 0) AS a,
		greatest(coalesce(date_diff(:'step_unit', :'series_from'::timestamp, next) + 1,
			:periods), 0) AS b,
		next IS NOT NULL AS returned
	FROM silence
	WHERE next IS NULL OR next > inactive
), change AS (
	SELECT a AS place, count(*) AS eligible, 0 AS returned FROM counted WHERE a < b GROUP BY a
	UNION ALL
	SELECT b, -count(*), 0 FROM counted WHERE a < b GROUP BY b
	UNION ALL
	SELECT b - 1, 0, count(*) FROM counted WHERE a < b AND returned GROUP BY b
	UNION ALL
	SELECT place, 0, 0 FROM range(:periods) AS places(place)
), series AS (
	SELECT place, sum(sum(eligible)) OVER (ORDER BY place) AS eligible, sum(returned) AS returned
	FROM change
	GROUP BY place
)
SELECT returned || '/' || eligible FROM series WHERE place < :periods ORDER BY place
