# 150_track.pl
#   Random edits of orders by concurrent sessions, and refreshes among them: at the end each
#   stored history is the one that the orders give. Then the same with a crash in the middle,
#   and after dump and restore.
#
#   The idea: pgbench runs all kinds of statements over few customers, so that sessions
#   meet: they insert, correct, delete, merge customers, truncate partitions, write to
#   partitions directly, attach and detach them, undo, and refresh in small batches at
#   several isolation levels. Two sources are tracked: a table with events and amounts,
#   and a partitioned one with text customers.
#
#   WINBACK_SLOW_TESTS=1 runs ten minutes instead of a few seconds.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WinbackCluster;

my $seconds = $ENV{WINBACK_SLOW_TESTS} ? 600 : $WinbackCluster::checked ? 20 : 6;
my $seed = $ENV{WINBACK_FUZZ_SEED} || time;
note "WINBACK_FUZZ_SEED=$seed";

my $node = WinbackCluster::create('track');
# a crash may lose what an operating system would write later, but no commit
$node->append_conf('postgresql.conf', "fsync = on\ndeadlock_timeout = 100ms\n");
$node->start;
WinbackCluster::create_database($node);

sub ask { my ($query, $database) = @_; return $node->safe_psql($database || 'winback', $query); }

ask(q{
  CREATE TABLE orders (
    id bigserial PRIMARY KEY, customer_id int, at timestamptz, event lifecycle_event,
    amount numeric, status int);
  CREATE INDEX ON orders (customer_id, at);
  INSERT INTO orders (customer_id, at, event, amount)
  SELECT n % 150, timestamptz '2024-01-01' + n * interval '1 hour', 'purchase', n
    FROM generate_series(1, 3000) AS n;
  CREATE TABLE parted (customer text, at date) PARTITION BY RANGE (at);
  CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
  CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
  CREATE TABLE parted_3 (LIKE parted);
  CREATE INDEX ON parted (customer, at);
  INSERT INTO parted
  SELECT 'c' || n % 50, date '2024-01-01' + n % 60 FROM generate_series(1, 1000) AS n;
  CREATE SCHEMA store;
  SELECT track_customer_histories('orders', 'customer_id', 'at', 'event', 'amount', 'by_id',
                                  'store');
  SELECT track_customer_histories('parted', 'customer', 'at', histories => 'by_name',
                                  schema => 'store', fill => false);
  -- how much the refreshes have made, for the test itself
  CREATE TABLE made (histories text, n bigint);
});

# name, weight and SQL of what the sessions run. Values are drawn by pgbench.
my $values = q{
  \set a random(1, 200)
  \set b random(1, 200)
  \set c random(1, 60)
  \set d random(0, 59)
  \set n random(1, 40)
};
my @scripts = (
  [ 20, q{INSERT INTO orders (customer_id, at, event, amount)
          SELECT NULLIF(:a + i % 7, 5), now() - i * interval '1 hour', 'purchase', :n / 3.0
            FROM generate_series(1, :n) AS i;} ],
  [ 10, q{INSERT INTO orders (customer_id, at, event) VALUES (:a, now(), 'cancellation');} ],
  [ 10, q{UPDATE orders SET amount = :n WHERE customer_id = :a AND event = 'purchase';} ],
  [ 10, q{UPDATE orders SET status = :n WHERE customer_id = :a;} ],
  [ 5, q{UPDATE orders SET customer_id = :b WHERE customer_id = :a;} ],
  [ 10, q{DELETE FROM orders WHERE customer_id IN (:a, :b) AND id % 3 = :n % 3;} ],
  [ 5, q{BEGIN; DELETE FROM orders WHERE customer_id = :a; SAVEPOINT s;
         INSERT INTO orders (customer_id, at, event) VALUES (:b, now(), 'purchase');
         ROLLBACK TO s; INSERT INTO orders (customer_id, at, event) VALUES (:a, now(), 'interest');
         \sleep 20 ms
         COMMIT;} ],
  [ 5, q{BEGIN; UPDATE orders SET at = at + interval '1 day' WHERE customer_id = :a;
         \sleep 10 ms
         ROLLBACK;} ],
  [ 20, q{INSERT INTO parted VALUES ('c' || :c, date '2024-01-01' + :d),
                                    ('c' || :n, date '2024-01-01' + :d / 2);} ],
  [ 5, q{INSERT INTO parted_1 VALUES ('c' || :c, date '2024-01-01' + :d / 2);} ],
  [ 5, q{UPDATE parted SET at = date '2024-01-01' + :d WHERE customer = 'c' || :c;} ],
  [ 5, q{DELETE FROM parted_2 WHERE customer = 'c' || :c;} ],
  [ 10, q{INSERT INTO made
          SELECT 'by_id', refresh_customer_histories('store.by_id', :n);} ],
  [ 10, q{INSERT INTO made
          SELECT 'by_name', refresh_customer_histories('store.by_name', :n);} ],
  [ 3, q{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM orders;
         INSERT INTO made SELECT 'by_id', refresh_customer_histories('store.by_id', :n);
         \sleep 5 ms
         COMMIT;} ],
  [ 3, q{BEGIN; SELECT refresh_customer_histories('store.by_id', 1000);
         \sleep 10 ms
         ROLLBACK;} ],
);
my @rare = (
  [ 1, q{TRUNCATE parted_2;} ],
  [ 4, q{INSERT INTO parted_3 VALUES ('c' || :c, date '2024-03-01' + :d % 30);} ],
  [ 2, q{BEGIN;
         DELETE FROM parted_3 WHERE at < '2024-03-01';
         ALTER TABLE parted ATTACH PARTITION parted_3
           FOR VALUES FROM ('2024-03-01') TO ('2024-04-01');
         COMMIT;
         INSERT INTO parted_3 VALUES ('c' || :d, '2024-03-03'), ('new' || :n, '2024-03-04');
         \sleep 50 ms
         DELETE FROM parted_3 WHERE customer = 'c' || :c;
         \sleep 20 ms
         ALTER TABLE parted DETACH PARTITION parted_3;} ],
);

# Return a pgbench command that runs these scripts.
my $no = 0;
sub pgbench {
  my ($clients, $time, @list) = @_;
  my @files;
  for (@list) {
    my ($weight, $sql) = @$_;
    my $file = $node->basedir . '/script' . ++$no;
    # pgbench ends a statement at its semicolon, and reads \sleep at the beginning of a line
    append_to_file($file, $values =~ s/^\s+//gmr . $sql =~ s/^\s+\\/\\/gmr . "\n");
    push @files, '-f', "$file\@$weight";
  }
  return [ 'pgbench', '-n', '-c', $clients, '-j', 2, '-T', $time, '--max-tries=1000',
    "--random-seed=" . ($seed + $no), @files, $node->connstr('winback') ];
}

# Return the number of customers, and of those whose stored history is not that of the orders.
sub compare {
  my ($database) = @_;
  return ask(q{
    SELECT count(*), count(*) FILTER (WHERE s.history IS DISTINCT FROM r.history)
      FROM store.by_id AS s
      FULL JOIN (SELECT customer_id AS customer, history_agg(at, event, amount) AS history
                   FROM orders WHERE customer_id IS NOT NULL GROUP BY 1) AS r USING (customer);
    SELECT count(*), count(*) FILTER (WHERE s.history IS DISTINCT FROM r.history)
      FROM store.by_name AS s
      FULL JOIN (SELECT customer, history_agg(at) AS history FROM parted GROUP BY 1) AS r
             USING (customer)}, $database);
}

# Refresh until nothing waits, and check that each history is right.
sub check {
  my ($when, $database) = @_;
  for my $histories (qw(store.by_id store.by_name)) {
    my ($made, $turns) = (1, 0);
    while ($made > 0 && $turns++ < 100_000) {
      $made = ask("SELECT refresh_customer_histories('$histories', 100)", $database);
    }
    is(ask("SELECT waiting, complete FROM customer_history_status('$histories')", $database), '0|t',
      "$when: nothing waits for $histories after $turns refreshes");
  }
  like(compare($database), qr/^\d{2,}\|0\n\d{2,}\|0$/, "$when: each history is that of the orders");
  return;
}

# Errors by which sessions that meet must end, and which pgbench does not repeat.
my $expected = qr/is not a partition|is already a partition|no partition/;

my $errors = '';
my $others =
  IPC::Run::start(pgbench(1, $seconds, @rare), '>', \my $of_rare, '2>', \$errors);
my $ran = IPC::Run::run(pgbench(8, $seconds, @scripts), '>', \my $printed, '2>', \my $complaints);
IPC::Run::finish($others);
ok($ran, 'the sessions ran without an error that pgbench does not repeat') or diag($complaints);
is(join("\n", grep { /ERROR/ && !/$expected/ } split /\n/, $errors), '',
  'nor did partitions come and go with one');
my ($rare) = $of_rare =~ /transactions actually processed: (\d+)/;
note $errors;
# each of them waits for all others
cmp_ok($rare, '>', 5,
  "they came and went, and were truncated, in $rare transactions");
my ($transactions) = $printed =~ /transactions actually processed: (\d+)/;
cmp_ok($transactions, '>', 50 * $seconds / ($WinbackCluster::checked ? 10 : 1),
  "they ran $transactions transactions");
for my $histories (qw(by_id by_name)) {
  cmp_ok(ask("SELECT count(*) FROM made WHERE histories = '$histories' AND n > 0"), '>', 5,
    "more than 5 refreshes of $histories had customers to refresh");
}
check('after concurrent edits');

# A crash while all of them run.
my $crashing = IPC::Run::start(pgbench(8, 60, @scripts), '>', \$printed, '2>', \$complaints);
ok($node->poll_query_until('winback', q{
    SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '%refresh_customer_histories%'
                      AND pid <> pg_backend_pid() AND state = 'active')}), 'a refresh runs');
sleep 1;
$node->stop('immediate');
IPC::Run::finish($crashing);
$node->start;
note 'after the crash, customers and those whose history is to be refreshed: ', compare();
check('after a crash');

# Dump and restore, with notes that wait.
ask(q{
  INSERT INTO orders (customer_id, at, event) VALUES (1, '2030-01-01', 'purchase');
  INSERT INTO parted VALUES ('c1', '2024-01-01')});
my $dump = $node->basedir . '/dump';
command_ok(
  [ 'pg_dump', '--format', 'custom', '--file', $dump, '--dbname', $node->connstr('winback') ],
  'pg_dump dumps the database');
ask('CREATE DATABASE restored', 'postgres');
command_ok([ 'pg_restore', '--exit-on-error', '--dbname', $node->connstr('restored'), $dump ],
  'pg_restore restores it');
is(ask("SELECT waiting, complete FROM customer_history_status('store.by_id')", 'restored'), '1|t',
  'the note waits in the restored database');
ask(q{
  UPDATE orders SET customer_id = 3 WHERE customer_id = 2;
  DELETE FROM parted_1 WHERE customer IN ('c2', 'c3')}, 'restored');
check('after dump and restore', 'restored');
is(ask(q{SELECT untrack_customer_histories('store.by_id'),
                untrack_customer_histories('store.by_name')}, 'restored'), '|',
  'the restored database can untrack them');
is(ask(q{SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal}, 'restored'), '0',
  'no trigger is left');

$node->stop;
done_testing();
