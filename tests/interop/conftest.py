"""Gatepost as a process of its own, for software that was not written here."""

import fcntl
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.served import Served, free_port

HERE = Path(__file__).parent
VAR = HERE.parent.parent / "var" / "interop"


@pytest.fixture
def provider(transactional_db: None) -> Iterator[str]:
    """The issuer: `gatepost web` on the tests' tables, which knows itself by that name."""
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    served = Served("web", {"GATEPOST_URL": issuer, "GATEPOST_SERVICES_PRIVATE": "1"}, port=port)
    yield issuer
    served.stop()


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The packages of `package-lock.json`, in var/; the test is skipped where they cannot be had."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("Node and npm are not on this machine")
    VAR.mkdir(parents=True, exist_ok=True)
    with (VAR / "lock").open("w") as lock:  # tests in several processes share the folder
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install()
    return VAR / "node_modules"


def _install() -> None:
    for name in ("package.json", "package-lock.json"):
        if not (VAR / name).exists() or (VAR / name).read_bytes() != (HERE / name).read_bytes():
            shutil.rmtree(VAR / "node_modules", ignore_errors=True)
            shutil.copy(HERE / name, VAR / name)
    if not (VAR / "node_modules").exists():
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
        done = subprocess.run(command, cwd=VAR, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            pytest.skip(f"npm cannot install the packages: {done.stderr.strip()[-200:]}")
