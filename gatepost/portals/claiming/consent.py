"""The notice on personal data; with the consent the bond opens at once, or the claim goes on as an application."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.guardians.applications import claims, consents
from gatepost.guardians.applications import family as acts
from gatepost.guardians.applications.family import ApplicationRefused
from gatepost.guardians.applications.models import Application
from gatepost.portals.binding.consent import ConsentForm, form_for, keep, notices_of
from gatepost.portals.binding.words import once_more
from gatepost.portals.claiming.mine import claiming
from gatepost.portals.frame import family_frame, page
from gatepost.portals.moment import now_of


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
@claiming
def answer(request: HttpRequest, application: Application) -> HttpResponse:
    """Read, then agree or not. No to what is necessary is kept too, and ends it politely."""
    if not application.is_with_family:
        return redirect("claim-status", application.pk)
    form = form_for(request, application)
    if request.method == "POST" and form.is_valid():
        return _answered(request, application, form)
    notices = notices_of(application.claim.school)
    return page(
        request,
        "claiming/consent.html",
        family_frame(request, current="family"),
        application=application,
        form=form,
        parts=[(notices["binding"], form["binding"]), (notices["services"], form["services"])],
    )


def _answered(request: HttpRequest, application: Application, form: ConsentForm) -> HttpResponse:
    now, notices = now_of(request), notices_of(application.claim.school)
    try:
        with transaction.atomic(), acts.changing(application) as row:
            if not keep(row, form.cleaned_data, notices, now):
                acts.withdraw(row, now=now)
                return page(
                    request, "claiming/ended.html", family_frame(request, current="family"), application=application
                )
            bond = claims.bind_at_once(row, now=now)
            if bond is None:
                claims.fill_in(row, now=now)
                return redirect("claim-person", application.pk)
    except ApplicationRefused as refused:
        messages.warning(request, once_more(refused.code))
        return redirect("claim-status", application.pk)
    messages.success(request, _("{child} is now on your page.").format(child=bond.student.name))
    return redirect("family")


@open_to(SIGNED_IN)
@require_POST
@claiming
def end(request: HttpRequest, application: Application) -> HttpResponse:
    """Take back what was agreed to beyond the necessary; it counts no more from now on."""
    purpose = request.POST.get("purpose", "")
    if purpose != consents.NECESSARY and consents.withdraw(application, purpose, now=now_of(request)):
        messages.success(request, _("Your consent is taken back. It counts no more from now on."))
    return redirect("claim-status", application.pk)
