"""`gatepost import`: look through a roster, take it over, undo it."""

import gc
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import click
from django.utils.translation import override
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from gatepost.accounts.models import Account
from gatepost.kit.clock import utc_now
from gatepost.roster.imports import plan, run, tables
from gatepost.roster.imports.refusals import ImportRefused
from gatepost.roster.imports.show import as_json, print_report
from gatepost.roster.imports.undo import undo
from gatepost.roster.models import School

# A step is a batch of rows: collecting garbage after every few hundred of them costs a tenth of the time.
GARBAGE_THRESHOLD = 50_000


@click.command("import")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--school", "school_code", metavar="CODE", help="Only this school; needed for a spreadsheet.")
@click.option("--year", type=click.IntRange(100, 200), help="School year of the classes, in ROC years.")
@click.option("--apply", "is_applied", is_flag=True, help="Take it over; otherwise the file is only looked through.")
@click.option("--skip-bad-lines", is_flag=True, help="Leave out lines with errors and take over the rest.")
@click.option("--more-may-leave", type=click.IntRange(0), metavar="N", help="Yes, this many students have left.")
@click.option("--encoding", type=click.Choice(["utf-8", "big5", "utf-16"]), help="For a file that does not tell.")
@click.option("--undo", "undo_id", type=click.UUID, metavar="ID", help="Undo this import; possible for seven days.")
@click.option("--by", "by_email", metavar="EMAIL", help="The account that answers for it.")
@click.option("--json", "is_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def import_roster(
    context: click.Context,
    path: Path | None,
    school_code: str | None,
    year: int | None,
    is_applied: bool,
    skip_bad_lines: bool,
    more_may_leave: int | None,
    encoding: str | None,
    undo_id: UUID | None,
    by_email: str | None,
    is_json: bool,
) -> None:
    """Read a roster: OneRoster CSV (a zip or a folder), or one school's table (CSV or XLSX).

    Without --apply nothing is changed: the report says who is new, who changed and who would leave, and what is wrong
    in which line. Nobody is ever deleted; guardianships, restrictions, roles and cards are not touched.

    \b
    Examples:
        gatepost import city.zip
        gatepost import city.zip --apply
        gatepost import roster.xlsx --school 353602
        gatepost import --undo 0f0e7c1c-5b0c-4a52-9c5f-5d5a5c1f9d11
    """
    context.with_resource(override(_language()))
    by = _account(by_email)
    if undo_id:
        _undo(undo_id, by=by)
        return
    if path is None:
        raise click.UsageError("Name a file or a folder, or an import to undo.")
    gc.set_threshold(GARBAGE_THRESHOLD)
    with _progress(shown=not is_json) as progress:
        request = plan.Request(
            path=path,
            now=utc_now(),
            school=_school(school_code),
            year=year,
            by=by,
            encoding=encoding,
            progress=progress,
        )
        report, refusal = _run(request, is_applied, skip_bad_lines=skip_bad_lines, may_leave=more_may_leave)
    if is_json:
        click.echo(json.dumps(as_json(report, refusal), ensure_ascii=False, indent=2))
    else:
        print_report(report, Console())
    if refusal:
        raise click.ClickException(refusal.message)
    context.exit(1 if report.faults.errors and not skip_bad_lines else 0)


def _run(
    request: plan.Request, is_applied: bool, *, skip_bad_lines: bool, may_leave: int | None
) -> tuple[plan.Report, ImportRefused | None]:
    """The report, and why the import was held back, if it was."""
    try:
        if is_applied:
            return run.take_over(request, skip_bad_lines=skip_bad_lines, may_leave=may_leave), None
        return run.look_through(request), None
    except run.Held as held:
        return held.report, held
    except ImportRefused as refusal:
        raise click.ClickException(refusal.message) from refusal


def _undo(import_id: UUID, *, by: Account | None) -> None:
    try:
        undo(import_id, by=by, now=utc_now())
    except ImportRefused as refusal:
        raise click.ClickException(refusal.message) from refusal
    click.echo(f"Undone: {import_id}")


def _language() -> str:
    """Traditional Chinese for whoever works in Chinese, English for the rest."""
    names = (os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return "zh-hant" if next(filter(None, names), "").startswith("zh") else "en"


def _school(code: str | None) -> School | None:
    if code is None:
        return None
    school = School.objects.filter(code=code.strip().upper()).first()
    if school is None:
        raise click.ClickException(ImportRefused("school_unknown", code).message)
    return school


def _account(email: str | None) -> Account | None:
    if email is None:
        return None
    account = Account.objects.filter(email__iexact=email).first()
    if account is None:
        raise click.ClickException(f"No account has the address {email}.")
    return account


@contextmanager
def _progress(*, shown: bool) -> Iterator[tables.Progress]:
    """A bar for each file, on the error stream so that the report can be piped away; only where somebody watches."""
    console = Console(stderr=True)
    if not shown or not console.is_terminal:
        yield tables.silent
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(file: str, done: int, whole: int) -> None:
            if file not in tasks:
                tasks[file] = bars.add_task(file, total=max(whole, 1))
            bars.update(tasks[file], completed=done if whole else 1)

        yield tell
