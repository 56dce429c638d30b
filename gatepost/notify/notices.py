"""Saying something, once, to everybody who may and wants to know.

A notice and the deliveries it causes are written in the caller's transaction, together with the fact they speak of.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from gatepost.kit.prepared import prepared
from gatepost.notify import ladder, topics
from gatepost.notify.sender import SETTLED
from gatepost.watch import tally


@dataclass(frozen=True, slots=True)
class Post:
    """Something to say. `key` is said at most once about `about` for its `on_date`.

    After `best_before` it is not sent any more. `data` is what the words need: JSON, without ID numbers, phones or
    addresses.
    """

    key: str
    topic: str
    about: UUID
    on_date: date
    data: dict[str, Any]
    best_before: datetime


def post(posts: Sequence[Post], *, now: datetime) -> int:
    """Post those whose key is new, with one delivery for each subscription in force. Returns how many were new.

    No delivery is made for an account that may not be told, or an address that is not proven.
    """
    if not posts:
        return 0
    columns = {
        "keys": [post.key for post in posts],
        "topics": [post.topic for post in posts],
        "abouts": [post.about for post in posts],
        "dates": [post.on_date for post in posts],
        "data": [json.dumps(post.data) for post in posts],
        "until": [post.best_before for post in posts],
    }
    new = int(prepared(_POST, {**columns, "now": now})[0][0])
    climbing = [(post.on_date, post.about, post.key) for post in posts if topics.is_safety(post.topic)]
    if climbing:
        ladder.begin(climbing, now=now)
    return new


def follow(post: Post, original_key: str, *, now: datetime, but_not_if_told: str = "") -> int:
    """Post a notice to exactly those who got (or are just getting) the notice `original_key` of the same day.

    The same addresses, by the same channels, whatever is subscribed; not to accounts that may no longer be told, and
    not where the notice with the key `but_not_if_told` goes anyway. Returns how many deliveries were made.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _FOLLOW,
            {
                "key": post.key,
                "topic": post.topic,
                "about": post.about,
                "on_date": post.on_date,
                "data": json.dumps(post.data),
                "best_before": post.best_before,
                "now": now,
                "original": original_key,
                "told": but_not_if_told,
            },
        )
        return int(cursor.fetchone()[0])


def tell(
    post: Post,
    *,
    now: datetime,
    but_not: UUID | None = None,
    only: UUID | None = None,
    at: int | None = None,
    not_at: int | None = None,
) -> int:
    """Post a notice that nobody subscribes to: to every proven address of everybody who may be told, once.

    Not to telephones: each short message is paid for, and by a school only for what it subscribes to or confirms. Where
    nobody is to hear it, nothing is posted.

    Not to the account `but_not`, nor the address `not_at`; with `only`, to that account alone, with `at`, to that
    address. What a person may do without does not go where they called it spam. Its topic must not be choosable, or
    the sender looks for a subscription. Returns how many deliveries were made.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _TELL,
            {
                "key": post.key,
                "topic": post.topic,
                "about": post.about,
                "on_date": post.on_date,
                "data": json.dumps(post.data),
                "best_before": post.best_before,
                "now": now,
                "but_not": but_not,
                "only": only,
                "at": at,
                "not_at": not_at,
                "optional": topics.is_optional(post.topic),
            },
        )
        return int(cursor.fetchone()[0])


def withdraw(keys: Mapping[UUID, str], *, on_date: date, because: str, now: datetime) -> int:
    """Drop what is still queued of notices, given by whom they are about. Returns how many deliveries were dropped.

    What is being sent at this moment, or was sent, is answered with `follow`. Nobody else is told (`ladder`).
    """
    ladder.stop(keys.items(), on_date=on_date, now=now)  # first: who makes a rung at this moment is waited for
    with connection.cursor() as cursor:
        columns: dict[str, Any] = {"abouts": list(keys), "keys": list(keys.values())}
        cursor.execute(_WITHDRAW, {**columns, "on_date": on_date, "because": because, "now": now})
        dropped = Counter(channel for (channel,) in cursor.fetchall())
    tally.count({(SETTLED, channel, "dropped", because): number for channel, number in dropped.items()})
    return dropped.total()


def reword(key: str, data: Mapping[UUID, Mapping[str, Any]], *, on_date: date) -> int:
    """Let what waits to be sent of the notices `key` say `data`, by whom they are about. Returns how many notices.

    What is being sent at this moment, or was sent, is answered with `follow`.
    """
    columns: dict[str, Any] = {"abouts": list(data), "data": [json.dumps(one) for one in data.values()]}
    with connection.cursor() as cursor:
        cursor.execute(_REWORD, {**columns, "on_date": on_date, "key": key})
        return int(cursor.rowcount)


def retire(key: str, *, about: UUID, on_date: date) -> None:
    """Free `key` for that day: its notice was taken back, so the same thing said again is news."""
    with connection.cursor() as cursor:
        cursor.execute(_RETIRE, [key, about, on_date])


# For a caller whose posts are found by SQL: the inside of a WITH, after a CTE `posts` with the columns of `Post`. The
# statement must look at `woken` to wake the sender, and gives `%(now)s`. What `post` promises holds; without
# `UNLESS_SAID` a key that is not new is an error.
UNLESS_SAID = "ON CONFLICT (on_date, about, key) DO NOTHING"
POSTING = f"""
posted AS (
    INSERT INTO notify_notice (key, topic, about, on_date, data, best_before, posted_at)
    SELECT key, topic, about, on_date, data, best_before, %(now)s::timestamptz FROM posts
    {UNLESS_SAID}
    RETURNING id, on_date, topic, about
), queued AS (
    INSERT INTO notify_delivery (notice_id, on_date, address_id, account_id, about, channel, due_at)
    SELECT posted.id, posted.on_date, address.id, recipient.account_id, posted.about, address.channel,
        %(now)s::timestamptz
    FROM posted
    JOIN notify_recipient recipient ON recipient.about = posted.about AND recipient.ended_at IS NULL
    JOIN notify_subscription subscription
        ON subscription.recipient_id = recipient.id AND subscription.topic = posted.topic
    JOIN notify_address address ON address.id = subscription.address_id
        AND address.verified_at IS NOT NULL AND address.disabled_at IS NULL
    RETURNING 1
), woken AS (
    SELECT pg_notify('gatepost_deliveries', '') WHERE EXISTS (SELECT 1 FROM queued)
)
"""  # noqa: S608 - a constant of our own

_POST = f"""
WITH posts AS (
    SELECT key, topic, about, on_date, data::jsonb, best_before
    FROM unnest(%(keys)s::text[], %(topics)s::text[], %(abouts)s::uuid[], %(dates)s::date[], %(data)s::text[],
                %(until)s::timestamptz[]) AS t(key, topic, about, on_date, data, best_before)
), {POSTING}
SELECT count(*), (SELECT count(*) FROM woken) FROM posted
"""  # noqa: S608 - a constant of our own

_FOLLOW = """
WITH original AS (
    SELECT id, on_date FROM notify_notice
    WHERE on_date = %(on_date)s AND about = %(about)s AND key = %(original)s
), posted AS (
    INSERT INTO notify_notice (key, topic, about, on_date, data, best_before, posted_at, follows)
    SELECT %(key)s, %(topic)s, %(about)s, %(on_date)s, %(data)s::jsonb, %(best_before)s, %(now)s, original.id
    FROM original
    ON CONFLICT DO NOTHING
    RETURNING id, on_date, about, follows
), queued AS (
    INSERT INTO notify_delivery (notice_id, on_date, address_id, account_id, about, channel, due_at)
    SELECT posted.id, posted.on_date, told.address_id, told.account_id, posted.about, told.channel, %(now)s
    FROM posted
    JOIN notify_delivery told ON told.notice_id = posted.follows AND told.on_date = posted.on_date
        AND told.state IN ('sending', 'sent', 'delivered')
    JOIN notify_recipient recipient
        ON recipient.account_id = told.account_id AND recipient.about = posted.about AND recipient.ended_at IS NULL
    WHERE NOT EXISTS (
        SELECT 1 FROM notify_notice other
        JOIN notify_delivery anyway ON anyway.notice_id = other.id AND anyway.on_date = other.on_date
        WHERE other.on_date = posted.on_date AND other.about = posted.about AND other.key = %(told)s
            AND anyway.address_id = told.address_id
    )
    RETURNING 1
), woken AS (
    SELECT pg_notify('gatepost_deliveries', '') WHERE EXISTS (SELECT 1 FROM queued)
)
SELECT count(*) FROM queued LEFT JOIN woken ON true
"""

_TELL = """
WITH hears AS (
    SELECT address.id AS address_id, recipient.account_id, address.channel
    FROM notify_recipient recipient
    JOIN notify_address address ON address.account_id = recipient.account_id
        AND address.verified_at IS NOT NULL AND address.disabled_at IS NULL AND address.channel <> 'sms'
    WHERE recipient.about = %(about)s AND recipient.ended_at IS NULL
        AND recipient.account_id IS DISTINCT FROM %(but_not)s::uuid
        AND (%(only)s::uuid IS NULL OR recipient.account_id = %(only)s::uuid)
        AND (%(at)s::bigint IS NULL OR address.id = %(at)s::bigint)
        AND address.id IS DISTINCT FROM %(not_at)s::bigint
        AND (address.complained_at IS NULL OR NOT %(optional)s)
), posted AS (
    INSERT INTO notify_notice (key, topic, about, on_date, data, best_before, posted_at)
    SELECT %(key)s, %(topic)s, %(about)s, %(on_date)s, %(data)s::jsonb, %(best_before)s, %(now)s
    WHERE EXISTS (SELECT FROM hears)
    ON CONFLICT DO NOTHING
    RETURNING id, on_date, about
), queued AS (
    INSERT INTO notify_delivery (notice_id, on_date, address_id, account_id, about, channel, due_at)
    SELECT posted.id, posted.on_date, hears.address_id, hears.account_id, posted.about, hears.channel, %(now)s
    FROM posted, hears
    RETURNING 1
), woken AS (
    SELECT pg_notify('gatepost_deliveries', '') WHERE EXISTS (SELECT 1 FROM queued)
)
SELECT count(*) FROM queued LEFT JOIN woken ON true
"""

_WITHDRAW = """
UPDATE notify_delivery delivery SET state = 'dropped', because = %(because)s, settled_at = %(now)s
FROM unnest(%(abouts)s::uuid[], %(keys)s::text[]) AS said(about, key)
JOIN notify_notice notice ON notice.on_date = %(on_date)s AND notice.about = said.about AND notice.key = said.key
WHERE delivery.notice_id = notice.id AND delivery.on_date = notice.on_date AND delivery.state = 'queued'
RETURNING delivery.channel
"""

_REWORD = """
UPDATE notify_notice notice SET data = said.data::jsonb
FROM unnest(%(abouts)s::uuid[], %(data)s::text[]) AS said(about, data)
WHERE notice.on_date = %(on_date)s AND notice.about = said.about AND notice.key = %(key)s
"""

_RETIRE = "UPDATE notify_notice SET key = key || '#' || id WHERE key = %s AND about = %s AND on_date = %s"
