"""Whether a loop still runs is a row that anybody can read."""

from datetime import UTC, datetime, timedelta

import pytest

from gatepost.kit.worker import Loop
from gatepost.watch import beats

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 0, 12, tzinfo=UTC)


def test_a_loop_that_ran_is_not_late_until_its_sleep_and_a_minute_are_over() -> None:
    beats.beat("sweep", every_seconds=20, now=NOW)
    (soon,) = beats.pulses(now=NOW + timedelta(seconds=80))
    (later,) = beats.pulses(now=NOW + timedelta(seconds=81))
    assert (soon.loop, soon.age_seconds, soon.late) == ("sweep", 80.0, False)
    assert later.late


def test_a_round_writes_that_it_ran_and_returns_what_it_did() -> None:
    loop = beats.beating(Loop("arrivals", lambda now: 7, every_seconds=1, channel="bell"))
    assert loop.work(NOW) == 7
    assert (loop.name, loop.every_seconds, loop.channel, loop.repeat) == ("arrivals", 1, "bell", True)
    assert [pulse.loop for pulse in beats.pulses(now=NOW)] == ["arrivals"]


def test_a_busy_loop_does_not_write_at_every_round(django_assert_num_queries: pytest.FixtureRequest) -> None:
    loop = beats.beating(Loop("arrivals", lambda now: 1, every_seconds=1))
    loop.work(NOW)
    with django_assert_num_queries(0):  # type: ignore[operator]
        loop.work(NOW)


def test_a_round_that_fails_writes_nothing() -> None:
    def fails(now: datetime) -> int:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        beats.beating(Loop("mail", fails, every_seconds=1)).work(NOW)
    assert beats.pulses(now=NOW) == []
