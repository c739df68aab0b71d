-- data.sql
--   The consultancy of this example advises on strategy, operations and IT. A
--   client takes an engagement, of a few weeks or of more than a year, and
--   perhaps another one later; a few write a letter to end the relationship.
--
--   The data: 600 clients, 2018 to 2024; "today" is 1 January 2025. Seven years are
--   needed, because a client counts as a former one only after two. The rows are the
--   same on every machine: random numbers come from the sha256 of the client and the
--   engagement, and all arithmetic is on integers.
--
--   The idea: clients come in one by one and take engagement after engagement,
--   with breaks of some months or some years. Public bodies come back after long
--   breaks, because they tender every few years; banks seldom do.

\set QUIET on
\set ON_ERROR_STOP on
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';

CREATE SCHEMA consulting_example;
SET search_path = consulting_example, public;

CREATE TABLE clients (
  client_id int PRIMARY KEY,
  name      text NOT NULL,
  sector    text NOT NULL,
  partner   text NOT NULL
);

CREATE TABLE engagements (
  engagement_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  client_id     int NOT NULL REFERENCES clients,
  practice      text NOT NULL,
  started_on    date NOT NULL,
  ended_on      date,
  fee           numeric(10) NOT NULL
);

CREATE TABLE departures (
  client_id int NOT NULL REFERENCES clients,
  left_on   date NOT NULL,
  reason    text NOT NULL,
  PRIMARY KEY (client_id, left_on)
);

COMMENT ON TABLE clients IS 'Clients and former clients';
COMMENT ON COLUMN clients.partner IS 'The partner who looks after the client';
COMMENT ON TABLE engagements IS 'The work that clients hired us for';
COMMENT ON COLUMN engagements.ended_on
  IS 'Last day of the work; NULL while it runs without an agreed end';
COMMENT ON COLUMN engagements.fee IS 'Total fee in euros';
COMMENT ON TABLE departures IS 'Letters by which a client ended the relationship';

INSERT INTO clients
SELECT id, format('Client %s', id),
       (ARRAY['industry', 'industry', 'public', 'finance'])[1 + get_byte(chance, 0) % 4],
       (ARRAY['Ames', 'Brandt', 'Costa'])[1 + get_byte(chance, 1) % 3]
  FROM generate_series(1, 600) AS id,
       sha256(convert_to(format('client %s', id), 'UTF8')) AS chance;

-- Each client takes engagement after engagement. The bytes of chance, 0 to 255, decide: 0 how
-- long the engagement runs, 1 whether the client leaves after it, 2 which kind of break follows,
-- 3 how long the break is, 4 the practice, 5 why the client leaves.
CREATE TEMP TABLE work AS
WITH RECURSIVE work AS (
  SELECT client_id, sector, 1 AS n, date '2018-01-08' + client_id * 21 / 5 AS started_on
    FROM clients
   UNION ALL
  SELECT client_id, sector, n + 1,
         ended_on
         + CASE WHEN get_byte(chance, 2) < CASE sector WHEN 'finance' THEN 70 ELSE 120 END
                  THEN 5 + get_byte(chance, 3)                 -- the next job
                WHEN get_byte(chance, 2) < 150
                  THEN 380 + get_byte(chance, 3)               -- after a year or so
                WHEN get_byte(chance, 2) < CASE sector WHEN 'public' THEN 220
                                                       WHEN 'industry' THEN 190
                                                       ELSE 165 END
                  THEN 740 + 3 * get_byte(chance, 3)           -- after some years
                ELSE 10000                                     -- never in these years
           END
         + CASE WHEN get_byte(chance, 1) < 38 THEN 200 ELSE 0 END
    FROM work,
         sha256(convert_to(format('client %s, engagement %s', client_id, n), 'UTF8')) AS chance,
         LATERAL (SELECT started_on + 15 + get_byte(chance, 0) * get_byte(chance, 0) / 110
                 ) AS e(ended_on)
   WHERE ended_on < '2025-01-01'
)
SELECT client_id, n, chance, started_on,
       started_on + 15 + get_byte(chance, 0) * get_byte(chance, 0) / 110 AS ended_on
  FROM work,
       sha256(convert_to(format('client %s, engagement %s', client_id, n), 'UTF8')) AS chance
 WHERE started_on < '2025-01-01';

INSERT INTO engagements (client_id, practice, started_on, ended_on, fee)
SELECT client_id,
       (ARRAY['strategy', 'operations', 'IT'])[1 + get_byte(chance, 4) % 3],
       started_on,
       -- half of the engagements that still run have an agreed end
       CASE WHEN ended_on < '2025-01-01' OR client_id % 2 = 0 THEN ended_on END,
       1000 * (8 + (ended_on - started_on) * (6 + get_byte(chance, 4) % 5) / 10)
  FROM work
 ORDER BY started_on, client_id;

INSERT INTO departures
SELECT client_id, ended_on + 10 + get_byte(chance, 5) % 60,
       (ARRAY['own team', 'competitor', 'fees', 'competitor'])[1 + get_byte(chance, 5) % 4]
  FROM work
 WHERE get_byte(chance, 1) < 38 AND ended_on < '2024-10-01';

DROP TABLE work;
ANALYZE clients, engagements, departures;
