"""A first filling of a school year's calendar, for people to edit: nothing here decides about a child.

What is known before anybody types:

- The summer break has 60 days from 1 July and the winter break 21 days from 21 January; school opens on the day after,
  or on the next weekday (各級學校學生學年學期假期辦法, articles 4 and 7,
  https://law.moj.gov.tw/LawClass/LawAll.aspx?pcode=H0020018). So term 1 opens about 30 August and ends on 20 January,
  term 2 opens about 11 February and ends on 30 June.
- When the lunar new year comes after 11 February, the days between are taken off and taught right after 20 January,
  and term 2 begins after the new year (the ministry's agreements for school years 106 and 114 say so; announced at
  http://www.ncvs.ntpc.edu.tw/page_detial.php?id=2229 and https://www.cmes.tn.edu.tw/modules/tadnews/index.php?nsn=10267).
- The closing day of a term ends at noon at most schools (same announcement).
- Public holidays and the Saturdays worked for them come from the `holidays` package, which follows the office calendar
  of the Directorate-General of Personnel Administration (https://www.dgpa.gov.tw/informationlist?uid=30).

Graduation, exams, sports days, and every closure for a typhoon are the school's or the bureau's to add.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import StrEnum
from functools import cache
from typing import Final

import holidays

from gatepost.roster.roc_dates import ROC_OFFSET, school_year_days


class DayKind(StrEnum):
    """What a planned day is; the same words as the kinds of a school day in the table."""

    SCHOOL = "school"
    HALF = "half"
    MAKE_UP = "make_up"
    HOLIDAY = "holiday"


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """One date to put into the calendar. A date that is not planned is no school day (weekends, breaks)."""

    date: date
    kind: DayKind
    name: str = ""
    leave_from: time | None = None  # where it lets out earlier than the timetable


@dataclass(frozen=True, slots=True)
class YearDates:
    """Where the terms of a school year begin and end (first and last day of lessons), and what was moved."""

    year: int
    first_opens: date
    first_closes: date
    second_opens: date
    second_closes: date
    taught_early: tuple[date, ...] = ()  # days of term 2 taught after term 1 closed
    taken_off: tuple[date, ...] = ()  # the days of term 2 they stand for


_NOON: Final = time(12, 0)
_DAY: Final = timedelta(days=1)
_NEW_YEAR: Final = frozenset({"農曆除夕", "小年夜", "春節"})
# The package uses the names of the law; wall calendars print these.
_PRINTED: Final = {
    "中華民國開國紀念日": "開國紀念日",
    "民族掃墓節": "清明節",
    "孔子誕辰紀念日": "教師節",
    "臺灣光復暨金門古寧頭大捷紀念日": "臺灣光復節",
}
_SUFFIX: Final = re.compile(r"（(?P<note>[^）]*)）$")


def plan_year(
    year: int,
    *,
    dates: YearDates | None = None,
    make_up: Mapping[date, str] | None = None,
    closed: Mapping[date, str] | None = None,
    last_day: date | None = None,
) -> list[PlannedDay]:
    """Every school day and every named day without school of a ROC school year, in order.

    `dates` are the terms (the usual ones by default). `make_up` are more days with lessons (usually Saturdays) and
    `closed` more days without, each with its name; both win over the public calendar, `closed` over all. `last_day`
    ends the year early for a grade that graduates.
    """
    dates = dates or usual_dates(year)
    named = public_holidays(year) | dict.fromkeys(dates.taken_off, "調整放假") | dict(closed or {})
    worked = {day: "補課日" for day in _worked_saturdays(year) if _in_term(day, dates)}
    taught = worked | dict.fromkeys(dates.taught_early, "第2學期補行上課") | dict(make_up or {})
    first, last = school_year_days(year)
    planned = (_plan(day, dates, named, taught, closed or {}) for day in _days(first, last))
    return [day for day in planned if day and (day.kind is DayKind.HOLIDAY or not last_day or day.date <= last_day)]


@cache
def usual_dates(year: int) -> YearDates:
    """The terms of a ROC school year by the rules above; the ministry's yearly announcement may differ by days."""
    western = year + ROC_OFFSET
    second_opens, taken_off = _after_winter(year)
    weekdays = (day for day in _days(date(western + 1, 1, 21), date(western + 1, 2, 10)) if _is_weekday(day, year))
    return YearDates(
        year=year,
        first_opens=_next_weekday(date(western, 8, 30), year),
        first_closes=_last_weekday(date(western + 1, 1, 20), year),
        second_opens=second_opens,
        second_closes=_last_weekday(date(western + 1, 6, 30), year),
        taught_early=tuple(day for day, _moved in zip(weekdays, taken_off, strict=False)),
        taken_off=taken_off,
    )


@cache
def public_holidays(year: int) -> dict[date, str]:
    """The public holidays of a ROC school year, weekends too, with the names that wall calendars print."""
    first, last = school_year_days(year)
    known = _package(year)
    return {day: _printed_name(day, known) for day in sorted(known) if first <= day <= last}


def _plan(
    day: date, dates: YearDates, named: Mapping[date, str], taught: Mapping[date, str], closed: Mapping[date, str]
) -> PlannedDay | None:
    if day in closed:
        return PlannedDay(day, DayKind.HOLIDAY, closed[day])
    if day in taught:
        return PlannedDay(day, DayKind.MAKE_UP, taught[day])
    if day in named:
        return PlannedDay(day, DayKind.HOLIDAY, named[day])
    if day.isoweekday() > 5 or not _in_term(day, dates):
        return None
    if day in (dates.first_closes, dates.second_closes):
        return PlannedDay(day, DayKind.HALF, "休業式", leave_from=_NOON)
    return PlannedDay(day, DayKind.SCHOOL, "開學日" if day in (dates.first_opens, dates.second_opens) else "")


def _in_term(day: date, dates: YearDates) -> bool:
    return dates.first_opens <= day <= dates.first_closes or dates.second_opens <= day <= dates.second_closes


def _after_winter(year: int) -> tuple[date, tuple[date, ...]]:
    """The first day of term 2, and the days from 11 February that a late new year takes off."""
    winter = year + ROC_OFFSET + 1
    opens = _next_weekday(date(winter, 2, 11), year)
    new_year = [day for day, name in _package(year).items() if day.year == winter and _NEW_YEAR & _plain_names(name)]
    if not new_year or min(new_year) < opens:
        return opens, ()
    taken_off = tuple(day for day in _days(opens, min(new_year)) if _is_weekday(day, year))
    return _next_weekday(max(new_year), year), taken_off


def _days(first: date, last: date) -> Iterator[date]:
    return (first + _DAY * offset for offset in range((last - first).days + 1))


def _is_weekday(day: date, year: int) -> bool:
    return day.isoweekday() <= 5 and day not in _package(year)


def _next_weekday(day: date, year: int) -> date:
    while not _is_weekday(day, year):
        day += _DAY
    return day


def _last_weekday(day: date, year: int) -> date:
    while not _is_weekday(day, year):
        day -= _DAY
    return day


@cache
def _package(year: int) -> dict[date, str]:
    """The package's holidays of the two Western years a school year touches."""
    western = year + ROC_OFFSET
    return dict(holidays.country_holidays("TW", years=(western, western + 1), language="zh_TW"))


@cache
def _worked_saturdays(year: int) -> frozenset[date]:
    """Saturdays worked for a day off elsewhere: schools teach on them in term time."""
    western = year + ROC_OFFSET
    calendar = holidays.country_holidays("TW", years=(western, western + 1), language="zh_TW")
    return frozenset(calendar.weekend_workdays)


def _plain_names(name: str) -> set[str]:
    return {_SUFFIX.sub("", part) for part in name.split("; ")}


def _printed_name(day: date, known: Mapping[date, str]) -> str:
    names = [_one_printed(part) for part in known[day].split("; ")]
    if names == ["農曆除夕"] and known.get(day + _DAY) == "農曆除夕":
        return "小年夜"  # since 2026 the day before the eve is free too; the package gives both one name
    return "、".join(dict.fromkeys(names))


def _one_printed(name: str) -> str:
    suffix = _SUFFIX.search(name)
    note = suffix["note"] if suffix else ""
    plain = _SUFFIX.sub("", name)
    if "補班" in note:
        return "調整放假"
    if "補假" not in note:
        return _PRINTED.get(plain, plain)
    return "春節補假" if plain in _NEW_YEAR else f"{_PRINTED.get(plain, plain)}補假"
