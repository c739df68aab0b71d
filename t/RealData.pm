# RealData.pm
#   Orders of real shops, for the TAP tests with expected numbers of them.
#
#   my $node = RealData::start('real_data');
#
#   starts a server with the tables cdnow (Fader & Hardie) and online_retail (UCI,
#   CC BY 4.0) in its database "winback", and checks their columns and numbers of
#   orders. The data are no part of winback: they are read from the directory
#   WINBACK_REAL_DATA, or else ../shared/data beside the checkout. Without them the
#   whole test is skipped; under valgrind, too, where plain SQL takes hours.
package RealData;

use strict;
use warnings;

use FindBin;
use Test::More;
use WinbackCluster;

my @files = (
  {
    name => 'cdnow_orders.csv', table => 'cdnow', rows => 67591,
    header => 'customer_id,order_date,quantity,amount,lines',
    columns => 'customer_id int, order_date date, quantity int, amount numeric, lines int',
  },
  {
    name => 'online_retail_ii_orders.csv', table => 'online_retail', rows => 44876,
    header => 'invoice_no,customer_id,order_ts,amount,quantity,lines,country,is_cancellation',
    columns => 'invoice_no text, customer_id int, order_ts timestamp, amount numeric, '
      . 'quantity int, lines int, country text, is_cancellation bool',
  },
);

sub start {
  my ($name) = @_;
  plan skip_all => 'plain SQL takes hours over real data under valgrind'
    if $WinbackCluster::checked eq 'valgrind';
  my $data = $ENV{WINBACK_REAL_DATA} || "$FindBin::RealBin/../../shared/data";
  for my $file (@files) {
    plan skip_all => "no real data: $data/$file->{name} not found; "
      . 'set WINBACK_REAL_DATA to its directory'
      unless -r "$data/$file->{name}";
  }
  my $node = WinbackCluster::start($name);
  load($node, $data, $_) for @files;
  return $node;
}

# Loads one file. Empty fields become NULL; the customers of both files are numbers.
sub load {
  my ($node, $data, $file) = @_;
  open my $in, '<', "$data/$file->{name}" or die "$data/$file->{name}: $!";
  my $first = <$in>;
  close $in;
  $first =~ s/[\r\n]+$//;
  is($first, $file->{header}, "$file->{name} has its known columns");
  my ($table, $columns) = @$file{qw(table columns)};
  $node->safe_psql('winback', qq{
CREATE TABLE $table ($columns);
\\copy $table FROM '$data/$file->{name}' (FORMAT csv, HEADER)
ANALYZE $table});
  return is(
    $node->safe_psql('winback', "SELECT count(*) FROM $table WHERE customer_id IS NOT NULL"),
    $file->{rows}, "$file->{name} has its known number of orders");
}

1;
