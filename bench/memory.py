"""What everything takes while nothing happens: `gatepost up` with its demonstration city, soon after it is ready."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from bench.figures import Figure
from bench.stage import FOLDER, ROOT, Stage, free_port, wait_for_port

IDLE_SECONDS = 30.0
READY_SECONDS_MAX = 300.0


def figures(stage: Stage) -> list[Figure]:
    """The proportional set size (shared pages shared out) of every process under `gatepost up`, PostgreSQL too."""
    del stage  # it brings its own PostgreSQL
    var = FOLDER / "memory"
    shutil.rmtree(var, ignore_errors=True)
    port = free_port()
    others = ("GATEPOST_MAIL_PORT", "GATEPOST_SMTP_PORT", "GATEPOST_IDENTITIES_PORT", "GATEPOST_SERVICES_PORT")
    ports = {"GATEPOST_PORT": port, **{name: free_port() for name in others}}
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GATEPOST_", "DATABASE_URL"))}
    environment = {**clean, **{name: str(value) for name, value in ports.items()}, "GATEPOST_VAR": str(var)}
    log = (FOLDER / "processes.log").open("ab")
    running = subprocess.Popen(
        [sys.executable, "-m", "gatepost", "up"],
        env=environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
    try:
        wait_for_port(port, seconds=READY_SECONDS_MAX)
        time.sleep(IDLE_SECONDS)
        mebibytes = sum(_pss(pid) for pid in _family(running.pid)) / 1024
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(60)
        shutil.rmtree(var, ignore_errors=True)
    return [Figure("memory", mebibytes, "MiB", must=500, aim=300, lower_is_better=True)]


def _family(root: int) -> set[int]:
    """The process and everybody below it."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:  # it ended just now
            continue
        parents[int(folder.name)] = int(fields[1])
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _pss(pid: int) -> int:
    """Kibibytes of one process."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
