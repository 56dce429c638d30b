"""Who works at the schools of the demonstration city: the office, and a homeroom teacher for each class."""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX

from gatepost.access.models import Role
from gatepost.accounts.models import Account
from gatepost.demo import people
from gatepost.demo.blueprint import ClassPlan
from gatepost.demo.copying import Stack, fresh_ids
from gatepost.demo.institutions import Institution
from gatepost.demo.people import Adult
from gatepost.roster.models import SchoolClass, SchoolYear, Staff
from gatepost.roster.wordings import class_display

NOBODY_SIGNS_IN: Final = UNUSABLE_PASSWORD_PREFIX + "demonstration"
# The office of a school: title, and the role its holder has here (empty: no account).
OFFICE: Final = (
    ("校長", ""),
    ("學務主任", "student_affairs"),
    ("生教組長", "student_affairs"),
    ("註冊組長", "registrar"),
    ("資訊組長", "school_administrator"),
)


def employ(made: Sequence[Institution], year: SchoolYear, *, seed: int, serials: Iterator[int], now: datetime) -> None:
    """Write the staff and the classes of every institution; nine teachers in ten have an account."""
    stack = Stack([Account, Staff, SchoolClass, Role])
    hiring = _Hiring(stack, year, seed=seed, serials=serials, now=now)
    for one in made:
        hiring.office(one)
        for plan in one.plan.classes:
            hiring.homeroom(one, plan)
        stack.settle()
    stack.flush()


def an_account(key: UUID, email: str, name: str, *, language: str = "zh-hant", now: datetime) -> Account:
    """An account nobody can sign in to: its password fits nothing."""
    return Account(
        id=key, email=email, name=name, language=language, password=NOBODY_SIGNS_IN, last_login=None, created_at=now
    )


class _Hiring:
    def __init__(self, stack: Stack, year: SchoolYear, *, seed: int, serials: Iterator[int], now: datetime) -> None:
        self._stack, self._year, self._now = stack, year, now
        self._rng = random.Random(f"staff {seed}")  # noqa: S311 — repeatable, not secret
        self._adults = people.adults(seed, serials=serials)
        self._class_ids = fresh_ids(SchoolClass)

    def office(self, one: Institution) -> None:
        for title, role in OFFICE:
            account = self._employ(one, title, next(self._adults), has_account=bool(role)).account
            if account is not None:
                one.office.setdefault(role, account)
                self._stack.add(self._role(account, role, one))

    def homeroom(self, one: Institution, plan: ClassPlan) -> None:
        has_account = plan.number == 1 or self._rng.random() < 0.9
        teacher = self._employ(one, "導師", next(self._adults), has_account=has_account)
        made = self._class(one, plan, teacher)
        one.classes[plan.grade, plan.number] = made
        self._stack.add(made)
        if teacher.account is not None:
            one.teachers[plan.grade, plan.number] = teacher.account.pk
            self._stack.add(self._role(teacher.account, "teacher", one, made))

    def _employ(self, one: Institution, title: str, adult: Adult, *, has_account: bool) -> Staff:
        account = an_account(self._uuid(), adult.email, adult.name, now=self._now) if has_account else None
        if account is not None:
            self._stack.add(account)
        person = Staff(
            id=self._uuid(), school=one.school, name=adult.name, title=title, email=adult.email, account=account
        )
        self._stack.add(person)
        return person

    def _class(self, one: Institution, plan: ClassPlan, teacher: Staff) -> SchoolClass:
        return SchoolClass(
            id=next(self._class_ids),
            school=one.school,
            school_year=self._year,
            stage=plan.stage,
            grade=plan.grade,
            number=plan.number,
            name=class_display(plan.grade, plan.number),
            homeroom_teacher=teacher,
        )

    def _role(self, account: Account, name: str, one: Institution, school_class: SchoolClass | None = None) -> Role:
        return Role(account=account, name=name, school=one.school, school_class=school_class, granted_at=self._now)

    def _uuid(self) -> UUID:
        return UUID(int=self._rng.getrandbits(128), version=4)
