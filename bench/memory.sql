-- memory.sql
--   Measures the memory that the state of :call takes for :customers customers.
--
--   VmHWM, the peak resident memory of this backend, only ever grows, so it misses
--   no moment, however short: for instance the one in which a table and its double
--   both exist.  The kernel counts shared memory as soon as it is touched.  So the
--   script first runs max() over the same rows, which touches the table's pages and
--   allocates what any query needs; the memory that the rate adds after that is its
--   state.  A query over a few rows loads the code before.  JIT is off, because the
--   compiler's memory does not belong to the state.
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
