-- report.sql
--   Prints the results as tables for people to read, and writes them as JSON to :json.

-- a contender's median time in each round, and over all rounds
CREATE VIEW by_round AS
SELECT contender, round, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS seconds
FROM runs
GROUP BY contender, round;

CREATE VIEW result AS
SELECT contender, place, title,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS seconds,
	min(seconds) AS least, max(seconds) AS greatest,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds / winback) AS ratio
FROM contenders
JOIN by_round USING (contender)
JOIN (SELECT round, seconds AS winback
	FROM by_round WHERE contender = 'reactivation') AS own USING (round)
GROUP BY contender, place, title;

-- The figures.  Of the plain statements and of those with lag(), each uses the fastest.
CREATE VIEW fastest AS
SELECT DISTINCT ON (family) family, contender
FROM result, substring(contender FROM '^(plain|lag)') AS family
WHERE family IS NOT NULL
ORDER BY family, seconds;

CREATE VIEW figure AS
WITH pair (place, title, dividend, divisor, at_most, at_least) AS (
	VALUES (1, 'reactivation_rate / max, max', 'reactivation', 'max_max', 1.6, NULL),
		(2, 'best plain SQL / reactivation_rate',
			(SELECT contender FROM fastest WHERE family = 'plain'), 'reactivation', NULL, 4),
		(3, 'best lag() / reactivation_rate',
			(SELECT contender FROM fastest WHERE family = 'lag'), 'reactivation', NULL, 8),
		(4, '60-month series / reactivation_rate', 'series', 'reactivation', 1.5, NULL),
		(5, '60-month series with events / reactivation_rate', 'series_events', 'reactivation',
			NULL, NULL),
		(6, '60-month series with amounts / reactivation_rate', 'series_revenue', 'reactivation',
			NULL, NULL),
		(7, 'plain SQL over an index / reactivation_rate', 'indexed', 'reactivation', NULL, NULL),
		(8, '200,000 groups / 20,000 groups', 'groups_200000', 'groups_20000', NULL, NULL),
		(9, 'reactivation_rate / count(*)', 'reactivation', 'count', 1.0, NULL),
		(10, 'reactivation_rate / count(*), 2 processes each', 'parallel', 'count_parallel',
			1.0, NULL),
		(11, 'without the Winback Scan / max, max', 'aggregate', 'max_max', NULL, NULL),
		(14, 'with / without the scan: behind texts', 'shop', 'shop_aggregate', 1.0, NULL),
		(15, 'with / without the scan: three counts behind texts', 'shop_counts',
			'shop_counts_aggregate', 1.0, NULL),
		(16, 'with / without the scan: six tallies behind eight texts', 'texts_events',
			'texts_events_aggregate', 1.0, NULL),
		(17, 'with / without the scan: six tallies behind 120 columns', 'wide_events',
			'wide_events_aggregate', 1.0, NULL),
		(18, 'return_curve / reactivation_rate', 'curve', 'reactivation', 3, NULL),
		(19, 'return_curve_at / reactivation_rate', 'curve_at', 'reactivation', 3, NULL),
		(20, 'plain SQL of the curve / return_curve', 'curve_plain', 'curve', NULL, 4)
)
SELECT place, title, dividend, divisor, at_most, at_least,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY a.seconds / b.seconds)::numeric AS value,
	min(a.seconds / b.seconds)::numeric AS least, max(a.seconds / b.seconds)::numeric AS greatest
FROM pair
JOIN by_round AS a ON a.contender = dividend
JOIN by_round AS b ON b.contender = divisor AND b.round = a.round
GROUP BY place, title, dividend, divisor, at_most, at_least
UNION ALL
SELECT 12, 'bytes a customer with int8 keys, scattered, at worst', NULL, NULL, 32, NULL,
	max(bytes / customers::numeric), NULL, NULL
FROM memory
WHERE key = 'scattered'
UNION ALL
SELECT 13, 'bytes a customer of a 60-month series', NULL, NULL, 96, NULL,
	max(bytes / customers::numeric), NULL, NULL
FROM memory
WHERE key = 'series';

CREATE VIEW judged AS
SELECT *,
	coalesce('at most ' || at_most, 'at least ' || at_least, '') AS "limit",
	CASE WHEN value <= at_most OR value >= at_least THEN 'met'
		WHEN at_most IS NULL AND at_least IS NULL THEN ''
		ELSE 'NOT met' END AS verdict
FROM figure;

CREATE VIEW setting AS
SELECT name, current_setting(name) AS value
FROM unnest(ARRAY['shared_buffers', 'work_mem', 'hash_mem_multiplier', 'jit',
	'max_parallel_workers_per_gather',
	'fsync', 'autovacuum', 'TimeZone', 'lc_collate']) AS name
WHERE current_setting(name, true) IS NOT NULL;

\pset format aligned
\pset tuples_only off
\pset footer off
\pset border 1

\echo :orders orders, :rounds rounds, warm; median over the rounds, least and greatest round
SELECT title AS contender,
	to_char(seconds, '9990.000') AS "  seconds",
	to_char(least, 'FM9990.000') || ' to ' || to_char(greatest, 'FM9990.000') AS spread,
	to_char(ratio, '990.00') AS "times reactivation_rate"
FROM result
ORDER BY place;

\echo Bytes of state a customer: peak private memory beyond that of max, max over the same rows
SELECT key AS "key, or series", customers, to_char(bytes, '999,999,999') AS bytes,
	to_char(bytes / customers::numeric, '990.0') AS "a customer"
FROM memory
ORDER BY array_position(ARRAY['int8', 'scattered', 'uuid', 'text', 'series', 'series_events'], key),
	customers;

SELECT title AS figure, to_char(value, '990.00') AS value,
	coalesce(to_char(least, 'FM990.00') || ' to ' || to_char(greatest, 'FM990.00'), '') AS spread,
	"limit", verdict
FROM judged
ORDER BY place;

\pset tuples_only on
\pset format unaligned
\echo 'machine: ' :cpu, :cores cores, load :load_before before and :load_after at the end
SELECT 'server:  ' || version();
SELECT '         ' || string_agg(name || ' ' || value, ', ') FROM setting;
\echo 'winback: ' :commit

\o :json
SELECT jsonb_pretty(jsonb_build_object(
	'orders', :orders, 'rounds', :rounds, 'commit', :'commit',
	'machine', jsonb_build_object('cpu', :'cpu', 'cores', :cores,
		'load_before', :load_before, 'load_after', :load_after),
	'server', version(),
	'settings', (SELECT jsonb_object_agg(name, value) FROM setting),
	'contenders', (SELECT jsonb_agg(to_jsonb(result) - 'place' || jsonb_build_object('runs',
			(SELECT jsonb_agg(jsonb_build_array(round, seconds) ORDER BY round)
				FROM runs WHERE runs.contender = result.contender)) ORDER BY place) FROM result),
	'memory', (SELECT jsonb_agg(to_jsonb(memory)) FROM memory),
	'figures', (SELECT jsonb_agg(to_jsonb(judged) - 'place' ORDER BY place) FROM judged)));
\o
