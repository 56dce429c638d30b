"""Signing in with an identity of the city or the state: what the three ways have in common."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gatepost.accounts.attempts import take
from gatepost.accounts.models import Account
from gatepost.audit import entries
from gatepost.portals.frame import page, public_frame
from gatepost.portals.moment import now_of
from gatepost.portals.signin import aims
from gatepost.portals.visitor import network_address
from gatepost.upstream import askings, links
from gatepost.upstream.identity import Identity, UpstreamRefused
from gatepost.upstream.models import Asking, Provider

log = logging.getLogger(__name__)

NAMES: Final[Mapping[str, str | Promise]] = {
    Provider.TAIPEI_PASS: gettext_lazy("Taipei Pass"),
    Provider.TWFIDO: gettext_lazy("Mobile citizen certificate"),
    Provider.MOBILE_ID: gettext_lazy("Telephone number"),
}
BEGINS: Final = {Provider.TAIPEI_PASS: "taipei-pass", Provider.TWFIDO: "twfido", Provider.MOBILE_ID: "mobile-id"}
SETTINGS: Final = {Provider.TAIPEI_PASS: "TAIPEI_PASS", Provider.TWFIDO: "TWFIDO", Provider.MOBILE_ID: "MOBILE_ID"}

CONNECTING, CONNECTING_FOR = "upstream-connecting", timedelta(minutes=10)
NUMBER_TRIES = 5  # in a quarter of an hour
STARTS_AN_HOUR = 600  # from one network address: a whole school sits behind one

REFUSALS: Final[Mapping[str, str | Promise]] = {
    "denied": gettext_lazy("You said no there, or closed the page. Nothing has happened."),
    "late": gettext_lazy("That took longer than ten minutes. Begin again."),
    "forged": gettext_lazy("The answer does not belong to what this browser asked for. Begin again in this browser."),
    "replayed": gettext_lazy("This answer was used already. Begin again."),
    "audience": gettext_lazy(
        "The answer was meant for another service. Begin again; if it stays so, tell the operator."
    ),
    "clock": gettext_lazy("The clocks of the two sides do not agree. Try again in a minute; then tell the operator."),
    "basic": gettext_lazy("Your membership there is not verified yet. Become a gold member first, then try again."),
    "number": gettext_lazy("No valid ID number came back. Ask there which one they have for you."),
    "down": gettext_lazy("There is no answer from there at the moment. Use another way, or try again later."),
    "settings": gettext_lazy("The other side does not take this request. Use another way, and tell the operator."),
    "unbound": gettext_lazy(
        "No phone has the certificate for this ID number. Set it up in the app first, or look at the number again."
    ),
    "unproven": gettext_lazy(
        "The telephone company did not confirm it. Number and ID number must be yours, and the phone must use mobile "
        "data; prepaid, foreign and company numbers do not work."
    ),
    "often": gettext_lazy("Too many attempts. Wait a quarter of an hour, or use another way."),
    "unknown": gettext_lazy(
        "We know who you are, but no account has proven your ID number yet. Apply with your child’s school; or, if you "
        "have an account, sign in with your email and connect this way there."
    ),
    "several": gettext_lazy(
        "More than one account has proven your ID number. Sign in with the email of the one you want, and connect "
        "this way there."
    ),
    "taken": gettext_lazy("It is connected to another account already. Disconnect it there first."),
    "other": gettext_lazy("Your account is connected with somebody else’s identity there. Disconnect that one first."),
    "mismatch": gettext_lazy(
        "Your account has proven another ID number than this. If yours has changed, tell the school."
    ),
}
STATUS: Final = {"down": 503, "settings": 503, "clock": 503, "often": 429, "late": 410, "replayed": 410}


def is_open(provider: str) -> bool:
    """Whether this installation offers it."""
    return getattr(settings, SETTINGS[Provider(provider)]) is not None


def count_start(request: HttpRequest) -> None:
    """Raises `TooOften`."""
    who = network_address(request)
    take("upstream-start", who, most=STARTS_AN_HOUR, within=timedelta(hours=1), now=now_of(request))


def count_number(number: str, *, now: datetime) -> None:
    """Somebody's phone rings for it: so only so often, whoever asks. Raises `TooOften`."""
    take("upstream-number", number, most=NUMBER_TRIES, within=timedelta(minutes=15), now=now)


def begin(request: HttpRequest, provider: str, state: str, kept: Mapping[str, str], *, now: datetime) -> Asking:
    """Remember, here and in the browser, that it was sent away: to sign in, or to connect what it is signed in to."""
    account = request.user if isinstance(request.user, Account) else None
    asking = askings.begin(provider, state, kept, account=account, aim=request.GET.get("next", ""), now=now)
    request.session[_held(provider)] = str(asking.pk)
    return asking


def held(request: HttpRequest, provider: str) -> Asking:
    """What this browser was sent away with. Raises `UpstreamRefused` (forged)."""
    return askings.of_id(provider, request.session.get(_held(provider)))


def may_begin(request: HttpRequest, provider: str) -> bool:
    """Anybody who signs in; and who is signed in once they have said with their password that they connect it."""
    if not isinstance(request.user, Account):
        return True
    meant = request.session.get(CONNECTING, {})
    return meant.get("provider") == provider and now_of(request) < datetime.fromisoformat(meant["until"])


def mean_to_connect(request: HttpRequest, provider: str, *, now: datetime) -> None:
    """The signed-in person has proven once more who they are, to connect `provider`."""
    request.session[CONNECTING] = {"provider": provider, "until": (now + CONNECTING_FOR).isoformat()}


def finish(request: HttpRequest, asking: Asking, identity: Identity, *, now: datetime) -> HttpResponse:
    """Sign in, or connect, as was asked. Raises `UpstreamRefused`."""
    request.session.pop(_held(asking.provider), None)
    signed_in = request.user.pk if isinstance(request.user, Account) else None
    if signed_in != asking.account_id:  # somebody signed in or out meanwhile
        raise UpstreamRefused("forged")
    if isinstance(request.user, Account):
        request.session.pop(CONNECTING, None)
        links.connect(request.user, identity, now=now)
        said = _("{name} is connected. From now on it signs you in, too.")
        messages.success(request, said.format(name=NAMES[asking.provider]))
        return redirect("own-ways")
    account = links.account_of(identity, now=now)
    entries.record("upstream:signed_in", by=account, provider=asking.provider)
    record_authentication(request, account, method=str(asking.provider))
    answer: HttpResponse = perform_login(
        request, account, email_verification="none", redirect_url=_aim(asking), signal_kwargs=None
    )
    return answer


def refused(request: HttpRequest, provider: str, code: str) -> HttpResponse:
    """Why it came to nothing, and what to do now."""
    account = request.user.pk if isinstance(request.user, Account) else None
    if account is not None:
        entries.record("upstream:refused", by=account, provider=provider, because=code)
    else:  # anybody can ask for this page as often as they like: no rows
        log.info("identity refused provider=%s because=%s", provider, code)
    context: dict[str, Any] = {
        "name": NAMES[provider],
        "reason": REFUSALS[code],
        "again": reverse(BEGINS[Provider(provider)]),
        "apply": code == "unknown",
        "connecting": account is not None,
    }
    return page(
        request, "account/upstream_refused.html", public_frame(request), status=STATUS.get(code, 403), **context
    )


def _aim(asking: Asking) -> str:
    return aims.ours(asking.aim) or reverse("home")


def _held(provider: str) -> str:
    return f"upstream-{provider}"
