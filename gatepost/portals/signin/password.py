"""Signing in with email and password, and signing out."""

from typing import Any

from allauth.account.forms import LoginForm
from allauth.account.views import LoginView, LogoutView
from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from gatepost.access.doors import PUBLIC, open_to
from gatepost.portals.frame import public_frame


class PasswordForm(LoginForm):  # type: ignore[misc]
    """The library's form in our words."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"] = forms.EmailField(
            label=_("Email"),
            error_messages={
                "invalid": _("An email address is written like name@example.org."),
                "required": _("Type your email."),
            },
            widget=forms.EmailInput(attrs={"autocomplete": "username"}),
        )
        self.fields["password"] = forms.CharField(
            label=_("Password"),
            strip=False,
            error_messages={"required": _("Type your password.")},
            widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        )
        self.order_fields(["login", "password"])


class SignIn(LoginView):  # type: ignore[misc]
    """The sign-in page."""

    form_class = PasswordForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        frame = public_frame(self.request) | {"sign_in_url": ""}
        more = {"next": self.get_next_url() or "", "first_sign_in": settings.FIRST_PASSWORD_BY_ID_NUMBER}
        return {**super().get_context_data(**kwargs), **frame, **more}


class SignOut(LogoutView):  # type: ignore[misc]
    """Asks on GET, signs out on POST."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), **public_frame(self.request)}


sign_in = open_to(PUBLIC)(SignIn.as_view())
sign_out = open_to(PUBLIC)(SignOut.as_view())
