from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.attendance.daylines import day_lines
from gatepost.attendance.models import Event
from gatepost.attendance.records import records_of
from gatepost.kit.clock import local_date
from gatepost.notify.queries import told_about
from gatepost.portals import days, months, reports, words
from gatepost.portals.frame import class_and_seat, page, school_frame
from gatepost.portals.moment import now_of
from gatepost.portals.school.search import FOUND_MOST, find
from gatepost.roster.models import School, SchoolClass, Student


@open_to(*queries.STAFF)
@require_safe
def students(request: HttpRequest, code: str) -> HttpResponse:
    """The classes; one class with each student's line for today; or whoever is searched for."""
    school, now = queries.school(request.user, code), now_of(request)
    classes = list(queries.classes(request.user, school))
    wanted, chosen = request.GET.get("q", "").strip(), _chosen(request, classes)
    shown: list[Student] = []
    if wanted:
        shown = find(queries.students(request.user, school), wanted, class_id=str(chosen.pk) if chosen else "")
    elif chosen is not None:
        shown = list(queries.students(request.user, school).filter(school_class=chosen)[:FOUND_MOST])
    return page(
        request,
        "school/students.html",
        school_frame(request, school, current="students"),
        title=chosen.name if chosen else _("Students"),
        q=wanted,
        class_id=chosen.pk if chosen and len(classes) > 1 else "",
        url=reverse("school-students", args=[code]),
        classes=_classes(request, school, classes) if len(classes) > 1 and chosen is None and not wanted else [],
        columns=[{"label": label} for label in (_("Student"), _("Student number"), _("Today"))],
        rows=_rows(school, shown, now),
        asked=bool(wanted or chosen),
        letters_url=_letters_url(school, chosen),
        crumbs=[{"label": _("Students"), "url": reverse("school-students", args=[code])}]
        if chosen and len(classes) > 1
        else [],
    )


@open_to(*queries.STAFF)
@require_safe
def today(request: HttpRequest, code: str, student_id: UUID) -> HttpResponse:
    """The student's day today."""
    school = queries.school(request.user, code)
    return redirect("school-student-day", code, student_id, local_date(now_of(request), school.timezone))


@open_to(*queries.STAFF)
@require_safe
def one_day(request: HttpRequest, code: str, student_id: UUID, day: date) -> HttpResponse:
    """One student's day: events, and every message they caused. The look is in the log that the guardians can read."""
    school, now = queries.school(request.user, code), now_of(request)
    today = local_date(now, school.timezone)
    days.check(day, today=today)
    student = queries.student(request.user, school, student_id, looked="day")
    student.school = school
    zone = school.timezone
    line = words.day_line(day_lines([student], now=now)[student.pk], now=now, zone=zone) if day == today else None

    def take_back(event: Event) -> dict[str, str]:
        url = reverse("school-void", args=[code, student.pk, day, event.pk])
        return {
            "label": _("Take back"),
            "url": url,
            "about": f"{words.SIDES[event.side]} {words.clock(event.at, zone)}",
        }

    told = told_about(student.pk, day)
    return page(
        request,
        "school/student_day.html",
        school_frame(request, school, current="students"),
        title=f"{student.name} {words.staff_date(day)}",
        meta=[class_and_seat(student), student.number, *days.facts(student, day)],
        student={"name": student.name, "detail": class_and_seat(student)},
        line=line,
        week=days.week(student, day, today=today, url_name="school-student-day", args=[code, student.pk]),
        entries=days.entries(student, day, told, act=take_back, staff=True),
        around=days.around(day, today=today, url_name="school-student-day", args=[code, student.pk]),
        month_url=reverse("school-student-month", args=[code, student.pk, day.replace(day=1)]),
        actions=_actions(code, student, office=queries.sees_whole_school(request.user, school)),
        crumbs=[
            {"label": _("Students"), "url": reverse("school-students", args=[code])},
            *_class_crumb(code, student.school_class),
        ],
    )


@open_to(*queries.STAFF)
@require_safe
def month(request: HttpRequest, code: str, student_id: UUID, month: date) -> HttpResponse:
    """One student's month, as the family sees it. The look is in the log that the guardians can read."""
    school, now = queries.school(request.user, code), now_of(request)
    today = local_date(now, school.timezone)
    months.check(month, today=today)
    student = queries.student(request.user, school, student_id, looked="month")
    student.school = school
    found = records_of(student, month, months.last_of(month), now=now)

    def url_of(day: date) -> str:
        return reverse("school-student-day", args=[code, student.pk, day])

    return page(
        request,
        "school/student_month.html",
        school_frame(request, school, current="students"),
        title=f"{student.name} {months.title(month, staff=True)}",
        meta=[class_and_seat(student), student.number, *months.summary(found)],
        student={"name": student.name},
        report_url=reverse("school-student-term", args=[code, student.pk, reports.key_on(month, today=today)]),
        rows=months.rows(found, school.timezone, today=today, url_of=url_of),
        around=months.around(month, today=today, url_name="school-student-month", args=[code, student.pk], staff=True),
        crumbs=[
            {"label": _("Students"), "url": reverse("school-students", args=[code])},
            *_class_crumb(code, student.school_class),
            {"label": student.name, "url": reverse("school-student-today", args=[code, student.pk])},
        ],
    )


def _chosen(request: HttpRequest, classes: list[SchoolClass]) -> SchoolClass | None:
    if len(classes) == 1:
        return classes[0]
    return next((one for one in classes if str(one.pk) == request.GET.get("class")), None)


def _classes(request: HttpRequest, school: School, classes: list[SchoolClass]) -> list[dict[str, Any]]:
    mine = queries.students(request.user, school).order_by()
    sizes = dict(mine.values_list("school_class").annotate(number=Count("pk", filter=Q(left_on=None))))
    url = reverse("school-students", args=[school.code])
    return [
        {
            "text": one.name,
            "note": ngettext("{n} student", "{n} students", sizes.get(one.pk, 0)).format(n=sizes.get(one.pk, 0)),
            "url": f"{url}?class={one.pk}",
        }
        for one in classes
    ]


def _rows(school: School, shown: list[Student], now: datetime) -> list[dict[str, Any]]:
    for student in shown:
        student.school = school
    lines = day_lines(shown, now=now)
    rows = []
    for student in shown:
        line = words.day_line(lines[student.pk], now=now, zone=school.timezone)
        url = reverse("school-student-today", args=[school.code, student.pk])
        cells = [
            {"text": student.name, "url": url, "detail": class_and_seat(student)},
            {"text": student.number, "label": _("Student number")},
            {"text": f"{line['time']} {line['word']}".strip(), "state": line["state"], "label": _("Today")},
        ]
        rows.append({"cells": cells})
    return rows


def _actions(code: str, student: Student, *, office: bool) -> list[dict[str, str]]:
    guardians = {
        "label": _("Guardians"),
        "url": reverse("school-guardians", args=[code, student.pk]),
        "kind": "plain",
    }
    cards = {"label": _("Cards"), "url": reverse("school-student-cards", args=[code, student.pk]), "kind": "plain"}
    return [
        {
            "label": _("Manual entry"),
            "url": f"{reverse('school-entry', args=[code])}?student={student.pk}",
            "kind": "plain",
        },
        {"label": _("Put down leave"), "url": reverse("school-leave", args=[code, student.pk]), "kind": "plain"},
        {
            "label": _("Letter for the family"),
            "url": f"{reverse('school-letters-print', args=[code])}?student={student.pk}",
            "kind": "plain",
        },
        *([guardians, cards] if office else []),
    ]


def _letters_url(school: School, chosen: SchoolClass | None) -> str:
    url = reverse("school-letters", args=[school.code])
    return f"{url}?class={chosen.pk}" if chosen else url


def _class_crumb(code: str, school_class: SchoolClass | None) -> list[dict[str, str]]:
    if school_class is None:
        return []
    return [{"label": school_class.name, "url": f"{reverse('school-students', args=[code])}?class={school_class.pk}"}]
