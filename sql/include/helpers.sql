--
-- helpers.sql
--
-- What several tests need.  They read it in.
--
-- Something that looks like chance, and is the same everywhere; "what" tells the choices about n apart, and
-- another property.seed gives another chance.
CREATE FUNCTION pick(n bigint, what int, below int) RETURNS int
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT ((hashint8extended(n * 100 + what, coalesce(current_setting('property.seed', true), '1')::bigint)
           & 9223372036854775807) % below)::int
$$;
CREATE FUNCTION pick(n bigint, what int, among anyarray) RETURNS anyelement
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT among[1 + pick(n, what, cardinality(among))]
$$;
-- Those nodes of a query's plan that tell how it is aggregated, from the top.
CREATE FUNCTION nodes(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  line text;
  nodes text[];
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    nodes := nodes || substring(line FROM
      '((?:(?:Finalize|Partial) )?(?:Group|Hash|Mixed)?Aggregate|Gather(?: Merge)?|Parallel (?:Seq|Custom) Scan|Seq Scan|(?:Parallel )?Append)');
  END LOOP;
  RETURN array_to_string(nodes, ' > ');
END $$;
