from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.attendance import sweep
from gatepost.attendance.board import reader_states
from gatepost.attendance.missing import Missing
from gatepost.attendance.models import Sweep
from gatepost.attendance.notices import NOT_ARRIVED
from gatepost.kit.clock import local_date
from gatepost.notify.queries import reach
from gatepost.portals.frame import MANAGES, class_and_seat, page, school_frame
from gatepost.portals.moment import now_of
from gatepost.portals.school import boards
from gatepost.roster.models import School


@open_to(*MANAGES)
@require_http_methods(["GET", "HEAD", "POST"])
def release(request: HttpRequest, code: str) -> HttpResponse:
    """Asks with the names and the number of people; POST tells home. Names nobody has seen are asked about again."""
    school, now = queries.school(request.user, code, *MANAGES), now_of(request)
    finding = sweep.look(school, now=now)
    held = _held(school, now)
    if finding is None or held is None:
        messages.info(request, _("Nothing is held any more."))
        return redirect("school-today", code)
    seen = set(request.POST.get("seen", "").split(","))
    if request.method == "POST" and all(str(one.student_id) in seen for one in finding.missing):
        done = sweep.release(school, by=request.user, now=now)
        text = ngettext("Home is being told about {n} student.", "Home is being told about {n} students.", done.missing)
        messages.success(request, text.format(n=done.missing))
        return redirect("school-today", code)
    if request.method == "POST":
        messages.warning(request, _("The list has grown meanwhile. Please look at the names again."))
    return _ask(request, school, held, finding.missing, now)


def _held(school: School, now: datetime) -> Sweep | None:
    today = local_date(now, school.timezone)
    return Sweep.objects.filter(school=school, date=today, decided_at=None).exclude(held_because="").first()


def _ask(request: HttpRequest, school: School, held: Sweep, missing: Sequence[Missing], now: datetime) -> HttpResponse:
    ids = [one.student_id for one in missing]
    people = reach(NOT_ARRIVED, ids)
    nobody = len(ids) - people.abouts
    facts = [boards.held_reason(held, reader_states(school, now=now), school.timezone)]
    if nobody:
        facts.append(
            ngettext(
                "For {n} student nobody has chosen this message.",
                "For {n} students nobody has chosen this message.",
                nobody,
            ).format(n=nobody)
        )
    facts.append(_("If a student’s tap comes in later, the same people get a correction by themselves."))
    confirm: dict[str, Any] = {
        "title": _("Tell home that these students have not arrived?"),
        "count": people.people,
        "unit": ngettext("person will get a message", "people will get a message", people.people),
        "facts": facts,
        "action": {
            "label": _("Send the messages"),
            "url": reverse("school-release", args=[school.code]),
            "kind": "danger",
            "name": "seen",
            "value": ",".join(str(pk) for pk in ids),
        },
        "back_url": reverse("school-today", args=[school.code]),
    }
    frame = school_frame(request, school, current="today")
    return page(request, "school/release.html", frame, confirm=confirm, names=_names(request, school, ids))


def _names(request: HttpRequest, school: School, ids: Sequence[UUID]) -> list[dict[str, str]]:
    students = queries.students(request.user, school).filter(pk__in=ids)
    return [{"name": one.name, "detail": class_and_seat(one)} for one in students]
