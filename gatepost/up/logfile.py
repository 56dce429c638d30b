"""The file a child process writes its lines to: bounded, and watched for errors."""

import re
import shutil
from pathlib import Path
from typing import IO

SIZE_BYTES_MAX = 5_000_000
SHOWN_AT_ONCE_MAX = 5

_ERROR = re.compile(r"\b(ERROR|CRITICAL|FATAL|PANIC)\b")


class LogFile:
    """Written by the child itself, so that it goes on when we are gone; trimmed and read by us."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_bytes = path.stat().st_size if path.exists() else 0

    def open(self) -> IO[bytes]:
        """For a child to append to."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return self.path.open("ab")

    def trim(self) -> None:
        """Move a file that has grown too long to `….1`. The child goes on at the start of its file, as it appends."""
        if self.path.exists() and self.path.stat().st_size > SIZE_BYTES_MAX:
            shutil.copyfile(self.path, self.path.with_suffix(".log.1"))
            with self.path.open("r+b") as stream:
                stream.truncate(0)

    def new_errors(self) -> list[str]:
        """The error lines since the last look, the first few of them."""
        size = self.path.stat().st_size if self.path.exists() else 0
        begin = self._read_bytes if size >= self._read_bytes else 0
        self._read_bytes = size
        if size == begin:
            return []
        with self.path.open("rb") as stream:
            stream.seek(begin)
            lines = stream.read(size - begin).decode(errors="replace").splitlines()
        return [line for line in lines if _ERROR.search(line)][:SHOWN_AT_ONCE_MAX]
