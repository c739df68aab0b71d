# RealData.pm
#   Orders of real shops, for the TAP tests that know them.
#
#   my $node = RealData::start('real_data');
#
#   A server with the tables cdnow (Fader & Hardie) and online_retail (UCI, CC BY
#   4.0) in its database "winback", each with the orders it is known for. They are
#   no part of winback: they are read from the directory WINBACK_REAL_DATA, or else
#   ../shared/data beside the checkout; without them the whole test is skipped, and
#   under valgrind, where plain SQL alone takes hours over them.
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
    columns => 'invoice_no text, customer_id int, order_ts timestamp, amount numeric, quantity int, lines int, country text, is_cancellation bool',
  },
);

sub start {
  my ($name) = @_;
  plan skip_all => 'plain SQL takes hours over real data under valgrind' if $WinbackCluster::checked eq 'valgrind';
  my $data = $ENV{WINBACK_REAL_DATA} || "$FindBin::RealBin/../../shared/data";
  for my $file (@files) {
    plan skip_all => "no real data: $data/$file->{name} not found; set WINBACK_REAL_DATA to its directory"
      unless -r "$data/$file->{name}";
  }
  my $node = WinbackCluster::start($name);
  load($node, $data, $_) for @files;
  return $node;
}

# Empty fields come in as NULL; the customers of both files are numbers.
sub load {
  my ($node, $data, $file) = @_;
  open my $in, '<', "$data/$file->{name}" or die "$data/$file->{name}: $!";
  my $first = <$in>;
  close $in;
  $first =~ s/[\r\n]+$//;
  is($first, $file->{header}, "$file->{name} has the columns it is known for");
  $node->safe_psql('winback', "CREATE TABLE $file->{table} ($file->{columns});\n"
      . "\\copy $file->{table} FROM '$data/$file->{name}' (FORMAT csv, HEADER)\nANALYZE $file->{table}");
  return is($node->safe_psql('winback', "SELECT count(*) FROM $file->{table} WHERE customer_id IS NOT NULL"),
    $file->{rows}, "$file->{name} has the orders it is known for");
}

1;
