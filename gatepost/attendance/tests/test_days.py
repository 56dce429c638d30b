"""A repeat changes nothing: the replay promise as a property, against the rules written out a second time, plainly."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from operator import itemgetter
from uuid import UUID

import pytest
from django.db import DataError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost.attendance.models import Day, Event
from gatepost.attendance.tests.taps import follow_all, tapped
from gatepost.gates.models import Reader, Tap, TapQueue
from gatepost.notify.models import Delivery, Notice
from gatepost.roster.models import Student
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db(transaction=True)

GAP = timedelta(minutes=5)
LEAVE_FROM = at("15:30")
PlainTap = tuple[datetime, str | None, UUID]

moments = st.integers(0, 12 * 60 * 4).map(lambda quarter_minutes: at("06:00") + timedelta(seconds=15 * quarter_minutes))
close_moments = st.integers(0, 60).map(lambda tens: at("15:25") + timedelta(seconds=10 * tens))
taps = st.lists(
    st.tuples(moments | close_moments, st.sampled_from([None, None, None, "in", "out"]), st.uuids(version=4)),
    min_size=1,
    max_size=7,
    unique_by=lambda tap: tap[2],
)


def plainly(day: Sequence[PlainTap]) -> tuple[datetime | None, datetime | None]:
    """Arrival and departure of a day, by the rules of `days` said in another way."""
    sided = sorted(
        (
            (when, direction or ("out" if when >= LEAVE_FROM else "in"), direction is not None, nonce)
            for when, direction, nonce in day
        ),
        key=lambda one: (one[0], one[1], one[3]),
    )
    counted = []
    for index, (when, side, sure, _) in enumerate(sided):
        before = sided[:index]
        if before and not sure and when - before[-1][0] <= GAP:
            continue
        same = [earlier for earlier in before if earlier[1] == side]
        if same and when - same[-1][0] <= GAP:
            continue
        counted.append((when, side))
    comings = [when for when, side in counted if side == "in"]
    goings = [when for when, side in counted if side == "out"]
    last = goings[-1] if goings else None
    if last is not None and any(coming > last for coming in comings):
        last = None
    return (comings[0] if comings else None), last


def state() -> tuple[list[tuple[datetime | None, datetime | None, datetime | None]], set[str], int]:
    days = list(Day.objects.values_list("arrived_at", "left_at", "seen_at"))
    return days, set(Notice.objects.values_list("key", flat=True)), Delivery.objects.count()


@pytest.fixture
def child(transactional_db: None) -> tuple[Student, str, Reader]:
    school = builders.a_school()
    builders.a_school_day(school)
    student = builders.a_student(builders.a_class(school))
    builders.a_guardian(student)
    return student, builders.a_card(student).uid, builders.a_reader(school)[0]


def forget() -> None:
    for model in (Delivery, Notice, Day, Event, TapQueue, Tap):
        model.objects.all().delete()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(day=taps, data=st.data())
def test_any_order_any_split_and_any_repeats_give_the_same_day_and_no_more_messages(
    child: tuple[Student, str, Reader], day: list[PlainTap], data: st.DataObject
) -> None:
    _, uid, reader = child
    now = at("18:30")
    forget()
    for when, direction, nonce in sorted(day, key=itemgetter(0)):
        tapped(reader, uid, when, direction=direction, nonce=nonce)
    follow_all(now)
    in_order = state()
    assert (in_order[0][0][0], in_order[0][0][1]) == plainly(day)

    forget()
    again = data.draw(st.permutations(day + data.draw(st.lists(st.sampled_from(day), max_size=5))))
    for when, direction, nonce in again:
        _hand_in(reader, uid, when, direction, nonce)
        if data.draw(st.booleans()):
            follow_all(now)
    follow_all(now)
    days, keys, deliveries = state()
    assert days == in_order[0]
    assert keys >= in_order[1]  # a departure that a later coming undid may have been news on the way
    assert len(keys) <= 2
    assert deliveries == len(keys)


def _hand_in(reader: Reader, uid: str, when: datetime, direction: str | None, nonce: UUID) -> None:
    """As intake does: a repeat is kept nowhere, and queued nowhere."""
    if not Tap.objects.filter(reader_id=reader.pk, nonce=nonce).exists():
        tapped(reader, uid, when, direction=direction, nonce=nonce)


def test_a_queue_row_that_comes_twice_is_one_event(child: tuple[Student, str, Reader]) -> None:
    _, uid, reader = child
    row = tapped(reader, uid, at("07:42"))
    follow_all(at("07:43"))
    TapQueue.objects.bulk_create([row])
    follow_all(at("07:44"))
    assert Event.objects.count() == 1


def test_a_failure_leaves_the_taps_queued_and_nothing_half_written(
    child: tuple[Student, str, Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, uid, reader = child
    tapped(reader, uid, at("07:42"))
    with monkeypatch.context() as broken:
        broken.setattr("gatepost.attendance.days._FOLD_ANEW", "SELECT 1/0")
        with pytest.raises(DataError, match="division"):
            follow_all(at("07:43"))
    assert TapQueue.objects.count() == 1
    assert not Event.objects.exists()
    assert not Day.objects.exists()
    follow_all(at("07:44"))
    assert Day.objects.get().date == MONDAY


def test_two_who_write_into_one_day_at_one_moment_are_both_in_it(child: tuple[Student, str, Reader]) -> None:
    student, _, _ = child
    with ThreadPoolExecutor(1) as elsewhere:
        with transaction.atomic():
            builders.entered(student, "in", at("07:42"))
            going = elsewhere.submit(_leave, student)
            with pytest.raises(TimeoutError):  # whoever folds this day next waits for us
                going.result(timeout=0.5)
        going.result(timeout=10)
    day = Day.objects.get()
    assert (day.arrived_at, day.left_at) == (at("07:42"), at("10:00"))


def _leave(student: Student) -> None:
    try:
        builders.entered(student, "out", at("10:00"))
    finally:
        connection.close()
