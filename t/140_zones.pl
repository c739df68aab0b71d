# 140_zones.pl
#   Proves that no answer depends on which server computes it. An aggregate over
#   timestamptz subtracts days and months in the TimeZone of the session. postgres_fdw
#   sets the TimeZone of its sessions to GMT, so an aggregate that it sent to another
#   server would give another answer there.
#
#   - The test reads the aggregates from the catalog and runs each of them over foreign
#     tables and over a copy of their rows, in sessions of several zones.
#   - Aggregates over timestamptz, and those that return timestamptz, are computed here. A
#     lifecycle_tally over another type of time contains no timestamptz. history_agg subtracts
#     nothing, so it is sent, too.
#     The others are sent to the foreign servers. EXPLAIN shows both.
#   - The same holds after the databases were dumped and restored, and for aggregates as
#     pg_upgrade creates them.
#   - The ways of doc/guide.md to name the zone in a query give the same in every session: a
#     local time (AT TIME ZONE), a function with SET TimeZone, and the column starts_on.
#
#   The foreign servers are other databases of the same server.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Utils;
use Test::More;
use WinbackCluster;

my $node = WinbackCluster::start('zones');
plan(skip_all => 'postgres_fdw is not installed: it is part of the contrib modules')
  unless $node->safe_psql('postgres',
    q{SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'});

my @zones = qw(America/New_York UTC Pacific/Auckland);
my @foreign = qw(east west);

# Runs SQL in a session of its own. The session has its TimeZone from the beginning, so the
# first statement of the session is the first one of $sql.
sub ask {
  my ($database, $zone, $sql) = @_;
  local $ENV{PGTZ} = $zone;
  return $node->safe_psql($database, $sql);
}

#
# Two foreign servers, and a table that is partitioned by customer over both. "nearby" is a
# copy of all its rows, and "nearby_east" one of the rows of one server.
#
my $columns = q{customer int, at timestamptz, local_time timestamp, day date,
                event lifecycle_event, amount numeric, before lifecycle_status,
                after lifecycle_status, tally rate_tally, counts lifecycle_tally,
                history customer_history, local_history customer_history,
                day_history customer_history};
for my $database (@foreign) {
  $node->safe_psql('postgres', "CREATE DATABASE $database");
  $node->safe_psql($database, "CREATE EXTENSION winback; CREATE TABLE part ($columns)");
}

sub create_server {
  my ($server, $database) = @_;
  return sprintf q{CREATE SERVER %s FOREIGN DATA WRAPPER postgres_fdw
                     OPTIONS (host '%s', port '%s', dbname '%s', extensions 'winback',
                              batch_size '1000',
                              fdw_tuple_cost '10');  -- so that sending an aggregate pays
                   CREATE USER MAPPING FOR CURRENT_USER SERVER %1$s;},
    $server, $node->host, $node->port, $database;
}

$node->safe_psql('winback', join '', 'CREATE EXTENSION postgres_fdw;',
  (map { create_server($_, $_) } @foreign), qq{
  CREATE TABLE orders ($columns) PARTITION BY HASH (customer);
  CREATE FOREIGN TABLE orders_east PARTITION OF orders
    FOR VALUES WITH (MODULUS 2, REMAINDER 0) SERVER east OPTIONS (table_name 'part');
  CREATE FOREIGN TABLE orders_west PARTITION OF orders
    FOR VALUES WITH (MODULUS 2, REMAINDER 1) SERVER west OPTIONS (table_name 'part');
  CREATE FOREIGN TABLE names (customer int, name text)
    SERVER east OPTIONS (schema_name 'public', table_name 'names');
});
$node->safe_psql('east', q{
  CREATE TABLE names AS SELECT n AS customer, 'customer ' || n AS name
    FROM generate_series(1, 630) AS n});

# In the period from July, 90 and 180 days of silence begin on 2 April and 3 January, and
# clocks change between January and April in New York, and after 2 April in Auckland. So
# one customer buys every 10 minutes about each of these instants, and an hour changes many
# numbers. Every fourth customer buys in July, every seventh cancels in May.
$node->safe_psql('winback', q{
  SET TimeZone = 'UTC';
  INSERT INTO orders
  SELECT customer, at, at AT TIME ZONE 'UTC', (at AT TIME ZONE 'UTC')::date,
         kind::lifecycle_event, amount,
         ('{prospect,active,inactive,churned}'::lifecycle_status[])[1 + customer % 4],
         ('{won_back,active,inactive,churned,reactivated}'::lifecycle_status[])[1 + customer % 5],
         rate_tally(customer % 5, customer % 7 + 5),
         (SELECT lifecycle_counts_tally(c, t, '[2024-07-01,2024-10-01)', '90 days', '180 days')
            FROM (VALUES (customer, at)) AS v (c, t)),
         (SELECT history_agg(t, a) FROM (VALUES (at, amount)) AS v (t, a)),
         (SELECT history_agg(t, a) FROM (VALUES (at AT TIME ZONE 'UTC', amount)) AS v (t, a)),
         (SELECT history_agg(t, a)
            FROM (VALUES ((at AT TIME ZONE 'UTC')::date, amount)) AS v (t, a))
    FROM (SELECT n, timestamptz '2024-01-02' + n * interval '10 minutes', 'purchase', n % 13
            FROM generate_series(1, 300) AS n
          UNION ALL
          SELECT 300 + n, timestamptz '2024-04-01' + n * interval '10 minutes', 'purchase', n % 17
            FROM generate_series(1, 300) AS n
          UNION ALL
          SELECT n, timestamptz '2024-07-01 12:00' + n * interval '1 hour', 'purchase', n % 19
            FROM generate_series(4, 600, 4) AS n
          UNION ALL
          SELECT n, timestamptz '2024-05-10' + n * interval '12 minutes', 'cancellation', NULL
            FROM generate_series(7, 600, 7) AS n
          UNION ALL
          SELECT n, timestamptz '2023-02-01' + n * interval '1 hour', 'interest', NULL
            FROM generate_series(3, 630, 9) AS n)
         AS e (customer, at, kind, amount);
  CREATE TABLE nearby AS SELECT * FROM orders;
  CREATE TABLE nearby_east AS SELECT * FROM orders_east;
  CREATE TABLE nearby_names AS SELECT * FROM names;
  ANALYZE nearby, nearby_east;
});
cmp_ok($node->safe_psql($_, 'SELECT count(*) FROM part'), '>', 300, "$_ has many of the rows")
  for @foreign;

# The setting is the database's, so that it needs no statement in a session.
sub partitionwise { $node->safe_psql('postgres',
    "ALTER DATABASE $_[0] SET enable_partitionwise_aggregate = on"); return; }
partitionwise('winback');

#
# A call of every aggregate of the extension, from the names and types of its arguments.
#
my %argument = (
  customer => 'customer',
  event => 'event',
  amount => 'amount',
  before => 'before',
  after => 'after',
  tstzrange => q{'[2024-07-01,2024-10-01)'::tstzrange},
  tsrange => q{'[2024-07-01,2024-10-01)'::tsrange},
  daterange => q{'[2024-07-01,2024-10-01)'::daterange},
  step => q{interval '1 month'},
  inactive_after => q{interval '90 days'},
  churned_after => q{interval '180 days'},
  lost_after => q{interval '500 days'},
  lifecycle_status => 'before',
  lifecycle_event => 'event',
  rate_tally => 'tally',
  lifecycle_tally => 'counts',
  spend_tally => 'spend_tally(1, amount, amount * amount)',
  text => q{text '[2024-07-01,2024-10-01)'},
  history => 'history',
  return_curve => q{'{1:1/1}'::return_curve},
);
my %time = (timestamptz => 'at', timestamp => 'local_time', date => 'day');
# the history that suits a period
my %history = (map({ $_ => 'local_history' } qw(tsrange timestamp)),
  map({ $_ => 'day_history' } qw(daterange date)));

# Returns lines "name|arguments": the calls of all aggregates in this database.
sub calls {
  my ($database) = @_;
  my @calls;
  for my $line (split /\n/, $node->safe_psql($database, q{
      SELECT p.proname, coalesce(array_to_string(p.proargnames, ','), ''),
             array_to_string(ARRAY(SELECT format_type(t, NULL)
                                     FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, n)
                                    ORDER BY n), ','),
             t.typcategory = 'A'
        FROM pg_proc p
        JOIN pg_type t ON t.oid = p.prorettype
        JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                        AND d.deptype = 'e'
        JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
                           AND e.extname = 'winback'
       WHERE p.prokind = 'a' ORDER BY p.oid::regprocedure::text})) {
    my ($name, $names, $types, $array) = split /\|/, $line;
    my @types = map { s/ with(out)? time zone//r . (/with time/ ? 'tz' : '') } split /,/, $types;
    my @names = split /,/, $names;
    my @arguments = map {
      my $argument = $names[$_] // '';
      $argument eq 'at' ? $time{ $types[$_] }
        : $argument eq 'history' ? $history{ $types[1] // '' } // 'history'
        : $argument eq 'as_of' ? "'2024-07-01'::$types[$_]"
        : $argument eq 'until' ? "'2024-11-01'::$types[$_]"
        : $argument{$argument} // $argument{ $types[$_] }
        // BAIL_OUT("$name: the test has no value for argument $argument $types[$_]")
    } 0 .. $#types;
    my $call = "$name(" . join(', ', @arguments) . ')';
    push @calls, { name => $name, call => $call, types => "@types", array => $array eq 't' };
  }
  return @calls;
}

# Whether the answer depends on the TimeZone, or contains instants, which are shown in it. A history
# keeps instants, and shows them in UTC. A period that is a text is read in the TimeZone.
sub of_the_session {
  my ($call) = @_;
  return 0 if $call->{name} eq 'history_agg';
  return $call->{types} =~ /\b(?:timestamptz|tstzrange|text)\b/
    || $call->{name} =~ /^(?:lifecycle_(?:counts|series)(?!_tally)|explain_lifecycle|returns)/;
}

# The functions of the test: whether two queries have the same rows in the same order, and
# whether the plan of a query sends a function to a foreign server.
my $functions = q{
  CREATE OR REPLACE FUNCTION rows_of(query text) RETURNS text LANGUAGE plpgsql AS $$
  DECLARE answer text;
  BEGIN
    EXECUTE 'SELECT md5(string_agg(r::text, chr(10) ORDER BY r::text)) FROM (' || query || ') r'
       INTO answer;
    RETURN answer;
  END $$;
  CREATE OR REPLACE FUNCTION sent(query text, function text) RETURNS boolean LANGUAGE plpgsql AS $$
  DECLARE
    line text;
    found boolean := false;
  BEGIN
    FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS off) ' || query LOOP
      found := found OR line ~ ('Remote SQL: .*\m' || function || '\(')
               -- the least or the greatest value is the first of the sorted rows
               OR function IN ('min', 'max') AND line ~ 'Remote SQL: .* ORDER BY ';
    END LOOP;
    RETURN found;
  END $$;
  DROP TABLE IF EXISTS calls;
  CREATE TABLE calls (n int GENERATED ALWAYS AS IDENTITY, name text, call text,
                      local boolean, array_of boolean);
};

# Where an aggregate stands: the query over foreign tables, and over the copy.
my %place = (
  'by customer' => [ map { "SELECT customer, %s AS a FROM $_ GROUP BY customer" }
      qw(orders nearby) ],
  'of one server' => [ map { "SELECT %s AS a FROM $_" } qw(orders_east nearby_east) ],
  'with FILTER' => [ map { "SELECT %s FILTER (WHERE customer %% 3 = 0) AS a FROM $_" }
      qw(orders_east nearby_east) ],
  'in HAVING' => [
    map { "SELECT customer FROM $_ GROUP BY customer HAVING %s IS NOT NULL" } qw(orders nearby) ],
  'over a join' => [
    map { "SELECT customer %% 3 AS g, %s AS a FROM $$_[0] JOIN $$_[1] USING (customer) GROUP BY 1" }
      [qw(orders_east names)], [qw(nearby_east nearby_names)] ],
);

# Checks all aggregates of a database. The zones of each place are given.
sub check {
  my ($database, $title, %zones) = @_;
  my @calls = calls($database);
  my @here = grep { of_the_session($_) } @calls;
  cmp_ok(scalar(@here), '>', 30, "$title: more than 30 aggregates depend on the session");
  cmp_ok(@calls - @here, '>', 20, "$title: more than 20 do not");
  my $bool = sub { return $_[0] ? 'true' : 'false' };
  $node->safe_psql($database, join '', $functions,
    'INSERT INTO calls (name, call, local, array_of) VALUES ',
    join ', ', map {
      my $call = $_->{call} =~ s/'/''/gr;
      "('$_->{name}', '$call', " . $bool->(of_the_session($_)) . ', ' . $bool->($_->{array}) . ')'
    } @calls);

  for my $where (sort keys %zones) {
    my ($far, $near) = @{ $place{$where} };
    for my $zone (@{ $zones{$where} }) {
      is(ask($database, $zone, qq{
          SELECT string_agg(call, chr(10) ORDER BY n) FROM calls
           WHERE rows_of(format('$far', call)) IS DISTINCT FROM rows_of(format('$near', call))}),
        '', "$title, $zone, $where: foreign tables give what their rows give");
    }
    is(ask($database, 'America/New_York', qq{
        SELECT string_agg(call, chr(10) ORDER BY n) FROM calls
         WHERE local AND sent(format('$far', call), name)}),
      '', "$title, $where: no aggregate that depends on the session is sent");
    # postgres_fdw does not know an array type as one of the extension
    is(ask($database, 'America/New_York', qq{
        SELECT string_agg(call, chr(10) ORDER BY n) FROM calls
         WHERE NOT local AND NOT array_of AND NOT sent(format('$far', call), name)}),
      '', "$title, $where: all others are sent");
  }
  return @here;
}
my @here = check('winback', 'before a dump', (map { $_ => ['America/New_York'] } keys %place),
  'by customer' => \@zones, 'of one server' => \@zones);

# the test would see a difference: these rows answer differently in GMT
for my $zone ('America/New_York', 'Pacific/Auckland') {
  my $period = ask('winback', $zone,
    q{SELECT extract(epoch FROM timestamptz '2024-07-01') || ',' ||
             extract(epoch FROM timestamptz '2024-10-01')});
  my $question = sprintf q{
    SELECT winback_tally(customer, at, tstzrange(to_timestamp(%s), to_timestamp(%s)), '180 days'),
           reactivation_tally(customer, at, tstzrange(to_timestamp(%1$s), to_timestamp(%2$s)),
                              '90 days')
      FROM nearby}, split /,/, $period;
  isnt(ask('winback', $zone, $question), ask('winback', 'GMT', $question),
    "the orders have other numbers in $zone than in GMT");
}

# In a session whose first statement is the query, the library is loaded by it or not at all.
# psql begins a new session for each.
{
  my $zone = 'America/New_York';
  my ($far, $near) = @{ $place{'of one server'} };
  my $answers = sub {
    my ($queries) = @_;
    return split /^--\n/m, ask('winback', $zone,
      join '', map { "\\c\n$_;\n\\echo --\n" } @$queries);
  };
  my @queries = map { sprintf $far, $_->{call} } @here;
  my @plans = $answers->([ map { "EXPLAIN (VERBOSE, COSTS off) $_" } @queries ]);
  my @far = $answers->(\@queries);
  my @near = $answers->([ map { sprintf $near, $_->{call} } @here ]);
  like($plans[$_], qr/Remote SQL: SELECT .* FROM public\.part/, 'a plan reads the foreign table')
    for 0, $#here;
  is(join("\n", map { $here[$_]{call} } grep { $plans[$_] =~ /Remote SQL:.*\b$here[$_]{name}\(/ }
        0 .. $#here),
    '', 'the first statement of a session: nothing is sent');
  is(join("\n", map { $here[$_]{call} } grep { $far[$_] ne $near[$_] } 0 .. $#here),
    '', 'the first statement of a session: the answer is the same');
}

# A prepared statement keeps its plan when the TimeZone changes.
{
  my $call = q{winback_tally(customer, at, $1, interval '180 days')};
  my $answers = join '', map { qq{
    SET TimeZone = '$_';
    EXECUTE far (tstzrange('2024-07-01', '2024-10-01'));
    EXECUTE near (tstzrange('2024-07-01', '2024-10-01'));} } @zones;
  my @answers = split /\n/, ask('winback', 'UTC', qq{
    SET plan_cache_mode = force_generic_plan;
    PREPARE far (tstzrange) AS SELECT $call FROM orders_east;
    PREPARE near (tstzrange) AS SELECT $call FROM nearby_east;
    $answers});
  is(join(' ', @answers[ 0, 2, 4 ]), join(' ', @answers[ 1, 3, 5 ]),
    'a generic plan gives the same as the rows, whatever TimeZone the session changes to');
}

#
# The zone in the query: local times of Berlin, which any server computes alike. The
# orders are far from the hour that Berlin's clocks show twice, on the last Sunday of October.
#
# postgres_fdw does not send AT TIME ZONE 'Europe/Berlin', because it sends no function of
# a text that comes from no foreign column. A view on the foreign server computes the local
# times there, and aggregates over its column are sent.
#
for my $server (@foreign) {
  $node->safe_psql($server, q{
    CREATE VIEW in_berlin AS
    SELECT customer, event, at AT TIME ZONE 'Europe/Berlin' AS berlin FROM part});
}
my $berlin_columns = 'customer int, event lifecycle_event, berlin timestamp';
$node->safe_psql('winback', qq{
  CREATE TABLE in_berlin ($berlin_columns) PARTITION BY HASH (customer);
  CREATE FOREIGN TABLE in_berlin_east PARTITION OF in_berlin
    FOR VALUES WITH (MODULUS 2, REMAINDER 0) SERVER east OPTIONS (table_name 'in_berlin');
  CREATE FOREIGN TABLE in_berlin_west PARTITION OF in_berlin
    FOR VALUES WITH (MODULUS 2, REMAINDER 1) SERVER west OPTIONS (table_name 'in_berlin');
});
my $period = q{tsrange '[2024-07-01,2024-10-01)'};
my @local = (
  (map { (
      "winback_tally(customer, AT, $_$period, interval '180 days')",
      "reactivation_tally(customer, AT, $_$period, interval '90 days')",
      "winback_rate(customer, AT, $_$period, interval '180 days')",
      "reactivation_rate(customer, AT, $_$period, interval '90 days')",
      "lifecycle_at(AT, ${_}timestamp '2024-07-01', interval '90 days', interval '180 days')",
      "lifecycle_during(AT, $_$period, interval '90 days', interval '180 days')",
    ) } '', 'event, '),
);
my $at_berlin = q{at AT TIME ZONE 'Europe/Berlin'};
# Each question in several forms: of timestamptz, of local times computed here over foreign
# tables and over the copy, and of local times computed by the foreign servers.
my (@titles, @instants, @forms, @sent);
for my $call (@local) {
  my ($name) = $call =~ /(\w+)/;
  for (['by customer', 'in_berlin'], ['of one server', 'in_berlin_east']) {
    my ($where, $view) = @$_;
    my ($far, $near) = @{ $place{$where} };
    my $here = $call =~ s/AT/$at_berlin/r;
    my $of_view = sprintf $far =~ s/orders(_east)?/$view/r, $call =~ s/AT/berlin/r;
    push @titles, "$call, $where";
    push @instants, sprintf 'SELECT rows_of($q$%s$q$)', sprintf $near,
      $call =~ s/AT/at/r =~ s/tsrange/tstzrange/r =~ s/timestamp/timestamptz/r;
    push @forms, sprintf 'SELECT rows_of($q$%s$q$), rows_of($q$%s$q$), rows_of($q$%s$q$)',
      sprintf($far, $here), sprintf($near, $here), $of_view;
    push @sent, qq{SELECT sent(\$q\$$of_view\$q\$, '$name')};
  }
}
my $ask_all = sub { return [ split /\n/, ask('winback', $_[0], join ';', @{ $_[1] }) ] };
my $instants = $ask_all->('Europe/Berlin', \@instants);
for my $zone (@zones) {
  my $forms = $ask_all->($zone, \@forms);
  is($forms->[$_], join('|', ($instants->[$_]) x 3),
    "$zone: local times give what instants give in Berlin: $titles[$_]")
    for 0 .. $#titles;
}
my $sent = $ask_all->('UTC', \@sent);
is($sent->[$_], 't', "the foreign servers compute it over the column of a view: $titles[$_]")
  for 0 .. $#titles;

#
# A function with a zone of its own, and a view over it.
#
$node->safe_psql('winback', q{
  CREATE FUNCTION lifecycle_of_orders(
    from_date date, to_date date, step interval, inactive_days int, churned_days int
  ) RETURNS SETOF lifecycle_counts
  LANGUAGE sql STABLE
  SET TimeZone = 'Europe/Berlin'
  AS $$
    SELECT counts.*
      FROM unnest((SELECT lifecycle_series(customer, at, event, amount,
                                           tstzrange(from_date, to_date + 1), step,
                                           make_interval(days => inactive_days),
                                           make_interval(days => churned_days))
                     FROM orders)) AS counts
  $$;
  CREATE VIEW months AS
  SELECT * FROM lifecycle_of_orders('2024-04-01', '2024-09-30', '1 month', 90, 180);
  CREATE VIEW plain_months AS
  SELECT counts.*
    FROM unnest((SELECT lifecycle_series(customer, at, event, amount,
                                         tstzrange(date '2024-04-01', date '2024-10-01'),
                                         '1 month', '90 days', '180 days')
                   FROM orders)) AS counts;
});
# instants as numbers, because a session shows them in its own zone
my $numbers = q{
  SELECT extract(epoch FROM period_start), extract(epoch FROM period_end), starts_on, step,
         prospects_start, active_start, inactive_start, churned_start, new_customers, converted,
         retained, reactivated, won_back, prospects_end, active_end, inactive_end, churned_end,
         reactivation, win_back, history_complete, period_complete, sustained, lapsed_again,
         revenue_new, revenue_retained, revenue_reactivated, revenue_won_back, revenue_other,
         extract(epoch FROM data_start), extract(epoch FROM data_end)
    FROM %s ORDER BY period_start};
my $months = ask('winback', 'Europe/Berlin', sprintf $numbers, 'plain_months');
like($months, qr/\|2024-04-01\|1 mon\|.*\n.*\|2024-05-01\|/, 'the months are those of Berlin');
for my $zone (@zones) {
  is(ask('winback', $zone, sprintf $numbers, 'months'), $months,
    "$zone: a function with SET TimeZone gives the months of Berlin");
  isnt(ask('winback', $zone, sprintf $numbers, 'plain_months'), $months,
    "$zone: a plain view does not");
  is(ask('winback', $zone, 'SELECT count(*) FROM months; SHOW TimeZone'), "6\n$zone",
    "$zone: the TimeZone of the session stays what it was");
}

#
# A materialized view holds the months of the zone in which it was refreshed.
#
ask('winback', 'Europe/Berlin', q{
  CREATE MATERIALIZED VIEW kept_months AS SELECT * FROM plain_months;
  REFRESH MATERIALIZED VIEW kept_months});
my $labels = join "\n", map { "2024-0$_-01" } 4 .. 9;
for my $zone (@zones) {
  is(ask('winback', $zone, 'SELECT starts_on FROM kept_months ORDER BY period_start'), $labels,
    "$zone: starts_on of a materialized view is the month");
}
isnt(ask('winback', $_, 'SELECT period_start::date FROM kept_months ORDER BY period_start'),
  $labels, "$_: period_start::date is not") for 'America/New_York', 'UTC';
# over dates, lifecycle_counts shows a midnight of the session
my $july = q{SELECT (lifecycle_counts(customer, day, daterange('2024-07-01', '2024-08-01'),
                                      '90 days', '180 days')).* FROM nearby};
ask('winback', 'UTC', "CREATE MATERIALIZED VIEW july AS $july");
is(ask('winback', 'America/New_York', 'SELECT starts_on, period_start::date FROM july'),
  '2024-07-01|2024-06-30', 'the same for a period of dates');

#
# Dump and restore all databases. A restored extension is made from its script again.
#
my $dump = PostgreSQL::Test::Utils::tempdir . '/dump.sql';
for my $database ('winback', @foreign) {
  $node->command_ok([ 'pg_dump', '--file', $dump, $node->connstr($database) ],
    "pg_dump $database");
  $node->safe_psql('postgres', "CREATE DATABASE restored_$database");
  $node->command_ok(
    [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump,
      '-d', $node->connstr("restored_$database") ],
    "restore $database");
}
$node->safe_psql('restored_winback', join ';',
  map { "ALTER SERVER $_ OPTIONS (SET dbname 'restored_$_')" } @foreign);
partitionwise('restored_winback');
my @again = map { $_ => ['America/New_York'] } 'by customer', 'of one server';
check('restored_winback', 'after a restore', @again);

# CREATE AGGREGATE makes every aggregate IMMUTABLE. pg_upgrade creates the members of an
# extension by their definitions, and so forgets another volatility that a script has set.
$node->safe_psql('restored_winback', q{
  UPDATE pg_proc SET provolatile = 'i'
   WHERE prokind = 'a' AND oid IN (
           SELECT objid FROM pg_depend
            WHERE classid = 'pg_proc'::regclass AND refclassid = 'pg_extension'::regclass
              AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'winback')
              AND deptype = 'e')});
check('restored_winback', 'as pg_upgrade leaves the aggregates', @again);

$node->stop;
done_testing();
