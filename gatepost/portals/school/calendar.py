"""The school's calendar: a month to look at, and one day of it to change."""

from calendar import Calendar
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.access.models import Role
from gatepost.attendance.calendar import set_day
from gatepost.attendance.models import SchoolDay
from gatepost.kit.clock import local_date, next_month
from gatepost.portals import words
from gatepost.portals.forms import text_field, time_field
from gatepost.portals.frame import page, school_frame
from gatepost.portals.moment import now_of
from gatepost.roster.models import School, SchoolClass

ADMINISTRATOR = Role.Name.SCHOOL_ADMINISTRATOR
YEARS_SHOWN = 5  # to either side


class DayForm(forms.Form):
    """What a day is, for which grades."""

    kind = forms.ChoiceField(
        label=gettext_lazy("What is this day?"), choices=list(words.DAY_KINDS.items()), widget=forms.RadioSelect
    )
    name = text_field(
        gettext_lazy("Name"),
        required=False,
        longest=40,
        help_text=gettext_lazy("Families read it: Sports day, typhoon."),
    )
    grades = forms.MultipleChoiceField(
        label=gettext_lazy("Grades"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose at least one grade.")},
    )
    leave_from = time_field(
        gettext_lazy("Lets out at"),
        required=False,
        help_text=gettext_lazy(
            "Only where this day ends earlier than the timetable says. A tap after it is a departure."
        ),
    )

    def __init__(self, *args: Any, grades: list[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["grades"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101
        field.choices = [(str(grade), _("Grade {grade}").format(grade=grade)) for grade in grades]


@open_to(*queries.STAFF)
@require_safe
def month(request: HttpRequest, code: str) -> HttpResponse:
    """A month of the school's days."""
    school = queries.school(request.user, code)
    today = local_date(now_of(request), school.timezone)
    first = _month(request.GET.get("month", ""), today)
    last = next_month(first) - timedelta(days=1)
    rows = SchoolDay.objects.filter(school=school, date__range=(first, last)).order_by("date", "grade")
    days = {day: list(group) for day, group in groupby(rows, key=lambda row: row.date)}
    frame = school_frame(request, school, current="calendar")
    may_edit = ADMINISTRATOR in frame["roles_here"]
    here = reverse("school-calendar", args=[code])
    before = (first - timedelta(days=1)).replace(day=1)
    return page(
        request,
        "school/calendar.html",
        frame,
        title=date_format(first, _("F Y")),
        weekdays=[words.weekday(date(2026, 11, 23) + timedelta(days=place)) for place in range(7)],
        weeks=_weeks(first, days, today, school, may_edit=may_edit),
        around={
            "previous_url": f"{here}?month={before:%Y-%m}",
            "previous": date_format(before, _("F Y")),
            "next_url": f"{here}?month={next_month(first):%Y-%m}",
            "next": date_format(next_month(first), _("F Y")),
        },
        rules_url=reverse("school-rules", args=[code]) if may_edit else "",
    )


@open_to(ADMINISTRATOR)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, code: str, day: date) -> HttpResponse:
    """Make a day what it is for some grades. It holds from this moment, for lines and messages alike."""
    school = queries.school(request.user, code, ADMINISTRATOR)
    if abs(day.year - local_date(now_of(request), school.timezone).year) > YEARS_SHOWN:
        raise Http404("nobody plans this day")
    grades = grades_of(school)
    form = DayForm(request.POST or None, grades=grades, initial=_initial(school, day, grades))
    here = f"{reverse('school-calendar', args=[code])}?month={day:%Y-%m}"
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        set_day(
            [school],
            [int(grade) for grade in data["grades"]],
            day,
            SchoolDay.Kind(data["kind"]),
            name=data["name"],
            leave_from=data["leave_from"],
            by=request.user,
        )
        text = _("{day} is now: {kind}.").format(day=words.long_date(day), kind=words.DAY_KINDS[data["kind"]])
        messages.success(request, text)
        return redirect(here)
    return page(
        request,
        "school/calendar_day.html",
        school_frame(request, school, current="calendar"),
        form=form,
        title=words.staff_date(day),
        crumbs=[{"label": _("Calendar"), "url": here}],
        back_url=here,
    )


def grades_of(school: School) -> list[int]:
    """The grades the school has classes of; all twelve where it has none yet."""
    found = SchoolClass.objects.filter(school=school).order_by("grade").values_list("grade", flat=True).distinct()
    return list(found) or list(range(1, 13))


def _month(text: str, today: date) -> date:
    """The month asked for; this one for nonsense, and for what nobody has planned or remembers."""
    try:
        asked = date.fromisoformat(f"{text}-01")
    except ValueError:
        return today.replace(day=1)
    return asked if abs(asked.year - today.year) <= YEARS_SHOWN else today.replace(day=1)


def _weeks(
    first: date, days: dict[date, list[SchoolDay]], today: date, school: School, *, may_edit: bool
) -> list[list[dict[str, Any]]]:
    weeks = Calendar().monthdatescalendar(first.year, first.month)
    return [[_cell(day, days.get(day, []), first, today, school, may_edit=may_edit) for day in week] for week in weeks]


def _cell(
    day: date, rows: list[SchoolDay], first: date, today: date, school: School, *, may_edit: bool
) -> dict[str, Any]:
    if day.month != first.month:
        return {"day": "", "off": False, "today": False, "words": [], "url": ""}
    return {
        "day": day.day,
        "label": words.long_date(day),
        "today": day == today,
        "off": not any(row.kind in SchoolDay.OPEN for row in rows),
        "words": _words(rows),
        "url": reverse("school-calendar-day", args=[school.code, day]) if may_edit else "",
    }


def _words(rows: list[SchoolDay]) -> list[str]:
    """What the day is, once if it is the same for all grades; a plain school day needs no word."""
    kinds: dict[str, list[int]] = {}
    for row in rows:
        plain = row.kind == SchoolDay.Kind.SCHOOL and not row.name
        word = "" if plain else row.name or str(words.DAY_KINDS[row.kind])
        kinds.setdefault(word, []).append(row.grade)
    if len(kinds) == 1:
        return [word for word in kinds if word]
    return [
        _("Grade {grades}: {day}").format(
            grades=words.listed(map(str, grades)), day=word or words.DAY_KINDS[SchoolDay.Kind.SCHOOL]
        )
        for word, grades in kinds.items()
    ]


def _initial(school: School, day: date, grades: list[int]) -> dict[str, Any]:
    rows = list(SchoolDay.objects.filter(school=school, date=day).order_by("grade"))
    initial: dict[str, Any] = {"grades": [str(grade) for grade in grades], "kind": SchoolDay.Kind.HOLIDAY}
    if rows:
        initial |= {"kind": rows[0].kind, "name": rows[0].name, "leave_from": rows[0].leave_from}
    return initial
