--
-- customer_history.sql
--
-- The type customer_history: the stored format and its test vectors, text and jsonb, comparison,
-- sums, history_agg, unnest, the head, the functions of one history, errors, and damaged bytes.
-- property_history.sql compares histories with rows over generated customers, and t/030_types.pl
-- sends and receives them.
--
SET client_min_messages = warning;
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SET TimeZone = 'UTC';
CREATE SCHEMA customer_history_test;
SET search_path = customer_history_test, public;
\getenv abs_srcdir PG_ABS_SRCDIR
\set vectors :abs_srcdir '/sql/include/history_vectors.sql'
\set ECHO none
\i :vectors
\set ECHO all

-- Only this test makes a history of bytes that nobody has checked.
CREATE CAST (bytea AS customer_history) WITHOUT FUNCTION;

-- The test vectors: bytes and text are each other, in both directions, and so is jsonb.
SELECT count(*) AS vectors,
       count(*) FILTER (WHERE customer_history_send(text::customer_history) = bytes) AS written,
       count(*) FILTER (WHERE bytes::customer_history::text = text) AS read,
       count(*) FILTER (WHERE customer_history_send(
                                bytes::customer_history::jsonb::customer_history) = bytes) AS jsonb
  FROM vectors;
-- the first that are not
SELECT no, bytes, customer_history_send(text::customer_history) AS written,
       bytes::customer_history AS read
  FROM vectors
 WHERE customer_history_send(text::customer_history) <> bytes
    OR bytes::customer_history::text <> text
 ORDER BY no LIMIT 3;
-- a byte for a purchase of a date column, and no byte for its kind
SELECT text, octet_length(bytes) AS bytes FROM vectors WHERE length(text) < 70 ORDER BY no;

--
-- Text
--
-- events in any order, with and without kinds, any white space, any case of the unit
SELECT ' { DATE;2024-03-01  cancellation ,2024-01-05,
         2024-02-01	purchase	49.90} '::customer_history;
-- input in other formats of time, output in ISO and UTC
SET TimeZone = 'America/New_York';
SELECT '{timestamptz; 2024-01-05 10:00 purchase, 1 July 2024 10:00, 2024-01-05 10:00+02 interest,
         2024-01-05 10:00 Europe/Berlin purchase 1.50, epoch}'::customer_history;
SET DateStyle = 'German';
SELECT '{timestamp; 05.01.2024 10:00:00.5, 2024-01-05 10:00}'::customer_history;
SELECT '{date; 05.01.2024, 0044-03-15 BC, 5874897-12-31}'::customer_history;
SET DateStyle = 'ISO, YMD';
SET TimeZone = 'UTC';
-- equal texts, equal histories; the scale of an amount counts, as it shows in sums
SELECT '{date; 2024-01-05, 2024-02-01}'::customer_history
         = '{date; 2024-02-01, 2024-01-05}' AS same,
       '{date; 2024-01-05 purchase 1.0}'::customer_history
         = '{date; 2024-01-05 purchase 1.00}' AS scales,
       '{date; 2024-01-05}'::customer_history = '{date; 2024-01-05, 2024-01-05}' AS duplicates,
       '{date; 2024-01-05}'::customer_history
         = '{timestamp; 2024-01-05}' AS units;

-- What is no history.
CREATE FUNCTION error_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
BEGIN
  EXECUTE query;
  RETURN 'none';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN concat_ws('; ', SQLSTATE, SQLERRM, nullif(detail, ''));
END $$;
SELECT text, error_of(format('SELECT %L::customer_history', text))
  FROM unnest(ARRAY['', '{}', 'date; 2024-01-05', '{date}', '{date;}', '{date; }', '{2024-01-05}',
                    '{time; 10:00}', '{date; 2024-01-05', '{date; 2024-01-05,}',
                    '{date; 2024-01-05,,2024-01-06}', '{date; 2024-01-05; 2024-01-06}',
                    '{date; 2024-01-32}', '{date; 2024-01-05 visit}', '{date; purchase}',
                    '{date; purchase 5}', '{date; 2024-01-05 purchase 5 EUR}',
                    '{date; 2024-01-05 purchase 5 6}', '{date; 2024-01-05 5}',
                    '{date; 2024-01-05 Purchase}', '{date; 2024-01-05 interest 1}',
                    '{date; 2024-01-05 cancellation NaN}', '{date; 2024-01-05 purchase 1e200000}',
                    '{timestamp; 300000-01-01}', '{date; 2024-01-05}}'])
       WITH ORDINALITY AS t (text, n)
 ORDER BY n;
-- the hint
SELECT '{2024-01-05}'::customer_history;

--
-- jsonb
--
SELECT '{timestamptz; 2024-01-05 10:00:00+00 interest, 2024-02-01 09:00:00.5+00 purchase 49.90,
         2024-02-02 09:00:00+00 purchase NaN, infinity}'::customer_history::jsonb;
-- events in any order, purchases without a kind, amounts as numbers and as strings
SELECT '{"events": [{"at": "2024-02-01", "amount": 1.50}, {"at": "2024-01-01", "amount": "2.50"},
                    {"at": "2024-01-02", "event": "interest", "amount": null}],
         "unit": "date"}'::jsonb::customer_history;
SELECT json, error_of(format('SELECT %L::jsonb::customer_history', json))
  FROM unnest(ARRAY['[]', '1', '{}', '{"unit": "date"}', '{"unit": "day", "events": []}',
                    '{"unit": 1, "events": [{"at": "2024-01-01"}]}',
                    '{"unit": "date", "events": []}', '{"unit": "date", "events": {}}',
                    '{"unit": "date", "events": [1]}', '{"unit": "date", "events": [[]]}',
                    '{"unit": "date", "events": [{}]}', '{"unit": "date", "events": [{"at": 1}]}',
                    '{"unit": "date", "events": [{"at": "soon"}]}',
                    '{"unit": "date", "events": [{"at": "2024-01-01", "event": "visit"}]}',
                    '{"unit": "date", "events": [{"at": "2024-01-01", "event": null}]}',
                    '{"unit": "date", "events": [{"at": "2024-01-01", "amount": true}]}',
                    '{"unit": "date", "events": [{"at": "2024-01-01", "amount": "five"}]}',
                    '{"unit": "date", "events": [{"at": "2024-01-01", "price": 5}]}',
                    '{"unit": "date", "events": [{"at": "2024-01-01", "event": "interest",
                                                  "amount": 5}]}',
                    '{"unit": "date", "events": [{"at": "2024-01-01"}], "name": 5}'])
       WITH ORDINALITY AS j (json, n)
 ORDER BY n;

--
-- Sums, order, grouping
--
-- a bag: an event that is in both histories is there twice
SELECT customer_history '{date; 2024-01-05 purchase 5.00}'
       || '{date; 2023-01-05, 2024-01-05 purchase 5.00, 2024-01-05 purchase 7}' AS sum;
SELECT customer_history '{date; 2024-01-05}' || NULL AS unknown;
SELECT error_of($$SELECT customer_history '{date; 2024-01-05}' || '{timestamp; 2024-01-05}'$$);
SELECT error_of($$SELECT history_agg(h::customer_history)
                    FROM unnest('{"{timestamptz; 2024-01-05}","{date; 2024-01-05}"}'::text[]) h$$);
-- grouping by hash and by sort
CREATE TABLE grouped AS
SELECT n, history_agg(date '2024-01-01' + i * (n % 7)) AS history
  FROM generate_series(1, 100) AS n, generate_series(1, 1 + n % 3) AS i GROUP BY n;
SET enable_sort = off;
SELECT count(*), sum(n) FROM (SELECT history, count(*) AS n FROM grouped GROUP BY history) AS g;
RESET enable_sort;
SET enable_hashagg = off;
SELECT count(*), sum(n) FROM (SELECT history, count(*) AS n FROM grouped GROUP BY history) AS g;
RESET enable_hashagg;
-- the order is one: all six operators agree with it
SELECT count(*) AS pairs,
       count(*) FILTER (WHERE ROW(a.history < b.history, a.history <= b.history,
                                  a.history >= b.history, a.history > b.history,
                                  a.history = b.history, a.history <> b.history)
                              = ROW(cmp < 0, cmp <= 0, cmp >= 0, cmp > 0, cmp = 0, cmp <> 0)
                          AND customer_history_cmp(b.history, a.history) = -cmp) AS agree
  FROM grouped AS a, grouped AS b, LATERAL customer_history_cmp(a.history, b.history) AS cmp;
-- indexes of both kinds
CREATE INDEX grouped_btree ON grouped (history);
CREATE INDEX grouped_hash ON grouped USING hash (history);
SET enable_seqscan = off;
SELECT count(*) FROM grouped WHERE history = '{date; 2024-01-04}';
RESET enable_seqscan;

--
-- history_agg
--
-- rows with a NULL time or event are ignored, a NULL amount is none; NULL without a row
SELECT history_agg(at, event, amount)
  FROM (VALUES (date '2024-01-05', lifecycle_event 'purchase', 5.00), (NULL, 'purchase', 1),
               ('2024-01-06', NULL, 1), ('2024-01-07', 'interest', NULL),
               ('2024-01-07', 'adjustment', -2.50), ('2024-01-08', 'cancellation', 0)
       ) AS v (at, event, amount);
SELECT history_agg(NULL::date) AS ignored, history_agg(NULL::date) FILTER (WHERE false) AS none,
       history_agg(NULL::customer_history) AS unknown;
SELECT error_of($$SELECT history_agg(now(), 'cancellation'::lifecycle_event, -5)$$);
-- as a window function, each result has the events so far
SELECT at, history_agg(at) OVER (ORDER BY at)
  FROM generate_series(timestamp '2024-01-01', '2024-01-04', '1 day') AS at ORDER BY at;
-- a customer with many events in reverse order, and toasted: the head is read without the rest
CREATE TABLE large AS
SELECT history_agg(timestamptz '2024-01-01' - n * interval '1 hour' - n % 7 * interval '1 us',
                   CASE n % 10 WHEN 0 THEN 'interest' ELSE 'purchase' END::lifecycle_event,
                   CASE n % 10 WHEN 0 THEN NULL ELSE n / 100.0 END) AS history
  FROM generate_series(1, 100000) AS n;
SELECT first_at(history), last_at(history), purchases(history),
       (SELECT count(*) FROM unnest(history)) AS events,
       pg_column_size(history) > 500000 AS is_large,
       history::text::customer_history = history AS reads_back,
       history = history_agg(history) OVER () AS adds_up
  FROM large;

--
-- unnest and the head, in the TimeZone of the session
--
SET TimeZone = 'America/New_York';
SELECT u.*, u.at::date AS day
  FROM unnest(customer_history '{date; 2024-01-05, 2024-07-01 adjustment -5.00, infinity}') AS u;
SELECT first_at(h), last_at(h), purchases(h)
  FROM (VALUES (customer_history '{timestamp; 2024-01-05 10:00:00 interest, 2024-07-01}'),
               ('{timestamptz; 2024-01-05 10:00:00+00 interest}'), ('{date; -infinity, infinity}')
       ) AS v (h);
SET TimeZone = 'UTC';

--
-- The functions of one history
--
-- a literal is read as the type of the history, with the bounds that it has in that type
SELECT h, lifecycle_at(h, '2024-02-01', '30 days', '60 days'),
       lifecycle_during(h, '(2024-01-31,2024-03-01]', '30 days', '60 days'),
       (explain_lifecycle(h, '(2024-01-31,2024-03-01]', '30 days', '60 days')).first_purchase
  FROM (VALUES (customer_history '{date; 2024-01-02, 2024-03-01}'),
               ('{timestamp; 2024-01-02 00:00:00, 2024-02-01 12:00:00 cancellation,
                  2024-03-01 00:00:00}'),
               ('{timestamptz; 2024-01-01 23:59:59.999999+00, 2024-03-01 00:00:00.000001+00}')
       ) AS v (h);
-- a value of another type is converted as PostgreSQL converts it for a column, or an error
SELECT time, type, error_of(format('SELECT lifecycle_at(%L::customer_history, %s ''2024-02-01'',
                                                       ''1 day'', ''2 days'')',
                                   '{' || time || '; 2024-01-01}', type)) AS as_of
  FROM unnest('{date,timestamp,timestamptz}'::text[]) AS time,
       unnest('{date,timestamp,timestamptz,text}'::text[]) AS type ORDER BY time, type;
SELECT time, type, error_of(format('SELECT lifecycle_during(%L::customer_history,
                                      %s ''[2024-02-01,2024-03-01)'', ''1 day'', ''2 days'')',
                                   '{' || time || '; 2024-01-01}', type)) AS period
  FROM unnest('{date,timestamp,timestamptz}'::text[]) AS time,
       unnest('{daterange,tsrange,tstzrange,text}'::text[]) AS type ORDER BY time, type;
-- a question that differs from row to row, in type of the history and in text
SELECT n, h, lifecycle_at(h, t, '30 days', '60 days')
  FROM (VALUES (1, customer_history '{date; 2024-01-01}', '2024-01-15'),
               (2, '{timestamp; 2024-01-01}', '2024-02-15'),
               (3, '{date; 2024-01-01}', '2024-02-15'),
               (4, '{date; 2024-01-01}', '2024-01-15'),
               (5, '{timestamptz; 2024-01-01}', '2024-04-01'), (6, NULL, '2024-04-01')
       ) AS v (n, h, t) ORDER BY n;
SELECT error_of($$SELECT lifecycle_at('{date; 2024-01-01}'::customer_history, text 'soon', '1 day',
                                      '2 days')$$);
-- PL/pgSQL calls a function again after a change of TimeZone: the same literal is another instant
CREATE FUNCTION in_zone(zone text) RETURNS lifecycle_status LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('TimeZone', zone, true);
  RETURN lifecycle_at(customer_history '{timestamptz; 2024-01-01 00:00:00+00}', '2024-01-31',
                      '30 days', '60 days');
END $$;
SELECT in_zone('UTC') AS utc, in_zone('America/New_York') AS new_york, in_zone('UTC') AS again;
SET TimeZone = 'UTC';
-- adjustments make nobody known, and without another event the question is not even read
SELECT lifecycle_at(h, '2024-02-01', '1 day', '2 days') AS at,
       lifecycle_during(h, '[2024-02-01,)', '1 day', '2 days') AS during,
       explain_lifecycle(h, 'empty', '1 day', '2 days') AS why
  FROM (VALUES (customer_history '{date; 2024-01-01 adjustment -5}')) AS v (h);
SELECT explain_lifecycle(customer_history '{date; -infinity}', '[2024-02-01,)', '1 day', '2 days');

--
-- Damaged bytes: an error, and never another answer than an error or a history.
--
CREATE FUNCTION use(h customer_history) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM h::text, h::jsonb, first_at(h), last_at(h), purchases(h),
          (SELECT count(*) FROM unnest(h)), h || h, customer_history_hash(h), h = h, history_agg(h),
          lifecycle_at(h, '2024-02-01', '1 day', '2 days'),
          explain_lifecycle(h, '[2024-02-01,)', '1 day', '2 days');
  RETURN 'history';
EXCEPTION
  WHEN data_corrupted THEN RETURN 'damaged';
  -- of the bytes of a numeric, and of an instant at the end of its type
  WHEN invalid_binary_representation OR datetime_field_overflow THEN RETURN 'error';
END $$;
SELECT what, use(bytes::bytea::customer_history)
  FROM (VALUES (1, 'nothing', '\x'),
               (2, 'a version alone', '\x01'),
               (3, 'another version', '\x020001'),
               (4, 'no events', '\x01000000'),
               (5, 'no instant', '\x010001'),
               (6, 'unit 3', '\x01030100'),
               (7, 'days in steps of milliseconds', '\x01040100'),
               (8, 'step 6', '\x01190100'),
               (9, 'step 7', '\x011d0100'),
               (10, 'amounts of kind 3', '\x01c0010000'),
               (11, 'a billion events', '\x0100ffffffff030001'),
               (12, 'too few bytes', '\x0100030005'),
               (13, 'too many bytes', '\x010001000000'),
               (14, 'an integer of 71 bits', '\x0100ffffffffffffffffffff01'),
               (15, 'a day out of range', '\x010001ffffffff7f'),
               (16, 'an event beyond the last one', '\x010003000506'),
               (17, 'more kinds than events', '\x0120010200'),
               (18, 'kind 3', '\x01200101000103'),
               (19, 'kinds without an end', '\x01200101007f00'),
               (20, 'a scale of 19', '\x014001001300'),
               (21, 'form 19', '\x018001001300'),
               (22, 'a numeric without an end', '\x01800100fe7f00'),
               (23, 'a numeric of an unknown sign', '\x01800100fe080000000080000000'),
               (24, 'a numeric of more digits than bytes', '\x01800100fe080002000000000000'),
               (25, 'a numeric that is a small integer', '\x01800100fe0a00010000000000000001'),
               (26, 'the least integer', '\x0180010000ffffffffffffffffff01'),
               (27, 'a numeric that is NaN', '\x01800100fe0800000000c0000000'),
               (28, 'an unknown form', '\x01800100fa'),
               (29, 'form 253 is NaN', '\x01800100fd'),
               (30, 'a history', '\x01000100')
       ) AS v (n, what, bytes)
 ORDER BY n;
SELECT error_of($$SELECT '\x020001'::bytea::customer_history::text$$);
SELECT error_of($$SELECT '\x01'::bytea::customer_history::text$$);
-- each byte of each test vector, replaced by each of some bytes, and the vector cut there
SELECT use(damaged::customer_history) IN ('history', 'damaged', 'error') AS handled,
       count(*) AS values
  FROM (SELECT set_byte(bytes, i, (get_byte(bytes, i) + change) % 256) AS damaged
          FROM vectors, generate_series(0, octet_length(bytes) - 1) AS i,
               unnest('{1,2,4,8,16,32,64,127,128,129,254,255}'::int[]) AS change
         UNION ALL
        SELECT substring(bytes FROM 1 FOR i)
          FROM vectors, generate_series(0, octet_length(bytes) - 1) AS i) AS d
 GROUP BY 1;

DROP SCHEMA customer_history_test CASCADE;
DROP CAST (bytea AS customer_history);
