"""An address that was switched off, or at which our mail was called spam: its owner is told at the others, whatever
channel it was and whoever noticed.

Nothing is said of a child, and the address is named as its owner knows it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gatepost.kit.clock import local_date
from gatepost.notify import notices
from gatepost.notify.models import Address, Recipient
from gatepost.notify.queries import shown
from gatepost.notify.topics import Topic, Words

ADDRESS_OFF = "address_off"
COMPLAINED = "complained"
TOLD_WITHIN = timedelta(days=1)
AT_ONCE = 100
ZONE = "Asia/Taipei"


def follow(now: datetime) -> int:
    """Tell the owners of addresses that were switched off since yesterday, once each. Returns how many were told.

    Who has no other address is not: the school's list of the unreachable has them.
    """
    with connection.cursor() as cursor:
        cursor.execute(_UNTOLD, {"since": now - TOLD_WITHIN, "zone": ZONE, "limit": AT_ONCE})
        lost = cursor.fetchall()
    known = Address.objects.in_bulk([row[0] for row in lost])
    return sum(_tell(known[pk], at, because, now) for pk, at, because in lost if pk in known)


def _tell(address: Address, at: datetime, because: str, now: datetime) -> bool:
    about = Recipient.objects.filter(account=address.account_id, ended_at=None).order_by("pk").first()
    if about is None:
        return False
    said = notices.Post(
        key=f"{ADDRESS_OFF}:{address.pk}:{int(at.timestamp())}",
        topic=ADDRESS_OFF,
        about=about.about,
        on_date=local_date(at, ZONE),
        data={"channel": address.channel, "because": because, "address": shown(address)},
        best_before=at + 2 * TOLD_WITHIN,
    )
    return notices.tell(said, now=now, only=address.account_id, not_at=address.pk) > 0


def _words(data: Mapping[str, Any], now: datetime) -> Words:
    if data["because"] == COMPLAINED:
        headline = gettext("Only safety messages still go to {address}").format(address=data["address"])
        why = gettext("A mail from us was marked as spam there.")
        how = gettext("To get the others there again, choose them in your message settings.")
        return Words(subject=headline, headline=headline, lines=(why, how))
    if data["channel"] == "line":
        headline = gettext("Messages no longer reach your LINE")
        why = gettext("You blocked our LINE account, or it could not be reached.")
    else:
        headline = gettext("Messages no longer reach {address}").format(address=data["address"])
        why = gettext("What we sent there came back.")
    how = gettext("To use it again, open your message settings and prove it once more.")
    return Words(subject=headline, headline=headline, lines=(why, how))


TOPICS = (Topic(ADDRESS_OFF, _("Address switched off"), _words, optional=False, choosable=False, may_wait=True),)

_UNTOLD = """
SELECT lost.id, lost.at, lost.because FROM (
    SELECT id, account_id, disabled_at AS at, disabled_because AS because FROM notify_address
    WHERE disabled_at > %(since)s AND disabled_because <> 'signed_out' -- whoever signs out knows
    UNION ALL
    SELECT id, account_id, complained_at, 'complained' FROM notify_address WHERE complained_at > %(since)s
) lost
WHERE EXISTS (
        SELECT FROM notify_address other
        WHERE other.account_id = lost.account_id AND other.verified_at IS NOT NULL AND other.disabled_at IS NULL
            AND other.id <> lost.id
    )
    AND EXISTS (
        SELECT FROM notify_recipient recipient
        WHERE recipient.account_id = lost.account_id AND recipient.ended_at IS NULL
    )
    AND NOT EXISTS (
        SELECT FROM notify_notice told
        WHERE told.on_date = (lost.at AT TIME ZONE %(zone)s)::date
            AND told.about IN (SELECT about FROM notify_recipient WHERE account_id = lost.account_id)
            AND told.key = concat_ws(':', 'address_off', lost.id, floor(extract(epoch FROM lost.at)))
    )
ORDER BY lost.at LIMIT %(limit)s
"""
