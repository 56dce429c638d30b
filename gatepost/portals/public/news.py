"""Announcements as the components draw them, wherever they stand."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from django.urls import reverse
from django.utils.timezone import localdate, localtime
from django.utils.translation import get_language

from gatepost.access.queries import Person, children, schools
from gatepost.announcements.models import Announcement
from gatepost.announcements.queries import Headline
from gatepost.portals.plain_text import paragraphs
from gatepost.portals.words import NEWS_KINDS, slashed
from gatepost.roster.models import School


def items(announcements: Iterable[Announcement]) -> list[dict[str, Any]]:
    """Rows of a list of announcements."""
    return [_row(one, school=one.school.short_name if one.school else "") for one in announcements]


def headlines(found: Iterable[Headline]) -> list[dict[str, Any]]:
    """The same rows of headlines."""
    return [_headline(one, get_language() or "") for one in found]


# A city's headlines stand on the home page of every family.
@lru_cache(maxsize=1024)
def _headline(one: Headline, _language: str) -> dict[str, Any]:
    return _row(one, school=one.school)


def only_titles(found: Sequence[Headline]) -> list[dict[str, Any]]:
    """Rows that lead nowhere: a school's headlines are for everybody, its announcements for those who belong to it.

    Those of the city lead to what they announce.
    """
    return [row | ({"url": ""} if one.school else {}) for one, row in zip(found, headlines(found), strict=True)]


def _row(one: Announcement | Headline, *, school: str) -> dict[str, Any]:
    day = localdate(one.published_at)
    return {
        "date": slashed(day),
        "iso": day.isoformat(),
        "kind": school or NEWS_KINDS[one.kind],
        "title": one.title,
        "url": reverse("announcement", args=[one.pk]),
        "important": one.important,
    }


def article(one: Announcement) -> dict[str, Any]:
    """One announcement to read: its text is plain, an empty line begins a paragraph."""
    row = items([one])[0]
    return row | {
        "author": one.school.name if one.school else "",
        "kind": NEWS_KINDS[one.kind],
        "html": paragraphs(one.body),
        "updated": f"{slashed(localtime(one.updated_at).date())} {localtime(one.updated_at):%H:%M}"
        if one.updated_at
        else "",
    }


def schools_near(person: Person) -> list[School]:
    """The schools whose news is for `person`: where they work and where their children go."""
    return [*schools(person), *{child.school for child in children(person)}]
