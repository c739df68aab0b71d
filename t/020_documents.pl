# 020_documents.pl
#   Runs every SQL block of README.md and of the documents in doc/, in order, and compares what
#   psql prints with the block of text that follows. Each document has a database of its own,
#   with the shop of the demo. Then makes each mistake of the tables in doc/reference.md,
#   "Errors", and applies its remedy.
#
#   Limits: doc/scale.md needs several servers, so t/170_scale_out.pl runs it. The commands in
#   other blocks (shells, settings) are not run.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use WinbackCluster;

my $top = "$FindBin::RealBin/..";
my $node = WinbackCluster::start('documents');
WinbackCluster::fill($node, slurp_file("$top/examples/demo/shop.sql"));

# the settings of a user in UTC
$ENV{PGTZ} = 'UTC';
$ENV{PGDATESTYLE} = 'ISO';

# The blocks of a document: pairs of SQL, and the text that it should print, or undef.
sub blocks {
  my ($document) = @_;
  my @blocks;
  push @blocks, [ $1, $2 ]
    while $document =~ /^```sql\n(.*?)^```\n(?:```text\n(.*?)^```\n)?/gms;
  return @blocks;
}

my @names = ('README.md', grep { $_ ne 'doc/scale.md' }
    map { s{^\Q$top\E/}{}r } sort glob "$top/doc/*.md");
my %examples;
for my $name (@names) {
  my $document = slurp_file("$top/$name");
  my @blocks = blocks($document);
  # each fence of SQL, also an indented one, begins a block that was found
  my $fences = () = $document =~ /^\s*```\s*sql\b/gim;
  is(scalar(@blocks), $fences, "every block of SQL of $name was found");
  $examples{$name} = @blocks;
  next unless @blocks;

  my $database = "of $name";
  $node->safe_psql('postgres', qq{CREATE DATABASE "$database" TEMPLATE winback});
  for my $block (@blocks) {
    my ($sql, $expected) = @$block;
    my ($title) = $sql =~ /\A(?:--[^\n]*\n)?(.{1,60})/;
    my $printed = '';

    # one pipe for both, so that a warning stands where psql printed it
    IPC::Run::run [ 'psql', '-X', '-q', '-d', $node->connstr($database) ],
      '<', \$sql, '>&', \$printed;

    # psql prints a blank line after a table, which the documents leave out
    $printed =~ s/[ \t]+$//gm;
    $printed =~ s/\n+\z/\n/;
    is($printed, $expected // '', "$name: $title");
  }
}
for my $name ('README.md', map { "doc/$_.md" } qw(guide reference speed)) {
  cmp_ok($examples{$name}, '>', 0, "$name has examples");
}
cmp_ok($examples{'doc/guide.md'}, '>', 40, 'the guide has more than 40 examples');

# doc/timeline.svg draws the table three_customers of doc/reference.md to scale: 1.3 units a day,
# and the period begins at 759. Compare its purchases, silences, statuses and dates with the table.
my $picture = slurp_file("$top/doc/timeline.svg");
my @drawn;
my $row = qr{>(\w+)</text>\n<line class="row".*?>(\d+) days.*?<text class="head"[^>]*>(\w+)<}s;
while ($picture =~ /$row/g) {
  my ($name, $silence, $status, $text) = ($1, $2, $3, $&);
  my @purchases = map { sprintf '%.0f', ($_ - 759) / 1.3 }
    $text =~ /<circle class="dot" cx="([\d.]+)"/g;
  push @drawn, "$name|@purchases|$silence|$status";
}
is(join("\n", @drawn), $node->safe_psql('of doc/reference.md', q{
    SELECT customer, string_agg((at - date '2024-01-01')::text, ' ' ORDER BY at),
           date '2024-01-01' - max(at) FILTER (WHERE at < '2024-01-01'),
           lifecycle_during(at, '[2024-01-01,2024-04-01)', '90 days', '1 year')
      FROM three_customers GROUP BY customer ORDER BY customer}),
  'the picture shows the purchases, the silence and the status of each customer');
my @marks = $picture =~ m{<line class="mark" x1="([\d.]+)".*?>(\d+-\d+-\d+)</text>}gs;
is(join(' ', @marks), $node->safe_psql('winback', q{
    SELECT string_agg(round(759 + 1.3 * (at::date - date '2024-01-01'), 1) || ' ' || at::date,
                      ' ' ORDER BY at)
      FROM unnest(ARRAY[timestamp '2024-01-01' - interval '1 year', '2024-01-01',
                        timestamp '2024-01-01' - interval '90 days', '2024-04-01']) AS at}),
  'the picture shows the marks where they are');

# The tables of "Errors" in doc/reference.md lead from a message to its cause and its remedy. For
# each of their rows this list has a call with the mistake, and the call with the remedy.
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
  [ '(bigint, timestamp with time zone, date, date, ...)',
    "winback_rate($orders, date '2024-01-01', date '2024-04-01', '1 year')",
    "winback_rate($orders, tstzrange($bounds), '1 year')" ],
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
  [ 'malformed range literal: "180 days"',
    "winback_rate($orders, '180 days', $period)",
    "winback_rate($orders, $period, '180 days')" ],
  [ 'function lifecycle_counts(...) is not unique',
    "lifecycle_counts($orders, 'purchase', $period, $days)",
    "lifecycle_counts($orders, lifecycle_event 'purchase', $period, $days)" ],
);
my $reference = slurp_file("$top/doc/reference.md");
my ($tables) = $reference =~ /^### "function \.\.\. does not exist"\n(.*?)^### /ms;
my @in_tables = $tables =~ /^\| `([^`]+)`/gm;
is(join("\n", @in_tables), join("\n", map { $_->[0] } @mistakes),
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
