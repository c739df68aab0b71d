# 180_bi.pl
#   Runs what examples/bi has for BI tools, and compares each number with SQL over the orders of
#   the demo's shop.
#
#   - views.sql: types of PostgreSQL's own, a plain view before each materialized one, a range that
#     moves with the data, and the same numbers whoever refreshes them.
#   - The SQL of Metabase, Superset and Grafana runs with values for its variables, and the
#     dashboard of Grafana is valid by the schema in t/bi. None of the three runs here.
#   - The models of dbt are rendered by Jinja with stand-ins for dbt's functions (t/bi/render.py).
#   - The loaders of psycopg 3 and asyncpg (t/bi/loaders.py).
#   - Evidence builds its page, and Cube answers over HTTP (t/bi/cube.js). npm fetches 1 GB for
#     them, so this runs only if CI=true, or if WINBACK_NPM names a directory, which keeps the
#     packages for the next run. It is skipped without npm, or where npm cannot install them.
#
#   Each part skips itself if its tool is missing, and names the package.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use File::Path qw(make_path);
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use WinbackCluster;

my $top = "$FindBin::RealBin/..";
my $bi = "$top/examples/bi";
my @python = ('/usr/bin/python3', '-s', '-B');

$ENV{PGTZ} = 'UTC';
my $node = WinbackCluster::start('bi');
WinbackCluster::fill($node, slurp_file("$top/examples/demo/shop.sql"));
$node->safe_psql('winback', slurp_file("$bi/views.sql"));

local $ENV{PGHOST} = $node->host;
local $ENV{PGPORT} = $node->port;
local $ENV{PGDATABASE} = 'winback';
local $ENV{PGUSER} = sql('SELECT current_user');

sub sql { return $node->safe_psql('winback', $_[0]); }

# Runs a command. Returns whether it succeeded, its output and its errors.
sub run {
  my ($command, %options) = @_;
  my ($printed, $errors) = ('', '');
  my $fine = eval {
    IPC::Run::run($command, '<', \undef, '>', \$printed, '2>', \$errors,
      $options{in} ? (init => sub { chdir $options{in} or die "chdir $options{in}: $!" }) : (),
      IPC::Run::timeout($options{seconds} // $PostgreSQL::Test::Utils::timeout_default));
  };
  return ($fine, $printed, $errors . ($@ // ''));
}

# Runs a query that must succeed and return rows. Returns the rows.
sub rows_of {
  my ($query, $name) = @_;
  my ($status, $printed, $errors) = $node->psql('winback', $query);
  ok($status == 0 && $printed ne '', $name) or diag("$query\n$errors");
  return $printed;
}

# ------------------------------------------------------------------ the views

my $series = q{
  lifecycle_series(customer_id, ordered_at, amount, '[2022-01-01,2025-01-01)', %s,
                   '60 days', '180 days')};
my $by_month = sprintf $series, q{'1 month'};
my $by_quarter = sprintf $series, q{'3 months'};
my $counts = q{
  starts_on, new_customers, retained, reactivated, won_back, active_end, inactive_end, churned_end,
  returned(reactivation), eligible(reactivation), reactivation_rate,
  returned(win_back), eligible(win_back), winback_rate, revenue_reactivated, revenue_won_back};
my $columns = q{
  starts_on, new_customers, retained, reactivated, won_back, active_end, inactive_end, churned_end,
  reactivation_returned, reactivation_eligible, reactivation_rate,
  winback_returned, winback_eligible, winback_rate, revenue_reactivated, revenue_won_back};
for ([ month => $by_month, 29 ], [ quarter => $by_quarter, 9 ]) {
  my ($step, $call, $expected) = @$_;
  my $direct = sql(qq{SELECT $counts FROM unnest((SELECT $call FROM orders))
                      WHERE history_complete AND period_complete ORDER BY 1});
  is(scalar(split /\n/, $direct), $expected, "the data cover $expected steps of a $step");
  is(sql("SELECT $columns FROM bi.lifecycle_by_$step ORDER BY 1"), $direct,
    "lifecycle_by_$step has the numbers of lifecycle_series");
}
is(sql(q{SELECT sum(winback_returned), sum(winback_eligible), sum(reactivation_returned),
                sum(reactivation_eligible), sum(new_customers), sum(revenue_that_came_back)
         FROM bi.lifecycle_by_month_and_segment GROUP BY starts_on ORDER BY starts_on}),
  sql(q{SELECT winback_returned, winback_eligible, reactivation_returned, reactivation_eligible,
               new_customers, revenue_reactivated + revenue_won_back
        FROM bi.lifecycle_by_month ORDER BY starts_on}),
  'the segments of each month add up to the month');
is(sql(q{SELECT count(DISTINCT segment) FROM bi.lifecycle_by_month_and_segment}), 2,
  'there are two segments');
is(sql(q{SELECT status, sum(customers), sum(revenue) FROM bi.buyers_by_month
         GROUP BY status ORDER BY status}),
  sql(q{SELECT * FROM (SELECT 'new', sum(new_customers), sum(revenue_new) FROM bi.lifecycle_by_month
        UNION ALL
        SELECT 'retained', sum(retained), sum(revenue_retained) FROM bi.lifecycle_by_month
        UNION ALL
        SELECT 'reactivated', sum(reactivated), sum(revenue_reactivated) FROM bi.lifecycle_by_month
        UNION ALL
        SELECT 'won back', sum(won_back), sum(revenue_won_back) FROM bi.lifecycle_by_month) AS bars
        ORDER BY 1}),
  'buyers_by_month has the four numbers of each month');
my $statuses = q{
  SELECT customer_id, lifecycle_at(ordered_at, '2025-01-01', '60 days', '180 days'), count(*)
  FROM orders GROUP BY customer_id ORDER BY customer_id};
is(sql('SELECT customer_id, status, orders FROM bi.customers ORDER BY customer_id'),
  sql($statuses), 'bi.customers has the standing of each customer');

is(sql(q{SELECT attrelid::regclass, attname, atttypid::regtype
         FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
         JOIN pg_type ON pg_type.oid = atttypid
         WHERE relnamespace = 'bi'::regnamespace AND relkind IN ('v', 'm') AND attnum > 0
           AND typnamespace <> 'pg_catalog'::regnamespace
           AND attrelid <> 'bi.events'::regclass}), '',
  'no column that a tool reads has a type of the extension');
is(sql(q{SELECT matviewname FROM pg_matviews WHERE schemaname = 'bi' AND matviewname || '' NOT IN
           (SELECT viewname || '_stored' FROM pg_views WHERE schemaname = 'bi')}), '',
  'a plain view stands before each materialized view');
is(sql(q{SELECT count(*) FROM pg_matviews WHERE schemaname = 'bi'}), 4, 'four views are stored');

# A refresh in another zone, also in the way that does not go through bi.refresh().
my $everything = q{
  SELECT md5(string_agg(line, chr(10) ORDER BY line))
  FROM (SELECT month::text FROM bi.lifecycle_by_month AS month
        UNION ALL SELECT quarter::text FROM bi.lifecycle_by_quarter AS quarter
        UNION ALL SELECT segment::text FROM bi.lifecycle_by_month_and_segment AS segment
        UNION ALL SELECT customer::text FROM bi.customers AS customer) AS lines (line)};
my $in_utc = sql($everything);
# (The shop sells from 8 to 23 o'clock, which is one day in America.)
for my $zone ('Asia/Tokyo', 'Pacific/Auckland') {
  my $naive = "SELECT starts_on, won_back FROM unnest((SELECT $by_month FROM orders))";
  isnt(sql("SET TimeZone = '$zone'; $naive"), sql($naive), "in $zone a query has other numbers");
  $node->safe_psql('winback', "SET TimeZone = '$zone'; CALL bi.refresh()");
  is(sql($everything), $in_utc, "a refresh in $zone gives the same numbers");
  $node->safe_psql('winback',
    "SET TimeZone = '$zone'; REFRESH MATERIALIZED VIEW bi.lifecycle_by_month_stored");
  is(sql($everything), $in_utc, "so does REFRESH MATERIALIZED VIEW in $zone");
}

# The range moves with the data: later orders, and earlier ones.
sql(q{INSERT INTO orders VALUES (900001, 1, '2025-02-03 12:00Z', 10); CALL bi.refresh()});
is(sql('SELECT max(starts_on) FROM bi.lifecycle_by_month'), '2025-01-01',
  'after an order in February, January is complete');
is(sql('SELECT max(as_of) FROM bi.customers'), '2025-02-04', 'and the standings are later');
sql(q{INSERT INTO orders VALUES (900002, 1, '2020-06-05 12:00Z', 10); CALL bi.refresh()});
is(sql('SELECT min(starts_on) FROM bi.lifecycle_by_month'), '2021-01-01',
  'after an earlier order, the months begin earlier');
sql(q{INSERT INTO orders VALUES (900003, 1, now() + interval '3 years', 10); CALL bi.refresh()});
is(sql(q{SELECT max(starts_on) < now() FROM bi.lifecycle_by_month}), 't',
  'an order in the future makes no month complete that is not over');
is(sql(q{SELECT max(as_of) <= now() FROM bi.customers}), 't', 'nor standings in the future');
sql(q{DELETE FROM orders WHERE order_id > 900000; CALL bi.refresh()});
is(sql($everything), $in_utc, 'without these orders, all is as before');

# A refund changes the revenue and nobody's standing.
my $without_money = q{
  SELECT customer_id, status, last_order_on, orders FROM bi.customers ORDER BY customer_id};
my $rates = 'SELECT starts_on, won_back, winback_eligible FROM bi.lifecycle_by_month ORDER BY 1';
my @before = (sql($without_money), sql($rates));
my $all_revenue = q{SELECT sum(revenue_new + revenue_retained + revenue_reactivated + revenue_won_back
                           + revenue_other) FROM bi.lifecycle_by_month};
my $earned = sql($all_revenue);
sql(q{INSERT INTO orders SELECT 900000 + customer_id, customer_id, '2024-09-30 12:00Z', -1
        FROM (SELECT DISTINCT customer_id FROM orders WHERE customer_id <= 100) AS refunded;
      INSERT INTO orders VALUES (900000, 900000, '2024-09-30 12:00Z', -1); CALL bi.refresh()});
is_deeply([ sql($without_money), sql($rates) ], \@before, 'refunds change no standing');
is(sql($all_revenue), $earned - sql('SELECT count(*) FROM orders WHERE amount < 0'),
  'refunds change the revenue');
sql(q{DELETE FROM orders WHERE amount < 0; CALL bi.refresh()});
sql(q{BEGIN; CREATE TABLE kept AS TABLE orders; TRUNCATE orders; CALL bi.refresh();
      SELECT 1 / (count(*) = 0)::int FROM bi.lifecycle_by_month;
      INSERT INTO orders TABLE kept; DROP TABLE kept; CALL bi.refresh(); COMMIT});
is(sql($everything), $in_utc, 'an empty table gives empty views');

# A reader needs rights to the plain views only.
sql(q{CREATE ROLE reader; GRANT USAGE ON SCHEMA bi TO reader;
      GRANT SELECT ON bi.lifecycle_by_month, bi.customers TO reader});
is(sql('SET ROLE reader; SELECT count(*) FROM bi.lifecycle_by_month'), 29,
  'a role without rights to the orders reads a view');
my $ask = q{SET ROLE reader; SELECT winback_eligible
  FROM bi.lifecycle('3 months', '2024-07-01', '2024-09-30')};
sql('GRANT SELECT ON bi.settings TO reader');
my ($status, $printed, $refusal) = $node->psql('winback', $ask);
like($refusal, qr/permission denied for view events/, 'the function needs a right to bi.events');
sql('GRANT SELECT ON bi.events TO reader');
is(sql($ask), 1669, 'which is enough, without a right to the orders');

# doc/bi.md shows statements of views.sql.
my $views = slurp_file("$bi/views.sql");
my $document = slurp_file("$top/doc/bi.md");
my ($shown, $missing) = (0, '');
for ($document =~ /^```sql\n(.*?)^```/gms) {
  for (/^(CREATE FUNCTION .*?^END;|CREATE (?!FUNCTION)[^;]*;)/gms) {
    $shown++;
    $missing .= $_ if index($views, $_) < 0;
  }
}
cmp_ok($shown, '>', 3, 'doc/bi.md shows statements of views.sql');
is($missing, '', 'each of them is as in views.sql');

# ------------------------------------------------------------------ Metabase

# As Metabase does, leaves out a clause in [[ ]] whose variable has no value, and puts in the
# values of the others.
sub metabase {
  my ($query, %values) = @_;
  my $clause = sub {
    my ($text) = @_;
    return $text =~ /\{\{\s*(\w+)/ && defined $values{$1} ? $text : '';
  };
  $query =~ s/\[\[(.*?)\]\]/$clause->($1)/ges;
  $query =~ s/\{\{\s*(\w+)\s*\}\}/$values{$1} \/\/ die "no value for $1"/ge;
  return $query;
}
my %period = (from => q{'2024-01-01'}, to => q{'2024-06-30'});
my %questions = (
  winback_rate => [ {} ],
  rates_by_month => [ {}, \%period, { from => $period{from} } ],
  buyers_by_month => [ {}, \%period ],
  segments => [ {}, { segment => q{'Christmas season'} } ],
  what_if => [ { %period, inactive_days => 60, churned_days => 180 },
    { %period, inactive_days => 30, churned_days => 365 } ],
  who_to_call => [ { status => q{'inactive'} } ],
);
my %metabase;
is(join(' ', map { /(\w+)\.sql$/ } sort glob "$bi/metabase/*.sql"), join(' ', sort keys %questions),
  'this test has values for each question of Metabase');
for my $question (sort keys %questions) {
  my $text = slurp_file("$bi/metabase/$question.sql");
  my $n = 0;
  for my $values (@{ $questions{$question} }) {
    my $name = "Metabase: $question with " . (join(', ', sort keys %$values) || 'no values');
    $metabase{$question}[ $n++ ] = rows_of(metabase($text, %$values), $name);
  }
}
is($metabase{winback_rate}[0],
  sql("SELECT winback_rate FROM unnest((SELECT $by_month FROM orders)) WHERE period_complete
       ORDER BY starts_on DESC LIMIT 1"), 'Metabase: the rate of the last month');
is(scalar(split /\n/, $metabase{rates_by_month}[1]), 6, 'Metabase: two dates choose six months');
is(scalar(split /\n/, $metabase{segments}[1]), 29, 'Metabase: one of two segments');
is($metabase{what_if}[$_],
  sql(sprintf q{SELECT starts_on, returned(reactivation), eligible(reactivation), reactivation_rate,
                returned(win_back), eligible(win_back), winback_rate, period_complete
         FROM unnest((SELECT lifecycle_series(customer_id, ordered_at, '[2024-01-01,2024-07-01)',
                             '1 month', '%d days', '%d days') FROM orders)) ORDER BY starts_on},
    @{ $questions{what_if}[$_] }{qw(inactive_days churned_days)}),
  "Metabase: other thresholds, $_") for 0, 1;

# ------------------------------------------------------------------ Superset, dbt

sub python_has { return (run([ @python, '-c', "import $_[0]" ]))[0]; }

SKIP: {
  skip "python3-jinja2 is not installed", 1 unless python_has('jinja2');
  my %contexts = (
    rates_by_month => [ {}, { from => '2024-01-01 00:00:00', to => '2024-07-01 00:00:00' } ],
    segments => [ {}, { filters => { segment => [ 'Christmas season' ] } } ],
    what_if => [ {}, { parameters => { inactive_days => '90', churned_days => '365' } } ],
  );
  my %expected = (
    rates_by_month => [ 29, 6 ],
    segments => [ 58, 29 ],
    # not January 2023, because the first order is of the morning of the first day
    what_if => [ 29, 22 ],
  );
  is(join(' ', map { /(\w+)\.sql$/ } sort glob "$bi/superset/*.sql"),
    join(' ', sort keys %contexts), 'this test has a context for each dataset of Superset');
  for my $dataset (sort keys %contexts) {
    my $n = 0;
    for my $context (@{ $contexts{$dataset} }) {
      my ($fine, $query, $errors) = run([ @python, "$FindBin::RealBin/bi/render.py", 'superset',
        "$bi/superset/$dataset.sql", encode_json($context) ]);
      my $title = "Superset: $dataset, " . encode_json($context);
      ok($fine, "$title is rendered") or diag($errors);
      my $rows = () = rows_of("SELECT * FROM ($query) AS virtual_table", $title) =~ /^/gm;
      is($rows, $expected{$dataset}[ $n++ ], "$title has the rows that it should");
    }
  }
  my ($fine, $query) = run([ @python, "$FindBin::RealBin/bi/render.py", 'superset',
    "$bi/superset/what_if.sql",
    encode_json({ parameters => { inactive_days => '60); DROP TABLE orders --' } }) ]);
  ok($fine && $query !~ /DROP/, 'Superset: a parameter that is no number puts no SQL into a query');
}

SKIP: {
  skip "python3-jinja2 or python3-yaml is not installed", 1
    unless python_has('jinja2') && python_has('yaml');
  for my $setting ([], ['winback_time_zone=Asia/Tokyo'], [ 'winback_orders=local_orders',
      'winback_at_has_time_zone=false' ]) {
    my ($fine, $printed, $errors) = run([ @python, "$FindBin::RealBin/bi/render.py", 'dbt',
      "$bi/dbt", @$setting ]);
    my $title = 'dbt' . join '', map { ", $_" } @$setting;
    ok($fine, "$title: the models are rendered") or diag($errors);
    my $models = $fine ? decode_json($printed) : {};
    is(join(' ', sort keys %$models), 'lifecycle_by_month lifecycle_by_quarter',
      "$title: there are two models");
    sql(q{CREATE OR REPLACE VIEW local_orders AS
          SELECT order_id, customer_id, ordered_at AT TIME ZONE 'UTC' AS ordered_at, amount
          FROM orders});
    for my $model (sort keys %$models) {
      # dbt makes a table of the query, here in a session with another zone
      $node->safe_psql('winback', "SET TimeZone = 'Pacific/Auckland';
        DROP TABLE IF EXISTS $model; CREATE TABLE $model AS $models->{$model}{sql}");
      my $zone = $title =~ /Tokyo/ ? 'Asia/Tokyo' : 'UTC';
      my $call = $model =~ /month/ ? $by_month : $by_quarter;
      my $some = 'starts_on, new_customers, winback_rate, revenue_won_back';
      is(sql("SELECT $some FROM $model ORDER BY starts_on"),
        sql("SET TimeZone = '$zone'; SELECT $some FROM unnest((SELECT $call FROM orders))
             WHERE history_complete AND period_complete ORDER BY starts_on"),
        "$title: $model has the numbers of lifecycle_series in $zone");
      for (@{ $models->{$model}{tests} }) {
        my ($column, $test) = @$_;
        my %wrong = (not_null => "count(*) FILTER (WHERE $column IS NULL)",
          unique => "count(*) - count(DISTINCT $column)");
        is(sql("SELECT $wrong{$test} FROM $model"), 0, "$title: $model.$column is $test");
      }
    }
  }
}

# ------------------------------------------------------------------ Grafana

my $dashboard = decode_json(slurp_file("$bi/grafana/dashboard.json"));
SKIP: {
  skip "python3-jsonschema is not installed", 1 unless python_has('jsonschema');
  my @validate = (@python, '-W', 'ignore', "$FindBin::RealBin/bi/render.py", 'schema');
  my $schema = "$FindBin::RealBin/bi/grafana.schema.json";
  my ($fine, $wrong, $errors) = run([ @validate, "$bi/grafana/dashboard.json", $schema ]);
  ok($fine, 'Grafana: the schema is a schema') or diag($errors);
  is($wrong, '', 'Grafana: the dashboard is valid');
  my $broken = "${PostgreSQL::Test::Utils::tmp_check}/dashboard.json";
  append_to_file($broken, encode_json({ %$dashboard, panels => [ { type => 'graph' } ] }));
  ($fine, $wrong) = run([ @validate, $broken, $schema ]);
  like($wrong, qr{^panels/0}m, 'Grafana: a broken dashboard is not');
}
my %ids;
$ids{ $_->{id} }++ for @{ $dashboard->{panels} };
is(join(' ', grep { $ids{$_} > 1 } keys %ids), '', 'Grafana: each panel has an id of its own');
is_deeply([ map { $_->{name} } @{ $dashboard->{templating}{list} } ],
  [qw(datasource segment inactive_days churned_days)], 'Grafana: four variables');

# As Grafana does, puts in the time of the dashboard and the variables. A list of texts is quoted.
my %variables = (segment => q{'Christmas season','rest of the year'}, inactive_days => 60,
  churned_days => 180);
my %macros = (timeFrom => q{'2024-01-01T00:00:00Z'}, timeTo => q{'2024-06-30T23:59:59Z'});

sub grafana {
  my ($query) = @_;
  $query =~ s/\$__timeFilter\(((?:[^()]|\([^()]*\))*)\)
             /$1 BETWEEN $macros{timeFrom} AND $macros{timeTo}/gx;
  $query =~ s/\$__(timeFrom|timeTo)\(\)/$macros{$1}/g;
  $query =~ s/\$(\w+)/$variables{$1} \/\/ die "no value for $1"/ge;
  return $query;
}
my %panels;
for my $panel (@{ $dashboard->{panels} }) {
  for my $target (@{ $panel->{targets} }) {
    my $query = grafana($target->{rawSql});
    $panels{ $panel->{title} } = rows_of($query, "Grafana: $panel->{title}");
    next unless $panel->{type} eq 'timeseries';
    is(sql("SELECT pg_typeof(panel.time) FROM ($query) AS panel LIMIT 1"),
      'timestamp with time zone', "Grafana: $panel->{title} has a time");
  }
}
my ($segments) = grep { $_->{name} eq 'segment' } @{ $dashboard->{templating}{list} };
is(rows_of($segments->{query}, 'Grafana: the list of segments'),
  "Christmas season\nrest of the year", 'Grafana: it has two segments');
is(scalar(split /\n/, $panels{'Rates by month'}), 6, 'Grafana: six months of rates');
is($panels{'Win-back rate of the chosen segments'},
  sql(qq{SELECT period_start, winback_rate FROM unnest((SELECT $by_month FROM orders))
         WHERE starts_on >= '2024-01-01' AND starts_on < '2024-07-01' ORDER BY 1}),
  'Grafana: all segments together have the rate of all customers');
is($panels{'The chosen time as one period, with the chosen thresholds'},
  sql(q{SELECT starts_on, new_customers, retained, reactivated, won_back,
               returned(reactivation), eligible(reactivation), reactivation_rate,
               returned(win_back), eligible(win_back), winback_rate, period_complete
        FROM (SELECT (lifecycle_counts(customer_id, ordered_at, '[2024-01-01,2024-07-01)',
                                       '60 days', '180 days')).* FROM orders) AS counts}),
  'Grafana: the chosen time is one period');
is($panels{'Customers by status'},
  sql(q{SELECT lifecycle_at, count(*), sum(spent)
        FROM (SELECT lifecycle_at(ordered_at, '2025-01-01', '60 days', '180 days')::text,
                     sum(amount) AS spent FROM orders GROUP BY customer_id) AS customers
        GROUP BY 1 ORDER BY 1}), 'Grafana: customers by status');

# ------------------------------------------------------------------ Python

my $tally = sql(q{SELECT winback_tally(customer_id, ordered_at, '[2024-10-01,2025-01-01)',
                                       '180 days') FROM orders});
my ($returned, $eligible) = split m{/}, $tally;
my $revenue = sql(q{SELECT (lifecycle_counts(customer_id, ordered_at, amount,
  '[2024-10-01,2025-01-01)', '60 days', '180 days')).revenue_won_back FROM orders});
my $history = sql('SELECT history_agg(ordered_at, amount) FROM orders WHERE customer_id = 4');
my $answers = <<"ANSWERS";
tally\tRateTally(returned=$returned, eligible=$eligible)
tally.rate\t@{[ sql("SELECT rate(rate_tally '$tally')") ]}
nobody\tRateTally(returned=0, eligible=0)
nobody.rate\tNone
null\tNone
status\t<LifecycleStatus.REACTIVATED: 'reactivated'>
statuses\t[<LifecycleStatus.WON_BACK: 'won_back'>, <LifecycleStatus.NEW: 'new'>, None]
event\t<LifecycleEvent.PURCHASE: 'purchase'>
spend\tSpendTally(customers=2, sum=Decimal('30.00'), squares=Decimal('500.00'))
losses\tSpendTally(customers=3, sum=Decimal('-45678.901'), squares=Decimal('2915787501234567.5'))
nothing\tSpendTally(customers=0, sum=Decimal('0'), squares=Decimal('0'))
history\t'$history'
curve\t'{2:1/0,5:0/1}'
counts\t$returned RateTally(returned=$returned, eligible=$eligible) Decimal('$revenue')
ANSWERS
(my $in_binary = $answers) =~ s/^curve\t.*/curve\tb'\\x01\\x04\\x01\\x00\\x06\\x00\\x01'/m;
my $rules = <<'RULES';
sum	RateTally(returned=3, eligible=9)
sum.rate	0.3333333333333333
difference	RateTally(returned=2, eligible=5)
difference.rate	0.4
order	won_back
is a str	True
impossible	ValueError
RULES
for ([ psycopg => 'psycopg', "== text\n$answers== binary\n$in_binary$rules" ],
  [ psycopg_async => 'psycopg', "== async\n$answers" ],
  [ asyncpg => 'asyncpg', "== asyncpg\n$answers" ]) {
  my ($program, $module, $expected) = @$_;
SKIP: {
    skip "python3-$module is not installed", 1 unless python_has($module);
    my ($fine, $printed, $errors) = run([ @python, "$FindBin::RealBin/bi/loaders.py", $program ]);
    ok($fine, "$program: the program ends well") or diag($errors);
    is($printed, $expected, "$program: all values are those of SQL");
  }
}

# ------------------------------------------------------------------ Evidence, Cube

my $npm_missing =
  !(($ENV{CI} // '') eq 'true' || $ENV{WINBACK_NPM})
  ? 'npm fetches 1 GB; set WINBACK_NPM to a directory for it'
  : !(run([ 'npm', '--version' ]))[0] ? 'npm is not installed'
  : '';
my $npm_directory = $ENV{WINBACK_NPM} || "${PostgreSQL::Test::Utils::tmp_check}/npm";

# Copies a project of examples/bi, and lets npm install what it names. Returns the directory, or
# undef and what npm printed. Installation scripts do not run, because they fetch programs from
# other places.
sub npm_project {
  my ($project) = @_;
  my $directory = "$npm_directory/$project";
  make_path($directory);
  (run([ 'cp', '-R', "$bi/$project/.", $directory ]))[0] or die "cannot copy $project";
  my ($fine, $printed, $errors) = run([ qw(npm install --ignore-scripts --no-audit --no-fund) ],
    in => $directory, seconds => 600);
  return ($fine ? $directory : undef, $printed . $errors);
}

# Takes what run() returns. Returns the JSON in the last line of the output, and undef if there is
# none. Cube prints warnings before it.
sub decoded {
  my ($fine, $printed, $errors, $name) = @_;
  my $json = eval { decode_json(($printed =~ /(.*)\n\z/)[0]) };
  ok($fine && $json, $name) or diag($printed . $errors);
  return $json;
}

# Rows of SQL as JSON has them, all values as text.
sub objects_of {
  my ($query) = @_;
  my $json = sql("SELECT coalesce(json_agg(row_to_json(q)), '[]') FROM ($query) AS q");
  return as_text(decode_json($json));
}

# Numbers as JavaScript and PostgreSQL print them differ in zeros at the end.
sub as_text {
  my ($rows) = @_;
  for my $row (@{ $rows // [] }) {
    for (values %$row) {
      $_ = 0 + $_ if defined && /^-?\d+(\.\d+)?$/;
    }
  }
  return $rows // [];
}

SKIP: {
  skip $npm_missing, 1 if $npm_missing;
  my ($directory, $log) = npm_project('cube');
  skip "npm cannot install Cube here: " . substr($log, 0, 300), 1 unless $directory;
  my $month = { dimension => 'lifecycle.month', granularity => 'month' };
  my @rates = map { "lifecycle.$_" } qw(winback_returned winback_eligible winback_rate
    reactivation_returned reactivation_eligible reactivation_rate);
  my @sums = map { "lifecycle.$_" } qw(new_customers revenue revenue_that_came_back);
  my $by_time = { 'lifecycle.month' => 'asc' };
  my %queries = (
    months => { measures => [ @rates, @sums ], timeDimensions => [$month], order => $by_time },
    segments => { measures => [@rates], timeDimensions => [$month],
      dimensions => ['lifecycle.segment'],
      order => [ [ 'lifecycle.month', 'asc' ], [ 'lifecycle.segment', 'asc' ] ] },
    one_month => { measures => [@rates], timeDimensions => [
        { dimension => 'lifecycle.month', dateRange => [ '2024-03-01', '2024-03-31' ] } ] },
    quarters => { measures => [ @rates, @sums ], order => $by_time,
      timeDimensions => [ { %$month, granularity => 'quarter' } ] },
    in_all => { measures => [ @rates, @sums ] },
    customers => { measures => [ 'customers.count', 'customers.revenue' ],
      dimensions => ['customers.status'], order => { 'customers.status' => 'asc' } },
  );
  my $in = "$directory/queries.json";
  unlink $in;
  append_to_file($in, encode_json(\%queries));
  local $ENV{NODE_PATH} = "$directory/node_modules";
  local $ENV{NODE_ENV} = 'production';
  my $answers = decoded(run([ 'sh', '-c', 'node "$0" <"$1"', "$FindBin::RealBin/bi/cube.js", $in ],
    in => $directory), 'Cube: the server answers');
  # names of columns without the cube, and the month as a date
  for my $rows (values %{ $answers // {} }) {
    next unless ref $rows eq 'ARRAY';
    for my $row (@$rows) {
      delete $row->{$_} for grep { /\.month\./ } keys %$row;
      delete $row->{$_} for grep { /\.quarter$/ } keys %$row;
      for my $column (keys %$row) {
        my $value = delete $row->{$column};
        $value =~ s/T00:00:00.*// if defined $value;
        $row->{ $column =~ s/.*\.//r } = $value;
      }
    }
  }
  my $rates = q{winback_returned, winback_eligible, winback_rate,
    reactivation_returned, reactivation_eligible, reactivation_rate};
  my $sums = q{new_customers, revenue_new + revenue_retained + revenue_reactivated
      + revenue_won_back + revenue_other AS revenue,
    revenue_reactivated + revenue_won_back AS revenue_that_came_back};
  my $nulls = $rates =~ s/(\w+)/NULL AS $1/gr;
  my $added = q{sum(new_customers) AS new_customers, sum(revenue) AS revenue,
    sum(revenue_that_came_back) AS revenue_that_came_back};
  my %same = (
    months => "SELECT starts_on AS month, $rates, $sums FROM bi.lifecycle_by_month ORDER BY 1",
    segments => q{
      SELECT starts_on AS month, segment, winback_returned, winback_eligible,
             winback_returned::float8 / nullif(winback_eligible, 0) AS winback_rate,
             reactivation_returned, reactivation_eligible,
             reactivation_returned::float8 / nullif(reactivation_eligible, 0) AS reactivation_rate
      FROM bi.lifecycle_by_month_and_segment ORDER BY starts_on, segment},
    one_month => "SELECT $rates FROM bi.lifecycle_by_month WHERE starts_on = '2024-03-01'",
    quarters => "SELECT date_trunc('quarter', starts_on)::date AS month, winback_returned,
                        winback_eligible, winback_rate, reactivation_returned,
                        reactivation_eligible, reactivation_rate, $added
                 FROM (SELECT starts_on, $nulls, $sums FROM bi.lifecycle_by_month) AS months
                 GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1",
    in_all => "SELECT $nulls, $added FROM (SELECT $sums FROM bi.lifecycle_by_month) AS months",
    customers => q{SELECT status, count(*), sum(revenue) AS revenue FROM bi.customers
                   GROUP BY status ORDER BY status},
  );
  for my $query (sort keys %same) {
    my $expected = objects_of($same{$query});
    my $answer = $answers->{$query};
    $answer = as_text($answer) if ref $answer eq 'ARRAY';
    is_deeply($answer, $expected, "Cube: $query has the numbers of SQL")
      or diag(encode_json([$answer]));
  }
}

SKIP: {
  skip $npm_missing, 1 if $npm_missing;
  my ($directory, $log) = npm_project('evidence');
  skip "npm cannot install Evidence here: " . substr($log, 0, 300), 1 unless $directory;
  local $ENV{SEND_ANONYMOUS_USAGE_STATS} = 'no';
  local @ENV{ map { "EVIDENCE_SOURCE__shop__$_" } qw(host port database user) } =
    @ENV{qw(PGHOST PGPORT PGDATABASE PGUSER)};
  for my $step (qw(sources build)) {
    my ($fine, $printed, $errors) =
      run([ 'npm', 'run', $step ], in => $directory, seconds => 900);
    skip "Evidence: npm run $step takes more than 15 minutes here", 1
      if $errors =~ /timeout on/;
    ok($fine && $printed !~ /Error/ && $errors !~ /Error/, "Evidence: npm run $step")
      or diag(substr("$printed$errors", -3000));
  }
  local $ENV{NODE_PATH} = "$directory/node_modules";
  my %orders = (lifecycle_by_month => 'month', segments => 'month, segment');
  for my $source (sort keys %orders) {
    my ($query) = slurp_file("$bi/evidence/sources/shop/$source.sql");
    my ($file) = glob "$directory/build/data/shop/$source/*.parquet";
    ok($file, "Evidence: the page has the data of $source") or next;
    my $rows = decoded(run([ 'node', "$FindBin::RealBin/bi/parquet.js", $file, $orders{$source} ]),
      "Evidence: the data of $source can be read");
    is_deeply(as_text($rows), objects_of($query), "Evidence: $source has the numbers of SQL");
  }
  # what a reader sees, without tags
  my $page = slurp_file("$directory/build/index.html");
  $page =~ s/<(script|style)\b.*?<\/\1>//gs;
  $page =~ s/<[^>]*>/ /g;
  $page =~ s/\s+/ /g;
  my ($when, $returned_text, $eligible_text, $percent) = split /\|/, sql(q{
    SELECT to_char(starts_on, 'YYYY-MM'), to_char(winback_returned, 'FM9,999'),
           to_char(winback_eligible, 'FM9,999'), to_char(100 * winback_rate, 'FM990.0%')
    FROM bi.lifecycle_by_month ORDER BY starts_on DESC LIMIT 1});
  like($page, qr/In \Q$when\E ?, \Q$returned_text\E of \Q$eligible_text\E former customers/,
    'Evidence: the page says how many came back') or diag(substr($page, 0, 2000));
  like($page, qr/Win-back rate \Q$percent\E/, 'Evidence: it shows the rate');
}

$node->stop;
done_testing();
