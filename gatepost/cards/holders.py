from datetime import date, datetime

from django.db import IntegrityError, transaction

from gatepost.audit import entries
from gatepost.cards.models import Card
from gatepost.roster.models import Student


class CardRefused(Exception):
    """The card cannot do that now; `code` says why: held, ended, older (the student has a newer one)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def issue(student: Student, uid: str, *, by: object | None, now: datetime) -> Card:
    """Give `student` the card with the canonical number `uid`. Raises `CardRefused("held")` if somebody has it."""
    try:
        with transaction.atomic():
            card = Card.objects.create(student=student, uid=uid, issued_at=now)
            entries.record("card:issued", by=by, about=student.pk, card=card.pk)
    except IntegrityError as error:
        raise CardRefused("held") from error
    return card


def lend(student: Student, uid: str, *, on: date, by: object | None, now: datetime) -> Card:
    """Lend a spare card for one day. Raises `CardRefused("held")` if it is lent to somebody else that day."""
    try:
        with transaction.atomic():
            card = Card.objects.create(student=student, uid=uid, issued_at=now, loan_on=on)
            entries.record("card:lent", by=by, about=student.pk, card=card.pk)
    except IntegrityError as error:
        raise CardRefused("held") from error
    return card


def freeze(card: Card, *, by: object | None, now: datetime) -> None:
    """Taps of this card count for nothing until it is thawed. Freezing twice keeps the first time."""
    with transaction.atomic():
        changed = Card.objects.filter(pk=card.pk, ended_at=None, frozen_at=None).update(frozen_at=now)
        if changed:
            entries.record("card:frozen", by=by, about=card.student_id, card=card.pk)
    card.refresh_from_db(fields=["frozen_at", "ended_at"])


def thaw(card: Card, *, by: object | None) -> None:
    """A frozen card counts again. Raises `CardRefused("ended")` for a card that is lost or given back."""
    with transaction.atomic():
        if Card.objects.filter(pk=card.pk, ended_at=None).update(frozen_at=None) == 0:
            raise CardRefused("ended")
        entries.record("card:thawed", by=by, about=card.student_id, card=card.pk)
    card.refresh_from_db(fields=["frozen_at"])


def report_lost(card: Card, *, by: object | None, now: datetime) -> None:
    """The card is lost, for good. Raises `CardRefused` (ended; older: a newer one is out, so its end is the school's).

    Reporting is final also where the card is found: it may have been in other hands meanwhile.
    """
    if card.ended_at is not None:
        raise CardRefused("ended")
    if Card.objects.filter(student=card.student_id, loan_on=None, issued_at__gt=card.issued_at).exists():
        raise CardRefused("older")
    end(card, Card.End.LOST, by=by, now=now)


def replace(student: Student, uid: str, *, by: object | None, now: datetime) -> Card:
    """Give `student` a new card; the one they had counts no more. Raises `CardRefused("held")` if somebody has it."""
    with transaction.atomic():
        for old in Card.objects.filter(student=student, ended_at=None, loan_on=None):
            end(old, Card.End.REPLACED, by=by, now=now)
        return issue(student, uid, by=by, now=now)


def end(card: Card, kind: Card.End, *, by: object | None, now: datetime) -> None:
    """The card is lost, replaced or returned: final. Ending twice keeps the first time and kind."""
    with transaction.atomic():
        changed = Card.objects.filter(pk=card.pk, ended_at=None).update(ended_at=now, ended_as=kind)
        if changed:
            entries.record(f"card:{kind}", by=by, about=card.student_id, card=card.pk)
    card.refresh_from_db(fields=["ended_at", "ended_as"])
