{#- The time of an order as a timestamp of the shop's time zone. The zone stands in the query, so
    the session of dbt cannot change the numbers. -#}
{% macro winback_local_time() -%}
  {%- if var('winback_at_has_time_zone') -%}
    ({{ var('winback_at') }} AT TIME ZONE '{{ var('winback_time_zone') }}')
  {%- else -%}
    {{ var('winback_at') }}
  {%- endif -%}
{%- endmacro %}

{#- From the year of the first order to the current one, so that all steps begin where a reader
    expects. -#}
{% macro winback_range(orders) -%}
  (SELECT tsrange(date_trunc('year', min({{ winback_local_time() }})),
                  date_trunc('year', now() AT TIME ZONE '{{ var('winback_time_zone') }}')
                    + interval '1 year')
   FROM {{ orders }})
{%- endmacro %}

{#- One row for each step that is over and that the data cover.
    orders   a relation: source(...) or ref(...)
    step     such as '1 month'
    segment  an expression over orders that is a property of the customer and never changes, such
             as the country. Then there are no rates: add up returned and eligible over segments,
             and divide. -#}
{% macro winback_series(orders, step, segment=none) %}
SELECT {% if segment %}series.segment, {% endif %}counts.starts_on,
       counts.new_customers, counts.retained, counts.reactivated, counts.won_back,
       returned(counts.reactivation) AS reactivation_returned,
       eligible(counts.reactivation) AS reactivation_eligible,
       returned(counts.win_back) AS winback_returned,
       eligible(counts.win_back) AS winback_eligible,
       {%- if not segment %}
       counts.reactivation_rate, counts.winback_rate,
       {%- endif %}
       counts.revenue_new, counts.revenue_retained, counts.revenue_reactivated,
       counts.revenue_won_back, counts.revenue_other
FROM (SELECT {% if segment %}{{ segment }} AS segment, {% endif %}
             lifecycle_series({{ var('winback_customer') }}, {{ winback_local_time() }},
                              {{ var('winback_event') }}, {{ var('winback_amount') }},
                              {{ winback_range(orders) }},
                              interval '{{ step }}',
                              interval '{{ var('winback_inactive_after') }}',
                              interval '{{ var('winback_churned_after') }}') AS counts
      FROM {{ orders }}
      {%- if segment %}
      GROUP BY {{ segment }}
      {%- endif %}) AS series,
     unnest(series.counts) AS counts
WHERE counts.history_complete AND counts.period_complete
  AND counts.starts_on + interval '{{ step }}' <= now() AT TIME ZONE '{{ var('winback_time_zone') }}'
{% endmacro %}
