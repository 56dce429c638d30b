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


def open_account(stack: Stack, key: UUID, email: str, name: str, *, language: str = "zh-hant", now: datetime) -> UUID:
    """Hold an account nobody can sign in to: its password fits nothing. Returns its key."""
    stack.add(Account, id=key, email=email, name=name, language=language, password=NOBODY_SIGNS_IN, created_at=now)
    return key


class _Hiring:
    def __init__(self, stack: Stack, year: SchoolYear, *, seed: int, serials: Iterator[int], now: datetime) -> None:
        self._stack, self._year, self._now = stack, year, now
        self._rng = random.Random(f"staff {seed}")  # noqa: S311 — repeatable, not secret
        self._adults = people.adults(seed, serials=serials)
        self._class_ids = fresh_ids(SchoolClass)

    def office(self, one: Institution) -> None:
        for title, role in OFFICE:
            _person, account = self._employ(one, title, has_account=bool(role))
            if account is not None:
                one.office.setdefault(role, account)
                self._role(account, role, one)

    def homeroom(self, one: Institution, plan: ClassPlan) -> None:
        teacher, account = self._employ(one, "導師", has_account=plan.number == 1 or self._rng.random() < 0.9)
        key = one.classes[plan.grade, plan.number] = next(self._class_ids)
        self._stack.add(
            SchoolClass,
            id=key,
            school_id=one.school.pk,
            school_year_id=self._year.pk,
            stage=plan.stage,
            grade=plan.grade,
            number=plan.number,
            name=class_display(plan.grade, plan.number),
            homeroom_teacher_id=teacher,
        )
        if account is not None:
            one.teachers[plan.grade, plan.number] = account
            self._role(account, "teacher", one, school_class=key)

    def _employ(self, one: Institution, title: str, *, has_account: bool) -> tuple[UUID, UUID | None]:
        """Somebody new; the keys of the staff row and of the account, if they have one."""
        adult = next(self._adults)
        account = (
            open_account(self._stack, self._uuid(), adult.email, adult.name, now=self._now) if has_account else None
        )
        person = self._uuid()
        self._stack.add(
            Staff,
            id=person,
            school_id=one.school.pk,
            name=adult.name,
            title=title,
            email=adult.email,
            account_id=account,
        )
        return person, account

    def _role(self, account: UUID, name: str, one: Institution, *, school_class: int | None = None) -> None:
        self._stack.add(
            Role,
            account_id=account,
            name=name,
            school_id=one.school.pk,
            school_class_id=school_class,
            granted_at=self._now,
        )

    def _uuid(self) -> UUID:
        return UUID(int=self._rng.getrandbits(128), version=4)
