"""What the city will hold before anything is written: which schools, how many students in which class. Pure."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import ceil
from typing import Final

from gatepost.demo.people import Place
from gatepost.roster import school_list
from gatepost.roster.school_list import STAGE_GRADES, SchoolEntry

HOME_DISTRICT: Final = "37"
# An elementary school, the junior high around the corner and a senior high: the smallest city that shows everything.
HOME_SCHOOLS: Final = ("373602", "373503", "373301")
SEATS_IN_A_CLASS: Final = {"elementary": 26, "junior_high": 28, "senior_high": 34, "vocational_high": 34, "special": 10}
WEIGHTS: Final = {"elementary": 1.0, "junior_high": 1.0, "senior_high": 1.1, "vocational_high": 1.1, "special": 0.15}


class TooMany(ValueError):
    """More was asked for than there is."""


@dataclass(frozen=True, slots=True)
class ClassPlan:
    """One class to be: `name` is made by the roster, seats are 1 to `students`."""

    stage: str
    grade: int
    number: int
    students: int


@dataclass(frozen=True)
class SchoolPlan:
    """One school to be, with its classes in the order of grade and number."""

    entry: SchoolEntry
    classes: tuple[ClassPlan, ...]

    @cached_property
    def students(self) -> int:
        return sum(one.students for one in self.classes)

    @cached_property
    def grades(self) -> tuple[int, ...]:
        return tuple(sorted({one.grade for one in self.classes}))

    def of_grade(self, grade: int) -> list[ClassPlan]:
        return [one for one in self.classes if one.grade == grade]

    def places(self) -> Iterator[Place]:
        """The seats to fill, as `people.families` wants them."""
        for grade in self.grades:
            yield Place(self.entry.code, grade, sum(one.students for one in self.of_grade(grade)))


def draw(*, schools: int, students: int, seed: int) -> list[SchoolPlan]:
    """`schools` schools of the list with exactly `students` students. Raises `TooMany` and `ValueError`.

    The first are always the same neighbours, then come the rest of their district and the other districts.
    """
    if schools < 1 or students < schools:
        raise ValueError("A city needs a school, and a student for each.")
    chosen = choose(schools)
    rng = random.Random(f"blueprint {seed}")  # noqa: S311 — repeatable, not secret
    weights = [WEIGHTS[entry.level] * len(entry.stages) * rng.uniform(0.85, 1.2) for entry in chosen]
    sizes = split(students - schools, weights)  # nobody's school stands empty
    return [SchoolPlan(entry, tuple(_classes(entry, size + 1))) for entry, size in zip(chosen, sizes, strict=True)]


def choose(schools: int) -> list[SchoolEntry]:
    """The first `schools` schools of a demonstration city. Raises `TooMany`."""
    known = {entry.code: entry for entry in school_list.schools()}
    if schools > len(known):
        raise TooMany(f"The school list holds {len(known)} schools; ask for fewer.")
    others = sorted(
        (entry for entry in known.values() if entry.code not in HOME_SCHOOLS),
        key=lambda entry: (entry.district_code != HOME_DISTRICT, entry.district_code, entry.private, entry.code),
    )
    return [*(known[code] for code in HOME_SCHOOLS), *others][:schools]


def split(total: int, weights: Sequence[float]) -> list[int]:
    """`total` in whole numbers as the weights say; the sum is exact."""
    step = total / sum(weights)
    edges = [0.0]
    for weight in weights:
        edges.append(edges[-1] + weight * step)
    edges[-1] = total
    return [round(high) - round(low) for low, high in pairwise(edges)]


def _classes(entry: SchoolEntry, students: int) -> Iterator[ClassPlan]:
    grades = [(stage, grade) for stage in entry.stages for grade in STAGE_GRADES[stage]]
    for (stage, grade), count in zip(grades, split(students, [1.0] * len(grades)), strict=True):
        number_of_classes = ceil(count / SEATS_IN_A_CLASS[stage])
        for number in range(1, number_of_classes + 1):
            # The first classes take what does not divide evenly.
            yield ClassPlan(stage, grade, number, (count + number_of_classes - number) // number_of_classes)
