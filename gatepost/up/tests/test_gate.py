"""The processes of `gatepost gate`."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.ground import wait_until
from tests.served import Served

ASKED = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def members(served: Served) -> set[int]:
    pid = served.process.pid
    return {int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_worker_that_is_killed_is_replaced_and_all_end_together(transactional_db: None) -> None:
    gate = Served("gate", {"GATEPOST_GATE_WORKERS": "2"})
    try:
        wait_until(lambda: len(members(gate)) == 2, "two workers")
        first = members(gate)
        os.kill(min(first), signal.SIGKILL)
        # Some of these fall to the one that is gone: they wait for its successor.
        assert all(gate.say(ASKED).startswith(b"HTTP/1.1 200 ") for _ in range(12))
        wait_until(lambda: len(members(gate) - first) == 1, "a successor")
        last = members(gate)
    finally:
        written = gate.stop()
    assert gate.process.returncode == 0, written
    assert not any(Path(f"/proc/{pid}").exists() for pid in last)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_taken_is_said_in_one_line(workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "gatepost", "gate", "--port", str(port), "--workers", workers],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "Address already in use" in ended.stderr
