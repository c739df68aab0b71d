-- memory.sql
--   Memory that the state takes, of :call for :customers customers.
--
--   The peak resident memory of this backend, VmHWM, only ever grows, and the
--   kernel keeps it: no moment is missed, however short, such as that in which
--   a table and its double both exist.  First max() over the same rows brings
--   the table's pages into it (shared memory counts as soon as it is touched)
--   and what any query needs; whatever the rate adds after that is its state.
--   A few rows load the code before.  No JIT: a compiler is no state.
SET jit = off;
SELECT :call
FROM single_orders WHERE customer_int8 <= 2000 \g /dev/null
SELECT max(customer_int8), max(ordered_at)
FROM single_orders WHERE customer_int8 <= :customers \g /dev/null
SELECT (regexp_match(pg_read_file('/proc/self/status'), 'VmHWM:\s+(\d+) kB'))[1] AS before \gset
SELECT :call
FROM single_orders WHERE customer_int8 <= :customers \g /dev/null
SELECT (regexp_match(pg_read_file('/proc/self/status'), 'VmHWM:\s+(\d+) kB'))[1] AS after \gset
INSERT INTO memory VALUES (:customers, :'label', 1024 * (:after::int8 - :before::int8));
