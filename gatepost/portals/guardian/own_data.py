"""Take my data: ask for a copy, see how far it is, fetch it. For who has just shown who they are."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.accounts import proofs
from gatepost.accounts.attempts import TooOften
from gatepost.personal import copies
from gatepost.personal.copies import CopyRefused
from gatepost.personal.models import Copy
from gatepost.portals.frame import page, public_frame, signed_in
from gatepost.portals.moment import now_of

TYPES = {"json": "application/json", "pdf": "application/pdf"}
REFUSALS = {
    "none": gettext_lazy("There is no copy to fetch. Ask for one."),
    "late": gettext_lazy("The 24 hours are over, and the copy is deleted. Ask for a new one."),
    "changed": gettext_lazy(
        "Whom you may see has changed since the copy was made, so it was deleted. Ask for a new one."
    ),
}


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def own_data(request: HttpRequest) -> HttpResponse:
    """What a copy holds, and where the last one is; POST asks for one."""
    account, now = signed_in(request), now_of(request)
    if not proofs.is_fresh(request, now=now):
        return _prove_first()
    if request.method == "POST":
        try:
            copies.ask(account, now=now)
        except TooOften:
            messages.warning(request, _("One copy a day is the most. Ask again tomorrow."))
        return redirect("own-data")
    copy = copies.of(account, now=now)
    return page(request, "guardian/own_data.html", public_frame(request), **_shown(copy, now))


@open_to(SIGNED_IN)
@require_safe
def fetch(request: HttpRequest, form: str) -> HttpResponse:
    """The file, to be saved. Whoever holds the phone has to be its owner still."""
    account, now = signed_in(request), now_of(request)
    if form not in TYPES:
        raise Http404("no such form")
    if not proofs.is_fresh(request, now=now):
        return _prove_first()
    try:
        data = copies.opened(account, form, ring=settings.KEY_RING, now=now)
    except CopyRefused as refused:
        messages.warning(request, str(REFUSALS[refused.code]))
        return redirect("own-data")
    response = HttpResponse(data, content_type=TYPES[form])
    response["Content-Disposition"] = f'attachment; filename="gatepost-{localtime(now):%Y%m%d}.{form}"'
    response["Cache-Control"] = "no-store"
    return response


def _prove_first() -> HttpResponse:
    return HttpResponseRedirect(f"{reverse('sign-in-again')}?{urlencode({'next': reverse('own-data')})}")


def _shown(copy: Copy | None, now: datetime) -> dict[str, Any]:
    if copy is None:
        return {"can_ask": True}
    if copy.failed_at is not None:
        return {"has_failed": True, "can_ask": True}
    if copy.until is None:
        progress = {"label": _("Your copy is being made"), "done": copy.pieces_done, "total": copy.pieces}
        return {"progress": {**progress, "detail": _("You can leave this page: we write to you when it is there.")}}
    until = date_format(localtime(copy.until), "DATETIME_FORMAT")
    files = [
        {"label": _("To read (PDF)"), "url": reverse("own-data-file", args=["pdf"])},
        {"label": _("For a computer (JSON)"), "url": reverse("own-data-file", args=["json"])},
    ]
    return {"files": files, "until": until, "can_ask": now - copy.asked_at >= copies.EVERY}
