"""`gatepost restore`: a backup into an empty database, whole or not at all.

Everything is looked at before anything is touched: the sums of the file, whether this Gatepost knows its tables,
whether the keys fit, whether the database is empty. Then one transaction does it all; interrupted, it has done nothing.

A restored database has forgotten what happened after the backup, and the world has not. What follows from that is
written in the same transaction (`restored`).
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import click
import psycopg

from gatepost.up import dumps, preparations, restored
from gatepost.up.archive import CHUNK_BYTES, Archive, read_archive
from gatepost.up.database import first_line, require_usable
from gatepost.up.envfile import parse_env, write_env
from gatepost.up.fingerprints import missing_keys
from gatepost.up.keys import HEADING, NAMES, is_given
from gatepost.up.places import Places
from gatepost.up.progress import Ticker, megabytes
from gatepost.up.trouble import StartError, disk_trouble

# pg_restore writes this whatever it writes for; servers before 17 do not know the setting.
TIMEOUT_SINCE = 170_000
TIMEOUT_LINE = b"SET transaction_timeout = 0;\n"

SCRIPT = ("--format=custom", "--no-owner", "--no-privileges", "--file=-")
RUN = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-")

# One row in any of these means that somebody would miss it.
PRECIOUS = ("roster_school", "accounts_account", "gates_tap", "audit_entry")

NOTHING = "Nothing was touched."
LEAVING_SECONDS_MAX = 2.0
SIGNS_LINKS = "GATEPOST_SECRET_KEY"  # opens nothing that is kept: a new one only ends links in old mails
KNOWN = """
import django; django.setup()
from django.db.migrations.loader import MigrationLoader
print(*(f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations))
"""


def restore(places: Places, file: Path, *, replace: bool, only_check: bool) -> None:
    """Restore the backup `file` to the database here. Raises `StartError`; then nothing has changed.

    With `replace`, what the database holds now is given up for it. With `only_check`, the file is looked through.
    """
    began_at = time.monotonic()
    with Ticker("Checking the backup", of=file.stat().st_size if file.is_file() else 0) as ticker:
        archive = read_archive(file.absolute(), progress=ticker.at)
    _require_known(archive)
    keys = _fitting_keys(archive, places)
    if only_check:
        click.echo(f"{file} is whole and fits this machine's keys: {_contents(archive)}.")
        return
    with dumps.database_for_restore(places) as url:
        require_usable(url)
        full = _require_room(url, replace=replace)
        with _keys_kept(archive, places, keys):
            preparations.forget(places)
            _fill(archive, url, replace=full)
        _get_ready(url, keys)
    _tell(archive, seconds=time.monotonic() - began_at)


def _require_known(archive: Archive) -> None:
    """The tables may be older than this Gatepost, which then brings them up to date, but never newer."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "gatepost.up.settings_for_tools"}
    said = subprocess.run([sys.executable, "-c", KNOWN], env=environment, capture_output=True, text=True, check=True)
    strange = set(archive.manifest.migrations) - set(said.stdout.split())
    if strange:
        raise StartError(
            f"The backup was made by Gatepost {archive.manifest.gatepost}, with tables that this one does not know "
            f"({min(strange)}): restore it with that version or a later one. {NOTHING}"
        )


def _fitting_keys(archive: Archive, places: Places) -> dict[str, str]:
    """The keys that open what the backup holds: those of this machine, or those inside."""
    here = dumps.keys_here(places)
    unfit = _unfit(archive, here)
    if not unfit:
        return here
    inside = parse_env(archive.keys.decode(), named="the backup's keys") if archive.keys else {}
    if inside and not _unfit(archive, inside):
        fixed = [name for name in unfit if is_given(name, os.environ)]
        if not fixed:
            return inside
        raise StartError(f"{', '.join(fixed)} in the environment is not the backup's: take it out. {NOTHING}")
    what = "not here" if not here else "not those of this backup"
    raise StartError(
        f"The keys are {what} ({', '.join(unfit)}), and without them ID numbers stay sealed: put the copy of "
        f"secrets.env that belongs to it at {places.keys}. {NOTHING}"
    )


def _unfit(archive: Archive, keys: Mapping[str, str]) -> list[str]:
    needed = {name: value for name, value in archive.manifest.keys.items() if name != SIGNS_LINKS}
    unfit = missing_keys(needed, keys)
    return [name for name in NAMES if name in unfit or name not in keys]


def _require_room(url: str, *, replace: bool) -> bool:
    """Whether the database holds tables to clear away first. Raises `StartError` when they hold what is not to be lost.

    Tables of ours without a row are no loss: somebody started Gatepost here before restoring.
    """
    with dumps.connect(url) as connection:
        others = _others_that_stay(connection)
        if others:
            raise StartError(f"{others} connections are open on this database: stop web and worker first. {NOTHING}")
        tables = _one(connection, _TABLES)
        if not tables:
            return False
        if "gates_tap" not in tables:
            raise StartError(f"The database holds tables that are not Gatepost's ({tables[0]}, …): use an empty one.")
        if not replace and any(_one(connection, f"SELECT EXISTS (SELECT FROM {name})") for name in PRECIOUS):  # noqa: S608
            raise StartError(
                f"The database holds data already. To give all of it up for the backup, say --replace. {NOTHING}"
            )
    return True


def _others_that_stay(connection: "psycopg.Connection[tuple[object, ...]]") -> int:
    """How many others are connected. Who has just hung up, as we had ourselves, is shown for a little longer."""
    until = time.monotonic() + LEAVING_SECONDS_MAX
    while True:
        others = int(_one(connection, _OTHERS))
        connection.rollback()  # within a transaction the answer stays what it was
        if not others or time.monotonic() > until:
            return others
        time.sleep(0.05)


def _one(connection: "psycopg.Connection[tuple[object, ...]]", query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


@contextmanager
def _keys_kept(archive: Archive, places: Places, keys: Mapping[str, str]) -> Iterator[None]:
    """Keys from inside the backup are kept here from now on; those that were here stand beside them.

    They are written first: data without its keys is worse than keys without data. What fails puts the old ones back.
    """
    if dumps.keys_here(places) == keys:
        yield
        return
    old = places.keys.with_name(f"{places.keys.name}.before-restore")
    places.var.mkdir(parents=True, exist_ok=True)
    if places.keys.exists():
        places.keys.replace(old)
    write_env(places.keys, keys, heading=HEADING)
    try:
        yield
    except BaseException:
        places.keys.unlink()
        if old.exists():
            old.replace(places.keys)
        raise


def _fill(archive: Archive, url: str, *, replace: bool) -> None:
    """pg_restore writes a script, we put our own statements around it, psql runs it: one transaction.

    Only our last line commits. If one of the three ends before, however, the server forgets it all.
    """
    with tempfile.TemporaryFile() as said, archive.file.open("rb") as stream:
        stream.seek(archive.dump_at)
        psql = dumps.open_program(
            "psql", url, RUN, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said, bufsize=0
        )
        script = dumps.open_program(
            "pg_restore", url, SCRIPT, stdin=stream.fileno(), stdout=subprocess.PIPE, stderr=said, bufsize=0
        )
        try:
            with suppress(BrokenPipeError):  # psql has ended, and says why
                _pour(archive, url, script, psql, stream.fileno(), replace=replace)
            if psql.wait():
                raise dumps.complaint(said, "psql")
        except OSError as error:
            raise disk_trouble(f"restore {archive.file}", error) from error
        finally:
            dumps.end(script)
            dumps.end(psql)


def _pour(
    archive: Archive,
    url: str,
    script: subprocess.Popen[bytes],
    psql: subprocess.Popen[bytes],
    descriptor: int,
    *,
    replace: bool,
) -> None:
    assert script.stdout is not None and psql.stdin is not None  # noqa: S101, PT018 - asked for
    with dumps.connect(url) as connection:
        old = connection.info.server_version < TIMEOUT_SINCE
    with psql.stdin, Ticker("Restoring", of=archive.dump_bytes) as ticker:
        _write(psql.stdin, restored.before(replace=replace).encode())
        first = True
        while chunk := script.stdout.read(CHUNK_BYTES):
            _write(psql.stdin, chunk.replace(TIMEOUT_LINE, b"", 1) if old and first else chunk)
            first = False
            # The program reads through our descriptor, so that is where it is.
            ticker.at(os.lseek(descriptor, 0, os.SEEK_CUR) - archive.dump_at)
        if script.wait():
            raise StartError(f"pg_restore cannot read the dump in {archive.file}. {NOTHING}")
        told = archive.manifest
        _write(psql.stdin, restored.after(made_at=told.made_at, counts=told.counts).encode())


def _write(pipe: IO[bytes], text: bytes) -> None:
    view = memoryview(text)
    while view:
        view = view[pipe.write(view) :]


def _get_ready(url: str, keys: Mapping[str, str]) -> None:
    """What a start would do too: statistics, newer tables, months to come. Interrupted here, the next start does it."""
    try:
        with dumps.connect(url) as connection:
            connection.autocommit = True
            connection.execute("ANALYZE")
    except psycopg.Error as error:
        raise StartError(f"The data is restored, but ANALYZE failed: {first_line(error)}") from error
    dumps.use(url, keys)
    from gatepost.up.prepare import prepare

    prepare(demonstrate=None, report_to=None)


def _contents(archive: Archive) -> str:
    told = archive.manifest
    size = megabytes(archive.file.stat().st_size)
    return (
        f"{told.counts['students']:,} students and {told.counts['taps']:,} taps, "
        f"as of {told.made_at:%Y-%m-%d %H:%M:%S} UTC ({size})"
    )


def _tell(archive: Archive, *, seconds: float) -> None:
    click.echo(f"Restored {_contents(archive)} in {seconds:.1f} s.")
    since = f"{archive.manifest.made_at:%Y-%m-%d %H:%M} UTC"
    click.echo(
        f"What came after {since} is gone: enter restrictions, revoked readers and other changes again before you "
        "start, and let the readers send again what they kept. Today's “not arrived” waits for the schools."
    )


_OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
_TABLES = """
SELECT array_agg(relname::text ORDER BY relname) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
"""
