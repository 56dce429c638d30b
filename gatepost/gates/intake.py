"""Keeping taps: many requests share one commit, and nobody is answered before it.

A `Clerk` runs in each intake process. Requests hand it their lines and wait; it takes whatever has gathered while the
last commit was on its way to the disk, writes it in one statement, and answers them all. So one commit costs the
same whether one tap waits for it or a thousand.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg_pool import AsyncConnectionPool

from gatepost.cards.numbers import CardNumberError, canonical
from gatepost.gates.contract import CARD_CHARACTERS_MAX, BadLine, TapLine
from gatepost.gates.models import TapQueue
from gatepost.gates.readerbook import KnownReader

log = logging.getLogger(__name__)

LINES_PER_COMMIT_MAX = 2_000
LINES_WAITING_MAX = 50_000
COMMIT_SECONDS_MAX = 10.0

# A reader may have been without a network over a holiday; what is older is kept, but is news to nobody.
OLDEST = timedelta(days=35)
# The clock of a good reader may run a little ahead of ours.
NEWEST = timedelta(minutes=2)
# How often a reader's last word is written down while it hands in tap after tap with the same number left.
HEARD_AGAIN = timedelta(seconds=1)
# Less than this is the journey through the network, not a wrong clock.
SKEW_THAT_MATTERS = timedelta(minutes=2)


class Overloaded(Exception):
    """More waits than may wait, or the database does not answer: the reader keeps its taps and comes again."""


@dataclass(slots=True)
class Row:
    """A tap as the table holds it."""

    month: date
    school_id: int
    reader_id: UUID
    nonce: UUID
    card: str
    uid: str
    read_at: datetime | None
    tapped_at: datetime
    received_at: datetime
    skew_ms: int
    direction: str | None
    reason: str


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
    """The rows of one request, on their way to a commit."""

    rows: list[Row]
    hearing: Hearing
    done: "asyncio.Future[set[UUID]]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


def row(line: TapLine | BadLine, reader: KnownReader, *, sent_at: datetime, received_at: datetime) -> Row:
    """What is kept of one line: always a row, with a reason if attendance cannot use it."""
    skew = sent_at - received_at
    kept = Row(
        month=_month(received_at),
        school_id=reader.school_id,
        reader_id=reader.id,
        nonce=line.nonce,
        card=_storable(line.text if isinstance(line, BadLine) else line.card),
        uid="",
        read_at=None,
        tapped_at=received_at,
        received_at=received_at,
        skew_ms=int(skew.total_seconds() * 1000),
        direction=None,
        reason="bad_line",
    )
    return kept if isinstance(line, BadLine) else _with_tap(kept, line, reader, skew)


def _with_tap(kept: Row, line: TapLine, reader: KnownReader, skew: timedelta) -> Row:
    kept.direction = line.direction
    kept.uid, kept.reason = _number(line.card, reader)
    kept.read_at = line.read_at if line.read_at.tzinfo else None
    tapped_at = _put_right(line.read_at, skew)
    if tapped_at is None or not kept.received_at - OLDEST <= tapped_at <= kept.received_at + NEWEST:
        kept.reason = kept.reason or "time_out_of_range"
        return kept
    kept.tapped_at = tapped_at
    # The month follows the reader's own time where that is any use: a repeat must fall where the first one fell.
    kept.month = _month(_nearest(line.read_at, tapped_at))
    return kept


def _number(card: str, reader: KnownReader) -> tuple[str, str]:
    try:
        return canonical(card, reader.rule), ""
    except CardNumberError:
        return "", "bad_card"


def _put_right(read_at: datetime, skew: timedelta) -> datetime | None:
    """The reader's time by our clock; None if it has no zone or leaves the calendar."""
    if read_at.tzinfo is None:
        return None
    try:
        return (read_at - skew if abs(skew) > SKEW_THAT_MATTERS else read_at).astimezone(UTC)
    except OverflowError:
        return None


def _nearest(read_at: datetime, tapped_at: datetime) -> datetime:
    """The reader's own time if it is within a day of the corrected one, else the corrected one."""
    return read_at if abs(read_at - tapped_at) < timedelta(days=1) else tapped_at


def _month(at: datetime) -> date:
    return at.astimezone(UTC).date().replace(day=1)


def _storable(text: str) -> str:
    """`text` without what PostgreSQL cannot hold, and no longer than a card number can be."""
    return text[:CARD_CHARACTERS_MAX].replace("\0", "\ufffd").encode("utf-8", "replace").decode()


class Clerk:
    """Writes what requests hand in, many to a commit."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool
        self._waiting: deque[Handful] = deque()
        self._lines_waiting = 0
        self._something = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._heard: dict[UUID, Hearing] = {}  # the last word of each reader that we committed

    def start(self) -> None:
        """Begin to write. Needs a running event loop."""
        self._task = asyncio.create_task(self._write_for_ever())

    async def stop(self) -> None:
        """Write what is waiting, then end."""
        task, self._task = self._task, None
        if task is None:
            return
        while self._waiting:
            await self._write_some()
        task.cancel()

    async def keep(self, rows: list[Row], hearing: Hearing) -> set[UUID]:
        """Commit `rows` and `hearing`; returns the nonces that were new.

        Raises `Overloaded` if they could not be committed in time; then none or all of them may stand, and sending
        them again is harmless.
        """
        if self._lines_waiting + len(rows) > LINES_WAITING_MAX:
            raise Overloaded("too much is waiting")
        handful = Handful(rows, hearing)
        self._waiting.append(handful)
        self._lines_waiting += len(rows)
        self._something.set()
        return await handful.done

    async def _write_for_ever(self) -> None:
        while True:
            await self._something.wait()
            await self._write_some()
            if not self._waiting:
                self._something.clear()

    async def _write_some(self) -> None:
        handfuls = self._take()
        try:
            async with asyncio.timeout(COMMIT_SECONDS_MAX):
                stored = await self._commit(handfuls)
        except (psycopg.Error, OSError, TimeoutError) as error:
            log.warning(
                "taps not committed lines=%d error=%s", sum(len(h.rows) for h in handfuls), type(error).__name__
            )
            self._answer(handfuls, Overloaded("the database did not answer"))
        except BaseException as error:
            self._answer(handfuls, Overloaded("the clerk stopped"))
            if not isinstance(error, Exception):
                raise
            log.exception("taps not committed")
        else:
            self._answer(handfuls, stored)

    def _take(self) -> list[Handful]:
        taken: list[Handful] = []
        lines = 0
        while self._waiting and (not taken or lines + len(self._waiting[0].rows) <= LINES_PER_COMMIT_MAX):
            handful = self._waiting.popleft()
            taken.append(handful)
            lines += len(handful.rows)
        self._lines_waiting -= lines
        return taken

    def _answer(self, handfuls: list[Handful], result: "set[tuple[UUID, UUID]] | Overloaded") -> None:
        for handful in handfuls:
            if handful.done.done():  # its request went away
                continue
            if isinstance(result, Overloaded):
                handful.done.set_exception(result)
            else:
                handful.done.set_result({r.nonce for r in handful.rows if (r.reader_id, r.nonce) in result})

    async def _commit(self, handfuls: Sequence[Handful]) -> set[tuple[UUID, UUID]]:
        """One statement, so one journey and one commit, with whatever the handfuls hold."""
        rows = [row for handful in handfuls for row in handful.rows]
        heard = self._news({handful.hearing.reader_id: handful.hearing for handful in handfuls})
        stored: set[tuple[UUID, UUID]] = set()
        async with self._pool.connection() as connection:
            if rows:
                cursor = await connection.execute(_KEEP, _columns(rows) + _hearings(heard), prepare=True)
                stored = set(await cursor.fetchall())
            elif heard:
                await connection.execute(_HEAR, _hearings(heard), prepare=True)
        self._heard.update((one.reader_id, one) for one in heard)
        return stored

    def _news(self, last_words: Mapping[UUID, Hearing]) -> list[Hearing]:
        """Those that say more than what stands in the table: another number left, or a second later."""
        return [
            one
            for reader_id, one in last_words.items()
            if (before := self._heard.get(reader_id)) is None
            or before.queue != one.queue
            or abs(before.skew_ms - one.skew_ms) > 1_000
            or one.heard_at - before.heard_at >= HEARD_AGAIN
        ]


# In the order of the readers, so that two processes never wait for each other crosswise.
_HEAR = """
INSERT INTO gates_readerhealth AS health (reader_id, heard_at, sent_at, queue, skew_ms)
SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[], %s::int[], %s::bigint[])
    AS t(reader_id, heard_at, sent_at, queue, skew_ms)
ORDER BY reader_id
ON CONFLICT (reader_id) DO UPDATE
SET heard_at = excluded.heard_at, sent_at = excluded.sent_at, queue = excluded.queue, skew_ms = excluded.skew_ms
WHERE health.heard_at <= excluded.heard_at
"""

_KEEP = f"""
WITH handed AS (
    SELECT * FROM unnest(
        %s::date[], %s::int[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[],
        %s::timestamptz[], %s::bigint[], %s::text[], %s::text[]
    ) AS t(month, school_id, reader_id, nonce, card, uid, read_at, tapped_at, received_at, skew_ms, direction, reason)
), stored AS (
    INSERT INTO gates_tap (month, school_id, reader_id, nonce, card, uid, read_at, tapped_at, received_at, skew_ms,
                           direction, reason)
    SELECT * FROM handed
    ON CONFLICT DO NOTHING
    RETURNING school_id, reader_id, nonce, uid, tapped_at, received_at, direction, reason
), queued AS (
    INSERT INTO gates_tapqueue (shard, school_id, reader_id, nonce, uid, tapped_at, received_at, direction)
    SELECT school_id %% {TapQueue.SHARDS}, school_id, reader_id, nonce, uid, tapped_at, received_at, direction
    FROM stored WHERE reason = ''
    RETURNING 1
), woken AS (
    SELECT pg_notify('gatepost_taps', '') WHERE EXISTS (SELECT 1 FROM queued)
), heard AS (
    {_HEAR}
)
SELECT reader_id, nonce FROM stored LEFT JOIN woken ON true
"""  # noqa: S608 - a constant of our own


def _columns(rows: Sequence[Row]) -> list[str]:
    return [
        _array(row.month.isoformat() for row in rows),
        _array(str(row.school_id) for row in rows),
        _array(str(row.reader_id) for row in rows),
        _array(str(row.nonce) for row in rows),
        _array(_quoted(row.card) for row in rows),
        _array(_quoted(row.uid) for row in rows),
        _array(row.read_at.isoformat() if row.read_at else "NULL" for row in rows),
        _array(row.tapped_at.isoformat() for row in rows),
        _array(row.received_at.isoformat() for row in rows),
        _array(str(row.skew_ms) for row in rows),
        _array(row.direction or "NULL" for row in rows),
        _array(_quoted(row.reason) for row in rows),
    ]


def _hearings(heard: Sequence[Hearing]) -> list[str]:
    return [
        _array(str(one.reader_id) for one in heard),
        _array(one.heard_at.isoformat() for one in heard),
        _array(one.sent_at.isoformat() for one in heard),
        _array(str(one.queue) for one in heard),
        _array(str(one.skew_ms) for one in heard),
    ]


def _array(elements: Iterable[str]) -> str:
    """An array as PostgreSQL writes it. The driver's own way costs more than all the rest of a request."""
    return "{" + ",".join(elements) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
