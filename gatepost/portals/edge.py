"""The outermost layer: every answer has a number in the log, and the headers that a browser needs to be careful.

What Django and django-csp set (policy, frames, sniffing, referrer, HSTS) is in the settings; here is the rest of what
the OWASP sheets on HTTP headers and on sessions recommend, for pages, errors and static files alike.
"""

import re
import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from gatepost.kit.logs import request_id

HEADERS = {
    "Server": "gatepost",  # or the server names itself
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    # What no page of ours ever asks a phone for.
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Permitted-Cross-Domain-Policies": "none",
}
_GIVEN = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)


class EdgeMiddleware:
    """First of all middleware, so that its headers are on every answer, whoever made it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        number = _number(request)
        token = request_id.set(number)
        try:
            response = self.get_response(request)
        finally:
            request_id.reset(token)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers["X-Request-Id"] = number
        if not response.has_header("Cache-Control"):
            response.headers["Cache-Control"] = "no-store" if _is_personal(request, response) else "no-cache"
        return response


def _number(request: HttpRequest) -> str:
    """The number that a proxy of ours gave the request, or a fresh one."""
    given = request.headers.get("X-Request-Id", "") if settings.TRUSTED_PROXIES else ""
    return given if _GIVEN.fullmatch(given) else secrets.token_hex(8)


def _is_personal(request: HttpRequest, response: HttpResponse) -> bool:
    """Whether somebody is signed in, or just was: the next person at this phone must not find it with "back"."""
    return settings.SESSION_COOKIE_NAME in request.COOKIES or settings.SESSION_COOKIE_NAME in response.cookies
