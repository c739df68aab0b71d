{{ config(materialized='table') }}
{{ winback_series(source('shop', 'orders'), '1 month') }}
