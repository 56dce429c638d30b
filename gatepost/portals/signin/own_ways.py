"""The ways in which one's own account signs in, and connecting or disconnecting one."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from gatepost.access import queries
from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.accounts import passkeys, proofs, second_factor
from gatepost.accounts.attempts import TooOften
from gatepost.accounts.models import Account
from gatepost.portals import words
from gatepost.portals.frame import page, public_frame, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.signin import upstream
from gatepost.portals.signin.again import AgainForm
from gatepost.upstream import links
from gatepost.upstream.models import Provider


@open_to(SIGNED_IN)
@require_safe
def own(request: HttpRequest) -> HttpResponse:
    """What signs this account in, and what could."""
    connected = {link.provider: link for link in links.standing(signed_in(request).pk)}
    offered = [name for name in upstream.NAMES if upstream.is_open(name) or name in connected]
    rows = [{"key": name, "name": upstream.NAMES[name], "link": connected.get(name)} for name in offered]
    return page(request, "account/own_ways.html", public_frame(request), rows=rows, **_of_ones_own(request))


@sensitive_post_parameters("password")
@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def connect(request: HttpRequest, provider: str) -> HttpResponse:
    """The password, then on to the other side."""
    name = _name(provider)
    if not upstream.is_open(provider):
        raise Http404("switched off")
    account, now = signed_in(request), now_of(request)
    form = AgainForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _is_own(request, account, form):
        upstream.mean_to_connect(request, provider, now=now)
        begins = upstream.BEGINS[Provider(provider)]
        return page(request, "account/own_ways_go.html", public_frame(request), name=name, begins=begins)
    lead = _("After that, {name} alone signs you in. We tell you by mail.").format(name=name)
    return _ask(request, form, _("Connect {name}").format(name=name), lead, _("Continue"))


@sensitive_post_parameters("password")
@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def disconnect(request: HttpRequest, provider: str) -> HttpResponse:
    """For the password; also of a way that is no longer offered."""
    name = _name(provider)
    account, now = signed_in(request), now_of(request)
    form = AgainForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _is_own(request, account, form):
        if links.disconnect(account, provider, now=now):
            messages.success(request, _("{name} is disconnected.").format(name=name))
        return redirect("own-ways")
    lead = _("It no longer signs you in, and no longer proves your ID number. We tell you by mail.")
    return _ask(request, form, _("Disconnect {name}").format(name=name), lead, _("Disconnect"))


def _of_ones_own(request: HttpRequest) -> dict[str, Any]:
    """What the person has made or set up here: passkeys, app, recovery codes."""
    account = signed_in(request)
    return {
        "offered": passkeys.are_offered(),
        "passkeys": passkeys.of(account),
        "has_app": second_factor.has_app(account),
        "codes_left": len(second_factor.recovery_codes(account)) if second_factor.is_set_up(account) else 0,
        "needed": queries.needs_second_factor(account),
    }


def _name(provider: str) -> Any:
    if provider not in upstream.NAMES:
        raise Http404("no such way")
    return upstream.NAMES[provider]


def _is_own(request: HttpRequest, account: Account, form: AgainForm) -> bool:
    try:
        if proofs.prove_again(request, account, form.cleaned_data["password"], now=now_of(request)):
            return True
        form.add_error("password", _("This is not the password of this account."))
    except TooOften as often:
        form.add_error("password", words.wait_text(often))
    return False


def _ask(request: HttpRequest, form: AgainForm, title: str, lead: str, button: str) -> HttpResponse:
    context: dict[str, Any] = {
        "form": form,
        "title": title,
        "lead": lead,
        "button": button,
        "email": signed_in(request).email,
    }
    return page(request, "account/own_ways_again.html", public_frame(request), **context)
