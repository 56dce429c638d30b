"""Finding a school, and what everybody may know of it: its news, and how its families come in."""

from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from gatepost.access.doors import PUBLIC, open_to
from gatepost.announcements import queries as announcements
from gatepost.guardians.applications.queries import schools_that_take_applications
from gatepost.portals.binding.schools import chooser, district_name, stages
from gatepost.portals.frame import page, public_frame
from gatepost.portals.moment import now_of
from gatepost.portals.public import news
from gatepost.roster.models import District, School

NEWS_SHOWN = 6


@open_to(PUBLIC)
@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    """Every school of the city, by district, stage and name."""
    among = School.objects.order_by("district_id", "code")
    found = chooser(request, "school-page", among=among)
    by_district = not any(found["asked"].values()) and found["is_cut"]
    return page(
        request,
        "public/schools.html",
        public_frame(request),
        **found,
        by_district=_districts() if by_district else None,
    )


@open_to(PUBLIC)
@require_safe
def school(request: HttpRequest, code: str) -> HttpResponse:
    """One school: how its families come in, and its news. 404 for a code that is none."""
    one = get_object_or_404(School.objects.select_related("district"), code=code)
    is_near = one in news.schools_near(request.user)
    headlines = announcements.headlines(now=now_of(request), schools=[one], number=NEWS_SHOWN)
    return page(
        request,
        "public/school.html",
        public_frame(request),
        school=one,
        meta=[district_name(one.district), stages()[one.level]],
        entries=_entries(one),
        announcements=news.headlines(headlines) if is_near else news.only_titles(headlines),
        crumbs=[{"label": _("Find a school"), "url": reverse("school-chooser")}],
    )


def _entries(one: School) -> list[dict[str, Any]]:
    if one.opened_at is None:
        return []
    ways = [(_("Families"), _("See that your child arrived or left, and choose your messages"), reverse("family"))]
    if schools_that_take_applications().filter(pk=one.pk).exists():
        text = _("For families without an account yet: three steps, and the school decides")
        ways += [(_("Apply for the parent–child account"), text, reverse("binding-sign-in", args=[one.code]))]
    return [{"title": title, "text": text, "url": url, "first": not nth} for nth, (title, text, url) in enumerate(ways)]


def _districts() -> list[dict[str, Any]]:
    """The districts with the number of their schools, as rows of a list."""
    found = District.objects.annotate(number=Count("schools")).filter(number__gt=0).order_by("code")
    here = reverse("school-chooser")
    return [
        {
            "text": district_name(one),
            "note": ngettext("{n} school", "{n} schools", one.number).format(n=one.number),
            "url": f"{here}?district={one.code}",
        }
        for one in found
    ]
