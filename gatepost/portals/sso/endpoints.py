"""The addresses that services speak to by themselves. No browser, no session, no form."""

import json
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gatepost.access.doors import PUBLIC, open_to
from gatepost.kit.clock import utc_now
from gatepost.portals.sso.crossing import for_browsers_of_services
from gatepost.portals.sso.protocol import answer, as_library, core, error, is_unreadable, issuer
from gatepost.sso import claims, devices, keys, subjects
from gatepost.sso.scopes import ALL, OF_MACHINES

KEYS_KEPT_SECONDS = 900


@open_to(PUBLIC)
@require_safe
def discovery(request: HttpRequest) -> HttpResponse:
    """What we are and can do (OpenID Connect Discovery, RFC 8414), at the issuer's own address."""
    return _public(
        {
            "issuer": issuer(),
            "authorization_endpoint": issuer() + reverse("sso-authorize"),
            "token_endpoint": issuer() + reverse("sso-token"),
            "device_authorization_endpoint": issuer() + reverse("sso-device-authorization"),
            "userinfo_endpoint": issuer() + reverse("sso-userinfo"),
            "jwks_uri": issuer() + reverse("sso-keys"),
            "revocation_endpoint": issuer() + reverse("sso-revocation"),
            "introspection_endpoint": issuer() + reverse("sso-introspection"),
            "end_session_endpoint": issuer() + reverse("sso-end-session"),
            "scopes_supported": [*ALL, *OF_MACHINES],
            "claims_supported": list(claims.NAMES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials", devices.GRANT],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": [keys.ALGORITHM],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "acr_values_supported": ["1", "2"],
            "prompt_values_supported": ["none", "login", "consent"],
            "claims_parameter_supported": False,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
            "authorization_response_iss_parameter_supported": True,
            "backchannel_logout_supported": True,
            "backchannel_logout_session_supported": True,
        }
    )


@open_to(PUBLIC)
@require_safe
def key_set(request: HttpRequest) -> HttpResponse:
    """The public keys of what we sign."""
    return _public(keys.key_set(utc_now()))


@csrf_exempt
@open_to(PUBLIC)
@for_browsers_of_services
@require_POST
@sensitive_post_parameters("client_secret", "code", "code_verifier", "refresh_token", "device_code")
def token(request: HttpRequest) -> HttpResponse:
    """Tokens for a code or a refresh token. One transaction: the row that is redeemed stays locked until the answer."""
    if is_unreadable(request):
        return error("invalid_request", "A parameter holds a character that cannot be.")
    try:
        with transaction.atomic():
            _url, headers, body, status = core().create_token_response(request)
    except ValueError:  # the library's word for a body it cannot read
        return error("invalid_request", "The body is not written as application/x-www-form-urlencoded.")
    return answer(headers, body, status)


@csrf_exempt
@open_to(PUBLIC)
@for_browsers_of_services
@require_http_methods(["GET", "HEAD", "POST"])
def userinfo(request: HttpRequest) -> HttpResponse:
    """What the person gave to the service, as it is at this moment."""
    if "access_token" in request.GET:  # it would stand in logs (RFC 9700 4.3.2)
        return error("invalid_request", "Send the access token in the Authorization header.")
    if is_unreadable(request):
        return error("invalid_request", "A parameter holds a character that cannot be.")
    try:
        _url, headers, body, status = core().create_userinfo_response(request)
    except ValueError:
        return error("invalid_request", "The request cannot be read.")
    return answer(headers, body, status)


@csrf_exempt
@open_to(PUBLIC)
@for_browsers_of_services
@require_POST
@sensitive_post_parameters("client_secret", "token")
def revocation(request: HttpRequest) -> HttpResponse:
    """A service gives a token of its own back (RFC 7009). The answer is the same for one that is none."""
    if is_unreadable(request):
        return error("invalid_request", "A parameter holds a character that cannot be.")
    try:
        with transaction.atomic():
            _url, headers, body, status = core().create_revocation_response(request)
    except ValueError:
        return error("invalid_request", "The body is not written as application/x-www-form-urlencoded.")
    return answer(headers, body, status)


@csrf_exempt
@open_to(PUBLIC)
@require_POST
@sensitive_post_parameters("client_secret", "token")
def introspection(request: HttpRequest) -> HttpResponse:
    """Whether an access token of the service that asks still counts (RFC 7662). Others' tokens do not, for it."""
    if is_unreadable(request) or not request.POST.get("token"):
        return error("invalid_request", "Send the token in the parameter token.")
    validator = core().server.request_validator
    asking = as_library(request)
    if not validator.authenticate_client(asking):
        refusal = error("invalid_client", "The service is not known by this name and secret.", status=401)
        refusal["WWW-Authenticate"] = 'Basic realm="gatepost"'
        return refusal
    asked = as_library(request)
    if not validator.validate_bearer_token(request.POST["token"], [], asked) or asked.client != asking.client:
        return _private({"active": False})
    held = asked.access_token
    told = {
        "active": True,
        "iss": issuer(),
        "client_id": asking.client.client_id,
        "scope": held.scope,
        "token_type": "Bearer",
        "exp": int(held.expires.timestamp()),
    }
    if held.session_id is not None:  # a machine's own has no person
        told |= {"sub": subjects.of_account(asking.client.pk, held.user_id), "sid": str(held.session_id)}
    return _private(told)


def _public(document: dict[str, Any]) -> HttpResponse:
    """For everybody, browsers of other sites among them; kept for a while."""
    response = JsonResponse(document)
    response["Access-Control-Allow-Origin"] = "*"
    response["Cache-Control"] = f"public, max-age={KEYS_KEPT_SECONDS}"
    return response


def _private(document: dict[str, Any]) -> HttpResponse:
    return answer({"Content-Type": "application/json"}, json.dumps(document), 200)
