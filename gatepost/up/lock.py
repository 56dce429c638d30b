"""One `gatepost up` on one `var/`."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gatepost.up.trouble import StartError


@contextmanager
def only_one(file: Path, *, address: str) -> Iterator[None]:
    """Hold the lock until we end, however; raises `StartError` with process and address of whoever holds it."""
    with file.open("a+", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(
                f"Gatepost already runs on {file.parent}: {_described(file)}. Nothing was changed."
            ) from None
        stream.truncate(0)
        stream.write(f"{os.getpid()}\n{address}\n")
        stream.flush()
        try:
            yield
        finally:
            stream.truncate(0)


def holder(file: Path) -> str | None:
    """Who runs on this `var/` now, as words for a person; none when nobody does."""
    try:
        with file.open("r", encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _described(file)
    except OSError:
        return None
    return None


def _described(file: Path) -> str:
    lines = file.read_text(encoding="utf-8").splitlines()
    return f"process {lines[0]}, {lines[1]}/" if len(lines) >= 2 else "it is just starting or stopping"
