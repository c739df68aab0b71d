-- reactivation_rate of 20000 groups
\set groups 20000
\ir ../groups.sql
