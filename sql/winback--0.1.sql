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
COMMENT ON CAST (text AS lifecycle_status) IS 'a status with that label; raises 22P02 where there is none';

CREATE FUNCTION lifecycle_status_lt(lifecycle_status, lifecycle_status) RETURNS boolean
	AS 'MODULE_PATHNAME', 'label_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_status_le(lifecycle_status, lifecycle_status) RETURNS boolean
	AS 'MODULE_PATHNAME', 'label_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_status_eq(lifecycle_status, lifecycle_status) RETURNS boolean
	AS 'MODULE_PATHNAME', 'label_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_status_ne(lifecycle_status, lifecycle_status) RETURNS boolean
	AS 'MODULE_PATHNAME', 'label_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_status_ge(lifecycle_status, lifecycle_status) RETURNS boolean
	AS 'MODULE_PATHNAME', 'label_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_status_gt(lifecycle_status, lifecycle_status) RETURNS boolean
	AS 'MODULE_PATHNAME', 'label_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_status_cmp(lifecycle_status, lifecycle_status) RETURNS integer
	AS 'MODULE_PATHNAME', 'label_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_status_hash(lifecycle_status) RETURNS integer
	AS 'MODULE_PATHNAME', 'label_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_status_hash_extended(lifecycle_status, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'label_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

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
-- lifecycle_event: what a customer did, one byte by value
--

CREATE TYPE lifecycle_event;

CREATE FUNCTION lifecycle_event_in(cstring) RETURNS lifecycle_event
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_event_out(lifecycle_event) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_event_recv(internal) RETURNS lifecycle_event
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_event_send(lifecycle_event) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE lifecycle_event (
	INPUT = lifecycle_event_in,
	OUTPUT = lifecycle_event_out,
	RECEIVE = lifecycle_event_recv,
	SEND = lifecycle_event_send,
	INTERNALLENGTH = 1,
	PASSEDBYVALUE,
	ALIGNMENT = char
);

COMMENT ON TYPE lifecycle_event IS 'what a customer did: interest (a lead, a trial, a visit), purchase (any order, payment, renewal) or cancellation (they end the relationship), in this order (README, "Definitions")';
COMMENT ON FUNCTION lifecycle_event_in(cstring) IS 'input function of lifecycle_event: takes a label, raises 22P02 for any other text';
COMMENT ON FUNCTION lifecycle_event_out(lifecycle_event) IS 'output function of lifecycle_event: returns the label';
COMMENT ON FUNCTION lifecycle_event_recv(internal) IS 'binary input function of lifecycle_event: takes the label as text, raises 22P02 for any other';
COMMENT ON FUNCTION lifecycle_event_send(lifecycle_event) IS 'binary output function of lifecycle_event: returns the label as text';

CREATE CAST (lifecycle_event AS text) WITH INOUT AS ASSIGNMENT;
CREATE CAST (text AS lifecycle_event) WITH INOUT AS ASSIGNMENT;

COMMENT ON CAST (lifecycle_event AS text) IS 'the label of an event';
COMMENT ON CAST (text AS lifecycle_event) IS 'an event with that label; raises 22P02 where there is none';

CREATE FUNCTION lifecycle_event_lt(lifecycle_event, lifecycle_event) RETURNS boolean
	AS 'MODULE_PATHNAME', 'label_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_event_le(lifecycle_event, lifecycle_event) RETURNS boolean
	AS 'MODULE_PATHNAME', 'label_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_event_eq(lifecycle_event, lifecycle_event) RETURNS boolean
	AS 'MODULE_PATHNAME', 'label_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_event_ne(lifecycle_event, lifecycle_event) RETURNS boolean
	AS 'MODULE_PATHNAME', 'label_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_event_ge(lifecycle_event, lifecycle_event) RETURNS boolean
	AS 'MODULE_PATHNAME', 'label_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_event_gt(lifecycle_event, lifecycle_event) RETURNS boolean
	AS 'MODULE_PATHNAME', 'label_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_event_cmp(lifecycle_event, lifecycle_event) RETURNS integer
	AS 'MODULE_PATHNAME', 'label_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_event_hash(lifecycle_event) RETURNS integer
	AS 'MODULE_PATHNAME', 'label_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_event_hash_extended(lifecycle_event, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'label_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION lifecycle_event_lt(lifecycle_event, lifecycle_event) IS 'implementation of < operator';
COMMENT ON FUNCTION lifecycle_event_le(lifecycle_event, lifecycle_event) IS 'implementation of <= operator';
COMMENT ON FUNCTION lifecycle_event_eq(lifecycle_event, lifecycle_event) IS 'implementation of = operator';
COMMENT ON FUNCTION lifecycle_event_ne(lifecycle_event, lifecycle_event) IS 'implementation of <> operator';
COMMENT ON FUNCTION lifecycle_event_ge(lifecycle_event, lifecycle_event) IS 'implementation of >= operator';
COMMENT ON FUNCTION lifecycle_event_gt(lifecycle_event, lifecycle_event) IS 'implementation of > operator';
COMMENT ON FUNCTION lifecycle_event_cmp(lifecycle_event, lifecycle_event) IS 'less-equal-greater, in the order of the labels';
COMMENT ON FUNCTION lifecycle_event_hash(lifecycle_event) IS 'hash';
COMMENT ON FUNCTION lifecycle_event_hash_extended(lifecycle_event, bigint) IS 'hash with a seed, 64 bits';

CREATE OPERATOR < (
	LEFTARG = lifecycle_event,
	RIGHTARG = lifecycle_event,
	FUNCTION = lifecycle_event_lt,
	COMMUTATOR = >,
	NEGATOR = >=,
	RESTRICT = scalarltsel,
	JOIN = scalarltjoinsel
);

CREATE OPERATOR <= (
	LEFTARG = lifecycle_event,
	RIGHTARG = lifecycle_event,
	FUNCTION = lifecycle_event_le,
	COMMUTATOR = >=,
	NEGATOR = >,
	RESTRICT = scalarlesel,
	JOIN = scalarlejoinsel
);

CREATE OPERATOR = (
	LEFTARG = lifecycle_event,
	RIGHTARG = lifecycle_event,
	FUNCTION = lifecycle_event_eq,
	COMMUTATOR = =,
	NEGATOR = <>,
	HASHES,
	MERGES,
	RESTRICT = eqsel,
	JOIN = eqjoinsel
);

CREATE OPERATOR <> (
	LEFTARG = lifecycle_event,
	RIGHTARG = lifecycle_event,
	FUNCTION = lifecycle_event_ne,
	COMMUTATOR = <>,
	NEGATOR = =,
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);

CREATE OPERATOR >= (
	LEFTARG = lifecycle_event,
	RIGHTARG = lifecycle_event,
	FUNCTION = lifecycle_event_ge,
	COMMUTATOR = <=,
	NEGATOR = <,
	RESTRICT = scalargesel,
	JOIN = scalargejoinsel
);

CREATE OPERATOR > (
	LEFTARG = lifecycle_event,
	RIGHTARG = lifecycle_event,
	FUNCTION = lifecycle_event_gt,
	COMMUTATOR = <,
	NEGATOR = <=,
	RESTRICT = scalargtsel,
	JOIN = scalargtjoinsel
);

COMMENT ON OPERATOR < (lifecycle_event, lifecycle_event) IS 'is less than, in the order of the labels';
COMMENT ON OPERATOR <= (lifecycle_event, lifecycle_event) IS 'is less than or equal to, in the order of the labels';
COMMENT ON OPERATOR = (lifecycle_event, lifecycle_event) IS 'equals, in the order of the labels';
COMMENT ON OPERATOR <> (lifecycle_event, lifecycle_event) IS 'differs from, in the order of the labels';
COMMENT ON OPERATOR >= (lifecycle_event, lifecycle_event) IS 'is greater than or equal to, in the order of the labels';
COMMENT ON OPERATOR > (lifecycle_event, lifecycle_event) IS 'is greater than, in the order of the labels';

CREATE OPERATOR CLASS lifecycle_event_ops DEFAULT FOR TYPE lifecycle_event USING btree AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 lifecycle_event_cmp(lifecycle_event, lifecycle_event),
	FUNCTION 4 pg_catalog.btequalimage(oid);

CREATE OPERATOR CLASS lifecycle_event_ops DEFAULT FOR TYPE lifecycle_event USING hash AS
	OPERATOR 1 =,
	FUNCTION 1 lifecycle_event_hash(lifecycle_event),
	FUNCTION 2 lifecycle_event_hash_extended(lifecycle_event, bigint);

COMMENT ON OPERATOR CLASS lifecycle_event_ops USING btree IS 'the order of the labels, for sorting and indexes';
COMMENT ON OPERATOR CLASS lifecycle_event_ops USING hash IS 'hashing, for grouping, joins and hash partitions';
COMMENT ON OPERATOR FAMILY lifecycle_event_ops USING btree IS 'the order of the labels, for sorting and indexes';
COMMENT ON OPERATOR FAMILY lifecycle_event_ops USING hash IS 'hashing, for grouping, joins and hash partitions';

--
-- rate_tally: a rate as two numbers of customers, which can be added up
--

CREATE TYPE rate_tally;

CREATE FUNCTION rate_tally_in(cstring) RETURNS rate_tally
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION rate_tally_out(rate_tally) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION rate_tally_recv(internal) RETURNS rate_tally
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION rate_tally_send(rate_tally) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE rate_tally (
	INPUT = rate_tally_in,
	OUTPUT = rate_tally_out,
	RECEIVE = rate_tally_recv,
	SEND = rate_tally_send,
	INTERNALLENGTH = 16,
	ALIGNMENT = double
);

COMMENT ON TYPE rate_tally IS 'a rate as two numbers of customers, returned/eligible, such as 12/340; 0 <= returned <= eligible';
COMMENT ON FUNCTION rate_tally_in(cstring) IS 'input function of rate_tally: takes returned/eligible in digits; raises 22P02 for anything else and where not 0 <= returned <= eligible';
COMMENT ON FUNCTION rate_tally_out(rate_tally) IS 'output function of rate_tally: returns returned/eligible';
COMMENT ON FUNCTION rate_tally_recv(internal) IS 'binary input function of rate_tally: takes two int8; raises 22P03 where not 0 <= returned <= eligible';
COMMENT ON FUNCTION rate_tally_send(rate_tally) IS 'binary output function of rate_tally: returns two int8';

CREATE FUNCTION rate_tally(returned bigint, eligible bigint) RETURNS rate_tally
	AS 'MODULE_PATHNAME', 'rate_tally_make' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION returned(rate_tally) RETURNS bigint
	AS 'MODULE_PATHNAME', 'rate_tally_returned' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION eligible(rate_tally) RETURNS bigint
	AS 'MODULE_PATHNAME', 'rate_tally_eligible' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION rate(rate_tally) RETURNS float8
	AS 'MODULE_PATHNAME', 'rate_tally_rate' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION rate_interval(tally rate_tally, confidence float8 DEFAULT 0.95, OUT lower float8, OUT upper float8)
	AS 'MODULE_PATHNAME', 'rate_tally_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION rate_tally(bigint, bigint) IS 'a tally from its two numbers; raises 22023 where not 0 <= returned <= eligible';
COMMENT ON FUNCTION returned(rate_tally) IS 'number of customers who returned';
COMMENT ON FUNCTION eligible(rate_tally) IS 'number of customers who could have returned';
COMMENT ON FUNCTION rate(rate_tally) IS 'returned / eligible, 0 to 1; NULL when nobody was eligible';
COMMENT ON FUNCTION rate_interval(rate_tally, float8) IS 'Wilson score interval of the rate, 0 to 1, at a confidence between 0 and 1 (default 0.95); both columns NULL when nobody was eligible; raises 22023 for another confidence. Source: E. B. Wilson, Journal of the American Statistical Association 22 (1927)';

CREATE CAST (rate_tally AS float8) WITH FUNCTION rate(rate_tally);

COMMENT ON CAST (rate_tally AS float8) IS 'the rate, 0 to 1; NULL when nobody was eligible';

CREATE FUNCTION rate_tally_eq(rate_tally, rate_tally) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION rate_tally_ne(rate_tally, rate_tally) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION rate_tally_hash(rate_tally) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION rate_tally_hash_extended(rate_tally, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION rate_tally_add(rate_tally, rate_tally) RETURNS rate_tally
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION rate_tally_eq(rate_tally, rate_tally) IS 'implementation of = operator';
COMMENT ON FUNCTION rate_tally_ne(rate_tally, rate_tally) IS 'implementation of <> operator';
COMMENT ON FUNCTION rate_tally_hash(rate_tally) IS 'hash';
COMMENT ON FUNCTION rate_tally_hash_extended(rate_tally, bigint) IS 'hash with a seed, 64 bits';
COMMENT ON FUNCTION rate_tally_add(rate_tally, rate_tally) IS 'implementation of + operator';

CREATE OPERATOR = (
	LEFTARG = rate_tally,
	RIGHTARG = rate_tally,
	FUNCTION = rate_tally_eq,
	COMMUTATOR = =,
	NEGATOR = <>,
	HASHES,
	RESTRICT = eqsel,
	JOIN = eqjoinsel
);

CREATE OPERATOR <> (
	LEFTARG = rate_tally,
	RIGHTARG = rate_tally,
	FUNCTION = rate_tally_ne,
	COMMUTATOR = <>,
	NEGATOR = =,
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);

CREATE OPERATOR + (
	LEFTARG = rate_tally,
	RIGHTARG = rate_tally,
	FUNCTION = rate_tally_add,
	COMMUTATOR = +
);

-- Equality and hashing only: two tallies have no sensible order. 1/2 and 50/100
-- are the same rate, but not the same evidence.
CREATE OPERATOR CLASS rate_tally_ops DEFAULT FOR TYPE rate_tally USING hash AS
	OPERATOR 1 =,
	FUNCTION 1 rate_tally_hash(rate_tally),
	FUNCTION 2 rate_tally_hash_extended(rate_tally, bigint);

CREATE AGGREGATE sum(rate_tally) (
	SFUNC = rate_tally_add,
	STYPE = rate_tally,
	COMBINEFUNC = rate_tally_add,
	PARALLEL = SAFE
);

COMMENT ON OPERATOR = (rate_tally, rate_tally) IS 'both numbers are equal: 1/2 differs from 50/100';
COMMENT ON OPERATOR <> (rate_tally, rate_tally) IS 'one of the numbers differs';
COMMENT ON OPERATOR + (rate_tally, rate_tally) IS 'both numbers added; raises 22003 beyond 64 bits';
COMMENT ON OPERATOR CLASS rate_tally_ops USING hash IS 'hashing, for grouping and joins; a tally has no order';
COMMENT ON OPERATOR FAMILY rate_tally_ops USING hash IS 'hashing, for grouping and joins; a tally has no order';
COMMENT ON AGGREGATE sum(rate_tally) IS 'both numbers added over all rows; NULL without a row that is not NULL; raises 22003 beyond 64 bits';

--
-- Over all customers, straight from the rows of a table
--

-- shared by every aggregate over customers: what is kept of them is a CustomerState

CREATE FUNCTION winback_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION winback_support(internal) IS 'internal: tells the planner what taking in a row costs, and brings it the Winback Scan';

CREATE FUNCTION customer_state_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION customer_state_serial(internal) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION customer_state_deserial(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION customer_state_combine(internal, internal) IS 'internal: merges the states of two parallel workers; raises 22023 where their periods, steps or thresholds differ';
COMMENT ON FUNCTION customer_state_serial(internal) IS 'internal: a state as bytes, on the way from a parallel worker; raises 54000 where it exceeds 1 GB';
COMMENT ON FUNCTION customer_state_deserial(bytea, internal) IS 'internal: a state from bytes';

CREATE FUNCTION reactivation_trans(internal, anyelement, timestamptz, tstzrange, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION reactivation_trans(internal, anyelement, timestamp, tsrange, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION reactivation_trans(internal, anyelement, date, daterange, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION reactivation_trans(internal, anyelement, timestamptz, lifecycle_event, tstzrange, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION reactivation_trans(internal, anyelement, timestamp, lifecycle_event, tsrange, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION reactivation_trans(internal, anyelement, date, lifecycle_event, daterange, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION reactivation_rate_final(internal) RETURNS float8
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION reactivation_tally_final(internal) RETURNS rate_tally
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION reactivation_trans(internal, anyelement, timestamptz, tstzrange, interval) IS 'internal: takes a row into the state of reactivation_rate and reactivation_tally';
COMMENT ON FUNCTION reactivation_trans(internal, anyelement, timestamp, tsrange, interval) IS 'internal: takes a row into the state of reactivation_rate and reactivation_tally';
COMMENT ON FUNCTION reactivation_trans(internal, anyelement, date, daterange, interval) IS 'internal: takes a row into the state of reactivation_rate and reactivation_tally';
COMMENT ON FUNCTION reactivation_trans(internal, anyelement, timestamptz, lifecycle_event, tstzrange, interval) IS 'internal: takes a row into the state of reactivation_rate and reactivation_tally';
COMMENT ON FUNCTION reactivation_trans(internal, anyelement, timestamp, lifecycle_event, tsrange, interval) IS 'internal: takes a row into the state of reactivation_rate and reactivation_tally';
COMMENT ON FUNCTION reactivation_trans(internal, anyelement, date, lifecycle_event, daterange, interval) IS 'internal: takes a row into the state of reactivation_rate and reactivation_tally';
COMMENT ON FUNCTION reactivation_rate_final(internal) IS 'internal: the rate from the state of reactivation_rate';
COMMENT ON FUNCTION reactivation_tally_final(internal) IS 'internal: the tally from the state of reactivation_tally';

CREATE AGGREGATE reactivation_rate(customer anyelement, at timestamptz, period tstzrange, inactive_after interval) (
	SFUNC = reactivation_trans,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = reactivation_rate_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE reactivation_rate(customer anyelement, at timestamp, period tsrange, inactive_after interval) (
	SFUNC = reactivation_trans,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = reactivation_rate_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE reactivation_rate(customer anyelement, at date, period daterange, inactive_after interval) (
	SFUNC = reactivation_trans,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = reactivation_rate_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE reactivation_rate(customer anyelement, at timestamptz, event lifecycle_event, period tstzrange, inactive_after interval) (
	SFUNC = reactivation_trans,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = reactivation_rate_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE reactivation_rate(customer anyelement, at timestamp, event lifecycle_event, period tsrange, inactive_after interval) (
	SFUNC = reactivation_trans,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = reactivation_rate_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE reactivation_rate(customer anyelement, at date, event lifecycle_event, period daterange, inactive_after interval) (
	SFUNC = reactivation_trans,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = reactivation_rate_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE reactivation_rate(anyelement, timestamptz, tstzrange, interval) IS 'share, 0 to 1, of the customers not active (inactive or churned) at the start of the period who bought in it, over rows (customer, at) that are all purchases; NULL when nobody was eligible. Eligible are customers whose last purchase before the start lies more than inactive_after before it. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE reactivation_rate(anyelement, timestamp, tsrange, interval) IS 'share, 0 to 1, of the customers not active (inactive or churned) at the start of the period who bought in it, over rows (customer, at) that are all purchases; NULL when nobody was eligible. Eligible are customers whose last purchase before the start lies more than inactive_after before it. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE reactivation_rate(anyelement, date, daterange, interval) IS 'share, 0 to 1, of the customers not active (inactive or churned) at the start of the period who bought in it, over rows (customer, at) that are all purchases; NULL when nobody was eligible. Eligible are customers whose last purchase before the start lies more than inactive_after before it. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE reactivation_rate(anyelement, timestamptz, lifecycle_event, tstzrange, interval) IS 'share, 0 to 1, of the customers not active (inactive, churned or prospect) at the start of the period who bought in it, over rows (customer, at, event); NULL when nobody was eligible. Eligible are customers whose last purchase before the start lies more than inactive_after before it, who cancelled since, or who never bought but showed interest. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE reactivation_rate(anyelement, timestamp, lifecycle_event, tsrange, interval) IS 'share, 0 to 1, of the customers not active (inactive, churned or prospect) at the start of the period who bought in it, over rows (customer, at, event); NULL when nobody was eligible. Eligible are customers whose last purchase before the start lies more than inactive_after before it, who cancelled since, or who never bought but showed interest. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE reactivation_rate(anyelement, date, lifecycle_event, daterange, interval) IS 'share, 0 to 1, of the customers not active (inactive, churned or prospect) at the start of the period who bought in it, over rows (customer, at, event); NULL when nobody was eligible. Eligible are customers whose last purchase before the start lies more than inactive_after before it, who cancelled since, or who never bought but showed interest. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';

CREATE AGGREGATE reactivation_tally(customer anyelement, at timestamptz, period tstzrange, inactive_after interval) (
	SFUNC = reactivation_trans,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = reactivation_tally_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE reactivation_tally(customer anyelement, at timestamp, period tsrange, inactive_after interval) (
	SFUNC = reactivation_trans,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = reactivation_tally_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE reactivation_tally(customer anyelement, at date, period daterange, inactive_after interval) (
	SFUNC = reactivation_trans,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = reactivation_tally_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE reactivation_tally(customer anyelement, at timestamptz, event lifecycle_event, period tstzrange, inactive_after interval) (
	SFUNC = reactivation_trans,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = reactivation_tally_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE reactivation_tally(customer anyelement, at timestamp, event lifecycle_event, period tsrange, inactive_after interval) (
	SFUNC = reactivation_trans,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = reactivation_tally_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE reactivation_tally(customer anyelement, at date, event lifecycle_event, period daterange, inactive_after interval) (
	SFUNC = reactivation_trans,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = reactivation_tally_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE reactivation_tally(anyelement, timestamptz, tstzrange, interval) IS 'number of the customers not active (inactive or churned) at the start of the period who bought in it, and of those eligible, over rows (customer, at) that are all purchases; 0/0 when nobody was eligible. Eligible are customers whose last purchase before the start lies more than inactive_after before it. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE reactivation_tally(anyelement, timestamp, tsrange, interval) IS 'number of the customers not active (inactive or churned) at the start of the period who bought in it, and of those eligible, over rows (customer, at) that are all purchases; 0/0 when nobody was eligible. Eligible are customers whose last purchase before the start lies more than inactive_after before it. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE reactivation_tally(anyelement, date, daterange, interval) IS 'number of the customers not active (inactive or churned) at the start of the period who bought in it, and of those eligible, over rows (customer, at) that are all purchases; 0/0 when nobody was eligible. Eligible are customers whose last purchase before the start lies more than inactive_after before it. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE reactivation_tally(anyelement, timestamptz, lifecycle_event, tstzrange, interval) IS 'number of the customers not active (inactive, churned or prospect) at the start of the period who bought in it, and of those eligible, over rows (customer, at, event); 0/0 when nobody was eligible. Eligible are customers whose last purchase before the start lies more than inactive_after before it, who cancelled since, or who never bought but showed interest. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE reactivation_tally(anyelement, timestamp, lifecycle_event, tsrange, interval) IS 'number of the customers not active (inactive, churned or prospect) at the start of the period who bought in it, and of those eligible, over rows (customer, at, event); 0/0 when nobody was eligible. Eligible are customers whose last purchase before the start lies more than inactive_after before it, who cancelled since, or who never bought but showed interest. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE reactivation_tally(anyelement, date, lifecycle_event, daterange, interval) IS 'number of the customers not active (inactive, churned or prospect) at the start of the period who bought in it, and of those eligible, over rows (customer, at, event); 0/0 when nobody was eligible. Eligible are customers whose last purchase before the start lies more than inactive_after before it, who cancelled since, or who never bought but showed interest. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';

CREATE FUNCTION winback_trans(internal, anyelement, timestamptz, tstzrange, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION winback_trans(internal, anyelement, timestamp, tsrange, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION winback_trans(internal, anyelement, date, daterange, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION winback_trans(internal, anyelement, timestamptz, lifecycle_event, tstzrange, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION winback_trans(internal, anyelement, timestamp, lifecycle_event, tsrange, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION winback_trans(internal, anyelement, date, lifecycle_event, daterange, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION winback_rate_final(internal) RETURNS float8
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION winback_tally_final(internal) RETURNS rate_tally
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION winback_trans(internal, anyelement, timestamptz, tstzrange, interval) IS 'internal: takes a row into the state of winback_rate and winback_tally';
COMMENT ON FUNCTION winback_trans(internal, anyelement, timestamp, tsrange, interval) IS 'internal: takes a row into the state of winback_rate and winback_tally';
COMMENT ON FUNCTION winback_trans(internal, anyelement, date, daterange, interval) IS 'internal: takes a row into the state of winback_rate and winback_tally';
COMMENT ON FUNCTION winback_trans(internal, anyelement, timestamptz, lifecycle_event, tstzrange, interval) IS 'internal: takes a row into the state of winback_rate and winback_tally';
COMMENT ON FUNCTION winback_trans(internal, anyelement, timestamp, lifecycle_event, tsrange, interval) IS 'internal: takes a row into the state of winback_rate and winback_tally';
COMMENT ON FUNCTION winback_trans(internal, anyelement, date, lifecycle_event, daterange, interval) IS 'internal: takes a row into the state of winback_rate and winback_tally';
COMMENT ON FUNCTION winback_rate_final(internal) IS 'internal: the rate from the state of winback_rate';
COMMENT ON FUNCTION winback_tally_final(internal) IS 'internal: the tally from the state of winback_tally';

CREATE AGGREGATE winback_rate(customer anyelement, at timestamptz, period tstzrange, churned_after interval) (
	SFUNC = winback_trans,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = winback_rate_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE winback_rate(customer anyelement, at timestamp, period tsrange, churned_after interval) (
	SFUNC = winback_trans,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = winback_rate_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE winback_rate(customer anyelement, at date, period daterange, churned_after interval) (
	SFUNC = winback_trans,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = winback_rate_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE winback_rate(customer anyelement, at timestamptz, event lifecycle_event, period tstzrange, churned_after interval) (
	SFUNC = winback_trans,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = winback_rate_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE winback_rate(customer anyelement, at timestamp, event lifecycle_event, period tsrange, churned_after interval) (
	SFUNC = winback_trans,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = winback_rate_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE winback_rate(customer anyelement, at date, event lifecycle_event, period daterange, churned_after interval) (
	SFUNC = winback_trans,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = winback_rate_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE winback_rate(anyelement, timestamptz, tstzrange, interval) IS 'share, 0 to 1, of the former customers (churned) at the start of the period who bought in it, over rows (customer, at) that are all purchases; NULL when nobody was eligible. Eligible are customers whose last purchase before the start lies more than churned_after before it; churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, a churned_after that is not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE winback_rate(anyelement, timestamp, tsrange, interval) IS 'share, 0 to 1, of the former customers (churned) at the start of the period who bought in it, over rows (customer, at) that are all purchases; NULL when nobody was eligible. Eligible are customers whose last purchase before the start lies more than churned_after before it; churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, a churned_after that is not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE winback_rate(anyelement, date, daterange, interval) IS 'share, 0 to 1, of the former customers (churned) at the start of the period who bought in it, over rows (customer, at) that are all purchases; NULL when nobody was eligible. Eligible are customers whose last purchase before the start lies more than churned_after before it; churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, a churned_after that is not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE winback_rate(anyelement, timestamptz, lifecycle_event, tstzrange, interval) IS 'share, 0 to 1, of the former customers (churned) at the start of the period who bought in it, over rows (customer, at, event); NULL when nobody was eligible. Eligible are customers whose last purchase before the start lies more than churned_after before it, or who cancelled since; churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, a churned_after that is not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE winback_rate(anyelement, timestamp, lifecycle_event, tsrange, interval) IS 'share, 0 to 1, of the former customers (churned) at the start of the period who bought in it, over rows (customer, at, event); NULL when nobody was eligible. Eligible are customers whose last purchase before the start lies more than churned_after before it, or who cancelled since; churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, a churned_after that is not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE winback_rate(anyelement, date, lifecycle_event, daterange, interval) IS 'share, 0 to 1, of the former customers (churned) at the start of the period who bought in it, over rows (customer, at, event); NULL when nobody was eligible. Eligible are customers whose last purchase before the start lies more than churned_after before it, or who cancelled since; churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, a churned_after that is not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';

CREATE AGGREGATE winback_tally(customer anyelement, at timestamptz, period tstzrange, churned_after interval) (
	SFUNC = winback_trans,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = winback_tally_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE winback_tally(customer anyelement, at timestamp, period tsrange, churned_after interval) (
	SFUNC = winback_trans,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = winback_tally_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE winback_tally(customer anyelement, at date, period daterange, churned_after interval) (
	SFUNC = winback_trans,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = winback_tally_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE winback_tally(customer anyelement, at timestamptz, event lifecycle_event, period tstzrange, churned_after interval) (
	SFUNC = winback_trans,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = winback_tally_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE winback_tally(customer anyelement, at timestamp, event lifecycle_event, period tsrange, churned_after interval) (
	SFUNC = winback_trans,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = winback_tally_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE winback_tally(customer anyelement, at date, event lifecycle_event, period daterange, churned_after interval) (
	SFUNC = winback_trans,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = winback_tally_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE winback_tally(anyelement, timestamptz, tstzrange, interval) IS 'number of the former customers (churned) at the start of the period who bought in it, and of those eligible, over rows (customer, at) that are all purchases; 0/0 when nobody was eligible. Eligible are customers whose last purchase before the start lies more than churned_after before it; churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, a churned_after that is not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE winback_tally(anyelement, timestamp, tsrange, interval) IS 'number of the former customers (churned) at the start of the period who bought in it, and of those eligible, over rows (customer, at) that are all purchases; 0/0 when nobody was eligible. Eligible are customers whose last purchase before the start lies more than churned_after before it; churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, a churned_after that is not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE winback_tally(anyelement, date, daterange, interval) IS 'number of the former customers (churned) at the start of the period who bought in it, and of those eligible, over rows (customer, at) that are all purchases; 0/0 when nobody was eligible. Eligible are customers whose last purchase before the start lies more than churned_after before it; churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, a churned_after that is not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE winback_tally(anyelement, timestamptz, lifecycle_event, tstzrange, interval) IS 'number of the former customers (churned) at the start of the period who bought in it, and of those eligible, over rows (customer, at, event); 0/0 when nobody was eligible. Eligible are customers whose last purchase before the start lies more than churned_after before it, or who cancelled since; churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, a churned_after that is not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE winback_tally(anyelement, timestamp, lifecycle_event, tsrange, interval) IS 'number of the former customers (churned) at the start of the period who bought in it, and of those eligible, over rows (customer, at, event); 0/0 when nobody was eligible. Eligible are customers whose last purchase before the start lies more than churned_after before it, or who cancelled since; churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, a churned_after that is not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE winback_tally(anyelement, date, lifecycle_event, daterange, interval) IS 'number of the former customers (churned) at the start of the period who bought in it, and of those eligible, over rows (customer, at, event); 0/0 when nobody was eligible. Eligible are customers whose last purchase before the start lies more than churned_after before it, or who cancelled since; churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, a churned_after that is not positive, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';

CREATE TYPE lifecycle_counts AS (
	period_start timestamptz,
	period_end timestamptz,
	prospects_start bigint,
	active_start bigint,
	inactive_start bigint,
	churned_start bigint,
	new_customers bigint,
	converted bigint,
	retained bigint,
	reactivated bigint,
	won_back bigint,
	prospects_end bigint,
	active_end bigint,
	inactive_end bigint,
	churned_end bigint,
	reactivation rate_tally,
	win_back rate_tally,
	reactivation_rate float8,
	winback_rate float8,
	history_complete boolean,
	period_complete boolean,
	sustained bigint,
	lapsed_again bigint,
	revenue_new numeric,
	revenue_retained numeric,
	revenue_reactivated numeric,
	revenue_won_back numeric
);

COMMENT ON TYPE lifecycle_counts IS 'the customers of one period: standing at its start, what they did in it, standing at its end';
COMMENT ON COLUMN lifecycle_counts.period_start IS 'start of the period, included; of a date or timestamp column in the TimeZone of the session';
COMMENT ON COLUMN lifecycle_counts.period_end IS 'end of the period, not included; NULL without an upper bound';
COMMENT ON COLUMN lifecycle_counts.prospects_start IS 'customers who were prospects at the start';
COMMENT ON COLUMN lifecycle_counts.active_start IS 'customers who were active at the start';
COMMENT ON COLUMN lifecycle_counts.inactive_start IS 'customers who were inactive at the start';
COMMENT ON COLUMN lifecycle_counts.churned_start IS 'customers who were churned at the start';
COMMENT ON COLUMN lifecycle_counts.new_customers IS 'bought in the period, for the first time ever';
COMMENT ON COLUMN lifecycle_counts.converted IS 'of the new customers, those who were prospects at the start';
COMMENT ON COLUMN lifecycle_counts.retained IS 'bought in the period, were active at the start';
COMMENT ON COLUMN lifecycle_counts.reactivated IS 'bought in the period, were inactive at the start';
COMMENT ON COLUMN lifecycle_counts.won_back IS 'bought in the period, were churned at the start';
COMMENT ON COLUMN lifecycle_counts.prospects_end IS 'customers who are prospects at the end; NULL without an upper bound';
COMMENT ON COLUMN lifecycle_counts.active_end IS 'customers who are active at the end; NULL without an upper bound';
COMMENT ON COLUMN lifecycle_counts.inactive_end IS 'customers who are inactive at the end; NULL without an upper bound';
COMMENT ON COLUMN lifecycle_counts.churned_end IS 'customers who are churned at the end; NULL without an upper bound';
COMMENT ON COLUMN lifecycle_counts.reactivation IS 'who bought in the period / who was inactive, churned or prospect at the start';
COMMENT ON COLUMN lifecycle_counts.win_back IS 'who bought in the period / who was churned at the start';
COMMENT ON COLUMN lifecycle_counts.reactivation_rate IS 'the reactivation tally as a share, 0 to 1; NULL when nobody was eligible';
COMMENT ON COLUMN lifecycle_counts.winback_rate IS 'the win_back tally as a share, 0 to 1; NULL when nobody was eligible';
COMMENT ON COLUMN lifecycle_counts.history_complete IS 'the data (events of any kind) begin before start - churned_after (start - inactive_after where that is NULL), so that everybody who lapsed was seen';
COMMENT ON COLUMN lifecycle_counts.period_complete IS 'the data reach the last instant of the period (its last day, of a date column); NULL without an upper bound';
COMMENT ON COLUMN lifecycle_counts.sustained IS 'of those who came back (reactivated, won_back), who was active inactive_after after the end (of a date column, on the first day that is not earlier); NULL where the data do not reach that far';
COMMENT ON COLUMN lifecycle_counts.lapsed_again IS 'of those who came back, who was not; NULL where the data do not reach that far';
COMMENT ON COLUMN lifecycle_counts.revenue_new IS 'sum of the amounts that new customers paid in the period; NULL without amounts';
COMMENT ON COLUMN lifecycle_counts.revenue_retained IS 'sum of the amounts of customers who were active at the start; NULL without amounts';
COMMENT ON COLUMN lifecycle_counts.revenue_reactivated IS 'sum of the amounts of reactivated customers; NULL without amounts';
COMMENT ON COLUMN lifecycle_counts.revenue_won_back IS 'sum of the amounts of won-back customers; NULL without amounts';

CREATE FUNCTION lifecycle_counts_trans(internal, anyelement, timestamptz, tstzrange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_counts_trans(internal, anyelement, timestamp, tsrange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_counts_trans(internal, anyelement, date, daterange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_counts_trans(internal, anyelement, timestamptz, lifecycle_event, tstzrange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_counts_trans(internal, anyelement, timestamp, lifecycle_event, tsrange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_counts_trans(internal, anyelement, date, lifecycle_event, daterange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_counts_trans(internal, anyelement, timestamptz, numeric, tstzrange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_counts_trans(internal, anyelement, timestamp, numeric, tsrange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_counts_trans(internal, anyelement, date, numeric, daterange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_counts_trans(internal, anyelement, timestamptz, lifecycle_event, numeric, tstzrange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_counts_trans(internal, anyelement, timestamp, lifecycle_event, numeric, tsrange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_counts_trans(internal, anyelement, date, lifecycle_event, numeric, daterange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_counts_final(internal) RETURNS lifecycle_counts
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON FUNCTION lifecycle_counts_trans(internal, anyelement, timestamptz, tstzrange, interval, interval) IS 'internal: takes a row into the state of lifecycle_counts';
COMMENT ON FUNCTION lifecycle_counts_trans(internal, anyelement, timestamp, tsrange, interval, interval) IS 'internal: takes a row into the state of lifecycle_counts';
COMMENT ON FUNCTION lifecycle_counts_trans(internal, anyelement, date, daterange, interval, interval) IS 'internal: takes a row into the state of lifecycle_counts';
COMMENT ON FUNCTION lifecycle_counts_trans(internal, anyelement, timestamptz, lifecycle_event, tstzrange, interval, interval) IS 'internal: takes a row into the state of lifecycle_counts';
COMMENT ON FUNCTION lifecycle_counts_trans(internal, anyelement, timestamp, lifecycle_event, tsrange, interval, interval) IS 'internal: takes a row into the state of lifecycle_counts';
COMMENT ON FUNCTION lifecycle_counts_trans(internal, anyelement, date, lifecycle_event, daterange, interval, interval) IS 'internal: takes a row into the state of lifecycle_counts';
COMMENT ON FUNCTION lifecycle_counts_trans(internal, anyelement, timestamptz, numeric, tstzrange, interval, interval) IS 'internal: takes a row into the state of lifecycle_counts';
COMMENT ON FUNCTION lifecycle_counts_trans(internal, anyelement, timestamp, numeric, tsrange, interval, interval) IS 'internal: takes a row into the state of lifecycle_counts';
COMMENT ON FUNCTION lifecycle_counts_trans(internal, anyelement, date, numeric, daterange, interval, interval) IS 'internal: takes a row into the state of lifecycle_counts';
COMMENT ON FUNCTION lifecycle_counts_trans(internal, anyelement, timestamptz, lifecycle_event, numeric, tstzrange, interval, interval) IS 'internal: takes a row into the state of lifecycle_counts';
COMMENT ON FUNCTION lifecycle_counts_trans(internal, anyelement, timestamp, lifecycle_event, numeric, tsrange, interval, interval) IS 'internal: takes a row into the state of lifecycle_counts';
COMMENT ON FUNCTION lifecycle_counts_trans(internal, anyelement, date, lifecycle_event, numeric, daterange, interval, interval) IS 'internal: takes a row into the state of lifecycle_counts';
COMMENT ON FUNCTION lifecycle_counts_final(internal) IS 'internal: the result from the state of lifecycle_counts';

CREATE AGGREGATE lifecycle_counts(customer anyelement, at timestamptz, period tstzrange, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_counts_trans,
	STYPE = internal,
	SSPACE = 2048,
	FINALFUNC = lifecycle_counts_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_counts(customer anyelement, at timestamp, period tsrange, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_counts_trans,
	STYPE = internal,
	SSPACE = 2048,
	FINALFUNC = lifecycle_counts_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_counts(customer anyelement, at date, period daterange, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_counts_trans,
	STYPE = internal,
	SSPACE = 2048,
	FINALFUNC = lifecycle_counts_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_counts(customer anyelement, at timestamptz, event lifecycle_event, period tstzrange, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_counts_trans,
	STYPE = internal,
	SSPACE = 2048,
	FINALFUNC = lifecycle_counts_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_counts(customer anyelement, at timestamp, event lifecycle_event, period tsrange, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_counts_trans,
	STYPE = internal,
	SSPACE = 2048,
	FINALFUNC = lifecycle_counts_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_counts(customer anyelement, at date, event lifecycle_event, period daterange, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_counts_trans,
	STYPE = internal,
	SSPACE = 2048,
	FINALFUNC = lifecycle_counts_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_counts(customer anyelement, at timestamptz, amount numeric, period tstzrange, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_counts_trans,
	STYPE = internal,
	SSPACE = 2048,
	FINALFUNC = lifecycle_counts_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_counts(customer anyelement, at timestamp, amount numeric, period tsrange, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_counts_trans,
	STYPE = internal,
	SSPACE = 2048,
	FINALFUNC = lifecycle_counts_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_counts(customer anyelement, at date, amount numeric, period daterange, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_counts_trans,
	STYPE = internal,
	SSPACE = 2048,
	FINALFUNC = lifecycle_counts_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_counts(customer anyelement, at timestamptz, event lifecycle_event, amount numeric, period tstzrange, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_counts_trans,
	STYPE = internal,
	SSPACE = 2048,
	FINALFUNC = lifecycle_counts_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_counts(customer anyelement, at timestamp, event lifecycle_event, amount numeric, period tsrange, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_counts_trans,
	STYPE = internal,
	SSPACE = 2048,
	FINALFUNC = lifecycle_counts_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_counts(customer anyelement, at date, event lifecycle_event, amount numeric, period daterange, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_counts_trans,
	STYPE = internal,
	SSPACE = 2048,
	FINALFUNC = lifecycle_counts_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE lifecycle_counts(anyelement, timestamptz, tstzrange, interval, interval) IS 'everything about one period at once, over rows (customer, at) that are all purchases: see the comments of the columns of the type; NULL without a row. churned_after NULL means only by cancellation. Rows with a NULL customer or at are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_counts(anyelement, timestamp, tsrange, interval, interval) IS 'everything about one period at once, over rows (customer, at) that are all purchases: see the comments of the columns of the type; NULL without a row. churned_after NULL means only by cancellation. Rows with a NULL customer or at are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_counts(anyelement, date, daterange, interval, interval) IS 'everything about one period at once, over rows (customer, at) that are all purchases: see the comments of the columns of the type; NULL without a row. churned_after NULL means only by cancellation. Rows with a NULL customer or at are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_counts(anyelement, timestamptz, lifecycle_event, tstzrange, interval, interval) IS 'everything about one period at once, over rows (customer, at, event): see the comments of the columns of the type; NULL without a row. churned_after NULL means only by cancellation. Rows with a NULL customer, at or event are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_counts(anyelement, timestamp, lifecycle_event, tsrange, interval, interval) IS 'everything about one period at once, over rows (customer, at, event): see the comments of the columns of the type; NULL without a row. churned_after NULL means only by cancellation. Rows with a NULL customer, at or event are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_counts(anyelement, date, lifecycle_event, daterange, interval, interval) IS 'everything about one period at once, over rows (customer, at, event): see the comments of the columns of the type; NULL without a row. churned_after NULL means only by cancellation. Rows with a NULL customer, at or event are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_counts(anyelement, timestamptz, numeric, tstzrange, interval, interval) IS 'everything about one period at once, over rows (customer, at, amount) that are all purchases: see the comments of the columns of the type; NULL without a row. churned_after NULL means only by cancellation. Amounts are added up exactly, each row for itself; a NULL amount adds nothing, and only those of purchases count. Rows with a NULL customer or at are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_counts(anyelement, timestamp, numeric, tsrange, interval, interval) IS 'everything about one period at once, over rows (customer, at, amount) that are all purchases: see the comments of the columns of the type; NULL without a row. churned_after NULL means only by cancellation. Amounts are added up exactly, each row for itself; a NULL amount adds nothing, and only those of purchases count. Rows with a NULL customer or at are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_counts(anyelement, date, numeric, daterange, interval, interval) IS 'everything about one period at once, over rows (customer, at, amount) that are all purchases: see the comments of the columns of the type; NULL without a row. churned_after NULL means only by cancellation. Amounts are added up exactly, each row for itself; a NULL amount adds nothing, and only those of purchases count. Rows with a NULL customer or at are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_counts(anyelement, timestamptz, lifecycle_event, numeric, tstzrange, interval, interval) IS 'everything about one period at once, over rows (customer, at, event, amount): see the comments of the columns of the type; NULL without a row. churned_after NULL means only by cancellation. Amounts are added up exactly, each row for itself; a NULL amount adds nothing, and only those of purchases count. Rows with a NULL customer, at or event are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_counts(anyelement, timestamp, lifecycle_event, numeric, tsrange, interval, interval) IS 'everything about one period at once, over rows (customer, at, event, amount): see the comments of the columns of the type; NULL without a row. churned_after NULL means only by cancellation. Amounts are added up exactly, each row for itself; a NULL amount adds nothing, and only those of purchases count. Rows with a NULL customer, at or event are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_counts(anyelement, date, lifecycle_event, numeric, daterange, interval, interval) IS 'everything about one period at once, over rows (customer, at, event, amount): see the comments of the columns of the type; NULL without a row. churned_after NULL means only by cancellation. Amounts are added up exactly, each row for itself; a NULL amount adds nothing, and only those of purchases count. Rows with a NULL customer, at or event are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 42883 for a customer type without hashing. Source: README, "Definitions"';

CREATE FUNCTION lifecycle_series_trans(internal, anyelement, timestamptz, tstzrange, interval, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_series_trans(internal, anyelement, timestamp, tsrange, interval, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_series_trans(internal, anyelement, date, daterange, interval, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_series_trans(internal, anyelement, timestamptz, lifecycle_event, tstzrange, interval, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_series_trans(internal, anyelement, timestamp, lifecycle_event, tsrange, interval, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_series_trans(internal, anyelement, date, lifecycle_event, daterange, interval, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_series_trans(internal, anyelement, timestamptz, numeric, tstzrange, interval, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_series_trans(internal, anyelement, timestamp, numeric, tsrange, interval, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_series_trans(internal, anyelement, date, numeric, daterange, interval, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_series_trans(internal, anyelement, timestamptz, lifecycle_event, numeric, tstzrange, interval, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_series_trans(internal, anyelement, timestamp, lifecycle_event, numeric, tsrange, interval, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_series_trans(internal, anyelement, date, lifecycle_event, numeric, daterange, interval, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT winback_support;

CREATE FUNCTION lifecycle_series_final(internal) RETURNS lifecycle_counts[]
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON FUNCTION lifecycle_series_trans(internal, anyelement, timestamptz, tstzrange, interval, interval, interval) IS 'internal: takes a row into the state of lifecycle_series';
COMMENT ON FUNCTION lifecycle_series_trans(internal, anyelement, timestamp, tsrange, interval, interval, interval) IS 'internal: takes a row into the state of lifecycle_series';
COMMENT ON FUNCTION lifecycle_series_trans(internal, anyelement, date, daterange, interval, interval, interval) IS 'internal: takes a row into the state of lifecycle_series';
COMMENT ON FUNCTION lifecycle_series_trans(internal, anyelement, timestamptz, lifecycle_event, tstzrange, interval, interval, interval) IS 'internal: takes a row into the state of lifecycle_series';
COMMENT ON FUNCTION lifecycle_series_trans(internal, anyelement, timestamp, lifecycle_event, tsrange, interval, interval, interval) IS 'internal: takes a row into the state of lifecycle_series';
COMMENT ON FUNCTION lifecycle_series_trans(internal, anyelement, date, lifecycle_event, daterange, interval, interval, interval) IS 'internal: takes a row into the state of lifecycle_series';
COMMENT ON FUNCTION lifecycle_series_trans(internal, anyelement, timestamptz, numeric, tstzrange, interval, interval, interval) IS 'internal: takes a row into the state of lifecycle_series';
COMMENT ON FUNCTION lifecycle_series_trans(internal, anyelement, timestamp, numeric, tsrange, interval, interval, interval) IS 'internal: takes a row into the state of lifecycle_series';
COMMENT ON FUNCTION lifecycle_series_trans(internal, anyelement, date, numeric, daterange, interval, interval, interval) IS 'internal: takes a row into the state of lifecycle_series';
COMMENT ON FUNCTION lifecycle_series_trans(internal, anyelement, timestamptz, lifecycle_event, numeric, tstzrange, interval, interval, interval) IS 'internal: takes a row into the state of lifecycle_series';
COMMENT ON FUNCTION lifecycle_series_trans(internal, anyelement, timestamp, lifecycle_event, numeric, tsrange, interval, interval, interval) IS 'internal: takes a row into the state of lifecycle_series';
COMMENT ON FUNCTION lifecycle_series_trans(internal, anyelement, date, lifecycle_event, numeric, daterange, interval, interval, interval) IS 'internal: takes a row into the state of lifecycle_series';
COMMENT ON FUNCTION lifecycle_series_final(internal) IS 'internal: the result from the state of lifecycle_series';

CREATE AGGREGATE lifecycle_series(customer anyelement, at timestamptz, period tstzrange, step interval, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_series_trans,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = lifecycle_series_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_series(customer anyelement, at timestamp, period tsrange, step interval, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_series_trans,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = lifecycle_series_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_series(customer anyelement, at date, period daterange, step interval, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_series_trans,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = lifecycle_series_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_series(customer anyelement, at timestamptz, event lifecycle_event, period tstzrange, step interval, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_series_trans,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = lifecycle_series_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_series(customer anyelement, at timestamp, event lifecycle_event, period tsrange, step interval, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_series_trans,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = lifecycle_series_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_series(customer anyelement, at date, event lifecycle_event, period daterange, step interval, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_series_trans,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = lifecycle_series_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_series(customer anyelement, at timestamptz, amount numeric, period tstzrange, step interval, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_series_trans,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = lifecycle_series_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_series(customer anyelement, at timestamp, amount numeric, period tsrange, step interval, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_series_trans,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = lifecycle_series_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_series(customer anyelement, at date, amount numeric, period daterange, step interval, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_series_trans,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = lifecycle_series_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_series(customer anyelement, at timestamptz, event lifecycle_event, amount numeric, period tstzrange, step interval, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_series_trans,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = lifecycle_series_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_series(customer anyelement, at timestamp, event lifecycle_event, amount numeric, period tsrange, step interval, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_series_trans,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = lifecycle_series_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_series(customer anyelement, at date, event lifecycle_event, amount numeric, period daterange, step interval, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_series_trans,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = lifecycle_series_final,
	COMBINEFUNC = customer_state_combine,
	SERIALFUNC = customer_state_serial,
	DESERIALFUNC = customer_state_deserial,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE lifecycle_series(anyelement, timestamptz, tstzrange, interval, interval, interval) IS 'lifecycle_counts of each period of a series, over rows (customer, at) that are all purchases: period k begins at the start + k * step, the last one ends where the whole period does; NULL without a row. churned_after NULL means only by cancellation. Rows with a NULL customer or at are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without both bounds, a step that is NULL, not positive or, over dates, not whole days, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 54000 for more than 10000 periods; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_series(anyelement, timestamp, tsrange, interval, interval, interval) IS 'lifecycle_counts of each period of a series, over rows (customer, at) that are all purchases: period k begins at the start + k * step, the last one ends where the whole period does; NULL without a row. churned_after NULL means only by cancellation. Rows with a NULL customer or at are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without both bounds, a step that is NULL, not positive or, over dates, not whole days, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 54000 for more than 10000 periods; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_series(anyelement, date, daterange, interval, interval, interval) IS 'lifecycle_counts of each period of a series, over rows (customer, at) that are all purchases: period k begins at the start + k * step, the last one ends where the whole period does; NULL without a row. churned_after NULL means only by cancellation. Rows with a NULL customer or at are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without both bounds, a step that is NULL, not positive or, over dates, not whole days, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 54000 for more than 10000 periods; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_series(anyelement, timestamptz, lifecycle_event, tstzrange, interval, interval, interval) IS 'lifecycle_counts of each period of a series, over rows (customer, at, event): period k begins at the start + k * step, the last one ends where the whole period does; NULL without a row. churned_after NULL means only by cancellation. Rows with a NULL customer, at or event are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without both bounds, a step that is NULL, not positive or, over dates, not whole days, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 54000 for more than 10000 periods; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_series(anyelement, timestamp, lifecycle_event, tsrange, interval, interval, interval) IS 'lifecycle_counts of each period of a series, over rows (customer, at, event): period k begins at the start + k * step, the last one ends where the whole period does; NULL without a row. churned_after NULL means only by cancellation. Rows with a NULL customer, at or event are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without both bounds, a step that is NULL, not positive or, over dates, not whole days, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 54000 for more than 10000 periods; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_series(anyelement, date, lifecycle_event, daterange, interval, interval, interval) IS 'lifecycle_counts of each period of a series, over rows (customer, at, event): period k begins at the start + k * step, the last one ends where the whole period does; NULL without a row. churned_after NULL means only by cancellation. Rows with a NULL customer, at or event are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without both bounds, a step that is NULL, not positive or, over dates, not whole days, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 54000 for more than 10000 periods; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_series(anyelement, timestamptz, numeric, tstzrange, interval, interval, interval) IS 'lifecycle_counts of each period of a series, over rows (customer, at, amount) that are all purchases: period k begins at the start + k * step, the last one ends where the whole period does; NULL without a row. churned_after NULL means only by cancellation. Amounts are added up exactly, each row for itself; a NULL amount adds nothing, and only those of purchases count. Rows with a NULL customer or at are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without both bounds, a step that is NULL, not positive or, over dates, not whole days, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 54000 for more than 10000 periods; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_series(anyelement, timestamp, numeric, tsrange, interval, interval, interval) IS 'lifecycle_counts of each period of a series, over rows (customer, at, amount) that are all purchases: period k begins at the start + k * step, the last one ends where the whole period does; NULL without a row. churned_after NULL means only by cancellation. Amounts are added up exactly, each row for itself; a NULL amount adds nothing, and only those of purchases count. Rows with a NULL customer or at are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without both bounds, a step that is NULL, not positive or, over dates, not whole days, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 54000 for more than 10000 periods; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_series(anyelement, date, numeric, daterange, interval, interval, interval) IS 'lifecycle_counts of each period of a series, over rows (customer, at, amount) that are all purchases: period k begins at the start + k * step, the last one ends where the whole period does; NULL without a row. churned_after NULL means only by cancellation. Amounts are added up exactly, each row for itself; a NULL amount adds nothing, and only those of purchases count. Rows with a NULL customer or at are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without both bounds, a step that is NULL, not positive or, over dates, not whole days, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 54000 for more than 10000 periods; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_series(anyelement, timestamptz, lifecycle_event, numeric, tstzrange, interval, interval, interval) IS 'lifecycle_counts of each period of a series, over rows (customer, at, event, amount): period k begins at the start + k * step, the last one ends where the whole period does; NULL without a row. churned_after NULL means only by cancellation. Amounts are added up exactly, each row for itself; a NULL amount adds nothing, and only those of purchases count. Rows with a NULL customer, at or event are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without both bounds, a step that is NULL, not positive or, over dates, not whole days, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 54000 for more than 10000 periods; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_series(anyelement, timestamp, lifecycle_event, numeric, tsrange, interval, interval, interval) IS 'lifecycle_counts of each period of a series, over rows (customer, at, event, amount): period k begins at the start + k * step, the last one ends where the whole period does; NULL without a row. churned_after NULL means only by cancellation. Amounts are added up exactly, each row for itself; a NULL amount adds nothing, and only those of purchases count. Rows with a NULL customer, at or event are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without both bounds, a step that is NULL, not positive or, over dates, not whole days, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 54000 for more than 10000 periods; 42883 for a customer type without hashing. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_series(anyelement, date, lifecycle_event, numeric, daterange, interval, interval, interval) IS 'lifecycle_counts of each period of a series, over rows (customer, at, event, amount): period k begins at the start + k * step, the last one ends where the whole period does; NULL without a row. churned_after NULL means only by cancellation. Amounts are added up exactly, each row for itself; a NULL amount adds nothing, and only those of purchases count. Rows with a NULL customer, at or event are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without both bounds, a step that is NULL, not positive or, over dates, not whole days, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for either changing within a group; 54000 for more than 10000 periods; 42883 for a customer type without hashing. Source: README, "Definitions"';

--
-- Over the rows of one customer
--

CREATE FUNCTION lifecycle_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lifecycle_serial(internal) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_deserial(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION lifecycle_combine(internal, internal) IS 'internal: merges the states of two parallel workers; raises 22023 where their periods, steps or thresholds differ';
COMMENT ON FUNCTION lifecycle_serial(internal) IS 'internal: a state as bytes, on the way from a parallel worker';
COMMENT ON FUNCTION lifecycle_deserial(bytea, internal) IS 'internal: a state from bytes';

CREATE TYPE lifecycle_explanation AS (
	last_purchase timestamptz,
	silence interval,
	inactive_before timestamptz,
	churned_before timestamptz,
	last_cancellation timestamptz,
	standing_at_start lifecycle_status,
	first_purchase timestamptz,
	status lifecycle_status,
	reactivation_eligible boolean,
	reactivation_returned boolean,
	winback_eligible boolean,
	winback_returned boolean
);

COMMENT ON TYPE lifecycle_explanation IS 'why a customer counts as they do; instants of a date or timestamp column are in the TimeZone of the session';
COMMENT ON COLUMN lifecycle_explanation.last_purchase IS 'the last purchase before the start of the period; NULL if none';
COMMENT ON COLUMN lifecycle_explanation.silence IS 'from then to the start';
COMMENT ON COLUMN lifecycle_explanation.inactive_before IS 'start - inactive_after (of a date column, the first day that is not earlier): whose last purchase is earlier is not active';
COMMENT ON COLUMN lifecycle_explanation.churned_before IS 'start - churned_after (of a date column, the first day that is not earlier): whose last purchase is earlier has churned; NULL where churned_after is';
COMMENT ON COLUMN lifecycle_explanation.last_cancellation IS 'the last cancellation before the start; it counts unless a later purchase follows; NULL if none';
COMMENT ON COLUMN lifecycle_explanation.standing_at_start IS 'prospect, active, inactive or churned; NULL if nothing was known yet';
COMMENT ON COLUMN lifecycle_explanation.first_purchase IS 'the first purchase in the period; NULL if none';
COMMENT ON COLUMN lifecycle_explanation.status IS 'the status over the period; NULL if nothing is known before its end, or if they did not buy and it has no end';
COMMENT ON COLUMN lifecycle_explanation.reactivation_eligible IS 'counted in the denominator of the reactivation rate';
COMMENT ON COLUMN lifecycle_explanation.reactivation_returned IS 'counted in its numerator';
COMMENT ON COLUMN lifecycle_explanation.winback_eligible IS 'counted in the denominator of the win-back rate';
COMMENT ON COLUMN lifecycle_explanation.winback_returned IS 'counted in its numerator';

CREATE FUNCTION lifecycle_at_trans(internal, timestamptz, timestamptz, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION lifecycle_at_trans(internal, timestamp, timestamp, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lifecycle_at_trans(internal, date, date, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lifecycle_at_trans(internal, timestamptz, lifecycle_event, timestamptz, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION lifecycle_at_trans(internal, timestamp, lifecycle_event, timestamp, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lifecycle_at_trans(internal, date, lifecycle_event, date, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lifecycle_at_final(internal) RETURNS lifecycle_status
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION lifecycle_at_trans(internal, timestamptz, timestamptz, interval, interval) IS 'internal: takes a row into the state of lifecycle_at';
COMMENT ON FUNCTION lifecycle_at_trans(internal, timestamp, timestamp, interval, interval) IS 'internal: takes a row into the state of lifecycle_at';
COMMENT ON FUNCTION lifecycle_at_trans(internal, date, date, interval, interval) IS 'internal: takes a row into the state of lifecycle_at';
COMMENT ON FUNCTION lifecycle_at_trans(internal, timestamptz, lifecycle_event, timestamptz, interval, interval) IS 'internal: takes a row into the state of lifecycle_at';
COMMENT ON FUNCTION lifecycle_at_trans(internal, timestamp, lifecycle_event, timestamp, interval, interval) IS 'internal: takes a row into the state of lifecycle_at';
COMMENT ON FUNCTION lifecycle_at_trans(internal, date, lifecycle_event, date, interval, interval) IS 'internal: takes a row into the state of lifecycle_at';
COMMENT ON FUNCTION lifecycle_at_final(internal) IS 'internal: the result from the state of lifecycle_at';

CREATE AGGREGATE lifecycle_at(at timestamptz, as_of timestamptz, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_at_trans,
	STYPE = internal,
	SSPACE = 64,
	FINALFUNC = lifecycle_at_final,
	COMBINEFUNC = lifecycle_combine,
	SERIALFUNC = lifecycle_serial,
	DESERIALFUNC = lifecycle_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_at(at timestamp, as_of timestamp, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_at_trans,
	STYPE = internal,
	SSPACE = 64,
	FINALFUNC = lifecycle_at_final,
	COMBINEFUNC = lifecycle_combine,
	SERIALFUNC = lifecycle_serial,
	DESERIALFUNC = lifecycle_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_at(at date, as_of date, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_at_trans,
	STYPE = internal,
	SSPACE = 64,
	FINALFUNC = lifecycle_at_final,
	COMBINEFUNC = lifecycle_combine,
	SERIALFUNC = lifecycle_serial,
	DESERIALFUNC = lifecycle_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_at(at timestamptz, event lifecycle_event, as_of timestamptz, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_at_trans,
	STYPE = internal,
	SSPACE = 64,
	FINALFUNC = lifecycle_at_final,
	COMBINEFUNC = lifecycle_combine,
	SERIALFUNC = lifecycle_serial,
	DESERIALFUNC = lifecycle_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_at(at timestamp, event lifecycle_event, as_of timestamp, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_at_trans,
	STYPE = internal,
	SSPACE = 64,
	FINALFUNC = lifecycle_at_final,
	COMBINEFUNC = lifecycle_combine,
	SERIALFUNC = lifecycle_serial,
	DESERIALFUNC = lifecycle_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_at(at date, event lifecycle_event, as_of date, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_at_trans,
	STYPE = internal,
	SSPACE = 64,
	FINALFUNC = lifecycle_at_final,
	COMBINEFUNC = lifecycle_combine,
	SERIALFUNC = lifecycle_serial,
	DESERIALFUNC = lifecycle_deserial,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE lifecycle_at(timestamptz, timestamptz, interval, interval) IS 'standing of one customer (GROUP BY customer) at an instant, from the events before it: prospect, active, inactive or churned; NULL when there are none. Over rows (at) that are all purchases. churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for an as_of that is NULL or infinite, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for any of them changing within a group. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_at(timestamp, timestamp, interval, interval) IS 'standing of one customer (GROUP BY customer) at an instant, from the events before it: prospect, active, inactive or churned; NULL when there are none. Over rows (at) that are all purchases. churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for an as_of that is NULL or infinite, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for any of them changing within a group. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_at(date, date, interval, interval) IS 'standing of one customer (GROUP BY customer) at an instant, from the events before it: prospect, active, inactive or churned; NULL when there are none. Over rows (at) that are all purchases. churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for an as_of that is NULL or infinite, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for any of them changing within a group. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_at(timestamptz, lifecycle_event, timestamptz, interval, interval) IS 'standing of one customer (GROUP BY customer) at an instant, from the events before it: prospect, active, inactive or churned; NULL when there are none. Over rows (at, event). churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for an as_of that is NULL or infinite, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for any of them changing within a group. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_at(timestamp, lifecycle_event, timestamp, interval, interval) IS 'standing of one customer (GROUP BY customer) at an instant, from the events before it: prospect, active, inactive or churned; NULL when there are none. Over rows (at, event). churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for an as_of that is NULL or infinite, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for any of them changing within a group. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_at(date, lifecycle_event, date, interval, interval) IS 'standing of one customer (GROUP BY customer) at an instant, from the events before it: prospect, active, inactive or churned; NULL when there are none. Over rows (at, event). churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for an as_of that is NULL or infinite, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for any of them changing within a group. Source: README, "Definitions"';

CREATE FUNCTION lifecycle_during_trans(internal, timestamptz, tstzrange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION lifecycle_during_trans(internal, timestamp, tsrange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lifecycle_during_trans(internal, date, daterange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lifecycle_during_trans(internal, timestamptz, lifecycle_event, tstzrange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION lifecycle_during_trans(internal, timestamp, lifecycle_event, tsrange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lifecycle_during_trans(internal, date, lifecycle_event, daterange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lifecycle_during_final(internal) RETURNS lifecycle_status
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION lifecycle_during_trans(internal, timestamptz, tstzrange, interval, interval) IS 'internal: takes a row into the state of lifecycle_during';
COMMENT ON FUNCTION lifecycle_during_trans(internal, timestamp, tsrange, interval, interval) IS 'internal: takes a row into the state of lifecycle_during';
COMMENT ON FUNCTION lifecycle_during_trans(internal, date, daterange, interval, interval) IS 'internal: takes a row into the state of lifecycle_during';
COMMENT ON FUNCTION lifecycle_during_trans(internal, timestamptz, lifecycle_event, tstzrange, interval, interval) IS 'internal: takes a row into the state of lifecycle_during';
COMMENT ON FUNCTION lifecycle_during_trans(internal, timestamp, lifecycle_event, tsrange, interval, interval) IS 'internal: takes a row into the state of lifecycle_during';
COMMENT ON FUNCTION lifecycle_during_trans(internal, date, lifecycle_event, daterange, interval, interval) IS 'internal: takes a row into the state of lifecycle_during';
COMMENT ON FUNCTION lifecycle_during_final(internal) IS 'internal: the result from the state of lifecycle_during';

CREATE AGGREGATE lifecycle_during(at timestamptz, period tstzrange, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_during_trans,
	STYPE = internal,
	SSPACE = 64,
	FINALFUNC = lifecycle_during_final,
	COMBINEFUNC = lifecycle_combine,
	SERIALFUNC = lifecycle_serial,
	DESERIALFUNC = lifecycle_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_during(at timestamp, period tsrange, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_during_trans,
	STYPE = internal,
	SSPACE = 64,
	FINALFUNC = lifecycle_during_final,
	COMBINEFUNC = lifecycle_combine,
	SERIALFUNC = lifecycle_serial,
	DESERIALFUNC = lifecycle_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_during(at date, period daterange, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_during_trans,
	STYPE = internal,
	SSPACE = 64,
	FINALFUNC = lifecycle_during_final,
	COMBINEFUNC = lifecycle_combine,
	SERIALFUNC = lifecycle_serial,
	DESERIALFUNC = lifecycle_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_during(at timestamptz, event lifecycle_event, period tstzrange, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_during_trans,
	STYPE = internal,
	SSPACE = 64,
	FINALFUNC = lifecycle_during_final,
	COMBINEFUNC = lifecycle_combine,
	SERIALFUNC = lifecycle_serial,
	DESERIALFUNC = lifecycle_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_during(at timestamp, event lifecycle_event, period tsrange, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_during_trans,
	STYPE = internal,
	SSPACE = 64,
	FINALFUNC = lifecycle_during_final,
	COMBINEFUNC = lifecycle_combine,
	SERIALFUNC = lifecycle_serial,
	DESERIALFUNC = lifecycle_deserial,
	PARALLEL = SAFE
);

CREATE AGGREGATE lifecycle_during(at date, event lifecycle_event, period daterange, inactive_after interval, churned_after interval) (
	SFUNC = lifecycle_during_trans,
	STYPE = internal,
	SSPACE = 64,
	FINALFUNC = lifecycle_during_final,
	COMBINEFUNC = lifecycle_combine,
	SERIALFUNC = lifecycle_serial,
	DESERIALFUNC = lifecycle_deserial,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE lifecycle_during(timestamptz, tstzrange, interval, interval) IS 'status of one customer (GROUP BY customer) over a period: any label; NULL when nothing is known before its end. Over rows (at) that are all purchases. churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without both bounds, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for any of them changing within a group. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_during(timestamp, tsrange, interval, interval) IS 'status of one customer (GROUP BY customer) over a period: any label; NULL when nothing is known before its end. Over rows (at) that are all purchases. churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without both bounds, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for any of them changing within a group. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_during(date, daterange, interval, interval) IS 'status of one customer (GROUP BY customer) over a period: any label; NULL when nothing is known before its end. Over rows (at) that are all purchases. churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without both bounds, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for any of them changing within a group. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_during(timestamptz, lifecycle_event, tstzrange, interval, interval) IS 'status of one customer (GROUP BY customer) over a period: any label; NULL when nothing is known before its end. Over rows (at, event). churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without both bounds, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for any of them changing within a group. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_during(timestamp, lifecycle_event, tsrange, interval, interval) IS 'status of one customer (GROUP BY customer) over a period: any label; NULL when nothing is known before its end. Over rows (at, event). churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without both bounds, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for any of them changing within a group. Source: README, "Definitions"';
COMMENT ON AGGREGATE lifecycle_during(date, lifecycle_event, daterange, interval, interval) IS 'status of one customer (GROUP BY customer) over a period: any label; NULL when nothing is known before its end. Over rows (at, event). churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without both bounds, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for any of them changing within a group. Source: README, "Definitions"';

CREATE FUNCTION explain_lifecycle_trans(internal, timestamptz, tstzrange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION explain_lifecycle_trans(internal, timestamp, tsrange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION explain_lifecycle_trans(internal, date, daterange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION explain_lifecycle_trans(internal, timestamptz, lifecycle_event, tstzrange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION explain_lifecycle_trans(internal, timestamp, lifecycle_event, tsrange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION explain_lifecycle_trans(internal, date, lifecycle_event, daterange, interval, interval) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION explain_lifecycle_final(internal) RETURNS lifecycle_explanation
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON FUNCTION explain_lifecycle_trans(internal, timestamptz, tstzrange, interval, interval) IS 'internal: takes a row into the state of explain_lifecycle';
COMMENT ON FUNCTION explain_lifecycle_trans(internal, timestamp, tsrange, interval, interval) IS 'internal: takes a row into the state of explain_lifecycle';
COMMENT ON FUNCTION explain_lifecycle_trans(internal, date, daterange, interval, interval) IS 'internal: takes a row into the state of explain_lifecycle';
COMMENT ON FUNCTION explain_lifecycle_trans(internal, timestamptz, lifecycle_event, tstzrange, interval, interval) IS 'internal: takes a row into the state of explain_lifecycle';
COMMENT ON FUNCTION explain_lifecycle_trans(internal, timestamp, lifecycle_event, tsrange, interval, interval) IS 'internal: takes a row into the state of explain_lifecycle';
COMMENT ON FUNCTION explain_lifecycle_trans(internal, date, lifecycle_event, daterange, interval, interval) IS 'internal: takes a row into the state of explain_lifecycle';
COMMENT ON FUNCTION explain_lifecycle_final(internal) IS 'internal: the result from the state of explain_lifecycle';

CREATE AGGREGATE explain_lifecycle(at timestamptz, period tstzrange, inactive_after interval, churned_after interval) (
	SFUNC = explain_lifecycle_trans,
	STYPE = internal,
	SSPACE = 256,
	FINALFUNC = explain_lifecycle_final,
	PARALLEL = SAFE
);

CREATE AGGREGATE explain_lifecycle(at timestamp, period tsrange, inactive_after interval, churned_after interval) (
	SFUNC = explain_lifecycle_trans,
	STYPE = internal,
	SSPACE = 256,
	FINALFUNC = explain_lifecycle_final,
	PARALLEL = SAFE
);

CREATE AGGREGATE explain_lifecycle(at date, period daterange, inactive_after interval, churned_after interval) (
	SFUNC = explain_lifecycle_trans,
	STYPE = internal,
	SSPACE = 256,
	FINALFUNC = explain_lifecycle_final,
	PARALLEL = SAFE
);

CREATE AGGREGATE explain_lifecycle(at timestamptz, event lifecycle_event, period tstzrange, inactive_after interval, churned_after interval) (
	SFUNC = explain_lifecycle_trans,
	STYPE = internal,
	SSPACE = 256,
	FINALFUNC = explain_lifecycle_final,
	PARALLEL = SAFE
);

CREATE AGGREGATE explain_lifecycle(at timestamp, event lifecycle_event, period tsrange, inactive_after interval, churned_after interval) (
	SFUNC = explain_lifecycle_trans,
	STYPE = internal,
	SSPACE = 256,
	FINALFUNC = explain_lifecycle_final,
	PARALLEL = SAFE
);

CREATE AGGREGATE explain_lifecycle(at date, event lifecycle_event, period daterange, inactive_after interval, churned_after interval) (
	SFUNC = explain_lifecycle_trans,
	STYPE = internal,
	SSPACE = 256,
	FINALFUNC = explain_lifecycle_final,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE explain_lifecycle(timestamptz, tstzrange, interval, interval) IS 'why one customer counts as they do in a period: see the comments of the columns of the type; NULL without a row. Raises 22008 where the silence since -infinity were to be computed. Over rows (at) that are all purchases. churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for any of them changing within a group. Source: README, "Definitions"';
COMMENT ON AGGREGATE explain_lifecycle(timestamp, tsrange, interval, interval) IS 'why one customer counts as they do in a period: see the comments of the columns of the type; NULL without a row. Raises 22008 where the silence since -infinity were to be computed. Over rows (at) that are all purchases. churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for any of them changing within a group. Source: README, "Definitions"';
COMMENT ON AGGREGATE explain_lifecycle(date, daterange, interval, interval) IS 'why one customer counts as they do in a period: see the comments of the columns of the type; NULL without a row. Raises 22008 where the silence since -infinity were to be computed. Over rows (at) that are all purchases. churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for any of them changing within a group. Source: README, "Definitions"';
COMMENT ON AGGREGATE explain_lifecycle(timestamptz, lifecycle_event, tstzrange, interval, interval) IS 'why one customer counts as they do in a period: see the comments of the columns of the type; NULL without a row. Raises 22008 where the silence since -infinity were to be computed. Over rows (at, event). churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for any of them changing within a group. Source: README, "Definitions"';
COMMENT ON AGGREGATE explain_lifecycle(timestamp, lifecycle_event, tsrange, interval, interval) IS 'why one customer counts as they do in a period: see the comments of the columns of the type; NULL without a row. Raises 22008 where the silence since -infinity were to be computed. Over rows (at, event). churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for any of them changing within a group. Source: README, "Definitions"';
COMMENT ON AGGREGATE explain_lifecycle(date, lifecycle_event, daterange, interval, interval) IS 'why one customer counts as they do in a period: see the comments of the columns of the type; NULL without a row. Raises 22008 where the silence since -infinity were to be computed. Over rows (at, event). churned_after NULL means only by cancellation. Rows with a NULL in one of these columns are ignored. Raises 22004 or 22023 for a period that is NULL, empty or without lower bound, an inactive_after that is NULL or not positive, a churned_after that is not positive or shorter than inactive_after, and for any of them changing within a group. Source: README, "Definitions"';

--
-- The second step: over customers, from their standing before and status after
--

CREATE FUNCTION reactivation_tally_step(rate_tally, lifecycle_status, lifecycle_status) RETURNS rate_tally
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION reactivation_tally_step(rate_tally, lifecycle_status, lifecycle_status) IS 'internal: takes a customer into a reactivation tally';
CREATE FUNCTION winback_tally_step(rate_tally, lifecycle_status, lifecycle_status) RETURNS rate_tally
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION winback_tally_step(rate_tally, lifecycle_status, lifecycle_status) IS 'internal: takes a customer into a winback tally';

CREATE AGGREGATE reactivation_rate(before lifecycle_status, after lifecycle_status) (
	SFUNC = reactivation_tally_step,
	STYPE = rate_tally,
	FINALFUNC = rate,
	COMBINEFUNC = rate_tally_add,
	INITCOND = '0/0',
	PARALLEL = SAFE
);

CREATE AGGREGATE reactivation_tally(before lifecycle_status, after lifecycle_status) (
	SFUNC = reactivation_tally_step,
	STYPE = rate_tally,
	COMBINEFUNC = rate_tally_add,
	INITCOND = '0/0',
	PARALLEL = SAFE
);

CREATE AGGREGATE winback_rate(before lifecycle_status, after lifecycle_status) (
	SFUNC = winback_tally_step,
	STYPE = rate_tally,
	FINALFUNC = rate,
	COMBINEFUNC = rate_tally_add,
	INITCOND = '0/0',
	PARALLEL = SAFE
);

CREATE AGGREGATE winback_tally(before lifecycle_status, after lifecycle_status) (
	SFUNC = winback_tally_step,
	STYPE = rate_tally,
	COMBINEFUNC = rate_tally_add,
	INITCOND = '0/0',
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE reactivation_rate(lifecycle_status, lifecycle_status) IS 'share, 0 to 1, of the customers who were inactive, churned or prospect before and bought since, from one row a customer: the standing at the start (lifecycle_at) and the status over the period (lifecycle_during); of those, a customer bought when that is new, reactivated or won_back. NULL when nobody was eligible. Rows with a NULL in one of these columns are ignored. Source: README, "Definitions"';
COMMENT ON AGGREGATE reactivation_tally(lifecycle_status, lifecycle_status) IS 'number of the customers who were inactive, churned or prospect before and bought since, from one row a customer: the standing at the start (lifecycle_at) and the status over the period (lifecycle_during); of those, a customer bought when that is new, reactivated or won_back. 0/0 when nobody was eligible. Rows with a NULL in one of these columns are ignored. Source: README, "Definitions"';
COMMENT ON AGGREGATE winback_rate(lifecycle_status, lifecycle_status) IS 'share, 0 to 1, of the customers who were churned before and bought since, from one row a customer: the standing at the start (lifecycle_at) and the status over the period (lifecycle_during); of those, a customer bought when that is new, reactivated or won_back. NULL when nobody was eligible. Rows with a NULL in one of these columns are ignored. Source: README, "Definitions"';
COMMENT ON AGGREGATE winback_tally(lifecycle_status, lifecycle_status) IS 'number of the customers who were churned before and bought since, from one row a customer: the standing at the start (lifecycle_at) and the status over the period (lifecycle_during); of those, a customer bought when that is new, reactivated or won_back. 0/0 when nobody was eligible. Rows with a NULL in one of these columns are ignored. Source: README, "Definitions"';
CREATE TYPE lifecycle_transition AS (
	before lifecycle_status,
	after lifecycle_status,
	customers bigint
);

COMMENT ON TYPE lifecycle_transition IS 'how many customers went from one status to another';
COMMENT ON COLUMN lifecycle_transition.before IS 'status before; NULL if they were not known';
COMMENT ON COLUMN lifecycle_transition.after IS 'status after; NULL if they are not known';
COMMENT ON COLUMN lifecycle_transition.customers IS 'number of customers, more than 0';

CREATE FUNCTION lifecycle_transitions_trans(bigint[], lifecycle_status, lifecycle_status) RETURNS bigint[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lifecycle_transitions_combine(bigint[], bigint[]) RETURNS bigint[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lifecycle_transitions_final(bigint[]) RETURNS lifecycle_transition[]
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON FUNCTION lifecycle_transitions_trans(bigint[], lifecycle_status, lifecycle_status) IS 'internal: takes a customer into the state of lifecycle_transitions';
COMMENT ON FUNCTION lifecycle_transitions_combine(bigint[], bigint[]) IS 'internal: adds the states of two parallel workers';
COMMENT ON FUNCTION lifecycle_transitions_final(bigint[]) IS 'internal: the rows from the state of lifecycle_transitions';

CREATE AGGREGATE lifecycle_transitions(before lifecycle_status, after lifecycle_status) (
	SFUNC = lifecycle_transitions_trans,
	STYPE = bigint[],
	FINALFUNC = lifecycle_transitions_final,
	COMBINEFUNC = lifecycle_transitions_combine,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE lifecycle_transitions(lifecycle_status, lifecycle_status) IS 'how many customers went from which status before to which after, from one row a customer: an array of rows, to be read with unnest(), in the order of the labels, NULL (not known) first; combinations without customers are left out. Rows where both are NULL are ignored; NULL without a row. Source: README, "Definitions"';
