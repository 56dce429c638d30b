"""What is asked of an import, what its file turned out to be, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings

from gatepost.accounts.models import Account
from gatepost.roster.imports.faults import Faults
from gatepost.roster.imports.stage import Pouch, Stage
from gatepost.roster.imports.tables import Progress, silent
from gatepost.roster.models import Import, School


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An import as a person asks for it.

    `school` limits a OneRoster package to one school, and is needed for a spreadsheet. `year` is the ROC school year of
    the classes (by default the one `now` lies in). `encoding` (utf-8, big5, utf-16) is for files that do not tell.
    """

    path: Path
    now: datetime
    school: School | None = None
    year: int | None = None
    by: Account | None = None
    encoding: str | None = None
    progress: Progress = silent

    @property
    def today(self) -> date:
        return self.now.astimezone(ZoneInfo(settings.TIME_ZONE)).date()


@dataclass(frozen=True, slots=True)
class FileRead:
    """A file that was read: its encoding as it was found, and its rows below the header."""

    name: str
    encoding: str
    rows: int


@dataclass(slots=True, kw_only=True)
class Found:
    """What the reading of a file brought, its people apart: those stand in the tables of `stage`."""

    form: Import.Form
    year: int
    bulk: bool  # whether who is not in the file has left
    people_file: str  # the file that faults of students are said of, and its columns
    number_column: str
    identity_column: str
    grade_column: str
    stage: Stage
    pouch: Pouch
    faults: Faults
    schools: Sequence[int] = ()  # whose students the file lists
    files: list[FileRead] = field(default_factory=list)
    orgs: dict[str, int] = field(default_factory=dict)
    staff: bool = False  # whether it lists staff
    unused: Sequence[str] = ()  # columns that were not understood
    without_school: dict[str, int] = field(default_factory=dict)  # set aside with a school that is not ours


@dataclass(frozen=True, slots=True)
class Brake:
    """A school that more than 5 % of the students would leave."""

    code: str
    name: str
    leaving: int
    active: int


@dataclass(frozen=True, slots=True)
class Change:
    """What would become of one student: new, changed (with the fields) or leaving."""

    school: str
    number: str
    kind: str
    fields: Sequence[str] = ()


@dataclass(slots=True, kw_only=True)
class Report:
    """What an import found, and whether it was done. Counts are by table, then new, changed, leaving and so on."""

    form: Import.Form
    file_name: str
    year: int
    bulk: bool
    files: Sequence[FileRead]
    faults: Faults
    counts: dict[str, dict[str, int]]
    brakes: Sequence[Brake]
    changes: Sequence[Change]
    unused: Sequence[str] = ()
    import_id: UUID | None = None  # of the applied import

    @property
    def leaving(self) -> int:
        return self.counts["students"]["leaving"]
