# 170_scale_out.pl
#   Answers from several servers. doc/scale.md describes how to set them up, so this test
#   runs the SQL of that document, on the servers that the first line of each block names,
#   and compares what psql prints with the text that follows the block. Then it proves, on
#   the same servers:
#
#   - postgres_fdw: orders partitioned by customer over three servers give the answers of
#     one server, in every form. EXPLAIN shows which forms are sent, that the servers work
#     at the same time, and that a Winback Scan reads the heap partition beside the foreign
#     ones. The forms that are not sent give the same answers, too.
#   - A hot standby gives the answers of its primary, with the Winback Scan and in parallel.
#   - A server without winback, as managed services are: its orders are asked through
#     logical replication, before and after they change, and through postgres_fdw. Plain
#     SQL on that server gives the same numbers.
#
#   Limits: all servers run on this machine. t/140_zones.pl tests time zones.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WinbackCluster;

my $top = "$FindBin::RealBin/..";
my $s0 = WinbackCluster::create('s0');
# one server replicates to a standby
$s0->append_conf('postgresql.conf', "wal_level = replica\nmax_wal_senders = 4\nhot_standby = on");
$s0->start;
plan(skip_all => 'postgres_fdw is not installed: it is part of the contrib modules')
  unless $s0->safe_psql('postgres',
    q{SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'});
my ($s1, $s2) = map { WinbackCluster::create($_) } 's1', 's2';

# A managed server has no settings that would let it find winback.
my $managed = PostgreSQL::Test::Cluster->new('managed');
{
  delete local $ENV{TEMP_CONFIG};
  $managed->init(allows_streaming => 'logical');
}
$_->start for $s1, $s2, $managed;

# the settings of a user in UTC
$ENV{PGTZ} = 'UTC';
$ENV{PGDATESTYLE} = 'ISO';

# The servers of the document. The small server is a database of s2.
my $shop = slurp_file("$top/examples/demo/shop.sql");
my %place = (s0 => $s0, s1 => $s1, s2 => $s2, managed => $managed, small => $s2);
my %database = (small => 'small');
for my $name (sort keys %place) {
  $place{$name}->safe_psql('postgres', 'CREATE DATABASE ' . ($database{$name} //= 'shop'));
}
$_->safe_psql('postgres', 'CREATE ROLE analyst LOGIN REPLICATION') for $s1, $s2, $managed;
$s0->safe_psql('shop', "CREATE EXTENSION winback; $shop");
# the managed server has the same orders, through a file
my $rows = PostgreSQL::Test::Utils::tempdir . '/orders';
$s0->safe_psql('shop', "COPY orders TO '$rows'");
$managed->safe_psql('shop', ($shop =~ /^(CREATE TABLE orders .*?;)$/ms)[0] . qq{
  COPY orders FROM '$rows';
  GRANT SELECT ON orders TO analyst});
isnt($managed->psql('shop', q{SELECT reactivation_tally(customer_id, ordered_at,
                                     '[2024-01-01,2024-04-01)', '90 days') FROM orders}), 0,
  'the managed server does not know the functions of winback');

sub ask { my ($name, $sql) = @_; return $place{$name}->safe_psql($database{$name}, $sql); }

#
# The document: its blocks in order, with the addresses of the servers of this test.
#
my $document = slurp_file("$top/doc/scale.md");
my @blocks;
push @blocks, [ $1, $2 ]
  while $document =~ /^```sql\n(.*?)^```\n(?:```text\n(.*?)^```\n)?/gms;
my $fences = () = $document =~ /^```sql$/gm;
is(scalar(@blocks), $fences, 'every block of SQL of doc/scale.md was found');
cmp_ok($fences, '>', 5, 'doc/scale.md has examples');
my $places = 's0|s1|s2|the managed server|the small server';
for my $block (@blocks) {
  my ($sql, $expected) = @$block;
  my ($first, $title) = $sql =~ /\A-- on ((?:$places)(?: and (?:$places))*)\n(.{1,50})/
    or BAIL_OUT("doc/scale.md: this block does not name its server: $sql");
  my @names = map { s/^the //r =~ s/ server$//r } split / and /, $first;
  for my $name (@names) {
    my $here = $sql;
    for my $other (keys %place) {
      my ($host, $port) = ($place{$other}->host, $place{$other}->port);
      $here =~ s/host '\Q$other\E\.example', port '5432'/host '$host', port '$port'/g;
      $here =~ s/host=\Q$other\E\.example port=5432/host=$host port=$port/g;
    }
    unlike($here, qr/example/, "the servers that a block for $name names are servers of this test");
    my $printed = '';
    IPC::Run::run [ 'psql', '-X', '-q', '-d', $place{$name}->connstr($database{$name}) ],
      '<', \$here, '>&', \$printed;
    $printed =~ s/^NOTICE:  created replication slot.*\n//m;
    $printed =~ s/[ \t]+$//gm;
    $printed =~ s/\n+\z/\n/;
    is($printed, $expected // '', "doc/scale.md, $name: $title");
    $s2->wait_for_subscription_sync($managed, 'from_managed', 'small')
      if $sql =~ /^CREATE SUBSCRIPTION from_managed /m;
  }
}

#
# postgres_fdw: every form over the partitions of three servers.
#
is(ask('s0', 'SELECT count(DISTINCT tableoid) FROM all_orders'), 3, 'three servers have orders');
# The histories of each server, as the document says. Its orders on one server are "one_server".
ask($_, q{
  CREATE TABLE histories AS
  SELECT customer_id, history_agg(ordered_at, amount) AS history FROM part GROUP BY customer_id;
  GRANT SELECT ON histories TO analyst}) for 's1', 's2';
ask('s0', q{
  CREATE TABLE all_histories (customer_id bigint, history customer_history)
    PARTITION BY HASH (customer_id);
  CREATE TABLE histories_0 PARTITION OF all_histories
    FOR VALUES WITH (MODULUS 3, REMAINDER 0);
  CREATE FOREIGN TABLE histories_1 PARTITION OF all_histories
    FOR VALUES WITH (MODULUS 3, REMAINDER 1) SERVER s1 OPTIONS (table_name 'histories');
  CREATE FOREIGN TABLE histories_2 PARTITION OF all_histories
    FOR VALUES WITH (MODULUS 3, REMAINDER 2) SERVER s2 OPTIONS (table_name 'histories');
  INSERT INTO histories_0
  SELECT customer_id, history_agg(ordered_at, amount) FROM orders_0 GROUP BY customer_id;
  CREATE TABLE one_server AS SELECT * FROM all_orders;
  CREATE TABLE one_server_histories AS
  SELECT customer_id, history_agg(ordered_at, amount) AS history
    FROM one_server GROUP BY customer_id;
  ANALYZE one_server, one_server_histories, all_histories;

  -- whether queries have the same rows
  CREATE FUNCTION rows_of(query text) RETURNS text LANGUAGE plpgsql AS $$
  DECLARE answer text;
  BEGIN
    EXECUTE 'SELECT count(*) || md5(string_agg(r::text, chr(10) ORDER BY r::text))
               FROM (' || query || ') AS r' INTO answer;
    RETURN answer;
  END $$;
  CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
  BEGIN RETURN QUERY EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query; END $$;
  ALTER DATABASE shop SET enable_partitionwise_aggregate = on;
});
is(ask('s0', q{SELECT rows_of('TABLE all_histories') = rows_of('TABLE one_server_histories')}), 't',
  'the histories that the servers made are those of one server');

my $period = q{'[2024-01-01,2024-04-01)'};
my $days = q{'90 days', '180 days'};
my $year = qq{'[2024-01-01,2025-01-01)', '3 months', $days};
my $facts = "lifecycle_at(ordered_at, '2024-01-01', $days) AS before,
             lifecycle_during(ordered_at, $period, $days) AS after";

# A form is a query of ORDERS or HISTORIES; or, with SUM or ROWS, a tally of one partition, and the
# test adds up the tallies of all partitions. With ROWS it compares the rows of unnest(). The number
# says on how many foreign servers the aggregate is computed.
my @forms = (
  # by customer
  (map { [ "two steps: $_", 2, "SELECT $_(before, after)
      FROM (SELECT customer_id, $facts FROM ORDERS GROUP BY customer_id) AS c" ] }
    qw(winback_tally reactivation_tally winback_rate reactivation_rate lifecycle_transitions)),
  (map { [ "GROUP BY customer: $_", 2,
      "SELECT customer_id, $_ AS a FROM ORDERS GROUP BY customer_id" ] }
    "lifecycle_at(ordered_at, '2024-01-01', $days)",
    "lifecycle_during(ordered_at, $period, $days)",
    'history_agg(ordered_at, amount)',
    "reactivation_tally(customer_id, ordered_at, $period, '90 days')",
    "lifecycle_counts_tally(customer_id, ordered_at, $period, $days)"),
  [ 'the sum of tallies of customers', 2,
    "SELECT sum(t) FROM (SELECT reactivation_tally(customer_id, ordered_at, $period, '90 days') AS t
                           FROM ORDERS GROUP BY customer_id) AS c" ],
  [ 'the sum of the series of customers', 2,
    "SELECT unnest(sum(t))
       FROM (SELECT lifecycle_series_tally(customer_id, ordered_at, amount, $year) AS t
               FROM ORDERS GROUP BY customer_id) AS c" ],
  [ 'HAVING', 2, "SELECT customer_id FROM ORDERS GROUP BY customer_id
      HAVING lifecycle_during(ordered_at, $period, $days) = 'won_back'" ],
  # postgres_fdw does not know the array type of an extension, nor a row with instants
  (map { [ "GROUP BY customer: $_", 0,
      "SELECT customer_id, $_ AS a FROM ORDERS GROUP BY customer_id" ] }
    "explain_lifecycle(ordered_at, $period, $days)",
    "lifecycle_counts(customer_id, ordered_at, $period, $days)",
    "lifecycle_series(customer_id, ordered_at, $year)"),
  # over the partitioned table: the state of all customers is computed here
  (map { [ "in one step: $_", 0, "SELECT $_ AS a FROM ORDERS" ] }
    "reactivation_rate(customer_id, ordered_at, $period, '90 days')",
    "winback_tally(customer_id, ordered_at, $period, '180 days')",
    "lifecycle_counts(customer_id, ordered_at, amount, $period, $days)",
    "lifecycle_series(customer_id, ordered_at, amount, $year)",
    "lifecycle_series_tally(customer_id, ordered_at, amount, $year)"),
  # one aggregate a partition
  (map { [ "a partition: $_", 2, $_, 'SUM' ] }
    "reactivation_tally(customer_id, ordered_at, $period, '90 days')",
    "winback_tally(customer_id, ordered_at, $period, '180 days')",
    "winback_tally_lost_after(customer_id, ordered_at, $period, '180 days', '1 year')"),
  (map { [ "a partition: $_", 2, $_, 'ROWS' ] }
    "lifecycle_counts_tally(customer_id, ordered_at, amount, $period, $days)",
    "lifecycle_series_tally(customer_id, ordered_at, $year)",
    "lifecycle_series_tally(customer_id, ordered_at, amount, $year)"),
  # histories
  [ 'a condition on histories', 2,
    'SELECT history_agg(history) FROM HISTORIES WHERE purchases(history) = 2' ],
  [ 'the status of histories', 0,
    "SELECT customer_id, lifecycle_during(history, $period, $days) AS s FROM HISTORIES" ],
  (map { [ "histories of a partition: $_->[0]", 2, @$_ ] }
    [ "reactivation_tally(history, tsrange $period, '90 days')", 'SUM' ],
    [ "winback_tally(history, tsrange $period, '180 days')", 'SUM' ],
    [ "lifecycle_counts_tally(history, tsrange $period, $days)", 'ROWS' ],
    [ "lifecycle_series_tally(history, tsrange $year)", 'ROWS' ]),
  # a period that is a text depends on TimeZone; a state of many partitions is merged here
  (map { [ "histories: $_", 0, "SELECT $_ AS a FROM HISTORIES" ] }
    "reactivation_rate(history, $period, '90 days')",
    "reactivation_rate(history, tsrange $period, '90 days')",
    "lifecycle_series(history, tsrange $year)"),
  [ 'two steps of histories', 0, "SELECT reactivation_tally(
      lifecycle_at(history, '2024-01-01', $days), lifecycle_during(history, $period, $days))
      FROM HISTORIES" ],
);

# Returns a query over the three servers, and over one of them.
sub queries {
  my ($query, $sum) = @_;
  my @names = (ORDERS => [ 'all_orders', 'one_server' ],
    HISTORIES => [ 'all_histories', 'one_server_histories' ]);
  if ($sum) {
    my $result = $sum eq 'ROWS' ? 'unnest(%s)' : '%s';
    my ($part, $one) =
      $query =~ /\(history,/ ? ('histories', 'one_server_histories') : ('orders', 'one_server');
    return (
      sprintf("SELECT $result AS a FROM (%s) AS parts", 'sum(t)',
        join ' UNION ALL ', map { "SELECT $query AS t FROM ${part}_$_" } 0 .. 2),
      sprintf("SELECT $result AS a FROM $one", $query));
  }
  return map {
    my $i = $_;
    my $text = $query;
    $text =~ s/\bORDERS\b/$names[1][$i]/g;
    $text =~ s/\bHISTORIES\b/$names[3][$i]/g;
    $text
  } 0, 1;
}

sub quoted { return '$query$' . $_[0] . '$query$'; }

# All forms in one session: whether the rows are equal, and the plan.
my @pairs = map { [ map { quoted($_) } queries(@$_[ 2, 3 ]) ] } @forms;
my @answers = split /^--\n/m, ask('s0', join ';',
  map { "SELECT rows_of($$_[0]) = rows_of($$_[1]); SELECT plan_of($$_[0]); SELECT '--'" } @pairs);
for my $i (0 .. $#forms) {
  my ($title, $sent, $query, $sum) = @{ $forms[$i] };
  $title =~ s/\s+/ /g;
  my ($equal, $plan) = split /\n/, $answers[$i], 2;
  is($equal, 't', "three servers answer like one: $title");
  my $relations = () = $plan =~ /Relations: Aggregate on/g;
  my $remote = () =
    $plan =~ /Remote SQL: SELECT .*(?:lifecycle|winback|reactivation|history)_\w+\(/g;
  # a condition, not an aggregate
  ($relations, $remote) = (scalar(() = $plan =~ /Remote SQL: .* WHERE .*purchases\(history\)/g)) x 2
    if $query =~ /WHERE purchases/;
  is("$relations $remote", "$sent $sent", "$sent of two foreign servers compute: $title");
  like($plan, qr/Custom Scan \(Winback Scan\) on public\.(?:orders|histories)_0(?: \w+)?\n/,
    "a Winback Scan reads the heap partition: $title") if $sent && $query !~ /WHERE purchases/;
  next unless $sum;
  my $async = () = $plan =~ /-> +Async Foreign Scan/g;
  is($async, 2, "they compute at the same time: $title");
}

# One Winback Scan over a heap partition and foreign ones: it reads the first, and a plan below it
# asks the servers for the rows of the others.  With groups these rows are kept.
my $tally = "reactivation_tally(customer_id, ordered_at, $period, '90 days')";
my $little = "SET work_mem = '64kB'; SET hash_mem_multiplier = 1; SET enable_sort = off;";
ask('s0', 'CREATE TABLE attributes AS SELECT DISTINCT customer_id, customer_id % 5 AS country
             FROM one_server WHERE customer_id % 10 > 0;
           ALTER TABLE attributes ADD PRIMARY KEY (customer_id); ANALYZE attributes');
my @mixed = (
  [ 'no groups', '', "SELECT $tally FROM ORDERS" ],
  [ 'WHERE and FILTER', '', "SELECT $tally FILTER (WHERE amount > 30), $tally AS all FROM ORDERS
      WHERE ordered_at > '2023-02-01' AND customer_id % 3 > 0" ],
  [ 'several aggregates', '', "SELECT $tally, lifecycle_counts(customer_id, ordered_at, amount,
      $period, $days), count(*), sum(amount) FROM ORDERS" ],
  [ 'groups', 'kept', "SELECT customer_id % 7, $tally FROM ORDERS GROUP BY 1" ],
  [ 'groups by a column and an expression', 'kept',
    "SELECT date_trunc('year', ordered_at), amount, $tally FILTER (WHERE ordered_at > '2023-03-01')
       FROM ORDERS GROUP BY 1, amount HAVING $tally IS NOT NULL" ],
  [ 'a list of customers', 'kept', "SELECT customer_id, $facts FROM ORDERS GROUP BY customer_id" ],
  [ 'groups in several passes', 'passes', "SELECT customer_id % 2000, $tally FROM ORDERS GROUP BY 1",
    $little ],
  [ 'a list in several passes', 'passes',
    "SELECT customer_id, history_agg(ordered_at, amount) FROM ORDERS GROUP BY customer_id", $little ],
  [ 'a correlated subquery', '',
    "SELECT r, (SELECT $tally FROM ORDERS WHERE amount % 4 < r) FROM generate_series(0, 3) AS r" ],
  [ 'a correlated subquery that asks for the same foreign rows again', '',
    "SELECT r, (SELECT $tally FILTER (WHERE amount % 4 < r) FROM ORDERS)
       FROM generate_series(0, 3) AS r" ],
  [ 'groups in a correlated subquery', 'kept', "SELECT r, (SELECT string_agg(t::text, ' ' ORDER BY k)
      FROM (SELECT customer_id % 4 AS k, $tally AS t FROM ORDERS WHERE amount % 3 <> r
             GROUP BY 1) AS o) FROM generate_series(0, 3) AS r" ],
  [ 'a join', 'kept', "SELECT country, $tally FROM ORDERS JOIN attributes USING (customer_id)
      GROUP BY country" ],
  [ 'a semi-join', '', "SELECT $tally FROM ORDERS
      WHERE customer_id IN (SELECT customer_id FROM attributes WHERE country < 3)" ],
  [ 'UNION ALL', '', "SELECT $tally FROM (SELECT customer_id, ordered_at FROM ORDERS
      UNION ALL SELECT country, '2023-05-01' FROM attributes) AS u" ],
);
for my $form (@mixed) {
  my ($title, $kind, $query, $settings) = @$form;
  # keeping rows costs nothing, so that the scan is chosen although two thirds of the rows are foreign
  my $set = ($settings // '') . 'SET enable_partitionwise_aggregate = off;
    SET cpu_operator_cost = 0.0001;';
  my ($mixed, $single) = queries($query);
  my ($equal, $plan) = split /\n/,
    ask('s0', "$set SELECT rows_of(@{[ quoted($mixed) ]}) = rows_of(@{[ quoted($single) ]});
               EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) $mixed"), 2;
  is($equal, 't', "one scan over three servers answers like one server: $title");
  like($plan, qr/Custom Scan \(Winback Scan\)/, "it is a Winback Scan: $title");
  my $async = () = $plan =~ /-> +Async Foreign Scan/g;
  is($async, 2, "which asks the servers at the same time: $title");
  is($plan =~ /-> +Materialize/ ? 1 : 0, $kind ? 1 : 0, "it keeps their rows for groups: $title");
  is($plan =~ /Passes: / ? 1 : 0, $kind eq 'passes' ? 1 : 0, "in one pass or several: $title");
}
# A foreign child of a table, and a foreign branch of a UNION ALL: there PostgreSQL computes the keys
# above the Append, and the rows from below have the columns of the tables.
ask('s0', q{CREATE TABLE grown AS SELECT customer_id, ordered_at, amount FROM orders_0;
  CREATE FOREIGN TABLE grown_1 () INHERITS (grown) SERVER s1 OPTIONS (table_name 'part');
  ANALYZE grown, grown_1});
for my $from ('grown', '(SELECT customer_id, ordered_at, amount FROM ONLY grown
                         UNION ALL SELECT customer_id, ordered_at, amount FROM grown_1) AS u') {
  for (
    [ 'a key that is an expression', "SELECT customer_id % 7, $tally FROM $from GROUP BY 1" ],
    [ 'a key after the aggregates', "SELECT $tally, amount FROM $from GROUP BY amount" ],
    [ 'a text', "SELECT $tally, right(customer_id::text, 1) FROM $from GROUP BY 2" ],
    [ 'keys that are not selected', "SELECT $tally FROM $from GROUP BY amount, customer_id % 3" ],
    [ 'a list without its customers',
      "SELECT lifecycle_at(ordered_at, '2023-07-01', '90 days', '180 days'), sum(amount)
         FROM $from GROUP BY customer_id" ],
    ) {
    my ($title, $query) = ($_->[0] . ($from eq 'grown' ? ', a table with a child' : ', UNION ALL'),
      $_->[1]);
    my ($with, $without) = map { ask('s0', "SET winback.enable_scan = $_;
      SET cpu_operator_cost = 0.0001; SELECT rows_of(@{[ quoted($query) ]})") } 'on', 'off';
    is($with, $without, "the scan finds the columns of foreign rows: $title");
    like(ask('s0', "SET cpu_operator_cost = 0.0001; EXPLAIN (COSTS OFF) $query"),
      qr/Winback Scan.*Materialize\n *-> .*Foreign Scan/s, "and takes them from below: $title");
  }
}
# PostgreSQL keeps the rows that it returned, so a cursor can be rewound
is(ask('s0', "BEGIN; SET LOCAL enable_partitionwise_aggregate = off;
  DECLARE c SCROLL CURSOR FOR SELECT customer_id % 7 AS k, $tally FROM all_orders GROUP BY 1;
  FETCH 3 FROM c; MOVE ABSOLUTE 0 IN c; FETCH 3 FROM c; CLOSE c; COMMIT") =~
  /\A(.+\n.+\n.+)\n\1\z/ ? 1 : 0, 1, 'a cursor over it can be closed early and rewound');
unlike(ask('s0', "SET plan_cache_mode = force_generic_plan; SET enable_partitionwise_aggregate = off;
  PREPARE one (int8) AS SELECT $tally FROM all_orders WHERE customer_id = \$1;
  EXPLAIN (COSTS OFF) EXECUTE one (7)"), qr/Winback Scan/,
  'where an Append skips partitions when the query runs, it is left to PostgreSQL');

# What a foreign server does: postgres_fdw reads through a cursor, so it uses the Winback
# Scan, but no parallel plan.
my $eager = q{SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
  SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;};
my $sent = "SELECT reactivation_tally(customer_id, ordered_at, $period, '90 days') FROM part";
like(ask('s1', "$eager EXPLAIN $sent"), qr/Gather/, 'a question can be parallel on a server');
my $cursor = ask('s1', "$eager EXPLAIN DECLARE c CURSOR FOR $sent");
like($cursor, qr/Winback Scan/, 'through postgres_fdw it is a Winback Scan');
unlike($cursor, qr/Gather/, 'and not parallel');

#
# A hot standby.
#
$s0->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($s0, 'base', has_streaming => 1);
$standby->start;
$place{standby} = $standby;
$database{standby} = 'shop';
# what the primary does after the backup arrives, too
ask('s0', 'CREATE TABLE late AS SELECT * FROM one_server WHERE customer_id < 1000');
$s0->wait_for_catchup($standby, 'replay', $s0->lsn('insert'));
is(ask('standby', 'SELECT pg_is_in_recovery()'), 't', 'the standby is in recovery');
my @questions = ((map { (queries(@$_[ 2, 3 ]))[1] } @forms),
  (map { "SELECT $_ AS a FROM orders" }
    "reactivation_rate(customer_id, ordered_at, $period, '90 days')",
    "lifecycle_series(customer_id, ordered_at, amount, $year)"),
  "SELECT winback_tally(customer_id, ordered_at, $period, '180 days') FROM late",
  'SELECT at, amount FROM one_server_histories, unnest(history) WHERE customer_id < 20',
  "SELECT rate_interval(reactivation_tally(customer_id, ordered_at, $period, '90 days'))
     FROM one_server",
);
my $ask_all = join ';', map { 'SELECT rows_of(' . quoted($_) . ')' } @questions;
my $primary = ask('s0', $ask_all);
my %settings = (
  'default settings' => '',
  'parallel plans' => $eager,
  'no Winback Scan' => 'SET winback.enable_scan = off;',
  'parallel plans without Winback Scan' => "$eager SET winback.enable_scan = off;",
);
for my $title (sort keys %settings) {
  my @far = split /\n/, ask('standby', "$settings{$title} $ask_all");
  my @here = split /\n/, $primary;
  is(join("\n", map { $questions[$_] } grep { $far[$_] ne $here[$_] } 0 .. $#questions), '',
    "the standby answers like its primary: $title");
}
my $rate = "SELECT reactivation_rate(customer_id, ordered_at, $period, '90 days') FROM one_server";
like(ask('standby', "EXPLAIN (COSTS OFF) $rate"), qr/^Custom Scan \(Winback Scan\) on one_server$/,
  'the standby uses the Winback Scan');
like(ask('standby', "$eager EXPLAIN (COSTS OFF) $rate"),
  qr/Gather\n.*\n *-> +Parallel Custom Scan \(Winback Scan\) on one_server/,
  'and in parallel');
like(ask('standby', "$eager SET winback.enable_scan = off; EXPLAIN (COSTS OFF) $rate"),
  qr/Gather\n.*\n *-> +Partial Aggregate\n *-> +Parallel Seq Scan/,
  'and partial aggregates without it');
like(ask('standby', "$eager EXPLAIN (ANALYZE, COSTS OFF) $rate"), qr/Workers Launched: [12]/,
  'workers start on the standby');
# the standby asks the other servers, too
my ($far, $near) = map { quoted($_) }
  queries("lifecycle_series_tally(customer_id, ordered_at, amount, $year)", 'ROWS');
is(ask('standby', "SELECT rows_of($far) = rows_of($near)"), 't',
  'the standby adds up the answers of three servers');

#
# A managed server, and a small one beside it.
#
is($managed->safe_psql('shop', q{SELECT count(*) FROM pg_extension WHERE extname = 'winback'}), 0,
  'the managed server has no winback');
my $plain = q{
  SELECT count(*) FILTER (WHERE back) || '/' || count(*)
    FROM (SELECT max(ordered_at) FILTER (WHERE ordered_at < '2024-01-01') AS last,
                 bool_or(ordered_at >= '2024-01-01' AND ordered_at < '2024-04-01') AS back
            FROM orders GROUP BY customer_id) AS c
   WHERE last < timestamptz '2024-01-01' - interval '90 days'};
sub check_managed {
  my ($title) = @_;
  $managed->wait_for_catchup('from_managed');
  ask('small', 'REFRESH MATERIALIZED VIEW histories');
  my $right = ask('managed', $plain);
  is(ask('small', "SELECT reactivation_tally(customer_id, ordered_at, $period, '90 days')
                     FROM $_"), $right, "$title: $_ answer like plain SQL on the managed server")
    for 'orders', 'managed_orders';
  is(ask('small', "SELECT reactivation_tally(lifecycle_at(history, '2024-01-01', $days),
                                             lifecycle_during(history, $period, $days))
                     FROM histories"), $right, "$title: so do histories");
  my $series = "SELECT lifecycle_series(customer_id, ordered_at, amount, $year)";
  is(ask('small', "$series FROM orders"), ask('small', "$series FROM managed_orders"),
    "$title: a series over replicated rows is one over foreign rows");
  return $right;
}
my $before = check_managed('the first copy');
# edits of all kinds: customers come back, others never came, an order moves to another customer
$managed->safe_psql('shop', q{
  INSERT INTO orders
  SELECT 1000000 + n, n, timestamptz '2024-02-01' + n * interval '1 minute', n
    FROM generate_series(1, 4000, 5) AS n;
  DELETE FROM orders WHERE customer_id % 7 = 0 AND ordered_at >= '2024-01-01';
  UPDATE orders SET ordered_at = ordered_at - interval '100 days' WHERE customer_id % 11 = 0;
  UPDATE orders SET customer_id = customer_id + 1 WHERE customer_id % 13 = 0});
isnt(check_managed('after changes'), $before, 'the changes change the answer');
$managed->safe_psql('shop', "TRUNCATE orders; COPY orders FROM '$rows'");
is(check_managed('after TRUNCATE and a new load'), $before, 'the first answer comes back');

ask('small', 'DROP SUBSCRIPTION from_managed');
$_->stop for $standby, $s0, $s1, $s2, $managed;
done_testing();
