"""What every row stands on: a PostgreSQL of its own under `var/bench`, with `fsync` on, and Gatepost's processes."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from gatepost.kit.clock import local_date, utc_now
from gatepost.up.postgres import EmbeddedPostgres, newest_programs
from gatepost.up.worthless_keys import worthless_keys

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "var" / "bench"
SETTLE_SECONDS_MAX = 60.0
_VACUUMING = "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'autovacuum worker' LIMIT 1"


class Stage:
    """A running PostgreSQL, and the environment in which processes find it."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.server = server
        self.environment: dict[str, str] = {}

    def use(self, database: str) -> None:
        """Point this process and those it starts at `database`."""
        self.environment = {
            **worthless_keys(),
            "GATEPOST_DEMONSTRATION": "true",
            "DJANGO_SETTINGS_MODULE": "gatepost.config.settings",
            "GATEPOST_LOG_LEVEL": "warning",
            "DATABASE_URL": self.url(database),
        }
        os.environ.update(self.environment)

    def url(self, database: str) -> str:
        """The URL of one database of this server."""
        return self.server.url(database)

    def fresh(self, database: str, *, template: str = "template0") -> str:
        """A new database, empty or a copy; returns its URL."""
        with psycopg.connect(self.server.url("postgres", user="postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER gatepost").format(
                    sql.Identifier(database), sql.Identifier(template)
                )
            )
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove a database that the next run builds anew anyway."""
        with psycopg.connect(self.server.url("postgres", user="postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))

    def exists(self, database: str) -> bool:
        """Whether the server has that database already."""
        with psycopg.connect(self.server.url("postgres", user="postgres"), autocommit=True) as connection:
            return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone() is not None

    def settle(self) -> None:
        """Let the server finish what the row before left behind, a minute at most: no row pays for another's writes."""
        with psycopg.connect(self.server.url("postgres", user="postgres"), autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            end = time.monotonic() + SETTLE_SECONDS_MAX
            while time.monotonic() < end and connection.execute(_VACUUMING).fetchone() is not None:
                time.sleep(0.5)

    @contextmanager
    def process(self, *command: str, port: int | None = None, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
        """A process of Gatepost's for as long as the block runs; with `port`, begun when it listens there."""
        running = subprocess.Popen(
            [sys.executable, *command],
            env={**os.environ, **self.environment, **environment},
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=(FOLDER / "processes.log").open("ab"),
            start_new_session=True,
        )
        try:
            if port is not None:
                wait_for_port(port)
            yield running
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGTERM)
                try:
                    running.wait(15)
                except subprocess.TimeoutExpired:
                    os.killpg(running.pid, signal.SIGKILL)
                    running.wait()


@contextmanager
def stage() -> Iterator[Stage]:
    """The stage, built where it is missing, taken down at the end; the data stays for the next run."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with EmbeddedPostgres(FOLDER / "postgres") as server:
        yield Stage(server)


def today() -> date:
    """The date on the wall of the bench's schools."""
    return local_date(utc_now(), "Asia/Taipei")


def pgbench() -> Path:
    """The load generator that comes with PostgreSQL."""
    return newest_programs() / "bin" / "pgbench"


def run_pgbench(url: str, script: str, *, clients: int, seconds: float, protocol: str = "prepared") -> float:
    """Transactions a second of `script`, by PostgreSQL's own measure."""
    file = FOLDER / "pgbench.sql"
    file.write_text(script)
    printed = subprocess.run(
        [
            str(pgbench()),
            "-n",
            "-M",
            protocol,
            "-c",
            str(clients),
            "-j",
            "2",
            "-T",
            str(round(seconds)),
            "-f",
            str(file),
            _conninfo(url),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return next(float(line.split("=")[1].split()[0]) for line in printed.splitlines() if line.startswith("tps"))


def _conninfo(url: str) -> str:
    return urlunsplit(urlsplit(url))


def load(
    port: int, keys: Path, *, seconds: float, taps: int = 1, connections: int = 64, path: str = "/v1/taps"
) -> dict[str, Any]:
    """Run the load generator as a process of its own; what it measured."""
    printed = subprocess.run(
        [
            sys.executable,
            "-m",
            "bench.load",
            "--port",
            str(port),
            "--keys",
            str(keys),
            "--seconds",
            str(seconds),
            "--taps",
            str(taps),
            "--connections",
            str(connections),
            "--path",
            path,
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout
    measured: dict[str, Any] = json.loads(printed)
    if measured["refused"]:
        raise RuntimeError(f"{measured['refused']} requests were refused")
    return measured


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, *, seconds: float = 30) -> None:
    """Until something listens there."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on {port}")


def forget() -> None:
    """Remove everything the bench keeps between runs."""
    shutil.rmtree(FOLDER, ignore_errors=True)
