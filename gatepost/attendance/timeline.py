"""A student's day in detail: every event with its source, in the order of the clock."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from gatepost.attendance.models import Day, Event, SchoolDay
from gatepost.gates.models import Reader
from gatepost.roster.models import Student


@dataclass(frozen=True, slots=True)
class Seen:
    """One event as people read it. `place` is a gate and reader; `by` an account, for what was entered by hand."""

    event: Event
    place: str
    by: UUID | None


def events_of(student: Student, day: date) -> list[Seen]:
    """All events of `student` on `day`, voided ones too."""
    events = list(
        Event.objects.filter(school_id=student.school_id, date=day, student_id=student.pk).order_by("at", "side", "pk")
    )
    readers = {
        reader.pk: f"{reader.gate.name} {reader.name}"
        for reader in Reader.objects.filter(pk__in={e.reader_id for e in events}).select_related("gate")
    }
    return [Seen(event, readers.get(event.reader_id, "") if event.reader_id else "", event.by_id) for event in events]


def event_of(student: Student, day: date, event_id: int) -> Event | None:
    """One event of `student` on `day`."""
    return Event.objects.filter(school_id=student.school_id, date=day, student_id=student.pk, pk=event_id).first()


def day_of(student: Student, day: date) -> Day | None:
    """What `student`'s events of `day` come to; None while there was nothing."""
    return Day.objects.filter(school_id=student.school_id, date=day, student_id=student.pk).first()


def plan_of(student: Student, day: date) -> SchoolDay | None:
    """What `day` is for the grade of `student`; None where the calendar has nothing: no school."""
    return SchoolDay.objects.filter(school_id=student.school_id, date=day, grade=student.grade).first()
