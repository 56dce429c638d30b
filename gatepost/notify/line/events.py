"""What LINE's webhook told us: kept at once, each event once, and followed by the worker in the order it happened.

LINE tells some events twice and late, so an event is known by its id, and one from before a link does not undo it.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from gatepost.accounts import attempts
from gatepost.channels.errors import ChannelError
from gatepost.channels.line import webhook
from gatepost.channels.line.api import LineApi, LineSettings, line_api
from gatepost.notify import addresses, proofs
from gatepost.notify.line import links
from gatepost.notify.models import Address, Channel, LineEvent, LineLink

log = logging.getLogger(__name__)

WOKEN_BY = "gatepost_line"
BATCH = 50
TOLD_LATE = timedelta(days=3)  # what happened longer ago is no news, whoever tells it
KEPT_FOR = timedelta(days=7)  # longer than that, so that no repeat is taken for new
REPLY_WITHIN = timedelta(seconds=50)  # a reply token is good for about a minute
INVITATIONS_AN_HOUR = 6
LANGUAGES = ("zh-hant", "en", "vi", "id")


def keep(events: Sequence[webhook.Event], *, now: datetime) -> int:
    """Keep those that were not told before. Returns how many; the worker is woken."""
    rows = [
        LineEvent(
            event_id=one.id,
            kind=one.kind,
            user_id=one.user_id,
            happened_at=one.at,
            received_at=now,
            reply_token=one.reply_token,
            nonce_digest=links.digest(one.nonce) if one.nonce else None,
            linked=one.linked,
        )
        for one in events
        if now - TOLD_LATE < one.at < now + timedelta(hours=1)
    ]
    with transaction.atomic():
        known = set(LineEvent.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True))
        LineEvent.objects.bulk_create(rows, ignore_conflicts=True)
        with connection.cursor() as cursor:
            cursor.execute(f"NOTIFY {WOKEN_BY}")
    return len({row.pk for row in rows} - known)


def follow(line: LineSettings, *, now: datetime) -> int:
    """Do what up to `BATCH` events ask for, then answer their people. Returns how many events there were."""
    with transaction.atomic():
        waiting = LineEvent.objects.select_for_update(skip_locked=True).filter(settled_at=None)
        events = list(waiting.order_by("happened_at", "pk")[:BATCH])
        answers = [answer for event in events if (answer := _apply(event, now))]
        LineEvent.objects.filter(pk__in=[event.pk for event in events]).update(settled_at=now, reply_token="")
    if answers:
        asyncio.run(_answer(line, [one for one in answers if now - one.event.received_at < REPLY_WITHIN]))
    return len(events)


def forget(*, now: datetime) -> int:
    """Delete what is too old to be of use. Returns how many rows."""
    events, _ = LineEvent.objects.filter(received_at__lt=now - KEPT_FOR).delete()
    old_links, _ = LineLink.objects.filter(asked_at__lt=now - KEPT_FOR).delete()
    return events + old_links


class _Answer(NamedTuple):
    event: LineEvent
    text: str  # empty: an invitation to link


def _apply(event: LineEvent, now: datetime) -> _Answer | None:
    if event.kind == webhook.UNFOLLOW:
        _switch_off(event, now)
        return None
    if event.kind == webhook.LINKED:
        return _link(event, now)
    linked = _linked(event.user_id).select_related("account").first()
    if linked is not None:
        proofs.note(_linked(event.user_id), by=proofs.LINE, now=now)
        return _Answer(event, _nobody_reads(linked.account.language)) if event.kind == webhook.SAID else None
    try:
        hour = timedelta(hours=1)
        attempts.take("line-invitation", event.user_id, most=INVITATIONS_AN_HOUR, within=hour, now=now)
    except attempts.TooOften:
        return None
    return _Answer(event, "")


def _switch_off(event: LineEvent, now: datetime) -> None:
    for address in _linked(event.user_id).filter(verified_at__lte=event.happened_at):
        addresses.switch_off(address.pk, because="unfollowed", now=now)
        log.info("address=%d switched off because=unfollowed", address.pk)


def _link(event: LineEvent, now: datetime) -> _Answer | None:
    if not event.linked or event.nonce_digest is None:
        return None
    address = links.finish(bytes(event.nonce_digest), event.user_id, at=event.happened_at, now=now)
    if address is None:
        log.info("link refused event=%s", event.pk)
        return None
    return _Answer(event, _welcome(address.account.language))


def _linked(user_id: str) -> QuerySet[Address]:
    return Address.objects.filter(channel=Channel.LINE, target=user_id, disabled_at=None, verified_at__isnull=False)


async def _answer(line: LineSettings, answers: Sequence[_Answer]) -> None:
    """Reply to each. Nothing depends on it: who gets no answer writes again."""
    async with line_api(line) as api:
        await asyncio.gather(*(_reply(api, one) for one in answers if one.event.reply_token))


async def _reply(api: LineApi, answer: _Answer) -> None:
    try:
        text = answer.text or _invitation(await api.link_token(answer.event.user_id))
        await api.reply(answer.event.reply_token, text)
    except ChannelError as error:
        log.warning("no reply event=%s because=%s", answer.event.pk, error)


def _invitation(token: str) -> str:
    """How to go on, in every language: we do not know yet who this is."""
    said = []
    for language in LANGUAGES:
        with translation.override(language):
            said.append(gettext("To get messages about your child here, open this page and sign in:"))
    return "\n".join([*said, f"{settings.SITE_URL}{reverse('line-link')}?linkToken={token}"])


def _welcome(language: str) -> str:
    with translation.override(language):
        return gettext(
            "Your LINE is connected to Gatepost. Now choose in your message settings what to be told here. "
            "There you can also remove it at any time."
        )


def _nobody_reads(language: str) -> str:
    with translation.override(language):
        return gettext(
            "Messages about your child come here by themselves. Nobody reads what is written to this account: "
            "please write to the school instead."
        )
