"""Invented families for a city of any size: seeded, repeatable, and recognisable as invented.

Nobody here exists. Identity numbers lie in the range that is never given out (`roster.identity_numbers`), mobile
numbers begin with 099, which Taiwan's numbering plan does not use (mobiles are 090 to 098), and email addresses end in
`.example`, a name that can never be registered (RFC 2606). The same seed and places give the same families.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from typing import Final, NamedTuple

from gatepost.demo import names
from gatepost.demo.names import pick
from gatepost.roster.identity_numbers import IdentityKind, invented
from gatepost.roster.roc_dates import ROC_OFFSET


class Kin(StrEnum):
    FATHER = "father"
    MOTHER = "mother"
    GRANDFATHER = "grandfather"
    GRANDMOTHER = "grandmother"
    UNCLE = "uncle"
    AUNT = "aunt"


@dataclass(frozen=True, slots=True)
class Place:
    """The seats to fill in one grade of one school. Schools whose codes begin alike are neighbours."""

    school: str
    grade: int  # 1–12
    count: int


class Child(NamedTuple):
    name: str
    girl: bool
    birthday: date
    id_number: str
    school: str
    grade: int


class Guardian(NamedTuple):
    """A guardian as a school would have recorded them; mobile or email are empty where the school has none."""

    kin: Kin
    name: str
    id_number: str
    mobile: str
    email: str
    language: str  # zh-hant, en, vi or id


class Family(NamedTuple):
    """Children and their guardians, the first of whom the school calls first."""

    children: tuple[Child, ...]
    guardians: tuple[Guardian, ...]


class Adult(NamedTuple):
    """Somebody who works at a school."""

    name: str
    female: bool
    mobile: str
    email: str


class _Background(StrEnum):
    LOCAL = "local"
    VIETNAM = "vietnam"
    INDONESIA = "indonesia"
    ABROAD = "abroad"
    INDIGENOUS = "indigenous"


# Shares in per mille. Drawn from what schools of a large Taiwanese city see, rounded; no statistic of record.
_BACKGROUNDS: Final = (
    (_Background.LOCAL,) * 935
    + (_Background.VIETNAM,) * 30
    + (_Background.INDONESIA,) * 14
    + (_Background.ABROAD,) * 9
    + (_Background.INDIGENOUS,) * 12
)
_HOUSEHOLDS: Final = (
    ((Kin.MOTHER, Kin.FATHER),) * 420
    + ((Kin.FATHER, Kin.MOTHER),) * 350
    + ((Kin.MOTHER,),) * 120
    + ((Kin.FATHER,),) * 60
    + ((Kin.GRANDMOTHER,),) * 25
    + ((Kin.GRANDFATHER,),) * 10
    + ((Kin.AUNT,),) * 8
    + ((Kin.UNCLE,),) * 7
)
_CHILDREN_AT_SCHOOL: Final = (1,) * 64 + (2,) * 31 + (3,) * 5
_MAIL_HOSTS: Final = ("family.example", "home.example", "mail.example")
_FEMALE: Final = frozenset({Kin.MOTHER, Kin.GRANDMOTHER, Kin.AUNT})
_GENERATION: Final = {Kin.GRANDFATHER: "grandparent", Kin.GRANDMOTHER: "grandparent"}
_SERIALS_PER_MOBILE_PREFIX: Final = 10_000_000


def relation(kin: Kin, *, girl: bool) -> str:
    """The word of Taiwanese school records for a guardian's relation to a child: 父女, 母子, 祖孫 …"""
    if kin is Kin.FATHER:
        return "父女" if girl else "父子"
    if kin is Kin.MOTHER:
        return "母女" if girl else "母子"
    return "祖孫" if kin in (Kin.GRANDFATHER, Kin.GRANDMOTHER) else "伯叔姑姪甥"


@cache
def birthdays(grade: int, *, school_year: int) -> tuple[date, date]:
    """The first and last birthday of a grade in a ROC school year.

    A child starts school in the year it is six full years old on 1 September: so the rules to the act on compulsory
    schooling 強迫入學條例 count the school age.
    """
    youngest = date(school_year + ROC_OFFSET - 5 - grade, 9, 1)
    return youngest.replace(year=youngest.year - 1) + timedelta(days=1), youngest


def families(seed: int | str, places: Sequence[Place], *, school_year: int, serials: Iterator[int]) -> Iterator[Family]:
    """Families whose children fill every place exactly, brothers and sisters in the same or a neighbouring school.

    `serials` gives every person a number of their own (itertools.count(1)); hand the same one to every call that
    makes people for one city. Equal arguments give equal families.
    """
    rng = random.Random(f"families {seed}")  # noqa: S311 — repeatable, not secret
    seats = _Seats(places)
    for index, place in enumerate(places):
        while seats.take(index):
            yield _family(rng, place, seats, school_year, serials)


def adults(seed: int | str, *, serials: Iterator[int], host: str = "school.example") -> Iterator[Adult]:
    """People who work at a school, without end."""
    rng = random.Random(f"adults {seed}")  # noqa: S311 — repeatable, not secret
    while True:
        female = rng.random() < 0.66
        surname, serial = pick(rng, names.SURNAMES), next(serials)
        name = surname + names.given_name(rng, "parent", female=female)
        yield Adult(name, female, _mobile(serial), f"{names.spelling(surname)}.{serial}@{host}")


class _Seats:
    """What is still free, and where the neighbours are."""

    def __init__(self, places: Sequence[Place]) -> None:
        self.places = places
        self._free = [place.count for place in places]
        self._same_school: dict[str, list[int]] = defaultdict(list)
        self._neighbours: dict[str, list[int]] = defaultdict(list)
        for index, place in enumerate(places):
            self._same_school[place.school].append(index)
            self._neighbours[place.school[:2]].append(index)

    def take(self, index: int) -> bool:
        if self._free[index] <= 0:
            return False
        self._free[index] -= 1
        return True

    def take_for_sibling(self, rng: random.Random, place: Place, grades: set[int]) -> Place | None:
        """A seat for a brother or sister of somebody in `place`, in the same school if it can be.

        Two grades apart at least from everybody in `grades`, so that any two birthdays leave time; or the very same
        place for twins. None when a few tries find nothing.
        """
        near = self._same_school[place.school] if rng.random() < 0.7 else self._neighbours[place.school[:2]]
        twins = rng.random() < 0.02
        for _attempt in range(4):
            index = pick(rng, near)
            found = self.places[index]
            fits = found is place if twins else all(abs(found.grade - grade) >= 2 for grade in grades)
            if fits and self.take(index):
                return found
        return None


class _Line(NamedTuple):
    """What a family has in common."""

    background: _Background
    surname: str
    shared: str  # the character brothers and sisters share; an indigenous father's given name; empty
    resident: bool  # the children have residence numbers and Latin names


def _family(rng: random.Random, place: Place, seats: _Seats, school_year: int, serials: Iterator[int]) -> Family:
    line = _line(rng)
    children = [_child(rng, place, school_year, next(serials), line)]
    for _more in range(pick(rng, _CHILDREN_AT_SCHOOL) - 1):
        found = seats.take_for_sibling(rng, place, {child.grade for child in children})
        if found:
            children.append(_sibling(rng, found, school_year, next(serials), line, children))
    named_after = Kin.FATHER if rng.random() < 0.96 else Kin.MOTHER
    guardians = tuple(_guardian(rng, kin, line, named_after, next(serials)) for kin in pick(rng, _HOUSEHOLDS))
    return Family(tuple(children), guardians)


def _sibling(
    rng: random.Random, place: Place, school_year: int, serial: int, line: _Line, children: list[Child]
) -> Child:
    """One more child, with a name of its own; a twin has its twin's birthday."""
    taken = {child.name for child in children}
    child = _child(rng, place, school_year, serial, line)
    while child.name in taken:
        child = _child(rng, place, school_year, serial, line)
    twin = next((other for other in children if other.grade == child.grade), None)
    return child._replace(birthday=twin.birthday) if twin else child


def _line(rng: random.Random) -> _Line:
    background = pick(rng, _BACKGROUNDS)
    if background is _Background.INDIGENOUS:
        father = names.indigenous_name(rng, female=False).partition(names.REGISTER_DOT)[0]
        return _Line(background, pick(rng, names.SURNAMES), father, resident=False)
    if background is _Background.ABROAD and rng.random() < 0.2:
        return _Line(background, names.western_name(rng, female=False).partition(" ")[0], "", resident=True)
    shared = names.given_name(rng, "child", female=rng.random() < 0.5)[0] if rng.random() < 0.25 else ""
    return _Line(background, pick(rng, names.SURNAMES), shared, resident=False)


def _child(rng: random.Random, place: Place, school_year: int, serial: int, line: _Line) -> Child:
    girl = rng.random() < 0.48
    first, last = birthdays(place.grade, school_year=school_year)
    if line.resident:
        name = names.western_name(rng, female=girl, surname=line.surname)
    elif line.background is _Background.INDIGENOUS:
        name = names.indigenous_name(rng, female=girl, parent=line.shared)
    else:
        name = line.surname + names.given_name(rng, "child", female=girl, first=line.shared)
    kind = IdentityKind.RESIDENT if line.resident else IdentityKind.NATIONAL
    return Child(
        name=name,
        girl=girl,
        birthday=first + timedelta(days=int(rng.random() * ((last - first).days + 1))),
        id_number=invented(serial, kind, female=girl),
        school=place.school,
        grade=place.grade,
    )


def _guardian(rng: random.Random, kin: Kin, line: _Line, named_after: Kin, serial: int) -> Guardian:
    name, surname, id_kind, language = _identity(rng, kin, line, named_after)
    return Guardian(
        kin=kin,
        name=name,
        id_number=invented(serial, id_kind, female=kin in _FEMALE),
        mobile=_mobile(serial) if rng.random() < 0.97 else "",
        email=f"{names.spelling(surname)}.{serial}@{pick(rng, _MAIL_HOSTS)}" if rng.random() < 0.93 else "",
        language=language,
    )


class _Identity(NamedTuple):
    name: str
    surname: str
    id_kind: IdentityKind = IdentityKind.NATIONAL
    language: str = "zh-hant"


def _identity(rng: random.Random, kin: Kin, line: _Line, named_after: Kin) -> _Identity:
    female = kin in _FEMALE
    if line.background is _Background.INDIGENOUS:
        name = names.indigenous_name(rng, female=female)
        if kin is Kin.FATHER:
            name = line.shared + names.REGISTER_DOT + name.partition(names.REGISTER_DOT)[2]
        return _Identity(name, surname="")
    if line.resident:
        name = names.western_name(rng, female=female, surname=line.surname)
        return _Identity(name, line.surname, IdentityKind.RESIDENT, "en")
    if kin is Kin.MOTHER and line.background is not _Background.LOCAL:
        return _mother_from_abroad(rng, line.background)
    married_in = kin is Kin.GRANDMOTHER or (kin in (Kin.FATHER, Kin.MOTHER) and kin is not named_after)
    surname = pick(rng, names.SURNAMES) if married_in else line.surname
    return _Identity(surname + names.given_name(rng, _GENERATION.get(kin, "parent"), female=female), surname)


def _mother_from_abroad(rng: random.Random, background: _Background) -> _Identity:
    """Her name, the kind of her number (many are citizens by now), and the language she reads."""
    if background is _Background.ABROAD:
        name = names.western_name(rng, female=True)
        return _Identity(name, name.partition(" ")[0], IdentityKind.RESIDENT, "en")
    chance = rng.random()
    kind = IdentityKind.NATIONAL
    if chance < 0.35:
        kind = IdentityKind.RESIDENT if chance < 0.2 else IdentityKind.RESIDENT_OLD
    if background is _Background.VIETNAM:
        name = names.vietnamese_name(rng)
        return _Identity(name, name[0], kind, "vi" if rng.random() < 0.75 else "zh-hant")
    name = names.indonesian_name(rng)
    return _Identity(
        name, name.partition(" ")[0] if " " in name else name[0], kind, "id" if rng.random() < 0.7 else "zh-hant"
    )


def _mobile(serial: int) -> str:
    return f"099{serial % _SERIALS_PER_MOBILE_PREFIX:07d}"
