"""Promise 1: a reader that got its acknowledgement can forget the tap, whatever is killed at whatever instant."""

import random
import time
from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

import pytest

from gatepost.roster.models import School
from tests import builders
from tests.faults.ground import Ground, Running, wait_until
from tests.faults.length import Length
from tests.faults.readers import Line, PatientReader, Read, finish
from tests.faults.tally import Counts

READERS = 6


@pytest.mark.parametrize("server", ["gate", "web"])
def test_every_acknowledged_tap_is_there_once_and_queued_after_kill_9(
    ground: Ground, length: Length, chance: random.Random, counts: Counts, server: str
) -> None:
    school = builders.a_school()
    intake: Running = getattr(ground, server)(workers=length.of(1, 2))
    kills = length.of(1, 15)
    readers = [_a_reader(intake.port, school, chance, seconds=2.0 * kills) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    for _ in range(kills):
        time.sleep(0.2 + chance.random() * 0.6)
        intake.kill()
        intake.start()
        counts.note(rounds=1, kills=1)
    finish(readers, seconds=60)

    acknowledged = set[UUID]().union(*(reader.acknowledged for reader in readers))
    kept = Counter(nonce for (nonce,) in ground.rows("SELECT nonce FROM gates_tap"))
    queued = Counter(nonce for (nonce,) in ground.rows("SELECT nonce FROM gates_tapqueue"))
    counts.note(
        acknowledged=len(acknowledged),
        lost=len(acknowledged - kept.keys()),
        doubled=kept.total() - len(kept),
        sent_again_by_readers=sum(reader.sent_again for reader in readers),
    )
    assert counts["sent again by readers"], "no kill was ever felt"
    assert acknowledged <= kept.keys()
    assert set(kept.values()) == {1}
    assert queued == kept


def test_what_is_acknowledged_is_on_the_disk_at_that_instant(ground: Ground, length: Length, counts: Counts) -> None:
    """Each commit takes a tenth of a second here, so that an answer which comes before it is caught."""
    line = Line(ground.gate().port, builders.a_reader(builders.a_school())[1])
    delay = (
        "ALTER SYSTEM SET commit_delay = 100000",
        "ALTER SYSTEM SET commit_siblings = 0",
        "SELECT pg_reload_conf()",
    )
    ground.as_superuser(*delay)
    reads = [Read("04A1B2C3", datetime.now(UTC)) for _ in range(length.of(2, 12))]
    for read in reads:
        wait_until(lambda read=read: line.hand_in([read]).status == 200, "the tap is acknowledged")  # type: ignore[misc]
        ground.kill_postgres()
        ground.start_postgres()
        counts.note(rounds=1, kills=1)
    kept = [nonce for (nonce,) in ground.rows("SELECT nonce FROM gates_tap")]
    lost = {read.nonce for read in reads} - set(kept)
    counts.note(acknowledged=len(reads), lost=len(lost), doubled=len(kept) - len(set(kept)))
    assert not lost
    assert len(kept) == len(reads)


def _a_reader(port: int, school: School, chance: random.Random, *, seconds: float) -> PatientReader:
    reads = [Read("04A1B2C3", datetime.now(UTC)) for _ in range(int(seconds * 60))]
    return PatientReader(port, builders.a_reader(school)[1], reads, chance=chance, batch=3, seconds=seconds)
