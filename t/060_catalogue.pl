# 060_catalogue.pl
#   Checks the catalogue entries that CREATE EXTENSION makes: each object has a
#   comment, comments name the errors that a function raises and the cases in
#   which it returns NULL, doc/reference.md and the catalogue list the same
#   functions, and functions, operators and aggregates have the attributes that
#   they need.
#
#   The idea: pg_depend lists the objects of the extension, so that the test
#   covers a new object without a change. The test calls each function with
#   wrong arguments and compares the errors with those that its comment names.
#
#   Limits: the test reads the documents' tables and calls, and not their prose. It takes
#   a C function to check for NULL if the function, or one that it calls, has
#   PG_ARGISNULL for any argument.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Utils;
use Test::More;
use WinbackCluster;

my $top = "$FindBin::RealBin/..";
my $node = WinbackCluster::start('catalogue');

sub ask { return $node->safe_psql('winback', $_[0]); }

# The rows of a query as lists of columns. Comments and names have no tabs.
sub rows {
  my ($query) = @_;
  my $lines = $node->safe_psql('winback', $query, extra_params => [ '-F', "\t" ]);
  return map { [ split /\t/, $_, -1 ] } split /\n/, $lines;
}

# Check that a query returns no row.
my @checks;
sub none {
  my ($name, $query) = @_;
  push @checks, $query;
  return is(ask($query), '', $name);
}

# The view "members" lists the objects of the extension, and "functions" its
# functions. A function is a part if an aggregate, an operator, an operator class,
# a type, the planner or a function in PL/pgSQL calls it. Users call the other
# functions, and also those of casts, as they can call PostgreSQL's own functions for casts.
ask(q{
  CREATE VIEW members AS
  SELECT classid::regclass::text AS kind, classid, objid,
         pg_describe_object(classid, objid, 0) AS object,
         obj_description(objid, classid::regclass::name) AS comment
    FROM pg_depend
   WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
     AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'winback')
     -- from PostgreSQL 17 on the array types of our types are members, too
     AND NOT (classid = 'pg_type'::regclass AND objid IN (SELECT typarray FROM pg_type));

  CREATE VIEW parts AS
  SELECT p.oid, p.oid IN (SELECT castfunc FROM pg_cast) AS of_cast
    FROM pg_proc AS p
   WHERE EXISTS (SELECT FROM pg_aggregate
                  WHERE p.oid IN (aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn))
      OR EXISTS (SELECT FROM pg_operator WHERE oprcode = p.oid)
      OR EXISTS (SELECT FROM pg_amproc WHERE amproc = p.oid)
      OR EXISTS (SELECT FROM pg_type WHERE p.oid IN (typinput, typoutput, typreceive, typsend))
      OR EXISTS (SELECT FROM pg_proc AS f WHERE f.prosupport = p.oid)
      OR EXISTS (SELECT FROM pg_proc AS f JOIN pg_language AS l ON l.oid = f.prolang
                  WHERE lanname = 'plpgsql' AND f.prolang = p.prolang AND f.oid <> p.oid
                    AND f.prosrc LIKE '%\%s.' || p.proname || '(%');

  CREATE VIEW functions AS
  SELECT p.*, m.object, m.comment, p.oid IN (SELECT oid FROM parts WHERE NOT of_cast) AS is_part,
         lanname
    FROM pg_proc AS p JOIN members AS m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
    JOIN pg_language AS l ON l.oid = prolang;
});

#
# Comments
#
is(ask(q{SELECT string_agg(DISTINCT kind, ' ' ORDER BY kind) FROM members}),
  'pg_cast pg_opclass pg_operator pg_opfamily pg_proc pg_type',
  'the extension has casts, operators, their classes and families, functions and types');
none('each object has a comment', 'SELECT object FROM members WHERE comment IS NULL');
none('each column of a composite type has a comment', q{
  SELECT object, attname FROM members
    JOIN pg_type AS t ON classid = 'pg_type'::regclass AND t.oid = objid AND typtype = 'c'
    JOIN pg_attribute ON attrelid = typrelid AND attnum > 0 AND NOT attisdropped
   WHERE coalesce(length(col_description(attrelid, attnum)), 0) < 10});
is(ask(q{SELECT obj_description(oid, 'pg_extension') FROM pg_extension WHERE extname = 'winback'}),
  slurp_file("$top/winback.control") =~ /^comment = '(.*)'$/m ? $1 : undef,
  'the comment of the extension is that of its control file');
none('a comment has more than one word and no full stop at its end', q{
  SELECT object, comment FROM members
   WHERE comment ~ '^\s|\s$|\.$|\s\s' OR comment NOT LIKE '% %' AND comment <> 'hash'});
none('the comment of a part names its role', q{
  SELECT object, comment FROM functions
   WHERE is_part
     AND comment !~ '^(internal: |implementation of \S+ operator$|hash|less-equal-greater)'
     AND comment !~ '^(binary )?(in|out)put function of \w+: '});
none('the comment of a function that users call has at least 25 characters', q{
  SELECT object, comment FROM functions
   WHERE NOT is_part AND (length(comment) < 25 OR comment ~ '^(internal|implementation)')});
none('functions that differ only in the type of time have the same comment', q{
  SELECT proname, proargnames, count(DISTINCT comment) FROM functions
   WHERE NOT is_part AND proargnames IS NOT NULL
   GROUP BY proname, proargnames HAVING count(DISTINCT comment) > 1});

#
# Errors and NULLs, in comments and in calls
#
# The functions that users call: names, the names and types of their arguments, comments.
my @functions = map {
  my ($object, $name, $kind, $names, $types, $comment, $language) = @$_;
  { object => $object, name => $name, is_aggregate => $kind eq 'a', comment => $comment,
    makes_objects => $language eq 'plpgsql',
    names => [ split /,/, $names, -1 ], types => [ split /,/, $types, -1 ] }
} rows(q{
  SELECT object, proname, prokind,
         array_to_string(ARRAY(SELECT coalesce(proargnames[i], '')
                                 FROM generate_series(1, pronargs) AS i ORDER BY i), ','),
         array_to_string(ARRAY(SELECT format_type(proargtypes[i - 1], NULL)
                                 FROM generate_series(1, pronargs) AS i ORDER BY i), ','),
         comment, lanname
    FROM functions WHERE NOT is_part ORDER BY object COLLATE "C"});
cmp_ok(scalar @functions, '>', 50, 'the extension has more than 50 functions that users call');

ask(q{
  CREATE FUNCTION state_of(query text) RETURNS text LANGUAGE plpgsql AS
  $$ BEGIN EXECUTE query; RETURN '00000'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$;
});

# The text of a lifecycle_tally, with a time zone and a number of new customers.
sub lifecycle_tally {
  my ($zone, $customers) = @_;
  return sprintf '{"version": 1, "type": "timestamptz", "TimeZone": "%s", "step": null, '
    . '"inactive_after": "P30D", "churned_after": null, "lost_after": null, "amounts": false, '
    . '"data": null, "from": "2024-01-01T00:00:00+00:00", "periods": [{'
    . '"to": "2024-02-01T00:00:00+00:00", "reach": "2023-12-02T00:00:00+00:00", "later": null, '
    . '"customers": {"none/bought/active": %s}, "sustained": 0}]}',
    $zone // 'UTC', $customers // '1';
}

# Valid arguments, by name and type, by name or, where an argument has no name, by type.
my %right = (
  customer => '1', at => q{'2024-01-15'}, event => q{'purchase'}, amount => '10',
  period => q{'[2024-01-01,2024-02-01)'}, as_of => q{'2024-02-01'}, step => q{'7 days'},
  inactive_after => q{'30 days'}, churned_after => q{'60 days'}, lost_after => q{'90 days'},
  before => q{'churned'}, after => q{'won_back'},
  lifecycle_status => q{'churned'}, lifecycle_event => q{'purchase'},
  rate_tally => q{'1/2'}, tally => q{'1/2'}, confidence => '0.9',
  returned => '1', eligible => '2',
  lifecycle_tally => q{'} . lifecycle_tally() . q{'},
  'treated rate_tally' => q{'1/2'}, 'control rate_tally' => q{'1/3'}, method => q{'newcombe'},
  'treated rate_tally[]' => q{'{1/2}'}, 'control rate_tally[]' => q{'{1/3}'},
  'treated spend_tally' => q{'2/30/500'}, 'control spend_tally' => q{'3/30/500'},
  spend_tally => q{'2/30/500'}, customers => '2', total => '30', sum_of_squares => '500',
  p_values => q{'{0.01,0.02}'}, salt => q{'salt'}, share => '0.1',
  control_rate => '0.1', treated_rate => '0.2', power => '0.8',
  observed => q{'{5,6}'}, expected => q{'{1,1}'},
  history => q{'{UNIT; 2024-01-15}'}, customer_history => q{'{UNIT; 2024-01-15}'},
  jsonb => q{'{"unit": "date", "events": [{"at": "2024-01-15"}]}'},
  until => q{'2024-03-01'}, return_curve => q{'{1:1/1}'}, map({ $_ => q{'{1:1/1}'} } qw(curve a b)),
  silence => q{'0 days'}, within => q{'1 day'}, chance => '0.5', k => '3', prior_gaps => '3',
  returns => q{ROW(0, NULL, NULL, 1, '10 days', '10 days', '10 days')},
);
# Wrong arguments, one or two in a call. The column n is the number of the row.
my @wrong = (
  { customer => 'point(1, 2)' },
  { at => q{'-infinity'} },
  { period => 'NULL' }, { period => q{'empty'} },
  { period => q{'(,2024-02-01)'} }, { period => q{'[2024-01-01,)'} },
  { period => q{CASE n WHEN 1 THEN '[2024-01-01,2024-02-01)' ELSE '[2024-01-01,2024-03-01)' END} },
  { as_of => 'NULL' }, { as_of => q{'infinity'} },
  { inactive_after => 'NULL' }, { inactive_after => q{'0 days'} },
  { churned_after => q{'-1 day'} }, { churned_after => q{'1 day'} }, { churned_after => 'NULL' },
  { lost_after => q{'0 days'} }, { lost_after => q{'1 day'} },
  { event => q{'interest'}, amount => '0.01' },
  { step => 'NULL' }, { step => q{'0 days'} },
  { step => q{'1 day'}, period => q{'[2000-01-01,2040-01-01)'} },
  { returned => '3' }, { confidence => '2' },
  { rate_tally => q{'9223372036854775807/9223372036854775807'} },
  { lifecycle_tally => q{'} . lifecycle_tally('UTC', '9223372036854775807') . q{'} },
  { lifecycle_tally => q{'} . lifecycle_tally('Atlantis') . q{'} },
  { lifecycle_tally => q{replace('} . lifecycle_tally() . q{', 'P30D', 'P3' || n || 'D')} },
  { method => q{'wald'} },
  { 'treated rate_tally[]' => q{'{1/2,1/2}'} }, { 'treated rate_tally[]' => q{'{NULL}'} },
  { 'control rate_tally[]' => q{'{{1/2}}'} },
  { 'treated spend_tally' => q{spend_tally(2, 1e400, 1e801)} },
  { spend_tally => q{'9223372036854775807/0/0'} }, { customers => '-1' },
  { 'amount numeric' => q{'NaN'} }, { 'amount numeric' => '1e100000' },
  { p_values => q{'{2}'} }, { p_values => q{'{{0.1}}'} }, { share => '2' },
  { treated_rate => '2' }, { treated_rate => '0.1' }, { treated_rate => '0.10000000001' },
  { power => '1' },
  { observed => q{'{-1,2}'} }, { observed => q{'{NULL,2}'} }, { observed => q{'{1,2,3}'} },
  { expected => q{'{0,1}'} },
  { history => q{'{UNIT; -infinity}'} }, { jsonb => q{'[]'} },
  { history => q{CASE n WHEN 1 THEN '{date; 2024-01-15}' ELSE '{timestamp; 2024-01-15}' END} },
  { until => 'NULL' }, { until => q{'infinity'} }, { as_of => q{'2024-03-01'} },
  { until => q{CASE n WHEN 1 THEN '2024-03-01' ELSE '2024-04-01' END} },
  { silence => q{'-1 days'} }, { silence => q{'1 month'} }, { within => q{'0 days'} },
  { chance => '-1' }, { k => '0' }, { prior_gaps => '-1' },
  { return_curve => q{'{1:9223372036854775807/0}'} },
);

# Return a query that calls a function over $rows rows, with the arguments of %right
# except for those in $other. UNIT stands for the type of time that suits a period.
sub call {
  my ($function, $other, $rows) = @_;
  my %unit = (daterange => 'date', date => 'date', tsrange => 'timestamp',
    'timestamp without time zone' => 'timestamp');
  my ($unit) = grep { defined } map({ $unit{$_} } @{ $function->{types} }), 'timestamptz';
  my @arguments;
  for my $i (0 .. $#{ $function->{types} }) {
    my $type = $function->{types}[$i];
    my $name = $function->{names}[$i] || $type;
    my ($value) = grep { defined } map { ($_->{"$name $type"}, $_->{$name}) } $other, \%right;
    die "$function->{object}: no value for $name" unless defined $value;
    $value =~ s/UNIT/$unit/g;
    push @arguments, $type eq 'anyelement' ? $value : "($value)::$type";
  }
  my $arguments = join ', ', @arguments;
  return "SELECT $function->{name}($arguments) FROM generate_series(1, $rows) AS n";
}

# Compare the errors that a comment names with the SQLSTATEs of calls that must fail.
sub check_errors {
  my ($function, @states) = @_;
  my %raised = map { $_ => 1 } grep { $_ ne '00000' } @states;
  my %named = map { $_ => 1 } $function->{comment} =~ /\b([0-9][0-9A-Z]{4})\b(?! periods)/g;
  is(join(' ', sort keys %named), join(' ', sort keys %raised),
    "the comment of $function->{object} names the errors that it raises");
  return;
}

for my $function (grep { !$_->{makes_objects} } @functions) {
  my @positions = 0 .. $#{ $function->{types} };
  my %has = map {
    my ($name, $type) = ($function->{names}[$_], $function->{types}[$_]);
    ($name || $type) => 1, "$name $type" => 1
  } @positions;
  my @mistakes = grep { my $wrong = $_; !grep { !$has{$_} } keys %$wrong } @wrong;
  my @calls = map { call($function, $_, 2) } {}, @mistakes;
  my @states = ask(join ";\n", map { "SELECT state_of(\$query\$$_\$query\$)" } @calls) =~ /(\S+)/g;
  is(shift @states, '00000', "$function->{object} accepts valid arguments");
  check_errors($function, @states);
}

# The functions that make and change tables have calls of their own, the first of which is valid.
# Each call finds the table customer_histories tracked.
my %calls = (
  track_customer_histories => [
    q{('orders', 'customer', 'at', histories => 'more')}, q{(NULL, 'customer', 'at')},
    q{('foreign_orders', 'customer', 'at')}, q{('pg_views', 'viewname', 'viewowner')},
    q{('orders', 'buyer', 'at')}, q{('orders', 'customer', 'customer')},
    q{('orders', 'place', 'at')}, q{('orders', 'customer', 'at')},
    q{('orders', 'customer', 'at', histories => repeat('x', 55)::name)},
    q{('orders', 'customer', 'at', schema => 'nowhere')},
    q{('orders', 'customer', 'at', overlap => '1 hour')},
  ],
  refresh_customer_histories => [
    q{('customer_histories')}, q{('orders')}, q{(NULL)}, q{('customer_histories', NULL)},
    q{('customer_histories', 0)},
  ],
  customer_history_status => [ q{('customer_histories')}, q{('orders')}, q{(NULL)} ],
  untrack_customer_histories => [ q{('customer_histories')}, q{('orders')}, q{(NULL)} ],
);
ask(q{
  CREATE ROLE nobody;
  CREATE TABLE orders (customer int, at date, place point);
  CREATE TABLE foreign_orders (customer int, at date);
  ALTER TABLE foreign_orders OWNER TO nobody;
  CREATE INDEX ON orders (customer);
});
is(join(' ', sort keys %calls),
  join(' ', sort map { $_->{name} } grep { $_->{makes_objects} } @functions),
  'this test has calls of each function that makes objects');
for my $function (grep { $_->{makes_objects} } @functions) {
  my @states = map { ask(qq{
    BEGIN;
    SELECT track_customer_histories('orders', 'customer', 'at') \\g /dev/null
    GRANT nobody TO CURRENT_USER;
    SELECT state_of(\$query\$SELECT $function->{name}$_\$query\$);
    ROLLBACK}) } @{ $calls{ $function->{name} } };
  is(shift @states, '00000', "$function->{object} accepts valid arguments");
  # as a role that owns nothing, at another isolation level, of a table that Citus has distributed,
  # and beside another refresh
  if ($function->{name} eq 'track_customer_histories') {
    push @states, ask(q{SET ROLE nobody;
      SELECT state_of($query$SELECT track_customer_histories('orders', 'customer', 'at')$query$)});
    push @states, ask(q{BEGIN ISOLATION LEVEL REPEATABLE READ;
      SELECT state_of($query$SELECT track_customer_histories('orders', 'customer', 'at')$query$)});
    push @states, ask(q{BEGIN;
      SET LOCAL allow_system_table_mods = on;
      CREATE TABLE pg_catalog.pg_dist_partition AS
      SELECT 'orders'::regclass AS logicalrelid, 'h'::"char" AS partmethod;
      SELECT state_of($query$SELECT track_customer_histories('orders', 'customer', 'at')$query$);
      ROLLBACK});
  }
  # specs/track_refresh.spec proves this one
  push @states, '40001' if $function->{name} eq 'refresh_customer_histories';
  check_errors($function, @states);
}

# An aggregate over no row may return NULL, and so may a function of the tally 0/0 or 0/0/0.
for my $function (@functions) {
  my $takes_tally = grep { /^(rate|spend)_tally$/ } @{ $function->{types} };
  my %empty = map { ($_ => q{'0/0'}, "$_ rate_tally" => q{'0/0'}) }
    qw(rate_tally tally treated control);
  $empty{$_} = q{'0/0/0'} for 'spend_tally', 'treated spend_tally', 'control spend_tally';
  next unless $function->{is_aggregate} || $takes_tally;
  my $query = $function->{is_aggregate} ? call($function, {}, 0) : call($function, \%empty, 1);
  my $result = ask($query);
  if ($result =~ /^\(?,*\)?$/) {
    like($function->{comment}, qr/NULL (?:when|without)/,
      "the comment of $function->{object} says when it returns NULL");
  }
  elsif ($function->{is_aggregate}) {
    like($function->{comment}, qr/\Q$result\E when/,
      "the comment of $function->{object} says when it returns $result");
  }
}

#
# The reference
#
my ($reference) =
  slurp_file("$top/doc/reference.md") =~ /^## Functions and types\n(.*?)^## /ms;
# a | in a cell is written as \|
my @first_cells = $reference =~ /^\| (`(?:[^|\\]|\\\|)*?) \|/gm;
s/\\\|/|/g for @first_cells;
my @code = map { /`([^`]+)`/g } @first_cells;

# Parse a signature of the reference. "f(a, [b,] c)" gives two forms, f(a, c) and f(a, b, c).
sub forms {
  my ($text) = @_;
  my ($before, $optional, $after) = $text =~ /^(.*?)\[(\w+),\] ?(.*)$/;
  return map { forms("$before$_$after") } '', "$optional, " if $optional;
  my ($name, $arguments) = $text =~ /^(\w+)\((.*)\)$/;
  my @arguments = map { /^(\w+)/ } split /, /, $arguments;
  return { text => $text, name => $name, arguments => \@arguments };
}

# Return whether a function has the name and the arguments of a form. The reference names an
# argument by its name or by its type.
sub is_of_form {
  my ($function, $form) = @_;
  my ($names, $types) = @$function{ 'names', 'types' };
  my @arguments = @{ $form->{arguments} };
  return 0 if $function->{name} ne $form->{name} || @arguments != @$types;
  return !grep { $arguments[$_] ne $names->[$_] && $arguments[$_] ne $types->[$_] }
    0 .. $#arguments;
}

my @forms = map { forms($_) } grep { /^\w+\(/ } @code;
cmp_ok(scalar @forms, '>', 30, 'doc/reference.md has more than 30 signatures');
for my $form (@forms) {
  my @found = grep { is_of_form($_, $form) } @functions;
  # a function with the argument "at" exists for each of the three time types; a function of a
  # history, whose type of time is not known, also takes the question as a text
  my $of_history = $form->{arguments}[0] eq 'history';
  my $instants = 'date, text, timestamp with time zone, timestamp without time zone';
  my %types = (
    at => 'date, timestamp with time zone, timestamp without time zone',
    $of_history ? (
      as_of => $instants, until => $instants,
      period => 'daterange, text, tsrange, tstzrange') : ());
  my ($at) = grep { $types{ $form->{arguments}[$_] } } 0 .. $#{ $form->{arguments} };
  # the name of a column
  undef $at if $form->{name} eq 'track_customer_histories';
  is(join(', ', sort map { defined $at ? $_->{types}[$at] : 'one' } @found),
    defined $at ? $types{ $form->{arguments}[$at] } : 'one',
    "doc/reference.md: $form->{text} is in the catalogue");
}
my @undocumented = grep {
  my $function = $_;
  !grep { is_of_form($function, $_) } @forms
} @functions;
is(join("\n", map { $_->{object} } @undocumented), '',
  'doc/reference.md has each function that users call');

is(join(' ', sort grep { /^\w+$/ } @code), ask(q{
    SELECT string_agg(typname, ' ' ORDER BY typname COLLATE "C")
      FROM pg_type JOIN members ON classid = 'pg_type'::regclass AND objid = pg_type.oid}),
  'doc/reference.md lists the types of the extension, and no other type');

# An operator compares if it returns a boolean.
is(join(' ', sort map { /^\w+ (\W+) \w+$/ ? $1 : () } @code), ask(q{
    SELECT string_agg(oprname, ' ' ORDER BY oprname)
      FROM pg_operator AS o JOIN members ON classid = 'pg_operator'::regclass AND objid = o.oid
     WHERE oprresult <> 'bool'::regtype}),
  'doc/reference.md lists the operators that do not compare, and no other operator');

my %known = map { $_ => 1 } split /\n/, ask(q{
  SELECT proname FROM functions WHERE NOT is_part UNION SELECT typname FROM pg_type});
for my $document ('README.md', map { "doc/$_.md" } qw(guide reference speed scale)) {
  my @called = slurp_file("$top/$document")
    =~ /\b((?:explain|lifecycle|rate|reactivation|winback)_\w+) *\(/g;
  is(join(' ', sort grep { !$known{$_} } @called), '',
    "each function that $document calls is in the catalogue");
}

#
# Attributes of functions
#
# A function in SQL must have a body that was parsed when the extension was created, so that
# search_path does not change its meaning.
none('functions are parallel safe, without special attributes, and aggregates, in C or parsed', q{
  SELECT object FROM functions
   WHERE lanname <> 'plpgsql' AND (prosecdef OR proleakproof OR proretset <> (proname = 'unnest')
      OR proparallel <> 's' OR provolatile NOT IN ('i', 's')
      OR proconfig IS NOT NULL OR provariadic <> 0 OR prokind NOT IN ('f', 'a')
      OR prokind = 'f' AND CASE lanname WHEN 'c' THEN probin <> '$libdir/winback'
                                        WHEN 'sql' THEN prosqlbody IS NULL
                                        ELSE true END)});
# They run with the rights of their caller. A search_path of their own keeps that of the caller from
# changing the meaning of their statements.
none('functions in PL/pgSQL set search_path, and have no other special attribute', q{
  SELECT object FROM functions
   WHERE lanname = 'plpgsql'
     AND (prosecdef OR proleakproof OR proretset OR proparallel <> 'u' OR proisstrict
          OR provolatile <> CASE WHEN proname IN (
                                  'customer_history_status', 'customer_history_parts',
                                  'customer_history_distribution') THEN 's' ELSE 'v' END
          OR proconfig IS DISTINCT FROM ARRAY['search_path=pg_catalog, pg_temp'])});
none('functions in SQL implement operators that compare with text', q{
  SELECT object FROM functions
   WHERE prosqlbody IS NOT NULL
     AND NOT EXISTS (SELECT FROM pg_operator WHERE oprcode = functions.oid
                        AND oprresult = 'bool'::regtype
                        AND 'text'::regtype IN (oprleft, oprright))});
# It loads the Winback Scan, and keeps what depends on TimeZone from foreign servers.
none('transition functions with an interval, and stable final functions, have winback_support', q{
  SELECT object FROM functions
   WHERE proargtypes[0] = 'internal'::regtype AND prosupport <> 'winback_support'::regproc
         AND ('interval'::regtype = ANY (proargtypes::oid[])
              OR provolatile = 's' AND oid IN (SELECT aggfinalfn FROM pg_aggregate))
      OR prosupport NOT IN (0, 'winback_support'::regproc)});
# Calendar arithmetic with timestamptz depends on the setting TimeZone. A history may contain them,
# but an aggregate takes no histories of another type of time than its range.
none('functions with an interval are stable for timestamptz and immutable for other types', q{
  SELECT object FROM functions
   WHERE prokind = 'f' AND 'interval'::regtype = ANY (proargtypes::oid[])
     AND provolatile <> CASE WHEN oid IN (SELECT aggtransfn FROM pg_aggregate)
                                  AND '{tsrange,daterange}'::regtype[]
                                      && proargtypes::oid[]::regtype[]
                             THEN 'i'
                             WHEN '{timestamptz,customer_history}'::regtype[]
                                  && proargtypes::oid[]::regtype[]
                             THEN 's' ELSE 'i' END});
# A text of a history may contain a timestamptz without an offset.
none('the functions of types, operators and operator classes are immutable and strict', q{
  SELECT object FROM functions AS f
   WHERE (provolatile <> CASE proname WHEN 'customer_history_in' THEN 's' ELSE 'i' END
          OR NOT proisstrict)
     AND (EXISTS (SELECT FROM pg_type WHERE f.oid IN (typinput, typoutput, typreceive, typsend))
          OR EXISTS (SELECT FROM pg_operator WHERE oprcode = f.oid)
          OR EXISTS (SELECT FROM pg_amproc WHERE amproc = f.oid))});
none('SQL functions that share a C function are all strict, or none of them is', q{
  SELECT prosrc FROM functions WHERE prokind = 'f'
   GROUP BY prosrc HAVING count(DISTINCT proisstrict) > 1});

# Cut the bodies of C functions out of the sources. PostgreSQL's layout has the name
# and the braces of a function at the beginning of a line.
my %body;
for my $file (glob "$top/src/*.[ch] $top/src/*/*.[ch]") {
  my $source = slurp_file($file);
  $source =~ s{/\*.*?\*/}{}gs;
  $body{$1} = $2 while $source =~ /^(\w+)\([^;{}]*\)\n\{\n(.*?)^\}/gms;
}
# the functions that check an argument for NULL, themselves or in a function that they call
my %checks_null = map { $_ => 1 } grep { $body{$_} =~ /\bPG_ARGISNULL\b/ } keys %body;
my $before;
do {
  $before = keys %checks_null;
  for my $name (keys %body) {
    $checks_null{$name} = 1 if grep { $checks_null{$_} } $body{$name} =~ /\b(\w+)\(/g;
  }
} while (keys %checks_null > $before);
my @c_functions = rows(q{
  SELECT object, prosrc, proisstrict FROM functions WHERE prokind = 'f' AND lanname = 'c'});
is(join("\n", map { $_->[0] } grep { !$body{ $_->[1] } } @c_functions), '',
  'the body of each C function was found in src/');
is(join("\n", map { $_->[0] } grep { $_->[2] eq 'f' && !$checks_null{ $_->[1] } } @c_functions), '',
  'each C function that does not check for NULL is strict');

#
# Aggregates, operators and operator classes
#
my $first_check = @checks;
none('final functions are read-only, and states of type internal can be serialized', q{
  SELECT object FROM functions AS f JOIN pg_aggregate AS a ON aggfnoid = f.oid
   WHERE aggkind <> 'n' OR aggfinalmodify <> 'r'
      OR aggtranstype = 'internal'::regtype AND
         (aggtransspace = 0 OR (aggcombinefn = 0) <> (aggserialfn = 0)
          OR (aggserialfn = 0) <> (aggdeserialfn = 0))
      OR aggtranstype <> 'internal'::regtype AND aggcombinefn = 0});
is(ask(q{
    SELECT string_agg(DISTINCT proname, ' ')
      FROM functions AS f JOIN pg_aggregate ON aggfnoid = f.oid WHERE aggcombinefn = 0}),
  'active_spells explain_lifecycle returns',
  'all aggregates but those over the whole life of a customer can run in parallel');
#
# Servers that compute parts of an aggregate, such as Citus, send states of plain types to each
# other, in the types that the catalogue names. They call final functions without an expression.
#
none('an aggregate with a polymorphic argument has a state that is never sent, of type internal', q{
  SELECT object FROM functions AS f JOIN pg_aggregate AS a ON aggfnoid = f.oid
   WHERE aggtranstype <> 'internal'::regtype
     AND EXISTS (SELECT FROM unnest(proargtypes) AS t
                   JOIN pg_type ON pg_type.oid = t AND typtype = 'p')});
none('a state of a plain type is read and merged by immutable functions, unless its period depends '
    . 'on TimeZone, and returned as it is, or by a final function that takes nothing else', q{
  SELECT f.object FROM functions AS f JOIN pg_aggregate AS a ON aggfnoid = f.oid
    JOIN pg_proc AS trans ON trans.oid = aggtransfn
    JOIN pg_proc AS combine ON combine.oid = aggcombinefn
    LEFT JOIN pg_proc AS final ON final.oid = aggfinalfn
   WHERE aggtranstype <> 'internal'::regtype
     AND (trans.provolatile <> CASE WHEN '{tstzrange,timestamptz,text}'::regtype[]
                                         && trans.proargtypes::oid[]::regtype[]
                                    THEN 's' ELSE 'i' END
          OR combine.provolatile <> 'i' OR aggfinalextra
          OR trans.prorettype <> aggtranstype OR combine.prorettype <> aggtranstype
          OR final.pronargs <> 1 OR final.proargtypes[0] <> aggtranstype
          OR final.provolatile = 'v'
          OR (SELECT typtype FROM pg_type AS t WHERE t.oid = aggtranstype) = 'p')});
none('an aggregate is parallel safe exactly if it has a combine function', q{
  SELECT object FROM functions AS f JOIN pg_aggregate AS a ON aggfnoid = f.oid
   WHERE aggcombinefn <> 0 AND proparallel <> 's'
      OR EXISTS (SELECT FROM pg_proc AS p
                  WHERE p.oid IN (aggtransfn, aggfinalfn, aggcombinefn) AND proparallel <> 's')});
my %asks_expression = map { $_ => 1 }
  grep { $body{$_} =~ /\bfn_expr\b|get_(?:fn_expr|call_expr|call_result)_/ } keys %body;
do {
  $before = keys %asks_expression;
  for my $name (keys %body) {
    $asks_expression{$name} = 1 if grep { $asks_expression{$_} } $body{$name} =~ /\b(\w+)\(/g;
  }
} while (keys %asks_expression > $before);
cmp_ok(scalar keys %asks_expression, '>', 3, 'some functions in src/ ask for the calling expression');
my @finals = rows(q{
  SELECT DISTINCT f.object, final.prosrc
    FROM functions AS f JOIN pg_aggregate ON aggfnoid = f.oid
    JOIN pg_proc AS final ON final.oid = aggfinalfn
   WHERE aggtranstype <> 'internal'::regtype AND final.prosrc <> ''});
cmp_ok(scalar @finals, '>', 2, 'some states of plain types have a final function');
is(join("\n", map { $_->[0] } grep { $asks_expression{ $_->[1] } } @finals), '',
  'no final function of a plain state asks for the calling expression');
# The checks of aggregates find one that breaks a rule.
my $good = 'SFUNC = int8pl, COMBINEFUNC = int8pl';
for (
  [ 'a polymorphic argument beside a plain state', 'anyelement, bigint',
    'SFUNC = polymorphic_add, COMBINEFUNC = int8pl' ],
  [ 'no combine function', 'bigint', 'SFUNC = int8pl' ],
  [ 'a transition function that is not immutable', 'bigint',
    'SFUNC = stable_add, COMBINEFUNC = int8pl' ],
  [ 'a combine function that is not immutable', 'bigint',
    'SFUNC = int8pl, COMBINEFUNC = stable_add' ],
  [ 'a combine function that is not parallel safe', 'bigint',
    'SFUNC = int8pl, COMBINEFUNC = unsafe_add' ],
  [ 'a volatile final function', 'bigint', "$good, FINALFUNC = volatile_final" ],
  [ 'a final function that takes arguments, too', 'bigint',
    "$good, FINALFUNC = extra_final, FINALFUNC_EXTRA" ],
  [ 'none', 'bigint', $good ],
) {
  my ($rule, $arguments, $parts) = @$_;
  my $found = ask(q{
    BEGIN;
    CREATE FUNCTION polymorphic_add(bigint, anyelement, bigint) RETURNS bigint
      LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT $1 + $3';
    CREATE FUNCTION stable_add(bigint, bigint) RETURNS bigint
      LANGUAGE sql STABLE PARALLEL SAFE RETURN $1 + $2;
    CREATE FUNCTION unsafe_add(bigint, bigint) RETURNS bigint
      LANGUAGE sql IMMUTABLE RETURN $1 + $2;
    CREATE FUNCTION volatile_final(bigint) RETURNS bigint
      LANGUAGE sql VOLATILE PARALLEL SAFE RETURN $1;
    CREATE FUNCTION extra_final(bigint, bigint) RETURNS bigint
      LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN $1;
  } . "CREATE AGGREGATE bad($arguments) (STYPE = bigint, PARALLEL = SAFE, $parts);
    ALTER EXTENSION winback ADD AGGREGATE bad($arguments);"
    . join(';', @checks[ $first_check .. $#checks ]) . '; ROLLBACK');
  if ($rule eq 'none') {
    is($found, '', 'the checks accept an aggregate that breaks no rule');
  }
  else {
    like($found, qr/\bbad\(/, "the checks find $rule");
  }
}
none('operators but - have a commutator, and comparisons have a negator and estimators', q{
  SELECT object
    FROM members JOIN pg_operator AS o ON classid = 'pg_operator'::regclass AND objid = o.oid
   WHERE (oprcom = 0) <> (oprname = '-') OR (oprresult = 'bool'::regtype) <> (oprnegate <> 0)
      OR (oprresult = 'bool'::regtype) <> (oprrest <> 0 AND oprjoin <> 0)});
none('an operator can hash or merge exactly if it is the equality of a hash or btree class', q{
  SELECT object
    FROM members JOIN pg_operator AS o ON classid = 'pg_operator'::regclass AND objid = o.oid
   WHERE oprcanhash <> EXISTS (SELECT FROM pg_amop JOIN pg_am ON pg_am.oid = amopmethod
                                WHERE amopopr = o.oid AND amname = 'hash')
      OR oprcanmerge <> EXISTS (SELECT FROM pg_amop JOIN pg_am ON pg_am.oid = amopmethod
                                 WHERE amopopr = o.oid AND amname = 'btree' AND amopstrategy = 3)});
my @classes = rows(q{
  SELECT object, amvalidate(objid)
    FROM members WHERE classid = 'pg_opclass'::regclass ORDER BY object COLLATE "C"});
is(scalar @classes, 11,
  'labels, rate_tally and histories have a btree and a hash operator class, other tallies and '
    . 'return_curve a hash class');
# The order of histories has no meaning.
none('min and max exist for each type with a btree class, and its order serves them', q{
  SELECT opcintype::regtype, wanted
    FROM members JOIN pg_opclass AS c ON classid = 'pg_opclass'::regclass AND objid = c.oid
    JOIN pg_am ON pg_am.oid = opcmethod AND amname = 'btree',
         (VALUES ('min', 1), ('max', 5)) AS v (wanted, strategy)
   WHERE opcintype <> 'customer_history'::regtype AND NOT EXISTS (
                     SELECT FROM functions AS f JOIN pg_aggregate ON aggfnoid = f.oid
                      WHERE proname = wanted AND proargtypes[0] = opcintype AND aggcombinefn <> 0
                        AND aggsortop = (SELECT amopopr FROM pg_amop
                                          WHERE amopfamily = opcfamily
                                            AND amopstrategy = strategy))});
is($_->[1], 't', "amvalidate finds $_->[0] valid") for @classes;

$node->stop;
done_testing();
