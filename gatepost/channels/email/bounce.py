"""Mail that could not be delivered after the relay had taken it.

Each delivery leaves with a return address of its own, `bounce+<delivery>.<day>.<signature>@domain`, so a report names
its delivery whatever the reporting system writes inside. The signature keeps others from switching off a family's
address with an invented report. The local part is made of lower-case letters and digits that survive systems which
fold case, and stays within 64 octets.
"""

import hmac
import re
from base64 import b32encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from email import message_from_bytes
from email.message import Message
from email.parser import HeaderParser
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from gatepost.channels.email.replies import enhanced_status, status_means_gone

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_SIGNATURE_OCTETS = 12  # 96 bits, 20 characters
_LOCAL_PART = re.compile(r"bounce\+([0-9a-z]{1,13})\.([0-9a-z]{1,5})\.([a-z2-7]{20})")
_PERSONS_PART = re.compile(r"bounce\+p\.([0-9a-z]{1,25})\.([a-z2-7]{20})")
_REPORT_OCTETS_MAX = 1_000_000
_TEXT_MAX = 300
_COMPLAINTS = ("abuse", "opt-out", "opt-out-list")  # RFC 5965, and its drafts that some still speak
_NAMED_MOST = 5
_DIAGNOSTIC = re.compile(r"(?:[\w-]+\s*;)?\s*(?:\d{3}[ -]\s*)?(.*)", re.DOTALL)


class Returned(NamedTuple):
    """The delivery that a return address names, and the day it left (which partition it is in)."""

    delivery_id: int
    on_date: date


@dataclass(frozen=True, slots=True)
class Bounce:
    """A delivery that failed for good: `status` is the enhanced code (RFC 3463), `diagnostic` what the refusing system
    said.

    `permanent` as in ChannelError: this address will never work. A full mailbox fails the mail, not the address.
    """

    permanent: bool
    status: str
    diagnostic: str


def return_address(delivery_id: int, on_date: date, *, secret: bytes, domain: str) -> str:
    """The envelope sender for this delivery. `delivery_id` is 0 or more, in 64 bits."""
    if not 0 <= delivery_id < 2**63:
        raise ValueError("A delivery's id is a positive 64-bit number.")
    named = f"{_base36(delivery_id)}.{_base36(on_date.toordinal())}"
    return f"bounce+{named}.{_signature(named, secret)}@{domain}"


def read_return_address(address: str, *, secret: bytes) -> Returned | None:
    """The delivery named by an address that we signed; None for every other address. The domain is not looked at."""
    found = _LOCAL_PART.fullmatch(address.rpartition("@")[0].lower())
    if not found:
        return None
    delivery, day, signature = found.groups()
    if not hmac.compare_digest(signature, _signature(f"{delivery}.{day}", secret)):
        return None
    return Returned(int(delivery, 36), date.fromordinal(int(day, 36)))


class ReturnedFrom(NamedTuple):
    """The person whom a return address names; for which of their addresses, the signature says."""

    person: UUID
    signature: str

    def is_about(self, target: str, *, secret: bytes) -> bool:
        """Whether the mail went to `target`: an old address that fails says nothing of a new one."""
        return hmac.compare_digest(self.signature, _signature(_of_person(self.person, target), secret))


def person_return_address(person: UUID, target: str, *, secret: bytes, domain: str) -> str:
    """The envelope sender for a mail to somebody without an account, at `target`; signed like that of a delivery."""
    return f"bounce+p.{_base36(person.int)}.{_signature(_of_person(person, target), secret)}@{domain}"


def read_person_return_address(address: str) -> ReturnedFrom | None:
    """The person named by such an address; None for every other one. Whoever asks looks at the signature next."""
    found = _PERSONS_PART.fullmatch(address.rpartition("@")[0].lower())
    number = int(found[1], 36) if found else 2**128
    return ReturnedFrom(UUID(int=number), found[2]) if found and number < 2**128 else None


def _of_person(person: UUID, target: str) -> str:
    return f"p.{person.hex}.{target.lower()}"


def parse_bounce(message: bytes) -> Bounce | None:
    """What a delivery report says (RFC 3464), or None when this is no report of a failure.

    Out-of-office replies, reports of a delay and letters of thanks are no failures. Never raises, whatever the bytes.
    """
    mail = message_from_bytes(message[:_REPORT_OCTETS_MAX])
    if mail.get_content_type() != "multipart/report":
        return None
    failures = [bounce for part in _inside(mail) if _is_status(part) for bounce in _failures(_blocks(part))]
    return max(failures, key=lambda bounce: bounce.permanent, default=None)


def parse_complaint(message: bytes) -> tuple[str, ...] | None:
    """The return addresses that a complaint names (RFC 5965), most certain first; None when this is no complaint.

    A complaint is what a mailbox provider reports when somebody calls a mail spam. Other kinds of feedback (a virus,
    what is no spam after all) are none. Never raises, whatever the bytes.
    """
    mail = message_from_bytes(message[:_REPORT_OCTETS_MAX])
    if mail.get_content_type() != "multipart/report":
        return None
    parts = _inside(mail)
    reports = [
        report for part in parts if part.get_content_type() == "message/feedback-report" for report in _inside(part)
    ]
    if not any(_value(report, "Feedback-Type").lower() in _COMPLAINTS for report in reports):
        return None
    named = [_value(report, "Original-Mail-From") for report in reports]
    named += [_value(original, "Return-Path") for part in parts for original in _originals(part)]
    return tuple(one.strip("<>") for one in named if one)[:_NAMED_MOST]


def _originals(part: Message) -> list[Message]:
    """The mail that is complained of, whole or its header alone."""
    if part.get_content_type() == "message/rfc822":
        return _inside(part)
    payload = part.get_payload()
    is_header = part.get_content_type() == "text/rfc822-headers" and isinstance(payload, str)
    return [HeaderParser().parsestr(str(payload))] if is_header else []


def _is_status(part: Message) -> bool:
    # The second is the form of RFC 6533, for addresses beyond ASCII.
    return part.get_content_type() in ("message/delivery-status", "message/global-delivery-status")


def _inside(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [inner for inner in payload if isinstance(inner, Message)] if isinstance(payload, list) else []


def _blocks(part: Message) -> Iterator[Message]:
    """The groups of fields: one about the message, then one for each recipient."""
    for block in _inside(part):
        yield block
        # The parser knows the older type only. Of the newer one it reads the first group and leaves the rest as text.
        rest = block.get_payload()
        if isinstance(rest, str):
            yield from map(HeaderParser().parsestr, re.split(r"(?:\r?\n){2,}", rest))


def _failures(blocks: Iterable[Message]) -> Iterator[Bounce]:
    for block in blocks:
        if _value(block, "Action").lower() != "failed":
            continue
        diagnostic = _value(block, "Diagnostic-Code")
        status = _most_exact(_value(block, "Status"), diagnostic)
        yield Bounce(permanent=status_means_gone(status), status=status, diagnostic=diagnostic[:_TEXT_MAX])


def _most_exact(status: str, diagnostic: str) -> str:
    """Some systems say 5.0.0 and leave the real code to the diagnostic text."""
    stated = enhanced_status(status) or "5.0.0"
    said = _DIAGNOSTIC.fullmatch(diagnostic)
    quoted = enhanced_status(said[1]) if said else None
    return quoted if quoted and stated.endswith(".0.0") else stated


def _value(block: Message, name: str) -> str:
    return " ".join(str(block.get(name, "")).split())


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
    return digits or "0"


def _signature(named: str, secret: bytes) -> str:
    if not secret:
        raise ValueError("A return address is signed with a secret.")
    mac = hmac.new(secret, b"gatepost return address\0" + named.encode(), sha256).digest()
    return b32encode(mac[:_SIGNATURE_OCTETS]).decode().rstrip("=").lower()
