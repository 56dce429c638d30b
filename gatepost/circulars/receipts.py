"""Reading, signing, and reminding who has not."""

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from gatepost.accounts.models import Account
from gatepost.audit import entries
from gatepost.circulars import notices
from gatepost.circulars.models import Addressee, Circular, Receipt
from gatepost.guardians import bonds
from gatepost.notify import notices as post_office
from gatepost.roster.models import Student


def note_read(addressee: Addressee, account: Account, *, now: datetime) -> Receipt:
    """`account` has read it for this child; the first time counts."""
    return Receipt.objects.get_or_create(addressee=addressee, account=account, defaults={"read_at": now})[0]


def sign(addressee: Addressee, account: Account, *, reply: str, now: datetime) -> bool:
    """`account` says “I have read it” for this child. Whether it was the first time; the first reply stays."""
    with transaction.atomic():
        note_read(addressee, account, now=now)
        unsigned = Receipt.objects.filter(addressee=addressee, account=account, signed_at=None)
        return bool(unsigned.update(signed_at=now, reply=reply))


def counting() -> QuerySet[Receipt]:
    """The receipts that count: of guardians who may see the child now."""
    may_see = bonds.in_force().filter(account=OuterRef("account"), student=OuterRef("addressee__student"))
    return Receipt.objects.filter(Exists(may_see))


def answered(circular: Circular) -> Q:
    """Of addressees: that a guardian has signed it, or read it where no receipt is asked for."""
    mine = counting().filter(addressee=OuterRef("pk"))
    return Q(Exists(mine.filter(signed_at__isnull=False) if circular.asks_receipt else mine))


def waiting(circular: Circular, students: QuerySet[Student], *, today: date) -> QuerySet[Addressee]:
    """Those of `students` for whom nobody has answered, and who were not reminded today."""
    told = circular.addressees.filter(wording__isnull=False, student__in=students.order_by().values("pk"))
    return told.exclude(answered(circular)).filter(Q(reminded_on=None) | Q(reminded_on__lt=today))


def remind(
    circular: Circular, students: QuerySet[Student], *, today: date, by: Account, now: datetime
) -> Collection[UUID]:
    """Remind the families of those who wait, each child's once a day. Returns the children."""
    with transaction.atomic():
        rows = list(waiting(circular, students, today=today).select_for_update(of=("self",)).select_related("student"))
        posts = [notices.reminder(circular, row.student, on_date=today, now=now) for row in rows]
        post_office.post(posts, now=now)
        Addressee.objects.filter(pk__in=[row.pk for row in rows]).update(reminded_on=today)
        if rows:
            code = circular.school.code
            entries.record("notice:reminded", by=by, school_code=code, circular=circular.pk, children=len(rows))
    return [row.student_id for row in rows]


def is_current(circular: Circular, today: date) -> bool:
    """Whether a notice is neither past nor ended. Nobody is reminded of what is over."""
    return circular.until is not None and circular.until >= today and circular.stopped_at is None
