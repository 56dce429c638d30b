"""One number for one card, however a reader prints it.

A contactless card has an identifier of four or seven bytes (ISO/IEC 14443-3). Readers print the same bytes in many
ways: hexadecimal or decimal, whole or in two groups, from the first byte or from the last. Gatepost keeps one form, the
bytes in the order the chip sends them, as upper-case hex: `2A83155E`. A `CardRule` says how one reader prints;
`canonical` reads what it typed, `learn` finds the rule from cards whose number is known.

Sources: the decimal forms and their names are the settings of the readers' makers (8H10D: eight hex digits printed as
ten decimal ones; 2H4H: one byte and two bytes apart), see http://xujuanpiju.com/article/article_14773.html; four-byte
readers show a seven-byte card as the cascade tag 88 and its first three bytes (ISO/IEC 14443-3; seen in use at
https://github.com/geeksoflondon/hamster/wiki/RFID-Scanners).

Some readers drop bytes (`CardRule.drops_bytes`, and every four-byte reader with seven-byte cards). What they print is
short and may fit more than one card: `reading_of` says what such a reader makes of a card whose whole number is known.
A number identifies a card; it is easily copied and proves nothing.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Final, Literal, Self, get_args

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gatepost.roster.wordings import WordingError, half_width

Radix = Literal["hex", "decimal"]
Form = Literal["plain", "8H10D", "6H8D", "2H4H", "4H4H", "14H17D"]
ByteOrder = Literal["chip", "reversed"]
Width = Literal[4, 7]

TEXT_LENGTH_MAX: Final = 64


class CardNumberError(WordingError):
    """A text that is no card number under the rule it was read with."""

    MESSAGES: ClassVar[Mapping[str, Promise]] = {
        "empty": _("The card number is missing: hold the card to the reader."),
        "length": _("The card number has the wrong length for this reader: check the reader's number form."),
        "characters": _("The card number holds a character that this reader does not print: check its number form."),
        "range": _("The card number is larger than this reader can print: check the reader's number form."),
        "blank": _("The reader sent a number of only zeros or ones: hold the card to it again."),
        "rule": _("This is no rule for card numbers: choose one of the number forms offered."),
        "uid": _("A known card number is 8 or 14 hexadecimal digits, in the order of the chip."),
    }


@dataclass(frozen=True, slots=True)
class CardForm:
    """One way of printing: `groups` are (bytes, decimal digits), None for plain hex or an unpadded number."""

    radix: Radix
    form: Form
    widths: tuple[Width | None, ...]
    groups: tuple[tuple[int, int], ...] | None
    example: str  # what it prints for 2A83155E, or for 04C43BC21C2680 where seven bytes are needed


CARD_FORMS: Final = (
    CardForm("hex", "plain", (None, 4, 7), None, "2A83155E"),
    CardForm("decimal", "8H10D", (4,), ((4, 10),), "0713233758"),
    CardForm("decimal", "14H17D", (7,), ((7, 17),), "01341660845581952"),
    CardForm("decimal", "4H4H", (4,), ((2, 5), (2, 5)), "10883,05470"),
    CardForm("decimal", "6H8D", (4,), ((3, 8),), "08590686"),
    CardForm("decimal", "2H4H", (4,), ((1, 3), (2, 5)), "131,05470"),
    CardForm("decimal", "plain", (4, 7), None, "713233758"),
)
_FORMS: Final = {(form.radix, form.form): form for form in CARD_FORMS}


@dataclass(frozen=True, slots=True)
class CardRule:
    """How one reader prints a card's bytes.

    `width` is how many bytes the reader reads, 4 or 7; None (hex only) takes either, as the text is long.
    `byte_order` is "chip" when the first byte of the chip is printed first, "reversed" when the last one is.
    Raises `CardNumberError` (rule) for a combination that no reader has.
    """

    radix: Radix = "hex"
    form: Form = "plain"
    byte_order: ByteOrder = "chip"
    width: Width | None = None

    def __post_init__(self) -> None:
        form = _FORMS.get((self.radix, self.form))
        if form is None or self.width not in form.widths or self.byte_order not in get_args(ByteOrder):
            raise CardNumberError("rule")

    @property
    def drops_bytes(self) -> bool:
        """Whether the form leaves out the first printed byte of four, so that cards may share a number."""
        return self.form in ("6H8D", "2H4H")

    def to_json(self) -> dict[str, Any]:
        """The rule as plain JSON, for a reader's row."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """The rule kept by `to_json`. Raises `CardNumberError` (rule) on anything else."""
        if not isinstance(value, Mapping) or set(value) != {"radix", "form", "byte_order", "width"}:
            raise CardNumberError("rule")
        if isinstance(value["width"], bool | float) or not all(
            isinstance(value[name], str) for name in ("radix", "form", "byte_order")
        ):
            raise CardNumberError("rule")
        return cls(**value)


AS_THE_CHIP: Final = CardRule()
"""Hex in chip order, four or seven bytes: what a reader of our own contract sends."""

# The order is the preference of `learn`: whole numbers before short ones, padded forms before the unpadded.
CARD_RULES: Final = tuple(
    CardRule(form.radix, form.form, byte_order, width)
    for form in CARD_FORMS
    for width in form.widths
    for byte_order in get_args(ByteOrder)
)

_HEX: Final = re.compile(r"[0-9A-F]+")
_DECIMAL: Final = re.compile(r"[0-9]+")
_BYTE_MARKS: Final = str.maketrans("", "", ":- ")
_GROUP_MARK: Final = re.compile(r"[,.:\- ]")
_HEX_LENGTHS: Final[dict[int | None, tuple[int, ...]]] = {None: (8, 14), 4: (8,), 7: (14,)}
_PLAIN_DIGITS: Final[dict[int, int]] = {4: 10, 7: 17}
_UID: Final = re.compile(r"(?:[0-9A-F]{8}|[0-9A-F]{14})")
_CASCADE_TAG: Final = b"\x88"


def canonical(text: str, rule: CardRule = AS_THE_CHIP) -> str:
    """The card's number in chip order from what a reader with `rule` printed.

    Eight or fourteen hex digits; six where the rule drops a byte. Raises `CardNumberError` on any other text.
    """
    if (rule is AS_THE_CHIP or rule == AS_THE_CHIP) and _UID.fullmatch(text) and text.strip("0") and text.strip("F"):
        return text  # what a reader of our own contract sends: nothing to put right
    if len(text) > TEXT_LENGTH_MAX:
        raise CardNumberError("length")
    written = half_width(text).strip().upper()
    if not written:
        raise CardNumberError("empty")
    printed = _from_hex(written, rule) if rule.radix == "hex" else _from_decimal(written, rule)
    if printed.count("0") == len(printed) or printed.count("F") == len(printed):
        raise CardNumberError("blank")
    return printed if rule.byte_order == "chip" else bytes.fromhex(printed)[::-1].hex().upper()


def reading_of(uid: str, rule: CardRule) -> str | None:
    """The canonical number that a reader with `rule` gives for the card `uid`; None if it cannot read the card.

    The same as `uid` for most readers. A four-byte reader shows a seven-byte card as 88 and its first three bytes; a
    form that drops bytes leaves three. Raises `CardNumberError` (uid) when `uid` is no whole number.
    """
    seen = _seen(uid, rule)
    if seen is None or not rule.drops_bytes:
        return seen.hex().upper() if seen else None
    kept = seen[1:] if rule.byte_order == "chip" else seen[:-1]
    return kept.hex().upper()


def typed(uid: str, rule: CardRule) -> str | None:
    """What a reader with `rule` types for the card `uid`: the other direction of `canonical`."""
    seen = _seen(uid, rule)
    if seen is None:
        return None
    printed = seen if rule.byte_order == "chip" else seen[::-1]
    if rule.radix == "hex":
        return printed.hex().upper()
    groups = _FORMS[rule.radix, rule.form].groups
    if groups is None:
        return str(int.from_bytes(printed))
    words = []
    for size, digits in reversed(groups):
        words.append(f"{int.from_bytes(printed[-size:]):0{digits}d}")
        printed = printed[:-size]
    return ",".join(reversed(words))


def learn(pairs: Iterable[tuple[str, str]]) -> list[CardRule]:
    """The rules under which every text of `pairs` (typed, known whole number) is that card; the best first.

    One card can fit several rules (a number that reads the same from both ends); two or three cards leave one. An
    unpadded form is left out where a padded one fits. Empty when nothing fits.
    Raises `CardNumberError` (uid) when a known number is not whole.
    """
    known = list(pairs)
    fitting = [rule for rule in CARD_RULES if known and all(_fits(text, uid, rule) for text, uid in known)]
    return [rule for rule in fitting if not any(_says_more(other, rule) for other in fitting)]


def _from_hex(written: str, rule: CardRule) -> str:
    digits = written.removeprefix("0X").translate(_BYTE_MARKS)
    if not _HEX.fullmatch(digits):
        raise CardNumberError("characters")
    if len(digits) not in _HEX_LENGTHS[rule.width]:
        raise CardNumberError("length")
    return digits


def _from_decimal(written: str, rule: CardRule) -> str:
    groups = _FORMS[rule.radix, rule.form].groups
    if groups is None:
        width = rule.width or 4  # only hex rules go without a width
        return _group(written, width, least=1, most=_PLAIN_DIGITS[width])
    if len(groups) == 1:
        size, digits = groups[0]
        return _group(written, size, least=digits, most=digits)
    (first_size, first), (second_size, second) = groups
    if _GROUP_MARK.search(written):
        one, two = _GROUP_MARK.split(written, maxsplit=1)
        return _group(one, first_size, least=1, most=first) + _group(two, second_size, least=1, most=second)
    if len(written) != first + second:
        raise CardNumberError("length")
    return _group(written[:first], first_size, least=first, most=first) + _group(
        written[first:], second_size, least=second, most=second
    )


def _group(digits: str, size: int, *, least: int, most: int) -> str:
    """`size` bytes as hex from `least` to `most` decimal digits."""
    if digits and not _DECIMAL.fullmatch(digits):
        raise CardNumberError("characters")
    if not least <= len(digits) <= most:
        raise CardNumberError("length")
    value = int(digits)
    if value >= 1 << (8 * size):
        raise CardNumberError("range")
    return f"{value:0{2 * size}X}"


def _seen(uid: str, rule: CardRule) -> bytes | None:
    """The bytes a reader with `rule` gets from the card, in chip order, before its form drops any."""
    if not _UID.fullmatch(uid):
        raise CardNumberError("uid")
    whole = bytes.fromhex(uid)
    if rule.width in (None, len(whole)):
        return whole
    return _CASCADE_TAG + whole[:3] if rule.width == 4 else None


def _fits(text: str, uid: str, rule: CardRule) -> bool:
    reading = reading_of(uid, rule)
    try:
        return canonical(text, rule) == reading
    except CardNumberError:
        return False


def _says_more(rule: CardRule, other: CardRule) -> bool:
    """Whether `other` fits only because it is the looser form of `rule`."""
    if rule == other or rule.radix != other.radix or rule.byte_order != other.byte_order:
        return False
    if rule.radix == "hex":
        return rule.width is None
    return other.form == "plain" and other.width == rule.width and not rule.drops_bytes
