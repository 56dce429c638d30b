"""The people anybody may sign in as, and the family whose two children go to two schools. All invented."""

from collections.abc import Iterator
from datetime import date
from typing import Final, NamedTuple

from gatepost.demo.blueprint import HOME_SCHOOLS, SchoolPlan
from gatepost.demo.identities.people import FATHER_NUMBER, MOTHER_NUMBER
from gatepost.demo.people import Child, Family, Guardian, Kin, birthdays
from gatepost.roster.identity_numbers import invented

PASSWORD: Final = "gate-0742-opens"  # noqa: S105 — known to everybody, and good in demonstrations only


class Part(NamedTuple):
    """Somebody to sign in as. `role` is what the list of sign-ins says; `page` is where they have most to see."""

    role: str
    name: str
    email: str
    page: str = ""


_TODAY: Final = f"/schools/{HOME_SCHOOLS[0]}/today/"
# Reserved for examples by RFC 2606: no mail to these people can ever leave.
GUARDIAN: Final = Part("guardian", "林雅惠", "guardian@gatepost.example", "/family/")
TEACHER: Final = Part("teacher", "陳美玲", "teacher@gatepost.example", _TODAY)
OFFICE: Final = Part("school administrator", "張文傑", "office@gatepost.example", _TODAY)
BUREAU: Final = Part("bureau officer", "黃淑貞", "bureau@gatepost.example", "/bureau/today/")
OPERATOR: Final = Part("operator", "李建宏", "operator@gatepost.example", "/operator/")
PARTS: Final = (GUARDIAN, TEACHER, OFFICE, BUREAU, OPERATOR)

FATHER: Final = Part("father", "王志遠", "father@gatepost.example")


class Seat(NamedTuple):
    """A desk in a class of a school."""

    school: str
    grade: int
    number: int
    seat: int


def seats(plans: list[SchoolPlan]) -> list[Seat]:
    """Where the two children of the guardian sit: in two schools, or two grades where there is one school.

    2年01班 12號 and 8年03班 27號 where the city has them, else the nearest there is.
    """
    younger = _seat(plans[0], grade=2, number=1, seat=12)
    elder = _seat(plans[1] if len(plans) > 1 else plans[0], grade=8, number=3, seat=27)
    if younger[:2] == elder[:2]:
        elder = _seat(plans[0], grade=min(plans[0].grades), number=1, seat=1)
    return [younger] if younger[:2] == elder[:2] else [younger, elder]


def family(found: list[Seat], *, school_year: int, serials: Iterator[int]) -> Family:
    """The guardian's family: a child for each seat."""
    children = (("王小明", False), ("王小華", True))
    return Family(
        children=tuple(
            Child(name, girl, _birthday(seat.grade, school_year), _id(serials, girl), seat.school, seat.grade)
            for (name, girl), seat in zip(children, found, strict=False)
        ),
        guardians=(
            Guardian(Kin.MOTHER, GUARDIAN.name, MOTHER_NUMBER, "0990000001", GUARDIAN.email, "zh-hant"),
            Guardian(Kin.FATHER, FATHER.name, FATHER_NUMBER, "0990000002", FATHER.email, "en"),
        ),
    )


def _seat(plan: SchoolPlan, *, grade: int, number: int, seat: int) -> Seat:
    grade = min(plan.grades, key=lambda other: abs(other - grade))
    classes = plan.of_grade(grade)
    chosen = classes[min(number, len(classes)) - 1]
    return Seat(plan.entry.code, grade, chosen.number, min(seat, chosen.students))


def _birthday(grade: int, school_year: int) -> date:
    first, _last = birthdays(grade, school_year=school_year)
    return first.replace(month=11, day=20)


def _id(serials: Iterator[int], female: bool) -> str:
    return invented(next(serials), female=female)
