"""Where a visitor comes from, as far as it can be believed: for limits, never for rights."""

from django.conf import settings
from django.http import HttpRequest


def network_address(request: HttpRequest) -> str:
    """The address that the outermost of our proxies saw; without proxies, that of the connection."""
    if settings.TRUSTED_PROXIES:
        seen = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
        if len(seen) >= settings.TRUSTED_PROXIES:
            return seen[-settings.TRUSTED_PROXIES]
    return str(request.META.get("REMOTE_ADDR", ""))
