"""How far a long command is, on the terminal of whoever waits; nothing where nobody looks."""

import sys
import time
from types import TracebackType
from typing import Self

EVERY_SECONDS = 0.3


class Ticker:
    """One line that changes: what is done, and how many bytes of how many. Told from one thread."""

    def __init__(self, doing: str, *, of: int = 0) -> None:
        self._doing, self._of = doing, of
        self._shown_at = 0.0
        self._shows = sys.stderr.isatty()

    def __enter__(self) -> Self:
        self._say(f"{self._doing} …")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._say("")

    def at(self, done: int) -> None:
        """So many bytes are done."""
        if not self._shows or time.monotonic() - self._shown_at < EVERY_SECONDS:
            return
        self._shown_at = time.monotonic()
        share = f"{100 * done // self._of} %" if self._of else megabytes(done)
        self._say(f"{self._doing} … {share}")

    def _say(self, text: str) -> None:
        if self._shows:
            sys.stderr.write(f"\r{text}\x1b[K")
            sys.stderr.flush()


def megabytes(count: int) -> str:
    """A size for people."""
    return f"{count / 1_000_000:,.1f} MB"
