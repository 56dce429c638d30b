"""A carrier not written here: node-smpp's server, in a process of its own."""

import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SMSC = Path(__file__).with_name("smsc.mjs")
PATIENCE_SECONDS = 60.0


class Carrier:
    """The server, and what it said so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[dict[str, Any]] = []
        self._lines: queue.Queue[str] = queue.Queue()
        self._ear = threading.Thread(target=self._listen, daemon=True)  # a pipe that nobody empties stops who writes
        self._ear.start()
        self.port = self.until("listening")["port"]

    def until(self, event: str) -> dict[str, Any]:
        """The next `event`; what comes before it is kept."""
        while line := self._lines.get(timeout=PATIENCE_SECONDS):
            self.said.append(json.loads(line))
            if self.said[-1]["event"] == event:
                return self.said[-1]
        raise AssertionError(f"the carrier ended without {event}")

    def restart(self) -> None:
        """Every session ends."""
        self._tell("")

    def suffer(self, matter: str) -> None:
        """From now on it is well, refused, unbound, throttled or silent (`smsc.mjs`); what it said before is `said`."""
        self._tell(matter)
        self.until("matter")

    def end(self) -> None:
        """For good."""
        self.process.kill()
        self._ear.join()

    def _tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")


@contextmanager
def a_carrier(node_modules: Path) -> Iterator[Carrier]:
    """It listens on a port of this machine until the block ends."""
    script = node_modules.parent / SMSC.name
    shutil.copy(SMSC, script)  # a module finds its packages beside itself
    with subprocess.Popen(["node", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        carrier = Carrier(process)
        try:
            yield carrier
        finally:
            carrier.end()
