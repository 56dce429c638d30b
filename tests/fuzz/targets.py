"""What is done with bytes or a text from outside, each held to what it promises, whatever the bytes are.

A target takes bytes, returns nothing, and raises only if a promise was broken. Imports nothing of pytest, so that it
also runs in `guided`, where the coverage of what it calls leads to the next input.
"""

import io
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import UUID

import msgspec

from gatepost.cards.numbers import AS_THE_CHIP, CARD_RULES, CardNumberError, canonical
from gatepost.channels.email import bounce, replies
from gatepost.gates import contract, lines, taptable
from gatepost.gates.answers import Refusal
from gatepost.roster import identity_numbers, roc_dates, wordings
from gatepost.roster.imports import cells
from gatepost.roster.imports.faults import Faults, shown
from gatepost.roster.imports.files import SourceFile, package_files
from gatepost.roster.imports.refusals import ImportRefused
from gatepost.roster.imports.tables import Table, silent
from gatepost.roster.spreadsheet import headings
from gatepost.roster.spreadsheet.workbook import COLUMNS_MAX, DELIMITERS, Sheet
from gatepost.roster.wordings import WordingError

Target = Callable[[bytes], None]

READER = UUID("0b8e91f8-f638-400a-840c-9ba785aa0586")
RECEIVED = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
REASONS = {"", "bad_line", "bad_card", "time_out_of_range"}
_FOLDER = Path(mkdtemp(prefix="gatepost-fuzz-"))


def batch(data: bytes) -> None:
    """A request body becomes rows, one for each line, or a refusal of the reader's fault."""
    try:
        sent_at, queue, said = contract.read(data, READER)
    except Refusal as refusal:
        _is_answer(refusal)
        return
    assert len(said) <= contract.TAPS_MAX
    assert sent_at.tzinfo is UTC
    assert 0 <= queue < 2**31
    skew = sent_at - RECEIVED
    rows = lines.rows(said, AS_THE_CHIP, skew=skew, received_at=RECEIVED)
    for line, row in zip(said, rows, strict=True):
        _keepable(row)
        if isinstance(line, contract.BadLine):
            msgspec.json.encode(line.shown_nonce)
    hearing = taptable.Hearing(READER, RECEIVED, sent_at, queue, skew // timedelta(milliseconds=1))
    taptable.taps([taptable.Handful(7, rows, hearing)])
    taptable.last_words([hearing])


def _is_answer(refusal: Refusal) -> None:
    assert refusal.status in {400, 422}, refusal.status
    msgspec.json.encode(refusal.detail)


def _keepable(row: lines.Row) -> None:
    assert row.reason in REASONS
    assert row.month.day == 1
    assert RECEIVED - lines.OLDEST <= row.tapped_at <= RECEIVED + lines.NEWEST
    assert len(row.card) <= contract.CARD_CHARACTERS_MAX
    assert "\0" not in row.card
    row.card.encode()
    assert not row.uid or re.fullmatch(r"[0-9A-F]{8}|[0-9A-F]{14}", row.uid)
    assert bool(row.uid) or row.reason
    assert row.read_at is None or row.read_at.tzinfo


def words(data: bytes) -> None:
    """Cells and fields: each function understands, the same again from its own form, or says how to mend it."""
    text = data.decode("utf-8", "surrogatepass") if _is_text(data) else data.decode("latin-1")
    for grades in (range(1, 13), range(1, 7), range(7, 10), range(7, 13)):
        if found := _understood(wordings.class_name, text, grades=grades):
            assert found.grade in grades
            assert 1 <= found.number <= 99
            assert wordings.class_name(f"{found.grade}年{found.number}班").number == found.number
    if both := _understood(wordings.class_and_seat, text):
        assert 1 <= both[1] <= 99
    if seat := _understood(wordings.seat_number, text):
        assert wordings.seat_number(str(seat)) == seat
    if mobile := _understood(wordings.mobile_number, text):
        assert re.fullmatch(r"09[0-9]{8}", mobile)
        assert wordings.mobile_number(mobile) == mobile
    if day := _understood(roc_dates.parse_date, text):
        assert roc_dates.parse_date(day.isoformat()) == day
        roc_dates.roc_date(day)
    _understood(roc_dates.parse_date, text, earliest=date(1936, 1, 1), latest=date(2026, 11, 23))
    _understood(roc_dates.parse_term_key, text)
    name = cells.person_name(text)
    assert cells.person_name(name) == name
    cells.grade_number(text)
    _understood(cells.email_address, text)
    assert len(shown(text)) <= 31
    headings.plain_heading(text)
    _identity(text)
    _identity(identity_numbers.normalise(text))


def _identity(number: str) -> None:
    """The quick answer and the one that gives reasons are the same."""
    kind = _understood(identity_numbers.kind, number)
    assert identity_numbers.is_valid(number) == (kind is not None), number
    identity_numbers.is_invented(number)
    masked = identity_numbers.mask(number)
    assert len(masked) == len(number)
    assert not number[2:-2] or set(masked[2:-2]) <= {"*"}


def card(data: bytes) -> None:
    """What a reader types under every rule: a number in hex, or an error with a sentence."""
    text = data.decode("utf-8", "surrogatepass") if _is_text(data) else data.decode("latin-1")
    for rule in CARD_RULES:
        try:
            number = canonical(text, rule)
        except CardNumberError as error:
            assert error.code in error.MESSAGES  # noqa: PT017 - not what is expected, but what is promised
            continue
        assert re.fullmatch(r"[0-9A-F]{6}|[0-9A-F]{8}|[0-9A-F]{14}", number)


def table(data: bytes) -> None:
    """A text file becomes rows with their lines, or a refusal; what is no row is a fault."""
    file = SourceFile("table.csv", len(data), lambda: io.BytesIO(data))
    for told in (None, "utf-8", "big5", "utf-16"):
        for delimiter in DELIMITERS if told is None else ",":
            faults = Faults()
            try:
                rows = list(Table(file, faults, told=told, delimiter=delimiter).rows())
            except ImportRefused as refusal:
                _is_sentence(refusal.message)
                continue
            lines = [line for line, _row in rows]
            assert lines == sorted(set(lines))
            assert all(1 <= line <= data.count(b"\n") + data.count(b"\r") + 1 for line in lines)
            assert all(fault.message for fault in faults.kept)
            _understand(rows)


def _understand(rows: list[tuple[int, list[str]]]) -> None:
    for _line, row in rows[:3]:
        if headings.is_header(row):
            try:
                headings.understand(row, table="table.csv")
            except ImportRefused as refusal:
                _is_sentence(refusal.message)


def report(data: bytes) -> None:
    """A mail that came back: a failure, or none. Never an error, never a wrong kind of answer."""
    found = bounce.parse_bounce(data)
    if found:
        assert re.fullmatch(r"[245]\.\d{1,3}\.\d{1,3}", found.status)
        assert len(found.diagnostic) <= 300
        found.diagnostic.encode()
    text = data.decode("utf-8", "replace")
    replies.means_gone(code=550, text=text, stage="recipient")
    if status := replies.enhanced_status(text):
        replies.status_means_gone(status)
    assert bounce.read_return_address(text, secret=b"secret") is None


def sheet(data: bytes) -> None:
    """The XML of a workbook's sheet: rows, or a refusal."""
    first, _, second = data.partition(b"\0\0")
    path = _FOLDER / "sheet.xlsx"
    path.write_bytes(workbook(first, second or STRINGS))
    _read_workbook(path)


def workbook(sheet_xml: bytes, strings: bytes = b"") -> bytes:
    """An XLSX file around the XML of its one sheet."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in _WORKBOOK.items():
            archive.writestr(name, text)
        archive.writestr("xl/worksheets/sheet1.xml", sheet_xml)
        archive.writestr("xl/sharedStrings.xml", strings or STRINGS)
    return file.getvalue()


def archive(data: bytes) -> None:
    """The bytes of a zip: files with rows, a workbook with rows, or a refusal."""
    path = _FOLDER / "archive.zip"
    path.write_bytes(data)
    try:
        with package_files(path) as files:
            for file in files.values():
                for _row in Table(file, Faults()).rows():
                    pass
    except ImportRefused as refusal:
        _is_sentence(refusal.message)
    if data.startswith(b"PK"):
        _read_workbook(path)


def _read_workbook(path: Path) -> None:
    try:
        for rows in Sheet(path, Faults(), told=None, progress=silent).tables():
            for _line, row in rows:
                assert len(row) <= COLUMNS_MAX
                assert all(type(cell) is str for cell in row)
    except ImportRefused as refusal:
        _is_sentence(refusal.message)


def _understood(read: Callable[..., object], text: str, **how: object) -> Any:
    """What was understood, or None where the text was refused with a sentence."""
    try:
        return read(text, **how)
    except WordingError as error:
        assert error.code in error.MESSAGES  # noqa: PT017 - not what is expected, but what is promised
    except ValueError:
        if read is not cells.email_address:
            raise
    return None


def _is_sentence(message: object) -> None:
    assert str(message)


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_WORKBOOK = {
    "[Content_Types].xml": f'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    f'<Default Extension="xml" ContentType="application/xml"/>'
    f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPES}.worksheet+xml"/>'
    f'<Override PartName="/xl/sharedStrings.xml" ContentType="{_TYPES}.sharedStrings+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="r1" Type="{_OFFICE}/officeDocument" '
    f'Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets><sheet name="1" sheetId="1" r:id="r1"/>'
    f"</sheets></workbook>",
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="r1" '
    f'Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" '
    f'Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
}
STRINGS = f'<sst xmlns="{_MAIN}" count="2"><si><t>學號</t></si><si><t>姓名</t></si></sst>'.encode()

TARGETS: dict[str, Target] = {target.__name__: target for target in (batch, words, card, table, report, sheet, archive)}
