"""The many ways schools write the same thing: class names, seats, mobile numbers, full-width digits.

Every function takes what stood in a cell or a field and gives back the one form Gatepost keeps, or raises
`WordingError` with a code and a sentence that says how to mend it. Nothing is guessed: what could mean two things is
refused. Dates are in `roc_dates`, identity numbers in `identity_numbers`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class WordingError(ValueError):
    """A text that was not understood. `code` is for machines, `message` (translated when shown) says how to mend it.

    The text itself is not kept: it may be personal, and messages end up in logs. Whoever read it knows where it stood.
    """

    MESSAGES: ClassVar[Mapping[str, Promise]] = {
        "class_empty": _("The class is missing: write it like 2年01班."),
        "class_form": _("This is not understood as a class: write it like 2年01班, 二年一班 or 201."),
        "class_grade": _("This school has no such grade: check the figure before 年."),
        "class_stage": _("Junior or senior high? Write the grade from 7 to 12, or put 國 or 高 before it."),
        "class_number": _("The class number is from 1 to 99: check the figure before 班."),
        "seat": _("The seat number is a number from 1 to 99."),
        "mobile_empty": _("The mobile number is missing: write it like 0912-345-678."),
        "mobile_characters": _("A mobile number has only digits, spaces and hyphens: write one number in one field."),
        "mobile_foreign": _("Only mobile numbers of Taiwan can be used: write it like 0912-345-678."),
        "mobile_landline": _("This is not a mobile number: mobile numbers begin with 09."),
        "mobile_length": _("A mobile number has ten digits: check for one that is missing or too many."),
    }

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def message(self) -> Promise:
        return self.MESSAGES[self.code]

    def __str__(self) -> str:
        return str(self.message)


@dataclass(frozen=True, slots=True)
class ClassName:
    """A class taken apart. `display` is the name for people: as it was written, or 2年01班 if only a code was."""

    grade: int  # 1–12
    number: int  # 1–99
    display: str


ALL_GRADES: Final = range(1, 13)

# The full-width forms of ASCII and the ideographic space. Not Unicode's NFKC: that rewrites Chinese characters too.
_TO_HALF: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_SPACES: Final = re.compile(r"[\s\u200B-\u200D\u2060\uFEFF]+")

_NUMERALS: Final = {numeral: value for value, numeral in enumerate("一二三四五六七八九", start=1)}
_STEMS: Final = {stem: value for value, stem in enumerate("甲乙丙丁戊己庚辛壬癸", start=1)}
_VIRTUES: Final = {virtue: value for value, virtue in enumerate("忠孝仁愛信義和平", start=1)}
_LETTERS: Final = {letter: value for value, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ", start=1)}
_NAMED_CLASSES: Final = _STEMS | _VIRTUES | _LETTERS

# Years counted within a stage: 國一 is grade 7, 高一 is grade 10.
_STAGE_STARTS: Final = {
    "": 0,
    "小": 1,
    "國小": 1,
    "國": 7,
    "國中": 7,
    "初": 7,
    "高": 10,
    "高中": 10,
    "高職": 10,
    "職": 10,
}
_STAGE_YEARS: Final = {1: 6, 7: 3, 10: 3}

_FIGURE: Final = r"[0-9一二三四五六七八九十]{1,3}"
_NAME: Final = r"[甲乙丙丁戊己庚辛壬癸忠孝仁愛信義和平A-Z]"
_STAGE: Final = "國小|國中|高中|高職|小|國|初|高|職"
_WRITTEN_CLASS: Final = re.compile(rf"(?P<stage>{_STAGE})?(?P<grade>{_FIGURE})年級?(?P<number>{_FIGURE}|{_NAME})班?")
_STAGED_CLASS: Final = re.compile(rf"(?P<stage>{_STAGE})(?P<grade>[1-6一二三四五六])(?P<number>{_FIGURE}|{_NAME})班?")
_NAMED_CLASS: Final = re.compile(rf"(?P<stage>)(?P<grade>[1-9一二三四五六七八九])(?P<number>{_NAME})班?")
_DASHED_CLASS: Final = re.compile(r"(?P<stage>)(?P<grade>[0-9]{1,2})-(?P<number>[0-9]{1,2})")
_CODED_CLASS: Final = re.compile(r"(?P<stage>)(?P<grade>1[0-2]|0?[1-9])(?P<number>[0-9]{2})班?")
_SFS_CLASS: Final = re.compile(r"(?P<stage>)[0-9]{2,3}_[12]_(?P<grade>[0-9]{2})_(?P<number>[0-9]{2})")
_NAMES: Final = (_WRITTEN_CLASS, _STAGED_CLASS, _NAMED_CLASS)
_CODES: Final = (_DASHED_CLASS, _SFS_CLASS, _CODED_CLASS)


def half_width(text: str) -> str:
    """Full-width letters, digits, signs and spaces as ASCII; every other character untouched."""
    return text if text.isascii() else text.translate(_TO_HALF)


def class_name(text: str, *, grades: range = ALL_GRADES) -> ClassName:
    """The grade and number in a class name: 2年01班, 三年一班, 二年甲班, 國一忠班, 201, 1003, 2-1, 114_1_02_01.

    `grades` are the grades of the school. Where they begin at 7 or 10, years counted within the stage are
    lifted (1年2班 of a junior high is grade 7); in a school of two stages that needs 國 or 高 in front.
    Raises `WordingError` (class_…).
    """
    written = _SPACES.sub("", half_width(text)).upper()
    if not written:
        raise WordingError("class_empty")
    match = _first_match(written, *_NAMES, *_CODES)
    if not match:
        raise WordingError("class_form")
    grade = _grade(_figure(match["grade"]), stage=match["stage"] or "", grades=grades)
    number = _NAMED_CLASSES.get(match["number"]) or _figure(match["number"])
    if not 1 <= number <= 99:
        raise WordingError("class_number")
    display = written if match.re in _NAMES else class_display(grade, number)
    return ClassName(grade, number, display)


def class_and_seat(text: str, *, grades: range = ALL_GRADES) -> tuple[ClassName, int]:
    """The class and the seat in a code of five or six digits, 20115: grade 2, class 01, seat 15."""
    written = _SPACES.sub("", half_width(text))
    if not re.fullmatch(r"[0-9]{5,6}", written):
        raise WordingError("class_form")
    return class_name(written[:-2], grades=grades), seat_number(written[-2:])


def class_display(grade: int, number: int) -> str:
    """The usual way to write a class: 2年01班."""
    return f"{grade}年{number:02d}班"


def seat_number(text: str) -> int:
    """A seat number 座號 from 1 to 99. Raises `WordingError` (seat)."""
    written = _SPACES.sub("", half_width(text)).removeprefix("座號").removesuffix("號")
    match = re.fullmatch(r"([0-9]{1,3})(?:\.0)?", written)  # spreadsheets hand numbers over as 5.0
    if not match or not 1 <= int(match[1]) <= 99:
        raise WordingError("seat")
    return int(match[1])


def mobile_number(text: str) -> str:
    """A mobile number of Taiwan as ten digits, 0912345678, however it was written.

    Understood: spaces, hyphens, dots and brackets; +886 or 886 in front; the first 0 lost by a spreadsheet.
    Raises `WordingError` (mobile_…).
    """
    written = re.sub(r"[\s\-.()\u2010-\u2015\u200B-\u200D\u2060\uFEFF]+", "", half_width(text))
    if not written:
        raise WordingError("mobile_empty")
    if not re.fullmatch(r"\+?[0-9]+", written):
        raise WordingError("mobile_characters")
    national = re.sub(r"^(?:\+|00)?8860?(?=[1-9])", "0", written)
    if national.startswith(("+", "00")):
        raise WordingError("mobile_foreign")
    if re.fullmatch(r"9[0-9]{8}", national):
        return f"0{national}"
    if not national.startswith("09"):
        raise WordingError("mobile_landline")
    if len(national) != 10:
        raise WordingError("mobile_length")
    return national


def _first_match(written: str, *patterns: re.Pattern[str]) -> re.Match[str] | None:
    return next((match for pattern in patterns if (match := pattern.fullmatch(written))), None)


def _figure(written: str) -> int:
    """A number in digits or Chinese numerals up to 99; 0 for what is neither (十十)."""
    if written.isdecimal():
        return int(written)
    tens, ten, ones = written.rpartition("十")
    if not ten:
        return _NUMERALS.get(ones, 0)
    if (tens and tens not in _NUMERALS) or (ones and ones not in _NUMERALS):
        return 0
    return _NUMERALS.get(tens, 1) * 10 + _NUMERALS.get(ones, 0)


def _grade(written: int, *, stage: str, grades: range) -> int:
    grade = written
    if start := _STAGE_STARTS[stage]:
        if not 1 <= written <= _STAGE_YEARS[start]:
            raise WordingError("class_grade")
        grade = start + written - 1
    elif 1 <= written <= 3 and grades.start in (7, 10):
        if len(grades) > 3:
            raise WordingError("class_stage")
        grade = grades.start + written - 1
    if grade not in grades:
        raise WordingError("class_grade")
    return grade
