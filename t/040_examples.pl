# 040_examples.pl
#   Runs the four examples as examples/README.md says, each in one psql, and
#   compares what they print with their expected.out, to the letter.
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
    [ 'psql', '-X', '-d', $node->connstr('winback'), map { ('-f', "$dir/$_.sql") } qw(data events questions) ],
    '<', \undef, '>', \$printed, '2>', \$complaints);
  is($complaints, '', "$example runs without a word of complaint");

  my $expected = slurp_file("$dir/expected.out");
  ok($printed eq $expected, "$example prints what it should") or diag(differences($expected, $printed));
}

# What diff says of two texts.
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
