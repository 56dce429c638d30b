"""Which encoding a text file is in: looked up in its bytes, and told in the report. Never guessed silently.

Three are known: UTF-8 (with or without a mark in front), UTF-16 with its mark (what Excel calls Unicode text), and
Big5 in Microsoft's form (CP950). A file that is none of them is refused; whoever knows better can name the encoding.
Simplified Chinese (GB) has the same byte patterns as Big5, so a file counts as Big5 only if most of what it then says
is in common use.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import IO, Final

from gatepost.roster.imports.files import SourceFile, broken_is_refused
from gatepost.roster.imports.refusals import ImportRefused

CHUNK_BYTES: Final = 1 << 20
BROKEN_SHARE_MAX: Final = 0.05  # of the characters that are not ASCII
COMMON_SHARE_MIN: Final = 0.75
NAMES: Final = {"utf-8": "UTF-8", "cp950": "Big5 (CP950)", "utf-16": "UTF-16"}
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 (BOM)"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How to read a file. `lossy`: some characters cannot be read; they come out as U+FFFD and are faults."""

    name: str
    codec: str
    lossy: bool = False


def detect(file: SourceFile, *, told: str | None = None) -> Encoding:
    """The encoding of `file`, or the one somebody `told` (utf-8, big5, utf-16), as far as it fits.

    Raises `ImportRefused` (encoding, binary, line_length, bad_zip).
    """
    for mark, codec, name in _MARKS:
        if _start(file).startswith(mark):
            return _fitting(file, codec, name)
    if told == "utf-16":  # without its mark nobody knows which byte of two comes first
        raise ImportRefused("encoding", file.name)
    if told:
        codec = {"big5": "cp950"}.get(told, told)
        return _fitting(file, codec, NAMES[codec])
    return _unmarked(file)


def _unmarked(file: SourceFile) -> Encoding:
    _refuse_what_is_no_text(file)
    if _is_whole_utf8(file):
        return Encoding(NAMES["utf-8"], "utf-8")
    as_utf8 = _read_as("utf-8", file)
    as_big5 = _read_as("cp950", file)
    if as_utf8.broken_share <= min(as_big5.broken_share, BROKEN_SHARE_MAX):
        return Encoding(NAMES["utf-8"], "utf-8", lossy=True)
    if as_big5.broken_share > BROKEN_SHARE_MAX or as_big5.common_share < COMMON_SHARE_MIN:
        raise ImportRefused("encoding", file.name)
    return Encoding(NAMES["cp950"], "cp950", lossy=as_big5.broken > 0)


def _is_whole_utf8(file: SourceFile) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in _chunks(file):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _fitting(file: SourceFile, codec: str, name: str) -> Encoding:
    if codec != "utf-16":
        _refuse_what_is_no_text(file)
    reading = _read_as(codec, file)
    if reading.has_nul:  # half of each letter is a NUL byte in UTF-16, but none of its characters is one
        raise ImportRefused("binary", file.name)
    if reading.broken_share > BROKEN_SHARE_MAX:
        raise ImportRefused("encoding", file.name)
    return Encoding(name, codec, lossy=reading.broken > 0)


@dataclass(slots=True)
class _Reading:
    """What a file says when it is read in one encoding."""

    foreign: int = 0  # characters that are not ASCII
    broken: int = 0
    common: int = 0
    has_nul: bool = False

    @property
    def broken_share(self) -> float:
        return self.broken / self.foreign if self.foreign else 0.0

    @property
    def common_share(self) -> float:
        return self.common / (self.foreign - self.broken) if self.foreign > self.broken else 0.0


def _read_as(codec: str, file: SourceFile) -> _Reading:
    decoder = codecs.getincrementaldecoder(codec)("replace")
    reading = _Reading()
    for chunk in _chunks(file):
        _count(reading, decoder.decode(chunk), codec)
    _count(reading, decoder.decode(b"", final=True), codec)
    return reading


def _count(reading: _Reading, text: str, codec: str) -> None:
    reading.has_nul = reading.has_nul or "\0" in text
    if text.isascii():
        return
    reading.broken += text.count("�")
    if codec != "cp950":
        reading.foreign += len(text) - len(text.encode("ascii", "ignore"))
        return
    foreign = [character for character in text if character > "\x7f"]
    reading.foreign += len(foreign)
    reading.common += sum(map(_common_characters().__contains__, foreign))


def _refuse_what_is_no_text(file: SourceFile) -> None:
    for chunk in _chunks(file):
        if b"\0" in chunk:
            raise ImportRefused("binary", file.name)
        if len(chunk) == CHUNK_BYTES and b"\n" not in chunk and b"\r" not in chunk:
            raise ImportRefused("line_length", file.name)


def _start(file: SourceFile) -> bytes:
    with broken_is_refused(file.name), file.open() as stream:
        return stream.read(4)


def _chunks(file: SourceFile) -> Iterator[bytes]:
    with broken_is_refused(file.name), file.open() as stream:
        yield from iter(lambda: _full_chunk(stream), b"")


def _full_chunk(stream: IO[bytes]) -> bytes:
    """A chunk of the full size unless the file ends: a zip hands out less at a time."""
    parts: list[bytes] = []
    missing = CHUNK_BYTES
    while missing and (part := stream.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


@cache
def _common_characters() -> frozenset[str]:
    """The symbols and the 5,401 characters in common use (lead bytes A1 to C6) of Big5."""
    trails = [*range(0x40, 0x7F), *range(0xA1, 0xFF)]
    pairs = (bytes([lead, trail]) for lead in range(0xA1, 0xC7) for trail in trails)
    return frozenset(pair.decode("cp950", "ignore") for pair in pairs) - {""}
