"""What LINE's own client sends for the same thing is what ours sends; and LINE's client reads what our LINE answers."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from gatepost.channels.line.api import line_api
from gatepost.channels.line.messages import OutgoingText, grouped
from gatepost.channels.line.tests import contract
from gatepost.channels.line.tests.platform import TOKEN, Asked, Platform, a_platform, user

sdk: Any = pytest.importorskip("linebot.v3.messaging")


@pytest.fixture
def line() -> Iterator[Platform]:
    with a_platform() as platform:
        yield platform


@pytest.fixture
def theirs(line: Platform) -> Iterator[Any]:
    with sdk.ApiClient(sdk.Configuration(access_token=TOKEN, host=line.url)) as client:
        yield sdk.MessagingApi(client)


def ours(line: Platform, call: str, *arguments: Any) -> Any:
    async def ask() -> Any:
        async with line_api(line.settings) as api:
            return await getattr(api, call)(*arguments)

    return asyncio.run(ask())


def essence(asked: Asked) -> Any:
    """What LINE acts on: not who wrote the client, nor what was left at its default."""
    headers = {name: asked.headers.get(name) for name in ("authorization", "x-line-retry-key")}
    return asked.method, asked.path, headers, contract._plain(asked.body)


def test_a_push_is_what_lines_own_client_sends(line: Platform, theirs: Any) -> None:
    [request] = grouped([OutgoingText(to=user(1), text="到校", key="k")])
    assert ours(line, "send", request).startswith("200")
    message = sdk.PushMessageRequest(to=user(1), messages=[sdk.TextMessage(text="到校")])
    with pytest.raises(sdk.ApiException) as conflict:
        theirs.push_message(message, x_line_retry_key=request.retry_key)
    assert conflict.value.status == 409  # the same key: our LINE knew it for the same message
    assert essence(line.asked[0]) == essence(line.asked[1])
    assert theirs.push_message(message).sent_messages


def test_a_multicast_is_what_lines_own_client_sends(line: Platform, theirs: Any) -> None:
    [request] = grouped([OutgoingText(to=user(number), text="停課", key=str(number)) for number in range(20)])
    assert ours(line, "send", request).startswith("200")
    line.accepted.clear()
    message = sdk.MulticastRequest(to=[user(number) for number in range(20)], messages=[sdk.TextMessage(text="停課")])
    theirs.multicast(message, x_line_retry_key=request.retry_key)
    assert essence(line.asked[0]) == essence(line.asked[1])


def test_everything_else_is_what_lines_own_client_sends(line: Platform, theirs: Any) -> None:
    line.quota, line.used = 3_000, 17
    reply = sdk.ReplyMessageRequest(reply_token="token", messages=[sdk.TextMessage(text="Hello")])
    pairs: list[tuple[Any, Any]] = [
        (lambda: ours(line, "reply", "token", "Hello"), lambda: theirs.reply_message(reply)),
        (lambda: ours(line, "quota"), lambda: theirs.get_message_quota().value),
        (lambda: ours(line, "consumption"), lambda: theirs.get_message_quota_consumption().total_usage),
        (lambda: ours(line, "link_token", user(1)), lambda: theirs.issue_link_token(user(1)).link_token),
    ]
    answers = [(one(), other()) for one, other in pairs]
    assert answers[1:3] == [(3_000, 3_000), (17, 17)]
    assert all(essence(one) == essence(other) for one, other in zip(line.asked[::2], line.asked[1::2], strict=True))


def test_the_contract_finds_what_line_does_not_know(line: Platform) -> None:
    text = [{"type": "text", "text": "x"}]
    bad: list[tuple[str, Any, str]] = [
        ("/v2/bot/message/push", {"to": user(1), "messages": text, "silent": True}, ""),
        ("/v2/bot/message/push", {"to": user(1), "messages": []}, ""),
        ("/v2/bot/message/multicast", {"to": [user(1)] * 501, "messages": text}, ""),
        ("/v2/bot/message/reply", {"replyToken": "t", "messages": text}, "123e4567-e89b-12d3-a456-426614174000"),
        ("/v2/bot/message/whisper", {}, ""),
    ]
    for path, body, key in bad:
        contract.broken.clear()
        headers = {"x-line-retry-key": key} if key else {}
        contract.check_exchange("POST", path, headers, body, 200, {"sentMessages": [{"id": "1"}]})
        assert contract.broken, path
    contract.broken.clear()


def test_the_contract_finds_an_answer_that_line_describes_for_no_such_call(line: Platform) -> None:
    body = {"to": user(1), "messages": [{"type": "text", "text": "x"}]}
    for status, is_found in ((409, False), (429, False), (403, False), (500, False), (418, True)):
        contract.check_exchange("POST", "/v2/bot/message/push", {}, body, status, {"message": "no"})
        assert bool(contract.broken) == is_found, status
    contract.broken.clear()
    contract.check_exchange("GET", "/v2/bot/message/quota", {}, None, 409, {"message": "no"})
    assert contract.broken
    contract.broken.clear()
