--
-- helpers.sql
--
-- Functions that several tests use.  Each of these tests reads this file with \i.
--
-- pick returns a pseudo-random number less than below, or an element of among.  It hashes n,
-- so the result is the same on every server.  The argument "choice" numbers the choices that are
-- made for one n; the setting property.seed selects another sequence.
CREATE FUNCTION pick(n bigint, choice int, below int) RETURNS int
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT ((hashint8extended(n * 100 + choice,
                            coalesce(current_setting('property.seed', true), '1')::bigint)
           & 9223372036854775807) % below)::int
$$;
CREATE FUNCTION pick(n bigint, choice int, among anyarray) RETURNS anyelement
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT among[1 + pick(n, choice, cardinality(among))]
$$;
-- Returns the scan, Append, Gather and aggregate nodes of a query's plan, from the top.
CREATE FUNCTION nodes(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  line text;
  nodes text[];
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    nodes := nodes || substring(line FROM
      '((?:(?:Finalize|Partial) )?(?:Group|Hash|Mixed)?Aggregate|Gather(?: Merge)?|'
      || 'Parallel (?:Seq|Custom) Scan|Seq Scan|(?:Parallel )?Append)');
  END LOOP;
  RETURN array_to_string(nodes, ' > ');
END $$;
-- Stores the answer of a query in a temporary table.  The query's plan must match the regular
-- expression "wanted".  If a Winback Scan answers the query, PostgreSQL's own nodes answer it,
-- too, and the two answers must be the same.
CREATE PROCEDURE keep(name text, query text, wanted text DEFAULT '')
LANGUAGE plpgsql AS $$
DECLARE
  plan text;
  differs text;
BEGIN
  IF nodes(query) !~ wanted THEN
    RAISE EXCEPTION 'not the plan wanted: %', nodes(query) USING DETAIL = query;
  END IF;
  EXECUTE format('CREATE TEMP TABLE %I AS %s', name, query);
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  IF plan !~ 'Winback Scan' THEN
    RETURN;
  END IF;
  PERFORM set_config('winback.enable_scan', 'off', false);
  IF nodes(query) !~ wanted OR nodes(query) !~ 'Aggregate' THEN
    RAISE EXCEPTION 'not the plan wanted: %', nodes(query) USING DETAIL = query;
  END IF;
  EXECUTE 'CREATE TEMP TABLE without_scan AS ' || query;
  PERFORM set_config('winback.enable_scan', 'on', false);
  EXECUTE format('SELECT t::text
                    FROM (SELECT * FROM %1$I EXCEPT ALL SELECT * FROM without_scan) AS t
                  UNION ALL
                  SELECT t::text
                    FROM (SELECT * FROM without_scan EXCEPT ALL SELECT * FROM %1$I) AS t
                   LIMIT 1', name) INTO differs;
  IF differs IS NOT NULL THEN
    RAISE EXCEPTION 'with and without a Winback Scan differ: %', differs USING DETAIL = query;
  END IF;
  DROP TABLE without_scan;
END $$;
