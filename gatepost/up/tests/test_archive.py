"""A backup is used whole or not at all, whatever happened to its file."""

import hashlib
import io
import tarfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gatepost.up.archive import DUMP, KEYS, MANIFEST, SUMS, ArchiveWriter, Manifest, is_archive, read_archive
from gatepost.up.trouble import StartError

CONTENT = bytes(range(256)) * 3
TOLD = Manifest(
    form=1,
    made_at=datetime(2026, 9, 1, 2, tzinfo=UTC),
    gatepost="0.1.0",
    postgres="PostgreSQL 18",
    migrations=["gates.0001_initial"],
    counts={"students": 1, "taps": 2},
    keys={"GATEPOST_DIGEST_KEY": "00"},
)


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    return written(tmp_path / "one.backup", TOLD)


def written(file: Path, told: Manifest, *, keys: bytes = b"# keys\n") -> Path:
    with file.open("w+b") as stream:
        archive = ArchiveWriter(stream)
        assert archive.add_dump(io.BytesIO(CONTENT), progress=lambda done: None) == len(CONTENT)
        archive.add(KEYS, keys)
        archive.add(MANIFEST, told.text())
        archive.finish()
    return file


def read(file: Path) -> tuple[Manifest, bytes, bytes | None]:
    archive = read_archive(file, progress=lambda done: None)
    dump = file.read_bytes()[archive.dump_at :][: archive.dump_bytes]
    return archive.manifest, dump, archive.keys


def test_what_was_written_is_read(backup: Path) -> None:
    assert is_archive(backup)
    assert read(backup) == (TOLD, CONTENT, b"# keys\n")


def test_anybody_can_open_and_check_it_without_us(backup: Path) -> None:
    with tarfile.open(backup) as tar:
        files = {one.name: tar.extractfile(one).read() for one in tar}
    assert files[DUMP] == CONTENT
    lines = [line.split("  ") for line in files[SUMS].decode().splitlines()]
    assert {name: value for value, name in lines} == {
        name: hashlib.sha256(files[name]).hexdigest() for name in (DUMP, KEYS, MANIFEST)
    }


def test_a_backup_that_was_cut_short_anywhere_is_refused(backup: Path) -> None:
    whole = backup.read_bytes()
    end_of_sums = len(whole) - 2 * tarfile.BLOCKSIZE
    for length in range(0, end_of_sums - tarfile.BLOCKSIZE + 1, 61):
        backup.write_bytes(whole[:length])
        with pytest.raises(StartError, match="not a whole backup"):
            read(backup)


def test_a_backup_with_one_bit_changed_is_refused_or_says_the_same(backup: Path) -> None:
    """Only what means nothing (padding, times and owners in headers) can change unnoticed."""
    whole, refused = backup.read_bytes(), 0
    for place in range(0, len(whole), 7):
        backup.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << place % 8)]) + whole[place + 1 :])
        try:
            assert read(backup) == (TOLD, CONTENT, b"# keys\n"), place
        except StartError:
            refused += 1
    assert refused > (len(CONTENT) + len(TOLD.text())) // 7


@pytest.mark.parametrize("content", [b"", b"not a backup", bytes(4096)])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    assert not is_archive(file)
    with pytest.raises(StartError, match="not a whole backup"):
        read(file)


def test_a_form_that_is_not_known_yet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="newer Gatepost"):
        read(written(tmp_path / "new.backup", replace(TOLD, form=2)))
