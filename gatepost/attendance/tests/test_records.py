from dataclasses import astuple
from datetime import date, time

import pytest

from gatepost.attendance import leaves
from gatepost.attendance.models import Day, Event, Leave, Rules, SchoolDay, Timetable
from gatepost.attendance.records import Figures, Record, State, counted, figures, records_of
from gatepost.roster.models import School, SchoolYear, Student
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db

NOW = at("07:30")
FIRST, LAST = date(2026, 11, 16), date(2026, 11, 24)


@pytest.fixture
def student() -> Student:
    """Seven school days: late, left early, on leave, not arrived, nothing known, today, tomorrow."""
    student = builders.a_student(builders.a_class(builders.a_school()))
    for number in (16, 17, 18, 19, 20, 23, 24):
        builders.a_school_day(student.school, day=date(2026, 11, number))
    came(student, "08:01", 16)
    came(student, "07:40", 17)
    went(student, "10:05", 17)
    day = date(2026, 11, 18)
    leaves.grant(student, first=day, last=day, kind=Leave.Kind.SICK, by=None, now=NOW, approved=False)
    Day.objects.create(
        school_id=student.school_id, date=date(2026, 11, 19), student_id=student.pk, not_arrived_at=at("08:12")
    )
    return student


def came(student: Student, clock: str, day: int) -> None:
    builders.entered(student, Event.Side.IN, at(clock, date(2026, 11, day)))


def went(student: Student, clock: str, day: int) -> None:
    builders.entered(student, Event.Side.OUT, at(clock, date(2026, 11, day)))


def record(student: Student, day: int) -> Record:
    on = date(2026, 11, day)
    return records_of(student, on, on, now=NOW)[0]


def total(student: Student) -> Figures:
    """The figures; counted by the database and day by day they are the same."""
    one_by_one = counted(records_of(student, FIRST, LAST, now=NOW))
    assert figures(student.school, [student.pk], FIRST, LAST, now=NOW).get(student.pk, Figures()) == one_by_one
    return one_by_one


def test_each_day_is_one_thing_and_the_school_days_add_up(student: Student) -> None:
    states = [one.state for one in records_of(student, FIRST, LAST, now=NOW)]
    assert states == ["present", "present", "leave", "not_arrived", "no_record", *["no_school"] * 2, *["ahead"] * 2]
    assert total(student) == Figures(5, present=2, late=1, left_early=1, on_leave=1, not_arrived=1, no_record=1)


def test_today_counts_once_something_is_known_of_it(student: Student) -> None:
    came(student, "07:28", 23)
    assert total(student).school_days == 6


def test_the_minute_of_the_bell_is_not_late(student: Student) -> None:
    came(student, "08:00:40", 20)
    assert not record(student, 20).late
    Rules.objects.create(school=student.school, late_after=time(7, 50))
    assert record(student, 20).late


def test_early_is_before_the_time_of_the_day_or_the_timetable(student: Student) -> None:
    came(student, "07:40", 20)
    went(student, "13:00", 20)
    assert record(student, 20).left_early
    Timetable.objects.create(school=student.school, grade=student.grade, weekday=5, leave_from=time(12, 30))
    assert not record(student, 20).left_early
    SchoolDay.objects.filter(date=date(2026, 11, 20)).update(leave_from=time(14, 0))
    assert record(student, 20).left_early


def test_with_leave_for_the_day_nothing_is_late_or_early(student: Student) -> None:
    day = date(2026, 11, 16)
    leaves.grant(student, first=day, last=day, kind=Leave.Kind.OFFICIAL, by=None, now=NOW)
    assert (record(student, 16).state, record(student, 16).late) == (State.PRESENT, False)
    assert total(student).late == 0


def test_an_alarm_that_was_taken_back_is_no_absence(student: Student) -> None:
    Day.objects.filter(not_arrived_at__isnull=False).update(not_arrived_at=None)
    assert (total(student).not_arrived, total(student).no_record) == (0, 2)


def test_days_before_the_school_began_do_not_count(student: Student) -> None:
    School.objects.filter(pk=student.school_id).update(opened_at=at("06:00", date(2026, 11, 19)))
    student.school.refresh_from_db()
    assert total(student).school_days == 2
    assert record(student, 18).state == State.BEFORE


def test_last_year_is_looked_up_in_the_grade_below(student: Student) -> None:
    SchoolDay.objects.all().delete()
    builders.a_school_day(student.school, grades=[student.grade - 1])
    assert astuple(total(student)) == (0,) * 7
    SchoolYear.objects.create(year=116, starts_on=date(2027, 8, 1), ends_on=date(2028, 7, 31))
    assert student.school_class is not None
    student.school_class.school_year_id = 116
    student.school_class.save()
    assert record(student, MONDAY.day).kind == SchoolDay.Kind.SCHOOL


def test_another_schools_students_are_not_counted(student: Student) -> None:
    assert figures(builders.a_school(), [student.pk], FIRST, LAST, now=NOW) == {}
