"""Small truths about processes and what they leave behind."""

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1
TAIL_BYTES = 8192


def die_with_parent(number: int) -> Callable[[], None] | None:
    """Something for a child to call before it becomes another program: have the kernel send it a signal when we die.

    This is what ends the children when we are killed without a chance to do it ourselves. Linux only; elsewhere
    nothing.
    """
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def ask() -> None:
        libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:  # we died before the kernel was asked
            os._exit(1)

    return ask


def last_lines(file: Path, count: int = 15) -> str:
    """The last lines of a file that another process writes; nothing when it cannot be read."""
    try:
        with file.open("rb") as stream:
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - TAIL_BYTES))
            text = stream.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-count:])
