"""A mail server of our own: it takes mails, remembers them, and can be told to misbehave (`Manners`)."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email import message_from_bytes, policy

from tests.faults.ground import free_port


@dataclass(frozen=True)
class Mail:
    """A mail that was taken: the sink has said 250 to it."""

    message_id: str
    to: str
    subject: str
    at: float  # time.monotonic()


class HangUp(Exception):
    """The server closes the connection without a word."""


class Manners:
    """How the server behaves. This one behaves well; another overrides what it does otherwise.

    Methods may sleep, answer anything, or raise `HangUp`.
    """

    async def greet(self) -> bytes:
        """The first line of a connection."""
        return b"220 sink ESMTP"

    async def command(self, verb: str, line: str) -> bytes:
        """The answer to MAIL, RCPT, DATA and so on."""
        if verb == "EHLO":
            return b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES"
        return {"DATA": b"354 go on", "QUIT": b"221 2.0.0 bye"}.get(verb, b"250 2.0.0 ok")

    async def message(self, mail: Mail) -> bytes:
        """The answer to a whole message; it is remembered if this begins with 2, before anything is written."""
        return b"250 2.0.0 taken"


class Sink:
    """The server, on a port of its own, in a thread of its own. `manners` can be changed while it runs."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.mails: list[Mail] = []
        self.manners = Manners()
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sink", daemon=True)
        self._thread.start()

    def open(self) -> None:
        """Begin (or begin again) to listen."""
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)

    def close(self) -> None:
        """Stop listening and cut all connections, as a machine that goes down does."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)

    def end(self) -> None:
        """For good."""
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def times(self) -> Counter[str]:
        """How often each Message-ID was taken."""
        return Counter(mail.message_id for mail in list(self.mails))

    def environment(self) -> dict[str, str]:
        """What a worker must be told to send here."""
        return {"GATEPOST_SMTP_HOST": "127.0.0.1", "GATEPOST_SMTP_PORT": str(self.port)}

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._converse, "127.0.0.1", self.port, limit=2**20)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with suppress(HangUp, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await self._answer(reader, writer)
        self._writers.discard(writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _say(writer, await self.manners.greet())
        while line := (await reader.readline()).decode("utf-8", "replace").strip():
            verb = line.split(" ", 1)[0].upper()
            answer = await self.manners.command(verb, line)
            await _say(writer, answer)
            if verb == "DATA" and answer.startswith(b"3"):
                await self._take(await reader.readuntil(b"\r\n.\r\n"), writer)
            elif verb == "QUIT":
                return

    async def _take(self, text: bytes, writer: asyncio.StreamWriter) -> None:
        mail = _read(text)
        answer = await self.manners.message(mail)
        if answer.startswith(b"2"):
            self.mails.append(mail)
        await _say(writer, answer)


def _read(text: bytes) -> Mail:
    message = message_from_bytes(text.partition(b"\r\n\r\n")[0], policy=policy.default)
    return Mail(str(message["Message-ID"]), str(message["To"]), str(message["Subject"]), time.monotonic())


async def _say(writer: asyncio.StreamWriter, answer: bytes) -> None:
    writer.write(answer + b"\r\n")
    await writer.drain()


@contextmanager
def open_sink() -> Iterator[Sink]:
    """A sink that listens, for as long as the block runs."""
    sink = Sink(free_port())
    sink.open()
    try:
        yield sink
    finally:
        sink.end()
