--
-- refused.sql
--
-- A function that tests of input and of errors use.  Each of them reads this file with \i.
--
-- Returns the error that a statement raises, with its SQLSTATE, detail and hint, or its result.
CREATE FUNCTION refused(input text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text; detail text; hint text;
BEGIN
  EXECUTE input INTO result;
  RETURN 'no error: ' || coalesce(result, 'NULL');
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws('; ', sqlstate || ': ' || sqlerrm, nullif(detail, ''), nullif(hint, ''));
END $$;
