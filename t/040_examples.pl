# 040_examples.pl
#   Runs each of the four examples in one psql, as examples/README.md says, and
#   compares its output with the example's expected.out, to the letter.
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

for my $example (qw(retail subscription consulting agency)) {
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
