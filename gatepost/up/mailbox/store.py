"""The mails that were caught: a file each, the newest of them, and a small index in memory.

A mail is on file under its final name before `add` returns, so that killing the process loses nothing that was
acknowledged. It is not forced to the disk: a power cut may cost a demonstration its last seconds.
"""

import re
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

KEPT_MAX = 20_000
_HEAD_OCTETS = 4096
_FILE_NAME = re.compile(r"(\d{19})\.eml")
_DELIVERED_TO = re.compile(rb"^Delivered-To: ([^\r\n]*)", re.MULTILINE)
_SUBJECT = re.compile(rb"^Subject:[ \t]*([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)", re.MULTILINE | re.IGNORECASE)
_HEAD_END = re.compile(rb"\r?\n\r?\n")


class Caught(NamedTuple):
    """A line of the index. `number` is the moment of arrival in nanoseconds; `subject` stands as in the header."""

    number: int
    to: str
    subject: str

    @property
    def received_at(self) -> datetime:
        return received_at(self.number)


def received_at(number: int) -> datetime:
    return datetime.fromtimestamp(number / 1_000_000_000, UTC)


class MailStore:
    """For one thread. Reads the folder once, at the start; nobody else writes to it."""

    def __init__(self, folder: Path, *, kept_max: int = KEPT_MAX) -> None:
        self._folder = folder
        self._kept_max = kept_max
        folder.mkdir(parents=True, exist_ok=True)
        self._mails: deque[Caught] = deque(self._found())
        self._drop_oldest()

    def add(self, sender: str, recipients: Sequence[str], message: bytes) -> int:
        """Keep the mail, with its envelope in two header lines in front of it; its number."""
        number = max(time.time_ns(), self._mails[-1].number + 1 if self._mails else 0)
        to = ", ".join(recipients)
        octets = b"Return-Path: <%b>\r\nDelivered-To: %b\r\n%b" % (_encoded(sender), _encoded(to), message)
        self._write(self._path(number), octets)
        self._mails.append(Caught(number, to, _subject(octets[:_HEAD_OCTETS])))
        self._drop_oldest()
        return number

    def newest_first(self, *, to: str = "") -> Iterator[Caught]:
        """The mails whose recipient holds `to`, in either case of letters."""
        wanted = to.strip().lower()
        return (mail for mail in reversed(self._mails) if wanted in mail.to.lower())

    def page(self, *, to: str = "", offset: int, limit: int) -> list[Caught]:
        return list(islice(self.newest_first(to=to), offset, offset + limit))

    def count(self, *, to: str = "", after: int = 0) -> int:
        """How many there are, of those that came after the mail of that number."""
        if not to.strip() and not after:
            return len(self._mails)
        return sum(1 for mail in self.newest_first(to=to) if mail.number > after)

    def read(self, number: int) -> bytes | None:
        """The whole mail, or None when it is not here any more."""
        try:
            return self._path(number).read_bytes()
        except FileNotFoundError:
            return None

    def clear(self) -> int:
        """Delete them all; how many there were."""
        count = len(self._mails)
        while self._mails:
            self._delete(self._mails.popleft())
        return count

    def _drop_oldest(self) -> None:
        while len(self._mails) > self._kept_max:
            self._delete(self._mails.popleft())

    def _delete(self, mail: Caught) -> None:
        with suppress(FileNotFoundError):
            self._path(mail.number).unlink()

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:019d}.eml"

    def _write(self, path: Path, octets: bytes) -> None:
        unfinished = path.with_suffix(".part")
        try:
            unfinished.write_bytes(octets)
            unfinished.rename(path)
        except OSError:
            with suppress(OSError):
                unfinished.unlink()
            raise

    def _found(self) -> Iterator[Caught]:
        for path in sorted(self._folder.iterdir()):
            named = _FILE_NAME.fullmatch(path.name)
            if named:
                yield _indexed(int(named[1]), path)
            elif path.suffix == ".part":  # we were killed while writing it, and never acknowledged it
                path.unlink()


def _indexed(number: int, path: Path) -> Caught:
    with path.open("rb") as stream:
        head = stream.read(_HEAD_OCTETS)
    to = _DELIVERED_TO.search(head)
    return Caught(number, to[1].decode(errors="replace") if to else "", _subject(head))


def _subject(head: bytes) -> str:
    end = _HEAD_END.search(head)
    found = _SUBJECT.search(head[: end.start()] if end else head)
    return found[1].decode(errors="replace") if found else ""


def _encoded(envelope: str) -> bytes:
    return envelope.encode(errors="replace")
