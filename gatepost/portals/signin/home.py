from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gatepost.access import queries
from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.portals.frame import page, public_frame
from gatepost.roster.models import School


@open_to(SIGNED_IN)
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Straight to the one place a person has; a choice where there are several; what to do where there is none."""
    places = _places(request)
    if len(places) == 1:
        return redirect(places[0]["url"])
    template = "account/places.html" if places else "account/no_place.html"
    return page(request, template, public_frame(request), places=places)


def _places(request: HttpRequest) -> list[dict[str, Any]]:
    names = queries.role_names(request.user)
    places = []
    if queries.is_guardian(request.user):
        places.append(_place(_("My family"), _("My children's days and messages"), reverse("family")))
    if names & set(queries.STAFF):
        places += [_school(school) for school in queries.schools(request.user)]
    if "bureau_officer" in names:
        places.append(_place(_("Education bureau"), _("The city today"), reverse("bureau-today")))
    if "operator" in names:
        places.append(_place(_("Platform"), _("System health"), reverse("operator-health")))
    return places


def _school(school: School) -> dict[str, Any]:
    return _place(school.short_name, _("The school's today"), reverse("school-today", args=[school.code]))


def _place(title: str, text: str, url: str) -> dict[str, Any]:
    return {"title": title, "text": text, "url": url, "first": False}
