# 080_faults.pl
#   Proves that when something fails around winback, one query fails and nothing
#   more. The faults: a worker or the leader of a parallel plan is terminated or
#   killed, memory runs out, temporary files exceed temp_file_limit or the disk.
#   Each time the client gets an error, the server is up (after a kill, it comes
#   up again by itself), the next query has the right answer, and no process and no
#   temporary file is left over.
#
#   The test limits the memory or the file size of one server process with prlimit,
#   which is in util-linux, and so on every Debian. The limit of the file size stands
#   for a full disk: write() fails half-way, as on a full disk.
#
#   Limits: Linux. Memory is not limited under a sanitizer or valgrind
#   (scripts/checked), which abort the process when memory runs out.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use WinbackCluster;

my ($prlimit) = grep { -x } map { "$_/prlimit" } split /:/, $ENV{PATH};
plan(skip_all => 'there is no prlimit') unless $prlimit;

my $node = WinbackCluster::start('faults');
$node->append_conf('postgresql.conf', q{
jit = off
restart_after_crash = on
parallel_setup_cost = 0
parallel_tuple_cost = 0
min_parallel_table_scan_size = 0
max_parallel_workers_per_gather = 2
});
$node->restart;
my $started = $node->safe_psql('winback', 'SELECT pg_postmaster_start_time()');

# a hundred rows, one a page, so that workers share them; queries multiply them
$node->safe_psql('winback', $_) for split /\n/,
  q{CREATE TABLE hundred (a int8, page char(5000)) WITH (parallel_workers = 2)
  ALTER TABLE hundred ALTER page SET STORAGE PLAIN
  INSERT INTO hundred SELECT generate_series(1, 100), ''
  VACUUM ANALYZE hundred
  VACUUM ANALYZE hundred};
$node->safe_psql('winback', q{
  CREATE TABLE orders AS
  SELECT n % 997 AS customer, timestamp '2023-01-01' + n * interval '1 hour' AS at
    FROM generate_series(1, 20000) AS n});
my $small = q{
  SELECT reactivation_tally(customer, at, '[2024-06-01,2025-01-01)'::tsrange, '30 days'), count(*)
    FROM orders};
my $right = $node->safe_psql('winback', $small);
like($right, qr{^\d+/\d+\|20000$}, 'the query after each fault has an answer');

my $at = q{timestamp '2023-01-01' + (a * 7919 + b) % 1095 * interval '1 day'};
my $terms = q{'[2024-01-01,2024-04-01)'::tsrange, '90 days'};
my $months = q{'[2020-01-01,2025-01-01)'::tsrange, '1 month', '90 days', '1 year'};
my $event = q{(ARRAY['purchase', 'purchase', 'adjustment'])[1 + b % 3]::lifecycle_event};
sub rows { return "FROM hundred, generate_series(1, $_[0]) AS b"; }

# After a fault: checks answers, processes and temporary files. $session, if given,
# survived the fault.
sub check_after {
  my ($fault, $session) = @_;
  if ($session) {
    is($session->query_safe($small), $right, "$fault: the session's next query is right");
    $session->quit;
  }
  is($node->safe_psql('winback', $small), $right, "$fault: the next query is right");
  ok($node->poll_query_until('winback', q{
      SELECT count(*) = 0 FROM pg_stat_activity
       WHERE pid <> pg_backend_pid() AND backend_type IN ('parallel worker', 'client backend')}),
    "$fault: no process is left over");
  my @files = map { glob("$_/*") } glob($node->data_dir . '/base/pgsql_tmp');
  is("@files", '', "$fault: no temporary file is left over");
}

# Returns a session with these settings, and the pid of its server process.
sub new_session {
  my ($settings) = @_;
  my $session = WinbackCluster::session($node, on_error_stop => 0);
  $session->query_safe('\set VERBOSITY verbose');
  $session->query_safe("$settings") if $settings;
  return ($session, $session->query_safe('SELECT pg_backend_pid()'));
}

# Runs a query that must fail, and returns its errors.
sub fails {
  my ($session, $query) = @_;
  $session->{stderr} = '';
  $session->query($query);
  my $errors = $session->{stderr};
  $session->{stderr} = '';
  return $errors;
}

#
# Processes that end in the middle of a parallel aggregate.
#
my %parallel = (
  rate => "SELECT reactivation_rate(a << 20 | b, $at, $terms) " . rows(1000000),
  series => "SELECT lifecycle_series(a, $at, $event, 1.5, $months) " . rows(1000000),
  curve => "SELECT return_curve(a << 20 | b % 100, $at, '2024-06-01') " . rows(1000000),
);
for my $query (values %parallel) {
  like($node->safe_psql('winback', "EXPLAIN $query"), qr/Gather.*Partial Aggregate/s,
    'the plan is parallel, with partial aggregates');
}

# Runs a query in a psql of its own, and has $how end one of its processes: the leader
# or a worker, by the backend_type $which. Returns the errors that psql prints.
sub end_process {
  my ($query, $which, $how) = @_;
  my ($out, $errors) = ('', '');
  my $psql = IPC::Run::start(
    [ 'psql', '-XqAt', '-v', 'VERBOSITY=verbose',
      '-d', $node->connstr('winback') . ' application_name=victim', '-c', $query ],
    '<', \undef, '>', \$out, '2>', \$errors);
  $node->poll_query_until('winback', q{
      SELECT count(*) = 2 FROM pg_stat_activity
       WHERE backend_type = 'parallel worker' AND application_name = 'victim'})
    or die 'no workers';
  # let the query aggregate for a while
  sleep 0.2 + rand 0.3;
  my $pid = $node->safe_psql('winback', qq{
    SELECT pid FROM pg_stat_activity
     WHERE application_name = 'victim' AND backend_type = '$which' LIMIT 1});
  $how->($pid);
  $psql->finish;
  is($out, '', 'psql prints no answer');
  return $errors;
}
sub terminate { $node->safe_psql('winback', "SELECT pg_terminate_backend($_[0])"); }

for my $case (sort keys %parallel) {
  like(end_process($parallel{$case}, 'parallel worker', \&terminate),
    qr/^(FATAL:  57P01|ERROR:  \w{5}): .*(administrator command|parallel worker)/m,
    "$case, a worker terminated: the client gets an error");
  check_after("$case, a worker terminated");
  like(end_process($parallel{$case}, 'client backend', \&terminate),
    qr/^FATAL:  57P01: terminating connection due to administrator command/m,
    "$case, the leader terminated: the client gets an error");
  check_after("$case, the leader terminated");
}
WinbackCluster::check_same_server($node, $started, 'terminated');

for my $which ('parallel worker', 'client backend') {
  my $offset = -s $node->logfile;
  like(end_process($parallel{rate}, $which, sub { kill 'KILL', $_[0] or die "kill: $!" }),
    qr/another server process exited abnormally|server closed the connection unexpectedly/,
    "$which killed: the client gets an error");
  ok($node->poll_query_until('winback', 'SELECT NOT pg_is_in_recovery()'),
    "$which killed: the server comes up by itself");
  my $victim = qr/(?:parallel worker"|client backend|server process) \(PID \d+\)/;
  like(slurp_file($node->logfile, $offset),
    qr/$victim was terminated by signal 9.*database system is ready to accept connections/s,
    "$which killed: the log has the crash and the recovery");
  check_after("$which killed");
}
is($node->safe_psql('winback', 'SELECT pg_postmaster_start_time()') eq $started, !!1,
  'killed: the postmaster is the same');
# a new log, for from here on no process may crash
$node->rotate_logfile;
$node->restart;
$started = $node->safe_psql('winback', 'SELECT pg_postmaster_start_time()');

#
# Memory. limit_memory lets a process allocate $more bytes beyond those it has now.
#
sub limit {
  my ($pid, $resource, $bytes) = @_;
  # only the soft limit, so that it can be lifted again
  IPC::Run::run([ $prlimit, '--pid', $pid, "--$resource=$bytes:" ]) or die 'prlimit failed';
}
sub limit_memory {
  my ($pid, $more) = @_;
  my ($now) = slurp_file("/proc/$pid/status") =~ /^VmSize:\s+(\d+) kB/m or die 'no VmSize';
  limit($pid, 'as', $now * 1024 + $more);
}
my $mb = 2**20;
my $out_of_memory =
  qr/^(psql:\S* )?ERROR:  53200: out of memory\nDETAIL:  Failed on request of size \d+/m;

my $customers = 'a << 20 | b';
my $rows = rows(100000);
my %large = (
  'a customer table grows' => "SELECT reactivation_rate($customers, $at, $terms) $rows",
  'a customer table of wide integers grows' =>
    "SELECT reactivation_rate(a << 40 | b, $at, $terms) $rows",
  'a customer table of text grows' =>
    "SELECT reactivation_rate('customer ' || ($customers), $at, $terms) $rows",
  'a customer table of events grows' =>
    "SELECT reactivation_rate($customers, $at, $event, $terms) $rows",
  'a series grows' => "SELECT lifecycle_series($customers, $at, $months) $rows",
  'a series with amounts grows' => "SELECT lifecycle_series(a, $at, b::numeric, $months) $rows",
  'a log of purchase days grows' =>
    "SELECT return_curve(a << 20 | b % 1000, $at, '2024-06-01') $rows",
  'a log of purchase days is made wide' =>
    "SELECT return_curve(a << 20 | b % 1000, $at, '2224-06-01') $rows",
  'a hash of many groups grows' => "
    SELECT count(r) FROM (SELECT reactivation_rate(b % 10, $at, $terms) AS r $rows
                           GROUP BY a << 20 | b % 5000) AS groups",
  'a hash of customers grows' => "
    SELECT count(s) FROM (SELECT lifecycle_at($at, $event, '2024-01-01', '90 days', NULL) AS s $rows
                           GROUP BY $customers) AS customers",
);
my $checked = $WinbackCluster::checked;
for my $case (sort keys %large) {
 SKIP: {
    skip "memory cannot be limited with $checked", 1 if $checked;
    my ($session, $pid) = new_session(q{
      SET max_parallel_workers_per_gather = 0;
      SET work_mem = '2GB';
      SET hash_mem_multiplier = 1});
    $session->query_safe($small);
    limit_memory($pid, 8 * $mb);
    like(fails($session, $large{$case}), $out_of_memory, "$case: out of memory");
    check_after($case, $session);
  }
}

# In a worker: it inherits the limit that the postmaster has when the worker starts.
SKIP: {
  skip "memory cannot be limited with $checked", 1 if $checked;
  my ($session, $pid) = new_session();
  my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
  $session->query_safe($small);
  limit_memory($postmaster, 24 * $mb);
  my $query = $large{'a customer table of wide integers grows'};
  like($session->query_safe("EXPLAIN $query"), qr/Partial Aggregate/,
    'in a worker: the plan is parallel');
  like(fails($session, $query), $out_of_memory, 'in a worker: out of memory');
  limit($postmaster, 'as', 'unlimited');
  check_after('in a worker', $session);
}
WinbackCluster::check_same_server($node, $started, 'out of memory');

#
# Temporary files, to which the two-step form spills.
#
my $spills = "
  SELECT reactivation_tally(before, after)
    FROM (SELECT lifecycle_at($at, '2024-01-01', '90 days', '1 year') AS before,
                 lifecycle_during($at, '[2024-01-01,2024-04-01)'::tsrange, '90 days', '1 year')
                   AS after "
  . rows(1000) . " GROUP BY $customers) AS customers";
my $settings = q{
  SET max_parallel_workers_per_gather = 0;
  SET work_mem = '2MB';
  SET hash_mem_multiplier = 1; };
my %ways = (
  hashed => [ 'SET enable_sort = off', qr/HashAggregate.*Disk Usage: \d{4,}kB/s ],
  sorted => [ 'SET enable_hashagg = off', qr/GroupAggregate.*external merge  Disk: \d{4,}kB/s ],
);
for my $how (sort keys %ways) {
  my ($more, $plan) = @{ $ways{$how} };
  my ($session, $pid) = new_session("$settings $more");
  like($session->query_safe("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) $spills"), $plan,
    "$how: the two-step form spills");
  my $answer = $session->query_safe($spills);
  like($answer, qr{^\d+/\d{4,}$}, "$how: the query has an answer");
  is($answer,
    $session->query_safe("SET work_mem = '1GB'; $spills; RESET work_mem; SET work_mem = '2MB'"),
    "$how: the answer is the same in memory");

  $session->query_safe(q{SET temp_file_limit = '1MB'});
  like(fails($session, $spills),
    qr/ERROR:  53400: temporary file size exceeds "?temp_file_limit/,
    "$how, temp_file_limit: the query fails with that error");
  $session->query_safe('RESET temp_file_limit');
  is($session->query_safe($spills), $answer, "$how, temp_file_limit: reset, it works again");

  limit($pid, 'fsize', $mb);
  like(fails($session, $spills), qr/ERROR:  \w{5}: could not (write|extend).*File too large/,
    "$how, file size: the query fails with that error");
  limit($pid, 'fsize', 'unlimited');
  is($session->query_safe($spills), $answer, "$how, file size: without a limit it works again");
  check_after("$how, spilled", $session);
}
WinbackCluster::check_same_server($node, $started, 'spilled');

done_testing();
