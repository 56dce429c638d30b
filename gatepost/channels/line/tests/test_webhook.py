import json
from typing import Any

import pytest

from gatepost.channels.line import webhook
from gatepost.channels.line.tests.platform import BOT, SECRET, Platform, user
from tests.builders import at

NOW = at("07:42")
LINKING = "https://access.line.me/dialog/bot/accountLink?linkToken=t&nonce=n0nce-n0nce"


@pytest.fixture
def line() -> Platform:
    return Platform(link_tokens={"t": user(1)})


def callback(*events: dict[str, Any]) -> bytes:
    return json.dumps({"destination": BOT, "events": events}).encode()


def test_what_line_signed_is_read(line: Platform) -> None:
    body, signed = line.callback(line.follows(user(1), NOW), line.blocks(user(2), NOW), line.says(user(3), "嗨", NOW))
    assert webhook.is_signed(SECRET, body, signed)
    events = webhook.read(body)
    assert [(one.kind, one.user_id, one.at) for one in events] == [
        ("follow", user(1), NOW),
        ("unfollow", user(2), NOW),
        ("message", user(3), NOW),
    ]
    assert events[0].reply_token
    assert not events[1].reply_token


def test_an_account_link_says_that_it_was_the_rightful_user(line: Platform) -> None:
    [event] = webhook.read(line.callback(line.links(user(1), LINKING, NOW))[0])
    assert (event.linked, event.nonce) == (True, "n0nce-n0nce")


def test_an_account_link_by_somebody_else_says_so(line: Platform) -> None:
    [event] = webhook.read(line.callback(line.links(user(2), LINKING, NOW))[0])
    assert not event.linked


def test_the_test_of_the_address_holds_nothing(line: Platform) -> None:
    body, signed = line.callback()
    assert webhook.is_signed(SECRET, body, signed)
    assert webhook.read(body) == []


def test_one_changed_byte_is_seen(line: Platform) -> None:
    body, signed = line.callback(line.blocks(user(1), NOW))
    assert not webhook.is_signed(SECRET, body.replace(b"unfollow", b"unfollov"), signed)
    assert not webhook.is_signed("another-secret", body, signed)
    for nonsense in ("", signed[:-1], "é", signed + "="):
        assert not webhook.is_signed(SECRET, body, nonsense)


def test_what_does_not_concern_us_is_passed_over(line: Platform) -> None:
    group = line.event("follow", user(1), NOW) | {"source": {"type": "group", "groupId": "C1", "userId": user(1)}}
    standby = line.event("follow", user(1), NOW) | {"mode": "standby"}
    unknown = line.event("teleport", user(1), NOW)
    nobody = line.event("unfollow", "U-nobody", NOW)
    assert webhook.read(callback(group, standby, unknown, nobody)) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"destination": "U", "events": {}}',
        callback({"type": "follow"}),
        callback(Platform().event("follow", user(1), NOW) | {"webhookEventId": "no such id"}),
        callback(Platform().event("follow", user(1), NOW) | {"timestamp": -1}),
        callback(Platform().event("follow", user(1), NOW) | {"timestamp": 10**15}),
    ],
)
def test_what_line_would_not_say_is_unreadable(body: bytes) -> None:
    with pytest.raises(webhook.Unreadable):
        webhook.read(body)
