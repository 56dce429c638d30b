# statements are put together from our own text; values are parameters
"""The temporary tables between a file and the roster.

They belong to the connection, nobody else sees them, and they go with the transaction. No ID number stands in them:
only its keyed digest, and a handle to the number in the memory of this process (`Pouch`).

In a column of a person, null means that the file does not say: what is known stays. An empty text, class 0 or seat 0
says that there is none.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django.db import connection
from psycopg.types.string import BytesBinaryDumper

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
        "birthday": "int4",  # days, as Python counts them: 1 is the first of January of year 1
        "grade": "int2",
        "class_no": "int4",
        "seat": "int2",
        "digest": "bytea",
        "handle": "int4",  # of the ID number in the pouch
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
        "handle": "int4",  # of the ID number in the pouch
        "gone": "bool",
        "bad": "bool",
    },
    "incoming_fault": {"file": "text", "line": "int4", "col": "text", "code": "text", "about": "text"},
}

# The birthday of a line s of incoming_student as a date.
BIRTHDAY: Final = "(date '0001-01-01' + (s.birthday - 1))"

Cells = Sequence[object]


class Stage:
    """Temporary tables and the statements that run over them."""

    def __init__(self, tables: Mapping[str, Mapping[str, str]] = TABLES) -> None:
        self._tables = dict(tables)
        for name, columns in tables.items():
            self.make(name, columns)

    def make(self, name: str, columns: Mapping[str, str], *, looked_up_by: Sequence[str] = ()) -> None:
        """An empty temporary table, with an index for each column in `looked_up_by`."""
        self._tables[name] = columns
        described = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        self.run(f"DROP TABLE IF EXISTS pg_temp.{name}")
        self.run(f"CREATE TEMP TABLE {name} ({described}) ON COMMIT DROP")
        for column in looked_up_by:
            self.run(f"CREATE INDEX ON {name} ({column})")

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
        """The one number a query finds; 0 if it finds none."""
        rows = self.rows(query, params)
        return int(rows[0][0] or 0) if rows else 0


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

    def add_all(self, rows: Iterable[Cells]) -> None:
        """Add some thousand rows."""
        self._waiting.extend(rows)
        if len(self._waiting) >= COPIED_TOGETHER:
            self.flush()

    def flush(self) -> None:
        """Send what waits."""
        if not self._waiting:
            return
        with connection.cursor() as cursor, cursor.copy(self._statement) as copy:
            cursor.adapters.register_dumper(bytes, BytesBinaryDumper)  # the default one is written in Python
            copy.set_types(self._types)
            for row in self._waiting:
                copy.write_row(row)
        self._waiting.clear()


class Pouch:
    """The ID numbers of an import, which never leave the memory of this process in clear.

    The tables hold a digest to compare; when a number is new, its handle finds it here, to be sealed for its place.
    """

    LENGTH: Final = 10

    def __init__(self, ring: KeyRing) -> None:
        # HMAC-SHA-256 as `KeyRing.digest` makes it, with the key worked in once and not 700,000 times.
        key = ring.digest_key.ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))
        self._numbers = bytearray()

    def put(self, number: str) -> tuple[bytes, int]:
        """The digest and the handle of a number, which must be valid: ten characters of ASCII."""
        text = number.encode()
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        handle = len(self._numbers)
        self._numbers += text
        return outer.digest(), handle

    def take(self, handle: int) -> str:
        """The number again."""
        return self._numbers[handle : handle + self.LENGTH].decode()
