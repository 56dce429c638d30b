"""`gatepost backup`: one file that holds everything as it was at one instant, made while everything runs.

PostgreSQL gives one snapshot to our questions and to pg_dump, so what the manifest counts is what the dump holds. The
file is written beside its place and moved there when it is complete and on the disk: under its own name there is
never half of one.
"""

import fcntl
import importlib.metadata
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, BinaryIO

import click
import psycopg

from gatepost.up import dumps
from gatepost.up.archive import FORM, KEYS, MANIFEST, ArchiveWriter, Manifest, is_archive
from gatepost.up.database import first_line, require_usable
from gatepost.up.envfile import env_text, read_env
from gatepost.up.fingerprints import fingerprints
from gatepost.up.keys import HEADING, NAMES
from gatepost.up.places import Places
from gatepost.up.progress import Ticker, megabytes
from gatepost.up.trouble import StartError, disk_trouble

LOCK_WAIT = "60s"
NAME = "gatepost-{:%Y-%m-%d-%H%M%S}.backup"  # UTC
PATTERN = "gatepost-????-??-??-??????.backup"

# Counted in the backup and again after a restore. The first three are what people are told.
COUNTED = {
    "students": "roster_student",
    "taps": "gates_tap",
    "accounts": "accounts_account",
    "schools": "roster_school",
    "events": "attendance_event",
    "days": "attendance_day",
    "notices": "notify_notice",
    "deliveries": "notify_delivery",
    "entries": "audit_entry",
}
# Sessions would sign in whoever finds the file; the cache is counters of a few minutes.
LEFT_OUT = ("django_session", "accounts_device", "django_cache")
OPTIONS = (
    *("--format=custom", "--compress=gzip:4", f"--lock-wait-timeout={LOCK_WAIT}"),
    *("--no-owner", "--no-privileges", "--no-tablespaces", "--no-security-labels"),
    *("--no-publications", "--no-subscriptions"),
    *(f"--exclude-table-data={table}" for table in LEFT_OUT),
)


@dataclass(frozen=True)
class Snapshot:
    """The instant that is backed up, held open in the database as long as it is read."""

    id: str
    made_at: datetime
    counts: dict[str, int]
    migrations: list[str]


def back_up(places: Places, target: Path, *, with_keys: bool, keep: int | None) -> Path:
    """Write a backup to the file `target`, or into the folder `target` under a name that tells the time.

    With `keep`, older backups in the folder beyond that many are deleted, after the new one is safe. Returns the
    file. Raises `StartError`; then nothing stands under the final name that did not before.
    """
    began_at = time.monotonic()
    file = _file(target, keep)
    with dumps.database_for_backup(places) as url:
        require_usable(url)
        keys = _keys(places, url)
        with _part(file) as stream, _snapshot(url) as snapshot:
            try:
                _write(stream, url, snapshot, keys, with_keys=with_keys)
            except OSError as error:
                raise disk_trouble(f"write {file}", error) from error
    _tell(file, snapshot, places, with_keys=with_keys, seconds=time.monotonic() - began_at)
    if keep is not None:
        _delete_old(file.parent, keep)
    return file


def _file(target: Path, keep: int | None) -> Path:
    target = target.absolute()
    if target.is_dir():
        return target / NAME.format(datetime.now(UTC))
    if keep is not None:
        raise StartError(f"--keep is for a folder of backups, and there is no folder {target}.")
    if not target.parent.is_dir():
        raise StartError(f"There is no folder {target.parent}.")
    if target.exists() and not is_archive(target):
        raise StartError(f"{target} exists and is no backup of Gatepost's: name another file.")
    return target


def _keys(places: Places, url: str) -> dict[str, str]:
    """The keys, of which it is seen that they open what the database holds: others would make the backup useless."""
    keys = dumps.keys_here(places)
    absent = [name for name in NAMES if name not in keys]
    if absent:
        raise StartError(
            f"{', '.join(absent)} not found, neither in the environment nor in {places.keys}: "
            "the backup could not say which keys it needs."
        )
    dumps.use(url, keys)
    from gatepost.up.database import pending_migrations, require_fitting_keys

    if not pending_migrations():  # before an upgrade is when a backup is wanted most
        require_fitting_keys()
    return keys


@contextmanager
def _part(file: Path) -> Iterator[BinaryIO]:
    """The file while it is written, for its owner only; complete, on the disk and in its place at the end."""
    _clear_left(file.parent)
    part = file.with_name(f"{file.name}.part")
    try:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise disk_trouble(f"write {file}", error) from error
    with os.fdopen(descriptor, "r+b") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(f"Another backup is just being written to {file}.") from None
        try:
            os.fchmod(stream.fileno(), 0o600)
            stream.truncate(0)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            part.replace(file)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    _sync_folder(file.parent)


def _clear_left(folder: Path) -> None:
    """Delete what killed backups left behind; what is being written is locked."""
    for left in folder.glob(f"{PATTERN}.part"):
        with suppress(OSError), left.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _snapshot(url: str) -> Iterator[Snapshot]:
    try:
        with dumps.connect(url) as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            connection.execute("SET LOCAL statement_timeout = 0")
            yield _read_snapshot(connection)
    except psycopg.errors.UndefinedTable as error:
        raise StartError("The database holds no tables of Gatepost: there is nothing to back up.") from error
    except psycopg.Error as error:
        raise StartError(f"Database: {first_line(error)}") from error


def _read_snapshot(connection: "psycopg.Connection[tuple[Any, ...]]") -> Snapshot:
    row = connection.execute("SELECT pg_export_snapshot(), now()").fetchone()
    assert row is not None  # noqa: S101 - it has no WHERE
    applied = connection.execute("SELECT app || '.' || name FROM django_migrations ORDER BY 1").fetchall()
    counts = connection.execute(count_query()).fetchone() or ()
    return Snapshot(
        id=row[0],
        made_at=row[1].astimezone(UTC),
        counts=dict(zip(COUNTED, counts, strict=True)),
        migrations=[str(name) for (name,) in applied],
    )


def count_query() -> Any:
    """A statement that counts the rows of all `COUNTED` tables, in one row."""
    return "SELECT " + ", ".join(f"(SELECT count(*) FROM {table})" for table in COUNTED.values())  # noqa: S608


def _write(stream: BinaryIO, url: str, snapshot: Snapshot, keys: Mapping[str, str], *, with_keys: bool) -> None:
    archive = ArchiveWriter(stream)
    with tempfile.TemporaryFile() as said, Ticker("Reading the database") as ticker:
        dump = dumps.open_program(
            "pg_dump", url, [*OPTIONS, f"--snapshot={snapshot.id}"], stdin=subprocess.DEVNULL, stdout=-1, stderr=said
        )
        try:
            archive.add_dump(_stdout(dump), progress=ticker.at)
            if dump.wait():
                raise dumps.complaint(said, "pg_dump")
        finally:
            dumps.end(dump)
    if with_keys:
        archive.add(KEYS, env_text(keys, heading=HEADING).encode())
    archive.add(MANIFEST, _manifest(snapshot, url, keys).text())
    archive.finish()


def _stdout(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdout is not None  # noqa: S101 - asked for
    return process.stdout


def _manifest(snapshot: Snapshot, url: str, keys: Mapping[str, str]) -> Manifest:
    return Manifest(
        form=FORM,
        made_at=snapshot.made_at,
        gatepost=importlib.metadata.version("gatepost"),
        postgres=require_usable(url),
        migrations=snapshot.migrations,
        counts=snapshot.counts,
        keys=fingerprints(keys),
    )


def _tell(file: Path, snapshot: Snapshot, places: Places, *, with_keys: bool, seconds: float) -> None:
    counts = snapshot.counts
    click.echo(
        f"Backed up {counts['students']:,} students and {counts['taps']:,} taps, as of "
        f"{snapshot.made_at:%Y-%m-%d %H:%M:%S} UTC: {file} ({megabytes(file.stat().st_size)}, {seconds:.1f} s)."
    )
    if with_keys:
        click.echo("The keys are inside: whoever has this file can read the ID numbers. Lock it away.")
        return
    where = places.keys if set(NAMES) <= set(read_env(places.keys)) else "the settings " + ", ".join(NAMES)
    click.echo(f"The keys are NOT inside, and it cannot be restored without them: keep a copy of {where} elsewhere.")


def _delete_old(folder: Path, keep: int) -> None:
    for old in sorted(folder.glob(PATTERN))[:-keep]:
        old.unlink()
        click.echo(f"Deleted {old.name}: --keep {keep}.")
