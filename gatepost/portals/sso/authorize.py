"""Where a service sends a browser to sign in: asked once whether the service may, and what it gets."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from oauth2_provider.exceptions import FatalClientError, OAuthToolkitError

from gatepost.access.doors import PUBLIC, open_to
from gatepost.accounts import proofs
from gatepost.kit.clock import utc_now
from gatepost.portals.frame import page, public_frame, signed_in
from gatepost.portals.sso.protocol import core, is_unreadable, issuer, onward, with_parameters
from gatepost.portals.sso.words import child_choices, chosen, gives
from gatepost.sso import consents, keys, sessions, subjects
from gatepost.sso.models import Service, ServiceSession
from gatepost.sso.scopes import CHILDREN

CHALLENGE_CHARACTERS = 43  # of S256 (RFC 7636 4.2)
NONCE_CHARACTERS_MAX = 255
QUERY_CHARACTERS_MAX = 8_000
AT_ONCE_SECONDS = 60  # a smaller max_age means: prove it now


@dataclass(frozen=True)
class Asked:
    """A request to sign in, of a service and to an address that we know."""

    service: Service
    scopes: list[str]
    credentials: dict[str, Any]
    prompt: frozenset[str]

    @property
    def is_silent(self) -> bool:
        """Whether nothing may be shown to the person."""
        return "none" in self.prompt


class Refused(Exception):
    """The request goes no further; `response` says so, to the service if its address is known, else to the person."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__("refused")
        self.response = response


@csrf_exempt  # a POST of a service's page changes nothing: it is asked again as a GET
@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def authorize(request: HttpRequest) -> HttpResponse:
    """The authorization endpoint (OpenID Connect Core 3.1.2)."""
    if request.method == "POST":
        query = request.POST.urlencode()[:QUERY_CHARACTERS_MAX]
        return HttpResponseRedirect(f"{reverse('sso-authorize')}?{query}")
    try:
        asked = _read(request)
        _sign_in_first(request, asked)
        if "consent" in asked.prompt or not consents.covers(signed_in(request), asked.service, asked.scopes):
            return _ask(request, asked)
        return _hand_over(request, asked)
    except Refused as refusal:
        return refusal.response


@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def consent(request: HttpRequest) -> HttpResponse:
    """What the person answered. The query is the service's request, checked again as if it came now."""
    if request.method != "POST" or not request.user.is_authenticated:
        return HttpResponseRedirect(f"{reverse('sso-authorize')}?{request.GET.urlencode()}")
    try:
        asked = _read(request)
        _sign_in_first(request, asked)
        if request.POST.get("answer") != "give":
            raise Refused(_back(request, asked, "access_denied", "The person did not agree."))
        now = utc_now()
        with transaction.atomic():
            children = chosen(request.POST)
            consents.give(signed_in(request), asked.service, asked.scopes, children=children, now=now)
            return _hand_over(request, asked)
    except Refused as refusal:
        return refusal.response


def _read(request: HttpRequest) -> Asked:
    if is_unreadable(request) or len(request.META.get("QUERY_STRING", "")) > QUERY_CHARACTERS_MAX:
        raise Refused(_stranger(request))
    try:
        scopes, credentials = core().validate_authorization_request(request)
    except FatalClientError as error:
        raise Refused(_stranger(request)) from error
    except OAuthToolkitError as error:
        told = error.oauthlib_error
        address = with_parameters(
            told.redirect_uri,
            error=told.error,
            error_description=told.description or "",
            state=told.state or "",
            iss=issuer(),
        )
        raise Refused(onward(request, address)) from error
    except ValueError as error:  # a query that is none
        raise Refused(_stranger(request)) from error
    service = credentials["request"].client
    prompt = frozenset(request.GET.get("prompt", "").split())
    asked = Asked(service, list(scopes), credentials, prompt)
    _check_proof(request, asked)
    return asked


def _check_proof(request: HttpRequest, asked: Asked) -> None:
    """What keeps a code that was cut out on the way from being of use: PKCE by S256, or at the least a nonce."""
    challenge, method = asked.credentials.get("code_challenge"), asked.credentials.get("code_challenge_method")
    nonce = asked.credentials.get("nonce") or ""
    if challenge is not None and (
        method != "S256" or len(challenge) != CHALLENGE_CHARACTERS or not challenge.isascii()
    ):
        raise Refused(_back(request, asked, "invalid_request", "The code challenge must be made by S256."))
    if challenge is None and not nonce:
        raise Refused(_back(request, asked, "invalid_request", "Send a nonce, or a code challenge by S256."))
    if len(nonce) > NONCE_CHARACTERS_MAX:
        raise Refused(_back(request, asked, "invalid_request", "The nonce is longer than 255 characters."))
    if any(name in request.GET for name in ("request", "request_uri")):
        code = "request_not_supported" if "request" in request.GET else "request_uri_not_supported"
        raise Refused(_back(request, asked, code, "Send the parameters themselves."))


def _sign_in_first(request: HttpRequest, asked: Asked) -> None:
    """Raises `Refused` with the way to the sign-in, where somebody must sign in, or prove again who they are."""
    if not request.user.is_authenticated:
        if asked.is_silent:
            raise Refused(_back(request, asked, "login_required", "Nobody is signed in."))
        raise Refused(redirect_to_login(_again(request), resolve_url(settings.LOGIN_URL)))
    account = signed_in(request)
    hint = request.GET.get("id_token_hint")
    if hint:
        known = keys.read(hint, now=utc_now()) or {}
        if known.get("sub") != subjects.of_account(asked.service.pk, account.pk):
            raise Refused(_back(request, asked, "login_required", "Somebody else is signed in."))
    if request.method == "POST" or not ("login" in asked.prompt or _is_too_old(request, asked)):
        return
    if asked.is_silent:
        raise Refused(_back(request, asked, "login_required", "The sign-in is too long ago."))
    raise Refused(HttpResponseRedirect(f"{reverse('sign-in-again')}?{urlencode({'next': _again(request)})}"))


def _is_too_old(request: HttpRequest, asked: Asked) -> bool:
    written = request.GET.get("max_age", "")
    if not written:
        return False
    if not written.isdecimal() or len(written) > 9:
        raise Refused(_back(request, asked, "invalid_request", "max_age is a number of seconds."))
    now = utc_now()
    proof = proofs.of_session(request, signed_in(request), now=now)
    return (now - proof.at).total_seconds() > int(written)


def _again(request: HttpRequest) -> str:
    """This request once the person has signed in: what asked for that is done."""
    query, max_age = request.GET.copy(), request.GET.get("max_age", "")
    query["prompt"] = " ".join(word for word in request.GET.get("prompt", "").split() if word != "login")
    if not query["prompt"]:
        del query["prompt"]
    if max_age.isdecimal() and int(max_age[:9]) < AT_ONCE_SECONDS:
        del query["max_age"]
    return f"{reverse('sso-authorize')}?{query.urlencode()}"


def _ask(request: HttpRequest, asked: Asked) -> HttpResponse:
    if asked.is_silent:
        return _back(request, asked, "consent_required", "The person was not asked yet.")
    query = request.GET.copy()
    query.pop("prompt", None)
    return consent_page(
        request, asked.service, asked.scopes, answer_url=f"{reverse('sso-consent')}?{query.urlencode()}"
    )


def consent_page(
    request: HttpRequest, service: Service, scopes: list[str], *, answer_url: str, **context: Any
) -> HttpResponse:
    """What `service` gets, why, and of which children; the answer goes to `answer_url`."""
    account = signed_in(request)
    children = child_choices(account, service) if CHILDREN in scopes else []
    return page(
        request,
        "sso/consent.html",
        public_frame(request),
        service=service,
        gives=gives(service, scopes, has_children=bool(children)),
        children=children,
        account=account,
        answer_url=answer_url,
        logo_url=reverse("service-logo", args=[service.pk]) if service.logo else "",
        **context,
    )


def _hand_over(request: HttpRequest, asked: Asked) -> HttpResponse:
    """A code for the service, on a session of this browser there."""
    with transaction.atomic():
        session = session_at(request, asked.service)
        credentials = {**asked.credentials, "session": session}
        credentials["ui_locales"] = ""  # the library reads words here and gives a list
        address, _headers, _body, _status = core().create_authorization_response(
            request, scopes=asked.scopes, credentials=credentials, allow=True
        )
    return onward(request, address)


def session_at(request: HttpRequest, service: Service) -> ServiceSession:
    """The session of this browser at `service`, as the person last proved who they are. In a transaction."""
    account, now = signed_in(request), utc_now()
    proof = proofs.of_session(request, account, now=now)
    consents.settle(account.pk, service.pk, now=now)  # before the new session, which it would end
    return sessions.open_session(
        session_key=request.session.session_key or "",
        service=service,
        account=account,
        signed_in_at=proof.at,
        methods=proof.methods,
        factor=proof.factor,
    )


def _back(request: HttpRequest, asked: Asked, code: str, description: str) -> HttpResponse:
    """An error for the service, at its own address (RFC 6749 4.1.2.1), with who says it (RFC 9207)."""
    address = with_parameters(
        asked.credentials["redirect_uri"],
        error=code,
        error_description=description,
        state=asked.credentials.get("state") or "",
        iss=issuer(),
    )
    return onward(request, address)


def _stranger(request: HttpRequest) -> HttpResponse:
    """Not one of our services, or not its address: nobody is sent there, and nothing is said about which."""
    return page(
        request,
        "sso/refused.html",
        public_frame(request),
        status=400,
        text=_("The service that sent you here is not known here, or asked in a way that it must not."),
    )
