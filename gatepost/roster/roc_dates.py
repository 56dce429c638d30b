"""Dates, school years and terms as Taiwan writes them.

A ROC year 民國 is the year less 1911. A school year runs from 1 August to 31 July and is named after the ROC year it
begins in; term 1 ends on 31 January (學年學期假期辦法, articles 2 and 3: https://law.moj.gov.tw/LawClass/LawAll.aspx?pcode=H0020018).
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import ClassVar, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gatepost.roster.wordings import WordingError, half_width

ROC_OFFSET: Final = 1911


class DateWordingError(WordingError):
    """A text that is no date."""

    MESSAGES: ClassVar[Mapping[str, Promise]] = {
        "date_empty": _("The date is missing: write it like 113/09/01 or 2024-09-01."),
        "date_form": _("This is not understood as a date: write it like 113/09/01, 1130901 or 2024-09-01."),
        "date_year": _("The year comes first: write it like 113/09/01 or 2024-09-01."),
        "date_calendar": _("There is no such day: check the month and the day."),
        "date_range": _("This date cannot be right here: check the year, and whether it is a ROC year."),
    }


_WRITTEN: Final = re.compile(
    r"(?P<era>民國|中華民國|西元|公元)?(?P<year>[0-9]{1,4})(?P<mark>[年/.\-])(?P<month>[0-9]{1,2})(?P<mark2>[月/.\-])(?P<day>[0-9]{1,2})日?"
)
_COMPACT: Final = re.compile(r"(?P<era>)(?P<year>[0-9]{2,4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})")
_YEAR_LAST: Final = re.compile(r"[0-9]{1,2}[/.\-][0-9]{1,2}[/.\-][0-9]{4}")
_MIDNIGHT: Final = re.compile(r"[T ]00:00(?::00(?:\.0+)?)?$")  # what spreadsheets add to a date
_NUMERIC_MARKS: Final = "/.-"


def parse_date(text: str, *, earliest: date | None = None, latest: date | None = None) -> date:
    """The day written in `text`: 113/09/01, 1130901, 民國113年9月1日, 0970315, 2008/3/15, 2008-03-15, 20080315.

    A year of up to three digits is a ROC year, four digits are a Western year, unless 民國 or 西元 says so; six
    digits in a row are a ROC date of two-digit year. Raises `DateWordingError` when the text is no date, has the
    year last, names a day that does not exist, or lies outside `earliest` and `latest`.
    """
    written = re.sub(r"\s+", "", _MIDNIGHT.sub("", half_width(text).strip()))
    if not written:
        raise DateWordingError("date_empty")
    match = _WRITTEN.fullmatch(written) or _COMPACT.fullmatch(written)
    if not match:
        raise DateWordingError("date_year" if _YEAR_LAST.fullmatch(written) else "date_form")
    day = _day(_western_year(match["year"], era=match["era"] or ""), int(match["month"]), int(match["day"]))
    if (earliest and day < earliest) or (latest and day > latest):
        raise DateWordingError("date_range")
    return day


def roc_year(day: date) -> int:
    """The ROC year of a day; 0 and less are years before 1912."""
    return day.year - ROC_OFFSET


def roc_date(day: date) -> str:
    """民國115年9月1日. Years before 1912 are counted backwards: 民國前1年."""
    year = roc_year(day)
    era = f"民國{year}年" if year > 0 else f"民國前{1 - year}年"
    return f"{era}{day.month}月{day.day}日"


def roc_slashed(day: date) -> str:
    """115/09/01, for tables. Only for days since 1912."""
    return f"{roc_year(day)}/{day.month:02d}/{day.day:02d}"


def school_year_of(day: date) -> int:
    """The ROC number of the school year a day lies in: 115 for 2026-09-01 and for 2027-07-31."""
    return roc_year(day) - (day.month < 8)


def term_of(day: date) -> tuple[int, int]:
    """The school year and the term (1 or 2) a day lies in by law; holidays belong to the term around them."""
    return school_year_of(day), 2 if 2 <= day.month < 8 else 1


def school_year_days(year: int) -> tuple[date, date]:
    """The first and the last day of a school year: 1 August and 31 July."""
    western = year + ROC_OFFSET
    return date(western, 8, 1), date(western + 1, 7, 31)


def school_year_name(year: int) -> str:
    """115學年度."""
    return f"{year}學年度"


def term_name(year: int, term: int) -> str:
    """115學年度第1學期."""
    return f"{school_year_name(year)}第{term}學期"


def term_key(year: int, term: int) -> str:
    """The key school systems write: 1151 is term 1 of school year 115."""
    return f"{year}{term}"


def parse_term_key(text: str) -> tuple[int, int]:
    """The school year and term in a key such as 1151. Raises `DateWordingError` (date_form)."""
    match = re.fullmatch(r"([0-9]{2,3})([12])", half_width(text).strip())
    if not match:
        raise DateWordingError("date_form")
    return int(match[1]), int(match[2])


def _western_year(written: str, *, era: str) -> int:
    year = int(written)
    is_roc = era.endswith("民國") or (not era and len(written) <= 3)
    if is_roc:
        if year == 0:
            raise DateWordingError("date_range")
        return year + ROC_OFFSET
    if year < 1900:
        raise DateWordingError("date_range")
    return year


def _day(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError as error:
        raise DateWordingError("date_calendar") from error
