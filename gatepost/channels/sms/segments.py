"""What a text costs: messages on the air hold 140 octets, and are paid for one by one.

3GPP TS 23.038 (the alphabets) and TS 23.040 (a message in several parts: 6 octets of each are a header).
"""

from collections.abc import Iterator
from dataclasses import dataclass

GSM_ALONE, GSM_PART = 160, 153
UCS2_ALONE, UCS2_PART = 70, 67
PARTS_MOST = 255  # what the header can count

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPE = 0x1B
_GSM = {character: bytes([code]) for code, character in enumerate(_BASIC) if code != _ESCAPE}
_GSM |= {
    character: bytes([_ESCAPE, code])
    for character, code in {
        "\f": 0x0A,
        "^": 0x14,
        "{": 0x28,
        "}": 0x29,
        "\\": 0x2F,
        "[": 0x3C,
        "~": 0x3D,
        "]": 0x3E,
        "|": 0x40,
        "€": 0x65,
    }.items()
}


@dataclass(frozen=True, slots=True)
class Segments:
    """`number` messages on the air. `used` units of the alphabet, and `left` until one more is needed."""

    is_gsm: bool
    number: int
    used: int
    left: int


def count(text: str) -> Segments:
    """What `text` costs. A text of nothing costs nothing."""
    is_gsm, alone, part = _alphabet(text)
    units = [len(piece) if is_gsm else len(piece) // 2 for piece in _characters(text, is_gsm=is_gsm)]
    used = sum(units)
    if used <= alone:
        return Segments(is_gsm, 1 if used else 0, used, alone - used)
    fills = [sum(units[first:last]) for first, last in _cuts(units, part)]
    return Segments(is_gsm, len(fills), used, part - fills[-1])


def parts(text: str) -> list[bytes]:
    """The octets of each message on the air, without headers: GSM septets one an octet, or UTF-16 big-endian.

    No character is cut in two. Raises `ValueError` for a text that no header can count.
    """
    is_gsm, alone, part = _alphabet(text)
    characters = list(_characters(text, is_gsm=is_gsm))
    units = [len(piece) if is_gsm else len(piece) // 2 for piece in characters]
    if sum(units) <= alone:
        return [b"".join(characters)]
    cuts = list(_cuts(units, part))
    if len(cuts) > PARTS_MOST:
        raise ValueError("too long")
    return [b"".join(characters[first:last]) for first, last in cuts]


def _alphabet(text: str) -> tuple[bool, int, int]:
    is_gsm = all(character in _GSM for character in text)
    return (True, GSM_ALONE, GSM_PART) if is_gsm else (False, UCS2_ALONE, UCS2_PART)


def _characters(text: str, *, is_gsm: bool) -> Iterator[bytes]:
    """The octets of each character: an escaped one has two septets, one beyond the first plane two UTF-16 units."""
    for character in text:
        yield _GSM[character] if is_gsm else character.encode("utf-16-be", "replace")


def _cuts(units: list[int], most: int) -> Iterator[tuple[int, int]]:
    """Where each part begins and ends, as full as can be."""
    first = held = 0
    for place, size in enumerate(units):
        if held + size > most:
            yield first, place
            first, held = place, 0
        held += size
    yield first, len(units)
