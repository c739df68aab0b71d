# install-script.awk
#   Prints the install script, sql/winback--VERSION.sql, made from the templates
#   sql/install/NN-topic.sql.in. The Makefile calls it:
#
#     awk -f scripts/install-script.awk sql/install/*.sql.in
#
#   A template is SQL. Three things in it are not, and end here:
#
#   A table, in a comment: its name, a line of placeholders, and a line of values
#   for each turn of a loop.
#
#     -- table time type:
#     --   @AT@        | @PERIOD@  | @VOLATILITY@
#     --   timestamptz | tstzrange | STABLE
#     --   date        | daterange | IMMUTABLE
#
#   A loop, which repeats what is between two comments. It may go through several
#   tables at once: the last one changes fastest. In each turn the placeholders
#   of the tables are replaced by the values of a line.
#
#     -- for each time type, event
#     CREATE FUNCTION bought(@AT@{event:, lifecycle_event}) RETURNS boolean ...
#     -- end
#
#   A switch: a name in "for each" that no table has ("event" here). It is off in
#   one turn and on in the next. {event:TEXT} leaves TEXT if it is on, {no event:TEXT}
#   if it is off. TEXT begins right after the colon, may go on over lines, and
#   has no braces in it.
#
#   Tables serve the files that follow as well. Loops do not nest. What is left
#   over of all this in the result is an error.
#
#   Limits: POSIX awk only, as mawk, gawk and those of BSD and macOS have it.

function fail(message)
{
	printf "%s:%d: %s\n", FILENAME, FNR, message > "/dev/stderr"
	failed = 1
	exit 1
}

function trim(text)
{
	gsub(/^[ \t]+|[ \t]+$/, "", text)
	return text
}

# All occurrences of a word in a text. Not gsub(), to which & and \ mean something.
function replace(text, word, by,    at, done)
{
	while ((at = index(text, word)) > 0) {
		done = done substr(text, 1, at - 1) by
		text = substr(text, at + length(word))
	}
	return done text
}

# What is in {name:...} stays, or goes.
function switched(text, name, stays,    at, done, begin, end)
{
	begin = "{" name ":"
	while ((at = index(text, begin)) > 0) {
		done = done substr(text, 1, at - 1)
		text = substr(text, at + length(begin))
		end = index(text, "}")
		if (end == 0)
			fail("no } after " begin)
		if (stays)
			done = done substr(text, 1, end - 1)
		text = substr(text, end + 1)
	}
	return done text
}

# The text for all turns of the loop from name number "first" on.
function repeat(text, first,    name, turn, column, once, all)
{
	if (first > nnames)
		return text
	name = names[first]
	if (!(name in nrows))
		return repeat(switched(switched(text, name, 0), "no " name, 1), first + 1) \
			repeat(switched(switched(text, name, 1), "no " name, 0), first + 1)
	for (turn = 1; turn <= nrows[name]; turn++) {
		once = text
		for (column = 1; column <= ncolumns[name]; column++)
			once = replace(once, value[name, 0, column], value[name, turn, column])
		all = all repeat(once, first + 1)
	}
	return all
}

function put(text)
{
	if (match(text, /@[A-Z_]+@|[{}]/))
		fail("this is left over: " substr(text, RSTART, 40))
	printf "%s", text
}

# a line of a table
table != "" && /^--   / {
	n = split(substr($0, 3), cells, "|")
	if (++nrows[table] == 0)
		ncolumns[table] = n
	else if (n != ncolumns[table])
		fail("the table has " ncolumns[table] " columns, and this line has " n)
	for (i = 1; i <= n; i++)
		value[table, nrows[table], i] = trim(cells[i])
	next
}

{ table = "" }

/^-- table .*:$/ {
	table = substr($0, 10, length($0) - 10)
	nrows[table] = -1
	next
}

/^-- for each / {
	if (looping)
		fail("loops do not nest")
	looping = 1
	block = ""
	nnames = split(substr($0, 13), names, /, */)
	next
}

/^-- end$/ {
	if (!looping)
		fail("there is no loop to end")
	looping = 0
	put(repeat(block, 1))
	next
}

looping { block = block $0 "\n"; next }

{ put($0 "\n") }

END {
	if (looping && !failed)
		fail("a loop has no end")
}
