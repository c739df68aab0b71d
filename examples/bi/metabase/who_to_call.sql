-- Visualization: Table. Variable: status (Text, with the default inactive).
SELECT customer_id, status, last_order_on, days_silent, orders, revenue
FROM bi.customers
WHERE status = {{status}}
ORDER BY revenue DESC, customer_id
LIMIT 20
