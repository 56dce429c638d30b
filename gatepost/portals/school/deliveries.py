from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.accounts.models import Account
from gatepost.attendance.notices import NOT_ARRIVED
from gatepost.audit import entries
from gatepost.kit.clock import local_date
from gatepost.notify import ladder, reach
from gatepost.notify import queries as notify
from gatepost.notify.climbs import Climbed, telephoned, unconfirmed
from gatepost.portals import words
from gatepost.portals.frame import MANAGES, class_and_seat, page, school_frame, signed_in
from gatepost.portals.moment import now_of
from gatepost.roster.models import School, Student


@open_to(*MANAGES)
@require_safe
def unreached(request: HttpRequest, code: str) -> HttpResponse:
    """Whom to telephone, whom today's messages did not reach, and how many families cannot be reached at all."""
    school, now = queries.school(request.user, code, *MANAGES), now_of(request)
    today = local_date(now, school.timezone)
    students = {student.pk: student for student in queries.students(request.user, school)}
    lost = notify.unreached(students.keys(), today)
    return page(
        request,
        "school/deliveries.html",
        school_frame(request, school, current="deliveries"),
        meta=[words.staff_date(today)],
        waiting_columns=[{"label": label} for label in (_("Student"), _("Message"))],
        unconfirmed=[_unconfirmed(one, students[one.about], school) for one in unconfirmed(students.keys(), today)],
        telephoned_columns=[{"label": label} for label in (_("Student"), _("Called by"))],
        telephoned=_telephoned(telephoned(students.keys(), today), students, school),
        columns=[{"label": label} for label in (_("Student"), _("Message"), _("Where to"), _("What happened"))],
        rows=[_row(one, students[one.about], school) for one in lost],
        silent=[_silent(len(reach.lacking(students.keys(), topic=NOT_ARRIVED)), code)],
    )


@open_to(*MANAGES)
@require_POST
def called(request: HttpRequest, code: str, student_id: UUID) -> HttpResponse:
    """A guardian was reached by telephone: nobody else of the school needs to try."""
    student, today, now = _about_today(request, code, student_id)
    by = signed_in(request)
    with transaction.atomic():
        ended = ladder.called(student.pk, on_date=today, by=by.pk, now=now)
        if ended:
            entries.record("notice:called", by=by, about=student.pk, school_code=code)
    if ended:
        messages.success(request, _("Noted: the family of {name} was reached.").format(name=student.name))
    else:
        messages.info(request, _("Nobody is waiting for a call about {name}.").format(name=student.name))
    return redirect("school-deliveries", code)


@open_to(*MANAGES)
@require_POST
def not_called(request: HttpRequest, code: str, student_id: UUID) -> HttpResponse:
    """It was a mistake: the family stands on the list again."""
    student, today, _now = _about_today(request, code, student_id)
    with transaction.atomic():
        taken_back = ladder.take_back_call(student.pk, on_date=today)
        if taken_back:
            entries.record("notice:not-called", by=signed_in(request), about=student.pk, school_code=code)
    if taken_back:
        messages.success(request, _("{name} is on the list again.").format(name=student.name))
    return redirect("school-deliveries", code)


def _about_today(request: HttpRequest, code: str, student_id: UUID) -> tuple[Student, date, datetime]:
    """The student, the date at the school, and now."""
    school, now = queries.school(request.user, code, *MANAGES), now_of(request)
    student = queries.student(request.user, school, student_id, looked="day")
    return student, local_date(now, school.timezone), now


def _unconfirmed(one: Climbed, student: Student, school: School) -> dict[str, Any]:
    """Whom to ask for, what was said and how, since when there is no other way, and the button for who called."""
    told = words.listed(str(words.CHANNELS[channel]) for channel in one.channels) or _("by no way")
    since = words.clock(one.nobody_since, school.timezone)
    said = _("{topic} {time}, {channels}; nobody confirmed it by {since}")
    told_how = said.format(
        topic=words.topic_title(one.topic),
        time=words.clock(one.posted_at, school.timezone),
        channels=told,
        since=since,
    )
    act = {"label": _("Reached by telephone"), "url": reverse("school-called", args=[school.code, student.pk])}
    return _call(student, school, {"text": told_how, "label": _("Message")}, act | {"kind": "plain"})


def _telephoned(found: Sequence[Climbed], students: Mapping[UUID, Student], school: School) -> list[dict[str, Any]]:
    """Who reached the family, and when."""
    callers = Account.objects.in_bulk([one.proven_by for one in found if one.proven_by])
    rows = []
    for one in found:
        caller = callers.get(one.proven_by) if one.proven_by else None
        name, time = caller.get_full_name() if caller else "", words.clock(one.ended_at, school.timezone)
        undo = {"label": _("Undo"), "url": reverse("school-not-called", args=[school.code, one.about])}
        cell = {"text": f"{time} {name}".strip(), "label": _("Called by")}
        rows.append(_call(students[one.about], school, cell, undo | {"kind": "quiet"}))
    return rows


def _call(student: Student, school: School, said: dict[str, str], act: dict[str, str]) -> dict[str, Any]:
    url = reverse("school-student-today", args=[school.code, student.pk])
    who = {"text": student.name, "detail": class_and_seat(student), "url": url}
    return {"cells": [who, said], "actions": [{"method": "post", "about": student.name} | act]}


def _row(told: notify.Told, student: Student, school: School) -> dict[str, Any]:
    sent = words.delivery(told, school.timezone)
    url = reverse("school-student-today", args=[school.code, student.pk])
    cells = [
        {"text": student.name, "detail": class_and_seat(student), "url": url},
        {"text": words.topic_title(told.topic), "detail": sent["time"], "label": _("Message")},
        {"text": f"{sent['channel']} {sent['address']}", "label": _("Where to")},
        {"text": sent["word"], "state": told.state, "detail": sent["why"], "label": _("What happened")},
    ]
    return {"cells": cells}


def _silent(number: int, code: str) -> dict[str, Any]:
    said = ngettext("{n} child: nobody would be told", "{n} children: nobody would be told", number).format(n=number)
    none = _("Somebody can be reached about every child.")
    return {"text": said if number else none, "url": reverse("school-unreachable", args=[code])}
