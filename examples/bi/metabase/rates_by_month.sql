-- Visualization: Line. Variables: from and to (Date, optional).
SELECT starts_on, reactivation_rate, reactivation_lower, reactivation_upper, winback_rate
FROM bi.lifecycle_by_month
WHERE true
  [[AND starts_on >= {{from}}]]
  [[AND starts_on <= {{to}}]]
ORDER BY starts_on
