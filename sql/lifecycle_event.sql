--
-- lifecycle_event: labels, order, input and output, operator classes, casts
--

-- the labels sort in the order of the definition, not of the alphabet
SELECT e FROM unnest('{cancellation,purchase,interest}'::lifecycle_event[]) e ORDER BY e;

-- an event takes one byte and is passed by value
SELECT typlen, typbyval, typalign FROM pg_type WHERE typname = 'lifecycle_event';

-- input raises an error for any other label, also for those of lifecycle_status,
-- and lists the three labels
SELECT 'refund'::lifecycle_event;
\set VERBOSITY sqlstate
SELECT 'refund'::lifecycle_event;
\set VERBOSITY default
SELECT 'active'::lifecycle_event;
SELECT 'Purchase'::lifecycle_event;
SELECT ' purchase'::lifecycle_event;
SELECT 'purchase '::lifecycle_event;
SELECT ''::lifecycle_event;
SELECT 'purchas'::text::lifecycle_event;
SELECT 'purchase'::lifecycle_status;

-- an event can neither be cast to a status nor be compared with one
\set VERBOSITY terse
SELECT 'interest'::lifecycle_event::lifecycle_status;
SELECT 'interest'::lifecycle_event = 'prospect'::lifecycle_status;
\set VERBOSITY default

-- an event casts to and from text, explicitly and by assignment
CREATE TEMP TABLE happenings (i int, e lifecycle_event, t text);
INSERT INTO happenings (i, e)
SELECT i, l::lifecycle_event
FROM unnest('{interest,purchase,cancellation}'::text[]) WITH ORDINALITY u(l, i);
INSERT INTO happenings (i, e) SELECT 4, text 'purchase';
INSERT INTO happenings (i, e) SELECT 5, (varchar 'interest')::lifecycle_event;
UPDATE happenings SET t = e;
SELECT i, e, t, e::text = t AS same FROM happenings ORDER BY i;

-- every comparison of two events agrees with the comparison of their positions
SELECT count(*) AS pairs,
       count(*) FILTER (WHERE (a.e < b.e) = (a.i < b.i) AND (a.e <= b.e) = (a.i <= b.i)
                          AND (a.e = b.e) = (a.i = b.i) AND (a.e <> b.e) = (a.i <> b.i)
                          AND (a.e >= b.e) = (a.i >= b.i) AND (a.e > b.e) = (a.i > b.i)
                          AND sign(lifecycle_event_cmp(a.e, b.e)) = sign(a.i - b.i)) AS agree
FROM happenings a, happenings b WHERE a.i < 4 AND b.i < 4;

-- the binary form of an event is its label
SELECT count(*) AS values,
       count(*) FILTER (WHERE lifecycle_event_send(e) = convert_to(e::text, 'UTF8'))
         AS sent_as_label
FROM happenings;

-- amvalidate finds the operator classes valid
SELECT opcname, amname, amvalidate(o.oid)
FROM pg_opclass o JOIN pg_am a ON a.oid = opcmethod
WHERE opcintype = 'lifecycle_event'::regtype ORDER BY amname;

-- the three events have three hashes, and the extended hash with seed 0 has the same low bits
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
CREATE TEMP TABLE parted_other PARTITION OF parted FOR VALUES IN ('interest', 'cancellation');
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
