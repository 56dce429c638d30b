from collections.abc import Iterable
from datetime import datetime, time, timedelta

import pytest

from gatepost.attendance import leaves, missing, sweep
from gatepost.attendance.models import Day, Leave, Rules, SchoolDay, Sweep
from gatepost.attendance.tests.taps import follow_all, tapped
from gatepost.gates.models import Reader
from gatepost.notify.models import Climb, Delivery, Notice
from gatepost.roster.models import School, Student
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db

AFTER = at("08:10:30")


def swept(now: datetime = AFTER) -> Sweep | None:
    sweep.sweep_due(now=now)
    return Sweep.objects.order_by("-date").first()


def told() -> list[str]:
    return [str(notice.about) for notice in Notice.objects.filter(topic="not_arrived")]


@pytest.fixture
def readers(school: School) -> list[Reader]:
    """Two readers that were heard from after the cut-off with nothing left to send."""
    readers = [builders.a_reader(school)[0] for _ in range(2)]
    for reader in readers:
        builders.hear(reader, at("08:10:05"))
    return readers


def test_who_was_not_seen_on_complete_data_is_told_home_once(student: Student, readers: list[Reader]) -> None:
    builders.a_guardian(student)
    assert swept().decided_at == AFTER
    assert told() == [str(student.pk)]
    assert Day.objects.get().not_arrived_at == AFTER
    swept(AFTER + timedelta(minutes=1))
    assert Delivery.objects.count() == 1


def test_before_the_cut_off_nothing_is_asked(student: Student, readers: list[Reader]) -> None:
    assert swept(at("08:09:59")) is None


def test_who_tapped_is_not_missing(student: Student, uid: str, readers: list[Reader]) -> None:
    tapped(readers[0], uid, at("08:09"))
    follow_all(at("08:09:05"))
    assert swept().missing == 0
    assert not told()


def test_a_silent_reader_holds_everything_and_says_which(student: Student, readers: list[Reader]) -> None:
    builders.hear(readers[1], at("07:31"))
    held = swept()
    assert (held.decided_at, held.held_because) == (None, "readers")
    assert held.held_facts == {"readers": [str(readers[1].pk)]}
    assert not told()


def test_a_reader_heard_only_before_the_cut_off_holds_everything(student: Student, readers: list[Reader]) -> None:
    builders.hear(readers[1], at("08:09:59"))
    assert swept().held_because == "readers"


def test_a_reader_that_still_has_taps_to_send_holds_everything(student: Student, readers: list[Reader]) -> None:
    builders.hear(readers[1], at("08:10:20"), queue=3)
    assert swept().held_because == "readers"


def test_on_the_day_of_a_restore_a_person_decides_even_on_complete_data(
    school: School, student: Student, readers: list[Reader]
) -> None:
    """Taps that were acknowledged after the backup are gone, and their readers may have forgotten them."""
    builders.a_guardian(student)
    facts = {"since": "2026-08-31T02:00:00+00:00"}
    Sweep.objects.create(
        school=school, date=MONDAY, asked_at=AFTER, held_at=AFTER, held_because="restored", held_facts=facts
    )
    for moment in (AFTER, AFTER + timedelta(minutes=1)):
        held = swept(moment)
        assert (held.decided_at, held.held_because, held.missing) == (None, "restored", 1)
        assert held.held_facts == facts
    assert not told()
    sweep.release(school, by=builders.an_office(school), now=AFTER + timedelta(minutes=2))
    assert told() == [str(student.pk)]


def test_a_school_without_any_reader_is_held_too(student: Student) -> None:
    assert swept().held_because == "readers"


def test_a_reader_out_of_use_is_not_waited_for(student: Student, readers: list[Reader]) -> None:
    Reader.objects.filter(pk=readers[1].pk).update(rested_at=at("07:00"))
    builders.hear(readers[1], at("07:00"))
    assert swept().decided_at is not None


def test_a_tap_still_in_our_own_queue_holds_everything(student: Student, uid: str, readers: list[Reader]) -> None:
    tapped(readers[0], uid, at("08:00"))
    assert swept().held_because == "taps"
    follow_all(AFTER)
    assert swept(AFTER + timedelta(seconds=20)).missing == 0
    assert not told()


def test_when_the_reader_comes_back_with_its_taps_only_the_missing_are_told(
    student: Student, uid: str, readers: list[Reader]
) -> None:
    other = builders.a_student(student.school_class)
    builders.hear(readers[1], at("07:31"))
    assert swept().held_because == "readers"
    tapped(readers[1], uid, at("07:45"))
    builders.hear(readers[1], at("08:20"))
    follow_all(at("08:20:01"))
    assert swept(at("08:20:10")).decided_at is not None
    assert told() == [str(other.pk)]


@pytest.mark.parametrize("approved", [True, False])
def test_leave_counts_even_while_it_is_pending(student: Student, readers: list[Reader], approved: bool) -> None:
    leaves.grant(student, first=MONDAY, last=MONDAY, kind=Leave.Kind.SICK, by=None, now=at("07:00"), approved=approved)
    assert swept().expected == 0
    assert not told()


def test_leave_that_is_put_down_after_the_alarm_ends_it(student: Student, readers: list[Reader]) -> None:
    builders.a_guardian(student)
    swept()
    leaves.grant(
        student,
        first=MONDAY,
        last=MONDAY,
        kind=Leave.Kind.SICK,
        by=None,
        now=AFTER + timedelta(minutes=1),
    )
    assert list(Delivery.objects.values_list("state", "because")) == [("dropped", "on_leave")]
    assert Climb.objects.get().ended_because == "withdrawn"


def test_leave_that_was_refused_counts_for_nothing(student: Student, readers: list[Reader]) -> None:
    leave = leaves.grant(
        student, first=MONDAY, last=MONDAY, kind=Leave.Kind.SICK, by=None, now=at("07:00"), approved=False
    )
    Leave.objects.filter(pk=leave.pk).update(refused_at=at("07:30"))
    swept()
    assert told() == [str(student.pk)]


def test_a_student_seen_in_class_is_not_missing(student: Student, readers: list[Reader]) -> None:
    builders.entered(student, "seen", at("08:05"))
    swept()
    assert not told()


@pytest.mark.parametrize("kind", [SchoolDay.Kind.HOLIDAY, SchoolDay.Kind.CLOSURE, None])
def test_a_day_without_school_for_the_grade_asks_nothing(
    student: Student, readers: list[Reader], kind: SchoolDay.Kind | None
) -> None:
    rows = SchoolDay.objects.filter(grade=student.grade)
    rows.update(kind=kind) if kind else rows.delete()
    swept()
    assert not told()


@pytest.mark.parametrize("kind", [SchoolDay.Kind.MAKE_UP, SchoolDay.Kind.HALF])
def test_a_make_up_saturday_and_a_half_day_are_school_days(
    student: Student, readers: list[Reader], kind: SchoolDay.Kind
) -> None:
    SchoolDay.objects.update(kind=kind)
    swept()
    assert told() == [str(student.pk)]


def test_who_is_not_enrolled_is_not_expected(student: Student, readers: list[Reader]) -> None:
    Student.objects.update(study_state=Student.StudyState.ABROAD)
    assert swept().expected == 0


def test_the_school_sets_its_own_cut_off(student: Student, readers: list[Reader], school: School) -> None:
    Rules.objects.create(school=school, cutoff=time(9))
    assert swept() is None


class TestTheBrake:
    @pytest.fixture
    def big_class(self, student: Student, readers: list[Reader]) -> list[Student]:
        """Fifty expected, of whom ten were not seen."""
        students = [student, *(builders.a_student(student.school_class) for _ in range(49))]
        for child in students[10:]:
            builders.entered(child, "in", at("07:40"))
        for child in students[:10]:
            builders.a_guardian(child)
        return students

    def test_an_unusually_long_list_waits_for_a_person(self, big_class: list[Student]) -> None:
        held = swept()
        assert (held.decided_at, held.held_because, held.missing) == (None, "brake", 10)
        assert not told()

    def test_a_person_who_has_seen_the_names_can_release_it(self, big_class: list[Student], school: School) -> None:
        swept()
        officer = builders.an_office(school)
        released = sweep.release(school, by=officer, now=at("08:20"))
        assert released.released_by == officer
        assert len(told()) == Delivery.objects.count() == 10
        sweep.release(school, by=officer, now=at("08:21"))
        assert Delivery.objects.count() == 10

    def test_three_times_the_usual_is_unusual_even_in_a_small_share(
        self, big_class: list[Student], school: School
    ) -> None:
        Rules.objects.create(school=school, brake_percent=50)
        for back in range(1, 11):
            when = at("08:11") - timedelta(days=back)
            Sweep.objects.create(school=school, date=when.date(), asked_at=when, decided_at=when, missing=2)
        assert swept().held_because == "brake"

    def test_a_list_within_the_usual_goes_out(self, big_class: list[Student], school: School) -> None:
        Rules.objects.create(school=school, brake_percent=50)
        assert swept().decided_at is not None
        assert len(told()) == 10


def test_a_late_comer_relieves_exactly_those_who_were_told(student: Student, uid: str, readers: list[Reader]) -> None:
    told_only_alarm = builders.a_guardian(student, subscribed=["not_arrived"])
    told_both = builders.a_guardian(student, subscribed=["not_arrived", "arrived"])
    builders.a_guardian(student, subscribed=["arrived"])
    swept()
    Delivery.objects.filter(state="queued").update(state="sent", settled_at=AFTER)
    tapped(readers[0], uid, at("08:31"))
    follow_all(at("08:31:01"))
    found = Notice.objects.get(topic="found")
    arrived = Notice.objects.get(topic="arrived")
    assert {d.account_id for d in Delivery.objects.filter(notice_id=found.pk)} == {told_only_alarm.pk}
    assert told_both.pk in {d.account_id for d in Delivery.objects.filter(notice_id=arrived.pk)}


def test_an_alarm_still_queued_when_the_student_arrives_is_never_sent(
    student: Student, uid: str, readers: list[Reader]
) -> None:
    builders.a_guardian(student, subscribed=["not_arrived"])
    swept()
    tapped(readers[0], uid, at("08:11"))
    follow_all(at("08:11:01"))
    assert list(Delivery.objects.values_list("state", "because")) == [("dropped", "withdrawn")]


def test_after_the_last_hour_for_it_nothing_is_said_by_itself(student: Student, readers: list[Reader]) -> None:
    for reader in readers:
        builders.hear(reader, at("11:00"))
    assert swept(at("11:01")).decided_at is not None
    assert not told()
    assert Day.objects.filter(not_arrived_at__isnull=False).count() == 0


def test_one_schools_trouble_does_not_keep_the_others_waiting(
    student: Student, readers: list[Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = builders.a_school()
    builders.a_school_day(broken)

    def break_down(schools: Iterable[School], *, now: datetime) -> object:
        assert broken.pk not in {school.pk for school in schools}
        return missing.look_at(schools, now=now)

    monkeypatch.setattr("gatepost.attendance.sweep.look_at", break_down)
    sweep.sweep_due(now=AFTER)
    assert told() == [str(student.pk)]
