"""`gatepost up` as it is typed, on a folder of its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from gatepost.up.envfile import read_env
from gatepost.up.postgres import EmbeddedPostgres, running_server
from gatepost.up.testing import make_database

PATIENCE_SECONDS = 60


class Installation:
    """A `var/` with ports of its own, and the commands typed there."""

    def __init__(self, folder: Path) -> None:
        self.var = folder / "var"
        self.ports = free_ports(5)
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("GATEPOST_", "DATABASE_"))}
        played = ("GATEPOST_MAIL_PORT", "GATEPOST_SMTP_PORT", "GATEPOST_IDENTITIES_PORT", "GATEPOST_SERVICES_PORT")
        names = ("GATEPOST_PORT", *played)
        self.environment = {
            **ours,
            **dict(zip(names, map(str, self.ports), strict=True)),
            "GATEPOST_VAR": str(self.var),
        }
        self.started: list[subprocess.Popen[str]] = []
        self.first_answer = 0
        self.goodbye = ""

    def up(self, *options: str, **environment: str) -> subprocess.Popen[str]:
        """Type `gatepost up`, and do not wait."""
        process = subprocess.Popen(
            [sys.executable, "-m", "gatepost", "up", *options],
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def up_and_ready(self) -> subprocess.Popen[str]:
        """Type `gatepost up --no-demo`, and wait until it says where it is."""
        process = self.up("--no-demo")
        assert process.stdout is not None
        for line in process.stdout:
            if "Ctrl-C" in line:
                return process
        raise AssertionError(process.communicate())

    def typed(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Type another command, and wait for it."""
        return subprocess.run(
            [sys.executable, "-m", "gatepost", *arguments],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def front_page(self) -> int:
        """The status of the front page; 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[0]}/", timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def processes(self, word: str = "") -> list[int]:
        """The processes that belong to this `var/`, PostgreSQL's apart, whose command has the word."""
        pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        return [pid for pid in pids if self._is_ours(pid, word)]

    def _is_ours(self, pid: int, word: str) -> bool:
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return False
        return f"GATEPOST_VAR={self.var}".encode() in environment and word.encode() in b" ".join(command)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def eventually(is_so: Callable[[], object]) -> bool:
    """Whether it becomes so within patience."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.05)
    return False


def stopped(process: subprocess.Popen[str]) -> str:
    """Press Ctrl-C and wait; what was said until the end."""
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    return said


@contextmanager
def installation() -> Iterator[Installation]:
    folder = Path(tempfile.mkdtemp(prefix="gatepost-up-"))
    folder.chmod(0o755)
    made = Installation(folder)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=PATIENCE_SECONDS)
    EmbeddedPostgres(made.var / "postgres").stop_left_over()
    shutil.rmtree(folder)


@pytest.fixture(name="here")
def _here() -> Iterator[Installation]:
    with installation() as fresh:
        yield fresh


@pytest.fixture(scope="module", name="original")
def _original() -> Iterator[Installation]:
    """One that has been started and stopped once, from nothing."""
    with installation() as first:
        process = first.up_and_ready()
        first.first_answer = first.front_page()
        with psycopg.connect(read_env(first.var / "running.env")["DATABASE_URL"]) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS seven")
        first.goodbye = stopped(process)
        yield first


@pytest.fixture
def again(here: Installation, original: Installation) -> Installation:
    """A copy of it, to be started again."""
    subprocess.run(["/bin/cp", "-a", original.var, here.var], check=True)
    return here


def test_it_starts_from_nothing_and_stops_cleanly(original: Installation) -> None:
    assert original.first_answer
    assert original.goodbye.endswith("Stopping …\nStopped.\n")
    assert original.processes() == []
    assert running_server(original.var / "postgres/data") is None
    assert not (original.var / "running.env").exists()
    assert (original.var / "secrets.env").stat().st_mode & 0o777 == 0o600


def test_while_it_runs_again(again: Installation, original: Installation) -> None:
    first = again.up_and_ready()

    # Data and keys are kept.
    with psycopg.connect(read_env(again.var / "running.env")["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT seven FROM kept").fetchone() == (7,)
    assert (again.var / "secrets.env").read_text() == (original.var / "secrets.env").read_text()

    # A second one on the same var/ says so and disturbs nothing.
    second = again.typed("up", "--no-demo")
    assert second.returncode == 1
    assert second.stderr == (
        f"gatepost: Gatepost already runs on {again.var}: process {first.pid}, http://127.0.0.1:{again.ports[0]}/. "
        "Nothing was changed.\n"
    )
    assert again.front_page()

    # A command in another terminal finds the database.
    doctor = again.typed("doctor").stdout
    assert f"ok       up           runs: process {first.pid}" in doctor
    assert "ok       tables       up to date" in doctor

    # A child that is killed comes back, and so does PostgreSQL.
    [web] = again.processes("gatepost web")
    server = running_server(again.var / "postgres/data")
    assert server is not None
    os.kill(web, signal.SIGKILL)
    os.kill(server[0], signal.SIGKILL)
    assert eventually(lambda: again.processes("gatepost web") not in ([], [web]))
    assert eventually(again.front_page)
    assert eventually(lambda: (found := running_server(again.var / "postgres/data")) and found[0] != server[0])
    assert "Stopped." in stopped(first)
    assert running_server(again.var / "postgres/data") is None


def test_killed_without_warning_it_leaves_no_children_and_the_next_start_goes_on(again: Installation) -> None:
    first = again.up_and_ready()
    left = running_server(again.var / "postgres/data")
    first.kill()
    first.communicate()
    assert eventually(lambda: again.processes() == [])
    assert running_server(again.var / "postgres/data") == left
    assert "No database" in again.typed("check").stderr

    second = again.up_and_ready()
    assert running_server(again.var / "postgres/data") == left
    assert again.front_page()
    stopped(second)
    assert running_server(again.var / "postgres/data") is None


def test_ctrl_c_during_the_first_start_leaves_nothing_running(here: Installation) -> None:
    process = here.up("--no-demo")
    assert eventually(lambda: running_server(here.var / "postgres/data"))
    assert "Stopped." in stopped(process)
    assert here.processes() == []
    assert running_server(here.var / "postgres/data") is None


def test_it_works_on_a_database_of_somebody_else(here: Installation, django_db_setup: None) -> None:
    own = os.environ["DATABASE_URL"]
    name = urlsplit(own).path.removeprefix("/")
    make_database(f"{name}_up")
    here.environment["DATABASE_URL"] = own.replace(name, f"{name}_up")
    process = here.up_and_ready()
    assert not (here.var / "postgres").exists()
    assert here.front_page()
    stopped(process)


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("postgresql://nobody@127.0.0.1:1/none", "The database of DATABASE_URL does not answer: "),
        (
            "mysql://somewhere/else",
            "Settings: DATABASE_URL must be a URL that begins with postgresql:// or postgres://.",
        ),
        ("postgresql://[broken", "Settings: DATABASE_URL is not a URL."),
    ],
)
def test_a_wrong_database_url_is_one_line(here: Installation, url: str, line: str) -> None:
    answer = here.typed("up", "--no-demo", DATABASE_URL=url)
    assert answer.returncode == 1
    assert answer.stderr.startswith(f"gatepost: {line}")
    assert answer.stderr.count("\n") == 1


def test_a_taken_port_is_one_line(here: Installation) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", here.ports[0]))
        taken.listen()
        answer = here.typed("up", "--no-demo")
    assert answer.returncode == 1
    assert answer.stderr == f"gatepost: Port {here.ports[0]} is taken: set GATEPOST_PORT to another one.\n"


def test_a_var_that_cannot_be_written_is_one_line(here: Installation) -> None:
    here.var.write_text("a file in its place")
    answer = here.typed("up", "--no-demo")
    assert answer.returncode == 1
    assert answer.stderr == f"gatepost: Cannot work in {here.var}: File exists ({here.var}).\n"


def test_wrong_settings_are_one_line(here: Installation) -> None:
    answer = here.typed("up", "--no-demo", GATEPOST_DEBUG="perhaps")
    assert answer.returncode == 1
    assert answer.stderr == "gatepost: Settings: GATEPOST_DEBUG must be true or false (or 1, 0), not 'perhaps'.\n"
