# python_pyodbc.py
#   ODBC, by way of pyodbc. ODBC has no ranges, and pyodbc no intervals, so both are
#   bound as text. The driver prepares statements on the server or writes the
#   parameters into them, by UseServerSidePrepare. It reads results as text, and returns a
#   timestamptz as a local time of the session.
import os
from datetime import datetime, timezone

import pyodbc

from python_common import QUESTIONS, TEXT, positional, report

pyodbc.pooling = False
driver = os.environ["WINBACK_ODBC_DRIVER"]


def with_zone(value):
    return value.replace(tzinfo=timezone.utc) if isinstance(value, datetime) else value


for title, prepare in (("prepared", 1), ("written into the statement", 0)):
    connection = pyodbc.connect(
        f"Driver={driver};Servername={os.environ['PGHOST']};Port={os.environ['PGPORT']};"
        f"Database={os.environ['PGDATABASE']};Username={os.environ['PGUSER']};"
        f"UseServerSidePrepare={prepare};BoolsAsChar=0",
        autocommit=True,
    )
    cursor = connection.cursor()
    print("==", title)
    for name, sql in QUESTIONS:
        rows = error = None
        warnings = []
        marked, parameters = positional(sql, TEXT, lambda n: "?")
        try:
            cursor.execute(marked, parameters)
            warnings = [text for _, text in cursor.messages]
            rows = [[with_zone(value) for value in row] for row in cursor]
        except pyodbc.Error as failure:
            error = failure.args[0]
        report(name, warnings, rows, error)
    connection.close()
