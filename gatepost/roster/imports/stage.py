# statements are put together from our own text; values are parameters
"""The temporary tables between a file and the roster.

They belong to the connection, nobody else sees them, and they go with the transaction. No ID number stands in them in
clear: only its keyed digest, and the number sealed with a key that lives as long as the import does.

In a column of a person, null means that the file does not say: what is known stays. An empty text, class 0 or seat 0
says that there is none.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection

from gatepost.kit.sealed import KeyRing

COPIED_TOGETHER: Final = 4_000

TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "incoming_class": {
        "no": "int4",
        "line": "int4",
        "school_id": "int8",
        "year": "int2",
        "grade": "int2",
        "number": "int2",
        "name": "text",
        "source_id": "text",
        "teacher": "text",  # the source_id of the homeroom teacher; empty: none; null: not said
        "id": "int8",  # the class of the roster, once found
    },
    "incoming_staff": {
        "line": "int4",
        "school_id": "int8",
        "source_id": "text",
        "name": "text",
        "email": "text",
        "title": "text",
        "gone": "bool",
        "bad": "bool",
    },
    "incoming_student": {
        "ref": "int4",  # what the rows of one import call it
        "line": "int4",
        "school_id": "int8",
        "source_id": "text",
        "number": "text",
        "name": "text",
        "birthday": "date",
        "grade": "int2",
        "class_no": "int4",
        "seat": "int2",
        "digest": "bytea",
        "sealed": "bytea",
        "guardians": "bool",  # whether the file says who all the guardians are
        "gone": "bool",
        "bad": "bool",  # set aside; whoever it is stays as they are
    },
    "incoming_guardian": {
        "ref": "int4",
        "student": "int4",  # ref of the student
        "nth": "int2",
        "line": "int4",
        "source_id": "text",
        "name": "text",
        "relation": "text",
        "mobile": "text",
        "email": "text",
        "digest": "bytea",
        "sealed": "bytea",
        "gone": "bool",
        "bad": "bool",
    },
    "incoming_fault": {"file": "text", "line": "int4", "col": "text", "code": "text", "about": "text"},
}

Cells = Sequence[object]


class Stage:
    """Temporary tables and the statements that run over them."""

    def __init__(self, tables: Mapping[str, Mapping[str, str]] = TABLES) -> None:
        self._tables = dict(tables)
        for name, columns in tables.items():
            self.make(name, columns)

    def make(self, name: str, columns: Mapping[str, str]) -> None:
        """An empty temporary table."""
        self._tables[name] = columns
        described = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        self.run(f"DROP TABLE IF EXISTS pg_temp.{name}")
        self.run(f"CREATE TEMP TABLE {name} ({described}) ON COMMIT DROP")

    def make_as(self, name: str, query: str, params: Mapping[str, Any] | None = None) -> int:
        """A temporary table of what `query` finds, with statistics. Returns how many rows it has."""
        self.run(f"DROP TABLE IF EXISTS pg_temp.{name}")
        count = self.run(f"CREATE TEMP TABLE {name} ON COMMIT DROP AS {query}", params)
        self.run(f"ANALYZE {name}")
        return count

    def writer(self, name: str) -> "Writer":
        """Something to add rows to a table with, while others do so to theirs."""
        return Writer(name, self._tables[name])

    def copy(self, name: str, rows: Iterable[Cells]) -> None:
        """Add rows to a table, cells in the order of its columns, and gather statistics."""
        writer = self.writer(name)
        for row in rows:
            writer.add(row)
        writer.flush()
        self.run(f"ANALYZE {name}")

    def run(self, statement: str, params: Mapping[str, Any] | None = None) -> int:
        """Run one statement. Returns how many rows it touched."""
        with connection.cursor() as cursor:
            cursor.execute(statement, params)
            return int(cursor.rowcount)

    def rows(self, query: str, params: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """What a query finds; for few rows."""
        with connection.cursor() as cursor:
            cursor.execute(query, params)
            return list(cursor.fetchall())

    def number(self, query: str, params: Mapping[str, Any] | None = None) -> int:
        """The one number a query finds."""
        return int(self.rows(query, params)[0][0] or 0)


class Writer:
    """Copies rows into one temporary table, some thousands at a time. `flush` must follow the last."""

    def __init__(self, table: str, columns: Mapping[str, str]) -> None:
        self._statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
        self._types = list(columns.values())
        self._waiting: list[Cells] = []

    def add(self, row: Cells) -> None:
        """Add one row, cells in the order of the columns."""
        self._waiting.append(row)
        if len(self._waiting) >= COPIED_TOGETHER:
            self.flush()

    def flush(self) -> None:
        """Send what waits."""
        if not self._waiting:
            return
        with connection.cursor() as cursor, cursor.copy(self._statement) as copy:
            copy.set_types(self._types)
            for row in self._waiting:
                copy.write_row(row)
        self._waiting.clear()


class Pouch:
    """ID numbers between the file and their final place: a keyed digest to compare, a sealed number to open later."""

    def __init__(self, ring: KeyRing) -> None:
        # HMAC-SHA-256 as `KeyRing.digest` makes it, with the key worked in once and not 700,000 times.
        key = ring.digest_key.ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))
        self._once = AESGCM(AESGCM.generate_key(256))
        self._nonces = count()

    def put(self, number: str) -> tuple[bytes, bytes]:
        """The digest of a number, and the number sealed for as long as this pouch lives."""
        text = number.encode()
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        nonce = next(self._nonces).to_bytes(12, "big")  # the key is ours alone: a counter never repeats under it
        return outer.digest(), nonce + self._once.encrypt(nonce, text, None)

    def take(self, sealed: bytes) -> str:
        """The number again."""
        return self._once.decrypt(sealed[:12], sealed[12:], None).decode()
