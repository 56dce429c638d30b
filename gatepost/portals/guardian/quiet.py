"""Quiet hours: when a guardian wants to hear nothing that may wait."""

from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from gatepost.access import queries
from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.accounts.models import Account
from gatepost.guardians.models import Right
from gatepost.notify import quiet, topics
from gatepost.notify.quiet import QuietHours
from gatepost.portals import words
from gatepost.portals.forms import time_field
from gatepost.portals.frame import family_frame, page, signed_in
from gatepost.portals.moment import now_of


class QuietForm(forms.Form):
    starts = time_field(gettext_lazy("From"))
    ends = time_field(gettext_lazy("To"), help_text=gettext_lazy("Earlier than the beginning: on the next morning."))
    routine_off = forms.BooleanField(
        required=False,
        label=gettext_lazy("Leave out “arrived” and “left” in these hours, too"),
        help_text=gettext_lazy("They are not sent later. What happened stands on the child’s page."),
    )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        if "starts" not in found or "ends" not in found:
            return found
        hours = QuietHours(starts=found["starts"], ends=found["ends"])
        if not hours.length:
            self.add_error("ends", _("Choose another time than the beginning."))
        elif hours.length > quiet.LONGEST:
            self.add_error("ends", _("Quiet hours last 14 hours at the most: choose an earlier end."))
        return found


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def hours(request: HttpRequest) -> HttpResponse:
    """Keep the hours, or have none any more; the page says what waits and what never does."""
    account = signed_in(request)
    standing = quiet.of(account)
    if "none" in request.POST:
        quiet.forget(account)
        messages.success(request, _("You have no quiet hours any more."))
        return redirect("family-settings")
    form = QuietForm(request.POST if request.method == "POST" else None, initial=_initial(standing))
    if request.method == "POST" and form.is_valid():
        _keep(account, form.cleaned_data, now=now_of(request))
        messages.success(request, _("Saved. Quiet hours: {hours}.").format(hours=said(quiet.of(account))))
        return redirect("family-settings")
    return page(
        request,
        "guardian/quiet.html",
        family_frame(request, current="settings"),
        status=422 if form.is_bound else 200,
        form=form,
        stands=standing is not None,
        waiting=words.listed(str(topic.title) for topic in topics.waiting()),
        crumbs=[{"label": _("Account settings"), "url": reverse("family-settings")}],
    )


def said(hours: QuietHours | None) -> str:
    """22:00–07:00; a word where there are none."""
    return f"{hours.starts:%H:%M}–{hours.ends:%H:%M}" if hours else _("None set")


def timezone_of(account: Account) -> str:
    """The clocks a family lives by: those of a child's school, or the city's."""
    child = queries.children(account, Right.TOLD).first()
    return child.school.timezone if child else settings.TIME_ZONE


def _initial(standing: QuietHours | None) -> dict[str, Any]:
    if standing is None:
        return {"starts": "22:00", "ends": "07:00"}
    off = standing.routine_off_since is not None
    return {"starts": standing.starts, "ends": standing.ends, "routine_off": off}


def _keep(account: Account, wanted: dict[str, Any], *, now: datetime) -> None:
    quiet.keep(account, **wanted, timezone=timezone_of(account), now=now)
