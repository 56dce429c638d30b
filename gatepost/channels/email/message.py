"""Mails rendered to bytes, thousands a second.

The standard library builds a mail in about three milliseconds; at a city's quarter to eight that alone would take
minutes. Our mails all have one shape (a text and an HTML alternative, UTF-8 in base64), so a template is cut into
literals and slots once, per topic and language, and each mail is a join, an encoding and a handful of header lines.

The same template, slots and envelope always give the same bytes. The Message-ID is derived from the delivery's key, so
a mail that is sent again after a crash carries the id it had the first time and a mail program can show it once.

There is no header of our own (no X-Gatepost-Delivery): the Message-ID and the return address name the delivery
already, and a plain number would tell every recipient how many messages a city sends.
"""

import re
from binascii import b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import blake2b
from html import escape
from string import Formatter

from gatepost.channels.email.address import Mailbox, usable
from gatepost.channels.email.headers import mailbox_field, plain_field, text_field

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_URL = re.compile(r"https?://[!-;=?-~]+")  # printable ASCII without < and >
_LONELY_SURROGATES = "replace"  # what UTF-8 cannot say becomes "?"


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """What differs from mail to mail besides the words.

    `key` is the delivery's idempotency key (any text); `at` is when the mail was made (aware). `unsubscribe_url` is
    given only for mails that a person may do without: it is where RFC 8058's one-click POST goes.
    """

    sender: Mailbox
    to: Mailbox
    key: str
    at: datetime
    unsubscribe_url: str | None = None
    reply_to: Mailbox | None = None


class _Pattern:
    """A text with named slots in the form of `str.format`: "{name} 已到校", braces doubled where they are meant."""

    def __init__(self, pattern: str) -> None:
        self._parts: list[str] = []
        self._slots: list[tuple[int, str]] = []
        for literal, slot, spec, conversion in Formatter().parse(pattern):
            self._parts.append(literal)
            if slot is None:
                continue
            if not slot.isidentifier() or spec or conversion:
                raise ValueError(f"A slot is a bare name such as {{name}}, not {{{slot}}}.")
            self._slots.append((len(self._parts), slot))
            self._parts.append("")
        self.names = frozenset(slot for _, slot in self._slots)

    def fill(self, slots: Mapping[str, str]) -> str:
        parts = self._parts.copy()
        for index, slot in self._slots:
            parts[index] = slots[slot]
        return "".join(parts)


class MailTemplate:
    """One topic in one language, compiled once and filled for every mail. Safe to share between threads.

    `subject`, `text` and `html` hold slots such as {name}. HTML slots are escaped, and are safe as content and inside
    quoted attributes; a URL in a slot must come from us. ValueError when a pattern or the language tag is malformed.
    """

    def __init__(self, *, subject: str, text: str, html: str, language: str) -> None:
        if not _LANGUAGE.fullmatch(language):
            raise ValueError(f"{language!r} is not a language tag such as zh-Hant.")
        self._subject, self._text, self._html = _Pattern(subject), _Pattern(text), _Pattern(html)
        self._language = plain_field(b"Content-Language", language)
        self.slots: frozenset[str] = self._subject.names | self._text.names | self._html.names

    def fill(self, slots: Mapping[str, str], envelope: Envelope) -> bytes:
        """The whole mail, CRLF line ends, ready to be signed and sent.

        KeyError names a slot that was not given. A permanent ChannelError says that the address can never be used.
        """
        digest = blake2b(envelope.key.encode(errors=_LONELY_SURROGATES), digest_size=16).hexdigest()
        boundary = b"=_" + digest.encode()
        escaped = {name: escape(value) for name, value in slots.items()}
        return b"".join(
            (
                self._headers(slots, envelope, digest),
                b'Content-Type: multipart/alternative;\r\n boundary="%b"\r\n\r\n' % boundary,
                _part(b"text/plain", self._text.fill(slots), boundary),
                _part(b"text/html", self._html.fill(escaped), boundary),
                b"--%b--\r\n" % boundary,
            )
        )

    def _headers(self, slots: Mapping[str, str], envelope: Envelope, digest: str) -> bytes:
        domain = usable(envelope.sender.address).rpartition("@")[2]
        fields = [
            plain_field(b"Message-ID", f"<{digest}@{domain}>"),
            _date(envelope.at.isoformat(timespec="seconds")),
            mailbox_field(b"From", envelope.sender),
            mailbox_field(b"To", envelope.to),
            text_field(b"Subject", self._subject.fill(slots)),
            self._language,
            b"Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n",
        ]
        if envelope.reply_to:
            fields.append(mailbox_field(b"Reply-To", envelope.reply_to))
        if envelope.unsubscribe_url:
            fields.append(_unsubscribe(envelope.unsubscribe_url))
        return b"".join(fields)


def _part(content_type: bytes, content: str, boundary: bytes) -> bytes:
    if "\r" in content:
        content = content.replace("\r\n", "\n").replace("\r", "\n")
    octets = content.replace("\n", "\r\n").encode(errors=_LONELY_SURROGATES)
    encoded = b2a_base64(octets, newline=False)
    return b"--%b\r\nContent-Type: %b; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n%b\r\n" % (
        boundary,
        content_type,
        b"\r\n".join([encoded[start : start + 76] for start in range(0, len(encoded), 76)]),
    )


def _unsubscribe(url: str) -> bytes:
    """Unfolded: folding is known to have broken signatures on the way. RFC 8058 wants https for the one click."""
    if not _URL.fullmatch(url):
        raise ValueError("The unsubscribe URL must be http(s) in printable ASCII.")
    fields = plain_field(b"List-Unsubscribe", f"<{url}>")
    if url.startswith("https://"):
        fields += b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    return fields


@lru_cache(maxsize=16)
def _date(iso: str) -> bytes:
    at = datetime.fromisoformat(iso)  # a text, so that equal moments in different zones are told apart
    if at.tzinfo is None:
        raise ValueError("A mail's date needs its time zone.")
    return b"Date: %b\r\n" % format_datetime(at).encode()
