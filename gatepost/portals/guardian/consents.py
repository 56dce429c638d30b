"""What a guardian agreed to for each child, and taking it back."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from gatepost.access import queries
from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.guardians.applications import consents
from gatepost.guardians.applications.models import Consent
from gatepost.portals.frame import child_detail, family_frame, page, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.words import slashed
from gatepost.roster.models import Student


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def agreed(request: HttpRequest) -> HttpResponse:
    """Each answer that counts, with its date. POST takes one back, at once."""
    account = signed_in(request)
    children = list(queries.children(account))
    if request.method == "POST":
        _take_back(request, children)
        return redirect("family-consents")
    found = consents.of_guardian(account, [child.pk for child in children])
    return page(
        request,
        "guardian/consents.html",
        family_frame(request, current="settings"),
        children=[
            {"name": child.name, "detail": child_detail(child), "rows": _rows(child, found)} for child in children
        ],
        crumbs=[{"label": _("Account settings"), "url": reverse("family-settings")}],
    )


def _take_back(request: HttpRequest, children: list[Student]) -> None:
    asked = request.POST.get("student", "")
    child = next((child for child in children if str(child.pk) == asked), None)
    purpose = request.POST.get("purpose", "")
    if child and consents.take_back(signed_in(request), child.pk, purpose, now=now_of(request)):
        messages.success(request, _("Your consent is taken back. It counts no more from now on."))


def _rows(child: Student, found: dict[tuple[UUID, str], Consent]) -> list[dict[str, Any]]:
    titles = {Consent.Purpose.BINDING: _("The parent–child account"), Consent.Purpose.SERVICES: _("Connected services")}
    return [
        {
            "title": title,
            "answer": _answer(found[child.pk, purpose]),
            "purpose": purpose,
            "student": child.pk,
            "can_end": found[child.pk, purpose].is_given() and purpose != consents.NECESSARY,
            "end_url": reverse("bond-end", args=[child.pk]) if purpose == consents.NECESSARY else "",
        }
        for purpose, title in titles.items()
        if (child.pk, purpose) in found
    ]


def _answer(one: Consent) -> str:
    """Agreed, 2026/11/23."""
    word = _("Agreed") if one.is_given() else _("Taken back") if one.withdrawn_at or one.account_id else _("Not agreed")
    return _("{word}, {date}").format(word=word, date=slashed(localtime(one.withdrawn_at or one.at).date()))
