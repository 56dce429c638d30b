"""Writing taps: one statement for many requests, its columns handed over in PostgreSQL's own binary form.

A statement keeps the taps, queues those that attendance can use, writes the last word of their readers and wakes the
worker: one journey and one commit. Two forms of it: the quick one takes it that every tap is new, and fails as a whole
where one is not; the careful one sorts out the repeats. Repeats are rare, and finding out is cheaper than asking.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from uuid import UUID

from psycopg.abc import AdaptContext
from psycopg.adapt import Dumper
from psycopg.pq import Format

from gatepost.gates.lines import Row
from gatepost.gates.models import TapQueue

Key = tuple[UUID, UUID]  # reader and nonce: what names a tap


@dataclass(slots=True)
class Hearing:
    """What a request says about its reader, apart from its taps."""

    reader_id: UUID
    heard_at: datetime
    sent_at: datetime
    queue: int
    skew_ms: int


@dataclass(slots=True, eq=False)
class Handful:
    """The rows of one request, with what they share."""

    school_id: int
    rows: list[Row]
    hearing: Hearing

    def keys(self) -> Iterable[Key]:
        """The names of its taps."""
        reader_id = self.hearing.reader_id
        return [(reader_id, row.nonce) for row in self.rows]


# In the order of the readers, so that two processes never wait for each other crosswise.
_HEAR = """
INSERT INTO gates_readerhealth AS health (reader_id, heard_at, sent_at, queue, skew_ms)
SELECT * FROM unnest(%(heard_reader)s, %(heard_at)s, %(heard_sent)s, %(heard_queue)s, %(heard_skew)s)
    AS t(reader_id, heard_at, sent_at, queue, skew_ms)
ORDER BY reader_id
ON CONFLICT (reader_id) DO UPDATE
SET heard_at = excluded.heard_at, sent_at = excluded.sent_at, queue = excluded.queue, skew_ms = excluded.skew_ms
WHERE health.heard_at <= excluded.heard_at
"""

_KEEP = f"""
WITH stored AS (
    INSERT INTO gates_tap (month, school_id, reader_id, nonce, card, uid, read_at, tapped_at, received_at, skew_ms,
                           direction, reason)
    SELECT * FROM unnest(
        %(month)s, %(school)s, %(reader)s, %(nonce)s, %(card)s, %(uid)s, %(read)s, %(tapped)s, %(received)s, %(skew)s,
        %(direction)s, %(reason)s
    )
    {{conflict}}
    RETURNING school_id, reader_id, nonce, uid, tapped_at, received_at, direction, reason
), queued AS (
    INSERT INTO gates_tapqueue (shard, school_id, reader_id, nonce, uid, tapped_at, received_at, direction)
    SELECT school_id %% {TapQueue.SHARDS}, school_id, reader_id, nonce, uid, tapped_at, received_at, direction
    FROM stored WHERE reason = ''
    RETURNING 1
), heard AS (
    {_HEAR}
), woken AS (
    SELECT pg_notify('gatepost_taps', '') WHERE EXISTS (SELECT 1 FROM queued)
)
{{answer}}
"""  # noqa: S608 - a constant of our own

KEEP_NEW = _KEEP.format(conflict="", answer="SELECT FROM woken")
"""Keeps taps of which none is kept yet; a unique violation, and nothing kept, where one is."""

KEEP_ANY = _KEEP.format(
    conflict="ON CONFLICT DO NOTHING", answer="SELECT reader_id, nonce FROM stored LEFT JOIN woken ON true"
)
"""Keeps those that are new, and returns their keys."""

HEAR = _HEAR
"""The last words alone."""


def taps(handfuls: Sequence[Handful]) -> dict[str, bytes]:
    """The taps of `handfuls` as `KEEP_NEW` and `KEEP_ANY` take them."""
    rows = [row for handful in handfuls for row in handful.rows]
    count = len(rows)

    read = [_time(row.read_at) for row in rows]
    tapped = [
        same if row.tapped_at is row.read_at else _time(row.tapped_at) for row, same in zip(rows, read, strict=True)
    ]

    def shared(values: Iterable[bytes]) -> bytes:
        """The same element for every row of a handful."""
        return b"".join([value * len(handful.rows) for handful, value in zip(handfuls, values, strict=True)])

    hearings = [handful.hearing for handful in handfuls]
    return {
        "month": Dates(count, b"".join([_date(row.month) for row in rows])),
        "school": Integers(count, shared([_integer(handful.school_id) for handful in handfuls])),
        "reader": Uuids(count, shared([_uuid(one.reader_id) for one in hearings])),
        "nonce": Uuids(count, b"".join([_uuid(row.nonce) for row in rows])),
        "card": Texts(count, b"".join([_text(row.card) for row in rows])),
        "uid": Texts(count, b"".join([_text(row.uid) for row in rows])),
        "read": Times(count, b"".join(read)),
        "tapped": Times(count, b"".join(tapped)),
        "received": Times(count, shared([_time(one.heard_at) for one in hearings])),
        "skew": BigIntegers(count, shared([_big(one.skew_ms) for one in hearings])),
        "direction": Texts(count, b"".join([_text(row.direction) for row in rows])),
        "reason": Texts(count, b"".join([_text(row.reason) for row in rows])),
    }


def last_words(hearings: Sequence[Hearing]) -> dict[str, bytes]:
    """`hearings` as every one of the statements takes them."""
    count = len(hearings)
    return {
        "heard_reader": Uuids(count, b"".join([_uuid(one.reader_id) for one in hearings])),
        "heard_at": Times(count, b"".join([_time(one.heard_at) for one in hearings])),
        "heard_sent": Times(count, b"".join([_time(one.sent_at) for one in hearings])),
        "heard_queue": Integers(count, b"".join([_integer(one.queue) for one in hearings])),
        "heard_skew": BigIntegers(count, b"".join([_big(one.skew_ms) for one in hearings])),
    }


# What follows is the binary form of PostgreSQL's arrays: a head, then each element with its length in front. The
# driver's own way to it, and the way through text, cost more than all the rest of a request.
_HEAD = struct.Struct(">iiiii")
_INTEGER, _BIG, _DATE = struct.Struct(">ii"), struct.Struct(">iq"), struct.Struct(">ii")
_LENGTH = struct.Struct(">i")
_UUID_LENGTH, _NULL, _EMPTY = _LENGTH.pack(16), _LENGTH.pack(-1), _LENGTH.pack(0)
_EPOCH, _MICROSECOND = datetime(2000, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_EPOCH_DAY = _EPOCH.toordinal()


class Column(bytes):
    """An array in PostgreSQL's binary form, ready to be sent."""

    element_oid: int

    def __new__(cls, count: int, elements: bytes) -> "Column":
        dimensions = 1 if count else 0
        return super().__new__(
            cls, _HEAD.pack(dimensions, 1, cls.element_oid, count, 1)[: 12 + 8 * dimensions] + elements
        )


class Dates(Column):
    element_oid = 1082


class Integers(Column):
    element_oid = 23


class BigIntegers(Column):
    element_oid = 20


class Uuids(Column):
    element_oid = 2950


class Texts(Column):
    element_oid = 25


class Times(Column):
    element_oid = 1184


_ARRAY_OIDS = {Dates: 1182, Integers: 1007, BigIntegers: 1016, Uuids: 2951, Texts: 1009, Times: 1185}


class _AsItIs(Dumper):
    """Sends a `Column` as it is."""

    format = Format.BINARY

    def dump(self, obj: Column) -> Column:
        return obj


def register(context: AdaptContext) -> None:
    """Teach a connection to send columns."""
    for kind, array_oid in _ARRAY_OIDS.items():
        context.adapters.register_dumper(kind, type(f"{kind.__name__}Dumper", (_AsItIs,), {"oid": array_oid}))


def _integer(value: int) -> bytes:
    return _INTEGER.pack(4, value)


def _big(value: int) -> bytes:
    return _BIG.pack(8, value)


@lru_cache(maxsize=64)
def _date(value: date) -> bytes:
    return _DATE.pack(4, value.toordinal() - _EPOCH_DAY)


def _uuid(value: UUID) -> bytes:
    return _UUID_LENGTH + value.bytes


def _time(value: datetime | None) -> bytes:
    return _NULL if value is None else _BIG.pack(8, (value - _EPOCH) // _MICROSECOND)


def _text(value: str | None) -> bytes:
    if not value:
        return _NULL if value is None else _EMPTY
    written = value.encode()
    return _LENGTH.pack(len(written)) + written
