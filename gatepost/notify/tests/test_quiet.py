"""What may wait comes when its reader's quiet hours are over; safety messages and what would be stale do not wait."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.accounts.models import Account
from gatepost.guardians.restrictions import restrict
from gatepost.notify import notices, quiet, sender
from gatepost.notify.models import Delivery
from gatepost.notify.quiet import QuietHours
from gatepost.notify.tests.test_sender import Post
from gatepost.roster.models import Student
from tests import builders
from tests.builders import MONDAY, ZONE, at

NIGHT = (time(22), time(7))
NEW_YORK = "America/New_York"


def hours(starts: time, ends: time, zone: str = ZONE) -> QuietHours:
    return QuietHours(starts=starts, ends=ends, timezone=zone)


@pytest.mark.parametrize(
    ("span", "clock", "ends"),
    [
        (NIGHT, "21:59:59", None),
        (NIGHT, "22:00", at("07:00", MONDAY + timedelta(days=1))),
        (NIGHT, "06:59:59", at("07:00")),
        (NIGHT, "07:00", None),
        ((time(13), time(14)), "13:30", at("14:00")),
        ((time(13), time(14)), "14:00", None),
    ],
)
def test_hours_cross_midnight(span: tuple[time, time], clock: str, ends: datetime | None) -> None:
    assert hours(*span).until(at(clock)) == ends


def test_an_hour_that_clocks_show_twice_ends_each_time_and_one_they_skip_is_not_waited_for_all_day() -> None:
    twice = hours(time(23), time(1, 30), NEW_YORK)  # on 1 November 2026 the hour from one o'clock comes twice
    assert twice.until(datetime(2026, 11, 1, 5, 20, tzinfo=UTC)) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert twice.until(datetime(2026, 11, 1, 6, 20, tzinfo=UTC)) == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    skipped = hours(time(23), time(2, 30), NEW_YORK)  # on 8 March 2026 there is no half past two
    assert skipped.until(datetime(2026, 3, 8, 6, 59, tzinfo=UTC)) == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)


@given(
    st.times(),
    st.times(),
    st.timedeltas(timedelta(0), timedelta(days=365)),
    st.sampled_from([ZONE, NEW_YORK, "Australia/Lord_Howe"]),
)
def test_who_waits_waits_for_a_moment_to_come_within_a_day_and_then_no_longer(
    starts: time, ends: time, later: timedelta, zone: str
) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + later
    end = hours(starts, ends, zone).until(now)
    if end is not None:
        assert now < end <= now + timedelta(hours=25)
        local = end.astimezone(ZoneInfo(zone))
        skipped = local.replace(tzinfo=None) != datetime.combine(local.date(), ends)
        assert skipped or hours(starts, ends, zone).until(end) is None


@pytest.fixture
def child(db: None) -> Student:
    return builders.a_student(builders.a_class(builders.a_school()))


@pytest.fixture
def mother(child: Student) -> Account:
    """She wants to sleep from ten to seven."""
    mother = builders.a_guardian(child)
    Delivery.objects.all().delete()
    rest(mother)
    return mother


def rest(account: Account, *, routine_off: bool = False) -> None:
    quiet.keep(account, starts=NIGHT[0], ends=NIGHT[1], timezone=ZONE, routine_off=routine_off, now=at("12:00"))


def say(child: Student, topic: str, *, now: datetime, best_before: timedelta = timedelta(hours=36)) -> None:
    """A notice of `topic`: one that somebody chose, or one that goes to everybody who may be told."""
    said = notices.Post(f"{topic}:{now}", topic, child.pk, MONDAY, {"student": "王小明"}, now + best_before)
    if topic in ("arrived", "left", "not_arrived"):
        notices.post([said], now=now)
    else:
        notices.tell(said, now=now)


def sent(*, now: datetime) -> list[str]:
    post = Post()
    sender.send_due("email", post, now=now)
    return [one.topic for one in post.carried]


def test_what_may_wait_comes_when_the_hours_are_over(child: Student, mother: Account) -> None:
    night, morning = at("23:10"), at("07:00", MONDAY + timedelta(days=1))
    say(child, "bond_ending", now=night)
    assert sent(now=night) == []
    row = Delivery.objects.get()
    assert (row.state, row.due_at) == ("queued", morning)
    assert sent(now=morning - timedelta(seconds=1)) == []
    assert sent(now=morning) == ["bond_ending"]


def test_another_guardian_who_set_no_hours_is_told_at_once(child: Student, mother: Account) -> None:
    builders.a_guardian(child, account=builders.an_account("father@example.org"))
    Delivery.objects.all().delete()
    say(child, "bond_ending", now=at("23:10"))
    post = Post()
    sender.send_due("email", post, now=at("23:10"))
    assert [one.target for one in post.carried] == ["father@example.org"]


def test_what_would_be_stale_by_then_and_what_is_about_safety_comes_at_once(child: Student, mother: Account) -> None:
    say(child, "bond_ending", now=at("23:10"), best_before=timedelta(hours=2))
    assert sent(now=at("23:10")) == ["bond_ending"]
    say(child, "not_arrived", now=at("23:20"))
    assert sent(now=at("23:20")) == ["not_arrived"]


def test_arrivals_come_at_once_or_by_choice_not_at_all(child: Student, mother: Account) -> None:
    say(child, "left", now=at("22:10"))
    assert sent(now=at("22:10")) == ["left"]
    rest(mother, routine_off=True)
    say(child, "left", now=at("22:20"))
    assert sent(now=at("22:20")) == []
    assert Delivery.objects.order_by("id").values_list("state", "because").last() == ("dropped", "quiet")
    say(child, "left", now=at("21:50"))
    assert sent(now=at("21:50")) == ["left"]


def test_a_restriction_at_night_stops_what_waits(child: Student, mother: Account) -> None:
    say(child, "bond_ending", now=at("23:10"))
    sent(now=at("23:10"))
    restrict(mother.pk, child, by=None, now=at("23:30"))
    assert sent(now=at("07:00", MONDAY + timedelta(days=1))) == []
