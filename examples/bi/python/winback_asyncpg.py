"""Register the types of winback with asyncpg.

    import asyncpg, winback_asyncpg

    pool = await asyncpg.create_pool(init=winback_asyncpg.register)
    tally = await pool.fetchval("SELECT winback_tally(...) FROM orders")
    tally.returned, tally.eligible, tally.rate

Without this, asyncpg returns the text of a value, and refuses to read rows such as
lifecycle_counts. With it, they are records. Pass a period as asyncpg.Range and a threshold as
datetime.timedelta.
"""
from winback_types import BINARY, TEXT

_SCHEMA = """
SELECT nspname FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
WHERE extname = 'winback'
"""


async def register(connection):
    """Register all types with a connection, in whatever schema the extension is."""
    schema = await connection.fetchval(_SCHEMA)
    if schema is None:
        raise LookupError("winback is not installed here: run CREATE EXTENSION winback")
    for name, cls in BINARY.items():
        # a str, such as "won_back" or "1/2", is accepted as well
        def encode(value, cls=cls):
            return (value if isinstance(value, cls) else cls.from_text(value)).to_binary()

        await connection.set_type_codec(
            name, schema=schema, format="binary", encoder=encode, decoder=cls.from_binary
        )
    for name, cls in TEXT.items():
        await connection.set_type_codec(
            name,
            schema=schema,
            format="text",
            encoder=str,
            decoder=str if cls is str else cls.from_text,
        )
