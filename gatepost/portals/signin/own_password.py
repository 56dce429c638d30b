"""A new password for who is signed in and knows the old one."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.accounts import devices, forgotten, proofs
from gatepost.accounts.attempts import TooOften
from gatepost.accounts.models import Account
from gatepost.portals import words
from gatepost.portals.frame import page, public_frame, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.signin.activation import PasswordForm
from gatepost.sso import sessions


class OwnPasswordForm(PasswordForm):
    """The new password is looked at only beside the right old one: nobody learns here which passwords there were."""

    field_order = ("current", "password", "again")

    current = forms.CharField(
        label=gettext_lazy("Your password"),
        strip=False,
        max_length=200,
        error_messages={"required": gettext_lazy("Type your password.")},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, is_own: Callable[[str], bool], **more: Any) -> None:
        super().__init__(*args, **more)
        self._is_own = is_own

    def clean_current(self) -> str:
        current: str = self.cleaned_data["current"]
        try:
            if not self._is_own(current):
                raise ValidationError(_("This is not the password of this account."))
        except TooOften as often:
            raise ValidationError(words.wait_text(often)) from often
        return current

    def clean_password(self) -> str:
        if "current" not in self.cleaned_data:
            return str(self.cleaned_data["password"])
        return super().clean_password()


@sensitive_post_parameters("current", "password", "again")
@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest) -> HttpResponse:
    """Change it; this browser stays signed in, every other one is out."""
    account, now = signed_in(request), now_of(request)

    def is_own(typed: str) -> bool:
        return proofs.prove_again(request, account, typed, now=now)

    form = OwnPasswordForm(request.POST or None, person=account, is_own=is_own)
    if request.method == "POST" and form.is_valid():
        return _change(request, account, form.cleaned_data["password"], now)
    return page(request, "account/own_password.html", public_frame(request), form=form, email=account.email)


def _change(request: HttpRequest, account: Account, password: str, now: datetime) -> HttpResponse:
    with transaction.atomic():
        changed = forgotten.set_new(account, password, now=now)
        sessions.end_all(account.pk, because="password", now=now)
        devices.end_others(account, but=request.session.session_key or "")
        update_session_auth_hash(request, changed)
    messages.success(request, _("Your password is changed. Your other devices are signed out."))
    return redirect("own-password")
