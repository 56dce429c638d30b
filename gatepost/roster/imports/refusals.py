from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

MESSAGES: Final[Mapping[str, Promise]] = {
    "bad_lines": _("%(about)s lines cannot be taken. Mend them, or leave them out with --skip-bad-lines."),
    "bad_zip": _("%(about)s is not a whole zip file."),
    "binary": _("%(about)s is not a text file."),
    "brake": _(
        "%(about)s students would leave, more than 5 %% of a school. If that is right, confirm the number with "
        "--more-may-leave %(about)s."
    ),
    "busy": _("Another import is running. Try again when it is done."),
    "delta_first": _("A delta file changes what a bulk file brought: import a bulk file first."),
    "delta_mixed": _("The manifest mixes bulk and delta files: hand in all files as one or the other."),
    "encoding": _("%(about)s is neither UTF-8 nor Big5. Save it as UTF-8, or name its encoding with --encoding."),
    "encrypted": _("%(about)s is protected by a password."),
    "file_missing": _("%(about)s is missing."),
    "header": _("The header of %(about)s: a column is missing or stands twice."),
    "line_length": _("%(about)s holds a line of over a million characters: it is no table."),
    "moved_on": _("Somebody changed the same students meanwhile. Try again."),
    "no_file": _("There is no file or folder %(about)s that can be read."),
    "no_students": _("Nothing to import: no student was found in the file."),
    "no_table": _("No table of students was found: the first rows need the headings 學號 and 姓名."),
    "not_roster": _("This zip file is neither a OneRoster package (users.csv in it) nor a spreadsheet (.xlsx)."),
    "old_excel": _("This is an old (.xls) or a password-protected workbook: save it as .xlsx without a password."),
    "school_needed": _("A spreadsheet holds one school: name it with --school and its code."),
    "school_unknown": _("No school with the code %(about)s is known here."),
    "sheet": _("The workbook cannot be read: save it anew as .xlsx, or as CSV."),
    "too_large": _("%(about)s is larger than an import may be."),
    "too_many": _("%(about)s holds more files or rows than an import may."),
    "two_files": _("%(about)s stands twice in the package."),
    "undo_changed": _("These were changed since, so the import is not undone: %(about)s."),
    "undo_done": _("This import was undone already."),
    "undo_in_use": _("Rows that the import brought are in use (%(about)s), so it is not undone."),
    "undo_late": _("An import can be undone for seven days; this one was applied on %(about)s."),
    "undo_restored": _("The data was restored from a backup since, so the import is not undone."),
    "undo_unknown": _("No applied import has the number %(about)s."),
    "version": _("OneRoster version %(about)s is not understood: 1.1 and 1.2 are."),
    "zip_bomb": _("%(about)s is packed so tightly that it cannot be a roster."),
}


class ImportRefused(Exception):
    """The import, or its undoing, was not done and nothing was changed. `code` says why, `message` tells people."""

    def __init__(self, code: str, about: object = "") -> None:
        super().__init__(code, about)
        self.code = code
        self.about = str(about)

    @property
    def message(self) -> str:
        return str(MESSAGES[self.code]) % {"about": self.about}

    def __str__(self) -> str:
        return self.message
