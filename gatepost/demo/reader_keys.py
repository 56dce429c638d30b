"""The keys of the demonstration's readers: made from the secret key, so the simulator knows them and no table does.

A real reader's key is random and shown once (`gates.keys`). Here each is a keyed digest of the reader's id: whoever
has the secret key of the installation, and nobody else, can make it again.
"""

import base64
import hashlib
import hmac
from typing import Final
from uuid import UUID, uuid5

from django.conf import settings

_NAMESPACE: Final = UUID("6a1d9e0c-7a55-5f0e-9b2e-3f6f1c2f7d42")


class NoDemonstration(Exception):
    """Asked for something that only a demonstration may do; the text says how to get one."""

    def __init__(self) -> None:
        super().__init__("This is for demonstrations only: set GATEPOST_DEMONSTRATION=true (`gatepost up` does).")


def require_demonstration() -> None:
    """Raises `NoDemonstration` unless this installation is one."""
    if not settings.DEMONSTRATION:
        raise NoDemonstration


def reader_id(seed: int, school_code: str, gate: str, number: int) -> UUID:
    """The id of a demonstration reader: the same in every city of the same seed."""
    return uuid5(_NAMESPACE, f"{seed}/{school_code}/{gate}/{number}")


def reader_key(reader: UUID) -> str:
    """The key of the demonstration reader with that id. Raises `NoDemonstration`."""
    require_demonstration()
    made = hmac.digest(settings.SECRET_KEY.encode(), b"demonstration reader " + reader.bytes, hashlib.sha256)
    return "gpr_demo_" + base64.urlsafe_b64encode(made).rstrip(b"=").decode()
