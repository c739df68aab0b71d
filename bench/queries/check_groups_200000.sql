\set groups 200000
\ir ../check_groups.sql
