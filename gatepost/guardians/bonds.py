"""Opening, changing and ending the bond between a guardian and a child.

Each act changes the bond and the post office in one transaction: while a bond lets its account be told, the account
is a recipient of news about the child, and at no other time.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from gatepost.accounts.models import Account
from gatepost.audit import entries
from gatepost.guardians import notices, proofs
from gatepost.guardians.models import ALL_RIGHTS, Guardianship, Restriction, Right
from gatepost.notify import recipients
from gatepost.roster.models import Student


class BondRefused(Exception):
    """The bond cannot be opened or changed; `code` says why: restricted, nothing (no right would be left)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def in_force(right: Right = Right.SEE) -> QuerySet[Guardianship]:
    """The bonds that give `right` at this moment: verified, not ended, holding it, and with no restriction on it.

    Whatever opens something to a guardian asks here each time it does; nobody keeps the answer.
    """
    met = Q(account=OuterRef("account")) | Q(person_digest=OuterRef("person_digest"))
    cut = Restriction.objects.in_force().cutting(right).filter(met, student=OuterRef("student"))
    held = {f"{right.column}__isnull": False}
    return Guardianship.objects.filter(verified_at__isnull=False, ended_at=None, **held).exclude(Exists(cut))


def open_bond(
    account: Account,
    student: Student,
    *,
    relation: str,
    source: str,
    by: object | None,
    now: datetime,
    rights: Collection[Right] = ALL_RIGHTS,
    person_digest: bytes | None = None,
) -> Guardianship:
    """Make `account` a verified guardian of `student` with `rights`. Repeating it changes nothing.

    A new guardian who may be told hears everything by email until they choose otherwise: who has just proved a bond
    expects tomorrow's arrival.

    `person_digest` is the keyed digest of the guardian's ID number as far as it is known here; where it is not, the one
    the account has proven stands in. The child's other guardians are told. Raises `BondRefused`: restricted, while a
    restriction on this account or person cuts one of `rights`; nothing, without any right.
    """
    if not rights:
        raise BondRefused("nothing")
    with transaction.atomic():
        lock(student.pk)
        known = [*([person_digest] if person_digest else []), *proofs.digests(account.pk)]
        _refuse_the_restricted(account, student, rights, known)
        person_digest = known[0] if known else None
        bond, made = Guardianship.objects.get_or_create(
            account=account,
            student=student,
            ended_at=None,
            defaults={
                "relation": relation,
                "source": source,
                "verified_at": now,
                "person_digest": person_digest,
                **_columns(rights, now),
            },
        )
        if not made and bond.verified_at is not None:
            return bond
        if not made:
            bond.verified_at, bond.person_digest = now, person_digest
            bond.save(update_fields=["verified_at", "person_digest"])
        follow(student.pk, [account.pk], now=now)
        recipients.subscribe_to_everything(account.pk, student.pk)
        entries.record(
            "bond:opened",
            by=by,
            about=student.pk,
            account=str(account.pk),
            source=source,
            rights=_listed(rights),
        )
        notices.tell_of_new_bond(bond, student, now=now)
    return bond


def _refuse_the_restricted(
    account: Account, student: Student, rights: Collection[Right], digests: Collection[bytes]
) -> None:
    standing = Restriction.objects.in_force().cutting(*rights).filter(student=student)
    if standing.meeting(account.pk, *digests).exists():
        raise BondRefused("restricted")


def set_rights(bond: Guardianship, rights: Collection[Right], *, by: object | None, now: datetime) -> None:
    """Let the guardian do exactly `rights`. Raises `BondRefused("nothing")`: a bond without any is ended instead."""
    if not rights:
        raise BondRefused("nothing")
    with transaction.atomic():
        lock(bond.student_id)
        bond.refresh_from_db()
        if bond.ended_at is not None or set(bond.rights) == set(rights):
            return
        for right in Right:
            held = getattr(bond, right.column)
            setattr(bond, right.column, (held or now) if right in rights else None)
        bond.save(update_fields=[right.column for right in Right])
        follow(bond.student_id, [bond.account_id], now=now)
        entries.record(
            "bond:changed", by=by, about=bond.student_id, account=str(bond.account_id), rights=_listed(rights)
        )


def end_bond(bond: Guardianship, *, by: object | None, now: datetime, because: str = "school") -> None:
    """End the bond; queued messages about the child stop with it. Ending twice keeps the first time.

    `because` is who or what ended it, as a code: guardian, school, left. With a bond that the school ends, it no longer
    vouches for the ID number either: the next child is not bound at once.
    """
    with transaction.atomic():
        lock(bond.student_id)
        standing = Guardianship.objects.filter(pk=bond.pk, ended_at=None)
        if standing.update(ended_at=now, ended_because=because):
            if because == "school" and bond.person_digest is not None:
                proofs.end(bond.account_id, bond.person_digest, by=by, now=now)
            follow(bond.student_id, [bond.account_id], now=now)
            entries.record("bond:ended", by=by, about=bond.student_id, account=str(bond.account_id), because=because)


def change_number(*, old: bytes, new: bytes, by: object | None, now: datetime) -> int:
    """A guardian's ID number changed (old residence number to new): digests of both. Returns how many bonds know it.

    Bonds stay what they are, and so does what was proven. A restriction on the old number stands for the new one as
    well, and for the old.
    """
    with transaction.atomic():
        known = Guardianship.objects.filter(person_digest=old)
        children = sorted({*known.values_list("student_id", flat=True), *_restricted(old)})
        for student_id in children:
            lock(student_id)
        for restriction in Restriction.objects.in_force().filter(person_digest=old):
            restriction.pk, restriction.person_digest = None, new
            restriction._state.adding = True
            Restriction.objects.bulk_create([restriction], ignore_conflicts=True)
        changed = known.update(person_digest=new)
        proofs.change(old=old, new=new)
        for student_id in children:
            follow(student_id, _accounts(student_id, new), now=now)
            entries.record("bond:number", by=by, about=student_id)
    return changed


def lock(student_id: UUID) -> None:
    """Acts on one child's bonds come one after the other. For a transaction."""
    Student.objects.select_for_update(no_key=True).only("pk").get(pk=student_id)


def follow(student_id: UUID, account_ids: Collection[UUID], *, now: datetime) -> None:
    """Make the post office's recipients what the bonds of these accounts say. For the transaction that changed them.

    This is the one place that pushes a change outwards. What opens something to a guardian on an upper floor (pages,
    tokens, services) asks `in_force` when it is used, and so needs no push.
    """
    told = set(
        in_force(Right.TOLD)
        .filter(student_id=student_id, account_id__in=account_ids)
        .values_list("account_id", flat=True)
    )
    for account_id in account_ids:
        if account_id in told:
            recipients.open_for(account_id, student_id)
        else:
            recipients.end_for(account_id, student_id, now=now)


def _restricted(digest: bytes) -> QuerySet[Restriction, UUID]:
    return Restriction.objects.in_force().filter(person_digest=digest).values_list("student_id", flat=True)


def _accounts(student_id: UUID, digest: bytes) -> list[UUID]:
    known = Guardianship.objects.filter(student_id=student_id, person_digest=digest, ended_at=None)
    return sorted(known.values_list("account_id", flat=True))


def _columns(rights: Collection[Right], now: datetime) -> dict[str, datetime | None]:
    return {right.column: now if right in rights else None for right in Right}


def _listed(rights: Collection[Right]) -> str:
    return ",".join(right.value for right in Right if right in rights)
