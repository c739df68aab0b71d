-- its reactivation in plain SQL: silences by their first and last period
WITH period AS (
	SELECT array_agg(start::timestamptz ORDER BY start) AS starts
	FROM generate_series(timestamptz :'series_from',
		timestamptz :'series_to' - interval '1 microsecond', :'step') AS start
), silence AS (
	SELECT ordered_at + interval '90 days' AS inactive,
		lead(ordered_at) OVER (PARTITION BY customer_id ORDER BY ordered_at) AS next
	FROM orders
	WHERE ordered_at < :'series_to'
), counted AS MATERIALIZED (
	-- the customer is eligible in the periods a to b - 1, and returns, if ever, in b - 1
	SELECT a, b, returned, count(*) AS n
	FROM (SELECT width_bucket(inactive, (SELECT starts FROM period)) AS a,
			coalesce(width_bucket(next, (SELECT starts FROM period)), :periods) AS b,
			next IS NOT NULL AS returned
		FROM silence
		WHERE next IS NULL OR next > inactive) AS placed
	WHERE a < b
	GROUP BY a, b, returned
), change (place, eligible, returned) AS (
	SELECT a, n, 0 FROM counted
	UNION ALL
	SELECT b, -n, 0 FROM counted
	UNION ALL
	SELECT b - 1, 0, n FROM counted WHERE returned
	UNION ALL
	SELECT place, 0, 0 FROM generate_series(0, :periods - 1) AS place
), series AS (
	SELECT place, sum(sum(eligible)) OVER (ORDER BY place) AS eligible, sum(returned) AS returned
	FROM change
	GROUP BY place
)
SELECT returned || '/' || eligible FROM series WHERE place < :periods ORDER BY place;
