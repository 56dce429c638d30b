"""Keeping taps: many requests share one commit, and nobody is answered before it.

A `Clerk` runs in each intake process. Requests hand it their lines and wait; it takes whatever has gathered while the
last commit was on its way to the disk, writes it in one statement, and answers them all. So one commit costs the
same whether one tap waits for it or a thousand.
"""

import asyncio
import logging
import struct
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.errors import UniqueViolation
from psycopg_pool import AsyncConnectionPool

from gatepost.gates import taptable
from gatepost.gates.taptable import Handful, Hearing, Key

log = logging.getLogger(__name__)

LINES_PER_COMMIT_MAX = 2_000
LINES_WAITING_MAX = 50_000
COMMIT_SECONDS_MAX = 10.0

# How often a reader's last word is written down while it hands in tap after tap with the same number left.
HEARD_AGAIN = timedelta(seconds=1)


class Overloaded(Exception):
    """More waits than may wait, or the database does not answer: the reader keeps its taps and comes again."""


Stored = set[Key] | None
"""What a commit kept: the keys of the taps that were new, or None where all of them were."""


Waiting = tuple[Handful, Callable[["Stored | Overloaded"], None]]

# Errors that say something about the rows, not about the database.
_UNHOLDABLE = (psycopg.DataError, psycopg.IntegrityError, struct.error, UnicodeError, OverflowError)


class Clerk:
    """Writes what requests hand in, many to a commit."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool
        self._waiting: deque[Waiting] = deque()
        self._lines_waiting = 0
        self._something = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False
        self._heard: dict[UUID, Hearing] = {}  # the last word of each reader that we committed

    def start(self) -> None:
        """Begin to write. Needs a running event loop."""
        self._task = asyncio.create_task(self._write_for_ever())

    async def stop(self) -> None:
        """Write what is waiting, then end."""
        task, self._task = self._task, None
        if task is not None:
            self._is_stopping = True
            self._something.set()
            await task

    def keep(self, handful: Handful, then: Callable[[Stored | Overloaded], None]) -> None:
        """Commit `handful`; `then` hears the keys that were new, or None if all of them were.

        Raises `Overloaded`, or tells `then` so, if it could not be committed in time; then none or all of it may
        stand, and sending it again is harmless.
        """
        if self._lines_waiting + len(handful.rows) > LINES_WAITING_MAX:
            raise Overloaded("too much is waiting")
        self._waiting.append((handful, then))
        self._lines_waiting += len(handful.rows)
        self._something.set()

    async def _write_for_ever(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            while self._waiting:
                await self._write(self._take())
            if self._is_stopping:
                return

    async def _write(self, taken: Sequence[Waiting]) -> None:
        """Commit `taken` together and answer them. What the database cannot hold spoils its own handful only."""
        try:
            async with asyncio.timeout(COMMIT_SECONDS_MAX):
                stored = await self._commit([handful for handful, _ in taken])
        except _UNHOLDABLE as error:
            if len(taken) == 1:
                log.exception("taps that cannot be kept reader=%s", taken[0][0].hearing.reader_id)
                _refuse(taken, f"its taps cannot be kept ({type(error).__name__})")
            for one in taken if len(taken) > 1 else ():
                await self._write([one])
        except (psycopg.Error, OSError, TimeoutError) as error:
            # Nor would it answer the others in time: everybody who waits hears it now.
            taken = [*taken, *self._waiting]
            self._waiting.clear()
            self._lines_waiting = 0
            lines = sum(len(handful.rows) for handful, _ in taken)
            log.warning("taps not committed lines=%d error=%s", lines, type(error).__name__)
            _refuse(taken, "the database did not answer")
        except BaseException as error:
            _refuse(taken, "the clerk stopped")
            if not isinstance(error, Exception):
                raise
            log.exception("taps not committed")
        else:
            _tell(taken, stored)

    def _take(self) -> list[Waiting]:
        taken: list[Waiting] = []
        lines = 0
        while self._waiting and (not taken or lines + len(self._waiting[0][0].rows) <= LINES_PER_COMMIT_MAX):
            one = self._waiting.popleft()
            taken.append(one)
            lines += len(one[0].rows)
        self._lines_waiting -= lines
        return taken

    async def _commit(self, handfuls: Sequence[Handful]) -> Stored:
        """One statement, so one journey and one commit, with whatever the handfuls hold."""
        heard = self._news({handful.hearing.reader_id: handful.hearing for handful in handfuls})
        words = taptable.last_words(heard)
        stored: Stored = None
        async with self._pool.connection() as connection:
            if any(handful.rows for handful in handfuls):
                stored = await _keep(connection, {**taptable.taps(handfuls), **words})
            elif heard:
                await connection.execute(taptable.HEAR, words, prepare=True)
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


async def _keep(connection: psycopg.AsyncConnection[Any], columns: Mapping[str, bytes]) -> Stored:
    try:
        await connection.execute(taptable.KEEP_NEW, columns, prepare=True)
    except UniqueViolation:  # a repeat among them
        cursor = await connection.execute(taptable.KEEP_ANY, columns, prepare=True)
        return set(await cursor.fetchall())
    return None


def _refuse(taken: Sequence[Waiting], why: str) -> None:
    _tell(taken, Overloaded(why))


def _tell(taken: Sequence[Waiting], what: Stored | Overloaded) -> None:
    for _, then in taken:
        try:
            then(what)
        except Exception:  # the others still hear it
            log.exception("an answer was not given")
