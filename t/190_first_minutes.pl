# 190_first_minutes.pl
#   What somebody meets first: `make help`, `make` without PostgreSQL's development files,
#   the progress and the errors of the scripts, and the archive that `make dist` writes.
#
#   Limits: the test installs no package and needs no network. It reads fixed logs instead
#   of those of apt-get and of pg_regress. It makes the archive only where git, unzip and
#   Debian's python3-jsonschema are installed.
use strict;
use warnings;

use File::Path;
use FindBin;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = "$FindBin::RealBin/..";
my $dir = PostgreSQL::Test::Utils::tempdir;
my $pg_config = $ENV{PG_CONFIG} || 'pg_config';

# `make installcheck` runs this test, and its settings are not for the makes below.
delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES PG_CONFIG DIST)};

# Runs a command. Returns its exit status, its output and its errors.
sub run_it {
  my (@command) = @_;
  my ($output, $errors) = ('', '');
  IPC::Run::run(\@command, '<', \undef, '>', \$output, '2>', \$errors);
  return ($? >> 8, $output, $errors);
}

sub make { return run_it('make', '--no-print-directory', '-C', $top, @_); }

# ---- make help

my ($status, $help, $errors) = make('help', "PG_CONFIG=$dir/none");
is("$status, $errors", '0, ', 'make help needs no pg_config');
my @listed = $help =~ /^  make ([a-z]+) /gm;
cmp_ok(scalar @listed, '>', 10, 'make help lists more than ten targets');
is(join(' ', grep { length > 99 } split /\n/, $help), '', 'no line of it is too long');
my (undef, $database) = make('-pn', 'help');
my ($phony) = $database =~ /^\.PHONY: (.*)$/m;
my %listed = map { $_ => 1 } @listed;
is(join(' ', grep { !$listed{$_} } split ' ', $phony), '',
  'make help lists each target that the Makefile adds');
is(join(' ', grep { !$listed{$_} } qw(install installcheck uninstall clean)), '',
  'make help lists the targets that PGXS adds');
for my $target (grep { $_ ne 'report' } sort keys %listed) {
  ($status) = make('-n', $target, "PG_CONFIG=$pg_config");
  is($status, 0, "make knows the target $target that make help lists");
}

# ---- make without the development files; no machine has PostgreSQL 99

my $home = "$dir/postgresql/99/bin";
mkpath($home);
for my $goal ('all', 'install') {
  my @said = make($goal, "PG_CONFIG=$home/pg_config");
  is($said[0], 2, "make $goal fails without pg_config");
  is($said[1], '', "make $goal prints nothing else then");
  like($said[2], qr{\A[^\n]*pg_config is not here\. Install the package \S*99\S* \([^\n]+\n\z},
    "make $goal names the package in one line");
}
append_to_file("$home/pg_config", "#!/bin/sh\necho $dir/none/pgxs.mk\n");
chmod 0755, "$home/pg_config";
my @without_pgxs = make("PG_CONFIG=$home/pg_config");
is($without_pgxs[0], 2, 'make fails without PGXS');
like($without_pgxs[2], qr{\A[^\n]*without the makefiles[^\n]+ Install the package \S+ [^\n]+\n\z},
  'make names the package in one line if only PGXS is missing');

# ---- progress and errors of the scripts

# Runs functions of scripts/lib.sh, where $tmp is a directory with apt.log in it.
sub lib {
  my ($log, $commands) = @_;
  unlink "$dir/apt.log";
  append_to_file("$dir/apt.log", $log);
  return run_it('bash', '-c', ". '$top/scripts/lib.sh'; tmp='$dir'; $commands");
}

my $mirror = 'http://deb.debian.org/debian';
my $plan = "0 upgraded, 12 newly installed, 0 to remove and 3 not upgraded.\n";
my @steps = (
  [ "Get:1 $mirror trixie InRelease [140 kB]\n", 'apt reads the list of trixie' ],
  [ "Get:2 $mirror trixie/main amd64 Packages [9670 kB]\n", 'apt reads the list of trixie/main' ],
  [ "${plan}Get:1 $mirror trixie/main amd64 gcc amd64 4:14.2.0-1 [1 kB]\n",
    'apt downloads gcc (1 of 12)' ],
  [ "${plan}Ign:1 $mirror trixie/main amd64 gcc amd64 4:14.2.0-1\n",
    "apt has not yet got trixie/main gcc from $mirror" ],
  [ "${plan}Unpacking make (4.4.1-2) ...\nUnpacking gcc (4:14.2.0-1) ...\n",
    'apt unpacks gcc (2 of 12)' ],
  [ "${plan}Unpacking gcc (4:14.2.0-1) ...\nSetting up gcc (4:14.2.0-1) ...\n",
    'apt sets up gcc (1 of 12)' ],
);
for (@steps) {
  my ($log, $step) = @$_;
  my (undef, $said) = lib($log, 'step_of_apt $tmp/apt.log');
  is($said, "$step\n", "progress: $step");
}

my $resolver = "Temporary failure resolving 'deb.debian.org'";
my @without_network = lib("Err:1 $mirror trixie InRelease\n  $resolver\n",
  'apt_failed "apt-get update failed" "dpkg --configure -a"');
is($without_network[0], 1, 'a script fails without a network');
my $sentence = qr/Mend the network of [^.]+\.conf\)[^.]+apt\.conf\.d[^.]+\./;
like($without_network[2], qr/\AERROR: .*no mirror\n  \Q$resolver\E\n  $sentence\n\z/,
  'the error has the reason that apt gives, and one sentence');
my @held = lib("E: Unable to correct problems, you have held broken packages.\n",
  'apt_failed "apt-get failed" "dpkg --configure -a"');
like($held[2], qr/\AE: .*held.*\nERROR: apt-get failed.*\n  dpkg --configure -a\n\z/,
  'another error has the end of the log, and the other advice');

# What is printed while a command runs and standard output is no terminal
my @waited = lib('', q{with_progress "$tmp/apt.log" step_of_apt \
  bash -c 'echo "Unpacking gcc (1) ..."; read -rt 7 _ <> <(:); exit 3' || echo "status $?"});
like($waited[1], qr/\A( +\d+ s  apt unpacks gcc \(1\)\n)+status 3\n\z/,
  'progress is whole lines, without control characters, and the status of the command');

# ---- the count of the tests: the function of scripts/test that reads their output

my ($tally) = slurp_file("$top/scripts/test") =~ /^(tally\(\) \{.*?^\}\n.*?^ended\(\) [^\n]*\n)/ms;
sub tally {
  my ($log) = @_;
  my ($said, $complaints) = ('', '');
  IPC::Run::run([ 'bash', '-c', "$tally tally run '$dir/count'" ], '<', \$log, '>', \$said,
    '2>', \$complaints);
  is($complaints, '', 'tally has no error');
  my @count = split ' ', slurp_file("$dir/count");
  return ($said =~ s/, \d+ s$//gmr =~ s/ +/ /gr, "@count");
}

my ($said, $count) = tally(<<'END');
(using postmaster on /tmp/x, port 5432)
============== dropping database "contrib_regression" ==============
DROP DATABASE
test rates                        ... ok           12 ms
test scan                         ... FAILED     1234 ms
     scan_visibility              ... ok            5 ms
test keys                         ... failed (ignored)    7 ms
 2 of 4 tests passed.
END
is($said, <<'END', 'pg_regress up to 15: a line for each test');
run ok rates 12 ms
run FAILED scan 1234 ms
run ok scan_visibility 5 ms
run failed (ignored) keys 7 ms
run 2 of 4 tests passed.
END
is($count, '2 1 1', 'pg_regress up to 15: the count');

($said, $count) = tally(<<'END');
# using postmaster on /tmp/x, port 5432
ok 1         - rates                                      12 ms
not ok 2     - scan                                     1234 ms
ok 3         + scan_visibility                             5 ms
1..3
# 1 of 3 tests failed.
END
is($said, <<'END', 'pg_regress from 16 on: a line for each test');
run ok rates 12 ms
run FAILED scan 1234 ms
run ok scan_visibility 5 ms
run # 1 of 3 tests failed.
END
is($count, '2 1 0', 'pg_regress from 16 on: the count');

($said, $count) = tally(<<'END');
t/010_a.pl .. skipped: no data
t/020_b.pl .. 
ok 1 - one
# Subtest: two
    ok 1 - inner
    1..1
ok 2 - two
ok 3 # skip no browser
1..3
ok
t/030_c.pl .. 
ok 1 - one
not ok 2 - two
#   Failed test 'two'
Dubious, test returned 1 (wstat 256, 0x100)
Failed 1/2 subtests 
t/040_d.pl .. 
ok 1 - one
Dubious, test returned 255 (wstat 65280, 0xff00)
All 1 subtests passed 
END
is($said, <<'END', 'prove: a line for each file, and for what failed');
run skipped t/010_a.pl no data
run ok 3 # skip no browser
run ok t/020_b.pl 2 assertions
run not ok 2 - two
run # Failed test 'two'
run FAILED t/030_c.pl 2 assertions
run Dubious, test returned 1 (wstat 256, 0x100)
run Failed 1/2 subtests 
run FAILED t/040_d.pl 1 assertions
run Dubious, test returned 255 (wstat 65280, 0xff00)
run All 1 subtests passed 
END
is($count, '4 2 2', 'prove: the count');

# ---- make dist

SKIP: {
  my @missing = grep { (run_it('sh', '-c', "command -v $_"))[0] } qw(git unzip);
  push @missing, 'python3-jsonschema'
    if (run_it('sh', '-c', '/usr/bin/python3 -s -c "import jsonschema"'))[0];
  skip("@missing not installed", 8) if @missing;

  # The tests run in a copy without .git, in which others write their results.
  my $clone = "$dir/clone";
  mkpath($clone);
  system(qq{tar -C '$top' -cf - --exclude=./.git --exclude='*.o' --exclude='*.bc' \\
    --exclude='*.so' --exclude=./without-scans --exclude=./results --exclude=./output_iso \\
    --exclude=./tmp_check --exclude=./log --exclude='./regression.*' --exclude=./dist \\
    --exclude='./test-failure*' . | tar -C '$clone' -xf -}) == 0
    or die "tar failed\n";
  append_to_file("$clone/.gitattributes", "/left-out export-ignore\n");
  append_to_file("$clone/left-out", "This file is not for the archive.\n");
  my @git = ('git', '-C', $clone, '-c', 'user.name=Test', '-c', 'user.email=test@example.org');
  for ([ 'init', '-q' ], [ 'add', '-A' ], [ 'commit', '-q', '-m', 'A test' ]) {
    my @done = run_it(@git, @$_);
    is($done[0], 0, "git $_->[0]") or diag($done[2]);
  }

  local $ENV{DIST} = "$dir/dist";
  my @made = run_it('make', '--no-print-directory', '-C', $clone, 'dist');
  is("$made[0], $made[2]", '0, ', 'make dist makes the archive, whose META.json is valid')
    or diag($made[1]);
  my ($archive) = glob "$dir/dist/winback-*.zip";
  my ($name) = ($archive // '') =~ m{/(winback-\d+\.\d+\.\d+)\.zip$}
    or die "make dist has not made an archive\n";
  run_it('unzip', '-q', '-d', "$dir/unpacked", $archive);
  my (undef, $committed) = run_it(@git, 'ls-files');
  my (undef, $unpacked) = run_it('sh', '-c',
    "cd '$dir/unpacked/$name' && find . ! -type d | sed 's,^\\./,,'");
  my @wanted = grep { $_ ne 'left-out' } split /\n/, $committed;
  is(join("\n", sort split /\n/, $unpacked), join("\n", sort @wanted),
    'the archive has each file of the commit but those that are marked, and no other file');

  # without optimization, as only the result counts
  my @built = run_it('make', '-s', '-C', "$dir/unpacked/$name", "PG_CONFIG=$pg_config",
    'COPT=-O0 -Wno-cpp', 'with_llvm=no', 'all');
  is($built[0], 0, 'the archive builds') or diag($built[2]);
  my @installed = run_it('make', '-s', '-C', "$dir/unpacked/$name", "PG_CONFIG=$pg_config",
    'with_llvm=no', 'install', "DESTDIR=$dir/stage");
  is($installed[0], 0, 'and installs') or diag($installed[2]);

  # a META.json that the specification forbids
  my $meta = slurp_file("$clone/META.json") =~ s/"version": "0/"version": "x/r;
  unlink "$clone/META.json";
  append_to_file("$clone/META.json", $meta);
  run_it(@git, 'commit', '-q', '-a', '-m', 'A mistake');
  my @invalid = run_it('make', '--no-print-directory', '-C', $clone, 'dist');
  isnt($invalid[0], 0, 'make dist fails if META.json is not valid');
}

done_testing();
