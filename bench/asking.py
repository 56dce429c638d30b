"""A few connections that ask one after the other until nothing is left: conversations of several requests each."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar
from urllib.parse import urlencode

T = TypeVar("T")
CONNECTIONS = 8


class Line:
    """One connection to a server of ours, kept open."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self, method: str, path: str, *, headers: dict[str, str], fields: dict[str, str] | None = None
    ) -> tuple[int, str, bytes]:
        """Status, head and body of the answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._streams
        body = urlencode(fields).encode() if fields is not None else b""
        given = {"Host": "127.0.0.1", **headers}
        if fields is not None:
            given |= {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        writer.write(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = next(
            (line.split(":")[1] for line in head.lower().split("\r\n") if line.startswith("content-length:")), "0"
        )
        return int(head[9:12]), head, await reader.readexactly(int(length))

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()


def talks_a_second(port: int, talk: Callable[[Line, T], Awaitable[None]], about: Iterable[T]) -> float:
    """How many conversations a second, over some connections at once, until `about` is used up."""
    return asyncio.run(_talks_a_second(port, talk, about))


async def _talks_a_second(port: int, talk: Callable[[Line, T], Awaitable[None]], about: Iterable[T]) -> float:
    waiting, done = iter(about), 0

    async def lane() -> None:
        nonlocal done
        line = Line(port)
        for one in waiting:
            await talk(line, one)
            done += 1
        line.close()

    begin = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(CONNECTIONS)))
    return done / (time.perf_counter() - begin)
