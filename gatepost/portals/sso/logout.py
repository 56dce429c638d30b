"""Signing out, asked for by a service: here, and so at every service of this browser (RP-Initiated Logout)."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from gatepost.access.doors import PUBLIC, open_to
from gatepost.kit.clock import utc_now
from gatepost.portals.frame import page, public_frame, signed_in
from gatepost.portals.sso.protocol import is_unreadable, onward, with_parameters
from gatepost.sso import keys
from gatepost.sso.models import Service, ServiceSession


@dataclass(frozen=True)
class Wish:
    """What a service asks for: from which session, and where the browser goes afterwards (empty: it stays here)."""

    sid: str
    address: str


@csrf_exempt  # what it does without asking needs a token that only the service of this very session has
@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def end_session(request: HttpRequest) -> HttpResponse:
    """Sign out at once where the service shows the token of the sign-in; ask the person where it does not."""
    fields = request.POST if request.method == "POST" else request.GET
    wish = _wish(request, fields)
    if not request.user.is_authenticated:
        return _gone(request, wish)
    if wish is not None and wish.sid and _is_of_this_browser(request, wish.sid):
        logout(request)
        return _gone(request, wish)
    return page(
        request,
        "sso/sign_out.html",
        public_frame(request),
        answer_url=f"{reverse('sso-sign-out')}?{fields.urlencode()}",
    )


@open_to(PUBLIC)
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """The person said yes."""
    wish = _wish(request, request.GET)
    logout(request)
    return _gone(request, wish)


def _wish(request: HttpRequest, fields: Any) -> Wish | None:
    """None where the request does not hold together: then the person is asked, and goes nowhere else."""
    if is_unreadable(request):
        return None
    hint = fields.get("id_token_hint", "")
    told = keys.read(hint, now=utc_now()) if hint else {}
    named = {name for name in (fields.get("client_id", ""), (told or {}).get("aud", "")) if name}
    if told is None or len(named) > 1 or not all(isinstance(name, str) for name in named):
        return None
    service = Service.objects.filter(client_id__in=named, stopped_at=None).first()
    address = fields.get("post_logout_redirect_uri", "")
    if not address or service is None or not service.post_logout_redirect_uri_allowed(address):
        return Wish(str(told.get("sid", "")), "")
    return Wish(str(told.get("sid", "")), with_parameters(address, state=fields.get("state", "")))


def _is_of_this_browser(request: HttpRequest, sid: str) -> bool:
    key = request.session.session_key or ""
    mine = ServiceSession.objects.filter(session_key=key, account=signed_in(request))
    return sid in {str(number) for number in mine.values_list("pk", flat=True)}


def _gone(request: HttpRequest, wish: Wish | None) -> HttpResponse:
    if wish is not None and wish.address:
        return onward(request, wish.address)
    if request.method == "GET" and not request.GET:
        return HttpResponseRedirect(reverse("front"))
    return page(request, "sso/signed_out.html", public_frame(request), text=_("You are signed out here."))
