"""A forgotten password: an email is typed, a link comes to its mailbox, behind it a new password is set.

As with the link of an activation, the address with its token does not stay in the browser's line. The link signs
nobody in: after it one signs in with the new password, and with the second factor where there is one.
"""

from datetime import datetime, timedelta
from typing import Any

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from gatepost.access.doors import PUBLIC, open_to
from gatepost.accounts import attempts, devices, forgotten
from gatepost.accounts.activation import ActivationRefused
from gatepost.accounts.attempts import TooOften
from gatepost.accounts.models import Account
from gatepost.notify.proofs import LINK, note_mailbox
from gatepost.portals import words
from gatepost.portals.frame import page, public_frame
from gatepost.portals.moment import now_of
from gatepost.portals.signin.activation import EmailForm, PasswordForm
from gatepost.portals.visitor import network_address
from gatepost.sso import sessions

TRIES_MOST, TRIES_WITHIN = 10, timedelta(hours=1)
PROOF = "forgotten-password"
REFUSALS = {
    "unknown": gettext_lazy("It was used already, or it is not complete. Have a new one sent."),
    "old": gettext_lazy("This link is older than one hour. Have a new one sent."),
}


class NewPasswordForm(PasswordForm):
    """Each password that is offered counts: whoever holds the link must not learn here which ones there were."""

    def __init__(self, *args: Any, person: Account, now: datetime, **more: Any) -> None:
        super().__init__(*args, person=person, **more)
        self._whose, self._now = str(person.pk), now

    def clean_password(self) -> str:
        try:
            attempts.take("new-password", self._whose, most=TRIES_MOST, within=TRIES_WITHIN, now=self._now)
        except TooOften as often:
            raise ValidationError(words.wait_text(often)) from often
        return super().clean_password()


@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Have a link sent. The answer is the same for every address."""
    form = EmailForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        email = form.cleaned_data["email"]
        try:
            forgotten.ask(email, network_address=network_address(request), now=now_of(request))
        except TooOften as often:
            form.add_error("email", words.wait_text(often))
        else:
            return page(request, "account/forgotten_sent.html", public_frame(request), email=email)
    return page(request, "account/forgotten.html", public_frame(request), form=form)


@open_to(PUBLIC)
@require_safe
def link(request: HttpRequest, token: str) -> HttpResponse:
    """The link of a mail. Opening it uses nothing up: mail programs look at links before people do."""
    try:
        found = forgotten.find(token, now=now_of(request))
    except ActivationRefused as refused:
        return _refused(request, refused.code)
    request.session[PROOF] = found.pk
    return redirect("forgotten-new")


@sensitive_post_parameters("password", "again")
@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def set_new(request: HttpRequest) -> HttpResponse:
    """The new password. All devices are signed out, this one too."""
    now = now_of(request)
    if PROOF not in request.session:
        return redirect("forgotten")
    try:
        account = forgotten.still(request.session[PROOF], now=now)
        form = NewPasswordForm(request.POST or None, person=account, now=now)
        if request.method == "POST" and form.is_valid():
            return _set(request, form.cleaned_data["password"], now)
    except ActivationRefused as refused:
        del request.session[PROOF]
        return _refused(request, refused.code)
    return page(request, "account/forgotten_new.html", public_frame(request), form=form, email=account.email)


def _set(request: HttpRequest, password: str, now: datetime) -> HttpResponse:
    with transaction.atomic():
        account: Account = forgotten.use(request.session[PROOF], password, now=now)
        note_mailbox(account.pk, account.email, by=LINK, now=now)
        sessions.end_all(account.pk, because="password", now=now)
        devices.end_others(account, but="")
    get_adapter(request).forget_failures(request, account.email)
    logout(request)
    messages.success(request, _("Your new password is set. Sign in with it."))
    return redirect("account_login")


def _refused(request: HttpRequest, code: str) -> HttpResponse:
    status = 404 if code == "unknown" else 410
    return page(request, "account/forgotten_refused.html", public_frame(request), status=status, reason=REFUSALS[code])
