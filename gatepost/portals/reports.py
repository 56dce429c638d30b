"""A student's term in figures, as families and schools both see it: tiles, charts, the table behind them, a file."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from gatepost.attendance.records import COUNTED, Figures, Record, counted, records_of
from gatepost.attendance.sweep import rules_of
from gatepost.kit.clock import local_date
from gatepost.portals import charts, months, words
from gatepost.portals.days import DAYS_BACK
from gatepost.portals.downloads import csv_file
from gatepost.roster.models import Student
from gatepost.roster.roc_dates import DateWordingError
from gatepost.roster.terms import Span, named, terms

# The figures in the order in which they are read, with their shapes.
LABELS: dict[str, Promise] = {
    "school_days": gettext_lazy("School days so far"),
    "present": gettext_lazy("Present"),
    "late": months.LATE,
    "left_early": months.EARLY,
    "on_leave": gettext_lazy("On leave"),
    "not_arrived": gettext_lazy("Not arrived"),
    "no_record": gettext_lazy("No record"),
}
SHAPES = {
    "present": "arrived",
    "late": "waiting",
    "left_early": "left",
    "on_leave": "leave",
    "not_arrived": "absent",
    "no_record": "unequal",
}
# What each part of a bar is.
PARTS: dict[str, Promise] = {
    "present": pgettext_lazy("part of a bar", "Present, in time"),
    "late": months.LATE,
    "on_leave": LABELS["on_leave"],
    "not_arrived": LABELS["not_arrived"],
    "no_record": LABELS["no_record"],
}


def term_of(key: str, *, today: date) -> Span:
    """The term with this key. Raises `Http404` for one that has not begun or is too long ago."""
    try:
        found = named(key)
    except (DateWordingError, ValueError) as error:
        raise Http404("no such term") from error
    if found not in offered(today):
        raise Http404("no such term")
    return found


def offered(today: date) -> list[Span]:
    """The terms of which a day may be looked at, the newest first."""
    return terms(today - timedelta(days=DAYS_BACK), today)


def key_on(day: date, *, today: date) -> str:
    """The key of the term that `day` lies in, or of the nearest before it that may be looked at."""
    spans = offered(today)
    return next((one.key for one in spans if one.first <= day), spans[-1].key)


def around(term: Span, *, today: date, url_name: str, args: Sequence[object]) -> dict[str, Any]:
    """Where the term before and the term after are."""
    spans = offered(today)
    place = spans.index(term)
    before, after = spans[place + 1 : place + 2], spans[place - 1 : place] if place else []
    return {
        "label": _("Terms"),
        "previous_url": reverse(url_name, args=[*args, before[0].key]) if before else "",
        "previous": words.term(before[0]) if before else "",
        "next_url": reverse(url_name, args=[*args, after[0].key]) if after else "",
        "next": words.term(after[0]) if after else "",
    }


def records(student: Student, term: Span, *, now: datetime) -> list[Record]:
    """The student's days of a term up to today."""
    last = min(term.last, local_date(now, student.school.timezone))
    return records_of(student, term.first, last, now=now)


def report(student: Student, term: Span, *, now: datetime, month_url: Callable[[date], str]) -> dict[str, Any]:
    """Tiles, charts and table of a term, for `portals/report.html`."""
    found, zone = records(student, term, now=now), student.school.timezone
    open_since = months.earliest(local_date(now, zone))
    by_month = {month: list(days) for month, days in groupby(found, key=lambda one: one.date.replace(day=1))}
    figures = {month: one for month, days in by_month.items() if (one := counted(days)).school_days}
    total = counted(found)
    bell = rules_of(student.school).late_after
    lessons = [one for one in found if one.state in COUNTED]
    first, last = (lessons[0].date, lessons[-1].date) if lessons else (term.first, term.last)
    return {
        "figures": tiles(total),
        "counted": total.school_days,
        "arrivals": charts.arrivals(lessons, first=first, last=last, bell=bell, zone=zone),
        "arrivals_said": _arrivals_said(lessons, zone),
        "bell": f"{bell:%H:%M}",
        "bars": charts.bars(figures),
        "parts": [{"part": part, "label": label} for part, label in PARTS.items()],
        "columns": [
            {"label": _("Month")},
            *({"label": label, "figure": True} for label in LABELS.values()),
            {"label": _("Arrival"), "figure": True},
        ],
        "rows": [
            _month_row(month, one, by_month[month], zone, month_url(month) if month >= open_since else "")
            for month, one in figures.items()
        ],
    }


def tiles(figures: Figures) -> list[dict[str, Any]]:
    """The figures large, each with its shape; a nought has no colour, least of all that of an alarm."""
    found = {name: getattr(figures, name) for name in LABELS}
    return [
        {"state": SHAPES.get(name, "") if count else "", "count": f"{count:,}", "label": LABELS[name]}
        for name, count in found.items()
    ]


def _arrivals_said(found: Sequence[Record], zone: str) -> str:
    minutes = charts.arrival_minutes(found, zone)
    if not minutes:
        return ""
    return _("{n} arrivals, the earliest at {first}, the middle one at {middle}, the latest at {last}.").format(
        n=len(minutes),
        first=charts.clock(min(minutes)),
        middle=charts.clock(charts.middle(minutes)),
        last=charts.clock(max(minutes)),
    )


def _month_row(month: date, figures: Figures, days: Sequence[Record], zone: str, url: str) -> dict[str, Any]:
    minutes = charts.arrival_minutes([one for one in days if one.state in COUNTED], zone)
    span = f"{charts.clock(min(minutes))}–{charts.clock(max(minutes))}" if minutes else "–"
    return {
        "cells": [
            {"text": months.title(month), "url": url},
            *cells(figures),
            {"text": span, "label": _("Arrival"), "figure": True},
        ]
    }


def cells(figures: Figures, **labels: str) -> list[dict[str, Any]]:
    """The figures as cells of a table, in the order of `LABELS`; `labels` call some of them otherwise."""
    named = LABELS | labels
    return [{"text": getattr(figures, name), "label": named[name], "figure": True} for name in LABELS]


def term_file(student: Student, term: Span, *, now: datetime) -> HttpResponse:
    """A line for each school day of the term, as a file named by student number and term."""
    return csv_file(f"{student.number}-{term.key}", _lines(student, records(student, term, now=now)))


def _lines(student: Student, found: Sequence[Record]) -> Iterator[list[object]]:
    zone = student.school.timezone
    yield [_("Date"), _("Day"), _("State"), _("Arrival"), _("Departure"), months.LATE, months.EARLY, _("Leave")]
    for one in found:
        if one.state in COUNTED:
            yield [
                one.date.isoformat(),
                one.name or words.DAY_KINDS[one.kind],
                months.WORDS[one.state],
                words.clock(one.arrived_at, zone),
                words.clock(one.left_at, zone),
                int(one.late),
                int(one.left_early),
                words.LEAVES.get(one.leave, ""),
            ]
