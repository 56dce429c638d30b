"""Lists to take into a spreadsheet program."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date
from urllib.parse import quote

from django.http import HttpResponse

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def download(name: str, head: Sequence[str], rows: Iterable[Sequence[str | int | date | None]]) -> HttpResponse:
    """CSV as Excel opens it by itself: UTF-8 with a byte order mark. `name` is the file's, without its ending.

    What a spreadsheet program would take for a formula is text with an apostrophe before it
    (https://owasp.org/www-community/attacks/CSV_Injection).
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([_cell(value) for value in row] for row in rows)
    answer = HttpResponse("\ufeff" + text.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}.csv"
    answer["Cache-Control"] = "no-store"
    return answer


def _cell(value: str | int | date | None) -> str:
    said = "" if value is None else str(value)
    return f"'{said}" if said.startswith(_FORMULA) else said
