"""For whom a phone may keep what the home page said: every answer says it, and the worker compares."""

from collections.abc import Callable, Iterable
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from gatepost.access import queries

HEADER = "Gatepost-Kept-For"
KEPT_SECONDS = settings.SESSION_COOKIE_AGE  # what is older is not shown: nobody could have seen it without signing in


def mark(request: HttpRequest, children: Iterable[UUID]) -> str:
    """A word for a sign-in and the children it may see: another sign-in, or a child less, is another word."""
    named = ",".join(sorted(str(child) for child in children))
    digest: bytes = settings.KEY_RING.digest(f"kept-for:{request.session.session_key}:{named}")
    return digest.hex()[:32]


class KeptMiddleware:
    """Marks every page that a browser opens. After the session and the account are known."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # What a server in trouble says is compared by none.
        if response.status_code >= 500:
            return response
        # Only what a person opens is compared; whoever does not say so (old browsers, scripts) has no worker of ours.
        if request.headers.get("Sec-Fetch-Mode") == "navigate" and request.user.is_authenticated:
            children = queries.children(request.user).values_list("pk", flat=True)
            response.headers[HEADER] = mark(request, children)
        return response
