from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from gatepost.audit.models import Entry

LOOKED = "student:looked"


def looks_at(about: UUID, *, since: datetime) -> QuerySet[Entry]:
    """Every look of staff at one child's record since then, newest first."""
    return Entry.objects.filter(about=about, action=LOOKED, at__gte=since).order_by("-at", "-pk")
