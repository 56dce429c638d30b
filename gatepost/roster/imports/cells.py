"""The cells of people, whatever form they came in: names, ID numbers, birthdays, mobiles, emails.

Each takes the text of a cell and gives what the roster keeps, or raises `WordingError` (or one of its kind).
"""

import re
from datetime import date
from typing import Final

from gatepost.roster import identity_numbers, roc_dates, wordings
from gatepost.roster.imports.faults import Fault, Faults, shown
from gatepost.roster.imports.stage import Pouch
from gatepost.roster.wordings import WordingError, half_width

TEXT_LENGTH_MAX: Final = 200
AGE_YEARS_MAX: Final = 90  # evening schools have old students
_EMAIL: Final = re.compile(r"[!-?A-~]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
_CHINESE: Final = re.compile(r"[一-鿿]+")
_LATIN: Final = re.compile(r"[A-Za-zÀ-ɏ]")
_SPACES: Final = re.compile(r"\s+")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def person_name(text: str) -> str:
    """A name on one line. Between Chinese characters no space is kept: 王　明 is padded for looks."""
    if _CHINESE.fullmatch(text):
        return text
    name = _SPACES.sub(" ", half_width(text)).strip()
    return name if _LATIN.search(name) else name.replace(" ", "")


def full_name(given: str, family: str) -> str:
    """王 and 小明 is 王小明; Nguyen and An is An Nguyen."""
    together = family + given
    return person_name(f"{given} {family}" if _LATIN.search(together) else together)


def plain(text: str) -> str:
    """A number or a short text: half-width, without spaces around."""
    return text.strip() if text.isascii() else half_width(text).strip()


def grade_number(text: str) -> int | None:
    """A grade from 1 to 12 as OneRoster writes them (01, 10), the first of several; None for any other."""
    first = plain(text).partition(",")[0].strip()
    grade = int(first) if first.isascii() and first.isdigit() and len(first) <= 2 else 0
    return grade if 1 <= grade <= 12 else None


def _iso_date(text: str) -> date | None:
    """The quick way for nearly every row of OneRoster: 2016-03-15."""
    try:
        return date.fromisoformat(text) if len(text) == 10 and text[4] == "-" else None
    except ValueError:
        return None


def email_address(text: str) -> str:
    """An email address. Raises `ValueError` for what is none."""
    address = plain(text)
    if not _EMAIL.fullmatch(address) or len(address) > TEXT_LENGTH_MAX:
        raise ValueError("email")
    return address


def mobile_among(text: str) -> str:
    """The mobile number, if the phone number is one; empty for any other, which is nothing wrong."""
    try:
        return wordings.mobile_number(text) if text else ""
    except WordingError:
        return ""


class PersonCells:
    """Reads the cells of one file's people; what is wrong becomes a fault of that line and column."""

    def __init__(self, file: str, faults: Faults, pouch: Pouch, today: date) -> None:
        self._file = file
        self._faults = faults
        self.pouch = pouch
        self.today = today
        self._earliest = date(today.year - AGE_YEARS_MAX, 1, 1)

    def fault(self, line: int, column: str, code: str, found: str = "", about: str = "") -> None:
        """Note a fault of this file."""
        self._faults.add(Fault(self._file, line, column, code, shown(found), about))

    def identity(self, text: str, line: int, column: str) -> tuple[bytes, int] | None:
        """Digest and handle of an ID or residence number; None, and a fault, if it is none."""
        if identity_numbers.is_valid(text):
            return self.pouch.put(text)
        number = identity_numbers.normalise(text)
        try:
            identity_numbers.kind(number)
        except WordingError as error:
            self._faults.add(Fault(self._file, line, column, error.code, identity_numbers.mask(shown(number))))
            return None
        return self.pouch.put(number)

    def birthday(self, text: str, line: int, column: str) -> date | None:
        """A birthday; None, and a fault, if it is none."""
        day = _iso_date(text)
        if day and self._earliest <= day <= self.today:
            return day
        try:
            return roc_dates.parse_date(text, earliest=self._earliest, latest=self.today)
        except WordingError as error:
            self.fault(line, column, error.code, text)
            return None

    def mobile(self, text: str, line: int, column: str) -> str | None:
        """A mobile number, empty where there is none; None, and a note, if it is something else."""
        if len(text) == 10 and text.startswith("09") and text.isascii() and text.isdigit():
            return text
        if not text.strip():
            return ""
        try:
            return wordings.mobile_number(text)
        except WordingError as error:
            self.fault(line, column, error.code, text)
            return None

    def email(self, text: str, line: int, column: str) -> str | None:
        """An email address, empty where there is none; None, and a note, if it is something else."""
        if not text.strip():
            return ""
        try:
            return email_address(text)
        except ValueError:
            _person, at, domain = text.rpartition("@")
            self.fault(line, column, "email", f"…@{domain}" if at else text)
            return None

    def seat(self, text: str, line: int, column: str) -> int | None:
        """A seat number, 0 where there is none; None, and a fault, if it is something else."""
        if not text.strip():
            return 0
        if len(text) <= 2 and text.isascii() and text.isdigit() and (seat := int(text)):
            return seat
        try:
            return wordings.seat_number(text)
        except WordingError as error:
            self.fault(line, column, error.code, text)
            return None

    def fits(self, cells: tuple[str, ...], names: tuple[str, ...], line: int) -> bool:
        """Whether every cell is of a length the roster takes and free of control characters; if not, faults."""
        wrong = [
            (name, "too_long" if len(cell) > TEXT_LENGTH_MAX else "character")
            for name, cell in zip(names, cells, strict=True)
            if len(cell) > TEXT_LENGTH_MAX or _CONTROLS.search(cell)
        ]
        for name, code in wrong:
            self.fault(line, name, code)
        return not wrong
