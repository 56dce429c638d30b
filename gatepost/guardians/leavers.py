"""Bonds with children who left the city's schools: they end by themselves, some months later and after a mail.

A transfer inside the city moves the student and leaves nothing to do; a child who comes back keeps the bond.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet

from gatepost.guardians import bonds, notices
from gatepost.guardians.models import Guardianship

STAYS = timedelta(days=180)  # certificates, fees and questions come up for months
TOLD_BEFORE = timedelta(days=14)
BATCH = 200


def follow_leavers(*, now: datetime) -> int:
    """Tell the guardians whose bond will end, and end the bonds whose time is up: a batch of each. Returns how many."""
    return _tell(now) + _end(now)


def _left(now: datetime, *, for_at_least: timedelta) -> QuerySet[Guardianship]:
    standing = Guardianship.objects.filter(ended_at=None, verified_at__isnull=False)
    return standing.filter(student__left_on__lte=(now - for_at_least).date()).order_by("pk")


def _tell(now: datetime) -> int:
    untold = Q(ending_told_at=None) | Q(ending_told_at__date__lt=F("student__left_on"))
    due = _left(now, for_at_least=STAYS - TOLD_BEFORE).filter(untold).select_related("student__school")
    told = 0
    for bond in due[:BATCH]:
        with transaction.atomic():
            bonds.lock(bond.student_id)
            if Guardianship.objects.filter(pk=bond.pk, ended_at=None).update(ending_told_at=now):
                notices.tell_of_ending(bond, bond.student, ends_on=(now + TOLD_BEFORE).date(), now=now)
                told += 1
    return told


def _end(now: datetime) -> int:
    told = Q(ending_told_at__lte=now - TOLD_BEFORE, ending_told_at__date__gte=F("student__left_on"))
    due = _left(now, for_at_least=STAYS).filter(told)
    ended = 0
    for bond in due[:BATCH]:
        bonds.end_bond(bond, by=None, now=now, because="left")
        ended += 1
    return ended
