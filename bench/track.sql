-- track.sql
--   Measures histories that are kept up to date, of :customers customers with ten orders each: what
--   the triggers cost statements that insert 100 orders, and how long a refresh of :changed changed
--   customers takes. Then it compares all histories with the orders.
--
--   Two tables are alike, but only one is tracked. They take turns: a round inserts 20 times 100
--   orders into one and then into the other. Each statement is planned, as one of a client is, and
--   its 100 orders are of 100 customers. There is no commit among them, which would take time
--   without the triggers, too. The ratio of a round compares the two.
SET client_min_messages = warning;
CREATE EXTENSION winback;
SELECT setseed(0.5) \g /dev/null
CREATE TABLE tracked (order_id bigserial PRIMARY KEY, customer_id int8, ordered_at timestamptz,
                      amount numeric(10,2));
CREATE TABLE untracked (LIKE tracked INCLUDING ALL);
INSERT INTO tracked (customer_id, ordered_at, amount)
SELECT (random() * (:customers - 1))::int8, timestamptz '2021-01-01 UTC' + n * interval '1 s',
       (random() * 100)::numeric(10,2)
  FROM generate_series(1, :customers * 10) AS n;
INSERT INTO untracked SELECT * FROM tracked;
CREATE INDEX ON tracked (customer_id, ordered_at);
CREATE INDEX ON untracked (customer_id, ordered_at);
VACUUM ANALYZE tracked, untracked;

CREATE TABLE times (measured text, round int, ms float8);
CREATE PROCEDURE took(measured text, round int, since timestamptz) LANGUAGE sql AS $$
  INSERT INTO times VALUES (measured, round, extract(epoch FROM clock_timestamp() - since) * 1000)
$$;
SELECT clock_timestamp() AS since \gset
SELECT track_customer_histories('tracked', 'customer_id', 'ordered_at',
                                amount => 'amount') \g /dev/null
CALL took('track', 0, :'since');

CREATE PROCEDURE insert_100(relation text, customers int8) LANGUAGE plpgsql AS $$
DECLARE
  orders text;
BEGIN
  SELECT string_agg(format('(%s, %L, %s)', (random() * (customers - 1))::int8, now(),
                           (random() * 100)::numeric(10,2)), ',')
    INTO orders FROM generate_series(1, 100);
  EXECUTE format('INSERT INTO %I (customer_id, ordered_at, amount) VALUES %s', relation, orders);
END $$;
CREATE PROCEDURE rounds(rounds int, customers int8) LANGUAGE plpgsql AS $$
DECLARE
  relation text;
  since timestamptz;
BEGIN
  FOR round IN 0 .. rounds LOOP
    -- the first of the two changes from round to round
    FOR relation IN SELECT r FROM unnest(ARRAY['tracked', 'untracked']) AS r
                     ORDER BY (r = 'tracked') = (round % 2 = 0) LOOP
      since := clock_timestamp();
      FOR n IN 1 .. 20 LOOP
        CALL insert_100(relation, customers);
      END LOOP;
      CALL took(relation, round, since);
    END LOOP;
  END LOOP;
  -- the making of the statements, which is no part of them
  FOR round IN 0 .. rounds LOOP
    since := clock_timestamp();
    FOR n IN 1 .. 20 LOOP
      PERFORM string_agg(format('(%s, %L, %s)', (random() * (customers - 1))::int8, now(),
                                (random() * 100)::numeric(10,2)), ',')
         FROM generate_series(1, 100);
    END LOOP;
    CALL took('nothing', round, since);
  END LOOP;
END $$;
CALL rounds(100, :customers);
SELECT refresh_customer_histories('customer_histories', 10000000) \g /dev/null

-- one more order each of :changed customers, five times
CREATE PROCEDURE change(changed int8, customers int8) LANGUAGE sql AS $$
  INSERT INTO tracked (customer_id, ordered_at, amount)
  SELECT n * (customers / changed), now(), 1 FROM generate_series(0, changed - 1) AS n
$$;
CREATE PROCEDURE refreshes(changed int8, customers int8) LANGUAGE plpgsql AS $$
DECLARE
  since timestamptz;
BEGIN
  FOR round IN 1 .. 5 LOOP
    CALL change(changed, customers);
    COMMIT;
    since := clock_timestamp();
    IF refresh_customer_histories('customer_histories') <> changed THEN
      RAISE 'a refresh has not made % histories', changed;
    END IF;
    COMMIT;
    CALL took('refresh', round, since);
  END LOOP;
END $$;
CALL refreshes(:changed, :customers);

SELECT count(*) AS differing
  FROM customer_histories AS s
  FULL JOIN (SELECT customer_id AS customer, history_agg(ordered_at, amount) AS history
               FROM tracked GROUP BY customer_id) AS r USING (customer)
 WHERE s.history IS DISTINCT FROM r.history \gset
SELECT :differing > 0 AS wrong \gset
\if :wrong
  \echo ERROR: :differing histories differ from the orders
  \q
\endif

-- round 0 is the warm-up
\pset format aligned
\pset tuples_only off
SELECT format('INSERT of 100 orders, tracked / untracked (limit 1.20)') AS measured,
       round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ratio)::numeric, 2) AS median,
       round(min(ratio)::numeric, 2) AS least, round(max(ratio)::numeric, 2) AS greatest
  FROM (SELECT (t.ms - n.ms) / (u.ms - n.ms) AS ratio
          FROM times AS t JOIN times AS u USING (round)
          CROSS JOIN (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS ms
                        FROM times WHERE measured = 'nothing' AND round > 0) AS n
         WHERE t.measured = 'tracked' AND u.measured = 'untracked' AND round > 0) AS r
UNION ALL
SELECT format('ms of a statement, %s', measured),
       round((percentile_cont(0.5) WITHIN GROUP (ORDER BY ms / 20))::numeric, 3),
       round(min(ms / 20)::numeric, 3), round(max(ms / 20)::numeric, 3)
  FROM times WHERE measured IN ('tracked', 'untracked', 'nothing') AND round > 0 GROUP BY measured
UNION ALL
SELECT CASE measured WHEN 'track' THEN format('ms to track and fill, %s customers', :customers)
            ELSE format('ms of a refresh of %s customers (limit 1000)', :changed) END,
       round((percentile_cont(0.5) WITHIN GROUP (ORDER BY ms))::numeric, 1),
       round(min(ms)::numeric, 1), round(max(ms)::numeric, 1)
  FROM times WHERE measured IN ('refresh', 'track') GROUP BY measured
ORDER BY 1;
DROP TABLE times, tracked, untracked CASCADE;
DROP TABLE customer_histories CASCADE;
DROP TABLE customer_histories_changes, customer_histories_tracking;
DROP FUNCTION customer_histories_note;
DROP PROCEDURE took, insert_100, rounds, change, refreshes;
