"""Signing in with a phone that is signed in: the computer's page with the QR code, and the phone's question.

The computer's page looks again by itself, with or without scripts, until something came of it or two minutes are over.
A yes of the phone alone signs nobody in: the computer says who said yes, and its person goes on with a button, so that
nobody is signed in to somebody else's account without noticing. Then come the same steps as after a password.
"""

import io
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import segno
from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from gatepost.access.doors import PUBLIC, SIGNED_IN, open_to
from gatepost.accounts import phone_approvals, proofs
from gatepost.accounts.attempts import TooOften
from gatepost.accounts.models import Account, PhoneApproval
from gatepost.accounts.phone_approvals import ApprovalRefused
from gatepost.portals import words
from gatepost.portals.frame import page, public_frame, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.signin.aims import wanted
from gatepost.portals.signin.devices import name_of, seen_of
from gatepost.portals.visitor import network_address
from gatepost.sso.models import Service

WAITS = "phone-approval"
REFUSALS = {
    "unknown": gettext_lazy("This code is not known, or somebody else has opened it. Show a new one on the computer."),
    "old": gettext_lazy("This code is older than two minutes. Show a new one on the computer."),
    "answered": gettext_lazy("This code was answered already. Show a new one on the computer."),
    "match": gettext_lazy(
        "That is not the number on the screen, so nobody was signed in. If you did not start this, do nothing more."
    ),
}


class MatchForm(forms.Form):
    """Which number the computer shows."""

    match = forms.ChoiceField(
        label=gettext_lazy("Which number does the computer show?"),
        error_messages={
            "required": gettext_lazy("Choose the number that the computer shows."),
            "invalid_choice": gettext_lazy("Choose one of these numbers."),
        },
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, choices: list[str], **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["match"].choices = [(one, one) for one in choices]  # type: ignore[attr-defined]


@never_cache
@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """The computer's side. `watch` in the address: only look, and begin nothing anew."""
    if request.user.is_authenticated:
        return redirect(wanted(request) or "home")
    now, kept = now_of(request), request.session.get(WAITS) or {}
    waiting = phone_approvals.waiting(kept["id"], kept["browser"]) if kept else None
    only_looks = "watch" in request.GET
    if waiting is None and (only_looks or request.method == "POST"):
        return redirect("account_login")  # the browser keeps no cookies, or another tab has gone on
    if request.method == "POST":
        return _go_on(request, kept, now)
    if waiting is None or not (only_looks or _is_still_good(request, waiting, kept, now)):
        try:
            waiting, kept = _begin(request, now)
        except TooOften as often:
            messages.warning(request, words.wait_text(often))
            return redirect("account_login")
    state = _state(waiting, now)
    if request.headers.get("HX-Request") and request.GET.get("watch") == state:
        return HttpResponse(status=204)  # nothing new: the page stays as it is
    return _waiting_page(request, waiting, kept, state)


@never_cache
@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """The phone's side: where the other browser is, which number it shows, and yes or no."""
    account, now = signed_in(request), now_of(request)
    try:
        asked = phone_approvals.look(token, account, now=now)
        if request.method == "POST" and "refuse" in request.POST:
            phone_approvals.refuse(token, account, now=now)
            return page(request, "account/phone_answered.html", public_frame(request), approved=False)
        if not proofs.was_within(request, account, time=phone_approvals.FRESH_FOR, now=now):
            here = urlencode({"next": request.path})
            return HttpResponseRedirect(f"{reverse('sign-in-again')}?{here}")
        form = MatchForm(request.POST if request.method == "POST" else None, choices=asked.choices)
        if form.is_bound and form.is_valid():
            phone_approvals.approve(token, account, form.cleaned_data["match"], now=now)
            return page(request, "account/phone_answered.html", public_frame(request), approved=True)
    except ApprovalRefused as refused:
        reason = REFUSALS[refused.code]
        return page(request, "account/phone_refused.html", public_frame(request), status=410, reason=reason)
    facts = _facts(asked, seen_of(request).network)
    return page(request, "account/phone_answer.html", public_frame(request), form=form, facts=facts, asked=asked)


def _begin(request: HttpRequest, now: datetime) -> tuple[PhoneApproval, dict[str, Any]]:
    aim = wanted(request)
    made = phone_approvals.begin(
        seen_of(request), service=_service_of(aim), network_address=network_address(request), now=now
    )
    kept = {"id": made.approval.pk, "browser": made.browser, "link": made.link, "aim": aim}
    request.session[WAITS] = kept
    return made.approval, kept


def _is_still_good(request: HttpRequest, waiting: PhoneApproval, kept: dict[str, Any], now: datetime) -> bool:
    """Whether a second look at the page shows the same code: it is open, and leads to where one wants to go."""
    return not phone_approvals.is_over(waiting, now=now) and wanted(request) == kept["aim"]


def _state(waiting: PhoneApproval, now: datetime) -> str:
    if waiting.refused_at:
        return "refused"
    if phone_approvals.is_over(waiting, now=now):
        return "over"
    if waiting.approved_at:
        return "approved"
    return "seen" if waiting.seen_at else "waiting"


def _waiting_page(request: HttpRequest, waiting: PhoneApproval, kept: dict[str, Any], state: str) -> HttpResponse:
    aim = f"?{urlencode({'next': kept['aim']})}" if kept["aim"] else ""
    return page(
        request,
        "account/phone.html",
        public_frame(request) | {"sign_in_url": ""},
        waiting=waiting,
        state=state,
        looks_again=state in ("waiting", "seen"),
        watch_url=f"{reverse('phone')}?watch={state}",
        again_url=reverse("phone") + aim,
        others_url=reverse("account_login") + aim,
        qr=_drawn(settings.SITE_URL + reverse("phone-answer", args=[kept["link"]])),
    )


def _go_on(request: HttpRequest, kept: dict[str, Any], now: datetime) -> HttpResponse:
    try:
        account: Account = phone_approvals.redeem(kept["id"], kept["browser"], now=now)
    except ApprovalRefused:
        return redirect(f"{reverse('phone')}?watch=approved")
    del request.session[WAITS]
    record_authentication(request, account, method="phone", at=now.timestamp())
    response: HttpResponse = perform_login(
        request, account, email_verification="none", redirect_url=kept["aim"] or None
    )
    return response


def _service_of(aim: str) -> str:
    """The name of the service that the browser goes on to, if it is one."""
    parts = urlsplit(aim)
    client = parse_qs(parts.query).get("client_id", [""])[0] if parts.path == reverse("sso-authorize") else ""
    service = Service.objects.filter(client_id=client, stopped_at=None).first() if client else None
    return str(service.name) if service else ""


def _facts(asked: PhoneApproval, network_here: str) -> list[dict[str, str]]:
    """What the phone's owner looks at before saying yes."""
    same = _("the same as this phone’s") if asked.network == network_here else _("another one than this phone’s")
    facts = [
        (_("Browser"), name_of(asked.browser, asked.system)),
        (_("Network"), f"{asked.network} ({same})"),
        (_("Asked at"), date_format(timezone.localtime(asked.made_at), "H:i")),
        (_("Goes on to"), asked.service or _("Gatepost")),
    ]
    return [{"label": label, "value": value} for label, value in facts]


def _drawn(address: str) -> SafeString:
    out = io.BytesIO()
    segno.make_qr(address, error="m").save(out, kind="svg", border=4, xmldecl=False, omitsize=True)
    return mark_safe(out.getvalue().decode())  # noqa: S308 - drawn from our own address
