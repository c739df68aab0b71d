# WinbackTypes.pm
#   Makes a schema that stores values of all of winback's types: in columns, arrays
#   and composites, in indexes of each kind that the types have, in partitions by
#   a type, in views and in a materialized view.
#
#   WinbackTypes::create($node, 'winback');
#   my %contents = WinbackTypes::contents($node, 'winback');
#   for my $query (sort keys %contents) {
#     $node->safe_psql('winback', $contents{$query});
#   }
#   WinbackTypes::ask_indexes($node, 'winback');
#
#   With the option counts => 'written' the stored values of lifecycle_counts are made up
#   column by column. The objects of an older version of the extension need that, where
#   the library cannot compute values of the type before ALTER EXTENSION UPDATE.
package WinbackTypes;

use strict;
use warnings;

use Test::More;

our @scalars = qw(lifecycle_status lifecycle_event rate_tally);
our @composites = qw(lifecycle_counts lifecycle_explanation lifecycle_transition);
our @types = (@scalars, @composites);

# Queries of contents() that compute values of lifecycle_counts.
our %computes_counts = map { $_ => 1 } qw(june curve);

# Returns queries that show all contents, in a fixed order. They name each column that a
# composite type has now, so columns that it gets later do not change the results.
sub contents {
  my ($node, $database) = @_;
  my %fields = map {
    my $type = $_;
    $type => sub {
      $node->safe_psql($database, "
        SELECT string_agg(format('(%s).%I', '$_[0]', attname), ', ' ORDER BY attnum)
          FROM pg_attribute WHERE attrelid = '$type'::regclass AND attnum > 0");
    }
  } @composites;
  my $everything = join ', ',
    (map { "one_$_, many_$_" } @scalars),
    map {
      ("ROW(" . $fields{$_}->("one_$_") . ")",
        "ARRAY(SELECT ROW(" . $fields{$_}->('c') . ") FROM unnest(many_$_) AS c)")
    } @composites;
  my $counts = 'ROW(' . $fields{lifecycle_counts}->('counts') . ')';
  return (
    everything => "SELECT id, $everything FROM everything ORDER BY id",
    parts => 'SELECT tableoid::regclass, * FROM parts ORDER BY 1, s, t::text',
    customers => 'SELECT * FROM customers ORDER BY customer',
    quarter => "SELECT grp, winback, reactivation, $counts FROM quarter ORDER BY grp",
    sum => 'SELECT sum(winback) FROM quarter',
    two_steps => 'SELECT * FROM two_steps',
    june => "SELECT $counts FROM june",
    curve => 'SELECT ' . $fields{lifecycle_counts}->('curve') . ' FROM curve ORDER BY period_start',
    indexes => q{SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
                  ORDER BY indexdef COLLATE "C"},
  );
}

# For each index a condition that only it can serve.
our %questions = (
  statuses => q{one_lifecycle_status < 'churned'},
  statuses_hash => q{one_lifecycle_status = 'churned'},
  events => q{one_lifecycle_event > 'interest'},
  tallies_hash => q{one_rate_tally = '41/294'},
  lost => q{one_lifecycle_status IN ('churned', 'inactive') AND id > 30},
);

# Checks of each index that the plan uses it, and that it finds the same rows as a scan
# of the table.
sub ask_indexes {
  my ($node, $database) = @_;
  my $name = $node->name . ", $database";
  for my $index (sort keys %questions) {
    my $others = join ', ', grep { $_ ne $index } sort keys %questions;
    my $ids = "SELECT string_agg(id::text, ' ' ORDER BY id) FROM everything "
      . "WHERE $questions{$index}";
    my ($plan, $found, $there) = split /\n--\n/, $node->safe_psql($database, qq{
      BEGIN;
      DROP INDEX $others;
      SET LOCAL enable_seqscan = off;
      EXPLAIN (COSTS off) $ids;
      SELECT '--';
      $ids;
      SELECT '--';
      SET LOCAL enable_seqscan = on;
      SET LOCAL enable_indexscan = off;
      SET LOCAL enable_indexonlyscan = off;
      SET LOCAL enable_bitmapscan = off;
      $ids;
      ROLLBACK; });
    like($plan, qr/(using|on) $index\b/, "$name: $index is used");
    like($found, qr/^\d/, "$name: $index finds something");
    is($found, $there, "$name: $index finds the rows that a scan of the table finds");
  }
  return;
}

# Expressions for a value of lifecycle_counts, for each way to make it: over the customers
# before "id", and in a group of orders.
my %counts = (
  computed => {
    before_id => q{
      (SELECT lifecycle_counts(customer, at, event, amount,
                tstzrange('2023-06-01', '2023-07-01'), '20 days', '40 days')
         FROM orders WHERE customer < id)},
    of_group => q{
      lifecycle_counts(customer, at, event,
        '[2023-06-01 UTC,2023-07-01 UTC)', '20 days', NULL)},
  },
  # Every fourth value lacks every third column.
  written => {
    before_id => q{
      (SELECT jsonb_populate_record(NULL::lifecycle_counts, jsonb_object_agg(attname,
                CASE format_type(atttypid, atttypmod)
                  WHEN 'bigint' THEN to_jsonb(id * 100 + attnum)
                  WHEN 'numeric' THEN to_jsonb(id + attnum / 100.0)
                  WHEN 'double precision' THEN to_jsonb(id / 64.0)
                  WHEN 'boolean' THEN to_jsonb(id % 2 = 0)
                  WHEN 'timestamp with time zone'
                  THEN to_jsonb(timestamptz '2023-06-01 UTC' + attnum * interval '1 day')
                  WHEN 'date' THEN to_jsonb(date '2023-06-01' + attnum)
                  WHEN 'interval' THEN to_jsonb(attnum * interval '1 day')
                  WHEN 'rate_tally' THEN to_jsonb(rate_tally(id, id * attnum)::text)
                  ELSE to_jsonb('this type is missing here'::text)
                END))
         FROM pg_attribute
        WHERE attrelid = 'lifecycle_counts'::regclass AND attnum > 0
          AND NOT (id % 4 = 0 AND attnum % 3 = 0))},
    of_group => q{(SELECT one_lifecycle_counts FROM everything WHERE id = min(customer))},
  },
);

# Creates the schema in a database.
sub create {
  my ($node, $database, %options) = @_;
  my $counts = $counts{ $options{counts} || 'computed' };
  my $columns = join ', ', map { ("one_$_ $_", "many_$_ ${_}[]") } @types;
  $node->safe_psql($database, qq{
    CREATE TABLE orders (customer int, at timestamptz, event lifecycle_event, amount numeric);
    INSERT INTO orders
    SELECT abs(hashint4(n)) % 97, timestamptz '2023-01-01 UTC' + n * interval '7 hours',
           (ARRAY['purchase', 'purchase', 'purchase', 'cancellation', 'interest'])[1 + n * 31 % 5]
             ::lifecycle_event, CASE WHEN n * 31 % 5 < 3 THEN n % 13 END
      FROM generate_series(1, 2000) AS n;

    CREATE TABLE everything (id int PRIMARY KEY, $columns);
    INSERT INTO everything (id) SELECT 0;
    -- every label, tallies up to the largest, explanations of customers, counts of periods
    INSERT INTO everything
    SELECT id, status, ARRAY[status, NULL, 'won_back'],
           event, ARRAY[[event], ['interest'::lifecycle_event]], tally, ARRAY[tally, '0/0'],
           counts, ARRAY[counts, NULL], explanation, ARRAY[explanation],
           transition, ARRAY[transition, transition]
      FROM generate_series(1, 60) AS id,
           LATERAL (SELECT ('{prospect,new,active,inactive,churned,reactivated,won_back}'
                              ::lifecycle_status[])[1 + id % 7] AS status,
                           ('{interest,purchase,cancellation}'
                              ::lifecycle_event[])[1 + id % 3] AS event,
                           CASE id WHEN 60 THEN '9223372036854775807/9223372036854775807'
                                   WHEN 59 THEN '0/9223372036854775807'
                                   ELSE rate_tally(id - 1, id * 7) END AS tally) s,
           LATERAL (SELECT $counts->{before_id} AS counts OFFSET 0) c,
           LATERAL (SELECT explain_lifecycle(at, event,
                             tstzrange('2023-06-01', '2023-07-01'), '20 days', '40 days')
                             AS explanation
                      FROM orders WHERE customer = id) e,
           LATERAL (SELECT ROW(status, NULL, id)::lifecycle_transition AS transition) t;

    CREATE INDEX statuses ON everything (one_lifecycle_status, id);
    CREATE INDEX statuses_hash ON everything USING hash (one_lifecycle_status);
    CREATE INDEX events ON everything (one_lifecycle_event DESC);
    CREATE INDEX tallies_hash ON everything USING hash (one_rate_tally);
    CREATE INDEX lost ON everything (id) WHERE one_lifecycle_status IN ('churned', 'inactive');
    CREATE TABLE parts (s lifecycle_status DEFAULT 'prospect' CHECK (s <> 'new'),
                        t rate_tally DEFAULT '0/0') PARTITION BY LIST (s);
    CREATE TABLE part_lost PARTITION OF parts FOR VALUES IN ('churned', 'inactive');
    CREATE TABLE part_rest PARTITION OF parts DEFAULT;
    INSERT INTO parts SELECT one_lifecycle_status, one_rate_tally
      FROM everything WHERE one_lifecycle_status <> 'new';
    INSERT INTO parts DEFAULT VALUES;
    CREATE VIEW customers AS
    SELECT customer, lifecycle_at(at, event, '2023-06-01 UTC', '20 days', '40 days') AS before,
           lifecycle_during(at, event, '[2023-06-01 UTC,2023-07-01 UTC)', '20 days', '40 days')
             AS after,
           explain_lifecycle(at, event, '[2023-06-01 UTC,2023-07-01 UTC)', '20 days', '40 days')
             AS why
      FROM orders GROUP BY customer;
    CREATE MATERIALIZED VIEW quarter AS
    SELECT customer % 5 AS grp,
           winback_tally(customer, at, event,
             '[2023-06-01 UTC,2023-07-01 UTC)', '40 days') AS winback,
           reactivation_rate(customer, at, event,
             '[2023-06-01 UTC,2023-07-01 UTC)', '20 days') AS reactivation,
           $counts->{of_group} AS counts
      FROM orders GROUP BY customer % 5;
    CREATE UNIQUE INDEX ON quarter (grp);
    CREATE VIEW two_steps AS
    SELECT winback_tally(before, after), (rate_interval(reactivation_tally(before, after))).*,
           lifecycle_transitions(before, after)
      FROM customers;
    CREATE VIEW june AS
    SELECT lifecycle_counts(customer, at, event, amount,
             '[2023-06-01 UTC,2023-07-01 UTC)', '20 days', '40 days') AS counts
      FROM orders;
    CREATE VIEW curve AS
    SELECT * FROM unnest((SELECT lifecycle_series(customer, at, event, amount,
                                   '[2023-06-01 UTC,2024-01-01 UTC)', '1 month', '20 days', NULL)
                            FROM orders));
  });
  return;
}

# Adds columns of histories to the table "everything", with an index: histories of each type of
# time, with and without events and amounts. Returns queries that show them, as contents() does.
# The objects of an older version of the extension do not have the type.
sub add_histories {
  my ($node, $database) = @_;
  $node->safe_psql($database, q{
    ALTER TABLE everything ADD COLUMN one_customer_history customer_history,
                           ADD COLUMN many_customer_history customer_history[];
    UPDATE everything
       SET one_customer_history = h,
           many_customer_history = ARRAY[h, NULL, h || h,
             '{date; -infinity, 2024-01-05 purchase NaN, 2024-01-06 interest 0.0,
               2024-01-06 purchase 12345678901234567890.5, infinity}']
      FROM (SELECT customer, CASE customer % 5
                               WHEN 0 THEN history_agg(at)
                               WHEN 1 THEN history_agg(at::date, amount)
                               WHEN 2 THEN history_agg(at::timestamp, event)
                               WHEN 3 THEN history_agg(at, event, amount + 0.50)
                               ELSE history_agg(at::date,
                                                CASE event WHEN 'purchase' THEN amount END)
                             END AS h
              FROM orders GROUP BY customer) AS histories
     WHERE id = customer AND id > 0;
    CREATE INDEX histories_hash ON everything USING hash (one_customer_history);
  });
  return (
    histories => 'SELECT id, one_customer_history, many_customer_history FROM everything '
      . 'ORDER BY id',
    events => 'SELECT id, h.* FROM everything, unnest(one_customer_history) AS h ORDER BY id, '
      . 'h.at, h.event, h.amount',
    at_june => q{SELECT id, lifecycle_at(one_customer_history, '2023-06-01', '20 days', '40 days')
                   FROM everything ORDER BY id},
  );
}

# Adds a source whose histories are tracked, with customers who wait for the next refresh. Returns
# queries as contents() does.
sub add_tracked {
  my ($node, $database) = @_;
  $node->safe_psql($database, q{
    CREATE TABLE sales (customer int, at timestamptz, amount numeric);
    CREATE INDEX ON sales (customer, at);
    INSERT INTO sales SELECT n % 100, timestamptz '2024-01-01' + n * interval '1 hour', n / 4.0
                        FROM generate_series(1, 1000) AS n;
    SELECT track_customer_histories('sales', 'customer', 'at', NULL, 'amount', 'sales_histories');
    INSERT INTO sales SELECT n, '2024-06-01', 1 FROM generate_series(90, 119) AS n;
    DELETE FROM sales WHERE customer = 7;
  });
  return (
    tracked => 'SELECT * FROM sales_histories ORDER BY 1',
    waiting => q{SELECT waiting, customers, complete, problems
                   FROM customer_history_status('sales_histories')},
  );
}

# Proves that the triggers of a tracked source still note customers, and that a refresh makes the
# histories that the source gives. In PostgreSQL's test harness safe_psql dies on an error.
sub refresh_tracked {
  my ($node, $database) = @_;
  my $differing = q{
    SELECT count(*) FROM sales_histories AS s
      FULL JOIN (SELECT customer, history_agg(at, amount) AS h FROM sales GROUP BY customer) AS r
      ON s.customer = r.customer WHERE s.history IS DISTINCT FROM r.h};
  is($node->safe_psql($database, "UPDATE sales SET amount = 2 WHERE customer = 50; $differing"),
    32, 'histories wait for a refresh: 30 of new sales, one of deleted ones, one of a correction');
  is($node->safe_psql($database,
      "SELECT refresh_customer_histories('sales_histories') > 0; $differing"),
    "t\n0", 'a refresh makes the histories that the source gives');
}

1;
