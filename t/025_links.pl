# 025_links.pl
#   Checks the documents of the repository without running them: each relative link of a *.md file
#   leads to a file that exists, each anchor to a heading, and each picture to a file that is a
#   picture. README.md has at most 250 lines, and the pages of doc/ can be reached from it.
#
#   The idea: an anchor is made of a heading as GitHub makes it: in lower case, without anything
#   but letters, digits, "_", "-" and spaces, with "-" for each space. A second heading of the same
#   name gets "-1". Blocks of code have no links.
#
#   Limits: addresses on other hosts are not tried, and neither is HTML.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Find;
use FindBin;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = abs_path("$FindBin::RealBin/..");

# The text of a document without its blocks of code.
sub prose {
  my ($markdown) = @_;
  return $markdown =~ s/^([ \t]*)```.*?^\1```[ \t]*$//gmsr;
}

# The anchors of a document.
sub anchors {
  my ($markdown) = @_;
  my %seen;
  my @headings = prose($markdown) =~ /^#+ +(.*?) *$/gm;
  return map {
    my $anchor = lc s/\[([^\]]*)\]\([^)]*\)/$1/gr;
    $anchor =~ s/[^\w\- ]//g;
    $anchor =~ tr/ /-/;
    my $again = $seen{$anchor}++;
    $again ? "$anchor-$again" : $anchor
  } @headings;
}

# The links of a document: pairs of a "!", if it is a picture, and the target.
sub links {
  my ($markdown) = @_;
  # a code span has no links
  my $prose = prose($markdown) =~ s/`[^`\n]+`/code/gr;
  my @links;
  push @links, [ $1, $2 ] while $prose =~ /(!?)\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*([^()\s]*)\s*\)/g;
  return @links;
}

# What is wrong with a link in a file, or nothing. Both are below the directory.
sub complaint {
  my ($directory, $file, $picture, $target) = @_;
  return if $target =~ /^(?:https?|mailto):/;
  my ($path, $anchor) = $target =~ /^([^#]*)(?:#(.*))?$/;
  return "$target is no relative link" if $path =~ m{^/};
  my $to = $path eq '' ? $file : dirname($file) . "/$path";
  return "there is no $path" unless -e "$directory/$to";
  if ($picture) {
    my $head = substr(slurp_file("$directory/$to"), 0, 200);
    return "$path is no picture" unless $head =~ /^\x89PNG|<svg\b/;
  }
  return unless defined $anchor;
  return "$path is no document with headings" unless -f "$directory/$to" && $to =~ /\.md$/;
  return "$to has no heading for #$anchor"
    unless grep { $_ eq $anchor } anchors(slurp_file("$directory/$to"));
  return;
}

# The check finds what it should find.
my $directory = PostgreSQL::Test::Utils::tempdir;
append_to_file("$directory/a.md", "# One\n## Two, `three` ... four?\n## One\n```sh\n# Five\n```\n");
append_to_file("$directory/picture.svg", '<svg xmlns="http://www.w3.org/2000/svg"/>');
is(join(' ', anchors(slurp_file("$directory/a.md"))), 'one two-three--four one-1',
  'the anchors of headings are those of GitHub');
my $sample = "[a](b) `[c](d)` ![e](f) [g\nh](i#j) [`k`](l)\n```\n[m](n)\n```\n[o[p]](q)\n";
is(join(' ', map { "$_->[0]$_->[1]" } links($sample)), 'b !f i#j l q',
  'links in text are found, and links in code are not');
for (
  [ '', 'a.md#one-1', undef ], [ '', '#one', undef ], [ '!', 'picture.svg', undef ],
  [ '', 'https://example.org/', undef ],
  [ '', 'b.md', 'there is no b.md' ], [ '', '#five', 'a.md has no heading for #five' ],
  [ '', '/a.md', '/a.md is no relative link' ], [ '!', 'a.md', 'a.md is no picture' ],
  [ '', 'picture.svg#x', 'picture.svg is no document with headings' ],
) {
  my ($picture, $target, $complaint) = @$_;
  my $found = complaint($directory, 'a.md', $picture, $target);
  $found =~ s{^\./}{} if defined $found;
  $found =~ s{ \./}{ } if defined $found;
  is($found, $complaint, "the check of $picture$target");
}

my @documents;
find({ no_chdir => 1, wanted => sub {
    # what tests and builds leave behind, and what npm installs, are no documents of ours
    $File::Find::prune = 1 if -d && m{/(?:\.git|tmp_check|node_modules|test-failure|dist)$};
    push @documents, $_ =~ s{^\Q$top\E/}{}r if -f && /\.md$/;
  } }, $top);
@documents = sort @documents;
cmp_ok(scalar @documents, '>', 10, 'the repository has more than 10 documents');
my %leads_to;
for my $document (@documents) {
  my @links = links(slurp_file("$top/$document"));
  $leads_to{$document} = [ map { my $path = $_->[1] =~ s/#.*//r;
      $path eq '' || $path =~ /:/ ? () : dirname($document) . "/$path" } @links ];
  my @complaints = map { complaint($top, $document, @$_) } @links;
  is(join("\n", @complaints), '', "the links of $document lead somewhere");
}

# From README to each page, link by link.
my %reached = ('README.md' => 1);
my @next = ('README.md');
while (defined(my $document = shift @next)) {
  for my $path (@{ $leads_to{$document} }) {
    my $real = abs_path("$top/$path") // next;
    my $name = $real =~ s{^\Q$top\E/}{}r;
    push @next, $name if $leads_to{$name} && !$reached{$name}++;
  }
}
is(join(' ', grep { m{^doc/} && !$reached{$_} } @documents), '',
  'README leads to each page of doc/');

my $lines = () = slurp_file("$top/README.md") =~ /\n/g;
cmp_ok($lines, '<=', 250, 'README.md has at most 250 lines');

done_testing();
