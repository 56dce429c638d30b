"""Tables as files that spreadsheets open."""

import csv
import re
from collections.abc import Iterable, Sequence
from io import StringIO

from django.http import HttpResponse
from django.utils.http import content_disposition_header

# What a spreadsheet takes for a formula or a command at the beginning of a cell (OWASP, CSV injection:
# https://owasp.org/www-community/attacks/CSV_Injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_file(name: str, rows: Iterable[Sequence[object]]) -> HttpResponse:
    """`rows` as a download named `name`.csv: UTF-8 with a mark, so that spreadsheets know it, and no cell a formula.

    Whatever is no letter, digit or dash in `name` becomes a dash.
    """
    text = StringIO()
    csv.writer(text).writerows([cell(one) for one in row] for row in rows)
    response = HttpResponse(text.getvalue().encode("utf-8-sig"), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, f"{file_name(name)}.csv") or "attachment"
    response["Cache-Control"] = "no-store"
    return response


def cell(value: object) -> str:
    """A value as text; one that a spreadsheet would run stands behind an apostrophe."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def file_name(text: str) -> str:
    """`text` without what a file's name or a header cannot hold."""
    return re.sub(r"[\W_]+", "-", text).strip("-") or "report"
