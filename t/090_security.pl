# 090_security.pl
#   Proves that winback gives no role a power that it did not have.
#
#   - Least privilege: every function needs only USAGE on the schema and SELECT on
#     the columns, and none reads a column or a row that the caller may not.
#   - Trusted: whoever may create objects in a database may create the extension,
#     and cannot change it afterwards.
#   - The install script, which runs as a superuser, calls none of the objects that
#     an attacker has put in its way; and at run time no function depends on the
#     search_path of the caller.
#   - A state cannot be forged: neither by a call from SQL, nor by a user-defined
#     aggregate over our functions.
#   - Histories that are kept up to date: all functions run with the rights of their
#     caller, also under a hostile search_path. sql/track_histories.sql has the
#     privileges that each of them needs.
#   - The extension can be moved to another schema, with everything that uses it.
#
#   The lists of functions are read from the catalogs: a function added later is
#   tested, too, or makes the test fail if the test cannot call it.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Utils;
use Test::More;
use WinbackCluster;

my $node = WinbackCluster::start('security');
my $started = $node->safe_psql('winback', 'SELECT pg_postmaster_start_time()');

# Runs a query in database "winback", where the extension is in public.
sub ask { return $node->safe_psql('winback', $_[0]); }

# Runs a query as another role. Returns the rows, or the SQLSTATE of the error.
sub as_role {
  my ($role, $database, $query) = @_;
  my ($rows, $errors);
  $node->psql($database, $query, stdout => \$rows, stderr => \$errors,
    extra_params => [ '-U', $role, '-v', 'VERBOSITY=sqlstate' ]);
  return $errors =~ /(?:ERROR|FATAL):\s+(\w{5})/ ? $1 : $errors eq '' ? $rows : $errors;
}

# A FROM clause: the functions of the extension, as pg_proc p.
my $ours = q{
  pg_proc p
  JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
  JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
                     AND e.extname = 'winback'};

#
# No function has privileged attributes.
#
is(ask(qq{
    SELECT count(*) FROM $ours JOIN pg_language l ON l.oid = prolang
     WHERE prosecdef OR proleakproof OR proacl IS NOT NULL
        OR proconfig IS DISTINCT FROM
           CASE WHEN lanname = 'plpgsql' THEN ARRAY['search_path=pg_catalog, pg_temp'] END}),
  '0', 'no function is SECURITY DEFINER or LEAKPROOF, or has privileges of its own; only those in '
  . 'PL/pgSQL have a setting, a safe search_path');
is(ask("SELECT string_agg(DISTINCT probin, ',') FROM $ours WHERE prokind = 'f'"),
  '$libdir/winback', 'all functions are in our library');
cmp_ok(ask("SELECT count(*) FROM $ours"), '>', 100, 'there are more than 100 functions');

#
# Least privilege: a database where PUBLIC has no privileges.
#
$node->safe_psql('postgres', 'CREATE DATABASE strict');
$node->safe_psql('strict', q{
  CREATE ROLE analyst LOGIN;
  CREATE ROLE narrow LOGIN;
  CREATE ROLE stranger LOGIN;
  REVOKE ALL ON DATABASE strict FROM PUBLIC;
  REVOKE ALL ON SCHEMA public FROM PUBLIC;
  GRANT CONNECT ON DATABASE strict TO analyst, narrow, stranger;
  CREATE SCHEMA tools;
  CREATE EXTENSION winback SCHEMA tools;
  CREATE SCHEMA shop;
  GRANT USAGE ON SCHEMA tools, shop TO analyst, narrow;
  ALTER DATABASE strict SET search_path = shop, tools;
  SET search_path = shop, tools;

  CREATE TABLE orders AS
  SELECT abs(hashint4(n)) % 97 AS customer, at AS timestamptz,
         at AT TIME ZONE 'UTC' AS "timestamp", (at AT TIME ZONE 'UTC')::date AS date,
         (ARRAY['purchase', 'purchase', 'purchase', 'cancellation', 'interest'])[1 + n * 31 % 5]
           ::lifecycle_event AS event,
         CASE WHEN n * 31 % 5 < 3 THEN (n % 13)::numeric END AS amount,
         ('{prospect,new,active,inactive,churned,reactivated,won_back}'
            ::lifecycle_status[])[1 + n % 7] AS before,
         ('{won_back,new,active,inactive,churned,reactivated}'
            ::lifecycle_status[])[1 + n % 6] AS after,
         rate_tally(n % 5, n % 7 + 5) AS tally,
         spend_tally(1, n % 13, (n % 13) * (n % 13)) AS spend,
         (SELECT lifecycle_counts_tally(1, timestamptz '2023-01-01 UTC',
                                        '[2023-06-01 UTC,2024-01-01 UTC)', '20 days', '40 days'))
           AS counted,
         format('{date; 2023-04-0%s purchase %s}', 1 + n % 9, n % 5)::customer_history AS history,
         format('{timestamp; 2023-04-0%s}', 1 + n % 9)::customer_history AS history_of_timestamp,
         format('{timestamptz; 2023-04-0%s UTC}', 1 + n % 9)::customer_history
           AS history_of_timestamptz,
         'secret ' || n AS secret
    FROM (SELECT n, timestamptz '2023-01-01 UTC' + n * interval '7 hours' AS at
            FROM generate_series(1, 2000) AS n) AS numbered;
  GRANT SELECT ON orders TO analyst;
  GRANT SELECT (customer, timestamptz, event) ON orders TO narrow;
});

# A call of every aggregate, built from the names and types of its arguments; and calls of
# the other functions, directly or through operators, input and output, indexes and casts.
# Functions with an internal argument are left to "Forged states" below.
my %argument = (
  customer => 'customer',
  event => 'event',
  amount => 'amount',
  before => 'before',
  after => 'after',
  tstzrange => q{'[2023-06-01 UTC,2024-01-01 UTC)'::tstzrange},
  tsrange => q{'[2023-06-01,2024-01-01)'::tsrange},
  daterange => q{'[2023-06-01,2024-01-01)'::daterange},
  text => q{text '[2023-06-01,2024-01-01)'},
  as_of => q{'2023-06-01'},
  until => q{'2024-01-01'},
  step => q{'1 month'},
  inactive_after => q{'20 days'},
  churned_after => q{'40 days'},
  lost_after => q{'80 days'},
  history => 'history',
);
my %queries;
for my $line (split /\n/, $node->safe_psql('strict', qq{
    SELECT p.oid::regprocedure, p.proname, array_to_string(p.proargnames, ','),
           array_to_string(ARRAY(SELECT format_type(t, NULL)
                                   FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, n)
                                  ORDER BY n), ',')
      FROM $ours WHERE p.prokind = 'a' ORDER BY 1})) {
  my ($signature, $function, $names, $types) = split /\|/, $line;
  my @names = split /,/, $names;
  my @types = map { s/ with(out)? time zone//r . (/with time/ ? 'tz' : '') } split /,/, $types;
  my @arguments = map {
    my ($name, $type) = (defined $names[$_] ? $names[$_] : '', $types[$_]);
    $name eq 'at'
      ? qq{"$type"}
      : $name eq 'history' && ($types[1] // '') =~ /^tsrange|^timestamp$/ ? 'history_of_timestamp'
      : $name eq 'history' && ($types[1] // '') =~ /^tstzrange|^timestamptz$/
      ? 'history_of_timestamptz'
      : $name =~ /^(?:as_of|until)$/ ? "$argument{$name}::$type"
      : $argument{ $name eq 'period' ? $type : $name }
      || ($type =~ /rate_tally/ ? 'tally' : $type =~ /spend_tally/ ? 'spend'
        : $type =~ /lifecycle_tally/ ? 'counted' : $type =~ /curve/ ? q{'{1:1/1}'::return_curve}
        : $type =~ /status/ ? 'before'
        : $type =~ /event/ ? 'event' : 'unknown');
  } 0 .. $#types;
  $queries{$signature} = "SELECT $function(" . join(', ', @arguments) . ') FROM orders';
}
cmp_ok(scalar keys %queries, '>', 60, 'there are more than 60 aggregates');
%queries = (%queries,
  'functions of tallies' => q{
    SELECT returned(t), eligible(t), rate(t), t::float8, rate_numeric(t), t::numeric,
           t + t, t - t, t = t, t <> t, t < t, t <= t, t > t, t >= t,
           rate_interval(t), rate_interval(t, 0.5)
      FROM rate_tally(3, 7) AS t},
  'functions of tallies of money' => q{
    SELECT customers(t), total(t), sum_of_squares(t), mean(t), t + t, t = t, t <> t,
           spend_effect(t, u), spend_effect(t, u, 0.5)
      FROM spend_tally(2, 30, 500) AS t, spend_tally(3, 30, 500) AS u},
  'functions of tests' => q{
    SELECT rate_effect(t, t), rate_effect(t, t, 0.5, 'agresti-caffo'),
           rate_effect_stratified(ARRAY[t], ARRAY[t]), holm('{0.01,0.02}'), holdout(1, 's', 0.5),
           sample_size(0.1, 0.2), split_check('{5,6}', '{1,1}')
      FROM rate_tally(3, 7) AS t},
  'functions of tallies of counts' => q{
    SELECT t + t, t = t, t <> t, (SELECT count(*) FROM unnest(t)) FROM (
      SELECT lifecycle_counts_tally(1, '2023-01-01 UTC'::timestamptz,
                                    '[2023-06-01 UTC,2024-01-01 UTC)', '20 days', '40 days') AS t
    ) AS tallies},
  'functions of histories' => q{
    SELECT first_at(h), last_at(h), purchases(h), (SELECT count(*) FROM unnest(h)), h || h, h = h,
           h <> h, h < h, h <= h, h > h, h >= h, h::jsonb, h::jsonb::customer_history = h,
           jsonb(h), customer_history(jsonb(h)), h::text::customer_history,
           lifecycle_at(h, '2023-06-01', '20 days', '40 days'),
           lifecycle_at(h, date '2023-06-01', '20 days', '40 days'),
           lifecycle_during(h, '[2023-06-01,2024-01-01)', '20 days', '40 days'),
           explain_lifecycle(h, '[2023-06-01,2024-01-01)', '20 days', '40 days')
      FROM (SELECT customer_history '{date; 2023-05-20, 2023-07-01 purchase 5.00}') AS v (h)},
  'functions of curves' => q{
    SELECT chance_of_return(c, '0 days', '1 day'), silence_for(c, 0.1, '1 day'), median_return(c),
           median_return_interval(c), restricted_mean_return(c, '1 day'), log_rank(c, c), c + c,
           c = c, c <> c, (SELECT count(*) FROM unnest(c)),
           own_threshold(ROW(0, NULL, NULL, 0, NULL, NULL, NULL), c, 3)
      FROM CAST('{1:1/1}' AS return_curve) AS c},
  'operators' => q{
    SELECT count(*) FILTER (WHERE before = after), count(*) FILTER (WHERE before < after),
           count(*) FILTER (WHERE before <= after), count(*) FILTER (WHERE before > after),
           count(*) FILTER (WHERE before >= after), count(*) FILTER (WHERE before <> after),
           count(*) FILTER (WHERE event < 'purchase'), count(*) FILTER (WHERE event <= 'purchase'),
           count(*) FILTER (WHERE event > 'purchase'), count(*) FILTER (WHERE event >= 'purchase'),
           count(*) FILTER (WHERE event <> 'purchase')
      FROM orders},
  'operators with text' => q{
    SELECT count(*) FILTER (WHERE before = after::text),
           count(*) FILTER (WHERE after::text = before),
           count(*) FILTER (WHERE before <> text 'new'),
           count(*) FILTER (WHERE text 'new' <> before),
           count(*) FILTER (WHERE event = ANY (ARRAY[text 'purchase'])),
           count(*) FILTER (WHERE text 'purchase' = event),
           count(*) FILTER (WHERE event <> text 'purchase'),
           count(*) FILTER (WHERE text 'purchase' <> event)
      FROM orders},
  'sorting' => q{
    SELECT before, event, tally, count(*) FROM orders
     GROUP BY before, event, tally ORDER BY before DESC, event, tally},
  'hashing' => q{
    SELECT count(*), count(DISTINCT tally::text)
      FROM orders JOIN (SELECT DISTINCT before, event, tally, spend, history FROM orders) AS o
             USING (before, event, tally, spend, history)},
  'casts' => q{
    SELECT max(before::text), max(event::text), 'new'::text::lifecycle_status,
           'interest'::text::lifecycle_event
      FROM orders},
  'two steps' => q{
    SELECT winback_tally(before, after), reactivation_rate(before, after),
           lifecycle_transitions(before, after)
      FROM (SELECT lifecycle_at(timestamptz, '2023-06-01', '20 days', '40 days') AS before,
                   lifecycle_during(timestamptz, '[2023-06-01 UTC,2024-01-01 UTC)',
                                    '20 days', '40 days') AS after
              FROM orders GROUP BY customer) AS customers},
);
my ($same, $empty) = (0, 0);
for my $call (sort keys %queries) {
  my $expected = $node->safe_psql('strict', $queries{$call});
  my $seen = as_role('analyst', 'strict', $queries{$call});
  $empty++ if $expected eq '';
  if ($seen eq $expected) {
    $same++;
  }
  else {
    fail("an analyst may call $call") or diag("$queries{$call}: $seen");
  }
}
is($same, scalar keys %queries,
  'an analyst with SELECT and USAGE gets the answers of a superuser, from every function');
# lifecycle_at and its like take all customers for one here, and still have an answer
is($empty, 0, 'no answer is empty');

# A function that is not an aggregate, and was not called above by its name, must belong to
# an operator, a type, an operator class, an aggregate or the planner. Those in PL/pgSQL are
# called under "Histories that are kept up to date", as by their callers in sql/track_histories.sql.
my %called = map { $_ => 1 } map { /\b(\w+)\(/g } values %queries;
my $called = join ', ', map { "'$_'" } sort keys %called;
is($node->safe_psql('strict', qq{
  SELECT string_agg(p.oid::regprocedure::text, ', ') FROM $ours
     WHERE p.prokind = 'f'
       AND proname NOT IN ($called)
       AND prolang <> (SELECT oid FROM pg_language WHERE lanname = 'plpgsql')
     AND NOT EXISTS (SELECT FROM pg_operator WHERE oprcode = p.oid)
     AND NOT EXISTS (SELECT FROM pg_proc AS f WHERE f.prosupport = p.oid)
     AND NOT EXISTS (SELECT FROM pg_amproc WHERE amproc = p.oid)
       AND NOT EXISTS (SELECT FROM pg_type
                        WHERE p.oid IN (typinput, typoutput, typreceive, typsend))
       AND NOT EXISTS (SELECT FROM pg_aggregate
                        WHERE p.oid IN (aggtransfn, aggfinalfn, aggcombinefn,
                                        aggserialfn, aggdeserialfn))}),
  '', 'every function was called');

my $period = q{'[2023-06-01 UTC,2024-01-01 UTC)'};
my $narrow = qq{SELECT winback_tally(customer, timestamptz, event, $period, '40 days') FROM orders};
is(as_role('narrow', 'strict', $narrow), $node->safe_psql('strict', $narrow),
  'SELECT on the columns is enough');
for my $column (qw(amount secret)) {
  is(as_role('narrow', 'strict', qq{
      SELECT reactivation_rate($column, timestamptz, $period\::tstzrange, '40 days') FROM orders}),
    '42501', "without SELECT on column $column it is refused");
}
is(as_role('stranger', 'strict',
    $narrow =~ s/winback_tally/tools.winback_tally/r =~ s/orders/shop.orders/r),
  '42501', 'without USAGE no function can be called');

$node->safe_psql('strict', q{
  ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
  CREATE POLICY few ON shop.orders TO analyst USING (customer < 40);
});
my $seen = as_role('analyst', 'strict', 'SELECT count(DISTINCT customer) FROM orders');
is($seen, '40', 'a policy hides rows');
$narrow =~ s/winback_tally/reactivation_tally/;
is(as_role('analyst', 'strict', $narrow),
  $node->safe_psql('strict', "$narrow WHERE customer < 40"),
  'a policy hides rows from an aggregate, too');

#
# Trusted: created by a role that is not a superuser, which then cannot change it.
#
$node->safe_psql('postgres', q{
  CREATE ROLE owner LOGIN;
  CREATE DATABASE owned;
  GRANT CREATE ON DATABASE owned TO owner;
  REVOKE ALL ON DATABASE strict FROM owner});
is(as_role('stranger', 'owned', 'CREATE EXTENSION winback'), '42501',
  'a role that may create nothing in a database may not create the extension');
is(as_role('owner', 'owned', q{
    CREATE SCHEMA mine;
    CREATE EXTENSION winback SCHEMA mine;
    SELECT extversion IS NOT NULL FROM pg_extension WHERE extname = 'winback'}),
  't', 'a role that may create a schema may create it');
is($node->safe_psql('owned', qq{
    SELECT string_agg(DISTINCT pg_get_userbyid(proowner), ',')
           = (SELECT rolname FROM pg_roles WHERE oid = 10)
      FROM $ours}),
  't', 'its functions belong to the superuser');
for my $change (
  q{CREATE OR REPLACE FUNCTION mine.rate(mine.rate_tally) RETURNS float8 LANGUAGE sql
      AS $$ SELECT 1.0::float8 $$},
  'ALTER FUNCTION mine.rate(mine.rate_tally) SECURITY DEFINER',
  'ALTER FUNCTION mine.rate(mine.rate_tally) LEAKPROOF',
  'ALTER TYPE mine.rate_tally SET (RECEIVE = NONE)',
  'CREATE CAST (mine.lifecycle_status AS mine.lifecycle_event) WITHOUT FUNCTION',
  q{CREATE OPERATOR CLASS mine.ops DEFAULT FOR TYPE mine.rate_tally USING btree
      AS OPERATOR 3 mine.=},
  'ALTER OPERATOR FAMILY mine.rate_tally_ops USING hash ADD FUNCTION 1 (int4, int4) hashint4(int4)',
  q{CREATE FUNCTION mine.forge("char") RETURNS mine.lifecycle_status LANGUAGE internal AS 'chareq'},
  q{CREATE FUNCTION mine.forge("char") RETURNS mine.lifecycle_status LANGUAGE c
      AS '$libdir/winback', 'label_eq'},
) {
  is(as_role('owner', 'owned', $change), '42501', "its creator may not: $change");
}
# the owner of the schema could drop the function if the extension did not need it
is(as_role('owner', 'owned', 'DROP FUNCTION mine.rate(mine.rate_tally)'), '2BP01',
  'its creator may not drop one function of it');
is(as_role('owner', 'owned', 'DROP EXTENSION winback'), '', 'its creator may drop the extension');

#
# A hostile schema. Mallory owns it, and a superuser installs the extension into it.
# Every object of hers that is called writes a line into the table caught.
#
my $hostile = q{
  CREATE TABLE trap.caught (object text, by text DEFAULT current_user);
  GRANT INSERT ON trap.caught TO PUBLIC;
  CREATE FUNCTION trap.catch(object text) RETURNS void LANGUAGE sql
    AS $$ INSERT INTO trap.caught VALUES (object) $$;
};
# functions with names of PostgreSQL's functions that the script or the code calls, and of ours
for my $function (
  'btequalimage(oid)', 'hash_any(bytea)', 'rate(anyelement)', 'returned(anyelement)',
  'eligible(anyelement)', 'rate_tally(int4, int4)', 'rate_tally_add(anyelement, anyelement)',
  'interval_lt(interval, interval)', 'timestamptz_mi_interval(timestamptz, interval)',
  'hash_record_extended(record, int8)', 'texteq(text, text)', 'hashtext(text)',
) {
  my $result = $function =~ /anyelement, anyelement/ ? 'anyelement' : 'int4';
  $hostile .= qq{
    CREATE FUNCTION trap.$function RETURNS $result LANGUAGE plpgsql
      AS \$\$ BEGIN PERFORM trap.catch('$function'); RETURN NULL; END \$\$;\n};
}
# operators that come before PostgreSQL's where pg_catalog is not first in search_path
for my $operator ('=', '<>', '<', '<=', '>', '>=', '-', '+', '||') {
  for my $types (
    'text, text', 'int4, int4', 'int8, int8', 'interval, interval', 'timestamptz, interval',
    'numeric, numeric', 'uuid, uuid', 'date, date',
  ) {
    my ($left, $right) = split /, /, $types;
    my $name = 'op' . join '_', map { ord } split //, $operator;
    my $result = $operator =~ /[=<>]/ ? 'boolean' : $left;
    $hostile .= qq{
      CREATE FUNCTION trap.${name}_$left($types) RETURNS $result LANGUAGE plpgsql
        AS \$\$ BEGIN PERFORM trap.catch('$operator ($types)'); RETURN NULL; END \$\$;
      CREATE OPERATOR trap.$operator (
        LEFTARG = $left, RIGHTARG = $right, FUNCTION = trap.${name}_$left);\n};
  }
}
# domains with the names of PostgreSQL's types
$hostile .= join '', map {
  "CREATE DOMAIN trap.$_ AS pg_catalog.text CHECK (trap.catch('domain $_') IS NULL);\n"
} qw(timestamptz timestamp bigint int8 float8 interval boolean bool tstzrange cstring internal
  anyelement numeric);
$hostile .= q{
  CREATE TYPE trap.evil AS ENUM ('evil');
  CREATE FUNCTION trap.from_evil(trap.evil) RETURNS interval LANGUAGE plpgsql
    AS $$ BEGIN PERFORM trap.catch('cast'); RETURN '1 day'; END $$;
  CREATE CAST (trap.evil AS interval) WITH FUNCTION trap.from_evil AS IMPLICIT;
  CREATE AGGREGATE trap.sum(anyelement) (SFUNC = trap.rate_tally_add, STYPE = anyelement);
};

# Queries that describe all objects of the extension, with the schema in each name.
my $definition = qq{
  SET search_path = pg_catalog;
  SELECT p.oid::regprocedure, prorettype::regtype, prokind, prosrc, probin,
         pg_get_function_sqlbody(p.oid), provolatile,
         proisstrict, proparallel, proargnames, proargdefaults IS NULL,
         a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn,
         a.aggtranstype::regtype, a.aggtransspace, a.agginitval
    FROM $ours LEFT JOIN pg_aggregate a ON aggfnoid = p.oid ORDER BY p.oid;
  SELECT o.oid::regoperator, oprcode, oprcom::regoperator, oprnegate::regoperator, oprrest,
         oprjoin, oprcanmerge, oprcanhash, oprresult::regtype
    FROM pg_operator o
    JOIN pg_depend d ON d.classid = 'pg_operator'::regclass AND d.objid = o.oid AND d.deptype = 'e'
   ORDER BY o.oid;
  SELECT amoplefttype::regtype, amopstrategy, amopopr::regoperator
    FROM pg_amop WHERE amopopr::regoperator::text ~ 'lifecycle|rate_tally' ORDER BY oid;
  SELECT amproclefttype::regtype, amprocnum, amproc
    FROM pg_amproc WHERE amproclefttype::regtype::text ~ 'lifecycle|rate_tally' ORDER BY oid;
  SELECT castsource::regtype, casttarget::regtype, castfunc::regprocedure, castcontext, castmethod
    FROM pg_cast
   WHERE castsource::regtype::text ~ 'lifecycle|rate_tally'
      OR casttarget::regtype::text ~ 'lifecycle|rate_tally' ORDER BY oid;
  SELECT typname, typinput, typoutput, typreceive, typsend, typlen, typbyval, typalign, typtype
    FROM pg_type WHERE typname ~ '^(lifecycle|rate_tally)' ORDER BY oid;
  SELECT attrelid::regclass, attname, atttypid::regtype FROM pg_attribute
   WHERE attrelid IN (SELECT typrelid FROM pg_type
                       WHERE typname ~ '^lifecycle' AND typrelid <> 0)
   ORDER BY attrelid, attnum;
};
my $clean = ask($definition) =~ s/\bpublic\././gr;
like($clean, qr/\.winback_trans\(internal,anyelement,/, 'the description has the functions');

sub make_trap {
  my ($database, @more) = @_;
  $node->safe_psql('postgres',
    "CREATE DATABASE $database; GRANT CREATE ON DATABASE $database TO mallory");
  is(as_role('mallory', $database,
      "CREATE SCHEMA trap; GRANT USAGE ON SCHEMA trap TO PUBLIC; SET search_path = trap;
       $hostile @more"),
    '', "$database: the trap is set");
}
# the superuser's search_path has Mallory's schema first
my $worst = 'SET search_path = trap, pg_catalog, public;';
my $caught = q{SELECT string_agg(DISTINCT format('%s by %s', object, by), ', ') FROM trap.caught};

$node->safe_psql('postgres', 'CREATE ROLE mallory LOGIN');
make_trap('hostile');
$node->safe_psql('hostile', "$worst CREATE TEMP TABLE lifecycle_status (x int);
  CREATE EXTENSION winback SCHEMA trap");
is($node->safe_psql('hostile', $caught), '', 'hostile: installing called no object of hers');
is($node->safe_psql('hostile', $definition) =~ s/\btrap\././gr, $clean,
  'hostile: the extension is the same as in public');
# the trap works
$node->safe_psql('hostile',
  "SET search_path = trap, pg_catalog; SELECT 1::pg_catalog.int8 = 2::pg_catalog.int8");
like($node->safe_psql('hostile', $caught), qr/^= \(int8, int8\) by /,
  'hostile: a query under that search_path calls her operator');

# Objects of hers with names that the script creates: the script fails, and leaves nothing.
my $no = 0;
for my $object (
  q{CREATE TYPE lifecycle_status AS ENUM ('active')},
  'CREATE DOMAIN rate_tally AS text',
  'CREATE TABLE lifecycle_counts (x int)',
  'CREATE FUNCTION rate_tally(bigint, bigint) RETURNS text LANGUAGE sql
     AS $$ SELECT trap.catch($1::text); SELECT $2::text $$',
  q{CREATE FUNCTION lifecycle_transitions_combine(bigint[], bigint[]) RETURNS bigint[]
      LANGUAGE plpgsql AS $$ BEGIN PERFORM trap.catch('combine'); RETURN $1; END $$},
) {
  my $database = 'hostile_' . ++$no;
  make_trap($database, "$object;");
  my (undef, undef, $errors) =
    $node->psql($database, "$worst CREATE EXTENSION winback SCHEMA trap");
  like($errors, qr/^psql:.*ERROR:  (type|relation|function) .* already exists/,
    "$database: refused, for her object exists: $object");
  is($node->safe_psql($database, $caught), '', "$database: no object of hers was called");
  is($node->safe_psql($database, "SELECT count(*) FROM pg_proc WHERE probin LIKE '%winback%'"),
    '0', "$database: no function was left behind");
}

# At run time: pg_catalog is last in search_path, after her operators, casts and types.
make_trap('runtime');
$node->safe_psql('runtime', q{
  CREATE EXTENSION winback SCHEMA public;
  CREATE COLLATION public.blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  CREATE TYPE public.pair AS (n int, t text);
  CREATE TABLE public.orders AS
  SELECT c AS customer, c::numeric AS customer_numeric, 'c' || c AS customer_text,
         ROW(c, 'x')::public.pair AS customer_row,
         timestamptz '2023-01-01 UTC' + n * interval '7 hours' AS at,
         lifecycle_event 'purchase' AS event, (n % 13)::numeric AS amount
    FROM generate_series(1, 2000) AS n, LATERAL (SELECT abs(hashint4(n)) % 97) AS pick (c);
});
my $range = "$period\::pg_catalog.tstzrange";
my $calls = qq{
  SELECT public.reactivation_rate(customer, at, $range, '20 days'),
         public.reactivation_tally(customer_numeric, at, event, $range, '20 days'),
         public.winback_tally(customer_text, at, $range, '20 days'),
         public.winback_tally(customer_text COLLATE public.blind, at, $range, '20 days'),
         public.winback_tally(customer_row, at, $range, '20 days'),
         public.lifecycle_counts(customer, at, amount, $range, '20 days', '40 days'),
         public.lifecycle_series(customer, at, event, amount, $range, '1 month',
                                 '20 days', '40 days'),
         public.explain_lifecycle(at, $range, '20 days', '40 days')
    FROM public.orders;
  SELECT public.lifecycle_transitions(before, after), public.winback_rate(before, after),
         public.sum(public.rate_tally(1, 2)), pg_catalog.count(DISTINCT before),
         pg_catalog.min(before::pg_catalog.text), public.rate_interval('3/7'),
         public.min(before), public.max(after), public.max(public.rate_tally(1, 2)),
         pg_catalog.count(*) FILTER (WHERE before OPERATOR(public.=) after::pg_catalog.text),
         pg_catalog.count(*) FILTER (
           WHERE after::pg_catalog.text OPERATOR(public.<>) ANY (ARRAY[before, 'churned']))
    FROM (SELECT public.lifecycle_at(at, '2023-06-01 UTC'::pg_catalog.timestamptz,
                                     '20 days', '40 days') AS before,
                 public.lifecycle_during(at, $range, '20 days', '40 days') AS after
            FROM public.orders GROUP BY customer_numeric) AS customers;
};
my $good = $node->safe_psql('runtime', $calls);
like($good, qr{^[\d.]+\|\d+/\d\d\|}, 'the calls have an answer');
$node->safe_psql('runtime', 'GRANT SELECT ON public.orders TO PUBLIC');
is(as_role('stranger', 'runtime', "SET search_path = trap, public, pg_catalog; $calls"), $good,
  'the same under a hostile search_path');
is($node->safe_psql('runtime', $caught), '', 'no object of hers was called');

# Histories that are kept up to date, with her schema first in search_path: tracked, written to by
# her and by others, refreshed, and no longer tracked. The customers are of two types; the
# watermarks, too.
$node->safe_psql('runtime', q{
  CREATE SCHEMA shop;
  CREATE TABLE shop.orders AS
  SELECT customer::int8, customer_text, at, event, amount, n FROM public.orders,
         LATERAL (SELECT (extract(epoch FROM at) / 3600)::int8 AS n) AS numbered;
  GRANT USAGE ON SCHEMA shop TO PUBLIC;
  GRANT ALL ON shop.orders TO PUBLIC});
my @trackings = (
  q{('shop.orders', 'customer', 'at', 'event', 'amount', 'by_number')},
  q{('shop.orders', 'customer_text', 'at', histories => 'by_text', fill => false)},
  q{('shop.orders', 'customer', 'at', histories => 'above_number', watermark => 'n')},
  q{('shop.orders', 'customer', 'at', histories => 'above_time', watermark => 'at')},
);
my $superuser = $node->safe_psql('runtime', 'SELECT CURRENT_USER');
my $hostile_path = 'SET search_path = trap, public, pg_catalog;';
isnt(as_role($superuser, 'runtime', "$hostile_path SELECT public.track_customer_histories$_"), '',
  "tracked under a hostile search_path: $_")
  for @trackings;
for my $role ('mallory', $superuser) {
  is(as_role($role, 'runtime', "$hostile_path
      INSERT INTO shop.orders
      VALUES (1, 'c1', '2030-01-01 UTC', 'purchase', 5, 999999),
             (3, 'c3', '2030-01-01 UTC', 'purchase', 5, 999999);
      UPDATE shop.orders SET amount = 6, at = '2030-02-01 UTC', n = 9999999
       WHERE pg_catalog.date_part('year', at) OPERATOR(pg_catalog.=) 2030"), '',
    "$role writes orders");
  for my $histories (qw(by_number by_text above_number above_time)) {
    my $refresh = "SELECT public.refresh_customer_histories('shop.$histories')";
    is(as_role('mallory', 'runtime', $refresh), '42501', "Mallory may not refresh $histories");
    like($node->safe_psql('runtime', "$hostile_path $refresh;
        SELECT complete FROM public.customer_history_status('shop.$histories')"),
      qr/^\d+\nt$/, "refreshed under a hostile search_path: $histories, after $role wrote");
  }
}
for my $histories (qw(by_number by_text above_number above_time)) {
  my ($customer, $arguments) = $histories eq 'by_number' ? ('customer', 'at, event, amount')
    : ($histories eq 'by_text' ? 'customer_text' : 'customer', 'at');
  is($node->safe_psql('runtime', qq{
      SELECT count(*) FROM shop.$histories AS s
      FULL JOIN (SELECT $customer AS customer, history_agg($arguments) AS history
                     FROM shop.orders GROUP BY 1) AS r USING (customer)
       WHERE s.history IS DISTINCT FROM r.history}), '0', "$histories are right");
  is($node->safe_psql('runtime',
      "$hostile_path SELECT public.untrack_customer_histories('shop.$histories')"), '',
    "no longer tracked: $histories");
}
is($node->safe_psql('runtime', $caught), '', 'no object of hers was called for histories');

#
# Forged states. A value of type internal cannot be made in SQL, neither from text nor from
# bytes nor as NULL, so only an aggregate can call a function that takes one.
#
$node->safe_psql('strict', qq{
  CREATE TABLE shop.direct (call text, sqlstate text, message text);
  GRANT ALL ON shop.direct TO analyst;
  CREATE VIEW shop.internals AS
  SELECT p.oid::regprocedure::text AS signature, pg_get_function_result(p.oid) AS result,
         'tools.' || proname || '(' || (SELECT string_agg(CASE format_type(t, NULL)
             WHEN 'internal' THEN '%s' WHEN 'anyelement' THEN '42'
             WHEN 'tstzrange' THEN '''[2023-06-01,2024-01-01)''::tstzrange'
             WHEN 'tsrange' THEN '''[2023-06-01,2024-01-01)''::tsrange'
             WHEN 'daterange' THEN '''[2023-06-01,2024-01-01)''::daterange'
             WHEN 'interval' THEN '''30 days''::interval'
             WHEN 'numeric' THEN '1.5'
             WHEN 'bytea' THEN '''\\x0102''::bytea'
             WHEN 'tools.lifecycle_event' THEN '''purchase''::tools.lifecycle_event'
             WHEN 'lifecycle_event' THEN '''purchase''::tools.lifecycle_event'
             WHEN 'customer_history' THEN '''{date; 2024-01-05}''::tools.customer_history'
             ELSE '''2023-05-01''::' || format_type(t, NULL) END, ', ' ORDER BY n)
             FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, n)) || ')' AS call
    FROM $ours WHERE p.prokind = 'f' AND 'internal'::regtype = ANY (p.proargtypes);
  GRANT SELECT ON shop.internals TO analyst;
});
as_role('analyst', 'strict', q{
  DO $$
  DECLARE i record;
  BEGIN
    FOR i IN SELECT replace(call, '%s', forged) AS call
               FROM internals,
                    unnest(ARRAY['NULL', 'NULL::internal', '''x''', '''\x00''::bytea::internal',
                                 '0::internal', 'tools.customer_state_combine(NULL, NULL)'])
                      AS forged LOOP
      BEGIN
        EXECUTE 'SELECT ' || i.call || ' IS NULL';
        INSERT INTO direct VALUES (i.call, '00000');
      EXCEPTION WHEN OTHERS THEN
        INSERT INTO direct VALUES (i.call, sqlstate, sqlerrm);
      END;
    END LOOP;
  END $$});
cmp_ok($node->safe_psql('strict', 'SELECT count(*) FROM shop.direct'), '>', 200,
  'more than 200 direct calls were tried');
# older minor versions of PostgreSQL find the function, and the type refuses the value
is($node->safe_psql('strict', q{
    SELECT string_agg(format('%s: %s %s', call, sqlstate, message), E'\n') FROM shop.direct
     WHERE sqlstate NOT IN ('42883', '42846')
       AND message <> 'cannot accept a value of type internal'}),
  '', 'no function takes those arguments, and none can be cast to internal');

#
# User-defined aggregates over our functions. Only superusers may create one with a state
# of type internal, whatever its other functions are.
#
$node->safe_psql('postgres', 'CREATE DATABASE forge; GRANT CREATE ON DATABASE forge TO mallory');
$node->safe_psql('forge', 'CREATE EXTENSION winback');
$node->safe_psql('forge', qq{
  CREATE SCHEMA forge AUTHORIZATION mallory;
  ALTER ROLE mallory IN DATABASE forge SET search_path = forge, public;
  CREATE TABLE forge.functions AS
  SELECT p.oid::regprocedure::text AS signature, p.oid, proname, prorettype,
         proargtypes::oid[] AS types, pronargs
    FROM $ours WHERE p.prokind = 'f'
     -- those read no state, and end with errors of their own
     AND prolang <> (SELECT oid FROM pg_language WHERE lanname = 'plpgsql');
  CREATE TABLE forge.attempts (statement text, step text, sqlstate text, message text);
  GRANT ALL ON forge.functions, forge.attempts TO mallory;
});

# attempt creates an aggregate, runs queries with it and drops it. It notes the result of each
# statement in the table attempts.
my $attempt = q{
  CREATE PROCEDURE attempt(definition text, arguments text, queries text[]) LANGUAGE plpgsql AS $$
  DECLARE
    query text;
    n int := 0;
  BEGIN
    BEGIN
      EXECUTE 'CREATE AGGREGATE forged(' || arguments || ') (' || definition || ')';
    EXCEPTION WHEN OTHERS THEN
      INSERT INTO attempts VALUES (definition, 'create', sqlstate, sqlerrm);
      RETURN;
    END;
    INSERT INTO attempts VALUES (definition, 'create', '00000');
    FOREACH query IN ARRAY queries LOOP
      BEGIN
        EXECUTE query;
        INSERT INTO attempts VALUES (definition, query, '00000');
      EXCEPTION WHEN OTHERS THEN
        INSERT INTO attempts VALUES (definition, query, sqlstate, sqlerrm);
      END;
    END LOOP;
    EXECUTE 'DROP AGGREGATE forged(' || arguments || ')';
  END $$;
};
is(as_role('mallory', 'forge', $attempt), '', 'Mallory may create her procedure');
is(as_role('mallory', 'forge', q{
  DO $$
  DECLARE f functions; t text;
  BEGIN
    FOR f IN SELECT * FROM functions
              WHERE types[0] = 'internal'::regtype AND prorettype = 'internal'::regtype LOOP
      SELECT string_agg(CASE WHEN a = 'anyelement'::regtype THEN 'int4'
                             ELSE format_type(a, NULL) END, ', ' ORDER BY n) INTO t
        FROM unnest(f.types) WITH ORDINALITY AS u (a, n) WHERE n > 1;
      -- a combine function, or a support function
      CONTINUE WHEN t = 'internal' OR t IS NULL;
      CALL attempt(format('SFUNC = %s, STYPE = internal', f.proname), t, '{}');
      CALL attempt(format('SFUNC = %s, STYPE = internal, FINALFUNC = lifecycle_counts_final',
                          f.proname), t, '{}');
      CALL attempt(format('SFUNC = %s, STYPE = internal, COMBINEFUNC = lifecycle_combine, '
                          'SERIALFUNC = customer_state_serial, DESERIALFUNC = lifecycle_deserial',
                          f.proname), t, '{}');
      -- a state of another type, which the function would read as its own
      CALL attempt(format('SFUNC = %s, STYPE = int8', f.proname), t, '{}');
      CALL attempt(format('SFUNC = %s, STYPE = bytea', f.proname), t, '{}');
      CALL attempt(format('SFUNC = %s, STYPE = anyelement', f.proname), 'anyelement, ' || t, '{}');
    END LOOP;
    -- a moving aggregate
    CALL attempt('SFUNC = int4_sum, STYPE = int8, MSFUNC = reactivation_trans, '
                 'MINVFUNC = reactivation_trans, MSTYPE = internal',
                 'int4, timestamp, tsrange, interval', '{}');
    -- only a final, combine, serialization or deserialization function of ours
    CALL attempt('SFUNC = int8pl, STYPE = int8, FINALFUNC = reactivation_rate_final', 'int8', '{}');
    CALL attempt('SFUNC = int8pl, STYPE = int8, COMBINEFUNC = customer_state_combine',
                 'int8', '{}');
    CALL attempt('SFUNC = int8pl, STYPE = int8, COMBINEFUNC = int8pl, '
                 'SERIALFUNC = customer_state_serial, DESERIALFUNC = customer_state_deserial',
                 'int8', '{}');
  END $$}), '', 'attempts with states of type internal are made');
is($node->safe_psql('forge', q{
    SELECT string_agg(statement, E'\n') FROM forge.attempts WHERE sqlstate IN ('00000', 'XX000')}),
  '', 'each attempt is refused');
is($node->safe_psql('forge', q{
    SELECT string_agg(DISTINCT message, E'\n' ORDER BY message) FROM forge.attempts
     WHERE statement ~ '^SFUNC = \w+, STYPE = internal'}),
  'aggregate transition data type cannot be internal',
  'those with an internal state are refused for it');
cmp_ok($node->safe_psql('forge', 'SELECT count(*) FROM forge.attempts'), '>', 200,
  'more than 200 attempts were made');

# Everybody may create an aggregate with a state of another type. So every such function is
# tried as a transition function, with every function that fits as its final, combine or
# moving function, over wrong arguments and initial states of every kind.
is(as_role('mallory', 'forge', q{
  CREATE TABLE samples (n int GENERATED ALWAYS AS IDENTITY, type regtype, sample text);
  INSERT INTO samples (type, sample)
  SELECT 'bigint[]'::regtype, sample
    FROM (VALUES (NULL), ('{}'), ('{1}'), ('{{1,2},{3,4}}'), ('[5:7]={1,2,3}'),
           (array_fill(1, ARRAY[64])::text), (array_fill(1, ARRAY[63])::text),
           (array_fill(1, ARRAY[65])::text), (array_fill(1, ARRAY[8, 8])::text),
           (array_fill(-1, ARRAY[64])::text), (array_fill(9223372036854775807, ARRAY[64])::text),
           (array_fill(1, ARRAY[64], ARRAY[-3])::text),
           ((array_fill(1, ARRAY[63])::bigint[] || NULL::bigint)::text),
           (array_fill(1, ARRAY[20000])::text)) AS v (sample)
  UNION ALL SELECT 'rate_tally',
                   unnest(ARRAY[NULL, '0/0', '1/2', '9223372036854775807/9223372036854775807'])
  UNION ALL SELECT 'lifecycle_status', unnest(ARRAY[NULL, 'prospect', 'won_back'])
  UNION ALL SELECT 'lifecycle_event', unnest(ARRAY[NULL, 'interest', 'cancellation'])
  UNION ALL SELECT 'bigint', unnest(ARRAY[NULL, '0', '-1', '9223372036854775807'])
  UNION ALL SELECT 'double precision', unnest(ARRAY[NULL, '0.5', 'NaN', '-1']);
  DELETE FROM attempts;

  DO $$
  DECLARE
    f functions; g record; i record; arguments text; expressions text; sources text;
    definition text; queries text[];
    right_ones text[] :=
      ARRAY[array_fill(1, ARRAY[64])::text, '1/2', 'won_back', 'cancellation', '0', '0.5'];
    no_sql regtype[] := ARRAY['internal', 'cstring'];
  BEGIN
    FOR f IN SELECT * FROM functions
              WHERE prorettype = types[0] AND NOT types && no_sql::oid[] LOOP
      SELECT string_agg(format_type(a, NULL), ', ' ORDER BY n),
             string_agg(format('s%s.sample::%s', n, format_type(a, NULL)), ', ' ORDER BY n),
             string_agg(format('(SELECT sample FROM samples WHERE type = %s) AS s%s', a, n), ', '
                        ORDER BY n)
        INTO arguments, expressions, sources
        FROM unnest(f.types) WITH ORDINALITY AS u (a, n) WHERE n > 1;
      CONTINUE WHEN arguments IS NULL;
      queries := ARRAY[
        format('SELECT forged(%s) FROM %s', expressions, sources),
        format('SELECT forged(%s) FROM %s GROUP BY %s',
               expressions, sources, split_part(expressions, ',', 1) || '::text'),
        format('SELECT forged(%s) OVER (ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM %s',
               expressions, sources),
        format('SELECT forged(%s) OVER (ROWS UNBOUNDED PRECEDING) FROM %s', expressions, sources)];
      -- and each sample of the first argument alone, between two valid values
      queries := queries || ARRAY(
        SELECT format('SELECT forged(%s) %s FROM %s', expressions, w,
                 replace(sources,
                   '(SELECT sample FROM samples WHERE type = ' || f.types[1] || ') AS s2',
                   format('(VALUES (%L), (%L), (%1$L)) AS s2 (sample)',
                          (SELECT max(sample) FROM samples
                            WHERE type = f.types[1] AND sample = ANY (right_ones)), sample)))
          FROM samples,
               unnest(ARRAY['', 'OVER (ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)']) AS w
         WHERE type = f.types[1]);
      -- every initial state
      FOR i IN SELECT format(', INITCOND = %L', sample) AS initcond
                 FROM samples WHERE type = f.prorettype AND sample IS NOT NULL
               UNION ALL SELECT '' LOOP
        definition := format('SFUNC = %s, STYPE = %s%s', f.proname,
                             format_type(f.prorettype, NULL), i.initcond);
        CALL attempt(definition, arguments, queries);
        -- every function that takes the state, as a final function with the arguments, as one
        -- that may write, as a combine function and as an inverse transition function
        FOR g IN SELECT * FROM functions
                  WHERE types[0] = f.prorettype AND NOT types && no_sql::oid[] LOOP
          CALL attempt(definition || format(', FINALFUNC = %s, FINALFUNC_EXTRA', g.proname),
                       arguments, queries);
          CALL attempt(definition
                         || format(', FINALFUNC = %s, FINALFUNC_MODIFY = READ_WRITE', g.proname),
                       arguments, queries);
          CALL attempt(definition || format(', COMBINEFUNC = %s, PARALLEL = SAFE', g.proname),
                       arguments, queries);
          CALL attempt(definition
                         || format(', MSFUNC = %s, MINVFUNC = %s, MSTYPE = %s', f.proname,
                                   g.proname, format_type(f.prorettype, NULL)),
                       arguments, queries);
        END LOOP;
      END LOOP;
    END LOOP;
  END $$}), '', 'attempts with states of every other type are made');
cmp_ok($node->safe_psql('forge', q{SELECT count(*) FROM forge.attempts WHERE step <> 'create'}),
  '>', 1000, 'more than 1000 queries ran');
cmp_ok($node->safe_psql('forge', q{
    SELECT count(*) FROM forge.attempts WHERE step <> 'create' AND sqlstate = '00000'}),
  '>', 100, 'more than 100 of them had a result');
is($node->safe_psql('forge', q{
  SELECT string_agg(DISTINCT sqlstate || ' ' || message, E'\n') FROM forge.attempts
   WHERE step <> 'create' AND sqlstate NOT IN ('00000', '22003')
     AND message NOT IN ('unexpected state of lifecycle_transitions',
                         'moving-aggregate transition function must not return null')
     AND message !~ 'does not support use as a window function$'}),
  '', 'each ended with a result, an overflow, a refused state, or an error of PostgreSQL');
note($node->safe_psql('forge', q{
  SELECT string_agg(format('%s: %s times', sqlstate, n), ', ')
    FROM (SELECT sqlstate, count(*) AS n FROM forge.attempts GROUP BY sqlstate) a}));

#
# The extension is moved to another schema, with all objects that use it.
#
ask(q{
  CREATE TABLE orders AS
  SELECT abs(hashint4(n)) % 97 AS customer,
         timestamptz '2023-01-01 UTC' + n * interval '7 hours' AS at,
         lifecycle_event 'purchase' AS event, n % 13 + 0.5 AS amount
    FROM generate_series(1, 2000) AS n;
  CREATE TABLE statuses (s lifecycle_status DEFAULT 'prospect' CHECK (s <> 'new'), t rate_tally)
    PARTITION BY LIST (s);
  CREATE TABLE lost PARTITION OF statuses FOR VALUES IN ('churned', 'inactive');
  CREATE TABLE others PARTITION OF statuses DEFAULT;
  CREATE INDEX ON statuses (s);
  CREATE INDEX ON statuses USING hash (t);
  INSERT INTO statuses
  SELECT s, '3/7' FROM unnest('{churned,active,won_back,inactive}'::lifecycle_status[]) AS s;
  CREATE VIEW customers AS
  SELECT customer, lifecycle_at(at, event, '2023-06-01 UTC', '20 days', '40 days') AS before,
         lifecycle_during(at, event, '[2023-06-01 UTC,2023-07-01 UTC)', '20 days', '40 days')
           AS after
    FROM orders GROUP BY customer;
  CREATE VIEW rates AS
  SELECT winback_tally(before, after), sum(rate_tally(1, 2)),
         count(*) FILTER (WHERE after > 'active')
    FROM customers;
  CREATE MATERIALIZED VIEW curve AS
  SELECT * FROM unnest((
    SELECT lifecycle_series(customer, at, amount, '[2023-06-01 UTC,2024-01-01 UTC)', '1 month',
                            '20 days', '40 days')
      FROM orders));
  CREATE FUNCTION rate_of(tally rate_tally) RETURNS float8 LANGUAGE sql RETURN rate(tally);
  CREATE TABLE sales AS SELECT * FROM orders;
  CREATE INDEX ON sales (customer, at);
  SELECT track_customer_histories('sales', 'customer', 'at', 'event', 'amount');
});
my $users = q{
  SET search_path = public, elsewhere;
  SELECT * FROM rates;
  SELECT * FROM curve ORDER BY period_start;
  SELECT s, t, public.rate_of(t) FROM statuses ORDER BY s;
  SELECT tableoid::regclass, s FROM statuses WHERE s = 'churned'};
my $direct = qq{
  SELECT reactivation_tally(customer, at, $period, '20 days'),
         lifecycle_counts(customer, at, event, amount, $period, '20 days', '40 days')
    FROM public.orders};
my ($users_before, $direct_before) = (ask($users), ask($direct));
like($users_before, qr{^\d+/\d+\|97/194\|\d+\n.*\nlost\|churned$}s,
  'views, indexes, partitions and a function use the extension');

my $session = WinbackCluster::session($node);
$session->query_safe("PREPARE users AS SELECT * FROM rates");
my $prepared = $session->query_safe('EXECUTE users');
ask('CREATE SCHEMA elsewhere; ALTER EXTENSION winback SET SCHEMA elsewhere');
is(ask($users), $users_before, 'moved: all users have the same answers');
is(ask("REFRESH MATERIALIZED VIEW curve; $users"), $users_before,
  'moved: they have them after REFRESH, too');
is(ask("SET search_path = elsewhere; $direct"), $direct_before,
  'moved: calls work under the new search_path');
is(sqlstate_of($direct), '42883', 'moved: calls fail under the old search_path');
is($session->query_safe('EXECUTE users'), $prepared, 'moved: a prepared statement still works');
$session->quit;
is(ask("SELECT count(*) FROM $ours WHERE pronamespace <> 'elsewhere'::regnamespace"),
  '0', 'moved: every function is in the new schema');
is(ask(q{
    DELETE FROM sales WHERE customer = 2;
    SELECT elsewhere.refresh_customer_histories('customer_histories')}), '1',
  'moved: tracked histories are refreshed');
is(sqlstate_of(q{INSERT INTO statuses VALUES ('new')}), '23514',
  'moved: the check constraint still holds');
ask(q{INSERT INTO statuses (t) VALUES ('1/1')});

my $dump = PostgreSQL::Test::Utils::tempdir . '/dump';
$node->safe_psql('postgres', 'CREATE DATABASE restored');
command_ok(
  [ 'pg_dump', '--format', 'custom', '--file', $dump, '--dbname', $node->connstr('winback') ],
  'moved: pg_dump works');
command_ok(
  [ 'pg_restore', '--exit-on-error', '--dbname', $node->connstr('restored'), $dump ],
  'moved: pg_restore works');
is($node->safe_psql('restored', $users), ask($users),
  'moved: the restored database has the same answers');
is($node->safe_psql('restored', q{
    DELETE FROM sales WHERE customer = 3;
    SELECT elsewhere.refresh_customer_histories('customer_histories')}), '1',
  'moved: the restored database refreshes tracked histories');

ask('ALTER EXTENSION winback SET SCHEMA public');
is(ask($direct), $direct_before, 'moved back: calls have the same answers');

sub sqlstate_of { my $answer = as_role(scalar getpwuid($<), 'winback', $_[0]); return $answer; }

WinbackCluster::check_same_server($node, $started);
done_testing();
