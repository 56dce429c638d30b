"""Readers that resend everything in any order and split, send garbage, or flood: nobody else is harmed."""

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.attendance.tests.test_days import plainly
from gatepost.gates import reception
from gatepost.roster.models import School
from tests import builders
from tests.faults.ground import Ground, wait_until
from tests.faults.length import Length
from tests.faults.readers import Line, PatientReader, Read, finish
from tests.faults.tally import Counts

_QUEUED = "SELECT count(*) FROM gates_tapqueue"
LATENCY_SECONDS_MAX = 2.0  # of the others, on a machine where everything else is busy, too
GARBAGE: tuple[object, ...] = (None, 7, "tap", [], {}, {"nonce": 1}, {"nonce": "x", "card": {"a": []}, "read_at": 0})


def test_a_flood_from_one_reader_is_limited_and_the_others_do_not_feel_it(
    ground: Ground, length: Length, chance: random.Random, counts: Counts
) -> None:
    school = builders.a_school()
    gate = ground.gate()
    seconds = length.of(3, 20)
    wild = builders.a_reader(school)[1]
    over = threading.Event()
    floods = [Flood(gate.port, wild, over) for _ in range(length.of(4, 8))]
    readers = [_a_reader_at_work(gate.port, school, chance, seconds) for _ in range(3)]
    for thread in (*floods, *readers):
        thread.start()
    finish(readers, seconds=seconds + 60)
    over.set()
    for flood in floods:
        flood.join(10)

    heard = sum((flood.statuses for flood in floods), Counter[int]())
    slowest = max(took for reader in readers for _, took in reader.answers)
    acknowledged = set[UUID]().union(*(reader.acknowledged for reader in readers))
    taken = set[UUID]().union(*(flood.acknowledged for flood in floods))
    kept = Counter(nonce for (nonce,) in ground.rows("SELECT nonce FROM gates_tap"))
    counts.note(
        rounds=1,
        acknowledged=len(acknowledged | taken),
        lost=len((acknowledged | taken) - kept.keys()),
        doubled=sum(kept.values()) - len(kept),
        flood_requests=heard.total(),
        answers_429=heard[429],
        answers_lost=heard[0],
    )
    counts.at_most(slowest_answer_of_the_others_ms=round(1000 * slowest))
    # A refusal is said before the body is read, and may be lost with the connection: 0.
    assert set(heard) <= {0, 200, 429}
    assert heard[429] > heard[0] + heard[200]
    assert heard[200] <= reception.REQUESTS_AT_ONCE + reception.REQUESTS_PER_SECOND * (seconds + 30)
    assert not [problem for flood in floods for problem in flood.problems]
    assert all(set(reader.statuses) == {200} for reader in readers)
    assert slowest < LATENCY_SECONDS_MAX
    assert acknowledged | taken == kept.keys()
    assert set(kept.values()) == {1}


class Flood(threading.Thread):
    """Asks as fast as it can with one reader's key, and does not listen when it is told to wait."""

    def __init__(self, port: int, key: str, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.line, self.over = Line(port, key), over
        self.statuses: Counter[int] = Counter()
        self.acknowledged: set[UUID] = set()
        self.problems: list[str] = []

    def run(self) -> None:
        while not self.over.is_set():
            answer = self.line.hand_in([Read("04A1B2C3", datetime.now(UTC))])
            self.statuses[answer.status] += 1
            self.acknowledged |= answer.took
            if answer.status == 429 and not answer.headers.get("retry-after", "").isdigit():
                self.problems.append("429 without Retry-After")
        self.line.close()


def _a_reader_at_work(port: int, school: School, chance: random.Random, seconds: float) -> PatientReader:
    reads = [Read("04A1B2C4", datetime.now(UTC)) for _ in range(int(seconds * 10))]
    return PatientReader(port, builders.a_reader(school)[1], reads, chance=chance, batch=2, seconds=seconds)


def test_garbage_between_taps_is_kept_with_its_reason_and_holds_nothing_up(
    ground: Ground, length: Length, chance: random.Random, counts: Counts
) -> None:
    school = builders.a_school()
    builders.a_school_day(school)
    gate, _ = ground.gate(), ground.worker()
    line = Line(gate.port, builders.a_reader(school)[1])
    good: set[UUID] = set()
    rounds = length.of(40, 600)
    for _ in range(rounds):
        reads = [Read("04A1B2C3", datetime.now(UTC)) for _ in range(chance.randint(0, 3))]
        rubbish = [chance.choice(GARBAGE) for _ in range(chance.randint(1, 5))]
        lines = [*(read.line() for read in reads), *rubbish]
        chance.shuffle(lines)
        answer = line.send({"sent_at": datetime.now(UTC).isoformat(), "taps": lines})
        while answer.status in {0, 429}:
            time.sleep(0.1)
            answer = line.send({"sent_at": datetime.now(UTC).isoformat(), "taps": lines})
        assert answer.status == 200
        assert len(answer.body["results"]) == len(lines)
        good |= {read.nonce for read in reads}
    for whole in (b"", b"{", b"\xff\xfe", b"[]", b'{"sent_at": 0}', b"[" * 100_000):
        assert 400 <= _heard(line, whole) < 500
    wait_until(lambda: ground.one(_QUEUED) == 0, "nothing is stuck")

    kept = dict(ground.rows("SELECT nonce, reason FROM gates_tap"))
    counts.note(rounds=rounds, acknowledged=len(good), lost=len(good - kept.keys()), kept_with_a_reason=len(kept))
    assert good <= kept.keys()
    assert {kept[nonce] for nonce in good} == {"unknown_card"}
    assert {reason for nonce, reason in kept.items() if nonce not in good} == {"bad_line"}


def _heard(line: Line, body: bytes) -> int:
    """What is said of it; a connection that was hung up before is opened anew."""
    return line.send(body).status or line.send(body).status


# Gate and worker run once; each example is another child, whose taps come to intake in their own way.
def test_any_order_split_and_repetition_of_a_days_taps_gives_the_same_day(
    ground: Ground, length: Length, counts: Counts
) -> None:
    now = datetime.now(UTC)
    school = builders.a_school()
    school.timezone = "UTC"
    school.save(update_fields=["timezone"])
    their_class = builders.a_class(school)
    gate, _ = ground.gate(), ground.worker()
    lines = [Line(gate.port, builders.a_reader(school)[1]) for _ in range(2)]
    midnight = (now - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    moments = st.integers(5 * 120, 22 * 120).map(lambda half_minutes: midnight + timedelta(seconds=30 * half_minutes))
    taps = st.lists(st.tuples(moments, st.sampled_from([None, None, "in", "out"])), min_size=1, max_size=6)

    @settings(max_examples=length.of(12, 150), deadline=None)
    @given(taps=taps, data=st.data())
    def sent(taps: Sequence[tuple[datetime, str | None]], data: st.DataObject) -> None:
        child = builders.a_student(their_class)
        uid = builders.a_card(child).uid
        day: list[tuple[int, Read]] = [
            (data.draw(st.integers(0, 1)), Read(uid, when, direction)) for when, direction in taps
        ]
        again = data.draw(st.lists(st.sampled_from(day), max_size=6))
        for reader in (0, 1):
            _hand_in(
                lines[reader], [read for at, read in data.draw(st.permutations(day + again)) if at == reader], data
            )
        wait_until(
            lambda: ground.one("SELECT count(*) FROM gates_tapqueue") == 0, "taps are followed", every_seconds=0.02
        )

        days = ground.rows("SELECT arrived_at, left_at FROM attendance_day WHERE student_id = %s", child.pk)
        events = ground.one("SELECT count(*) FROM attendance_event WHERE student_id = %s", child.pk)
        counts.note(rounds=1, acknowledged=len(day), lost=max(0, len(day) - events), doubled=max(0, events - len(day)))
        assert events == len(day)
        assert days == [_by_the_rules([read for _, read in day], midnight)]

    sent()


def _by_the_rules(reads: Sequence[Read], midnight: datetime) -> tuple[datetime | None, datetime | None]:
    """Arrival and departure by the rules as they are written out for a Monday in Taipei."""
    shift = builders.at("00:00") - midnight
    arrived_at, left_at = plainly([(read.at + shift, read.direction, read.nonce) for read in reads])
    return arrived_at and arrived_at - shift, left_at and left_at - shift


def _hand_in(line: Line, reads: Sequence[Read], data: st.DataObject) -> None:
    left = list(reads)
    while left:
        many = data.draw(st.integers(1, len(left)))
        while line.hand_in(left[:many]).status != 200:
            time.sleep(0.1)
        left = left[many:]
