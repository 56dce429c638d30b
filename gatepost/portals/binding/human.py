"""The check that a person is there: a small piece of work for the browser, set and checked by ourselves (ALTCHA).

It slows a script down and stops none; the limits on failures do. A solved challenge is good once, for twenty minutes of
our clock: that time stands in what we signed and not in ALTCHA's own field, which browsers compare with theirs, and a
telephone whose clock is wrong would never pass.
"""

import base64
import binascii
import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

import altcha
from django.conf import settings
from django.core.cache import cache

ALGORITHM = "PBKDF2/SHA-256"
COST = 5_000  # rounds for a guess; some 256 guesses: about a second of a telephone
GOOD_FOR = timedelta(minutes=20)
FIELD = "human"


def challenge(*, now: datetime) -> str:
    """A new challenge as JSON, for the widget."""
    until = int((now + GOOD_FOR).timestamp())
    made = altcha.create_challenge(ALGORITHM, COST, data={"goodUntil": until}, hmac_secret=_secret())
    return json.dumps(made.to_dict())


def fault(payload: str, *, now: datetime) -> str:
    """Why the answer does not count: missing, expired, used (once already), wrong; empty if it does, this once."""
    if not payload:
        return "missing"
    if len(payload) > 4_000:
        return "wrong"
    if not altcha.verify_solution(payload, _secret()).verified:
        return "wrong"
    if _good_until(payload) < now.timestamp():
        return "expired"
    seen = "human:" + hashlib.sha256(_signature(payload).encode()).hexdigest()
    return "" if cache.add(seen, 1, timeout=GOOD_FOR.total_seconds() * 2) else "used"


def _good_until(payload: str) -> float:
    return float(_challenge(payload)["parameters"]["data"]["goodUntil"])


def _signature(payload: str) -> str:
    return str(_challenge(payload)["signature"])


def _challenge(payload: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(base64.b64decode(payload))["challenge"]
    except (binascii.Error, ValueError, KeyError) as error:  # pragma: no cover - it was verified before
        raise AssertionError("a verified payload is whole") from error
    return found


def _secret() -> str:
    return hashlib.sha256(f"human check {settings.SECRET_KEY}".encode()).hexdigest()
