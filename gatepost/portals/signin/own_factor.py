"""One's own second factor: anybody may have one; who must have one can change the phone, but not do without."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from gatepost.access import queries
from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.accounts import devices, proofs, second_factor
from gatepost.accounts.attempts import TooOften
from gatepost.accounts.models import Account
from gatepost.accounts.second_factor import FactorRefused
from gatepost.portals.frame import page, public_frame, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.signin.second_factor import (
    SECRET,
    AnyCodeForm,
    CodeForm,
    add_refusal,
    app_of,
    grouped,
    secret_of,
    shown,
)


class SwitchOnForm(CodeForm):
    """The app shows that it has the secret, and the person that they are the one who signed in."""

    password = forms.CharField(
        label=gettext_lazy("Your password"),
        strip=False,
        max_length=200,
        error_messages={"required": gettext_lazy("Type your password.")},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def own(request: HttpRequest) -> HttpResponse:
    """Whether there is one; switching it on, or what can be done with it."""
    account = signed_in(request)
    if second_factor.is_set_up(account):
        return _page(
            request,
            "account/own_factor.html",
            left=len(second_factor.recovery_codes(account)),
            needed=queries.needs_second_factor(account),
        )
    form = SwitchOnForm(request.POST if request.method == "POST" else None)
    secret = secret_of(request)
    if form.is_bound and form.is_valid() and _is_switched_on(request, account, secret, form):
        return _show_codes(request, account)
    return _page(request, "account/own_factor_new.html", form=form, **app_of(account, secret))


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def codes(request: HttpRequest) -> HttpResponse:
    """Ten new recovery codes for a code; the old ones are good for nothing."""
    account = signed_in(request)
    form = AnyCodeForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid() and _is_shown(request, account, form):
        second_factor.remember(request.session, second_factor.renew_recovery_codes(account))
        return _show_codes(request, account)
    return _ask_code(
        request,
        account,
        form,
        title=_("New recovery codes"),
        lead=_("The old ones are good for nothing after that."),
        button=_("Make new codes"),
    )


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def off(request: HttpRequest) -> HttpResponse:
    """Switch it off for a code. Whose role needs one is asked to set a new one up at once."""
    account = signed_in(request)
    needed = queries.needs_second_factor(account)
    form = AnyCodeForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid() and _is_shown(request, account, form):
        second_factor.take_away(account, by=account, now=now_of(request))
        if not needed:
            messages.success(request, _("The second factor is switched off."))
        return redirect("own-factor")
    return _ask_code(
        request,
        account,
        form,
        title=_("Move to another phone") if needed else _("Switch the second factor off"),
        lead=_("The app on the old phone and the recovery codes end now. Sign in again, and set up the new phone.")
        if needed
        else _("After that your password alone signs you in."),
        button=_("Continue") if needed else _("Switch it off"),
    )


def _is_switched_on(request: HttpRequest, account: Account, secret: str, form: SwitchOnForm) -> bool:
    now = now_of(request)
    try:
        if not proofs.prove_again(request, account, form.cleaned_data["password"], now=now):
            form.add_error("password", _("This is not the password of this account."))
            return False
        factor = second_factor.set_up(account, secret, form.cleaned_data["code"], now=now)
    except (FactorRefused, TooOften) as refused:
        add_refusal(form, refused)
        return False
    del request.session[SECRET]
    shown(request, account, factor)
    devices.end_others(account, but=request.session.session_key or "")  # none of them has shown it
    return True


def _is_shown(request: HttpRequest, account: Account, form: AnyCodeForm) -> bool:
    try:
        second_factor.check(account, form.cleaned_data["code"], now=now_of(request))
    except (FactorRefused, TooOften) as refused:
        add_refusal(form, refused)
        return False
    return True


def _show_codes(request: HttpRequest, account: Account) -> HttpResponse:
    return _page(request, "account/recovery_codes.html", codes=grouped(account), done_url=reverse("own-factor"))


def _ask_code(request: HttpRequest, account: Account, form: AnyCodeForm, **words: str) -> HttpResponse:
    if not second_factor.is_set_up(account):
        return redirect("own-factor")
    return _page(request, "account/own_factor_code.html", form=form, **words)


def _page(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    return page(request, template, public_frame(request), **context)
