"""Keeping what was chosen in the matrix: all of it or nothing, said in words, and taken back with one button."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.notify import recipients
from gatepost.notify.recipients import SubscriptionRefused
from gatepost.portals import words
from gatepost.portals.frame import signed_in
from gatepost.portals.guardian import matrix
from gatepost.portals.guardian.matrix import Choice, Desk
from gatepost.portals.moment import now_of

UNDO = "settings_undo"  # in the session: what the last saving changed, and whether the button was shown


def keep(desk: Desk, wanted: Mapping[UUID, set[Choice]]) -> dict[str, Any]:
    """Make the subscriptions what is wanted, of all children or of none. Returns what changed: `said`, `on`, `off`.

    Raises `SubscriptionRefused` (unproven, stranger).
    """
    by_pk = {address.pk: address for address in desk.addresses}
    with transaction.atomic():
        for child in desk.children:
            choices = [(topic, by_pk[pk]) for topic, pk in sorted(wanted[child.pk])]
            recipients.subscribe(desk.account.pk, child.pk, choices=choices)
    usable = {address.pk for address in desk.usable}
    on: list[list[Any]] = []
    off: list[list[Any]] = []
    for child in desk.children:
        standing = {choice for choice in desk.standing[child.pk] if choice[1] in usable}
        on += [[str(child.pk), *choice] for choice in sorted(wanted[child.pk] - standing)]
        off += [[str(child.pk), *choice] for choice in sorted(standing - wanted[child.pk])]
    return {"said": _said(desk, on, off), "on": on, "off": off}


def remember(request: HttpRequest, changed: dict[str, Any]) -> None:
    """Say it on the next page, with a button that takes it back."""
    if not changed["on"] and not changed["off"]:
        messages.success(request, _("Nothing was changed."))
        return
    request.session[UNDO] = changed


def toast(request: HttpRequest) -> str:
    """What was just saved, to be said once; empty when it was said. The button works until the next saving."""
    kept = request.session.get(UNDO)
    if not kept or not kept.get("said"):
        return ""
    text = str(kept.pop("said"))
    request.session[UNDO] = kept
    return text


@open_to(SIGNED_IN)
@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """Take back the last saving: what it switched on goes off, and what it switched off is on again."""
    kept = request.session.pop(UNDO, None)
    if kept is None:
        messages.warning(request, _("There is nothing to take back."))
        return redirect("family-settings")
    desk = matrix.of(signed_in(request), now=now_of(request))
    wanted = {
        child.pk: (_usable(desk, desk.standing[child.pk]) - _of(kept["on"], child.pk)) | _of(kept["off"], child.pk)
        for child in desk.children
    }
    try:
        keep(desk, wanted)
    except (SubscriptionRefused, KeyError):  # the address or the bond is gone since
        messages.warning(request, _("This can no longer be taken back: an address or a bond has changed since."))
    else:
        messages.success(request, _("Taken back: everything is as it was before."))
    return redirect("family-settings")


def _usable(desk: Desk, choices: set[Choice]) -> set[Choice]:
    """What the form could speak of; what waits for an address that is switched off stays without being asked for."""
    usable = {address.pk for address in desk.usable}
    return {choice for choice in choices if choice[1] in usable}


def _of(rows: Sequence[Sequence[Any]], child_id: UUID) -> set[Choice]:
    return {(topic, address) for child, topic, address in rows if child == str(child_id)}


def _said(desk: Desk, on: Sequence[Sequence[Any]], off: Sequence[Sequence[Any]]) -> str:
    names = desk.names()

    def listed(rows: Sequence[Sequence[Any]], child_id: UUID) -> str:
        said = [
            _("{topic} ({address})").format(topic=words.topic_title(topic), address=names[address])
            for topic, address in sorted(_of(rows, child_id))
        ]
        return words.listed(said)

    sentences = []
    for child in desk.children:
        more, less = listed(on, child.pk), listed(off, child.pk)
        if more:
            sentences.append(_("{student}: switched on {choices}.").format(student=child.name, choices=more))
        if less:
            sentences.append(_("{student}: switched off {choices}.").format(student=child.name, choices=less))
    return words.sentences(*sentences)
