from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet

from gatepost.announcements.models import Announcement
from gatepost.roster.models import School


def published(*, now: datetime, schools: Iterable[School] = ()) -> QuerySet[Announcement]:
    """What is to be read now: the city's news and that of `schools`, important ones first, then the newest."""
    return history(now=now, schools=schools).filter(Q(expires_at=None) | Q(expires_at__gt=now))


def history(*, now: datetime, schools: Iterable[School] = ()) -> QuerySet[Announcement]:
    """The same, with what has run out."""
    whose = Q(school=None) | Q(school__in=list(schools))
    found = Announcement.objects.filter(whose, published_at__lte=now).select_related("school")
    return found.order_by("-important", "-published_at", "-pk")
