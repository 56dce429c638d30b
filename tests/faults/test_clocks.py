"""Clocks that are wrong: a reader's by a day and more, and the server's own, which steps while a morning is played."""

import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from gatepost.attendance.models import Rules, Sweep
from tests import builders
from tests.faults.ground import Ground, free_port
from tests.faults.length import Length
from tests.faults.morning import Morning, a_morning, all_is_there_once, morning_zone, worked_off
from tests.faults.readers import PatientReader, Read, finish
from tests.faults.sink import Sink
from tests.faults.tally import Counts

WRONG_BY = [timedelta(days=-400), timedelta(days=-1), timedelta(hours=-3), timedelta(hours=3), timedelta(days=1)]
NEAR = timedelta(seconds=30)  # the journey from the reader to us is taken for a part of its error

# `gatepost` whose clock differs from the machine's by as many seconds as a file says at that moment.
STEPPING = """
import os, sys
from datetime import timedelta
from pathlib import Path
from gatepost.kit import clock
right = clock.utc_now
clock.utc_now = lambda: right() + timedelta(seconds=float(Path(os.environ["STEP"]).read_text()))
from gatepost.cli import main
sys.argv = ["gatepost", *os.environ["COMMAND"].split()]
main()
"""


def test_a_reader_whose_clock_is_a_day_off_reports_the_right_time_and_its_repeats_change_nothing(
    ground: Ground, sink: Sink, length: Length, chance: random.Random, counts: Counts
) -> None:
    now = datetime.now(UTC)
    school = builders.a_school()
    school.timezone = morning_zone(now)
    school.save(update_fields=["timezone"])
    their_class = builders.a_class(school)
    gate, _ = ground.gate(), ground.worker(**sink.environment())
    children = [builders.a_student(their_class) for _ in range(length.of(10, 60))]
    cards = {builders.a_card(child).uid: child for child in children}
    for child in children:
        builders.a_guardian(child)
    came = now - timedelta(minutes=5)
    readers = [
        PatientReader(gate.port, builders.a_reader(school)[1], reads, chance=chance, ahead=ahead)
        for ahead, reads in ((ahead, [Read(uid, came) for uid in cards]) for ahead in WRONG_BY)
    ]
    for reader in readers:  # each hears all children, one reader after the other, and sends some of it twice
        reader.start()
        reader.join()
    finish(readers, seconds=30)
    worked_off(ground)

    taps = ground.rows("SELECT nonce, tapped_at, reason FROM gates_tap")
    days = ground.rows("SELECT student_id, arrived_at FROM attendance_day")
    counts.note(
        rounds=len(readers),
        acknowledged=sum(len(reader.acknowledged) for reader in readers),
        lost=len(readers) * len(cards) - len(taps),
        doubled=len(taps) - len({nonce for nonce, _, _ in taps}),
        mails=len(sink.mails),
        sent_twice=len(sink.mails) - len(sink.times()),
    )
    assert len(taps) == len(readers) * len(cards)
    assert all(abs(at - came) < NEAR and not reason for _, at, reason in taps)
    assert Counter(student for student, _ in days) == Counter(child.pk for child in children)
    assert all(abs(at - came) < NEAR for _, at in days)
    assert set(sink.times().values()) == {1}
    assert len(sink.mails) == len(children)


def test_a_server_whose_clock_steps_forwards_and_backwards_loses_and_doubles_nothing(
    ground: Ground, sink: Sink, length: Length, chance: random.Random, counts: Counts, tmp_path: Path
) -> None:
    """And while everybody asks who is missing from the beginning, nobody is told of a child whose tap is on its way."""
    step = tmp_path / "step"
    step.write_text("0")
    plan = a_morning(chance, children=length.of(20, 80), leaving=0)
    _ask_who_is_missing_from_now_on(plan)
    port = free_port()
    for name, command in (("gate", f"gate --port {port}"), ("worker", "worker")):
        how = {"STEP": str(step), "COMMAND": command, **sink.environment()}
        ground.process(name, ["-c", STEPPING], port=port if name == "gate" else 0, **how)
    seconds = length.of(4, 40)
    readers = plan.readers([port], chance, seconds=seconds)
    for reader in readers:
        reader.start()
    steps = [900, 300, 1500, 60, *(chance.randint(0, 1500) for _ in range(length.of(0, 12))), 1800]
    for at in steps:  # it ends ahead of all others: what was queued by a later clock waits for that time
        _set(step, at)
        counts.note(rounds=1)
        time.sleep(seconds / len(steps))
    finish(readers, seconds=60)
    worked_off(ground)

    ((first, last),) = ground.rows("SELECT min(received_at), max(received_at) FROM gates_tap")
    assert last - first > timedelta(seconds=900), "no step was ever felt"
    all_is_there_once(ground, plan, readers, sink, counts, exactly=False)
    assert counts["sent twice"] == 0
    held = {held for (held,) in ground.rows("SELECT held_because FROM attendance_sweep")}
    assert held <= {Sweep.Held.READERS, Sweep.Held.TAPS, ""}
    assert held, "nobody asked"


def _ask_who_is_missing_from_now_on(plan: Morning) -> None:
    for school in {gateway.school.pk: gateway.school for gateway in plan.gateways}.values():
        wall = datetime.now(ZoneInfo(school.timezone)).time()
        Rules.objects.create(school=school, cutoff=wall.replace(second=0, microsecond=0))


def _set(step: Path, seconds: int) -> None:
    new = step.with_suffix(".new")
    new.write_text(str(seconds))
    new.replace(step)
