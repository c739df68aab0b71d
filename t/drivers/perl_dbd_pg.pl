# perl_dbd_pg.pl
#   DBD::Pg binds a parameter as a value of the type that the program names, or else of
#   unknown type. It prepares statements on the server or writes the parameters into
#   them, by pg_server_prepare. It sends and reads text.
use strict;
use warnings;

use DBI;
use DBD::Pg qw(:pg_types);

# name => [value, type]
my %values = (
  period => [ '[2024-04-01,2024-07-01)', PG_TSTZRANGE ],
  local => [ '[2024-04-01,2024-07-01)', PG_TSRANGE ],
  days => [ '[2024-04-01,2024-07-01)', PG_DATERANGE ],
  as_of => [ '2024-04-01 00:00:00+00', PG_TIMESTAMPTZ ],
  inactive_after => [ '90 days', PG_INTERVAL ],
  churned_after => [ '180 days', PG_INTERVAL ],
  lost_after => [ '326 days', PG_INTERVAL ],
  never => [ undef, PG_INTERVAL ],
  step => [ '30 days', PG_INTERVAL ],
  status => [ 'won_back', PG_TEXT ],
  statuses => [ [ 'won_back', 'new' ] ],
  event => [ 'cancellation', PG_TEXT ],
  tally => ['1/2'],
  from_date => [ '2024-04-01', PG_DATE ],
  to_date => [ '2024-06-30', PG_DATE ],
  number => [ 90, PG_INT4 ],
  text_90 => [ '90', PG_INTERVAL ],
  number_90 => [ 90, PG_INTERVAL ],
);
my @questions = map { chomp; [ split /\t/ ] } <STDIN>;

for (['own types', 1, 1], ['text', 0, 1], ['written into the statement', 0, 0]) {
  my ($title, $typed, $prepare) = @$_;
  my $database = DBI->connect('dbi:Pg:', '', '',
    { RaiseError => 1, PrintError => 0, pg_server_prepare => $prepare, pg_bool_tf => 1 });
  print "== $title\n";
  for my $question (@questions) {
    my ($name, $sql) = @$question;
    my (@names, @warnings, $rows);
    local $SIG{__WARN__} = sub { push @warnings, (split /\n/, $_[0])[0] };
    my $statement = $database->prepare($sql =~ s/\{(\w+)\}/push @names, $1; '?'/egr);
    for my $n (1 .. @names) {
      my ($value, $type) = @{ $values{ $names[ $n - 1 ] } };
      $statement->bind_param($n, $value, $typed && $type ? { pg_type => $type } : ());
    }
    my $fine = eval { $statement->execute; $rows = $statement->fetchall_arrayref; 1 };
    print "# $name\n", map { "$_\n" } @warnings;
    print 'ERROR ', $database->state, "\n" unless $fine;
    print join('|', map { $_ // 'NULL' } @$_), "\n" for @{ $rows // [] };
  }
  $database->disconnect;
}
