# WinbackTypes.pm
#   Makes a schema that stores values of all of winback's types: in columns, arrays
#   and composites, in indexes of each kind that the types have, in partitions by
#   a type, in views and in a materialized view.
#
#   WinbackTypes::create($node);
#   for my $query (sort keys %WinbackTypes::contents) {
#     $node->safe_psql('winback', $WinbackTypes::contents{$query});
#   }
package WinbackTypes;

use strict;
use warnings;

our @scalars = qw(lifecycle_status lifecycle_event rate_tally);
our @composites = qw(lifecycle_counts lifecycle_explanation lifecycle_transition);
our @types = (@scalars, @composites);

# Queries that show all contents, in a fixed order.
our %contents = (
  everything => 'SELECT * FROM everything ORDER BY id',
  parts => 'SELECT tableoid::regclass, * FROM parts ORDER BY 1, s, t::text',
  customers => 'SELECT * FROM customers ORDER BY customer',
  quarter => 'SELECT * FROM quarter ORDER BY grp',
  two_steps => 'SELECT * FROM two_steps',
  indexes => q{SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
                ORDER BY indexdef COLLATE "C"},
);

# Creates the schema in the database "winback".
sub create {
  my ($node) = @_;
  my $columns = join ', ', map { ("one_$_ $_", "many_$_ ${_}[]") } @types;
  $node->safe_psql('winback', qq{
    CREATE TABLE orders (customer int, at timestamptz, event lifecycle_event);
    INSERT INTO orders
    SELECT n % 97, timestamptz '2023-01-01' + n * interval '7 hours',
           (ARRAY['purchase', 'purchase', 'purchase', 'cancellation', 'interest'])[1 + n * 31 % 5]
             ::lifecycle_event
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
           LATERAL (SELECT lifecycle_counts(customer, at, event,
                             tstzrange('2023-06-01', '2023-07-01'), '20 days', '40 days') AS counts
                      FROM orders WHERE customer < id) c,
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
           lifecycle_counts(customer, at, event,
             '[2023-06-01 UTC,2023-07-01 UTC)', '20 days', NULL) AS counts
      FROM orders GROUP BY customer % 5;
    CREATE UNIQUE INDEX ON quarter (grp);
    CREATE VIEW two_steps AS
    SELECT winback_tally(before, after), (rate_interval(reactivation_tally(before, after))).*
      FROM customers;
  });
  return;
}

1;
