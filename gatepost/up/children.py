"""One child process of `gatepost up`: started, watched, started again, ended."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from gatepost.up.logfile import LogFile
from gatepost.up.processes import die_with_parent
from gatepost.up.trouble import StartError

RESTARTS_MAX = 5
BACKOFF_SECONDS_MAX = 16.0
WELL_SECONDS = 120.0  # who has run so long begins again with a clean slate
STOP_SECONDS_MAX = 15.0


class Child:
    """A command that should run as long as we do. `tend()` is to be called often; only `wait_gone` waits."""

    def __init__(self, name: str, command: Sequence[str], *, environment: Mapping[str, str], log: LogFile) -> None:
        self.name = name
        self.command = list(command)
        self.environment = dict(environment)
        self.log = log
        self.restarts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._start_at: float | None = None

    def start(self) -> None:
        """Start the command: in a session of its own (Ctrl-C is ours), ended by the kernel if we die."""
        with self.log.open() as log:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )
        self._started_at = time.monotonic()
        self._start_at = None

    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def tend(self) -> str | None:
        """Start the command again if it ended, after a growing pause; says what happened.

        Raises `StartError` when it has ended too often.
        """
        if self.is_running():
            return None
        now = time.monotonic()
        if self._start_at is not None:
            if now >= self._start_at:
                self.start()
            return None
        if self._process is not None:
            self._end_group(self._process)
        if now - self._started_at > WELL_SECONDS:
            self.restarts = 0
        if self.restarts >= RESTARTS_MAX:
            raise StartError(f"{self.name} {self._how()} again and again; see {self.log.path}.")
        pause_seconds = min(BACKOFF_SECONDS_MAX, 2.0**self.restarts)
        self.restarts += 1
        self._start_at = now + pause_seconds
        return f"{self.name} {self._how()}; it starts again in {pause_seconds:.0f} s (see {self.log.path})."

    def ask_to_stop(self) -> None:
        """Send it the signal to finish what it does and end."""
        if self._process is not None and self.is_running():
            self._process.terminate()

    def wait_gone(self) -> None:
        """Wait until it has ended; after a while end it, with all it started."""
        if self._process is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS_MAX)
        self._end_group(self._process)
        self._process = None

    def _end_group(self, process: subprocess.Popen[bytes]) -> None:
        """End what the command started itself: orphans would keep its port."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _how(self) -> str:
        code = self._process.returncode if self._process else 0
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def stop_all(children: Sequence[Child]) -> None:
    """End all children at the same time, in patience, and come back when none is left."""
    for child in children:
        child.ask_to_stop()
    for child in children:
        child.wait_gone()
