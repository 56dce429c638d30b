"""How it stands with each address of a family, in words, with what mends it."""

from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gatepost.notify import proofs
from gatepost.notify.models import Address, Channel
from gatepost.portals import words
from gatepost.portals.guardian import ways

HOW: dict[str, Promise] = {
    proofs.CODE: gettext_lazy("you typed its code"),
    proofs.LINK: gettext_lazy("you opened a link we mailed there"),
    proofs.SIGN_IN: gettext_lazy("you signed in with a code from there"),
    proofs.MESSAGE: gettext_lazy("a message arrived there"),
    proofs.LINE: gettext_lazy("LINE told us of you"),
    proofs.ANSWER: gettext_lazy("you answered our question"),
}


def drawn(address: Address, last_sent_at: datetime | None, name: str) -> dict[str, Any]:
    """As the component `addresses` draws it. `name`: its channel, in words."""
    state, word, note = _state(address, last_sent_at)
    return {
        "channel": name,
        "target": _named(address),
        "state": state,
        "word": word,
        "note": note,
        "actions": [*_mending(address), _removal(address)],
    }


def _state(address: Address, last_sent_at: datetime | None) -> tuple[str, str, str]:
    if address.disabled_at is not None:
        return "failed", _("Switched off"), _why_off(address, address.disabled_at)
    if address.verified_at is None:
        way = _way(address)
        return "waiting", _("Not proven yet"), str(way.waiting) if way else ""
    proven = _("Proven on {date}: {how}.").format(
        date=_date(address.proven_at or address.verified_at), how=_how(address)
    )
    sent = ""
    if last_sent_at is not None:
        time = localtime(last_sent_at).strftime("%m/%d %H:%M")
        sent = _("The last message was handed over on {time}.").format(time=time)
    if address.complained_at is not None:
        spam = _(
            "A mail from us was marked as spam here on {date}. To get the other messages again, choose them above."
        )
        return (
            "waiting",
            _("Safety messages only"),
            words.sentences(spam.format(date=_date(address.complained_at)), sent),
        )
    if address.lapsed_at is not None:
        silent = _("We asked twice whether our messages still reach you here, and got no answer. Prove it again.")
        return "waiting", _("Not confirmed"), words.sentences(proven, silent, sent)
    asked = ""
    if address.asked_at is not None:
        asked = _("On {date} we asked here whether it still reaches you: please answer.").format(
            date=_date(address.asked_at)
        )
    return "delivered", _("Proven"), words.sentences(proven, asked, sent)


def _why_off(address: Address, at: datetime) -> str:
    since = _("Since {date}.").format(date=_date(at))
    if address.channel == Channel.PUSH:  # mended on the device alone
        gone = words.CHANNEL_REASONS["push", "refused"]
        return words.sentences(
            str(words.ADDRESS_REASONS["signed_out"] if address.disabled_because == "signed_out" else gone), since
        )
    why = words.ADDRESS_REASONS.get(address.disabled_because, _("It could not be reached."))
    return words.sentences(str(why), since, _("Prove it again to use it."))


def _mending(address: Address) -> list[dict[str, str]]:
    """One act, where there is one: a test on a device whenever its owner likes."""
    way, is_push = _way(address), address.channel == Channel.PUSH
    if way is None or (is_push and address.disabled_at is not None) or (address.is_proven and not is_push):
        return []
    url = reverse(way.prove, args=[address.pk])
    return [{"label": str(way.prove_label), "url": url, "kind": "plain", "about": _named(address)}]


def _removal(address: Address) -> dict[str, str]:
    url = reverse("address-removal", args=[address.pk])
    return {"label": _("Remove"), "url": url, "kind": "quiet", "about": _named(address)}


def _named(address: Address) -> str:
    return address.label or address.target


def _way(address: Address) -> ways.Way | None:
    return next((way for way in ways.on_offer() if way.channel == address.channel), None)


def _how(address: Address) -> str:
    return str(HOW.get(address.proven_by, HOW[proofs.CODE]))


def _date(at: datetime) -> str:
    return words.slashed(localtime(at).date())
