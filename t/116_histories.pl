# 116_histories.pl
#   Proves that the aggregates over histories answer like those over the rows, in queries of random
#   shapes, under random settings: in a Winback Scan or not, parallel or not, grouped by columns and
#   expressions of the histories or by attributes from a join, with conditions, FILTER and HAVING,
#   in one table or in partitions. The aggregates over the rows answer under default settings,
#   without a scan. At the end it prints how many queries used a Winback Scan, and checks that
#   enough of them did.
#
#   WINBACK_FUZZ_SEED   the seed; random unless set; printed
#   WINBACK_FUZZ_TIMES  multiplies the number of rounds; default 1
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use WinbackFuzz;

my $node = WinbackFuzz::start('histories');
my $seed = WinbackFuzz::seed('histories, queries and settings');
my $rounds = WinbackFuzz::rounds(12);
my $queries_a_round = 16;

# Returns random calls, some with FILTER. EVENTS and AMOUNTS stand for the first arguments: the
# history, or the columns of the rows without and with amounts.
sub calls {
  my ($time) = @_;
  my $period = any("'[2023-03-31,2023-07-31)'", "'[2023-05-01,2023-05-02)'", "'[2023-06-10,)'");
  my $bounded = any("'[2023-03-31,2023-10-30)'", "'[2023-05-01,2023-08-01)'");
  $_ = maybe(0.5) ? $_ : "$span{$time} $_" for $period, $bounded;
  my ($i, $ch, $l) = @{ any([ "'1 month'", "'3 months'", "'5 months'" ],
      [ "'30 days'", "'30 days'", "'60 days'" ], [ "'36 hours'", "'90 days'", 'NULL' ]) };
  $i = "'2 days'" if $time eq 'date' && $i eq "'36 hours'";
  my $step = any("'1 month'", "'13 days'");
  my @calls = (
    "reactivation_rate(EVENTS $period, $i)", "winback_tally(EVENTS $period, $ch)",
    "reactivation_tally_lost_after(EVENTS $period, $i, $l)",
    "winback_rate_lost_after(EVENTS $period, $ch, $l)",
    "lifecycle_counts(AMOUNTS $period, $i, $ch)::text",
    "lifecycle_counts_lost_after(AMOUNTS $period, $i, $ch, $l)::text",
    "lifecycle_series(AMOUNTS $bounded, $step, $i, $ch)::text",
    "lifecycle_series_tally(AMOUNTS $bounded, $step, $i, $ch)::text",
    "return_curve(EVENTS $time '2023-09-01')::text",
    "return_curve_at(EVENTS $time '2023-06-01', '2023-09-01')::text",
  );
  my @asked = map { any(@calls) } 1 .. any(1, 1, 2, 3);
  return map { maybe(0.25) ? s/(::text)?$/' FILTER (WHERE ' . condition() . ')' . ($1 || '')/er : $_ }
    @asked;
}

# Returns a random condition on the columns that histories and rows share.
sub condition {
  my @parts = map {
    any('h.n > 40', 'h.g <> 1', '3 >= h.g', 'h.h IN (0, 2, 3)', 'h.h IS NOT NULL', 'h.n % 7 <> 3',
      'h.n BETWEEN 5 AND 2000', 'h.n < 0', '(h.g = 0 OR h.n < 500 AND h.h <> 2)')
  } 1 .. any(1, 1, 2);
  return '(' . join(maybe(0.7) ? ' AND ' : ' OR ', @parts) . ')';
}

# Returns a random query. TABLE stands for the histories or the rows, as in calls().
sub query {
  my ($time) = @_;
  my ($from, @keys) = @{ any(
      [ 'TABLE AS h' ],
      [ 'TABLE AS h', 'h.g', 'h.h', 'h.g % 3', 'h.n' ],
      [ 'TABLE AS h JOIN customers AS c USING (customer)', 'c.country', 'c.country', 'h.g',
        'upper(c.country)' ],
      [ 'TABLE AS h LEFT JOIN customers AS c USING (customer)', 'c.country', 'c.size, h.h' ],
      [ q{(SELECT * FROM TABLE WHERE n % 2 = 0 UNION ALL SELECT * FROM TABLE WHERE n % 2 = 1) AS h},
        'h.g', 'h.h' ],
      [ q{(SELECT * FROM TABLE WHERE customer IN (SELECT customer FROM customers)) AS h}, 'h.h' ],
  ) };
  my $key = @keys ? any(@keys) : '';
  my $columns = join ",\n         ", $key || (), calls($time);
  my $where = maybe(0.5) ? 'WHERE ' . condition() : '';
  my $by = $key ? "GROUP BY $key" . (maybe(0.2) ? ' HAVING min(h.n) > 3' : '') : '';
  return "SELECT ROW($columns)::text AS answer\n    FROM $from $where $by";
}

# Returns a query of histories, or of rows.
sub over_histories { return $_[0] =~ s/EVENTS|AMOUNTS/h.history,/gr =~ s/TABLE/orders/gr; }

sub over_rows {
  return $_[0] =~ s/EVENTS/h.customer, h.at, h.event,/gr
    =~ s/AMOUNTS/h.customer, h.at, h.event, h.amount,/gr =~ s/TABLE/events/gr;
}

my ($answers, $scans) = (0, 0);
for my $round (1 .. $rounds) {
  my $time = any(sort keys %span);
  my $kind = any(sort keys %spelling);
  my $type = $kind =~ s/.* //r;
  my $customers = magnitude(3000);
  my $zone = any('UTC', 'Europe/Berlin', 'America/New_York');
  my @columns = ('n int', 'g int', 'h int', "customer $type", 'history customer_history');
  my ($partition_by, $partitions) = maybe(0.3) ? partitions(\@columns, $customers) : ('', '');
  my $choice = sprintf '%.9f', rand();
  my $groups = magnitude($customers);
  my $setup = qq{
    SET TimeZone = '$zone';
    SET client_min_messages = warning;
    SET max_parallel_workers_per_gather = 0;
    SET winback.enable_scan = off;
    DROP TABLE IF EXISTS orders, events, customers;
    SELECT setseed($choice);
    CREATE TABLE events AS
    SELECT n, g, h, customer, at, event,
           CASE WHEN event NOT IN ('cancellation', 'interest') AND random() < 0.9
                THEN (random() * 1000 - 300)::numeric(10, 2) END AS amount
      FROM (SELECT *, (timestamp '2022-11-01' + floor(random() * 400) * interval '1 day'
                       + floor(random() * 3) * interval '12:00:01')::$time AS at,
                   CASE WHEN quiet OR random() < 0.8 THEN 'purchase'
                        ELSE (ARRAY['cancellation', 'interest', 'adjustment'])
                               [1 + floor(random() * 3)] END::lifecycle_event AS event
              FROM (SELECT who AS n, (random() * random() * $groups)::int AS g, who % 4 AS h,
                           ($spelling{$kind})::$type AS customer, random() < 0.7 AS quiet,
                           (random() * random() * 20)::int AS many
                      FROM generate_series(1, $customers) AS who,
                           LATERAL (SELECT who AS n) AS n) AS c,
                   generate_series(0, many)) AS e;
    CREATE TABLE orders (@{[ join ', ', @columns ]}) $partition_by;
    $partitions;
    INSERT INTO orders (n, g, h, customer, history)
    SELECT n, g, h, customer, history_agg(at, event, amount) FROM events GROUP BY 1, 2, 3, 4;
    -- a customer without a history has no events that are known
    INSERT INTO orders (n, g, h) SELECT n + 10000, g, h FROM orders WHERE n % 20 = 0;
    INSERT INTO events (n, g, h) SELECT n, g, h FROM orders WHERE n > 10000;
    CREATE TABLE customers (customer $type PRIMARY KEY, country text, size int);
    INSERT INTO customers
    SELECT DISTINCT ON (customer) customer, (ARRAY['at', 'de', 'fr', NULL])[1 + n % 4], n % 5
      FROM events WHERE n % 10 > 0 AND customer IS NOT NULL;
    ANALYZE orders, events, customers};
  my ($status, $out, $errors) =
    $node->psql('winback', $setup, on_error_die => 0, on_error_stop => 1);
  if ($status) { fail("round $round is set up (seed $seed)"); diag($errors, $setup); last; }

  for (1 .. $queries_a_round) {
    my $query = query($time);
    my ($histories, $rows) = (over_histories($query), over_rows($query));
    my $set = join '', map { "SET $_;\n" } random_settings();
    my $script = qq{SET TimeZone = '$zone';\n$set
      CREATE TEMP TABLE got AS\n$histories;
      EXPLAIN (COSTS off) $histories;
      RESET ALL;
      SET TimeZone = '$zone'; SET winback.enable_scan = off;
      SET max_parallel_workers_per_gather = 0;
      CREATE TEMP TABLE expected AS\n$rows;
      SELECT '=' || count(*) FROM got;
      SELECT 'differs: ' || left(answer, 300)
        FROM ((TABLE got EXCEPT ALL TABLE expected)
              UNION ALL (TABLE expected EXCEPT ALL TABLE got)) AS d LIMIT 3};
    ($status, $out, $errors) =
      $node->psql('winback', $script, on_error_die => 0, on_error_stop => 1);
    my ($n) = $out =~ /^=(\d+)$/m;
    my @wrong = grep { /^differs/ } split /\n/, $out;
    if ($status || @wrong || !defined $n) {
      fail("round $round: histories answer like the rows (seed $seed)");
      diag(join "\n", $errors, @wrong, $setup, $script);
    }
    $answers += $n // 0;
    $scans++ if $out =~ /Winback Scan/;
  }
}
my $queries = $rounds * $queries_a_round;
note("$queries queries, $scans of them with a Winback Scan, $answers rows");
cmp_ok($answers, '>', $queries, "histories answer like the rows: $answers (seed $seed)");
SKIP: {
  skip 'too few rounds', 1 if $rounds < 12;
  cmp_ok($scans, '>', $queries / 6, "enough queries used a Winback Scan (seed $seed)");
}

WinbackFuzz::survived($node);
done_testing();
