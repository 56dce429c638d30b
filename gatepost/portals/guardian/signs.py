"""That a guardian has read it: who looked at a line that says “not arrived” knows, and nobody else need be told."""

from collections.abc import Mapping
from datetime import datetime

from django.http import HttpRequest

from gatepost.attendance.daylines import DayLine
from gatepost.kit.clock import local_date
from gatepost.notify import ladder
from gatepost.portals.frame import signed_in
from gatepost.roster.models import Student


def looked(request: HttpRequest, lines: Mapping[Student, DayLine], *, now: datetime) -> None:
    """The person who asks has these lines of today on the screen. For after the page was drawn.

    Costs nothing unless a line says “not arrived”. What a browser fetches ahead is not a look.
    """
    if request.method != "GET" or "prefetch" in request.headers.get("Sec-Purpose", ""):
        return
    missing = [child for child, line in lines.items() if line.state == "not_arrived"]
    for day in {local_date(now, child.school.timezone) for child in missing}:
        about = [child.pk for child in missing if local_date(now, child.school.timezone) == day]
        ladder.seen(signed_in(request).pk, about, on_date=day, now=now)
