"""One mail, read for showing: what its headers say, its text and its HTML."""

from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderParseError, MessageError
from email.header import decode_header, make_header
from email.message import Message


@dataclass(frozen=True)
class Letter:
    """`headers` as they came, in their order; the other fields are decoded. `html` is None where there is none."""

    headers: list[tuple[str, str]]
    subject: str
    sender: str
    to: str
    date: str
    text: str
    html: str | None


def read_letter(octets: bytes) -> Letter:
    """Never fails: what cannot be read is shown as it is."""
    mail = message_from_bytes(octets)
    return Letter(
        headers=[(name, " ".join(str(value).split())) for name, value in mail.items()],
        subject=_value(mail, "Subject"),
        sender=_value(mail, "From"),
        to=_value(mail, "To") or _value(mail, "Delivered-To"),
        date=_value(mail, "Date"),
        text=_content(mail, "text/plain") or "",
        html=_content(mail, "text/html"),
    )


def decoded(header: str) -> str:
    """A header with its encoded words read (RFC 2047); as it is where they cannot be."""
    try:
        return " ".join(str(make_header(decode_header(header))).split())
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        return " ".join(header.split())


def _value(mail: Message, name: str) -> str:
    return decoded(str(mail.get(name, "")))


def _content(mail: Message, kind: str) -> str | None:
    for part in mail.walk():
        if part.get_content_type() == kind and not part.is_multipart():
            return _text(part)
    return None


def _text(part: Message) -> str:
    try:
        octets = part.get_payload(decode=True)
    except (MessageError, UnicodeError, ValueError):
        octets = None
    if not isinstance(octets, bytes):
        return str(part.get_payload())
    try:
        return octets.decode(part.get_content_charset("utf-8"), errors="replace").replace("\r\n", "\n")
    except LookupError:
        return octets.decode("utf-8", errors="replace").replace("\r\n", "\n")
