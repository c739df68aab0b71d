# 110_plans.pl
#   Proves that neither the plan nor the form of a query changes an answer. It
#   generates random rows, in one table or in partitions with other orders of
#   columns, and random queries with random aggregates, and runs them under random
#   settings of the planner and the executor: parallel or not; hashed, sorted or
#   mixed groups; spilling from 64 kB of work_mem on; JIT or not. It compares the
#   results with plain SQL that states the definitions and runs under default settings.
#
#   WINBACK_FUZZ_SEED   the seed; random unless set; printed
#   WINBACK_FUZZ_TIMES  multiplies the number of rounds; default 1
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use WinbackFuzz;

my $node = WinbackFuzz::start('plans');
my $seed = WinbackFuzz::seed('rows, queries and settings');
my $rounds = WinbackFuzz::rounds(20);
my $queries_a_round = 12;

my @names = @columns[ grep { $_ % 2 == 0 } 0 .. $#columns ];
# With lost_after and amounts, these columns are compared, too. Only customers who are not lost
# count in the tallies.
my @columns_lost_after = (
  reactivation => qq{count(*) FILTER (WHERE $eligible AND NOT lost1 AND bought) || '/'
                     || count(*) FILTER (WHERE $eligible AND NOT lost1)},
  win_back => q{count(*) FILTER (WHERE standing1 = 'churned' AND NOT lost1 AND bought) || '/'
                || count(*) FILTER (WHERE standing1 = 'churned' AND NOT lost1)},
  lost_start => q{count(*) FILTER (WHERE standing1 = 'churned' AND lost1)},
  lost_end => q{count(*) FILTER (WHERE standing2 = 'churned' AND lost2)},
  map({ ("revenue_$_" => "coalesce(sum(paid) FILTER (WHERE $sum_of{$_}), 0)") } sort keys %sum_of),
);
my @names_lost_after =
  (@names, @columns_lost_after[ grep { $_ % 2 == 0 } 0 .. $#columns_lost_after ]);
sub columns_of {
  my ($counts, @of) = @_;
  return 'ROW(' . join(', ', map { "($counts).$_" } @of) . ')::text';
}

# Returns statements in plain SQL that create the table "truth": the expected fields of each group.
# Without amounts, adjustments are ignored, and a group with nothing else has no counts.
sub truth {
  my (%c) = @_;
  my $standing = sub {
    my ($i, $t) = @_;
    return qq{CASE WHEN NOT known$i THEN NULL WHEN p$i IS NULL THEN 'prospect'
                   WHEN x$i >= p$i OR p$i < $t - interval '$c{churned_after}' THEN 'churned'
                   WHEN p$i < $t - interval '$c{inactive_after}' THEN 'inactive'
                   ELSE 'active' END AS standing$i,
              coalesce(p$i < $t - interval '$c{lost_after}', false) AS lost$i};
  };
  my $past = sub {
    my ($i, $t) = @_;
    return qq{max(at) FILTER (WHERE event = 'purchase' AND at < $t) AS p$i,
              max(at) FILTER (WHERE event = 'cancellation' AND at < $t) AS x$i,
              bool_or(at < $t AND event <> 'adjustment') AS known$i};
  };
  my @counted = map { "count(*) FILTER (WHERE $columns[ 2 * $_ + 1 ])" } 0 .. $#names;
  my $counts = 'ROW(' . join(', ', @counted) . ')::text';
  push @counted, map { $columns_lost_after[ 2 * $_ + 1 ] } 0 .. $#columns_lost_after / 2;
  my $counts_lost_after = 'ROW(' . join(', ', @counted) . ')::text';
  return qq{
    CREATE TABLE periods AS
    SELECT 0 AS k, '$c{from}'::$c{time} AS "from", '$c{to}'::$c{time} AS "to"
    UNION ALL
    SELECT k, "from", "to"
      FROM generate_series(1, $c{steps}) AS k,
           LATERAL (SELECT ('$c{from}'::$c{time}
                            + (k - 1) * interval '$c{step}')::$c{time} AS "from",
                           least('$c{from}'::$c{time} + k * interval '$c{step}',
                                 '$c{to}')::$c{time} AS "to") b
     WHERE "from" < '$c{to}';
    CREATE TABLE truth AS
    WITH lives AS (
      SELECT key, grp, k, "from", "to", customer,
             @{[ $past->(1, '"from"') ]},
             @{[ $past->(2, '"to"') ]},
             bool_or(event = 'purchase' AND at >= "from" AND at < "to") AS bought,
             sum(amount) FILTER (WHERE event IN ('purchase', 'adjustment')
                                   AND at >= "from" AND at < "to") AS paid,
             bool_or(event <> 'adjustment') AS others
        FROM orders, periods, LATERAL (VALUES ('all', NULL), ('g', g), ('h', h)) AS v (key, grp)
       WHERE customer IS NOT NULL AND at IS NOT NULL AND event IS NOT NULL AND $c{filter}
       GROUP BY key, grp, k, "from", "to", customer
    ), statuses AS (
      SELECT *, @{[ $standing->(1, '"from"') ]}, @{[ $standing->(2, '"to"') ]} FROM lives
    ), sums AS (
      SELECT key, grp, k, $counts AS counts, $counts_lost_after AS counts_lost_after,
             bool_or(others) AS others,
             count(*) FILTER (WHERE bought AND $eligible) AS r1,
             count(*) FILTER (WHERE $eligible) AS e1,
             count(*) FILTER (WHERE bought AND standing1 = 'churned') AS r2,
             count(*) FILTER (WHERE standing1 = 'churned') AS e2,
             count(*) FILTER (WHERE bought AND $eligible AND NOT lost1) AS r3,
             count(*) FILTER (WHERE $eligible AND NOT lost1) AS e3,
             count(*) FILTER (WHERE bought AND standing1 = 'churned' AND NOT lost1) AS r4,
             count(*) FILTER (WHERE standing1 = 'churned' AND NOT lost1) AS e4
        FROM statuses GROUP BY key, grp, k
    )
    SELECT key, grp, field, value
      FROM sums, LATERAL (VALUES
             ('reactivation_tally', r1 || '/' || e1), ('winback_tally', r2 || '/' || e2),
             ('reactivation_rate', encode(float8send(r1::float8 / nullif(e1, 0)), 'hex')),
             ('winback_rate', encode(float8send(r2::float8 / nullif(e2, 0)), 'hex')),
             ('reactivation_tally_lost_after', r3 || '/' || e3),
             ('winback_tally_lost_after', r4 || '/' || e4),
             ('reactivation_rate_lost_after',
              encode(float8send(r3::float8 / nullif(e3, 0)), 'hex')),
             ('winback_rate_lost_after', encode(float8send(r4::float8 / nullif(e4, 0)), 'hex')),
             ('counts', counts),
             ('counts_lost_after', counts_lost_after)) AS f (field, value)
     WHERE k = 0 AND (field <> 'counts' OR others)
    UNION ALL
    SELECT key, grp, field, string_agg(value, ';' ORDER BY k)
      FROM sums, LATERAL (VALUES ('series', counts),
                                 ('series_lost_after', counts_lost_after)) AS f (field, value)
     WHERE k > 0 AND (field <> 'series' OR others) GROUP BY key, grp, field;
    ANALYZE truth};
}

# Returns some of the calls that must give these fields: field => call. The counts with lost_after
# have amounts; without lost_after they have none.
sub calls {
  my (%c) = @_;
  my $event = $c{has_events} || maybe(0.3) ? 'event, ' : '';
  my $inside = $c{inside} // '';
  my $after = $c{after} // '';
  my ($period, $i, $ch, $l, $step) =
    @c{qw(period_sql inactive_sql churned_sql lost_sql step_sql)};
  my $row = "customer, at, $event";
  my %calls = (
    reactivation_tally => "reactivation_tally($row$period, $i $inside) $after",
    winback_tally => "winback_tally($row$period, $ch $inside) $after",
    reactivation_rate => "reactivation_rate($row$period, $i $inside) $after",
    winback_rate => "winback_rate($row$period, $ch $inside) $after",
    counts => "lifecycle_counts($row$period, $i, $ch $inside) $after",
    series => "lifecycle_series($row$period, $step, $i, $ch $inside) $after",
    (map { ("reactivation_${_}_lost_after"
          => "reactivation_${_}_lost_after($row$period, $i, $l $inside) $after",
        "winback_${_}_lost_after"
          => "winback_${_}_lost_after($row$period, $ch, $l $inside) $after") } qw(rate tally)),
    counts_lost_after =>
      "lifecycle_counts_lost_after(${row}amount, $period, $i, $ch, $l $inside) $after",
    series_lost_after =>
      "lifecycle_series_lost_after(${row}amount, $period, $step, $i, $ch, $l $inside) $after",
  );
  # each row counts in a sum of amounts, also the duplicate of another
  delete @calls{qw(counts_lost_after series_lost_after)} if $c{distinct};
  my @asked = grep { maybe(0.3) } sort keys %calls;
  @asked = (any(sort keys %calls)) unless @asked;
  return map { $_ => $calls{$_} } @asked;
}
# For each call, an expression for its result as text, to the last bit.
my %read = (
  reactivation_tally => 'reactivation_tally::text',
  winback_tally => 'winback_tally::text',
  reactivation_rate => q{encode(float8send(reactivation_rate), 'hex')},
  winback_rate => q{encode(float8send(winback_rate), 'hex')},
  reactivation_tally_lost_after => 'reactivation_tally_lost_after::text',
  winback_tally_lost_after => 'winback_tally_lost_after::text',
  reactivation_rate_lost_after => q{encode(float8send(reactivation_rate_lost_after), 'hex')},
  winback_rate_lost_after => q{encode(float8send(winback_rate_lost_after), 'hex')},
  counts => columns_of('counts', @names),
  counts_lost_after => columns_of('counts_lost_after', @names_lost_after),
  series => q{(SELECT string_agg(} . columns_of('series[i]', @names)
    . q{, ';' ORDER BY i) FROM generate_subscripts(series, 1) AS i)},
  series_lost_after =>
    q{(SELECT string_agg(} . columns_of('series_lost_after[i]', @names_lost_after)
    . q{, ';' ORDER BY i) FROM generate_subscripts(series_lost_after, 1) AS i)},
);

# Returns a random condition on a row. Most of its parts are of the kinds that a Winback Scan
# evaluates on the columns of a page.
sub condition {
  my @parts = map {
    any('n > 40', 'g <> 1', '3 >= g', 'h IN (0, 2, 3)', 'n BETWEEN 5 AND 2000', 'amount IS NULL',
      'amount > -50.5', 'amount <= 300', 'h IS NOT NULL', 'at IS NULL', q{event = 'purchase'},
      'n % 7 <> 3', 'g = h', 'n = ANY (ARRAY[1, 7, NULL, 77])',
      '(g = 0 OR n < 500 AND h <> 2)', '(amount IS NULL OR amount < 100 OR h = 1)')
  } 1 .. any(1, 1, 2, 3);
  return '(' . join(maybe(0.7) ? ' AND ' : ' OR ', @parts) . ')';
}

# Makes a random query over the groups of a random key ("all", "g" or "h"), whose columns are grp
# and the result of each call. Returns its form, the key, the names of the calls, the query, and
# statements to run before it.
sub query {
  my (%c) = @_;
  my $key = any('all', 'all', 'g', 'h');
  my $grp = $key eq 'all' ? 'NULL::int' : $key;
  my $where = "WHERE $c{filter}";
  my $form = any(qw(plain plain plain filter distinct ordered window grouping_sets grouping_sets
      joined two_scans two_steps correlated prepared));
  my @prepare;

  if ($form eq 'two_steps') {
    my $event = $c{has_events} ? 'event, ' : '';
    my ($period, $i, $ch) = @c{qw(period_sql inactive_sql churned_sql)};
    return ($form, $key, q{reactivation_tally winback_tally reactivation_rate winback_rate}, qq{
      SELECT grp, reactivation_tally(b, d), winback_tally(b, d),
             reactivation_rate(b, d), winback_rate(b, d)
        FROM (SELECT $grp AS grp, lifecycle_at(at, $event lower($period), $i, $ch) AS b,
                     lifecycle_during(at, $event $period, $i, $ch) AS d
                FROM orders $where AND customer IS NOT NULL GROUP BY 1, customer) s
       GROUP BY grp});
  }
  my %how = (%c);
  if ($form eq 'filter') {
    $how{after} = "FILTER ($where)";
    $where = '';
  }
  elsif ($form eq 'ordered') {
    $how{inside} = 'ORDER BY ' . any('at', 'customer DESC', 'n % 17, n', 'event, at');
  }
  elsif ($form eq 'window') {
    $how{after} = 'OVER (PARTITION BY ' . ($key eq 'all' ? '1' : $key) . ')';
  }
  elsif ($form eq 'prepared') {
    @how{qw(period_sql inactive_sql churned_sql step_sql lost_sql)} =
      ('$1', '$2', '$3', '$4', '$5');
  }
  $how{distinct} = $form eq 'distinct';
  my %calls = calls(%how);
  my $calls = join ",\n             ", map {
    my $call = $calls{$_};
    $call =~ s/\(customer/(DISTINCT customer/ if $form eq 'distinct';
    "$call AS $_" } sort keys %calls;
  my $fields = join ' ', sort keys %calls;
  my $by = $key eq 'all' ? '' : "GROUP BY $key";

  if ($form eq 'window') {
    return ($form, $key, $fields,
      "SELECT DISTINCT ON (grp) *
         FROM (SELECT $grp AS grp,\n             $calls FROM orders $where) w");
  }
  if ($form eq 'grouping_sets') {
    # HAVING keeps the groups of the key; the other sets must not disturb them
    my $sets = $key eq 'all'
      ? any('GROUPING SETS ((), (g), (h))', 'ROLLUP (h, g)')
      : any('GROUPING SETS ((g), (h))', 'CUBE (g, h)', 'GROUPING SETS ((h), (g, h), (g))');
    my $mine = $key eq 'all' ? 3 : $key eq 'g' ? 1 : 2;
    return ($form, $key, $fields,
      "SELECT $grp AS grp,\n             $calls
         FROM orders $where GROUP BY $sets HAVING GROUPING(g, h) = $mine");
  }
  my $from = 'orders';
  if ($form eq 'joined') { $from = 'orders JOIN numbers USING (n)'; }
  elsif ($form eq 'two_scans') {
    $from = '(SELECT * FROM orders WHERE n % 3 = 1
              UNION ALL SELECT * FROM orders WHERE n % 3 <> 1) o';
  }
  if ($form eq 'correlated' && $key ne 'all') {
    return ($form, $key, $fields,
      "SELECT grp, c.*
         FROM (SELECT DISTINCT $key AS grp FROM orders $where) k,
              LATERAL (SELECT $calls FROM orders $where AND $key = k.grp) c");
  }
  my $query = "SELECT $grp AS grp,\n             $calls FROM $from $where $by";
  if ($form eq 'prepared') {
    my $intervals = join ', ', ('interval') x 4;
    push @prepare, "PREPARE asked($span{$c{time}}, $intervals) AS $query";
    my $arguments = join ', ', @c{qw(period_sql inactive_sql churned_sql step_sql lost_sql)};
    return ($form, $key, $fields, "EXECUTE asked($arguments)", @prepare);
  }
  return ($form, $key, $fields, $query);
}

# the plan nodes that are counted, as EXPLAIN names them
my $node_name = qr/
  (?:Finalize\ |Partial\ )? (?:Group|Hash|Mixed)? Aggregate
  | WindowAgg
  | (?:Parallel\ )? Custom\ Scan\ \(Winback\ Scan\)
/x;

my %seen;
my ($answers, $partial) = (0, 0);
for my $round (1 .. $rounds) {
  my %c = (
    time => any(sort keys %span), kind => any(sort keys %spelling),
    has_events => maybe(0.5), rows => magnitude(12000),
    filter => maybe(0.4) ? 'true' : condition(), steps => 1 + int rand 5,
  );
  my $many = $round % 20 == 3;
  ($c{kind}, $c{rows}) = (any(grep { /serial/ } sort keys %spelling), 30000) if $many;
  @c{qw(inactive_after churned_after lost_after)} = @{ any(
      [ '1 month', '3 months', '5 months' ], [ '30 days', '30 days', '60 days' ],
      [ '7 days', '90 days', '90 days' ], [ '36 hours', '10 days', '20 days' ],
      [ '1 month', '1 month', '4 months' ]) };
  $c{step} = any('1 month', '13 days', '1 week');
  $c{from} = any('2023-03-31', '2023-05-01', '2023-06-10');
  $c{to} = any('2023-07-31', '2023-10-30', '2023-08-01');
  $c{steps} = 40;
  # with many rows, short steps make too many periods for plain SQL
  $c{step} = '1 month' if $c{rows} > 3000;
  $c{period_sql} = "'[$c{from},$c{to})'::$span{$c{time}}";
  ($c{inactive_sql}, $c{churned_sql}, $c{lost_sql}, $c{step_sql}) =
    map { "interval '$_'" } @c{qw(inactive_after churned_after lost_after step)};
  my $customers = magnitude($c{rows});
  my $groups = magnitude(any(3, 40, $c{rows}));
  # in one round of 20, serial customers enough to form an array (KEY_DENSE) from purchases alone
  ($customers, $groups) = (18000, any(3, 40)) if $many;
  my $type = $c{kind} =~ s/.* //r;
  my @columns = ('n int', q{dropped text DEFAULT 'some'}, 'g int', 'h int',
    "customer $type", "at $c{time}", 'event lifecycle_event', 'amount numeric');
  my ($partition_by, $partitions) = maybe(0.4) ? partitions(\@columns, $c{rows}) : ('', '');
  my $zone = any('UTC', 'Europe/Berlin', 'America/New_York');
  my $choice = sprintf '%.9f', rand();

  my $alter = maybe(0.3)
    ? alter_orders($partitions, 'DROP COLUMN dropped, ADD COLUMN added int DEFAULT 7')
    : '';
  my $setup = qq{
    SET TimeZone = '$zone';
    SET max_parallel_workers_per_gather = 0;
    SET jit = off;
    SET client_min_messages = warning;
    DROP TABLE IF EXISTS orders, numbers, truth, periods;
    SELECT setseed($choice);
    CREATE TABLE orders (@{[ join ', ', @columns ]}) $partition_by;
    $partitions;
    INSERT INTO orders (n, g, h, customer, at, event, amount)
    SELECT *, CASE WHEN event IN ('cancellation', 'interest') THEN (ARRAY[0, NULL])[1 + n % 2]
                   WHEN n % 10 > 0 THEN round((random() * 1000 - 300)::numeric, n % 4) END
      FROM (SELECT n, (random() * random() * $groups)::int, n % 4,
                   CASE WHEN random() > 0.02 THEN $spelling{$c{kind}} END,
                   CASE WHEN random() > 0.02
                        THEN (timestamp '2022-11-01' + random() * interval '400 days')::$c{time}
                   END,
                   CASE WHEN @{[ $c{has_events} ? 'true' : 'false' ]} THEN
                          (ARRAY['purchase', 'purchase', 'cancellation', 'interest', NULL,
                                 'purchase', 'purchase', 'purchase',
                                 'adjustment'])[1 + floor(random() * 9)]
                        ELSE 'purchase' END::lifecycle_event AS event
              FROM (SELECT n, 1 + floor(random() * $customers)::int AS who
                      FROM generate_series(1, $c{rows}) AS n) r) e;
    $alter
    CREATE INDEX ON orders (g);
    CREATE INDEX ON orders (customer, at);
    CREATE TABLE numbers AS SELECT n FROM generate_series(1, $c{rows}) AS n;
    ANALYZE orders, numbers;
    @{[ truth(%c) ]};
  };
  my ($status, $out, $errors) =
    $node->psql('winback', $setup, on_error_die => 0, on_error_stop => 1);
  if ($status) { fail("round $round is set up (seed $seed)"); diag($errors, $setup); last; }

  for (1 .. $queries_a_round) {
    my ($form, $key, $fields, $query, @prepare) = query(%c);
    my @settings = random_settings();
    my $asked = join '', map { "$_;\n" } (map({ "SET $_" } @settings), @prepare);
    my $fields_read = join ', ', map { "('$_', $read{$_})" } split / /, $fields;
    my $script = qq{SET TimeZone = '$zone';\n$asked
      CREATE TEMP TABLE got AS\n$query;
      EXPLAIN (COSTS off) $query;
      SET work_mem = '64MB'; SET max_parallel_workers_per_gather = 0; SET jit = off;
      SELECT '=' || count(*) || ' ' || count(value)
        FROM got, LATERAL (VALUES $fields_read) AS f (field, value);
      SELECT 'differs: ' || format('%s of group %s: plain SQL %s, winback %s',
                                   t.field, grp, t.value, r.value)
        FROM (SELECT coalesce(grp, -1) AS grp, field, value FROM truth
               WHERE key = '$key' AND field = ANY (string_to_array('$fields', ' '))) t
        FULL JOIN (SELECT coalesce(grp, -1) AS grp, f.*
                     FROM got, LATERAL (VALUES $fields_read) AS f (field, value)
                    -- plain SQL has no group without a row that counts
                    WHERE EXISTS (SELECT FROM truth t
                                   WHERE t.key = '$key' AND t.field = f.field
                                     AND t.grp IS NOT DISTINCT FROM got.grp)) r
          USING (grp, field)
       WHERE t.value IS DISTINCT FROM r.value ORDER BY 1 LIMIT 3};
    ($status, $out, $errors) =
      $node->psql('winback', $script, on_error_die => 0, on_error_stop => 1);
    my ($rows, $values) = $out =~ /^=(\d+) (\d+)$/m;
    my @wrong = grep { /^differs/ } split /\n/, $out;
    if ($status || @wrong || !defined $rows) {
      fail("round $round, $form: equals plain SQL (seed $seed)");
      diag(join "\n", $errors, @wrong, $setup, $script);
    }
    $answers += $values // 0;
    $seen{$form}++;
    $seen{"plan: $1"}++ while $out =~ /^[ >-]*($node_name)/mg;
  }
}
note(join ', ', map { "$_ $seen{$_}" } sort keys %seen);
cmp_ok($answers, '>', $rounds * $queries_a_round,
  "all answers equal plain SQL: $answers (seed $seed)");
my @plans = (
  'Aggregate', 'Partial Aggregate', 'Finalize Aggregate', 'HashAggregate',
  'Partial HashAggregate', 'GroupAggregate', 'Finalize GroupAggregate', 'MixedAggregate',
  'WindowAgg', 'Custom Scan (Winback Scan)', 'Parallel Custom Scan (Winback Scan)',
);
SKIP: {
  skip 'too few rounds for all kinds of plans', 1 if $rounds < 20;
  is(join(', ', grep { !$seen{"plan: $_"} } @plans), '',
    "the queries had plans of all kinds (seed $seed)");
}

WinbackFuzz::survived($node);
done_testing();
