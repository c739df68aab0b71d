# 060_catalogue.pl
#   Proves that what CREATE EXTENSION puts into the catalogue is in order: each
#   object has a comment, comments say which errors and NULLs to expect,
#   README's reference and the catalogue name the same functions, and functions,
#   operators and aggregates have the attributes that they need.
#
#   The idea: ask pg_depend what belongs to the extension, so that a new object
#   is covered by being there. What a comment says of errors is compared with
#   the errors that mistakes in the call really raise.
#
#   Limits: README's prose is not read, only its tables and its calls. In the
#   sources a function "looks at NULL" if it, or one that it calls, has
#   PG_ARGISNULL; for which argument is not told.
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
  return map { [ split /\t/, $_, -1 ] } split /\n/, $node->safe_psql('winback', $query, extra_params => [ '-F', "\t" ]);
}

# A query that must find nothing.
sub none {
  my ($what, $query) = @_;
  return is(ask($query), '', $what);
}

# What belongs to the extension, and which functions are parts of something
# else: of an aggregate, an operator, an operator class, a type or the planner. The others
# are there to be called, and so is what a cast calls, as PostgreSQL's own
# functions for casts are.
ask(q{
  CREATE VIEW members AS
  SELECT classid::regclass::text AS kind, classid, objid, pg_describe_object(classid, objid, 0) AS object,
         obj_description(objid, classid::regclass::name) AS comment
    FROM pg_depend
   WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
     AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'winback')
     -- from 17 on the arrays that come with types are members, too
     AND NOT (classid = 'pg_type'::regclass AND objid IN (SELECT typarray FROM pg_type));

  CREATE VIEW parts AS
  SELECT p.oid, p.oid IN (SELECT castfunc FROM pg_cast) AS of_cast
    FROM pg_proc AS p
   WHERE EXISTS (SELECT FROM pg_aggregate WHERE p.oid IN (aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn))
      OR EXISTS (SELECT FROM pg_operator WHERE oprcode = p.oid)
      OR EXISTS (SELECT FROM pg_amproc WHERE amproc = p.oid)
      OR EXISTS (SELECT FROM pg_type WHERE p.oid IN (typinput, typoutput, typreceive, typsend))
      OR EXISTS (SELECT FROM pg_proc AS f WHERE f.prosupport = p.oid);

  CREATE VIEW functions AS
  SELECT p.*, m.object, m.comment, p.oid IN (SELECT oid FROM parts WHERE NOT of_cast) AS is_part
    FROM pg_proc AS p JOIN members AS m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid;
});

#
# Comments
#
is(ask(q{SELECT string_agg(DISTINCT kind, ' ' ORDER BY kind) FROM members}),
  'pg_cast pg_opclass pg_operator pg_opfamily pg_proc pg_type', 'the extension has objects of these kinds');
none('each object has a comment', 'SELECT object FROM members WHERE comment IS NULL');
none('each column of a composite type has one', q{
  SELECT object, attname FROM members
    JOIN pg_type AS t ON classid = 'pg_type'::regclass AND t.oid = objid AND typtype = 'c'
    JOIN pg_attribute ON attrelid = typrelid AND attnum > 0 AND NOT attisdropped
   WHERE coalesce(length(col_description(attrelid, attnum)), 0) < 10});
is(ask(q{SELECT obj_description(oid, 'pg_extension') FROM pg_extension WHERE extname = 'winback'}),
  slurp_file("$top/winback.control") =~ /^comment = '(.*)'$/m ? $1 : undef, 'the extension has that of its control file');
none('a comment is more than a name, and a phrase without a full stop', q{
  SELECT object, comment FROM members
   WHERE comment ~ '^\s|\s$|\.$|\s\s' OR comment NOT LIKE '% %' AND comment <> 'hash'});
none('that of a part says of what', q{
  SELECT object, comment FROM functions
   WHERE is_part AND comment !~ '^(internal: |implementation of \S+ operator$|(binary )?(in|out)put function of \w+: |hash|less-equal-greater)'});
none('that of a function to be called says more', q{
  SELECT object, comment FROM functions
   WHERE NOT is_part AND (length(comment) < 25 OR comment ~ '^(internal|implementation)')});
none('functions that differ only in the type of time have the same', q{
  SELECT proname, proargnames, count(DISTINCT comment) FROM functions
   WHERE NOT is_part GROUP BY proname, proargnames HAVING count(DISTINCT comment) > 1});

#
# What comments say of NULL and of errors, and what happens
#
# A function of ours: its name, how catalogue and SQL name its arguments, their types.
my @functions = map {
  my ($object, $name, $kind, $names, $types, $comment) = @$_;
  { object => $object, name => $name, is_aggregate => $kind eq 'a', comment => $comment,
    names => [ split /,/, $names, -1 ], types => [ split /,/, $types, -1 ] }
} rows(q{
  SELECT object, proname, prokind,
         array_to_string(ARRAY(SELECT coalesce(proargnames[i], '') FROM generate_series(1, pronargs) AS i ORDER BY i), ','),
         array_to_string(ARRAY(SELECT format_type(proargtypes[i - 1], NULL) FROM generate_series(1, pronargs) AS i ORDER BY i), ','),
         comment
    FROM functions WHERE NOT is_part ORDER BY object COLLATE "C"});
cmp_ok(scalar @functions, '>', 50, 'there are functions to be called');

ask(q{
  CREATE FUNCTION state_of(query text) RETURNS text LANGUAGE plpgsql AS
  $$ BEGIN EXECUTE query; RETURN '00000'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$;
});

# Arguments that are right, by name or else by type.
my %right = (
  customer => '1', at => q{'2024-01-15'}, event => q{'purchase'}, amount => '10',
  period => q{'[2024-01-01,2024-02-01)'}, as_of => q{'2024-02-01'}, step => q{'7 days'},
  inactive_after => q{'30 days'}, churned_after => q{'60 days'},
  before => q{'churned'}, after => q{'won_back'},
  rate_tally => q{'1/2'}, tally => q{'1/2'}, confidence => '0.9', returned => '1', eligible => '2',
);
# Arguments that are wrong, one or two at a time; n is the number of the row.
my @wrong = (
  { customer => 'point(1, 2)' },
  { at => q{'-infinity'} },
  { period => 'NULL' }, { period => q{'empty'} }, { period => q{'(,2024-02-01)'} }, { period => q{'[2024-01-01,)'} },
  { period => q{CASE n WHEN 1 THEN '[2024-01-01,2024-02-01)' ELSE '[2024-01-01,2024-03-01)' END} },
  { as_of => 'NULL' }, { as_of => q{'infinity'} },
  { inactive_after => 'NULL' }, { inactive_after => q{'0 days'} },
  { churned_after => q{'-1 day'} }, { churned_after => q{'1 day'} },
  { step => 'NULL' }, { step => q{'0 days'} }, { step => q{'1 day'}, period => q{'[2000-01-01,2040-01-01)'} },
  { returned => '3' }, { confidence => '2' },
  { rate_tally => q{'9223372036854775807/9223372036854775807'} },
);

# A call of a function over two rows, with some arguments other than right.
sub call {
  my ($function, $other, $rows) = @_;
  my @arguments;
  for my $i (0 .. $#{ $function->{types} }) {
    my $type = $function->{types}[$i];
    my $name = $function->{names}[$i] || $type;
    my $value = $other->{$name} // $right{$name} // die "$function->{object}: no value for $name";
    push @arguments, $type eq 'anyelement' ? $value : "($value)::$type";
  }
  return "SELECT $function->{name}(" . join(', ', @arguments) . ") FROM generate_series(1, $rows) AS n";
}

sub state_of {
  my ($query) = @_;
  return ask("SELECT state_of(\$query\$$query\$query\$)");
}

for my $function (@functions) {
  my %has = map { ($function->{names}[$_] || $function->{types}[$_]) => 1 } 0 .. $#{ $function->{types} };
  my @states = ask(join ";\n", map { "SELECT state_of(\$query\$" . call($function, $_, 2) . "\$query\$)" }
      {}, grep { my $wrong = $_; !grep { !$has{$_} } keys %$wrong } @wrong) =~ /(\S+)/g;
  is(shift @states, '00000', "$function->{object} can be called");

  my %raised = map { $_ => 1 } grep { $_ ne '00000' } @states;
  my %named = map { $_ => 1 } $function->{comment} =~ /\b([0-9][0-9A-Z]{4})\b(?! periods)/g;
  is(join(' ', sort keys %named), join(' ', sort keys %raised), 'its comment names the errors that it raises');
}

# The result over no row, and of a tally of nobody, where NULL may come from.
for my $function (@functions) {
  my $result = $function->{is_aggregate} ? ask(call($function, {}, 0)) :
    (grep { $_ eq 'rate_tally' } @{ $function->{types} }) ? ask(call($function, { map { $_ => q{'0/0'} } qw(rate_tally tally) }, 1)) : next;
  if ($result =~ /^\(?,*\)?$/) {
    like($function->{comment}, qr/NULL (?:when|without)/, "$function->{object} can be NULL, and says when");
  }
  elsif ($function->{is_aggregate}) {
    like($function->{comment}, qr/\Q$result\E when/, "$function->{object} says when it is $result");
  }
}

#
# README's reference
#
my $readme = slurp_file("$top/README.md");
my ($reference) = $readme =~ /^## Reference\n(.*?)^## /ms;
my @first_cells = $reference =~ /^\| (`[^|]*?) \|/gm;
my @code = map { /`([^`]+)`/g } @first_cells;

# "f(a, [b,] c)" is f(a, c) and f(a, b, c).
sub forms {
  my ($text) = @_;
  my ($before, $optional, $after) = $text =~ /^(.*?)\[(\w+),\] ?(.*)$/;
  return map { forms("$before$_$after") } '', "$optional, " if $optional;
  my ($name, $arguments) = $text =~ /^(\w+)\((.*)\)$/;
  # an argument is called by its name or its type
  return { text => $text, name => $name, arguments => [ map { /^(\w+)/ } split /, /, $arguments ] };
}

sub is_of_form {
  my ($function, $form) = @_;
  my @arguments = @{ $form->{arguments} };
  return $function->{name} eq $form->{name} && @arguments == @{ $function->{types} } &&
    !grep { $arguments[$_] ne $function->{names}[$_] && $arguments[$_] ne $function->{types}[$_] } 0 .. $#arguments;
}

my @forms = map { forms($_) } grep { /^\w+\(/ } @code;
cmp_ok(scalar @forms, '>', 30, 'README has a reference');
for my $form (@forms) {
  my @found = grep { is_of_form($_, $form) } @functions;
  # of those over a time there are three
  my ($at) = grep { $form->{arguments}[$_] eq 'at' } 0 .. $#{ $form->{arguments} };
  is(join(', ', map { defined $at ? $_->{types}[$at] : 'one' } @found),
    defined $at ? 'date, timestamp with time zone, timestamp without time zone' : 'one',
    "README's $form->{text} is in the catalogue");
}
is(join("\n", map { $_->{object} } grep { my $function = $_; !grep { is_of_form($function, $_) } @forms } @functions),
  '', 'README has each function that can be called');

is(join(' ', sort grep { /^\w+$/ } @code),
  ask(q{SELECT string_agg(typname, ' ' ORDER BY typname COLLATE "C") FROM pg_type JOIN members ON classid = 'pg_type'::regclass AND objid = pg_type.oid}),
  'README has each type, and no other');

# Operators that are not those of an operator class, nor the opposite of one.
is(join(' ', sort map { /^\w+ (\W+) \w+$/ ? $1 : () } @code), ask(q{
    SELECT string_agg(oprname, ' ' ORDER BY oprname) FROM pg_operator AS o JOIN members ON classid = 'pg_operator'::regclass AND objid = o.oid
     WHERE NOT EXISTS (SELECT FROM pg_amop WHERE amopopr IN (o.oid, o.oprnegate))}),
  'README has each operator that does not compare, and no other');

my %known = map { $_ => 1 } split /\n/, ask(q{SELECT proname FROM functions WHERE NOT is_part UNION SELECT typname FROM pg_type});
is(join(' ', sort grep { !$known{$_} } $readme =~ /\b((?:explain|lifecycle|rate|reactivation|winback)_\w+) *\(/g),
  '', 'README calls no function that is not there');

#
# Attributes of functions
#
none('nothing is out of line with how all functions are made', q{
  SELECT object FROM functions
   WHERE prosecdef OR proleakproof OR proretset OR proparallel <> 's' OR provolatile NOT IN ('i', 's')
      OR proconfig IS NOT NULL OR provariadic <> 0 OR prokind NOT IN ('f', 'a')
      OR prokind = 'f' AND (prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c') OR probin <> '$libdir/winback')});
none('what takes in rows of customers, and nothing else, has the support function that brings the Winback Scan', q{
  SELECT object FROM functions
   WHERE (prosupport = 'winback_support'::regproc)
         <> (prosrc IN ('reactivation_trans', 'winback_trans', 'lifecycle_counts_trans', 'lifecycle_series_trans'))
      OR prosupport NOT IN (0, 'winback_support'::regproc)});
none('what counts days back from a time with time zone is stable, for it follows the TimeZone; from another time, immutable', q{
  SELECT object FROM functions
   WHERE prokind = 'f' AND 'interval'::regtype = ANY (proargtypes::oid[])
     AND provolatile <> CASE WHEN 'timestamptz'::regtype = ANY (proargtypes::oid[]) THEN 's' ELSE 'i' END});
none('what types, operators and indexes rest on is immutable and strict', q{
  SELECT object FROM functions AS f
   WHERE (provolatile <> 'i' OR NOT proisstrict)
     AND (EXISTS (SELECT FROM pg_type WHERE f.oid IN (typinput, typoutput, typreceive, typsend))
          OR EXISTS (SELECT FROM pg_operator WHERE oprcode = f.oid)
          OR EXISTS (SELECT FROM pg_amproc WHERE amproc = f.oid))});
none('functions of one C function are strict alike', q{
  SELECT prosrc FROM functions WHERE prokind = 'f' GROUP BY prosrc HAVING count(DISTINCT proisstrict) > 1});

# What the bodies of C functions say, by PostgreSQL's layout: name and braces at
# the beginning of a line.
my %body;
for my $file (glob "$top/src/*.[ch] $top/src/*/*.[ch]") {
  my $source = slurp_file($file);
  $source =~ s{/\*.*?\*/}{}gs;
  $body{$1} = $2 while $source =~ /^(\w+)\([^;{}]*\)\n\{\n(.*?)^\}/gms;
}
my %looks = map { $_ => 1 } grep { $body{$_} =~ /\bPG_ARGISNULL\b/ } keys %body;
my $before;
do {
  $before = keys %looks;
  for my $name (keys %body) {
    $looks{$name} = 1 if grep { $looks{$_} } $body{$name} =~ /\b(\w+)\(/g;
  }
} while (keys %looks > $before);
my @c_functions = rows(q{SELECT object, prosrc, proisstrict FROM functions WHERE prokind = 'f'});
is(join("\n", map { $_->[0] } grep { !$body{ $_->[1] } } @c_functions), '', 'each C function was found in src/');
is(join("\n", map { $_->[0] } grep { $_->[2] eq 'f' && !$looks{ $_->[1] } } @c_functions),
  '', 'each that does not look for NULL is strict');

#
# Aggregates, operators and operator classes
#
none('a state that workers cannot send as it is comes with functions for it, and its final function leaves it as it is', q{
  SELECT object FROM functions AS f JOIN pg_aggregate AS a ON aggfnoid = f.oid
   WHERE aggkind <> 'n' OR aggfinalmodify <> 'r'
      OR aggtranstype = 'internal'::regtype AND
         (aggtransspace = 0 OR (aggcombinefn = 0) <> (aggserialfn = 0) OR (aggserialfn = 0) <> (aggdeserialfn = 0))
      OR aggtranstype <> 'internal'::regtype AND aggcombinefn = 0});
is(ask(q{SELECT string_agg(DISTINCT proname, ' ') FROM functions AS f JOIN pg_aggregate ON aggfnoid = f.oid WHERE aggcombinefn = 0}),
  'explain_lifecycle', 'all of them run in parallel, but for the one that asks about a single customer');
none('each operator has a commutator, and if it compares a negator and estimates', q{
  SELECT object FROM members JOIN pg_operator ON classid = 'pg_operator'::regclass AND objid = pg_operator.oid
   WHERE oprcom = 0 OR (oprresult = 'bool'::regtype) <> (oprnegate <> 0)
      OR (oprresult = 'bool'::regtype) <> (oprrest <> 0 AND oprjoin <> 0)});
none('operators hash and merge where there is a class for it', q{
  SELECT object FROM members JOIN pg_operator AS o ON classid = 'pg_operator'::regclass AND objid = o.oid
   WHERE oprcanhash <> EXISTS (SELECT FROM pg_amop JOIN pg_am ON pg_am.oid = amopmethod WHERE amopopr = o.oid AND amname = 'hash')
      OR oprcanmerge <> EXISTS (SELECT FROM pg_amop JOIN pg_am ON pg_am.oid = amopmethod
                                 WHERE amopopr = o.oid AND amname = 'btree' AND amopstrategy = 3)});
my @classes = rows(q{
  SELECT object, amvalidate(objid) FROM members WHERE classid = 'pg_opclass'::regclass ORDER BY object COLLATE "C"});
is(scalar @classes, 5, 'there are two operator classes of each type with an order, one of the other');
is($_->[1], 't', "$_->[0] is valid") for @classes;

$node->stop;
done_testing();
