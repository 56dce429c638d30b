"""What time it is for a page: the one place in the portals that looks at a clock."""

from datetime import datetime

from django.http import HttpRequest

from gatepost.kit.clock import utc_now

# A server may say what time it is, as tests do. No header of a browser ends up under a name with a dot.
KEY = "gatepost.now"


def now_of(request: HttpRequest) -> datetime:
    """The moment this request is answered at."""
    said = request.META.get(KEY)
    return said if isinstance(said, datetime) else utc_now()
