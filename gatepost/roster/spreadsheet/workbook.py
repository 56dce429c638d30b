"""The rows of a spreadsheet as text, from XLSX or CSV, with the lines they stand on."""

import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from gatepost.roster.imports.faults import Faults
from gatepost.roster.imports.files import BROKEN, begins_with, check_packing, single_file
from gatepost.roster.imports.plan import FileRead
from gatepost.roster.imports.refusals import ImportRefused
from gatepost.roster.imports.tables import Progress, Row, Table

ROWS_MAX: Final = 50_000  # one school
COLUMNS_MAX: Final = 200
PARTS_MAX: Final = 1_000
OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # also how a workbook with a password begins
DELIMITERS: Final = (",", "\t", ";")


def is_workbook(path: Path) -> bool:
    """Whether a zip file is an XLSX workbook. Raises `ImportRefused` (bad_zip)."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "[Content_Types].xml" in archive.namelist()
    except BROKEN as error:
        raise ImportRefused("bad_zip", path.name) from error


class Sheet:
    """The table of students in a file. `file` is complete when the rows have been read."""

    def __init__(self, path: Path, faults: Faults, *, told: str | None, progress: Progress) -> None:
        """Raises `ImportRefused` (no_file, old_excel, …)."""
        self._path = path
        self._faults = faults
        self._told = told
        self._progress = progress
        if begins_with(path, OLD_EXCEL):
            raise ImportRefused("old_excel")
        self.is_workbook = begins_with(path, b"PK")
        self.file = FileRead(path.name, "XLSX", 0)

    def tables(self) -> Iterator[Iterator[tuple[int, Row]]]:
        """Every way to read the file, as rows with their lines: each sheet, or each delimiter."""
        if self.is_workbook:
            yield from self._sheets()
            return
        for delimiter in DELIMITERS:
            faults = Faults()
            table = Table(
                single_file(self._path), faults, told=self._told, delimiter=delimiter, progress=self._progress
            )
            self.file = FileRead(self._path.name, table.encoding.name, 0)
            yield self._bounded(self._with_faults(table, faults))

    def _with_faults(self, table: Table, faults: Faults) -> Iterator[tuple[int, Row]]:
        """The faults of a reading count only if it is the one that is used to its end."""
        yield from table.rows()
        self._faults.add_all(faults.kept)
        self._faults.unsure = self._faults.unsure or faults.unsure

    def _sheets(self) -> Iterator[Iterator[tuple[int, Row]]]:
        from openpyxl import load_workbook  # slow to import, and only needed here

        self._check_parts()
        # openpyxl raises whatever its parsers meet: KeyError, TypeError, ParseError, BadZipFile and more.
        try:
            book = load_workbook(self._path, read_only=True, data_only=True, keep_links=False)
            visible = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        except Exception as error:
            raise ImportRefused("sheet") from error
        try:
            for sheet in visible:
                yield self._bounded(_sheet_rows(sheet))
        finally:
            book.close()

    def _check_parts(self) -> None:
        try:
            with zipfile.ZipFile(self._path) as archive:
                parts = archive.infolist()
        except BROKEN as error:
            raise ImportRefused("bad_zip", self._path.name) from error
        if len(parts) > PARTS_MAX:
            raise ImportRefused("too_many", self._path.name)
        for part in parts:
            check_packing(part)

    def _bounded(self, rows: Iterator[tuple[int, Row]]) -> Iterator[tuple[int, Row]]:
        for count, row in enumerate(rows, start=1):
            if count > ROWS_MAX:
                raise ImportRefused("too_many", self._path.name)
            yield row


def _sheet_rows(sheet: Any) -> Iterator[tuple[int, Row]]:
    """Rows as text. What the file says of its own size is not believed."""
    try:
        sheet.reset_dimensions()
        for line, values in enumerate(sheet.iter_rows(max_col=COLUMNS_MAX, values_only=True), start=1):
            row = [_text(value) for value in values] if values.count(None) < len(values) else []
            if any(row):
                yield line, row
            elif line > ROWS_MAX:
                raise ImportRefused("too_many", sheet.title)
    except ImportRefused:
        raise
    except Exception as error:  # as above
        raise ImportRefused("sheet") from error


def _text(value: object) -> str:
    """A cell as somebody would type it."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
