-- plain SQL, three counts a customer, by sorting
SET enable_hashagg = off;
\ir ../plain_counts.sql
