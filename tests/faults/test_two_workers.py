"""Two workers want the same rows; one of them stands still for longer than its lease and then goes on."""

import asyncio
import random
import time

from tests.faults.ground import Ground, wait_until
from tests.faults.length import Length
from tests.faults.morning import a_morning, all_is_there_once, worked_off
from tests.faults.play import playing
from tests.faults.readers import finish
from tests.faults.sink import Mail, Manners, Sink
from tests.faults.tally import Counts

LEASE_SECONDS = 4
HANDFUL = 8
# So small that both workers have something in hand, and that much of it is left when one of them stands still.
SMALL_LEASES = f"""
from datetime import timedelta
from gatepost.notify import sender
sender.LEASE = timedelta(seconds={LEASE_SECONDS})
sender.SENDING = sender.LEASE / 2
sender.BATCH, sender.HANDFUL = 60, {HANDFUL}
"""


class Unhurried(Manners):
    """Takes a while over each mail, so that a batch is not over before anything can be done about it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def message(self, mail: Mail) -> bytes:
        await asyncio.sleep(self.seconds)
        return b"250 2.0.0 taken"


def test_workers_that_claim_the_same_rows_do_nothing_twice(
    ground: Ground, sink: Sink, length: Length, chance: random.Random, counts: Counts
) -> None:
    workers = length.of(2, 4)
    counts.note(rounds=1, workers=workers)
    seconds, children, schools = length.of(2, 15), length.of(20, 100), length.of(3, 6)
    with playing(
        ground, sink, chance, counts, workers=workers, seconds=seconds, children=children, schools=schools, before=""
    ):
        pass
    assert counts["sent twice"] == 0


def test_a_worker_that_stood_still_beyond_its_lease_sends_nothing_that_another_has_sent(
    ground: Ground, sink: Sink, length: Length, chance: random.Random, counts: Counts
) -> None:
    plan = a_morning(chance, schools=2, children=length.of(40, 80))
    gate = ground.gate()
    readers = plan.readers([gate.port], chance, seconds=0)
    for reader in readers:
        reader.start()
    finish(readers, seconds=60)
    sink.manners = Unhurried(0.2)
    workers = [ground.worker(before=SMALL_LEASES, **sink.environment()) for _ in range(2)]
    frozen = 0
    for _ in range(length.of(1, 6)):
        if not _mails_leave(ground, sink):
            break
        still = chance.choice(workers)
        still.freeze()
        frozen += 1
        time.sleep(LEASE_SECONDS + 3)
        still.thaw()
    counts.note(rounds=frozen, frozen=frozen)
    worked_off(ground)

    all_is_there_once(ground, plan, readers, sink, counts)
    assert frozen
    assert counts["sent twice"] <= frozen * HANDFUL


def _mails_leave(ground: Ground, sink: Sink) -> bool:
    """Wait for the next mail; whether there was one."""
    before = len(sink.mails)
    wait_until(lambda: len(sink.mails) > before or _nothing_waits(ground), "mails leave")
    return len(sink.mails) > before


def _nothing_waits(ground: Ground) -> bool:
    waiting = "SELECT count(*) FROM notify_delivery WHERE state IN ('queued', 'sending')"
    return bool(ground.one("SELECT count(*) FROM gates_tapqueue") + ground.one(waiting) == 0)
