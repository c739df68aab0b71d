# 020_readme.pl
#   Runs every SQL block of README.md, in order, and compares what psql prints
#   with the block of text that follows. The examples use the shop of the demo.
#   Then makes each mistake of the tables in "Errors", and applies its remedy.
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

  # one pipe for both, so that a warning stands where psql printed it
  IPC::Run::run [ 'psql', '-X', '-q', '-d', $node->connstr('winback') ],
    '<', \$sql, '>&', \$printed;

  # psql prints a blank line after a table, which README.md leaves out
  $printed =~ s/[ \t]+$//gm;
  $printed =~ s/\n+\z/\n/;
  is($printed, $expected // '', "README: $title");
}

# The tables of "Errors" lead from a message to its cause and its remedy. For each of their rows
# this list has a call with the mistake, and the call with the remedy.
my $orders = 'customer_id, ordered_at';
my $epoch = 'extract(epoch FROM ordered_at)::bigint';
my $bounds = q{'2024-01-01', '2024-04-01'};
my $period = q{'[2024-01-01,2024-04-01)'};
my $days = q{'60 days', '180 days'};
my @mistakes = (
  [ '(timestamp with time zone, bigint, ...)',
    "winback_rate(ordered_at, customer_id, $period, '1 year')",
    "winback_rate($orders, $period, '1 year')" ],
  [ '(bigint, text, ...)',
    "winback_rate(customer_id, ordered_at::text, $period, '1 year')",
    "winback_rate(customer_id, ordered_at::text::timestamptz, $period, '1 year')" ],
  [ '(bigint, bigint, ...)',
    "winback_rate(customer_id, $epoch, $period, '1 year')",
    "winback_rate(customer_id, to_timestamp($epoch), $period, '1 year')" ],
  [ '(bigint, timestamp with time zone, daterange, ...)',
    "winback_rate($orders, daterange($bounds), '1 year')",
    "winback_rate($orders, tstzrange($bounds), '1 year'),
     winback_rate(customer_id, ordered_at::date, daterange($bounds), '1 year')" ],
  [ '(bigint, timestamp with time zone, unknown, integer)',
    "winback_rate($orders, $period, 180)",
    "winback_rate($orders, $period, '180 days'),
     winback_rate($orders, $period, make_interval(days => 180))" ],
  [ '(bigint, timestamp with time zone, text, ...)',
    "winback_rate($orders, text 'purchase', $period, '1 year')",
    "winback_rate($orders, (text 'purchase')::lifecycle_event, $period, '1 year')" ],
  [ '(bigint, timestamp with time zone, double precision, ...)',
    "lifecycle_counts($orders, amount::float8, $period, $days)",
    "lifecycle_counts($orders, amount::float8::numeric, $period, $days)" ],
  [ '(bigint, timestamp with time zone, money, ...)',
    "lifecycle_counts($orders, amount::money, $period, $days)",
    "lifecycle_counts($orders, amount::money::numeric, $period, $days)" ],
  [ 'lifecycle_series(bigint, timestamp with time zone, unknown, unknown, unknown)',
    "lifecycle_series($orders, $period, $days)",
    "lifecycle_series($orders, $period, '1 month', $days)" ],
  [ 'invalid input value for lifecycle_event: "2024-01-01"',
    "winback_rate($orders, $bounds, '1 year')",
    "winback_rate($orders, tstzrange($bounds), '1 year')" ],
  [ 'invalid input value for lifecycle_event: "[2024-01-01,2024-04-01)"',
    "winback_rate($orders, $period, $days)",
    "winback_rate($orders, $period, '180 days')" ],
  [ 'function lifecycle_counts(...) is not unique',
    "lifecycle_counts($orders, 'purchase', $period, $days)",
    "lifecycle_counts($orders, lifecycle_event 'purchase', $period, $days)" ],
);
my ($tables) = $readme =~ /^### "function \.\.\. does not exist"\n(.*?)^### /ms;
my @in_readme = $tables =~ /^\| `([^`]+)`/gm;
is(join("\n", @in_readme), join("\n", map { $_->[0] } @mistakes),
  'this test has a call for each row of the tables');
for (@mistakes) {
  my ($message, $mistake, $remedy) = @$_;
  my $pattern = join '.*', map { quotemeta } split /\.\.\./, $message;
  my ($status, $printed, $error) = $node->psql('winback', "SELECT $mistake FROM orders");
  like($error, qr/$pattern/, "the mistake raises: $message");
  is($node->psql('winback', "SELECT $remedy FROM orders"), 0, "the remedy works: $message");
}

$node->stop;
done_testing();
