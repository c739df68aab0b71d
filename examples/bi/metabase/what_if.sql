-- Visualization: Table. Variables: from and to (Date), inactive_days and churned_days (Number, with
-- the defaults 60 and 180). The numbers are counted anew over all orders.
SELECT starts_on, reactivation_returned, reactivation_eligible, reactivation_rate,
       winback_returned, winback_eligible, winback_rate, period_complete
FROM bi.lifecycle('1 month', CAST({{from}} AS date), CAST({{to}} AS date),
                  CAST({{inactive_days}} AS int), CAST({{churned_days}} AS int))
ORDER BY starts_on
