from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.attendance.notices import NOT_ARRIVED
from gatepost.kit.clock import local_date
from gatepost.notify import queries as notify
from gatepost.notify import reach
from gatepost.notify.climbs import Climbed, unconfirmed
from gatepost.portals import words
from gatepost.portals.frame import MANAGES, class_and_seat, page, school_frame
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
        unconfirmed=[_unconfirmed(one, students[one.about], school) for one in unconfirmed(students.keys(), today)],
        columns=[{"label": label} for label in (_("Student"), _("Message"), _("Where to"), _("What happened"))],
        rows=[_row(one, students[one.about], school) for one in lost],
        silent=[_silent(len(reach.lacking(students.keys(), topic=NOT_ARRIVED)), code)],
    )


def _unconfirmed(one: Climbed, student: Student, school: School) -> dict[str, Any]:
    """Whom to ask for, what was said and how, and since when there is no other way."""
    told = words.listed(str(words.CHANNELS[channel]) for channel in one.channels) or _("by no way")
    since = words.clock(one.nobody_since, school.timezone)
    said = _("{topic} {time}, {channels}; nobody confirmed it by {since}")
    return {
        "text": f"{student.name} {class_and_seat(student)}",
        "note": said.format(
            topic=words.topic_title(one.topic),
            time=words.clock(one.posted_at, school.timezone),
            channels=told,
            since=since,
        ),
        "url": reverse("school-student-today", args=[school.code, student.pk]),
    }


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
