{{ config(materialized='table') }}
{{ winback_series(source('shop', 'orders'), '3 months') }}
