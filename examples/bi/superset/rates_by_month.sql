{#- A virtual dataset. Temporal column: starts_on. Metrics: MAX(winback_rate) at the time grain
    "Month" only, because a rate of several months is no average of their rates. -#}
SELECT starts_on, reactivation_rate, reactivation_lower, reactivation_upper, winback_rate,
       winback_returned, winback_eligible
FROM bi.lifecycle_by_month
WHERE true
  {%- if from_dttm is not none %}
  AND starts_on >= '{{ from_dttm }}'::timestamp
  {%- endif %}
  {%- if to_dttm is not none %}
  AND starts_on < '{{ to_dttm }}'::timestamp
  {%- endif %}
