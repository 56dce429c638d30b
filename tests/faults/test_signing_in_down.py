"""Signing in must not stop the morning: with the web process, and the provider in it, hanging and dead, all goes on."""

import random
from datetime import UTC, datetime, time, timedelta

from tests.faults.ground import Ground, wait_until
from tests.faults.morning import Morning, a_morning, all_is_there_once, worked_off
from tests.faults.readers import finish
from tests.faults.sink import Sink
from tests.faults.tally import Counts

SWEPT_SECONDS = 90.0  # asked every twenty


def test_taps_days_mails_and_the_sweep_go_on_while_sign_in_and_provider_hang_and_die(
    ground: Ground, sink: Sink, chance: random.Random, counts: Counts
) -> None:
    plan = a_morning(chance, schools=2, children=12, gateways=2)
    web, gate = ground.web(), ground.gate()
    ground.worker(**sink.environment())
    readers = plan.readers([gate.port], chance, seconds=4)
    web.freeze()
    for reader in readers:
        reader.start()
    finish(readers, seconds=60)
    web.kill()
    counts.note(rounds=1, kills=1)
    worked_off(ground)
    all_is_there_once(ground, plan, readers, sink, counts)

    zone = past_the_cut_off(plan, datetime.now(UTC))
    ground.as_superuser(f"UPDATE roster_school SET timezone = '{zone}'")
    asked = "SELECT count(*) FROM attendance_sweep WHERE date = %s"
    wait_until(lambda: ground.one(asked, plan.date) == 2, "both schools are swept", seconds=SWEPT_SECONDS)


def past_the_cut_off(plan: Morning, now: datetime) -> str:
    """A zone in which it is three hours later on the morning's day."""
    seven = datetime.combine(plan.date, time(7), UTC)
    ahead = round((seven - now.replace(minute=0, second=0, microsecond=0)) / timedelta(hours=1)) + 3
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"
