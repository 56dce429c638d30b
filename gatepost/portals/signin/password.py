"""Signing in with email and password, and signing out."""

from typing import Any

from allauth.account.forms import LoginForm
from allauth.account.views import LoginView, LogoutView
from django import forms
from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from gatepost.access.doors import PUBLIC, open_to
from gatepost.accounts.passkey_challenges import Purpose
from gatepost.portals.frame import public_frame
from gatepost.portals.signin import ways
from gatepost.portals.signin.passkey_offers import offer


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
            widget=forms.EmailInput(attrs={"autocomplete": "username webauthn"}),
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
        aim = self.get_next_url() or ""
        more = {
            "next": aim,
            "passkey": offer(self.request, Purpose.SIGN_IN, reverse("passkey-sign-in")),
            "sheets": ways.sheets(),
            "entries": ways.entries(aim),
            "newcomers": _newcomers(),
            "forgotten": [{"label": _("Forgot your password?"), "url": reverse("forgotten")}],
        }
        return {**super().get_context_data(**kwargs), **frame, **more}


def _newcomers() -> list[dict[str, Any]]:
    """Where somebody begins who has no account."""
    begin = _("For families who apply for the first time: with the student number, or the letter from school.")
    again = _("For families whom the school approved, and for invited staff: have the link sent again.")
    once = _("For guardians whom the school approved: once, within seven days.")
    doors = [
        (_("Register with my child’s school"), begin, "binding-schools"),
        (_("Open my account"), again, "activation-again"),
    ]
    if settings.FIRST_PASSWORD_BY_ID_NUMBER:
        doors.append((_("First sign-in with my ID number"), once, "first-sign-in"))
    return [{"title": title, "text": text, "url": reverse(name)} for title, text, name in doors]


class SignOut(LogoutView):  # type: ignore[misc]
    """Asks on GET, signs out on POST."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), **public_frame(self.request)}


sign_in = open_to(PUBLIC)(SignIn.as_view())
sign_out = open_to(PUBLIC)(SignOut.as_view())
