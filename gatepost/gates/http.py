"""`/v1`: the public contract of the gate, on a small ASGI path of its own beside Django.

Bare ASGI: a request is one look-up, one wait for a commit and one answer, and forty children stand behind it.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from gatepost.gates import contract, intake
from gatepost.gates.lines import Row, row
from gatepost.gates.openapi import DESCRIPTION
from gatepost.gates.readerbook import BookClosed, KnownReader, ReaderBook
from gatepost.gates.taptable import Handful, Hearing, register
from gatepost.kit.clock import utc_now
from gatepost.kit.connections import noticing_silence

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CONNECTIONS = 4
BODY_SECONDS_MAX = 15.0
KEY_SECONDS_MAX = 1.0  # a key is looked at again after a body that took longer to arrive
# What one reader may ask for in a while, in each process: far above a busy gate, far below a flood.
REQUESTS_PER_SECOND = 50
REQUESTS_AT_ONCE = 100
_MILLISECOND = timedelta(milliseconds=1)

_encode = msgspec.json.Encoder().encode


class Gate:
    """The ASGI application of `/v1`."""

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
            if self._clerk is not None:
                return
            self._pool = pool_for(self._database_url)
            await self._pool.open()
            self._book = ReaderBook(self._pool)
            self._clerk = intake.Clerk(self._pool)
            self._clerk.start()

    async def close(self) -> None:
        """Answer what waits, then disconnect."""
        if self._clerk is not None:
            await self._clerk.stop()
        if self._pool is not None:
            await self._pool.close()
        self._clerk = self._pool = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if self._clerk is None:
                await self.open()
            status, content = await self._answer(scope, receive)
        except contract.Refusal as refusal:
            status, content = _problem(refusal)
        except Exception:
            log.exception("intake failed")
            status, content = _problem(contract.Refusal(500, "Our fault", "The batch was not kept. Send it again."))
        await _send(send, status, content)

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, bytes]:
        match scope["path"], scope["method"]:
            case "/v1/taps", "POST":
                return 200, await self._take_taps(scope, receive)
            case "/v1/openapi.json", "GET" | "HEAD":
                return 200, DESCRIPTION
            case "/v1/taps" | "/v1/openapi.json", _:
                raise contract.Refusal(405, "Method not allowed", "See /v1/openapi.json for what this address takes.")
        raise contract.Refusal(404, "Not found", "See /v1/openapi.json for what there is.")

    async def _take_taps(self, scope: Scope, receive: Receive) -> bytes:
        try:
            reader = await self._welcome(scope)
        except contract.Refusal:
            # Who is still writing does not hear an answer: the connection would be reset under it.
            with contextlib.suppress(contract.Refusal):
                await _body(scope, receive)
            raise
        began = time.monotonic()
        body = await _body(scope, receive)
        if time.monotonic() - began > KEY_SECONDS_MAX:  # its key may have been revoked meanwhile
            reader = await self._reader(scope)
        received_at = self._clock()
        sent_at, queue, lines = contract.read(body, reader.id)
        skew = sent_at - received_at
        rows = [row(line, reader.rule, skew=skew, received_at=received_at) for line in lines]
        hearing = Hearing(reader.id, received_at, sent_at, queue, skew // _MILLISECOND)
        assert self._clerk is not None  # noqa: S101 - opened before the first answer
        try:
            new = await self._clerk.keep(Handful(reader.school_id, rows, hearing))
        except intake.Overloaded as error:
            raise contract.Refusal(
                503, "Not now", f"Nothing was lost: {error}. Keep the taps and send again."
            ) from error
        results = [_result(line, kept, reader.id, new) for line, kept in zip(lines, rows, strict=True)]
        for result in results:
            self.outcomes[result["reason"] or result["status"]] += 1
        return _encode({"received": len(lines), "results": results})

    async def _welcome(self, scope: Scope) -> KnownReader:
        reader = await self._reader(scope)
        if not self._allowances.setdefault(reader.id, Allowance()).take():
            raise contract.Refusal(429, "Too many requests", "This reader asks too often. Wait, and send in batches.")
        return reader

    async def _reader(self, scope: Scope) -> KnownReader:
        key = _bearer(scope)
        try:
            reader = await self._book.find(key) if key else None
        except BookClosed as error:
            raise contract.Refusal(503, "Not now", "Keep the taps and send again.") from error
        if reader is None:
            raise contract.Refusal(401, "Unknown reader", "Send the reader's key as: Authorization: Bearer <key>.")
        return reader


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


def _bearer(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, key = value.decode("latin-1").partition(" ")
            return key.strip() if scheme.lower() == "bearer" else ""
    return ""


async def _body(scope: Scope, receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    _bound(_announced(scope))
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise contract.Refusal(400, "Cut off", "The body did not arrive.")
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
                _bound(size)
                if not message.get("more_body"):
                    return b"".join(chunks)
    except TimeoutError as error:
        raise contract.Refusal(408, "Too slow", f"The body must arrive within {BODY_SECONDS_MAX:.0f} s.") from error


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


def _bound(size: int) -> None:
    if size > contract.BODY_BYTES_MAX:
        raise contract.Refusal(413, "Too large", f"At most {contract.BODY_BYTES_MAX} bytes a request.")


def _result(
    line: contract.TapLine | contract.BadLine, kept: Row, reader_id: UUID, new: intake.Stored
) -> dict[str, Any]:
    shown = line.shown_nonce if isinstance(line, contract.BadLine) else line.nonce
    if kept.reason:
        return {"nonce": shown, "status": "refused", "reason": kept.reason}
    is_new = new is None or (reader_id, kept.nonce) in new
    return {"nonce": shown, "status": "stored" if is_new else "repeat", "reason": None}


def _problem(refusal: contract.Refusal) -> tuple[int, bytes]:
    return refusal.status, _encode(
        {"type": "about:blank", "title": refusal.title, "status": refusal.status, "detail": refusal.detail}
    )


_RETRY_AFTER = {429: b"5", 503: b"10"}


async def _send(send: Send, status: int, content: bytes) -> None:
    kind = b"application/json" if status == 200 else b"application/problem+json"
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if status in _RETRY_AFTER:
        headers.append((b"retry-after", _RETRY_AFTER[status]))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
