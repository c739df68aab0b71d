\set groups 20000
\ir ../check_groups.sql
