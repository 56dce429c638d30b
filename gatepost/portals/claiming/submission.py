"""The last look, submitting, and taking it back."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.guardians.applications import family as acts
from gatepost.guardians.applications.family import ApplicationRefused
from gatepost.guardians.applications.faults import Fault, faults
from gatepost.guardians.applications.models import Application
from gatepost.portals.binding.people import posted_version
from gatepost.portals.binding.submission import person
from gatepost.portals.binding.words import KINDS, REFUSALS, fault_text
from gatepost.portals.claiming.mine import being_filled_in, claiming
from gatepost.portals.claiming.status import facts
from gatepost.portals.frame import family_frame, page
from gatepost.portals.moment import now_of


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
@claiming
@being_filled_in
def summary(request: HttpRequest, application: Application) -> HttpResponse:
    """Everything once more, what is still wrong, and what happens when it is submitted."""
    refusal = ""
    if request.method == "POST":
        application.version = posted_version(request)
        try:
            acts.submit(application, ring=settings.KEY_RING, now=now_of(request))
        except ApplicationRefused as refused:
            refusal = _("The application was changed on another device. Look at it once more, then submit it.")
            refusal = refusal if refused.code == "stale" else str(REFUSALS[refused.code])
        else:
            messages.success(request, _("Your application is submitted. A mail says so too."))
            return redirect("claim-status", application.pk)
    row = Application.objects.select_related("claim__school").get(pk=application.pk)
    return page(
        request,
        "claiming/summary.html",
        family_frame(request, current="family"),
        refusal=refusal,
        application=row,
        facts=facts(row),
        kind=KINDS.get(row.kind, ""),
        people=[person(_("You"), one) for one in row.applicants.filter(position=1)],
        papers=[one.get_kind_display() for one in row.documents.defer("sealed_bytes")],
        missing=[_missing(row, one) for one in faults(row, ring=settings.KEY_RING)],
    )


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
@claiming
def withdrawal(request: HttpRequest, application: Application) -> HttpResponse:
    """Take the claim, and with it the consent, back before it is decided."""
    if not application.is_open:
        return redirect("claim-status", application.pk)
    if request.method == "POST":
        try:
            acts.withdraw(application, now=now_of(request))
        except ApplicationRefused:
            messages.warning(request, _("The application has just changed. Look at it again."))
        else:
            messages.success(request, _("Your application is withdrawn."))
        return redirect("claim-status", application.pk)
    return page(request, "claiming/withdrawal.html", family_frame(request, current="family"), application=application)


def _missing(application: Application, fault: Fault) -> dict[str, str]:
    pages = {"document": "claim-documents"}
    url = reverse(pages.get(fault.field, "claim-person"), args=[application.pk])
    return {"text": str(fault_text(fault)), "url": url}
