"""What was wrong in a file: where it stands, what was found there (never a person's number), what was expected."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gatepost.roster.identity_numbers import IdentityNumberError
from gatepost.roster.roc_dates import DateWordingError
from gatepost.roster.wordings import WordingError

KEPT_MAX: Final = 1_000  # a wrong column in a city's file would otherwise fill the memory
FOUND_LENGTH_MAX: Final = 30

# A line with an error is set aside. A note leaves out one cell, or only tells; the line is taken.
NOTES: Final = frozenset(
    {
        *(code for code in WordingError.MESSAGES if code.startswith("mobile_")),
        "agent_unknown",
        "email",
        "file_unwanted",
        "guardian_name",
        "leaving_unsure",
        "manifest_missing",
        "session_missing",
    }
)

_OWN: Final[Mapping[str, Promise]] = {
    "active_elsewhere": _(
        "This student is still active at %(about)s: that school must release the student first, then import again."
    ),
    "agent_unknown": _("This guardian is not in users.csv and was left out."),
    "cells": _("The line has another number of cells than the header: check for a comma or a quote too many."),
    "character": _(
        "A character could not be read, perhaps one made by the school itself: write it anew, save as UTF-8."
    ),
    "class_elsewhere": _("The class belongs to another school than the student."),
    "class_second": _("This student is in another homeroom class already: see line %(about)s."),
    "class_twice": _("The same class stands on line %(about)s already."),
    "class_unknown": _("There is no such class in classes.csv."),
    "class_year": _("The school year of the class is not known: check termSourcedIds and academicSessions.csv."),
    "deceased": _("This student is recorded as deceased: a person must look at this, not an import."),
    "email": _("This is not an email address and was left out: write it like name@example.org."),
    "empty": _("This cell must be filled."),
    "file_unwanted": _("The manifest calls this file absent, so it was not read."),
    "grade": _("The grade is missing: it is read from the class, or from a grade from 1 to 12."),
    "guardian_name": _("A guardian without a name was left out."),
    "identity_taken": _("Another student of the roster has this ID number: check both."),
    "identity_twice": _("The same ID number stands on line %(about)s too."),
    "leaving_unsure": _(
        "A line could not be tied to any student, so nobody missing from the file is marked as having left."
    ),
    "manifest_missing": _("There is no manifest.csv: every file was taken as complete (bulk)."),
    "number_taken": _("The student number belongs to another student of this school, perhaps one who has left."),
    "number_twice": _("The same student number stands on line %(about)s too."),
    "org_not_school": _("This organisation is not a school: a student or teacher needs one of type school."),
    "org_unknown": _("There is no such organisation in orgs.csv."),
    "other_person": _("Name, birthday and ID number do not fit the student with this number: lines may have slipped."),
    "quotes": _('The quotes do not match: a cell with a quote in it is written "…""…".'),
    "role": _("The role is student, guardian, parent, relative, teacher, or another of OneRoster."),
    "role_missing": _("This user has no role in roles.csv."),
    "school_code": _("The identifier of a school is its code of six characters."),
    "school_refused": _("Its school was set aside: see orgs.csv, line %(about)s."),
    "school_unknown": _("No school with this code is known here: an operator must set it up first."),
    "schools_two": _("This student has a primary role at two schools."),
    "session_missing": _("academicSessions.csv is missing: classes were taken as of school year %(about)s."),
    "sourced_twice": _("The same sourcedId stands on line %(about)s too."),
    "status": _("The status is active or tobedeleted; in a delta file it must be filled."),
    "student_twice": _("This and line %(about)s are the same student: number, ID number and sourcedId disagree."),
    "too_long": _("The text is too long: at most 200 characters."),
    "user_unknown": _("There is no such user in users.csv."),
    "year": _("The school year is the year it ends in, four digits."),
}
MESSAGES: Final[Mapping[str, Promise]] = {
    **WordingError.MESSAGES,
    **DateWordingError.MESSAGES,
    **IdentityNumberError.MESSAGES,
    **_OWN,
}


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong at one place. `about` fills the message: another line, or the name of a school."""

    file: str
    line: int
    column: str
    code: str
    found: str = ""
    about: str = ""

    @property
    def is_note(self) -> bool:
        """Whether the line was taken nevertheless."""
        return self.code in NOTES

    @property
    def message(self) -> str:
        """What was expected, in the language in force."""
        text = str(MESSAGES[self.code])
        return text % {"about": self.about} if self.about else text


@dataclass(slots=True)
class Faults:
    """The faults met in one import: all are counted, the first thousand kept.

    `unsure` says that a line could not be tied to anybody: then nobody can be said to be missing.
    """

    kept: list[Fault] = field(default_factory=list)
    errors: int = 0
    notes: int = 0
    unsure: bool = False

    def add(self, fault: Fault) -> None:
        """Count the fault, and keep it while there is room."""
        if fault.is_note:
            self.notes += 1
        else:
            self.errors += 1
        if len(self.kept) < KEPT_MAX:
            self.kept.append(fault)

    def add_all(self, faults: Iterable[Fault]) -> None:
        """Add each."""
        for fault in faults:
            self.add(fault)

    def in_order(self) -> list[Fault]:
        """Those kept, errors before notes, by file and line."""
        return sorted(self.kept, key=lambda fault: (fault.is_note, fault))


def shown(text: str) -> str:
    """What a report may show of a cell: short, printable, and long runs of digits masked, whatever the column.

    Columns slip; an ID number may stand where a class was expected.
    """
    short = "".join(character if character.isprintable() else "�" for character in text[: FOUND_LENGTH_MAX + 1])
    if len(short) > FOUND_LENGTH_MAX:
        short = f"{short[: FOUND_LENGTH_MAX - 1]}…"
    return re.sub(r"[A-Za-z0-9]*\d{5,}[A-Za-z0-9]*", lambda run: _masked(run[0]), short)


def _masked(run: str) -> str:
    return f"{run[:2]}{'*' * (len(run) - 4)}{run[-2:]}" if len(run) >= 8 else "*" * len(run)
