"""Attendance in figures: by class and by student for some days, and one student's term."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import add
from typing import Any
from uuid import UUID

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.attendance.records import Figures, figures
from gatepost.audit import entries
from gatepost.kit.clock import local_date
from gatepost.portals import reports, words
from gatepost.portals.downloads import csv_file
from gatepost.portals.forms import date_field
from gatepost.portals.frame import class_and_seat, page, school_frame
from gatepost.portals.moment import now_of
from gatepost.portals.paging import pager
from gatepost.roster.models import School, SchoolClass, Student
from gatepost.roster.roc_dates import school_year_of
from gatepost.roster.terms import Span

ON_A_PAGE = 50
STUDENTS_MOST = 10_000  # a bound; the largest school of a city has a third of it
LABELS = {name: label for name, label in reports.LABELS.items() if name != "school_days"}


class RangeForm(forms.Form):
    """Which days, whose, and how they are grouped."""

    first = date_field(gettext_lazy("First day"))
    last = date_field(gettext_lazy("Last day"))
    school_class = forms.ChoiceField(label=gettext_lazy("Class"), required=False)
    by = forms.ChoiceField(
        label=gettext_lazy("A line for each"),
        choices=[("class", gettext_lazy("Class")), ("student", gettext_lazy("Student"))],
    )

    def __init__(self, *args: Any, classes: Sequence[SchoolClass], earliest: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.earliest = earliest
        field = self.fields["school_class"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        field.choices = [("", _("All classes")), *((str(one.pk), one.name) for one in classes)]
        if len(classes) < 2:
            del self.fields["school_class"], self.fields["by"]

    def clean_last(self) -> date:
        """Days that can be counted together: in order, of one school year, and not too long ago."""
        first, last = self.cleaned_data.get("first"), self.cleaned_data["last"]
        assert isinstance(last, date)  # noqa: S101
        if first and last < first:
            raise forms.ValidationError(_("The last day is before the first."))
        if first and first < self.earliest:
            raise forms.ValidationError(_("These days are too long ago: choose a term from the list."))
        if first and school_year_of(first) != school_year_of(last):
            raise forms.ValidationError(_("Both days must be in one school year (1 August to 31 July)."))
        return last


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: a class with its students' figures together, or a student."""

    name: str
    detail: str
    number: str
    url: str
    figures: Figures


@open_to(*queries.STAFF)
@require_safe
def attendance(request: HttpRequest, code: str) -> HttpResponse:
    """The figures of some days, by class or by student. A teacher sees the class, the office the school."""
    school, now = queries.school(request.user, code), now_of(request)
    today = local_date(now, school.timezone)
    classes, form = _asked(request, school, today)
    lines = _lines(request, school, form, classes) if form.is_valid() else []
    total = reduce(add, (one.figures for one in lines), Figures())
    shown = Paginator(_sorted(lines, request.GET.get("sort", "")), ON_A_PAGE).get_page(request.GET.get("page"))
    return page(
        request,
        "school/reports.html",
        school_frame(request, school, current="reports"),
        form=form,
        terms=[_term(one, request, today=today) for one in reports.offered(today)],
        figures=reports.tiles(total)[1:] if total.school_days else [],
        share=_percent(total),
        columns=_columns(request, form),
        rows=[_row(one, _days_label(form)) for one in shown],
        pager=pager(request, shown),
        csv_url=f"{reverse('school-reports-file', args=[code])}?{request.GET.urlencode()}",
    )


@open_to(*queries.STAFF)
@require_safe
def attendance_file(request: HttpRequest, code: str) -> HttpResponse:
    """The same as a file, every line of it. That it was taken is in the log."""
    school, now = queries.school(request.user, code), now_of(request)
    classes, form = _asked(request, school, local_date(now, school.timezone))
    if not form.is_valid():
        return attendance(request, code)
    lines = _sorted(_lines(request, school, form, classes), request.GET.get("sort", ""))
    first, last = form.cleaned_data["first"].isoformat(), form.cleaned_data["last"].isoformat()
    entries.record("report:taken", by=request.user, school_code=code, first=first, last=last, lines=len(lines))
    return csv_file(f"{code}-{first}-{last}", _file_lines(lines))


@open_to(*queries.STAFF)
@require_safe
def term(request: HttpRequest, code: str, student_id: UUID, term: str) -> HttpResponse:
    """One student's term, as the family sees it. The look is in the log that the guardians can read."""
    school, now = queries.school(request.user, code), now_of(request)
    today = local_date(now, school.timezone)
    span = reports.term_of(term, today=today)
    student = _looked_at(request, school, student_id)
    return page(
        request,
        "school/student_term.html",
        school_frame(request, school, current="reports"),
        title=f"{student.name} {words.term(span)}",
        meta=[class_and_seat(student), student.number],
        report=reports.report(
            student,
            span,
            now=now,
            month_url=lambda month: reverse("school-student-month", args=[code, student.pk, month]),
        ),
        csv_url=reverse("school-student-term-file", args=[code, student.pk, span.key]),
        around=reports.around(span, today=today, url_name="school-student-term", args=[code, student.pk]),
        crumbs=[
            {"label": _("Reports"), "url": reverse("school-reports", args=[code])},
            {"label": student.name, "url": reverse("school-student-today", args=[code, student.pk])},
        ],
    )


@open_to(*queries.STAFF)
@require_safe
def term_file(request: HttpRequest, code: str, student_id: UUID, term: str) -> HttpResponse:
    """The same term as a file. It is a look, too."""
    school, now = queries.school(request.user, code), now_of(request)
    span = reports.term_of(term, today=local_date(now, school.timezone))
    return reports.term_file(_looked_at(request, school, student_id), span, now=now)


def _looked_at(request: HttpRequest, school: School, student_id: UUID) -> Student:
    student = queries.student(request.user, school, student_id, looked="report")
    student.school = school
    return student


def _asked(request: HttpRequest, school: School, today: date) -> tuple[list[SchoolClass], RangeForm]:
    """The classes of the person asking, and the form with what was asked for: this term where nothing was."""
    classes = list(queries.classes(request.user, school))
    spans = reports.offered(today)
    usual = {"first": spans[0].first.isoformat(), "last": min(spans[0].last, today).isoformat(), "by": "class"}
    form = RangeForm({**usual, **request.GET.dict()}, classes=classes, earliest=spans[-1].first)
    return classes, form


def _is_by_class(form: RangeForm) -> bool:
    return form.is_valid() and form.cleaned_data.get("by") == "class" and not form.cleaned_data.get("school_class")


def _lines(request: HttpRequest, school: School, form: RangeForm, classes: Sequence[SchoolClass]) -> list[Line]:
    first, last = form.cleaned_data["first"], form.cleaned_data["last"]
    found = queries.students(request.user, school).filter(study_state__in=Student.ATTENDING)
    if chosen := form.cleaned_data.get("school_class"):
        found = found.filter(school_class=int(chosen))
    students = list(found[:STUDENTS_MOST])
    known = figures(school, [one.pk for one in students], first, last, now=now_of(request))
    if _is_by_class(form):
        return list(_by_class(request, school, classes, students, known))
    key = reports.key_on(last, today=local_date(now_of(request), school.timezone))
    return [
        Line(
            name=one.name,
            detail=class_and_seat(one),
            number=one.number,
            url=reverse("school-student-term", args=[school.code, one.pk, key]),
            figures=known.get(one.pk, Figures()),
        )
        for one in students
    ]


def _by_class(
    request: HttpRequest,
    school: School,
    classes: Sequence[SchoolClass],
    students: Sequence[Student],
    known: dict[UUID, Figures],
) -> Iterator[Line]:
    together = {one.pk: Figures() for one in classes}
    for one in students:
        if one.school_class_id in together:
            together[one.school_class_id] += known.get(one.pk, Figures())
    for school_class in classes:
        query = request.GET.copy()
        query["school_class"] = str(school_class.pk)
        query.pop("page", None)
        url = f"{reverse('school-reports', args=[school.code])}?{query.urlencode()}"
        yield Line(school_class.name, "", "", url, together[school_class.pk])


def _sorted(lines: Sequence[Line], wanted: str) -> list[Line]:
    """By one of the figures, the most first (with a dash in front) or the least; as they come for anything else."""
    name = wanted.removeprefix("-")
    if name != "share" and name not in reports.LABELS:
        return list(lines)

    def value(one: Line) -> float:
        if name != "share":
            return float(getattr(one.figures, name))
        return -1.0 if one.figures.share is None else one.figures.share

    return sorted(lines, key=value, reverse=wanted.startswith("-"))


def _days_label(form: RangeForm) -> str:
    return _("Student days") if _is_by_class(form) else _("School days")


def _columns(request: HttpRequest, form: RangeForm) -> list[dict[str, Any]]:
    named = [("school_days", _days_label(form)), *LABELS.items(), ("share", _("Share present"))]
    return [{"label": _("Class") if _is_by_class(form) else _("Student")}, *(_column(request, *one) for one in named)]


def _column(request: HttpRequest, name: str, label: Any) -> dict[str, Any]:
    """A column that sorts: the most first, then the least."""
    now = request.GET.get("sort", "")
    query = request.GET.copy()
    query["sort"] = name if now == f"-{name}" else f"-{name}"
    query.pop("page", None)
    order = {f"-{name}": "descending", name: "ascending"}.get(now, "")
    return {"label": label, "figure": True, "sort_url": f"?{query.urlencode()}", "sorted": order}


def _row(line: Line, days_label: str) -> dict[str, Any]:
    return {
        "cells": [
            {"text": line.name, "url": line.url, "detail": line.detail},
            *reports.cells(line.figures, school_days=days_label),
            {"text": _percent(line.figures), "label": _("Share present"), "figure": True},
        ]
    }


def _percent(one: Figures) -> str:
    return "–" if one.share is None else f"{one.share * 100:.1f} %"


def _file_lines(lines: Sequence[Line]) -> Iterator[list[object]]:
    yield [_("Name"), _("Class"), _("Student number"), *reports.LABELS.values(), _("Share present")]
    for one in lines:
        share = "" if one.figures.share is None else f"{one.figures.share * 100:.1f}"
        numbers = [getattr(one.figures, name) for name in reports.LABELS]
        yield [one.name, one.detail, one.number, *numbers, share]


def _term(one: Span, request: HttpRequest, *, today: date) -> dict[str, str]:
    query = request.GET.copy()
    query.pop("page", None)
    query["first"], query["last"] = one.first.isoformat(), min(one.last, today).isoformat()
    return {"label": words.term(one), "url": f"?{query.urlencode()}", "kind": "quiet"}
