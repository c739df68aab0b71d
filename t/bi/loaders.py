"""Reads values of winback's types with the loaders of examples/bi/python, for t/180_bi.pl.

    loaders.py psycopg|psycopg_async|asyncpg

Prints one line for each answer: a name, a tab, and the value in Python.
"""
import asyncio
import sys
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "examples/bi/python"))
from winback_types import LifecycleEvent, LifecycleStatus, RateTally, SpendTally  # noqa: E402

PERIOD = "'[2024-10-01,2025-01-01)'"
QUERIES = {
    "tally": f"SELECT winback_tally(customer_id, ordered_at, {PERIOD}, '180 days') FROM orders",
    "nobody": f"SELECT winback_tally(customer_id, ordered_at, {PERIOD}, '180 days') FROM orders"
    " WHERE customer_id < 0",
    "null": "SELECT NULL::rate_tally",
    "status": f"SELECT lifecycle_during(ordered_at, {PERIOD}, '60 days', '180 days') FROM orders"
    " WHERE customer_id = 3",
    "statuses": "SELECT ARRAY['won_back', 'new', NULL]::lifecycle_status[]",
    "event": "SELECT lifecycle_event 'purchase'",
    "spend": "SELECT spend_tally '2/30.00/500.00'",
    "losses": "SELECT spend_tally '3/-45678.901/2915787501234567.5'",
    "nothing": "SELECT spend_tally '0/0/0'",
    "history": "SELECT history_agg(ordered_at, amount)::text FROM orders WHERE customer_id = 4",
    "curve": "SELECT return_curve '{2:1/0,5:0/1}'",
}
COUNTS = (
    f"SELECT lifecycle_counts(customer_id, ordered_at, amount, {PERIOD}, '60 days', '180 days')"
    " FROM orders"
)
# what goes in: the value, its type in SQL, and the text that comes back
VALUES = [
    (RateTally(12, 340), "rate_tally", "12/340"),
    (LifecycleStatus.WON_BACK, "lifecycle_status", "won_back"),
    (LifecycleEvent.CANCELLATION, "lifecycle_event", "cancellation"),
    (SpendTally(2, Decimal("30.00"), Decimal("500.00")), "spend_tally", "2/30.00/500.00"),
]


def show(name, value):
    print(f"{name}\t{value!r}")
    if isinstance(value, RateTally):
        print(f"{name}.rate\t{value.rate!r}")


def show_counts(row):
    print(f"counts\t{row.won_back} {row.win_back!r} {row.revenue_won_back!r}")


def show_rules():
    """The rules of the classes that need no server."""
    show("sum", sum([RateTally(1, 4), RateTally(2, 5)]))
    show("difference", RateTally(3, 9) - RateTally(1, 4))
    print(f"order\t{sorted(LifecycleStatus, reverse=True)[0]}")
    print(f"is a str\t{LifecycleStatus.WON_BACK == 'won_back'}")
    try:
        RateTally(2, 1)
    except ValueError:
        print("impossible\tValueError")


def psycopg_sync():
    import psycopg
    import winback_psycopg

    connection = psycopg.connect("", autocommit=True)
    winback_psycopg.register(connection)
    for binary in False, True:
        print(f"== {'binary' if binary else 'text'}")
        cursor = connection.cursor(binary=binary)
        for name, query in QUERIES.items():
            show(name, cursor.execute(query).fetchone()[0])
        show_counts(cursor.execute(COUNTS).fetchone()[0])
        for value, type_name, text in VALUES:
            for mark in "%s", "%t" if isinstance(value, SpendTally) else "%b":
                answer = cursor.execute(f"SELECT ({mark}::{type_name})::text", [value])
                assert answer.fetchone()[0] == text, (value, mark)
    show_rules()


async def psycopg_async():
    import psycopg
    import winback_psycopg

    connection = await psycopg.AsyncConnection.connect("", autocommit=True)
    await winback_psycopg.register_async(connection)
    print("== async")
    for name, query in QUERIES.items():
        show(name, (await (await connection.execute(query)).fetchone())[0])
    show_counts((await (await connection.execute(COUNTS)).fetchone())[0])


async def asyncpg_pool():
    import asyncpg
    import winback_asyncpg

    print("== asyncpg")
    async with asyncpg.create_pool(
        init=winback_asyncpg.register, min_size=1, max_size=1
    ) as pool:
        for name, query in QUERIES.items():
            show(name, await pool.fetchval(query))
        row = dict(await pool.fetchval(COUNTS))
        show_counts(type("Row", (), row))
        for value, type_name, text in VALUES:
            assert await pool.fetchval(f"SELECT ($1::{type_name})::text", value) == text, value
            if not isinstance(value, SpendTally):
                assert await pool.fetchval(f"SELECT ($1::{type_name})::text", text) == text, value


driver = sys.argv[1]
if driver == "psycopg":
    psycopg_sync()
elif driver == "psycopg_async":
    asyncio.run(psycopg_async())
else:
    asyncio.run(asyncpg_pool())
