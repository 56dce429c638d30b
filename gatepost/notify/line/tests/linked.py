"""A Gatepost whose LINE channel is on, and people who connected theirs."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from gatepost.accounts.models import Account
from gatepost.channels.line import webhook
from gatepost.channels.line.tests.platform import SECRET, TOKEN, Platform, a_platform
from gatepost.notify import recipients, topics
from gatepost.notify.line import events, line_settings, links
from gatepost.notify.models import Address, Channel
from gatepost.roster.models import Student
from tests.builders import MONDAY, at

LINKED_AT = at("07:00")


@pytest.fixture
def line(settings: Any) -> Iterator[Platform]:
    """LINE, and the settings with which Gatepost reaches it."""
    with a_platform() as platform:
        settings.CHANNELS = ["email", "line"]
        settings.LINE_CHANNEL_SECRET, settings.LINE_ACCESS_TOKEN = SECRET, TOKEN
        settings.LINE_ACCOUNT, settings.LINE_API = "@123abcde", platform.url
        yield platform


def tell(line: Platform, *told: dict[str, Any], now: datetime) -> int:
    """LINE tells us, and the worker follows. Returns how many events were new."""
    body, _signed = line.callback(*told)
    new = events.keep(webhook.read(body), now=now)
    events.follow(line_settings(), now=now)
    return new


def linked(account: Account, who: str, *children: Student, when: datetime = LINKED_AT) -> Address:
    """The LINE of `account`, as after the linking; subscribed to everything about `children`."""
    nonce = links.begin(account, now=when)
    address = links.finish(links.digest(nonce), who, at=when, now=when)
    assert address is not None
    for child in children:
        mail = Address.objects.filter(account=account, channel=Channel.EMAIL).first()
        choices = [(topic.code, one) for topic in topics.choosable() for one in (mail, address) if one]
        recipients.subscribe(account.pk, child.pk, choices=choices)
    return address


__all__ = ["MONDAY", "line", "linked", "tell"]
