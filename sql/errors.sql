--
-- errors.sql
--
-- Proves that each mistake in a call of a rate raises an error, and never
-- returns a wrong number.
--
SET TimeZone = 'UTC';

-- Run a query; return its error (SQLSTATE, message, detail, hint), or its result
CREATE FUNCTION complaint(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text; detail text; hint text;
BEGIN
  EXECUTE query INTO result;
  RETURN 'no error: ' || coalesce(result, 'NULL');
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(E'\n', sqlstate || ': ' || sqlerrm, nullif('detail: ' || detail, 'detail: '),
                   nullif('hint: ' || hint, 'hint: '));
END $$;

CREATE TEMP TABLE orders (
  customer_id int, name text COLLATE "C", nick text COLLATE "POSIX",
  ordered_at timestamptz, happened timestamp, day date);
INSERT INTO orders VALUES
  (1, 'Ann', 'A', '2023-01-01', '2023-01-01', '2023-01-01'),
  (1, 'Ann', 'A', '2024-01-02', '2024-01-02', '2024-01-02');

\pset format unaligned
-- Both rates raise an error for each mistake; mistakes of the customer are tested with one of them
SELECT mistake, rate, complaint(format('SELECT %s(%s FROM orders', rate, call))
FROM (VALUES
  ( 1, 'period that is NULL',        $$customer_id, ordered_at, NULL, '90 days')$$),
  ( 2, 'empty period',               $$customer_id, ordered_at, 'empty', '90 days')$$),
  ( 3, 'empty period of equal bounds', $$customer_id, day, '(2024-01-01,2024-01-02)', '90 days')$$),
  ( 4, 'empty period of timestamps',
   $$customer_id, happened, '(2024-01-01,2024-01-01 00:00:00.000001)', '90 days')$$),
  ( 5, 'no lower bound',             $$customer_id, ordered_at, '(,2024-01-01)', '90 days')$$),
  ( 6, 'infinite lower bound',
   $$customer_id, happened, '[-infinity,2024-01-01)', '90 days')$$),
  ( 7, 'infinite lower bound, date', $$customer_id, day, '[-infinity,2024-01-01)', '90 days')$$),
  ( 8, 'lower bound at infinity',    $$customer_id, day, '[infinity,)', '90 days')$$),
  ( 9, 'threshold of zero',          $$customer_id, ordered_at, '[2024-01-01,2024-02-01)', '0')$$),
  (10, 'negative threshold',
   $$customer_id, ordered_at, '[2024-01-01,2024-02-01)', '-90 days')$$),
  (11, 'threshold of mixed signs, zero in sum',
   $$customer_id, ordered_at, '[2024-01-01,2024-02-01)', '1 month -30 days')$$),
  (12, 'threshold of mixed signs that leads forward',
   $$customer_id, day, '[2023-03-01,2023-04-01)', '1 month -29 days')$$),
  (13, 'threshold before the first date',
   $$customer_id, day, '[2024-01-01,2024-02-01)', '10000 years')$$),
  (14, 'type that cannot be hashed', $$point(1,2), day, '[2024-01-01,2024-02-01)', '90 days')$$),
  (15, 'composite type with a column that cannot be hashed',
   $$row(1, point(1,2)), day, '[2024-01-01,2024-02-01)', '90 days')$$),
  (16, 'unknown collation',          $$name || nick, day, '[2024-01-01,2024-02-01)', '90 days')$$)
) m(no, mistake, call),
(VALUES ('reactivation_rate'), ('winback_rate')) r(rate)
WHERE no < 14 OR rate = 'winback_rate'
ORDER BY no, rate;

-- inactive_after must not be NULL (churned_after may be)
SELECT complaint($$
  SELECT reactivation_rate(customer_id, ordered_at, '[2024-01-01,2024-02-01)', NULL) FROM orders$$);

-- a parameter changes within a group
SELECT complaint($$
  SELECT reactivation_rate(customer_id, day,
                           daterange('2024-01-01',
                                     date '2024-02-01' + (day > '2023-06-01')::int),
                           '90 days') FROM orders$$);
SELECT complaint($$
  SELECT winback_rate(customer_id, day, daterange('2024-01-01', '2024-02-01'),
                      CASE WHEN day > '2023-06-01' THEN interval '1 month'
                           ELSE '30 days' END) FROM orders$$);
SELECT complaint($$
  SELECT winback_rate(customer_id, day, daterange('2024-01-01', '2024-02-01'),
                      CASE WHEN day < '2023-06-01' THEN interval '1 month' ELSE '2 months' END)
    FROM orders$$);
-- over plain orders nobody cancels, so nobody could churn; with events somebody can
SELECT complaint($$
  SELECT winback_rate(customer_id, day, '[2024-01-01,2024-02-01)', NULL) FROM orders$$);
SELECT complaint($$
  SELECT winback_rate(customer_id, day, lifecycle_event 'purchase', '[2024-01-01,2024-02-01)', NULL)
    FROM orders$$);
-- the same period, written in two ways, does not count as a change
SELECT complaint($$
  SELECT reactivation_rate(customer_id, happened,
                           CASE WHEN happened > '2023-06-01'
                                THEN tsrange '[2024-01-01,2024-01-31 23:59:59.999999]'
                                ELSE '[2024-01-01,2024-02-01)' END,
                           '90 days') FROM orders$$);
-- a row without a customer is ignored, and so are its parameters
SELECT complaint($$SELECT reactivation_rate(nullif(customer_id, 1), day, NULL, NULL) FROM orders$$);

-- Nobody can call the internal functions from SQL: PostgreSQL refuses the value of type internal
-- (in older minor versions) or the call (in newer ones)
SELECT call,
       regexp_replace(complaint('SELECT ' || call || ' FROM orders'),
                      '^(0A000|42846|42883): .*$', 'refused'),
       EXISTS (SELECT FROM pg_proc WHERE proname = split_part(call, '(', 1)) AS there
FROM (VALUES
  (1, $$reactivation_rate_final(NULL)$$),
  (2, $$customer_state_deserial('\x01', NULL)$$),
  (3, $$reactivation_trans(NULL::internal, 1, day, '[2024-01-01,2024-02-01)', '1 day')$$),
  (4, $$customer_state_combine(NULL, NULL)$$)
) c(no, call)
ORDER BY no;

-- a number without a unit counts seconds: over dates that is a mistake, over timestamps a warning,
-- once a query, whatever the number of groups and aggregates
SELECT complaint($$
  SELECT reactivation_rate(customer_id, day, '[2024-01-01,2024-02-01)', '180') FROM orders$$);
SELECT complaint($$
  SELECT winback_rate(customer_id, day, '[2024-01-01,2024-02-01)', '23:59:59') FROM orders$$);
SELECT winback_rate(customer_id, day, '[2024-01-01,2024-02-01)', '24:00:00') IS NOT NULL AS a_day
  FROM orders;
SELECT count(tally) > 0 AS warned_once
  FROM (SELECT customer_id, winback_tally(customer_id, day::timestamp,
                                          '[2024-01-01,2024-02-01)', '180 days'),
               reactivation_tally(customer_id, day::timestamp,
                                  '[2024-01-01,2024-02-01)', '180') AS tally,
               lifecycle_at(day::timestamp, '2024-01-01', '30', '59:59') AS standing
          FROM orders GROUP BY customer_id) s;
SELECT winback_rate(customer_id, day::timestamp, '[2024-01-01,2024-02-01)', '1 hour') IS NOT NULL
         AS not_warned
  FROM orders;
DROP FUNCTION complaint;
