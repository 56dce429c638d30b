"""LINE's own word on what may be said: the models and the webhook parser of `line-bot-sdk`.

LINE makes the models from the OpenAPI description that it publishes (github.com/line/line-openapi, Apache-2.0). A model
reads what was said, and what it writes again must be the same: so a property that LINE does not know is found, too.
"""

import inspect
import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from uuid import UUID

broken: list[str] = []  # what did not keep to it, in the order it was said

_CALLS = ("push_message", "multicast", "reply_message", "issue_link_token")
_ANYWHERE = {400, 401, 404}  # and 5xx: what any call may answer, whether its description names it or not


def check_exchange(
    method: str, path: str, headers: Mapping[str, str], body: Any, status: int, answer: Mapping[str, Any]
) -> None:
    """Note in `broken` what is wrong with a request of ours, or with the answer of our LINE."""
    models = _models()
    if models is None:
        return
    place = re.sub(r"/user/U[0-9a-f]{32}/", "/user/{userId}/", path)
    known = models.get((method, place))
    if known is None:
        if status != 404:
            broken.append(f"{method} {path} is no call of LINE's")
        return
    asked, said = known
    if asked is not None:
        _same(f"request of {path}", asked, body)
    elif body is not None:
        broken.append(f"{path} takes no body")
    statuses, takes_key = _described()[method, place]
    key = headers.get("x-line-retry-key")
    if key is not None and (not takes_key or str(UUID(key)) != key):
        broken.append(f"{path} with the retry key {key}")
    if status < 500 and status not in statuses | _ANYWHERE:
        broken.append(f"{path} never answers {status}")
    if status == 200 and said is not None:
        _same(f"answer of {path}", said, answer)
    elif status != 200:
        _same(f"refusal of {path}", models[("", "")][1], answer)


def check_callback(body: bytes, signature: str, *, secret: str) -> None:
    """LINE's parser takes it: the signature is right, and every event is one that it knows."""
    if _models() is None:
        return
    from linebot.v3.webhook import WebhookParser
    from linebot.v3.webhooks import CallbackRequest

    parsed = WebhookParser(secret).parse(body.decode(), signature)
    said = json.loads(body)
    assert [type(event).__name__ for event in parsed] == [_class_of(event["type"]) for event in said["events"]]
    assert [event.to_dict() for event in parsed] == said["events"]
    CallbackRequest.from_dict(said)


def _class_of(kind: str) -> str:
    return f"{kind[0].upper()}{kind[1:]}Event"


def _same(what: str, model: Any, said: Any) -> None:
    try:
        written = model.from_dict(said).to_dict()
    except (ValueError, TypeError, AttributeError) as error:
        broken.append(f"{what}: {error}")
        return
    if _plain(written) != _plain(said):
        broken.append(f"{what}: {said} reads as {written}")


def _plain(said: Any) -> Any:
    """Without what says nothing: `false` and nothing are the defaults of what we do not say."""
    if isinstance(said, dict):
        return {name: _plain(value) for name, value in said.items() if value not in (None, False)}
    return [_plain(one) for one in said] if isinstance(said, list) else getattr(said, "value", said)


@cache
def _described() -> dict[tuple[str, str], tuple[frozenset[int], bool]]:
    """By method and path: the statuses that LINE describes for a call, and whether it takes a retry key."""
    from linebot.v3.messaging import MessagingApi

    found = {}
    for name in (*_CALLS, "get_message_quota", "get_message_quota_consumption"):
        source = inspect.getsource(getattr(MessagingApi, f"{name}_with_http_info"))
        called = re.search(r"call_api\(\s*'([^']+)', '([A-Z]+)'", source)
        assert called, name
        statuses = frozenset(int(one) for one in re.findall(r"^ +'(\d{3})': ", source, re.M))
        found[called[2], called[1]] = statuses, "x_line_retry_key" in source
    return found


@cache
def _models() -> dict[tuple[str, str], tuple[Any, Any]] | None:
    """What is asked and what is answered, by method and path; None where this Python is too new for the library."""
    try:
        from linebot.v3 import messaging as line
    except ImportError:
        return None
    return {
        ("POST", "/v2/bot/message/push"): (line.PushMessageRequest, line.PushMessageResponse),
        ("POST", "/v2/bot/message/multicast"): (line.MulticastRequest, None),
        ("POST", "/v2/bot/message/reply"): (line.ReplyMessageRequest, line.ReplyMessageResponse),
        ("POST", "/v2/bot/user/{userId}/linkToken"): (None, line.IssueLinkTokenResponse),
        ("GET", "/v2/bot/message/quota"): (None, line.MessageQuotaResponse),
        ("GET", "/v2/bot/message/quota/consumption"): (None, line.QuotaConsumptionResponse),
        ("", ""): (None, line.ErrorResponse),
    }
