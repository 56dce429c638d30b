"""What all addresses of the provider share: the library behind them, errors as services read them, the way back."""

from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from oauth2_provider.oauth2_backends import OAuthLibCore
from oauthlib.common import Request

from gatepost.portals.frame import public_frame


@cache
def core() -> OAuthLibCore:
    """The library, with our validator."""
    return OAuthLibCore()


def issuer() -> str:
    """Our name as services know it: from the settings, never from the address of a request."""
    return str(settings.OAUTH2_PROVIDER["OIDC_ISS_ENDPOINT"])


def answer(headers: dict[str, str], body: str | None, status: int) -> HttpResponse:
    """The library's answer as Django's. Tokens are kept by nobody on the way."""
    response = HttpResponse(body or "", status=status, headers={"Cache-Control": "no-store", **headers})
    response.headers.setdefault("Content-Type", "application/json")
    return response


def error(code: str, description: str, *, status: int = 400) -> JsonResponse:
    """An error for a service (RFC 6749 5.2)."""
    response = JsonResponse({"error": code, "error_description": description}, status=status)
    response["Cache-Control"] = "no-store"
    return response


def is_unreadable(request: HttpRequest) -> bool:
    """Whether a parameter holds what no database and no standard does."""
    given = [
        value
        for fields in (request.GET, request.POST)
        for values in fields.lists()
        for value in (values[0], *values[1])
    ]
    return any("\0" in value for value in given)


def with_parameters(address: str, **parameters: str) -> str:
    """`address` with parameters added to what its query holds; empty ones are left out."""
    parts = urlsplit(address)
    query = parse_qsl(parts.query, keep_blank_values=True) + [
        (name, value) for name, value in parameters.items() if value
    ]
    return parts._replace(query=urlencode(query)).geturl()


def onward(request: HttpRequest, address: str) -> HttpResponse:
    """Send the browser on to a service, whose address was checked.

    A form of ours may lead to us only (`form-action` in the content security policy, which browsers apply to each
    redirection after it), so after a form a small page of its own leads on.
    """
    if request.method == "POST" or request.headers.get("Sec-Fetch-Site") == "same-origin":
        response = render(request, "sso/onward.html", {**public_frame(request), "address": address})
        response["Cache-Control"] = "no-store"
        return response
    return HttpResponseRedirect(address)


def as_library(request: HttpRequest) -> Any:
    """A POST of a service as the library reads it."""
    headers: dict[str, Any] = core().extract_headers(request)
    return Request(request.get_full_path(), "POST", request.POST.urlencode(), headers)
