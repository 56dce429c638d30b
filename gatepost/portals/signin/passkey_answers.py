"""What a browser answers with a passkey: at the sign-in, after the password, at the set-up, to prove oneself again."""

from datetime import timedelta

from allauth.account.internal.flows.login import perform_login
from allauth.account.models import Login
from allauth.account.utils import get_next_redirect_url
from allauth.mfa.stages import AuthenticateStage
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from gatepost.access.doors import PUBLIC, SIGNED_IN, open_to
from gatepost.accounts import proofs
from gatepost.accounts.attempts import TooOften, take
from gatepost.accounts.models import Account
from gatepost.accounts.passkey_challenges import Purpose
from gatepost.accounts.passkeys import PasskeyRefused
from gatepost.portals.frame import signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.signin.devices import seen_of
from gatepost.portals.signin.passkey_offers import answered, made, say
from gatepost.portals.signin.second_factor import FRESH
from gatepost.portals.signin.stages import SetUpStage, at
from gatepost.portals.visitor import network_address

ADDRESS_TRIES_A_MINUTE = 600  # a whole school sits behind one address


@open_to(PUBLIC)
@require_POST
def sign_in(request: HttpRequest) -> HttpResponse:
    """With a passkey alone: nobody has typed who they are."""
    wanted = get_next_redirect_url(request)
    if request.user.is_authenticated:
        return HttpResponseRedirect(wanted or reverse("home"))
    try:
        most, within = ADDRESS_TRIES_A_MINUTE, timedelta(minutes=1)
        take("passkey-sign-in", network_address(request), most=most, within=within, now=now_of(request))
        passkey = answered(request, Purpose.SIGN_IN)
    except (PasskeyRefused, TooOften) as refused:
        say(request, refused)
        return HttpResponseRedirect(_with_next(reverse("account_login"), wanted))
    proofs.remember_passkey(request, passkey, alone=True)
    answer: HttpResponse = perform_login(request, Login(user=passkey.account, redirect_url=wanted))
    return answer


@open_to(PUBLIC)
@at(AuthenticateStage)
@require_POST
def second_factor(request: HttpRequest) -> HttpResponse:
    """After the password, in place of a code."""
    stage = request._login_stage  # type: ignore[attr-defined] # put there by the library's decorator
    try:
        passkey = answered(request, Purpose.SECOND_FACTOR, stage.login.user)
    except PasskeyRefused as refused:
        say(request, refused)
        return redirect("mfa_authenticate")
    proofs.remember_passkey(request, passkey)
    answer: HttpResponse = stage.exit()
    return answer


@open_to(PUBLIC)
@at(SetUpStage)
@require_POST
def set_up(request: HttpRequest) -> HttpResponse:
    """At the first sign-in of whose role needs a second factor, in place of an app."""
    account: Account = request._login_stage.login.user  # type: ignore[attr-defined]
    try:
        passkey = made(request, account, seen_of(request).system, is_first=True, with_codes=True)
    except PasskeyRefused as refused:
        say(request, refused)
        return redirect("second-factor-new")
    request.session[FRESH] = passkey.authenticator_id
    proofs.remember_passkey(request, passkey)
    return redirect("second-factor-codes")


@open_to(SIGNED_IN)
@require_POST
def again(request: HttpRequest) -> HttpResponse:
    """Who is signed in proves it anew, in place of the password."""
    wanted = get_next_redirect_url(request)
    try:
        passkey = answered(request, Purpose.AGAIN, signed_in(request))
    except PasskeyRefused as refused:
        say(request, refused)
        return HttpResponseRedirect(_with_next(reverse("sign-in-again"), wanted))
    proofs.remember_passkey(request, passkey, again=True)
    proofs.remember_proof(request, now_of(request))
    return HttpResponseRedirect(wanted or reverse("home"))


def _with_next(url: str, wanted: str | None) -> str:
    return f"{url}?{urlencode({'next': wanted})}" if wanted else url
