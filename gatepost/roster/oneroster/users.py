"""users.csv turned into rows of the incoming tables. Of its 700,000 rows each pays for every step taken here."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Final

from gatepost.roster.imports.cells import PersonCells, full_name, grade_number, mobile_among, plain
from gatepost.roster.imports.faults import Faults
from gatepost.roster.imports.stage import Stage
from gatepost.roster.imports.tables import Records
from gatepost.roster.oneroster import columns
from gatepost.roster.oneroster.people import GUARDIANS, LEFT, PARENT, RELATIVE, SEAT_UNSAID, STUDENT, TEACHER, People
from gatepost.roster.oneroster.roles import is_gone
from gatepost.roster.oneroster.structure import GONE, Classes

ORDINARY_LENGTH: Final = 200  # of all cells of a row together; none of them can be too long then
AGENTS: Final = tuple(columns.USERS).index("agentSourcedIds")

_ID_IN_LIST: Final = re.compile(rf"\{{\s*(?:{'|'.join(columns.ID_TYPES)})\s*:\s*([^{{}}]*?)\s*\}}", re.IGNORECASE)


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
        self._cells = cells
        self._faults = faults
        self._people = people
        self._classes = classes
        self._complete = complete
        self._knows_guardians = not complete or people.has_guardians()
        self._only_named: dict[int, str] = {}
        self.without_school = {"students": 0, "staff": 0}
        self._students = stage.writer("incoming_student")
        self._guardians = stage.writer("or_guardian")
        self._links = stage.writer("or_link")
        self._staff = stage.writer("incoming_staff")

    def read(self, records: Records) -> None:
        """All rows. Raises `ImportRefused` when the file is damaged."""
        self._knows_guardians = self._knows_guardians and records.columns.has("agentSourcedIds")
        names = records.columns.names
        for line, intact, cells in records:
            text = "".join(cells)
            if len(text) > ORDINARY_LENGTH or not text.isprintable():
                intact = self._fits(line, names, cells) and intact
            self._user(line, intact, cells)
        self._add_only_named()
        for writer in (self._students, self._guardians, self._links, self._staff):
            writer.flush()

    def _user(self, line: int, good: bool, cells: Sequence[str]) -> None:
        source, status = cells[0], cells[1]
        place = self._people.index.get(source)
        if place is None:
            self._refuse_unplaced(line, source, gone=is_gone(status))
            return
        if self._people.user_line[place]:
            self._refuse_twice(line, place)
            good = False
        self._people.user_line[place] = line
        if status != "active" and self._is_odd(status):
            self._cells.fault(line, "status", "status", status)
            good = False
        roles = self._people.roles[place]
        if not roles and not is_gone(status):
            self._cells.fault(line, "sourcedId", "role_missing")
        if roles & (STUDENT | LEFT):
            self._student(line, place, good, cells)
        if roles & GUARDIANS:
            self._guardian(line, place, good, cells)
        if roles & TEACHER:
            self._teacher(line, place, good, cells)

    def _student(self, line: int, place: int, good: bool, cells: Sequence[str]) -> None:
        people = self._people
        school = people.school[place]
        if not school:
            self._refuse_without_school(line, place)
            return
        name, digest, sealed, good = self._named(line, good, cells)
        seat = people.seat[place]
        if seat == SEAT_UNSAID and cells[13]:
            seat = self._seat(line, cells[13])
            good = good and seat != SEAT_UNSAID
        class_no, birthday = people.class_no[place], people.birthday[place]
        if self._knows_guardians and cells[10]:
            self._link(line, place, cells[10])
        self._students.add(
            (
                place,
                line,
                school,
                cells[0],
                plain(cells[6]) or plain(cells[2]) or None,
                name,
                date.fromordinal(birthday) if birthday else None,
                self._classes.grade_of(class_no) if class_no > 0 else grade_number(cells[11]),
                class_no if class_no >= 0 else None,
                seat if seat >= 0 else None,
                digest,
                sealed,
                self._knows_guardians,
                is_gone(cells[1]) or not people.roles[place] & STUDENT,
                not good,
            )
        )

    def _guardian(self, line: int, place: int, good: bool, cells: Sequence[str]) -> None:
        name, digest, sealed, good = self._named(line, good, cells)
        sms, phone, email, relation = cells[8], cells[9], cells[7], cells[14].strip()
        self._guardians.add(
            (
                place,
                line,
                cells[0],
                name,
                relation or self._relation_of(place),
                self._cells.mobile(sms, line, "sms") if sms else mobile_among(phone),
                self._cells.email(email, line, "email") if email else "",
                digest,
                sealed,
                is_gone(cells[1]),
                not good,
            )
        )

    def _teacher(self, line: int, place: int, good: bool, cells: Sequence[str]) -> None:
        if place not in self._people.teaches:
            self._refuse_without_school(line, place)
            return
        name = full_name(cells[4], cells[5])
        email = self._cells.email(cells[7], line, "email")
        for school in sorted(self._people.teaches[place]):
            self._staff.add(
                (line, school, cells[0], name, email, cells[15].strip(), is_gone(cells[1]), not (good and name))
            )

    def _named(self, line: int, good: bool, cells: Sequence[str]) -> tuple[str, bytes | None, bytes | None, bool]:
        """Name, digest and sealed ID number; and whether the line is still good."""
        name = full_name(cells[4], cells[5])
        if not name:
            self._cells.fault(line, "familyName", "empty")
            good = False
        text = cells[12] or (_id_in_list(cells[3]) if cells[3] else "")
        if not text:
            return name, None, None, good
        identity = self._cells.identity(text, line, "metadata.idno" if cells[12] else "userIds")
        return (name, *identity, good) if identity else (name, None, None, False)

    def _link(self, line: int, place: int, agents: str) -> None:
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
                self._cells.fault(line, "agentSourcedIds", "agent_unknown")

    def _add_only_named(self) -> None:
        """In a delta package, guardians whom students name and who are unchanged: they stay as they are."""
        for place, source in self._only_named.items():
            if not self._people.user_line[place]:
                self._guardians.add((place, 0, source, *[None] * 6, False, False))

    def _seat(self, line: int, text: str) -> int:
        seat = self._cells.seat(text, line, "metadata.seat")
        return SEAT_UNSAID if seat is None else seat

    def _relation_of(self, place: int) -> str | None:
        """What somebody is called whose relation is not told."""
        roles = self._people.roles[place]
        if place in self._people.relation_unsaid:
            return None
        if roles & PARENT:
            return "家長"
        return "親屬" if roles & RELATIVE else "監護人"

    def _fits(self, line: int, names: tuple[str, ...], cells: tuple[str, ...]) -> bool:
        """Whether each cell is decent; the list of guardians may be long."""
        return self._cells.fits((*cells[:AGENTS], *cells[AGENTS + 1 :]), (*names[:AGENTS], *names[AGENTS + 1 :]), line)

    def _is_odd(self, status: str) -> bool:
        word = status.strip().lower()
        return word not in {"active", GONE} and (word != "" or not self._complete)

    def _refuse_unplaced(self, line: int, source: str, *, gone: bool) -> None:
        if not source:
            self._cells.fault(line, "sourcedId", "empty")
            self._faults.unsure = True
        elif not gone:
            self._cells.fault(line, "sourcedId", "role_missing")

    def _refuse_twice(self, line: int, place: int) -> None:
        first = self._people.user_line[place]
        self._cells.fault(line, "sourcedId", "sourced_twice", about=str(first))
        self._people.twice.add(place)

    def _refuse_without_school(self, line: int, place: int) -> None:
        """Of a school that was not asked for there is nothing to say."""
        if place in self._people.refused:
            fault, about = self._people.refused[place]
            self._cells.fault(line, "orgSourcedId", fault, about=about)
            self.without_school["students" if self._people.roles[place] & (STUDENT | LEFT) else "staff"] += 1


def _id_in_list(ids: str) -> str:
    found = _ID_IN_LIST.search(ids)
    return found[1] if found else ""
