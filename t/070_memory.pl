# 070_memory.pl
#   Proves that a query with winback can be cancelled and that it frees its memory.
#
#   - A query is cancelled by pg_cancel_backend (as by Ctrl-C) and by
#     statement_timeout, at random moments of every phase: while a state takes in
#     rows, grows, is merged, sent and received, and in the final function.
#   - Thousands of executions of all aggregates in one session, with errors and
#     cancels in between, leak no memory.
#   - A state too large to be sent from a parallel worker to its leader is an
#     error with a hint, and both ways in the hint work. A Winback Scan sends the
#     same state in portions.
#
#   How long a cancel takes depends on the other load of the machine. The test
#   therefore judges the median of a phase, which must be at most 100 ms, as it is on
#   a busy machine, too; the worst may take a second. A phase that does not check for
#   interrupts takes seconds here, and fails by both. Under a sanitizer or valgrind
#   (scripts/checked) time is not judged, nor resident memory, where freed memory
#   lingers.
#
#   WINBACK_SEED        the seed of the moments; random unless set; printed
#   WINBACK_CANCELS     cancels a phase; default 3
#   WINBACK_SLOW_TESTS  set to 1: run also larger states, more executions, and the
#                       tests that take up to 3 GB of memory
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use List::Util qw(max min);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use WinbackCluster;

my $seed = $ENV{WINBACK_SEED} || time ^ ($$ << 8);
srand($seed);
diag('moments from WINBACK_SEED=' . int $seed);
my $cancels = $ENV{WINBACK_CANCELS} || 3;
my $slow = $ENV{WINBACK_SLOW_TESTS};
my $checked = $WinbackCluster::checked;
# under valgrind each row takes fifty times as long
my $scale = $checked eq 'valgrind' && !$slow ? 0.1 : 1;

my $node = WinbackCluster::start('memory');
# no JIT: the compiler takes long to cancel, and is not under test
$node->append_conf('postgresql.conf', q{
jit = off
work_mem = 64MB
parallel_setup_cost = 0
parallel_tuple_cost = 0
min_parallel_table_scan_size = 0
parallel_leader_participation = off
});
$node->reload;
my $started = $node->safe_psql('winback', 'SELECT pg_postmaster_start_time()');

my $session = WinbackCluster::session($node, on_error_stop => 0);
my $control = WinbackCluster::session($node);
my $pid = $session->query_safe('SELECT pg_backend_pid()');

# a hundred rows, one a page, so that workers share them; queries multiply them
$node->safe_psql('winback', $_) for split /\n/,
  q{CREATE TABLE hundred (a int8, page char(5000)) WITH (parallel_workers = 2)
  ALTER TABLE hundred ALTER page SET STORAGE PLAIN
  INSERT INTO hundred SELECT generate_series(1, 100), ''
  VACUUM ANALYZE hundred};

# Creates and fills a table for Winback Scans, with one row a customer.
sub fill {
  my ($table, $rows) = @_;
  $rows *= $scale;
  my $columns = 'customer int8, at timestamp, event lifecycle_event';
  my $values = q{n * 48271::int8 % 2147483647,}
    . q{ timestamp '2022-01-01' + n % 1095 * interval '1 day'};
  $node->safe_psql('winback', $_) for split /\n/,
    qq{CREATE UNLOGGED TABLE $table ($columns) WITH (parallel_workers = 2)
    INSERT INTO $table SELECT $values, 'purchase' FROM generate_series(1, $rows) AS n
    VACUUM ANALYZE $table};
}
fill('orders', 1500000);
fill('many_orders', 20000000) if $slow;

# begin starts a statement; await waits for its end and returns its SQLSTATE.
sub begin {
  my ($statement) = @_;
  $session->query_until(qr/^begun$/m, "\\echo begun\n$statement \\g /dev/null\n");
}
sub await {
  my $output = $session->query_until(qr/^ended \w{5}$/m, "\\echo ended :SQLSTATE\n");
  my ($sqlstate) = $output =~ /ended (\w{5})/;
  $session->{stderr} = '';
  return $sqlstate;
}

# Sets statement_timeout. Tries again when the previous timeout cancels the SET itself.
sub set_timeout {
  my ($milliseconds) = @_;
  do {
    $session->{stderr} = '';
    $session->query("SET statement_timeout = $milliseconds");
  } while $session->{stderr} =~ /statement timeout/;
}

# Runs a statement that must succeed, and returns how many seconds it took.
sub run_whole {
  my ($statement) = @_;
  my $from = time;
  begin($statement);
  my $sqlstate = await();
  die "$statement: $sqlstate" unless $sqlstate eq '00000';
  return time - $from;
}

#
# Cancels. A phase is a query that spends most of its time in one part of the code. Its
# fields: a name, the fraction of the query's time at which that part begins, the query,
# and the plan node that the query must have.
#
my $at = q{timestamp '2022-01-01' + (a * 7919 + b) % 1095 * interval '1 day'};
my $terms = q{'[2024-01-01,2024-04-01)'::tsrange, '90 days'};
my $months = q{'[2020-01-01,2025-01-01)'::tsrange, '1 month', '90 days', '1 year'};
my $event = q{(ARRAY['purchase', 'purchase', 'adjustment'])[1 + b % 3]::lifecycle_event};
sub rows { return 'FROM hundred, generate_series(1, ' . int($_[0] * $scale) . ') AS b'; }
# A query over a window. The final function runs again for each of the $rows last rows,
# each time over the $customers customers and one more, so it takes nearly all of the time.
sub at_the_end {
  my ($call, $customers, $rows) = @_;
  $customers = int($customers * $scale);
  my $numbers = "SELECT b AS a, b FROM generate_series(1, $customers + $rows) AS b";
  return "SELECT count(result)
            FROM (SELECT $call OVER (ORDER BY greatest(b, $customers)) AS result
                    FROM (SELECT a, b, $at AS at FROM ($numbers) AS n) AS numbered) AS w";
}

my $wide = '(a << 40) + b';
my $text = "'customer ' || (a << 20 | b)";
my @phases = (
  # for comparison: PostgreSQL alone
  [ 'no aggregate of ours', 0, 'SELECT count(a + b) ' . rows(30000) ],
  [ 'rows, and growing', 0,
    "SELECT reactivation_rate(a << 20 | b, $at, $terms) " . rows(15000) ],
  [ 'rows, and growing, wide integers', 0,
    "SELECT winback_rate($wide, $at, $terms) " . rows(10000) ],
  [ 'rows, and growing, text', 0,
    "SELECT reactivation_rate($text, $at, $terms) " . rows(5000) ],
  [ 'rows, and growing, events', 0,
    "SELECT reactivation_tally(a << 20 | b, $at, $event, $terms) " . rows(5000) ],
  [ 'rows of a series', 0,
    "SELECT lifecycle_series(a << 20 | b, $at, $months) " . rows(6000) ],
  [ 'rows of a series, amounts', 0,
    "SELECT lifecycle_series(a << 20 | b, $at, $event, 1.5, $months) " . rows(1000) ],
  [ 'rows of a series, amounts without events, added up', 0,
    "SELECT lifecycle_series(a, $at, 1.5, $months) " . rows(30000) ],
  [ 'rows of a series, amounts without events, one for each customer', 0,
    "SELECT lifecycle_series(a << 20 | b, $at, 1.5, $months) " . rows(6000) ],
  [ 'end of a rate', 0.4, at_the_end("reactivation_rate(a, at, $terms)", 100000, 400) ],
  [ 'end of a rate, events', 0.3,
    at_the_end("winback_rate(a, at, lifecycle_event 'purchase', $terms)", 60000, 100) ],
  [ 'end of counts', 0.4, at_the_end("lifecycle_counts(a, at, $terms, '1 year')", 60000, 200) ],
  [ 'end of a series', 0.3, at_the_end("lifecycle_series(a, at, $months)", 60000, 60) ],
  [ 'end of a series, events', 0.3,
    at_the_end("lifecycle_series(a, at, lifecycle_event 'purchase', $months)", 20000, 12) ],
  [ 'end of counts, amounts, many rows a customer', 0.5,
    "SELECT lifecycle_counts(a, $at, 1.5, $terms, '1 year') " . rows(20000) ],
  [ 'end of counts, amounts, all rows one customer', 0.5,
    "SELECT lifecycle_counts(1, $at, 1.5, $terms, '1 year') " . rows(10000) ],
  [ 'parallel', 0.2,
    "SELECT reactivation_rate(a << 20 | b, $at, $terms) " . rows(10000), 'Partial Aggregate' ],
  [ 'parallel, text', 0.2,
    "SELECT reactivation_rate($text, $at, $terms) " . rows(4000), 'Partial Aggregate' ],
  [ 'parallel, series', 0.2,
    "SELECT lifecycle_series(a << 20 | b, $at, $months) " . rows(5000), 'Partial Aggregate' ],
  [ 'parallel, series, amounts, many rows a customer', 0.2,
    "SELECT lifecycle_series(a, $at, $event, 1.5, $months) " . rows(5000), 'Partial Aggregate' ],
  [ 'parallel scan', 0.2,
    "SELECT reactivation_rate(customer, at, $terms) FROM orders", 'Winback Scan' ],
  [ 'parallel scan, series, events', 0.2,
    "SELECT lifecycle_series(customer, at, event, $months) FROM orders", 'Winback Scan' ],
  [ 'one customer a group', 0,
    "SELECT lifecycle_at($at, '2024-01-01', '90 days', NULL),
            lifecycle_during($at, '[2024-01-01,2024-04-01)'::tsrange, '90 days', NULL) "
      . rows(3000) . ' GROUP BY a, b % 100' ],
  [ 'explain_lifecycle', 0,
    "SELECT explain_lifecycle($at, $terms, NULL) " . rows(5000) . ' GROUP BY a' ],
  [ 'two steps', 0,
    "SELECT winback_tally(before, after), lifecycle_transitions(before, after)
       FROM (SELECT (ARRAY['active', 'churned'])[1 + b % 2]::lifecycle_status AS before,
                    'won_back'::lifecycle_status AS after " . rows(8000) . ') AS customers' ],
);

# states of hundreds of MB, which grow in pieces
push @phases, (
  [ 'rows, and growing, 30 million customers', 0,
    "SELECT reactivation_rate((a << 20 | b) * 48271 % 2147483647, $at, $terms) " . rows(300000) ],
  [ 'rows of a series, 12 million events', 0,
    "SELECT lifecycle_series(a, $at, $event, $months) " . rows(120000) ],
  [ 'parallel scan, 20 million customers', 0.2,
    "SELECT reactivation_rate(customer, at, $terms) FROM many_orders", 'Winback Scan' ],
  [ 'parallel scan, series, 20 million customers with events', 0.2,
    "SELECT lifecycle_series(customer, at, event, $months) FROM many_orders", 'Winback Scan' ],
) if $slow;

$session->query_safe("SET max_parallel_workers_per_gather = 0");
my @all;
for my $phase (@phases) {
  my ($name, $from, $query, $plan) = @$phase;
  $session->query_safe('SET max_parallel_workers_per_gather = ' . ($plan ? 2 : 0));
  if ($plan) {
    like($session->query_safe("EXPLAIN $query"), qr/$plan/, "$name: the plan has a $plan");
  }
  my $whole = run_whole($query);
  my (@latencies, $other);
  for (my $tries = 0; @latencies < $cancels && $tries < 3 * $cancels; $tries++) {
    # alternately by pg_cancel_backend and by statement_timeout
    my $moment = $whole * ($from + rand(0.95 - $from));
    my $timeout = $tries % 2 ? int(1000 * $moment) + 1 : 0;
    set_timeout($timeout);
    my $begun = time;
    begin($query);
    my $asked = time + $timeout / 1000;
    if (!$timeout) {
      sleep $moment;
      $asked = time;
      $control->query_safe("SELECT pg_cancel_backend($pid)");
    }
    my $sqlstate = await();
    my $latency = time - $asked;
    # the query ended before the cancel, so it was faster than the first time
    if ($sqlstate eq '00000') {
      $whole = min($whole, time - $begun);
      next;
    }
    $other ||= $sqlstate if $sqlstate ne '57014';
    push @latencies, $latency;
  }
  set_timeout(0);
  @latencies = map { 1000 * $_ } sort { $a <=> $b } @latencies;
  my $median = $latencies[ $#latencies / 2 ] || 0;
  push @all, @latencies;
  is(scalar @latencies, $cancels,
    sprintf '%s: %d times cancelled (whole: %.1f s)', $name, $cancels, $whole);
  is($other, undef, "$name: each cancel gives SQLSTATE 57014");
  SKIP: {
    skip "time is not judged with $checked", 2 if $checked;
    cmp_ok($median, '<=', 100, sprintf '%s: obeyed after %.0f ms, the median', $name, $median);
    my $slowest = $latencies[-1] || 0;
    cmp_ok($slowest, '<=', 1000, sprintf '%s: and after %.0f ms at worst', $name, $slowest);
  }
}
note(sprintf 'cancels: %d, worst %.0f ms', scalar @all, max @all);
is($session->query_safe(q{
    SELECT reactivation_tally(a, timestamp '2022-01-01', '[2024-01-01,)'::tsrange, '90 days')
      FROM hundred}),
  '0/100', 'the session lives, and counts right');

#
# No leaks. Memory contexts count what palloc handed out, the resident memory counts
# everything.
#
my $executions = $slow ? 10000 : $checked eq 'valgrind' ? 200 : 2000;
$session->query_safe(q{
  SET max_parallel_workers_per_gather = 0;
  CREATE TYPE pg_temp.pair AS (n int, t text);
  CREATE TEMP TABLE orders AS
  SELECT n % 211 AS customer, 'customer ' || n % 211 AS name,
         ROW(n % 211, 'x')::pg_temp.pair AS pair,
         timestamp '2023-01-01' + n * interval '3 hours' AS at,
         (ARRAY['purchase', 'purchase', 'cancellation', 'interest'])[1 + n % 4]
           ::lifecycle_event AS event,
         CASE WHEN n % 4 < 2 THEN n % 13 + 0.5 END AS amount
    FROM generate_series(1, 3000) AS n;
  ANALYZE orders;
  CREATE PROCEDURE pg_temp.execute(times int) LANGUAGE plpgsql AS $$
  DECLARE
    period tsrange := '[2023-06-01,2023-09-01)';
    a lifecycle_counts; b lifecycle_counts[]; c float8; d float8; e rate_tally; f rate_tally;
    g bigint; failed int := 0; cancelled int := 0;
  BEGIN
    FOR n IN 1 .. times LOOP
      CASE n % 10
        WHEN 0 THEN
          SELECT reactivation_rate(customer, at, period, '20 days'),
                 winback_tally(name, at, event, period, '40 days')
            INTO c, e FROM orders;
        WHEN 1 THEN
          SELECT reactivation_tally(pair, at, period, '20 days') INTO e
            FROM orders WHERE customer < 100;
        WHEN 2 THEN
          SELECT lifecycle_series(customer, at, event, amount, period, '1 month',
                                  '20 days', '40 days') INTO b FROM orders;
        WHEN 3 THEN
          a := (SELECT lifecycle_counts(customer, at, period, '20 days', NULL) FROM orders);
          e := a.win_back + a.reactivation;
          c := (rate_interval(e)).lower;
        WHEN 4 THEN
          SELECT winback_tally(before, after), count(*) INTO e, g
            FROM (SELECT lifecycle_at(at, '2023-06-01', '20 days', '40 days') AS before,
                         lifecycle_during(at, event, period, '20 days', '40 days') AS after
                    FROM orders GROUP BY customer) AS customers;
        WHEN 5 THEN
          PERFORM reactivation_rate(customer, at, period, '20 days') OVER (ORDER BY at)
             FROM orders WHERE customer < 5;
        WHEN 6 THEN
          PERFORM reactivation_tally(customer, at, period, '20 days'),
                  explain_lifecycle(at, period, '20 days', NULL)
             FROM orders GROUP BY ROLLUP (customer % 20);
        WHEN 7 THEN
          -- fails in the middle: the threshold changes
          BEGIN
            PERFORM lifecycle_series(name, at, event, amount, period, '1 month',
                      CASE WHEN customer = 200 THEN '21 days' ELSE '20 days' END::interval,
                      '40 days') FROM orders;
          EXCEPTION WHEN invalid_parameter_value THEN
            failed := failed + 1;
          END;
        WHEN 8 THEN
          -- is cancelled in the middle of the customers' rows
          BEGIN
            PERFORM winback_rate(name,
                      CASE WHEN customer = 200 AND pg_cancel_backend(pg_backend_pid())
                           THEN at ELSE at END, period, '40 days') FROM orders;
          EXCEPTION WHEN query_canceled THEN
            cancelled := cancelled + 1;
          END;
        ELSE
          PERFORM lifecycle_transitions('active', 'churned'), sum(rate_tally(1, 2)) FROM orders;
      END CASE;
    END LOOP;
    IF failed <> times / 10 OR cancelled <> times / 10 THEN
      RAISE 'failed % times, cancelled % times', failed, cancelled;
    END IF;
  END $$;
});

# Returns the bytes of all memory contexts, and the resident bytes of the session.
sub memory {
  my $known = $session->query_safe('SELECT sum(total_bytes) FROM pg_backend_memory_contexts');
  my ($resident) = slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m or die 'no RssAnon';
  return ($known, 1024 * $resident);
}
# the first executions fill caches, and malloc's arena reaches its size
$session->query_safe('CALL pg_temp.execute(200)');
my ($known, $resident) = memory();
$session->query_safe("CALL pg_temp.execute($executions)");
my ($known_later, $resident_later) = memory();
cmp_ok($known_later - $known, '<', 65536,
  sprintf 'after %d executions more, memory contexts have grown by %+d bytes',
  $executions, $known_later - $known);
SKIP: {
  skip "with $checked, freed memory stays resident", 1 if $checked;
  cmp_ok($resident_later - $resident, '<', 2**20,
    sprintf 'and resident memory by %+d bytes', $resident_later - $resident);
}

#
# A partial state of more than 1 GB, which a worker cannot send to its leader. Few
# customers with long names make one, or few rows with long amounts. All rows of the
# table are in one page, so that one worker gets them all.
#
$node->safe_psql('winback', q{
  CREATE TABLE one_page (a int8) WITH (parallel_workers = 2);
  INSERT INTO one_page SELECT a FROM hundred;
  ANALYZE one_page});
my $long = "repeat('long name ', 40000) || (a << 20 | b)";
my $long_amount = "repeat('9', 130000)::numeric";
my %too_much = (
  'reactivation_rate, long names' =>
    "SELECT reactivation_tally($long, $at, $terms) " . rows(38),
  'lifecycle_series with events, long names' =>
    "SELECT lifecycle_series($long, $at, $event, $months) " . rows(28),
  'lifecycle_series with events, long amounts' =>
    "SELECT lifecycle_series(a, $at, $event, $long_amount, $months) " . rows(180),
);
my ($available) = slurp_file('/proc/meminfo') =~ /^MemAvailable:\s+(\d+) kB/m
  or die 'no MemAvailable';
for my $case (sort keys %too_much) {
 SKIP: {
    skip 'needs 3 GB of memory and WINBACK_SLOW_TESTS=1', 1 unless $slow;
    skip 'less than 4 GB of memory are available', 1 if $available < 4 * 2**20;
    my $query = $too_much{$case} =~ s/hundred/one_page/r;
    # a high cost of operators makes a parallel plan cheaper
    my $settings = 'SET max_parallel_workers_per_gather = 2; SET cpu_operator_cost = 1;';
    like($node->safe_psql('winback', "$settings EXPLAIN $query"), qr/Gather.*Partial Aggregate/s,
      "$case: the plan is parallel");
    my (undef, undef, $errors) = $node->psql('winback', "$settings $query",
      extra_params => [ '-v', 'VERBOSITY=verbose' ]);
    like($errors,
      qr/ERROR:  54000: partial aggregate state is too large to send to the leader process\n/,
      "$case: the state is too large to send");
    like($errors,
      qr/DETAIL:  The state of \d+ customers has \d{10} bytes, and the limit is 1 GB\./,
      "$case: the detail has its size");
    my $hint = 'HINT:  SET max_parallel_workers_per_gather = 0 for this query,'
      . ' or use the two-step form, which can spill to disk.';
    like($errors, qr/\Q$hint\E/, "$case: the hint has two ways out");
    my $serial =
      $node->safe_psql('winback', "SET max_parallel_workers_per_gather = 0; $query");
    like($serial, qr/\d/, "$case: without parallel workers it has an answer");
  }
}
SKIP: {
  skip 'needs 3 GB of memory and WINBACK_SLOW_TESTS=1', 1 unless $slow;
  skip 'less than 4 GB of memory are available', 1 if $available < 4 * 2**20;
  my $two_steps = "
    SELECT reactivation_tally(before, after)
      FROM (SELECT lifecycle_at($at, '2024-01-01', '90 days', NULL) AS before,
                   lifecycle_during($at, '[2024-01-01,2024-04-01)'::tsrange, '90 days', NULL)
                     AS after " . rows(38) . " GROUP BY $long) AS customers";
  my $expected = $node->safe_psql('winback',
    "SET max_parallel_workers_per_gather = 0; $too_much{'reactivation_rate, long names'}");
  is($node->safe_psql('winback', "SET max_parallel_workers_per_gather = 1; $two_steps"),
    $expected, 'the two-step form has the same answer, in parallel');

  # names are compressed in the table, but not in a state
  $node->safe_psql('winback', "CREATE TABLE named WITH (parallel_workers = 2) AS
    SELECT $long AS customer, $at AS at " . rows(38));
  my $scan = "SELECT reactivation_tally(customer, at, $terms) FROM named";
  like($node->safe_psql('winback', "EXPLAIN $scan"), qr/Gather.*Winback Scan/s,
    'a parallel Winback Scan is planned');
  is($node->safe_psql('winback', $scan), $expected,
    'a parallel Winback Scan has the same answer, for it sends the state in portions');
}

WinbackCluster::check_same_server($node, $started);
$session->quit;
$control->quit;
done_testing();
