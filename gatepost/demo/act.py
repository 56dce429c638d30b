"""One school's part in a simulated morning: who comes, who does not, and what each reader will send."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from uuid import UUID

from gatepost.access.models import Role
from gatepost.attendance import leaves
from gatepost.attendance.models import Leave, Sweep
from gatepost.cards.models import Card
from gatepost.cards.numbers import CardRule, typed
from gatepost.demo.morning_plan import CardHolder, Fate, Morning, Outage, ReaderSpot, Shares, plan_morning
from gatepost.demo.reader_keys import reader_key
from gatepost.demo.rehearsal import RehearsalRefused, Times
from gatepost.gates import keys
from gatepost.gates.models import Reader
from gatepost.kit.clock import local_date
from gatepost.roster.models import School, Student

ON_LEAVE: Final = 0.01  # of a school; where fewer are, some more get leave for today
ABSENT: Final = 0.005  # … nobody knows why; two at least


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for. `absent` is how many are away and nobody knows why; None: the usual few."""

    minutes: float
    seed: int
    url: str
    absent: int | None = None
    outage: Outage = Outage.CATCHES_UP
    keep: bool = False
    patience_seconds: float = 90.0  # how long what follows from the taps may take


@dataclass
class Act:
    """The plan for one school, and what it needs."""

    school: School
    date: date
    when: Times
    outage: Outage
    readers: list[Reader]
    plan: Morning
    on_leave: set[UUID]
    by_hand: dict[UUID, UUID]  # who comes without a card that counts, and the account that will enter them
    entered: set[UUID] = field(default_factory=set)  # … of whom these have been

    def expected(self) -> set[UUID]:
        """Who is at school by all that was handed in."""
        return {UUID(key) for key in self.plan.students_seen()} | self.entered

    def card_texts(self, reader: Reader) -> dict[str, str]:
        """How `reader` prints the cards of the plan. A card it cannot read is not in it."""
        rule = CardRule.from_json(reader.card_rule) if reader.card_rule else CardRule()
        cards = {tap.card for tap in self.plan.taps()}
        return {card: text for card in cards if (text := typed(card, rule)) is not None}

    def sweep(self) -> Sweep | None:
        """Today's question of the school, as it stands now."""
        return Sweep.objects.filter(school=self.school, date=self.date).first()

    def is_held(self) -> bool:
        """Whether the alarm waits."""
        sweep = self.sweep()
        return sweep is not None and sweep.decided_at is None and bool(sweep.held_because)


def prepare(school: School, when: Times, wish: Wish, *, now: datetime) -> Act:
    """Plan the morning of a school that has been made ready; gives a few students leave where too few have it.

    Raises `RehearsalRefused` for a school without students or demonstration readers.
    """
    today = local_date(now, school.timezone)
    students = _attending(school)
    readers = [reader for reader in in_use(school) if has_demonstration_key(reader)]
    if not readers or not students:
        raise RehearsalRefused(f"{school.code} has no students, or no readers of the demonstration.")
    away = set(leaves.standing(today, today).filter(student__in=students).values_list("student_id", flat=True))
    cards = _cards(students)
    plan = plan_morning(
        [CardHolder(str(pk), card) for pk, card in cards.items() if pk not in away],
        seed=f"{wish.seed} {school.code}",
        opens=when.opens,
        bell=when.bell,
        cutoff=when.cutoff,
        readers=[ReaderSpot(str(reader.pk), share=2.0 if nth == 0 else 1.0) for nth, reader in enumerate(readers)],
        shares=_shares(wish, many=len(students), away=len(away)),
        outage=wish.outage,
    )
    away |= _give_leave((students[pk] for pk in _of(plan, Fate.ON_LEAVE)), today, now)
    cardless = [*_of(plan, Fate.FORGOT_CARD), *(pk for pk in students if pk not in cards and pk not in away)]
    office = _office(school)
    return Act(
        school=school,
        date=today,
        when=when,
        outage=wish.outage,
        readers=readers,
        plan=plan,
        on_leave=away,
        by_hand={pk: _teacher(students[pk]) or office for pk in cardless},
    )


def in_use(school: School) -> list[Reader]:
    """The readers whose word the school's question waits for."""
    return list(Reader.objects.filter(school=school, revoked_at=None, rested_at=None).order_by("gate_id", "name"))


def has_demonstration_key(reader: Reader) -> bool:
    """Whether we can play this reader; the key of one that was put up by hand nobody knows."""
    return bytes(reader.key_digest) == keys.digest(reader_key(reader.pk))


def _attending(school: School) -> dict[UUID, Student]:
    found = Student.objects.filter(school=school, left_on=None, study_state__in=Student.ATTENDING)
    return {
        student.pk: student for student in found.select_related("school_class__homeroom_teacher").order_by("number")
    }


def _cards(students: Iterable[UUID]) -> dict[UUID, str]:
    """The card in use of each student who has one, in the order of the students."""
    counting = Card.objects.filter(student__in=list(students), ended_at=None, frozen_at=None, loan_on=None)
    held = dict(counting.values_list("student_id", "uid"))
    return {pk: held[pk] for pk in students if pk in held}


def _shares(wish: Wish, *, many: int, away: int) -> Shares:
    absent = wish.absent if wish.absent is not None else max(2, round(ABSENT * many))
    return Shares(absent=absent, on_leave=ON_LEAVE if away < ON_LEAVE * many else 0.0)


def _of(plan: Morning, wanted: Fate) -> list[UUID]:
    return [UUID(key) for key, fate in plan.fates.items() if fate is wanted]


def _give_leave(students: Iterable[Student], today: date, now: datetime) -> set[UUID]:
    """Leave for today, every second one still waiting for a yes."""
    given = set()
    for nth, student in enumerate(students):
        leaves.grant(student, first=today, last=today, kind=Leave.Kind.SICK, by=None, now=now, approved=nth % 2 == 0)
        given.add(student.pk)
    return given


def _teacher(student: Student) -> UUID | None:
    teacher = student.school_class.homeroom_teacher if student.school_class else None
    return teacher.account_id if teacher else None


def _office(school: School) -> UUID:
    """An account of the school's office."""
    return Role.objects.filter(school=school, name=Role.Name.STUDENT_AFFAIRS).order_by("pk")[0].account_id
