"""Whether the preparations of an earlier start still hold, so that a later one need not do them again.

They do where the code's migrations, the installed packages, the keys and PostgreSQL's data are the same ones. Only
our own PostgreSQL is trusted so; somebody else's may have been changed by somebody else.
"""

import hashlib
import json
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gatepost.up.keys import NAMES
from gatepost.up.places import Places

PACKAGE = Path(__file__).resolve().parent.parent


def remembered(places: Places, environment: Mapping[str, str]) -> list[list[str]] | None:
    """Who can sign in, from the last preparations; none when they must be done again."""
    try:
        told: dict[str, Any] = json.loads(_file(places).read_text(encoding="utf-8"))
        return list(told["sign_ins"]) if told["of"] == _state(places, environment) else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def remember(places: Places, environment: Mapping[str, str], sign_ins: Sequence[Sequence[str]]) -> None:
    """Keep that the preparations were done."""
    told = {"of": _state(places, environment), "sign_ins": [list(row) for row in sign_ins]}
    _file(places).write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")


def forget(places: Places) -> None:
    """Preparations begin: until they are done, nothing holds."""
    _file(places).unlink(missing_ok=True)


def _file(places: Places) -> Path:
    return places.var / "prepared.json"


def _state(places: Places, environment: Mapping[str, str]) -> str:
    settings = (environment.get(name, "") for name in (*NAMES, "GATEPOST_DEMONSTRATION", "GATEPOST_SERVICES_PORT"))
    key_files = (_fingerprint(Path(environment[f"{name}_FILE"])) for name in NAMES if environment.get(f"{name}_FILE"))
    parts = (*settings, *key_files, *_migrations(), *_packages(), _data(places))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _migrations() -> Iterator[str]:
    for file in sorted(PACKAGE.glob("*/migrations/*.py")):
        yield f"{file.relative_to(PACKAGE)} {_fingerprint(file)}"


def _packages() -> list[str]:
    return sorted(path.name for path in Path(sysconfig.get_path("purelib")).glob("*.dist-info"))


def _fingerprint(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _data(places: Places) -> str:
    """This data folder and no other: the file is written once, when the folder is made."""
    return str((places.postgres / "data/PG_VERSION").stat().st_mtime_ns)
