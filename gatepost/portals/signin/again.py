"""Somebody who is signed in proves once more who they are: a service asked for it, or they change how they sign in."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.accounts import proofs
from gatepost.accounts.attempts import TooOften
from gatepost.accounts.passkey_challenges import Purpose
from gatepost.portals.frame import page, public_frame, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.signin.aims import wanted
from gatepost.portals.signin.passkey_offers import offer


class AgainForm(forms.Form):
    password = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        error_messages={"required": gettext_lazy("Type your password.")},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


@sensitive_post_parameters("password")
@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def again(request: HttpRequest) -> HttpResponse:
    """The password once more, then back to where it was asked for."""
    account = signed_in(request)
    form = AgainForm(request.POST or None)
    aim = wanted(request) or reverse("home")
    if request.method == "POST" and form.is_valid():
        try:
            if proofs.prove_again(request, account, form.cleaned_data["password"], now=now_of(request)):
                return HttpResponseRedirect(aim)
            form.add_error("password", _("This is not the password of this account."))
        except TooOften:
            form.add_error("password", _("Too many attempts. Wait 15 minutes, then try again."))
    more: dict[str, Any] = {
        "form": form,
        "email": account.email,
        "next": aim,
        "for_service": aim.startswith(reverse("sso-authorize")),
        "passkey": offer(request, Purpose.AGAIN, reverse("passkey-again"), account=account),
    }
    return page(request, "account/again.html", public_frame(request), **more)
