-- The times that hyperfine measured in one turn of round :round.
INSERT INTO runs
SELECT result ->> 'command', :round, seconds::float8
FROM jsonb_path_query(pg_read_file(:'file')::jsonb, '$.results[*]') AS result,
	jsonb_array_elements_text(result -> 'times') AS seconds;
