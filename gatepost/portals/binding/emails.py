"""Proving an applicant's email by a code."""

from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from gatepost.access.doors import PUBLIC, open_to
from gatepost.channels.email.address import Mailbox
from gatepost.channels.errors import ChannelError
from gatepost.guardians.applications import emails
from gatepost.guardians.applications.emails import EmailRefused
from gatepost.guardians.applications.faults import Fault
from gatepost.guardians.applications.models import Applicant
from gatepost.notify.codes import send_code_to
from gatepost.portals.binding.family import Family, applying, frame, language
from gatepost.portals.binding.people import after_people
from gatepost.portals.binding.words import fault_text
from gatepost.portals.frame import page
from gatepost.portals.guardian import typed_codes
from gatepost.portals.guardian.typed_codes import CodeForm
from gatepost.portals.moment import now_of

REFUSALS = {
    "missing": gettext_lazy("Type the email address."),
    "unusable": gettext_lazy("This is not understood as an email address: write it like name@example.org."),
    "often": gettext_lazy("Enough codes were sent for now. Look into the mailbox, or try again in an hour."),
    "wrong": gettext_lazy("This is not the code we sent last. Look at the newest mail."),
    **typed_codes.REFUSALS,
}


@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
@applying
def prove(request: HttpRequest, family: Family, position: int) -> HttpResponse:
    """Have a code sent to the applicant's email, and type it."""
    application = family.application
    if application is None or not application.is_with_family:
        return redirect("binding-status")
    applicant = application.applicants.filter(position=position).first()
    if applicant is None:
        raise Http404("no such applicant")
    if applicant.email_proven_at and not applicant.email_refused_at:
        return redirect(after_people(application))
    is_code = request.method == "POST" and "send" not in request.POST
    form = CodeForm(request.POST if is_code else None)
    if request.method == "POST" and not is_code:
        return redirect(_send(request, applicant, now_of(request)))
    if is_code and form.is_valid() and _proven(applicant, form, now_of(request)):
        messages.success(request, _("This email is proven."))
        return redirect(after_people(application))
    return page(
        request,
        "binding/email.html",
        frame(request, family),
        form=form,
        applicant=applicant,
        refused=fault_text(Fault(position, "email", "refused")) if applicant.email_refused_at else "",
        was_sent=emails.was_asked(applicant, ring=settings.KEY_RING, now=now_of(request)),
    )


def _proven(applicant: Applicant, form: CodeForm, now: datetime) -> bool:
    try:
        emails.prove(applicant, form.cleaned_data["code"], ring=settings.KEY_RING, now=now)
    except EmailRefused as refused:
        form.add_error("code", str(REFUSALS[refused.code]))
        return False
    return True


def _send(request: HttpRequest, applicant: Applicant, now: datetime) -> str:
    """Send a code; where to go on: where an address that is refused can be changed, or where the code is typed."""
    here = reverse("binding-email", args=[applicant.position])
    try:
        code = emails.new_code(applicant, ring=settings.KEY_RING, now=now)
        send_code_to(
            Mailbox(applicant.email),
            code,
            key=f"applicant-{applicant.pk}",
            language=language(),
            now=now,
            return_to=emails.return_address(applicant.pk, applicant.email),
        )
    except EmailRefused as refused:
        messages.warning(request, REFUSALS[refused.code])
    except ChannelError as error:
        if error.permanent:
            emails.refused(applicant.pk, applicant.email, now=now)
            return reverse("binding-people")
        messages.warning(request, _("The mail could not be sent just now. Try again in a few minutes."))
    else:
        messages.success(request, _("A code is on its way."))
    return here
