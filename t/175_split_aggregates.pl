# 175_split_aggregates.pl
#   Proves that the aggregates over histories give their answers to a caller such as Citus.
#   worker_partial_agg of Citus calls the functions of an aggregate with a new FmgrInfo for
#   each row, which has no expression and no fn_extra of the row before. t/split/ has an
#   aggregate that does the same, split_aggregate, which returns the answer as text.
#
#   - The test reads the aggregates from the catalog, and compares each of them, by groups,
#     with its answer by split_aggregate.
#   - Two questions in one query, questions that differ from row to row of an outer query,
#     prepared statements, and queries after one that failed: what is kept from row to row
#     belongs to one call of one query.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Utils;
use Test::More;
use WinbackCluster;

my $headers = WinbackCluster::pg_config('--includedir-server');
plan(skip_all => 'the header files of the server are not installed') if !-e "$headers/postgres.h";

my $directory = PostgreSQL::Test::Utils::tempdir();
my $library = "$directory/split_aggregate.so";
my @compiler = grep { !/^-fsanitize/ }
  map { split ' ', WinbackCluster::pg_config($_) } qw(--cc --cppflags --cflags);
my (undef, $errors) = run_command([
  @compiler, '-fPIC', '-shared', "-I$headers", '-o', $library,
  "$FindBin::RealBin/split/split_aggregate.c"
]);
ok(-e $library, 'the aggregate is compiled') or die $errors;

my $node = WinbackCluster::start('split');
$node->safe_psql('winback', <<"SQL");
CREATE FUNCTION split_aggregate_trans(internal, regprocedure, VARIADIC "any") RETURNS internal
  LANGUAGE C AS '$library';
CREATE FUNCTION split_aggregate_final(internal) RETURNS text LANGUAGE C AS '$library';
CREATE AGGREGATE split_aggregate(regprocedure, VARIADIC "any") (
  SFUNC = split_aggregate_trans, STYPE = internal, FINALFUNC = split_aggregate_final);

-- purchases, cancellations and adjustments of 300 customers in three groups, as histories of
-- each type of time
CREATE TABLE events AS
SELECT n % 300 AS customer, timestamp '2022-01-01' + n * 7919 % 26000 * interval '1 hour' AS at,
       (ARRAY['purchase', 'purchase', 'purchase', 'cancellation', 'adjustment'])
         [1 + CASE WHEN n % 300 < 100 THEN 0 ELSE n % 5 END]::lifecycle_event AS event,
       CASE WHEN n % 5 <> 3 THEN n % 1000 / 100.0 END AS amount
  FROM generate_series(1, 2000) AS n;
CREATE TABLE histories AS
SELECT customer, customer / 100 AS part,
       history_agg(at::timestamptz, event, amount) AS of_timestamptz,
       history_agg(at, event, amount) AS of_timestamp,
       history_agg(at::date, event, amount) AS of_date
  FROM events GROUP BY customer;
SQL

# the arguments by their type: those of ranges and instants fit a column of histories
my %column = (
  tstzrange => 'of_timestamptz', tsrange => 'of_timestamp', daterange => 'of_date',
  'timestamp with time zone' => 'of_timestamptz', 'timestamp without time zone' => 'of_timestamp',
  date => 'of_date', text => 'of_date'
);
my $period = '[2023-06-01,2023-09-01)';
my @instants = ('2023-06-01', '2024-06-01');
my @thresholds = ('1 month', '60 days', '120 days', '240 days');

# Returns the call of an aggregate, without its name.
sub arguments {
  my ($signature) = @_;
  my ($name, $types) = $signature =~ /^(\w+)\((.*)\)$/;
  my (undef, @types) = split /,/, $types;
  my @instants_left = @types > 1 && $types[1] eq $types[0] ? @instants : $instants[1];
  # only a series has a step, which is the first of the intervals
  my @intervals = @thresholds[($name =~ /series/ ? 0 : 1) .. $#thresholds];
  my @arguments;
  for my $type (@types) {
    my $value =
        $type eq 'interval' ? shift @intervals
      : $name =~ /^return_curve/ ? shift @instants_left
      :                            $period;
    push @arguments, "'$value'::$type";
  }
  return join ', ', $column{ $types[0] }, @arguments;
}

my @aggregates = split /\n/, $node->safe_psql('winback', <<'SQL');
SELECT p.oid::regprocedure
  FROM pg_aggregate AS a JOIN pg_proc AS p ON p.oid = a.aggfnoid
 WHERE p.proargtypes[0] = 'customer_history'::regtype AND a.aggtranstype <> 'internal'::regtype
 ORDER BY p.oid::regprocedure::text
SQL
cmp_ok(scalar(@aggregates), '>=', 72, 'the catalog has the aggregates over histories');
for my $signature (@aggregates) {
  my ($name) = $signature =~ /^(\w+)/;
  my $arguments = arguments($signature);
  is($node->safe_psql('winback', <<"SQL"), 't|3', "$signature: the answer is the same");
SELECT bool_and(split IS NOT DISTINCT FROM whole::text), count(split)
  FROM (SELECT part, split_aggregate('$signature', $arguments) AS split,
               $name($arguments) AS whole
          FROM histories GROUP BY part) AS parts
SQL
}

my $rate = "'reactivation_rate(customer_history,tsrange,interval)'";
is($node->safe_psql('winback', <<"SQL"), "t|t|t", 'two questions in one query');
SELECT a = reactivation_rate(of_timestamp, '[2023-01-01,2023-04-01)'::tsrange, '60 days')::text,
       b = reactivation_rate(of_timestamp, '[2023-07-01,2023-10-01)'::tsrange, '90 days')::text,
       a <> b
  FROM (SELECT array_agg(of_timestamp) AS all_histories,
               split_aggregate($rate, of_timestamp, '[2023-01-01,2023-04-01)'::tsrange,
                               interval '60 days') AS a,
               split_aggregate($rate, of_timestamp, '[2023-07-01,2023-10-01)'::tsrange,
                               interval '90 days') AS b
          FROM histories) AS split, unnest(all_histories) AS of_timestamp
 GROUP BY a, b
SQL
is($node->safe_psql('winback', <<"SQL"), "12|t|t", 'a question of each row of an outer query');
SELECT count(*), bool_and(split = whole::text), count(DISTINCT split) > 6
  FROM generate_series(1, 12) AS month,
       LATERAL (SELECT tsrange(make_date(2023, month, 1), make_date(2023, month, 28)))
         AS p (period),
       LATERAL (SELECT split_aggregate($rate, of_timestamp, period, interval '60 days') AS split,
                       reactivation_rate(of_timestamp, period, '60 days') AS whole
                  FROM histories) AS answers
SQL
is($node->safe_psql('winback', <<"SQL"), "t\nt\nt\nt", 'a prepared statement, with a generic plan');
SET plan_cache_mode = force_generic_plan;
PREPARE ask (tsrange, interval) AS
  SELECT split_aggregate($rate, of_timestamp, \$1, \$2)
         = reactivation_rate(of_timestamp, \$1, \$2)::text FROM histories;
EXECUTE ask ('[2023-01-01,2023-04-01)', '60 days');
EXECUTE ask ('[2023-01-01,2023-04-01)', '90 days');
EXECUTE ask ('[2023-07-01,2023-10-01)', '90 days');
EXECUTE ask ('[2023-01-01,2023-04-01)', '60 days');
SQL

# each failed query is followed by one that uses the same memory
my (undef, $stdout, $stderr) = $node->psql('winback', <<"SQL", on_error_stop => 0);
SELECT split_aggregate($rate, history, '[2023-01-01,2023-04-01)'::tsrange, interval '60 days')
  FROM (SELECT of_timestamp AS history FROM histories UNION ALL
        SELECT of_date FROM histories) AS mixed;
SELECT split_aggregate($rate, of_timestamp, '[2023-01-01,2023-04-01)'::tsrange, interval '60 days')
       = reactivation_rate(of_timestamp, '[2023-01-01,2023-04-01)'::tsrange, '60 days')::text
  FROM histories;
SELECT split_aggregate('reactivation_rate(customer_history,text,interval)', of_date,
                       '[2023-01-01,2023-04-01)'::text, interval '-60 days') FROM histories;
SELECT split_aggregate('reactivation_rate(customer_history,text,interval)', of_date,
                       '[2023-01-01,2023-04-01)'::text, interval '60 days')
       = reactivation_rate(of_date, '[2023-01-01,2023-04-01)', '60 days')::text
  FROM histories;
SQL
is($stdout, "t\nt", 'answers after a query that failed');
is(scalar(() = $stderr =~ /ERROR/g), 2, 'the errors of the two queries');

done_testing();
