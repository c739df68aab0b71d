# 030_types.pl
#   Proves that what the types store and send is safe: values keep their codes
#   on disk, survive binary COPY and pg_dump with the indexes and views over
#   them, and no bytes whatever, as text or binary, bring the server down or
#   get a value in that does not read back equal. Also proves that a text which
#   is no value is a soft error: PostgreSQL can ask first, or leave a row out.
#
#   WINBACK_FUZZ_SEED   the seed of the mutations; another one each time unless
#                       set. It is printed.
#   WINBACK_FUZZ_TIMES  how many times as many mutations as usual; default 1
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use PostgreSQL::Test::Utils;
use WinbackCluster;
use WinbackTypes;

my $node = WinbackCluster::start('types');
my $files = PostgreSQL::Test::Utils::tempdir;
my $started = $node->safe_psql('winback', 'SELECT pg_postmaster_start_time()');

sub ask { return $node->safe_psql('winback', $_[0]); }

WinbackTypes::create($node, 'winback');
# Tallies of one period and of a series, of each type of time, with and without what is optional.
# Older versions of the objects lack these types, so WinbackTypes does not create them.
my @types = (@WinbackTypes::types, 'lifecycle_tally', 'spend_tally', 'customer_history',
  'return_curve');
ask(q{
  CREATE TABLE tallies (id int PRIMARY KEY, one_lifecycle_tally lifecycle_tally,
                        many_lifecycle_tally lifecycle_tally[])
    WITH (toast_tuple_target = 128);
  ALTER TABLE tallies ALTER one_lifecycle_tally SET STORAGE external;
  INSERT INTO tallies
  SELECT id, tally, ARRAY[tally, NULL]
    FROM generate_series(1, 60) AS id, LATERAL (SELECT CASE id % 3
      WHEN 0 THEN (SELECT lifecycle_series_tally_lost_after(customer, at, event, amount,
                            tstzrange('2023-06-01', '2023-08-10'), '1 month', '20 days', '40 days',
                            '1 year')
                     FROM orders WHERE customer < id)
      WHEN 1 THEN (SELECT lifecycle_counts_tally(customer, at::date, event, '[2023-06-01,)',
                            '20 days', NULL)
                     FROM orders WHERE customer < id)
      ELSE (SELECT lifecycle_counts_tally(customer, at::timestamp, amount * 1e15 + 1e-20,
                     '[2023-06-01,2023-07-01)', '20 days', '40 days')
              FROM orders WHERE customer < id) END AS tally) t;
});
# Tallies of money.
ask(q{
  CREATE TABLE spends AS
  SELECT n AS id, tally AS one_spend_tally, ARRAY[tally, NULL, '2/30.00/500'] AS many_spend_tally
    FROM generate_series(1, 30) AS n,
         LATERAL (SELECT spend_tally(CASE k % 4 WHEN 0 THEN NULL WHEN 1 THEN -k / 7.0
                                     WHEN 2 THEN k * 1e20 ELSE k * 0.01 END) AS tally
                    FROM generate_series(1, n) AS k) AS t;
  INSERT INTO spends VALUES (31, '0/0/0', '{0/0/0}'), (32, '9223372036854775807/0/0', '{}');
});
my %contents = (
  WinbackTypes::contents($node, 'winback'),
  tallies => 'SELECT * FROM tallies ORDER BY id',
  spends => 'SELECT * FROM spends ORDER BY id',
  WinbackTypes::add_histories($node, 'winback'),
);
# the table with the column of a type
sub table_of {
  return $_[0] =~ /lifecycle_tally/ ? 'tallies' : $_[0] =~ /spend_tally/ ? 'spends' : 'everything';
}

# curves of some of the orders, with silences that entered late and without
ask(q{
  ALTER TABLE everything ADD one_return_curve return_curve, ADD many_return_curve return_curve[];
  UPDATE everything
     SET one_return_curve =
           (SELECT CASE WHEN id % 2 = 0 THEN return_curve(customer, at, event, '2023-08-01')
                        ELSE return_curve_at(customer, at, event, '2023-06-10', '2023-08-01') END
              FROM orders WHERE customer < id),
         many_return_curve = ARRAY['{}', '{1:9223372036854775806/1}', NULL,
           '{70000:1/0/0,70001:2/3}',
           (SELECT return_curve(customer, at, '2023-07-01') FROM orders WHERE customer < id)];
});
$contents{curves} = 'SELECT id, one_return_curve, many_return_curve FROM everything ORDER BY id';

# An index, a partial index, a constraint and a view that use the order of the tallies and
# the comparison of labels with text. pg_dump writes them out, so they must read in again.
ask(q{
  CREATE INDEX tallies_ordered ON everything (one_rate_tally DESC, id);
  CREATE INDEX purchases ON everything (id) WHERE one_lifecycle_event = text 'purchase';
  CREATE TABLE texts (label text CHECK (label <> lifecycle_status 'new'), tally rate_tally);
  INSERT INTO texts SELECT DISTINCT one_lifecycle_status, one_rate_tally FROM everything
                     WHERE one_lifecycle_status <> text 'new';
  CREATE VIEW by_text AS
  SELECT label, count(*), min(one_lifecycle_status) AS status, max(one_lifecycle_event) AS event,
         max(one_rate_tally) AS best, max(one_rate_tally - tally) AS rest,
         sum(one_rate_tally::numeric) AS rates
    FROM everything JOIN texts ON label = one_lifecycle_status AND one_rate_tally = tally
   WHERE one_lifecycle_event = ANY (ARRAY['purchase', text 'interest'])
   GROUP BY label;
});
$contents{by_text} = 'SELECT * FROM by_text ORDER BY label';
is(ask(q{SELECT count(*), count(one_lifecycle_counts), count(many_lifecycle_explanation),
                count(many_customer_history) FROM everything}),
  '61|60|60|60', 'a table holds values of all types, and NULLs');

#
# The codes on disk. A change of them would make the tables of a running
# installation say something else, after pg_upgrade too.
#
ask(q{
  CREATE TABLE codes (a lifecycle_status, b lifecycle_status, c lifecycle_status,
                      d lifecycle_status, e lifecycle_status, f lifecycle_status,
                      g lifecycle_status);
  INSERT INTO codes
  VALUES ('prospect', 'new', 'active', 'inactive', 'churned', 'reactivated', 'won_back');
  CREATE TABLE event_codes (a lifecycle_event, b lifecycle_event, c lifecycle_event,
                            d lifecycle_event);
  INSERT INTO event_codes VALUES ('interest', 'purchase', 'cancellation', 'adjustment');
  CREATE TABLE status_arrays AS
  SELECT ARRAY(SELECT s FROM codes, unnest(ARRAY[g, f, e, d, c, b, a]) AS s) AS s;
  CREATE TABLE tally_codes AS SELECT rate_tally(1234567890123, 2345678901234) AS t;
  CHECKPOINT;
});

# How often bytes occur in the file of a table.
sub occurrences {
  my ($table, $bytes) = @_;
  my $file = $node->data_dir . '/' . ask("SELECT pg_relation_filepath('$table')");
  my $content = slurp_file($file);
  my $count = () = $content =~ /\Q$bytes\E/g;
  return $count;
}
is(occurrences('codes', pack('C*', map { 16 * $_ } 1 .. 7)),
  1, 'lifecycle_status is stored as 16, 32, .. 112, in the order of its labels');
is(occurrences('status_arrays', pack('C*', map { 16 * $_ } reverse 1 .. 7)),
  1, 'in an array too');
is(occurrences('event_codes', pack('C*', 16, 32, 48, 64)),
  1, 'lifecycle_event is stored as 16, 32, 48, 64, in the order of its labels');
is(occurrences('tally_codes', pack('q2', 1234567890123, 2345678901234)),
  1, 'rate_tally is stored as two int8, returned first');

#
# Binary COPY: a file read in and written out again is the same file.
#
for my $table ('everything', 'tallies', 'spends') {
  ask(qq{
    CREATE TABLE copied_$table AS TABLE $table WITH NO DATA;
    COPY $table TO '$files/$table' (FORMAT binary);
    COPY copied_$table FROM '$files/$table' (FORMAT binary);
    COPY copied_$table TO '$files/copied' (FORMAT binary);
  });
  is(slurp_file("$files/copied"), slurp_file("$files/$table"),
    "binary COPY of $table in and out gives the same bytes");
  is(ask(qq{SELECT count(*) FILTER (WHERE e::text IS DISTINCT FROM c::text)
             FROM $table e FULL JOIN copied_$table c USING (id)}),
    0, 'and the same values');
}
is(ask('SELECT count(*) FILTER (WHERE e.one_lifecycle_tally = c.one_lifecycle_tally
          AND NOT e.one_lifecycle_tally <> c.one_lifecycle_tally
          AND e.many_lifecycle_tally = c.many_lifecycle_tally AND e = c),
          (SELECT count(*) > 50 FROM (SELECT DISTINCT one_lifecycle_tally FROM tallies) AS d)
          FROM tallies e JOIN copied_tallies c USING (id)'),
  '60|t', 'equal by their operators, as elements of arrays and in rows');
is(ask('SELECT count(*), count(*) FILTER (WHERE e.one_lifecycle_status = c.one_lifecycle_status
          AND e.one_lifecycle_event = c.one_lifecycle_event AND e.one_rate_tally = c.one_rate_tally
          AND rate_tally_cmp(e.one_rate_tally, c.one_rate_tally) = 0
          AND e.one_lifecycle_status = c.one_lifecycle_status::text
          AND c.one_lifecycle_event::text = e.one_lifecycle_event
          AND e.one_customer_history = c.one_customer_history
          AND customer_history_cmp(e.one_customer_history, c.one_customer_history) = 0
          AND e.many_customer_history = c.many_customer_history
          AND e.many_lifecycle_status = c.many_lifecycle_status
          AND e.many_lifecycle_event = c.many_lifecycle_event)
          FROM everything e JOIN copied_everything c USING (id) WHERE id > 0'),
  '60|60', 'equal by their operators');

#
# Soft errors: texts that are no values, each with the SQLSTATE and the hint or
# detail that the hard error has; and in arrays and composites, where PostgreSQL
# passes the context on.
#
my $version = ask(q{SELECT current_setting('server_version_num')::int / 10000});
my @broken = (
  [ 'lifecycle_status', 'lapsed', 'Labels are prospect, new,' ],
  [ 'lifecycle_status', '', 'Labels are prospect, new,' ],
  [ 'lifecycle_event', 'active', 'Labels are interest, purchase, cancellation and adjustment.' ],
  [ 'lifecycle_event', '2024-01-01', 'The text looks like a time. A period is one argument: ' ],
  [ 'lifecycle_event', '[2024-01-01,)', 'The text looks like a period. There is one threshold' ],
  [ 'rate_tally', '12', 'Write returned/eligible' ],
  [ 'rate_tally', '1/99999999999999999999', 'Write returned/eligible' ],
  [ 'rate_tally', '3/2', 'Returned is 3, eligible is 2.' ],
  [ 'lifecycle_tally', '{"version": 2}', 'The text is not understood from "}" on.' ],
  [ 'spend_tally', '12/5', 'Write customers/sum/sum of squares' ],
  [ 'spend_tally', '1/2/x', 'Write customers/sum/sum of squares' ],
  [ 'spend_tally', '1/2/3', 'The square of the sum exceeds' ],
  [ 'customer_history', '{2024-01-05}', 'Write the type of the instants and the events, such' ],
  [ 'customer_history', '{date; 2024-01-05 interest 5}', 'The amount is 5.' ],
  [ 'return_curve', '{1:1}', 'Write days:returned/censored for each length' ],
  [ 'return_curve', '{2:1/0,1:1/0}', 'Lengths must ascend.' ],
  [ 'return_curve[]', '{"{1:0/0}"}', 'An element must count a silence' ],
  [ 'lifecycle_status[]', '{active,lapsed}', 'Labels are prospect, new,' ],
  [ 'rate_tally[]', '{1/2,3/2}', 'Returned is 3, eligible is 2.' ],
  [ 'lifecycle_transition', '(active,lapsed,1)', 'Labels are prospect, new,' ],
);
SKIP: {
  skip 'type input has soft errors from PostgreSQL 16 on', 4 * @broken + 4 if $version < 16;
  for (@broken) {
    my ($type, $text, $says) = @$_;
    is(ask("SELECT pg_input_is_valid('$text', '$type')"), 'f', "'$text' is no $type");
    my ($sqlstate, $message, $more) = split /\|/, ask(qq{
      SELECT sql_error_code, message, concat(detail, hint)
        FROM pg_input_error_info('$text', '$type')});
    is($sqlstate, '22P02', "'$text' as $type: the SQLSTATE");
    like($message,
      qr/^(invalid\ input|invalid\ return_curve|rate_tally\ must\ have|spend_tally\ must\ hold|
           interest\ must\ not\ have)/x,
      "'$text' as $type: the message");
    like($more, qr/^\Q$says\E/, "'$text' as $type: the detail or hint");
  }
  is(ask(q{SELECT bool_and(pg_input_is_valid(text, type)) FROM (VALUES
      ('won_back', 'lifecycle_status'), ('cancellation', 'lifecycle_event'), ('0/0', 'rate_tally'),
      ('{active,NULL}', 'lifecycle_status[]'), ('(active,,1)', 'lifecycle_transition'),
      ('{date; 2024-01-05 purchase 49.90}', 'customer_history')
      ) v (text, type)}),
    't', 'what is a value is valid');
  is(ask(q{SELECT string_agg(sql_error_code || ' ' || message, ', ' ORDER BY n)
             FROM unnest(ARRAY['{date; soon}', '{timestamp; 2024-13-01}',
                               '{date; 2024-01-05 purchase x}']) WITH ORDINALITY AS t (text, n),
                  pg_input_error_info(text, 'customer_history')}),
    '22007 invalid input syntax for type date: "soon", 22008 date/time field value out of range: '
      . '"2024-13-01", 22P02 invalid input syntax for type numeric: "x"',
    'a wrong instant or amount in a history is a soft error');
  skip 'COPY leaves out rows from PostgreSQL 17 on', 2 if $version < 17;
  append_to_file("$files/rows", join '', map { "$_\n" }
    "1\tactive\tpurchase\t1/2", "2\tlapsed\tpurchase\t1/2", "3\tactive\trefund\t1/2",
    "4\tactive\tpurchase\t3/2", "5\tactive\tpurchase\thalf", "6\tchurned\tinterest\t0/0");
  ask(qq{CREATE TABLE taken (id int, s lifecycle_status, e lifecycle_event, t rate_tally);
         COPY taken FROM '$files/rows' (ON_ERROR ignore)});
  is(ask('SELECT * FROM taken ORDER BY id'), "1|active|purchase|1/2\n6|churned|interest|0/0",
    'COPY ... (ON_ERROR ignore) leaves out the rows with a text that is no value');
  isnt($node->psql('winback', "COPY taken FROM '$files/rows'"), 0, 'without it, COPY fails');
}

#
# pg_dump and restore: values, indexes, views, what a materialized view holds.
#
# a dump without its comments and the random key that newer ones have
sub dump_of {
  my ($database) = @_;
  my ($dump, $errors) = run_command([ 'pg_dump', '--dbname', $node->connstr($database) ]);
  is($errors, '', "$database can be dumped");
  return join "\n", grep { !/^(--|\\(un)?restrict|$)/ } split /\n/, $dump;
}
my $dump = dump_of('winback');
like($dump, qr/CREATE EXTENSION IF NOT EXISTS winback/,
  'the dump brings the extension along by its name');
unlike($dump, qr/CREATE (FUNCTION|AGGREGATE|OPERATOR|CAST)/, 'and none of its objects');
for my $format ('plain', 'custom') {
  my $database = "restored_$format";
  $node->safe_psql('postgres', "CREATE DATABASE $database");
  command_ok(
    [ 'pg_dump', '--format', $format, '--file', "$files/$format",
      '--dbname', $node->connstr('winback') ],
    "$format dump");
  command_ok(
    $format eq 'plain'
    ? [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '--dbname', $node->connstr($database),
        '--file', "$files/$format" ]
    : [ 'pg_restore', '--exit-on-error', '--dbname', $node->connstr($database), "$files/$format" ],
    "$format dump restored");
  for my $what (sort keys %contents) {
    is($node->safe_psql($database, $contents{$what}), ask($contents{$what}),
      "$format dump: $what as before");
  }
  is(dump_of($database), $dump, "$format dump: dumped again it is the same");
}
is($node->safe_psql('restored_plain', q{
     SET enable_seqscan = off;
     SELECT count(*) FROM everything WHERE one_lifecycle_status = 'churned';
     SELECT count(*) FROM everything WHERE one_rate_tally = '41/294';
     SELECT min(one_rate_tally), max(one_rate_tally) FROM everything;
     REFRESH MATERIALIZED VIEW quarter; })
    . "\n" . $node->safe_psql('restored_plain', $contents{quarter}),
  "9\n1\n0/7|9223372036854775807/9223372036854775807\n" . ask($contents{quarter}),
  'restored indexes answer, and a refreshed materialized view holds the same');

#
# Mutation fuzz. From valid forms of each type, as text and as bytes, many
# broken ones; each must be refused with a user's error, or be a value that
# reads back equal.
#
my $seed = $ENV{WINBACK_FUZZ_SEED} || time ^ ($$ << 8);
srand($seed);
diag("mutations from WINBACK_FUZZ_SEED=$seed");

sub any { return $_[ int rand @_ ]; }

# A few random changes of a string of bytes or characters: flips, inserts,
# deletions, cuts, repeats, and pieces of other valid ones. Some stay as they are.
sub mutate {
  my ($string, $alphabet, @others) = @_;
  return $string if rand() < 0.05;
  for (1 .. 1 + int rand 3) {
    my $at = int rand(1 + length $string);
    my $length = 1 + int rand 6;
    my $kind = int rand 8;
    if ($kind == 0) { substr($string, $at, 1) = any(@$alphabet) if $at < length $string; }
    elsif ($kind == 1) { substr($string, $at, 0) = any(@$alphabet); }
    elsif ($kind == 2) { substr($string, $at, $length) = ''; }
    elsif ($kind == 3) { $string = substr $string, 0, $at; }
    elsif ($kind == 4) { substr($string, $at, 0) = substr $string, $at, $length; }
    elsif ($kind == 5) {
      my $other = any(@others);
      substr($string, $at, $length) = substr $other, int rand(1 + length $other), $length;
    }
    elsif ($kind == 6) {
      substr($string, $at, 1) = chr(ord(substr($string, $at, 1)) ^ 1 << int rand 7)
        if $at < length $string;
    }
    else { $string .= any(@others) if rand() < 0.3; }
  }
  return $string;
}

# Valid forms: of the scalars by themselves, of arrays and composites from the table.
sub valid_texts {
  my ($column) = @_;
  my $table = table_of($column);
  return map { pack 'H*', $_ } split /\n/, ask(qq{
    SELECT DISTINCT encode(convert_to($column\::text, 'UTF8'), 'hex')
      FROM $table WHERE $column IS DISTINCT FROM NULL});
}
# The field of a binary COPY file with one row of one column.
sub valid_fields {
  my ($column) = @_;
  my @fields;
  my $table = table_of($column);
  my $ids = ask(qq{SELECT min(id) FROM $table WHERE $column IS DISTINCT FROM NULL
                    GROUP BY $column\::text ORDER BY 1 LIMIT 12});
  for my $id (split /\n/, $ids) {
    ask("COPY (SELECT $column FROM $table WHERE id = $id) TO '$files/valid' (FORMAT binary)");
    my $file = slurp_file("$files/valid");
    my ($signature, $flags, $extension, $count, $length) = unpack 'a11 N N n N', $file;
    die "no binary COPY file" unless $signature eq "PGCOPY\n\377\r\n\0" && $count == 1;
    push @fields, substr $file, 25, $length;
  }
  return @fields;
}

# Refusals: syntax and range (class 22), a wrong type within an array or
# composite, a message too short or too long (08P01), too many dimensions.
my $refusals = '^(22...|42804|08P01|54000|54011)$';

ask(q{
  CREATE TABLE inputs (no int, type text, input bytea);
  CREATE TABLE outcomes (form text, type text, sqlstate text, input text);

  -- takes every input as text, and what it accepts back and forth
  CREATE PROCEDURE read_texts() LANGUAGE plpgsql AS $$
  DECLARE
    i record;
    once text;
    twice text;
    equal boolean;
  BEGIN
    FOR i IN SELECT * FROM inputs ORDER BY no LOOP
      BEGIN
        EXECUTE format('SELECT ($1::%1$s)::text', i.type)
           INTO once USING convert_from(i.input, 'UTF8');
        EXECUTE format('SELECT ($1::%1$s)::text', i.type) INTO twice USING once;
        EXECUTE format('SELECT $1::%1$s = $2::%1$s', i.type)
           INTO equal USING convert_from(i.input, 'UTF8'), once;
        INSERT INTO outcomes
        VALUES ('text', i.type, CASE WHEN once = twice AND equal THEN '00000' ELSE 'differs' END,
                i.input);
      EXCEPTION WHEN OTHERS THEN
        INSERT INTO outcomes VALUES ('text', i.type, sqlstate, i.input);
      END;
    END LOOP;
  END $$;

  -- takes files 1 to last of a type into table sink
  CREATE PROCEDURE read_files(type text, directory text, last int) LANGUAGE plpgsql AS $$
  BEGIN
    FOR file IN 1 .. last LOOP
      BEGIN
        EXECUTE format('COPY sink FROM %L (FORMAT binary)', directory || '/' || file);
        INSERT INTO outcomes VALUES ('binary', type, '00000', file);
      EXCEPTION WHEN OTHERS THEN
        INSERT INTO outcomes VALUES ('binary', type, sqlstate, file);
      END;
    END LOOP;
  END $$;
});

# An open curve, which is the state of an aggregate over histories, is no input.
ask(qq{
  CREATE SCHEMA open_curves;
  CREATE AGGREGATE open_curves.state(customer_history, text) (
    SFUNC = return_curve_history_trans, STYPE = return_curve);
  CREATE CAST (return_curve AS bytea) WITHOUT FUNCTION;
  CREATE TABLE open_curves.bytes AS
    SELECT open_curves.state('{date; 2024-01-01, 2024-02-01}', '2024-03-01')::bytea AS curve;
  COPY open_curves.bytes TO '$files/open_curve' (FORMAT binary);
  CREATE TABLE open_curves.taken (curve return_curve)});
my ($code, $stdout, $stderr) =
  $node->psql('winback', "COPY open_curves.taken FROM '$files/open_curve' (FORMAT binary)");
is(ask('SELECT get_byte(curve, 0) FROM open_curves.bytes'), '0', 'an open curve has the version 0');
like($stderr, qr/invalid return_curve in a message\nDETAIL: +The version is not known/,
  'binary input refuses an open curve');
ask('DROP CAST (return_curve AS bytea); DROP SCHEMA open_curves CASCADE');

# characters that mean something to a type, and some that mean nothing to any
my @characters = (split(//, q{0123456789/{}(),"\\ -+.eEnNuUlLpPaAtTcC:_'}),
  "\t", "\n", "\x{e9}", "\x{2044}", "\x{1f600}");
my @bytes = (map({ chr } 0 .. 255), ("\0", "\1", "\377") x 40);
my @all = map { ($_, "${_}[]") } @types;
my (%texts, %fields);
for my $type (@all) {
  my $column = $type =~ /(.*)\[\]/ ? "many_$1" : "one_$type";
  $texts{$type} = [ valid_texts($column) ];
  $fields{$type} = [ valid_fields($column) ];
}

my $texts_of_each = int 1500 * ($ENV{WINBACK_FUZZ_TIMES} || 1);
my $no = 0;
for my $type (@all) {
  my $file = "$files/inputs";
  open my $out, '>', $file or die "$file: $!";
  for (1 .. $texts_of_each) {
    my $input = mutate(any(@{ $texts{$type} }), \@characters,
      @{ $texts{$type} }, @{ $texts{ any(@all) } },
      '9223372036854775807', '9223372036854775808', '/', 'NULL');
    $input =~ tr/\0//d;
    utf8::encode($input);
    printf $out "%d\t%s\t\\\\x%s\n", ++$no, $type, unpack 'H*', $input;
  }
  close $out;
  ask("COPY inputs FROM '$file'");
}
ask('CALL read_texts()');

my $files_of_each = int 250 * ($ENV{WINBACK_FUZZ_TIMES} || 1);
for my $type (@all) {
  my $directory = "$files/$type";
  mkdir $directory or die "$directory: $!";
  for my $no (1 .. $files_of_each) {
    my $field = any(@{ $fields{$type} });
    $field = mutate($field, \@bytes, @{ $fields{$type} }, @{ $fields{ any(@all) } });
    my $file = pack('a11 N N n N', "PGCOPY\n\377\r\n\0", 0, 0, 1, length $field)
      . $field . pack 'n', 0xffff;
    # now and then what is around the field, but not its length: that only asks for memory
    $file = mutate($file, \@bytes, $file) if rand() < 0.1 && length $field < 100;
    open my $out, '>:raw', "$directory/$no" or die "$directory/$no: $!";
    print $out $file;
    close $out;
  }
  ask("CREATE TABLE sink (v $type); CALL read_files('$type', '$directory', $files_of_each)");

  # what got in: reads back equal in binary, and as text too where the type is wholly ours
  ask(qq{
    COPY sink TO '$files/sink' (FORMAT binary);
    CREATE TABLE again (LIKE sink);
    COPY again FROM '$files/sink' (FORMAT binary);
    COPY again TO '$files/again' (FORMAT binary);
  });
  is(slurp_file("$files/again"), slurp_file("$files/sink"),
    "$type: accepted bytes read back equal (seed $seed)");
  is(ask("SELECT count(*) FROM sink WHERE v::text::$type\::text IS DISTINCT FROM v::text"),
    0, "$type: as text too (seed $seed)")
    if $type =~ /status|event|_tally|transition|history|return_curve/;
  ask('DROP TABLE sink, again');
}

# Each type has seen what it accepts and what it refuses; nothing was refused as an internal error.
for my $form ('text', 'binary') {
  is(ask(qq{
      SELECT string_agg(format('%s %s %s', type, sqlstate, left(input, 200)), E'\\n') FROM (
        SELECT * FROM outcomes
         WHERE form = '$form' AND sqlstate <> '00000' AND sqlstate !~ '$refusals' LIMIT 10) o }),
    '', "$form: each input is refused as a user's mistake, or reads back equal (seed $seed)");
  is(ask(qq{
      SELECT string_agg(type, ', ') FROM (
        SELECT type FROM outcomes WHERE form = '$form' GROUP BY type
        HAVING bool_and(sqlstate = '00000') OR bool_and(sqlstate <> '00000')) o }),
    '', "$form: there is no type that accepts all or refuses all (seed $seed)");
  note("$form: " . ask(qq{SELECT string_agg(sqlstate || ' ' || n, ', ' ORDER BY n DESC)
    FROM (SELECT sqlstate, count(*) AS n FROM outcomes WHERE form = '$form' GROUP BY sqlstate) o}));
}
is(ask('SELECT count(*) FROM outcomes'), @all * ($texts_of_each + $files_of_each),
  'all of them were tried');

WinbackCluster::check_same_server($node, $started);
done_testing();
