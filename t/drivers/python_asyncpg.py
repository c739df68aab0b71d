# python_asyncpg.py
#   asyncpg asks the server for the types of the parameters, and sends and reads all
#   values in binary. It refuses a str or a number where the server wants an interval, by
#   an error 22000 of its own.
import asyncio
import struct

import asyncpg

from python_common import QUESTIONS, positional, report, typed

warnings = []


async def main():
    connection = await asyncpg.connect()
    connection.add_log_listener(
        lambda _, notice: warnings.append(f"{notice.severity}: {notice.message}")
    )
    for label in "lifecycle_status", "lifecycle_event":
        await connection.set_type_codec(
            label, schema="public", format="binary", encoder=str.encode, decoder=bytes.decode
        )
    await connection.set_type_codec(
        "rate_tally",
        schema="public",
        format="binary",
        encoder=lambda tally: struct.pack("!qq", *map(int, tally.split("/"))),
        decoder=lambda data: "%d/%d" % struct.unpack("!qq", data),
    )

    def period(lower, upper):
        return asyncpg.Range(lower, upper)

    values = typed(period, period, period)
    print("== own types in binary")
    for name, sql in QUESTIONS:
        rows = error = None
        warnings.clear()
        numbered, parameters = positional(sql, values, lambda n: f"${n}")
        try:
            rows = await connection.fetch(numbered, *parameters)
            await asyncio.sleep(0)  # the listener runs after the query
        except asyncpg.PostgresError as failure:
            error = failure.sqlstate
        report(name, warnings, rows, error)


asyncio.run(main())
