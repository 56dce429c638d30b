"""The file that a backup is: an ordinary tar, which any machine can open without us.

    database.dump   what pg_dump wrote, for pg_restore
    keys.env        the installation's keys, only where they were asked for
    manifest.json   what this is a backup of, and what fits it
    SHA256SUMS      of the three, as `sha256sum --check` reads it

The dump's size and sum are known only when it has been written, so it stands first and the rest behind it; nothing is
ever written twice, and no part of a dump is held in memory.
"""

import hashlib
import json
import os
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import IO, Any, BinaryIO

from gatepost.up.trouble import StartError

FORM = 1
DUMP, KEYS, MANIFEST, SUMS = "database.dump", "keys.env", "manifest.json", "SHA256SUMS"
CHUNK_BYTES = 1 << 20
SMALL_BYTES_MAX = 4_000_000

Progress = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What stands in a backup. `counts` are rows by table, `keys` fingerprints by name; no key and no person is here.

    `made_at` is the instant as of which everything is consistent, in UTC.
    """

    form: int
    made_at: datetime
    gatepost: str
    postgres: str
    migrations: list[str]
    counts: dict[str, int]
    keys: dict[str, str]

    def text(self) -> bytes:
        """As it stands in the file."""
        told = {**asdict(self), "made_at": self.made_at.isoformat()}
        return (json.dumps(told, indent=1, sort_keys=True) + "\n").encode()


class ArchiveWriter:
    """Writes one backup into an empty file."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._sums: dict[str, str] = {}

    def add_dump(self, source: IO[bytes], *, progress: Progress) -> int:
        """Everything that `source` gives; returns how many bytes that was. The header is put right at the end."""
        header_at = self._stream.tell()
        self._stream.write(_header(DUMP, 0))
        digest, size = hashlib.sha256(), 0
        while chunk := source.read(CHUNK_BYTES):
            self._stream.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            progress(size)
        self._pad(size)
        self._stream.seek(header_at)
        self._stream.write(_header(DUMP, size))
        self._stream.seek(0, os.SEEK_END)
        self._sums[DUMP] = digest.hexdigest()
        return size

    def add(self, name: str, content: bytes) -> None:
        """One small file."""
        self._sums[name] = hashlib.sha256(content).hexdigest()
        self._write(name, content)

    def finish(self) -> None:
        """The sums, and the end of the tar."""
        self._write(SUMS, "".join(f"{value}  {name}\n" for name, value in self._sums.items()).encode())
        self._stream.write(bytes(2 * tarfile.BLOCKSIZE))

    def _write(self, name: str, content: bytes) -> None:
        self._stream.write(_header(name, len(content)) + content)
        self._pad(len(content))

    def _pad(self, size: int) -> None:
        self._stream.write(bytes(-size % tarfile.BLOCKSIZE))


@dataclass(frozen=True)
class Archive:
    """A backup that was looked through and is whole. The dump lies at `dump_at` in the file."""

    file: Path
    manifest: Manifest
    dump_at: int
    dump_bytes: int
    keys: bytes | None


def is_archive(file: Path) -> bool:
    """Whether a file begins like a backup of ours."""
    try:
        with file.open("rb") as stream:
            return stream.read(len(DUMP)) == DUMP.encode()
    except OSError:
        return False


def read_archive(file: Path, *, progress: Progress) -> Archive:
    """Read the whole file once and compare every sum, so that nothing of a damaged backup is ever used.

    Raises `StartError`.
    """
    if not file.is_file():
        raise StartError(f"There is no file {file}.")
    try:
        with file.open("rb") as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
            places = {one.name: (one.offset_data, one.size) for one in _members(tar)}
            sums = dict(_read_sums(_small(stream, places, SUMS)))
            if set(places) - {SUMS} != set(sums):
                raise _damaged(file)
            for name, wanted in sums.items():
                if _sum(stream, *places[name], progress=progress if name == DUMP else _nobody) != wanted:
                    raise _damaged(file)
            manifest = _manifest(_small(stream, places, MANIFEST))
            keys = _small(stream, places, KEYS) if KEYS in places else None
    except (tarfile.TarError, EOFError, LookupError, ValueError, TypeError) as error:
        raise _damaged(file) from error
    except OSError as error:
        raise StartError(f"Cannot read {file}: {error.strerror or error}.") from error
    return Archive(file, manifest, *places[DUMP], keys)


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(time.time())
    return info.tobuf(tarfile.GNU_FORMAT)  # one block, whatever the size


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The files in it: ours, each once, and no more."""
    wanted = {DUMP, KEYS, MANIFEST, SUMS}
    for member in tar:
        wanted.remove(member.name)
        yield member


def _small(stream: BinaryIO, places: Mapping[str, tuple[int, int]], name: str) -> bytes:
    at, size = places[name]
    if size > SMALL_BYTES_MAX:
        raise ValueError(f"{name} is too large")
    stream.seek(at)
    return stream.read(size)


def _read_sums(text: bytes) -> Iterator[tuple[str, str]]:
    for line in text.decode("ascii").splitlines():
        value, name = line.split("  ")
        yield name, value


def _sum(stream: BinaryIO, at: int, size: int, *, progress: Progress) -> str:
    digest = hashlib.sha256()
    stream.seek(at)
    left = size
    while left and (chunk := stream.read(min(CHUNK_BYTES, left))):
        digest.update(chunk)
        left -= len(chunk)
        progress(size - left)
    return digest.hexdigest()


def _manifest(text: bytes) -> Manifest:
    told: dict[str, Any] = json.loads(text)
    if told["form"] != FORM:
        raise StartError("This backup was made by a newer Gatepost: restore it with that one, or a later one.")
    known = {field.name: told[field.name] for field in fields(Manifest)}
    return Manifest(**{**known, "made_at": datetime.fromisoformat(told["made_at"])})


def _damaged(file: Path) -> StartError:
    return StartError(f"{file} is not a whole backup: it was cut short or changed. Nothing was touched.")


def _nobody(done: int) -> None:
    """Nobody asked how far it is."""
