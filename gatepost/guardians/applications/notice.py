"""The notice on personal data, which the law wants read before anything is collected: a text for each purpose.

The texts stand in `notice_texts/`, one file for each purpose, version and language. A text that was ever shown is never
edited: a new wording is a new version, and the hash that is kept with each answer says which words were agreed to.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

VERSIONS = {"binding": 1, "services": 1}  # in force
TEXTS = Path(__file__).with_name("notice_texts")


@dataclass(frozen=True, slots=True)
class Notice:
    """One purpose's text as it is shown; `text_hash` is its SHA-256."""

    purpose: str
    version: int
    language: str
    paragraphs: tuple[str, ...]
    text_hash: bytes


def notice(purpose: str, *, language: str, school: str) -> Notice:
    """The text in force for `purpose` in `language`, in the name of `school`."""
    version = VERSIONS[purpose]
    text = _text(purpose, version, language).replace("{school}", school)
    return Notice(purpose, version, language, tuple(text.splitlines()), hashlib.sha256(text.encode()).digest())


@cache
def _text(purpose: str, version: int, language: str) -> str:
    return (TEXTS / f"{purpose}-{version}.{language}.txt").read_text(encoding="utf-8")
