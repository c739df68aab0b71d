-- The question that all contenders answer, as psql variables.  The plain statements
-- are given instants instead of intervals, to make them as fast as they can be:
-- PostgreSQL would compute "ordered_at < timestamptz - interval" for every row.
\set period '[2024-10-01,2025-01-01)'
\set from 2024-10-01
\set to 2025-01-01
\set inactive_after '90 days'
\set inactive_from 2024-07-03
\set churned_after '365 days'
\set churned_from 2023-10-02
\set inactive_to 2024-10-03
\set churned_to 2024-01-02
