"""The daily summary: arrivals and departures of all children in one message a day, in place of the single ones."""

from datetime import time
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.attendance import digests
from gatepost.attendance.digests import DigestRefused
from gatepost.attendance.models import Digest
from gatepost.notify.models import Address
from gatepost.notify.queries import addresses_of
from gatepost.portals.frame import family_frame, page, signed_in
from gatepost.portals.guardian.quiet import timezone_of
from gatepost.portals.moment import now_of

USUAL = time(18)
REFUSALS = {
    "unproven": gettext_lazy("This address is not proven any more. Choose another one."),
    "stranger": gettext_lazy("No child is bound to your account, so there is nothing to sum up."),
}


class DigestForm(forms.Form):
    at = forms.TypedChoiceField(
        label=gettext_lazy("Every school day at"),
        choices=[(f"{hour}:00", f"{hour}:00") for hour in digests.HOURS],
        coerce=time.fromisoformat,
    )
    address = forms.TypedChoiceField(
        label=gettext_lazy("Where to"),
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose an address.")},
    )

    def __init__(self, data: Any, *, addresses: list[Address], initial: dict[str, Any]) -> None:
        super().__init__(data, initial=initial)
        field = self.fields["address"]
        assert isinstance(field, forms.TypedChoiceField)  # noqa: S101 - a few lines above
        field.choices = [(one.pk, one.label or one.target) for one in addresses]


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def summary(request: HttpRequest) -> HttpResponse:
    """Choose it, change it, or go back to single messages; the page says what stops with it."""
    account, now = signed_in(request), now_of(request)
    standing = digests.of(account)
    if "none" in request.POST:
        digests.stop(account, now=now)
        messages.success(request, _("No daily summary any more: the single messages come again."))
        return redirect("family-settings")
    usable = {one.pk: one for one in addresses_of(account.pk) if one.is_usable and one.channel in digests.CHANNELS}
    form = DigestForm(
        request.POST if request.method == "POST" else None,
        addresses=list(usable.values()),
        initial=_initial(standing, list(usable)),
    )
    if form.is_bound and form.is_valid():
        wanted = form.cleaned_data
        try:
            digests.choose(account, usable[wanted["address"]], at=wanted["at"], timezone=timezone_of(account), now=now)
        except DigestRefused as refused:
            form.add_error(None, str(REFUSALS[refused.code]))
        else:
            messages.success(request, _("Saved. Daily summary: {when}.").format(when=said(digests.of(account))))
            return redirect("family-settings")
    return page(
        request,
        "guardian/digest.html",
        family_frame(request, current="settings"),
        status=422 if form.is_bound else 200,
        form=form,
        stands=standing is not None,
        can_choose=bool(usable),
        add_url=reverse("address-new"),
        crumbs=[{"label": _("Account settings"), "url": reverse("family-settings")}],
    )


def said(chosen: tuple[Digest, Address] | None) -> str:
    """18:00, mother@example.org; a word where there is none."""
    if chosen is None:
        return _("Single messages, each at once")
    digest, address = chosen
    return _("{time}, to {address}").format(time=f"{digest.at:%H:%M}", address=address.label or address.target)


def _initial(standing: tuple[Digest, Address] | None, usable: list[int]) -> dict[str, Any]:
    at, address = (standing[0].at, standing[1].pk) if standing else (USUAL, usable[0] if usable else None)
    return {"at": f"{at.hour}:00", "address": address}
