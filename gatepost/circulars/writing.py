"""Writing to families, correcting what was written, and stopping it.

What is written is one row for each child it is addressed to; a worker tells home (`posting`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from gatepost.accounts.models import Account
from gatepost.audit import entries
from gatepost.circulars import notices
from gatepost.circulars.models import Addressee, Circular, Wording
from gatepost.kit.clock import local_date
from gatepost.notify import notices as post_office
from gatepost.roster.models import School, Student

WOKEN_BY = "gatepost_circulars"  # the worker's loop
CHILDREN_MAX = 10_000
WORDINGS_MAX = 20
CORRECTED_DAYS = 1  # the post office does not send what is older than the day before


class WritingRefused(Exception):
    """It cannot be; `code`: nobody, too_many (children), until (past), stopped, unchanged, too_late, too_often."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to say, as far as it does not depend on whom."""

    kind: Circular.Kind
    title: str
    body: str
    audience: Mapping[str, Any]
    form_id: UUID
    asks_receipt: bool = False
    until: date | None = None


def write(
    school: School, draft: Draft, student_ids: Collection[UUID], *, by: Account, office: str, now: datetime
) -> Circular:
    """Address `draft` to the families of these students of `school`. The same form handed in again gives the first.

    Raises `WritingRefused`: nobody, too_many, until.
    """
    today = local_date(now, school.timezone)
    _refuse(draft, student_ids, today)
    try:
        with transaction.atomic():
            return _write(school, draft, student_ids, by=by, office=office, today=today, now=now)
    except IntegrityError:
        known = Circular.objects.filter(form_id=draft.form_id, school=school, by=by).first()
        if known is None:
            raise
        return known


def _refuse(draft: Draft, student_ids: Collection[UUID], today: date) -> None:
    if not student_ids:
        raise WritingRefused("nobody")
    if len(student_ids) > CHILDREN_MAX:
        raise WritingRefused("too_many")
    if draft.until is not None and draft.until < today:
        raise WritingRefused("until")


def _write(
    school: School,
    draft: Draft,
    student_ids: Collection[UUID],
    *,
    by: Account,
    office: str,
    today: date,
    now: datetime,
) -> Circular:
    circular = Circular.objects.create(
        school=school,
        kind=draft.kind,
        title=draft.title,
        body=draft.body,
        audience=dict(draft.audience),
        children=len(student_ids),
        asks_receipt=draft.asks_receipt,
        until=draft.until,
        form_id=draft.form_id,
        on_date=today,
        by=by,
        office=office,
        written_at=now,
    )
    Wording.objects.create(circular=circular, number=1, title=draft.title, body=draft.body, by=by, at=now)
    rows = [Addressee(circular=circular, student_id=pk, due_at=now) for pk in sorted(student_ids)]
    Addressee.objects.bulk_create(rows, batch_size=2_000)
    entries.record(
        f"{draft.kind}:written", by=by, school_code=school.code, circular=circular.pk, children=len(student_ids)
    )
    _wake()
    return circular


def stop(circular: Circular, *, by: Account, now: datetime) -> int:
    """Tell nobody more of it: not those who are still to be told, nor by what waits to be sent. Again: no change.

    Returns for how many children nothing had been told. A notice is not current any more.
    """
    with transaction.atomic():
        one = Circular.objects.select_for_update(of=("self",)).select_related("school").get(pk=circular.pk)
        if one.stopped_at is not None:
            return 0
        one.stopped_at, one.stopped_by = now, by
        one.save(update_fields=["stopped_at", "stopped_by"])
        untold = one.addressees.filter(due_at__isnull=False).update(due_at=None)
        told = one.addressees.filter(wording__isnull=False).values_list("student_id", flat=True)
        post_office.withdraw(dict.fromkeys(told, one.key), on_date=one.on_date, because="withdrawn", now=now)
        entries.record(f"{one.kind}:stopped", by=by, school_code=one.school.code, circular=one.pk, untold=untold)
    return untold


def may_be_corrected(circular: Circular, *, now: datetime) -> bool:
    """Whether a correction could still reach those who were told."""
    today = local_date(now, circular.school.timezone)
    return today <= circular.on_date + timedelta(days=CORRECTED_DAYS) and circular.wording < WORDINGS_MAX


def correct(circular: Circular, *, title: str, body: str, by: Account, now: datetime) -> Circular:
    """Give it another wording. Exactly those who got the old one are told; who is still to be told gets the new one.

    Raises `WritingRefused`: unchanged, too_late (a day after it was written), too_often.
    """
    with transaction.atomic():
        one = Circular.objects.select_for_update(of=("self",)).select_related("school").get(pk=circular.pk)
        if (one.title, one.body) == (title, body):
            raise WritingRefused("unchanged")
        if not may_be_corrected(one, now=now):
            raise WritingRefused("too_often" if one.wording >= WORDINGS_MAX else "too_late")
        before = one.wording
        one.title, one.body, one.wording = title, body, before + 1
        one.save(update_fields=["title", "body", "wording"])
        Wording.objects.create(circular=one, number=one.wording, title=title, body=body, by=by, at=now)
        # Waits for a worker that tells some of them the old wording at this moment; what it posted is seen below.
        one.addressees.filter(wording__isnull=False).update(due_at=now)
        _reword(one, before, now=now)
        entries.record(f"{one.kind}:corrected", by=by, school_code=one.school.code, circular=one.pk)
        _wake()
    return one


def _reword(circular: Circular, before: int, *, now: datetime) -> None:
    """What waits to be sent says the new words when it leaves; a correction that waits is overtaken by the next."""
    told = circular.addressees.filter(wording__isnull=False).values_list("student_id", flat=True)
    students = Student.objects.filter(pk__in=told).only("pk", "name")
    data = {student.pk: notices.data_of(circular, student) for student in students}
    post_office.reword(circular.key, data, on_date=circular.on_date)
    if before > 1:
        key = notices.correction_key(circular, before)
        post_office.withdraw(dict.fromkeys(data, key), on_date=circular.on_date, because="withdrawn", now=now)


def _wake() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [WOKEN_BY])
