# 050_report.pl
#   Proves of the report (scripts/report) that the numbers embedded in it, those in
#   its tables and those in its headings equal plain SQL over the demo shop's orders;
#   that it loads nothing over a network; and, in a headless Chromium, that its
#   charts are drawn without an error, in light and dark colours, that no text lies
#   on another one in wide and narrow windows, and that it takes at most four pages
#   of paper. To prove that the browser would show a fault, it also opens a page with
#   an error, a page that loads an image, one with labels that overlap and a longer one.
#
#   The tables of others: names that need quotes, other types, events, strata of
#   campaigns, hostile customers; and each mistake gets one sentence and a hint.
#
#   Proves as well that it tells the truth where the data end in the middle of a
#   month, begin too late, or are few: no heading speaks of such a month, and no
#   part of a month stands beside whole ones.
#
#   Skipped without Debian's package node-d3; the browser's part is skipped without
#   chromium-headless-shell or chromium.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use File::Temp qw(tempdir);
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use WinbackCluster;

my $root = "$FindBin::RealBin/..";
plan skip_all => "no chart library: install Debian's package node-d3"
  unless -r '/usr/share/nodejs/d3/dist/d3.min.js';

my $node = WinbackCluster::start('report');
WinbackCluster::fill($node, slurp_file("$root/examples/demo/shop.sql"));
$node->safe_psql('winback', q{
  CREATE VIEW long AS
  SELECT * FROM orders UNION ALL
  SELECT order_id, customer_id, ordered_at - interval '2 years', amount FROM orders
   WHERE ordered_at < '2024-01-01 00:00 UTC'});

# Runs scripts/report with these options beside those of the shop, and returns the page.
sub report {
  my ($fine, $page, $complaints) = run_report(@_);
  ok($fine && $complaints eq '', "scripts/report @_ works") or diag($complaints);
  return $page;
}

# Returns whether scripts/report works, its page, its complaints, and what it says meanwhile.
my @shop = ('DB=' . $node->connstr('winback'), 'ORDERS=orders', 'CUSTOMER=customer_id',
  'AT=ordered_at', 'AMOUNT=amount', 'MEMBERS=campaign_members', 'CURRENCY=EUR', 'NAME=A shop',
  'OUT=-');

sub run_report {
  my ($page, $said) = ('', '');
  my $fine = IPC::Run::run([ "$root/scripts/report", @shop, @_ ],
    '<', \undef, '>', \$page, '2>', \$said);
  my @progress = $said =~ /^==> (.*)\n/gm;
  return ($fine, $page, $said =~ s/^==> .*\n//gmr, \@progress);
}

# Returns the text between the tags of the element with this id.
sub inside {
  my ($page, $id) = @_;
  my ($name, $text) = $page =~ m{<(\w+)[^>]* id="$id"[^>]*>(.*?)</\1>}s or die "no element $id";
  return $text;
}

my $page = report();
my $data = decode_json(inside($page, 'data'));

# ------------------------------------------------------------- the page as text

like($page, qr/\A<!DOCTYPE html>/, 'it is an HTML document');
like($page, qr/<html lang="en">/, 'it names its language');
like($page, qr/<title>[^<]+/, 'it has a title');
like($page, qr{</html>\n\z}, 'it has its end');
unlike($page, qr/^\@\w+\@$/m, 'no placeholder is left in it');
cmp_ok(length($page), '<', 2_000_000, 'it is smaller than 2 MB');
like($page, qr/Content-Security-Policy" content="default-src 'none';/,
  'its security policy forbids to load anything');
{
  my ($policy) = $page =~ /Content-Security-Policy" content="([^"]+)"/;
  unlike($policy, qr{https?:|\*|'self'|unsafe-eval|connect-src}, 'the policy has no exceptions');
}
like(inside($page, 'library-licence'), qr/Copyright.*Mike Bostock.*Redistribution/s,
  'it contains the licence of its chart library');

# ----------------------------------------------------- its numbers, in plain SQL

# A CTE "customer": for each month and customer the last order before the month and
# by its end, the orders in it, and the standings that follow. A customer silent for
# exactly N days is active.
sub plain_sql {
  my ($orders, $from, $to) = @_;
  return qq{
    WITH month AS (
      SELECT first::date, (first + interval '1 month')::date AS next
       FROM generate_series(timestamp '$from', timestamp '$to' - interval '1 day', '1 month')
              AS first),
    state AS (
      SELECT first, next, customer_id,
             max(ordered_at) FILTER (WHERE ordered_at < first) AS before,
             max(ordered_at) AS after,
             count(*) FILTER (WHERE ordered_at >= first) AS orders,
             coalesce(sum(amount) FILTER (WHERE ordered_at >= first), 0) AS amount
       FROM month
       JOIN (SELECT customer_id, ordered_at::date, amount FROM $orders) AS o ON ordered_at < next
       GROUP BY first, next, customer_id),
    customer AS (
      SELECT *,
             CASE WHEN before IS NULL THEN 'none' WHEN before < first - 180 THEN 'churned'
                  WHEN before < first - 60 THEN 'inactive' ELSE 'active' END AS was,
             CASE WHEN after < next - 180 THEN 'churned'
                  WHEN after < next - 60 THEN 'inactive' ELSE 'active' END AS stands,
             orders > 0 AS bought
        FROM state)
  };
}

# The numbers of a month: the key in the page's data, and the expression in plain SQL.
my %month_sql = (
  active_end => q{count(*) FILTER (WHERE stands = 'active')},
  inactive_end => q{count(*) FILTER (WHERE stands = 'inactive')},
  churned_end => q{count(*) FILTER (WHERE stands = 'churned')},
  new => q{count(*) FILTER (WHERE bought AND was = 'none')},
  retained => q{count(*) FILTER (WHERE bought AND was = 'active')},
  reactivated => q{count(*) FILTER (WHERE bought AND was = 'inactive')},
  won_back => q{count(*) FILTER (WHERE bought AND was = 'churned')},
  reactivation_returned => q{count(*) FILTER (WHERE bought AND was IN ('inactive', 'churned'))},
  reactivation_eligible => q{count(*) FILTER (WHERE was IN ('inactive', 'churned'))},
  winback_returned => q{count(*) FILTER (WHERE bought AND was = 'churned')},
  winback_eligible => q{count(*) FILTER (WHERE was = 'churned')},
  revenue_new => q{coalesce(sum(amount) FILTER (WHERE was = 'none'), 0)},
  revenue_retained => q{coalesce(sum(amount) FILTER (WHERE was = 'active'), 0)},
  revenue_reactivated => q{coalesce(sum(amount) FILTER (WHERE was = 'inactive'), 0)},
  revenue_won_back => q{coalesce(sum(amount) FILTER (WHERE was = 'churned'), 0)},
  revenue => q{sum(amount)},
  revenue_back => q{coalesce(sum(amount) FILTER (WHERE was IN ('inactive', 'churned')), 0)},
);

# Returns the rows of a query over plain_sql(), one for each month, which has these columns beside
# the name of the month.
sub plain_rows {
  my ($zone, $period, $columns) = @_;
  my $sql = plain_sql('orders', @$period)
    . qq{SELECT json_agg(m ORDER BY month)
           FROM (SELECT to_char(first, 'YYYY-MM') AS month, $columns
                   FROM customer GROUP BY first) AS m};
  return decode_json($node->safe_psql('winback', "SET TimeZone = '$zone'; $sql"));
}

sub plain_months {
  my ($zone, @period) = @_;
  my $rows = plain_rows($zone, \@period,
    join(', ', map { "$month_sql{$_} AS $_" } sort keys %month_sql));
  for my $row (@$rows) {
    $row = { month => $row->{month}, map { $_ => 0 + $row->{$_} } keys %month_sql };
  }
  return $rows;
}

# Returns Wilson's interval at 95 %, by the textbook formula.
sub wilson {
  my ($returned, $n) = @_;
  my ($z, $p) = (1.959963984540054, $returned / $n);
  my $middle = ($p + $z**2 / (2 * $n)) / (1 + $z**2 / $n);
  my $half = $z / (1 + $z**2 / $n) * sqrt($p * (1 - $p) / $n + $z**2 / (4 * $n**2));
  return ($middle - $half, $middle + $half);
}

# Returns a month of the page's data as a flat hash with the keys of %month_sql.
sub columns {
  my ($month) = @_;
  my %flat = map { $_ => /^(reactivation|winback)_(.*)/ ? $month->{$1}{$2} : $month->{$_} }
    keys %month_sql;
  return { month => $month->{month}, map { $_ => 0 + $flat{$_} } keys %flat };
}

my $months = $data->{months};
my $plain = plain_months('UTC', '2022-01-01', '2025-01-01');
is(scalar(@$months), 36, 'it has 36 months');
is_deeply([ map { columns($_) } @$months ], $plain,
  'all counts and sums of all months equal plain SQL');

my $worst = 0;
my $missing = 0;
for my $month (@$months) {
  for my $tally (@$month{qw(reactivation winback)}) {
    if ($tally->{eligible} == 0) {
      $missing++ unless grep { defined } @$tally{qw(rate lower upper)};
      next;
    }
    my ($lower, $upper) = wilson(@$tally{qw(returned eligible)});
    for ([ $tally->{rate}, $tally->{returned} / $tally->{eligible} ],
      [ $tally->{lower}, $lower ], [ $tally->{upper}, $upper ]) {
      my $difference = abs($_->[0] - $_->[1]);
      $worst = $difference if $difference > $worst;
    }
  }
  my $difference = abs($month->{revenue_back_share} - $month->{revenue_back} / $month->{revenue});
  $worst = $difference if $difference > $worst;
}
cmp_ok($worst, '<', 1e-6, 'rates, intervals and shares follow from counts and sums');
cmp_ok($missing, '>', 0, 'rates of months with no eligible customer are null, not 0');

is(join(' ', map { $_->{month} } grep { !$_->{history_complete} } @$months),
  '2022-01 2022-02 2022-03 2022-04 2022-05 2022-06',
  'the months without 180 days of history are marked');
is(scalar(grep { !$_->{period_complete} } @$months), 0, 'all months are marked as complete');

# The tallies of those silent for 180 to 365 days, 365 to 730 days, and longer. A group is whole if
# the orders begin before all of it.
my @limits = ([ 180, 365, 365 ], [ 365, 730, 730 ], [ 730, 1_000_000, 730 ]);
my $groups = join(', ', map {
    my ($from, $to, $reach) = @$_;
    my $silent = "before < first - $from AND before >= first - $to";
    "count(*) FILTER (WHERE bought AND $silent), count(*) FILTER (WHERE $silent), "
      . "(SELECT min(ordered_at)::date FROM orders) < first - $reach"
  } @limits);
my $silence = plain_rows('UTC', [ '2022-01-01', '2025-01-01' ],
  "json_build_array($groups) AS silence");
is_deeply($data->{silence}, [ '365 days', '730 days' ], 'the limits of silence are round');
is_deeply(
  [ map { [ map { @$_{qw(returned eligible history_complete)} } @{ $_->{silence} } ] } @$months ],
  [ map { $_->{silence} } @$silence ],
  'the win-back tallies by length of silence equal plain SQL');
{
  my $different = 0;
  for my $month (@$months) {
    for my $number (qw(returned eligible)) {
      my $sum = 0;
      $sum += $_->{$number} for @{ $month->{silence} };
      $different++ unless $sum == $month->{winback}{$number};
    }
  }
  is($different, 0, 'the tallies by length of silence add up to the win-back tally');
}

is_deeply([ @$data{qw(from to)} ], [ '2022-01-01', '2025-01-01' ],
  'without from and to it is about the whole months that the orders cover');
is_deeply([ @{ $data->{compared} }{qw(from to before_from before_to months)} ],
  [ '2024-10-01', '2025-01-01', '2023-10-01', '2024-01-01', 3 ],
  'it compares the last three months with those of the year before');

# For each side: all customers by what they were on the first day and what became of them by the
# last, how many there are and what they spent in between.
my %sides = (now => [ '2024-10-01', '2025-01-01' ], before => [ '2023-10-01', '2024-01-01' ]);
my %became;
for my $side (keys %sides) {
  my ($first, $next) = @{ $sides{$side} };
  $became{$side} = decode_json($node->safe_psql('winback', qq{
    SET TimeZone = 'UTC';
    SELECT json_object_agg(before || ' to ' || after, json_build_object(
             'customers', customers, 'spent', spent, 'squares', squares)) FROM (
      SELECT before, after, count(*) AS customers, coalesce(sum(spent), 0) AS spent,
             coalesce(sum(spent * spent), 0) AS squares FROM (
        SELECT CASE WHEN was < date '$first' - 180 THEN 'churned'
                    WHEN was < date '$first' - 60 THEN 'inactive'
                    WHEN was IS NOT NULL THEN 'active' ELSE 'none' END AS before,
               CASE WHEN bought THEN CASE WHEN was IS NULL THEN 'new'
                                          WHEN was < date '$first' - 180 THEN 'won_back'
                                          WHEN was < date '$first' - 60 THEN 'reactivated'
                                          ELSE 'active' END
                    WHEN was < date '$next' - 180 THEN 'churned'
                    WHEN was < date '$next' - 60 THEN 'inactive'
                    ELSE 'active' END AS after, spent
          FROM (SELECT max(ordered_at::date) FILTER (WHERE ordered_at < '$first') AS was,
                       bool_or(ordered_at >= '$first') AS bought,
                       sum(amount) FILTER (WHERE ordered_at >= '$first') AS spent
                  FROM orders WHERE ordered_at < '$next' GROUP BY customer_id) AS o) AS c
       GROUP BY before, after) AS t}));
}
my $matrix = sub {
  my ($key, @steps) = @_;
  return { map { ($_->{before} // 'none') . " to $_->{after}" => $_->{$key} }
      grep { $_->{$key} } @steps };
};
my $customers = sub {
  my ($side) = @_;
  return { map { $_ => $became{$side}{$_}{customers} } keys %{ $became{$side} } };
};
is_deeply($matrix->('customers', @{ $data->{transitions} }), $customers->('now'),
  'the transitions equal plain SQL');
is_deeply($matrix->('customers_before', @{ $data->{transitions} }), $customers->('before'),
  'the transitions of the year before equal plain SQL');

# The figures of both sides.
for my $side (sort keys %sides) {
  my ($counts, $rates) = ($data->{compared}{counts}{$side}, $data->{compared}{rates});
  my $steps = $became{$side};
  my $n = sub { my $sum = 0; $sum += $steps->{$_}{customers} // 0 for @_; return $sum };
  my $spent = sub { my $sum = 0; $sum += $steps->{$_}{spent} // 0 for @_; return $sum };
  my @churned = ('churned to won_back', 'churned to churned');
  my @inactive = ('inactive to reactivated', 'inactive to inactive', 'inactive to churned');
  my @back = ('churned to won_back', 'inactive to reactivated');
  is_deeply([ @$counts{qw(won_back reactivated retained new)} ],
    [ map { $n->($_) } @back, 'active to active', 'none to new' ],
    "$side: the counts equal plain SQL");
  is_deeply([ @{ $rates->{winback}{$side} }{qw(returned eligible)} ],
    [ $n->($churned[0]), $n->(@churned) ], "$side: the win-back tally equals plain SQL");
  is_deeply([ @{ $rates->{reactivation}{$side} }{qw(returned eligible)} ],
    [ $n->(@back), $n->(@churned, @inactive) ], "$side: the reactivation tally equals plain SQL");
  is(sprintf('%.2f', $counts->{revenue_back}), sprintf('%.2f', $spent->(@back)),
    "$side: the revenue of those who came back equals plain SQL");
  is(sprintf('%.6f', $counts->{revenue_back_share}),
    sprintf('%.6f', $spent->(@back) / $spent->(keys %$steps)), "$side: so does its share");
  my ($first, $next) = @{ $sides{$side} };
  is(join('/', @{ $rates->{group}{$side} }{qw(returned eligible)}),
    $node->safe_psql('winback', qq{
      SET TimeZone = 'UTC';
      SELECT count(*) FILTER (WHERE bought) || '/' || count(*)
        FROM (SELECT max(ordered_at::date) FILTER (WHERE ordered_at < '$first') AS was,
                     bool_or(ordered_at >= '$first') AS bought
                FROM orders WHERE ordered_at < '$next' GROUP BY customer_id) AS o
       WHERE was < date '$first' - 180 AND was >= date '$first' - 365}),
    "$side: the tally of those silent for 180 to 365 days equals plain SQL");

  # The mean of what customers spent, with Student's interval: the quantile for so many customers
  # lies between those of 100 and of infinitely many.
  for ([ back => @back ], [ won_back => $back[0] ], [ reactivated => $back[1] ],
    [ new => 'none to new' ]) {
    my ($kind, @keys) = @$_;
    my ($value) = map { $_->{$side} } grep { $_->{kind} eq $kind } @{ $data->{value} };
    my $total = $spent->(@keys);
    my $count = $n->(@keys);
    my $squares = 0;
    $squares += $steps->{$_}{squares} for @keys;
    my $error = sqrt(($squares - $total**2 / $count) / ($count - 1) / $count);
    is($value->{customers}, $count, "$side: the mean of $kind is that of all of them");
    is(sprintf('%.4f', $value->{mean}), sprintf('%.4f', $total / $count),
      "$side: what $kind spent equals plain SQL");
    my @quantiles = (($value->{mean} - $value->{lower}) / $error,
      ($value->{upper} - $value->{mean}) / $error);
    is(scalar(grep { $_ > 1.9599 && $_ < 1.985 } @quantiles), 2,
      "$side: the interval of $kind is Student's");
  }
}

# Who is late: silent for longer than three times the gap, shrunk to the median of 24 days.
my $late = decode_json($node->safe_psql('winback', q{
  SET TimeZone = 'UTC';
  SELECT json_object_agg(side, rows) FROM (
    SELECT side, json_agg(json_build_array(customer_id::text, last, as_of - last, gap, orders,
                                           spent) ORDER BY spent DESC, customer_id) AS rows
      FROM (SELECT side, as_of, customer_id, max(ordered_at::date) AS last, count(*) AS orders,
                   sum(amount) AS spent, max(ordered_at::date) - min(ordered_at::date) AS span,
                   round((max(ordered_at::date) - min(ordered_at::date))::numeric
                         / nullif(count(*) - 1, 0)) AS gap
              FROM (VALUES ('now', date '2025-01-01'), ('before', '2024-01-01')) AS v (side, as_of)
              JOIN orders ON ordered_at < as_of
             GROUP BY side, as_of, customer_id) AS c
     WHERE as_of - last <= 365 AND as_of - last > ceil(3 * (span + 3 * 24) / (orders + 2.0))
     GROUP BY side) AS s}));
is(0 + $data->{curve}{$_}{median}, 24, "$_: the median of the curve is 24 days")
  for qw(now before);
for my $side (qw(now before)) {
  my $sum = 0;
  $sum += $_->[5] for @{ $late->{$side} };
  is($data->{call}{$side}{customers}, scalar(@{ $late->{$side} }),
    "$side: the number of late customers equals plain SQL");
  is(sprintf('%.2f', $data->{call}{$side}{spent}), sprintf('%.2f', $sum),
    "$side: what they have spent equals plain SQL");
}
is_deeply(
  [ map { my $c = $_; [ map { $c->{$_} } qw(customer last_order silent gap orders spent) ] }
      @{ $data->{call}{rows} } ],
  [ @{ $late->{now} }[ 0 .. 99 ] ], 'the first 100 of them, by what they spent, are in the list');

# The campaigns: tallies, money and differences in plain SQL. The limits are those of rate_effect,
# which other tests compare with published figures.
my $members_sql = q{
  WITH result AS (
    SELECT campaign, variant, bool_or(ordered_at >= assigned_at) AS returned,
           coalesce(sum(amount) FILTER (WHERE ordered_at >= assigned_at), 0) AS spent
      FROM campaign_members LEFT JOIN orders USING (customer_id)
     WHERE ordered_at < assigned_at + interval '30 days'
     GROUP BY campaign, variant, customer_id, assigned_at
    HAVING max(ordered_at) FILTER (WHERE ordered_at < assigned_at)
             < assigned_at - interval '60 days'),
  variant AS (
    SELECT campaign, variant, count(*) FILTER (WHERE returned) AS returned, count(*) AS eligible,
           avg(spent) AS spent
      FROM result GROUP BY campaign, variant)
  SELECT json_agg(json_build_array(t.campaign, t.variant, t.returned, t.eligible,
                                   c.returned, c.eligible,
                                   round(t.eligible * (t.returned::numeric / t.eligible
                                                       - c.returned::numeric / c.eligible), 6),
                                   round(t.eligible * (t.spent - c.spent), 4))
           ORDER BY t.campaign, t.variant)
    FROM variant AS t JOIN variant AS c ON c.campaign = t.campaign AND c.variant = 'control'
   WHERE t.variant <> 'control'
};
my $effects = decode_json($node->safe_psql('winback', "SET TimeZone = 'UTC'; $members_sql"));
is_deeply(
  [ map {
      my $e = $_;
      [ @$e{qw(campaign variant)},
        (map { @{ $e->{$_} }{qw(returned eligible)} } qw(treated control)),
        0 + sprintf('%.6f', $e->{won}{value}), 0 + sprintf('%.4f', $e->{revenue}{value}) ]
    } @{ $data->{campaigns} } ],
  $effects, 'the effects of the campaigns equal plain SQL');
is(scalar(@$effects), 4, 'there are two campaigns with two variants beside the control group');
is(join(' ', map { $_->{lower} <= $_->{difference} && $_->{difference} <= $_->{upper}
      && $_->{p} <= $_->{adjusted} ? 'fine' : 'wrong' } @{ $data->{campaigns} }),
  'fine fine fine fine', 'differences lie in their intervals, and adjusting makes p no smaller');

# Returns the return curve of a table of orders in plain SQL: the points up to 400 days, and the
# chances.
sub plain_curve {
  my ($orders, $until) = @_;
  $node->safe_psql('winback', q{
    DO $$ BEGIN CREATE AGGREGATE product(float8) (SFUNC = float8mul, STYPE = float8);
    EXCEPTION WHEN duplicate_function THEN NULL; END $$});
  return decode_json($node->safe_psql('winback', qq{
    SET TimeZone = 'UTC';
    WITH silence AS (
      SELECT coalesce(next, '$until'::date) - day AS days, next IS NOT NULL AS returned
        FROM (SELECT day, lead(day) OVER (PARTITION BY customer_id ORDER BY day) AS next
                FROM (SELECT DISTINCT customer_id, ordered_at::date AS day FROM $orders
                       WHERE ordered_at::date < '$until') AS d) AS s),
    point AS (
      SELECT days, sum(count(*)) OVER (ORDER BY days DESC) AS at_risk,
             count(*) FILTER (WHERE returned) AS returned
        FROM silence GROUP BY days),
    estimate AS (
      SELECT *, product(1 - returned::float8 / at_risk) OVER (ORDER BY days) AS survival
        FROM point)
    SELECT json_build_object(
      'points', (SELECT json_agg(json_build_array(days, at_risk, returned,
                                                  round(survival::numeric, 6)) ORDER BY days)
                   FROM estimate WHERE days <= 400),
      'chances', (SELECT json_agg(round((
                     1 - (SELECT product(1 - returned::float8 / at_risk) FROM point
                           WHERE point.days > n AND point.days <= n + 90))::numeric, 9) ORDER BY n)
                    FROM unnest('{30,60,90,180,360}'::int[]) AS n))}));
}
for (['now', '2025-01-01'], ['before', '2024-01-01']) {
  my ($side, $until) = @$_;
  my $curve = plain_curve('orders', $until);
  my $points = $data->{curve}{$side}{points};
  is_deeply([ map { [ map { 0 + $_ } @$_{qw(days at_risk returned survival)} ] } @$points ],
    [ map { [ map { 0 + $_ } @$_ ] } @{ $curve->{points} } ],
    "$side: the return curve equals plain SQL");
  cmp_ok(scalar(@$points), '>', 300, "$side: the return curve has more than 300 points");
  is(join(' ', map { sprintf('%.7f', $_->{chance}) } @{ $data->{curve}{$side}{chances} }),
    join(' ', map { sprintf('%.7f', $_) } @{ $curve->{chances} }),
    "$side: the chances of a return equal plain SQL");
}
is_deeply([ map { 0 + $_ } @{ $data->{curve} }{qw(inactive_days churned_days)} ], [ 60, 180 ],
  'the thresholds are in days');

is_deeply([ @$data{qw(orders customers first_order last_order)} ],
  [ split /\|/, $node->safe_psql('winback', "SET TimeZone = 'UTC';
    SELECT count(*), count(DISTINCT customer_id), min(ordered_at)::date, max(ordered_at)::date
      FROM orders") ],
  'the numbers of orders and customers, and the first and last day of orders, are right');

# --------------------------------------------------------- the page in a browser

my ($chromium) = grep { -x } map { my $program = $_; map { "$_/$program" } split /:/, $ENV{PATH} }
  ('chromium-headless-shell', 'chromium');

# Opens a page in Chromium. Returns whether that worked, the document in its final state, the lines
# of the console, the URLs of all requests over a network, and the output of Chromium.
my $dir = tempdir(CLEANUP => 1);
my $look;
sub look { return $look->(@_) }

# Returns the number of pages that a page has on paper.
sub pages {
  my ($html, $name) = @_;
  my $pdf = "$dir/$name.pdf";
  look($html, $name, '--no-pdf-header-footer', "--print-to-pdf=$pdf");
  my $content = -s $pdf ? slurp_file($pdf) : '';
  return scalar(() = $content =~ m{/Type\s*/Page\b(?!s)}g);
}

# Returns the lines of the file to download, the head first, without quotes.
sub csv {
  my ($dom) = @_;
  my ($uri) = $dom =~ m{<a id="call-csv"[^>]* href="data:text/csv;charset=utf-8,([^"]*)"}
    or return [];
  $uri =~ s/%([0-9A-F]{2})/chr hex $1/ge;
  utf8::decode($uri);
  $uri =~ s/\A\x{feff}// or die 'no byte order mark';
  return [ map { [ map { s/\A"(.*)"\z/$1/r =~ s/""/"/gr } /(?:\A|,)("(?:[^"]|"")*"|[^,]*)/g ] }
      split /\r\n/, $uri ];
}

SKIP: {
  skip "no browser to open the report in: install Debian's package chromium-headless-shell", 1
    unless $chromium;

  $look = sub {
    my ($html, $name, @options) = @_;
    my ($file, $log, $dom, $said) = ("$dir/$name.html", "$dir/$name.netlog", '', '');
    append_to_file($file, $html);
    my $fine = IPC::Run::run(
      [ $chromium, qw(--headless --no-sandbox --disable-gpu --disable-quic --no-first-run
        --disable-background-networking --disable-component-update --disable-sync
        --disable-dev-shm-usage --enable-logging=stderr --v=0 --virtual-time-budget=5000
        --dump-dom), (@options ? @options : '--window-size=1200,900'),
        "--user-data-dir=$dir/$name.profile", "--log-net-log=$log", "file://$file" ],
      '<', \undef, '>', \$dom, '2>', \$said, IPC::Run::timeout(120));
    my @console = grep { /CONSOLE/ } split /\n/, $said;
    my $net = -s $log ? slurp_file($log) : '';
    # the whole browser, unlike chromium-headless-shell, asks its maker for updates, accounts and
    # the time, whatever page it shows
    my %requests = map { $_ => 1 }
      grep { !m{^https?://(?:update\.googleapis|accounts\.google|clients2\.google)\.com/} }
      $net =~ m{"url":"((?:https?|wss?|ftp):[^"]*)"}g;
    return ($fine, $dom, \@console, [ sort keys %requests ], $said);
  };

  # Opens a page in which a script, when the page is drawn, measures what stands where, and puts
  # the lines that it returns into the document. Returns these lines.
  my $measure = sub {
    my ($html, $name, $script, @options) = @_;
    $html =~ s{</body>}{<pre id="measured"></pre><script>setTimeout(() => {
      document.getElementById('measured').textContent = (() => { $script })().join('\\n'); }, 500);
      </script></body>};
    my ($fine, $dom) = $look->($html, $name, @options);
    utf8::decode($dom);
    return split /\n/, inside($dom, 'measured');
  };

  my ($fine, $dom, $console, $requests, $said) = $look->($page, 'report');
  ok($fine && $dom =~ m{</html>\s*\z}, 'Chromium opens it') or diag(substr($said, -3000));
  is_deeply($console, [], 'the console is empty');
  is_deeply($requests, [], 'the page makes no request over a network');
  like($dom, qr/<p id="failure"[^>]*hidden/, 'the page shows no failure');

  # an error and a request would have been seen
  (my $wrong = $page) =~ s{</body>}{<script>nobody.knows</script></body>};
  (undef, my $wrong_dom, $console) = $look->($wrong, 'wrong');
  like("@$console", qr/ReferenceError/, 'a page with an error: the console shows it');
  unlike($wrong_dom, qr/<p id="failure"[^>]*hidden/,
    'a page with an error: the page shows a failure');
  (my $curious = $page) =~ s{</body>}{<img src="http://localhost:9/x.png"></body>};
  (undef, $wrong_dom, $console, $requests) = $look->($curious, 'curious');
  like("@$console", qr/Content Security Policy/, 'a page that loads an image: it is refused');
  unlike($wrong_dom, qr/<p id="failure"[^>]*hidden/,
    'a page that loads an image: the page shows a failure');
  is_deeply($requests, [], 'a page that loads an image: no request is made');
  (my $careless = $curious) =~ s{<meta http-equiv="Content-Security-Policy"[^>]*>}{};
  (undef, undef, undef, $requests) = $look->($careless, 'careless');
  is_deeply($requests, ['http://localhost:9/x.png'],
    'a page that loads an image, without the policy: the request is made, and seen');

  # each chart has a shape for each number
  my %figure = $dom =~ m{<figure id="(\w+)">(.*?)</figure>}gs;
  is(join(' ', sort keys %figure),
    'campaigns curve flows rates revenue silence standing transitions value',
    'all figures are there');
  for my $id (sort keys %figure) {
    my @charts = $figure{$id} =~ m{<svg role="img" aria-label="([^"]{40,})"}g;
    is(scalar(@charts), $id =~ /revenue|curve/ ? 2 : 1,
      "$id: each chart has a text for screen readers");
    like($figure{$id}, qr{<h2>[^<]*\d.*\.</h2>},
      "$id: the title is a sentence with a number in it");
    unlike($figure{$id}, qr/NaN|undefined|Infinity|\[object/, "$id: every number is defined");
  }
  my $shapes = sub {
    my ($id, $class) = @_;
    return scalar(() = $figure{$id} =~ /<\w+ class="$class"/g);
  };
  # the number of values above 0 in these columns of all months
  my $bars = sub {
    my $n = 0;
    for my $m (@$months) { $n += grep { $m->{$_} > 0 } @_ }
    return $n;
  };
  is($shapes->('standing', 'bar fill \w+'), $bars->(qw(active_end inactive_end churned_end)),
    'standing: a bar for each number');
  is($shapes->('flows', 'bar fill \w+'), $bars->(qw(new retained reactivated won_back)),
    'flows: a bar for each number');
  is($shapes->('revenue', 'bar fill \w+'), $bars->(qw(revenue_reactivated revenue_won_back)),
    'revenue: a bar for each sum');
  # minus 1: the legend has one of each, too
  is($shapes->('rates', 'dot reactivation(?: few)?') - 1, 30,
    'rates: a dot of the reactivation rate for each month with a complete history');
  is($shapes->('rates', 'dot winback(?: few)?') - 1, 30,
    'rates: a dot of the win-back rate for each of these months');
  is($shapes->('rates', 'band \w+'), 2, 'rates: two bands');
  for my $rate (qw(reactivation winback)) {
    my $few = grep { $_->{history_complete} && $_->{$rate}{eligible} < 30 } @$months;
    is($shapes->('rates', "dot $rate few"), $few, "rates: a dot of few customers is hollow: $rate");
  }
  for my $number (1 .. 3) {
    my @known = grep { $_->{history_complete} && $_->{eligible} }
      map { $_->{silence}[ $number - 1 ] } @$months;
    my $few = grep { $_->{eligible} < 30 } @known;
    cmp_ok(scalar(@known), '>=', 10, "silence: group $number is known for months");
    is($shapes->('silence', "dot silence_$number(?: few)?") - 1, scalar(@known),
      "silence: a dot for each month in which group $number is whole");
    is($shapes->('silence', "dot silence_$number few"), $few,
      "silence: a dot of few customers is hollow: group $number");
  }
  for my $id (qw(rates silence)) {
    my $hollow = $shapes->($id, 'dot \w+ few');
    is(scalar(() = $figure{$id} =~ /hollow: fewer than 30 customers/g), $hollow ? 1 : 0,
      "$id: the legend explains hollow dots where there are some");
  }
  like($figure{rates}, qr/rates fall as the history grows: a former customer leaves the pool/,
    'rates: it says why they fall');
  like($figure{silence}, qr/By length of silence/, 'silence: it has a heading');
  # the headings, with the numbers of both years
  my %now = %{ $data->{compared}{counts}{now} };
  my %then = %{ $data->{compared}{counts}{before} };
  my ($old, $new) = map { my $side = $_; +{ map { $_ => $data->{compared}{rates}{$_}{$side} }
      qw(group winback reactivation) } } qw(before now);
  my $percent = sub { return sprintf('%.1f%%', 100 * $_[0]{returned} / $_[0]{eligible}) };
  my $silent_title = 'From October to December 2024, ' . $percent->($new->{group})
    . ' of the customers silent for 180 days to 1 year were won back, about as many as a year '
    . 'before (' . $percent->($old->{group}) . ').';
  like($figure{silence}, qr{<h2>\Q$silent_title\E</h2>},
    'silence: the title compares equal silence');
  is(inside($dom, 'verdict'), $silent_title, 'it begins with this sentence');
  for ([ 'standing', '1,448 customers were active at the end of December 2024, 9% more than a year '
      . 'before (1,329). 1,873 had churned, 1,158 a year before.' ],
    [ 'flows', '774 customers came back from October to December 2024, 26% more than a year before '
      . '(616). 360 of them had churned, 261 a year before.' ],
    # it does not call the rate of a larger pool lower
    [ 'rates', 'Of all who were not active, 28.0% came back from October to December 2024; a year '
      . 'before 33.2%, of a smaller pool (1,853 customers, now 2,761). Of the churned ones among '
      . 'them, 19.0% were won back (23.0%).' ],
    [ 'curve', 'After 60 days of silence, 43% (a year before 44%) come back within 90 days; after '
      . '180 days, 27% (a year before 28%).' ],
    [ 'transitions', 'Of 1,891 customers who were churned on 1 October 2024, 360 (19%) were won '
      . 'back by 31 December 2024; a year before 261 (23%) of 1,135.' ],
    [ 'revenue', "Customers who came back brought \xe2\x82\xac78,915 from October to December "
      . "2024, 40% of the revenue; a year before \xe2\x82\xac64,174, 35%." ],
    [ 'value', "A customer who came back spent \xe2\x82\xac102 from October to December 2024, "
      . "about as much as a year before (\xe2\x82\xac104)." ]) {
    my ($id, $title) = @$_;
    my ($said) = $figure{$id} =~ m{<h2>(.*?)</h2>};
    is($said, $title, "$id: the title compares both years");
  }
  like($figure{flows}, qr{a year before 224 of 616 \(36%\); of those who came back now, the orders},
    'flows: who stayed is known of the year before');
  like($figure{curve}, qr{10 percent or less after 394 days}, 'curve: it says when it is rare');
  is($node->safe_psql('winback', "SET TimeZone = 'UTC'; SELECT silence_for(return_curve(customer_id,
      ordered_at, '2025-01-01'), 0.1, '90 days') FROM orders"), '394 days', 'which is so');
  is($shapes->('value', 'interval now') - 1, 4, 'value: an interval for each group of customers');
  is($shapes->('value', 'interval before') - 1, 4, 'value: another one for the year before');
  is($shapes->('curve', 'interval now'), 5, 'curve: an interval for each chance');
  is($shapes->('curve', 'line before') - 1, 1, 'curve: a line for the year before');
  is(scalar(() = $figure{transitions} =~ /<text[^>]*>before: \d+%/g),
    $shapes->('transitions', 'cell'),
    'transitions: each cell has the percentage of the year before');
  my $key = inside($dom, 'key');
  is(scalar(() = $key =~ /<dd class="figure">/g), 6, 'it has six large figures');
  is(scalar(() = $key =~ / a year before</g), 6, 'each of them has that of the year before');
  like($key, qr{31\.2%</dd><dd>30\.3% a year before</dd><dd class="change same">.*may be chance},
    'a difference that may be chance is called so');

  # the effects: a point, an interval and a text for each
  is($shapes->('campaigns', 'dot effect'), 4, 'campaigns: a point for each variant');
  is($shapes->('campaigns', 'interval effect'), 12,
    'campaigns: an interval with two ends for each variant');
  is($shapes->('campaigns', 'zero'), 1, 'campaigns: a line where there is no effect');
  like($figure{campaigns}, qr{<text[^>]*>October, voucher</text>}, 'campaigns: variants are named');
  like($figure{campaigns}, qr{<h2>October, voucher: 39 customers \(95% interval 14 to 65\)},
    'campaigns: the title names the one effect that is proven');
  is($shapes->('curve', 'line curve') - 1, 1, 'curve: a line');
  is($shapes->('curve', 'band curve'), 1, 'curve: a band');
  is($shapes->('curve', 'threshold'), 2, 'curve: both thresholds are marked');
  like($figure{curve}, qr/>inactive after 60 days<.*>churned after 180 days</s,
    'curve: the thresholds are named');
  cmp_ok($shapes->('curve', 'at-risk'), '>', 5, 'curve: it has the numbers at risk');

  # words that cannot be confused
  my $prose = $dom =~ s{<script.*?</script>}{}gsr;
  $prose =~ s{<style.*?</style>}{}gs;
  $prose =~ s{<code>.*?</code>}{}gs;
  $prose =~ s{<[^>]*>}{ }g;
  unlike($prose, qr/\b(?:reactivated|retained)\b/,
    'no word of the page stands for a status and for a rate');
  my $words = inside($dom, 'words');
  for my $word ('without a pause', 'back after a pause', 'won back', 'came back',
    'reactivation rate', 'win-back rate') {
    is(scalar(() = $words =~ m{<dt>\Q$word\E</dt><dd>[^<]+}g), 1, "it explains: $word");
  }
  is(inside($dom, 'key-title'), 'From October to December 2024, beside the year before',
    'the large figures say of which months they are');
  like(inside($dom, 'coverage'), qr/orders begin on 1 January 2022\./,
    'it says in plain words where the orders begin');
  like(inside($dom, 'coverage'),
    qr/When January to June 2022 began, the orders reached back 180 days or less/,
    'it says in plain words which months have too little history');
  is($shapes->('revenue', 'dot share'), 30,
    'revenue: a share for each month with a complete history');
  is($shapes->('transitions', 'cell'), scalar(keys %{ $became{now} }),
    'transitions: a cell for each step');
  for my $id (qw(standing flows rates)) {
    is($shapes->($id, 'shade') >= 6, 1, "$id: the months without history are shaded");
    unlike($figure{$id}, qr/[Ss]haded/, "$id: it does not explain the shading");
  }

  like(inside($dom, 'shading'),
    qr/Shaded in all charts: January to June 2022, for the orders reach/,
    'one legend explains the shading');

  # the tables, cell by cell as they are shown
  my $rows = sub {
    my ($id) = @_;
    my ($body) = inside($dom, $id) =~ m{<tbody>(.*)</tbody>}s;
    return [ map { [ m{<t[hd][^>]*>(.*?)</t[hd]>}gs ] } $body =~ m{<tr[^>]*>(.*?)</tr>}gs ];
  };
  my $comma = sub {
    my ($number) = @_;
    1 while $number =~ s/^(\d+)(\d{3})/$1,$2/;
    return $number;
  };
  my $euros = sub { return "\x{20ac}" . $comma->(sprintf('%.2f', $_[0])) };
  my $share = sub {
    my ($n, $of) = @_;
    return $of ? sprintf('%.1f%%', 100 * $n / $of + 1e-9) : "\x{2013}";
  };
  my @names = qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec);
  my $name = sub {
    my ($year, $month) = split /-/, $_[0];
    return "$names[$month - 1] $year" . ($_[0] lt '2022-07' ? ' *' : '');
  };
  utf8::decode($dom);

  is_deeply($rows->('table-customers'),
    [ map {
        my $m = $_;
        [ $name->($m->{month}),
          map { $comma->($m->{$_}) }
            qw(active_end inactive_end churned_end retained new reactivated won_back) ]
      } @$plain ],
    'the table of customers equals plain SQL');
  is_deeply([ map { [ @$_[ 0, 1, 2, 3, 6, 7, 8 ] ] } @{ $rows->('table-rates') } ],
    [ map {
        my $m = $_;
        [ $name->($m->{month}),
          map {
            my ($eligible, $returned) = @$m{ "${_}_eligible", "${_}_returned" };
            ($comma->($eligible), $comma->($returned), $share->($returned, $eligible))
          } qw(reactivation winback) ]
      } @$plain ],
    'the table of rates equals plain SQL');
  is_deeply($rows->('table-revenue'),
    [ map {
        my $m = $_;
        [ $name->($m->{month}),
          (map { $euros->($m->{"revenue$_"}) }
              '_retained', '_new', '_reactivated', '_won_back', '', '_back'),
          $share->($m->{revenue_back}, $m->{revenue}) ]
      } @$plain ],
    'the table of revenue equals plain SQL');
  is_deeply($rows->('table-silence'),
    [ map {
        my @groups = @{ $_->{silence} };
        my @cells = $name->($_->{month});
        while (my ($returned, $eligible, $whole) = splice(@groups, 0, 3)) {
          my @known = ($comma->($eligible), $comma->($returned), $share->($returned, $eligible));
          push @cells, $whole ? @known : ("\x{2013}") x 3;
        }
        \@cells;
      } @$silence ],
    'the table by length of silence equals plain SQL');
  is_deeply($rows->('table-chances'),
    [ map {
        my $c = $_;
        [ $c->{silence}, $comma->($c->{at_risk}),
          (map { sprintf('%.1f%%', 100 * $_ + 1e-9) } @$c{qw(chance lower upper)}),
          map { sprintf('%.1f%%', 100 * $_->{chance} + 1e-9) }
            grep { $_->{silence} == $c->{silence} } @{ $data->{curve}{before}{chances} } ]
      } @{ $data->{curve}{now}{chances} } ],
    'the table of chances shows the chances');
  my %said = ('not yet a customer' => 'none', 'won back' => 'won_back', 'stayed active' => 'active',
    'back after a pause' => 'reactivated');
  my $status = sub { return $said{ $_[0] } // $_[0] };
  is_deeply(
    { map { $status->($_->[0]) . ' to ' . $status->($_->[1]) => $_->[2] =~ tr/,//dr }
        @{ $rows->('table-transitions') } },
    $customers->('now'), 'the table of transitions equals plain SQL');
  is_deeply([ map { [ @$_[ 0, 2 .. 7 ] ] } @{ $rows->('table-call') } ],
    [ map { my ($id, $last, $silent, $gap, $n, $spent) = @$_;
        [ $id, $last, $silent, $gap, $n, $euros->($spent),
          sprintf('%.1f%%', 100 * (map { $_->{chance} } grep { $_->{customer} eq $id }
              @{ $data->{call}{rows} })[0] + 1e-9) ] } @{ $late->{now} }[ 0 .. 99 ] ],
    'the list of whom to call equals plain SQL');

  # the file to download has the table's values, not formatted
  like($dom, qr{<a id="call-csv"[^>]* download="whom-to-call\.csv"}, 'the list can be downloaded');
  my ($heads, @lines) = @{ csv($dom) };
  is_deeply($heads, [ inside($dom, 'table-call') =~ m{<th scope="col">(.*?)</th>}g ],
    'the file has the heads of the table');
  is_deeply(
    [ map { [ @$_[ 0 .. 2 ], (map { $comma->($_) } @$_[ 3 .. 5 ]), $euros->($_->[6]),
          sprintf('%.1f%%', 100 * $_->[7] + 1e-9) ] } @lines ],
    $rows->('table-call'), 'the file has the values of the table');

  # at most four pages of A4
  my $pages = pages($page, 'print');
  ok($pages >= 2 && $pages <= 4, 'on paper it has at most four pages') or diag("it has $pages");
  (my $all_on_paper = $page) =~ s/#call tr\.not-on-paper \{ display: none; \}//;
  cmp_ok(pages($all_on_paper, 'all_on_paper'), '>', 4, 'a longer one would have more');

  # No text lies on another one, and none beyond the page, in both widths and on paper. The
  # measure itself is proven with labels that do overlap.
  my $overlaps = q{
    const lines = [];
    for (const chart of document.querySelectorAll('.chart svg')) {
      const texts = [...chart.querySelectorAll('text')].filter(text => text.textContent)
        .map(text => ({ text: text.textContent, box: text.getBoundingClientRect() }));
      texts.forEach((a, i) => texts.slice(i + 1).forEach(b => {
        const wide = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
        const high = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
        if (wide > 1 && high > 4) lines.push(`overlap: ${a.text} and ${b.text}`);
      }));
      for (const { text, box } of texts) {
        if (box.left < -1 || box.right > innerWidth + 1) lines.push(`beyond the page: ${text}`);
      }
    }
    if (document.documentElement.scrollWidth > innerWidth) lines.push('it scrolls sideways');
    const years = new Set([...document.querySelectorAll('.year')].map(node => node.textContent));
    return [`years: ${[...years].join(' ')}`, ...lines];
  };
  my $long = report('ORDERS=long', 'FROM=2020-01-01');
  for ([ 1200, 900 ], [ 390, 800 ], [ 640, 800 ]) {
    my ($width, $height) = @$_;
    my $size = "--window-size=$width,$height";
    is_deeply([ $measure->($page, "overlap_$width", $overlaps, $size) ], ['years: 2022 2023 2024'],
      "$width pixels: no text overlaps another one, and all years are there");
    is_deeply([ $measure->($long, "long_$width", $overlaps, $size) ],
      ['years: 2020 2021 2022 2023 2024'], "$width pixels, five years: none overlaps, either");
    (my $wrong = $page) =~ s/x: Math.min\(x\(month.month\), width - 30\)/x: 60/;
    like(join("\n", $measure->($wrong, "wrong_$width", $overlaps, $size)),
      qr/overlap: 2022 and 2023/, "$width pixels: overlapping years would be seen");
  }
  is_deeply([ grep { !/^years/ } $measure->($page, 'dark', $overlaps,
        '--blink-settings=preferredColorScheme=0', '--window-size=1200,900') ], [],
    'in dark colours: no text overlaps another one');

  # the colours are those of the scheme
  for ([ 1, 'rgb(255, 255, 255)' ], [ 0, 'rgb(21, 25, 30)' ]) {
    my ($scheme, $paper) = @$_;
    is_deeply([ $measure->($page, "scheme_$scheme",
          'return [getComputedStyle(document.body).backgroundColor]',
          "--blink-settings=preferredColorScheme=$scheme") ], [$paper],
      "colour scheme $scheme: the page has its background");
  }

  # a shop whose orders end in the middle of a month, and without orders in another month, of which
  # no share can be computed
  $node->safe_psql('winback', q{
    CREATE VIEW short AS
    SELECT * FROM orders
     WHERE ordered_at < '2022-12-15'
       AND (ordered_at < '2022-09-01' OR ordered_at >= '2022-10-01')});
  my $short = report('ORDERS=short', 'TO=2023-01-01', 'CURRENCY=USD');
  ($fine, $dom, $console) = $look->($short, 'short');
  is_deeply($console, [], 'a shop with gaps: the console is empty');
  %figure = $dom =~ m{<figure id="(\w+)">(.*?)</figure>}gs;
  like(inside($dom, 'shading'), qr/; December 2022, for the orders end/,
    'a shop with gaps: the incomplete month is named');
  is($shapes->('rates', 'dot reactivation(?: few)?') - 1, 5,
    'a shop with gaps: the incomplete month is left out of the rates');
  unlike($_, qr/December 2022/, "a shop with gaps: no title speaks of the incomplete month: $_")
    for grep { !/^Whom to call: on 15 December/ } $dom =~ m{<h2>(.*?)</h2>}gs;
  is(inside($dom, 'key-title'), 'From September to November 2022',
    'a shop with gaps: the large figures are those of the last complete months');
  unlike(inside($dom, 'key'), qr/a year before|NaN/,
    'a shop with gaps: the large figures have no year before');
  like(inside($dom, 'lead'), qr/There is no year before: for that, the orders would have to begin/,
    'a shop with gaps: and the page says why');
  like(inside($dom, 'coverage'),
    qr/orders end on 14 December 2022, so December 2022 is not complete/,
    'a shop with gaps: it says in plain words which month is not complete');
  like($figure{transitions}, qr/what they were on 1 September 2022/,
    'a shop with gaps: the customers are followed over the same months');
  like($figure{silence}, qr/<h2>By length of silence, nothing can be said yet/,
    'a shop with gaps: a chart that would be empty is a sentence');
  unlike($dom =~ s{<script.*?</script>}{}gsr, qr/NaN|undefined|Infinity/,
    'a shop with gaps: no undefined number is shown');
  utf8::decode($dom);
  my $december = decode_json(inside($short, 'data'))->{months}[11];
  is_deeply([ map { $_->[-1] } grep { $_->[0] =~ /Sep|Dec/ } @{ $rows->('table-revenue') } ],
    [ "\x{2013}", sprintf('%.1f%%', 100 * $december->{revenue_back_share}) ],
    'a shop with gaps: the share of a month without revenue is a dash');
  like($dom, qr/Dec 2022 \x{2020}/, 'a shop with gaps: the table marks the incomplete month');

  # the same shop without from and to: the part of December is not there, and the page says so
  my $trimmed = report('ORDERS=short', 'CURRENCY=USD');
  my $trimmed_data = decode_json(inside($trimmed, 'data'));
  is($trimmed_data->{to}, '2022-12-01', 'a part of the last month is not in the report');
  is(join('', map { $_->{period_complete} ? 1 : 0 } @{ $trimmed_data->{months} }), '1' x 11,
    'so all of its months are complete');
  (undef, $dom, $console) = $look->($trimmed, 'trimmed');
  is_deeply($console, [], 'a shop whose last month is left out: the console is empty');
  my $later = $node->safe_psql('winback',
    "SELECT count(*) FROM short WHERE ordered_at >= '2022-12-01 00:00 UTC'");
  like(inside($dom, 'coverage'),
    qr/end with November 2022, for the orders show only a part of December 2022\. $later later/,
    'the page says that the part of a month is left out');

  # a shop of two months, which has no rate yet
  (undef, $dom, $console) = $look->(report('TO=2022-03-01'), 'young');
  is_deeply($console, [], 'a shop of two months: the console is empty');
  like($dom, qr{<h2>How many of those who were not active came back.</h2>},
    'a shop of two months: a title promises no number');
  like($dom, qr{<h2>What became of the customers, nobody can say yet.</h2>},
    'a shop of two months: nobody is followed over a month without history');
  is(inside($dom, 'verdict'), 'How well customers come back, nobody can say yet.',
    'a shop of two months: it begins by saying so');
  is(inside($dom, 'key'), '', 'a shop of two months: there are no large figures');

  # a shop of few customers: titles and large figures give two numbers instead of a percentage
  $node->safe_psql('winback', 'CREATE VIEW few AS SELECT * FROM orders WHERE customer_id <= 20');
  my $few = report('ORDERS=few', 'TO=2025-01-01');
  (undef, $dom, $console) = $look->($few, 'few');
  is_deeply($console, [], 'a shop of few customers: the console is empty');
  %figure = $dom =~ m{<figure id="(\w+)">(.*?)</figure>}gs;
  my $few_months = decode_json(inside($few, 'data'))->{months};
  is($shapes->('rates', 'dot \w+ few'),
    scalar(grep { $_->{history_complete} && $_->{period_complete} && $_->{eligible} }
      map { my $m = $_; map { +{ %$m, %{ $m->{$_} } } } qw(reactivation winback) } @$few_months),
    'a shop of few customers: all dots are hollow');
  unlike($_, qr/\d\.\d%/, "a shop of few customers: no title gives a percentage: $_")
    for inside($dom, 'verdict'),
    map { $figure{$_} =~ m{<h2>(.*?)</h2>} } qw(rates silence transitions);
}

# Orders without a customer are of nobody: two-step queries must not take them for one customer.
$node->safe_psql('winback', q{
  CREATE VIEW guests AS
  SELECT customer_id, ordered_at, amount FROM orders
   UNION ALL
  SELECT NULL, ordered_at, amount FROM orders WHERE customer_id <= 40
   UNION ALL
  SELECT customer_id, NULL, amount FROM orders WHERE customer_id = 1});
{
  my $guests = decode_json(inside(report('ORDERS=guests'), 'data'));
  my $left_out = delete $guests->{orders_left_out};
  is($left_out, $node->safe_psql('winback',
      'SELECT count(*) FROM guests WHERE customer_id IS NULL OR ordered_at IS NULL'),
    'orders without a customer or a time are counted');
  is_deeply({ %$guests, orders_left_out => 0 }, $data,
    'all other numbers are the same without them');
}

# Days are those of the time zone in the call, whatever the zone of the session. The months of a
# date column are the same in all zones.
$node->safe_psql('winback', q{
  CREATE VIEW dated_members AS
  SELECT campaign, customer_id, variant, (assigned_at AT TIME ZONE 'UTC')::date AS assigned_at
    FROM campaign_members;
  CREATE VIEW dated AS
  SELECT customer_id, (ordered_at AT TIME ZONE 'UTC')::date AS ordered_at, amount FROM orders});
for my $zone ('America/New_York', 'Pacific/Auckland') {
  my $dated = decode_json(inside(report('ORDERS=dated',
      'MEMBERS=dated_members', "TIMEZONE=$zone"), 'data'));
  is($dated->{timezone}, undef, "dates in $zone: the page names no time zone");
  is_deeply({ %$dated, timezone => 'UTC' }, $data, "dates in $zone: all numbers are the same");
  my @period = ('2024-01-01', '2024-12-01');
  my $there = decode_json(
    inside(report("FROM=$period[0]", "TO=$period[1]", "TIMEZONE=$zone"), 'data'));
  is_deeply([ map { columns($_) } @{ $there->{months} } ], plain_months($zone, @period),
    "instants in $zone: all counts and sums equal plain SQL in this zone");
  is($there->{timezone}, $zone, "instants in $zone: the page names the time zone");
}

# the period without from and to: whole months, at most 36
$node->safe_psql('winback', q{
  CREATE VIEW late AS SELECT * FROM orders WHERE ordered_at >= '2022-03-02 00:00 UTC';
  CREATE VIEW parts AS
  SELECT * FROM orders WHERE ordered_at BETWEEN '2024-01-02 00:00 UTC' AND '2024-02-28 00:00 UTC'});
for ([ [ 'ORDERS=late' ], '2022-04-01', '2025-01-01' ],
  [ [ 'ORDERS=late', 'FROM=2022-03-01' ], '2022-03-01', '2025-01-01' ],
  [ ['ORDERS=long'], '2022-01-01', '2025-01-01' ],
  [ [ 'ORDERS=long', 'FROM=2020-01-01' ], '2020-01-01', '2025-01-01' ],
  [ [ 'ORDERS=long', 'TO=2024-02-01' ], '2021-02-01', '2024-02-01' ]) {
  my ($variables, @expected) = @$_;
  my $period = decode_json(inside(report(@$variables), 'data'));
  is_deeply([ @$period{qw(from to)} ], \@expected,
    "@$variables: from $expected[0] to $expected[1]");
}
for ([ ['FROM=2023-01-15'],
    'FROM is 2023-01-15, which is not the first day of a month',
    'Pass FROM=2023-01-01 to begin with January 2023, '
      . 'or FROM=2023-02-01 to begin with February 2023.' ],
  [ ['TO=2024-12-31'],
    'TO is 2024-12-31, which is not the first day of a month',
    'Pass TO=2024-12-01 to end with November 2024, or TO=2025-01-01 to end with December 2024.' ],
  [ ['TO=infinity'], 'TO is infinity, which is not a day', 'Pass the first day of a month.' ],
  [ [ 'FROM=2024-02-01', 'TO=2024-02-01' ],
    'the report would begin on 2024-02-01 and end before 2024-02-01', 'Pass FROM=, TO=, or both' ],
  [ ['TO=2021-01-01'],
    'The orders begin on 2022-01-01 and end on 2024-12-31.', 'Pass FROM=, TO=, or both' ],
  [ ['ORDERS=parts'],
    'the orders, from 2024-01-02 to 2024-02-27, cover no whole month',
    'pass FROM=2024-01-01 and TO=2024-03-01' ]) {
  my ($variables, @reasons) = @$_;
  my ($fine, $out, $err) = run_report(@$variables);
  ok(!$fine && $out eq '', "@$variables: scripts/report fails and writes no page");
  like($err, qr/\Q$_\E/, "@$variables: scripts/report says: $_") for @reasons;
}

# the limits of silence follow churned_after, in its unit
for (['30 days', '60 days', '90 days'], ['90 days', '180 days', '365 days'],
  ['6 months', '1 year', '2 years'], ['1 year', '2 years', '4 years'],
  ['13 months', '2 years', '4 years'], ['20 years', '40 years', '80 years']) {
  my ($churned_after, @expected) = @$_;
  my $of = decode_json(
    inside(report('INACTIVE=30 days', "CHURNED=$churned_after"), 'data'));
  is_deeply($of->{silence}, \@expected, "CHURNED=$churned_after: silence up to @expected");
}

# A campaign whose days are not over is left out, and so is one without a control group. Without a
# table of members there is no figure.
$node->safe_psql('winback', q{
  CREATE VIEW other_members AS
  SELECT campaign, customer_id, variant, assigned_at + CASE campaign WHEN 'April' THEN interval '0'
           ELSE interval '63 days' END AS assigned_at
    FROM campaign_members
   UNION ALL
  SELECT 'all', customer_id, 'mail', '2024-06-01' FROM orders GROUP BY customer_id});
{
  my $shown = decode_json(inside(report('MEMBERS=other_members'), 'data'))->{campaigns};
  is(join(' ', map { "$_->{campaign} $_->{variant}" } @$shown), 'April reminder April voucher',
    'campaigns that are not over, or without control, are left out');
  my $named =
    decode_json(inside(report('CONTROL=reminder', 'CAMPAIGN_DAYS=7'), 'data'))->{campaigns};
  is(join(' ', map { $_->{variant} } @$named), 'control voucher control voucher',
    'the control group may have another name');
  cmp_ok($named->[0]{treated}{returned}, '<', $data->{campaigns}[0]{control}{returned},
    'in fewer days fewer customers come back');
  my $without = report('MEMBERS=');
  my $without_data = decode_json(inside($without, 'data'));
  is_deeply({ %$without_data, map { $_ => $data->{$_} } qw(campaigns has_members) }, $data,
    'without a table of members all other numbers are the same');
  is_deeply($without_data->{campaigns}, [], 'and there are no effects');
}

# ----------------------------------------------------------------- tables of others

# Names that need quotes, in a schema of their own, with and without the quotes; amounts of other
# types; an extension in another schema; a session that may only read.
$node->safe_psql('winback', q{
  CREATE SCHEMA "Sales, all";
  CREATE VIEW "Sales, all"."Order ""lines"":x" AS
  SELECT customer_id AS "Customer; No", ordered_at AS "At", amount AS "it's", amount::float8 AS f,
         amount::money AS m, 'purchase' AS kind, lifecycle_event 'purchase' AS event
    FROM orders});
my @odd = ('ORDERS=Sales, all.Order "lines":x', 'CUSTOMER=Customer; No', 'AT=At', q{AMOUNT=it's});
is_deeply(decode_json(inside(report(@odd), 'data')), $data, 'names that need quotes');
is_deeply(decode_json(inside(report('ORDERS="Sales, all"."Order ""lines"":x"',
        'CUSTOMER="Customer; No"', 'AT="At"', q{AMOUNT="it's"}), 'data')), $data,
  'the same names in quotes');
is_deeply(decode_json(inside(report('ORDERS=PUBLIC.Orders', 'CUSTOMER=Customer_ID'), 'data')),
  $data, 'names in capitals');
for my $column (qw(f m)) {
  my $of = decode_json(inside(report(@odd, "AMOUNT=$column"), 'data'));
  is_deeply([ map { columns($_) } @{ $of->{months} } ], $plain,
    "amounts of another type: $column");
}
# events that are all purchases change nothing, as a text and as a lifecycle_event
for my $column (qw(kind event)) {
  my $of = decode_json(inside(report(@odd, "EVENT=$column"), 'data'));
  ok($of->{has_event}, "$column: it has events");
  is_deeply({ %$of, has_event => $data->{has_event} }, $data, "$column: all numbers are the same");
}
{
  local $ENV{PGOPTIONS} = '-c default_transaction_read_only=on';
  is_deeply(decode_json(inside(report(), 'data')), $data, 'a session that may only read');
}
# psql's own settings and a time zone of the session change nothing
{
  local $ENV{PGOPTIONS} = '-c timezone=Asia/Tokyo -c datestyle=German -c intervalstyle=iso_8601';
  is_deeply(decode_json(inside(report(), 'data')), $data,
    'the settings of the session do not matter');
}
$node->safe_psql('postgres', 'CREATE DATABASE elsewhere');
$node->safe_psql('elsewhere', q{
  CREATE SCHEMA "Tools"; CREATE EXTENSION winback SCHEMA "Tools";
  CREATE TABLE orders AS
  SELECT day AS customer_id, date '2022-01-01' + 3 * day + 400 * n AS ordered_at, 10 AS amount
    FROM generate_series(1, 300) AS day, generate_series(0, 1) AS n});
{
  my $of = decode_json(inside(
      report('DB=' . $node->connstr('elsewhere'), 'MEMBERS=', 'NAME='), 'data'));
  is($of->{customers}, 300, 'an extension in a schema of its own, and whole numbers as amounts');
  is($of->{name}, 'elsewhere', 'without a name, the report has that of the database');
}

# Without amounts there is no money; a list of nobody names nobody.
{
  my $of = report('AMOUNT=', 'CALL=0');
  my $of_data = decode_json(inside($of, 'data'));
  is($of_data->{call}, undef, 'CALL=0: there is no list');
  is_deeply($of_data->{value}, [], 'without amounts there are no values');
  is_deeply([ map { @$_{qw(won_back active_end)} } @{ $of_data->{months} } ],
    [ map { @$_{qw(won_back active_end)} } @$months ], 'without amounts all counts are the same');
}

# Cancellations, interest and refunds: customers cancel, so that they churn at once; a refund
# changes the revenue and nobody's standing.
$node->safe_psql('winback', q{
  CREATE VIEW all_events AS
  SELECT customer_id, ordered_at, 'purchase' AS kind, amount FROM orders
   UNION ALL
  SELECT customer_id, ordered_at + interval '1 hour', 'adjustment', -amount FROM orders
   WHERE ordered_at >= '2024-12-01' AND customer_id % 2 = 0
   UNION ALL
  SELECT customer_id + 100000, ordered_at, 'interest', NULL FROM orders WHERE customer_id <= 50
   UNION ALL
  SELECT customer_id, max(ordered_at) + interval '1 hour', 'cancellation', NULL FROM orders
   WHERE ordered_at < '2024-11-15' GROUP BY customer_id HAVING customer_id % 7 = 0});
my $events_page = report('ORDERS=all_events', 'EVENT=kind');
{
  my $refunds = $node->safe_psql('winback', 'SELECT count(*) FROM all_events WHERE amount < 0');
  my ($fine, $page, $complaints) = run_report('ORDERS=all_events');
  like($complaints, qr/\AWARNING: $refunds orders have a negative amount, and count as purchases/,
    'without EVENT, the command warns of refunds');
  is(decode_json(inside($page, 'data'))->{negative}, $refunds, 'and so does the page');
}
{
  my $of = decode_json(inside($events_page, 'data'));
  my ($december, $before) = ($of->{months}[35], $months->[35]);
  is($of->{orders}, $data->{orders}, 'events: only purchases are orders');
  is($of->{customers}, $data->{customers}, 'events: prospects are no customers');
  is($december->{prospects_end}, $node->safe_psql('winback',
      'SELECT count(DISTINCT customer_id) FROM orders WHERE customer_id <= 50'),
    'events: prospects are counted');
  is(sprintf('%.2f', $december->{revenue}), $node->safe_psql('winback', q{
      SET TimeZone = 'UTC'; SELECT sum(amount) FROM all_events WHERE ordered_at >= '2024-12-01'}),
    'events: refunds are part of the revenue');
  cmp_ok($december->{churned_end}, '>', $before->{churned_end}, 'events: who cancels has churned');
  my $wrong = grep { my $m = $_; my $sum = 0; $sum += $_->{eligible} for @{ $m->{silence} };
      $sum != $m->{winback}{eligible} } @{ $of->{months} };
  is($wrong, 0, 'events: the tallies by length of silence add up to the win-back tally');
}

# Strata: within each, and then on average. One stratum for all changes nothing.
$node->safe_psql('winback', q{
  CREATE VIEW strata AS SELECT *, customer_id % 2 = 0 AS stratum FROM campaign_members;
  CREATE VIEW one_stratum AS SELECT *, 'all' AS stratum FROM campaign_members});
is_deeply(decode_json(inside(report('MEMBERS=one_stratum'), 'data')), $data,
  'one stratum of members is like none');
{
  my $of = decode_json(inside(report('MEMBERS=strata'), 'data'))->{campaigns};
  my $expected = decode_json($node->safe_psql('winback', q{
    SET TimeZone = 'UTC';
    WITH result AS (
      SELECT campaign, variant, customer_id % 2 = 0 AS stratum,
             lifecycle_at(ordered_at, assigned_at, '60 days', '180 days') AS was,
             lifecycle_during(ordered_at, tstzrange(assigned_at, assigned_at + interval '30 days'),
                              '60 days', '180 days') AS became
        FROM campaign_members JOIN orders USING (customer_id)
       GROUP BY campaign, variant, assigned_at, customer_id),
    tally AS (
      SELECT campaign, variant, stratum, reactivation_tally(was, became) AS t FROM result
       WHERE was IN ('inactive', 'churned') GROUP BY campaign, variant, stratum)
    SELECT json_agg(json_build_array(difference, lower, upper, p_value)
                    ORDER BY campaign, variant)
      FROM (SELECT a.campaign, a.variant, array_agg(a.t ORDER BY stratum) AS treated,
                   array_agg(b.t ORDER BY stratum) AS control
              FROM tally AS a JOIN tally AS b USING (campaign, stratum)
             WHERE a.variant <> 'control' AND b.variant = 'control'
             GROUP BY a.campaign, a.variant) AS p, rate_effect_stratified(treated, control)}));
  is_deeply([ map { [ @$_{qw(difference lower upper p)} ] } @$of ], $expected,
    'members in two strata are compared within them');
  is(join(' ', map { $_->{strata} } @$of), '2 2 2 2', 'of which the page says how many there are');
}

SKIP: {
  skip 'no browser', 1 unless $chromium;
  # what a hostile customer may be called, and a hostile shop
  $node->safe_psql('winback', q{
    CREATE TABLE hostile AS
    SELECT CASE customer_id % 4 WHEN 0 THEN '=1+' WHEN 1 THEN '<img src=x onerror="alert(1)">"'
             WHEN 2 THEN 'a, "b" ' ELSE '</script><script>nobody.knows</script>' END
             || customer_id AS customer_id, ordered_at, amount
      FROM orders WHERE customer_id <= 200});
  my $hostile = report('ORDERS=hostile', 'MEMBERS=',
    'NAME=</script><script>nobody.knows</script>&"');
  my ($fine, $dom, $console) = look($hostile, 'hostile');
  is_deeply($console, [], 'hostile names: the console is empty');
  like($dom, qr{<p id="failure"[^>]*hidden}, 'hostile names: the page shows no failure');
  like(inside($dom, 'title'), qr{^&lt;/script&gt;&lt;script&gt;},
    'hostile names: the name is a text');
  utf8::decode($dom);
  my (undef, @lines) = @{ csv($dom) };
  my @ids = map { $_->{customer} } @{ decode_json(inside($hostile, 'data'))->{call}{rows} };
  is_deeply([ map { $_->[0] } @lines ], [ map { s/^=/'=/r } @ids ],
    'hostile names: the file has them, and none that a spreadsheet would run');
  for my $kind (qr/^=/, qr/^</, qr/^a, "b"/) {
    cmp_ok(scalar(grep { /$kind/ } @ids), '>', 0, "hostile names: there are some like $kind");
  }

  # twelve variants, which would take more than four pages
  $node->safe_psql('winback', q{
    CREATE VIEW many_members AS
    SELECT campaign || ' ' || n AS campaign, customer_id, variant, assigned_at
      FROM campaign_members, generate_series(1, 3) AS n});

  # pages of other kinds
  for (
    [ 'many_campaigns', report('MEMBERS=many_members') ],
    [ 'without_money', report('AMOUNT=', 'CALL=0', 'MEMBERS=') ],
    [ 'events', $events_page ],
    [ 'strata', report('MEMBERS=strata') ],
    [ 'other_lengths', report('INACTIVE=2 months', 'CHURNED=1 year', 'FROM=2023-01-01') ],
    [ 'empty_months', report('FROM=2020-01-01', 'TO=2021-01-01') ],
  ) {
    my ($name, $html) = @$_;
    my ($fine, $dom, $console) = look($html, $name);
    is_deeply($console, [], "$name: the console is empty");
    like($dom, qr{<p id="failure"[^>]*hidden}, "$name: the page shows no failure");
    unlike($dom =~ s{<script.*?</script>}{}gsr, qr/NaN|undefined|Infinity|\[object|null/,
      "$name: every number is defined");
    my %has = map { $_ => 1 } $dom =~ m{<figure id="(\w+)">}g;
    is(join(' ', map { $has{$_} ? 1 : 0 } qw(campaigns revenue value)),
      { without_money => '0 0 0', events => '1 1 1', empty_months => '1 1 0' }->{$name} // '1 1 1',
      "$name: it has the figures for which there are data");
    is(scalar(() = $dom =~ /<section id="call"/g), $name eq 'without_money' ? 0 : 1,
      "$name: the list is there where it was wanted");
    cmp_ok(pages($html, "print_$name"), '<=', 4, "$name: on paper it has at most four pages");
  }
}

# ----------------------------------------------------------------------- mistakes

{
  my ($out, $err) = ('', '');
  ok(IPC::Run::run([ "$root/scripts/report", '--help' ], '<', \undef, '>', \$out, '2>', \$err),
    '--help works');
  is($err, '', '--help complains of nothing');
  like($out, qr/^  $_=/m, "--help lists $_")
    for qw(DB ORDERS CUSTOMER AT AMOUNT EVENT MEMBERS NAME CURRENCY FROM TO TIMEZONE INACTIVE
    CHURNED CONTROL CAMPAIGN_DAYS CALL OUT);
}
{
  my (undef, undef, undef, $progress) = run_report();
  is_deeply($progress, [ map { "Reading $_" } 'the first and the last order', 'the orders by month',
      'the last months and those of the year before', 'the return curve',
      'the customers one by one', 'the campaigns' ], 'it says what it does');
  my $file = tempdir(CLEANUP => 1) . '/a report.html';
  my ($fine, $out, $err) = run_report("OUT=$file");
  ok($fine && $out eq '' && -s $file > 100_000, 'it writes a file');
  ($fine, $out, $err) = run_report("OUT=$file/x");
  ok(!$fine && $err =~ /^ERROR: cannot write .*\nHINT: .*\n\z/, 'a file that cannot be written');
}
$node->safe_psql('winback', q{
  CREATE ROLE clerk LOGIN;
  CREATE VIEW nothing AS SELECT * FROM orders WHERE false;
  CREATE VIEW not_numbers AS SELECT customer_id, ordered_at, 'NaN'::numeric AS amount FROM orders;
  CREATE VIEW other_kinds AS SELECT *, 'bought' AS kind FROM orders;
  CREATE INDEX ON campaign_members (variant);
  CREATE VIEW bare_members AS SELECT campaign, customer_id, assigned_at FROM campaign_members;
  CREATE VIEW named_members AS SELECT campaign, variant, assigned_at, 'x' || customer_id AS customer
    FROM campaign_members});
my $drop = 'orders; DROP TABLE campaign_members; --';
for (
  [ ['ORDERS='], 'ORDERS, the table of the orders, is not given', 'campaign_members, ' ],
  [ ['ORDERS=nowhere'], 'there is no table or view "nowhere" in the database winback', 'orders' ],
  [ ["ORDERS=$drop"], qq{there is no table or view "$drop"}, 'orders' ],
  [ ['ORDERS=orders_pkey'], 'orders_pkey is neither a table nor a view', 'orders' ],
  [ ['ORDERS=nothing'], 'there are no orders in public.nothing', 'a customer, a time' ],
  [ ['CUSTOMER='], 'CUSTOMER, the column of the customer, is not given', 'order_id bigint' ],
  [ ['AT='], 'AT, the column of the time of an order, is not given', 'ordered_at timestamp' ],
  [ ['CUSTOMER=client'], 'there is no column "client" in orders', 'customer_id bigint' ],
  [ ["CUSTOMER=customer_id) FROM $drop"], 'there is no column "customer_id) FROM', 'need a view' ],
  [ ["AMOUNT=amount::float8"], 'there is no column "amount::float8"', 'Expressions need a view' ],
  [ ['AT=order_id'], 'order_id of orders is of the type bigint, so it is no time',
    'to_timestamp(order_id)' ],
  [ ['AMOUNT=ordered_at'], 'is of the type timestamp with time zone, so it is no amount', 'view' ],
  [ ['EVENT=amount'], 'is of the type numeric, so it is no event', 'purchase, cancellation' ],
  [ [ 'ORDERS=other_kinds', 'EVENT=kind' ], 'invalid input value for lifecycle_event: "bought"',
    'purchase' ],
  [ ['ORDERS=not_numbers'], 'amounts are NaN or infinite', 'view' ],
  [ ['MEMBERS=nowhere'], 'there is no table or view "nowhere"', 'campaign_members' ],
  [ ['MEMBERS=bare_members'], 'the members of campaigns, bare_members, have no column variant',
    'campaign, variant, assigned_at' ],
  [ ['MEMBERS=named_members'], 'is of the type text in named_members, and of the type bigint',
    'view' ],
  [ [ 'DB=' . $node->connstr('postgres') ], 'the extension winback is not in the database postgres',
    'CREATE EXTENSION winback' ],
  [ [ 'DB=' . $node->connstr('nowhere') ], 'database "nowhere" does not exist', 'Pass DB=' ],
  [ [ 'DB=' . $node->connstr('winback') . ' user=clerk' ],
    'clerk may not read the column', 'GRANT SELECT ON orders TO clerk' ],
  [ ['TIMEZONE=Mars'], 'TIMEZONE=Mars is no time zone', 'Europe/Berlin' ],
  [ ['INACTIVE=sixty'], 'INACTIVE=sixty is no length of time', '90 days' ],
  [ ['INACTIVE=60'], 'INACTIVE=60 is 00:01:00, not a number of days', '90 days' ],
  [ ['CHURNED=30 days'], 'CHURNED=30 days is shorter than INACTIVE=60 days', 'inactive first' ],
  [ ['CURRENCY=Euro'], 'CURRENCY=Euro is no code of a currency', 'EUR' ],
  [ ['CAMPAIGN_DAYS=0'], 'CAMPAIGN_DAYS=0 is no number of days', '1 to 9999' ],
  [ ['CALL=all'], 'CALL=all is no number of customers', '0 leaves out' ],
  [ ['FROM=spring'], 'FROM=spring is no day', '2024-01-01' ],
  [ ['COLOUR=red'], 'there is no option COLOUR', '--help' ],
  [ ['orders'], 'orders is not of the form OPTION=value', '--help' ],
) {
  my ($options, $reason, $hint) = @$_;
  my ($fine, $out, $err) = run_report(@$options);
  ok(!$fine && $out eq '', "@$options: scripts/report fails and writes no page");
  like($err, qr/\AERROR: [^\n]*\Q$reason\E[^\n]*\nHINT: [^\n]*\Q$hint\E[^\n]*\n\z/,
    "@$options: it says why in one sentence, with a hint");
}
is($node->safe_psql('winback', 'SELECT count(*) > 0 FROM campaign_members'), 't',
  'no name was run as a statement');
for ([ 'PSQL', '/nowhere/psql', 'postgresql-client' ], [ 'D3', '/nowhere/d3.js', 'node-d3' ]) {
  my ($variable, $value, $package) = @$_;
  local $ENV{$variable} = $value;
  my ($fine, $out, $err) = run_report();
  ok(!$fine && $out eq '', "$variable=$value: scripts/report fails");
  like($err, qr/\AERROR: .*not installed.*\nHINT: .*apt-get install $package\n\z/,
    "$variable=$value: it names the package");
}

# make hands over what stands on its command line, whatever it contains, and no variable of the
# environment.
SKIP: {
  skip 'no make here', 1 unless grep { -x "$_/make" } split /:/, $ENV{PATH};
  local @ENV{qw(NAME AMOUNT MAKEFLAGS MAKELEVEL)} = ('of the machine', 'nothing', '', '');
  my $file = tempdir(CLEANUP => 1) . '/report.html';
  my ($out, $err) = ('', '');
  ok(IPC::Run::run([ 'make', '-C', $root, '--no-print-directory', 'report',
        (map { s/\$/\$\$/gr } grep { !/^(OUT|NAME)=/ } @shop), q{NAME=It's "$$PATH" `x`},
        "OUT=$file" ], '<', \undef, '>', \$out, '2>', \$err), 'make report works') or diag($err);
  is_deeply(decode_json(inside(slurp_file($file), 'data')), { %$data, name => q{It's "$PATH" `x`} },
    'make report: the page is that of scripts/report');
}

$node->stop;
done_testing();
