"""The second factor at the sign-in: set up at the first, with codes for the day the device is lost; asked at each."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.stages import AuthenticateStage
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from gatepost.access.doors import PUBLIC, open_to
from gatepost.accounts import second_factor
from gatepost.accounts.attempts import TooOften
from gatepost.accounts.models import Account
from gatepost.accounts.passkey_challenges import Purpose
from gatepost.accounts.second_factor import FactorRefused
from gatepost.kit.sealed import SealError
from gatepost.portals import words
from gatepost.portals.frame import page, public_frame
from gatepost.portals.moment import now_of
from gatepost.portals.signin.passkey_offers import offer
from gatepost.portals.signin.stages import SetUpStage, at

SECRET = "second-factor-offer"  # noqa: S105 - where the session keeps it, sealed, and until when
OFFERED_FOR = timedelta(minutes=15)
FRESH = "second-factor-fresh"  # the factor that this browser has just set up
FEW_CODES = 3
WRONG = gettext_lazy("This is not the code of this moment. Wait for the next one in the app and type it.")


class CodeInput(forms.TextInput):
    """For a code that is gone in half a minute: a wrong one does not stay in the way of the next."""

    def __init__(self, longest: int) -> None:
        super().__init__({"inputmode": "numeric", "autocomplete": "one-time-code", "maxlength": str(longest)})

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        return super().get_context(name, None, attrs)


class CodeForm(forms.Form):
    """A code of the app."""

    code = forms.RegexField(
        r"^\s*\d{3}\s*\d{3}\s*$",
        label=gettext_lazy("Code of the app"),
        help_text=gettext_lazy("Six digits. A new one every 30 seconds."),
        error_messages={
            "required": gettext_lazy("Type the six digits that the app shows."),
            "invalid": gettext_lazy("The code has six digits."),
        },
        widget=CodeInput(12),
    )


class AnyCodeForm(forms.Form):
    """A code of the app, or one of those for a lost device."""

    code = forms.RegexField(
        r"^\s*(\d{3}\s*\d{3}|\d{4}\s*\d{4})\s*$",
        label=gettext_lazy("Code"),
        help_text=gettext_lazy("The six digits of your app. Without your device: one of your recovery codes."),
        error_messages={
            "required": gettext_lazy("Type the six digits that the app shows."),
            "invalid": gettext_lazy("A code has six digits, a recovery code eight."),
        },
        widget=CodeInput(14),
    )


@open_to(PUBLIC)
@at(AuthenticateStage)
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """After the password: the code. Nobody is signed in before."""
    stage = _stage(request)
    account: Account = stage.login.user
    form = AnyCodeForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid() and is_shown(request, account, form):
        return _go_on(stage)
    has_codes = second_factor.has_app(account) or bool(second_factor.recovery_codes(account))
    return _page(
        request,
        "account/second_factor.html",
        form=form if has_codes else None,
        has_app=second_factor.has_app(account),
        email=account.email,
        passkey=offer(request, Purpose.SECOND_FACTOR, reverse("passkey-second-factor"), account=account),
    )


@open_to(PUBLIC)
@at(SetUpStage)
@require_http_methods(["GET", "HEAD", "POST"])
def set_up(request: HttpRequest) -> HttpResponse:
    """At the first sign-in: the app gets its secret and shows that it has it."""
    stage = _stage(request)
    account: Account = stage.login.user
    if second_factor.is_set_up(account):  # in another browser, or by the "back" of this one
        return redirect("second-factor-codes") if FRESH in request.session else _start_again(stage)
    form = CodeForm(request.POST if request.method == "POST" else None)
    secret = secret_of(request)
    if form.is_bound and form.is_valid():
        try:
            factor = second_factor.set_up(account, secret, form.cleaned_data["code"], now=now_of(request))
        except (FactorRefused, TooOften) as refused:
            add_refusal(form, refused)
        else:
            del request.session[SECRET]
            request.session[FRESH] = factor
            shown(request, account, factor)
            return redirect("second-factor-codes")
    passkey = offer(request, Purpose.ADD, reverse("passkey-set-up"), account=account)
    return _page(request, "account/second_factor_new.html", form=form, passkey=passkey, **app_of(account, secret))


@open_to(PUBLIC)
@at(SetUpStage)
@require_http_methods(["GET", "HEAD", "POST"])
def codes(request: HttpRequest) -> HttpResponse:
    """The recovery codes, until the person says that they are kept; then the sign-in goes on."""
    stage = _stage(request)
    account: Account = stage.login.user
    if not second_factor.standing(account.pk, request.session.get(FRESH, 0)).exists():
        return redirect("second-factor-new")
    if request.method == "POST":
        del request.session[FRESH]
        return _go_on(stage)
    return _page(request, "account/recovery_codes.html", codes=grouped(account))


def secret_of(request: HttpRequest) -> str:
    """The secret offered to this browser: the same one for a while, so that a second look is not a second QR.

    Not for longer: somebody else may have looked at it on a screen that was left open, and would have the second
    factor as well.
    """
    now, kept = now_of(request), request.session.get(SECRET)
    if kept and now < datetime.fromisoformat(kept["until"]):
        with suppress(SealError):
            return second_factor.opened(kept["secret"])
    secret = second_factor.new_secret()
    until = (now + OFFERED_FOR).isoformat()
    request.session[SECRET] = {"secret": second_factor.sealed(secret), "until": until}
    return secret


def app_of(account: Account, secret: str) -> dict[str, Any]:
    """What a page shows so that an app gets `secret`: the QR code, the same as a link, and typed out."""
    uri = second_factor.app_uri(account, secret)
    drawn: SafeString = mark_safe(second_factor.drawing(uri))  # noqa: S308 - drawn from our own letters and digits
    return {
        "qr": drawn,
        "uri": uri,
        "typed": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "email": account.email,
    }


def grouped(account: Account) -> list[str]:
    """The recovery codes as they are read aloud: four digits and four."""
    return [f"{code[:4]} {code[4:]}" for code in second_factor.recovery_codes(account)]


def shown(request: HttpRequest, account: Account, factor: int) -> None:
    """The browser has shown `factor` of `account`."""
    post_authentication(request, Authenticator.objects.get(pk=factor, user=account))
    second_factor.remember(request.session, factor)


def add_refusal(form: forms.Form, refused: Exception) -> None:
    """Why a code was not taken, at its field."""
    form.add_error("code", words.wait_text(refused) if isinstance(refused, TooOften) else str(WRONG))


def is_shown(request: HttpRequest, account: Account, form: forms.Form) -> bool:
    """Whether the `code` of a form is one of `account`'s now; if so the browser has shown its factor."""
    try:
        factor = second_factor.check(account, form.cleaned_data["code"], now=now_of(request))
    except (FactorRefused, TooOften) as refused:
        add_refusal(form, refused)
        return False
    shown(request, account, factor)
    _say_how_many_are_left(request, account, factor)
    return True


def _page(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    """A page on the way in: without a button to sign in."""
    return page(request, template, public_frame(request) | {"sign_in_url": ""}, **context)


def _say_how_many_are_left(request: HttpRequest, account: Account, factor: int) -> None:
    used_one = Authenticator.objects.filter(pk=factor, type=Authenticator.Type.RECOVERY_CODES).exists()
    left = len(second_factor.recovery_codes(account)) if used_one else FEW_CODES + 1
    if left <= FEW_CODES:
        text = ngettext("You have {n} recovery code left.", "You have {n} recovery codes left.", left)
        messages.warning(request, text.format(n=left))


def _stage(request: HttpRequest) -> Any:
    """The library's stage, put there by its decorator."""
    return request._login_stage  # type: ignore[attr-defined]


def _go_on(stage: Any) -> HttpResponse:
    answer: HttpResponse = stage.exit()
    return answer


def _start_again(stage: Any) -> HttpResponse:
    answer: HttpResponse = stage.abort()
    return answer
