"""How the gates are doing, in figures."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min

from gatepost.gates.models import TapQueue


@dataclass(frozen=True, slots=True)
class Queued:
    """What waits: how many, and for how many seconds the oldest has waited (None: nothing does)."""

    number: int
    oldest_seconds: float | None


def queued(*, now: datetime) -> Queued:
    """The taps that attendance has not followed yet."""
    found = TapQueue.objects.aggregate(number=Count("pk"), oldest=Min("received_at"))
    oldest = found["oldest"]
    return Queued(found["number"], max(0.0, (now - oldest).total_seconds()) if oldest else None)
