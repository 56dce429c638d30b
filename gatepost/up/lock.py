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
            raise StartError(f"Gatepost already runs on {file.parent}: {_holder(file)}. Nothing was changed.") from None
        stream.truncate(0)
        stream.write(f"{os.getpid()}\n{address}\n")
        stream.flush()
        try:
            yield
        finally:
            stream.truncate(0)


def is_held(file: Path) -> bool:
    """Whether somebody runs on this `var/` now."""
    try:
        with file.open("r", encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _holder(file: Path) -> str:
    lines = file.read_text(encoding="utf-8").splitlines()
    return f"process {lines[0]}, {lines[1]}" if len(lines) >= 2 else "it is just starting or stopping"
