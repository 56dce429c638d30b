"""A report as tables for people and as JSON for machines."""

from typing import Any, Final

from django.utils.translation import gettext as _
from rich.console import Console
from rich.table import Table

from gatepost.roster.imports.plan import Report
from gatepost.roster.imports.refusals import ImportRefused

FAULTS_SHOWN: Final = 50
CHANGES_SHOWN: Final = 20


def as_json(report: Report, refusal: ImportRefused | None) -> dict[str, Any]:
    """The whole report. Faults and changes are listed up to a thousand of each; the counts are complete."""
    return {
        "form": report.form.value,
        "file": report.file_name,
        "school_year": report.year,
        "bulk": report.bulk,
        "files": [{"name": file.name, "encoding": file.encoding, "rows": file.rows} for file in report.files],
        "counts": report.counts,
        "errors": report.faults.errors,
        "notes": report.faults.notes,
        "faults": [
            {
                "file": fault.file,
                "line": fault.line,
                "column": fault.column,
                "code": fault.code,
                "note": fault.is_note,
                "found": fault.found,
                "expected": fault.message,
            }
            for fault in report.faults.in_order()
        ],
        "brakes": [{"school": brake.code, "leaving": brake.leaving, "active": brake.active} for brake in report.brakes],
        "changes": [
            {"school": one.school, "number": one.number, "kind": one.kind, "fields": list(one.fields)}
            for one in report.changes
        ],
        "unused_columns": list(report.unused),
        "applied": str(report.import_id) if report.import_id else None,
        "refused": {"code": refusal.code, "message": refusal.message} if refusal else None,
    }


def print_report(report: Report, console: Console) -> None:
    """What was read, what it changes, what is wrong with it, and what to do next."""
    console.print(_files(report))
    if report.unused:
        console.print(_("Columns not used: %s") % ", ".join(report.unused))
    console.print(_counts(report))
    if report.changes:
        console.print(_changes(report))
    if report.faults.kept:
        console.print(_faults(report))
    for brake in report.brakes:
        console.print(
            _("%(name)s (%(code)s): %(leaving)s of %(active)s students would leave.")
            % {"name": brake.name, "code": brake.code, "leaving": brake.leaving, "active": brake.active},
            style="bold yellow",
        )
    if report.import_id:
        console.print(_("Done. To undo within seven days: gatepost import --undo %s") % report.import_id)
    else:
        console.print(_("Nothing was changed. To take it over, add --apply."))


def _files(report: Report) -> Table:
    table = Table(title=f"{report.file_name} · {report.form.label} · {report.year}")
    for heading in (_("File"), _("Encoding"), _("Rows")):
        table.add_column(heading, justify="right" if heading == _("Rows") else "left")
    for file in report.files:
        table.add_row(file.name, file.encoding, f"{file.rows:,}")
    return table


def _counts(report: Report) -> Table:
    table = Table()
    table.add_column("")
    for heading in (_("New"), _("Changed"), _("Leave the school"), _("Unchanged"), _("Set aside")):
        table.add_column(heading, justify="right")
    names = {"students": _("Students"), "guardians": _("Guardians"), "classes": _("Classes"), "staff": _("Staff")}
    for key, name in names.items():
        count = report.counts[key]
        cells = (count[kind] for kind in ("new", "changed", "leaving", "unchanged", "bad"))
        table.add_row(name, *(f"{number:,}" for number in cells))
    return table


def _changes(report: Report) -> Table:
    kinds = {"new": _("new"), "changed": _("changed"), "leaving": _("leaves the school")}
    table = Table(title=_("Students, the first %s") % min(CHANGES_SHOWN, len(report.changes)))
    for heading in (_("School"), _("Student number"), "", _("Fields")):
        table.add_column(heading)
    for one in report.changes[:CHANGES_SHOWN]:
        table.add_row(one.school, one.number, kinds[one.kind], ", ".join(one.fields))
    return table


def _faults(report: Report) -> Table:
    shown = report.faults.in_order()[:FAULTS_SHOWN]
    counts = {"errors": report.faults.errors, "notes": report.faults.notes, "shown": len(shown)}
    table = Table(title=_("%(errors)s errors, %(notes)s notes; the first %(shown)s") % counts)
    for heading in (_("File"), _("Line"), _("Column"), _("What stood there"), _("What was expected")):
        table.add_column(heading, justify="right" if heading == _("Line") else "left")
    for fault in shown:
        style = "dim" if fault.is_note else None
        table.add_row(fault.file, str(fault.line), fault.column, fault.found, fault.message, style=style)
    return table
