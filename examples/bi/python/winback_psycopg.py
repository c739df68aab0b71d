"""Register the types of winback with psycopg 3.

    import psycopg, winback_psycopg

    connection = psycopg.connect()
    winback_psycopg.register(connection)
    tally = connection.execute("SELECT winback_tally(...) FROM orders").fetchone()[0]
    tally.returned, tally.eligible, tally.rate

With an AsyncConnection, "await register_async(connection)". Rows such as lifecycle_counts become
named tuples.
"""
from psycopg.adapt import Dumper, Loader
from psycopg.pq import Format
from psycopg.types import TypeInfo
from psycopg.types.composite import CompositeInfo, register_composite

from winback_types import BINARY, ROWS, TEXT


def _adapt(connection, info, cls):
    """Let the connection load values of one type as cls, and dump values of cls."""
    info.register(connection)
    adapters = connection.adapters

    class TextLoader(Loader):
        def load(self, data):
            text = bytes(data).decode()
            return text if cls is str else cls.from_text(text)

    adapters.register_loader(info.oid, TextLoader)
    if cls is not str:

        class TextDumper(Dumper):
            oid = info.oid

            def dump(self, value):
                return str(value).encode()

        adapters.register_dumper(cls, TextDumper)
    if hasattr(cls, "from_binary"):

        class BinaryLoader(Loader):
            format = Format.BINARY

            def load(self, data):
                return cls.from_binary(bytes(data))

        adapters.register_loader(info.oid, BinaryLoader)
    if hasattr(cls, "to_binary"):

        class BinaryDumper(Dumper):
            format = Format.BINARY
            oid = info.oid

            def dump(self, value):
                return value.to_binary()

        adapters.register_dumper(cls, BinaryDumper)
        # %s takes the dumper that is registered last
        adapters.register_dumper(cls, TextDumper)


TYPES = {**BINARY, **TEXT}


def _found(info, name):
    if info is None:
        raise LookupError(f"type {name} not found: run CREATE EXTENSION winback")
    return info


def register(connection):
    """Register all types with a connection. The extension's schema must be in search_path."""
    for name, cls in TYPES.items():
        _adapt(connection, _found(TypeInfo.fetch(connection, name), name), cls)
    for name in ROWS:
        info = _found(CompositeInfo.fetch(connection, name), name)
        register_composite(info, connection)


async def register_async(connection):
    """Register all types with an AsyncConnection."""
    for name, cls in TYPES.items():
        _adapt(connection, _found(await TypeInfo.fetch(connection, name), name), cls)
    for name in ROWS:
        info = _found(await CompositeInfo.fetch(connection, name), name)
        register_composite(info, connection)
