-- data.sql
--   The marketing agency of this example: companies ask it for a pitch for their
--   search, social media or brand work. Some sign a contract of a year, which is
--   renewed, runs out, or is terminated early; most turn the agency down.
--
--   The data: 1,500 companies, from July 2021 to 2024; "today" is 1 January 2025.
--   The rows are the same on every machine: random numbers come from the sha256 of
--   the company, and all arithmetic is on integers.
--
--   The idea: a lost pitch is not the end; some companies ask again. Whether a
--   former client returns depends on why it left. A client may have two contracts,
--   and terminate only one of them.

\set QUIET on
\set ON_ERROR_STOP on
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';

CREATE SCHEMA agency_example;
SET search_path = agency_example, public;

CREATE TABLE companies (
  company_id int PRIMARY KEY,
  name       text NOT NULL,
  industry   text NOT NULL
);

CREATE TABLE pitches (
  pitch_id     int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  company_id   int NOT NULL REFERENCES companies,
  pitched_on   date NOT NULL,
  won          boolean NOT NULL,
  lost_because text
);

CREATE TABLE contracts (
  contract_id        int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  client_id          int NOT NULL REFERENCES companies,
  service            text NOT NULL,
  monthly_fee        numeric(8) NOT NULL,
  signed_on          date NOT NULL,
  starts_on          date NOT NULL,
  ends_on            date NOT NULL,
  terminated_on      date,
  termination_reason text
);

COMMENT ON TABLE companies IS 'Clients, former clients, and companies we only pitched to';
COMMENT ON TABLE pitches IS 'Pitches: each time a company asked us for a proposal';
COMMENT ON TABLE contracts IS 'Mandates, mostly for a year; a renewal is a row of its own';
COMMENT ON COLUMN contracts.ends_on IS 'Last day of the term agreed';
COMMENT ON COLUMN contracts.terminated_on
  IS 'Last day, if the client gave notice before the end of the term';

INSERT INTO companies
SELECT id, format('Company %s', id),
       (ARRAY['food', 'fashion', 'machinery', 'health'])[1 + get_byte(chance, 0) % 4]
  FROM generate_series(1, 1500) AS id,
       sha256(convert_to(format('company %s', id), 'UTF8')) AS chance;

-- Each company gets a first pitch and, if that is lost, sometimes a second one. The bytes of
-- chance, 0 to 255, decide: 1 whether the pitch is won, 2 why it is lost, 3 whether the company
-- asks again, 4 when.
INSERT INTO pitches (company_id, pitched_on, won, lost_because)
SELECT company_id, pitched_on, won, CASE WHEN NOT won THEN lost_because END
  FROM companies,
       sha256(convert_to(format('company %s', company_id), 'UTF8')) AS chance,
       LATERAL (
         SELECT date '2021-07-01' + company_id * 5 / 6, get_byte(chance, 1) < 125,
                (ARRAY['price', 'idea', 'no budget', 'price'])[1 + get_byte(chance, 2) % 4]
       ) AS first_one(first_on, first_won, lost_because),
       LATERAL (
         SELECT first_on, first_won
          UNION ALL
         SELECT first_on + 180 + 3 * get_byte(chance, 4), get_byte(chance, 4) % 3 > 0
          WHERE NOT first_won
            AND get_byte(chance, 3) < CASE lost_because WHEN 'no budget' THEN 190
                                                        WHEN 'price' THEN 90
                                                        ELSE 40 END
       ) AS pitch(pitched_on, won)
 WHERE pitched_on < '2024-12-15'
 ORDER BY pitched_on, company_id;

-- Each company signs contract after contract, from the first pitch that it won us. The bytes of
-- chance decide: 0 how soon the contract starts, 1 how it ends, 2 why, 3 when, 4 whether the
-- client comes back, 5 when, 6 the service, 7 the fee. Four of nine contracts are renewed, and a
-- third are terminated.
CREATE TEMP TABLE mandate AS
WITH RECURSIVE mandate AS (
  SELECT company_id, 0 AS n, NULL::bytea AS chance, NULL::date AS signed_on,
         NULL::date AS starts_on, NULL::date AS ends_on, NULL::date AS terminated_on,
         NULL AS reason,
         false AS renewed, min(pitched_on) + 14 AS next_on
    FROM pitches
   WHERE won
   GROUP BY company_id
   UNION ALL
  SELECT company_id, n + 1, next.chance, next_on, start, term,
         CASE WHEN fate = 'terminated' THEN notice END, CASE WHEN fate = 'terminated' THEN why END,
         fate = 'renewed',
         CASE WHEN fate = 'renewed' THEN term - 20
              WHEN fate = 'ran out' AND get_byte(next.chance, 4) < 100
                THEN term + 60 + 3 * get_byte(next.chance, 5)
              WHEN fate = 'terminated'
                   AND get_byte(next.chance, 4) < CASE why WHEN 'new management' THEN 150
                                                           WHEN 'price' THEN 100
                                                           WHEN 'in-house team' THEN 70
                                                           ELSE 20 END
                THEN notice + 70 + 2 * get_byte(next.chance, 5)
         END
    FROM mandate,
         sha256(convert_to(format('company %s, contract %s', company_id, n + 1), 'UTF8'))
           AS next(chance),
         LATERAL (
           SELECT next_on + CASE WHEN renewed THEN 21 ELSE 10 + get_byte(next.chance, 0) % 50 END,
                  CASE WHEN get_byte(next.chance, 1) < 114 THEN 'renewed'
                       WHEN get_byte(next.chance, 1) < 199 THEN 'terminated'
                       ELSE 'ran out' END,
                  (ARRAY['price', 'new management', 'in-house team', 'results']
                  )[1 + get_byte(next.chance, 2) % 4]
         ) AS s(start, fate, why),
         LATERAL (
           SELECT (start + interval '1 year')::date - 1, start + 90 + get_byte(next.chance, 3)
         ) AS e(term, notice)
   WHERE next_on < '2025-01-01'
)
SELECT * FROM mandate WHERE n > 0;

-- the agency pitched again to each client that came back
INSERT INTO pitches (company_id, pitched_on, won)
SELECT company_id, signed_on - 14, true
  FROM mandate AS this
 WHERE n > 1
   AND NOT EXISTS (
         SELECT FROM mandate AS last
          WHERE last.company_id = this.company_id AND last.n = this.n - 1 AND last.renewed
       )
 ORDER BY signed_on, company_id;

-- notice is given a month before the last day
INSERT INTO contracts (client_id, service, monthly_fee, signed_on, starts_on, ends_on,
                       terminated_on, termination_reason)
SELECT company_id, (ARRAY['search', 'brand'])[1 + get_byte(chance, 6) % 2],
       1500 + 25 * get_byte(chance, 7), signed_on, starts_on, ends_on,
       CASE WHEN terminated_on < '2025-02-01' THEN terminated_on END,
       CASE WHEN terminated_on < '2025-02-01' THEN reason END
  FROM mandate
 UNION ALL
-- beside a third of the contracts there is one for social media; every third of these is
-- terminated after half a year
SELECT company_id, 'social media', 800 + 50 * (get_byte(chance, 8) / 8),
       starts_on + 20, starts_on + 30, ends_on,
       CASE WHEN terminated_on < '2025-02-01' THEN terminated_on
            WHEN alone AND starts_on + 195 < '2025-02-01' THEN starts_on + 195 END,
       CASE WHEN terminated_on < '2025-02-01' THEN reason
            WHEN alone AND starts_on + 195 < '2025-02-01' THEN 'results' END
  FROM mandate,
       LATERAL (SELECT get_byte(chance, 8) % 3 = 0 AND terminated_on IS NULL) AS s(alone)
 WHERE get_byte(chance, 9) < 90 AND starts_on + 20 < '2025-01-01'
 ORDER BY 4, 1, 2;

DROP TABLE mandate;
ANALYZE companies, pitches, contracts;
