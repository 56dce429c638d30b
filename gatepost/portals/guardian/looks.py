"""Who looked at a child's record: what the log of looks says to the child's guardian."""

from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from gatepost.access import queries
from gatepost.access.doors import GUARDIAN, open_to
from gatepost.audit.models import Entry
from gatepost.audit.queries import looks_at
from gatepost.portals import words
from gatepost.portals.frame import family_frame, page
from gatepost.portals.moment import now_of
from gatepost.portals.paging import pager
from gatepost.roster.models import School

GOES_BACK = timedelta(days=180)
ON_A_PAGE = 30
PAGES: dict[str, Promise] = {
    "day": gettext_lazy("A day with its messages"),
    "month": gettext_lazy("A month of days"),
    "report": gettext_lazy("A term in figures"),
    "leave": gettext_lazy("The form for leave"),
    "guardians": gettext_lazy("Who is bound to the child"),
    "application": gettext_lazy("An application to be bound"),
    "tables": gettext_lazy("The platform’s tables"),
}


@open_to(GUARDIAN)
@require_safe
def looks(request: HttpRequest, student_id: UUID) -> HttpResponse:
    """When, which role at which school, and what page; not the name (decision 10)."""
    child = queries.child(request.user, student_id)
    entries = looks_at(child.pk, since=now_of(request) - GOES_BACK)
    shown = Paginator(entries, ON_A_PAGE).get_page(request.GET.get("page"))
    schools = dict(School.objects.filter(code__in={one.school_code for one in shown}).values_list("code", "short_name"))
    return page(
        request,
        "guardian/looks.html",
        family_frame(request, current="attendance", child=child),
        title=_("Who looked"),
        columns=[{"label": label} for label in (_("When"), _("Who"), _("What"))],
        rows=[_row(one, schools, child.school.timezone) for one in shown],
        pager=pager(request, shown),
        crumbs=[
            {"label": _("Home"), "url": reverse("family")},
            {"label": child.name, "url": reverse("child", args=[child.pk])},
        ],
    )


def _row(entry: Entry, schools: dict[str, str], zone: str) -> dict[str, Any]:
    at = entry.at.astimezone(ZoneInfo(zone))
    role = words.ROLES.get(str(entry.facts.get("role", "")), _("School staff"))
    who = f"{schools.get(entry.school_code, '')} {role}".strip()
    what = PAGES.get(str(entry.facts.get("page", "")), _("A page about the child"))
    return {
        "cells": [
            {"text": f"{words.slashed(at.date())} {at:%H:%M}"},
            {"text": who, "label": _("Who")},
            {"text": what, "label": _("What")},
        ]
    }
