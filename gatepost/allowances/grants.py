"""A family's months: asked for, answered by the school, taken back."""

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from gatepost.accounts.models import Account
from gatepost.allowances.models import Budget, Grant
from gatepost.audit import entries
from gatepost.roster.models import School, Student

MONTHS_AHEAD = 6


class GrantRefused(Exception):
    """Not possible; `code`: unoffered (the school has no budget for one of the months)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def on_offer(school_id: int, today: date) -> list[Budget]:
    """The months a family of the school may ask for: this one and those after it that have a budget."""
    return list(
        Budget.objects.filter(school=school_id, month__gte=today.replace(day=1)).order_by("month")[:MONTHS_AHEAD]
    )


def ask(account: Account, student: Student, months: Collection[date], *, now: datetime, today: date) -> int:
    """Ask for `months` of `student`'s arrivals and departures. Returns how many are new; what waits or stands stays.

    A refused one may be asked for again. For a caller that saw the bond. Raises `GrantRefused` (unoffered).
    """
    offered = {budget.month for budget in on_offer(student.school_id, today)}
    if not offered.issuperset(months):
        raise GrantRefused("unoffered")
    asked = 0
    with transaction.atomic():
        for month in sorted(set(months)):
            grant, is_new = Grant.objects.get_or_create(
                student=student,
                account=account,
                month=month,
                defaults={"school_id": student.school_id, "asked_at": now},
            )
            if not is_new and grant.refused_at is not None:
                grant.refused_at, grant.refused_because, grant.answered_by, grant.asked_at = None, "", None, now
                grant.school_id = student.school_id
                grant.save()
                is_new = True
            asked += is_new
    return asked


def take_back(account: Account, grant_id: int) -> bool:
    """Withdraw what `account` asked for: from now on nothing goes by it. Whether there was such a month."""
    gone, _ = Grant.objects.filter(account=account, pk=grant_id).delete()
    return bool(gone)


def of_account(account: Account, student_ids: Collection[UUID], today: date) -> list[Grant]:
    """The months of `account` for its children, from this one on."""
    found = Grant.objects.filter(account=account, student__in=student_ids, month__gte=today.replace(day=1))
    return list(found.order_by("month"))


def granted(account: Account, student_ids: Collection[UUID], today: date) -> set[UUID]:
    """Those of `student_ids` of whom arrivals and departures may be told by text message, this month or later."""
    return {one.student_id for one in of_account(account, student_ids, today) if one.approved_at is not None}


def waiting(school: School, today: date) -> list[Grant]:
    """What the school has not answered yet, oldest first."""
    found = Grant.objects.filter(school=school, month__gte=today.replace(day=1), approved_at=None, refused_at=None)
    return list(
        found.select_related("student__school_class", "student__school", "account").order_by("asked_at", "pk")[:500]
    )


def answer(
    school: School, grant_ids: Collection[int], *, approve: bool, because: str = "", by: object, now: datetime
) -> int:
    """Approve or refuse what waits at `school`. Returns how many were; what is answered already stays as it is."""
    with transaction.atomic():
        found = Grant.objects.select_for_update().filter(
            school=school, pk__in=grant_ids, approved_at=None, refused_at=None
        )
        ids = list(found.values_list("pk", flat=True))
        rows = Grant.objects.filter(pk__in=ids)
        if approve:
            rows.update(approved_at=now, answered_by=by)
        else:
            rows.update(refused_at=now, refused_because=because, answered_by=by)
        if ids:
            verb = "approved" if approve else "refused"
            entries.record(f"sms-months:{verb}", by=by, school_code=school.code, number=len(ids))
    return len(ids)
