"""Attendance as the navigation names it: the child's pages, or the choice of a child."""

from collections.abc import Sequence
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from gatepost.access import queries
from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.attendance.daylines import day_lines
from gatepost.portals import words
from gatepost.portals.frame import child_detail, family_frame, page
from gatepost.portals.moment import now_of
from gatepost.roster.models import Student


@open_to(SIGNED_IN)
@require_safe
def attendance(request: HttpRequest) -> HttpResponse:
    """The only child's day; of several children each with today's line; without one the home page, which says why."""
    children = list(queries.children(request.user))
    if len(children) < 2:
        return redirect("child", children[0].pk) if children else redirect("family")
    return page(
        request,
        "guardian/attendance.html",
        family_frame(request, current="attendance"),
        children=_children(children, now=now_of(request)),
    )


def _children(children: Sequence[Student], *, now: datetime) -> list[dict[str, str]]:
    rows, lines = [], day_lines(children, now=now)
    for child in children:
        drawn = words.day_line(lines[child.pk], now=now, zone=child.school.timezone)
        today = " ".join((str(drawn["word"]), drawn["time"])).strip()
        url = reverse("child", args=[child.pk])
        rows.append({"url": url, "text": f"{child.name} {today}", "note": child_detail(child)})
    return rows
