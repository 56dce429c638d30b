"""Families move into the city: students at their desks, guardians with accounts and bonds, cards, leave."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import models

from gatepost.accounts.models import Account
from gatepost.attendance.models import Leave
from gatepost.cards.models import Card
from gatepost.demo import cards
from gatepost.demo.cast import Seat
from gatepost.demo.copying import Stack, fresh_ids
from gatepost.demo.desks import Desks
from gatepost.demo.institutions import Institution
from gatepost.demo.names import pick
from gatepost.demo.people import Child, Family, Guardian, relation
from gatepost.demo.staff import open_account
from gatepost.guardians.models import Guardianship, Right
from gatepost.kit import sealed
from gatepost.kit.clock import at_local
from gatepost.notify import proofs
from gatepost.notify.models import Address, Recipient, Subscription
from gatepost.roster.models import GuardianRecord, Student
from gatepost.roster.roc_dates import school_year_days

ZONE: Final = "Asia/Taipei"
TABLES: Final = (Account, Student, GuardianRecord, Guardianship, Recipient, Address, Subscription, Card, Leave)

# What families want to hear, in per cent of the accounts.
EVERYTHING: Final = ("arrived", "left", "not_arrived", "class_notice", "school_message")
WISHES: Final = (EVERYTHING,) * 68 + (("not_arrived",),) * 20 + ((),) * 12
# The mail catcher refuses this name, so that a demonstration shows what becomes of an address that does not exist.
NO_SUCH_MAILBOX: Final = "unknown@home.example"
LEAVE_KINDS: Final = ("sick", "sick", "personal", "official")


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


class Bond(NamedTuple):
    """An account and a student it belongs to."""

    account: UUID
    student: UUID


class _Pupil(NamedTuple):
    """A student who has a desk."""

    key: UUID
    child: Child
    school: Institution
    class_number: int


class Residents:
    """Writes families, one after the other. The same seed and families give the same rows, sealed numbers apart."""

    def __init__(self, institutions: Iterable[Institution], calendar: Calendar, *, seed: int) -> None:
        self.students = 0
        self.estranged: Bond | None = None  # a second parent, for the one restriction of the city
        self._by_code = {one.school.code: one for one in institutions}
        self._calendar, self._since = calendar, calendar.since
        self._rng = random.Random(f"residents {seed}")  # noqa: S311 — repeatable, not secret
        self._stack = Stack(TABLES)
        self._desks = {code: Desks(one.plan, calendar.year, self._rng) for code, one in self._by_code.items()}
        self._recipient_ids, self._address_ids = fresh_ids(Recipient), fresh_ids(Address)
        self._cards = cards.Issue(self._rng, self._since, calendar.now)
        self._someone_unreachable = False

    def keep_free(self, seats: Sequence[Seat]) -> None:
        """Nobody but who asks for them gets these seats."""
        for seat in seats:
            self._desks[seat.school].keep_free(seat)

    def move_in(self, family: Family) -> None:
        """Hold one family, and write when enough are held."""
        pupils = [self._pupil(child) for child in family.children]
        takes_part = self._rng.random() < 0.92
        bound: list[UUID] = []
        for position, guardian in enumerate(family.guardians, start=1):
            self._record(pupils, guardian, position)
            if takes_part and guardian.email and (position == 1 or self._rng.random() < 0.6):
                bound += self._guardian(guardian, pupils)
        if len(bound) > 1 and self.estranged is None:
            self.estranged = Bond(bound[1], pupils[0].key)
        for pupil in pupils:
            self._cards.hand_out(self._stack, pupil.key, long_cards=pupil.school.long_cards, healthy=False)
            self._leave(pupil, bound)
        self._stack.settle()

    def move_in_at(self, seats: Sequence[Seat], family: Family) -> list[UUID]:
        """Hold the family of the cast at its seats: bound, reachable, wanting everything. The keys of its children."""
        pupils = [self._pupil(child, seat) for child, seat in zip(family.children, seats, strict=True)]
        for position, guardian in enumerate(family.guardians, start=1):
            self._record(pupils, guardian, position)
            account = self._account(guardian)
            self._bonds(account, guardian, pupils, verified=True)
            self._post_box(account, guardian.email, pupils, wishes=EVERYTHING, proven=True)
        for pupil in pupils:
            self._cards.hand_out(self._stack, pupil.key, long_cards=pupil.school.long_cards, healthy=True)
        return [pupil.key for pupil in pupils]

    def finish(self) -> None:
        """Write what is still held."""
        self._stack.flush()

    def _pupil(self, child: Child, seat: Seat | None = None) -> _Pupil:
        one = self._by_code[child.school]
        desk = self._desks[child.school].take(child.grade, seat)
        key = self._uuid()
        self._stack.add(
            Student,
            id=key,
            school_id=one.school.pk,
            number=desk.student_number,
            name=child.name,
            birthday=child.birthday,
            stage=desk.stage,
            grade=child.grade,
            school_class_id=one.classes[child.grade, desk.class_number],
            seat=desk.seat,
            changed_at=self._since,
            **_sealed(Student, key, child.id_number),
        )
        self.students += 1
        return _Pupil(key, child, one, desk.class_number)

    def _record(self, pupils: Sequence[_Pupil], guardian: Guardian, position: int) -> None:
        """What the schools know of a guardian, once for each child."""
        for pupil in pupils:
            key = self._uuid()
            self._stack.add(
                GuardianRecord,
                id=key,
                student_id=pupil.key,
                position=position,
                name=guardian.name,
                relation=relation(guardian.kin, girl=pupil.child.girl),
                mobile=guardian.mobile,
                email=guardian.email,
                **_sealed(GuardianRecord, key, guardian.id_number),
            )

    def _guardian(self, guardian: Guardian, pupils: Sequence[_Pupil]) -> list[UUID]:
        """An account with its bonds; the account if they are verified, nothing if the school has yet to look."""
        account = self._account(guardian)
        verified = self._rng.random() < 0.97
        self._bonds(account, guardian, pupils, verified=verified)
        if not verified:
            return []
        proven, wishes = self._rng.random() < 0.97, pick(self._rng, WISHES)
        target = guardian.email
        if proven and wishes is EVERYTHING and not self._someone_unreachable:
            target, self._someone_unreachable = NO_SUCH_MAILBOX, True
        self._post_box(account, target, pupils, wishes=wishes if proven else (), proven=proven)
        return [account]

    def _account(self, guardian: Guardian) -> UUID:
        return open_account(
            self._stack, self._uuid(), guardian.email, guardian.name, language=guardian.language, now=self._since
        )

    def _bonds(self, account: UUID, guardian: Guardian, pupils: Sequence[_Pupil], *, verified: bool) -> None:
        for pupil in pupils:
            self._stack.add(
                Guardianship,
                account_id=account,
                student_id=pupil.key,
                relation=relation(guardian.kin, girl=pupil.child.girl),
                source="demonstration" if verified else "application",
                asked_at=self._since,
                verified_at=self._since if verified else None,
                ended_because="",
                **{right.column: self._since for right in Right},
            )

    def _post_box(
        self, account: UUID, target: str, pupils: Sequence[_Pupil], *, wishes: Sequence[str], proven: bool
    ) -> None:
        """Where the account can be reached, about whom it may be told, and what it wants to hear."""
        since, address = self._since, next(self._address_ids)
        self._stack.add(
            Address,
            id=address,
            account_id=account,
            channel="email",
            target=target,
            verified_at=since if proven else None,
            proven_at=self._calendar.now if proven else None,  # or everybody would be asked at once if it still works
            proven_by=proofs.ANSWER if proven else "",
        )
        for pupil in pupils:
            recipient = next(self._recipient_ids)
            self._stack.add(Recipient, id=recipient, account_id=account, about=pupil.key, opened_at=since)
            for topic in wishes:
                self._stack.add(Subscription, recipient_id=recipient, topic=topic, address_id=address, since=since)

    def _leave(self, pupil: _Pupil, guardians: Sequence[UUID]) -> None:
        """In a hundred students, one is on leave today (now and then it still waits for a yes), three were lately."""
        chance = self._rng.random()
        if chance < 0.01:
            first, days, granted = self._calendar.today, self._rng.randrange(2), chance < 0.007
        elif chance < 0.04 and self._calendar.past:
            first, days, granted = pick(self._rng, self._calendar.past), 0, True
        else:
            return
        asked_at = at_local(first, time(6, 40), ZONE) - timedelta(hours=self._rng.randrange(12))
        self._stack.add(
            Leave,
            student_id=pupil.key,
            first_date=first,
            last_date=first + timedelta(days=days),
            kind=pick(self._rng, LEAVE_KINDS),
            asked_at=asked_at,
            asked_by_id=guardians[0] if guardians else None,
            approved_at=asked_at + timedelta(minutes=20) if granted else None,
            approved_by_id=pupil.school.teachers.get((pupil.child.grade, pupil.class_number)) if granted else None,
        )

    def _uuid(self) -> UUID:
        return UUID(int=self._rng.getrandbits(128), version=4)


def _sealed(model: type[models.Model], key: UUID, number: str) -> dict[str, Any]:
    """The columns of a sealed identity number, as `roster.models.SealedIdentity` keeps them."""
    ring = settings.KEY_RING
    place = sealed.place(model._meta.db_table, "id_number_sealed", key)
    return {"id_number_sealed": ring.seal(number, place=place), "id_number_digest": ring.digest(number)}
