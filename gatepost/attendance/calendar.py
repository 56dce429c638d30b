"""The school's own calendar: filled once from the public one, then edited day by day."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time

from django.db import transaction

from gatepost.attendance.models import Rules, SchoolDay, Timetable
from gatepost.attendance.taiwan_calendar import PlannedDay
from gatepost.audit import entries
from gatepost.roster.models import School

ROWS_AT_ONCE = 5_000


def fill(schools: Iterable[School], grades: Sequence[int], planned: Sequence[PlannedDay]) -> int:
    """Put `planned` into the calendars of `schools` for `grades`; days that are there already stay as they are.

    Returns how many rows were offered.
    """
    rows = [
        SchoolDay(
            school=school, grade=grade, date=day.date, kind=day.kind.value, name=day.name, leave_from=day.leave_from
        )
        for school in schools
        for grade in grades
        for day in planned
    ]
    SchoolDay.objects.bulk_create(rows, ignore_conflicts=True, batch_size=ROWS_AT_ONCE)
    return len(rows)


def set_day(
    schools: Iterable[School],
    grades: Iterable[int],
    day: date,
    kind: SchoolDay.Kind,
    *,
    name: str = "",
    leave_from: time | None = None,
    by: object | None,
) -> int:
    """Make `day` what `kind` says for `grades` of `schools`: a typhoon closure, a make-up Saturday, an exam half-day.

    Returns how many rows it holds for now. The sweep and the day lines ask the table, so it holds from this moment.
    """
    grades = list(grades)
    with transaction.atomic():
        rows = []
        for school in schools:
            rows += [
                SchoolDay(school=school, grade=grade, date=day, kind=kind, name=name, leave_from=leave_from)
                for grade in grades
            ]
            entries.record("calendar:changed", by=by, school_code=school.code, date=day.isoformat(), kind=str(kind))
        SchoolDay.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["school", "date", "grade"],
            update_fields=["kind", "name", "leave_from"],
            batch_size=ROWS_AT_ONCE,
        )
    return len(rows)


def set_rules(rules: Rules, hours: Mapping[tuple[int, int], time | None], *, by: object | None) -> None:
    """Keep a school's rules, and its timetable: the earliest leaving time by (grade, weekday), None for the usual one.

    They hold from this moment on; what was decided before stays.
    """
    school = rules.school
    kept = [
        Timetable(school=school, grade=grade, weekday=weekday, leave_from=leave_from)
        for (grade, weekday), leave_from in hours.items()
        if leave_from is not None
    ]
    with transaction.atomic():
        rules.save()
        Timetable.objects.filter(school=school).delete()
        Timetable.objects.bulk_create(kept)
        entries.record("rules:changed", by=by, school_code=school.code, cutoff=rules.cutoff.isoformat())
