"""Passkeys (WebAuthn): a key on one's own device signs in alone, because the device asks for finger, face or PIN.

The library for FIDO2 reads answers and checks signatures. What an answer must be beyond that is said here: for our
origin and domain, from a person whom the device has checked, to a challenge of ours that was never answered, from the
key of whom it was asked, with a count that only grows.
"""

import json
import struct
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from fido2.cose import CoseKey, UnsupportedKey
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorData,
    CollectedClientData,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from gatepost.accounts import second_factor
from gatepost.accounts.activation import send_word
from gatepost.accounts.attempts import TooOften, take
from gatepost.accounts.models import Account, ActivationMail, Passkey
from gatepost.accounts.passkey_challenges import Asked
from gatepost.audit import entries

MOST = 10  # of one account
ANSWER_CHARACTERS_MAX = 16_384
NAME_CHARACTERS_MAX = 60
_Answer = TypeVar("_Answer", RegistrationResponse, AuthenticationResponse)
_REQUIRED = UserVerificationRequirement.REQUIRED
_UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
    RecursionError,
    struct.error,
)


class PasskeyRefused(Exception):
    """`code`: unreadable; challenge, old, used (what was signed); site (made for another one); unverified (the device
    did not check the person); unknown (no such passkey here, or not this person's); wrong (the signature); copied (its
    count went back); closed (the account); standing, many (a new one: is there already; there are enough)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def are_offered() -> bool:
    """Whether this site is one for which browsers make passkeys."""
    return bool(settings.PASSKEY_DOMAIN)


def of(account: Account) -> QuerySet[Passkey]:
    """The passkeys of `account`, oldest first."""
    return Passkey.objects.filter(account=account).order_by("made_at", "pk")


def to_make(account: Account, asked: Asked, *, now: datetime) -> dict[str, Any]:
    """What a browser needs to make one: `PublicKeyCredentialCreationOptionsJSON` (WebAuthn 3, 5.1.9)."""
    options, _state = _server().register_begin(
        PublicKeyCredentialUserEntity(
            id=account.pk.bytes, name=account.email, display_name=account.name or account.email
        ),
        _descriptors(account),
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=_REQUIRED,
        challenge=asked.challenge(now),
    )
    return dict(options.public_key)


def to_show(asked: Asked, *, account: Account | None = None, now: datetime) -> dict[str, Any]:
    """What a browser needs to show one of `account`, or any that it has: `PublicKeyCredentialRequestOptionsJSON`."""
    options, _state = _server().authenticate_begin(
        _descriptors(account) if account else None, user_verification=_REQUIRED, challenge=asked.challenge(now)
    )
    return dict(options.public_key)


def add(
    account: Account,
    answer: str,
    name: str,
    *,
    asked: Asked,
    is_first: bool = False,
    with_codes: bool = False,
    now: datetime,
) -> Passkey:
    """Keep the passkey that a browser has made, and tell its owner.

    `is_first`: only if there is no other second factor. `with_codes`: with recovery codes, if there are none yet.
    Raises `PasskeyRefused`.
    """
    made = _parsed(RegistrationResponse, answer)
    data = made.response.attestation_object.auth_data
    _check(made.response.client_data, data, asked, now)
    state = _state(made.response.client_data.challenge)
    key = _right(lambda: _server().register_complete(state, made)).credential_data
    if key is None or isinstance(key.public_key, UnsupportedKey) or _alg(key) not in CoseKey.supported_algorithms():
        raise PasskeyRefused("unreadable")
    try:
        with transaction.atomic():
            _make_room(account, is_first=is_first)
            passkey = _keep(account, key, data, _named(name), now)
            if with_codes:
                RecoveryCodes.activate(account)
            return passkey
    except IntegrityError as error:
        raise PasskeyRefused("standing") from error


def show(answer: str, *, asked: Asked, account: Account | None = None, now: datetime) -> Passkey:
    """The passkey that has answered: of `account`, if one is given, else of anybody who may sign in.

    The answer is used up, whatever comes of it. Raises `PasskeyRefused`.
    """
    shown = _parsed(AuthenticationResponse, answer)
    _check(shown.response.client_data, shown.response.authenticator_data, asked, now)
    with transaction.atomic():
        passkey = Passkey.objects.select_for_update(of=["self"]).filter(credential_id=shown.raw_id).first()
        if passkey is None or _is_anothers(passkey, account, shown.response.user_handle):
            raise PasskeyRefused("unknown")
        _check_signature(passkey, shown)
        is_copied = not _counts_on(passkey, shown.response.authenticator_data.counter, now)
    if is_copied:
        _tell_of_copy(passkey, now)
        raise PasskeyRefused("copied")
    if not passkey.account.is_active:
        raise PasskeyRefused("closed")
    return passkey


def rename(passkey: Passkey, name: str, *, now: datetime) -> None:
    """Give it another name, and tell its owner."""
    with transaction.atomic():
        Passkey.objects.filter(pk=passkey.pk).update(name=_named(name))
        entries.record("passkey:renamed", by=passkey.account, passkey=str(passkey.pk))
        send_word(passkey.account, ActivationMail.Kind.PASSKEY_RENAMED, about=_named(name), now=now)


def remove(passkey: Passkey, *, now: datetime) -> None:
    """Forget it, and tell its owner. Sessions that need what they showed with it end."""
    with transaction.atomic():
        Authenticator.objects.filter(pk=passkey.authenticator_id).delete()
        entries.record("passkey:removed", by=passkey.account, passkey=str(passkey.pk))
        send_word(passkey.account, ActivationMail.Kind.PASSKEY_REMOVED, about=passkey.name, now=now)


def _make_room(account: Account, *, is_first: bool) -> None:
    Account.objects.select_for_update().get(pk=account.pk)  # one at a time: they are counted
    if of(account).count() >= MOST:
        raise PasskeyRefused("many")
    if is_first and second_factor.is_set_up(account):
        raise PasskeyRefused("standing")


def _keep(account: Account, key: AttestedCredentialData, data: AuthenticatorData, name: str, now: datetime) -> Passkey:
    row = Authenticator.objects.create(
        user=account, type=Authenticator.Type.WEBAUTHN, data={"name": name}, created_at=now
    )
    passkey = Passkey.objects.create(
        account=account,
        authenticator=row,
        name=name,
        credential_id=key.credential_id,
        credential=bytes(key),
        sign_count=data.counter,
        is_synced=data.is_backup_eligible(),
        made_at=now,
    )
    entries.record("passkey:added", by=account, passkey=str(passkey.pk))
    send_word(account, ActivationMail.Kind.PASSKEY_ADDED, about=name, now=now)
    return passkey


def _check(client: CollectedClientData, data: AuthenticatorData, asked: Asked, now: datetime) -> None:
    """All that can be wrong before the signature. The challenge first: it is used up by any answer."""
    if because := asked.use_up(client.challenge, now):
        raise PasskeyRefused(because)
    if client.origin != settings.PASSKEY_ORIGIN or client.cross_origin or data.rp_id_hash != _server().rp.id_hash:
        raise PasskeyRefused("site")
    if not (data.is_user_present() and data.is_user_verified()):
        raise PasskeyRefused("unverified")


def _check_signature(passkey: Passkey, shown: AuthenticationResponse) -> None:
    credential = AttestedCredentialData(bytes(passkey.credential))
    state = _state(shown.response.client_data.challenge)
    _right(lambda: _server().authenticate_complete(state, [credential], shown))


def _is_anothers(passkey: Passkey, account: Account | None, handle: bytes | None) -> bool:
    """By the account, and by whom the device made it for, which it has to say where nobody is named yet."""
    if account is not None and passkey.account_id != account.pk:
        return True
    if handle is None:
        return account is None
    return handle != passkey.account_id.bytes


def _counts_on(passkey: Passkey, count: int, now: datetime) -> bool:
    """Whether `count` is later than the last one, which it then replaces. Two zeros: the key does not count."""
    if (count or passkey.sign_count) and count <= passkey.sign_count:
        return False
    passkey.sign_count, passkey.last_used_at = count, now
    passkey.save(update_fields=["sign_count", "last_used_at"])
    return True


def _tell_of_copy(passkey: Passkey, now: datetime) -> None:
    """One mail a day at most: whoever has the copy can come again and again."""
    entries.record("passkey:copied", by=passkey.account, passkey=str(passkey.pk))
    try:
        take("passkey-copied", str(passkey.pk), most=1, within=timedelta(days=1), now=now)
    except TooOften:
        return
    send_word(passkey.account, ActivationMail.Kind.PASSKEY_COPIED, about=passkey.name, now=now)


def _parsed(kind: type[_Answer], answer: str) -> _Answer:
    if len(answer) > ANSWER_CHARACTERS_MAX:
        raise PasskeyRefused("unreadable")
    try:
        parsed: _Answer | None = kind.from_dict(json.loads(answer))
    except _UNREADABLE as error:
        raise PasskeyRefused("unreadable") from error
    if parsed is None:  # as the library reads "null"
        raise PasskeyRefused("unreadable")
    return parsed


_Result = TypeVar("_Result")


def _right(check: Callable[[], _Result]) -> _Result:
    """What the library says; its refusals and the keys it stumbles over as one of ours."""
    try:
        return check()
    except _UNREADABLE as error:
        raise PasskeyRefused("wrong") from error


def _server() -> Fido2Server:
    rp = PublicKeyCredentialRpEntity(id=settings.PASSKEY_DOMAIN, name="校門口 Gatepost")
    return Fido2Server(rp, verify_origin=lambda origin: origin == settings.PASSKEY_ORIGIN)


def _state(challenge: bytes) -> dict[str, Any]:
    """What the library would have remembered: the challenge was looked at before it is asked."""
    return {"challenge": websafe_encode(challenge), "user_verification": _REQUIRED}


def _descriptors(account: Account) -> list[PublicKeyCredentialDescriptor]:
    found = of(account).values_list("credential_id", flat=True)
    return [
        PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=bytes(credential_id))
        for credential_id in found
    ]


def _alg(key: AttestedCredentialData) -> int:
    return int(key.public_key[3])  # COSE: 3 is "alg"


def _named(name: str) -> str:
    return " ".join(name.split())[:NAME_CHARACTERS_MAX] or "Passkey"


def owned(account: Account, passkey_id: UUID) -> Passkey | None:
    """That passkey, if it is `account`'s."""
    return of(account).filter(pk=passkey_id).first()
