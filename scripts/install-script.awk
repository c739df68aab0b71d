# install-script.awk
#   Prints the install script sql/winback--VERSION.sql. It is made from the
#   templates sql/install/NN-topic.sql.in, in the order of their numbers, because
#   most aggregates exist once for each type of the time, with and without a
#   column of events, and with and without amounts. The Makefile calls it so:
#
#     awk -f scripts/install-script.awk sql/install/*.sql.in
#
#   A template is SQL, with loops over tables and switches.
#
#   A table stands in a comment. It has a name, a line of placeholders, and lines
#   of values. Files that follow can use it, too.
#
#     -- table time type:
#     --   @AT@        | @PERIOD@  | @VOLATILITY@
#     --   timestamptz | tstzrange | STABLE
#     --   date        | daterange | IMMUTABLE
#
#   A loop stands between two comments, "-- for each NAME, NAME" and "-- end". Its
#   text is printed once for each combination of the lines of the tables that it
#   names; the last name changes fastest. The values of a line replace the
#   placeholders of its table. Loops do not nest.
#
#     -- for each time type, event
#     CREATE FUNCTION bought(@AT@{event:, lifecycle_event}) RETURNS boolean ...
#     -- end
#
#   A switch is a name in "for each" that is not the name of a table, such as
#   "event" here. The text is printed once with the switch off and once with it
#   on. {event:TEXT} prints TEXT if the switch is on, {no event:TEXT} if it is
#   off. TEXT may go on over several lines, and contains no braces.
#
#   A placeholder or a brace that is left over in the result is an error.
#
#   Limits: only what POSIX says of awk, so that mawk, gawk, busybox and the awk
#   of BSD and macOS all make the same script.

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

# Return the text with "by" in place of each "word". gsub() would give & and \ in
# "by" a meaning of their own.
function replace(text, word, by,    at, done)
{
	while ((at = index(text, word)) > 0) {
		done = done substr(text, 1, at - 1) by
		text = substr(text, at + length(word))
	}
	return done text
}

# Return the text with each {name:TEXT} replaced by TEXT, or by nothing.
function switched(text, name, keep,    at, done, begin, end)
{
	begin = "{" name ":"
	while ((at = index(text, begin)) > 0) {
		done = done substr(text, 1, at - 1)
		text = substr(text, at + length(begin))
		end = index(text, "}")
		if (end == 0)
			fail("no } after " begin)
		if (keep)
			done = done substr(text, 1, end - 1)
		text = substr(text, end + 1)
	}
	return done text
}

# Return the text repeated for all combinations of names[first] and those after it.
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

# Print finished text.
function put(text)
{
	if (match(text, /@[A-Z_]+@|[{}]/))
		fail("a placeholder or switch is left over: " substr(text, RSTART, 40))
	printf "%s", text
}

# A line of a table. Line 0 has the placeholders.
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
