# 120_scan.pl
#   Proves that a Winback Scan sees the same rows as a sequential scan while other
#   sessions insert, update (in place and not), delete and vacuum: within one
#   snapshot the answers with and without it are the same, serial and parallel.
#   PostgreSQL detects the conflict of two serializable transactions that depend on
#   each other, and a scan obeys a cancel.
#
#   WINBACK_FUZZ_TIMES  factor for the running time; default 1
#
#   Under a checker (scripts/checked) the test runs longer, and we do not judge times.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use List::Util qw(min);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use WinbackCluster;

my $checked = $WinbackCluster::checked;
my $seconds = $checked ? 120 : 6 * ($ENV{WINBACK_FUZZ_TIMES} || 1);

my $node = WinbackCluster::start('scan');
$node->append_conf('postgresql.conf', q{
jit = off
autovacuum = off
max_prepared_transactions = 2
});
$node->restart;
my $started = $node->safe_psql('winback', 'SELECT pg_postmaster_start_time()');

# Each page has free space, so that an update of the amount stays on its page (HOT); an update of
# the customer does not, because of the index.
$node->safe_psql('winback', q{
  CREATE TABLE orders (id serial, customer_id int, ordered_at timestamptz, amount int)
    WITH (fillfactor = 60, parallel_workers = 2);
  INSERT INTO orders (customer_id, ordered_at, amount)
  SELECT n * n % 1999, timestamptz '2023-01-01' + n * 7919 % 9973 * interval '1 hour', 0
    FROM generate_series(1, 20000) AS n;
  CREATE INDEX ON orders (customer_id);
  CREATE INDEX ON orders (id);
});
$node->safe_psql('winback', 'VACUUM ANALYZE orders');
my $query = q{
  SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days'),
         winback_tally(customer_id, ordered_at, '[2023-09-01,)', '40 days')
           FILTER (WHERE amount % 3 <> 1) FROM orders};
# each kind of plan: its name, winback.enable_scan, the number of workers, and EXPLAIN's output
my @plans = (
  [ 'without the scan', 'off', 0, qr/^Aggregate\n.*Seq Scan/ ],
  [ 'serial', 'on', 0, qr/^Custom Scan \(Winback Scan\)/ ],
  [ 'parallel', 'on', 2, qr/Parallel Custom Scan \(Winback Scan\)/ ],
);

# The settings that make PostgreSQL choose this plan.
sub settings {
  my ($plan) = @_;
  return "SET LOCAL winback.enable_scan = $plan->[1];
          SET LOCAL max_parallel_workers_per_gather = $plan->[2];
          SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0;
          SET LOCAL min_parallel_table_scan_size = 0;";
}
for my $plan (@plans) {
  my $explain = 'BEGIN; ' . settings($plan) . " EXPLAIN (COSTS OFF) $query; COMMIT";
  like($node->safe_psql('winback', $explain), $plan->[3], "the plan is as expected: $plan->[0]");
}

#
# The plans give the same answer while other sessions write
#
my $directory = PostgreSQL::Test::Utils::tempdir;
append_to_file("$directory/write.sql", q{
\set id random(1, 20000)
\set customer random(0, 1999)
BEGIN;
UPDATE orders SET amount = amount + 1 WHERE id = :id;
UPDATE orders SET customer_id = :customer WHERE id = :id + 7;
DELETE FROM orders WHERE id = :id + 13;
INSERT INTO orders (id, customer_id, ordered_at, amount)
VALUES (:id + 13, :customer, timestamptz '2023-01-01' + :id * interval '33 minutes', :id);
SAVEPOINT a;
UPDATE orders SET ordered_at = ordered_at + interval '1 day', amount = amount + 2
WHERE id = :id + 1;
ROLLBACK TO a;
SELECT id FROM orders WHERE id = :id + 2 FOR UPDATE;
COMMIT;
});
append_to_file("$directory/vacuum.sql", "VACUUM orders;\n\\sleep 50 ms\n");
my @writers = map {
  my ($file, $clients) = @$_;
  IPC::Run::start([ 'pgbench', '--no-vacuum', '--time', $seconds, '--client', $clients,
    '--file', "$directory/$file", $node->connstr('winback') ],
    '>', \my $out, '2>', \my $errors);
} [ 'write.sql', 2 ], [ 'vacuum.sql', 1 ];
my %seen;
my ($snapshots, @differ) = (0);
my $until = time + $seconds;
while (time < $until) {
  my @answers = split /\n/, $node->safe_psql('winback', 'BEGIN ISOLATION LEVEL REPEATABLE READ; '
      . join(' ', map { settings($_) . " $query;" } @plans) . ' COMMIT');
  $snapshots++;
  $seen{ $answers[0] }++;
  push @differ, join ' ', @answers if @answers != @plans || grep { $_ ne $answers[0] } @answers;
}
for my $writer (@writers) { $writer->finish; }
is(join("\n", @differ), '', "in each of $snapshots snapshots all plans give the same answer");
cmp_ok(scalar keys %seen, '>', 5, 'the answer changed meanwhile: ' . keys(%seen) . ' answers');
cmp_ok($node->safe_psql('winback', q{SELECT pg_stat_get_tuples_hot_updated('orders'::regclass)}),
  '>', 50, 'pgbench updated rows in place');
cmp_ok($node->safe_psql('winback', q{SELECT pg_stat_get_vacuum_count('orders'::regclass)}),
  '>', 5, 'pgbench vacuumed the table');

#
# A scan does not see uncommitted changes of another transaction, whether or not it commits later
#
my $before = $node->safe_psql('winback', $query);
$node->safe_psql('winback',
  q{BEGIN; UPDATE orders SET ordered_at = '2024-02-01'; PREPARE TRANSACTION 'pending'});
is($node->safe_psql('winback', $query), $before, 'a scan does not see an open transaction');
$node->safe_psql('winback', q{ROLLBACK PREPARED 'pending'});
is($node->safe_psql('winback', $query), $before, 'a scan does not see a rolled back transaction');
$node->safe_psql('winback', q{UPDATE orders SET ordered_at = '2024-02-01' WHERE customer_id < 100});
my $after = $node->safe_psql('winback', $query);
isnt($after, $before, 'a scan sees a committed transaction');
is($node->safe_psql('winback', "SET winback.enable_scan = off; $query"), $after,
  'a plan without the scan sees the same');

#
# Two serializable transactions: each reads the table, and then writes to it
#
for my $scan ('on', 'off') {
  my @sessions = map { WinbackCluster::session($node, on_error_stop => 0) } 1, 2;
  my $failures = 0;
  for my $session (@sessions) {
    $session->query_safe("SET winback.enable_scan = $scan");
    $session->query_safe('BEGIN ISOLATION LEVEL SERIALIZABLE');
    $session->query_safe($query);
  }
  for my $session (@sessions) {
    $session->query(
      q{INSERT INTO orders (customer_id, ordered_at, amount) VALUES (1, '2024-02-02', 0)});
    $session->query('COMMIT');
    $failures++ if $session->{stderr} =~ /could not serialize access/;
    $session->quit;
  }
  is($failures, 1, "with winback.enable_scan = $scan, one of the two transactions fails");
}

#
# A timeout cancels a query in the middle of a scan; then the next query is right
#
$node->safe_psql('winback', q{
  INSERT INTO orders (customer_id, ordered_at, amount)
  SELECT customer_id, ordered_at, n FROM orders, generate_series(1, 60) AS n
});
my $whole = $node->safe_psql('winback', $query);
for my $workers (0, 2) {
  my $settings = settings([ undef, 'on', $workers ]);
  my $explain = "BEGIN; $settings EXPLAIN (ANALYZE, TIMING OFF) $query; COMMIT";
  my $whole_time =
    min(map { $node->safe_psql('winback', $explain) =~ /Execution Time: ([\d.]+) ms/ } 1 .. 3);
  my @took;
  for my $timeout (map { 1 + int($_ * $whole_time) } 0.2, 0.4, 0.6) {
    my $from = time;
    my $queries = "$query; " x 8;
    my (undef, undef, $errors) = $node->psql('winback', "BEGIN; $settings
        SET LOCAL statement_timeout = $timeout; DO 'BEGIN PERFORM 1; END'; $queries");
    push @took, 1000 * (time - $from) - $timeout;
    like($errors, qr/canceling statement due to statement timeout/,
      sprintf '%d workers: cancelled after %d ms; %.0f ms more until psql ended',
      $workers, $timeout, $took[-1]);
  }
  SKIP: {
    skip "times are not judged under $checked", 1 if $checked;
    cmp_ok((sort { $a <=> $b } @took)[1], '<', 1000,
      "$workers workers: a scan checks for interrupts");
  }
}
is($node->safe_psql('winback', $query), $whole, 'the next query is right');
WinbackCluster::check_same_server($node, $started);

done_testing();
