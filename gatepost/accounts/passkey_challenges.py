"""The challenges that passkeys sign: made for one purpose, one person and one browser, for an hour, good once.

Nothing is kept of one that was only shown: it carries its time and a seal. What is kept, and only as long as it could
count again, is that it was answered.
"""

import hmac
import secrets
import struct
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings

from gatepost.accounts.attempts import TooOften, take

GOOD_FOR = timedelta(hours=1)
_NONCE_BYTES, _TIME, _SEAL_BYTES = 16, struct.Struct(">Q"), 32
_BYTES = _NONCE_BYTES + _TIME.size + _SEAL_BYTES


class Purpose(StrEnum):
    """What the signature is wanted for: one for one thing is none for another."""

    ADD = "add"
    SIGN_IN = "sign-in"
    SECOND_FACTOR = "second-factor"
    AGAIN = "again"


@dataclass(frozen=True)
class Asked:
    """`purpose`; `account_id`, empty where it is not known yet who answers; `browser`, any text that only it has."""

    purpose: Purpose
    account_id: str
    browser: str

    def challenge(self, now: datetime) -> bytes:
        """A new one."""
        head = secrets.token_bytes(_NONCE_BYTES) + _TIME.pack(int(now.timestamp()))
        return head + self._seal(head)

    def use_up(self, challenge: bytes, now: datetime) -> str:
        """Take it, once. Empty if it counts; else why not: `challenge` (another one's, or made up), `old`, `used`."""
        head, seal = challenge[:-_SEAL_BYTES], challenge[-_SEAL_BYTES:]
        if len(challenge) != _BYTES or not hmac.compare_digest(seal, self._seal(head)):
            return "challenge"
        (made,) = _TIME.unpack(head[_NONCE_BYTES:])
        if now.timestamp() >= made + GOOD_FOR.total_seconds():
            return "old"
        try:
            take("passkey-challenge", challenge.hex(), most=1, within=GOOD_FOR, now=now)
        except TooOften:
            return "used"
        return ""

    def _seal(self, head: bytes) -> bytes:
        text = f"passkey-challenge:{self.purpose}:{self.account_id}:{self.browser}:{head.hex()}"
        seal: bytes = settings.KEY_RING.digest(text)
        return seal
