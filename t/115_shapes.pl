# 115_shapes.pl
#   Proves that a Winback Scan does not change the answer of a query of any shape: grouped by
#   columns and expressions of the orders or by the customer, joined to attributes of the
#   customers, over views of several tables, with conditions of many kinds. It generates random
#   schemas and random queries, and compares, to the last bit, three answers:
#     with winback.enable_scan = on;
#     with winback.enable_scan = off;
#     of plain SQL that states the definitions for each group and customer, without winback.
#   At the end it prints how many queries of each shape used a Winback Scan, and checks the shapes
#   in %uses_scan.
#
#   A shape gives the FROM clause, the GROUP BY keys and the expressions for the arguments of the
#   aggregates. The query and the plain SQL are made from the same expressions; in the plain SQL,
#   PostgreSQL evaluates them without any aggregate of winback.
#
#   WINBACK_FUZZ_SEED    the seed; random unless set; printed
#   WINBACK_FUZZ_TIMES   multiplies the number of rounds; default 1
#   WINBACK_FUZZ_SHAPES  a regular expression: only shapes that match it; default all
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use WinbackFuzz;

my $node = WinbackFuzz::start('shapes');
my $seed = WinbackFuzz::seed('schemas, rows and queries');
my $rounds = WinbackFuzz::rounds(24);
my $queries_a_round = 16;

# The shapes that a Winback Scan serves, each with the least share of its ordinary queries that must
# use one. The shapes are the keys of %shapes. A query is ordinary if the arguments of its
# aggregates are columns of the types of the arguments, if no condition has a subquery or compares
# columns of two tables, if there are other aggregates only in a list of customers, if the orders
# have 1000 rows and no foreign partition, and if the settings switch nothing off.
# The planner may still find another plan cheaper. A run has about five ordinary queries of a
# shape, so a share near 1 would fail by chance.
my %uses_scan = map { $_ => 0.3 } qw(whole group union lateral_channel join_whole);

$node->safe_psql('winback', q{
  CREATE DOMAIN customer_number AS int8 CHECK (VALUE > -1000000000000);
  CREATE DOMAIN place AS text CHECK (VALUE <> 'nowhere');
  CREATE DOMAIN money_amount AS numeric(12, 2);
  CREATE DOMAIN at_date AS date;
  CREATE DOMAIN at_timestamp AS timestamp;
  CREATE DOMAIN at_timestamptz AS timestamptz;
});
# two texts that differ only in case are equal under the collation "ci"
my $has_icu =
  $node->safe_psql('winback', q{SELECT count(*) FROM pg_collation WHERE collprovider = 'i'}) > 0;
$node->safe_psql('winback', q{
  CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)
}) if $has_icu;

# In addition to the kinds of t/110: a domain, varchar, and texts that differ and are equal.
$spelling{'domain customer_number'} = 'who * 3';
$spelling{varchar} = q{'c' || who};
$spelling{'insensitive text COLLATE ci'} = q{(ARRAY['C', 'c'])[1 + floor(random() * 2)] || who}
  if $has_icu;

#
# Constants. A query contains them as marks, so that it can be written in two ways: with literals,
# or with parameters of a prepared statement.
#
sub value {
  my ($type, $literal) = @_;
  return "\x01$type\x02$literal\x03";
}

# Returns the text with literals in place of the marks.
sub with_literals {
  my ($text) = @_;
  my %bare = map { $_ => 1 } qw(int text numeric);
  $text =~ s/\x01(.*?)\x02(.*?)\x03/$bare{$1} ? $2 : "$2::$1"/ges;
  return $text;
}

# Returns the text with parameters in place of most marks, the types of the parameters and their
# values.
sub with_parameters {
  my ($text) = @_;
  my (@types, @values);
  $text =~ s{(\x01(.*?)\x02(.*?)\x03)}{
    if (maybe(0.7)) { push @types, $2; push @values, $3; '$' . @types }
    else { with_literals($1) }
  }ges;
  return ($text, \@types, \@values);
}

#
# The schema
#

# Columns of the orders beside n, g, h, customer, at, event and amount: the name, the type, and an
# expression for random values. Some are added to the table after its first rows.
my @more_columns = (
  [ channel => 'text', q{(ARRAY['web', 'shop', 'phone', '', NULL,
       'a channel with a rather long name'])[1 + floor(random() * 6)]} ],
  [ store => 'int', '(random() * 3000)::int' ],
  [ price => 'numeric', q{(ARRAY[1.0, 1.00, 2, 2.50, 2.5, 0, -0.10, NULL]::numeric[])
                          [1 + floor(random() * 8)]} ],
  [ day => 'date', q{CASE WHEN random() > 0.1 THEN date '2023-05-01' + (random() * 60)::int END} ],
  [ uid => 'uuid', q{md5(((random() * 6)::int)::text)::uuid} ],
  [ flag => 'boolean', '(ARRAY[true, false, NULL])[1 + floor(random() * 3)]' ],
  [ place => 'place', q{(ARRAY['here', 'there', NULL])[1 + floor(random() * 3)]} ],
  [ small => 'smallint', '(random() * 9 - 4)::smallint' ],
  [ ratio => 'float8', q{(ARRAY['NaN', '-0', 0, 0.5, NULL, 'Infinity']::float8[])
                         [1 + floor(random() * 6)]} ],
  [ code => 'char(3)', q{(ARRAY['a', 'a ', 'bb', NULL])[1 + floor(random() * 4)]} ],
  # one in 30 is stored outside the row
  [ note => 'text', q{CASE WHEN random() < 0.03
       THEN (SELECT string_agg(md5((n * 1000 + i)::text), '') FROM generate_series(1, 90) AS i)
       ELSE (ARRAY['short', 'n', NULL])[1 + floor(random() * 3)] END} ],
  [ label => $has_icu ? 'text COLLATE ci' : 'text',
    q{(ARRAY['Web', 'web', 'WEB', 'shop', NULL])[1 + floor(random() * 5)]} ],
);
# columns that are added to the table after its first rows, which have the default
my @late_columns = (
  [ late => q{int DEFAULT 7}, '(random() * 8)::int' ],
  [ late_text => q{text DEFAULT 'a default'}, q{(ARRAY['x', NULL])[1 + floor(random() * 2)]} ],
);

# Chooses a random schema.
sub schema {
  my ($round) = @_;
  my %c = (
    ordinary => maybe(0.75), time => any(sort keys %span), kind => any(sort keys %spelling),
    has_events => maybe(0.5), rows => 1 + magnitude(6000), infinite => maybe(0.15),
    zone => any('UTC', 'Europe/Berlin', 'America/New_York'),
    amount_type => any('numeric', 'numeric(12, 2)', 'money_amount', 'bigint'),
  );
  $c{at_type} = any("at_$c{time}", $c{time});
  @c{qw(rows amount_type at_type)} =
    (1000 + int rand 5000, any('numeric', 'numeric(12, 2)'), $c{time}) if $c{ordinary};
  $c{customers} = magnitude($c{rows});
  # in every fourth round there are groups and customers enough to exceed a work_mem of 64 kB
  @c{qw(rows customers)} = (6000, any(300, 2000)) if $round % 4 == 1;
  # in one round of 24, serial customers enough to form an array (KEY_DENSE) from purchases alone
  $c{many} = $round % 24 == 20;
  @c{qw(rows customers kind)} = (30000, 18000, any(grep { /serial/ } sort keys %spelling))
    if $c{many};
  $c{groups} = magnitude(any(3, 40, $c{rows}));
  $c{type} = $c{kind} =~ s/^(?:serial|nearly serial|domain|insensitive) //r;
  return %c;
}

# Returns statements that create the schema.
sub create_schema {
  my (%c) = @_;
  my @columns = shuffle('n int', q{dropped text DEFAULT 'some'}, 'g int', 'h int',
    "customer $c{type}", "at $c{at_type}", 'event lifecycle_event', "amount $c{amount_type}",
    map { "$_->[0] $_->[1]" } @more_columns);
  my ($partition_by, $partitions) = maybe(0.4) ? partitions(\@columns, $c{rows}) : ('', '');
  my $choice = sprintf '%.9f', rand();
  my $at = "(timestamp '2022-11-01' + random() * interval '400 days')::$c{time}";
  $at = "CASE floor(random() * 40) WHEN 0 THEN '-infinity' WHEN 1 THEN 'infinity' ELSE $at END"
    if $c{infinite};
  my $events = $c{has_events}
    ? q{(ARRAY['purchase', 'purchase', 'cancellation', 'interest', NULL, 'purchase', 'purchase',
               'purchase', 'adjustment'])[1 + floor(random() * 9)]}
    : q{'purchase'};
  my $fill = sub {
    my ($first, $last, @more) = @_;
    my $names = join ', ', map { $_->[0] } @more;
    my $values = join ",\n           ", map { $_->[2] } @more;
    return qq{
    INSERT INTO orders (n, g, h, customer, at, event, amount, $names)
    SELECT n, g, h, customer, at, event,
           CASE WHEN event IN ('cancellation', 'interest') THEN (ARRAY[0, NULL])[1 + n % 2]
                WHEN n % 10 > 0 THEN round((random() * 1000 - 300)::numeric, n % 4) END,
           $values
      FROM (SELECT n, n % 4 AS h,
                   CASE WHEN random() > 0.03 THEN (random() * random() * $c{groups})::int END AS g,
                   CASE WHEN random() > 0.02 THEN $spelling{$c{kind}} END AS customer,
                   CASE WHEN random() > 0.02 THEN $at END AS at, ${events}::lifecycle_event AS event
              FROM (SELECT n, 1 + floor(random() * $c{customers})::int AS who
                      FROM generate_series($first, $last) AS n) r) e};
  };
  my $half = int $c{rows} * any(0, 0.5, 0.9);
  my $late = join ', ', map { "ADD COLUMN $_->[0] $_->[1]" } @late_columns;
  my $drop = maybe(0.5) ? ', DROP COLUMN dropped' : '';
  my $customers = int 1.1 * $c{customers} + 1;
  my $spelled = "(SELECT $spelling{$c{kind}} FROM (SELECT -1 AS n) x)";
  # equal numbers of other scales
  $spelled = "trim_scale($spelled)" if $c{type} eq 'numeric';
  # a join with another type has another equality operator
  my $wider = $c{type} eq 'int4' && maybe(0.3) ? 'int8' : $c{type};
  my $vacuum = maybe(0.3) ? 'VACUUM orders;' : '';
  return qq{
    SET TimeZone = '$c{zone}';
    SET max_parallel_workers_per_gather = 0;
    SET jit = off;
    SET client_min_messages = warning;
    DROP TABLE IF EXISTS orders, customers, accounts, countries, stores, channels, months,
      cancellations, leads CASCADE;
    SELECT setseed($choice);
    CREATE TABLE orders (@{[ join ', ', @columns ]}) $partition_by;
    $partitions;
    @{[ $fill->(1, $half, @more_columns) ]};
    @{[ alter_orders($partitions, "$late$drop") ]}
    @{[ $fill->($half + 1, $c{rows}, @more_columns, @late_columns) ]};
    UPDATE orders SET price = price WHERE n % 41 = 3;
    DELETE FROM orders WHERE n % 50 = 7;
    CREATE INDEX ON orders (g);
    CREATE INDEX ON orders (customer, at);
    -- "no" is a number of the customer
    CREATE TABLE customers (no int, customer $wider PRIMARY KEY, country text, tier int,
      email text NOT NULL UNIQUE, uid uuid NOT NULL UNIQUE, signup date);
    INSERT INTO customers
    SELECT who, $spelled, (ARRAY['DE', 'FR', 'IT', 'ES', 'PL', 'US', NULL])[1 + who % 7],
           (random() * 4)::int, 'customer.' || who || '\@example.com', md5('u' || who)::uuid,
           date '2023-05-01' + who % 60
      FROM generate_series(1, $customers) AS who WHERE who % 9 <> 5;
    -- 0 to 3 rows for each customer, and some without a customer
    CREATE TABLE accounts (customer $c{type}, label text, weight int);
    INSERT INTO accounts
    SELECT CASE WHEN random() > 0.1 THEN $spelled END,
           (ARRAY['old', 'new', NULL])[1 + floor(random() * 3)], who % 5
      FROM generate_series(1, $customers) AS who, generate_series(1, who % 4) AS i;
    CREATE TABLE countries (country text PRIMARY KEY, region text);
    INSERT INTO countries VALUES ('DE', 'centre'), ('FR', 'west'), ('IT', 'south'), ('ES', 'south'),
                                 ('US', NULL), ('JP', 'east');
    CREATE TABLE stores (store int PRIMARY KEY, city text);
    INSERT INTO stores SELECT s, 'city ' || s % 5 FROM generate_series(0, 3000) AS s
                        WHERE s % 10 <> 3;
    CREATE TABLE channels (channel text);
    INSERT INTO channels VALUES ('web'), ('shop'), (''), (NULL), ('never used');
    CREATE TABLE months AS
    SELECT m::date AS month,
           $span{$c{time}}(m::$c{time}, (m + interval '1 month')::$c{time}) AS period
      FROM generate_series(timestamp '2023-04-01', '2023-07-01', '1 month') AS m;
    -- other tables of events have other columns, in another order, of other types
    CREATE TABLE cancellations (reason text, cancelled timestamptz, junk int, who $c{type});
    ALTER TABLE cancellations DROP COLUMN junk;
    INSERT INTO cancellations
    SELECT (ARRAY['web', 'price', NULL])[1 + who % 3],
           timestamptz '2023-01-01' + random() * interval '300 days', $spelled
      FROM generate_series(1, $customers, 3) AS who;
    CREATE TABLE leads (day date, channel varchar, n bigint, customer $c{type}, g smallint);
    INSERT INTO leads
    SELECT date '2023-01-01' + (random() * 300)::int, 'web', who, $spelled, who % 3
      FROM generate_series(1, $customers, 2) AS who;
    CREATE VIEW events AS
    SELECT customer, at, event, amount, n, g, channel, h FROM orders
    UNION ALL
    SELECT who, cancelled::$c{time}, 'cancellation', NULL, NULL, 1, reason, 5 FROM cancellations
    UNION ALL
    SELECT customer, day, 'interest', 0, n::int, g, channel, NULL FROM leads WHERE n % 7 <> 2;
    CREATE VIEW purchases AS
    SELECT customer, at, lifecycle_event 'purchase' AS event, amount::numeric, n, g, channel, h
      FROM orders WHERE event = 'purchase'
    UNION ALL
    SELECT customer, at, lifecycle_event 'adjustment', -amount::numeric, n, 0, NULL, h FROM orders
     WHERE event = 'purchase' AND h = 2
    UNION ALL
    SELECT who, cancelled::$c{time}, 'cancellation', NULL, 0, NULL::int, reason, 7
      FROM cancellations;
    $vacuum
    ANALYZE orders, customers, accounts, countries, stores, months, cancellations, leads;
  };
}

#
# Keys and conditions. Each is used only where its table, such as o or c, has its columns.
#

# few groups
my @few = ('o.channel', 'o.h', 'o.flag', 'o.price', 'o.place', 'o.late', 'o.late_text', 'o.day',
  'o.uid', 'o.small', 'o.ratio', 'o.code', 'o.label', 'o.g', 'o.g % 3', 'o.n % 2 = 0',
  'o.at IS NULL', q{coalesce(o.channel, 'none')}, 'upper(o.channel)', 'o.amount > 0',
  q{date_trunc('month', o.at)}, 'extract(year FROM o.at)', 'o.event', 'left(o.note, 1)',
  'length(o.note)', q{CASE WHEN o.h < 2 THEN 'low' END}, 'o.at::date');
# many groups
my @many = ('o.store', 'o.n', 'o.n / 3', 'md5(o.store::text)', q{'store ' || o.store},
  '(o.store::numeric)');
my @of_customer = ('c.country', 'c.tier', 'c.signup', q{date_trunc('month', c.signup)},
  q{coalesce(c.country, '?')}, 'c.tier > 1', 'c.no % 3', 'c.email', 'c.uid');

# An expression for the value of a key that is the same for all values that are equal. PostgreSQL
# shows any of them.
sub spelled {
  my ($c, $key, $column) = @_;
  return "trim_scale($column)"
    if $key =~ /^\(?o\.(?:price|store::numeric)\b/
    || $key =~ /^\w\.customer$/ && $c->{type} eq 'numeric';
  return "$column + 0" if $key eq 'o.ratio';
  return "lower($column COLLATE \"C\")" if $key eq 'o.label';
  return "lower($column\::text COLLATE \"C\")" if $key =~ /^\w\.customer$/;
  return $column;
}

sub conditions {
  my (%c) = @_;
  my $int = sub { value('int', any(@_)) };
  my $text = sub { value('text', "'" . any(@_) . "'") };
  my $at = value($c{time}, "'" . any('2023-02-01', '2023-06-15', '2023-12-01') . "'");
  my $mid = value($c{time}, "'2023-09-01'");
  return (
    'o.n > ' . $int->(5, 40, 1000), 'o.g <> ' . $int->(0, 1), $int->(0, 3) . ' >= o.g',
    'o.h IN (' . $int->(0, 1) . ', 2, 3)', 'o.h NOT IN (1, ' . $int->(2, 9) . ')',
    'o.n BETWEEN ' . $int->(1, 5) . ' AND ' . $int->(500, 4000), 'o.amount IS NULL',
    'o.amount > ' . value('numeric', '-50.5'), 'o.amount <= ' . value('numeric', '300'),
    'o.h IS NOT NULL', 'o.at IS NULL', "o.at < $at", "o.at >= $at OR o.at < $mid",
    q{o.event = 'purchase'}, q{o.event <> 'interest'}, 'o.n % 7 <> ' . $int->(3), 'o.g = o.h',
    'o.n = ANY (ARRAY[1, 7, NULL, 77])', 'o.store <> ALL (ARRAY[1, 2, ' . $int->(3) . '])',
    '(o.g = 0 OR o.n < ' . $int->(500) . ' AND o.h <> 2)',
    '(o.amount IS NULL OR o.amount < 100 OR o.h = 1)', 'o.channel = ' . $text->('web', 'shop', ''),
    'o.channel <> ' . $text->('web', 'none'), q{o.channel LIKE '%o%'}, q{length(o.channel) > 3},
    q{o.channel IN ('web', 'shop', NULL)}, q{o.channel > 'p'}, 'NOT o.flag', 'o.flag IS NOT TRUE',
    'o.flag', 'o.price = ' . value('numeric', any('1', '2.5', '1.000')), 'o.price < o.amount',
    q{o.uid = 'c4ca4238-a0b9-2382-0dcc-509a6f75849b'}, 'o.day >= ' . value('date', q{'2023-05-20'}),
    q{o.day BETWEEN '2023-05-10' AND '2023-06-10'}, 'o.label = ' . $text->('WEB', 'shop'),
    q{o.label <> 'web'}, 'o.place = ' . $text->('here'), 'o.small > ' . $int->(0),
    'o.small < ' . value('numeric', '2.5'), 'o.ratio > 0', q{o.ratio = 'NaN'}, q{o.code = 'a'},
    'o.late = ' . $int->(7, 3), q{o.late_text IS NULL}, q{o.late_text = 'a default'},
    q{o.note = 'short'}, 'o.note IS NOT NULL', 'o.customer IS NOT NULL', '(o.g IS NULL) = o.flag',
    'o.n > (SELECT avg(tier) FROM customers)', 'o.h <> ' . $int->(0) . ' AND 12 / o.h > 3',
    'o.h <> 0 AND 12 / o.h > 3',
    'o.channel IN (SELECT channel FROM channels)',
    'EXISTS (SELECT FROM stores s WHERE s.store = o.store AND s.city <> ' . $text->('city 1') . ')',
    'coalesce(o.flag, o.h = 1)', 'CASE WHEN o.h = 0 THEN false ELSE 10 / o.h > 4 END',
    'c.country = ' . $text->('DE', 'FR'), 'c.country IS NULL', 'c.tier > ' . $int->(0, 1),
    q{c.country IN ('DE', 'IT', 'US')}, 'c.signup < ' . value('date', q{'2023-06-01'}),
    q{c.email LIKE '%1%'}, 'c.tier = o.h', 'c.signup < o.day', 'c.tier IS DISTINCT FROM o.g',
    q{a.label = 'old'}, 'a.weight < ' . $int->(2, 4), 'r.region = ' . $text->('south'),
    'r.region IS NULL', q{s.city = 'city 2'},
  );
}

my @of_view = qw(customer at event amount n g channel h);
# true if the query is ordinary: see %uses_scan
my $ordinary;

# Returns those of the expressions whose columns are there: "has" says which tables there are, and
# "columns" which columns o has, if not all.
sub possible {
  my ($shape, @expressions) = @_;
  my %has = map { $_ => 1 } split //, $shape->{has};
  my %columns = map { $_ => 1 } @{ $shape->{columns} || [] };
  return grep {
    my @used = /\b([a-z])\.(\w+)/g;
    my $possible = 1;
    while (my ($table, $column) = splice @used, 0, 2) {
      $possible = 0 unless $has{$table} || $table eq 's' && /EXISTS/;
      $possible = 0 if $table eq 'o' && $shape->{columns} && !$columns{$column};
    }
    # two tables, or a subquery
    $possible = 0 if $ordinary && (/SELECT/ || /\bo\./ && /\b[cars]\./);
    $possible;
  } @expressions;
}

# Returns a random condition.
sub condition {
  my ($shape, @conditions) = @_;
  my @possible = possible($shape, @conditions);
  my @parts = map { '(' . any(@possible) . ')' } 1 .. any(1, 1, 2, 3);
  return join(maybe(0.7) ? ' AND ' : ' OR ', @parts);
}

#
# The shapes. Each returns
#   from       the FROM clause, in which o is the orders
#   where      conditions that belong to the shape
#   has        the tables whose columns exist, by their letter
#   columns    the columns of o, if it is not the table
#   keys       the GROUP BY keys
#   list       true if there is one customer in each group, so that aggregates over one
#              customer have a meaning
#   customer   the customer, if it is not o.customer
#   before     for LATERAL: the table that stands before it
#   on         for LATERAL: the join condition in it
#   period     a column with the period, in place of a constant
#   outer      the name of a query around the query: see query()
#

# Returns the orders, or a subquery that PostgreSQL can pull up.
sub orders {
  return $ordinary || maybe(0.7) ? 'orders o'
    : any('(SELECT * FROM orders WHERE n % 3 <> 1) o', '(SELECT * FROM orders) o',
    '(TABLE orders) AS o', '(SELECT * FROM orders WHERE h <> 2 OFFSET 0) o');
}
sub some { my ($n, @from) = @_; return (shuffle(@from))[ 0 .. $n - 1 ]; }
sub join_customers {
  my ($kind) = @_;
  my $orders = orders();
  return maybe(0.5)
    ? "$orders $kind customers c ON c.customer = o.customer"
    : "$orders $kind customers c USING (customer)";
}

my %shapes = (
  whole => sub { return { from => orders(), has => 'o', keys => [] } },
  group => sub { return { from => orders(), has => 'o', keys => [ any(@few) ] } },
  group_several => sub {
    return { from => orders(), has => 'o', keys => [ some(any(2, 2, 3, 4), @few) ] };
  },
  group_many => sub {
    return { from => orders(), has => 'o', keys => [ any(@many), some(any(0, 0, 1), @few) ] };
  },
  list => sub { return { from => orders(), has => 'o', keys => ['o.customer'], list => 1 } },
  list_several => sub {
    return { from => orders(), has => 'o', list => 1,
      keys => [ 'o.customer', some(any(1, 2), @few) ] };
  },
  list_outer => sub {
    return { from => orders(), has => 'o', keys => ['o.customer'], list => 1, outer => 'status',
      where => ['o.customer IS NOT NULL'] };
  },
  two_steps => sub {
    return { from => orders(), has => 'o', list => 1, outer => 'two_steps',
      keys => [ 'o.customer', maybe(0.5) ? any(@few) : () ],
      where => ['o.customer IS NOT NULL'] };
  },
  unnest => sub {
    return { from => orders(), has => 'o', keys => [ maybe(0.5) ? any(@few) : () ],
      outer => 'unnest' };
  },
  join_whole => sub {
    return { from => join_customers('JOIN'), has => 'oc', keys => [],
      customer => any('o.customer', 'o.customer', 'c.customer') };
  },
  join_group => sub {
    return { from => join_customers('JOIN'), has => 'oc', keys => [ some(any(1, 1, 2),
          @of_customer) ], customer => any('o.customer', 'o.customer', 'c.customer') };
  },
  join_both => sub {
    return { from => join_customers('JOIN'), has => 'oc',
      keys => [ any(@of_customer), some(any(1, 1, 2), @few) ] };
  },
  join_left => sub {
    return { from => join_customers('LEFT JOIN'), has => 'oc',
      keys => [ some(any(0, 1, 1, 2), @of_customer), some(any(0, 0, 1), @few) ] };
  },
  join_right => sub {
    return { from => join_customers(any('RIGHT JOIN', 'FULL JOIN')), has => 'oc',
      keys => [ some(any(0, 1, 1, 2), @of_customer) ] };
  },
  join_more => sub {
    return { has => 'ocr', keys => [ some(any(0, 1, 2), 'r.region', 'r.country', @of_customer) ],
      from => join_customers('JOIN') . any(' JOIN', ' LEFT JOIN')
        . ' countries r ON r.country = c.country' };
  },
  join_duplicates => sub {
    return { has => 'oa', keys => [ some(any(0, 1, 2), 'a.label', 'a.weight', 'o.channel') ],
      from => orders() . any(' JOIN', ' LEFT JOIN') . ' accounts a ON a.customer = o.customer' };
  },
  join_self => sub {
    return { has => 'o', keys => [ some(any(0, 0, 1), 'p.channel', 'o.channel', 'p.h') ],
      from => orders() . ' JOIN orders p ON p.customer = o.customer AND p.n % 13 = 1' };
  },
  # the table of attributes is a subquery over the orders, as in doc/guide.md
  join_first => sub {
    return { has => 'o', keys => [ maybe(0.8) ? 'p.first_month' : () ],
      from => orders() . q{ JOIN (SELECT customer, date_trunc('month', min(at)) AS first_month,
                                         count(*) AS orders
                                    FROM orders WHERE customer IS NOT NULL GROUP BY customer) p
                            USING (customer)} };
  },
  join_semi => sub {
    return { from => orders(), has => 'o', keys => [ some(any(0, 0, 1), @few) ], where => [ any(
        'EXISTS (SELECT FROM customers c WHERE c.customer = o.customer AND c.tier > 1)',
        q{EXISTS (SELECT FROM accounts a WHERE a.customer = o.customer AND a.label = 'old')},
        'o.customer IN (SELECT customer FROM accounts WHERE weight < 3)',
        'o.customer IN (SELECT customer FROM customers WHERE country IS NOT NULL)') ] };
  },
  join_anti => sub {
    return { from => orders(), has => 'o', keys => [ some(any(0, 0, 1), @few) ], where => [ any(
        'NOT EXISTS (SELECT FROM customers c WHERE c.customer = o.customer AND c.tier > 1)',
        # few enough to be hashed in 64 kB of work_mem
        'o.customer NOT IN (SELECT customer FROM customers WHERE no < 100)') ] };
  },
  # the customer is another key of the customers
  join_key => sub {
    return { from => join_customers(any('JOIN', 'JOIN', 'LEFT JOIN')), has => 'oc',
      keys => [ some(any(0, 0, 1, 2), @of_customer) ],
      customer => any('c.email', 'c.uid', $ordinary ? () : ('c.no', 'lower(c.email)', 'c.country')),
    };
  },
  # the key of the join is not the customer
  join_store => sub {
    return { from => orders() . any(' JOIN', ' LEFT JOIN') . ' stores s ON s.store = o.store',
      has => 'os', keys => [ some(any(0, 1), 's.city') ] };
  },
  join_list => sub {
    return { from => join_customers(any('JOIN', 'LEFT JOIN')), has => 'oc', list => 1,
      keys => [ any('o.customer', 'o.customer', 'c.email'), some(any(0, 1, 2), @of_customer) ],
      where => ['o.customer IS NOT NULL AND c.email IS NOT NULL'] };
  },
  lateral_customer => sub {
    return { before => '(SELECT * FROM customers WHERE no < 15) c', has => 'o',
      on => 'o.customer = c.customer', from => orders(), keys => [ 'c.no', 'c.customer' ],
      list => 1 };
  },
  lateral_channel => sub {
    return { before => 'channels k', has => 'o',
      on => any('o.channel = k.channel', 'o.channel IS NOT DISTINCT FROM k.channel'),
      from => orders(), keys => ['k.channel'] };
  },
  lateral_month => sub {
    return { before => 'months m', has => 'o', on => 'true', from => orders(),
      keys => [ 'm.month', 'm.period' ], period => 'm.period' };
  },
  months => sub {
    return { from => 'months m, ' . orders(), has => 'o',
      keys => [ 'm.period', some(any(0, 1), @few) ], period => 'm.period' };
  },
  union => sub {
    return { from => any('events', 'purchases') . ' o', has => 'o', columns => \@of_view,
      keys => [] };
  },
  union_group => sub {
    my %shape = (from => any('events', 'purchases') . ' o', has => 'o', columns => \@of_view);
    return { %shape, keys => [ some(any(1, 1, 2), possible(\%shape, @few)) ] };
  },
  union_list => sub {
    return { from => any('events', 'purchases') . ' o', has => 'o', columns => \@of_view,
      list => 1, keys => ['o.customer'] };
  },
  union_join => sub {
    return { from => any('events', 'purchases') . ' o JOIN customers c USING (customer)',
      has => 'oc', columns => \@of_view, keys => [ some(any(0, 1, 1), @of_customer) ] };
  },
);

#
# The query, and the plain SQL
#

# Returns a random question: period, thresholds and step. "from" and "to" are expressions for the
# bounds of the period.
sub question {
  my ($c, $shape, $time) = @_;
  my %q;
  @q{qw(i ch l)} = @{ any(
      [ '1 month', '3 months', '5 months' ], [ '30 days', '30 days', '60 days' ],
      [ '7 days', '90 days', '90 days' ], [ '36 hours', '10 days', '20 days' ],
      [ '1 month', '1 month', '4 months' ], [ '30 days', undef, '60 days' ],
      [ '1 month', '2 months', undef ]) };
  $q{step} = $c->{many} ? '2 months' : any('1 month', '20 days', '5 weeks');
  my $from = any('2023-03-31', '2023-05-01', '2023-06-10');
  my $to = any('2023-07-31', '2023-10-30', '2023-08-01');
  $q{endless} = !$shape->{period} && !$shape->{outer} && maybe(0.15);
  if ($shape->{period}) {
    $q{period} = $shape->{period};
    ($q{from}, $q{to}) = ("lower($shape->{period})", "upper($shape->{period})");
    $q{as_of} = $q{from};
  }
  else {
    my $end = $q{endless} ? '' : $to;
    $q{period} = value($span{$time}, "'[$from,$end)'");
    ($q{from}, $q{to}) = ("'${from}'::$time", $q{endless} ? "'infinity'::$time" : "'${to}'::$time");
    $q{as_of} = value($time, "'$from'");
  }
  for my $name (qw(i ch l step)) {
    my $literal = defined $q{$name} ? "'$q{$name}'" : 'NULL';
    $q{"${name}_sql"} = value('interval', $literal);
    $q{$name} = $literal . '::interval';
  }
  $q{never_churned} = $q{ch} =~ /^NULL/;
  $q{never_lost} = $q{l} =~ /^NULL/;
  return \%q;
}

# Returns a random call: its SQL, its kind, and what the plain SQL needs to know of it.
sub call {
  my ($c, $shape, $arguments, $kind) = @_;
  my $q = any(@{ $arguments->{questions} });
  $q = $arguments->{questions}[0] if $shape->{outer};
  my $event = any(@{ $arguments->{events} });
  # without events, nobody churns who does not churn by silence
  $event ||= 'o.event' if $q->{never_churned};
  my $amount = any(@{ $arguments->{amounts} });
  my $over_one = $kind =~ /^(?:lifecycle_at|lifecycle_during|explain_lifecycle)$/;
  my $filter = !$shape->{outer} && maybe(0.2) ? any(@{ $arguments->{filters} }) : '';
  my $limited = $kind =~ /_lost_after$/;
  my $with_amount = $kind =~ /counts|series/ && maybe(0.5);
  my $threshold = $kind =~ /^winback/ ? $q->{ch_sql} : $q->{i_sql};
  my @arguments = $over_one ? () : $arguments->{customer};
  push @arguments, $arguments->{at};
  push @arguments, $event if $event;
  # a bare 'purchase' could be an amount
  push @arguments, $amount if $with_amount;
  push @arguments, $kind eq 'lifecycle_at' ? $q->{as_of} : $q->{period};
  push @arguments, $q->{step_sql} if $kind =~ /series/;
  push @arguments, $over_one || $kind =~ /counts|series/ ? ($q->{i_sql}, $q->{ch_sql}) : $threshold;
  push @arguments, $q->{l_sql} if $limited;
  my $sql = "$kind(" . join(', ', @arguments) . ')';
  $sql .= " FILTER (WHERE $filter)" if $filter;
  return { sql => $sql, kind => $kind, question => $q, event => $event || q{'purchase'},
    amount => $amount, filter => $filter, one => $over_one, with_amount => $with_amount,
    limited => $limited && !$q->{never_lost} };
}

# Returns the kinds of aggregates that this shape can call with each of the questions.
sub kinds {
  my ($c, $shape, $questions) = @_;
  my @kinds = qw(reactivation_rate reactivation_tally winback_rate winback_tally
    reactivation_rate_lost_after reactivation_tally_lost_after winback_rate_lost_after
    winback_tally_lost_after);
  my $endless = grep { $_->{endless} } @$questions;
  my $never_churned = grep { $_->{never_churned} } @$questions;
  push @kinds, qw(lifecycle_counts lifecycle_counts lifecycle_series) unless $endless;
  # a lost customer is a churned one
  push @kinds, qw(lifecycle_counts_lost_after lifecycle_series_lost_after)
    unless $endless || $never_churned;
  if ($shape->{list}) {
    my @of_list = ('lifecycle_at', 'lifecycle_at', $endless ? () : ('lifecycle_during') x 2);
    # no silence since -infinity
    push @of_list, 'explain_lifecycle' unless $endless || $c->{infinite};
    @kinds = ((@of_list) x 6, @kinds);
  }
  return @kinds;
}

# Returns random ordinary aggregates: [ format, argument, filter ].
sub plain_aggregates {
  my ($shape, @filters) = @_;
  return if $ordinary && !$shape->{list} && maybe(0.5);
  my @some = grep { maybe($shape->{list} ? 0.5 : 0.25) }
    ([ 'min(%s)', 'o.at' ], [ 'max(%s)', 'o.at' ], [ 'sum(%s)', 'o.amount' ],
    [ 'count(%s)', 'o.amount' ], [ 'count(%s)', $shape->{before} ? 'o.n' : '' ]);
  push @some, any([ 'sum(%s)', 'o.n' ], [ 'avg(%s)', 'o.amount' ], [ 'max(%s)', 'o.channel' ],
    [ 'count(DISTINCT %s)', 'o.channel' ], [ 'sum(%s)', 'o.amount', any(@filters) ],
    [ q{string_agg(DISTINCT %s, ',')}, 'o.channel' ])
    if !$ordinary && maybe(0.3);
  return @some;
}

# Returns the CTEs in plain SQL for one variant of the calls, that is, for a question, an event, an
# amount and a filter: sums$v, a row for each group and period; period 0 is the whole. For calls
# over one customer, statuses$v has a row for each group.
sub definitions {
  my ($v, $time, $call, $series) = @_;
  my ($q, $one) = @{$call}{qw(question one)};
  # the first instant of the type of the times that is not before this timestamp
  my $up = sub {
    return $time eq 'date'
      ? "date_trunc('day', $_[0] + interval '1 day' - interval '1us')::date" : "($_[0])";
  };
  my $past = sub {
    my ($i, $t) = @_;
    return qq{max(at) FILTER (WHERE event = 'purchase' AND at < $t) AS p$i,
              max(at) FILTER (WHERE event = 'cancellation' AND at < $t) AS x$i,
              bool_or(at < $t AND event <> 'adjustment') AS known$i};
  };
  my $standing = sub {
    my ($i, $t) = @_;
    return qq{CASE WHEN NOT known$i THEN NULL WHEN p$i IS NULL THEN 'prospect'
                   WHEN x$i >= p$i OR p$i < $t - $q->{ch} THEN 'churned'
                   WHEN p$i < $t - $q->{i} THEN 'inactive'
                   ELSE 'active' END AS standing$i,
              coalesce(p$i < $t - $q->{l}, false) AS lost$i};
  };
  my @bought = (
    "WHEN bought AND coalesce(standing1, 'prospect') = 'prospect' THEN 'new'",
    "WHEN bought AND standing1 = 'active' THEN 'active'",
    "WHEN bought AND standing1 = 'inactive' THEN 'reactivated'",
    "WHEN bought THEN 'won_back'");
  my @sums = ("count(*) FILTER (WHERE bought AND $eligible) AS r_reactivation",
    "count(*) FILTER (WHERE $eligible) AS e_reactivation",
    q{count(*) FILTER (WHERE bought AND standing1 = 'churned') AS r_winback},
    q{count(*) FILTER (WHERE standing1 = 'churned') AS e_winback});
  push @sums, map { s/\) AS (\w+)$/ AND NOT lost1) AS $1_lost/r } @sums[ 0 .. 3 ];
  push @sums, map { "count(*) FILTER (WHERE $columns[ 2 * $_ + 1 ]) AS $columns[ 2 * $_ ]" }
    0 .. $#columns / 2;
  push @sums, map { "coalesce(sum(paid) FILTER (WHERE $sum_of{$_}), 0) AS revenue_$_" }
    sort keys %sum_of;
  my $came_back = q{bought AND standing1 IN ('inactive', 'churned')};
  push @sums, "count(*) FILTER (WHERE $came_back AND standing3 = 'active') AS sustained",
    "count(*) FILTER (WHERE $came_back AND standing3 <> 'active') AS lapsed_again",
    q{count(*) FILTER (WHERE standing1 = 'churned' AND lost1) AS lost_start},
    q{count(*) FILTER (WHERE standing2 = 'churned' AND lost2) AS lost_end},
    'min(first_event) AS first_event', 'max(last_event) AS last_event',
    'bool_or(others) AS others';
  my $steps = $series ? qq{
      UNION ALL
      SELECT gid, k, b.*
        FROM asked, generate_series(1, 40) AS k,
             LATERAL (SELECT (asked."from" + (k - 1) * $q->{step})::$time AS "from",
                             least((asked."from" + k * $q->{step})::$time, "to") AS "to") b
       WHERE b."from" < asked."to"} : '';
  my $customer = $one ? '0' : 'customer';
  my $known = $one ? 'true' : 'customer IS DISTINCT FROM NULL';
  my @by = qw(gid k "from" "to" later);
  my $by = join ', ', @by;
  my $silence = $time eq 'date' ? '"from"::timestamp - p1::timestamp' : '"from" - p1';
  $silence = "CASE WHEN isfinite(p1) THEN $silence END";
  return qq{periods$v AS (
      WITH asked AS (SELECT DISTINCT gid, $call->{from} AS "from", $call->{to} AS "to" FROM facts),
           parts AS (SELECT gid, 0 AS k, "from", "to" FROM asked$steps)
      SELECT *, @{[ $up->(qq{"to" + $q->{i}}) ]} AS later FROM parts
    ), lives$v AS (
      SELECT $by, c,
             @{[ $past->(1, '"from"') ]},
             @{[ $past->(2, '"to"') ]},
             @{[ $past->(3, 'later') ]},
             bool_or(event = 'purchase' AND at >= "from" AND at < "to") AS bought,
             min(at) FILTER (WHERE event = 'purchase' AND at >= "from" AND at < "to")
               AS first_purchase,
             sum(amount) FILTER (WHERE event IN ('purchase', 'adjustment')
                                   AND at >= "from" AND at < "to") AS paid,
             min(at) FILTER (WHERE event <> 'adjustment' AND isfinite(at)) AS first_event,
             max(at) FILTER (WHERE event <> 'adjustment' AND isfinite(at)) AS last_event,
             bool_or(event <> 'adjustment') AS others
        FROM (SELECT gid, $customer AS c, at, $call->{facts}{event} AS event,
                     $call->{facts}{amount}::numeric AS amount
                FROM facts
               WHERE $known AND at IS NOT NULL AND $call->{facts}{event} IS NOT NULL
                 AND $call->{facts}{filter}) f
        JOIN periods$v USING (gid)
       GROUP BY $by, c
    ), statuses$v AS (
      SELECT *,
             CASE @{[ join "\n                  ", @bought ]} ELSE standing2 END AS status,
             $silence AS silence, @{[ $up->(qq{"from" - $q->{i}}) ]} AS inactive_before,
             @{[ $up->(qq{"from" - $q->{ch}}) ]} AS churned_before,
             coalesce($eligible, false) AS eligible_r,
             coalesce(standing1 = 'churned', false) AS eligible_w
        FROM (SELECT *, @{[ $standing->(1, '"from"') ]},
                     @{[ $standing->(2, '"to"') ]},
                     @{[ $standing->(3, 'later') ]} FROM lives$v) l
    ), sums$v AS (
      SELECT $by,
             @{[ join ",\n             ", @sums ]}
        FROM statuses$v GROUP BY $by)};
}

# Returns an expression for a value of lifecycle_counts from a row of sums$v.
sub counts {
  my ($v, $time, $call) = @_;
  my $q = $call->{question};
  my $tick = $time eq 'date' ? q{interval '1 day'} : q{interval '1us'};
  my $lost = $call->{limited} ? '_lost' : '';
  my $silence = $call->{limited} ? $q->{l} : "coalesce($q->{ch}, $q->{i})";
  my $step = $call->{kind} =~ /series/ ? $q->{step} : 'NULL';
  my $later = "last_event >= later - $tick";
  my %column = map { $_ => $_ } @columns[ grep { $_ % 2 == 0 } 0 .. $#columns ];
  my $counted = join ', ', @columns[ grep { $_ % 2 == 0 } 0 .. $#columns ];
  my $revenue = sub { return $call->{with_amount} ? "revenue_$_[0]" : 'NULL' };
  my @row = ('"from"::timestamptz', '"to"::timestamptz', $counted,
    (map { "r_$_$lost || '/' || e_$_$lost" } qw(reactivation winback)),
    (map { "r_$_$lost\::float8 / nullif(e_$_$lost, 0)" } qw(reactivation winback)),
    qq{coalesce(first_event < "from" - $silence, false)},
    qq{coalesce(last_event >= "to" - $tick, false)},
    "CASE WHEN $later THEN sustained END", "CASE WHEN $later THEN lapsed_again END",
    (map { $revenue->($_) } qw(new retained reactivated won_back)),
    $step, '"from"::timestamptz::date', 'first_event::timestamptz', 'last_event::timestamptz',
    (map { $call->{limited} ? $_ : 'NULL' } qw(lost_start lost_end)), $revenue->('other'));
  return 'ROW(' . join(",\n          ", @row) . ')::lifecycle_counts';
}

# Returns the plain SQL that the query must equal: a SELECT of k1, ..., v1, ..., for the arguments
# of a query. "n_rows" is the number of rows of a group.
sub plain_sql {
  my ($c, $shape, $time, $arguments, $calls, $plain, $where) = @_;
  my @keys = @{ $shape->{keys} };
  my (%fact, @facts);
  my $fact = sub {
    my ($sql, $prefix) = @_;
    if (!$fact{$sql}) {
      $fact{$sql} = $prefix . scalar @facts;
      push @facts, "$sql AS $fact{$sql}";
    }
    return $fact{$sql};
  };
  my (%variant, @ctes, @joins, @values, %series, @of_call);
  for my $i (0 .. $#$calls) {
    my $call = $calls->[$i];
    $call->{facts} = { event => $fact->("($call->{event})::lifecycle_event", 'e'),
      amount => $fact->($call->{amount}, 'a'),
      filter => $call->{filter} ? $fact->($call->{filter}, 'f') : 'true' };
    # a column with the period is a column of the facts
    @{$call}{qw(from to)} = map { $shape->{period} ? $fact->($_, 'b') : $_ }
      @{ $call->{question} }{qw(from to)};
    my $name = join ' ', $call->{question}, $call->{one}, map { $call->{facts}{$_} }
      qw(event amount filter);
    $variant{$name} //= keys %variant;
    $of_call[$i] = $variant{$name};
    $series{ $of_call[$i] } = 1 if $call->{kind} =~ /series/;
  }
  my %made;
  for my $i (0 .. $#$calls) {
    my ($call, $v) = ($calls->[$i], $of_call[$i]);
    my ($kind, $q) = @{$call}{qw(kind question)};
    if (!$made{$v}++) {
      push @ctes, definitions($v, $time, $call, $series{$v});
      my $from = $call->{one} ? "statuses$v" : "sums$v";
      push @joins, "LEFT JOIN (SELECT * FROM $from WHERE k = 0) AS s$v ON s$v.gid = groups.gid";
    }
    my ($which, $what) = $kind =~ /^(reactivation|winback)_(rate|tally)/;
    my $lost = $call->{limited} ? '_lost' : '';
    if ($which) {
      my ($r, $e) = map { "s$v.${_}_$which$lost" } qw(r e);
      push @values, $what eq 'rate' ? "$r\::float8 / nullif($e, 0)"
        : "coalesce($r || '/' || $e, '0/0')::rate_tally";
    }
    elsif ($call->{one}) {
      my $status = { lifecycle_at => 'standing1', lifecycle_during => 'status' }->{$kind};
      # an adjustment is not an event of the customer
      if ($status) {
        push @values, "s$v.$status\::lifecycle_status";
        next;
      }
      my @row = map { "s$v.$_" } ('p1::timestamptz', 'silence', 'inactive_before::timestamptz',
        'churned_before::timestamptz', 'x1::timestamptz', 'standing1',
        'first_purchase::timestamptz', 'status', 'eligible_r', "eligible_r AND s$v.bought",
        'eligible_w', "eligible_w AND s$v.bought");
      # an adjustment is not an event of the customer
      push @values, "CASE WHEN s$v.others
               THEN ROW(" . join(', ', @row) . ')::lifecycle_explanation END';
    }
    else {
      # without amounts, adjustments are ignored
      my $counted = $call->{with_amount} ? 'true' : 'others';
      my $counts = counts($v, $time, $call);
      my ($aggregate, $k) = $kind =~ /series/ ? ("array_agg($counts ORDER BY k)", 'k > 0')
        : ("(array_agg($counts))[1]", 'k = 0');
      push @ctes, "counts$i AS (SELECT gid, $aggregate AS counts
             FROM sums$v WHERE $k AND $counted GROUP BY gid)";
      push @joins, "LEFT JOIN counts$i ON counts$i.gid = groups.gid";
      push @values, "counts$i.counts";
    }
  }
  my @aggregates = map {
    my ($format, $argument, $filter) = @$_;
    my $sql = sprintf $format, $argument ? $fact->($argument, 'p') : '*';
    $sql . ($filter ? ' FILTER (WHERE ' . $fact->($filter, 'f') . ')' : '')
  } @$plain;
  my $rank = @keys ? 'dense_rank() OVER (ORDER BY ' . join(', ', @keys) . ')' : '1';
  my @k = map { "k$_" } 1 .. @keys;
  unshift @facts, map { "$keys[ $_ - 1 ] AS k$_" } 1 .. @keys;
  my $from = $shape->{before}
    ? "$shape->{before} LEFT JOIN $shape->{from} ON $shape->{on} AND $where"
    : "$shape->{from} WHERE $where";
  my $grouped = join ', ', (map { "(array_agg($_))[1] AS $_" } @k), 'count(*) AS n_rows',
    map { "$aggregates[ $_ - 1 ] AS v" . (@values + $_) } 1 .. @aggregates;
  my $gid = @keys ? 'gid' : '1 AS gid';
  my $by = @keys ? 'GROUP BY gid' : '';
  my $facts = join ",\n             ", "$rank AS gid", "$arguments->{customer} AS customer",
    "$arguments->{at} AS at", @facts;
  unshift @ctes, "facts AS MATERIALIZED (
      SELECT $facts
        FROM $from)", "groups AS (SELECT $gid, $grouped FROM facts $by)";
  my $selected = join ",\n           ", @k, 'n_rows',
    (map { "$values[ $_ - 1 ] AS v$_" } 1 .. @values),
    (map { 'v' . (@values + $_) } 1 .. @aggregates);
  return 'WITH ' . join(",\n    ", @ctes) . "
    SELECT $selected
      FROM groups @{[ join qq{\n        }, @joins ]}";
}

# Makes a random query of a shape, ordinary or not. Returns the query and the plain SQL, both with
# marks for constants, and expressions for the columns to compare.
sub query {
  my ($c, $name) = @_;
  $ordinary = maybe(0.7);
  my $shape = $shapes{$name}->();
  my @keys = @{ $shape->{keys} };
  my @conditions = conditions(%$c);

  # the arguments of the calls
  my ($at, $time) = ('o.at', $c->{time});
  if (!$shape->{period} && !$ordinary && maybe(0.3)) {
    ($at, $time) = $time eq 'date' ? ('o.at::timestamp', 'timestamp')
      : $time eq 'timestamptz' && maybe(0.7) ? (q{o.at AT TIME ZONE 'Europe/Berlin'}, 'timestamp')
      : ('o.at::date', 'date');
  }
  my $customer = $shape->{customer} // 'o.customer';
  $customer = any(possible($shape, 'o.g', 'o.store', 'o.uid', 'lower(o.channel)', 'o.label',
      'ROW(o.customer, o.h)', 'o.customer::text'))
    if !$shape->{list} && !$shape->{customer} && !$ordinary && maybe(0.3);
  my %arguments = (
    at => $at, customer => $customer,
    questions => [ map { question($c, $shape, $time) } 1 .. any(1, 1, 2) ],
    events => [ '', $c->{has_events} || $shape->{columns} || maybe(0.3) ? ('o.event') x 3 : '' ],
    amounts => ['o.amount'],
    filters => [ map { condition($shape, @conditions) } 1, 2 ],
  );

  if (!$ordinary) {
    push @{ $arguments{events} },
      q{CASE WHEN o.amount < 0 THEN lifecycle_event 'adjustment' ELSE 'purchase' END};
    push @{ $arguments{amounts} }, '-o.amount', 'o.amount * 2';
  }
  # both steps must see the same events
  @{ $arguments{events} } = any(@{ $arguments{events} }) if ($shape->{outer} // '') eq 'two_steps';

  # the calls
  my @kinds = kinds($c, $shape, $arguments{questions});
  my $outer = $shape->{outer} // '';
  my @calls = $outer eq 'status' || $outer eq 'two_steps' ? ('lifecycle_at', 'lifecycle_during')
    : $outer eq 'unnest' ? ('lifecycle_series') : map { any(@kinds) } 1 .. any(1, 1, 2, 2, 3, 4);
  @calls = map { call($c, $shape, \%arguments, $_) } @calls;
  my @plain = $outer eq 'two_steps' || $outer eq 'unnest' ? ()
    : plain_aggregates($shape, @{ $arguments{filters} });
  my @values = ((map { $_->{sql} } @calls), map {
    my ($format, $argument, $filter) = @$_;
    sprintf($format, $argument || '*') . ($filter ? " FILTER (WHERE $filter)" : '')
  } @plain);
  my @v = map { "v$_" } 1 .. @values;
  my @k = map { "k$_" } 1 .. @keys;

  my @where = @{ $shape->{where} || [] };
  push @where, condition($shape, @conditions) if maybe(0.4);
  my $where = join(' AND ', map { "($_)" } @where) || 'true';

  # HAVING: a condition in the query, and the same on the columns of the plain SQL
  my ($having, $having_truth) = ('', '');
  if (@keys && !$shape->{before} && !$outer && maybe(0.25)) {
    my $n = value('int', any(1, 3, 50));
    my ($key, $value) = (int rand @keys, int rand @calls);
    my @pairs = ([ "count(*) > $n", "n_rows > $n" ],
      [ "$keys[$key] IS NOT NULL", "$k[$key] IS NOT NULL" ],
      [ "$values[$value] IS NOT NULL", "$v[$value] IS NOT NULL" ]);
    push @pairs, [ "$values[$value] > 0.1", "$v[$value] > 0.1" ]
      if $calls[$value]{kind} =~ /rate/;
    push @pairs, [ "eligible($values[$value]) > 1", "eligible($v[$value]) > 1" ]
      if $calls[$value]{kind} =~ /tally/;
    ($having, $having_truth) = @{ any(@pairs) };
  }
  # a key that is not in the SELECT list
  my @shown = @k;
  shift @shown if !$shape->{before} && !$outer && maybe(0.1);
  my @columns_shown = (@shown, @v);

  # ORDER BY all keys is a total order
  my $order = '';
  if (@shown == @k && !$outer && maybe(0.35)) {
    my @sortable = grep { $calls[$_]{kind} =~ /rate|tally|_at|during/ } 0 .. $#calls;
    my @order = map { $_ . any('', ' DESC', ' NULLS FIRST', ' DESC NULLS LAST') }
      (@sortable && maybe(0.4) ? $v[ any(@sortable) ] : ()), shuffle(@k);
    $order = 'ORDER BY ' . join ', ', @order if @order;
    $order .= ' LIMIT ' . value('int', any(1, 7, 100)) . (maybe(0.3) ? ' OFFSET 2' : '')
      if @order && maybe(0.4);
  }

  my $query;
  if ($shape->{before}) {
    my $calls = join ",\n             ", map { "$values[$_] AS $v[$_]" } 0 .. $#values;
    my $all = join ', ', (map { "$keys[$_] AS $k[$_]" } 0 .. $#keys), 'x.*';
    $query = "SELECT $all
        FROM $shape->{before}" . any(' CROSS JOIN LATERAL', ', LATERAL', ' LEFT JOIN LATERAL')
      . " (SELECT $calls\n        FROM $shape->{from} WHERE $shape->{on} AND $where) x";
    $query .= ' ON true' if $query =~ /LEFT JOIN LATERAL/;
  }
  else {
    my %sql;
    @sql{@k} = @keys;
    @sql{@v} = @values;
    my @listed = $outer ? @columns_shown : shuffle(@columns_shown);
    my $by = join ', ', shuffle(@shown == @k && maybe(0.4) ? @k : @keys);
    $query = 'SELECT ' . join(",\n             ", map { "$sql{$_} AS $_" } @listed)
      . "\n        FROM $shape->{from} WHERE $where" . ($by ? " GROUP BY $by" : '')
      . ($having ? " HAVING $having" : '');
  }
  $query .= " $order";
  my $truth = plain_sql($c, $shape, $time, \%arguments, \@calls, \@plain, $where);
  $truth = 'SELECT ' . join(', ', @columns_shown) . " FROM ($truth) t"
    . ($having_truth ? " WHERE $having_truth" : '') . " $order";

  # the columns to compare
  my %compared = ((map { $k[$_] => spelled($c, $keys[$_], $k[$_]) } 0 .. $#keys),
    map { $_ => $_ } @v);
  my @compared = map { $compared{$_} } @columns_shown;
  push @compared, 'row_number() OVER (ORDER BY ctid)' if $order;

  # a query around the query
  my $around = sub {
    my ($template) = @_;
    return map { $template =~ s/QUERY/$_/r } $query, $truth;
  };
  if ($outer eq 'status') {
    my $condition = any(q{v1 = 'churned'}, q{v1 IN ('churned', 'inactive')},
      q{v1 IN ('churned', 'inactive') AND v2 IN ('reactivated', 'won_back')}, 'v1 IS NULL',
      'v1 IS DISTINCT FROM v2', q{v2 > 'new'}, 'v2 = ' . value('lifecycle_status', q{'active'}));
    ($query, $truth) = $around->("SELECT * FROM (QUERY) q WHERE $condition");
  }
  elsif ($outer eq 'unnest') {
    # the form of doc/guide.md, for one series
    my $template = @keys ? 'SELECT '
      . join(', ', @k, 'u::text AS v1') . ' FROM (QUERY) q, unnest(v1) AS u'
      : 'SELECT u::text AS v1 FROM unnest((QUERY)) AS u';
    ($query, $truth) = $around->($template);
  }
  elsif ($outer eq 'two_steps') {
    my ($key, $by) = @keys > 1 ? ('k2, ', 'GROUP BY k2') : ('', '');
    my @returned = (q{v1 = 'churned' AND v2 = 'won_back'},
      q{(v1, v2) IN (('inactive', 'reactivated'), ('churned', 'won_back'), ('prospect', 'new'))});
    my @eligible = (q{v1 = 'churned'}, q{v1 IN ('inactive', 'churned', 'prospect')});
    my $tallies = join ', ', map { "count(*) FILTER (WHERE $returned[$_]) || '/'
        || count(*) FILTER (WHERE $eligible[$_]) AS v" . ($_ + 1) } 0, 1;
    $query = "SELECT $key winback_tally(v1, v2) AS v1, reactivation_tally(v1, v2) AS v2
        FROM ($query) q $by";
    $truth = "SELECT $key $tallies FROM ($truth) q $by";
    @compared = ((map { $compared{$_} } @keys > 1 ? ('k2') : ()), 'v1', 'v2');
  }
  return ($query, $truth, @compared);
}

# Returns random settings, and whether they are plain: nothing is switched off, so that a Winback
# Scan is used where it can be.
sub settings {
  my ($plain) = @_;
  return (grep { !/enable_scan|^jit/ } random_settings()) unless $plain;
  return ('work_mem = ' . any(q{'64kB'}, q{'4MB'}), 'hash_mem_multiplier = ' . any(1, 2),
    'max_parallel_workers_per_gather = ' . any(0, 0, 2), 'parallel_setup_cost = 0',
    'parallel_tuple_cost = 0', 'min_parallel_table_scan_size = 0',
    'seq_page_cost = ' . any(1, 1, 0), 'cpu_operator_cost = ' . any(0.0025, 0.0025, 0.1),
    'plan_cache_mode = ' . any('auto', 'force_generic_plan'));
}

# for each shape, the number of queries, of their rows, of queries with a Winback Scan, of those
# parallel, of those whose processes divide the groups, and of those with foreign partitions; and of
# ordinary queries with plain settings
my (%queries, %rows, %scans, %parallel, %divided, %foreign, %plain_queries, %plain_scans);
my $wanted = $ENV{WINBACK_FUZZ_SHAPES} || '';
my @names = grep { /$wanted/ } sort keys %shapes;
die 'no shape matches WINBACK_FUZZ_SHAPES' unless @names;
my @left;
for my $round (1 .. $rounds) {
  my %c = schema($round);
  my $setup = create_schema(%c);
  my ($status, $out, $errors) =
    $node->psql('winback', $setup, on_error_die => 0, on_error_stop => 1);
  if ($status) { fail("round $round is set up (seed $seed)"); diag($errors, $setup); last; }
  for (1 .. $queries_a_round) {
    @left = shuffle(@names) unless @left;
    my $name = shift @left;
    my ($query, $truth, @compared) = query(\%c, $name);
    $truth = with_literals($truth);
    my $plain = maybe(0.85);
    my $settings = join '', map { "SET $_;\n" } settings($plain);
    $plain &&= $ordinary && $c{ordinary} && $setup !~ /FOREIGN TABLE/;
    my ($before, $asked) = ('', with_literals($query));
    if (maybe(0.35)) {
      my ($prepared, $types, $values) = with_parameters($query);
      my ($signature, $arguments) = map { @$_ ? '(' . join(', ', @$_) . ')' : '' } $types, $values;
      $before = "DEALLOCATE ALL; PREPARE asked$signature AS $prepared;";
      $asked = "EXECUTE asked$arguments";
    }
    my $compared = 'ROW(' . join(', ', @compared) . ')::text';
    my $differences = join "\nUNION ALL\n", map {
      my ($got, $one, $other, $what) = @$_;
      qq{SELECT * FROM (SELECT 'differs: $what ' || answer
          FROM (SELECT $compared AS answer FROM $one EXCEPT ALL SELECT $compared FROM $other) d
         ORDER BY 1 LIMIT 3) $got}
    } [ 'a', 'with_scan', 'truth', 'only with the scan' ],
      [ 'b', 'truth', 'with_scan', 'not with the scan' ],
      [ 'c', 'without_scan', 'truth', 'only without the scan' ],
      [ 'd', 'truth', 'without_scan', 'not without the scan' ];
    my $script = qq{
      SET TimeZone = '$c{zone}'; SET client_min_messages = warning; SET jit = off;
      SET max_parallel_workers_per_gather = 0; SET enable_nestloop = off; SET work_mem = '64MB';
      CREATE TEMP TABLE truth AS
      $truth;
      RESET enable_nestloop;
      $settings
      SET winback.enable_scan = on; $before
      CREATE TEMP TABLE with_scan AS
      $asked;
      EXPLAIN (COSTS off) $asked;
      SET winback.enable_scan = off; $before
      CREATE TEMP TABLE without_scan AS
      $asked;
      SELECT '-- without';
      EXPLAIN (COSTS off) $asked;
      RESET ALL;
      SET TimeZone = '$c{zone}'; SET max_parallel_workers_per_gather = 0; SET jit = off;
      SELECT '=' || count(*) FROM truth;
      $differences};
    ($status, $out, $errors) =
      $node->psql('winback', $script, on_error_die => 0, on_error_stop => 1);
    my ($on, $off) = split /^-- without$/m, $out;
    my @wrong = grep { /^differs/ } split /\n/, $out;
    push @wrong, 'a Winback Scan although winback.enable_scan is off'
      if ($off // '') =~ /Winback Scan/;
    if ($status || @wrong || $out !~ /^=(\d+)$/m) {
      fail("round $round, $name: equals plain SQL (seed $seed)");
      diag(join "\n", $errors, @wrong, $before, $asked, '-- to repeat it:', $setup, $script);
      next;
    }
    $rows{$name} += $1;
    $queries{$name}++;
    $plain_queries{$name}++ if $plain;
    next unless $on =~ /Winback Scan/;
    $scans{$name}++;
    $plain_scans{$name}++ if $plain;
    $parallel{$name}++ if $on =~ /Parallel Custom Scan \(Winback Scan/;
    $divided{$name}++ if $on =~ /Divided By/;
    $foreign{$name}++ if $on =~ /Foreign Scan/;
  }
}

my ($queries, $rows) = (0, 0);
my @titles = qw(queries rows scan parallel divided foreign ordinary scan);
diag(sprintf '%-17s' . ' %8s' x @titles, 'shape', @titles);
for my $name (@names) {
  my @numbers = map { $_->{$name} // 0 }
    \(%queries, %rows, %scans, %parallel, %divided, %foreign, %plain_queries, %plain_scans);
  diag(sprintf '%-17s' . ' %8d' x @titles, $name, @numbers);
  $queries += $numbers[0];
  $rows += $numbers[1];
}
is($queries, $rounds * $queries_a_round,
  "all queries equal plain SQL: $queries with $rows rows (seed $seed)");
is(join(', ', grep { !$shapes{$_} } sort keys %uses_scan), '', 'the shapes in %uses_scan exist');
for my $name (grep { /$wanted/ } sort keys %uses_scan) {
  SKIP: {
    my ($of, $scans) = map { $_->{$name} // 0 } \%plain_queries, \%plain_scans;
    skip "too few queries of the shape $name", 1 if $of < 4;
    cmp_ok($scans / $of, '>=', $uses_scan{$name},
      "shape $name: $scans of $of queries use a Winback Scan (seed $seed)");
  }
}

WinbackFuzz::survived($node);
done_testing();
