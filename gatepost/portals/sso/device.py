"""Signing in to a device without a keyboard (RFC 8628): where it asks, and where a person types what it shows."""

import json

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST
from oauthlib.oauth2.rfc6749.utils import scope_to_list

from gatepost.access.doors import PUBLIC, SIGNED_IN, open_to
from gatepost.accounts.attempts import TooOften
from gatepost.kit.clock import utc_now
from gatepost.portals import words
from gatepost.portals.forms import text_field
from gatepost.portals.frame import page, public_frame, signed_in
from gatepost.portals.sso.authorize import consent_page, session_at
from gatepost.portals.sso.protocol import answer, as_library, core, error, is_unreadable, issuer
from gatepost.portals.sso.words import chosen
from gatepost.portals.visitor import network_address
from gatepost.sso import consents, devices
from gatepost.sso.models import DeviceRequest

TYPED_MAX = 40


class CodeForm(forms.Form):
    """What the device shows."""

    user_code = text_field(
        gettext_lazy("The code"),
        longest=TYPED_MAX,
        help_text=gettext_lazy("Eight letters, for instance WDJB-MJHT. Capitals and the line do not matter."),
    )


@csrf_exempt
@open_to(PUBLIC)
@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """A device asks for the codes of a sign-in (RFC 8628 3.1)."""
    if is_unreadable(request):
        return error("invalid_request", "A parameter holds a character that cannot be.")
    asking, validator = as_library(request), core().server.request_validator
    client_id = request.POST.get("client_id", "")
    if not client_id or not validator.authenticate_client_id(client_id, asking):
        return error("invalid_client", "No device is known by this name.", status=401)
    if not asking.client.is_device:
        return error("unauthorized_client", "The service is not registered as a device.")
    scopes = scope_to_list(request.POST.get("scope", "")) or validator.get_default_scopes(client_id, asking)
    if not validator.validate_scopes(client_id, scopes, asking.client, asking):
        return error("invalid_scope", "The device may not ask for that.")
    try:
        kept, shown = devices.ask(asking.client, scopes, network_address=network_address(request), now=utc_now())
    except TooOften as often:
        refusal = error("slow_down", "Too many devices asked. Wait, then try again.", status=429)
        refusal["Retry-After"] = str(often.minutes * 60)
        return refusal
    page_url = issuer() + reverse("device")
    told = {
        "device_code": kept,
        "user_code": shown,
        "verification_uri": page_url,
        "verification_uri_complete": f"{page_url}?user_code={shown}",
        "expires_in": int(devices.LIVES.total_seconds()),
        "interval": devices.INTERVAL_SECONDS,
    }
    return answer({"Content-Type": "application/json"}, json.dumps(told), 200)


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def device(request: HttpRequest) -> HttpResponse:
    """Type the code, see what the device gets, and answer."""
    fields = request.POST if request.method == "POST" else request.GET
    form = CodeForm(fields if "user_code" in fields else None)
    if form.is_bound and form.is_valid():
        try:
            found = devices.find(form.cleaned_data["user_code"], signed_in(request), now=utc_now())
        except TooOften as often:
            form.add_error("user_code", words.wait_text(often))
        else:
            if found is not None:
                return _answer(request, found, form.cleaned_data["user_code"])
            form.add_error("user_code", _("No device shows this code now. Look again, or have it show a new one."))
    return page(request, "sso/device.html", public_frame(request), form=form)


def _answer(request: HttpRequest, found: DeviceRequest, typed: str) -> HttpResponse:
    given = request.POST.get("answer")
    if given == "give":
        with transaction.atomic():
            now = utc_now()
            consents.give(signed_in(request), found.service, found.scopes, children=chosen(request.POST), now=now)
            devices.allow(found, session_at(request, found.service), now=now)
        title = _("{service} is signed in").format(service=found.service.name)
        lead = _("Look at the device: it goes on by itself. When you sign out in this browser, it is signed out too.")
    elif given == "refuse":
        devices.refuse(found, now=utc_now())
        title, lead = _("{service} was not signed in").format(service=found.service.name), _("It got nothing.")
    elif request.method == "POST":  # so that the code stands in the address, and a sign-in in between leads back
        return HttpResponseRedirect(f"{reverse('device')}?user_code={devices.plain(typed)}")
    else:
        shown = devices.written(devices.plain(typed))
        return consent_page(request, found.service, found.scopes, answer_url=reverse("device"), shown_code=shown)
    return page(request, "sso/device_done.html", public_frame(request), title=title, lead=lead)
