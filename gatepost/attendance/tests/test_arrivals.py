from datetime import time, timedelta

import pytest

from gatepost.attendance import arrivals
from gatepost.attendance.models import Day, Event, Timetable
from gatepost.attendance.tests.taps import follow_all, tapped
from gatepost.cards import holders
from gatepost.cards.models import Card
from gatepost.gates.models import Reader, Tap, TapQueue
from gatepost.notify.models import Delivery, Notice
from gatepost.roster.models import School, Student
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db


def day_of(student: Student) -> Day:
    return Day.objects.get(student_id=student.pk, date=MONDAY)


def test_the_first_tap_is_the_arrival_and_home_is_told(student: Student, uid: str, reader: Reader) -> None:
    guardian = builders.a_guardian(student)
    tapped(reader, uid, at("07:42"))
    follow_all(at("07:42:01"))
    assert day_of(student).arrived_at == at("07:42")
    notice = Notice.objects.get()
    assert notice.topic == "arrived"
    assert notice.data["place"] == "南門 2 號機"
    assert Delivery.objects.get().account_id == guardian.pk
    assert not TapQueue.objects.exists()


def test_a_second_tap_does_not_tell_the_guardian_again(student: Student, uid: str, reader: Reader) -> None:
    builders.a_guardian(student)
    for clock in ("07:42:00", "07:42:04", "07:44:00", "07:58:00"):
        tapped(reader, uid, at(clock))
        follow_all(at(clock))
    assert day_of(student).arrived_at == at("07:42")
    assert day_of(student).left_at is None
    assert Delivery.objects.count() == 1


def test_a_tap_after_lessons_is_the_departure(student: Student, uid: str, reader: Reader) -> None:
    builders.a_guardian(student)
    for clock in ("07:42", "16:02", "16:02:20"):
        tapped(reader, uid, at(clock))
        follow_all(at(clock))
    assert day_of(student).left_at == at("16:02")
    assert [notice.topic for notice in Notice.objects.order_by("pk")] == ["arrived", "left"]


def test_what_is_there_already_holds_up_nobody_elses_first_tap(student: Student, uid: str, reader: Reader) -> None:
    classmate = builders.a_student(student.school_class, "林小美", seat=2)
    for child in (student, classmate):
        builders.a_guardian(child)
    first = tapped(reader, uid, at("07:42"))
    follow_all(at("07:42"))
    again = {"shard": first.shard, "school_id": first.school_id, "reader_id": first.reader_id, "nonce": first.nonce}
    TapQueue.objects.create(**again, uid=uid, tapped_at=at("07:42"), received_at=at("07:42"))  # queued again
    tapped(reader, uid, at("07:30"))  # an earlier one comes late: "arrived" was said
    tapped(reader, builders.a_card(classmate).uid, at("07:43"))
    assert follow_all(at("07:44")) == 3
    assert (day_of(student).arrived_at, day_of(classmate).arrived_at) == (at("07:30"), at("07:43"))
    assert Event.objects.count() == 3
    assert sorted(notice.about for notice in Notice.objects.all()) == sorted([student.pk, classmate.pk])


def test_who_leaves_a_second_time_makes_no_batch_begin_again(
    student: Student, uid: str, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    builders.a_guardian(student)
    monkeypatch.setattr("gatepost.attendance.days._FOLD", "SELECT 1/0")  # what is followed a second time
    for clock in ("07:42", "16:02", "16:20"):
        tapped(reader, uid, at(clock))
        follow_all(at(clock))
    assert day_of(student).left_at == at("16:20")
    assert [notice.topic for notice in Notice.objects.order_by("pk")] == ["arrived", "left"]


def test_a_forgotten_tap_never_blocks_the_next(student: Student, uid: str, reader: Reader) -> None:
    tapped(reader, uid, at("16:02"))
    follow_all(at("16:02"))
    assert day_of(student).arrived_at is None
    assert day_of(student).left_at == at("16:02")


def test_a_double_tap_across_the_end_of_lessons_is_no_departure(student: Student, uid: str, reader: Reader) -> None:
    tapped(reader, uid, at("15:29:50"))
    tapped(reader, uid, at("15:30:05"))
    follow_all(at("15:31"))
    assert day_of(student).arrived_at == at("15:29:50")
    assert day_of(student).left_at is None


def test_the_timetable_of_the_grade_says_when_a_tap_is_a_going(
    student: Student, uid: str, reader: Reader, school: School
) -> None:
    Timetable.objects.create(school=school, grade=student.grade, weekday=1, leave_from=time(12, 30))
    tapped(reader, uid, at("07:42"))
    tapped(reader, uid, at("12:40"))
    follow_all(at("12:41"))
    assert day_of(student).left_at == at("12:40")


def test_a_gate_that_knows_the_direction_is_believed(student: Student, uid: str, reader: Reader) -> None:
    tapped(reader, uid, at("07:42"), direction="in")
    tapped(reader, uid, at("07:43"), direction="out")
    follow_all(at("07:44"))
    assert day_of(student).left_at == at("07:43")


def test_who_comes_back_has_not_left(student: Student, uid: str, reader: Reader) -> None:
    for clock, direction in (("07:42", "in"), ("10:00", "out"), ("11:00", "in")):
        tapped(reader, uid, at(clock), direction=direction)
    follow_all(at("11:01"))
    assert day_of(student).left_at is None


def test_late_news_of_today_tells_home_and_of_yesterday_does_not(student: Student, uid: str, reader: Reader) -> None:
    builders.a_guardian(student)
    tapped(reader, uid, at("07:42") - timedelta(days=1))
    follow_all(at("07:50"))
    assert not Notice.objects.exists()
    tapped(reader, uid, at("07:42"))
    follow_all(at("07:50"))
    assert Notice.objects.count() == 1


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("frozen", "frozen_card"),
        ("lost", "lost_card"),
        ("replaced", "ended_card"),
        ("unknown", "unknown_card"),
        ("other school", "other_school"),
        ("left", "student_left"),
    ],
)
def test_a_card_that_counts_for_nothing_is_kept_with_the_reason(
    student: Student, uid: str, reader: Reader, end: str, reason: str
) -> None:
    card = Card.objects.get(uid=uid)
    match end:
        case "frozen":
            holders.freeze(card, by=None, now=at("07:00"))
        case "lost":
            holders.end(card, Card.End.LOST, by=None, now=at("07:00"))
        case "replaced":
            holders.end(card, Card.End.REPLACED, by=None, now=at("07:00"))
        case "unknown":
            uid = "FFFFFFFE"
        case "other school":
            reader = builders.a_reader(builders.a_school())[0]
        case "left":
            Student.objects.update(left_on=MONDAY)
    tapped(reader, uid, at("07:42"))
    assert follow_all(at("07:43")) == 1
    assert not Event.objects.exists()
    assert Tap.objects.get().reason == reason


def test_a_tap_before_the_card_was_lost_still_counts(student: Student, uid: str, reader: Reader) -> None:
    holders.end(Card.objects.get(uid=uid), Card.End.LOST, by=None, now=at("07:50"))
    tapped(reader, uid, at("07:42"))
    follow_all(at("07:55"))
    assert day_of(student).arrived_at == at("07:42")


def test_a_card_lent_for_today_is_the_borrowers_today_and_nobodys_tomorrow(student: Student, reader: Reader) -> None:
    holders.lend(student, "AABBCCDD", on=MONDAY, by=None, now=at("07:40"))
    tapped(reader, "AABBCCDD", at("07:42"))
    tapped(reader, "AABBCCDD", at("07:42") + timedelta(days=1))
    follow_all(at("07:43"))
    assert [event.date for event in Event.objects.all()] == [MONDAY]


def test_several_workers_share_the_schools_and_count_every_tap_once(db: None) -> None:
    for _ in range(3):
        school = builders.a_school()
        reader, _key = builders.a_reader(school)
        card = builders.a_card(builders.a_student(builders.a_class(school)))
        tapped(reader, card.uid, at("07:42"))
    assert follow_all(at("07:43")) == 3
    assert Day.objects.count() == 3


def test_a_batch_takes_the_oldest_taps_of_every_school(student: Student, uid: str, reader: Reader) -> None:
    """A school with a long queue keeps no other waiting."""
    elsewhere = builders.a_school()
    child = builders.a_student(builders.a_class(elsewhere))
    for clock in ("07:42", "07:52", "08:02"):
        tapped(reader, uid, at(clock))
    tapped(builders.a_reader(elsewhere)[0], builders.a_card(child).uid, at("08:03"))
    assert arrivals.follow_taps(now=at("08:04"), limit=2) == 2
    assert list(TapQueue.objects.order_by("id").values_list("tapped_at", flat=True)) == [at("07:52"), at("08:02")]


def test_one_batch_folds_days_of_several_dates(student: Student, uid: str, reader: Reader) -> None:
    """A reader that was off the network hands in a week; home hears of today only."""
    builders.a_guardian(student)
    earlier = [MONDAY - timedelta(days=back) for back in (40, 3)]
    for day in (*earlier, MONDAY):
        tapped(reader, uid, at("07:42", day))
    assert arrivals.follow_taps(now=at("07:43")) == 3
    assert list(Day.objects.order_by("date").values_list("arrived_at", flat=True)) == [
        at("07:42", day) for day in (*earlier, MONDAY)
    ]
    assert Notice.objects.get().data["student"] == student.name
    assert Notice.objects.get().on_date == MONDAY
