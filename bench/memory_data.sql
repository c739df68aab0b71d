-- memory_data.sql
--   The tables of bench/memory.  They hold no orders, only rows to generate them from.
CREATE EXTENSION winback;

-- one row for each worker; each row fills a page, so that each worker gets one
CREATE TABLE parts (part int8, page char(5000)) WITH (parallel_workers = 2);
ALTER TABLE parts ALTER page SET STORAGE PLAIN;
INSERT INTO parts VALUES (1, ''), (2, '');
VACUUM ANALYZE parts;

-- bytes in all memory contexts of this backend
CREATE FUNCTION known_bytes() RETURNS int8 LANGUAGE sql VOLATILE PARALLEL RESTRICTED
RETURN (SELECT sum(total_bytes) FROM pg_backend_memory_contexts);
