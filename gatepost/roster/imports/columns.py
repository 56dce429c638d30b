"""The cells of a whole column at once.

A city's file has 700,000 people, and nearly every cell is written as it should be. Each function asks that of the
column with one test; only where it fails are the cells read one by one, by the function of `cells` that it stands for.
"""

import re
from collections.abc import Sequence
from operator import add
from typing import Final

from gatepost.roster.identity_numbers import is_valid
from gatepost.roster.imports.cells import PersonCells, full_name, mobile_among, plain

Column = Sequence[str]
Identity = tuple[bytes | None, int | None]
UNKNOWN: Final[Identity] = (None, None)

_CHINESE: Final = re.compile(r"[一-鿿]*")
_MOBILES: Final = re.compile(r"(?:(?:09[0-9]{8})?\n)*")
_EMAILS: Final = re.compile(r"(?:(?:[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,100}\.[A-Za-z]{2,10})?\n)*")


def full_names(given: Column, family: Column) -> list[str]:
    """`full_name` of each."""
    together = list(map(add, family, given))
    return together if _CHINESE.fullmatch("".join(together)) else list(map(full_name, given, family))


def plain_texts(texts: Column) -> list[str]:
    """`plain` of each."""
    whole = "".join(texts)
    return list(texts) if whole.isascii() and (whole.isalnum() or not whole) else list(map(plain, texts))


def mobiles_among(texts: Column) -> list[str]:
    """`mobile_among` of each."""
    return list(texts) if _fit(_MOBILES, texts) else list(map(mobile_among, texts))


def mobiles(read: PersonCells, texts: Column, lines: Sequence[int], column: str) -> list[str | None]:
    """`PersonCells.mobile` of each."""
    if _fit(_MOBILES, texts):
        return list(texts)
    return [read.mobile(text, line, column) for text, line in zip(texts, lines, strict=True)]


def emails(read: PersonCells, texts: Column, lines: Sequence[int], column: str) -> list[str | None]:
    """`PersonCells.email` of each."""
    if _fit(_EMAILS, texts):
        return list(texts)
    return [read.email(text, line, column) for text, line in zip(texts, lines, strict=True)]


def identities(read: PersonCells, texts: Column, lines: Sequence[int], column: str) -> list[Identity | None]:
    """`PersonCells.identity` of each; unknown where the cell is empty, None (and a fault) where it holds no number."""
    put = read.pouch.put
    return [
        UNKNOWN if not text else put(text) if is_valid(text) else read.identity(text, line, column)
        for text, line in zip(texts, lines, strict=True)
    ]


def _fit(pattern: re.Pattern[str], texts: Column) -> bool:
    return bool(pattern.fullmatch("\n".join([*texts, ""])))
