from typing import Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.crypto import constant_time_compare
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gatepost.accounts.models import Account
from gatepost.portals.signin import devices, stages

# A browser in which the account signed in before. Who guesses from elsewhere does not lock this one out.
KNOWN = "__Host-gatepost-known" if settings.HTTPS else "gatepost-known"
KNOWN_MOST = 6
KNOWN_SECONDS = 365 * 24 * 3600
_SIGNED_OUT = "account/messages/logged_out.txt"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts come from a school's approval or an invitation: nobody signs up by themselves."""

    error_messages: ClassVar[dict[str, str | Promise]] = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": gettext_lazy("Email and password do not belong together. Look at both again."),
        # The window of ACCOUNT_RATE_LIMITS["login_failed"]: after a quarter of an hour it is surely open again.
        "too_many_login_attempts": gettext_lazy("Too many attempts. Wait 15 minutes, then try again."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_login_stages(self) -> list[str]:
        ours = {"allauth.mfa.stages.AuthenticateStage": "gatepost.portals.signin.stages.AskStage"}
        stages = [ours.get(stage, stage) for stage in super().get_login_stages()]
        return [*stages, "gatepost.portals.signin.stages.SetUpStage"]

    def forget_failures(self, request: HttpRequest, email: str) -> None:
        """Who has just set a new password does not wait because others guessed at the old one."""
        self._delete_login_attempts_cached_email(request, email=email)
        request.COOKIES.pop(KNOWN, None)
        self._delete_login_attempts_cached_email(request, email=email)

    def pre_login(self, request: HttpRequest, user: Account, **more: Any) -> HttpResponse | None:
        """The first proof is right: what else is asked for hangs on it."""
        stages.begin(request, user)
        answer: HttpResponse | None = super().pre_login(request, user, **more)
        return answer

    def login(self, request: HttpRequest, user: Account) -> None:
        """Nobody gets in by a password that was changed while their second step was waiting."""
        if not stages.still_stands(request, user):
            raise ImmediateHttpResponse(redirect("account_login"))
        del request.session[stages.BEGUN]
        is_first = user.last_login is None
        super().login(request, user)
        if not is_first and not is_known(request, user.email):
            devices.tell_of_new(request, user)

    def post_login(self, request: HttpRequest, user: Account, **more: Any) -> HttpResponse:
        """After everything that was asked: this browser is known from now on."""
        response: HttpResponse = super().post_login(request, user, **more)
        know(request, response, user)
        return response

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Failures in browsers that the account knows are counted apart from those of all others."""
        key = str(super()._get_login_attempts_cache_key(request, **credentials))
        return f"{key}:known" if is_known(request, credentials.get("email", "")) else key

    def respond_user_inactive(self, request: HttpRequest, user: object) -> HttpResponse:
        """Said only to who knew the password."""
        messages.warning(request, _("This account is closed. Please ask your school."))
        return redirect("account_login")

    def add_message(
        self, request: HttpRequest, level: int, message_template: str | None = None, *args: Any, **more: Any
    ) -> None:
        """The library greets at every step; only a sign-out is worth a sentence."""
        if message_template == _SIGNED_OUT:
            messages.success(request, _("You are signed out."))


def know(request: HttpRequest, response: HttpResponse, account: Account) -> None:
    """This browser is one of `account`'s from now on."""
    own = _known(account.email)
    others = [digest for digest in _all_known(request) if digest != own]
    value = ".".join([own, *others][:KNOWN_MOST])
    response.set_cookie(KNOWN, value, KNOWN_SECONDS, secure=settings.HTTPS, httponly=True, samesite="Lax")


def is_known(request: HttpRequest, email: str) -> bool:
    """Whether the account of `email` signed in before in this browser."""
    sought = _known(email)
    return any(constant_time_compare(digest, sought) for digest in _all_known(request))


def _all_known(request: HttpRequest) -> list[str]:
    """Of the accounts that share a family's computer, those that used it last."""
    return request.COOKIES.get(KNOWN, "").split(".")[:KNOWN_MOST]


def _known(email: str) -> str:
    """What only a browser that signed in to the account of `email` has."""
    digest: bytes = settings.KEY_RING.digest(f"known-browser:{email.lower()}")
    return digest.hex()
