"""kill -9 at random moments of a morning: of intake, of the worker, of PostgreSQL and of single backends of it."""

import random
import time

from tests.faults.ground import Ground, Running
from tests.faults.length import Length
from tests.faults.morning import a_morning, all_is_there_once, worked_off
from tests.faults.play import in_proportion
from tests.faults.readers import finish
from tests.faults.sink import Sink
from tests.faults.tally import Counts


def test_nothing_is_lost_or_doubled_when_anything_is_killed_at_any_moment(
    ground: Ground, sink: Sink, length: Length, chance: random.Random, counts: Counts
) -> None:
    plan = a_morning(chance, schools=length.of(2, 3), children=length.of(15, 80), gateways=length.of(2, 3))
    gates = [ground.gate() for _ in range(length.of(1, 2))]
    before = in_proportion(length.of(15, 5))
    workers = [ground.worker(before=before, **sink.environment()) for _ in range(length.of(1, 2))]
    rounds = length.of(5, 40)
    readers = plan.readers([gate.port for gate in gates], chance, seconds=rounds * 1.2)
    for reader in readers:
        reader.start()
    for number in range(rounds):
        time.sleep(chance.random() * 0.8)
        _kill_something(ground, gates, workers, chance, number)
        counts.note(rounds=1, kills=1)
    finish(readers, seconds=60)
    worked_off(ground)

    assert sum(reader.sent_again for reader in readers), "no kill was ever felt"
    all_is_there_once(ground, plan, readers, sink, counts)


def _kill_something(
    ground: Ground, gates: list[Running], workers: list[Running], chance: random.Random, number: int
) -> None:
    """Everything has its turn, in another order each time."""
    match number % 4:
        case 0:
            _kill_and_start(chance.choice(gates))
        case 1:
            _kill_and_start(chance.choice(workers))
        case 2:
            ground.kill_postgres()
            ground.start_postgres()
        case 3:
            ground.kill_a_backend(chance)


def _kill_and_start(running: Running) -> None:
    running.kill()
    running.start()
