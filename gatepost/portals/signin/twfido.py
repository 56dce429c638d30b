"""Signing in with the mobile citizen certificate: one's ID number here, a finger on the phone, and back."""

from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from gatepost.access.doors import PUBLIC, open_to
from gatepost.accounts import second_factor
from gatepost.accounts.attempts import TooOften
from gatepost.portals.frame import page, public_frame
from gatepost.portals.moment import now_of
from gatepost.portals.signin import upstream
from gatepost.roster import identity_numbers
from gatepost.roster.identity_numbers import IdentityNumberError
from gatepost.upstream import askings, twfido
from gatepost.upstream.identity import UpstreamRefused
from gatepost.upstream.models import Asking, Provider

HERE = Provider.TWFIDO
MODES = (
    (twfido.APP_LINK, gettext_lazy("The app is on this phone")),
    (twfido.SCAN, gettext_lazy("Scan a QR code with the app")),
    (twfido.PUSH, gettext_lazy("Have my phone ring")),
)


class NumberForm(forms.Form):
    """One's own ID number."""

    number = forms.CharField(
        label=gettext_lazy("Your ID or residence number"),
        max_length=20,
        error_messages={"required": gettext_lazy("Type your ID number.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )

    def clean_number(self) -> str:
        number = identity_numbers.normalise(self.cleaned_data["number"])
        try:
            identity_numbers.kind(number)
        except IdentityNumberError as error:
            raise ValidationError(str(error)) from error
        return number


class FidoForm(NumberForm):
    mode = forms.ChoiceField(
        label=gettext_lazy("Where do you open the app?"),
        choices=MODES,
        initial=twfido.APP_LINK,
        widget=forms.RadioSelect,
    )


@sensitive_post_parameters("number")
@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def begin(request: HttpRequest) -> HttpResponse:
    """The ID number, and how the app gets the question."""
    _require_open()
    if not upstream.may_begin(request, HERE):
        return redirect("own-ways")
    form = FidoForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _page(request, "account/twfido.html", form=form)
    now, state = now_of(request), askings.new_state()
    number, mode = form.cleaned_data["number"], form.cleaned_data["mode"]
    try:
        upstream.count_start(request)
        upstream.count_number(number, now=now)
        kept = twfido.begin(number, mode, state, now=now)
    except TooOften:
        return upstream.refused(request, HERE, "often")
    except UpstreamRefused as refused:
        return upstream.refused(request, HERE, refused.code)
    upstream.begin(request, HERE, state, kept, now=now)
    return redirect("twfido-wait")


@open_to(PUBLIC)
@require_safe
def wait(request: HttpRequest) -> HttpResponse:
    """What to do on the phone, until it was done. The page asks again by itself, or when it is opened anew."""
    _require_open()
    now = now_of(request)
    try:
        asking = upstream.held(request, HERE)
        askings.require_open(asking, now=now)
        kept = _looked_at(asking, now=now)
    except UpstreamRefused as refused:
        return _whole_page(request) or upstream.refused(request, HERE, refused.code)
    if kept.get("refused"):
        return _whole_page(request) or _refuse(request, asking, kept["refused"], now=now)
    if kept.get("yes"):
        return _whole_page(request) or redirect("twfido-done")
    return _page(request, "account/twfido_wait.html", **_shown(kept))


@open_to(PUBLIC)
@require_safe
def done(request: HttpRequest) -> HttpResponse:
    """The holder has said yes: signed in, or connected."""
    _require_open()
    now = now_of(request)
    try:
        asking = upstream.held(request, HERE)
        kept = askings.kept(asking)
        if not kept.get("yes"):
            return redirect("twfido-wait")
        askings.use(asking, now=now)
        return upstream.finish(request, asking, twfido.finish(kept), now=now)
    except UpstreamRefused as refused:
        return upstream.refused(request, HERE, refused.code)


def _looked_at(asking: Asking, *, now: datetime) -> askings.Kept:
    """What is known of the answer by now; the other side is asked if it is time to."""
    kept = askings.kept(asking)
    if kept.get("yes") or kept.get("refused") or not askings.may_poll(asking, every=twfido.POLL_EVERY, now=now):
        return kept
    try:
        found = {"yes": "1"} if twfido.result(kept) else {}
    except UpstreamRefused as refused:
        found = {} if refused.code == "down" else {"refused": refused.code}  # it may be back in four seconds
    if found:
        askings.keep(asking, found)
    return kept | found


def _refuse(request: HttpRequest, asking: Asking, code: str, *, now: datetime) -> HttpResponse:
    askings.use(asking, now=now)
    return upstream.refused(request, HERE, code)


def _whole_page(request: HttpRequest) -> HttpResponse | None:
    """A part of a page cannot become another page: the browser is told to open it whole."""
    if not request.headers.get("HX-Request"):
        return None
    return HttpResponse(headers={"HX-Redirect": reverse("twfido-wait")})


def _shown(kept: askings.Kept) -> dict[str, Any]:
    shown: dict[str, Any] = {"mode": kept["mode"], "poll_seconds": int(twfido.POLL_EVERY.total_seconds()) + 1}
    if kept["mode"] == twfido.APP_LINK:
        shown["link"] = twfido.app_link(kept, settings.SITE_URL + reverse("twfido-wait"))
    if kept["mode"] == twfido.SCAN:
        shown["qr"] = mark_safe(second_factor.drawing(kept["ticket"]))  # noqa: S308 - drawn by us
    if settings.DEMONSTRATION and settings.TWFIDO:
        shown["simulated"] = f"{settings.TWFIDO.url}/phone"
    return shown


def _page(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    return page(request, template, public_frame(request) | {"sign_in_url": ""}, **context)


def _require_open() -> None:
    if not upstream.is_open(HERE):
        raise Http404("switched off")
