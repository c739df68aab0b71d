--
-- compare.sql
--
-- A function that the tests of the Winback Scan use.  Each of them reads this file with \i.
--
-- Plan and run a query with and without the scan.  Return whether the plan has a Winback Scan,
-- whether the answers are the same, and the answer.
CREATE FUNCTION compare(query text, OUT scan bool, OUT same bool, OUT answer text)
LANGUAGE plpgsql AS $$
DECLARE
  line text;
  without text;
BEGIN
  scan := false;
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    scan := scan OR line LIKE '%Custom Scan (Winback Scan)%';
  END LOOP;
  EXECUTE 'SELECT string_agg(q::text, '' '') FROM (' || query || ') q' INTO answer;
  SET LOCAL winback.enable_scan = off;
  EXECUTE 'SELECT string_agg(q::text, '' '') FROM (' || query || ') q' INTO without;
  SET LOCAL winback.enable_scan = on;
  same := answer IS NOT DISTINCT FROM without;
  -- show only the length of a long answer
  IF length(answer) > 100 THEN answer := length(answer) || ' characters'; END IF;
END $$;
