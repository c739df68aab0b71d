# pg_upgrade.pl
#   Proves that pg_upgrade takes databases with winback along from an older
#   PostgreSQL: stored values read back equal, indexes find the same rows, views
#   and functions return the same, and the extension has all its members. One
#   database has the objects of today, another one has those of the last landed
#   install script. The latter is updated by ALTER EXTENSION UPDATE in the new
#   PostgreSQL, and then has the catalogue of a fresh installation.
#
#   scripts/test --upgrade-from runs it, and so does `make upgrade`.
#
#   WINBACK_UPGRADE_FROM, WINBACK_UPGRADE_TO  directories of two PostgreSQL
#                                             installations with winback, to which the
#                                             test adds the version "landed"
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/..";
use Test::More;
use PostgreSQL::Test::Utils;
use WinbackCluster;
use WinbackLanded;
use WinbackTypes;

my ($from, $to) =
  map { $ENV{$_} or die "$_ is not set" } qw(WINBACK_UPGRADE_FROM WINBACK_UPGRADE_TO);
my $old = WinbackCluster::create('old', $from);
my $new = WinbackCluster::create('new', $to);

sub major {
  my ($node) = @_;
  return $node->safe_psql('postgres',
    q{SELECT current_setting('server_version_num')::int / 10000});
}

# A query whose result must not change: the members of the extension (without types: up to
# 16 their array types count as members, too).
my $members = q{SELECT pg_describe_object(classid, objid, 0)
                  FROM pg_depend JOIN pg_extension e ON refobjid = e.oid
                 WHERE refclassid = 'pg_extension'::regclass AND extname = 'winback'
                   AND classid <> 'pg_type'::regclass ORDER BY 1};
my %contents;
sub look {
  my ($node) = @_;
  return { map { $_ => $node->safe_psql('winback', $contents{$_}) } keys %contents };
}

for my $installation ($from, $to) {
  my ($sharedir) = run_command([ "$installation/bin/pg_config", '--sharedir' ]);
  WinbackLanded::add_scripts("$sharedir/extension");
}

$old->start;
WinbackCluster::create_database($old);
WinbackTypes::create($old, 'winback');
WinbackLanded::create($old);
%contents = (WinbackTypes::contents($old, 'winback'),
  WinbackTypes::add_histories($old, 'winback'), WinbackTypes::add_tracked($old, 'winback'),
  members => $members);
my $old_major = major($old);
my $before = look($old);
cmp_ok(scalar(split /\n/, $before->{$_}), '>', 0, "$_: not empty before the upgrade")
  for sort keys %contents;
WinbackTypes::ask_indexes($old, 'winback');
my $landed = WinbackLanded::check_before_update($old, 'winback');
my $landed_members = $old->safe_psql('landed', $members);
$old->stop;

# pg_upgrade writes its scripts into the current directory
chdir $PostgreSQL::Test::Utils::tmp_check or die $!;
my @upgrade = (
  "$to/bin/pg_upgrade", '--no-sync',
  '--old-datadir', $old->data_dir, '--new-datadir', $new->data_dir,
  '--old-bindir', "$from/bin", '--new-bindir', "$to/bin",
  '--socketdir', $new->host, '--old-port', $old->port, '--new-port', $new->port,
);
command_ok([ @upgrade, '--check' ], 'pg_upgrade --check succeeds');
command_ok(\@upgrade, 'pg_upgrade succeeds');
Test::More->builder->is_passing or die 'pg_upgrade failed';

$new->start;
# From a PostgreSQL to itself it dumps and restores in the same manner, and needs no chroot.
cmp_ok(major($new), $from eq $to ? '==' : '>', $old_major,
  "the server was upgraded from $old_major to " . major($new));
my $after = look($new);
is($after->{$_}, $before->{$_}, "$_: the same after the upgrade") for sort keys %contents;
WinbackTypes::ask_indexes($new, 'winback');
$new->safe_psql('postgres', 'CREATE DATABASE fresh');
$new->safe_psql('fresh', 'CREATE EXTENSION winback');
WinbackLanded::compare_catalogue($new, 'winback', 'fresh',
  'the upgraded database has the catalogue of a fresh one');

# The database "landed", before and after ALTER EXTENSION UPDATE.
is($new->safe_psql('landed', $members), $landed_members, 'landed: the same members');
WinbackLanded::check_contents($new, $landed, 'landed, after the upgrade');
WinbackLanded::check_before_update($new, 'winback');
WinbackLanded::update($new);
WinbackLanded::check_after_update($new, $landed, 'winback');
$new->safe_psql('landed', 'REFRESH MATERIALIZED VIEW quarter');
WinbackLanded::check_contents($new, $landed, 'landed, after the update and REFRESH');

$new->safe_psql('winback', 'REFRESH MATERIALIZED VIEW quarter');
is($new->safe_psql('winback', $contents{quarter}), $before->{quarter},
  'a materialized view is the same after REFRESH');
WinbackTypes::refresh_tracked($new, 'winback');
is($new->safe_psql('winback', q{
     INSERT INTO parts VALUES ('won_back', '1/2'), ('inactive', '3/4');
     SELECT tableoid::regclass, * FROM parts WHERE t IN ('1/2', '3/4') ORDER BY t::text; }),
  "part_rest|won_back|1/2\npart_lost|inactive|3/4", 'new rows find their partitions');

$new->safe_psql('winback', 'DROP EXTENSION winback CASCADE; CREATE EXTENSION winback');
is($new->safe_psql('winback',
    q{SELECT winback_rate('churned'::lifecycle_status, 'won_back'::lifecycle_status)}),
  '1', 'the extension can be dropped and created again');

$new->stop;
for my $node ($old, $new) {
  unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|TRAP:/,
    $node->name . ': no process has crashed');
}
done_testing();
