/* sql/winback--0.1.sql: the install script of winback, edited in place until 1.0 */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION winback" to load this file. \quit

--
-- lifecycle_status: what a customer is, one byte by value
--

CREATE TYPE lifecycle_status;

CREATE FUNCTION lifecycle_status_in(cstring) RETURNS lifecycle_status
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_status_out(lifecycle_status) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_status_recv(internal) RETURNS lifecycle_status
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_status_send(lifecycle_status) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE lifecycle_status (
	INPUT = lifecycle_status_in,
	OUTPUT = lifecycle_status_out,
	RECEIVE = lifecycle_status_recv,
	SEND = lifecycle_status_send,
	INTERNALLENGTH = 1,
	PASSEDBYVALUE,
	ALIGNMENT = char
);

COMMENT ON TYPE lifecycle_status IS 'what a customer is: prospect, new, active, inactive, churned, reactivated or won_back, in this order (README, "Definitions")';
COMMENT ON FUNCTION lifecycle_status_in(cstring) IS 'input function of lifecycle_status: takes a label, raises 22P02 for any other text';
COMMENT ON FUNCTION lifecycle_status_out(lifecycle_status) IS 'output function of lifecycle_status: returns the label';
COMMENT ON FUNCTION lifecycle_status_recv(internal) IS 'binary input function of lifecycle_status: takes the label as text, raises 22P02 for any other';
COMMENT ON FUNCTION lifecycle_status_send(lifecycle_status) IS 'binary output function of lifecycle_status: returns the label as text';

CREATE CAST (lifecycle_status AS text) WITH INOUT AS ASSIGNMENT;
CREATE CAST (text AS lifecycle_status) WITH INOUT AS ASSIGNMENT;

COMMENT ON CAST (lifecycle_status AS text) IS 'the label of a status';
COMMENT ON CAST (text AS lifecycle_status) IS 'the status with that label; raises 22P02 where there is none';

CREATE FUNCTION lifecycle_status_lt(lifecycle_status, lifecycle_status) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_status_le(lifecycle_status, lifecycle_status) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_status_eq(lifecycle_status, lifecycle_status) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_status_ne(lifecycle_status, lifecycle_status) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_status_ge(lifecycle_status, lifecycle_status) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_status_gt(lifecycle_status, lifecycle_status) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_status_cmp(lifecycle_status, lifecycle_status) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_status_hash(lifecycle_status) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_status_hash_extended(lifecycle_status, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION lifecycle_status_lt(lifecycle_status, lifecycle_status) IS 'implementation of < operator';
COMMENT ON FUNCTION lifecycle_status_le(lifecycle_status, lifecycle_status) IS 'implementation of <= operator';
COMMENT ON FUNCTION lifecycle_status_eq(lifecycle_status, lifecycle_status) IS 'implementation of = operator';
COMMENT ON FUNCTION lifecycle_status_ne(lifecycle_status, lifecycle_status) IS 'implementation of <> operator';
COMMENT ON FUNCTION lifecycle_status_ge(lifecycle_status, lifecycle_status) IS 'implementation of >= operator';
COMMENT ON FUNCTION lifecycle_status_gt(lifecycle_status, lifecycle_status) IS 'implementation of > operator';
COMMENT ON FUNCTION lifecycle_status_cmp(lifecycle_status, lifecycle_status) IS 'less-equal-greater, in the order of the labels';
COMMENT ON FUNCTION lifecycle_status_hash(lifecycle_status) IS 'hash';
COMMENT ON FUNCTION lifecycle_status_hash_extended(lifecycle_status, bigint) IS 'hash with a seed, 64 bits';

CREATE OPERATOR < (
	LEFTARG = lifecycle_status,
	RIGHTARG = lifecycle_status,
	FUNCTION = lifecycle_status_lt,
	COMMUTATOR = >,
	NEGATOR = >=,
	RESTRICT = scalarltsel,
	JOIN = scalarltjoinsel
);

CREATE OPERATOR <= (
	LEFTARG = lifecycle_status,
	RIGHTARG = lifecycle_status,
	FUNCTION = lifecycle_status_le,
	COMMUTATOR = >=,
	NEGATOR = >,
	RESTRICT = scalarlesel,
	JOIN = scalarlejoinsel
);

CREATE OPERATOR = (
	LEFTARG = lifecycle_status,
	RIGHTARG = lifecycle_status,
	FUNCTION = lifecycle_status_eq,
	COMMUTATOR = =,
	NEGATOR = <>,
	HASHES,
	MERGES,
	RESTRICT = eqsel,
	JOIN = eqjoinsel
);

CREATE OPERATOR <> (
	LEFTARG = lifecycle_status,
	RIGHTARG = lifecycle_status,
	FUNCTION = lifecycle_status_ne,
	COMMUTATOR = <>,
	NEGATOR = =,
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);

CREATE OPERATOR >= (
	LEFTARG = lifecycle_status,
	RIGHTARG = lifecycle_status,
	FUNCTION = lifecycle_status_ge,
	COMMUTATOR = <=,
	NEGATOR = <,
	RESTRICT = scalargesel,
	JOIN = scalargejoinsel
);

CREATE OPERATOR > (
	LEFTARG = lifecycle_status,
	RIGHTARG = lifecycle_status,
	FUNCTION = lifecycle_status_gt,
	COMMUTATOR = <,
	NEGATOR = <=,
	RESTRICT = scalargtsel,
	JOIN = scalargtjoinsel
);

COMMENT ON OPERATOR < (lifecycle_status, lifecycle_status) IS 'is less than, in the order of the labels';
COMMENT ON OPERATOR <= (lifecycle_status, lifecycle_status) IS 'is less than or equal to, in the order of the labels';
COMMENT ON OPERATOR = (lifecycle_status, lifecycle_status) IS 'equals, in the order of the labels';
COMMENT ON OPERATOR <> (lifecycle_status, lifecycle_status) IS 'differs from, in the order of the labels';
COMMENT ON OPERATOR >= (lifecycle_status, lifecycle_status) IS 'is greater than or equal to, in the order of the labels';
COMMENT ON OPERATOR > (lifecycle_status, lifecycle_status) IS 'is greater than, in the order of the labels';

CREATE OPERATOR CLASS lifecycle_status_ops DEFAULT FOR TYPE lifecycle_status USING btree AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 lifecycle_status_cmp(lifecycle_status, lifecycle_status),
	FUNCTION 4 pg_catalog.btequalimage(oid);

CREATE OPERATOR CLASS lifecycle_status_ops DEFAULT FOR TYPE lifecycle_status USING hash AS
	OPERATOR 1 =,
	FUNCTION 1 lifecycle_status_hash(lifecycle_status),
	FUNCTION 2 lifecycle_status_hash_extended(lifecycle_status, bigint);

COMMENT ON OPERATOR CLASS lifecycle_status_ops USING btree IS 'the order of the labels, for sorting and indexes';
COMMENT ON OPERATOR CLASS lifecycle_status_ops USING hash IS 'hashing, for grouping, joins and hash partitions';
COMMENT ON OPERATOR FAMILY lifecycle_status_ops USING btree IS 'the order of the labels, for sorting and indexes';
COMMENT ON OPERATOR FAMILY lifecycle_status_ops USING hash IS 'hashing, for grouping, joins and hash partitions';

--
-- The two rates, straight over a table of purchases
--

-- Shared by every aggregate whose state is a cohort: customers, and in which
-- stretches of time they bought.
CREATE FUNCTION cohort_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION cohort_serial(internal) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION cohort_deserial(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION cohort_combine(internal, internal) IS 'internal: merges the states of two parallel workers; raises 22023 where their periods or thresholds differ';
COMMENT ON FUNCTION cohort_serial(internal) IS 'internal: a state as bytes, on the way from a parallel worker; raises 54000 where it exceeds 1 GB';
COMMENT ON FUNCTION cohort_deserial(bytea, internal) IS 'internal: a state from bytes';

CREATE FUNCTION reactivation_rate_trans(internal, anyelement, timestamptz, tstzrange, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION reactivation_rate_trans(internal, anyelement, timestamp, tsrange, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION reactivation_rate_trans(internal, anyelement, date, daterange, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION reactivation_rate_final(internal) RETURNS float8
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION reactivation_rate_trans(internal, anyelement, timestamptz, tstzrange, interval) IS 'internal: takes a row into the state of reactivation_rate';
COMMENT ON FUNCTION reactivation_rate_trans(internal, anyelement, timestamp, tsrange, interval) IS 'internal: takes a row into the state of reactivation_rate';
COMMENT ON FUNCTION reactivation_rate_trans(internal, anyelement, date, daterange, interval) IS 'internal: takes a row into the state of reactivation_rate';
COMMENT ON FUNCTION reactivation_rate_final(internal) IS 'internal: the rate from the state of reactivation_rate';

CREATE AGGREGATE reactivation_rate(customer anyelement, at timestamptz, period tstzrange, inactive_after interval) (
	SFUNC = reactivation_rate_trans,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = reactivation_rate_final,
	COMBINEFUNC = cohort_combine,
	SERIALFUNC = cohort_serial,
	DESERIALFUNC = cohort_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE reactivation_rate(customer anyelement, at timestamp, period tsrange, inactive_after interval) (
	SFUNC = reactivation_rate_trans,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = reactivation_rate_final,
	COMBINEFUNC = cohort_combine,
	SERIALFUNC = cohort_serial,
	DESERIALFUNC = cohort_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE reactivation_rate(customer anyelement, at date, period daterange, inactive_after interval) (
	SFUNC = reactivation_rate_trans,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = reactivation_rate_final,
	COMBINEFUNC = cohort_combine,
	SERIALFUNC = cohort_serial,
	DESERIALFUNC = cohort_deserial,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE reactivation_rate(anyelement, timestamptz, tstzrange, interval) IS 'share of the customers who were not active (inactive or churned) at the start of the period and who bought in it, 0 to 1, over rows (customer, at) that are all purchases; NULL when nobody was eligible. Eligible: customers whose last purchase before the start lies more than inactive_after before it. Rows with a NULL customer or at are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, a NULL or non-positive inactive_after, or one of them changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE reactivation_rate(anyelement, timestamp, tsrange, interval) IS 'share of the customers who were not active (inactive or churned) at the start of the period and who bought in it, 0 to 1, over rows (customer, at) that are all purchases; NULL when nobody was eligible. Eligible: customers whose last purchase before the start lies more than inactive_after before it. Rows with a NULL customer or at are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, a NULL or non-positive inactive_after, or one of them changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE reactivation_rate(anyelement, date, daterange, interval) IS 'share of the customers who were not active (inactive or churned) at the start of the period and who bought in it, 0 to 1, over rows (customer, at) that are all purchases; NULL when nobody was eligible. Eligible: customers whose last purchase before the start lies more than inactive_after before it. Rows with a NULL customer or at are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, a NULL or non-positive inactive_after, or one of them changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';

CREATE FUNCTION winback_rate_trans(internal, anyelement, timestamptz, tstzrange, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION winback_rate_trans(internal, anyelement, timestamp, tsrange, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION winback_rate_trans(internal, anyelement, date, daterange, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION winback_rate_final(internal) RETURNS float8
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION winback_rate_trans(internal, anyelement, timestamptz, tstzrange, interval) IS 'internal: takes a row into the state of winback_rate';
COMMENT ON FUNCTION winback_rate_trans(internal, anyelement, timestamp, tsrange, interval) IS 'internal: takes a row into the state of winback_rate';
COMMENT ON FUNCTION winback_rate_trans(internal, anyelement, date, daterange, interval) IS 'internal: takes a row into the state of winback_rate';
COMMENT ON FUNCTION winback_rate_final(internal) IS 'internal: the rate from the state of winback_rate';

CREATE AGGREGATE winback_rate(customer anyelement, at timestamptz, period tstzrange, churned_after interval) (
	SFUNC = winback_rate_trans,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = winback_rate_final,
	COMBINEFUNC = cohort_combine,
	SERIALFUNC = cohort_serial,
	DESERIALFUNC = cohort_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE winback_rate(customer anyelement, at timestamp, period tsrange, churned_after interval) (
	SFUNC = winback_rate_trans,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = winback_rate_final,
	COMBINEFUNC = cohort_combine,
	SERIALFUNC = cohort_serial,
	DESERIALFUNC = cohort_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE winback_rate(customer anyelement, at date, period daterange, churned_after interval) (
	SFUNC = winback_rate_trans,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = winback_rate_final,
	COMBINEFUNC = cohort_combine,
	SERIALFUNC = cohort_serial,
	DESERIALFUNC = cohort_deserial,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE winback_rate(anyelement, timestamptz, tstzrange, interval) IS 'share of the former customers (churned) at the start of the period who bought in it, 0 to 1, over rows (customer, at) that are all purchases; NULL when nobody was eligible. Eligible: customers whose last purchase before the start lies more than churned_after before it; NULL means that silence churns nobody. Rows with a NULL customer or at are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, a non-positive churned_after, or one of them changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE winback_rate(anyelement, timestamp, tsrange, interval) IS 'share of the former customers (churned) at the start of the period who bought in it, 0 to 1, over rows (customer, at) that are all purchases; NULL when nobody was eligible. Eligible: customers whose last purchase before the start lies more than churned_after before it; NULL means that silence churns nobody. Rows with a NULL customer or at are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, a non-positive churned_after, or one of them changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE winback_rate(anyelement, date, daterange, interval) IS 'share of the former customers (churned) at the start of the period who bought in it, 0 to 1, over rows (customer, at) that are all purchases; NULL when nobody was eligible. Eligible: customers whose last purchase before the start lies more than churned_after before it; NULL means that silence churns nobody. Rows with a NULL customer or at are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, a non-positive churned_after, or one of them changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
