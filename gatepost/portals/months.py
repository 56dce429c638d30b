"""A student's month as families and schools both see it: a line for each day, and what the month comes to."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from django.http import Http404
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from gatepost.attendance.models import SchoolDay
from gatepost.attendance.records import Figures, Record, State, counted
from gatepost.kit.clock import next_month
from gatepost.portals import words
from gatepost.portals.days import DAYS_BACK

WORDS: dict[State, Promise] = {
    State.PRESENT: gettext_lazy("Arrived"),
    State.LEAVE: gettext_lazy("On leave"),
    State.NOT_ARRIVED: gettext_lazy("Not arrived"),
    State.NO_RECORD: gettext_lazy("No record"),
    State.NO_SCHOOL: gettext_lazy("No school"),
    State.BEFORE: gettext_lazy("Gatepost was not in use yet"),
}
LATE, EARLY = pgettext_lazy("of a day", "Late"), pgettext_lazy("of a day", "Left early")
# Shape and colour, as the style sheet knows them.
_SHAPES = {State.PRESENT: "arrived", State.LEAVE: "leave", State.NOT_ARRIVED: "absent", State.NO_RECORD: "unequal"}


def check(month: date, *, today: date) -> None:
    """Raises `Http404` for a month that has not begun, or of which no day may be looked at any more."""
    if not earliest(today) <= month <= today:
        raise Http404("no such month")


def last_of(month: date) -> date:
    """The last day of the month that `month` begins."""
    return next_month(month) - timedelta(days=1)


def title(month: date, *, staff: bool = False) -> str:
    """2026年11月, in the reader's language; 民國115年11月 for staff who read Chinese."""
    return words.staff_month(month) if staff else date_format(month, _("F Y"))


def around(month: date, *, today: date, url_name: str, args: Sequence[object], staff: bool = False) -> dict[str, Any]:
    """Where the month before and the month after are; nothing beyond what may be looked at."""
    before, after = (month - timedelta(days=1)).replace(day=1), next_month(month)
    return {
        "label": _("Months"),
        "previous_url": reverse(url_name, args=[*args, before]) if before >= earliest(today) else "",
        "previous": title(before, staff=staff),
        "next_url": reverse(url_name, args=[*args, after]) if after <= today else "",
        "next": title(after, staff=staff),
    }


def rows(records: Sequence[Record], zone: str, *, today: date, url_of: Callable[[date], str]) -> list[dict[str, Any]]:
    """A line for each day; days in a row of which there is nothing to say share one."""
    found = []
    for off, run in groupby(records, key=lambda one: (one.state, one.name) if _is_plainly_off(one, today) else None):
        days = list(run)
        found += [_off(days)] if off is not None else [_row(one, zone, today=today, url_of=url_of) for one in days]
    return found


def summary(records: Sequence[Record]) -> list[str]:
    """What the month comes to, in a few words each; nothing where no day counts yet."""
    figures = counted(records)
    return list(_summary(figures)) if figures.school_days else []


def _summary(figures: Figures) -> Iterator[str]:
    yield ngettext("{n} school day so far", "{n} school days so far", figures.school_days).format(n=figures.school_days)
    for label, number in (
        (_("Present"), figures.present),
        (LATE, figures.late),
        (EARLY, figures.left_early),
        (_("On leave"), figures.on_leave),
        (_("Not arrived"), figures.not_arrived),
        (_("No record"), figures.no_record),
    ):
        if number:
            yield f"{label} {number}"


def earliest(today: date) -> date:
    """The first month of which a day may be looked at."""
    return (today - timedelta(days=DAYS_BACK)).replace(day=1)


def _is_plainly_off(one: Record, today: date) -> bool:
    if one.state == State.BEFORE:
        return True
    return one.state == State.NO_SCHOOL and not one.arrived_at and not one.left_at and one.date != today


def _off(days: Sequence[Record]) -> dict[str, Any]:
    first, last = days[0].date, days[-1].date
    return {
        "off": True,
        "day": f"{first.day}" if first == last else f"{first.day}–{last.day}",
        "weekday": words.weekday(first) if first == last else f"{words.weekday(first)}–{words.weekday(last)}",
        "label": words.long_date(first) if first == last else f"{words.long_date(first)} – {words.long_date(last)}",
        "word": days[0].name or str(WORDS[days[0].state]),
    }


def _row(one: Record, zone: str, *, today: date, url_of: Callable[[date], str]) -> dict[str, Any]:
    return {
        "day": one.date.day,
        "weekday": words.weekday(one.date),
        "label": words.long_date(one.date),
        "today": one.date == today,
        "ahead": one.date > today,
        "url": url_of(one.date) if one.date <= today else "",
        "times": [words.clock(one.arrived_at, zone), words.clock(one.left_at, zone)],
        **state_of(one, today=today),
    }


def state_of(one: Record, *, today: date) -> dict[str, str]:
    """A day's word and shape, and what else is to be said of it."""
    shape, word, note = _SHAPES.get(one.state, ""), str(WORDS.get(one.state, "")), ""
    if one.kind in (SchoolDay.Kind.HALF, SchoolDay.Kind.MAKE_UP) or one.name:
        note = one.name or str(words.DAY_KINDS[one.kind])
    if one.state == State.PRESENT and not one.arrived_at:
        word = _("At school") if not one.left_at else _("No tap at arrival")
    if one.late or one.left_early:
        shape = "waiting" if one.late else "left"
        word = words.listed(str(said) for said, is_so in ((LATE, one.late), (EARLY, one.left_early)) if is_so)
    if one.leave:
        note = str(words.LEAVES.get(one.leave, words.LEAVES["other"]))
    if one.state == State.AHEAD and one.date == today:
        shape, word = "waiting", _("Not seen yet")
    if one.state == State.AHEAD and one.date > today and one.leave:
        shape, word = "leave", str(WORDS[State.LEAVE])
    return {"state": shape, "word": word, "note": note}
