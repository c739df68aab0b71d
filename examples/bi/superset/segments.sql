{#- A virtual dataset. Metric: SUM(winback_returned)::float8 / NULLIF(SUM(winback_eligible), 0) at
    the time grain "Month". A filter of the dashboard on "segment" chooses the segments. -#}
SELECT starts_on, segment, new_customers, retained, reactivated, won_back,
       winback_returned, winback_eligible, revenue, revenue_that_came_back
FROM bi.lifecycle_by_month_and_segment
WHERE true
  {%- if filter_values('segment') %}
  AND segment IN {{ filter_values('segment')|where_in }}
  {%- endif %}
