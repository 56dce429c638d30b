"""Where an account is signed in: to be looked at, and to be ended.

A device is a session with what its owner recognises it by. What is kept is as little as that takes: the browser and
the system by name, and the network without its end. Deleting the session ends all of it, and in the same transaction
what connected services hold of it (`sso.sessions`).
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from ua_parser import parse

from gatepost.accounts.activation import send_word
from gatepost.accounts.attempts import TooOften, take
from gatepost.accounts.models import Account, ActivationMail, Device

WRITTEN_EVERY = timedelta(minutes=5)
FORGET_BATCH = 5_000
MAILS_A_DAY = 5
AGENT_CHARACTERS = 300  # of what a browser says of itself: a longer one is none, and slow to read
_BROWSERS = {
    "Mobile Safari": "Safari",
    "Mobile Safari UI/WKWebView": "Safari",
    "Chrome Mobile": "Chrome",
    "Chrome Mobile iOS": "Chrome",
    "Chrome Mobile WebView": "Chrome",
    "Firefox Mobile": "Firefox",
    "Firefox iOS": "Firefox",
    "Edge Mobile": "Edge",
    "HeadlessChrome": "Chrome",
}
_SYSTEMS = {"Mac OS X": "macOS", "Ubuntu": "Linux"}


@dataclass(frozen=True)
class Seen:
    """What a request shows of the browser it comes from."""

    browser: str
    system: str
    network: str


def seen_as(agent: str, address: str) -> Seen:
    """The browser that calls itself `agent` (a User-Agent header) and comes from the network address `address`."""
    read = parse(agent[:AGENT_CHARACTERS])
    browser = read.user_agent.family if read.user_agent else ""
    system = read.os.family if read.os else ""
    if system == "iOS" and read.device and read.device.family in ("iPhone", "iPad"):
        system = read.device.family
    return Seen(_BROWSERS.get(browser, browser), _SYSTEMS.get(system, system), network_of(address))


def network_of(address: str) -> str:
    """The network of `address`, as much as tells home from elsewhere: 203.0.113.*, 2001:0db8:0001:*."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    mark = "." if found.version == 4 else ":"
    return mark.join([*found.exploded.split(mark)[:3], "*"])


def opened(
    session: SessionBase, account: Account, seen: Seen, *, methods: Iterable[str], factor: int, now: datetime
) -> None:
    """`account` signed in: the session of `session`, which must be saved, is a device from now on."""
    values = {
        "account": account,
        "opened_at": now,
        "last_seen_at": now,
        "methods": list(methods),
        "factor": factor,
        "browser": seen.browser,
        "system": seen.system,
        "network": seen.network,
    }
    Device.objects.update_or_create(session_id=session.session_key, defaults=values)


def tell(account: Account, about: str, *, now: datetime) -> None:
    """Tell `account` by mail of a sign-in in a browser that it does not know; `about` says which, when and where.

    A few times a day at the most: who has the password does not fill the mailbox as well.
    """
    with suppress(TooOften), transaction.atomic():
        take("new-device-mail", str(account.pk), most=MAILS_A_DAY, within=timedelta(days=1), now=now)
        send_word(account, ActivationMail.Kind.NEW_DEVICE, now=now, about=about)


def used(session: SessionBase, *, address: str, now: datetime) -> None:
    """The device of `session` was used just now, from `address`. One statement; earlier moments are left alone."""
    mine = Device.objects.filter(session=session.session_key, last_seen_at__lt=now - WRITTEN_EVERY)
    mine.update(last_seen_at=now, network=network_of(address))


def is_to_be_written(last_seen_at: datetime, now: datetime) -> bool:
    """Whether `used` would write something."""
    return now - last_seen_at > WRITTEN_EVERY


def of(account: Account, *, now: datetime) -> QuerySet[Device]:
    """The devices on which `account` is signed in, the one used last first."""
    return Device.objects.filter(account=account, session__expire_date__gt=now).order_by("-last_seen_at", "-pk")


def end(account: Account, device_id: int, *, but: str) -> bool:
    """Sign `account` out of one device, unless it is the one of the session `but`. Returns whether there was one."""
    return _end(Session.objects.filter(device__account=account, device=device_id).exclude(session_key=but)) > 0


def end_others(account: Account, *, but: str) -> int:
    """Sign `account` out of every device but the session `but` (empty: of every one). Returns how many there were."""
    return _end(Session.objects.filter(device__account=account).exclude(session_key=but))


def forget(now: datetime) -> int:
    """Delete sessions whose time is over, a batch at a time. Returns how many."""
    over = Session.objects.filter(expire_date__lt=now).order_by("expire_date").values("pk")[:FORGET_BATCH]
    return _end(Session.objects.filter(pk__in=list(over.values_list("pk", flat=True))))


def _end(sessions: QuerySet[Session]) -> int:
    _rows, by_table = sessions.delete()
    return by_table.get(Session._meta.label, 0)
