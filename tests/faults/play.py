"""A morning that is played on real processes while something is done to them."""

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.faults.ground import Ground, Running, wait_until
from tests.faults.morning import Morning, a_morning, all_is_there_once, worked_off
from tests.faults.readers import PatientReader, finish
from tests.faults.sink import Sink
from tests.faults.tally import Counts

# The lease as it is costs ninety seconds of waiting after a kill. For a worker that shares its leases with nobody.
SHORT_LEASE = """
from datetime import timedelta
from gatepost.notify import sender
sender.LEASE = timedelta(seconds=6)
sender.SENDING = sender.LEASE / 2
"""


def in_proportion(times: float) -> str:
    """The lease, and all that must be over before it is, so many times shorter: for workers that share the rows."""
    return f"""
from gatepost.channels.email import pool
from gatepost.notify import sender
sender.LEASE /= {times}
sender.SENDING /= {times}
pool.SmtpPool.__init__.__kwdefaults__.update(
    begin_seconds=pool.BEGIN_SECONDS / {times}, end_seconds=pool.END_SECONDS / {times}
)
"""


# A commit may take ten seconds, and ending a statement that does not end ten more; then the reader hears 503.
ANSWER_SECONDS_MAX = 21.0
ANSWER_SECONDS_PATIENT = 30.0


@dataclass
class Play:
    """What runs and what is handed in."""

    ground: Ground
    plan: Morning
    gates: list[Running]
    workers: list[Running]
    readers: list[PatientReader]

    def heard(self, status: int) -> int:
        """How often readers heard `status` so far."""
        return sum(reader.statuses[status] for reader in self.readers)

    def hears(self, status: int, *, seconds: float = 40) -> None:
        """Wait until a reader hears `status` that had not heard it before this call."""
        before = self.heard(status)
        wait_until(lambda: self.heard(status) > before, f"a reader hears {status}", seconds=seconds)

    def all_hear(self, status: int, *, seconds: float = 40) -> None:
        """Wait until each reader that is still at work hears `status` (again)."""
        before = [(reader, reader.statuses[status]) for reader in self.readers]

        def heard() -> bool:
            return all(not reader.is_alive() or reader.statuses[status] > many for reader, many in before)

        wait_until(heard, f"all readers hear {status}", seconds=seconds)

    @property
    def slowest_seconds(self) -> float:
        """How long the slowest answer took."""
        return max((seconds for reader in self.readers for _, seconds in reader.answers), default=0.0)


@contextmanager
def playing(
    ground: Ground,
    sink: Sink,
    chance: random.Random,
    counts: Counts,
    *,
    seconds: float,
    schools: int = 2,
    children: int = 15,
    workers: int = 1,
    ports: Sequence[int] = (),
    patience: float = ANSWER_SECONDS_PATIENT,
    answer_seconds_max: float = ANSWER_SECONDS_MAX,
    before: str = SHORT_LEASE,
    **environment: str,
) -> Iterator[Play]:
    """Play a morning of about `seconds` as long as the block runs, then to its end, and see that all is there once.

    Readers hand in at `ports`, or at an intake that is started for it, and wait `patience` seconds for an answer.
    """
    plan = a_morning(chance, schools=schools, children=children)
    running_gates = [] if ports else [ground.gate(**environment)]
    running_workers = [ground.worker(before=before, **sink.environment(), **environment) for _ in range(workers)]
    ports = ports or [gate.port for gate in running_gates]
    readers = plan.readers(ports, chance, seconds=seconds, patience=patience)
    for reader in readers:
        reader.start()
    play = Play(ground, plan, running_gates, running_workers, readers)
    try:
        play.hears(200)
        yield play
        finish(readers, seconds=seconds + 60)
    finally:
        for reader in readers:
            reader.give_up.set()
    began = time.monotonic()
    worked_off(ground)
    counts.at_most(
        seconds_until_worked_off=round(time.monotonic() - began), slowest_answer_seconds=round(play.slowest_seconds)
    )
    all_is_there_once(ground, plan, readers, sink, counts)
    assert all(running.alive for running in (*running_gates, *running_workers)), "a process died of it"
    assert play.slowest_seconds < answer_seconds_max
