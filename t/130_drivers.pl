# 130_drivers.pl
#   Asks winback through the drivers of several languages, with bound parameters, and
#   compares each answer with that of psql.
#
#   t/drivers/ has one small program for each driver. The test writes the questions to
#   its standard input, one a line, a name and SQL with parameters such as {period}. The
#   program asks each question several times: with the parameters as the driver's own
#   types (ranges, intervals) and as text, and by the text and the binary protocol, where
#   the driver has both. It prints a line "== TITLE" before each of these rounds, a line
#   "# NAME" before each answer, and the rows as psql shows them in UTC, with "|" between
#   the columns. A warning is a line "WARNING: MESSAGE", and an error "ERROR SQLSTATE".
#
#   No other test needs the drivers, and most people who change winback have few of them.
#   So the test skips a driver that is missing, and names its package. CI has them all
#   (scripts/lib.sh).
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use WinbackCluster;

my $programs = "$FindBin::RealBin/drivers";
my $node = WinbackCluster::create('drivers');
# JDBC has no sockets but those of TCP
$node->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'");
$node->start;
WinbackCluster::create_database($node);

# The period is [2024-04-01, 2024-07-01): inactive is who last bought before 2024-01-02, and
# churned who last bought before 2023-10-04. All rates are short decimals, which every
# language prints alike.
$node->safe_psql('winback', q{
  ALTER DATABASE winback SET TimeZone = 'UTC';
  SET TimeZone = 'UTC';
  CREATE TABLE events (customer_id int, at timestamptz, event lifecycle_event, amount numeric);
  INSERT INTO events
  SELECT n, timestamptz '2024-02-10 10:30' + n * interval '1 hour', 'purchase', 10 + n
    FROM generate_series(1, 4) AS n                                   -- active
  UNION ALL
  SELECT n, timestamptz '2023-11-10 10:30' + n * interval '1 hour', 'purchase', 20 + n
    FROM generate_series(5, 8) AS n                                   -- inactive
  UNION ALL
  SELECT n, timestamptz '2023-05-10 10:30' + n * interval '1 hour', 'purchase', 30 + n
    FROM generate_series(9, 16) AS n                                  -- churned
  UNION ALL
  SELECT n, timestamptz '2024-05-10 10:30' + n * interval '1 day', 'purchase', 100 + n
    FROM unnest(ARRAY[1, 2, 5, 9, 15, 18, 19, 21]) AS n               -- they buy in the period
  UNION ALL
  SELECT n, timestamptz '2024-03-10 10:30', 'interest', NULL
    FROM unnest(ARRAY[17, 18]) AS n
  UNION ALL
  SELECT n, timestamptz '2024-02-20 10:30', 'purchase', 40
    FROM unnest(ARRAY[20, 21]) AS n
  UNION ALL
  SELECT n, timestamptz '2024-03-20 10:30', 'cancellation', NULL
    FROM unnest(ARRAY[20, 21]) AS n
  UNION ALL
  SELECT 22, timestamptz '2024-08-01 10:30', 'purchase', 5;           -- unknown till then
  CREATE VIEW orders AS
  SELECT customer_id, at, at AT TIME ZONE 'UTC' AS local_time,
         (at AT TIME ZONE 'UTC')::date AS day
    FROM events WHERE event = 'purchase';
  CREATE TABLE statuses AS
  SELECT customer_id, lifecycle_during(at, event, '[2024-04-01,2024-07-01)', '90 days', '180 days')
                        AS status
    FROM events GROUP BY customer_id;
  CREATE INDEX ON statuses (status);
  CREATE TABLE tallies (label text, tally rate_tally);
  INSERT INTO tallies
  VALUES ('half', '1/2'), ('other half', '5/10'), ('eighth', '1/8'), ('none', '0/0'), ('null', NULL)
});

# each parameter as psql gets it
my %parameters = (
  period => q{tstzrange '[2024-04-01,2024-07-01)'},
  local => q{tsrange '[2024-04-01,2024-07-01)'},
  days => q{daterange '[2024-04-01,2024-07-01)'},
  as_of => q{timestamptz '2024-04-01 00:00:00+00'},
  inactive_after => q{interval '90 days'},
  churned_after => q{interval '180 days'},
  lost_after => q{interval '326 days'},
  never => q{CAST(NULL AS interval)},
  step => q{interval '30 days'},
  status => q{lifecycle_status 'won_back'},
  statuses => q{ARRAY['won_back', 'new']},
  event => q{lifecycle_event 'cancellation'},
  tally => q{rate_tally '1/2'},
  from_date => q{date '2024-04-01'},
  to_date => q{date '2024-06-30'},
  number => '90',
);

my @questions = (
  [ 'rates', q{
    SELECT reactivation_rate(customer_id, at, {period}, {inactive_after}),
           winback_rate(customer_id, at, {period}, {churned_after})
      FROM orders} ],
  [ 'rates over events', q{
    SELECT reactivation_rate(customer_id, at, event, {period}, {inactive_after}),
           winback_rate(customer_id, at, event, {period}, {churned_after})
      FROM events} ],
  [ 'a rate of nobody is NULL', q{
    SELECT reactivation_rate(customer_id, at, {period}, {inactive_after}),
           winback_rate(customer_id, at, {period}, {churned_after})
      FROM orders WHERE customer_id IN (19, 22)} ],
  [ 'a threshold of NULL', q{
    SELECT winback_tally(customer_id, at, event, {period}, {never}) FROM events} ],
  [ 'an upper limit of silence', q{
    SELECT winback_tally_lost_after(customer_id, at, {period}, {churned_after}, {lost_after}),
           winback_tally(customer_id, at, {period}, {churned_after})
             - winback_tally(customer_id, at, {period}, {lost_after})
      FROM orders} ],
  [ 'two dates and a number', q{
    SELECT reactivation_tally(customer_id, at,
                              tstzrange(CAST({from_date} AS date), CAST({to_date} AS date) + 1),
                              make_interval(days => {number}))
      FROM orders} ],
  [ 'over timestamps', q{
    SELECT reactivation_tally(customer_id, local_time, {local}, {inactive_after}),
           winback_tally(customer_id, local_time, {local}, {churned_after})
      FROM orders} ],
  [ 'over dates', q{
    SELECT reactivation_tally(customer_id, day, {days}, {inactive_after}),
           winback_tally(customer_id, day, {days}, {churned_after})
      FROM orders} ],
  [ 'a range and tallies out', q{
    SELECT period, reactivation_tally(customer_id, at, period, {inactive_after}),
           winback_tally(customer_id, at, period, {churned_after})
      FROM orders, (VALUES (CAST({period} AS tstzrange)), ('[2024-01-01,2024-04-01)'))
                     AS p (period)
     GROUP BY period ORDER BY period} ],
  [ 'statuses out', q{
    SELECT customer_id, lifecycle_at(at, event, {as_of}, {inactive_after}, {churned_after}),
           lifecycle_during(at, event, {period}, {inactive_after}, {churned_after})
      FROM events GROUP BY customer_id ORDER BY customer_id} ],
  [ 'a status in', q{
    SELECT customer_id, status FROM statuses WHERE status = {status} ORDER BY customer_id} ],
  [ 'another status than that', q{
    SELECT customer_id, status FROM statuses WHERE status <> {status} ORDER BY customer_id} ],
  [ 'an array of statuses in', q{
    SELECT customer_id, status FROM statuses WHERE status = ANY (CAST({statuses} AS text[]))
     ORDER BY customer_id} ],
  [ 'an event in', q{
    SELECT customer_id, event FROM events WHERE event = {event} ORDER BY customer_id} ],
  [ 'a tally in', q{
    SELECT label, tally FROM tallies WHERE tally = {tally} ORDER BY label} ],
  [ 'a tally in and out', q{
    SELECT label, tally + {tally}, rate(tally), rate({tally}) FROM tallies ORDER BY label} ],
  [ 'tallies in order', q{
    SELECT label, tally, tally < {tally}, trim_scale(CAST(tally AS numeric))
      FROM tallies
     ORDER BY tally, label} ],
  [ 'a series', q{
    SELECT period_start, period_end, starts_on, step, active_start, new_customers, converted,
           reactivated, won_back, churned_end, reactivation, win_back, history_complete,
           period_complete, sustained, revenue_new, revenue_won_back, data_start, lost_end
      FROM unnest((SELECT lifecycle_series(customer_id, at, event, amount, {period}, {step},
                                           {inactive_after}, {churned_after})
                     FROM events))
     ORDER BY period_start} ],
  [ 'an interval out', q{
    SELECT (x).silence, (x).last_purchase, (x).first_purchase, (x).status, (x).winback_returned
      FROM (SELECT customer_id,
                   explain_lifecycle(at, {period}, {inactive_after}, {churned_after}) AS x
              FROM orders GROUP BY customer_id OFFSET 0) AS e
     WHERE customer_id IN (9, 11, 19) ORDER BY customer_id} ],
);

# The trap: a number of days without a unit. PostgreSQL reads '90' as 90 seconds.
my @traps = (
  [ 'a number over instants', q{
    SELECT reactivation_tally(customer_id, at, {period}, {number_90}) FROM orders} ],
  [ 'a number over dates', q{
    SELECT reactivation_tally(customer_id, day, {days}, {number_90}) FROM orders} ],
  [ 'its digits over instants', q{
    SELECT reactivation_tally(customer_id, at, {period}, {text_90}) FROM orders} ],
  [ 'its digits over dates', q{
    SELECT reactivation_tally(customer_id, day, {days}, {text_90}) FROM orders} ],
);

# Returns a hash from the name of a question to its answer.
sub answers {
  my ($printed) = @_;
  return $printed =~ /^# (.*)\n((?:(?!# ).*\n)*)/gm;
}

my %expected = map {
  my ($name, $sql) = @$_;
  ($name, $node->safe_psql('winback', $sql =~ s/\{(\w+)\}/$parameters{$1}/gr,
      extra_params => ['--pset=null=NULL']) . "\n")
} @questions;
my $all = join '', values %expected;
for ('NULL', '0.25', '0.3', '1/2', '1/3|1/3', 'won_back', '30 days', '2024-04-01 00:00:00+00') {
  ok(index($all, $_) >= 0, "psql's answers contain $_");
}

# What a driver makes of the trap: it warns, or the server or the driver refuses it.
my $silent = $node->safe_psql('winback',
  q{SELECT reactivation_tally(customer_id, at, '[2024-04-01,2024-07-01)', '00:01:30')
      FROM orders});
my %outcome = (
  warned => [ "WARNING: inactive_after is 00:01:30\n$silent\n", "ERROR 22023\n" ],
  refused => [ ("ERROR 42883\n") x 2 ],
  driver => [ ("ERROR 22000\n") x 2 ],
);

my @python = qw(/usr/bin/python3 -s -B);
my ($odbc) = glob '/usr/lib/*/odbc/psqlodbcw.so';
my $jdbc = '/usr/share/java/postgresql.jar';

# Of each driver: the packages, a command that succeeds if they are installed, the program,
# and each round with what the driver makes of a number and of its digits.
my @drivers = (
  { name => 'psycopg2', packages => 'python3-psycopg2',
    found => [ @python, '-c', 'import psycopg2' ],
    run => [ @python, "$programs/python_psycopg2.py" ],
    rounds => [ [ 'own types', 'refused', 'warned' ], [ 'text', 'refused', 'warned' ] ] },
  { name => 'psycopg 3', packages => 'python3-psycopg',
    found => [ @python, '-c', 'import psycopg' ],
    run => [ @python, "$programs/python_psycopg.py" ],
    rounds => [ [ 'own types', 'refused', 'warned' ],
      [ 'own types in binary', 'refused', 'refused' ], [ 'text', 'refused', 'warned' ] ] },
  { name => 'asyncpg', packages => 'python3-asyncpg',
    found => [ @python, '-c', 'import asyncpg' ],
    run => [ @python, "$programs/python_asyncpg.py" ],
    rounds => [ [ 'own types in binary', 'driver', 'driver' ] ] },
  { name => 'JDBC', packages => 'libpostgresql-jdbc-java and default-jdk-headless',
    found => [ 'sh', '-c', "test -r $jdbc && java --list-modules | grep -q jdk.compiler" ],
    run => [ qw(java -XX:TieredStopAtLevel=1 -Duser.timezone=UTC -cp), $jdbc,
      "$programs/Jdbc.java" ],
    rounds => [ [ 'own types', 'refused', 'warned' ],
      [ 'own types in binary', 'refused', 'warned' ], [ 'text', 'refused', 'warned' ] ] },
  { name => 'ODBC', packages => 'odbc-postgresql and python3-pyodbc',
    found => [ 'sh', '-c', 'test -r "$0" && "$@"', $odbc // '', @python, '-c', 'import pyodbc' ],
    run => [ @python, "$programs/python_pyodbc.py" ],
    rounds => [ [ 'prepared', 'warned', 'warned' ],
      [ 'written into the statement', 'refused', 'warned' ] ] },
  { name => 'DBD::Pg', packages => 'libdbd-pg-perl',
    found => [ $^X, '-MDBD::Pg', '-e', '1' ],
    run => [ $^X, "$programs/perl_dbd_pg.pl" ],
    rounds => [ [ 'own types', 'warned', 'warned' ], [ 'text', 'warned', 'warned' ],
      [ 'written into the statement', 'warned', 'warned' ] ] },
  { name => 'node-pg', packages => q{node-pg (or npm's package pg)},
    found => [ 'node', '-e', 'require("pg")' ],
    run => [ 'node', "$programs/node_pg.js" ],
    rounds => [ [ 'own types', 'warned', 'warned' ],
      [ 'text, and {days: 90} for 90', 'warned', 'warned' ] ] },
  { name => 'RPostgreSQL', packages => 'r-cran-rpostgresql',
    found => [ 'Rscript', '--vanilla', '-e', 'library(RPostgreSQL)' ],
    run => [ 'Rscript', '--vanilla', "$programs/r_rpostgresql.R" ], stateless => 1,
    rounds => [ [ 'text', 'warned', 'warned' ] ] },
);

# Runs a command. Returns whether it succeeded, and what it printed.
sub run {
  my ($command, $input) = @_;
  my $printed = '';
  my $fine = eval {
    IPC::Run::run($command, '<', \$input, '>', \$printed, '2>&1',
      IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
  };
  return ($fine, $printed . ($@ // ''));
}

local $ENV{PGHOST} = $node->host;
local $ENV{PGPORT} = $node->port;
local $ENV{PGDATABASE} = 'winback';
local $ENV{PGUSER} = $node->safe_psql('winback', 'SELECT current_user');
local $ENV{TZ} = 'UTC';
local $ENV{NODE_PATH} = join ':', '/usr/share/nodejs', $ENV{NODE_PATH} // ();
local $ENV{WINBACK_ODBC_DRIVER} = $odbc // '';

my $input = join '', map { "$_->[0]\t" . ($_->[1] =~ s/\s+/ /gr =~ s/^ | $//gr) . "\n" }
  @questions, @traps;

for my $driver (@drivers) {
  my ($name, $packages, $rounds) = @$driver{qw(name packages rounds)};
SKIP: {
    my $package = $packages =~ / and / ? 'packages' : 'package';
    skip "$name is not installed here; install Debian's $package $packages", 1
      unless (run($driver->{found}, ''))[0];

    my ($fine, $printed) = run($driver->{run}, $input);
    ok($fine, "$name: the program ends well") or diag($printed);
    # libpq's own way to write a warning, and what follows it
    $printed =~ s/^(WARNING):\s+/$1: /gm;
    $printed =~ s/^(?:DETAIL|HINT|CONTEXT):.*\n//gm;
    my %round = $printed =~ /^== (.*)\n((?:(?!== ).*\n)*)/gm;
    is(join(', ', sort keys %round), join(', ', sort map { $_->[0] } @$rounds),
      "$name: it asks in every way");
    for (@$rounds) {
      my ($title, @trapped) = @$_;
      my %answer = answers($round{$title} // '');
      my @trap = delete @answer{ map { $_->[0] } @traps };
      is_deeply(\%answer, \%expected, "$name, $title: all answers are those of psql");
      my @outcome = map { $outcome{ $trapped[ $_ > 1 ] }[ $_ % 2 ] } 0 .. 3;
      s/^ERROR \K\d.*/without SQLSTATE/m for $driver->{stateless} ? @outcome : ();
      is_deeply(\@trap, \@outcome,
        "$name, $title: a number without a unit gives an error or a warning");
    }
  }
}

$node->stop;
done_testing();
