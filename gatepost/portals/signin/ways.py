"""The ways to sign in, in the order in which the sign-in page shows them.

A way that needs fields or a button of its own has a `template`: a sheet on the page. Any other has a page where it
begins (`url_name`), and is one line of the list below the sheets: what it is, and whom it suits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from gatepost.accounts import passkeys
from gatepost.portals.signin import upstream


def _always() -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to sign in. `is_open` says whether this installation offers it, asked for each page."""

    title: str | Promise
    suits: str | Promise  # whom, in one sentence
    template: str = ""
    url_name: str = ""
    url_args: tuple[str, ...] = ()
    is_open: Callable[[], bool] = _always

    def url(self, aim: str = "") -> str:
        """Where it begins; `aim` is the page that was wanted, which the way checks for itself."""
        address = reverse(self.url_name, args=self.url_args)
        return f"{address}?{urlencode({'next': aim})}" if aim else address


# On a phone one stands below the other: first what most people have at hand.
WAYS = (
    Way(
        title=gettext_lazy("With email and password"),
        suits=gettext_lazy("For everybody who has an account: families, teachers, school offices."),
        template="account/ways/password.html",
    ),
    Way(
        title=gettext_lazy("With a passkey"),
        suits=gettext_lazy("For who has made one here: finger, face or screen lock, and nothing to type."),
        template="account/ways/passkey.html",
        is_open=passkeys.are_offered,
    ),
    Way(
        title=gettext_lazy("With a code by email"),
        suits=gettext_lazy("For those who read their mail here, and do not have the password at hand."),
        url_name="mailed-code",
    ),
    Way(
        title=gettext_lazy("With my phone"),
        suits=gettext_lazy("For those at a computer whose phone is signed in already: scan a code, no password."),
        url_name="phone",
    ),
    Way(
        title=gettext_lazy("With Taipei Pass"),
        suits=gettext_lazy("For guardians who are gold members of the city’s account."),
        url_name="taipei-pass",
        is_open=lambda: upstream.is_open("taipei_pass"),
    ),
    Way(
        title=gettext_lazy("With the mobile citizen certificate"),
        suits=gettext_lazy("For guardians who have the ministry’s app TW FidO on their phone."),
        url_name="twfido",
        is_open=lambda: upstream.is_open("twfido"),
    ),
    Way(
        title=gettext_lazy("With my telephone number"),
        suits=gettext_lazy("For guardians with a mobile contract under their own name, on that phone."),
        url_name="mobile-id",
        is_open=lambda: upstream.is_open("mobile_id"),
    ),
)


def sheets() -> list[Way]:
    """Those with fields or a button on the sign-in page itself."""
    return [way for way in WAYS if way.template and way.is_open()]


def entries(aim: str = "") -> list[dict[str, Any]]:
    """Those that begin on a page of their own, as the list of the sign-in page shows them."""
    return [
        {"title": way.title, "text": way.suits, "url": way.url(aim)}
        for way in WAYS
        if not way.template and way.is_open()
    ]
