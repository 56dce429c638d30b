"""Somebody who is signed in proves once more who they are: a service asked for it, or something of weight comes.

What a sign-in asks is asked here: the password and, of who has one, the second factor.
"""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from gatepost.access import queries
from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.accounts import proofs, second_factor
from gatepost.accounts.attempts import TooOften
from gatepost.accounts.models import Account
from gatepost.accounts.passkey_challenges import Purpose
from gatepost.portals.frame import page, public_frame, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.signin.aims import wanted
from gatepost.portals.signin.passkey_offers import offer
from gatepost.portals.signin.second_factor import AnyCodeForm, is_shown


class AgainForm(forms.Form):
    password = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        error_messages={"required": gettext_lazy("Type your password.")},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class AgainWithCodeForm(AgainForm, AnyCodeForm):
    """The same for who has a second factor."""

    field_order = ("password", "code")


@sensitive_post_parameters("password")
@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def again(request: HttpRequest) -> HttpResponse:
    """The password once more, and the code, then back to where it was asked for."""
    account = signed_in(request)
    asks_code = second_factor.has_app(account) or queries.needs_second_factor(account)
    form = (AgainWithCodeForm if asks_code else AgainForm)(request.POST or None)
    aim = wanted(request) or reverse("home")
    if request.method == "POST" and form.is_valid() and _is_proven(request, account, form):
        return HttpResponseRedirect(aim)
    more: dict[str, Any] = {
        "form": form,
        "email": account.email,
        "next": aim,
        "for_service": aim.startswith(reverse("sso-authorize")),
        "passkey": offer(request, Purpose.AGAIN, reverse("passkey-again"), account=account),
    }
    return page(request, "account/again.html", public_frame(request), **more)


def _is_proven(request: HttpRequest, account: Account, form: AgainForm) -> bool:
    """The password first, so that no code is used up beside a wrong one; remembered only with the code."""
    try:
        if not proofs.is_password(account, form.cleaned_data["password"], now=now_of(request)):
            form.add_error("password", _("This is not the password of this account."))
            return False
    except TooOften:
        form.add_error("password", _("Too many attempts. Wait 15 minutes, then try again."))
        return False
    if "code" in form.fields and not is_shown(request, account, form):
        return False
    proofs.remember_password(request, account, now=now_of(request))
    return True
