"""A machine is lost in the middle of a morning, and a backup of that morning is restored to an empty one.

The mail server is another machine and remembers. What it had taken before the backup nobody is told again; what came
after is made again by the readers, which send what they kept, and leaves under the Message-ID it had.
"""

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.faults.ground import Ground, wait_until
from tests.faults.length import Length
from tests.faults.morning import Morning, a_morning, all_is_there_once, worked_off
from tests.faults.play import SHORT_LEASE
from tests.faults.readers import PatientReader, finish
from tests.faults.sink import Sink
from tests.faults.tally import Counts


def gatepost(ground: Ground, *arguments: str, **environment: str) -> str:
    """What a command says; fails if it does."""
    done = subprocess.run(
        [sys.executable, "-m", "gatepost", *arguments],
        env={name: value for name, value in {**ground.environment, **environment}.items() if value},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_readers_that_send_again_make_a_restored_machine_whole(
    ground: Ground, sink: Sink, length: Length, chance: random.Random, counts: Counts, tmp_path: Path
) -> None:
    plan = a_morning(chance, schools=length.of(1, 3), children=length.of(20, 150), gateways=1)
    for gateway in plan.gateways:  # in order, so that what is told again is told with the same words
        gateway.reads.sort(key=lambda read: read.at)
    gate, worker = ground.gate(), ground.worker(before=SHORT_LEASE, **sink.environment())
    early, meanwhile, late = (_readers(plan, part, gate.port, chance) for part in range(3))
    _hand_in(early)
    wait_until(lambda: len(sink.mails) > len(plan.children) // 4, "some are told before the backup")
    for reader in meanwhile:
        reader.start()
    said = gatepost(ground, "backup", str(tmp_path))
    assert "The keys are NOT inside" in said
    finish(meanwhile, seconds=60)
    _hand_in(late)
    worked_off(ground)
    assert worker.alive
    all_is_there_once(ground, plan, [*early, *meanwhile, *late], sink, counts)
    told_before = len(sink.mails)
    ground.stop()

    (backup,) = tmp_path.glob("*.backup")
    machine = tmp_path / "machine"
    said = gatepost(ground, "restore", str(backup), GATEPOST_VAR=str(machine), DATABASE_URL="")
    assert "What came after" in said
    restored = Ground(machine)
    try:
        missing = len(plan.nonces) - restored.one("SELECT count(*) FROM gates_tap")
        told = restored.one("SELECT count(*) FROM notify_delivery WHERE state = 'sent'")
        assert missing
        assert told
        gate = restored.gate()
        restored.worker(before=SHORT_LEASE, **sink.environment())
        again = plan.readers([gate.port], chance, seconds=0)
        _hand_in(again)
        worked_off(restored)

        all_is_there_once(restored, plan, again, sink, Counts())
        mails = len(sink.mails) - told_before
        assert mails == len(plan.keys) - told, "who was told before the backup is not told again"
        assert set(sink.times().values()) <= {1, 2}
        assert Counter(sink.times().values())[2] == mails, "what is told again is the same mail by its Message-ID"
        held = "SELECT DISTINCT held_because FROM attendance_sweep WHERE decided_at IS NULL"
        assert restored.rows(held) == [("restored",)]
        counts.note(rounds=1, taps_restored_by_readers=missing, told_again_with_the_same_key=mails)
    finally:
        restored.stop()


def _readers(plan: Morning, part: int, port: int, chance: random.Random) -> list[PatientReader]:
    """Readers that hand in one third of what was read; the middle third takes some seconds."""
    thirds = [each.reads[part * len(each.reads) // 3 : (part + 1) * len(each.reads) // 3] for each in plan.gateways]
    seconds = 3 if part == 1 else 0
    return [
        PatientReader(port, each.key, reads, chance=chance, seconds=seconds)
        for each, reads in zip(plan.gateways, thirds, strict=True)
    ]


def _hand_in(readers: list[PatientReader]) -> None:
    for reader in readers:
        reader.start()
    finish(readers, seconds=60)
