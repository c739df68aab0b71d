# 040_examples.pl
#   Runs each of the five examples in one psql, as examples/README.md says, and
#   compares its output with the example's expected.out, to the letter. The orders
#   of the retail example without a customer show what the two-step form needs.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use WinbackCluster;

my $examples = "$FindBin::RealBin/../examples";
my $node = WinbackCluster::start('examples');

for my $example (qw(retail subscription consulting agency campaign)) {
  my $dir = "$examples/$example";
  my ($printed, $complaints) = ('', '');
  IPC::Run::run(
    [ 'psql', '-X', '-d', $node->connstr('winback'),
      map { ('-f', "$dir/$_.sql") } qw(data events questions) ],
    '<', \undef, '>', \$printed, '2>', \$complaints);
  is($complaints, '', "$example writes nothing to standard error");

  my $expected = slurp_file("$dir/expected.out");
  ok($printed eq $expected, "$example prints its expected output")
    or diag(differences($expected, $printed));
}

# GROUP BY customer_id makes one customer of all orders without a customer. The one-step form
# ignores these orders, so the two-step form needs WHERE customer_id IS NOT NULL.
my $period = q{'[2024-12-20,2025-01-01)', '30 days'};
my $one_step = $node->safe_psql('winback',
  "SELECT reactivation_tally(customer_id, ordered_at, $period) FROM retail_example.orders");
my @two_steps = map {
  $node->safe_psql('winback', qq{
    SELECT reactivation_tally(before, after)
    FROM (SELECT lifecycle_at(ordered_at, '2024-12-20', '30 days', '1 year') AS before,
                 lifecycle_during(ordered_at, $period, '1 year') AS after
          FROM retail_example.orders
          $_
          GROUP BY customer_id) AS customers})
} 'WHERE customer_id IS NOT NULL', '';
is($two_steps[0], $one_step, 'two steps over rows with a customer return the tally of one step');
my ($returned, $eligible) = split m{/}, $one_step;
is($two_steps[1], join('/', $returned, $eligible + 1),
  'two steps over all rows count the rows without a customer as one more customer');

# Returns the output of diff over two texts.
sub differences {
  my @files = map { "${PostgreSQL::Test::Utils::tmp_check}/$_" } qw(expected.out printed.out);
  for my $n (0, 1) {
    unlink $files[$n];
    append_to_file($files[$n], $_[$n]);
  }
  my $diff = '';
  IPC::Run::run([ 'diff', '-U3', @files ], '>', \$diff);
  return $diff;
}

done_testing();
