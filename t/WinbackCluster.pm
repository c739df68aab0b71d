# WinbackCluster.pm
#   A server for a TAP test, with winback in its database.
#
#   my $node = WinbackCluster::start('real_data');
#   $node->safe_psql('winback', 'SELECT ...');
#
#   The server is PostgreSQL's own test server (PostgreSQL::Test::Cluster): it
#   lives under tmp_check, listens on a socket in a temporary directory and
#   goes away with the test.
#
#   A server that pg_upgrade is to upgrade, or to upgrade to, is only created, not
#   started. It runs the PostgreSQL of this directory, with winback installed in it:
#
#   my $old = WinbackCluster::create('old', $install_path);
#
#   WINBACK_DESTDIR  where "make install DESTDIR=..." put the extension; unset
#                    if it is installed in PostgreSQL's own directories
#   WINBACK_CHECKED  asan or valgrind, if the server runs under one of them
#                    (scripts/checked). It is slower then and takes more memory, so
#                    tests do not judge time and memory.
package WinbackCluster;

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our $checked = $ENV{WINBACK_CHECKED} || '';

# Returns the settings by which a server finds the extension staged under $destdir.
# PostgreSQL has a setting for this from 18 on; up to 17 a patch of Debian adds one.
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

# Options of initdb: UTF-8; and checksums, which 18 has by default and which pg_upgrade
# wants equal. For 17 and newer, scripts/test has made a template with the same options.
my @initdb = ('--encoding=UTF8', '--locale=C', '--data-checksums');

sub create {
  my ($name, $install_path) = @_;
  my @path = $install_path ? (install_path => $install_path) : ();
  my $node = PostgreSQL::Test::Cluster->new($name, @path);
  # a PostgreSQL with winback installed in it needs no settings to find the stage
  delete local $ENV{TEMP_CONFIG} if $install_path;
  $node->init($ENV{INITDB_TEMPLATE} && !$install_path ? () : (extra => \@initdb));
  $node->append_conf('postgresql.conf', settings_for_stage($ENV{WINBACK_DESTDIR}))
    if $ENV{WINBACK_DESTDIR} && !$install_path;
  return $node;
}

# Returns a psql that stays connected to the database "winback": PostgreSQL::Test's
# BackgroundPsql, but without a line in the test's log for each query, with the timeout
# of PostgreSQL's tests for each query rather than for all together, and without the
# newline that an early release of 16 leaves at the end of an answer.
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

# Creates and starts a server with the database "winback".
sub start {
  my ($name) = @_;
  my $node = create($name);
  $node->start;
  create_database($node);
  return $node;
}

# Tests that the server which was started at $started has neither restarted nor crashed, and that
# no process found a damaged page or leaked resources. A prefix of the tests' names can be given.
sub check_same_server {
  my ($node, $started, $prefix) = @_;
  my $trouble = join '|', 'terminated by signal', 'PANIC', 'TRAP:', 'page verification',
    'buffer refcount leak', 'relcache reference leak', 'resource was not closed';
  $prefix = defined $prefix ? "$prefix: " : '';
  is($node->safe_psql('winback', 'SELECT pg_postmaster_start_time()'), $started,
    $prefix . 'the server has not restarted');
  unlike(slurp_file($node->logfile), qr/$trouble/,
    $prefix . 'no process of the server has crashed or leaked resources');
  return;
}

# Runs statements that only fill the database. Under valgrind the server is restarted
# without valgrind for them, and with it again afterwards.
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
