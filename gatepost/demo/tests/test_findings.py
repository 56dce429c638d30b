from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from pytest_django import Settings

from gatepost.attendance import entries, leaves
from gatepost.attendance.models import Day, Event, Leave
from gatepost.demo import act as acts
from gatepost.demo import city, findings
from gatepost.demo.act import Act, Wish
from gatepost.demo.findings import Findings
from gatepost.demo.morning import Played
from gatepost.demo.morning_plan import Fate, Outage
from gatepost.demo.reader_line import Answer
from gatepost.demo.rehearsal import RehearsalRefused, make_ready, times
from gatepost.gates.models import Reader
from gatepost.notify.models import Delivery, Subscription
from gatepost.roster.models import School, Student
from tests.builders import at

pytestmark = pytest.mark.django_db

NOW = at("20:00")


@pytest.fixture
def school(settings: Settings) -> School:
    settings.DEMONSTRATION = True
    city.build(schools=1, students=60, days=0, seed=1, now=NOW)
    return School.objects.get()


def planned(school: School, **wish: object) -> Act:
    when = times(NOW, minutes=1)
    make_ready(school, when, keep=False, now=NOW)
    return acts.prepare(school, when, Wish(minutes=1, seed=1, url="", **wish), now=NOW)


def played(school: School, **wish: object) -> Played:
    """A morning that was planned and of which nothing was handed in, but for what the test does."""
    act = planned(school, **wish)
    act.plan.sends.clear()
    return Played(NOW - timedelta(seconds=1), [act], settled=True)


def arrive(played: Played) -> Student:
    """Somebody whose family wants to know is entered by hand."""
    about = Subscription.objects.filter(topic="arrived").values_list("recipient__about", flat=True)
    student = Student.objects.filter(pk__in=about).exclude(pk__in=played.acts[0].on_leave)[0]
    entries.enter(student, Event.Side.IN, at=NOW, source=Event.Source.TEACHER, by=uuid4(), now=NOW)
    played.acts[0].entered.add(student.pk)
    return student


def sent(student: Student) -> None:
    Delivery.objects.filter(about=student.pk).update(state="sent", settled_at=NOW)


def look(played: Played) -> Findings:
    return findings.look(played)


def test_who_is_on_leave_has_no_part_in_the_plan(school: School) -> None:
    student = Student.objects.order_by("pk")[0]
    leaves.grant(student, first=NOW.date(), last=NOW.date(), kind=Leave.Kind.SICK, by=None, now=NOW, approved=False)

    act = planned(school)

    assert student.pk in act.on_leave
    assert str(student.pk) not in act.plan.fates


def test_a_school_where_nobody_is_on_leave_gets_some(school: School) -> None:
    Leave.objects.all().delete()

    act = planned(school)

    assert act.on_leave == set(Leave.objects.values_list("student", flat=True)) != set()


def test_everybody_at_school_taps_or_is_entered_by_hand(school: School) -> None:
    act = planned(school, outage=Outage.NONE)

    away = {UUID(key) for key, fate in act.plan.fates.items() if fate in (Fate.ABSENT, Fate.ON_LEAVE)} | act.on_leave
    assert act.expected() | set(act.by_hand) | away == set(Student.objects.values_list("pk", flat=True))


def test_as_many_stay_away_as_were_asked_for(school: School) -> None:
    fates = planned(school, absent=20).plan.fates

    assert sum(fate is Fate.ABSENT for fate in fates.values()) == 20


def test_a_school_whose_readers_are_not_ours_is_refused(school: School) -> None:
    Reader.objects.update(revoked_at=NOW)

    with pytest.raises(RehearsalRefused, match="readers of the demonstration"):
        planned(school)


def test_a_morning_that_went_well_breaks_no_promise(school: School) -> None:
    morning = played(school)
    sent(arrive(morning))

    found = look(morning)

    assert found.broken == []
    assert (found.students, found.arrived, found.by_hand) == (60, 1, 1)
    assert found.mails["sent"] >= 1


def test_a_mail_that_was_not_sent_is_found(school: School) -> None:
    morning = played(school)
    arrive(morning)

    assert [line for line in look(morning).broken if line.startswith("Arrival mails that were not sent")]


def test_an_arrival_that_was_not_marked_is_found(school: School) -> None:
    morning = played(school)
    student = arrive(morning)
    sent(student)
    Day.objects.filter(student_id=student.pk).delete()

    assert [line for line in look(morning).broken if "not marked" in line]


def test_an_acknowledged_tap_that_is_not_there_is_found(school: School) -> None:
    morning = played(school)
    morning.journal.answers[uuid4()] = Answer(0.0, 0.1, "stored", None)

    assert [line for line in look(morning).broken if "not in the tables" in line]


def test_a_mail_about_a_student_on_leave_is_found(school: School) -> None:
    morning = played(school)
    student = arrive(morning)
    sent(student)
    morning.acts[0].entered.clear()
    morning.acts[0].on_leave.add(student.pk)

    assert [line for line in look(morning).broken if "on leave" in line]


def test_a_worker_that_does_not_follow_is_found(school: School) -> None:
    morning = played(school)
    morning.settled = False

    assert look(morning).broken == ["Not everything was done in time: is the worker running?"]


@pytest.mark.parametrize(("many", "expected"), [(1, (5, 5, 5)), (100, (55, 100, 104))])
def test_a_spread_names_the_middle_and_the_slow_end(many: int, expected: tuple[int, int, int]) -> None:
    spread = findings.spread([5.0 + nth for nth in range(many)])

    assert spread is not None
    assert (spread.count, spread.p50, spread.p95, spread.p99) == (many, *expected)
    assert findings.spread([]) is None
