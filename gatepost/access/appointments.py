"""Who may give a role, who may end it, and who helps when a second factor is lost: always somebody above.

A school's administrator gives the roles of the school; the bureau gives schools their administrators and has officers;
the operator gives the bureau its officers; operators are made at the machine itself (`gatepost operator`).
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from gatepost.access import queries
from gatepost.access.models import Role
from gatepost.accounts import second_factor
from gatepost.accounts.models import Account
from gatepost.audit import entries
from gatepost.roster.models import School

Name = Role.Name

GIVES: Mapping[str, tuple[Name, ...]] = {
    Name.SCHOOL_ADMINISTRATOR: (Name.TEACHER, *Role.AT_SCHOOL),
    Name.BUREAU_OFFICER: (Name.SCHOOL_ADMINISTRATOR, Name.BUREAU_OFFICER),
    Name.OPERATOR: (Name.BUREAU_OFFICER,),
}
# Who takes a lost second factor off, for which roles: a step above, never a peer.
HELPS: Mapping[str, tuple[Name, ...]] = {
    Name.SCHOOL_ADMINISTRATOR: (Name.TEACHER, Name.STUDENT_AFFAIRS, Name.REGISTRAR),
    Name.BUREAU_OFFICER: (Name.SCHOOL_ADMINISTRATOR,),
    Name.OPERATOR: (Name.BUREAU_OFFICER,),
}
# Roles without which nobody could give the others any more.
KEYS = (Name.SCHOOL_ADMINISTRATOR, Name.BUREAU_OFFICER)


class AppointmentRefused(Exception):
    """`code`: not_yours (to give, end or help with); last (nobody would be left with this role); ended."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def may_give(person: Account, name: str, school: School | None) -> bool:
    """Whether `person` may give the role `name` at `school` (None: in the city), and end it."""
    return queries.roles(person).filter(_givers(name, school.pk if school else None)).exists()


def given_by(person: Account, school: School | None) -> list[Name]:
    """The roles that `person` may give at `school`; without one, all that their roles in the city give."""
    held = queries.roles(person).filter(school=school).values_list("name", flat=True)
    wanted = {name for role in held for name in GIVES.get(role, ())}
    return [name for name in Name if name in wanted]


def looked_after(person: Account) -> QuerySet[Role]:
    """The roles in force that `person` may end, with their people."""
    found = queries.in_force().filter(within_reach(person, "name"))
    return found.select_related("account", "school", "school_class", "granted_by")


def led_schools() -> QuerySet[Role, int | None]:
    """The keys of the schools that have an administrator."""
    return queries.in_force().filter(name=Name.SCHOOL_ADMINISTRATOR).values_list("school_id", flat=True)


def end(role: Role, *, by: Account, though_last: bool = False, now: datetime) -> None:
    """End `role`: from now on it opens nothing. One's own is given up in the same way.

    Raises `AppointmentRefused` (not_yours, ended; last: only somebody above may, and says so by `though_last`).
    """
    with transaction.atomic():
        others = _locked(role)
        current = next((one for one in others if one.pk == role.pk), None)
        if current is None:
            raise AppointmentRefused("ended")
        own = current.account_id == by.pk
        if not own and not may_give(by, current.name, current.school):
            raise AppointmentRefused("not_yours")
        if current.name in KEYS and len({one.account_id for one in others}) == 1 and (own or not though_last):
            raise AppointmentRefused("last")
        current.ended_at = now
        current.save(update_fields=["ended_at"])
        entries.record(
            "role:ended",
            by=by,
            school_code=current.school.code if current.school else "",
            account=str(current.account_id),
            role=current.name,
        )


def is_last(role: Role) -> bool:
    """Whether nobody else holds a role that the others hang on."""
    return role.name in KEYS and not _same(role).exclude(account=role.account_id).exists()


def may_help(person: Account, account: Account) -> bool:
    """Whether `person` may take the second factor off `account`, which has one."""
    return account.pk in helped(person, {account.pk})


def helped(person: Account, account_ids: Collection[UUID]) -> set[UUID]:
    """Those with a second factor above whom `person` stands in every role they hold: no door higher up opens by it."""
    reach: set[tuple[int | None, str]] = {
        (school_id, name)
        for school_id, held in queries.roles(person, *HELPS).values_list("school_id", "name")
        for name in HELPS[held]
    }
    theirs: dict[UUID, set[tuple[int | None, str]]] = defaultdict(set)
    for account_id, school_id, name in (
        queries.in_force().filter(account_id__in=account_ids).values_list("account_id", "school_id", "name")
    ):
        theirs[account_id].add((school_id, name))
    below = {pk for pk, held in theirs.items() if all(_is_reached(reach, *one) for one in held)}
    return second_factor.set_up_among(below - {person.pk})


def _is_reached(reach: set[tuple[int | None, str]], school_id: int | None, name: str) -> bool:
    return (school_id, name) in reach or (None, name) in reach


def take_second_factor_off(account: Account, *, by: Account, now: datetime) -> None:
    """For a lost device: the next sign-in sets a new one up. Sessions that stood on it end; the person gets a mail.

    Raises `AppointmentRefused` (not_yours).
    """
    if not may_help(by, account):
        raise AppointmentRefused("not_yours")
    second_factor.take_away(account, by=by, now=now)


def _givers(name: str, school_id: int | None) -> Q:
    """The roles that give `name` at a school: those of that school, or of the city."""
    above = [giver for giver, given in GIVES.items() if name in given]
    return Q(name__in=above) & (Q(school=None) | Q(school=school_id))


def within_reach(person: Account, field: str) -> Q:
    """What `person` may give, as a condition on rows with a `school` and a role in `field`."""
    mine = Q(pk=None)
    for school_id, name in queries.roles(person, *GIVES).values_list("school_id", "name"):
        place = {"school": school_id} if school_id else {}
        mine |= Q(**{f"{field}__in": GIVES[name]}, **place)
    return mine


def _same(role: Role) -> QuerySet[Role]:
    """The roles in force of the same name at the same place."""
    return queries.in_force().filter(name=role.name, school=role.school_id)


def _locked(role: Role) -> list[Role]:
    """The same, locked: two who end each other's at once must not both see one left."""
    return list(_same(role).select_for_update(of=["self"]).select_related("school").order_by("pk"))
