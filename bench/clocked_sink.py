"""An SMTP server that notes when it took a mail, and for whom (a process of its own)."""

import argparse
import asyncio
import time
from typing import TextIO

from bench.sink import Sink


class ClockedSink(Sink):
    """A line for each mail: the recipient's address, and the moment just before it was answered for."""

    def __init__(self, log: TextIO) -> None:
        self.log = log
        self.recipients: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        for line in data.split(b"\r\n"):
            if line[:8].upper() == b"RCPT TO:":
                self.log.write(f"{line[8:].split(b'>')[0].strip(b' <').decode()} {now}\n")
        super().data_received(data)


async def serve(port: int, log: TextIO) -> None:
    """Take mails until the process ends."""
    server = await asyncio.get_running_loop().create_server(lambda: ClockedSink(log), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", required=True)
    given = parser.parse_args()
    with open(given.log, "w", buffering=1) as file:  # noqa: PTH123
        asyncio.run(serve(given.port, file))
