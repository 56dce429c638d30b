"""A piece of network between two processes that can be cut, stalled and mended: a relay of bytes over TCP."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.faults.ground import free_port

CHUNK_BYTES = 65_536


class Network:
    """Carries bytes from a port of its own to `port`, or to the unix socket `path`, both ways, until told otherwise."""

    def __init__(self, *, port: int = 0, path: Path | None = None) -> None:
        self.port = free_port()
        self._far_port, self._far_path = port, path
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._there, self._back = asyncio.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._thread.start()
        self.mend()

    def mend(self) -> None:
        """Carry again, also what was held back."""
        asyncio.run_coroutine_threadsafe(self._mend(), self._loop).result(10)

    def cut(self) -> None:
        """End all connections at once and refuse new ones."""
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(10)

    def stall(self, *, there: bool = True, back: bool = True) -> None:
        """Carry nothing any more in these directions, and say nothing of it: connections stand, bytes do not move."""
        asyncio.run_coroutine_threadsafe(self._stall(there, back), self._loop).result(10)

    def end(self) -> None:
        """For good."""
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _mend(self) -> None:
        self._there.set()
        self._back.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)

    async def _stall(self, there: bool, back: bool) -> None:
        for event, stalled in ((self._there, there), (self._back, back)):
            if stalled:
                event.clear()

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()
        self._there.set()
        self._back.set()
        await asyncio.sleep(0)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await self._reach_far(writer)
        self._writers |= {writer, far_writer}
        await asyncio.gather(self._pump(reader, far_writer, self._there), self._pump(far_reader, writer, self._back))
        self._writers -= {writer, far_writer}

    async def _reach_far(self, writer: asyncio.StreamWriter) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            if self._far_path is not None:
                return await asyncio.open_unix_connection(self._far_path)
            return await asyncio.open_connection("127.0.0.1", self._far_port)
        except OSError:
            writer.transport.abort()
            raise

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: asyncio.Event) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                await way.wait()
                writer.write(data)
                await writer.drain()
        with suppress(OSError):
            writer.close()


@contextmanager
def a_network(*, port: int = 0, path: Path | None = None) -> Iterator[Network]:
    """A piece of network for as long as the block runs."""
    network = Network(port=port, path=path)
    try:
        yield network
    finally:
        network.end()
