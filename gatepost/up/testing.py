"""The database and the environment of a test run (a pytest plugin, named in `pyproject.toml`).

One PostgreSQL for the whole run, started by the process that was typed and shared by the workers of xdist; with
`DATABASE_URL` set, that server instead. Tables are migrated once, into a template; each worker's database is a copy
of it. Nothing outlives the run: the server ends with it, however it ends, and what a killed run left on disk is
removed by the next one.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, TextIO
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from gatepost.up.catalogues import compile_catalogues
from gatepost.up.postgres import ROLE, EmbeddedPostgres, newest_programs
from gatepost.up.processes import die_with_parent
from gatepost.up.trouble import StartError
from gatepost.up.worthless_keys import worthless_keys

SERVER = "GATEPOST_TEST_SERVER"  # the URL by which databases are made; set by the first process, read by the workers
RUN = "GATEPOST_TEST_RUN"
FOLDER_PREFIX = "gatepost-test-"
DATABASE_PREFIX = "gatepost_test_"

# A test run may lose everything in a power cut; in return it does not wait for the disk.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "64MB",
    "max_locks_per_transaction": "1024",  # a test is one transaction, and a property of an import makes many tables
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Before anything reads Django's settings: a server, and an environment of our own for the settings to read."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        _set_environment()
        return
    _begin_run(early_config)
    _set_environment()
    options = early_config.known_args_namespace
    if getattr(options, "numprocesses", None) and not options.collectonly:
        _make_template_meanwhile(early_config)


def pytest_report_header() -> str:
    """Where the tests' tables are."""
    place = urlsplit(os.environ[SERVER])
    return f"database: {place.hostname or 'embedded PostgreSQL'}, run {os.environ[RUN]}"


def make_database(name: str) -> None:
    """The database `name` as a copy of the template; whoever comes first makes and migrates the template."""
    with _template() as (server, template):
        _command(server, "CREATE DATABASE {} TEMPLATE {}", name, template)


def copy_tables(url: str) -> None:
    """Put the migrated, empty tables into the empty database at `url`, on any server. Migrating takes far longer."""
    # Whoever asks may be where pytest-django lets nobody near a database: the template is made elsewhere.
    subprocess.run(_MAKE_TEMPLATE, env=_own_environment(), check=True)
    with _template() as (_server, template), tempfile.TemporaryFile() as dump:
        given = _with_database(os.environ[SERVER], template)
        _program("pg_dump", "--no-owner", "--dbname", given, stdout=dump)
        dump.seek(0)
        _program("psql", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--dbname", url, stdin=dump)


def _program(
    name: str, *arguments: str, stdin: IO[bytes] | None = None, stdout: IO[bytes] | int = subprocess.DEVNULL
) -> None:
    """Run a program of PostgreSQL's."""
    command = [str(newest_programs() / "bin" / name), *arguments]
    subprocess.run(command, stdin=stdin, stdout=stdout, check=True)


@contextlib.contextmanager
def _template() -> Iterator[tuple[psycopg.Connection[tuple[object, ...]], str]]:
    """A connection to the run's server, and the name of the template, which nobody else looks at meanwhile."""
    template = f"{DATABASE_PREFIX}{os.environ[RUN]}_template"
    with psycopg.connect(os.environ[SERVER], autocommit=True) as server:
        server.execute("SELECT pg_advisory_lock(%s, 1)", [_run_number(os.environ[RUN])])
        if not _exists(server, template):
            _make_template(server, template)
        yield server, template


def _begin_run(config: pytest.Config) -> None:
    os.environ[RUN] = run = secrets.token_hex(4)
    options = config.known_args_namespace
    if options.collectonly or options.help or options.version:
        os.environ[SERVER] = "postgresql:///not_started"
        return
    compile_catalogues()
    cleanup = contextlib.ExitStack()
    config.add_cleanup(cleanup.close)
    given = os.environ.get("DATABASE_URL", "").strip()
    try:
        os.environ[SERVER] = _borrow_server(given, run, cleanup) if given else _start_server(cleanup)
    except StartError as error:
        raise pytest.UsageError(str(error)) from error


def _start_server(cleanup: contextlib.ExitStack) -> str:
    """A server in a temporary folder that is locked as long as we live. Answers with its URL."""
    remove_left_folders()
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
    cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o711)
    lock = cleanup.enter_context((folder / "lock").open("w"))
    fcntl.flock(lock, fcntl.LOCK_EX)
    server = cleanup.enter_context(EmbeddedPostgres(folder / "postgres", settings=SETTINGS, dies_with_parent=True))
    with psycopg.connect(server.url("postgres", user="postgres"), autocommit=True) as connection:
        _command(connection, "ALTER ROLE {} CREATEDB", ROLE)
    return server.url("postgres")  # as the role that owns the tables elsewhere, not as superuser


def _borrow_server(url: str, run: str, cleanup: contextlib.ExitStack) -> str:
    """The server of `DATABASE_URL`. A lock of ours tells other runs which databases are in use."""
    try:
        connection = cleanup.enter_context(psycopg.connect(url, autocommit=True))
    except psycopg.OperationalError as error:
        raise StartError(f"DATABASE_URL does not answer: {str(error).strip().splitlines()[0]}") from None
    connection.execute("SELECT pg_advisory_lock(%s, 0)", [_run_number(run)])
    _drop_left_databases(connection)
    cleanup.callback(_drop_databases, connection, run)
    return url


def _set_environment() -> None:
    """Only what is set here reaches the settings: the shell of a developer may hold anything."""
    for name in [name for name in os.environ if name.startswith("GATEPOST_") and name not in {SERVER, RUN}]:
        del os.environ[name]
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    os.environ["DATABASE_URL"] = _with_database(os.environ[SERVER], f"{DATABASE_PREFIX}{os.environ[RUN]}_{worker}")
    os.environ.update(worthless_keys())


def _make_template_meanwhile(config: pytest.Config) -> None:
    """Migrate in a process of its own: the workers, which would all wait for it, need as long to find their tests."""
    process = subprocess.Popen(_MAKE_TEMPLATE, env=_own_environment(), preexec_fn=die_with_parent(signal.SIGKILL))

    def end() -> None:
        process.kill()
        process.wait()

    config.add_cleanup(end)


_MAKE_TEMPLATE = (
    *(sys.executable, "-c"),
    "import django; django.setup(); from gatepost.up import testing; testing.make_template()",
)


def _own_environment() -> dict[str, str]:
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "gatepost.config.settings"}


def make_template() -> None:
    """The template, unless it is there already."""
    with _template():
        pass


def _make_template(server: psycopg.Connection[tuple[object, ...]], template: str) -> None:
    _command(server, "CREATE DATABASE {}", template)
    try:
        _migrate(template)
    except BaseException:
        _command(server, "DROP DATABASE {} WITH (FORCE)", template)
        raise


def _migrate(database: str) -> None:
    from django.core.management import call_command
    from django.db import connection

    own = connection.settings_dict["NAME"]
    leave(connection)
    connection.settings_dict["NAME"] = database
    try:
        call_command("migrate", verbosity=0, interactive=False)
    finally:
        leave(connection)  # nobody may be in a database that is copied
        connection.settings_dict["NAME"] = own


def leave(connection: Any) -> None:
    """Close Django's connection to where it is now, and the pool that holds on to it."""
    connection.close()
    connection.close_pool()


def remove_left_folders(*, older_than_seconds: float = 10) -> None:
    """Remove what killed runs left: their lock is free. A folder that was just made may be about to be locked."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        with contextlib.suppress(OSError), (folder / "lock").open("r+") as lock:
            if time.time() - folder.stat().st_mtime < older_than_seconds:
                continue
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not is_lock_of(folder, lock):
                continue
            EmbeddedPostgres(folder / "postgres").stop_left_over()
            # All of it at once: nobody may find half a folder, or begin a new lock in one that is being emptied.
            gone = folder.rename(folder.with_name(f"{folder.name}-{secrets.token_hex(4)}"))
            shutil.rmtree(gone, ignore_errors=True)


def is_lock_of(folder: Path, lock: TextIO) -> bool:
    """Whether an open lock is still the one in the folder: another may have removed and made it again meanwhile."""
    try:
        return os.path.samestat(os.fstat(lock.fileno()), (folder / "lock").stat())
    except FileNotFoundError:
        return False


def _drop_left_databases(server: psycopg.Connection[tuple[object, ...]]) -> None:
    runs = {name.removeprefix(DATABASE_PREFIX).partition("_")[0] for name in _test_databases(server)}
    for run in runs:
        with contextlib.suppress(ValueError):
            if _lock_is_free(server, run):
                _drop_databases(server, run)


def _lock_is_free(server: psycopg.Connection[tuple[object, ...]], run: str) -> bool:
    row = server.execute("SELECT pg_try_advisory_lock(%s, 0)", [_run_number(run)]).fetchone()
    return bool(row and row[0])


def _drop_databases(server: psycopg.Connection[tuple[object, ...]], run: str) -> None:
    for name in _test_databases(server):
        if name.startswith(f"{DATABASE_PREFIX}{run}_"):
            _command(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def _test_databases(server: psycopg.Connection[tuple[object, ...]]) -> Iterator[str]:
    query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s) AND datdba = to_regrole(current_user)"
    return (str(name) for (name,) in server.execute(query, [DATABASE_PREFIX]).fetchall())


def _exists(server: psycopg.Connection[tuple[object, ...]], name: str) -> bool:
    return bool(server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone())


def _command(server: psycopg.Connection[tuple[object, ...]], command: str, *names: str) -> None:
    server.execute(sql.SQL(command).format(*map(sql.Identifier, names)))


def _with_database(url: str, name: str) -> str:
    parts = urlsplit(url)
    return parts._replace(path=f"/{name}").geturl()


def _run_number(run: str) -> int:
    """The run as a key for an advisory lock (signed, 32 bits)."""
    return int(run, 16) - 2**31
