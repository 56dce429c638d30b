"""The claimant's own data, which the school compares. The email is the account's, and proven."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.guardians.applications import claims
from gatepost.guardians.applications import family as acts
from gatepost.guardians.applications.family import ApplicationRefused, Entry
from gatepost.guardians.applications.faults import faults
from gatepost.guardians.applications.models import Applicant, Application
from gatepost.portals.binding.family import language
from gatepost.portals.binding.people import ApplicantForm, posted_version
from gatepost.portals.binding.words import REFUSALS, fault_text
from gatepost.portals.claiming.mine import after_person, being_filled_in, claiming
from gatepost.portals.frame import family_frame, page, signed_in
from gatepost.portals.moment import now_of

ON_THE_FORM = ("name", "relation", "id_number", "mobile")


class ClaimantForm(ApplicantForm):
    """One applicant, whose email is known."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        del self.fields["email"]
        self.fields["relation"].help_text = gettext_lazy("Who is neither mother nor father hands in a document next.")
        self.fields["id_number"].label = gettext_lazy("Your own ID or residence number")

    def entry_with(self, email: str) -> Entry:
        """What stands in the form, for saving."""
        self.cleaned_data["email"] = email
        return self.entry(1)


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
@claiming
@being_filled_in
def person(request: HttpRequest, application: Application) -> HttpResponse:
    """Saved at any time, right or wrong; “go on” also says what has to be mended."""
    saved = application.applicants.filter(position=1).first() or claims.fill_in(application, now=now_of(request))
    form = ClaimantForm(
        request.POST if request.method == "POST" else None, prefix="p1", saved=saved, initial=_initial(saved)
    )
    if request.method == "POST" and form.is_valid():
        application.version = posted_version(request)
        answer = _saved(request, application, form)
        if answer:
            return answer
    return page(
        request,
        "claiming/person.html",
        family_frame(request, current="family"),
        application=application,
        form=form,
        email=saved.email,
        version=Application.objects.values_list("version", flat=True).get(pk=application.pk),
    )


def _saved(request: HttpRequest, application: Application, form: ClaimantForm) -> HttpResponse | None:
    """Save; then where to go on, or None to show the page again with what is wrong."""
    try:
        row = acts.save_draft(
            application,
            kind=claims.kind_of(form.cleaned_data["relation"]),
            entries=[form.entry_with(signed_in(request).email)],
            language=language(),
            ring=settings.KEY_RING,
            now=now_of(request),
        )
        claims.fill_in(row, now=now_of(request))
    except ApplicationRefused as refused:
        form.add_error(None, str(REFUSALS[refused.code]))
        return None
    if "later" in request.POST:
        messages.success(request, _("Saved. Go on whenever you like, on any device."))
        return redirect("claim-status", application.pk)
    found = [one for one in faults(row, ring=settings.KEY_RING) if one.field in ON_THE_FORM]
    for one in found:
        form.add_error(one.field, str(fault_text(one)))
    return None if found else redirect(after_person(row))


def _initial(saved: Applicant) -> dict[str, str]:
    return {field: getattr(saved, field) for field in _kept()}


def _kept() -> Sequence[str]:
    return [field for field in ON_THE_FORM if field != "id_number"]
