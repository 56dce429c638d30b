"""Whether keys fit a backup, told without telling the keys.

A backup names its keys by fingerprints. The keys are 32 random bytes or more, so that nothing is found by trying.
"""

import hashlib
from collections.abc import Mapping

from gatepost.up.keys import NAMES

SEAL_KEYS = "GATEPOST_SEAL_KEYS"
CHARACTERS = 16


def fingerprints(keys: Mapping[str, str]) -> dict[str, str]:
    """A fingerprint for each key, and for each single one of the ring of seal keys."""
    return {name: _fingerprint(name, value) for name, value in _single(keys).items()}


def missing_keys(wanted: Mapping[str, str], keys: Mapping[str, str]) -> list[str]:
    """The names of the keys with the `wanted` fingerprints that are not among `keys`, or are other ones there.

    A ring may hold more seal keys than were wanted, because keys are changed by adding one.
    """
    here = fingerprints(keys)
    names = {name.partition(" ")[0] for name, value in wanted.items() if here.get(name) != value}
    return [name for name in NAMES if name in names]


def _single(keys: Mapping[str, str]) -> dict[str, str]:
    ring = [part.strip().partition(":") for part in keys.get(SEAL_KEYS, "").split(",") if part.strip()]
    single = {f"{SEAL_KEYS} {number}": key for number, _, key in ring}
    return {**{name: value for name, value in keys.items() if name != SEAL_KEYS}, **single}


def _fingerprint(name: str, value: str) -> str:
    return hashlib.sha256(f"gatepost backup\n{name}\n{value}".encode()).hexdigest()[:CHARACTERS]
