"""Documents of a claimant who is neither mother nor father."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.guardians.applications import documents
from gatepost.guardians.applications.family import ApplicationRefused
from gatepost.guardians.applications.models import Application
from gatepost.portals.binding.papers import PaperForm, added, row, uuid_of
from gatepost.portals.binding.words import once_more
from gatepost.portals.claiming.mine import being_filled_in, claiming
from gatepost.portals.frame import family_frame, page


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
@claiming
@being_filled_in
def papers(request: HttpRequest, application: Application) -> HttpResponse:
    """The documents handed in so far; one more, or one less."""
    adds = request.method == "POST" and "remove" not in request.POST
    form = PaperForm(request.POST if adds else None, request.FILES if adds else None)
    try:
        if request.method == "POST" and not adds:
            documents.remove(application, uuid_of(request.POST["remove"]))
            return redirect("claim-documents", application.pk)
        if adds and form.is_valid() and added(request, application, form):
            messages.success(request, _("The document is saved."))
            return redirect("claim-documents", application.pk)
    except ApplicationRefused as refused:
        messages.warning(request, once_more(refused.code))
        return redirect("claim-status", application.pk)
    return page(
        request,
        "claiming/documents.html",
        family_frame(request, current="family"),
        application=application,
        form=form,
        papers=[row(one) for one in application.documents.defer("sealed_bytes")],
        next_url=reverse("claim-summary", args=[application.pk]),
        is_needed=application.needs_document,
    )
