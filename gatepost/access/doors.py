"""Every page says who may see it, or nobody does.

A view carries a `Rule`, set by one of the decorators here. The middleware refuses a view without one and asks for a
sign-in where the rule needs it. A session in which somebody did not show the second factor that their roles ask for is
nobody's, here and so everywhere: whether it was opened before the role was given, or its factor is gone.

403 means your roles never open this page; which rows of it are yours is asked of `queries`, which answers 404 for what
is not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils.translation import gettext as _

from gatepost.access import queries
from gatepost.accounts import second_factor

View = TypeVar("View", bound=Callable[..., HttpResponse])

PUBLIC = "public"
SIGNED_IN = "signed in"
GUARDIAN = "guardian"


@dataclass(frozen=True)
class Rule:
    """Who a page is for, any one of which opens it.

    `PUBLIC`, `SIGNED_IN`, `GUARDIAN` (has a bond in force), or names of roles.
    """

    kinds: frozenset[str]

    @property
    def is_public(self) -> bool:
        return PUBLIC in self.kinds

    def opens_for(self, request: HttpRequest) -> bool:
        """Whether the signed-in person of `request` is one of those the page is for."""
        if SIGNED_IN in self.kinds:
            return True
        if GUARDIAN in self.kinds and queries.is_guardian(request.user):
            return True
        return bool(self.kinds & queries.role_names(request.user))


def open_to(*kinds: str) -> Callable[[View], View]:
    """Mark a view with the kinds of people it opens for."""

    def mark(view: View) -> View:
        view.rule = Rule(frozenset(kinds))  # type: ignore[attr-defined]
        return view

    return mark


# Pages of libraries, which cannot carry our mark: the allow list, by URL name. Anything else of theirs is refused.
RULES_OF_LIBRARIES = {
    "account_login": Rule(frozenset({PUBLIC})),
    "account_logout": Rule(frozenset({PUBLIC})),
}


def rule_of(view: object, url_name: str | None, namespaces: list[str]) -> Rule | None:
    """The rule of a resolved view, or None if nobody wrote one."""
    rule: Rule | None = getattr(view, "rule", None)
    if rule is not None:
        return rule
    if "admin" in namespaces:
        return Rule(frozenset({"operator"}))
    return RULES_OF_LIBRARIES.get(url_name or "")


class DoorMiddleware:
    """Deny by default. Runs after authentication and before any view."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: object, kwargs: object
    ) -> HttpResponse | None:
        """None lets the view run; a redirect asks for a sign-in; `PermissionDenied` is a 403."""
        match = request.resolver_match
        rule = rule_of(view, match.url_name if match else None, match.namespaces if match else [])
        if rule is None:
            raise PermissionDenied("this page names no rule")
        if request.user.is_authenticated and _lacks_second_factor(request):
            logout(request)
            messages.warning(request, _("Your role asks for a second factor. Please sign in again."))
        if rule.is_public:
            return None
        if not request.user.is_authenticated:
            if request.headers.get("HX-Request"):  # a part of a page must not be filled with the sign-in page
                return HttpResponse(status=401)
            return redirect_to_login(request.get_full_path(), resolve_url(settings.LOGIN_URL))
        if not rule.opens_for(request):
            raise PermissionDenied("your roles do not open this page")
        return None


def _lacks_second_factor(request: HttpRequest) -> bool:
    return queries.lacks_second_factor(request.user, second_factor.shown_in(request.session))
