"""What LINE tells us: signed, in no certain order, and sometimes twice.

https://developers.line.biz/en/reference/messaging-api/#webhook-event-objects
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

BODY_BYTES_MOST = 1_000_000
FOLLOW, UNFOLLOW, LINKED, SAID = "follow", "unfollow", "accountLink", "message"
KINDS = (FOLLOW, UNFOLLOW, LINKED, SAID)
USER_ID = re.compile(r"U[0-9a-f]{32}", re.ASCII)
_EVENT_ID = re.compile(r"[0-9A-Za-z]{10,40}", re.ASCII)


class Unreadable(Exception):
    """Signed, and yet not what LINE documents."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something a LINE user did. `id` is the same when LINE tells it again.

    `unfollow` is also what LINE says of somebody who blocked the account. `nonce` and `linked` are those of an
    `accountLink`. What a person wrote is not read.
    """

    id: str
    kind: str
    user_id: str
    at: datetime
    reply_token: str = ""
    nonce: str = ""
    linked: bool = False


def signature(secret: str, body: bytes) -> str:
    """What LINE writes into `X-Line-Signature` for `body`."""
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


def is_signed(secret: str, body: bytes, given: str) -> bool:
    """Whether `given` is that signature. Takes as long for a wrong one as for the right one."""
    return hmac.compare_digest(signature(secret, body).encode(), given.encode())


def read(body: bytes) -> list[Event]:
    """The events in `body` that concern us: of single users, to a channel that is active. Raises `Unreadable`.

    None are in the test that LINE makes of the address.
    """
    try:
        said = msgspec.json.decode(body, type=_Callback)
    except msgspec.MsgspecError as error:
        raise Unreadable(str(error)) from error
    return [event for event in map(_event, said.events) if event is not None]


class _Source(msgspec.Struct):
    type: str
    userId: str = ""  # noqa: N815 - LINE's name


class _Link(msgspec.Struct):
    result: str
    nonce: str


class _Event(msgspec.Struct):
    type: str
    mode: str
    timestamp: int  # milliseconds
    webhookEventId: str  # noqa: N815
    source: _Source | None = None
    replyToken: str = ""  # noqa: N815
    link: _Link | None = None


class _Callback(msgspec.Struct):
    destination: str
    events: list[_Event]


def _event(said: _Event) -> Event | None:
    source = said.source
    if said.type not in KINDS or said.mode != "active" or source is None or source.type != "user":
        return None
    if not USER_ID.fullmatch(source.userId):
        return None
    if not _EVENT_ID.fullmatch(said.webhookEventId) or not 0 <= said.timestamp < 10**14:
        raise Unreadable("an event without its id or its time")
    return Event(
        id=said.webhookEventId,
        kind=said.type,
        user_id=source.userId,
        at=datetime.fromtimestamp(said.timestamp / 1000, UTC),
        reply_token=said.replyToken,
        nonce=said.link.nonce if said.link else "",
        linked=said.link is not None and said.link.result == "ok",
    )
