--
-- lifecycle_status: labels, order, input and output, operator classes, casts
--

-- the labels sort in the order of the definition, not of the alphabet
SELECT s
FROM unnest('{won_back,churned,new,reactivated,prospect,inactive,active}'::lifecycle_status[]) s
ORDER BY s;

-- a status takes one byte and is passed by value
SELECT typlen, typbyval, typalign FROM pg_type WHERE typname = 'lifecycle_status';

-- input raises an error for any other label and lists the seven labels
SELECT 'lapsed'::lifecycle_status;
\set VERBOSITY sqlstate
SELECT 'lapsed'::lifecycle_status;
\set VERBOSITY default
SELECT 'Active'::lifecycle_status;
SELECT ' active'::lifecycle_status;
SELECT ''::lifecycle_status;
SELECT 'activ'::text::lifecycle_status;

-- a status casts to and from text, explicitly and by assignment
CREATE TEMP TABLE statuses (i int, s lifecycle_status, t text);
INSERT INTO statuses (i, s)
SELECT i, l::lifecycle_status
FROM unnest('{prospect,new,active,inactive,churned,reactivated,won_back}'::text[])
     WITH ORDINALITY u(l, i);
INSERT INTO statuses (i, s) SELECT 8, text 'active';
UPDATE statuses SET t = s;
SELECT i, s, t, s::text = t AS same FROM statuses ORDER BY i;

-- every comparison of two statuses agrees with the comparison of their positions
SELECT count(*) AS pairs,
       count(*) FILTER (WHERE (a.s < b.s) = (a.i < b.i) AND (a.s <= b.s) = (a.i <= b.i)
                          AND (a.s = b.s) = (a.i = b.i) AND (a.s <> b.s) = (a.i <> b.i)
                          AND (a.s >= b.s) = (a.i >= b.i) AND (a.s > b.s) = (a.i > b.i)
                          AND lifecycle_status_cmp(a.s, b.s) = lifecycle_status_cmp(b.s, a.s) * -1)
         AS agree
FROM statuses a, statuses b WHERE a.i < 8 AND b.i < 8;

-- the binary form of a status is its label
SELECT count(*) AS values,
       count(*) FILTER (WHERE lifecycle_status_send(s) = convert_to(s::text, 'UTF8'))
         AS sent_as_label
FROM statuses;

-- amvalidate finds the operator classes valid
SELECT opcname, amname, amvalidate(o.oid)
FROM pg_opclass o JOIN pg_am a ON a.oid = opcmethod
WHERE opcintype = 'lifecycle_status'::regtype ORDER BY amname;

-- the seven statuses have seven hashes, and the extended hash with seed 0 has the same low bits
SELECT count(DISTINCT lifecycle_status_hash(s)) AS hashes,
       bool_and(lifecycle_status_hash(s) = lifecycle_status_hash_extended(s, 0)::bit(32)::int)
         AS extended_agrees,
       count(DISTINCT lifecycle_status_hash_extended(s, 42)) AS seeded_hashes
FROM statuses;

-- a btree index answers = and >=
CREATE INDEX ON statuses (s);
SET enable_seqscan = off;
SELECT i FROM statuses WHERE s >= 'reactivated' ORDER BY s, i;
EXPLAIN (COSTS OFF) SELECT i FROM statuses WHERE s = 'churned';
RESET enable_seqscan;

-- statuses can be grouped by hash, and joined by hash and by merge
SET enable_sort = off;
SELECT s, count(*) FROM statuses GROUP BY s HAVING count(*) > 1;
RESET enable_sort;
SET enable_mergejoin = off; SET enable_nestloop = off;
SELECT count(*) FROM statuses a JOIN statuses b USING (s);
SET enable_mergejoin = on; SET enable_hashjoin = off;
SELECT count(*) FROM statuses a JOIN statuses b USING (s);
RESET enable_mergejoin; RESET enable_nestloop; RESET enable_hashjoin;

-- a status can be a hash partition key
CREATE TEMP TABLE parted (s lifecycle_status) PARTITION BY HASH (s);
CREATE TEMP TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TEMP TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parted SELECT s FROM statuses;
SELECT count(*) AS rows, count(DISTINCT tableoid) AS partitions FROM parted;
