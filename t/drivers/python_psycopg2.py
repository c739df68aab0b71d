# python_psycopg2.py
#   psycopg2 writes the parameters into the statement, as literals. It reads results
#   as text.
import re

import psycopg2
from psycopg2.extras import DateRange, DateTimeRange, DateTimeTZRange

from python_common import QUESTIONS, TEXT, report, typed

connection = psycopg2.connect("")
connection.autocommit = True
cursor = connection.cursor()

for title, values in (
    ("own types", typed(DateTimeTZRange, DateTimeRange, DateRange)),
    ("text", TEXT),
):
    print("==", title)
    for name, sql in QUESTIONS:
        rows = error = None
        connection.notices.clear()
        try:
            cursor.execute(re.sub(r"\{(\w+)\}", r"%(\1)s", sql), values)
            rows = cursor.fetchall()
        except psycopg2.Error as failure:
            error = failure.pgcode
        report(name, [notice.split("\n")[0] for notice in connection.notices], rows, error)
