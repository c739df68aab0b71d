# 012_real_curve.pl
#   Proves on orders of real shops that return curves equal those of plain SQL on
#   every day, to 1e-12: CDNOW by date, Online Retail II by timestamp and in a time
#   zone. Checks a known figure besides: of CDNOW's silences that ended, 80 percent
#   did so by day 119, but of all silences only 54 percent.
#
#   The data are no part of winback: RealData.pm says where they come from.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use RealData;
use Test::More;

my $node = RealData::start('real_curve');

# The silences of all customers: each begins with a purchase day and ends with the next.
my $all = q{
  SELECT -1 AS start, coalesce(next, until::date) - day AS stop, next IS NOT NULL AS returned
    FROM (SELECT day, lead(day) OVER (PARTITION BY customer ORDER BY day) AS next
            FROM (SELECT DISTINCT customer, at::date AS day
                    FROM orders, asked WHERE at < until) AS days) AS silences, asked};
# The one of each customer that is open at as_of. It is at risk from the day of as_of on.
my $open = q{
  SELECT CASE WHEN as_of::date - last > 1 THEN as_of::date - last - 1 ELSE -1 END AS start,
         coalesce(next, until::date) - last AS stop, next IS NOT NULL AS returned
    FROM (SELECT customer, max(at::date) AS last FROM orders, asked WHERE at < as_of
           GROUP BY customer) AS before
    LEFT JOIN LATERAL (SELECT min(at::date) AS next FROM orders, asked
                        WHERE orders.customer = before.customer AND at >= as_of AND at < until
                          AND at::date > last) AS after ON true, asked};

# Computes a curve by winback and by plain SQL, and compares all rows. Expects $s{expect}: the
# number of rows, of silences, and of returns.
sub compare {
  my ($name, %s) = @_;
  my $seen = $node->safe_psql('winback', qq{
    SET TimeZone = '$s{zone}';
    SET jit = off;
    CREATE TEMP TABLE asked AS
    SELECT '$s{as_of}'::$s{type} AS as_of, '$s{until}'::$s{type} AS until;
    CREATE TEMP TABLE orders AS
    SELECT customer_id AS customer, $s{at}::$s{type} AS at FROM $s{from};
    CREATE INDEX ON orders (customer);
    ANALYZE orders;
    CREATE TEMP TABLE silences AS $s{silences};
    CREATE AGGREGATE pg_temp.product(float8) (SFUNC = float8mul, STYPE = float8);
    CREATE TEMP TABLE plain AS
    SELECT days, at_risk, returned, censored, survival,
           CASE WHEN survival > 0
                THEN exp(ln(survival) - 1.9599639845400545 * sqrt(variance)) END AS lower,
           CASE WHEN survival > 0
                THEN least(1, exp(ln(survival) + 1.9599639845400545 * sqrt(variance)))
           END AS upper
      FROM (SELECT *, pg_temp.product((at_risk - returned)::float8 / nullif(at_risk, 0))
                        OVER (ORDER BY days) AS survival,
                   coalesce(sum(returned::float8
                                / nullif(at_risk::float8 * (at_risk - returned), 0))
                              OVER (ORDER BY days), 0) AS variance
              FROM (SELECT days, count(*) FILTER (WHERE start < days AND stop >= days) AS at_risk,
                           count(*) FILTER (WHERE stop = days AND returned) AS returned,
                           count(*) FILTER (WHERE stop = days AND NOT returned) AS censored
                      FROM (SELECT start FROM silences WHERE start > 0
                            UNION SELECT stop FROM silences) AS d (days), silences
                     GROUP BY days) AS counts) AS estimates;
    SELECT count(*) || ' days, ' || sum(p.returned + p.censored) || ' silences, '
           || sum(p.returned) || ' returns, '
           || count(*) FILTER (WHERE u.at_risk IS DISTINCT FROM p.at_risk
                                  OR u.returned IS DISTINCT FROM p.returned
                                  OR u.censored IS DISTINCT FROM p.censored
                                  OR abs(u.survival - p.survival) > 1e-12
                                  OR abs(coalesce(u.lower, -1) - coalesce(p.lower, -1)) > 1e-12
                                  OR abs(coalesce(u.upper, -1) - coalesce(p.upper, -1)) > 1e-12)
           || ' differ'
      FROM plain AS p
      FULL JOIN (SELECT extract(day FROM silence)::int AS days, at_risk, returned, censored,
                        survival, lower, upper
                   FROM unnest((SELECT $s{curve} FROM orders))) AS u USING (days)
  });
  is($seen, "$s{expect}, 0 differ", $name);
}

my %cdnow = (from => 'cdnow', at => 'order_date', type => 'date', zone => 'UTC',
  as_of => '1997-07-01', until => '1998-07-01');
compare('CDNOW, all silences', %cdnow, silences => $all,
  curve => q{return_curve(customer, at, '1998-07-01')},
  expect => '546 days, 67591 silences, 44021 returns');
compare('CDNOW, the silences open in July 1997', %cdnow, silences => $open,
  curve => q{return_curve_at(customer, at, '1997-07-01', '1998-07-01')},
  expect => '546 days, 23570 silences, 8332 returns');

for my $type ('timestamp', 'timestamptz') {
  my %retail = (from => 'online_retail WHERE NOT is_cancellation', at => 'order_ts', type => $type,
    zone => 'Europe/London', as_of => '2011-03-01 12:00', until => '2011-12-10');
  compare("Online Retail II, all silences, $type", %retail, silences => $all,
    curve => q{return_curve(customer, at, '2011-12-10')},
    expect => '693 days, 33112 silences, 27231 returns');
  compare("Online Retail II, the silences open on 1 March 2011, $type", %retail, silences => $open,
    curve => q{return_curve_at(customer, at, '2011-03-01 12:00', '2011-12-10')},
    expect => '693 days, 4543 silences, 2677 returns');
}

# the percentile of completed silences, and the share of all silences that have ended by then
is($node->safe_psql('winback', q{
  SELECT (SELECT percentile_disc(0.8) WITHIN GROUP (ORDER BY next - order_date)
            FROM (SELECT order_date, lead(order_date) OVER (PARTITION BY customer_id
                                                            ORDER BY order_date) AS next
                    FROM (SELECT DISTINCT customer_id, order_date FROM cdnow) AS days) AS gaps),
         round(100 * (1 - min(survival) FILTER (WHERE silence <= '119 days')))
    FROM unnest((SELECT return_curve(customer_id, order_date, '1998-07-01') FROM cdnow))}),
  '119|54', 'CDNOW: a percentile of completed silences leaves out who never came back');

done_testing();
