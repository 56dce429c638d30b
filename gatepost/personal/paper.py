"""The copy on paper: a table for each section, in the language of its owner, set by Typst from data it never reads as
markup. A long section shows its newest rows and says how many stand in the other file."""

import json
from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any

import typst
from django.utils import translation
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext

from gatepost.guardians.applications.paper import fonts, one_at_a_time, printable, region_of
from gatepost.personal.children import ChildSection
from gatepost.personal.sections import Row, Section
from gatepost.personal.words import label, word

ROWS_SHOWN = 300


def typeset(sheets: Sequence[tuple[Section | ChildSection, list[Row]]], *, language: str, made_at: datetime) -> bytes:
    """The sections as a PDF with the font inside; the rows are those of the JSON."""
    with translation.override(language):
        lang, region = region_of(language)
        data = {
            "lang": lang,
            "region": region,
            "product": gettext("Gatepost"),
            "title": gettext("What Gatepost keeps about you"),
            "made": gettext("Made on {day}").format(day=_moment(made_at)),
            "lead": gettext(
                "A copy under articles 3 and 10 of the Personal Data Protection Act. The same, with everything that is "
                "too long for paper, stands in the JSON file."
            ),
            "none": gettext("Nothing"),
            "sections": [_sheet(section, rows) for section, rows in sheets],
        }
    template = files(__package__).joinpath("copy.typ").read_bytes()
    with one_at_a_time:
        pdf = typst.compile(
            {"main.typ": template, "copy.json": json.dumps(data, ensure_ascii=False).encode()},
            font_paths=fonts(),
            pdf_tags=False,
        )
    assert isinstance(pdf, bytes)  # noqa: S101 - several files are made for pictures only
    return pdf


def _sheet(section: Section | ChildSection, rows: list[Row]) -> dict[str, Any]:
    title = str(section.title)
    if isinstance(section, ChildSection) and section.name == "child" and rows:
        title = rows[0]["name"]
    more = len(rows) - ROWS_SHOWN
    return {
        "title": printable(title),
        "is_child": isinstance(section, ChildSection),
        "begins": section.name == "child",
        "columns": [printable(label(key)) for key in section.columns],
        "rows": [[printable(_text(row.get(key))) for key in section.columns] for row in rows[:ROWS_SHOWN]],
        "more": gettext("{n} older ones stand in the JSON file.").format(n=more) if more > 0 else "",
    }


def _text(value: Any) -> str:
    if value is None or value == "":
        return "—"
    if isinstance(value, dict):
        return " · ".join(f"{word(name)} {number}" for name, number in value.items())
    if isinstance(value, list):
        return " · ".join(word(str(one)) for one in value)
    if isinstance(value, str) and len(value) == 25 and value[10] == "T":  # a moment, as `plain` writes it
        return _moment(datetime.fromisoformat(value))
    return word(str(value))


def _moment(moment: datetime) -> str:
    return date_format(localtime(moment), "Y/m/d H:i")
