--
-- lifecycle_status: labels, order, input and output, operator classes, casts, min and max,
-- comparison with text
--
CREATE SCHEMA status_test;
SET search_path = status_test, public;

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

--
-- min() and max()
--

-- min() and max() follow the order of the labels and ignore NULL; without a status they are NULL
SELECT min(s), max(s), max(s) FILTER (WHERE i = 4) AS of_one, min(s) FILTER (WHERE i > 8) AS of_none
FROM (SELECT i, s FROM statuses UNION ALL SELECT 9, NULL) u;
-- in groups and in windows they agree with sorting
SELECT count(*) AS groups,
       count(*) FILTER (WHERE min = sorted[1] AND max = sorted[cardinality(sorted)]) AS agree
FROM (SELECT min(s), max(s), array_agg(s ORDER BY s) AS sorted
        FROM (SELECT a.i * 8 + b.i AS g, unnest(ARRAY[a.s, b.s]) AS s FROM statuses a, statuses b) u
       GROUP BY g) v;
SELECT i, min(s) OVER w, max(s) OVER w FROM statuses
WINDOW w AS (ORDER BY i ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) ORDER BY i;

-- a table with 1000 customers of each status, in which text columns hold the labels
CREATE TABLE customers AS
SELECT n AS id, s, s::text COLLATE "C" AS label, s::varchar(20) COLLATE "POSIX" AS short
FROM generate_series(1, 7000) AS n, LATERAL (SELECT s FROM statuses WHERE i = 1 + n % 7) v;
INSERT INTO customers VALUES (7001, NULL, 'churned', 'churned'), (7002, 'churned', NULL, NULL);
CREATE INDEX ON customers (s);
VACUUM ANALYZE customers;
-- plan_lines returns the parts of the lines of a plan that match a regular expression
CREATE FUNCTION plan_lines(wanted text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  line text;
  lines text[];
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    lines := array_append(lines, substring(line FROM wanted));
  END LOOP;
  RETURN array_to_string(lines, '; ');
END $$;
-- an index answers min() and max()
SELECT min(s), max(s) FROM customers;
SELECT plan_lines('customers_s_idx', 'SELECT min(s), max(s) FROM customers');
-- parallel workers each have a minimum and a maximum
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2; SET enable_indexscan = off; SET enable_indexonlyscan = off;
SELECT min(s), max(s) FROM customers WHERE id > 10;
SELECT plan_lines('Finalize.*|Partial.*|Parallel.*',
                  'SELECT min(s), max(s) FROM customers WHERE id > 10');
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather; RESET enable_indexscan; RESET enable_indexonlyscan;

--
-- Comparison with text
--

-- = and <> with a text on either side agree with the comparison of the labels; NULL gives NULL
SELECT count(*) AS pairs,
       count(*) FILTER (WHERE (a.s = b.t) = (a.s::text = b.t) AND (b.t = a.s) = (a.s::text = b.t)
                          AND (a.s <> b.t) = (a.s::text <> b.t)
                          AND (b.t <> a.s) = (a.s::text <> b.t)) AS agree
FROM statuses a, statuses b;
SELECT s = NULL::text AS eq_null, NULL::text <> s AS null_ne,
       NULL::lifecycle_status = t AS null_eq, NULL::lifecycle_status <> t AS null_ne_text,
       s IS DISTINCT FROM NULL::text AS is_distinct, s IS NOT DISTINCT FROM t AS is_not_distinct
FROM statuses WHERE i = 1;

-- an untyped literal is still a status, on either side and in lists; a text is cast to one.
-- Comparisons that have nothing to do with a status keep their operators.
CREATE VIEW resolved AS
SELECT lifecycle_status 'new' = 'active' AS literal, 'active' <> lifecycle_status 'new' AS swapped,
       lifecycle_status 'new' IN ('active', 'new') AS in_list,
       lifecycle_status 'new' = ANY ('{active,new}') AS in_array,
       lifecycle_status 'new' BETWEEN 'new' AND 'active' AS between_literals,
       lifecycle_status 'new' IS DISTINCT FROM 'active' AS is_distinct,
       nullif(lifecycle_status 'new', 'active') AS null_if,
       CASE lifecycle_status 'new' WHEN 'active' THEN 1 END AS case_when,
       (lifecycle_status 'new', 1) = ('active', 1) AS in_row,
       lifecycle_status 'new' = text 'active' AS text_value,
       varchar 'active' = lifecycle_status 'new' AS varchar_value,
       lifecycle_status 'new' = 'active'::char(10) AS char_value,
       lifecycle_status 'new' = ANY (ARRAY[text 'active']) AS in_texts,
       'a' = 'b' AS two_literals, varchar 'a' = 'b' AS with_varchar, 'a' = name 'b' AS with_name,
       text 'a' <> 'b' AS with_text, 'a'::char(1) = 'b' AS with_char;
SELECT trim(line) AS line FROM regexp_split_to_table(pg_get_viewdef('resolved'), E'\n')
  WITH ORDINALITY AS u(line, n) ORDER BY n;
SELECT * FROM resolved \gx
DROP VIEW resolved;
-- a parameter without a type is a status
PREPARE untyped AS SELECT count(*) FROM customers WHERE s = $1 AND s <> ALL ($2);
SELECT parameter_types FROM pg_prepared_statements WHERE name = 'untyped';
EXECUTE untyped('churned', '{new}');

-- a parameter that a driver declares as text, a text column, a varchar, a domain, an expression
PREPARE declared(text, varchar, text[]) AS
SELECT count(*) FILTER (WHERE s = $1), count(*) FILTER (WHERE $2 = s),
       count(*) FILTER (WHERE s = ANY ($3)),
       count(*) FILTER (WHERE s <> $1), count(*) FILTER (WHERE s <> ALL ($3)) FROM customers;
EXECUTE declared('churned', 'won_back', '{churned,won_back}');
CREATE DOMAIN lost AS lifecycle_status CHECK (VALUE IN ('inactive', 'churned'));
CREATE DOMAIN word AS text;
SELECT count(*) FILTER (WHERE s = label) AS with_column,
       count(*) FILTER (WHERE short = s) AS with_varchar,
       count(*) FILTER (WHERE s = label::word) AS with_domain,
       count(*) FILTER (WHERE s = lower(upper(label))) AS with_expression,
       count(*) FILTER (WHERE s = 'churned   '::char(10)) AS with_char,
       count(*) FILTER (WHERE s = name 'churned') AS with_name
FROM customers;
SELECT lost 'churned' = text 'churned' AS domain_and_text,
       lost 'churned' = 'churned' AS domain_and_literal,
       'churned' = lost 'inactive' AS literal_and_domain;

-- an index serves: the planner puts the comparison of two statuses in place of the call
SET enable_seqscan = off; SET enable_bitmapscan = off; SET plan_cache_mode = force_generic_plan;
PREPARE one(text) AS SELECT id FROM customers WHERE s = $1;
PREPARE swapped(varchar) AS SELECT id FROM customers WHERE $1 = s;
PREPARE several(text[]) AS SELECT id FROM customers WHERE s = ANY ($1::lifecycle_status[]);
SELECT query, plan_lines('Index Cond.*', query)
FROM unnest(ARRAY['EXECUTE one(''churned'')', 'EXECUTE swapped(''churned'')',
                  'EXECUTE several(''{new}'')',
                  'SELECT id FROM customers WHERE s = text ''churned'''])
  WITH ORDINALITY AS u(query, n) ORDER BY n;
RESET enable_seqscan; RESET enable_bitmapscan; RESET plan_cache_mode;
-- joins by hash and by merge serve, and find what a comparison of the labels finds
CREATE TABLE labels AS SELECT t AS label FROM statuses WHERE i IN (2, 4, 5, 6);
INSERT INTO labels VALUES (NULL);
ANALYZE labels;
SELECT count(*) FROM customers c JOIN labels l ON c.s::text = l.label;
SET enable_nestloop = off; SET enable_mergejoin = off;
SELECT plan_lines('Hash Cond.*', 'SELECT FROM customers c JOIN labels l ON c.s = l.label');
SELECT count(*) FROM customers c JOIN labels l ON c.s = l.label;
SET enable_mergejoin = on; SET enable_hashjoin = off;
SELECT plan_lines('Merge Cond.*', 'SELECT FROM customers c JOIN labels l ON l.label = c.s');
SELECT count(*) FROM customers c JOIN labels l ON l.label = c.s;
RESET enable_nestloop; RESET enable_mergejoin; RESET enable_hashjoin;
SELECT count(*) FILTER (WHERE s IN (SELECT label FROM labels)) AS in_query,
       count(*) FILTER (WHERE s NOT IN (SELECT label FROM labels WHERE label IS NOT NULL))
         AS not_in,
       count(*) FILTER (WHERE EXISTS (SELECT FROM labels l WHERE l.label = s)) AS exist
FROM customers;
-- a partial index, a constraint and pruning take a text as they take a literal
CREATE TABLE by_status (s lifecycle_status CHECK (s <> text 'new')) PARTITION BY LIST (s);
CREATE TABLE by_status_churned PARTITION OF by_status FOR VALUES IN ('churned');
CREATE TABLE by_status_rest PARTITION OF by_status DEFAULT;
INSERT INTO by_status SELECT s FROM statuses WHERE s <> text 'new';
SELECT plan_lines('Scan on.*', 'SELECT FROM by_status WHERE s = text ''churned''');
CREATE INDEX churned_ids ON customers (id) WHERE s = text 'churned';
SET enable_seqscan = off;
SELECT plan_lines('churned_ids', 'SELECT id FROM customers WHERE s = ''churned'' ORDER BY id');
RESET enable_seqscan;

-- the collation of the text does not matter, not even if it cannot be determined
SELECT count(*) FROM customers WHERE s = label COLLATE "POSIX";
SELECT count(*) FROM customers WHERE left(label || short, length(label)) = s;

-- a text that is no label is an error, not a value that differs; so is a label in capitals
\set VERBOSITY sqlstate
SELECT count(*) FROM customers WHERE s = text 'lapsed';
\set VERBOSITY terse
SELECT count(*) FROM customers WHERE s = text 'lapsed';
SELECT count(*) FROM customers WHERE s <> text 'Churned';
SELECT count(*) FROM customers WHERE upper(label) = s;
SELECT count(*) FROM customers WHERE s = ANY (ARRAY['churned', text 'lapsed']);
EXECUTE one('churned ');
-- there is no order between a status and a text, and no operator for an event and a status
SELECT count(*) FROM customers WHERE s < label;
SELECT lifecycle_status 'active' <> lifecycle_event 'purchase';
\set VERBOSITY default

-- the operators do not depend on search_path, and move with the extension
CREATE SCHEMA trap;
CREATE FUNCTION trap.always(lifecycle_status, lifecycle_status) RETURNS boolean
LANGUAGE plpgsql AS 'BEGIN RAISE ''trapped''; END';
CREATE OPERATOR trap.= (LEFTARG = lifecycle_status, RIGHTARG = lifecycle_status,
                        FUNCTION = trap.always);
CREATE DOMAIN trap.lifecycle_status AS text;
SELECT extnamespace::regnamespace AS home FROM pg_extension WHERE extname = 'winback' \gset
SET search_path = trap;
SELECT count(*) FROM status_test.customers WHERE s OPERATOR(:home.=) 'churned'::text;
SELECT count(*) FROM status_test.customers WHERE s OPERATOR(:home.=) ANY (ARRAY['churned'::text]);
SET search_path = status_test, public;
BEGIN;
CREATE SCHEMA elsewhere;
ALTER EXTENSION winback SET SCHEMA elsewhere;
SELECT count(*) FROM customers WHERE s OPERATOR(elsewhere.=) text 'churned';
ROLLBACK;
