from typing import Any

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
from gatepost.attendance.notices import NOT_ARRIVED
from gatepost.kit.clock import local_date
from gatepost.notify.queries import got
from gatepost.portals.frame import MANAGES, page, school_frame
from gatepost.portals.moment import now_of


@open_to(*MANAGES)
@require_http_methods(["GET", "HEAD", "POST"])
def correction(request: HttpRequest, code: str) -> HttpResponse:
    """Asks with the number of people, then takes today's "not arrived" messages back for exactly those."""
    school, now = queries.school(request.user, code, *MANAGES), now_of(request)
    told = sweep.told_today(school, now=now)
    if not told:
        messages.info(request, _("There is no message to take back."))
        return redirect("school-today", code)
    if request.method == "POST":
        made = sweep.correct(school, by=request.user, now=now)
        text = ngettext("{n} correction is on its way.", "{n} corrections are on their way.", made)
        messages.success(request, text.format(n=made))
        return redirect("school-today", code)
    people = got(NOT_ARRIVED, told, local_date(now, school.timezone)).people
    confirm: dict[str, Any] = {
        "title": _("Take back today’s “not arrived” messages?"),
        "count": people,
        "unit": ngettext("person will get a correction", "people will get a correction", people),
        "facts": [
            ngettext("It concerns {n} student.", "It concerns {n} students.", len(told)).format(n=len(told)),
            _("The correction goes by the same channels. What was not sent yet is not sent any more."),
        ],
        "action": {
            "label": _("Send the correction"),
            "url": reverse("school-correction", args=[school.code]),
            "kind": "danger",
        },
        "back_url": reverse("school-today", args=[school.code]),
    }
    return page(request, "school/correction.html", school_frame(request, school, current="today"), confirm=confirm)
