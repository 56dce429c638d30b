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
from gatepost.accounts import devices, passkeys, proofs, second_factor
from gatepost.accounts.attempts import TooOften
from gatepost.accounts.models import Account
from gatepost.accounts.second_factor import FactorRefused
from gatepost.portals.frame import page, public_frame, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.signin.own_passkeys import proved
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
    """Setting up an app, for who has none."""
    account = signed_in(request)
    if second_factor.has_app(account):
        return redirect("own-ways")
    had_codes = bool(second_factor.recovery_codes(account))
    form = SwitchOnForm(request.POST if request.method == "POST" else None)
    secret = secret_of(request)
    if form.is_bound and form.is_valid() and _is_switched_on(request, account, secret, form):
        return redirect("own-ways") if had_codes else _show_codes(request, account)
    return _page(request, "account/own_factor_new.html", form=form, **app_of(account, secret))


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def codes(request: HttpRequest) -> HttpResponse:
    """Ten new recovery codes for a code; the old ones are good for nothing."""
    account = signed_in(request)
    if second_factor.is_set_up(account) and not second_factor.has_app(account):
        return _codes_beside_passkeys(request)
    form = AnyCodeForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid() and _is_shown(request, account, form):
        second_factor.remember(request.session, second_factor.renew_recovery_codes(account))
        return _show_codes(request, account)
    return _ask_code(request, account, form, **_words_of_codes())


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def off(request: HttpRequest) -> HttpResponse:
    """Take the app off for a code. Whose role needs a second factor and has no passkey sets a new app up at once."""
    account = signed_in(request)
    needed, has_passkey = queries.needs_second_factor(account), passkeys.of(account).exists()
    form = AnyCodeForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid() and _is_shown(request, account, form):
        second_factor.take_app_away(account, keep_codes=needed and has_passkey, now=now_of(request))
        if not needed:
            messages.success(request, _("The second factor is switched off."))
        return redirect("own-ways")
    return _ask_code(
        request,
        account,
        form,
        title=_("Move to another phone") if needed else _("Switch the second factor off"),
        lead=_lead_of_off(needed=needed, has_passkey=has_passkey),
        button=_("Continue") if needed else _("Switch it off"),
    )


def _lead_of_off(*, needed: bool, has_passkey: bool) -> str:
    if not needed:
        return _("After that your password alone signs you in.")
    if has_passkey:
        return _("The app on the old phone ends now. Your passkeys stay: sign in with one, and set up the new phone.")
    return _("The app on the old phone and the recovery codes end now. Sign in again, and set up the new phone.")


@proved
def _codes_beside_passkeys(request: HttpRequest) -> HttpResponse:
    """Who has passkeys and no app has no code to type."""
    account = signed_in(request)
    if request.method == "POST":
        renewed, shown_before = second_factor.renew_recovery_codes(account), second_factor.shown_in(request.session)
        if (
            shown_before and not second_factor.standing(account.pk, shown_before).exists()
        ):  # it was one of the old codes
            second_factor.remember(request.session, renewed)
        return _show_codes(request, account)
    return _page(request, "account/own_factor_code.html", form=None, **_words_of_codes())


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
    return _page(request, "account/recovery_codes.html", codes=grouped(account), done_url=reverse("own-ways"))


def _words_of_codes() -> dict[str, str]:
    return {
        "title": _("New recovery codes"),
        "lead": _("The old ones are good for nothing after that."),
        "button": _("Make new codes"),
    }


def _ask_code(request: HttpRequest, account: Account, form: AnyCodeForm, **words: str) -> HttpResponse:
    if not second_factor.has_app(account):
        return redirect("own-ways")
    return _page(request, "account/own_factor_code.html", form=form, **words)


def _page(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    return page(request, template, public_frame(request), **context)
