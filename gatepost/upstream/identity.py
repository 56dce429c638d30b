"""What all ways end with, and why one of them can come to nothing."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from gatepost.kit import outward
from gatepost.roster import identity_numbers
from gatepost.roster.identity_numbers import IdentityNumberError

SECONDS = 5.0  # for each request of ours: somebody waits in front of a page
ANSWER_BYTES_MAX = 65_536


@dataclass(frozen=True)
class Identity:
    """A person, on the word of `provider`: two keyed digests, never the values themselves."""

    provider: str
    subject: bytes
    number: bytes


class UpstreamRefused(Exception):
    """Nobody is signed in or connected. `code`:

    denied (the person said no), late (too long ago), forged (not what we asked for, or not from whom), replayed (used
    before), audience (meant for somebody else), clock (one of the clocks is off), basic (identity not looked at),
    number (no ID number that can be right), down (no answer), settings (the other side does not know us, or refuses
    what we ask), unbound (nobody has the certificate in a phone for that number), unproven (the telephone company said
    no); and of `links`: unknown, several, taken, other, mismatch.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def identity(provider: str, subject: str, number: str) -> Identity:
    """Raises `UpstreamRefused` (number, forged)."""
    if not subject:
        raise UpstreamRefused("forged")
    return Identity(provider, settings.KEY_RING.digest(f"upstream:{provider}:{subject}"), number_digest(number))


def number_digest(number: str) -> bytes:
    """The digest under which the roster and the proofs know an ID number. Raises `UpstreamRefused` (number)."""
    written = identity_numbers.normalise(number)
    try:
        identity_numbers.kind(written)
    except IdentityNumberError as error:
        raise UpstreamRefused("number") from error
    digest: bytes = settings.KEY_RING.digest(written)
    return digest


def ask(method: str, url: str, **more: Any) -> outward.Answer:
    """One request to the other side, which must be public but for a demonstration. Raises `UpstreamRefused` (down)."""
    private = settings.DEMONSTRATION
    try:
        answer = outward.ask(method, url, seconds=SECONDS, most=ANSWER_BYTES_MAX, private_allowed=private, **more)
    except outward.Unreachable as error:
        raise UpstreamRefused("down") from error
    if answer.status >= 500:
        raise UpstreamRefused("down")
    return answer
