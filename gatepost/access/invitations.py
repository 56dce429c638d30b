"""Inviting somebody to a role. The role waits for the owner of a mailbox, who accepts it; until then nothing is open.

The mail, its one-time link and the way behind it (a password, or signing in to the account there is) are those of
`accounts.activation`, which families use too.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from gatepost.access import queries
from gatepost.access.appointments import may_give, within_reach
from gatepost.access.models import Invitation, Role
from gatepost.accounts import activation
from gatepost.accounts.attempts import take
from gatepost.accounts.models import Account, Activation
from gatepost.audit import entries
from gatepost.guardians.applications import approvals
from gatepost.roster.models import School, SchoolClass

GOOD_FOR = timedelta(days=7)
A_DAY = 60  # by one person: a school's first morning, not a mailing list
MAILS_A_DAY = 5  # to one mailbox


class InvitationRefused(Exception):
    """`code`: not_yours (to give), held (the person has this role), closed (accepted or taken back)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Offer:
    """A role at its place, until when (None: until it is ended)."""

    role: Role.Name
    school: School | None = None
    school_class: SchoolClass | None = None
    valid_until: datetime | None = None


def invite(
    email: str, name: str, offer: Offer, *, by: Account | None, about: str, language: str, now: datetime
) -> Invitation:
    """Invite the owner of `email`, or invite them again. `about` is the mail's sentence: who invites, to what.

    `by` is None at the machine itself. Raises `InvitationRefused` (not_yours, held), `TooOften`.
    """
    email = email.strip().lower()
    if by is not None:
        _look_at(email, offer, by, now)
    with transaction.atomic():
        asked = activation.ask(email, name=name, language=language, about=about, good_for=GOOD_FOR, now=now)
        invitation, _new = Invitation.objects.update_or_create(
            email=email,
            role=offer.role,
            school=offer.school,
            school_class=offer.school_class,
            accepted_at=None,
            withdrawn_at=None,
            defaults={
                "name": name,
                "valid_until": offer.valid_until,
                "activation": asked,
                "invited_at": now,
                "invited_by": by,
                "until": now + GOOD_FOR,
            },
        )
        _note("invitation:sent", invitation, by)
    return invitation


def withdraw(invitation: Invitation, *, by: Account, now: datetime) -> None:
    """Take it back: its link opens nothing any more, unless something else waits for the same mailbox.

    Raises `InvitationRefused` (not_yours, closed).
    """
    _only_by_whom_may(invitation, by)
    with transaction.atomic():
        if not _open().filter(pk=invitation.pk).update(withdrawn_at=now):
            raise InvitationRefused("closed")
        if not _something_waits(invitation.email, now):
            activation.withdraw(invitation.activation, now=now)
        _note("invitation:withdrawn", invitation, by)


def accept(account: Account, email: str, *, now: datetime) -> list[Role]:
    """The roles that wait for the mailbox `email`, given to `account`, whose owner has shown that both are theirs.

    For the caller's transaction. An invitation by somebody who may not give the role any more gives none.
    """
    given = []
    for invitation in waiting(email, now=now).select_for_update(of=["self"]):
        inviter = invitation.invited_by
        if inviter is None or may_give(inviter, invitation.role, invitation.school):
            given.append(_give(invitation, account, now))
    return given


def waiting(email: str, *, now: datetime) -> QuerySet[Invitation]:
    """What the owner of `email` could accept now, oldest first."""
    found = _open().filter(email=email.lower(), until__gt=now)
    return found.select_related("school", "school_class", "invited_by").order_by("invited_at", "pk")


def is_idle(asked: Activation, *, now: datetime) -> bool:
    """Whether an activation was for invitations alone, and none of them waits any more."""
    mine = Invitation.objects.filter(activation=asked)
    return mine.exists() and not _something_waits(asked.email, now)


def looked_after(person: Account) -> QuerySet[Invitation]:
    """Those that `person` may take back or send again, newest first."""
    found = _open().filter(within_reach(person, "role"))
    return found.select_related("school", "school_class", "invited_by").order_by("-invited_at", "pk")


def _look_at(email: str, offer: Offer, by: Account, now: datetime) -> None:
    if not may_give(by, offer.role, offer.school):
        raise InvitationRefused("not_yours")
    held = queries.in_force().filter(account__email__iexact=email, name=offer.role)
    if held.filter(school=offer.school, school_class=offer.school_class, valid_until=offer.valid_until).exists():
        raise InvitationRefused("held")
    take("invitation", str(by.pk), most=A_DAY, within=timedelta(days=1), now=now)
    take("invitation-mail", email, most=MAILS_A_DAY, within=timedelta(days=1), now=now)


def _give(invitation: Invitation, account: Account, now: datetime) -> Role:
    """The role; one that is there already only gets its new date."""
    role, _new = Role.objects.update_or_create(
        account=account,
        name=invitation.role,
        school=invitation.school,
        school_class=invitation.school_class,
        ended_at=None,
        defaults={"valid_until": invitation.valid_until},
        create_defaults={
            "valid_until": invitation.valid_until,
            "granted_at": now,
            "granted_by": invitation.invited_by,
        },
    )
    if role.name == Role.Name.OPERATOR:  # Django's words for whom its tables open
        Account.objects.filter(pk=account.pk).update(is_staff=True, is_superuser=True)
    invitation.accepted_at, invitation.granted = now, role
    invitation.save(update_fields=["accepted_at", "granted"])
    _note("role:given", invitation, invitation.invited_by, account=str(account.pk))
    return role


def _something_waits(email: str, now: datetime) -> bool:
    """For this mailbox: another invitation, or a child's approved application."""
    return waiting(email, now=now).exists() or approvals.waiting(email, now=now).exists()


def _open() -> QuerySet[Invitation]:
    return Invitation.objects.filter(accepted_at=None, withdrawn_at=None)


def _only_by_whom_may(invitation: Invitation, by: Account) -> None:
    if not may_give(by, invitation.role, invitation.school):
        raise InvitationRefused("not_yours")


def _note(action: str, invitation: Invitation, by: Account | None, *, account: str = "") -> None:
    entries.record(
        action,
        by=by,
        school_code=invitation.school.code if invitation.school else "",
        invitation=str(invitation.pk),
        role=invitation.role,
        account=account,
    )
