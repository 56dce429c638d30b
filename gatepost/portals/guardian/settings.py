"""What a family wants to be told, about which child, and where. One form, one POST."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings as config
from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.timezone import localdate, localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from gatepost.access import queries
from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.accounts.models import Account
from gatepost.attendance.notices import ARRIVED, LEFT, NOT_ARRIVED
from gatepost.guardians.models import Right
from gatepost.notify import recipients, topics
from gatepost.notify.models import Address, Channel
from gatepost.notify.queries import addresses_of, last_sent, shown, subscribed
from gatepost.portals import words
from gatepost.portals.frame import child_detail, family_frame, page, signed_in
from gatepost.portals.guardian import ways
from gatepost.portals.moment import now_of
from gatepost.roster.models import Student

Choice = tuple[str, int]  # topic, address

HINTS = {
    ARRIVED: gettext_lazy("As soon as the card is tapped, or somebody at school sees your child"),
    LEFT: gettext_lazy("A tap after the time school lets out"),
    NOT_ARRIVED: gettext_lazy("Only when the gate’s data is complete. Please keep one address for it."),
}


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest) -> HttpResponse:
    """The matrix of messages, the addresses, the language."""
    account = signed_in(request)
    children, addresses = list(queries.children(account, Right.TOLD)), addresses_of(account.pk)
    sent = last_sent(account.pk, [child.pk for child in children], today=localdate(now_of(request)))
    refused = ""
    if request.method == "POST":
        refused = _save(request, children, addresses)
        if not refused:
            return redirect("family-settings")
    return page(
        request,
        "guardian/settings.html",
        family_frame(request, current="settings"),
        status=422 if refused else 200,
        refused=refused,
        matrices=[_matrix(child, addresses, _chosen(request, child, refused=bool(refused))) for child in children],
        has_usable=any(address.is_usable for address in addresses),
        addresses=[_address(address, sent.get(address.pk)) for address in addresses],
        ways=ways.on_offer(),
        sms_url=reverse("family-sms") if "sms" in config.CHANNELS else "",
        bonds=[_bond(child) for child in _bound(account)],
    )


def _chosen(request: HttpRequest, child: Student, *, refused: bool) -> set[Choice]:
    """What is kept; after a refusal what was asked for, so that nothing chosen is lost."""
    if refused:
        return set(_asked(request, child))
    return subscribed(signed_in(request).pk, child.pk)


def _asked(request: HttpRequest, child: Student) -> list[Choice]:
    found = []
    known = {topic.code for topic in topics.choosable()}
    for value in request.POST.getlist(_name(child.pk)):
        topic, _colon, address = value.partition(":")
        if topic in known and address.isdecimal():
            found.append((topic, int(address)))
    return found


def _save(request: HttpRequest, children: Sequence[Student], addresses: Sequence[Address]) -> str:
    """Keep what was asked for, for all children or for none. Returns why not, in a sentence; empty when kept."""
    account, by_id = signed_in(request), {address.pk: address for address in addresses}
    added = removed = 0
    try:
        with transaction.atomic():
            for child in children:
                choices = [(topic, by_id[pk]) for topic, pk in _asked(request, child) if pk in by_id]
                more, less = recipients.subscribe(account.pk, child.pk, choices=choices)
                added, removed = added + more, removed + less
    except recipients.SubscriptionRefused as refused:
        if refused.code == "unproven":
            return _(
                "Nothing was saved: an address you chose is not proven. Prove it below with a code, then choose again."
            )
        return _("Nothing was saved: one of the children is not bound to your account any more.")
    messages.success(request, _saved(added, removed))
    return ""


def _saved(added: int, removed: int) -> str:
    if not added and not removed:
        return _("Nothing was changed.")
    return _("Saved. Switched on: {added}. Switched off: {removed}.").format(added=added, removed=removed)


def _matrix(child: Student, addresses: Sequence[Address], chosen: set[Choice]) -> dict[str, Any]:
    columns = [address for address in addresses if address.is_usable]
    channels = [{"label": str(words.CHANNELS[one.channel]), "detail": shown(one)} for one in columns]
    email = str(words.CHANNELS["email"])
    rows = []
    for topic in topics.choosable():
        cells = [_cell(child.pk, topic.code, one, (topic.code, one.pk) in chosen) for one in columns]
        if not columns:
            cells = [{"channel": email, "add_url": reverse("address-new")}]
        rows.append({"label": topic.title, "hint": HINTS.get(topic.code, ""), "cells": cells})
    caption = f"{child.name} {child_detail(child)}"
    return {"caption": caption, "channels": channels or [{"label": email}], "rows": rows}


def _cell(child_id: UUID, topic: str, address: Address, checked: bool) -> dict[str, Any]:
    return {
        "name": _name(child_id),
        "value": f"{topic}:{address.pk}",
        "id": f"{child_id}-{topic}-{address.pk}",
        "channel": f"{words.CHANNELS[address.channel]} {shown(address)}",
        "checked": checked,
    }


def _bound(account: Account) -> QuerySet[Student]:
    return queries.children(account) | queries.children(account, Right.TOLD)


def _bond(child: Student) -> dict[str, str]:
    url = reverse("bond-end", args=[child.pk])
    return {"text": f"{child.name} {child_detail(child)}", "note": _("End the bond"), "url": url}


def _name(child_id: UUID) -> str:
    return f"child-{child_id}"


def _address(address: Address, last_sent_at: datetime | None) -> dict[str, Any]:
    named = address.label or address.target
    way = next((way for way in ways.on_offer() if way.channel == address.channel), None)
    drawn = {
        "channel": words.CHANNELS[address.channel],
        "target": named,
        "state": "delivered",
        "word": _("Proven"),
        "note": "",
    }
    prove = way and {
        "label": way.prove_label,
        "url": reverse(way.prove, args=[address.pk]),
        "kind": "plain",
        "about": named,
    }
    removal = {
        "label": _("Remove"),
        "url": reverse("address-removal", args=[address.pk]),
        "kind": "quiet",
        "about": named,
    }
    actions = [prove, removal] if prove else [removal]
    if address.disabled_at is not None and address.channel == Channel.PUSH:  # mended on the device alone
        gone = words.CHANNEL_REASONS["push", "refused"]
        note = str(words.ADDRESS_REASONS["signed_out"] if address.disabled_because == "signed_out" else gone)
        return drawn | {"state": "failed", "word": _("Switched off"), "note": note, "actions": [removal]}
    if address.disabled_at is not None:
        why = words.ADDRESS_REASONS.get(address.disabled_because, _("It could not be reached."))
        note = words.sentences(str(why), _("Prove it again to use it."))
        return drawn | {"state": "failed", "word": _("Switched off"), "note": note, "actions": actions}
    if address.verified_at is None:
        note = str(way.waiting) if way else ""
        return drawn | {"state": "waiting", "word": _("Not proven yet"), "note": note, "actions": actions}
    if last_sent_at is not None:
        time = localtime(last_sent_at).strftime("%m/%d %H:%M")
        drawn["note"] = _("The last message was handed over on {time}.").format(time=time)
    return drawn | {"actions": actions if address.channel == Channel.PUSH else [removal]}
