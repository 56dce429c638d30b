"""Which reader a key belongs to, in memory: intake asks this at every request.

The whole book is read again every `REFRESH_SECONDS`, so a revoked key stops opening everywhere within that time and
a new one begins to. A city has some thousand readers; the book is small.
"""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg_pool import AsyncConnectionPool

from gatepost.cards.numbers import AS_THE_CHIP, CardNumberError, CardRule
from gatepost.gates.keys import digest

log = logging.getLogger(__name__)

REFRESH_SECONDS = 2.0
# A book older than this is not believed: better no answer than a revoked key's taps.
BELIEVED_SECONDS = 5.0
# Who waited while somebody else asked in vain hears the same, instead of asking in vain one after the other.
FAILURE_SECONDS = 0.5


class BookClosed(Exception):
    """The book could not be read for too long."""


@dataclass(frozen=True, slots=True)
class KnownReader:
    id: UUID
    school_id: int
    rule: CardRule


class ReaderBook:
    """The readers whose keys open intake now."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool
        self._readers: dict[bytes, KnownReader] = {}
        self._read_at = float("-inf")
        self._failed_at = float("-inf")
        self._reading = asyncio.Lock()

    @property
    def is_due(self) -> bool:
        """Whether the book is to be read again before it is looked into, and nobody is at it."""
        age = time.monotonic() - self._read_at
        return age > REFRESH_SECONDS and not (self._reading.locked() and age < BELIEVED_SECONDS)

    def at_hand(self, key: bytes) -> KnownReader | None:
        """The reader with `key`, or None if there is none or it was revoked. Only while the book is not due."""
        return self._readers.get(digest(key)) if key else None

    async def find(self, key: bytes) -> KnownReader | None:
        """The same, after reading the book again where it is due. Raises `BookClosed`."""
        if self.is_due:
            await self._refresh()
        return self.at_hand(key)

    async def _refresh(self) -> None:
        async with self._reading:
            if time.monotonic() - self._read_at <= REFRESH_SECONDS:
                return
            if time.monotonic() - self._failed_at <= FAILURE_SECONDS:
                self._stand_by_what_we_have()
                return
            try:
                async with asyncio.timeout(BELIEVED_SECONDS), self._pool.connection() as connection:
                    asked_at = time.monotonic()  # what comes back is as it was now, however long it is on its way
                    cursor = await connection.execute(_READERS)
                    rows = await cursor.fetchall()
            except (psycopg.Error, OSError, TimeoutError) as error:
                self._failed_at = time.monotonic()
                self._stand_by_what_we_have(error)
                return
            self._readers = {bytes(key): KnownReader(pk, school, _rule(pk, rule)) for key, pk, school, rule in rows}
            self._read_at = asked_at

    def _stand_by_what_we_have(self, error: Exception | None = None) -> None:
        """Go on with the page that could not be renewed while it may be believed."""
        if time.monotonic() - self._read_at > BELIEVED_SECONDS:
            raise BookClosed("the list of readers cannot be read") from error


_READERS = "SELECT key_digest, id, school_id, card_rule FROM gates_reader WHERE revoked_at IS NULL"


def _rule(reader_id: UUID, described: object) -> CardRule:
    if not described:
        return AS_THE_CHIP
    try:
        return CardRule.from_json(described)
    except CardNumberError:
        log.error("reader has no usable card rule reader=%s", reader_id)
        return AS_THE_CHIP
