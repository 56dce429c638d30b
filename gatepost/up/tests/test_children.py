import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gatepost.up import children, logfile
from gatepost.up.children import Child, stop_all
from gatepost.up.logfile import LogFile
from gatepost.up.trouble import StartError

Start = Callable[[str], Child]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a child that runs some Python; it is ended after the test."""
    started: list[Child] = []

    def run(code: str) -> Child:
        child = Child("web", [sys.executable, "-c", code], environment=os.environ, log=LogFile(tmp_path / "web.log"))
        started.append(child)
        child.start()
        return child

    yield run
    stop_all(started)


def ended(child: Child) -> Child:
    while child.is_running():
        time.sleep(0.01)
    return child


def test_a_child_that_runs_is_left_alone(start: Start) -> None:
    child = start("import time; time.sleep(60)")
    assert child.tend() is None
    assert child.is_running()


def test_a_child_that_ended_starts_again_after_a_pause(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "BACKOFF_SECONDS_MAX", 0)
    child = ended(start("raise SystemExit(3)"))
    news = child.tend()
    assert news is not None
    assert news.startswith("web ended with code 3; it starts again in 0 s")
    assert not child.is_running()
    assert child.tend() is None
    assert child.is_running()


def test_the_pause_grows_up_to_a_bound(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    child = ended(start("pass"))
    pauses = []
    for _ in range(children.RESTARTS_MAX):
        news = child.tend() or ""
        pauses.append(news.split(" in ")[1].split(" ")[0])
        child._start_at = None
    assert pauses == ["1", "2", "4", "8", "16"]


def test_a_child_that_ends_again_and_again_ends_everything(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "BACKOFF_SECONDS_MAX", 0)
    monkeypatch.setattr(children, "RESTARTS_MAX", 1)
    child = ended(start("raise SystemExit(3)"))
    child.tend()
    child.tend()
    ended(child)
    with pytest.raises(StartError, match=r"web ended with code 3 again and again; see .*web\.log"):
        child.tend()


def test_a_killed_child_is_said_to_be_killed(start: Start) -> None:
    child = ended(start("import os; os.kill(os.getpid(), 9)"))
    assert (child.tend() or "").startswith("web was ended by SIGKILL")


def test_a_child_is_asked_before_it_is_ended(start: Start, tmp_path: Path) -> None:
    child = start(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('goodbye', flush=True)))\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)"
    )
    while "ready" not in (tmp_path / "web.log").read_text():
        time.sleep(0.01)
    stop_all([child])
    assert "goodbye" in (tmp_path / "web.log").read_text()


def test_a_child_that_does_not_listen_is_ended(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "STOP_SECONDS_MAX", 0.2)
    child = start(
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('ready', flush=True)\ntime.sleep(60)"
    )
    while "ready" not in (tmp_path / "web.log").read_text():
        time.sleep(0.01)
    stop_all([child])
    assert not child.is_running()


def test_what_a_child_started_ends_with_it(start: Start, tmp_path: Path) -> None:
    child = ended(start("import subprocess; print(subprocess.Popen(['/bin/sleep', '60']).pid, flush=True)"))
    orphan = Path("/proc") / (tmp_path / "web.log").read_text().strip() / "cmdline"
    assert b"sleep" in orphan.read_bytes()
    child.tend()
    deadline = time.monotonic() + 10
    while orphan.exists() and orphan.read_bytes() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not orphan.exists() or not orphan.read_bytes()


def test_errors_in_a_log_are_seen_once(tmp_path: Path) -> None:
    path = tmp_path / "web.log"
    path.write_text("2026-09-01 ERROR from the last run\n")
    log = LogFile(path)
    assert log.new_errors() == []
    with log.open() as stream:
        stream.write(b"2026-09-01 INFO well\n2026-09-01 ERROR django.request Internal Server Error\n")
    assert log.new_errors() == ["2026-09-01 ERROR django.request Internal Server Error"]
    assert log.new_errors() == []


def test_a_log_that_grew_too_long_is_moved_aside_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logfile, "SIZE_BYTES_MAX", 10)
    log = LogFile(tmp_path / "web.log")
    with log.open() as stream:
        stream.write(b"a line that is long enough\n")
        stream.flush()
        log.trim()
        stream.write(b"next\n")
    assert (tmp_path / "web.log").read_bytes() == b"next\n"
    assert (tmp_path / "web.log.1").read_bytes() == b"a line that is long enough\n"
