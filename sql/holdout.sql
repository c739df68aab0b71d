--
-- holdout: which customers, the same everywhere, evenly, independent salts, errors
--
SET client_min_messages = warning;
CREATE SCHEMA holdout;
SET search_path = holdout, public;
-- the definition in plain SQL, for 2000 customers as numbers and as text that is not ASCII
SELECT count(*) AS draws,
       count(*) FILTER (WHERE holdout(customer, salt, share)
                              = (number < share::numeric * 2::numeric ^ 64)) AS as_defined,
       count(*) FILTER (WHERE holdout(customer, salt, share)) AS held_out
  FROM generate_series(1, 2000) AS n,
       LATERAL (SELECT CASE WHEN n % 2 = 0 THEN n::text ELSE 'Zoë ' || n END AS customer,
                       'Frühling ' || n % 3 AS salt, (n % 7) / 6.0::float8 AS share) AS c,
       LATERAL (SELECT sha256(convert_to(salt, 'UTF8') || '\x00'
                              || convert_to(customer, 'UTF8')) AS digest) AS d,
       LATERAL (SELECT sum(get_byte(digest, i) * 256::numeric ^ (7 - i)) AS number
                  FROM generate_series(0, 7) AS i) AS b;
-- the first customers of a known draw: the same on every server, version and architecture
SELECT string_agg(customer::text, ' ' ORDER BY customer) AS held_out
  FROM generate_series(1, 100) AS customer WHERE holdout(customer, 'spring 2024', 0.1);
-- the type does not matter, only the text
SELECT count(*) AS customers,
       count(*) FILTER (WHERE holdout(n, 's', 0.5) = holdout(n::text, 's', 0.5)
                          AND holdout(n, 's', 0.5) = holdout(n::bigint, 's', 0.5)
                          AND holdout(n, 's', 0.5) = holdout(n::numeric, 's', 0.5)
                          AND holdout(n, 's', 0.5) = holdout(n::text::varchar(9), 's', 0.5)
                          AND holdout(n, 's', 0.5) = holdout(n::smallint, 's', 0.5)) AS same
  FROM generate_series(1, 500) AS n;
SELECT holdout(uuid '6ba7b810-9dad-11d1-80b4-00c04fd430c8', 's', 0.5)
         = holdout('6ba7b810-9dad-11d1-80b4-00c04fd430c8'::text, 's', 0.5) AS uuid_as_text;
CREATE DOMAIN customer_number AS int CHECK (value > 0);
SELECT count(*) FILTER (WHERE holdout(n::customer_number, 's', 0.5) = holdout(n, 's', 0.5))
         AS domains
  FROM generate_series(1, 100) AS n;
DROP DOMAIN customer_number;
-- salt and customer cannot be shifted into each other
SELECT count(*) FILTER (WHERE holdout('2' || n, '1', 0.5) <> holdout(n::text, '12', 0.5)) > 50
         AS apart
  FROM generate_series(1, 200) AS n;

-- over a million customers a share is even to 1e-3, and in each tenth of them to 5e-3
CREATE TEMP TABLE million AS
SELECT n, holdout(n, 'even', 0.1) AS h10, holdout(n, 'even', 0.5) AS h50,
       holdout(n, 'other', 0.5) AS o50
  FROM generate_series(1, 1000000) AS n;
SELECT abs(avg(h10::int) - 0.1) < 1e-3 AS h10, abs(avg(h50::int) - 0.5) < 1e-3 AS h50
  FROM million;
SELECT count(*) AS tenths, count(*) FILTER (WHERE abs(share - 0.5) < 5e-3) AS even
  FROM (SELECT avg(h50::int) AS share FROM million GROUP BY n % 10) AS t;
-- a larger share draws the same customers and more; another salt draws independently
SELECT count(*) FILTER (WHERE h10 AND NOT h50) AS not_nested,
       abs(avg((h50 AND o50)::int) - 0.25) < 1e-3 AS independent
  FROM million;
-- nobody of a share of 0, everybody of a share of 1, and the smallest shares draw nobody here
SELECT bool_or(holdout(n, 's', 0)) AS of_0, bool_and(holdout(n, 's', 1)) AS of_1,
       bool_or(holdout(n, 's', 1e-300)) AS of_1e_300,
       bool_and(holdout(n, 's', 0.99999999999999989)) AS of_nearly_1
  FROM generate_series(1, 10000) AS n;
-- settings do not change a draw
SET DateStyle = 'German'; SET extra_float_digits = -5; SET bytea_output = 'escape';
SELECT string_agg(customer::text, ' ' ORDER BY customer) AS held_out
  FROM generate_series(1, 100) AS customer WHERE holdout(customer, 'spring 2024', 0.1);
RESET DateStyle; RESET extra_float_digits; RESET bytea_output;
-- it may be used in an index and in a parallel plan
CREATE TABLE members (customer int);
INSERT INTO members SELECT generate_series(1, 1000);
CREATE INDEX ON members (customer) WHERE holdout(customer, 's', 0.1);
SELECT count(*) FROM members WHERE holdout(customer, 's', 0.1);
DROP TABLE members;
SELECT holdout(NULL::int, 's', 0.5) IS NULL AS no_customer,
       holdout(1, NULL, 0.5) IS NULL AS no_salt, holdout(1, 's', NULL) IS NULL AS no_share;

-- mistakes: a share that is none, and types whose text form depends on settings
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/sql/include/refused.sql'
\i :refused
\pset format unaligned
SELECT call, refused('SELECT ' || call) AS refused
  FROM unnest('{"holdout(1, ''s'', 5)", "holdout(1, ''s'', -0.1)", "holdout(1, ''s'', ''nan'')",
                "holdout(now(), ''s'', 0.5)", "holdout(current_date, ''s'', 0.5)",
                "holdout(1.5::float8, ''s'', 0.5)", "holdout(''\\x00''::bytea, ''s'', 0.5)",
                "holdout(ROW(1, 2), ''s'', 0.5)", "holdout(ARRAY[1, 2], ''s'', 0.5)",
                "holdout(interval ''1 day'', ''s'', 0.5)"}'::text[]) WITH ORDINALITY AS u (call, n)
 ORDER BY n;
\pset format aligned
DROP FUNCTION refused;
DROP SCHEMA holdout CASCADE;
