"""What the headings of a school's table mean."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from gatepost.roster.imports.refusals import ImportRefused
from gatepost.roster.wordings import half_width

REQUIRED: Final = ("number", "name")
GUARDIANS_MAX: Final = 6

_STUDENT: Final = {
    "number": ("學號", "學生學號", "學籍號", "學籍號碼"),
    "name": ("姓名", "學生姓名", "中文姓名", "學生"),
    "grade": ("年級", "就讀年級", "現在年級"),
    "class": ("班級", "班別", "班級名稱", "就讀班級", "現在班級", "年班"),
    "seat": ("座號", "座位號碼", "現在座號"),
    "class_and_seat": ("班級座號", "年班座號", "班座號"),
    "birthday": ("出生年月日", "生日", "出生日期", "學生生日", "出生"),
}
_ID_NUMBER: Final = (
    *(f"身{part}證{end}" for part in "分份" for end in ("", "字號", "號", "號碼", "統一編號")),
    "居留證號",
    "居留證號碼",
    "居留證字號",
    "統一證號",
    "證件號碼",
    "證照號碼",
)
_ATTRIBUTES: Final = {
    "name": ("", "姓名", "名字"),
    "relation": ("關係", "稱謂", "與學生關係", "與學生之關係", "親屬關係"),
    "mobile": ("手機", "手機號碼", "行動電話", "行動電話號碼", "電話", "聯絡電話", "連絡電話", "手機電話"),
    "email": ("EMAIL", "E-MAIL", "電子郵件", "電子郵件信箱", "電子信箱", "信箱", "MAIL"),
    "id_number": _ID_NUMBER,
}
# Who a guardian's column speaks of; father and mother are guardians whose relation is in the heading.
_GUARDIAN: Final = re.compile(
    r"(?P<who>監護人|家長|法定代理人|父親|母親)(?P<nth>[1-6一二三四五六]?)(?:[的之_:\-./]*)(?P<attribute>.*?)(?P<after>[1-6一二三四五六]?)"
)
_RELATION_OF: Final = {"父親": "父", "母親": "母"}
_ONES: Final = {numeral: str(value) for value, numeral in enumerate("一二三四五六", start=1)}
_BRACKETS: Final = re.compile(r"[(\[【<〈].*?[)\]】>〉]")
_DECORATION: Final = re.compile(r"[\s*＊※:：、/／]+")
_SLASHED_ID: Final = re.compile(r"身[分份]證(字號|號碼|號)?[/或及、]?居留證(字號|號碼|號)?")


@dataclass(slots=True)
class GuardianColumns:
    """The columns of one guardian: attribute to place. `relation` where the heading itself names it."""

    places: dict[str, int] = field(default_factory=dict)
    relation: str = ""


@dataclass(slots=True)
class Headings:
    """Where each thing stands in a row, and how the heading spells it."""

    spelt: Sequence[str]
    student: dict[str, int] = field(default_factory=dict)
    guardians: list[GuardianColumns] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    def name_of(self, place: int | None) -> str:
        """The heading over a place, for a fault."""
        return self.spelt[place] if place is not None and place < len(self.spelt) else ""


def is_header(row: Sequence[str]) -> bool:
    """Whether a row is the one with the headings: 學號 and 姓名 stand in it."""
    meanings = {_student_meaning(plain_heading(cell)) for cell in row}
    return meanings >= set(REQUIRED)


def understand(row: Sequence[str], *, table: str) -> Headings:
    """What each column is. Raises `ImportRefused` (header) if one stands twice."""
    headings = Headings(spelt=[cell.strip() for cell in row])
    guardians: dict[tuple[str, str], GuardianColumns] = {}
    for place, cell in enumerate(row):
        heading = plain_heading(cell)
        if not heading:
            continue
        if meaning := _student_meaning(heading):
            _set(headings.student, meaning, place, table=f"{table} ({cell.strip()})")
        elif key := _guardian_meaning(heading):
            who, nth, attribute = key
            columns = guardians.setdefault((who, nth), GuardianColumns(relation=_RELATION_OF.get(who, "")))
            _set(columns.places, attribute, place, table=f"{table} ({cell.strip()})")
        else:
            headings.unused.append(cell.strip())
    headings.guardians = [columns for _key, columns in sorted(guardians.items(), key=lambda item: item[0][1])]
    return headings


def plain_heading(cell: str) -> str:
    """A heading without decoration: ＊學號, 出生年月日（民國） and E-mail as 學號, 出生年月日 and E-MAIL."""
    one_number = _SLASHED_ID.sub("身分證字號", half_width(cell))  # 身分證/居留證字號 is one column for either
    return _DECORATION.sub("", _BRACKETS.sub("", one_number)).upper()


def _student_meaning(heading: str) -> str | None:
    bare = heading.removeprefix("學生") if heading.removeprefix("學生") in _ID_NUMBER else heading
    if bare in _ID_NUMBER:
        return "id_number"
    return next((meaning for meaning, spellings in _STUDENT.items() if heading in spellings), None)


def _guardian_meaning(heading: str) -> tuple[str, str, str] | None:
    """Who, which of them, and what of them; 關係 and 稱謂 alone are the first guardian's."""
    if heading in _ATTRIBUTES["relation"]:
        return "監護人", "1", "relation"
    match = _GUARDIAN.fullmatch(heading)
    if not match:
        return None
    nth = match["nth"] or match["after"] or ("8" if match["who"] == "父親" else "9" if match["who"] == "母親" else "1")
    attribute = next((name for name, spellings in _ATTRIBUTES.items() if match["attribute"] in spellings), None)
    who = match["who"] if match["who"] in _RELATION_OF else "監護人"
    return (who, _ONES.get(nth, nth), attribute) if attribute else None


def _set(places: dict[str, int], meaning: str, place: int, *, table: str) -> None:
    if places.setdefault(meaning, place) != place:
        raise ImportRefused("header", table)
