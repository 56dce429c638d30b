"""What Gatepost knows of a guardian and of each child, as the account settings say it."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gatepost.access import queries
from gatepost.accounts.models import Account
from gatepost.cards.models import Card
from gatepost.guardians import proofs
from gatepost.guardians.models import Guardianship, Right
from gatepost.notify.models import Channel
from gatepost.portals import words
from gatepost.portals.frame import class_and_seat
from gatepost.portals.guardian.matrix import Desk
from gatepost.portals.rights import relation_in_words, rights_in_words
from gatepost.roster import identity_numbers
from gatepost.roster.models import SealedIdentity, Stage, Student

STAGES: dict[str, Promise] = {
    Stage.ELEMENTARY: gettext_lazy("Elementary school"),
    Stage.JUNIOR_HIGH: gettext_lazy("Junior high school"),
    Stage.SENIOR_HIGH: gettext_lazy("Senior high school"),
    Stage.VOCATIONAL_HIGH: gettext_lazy("Vocational high school"),
    Stage.SPECIAL: gettext_lazy("Special education school"),
}

Fact = dict[str, Any]


def of_account(request: HttpRequest, account: Account, desk: Desk, bonds: list[Guardianship]) -> list[Fact]:
    """Role, permission group, name, ID number (masked), email to sign in with, telephone number."""
    roles = [str(words.ROLES[name]) for name in words.ROLES if name in queries.role_names(request.user)]
    numbers = [one.label for one in desk.usable if one.channel == Channel.SMS]
    relations = words.listed(dict.fromkeys(filter(None, map(relation_in_words, bonds))))
    return [
        _fact(_("You are"), relations or _("No child bound yet")),
        _fact(_("Permission group"), words.listed([*([_("Families")] if bonds else []), *roles]) or _("Families")),
        _fact(_("Full name"), account.name or _("Not written down")),
        _fact(_("ID number"), _own_number(account)),
        _fact(_("Email to sign in with"), account.email, url=reverse("own-email")),
        _fact(_("Telephone"), words.listed(numbers) or _("No number proven")),
    ]


def of_child(request: HttpRequest, bond: Guardianship, desk: Desk, card: Card | None) -> list[Fact]:
    """What the school has on record of a child that `bond` lets its guardian see, and what the bond lets them do."""
    child = bond.student
    return [
        _fact(_("Stage"), str(STAGES[child.stage])),
        _fact(_("School"), child.school.short_name),
        _fact(_("Student number"), child.number),
        _fact(_("Class"), class_and_seat(child)),
        _fact(_("Full name"), child.name),
        _fact(_("Birthday"), date_format(child.birthday, "Y-m-d") if child.birthday else _("Not on record")),
        _fact(_("ID number"), _masked(child) or _("Not on record")),
        _fact(_("Number for text messages"), _number(child, desk)),
        _fact(_("Card"), _card(card), url=reverse("family-cards")),
        of_bond(bond),
    ]


def of_bond(bond: Guardianship) -> Fact:
    """What a guardian may do: "mother: see, be told"."""
    rights = rights_in_words([right.value for right in bond.rights])
    return _fact(_("You may"), rights, note=relation_in_words(bond))


def newest_cards(request: HttpRequest) -> dict[Any, Card]:
    """The card of each child that the person may see, by the child: the newest."""
    newest: dict[Any, Card] = {}
    for card in queries.cards(request.user):
        newest.setdefault(card.student_id, card)
    return newest


def may_see(request: HttpRequest) -> set[Any]:
    """The children whose details the person's bonds open."""
    return set(queries.children(request.user, Right.SEE).order_by().values_list("pk", flat=True))


def _fact(label: str, value: str, *, url: str = "", note: str = "") -> Fact:
    return {"label": label, "value": value, "url": url, "note": note}


def _own_number(account: Account) -> str:
    """As a school has it on record of whoever has proven it; accounts hold no numbers."""
    record = queries.own_record(account)
    if record is not None:
        return _masked(record)
    return _("Proven, and not kept in a form that can be read") if proofs.digests(account.pk) else _("Not proven")


def _masked(person: SealedIdentity) -> str:
    number = person.open_id_number(settings.KEY_RING)
    return identity_numbers.mask(number) if number else ""


def _number(child: Student, desk: Desk) -> str:
    chosen = {address for _topic, address in desk.standing.get(child.pk, ())}
    found = [one.label for one in desk.usable if one.channel == Channel.SMS and one.pk in chosen]
    return words.listed(found) or _("No number chosen")


def _card(card: Card | None) -> str:
    return str(words.CARD_STATES[card.state]) if card else _("No card given out")
