"""Schools, school years and homeroom classes of a package: few enough to be held in memory."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from gatepost.roster import roc_dates, wordings
from gatepost.roster.grades import grades_of, stage_grades
from gatepost.roster.imports.cells import grade_number, plain
from gatepost.roster.imports.faults import Fault, Faults, shown
from gatepost.roster.imports.stage import Cells
from gatepost.roster.models import School, SchoolClass
from gatepost.roster.oneroster import columns
from gatepost.roster.oneroster.package import Package
from gatepost.roster.wordings import ClassName, WordingError

ROC_YEAR_OF_END: Final = 1912  # 2027, the year in which it ends, is school year 115
GONE: Final = "tobedeleted"


NOT_OURS: Final = 0  # no homeroom, another year, or a school that was not asked for
REFUSED: Final = -1
SOURCED: Final = ("sourcedId",)
_CODE: Final = re.compile(r"[0-9A-Z]{6}")
_YEAR: Final = re.compile(r"(?:19|20|21)[0-9]{2}")


@dataclass(slots=True)
class Orgs:
    """What each org of the package is to us."""

    schools: dict[str, School] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)  # schools set aside, with their lines
    others: set[str] = field(default_factory=set)  # districts and the like
    passed_over: set[str] = field(default_factory=set)  # schools that were not asked for

    def place(self, ids: str) -> tuple[int | None, str | None, str]:
        """The school among these org ids; or why there is none (a fault code and what it is about).

        Neither a school nor a fault: the school was not asked for.
        """
        named = [part.strip() for part in ids.split(",")]
        for org in named:
            if org in self.schools:
                return self.schools[org].pk, None, ""
        if any(org in self.passed_over for org in named):
            return None, None, ""
        for org in named:
            if org in self.refused:
                return None, "school_refused", str(self.refused[org])
        return None, "org_not_school" if any(org in self.others for org in named) else "org_unknown", ""


@dataclass(slots=True)
class Classes:
    """The homeroom classes of the year. `numbers`: what each sourcedId is called in the staging table."""

    numbers: dict[str, int] = field(default_factory=dict)
    _rows: list[tuple[object, ...]] = field(default_factory=list)
    _schools: list[int] = field(default_factory=list)
    _grades: list[int] = field(default_factory=list)
    _leaders: dict[int, tuple[bool, str]] = field(default_factory=dict)

    def add(self, line: int, school: int, year: int, source: str, name: ClassName, *, known: int | None) -> int:
        """A class; `known` is its id if the roster has it already. Returns its number."""
        no = len(self._rows) + 1
        self._rows.append((no, line, school, year, name.grade, name.number, name.display, source, known))
        self._schools.append(school)
        self._grades.append(name.grade)
        return no

    def school_of(self, no: int) -> int:
        """The school of a class."""
        return self._schools[no - 1]

    def grade_of(self, no: int) -> int:
        """The grade of a class."""
        return self._grades[no - 1]

    def lead(self, no: int, teacher: str, *, primary: bool) -> None:
        """The homeroom teacher is the one enrolled as primary, or else the first."""
        before = self._leaders.get(no)
        if before is None or (primary and not before[0]):
            self._leaders[no] = (primary, teacher)

    def staged(self, *, complete: bool) -> Iterator[Cells]:
        """Rows of incoming_class. In a complete list, a class that nobody leads has no teacher."""
        for no, *described, known in self._rows:
            leader = self._leaders.get(int(str(no)))
            yield no, *described, leader[1] if leader else ("" if complete else None), known


def read_orgs(package: Package, faults: Faults, *, only: School | None, known: dict[str, int]) -> Orgs:
    """The orgs of the package; `known` are those of earlier packages, for a delta that does not repeat them.

    Raises `ImportRefused` (file_missing).
    """
    by_code = {school.code: school for school in School.objects.all()}
    by_id = {school.pk: school for school in by_code.values()}
    orgs = Orgs(schools={org: by_id[pk] for org, pk in known.items() if pk in by_id})
    read = package.needed if package.bulk else package.records
    records = read("orgs", columns.ORGS, ("sourcedId", "type"))
    for line, _intact, (source, status, kind, identifier) in records or ():
        code = plain(identifier).upper()
        if plain(status).lower() == GONE:
            continue
        if plain(kind).lower() != "school":
            orgs.others.add(source)
        elif only and code != only.code:
            orgs.passed_over.add(source)
        elif code in by_code:
            orgs.schools[source] = by_code[code]
        else:
            orgs.refused[source] = line
            fault = "school_unknown" if _CODE.fullmatch(code) else "school_code"
            faults.add(Fault("orgs.csv", line, "identifier", fault, shown(identifier)))
    if only:
        orgs.schools = {org: school for org, school in orgs.schools.items() if school.pk == only.pk}
    return orgs


def read_years(package: Package, faults: Faults) -> dict[str, int]:
    """The ROC school year of each academic session: by schoolYear, or where 1.1 leaves that out, by its first day."""
    years: dict[str, int] = {}
    for line, _intact, (source, end_year, start) in (
        package.records("academicSessions", columns.SESSIONS, SOURCED) or ()
    ):
        year = _school_year(plain(end_year), start)
        if year is None:
            faults.add(Fault("academicSessions.csv", line, "schoolYear", "year", shown(end_year)))
        else:
            years[source] = year
    return years


def _school_year(end_year: str, start: str) -> int | None:
    if _YEAR.fullmatch(end_year):
        return int(end_year) - ROC_YEAR_OF_END
    try:
        return None if end_year else roc_dates.school_year_of(roc_dates.parse_date(start))
    except WordingError:
        return None


class ClassReader:
    """Reads classes.csv: the homeroom classes of one school year."""

    def __init__(self, orgs: Orgs, years: dict[str, int], year: int, faults: Faults) -> None:
        self._orgs = orgs
        self._years = years
        self._year = year
        self._faults = faults
        self._taken: dict[tuple[int, int, int], int] = {}
        self._grades: dict[int, range] = {}
        self._by_id = {school.pk: school for school in orgs.schools.values()}
        self.classes = Classes()

    def read(self, package: Package) -> Classes:
        """All of them. Raises `ImportRefused` (header)."""
        required = ("sourcedId", "title", "classType", "schoolSourcedId")
        for line, intact, cells in package.records("classes", columns.CLASSES, required) or ():
            self.classes.numbers[cells[0]] = self._take(line, cells) if intact else REFUSED
        return self.classes

    def add_known(self) -> None:
        """The classes of this year that an earlier package brought, for a delta that does not repeat them."""
        known = SchoolClass.objects.filter(school__in=self._by_id, school_year=self._year).exclude(source_id="")
        for one in known:
            if one.source_id not in self.classes.numbers:
                name = ClassName(one.grade, one.number, one.name)
                no = self.classes.add(0, one.school_id, self._year, one.source_id, name, known=one.pk)
                self.classes.numbers[one.source_id] = no

    def _take(self, line: int, cells: Sequence[str]) -> int:
        source, status, title, grades, code, kind, org, terms = cells
        if plain(kind).lower() != "homeroom" or plain(status).lower() == GONE:
            return NOT_OURS
        school, fault, about = self._orgs.place(org)
        if school is None:
            return self._refuse(line, "schoolSourcedId", fault, org, about) if fault else NOT_OURS
        if not self._is_this_year(terms):
            return NOT_OURS if self._year_known(terms) else self._refuse(line, "termSourcedIds", "class_year", terms)
        try:
            name = _named(title, code, grades, taught=self._taught(school))
        except WordingError as error:
            return self._refuse(line, "title", error.code, title)
        first = self._taken.setdefault((school, name.grade, name.number), line)
        if first != line:
            return self._refuse(line, "title", "class_twice", title, str(first))
        return self.classes.add(line, school, self._year, source, name, known=None)

    def _taught(self, school: int) -> range:
        if school not in self._grades:
            self._grades[school] = grades_of(self._by_id[school])
        return self._grades[school]

    def _is_this_year(self, terms: str) -> bool:
        return not self._years or self._year in self._found_years(terms)

    def _year_known(self, terms: str) -> bool:
        return bool(self._found_years(terms))

    def _found_years(self, terms: str) -> set[int]:
        return {self._years[part.strip()] for part in terms.split(",") if part.strip() in self._years}

    def _refuse(self, line: int, column: str, code: str, found: str, about: str = "") -> int:
        self._faults.add(Fault("classes.csv", line, column, code, shown(found), about))
        return REFUSED


def _named(title: str, code: str, grades: str, *, taught: range) -> ClassName:
    """The class a title means, or else its code. A grade beside it settles which stage 1年2班 is of."""
    grade = grade_number(grades)
    if grade and grade in taught:
        taught = stage_grades(grade)
    try:
        return wordings.class_name(title, grades=taught)
    except WordingError:
        if not code.strip():
            raise
        return wordings.class_name(code, grades=taught)
