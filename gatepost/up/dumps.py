"""PostgreSQL's own programs for reading a whole database out and in, and where the database of this machine is."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from gatepost.kit.environment import Environment
from gatepost.up.envfile import read_env
from gatepost.up.keys import NAMES, is_given
from gatepost.up.lock import holder, only_one
from gatepost.up.places import Places
from gatepost.up.postgres import EmbeddedPostgres, newest_programs
from gatepost.up.processes import die_with_parent
from gatepost.up.surroundings import NO_DATABASE
from gatepost.up.trouble import StartError

NICE = 5  # the morning goes first


@contextmanager
def database_for_backup(places: Places) -> Iterator[str]:
    """The URL of the database here: the given one, that of the Gatepost that runs, or our own, started for the moment.

    Raises `StartError`.
    """
    running = read_env(places.running) if holder(places.lock) else {}
    url = os.environ.get("DATABASE_URL", "").strip() or running.get("DATABASE_URL", "")
    if url:
        yield url
    elif not (places.postgres / "data").exists():
        raise StartError(NO_DATABASE)
    else:
        with _own_database(places) as url:
            yield url


@contextmanager
def database_for_restore(places: Places) -> Iterator[str]:
    """The same for a database that nobody may be at work on; our own is made where none is. Raises `StartError`."""
    held_by = holder(places.lock)
    if held_by:
        raise StartError(f"Gatepost runs here ({held_by}): stop it first. Nothing was touched.")
    url = os.environ.get("DATABASE_URL", "").strip()
    if url:
        yield url
    else:
        places.var.mkdir(parents=True, exist_ok=True)
        with _own_database(places) as url:
            yield url


@contextmanager
def _own_database(places: Places) -> Iterator[str]:
    with only_one(places.lock, address="a backup or restore"):
        places.logs.mkdir(parents=True, exist_ok=True)
        with EmbeddedPostgres(places.postgres, log=places.logs / "postgres.log") as server:
            yield server.dsn


def keys_here(places: Places) -> dict[str, str]:
    """The keys that the environment gives or `var/` keeps; those that neither has are left out."""
    kept = {name: value for name, value in read_env(places.keys).items() if not is_given(name, os.environ)}
    values = Environment({**os.environ, **kept})
    found = {name: values.secret(name, "") for name in NAMES}
    values.settle()
    return {name: value for name, value in found.items() if value}


def use(url: str, keys: Mapping[str, str]) -> None:
    """Get Django ready on this database with these keys, as far as the environment does not name others itself."""
    os.environ.setdefault("DATABASE_URL", url)
    os.environ.update({name: value for name, value in keys.items() if not is_given(name, os.environ)})
    os.environ["DJANGO_SETTINGS_MODULE"] = "gatepost.config.settings"
    import django

    django.setup()


def open_program(name: str, url: str, arguments: Sequence[str], **streams: Any) -> subprocess.Popen[bytes]:
    """Start pg_dump, pg_restore or psql; it ends with us. The password travels in its environment, which nobody sees.

    pg_restore is given no database: it writes a script.
    """
    place = conninfo_to_dict(url)
    password = place.pop("password", None)
    database = [] if name == "pg_restore" else ["--no-password", "--dbname", make_conninfo("", **place)]
    return subprocess.Popen(
        [str(newest_programs() / "bin" / name), *arguments, *database],
        env={**_environment(), **({"PGPASSWORD": str(password)} if password else {})},
        start_new_session=True,  # Ctrl-C is ours: we end it, and clear away
        preexec_fn=_polite(),
        **streams,
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """See that it is gone. Harmless when it is."""
    if process.poll() is None:
        process.terminate()
    process.wait()


def complaint(stderr: IO[bytes], name: str) -> StartError:
    """What a program said was wrong, in one line."""
    stderr.seek(0)
    lines = [line.strip() for line in stderr.read(100_000).decode(errors="replace").splitlines() if line.strip()]
    wrong = [line for line in lines if "error:" in line or "ERROR:" in line or "FATAL:" in line]
    line = (wrong or lines or ["it ended and said nothing"])[0]
    return StartError(f"{name}: {line.removeprefix(f'{name}: ').removeprefix('error: ')}")


def connect(url: str) -> "psycopg.Connection[tuple[Any, ...]]":
    """A connection for our own questions, by a name that tells what it is for."""
    return psycopg.connect(url, application_name="backup or restore", connect_timeout=10)


def _environment() -> Mapping[str, str]:
    """Ours without our secrets; libpq may need the rest (certificates, ~/.pgpass)."""
    hidden = {name: value for name, value in os.environ.items() if not name.startswith(("GATEPOST_", "DATABASE_URL"))}
    return {**hidden, "LC_ALL": "C", "PGAPPNAME": "backup or restore"}


def _polite() -> Callable[[], None]:
    die = die_with_parent(signal.SIGTERM)

    def prepare() -> None:
        os.nice(NICE)
        if die:
            die()

    return prepare
