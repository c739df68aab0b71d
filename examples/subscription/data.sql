-- data.sql
--   The software firm of this example rents out bookkeeping for small companies,
--   on the web. A company makes an account, tries the software for two weeks and
--   then subscribes, or not. There are three plans: monthly and annual, which
--   renew themselves until they are cancelled, and a "project" licence of six
--   months, which is paid at once and ends by itself.
--
--   The data: 3,000 accounts, 2022 to 2024; "today" is 1 January 2025. The rows are
--   the same on every machine: random numbers come from the sha256 of the account,
--   and all arithmetic is on integers.
--
--   The idea: whether a customer comes back depends on why he left. On 1 June 2024
--   all accounts that had cancelled were sent an offer, except a third of them: the
--   control group, which shows how many come back without one.

\set QUIET on
\set ON_ERROR_STOP on
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';

CREATE SCHEMA subscription_example;
SET search_path = subscription_example, public;

CREATE TABLE accounts (
  account_id int PRIMARY KEY,
  company    text NOT NULL,
  source     text NOT NULL
);

CREATE TABLE trials (
  account_id int PRIMARY KEY REFERENCES accounts,
  started_at timestamptz NOT NULL
);

CREATE TABLE subscriptions (
  subscription_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id      int NOT NULL REFERENCES accounts,
  plan            text NOT NULL CHECK (plan IN ('monthly', 'annual', 'project')),
  started_at      timestamptz NOT NULL,
  ended_at        timestamptz,
  cancel_reason   text
);

CREATE TABLE payments (
  payment_id      int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subscription_id int NOT NULL REFERENCES subscriptions,
  paid_at         timestamptz NOT NULL,
  amount          numeric(8,2) NOT NULL
);

CREATE TABLE offers (
  account_id int PRIMARY KEY REFERENCES accounts,
  sent_at    timestamptz NOT NULL,
  offer      text NOT NULL
);

COMMENT ON TABLE accounts IS 'Every company that ever signed up';
COMMENT ON COLUMN accounts.source IS 'How the company found us';
COMMENT ON TABLE trials IS 'Trials of two weeks, free of charge';
COMMENT ON TABLE subscriptions IS 'One row for each time that an account spent on a plan';
COMMENT ON COLUMN subscriptions.ended_at
  IS 'End of the time paid for, also if it is known and lies ahead; NULL while the plan goes on';
COMMENT ON COLUMN subscriptions.cancel_reason
  IS 'NULL if not cancelled; "changed plan" if another row begins where this one ends';
COMMENT ON TABLE payments IS 'The first payment and every renewal';
COMMENT ON TABLE offers IS 'The win-back campaign; "nothing" is the control group';

INSERT INTO accounts
SELECT id, format('Company %s Ltd', id),
       (ARRAY['referral', 'search', 'search', 'webinar'])[1 + get_byte(chance, 0) % 4]
  FROM generate_series(1, 3000) AS id,
       sha256(convert_to(format('account %s', id), 'UTF8')) AS chance;

-- one sign-up every 9 hours or so
INSERT INTO trials
SELECT account_id, timestamptz '2022-01-03 08:00' + make_interval(mins => 523 * account_id)
  FROM accounts;

-- The future of each account. The bytes of chance, 0 to 255, decide: 1 whether it subscribes,
-- 2 how soon, 3 to which plan, 4 for how long, 5 why it leaves, 6 whether it comes back, 7 how
-- soon, 8 for how long, 9 whether an offer helps.
CREATE TEMP TABLE nature AS
SELECT account_id, chance, source, started_at AS tried_at
  FROM accounts JOIN trials USING (account_id),
       sha256(convert_to(format('account %s', account_id), 'UTF8')) AS chance;

-- most accounts that subscribe do so within the trial, the others some months later
INSERT INTO subscriptions (account_id, plan, started_at, ended_at, cancel_reason)
SELECT account_id, plan,
       started_at, started_at + make_interval(months => lasts),
       CASE WHEN plan = 'project' THEN NULL
            WHEN plan = 'monthly' AND lasts IN (6, 7, 8) THEN 'changed plan'
            WHEN get_byte(chance, 5) < 90 THEN 'too expensive'
            WHEN get_byte(chance, 5) < 150 THEN 'feature missing'
            WHEN get_byte(chance, 5) < 205 THEN 'payment failed'
            ELSE 'closed down'
       END
  FROM (
         SELECT nature.*,
                tried_at + make_interval(
                  days => CASE WHEN get_byte(chance, 1) < 120 THEN 1 + get_byte(chance, 2) % 14
                               ELSE 30 + get_byte(chance, 2) * 2 END) AS started_at,
                CASE WHEN get_byte(chance, 3) < 165 THEN 'monthly'
                     WHEN get_byte(chance, 3) < 210 THEN 'annual'
                     ELSE 'project' END AS plan
           FROM nature
          WHERE get_byte(chance, 1) < CASE source WHEN 'referral' THEN 180
                                                  WHEN 'search' THEN 140
                                                  ELSE 155 END
       ) AS subscribed,
       LATERAL (
         SELECT CASE plan WHEN 'monthly' THEN 1 + get_byte(chance, 4) * get_byte(chance, 4) / 1800
                          WHEN 'annual' THEN 12 * (1 + get_byte(chance, 4) / 110)
                          ELSE 6 END
       ) AS l(lasts)
 WHERE started_at < '2025-01-01'
 ORDER BY started_at;

-- an account that changed its plan goes on with the annual one at the same instant
INSERT INTO subscriptions (account_id, plan, started_at, ended_at, cancel_reason)
SELECT account_id, 'annual', ended_at,
       ended_at + make_interval(years => 1 + get_byte(chance, 8) / 100),
       CASE WHEN get_byte(chance, 5) % 2 = 0 THEN 'too expensive' ELSE 'closed down' END
  FROM subscriptions JOIN nature USING (account_id)
 WHERE cancel_reason = 'changed plan' AND ended_at < '2025-01-01'
 ORDER BY ended_at;

-- when an account comes back without an offer, if it does; the odds depend on why it left
CREATE TEMP TABLE gone AS
SELECT account_id, chance, ended_at, cancel_reason,
       CASE WHEN get_byte(chance, 6) < CASE cancel_reason WHEN 'payment failed' THEN 140
                                                          WHEN 'too expensive' THEN 60
                                                          WHEN 'feature missing' THEN 85
                                                          WHEN 'closed down' THEN 8
                                                          ELSE 90 END
            THEN ended_at + make_interval(
                   days => CASE cancel_reason WHEN 'payment failed' THEN 10 + get_byte(chance, 7)
                                              ELSE 40 + 2 * get_byte(chance, 7) END)
       END AS back_at
  FROM subscriptions JOIN nature USING (account_id)
 WHERE cancel_reason IS DISTINCT FROM 'changed plan' AND ended_at < '2025-01-01';

INSERT INTO offers
SELECT account_id, '2024-06-01',
       (ARRAY['nothing', 'a month free', 'half price for a year'])[1 + account_id % 3]
  FROM gone
 WHERE cancel_reason IS NOT NULL AND ended_at < '2024-06-01'
   AND (back_at IS NULL OR back_at >= '2024-06-01')
 ORDER BY account_id;

UPDATE gone
   SET back_at = timestamptz '2024-06-01 15:30' + make_interval(days => get_byte(chance, 7) % 80)
  FROM offers
 WHERE offers.account_id = gone.account_id
   AND get_byte(chance, 9) < CASE WHEN offer = 'nothing' OR cancel_reason = 'closed down' THEN 0
                                  WHEN offer = 'a month free' THEN 14
                                  WHEN cancel_reason = 'too expensive' THEN 66
                                  ELSE 18 END;

INSERT INTO subscriptions (account_id, plan, started_at, ended_at, cancel_reason)
SELECT account_id, 'monthly', back_at,
       back_at + make_interval(months => 2 + get_byte(chance, 8) / 10),
       CASE WHEN get_byte(chance, 8) % 3 = 0 THEN 'feature missing' ELSE 'too expensive' END
  FROM gone
 WHERE back_at < '2025-01-01'
 ORDER BY back_at;

-- of the ends after today, only two kinds are known: the end of a project licence, and the end
-- of a subscription that was cancelled to the end of this month
UPDATE subscriptions
   SET ended_at = NULL, cancel_reason = NULL
 WHERE plan <> 'project'
   AND (ended_at >= '2025-02-01'
        OR ended_at >= '2025-01-01' AND cancel_reason IN ('payment failed', 'changed plan'));

INSERT INTO payments (subscription_id, paid_at, amount)
SELECT subscription_id, paid_at, price
  FROM subscriptions
       JOIN (VALUES ('monthly', interval '1 month', 29),
                    ('annual', '1 year', 290),
                    ('project', '6 months', 160)) AS p(plan, term, price) USING (plan),
       generate_series(started_at, timestamptz '2024-12-31 23:59', term) AS paid_at
 WHERE paid_at < ended_at OR ended_at IS NULL
 ORDER BY paid_at, subscription_id;

DROP TABLE nature, gone;
ANALYZE accounts, trials, subscriptions, payments, offers;
