-- Visualization: Bar, stacked, series "status". Variables: from and to (Date, optional).
SELECT starts_on, status, customers, revenue
FROM bi.buyers_by_month
WHERE true
  [[AND starts_on >= {{from}}]]
  [[AND starts_on <= {{to}}]]
ORDER BY starts_on, status
