"""Where one is signed in, and signing out from afar; and writing down which browsers those are."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.signals import user_logged_in
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.accounts import devices, proofs, second_factor
from gatepost.accounts.devices import Seen
from gatepost.accounts.models import Account, Device
from gatepost.portals.frame import page, public_frame, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.visitor import network_address

WAYS: dict[str, Promise] = {
    "pwd": gettext_lazy("Password"),
    "fed": gettext_lazy("Identity of the city or the state"),
    "hwk": gettext_lazy("Passkey"),
    "swk": gettext_lazy("Passkey"),
    "otp": gettext_lazy("Code by mail"),
    "mca": gettext_lazy("Confirmed on a phone"),
}


class DeviceMiddleware:
    """Writes down, every few minutes at the most, that a device is still in use. It asks nothing: the session knows."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # A server in trouble keeps no session, and may have no database to write to.
        if response.status_code < 500 and isinstance(request.user, Account) and request.user.is_authenticated:
            _write_down(request, request.user, now_of(request))
        return response


def follow_sign_ins() -> None:
    """From now on, every sign-in is a device."""
    user_logged_in.connect(_signed_in, dispatch_uid="gatepost.portals.signin.devices")


def seen_of(request: HttpRequest) -> Seen:
    """The browser and the network that `request` comes from."""
    return devices.seen_as(request.headers.get("User-Agent", ""), network_address(request))


@open_to(SIGNED_IN)
@require_safe
def all_of_them(request: HttpRequest) -> HttpResponse:
    """Every device of one's own, this one first."""
    account, now = signed_in(request), now_of(request)
    found = sorted(devices.of(account, now=now), key=lambda one: not _is_this(request, one))
    standing = second_factor.standing_among(account, [one.factor for one in found])
    cards = [_card(one, is_this=_is_this(request, one), factor=one.factor in standing) for one in found]
    return page(request, "account/devices.html", public_frame(request), devices=cards, others=len(cards) > 1)


@open_to(SIGNED_IN)
@require_POST
def end(request: HttpRequest, device_id: int) -> HttpResponse:
    """Sign one of the others out, and what connected services hold of it."""
    if not devices.end(signed_in(request), device_id, but=_key(request)):
        raise Http404("no such device of yours")
    messages.success(request, _("That device is signed out."))
    return redirect("devices")


@open_to(SIGNED_IN)
@require_POST
def end_others(request: HttpRequest) -> HttpResponse:
    """Sign all the others out."""
    devices.end_others(signed_in(request), but=_key(request))
    messages.success(request, _("All other devices were signed out."))
    return redirect("devices")


def tell_of_new(request: HttpRequest, account: Account) -> None:
    """Tell `account` by mail that it was signed in to in a browser that it does not know."""
    now, seen = now_of(request), seen_of(request)
    with translation.override(account.language):
        parts = [name_of(seen.browser, seen.system), _moment(now), seen.network]
        about = " · ".join(part for part in parts if part)
    devices.tell(account, about, now=now)


def name_of(browser: str, system: str) -> str:
    """A browser as people call it: Chrome on Windows."""
    if browser and system:
        return _("{browser} on {system}").format(browser=browser, system=system)
    return browser or system or _("Unknown browser")


def _signed_in(sender: Any, request: HttpRequest, user: Account, **_more: Any) -> None:
    now = now_of(request)
    if request.session.session_key is None:
        request.session.save()
    _open(request, user, now)


def _write_down(request: HttpRequest, account: Account, now: datetime) -> None:
    seen_at = getattr(request.session, "seen_at", None)
    if seen_at is None:
        _open(request, account, now)
    elif devices.is_to_be_written(seen_at, now):
        devices.used(request.session, address=network_address(request), now=now)


def _open(request: HttpRequest, account: Account, now: datetime) -> None:
    proof = proofs.of_session(request, account, now=now)
    seen = seen_of(request)
    devices.opened(request.session, account, seen, methods=proof.methods, factor=proof.factor, now=now)
    request.session.seen_at = now  # type: ignore[attr-defined] # of our own store


def _card(device: Device, *, is_this: bool, factor: bool) -> dict[str, Any]:
    name = name_of(device.browser, device.system)
    methods = [value for value in device.methods if not (factor and value == "otp")]  # the factor's code is one, too
    ways = [str(WAYS[value]) for value in methods if value in WAYS]
    if factor:
        ways.append(_("Second factor"))
    facts = [
        (_("Signed in"), _moment(device.opened_at)),
        (_("Signed in with"), "＋".join(ways)),
        (_("Last used"), _("just now") if is_this else _moment(device.last_seen_at)),
        (_("Network"), device.network),
    ]
    about = {"label": _("Sign out"), "about": name, "method": "post", "kind": "plain"}
    return {
        "name": name,
        "state": "on" if is_this else "",
        "word": _("This device"),
        "facts": [{"label": label, "value": value} for label, value in facts if value],
        "actions": [] if is_this else [about | {"url": reverse("device-end", args=[device.pk])}],
    }


def _moment(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "m/d H:i")


def _is_this(request: HttpRequest, device: Device) -> bool:
    return device.session_id == _key(request)


def _key(request: HttpRequest) -> str:
    return request.session.session_key or ""
