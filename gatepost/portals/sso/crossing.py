"""Apps that run in a browser at their own address and ask ours (CORS): only from where they are registered.

Never with cookies: what they show is a code with its proof, or a token.
"""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from gatepost.sso import services

PREFLIGHT_KEPT_SECONDS = 600
_ORIGIN_CHARACTERS_MAX = 260


def for_browsers_of_services(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let the scripts of registered apps read what `view` answers, and ask first whether they may."""

    @wraps(view)
    def crossing(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        origin = request.headers.get("Origin", "")
        is_ours = _is_readable(origin) and services.is_origin_of_an_app(origin)
        is_asking = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        response = HttpResponse(status=204) if is_asking and is_ours else view(request, *args, **kwargs)
        if is_ours:
            response["Access-Control-Allow-Origin"] = origin
            response["Access-Control-Expose-Headers"] = "WWW-Authenticate"
        if is_asking and is_ours:
            response["Access-Control-Allow-Methods"] = "GET, POST"
            response["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
            response["Access-Control-Max-Age"] = str(PREFLIGHT_KEPT_SECONDS)
        patch_vary_headers(response, ["Origin"])
        return response

    return crossing


def _is_readable(origin: str) -> bool:
    return 0 < len(origin) <= _ORIGIN_CHARACTERS_MAX and origin.isascii() and origin.isprintable()
