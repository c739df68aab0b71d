--
-- lifecycle_event: labels, order, input and output, operator classes, casts, min and max,
-- comparison with text
--
CREATE SCHEMA event_test;
SET search_path = event_test, public;

-- the labels sort in the order of the definition, not of the alphabet
SELECT e FROM unnest('{adjustment,cancellation,purchase,interest}'::lifecycle_event[]) e ORDER BY e;

-- an event takes one byte and is passed by value
SELECT typlen, typbyval, typalign FROM pg_type WHERE typname = 'lifecycle_event';

-- input raises 22P02 for any other text, also for the labels of lifecycle_status, and the hint
-- lists the labels. If the text is a time or a period, another argument of an aggregate stands in
-- the place of the event, and the hint names the likely cause before the labels.
CREATE FUNCTION refused(query text, OUT code text, OUT message text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE query;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
                          hint = PG_EXCEPTION_HINT;
END $$;
\pset format unaligned
SELECT r.*
FROM unnest('{refund, active, Purchase, " purchase", "purchase ", "", 2024-01-01,
              2024-01-01 00:00:00+00, "Jan 1, 2024", 90 days, P90D, 1704067200,
              "[2024-01-01,2024-04-01)", "(,)"}'::text[]) WITH ORDINALITY u(input, n),
     refused(format('SELECT %L::lifecycle_event', input)) r ORDER BY n;
SELECT r.* FROM refused($$SELECT 'purchas'::text::lifecycle_event$$) r;
SELECT r.* FROM refused($$SELECT 'purchase'::lifecycle_status$$) r;
-- a period as two arguments, one threshold too many, and an event in the wrong place
CREATE TEMP TABLE orders (customer int, at timestamptz);
SELECT r.*
FROM unnest(ARRAY[
       $$reactivation_rate(customer, at, '2024-01-01', '2024-04-01', '90 days')$$,
       $$winback_tally(customer, at, '2024-01-01 00:00', '2024-04-01 00:00', '90 days')$$,
       $$reactivation_rate(customer, at, '[2024-01-01,2024-04-01)', '90 days', '1 year')$$,
       $$winback_rate(customer, at, '[2024-01-01,2024-04-01)', 'purchase', '90 days')$$,
       $$winback_rate_lost_after(customer, at, '2024-01-01', '2024-04-01', '90 days', '1 year')$$,
       $$lifecycle_at(at, '2024-01-01', '60 days', '180 days', '1 year')$$,
       $$lifecycle_during(at, '2024-01-01', '2024-04-01', '60 days', '180 days')$$])
     WITH ORDINALITY u(call, n), refused('SELECT ' || call || ' FROM orders') r ORDER BY n;
\pset format aligned

-- an event can neither be cast to a status nor be compared with one
\set VERBOSITY terse
SELECT 'interest'::lifecycle_event::lifecycle_status;
SELECT 'interest'::lifecycle_event = 'prospect'::lifecycle_status;
\set VERBOSITY default

-- an event casts to and from text, explicitly and by assignment
CREATE TEMP TABLE happenings (i int, e lifecycle_event, t text);
INSERT INTO happenings (i, e)
SELECT i, l::lifecycle_event
FROM unnest('{interest,purchase,cancellation,adjustment}'::text[]) WITH ORDINALITY u(l, i);
INSERT INTO happenings (i, e) SELECT 5, text 'purchase';
INSERT INTO happenings (i, e) SELECT 6, (varchar 'interest')::lifecycle_event;
UPDATE happenings SET t = e;
SELECT i, e, t, e::text = t AS same FROM happenings ORDER BY i;

-- every comparison of two events agrees with the comparison of their positions
SELECT count(*) AS pairs,
       count(*) FILTER (WHERE (a.e < b.e) = (a.i < b.i) AND (a.e <= b.e) = (a.i <= b.i)
                          AND (a.e = b.e) = (a.i = b.i) AND (a.e <> b.e) = (a.i <> b.i)
                          AND (a.e >= b.e) = (a.i >= b.i) AND (a.e > b.e) = (a.i > b.i)
                          AND sign(lifecycle_event_cmp(a.e, b.e)) = sign(a.i - b.i)) AS agree
FROM happenings a, happenings b WHERE a.i < 5 AND b.i < 5;

-- the binary form of an event is its label
SELECT count(*) AS values,
       count(*) FILTER (WHERE lifecycle_event_send(e) = convert_to(e::text, 'UTF8'))
         AS sent_as_label
FROM happenings;

-- amvalidate finds the operator classes valid
SELECT opcname, amname, amvalidate(o.oid)
FROM pg_opclass o JOIN pg_am a ON a.oid = opcmethod
WHERE opcintype = 'lifecycle_event'::regtype ORDER BY amname;

-- the four events have four hashes, and the extended hash with seed 0 has the same low bits
SELECT count(DISTINCT lifecycle_event_hash(e)) AS hashes,
       bool_and(lifecycle_event_hash(e) = lifecycle_event_hash_extended(e, 0)::bit(32)::int)
         AS extended_agrees,
       count(DISTINCT lifecycle_event_hash_extended(e, 42)) AS seeded_hashes
FROM happenings;

-- a btree index answers = and <=
CREATE INDEX ON happenings (e);
SET enable_seqscan = off;
SELECT i FROM happenings WHERE e <= 'purchase' ORDER BY e, i;
EXPLAIN (COSTS OFF) SELECT i FROM happenings WHERE e = 'cancellation';
RESET enable_seqscan;

-- events can be grouped by hash, and joined by hash and by merge
SET enable_sort = off;
SELECT count(*), sum(n)
FROM (SELECT e, count(*) AS n FROM happenings GROUP BY e HAVING count(*) > 1) g;
RESET enable_sort;
SET enable_mergejoin = off; SET enable_nestloop = off;
SELECT count(*) FROM happenings a JOIN happenings b USING (e);
SET enable_mergejoin = on; SET enable_hashjoin = off;
SELECT count(*) FROM happenings a JOIN happenings b USING (e);
RESET enable_mergejoin; RESET enable_nestloop; RESET enable_hashjoin;

-- an event can be a list partition key
CREATE TEMP TABLE parted (e lifecycle_event) PARTITION BY LIST (e);
CREATE TEMP TABLE parted_purchase PARTITION OF parted FOR VALUES IN ('purchase');
CREATE TEMP TABLE parted_other PARTITION OF parted
  FOR VALUES IN ('interest', 'cancellation', 'adjustment');
INSERT INTO parted SELECT e FROM happenings;
SELECT tableoid::regclass AS partition, count(*)
FROM parted GROUP BY tableoid ORDER BY tableoid::regclass::text COLLATE "C";

-- an event can be a hash partition key, and equal events lie in one partition
CREATE TEMP TABLE hashed (e lifecycle_event) PARTITION BY HASH (e);
CREATE TEMP TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TEMP TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO hashed SELECT e FROM happenings;
SELECT count(*) AS rows, max(n) AS partitions_of_one_value
FROM (SELECT *, count(*) OVER (PARTITION BY e, tableoid) -
                count(*) OVER (PARTITION BY e) + 1 AS n FROM hashed) h;

-- min() and max() follow the order of the labels and ignore NULL; without an event they are NULL
SELECT min(e), max(e), max(e) FILTER (WHERE i = 1) AS of_one, min(e) FILTER (WHERE i > 6) AS of_none
FROM (SELECT i, e FROM happenings UNION ALL SELECT 7, NULL) u;
-- the answer of an index is the same
SET enable_seqscan = off;
SELECT min(e), max(e) FROM happenings;
RESET enable_seqscan;

--
-- Comparison with text, which lifecycle_status.sql tests in depth
--

-- = and <> with a text on either side agree with the comparison of the labels; NULL gives NULL
SELECT count(*) AS pairs,
       count(*) FILTER (WHERE (a.e = b.t) = (a.e::text = b.t) AND (b.t = a.e) = (a.e::text = b.t)
                          AND (a.e <> b.t) = (a.e::text <> b.t)
                          AND (b.t <> a.e) = (a.e::text <> b.t)) AS agree
FROM happenings a, happenings b;
SELECT e = NULL::text AS eq_null, NULL::text <> e AS null_ne FROM happenings WHERE i = 1;
-- a literal and a parameter without a type are events
PREPARE untyped AS
SELECT count(*) FROM happenings WHERE e = $1 AND $2 <> e AND e IN ('purchase', $3);
SELECT parameter_types FROM pg_prepared_statements WHERE name = 'untyped';
EXECUTE untyped('purchase', 'interest', 'purchase');
-- an index serves a parameter that is declared as text
SET enable_seqscan = off; SET enable_bitmapscan = off; SET plan_cache_mode = force_generic_plan;
PREPARE declared(text) AS SELECT i FROM happenings WHERE e = $1 ORDER BY i;
EXPLAIN (COSTS OFF) EXECUTE declared('purchase');
EXECUTE declared('purchase');
RESET enable_seqscan; RESET enable_bitmapscan; RESET plan_cache_mode;
-- a text that is no label is an error, and not a value that differs
SELECT r.* FROM refused($$SELECT count(*) FROM happenings WHERE e = text 'refund'$$) r;
SELECT r.* FROM refused($$SELECT count(*) FROM happenings WHERE text 'Purchase' <> e$$) r;
-- an event and a status have no operator in common
\set VERBOSITY terse
SELECT lifecycle_event 'purchase' = lifecycle_status 'new';
