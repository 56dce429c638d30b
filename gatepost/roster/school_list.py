"""The districts and schools of Taipei as data: for setting up a city and for the demonstration city.

The files and their sources, changes and limits are in `data/README.md`. Nothing here touches the database.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final


@dataclass(frozen=True, slots=True)
class DistrictEntry:
    """A district 行政區: `code` is the first two characters of its schools' codes."""

    code: str
    name: str
    name_en: str
    postal_code: str


@dataclass(frozen=True, slots=True)
class SchoolEntry:
    """A school. `level` says what it is, `stages` what it teaches: a senior high may hold a junior department too."""

    code: str  # six characters, letters among them
    name: str
    short_name: str  # for messages and lists; no two schools share one
    district_code: str
    level: str  # a Stage of the roster
    stages: tuple[str, ...]  # lowest first
    domain: str  # empty where not known
    private: bool


# The grades of each stage. A special school teaches all of them.
STAGE_GRADES: Final = {
    "elementary": range(1, 7),
    "junior_high": range(7, 10),
    "senior_high": range(10, 13),
    "vocational_high": range(10, 13),
    "special": range(1, 13),
}

_OWNERS: Final = re.compile(r"^(?:臺北市立(?!大學)|臺北市(?!立大學)|國立|私立)")
_DISTRICT: Final = re.compile(r"^[一-鿿]{2}區(?=.)")
_UNIVERSITIES: Final = {
    "臺灣師範大學": "師大",
    "政治大學": "政大",
    "臺北教育大學": "國北教大",
    "臺北市立大學": "北市大",
}
_ENDINGS: Final = {
    "附屬高級中學": "附中",
    "附設實驗國民小學": "附小",
    "高級商業家事職業學校": "家商",
    "高級工農職業學校": "工農",
    "高級工業職業學校": "高工",
    "高級商業職業學校": "高商",
    "高級中等學校": "高中",
    "女子高級中學": "女中",
    "高級中學": "高中",
    "國民中小學": "國中小",
    "國民中學": "國中",
    "國民小學": "國小",
    "特殊教育學校": "特教學校",
}
# Names that people know and no rule gives.
_KNOWN_AS: Final = {"臺北市立第一女子高級中學": "北一女中", "臺北市立中山女子高級中學": "中山女高"}


@cache
def districts() -> tuple[DistrictEntry, ...]:
    """The twelve districts, in the order of their codes."""
    return tuple(
        DistrictEntry(row["code_prefix"], row["name"], row["name_en"], row["postal_code"])
        for row in _rows("districts_taipei.csv")
    )


@cache
def schools() -> tuple[SchoolEntry, ...]:
    """Every school of the list, public ones first, each in the order of its code."""
    public = [(row, False) for row in _rows("schools_taipei.csv")]
    private = [(row, True) for row in _rows("schools_taipei_private.csv")]
    taken = {short_name(row["name"]) for row, _private in public}
    return tuple(_entry(row, private=is_private, taken=taken) for row, is_private in public + private)


def short_name(name: str) -> str:
    """How people call a school: 臺北市大安區龍安國民小學 is 龍安國小, 國立臺灣師範大學附屬高級中學 is 師大附中."""
    if name in _KNOWN_AS:
        return _KNOWN_AS[name]
    short = _DISTRICT.sub("", _OWNERS.sub("", name))
    for long, brief in (_UNIVERSITIES | _ENDINGS).items():
        short = short.replace(long, brief)
    return short


def _entry(row: dict[str, str], *, private: bool, taken: set[str]) -> SchoolEntry:
    short = short_name(row["name"])
    if private and short.replace("小學", "國小") in taken:
        short = row["name"]
    stages = {row["level"], *row["also_holds"].split()}
    return SchoolEntry(
        code=row["code"],
        name=row["name"],
        short_name=short,
        district_code=_district_codes()[row["district"]],
        level=row["level"],
        stages=tuple(sorted(stages, key=lambda stage: STAGE_GRADES[stage].start)),
        domain=_domains().get(row["code"], ""),
        private=private,
    )


@cache
def _district_codes() -> dict[str, str]:
    return {district.name: district.code for district in districts()}


@cache
def _domains() -> dict[str, str]:
    return {row["code"]: row["domain"] for row in _rows("schools_taipei_domains.csv")}


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = files("gatepost.roster").joinpath("data", name).read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines())
