"""Header fields as bytes: names and subjects in any language, folded, and never able to carry a second header.

Control characters (CR and LF among them) in a name or a subject become spaces rather than errors: a stray newline in a
roster must not keep "your child has arrived" from a family. Where a value is of our own making (a URL, a language
tag), they are refused.

Sources: RFC 5322 (fields, folding at 78), RFC 2047 (encoded words of at most 75 characters, lines of at most 76, no
character split).
"""

import re
from binascii import b2a_base64
from collections.abc import Iterator
from functools import lru_cache

from gatepost.channels.email.address import Mailbox, usable

LINE_OCTETS_MAX = 998  # RFC 5322 section 2.1.1, without CRLF
_LINE_WANTED = 76
_WORD_FRAME = len(b"=?utf-8?b??=")
_WORD_MAX = 75

# C0, DEL, C1, line and paragraph separators, marks that turn the reading direction (they can disguise a sender), and
# unpaired surrogates, which no encoding can carry.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")
_SPACES = re.compile(" {2,}")
_PLAIN_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+( [A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*")


def text_field(name: bytes, value: str) -> bytes:
    """A field of free text, such as Subject, with its line end."""
    value = one_line(value)
    if _plain(value) and len(name) + 2 + len(value) <= _LINE_WANTED:
        return b"%b: %b\r\n" % (name, value.encode())
    return b"%b: %b\r\n" % (name, _encoded_words(value, used=len(name) + 2))


@lru_cache(maxsize=1024)
def mailbox_field(name: bytes, mailbox: Mailbox) -> bytes:
    """A field with one mailbox, such as From. Raises a permanent ChannelError when the address is not usable."""
    address = usable(mailbox.address).encode()
    shown = one_line(mailbox.name)
    if not shown:
        return b"%b: %b\r\n" % (name, address)
    phrase = _phrase(shown, used=len(name) + 2)
    last_line = len(phrase) - phrase.rfind(b"\n")
    first = 0 if b"\n" in phrase else len(name) + 2
    gap = b"\r\n " if first + last_line + len(address) + 3 > _LINE_WANTED else b" "
    return b"%b: %b%b<%b>\r\n" % (name, phrase, gap, address)


def plain_field(name: bytes, value: str) -> bytes:
    """A field of printable ASCII without spaces, never folded; anything else is our own mistake: ValueError."""
    if not re.fullmatch(r"[!-~]+", value) or len(name) + 2 + len(value) > LINE_OCTETS_MAX:
        raise ValueError(f"{name.decode()} must be printable ASCII, without spaces, that fits on a line.")
    return b"%b: %b\r\n" % (name, value.encode())


def one_line(value: str) -> str:
    """The value as it can stand in a header: no control characters, no runs of spaces, no edges."""
    if _UNPRINTABLE.search(value):
        value = _UNPRINTABLE.sub(" ", value)
    return _SPACES.sub(" ", value).strip()


def _plain(value: str) -> bool:
    return value.isascii() and "=?" not in value


def _phrase(shown: str, *, used: int) -> bytes:
    if not _plain(shown) or used + len(shown) + 2 > _LINE_WANTED:
        return _encoded_words(shown, used=used)
    if _PLAIN_PHRASE.fullmatch(shown):
        return shown.encode()
    quoted = shown.replace("\\", "\\\\").replace('"', '\\"')
    return b'"%b"' % quoted.encode()


def _encoded_words(value: str, *, used: int) -> bytes:
    """The value as encoded words, one a line; `used` octets of the first line are taken by the field's name."""
    return b"\r\n ".join(
        b"=?utf-8?b?%b?=" % b2a_base64(piece, newline=False) for piece in _pieces(value.encode(), used)
    )


def _pieces(octets: bytes, used: int) -> Iterator[bytes]:
    start = 0
    room = min(_WORD_MAX, _LINE_WANTED - used)
    while start < len(octets):
        end = start + (room - _WORD_FRAME) // 4 * 3
        while end < len(octets) and octets[end] & 0xC0 == 0x80:  # inside a character: step back to its first octet
            end -= 1
        yield octets[start:end]
        start, room = end, _WORD_MAX
