# 100_update.pl
#   Proves that ALTER EXTENSION UPDATE does no harm: from the version in the
#   control file to a dummy next one, which the test makes in a directory of its
#   own. What tables, indexes and views hold stays as it is, to the byte and in
#   the same files; sessions and prepared plans from before go on; an update that
#   fails half-way leaves nothing behind; the updated database can be dumped and
#   restored; and who installs the next version afresh has the same objects as
#   who updated.
#
#   Limits: the dummy's library is the one of today. So it is shown that scripts
#   are found and run, and not that a later library serves an earlier script.
use strict;
use warnings;

use File::Basename;
use File::Copy;
use File::Path;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WinbackCluster;

# From 18 on PostgreSQL can look for extensions elsewhere; before, Debian's can.
my ($settings) = run_command([ 'postgres', '--describe-config' ]);
plan(skip_all => 'this server looks for extensions in its own directories only')
  unless $settings =~ /^extension_(destdir|control_path)\b/m;

my $node = WinbackCluster::start('update');
my $files = PostgreSQL::Test::Utils::tempdir;

sub ask { return $node->safe_psql('winback', $_[0]); }

# What a statement is answered with: the SQLSTATE of its error, or 00000.
sub sqlstate {
  my ($statement) = @_;
  my (undef, undef, $errors) = $node->psql('winback', $statement, extra_params => [ '-q', '-v', 'VERBOSITY=sqlstate' ]);
  return $errors =~ /ERROR:\s+(\w{5})/ ? $1 : $errors eq '' ? '00000' : $errors;
}

#
# A place of our own with a copy of the extension, where versions can be added.
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
# Values of every type, and everything that refers to the extension's objects.
#
my @types = qw(lifecycle_status lifecycle_event rate_tally lifecycle_counts lifecycle_explanation lifecycle_transition);
my $columns = join ', ', map { ("one_$_ $_", "many_$_ ${_}[]") } @types;
ask(qq{
  CREATE TABLE orders (customer int, at timestamptz, event lifecycle_event, amount numeric);
  INSERT INTO orders
  SELECT abs(hashint4(n)) % 97, timestamptz '2023-01-01 UTC' + n * interval '7 hours',
         (ARRAY['purchase', 'purchase', 'purchase', 'cancellation', 'interest'])[1 + n * 31 % 5]::lifecycle_event, n % 13
    FROM generate_series(1, 2000) AS n;

  CREATE TABLE everything (id int PRIMARY KEY, $columns);
  INSERT INTO everything
  SELECT id, status, ARRAY[status, NULL, 'won_back'], event, ARRAY[event, 'interest'], tally, ARRAY[tally, '0/0'],
         counts, ARRAY[counts, NULL], explanation, ARRAY[explanation], transition, ARRAY[transition, transition]
    FROM generate_series(1, 40) AS id,
         LATERAL (SELECT ('{prospect,new,active,inactive,churned,reactivated,won_back}'::lifecycle_status[])[1 + id % 7] AS status,
                         ('{interest,purchase,cancellation}'::lifecycle_event[])[1 + id % 3] AS event,
                         rate_tally(id - 1, id * 7) AS tally) s,
         LATERAL (SELECT lifecycle_counts(customer, at, event, amount, '[2023-06-01 UTC,2023-07-01 UTC)', '20 days', '40 days') AS counts
                    FROM orders WHERE customer < id) c,
         LATERAL (SELECT explain_lifecycle(at, event, '[2023-06-01 UTC,2023-07-01 UTC)', '20 days', '40 days') AS explanation
                    FROM orders WHERE customer = id) e,
         LATERAL (SELECT ROW(status, NULL, id)::lifecycle_transition AS transition) t;
  CREATE INDEX statuses ON everything (one_lifecycle_status, id);
  CREATE INDEX tallies ON everything USING hash (one_rate_tally);
  CREATE TABLE parts (s lifecycle_status DEFAULT 'prospect' CHECK (s <> 'new')) PARTITION BY LIST (s);
  CREATE TABLE part_lost PARTITION OF parts FOR VALUES IN ('churned', 'inactive');
  CREATE TABLE part_rest PARTITION OF parts DEFAULT;
  INSERT INTO parts SELECT one_lifecycle_status FROM everything WHERE one_lifecycle_status <> 'new';
  CREATE VIEW customers AS
  SELECT customer, lifecycle_at(at, event, '2023-06-01 UTC', '20 days', '40 days') AS before,
         lifecycle_during(at, event, '[2023-06-01 UTC,2023-07-01 UTC)', '20 days', '40 days') AS after
    FROM orders GROUP BY customer;
  CREATE VIEW curve AS
  SELECT * FROM unnest((SELECT lifecycle_series(customer, at, event, amount, '[2023-06-01 UTC,2024-01-01 UTC)', '1 month', '20 days', NULL)
                          FROM orders));
  CREATE MATERIALIZED VIEW quarter AS
  SELECT customer % 5 AS grp, winback_tally(customer, at, event, '[2023-06-01 UTC,2023-07-01 UTC)', '40 days') AS winback,
         reactivation_rate(customer, at, '[2023-06-01 UTC,2023-07-01 UTC)', '20 days') AS reactivation
    FROM orders GROUP BY customer % 5;
});

# What must not change: values, answers, indexes, and the files that hold them.
my %contents = (
  everything => 'SELECT * FROM everything ORDER BY id',
  parts => 'SELECT tableoid::regclass, s FROM parts ORDER BY 1, 2',
  index => q{SET enable_seqscan = off; SELECT id FROM everything WHERE one_lifecycle_status = 'churned' ORDER BY id;
             SELECT id FROM everything WHERE one_rate_tally = '29/210'},
  customers => 'SELECT * FROM customers ORDER BY customer',
  'two steps' => 'SELECT winback_tally(before, after), rate_interval(reactivation_tally(before, after)), lifecycle_transitions(before, after) FROM customers',
  curve => 'SELECT * FROM curve ORDER BY period_start',
  quarter => 'SELECT * FROM quarter ORDER BY grp',
  sum => 'SELECT sum(winback) FROM quarter',
  copy => 'COPY everything TO STDOUT',
);
my $relations = q{SELECT relname, relfilenode, pg_relation_size(oid) FROM pg_class
                   WHERE relnamespace = 'public'::regnamespace AND relfilenode <> 0 ORDER BY relname COLLATE "C"};
my %before = map { $_ => ask($contents{$_}) } keys %contents;
my $relations_before = ask($relations);
like($before{everything}, qr/won_back/, 'there is something that could get lost');

sub check_contents {
  my ($when, $database) = @_;
  for my $what (sort keys %contents) {
    is($node->safe_psql($database || 'winback', $contents{$what}), $before{$what}, "$when: $what as before");
  }
}

# a session that sees it all happen, and has been using the library
my $session = WinbackCluster::session($node);
$session->query_safe(q{PREPARE old AS SELECT winback_tally(customer, at, '[2023-06-01 UTC,2023-07-01 UTC)', '40 days') FROM orders});
my $old_answer = $session->query_safe('EXECUTE old');
like($old_answer, qr{^\d+/\d\d+$}, 'an old session has an answer');

my $versions = q{SELECT version, installed, trusted, relocatable FROM pg_available_extension_versions
                  WHERE name = 'winback' ORDER BY version};
my $installed = q{SELECT extversion FROM pg_extension WHERE extname = 'winback'};
# Debian's patch finds extensions elsewhere, and does not list them
my $listed = ask("SELECT count(*) FROM pg_available_extensions WHERE name = 'winback'");

sub check_versions {
  my ($expected, $name) = @_;
 SKIP: {
    skip 'pg_available_extension_versions lists what lies in its own directory only', 1 unless $listed;
    is(ask($versions), $expected, $name);
  }
}
check_versions("$current|t|t|t", "at first there is version $current");

#
# The next version comes: one function more, one comment different.
#
put("winback--$current--$next.sql", <<"END");
\\echo Use "ALTER EXTENSION winback UPDATE" to load this file. \\quit
CREATE FUNCTION winback_returned_of(rate_tally) RETURNS bigint
	AS 'MODULE_PATHNAME', 'rate_tally_returned' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION winback_returned_of(rate_tally) IS 'new in $next';
COMMENT ON TYPE rate_tally IS 'changed in $next';
END
# one that fails when half of it is done
put("winback--$current--broken.sql", <<"END");
CREATE FUNCTION half_done(rate_tally) RETURNS bigint
	AS 'MODULE_PATHNAME', 'rate_tally_returned' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
DROP FUNCTION winback_never_was();
END
put('winback.control', $control =~ s/^default_version = .*/default_version = '$next'/mr);

check_versions("$current|t|t|t\n$next|f|t|t\nbroken|f|t|t", 'then two more');
is(ask(q{SELECT source, target, path FROM pg_extension_update_paths('winback') WHERE path IS NOT NULL ORDER BY target}),
  "$current|$next|$current--$next\n$current|broken|$current--broken", 'and the paths to them');
is(ask($installed), $current, 'which changes nothing yet');

is(sqlstate(q{ALTER EXTENSION winback UPDATE TO 'nowhere'}), '22023', 'there is no path to a version that is not there');
is(sqlstate(q{ALTER EXTENSION winback UPDATE TO 'broken'}), '42883', 'an update fails half-way');
is(ask($installed), $current, 'then the version is the old one');
is(ask(q{SELECT to_regprocedure('half_done(rate_tally)') IS NULL}), 't', 'and nothing is left of the new one');
check_contents('after an update that failed');

is(sqlstate('ALTER EXTENSION winback UPDATE'), '00000', 'the update');
is(ask($installed), $next, 'has happened');
is(ask(q{SELECT winback_returned_of('3/7'), obj_description('rate_tally'::regtype, 'pg_type')}), "3|changed in $next", 'and brought what is new');
is(ask(q{SELECT deptype FROM pg_depend WHERE objid = 'winback_returned_of(rate_tally)'::regprocedure AND refclassid = 'pg_extension'::regclass}),
  'e', 'as a part of the extension');
check_contents('after the update');
is(ask($relations), $relations_before, 'after the update: no file was written anew');
is(sqlstate('SET client_min_messages = warning; ALTER EXTENSION winback UPDATE'), '00000', 'a second update has nothing to do');

is($session->query_safe('EXECUTE old'), $old_answer, 'the old session and its prepared plan go on');
is($session->query_safe(q{SELECT winback_returned_of('5/9')}), '5', 'and know what is new');
$session->quit;
is(ask("REFRESH MATERIALIZED VIEW quarter; $contents{quarter}"), $before{quarter}, 'a refreshed materialized view holds the same');

#
# Dump and restore of the updated database.
#
$node->safe_psql('postgres', 'CREATE DATABASE restored');
command_ok([ 'pg_dump', '--format', 'custom', '--file', "$files/dump", '--dbname', $node->connstr('winback') ], 'the updated database is dumped');
command_ok([ 'pg_restore', '--exit-on-error', '--dbname', $node->connstr('restored'), "$files/dump" ], 'and restored');
is($node->safe_psql('restored', $installed), $next, 'with the new version');
check_contents('after dump and restore', 'restored');

#
# Who installs the new version afresh has what he has who updated.
#
my $members = q{SELECT pg_describe_object(classid, objid, objsubid), obj_description(objid, classid::regclass::name)
                  FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
                   AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'winback') ORDER BY pg_describe_object(classid, objid, objsubid) COLLATE "C"};
$node->safe_psql('postgres', 'CREATE DATABASE fresh');
$node->safe_psql('fresh', 'CREATE EXTENSION winback');
is($node->safe_psql('fresh', $installed), $next, 'a fresh installation is of the new version');
my $fresh = $node->safe_psql('fresh', $members);
is($fresh, ask($members), 'and has the same objects, with the same comments');
cmp_ok(scalar(split /\n/, $fresh), '>', 100, 'which are many');
$node->safe_psql('fresh', 'DROP EXTENSION winback');
is($node->safe_psql('fresh', "SELECT count(*) FROM pg_proc WHERE probin LIKE '%winback%'"), '0', 'DROP EXTENSION leaves no function behind');

done_testing();
