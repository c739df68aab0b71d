-- memory_state.sql
--   Runs one query over :customers customers with :workers workers. Each worker
--   reads all customers, which is the worst case. The backend's pid goes to the
--   file :leader. In one process the script prints the size of the state, in
--   bytes, at the last row.
SET max_parallel_workers_per_gather = :workers;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
\set period [2024-01-01,2024-04-01)
SELECT :workers > 0 AS parallel \gset

-- load the code, and allocate what any query needs
SELECT :call
FROM (SELECT :customer AS customer, timestamptz '2022-01-01' AS at
	FROM generate_series(1, 2000::int8) AS n) AS orders \g /dev/null
\o :leader
SELECT pg_backend_pid();
\o
SELECT pg_sleep(0.2) \g /dev/null

\if :parallel
	\o /dev/null
	SELECT :call
	FROM (SELECT :customer AS customer, timestamptz '2022-01-01' + n % 730 * interval '1 day' AS at
		FROM (SELECT a * 1000 + b AS n
			FROM parts, generate_series(0, :customers::int8 / 1000 - 1) AS a,
				generate_series(1, 1000) AS b) AS numbers) AS orders;
\else
	SELECT known FROM (
		SELECT :call AS answer,
			max(CASE WHEN n = :customers THEN known_bytes() END)
				- max(CASE WHEN n = 1 THEN known_bytes() END) AS known
		FROM (SELECT :customer AS customer, n,
				timestamptz '2022-01-01' + n % 730 * interval '1 day' AS at
			FROM (SELECT generate_series(1, :customers::int8) AS n) AS numbers) AS orders
		) AS measured
	WHERE answer IS DISTINCT FROM NULL OR known > 0;
\endif
