"""Connecting LINE: our LINE account as a friend, the page it names, and LINE's word that both are the same person."""

import io
import re
from urllib.parse import quote, urlencode

import segno
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.accounts.attempts import TooOften
from gatepost.notify.line import links
from gatepost.notify.models import Address, Channel
from gatepost.portals.frame import family_frame, page, public_frame, signed_in
from gatepost.portals.moment import now_of

ADD_FRIEND = "https://line.me/R/ti/p/"
ACCOUNT_LINK = "https://access.line.me/dialog/bot/accountLink"
LINK_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{8,500}", re.ASCII)


@open_to(SIGNED_IN)
@require_safe
def connect(request: HttpRequest) -> HttpResponse:
    """What to do on LINE, in three steps."""
    _switched_on()
    friend = ADD_FRIEND + quote(settings.LINE_ACCOUNT, safe="")
    return page(
        request,
        "guardian/line.html",
        family_frame(request, current="settings"),
        account=settings.LINE_ACCOUNT,
        friend_url=friend,
        picture=_qr(friend),
        crumbs=_crumbs(),
        back_url=reverse("family-settings"),
    )


@open_to(SIGNED_IN)
@require_safe
def again(request: HttpRequest, address_id: int) -> HttpResponse:
    """The same steps for a LINE that was switched off."""
    _switched_on()
    if not Address.objects.filter(account=signed_in(request), pk=address_id, channel=Channel.LINE).exists():
        raise Http404("no such address of yours")
    return redirect("address-line")


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def link(request: HttpRequest) -> HttpResponse:
    """The page that our LINE account names. Says what linking means, and sends the person back to LINE to do it."""
    _switched_on()
    token = request.GET.get("linkToken", "")
    if not LINK_TOKEN.fullmatch(token):
        return _say(
            request, refused=_("This link is not whole. Write to our LINE account, and it sends you a new one.")
        )
    if request.method != "POST":
        return _say(request)
    try:
        nonce = links.begin(signed_in(request), now=now_of(request))
    except TooOften as often:
        wait = _("Enough tries for now. Please try again in {minutes} minutes.").format(minutes=often.minutes)
        return _say(request, refused=wait, status=429)
    # A form of ours may lead to us only (`form-action`), so a small page leads on.
    onward = f"{ACCOUNT_LINK}?{urlencode({'linkToken': token, 'nonce': nonce})}"
    return page(request, "guardian/line_onward.html", public_frame(request), address=onward)


def _say(request: HttpRequest, *, refused: str = "", status: int = 200) -> HttpResponse:
    account = signed_in(request)
    facts = [
        _("The messages you choose come to the LINE account that sent you here."),
        _("Whoever reads that LINE reads them, on a computer and on a locked screen as well."),
        _("You can remove it in your message settings at any time."),
    ]
    if Address.objects.filter(account=account, channel=Channel.LINE).exists():
        facts.append(_("It takes the place of the LINE that is connected now."))
    return page(
        request,
        "guardian/line_link.html",
        family_frame(request, current="settings"),
        status=status,
        lead=_("You are signed in as {name} ({email}).").format(name=account.name, email=account.email),
        facts=facts,
        refused=refused,
        back_url=reverse("address-line"),
    )


def _switched_on() -> None:
    if Channel.LINE not in settings.CHANNELS:
        raise Http404("there is no LINE here")


def _qr(text: str) -> str:
    out = io.BytesIO()
    segno.make_qr(text, error="m").save(out, kind="svg", scale=4, border=2, xmldecl=False, svgns=False, omitsize=True)
    return out.getvalue().decode()


def _crumbs() -> list[dict[str, str]]:
    return [{"label": _("Account settings"), "url": reverse("family-settings")}]
