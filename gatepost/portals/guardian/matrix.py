"""The matrix child × event × address: what may be chosen, what was asked for, and what cannot be kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gatepost.access import queries
from gatepost.accounts.models import Account
from gatepost.allowances import grants
from gatepost.attendance import digests
from gatepost.attendance.notices import ARRIVED, LEFT, NOT_ARRIVED
from gatepost.guardians.models import Right
from gatepost.kit.clock import local_date
from gatepost.notify import topics
from gatepost.notify.models import Address, Channel
from gatepost.notify.queries import addresses_of, shown, subscribed_each
from gatepost.portals import words
from gatepost.portals.frame import child_detail
from gatepost.roster.models import Student

Choice = tuple[str, int]  # topic, address

HINTS = {
    ARRIVED: gettext_lazy("As soon as the card is tapped, or somebody at school sees your child"),
    LEFT: gettext_lazy("A tap after the time school lets out"),
    NOT_ARRIVED: gettext_lazy("Only when the gate’s data is complete. Please keep one address for it."),
}
BY_THE_MONTH = (ARRIVED, LEFT)  # by text message only in months that the school granted
BY_TEXT = (*BY_THE_MONTH, NOT_ARRIVED)  # nothing else ever goes by text message (`allowances.rules`)


@dataclass(frozen=True, slots=True)
class Desk:
    """What one guardian chooses among. `standing`: what is chosen now; `granted`: of whom text messages may go."""

    account: Account
    children: Sequence[Student]
    addresses: Sequence[Address]
    standing: Mapping[UUID, set[Choice]]
    granted: set[UUID] = field(default_factory=set)
    summary_at: int | None = None  # the address that gets one message a day instead

    @property
    def usable(self) -> list[Address]:
        """The columns: what is proven and works."""
        return [address for address in self.addresses if address.is_usable]

    def names(self) -> dict[int, str]:
        """How the page calls each address: Email 1, Email 2, LINE, …"""
        named, emails = {}, 0
        for address in self.addresses:
            channel = str(words.CHANNELS[address.channel])
            emails += address.channel == Channel.EMAIL
            named[address.pk] = f"{channel} {emails}" if address.channel == Channel.EMAIL else channel
        return named

    def closed(self, child: Student, topic: str, address: Address) -> str:
        """Where somebody is led who wants this cell, which has no switch; empty where it has one."""
        if address.channel == Channel.SMS and topic not in BY_TEXT:
            return reverse("family-sms")
        if address.channel == Channel.SMS and topic in BY_THE_MONTH and child.pk not in self.granted:
            return reverse("family-sms")
        if address.pk == self.summary_at and topic in digests.INSTEAD_OF:
            return reverse("family-digest")
        return ""


def of(account: Account, *, now: datetime) -> Desk:
    """The matrix of an account as it stands."""
    children = list(queries.children(account, Right.TOLD))
    pks, addresses = [child.pk for child in children], addresses_of(account.pk)
    standing, chosen = subscribed_each(account.pk, pks), digests.of(account)
    summary_at = chosen[1].pk if chosen else None
    if not any(address.channel == Channel.SMS for address in addresses):
        return Desk(account, children, addresses, standing, summary_at=summary_at)
    today = min((local_date(now, child.school.timezone) for child in children), default=now.date())
    return Desk(account, children, addresses, standing, grants.granted(account, pks, today), summary_at)


def asked(desk: Desk, form: QueryDict) -> dict[UUID, set[Choice]]:
    """What the form says of each child. A cell that has no switch stays as it is: the form cannot speak of it."""
    known = {topic.code for topic in topics.choosable()}
    by_pk = {address.pk: address for address in desk.addresses}
    found = {}
    for child in desk.children:
        wanted = {pair for value in form.getlist(name_of(child)) if (pair := _pair(value)) and pair[0] in known}
        mine = {(topic, pk) for topic, pk in wanted if pk in by_pk}
        kept = {
            (topic, pk)
            for topic, pk in desk.standing[child.pk]
            if pk in by_pk and by_pk[pk].is_usable and desk.closed(child, topic, by_pk[pk])
        }
        found[child.pk] = mine | kept
    return found


def without_a_switch(desk: Desk, wanted: Mapping[UUID, set[Choice]]) -> set[int]:
    """The addresses at which something new is asked for that has no switch there."""
    by_pk = {address.pk: address for address in desk.usable}
    return {
        pk
        for child in desk.children
        for topic, pk in wanted[child.pk] - desk.standing[child.pk]
        if pk in by_pk and desk.closed(child, topic, by_pk[pk])
    }


def silenced(desk: Desk, wanted: Mapping[UUID, set[Choice]], *, meant: Sequence[str]) -> list[Student]:
    """The children of whom a safety message would reach nobody here any more, though nobody said that this is meant."""
    return [
        child
        for child in desk.children
        if str(child.pk) not in meant
        and any(
            _reaches(desk, desk.standing[child.pk], code) and not _reaches(desk, wanted[child.pk], code)
            for code in safety()
        )
    ]


def unheard(desk: Desk, child: Student) -> list[str]:
    """The safety messages about a child that have no address that works, by their names."""
    return [words.topic_title(code) for code in safety() if not _reaches(desk, desk.standing[child.pk], code)]


def safety() -> list[str]:
    """The kinds of messages that nobody should do without."""
    return [topic.code for topic in topics.choosable() if topic.safety]


def drawn(desk: Desk, child: Student, chosen: set[Choice]) -> dict[str, Any]:
    """The matrix of one child as the component draws it; `chosen` are the switches that are on."""
    columns, names = desk.usable, desk.names()
    channels = [{"label": names[one.pk], "detail": shown(one)} for one in columns]
    email = str(words.CHANNELS["email"])
    rows = []
    for topic in topics.choosable():
        cells = [_cell(desk, child, topic.code, one, names[one.pk], (topic.code, one.pk) in chosen) for one in columns]
        if not columns:
            cells = [{"channel": email, "add_url": reverse("address-new")}]
        rows.append({"label": topic.title, "hint": HINTS.get(topic.code, ""), "cells": cells})
    caption = f"{child.name} {child_detail(child)}"
    return {"caption": caption, "channels": channels or [{"label": email}], "rows": rows}


def told(desk: Desk, child: Student) -> list[dict[str, str]]:
    """Where each kind of message about a child goes, in words."""
    names = desk.names()
    rows = []
    for topic in topics.choosable():
        where = [names[one.pk] for one in desk.usable if (topic.code, one.pk) in desk.standing[child.pk]]
        where += [
            _("{address} (once a day)").format(address=names[one.pk])
            for one in desk.usable
            if one.pk == desk.summary_at and topic.code in digests.INSTEAD_OF
        ]
        rows.append({"label": str(topic.title), "value": words.listed(where) or _("nowhere")})
    return rows


def name_of(child: Student) -> str:
    """The name of a child's switches in the form."""
    return f"child-{child.pk}"


def _pair(value: str) -> Choice | None:
    topic, _colon, address = value.partition(":")
    return (topic, int(address)) if address.isdecimal() and len(address) < 18 else None


def _reaches(desk: Desk, choices: set[Choice], topic: str) -> bool:
    return any((topic, address.pk) in choices for address in desk.usable)


def _cell(desk: Desk, child: Student, topic: str, address: Address, name: str, checked: bool) -> dict[str, Any]:
    channel = f"{name} {shown(address)}"
    closed = desk.closed(child, topic, address)
    if closed:
        label, can_be_had = _instead(desk, topic, address)
        return {"channel": channel, "add_url": closed, "add_label": label, "no_plus": not can_be_had}
    return {
        "name": name_of(child),
        "value": f"{topic}:{address.pk}",
        "id": f"{child.pk}-{topic}-{address.pk}",
        "channel": channel,
        "checked": checked,
    }


def _instead(desk: Desk, topic: str, address: Address) -> tuple[str, bool]:
    """What stands in a cell without a switch, and whether following it can give it one."""
    if address.pk == desk.summary_at:
        return _("Once a day"), False
    return (_("Apply"), True) if topic in BY_TEXT else (_("Not by text message"), False)
