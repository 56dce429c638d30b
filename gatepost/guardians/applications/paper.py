"""The letter as a sheet of paper: A4, in the family's language, one page for each student, all in one PDF.

Typst sets it, from a template of ours (`letter.typ`) and data that it never reads as markup. The font holds every
character of the Unicode blocks that names in Taiwan are written with, but only some of the rare ones beyond: what it
lacks is printed as an empty box, for somebody to write it in by hand, and `missing` tells before.
"""

import io
import json
import threading
import unicodedata
from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import noto_cjk_sans_otc
import segno
import typst
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext
from fontTools.ttLib import TTCollection

from gatepost.guardians.applications.invitations import Drawn, grouped
from gatepost.kit.clock import local_date

BOX = "□"
LEFT_OUT = {0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
_REGIONS = {"zh-hant": ("zh", "TW"), "vi": ("vi", "VN"), "id": ("id", "ID"), "en": ("en", "TW")}
one_at_a_time = threading.Lock()  # a thousand letters take some 300 MB for two seconds: once, not eight times


def typeset(drawn: Iterable[Drawn], *, address: str, contact: str) -> bytes:
    """The letters as a PDF with the font inside, in their order.

    `address`: where a code is typed, without a slash at the end; `contact`: whom at the school to ask.
    """
    sheets = [_sheet(one, address, contact) for one in drawn]
    template = files(__package__).joinpath("letter.typ").read_bytes()
    letters = json.dumps(sheets, ensure_ascii=False).encode()
    with one_at_a_time:
        pdf = typst.compile({"main.typ": template, "letters.json": letters}, font_paths=fonts(), pdf_tags=False)
    assert isinstance(pdf, bytes)  # noqa: S101 - several files are made for pictures only
    return pdf


def missing(text: str) -> str:
    """The characters of `text` that the letter cannot show, each once."""
    return "".join(dict.fromkeys(one for one in _composed(text) if ord(one) not in _characters()))


def printable(text: str) -> str:
    """The text as the letter shows it: a box for each character that the font lacks."""
    return "".join(one if ord(one) in _characters() else BOX for one in _composed(text))


def region_of(language: str) -> tuple[str, str]:
    """How Typst calls a language: its code and a region."""
    return _REGIONS.get(language, _REGIONS["en"])


def _sheet(drawn: Drawn, address: str, contact: str) -> dict[str, Any]:
    student = drawn.student
    last = local_date(drawn.until - timedelta(seconds=1), student.school.timezone)
    language, region = region_of(drawn.language)
    with translation.override(drawn.language):
        words = _words() | {
            "product": gettext("Gatepost"),
            "school": student.school.name,
            "name": student.name,
            "place": _place(student),
            "until": date_format(last, "DATE_FORMAT"),
            "ask": contact or gettext("The registrar of the school"),
            "address": f"{address}/",
            "code": grouped(drawn.code),
        }
    texts = {key: printable(text) for key, text in words.items()}
    steps = [texts.pop(f"step_{number}") for number in (1, 2, 3, 4)]
    return {**texts, "steps": steps, "lang": language, "region": region, "qr": _qr(f"{address}/{drawn.code}/")}


def _words() -> dict[str, str]:
    """What every letter says, in the language in force."""
    return {
        "to": gettext("To the family of"),
        "title": gettext("Your letter for the parent–child account"),
        "lead": gettext(
            "With this letter you apply to be bound to your child, without the student number and without an ID "
            "number. Once the school has approved it, you see when your child arrives and leaves, and get messages."
        ),
        "by_hand": gettext("No camera? Type this address"),
        "code_label": gettext("and this code"),
        "until_label": gettext("Good through"),
        "step_1": gettext("Point the camera of your phone at the square, or type the address and the code."),
        "step_2": gettext("Press “Begin” and set a password of your own."),
        "step_3": gettext("Say whether the student’s data is right, and who applies."),
        "step_4": gettext("Submit. The school looks at it and writes to you by email."),
        "ask_label": gettext("Questions?"),
        "fine": gettext(
            "This letter opens the application once. If it is lost, ask the school for a new one: the old one is good "
            "for nothing then. It binds nobody by itself; the school reviews every application."
        ),
    }


def _place(student: Any) -> str:
    """2年01班 12號; less where less is known."""
    school_class = student.school_class.name if student.school_class else ""
    seat = gettext("No. {seat}").format(seat=student.seat) if student.seat else ""
    return " ".join(part for part in (school_class, seat) if part)


def _qr(text: str) -> str:
    out = io.BytesIO()
    segno.make_qr(text, error="m").save(out, kind="svg", border=0, xmldecl=False, omitsize=True)
    return out.getvalue().decode()


def _composed(text: str) -> str:
    """Letters and their marks in one, as the font has them; without what only chooses among shapes."""
    return "".join(one for one in unicodedata.normalize("NFC", text) if ord(one) not in LEFT_OUT)


@cache
def fonts() -> Any:
    """What letters and copies are set in."""
    folder = Path(str(noto_cjk_sans_otc.FONT_PATH)).parent
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(folder)])


@cache
def _characters() -> frozenset[int]:
    with TTCollection(str(noto_cjk_sans_otc.FONT_PATH), lazy=True) as fonts:
        return frozenset(fonts.fonts[0].getBestCmap())
