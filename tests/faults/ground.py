"""Ground of a test's own: a PostgreSQL that may be killed, and Gatepost's processes on it.

Making tables takes seconds, so it is done once in a run, in a template; each test's server starts on a copy of that
folder, in about a second. The folders stand where `gatepost.up.testing` finds and removes what a killed run left.

Start processes from the test's main thread only: the kernel ends them when the thread that started them ends.
"""

import contextlib
import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import psycopg
from django.db import connection as ours
from psycopg import sql

from gatepost.up.postgres import EmbeddedPostgres
from gatepost.up.processes import die_with_parent, last_lines
from gatepost.up.testing import FOLDER_PREFIX, RUN, copy_tables, is_lock_of, leave, remove_left_folders
from tests.faults.length import PATIENCE_SECONDS

# As in production, but for the memory: what is written is forced to the disk before it is acknowledged.
SETTINGS = {"shared_buffers": "32MB", "min_wal_size": "32MB", "max_wal_size": "256MB"}


class Running:
    """A process of Gatepost's in a group of its own, that can be killed, frozen and started again."""

    def __init__(self, name: str, command: list[str], environment: Mapping[str, str], log: Path, port: int = 0) -> None:
        self.name, self.command, self.environment, self.log, self.port = name, command, dict(environment), log, port
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> None:
        """Start it; with a port, and unless told otherwise, return when something listens there."""
        assert self.process is None, f"{self.name} runs already"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL),
            )
        if self.port and wait:
            wait_for_port(self.port, unless=lambda: not self.alive)

    @property
    def alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL to it and all its children, at once. Harmless when it does not run."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, as an operator would."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """SIGSTOP: it stands still and knows nothing of it."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it goes on where it stood."""
        self._signal(signal.SIGCONT)

    def said(self) -> str:
        """The end of its log."""
        return last_lines(self.log, 40)

    def _end(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        self._signal(number)
        try:
            self.process.wait(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self.process.wait()
            raise AssertionError(f"{self.name} did not end on signal {number}") from None
        finally:
            self.process = None

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)


class Ground:
    """A PostgreSQL with migrated tables in a folder of its own, and the processes that a test starts on it."""

    def __init__(self, folder: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.postgres = EmbeddedPostgres(
            folder / "postgres", settings={**SETTINGS, **(settings or {})}, dies_with_parent=True
        )
        self.postgres.start()
        self.url = self.postgres.dsn
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "gatepost.config.settings",
            "GATEPOST_VAR": str(folder / "var"),
            "DATABASE_URL": self.url,
            "GATEPOST_REACH_CHECK_DAYS": "0",  # no messages but those a test asks for
        }
        self.processes: list[Running] = []

    @property
    def socket_folder(self) -> Path:
        """Where PostgreSQL listens."""
        return Path(self.url.partition("host=")[2].partition("&")[0])

    def gate(self, *, workers: int = 1, start: bool = True, **environment: str) -> Running:
        """Intake alone: `gatepost gate`, on a free port."""
        return self._listening("gate", workers, start, environment)

    def web(self, *, workers: int = 1, start: bool = True, **environment: str) -> Running:
        """Pages and intake: `gatepost web`, on a free port."""
        return self._listening("web", workers, start, environment)

    def worker(self, *, before: str = "", start: bool = True, **environment: str) -> Running:
        """`gatepost worker`; `before` is Python that is run in it first, such as a shorter lease."""
        command = ["-m", "gatepost", "worker"]
        if before:
            command = ["-c", f"import django\ndjango.setup()\n{before}\n{_WORK}"]
        return self.process("worker", command, start=start, **environment)

    def process(self, name: str, command: list[str], *, port: int = 0, start: bool = True, **more: str) -> Running:
        """Any Python process on this database; it ends with the test."""
        log = self.folder / f"{name}-{len(self.processes)}.log"
        running = Running(name, [sys.executable, *command], {**self.environment, **more}, log, port)
        self.processes.append(running)
        if start:
            running.start()
        return running

    def _listening(self, name: str, workers: int, start: bool, environment: Mapping[str, str]) -> Running:
        port = free_port()
        command = ["-m", "gatepost", name, "--port", str(port), "--workers", str(workers)]
        return self.process(name, command, port=port, start=start, **environment)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What stands in the tables, over a fresh connection."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(sql.SQL(query), values).fetchall()

    def one(self, query: str, *values: Any) -> Any:
        """The first value of the first row."""
        return self.rows(query, *values)[0][0]

    def as_superuser(self, *commands: str, database: str = "gatepost") -> list[tuple[Any, ...]]:
        """Run commands as PostgreSQL's superuser, each on its own; the rows of the last."""
        found: list[tuple[Any, ...]] = []
        with psycopg.connect(self.postgres.url(database, user="postgres"), autocommit=True) as connection:
            for command in commands:
                cursor = connection.execute(sql.SQL(command))
                found = cursor.fetchall() if cursor.description else []
        return found

    def kill_postgres(self) -> None:
        """SIGKILL to the postmaster; its children notice and end by themselves."""
        assert self.postgres.pid is not None
        children = _children(self.postgres.pid)
        os.kill(self.postgres.pid, signal.SIGKILL)
        wait_until(lambda: not self.postgres.is_running(), "the postmaster is gone")
        wait_until(lambda: not any(map(_lives, children)), "its children are gone")

    def signal_postgres(self, number: signal.Signals) -> None:
        """SIGINT is a fast shutdown, SIGQUIT an immediate one; returns when it has ended."""
        assert self.postgres.pid is not None
        os.kill(self.postgres.pid, number)
        wait_until(lambda: not self.postgres.is_running(), "PostgreSQL ended")

    def start_postgres(self) -> None:
        """Start it again where it was: the same socket, the same URL. Django in the test begins anew, too."""
        self.postgres.start()
        assert self.postgres.dsn == self.url
        leave(ours)

    def kill_a_backend(self, chance: random.Random) -> None:
        """SIGKILL to the server process of one connection: PostgreSQL cuts all the others, too, and recovers."""
        wait_until(self.backends, "somebody is connected")
        os.kill(chance.choice(self.backends()), signal.SIGKILL)
        wait_until(self.answers, "PostgreSQL recovered")
        leave(ours)

    def answers(self) -> bool:
        """Whether PostgreSQL takes connections."""
        try:
            return bool(self.rows("SELECT 1"))
        except psycopg.OperationalError:
            return False

    def backends(self) -> list[int]:
        """The server processes of connections to our database, but for the one that asks."""
        found = self.rows("SELECT pid FROM pg_stat_activity WHERE datname = 'gatepost' AND pid <> pg_backend_pid()")
        return [pid for (pid,) in found]

    def stop(self) -> None:
        """End everything that was started here."""
        for running in self.processes:
            running.kill()
        self.postgres.stop()

    def said(self) -> str:
        """The ends of all logs, for a test that failed."""
        told = [(running.log.name, running.said()) for running in self.processes]
        told.append(("postgres.log", last_lines(self.postgres.log, 30)))
        return "\n".join(f"--- {name}\n{text}" for name, text in told)


_WORK = "from gatepost.config.schedule import run_worker\nrun_worker()"


@contextlib.contextmanager
def prepared_ground(settings: Mapping[str, str] | None = None, *, data_on: Path | None = None) -> Iterator[Ground]:
    """A ground with migrated, empty tables; gone afterwards. `data_on` is another place for the data alone."""
    with _own_folder() as folder:
        (folder / "postgres").mkdir()
        place = folder / "postgres" / "data"
        with _template() as data:
            copy_data(data, data_on / "data" if data_on else place)
        if data_on:
            place.symlink_to(data_on / "data")
        ground = Ground(folder, settings=settings)
        try:
            yield ground
        finally:
            ground.stop()


def copy_data(data: Path, place: Path) -> None:
    """Copy a stopped server's data folder with its owners and modes."""
    copying = ["cp", "-a", "--reflink=auto", str(data), str(place)]
    done = subprocess.run(copying, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{data} was not copied to {place}: {done.stderr[:2000]}"


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, *, unless: Callable[[], bool] = lambda: False) -> None:
    """Until something listens there; fails when `unless` comes true before."""

    def listens() -> bool:
        assert not unless(), f"nothing will listen on {port}: the process ended"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(listens, f"something listens on {port}")


def wait_until(
    true: Callable[[], object], what: str, *, seconds: float = PATIENCE_SECONDS, every_seconds: float = 0.05
) -> None:
    """Until `true()` is; fails saying what was waited for."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"waited {seconds:.0f} s in vain: {what}"
        time.sleep(every_seconds)


@contextlib.contextmanager
def _own_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
    folder.chmod(0o711)
    try:
        with _locked(folder / "lock", fcntl.LOCK_EX):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _locked(file: Path, kind: int) -> Iterator[TextIO]:
    with file.open("a") as lock:
        fcntl.flock(lock, kind)
        yield lock


@contextlib.contextmanager
def _template() -> Iterator[Path]:
    """The data folder to copy, made by whoever comes first in this run; nobody writes to it while it is looked at."""
    folder = template_folder()
    _hold(folder)
    with _locked(folder / "making", fcntl.LOCK_EX):
        data = folder / "postgres" / "data"
        if not (folder / "ready").exists():
            _make_template(folder)
            (folder / "ready").touch()
        yield data


_held: dict[Path, TextIO] = {}


def _hold(folder: Path) -> None:
    """Make a folder, and let nobody take it for left over as long as this process lives.

    Between two copies nobody else looks after it, and other runs on this machine remove what nobody looks after.
    """
    while folder not in _held:
        folder.mkdir(mode=0o711, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            lock = (folder / "lock").open("a")
            fcntl.flock(lock, fcntl.LOCK_SH)
            if is_lock_of(folder, lock):
                _held[folder] = lock


def template_folder() -> Path:
    """Where this run's template is; the same for all workers of xdist."""
    return Path(tempfile.gettempdir()) / f"{FOLDER_PREFIX}{os.environ[RUN]}-faults"


def _make_template(folder: Path) -> None:
    remove_left_folders()
    fast = {**SETTINGS, "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    with EmbeddedPostgres(folder / "postgres", settings=fast, dies_with_parent=True) as server:
        copy_tables(server.dsn)
        with psycopg.connect(server.url("postgres", user="postgres"), autocommit=True) as connection:
            connection.execute("CHECKPOINT")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
