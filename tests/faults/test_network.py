"""The network is cut, or swallows everything: between readers and intake, and between Gatepost and its database."""

import random
from collections.abc import Callable

import pytest

from tests.faults.ground import Ground
from tests.faults.length import Length
from tests.faults.network import Network, a_network
from tests.faults.play import playing
from tests.faults.sink import Sink
from tests.faults.tally import Counts

# A database that says nothing: the look at the readers and the commit each wait, and each must be given up by force.
STALLED_SECONDS_MAX = 60.0

BREAKS: dict[str, Callable[[Network], None]] = {
    "cut": Network.cut,
    "nothing gets there": lambda network: network.stall(back=False),
    "nothing comes back": lambda network: network.stall(there=False),
    "nothing moves": Network.stall,
}


def test_a_network_that_breaks_between_readers_and_intake_loses_and_doubles_nothing(
    ground: Ground, sink: Sink, length: Length, chance: random.Random, counts: Counts
) -> None:
    gate = ground.gate()
    with a_network(port=gate.port) as network:
        seconds, children = length.of(3, 25), length.of(15, 80)
        with playing(
            ground, sink, chance, counts, ports=[network.port], patience=1.0, seconds=seconds, children=children
        ) as play:
            for name in [
                name for _ in range(length.of(1, 3)) for name in chance.sample(sorted(BREAKS), k=length.of(2, 4))
            ]:
                BREAKS[name](network)
                play.hears(0)
                network.cut()
                network.mend()
                counts.note(rounds=1)
                play.all_hear(200)
    assert counts["sent again by readers"]
    assert counts["sent twice"] == 0


def test_a_network_that_breaks_between_gatepost_and_its_database_is_heard_as_503_and_mended_without_help(
    ground: Ground, sink: Sink, length: Length, chance: random.Random, counts: Counts
) -> None:
    if not length.is_long:
        pytest.skip("in the long form only: it waits for one time-out after the other")
    with a_network(path=ground.socket_folder / ".s.PGSQL.5432") as network:
        url = f"postgresql://gatepost@127.0.0.1:{network.port}/gatepost"
        seconds, children = 60, 60
        with playing(
            ground,
            sink,
            chance,
            counts,
            seconds=seconds,
            children=children,
            patience=STALLED_SECONDS_MAX,
            answer_seconds_max=STALLED_SECONDS_MAX,
            DATABASE_URL=url,
        ) as play:
            for name in sorted(BREAKS):
                BREAKS[name](network)
                play.all_hear(503, seconds=STALLED_SECONDS_MAX)
                network.cut()
                network.mend()
                counts.note(rounds=1)
                play.all_hear(200)
    assert counts["sent twice"] == 0
