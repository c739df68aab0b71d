-- plain SQL, three bits a customer, by hashing
SET enable_sort = off;
\ir ../plain_bits.sql
