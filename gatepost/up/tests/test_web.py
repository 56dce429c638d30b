"""The web process, in front of a small application."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

APPLICATION = """
import asyncio

async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        print("goodbye", flush=True)
        return await send({"type": "lifespan.shutdown.complete"})
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    await asyncio.sleep(60 if scope["path"] == "/endless" else 0.5)
    await send({"type": "http.response.body", "body": b" and done"})
"""


class Served:
    """A web process, and the port where it answers."""

    def __init__(self, folder: Path, *, finish_seconds: float) -> None:
        (folder / "small.py").write_text(APPLICATION)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        code = (
            f"from gatepost.up import web; web.FINISH_SECONDS_MAX = {finish_seconds}\n"
            f"web.serve('small:application', host='127.0.0.1', port={self.port}, workers=1)"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(folder)},
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, path: str) -> http.client.HTTPResponse:
        """The beginning of the answer; asks again until the process listens."""
        for _ in range(200):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                connection.request("GET", path)
                return connection.getresponse()
            except ConnectionRefusedError:
                time.sleep(0.05)
        raise AssertionError("nobody listens")

    def stopped(self) -> str:
        """Ask it to stop; what it said."""
        self.process.send_signal(signal.SIGTERM)
        said, _ = self.process.communicate(timeout=30)
        assert self.process.returncode == 0
        return said


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path, finish_seconds=1.5)
    yield served
    served.process.kill()
    served.process.communicate()


def test_an_answer_that_was_begun_is_finished_before_the_end(served: Served) -> None:
    answer = served.ask("/")
    assert answer.read(5) == b"begun"
    assert "goodbye" in served.stopped()
    assert answer.read() == b" and done"


def test_an_answer_without_end_does_not_keep_it_alive(served: Served) -> None:
    answer = served.ask("/endless")
    assert answer.read(5) == b"begun"
    served.stopped()
