-- Visualization: Line, series "segment". Variable: segment (Text, optional; for a drop-down list,
-- let it take its values from bi.segments).
SELECT starts_on, segment, winback_returned, winback_eligible,
       winback_returned::float8 / nullif(winback_eligible, 0) AS winback_rate
FROM bi.lifecycle_by_month_and_segment
WHERE true
  [[AND segment = {{segment}}]]
ORDER BY starts_on, segment
