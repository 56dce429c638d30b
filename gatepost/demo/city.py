"""The demonstration city: schools of the real list, invented people, and the two weeks they have behind them.

Everything is drawn from a seed, so that equal cities can be built anywhere. Sealed numbers and password digests differ
each time, as they must.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import count, groupby
from typing import Final, NamedTuple
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import connection, transaction

from gatepost.access.models import Role
from gatepost.accounts.models import Account
from gatepost.attendance.models import Day, Event, SchoolDay
from gatepost.attendance.taiwan_calendar import plan_year
from gatepost.audit import entries
from gatepost.cards.models import Card
from gatepost.config.schedule import make_partitions
from gatepost.demo import blueprint, cast, circulars, history, institutions, news, people, staff, survey
from gatepost.demo.copying import analyse
from gatepost.demo.institutions import Institution
from gatepost.demo.people import Place
from gatepost.demo.reader_keys import require_demonstration
from gatepost.demo.residents import TABLES, ZONE, Bond, Calendar, Residents
from gatepost.gates.models import Reader
from gatepost.guardians import proofs, restrictions
from gatepost.guardians.applications.models import Desk
from gatepost.guardians.models import Guardianship
from gatepost.kit.clock import local_date, local_midnight
from gatepost.roster.identity_numbers import invented
from gatepost.roster.models import GuardianRecord, School, SchoolClass, Staff, Student
from gatepost.roster.roc_dates import school_year_of

DESK: Final = "註冊組 02-2345-6789 轉 101"
APPLYING, APPLYING_ID_NUMBER = "10301123", invented(4_000_000)  # a family without an account, for trying it
# A child that the guardian to sign in as can add: number, ID number, name and birthday, as docs/demo.md says them.
ADDED = ("10301124", invented(4_000_001), "林小安", date(2018, 3, 15))

Progress = Callable[[str, int, int], None]  # what is being done, how much of it is done, out of how much

SCHOOLS: Final = 3
STUDENTS: Final = 1_200
LOCK_KEY: Final = 0x64656D6F  # "demo": one city is built at a time


class CityStands(Exception):
    """There are schools already, and a city is only built where there is nothing."""

    def __init__(self, schools: int) -> None:
        super().__init__(
            f"There are {schools} schools in this database already; a demonstration city is only built in an empty one."
        )


@dataclass(frozen=True, slots=True)
class City:
    """What was built, in numbers."""

    schools: int
    students: int
    guardians: int
    cards: int
    readers: int


class SignIn(NamedTuple):
    """Somebody anybody may sign in as in a demonstration, and where they best begin."""

    role: str
    name: str
    email: str
    password: str
    page: str


def stands() -> bool:
    """Whether there is anything that a demonstration city would collide with."""
    return School.objects.exists()


def build(
    *,
    schools: int = SCHOOLS,
    students: int = STUDENTS,
    days: int = history.DAYS,
    seed: int = 1,
    now: datetime,
    progress: Progress = lambda step, done, total: None,
) -> City:
    """Build a city with exactly that many schools and students, in one transaction: all of it or nothing.

    `days` is how many school days it has behind it.
    Raises `CityStands` where there are schools, `NoDemonstration` outside of one, `blueprint.TooMany`, `ValueError`.
    """
    require_demonstration()
    plans = blueprint.draw(schools=schools, students=students, seed=seed)
    with transaction.atomic():
        _only_us()
        make_partitions(now)
        _Builder(plans, days=days, seed=seed, now=now, progress=progress).build()
        entries.record("demo:built", by=None, schools=schools, students=students, seed=seed)
        return City(
            schools=schools,
            students=Student.objects.count(),
            guardians=Guardianship.objects.values("account").distinct().count(),
            cards=Card.objects.count(),
            readers=Reader.objects.count(),
        )


def sign_ins() -> list[SignIn]:
    """Who can sign in to the demonstration city; nobody where there is none."""
    if not settings.DEMONSTRATION:
        return []
    there = set(Account.objects.filter(email__in=[part.email for part in cast.PARTS]).values_list("email", flat=True))
    return [
        SignIn(part.role, part.name, part.email, cast.PASSWORD, f"{settings.SITE_URL}{part.page}")
        for part in cast.PARTS
        if part.email in there
    ]


def _only_us() -> None:
    """Wait for another build to end, then see whether there is anything.

    Foreign keys are checked as we go, by index: their plans are made while the tables are empty, and kept.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL enable_seqscan = off")
    standing = School.objects.count()
    if standing:
        raise CityStands(standing)


class _Builder:
    """The steps, in the order in which they need each other."""

    def __init__(
        self, plans: list[blueprint.SchoolPlan], *, days: int, seed: int, now: datetime, progress: Progress
    ) -> None:
        self.plans, self.seed, self.now, self.progress = plans, seed, now, progress
        today = local_date(now, ZONE)
        self.year = school_year_of(today)
        past = history.last_school_days(plan_year(self.year), before=today, count=days)
        self.calendar = Calendar(self.year, now, today, past)
        self.students = sum(plan.students for plan in plans)
        self.serials = count(1)

    def build(self) -> None:
        made = self._schools()
        children = self._families(made)
        analyse([*TABLES, School, SchoolClass, Staff, Role, Reader, SchoolDay])
        self._open_desks(made)
        self._days(made, children)
        news.publish((one.school for one in made), now=self.now)
        circulars.write(children, now=self.now)
        survey.ask(seed=self.seed, now=self.now)
        analyse([Event, Day])

    def _open_desks(self, made: Sequence[Institution]) -> None:
        """Two schools take families' applications; one family without an account can try it (docs/demo.md)."""
        Desk.objects.bulk_create(Desk(school=one.school, opened_at=self.now, contact=DESK) for one in made[:2])
        one = Student.objects.filter(school=made[0].school, guardianships=None).order_by("number").first()
        one = one or Student.objects.filter(school=made[0].school).order_by("number").first()
        if one is not None:
            one.number = APPLYING
            one.seal_id_number(APPLYING_ID_NUMBER, settings.KEY_RING)
            one.save(update_fields=["number", "id_number_sealed", "id_number_digest"])
        self._let_add_a_child(made[0])

    def _let_add_a_child(self, home: Institution) -> None:
        """One more child has the guardian to sign in as in its record, whose number a school has approved."""
        guardian = Account.objects.get(email=cast.GUARDIAN.email)
        known = GuardianRecord.objects.filter(student__guardianships__account=guardian, name=guardian.name).first()
        free = Student.objects.filter(school=home.school, guardianships=None).exclude(number=APPLYING)
        child = free.order_by("number").first()
        if known is None or child is None:  # a city so small that everybody takes part
            return
        child.number, id_number, child.name, child.birthday = ADDED
        child.seal_id_number(id_number, settings.KEY_RING)
        child.save(update_fields=["number", "name", "birthday", "id_number_sealed", "id_number_digest"])
        record = GuardianRecord(student=child, position=9, name=guardian.name, relation="伯叔姑姪甥")
        record.seal_id_number(known.open_id_number(settings.KEY_RING) or "", settings.KEY_RING)
        record.save()
        office = home.office["student_affairs"]
        proofs.keep(guardian, bytes(record.id_number_digest or b""), how="review", by=office, now=self.now)

    def _schools(self) -> list[Institution]:
        self.progress("schools", 0, len(self.plans))
        year = institutions.open_year(self.year)
        past = self.calendar.past
        opened_at = local_midnight(past[0], ZONE) if past else self.now
        made = institutions.found(self.plans, seed=self.seed, opened_at=opened_at, now=self.now)
        staff.employ(made, year, seed=self.seed, serials=self.serials, now=self.now)
        institutions.fill_calendar(self.year)
        self.progress("schools", len(self.plans), len(self.plans))
        return made

    def _families(self, made: Sequence[Institution]) -> list[UUID]:
        """Everybody's families, and the cast; returns the children of the guardian to sign in as."""
        residents = Residents(made, self.calendar, seed=self.seed)
        seats = cast.seats(self.plans)
        residents.keep_free(seats)
        family = cast.family(seats, school_year=self.year, serials=self.serials)
        children = residents.move_in_at(seats, family)
        for places in self._neighbourhoods(seats):
            seed = f"{self.seed}/{places[0].school[:2]}"
            for family in people.families(seed, places, school_year=self.year, serials=self.serials):
                residents.move_in(family)
                self.progress("families", residents.students, self.students)
        residents.finish()
        self._open_doors(made[0], seats[0])
        if residents.estranged:
            self._restrict(residents.estranged, by=made[0].office["student_affairs"])
        return children

    def _neighbourhoods(self, taken: Sequence[cast.Seat]) -> list[list[Place]]:
        """The places to fill, less those that are taken, by district."""
        places = sorted((place for plan in self.plans for place in plan.places()), key=lambda place: place.school)
        free = [
            Place(
                place.school, place.grade, place.count - sum(seat[:2] == (place.school, place.grade) for seat in taken)
            )
            for place in places
        ]
        return [list(group) for _district, group in groupby(free, key=lambda place: place.school[:2])]

    def _open_doors(self, home: Institution, seat: cast.Seat) -> None:
        """Give the people to sign in as their roles, and the password that everybody knows."""
        password = make_password(cast.PASSWORD)
        office = home.office["student_affairs"]
        for account, part in ((home.teachers[seat.grade, seat.number], cast.TEACHER), (office, cast.OFFICE)):
            Account.objects.filter(pk=account).update(email=part.email, name=part.name, password=password)
            Staff.objects.filter(account_id=account).update(email=part.email, name=part.name)
        Role.objects.create(account_id=office, name=Role.Name.SCHOOL_ADMINISTRATOR, school=home.school)
        Account.objects.filter(email=cast.GUARDIAN.email).update(password=password)
        for part, role in ((cast.BUREAU, Role.Name.BUREAU_OFFICER), (cast.OPERATOR, Role.Name.OPERATOR)):
            opens_admin = role == Role.Name.OPERATOR
            person = Account.objects.create(
                email=part.email, name=part.name, password=password, is_staff=opens_admin, is_superuser=opens_admin
            )
            Role.objects.create(account=person, name=role)

    def _restrict(self, bond: Bond, *, by: UUID) -> None:
        """The one guardian of the city who may not be told: by order of a court that does not exist."""
        student, office = Student.objects.get(pk=bond.student), Account.objects.get(pk=by)
        restrictions.restrict(bond.account, student, by=office, document="示範裁定第 1 號", now=self.now)

    def _days(self, made: Sequence[Institution], children: Sequence[UUID]) -> None:
        for nth, one in enumerate(made):
            self.progress("days", nth, len(made))
            history.remember(one, self.calendar.past, seed=self.seed)
        history.letters(children, self.calendar.past)
        self.progress("days", len(made), len(made))
