"""The school's today, kept up to date without a reload.

The page asks for its board every few seconds and names the one it shows; while nothing has changed the answer is
only the new time, so that a reader's place, an open list and the focus stay where they are.
"""

import hashlib
import json
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.attendance.board import board as read_board
from gatepost.kit.clock import local_date
from gatepost.portals import words
from gatepost.portals.frame import MANAGES, REVIEWS, page, school_frame
from gatepost.portals.moment import now_of
from gatepost.portals.school import applications, boards, unreachable
from gatepost.roster.models import School


@open_to(*queries.STAFF)
@require_safe
def today(request: HttpRequest, code: str) -> HttpResponse:
    """How many came, who is not in yet, what is held and why, how the readers are."""
    school = queries.school(request.user, code)
    frame = school_frame(request, school, current="today")
    silent = _silent(request, school) if frame["roles_here"] & set(MANAGES) else []
    return page(request, "school/today.html", frame, silent=silent, **_context(request, school, frame["roles_here"]))


@open_to(*queries.STAFF)
@require_safe
def board(request: HttpRequest, code: str) -> HttpResponse:
    """What changed since the board named by `seen`: all of it, or just the time."""
    school = queries.school(request.user, code)
    held = set(queries.roles(request.user, *queries.STAFF).filter(school=school).values_list("name", flat=True))
    context = _context(request, school, held)
    unchanged = request.GET.get("seen") == context["version"]
    response = page(request, "school/board_answer.html", {}, unchanged=unchanged, **context)
    if unchanged:
        response["HX-Reswap"] = "none"
    return response


def _context(request: HttpRequest, school: School, roles_here: set[str]) -> dict[str, Any]:
    now = now_of(request)
    students = list(queries.students(request.user, school))
    for student in students:
        student.school = school  # asked for once, not once a student
    shown = boards.drawn(read_board(school, students, now=now), school, roles_here=roles_here)
    return {
        "meta": _meta(school, shown, now),
        "updated": words.clock_seconds(now, school.timezone),
        "refresh_url": reverse("school-today", args=[school.code]),
        "board_url": reverse("school-board", args=[school.code]),
        "board": shown,
        "late": [one for one in [applications.late(school, now=now)] if one] if roles_here & set(REVIEWS) else [],
        "version": _version(shown),
    }


def _silent(request: HttpRequest, school: School) -> list[dict[str, str]]:
    """How many families nobody could tell. Beside the board: it is not asked again every few seconds."""
    number = unreachable.number_at(request, school)
    if not number:
        return []
    said = ngettext("{n} child: nobody would be told", "{n} children: nobody would be told", number).format(n=number)
    return [{"tag": _("Unreachable families"), "text": said, "url": reverse("school-unreachable", args=[school.code])}]


def _meta(school: School, shown: dict[str, Any], now: datetime) -> list[str]:
    day = words.staff_date(local_date(now, school.timezone))
    return [day, shown["deadline"]] if shown["school_day"] else [day]


def _version(shown: dict[str, Any]) -> str:
    """A name for what the board shows: the same as long as every word of it is."""
    text = json.dumps(shown, default=str, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
