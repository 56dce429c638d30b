"""Roles, birthdays and enrolments: what is known of people before users.csv is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gatepost.roster.imports.cells import PersonCells
from gatepost.roster.imports.faults import Faults
from gatepost.roster.imports.tables import Records
from gatepost.roster.oneroster import columns
from gatepost.roster.oneroster.package import Package
from gatepost.roster.oneroster.people import (
    CLASS_NONE,
    CLASS_UNSAID,
    GUARDIAN,
    LEFT,
    OTHER,
    PARENT,
    PRIMARY,
    RELATIVE,
    STUDENT,
    TEACHER,
    People,
)
from gatepost.roster.oneroster.structure import GONE, NOT_OURS, REFUSED, Classes, Orgs

REQUIRED: Final = ("userSourcedId", "role", "orgSourcedId")
BITS: Final = {"student": STUDENT, "guardian": GUARDIAN, "parent": PARENT, "relative": RELATIVE, "teacher": TEACHER}
OTHER_ROLES: Final = frozenset(
    {
        "administrator",
        "aide",
        "counselor",
        "districtadministrator",
        "principal",
        "proctor",
        "siteadministrator",
        "systemadministrator",
    }
)


def is_gone(status: str) -> bool:
    """Whether a row says that what it speaks of is to be deleted."""
    return status != "active" and status.strip().lower() == GONE


@dataclass(frozen=True, slots=True)
class _Said:
    """What a row of roles says beside the user; a city's package says few different things."""

    bit: int  # 0: a role that OneRoster does not know
    gone: bool
    primary: bool
    school: int  # 0: none of ours
    refusal: tuple[str, str] | None  # why there is none, if that is a fault
    bits: int  # what it makes of somebody of whom nothing else is said
    is_plain: bool  # it is about a student or a guardian, and nothing is wrong with it


class RoleReader:
    """Reads roles from roles.csv, or in OneRoster 1.1 from users.csv, where a user has one."""

    def __init__(self, package: Package, people: People, orgs: Orgs, cells: PersonCells, faults: Faults) -> None:
        self._package = package
        self._cells = cells
        self._people = people
        self._orgs = orgs
        self._faults = faults
        self._today = cells.today.isoformat()
        self._known: dict[tuple[str, ...], _Said] = {}

    def read(self) -> None:
        """All roles there are. Raises `ImportRefused` (header)."""
        if self._package.has("roles"):
            self._read(self._package.needed("roles", columns.ROLES, REQUIRED))
        elif self._package.bulk:
            # The shape of these rows is looked at when they are read as users.
            self._read(self._package.needed("users", columns.ROLES_OF_USERS, REQUIRED, faults=Faults()))

    def _read(self, records: Records) -> None:
        """One dictionary for what rows say, one for whom they say it of: most rows need no more."""
        people, known = self._people, self._known
        index, roles, school = people.index, people.roles, people.school
        for line, intact, (user, end, status, type_, role, org) in records:
            if not intact or (end and end[:10] < self._today):
                continue
            key = (role, org, status, type_)
            said = known.get(key)
            if said is None:
                said = known[key] = self._said(status, type_, role, org)
            place = index.get(user)
            if place is None:
                place = people.place(user)
            if said.is_plain and not roles[place]:
                school[place] = said.school
                roles[place] = said.bits
            else:
                self._take(line, place, said, role)

    def _take(self, line: int, place: int, said: "_Said", role: str) -> None:
        """A row that is not the only one about somebody, or says something out of the ordinary."""
        people = self._people
        if said.bit == STUDENT:
            self._student(line, place, said)
        elif not said.bit:
            self._refuse_unknown(line, role)
        elif said.bit == TEACHER and said.school:
            people.teaches.setdefault(place, set()).add(said.school)
        if said.refusal:
            people.refused[place] = said.refusal
        if not said.gone:
            people.roles[place] |= said.bit

    def _refuse_unknown(self, line: int, role: str) -> None:
        self._cells.fault(line, "role", "role", role)
        self._faults.unsure = True

    def _said(self, status: str, type_: str, role: str, org: str) -> _Said:
        word = role.strip().lower()
        other = OTHER if word in OTHER_ROLES or word.startswith("ext:") else 0
        school, fault, about = self._orgs.place(org)
        bit, gone, primary = BITS.get(word, other), is_gone(status), type_.lower() != "secondary"
        return _Said(
            bit=bit,
            gone=gone,
            primary=primary,
            school=school or 0,
            refusal=(fault, about) if fault else None,
            bits=bit | PRIMARY if bit == STUDENT and primary else bit,
            is_plain=bit not in {0, TEACHER} and not gone and not fault,
        )

    def _student(self, line: int, place: int, said: _Said) -> None:
        people = self._people
        if said.gone:
            people.roles[place] |= LEFT
            people.school[place] = people.school[place] or said.school
        elif said.primary and people.roles[place] & PRIMARY and people.school[place] != said.school:
            self._cells.fault(line, "orgSourcedId", "schools_two")
            people.twice.add(place)
        elif said.primary or not people.roles[place] & STUDENT:
            people.school[place] = said.school
            people.roles[place] |= PRIMARY if said.primary else 0


def read_birthdays(package: Package, people: People, cells: PersonCells) -> None:
    """The birthdays of demographics.csv. Raises `ImportRefused` (header)."""
    for line, intact, (user, birthday) in package.records("demographics", columns.DEMOGRAPHICS, ("sourcedId",)) or ():
        place = people.index.get(user) if package.bulk else people.place(user)
        if place is not None and intact and birthday and (day := cells.birthday(birthday, line, "birthDate")):
            people.birthday[place] = day.toordinal()


class EnrollmentReader:
    """Reads who is in which homeroom class, and who leads it."""

    def __init__(self, package: Package, people: People, classes: Classes, cells: PersonCells) -> None:
        self._package = package
        self._people = people
        self._classes = classes
        self._cells = cells
        self._today = cells.today.isoformat()

    def read(self) -> None:
        """All of enrollments.csv. Raises `ImportRefused` (header)."""
        required = ("classSourcedId", "userSourcedId", "role")
        numbers, today = self._classes.numbers, self._today
        for line, intact, cells in self._package.records("enrollments", columns.ENROLLMENTS, required) or ():
            number = numbers.get(cells[0])
            if number == NOT_OURS or (cells[5] and cells[5][:10] < today):
                continue
            if number is None:
                self._cells.fault(line, "classSourcedId", "class_unknown", cells[0])
            self._homeroom(line, number if number and intact else REFUSED, cells)

    def _homeroom(self, line: int, number: int, cells: Sequence[str]) -> None:
        """A row about a homeroom class of this year; a class that could not be read is `REFUSED`."""
        _class, user, status, role, primary, _end, seat = cells
        people = self._people
        place = people.index.get(user) if self._package.bulk else people.place(user)
        if place is None:
            self._cells.fault(line, "userSourcedId", "user_unknown", user)
        elif role == "student" or BITS.get(role.strip().lower()) == STUDENT:
            self._enrol(line, place, number, gone=is_gone(status))
            if seat and (known := self._cells.seat(seat, line, "metadata.seat")) is not None:
                people.seat[place] = known
        elif BITS.get(role.strip().lower()) == TEACHER and number > 0 and not is_gone(status):
            self._classes.lead(number, user, primary=primary.lower() == "true")

    def _enrol(self, line: int, place: int, number: int, *, gone: bool) -> None:
        people = self._people
        if gone:
            people.left_class[place] = number
        elif number == REFUSED:
            self._leave_unsaid(place, line)
        elif people.school[place] and people.school[place] != self._classes.school_of(number):
            self._cells.fault(line, "classSourcedId", "class_elsewhere")
            self._leave_unsaid(place, line)
        elif people.enrolled_line[place] and people.class_no[place] != number:
            self._cells.fault(line, "classSourcedId", "class_second", about=str(people.enrolled_line[place]))
            self._leave_unsaid(place, people.enrolled_line[place])
        else:
            people.class_no[place] = number
            people.enrolled_line[place] = line

    def _leave_unsaid(self, place: int, line: int) -> None:
        """What is doubtful is not said: whoever is in a class stays there."""
        self._people.class_no[place] = CLASS_UNSAID
        self._people.enrolled_line[place] = line


def said_of_students_without_class(package: Package) -> int:
    """A complete list of enrolments says that whoever is not in it is in no class."""
    return CLASS_NONE if package.bulk and package.has("enrollments") else CLASS_UNSAID


def tell_roles_of_nobody(package: Package, people: People, cells: PersonCells) -> bool:
    """Make a fault of each role of somebody who does not stand in users.csv. Returns whether a student is among them.

    Reads roles.csv once more, but only if there is any.
    """
    missing = dict(people.not_met())
    if not missing:
        return False
    for line, _intact, (user, *_rest) in package.needed("roles", columns.ROLES, REQUIRED, faults=Faults()):
        if user in missing:
            cells.fault(line, "userSourcedId", "user_unknown", user)
    return any(people.roles[place] & STUDENT for place in missing.values())
