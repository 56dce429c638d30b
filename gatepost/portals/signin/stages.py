"""What stands between a right password and being signed in. The library walks through these; nobody skips one."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.internal.decorators import login_stage_required
from allauth.account.stages import LoginStage
from allauth.mfa.stages import AuthenticateStage
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from gatepost.access import queries
from gatepost.accounts import second_factor
from gatepost.accounts.models import Account

BEGUN = "sign-in-begun"
Page = Callable[[HttpRequest], HttpResponse]


def at(stage: type[LoginStage]) -> Callable[[Page], Page]:
    """The page of a stage: for whoever has come so far and no further; anybody else is sent to the sign-in."""
    decorate: Callable[[Page], Page] = login_stage_required(stage=stage.key, redirect_urlname="account_login")

    def guard(view: Page) -> Page:
        @wraps(view)
        def look(request: HttpRequest) -> HttpResponse:
            reached = request._login_stage  # type: ignore[attr-defined] # put there by the library's decorator
            return view(request) if still_stands(request, reached.login.user) else _start_again(request, reached)

        return decorate(look)

    return guard


def begin(request: HttpRequest, account: Account) -> None:
    """Remember by which password the sign-in to `account` began that is under way in this browser."""
    request.session[BEGUN] = account.get_session_auth_hash()


def still_stands(request: HttpRequest, account: Account) -> bool:
    """Whether the sign-in under way began with the password that `account` has now: a new one ends half-done ones."""
    return constant_time_compare(request.session.get(BEGUN, ""), account.get_session_auth_hash())


def _start_again(request: HttpRequest, stage: Any) -> HttpResponse:
    messages.warning(request, _("The password was changed meanwhile. Please sign in again."))
    answer: HttpResponse = stage.abort()
    return answer


class AskStage(AuthenticateStage):  # type: ignore[misc]
    """The library's, but for whom it is: a family's passkey is another way in and makes no demand on the password.

    Who loses the phone that has it signs in with the password as before. Whoever has set up an app has asked for more,
    and so has a role that needs a second factor. A passkey that signed in alone was two factors.
    """

    def _should_handle(self, request: HttpRequest) -> bool:
        account = self.login.user
        asks = second_factor.has_app(account) or queries.needs_second_factor(account)
        return bool(asks and super()._should_handle(request))


class SetUpStage(LoginStage):  # type: ignore[misc]
    """Whoever holds a role that needs a second factor, and has none, sets one up now."""

    key = "second_factor_set_up"
    urlname = "second-factor-new"

    def handle(self) -> tuple[HttpResponse | None, bool]:
        account = self.login.user
        if queries.needs_second_factor(account) and not second_factor.is_set_up(account):
            return redirect(self.urlname), True
        return None, True
