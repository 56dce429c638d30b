"""Families move into the city: students at their desks, guardians with accounts and bonds, cards, leave."""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import count
from typing import Final
from uuid import UUID

from django.conf import settings

from gatepost.accounts.models import Account
from gatepost.attendance.models import Leave
from gatepost.cards.models import Card
from gatepost.demo import cards
from gatepost.demo.cast import Seat
from gatepost.demo.copying import Stack, fresh_ids
from gatepost.demo.institutions import Institution
from gatepost.demo.names import pick
from gatepost.demo.people import Child, Family, Guardian, relation
from gatepost.demo.staff import an_account
from gatepost.guardians.models import Guardianship
from gatepost.kit.clock import at_local
from gatepost.notify.models import Address, Recipient, Subscription
from gatepost.roster.models import GuardianRecord, Student
from gatepost.roster.roc_dates import school_year_days
from gatepost.roster.school_list import STAGE_GRADES

ZONE: Final = "Asia/Taipei"
TABLES: Final = (Account, Student, GuardianRecord, Guardianship, Recipient, Address, Subscription, Card, Leave)

# What families want to hear, in per cent of the accounts.
EVERYTHING: Final = ("arrived", "left", "not_arrived")
WISHES: Final = (EVERYTHING,) * 68 + (("not_arrived",),) * 20 + ((),) * 12
# The mail catcher refuses this name, so that a demonstration shows what becomes of an address that does not exist.
NO_SUCH_MAILBOX: Final = "unknown@home.example"
LEAVE_KINDS: Final = (Leave.Kind.SICK, Leave.Kind.SICK, Leave.Kind.PERSONAL, Leave.Kind.OFFICIAL)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days that matter to a family: the moment of building, and the school days just past."""

    year: int
    now: datetime
    today: date
    past: Sequence[date]

    @property
    def since(self) -> datetime:
        """When the families came: the first of the school year, or just now if that is later."""
        first, _last = school_year_days(self.year)
        return min(at_local(first, time(9), ZONE), self.now - timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Pair:
    """An account and a student it is bound to."""

    account: UUID
    student: UUID


class Residents:
    """Writes families, one after the other. The same seed and families give the same rows, sealed numbers apart."""

    def __init__(self, institutions: Iterable[Institution], calendar: Calendar, *, seed: int) -> None:
        self._by_code = {one.school.code: one for one in institutions}
        self._calendar = calendar
        self._rng = random.Random(f"residents {seed}")  # noqa: S311 — repeatable, not secret
        self._stack = Stack(TABLES)
        self._desks = {code: _Desks(one, calendar.year, self._rng) for code, one in self._by_code.items()}
        self._recipient_ids, self._address_ids = fresh_ids(Recipient), fresh_ids(Address)
        self._cards = cards.Issue(self._rng, calendar.since, calendar.now)
        self._someone_unreachable = False
        self.students = 0
        self.estranged: Pair | None = None  # a second parent with a bond, for the one restriction of the city

    def keep_free(self, seats: Sequence[Seat]) -> None:
        """Nobody but who asks for them gets these seats."""
        for seat in seats:
            self._desks[seat.school].keep_free(seat)

    def move_in(self, family: Family, *, seats: Sequence[Seat] = ()) -> list[Student]:
        """Write one family; with `seats` they are the cast's, take part in everything and are never the odd case."""
        chosen = iter(seats)
        students = [self._student(child, next(chosen, None)) for child in family.children]
        takes_part = bool(seats) or self._rng.random() < 0.92
        first: Account | None = None
        for position, guardian in enumerate(family.guardians, start=1):
            self._record(family.children, students, guardian, position)
            if takes_part and guardian.email and (seats or position == 1 or self._rng.random() < 0.6):
                account = self._account(guardian, family.children, students, is_cast=bool(seats))
                if first is not None and account is not None and self.estranged is None and not seats:
                    self.estranged = Pair(account.pk, students[0].pk)
                first = first or account
        for student in students:
            self._stack.add(
                *self._cards.for_student(student, self._by_code_of(student).long_cards, healthy=bool(seats))
            )
            if not seats:
                self._leave(student, first)
        self.students += len(students)
        self._stack.settle()
        return students

    def finish(self) -> None:
        """Write what is still held."""
        self._stack.flush()

    def _by_code_of(self, student: Student) -> Institution:
        return self._by_code[student.school.code]

    def _student(self, child: Child, seat: Seat | None) -> Student:
        one = self._by_code[child.school]
        desk = self._desks[child.school].take(child.grade, seat)
        school_class = one.classes[child.grade, desk.number]
        student = Student(
            id=self._uuid(),
            school=one.school,
            number=desk.student_number,
            name=child.name,
            birthday=child.birthday,
            stage=school_class.stage,
            grade=child.grade,
            school_class=school_class,
            seat=desk.seat,
            changed_at=self._calendar.since,
        )
        student.seal_id_number(child.id_number, settings.KEY_RING)
        self._stack.add(student)
        return student

    def _record(
        self, children: Sequence[Child], students: Sequence[Student], guardian: Guardian, position: int
    ) -> None:
        for child, student in zip(children, students, strict=True):
            record = GuardianRecord(
                id=self._uuid(),
                student=student,
                position=position,
                name=guardian.name,
                relation=relation(guardian.kin, girl=child.girl),
                mobile=guardian.mobile,
                email=guardian.email,
            )
            record.seal_id_number(guardian.id_number, settings.KEY_RING)
            self._stack.add(record)

    def _account(
        self, guardian: Guardian, children: Sequence[Child], students: Sequence[Student], *, is_cast: bool
    ) -> Account | None:
        """The guardian's account with its bonds; None where the bond is asked for and not verified yet."""
        since = self._calendar.since
        account = an_account(self._uuid(), guardian.email, guardian.name, language=guardian.language, now=since)
        verified = is_cast or self._rng.random() < 0.97
        bonds = [
            Guardianship(
                account=account,
                student=student,
                relation=relation(guardian.kin, girl=child.girl),
                source="demonstration" if verified else "application",
                asked_at=since,
                verified_at=since if verified else None,
            )
            for child, student in zip(children, students, strict=True)
        ]
        self._stack.add(account, *bonds)
        if not verified:
            return None
        self._post_box(account, students, is_cast=is_cast)
        return account

    def _post_box(self, account: Account, students: Sequence[Student], *, is_cast: bool) -> None:
        """Where the account can be reached, and what it wants to hear."""
        since = self._calendar.since
        proven = is_cast or self._rng.random() < 0.97
        wishes = EVERYTHING if is_cast else pick(self._rng, WISHES)
        address = Address(
            id=next(self._address_ids),
            account=account,
            channel="email",
            target=account.email,
            verified_at=since if proven else None,
        )
        if wishes is EVERYTHING and proven and not is_cast and not self._someone_unreachable:
            address.target, self._someone_unreachable = NO_SUCH_MAILBOX, True
        self._stack.add(address)
        for student in students:
            recipient = Recipient(id=next(self._recipient_ids), account=account, about=student.pk, opened_at=since)
            self._stack.add(recipient)
            for topic in wishes if proven else ():
                self._stack.add(Subscription(recipient=recipient, topic=topic, address=address, since=since))

    def _leave(self, student: Student, asked_by: Account | None) -> None:
        chance = self._rng.random()
        if chance < 0.01:
            first, days, granted = self._calendar.today, self._rng.randrange(2), chance < 0.007
        elif chance < 0.04 and self._calendar.past:
            first, days, granted = pick(self._rng, self._calendar.past), 0, True
        else:
            return
        asked_at = at_local(first, time(6, 40), ZONE) - timedelta(hours=self._rng.randrange(12))
        teacher = self._by_code_of(student).teachers.get((student.grade, _number_of(student)))
        self._stack.add(
            Leave(
                student=student,
                first_date=first,
                last_date=first + timedelta(days=days),
                kind=pick(self._rng, LEAVE_KINDS),
                asked_at=asked_at,
                asked_by=asked_by,
                approved_at=asked_at + timedelta(minutes=20) if granted else None,
                approved_by_id=teacher if granted else None,
            )
        )

    def _uuid(self) -> UUID:
        return UUID(int=self._rng.getrandbits(128), version=4)


def _number_of(student: Student) -> int:
    assert student.school_class is not None  # noqa: S101 - every student here sits in a class
    return student.school_class.number


@dataclass(frozen=True, slots=True)
class _Desk:
    number: int  # of the class
    seat: int
    student_number: str


class _Desks:
    """The free desks of one school, shuffled, so that brothers and sisters do not all sit in the first row."""

    def __init__(self, one: Institution, year: int, rng: random.Random) -> None:
        self._free: dict[int, list[tuple[int, int]]] = {}
        self._entered: dict[int, int] = {}  # the school year a grade came in
        self._numbers: dict[int, Iterator[int]] = defaultdict(lambda: count(1))  # by that year
        for plan in one.plan.classes:
            self._free.setdefault(plan.grade, []).extend((plan.number, seat + 1) for seat in range(plan.students))
            self._entered[plan.grade] = year - (plan.grade - STAGE_GRADES[plan.stage].start)
        for desks in self._free.values():
            rng.shuffle(desks)

    def keep_free(self, seat: Seat) -> None:
        self._free[seat.grade].remove((seat.number, seat.seat))

    def take(self, grade: int, wanted: Seat | None) -> _Desk:
        number, seat = (wanted.number, wanted.seat) if wanted else self._free[grade].pop()
        return _Desk(number, seat, self._student_number(grade))

    def _student_number(self, grade: int) -> str:
        """The ROC year of entry and a running number: 114001."""
        entered = self._entered[grade]
        return f"{entered}{next(self._numbers[entered]):03d}"
