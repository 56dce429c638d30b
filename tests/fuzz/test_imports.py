"""Files handed in as a roster: each is taken over, or reported line by line, or refused; never half, never for long."""

import io
import time
import zipfile
from collections.abc import Callable
from datetime import date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import strategies as st
from openpyxl import Workbook
from rich.console import Console

from gatepost.roster.imports import run
from gatepost.roster.imports.plan import Report, Request
from gatepost.roster.imports.refusals import ImportRefused
from gatepost.roster.imports.show import as_json, print_report
from gatepost.roster.models import School
from gatepost.roster.tests.conftest import NOW
from gatepost.roster.tests.test_import_oneroster import small_package
from gatepost.roster.tests.test_import_spreadsheet import HEADINGS, HUA, MING
from tests.faults.length import Length
from tests.fuzz import nonsense
from tests.fuzz.conftest import Fuzz
from tests.fuzz.seeds import SEEDS, WORDS
from tests.fuzz.targets import workbook
from tests.fuzz.test_intake import resident_mb
from tests.fuzz.test_targets import near

pytestmark = pytest.mark.django_db

SECONDS_MOST = 20.0  # on a machine that is busy with other tests
GROWTH_MB_MOST = 300
TABLES = ("roster_student", "roster_schoolclass", "roster_guardianrecord", "roster_staff", "roster_import")

cells = nonsense.texts | st.sampled_from([word for word in WORDS if "\ud800" not in word])
typed = st.one_of(
    cells.map(lambda text: "".join(character for character in text[:500] if character.isprintable())),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.booleans(),
    st.none(),
    st.dates(date(1900, 1, 1)),
    st.datetimes(datetime(1900, 1, 1)),  # noqa: DTZ001 - spreadsheets know no zones
    st.times(),
    st.timedeltas(timedelta(0), timedelta(days=9_999)),
    st.sampled_from(["=1/0", "=A1", "#REF!", "=HYPERLINK(1)", clock(7, 42), "TRUE"]),
)


@pytest.fixture(autouse=True)
def here(school: School, transactional_db: None) -> None:
    """A school that hands in files."""


@pytest.fixture
def hand_in(school: School, tmp_path: Path) -> Callable[[Path, bool], str]:
    """What becomes of a file: `taken`, or the code of a refusal, of which nothing remains."""

    def act(path: Path, skip: bool) -> str:
        before = standing()
        report: Report | None
        refusal: ImportRefused | None
        try:
            with transaction.atomic():
                report = run.take_over(Request(path=path, now=NOW, school=school), skip_bad_lines=skip, may_leave=None)
                raise Undo
        except Undo:
            outcome, refusal = "taken", None
        except run.Held as held:
            outcome, refusal, report = held.code, held, held.report
        except ImportRefused as refused:
            outcome, refusal, report = refused.code, refused, None
        assert standing() == before
        assert refusal is None or refusal.message
        if report is not None:
            as_json(report, refusal)
            print_report(report, Console(file=io.StringIO(), width=80))
        return outcome

    return act


class Undo(Exception):
    """Taken over, and taken back so that the next file finds the same roster."""


def test_any_table_of_a_school_is_taken_or_reported(hand_in: Any, fuzz: Fuzz, tmp_path: Path) -> None:
    outcomes = set()

    def answers(rows: list[Any], wrong: list[Any], headings: Any, how: tuple[str, str], skip: bool) -> None:
        written = [list(row) for row in rows]
        for row, place, cell in wrong:
            if written:
                written[row % len(written)][place] = cell
        encoding, delimiter = how
        lines = [delimiter.join(map(quoted, row)) for row in (headings, *written)]
        path = tmp_path / "a.csv"
        path.write_bytes("\r\n".join(lines).encode(encoding, "replace"))
        outcomes.add(hand_in(path, skip))

    answers([MING], [], ("座號", "生日"), ("utf-8", ","), False)  # seldom drawn in forty
    fuzz(
        40,
        3_000,
        rows=st.lists(st.sampled_from([MING, HUA]), max_size=3),
        wrong=st.lists(st.tuples(st.integers(0, 2), st.integers(0, len(HEADINGS) - 1), cells), max_size=4),
        headings=st.just(HEADINGS)
        | st.just(HEADINGS)
        | st.permutations(HEADINGS)
        | st.lists(cells, min_size=2, max_size=9),
        how=st.tuples(st.sampled_from(("utf-8", "utf-8-sig", "cp950", "utf-16")), st.sampled_from(",\t;")),
        skip=st.booleans(),
    )(answers)
    assert {"taken", "bad_lines", "no_table"} <= outcomes


def test_any_package_is_taken_or_reported(hand_in: Any, fuzz: Fuzz, tmp_path: Path) -> None:
    files = ("orgs", "academicSessions", "classes", "users", "roles", "demographics", "enrollments")

    def answers(wrong: list[Any], skip: bool) -> None:
        package = small_package()
        for file, row, place, cell in wrong:
            rows, header = package.rows[file], package.headers[file]
            rows[row % len(rows)][header[place % len(header)]] = cell
        hand_in(package.write_zip(tmp_path / "a.zip"), skip)

    change = st.tuples(st.sampled_from(files), st.integers(0, 3), st.integers(0, 22), cells)
    fuzz(30, 2_000, wrong=st.lists(change, max_size=5), skip=st.booleans())(answers)


def test_any_workbook_is_taken_or_reported(hand_in: Any, fuzz: Fuzz, tmp_path: Path) -> None:
    def answers(rows: list[list[Any]], skip: bool) -> None:
        book = Workbook()
        sheet = book.active
        assert sheet is not None
        for row in (HEADINGS, *rows):
            sheet.append(list(row))
        book.save(tmp_path / "a.xlsx")
        hand_in(tmp_path / "a.xlsx", skip)

    fuzz(20, 1_000, rows=st.lists(st.lists(typed, max_size=11), max_size=3), skip=st.booleans())(answers)


def test_any_bytes_are_taken_or_refused(hand_in: Any, fuzz: Fuzz, tmp_path: Path) -> None:
    def answers(content: bytes, name: str) -> None:
        (tmp_path / name).write_bytes(content)
        hand_in(tmp_path / name, True)

    seeds = [*SEEDS["table"], *SEEDS["archive"], workbook(SEEDS["sheet"][0])]
    fuzz(30, 2_000, content=near(seeds), name=st.sampled_from(["a.csv", "a.zip", "a.xlsx"]))(answers)


def test_a_hostile_file_costs_neither_minutes_nor_memory(
    hand_in: Any, tmp_path: Path, length: Length, tried: dict[str, int]
) -> None:
    before = resident_mb()
    for name, make in HOSTILE.items():
        path = tmp_path / name
        path.write_bytes(make())
        began = time.monotonic()
        outcome = hand_in(path, True)
        assert time.monotonic() - began < SECONDS_MOST, (name, outcome)
        tried["inputs"] += 1
    tried["grown MB"] = resident_mb() - before
    assert tried["grown MB"] < GROWTH_MB_MOST


def quoted(cell: str) -> str:
    """A cell of a CSV file; some are left without their quotes."""
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set(',\t;"\r\n') else cell


def standing() -> list[tuple[Any, ...]]:
    """What stands in the roster."""
    found = []
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} t")
            found.append(cursor.fetchone())
    return found


_HEAD = ",".join(HEADINGS) + "\n"
_ROW = ",".join(MING) + "\n"
_XMLNS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_LAUGHS = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))


def _sheet(inside: str, *, before: str = "") -> bytes:
    text = f'<?xml version="1.0"?>{before}<worksheet xmlns="{_XMLNS}"><sheetData>{inside}</sheetData></worksheet>'
    return workbook(text.encode())


def _zip(*files: tuple[str, bytes], level: int = 9) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return file.getvalue()


def _cells(row: int, count: int) -> str:
    return f'<row r="{row}">' + '<c t="inlineStr"><is><t>學號</t></is></c>' * count + "</row>"


# Each about a megabyte at the most, as it is handed in.
HOSTILE: dict[str, Callable[[], bytes]] = {
    "bomb.zip": lambda: _zip(("users.csv", b"0," * (100 << 19))),
    "bombs.zip": lambda: _zip(*((f"{n}/f{n}.csv", b"a,b\n" * (1 << 21)) for n in range(8)), ("users.csv", b"x")),
    "slip.zip": lambda: _zip(("../../users.csv", b"x"), ("/etc/users.csv", b"x"), ("users.csv", b"sourcedId\n" * 9)),
    "nested.zip": lambda: _zip(("users.csv", _zip(("users.csv", _zip(("users.csv", b"x")))))),
    "laughs.xlsx": lambda: _sheet(
        '<row r="1"><c t="inlineStr"><is><t>&a9;</t></is></c></row>', before=f"<!DOCTYPE x [{_LAUGHS}]>"
    ),
    "quadratic.xlsx": lambda: _sheet(
        '<row r="1"><c t="inlineStr"><is><t>' + "&a;" * 50_000 + "</t></is></c></row>",
        before=f'<!DOCTYPE x [<!ENTITY a "{"ha" * 50_000}">]>',
    ),
    "outside.xlsx": lambda: _sheet(
        '<row r="1"><c t="inlineStr"><is><t>&a;</t></is></c></row>',
        before='<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    ),
    "deep.xlsx": lambda: _sheet("<a>" * 100_000),
    "attributes.xlsx": lambda: _sheet("<row " + " ".join(f'a{n}="1"' for n in range(80_000)) + "/>"),
    "gap.xlsx": lambda: _sheet(
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    ),
    "rows.xlsx": lambda: _sheet("".join(f'<row r="{n}"/>' for n in range(1, 60_000))),
    "far.xlsx": lambda: _sheet('<row r="99999999999"><c r="ZZZZZZ9999999999"><v>1e9999</v></c></row>'),
    "wide.xlsx": lambda: _sheet(_cells(1, 20_000)),
    "cell.xlsx": lambda: _sheet(f'<row r="1"><c t="inlineStr"><is><t>{"長" * 300_000}</t></is></c></row>'),
    "dates.xlsx": lambda: _sheet(
        '<row r="1"><c t="d"><v>99999-99-99</v></c><c t="s"><v>99999</v></c><c t="n"><v>x</v></c></row>'
    ),
    "cell.csv": lambda: (_HEAD + "1," + "王" * 330_000 + "\n").encode(),
    "quote.csv": lambda: (_HEAD + '"' + _ROW * 10_000).encode(),
    "quotes.csv": lambda: (_HEAD + '"' * 1_000_000).encode(),
    "commas.csv": lambda: (_HEAD + "," * 1_000_000).encode(),
    "lines.csv": lambda: (_HEAD + "\n" * 1_000_000).encode(),
    "columns.csv": lambda: ("學號,姓名," + ",".join(f"x{n}" for n in range(90_000)) + "\n" + _ROW).encode(),
    "nul.csv": lambda: (_HEAD + _ROW.replace("王", "\0")).encode(),
    "surrogates.csv": lambda: (_HEAD + _ROW.replace("王", "\ud800")).encode("utf-8", "surrogatepass"),
    "digits.csv": lambda: (_HEAD + ",".join(["9" * 50_000] * len(HEADINGS)) + "\n").encode(),
    "rows.csv": lambda: (_HEAD + _ROW * 10_000).encode(),
    "spaces.csv": lambda: (_HEAD + ",".join([" " * 80_000 + "x"] * len(HEADINGS)) + "\n").encode(),
    "hyphens.csv": lambda: (_HEAD + ",".join(["-" * 80_000] * len(HEADINGS)) + "\n").encode(),
    "brackets.csv": lambda: ("學號,姓名," + "(" * 900_000 + "\n").encode(),
    "guardians.csv": lambda: ("學號,姓名,監護人" + "_" * 900_000 + "x\n").encode(),
}
