-- winback--landed--today.sql
--   The statements of the update from the landed script that cannot be those of the install script
--   of today. WinbackLanded.pm puts each part in place of the CREATE statement that it names; text
--   before the first part runs first, for instance a DROP.

-- instead of CREATE OPERATOR = ( LEFTARG = rate_tally, RIGHTARG = rate_tally,
-- ALTER OPERATOR can set MERGES only from PostgreSQL 17 on. An operator that indexes and views use
-- cannot be dropped.
UPDATE pg_catalog.pg_operator SET oprcanmerge = true
 WHERE oid = '=(rate_tally, rate_tally)'::pg_catalog.regoperator;

-- instead of CREATE TYPE lifecycle_counts AS
ALTER TYPE lifecycle_counts
	ADD ATTRIBUTE step interval,
	ADD ATTRIBUTE starts_on date,
	ADD ATTRIBUTE data_start timestamptz,
	ADD ATTRIBUTE data_end timestamptz,
	ADD ATTRIBUTE lost_start bigint,
	ADD ATTRIBUTE lost_end bigint,
	ADD ATTRIBUTE revenue_other numeric;
