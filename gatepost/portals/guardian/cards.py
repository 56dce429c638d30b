"""The children's cards: which counts, stopping one at once, and reporting one lost for good."""

from datetime import timedelta
from itertools import groupby
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gatepost.access import queries
from gatepost.access.doors import GUARDIAN, open_to
from gatepost.cards import holders
from gatepost.cards.holders import CardRefused
from gatepost.cards.models import Card
from gatepost.guardians.models import Right
from gatepost.portals import words
from gatepost.portals.frame import child_detail, family_frame, page, signed_in
from gatepost.portals.moment import now_of

ENDED_SHOWN = timedelta(days=365)  # what became of an old card is of interest for a while
ENDED_SHOWN_MOST = 2  # of each child

REFUSALS = {
    "ended": gettext_lazy("This card counts no more already."),
    "older": gettext_lazy("There is a newer card. What becomes of this one, the school decides."),
}


class LossForm(forms.Form):
    read = forms.BooleanField(
        label=gettext_lazy("I have read this: it cannot be undone"),
        error_messages={"required": gettext_lazy("Tick the box if you want to report the card lost for good.")},
    )


@open_to(GUARDIAN)
@require_safe
def cards(request: HttpRequest) -> HttpResponse:
    """The cards of each child, and what can be done with them."""
    mine = {child.pk for child in queries.children(request.user, Right.SIGN)}
    held = groupby(queries.cards(request.user), key=lambda card: card.student_id)
    rows = {pk: _shown(list(of_child), request, may=pk in mine) for pk, of_child in held}
    children = [
        {"name": child.name, "detail": child_detail(child), "cards": rows.get(child.pk, [])}
        for child in queries.children(request.user)
    ]
    return page(request, "guardian/cards.html", family_frame(request, current="cards"), children=children)


@open_to(GUARDIAN)
@require_POST
def freeze(request: HttpRequest, card_id: int) -> HttpResponse:
    """From now on its taps count for nothing, until it is taken back."""
    card = queries.card(request.user, card_id, Right.SIGN)
    holders.freeze(card, by=signed_in(request), now=now_of(request))
    if card.ended_at is not None:
        messages.warning(request, str(REFUSALS["ended"]))
    else:
        messages.success(request, _("The card of {student} is frozen.").format(student=card.student.name))
    return redirect("family-cards")


@open_to(GUARDIAN)
@require_POST
def thaw(request: HttpRequest, card_id: int) -> HttpResponse:
    """It counts again."""
    card = queries.card(request.user, card_id, Right.SIGN)
    try:
        holders.thaw(card, by=signed_in(request))
    except CardRefused as refused:
        messages.warning(request, str(REFUSALS[refused.code]))
    else:
        messages.success(request, _("The card of {student} counts again.").format(student=card.student.name))
    return redirect("family-cards")


@open_to(GUARDIAN)
@require_http_methods(["GET", "HEAD", "POST"])
def lost(request: HttpRequest, card_id: int) -> HttpResponse:
    """What reporting means, to be read first; then it is final."""
    card = queries.card(request.user, card_id, Right.SIGN)
    form = LossForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            holders.report_lost(card, by=signed_in(request), now=now_of(request))
        except CardRefused as refused:
            messages.warning(request, str(REFUSALS[refused.code]))
        else:
            text = _("The card of {student} is reported lost. Please ask at school for a new one.")
            messages.success(request, text.format(student=card.student.name))
        return redirect("family-cards")
    return page(
        request,
        "guardian/card_loss.html",
        family_frame(request, current="cards"),
        status=422 if form.errors else 200,
        title=_("Report the card of {student} lost?").format(student=card.student.name),
        facts=[
            _("At school it counts no more, at once and for good, even if it is found again."),
            _("Look first at home, in the school bag, and at the lost property of bus and metro."),
            _("Not sure? Freeze it instead: that can be undone."),
            _("If the school has already put down a new card, this one is stopped by that."),
            _("The money on it is with the company that issued it: ask its service to stop and refund it."),
            _("A new card is applied for at school, during office hours."),
        ],
        form=form,
        back_url=reverse("family-cards"),
        crumbs=[{"label": _("Cards"), "url": reverse("family-cards")}],
    )


def _shown(cards_of_child: list[Card], request: HttpRequest, *, may: bool) -> list[dict[str, Any]]:
    """What is in use, and what lately was; newest first."""
    since = now_of(request) - ENDED_SHOWN
    ended = [card for card in cards_of_child if card.ended_at and card.ended_at > since][:ENDED_SHOWN_MOST]
    shown = [card for card in cards_of_child if card.ended_at is None or card in ended]
    return [_card(card, may=may, is_newest=card is cards_of_child[0]) for card in shown]


def _card(card: Card, *, may: bool, is_newest: bool) -> dict[str, Any]:
    state = card.state
    return {
        "number": _("Number ending in {digits}").format(digits=card.uid[-4:]),
        "since": _("since {day}").format(day=words.slashed(localtime(card.issued_at).date())),
        "state": words.CARD_LINES[state],
        "word": words.CARD_STATES[state],
        "note": _note(card, is_newest=is_newest),
        "actions": _actions(card, is_newest=is_newest) if may and card.ended_at is None else [],
    }


def _note(card: Card, *, is_newest: bool) -> str:
    if card.ended_at is not None:
        day = words.slashed(localtime(card.ended_at).date())
        if is_newest and card.ended_as == Card.End.LOST:
            return _("On {day}. No new card is put down yet: please ask at school.").format(day=day)
        return _("On {day}.").format(day=day)
    if card.frozen_at is not None:
        return _("Taps of it count for nothing. If it is tapped, you and the school are told.")
    return ""


def _actions(card: Card, *, is_newest: bool) -> list[dict[str, str]]:
    name = card.student.name
    stop = {"label": _("Freeze"), "url": reverse("card-freeze", args=[card.pk]), "kind": "plain"}
    again = {"label": _("Let it count again"), "url": reverse("card-thaw", args=[card.pk]), "kind": ""}
    found = [{**(again if card.frozen_at else stop), "method": "post", "about": name}]
    if is_newest:
        url = reverse("card-loss", args=[card.pk])
        found.append({"label": _("Report lost…"), "url": url, "kind": "quiet", "about": name})
    return found
