"""Whom a message would reach nobody about, and why: asked of everybody at once."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from gatepost.kit import questions

NO_GUARDIAN = "no_guardian"  # nobody may be told
NO_ADDRESS = "no_address"  # nobody has ever proven one
SWITCHED_OFF = "switched_off"  # every one that was proven is off
UNCONFIRMED = "unconfirmed"  # something may still arrive, but nothing came back for long
NOT_SUBSCRIBED = "not_subscribed"  # an address works, and this is not wanted there
REASONS = (NO_GUARDIAN, NO_ADDRESS, SWITCHED_OFF, UNCONFIRMED, NOT_SUBSCRIBED)


@dataclass(frozen=True, slots=True)
class Lack:
    """Nobody would be reached about `about`. `since` is None where nothing says since when.

    `off`: the addresses that were switched off, each as its channel and why, without saying which they are.
    """

    about: UUID
    reason: str
    since: datetime | None
    off: tuple[tuple[str, str], ...] = ()


def lacking(abouts: Collection[UUID], *, topic: str) -> list[Lack]:
    """Those of `abouts` about whom a notice of `topic` would reach nobody at a proven address, in no certain order.

    The reason is the one nearest to a remedy: one guardian whose address only lacks a subscription is that.
    """
    if not abouts:
        return []
    with connection.cursor() as cursor:
        cursor.execute(LACKING, {"abouts": list(abouts), "topic": topic})
        return [_lack(*row) for row in cursor.fetchall()]


def not_reached_about(account_id: UUID, *, topics: Collection[str]) -> set[UUID]:
    """About whom `account_id` may be told, and would hear of none of `topics` at a proven address."""
    rows = questions.ask(NOT_REACHED, {"account": account_id, "topics": list(topics)})
    return {about for (about,) in rows}


def _lack(
    about: UUID,
    told: bool,
    works: bool,
    lapsed_at: datetime | None,
    off_at: datetime | None,
    off: list[str],
    opened_at: datetime | None,
    ended_at: datetime | None,
) -> Lack:
    if not told:
        return Lack(about, NO_GUARDIAN, ended_at)
    if works:
        return Lack(about, NOT_SUBSCRIBED, None)
    if lapsed_at is not None:
        return Lack(about, UNCONFIRMED, lapsed_at)
    if off_at is not None:
        each = (one.partition(":") for one in off)
        return Lack(about, SWITCHED_OFF, off_at, tuple((channel, because) for channel, _colon, because in each))
    return Lack(about, NO_ADDRESS, opened_at)


# A subscription that stands for an address which is off or lapsed reaches nobody. Ended recipients are read for the
# date alone.
LACKING = """
SELECT asked.about,
    coalesce(bool_or(account.id IS NOT NULL), false),
    coalesce(bool_or(address.verified_at IS NOT NULL AND address.disabled_at IS NULL AND address.lapsed_at IS NULL),
        false),
    max(address.lapsed_at) FILTER (WHERE address.verified_at IS NOT NULL AND address.disabled_at IS NULL),
    max(address.disabled_at),
    coalesce(array_agg(DISTINCT address.channel || ':' || address.disabled_because)
        FILTER (WHERE address.disabled_at IS NOT NULL), ARRAY[]::text[]),
    max(recipient.opened_at) FILTER (WHERE recipient.ended_at IS NULL),
    max(recipient.ended_at)
FROM unnest(%(abouts)s::uuid[]) AS asked(about)
LEFT JOIN notify_recipient recipient ON recipient.about = asked.about
LEFT JOIN accounts_account account
    ON account.id = recipient.account_id AND recipient.ended_at IS NULL AND account.is_active
LEFT JOIN notify_address address ON address.account_id = account.id
LEFT JOIN notify_subscription subscription ON subscription.recipient_id = recipient.id
    AND subscription.topic = %(topic)s AND subscription.address_id = address.id
GROUP BY asked.about
HAVING NOT coalesce(bool_or(
    subscription.id IS NOT NULL AND address.verified_at IS NOT NULL AND address.disabled_at IS NULL
    AND address.lapsed_at IS NULL
), false)
"""

NOT_REACHED = """
SELECT recipient.about FROM notify_recipient recipient
WHERE recipient.account_id = %(account)s::uuid AND recipient.ended_at IS NULL AND NOT EXISTS (
    SELECT FROM notify_subscription subscription
    JOIN notify_address address ON address.id = subscription.address_id AND address.verified_at IS NOT NULL
        AND address.disabled_at IS NULL AND address.lapsed_at IS NULL
    WHERE subscription.recipient_id = recipient.id AND subscription.topic = ANY(%(topics)s::text[])
)
"""
