# 020_readme.pl
#   Runs every SQL block of README.md, in order, and compares what psql prints
#   with the block of text that follows. The examples use the shop of the demo.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use WinbackCluster;

my $readme = slurp_file("$FindBin::RealBin/../README.md");
my $shop = "$FindBin::RealBin/../examples/demo/shop.sql";

my $node = WinbackCluster::start('readme');
WinbackCluster::fill($node, slurp_file($shop));

# pairs: a block of SQL, and the text that it should print, or undef
my @blocks;
push @blocks, [ $1, $2 ]
  while $readme =~ /^```sql\n(.*?)^```\n(?:```text\n(.*?)^```\n)?/gms;
cmp_ok(scalar(@blocks), '>', 10, 'README has examples');
my $sql_fences = () = $readme =~ /^```sql$/gm;
is(scalar(@blocks), $sql_fences, 'every block of SQL was found');

# the settings of a user in UTC
$ENV{PGTZ} = 'UTC';
$ENV{PGDATESTYLE} = 'ISO';

foreach my $block (@blocks)
{
  my ($sql, $expected) = @$block;
  my ($title) = $sql =~ /\A(?:--[^\n]*\n)?(.{1,60})/;
  my $printed = '';

  IPC::Run::run [ 'psql', '-X', '-q', '-d', $node->connstr('winback') ],
    '<', \$sql, '>', \$printed, '2>', \$printed;

  # psql prints a blank line after a table, which README.md leaves out
  $printed =~ s/[ \t]+$//gm;
  $printed =~ s/\n+\z/\n/;
  is($printed, $expected // '', "README: $title");
}

$node->stop;
done_testing();
