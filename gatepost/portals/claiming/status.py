"""Where a claim stands, what was typed, and what can be done next."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.guardians.applications.models import Application, ApplicationStep, Desk
from gatepost.portals.binding.status import TONES, consent_rows, step_row
from gatepost.portals.claiming.mine import claiming, next_url
from gatepost.portals.claiming.words import MEANINGS, STATES
from gatepost.portals.frame import family_frame, page
from gatepost.portals.moment import now_of
from gatepost.portals.words import slashed
from gatepost.roster import identity_numbers

State = Application.State


@open_to(SIGNED_IN)
@require_safe
@claiming
def status(request: HttpRequest, application: Application) -> HttpResponse:
    """One sentence first: the state; then what to do, and what was typed, to be looked at again."""
    desk = Desk.objects.filter(school=application.claim.school).first()
    return page(
        request,
        "claiming/status.html",
        family_frame(request, current="family"),
        application=application,
        state=STATES[application.state],
        meaning=MEANINGS[application.state],
        tone=TONES.get(application.state, ""),
        reason=application.reason if application.state in (State.RETURNED, State.REFUSED) else "",
        waiting=_waiting(application, desk, now_of(request)),
        facts=facts(application),
        steps=[step_row(step) for step in application.steps.exclude(act=ApplicationStep.Act.SET_ASIDE)],
        consents=consent_rows(application),
        next_url=next_url(application),
        again_url=_again_url(application),
    )


def facts(application: Application) -> list[tuple[str, str]]:
    """The child as it was typed, the ID number masked; nothing of what the school knows."""
    claim = application.claim
    number = identity_numbers.mask(claim.open_id_number(settings.KEY_RING) or "")
    return [
        (_("School"), claim.school.name),
        (_("Student number"), claim.number),
        (_("Student’s full name"), claim.name),
        (_("Student’s ID or residence number"), number),
        (_("Date of birth"), slashed(claim.birthday)),
    ]


def _waiting(application: Application, desk: Desk | None, now: datetime) -> dict[str, Any] | None:
    """What to say while it is with the school: its promise, and whom to ask once that is over."""
    if application.state != State.SUBMITTED or application.submitted_at is None or desk is None:
        return None
    promise = ngettext(
        "The school answers within {n} day.", "The school answers within {n} days.", desk.promised_days
    ).format(n=desk.promised_days)
    is_late = now - application.submitted_at >= timedelta(days=desk.promised_days)
    return {"promise": promise, "is_late": is_late, "contact": desk.contact}


def _again_url(application: Application) -> str:
    """Where to ask again with what was typed; empty while it is open or once it is approved."""
    if application.state not in (State.REFUSED, State.LAPSED, State.WITHDRAWN):
        return ""
    return f"{reverse('claim-child', args=[application.claim.school.code])}?again={application.pk}"
