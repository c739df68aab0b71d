-- plain SQL: Kaplan-Meier of all silences
WITH silences AS (
	SELECT coalesce(next, date '2025-01-01') - day AS days, next IS NOT NULL AS returned
	FROM (SELECT day, lead(day) OVER (PARTITION BY customer_id ORDER BY day) AS next
		FROM (SELECT DISTINCT customer_id, ordered_at::date AS day
			FROM orders
			WHERE ordered_at < '2025-01-01') AS days) AS pairs
), points AS (
	SELECT days, count(*) FILTER (WHERE returned) AS returned,
		sum(count(*)) OVER (ORDER BY days DESC) AS at_risk
	FROM silences
	GROUP BY days
)
SELECT round(sum(survival)::numeric, 9)
FROM (SELECT exp(sum(ln(1 - returned::float8 / at_risk)) OVER (ORDER BY days)) AS survival
	FROM points
	WHERE returned < at_risk) AS estimates;
