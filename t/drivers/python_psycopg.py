# python_psycopg.py
#   psycopg 3 binds the parameters on the server, and reads results, both as text or
#   both in binary. It binds a str as a value of unknown type where it sends text, and
#   as a value of type text where it sends binary.
import re
import struct

import psycopg
from psycopg.adapt import Dumper, Loader
from psycopg.pq import Format
from psycopg.types import TypeInfo
from psycopg.types.range import DateRange, TimestampRange, TimestamptzRange

from python_common import QUESTIONS, TEXT, report, typed

connection = psycopg.connect("", autocommit=True)
warnings = []
connection.add_notice_handler(
    lambda notice: warnings.append(f"{notice.severity}: {notice.message_primary}")
)


class Tally(str):
    pass


class TallyDumper(Dumper):
    format = Format.BINARY
    oid = TypeInfo.fetch(connection, "rate_tally").oid

    def dump(self, tally):
        return struct.pack("!qq", *map(int, tally.split("/")))


class TallyLoader(Loader):
    format = Format.BINARY

    def load(self, data):
        return "%d/%d" % struct.unpack("!qq", data)


class LabelLoader(Loader):
    format = Format.BINARY

    def load(self, data):
        return bytes(data).decode()


own = typed(TimestamptzRange, TimestampRange, DateRange)
connection.adapters.register_dumper(Tally, TallyDumper)
for label in "lifecycle_status", "lifecycle_event":
    connection.adapters.register_loader(TypeInfo.fetch(connection, label).oid, LabelLoader)
connection.adapters.register_loader(TallyDumper.oid, TallyLoader)

for title, values, mark, binary in (
    ("own types", own, "t", False),
    ("own types in binary", dict(own, tally=Tally(own["tally"])), "b", True),
    ("text", TEXT, "s", False),
):
    print("==", title)
    for name, sql in QUESTIONS:
        rows = error = None
        warnings.clear()
        try:
            with connection.cursor(binary=binary) as cursor:
                cursor.execute(re.sub(r"\{(\w+)\}", rf"%(\1){mark}", sql), values)
                rows = cursor.fetchall()
        except psycopg.Error as failure:
            error = failure.sqlstate
        report(name, warnings, rows, error)
