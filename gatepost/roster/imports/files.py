"""The files handed in: one file, a folder, or a zip. Names inside a zip are only labels; nothing is ever unpacked.

What a package can cost is bounded by what its entries declare: reading an entry stops at its declared size.
"""

import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Final

from gatepost.roster.imports.refusals import ImportRefused

FILE_BYTES_MAX: Final = 1 << 30
ENTRIES_MAX: Final = 1_000
PACKING_RATIO_MAX: Final = 100  # rosters pack about ten to one
SMALL_BYTES: Final = 16 << 20  # below this nothing can hurt, however tightly packed
BROKEN: Final = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, NotImplementedError, RuntimeError, OSError, ValueError),
)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to read: its name as people know it, its size in bytes, and how to open it (any number of times)."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def begins_with(path: Path, magic: bytes) -> bool:
    """Whether the file begins with these bytes. Raises `ImportRefused` (no_file)."""
    try:
        with path.open("rb") as file:
            return file.read(len(magic)) == magic
    except OSError as error:
        raise ImportRefused("no_file", path.name) from error


def single_file(path: Path) -> SourceFile:
    """The file at `path`. Raises `ImportRefused` (no_file, too_large)."""
    try:
        found = path.stat()
    except OSError as error:
        raise ImportRefused("no_file", path.name) from error
    if not stat.S_ISREG(found.st_mode):
        raise ImportRefused("no_file", path.name)
    if found.st_size > FILE_BYTES_MAX:
        raise ImportRefused("too_large", path.name)
    return SourceFile(path.name, found.st_size, lambda: path.open("rb"))


@contextmanager
def package_files(path: Path) -> Iterator[Mapping[str, SourceFile]]:
    """The CSV files of a folder or a zip by their names in lower case; readable inside the `with`.

    Folders around them do not matter; entries that are hidden or lead out of the package are passed over.
    Raises `ImportRefused` (no_file, bad_zip, encrypted, too_large, too_many, two_files, zip_bomb).
    """
    if path.is_dir():
        yield _by_name(single_file(found) for found in sorted(path.iterdir()) if _is_table(found.name))
        return
    try:
        archive = zipfile.ZipFile(path)
    except BROKEN as error:
        raise ImportRefused("bad_zip", path.name) from error
    with archive:
        yield _by_name(_entries(archive))


@contextmanager
def broken_is_refused(name: str) -> Iterator[None]:
    """What a damaged zip raises while it is read, as `ImportRefused` (bad_zip)."""
    try:
        yield
    except BROKEN as error:
        raise ImportRefused("bad_zip", name) from error


def check_packing(entry: zipfile.ZipInfo) -> None:
    """Raises `ImportRefused` (encrypted, too_large, zip_bomb) for an entry that must not be opened."""
    if entry.flag_bits & 1:
        raise ImportRefused("encrypted", entry.filename)
    if entry.file_size > FILE_BYTES_MAX:
        raise ImportRefused("too_large", entry.filename)
    if entry.file_size > max(SMALL_BYTES, PACKING_RATIO_MAX * entry.compress_size):
        raise ImportRefused("zip_bomb", entry.filename)


def _entries(archive: zipfile.ZipFile) -> Iterator[SourceFile]:
    entries = archive.infolist()
    if len(entries) > ENTRIES_MAX:
        raise ImportRefused("too_many", Path(str(archive.filename)).name)
    for entry in entries:
        place = PurePosixPath(entry.filename.replace("\\", "/"))
        if (
            not entry.filename
            or entry.is_dir()
            or not _is_table(place.name)
            or place.is_absolute()
            or _leads_away(place)
        ):
            continue
        check_packing(entry)
        yield SourceFile(place.name, entry.file_size, partial(_open_entry, archive, entry))


def _open_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> IO[bytes]:
    with broken_is_refused(entry.filename):
        return archive.open(entry)


def _is_table(name: str) -> bool:
    return name.lower().endswith(".csv") and not name.startswith(".")


def _leads_away(place: PurePosixPath) -> bool:
    return ".." in place.parts or "__MACOSX" in place.parts or place.parts[0].endswith(":")


def _by_name(files: Iterator[SourceFile]) -> Mapping[str, SourceFile]:
    found: dict[str, SourceFile] = {}
    for file in files:
        if found.setdefault(file.name.lower(), file) is not file:
            raise ImportRefused("two_files", file.name)
    return found
