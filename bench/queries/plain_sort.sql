-- plain SQL, GROUP BY customer by sorting
SET enable_hashagg = off;
\ir ../plain.sql
