# WinbackFuzz.pm
#   What the tests with random rows and random queries share: the server, the seed, random
#   choices, keys of customers, partitions, settings of the planner, and the definitions of
#   the counts in plain SQL.
#
#   my $node = WinbackFuzz::start('plans');
#   my $seed = WinbackFuzz::seed('rows and queries');
#   my $key = any('g', 'h');
#   WinbackFuzz::survived($node);
#
#   WINBACK_FUZZ_SEED   the seed; random unless set; printed
#   WINBACK_FUZZ_TIMES  multiplies the number of rounds; default 1
package WinbackFuzz;

use strict;
use warnings;

use Exporter 'import';
use Test::More;
use WinbackCluster;

our @EXPORT = qw(any maybe shuffle magnitude partitions alter_orders random_settings %spelling
  %span @columns $eligible %sum_of);

# Starts a server whose database "winback" is a foreign server of itself, "itself", on which
# "orders" can have partitions. Without postgres_fdw, one of the contrib modules, there are no
# foreign partitions.
my ($major, $started, $has_foreign);

sub start {
  my ($name) = @_;
  my $node = WinbackCluster::start($name);
  ($major, $started, $has_foreign) = split /\|/, $node->safe_psql('winback', q{
    SELECT current_setting('server_version_num')::int / 10000, pg_postmaster_start_time(),
           (SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw')});
  my ($host, $port) = ($node->host, $node->port);
  $node->safe_psql('winback', qq{
    CREATE EXTENSION postgres_fdw;
    CREATE SERVER itself FOREIGN DATA WRAPPER postgres_fdw
      OPTIONS (host '$host', port '$port', dbname 'winback', extensions 'winback',
               async_capable 'true');
    CREATE USER MAPPING FOR CURRENT_USER SERVER itself}) if $has_foreign;
  return $node;
}

# Tests that the server has neither restarted nor crashed.
sub survived {
  my ($node) = @_;
  return WinbackCluster::check_same_server($node, $started);
}

# Seeds the random numbers of Perl, prints the seed, and returns it.
sub seed {
  my ($things) = @_;
  my $seed = $ENV{WINBACK_FUZZ_SEED} || time ^ ($$ << 8);
  srand($seed);
  diag("$things from WINBACK_FUZZ_SEED=$seed");
  return $seed;
}

# Returns the number of rounds, of which there are $_[0] unless WINBACK_FUZZ_TIMES is set.
sub rounds { return int $_[0] * ($ENV{WINBACK_FUZZ_TIMES} || 1); }

sub any { return $_[ int rand @_ ]; }
sub maybe { return rand() < $_[0]; }
sub shuffle { return map { $_->[1] } sort { $a->[0] <=> $b->[0] } map { [ rand, $_ ] } @_; }
# returns a number from 1 to $_[0]; each order of magnitude is equally likely
sub magnitude { return int exp rand log 1 + $_[0]; }

# The type of the customer column, and the expression that makes a customer of the integer "who".
# "serial" ones are close together, as from a sequence (KEY_DENSE in src/README.md).
our %spelling = (
  'serial int4' => 'who - 300',
  'serial int8' => '2000000000 - who',
  'nearly serial int8' => 'CASE n WHEN 2500 THEN 3000000000 ELSE who END',
  int4 => 'who * 7919 - 1000',
  int8 => 'who::int8 << 33',
  uuid => q{md5(who::text)::uuid},
  text => q{CASE who % 50 WHEN 0 THEN repeat('long ', 500) || who ELSE 'number ' || who END},
  numeric => 'who / 4.0',
);

our %span = (date => 'daterange', timestamp => 'tsrange', timestamptz => 'tstzrange');

# Returns a random PARTITION BY clause for the table "orders", which has the integer columns n
# (from 1 to $rows), g and h (from 0 to 3), and the statements that create the partitions. Some
# partitions have their columns in another order, after a dropped column, and some are foreign
# tables. The rows of these are in tables named remote_1 to remote_3.
sub partitions {
  my ($columns, $rows) = @_;
  my ($one, $two) = (1 + int($rows / 3), 2 + int(2 * $rows / 3));
  my ($by, @bounds) = @{ any(
    [ 'HASH (g)', map { "FOR VALUES WITH (MODULUS 3, REMAINDER $_)" } 0 .. 2 ],
    [ 'LIST (h)', 'FOR VALUES IN (1)', 'FOR VALUES IN (0, 2)', 'DEFAULT' ],
    [ 'RANGE (n)', "FOR VALUES FROM (MINVALUE) TO ($one)",
      "FOR VALUES FROM ($one) TO ($two)", "FOR VALUES FROM ($two) TO (MAXVALUE)" ]
  ) };
  my $k = 0;
  return ("PARTITION BY $by", join ";\n", map {
    my $name = 'orders_' . ++$k;
    my $shuffled = join ', ', shuffle(@$columns, 'junk text');
    my $remote = "remote_$k";
    $has_foreign && maybe(0.2)
      ? "DROP TABLE IF EXISTS $remote; CREATE TABLE $remote ($shuffled); "
      . "ALTER TABLE $remote DROP COLUMN junk; "
      . "CREATE FOREIGN TABLE $name PARTITION OF orders $_ "
      . "SERVER itself OPTIONS (table_name '$remote')"
      : maybe(0.5)
      ? "CREATE TABLE $name PARTITION OF orders $_"
      : "CREATE TABLE $name ($shuffled); ALTER TABLE $name DROP COLUMN junk; "
        . "ALTER TABLE orders ATTACH PARTITION $name $_"
  } @bounds);
}

# Returns statements that change "orders", and the tables with the rows of its foreign partitions.
sub alter_orders {
  my ($partitions, $changes) = @_;
  return join '', map { "ALTER TABLE $_ $changes;\n" } 'orders',
    $partitions =~ /CREATE TABLE (remote_\d)/g;
}

# Definitions in plain SQL, over a row for each customer: standing1 and standing2 at the start and
# the end of the period; bought, if the customer bought in it. The columns of lifecycle_counts that
# count customers, each with the condition that a customer counted there satisfies:
our @columns = (
  prospects_start => q{standing1 = 'prospect'}, active_start => q{standing1 = 'active'},
  inactive_start => q{standing1 = 'inactive'}, churned_start => q{standing1 = 'churned'},
  new_customers => q{bought AND coalesce(standing1, 'prospect') = 'prospect'},
  converted => q{bought AND standing1 = 'prospect'}, retained => q{bought AND standing1 = 'active'},
  reactivated => q{bought AND standing1 = 'inactive'},
  won_back => q{bought AND standing1 = 'churned'},
  prospects_end => q{standing2 = 'prospect'}, active_end => q{standing2 = 'active'},
  inactive_end => q{standing2 = 'inactive'}, churned_end => q{standing2 = 'churned'},
);
# who is eligible for the reactivation rate
our $eligible = q{standing1 IN ('inactive', 'churned', 'prospect')};
# whose amounts count in the column revenue_...
our %sum_of = (
  new => q{bought AND coalesce(standing1, 'prospect') = 'prospect'},
  retained => q{CASE WHEN bought THEN standing1 ELSE standing2 END = 'active'},
  reactivated => q{bought AND standing1 = 'inactive'},
  won_back => q{bought AND standing1 = 'churned'},
  other => q{NOT bought AND standing2 IS DISTINCT FROM 'active'},
);

# Returns random settings for the server: name = value.
sub random_settings {
  my @on = (
    'enable_hashagg', 'enable_sort', 'enable_hashjoin', 'enable_mergejoin', 'enable_nestloop',
    'enable_seqscan', 'enable_indexscan', 'enable_bitmapscan', 'enable_material',
    'enable_gathermerge', 'enable_incremental_sort', 'parallel_leader_participation',
    'enable_parallel_hash', 'enable_parallel_append',
    $major >= 16 ? 'enable_presorted_aggregate' : (),
  );
  my @off = ('enable_partitionwise_aggregate', 'enable_partitionwise_join', 'enable_memoize');
  my @set = map { $_ . ' = ' . (maybe(0.75) ? 'on' : 'off') } @on;
  push @set, map { $_ . ' = ' . (maybe(0.5) ? 'on' : 'off') } @off;
  # without a hash join or a merge join, which needs sorting, a nested loop compares all pairs
  # of rows, which takes minutes on a slow server
  my %on = map { /^(\w+) = on$/ ? ($1 => 1) : () } @set;
  push @set, 'enable_hashjoin = on'
    unless $on{enable_hashjoin} || $on{enable_mergejoin} && $on{enable_sort};
  push @set, 'winback.enable_scan = ' . (maybe(0.8) ? 'on' : 'off');
  push @set, q{work_mem = '} . any('64kB', '64kB', '256kB', '4MB') . q{'},
    'hash_mem_multiplier = ' . any(1, 2);
  push @set, 'max_parallel_workers_per_gather = ' . any(0, 1, 2, 4),
    'parallel_setup_cost = 0', 'parallel_tuple_cost = 0',
    'min_parallel_table_scan_size = 0', 'min_parallel_index_scan_size = 0';
  push @set, 'cpu_operator_cost = ' . any(0.0025, 1);
  push @set, ($major >= 16 ? 'debug_parallel_query' : 'force_parallel_mode') . ' = '
    . any('off', 'off', 'on', 'regress');
  # 19 may aggregate below a join, and merge the states above it
  push @set, 'enable_eager_aggregate = ' . any('on', 'on', 'off'),
    'min_eager_agg_group_size = ' . any(0, 8)
    if $major >= 19;
  push @set, maybe(0.1)
    ? ('jit = on', 'jit_above_cost = 0', 'jit_inline_above_cost = ' . any(0, -1),
      'jit_optimize_above_cost = ' . any(0, -1))
    : 'jit = off';
  push @set, 'plan_cache_mode = ' . any('auto', 'force_generic_plan', 'force_custom_plan');
  return @set;
}

1;
