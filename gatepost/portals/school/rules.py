"""A school's own times and limits, and the earliest leaving time of each grade and weekday."""

from datetime import date, time, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.attendance.calendar import set_rules
from gatepost.attendance.models import Rules, Timetable
from gatepost.attendance.sweep import rules_of
from gatepost.portals.forms import TimeInput, time_field
from gatepost.portals.frame import page, school_frame
from gatepost.portals.school.calendar import ADMINISTRATOR, grades_of

WEEKDAYS = range(1, 6)
Hours = dict[tuple[int, int], time | None]


class RulesForm(forms.ModelForm):  # type: ignore[type-arg] # generic to the stubs only
    late_after = time_field(gettext_lazy("The bell"), help_text=gettext_lazy("An arrival after it is late."))
    cutoff = time_field(
        gettext_lazy("Arrival deadline"), help_text=gettext_lazy("Who has not been seen by then is asked for.")
    )
    not_arrived_until = time_field(
        gettext_lazy("Tell home until"), help_text=gettext_lazy("Later than this, “not arrived” is no news any more.")
    )
    leave_from = time_field(
        gettext_lazy("School lets out"), help_text=gettext_lazy("Where the timetable below says nothing.")
    )
    half_day_leave_from = time_field(gettext_lazy("A half day lets out"))

    class Meta:
        model = Rules
        fields = [
            "late_after",
            "cutoff",
            "not_arrived_until",
            "leave_from",
            "half_day_leave_from",
            "quiet_gap_seconds",
            "brake_percent",
            "brake_times_usual",
            "brake_at_least",
        ]
        labels = {
            "quiet_gap_seconds": gettext_lazy("Double taps (seconds)"),
            "brake_percent": gettext_lazy("Hold lists above (percent of the school)"),
            "brake_times_usual": gettext_lazy("Hold lists above (times the usual)"),
            "brake_at_least": gettext_lazy("Never hold lists shorter than (names)"),
        }
        help_texts = {"quiet_gap_seconds": gettext_lazy("A second tap within this time is the same event.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, least, most in (
            ("quiet_gap_seconds", 0, 3600),
            ("brake_percent", 1, 100),
            ("brake_times_usual", 1, 100),
            ("brake_at_least", 0, 1000),
        ):
            self.fields[name] = forms.IntegerField(
                min_value=least, max_value=most, label=self.fields[name].label, help_text=self.fields[name].help_text
            )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if _before(data, "cutoff", "late_after"):
            self.add_error("cutoff", _("The deadline cannot be before the bell."))
        if _before(data, "not_arrived_until", "cutoff"):
            self.add_error("not_arrived_until", _("This cannot be before the deadline."))
        for name in ("leave_from", "half_day_leave_from"):
            if _before(data, name, "cutoff"):
                self.add_error(name, _("School cannot let out before the deadline."))
        return data


class TimetableForm(forms.Form):
    """A field for each grade and weekday; an empty one means the school's usual time."""

    def __init__(self, *args: Any, grades: list[int], hours: Hours, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cells = [(grade, weekday) for grade in grades for weekday in WEEKDAYS]
        for grade, weekday in self.cells:
            self.fields[_name(grade, weekday)] = forms.TimeField(
                required=False,
                initial=hours.get((grade, weekday)),
                label=" ".join((_("Grade {grade}").format(grade=grade), _weekday(weekday))),
                widget=TimeInput(),
                error_messages={"invalid": _("Write the time like 15:30.")},
            )

    def hours(self) -> Hours:
        """What was chosen; None where the usual time holds."""
        return {(grade, weekday): self.cleaned_data[_name(grade, weekday)] for grade, weekday in self.cells}


@open_to(ADMINISTRATOR)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, code: str) -> HttpResponse:
    """The rules and the timetable, saved together."""
    school = queries.school(request.user, code, ADMINISTRATOR)
    grades, posted = grades_of(school), request.POST or None
    hours: Hours = {(row.grade, row.weekday): row.leave_from for row in Timetable.objects.filter(school=school)}
    form = RulesForm(posted, instance=rules_of(school))
    timetable = TimetableForm(posted, grades=grades, hours=hours)
    if request.method == "POST" and form.is_valid() and timetable.is_valid():
        set_rules(form.save(commit=False), timetable.hours(), by=request.user)
        messages.success(request, _("Saved. The rules hold from now on."))
        return redirect("school-calendar", code)
    back_url = reverse("school-calendar", args=[code])
    return page(
        request,
        "school/rules.html",
        school_frame(request, school, current="calendar"),
        form=form,
        timetable=timetable,
        weekdays=[_weekday(weekday) for weekday in WEEKDAYS],
        rows=_rows(timetable, grades),
        crumbs=[{"label": _("Calendar"), "url": back_url}],
        back_url=back_url,
    )


def _rows(timetable: TimetableForm, grades: list[int]) -> list[dict[str, Any]]:
    return [
        {
            "label": _("Grade {grade}").format(grade=grade),
            "cells": [{"field": timetable[_name(grade, weekday)], "label": _weekday(weekday)} for weekday in WEEKDAYS],
        }
        for grade in grades
    ]


def _before(data: dict[str, Any], earlier: str, later: str) -> bool:
    return bool(data.get(earlier) and data.get(later) and data[earlier] < data[later])


def _name(grade: int, weekday: int) -> str:
    return f"grade{grade}-day{weekday}"


def _weekday(weekday: int) -> str:
    return date_format(date(2026, 11, 22) + timedelta(days=weekday), "l")
