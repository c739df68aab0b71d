SELECT to_char(starts_on, 'YYYY-MM') AS month, segment, winback_returned, winback_eligible
FROM bi.lifecycle_by_month_and_segment
ORDER BY starts_on, segment
