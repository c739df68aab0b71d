# WinbackLanded.pm
#   The objects of the last landed install script, and the update from them to the
#   objects of today. Until 1.0 the extension has one version, whose install script
#   changes with each change that lands. A database that has the objects of an older
#   script meets the library of today.
#
#   WinbackLanded::add_scripts($directory);     # the version "landed", and the update from it
#   WinbackLanded::create($node);               # the database "landed"
#   my $before = WinbackLanded::check_before_update($node, 'fresh');
#   WinbackLanded::update($node);
#   WinbackLanded::check_after_update($node, $before, 'fresh');
#
#   winback--landed.sql.in makes the landed script. The update script is made from the
#   two install scripts, so that a change of sql/install seldom needs a change here: it
#   has each statement of the script of today that the landed script does not have.
#   CREATE FUNCTION and CREATE AGGREGATE become CREATE OR REPLACE, which keeps what
#   depends on an object. A type or an operator that exists cannot be created again, so
#   the update fails if a change of sql/install touches one, and winback--landed--today.sql
#   lacks a statement that does it instead.
#
#   Nobody has to believe that the update script is right: check_after_update compares all
#   rows of the catalogue with those of a fresh installation.
#
#   Limits: the landed library is not at hand. Values of lifecycle_counts are therefore
#   written and not computed (WinbackTypes.pm).
package WinbackLanded;

use strict;
use warnings;

use File::Basename;
use PostgreSQL::Test::Utils;
use Test::More;
use WinbackTypes;

my $here = dirname(__FILE__);

# Returns the statements of a script, without comments and \echo.
sub statements {
  my ($script) = @_;
  $script =~ s{^(?:--|\\echo).*$}{}mg;
  $script =~ s{/\*.*?\*/}{}sg;
  my @statements;
  # strings, also between two $tag$, may contain semicolons
  push @statements, $1 while $script =~ /\G\s*((?:\$([a-z]*)\$.*?\$\2\$|'[^']*'|[^';])+;)/gcs;
  my $rest = substr $script, pos $script;
  die "no statement: $rest" if $rest =~ /\S/;
  return @statements;
}

# Returns a statement with all white space as single blanks, to compare it.
sub in_one_line { return $_[0] =~ s/\s+/ /gr; }

# Returns the update script between two install scripts.
sub update_script {
  my ($landed, $today, $by_hand) = @_;
  my ($update, %instead) = split /^-- instead of (.+)\n/m, $by_hand;
  my %is_landed = map { in_one_line($_) => 1 } statements($landed);

  for my $statement (statements($today)) {
    my $line = in_one_line($statement);
    next if $is_landed{$line};
    my ($replaced) = grep { index($line, $_) == 0 } keys %instead;
    if ($replaced) {
      $update .= delete $instead{$replaced};
    } else {
      $update .= $statement =~ s/^CREATE (?=FUNCTION|AGGREGATE)/CREATE OR REPLACE /r . "\n";
    }
  }
  die "the script of today has no such new statement: $_" for sort keys %instead;
  return $update;
}

# Writes the install script of the version "landed", and the update script from it, to
# the directory that has the control file and the install script of today.
sub add_scripts {
  my ($directory) = @_;
  my ($version) =
    slurp_file("$directory/winback.control") =~ /^default_version = '(.*)'$/m
    or die "$directory/winback.control has no default_version";
  my ($landed, $errors) = run_command(
    [ 'awk', '-f', "$here/../../scripts/install-script.awk", "$here/winback--landed.sql.in" ]);
  die "awk: $errors" if $landed eq '';
  my %scripts = (
    'winback--landed.sql' => "$landed\n",
    "winback--landed--$version.sql" => update_script($landed,
      slurp_file("$directory/winback--$version.sql"),
      slurp_file("$here/winback--landed--today.sql")),
  );
  for my $file (keys %scripts) {
    open my $out, '>', "$directory/$file" or die "$directory/$file: $!";
    print $out $scripts{$file};
    close $out or die "$directory/$file: $!";
  }
  return;
}

# A query that returns a line for each row of the catalogue that belongs to the extension,
# in a form that is the same in another database: what the row says, without numbers of
# objects; comments; and dependencies. An array type is left out, for up to 16 some are
# members and others are not. So are attoptions, which nobody can set for a composite type
# and which 15.20 fills with a number of its own.
my $catalogue = q{
  WITH member AS MATERIALIZED (
    SELECT classid AS class, objid AS id
      FROM pg_depend AS d JOIN pg_extension AS e ON d.refobjid = e.oid
     WHERE refclassid = 'pg_extension'::regclass AND e.extname = 'winback' AND deptype = 'e'
       AND NOT (classid = 'pg_type'::regclass
                AND objid IN (SELECT typarray FROM pg_type))),
  object AS (
    SELECT class, id, 0 AS column FROM member
     UNION ALL
    SELECT 'pg_class'::regclass, attrelid, attnum
      FROM member JOIN pg_type AS t ON class = 'pg_type'::regclass AND id = t.oid
           JOIN pg_attribute ON attrelid = typrelid
     UNION ALL
    SELECT 'pg_amop'::regclass, a.oid, 0
      FROM member JOIN pg_amop AS a ON class = 'pg_opfamily'::regclass AND id = amopfamily
     UNION ALL
    SELECT 'pg_amproc'::regclass, a.oid, 0
      FROM member JOIN pg_amproc AS a ON class = 'pg_opfamily'::regclass AND id = amprocfamily),
  named AS MATERIALIZED (
    SELECT class, id, "column", i.type || ' ' || i.identity AS of_object
      FROM object, pg_identify_object(class, id, "column") AS i),
  said (class, id, "column", what) AS (
    SELECT 'pg_proc'::regclass::oid, p.oid, 0,
           to_jsonb(p) - '{oid,proname,pronamespace,proowner,prolang,provariadic,prorettype,
             proargtypes,proallargtypes,proargdefaults,prosqlbody}'::text[]
             || jsonb_build_object('result', pg_get_function_result(p.oid),
                  'arguments', pg_get_function_arguments(p.oid), 'language', lanname,
                  'body', pg_get_function_sqlbody(p.oid))
      FROM pg_proc AS p JOIN pg_language AS l ON prolang = l.oid
     UNION ALL
    SELECT 'pg_proc'::regclass, aggfnoid, 0,
           to_jsonb(a) - '{aggfnoid,aggsortop,aggtranstype,aggmtranstype}'::text[]
             || jsonb_build_object('sort', aggsortop::regoperator,
                  'state', aggtranstype::regtype, 'moving', aggmtranstype::regtype)
      FROM pg_aggregate AS a
     UNION ALL
    SELECT 'pg_operator'::regclass, oid, 0,
           to_jsonb(o) - '{oid,oprnamespace,oprowner,oprleft,oprright,oprresult,oprcom,
             oprnegate}'::text[]
             || jsonb_build_object('result', oprresult::regtype, 'commutator', oprcom::regoperator,
                  'negator', oprnegate::regoperator)
      FROM pg_operator AS o
     UNION ALL
    SELECT 'pg_type'::regclass, oid, 0,
           to_jsonb(t) - '{oid,typnamespace,typowner,typrelid,typelem,typarray,
             typbasetype,typcollation}'::text[]
      FROM pg_type AS t
     UNION ALL
    SELECT 'pg_class'::regclass, attrelid, attnum,
           to_jsonb(a) - '{attrelid,atttypid,attcollation,attoptions}'::text[]
             || jsonb_build_object('type', format_type(atttypid, atttypmod))
      FROM pg_attribute AS a
     UNION ALL
    SELECT 'pg_cast'::regclass, oid, 0,
           jsonb_build_object('function', castfunc::regprocedure, 'context', castcontext,
             'method', castmethod)
      FROM pg_cast
     UNION ALL
    SELECT 'pg_opclass'::regclass, oid, 0,
           jsonb_build_object('default', opcdefault, 'type', opcintype::regtype,
             'key', opckeytype::regtype)
      FROM pg_opclass
     UNION ALL
    SELECT 'pg_amop'::regclass, oid, 0,
           jsonb_build_object('operator', amopopr::regoperator, 'purpose', amoppurpose)
      FROM pg_amop
     UNION ALL
    SELECT 'pg_amproc'::regclass, oid, 0, jsonb_build_object('function', amproc::regprocedure)
      FROM pg_amproc
     UNION ALL
    SELECT classoid, objoid, objsubid, to_jsonb(description) FROM pg_description)
  SELECT line
    FROM (SELECT of_object FROM named
           UNION ALL
          SELECT of_object || ' is ' || what FROM named JOIN said USING (class, id, "column")
           UNION ALL
          SELECT format('%s depends on %s %s (%s)', of_object, i.type, i.identity, deptype)
            FROM named JOIN pg_depend ON classid = class AND objid = id AND objsubid = "column",
                 pg_identify_object(refclassid, refobjid, refobjsubid) AS i) AS lines (line)
   ORDER BY line COLLATE "C"};

# Checks that the extension has the same catalogue in two databases.
sub compare_catalogue {
  my ($node, $database, $other, $name) = @_;
  my @lines = map { [ split /\n/, $node->safe_psql($_, $catalogue) ] } $database, $other;
  my @difference;
  for ([ "only in $database", @lines ], [ "only in $other", reverse @lines ]) {
    my ($where, $some, $others) = @$_;
    my %other = map { $_ => 1 } @$others;
    push @difference, map { "$where: $_" } grep { !$other{$_} } @$some;
  }
  is(join("\n", splice @difference, 0, 20), '', $name)
    or diag "See $here/WinbackLanded.pm and winback--landed--today.sql.";
  cmp_ok(scalar @{ $lines[1] }, '>', 2000, "$name: the catalogue has more than 2000 lines");
  return;
}

# Creates the database "landed".
sub create {
  my ($node) = @_;
  $node->safe_psql('postgres', 'CREATE DATABASE landed');
  $node->safe_psql('landed', q{CREATE EXTENSION winback VERSION 'landed'});
  WinbackTypes::create($node, 'landed', counts => 'written');
  return;
}

# Returns the columns that a type has in a database.
sub columns {
  my ($node, $database, $type) = @_;
  return $node->safe_psql($database,
    "SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute "
      . "WHERE attrelid = '$type'::regclass AND attnum > 0");
}

# Returns the results of all queries that have one before the update, and the queries
# themselves, which name the columns that lifecycle_counts has now.
sub look {
  my ($node) = @_;
  my %queries = WinbackTypes::contents($node, 'landed');
  return {
    queries => \%queries,
    columns => columns($node, 'landed', 'lifecycle_counts'),
    results => { map { $_ => $node->safe_psql('landed', $queries{$_}) }
        grep { !$WinbackTypes::computes_counts{$_} } keys %queries },
  };
}

# Checks that the results are those that look() found.
sub check_contents {
  my ($node, $before, $when, $database) = @_;
  for my $name (sort keys %{ $before->{results} }) {
    is($node->safe_psql($database || 'landed', $before->{queries}{$name}),
      $before->{results}{$name}, "$when: the result of \"$name\" is unchanged");
  }
  return;
}

# Checks that the objects of the landed script work with the library of today, or that an
# error leads to the update. $today is a database with the objects of today and the same
# orders. Returns what look() returns.
sub check_before_update {
  my ($node, $today) = @_;
  my $before = look($node);
  like($before->{results}{everything}, qr/won_back/, 'landed: the table has values');
  for my $name (qw(customers two_steps parts sum)) {
    is($before->{results}{$name}, $node->safe_psql($today, $before->{queries}{$name}),
      "landed: the result of \"$name\" is that of the objects of today");
  }
  like($node->safe_psql('landed', q{EXPLAIN SELECT winback_rate(customer, at, event,
                                      '[2023-06-01 UTC,2023-07-01 UTC)', '40 days') FROM orders}),
    qr/Winback Scan/, 'landed: a Winback Scan serves an aggregate');
  WinbackTypes::ask_indexes($node, 'landed');
  # Once the fixture has moved on, the type has the columns that the library expects.
  $before->{leads_to_update} =
    $before->{columns} ne columns($node, $today, 'lifecycle_counts');
  if ($before->{leads_to_update}) {
    for my $view (sort keys %WinbackTypes::computes_counts) {
      my (undef, undef, $errors) = $node->psql('landed', $before->{queries}{$view},
        extra_params => [ '-v', 'VERBOSITY=verbose' ]);
      like($errors, qr/ERROR:  42804: type lifecycle_counts has \d+ columns instead of \d+$/m,
        "landed: $view raises an error");
      like($errors, qr/HINT:  Run ALTER EXTENSION winback UPDATE\./,
        "landed: the hint of $view leads to the update");
    }
  }
  return $before;
}

# Updates the database "landed" to the objects of today.
sub update {
  my ($node) = @_;
  my ($status, undef, $errors) = $node->psql('landed', 'ALTER EXTENSION winback UPDATE');
  is($errors, '', 'landed: ALTER EXTENSION UPDATE succeeds');
  die "See $here/WinbackLanded.pm and winback--landed--today.sql.\n" if $status != 0;
  return;
}

# Checks that the update kept everything, that it has the new columns, and that the
# catalogue is that of $today, a database with the objects of today and the same tables.
sub check_after_update {
  my ($node, $before, $today) = @_;
  check_contents($node, $before, 'landed, after the update');
  WinbackTypes::ask_indexes($node, 'landed');
  for my $view (sort keys %WinbackTypes::computes_counts) {
    is($node->safe_psql('landed', $before->{queries}{$view}),
      $node->safe_psql($today, $before->{queries}{$view}),
      "landed, after the update: $view returns what it returns with the objects of today");
  }
  my $now = columns($node, 'landed', 'lifecycle_counts');
  my $new = $now =~ s/^\Q$before->{columns}\E(, )?//r;
  isnt($new, $now, 'the columns of lifecycle_counts of before come first');
  if ($new ne '') {
    is($node->safe_psql('landed', qq{
         SELECT count(*) FROM everything, unnest(many_lifecycle_counts || one_lifecycle_counts)
          WHERE num_nonnulls($new) > 0}),
      '0', 'the new columns of stored values of lifecycle_counts are NULL');
    is($node->safe_psql('landed', qq{
         SELECT count(*) FROM everything, unnest(many_lifecycle_counts || one_lifecycle_counts)
          WHERE period_start IS NOT NULL}),
      '120', 'their old columns are not');
    like($node->safe_psql('landed', q{
         SELECT (lifecycle_counts(customer, at, tstzrange('2023-06-01 UTC', '2023-07-01 UTC'),
                                  '20 days', '40 days')).* FROM orders}),
      qr/^2023-/, 'lifecycle_counts returns all columns');
  }
  my $extremes = q{SELECT min(one_rate_tally), max(one_rate_tally), min(one_lifecycle_status),
                          max(one_lifecycle_event) FROM everything};
  is($node->safe_psql('landed', $extremes), $node->safe_psql($today, $extremes),
    'landed, after the update: the order of each type is that of today');
  compare_catalogue($node, 'landed', $today, 'the update makes the catalogue of today');
  return;
}

1;
