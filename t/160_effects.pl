# 160_effects.pl
#   Proves two things of the effects of campaigns that need much time or real data.
#
#   Over the e-mail campaign of Kevin Hillstrom (64,000 customers, MineThatData), the
#   effects of both mails on visits, purchases and money equal those of R.
#
#   By simulation, the 95 percent limits of newcombe and miettinen-nurminen contain the
#   true difference in 94 to 96 percent of all tests, over a grid of rates and sizes of
#   groups. The random numbers come from md5, so that they are the same everywhere.
#
#   The data are no part of winback: RealData.pm says where they are looked for.
#
#   WINBACK_SLOW_TESTS  runs the simulation, too
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use WinbackCluster;

my $node = WinbackCluster::start('effects');

sub ask { return $node->safe_psql('winback', $_[0]); }

my $data = ($ENV{WINBACK_REAL_DATA} || "$FindBin::RealBin/../../shared/data") . '/hillstrom.csv';
SKIP: {
  skip "no real data: $data not found; set WINBACK_REAL_DATA to its directory", 1 unless -r $data;
  ask(qq{
CREATE TABLE hillstrom (customer_id int, recency int, history_segment text, history numeric,
                        mens int, womens int, zip_code text, newbie int, channel text, segment text,
                        visit int, conversion int, spend numeric);
\\copy hillstrom FROM '$data' (FORMAT csv, HEADER)
CREATE TABLE variants AS
SELECT segment, rate_tally(sum(visit), count(*)) AS visits,
       rate_tally(sum(conversion), count(*)) AS bought, spend_tally(spend) AS spend
  FROM hillstrom GROUP BY segment});
  is(ask(q{SELECT segment, visits, bought, customers(spend), total(spend)
             FROM variants ORDER BY segment}),
    'Mens E-Mail|3894/21307|267/21307|21307|30311.69' . "\n"
    . 'No E-Mail|2262/21306|122/21306|21306|13908.33' . "\n"
    . 'Womens E-Mail|3238/21387|189/21387|21387|23038.11',
    'the tallies of the three groups');
  is(ask(q{SELECT round(split_check(array_agg(customers(spend)), '{1,1,1}')::numeric, 4)
             FROM variants}),
    '0.9037', 'the customers were divided in thirds');

  # prop.test and fisher.test of R; newcombe as a formula in R
  my @rates = (
    [ 'Mens E-Mail', 'visits', 0.0765895636515, 0.0699533080837, 0.0832267412741,
      5.6851654828e-112, 5.43735902795e-113 ],
    [ 'Mens E-Mail', 'bought', 0.00680500651962, 0.00501434467148, 0.00864072339692,
      1.5232235006e-13, 1.16742532748e-13 ],
    [ 'Womens E-Mail', 'visits', 0.0452331065871, 0.03889409536, 0.0515743429622,
      3.18240315933e-44, 2.30099444738e-44 ],
    [ 'Womens E-Mail', 'bought', 0.00311105751109, 0.00150165713188, 0.00474547131367,
      0.000157105129107, 0.000164998776342 ],
  );
  for (@rates) {
    my ($segment, $what, @expected) = @$_;
    my @seen = split /\|/, ask(qq{
      SELECT difference, lower, upper, p_value, p_exact
        FROM variants AS t, variants AS c, rate_effect(t.$what, c.$what)
       WHERE t.segment = '$segment' AND c.segment = 'No E-Mail'});
    my $differ = grep { abs($seen[$_] - $expected[$_]) > 1e-9 * abs $expected[$_] } 0 .. $#expected;
    is($differ, 0, "$segment, $what: as in R") or diag("@seen against @expected");
  }

  # t.test of R
  my @spends = (
    [ 'Mens E-Mail', 0.769827155895, 0.485139732568, 1.05451457922, 1.16381496823e-07 ],
    [ 'Womens E-Mail', 0.424412215937, 0.168956789884, 0.679867641989, 0.00112939710236 ],
  );
  for (@spends) {
    my ($segment, @expected) = @$_;
    my @seen = split /\|/, ask(qq{
      SELECT difference, lower, upper, p_value
        FROM variants AS t, variants AS c, spend_effect(t.spend, c.spend)
       WHERE t.segment = '$segment' AND c.segment = 'No E-Mail'});
    my $differ = grep { abs($seen[$_] - $expected[$_]) > 1e-9 * abs $expected[$_] } 0 .. $#expected;
    is($differ, 0, "$segment, money: as in R") or diag("@seen against @expected");
  }
}

SKIP: {
  skip 'set WINBACK_SLOW_TESTS=1 to simulate tests', 1 unless $ENV{WINBACK_SLOW_TESTS};
  ask(q{
    -- a number of returned customers of n, for a rate and a number between 0 and 1
    CREATE TABLE binomial AS
    SELECT n, rate, returned,
           sum(probability) OVER (PARTITION BY n, rate ORDER BY returned) AS up_to
      FROM unnest('{200,500,1000}'::int[]) AS n, unnest('{0.05,0.1,0.12,0.3,0.35,0.5}'::float8[])
             AS rate,
           generate_series(0, n) AS returned,
           LATERAL (SELECT exp(greatest(-700, sum_log + returned * ln(rate)
                                              + (n - returned) * ln(1 - rate))) AS probability
                      FROM (SELECT coalesce(sum(ln((n - k + 1)::float8 / k)), 0) AS sum_log
                              FROM generate_series(1, returned) AS k) AS choose) AS p;
    CREATE TABLE cumulated AS
    SELECT n, rate, array_agg(up_to ORDER BY returned) AS up_to FROM binomial GROUP BY n, rate;
    CREATE TABLE chance AS
    SELECT test, side,
           ('x' || left(md5(test || ' ' || side), 12))::bit(48)::bigint / 2.0::float8 ^ 48 AS u
      FROM generate_series(1, 20000) AS test, unnest('{treated,control}'::text[]) AS side;
    CREATE TABLE grid AS
    SELECT row_number() OVER (ORDER BY t.n, t.rate, c.n, c.rate) AS point,
           t.n AS t_n, t.rate AS t_rate, c.n AS c_n, c.rate AS c_rate
      FROM cumulated AS t, cumulated AS c
     WHERE abs(t.rate - c.rate) < 0.06 AND (t.n = c.n OR t.n = 1000 AND c.n = 200);
    -- other random numbers for each point: all of them are moved, around the circle from 0 to 1
    CREATE TABLE tests AS
    SELECT t_n, t_rate, c_n, c_rate,
           rate_tally(least(width_bucket(t_u.u + shift - floor(t_u.u + shift), t.up_to), t_n), t_n)
             AS treated,
           rate_tally(least(width_bucket(c_u.u + 3 * shift - floor(c_u.u + 3 * shift), c.up_to),
                            c_n), c_n) AS control, count(*) AS times
      FROM grid JOIN cumulated AS t ON t.n = t_n AND t.rate = t_rate
           JOIN cumulated AS c ON c.n = c_n AND c.rate = c_rate,
           chance AS t_u JOIN chance AS c_u USING (test),
           LATERAL (SELECT point * 0.6180339887498949::float8 AS shift) AS s
     WHERE t_u.side = 'treated' AND c_u.side = 'control'
     GROUP BY 1, 2, 3, 4, 5, 6});
  for my $method ('newcombe', 'miettinen-nurminen') {
    my $coverage = ask(qq{
      CREATE TABLE coverage AS
      SELECT t_n, t_rate, c_n, c_rate, sum(times) AS tests,
             sum(times) FILTER (WHERE t_rate - c_rate BETWEEN lower AND upper) / sum(times)
               AS covered
        FROM tests, rate_effect(treated, control, 0.95, '$method')
       GROUP BY 1, 2, 3, 4;
      SELECT format('%s against %s of %s against %s: %s', t_rate, c_rate, t_n, c_n,
                    round(covered, 4)) FROM coverage ORDER BY covered});
    note("$method:\n$coverage");
    is(ask(q{SELECT count(*) > 40, min(tests), bool_and(abs(covered - 0.95) <= 0.01)
               FROM coverage}),
      't|20000|t', "$method: 94 to 96 percent of the intervals contain the true difference")
      or diag($coverage);
    cmp_ok(ask('SELECT abs(avg(covered) - 0.95) FROM coverage'), '<', 0.003,
      "$method: on average it is 95 percent");
    ask('DROP TABLE coverage');
  }
}

$node->stop;
done_testing();
