"""users.csv turned into rows of the incoming tables, some thousands of its 700,000 at a time and column by column."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, repeat
from operator import or_
from typing import Final, NamedTuple

from gatepost.roster.imports import columns as by_column
from gatepost.roster.imports.cells import PersonCells, grade_number
from gatepost.roster.imports.columns import Column, Identity
from gatepost.roster.imports.faults import Faults
from gatepost.roster.imports.stage import Stage
from gatepost.roster.imports.tables import Record, Records
from gatepost.roster.oneroster import columns
from gatepost.roster.oneroster.people import GUARDIANS, LEFT, PARENT, RELATIVE, SEAT_UNSAID, STUDENT, TEACHER, People
from gatepost.roster.oneroster.roles import is_gone
from gatepost.roster.oneroster.structure import GONE, Classes

CELL_LENGTH_MAX: Final = 200
AGENTS: Final = tuple(columns.USERS).index("agentSourcedIds")
_ID_TYPES: Final = "|".join(columns.ID_TYPES)
_ID_IN_LIST: Final = re.compile(rf"\{{\s*(?:{_ID_TYPES})\s*:\s*([^{{}}]*?)\s*\}}", re.IGNORECASE)
_ONE_ID_OR_NONE: Final = re.compile(rf"^(?:\{{(?:{_ID_TYPES}):([^{{}}\s]*)\}})?$", re.MULTILINE)


class Met(NamedTuple):
    """Users met in one batch who have one role, by columns."""

    lines: Sequence[int]
    places: Sequence[int]
    good: Sequence[bool]
    cells: Mapping[str, Column]


class Users(NamedTuple):
    """What students and guardians have in common."""

    names: Sequence[str]
    identities: Sequence[Identity]
    gone: Sequence[bool]
    bad: Sequence[bool]


class UserReader:
    """Reads users.csv with what is known of its people."""

    def __init__(
        self,
        stage: Stage,
        cells: PersonCells,
        faults: Faults,
        *,
        people: People,
        classes: Classes,
        complete: bool,
    ) -> None:
        """`complete`: of a bulk package, where a status may be left empty."""
        self.without_school = {"students": 0, "staff": 0}
        self._read = cells
        self._faults = faults
        self._people = people
        self._classes = classes
        self._complete = complete
        self._knows_guardians = not complete or people.has_guardians()
        self._only_named: dict[int, str] = {}
        self._students = stage.writer("incoming_student")
        self._guardians = stage.writer("or_guardian")
        self._links = stage.writer("or_link")
        self._staff = stage.writer("incoming_staff")

    def read(self, records: Records) -> None:
        """All rows. Raises `ImportRefused` when the file is damaged."""
        self._knows_guardians = self._knows_guardians and records.columns.has("agentSourcedIds")
        names = records.columns.names
        for batch in records.batches():
            students, guardians, teachers = self._by_role(self._decent(batch, names))
            if students:
                self._add_students(_met(students, names))
            if guardians:
                self._add_guardians(_met(guardians, names))
            if teachers:
                self._add_teachers(_met(teachers, names))
        self._add_only_named()
        for writer in (self._students, self._guardians, self._links, self._staff):
            writer.flush()

    def _decent(self, batch: Sequence[Record], names: tuple[str, ...]) -> Sequence[Record]:
        """The batch; rows with cells that are too long or not printable are no longer good. Guardians' lists may be."""
        cells = list(chain.from_iterable(row for _line, _good, row in batch))
        if "".join(cells).isprintable() and max(map(len, cells), default=0) <= CELL_LENGTH_MAX:
            return batch
        others = (*names[:AGENTS], *names[AGENTS + 1 :])
        return [
            (line, self._read.fits((*row[:AGENTS], *row[AGENTS + 1 :]), others, line) and good, row)
            for line, good, row in batch
        ]

    def _by_role(self, batch: Iterable[Record]) -> tuple[list["_User"], list["_User"], list["_User"]]:
        people = self._people
        place_of, user_line, roles_of = people.index.get, people.user_line, people.roles
        students: list[_User] = []
        guardians: list[_User] = []
        teachers: list[_User] = []
        for line, good, cells in batch:
            place = place_of(cells[0])
            if place is None or not roles_of[place]:
                self._refuse_without_role(line, cells[0], gone=is_gone(cells[1]))
                continue
            if user_line[place] or cells[1] != "active":
                good = self._is_once_and_valid(line, place, cells[1]) and good
            user_line[place] = line
            roles = roles_of[place]
            if roles & (STUDENT | LEFT) and self._has_school(line, place, people.school[place], "students"):
                students.append((line, place, good, cells))
            if roles & GUARDIANS:
                guardians.append((line, place, good, cells))
            if roles & TEACHER and self._has_school(line, place, place in people.teaches, "staff"):
                teachers.append((line, place, good, cells))
        return students, guardians, teachers

    def _add_students(self, met: Met) -> None:
        people, places, cells = self._people, met.places, met.cells
        users = self._users(met, gone=[not people.roles[place] & STUDENT for place in places])
        seats, bad = self._seats(met, users.bad)
        classes = [people.class_no[place] for place in places]
        identifiers, usernames = map(by_column.plain_texts, (cells["identifier"], cells["username"]))
        if self._knows_guardians:
            for line, place, agents in zip(met.lines, places, cells["agentSourcedIds"], strict=True):
                self._link(line, place, agents)
        self._students.add_all(
            zip(
                places,
                met.lines,
                [people.school[place] for place in places],
                cells["sourcedId"],
                map(_first_of_two, identifiers, usernames),
                users.names,
                [people.birthday[place] or None for place in places],
                self._grades(classes, cells["grades"]),
                [no if no >= 0 else None for no in classes],
                seats,
                *zip(*users.identities, strict=True),
                repeat(self._knows_guardians, len(places)),
                users.gone,
                bad,
                strict=True,
            )
        )

    def _add_guardians(self, met: Met) -> None:
        cells, lines, read = met.cells, met.lines, self._read
        users = self._users(met)
        phones = by_column.mobiles_among(cells["phone"])
        mobiles = by_column.mobiles(read, cells["sms"], lines, "sms")
        relations = map(str.strip, cells["relation"])
        self._guardians.add_all(
            zip(
                met.places,
                lines,
                cells["sourcedId"],
                users.names,
                [said or self._relation_of(place) for said, place in zip(relations, met.places, strict=True)],
                [phone if mobile == "" else mobile for mobile, phone in zip(mobiles, phones, strict=True)],
                by_column.emails(read, cells["email"], lines, "email"),
                *zip(*users.identities, strict=True),
                users.gone,
                users.bad,
                strict=True,
            )
        )

    def _add_teachers(self, met: Met) -> None:
        cells = met.cells
        names = by_column.full_names(cells["givenName"], cells["familyName"])
        emails = by_column.emails(self._read, cells["email"], met.lines, "email")
        gone, titles = map(is_gone, cells["status"]), map(str.strip, cells["title"])
        bad = [not (good and name) for good, name in zip(met.good, names, strict=True)]
        rows = zip(met.places, met.lines, cells["sourcedId"], names, emails, titles, gone, bad, strict=True)
        for place, line, *rest in rows:
            for school in sorted(self._people.teaches[place]):
                self._staff.add((line, school, *rest))

    def _users(self, met: Met, *, gone: Sequence[bool] | None = None) -> Users:
        """Names, ID numbers, who is to be deleted (beside those who are `gone` anyway), and whose line is bad."""
        cells, lines = met.cells, met.lines
        names = by_column.full_names(cells["givenName"], cells["familyName"])
        column = "metadata.idno" if any(cells["idNumber"]) else "userIds"
        identities = by_column.identities(self._read, _id_numbers(cells), lines, column)
        for line, name in zip(lines, names, strict=True):
            if not name:
                self._read.fault(line, "familyName", "empty")
        deleted = list(map(is_gone, cells["status"]))
        return Users(
            names,
            [identity or by_column.UNKNOWN for identity in identities],
            list(map(or_, deleted, gone)) if gone else deleted,
            [
                not (good and name and identity)
                for good, name, identity in zip(met.good, names, identities, strict=True)
            ],
        )

    def _seats(self, met: Met, bad: Sequence[bool]) -> tuple[list[int | None], list[bool]]:
        """The seat by the enrolment, or else by the user; and whose line is bad, the seats considered."""
        seats: list[int | None] = [self._people.seat[place] for place in met.places]
        now_bad = list(bad)
        for at, seat in enumerate(seats):
            if seat == SEAT_UNSAID:
                text = met.cells["seat"][at]
                seats[at] = self._read.seat(text, met.lines[at], "metadata.seat") if text else None
                now_bad[at] = bad[at] or (text != "" and seats[at] is None)
        return seats, now_bad

    def _grades(self, classes: Sequence[int], said: Column) -> list[int | None]:
        """The grade of the class, or else the one that is said."""
        grade_of = self._classes.grade_of
        return [grade_of(no) if no > 0 else grade_number(text) for no, text in zip(classes, said, strict=True)]

    def _link(self, line: int, place: int, agents: str) -> None:
        if not agents:
            return
        index, roles = self._people.index, self._people.roles
        named = dict.fromkeys(agent.strip() for agent in agents.split(",")) if "," in agents else (agents.strip(),)
        for nth, agent in enumerate(named, start=1):
            guardian = index.get(agent)
            if guardian is not None and roles[guardian] & GUARDIANS:
                self._links.add((place, nth, guardian))
            elif agent and not self._complete:
                self._only_named[guardian := self._people.place(agent)] = agent
                self._links.add((place, nth, guardian))
            elif guardian is None and agent:
                self._read.fault(line, "agentSourcedIds", "agent_unknown")

    def _add_only_named(self) -> None:
        """In a delta package, guardians whom students name and who are unchanged: they stay as they are."""
        for place, source in self._only_named.items():
            if not self._people.user_line[place]:
                self._guardians.add((place, 0, source, *[None] * 6, False, False))

    def _relation_of(self, place: int) -> str | None:
        """What somebody is called whose relation is not told."""
        roles = self._people.roles[place]
        if place in self._people.relation_unsaid:
            return None
        if roles & PARENT:
            return "家長"
        return "親屬" if roles & RELATIVE else "監護人"

    def _is_once_and_valid(self, line: int, place: int, status: str) -> bool:
        """Whether the user stands on no line before and has a status that may stand here; if not, faults."""
        first, word = self._people.user_line[place], status.strip().lower()
        if first:
            self._read.fault(line, "sourcedId", "sourced_twice", about=str(first))
            self._people.twice.add(place)
        odd = word not in {"active", GONE} and (word != "" or not self._complete)
        if odd:
            self._read.fault(line, "status", "status", status)
        return not first and not odd

    def _refuse_without_role(self, line: int, source: str, *, gone: bool) -> None:
        if not source:
            self._read.fault(line, "sourcedId", "empty")
            self._faults.unsure = True
        elif not gone:
            self._read.fault(line, "sourcedId", "role_missing")

    def _has_school(self, line: int, place: int, school: int, kind: str) -> bool:
        """Whether there is a school. Of one that was not asked for there is nothing to say."""
        if not school and place in self._people.refused:
            fault, about = self._people.refused[place]
            self._read.fault(line, "orgSourcedId", fault, about=about)
            self.without_school[kind] += 1
        return bool(school)


_User = tuple[int, int, bool, tuple[str, ...]]


def _met(users: Sequence[_User], names: tuple[str, ...]) -> Met:
    lines, places, good, rows = zip(*users, strict=True)
    return Met(lines, places, good, dict(zip(names, zip(*rows, strict=True), strict=True)))


def _id_numbers(cells: Mapping[str, Column]) -> Column:
    """The ID number of each user: from a column of its own, or among the userIds."""
    ids = cells["userIds"]
    found: list[str] = _ONE_ID_OR_NONE.findall("\n".join(ids))
    if len(found) != len(ids):
        found = list(map(_id_in_list, ids))
    return [own or listed for own, listed in zip(cells["idNumber"], found, strict=True)]


def _id_in_list(ids: str) -> str:
    found = _ID_IN_LIST.search(ids)
    return found[1] if found else ""


def _first_of_two(first: str, second: str) -> str | None:
    return first or second or None
