-- Visualization: Number, style Percent. The last month that the data cover.
SELECT winback_rate
FROM bi.lifecycle_by_month
ORDER BY starts_on DESC
LIMIT 1
