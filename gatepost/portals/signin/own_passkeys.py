"""One's own passkeys: making one, naming it, removing it."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from gatepost.access import queries
from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.accounts import devices, passkeys, proofs, second_factor
from gatepost.accounts.models import Account, Passkey
from gatepost.accounts.passkey_challenges import Purpose
from gatepost.accounts.passkeys import NAME_CHARACTERS_MAX, PasskeyRefused
from gatepost.portals.frame import page, public_frame, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.signin.devices import seen_of
from gatepost.portals.signin.passkey_offers import SENTENCES, made, offer
from gatepost.portals.signin.second_factor import grouped

View = Callable[..., HttpResponse]


class NameForm(forms.Form):
    """What its owner calls a passkey."""

    name = forms.CharField(
        label=gettext_lazy("Name of the passkey"),
        help_text=gettext_lazy("So that you know it again in your list, for instance “My phone”."),
        max_length=NAME_CHARACTERS_MAX,
        error_messages={
            "required": gettext_lazy("Give it a name."),
            "max_length": gettext_lazy("A shorter name, please: 60 characters at most."),
        },
    )


def proved(view: View) -> View:
    """For a page that changes how one signs in: who has not shown for a while who they are does so first."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **more: Any) -> HttpResponse:
        if proofs.is_fresh(request, now=now_of(request)):
            return view(request, *args, **more)
        return HttpResponseRedirect(f"{reverse('sign-in-again')}?{urlencode({'next': request.path})}")

    return inner


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
@proved
def new(request: HttpRequest) -> HttpResponse:
    """Make a passkey on this device. Whose role needs a second factor gets recovery codes with the first one."""
    account = signed_in(request)
    if not passkeys.are_offered():
        return redirect("own-ways")
    had_codes = bool(second_factor.recovery_codes(account))
    form = NameForm(request.POST if request.method == "POST" else None, initial={"name": seen_of(request).system})
    if form.is_bound and form.is_valid():
        try:
            needed = queries.needs_second_factor(account)
            passkey = made(request, account, form.cleaned_data["name"], with_codes=needed)
        except PasskeyRefused as refused:
            form.add_error(None, str(SENTENCES[refused.code]))
        else:
            return _added(request, account, passkey, shows_codes=needed and not had_codes)
    passkey_offer = offer(request, Purpose.ADD, reverse("own-passkey-new"), account=account)
    return _page(request, "account/own_passkey_new.html", form=form, passkey=passkey_offer)


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def rename(request: HttpRequest, passkey_id: UUID) -> HttpResponse:
    """Give one's own passkey another name."""
    return _rename(request, passkey=_own(request, passkey_id))


@proved
def _rename(request: HttpRequest, *, passkey: Passkey) -> HttpResponse:
    form = NameForm(request.POST if request.method == "POST" else None, initial={"name": passkey.name})
    if form.is_bound and form.is_valid():
        passkeys.rename(passkey, form.cleaned_data["name"], now=now_of(request))
        messages.success(request, _("The passkey has its new name."))
        return redirect("own-ways")
    return _page(request, "account/own_passkey_name.html", form=form)


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, passkey_id: UUID) -> HttpResponse:
    """Remove one's own passkey, unless it is what one's role or one's sign-in stands on."""
    return _remove(request, passkey=_own(request, passkey_id))


@proved
def _remove(request: HttpRequest, *, passkey: Passkey) -> HttpResponse:
    needed_for = _needed_for(passkey)
    if request.method == "POST" and not needed_for:
        passkeys.remove(passkey, now=now_of(request))
        devices.end_others(passkey.account, but=request.session.session_key or "")  # one of them may be what was lost
        messages.success(request, _("The passkey is removed. Your other devices are signed out."))
        return redirect("own-ways")
    return _page(request, "account/own_passkey_remove.html", passkey=passkey, needed_for=needed_for)


def _needed_for(passkey: Passkey) -> str:
    """Why it cannot go; empty if it can."""
    account = passkey.account
    if passkeys.of(account).exclude(pk=passkey.pk).exists():
        return ""
    if queries.needs_second_factor(account) and not second_factor.has_app(account):
        return _("Your role asks for a second factor, and this is your only one. Add another passkey or an app first.")
    if not account.has_usable_password():
        return _("You have no password, and this is your only passkey. Set a password first.")
    return ""


def _added(request: HttpRequest, account: Account, passkey: Passkey, *, shows_codes: bool) -> HttpResponse:
    text = _("“{name}” is added. From now on it signs you in.").format(name=passkey.name)
    messages.success(request, text)
    if shows_codes:
        return _page(request, "account/recovery_codes.html", codes=grouped(account), done_url=reverse("own-ways"))
    return redirect("own-ways")


def _own(request: HttpRequest, passkey_id: UUID) -> Passkey:
    passkey = passkeys.owned(signed_in(request), passkey_id)
    if passkey is None:
        raise Http404
    return passkey


def _page(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    return page(request, template, public_frame(request), **context)
