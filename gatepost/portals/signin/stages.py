"""What stands between a right password and being signed in. The library walks through these; nobody skips one."""

from collections.abc import Callable

from allauth.account.internal.decorators import login_stage_required
from allauth.account.stages import LoginStage
from allauth.mfa.stages import AuthenticateStage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from gatepost.access import queries
from gatepost.accounts import second_factor

Page = Callable[[HttpRequest], HttpResponse]


def at(stage: type[LoginStage]) -> Callable[[Page], Page]:
    """The page of a stage: for whoever has come so far and no further; anybody else is sent to the sign-in."""
    decorate: Callable[[Page], Page] = login_stage_required(stage=stage.key, redirect_urlname="account_login")
    return decorate


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
