"""Which desk of which class a student gets, and which student number."""

import random
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

from gatepost.demo.blueprint import SchoolPlan
from gatepost.demo.cast import Seat
from gatepost.roster.school_list import STAGE_GRADES


class Desk(NamedTuple):
    """A seat in a class, and what its student is called in the school's books."""

    stage: str
    class_number: int
    seat: int
    student_number: str


class Desks:
    """The free desks of one school, shuffled, so that brothers and sisters do not all sit in the first row."""

    def __init__(self, plan: SchoolPlan, year: int, rng: random.Random) -> None:
        self._free: dict[int, list[tuple[int, int]]] = defaultdict(list)  # class and seat, by grade
        self._stages: dict[int, str] = {}
        self._entered: dict[int, int] = {}  # the school year a grade came in
        self._numbers: dict[int, Iterator[int]] = defaultdict(lambda: count(1))  # by that year
        for one in plan.classes:
            self._free[one.grade] += [(one.number, seat) for seat in range(1, one.students + 1)]
            self._stages[one.grade] = one.stage
            self._entered[one.grade] = year - (one.grade - STAGE_GRADES[one.stage].start)
        for desks in self._free.values():
            rng.shuffle(desks)

    def keep_free(self, seat: Seat) -> None:
        """Give this seat only to who asks for it."""
        self._free[seat.grade].remove((seat.number, seat.seat))

    def take(self, grade: int, wanted: Seat | None = None) -> Desk:
        """A desk in `grade`: the one that was kept free, or any."""
        class_number, seat = (wanted.number, wanted.seat) if wanted else self._free[grade].pop()
        return Desk(self._stages[grade], class_number, seat, self._student_number(grade))

    def _student_number(self, grade: int) -> str:
        """The ROC year of entry and a running number: 114001."""
        entered = self._entered[grade]
        return f"{entered}{next(self._numbers[entered]):03d}"
