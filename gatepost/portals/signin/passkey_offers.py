"""Asking a browser for a passkey, and reading what it answers.

A page that asks for one holds what the device has to sign. The script of the page fetches the answer and posts it.
"""

import json

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from gatepost.accounts import passkeys
from gatepost.accounts.attempts import TooOften
from gatepost.accounts.models import Account, Passkey
from gatepost.accounts.passkey_challenges import Asked, Purpose
from gatepost.accounts.passkeys import PasskeyRefused
from gatepost.portals import words
from gatepost.portals.moment import now_of

SENTENCES: dict[str, Promise] = {
    "unreadable": gettext_lazy("The answer of your browser could not be read. Try again, or use another way."),
    "challenge": gettext_lazy("This answer was not meant for this page. Please try again."),
    "old": gettext_lazy("The page stood open for too long. Please try again."),
    "used": gettext_lazy("This answer was sent before and counts only once. Please try again."),
    "site": gettext_lazy(
        "This passkey was shown to another website. Type the address of Gatepost yourself, and try again."
    ),
    "unverified": gettext_lazy(
        "Your device did not check that it is you. Try again and confirm by finger, face or PIN."
    ),
    "unknown": gettext_lazy(
        "This passkey does not belong to an account here, or was removed. Use another way to sign in."
    ),
    "wrong": gettext_lazy("This passkey could not be checked. Try again, or use another way."),
    "copied": gettext_lazy(
        "It seems that there is a copy of this passkey, so it was not accepted. Use another way, then remove it."
    ),
    "closed": gettext_lazy("This account is closed. Please ask your school."),
    "standing": gettext_lazy("This passkey is in your list already."),
    "many": gettext_lazy("You have ten passkeys. Remove one that you do not use, then add another."),
}


def offer(request: HttpRequest, purpose: Purpose, url: str, *, account: Account | None = None) -> dict[str, str] | None:
    """What `account/passkey.html` needs to ask for a passkey and post it to `url`; None where there is none to ask for.

    One of `account`, where it is known; else whichever the person picks.
    """
    if not passkeys.are_offered() or (account and purpose != Purpose.ADD and not passkeys.of(account).exists()):
        return None
    now, asked = now_of(request), _asked(request, purpose, account)
    if purpose == Purpose.ADD:
        assert account is not None  # noqa: S101 - our own bug
        options = passkeys.to_make(account, asked, now=now)
    else:
        options = passkeys.to_show(asked, account=account, now=now)
    origin = settings.PASSKEY_ORIGIN
    return {"url": url, "purpose": purpose.value, "options": json.dumps(options), "origin": origin}


def answered(request: HttpRequest, purpose: Purpose, account: Account | None = None) -> Passkey:
    """The passkey whose answer was posted. Raises `PasskeyRefused`."""
    asked = _asked(request, purpose, account)
    return passkeys.show(_answer(request), asked=asked, account=account, now=now_of(request))


def made(
    request: HttpRequest, account: Account, name: str, *, is_first: bool = False, with_codes: bool = False
) -> Passkey:
    """Keep the passkey that was made and posted. Raises `PasskeyRefused`."""
    asked, now = _asked(request, Purpose.ADD, account), now_of(request)
    return passkeys.add(account, _answer(request), name, asked=asked, is_first=is_first, with_codes=with_codes, now=now)


def say(request: HttpRequest, refused: PasskeyRefused | TooOften) -> None:
    """Why it was not taken, on top of the next page."""
    messages.warning(
        request, words.wait_text(refused) if isinstance(refused, TooOften) else str(SENTENCES[refused.code])
    )


def _asked(request: HttpRequest, purpose: Purpose, account: Account | None) -> Asked:
    """For this browser: the secret behind its forms is the browser's own, and another one after each sign-in."""
    get_token(request)
    return Asked(purpose, str(account.pk) if account else "", str(request.META["CSRF_COOKIE"]))


def _answer(request: HttpRequest) -> str:
    return request.POST.get("answer", "")
