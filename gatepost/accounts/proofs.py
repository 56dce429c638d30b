"""When and how the person at a browser last proved who they are, and proving it again."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from django.http import HttpRequest

from gatepost.accounts import attempts, second_factor
from gatepost.accounts.models import Account, Passkey

TRIES_MOST, TRIES_WITHIN = 5, timedelta(minutes=15)
FRESH_FOR = timedelta(minutes=15)
_PROVED_AT = "proved-again"
# Values of `amr` (RFC 8176) for the library's methods. What it does not know is left out.
_AMR = {
    "password": ("pwd",),
    "code": ("otp",),
    "totp": ("otp",),
    "recovery_codes": ("otp",),
    "webauthn": ("hwk", "user"),
    "synced": ("swk", "user"),  # a passkey that may be on several devices: its key is in no one piece of hardware
    "taipei_pass": ("fed",),  # not in the RFC: somebody else signed them in
    "twfido": ("fed", "user"),
    "mobile_id": ("fed", "mca"),
    "phone": ("mca",),
}


@dataclass(frozen=True)
class Proof:
    """The newest moment, every way that was used in the browser, as values of `amr`, and the second factor shown."""

    at: datetime
    methods: tuple[str, ...]
    factor: int  # 0: none


def of_session(request: HttpRequest, account: Account, *, now: datetime) -> Proof:
    """What the session of `request` remembers. Without a memory: when the account last signed in anywhere."""
    records = [record for record in get_authentication_records(request, account) if "at" in record]
    factor = second_factor.shown_in(request.session)
    kinds = {_kind(record) for record in records}
    methods = [value for kind in sorted(kinds) for value in _AMR.get(kind, ())]
    if factor:
        methods += ["mfa"] if "user" in methods else ["otp", "mfa"]
    newest = max((datetime.fromtimestamp(float(record["at"]), UTC) for record in records), default=account.last_login)
    return Proof(newest or now, tuple(dict.fromkeys(methods)), factor)


def was_within(request: HttpRequest, account: Account, *, time: timedelta, now: datetime) -> bool:
    """Whether the person proved who they are within `time` before `now`, in their browser: at its sign-in or later."""
    records = get_authentication_records(request, account)
    moments = [datetime.fromtimestamp(float(record["at"]), UTC) for record in records if "at" in record]
    return any(timedelta(minutes=-1) <= now - moment <= time for moment in moments)


def prove_again(request: HttpRequest, account: Account, password: str, *, now: datetime) -> bool:
    """Whether `password` is the account's; if so the session remembers it. Raises `attempts.TooOften`."""
    if not is_password(account, password, now=now):
        return False
    remember_password(request, account, now=now)
    return True


def is_password(account: Account, password: str, *, now: datetime) -> bool:
    """The same, and nothing is remembered yet: more is asked for. Raises `attempts.TooOften`."""
    attempts.take("password-again", str(account.pk), most=TRIES_MOST, within=TRIES_WITHIN, now=now)
    return bool(account.check_password(password))


def remember_password(request: HttpRequest, account: Account, *, now: datetime) -> None:
    """The person at `request` has just shown the password of `account`, and whatever was asked beside it."""
    record_authentication(request, account, method="password", reauthenticated=True, at=now.timestamp())
    remember_proof(request, now)


def remember_proof(request: HttpRequest, now: datetime) -> None:
    """The person at this browser has just proved again who they are."""
    request.session[_PROVED_AT] = now.isoformat()


def is_fresh(request: HttpRequest, *, now: datetime) -> bool:
    """Whether they did within the last quarter of an hour. Having signed in does not count: that may be somebody else,
    at a screen left open."""
    proved = request.session.get(_PROVED_AT)
    return proved is not None and now < datetime.fromisoformat(proved) + FRESH_FOR


def remember_passkey(request: HttpRequest, passkey: Passkey, *, alone: bool = False, again: bool = False) -> None:
    """The browser has shown `passkey`: `alone`, without a password before; or `again`, being signed in.

    A passkey is two factors: the device has one and its owner's finger, face or PIN is the other.
    """
    extra = {"passwordless": True} if alone else {}
    extra |= {"reauthenticated": True} if again else {}
    record_authentication(
        request,
        passkey.account,
        method="mfa",
        type="webauthn",
        id=passkey.authenticator_id,
        synced=passkey.is_synced,
        **extra,
    )
    second_factor.remember(request.session, passkey.authenticator_id)


def _kind(record: dict[str, Any]) -> str:
    return "synced" if record.get("synced") else str(record.get("type") or record.get("method") or "")
