# WinbackCluster.pm
#   A server of its own for a TAP test, with winback in its database.
#
#   my $node = WinbackCluster::start('real_data');
#   $node->safe_psql('winback', 'SELECT ...');
#
#   The server is PostgreSQL's own test server (PostgreSQL::Test::Cluster): it
#   lives under tmp_check, listens on a socket in a temporary directory and
#   goes away with the test.
#
#   One that is to be upgraded, or upgraded to, is created only. Its PostgreSQL
#   is the one of this directory, with winback installed in it:
#
#   my $old = WinbackCluster::create('old', $install_path);
#
#   WINBACK_DESTDIR  where "make install DESTDIR=..." put the extension; unset
#                    when it is installed where the server looks by itself
#   WINBACK_CHECKED  asan or valgrind, when the server watches itself by one of them
#                    (scripts/checked). It is slower then and takes more memory, so
#                    tests do not judge time and memory.
package WinbackCluster;

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

our $checked = $ENV{WINBACK_CHECKED} || '';

# The settings that make a server find what is staged under $destdir. Up to 17
# they take a patch that Debian's packages carry; 18 has a setting of its own.
sub settings_for_stage {
  my ($destdir) = @_;
  my ($major) = pg_config('--version') =~ /(\d+)/;
  my $extensions =
    $major >= 18
    ? "extension_control_path = '$destdir" . pg_config('--sharedir') . ":\$system'"
    : "extension_destdir = '$destdir'";
  my $libraries = "dynamic_library_path = '$destdir" . pg_config('--pkglibdir') . ":\$libdir'";
  return "$extensions\n$libraries\n";
}

sub pg_config {
  my ($option) = @_;
  my $program = $ENV{PG_CONFIG} || 'pg_config';
  my ($value, $errors) = run_command([ $program, $option ]);
  die "$program $option: $errors" if $value eq '';
  return $value;
}

# What initdb is asked for: UTF-8, and checksums, as 18 has by itself, for pg_upgrade
# wants them equal. scripts/test has made one so already for 17 and newer.
my @initdb = ('--encoding=UTF8', '--locale=C', '--data-checksums');

sub create {
  my ($name, $install_path) = @_;
  my $node = PostgreSQL::Test::Cluster->new($name, $install_path ? (install_path => $install_path) : ());
  # what servers need to find the stage is nothing to one that has winback
  delete local $ENV{TEMP_CONFIG} if $install_path;
  $node->init($ENV{INITDB_TEMPLATE} && !$install_path ? () : (extra => \@initdb));
  $node->append_conf('postgresql.conf', settings_for_stage($ENV{WINBACK_DESTDIR}))
    if $ENV{WINBACK_DESTDIR} && !$install_path;
  return $node;
}

# A psql that stays, in the database "winback": PostgreSQL::Test's own, without a
# line in the log of the test for each thing it is asked. Each may take as long as
# PostgreSQL's tests wait for something, rather than all together. An early release of
# 16 leaves the newline at the end of an answer.
my $query;
sub session {
  my ($node, @options) = @_;
  no warnings qw(redefine once);
  *PostgreSQL::Test::BackgroundPsql::note = sub { };
  if (!$query) {
    $query = PostgreSQL::Test::BackgroundPsql->can('query');
    *PostgreSQL::Test::BackgroundPsql::query = sub {
      my ($answer, $failed) = $query->(@_);
      chomp $answer;
      return wantarray ? ($answer, $failed) : $answer;
    };
  }
  my $session = $node->background_psql('winback', @options);
  $session->set_query_timer_restart;
  return $session;
}

# Creates and starts a server, with the database "winback".
sub start {
  my ($name) = @_;
  my $node = create($name);
  $node->start;
  create_database($node);
  return $node;
}

# Fills the database. Under valgrind without it, for what is only to be there; later
# on the server is under it again.
sub fill {
  my ($node, $sql) = @_;
  {
    delete local $ENV{VALGRIND_OPTS};
    $node->restart if $checked eq 'valgrind';
    $node->safe_psql('winback', $sql);
  }
  $node->restart if $checked eq 'valgrind';
  return;
}

sub create_database {
  my ($node) = @_;
  $node->safe_psql('postgres', 'CREATE DATABASE winback');
  $node->safe_psql('winback', 'CREATE EXTENSION winback');
  return;
}

1;
