"""The monthly check: an address from which nothing came back for long is asked whether it still reaches its owner.

A mail has one link, whose page has one button; so has a message on LINE. On a browser the message itself is the
question: its receipt is the answer. Numbers are never asked, because that costs money. Whoever does not answer is asked
once more, then the address counts as unproven: it is used on, and shown to its owner and the school as what it is.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core import signing
from django.db import connection, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gatepost.kit.clock import local_date
from gatepost.notify import notices, proofs
from gatepost.notify.line import budget
from gatepost.notify.models import Address, Channel, Recipient
from gatepost.notify.topics import Topic, Words

ADDRESS_CHECK = "address_check"
AGAIN_AFTER = timedelta(days=7)  # without an answer: asked once more, and then given up
ANSWERED_WITHIN = timedelta(days=21)
AWAKE = range(8, 20)  # hours on the wall in which somebody may be asked
AT_ONCE = 250
AN_HOUR_LEAST = 20
ZONE = "Asia/Taipei"
_SALT = "gatepost.notify.checks"


def follow(now: datetime) -> int:
    """Ask where it is due, ask once more, and give up. Returns how many addresses that concerned; by day only."""
    if not settings.REACH_CHECK_DAYS or now.astimezone(ZoneInfo(ZONE)).hour not in AWAKE:
        return 0
    with transaction.atomic():
        return _go_on(now) + _ask(now)


def answer(token: str, *, now: datetime) -> bool:
    """Somebody who reads there says so. Whether `token` was ours, and not too old; saying it again changes nothing."""
    address = asked(token)
    if address is None:
        return False
    proofs.note(Address.objects.filter(pk=address.pk), by=proofs.ANSWER, now=now)
    return True


def asked(token: str) -> Address | None:
    """The address that was asked with `token`; None if it is not ours, too old, or somebody else's since."""
    try:
        pk, verified = signing.loads(token, salt=_SALT, max_age=ANSWERED_WITHIN)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    found = Address.objects.filter(pk=pk, disabled_at=None).first()
    is_same = found is not None and found.verified_at is not None and int(found.verified_at.timestamp()) == verified
    return found if is_same else None


def _ask(now: datetime) -> int:
    """The longest silent first, so many in an hour that all of them together take half a month."""
    channels = [channel for channel in settings.CHANNELS if channel != Channel.SMS]
    if Channel.LINE in channels and not budget.room(now=now).take(safety=False):
        channels.remove(Channel.LINE)
    before = now - timedelta(days=settings.REACH_CHECK_DAYS)
    with connection.cursor() as cursor:
        cursor.execute(
            _ROOM, {"hour": now - timedelta(hours=1), "days": settings.REACH_CHECK_DAYS, "least": AN_HOUR_LEAST}
        )
        room = min(AT_ONCE, max(0, cursor.fetchone()[0]))
        cursor.execute(SILENT, {"channels": channels, "before": before, "limit": room})
        found = [row[0] for row in cursor.fetchall()]
    due = [address for address in Address.objects.filter(pk__in=found).order_by("pk") if _tell(address, "", now)]
    return Address.objects.filter(pk__in=[address.pk for address in due]).update(asked_at=now)


def _go_on(now: datetime) -> int:
    """Those who were asked a week ago, or twice. A question that never left counts as not asked."""
    late = now - AGAIN_AFTER
    waiting = Address.objects.select_for_update(skip_locked=True).filter(asked_at__lte=late, lapsed_at=None)
    due = list(waiting.filter(Q(reminded_at=None) | Q(reminded_at__lte=late)).order_by("asked_at")[:AT_ONCE])
    for address in due:
        _go_on_with(address, now)
    return len(due)


def _go_on_with(address: Address, now: datetime) -> None:
    last = address.reminded_at or address.asked_at
    assert last is not None  # noqa: S101 - asked for
    if not address.is_usable or not _left(address, last):
        address.asked_at = address.reminded_at = None
    elif address.reminded_at is not None:
        address.lapsed_at = now
    elif _tell(address, ":again", now):
        address.reminded_at = now
    else:  # nobody there to tell about any more
        address.asked_at = None
    address.save(update_fields=["asked_at", "reminded_at", "lapsed_at"])


def _tell(address: Address, nth: str, now: datetime) -> bool:
    about = Recipient.objects.filter(account=address.account_id, ended_at=None).order_by("pk").first()
    if about is None or address.verified_at is None:
        return False
    today = local_date(now, ZONE)
    evening = datetime.combine(today, datetime.min.time(), ZoneInfo(ZONE)) + timedelta(hours=AWAKE.stop)
    said = notices.Post(
        key=f"{ADDRESS_CHECK}:{address.pk}:{int(now.timestamp())}{nth}",
        topic=ADDRESS_CHECK,
        about=about.about,
        on_date=today,
        data={
            "channel": address.channel,
            "address": address.pk,
            "verified": int(address.verified_at.timestamp()),
        },
        best_before=evening,
    )
    return notices.tell(said, now=now, only=address.account_id, at=address.pk) > 0


def _left(address: Address, asked_at: datetime) -> bool:
    with connection.cursor() as cursor:
        on_date = local_date(asked_at, ZONE)
        cursor.execute(_LEFT, {"address": address.pk, "account": address.account_id, "on_date": on_date})
        return cursor.fetchone() is not None


def _words(data: Mapping[str, Any], now: datetime) -> Words:
    if data["channel"] == Channel.PUSH:
        arrived = gettext("Messages from school still arrive on this device")
        return Words(subject=arrived, headline=arrived)
    headline = gettext("Do our messages still reach you here?")
    lines = (
        gettext("We ask once in a while, so that you can count on our messages when it matters."),
        gettext("Press the link, then the button: it needs no sign-in. It is good for three weeks."),
    )
    return Words(subject=headline, headline=headline, lines=lines, link=link(data["address"], data["verified"]))


def link(address_id: int, verified: int) -> str:
    """Where the owner of an address answers. It says nothing of whose it is."""
    token = signing.dumps([address_id, verified], salt=_SALT)
    return settings.SITE_URL + reverse("reach-answer", args=[token])


TOPICS = (Topic(ADDRESS_CHECK, _("Does this still reach you?"), _words, optional=False, choosable=False),)

# How many may be asked now. The table's size as the planner knows it: it need not be exact.
_ROOM = """
SELECT greatest(%(least)s, (2 * reltuples / (%(days)s * 12))::int) - (
    SELECT count(*) FROM notify_address WHERE asked_at > %(hour)s AND lapsed_at IS NULL
)
FROM pg_class WHERE oid = 'notify_address'::regclass
"""

SILENT = """
SELECT address.id FROM notify_address address
WHERE address.verified_at IS NOT NULL AND address.disabled_at IS NULL AND address.asked_at IS NULL
    AND NOT (address.channel = 'sms')
    AND coalesce(address.proven_at, address.verified_at) < %(before)s
    AND address.channel = ANY(%(channels)s)
    AND EXISTS (
        SELECT FROM notify_recipient recipient
        WHERE recipient.account_id = address.account_id AND recipient.ended_at IS NULL
    )
ORDER BY coalesce(address.proven_at, address.verified_at) LIMIT %(limit)s
FOR UPDATE OF address SKIP LOCKED
"""

_LEFT = """
SELECT FROM notify_delivery delivery
JOIN notify_notice notice ON notice.id = delivery.notice_id AND notice.on_date = delivery.on_date
WHERE delivery.on_date = %(on_date)s AND delivery.address_id = %(address)s AND notice.topic = 'address_check'
    AND notice.on_date = %(on_date)s
    AND notice.about IN (SELECT about FROM notify_recipient WHERE account_id = %(account)s)
    AND delivery.state IN ('sent', 'delivered')
LIMIT 1
"""
