"""Closing one's own account: what will happen, the yes, and two weeks in which signing in offers to keep it."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.accounts import proofs
from gatepost.accounts.models import Account
from gatepost.personal import closings
from gatepost.personal.closings import ClosingRefused
from gatepost.portals.frame import page, public_frame, signed_in
from gatepost.portals.moment import now_of

REFUSALS = {
    "role": gettext_lazy(
        "You have a role at a school or for the city. Give it up first on the page “People and roles”, or ask whoever "
        "gave it to you: a teacher asks the school’s administrator, an administrator the education bureau."
    ),
    "email": gettext_lazy(
        "The email of this account was changed within the last seven days. For safety it cannot be closed before they "
        "are over."
    ),
}
_MARK = "closing"
# While an account waits to be closed, a new session opens these alone.
_OPEN = ("closing-kept", "account_logout", "set_language", "manifest", "worker", "offline", "healthz", "readyz")


class ClosingMiddleware:
    """Leads whoever signs in to an account that is being closed to the question whether to keep it. It asks no table:
    the session knows since it was opened."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, _view: Any, _args: Any, _kwargs: Any) -> HttpResponse | None:
        match = request.resolver_match
        if match is None or match.url_name in _OPEN or not request.user.is_authenticated:
            return None
        return redirect("closing-kept") if _MARK in request.session else None


def follow_sign_ins() -> None:
    """From now on, every sign-in to an account that is being closed is marked."""
    user_logged_in.connect(_signed_in, dispatch_uid="gatepost.portals.signin.closing")


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def close(request: HttpRequest) -> HttpResponse:
    """What will happen; POST, from who has just shown who they are, begins it and signs out everywhere."""
    account, now = signed_in(request), now_of(request)
    if not proofs.is_fresh(request, now=now):
        return HttpResponseRedirect(f"{reverse('sign-in-again')}?{urlencode({'next': reverse('own-closing')})}")
    refused = closings.obstacle(account, now=now)
    if request.method == "POST" and not refused:
        try:
            closing = closings.ask(account, now=now)
        except ClosingRefused as since:
            refused = since.code
        else:
            day = date_format(localtime(closing.due_at), "DATE_FORMAT")
            logout(request)
            return page(request, "account/closing_asked.html", public_frame(request), day=day)
    return page(
        request,
        "account/closing.html",
        public_frame(request),
        status=409 if refused and request.method == "POST" else 200,
        refused=REFUSALS[refused] if refused else "",
        day=date_format(localtime(now + closings.GRACE), "DATE_FORMAT"),
    )


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def kept(request: HttpRequest) -> HttpResponse:
    """Whether to keep the account after all."""
    account = signed_in(request)
    if request.method == "POST" and closings.keep(account, now=now_of(request)):
        messages.success(request, _("Your account stays. Nothing was removed."))
    waiting = closings.of(account)
    if waiting is None:
        request.session.pop(_MARK, None)
        return redirect("home")
    day = date_format(localtime(waiting.due_at), "DATE_FORMAT")
    return page(request, "account/closing_kept.html", public_frame(request), day=day)


def _signed_in(sender: Any, request: HttpRequest, user: Account, **_more: Any) -> None:
    if closings.of(user) is not None:
        request.session[_MARK] = True
