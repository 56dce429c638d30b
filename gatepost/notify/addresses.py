"""Adding an address, and proving it: it counts after a code came back from it.

A code is six digits, good for a quarter of an hour and five tries, and kept only as a keyed digest. How many are
sent is bounded for the person who asks and for the mailbox that gets them, so that nobody can be flooded with them.
"""

import hmac
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from gatepost.accounts.models import Account
from gatepost.audit import entries
from gatepost.channels.email.address import usable
from gatepost.channels.errors import ChannelError
from gatepost.channels.sms import numbers
from gatepost.notify import proofs, topics
from gatepost.notify.models import Address, AddressProof, Channel, Recipient, Subscription

CODE_GOOD_FOR = timedelta(minutes=15)
TRIES_MOST = 5
ADDRESSES_MOST = 5
NUMBERS_MOST = 2
SMS_CODES_A_PERSON = 4  # in a day
CODES_A_PERSON = 5  # in an hour
CODES_AN_ADDRESS = 5  # in a day, whoever asks


class AddressRefused(Exception):
    """The address or its code cannot be taken.

    `code`: unusable (no such address), proven (already counts), many (enough addresses), often (enough codes for now),
    stranger (no child bound here); wrong, expired, spent (too many tries).
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def add(account: Account, target: str) -> Address:
    """Put down an email address of `account`, not proven yet; one that is there already is given back.

    Raises `AddressRefused` (unusable, proven, many).
    """
    written = _written(target)
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=account.pk)  # one at a time: they are counted
        known = list(Address.objects.filter(account=account, channel=Channel.EMAIL))
        for address in known:
            if address.target.lower() == written.lower():
                if address.is_proven:
                    raise AddressRefused("proven")
                return address
        if len(known) >= ADDRESSES_MOST:
            raise AddressRefused("many")
        return Address.objects.create(account=account, channel=Channel.EMAIL, target=written)


def add_number(account: Account, target: str) -> Address:
    """Put down a mobile number of `account`, not proven yet; one that is there already is given back.

    Only for who has a child here: a code costs money, and whoever can have them sent to any number can earn some.
    Raises `AddressRefused` (stranger, unusable, proven, many).
    """
    try:
        written = numbers.usable(target)
    except ChannelError as error:
        raise AddressRefused("unusable") from error
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        if not Recipient.objects.filter(account=account, ended_at=None).exclude(about=account.pk).exists():
            raise AddressRefused("stranger")
        known = list(Address.objects.filter(account=account, channel=Channel.SMS))
        for address in known:
            if address.target == written:
                if address.is_proven:
                    raise AddressRefused("proven")
                return address
        if len(known) >= NUMBERS_MOST:
            raise AddressRefused("many")
        label = numbers.domestic(written)
        return Address.objects.create(account=account, channel=Channel.SMS, target=written, label=mask_number(label))


def mask_number(number: str) -> str:
    """A number that its owner recognises and nobody else can use: `0912…678`."""
    return f"{number[:4]}…{number[-3:]}"


def new_code(address: Address, *, now: datetime) -> str:
    """A code to send to `address`; the ones before it are good for nothing. Raises `AddressRefused` (proven, often)."""
    if address.is_proven:
        raise AddressRefused("proven")
    code = f"{secrets.randbelow(1_000_000):06d}"
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=address.account_id)
        AddressProof.objects.filter(asked_at__lt=now - timedelta(days=1)).delete()
        by_person = AddressProof.objects.filter(account=address.account_id, asked_at__gt=now - timedelta(hours=1))
        to_address = AddressProof.objects.filter(target__iexact=address.target)
        if by_person.count() >= CODES_A_PERSON or to_address.count() >= CODES_AN_ADDRESS:
            raise AddressRefused("often")
        if address.channel == Channel.SMS and _too_many_numbers(address.account_id, now):
            raise AddressRefused("often")
        AddressProof.objects.create(
            account_id=address.account_id,
            channel=address.channel,
            target=address.target,
            code_digest=_digest(address, code),
            asked_at=now,
        )
    return code


def _too_many_numbers(account_id: UUID, now: datetime) -> bool:
    """Codes over the air are paid for: fewer for a person, and a bound for everybody together."""
    paid = AddressProof.objects.filter(channel=Channel.SMS)
    an_hour = paid.filter(asked_at__gt=now - timedelta(hours=1)).count()
    return paid.filter(account=account_id).count() >= SMS_CODES_A_PERSON or an_hour >= settings.SMS_CODES_AN_HOUR


def prove(address: Address, code: str, *, now: datetime) -> None:
    """The address counts from now on, if `code` is the newest one sent to it.

    Raises `AddressRefused` (wrong, expired, spent); a wrong code is a try.
    """
    with transaction.atomic():
        proof = (
            AddressProof.objects.select_for_update()
            .filter(account=address.account_id, channel=address.channel, target=address.target)
            .order_by("-asked_at", "-pk")
            .first()
        )
        refusal = _refusal(proof, address, code, now)
        if proof is not None and refusal in ("", "wrong"):
            proof.tries += 1
            proof.save(update_fields=["tries"])
        if not refusal:
            _count_from(address, now, by=proofs.CODE)
    if refusal:
        raise AddressRefused(refusal)


def count_as_proven(
    account: Account,
    target: str,
    *,
    now: datetime,
    channel: Channel = Channel.EMAIL,
    label: str = "",
    by: str = proofs.CODE,
) -> Address:
    """`target` counts for `account` from now on: the caller saw, `by` what, that this person reads what comes there.

    `label` is how its owner knows it, where the target says nothing to them.
    """
    written = _written(target) if channel == Channel.EMAIL else target
    same = {"target__iexact": written} if channel == Channel.EMAIL else {"target": written}
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        address = Address.objects.filter(account=account, channel=channel, **same).first()
        if address is None:
            address = Address.objects.create(account=account, channel=channel, target=written, label=label)
        if not address.is_proven:
            _count_from(address, now, by=by)
        else:
            proofs.note(Address.objects.filter(pk=address.pk), by=by, now=now)
    return address


def switch_off(address_id: int, *, because: str, now: datetime) -> bool:
    """Use the address no more until it is proven again; what was chosen for it stays. Whether that changed anything."""
    off = Address.objects.filter(pk=address_id, disabled_at=None)
    return bool(off.update(disabled_at=now, disabled_because=because))


def complained(address_id: int, *, now: datetime) -> bool:
    """Its owner called our mail spam: what they may do without stops there. Whether that was news.

    Safety messages go on, for a child's sake. Choosing a message for it again, or a new proof, ends it.
    """
    with transaction.atomic():
        news = Address.objects.filter(pk=address_id, complained_at=None).update(complained_at=now)
        may_stop = [topic.code for topic in topics.choosable() if topic.optional]
        Subscription.objects.filter(address=address_id, topic__in=may_stop).delete()
    return bool(news)


def remove(address: Address, *, by: Account) -> None:
    """Forget the address, and with it what was to be told there."""
    with transaction.atomic():
        entries.record("address:removed", by=by, address=address.pk)
        address.delete()


def _written(target: str) -> str:
    target = target.strip()
    try:
        usable(target)
    except ChannelError as error:
        raise AddressRefused("unusable") from error
    local, _at, domain = target.rpartition("@")
    if "." not in domain:
        raise AddressRefused("unusable")
    return f"{local}@{domain.lower()}"


def _refusal(proof: AddressProof | None, address: Address, code: str, now: datetime) -> str:
    if proof is None or now >= proof.asked_at + CODE_GOOD_FOR:
        return "expired"
    if proof.tries >= TRIES_MOST:
        return "spent"
    return "" if hmac.compare_digest(bytes(proof.code_digest), _digest(address, code)) else "wrong"


def _count_from(address: Address, now: datetime, *, by: str) -> None:
    address.verified_at, address.disabled_at, address.disabled_because = now, None, ""
    address.complained_at = None
    proofs.put(address, by=by, at=now)
    address.save(
        update_fields=[
            *("verified_at", "disabled_at", "disabled_because", "complained_at"),
            *("proven_at", "proven_by", "asked_at", "reminded_at", "lapsed_at"),
        ]
    )
    codes = AddressProof.objects.filter(account=address.account_id, channel=address.channel, target=address.target)
    if address.channel == Channel.SMS:
        codes.update(tries=TRIES_MOST)  # they were paid for, and go on being counted
    else:
        codes.delete()
    entries.record("address:proven", by=address.account_id, address=address.pk)


def _digest(address: Address, code: str) -> bytes:
    text = f"address-proof:{address.account_id}:{address.channel}:{address.target}:{code.strip()}"
    digest: bytes = settings.KEY_RING.digest(text)
    return digest
