SELECT to_char(starts_on, 'YYYY-MM') AS month,
       new_customers, retained, reactivated, won_back,
       reactivation_returned, reactivation_eligible, reactivation_rate,
       reactivation_lower, reactivation_upper,
       winback_returned, winback_eligible, winback_rate, winback_lower, winback_upper,
       revenue_reactivated + revenue_won_back AS revenue_that_came_back
FROM bi.lifecycle_by_month
ORDER BY starts_on
