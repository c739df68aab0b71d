-- memory_data.sql
--   What bench/memory needs: no orders, but what makes them.
CREATE EXTENSION winback;

-- a part for each worker, a page each
CREATE TABLE parts (part int8, page char(5000)) WITH (parallel_workers = 2);
ALTER TABLE parts ALTER page SET STORAGE PLAIN;
INSERT INTO parts VALUES (1, ''), (2, '');
VACUUM ANALYZE parts;

-- bytes in all memory contexts of this backend
CREATE FUNCTION known_bytes() RETURNS int8 LANGUAGE sql VOLATILE PARALLEL RESTRICTED
RETURN (SELECT sum(total_bytes) FROM pg_backend_memory_contexts);
