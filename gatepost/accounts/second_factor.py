"""The second factor: a code from an app on one's own device (RFC 6238), and recovery codes for the day it is lost.
A passkey is one, too: see `passkeys`.

The library keeps the rows and knows the arithmetic. What a session has shown is the number of the row it was shown
with: when the row goes (a lost device, a new one), every session that stood on it falls with it.
"""

import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import format_hotp_value, generate_totp_secret, hotp_value
from allauth.mfa.utils import decrypt, encrypt
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.crypto import constant_time_compare

from gatepost.accounts.activation import send_word
from gatepost.accounts.attempts import forget, take
from gatepost.accounts.models import Account, ActivationMail, Device
from gatepost.audit import entries

ISSUER = "Gatepost"
PERIOD_SECONDS = 30
DRIFT_STEPS = 1  # how far the device's clock may be off, either way
TRIES_MOST, TRIES_WITHIN = 5, timedelta(minutes=15)
TRIES_A_DAY = 20
RECOVERY_DIGITS = 8
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
SESSION_KEY = "second_factor"
_PLACE = "mfa_authenticator.data"


class FactorRefused(Exception):
    """`code`: wrong (not the code, or one that was used), standing (there is a second factor already)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class SealedAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """What the library keeps, it keeps sealed. It does not say for which row, so the place is the table's."""

    def encrypt(self, text: str) -> str:
        return b64encode(settings.KEY_RING.seal(text, place=_PLACE)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        opened: str = settings.KEY_RING.open(b64decode(encrypted_text), place=_PLACE)
        return opened


def is_set_up(account: Account) -> bool:
    """Whether `account` has a second factor. Recovery codes alone are none."""
    return bool(Authenticator.objects.filter(user=account, type__in=FACTORS).exists())


def has_app(account: Account) -> bool:
    """Whether `account` has an authenticator app."""
    return bool(Authenticator.objects.filter(user=account, type=Authenticator.Type.TOTP).exists())


def set_up_among(account_ids: Collection[UUID]) -> set[UUID]:
    """Those of `account_ids` that have one."""
    found = Authenticator.objects.filter(user_id__in=account_ids, type__in=FACTORS)
    return set(found.values_list("user_id", flat=True))


def new_secret() -> str:
    """A secret for an app, as it is typed: 32 letters and digits."""
    return str(generate_totp_secret())


def sealed(secret: str) -> str:
    """`secret` in a form that may lie in a session."""
    return str(encrypt(secret))


def opened(text: str) -> str:
    """The secret that `sealed` put away. Raises `SealError`."""
    return str(decrypt(text))


def app_uri(account: Account, secret: str) -> str:
    """What the QR code says: the form that all authenticator apps read."""
    adapter = SealedAdapter()
    return str(adapter.build_totp_url(account, secret))


def drawing(uri: str) -> str:
    """The QR code of `uri` as an SVG element, of our own making and safe to put into a page."""
    svg = str(SealedAdapter().build_totp_svg(uri))
    return svg[svg.index("<svg") :]


def set_up(account: Account, secret: str, typed: str, *, now: datetime) -> int:
    """Begin to ask for codes of `secret`, once `typed` shows that the app has it. Returns the factor's number.

    The code is used up by that. Recovery codes are made, if there are none yet.

    Raises `FactorRefused` (wrong, standing), `TooOften`.
    """
    _count(account, now)
    step = _step_of(secret, typed, now, after=0)
    if step is None:
        raise FactorRefused("wrong")
    data = {"secret": encrypt(secret), "last_step": step}
    try:
        with transaction.atomic():
            if has_app(account):
                raise FactorRefused("standing")
            made = Authenticator.objects.create(user=account, type=Authenticator.Type.TOTP, data=data, created_at=now)
            RecoveryCodes.activate(account)
            entries.record("second_factor:set_up", by=account)
            send_word(account, ActivationMail.Kind.SECOND_FACTOR_SET_UP, now=now)
    except IntegrityError as error:  # set up this very moment, in another browser
        raise FactorRefused("standing") from error
    _forgive(account)
    return int(made.pk)


def check(account: Account, typed: str, *, now: datetime) -> int:
    """The number of the factor that `typed` shows: a code of the app, or a recovery code, each good once.

    Raises `FactorRefused` (wrong), `TooOften`.
    """
    _count(account, now)
    code = _digits(typed)
    found = _recovery(account, code, now) if len(code) == RECOVERY_DIGITS else _app(account, code, now)
    if found is None:
        entries.record("second_factor:wrong", by=account)
        raise FactorRefused("wrong")
    _forgive(account)
    return found


def recovery_codes(account: Account) -> list[str]:
    """Those not used yet. To be shown right after they were made, and never again."""
    kept = Authenticator.objects.filter(user=account, type=Authenticator.Type.RECOVERY_CODES).first()
    return list(RecoveryCodes(kept).get_unused_codes()) if kept else []


def renew_recovery_codes(account: Account) -> int:
    """Ten new ones; the old ones are good for nothing. Returns their number as a factor."""
    with transaction.atomic():
        Account.objects.select_for_update().get(pk=account.pk)
        Authenticator.objects.filter(user=account, type=Authenticator.Type.RECOVERY_CODES).delete()
        made = RecoveryCodes.activate(account).instance
        entries.record("second_factor:codes_renewed", by=account)
    return int(made.pk)


def take_away(account: Account, *, by: Account | None, now: datetime) -> None:
    """Forget all of `account`'s factors, passkeys too: the device is lost. It is told by mail.

    Sessions that need what they showed of them end.
    """
    with transaction.atomic():
        Authenticator.objects.filter(user=account).delete()
        entries.record("second_factor:taken_away", by=by, account=str(account.pk))
        send_word(account, ActivationMail.Kind.SECOND_FACTOR_TAKEN_OFF, now=now)
    _forgive(account)


def take_app_away(account: Account, *, keep_codes: bool, now: datetime) -> None:
    """Forget `account`'s app and, unless its passkeys `keep_codes` useful, the recovery codes; and tell it by mail."""
    kinds = Authenticator.Type
    with transaction.atomic():
        gone = (kinds.TOTP,) if keep_codes else (kinds.TOTP, kinds.RECOVERY_CODES)
        Authenticator.objects.filter(user=account, type__in=gone).delete()
        entries.record("second_factor:taken_away", by=account, account=str(account.pk))
        send_word(account, ActivationMail.Kind.SECOND_FACTOR_OFF, now=now)
    _forgive(account)


def remember(session: SessionBase, factor: int) -> None:
    """The browser has shown `factor`."""
    session[SESSION_KEY] = factor
    Device.objects.filter(session=session.session_key).update(factor=factor)


def shown_in(session: SessionBase) -> int:
    """The number of the factor that the browser has shown; 0 for none."""
    return int(session.get(SESSION_KEY, 0))


def standing(account_id: Any, factor: Any) -> QuerySet[Any]:
    """The row of `factor`, while it is there and the account's."""
    return Authenticator.objects.filter(pk=factor, user_id=account_id)  # type: ignore[no-any-return]


def standing_among(account: Account, factors: Collection[int]) -> set[int]:
    """Those of `factors` that are there and `account`'s."""
    return set(Authenticator.objects.filter(pk__in=factors, user=account).values_list("pk", flat=True))


def _app(account: Account, code: str, now: datetime) -> int | None:
    with transaction.atomic():
        row = Authenticator.objects.select_for_update().filter(user=account, type=Authenticator.Type.TOTP).first()
        if row is None:
            return None
        step = _step_of(decrypt(row.data["secret"]), code, now, after=int(row.data.get("last_step", 0)))
        if step is None:
            return None
        row.data["last_step"] = step
        row.save(update_fields=["data"])
        return int(row.pk)


def _recovery(account: Account, code: str, now: datetime) -> int | None:
    row = Authenticator.objects.filter(user=account, type=Authenticator.Type.RECOVERY_CODES).first()
    if row is None or not is_set_up(account) or not RecoveryCodes(row).validate_code(code):
        return None
    entries.record("second_factor:recovery_code_used", by=account)
    send_word(account, ActivationMail.Kind.RECOVERY_CODE_USED, now=now)
    return int(row.pk)


def _step_of(secret: str, typed: str, now: datetime, *, after: int) -> int | None:
    """The step of the clock whose code was typed, if it is near `now` and later than the last one used."""
    code, current = _digits(typed), int(now.timestamp()) // PERIOD_SECONDS
    for step in range(max(after + 1, current - DRIFT_STEPS), current + DRIFT_STEPS + 1):
        if constant_time_compare(code, code_at(secret, step)):
            return step
    return None


def code_at(secret: str, step: int) -> str:
    """The six digits of `secret` in a step of thirty seconds since 1970."""
    return str(format_hotp_value(hotp_value(secret, step)))


def _digits(typed: str) -> str:
    """What was typed, without blanks; full-width digits of a Chinese keyboard count."""
    return "".join(unicodedata.normalize("NFKC", typed).split())


def _count(account: Account, now: datetime) -> None:
    who = str(account.pk)
    take("second-factor", who, most=TRIES_MOST, within=TRIES_WITHIN, now=now)
    take("second-factor-day", who, most=TRIES_A_DAY, within=timedelta(days=1), now=now)


def _forgive(account: Account) -> None:
    for kind in ("second-factor", "second-factor-day"):
        forget(kind, str(account.pk))
