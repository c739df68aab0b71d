# 011_real_series.pl
#   Proves on orders of real shops that each month of a series equals, in all
#   columns and to the last digit, plain SQL and lifecycle_counts of that month
#   alone. The orders: CDNOW, and Online Retail II without its returns, with them
#   as orders of negative amount, and with them as cancellations.
#
#   The data are no part of winback: RealData.pm says where they come from.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use RealData;
use Test::More;

my $node = RealData::start('real_series');

my %span = (date => 'daterange', timestamp => 'tsrange', timestamptz => 'tstzrange');
my %tick = (date => '1 day', timestamp => '1 microsecond', timestamptz => '1 microsecond');

# Computes each month of a series three times: with plain SQL, with lifecycle_counts of
# the month, and as an element of the series; without amounts and with them.
# $s{event} is the kind of a row, or undef for the forms without event. Expects
# $s{expect}, the number of months and sums of the columns, and no difference.
sub compare {
  my ($name, %s) = @_;
  my $event = defined $s{event} ? 'event, ' : '';
  my $kind = $s{event} || "'purchase'";
  my $thresholds = "'$s{inactive_after}', '$s{churned_after}'";
  my $setup = qq{
    SET TimeZone = 'Europe/London';
    SET jit = off;
    SET work_mem = '64MB';
    CREATE TEMP TABLE orders AS
    SELECT customer_id AS customer, $s{at}::$s{type} AS at,
           ($kind)::lifecycle_event AS event,
           CASE WHEN ($kind) = 'purchase' THEN amount END AS amount
      FROM $s{from};
    CREATE TEMP TABLE periods AS
    SELECT k, "from", "to", $span{$s{type}}("from", "to") AS period,
           ("to" + interval '$s{inactive_after}')::$s{type} AS later
      FROM generate_series(0, 60) AS k,
           LATERAL (SELECT ('$s{first}'::$s{type} + k * interval '1 month')::$s{type} AS "from",
                           least('$s{first}'::$s{type} + (k + 1) * interval '1 month',
                                 '$s{end}')::$s{type} AS "to") b
     WHERE "from" < '$s{end}';
  };

  # p is the last purchase before an instant, x the last cancellation
  my $standing = sub {
    my ($t, $instant) = @_;
    return qq{CASE WHEN p$t IS NULL THEN CASE WHEN x$t IS NOT NULL THEN 'prospect' END
                   WHEN x$t >= p$t OR p$t < $instant - interval '$s{churned_after}' THEN 'churned'
                   WHEN p$t < $instant - interval '$s{inactive_after}' THEN 'inactive'
                   ELSE 'active' END};
  };
  my $plain = qq{
    CREATE TEMP TABLE plain AS
    WITH lives AS (
      SELECT k, "from", "to", later, customer,
             max(at) FILTER (WHERE event = 'purchase' AND at < "from") AS p1,
             max(at) FILTER (WHERE event = 'cancellation' AND at < "from") AS x1,
             max(at) FILTER (WHERE event = 'purchase' AND at < "to") AS p2,
             max(at) FILTER (WHERE event = 'cancellation' AND at < "to") AS x2,
             max(at) FILTER (WHERE event = 'purchase' AND at < later) AS p3,
             max(at) FILTER (WHERE event = 'cancellation' AND at < later) AS x3,
             bool_or(event = 'purchase' AND at >= "from" AND at < "to") AS bought,
             sum(amount) FILTER (WHERE event = 'purchase' AND at >= "from" AND at < "to") AS paid
        FROM periods, orders
       GROUP BY k, "from", "to", later, customer
    ), standings AS (
      SELECT *,
             @{[ $standing->(1, '"from"') ]} AS at_start,
             @{[ $standing->(2, '"to"') ]} AS at_end,
             @{[ $standing->(3, 'later') ]} AS later_on
        FROM lives
    ), counts AS (
      SELECT k, "from", "to", later,
             count(*) FILTER (WHERE at_start = 'prospect') AS prospects_start,
             count(*) FILTER (WHERE at_start = 'active') AS active_start,
             count(*) FILTER (WHERE at_start = 'inactive') AS inactive_start,
             count(*) FILTER (WHERE at_start = 'churned') AS churned_start,
             count(*) FILTER (WHERE bought AND coalesce(at_start, 'prospect') = 'prospect')
               AS new_customers,
             count(*) FILTER (WHERE bought AND at_start = 'prospect') AS converted,
             count(*) FILTER (WHERE bought AND at_start = 'active') AS retained,
             count(*) FILTER (WHERE bought AND at_start = 'inactive') AS reactivated,
             count(*) FILTER (WHERE bought AND at_start = 'churned') AS won_back,
             count(*) FILTER (WHERE at_end = 'prospect') AS prospects_end,
             count(*) FILTER (WHERE at_end = 'active') AS active_end,
             count(*) FILTER (WHERE at_end = 'inactive') AS inactive_end,
             count(*) FILTER (WHERE at_end = 'churned') AS churned_end,
             count(*) FILTER (WHERE bought AND at_start IN ('inactive', 'churned')
                                    AND later_on = 'active') AS sustained,
             count(*) FILTER (WHERE bought AND at_start IN ('inactive', 'churned')
                                    AND later_on <> 'active') AS lapsed_again,
             coalesce(sum(paid) FILTER (WHERE coalesce(at_start, 'prospect') = 'prospect'), 0)
               AS revenue_new,
             coalesce(sum(paid) FILTER (WHERE at_start = 'active'), 0) AS revenue_retained,
             coalesce(sum(paid) FILTER (WHERE at_start = 'inactive'), 0) AS revenue_reactivated,
             coalesce(sum(paid) FILTER (WHERE at_start = 'churned'), 0) AS revenue_won_back
        FROM standings
       GROUP BY k, "from", "to", later
    )
    SELECT k, with_amount,
           ROW("from"::timestamptz, "to"::timestamptz,
               prospects_start, active_start, inactive_start, churned_start,
               new_customers, converted, retained, reactivated, won_back,
               prospects_end, active_end, inactive_end, churned_end,
               (converted + reactivated + won_back)
                 || '/' || (prospects_start + inactive_start + churned_start),
               won_back || '/' || churned_start,
               (converted + reactivated + won_back)::float8
                 / nullif(prospects_start + inactive_start + churned_start, 0),
               won_back::float8 / nullif(churned_start, 0),
               first_event < "from" - interval '$s{churned_after}',
               last_event >= "to" - interval '$tick{$s{type}}',
               CASE WHEN last_event >= later - interval '$tick{$s{type}}' THEN sustained END,
               CASE WHEN last_event >= later - interval '$tick{$s{type}}' THEN lapsed_again END,
               CASE WHEN with_amount THEN revenue_new END,
               CASE WHEN with_amount THEN revenue_retained END,
               CASE WHEN with_amount THEN revenue_reactivated END,
               CASE WHEN with_amount THEN revenue_won_back END,
               NULL, "from"::date, first_event::timestamptz, last_event::timestamptz, NULL, NULL,
               CASE WHEN with_amount THEN 0 END)::lifecycle_counts AS plain
      FROM counts,
           (SELECT min(at) AS first_event, max(at) AS last_event FROM orders) e,
           (VALUES (false), (true)) a (with_amount);
  };
  my $whole = "'[$s{first},$s{end})'";
  my $seen = $node->safe_psql('winback', $setup . $plain . qq{
    CREATE TEMP TABLE alone AS
    SELECT k, lifecycle_counts(customer, at, $event period, $thresholds) AS f,
           lifecycle_counts(customer, at, $event amount, period, $thresholds) AS t
      FROM periods, orders GROUP BY k;
    CREATE TEMP TABLE series AS
    SELECT lifecycle_series(customer, at, $event $whole, '1 month', $thresholds) AS f,
           lifecycle_series(customer, at, $event amount, $whole, '1 month', $thresholds) AS t
      FROM orders;
    CREATE TEMP TABLE compared AS
    SELECT k, with_amount, plain, CASE WHEN with_amount THEN a.t ELSE a.f END AS alone, element
      FROM plain FULL JOIN alone a USING (k)
      FULL JOIN (SELECT k - 1 AS k, with_amount, elements[k] AS element
                   FROM series,
                        LATERAL (VALUES (false, f), (true, t)) w (with_amount, elements),
                        generate_subscripts(elements, 1) AS k) s
        USING (k, with_amount);
    SELECT count(*) || ' months, '
           || sum((element).reactivated + (element).won_back) || ' came back, '
           || sum((element).sustained) || ' stayed and '
           || sum((element).lapsed_again) || ' did not in ' || count((element).sustained) || ', '
           || sum((element).revenue_new + (element).revenue_retained
                  + (element).revenue_reactivated + (element).revenue_won_back) || ' of '
           || (SELECT sum(amount) FROM orders
                WHERE event = 'purchase' AND at >= '$s{first}' AND at < '$s{end}')
           || ' accounted for'
      FROM compared WHERE with_amount;
    SELECT count(*) || ' differ' FROM compared
     WHERE (to_jsonb(plain) - 'step')::text IS DISTINCT FROM (to_jsonb(alone) - 'step')::text
        OR (to_jsonb(alone) - 'step')::text IS DISTINCT FROM (to_jsonb(element) - 'step')::text;
    SELECT format(E'%s\\n  plain %s\\n  alone %s\\n  element %s', k, plain, alone, element)
      FROM compared
     WHERE (to_jsonb(plain) - 'step')::text IS DISTINCT FROM (to_jsonb(alone) - 'step')::text
        OR (to_jsonb(alone) - 'step')::text IS DISTINCT FROM (to_jsonb(element) - 'step')::text
     ORDER BY k, with_amount LIMIT 3;
  });
  my ($summary, $differ, @first) = split /\n/, $seen;
  is($summary, $s{expect}, "$name: the numbers of months, returns and amounts are the known ones");
  is($differ, '0 differ', "$name: all columns of all months are equal") or diag(join "\n", @first);
}

# The data end on 30 June 1998. With dates, whether a customer stayed is therefore unknown for June
# alone. With timestamps the data end at the first instant of that day, so it is unknown for May,
# too.
my %cdnow = (
  date => '18955 came back, 4151 stayed and 13744 did not in 17',
  timestamp => '18955 came back, 3933 stayed and 12933 did not in 16',
);
for my $type (sort keys %cdnow) {
  compare("CDNOW by month, $type",
    from => 'cdnow', at => 'order_date', type => $type, first => '1997-01-01', end => '1998-07-01',
    inactive_after => '1 month', churned_after => '3 months',
    expect => "18 months, $cdnow{$type}, 2500315.63 of 2500315.63 accounted for");
}

# The data end on 9 December 2011: the last month is cut short there. From September on, the instant
# 90 days after the end of the month lies beyond the data.
my @retail = (
  at => 'order_ts', first => '2009-12-01', end => '2011-12-10',
  inactive_after => '90 days', churned_after => '180 days',
);
for my $type ('timestamp', 'timestamptz') {
  compare("Online Retail II by month, without returns, $type", @retail,
    from => 'online_retail WHERE NOT is_cancellation', type => $type,
    expect => '25 months, 4340 came back, 1377 stayed and 1739 did not in 21, '
      . '17431551.16 of 17431551.16 accounted for');
}
compare("Online Retail II by month, all rows", @retail,
  from => 'online_retail', type => 'timestamp',
  expect => '25 months, 4306 came back, 1453 stayed and 1646 did not in 21, '
    . '16343669.02 of 16343669.02 accounted for');
compare("Online Retail II by month, returns as cancellations", @retail,
  from => 'online_retail', type => 'timestamptz',
  event => q{CASE WHEN is_cancellation THEN 'cancellation' ELSE 'purchase' END},
  expect => '25 months, 6756 came back, 2417 stayed and 2673 did not in 21, '
    . '17431551.16 of 17431551.16 accounted for');

done_testing();
