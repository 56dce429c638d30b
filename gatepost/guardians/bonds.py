"""Opening, ending and restricting the bond between a guardian and a child.

Each act changes the bond and the post office in one transaction: while a bond is in force its account is a
recipient of news about the child, and at no other time.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from gatepost.accounts.models import Account
from gatepost.audit import entries
from gatepost.guardians.models import Guardianship, Restriction
from gatepost.notify import recipients
from gatepost.roster.models import Student


class BondRefused(Exception):
    """The bond cannot be opened; `code` says why: restricted."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def in_force() -> QuerySet[Guardianship]:
    """The bonds that open something at this moment: verified, not ended, not restricted."""
    cut = restrictions_in_force().filter(account=OuterRef("account"), student=OuterRef("student"))
    return Guardianship.objects.filter(verified_at__isnull=False, ended_at=None).exclude(Exists(cut))


def restrictions_in_force() -> QuerySet[Restriction]:
    """Restrictions neither lifted nor past their date."""
    return Restriction.objects.filter(lifted_at=None).filter(Q(until=None) | Q(until__gt=Now()))


def open_bond(
    account: Account, student: Student, *, relation: str, source: str, by: object | None, now: datetime
) -> Guardianship:
    """Make `account` a verified guardian of `student`. Repeating it changes nothing.

    Raises `BondRefused("restricted")` while a restriction stands between them.
    """
    with transaction.atomic():
        Student.objects.select_for_update(no_key=True).get(pk=student.pk)  # a restriction takes the same lock
        if restrictions_in_force().filter(account=account, student=student).exists():
            raise BondRefused("restricted")
        bond, _ = Guardianship.objects.get_or_create(
            account=account,
            student=student,
            ended_at=None,
            defaults={"relation": relation, "source": source, "verified_at": now},
        )
        if bond.verified_at is None:
            bond.verified_at = now
            bond.save(update_fields=["verified_at"])
        recipients.open_for(account.pk, student.pk)
        entries.record("bond:opened", by=by, about=student.pk, account=str(account.pk), source=source)
    return bond


def end_bond(bond: Guardianship, *, by: object | None, now: datetime) -> None:
    """End the bond; queued messages about the child stop with it. Ending twice keeps the first time."""
    with transaction.atomic():
        if Guardianship.objects.filter(pk=bond.pk, ended_at=None).update(ended_at=now):
            recipients.end_for(bond.account_id, bond.student_id, now=now)
            entries.record("bond:ended", by=by, about=bond.student_id, account=str(bond.account_id))


def restrict(
    account_id: UUID,
    student: Student,
    *,
    by: Account | None,
    document: str = "",
    until: datetime | None = None,
    now: datetime,
) -> Restriction:
    """Cut `account_id` off from `student` everywhere, in this transaction. Restricting twice keeps the first."""
    with transaction.atomic():
        Student.objects.select_for_update(no_key=True).get(pk=student.pk)
        # One that ran out by its date still stands as a row: it makes room for the new one.
        Restriction.objects.filter(account_id=account_id, student=student, lifted_at=None, until__lte=now).update(
            lifted_at=now
        )
        restriction, _ = Restriction.objects.get_or_create(
            account_id=account_id,
            student=student,
            lifted_at=None,
            defaults={"placed_by": by, "document": document, "until": until, "placed_at": now},
        )
        recipients.end_for(account_id, student.pk, now=now)
        entries.record("restriction:placed", by=by, about=student.pk, account=str(account_id))
    return restriction
