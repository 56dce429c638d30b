from datetime import date, time, timedelta

import pytest

from gatepost.attendance.board import NotYet, board
from gatepost.attendance.models import Event
from gatepost.roster.models import Student
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db

LAST_WEEK = [MONDAY - timedelta(days=back) for back in (3, 4, 5, 6, 7)]


@pytest.fixture
def student() -> Student:
    student = builders.a_student(builders.a_class(builders.a_school()))
    for day in (MONDAY, *LAST_WEEK):
        builders.a_school_day(student.school, day=day)
    return student


def came(student: Student, clock: str, day: date) -> None:
    builders.entered(student, Event.Side.IN, at(clock, day))


def not_yet(student: Student) -> NotYet:
    return next(iter(board(student.school, [student], now=at("07:50")).not_yet))


def test_the_usual_hour_is_the_middle_one(student: Student) -> None:
    for clock, day in zip(("07:31", "07:35", "09:55"), LAST_WEEK, strict=False):
        came(student, f"{clock}:40", day)
    assert not_yet(student).usual_at == time(7, 35)


def test_who_never_came_has_no_usual_hour(student: Student) -> None:
    assert not_yet(student).usual_at is None
    assert not_yet(student).absent_lately == 5


def test_days_without_an_arrival_are_counted_for_the_days_that_were_school_days(student: Student) -> None:
    came(student, "07:40", LAST_WEEK[0])
    came(student, "07:40", LAST_WEEK[1])
    assert not_yet(student).absent_lately == 3


def test_today_is_no_part_of_what_is_usual(student: Student) -> None:
    sister = builders.a_student(builders.a_class(student.school, 6), "王小美")
    came(sister, "07:40", MONDAY)
    assert [one.student for one in board(student.school, [student, sister], now=at("07:50")).not_yet] == [student]
    assert not_yet(student).usual_at is None


def test_a_longer_list_of_students_is_not_asked_for_one_by_one(
    student: Student, django_assert_max_num_queries: object
) -> None:
    others = [builders.a_student(builders.a_class(student.school, 3, number)) for number in range(1, 12)]
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        board(student.school, [student, *others], now=at("07:50"))
