"""A small city's morning in fast motion, and the question afterwards: is everything there, once?

Each child comes, many tap twice, some leave again; some cards nobody knows. What a child's day and its messages must be
is known from the plan, so the tables and the mail server can be compared with it, whatever happened in between.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from gatepost.roster.models import School, SchoolClass, Student
from tests import builders
from tests.faults.ground import Ground, wait_until
from tests.faults.readers import PatientReader, Read
from tests.faults.sink import Mail, Sink
from tests.faults.tally import Counts

WORKED_OFF_SECONDS = 150.0  # a lease of ninety seconds may have to run out first


@dataclass
class Child:
    """A student, who is told about it, and what the plan says of the day."""

    student: Student
    uid: str
    email: str
    came_at: datetime
    left_at: datetime | None


@dataclass
class Gateway:
    """A reader at a school, its key, and what it will read."""

    school: School
    key: str
    reads: list[Read] = field(default_factory=list)


@dataclass
class Morning:
    """The plan."""

    date: date
    children: list[Child]
    gateways: list[Gateway]
    strangers: set[UUID] = field(default_factory=set)  # taps of cards nobody knows

    @property
    def keys(self) -> set[str]:
        """The notices there must be in the end."""
        arrived = {f"arrived:{child.student.pk}:{self.date}" for child in self.children}
        return arrived | {f"left:{child.student.pk}:{self.date}" for child in self.children if child.left_at}

    @property
    def nonces(self) -> set[UUID]:
        """All taps."""
        return {read.nonce for gateway in self.gateways for read in gateway.reads}

    def readers(
        self, ports: Sequence[int], chance: random.Random, *, seconds: float, patience: float = 30.0
    ) -> list[PatientReader]:
        """A patient reader for each gateway, spread over the ports of intake."""
        return [
            PatientReader(
                ports[n % len(ports)], each.key, each.reads, chance=chance, seconds=seconds, patience=patience
            )
            for n, each in enumerate(self.gateways)
        ]


def morning_zone(now: datetime) -> str:
    """A zone whose clocks show between seven and eight at `now`: no morning is played over midnight."""
    ahead = 7 - now.hour if 7 - now.hour >= -12 else 31 - now.hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


def a_morning(
    chance: random.Random, *, schools: int = 2, children: int = 20, gateways: int = 2, leaving: float = 0.4
) -> Morning:
    """Make `schools` with so many `children` and readers each, and plan their morning, of the last ten minutes.

    `leaving` is the share of the children who leave again.
    """
    now = datetime.now(UTC)
    zone = morning_zone(now)
    today = now.astimezone(ZoneInfo(zone)).date()
    plan = Morning(today, [], [])
    for _ in range(schools):
        school = builders.a_school()
        school.timezone = zone
        school.save(update_fields=["timezone"])
        builders.a_school_day(school, day=today)
        heard_at = now - timedelta(minutes=15)  # in earnest: a reader's last word is never moved backwards
        gates = [
            Gateway(school, builders.a_reader(school, gate=f"{n} 號門", heard_at=heard_at)[1]) for n in range(gateways)
        ]
        their_class = builders.a_class(school)
        for _ in range(children):
            child = _a_child(their_class, chance, now, leaves=chance.random() < leaving)
            plan.children.append(child)
            for read in _reads(child, chance):
                chance.choice(gates).reads.append(read)
        for gate in gates:
            stranger = Read("DEADBEEF", now - timedelta(minutes=5))
            plan.strangers.add(stranger.nonce)
            gate.reads.append(stranger)
            chance.shuffle(gate.reads)
        plan.gateways += gates
    return plan


def _a_child(their_class: SchoolClass, chance: random.Random, now: datetime, *, leaves: bool) -> Child:
    student = builders.a_student(their_class)
    guardian = builders.a_guardian(student, subscribed=["arrived", "left"])
    came_at = (now - timedelta(seconds=chance.randint(400, 600))).replace(microsecond=0)
    left_at = (now - timedelta(seconds=chance.randint(2, 30))).replace(microsecond=0) if leaves else None
    return Child(student, builders.a_card(student).uid, guardian.email, came_at, left_at)


def _reads(child: Child, chance: random.Random) -> list[Read]:
    """A second tap within the quiet gap is the same coming; a gate for going out says so."""
    reads = [Read(child.uid, child.came_at, chance.choice([None, "in"]))]
    reads += [Read(child.uid, child.came_at + timedelta(seconds=n)) for n in chance.sample(range(3, 60), 3)[::2]]
    return [*reads, Read(child.uid, child.left_at, "out")] if child.left_at else reads


def worked_off(ground: Ground, *, seconds: float = WORKED_OFF_SECONDS) -> None:
    """Wait until nothing is queued any more: no tap, no delivery."""
    wait_until(lambda: ground.one("SELECT count(*) FROM gates_tapqueue") == 0, "taps are followed", seconds=seconds)
    waiting = "SELECT count(*) FROM notify_delivery WHERE state IN ('queued', 'sending')"
    wait_until(lambda: ground.one(waiting) == 0, "deliveries are settled", seconds=seconds, every_seconds=0.2)


def all_is_there_once(
    ground: Ground,
    plan: Morning,
    readers: Sequence[PatientReader],
    sink: Sink,
    counts: Counts,
    *,
    exactly: bool = True,
) -> None:
    """Compare the tables and the mail server with the plan; what is found goes into `counts` before anything fails.

    Without `exactly` the times of the days may be others than planned, as under a clock that steps.
    """
    acknowledged = set[UUID]().union(*(reader.acknowledged for reader in readers))
    kept = Counter(nonce for (nonce,) in ground.rows("SELECT nonce FROM gates_tap"))
    events = Counter(nonce for (nonce,) in ground.rows("SELECT nonce FROM attendance_event"))
    good = plan.nonces - plan.strangers
    lost = len(acknowledged - kept.keys()) + len((acknowledged & good) - events.keys())
    doubled = sum(many - 1 for many in (*kept.values(), *events.values()))
    notices = Counter(key for (key,) in ground.rows("SELECT key FROM notify_notice"))
    twice = sum(many - 1 for many in sink.times().values())
    counts.note(
        acknowledged=len(acknowledged),
        lost=lost + len(plan.keys - notices.keys()),
        doubled=doubled + sum(many - 1 for many in notices.values()),
        notices=len(notices),
        mails=len(sink.mails),
        sent_twice=twice,
        sent_again_by_readers=sum(reader.sent_again for reader in readers),
        answers_503=sum(reader.statuses[503] for reader in readers),
    )
    assert acknowledged == plan.nonces
    assert (lost, doubled) == (0, 0)
    assert kept.keys() == plan.nonces
    assert events.keys() == good
    _every_day_is_as_planned(ground, plan, exactly=exactly)
    assert set(notices) == plan.keys
    assert set(notices.values()) == {1}
    _every_notice_left_once(ground, plan, sink)


def _every_day_is_as_planned(ground: Ground, plan: Morning, *, exactly: bool) -> None:
    days = ground.rows("SELECT student_id, date, arrived_at, left_at, seen_at FROM attendance_day")
    if not exactly:
        assert sorted(student for student, *_ in days) == sorted(child.student.pk for child in plan.children)
        assert all(arrived_at is not None for _, _, arrived_at, _, _ in days)
        return
    assert sorted(days) == sorted(
        (child.student.pk, plan.date, child.came_at, child.left_at, child.came_at) for child in plan.children
    )


def _every_notice_left_once(ground: Ground, plan: Morning, sink: Sink) -> None:
    """One message for each notice; what was sent again is the same message, by its Message-ID."""
    states = Counter(state for (state,) in ground.rows("SELECT state FROM notify_delivery"))
    assert states == {"sent": len(plan.keys)}
    messages = {(mail.to, mail.subject): mail.message_id for mail in sink.mails}
    assert len(messages) == len(plan.keys)
    assert all(messages[mail.to, mail.subject] == mail.message_id for mail in sink.mails)
    assert len(set(messages.values())) == len(messages)
    wanted = Counter(child.email for child in plan.children for _ in range(2 if child.left_at else 1))
    assert Counter(_address(mail) for mail in _firsts(sink)) == wanted


def _firsts(sink: Sink) -> list[Mail]:
    """Each message as it came first."""
    return list({mail.message_id: mail for mail in reversed(sink.mails)}.values())


def _address(mail: Mail) -> str:
    return mail.to.rpartition("<")[2].rstrip(">")
