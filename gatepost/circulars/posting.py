"""Telling home what was written: a bounded batch at a time, each child once for each wording."""

from datetime import datetime, timedelta
from itertools import groupby

from django.db import transaction

from gatepost.circulars import notices
from gatepost.circulars.models import Addressee, Circular
from gatepost.notify import notices as post_office
from gatepost.roster.models import Student

BATCH = 200
KEPT = timedelta(days=400)  # a school year, and some weeks to look back
FORGOTTEN_AT_ONCE = 20


def post_due(*, now: datetime) -> int:
    """Tell home of what is due, with the rows that say so in one transaction. Returns how many children that were.

    Workers share what is due; what one holds, another leaves alone.
    """
    with transaction.atomic():
        due = Addressee.objects.select_for_update(skip_locked=True).filter(due_at__lte=now).order_by("due_at", "pk")
        rows = sorted(due[:BATCH], key=lambda row: row.circular_id)
        circulars = Circular.objects.select_related("school").in_bulk({row.circular_id for row in rows})
        students = Student.objects.only("pk", "name").in_bulk({row.student_id for row in rows})
        for circular_id, mine in groupby(rows, key=lambda row: row.circular_id):
            _tell(circulars[circular_id], list(mine), students, now=now)
        Addressee.objects.bulk_update(rows, ["due_at", "wording"])
    return len(rows)


def _tell(circular: Circular, rows: list[Addressee], students: dict[object, Student], *, now: datetime) -> None:
    posts = [notices.first(circular, students[row.student_id], now=now) for row in rows if row.wording is None]
    post_office.post(posts, now=now)
    for row in rows:
        if row.wording is not None:
            post_office.follow(notices.correction(circular, students[row.student_id], now=now), circular.key, now=now)
        row.wording, row.due_at = circular.wording, None


def forget(*, now: datetime) -> int:
    """Delete some of what was written more than `KEPT` ago, with its receipts. Returns how many circulars."""
    old = Circular.objects.filter(written_at__lt=now - KEPT).order_by("written_at")
    ids = list(old.values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])
    Circular.objects.filter(pk__in=ids).delete()
    return len(ids)
