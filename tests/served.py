"""A process of ours on a port of its own, for tests that listen to what goes over the wire."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

STARTS_SECONDS_MAX = 30


class Served:
    """`gatepost web` or `gatepost gate` on the tests' database, with `settings` added to its environment."""

    def __init__(self, command: str, settings: Mapping[str, str] | None = None, *, port: int = 0) -> None:
        self.port: int = port or free_port()
        with tempfile.NamedTemporaryFile(prefix="gatepost-served-", delete=False) as log:
            self._log = Path(log.name)
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gatepost", command, "--port", str(self.port)],
                env={**os.environ, **(settings or {})},
                start_new_session=True,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + STARTS_SECONDS_MAX
        while time.monotonic() < until and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        self.stop()
        raise AssertionError("it did not start")

    def stop(self) -> str:
        """End it; what it wrote."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        written = self._log.read_text() if self._log.exists() else ""
        self._log.unlink(missing_ok=True)
        return written

    def kill(self) -> None:
        """End it without waiting for what it has in hand."""
        self.process.kill()
        self.process.wait()
        self._log.unlink(missing_ok=True)

    def connect(self, *, timeout: float = 20) -> socket.socket:
        """A raw connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def say(self, raw: bytes, *, timeout: float = 20) -> bytes:
        """Everything it answers to `raw` until it closes, or says nothing more for a while."""
        with self.connect(timeout=timeout) as talk:
            talk.sendall(raw)
            return hear(talk, quiet_seconds=timeout)


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def hear(talk: socket.socket, *, quiet_seconds: float) -> bytes:
    """What comes until the other side closes, or is quiet for so long."""
    talk.settimeout(quiet_seconds)
    heard = b""
    try:
        while chunk := talk.recv(65_536):
            heard += chunk
    except (TimeoutError, ConnectionResetError):
        pass
    return heard
