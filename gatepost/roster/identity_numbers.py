"""National ID and residence numbers of Taiwan: how they are written, checked, masked, and invented.

Three kinds are in use, all of ten characters with one check digit:

- national ID 國民身分證統一編號: a letter, 1 or 2, eight digits;
- residence number 新式外來人口統一證號, issued since 2021-01-02: a letter, 8 or 9, eight digits;
- the older residence number: two letters, the second A–D, eight digits; valid until 2030-12-31, so both are accepted
  and one person may change from the one to the other.

Sources: the National Immigration Agency's change of format (內政部移民署, 2021-01-02) and the check rule of the
household registration offices: the letter's two figures count 1 and 9, the digits 8 7 6 5 4 3 2 1, the check digit 1,
and the sum divides by ten.

**Invented numbers** have a correct check digit and cannot be a living person's. They begin with Y, the letter of the
former Yangmingshan administration, which has not been given out since that office was dissolved in 1974. An invented
national ID also has a serial from 5 000 000 up, which an office with a quarter of a million people never reached; the
residence numbers began decades after 1974, so there every Y is invented. The same rule read backwards is `is_invented`:
a running system can refuse or mark such a number.

An error never carries the number: messages end up in logs.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from itertools import product
from operator import mul
from typing import ClassVar, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gatepost.roster.wordings import WordingError, half_width


class IdentityKind(StrEnum):
    NATIONAL = "national"
    RESIDENT = "resident"
    RESIDENT_OLD = "resident_old"


class IdentityNumberError(WordingError):
    """A text that is no identity number."""

    MESSAGES: ClassVar[Mapping[str, Promise]] = {
        "length": _("An ID or residence number has ten characters: check for one that is missing or too many."),
        "letter": _("An ID or residence number begins with a letter from A to Z."),
        "second": _("The second character is 1 or 2 (national ID), 8 or 9, or A to D (residence number)."),
        "digits": _("After the beginning, an ID or residence number has only digits: check for O and 0, I and 1."),
        "check": _("The last digit does not fit the others: one character is wrong, or two have changed places."),
    }


# A is 10 … Z is 33, in the order the letters were given to counties: I, O and the later ones stand out of line.
_LETTER_VALUES: Final = {letter: value for value, letter in enumerate("ABCDEFGHJKLMNPQRSTUVXYWZIO", start=10)}
_LETTER_SUMS: Final = {letter: value // 10 + value % 10 * 9 for letter, value in _LETTER_VALUES.items()}
_WEIGHTS: Final = (7, 6, 5, 4, 3, 2, 1, 1)  # from the third character on; the second weighs 8
_SECOND_KINDS: Final = {
    **dict.fromkeys("12", IdentityKind.NATIONAL),
    **dict.fromkeys("89", IdentityKind.RESIDENT),
    **dict.fromkeys("ABCD", IdentityKind.RESIDENT_OLD),
}
_SECOND_DIGITS: Final = {**{digit: int(digit) for digit in "1289"}, "A": 0, "B": 1, "C": 2, "D": 3}
_IGNORED: Final = re.compile(
    r"[\s\-\u2010-\u2015\u2212\u00AD\u200B-\u200D\u2060\uFEFF]+"
)  # spaces, hyphens, invisibles
_DIGITS: Final = frozenset("0123456789")

_INVENTED_LETTER: Final = "Y"
_INVENTED_FROM: Final = {IdentityKind.NATIONAL: 5_000_000, IdentityKind.RESIDENT: 0, IdentityKind.RESIDENT_OLD: 0}
# The third figure of a residence number tells foreign (0–6) from other kinds of residents; invented ones are foreign.
_INVENTED_END: Final = {
    IdentityKind.NATIONAL: 10_000_000,
    IdentityKind.RESIDENT: 7_000_000,
    IdentityKind.RESIDENT_OLD: 10_000_000,
}
_INVENTED_SECOND: Final = {
    IdentityKind.NATIONAL: ("1", "2"),
    IdentityKind.RESIDENT: ("8", "9"),
    IdentityKind.RESIDENT_OLD: ("C", "D"),
}


def normalise(text: str) -> str:
    """The number as it is kept and compared: half-width, upper case, without spaces and hyphens. Checks nothing."""
    return _IGNORED.sub("", half_width(text)).upper()


def kind(number: str) -> IdentityKind:
    """Which of the three kinds a normalised number is. Raises `IdentityNumberError` on anything else."""
    if len(number) != 10:
        raise IdentityNumberError("length")
    if number[0] not in _LETTER_VALUES:
        raise IdentityNumberError("letter")
    if number[1] not in _SECOND_KINDS:
        raise IdentityNumberError("second")
    if not _DIGITS.issuperset(number[2:]):
        raise IdentityNumberError("digits")
    if _checksum(number) % 10:
        raise IdentityNumberError("check")
    return _SECOND_KINDS[number[1]]


def is_valid(number: str) -> bool:
    """Whether a normalised number is one of the three kinds with a check digit that fits.

    Answers what `kind` answers, six times as fast: a city's import asks it 700,000 times.
    """
    beginnings, middles, ends = _sums()
    try:
        return not (beginnings[number[:3]] + middles[number[3:6]] + ends[number[6:]]) % 10
    except KeyError:
        return False


def mask(number: str) -> str:
    """What may be shown: `A1******89`. A text too short to hide anything in is hidden whole."""
    if len(number) < 8:
        return "*" * len(number)
    return f"{number[:2]}{'*' * (len(number) - 4)}{number[-2:]}"


def invented(serial: int, kind: IdentityKind = IdentityKind.NATIONAL, *, female: bool = False) -> str:
    """A valid number that belongs to nobody; each serial, kind and sex gives another one.

    Raises `ValueError` when the serial is outside the invented range (five million for national IDs).
    """
    digits = _INVENTED_FROM[kind] + serial
    if not _INVENTED_FROM[kind] <= digits < _INVENTED_END[kind]:
        raise ValueError(f"no invented {kind} number for serial {serial}")
    stem = f"{_INVENTED_LETTER}{_INVENTED_SECOND[kind][female]}{digits:07d}"
    return f"{stem}{-_checksum(stem) % 10}"


def is_invented(number: str) -> bool:
    """Whether a normalised number lies in the range that belongs to nobody."""
    if not is_valid(number) or number[0] != _INVENTED_LETTER:
        return False
    return int(number[2:9]) >= _INVENTED_FROM[_SECOND_KINDS[number[1]]]


def _checksum(number: str) -> int:
    """The weighted sum of a number, or of its first nine characters."""
    digits: int = sum(map(mul, map(int, number[2:]), _WEIGHTS))
    return _LETTER_SUMS[number[0]] + 8 * _SECOND_DIGITS[number[1]] + digits


@cache
def _sums() -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """The part of the weighted sum that the first three, the next three and the last four characters make."""
    seconds = {second: 8 * value for second, value in _SECOND_DIGITS.items()}
    digits = [{str(digit): digit * weight for digit in range(10)} for weight in _WEIGHTS]
    return _products(_LETTER_SUMS, seconds, digits[0]), _products(*digits[1:4]), _products(*digits[4:])


def _products(*places: Mapping[str, int]) -> dict[str, int]:
    """Every text with one character from each place, with the sum of their parts."""
    return {
        "".join(characters): sum(part[character] for part, character in zip(places, characters, strict=True))
        for characters in product(*places)
    }
