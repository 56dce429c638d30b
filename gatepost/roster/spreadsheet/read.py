"""One school's table of students, from its file to the incoming tables."""

from collections.abc import Iterator
from itertools import chain

from gatepost.roster import roc_dates, wordings
from gatepost.roster.grades import grades_of
from gatepost.roster.imports.cells import PersonCells, grade_number, person_name, plain
from gatepost.roster.imports.faults import Fault, Faults
from gatepost.roster.imports.plan import FileRead, Found, Request
from gatepost.roster.imports.refusals import ImportRefused
from gatepost.roster.imports.stage import Cells, Pouch, Stage
from gatepost.roster.imports.tables import UNREADABLE, Row
from gatepost.roster.models import Import, School
from gatepost.roster.spreadsheet.headings import GuardianColumns, Headings, is_header, understand
from gatepost.roster.spreadsheet.workbook import Sheet
from gatepost.roster.wordings import ClassName, WordingError

HEADER_WITHIN_ROWS = 10  # titles and notes may stand above the headings


def read_sheet(request: Request, stage: Stage, pouch: Pouch, faults: Faults) -> Found:
    """Read the CSV or XLSX at `request.path`. Raises `ImportRefused` when no table of students can be read."""
    sheet = Sheet(request.path, faults, told=request.encoding, progress=request.progress)
    if request.school is None:
        raise ImportRefused("school_needed")
    year = request.year or roc_dates.school_year_of(request.today)
    headings, rows = _table(sheet, request.path.name)
    cells = PersonCells(request.path.name, faults, pouch, request.today)
    reading = _Reading(request.school, year, headings, cells, faults, request.path.name)
    students = [reading.student(line, row) for line, row in rows]
    stage.copy("incoming_class", reading.class_rows)
    stage.copy("incoming_student", students)
    stage.copy("incoming_guardian", reading.guardian_rows)
    return Found(
        form=Import.Form.SPREADSHEET,
        year=year,
        bulk=True,
        people_file=request.path.name,
        number_column=headings.name_of(headings.student["number"]),
        identity_column=headings.name_of(headings.student.get("id_number")),
        grade_column=headings.name_of(headings.student.get("class", headings.student.get("grade"))),
        stage=stage,
        pouch=pouch,
        faults=faults,
        schools=[request.school.pk],
        files=[FileRead(sheet.file.name, sheet.file.encoding, len(students))],
        unused=headings.unused,
    )


def _table(sheet: Sheet, name: str) -> tuple[Headings, Iterator[tuple[int, Row]]]:
    """The headings, and the rows below them, of the first reading of the file that has headings."""
    for rows in sheet.tables():
        for seen, (_line, row) in enumerate(rows, start=1):
            if is_header(row):
                return understand(row, table=name), rows
            if seen == HEADER_WITHIN_ROWS:
                break
    raise ImportRefused("no_table")


class _Reading:
    """Row after row; what is wrong becomes a fault of its line and column."""

    def __init__(
        self, school: School, year: int, headings: Headings, cells: PersonCells, faults: Faults, file: str
    ) -> None:
        self._school = school
        self._year = year
        self._grades = grades_of(school)
        self._headings = headings
        self._cells = cells
        self._faults = faults
        self._file = file
        self._classes: dict[tuple[int, int], int] = {}
        self.class_rows: list[Cells] = []
        self.guardian_rows: list[Cells] = []

    def student(self, line: int, row: Row) -> Cells:
        """A row of incoming_student; its class and guardians are added to theirs."""
        before = self._faults.errors
        self._check_characters(line, row)
        number = plain(self._cell(row, "number"))
        if not number:
            self._fault(line, "number", "empty")
            self._faults.unsure = True
        name = person_name(self._cell(row, "name"))
        if not name:
            self._fault(line, "name", "empty")
        birthday_text = self._cell(row, "birthday")
        birthday = self._cells.birthday(birthday_text, line, self._name("birthday")) if birthday_text.strip() else None
        identity = self._identity(line, row)
        class_, seat = self._class_and_seat(line, row)
        grade = class_.grade if class_ else grade_number(self._cell(row, "grade"))
        guardians = [self._guardian(line, row, nth, columns) for nth, columns in self._numbered_guardians()]
        bad = self._faults.errors > before
        if not bad:
            self.guardian_rows += [
                (len(self.guardian_rows) + place, line, *guardian)
                for place, guardian in enumerate(filter(None, guardians))
            ]
        return (
            *(line, line, self._school.pk, None, number or None, name, birthday and birthday.toordinal(), grade),
            *(self._class_no(class_) if not bad else None, seat, *identity),
            *(bool(self._headings.guardians), False, bad),
        )

    def _class_and_seat(self, line: int, row: Row) -> tuple[ClassName | None, int | None]:
        """The class, and the seat (0: none; None: not said)."""
        together = self._cell(row, "class_and_seat").strip()
        try:
            if together:
                return wordings.class_and_seat(together, grades=self._grades)
            return self._class(row), self._seat(line, row)
        except WordingError as error:
            self._fault(line, "class_and_seat" if together else "class", error.code)
            return None, self._seat(line, row)

    def _seat(self, line: int, row: Row) -> int | None:
        if "seat" not in self._headings.student:
            return None
        return self._cells.seat(self._cell(row, "seat"), line, self._name("seat"))

    def _class(self, row: Row) -> ClassName | None:
        """The class; where grade and class stand apart, both together."""
        written, grade = plain(self._cell(row, "class")), plain(self._cell(row, "grade"))
        if not written:
            return None
        if grade and len(written.removesuffix("班")) <= 2:
            written = f"{grade.removesuffix('級').removesuffix('年')}年{written.removesuffix('班')}班"
        return wordings.class_name(written, grades=self._grades)

    def _class_no(self, class_: ClassName | None) -> int | None:
        """The number of the class in its table (0: in none; None: the file has no classes)."""
        if class_ is None:
            return 0 if {"class", "class_and_seat"} & set(self._headings.student) else None
        key = (class_.grade, class_.number)
        if key not in self._classes:
            no = self._classes[key] = len(self.class_rows) + 1
            self.class_rows.append((no, 0, self._school.pk, self._year, *key, class_.display, None, None, None))
        return self._classes[key]

    def _identity(self, line: int, row: Row) -> tuple[bytes, int] | tuple[None, None]:
        text = self._cell(row, "id_number")
        return (self._cells.identity(text, line, self._name("id_number")) if text.strip() else None) or (None, None)

    def _numbered_guardians(self) -> Iterator[tuple[int, GuardianColumns]]:
        return enumerate(self._headings.guardians, start=1)

    def _guardian(self, line: int, row: Row, nth: int, columns: GuardianColumns) -> Cells | None:
        """The end of a row of incoming_guardian, or None where no guardian is written."""
        place = columns.places
        texts = {attribute: row[at] if at < len(row) else "" for attribute, at in place.items()}
        if not any(text.strip() for attribute, text in texts.items() if attribute != "relation"):
            return None
        name = person_name(texts.get("name", ""))
        if not name:
            self._cells.fault(line, self._headings.name_of(place.get("name")), "guardian_name")
            return None
        identity: tuple[bytes, int] | tuple[None, None] | None = (None, None)
        if texts.get("id_number", "").strip():
            identity = self._cells.identity(texts["id_number"], line, self._headings.name_of(place["id_number"]))
        relation = plain(texts.get("relation", "")) or columns.relation
        return (
            *(nth, line, None, name, relation if relation or "relation" in place else None),
            self._cells.mobile(texts["mobile"], line, self._headings.name_of(place["mobile"]))
            if "mobile" in place
            else None,
            self._cells.email(texts["email"], line, self._headings.name_of(place["email"]))
            if "email" in place
            else None,
            *(identity or (None, None)),
            *(False, False),
        )

    def _check_characters(self, line: int, row: Row) -> None:
        used = {*self._headings.student.values(), *chain(*(g.places.values() for g in self._headings.guardians))}
        used = {place for place in used if place < len(row)}
        for place in sorted(place for place in used if UNREADABLE in row[place]):
            self._faults.add(Fault(self._file, line, self._headings.name_of(place), "character"))
        cells = tuple(row[place] for place in sorted(used))
        self._cells.fits(cells, tuple(self._headings.name_of(place) for place in sorted(used)), line)

    def _cell(self, row: Row, meaning: str) -> str:
        place = self._headings.student.get(meaning)
        return row[place] if place is not None and place < len(row) else ""

    def _name(self, meaning: str) -> str:
        return self._headings.name_of(self._headings.student.get(meaning))

    def _fault(self, line: int, meaning: str, code: str) -> None:
        self._faults.add(Fault(self._file, line, self._name(meaning), code))
