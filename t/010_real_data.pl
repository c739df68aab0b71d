# 010_real_data.pl
#   Proves on orders of real shops that the rates of each period equal those of
#   plain SQL, to the last bit: CDNOW by calendar month, Online Retail II by
#   quarter.
#
#   The data are no part of winback: RealData.pm says where they come from.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use RealData;
use Test::More;

my $node = RealData::start('real_data');

my %span = (date => 'daterange', timestamp => 'tsrange', timestamptz => 'tstzrange');

# Computes one rate over a series of periods three times: with plain SQL, with the
# aggregate over periods from a table, and with the aggregate with each period
# written into the query. Expects $s{expect}: the number of periods, how many rates
# lie strictly between 0 and 1, and how many are NULL; and no difference.
sub compare {
  my ($name, %s) = @_;
  my $span = $span{ $s{type} };
  my $setup = qq{
    SET TimeZone = 'Europe/London';
    SET jit = off;
    CREATE TEMP TABLE orders AS
    SELECT customer_id AS customer, $s{at}::$s{type} AS at FROM $s{from};
    CREATE TEMP TABLE periods AS
    SELECT first::date, $span(first::$s{type}, (first + interval '$s{step}')::$s{type}) AS period
      FROM generate_series(timestamp '$s{first}', timestamp '$s{last}',
                           interval '$s{step}') AS first;
  };

  # the definition: eligible is who bought before the period but not within the threshold before
  # it; returned is who of these bought in it
  my $plain = qq{
    SELECT first, count(*) FILTER (WHERE silent AND bought)::float8
                    / nullif(count(*) FILTER (WHERE silent), 0) AS plain
      FROM (SELECT first, customer,
                   max(at) FILTER (WHERE at < lower(period))
                     < lower(period) - interval '$s{threshold}' AS silent,
                   bool_or(at >= lower(period) AND at < upper(period)) AS bought
              FROM periods, orders
             GROUP BY first, period, customer) AS customers
     GROUP BY first
  };
  my $one_query = qq{
    SELECT first, $s{rate}(customer, at, period, '$s{threshold}') AS in_columns
      FROM periods, orders GROUP BY first
  };
  my @constants = split /\n/, $node->safe_psql('winback', $setup . qq{
    SELECT format('SELECT date %L AS first, '
                  '$s{rate}(customer, at, %L::$span, %L) AS constant FROM orders',
                  first, period, '$s{threshold}') FROM periods ORDER BY first
  });
  my $each_alone = join "\nUNION ALL\n", @constants;

  my $seen = $node->safe_psql('winback', $setup . qq{
    CREATE TEMP TABLE compared AS
    SELECT * FROM ($plain) AS p
      FULL JOIN ($one_query) AS q USING (first)
      FULL JOIN ($each_alone) AS e USING (first);
    SELECT count(*) || ' periods, '
           || count(*) FILTER (WHERE constant > 0 AND constant < 1) || ' between 0 and 1, '
           || count(*) FILTER (WHERE constant IS NULL) || ' undefined, '
           || count(*) FILTER (WHERE float8send(constant) IS DISTINCT FROM float8send(plain)
                                  OR float8send(in_columns) IS DISTINCT FROM float8send(plain))
           || ' differ'
      FROM compared;
    SELECT format('%s  plain %s  in columns %s  constant %s', first, plain, in_columns, constant)
      FROM compared ORDER BY first;
  });
  my ($summary, @series) = split /\n/, $seen;
  is($summary, "$s{expect}, 0 differ", $name) or diag(join "\n", @series);
}

# The data begin in January 1997: no customer can have been silent for a month in January or
# February.
for my $rate ('reactivation_rate', 'winback_rate') {
  for my $type ('date', 'timestamp') {
    compare("CDNOW by month, $rate after 1 month, $type",
      rate => $rate, from => 'cdnow', at => 'order_date', type => $type,
      first => '1997-01-01', last => '1998-06-01', step => '1 month', threshold => '1 month',
      expect => '18 periods, 16 between 0 and 1, 2 undefined');
  }
}

# The data begin in December 2009: no customer can have been silent for 90 days in January 2010, nor
# for 180 days in April.
my %expect = (
  '90 days' => '9 periods, 7 between 0 and 1, 2 undefined',
  '180 days' => '9 periods, 6 between 0 and 1, 3 undefined',
);
my %kept = (
  'all rows' => 'online_retail',
  'without returns' => 'online_retail WHERE NOT is_cancellation',
);
for my $kept (sort keys %kept) {
  for my $rate ('reactivation_rate', 'winback_rate') {
    for my $threshold ('90 days', '180 days') {
      for my $type ('timestamp', 'timestamptz') {
        compare("Online Retail II by quarter, $kept, $rate after $threshold, $type",
          rate => $rate, from => $kept{$kept}, at => 'order_ts', type => $type,
          first => '2009-10-01', last => '2011-10-01', step => '3 months', threshold => $threshold,
          expect => $expect{$threshold});
      }
    }
  }
}

done_testing();
