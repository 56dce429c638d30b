"""Choosing the school: by district, stage and name, or by typing."""

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gatepost.access.doors import PUBLIC, open_to
from gatepost.guardians.applications import queries
from gatepost.portals.binding.family import frame
from gatepost.portals.frame import page
from gatepost.roster.models import District, School, Stage

SHOWN_MOST = 60


@open_to(PUBLIC)
@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    """A plain form that narrows the list down; only schools that opened the service are in it."""
    return page(request, "binding/schools.html", frame(request), **chooser(request, "binding-sign-in"))


def chooser(request: HttpRequest, leads_to: str, *, among: QuerySet[School] | None = None) -> dict[str, Any]:
    """What the form and the list need; each school's row leads to the address named `leads_to`.

    `among` which schools: without it, those that take applications.
    """
    asked = {key: request.GET.get(key, "").strip().replace("\0", "")[:50] for key in ("district", "stage", "q")}
    every = queries.schools_that_take_applications() if among is None else among
    found = _narrowed(every, **asked) if any(asked.values()) else every
    shown = list(found.select_related("district")[: SHOWN_MOST + 1])
    levels = set(every.values_list("level", flat=True))
    return {
        "asked": asked,
        "districts": [(one.code, district_name(one)) for one in District.objects.filter(schools__in=every).distinct()],
        "stages": [(stage.value, stages()[stage]) for stage in Stage if stage in levels],
        "schools": [_row(school, leads_to) for school in shown[:SHOWN_MOST]],
        "is_cut": len(shown) > SHOWN_MOST,
    }


def _narrowed(schools: QuerySet[School], *, district: str, stage: str, q: str) -> QuerySet[School]:
    if district:
        schools = schools.filter(district=district)
    if stage:
        schools = schools.filter(level=stage)
    typed = q.replace("台", "臺")
    return schools.filter(Q(name__icontains=typed) | Q(short_name__icontains=typed) | Q(code=q)) if q else schools


def _row(school: School, leads_to: str) -> dict[str, Any]:
    return {
        "text": school.name,
        "note": district_name(school.district),
        "url": reverse(leads_to, args=[school.code]),
    }


def district_name(district: District) -> str:
    """As the reader's language writes it."""
    return district.name if (get_language() or "").startswith("zh") else district.name_en


def stages() -> dict[str, str]:
    """What each kind of school is called."""
    return {
        Stage.ELEMENTARY: _("Elementary school"),
        Stage.JUNIOR_HIGH: _("Junior high school"),
        Stage.SENIOR_HIGH: _("Senior high school"),
        Stage.VOCATIONAL_HIGH: _("Vocational high school"),
        Stage.SPECIAL: _("Special education school"),
    }
