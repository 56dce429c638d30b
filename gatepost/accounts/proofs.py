"""When and how the person at a browser last proved who they are, and proving it again."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from django.http import HttpRequest

from gatepost.accounts import attempts, second_factor
from gatepost.accounts.models import Account

TRIES_MOST, TRIES_WITHIN = 5, timedelta(minutes=15)
# Values of `amr` (RFC 8176) for the library's methods. What it does not know is left out.
_AMR = {
    "password": ("pwd",),
    "code": ("otp",),
    "totp": ("otp",),
    "recovery_codes": ("otp",),
    "webauthn": ("hwk", "user"),
    "taipei_pass": ("fed",),  # not in the RFC: somebody else signed them in
    "twfido": ("fed", "user"),
    "mobile_id": ("fed", "mca"),
}


@dataclass(frozen=True)
class Proof:
    """The newest moment, every way that was used in this session, as values of `amr`, and the second factor shown."""

    at: datetime
    methods: tuple[str, ...]
    factor: int  # 0: none


def of_session(request: HttpRequest, account: Account, *, now: datetime) -> Proof:
    """What the session of `request` remembers. Without a memory: when the account last signed in anywhere."""
    records = [record for record in get_authentication_records(request, account) if "at" in record]
    factor = second_factor.shown_in(request.session)
    kinds = {str(record.get("type") or record.get("method") or "") for record in records}
    methods = [value for kind in sorted(kinds) for value in _AMR.get(kind, ())]
    if factor:
        methods += ["otp", "mfa"]
    newest = max((datetime.fromtimestamp(float(record["at"]), UTC) for record in records), default=account.last_login)
    return Proof(newest or now, tuple(dict.fromkeys(methods)), factor)


def prove_again(request: HttpRequest, account: Account, password: str, *, now: datetime) -> bool:
    """Whether `password` is the account's; if so the session remembers it. Raises `attempts.TooOften`."""
    attempts.take("password-again", str(account.pk), most=TRIES_MOST, within=TRIES_WITHIN, now=now)
    if not account.check_password(password):
        return False
    record_authentication(request, account, method="password", reauthenticated=True)
    return True
