from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, IntegerField, Q, QuerySet, When

from gatepost.announcements.models import Announcement
from gatepost.kit import questions
from gatepost.roster.models import School


def published(*, now: datetime, schools: Iterable[School] = ()) -> QuerySet[Announcement]:
    """What is to be read now: the city's news and that of `schools`, important ones first, then the newest."""
    return history(now=now, schools=schools).filter(Q(expires_at=None) | Q(expires_at__gt=now))


def history(*, now: datetime, schools: Iterable[School] = ()) -> QuerySet[Announcement]:
    """The same, with what has run out."""
    whose = Q(school=None) | Q(school__in=list(schools))
    found = Announcement.objects.filter(whose, published_at__lte=now).select_related("school")
    return found.order_by("-important", "-published_at", "-pk")


def board(
    *, now: datetime, schools: Iterable[School] = (), of: str = "", kind: str = "", text: str = ""
) -> QuerySet[Announcement]:
    """What may be read, in the order of a board: the current ones, important first; then the past ones, newest first.

    `of` is the code of one of the schools, or "city"; `kind` and `text` narrow it further.
    """
    past = Case(When(expires_at__lte=now, then=2), When(important=True, then=0), default=1, output_field=IntegerField())
    found = history(now=now, schools=schools)
    if of:
        found = found.filter(school=None) if of == "city" else found.filter(school__code=of)
    if kind:
        found = found.filter(kind=kind)
    if text:
        found = found.filter(Q(title__icontains=text) | Q(body__icontains=text))
    return found.order_by(past, "-published_at", "-pk")


@dataclass(frozen=True, slots=True)
class Headline:
    """An announcement as a list shows it. `school` is the school's short name, empty for the city's news."""

    pk: int
    kind: str
    title: str
    important: bool
    published_at: datetime
    school: str


def headlines(*, now: datetime, schools: Iterable[School], number: int) -> list[Headline]:
    """The first `number` of what `published` gives, without their texts."""
    values = {"now": now, "schools": [school.pk for school in schools], "number": number}
    return [Headline(*row) for row in questions.ask(HEADLINES, values)]


HEADLINES = """
SELECT a.id, a.kind, a.title, a.important, a.published_at, coalesce(s.short_name, '')
FROM announcements_announcement a LEFT JOIN roster_school s ON s.id = a.school_id
WHERE (a.school_id IS NULL OR a.school_id = ANY(%(schools)s::int[]))
    AND a.published_at <= %(now)s::timestamptz AND (a.expires_at IS NULL OR a.expires_at > %(now)s::timestamptz)
ORDER BY a.important DESC, a.published_at DESC, a.id DESC LIMIT %(number)s::int
"""
