"""Looking through a file, and taking it over. Undoing is in `undo`."""

from collections.abc import Callable
from typing import Final
from uuid import uuid4

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from gatepost.audit import entries
from gatepost.roster.imports import diff
from gatepost.roster.imports.apply import apply
from gatepost.roster.imports.faults import Fault, Faults
from gatepost.roster.imports.files import begins_with
from gatepost.roster.imports.plan import Found, Report, Request
from gatepost.roster.imports.refusals import ImportRefused
from gatepost.roster.imports.stage import Pouch, Stage
from gatepost.roster.imports.undo import forget_old
from gatepost.roster.models import Import
from gatepost.roster.oneroster.read import read_package
from gatepost.roster.spreadsheet.read import read_sheet
from gatepost.roster.spreadsheet.workbook import is_workbook

LOCK: Final = 0x6761_7465  # one import at a time
Reader = Callable[[Request, Stage, Pouch, Faults], Found]


class Held(ImportRefused):
    """The file was read but not taken over; `report` says what was found."""

    def __init__(self, code: str, about: object, report: Report) -> None:
        super().__init__(code, about)
        self.report = report


def look_through(request: Request) -> Report:
    """What taking over the file would do. Nothing is changed. Raises `ImportRefused`."""
    with transaction.atomic():
        return _report(request, _compared(request))


def take_over(request: Request, *, skip_bad_lines: bool = False, may_leave: int | None = None) -> Report:
    """Take over the file, in one transaction, and keep what stood before.

    Raises `Held` when lines are bad (unless they may be skipped), or when more than 5 % of a school's students would
    leave (unless `may_leave` is the number of all who would); `ImportRefused` when the file cannot be read.
    """
    try:
        with transaction.atomic():
            found = _compared(request)
            report = _report(request, found)
            _hold_if_doubtful(report, skip_bad_lines=skip_bad_lines, may_leave=may_leave)
            _write(request, found, report)
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except IntegrityError as error:
        raise ImportRefused("moved_on") from error
    return report


def _compared(request: Request) -> Found:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s), set_config('work_mem', '32MB', true)", [LOCK])
        if not cursor.fetchone()[0]:
            raise ImportRefused("busy")
    faults = Faults()
    found = _reader(request)(request, Stage(), Pouch(settings.KEY_RING), faults)
    if found.bulk and not faults.errors and not found.stage.number("SELECT count(*) FROM incoming_student"):
        raise ImportRefused("no_students")
    diff.compare(found, now=request.now)
    return found


def _reader(request: Request) -> Reader:
    """A folder or a zip is a OneRoster package, unless the zip is a workbook; any other file is a spreadsheet."""
    if request.path.is_dir():
        return read_package
    if begins_with(request.path, b"PK") and not is_workbook(request.path):
        return read_package
    return read_sheet


def _report(request: Request, found: Found) -> Report:
    _gather_faults(found)
    return Report(
        form=found.form,
        file_name=request.path.name,
        year=found.year,
        bulk=found.bulk,
        files=found.files,
        faults=found.faults,
        counts=diff.counts(found),
        brakes=diff.brakes(found.stage),
        changes=diff.changes(found.stage),
        unused=found.unused,
    )


def _gather_faults(found: Found) -> None:
    """The faults found by set, beside those found line by line. All are counted, not all are kept."""
    rows = found.stage.rows("SELECT file, line, col, code, about FROM incoming_fault ORDER BY file, line LIMIT 5000")
    found.faults.add_all(Fault(file, line, col, code, about=about) for file, line, col, code, about in rows)
    found.faults.errors += max(0, found.stage.number("SELECT count(*) FROM incoming_fault") - len(rows))
    if found.faults.unsure and found.bulk:
        found.faults.add(Fault(found.people_file, 1, "", "leaving_unsure"))


def _hold_if_doubtful(report: Report, *, skip_bad_lines: bool, may_leave: int | None) -> None:
    if report.faults.errors and not skip_bad_lines:
        raise Held("bad_lines", report.faults.errors, report)
    if report.brakes and may_leave != report.leaving:
        raise Held("brake", report.leaving, report)


def _write(request: Request, found: Found, report: Report) -> None:
    now = request.now
    forget_old(now=now)
    report.import_id = uuid4()
    record = Import.objects.create(
        id=report.import_id,
        school=request.school,
        form=found.form,
        file_name=report.file_name,
        by=request.by,
        read_at=now,
        applied_at=now,
        counts=report.counts,
        orgs=found.orgs,
    )
    apply(found, record.pk, now=now)
    _mark(record)
    school_code = request.school.code if request.school else ""
    entries.record("roster:imported", by=request.by, school_code=school_code, import_id=str(record.pk))


def _mark(record: Import) -> None:
    """Every row of this import bears the number of its transaction; the record itself tells which."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE roster_import SET mark = xmin::text WHERE id = %s RETURNING mark, xmin::text", [record.pk]
        )
        mark, xmin = cursor.fetchone()
    if mark != xmin:
        raise AssertionError("an import is written in one transaction")
