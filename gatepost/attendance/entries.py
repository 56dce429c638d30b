"""What people enter by hand: a tap without a card 無卡補登, "I see the student here", and the voiding of a wrong event.

Each is an event with its author; nothing is overwritten.
"""

from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from gatepost.attendance import days
from gatepost.attendance import notices as words
from gatepost.attendance.models import Day, Event
from gatepost.audit import entries
from gatepost.kit.clock import local_date
from gatepost.notify import notices
from gatepost.roster.models import Student

DAYS_BACK = 14  # how long a day may still be completed by hand
AHEAD = timedelta(minutes=2)


class EntryRefused(Exception):
    """The entry cannot stand; `code`: future, too_old, voided."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def enter(
    student: Student, side: Event.Side, *, at: datetime, source: Event.Source, by: UUID, note: str = "", now: datetime
) -> int:
    """Record that `by` saw `student` come, go, or be at school at `at`. Returns the event's id.

    Raises `EntryRefused` for a time that has not come or a day that is closed. Home is told as after a tap.
    """
    assert source != Event.Source.CARD  # noqa: S101 - cards have readers
    day = local_date(at, student.school.timezone)
    if at > now + AHEAD:
        raise EntryRefused("future")
    if day < local_date(now, student.school.timezone) - timedelta(days=DAYS_BACK):
        raise EntryRefused("too_old")
    with transaction.atomic():
        event_id = _insert(student, side, at=at, day=day, source=source, by=by, note=note, now=now)
        entries.record(f"attendance:entered_{side}", by=by, about=student.pk, event=event_id)
        days.fold([(student.school_id, day, student.pk)], now=now)
    return event_id


def void(event: Event, *, by: UUID, because: str, now: datetime) -> None:
    """Take back a wrong event; the row stays, with who took it back and why. Voiding twice keeps the first.

    Whoever was told of the arrival or departure that this event alone made is told the correction, in the same act.
    """
    with transaction.atomic():
        voided = Event.objects.filter(pk=event.pk, date=event.date, voided_at=None).update(
            voided_at=now, voided_by_id=by, voided_because=because
        )
        if not voided:
            return
        entries.record("attendance:voided", by=by, about=event.student_id, event=event.pk)
        before = _told_topics(event)
        changed = days.fold([(event.school_id, event.date, event.student_id)], now=now)
        for day in changed:
            if before.get(words.ARRIVED) and day.arrived_at is None:
                _correct(words.ARRIVED, day, event, now=now)
            if before.get(words.LEFT) and day.left_at is None:
                _correct(words.LEFT, day, event, now=now)


def _told_topics(event: Event) -> dict[str, bool]:
    day = Day.objects.filter(school_id=event.school_id, date=event.date, student_id=event.student_id).first()
    return {
        words.ARRIVED: day is not None and day.arrived_event_id == event.pk,
        words.LEFT: day is not None and day.left_event_id == event.pk,
    }


def _correct(topic: str, day: days.Folded, event: Event, *, now: datetime) -> None:
    """Tell those who were told, and free the key: the next true arrival or departure is news again."""
    told = words.key(topic, day.student_id, day.date)
    notices.withdraw({day.student_id: told}, on_date=day.date, because="withdrawn", now=now)
    correction = notices.Post(
        key=words.key(f"{words.CORRECTED}-{event.pk}", day.student_id, day.date),
        topic=words.CORRECTED,
        about=day.student_id,
        on_date=day.date,
        data={
            "student": day.student,
            "school": day.school,
            "timezone": day.timezone,
            "at": event.at.isoformat(),
            "topic": topic,
        },
        best_before=now + words.BEST_BEFORE[words.CORRECTED],
    )
    notices.follow(correction, told, now=now)
    notices.retire(told, about=day.student_id, on_date=day.date)


def _insert(
    student: Student,
    side: Event.Side,
    *,
    at: datetime,
    day: date,
    source: Event.Source,
    by: UUID,
    note: str,
    now: datetime,
) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO attendance_event"
            " (school_id, date, student_id, at, side, sure, source, by_id, note, recorded_at)"
            " VALUES (%s, %s, %s, %s, %s, true, %s, %s, %s, %s) RETURNING id",
            [student.school_id, day, student.pk, at, str(side), str(source), by, note, now],
        )
        return int(cursor.fetchone()[0])
