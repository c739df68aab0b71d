# pg_upgrade.pl
#   Proves that pg_upgrade takes a database with winback along from an older
#   PostgreSQL: stored values read back equal, indexes find the same rows, views
#   and functions return the same, and the extension has all its members.
#
#   scripts/test --upgrade-from runs it, and so does `make upgrade`.
#
#   WINBACK_UPGRADE_FROM, WINBACK_UPGRADE_TO  directories of two PostgreSQL
#                                             installations with winback
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/..";
use Test::More;
use PostgreSQL::Test::Utils;
use WinbackCluster;
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

# Queries whose results must not change: the contents, and the members of the
# extension (without types: up to 16 their array types count as members, too).
my %contents = (
  %WinbackTypes::contents,
  members => q{SELECT pg_describe_object(classid, objid, 0)
                 FROM pg_depend JOIN pg_extension e ON refobjid = e.oid
               WHERE refclassid = 'pg_extension'::regclass AND extname = 'winback'
                 AND classid <> 'pg_type'::regclass ORDER BY 1},
);
sub look {
  my ($node) = @_;
  return { map { $_ => $node->safe_psql('winback', $contents{$_}) } keys %contents };
}

# For each index a condition that only it can serve. Checks that the plan uses the
# index and that it finds the same rows as a scan of the table.
my %questions = (
  statuses => q{one_lifecycle_status < 'churned'},
  statuses_hash => q{one_lifecycle_status = 'churned'},
  events => q{one_lifecycle_event > 'interest'},
  tallies_hash => q{one_rate_tally = '41/294'},
  lost => q{one_lifecycle_status IN ('churned', 'inactive') AND id > 30},
);
sub ask_indexes {
  my ($node) = @_;
  for my $index (sort keys %questions) {
    my $others = join ', ', grep { $_ ne $index } sort keys %questions;
    my $ids = "SELECT string_agg(id::text, ' ' ORDER BY id) FROM everything "
      . "WHERE $questions{$index}";
    my ($plan, $found, $there) = split /\n--\n/, $node->safe_psql('winback', qq{
      BEGIN;
      DROP INDEX $others;
      SET LOCAL enable_seqscan = off;
      EXPLAIN (COSTS off) $ids;
      SELECT '--';
      $ids;
      SELECT '--';
      SET LOCAL enable_seqscan = on;
      SET LOCAL enable_indexscan = off;
      SET LOCAL enable_indexonlyscan = off;
      SET LOCAL enable_bitmapscan = off;
      $ids;
      ROLLBACK; });
    like($plan, qr/(using|on) $index\b/, $node->name . ": $index is used");
    like($found, qr/^\d/, $node->name . ": $index finds something");
    is($found, $there, $node->name . ": $index finds the rows that a scan of the table finds");
  }
  return;
}

$old->start;
WinbackCluster::create_database($old);
WinbackTypes::create($old);
my $old_major = major($old);
my $before = look($old);
cmp_ok(scalar(split /\n/, $before->{$_}), '>', 0, "$_: not empty before the upgrade")
  for sort keys %contents;
ask_indexes($old);
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
cmp_ok(major($new), '>', $old_major, "the server was upgraded from $old_major to " . major($new));
my $after = look($new);
is($after->{$_}, $before->{$_}, "$_: the same after the upgrade") for sort keys %contents;
ask_indexes($new);

$new->safe_psql('winback', 'REFRESH MATERIALIZED VIEW quarter');
is($new->safe_psql('winback', $contents{quarter}), $before->{quarter},
  'a materialized view is the same after REFRESH');
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
