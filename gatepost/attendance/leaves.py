from datetime import date, datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gatepost.accounts.models import Account
from gatepost.attendance import notices as words
from gatepost.attendance.models import Leave
from gatepost.audit import entries
from gatepost.kit.clock import local_date
from gatepost.notify import notices
from gatepost.roster.models import Student

DAYS_MAX = 60

WORDS: dict[str, Promise] = {
    Leave.Kind.PERSONAL: _("Personal leave"),
    Leave.Kind.SICK: _("Sick leave"),
    Leave.Kind.OFFICIAL: _("Official leave"),
    Leave.Kind.BEREAVEMENT: _("Bereavement leave"),
    Leave.Kind.OTHER: _("Other leave"),
}


class LeaveRefused(Exception):
    """The days cannot stand; `code`: backwards, too_long."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def grant(
    student: Student,
    *,
    first: date,
    last: date,
    kind: Leave.Kind,
    by: Account | None,
    now: datetime,
    approved: bool = True,
) -> Leave:
    """Put down leave from `first` to `last`, both included; with `approved` False it is asked for and pending.

    What has not left yet of a "not arrived" of today stays here, and nobody else is told: somebody knows of it.
    """
    if last < first:
        raise LeaveRefused("backwards")
    if (last - first).days >= DAYS_MAX:
        raise LeaveRefused("too_long")
    with transaction.atomic():
        leave = Leave.objects.create(
            student=student,
            first_date=first,
            last_date=last,
            kind=kind,
            asked_at=now,
            asked_by=by,
            approved_at=now if approved else None,
            approved_by=by if approved else None,
        )
        today = local_date(now, student.school.timezone)
        if first <= today <= last:
            said = {student.pk: words.key(words.NOT_ARRIVED, student.pk, today)}
            notices.withdraw(said, on_date=today, because="on_leave", now=now)
        entries.record("leave:granted" if approved else "leave:asked", by=by, about=student.pk, leave=leave.pk)
    return leave


def standing(first: date, last: date) -> QuerySet[Leave]:
    """Leave that covers any day from `first` to `last` and was neither refused nor withdrawn; pending counts."""
    return Leave.objects.filter(first_date__lte=last, last_date__gte=first, refused_at=None, withdrawn_at=None)
