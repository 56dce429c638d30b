"""A reader as the server sees it: one connection, one request after the other, nothing forgotten before its answer.

Bare HTTP/1.1 over asyncio: a city has a thousand readers, and each is a few kilobytes here.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from gatepost.demo.morning_plan import PlannedSend, PlannedTap
from gatepost.kit.clock import utc_now

ANSWER_SECONDS_MAX: Final = 15.0
GIVE_UP_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 0.03  # between two requests: intake allows a reader fifty a second
RETRIED: Final = (0, 429, 503)  # 0: no answer
RETRY_SECONDS_FIRST, RETRY_SECONDS_MOST = 0.2, 5.0
SENDS_AT_ONCE: Final = 20  # of at most fifty taps each: within what a request may hold


class DoorClosed(Exception):
    """The readers' door does not answer, or not as it promises; the text says what it said."""


@dataclass(slots=True)
class Answer:
    """What became of one tap: when it was first sent, and what was answered (Unix seconds)."""

    sent: float
    answered: float
    status: str
    reason: str | None


@dataclass
class Journal:
    """What all lines of a morning write down."""

    answers: dict[UUID, Answer] = field(default_factory=dict)
    post_seconds: list[float] = field(default_factory=list)
    posts: int = 0
    retries: int = 0


class ReaderLine:
    """One reader's way to the server. `url` is where Gatepost is."""

    def __init__(self, url: str, key: str, journal: Journal) -> None:
        self._parts = urlsplit(url)
        self._key = key
        self._journal = journal
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def play(self, sends: Sequence[PlannedSend], typed: dict[str, str]) -> None:
        """Hand in what is planned, when it is due; what is late goes together. `typed` is how this reader prints cards.

        Raises `DoorClosed` when an answer is not what the contract says, or none comes for a minute.
        """
        coming = deque(sends)
        while coming:
            await _sleep_until(coming[0].at)
            due = [coming.popleft()]
            while coming and coming[0].at <= utc_now() and len(due) < SENDS_AT_ONCE:
                due.append(coming.popleft())
            await self.hand_in([_line(tap, typed) for send in due for tap in send.taps], queue=due[-1].queue)
            await asyncio.sleep(PAUSE_SECONDS)

    async def beat(self, *, every_seconds: float) -> None:
        """Heartbeats without end."""
        while True:
            await self.hand_in([], queue=0)
            await asyncio.sleep(every_seconds)

    async def hand_in(
        self, taps: Sequence[dict[str, Any]], *, queue: int, give_up_seconds: float = GIVE_UP_SECONDS
    ) -> None:
        """Send until it is acknowledged. Raises `DoorClosed`."""
        began, pause = time.time(), RETRY_SECONDS_FIRST
        while True:
            try:
                status, content = await self._post(taps, queue)
            except (OSError, EOFError, TimeoutError) as error:
                status, content = 0, str(error).encode()
                self._hang_up()
            if status == 200:
                self._write_down(taps, json.loads(content), began)
                return
            if status not in RETRIED or time.time() - began > give_up_seconds:
                raise DoorClosed(_complaint(self._parts.netloc, status, content))
            self._journal.retries += 1
            await asyncio.sleep(pause)
            pause = min(pause * 2, RETRY_SECONDS_MOST)

    def close(self) -> None:
        """Hang up."""
        self._hang_up()

    def _write_down(self, taps: Sequence[dict[str, Any]], answer: dict[str, Any], began: float) -> None:
        answered = time.time()
        if len(answer["results"]) != len(taps):
            raise DoorClosed(f"{len(taps)} taps were answered with {len(answer['results'])} results")
        for result in answer["results"]:
            nonce = UUID(result["nonce"])
            self._journal.answers[nonce] = Answer(began, answered, result["status"], result["reason"])

    async def _post(self, taps: Sequence[dict[str, Any]], queue: int) -> tuple[int, bytes]:
        body = json.dumps({"sent_at": utc_now().isoformat(), "queue": queue, "taps": list(taps)}).encode()
        began = time.perf_counter()
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            reader, writer = await self._connection()
            writer.write(self._head(len(body)) + body)
            await writer.drain()
            answer = await _read_answer(reader)
        self._journal.posts += 1
        self._journal.post_seconds.append(time.perf_counter() - began)
        return answer

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            secure = self._parts.scheme == "https"
            host, port = self._parts.hostname or "127.0.0.1", self._parts.port or (443 if secure else 80)
            self._streams = await asyncio.open_connection(host, port, ssl=secure or None)
        return self._streams

    def _hang_up(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    def _head(self, length: int) -> bytes:
        return (
            f"POST /v1/taps HTTP/1.1\r\nHost: {self._parts.netloc}\r\nAuthorization: Bearer {self._key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        ).encode()


def _line(tap: PlannedTap, typed: dict[str, str]) -> dict[str, Any]:
    return {
        "nonce": str(tap.nonce),
        "card": typed.get(tap.card, tap.card),
        "read_at": tap.read_at.isoformat(),
        "direction": tap.direction,
    }


def _complaint(where: str, status: int, content: bytes) -> str:
    said = content.decode(errors="replace")[:200]
    if not status:
        return f"Nobody answers at {where} ({said}): start Gatepost first (`make up`), or name its address with --url."
    if status == 401:
        return f"{where} does not know our reader: it runs with another GATEPOST_SECRET_KEY or on another database."
    return f"POST /v1/taps answered {status}: {said}"


async def _read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
    return int(head[0].split(" ")[1]), await reader.readexactly(int(headers.get("content-length", "0")))


async def _sleep_until(at: datetime) -> None:
    seconds = (at - utc_now()).total_seconds()
    if seconds > 0:
        await asyncio.sleep(seconds)
