"""The last look, submitting, and taking it back."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from gatepost.access.doors import PUBLIC, open_to
from gatepost.guardians.applications import family as acts
from gatepost.guardians.applications.family import ApplicationRefused
from gatepost.guardians.applications.faults import Fault, faults
from gatepost.guardians.applications.models import Applicant, Application
from gatepost.portals.binding.family import Family, applying, frame
from gatepost.portals.binding.people import TO_PROVE, mine, posted_version, titles
from gatepost.portals.binding.words import KINDS, REFUSALS, fault_text
from gatepost.portals.frame import class_and_seat, page
from gatepost.portals.moment import now_of
from gatepost.roster import identity_numbers


@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
@applying
def summary(request: HttpRequest, family: Family) -> HttpResponse:
    """Everything once more, what is still wrong, and what happens when it is submitted."""
    application = mine(family)
    if application is None:
        return redirect("binding-status")
    refusal = ""
    if request.method == "POST":
        application.version = posted_version(request)
        try:
            acts.submit(application, ring=settings.KEY_RING, now=now_of(request), invitation=family.invitation)
        except ApplicationRefused as refused:
            refusal = _("The application was changed on another device. Look at it once more, then submit it.")
            refusal = refusal if refused.code == "stale" else str(REFUSALS[refused.code])
        else:
            messages.success(request, _("Your application is with the school. A mail says so to each applicant."))
            return redirect("binding-status")
    row = Application.objects.get(pk=application.pk)
    return page(
        request,
        "binding/summary.html",
        frame(request, family),
        refusal=refusal,
        application=row,
        student=family.student,
        class_and_seat=class_and_seat(family.student),
        kind=KINDS.get(row.kind, ""),
        people=_people(row),
        papers=[one.get_kind_display() for one in row.documents.defer("sealed_bytes")],
        missing=[_missing(one) for one in faults(row, ring=settings.KEY_RING)],
    )


def _people(application: Application) -> list[dict[str, Any]]:
    rows = application.applicants.filter(position__lte=application.applicants_wanted)
    return [person(title, one) for title, one in zip(titles(application), rows, strict=False)]


def person(title: str, one: Applicant) -> dict[str, Any]:
    """An applicant once more, the ID number masked."""
    number = one.open_id_number(settings.KEY_RING) or ""
    return {
        "title": title,
        "rows": [
            (_("Full name"), one.name),
            (_("Relation to the child"), one.get_relation_display()),
            (_("ID or residence number"), identity_numbers.mask(number)),
            (_("Mobile number"), one.mobile),
            (_("Email"), one.email),
        ],
    }


def _missing(fault: Fault) -> dict[str, str]:
    pages = {"kind": "binding-kind", "document": "binding-documents"}
    if fault.code in TO_PROVE:
        return {"text": str(fault_text(fault)), "url": reverse("binding-email", args=[fault.position])}
    return {"text": str(fault_text(fault)), "url": reverse(pages.get(fault.field, "binding-people"))}


@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
@applying
def withdrawal(request: HttpRequest, family: Family) -> HttpResponse:
    """Take the application, and with it the consent, back before the school has decided."""
    application = family.application
    if application is None or not application.is_open:
        return redirect("binding-status")
    if request.method == "POST":
        try:
            acts.withdraw(application, now=now_of(request))
        except ApplicationRefused:
            messages.warning(request, _("The application has just changed. Look at it again."))
        else:
            messages.success(request, _("Your application is withdrawn. The school no longer works on it."))
        return redirect("binding-status")
    return page(request, "binding/withdrawal.html", frame(request, family))
