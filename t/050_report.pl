# 050_report.pl
#   Proves of the report that `make demo` writes (scripts/report) that the numbers
#   embedded in it and those in its tables equal plain SQL over the shop's orders;
#   that it loads nothing over a network; and, in a headless Chromium, that its
#   charts are drawn without an error. To prove that the browser would show a
#   fault, it also opens a page with an error and a page that loads an image.
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

# Runs scripts/report with these psql variables, and returns the page.
sub report {
  my ($fine, $page, $complaints) = run_report(@_);
  ok($fine && $complaints eq '', "scripts/report @_ works") or diag($complaints);
  return $page;
}

# Returns whether scripts/report works, its page and its complaints.
sub run_report {
  my ($page, $complaints) = ('', '');
  my @variables = map { "--variable=$_" } @_;
  my $fine = IPC::Run::run([ "$root/scripts/report", $node->connstr('winback'), @variables ],
    '<', \undef, '>', \$page, '2>', \$complaints);
  return ($fine, $page, $complaints);
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
is_deeply($data->{followed}, { from => '2024-10-01', to => '2025-01-01', months => 3 },
  'the customers are followed over the last complete quarter');

my $transitions_sql = q{
  SELECT json_agg(t ORDER BY before, after) FROM (
    SELECT before, after, count(*) AS customers FROM (
      SELECT CASE WHEN was < date '2024-10-01' - 180 THEN 'churned'
                  WHEN was < date '2024-10-01' - 60 THEN 'inactive'
                  WHEN was IS NOT NULL THEN 'active' ELSE 'none' END AS before,
             CASE WHEN bought THEN CASE WHEN was IS NULL THEN 'new'
                                        WHEN was < date '2024-10-01' - 180 THEN 'won_back'
                                        WHEN was < date '2024-10-01' - 60 THEN 'reactivated'
                                        ELSE 'active' END
                  WHEN was < date '2025-01-01' - 180 THEN 'churned'
                  WHEN was < date '2025-01-01' - 60 THEN 'inactive'
                  ELSE 'active' END AS after
        FROM (SELECT max(ordered_at::date) FILTER (WHERE ordered_at < '2024-10-01') AS was,
                     bool_or(ordered_at >= '2024-10-01') AS bought
                FROM orders GROUP BY customer_id) AS o) AS c
     GROUP BY before, after) AS t
};
my $steps = decode_json($node->safe_psql('winback', "SET TimeZone = 'UTC'; $transitions_sql"));
my $matrix = sub {
  return { map { ($_->{before} // 'none') . " to $_->{after}" => $_->{customers} } @_ };
};
is_deeply($matrix->(@{ $data->{transitions} }), $matrix->(@$steps),
  'the transitions equal plain SQL');

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
{
  my $curve = plain_curve('orders', '2025-01-01');
  my $points = $data->{curve}{points};
  is_deeply([ map { [ map { 0 + $_ } @$_{qw(days at_risk returned survival)} ] } @$points ],
    [ map { [ map { 0 + $_ } @$_ ] } @{ $curve->{points} } ],
    'the return curve equals plain SQL');
  cmp_ok(scalar(@$points), '>', 300, 'the return curve has more than 300 points');
  is(join(' ', map { sprintf('%.8f', $_->{chance}) } @{ $data->{curve}{chances} }),
    join(' ', map { sprintf('%.8f', $_) } @{ $curve->{chances} }),
    'the chances of a return equal plain SQL');
  is_deeply([ map { 0 + $_ } @{ $data->{curve} }{qw(inactive_days churned_days)} ], [ 60, 180 ],
    'the thresholds are in days');
}

is_deeply([ @$data{qw(orders customers first_order last_order)} ],
  [ split /\|/, $node->safe_psql('winback', "SET TimeZone = 'UTC';
    SELECT count(*), count(DISTINCT customer_id), min(ordered_at)::date, max(ordered_at)::date
      FROM orders") ],
  'the numbers of orders and customers, and the first and last day of orders, are right');

# --------------------------------------------------------- the page in a browser

my ($chromium) = grep { -x } map { my $program = $_; map { "$_/$program" } split /:/, $ENV{PATH} }
  ('chromium-headless-shell', 'chromium');

SKIP: {
  skip "no browser to open the report in: install Debian's package chromium-headless-shell", 1
    unless $chromium;

  my $dir = tempdir(CLEANUP => 1);

  # Opens a page in Chromium. Returns whether that worked, the document in its final
  # state, the lines of the console, the URLs of all requests over a network, and
  # the output of Chromium.
  my $look = sub {
    my ($html, $name) = @_;
    my ($file, $log, $dom, $said) = ("$dir/$name.html", "$dir/$name.netlog", '', '');
    append_to_file($file, $html);
    my $fine = IPC::Run::run(
      [ $chromium, qw(--headless --no-sandbox --disable-gpu --disable-quic --no-first-run
        --disable-background-networking --disable-component-update --disable-sync
        --disable-dev-shm-usage --enable-logging=stderr --v=0 --virtual-time-budget=5000
        --dump-dom), '--window-size=1200,900',
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
    'campaigns curve flows rates revenue silence standing transitions',
    'all figures are there');
  for my $id (sort keys %figure) {
    my @charts = $figure{$id} =~ m{<svg role="img" aria-label="([^"]{40,})"}g;
    is(scalar(@charts), $id eq 'revenue' ? 2 : 1, "$id: each chart has a text for screen readers");
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
  my $title = sprintf('In December 2024, %.1f%% of the customers silent for 180 days to 1 year '
      . 'were won back, after %.1f%% a year before.',
    map { 100 * $_->{returned} / $_->{eligible} } map { $_->{silence}[0] } @$months[ 35, 23 ]);
  like($figure{silence}, qr{<h2>\Q$title\E</h2>}, 'silence: the title compares equal silence');

  # the effects: a point, an interval and a text for each
  is($shapes->('campaigns', 'dot effect'), 4, 'campaigns: a point for each variant');
  is($shapes->('campaigns', 'interval effect'), 12,
    'campaigns: an interval with two ends for each variant');
  is($shapes->('campaigns', 'zero'), 1, 'campaigns: a line where there is no effect');
  like($figure{campaigns}, qr{<text[^>]*>October, voucher</text>}, 'campaigns: variants are named');
  like($figure{campaigns}, qr{<h2>October, voucher: 39 customers \(95% interval 14 to 65\)},
    'campaigns: the title names the one effect that is proven');
  is($shapes->('curve', 'line curve'), 1, 'curve: a line');
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
  is(inside($dom, 'key-title'), 'December 2024, the last complete month',
    'the large figures say of which month they are');
  like(inside($dom, 'coverage'), qr/orders begin on 1 January 2022\./,
    'it says in plain words where the orders begin');
  like(inside($dom, 'coverage'),
    qr/When January to June 2022 began, the orders reached back 180 days or less/,
    'it says in plain words which months have too little history');
  is($shapes->('revenue', 'dot share'), 30,
    'revenue: a share for each month with a complete history');
  is($shapes->('transitions', 'cell'), scalar(@$steps), 'transitions: a cell for each step');
  for my $id (qw(standing flows rates)) {
    is($shapes->($id, 'shade') >= 6, 1, "$id: the months without history are shaded");
    like($figure{$id}, qr/January to June 2022/, "$id: the shaded months are named");
  }

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
          map { sprintf('%.1f%%', 100 * $_ + 1e-9) } @$c{qw(chance lower upper)} ]
      } @{ $data->{curve}{chances} } ],
    'the table of chances shows the chances');
  my %said = ('not yet a customer' => 'none', 'won back' => 'won_back', 'stayed active' => 'active',
    'back after a pause' => 'reactivated');
  my $status = sub { return $said{ $_[0] } // $_[0] };
  is_deeply(
    { map { $status->($_->[0]) . ' to ' . $status->($_->[1]) => $_->[2] =~ tr/,//dr }
        @{ $rows->('table-transitions') } },
    $matrix->(@$steps), 'the table of transitions equals plain SQL');

  # a shop whose orders end in the middle of a month, and without orders in another month, of which
  # no share can be computed
  $node->safe_psql('winback', q{
    CREATE VIEW short AS
    SELECT * FROM orders
     WHERE ordered_at < '2022-12-15'
       AND (ordered_at < '2022-09-01' OR ordered_at >= '2022-10-01')});
  my $short = report('orders=short', 'to=2023-01-01', 'currency=USD');
  ($fine, $dom, $console) = $look->($short, 'short');
  is_deeply($console, [], 'a shop with gaps: the console is empty');
  %figure = $dom =~ m{<figure id="(\w+)">(.*?)</figure>}gs;
  like($figure{rates}, qr/left out: December 2022, for the orders end/,
    'a shop with gaps: the incomplete month is named');
  is($shapes->('rates', 'dot reactivation(?: few)?') - 1, 5,
    'a shop with gaps: the incomplete month is left out of the rates');
  unlike($_, qr/December 2022/, "a shop with gaps: no title speaks of the incomplete month: $_")
    for $dom =~ m{<h2>(.*?)</h2>}gs;
  is(inside($dom, 'key-title'), 'November 2022, the last complete month',
    'a shop with gaps: the large figures are those of the last complete month');
  like(inside($dom, 'coverage'),
    qr/orders end on 14 December 2022, so December 2022 is not complete/,
    'a shop with gaps: it says in plain words which month is not complete');
  is(decode_json(inside($short, 'data'))->{followed}{to}, '2022-10-01',
    'a shop with gaps: the customers are followed over the last complete quarter');
  like($figure{transitions}, qr/July to September 2022, the last complete quarter/,
    'a shop with gaps: the page says so');
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
  my $trimmed = report('orders=short', 'currency=USD');
  my $trimmed_data = decode_json(inside($trimmed, 'data'));
  is($trimmed_data->{to}, '2022-12-01', 'a part of the last month is not in the report');
  is(join('', map { $_->{period_complete} ? 1 : 0 } @{ $trimmed_data->{months} }), '1' x 11,
    'so all of its months are complete');
  (undef, $dom, $console) = $look->($trimmed, 'trimmed');
  is_deeply($console, [], 'a shop whose last month is left out: the console is empty');
  my $later = $node->safe_psql('winback',
    "SELECT count(*) FROM short WHERE ordered_at >= '2022-12-01 00:00 UTC'");
  like(inside($dom, 'coverage'),
    qr/ends with November 2022, for the orders show only a part of December 2022\. $later later/,
    'the page says that the part of a month is left out');

  # a shop of two months, which has no rate yet
  (undef, $dom, $console) = $look->(report('to=2022-03-01'), 'young');
  is_deeply($console, [], 'a shop of two months: the console is empty');
  like($dom, qr{<h2>How many of those who were not active came back.</h2>},
    'a shop of two months: a title promises no number');
  like($dom, qr{<h2>What became of the customers, nobody can say yet.</h2>},
    'a shop of two months: nobody is followed over a month without history');
  is(inside($dom, 'key'), '', 'a shop of two months: there are no large figures');

  # a shop of few customers: titles and large figures give two numbers instead of a percentage
  $node->safe_psql('winback', 'CREATE VIEW few AS SELECT * FROM orders WHERE customer_id <= 20');
  my $few = report('orders=few', 'to=2025-01-01');
  (undef, $dom, $console) = $look->($few, 'few');
  is_deeply($console, [], 'a shop of few customers: the console is empty');
  %figure = $dom =~ m{<figure id="(\w+)">(.*?)</figure>}gs;
  my $few_months = decode_json(inside($few, 'data'))->{months};
  is($shapes->('rates', 'dot \w+ few'),
    scalar(grep { $_->{history_complete} && $_->{period_complete} && $_->{eligible} }
      map { my $m = $_; map { +{ %$m, %{ $m->{$_} } } } qw(reactivation winback) } @$few_months),
    'a shop of few customers: all dots are hollow');
  unlike($_, qr/\d\.\d%/, "a shop of few customers: no title gives a percentage: $_")
    for map { $figure{$_} =~ m{<h2>(.*?)</h2>} } qw(rates silence transitions);
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
  my $guests = decode_json(inside(report('orders=guests'), 'data'));
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
  my $dated = decode_json(inside(report('orders=dated',
      'campaigns=dated_members', "timezone=$zone"), 'data'));
  is($dated->{timezone}, undef, "dates in $zone: the page names no time zone");
  is_deeply({ %$dated, timezone => 'UTC' }, $data, "dates in $zone: all numbers are the same");
  my @period = ('2024-01-01', '2024-12-01');
  my $there = decode_json(
    inside(report("from=$period[0]", "to=$period[1]", "timezone=$zone"), 'data'));
  is_deeply([ map { columns($_) } @{ $there->{months} } ], plain_months($zone, @period),
    "instants in $zone: all counts and sums equal plain SQL in this zone");
  is($there->{timezone}, $zone, "instants in $zone: the page names the time zone");
}

# the period without from and to: whole months, at most 36
$node->safe_psql('winback', q{
  CREATE VIEW late AS SELECT * FROM orders WHERE ordered_at >= '2022-03-02 00:00 UTC';
  CREATE VIEW long AS
  SELECT * FROM orders UNION ALL
  SELECT order_id, customer_id, ordered_at - interval '2 years', amount FROM orders
   WHERE ordered_at < '2024-01-01 00:00 UTC';
  CREATE VIEW parts AS
  SELECT * FROM orders WHERE ordered_at BETWEEN '2024-01-02 00:00 UTC' AND '2024-02-28 00:00 UTC'});
for ([ [ 'orders=late' ], '2022-04-01', '2025-01-01' ],
  [ [ 'orders=late', 'from=2022-03-01' ], '2022-03-01', '2025-01-01' ],
  [ ['orders=long'], '2022-01-01', '2025-01-01' ],
  [ [ 'orders=long', 'from=2020-01-01' ], '2020-01-01', '2025-01-01' ],
  [ [ 'orders=long', 'to=2024-02-01' ], '2021-02-01', '2024-02-01' ]) {
  my ($variables, @expected) = @$_;
  my $period = decode_json(inside(report(@$variables), 'data'));
  is_deeply([ @$period{qw(from to)} ], \@expected,
    "@$variables: from $expected[0] to $expected[1]");
}
for ([ ['from=2023-01-15'],
    'from is 2023-01-15, which is not the first day of a month',
    'Pass from=2023-01-01 to begin with January 2023, '
      . 'or from=2023-02-01 to begin with February 2023.' ],
  [ ['to=2024-12-31'],
    'to is 2024-12-31, which is not the first day of a month',
    'Pass to=2024-12-01 to end with November 2024, or to=2025-01-01 to end with December 2024.' ],
  [ ['to=infinity'], 'to is infinity, which is not a day', 'Pass the first day of a month.' ],
  [ [ 'from=2024-02-01', 'to=2024-02-01' ],
    'the report would begin on 2024-02-01 and end before 2024-02-01', 'Pass from=, to=, or both' ],
  [ ['to=2021-01-01'],
    'The orders begin on 2022-01-01 and end on 2024-12-31.', 'Pass from=, to=, or both' ],
  [ ['orders=parts'],
    'the orders, from 2024-01-02 to 2024-02-27, cover no whole month',
    'pass from=2024-01-01 and to=2024-03-01' ]) {
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
    inside(report('inactive_after=30 days', "churned_after=$churned_after"), 'data'));
  is_deeply($of->{silence}, \@expected, "churned_after=$churned_after: silence up to @expected");
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
  my $shown = decode_json(inside(report('campaigns=other_members'), 'data'))->{campaigns};
  is(join(' ', map { "$_->{campaign} $_->{variant}" } @$shown), 'April reminder April voucher',
    'campaigns that are not over, or without control, are left out');
  my $named =
    decode_json(inside(report('control=reminder', 'campaign_days=7'), 'data'))->{campaigns};
  is(join(' ', map { $_->{variant} } @$named), 'control voucher control voucher',
    'the control group may have another name');
  cmp_ok($named->[0]{treated}{returned}, '<', $data->{campaigns}[0]{control}{returned},
    'in fewer days fewer customers come back');
  $node->safe_psql('winback', 'ALTER TABLE campaign_members RENAME TO old_members');
  my $without = decode_json(inside(report(), 'data'));
  $node->safe_psql('winback', 'ALTER TABLE old_members RENAME TO campaign_members');
  is_deeply({ %$without, campaigns => $data->{campaigns} }, $data,
    'without a table of members all other numbers are the same');
  is($without->{campaigns}, undef, 'and there are no effects');
}

# a view without orders, and a relation that does not exist
$node->safe_psql('winback', 'CREATE VIEW nothing AS SELECT * FROM orders WHERE false');
for (['nothing', qr/no orders/], ['nowhere', qr/relation "nowhere" does not exist/]) {
  my ($orders, $reason) = @$_;
  my ($fine, $out, $err) = run_report("orders=$orders");
  ok(!$fine && $out eq '', "orders=$orders: scripts/report fails and writes no page");
  like($err, $reason, "orders=$orders: scripts/report gives the reason");
}

$node->stop;
done_testing();
