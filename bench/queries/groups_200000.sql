-- reactivation_rate of 200000 groups
\set groups 200000
\ir ../groups.sql
