-- plain SQL, GROUP BY customer by hashing
SET enable_sort = off;
\ir ../plain.sql
