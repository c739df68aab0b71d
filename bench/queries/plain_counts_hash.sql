-- plain SQL, three counts a customer, by hashing
SET enable_sort = off;
\ir ../plain_counts.sql
