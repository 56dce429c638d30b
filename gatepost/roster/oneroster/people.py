"""Who in a package has which role, at which school and in which class: a few bytes for each of 700,000 users.

roles.csv, demographics.csv and enrollments.csv are read before users.csv, which is the largest and is then turned into
rows for the incoming tables as it streams by (`users`). Only sourcedIds and numbers are held in memory.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

# Bits of a user's roles. LEFT: a role as student that is deleted. OTHER: a role that does not matter here.
STUDENT: Final = 1
PRIMARY: Final = 2
GUARDIAN: Final = 4
PARENT: Final = 8
RELATIVE: Final = 16
TEACHER: Final = 32
OTHER: Final = 64
LEFT: Final = 128
GUARDIANS: Final = GUARDIAN | PARENT | RELATIVE

CLASS_UNSAID: Final = -1  # the package does not say, or what it says could not be read
CLASS_NONE: Final = 0
SEAT_UNSAID: Final = -1
ROOM: Final = 4_096  # places made at a time


@dataclass(slots=True)
class People:
    """Columns of small numbers; `index` gives the place of a user in them."""

    class_unless_enrolled: int = CLASS_UNSAID  # what is said of students who are in no enrolment
    index: dict[str, int] = field(default_factory=dict)
    roles: bytearray = field(default_factory=bytearray)
    school: "array[int]" = field(default_factory=lambda: array("i"))  # of a student
    class_no: "array[int]" = field(default_factory=lambda: array("i"))
    seat: "array[int]" = field(default_factory=lambda: array("h"))
    birthday: "array[int]" = field(default_factory=lambda: array("i"))  # proleptic ordinal; 0: not said
    user_line: "array[int]" = field(default_factory=lambda: array("i"))  # 0: not met in users.csv
    enrolled_line: "array[int]" = field(default_factory=lambda: array("i"))
    teaches: dict[int, set[int]] = field(default_factory=dict)  # schools of a teacher
    refused: dict[int, tuple[str, str]] = field(default_factory=dict)  # why somebody has no school: fault and about
    relation_unsaid: set[int] = field(default_factory=set)  # guardians known from the roster only
    left_class: dict[int, int] = field(default_factory=dict)  # the class of a deleted enrolment
    twice: set[int] = field(default_factory=set)  # users who stand on two lines, or at two schools

    def place(self, source: str) -> int:
        """The place of a user, made when first spoken of."""
        found = self.index.get(source)
        if found is not None:
            return found
        made = self.index[source] = len(self.index)
        if made == len(self.roles):
            self._make_room()
        return made

    def _make_room(self) -> None:
        self.roles.extend(bytes(ROOM))
        self.class_no.extend([self.class_unless_enrolled] * ROOM)
        self.seat.extend([SEAT_UNSAID] * ROOM)
        for column in (self.school, self.birthday, self.user_line, self.enrolled_line):
            column.extend([0] * ROOM)

    def not_met(self) -> Iterator[tuple[str, int]]:
        """Those spoken of who do not stand in users.csv."""
        return ((source, place) for source, place in self.index.items() if not self.user_line[place])

    def has_guardians(self) -> bool:
        """Whether the package names any guardian at all."""
        return any(roles & GUARDIANS for roles in self.roles)
