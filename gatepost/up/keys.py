"""The installation's own secrets: made once, kept in `var/secrets.env`, handed to the children by environment."""

import base64
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from gatepost.up.envfile import read_env, write_env
from gatepost.up.trouble import StartError

NAMES = ("GATEPOST_SECRET_KEY", "GATEPOST_SEAL_KEYS", "GATEPOST_DIGEST_KEY")
HEADING = (
    "Gatepost's keys. Whoever has them can read sealed ID numbers; without them nobody can. Back this file up apart."
)


def kept_keys(file: Path, *, data: Path, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The keys that the environment does not give itself, from `file`, which is made when there is none.

    Raises `StartError` when keys are missing beside `data` that was sealed with them: new ones would make it
    unreadable.
    """
    wanted = [name for name in NAMES if not is_given(name, environment)]
    kept = read_env(file)
    missing = [name for name in wanted if not kept.get(name)]
    if missing and data.exists():
        raise StartError(
            f"{', '.join(missing)} not found in {file}, but {data} holds data made with it: bring the file back, "
            "or move the data away to begin anew."
        )
    if missing:
        kept |= {name: value for name, value in new_keys().items() if name in missing}
        write_env(file, kept, heading=HEADING)
    return {name: kept[name] for name in wanted}


def is_given(name: str, environment: Mapping[str, str]) -> bool:
    """Whether the environment holds a secret itself, or the file to read it from."""
    return any(environment.get(variable, "").strip() for variable in (name, f"{name}_FILE"))


def new_keys() -> dict[str, str]:
    """Fresh keys from the system's random numbers."""
    return {
        "GATEPOST_SECRET_KEY": secrets.token_urlsafe(50),
        "GATEPOST_SEAL_KEYS": "1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "GATEPOST_DIGEST_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
    }
