"""A restriction: one act of somebody authorised, with effect everywhere in the same transaction.

It cuts rights of a guardian for a child: pages ask `bonds.in_force` at each request, and the post office's recipient,
subscriptions and queued deliveries go here. It stands until it is lifted or its date has passed; nothing else ends it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from gatepost.accounts.models import Account
from gatepost.audit import entries
from gatepost.guardians import bonds
from gatepost.guardians.models import ALL_RIGHTS, Guardianship, Restriction, RestrictionQuerySet, Right
from gatepost.roster import identity_numbers
from gatepost.roster.models import Student

RUN_OUT_BATCH = 200


class RestrictionRefused(Exception):
    """It cannot be placed; `code` says why: nobody (neither an account nor a person), nothing (no right), past."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody known by a normalised ID number, who need not have an account yet."""

    name: str
    id_number: str


def restrict(
    account_id: UUID | None,
    student: Student,
    *,
    by: Account | None,
    now: datetime,
    person: Person | None = None,
    rights: Collection[Right] = ALL_RIGHTS,
    document: str = "",
    until: datetime | None = None,
) -> Restriction:
    """Cut an account, a person, or both off from `student`, in this transaction. A repeat keeps the first.

    `rights` are what it cuts. Every account that proved the ID number of `person`, and every further account of the
    person behind `account_id`, is met as well. Raises `RestrictionRefused`.
    """
    _check(account_id, person, rights, until=until, now=now)
    with transaction.atomic():
        bonds.lock(student.pk)
        put_away(now=now, about=student.pk)  # one that ran out makes room for its like
        digest = settings.KEY_RING.digest(person.id_number) if person else _digest_of(account_id, student)
        account = Account.objects.get(pk=account_id) if account_id else None
        restriction, made = Restriction.objects.get_or_create(
            account=account,
            student=student,
            person_digest=digest,
            document=document,
            until=until,
            rights=[right.value for right in Right if right in rights],
            lifted_at=None,
            defaults={
                "placed_by": by,
                "placed_at": now,
                "person_name": person.name if person else "",
                "person_masked": identity_numbers.mask(person.id_number) if person else "",
            },
        )
        bonds.follow(student.pk, met_accounts(restriction), now=now)
        if made:
            entries.record("restriction:placed", by=by, about=student.pk, restriction=restriction.pk)
    return restriction


def lift(restriction: Restriction, *, by: Account | None, now: datetime) -> None:
    """The restriction ends. What it cut comes back as far as no other one cuts it; chosen messages do not.

    Lifting twice keeps the first time.
    """
    with transaction.atomic():
        bonds.lock(restriction.student_id)
        standing = Restriction.objects.filter(pk=restriction.pk, lifted_at=None)
        if standing.update(lifted_at=now, lifted_by=by):
            bonds.follow(restriction.student_id, met_accounts(restriction), now=now)
            entries.record("restriction:lifted", by=by, about=restriction.student_id, restriction=restriction.pk)


def put_away(*, now: datetime, about: UUID | None = None) -> int:
    """Note the restrictions whose date has passed, a batch at a time, and let the post office follow. Returns how many.

    They cut nothing since their date; what comes back here is that the account may be told.
    """
    due = Restriction.objects.run_out(now).order_by("student_id", "pk")
    if about is not None:
        due = due.filter(student_id=about)
    done = 0
    for restriction in due[:RUN_OUT_BATCH]:
        with transaction.atomic():
            bonds.lock(restriction.student_id)
            mine = Restriction.objects.filter(pk=restriction.pk, lifted_at=None)
            if mine.update(lifted_at=restriction.until):
                bonds.follow(restriction.student_id, met_accounts(restriction), now=now)
                entries.record("restriction:ran_out", by=None, about=restriction.student_id, restriction=restriction.pk)
                done += 1
    return done


def on(student: Student) -> RestrictionQuerySet:
    """The restrictions in force for a child, newest first."""
    return Restriction.objects.in_force().filter(student=student).order_by("-placed_at", "-pk")


def meets(student: Student, *, account_id: UUID | None = None, id_number: str = "") -> list[Right]:
    """The rights for `student` that restrictions cut for this account, or for the person with this ID number."""
    digest = settings.KEY_RING.digest(identity_numbers.normalise(id_number)) if id_number else None
    cut = on(student).meeting(account_id, *([digest] if digest else []))
    if account_id is None:
        cut = on(student).filter(person_digest=digest) if digest else cut.none()
    names = {name for rights in cut.values_list("rights", flat=True) for name in rights}
    return [right for right in Right if right.value in names]


def met_accounts(restriction: Restriction) -> list[UUID]:
    """The accounts with a bond to the child that the restriction meets, and the one it names."""
    met = Q(account_id=restriction.account_id) if restriction.account_id else Q(pk=None)
    if restriction.person_digest is not None:
        met |= Q(person_digest=restriction.person_digest)
    found = Guardianship.objects.filter(met, student_id=restriction.student_id).values_list("account_id", flat=True)
    named = {restriction.account_id} if restriction.account_id else set()
    return sorted({*found, *named})


def _check(
    account_id: UUID | None,
    person: Person | None,
    rights: Collection[Right],
    *,
    until: datetime | None,
    now: datetime,
) -> None:
    if account_id is None and person is None:
        raise RestrictionRefused("nobody")
    if not rights:
        raise RestrictionRefused("nothing")
    if until is not None and until <= now:
        raise RestrictionRefused("past")


def _digest_of(account_id: UUID | None, student: Student) -> bytes | None:
    """The digest of the person behind an account, where their bond to the child knows it."""
    if account_id is None:
        return None
    known = Guardianship.objects.filter(account_id=account_id, student=student, person_digest__isnull=False)
    found = known.order_by("-pk").values_list("person_digest", flat=True).first()
    return None if found is None else bytes(found)
