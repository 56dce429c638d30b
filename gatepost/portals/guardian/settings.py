"""Account settings: what one is told about which child and where, the addresses, what Gatepost knows. One POST."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings as config
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from gatepost.access import queries
from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.accounts.models import Account
from gatepost.attendance import digests
from gatepost.guardians.models import Guardianship
from gatepost.notify import quiet
from gatepost.notify.queries import last_sent
from gatepost.notify.recipients import SubscriptionRefused
from gatepost.portals import words
from gatepost.portals.frame import child_detail, family_frame, page, signed_in
from gatepost.portals.guardian import changes, matrix, profile, reach, ways
from gatepost.portals.guardian import digest as digest_pages
from gatepost.portals.guardian import quiet as quiet_pages
from gatepost.portals.guardian.matrix import Choice, Desk
from gatepost.portals.moment import now_of
from gatepost.roster.models import Student

MEANT = "silent"  # in the form: children of whom a safety message may end on purpose


@dataclass(frozen=True, slots=True)
class _Refused:
    """Why nothing was saved; of which children somebody has to say that a safety message may end."""

    because: str
    asked: Mapping[UUID, set[Choice]]
    silent: list[Student] = field(default_factory=list)


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest) -> HttpResponse:
    """What one is told and where, first; then when, the addresses, the language, and what Gatepost knows."""
    account = signed_in(request)
    desk = matrix.of(account, now=now_of(request))
    refused = _save(request, desk) if request.method == "POST" else None
    if request.method == "POST" and refused is None:
        return redirect("family-settings")
    bonds = list(queries.own_bonds(account))
    names = desk.names()
    sent = last_sent(account.pk, [child.pk for child in desk.children], today=localdate(now_of(request)))
    return page(
        request,
        "guardian/settings.html",
        family_frame(request, current="settings"),
        status=422 if refused else 200,
        refused=refused,
        saved=changes.toast(request),
        undo_url=reverse("family-settings-undo"),
        children=_children(request, desk, bonds, refused),
        has_usable=bool(desk.usable),
        addresses=[reach.drawn(one, sent.get(one.pk), names[one.pk]) for one in desk.addresses],
        ways=ways.on_offer(),
        sms_url=reverse("family-sms") if "sms" in config.CHANNELS else "",
        times=_times(account),
        facts=profile.of_account(request, account, desk, bonds),
    )


def _save(request: HttpRequest, desk: Desk) -> _Refused | None:
    """Keep what was asked for, for all children or for none."""
    wanted = matrix.asked(desk, request.POST)
    closed = matrix.without_a_switch(desk, wanted)
    if desk.summary_at in closed:
        because = _("Nothing was saved: arrivals and departures come to this address once a day. Change that first.")
        return _Refused(because, wanted)
    if closed:
        because = _("Nothing was saved: text messages about arrivals go in months that the school has granted.")
        return _Refused(because, wanted)
    silent = matrix.silenced(desk, wanted, meant=request.POST.getlist(MEANT))
    if silent:
        because = _(
            "Nothing was saved: “Not arrived” would reach you nowhere any more. Choose one address for it, "
            "or say below that it is meant so."
        )
        return _Refused(because, wanted, silent)
    try:
        changes.remember(request, changes.keep(desk, wanted))
    except SubscriptionRefused as refused:
        because = {
            "unproven": _(
                "Nothing was saved: an address you chose is not proven. Prove it below with a code, then choose again."
            )
        }.get(refused.code, _("Nothing was saved: one of the children is not bound to your account any more."))
        return _Refused(because, wanted)
    return None


def _times(account: Account) -> list[dict[str, str]]:
    """When messages come: each row leads to the page where it is changed."""
    hours, summary = quiet_pages.said(quiet.of(account)), digest_pages.said(digests.of(account))
    return [
        {"text": _("Daily summary"), "note": summary, "url": reverse("family-digest")},
        {"text": _("Quiet hours"), "note": hours, "url": reverse("family-quiet")},
    ]


def _children(
    request: HttpRequest, desk: Desk, bonds: list[Guardianship], refused: _Refused | None
) -> list[dict[str, Any]]:
    """Each child with what is told where, the switches behind it, and what the school has on record."""
    cards, seen = profile.newest_cards(request), profile.may_see(request)
    told = {child.pk for child in desk.children}
    drawn = []
    for bond in bonds:
        child = bond.student
        choices = refused.asked if refused else desk.standing  # after a refusal nothing that was chosen is lost
        may = child.pk in told
        drawn.append(
            {
                "id": child.pk,
                "name": child.name,
                "detail": child_detail(child),
                "told": matrix.told(desk, child) if may else [],
                "unheard": words.listed(matrix.unheard(desk, child)) if may else "",
                "matrix": matrix.drawn(desk, child, choices[child.pk]) if may else None,
                "asks": refused is not None and child in refused.silent,
                "open": refused is not None,
                "facts": profile.of_child(request, bond, desk, cards.get(child.pk))
                if child.pk in seen
                else [profile.of_bond(bond)],
                "looks_url": reverse("child-looks", args=[child.pk]) if child.pk in seen else "",
                "end_url": reverse("bond-end", args=[child.pk]),
            }
        )
    return drawn
