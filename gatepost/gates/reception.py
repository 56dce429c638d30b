"""Who stands at the readers' door, what they hand in, and what they hear: everything but HTTP itself.

A request of one tap is one look-up, one wait for a commit and one answer, and forty children stand behind it: `take`
runs without a task of its own and comes back through a callback. `http` and `wire` put it on the network.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from gatepost.gates import contract, intake
from gatepost.gates.answers import Answer, Refusal, good, problem
from gatepost.gates.contract import BadLine, Line
from gatepost.gates.lines import Row, rows
from gatepost.gates.openapi import DESCRIPTION
from gatepost.gates.readerbook import BookClosed, KnownReader, ReaderBook
from gatepost.gates.taptable import Handful, Hearing, register
from gatepost.kit.clock import utc_now
from gatepost.kit.connections import noticing_silence

log = logging.getLogger(__name__)

CONNECTIONS = 4
BODY_SECONDS_MAX = 15.0
# What one reader may ask for in a while, in each process: far above a busy gate, far below a flood.
REQUESTS_PER_SECOND = 50
REQUESTS_AT_ONCE = 100
_MILLISECOND = timedelta(milliseconds=1)

OUR_FAULT = Refusal(500, "Our fault", "The batch was not kept. Send it again.")


def too_slow() -> Refusal:
    """A body that does not come to its end."""
    return Refusal(408, "Too slow", f"The body must arrive within {BODY_SECONDS_MAX:.0f} s.")


def too_large() -> Refusal:
    """A body that is longer than a full batch can be."""
    return Refusal(413, "Too large", f"At most {contract.BODY_BYTES_MAX} bytes a request.")


class Result(msgspec.Struct, gc=False):
    """What became of one line."""

    nonce: UUID | str | None
    status: str
    reason: str | None


class Received(msgspec.Struct, gc=False):
    """What a reader hears of its batch."""

    received: int
    results: list[Result]


_encode = msgspec.json.Encoder().encode


class Reception:
    """The readers' door in one process: its book of readers, their allowances, and the clerk who keeps taps."""

    def __init__(self, database_url: str, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._database_url = database_url
        self._clock = clock
        self._clerk: intake.Clerk | None = None
        self._pool: AsyncConnectionPool[Any] | None = None
        self._allowances: dict[UUID, Allowance] = {}
        self.outcomes: Counter[str] = Counter()  # what became of the lines, since whoever counts them last took them
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        """Connect and begin to write, in the server's event loop. Opening twice opens once."""
        async with self._opening:
            if self.is_open:
                return
            self._pool = pool_for(self._database_url)
            await self._pool.open()
            self._book = ReaderBook(self._pool)
            self._clerk = intake.Clerk(self._pool)
            self._clerk.start()

    @property
    def is_open(self) -> bool:
        """Whether taps can be taken."""
        return self._clerk is not None

    async def close(self) -> None:
        """Answer what waits, then disconnect."""
        if self._clerk is not None:
            await self._clerk.stop()
        if self._pool is not None:
            await self._pool.close()
        self._clerk = self._pool = None

    def reader_at_hand(self, authorization: bytes) -> KnownReader | None:
        """Whom `authorization` names, where the book need not be read for it; else None. Raises `Refusal` (401)."""
        if self._clerk is None or self._book.is_due:
            return None
        return _known(self._book.at_hand(_bearer(authorization)))

    async def reader(self, authorization: bytes) -> KnownReader:
        """Whom `authorization` names. Raises `Refusal`: 401, or 503 if the book cannot be read."""
        try:
            return _known(await self._book.find(_bearer(authorization)))
        except BookClosed as error:
            raise Refusal(503, "Not now", "Keep the taps and send again.") from error

    def take(self, reader: KnownReader, body: bytes, then: Callable[[Answer], None]) -> None:
        """Keep the batch that `reader` handed in; `then` hears the answer, after the commit.

        Raises `Refusal` where nothing is kept: 400 and 422 (no batch), 429, 503.
        """
        self._admit(reader)
        received_at = self._clock()
        sent_at, queue, lines = contract.read(body, reader.id)
        skew = sent_at - received_at
        kept = rows(lines, reader.rule, skew=skew, received_at=received_at)
        hearing = Hearing(reader.id, received_at, sent_at, queue, skew // _MILLISECOND)
        assert self._clerk is not None  # noqa: S101 - opened before the first answer
        answer = partial(self._acknowledge, reader.id, lines, kept, then)
        try:
            self._clerk.keep(Handful(reader.school_id, kept, hearing), answer)
        except intake.Overloaded as error:
            raise _not_now(error) from error

    def _admit(self, reader: KnownReader) -> None:
        allowance = self._allowances.get(reader.id)
        if allowance is None:
            allowance = self._allowances[reader.id] = Allowance()
        if not allowance.take():
            raise Refusal(429, "Too many requests", "This reader asks too often. Wait, and send in batches.")

    def _acknowledge(
        self,
        reader_id: UUID,
        lines: list[Line],
        kept: list[Row],
        then: Callable[[Answer], None],
        new: intake.Stored | intake.Overloaded,
    ) -> None:
        if isinstance(new, intake.Overloaded):
            then(problem(_not_now(new)))
            return
        results = [_result(line, one, reader_id, new) for line, one in zip(lines, kept, strict=True)]
        outcomes = self.outcomes
        for result in results:
            outcomes[result.reason or result.status] += 1
        then(good(_encode(Received(len(results), results))))


def elsewhere(method: str, path: str) -> Answer:
    """What is said at the door besides taps: the contract, and where it is."""
    if path == "/v1/openapi.json":
        if method in {"GET", "HEAD"}:
            return good(DESCRIPTION)
        return _not_that_way("GET, HEAD")
    if path == "/v1/taps":
        return _not_that_way("POST")
    return problem(Refusal(404, "Not found", "See /v1/openapi.json for what there is."))


def _not_that_way(allow: str) -> Answer:
    detail = "See /v1/openapi.json for what this address takes."
    return problem(Refusal(405, "Method not allowed", detail, allow=allow.encode()))


def pool_for(database_url: str) -> AsyncConnectionPool[Any]:
    """Connections that can write taps, still to be opened."""
    return AsyncConnectionPool(
        noticing_silence(database_url),
        min_size=1,
        max_size=CONNECTIONS,
        timeout=5,
        reconnect_timeout=5,  # after that it tries when a tap asks, instead of after ever longer pauses
        open=False,
        configure=_configure,
        kwargs={"application_name": "gatepost intake", "autocommit": True},
    )


async def _configure(connection: AsyncConnection[Any]) -> None:
    register(connection)


class Allowance:
    """A bucket of requests that fills by the second."""

    __slots__ = ("_left", "_since")

    def __init__(self) -> None:
        self._left = float(REQUESTS_AT_ONCE)
        self._since = time.monotonic()

    def take(self) -> bool:
        """Whether one more request is within bounds; counts it if so."""
        now = time.monotonic()
        self._left = min(REQUESTS_AT_ONCE, self._left + (now - self._since) * REQUESTS_PER_SECOND)
        self._since = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def _bearer(authorization: bytes) -> bytes:
    """The key in an `Authorization` header; nothing where it is of another kind."""
    scheme, _, key = authorization.partition(b" ")
    return key.strip() if scheme.lower() == b"bearer" else b""


def _known(reader: KnownReader | None) -> KnownReader:
    if reader is None:
        raise Refusal(401, "Unknown reader", "Send the reader's key as: Authorization: Bearer <key>.")
    return reader


def _not_now(why: intake.Overloaded) -> Refusal:
    return Refusal(503, "Not now", f"Nothing was lost: {why}. Keep the taps and send again.")


def _result(line: Line, kept: Row, reader_id: UUID, new: intake.Stored) -> Result:
    shown = line.shown_nonce if isinstance(line, BadLine) else line.nonce
    if kept.reason:
        return Result(shown, "refused", kept.reason)
    is_new = new is None or (reader_id, kept.nonce) in new
    return Result(shown, "stored" if is_new else "repeat", None)
