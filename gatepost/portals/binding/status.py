"""Where the application stands, and what can be done next."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gatepost.access.doors import PUBLIC, open_to
from gatepost.guardians.applications import consents
from gatepost.guardians.applications.models import Application, Consent
from gatepost.portals.binding.family import Family, applying, frame
from gatepost.portals.binding.words import ACTS, KINDS, MEANINGS, STATES
from gatepost.portals.frame import class_and_seat, page
from gatepost.portals.words import listed, slashed

State = Application.State


@open_to(PUBLIC)
@require_safe
@applying
def status(request: HttpRequest, family: Family) -> HttpResponse:
    """One sentence first: the state; then what to do, and how it came about."""
    application = family.application
    if application is None:
        return page(request, "binding/begin.html", frame(request, family), student=family.student)
    return page(
        request,
        "binding/status.html",
        frame(request, family),
        application=application,
        student=family.student,
        class_and_seat=class_and_seat(family.student),
        state=STATES[application.state],
        meaning=MEANINGS[application.state],
        tone=TONES.get(application.state, ""),
        reason=application.reason if application.state in (State.RETURNED, State.REFUSED) else "",
        kind=KINDS.get(application.kind, ""),
        unreached=_unreached(application),
        steps=[step_row(step) for step in application.steps.all()],
        next_url=next_url(application),
        consents=consent_rows(application),
    )


def _unreached(application: Application) -> str:
    """Which email the school's mails do not reach, and what to do; empty if all is well."""
    came_back = application.applicants.filter(email_refused_at__isnull=False).values_list("email", flat=True)
    if not came_back or not application.is_open:
        return ""
    text = _("Mail to {emails} comes back. Correct the address when you go on.")
    if not application.is_with_family:
        text = _(
            "Mail to {emails} comes back. Please tell the school: it returns the application to you, and you correct "
            "the address. You can read here how it stands."
        )
    return text.format(emails=listed(came_back))


def next_url(application: Application) -> str:
    """The first page that still needs the family; empty if none does."""
    if not application.is_with_family:
        return "" if application.is_open else reverse("binding-data")
    if application.data_confirmed_at is None:
        return reverse("binding-data")
    if not consents.is_given(application, consents.NECESSARY):
        return reverse("binding-consent")
    return reverse("binding-people" if application.kind else "binding-kind")


def step_row(step: Any) -> dict[str, Any]:
    """A step in the list."""
    at = localtime(step.at)
    return {"text": ACTS[step.act], "time": f"{slashed(at.date())} {at:%H:%M}", "note": step.reason}


def consent_rows(application: Application) -> list[dict[str, Any]]:
    """What was answered, and whether it can be taken back."""
    titles = {Consent.Purpose.BINDING: _("The parent–child account"), Consent.Purpose.SERVICES: _("Connected services")}
    return [
        {
            "title": titles[Consent.Purpose(purpose)],
            "answer": _("Taken back") if one.withdrawn_at else (_("Agreed") if one.is_given() else _("Not agreed")),
            "can_end": one.is_given() and purpose != consents.NECESSARY,
            "purpose": purpose,
        }
        for purpose, one in sorted(consents.newest(application).items())
    ]


TONES = {State.APPROVED: "done", State.RETURNED: "held", State.REFUSED: "held"}
