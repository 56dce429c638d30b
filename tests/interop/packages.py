"""The packages from npm that these tests play against, installed once."""

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
VAR = HERE.parent.parent / "var" / "interop"


def installed() -> Path:
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
