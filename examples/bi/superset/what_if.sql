{#- A virtual dataset. The address of the dashboard has the thresholds:
    ?inactive_days=90&churned_days=365 -#}
SELECT starts_on, reactivation_returned, reactivation_eligible, reactivation_rate,
       winback_returned, winback_eligible, winback_rate
FROM bi.lifecycle('1 month',
                  inactive_days => {{ url_param('inactive_days', '60')|int }},
                  churned_days => {{ url_param('churned_days', '180')|int }})
WHERE history_complete AND period_complete
