# 100_update.pl
#   Checks ALTER EXTENSION UPDATE twice.
#
#   From the version in the control file to a dummy next version, which the test makes in
#   a directory of its own: tables, indexes and views keep their contents and their files;
#   older sessions and prepared plans still work; an update that fails half-way leaves no
#   object behind; the updated database can be dumped and restored; and a fresh
#   installation of the next version has the same objects as an updated one.
#
#   From the last landed install script to the one of today, in the same manner: the
#   objects of that script work with the library of today before the update, or an error
#   leads to the update; afterwards the database has kept everything and has the catalogue
#   of a fresh one. t/upgrade/WinbackLanded.pm explains how a change of sql/install gets
#   into this update.
#
#   Limits: the dummy version uses the library of the current one. Both times the values
#   were stored by the library of today.
use strict;
use warnings;

use File::Basename;
use File::Copy;
use File::Path;
use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/upgrade";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WinbackCluster;
use WinbackLanded;
use WinbackTypes;

# PostgreSQL 18 and newer can find extensions outside of its own directories. Older
# versions can if they come from Debian.
my ($settings) = run_command([ 'postgres', '--describe-config' ]);
plan(skip_all => 'this server looks for extensions in its own directories only')
  unless $settings =~ /^extension_(destdir|control_path)\b/m;

my $node = WinbackCluster::start('update');
my $files = PostgreSQL::Test::Utils::tempdir;

sub ask { return $node->safe_psql('winback', $_[0]); }

# Run a statement and return the SQLSTATE of its error, or 00000.
sub sqlstate {
  my ($statement) = @_;
  my @options = ('-q', '-v', 'VERBOSITY=sqlstate');
  my (undef, undef, $errors) = $node->psql('winback', $statement, extra_params => \@options);
  return $errors =~ /ERROR:\s+(\w{5})/ ? $1 : $errors eq '' ? '00000' : $errors;
}

#
# Copy the extension to a directory of our own, where the test can add versions.
#
my ($sharedir, $pkglibdir) = map { WinbackCluster::pg_config($_) } '--sharedir', '--pkglibdir';
my $place = "$files/stage";
my $from = $ENV{WINBACK_DESTDIR} || '';
for my $file (glob("$from$sharedir/extension/winback*"), glob("$from$pkglibdir/winback.*")) {
  my $to = $place . substr $file, length $from;
  mkpath(dirname($to));
  copy($file, $to) or die "$file: $!";
}
$node->append_conf('postgresql.conf', WinbackCluster::settings_for_stage($place));
$node->restart;

my $control = slurp_file("$place$sharedir/extension/winback.control");
my ($current) = $control =~ /^default_version = '(.*)'$/m or die 'no default_version';
my $next = "$current.next";

sub put {
  my ($file, $content) = @_;
  open my $out, '>', "$place$sharedir/extension/$file" or die "$file: $!";
  print $out $content;
  close $out;
}

#
# Create tables with values of every type, and each kind of object that can refer to
# objects of the extension.
#
WinbackTypes::create($node, 'winback');

# An update must not change the results of these queries, or the files of the relations.
my %contents = (
  WinbackTypes::contents($node, 'winback'),
  WinbackTypes::add_histories($node, 'winback'),
  copy => 'COPY everything TO STDOUT',
  views => q{SELECT viewname, definition FROM pg_views WHERE schemaname = 'public'
              ORDER BY viewname COLLATE "C"},
);
my $relations = q{SELECT relname, relfilenode, pg_relation_size(oid) FROM pg_class
                   WHERE relnamespace = 'public'::regnamespace AND relfilenode <> 0
                   ORDER BY relname COLLATE "C"};
my %before = map { $_ => ask($contents{$_}) } keys %contents;
my $relations_before = ask($relations);
like($before{everything}, qr/won_back/, 'the table has values that an update could lose');

sub check_contents {
  my ($when, $database) = @_;
  for my $name (sort keys %contents) {
    my $result = $node->safe_psql($database || 'winback', $contents{$name});
    is($result, $before{$name}, "$when: the result of \"$name\" is unchanged");
  }
  WinbackTypes::ask_indexes($node, $database || 'winback');
  return;
}

# This session loads the library before the update and stays connected after it.
my $session = WinbackCluster::session($node);
$session->query_safe(q{
  PREPARE old AS
  SELECT winback_tally(customer, at, '[2023-06-01 UTC,2023-07-01 UTC)', '40 days') FROM orders});
my $old_answer = $session->query_safe('EXECUTE old');
like($old_answer, qr{^\d+/\d\d+$}, 'a prepared plan gives a tally before the update');

my $versions = q{SELECT version, installed, trusted, relocatable
                   FROM pg_available_extension_versions
                  WHERE name = 'winback' ORDER BY version};
my $installed = q{SELECT extversion FROM pg_extension WHERE extname = 'winback'};
# With Debian's patch PostgreSQL finds extensions in other directories but does not list them.
my $listed = ask("SELECT count(*) FROM pg_available_extensions WHERE name = 'winback'");

sub check_versions {
  my ($expected, $name) = @_;
 SKIP: {
    skip 'pg_available_extension_versions does not list other directories', 1 unless $listed;
    is(ask($versions), $expected, $name);
  }
}
check_versions("$current|t|t|t", "before the update PostgreSQL lists version $current alone");

#
# Add a next version, which has one more function and another comment.
#
put("winback--$current--$next.sql", <<"END");
\\echo Use "ALTER EXTENSION winback UPDATE" to load this file. \\quit
CREATE FUNCTION winback_returned_of(rate_tally) RETURNS bigint
	AS 'MODULE_PATHNAME', 'rate_tally_returned' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION winback_returned_of(rate_tally) IS 'new in $next';
COMMENT ON TYPE rate_tally IS 'changed in $next';
END
# Add a version "broken", whose script fails after it has created a function.
put("winback--$current--broken.sql", <<"END");
CREATE FUNCTION half_done(rate_tally) RETURNS bigint
	AS 'MODULE_PATHNAME', 'rate_tally_returned' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
DROP FUNCTION winback_never_was();
END
put('winback.control', $control =~ s/^default_version = .*/default_version = '$next'/mr);

check_versions("$current|t|t|t\n$next|f|t|t\nbroken|f|t|t",
  'PostgreSQL lists the two added versions');
is(ask(q{SELECT source, target, path FROM pg_extension_update_paths('winback')
          WHERE path IS NOT NULL ORDER BY target}),
  "$current|$next|$current--$next\n$current|broken|$current--broken",
  'PostgreSQL finds the update paths to both versions');
is(ask($installed), $current, 'the installed version is still the first one');

is(sqlstate(q{ALTER EXTENSION winback UPDATE TO 'nowhere'}), '22023',
  'an update to an unknown version raises an error');
is(sqlstate(q{ALTER EXTENSION winback UPDATE TO 'broken'}), '42883',
  'an update with a broken script raises an error');
is(ask($installed), $current, 'after the failed update the version is the old one');
is(ask(q{SELECT to_regprocedure('half_done(rate_tally)') IS NULL}), 't',
  'the failed update leaves no function behind');
check_contents('after an update that failed');

is(sqlstate('ALTER EXTENSION winback UPDATE'), '00000', 'the update to the next version succeeds');
is(ask($installed), $next, 'after the update the version is the next one');
is(ask(q{SELECT winback_returned_of('3/7'), obj_description('rate_tally'::regtype, 'pg_type')}),
  "3|changed in $next", 'the update adds the function and changes the comment');
is(ask(q{SELECT deptype FROM pg_depend
          WHERE objid = 'winback_returned_of(rate_tally)'::regprocedure
            AND refclassid = 'pg_extension'::regclass}),
  'e', 'the added function is a member of the extension');
check_contents('after the update');
is(ask($relations), $relations_before, 'the update rewrites no file of a relation');
is(sqlstate('SET client_min_messages = warning; ALTER EXTENSION winback UPDATE'), '00000',
  'a second update changes nothing and succeeds');

is($session->query_safe('EXECUTE old'), $old_answer,
  'the prepared plan of the older session gives the same tally');
is($session->query_safe(q{SELECT winback_returned_of('5/9')}), '5',
  'the older session can call the added function');
$session->quit;
is(ask("REFRESH MATERIALIZED VIEW quarter; $contents{quarter}"), $before{quarter},
  'a refresh does not change the materialized view');

#
# Dump and restore the updated database.
#
$node->safe_psql('postgres', 'CREATE DATABASE restored');
my @dump = ('pg_dump', '--format', 'custom', '--file', "$files/dump");
my @restore = ('pg_restore', '--exit-on-error');
command_ok([ @dump, '--dbname', $node->connstr('winback') ], 'pg_dump dumps the updated database');
command_ok([ @restore, '--dbname', $node->connstr('restored'), "$files/dump" ],
  'pg_restore restores the dump');
is($node->safe_psql('restored', $installed), $next, 'the restored database has the next version');
check_contents('after dump and restore', 'restored');

#
# Install the next version in another database, and compare its objects with those of
# the updated one.
#
$node->safe_psql('postgres', 'CREATE DATABASE fresh');
$node->safe_psql('fresh', 'CREATE EXTENSION winback');
is($node->safe_psql('fresh', $installed), $next, 'a fresh installation has the next version');
WinbackLanded::compare_catalogue($node, 'winback', 'fresh',
  'it has the objects and comments of the updated one');
$node->safe_psql('fresh', 'DROP EXTENSION winback');
is($node->safe_psql('fresh', "SELECT count(*) FROM pg_proc WHERE probin LIKE '%winback%'"), '0',
  'DROP EXTENSION leaves no function behind');

#
# Install the last landed script, with the library of today.
#
put('winback.control', $control);
WinbackLanded::add_scripts("$place$sharedir/extension");
$node->safe_psql('postgres', 'CREATE DATABASE today');
$node->safe_psql('today', 'CREATE EXTENSION winback');
is($node->safe_psql('today', $installed), $current,
  'a fresh installation has the version of today');
WinbackTypes::create($node, 'today');
WinbackLanded::create($node);
is($node->safe_psql('landed', $installed), 'landed', 'the other one has the landed version');
my $landed = WinbackLanded::check_before_update($node, 'today');
$relations_before = $node->safe_psql('landed', $relations);
my $views_before = $node->safe_psql('landed', $contents{views});

$session = WinbackCluster::session($node, on_error_stop => 0);
$session->query_safe('\connect landed');
my $june = q{'[2023-06-01 UTC,2023-07-01 UTC)'};
my $tally = "SELECT winback_tally(customer, at, $june, '40 days') FROM orders";
my $counts = "lifecycle_counts(customer, at, $june, '20 days', '40 days')";
my $lost = "SELECT winback_tally_lost_after(customer, at, $june, '40 days', '60 days') FROM orders";
$session->query_safe("PREPARE tally AS $tally");
$session->query_safe(qq{
  PREPARE counts AS
  SELECT (counts).win_back FROM (SELECT $counts FROM orders) AS c (counts)});
$old_answer = $session->query_safe('EXECUTE tally');
is($old_answer, $node->safe_psql('today', $tally),
  'landed: a prepared plan gives the tally of today before the update');
my $answer = $session->query('EXECUTE counts');
if ($landed->{leads_to_update}) {
  like($session->{stderr}, qr/Run ALTER EXTENSION winback UPDATE/,
    'landed: a prepared plan with lifecycle_counts leads to the update');
} else {
  is($answer, $old_answer, 'landed: a prepared plan with lifecycle_counts gives this tally, too');
}
$session->{stderr} = '';

#
# Update it.
#
WinbackLanded::update($node);
is($node->safe_psql('landed', $installed), $current, 'the update leads to the version of today');
WinbackLanded::check_after_update($node, $landed, 'today');
is($node->safe_psql('landed', $relations), $relations_before,
  'landed: the update rewrites no file of a relation');
is($node->safe_psql('landed', $contents{views}), $views_before,
  'landed: the update changes no view');
is($session->query_safe('EXECUTE tally'), $old_answer,
  'landed: the prepared plan of the older session gives the same tally');
is($session->query_safe('EXECUTE counts'), $old_answer,
  'landed: its prepared plan with lifecycle_counts gives this tally, too');
is($session->query_safe($lost), $node->safe_psql('today', $lost),
  'landed: the older session can call an added aggregate');
$session->quit;

#
# Dump and restore it. The restored database has the objects of today from the beginning.
#
$node->safe_psql('postgres', 'CREATE DATABASE landed_restored');
command_ok([ @dump, '--dbname', $node->connstr('landed') ], 'landed: pg_dump dumps the database');
command_ok([ @restore, '--dbname', $node->connstr('landed_restored'), "$files/dump" ],
  'landed: pg_restore restores the dump');
WinbackLanded::check_contents($node, $landed, 'landed, after dump and restore', 'landed_restored');
WinbackLanded::compare_catalogue($node, 'landed_restored', 'today',
  'landed: the restored database has the catalogue of today');

done_testing();
