from datetime import time, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from pytest_django import Settings

from gatepost.attendance import daylines, entries
from gatepost.attendance.days import LOCK_CLASS
from gatepost.attendance.models import Day, Event, Rules, SchoolDay, Sweep
from gatepost.demo.reader_keys import NoDemonstration
from gatepost.demo.rehearsal import RehearsalRefused, make_ready, set_back, set_back_earlier_days, times
from gatepost.notify.models import Delivery, Notice
from gatepost.roster.models import School, Student
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db

NOW = at("20:00")
WHEN = times(NOW, minutes=1)


@pytest.fixture(autouse=True)
def demonstration(settings: Settings) -> None:
    settings.DEMONSTRATION = True


@pytest.fixture
def student() -> Student:
    student = builders.a_student(builders.a_class(builders.a_school()))
    builders.a_guardian(student)
    return student


def ready(school: School, *, keep: bool = False) -> None:
    make_ready(school, WHEN, keep=keep, now=NOW)


def arrive(student: Student, *, day: int = 0) -> None:
    moment = NOW - timedelta(hours=1, days=day)
    entries.enter(student, Event.Side.IN, at=moment, source=Event.Source.OFFICE, by=uuid4(), now=moment)


def test_a_morning_of_a_minute_keeps_the_proportions_of_a_real_one() -> None:
    assert WHEN.bell - WHEN.opens == timedelta(seconds=36)
    assert WHEN.cutoff - WHEN.bell == timedelta(seconds=6)


def test_a_sunday_becomes_a_school_day_on_which_nobody_leaves_yet(student: Student) -> None:
    ready(student.school)

    today = SchoolDay.objects.get(school=student.school, date=MONDAY, grade=student.grade)
    assert (today.kind, today.name, today.leave_from) == ("make_up", "模擬上課日", time(23, 59, 59))
    assert daylines.day_lines([student], now=NOW)[student.pk].state != "no_school"


def test_a_school_day_keeps_its_kind_and_name(student: Student) -> None:
    builders.a_school_day(student.school, kind=SchoolDay.Kind.HALF, name="段考")

    ready(student.school)

    today = SchoolDay.objects.get(school=student.school, date=MONDAY, grade=student.grade)
    assert (today.kind, today.name) == ("half", "段考")


def test_the_cut_off_comes_within_minutes_and_is_news_until_midnight(student: Student) -> None:
    ready(student.school)

    rules = Rules.objects.get(school=student.school)
    assert (rules.late_after, rules.cutoff) == (time(20, 0, 36), time(20, 0, 42))
    assert rules.not_arrived_until == time(23, 59, 59)


def test_what_happened_today_is_taken_away_and_yesterday_stays(student: Student) -> None:
    arrive(student)
    arrive(student, day=1)

    ready(student.school)

    assert [day.date for day in Day.objects.all()] == [MONDAY - timedelta(days=1)]
    assert Event.objects.count() == 1
    assert {notice.on_date for notice in Notice.objects.all()} == {MONDAY - timedelta(days=1)}
    assert not Delivery.objects.filter(on_date=MONDAY).exists()


def test_other_schools_keep_their_day(student: Student) -> None:
    other = builders.a_student(builders.a_class(builders.a_school()))
    arrive(other)

    ready(student.school)

    assert Day.objects.get().student_id == other.pk


def test_what_happened_today_can_be_kept(student: Student) -> None:
    arrive(student)

    ready(student.school, keep=True)

    assert Day.objects.filter(date=MONDAY).exists()


def test_a_school_gets_its_own_rules_back(student: Student) -> None:
    builders.a_school_day(student.school)
    SchoolDay.objects.update(leave_from=time(12, 40))
    Rules.objects.create(school=student.school, late_after=time(7, 50), cutoff=time(8, 5))

    ready(student.school)
    ready(student.school)
    assert set_back(student.school, now=NOW)

    rules = Rules.objects.get(school=student.school)
    assert (rules.late_after, rules.cutoff, rules.not_arrived_until) == (time(7, 50), time(8, 5), time(10, 0))
    assert set(SchoolDay.objects.filter(grade=student.grade).values_list("leave_from", flat=True)) == {time(12, 40)}
    assert not set_back(student.school, now=NOW)


def test_a_school_without_rules_has_none_afterwards(student: Student) -> None:
    ready(student.school)
    set_back(student.school, now=NOW)

    assert not Rules.objects.exists()


def test_a_held_question_is_closed_when_the_rules_go_back(student: Student) -> None:
    ready(student.school)
    Sweep.objects.create(
        school=student.school, date=MONDAY, asked_at=NOW, held_at=NOW, held_because="readers", missing=3
    )

    set_back(student.school, now=NOW)

    assert Sweep.objects.get().decided_at == NOW
    assert not Notice.objects.exists()


def test_the_next_day_sets_back_what_was_left_standing(student: Student) -> None:
    ready(student.school)

    assert set_back_earlier_days(now=NOW + timedelta(hours=1)) == 0
    assert set_back_earlier_days(now=NOW + timedelta(days=1)) == 1
    assert set_back_earlier_days(now=NOW + timedelta(days=1)) == 0


def test_a_morning_that_would_run_past_midnight_is_refused_and_changes_nothing(student: Student) -> None:
    late = at("23:55")

    with pytest.raises(RehearsalRefused, match="23:55"):
        make_ready(student.school, times(late, minutes=2), keep=False, now=late)

    assert not SchoolDay.objects.exists()
    assert not Rules.objects.exists()


def test_outside_of_a_demonstration_nothing_is_touched(student: Student, settings: Settings) -> None:
    settings.DEMONSTRATION = False
    arrive(student)

    with pytest.raises(NoDemonstration):
        ready(student.school)

    assert Day.objects.filter(date=MONDAY).exists()


def test_who_follows_taps_of_the_school_waits_while_its_day_is_taken_away(student: Student) -> None:
    ready(student.school)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND pid = pg_backend_pid()",
            [LOCK_CLASS],  # of ours: the tests beside this one follow taps on the same server
        )
        assert cursor.fetchone()[0] == 1
