# 120_scan.pl
#   Proves that a Winback Scan sees the rows that a sequential scan sees, while
#   others insert, update (in place and not), delete and vacuum: within one
#   snapshot the answers with and without it are the same, serial and parallel;
#   serializable transactions find out that they depend on each other; and a
#   cancel is obeyed.
#
#   WINBACK_FUZZ_TIMES  how many times as long as usual; default 1
#
#   A server that watches itself (scripts/checked) is given more time, and not judged by it.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
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

# room on each page, so that updates of the amount stay there (HOT); those of the customer do not, for an index
$node->safe_psql('winback', q{
  CREATE TABLE orders (id serial, customer_id int, ordered_at timestamptz, amount int) WITH (fillfactor = 60, parallel_workers = 2);
  INSERT INTO orders (customer_id, ordered_at, amount)
  SELECT n * n % 1999, timestamptz '2023-01-01' + n * 7919 % 9973 * interval '1 hour', 0 FROM generate_series(1, 20000) AS n;
  CREATE INDEX ON orders (customer_id);
  CREATE INDEX ON orders (id);
});
$node->safe_psql('winback', 'VACUUM ANALYZE orders');
my $asked = q{SELECT reactivation_tally(customer_id, ordered_at, '[2024-01-01,2024-04-01)', '90 days'), winback_tally(customer_id, ordered_at, '[2023-09-01,)', '40 days') FILTER (WHERE amount % 3 <> 1) FROM orders};
my @ways = (
  [ 'without', 'off', 0, qr/^Aggregate\n.*Seq Scan/ ],
  [ 'serial', 'on', 0, qr/^Custom Scan \(Winback Scan\)/ ],
  [ 'parallel', 'on', 2, qr/Parallel Custom Scan \(Winback Scan\)/ ],
);
sub way {
  my ($way) = @_;
  return "SET LOCAL winback.enable_scan = $way->[1]; SET LOCAL max_parallel_workers_per_gather = $way->[2];
          SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0;";
}
for my $way (@ways) {
  like($node->safe_psql('winback', 'BEGIN; ' . way($way) . " EXPLAIN (COSTS OFF) $asked; COMMIT"), $way->[3], "the plan is $way->[0]");
}

#
# While others write
#
my $directory = PostgreSQL::Test::Utils::tempdir;
append_to_file("$directory/write.sql", q{
\set id random(1, 20000)
\set customer random(0, 1999)
BEGIN;
UPDATE orders SET amount = amount + 1 WHERE id = :id;
UPDATE orders SET customer_id = :customer WHERE id = :id + 7;
DELETE FROM orders WHERE id = :id + 13;
INSERT INTO orders (id, customer_id, ordered_at, amount) VALUES (:id + 13, :customer, timestamptz '2023-01-01' + :id * interval '33 minutes', :id);
SAVEPOINT a;
UPDATE orders SET ordered_at = ordered_at + interval '1 day', amount = amount + 2 WHERE id = :id + 1;
ROLLBACK TO a;
SELECT id FROM orders WHERE id = :id + 2 FOR UPDATE;
COMMIT;
});
append_to_file("$directory/vacuum.sql", "VACUUM orders;\n\\sleep 50 ms\n");
my @writers = map {
  my ($file, $clients) = @$_;
  IPC::Run::start([ 'pgbench', '--no-vacuum', '--time', $seconds, '--client', $clients, '--file', "$directory/$file", $node->connstr('winback') ],
    '>', \my $out, '2>', \my $errors);
} [ 'write.sql', 2 ], [ 'vacuum.sql', 1 ];
my %seen;
my ($snapshots, @differ) = (0);
my $until = time + $seconds;
while (time < $until) {
  my @answers = split /\n/, $node->safe_psql('winback', 'BEGIN ISOLATION LEVEL REPEATABLE READ; ' . join(' ', map { way($_) . " $asked;" } @ways) . ' COMMIT');
  $snapshots++;
  $seen{ $answers[0] }++;
  push @differ, join ' ', @answers if @answers != @ways || grep { $_ ne $answers[0] } @answers;
}
for my $writer (@writers) { $writer->finish; }
is(join("\n", @differ), '', "in each of $snapshots snapshots all plans give the same");
cmp_ok(scalar keys %seen, '>', 5, 'and the answer changed meanwhile: ' . keys %seen);
cmp_ok($node->safe_psql('winback', q{SELECT pg_stat_get_tuples_hot_updated('orders'::regclass)}), '>', 50, 'with updates in place');
cmp_ok($node->safe_psql('winback', q{SELECT pg_stat_get_vacuum_count('orders'::regclass)}), '>', 5, 'and vacuums');

#
# What others have not committed is not there, whatever becomes of it
#
my $before = $node->safe_psql('winback', $asked);
$node->safe_psql('winback', q{BEGIN; UPDATE orders SET ordered_at = '2024-02-01'; PREPARE TRANSACTION 'pending'});
is($node->safe_psql('winback', $asked), $before, 'an open transaction changes nothing');
$node->safe_psql('winback', q{ROLLBACK PREPARED 'pending'});
is($node->safe_psql('winback', $asked), $before, 'nor one that was rolled back');
$node->safe_psql('winback', q{UPDATE orders SET ordered_at = '2024-02-01' WHERE customer_id < 100});
isnt(my $after = $node->safe_psql('winback', $asked), $before, 'a commit does');
is($node->safe_psql('winback', "SET winback.enable_scan = off; $asked"), $after, 'and the same without the scan');

#
# Serializable transactions: each asks, and writes what the other has asked about.
#
for my $scan ('on', 'off') {
  my @sessions = map { WinbackCluster::session($node, on_error_stop => 0) } 1, 2;
  my $state = 0;
  for my $session (@sessions) {
    $session->query_safe("SET winback.enable_scan = $scan");
    $session->query_safe('BEGIN ISOLATION LEVEL SERIALIZABLE');
    $session->query_safe($asked);
  }
  for my $session (@sessions) {
    $session->query(q{INSERT INTO orders (customer_id, ordered_at, amount) VALUES (1, '2024-02-02', 0)});
    $session->query('COMMIT');
    $state++ if $session->{stderr} =~ /could not serialize access/;
    $session->quit;
  }
  is($state, 1, "with the scan $scan, one of two serializable transactions that depend on each other fails");
}

#
# A cancel, and a time that is over, in the middle of a scan; then the next query is right.
#
$node->safe_psql('winback', 'INSERT INTO orders (customer_id, ordered_at, amount) SELECT customer_id, ordered_at, n FROM orders, generate_series(1, 60) AS n');
my $whole = $node->safe_psql('winback', $asked);
for my $workers (0, 2) {
  my @took;
  for my $timeout (10, 20, 40) {
    my $from = time;
    my (undef, undef, $errors) = $node->psql('winback', "BEGIN; @{[ way([ undef, 'on', $workers ]) ]} SET LOCAL statement_timeout = $timeout;
        DO 'BEGIN PERFORM 1; END'; $asked; $asked; $asked; $asked; $asked; $asked; $asked; $asked");
    push @took, 1000 * (time - $from) - $timeout;
    like($errors, qr/canceling statement due to statement timeout/, sprintf '%d workers: over after %d ms, and %.0f ms for it and psql', $workers, $timeout, $took[-1]);
  }
  SKIP: {
    skip "time means nothing with $checked", 1 if $checked;
    cmp_ok((sort { $a <=> $b } @took)[1], '<', 1000, "$workers workers: a scan looks for interrupts");
  }
}
is($node->safe_psql('winback', $asked), $whole, 'the next query is right');
is($node->safe_psql('winback', 'SELECT pg_postmaster_start_time()'), $started, 'the server is still the one that was started');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|TRAP:|page verification|buffer refcount leak|relcache reference leak|resource was not closed/,
  'no process of it has crashed or left anything behind');

done_testing();
