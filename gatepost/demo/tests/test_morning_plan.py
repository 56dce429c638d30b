from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.cards import numbers
from gatepost.demo.morning_plan import (
    CardHolder,
    Fate,
    Morning,
    Outage,
    PlannedTap,
    ReaderSpot,
    Shares,
    TapKind,
    plan_morning,
)

TAIPEI = ZoneInfo("Asia/Taipei")
OPENS = datetime(2026, 9, 1, 7, 0, tzinfo=TAIPEI)
BELL = datetime(2026, 9, 1, 8, 0, tzinfo=TAIPEI)
CUTOFF = datetime(2026, 9, 1, 8, 10, tzinfo=TAIPEI)
READERS = (ReaderSpot("south-1", share=2), ReaderSpot("south-2", "in"), ReaderSpot("north-1"))


def holders(many: int) -> list[CardHolder]:
    return [CardHolder(f"student {nth}", f"{0x04A00000 + nth:08X}") for nth in range(many)]


def morning(many: int = 1000, *, seed: int = 1, outage: Outage = Outage.CATCHES_UP, **changes: object) -> Morning:
    times = {"opens": OPENS, "bell": BELL, "cutoff": CUTOFF} | changes
    return plan_morning(holders(many), seed=seed, readers=READERS, outage=outage, **times)


def handed_in(plan: Morning) -> list[PlannedTap]:
    return list(plan.taps())


def test_the_same_seed_gives_the_same_morning_and_another_day_other_nonces() -> None:
    next_day = morning(
        opens=OPENS + timedelta(days=1), bell=BELL + timedelta(days=1), cutoff=CUTOFF + timedelta(days=1)
    )

    assert morning() == morning()
    assert morning(seed=2) != morning()
    assert not {tap.nonce for tap in next_day.taps()} & {tap.nonce for tap in morning().taps()}


def test_every_student_has_one_fate_and_the_shares_are_kept() -> None:
    fates = Counter(morning().fates.values())

    assert fates == {Fate.ON_TIME: 953, Fate.LATE: 15, Fate.FORGOT_CARD: 20, Fate.ON_LEAVE: 10, Fate.ABSENT: 2}


def test_exactly_those_tap_who_came_with_their_card() -> None:
    plan = morning()
    came = {student for student, fate in plan.fates.items() if fate in (Fate.ON_TIME, Fate.LATE)}

    assert plan.students_seen() == came


def test_who_is_on_time_taps_before_the_bell_and_who_is_late_after_it() -> None:
    plan = morning()
    for tap in plan.taps():
        if tap.kind is TapKind.FIRST and tap.student:
            assert (tap.read_at < BELL) == (plan.fates[tap.student] is Fate.ON_TIME)
            assert tap.read_at >= OPENS


def test_the_rush_comes_before_the_bell_after_a_long_early_tail() -> None:
    minutes = [(BELL - tap.read_at) / timedelta(minutes=1) for tap in morning().taps() if tap.read_at < BELL]
    rush = sum(5 <= before <= 20 for before in minutes)

    assert 0.55 < rush / len(minutes) < 0.85
    assert sum(before > 30 for before in minutes) > 20
    assert sum(before < 2 for before in minutes) < 0.1 * len(minutes)


def test_a_double_tap_is_the_same_card_at_the_same_reader_within_seconds() -> None:
    plan = morning()
    firsts = {tap.card: (tap, send.reader) for send in plan.sends for tap in send.taps if tap.kind is TapKind.FIRST}
    doubles = [(tap, send.reader) for send in plan.sends for tap in send.taps if tap.kind is TapKind.DOUBLE]

    assert len(doubles) == 29
    for tap, reader in doubles:
        first, its_reader = firsts[tap.card]
        assert reader == its_reader
        assert timedelta(seconds=1) < tap.read_at - first.read_at < timedelta(seconds=8)


def test_unknown_cards_are_nobodys_but_are_card_numbers() -> None:
    unknown = [tap for tap in morning().taps() if tap.kind is TapKind.UNKNOWN]

    assert len(unknown) == 3
    assert all(tap.student is None for tap in unknown)
    assert all(numbers.canonical(tap.card) == tap.card for tap in unknown)
    assert not {tap.card for tap in unknown} & {holder.card for holder in holders(1000)}


def test_a_reader_tells_a_direction_only_if_it_knows_one() -> None:
    directions = {(send.reader, tap.direction) for send in morning().sends for tap in send.taps}

    assert directions == {("south-1", None), ("south-2", "in"), ("north-1", None)}


def test_a_reader_with_a_larger_share_takes_more_of_the_students() -> None:
    taken = Counter(send.reader for send in morning(outage=Outage.NONE).sends for _tap in send.taps)

    assert taken["south-1"] > 1.5 * taken["north-1"]


def test_an_online_reader_sends_each_tap_at_once() -> None:
    plan = morning(outage=Outage.NONE)

    assert plan.silence is None
    assert all(len(send.taps) <= 1 and send.queue == 0 for send in plan.sends)
    assert all(tap.read_at < send.at < tap.read_at + timedelta(seconds=3) for send in plan.sends for tap in send.taps)


def test_a_reader_that_was_offline_loses_nothing_and_catches_up_in_batches() -> None:
    plan, online = morning(), morning(outage=Outage.NONE)
    silence = plan.silence
    assert silence is not None
    assert silence.ends is not None
    late_sends = [send for send in plan.sends if send.reader == silence.reader and send.at >= silence.ends]

    assert len(handed_in(plan)) == len(handed_in(online))
    assert not [
        s
        for s in plan.sends
        if s.reader == silence.reader and silence.starts + timedelta(seconds=1) < s.at < silence.ends
    ]
    assert BELL - timedelta(minutes=20) < silence.starts < silence.ends < BELL
    assert max(len(send.taps) for send in late_sends) > 10
    assert all(len(send.taps) <= 50 for send in plan.sends)
    assert late_sends[0].taps[0].read_at < silence.ends - timedelta(minutes=5)


def test_what_a_reader_holds_is_told_until_nothing_is_left() -> None:
    plan = morning(many=6000)
    assert plan.silence is not None
    queues = [send.queue for send in plan.sends if send.reader == plan.silence.reader]

    assert max(queues) > 50
    assert queues[-1] == 0


def test_a_reader_that_stays_offline_keeps_its_taps_and_is_not_heard_again() -> None:
    plan = morning(outage=Outage.STAYS_OFFLINE)
    silence = plan.silence
    assert silence is not None

    assert silence.ends is None
    assert plan.unsent
    assert all(tap.read_at >= silence.starts for tap in plan.unsent)
    assert not {tap.nonce for tap in plan.unsent} & {tap.nonce for tap in plan.taps()}
    assert max(s.at for s in plan.sends if s.reader == silence.reader) < silence.starts + timedelta(seconds=2)


def test_every_reader_is_heard_with_an_empty_queue_after_the_cutoff() -> None:
    plan = morning()
    for reader in READERS:
        last = max((send for send in plan.sends if send.reader == reader.reader), key=lambda send: send.at)
        assert last.at > CUTOFF
        assert last.queue == 0
        assert last.taps == ()


def test_an_idle_reader_still_gives_a_sign_of_life_every_minute() -> None:
    plan = morning(many=0, outage=Outage.NONE)
    for reader in READERS:
        signs = [send.at for send in plan.sends if send.reader == reader.reader]
        assert all(later - earlier <= timedelta(seconds=61) for earlier, later in pairwise(signs))


def test_a_morning_can_be_planned_for_one_minute() -> None:
    bell = OPENS + timedelta(seconds=50)
    plan = morning(many=300, bell=bell, cutoff=OPENS + timedelta(seconds=58))
    silence = plan.silence
    assert silence is not None
    assert silence.ends is not None

    assert silence.ends - silence.starts < timedelta(seconds=10)
    assert {tap.student for tap in plan.taps() if tap.read_at >= bell and tap.kind is TapKind.FIRST} == {
        student for student, fate in plan.fates.items() if fate is Fate.LATE
    }


@settings(max_examples=40, deadline=None)
@given(
    many=st.integers(0, 60),
    seed=st.integers(),
    outage=st.sampled_from(Outage),
    span=st.integers(10, 7200),
    wait=st.integers(0, 1200),
)
def test_any_morning_hands_in_every_tap_once_and_in_the_order_of_each_reader(
    many: int, seed: int, outage: Outage, span: int, wait: int
) -> None:
    bell = OPENS + timedelta(seconds=span)
    plan = morning(many, seed=seed, outage=outage, bell=bell, cutoff=bell + timedelta(seconds=wait))
    taps = handed_in(plan)

    assert len({tap.nonce for tap in taps}) == len(taps)
    assert [send.at for send in plan.sends] == sorted(send.at for send in plan.sends)
    assert all(tap.read_at <= send.at for send in plan.sends for tap in send.taps)
    for reader in READERS:
        read = [tap.read_at for send in plan.sends if send.reader == reader.reader for tap in send.taps]
        assert read == sorted(read)
    assert len(plan.fates) == many
    missing = {student for student, fate in plan.fates.items() if fate in (Fate.ON_TIME, Fate.LATE)}
    assert missing - plan.students_seen() <= {tap.student for tap in plan.unsent}


def test_nothing_happens_that_was_not_asked_for() -> None:
    plan = plan_morning(
        holders(200),
        seed=1,
        opens=OPENS,
        bell=BELL,
        cutoff=CUTOFF,
        readers=READERS[:1],
        shares=Shares(double=0, forgot_card=0, late=0, on_leave=0, absent=0, unknown_cards=0),
        outage=Outage.NONE,
    )

    assert set(plan.fates.values()) == {Fate.ON_TIME}
    assert len(handed_in(plan)) == 200


def test_a_morning_needs_a_reader_and_times_in_order() -> None:
    with pytest.raises(ValueError, match="needs a reader"):
        plan_morning(holders(1), seed=1, opens=OPENS, bell=BELL, cutoff=CUTOFF, readers=())
    with pytest.raises(ValueError, match="opens < bell"):
        morning(bell=OPENS)
