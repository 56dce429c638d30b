"""One request to LINE's Messaging API, bounded in time and size.

https://developers.line.biz/en/reference/messaging-api/
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from gatepost.channels.errors import ChannelError
from gatepost.channels.line.messages import Request, fitting
from gatepost.channels.line.replies import Uncertain, refusal

SECONDS_MOST = 8.0  # for everything: connecting, asking, and the whole answer
ANSWER_BYTES_MOST = 65_536
AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class LineSettings:
    """How to reach LINE. `at_once` connections at most."""

    access_token: str = field(repr=False)
    base_url: str = "https://api.line.me"
    at_once: int = AT_ONCE


class LineApi:
    """The calls that Gatepost makes. Each raises `ChannelError` if LINE did not do what was asked."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def send(self, request: Request) -> str:
        """Hand over a message under its retry key; returns what LINE said, for the record.

        A repeat of what LINE took before counts as taken (409).
        """
        text = {"type": "text", "text": fitting(request.text)}
        if len(request.to) == 1:
            return await self._deliver("/v2/bot/message/push", {"to": request.to[0], "messages": [text]}, request)
        return await self._deliver("/v2/bot/message/multicast", {"to": list(request.to), "messages": [text]}, request)

    async def reply(self, reply_token: str, text: str) -> None:
        """Answer an event of the webhook. Costs nothing; the token is good once, for about a minute."""
        message = {"type": "text", "text": fitting(text)}
        await self._ask("POST", "/v2/bot/message/reply", {"replyToken": reply_token, "messages": [message]})

    async def link_token(self, user_id: str) -> str:
        """A token with which this LINE user, and nobody else, can link an account: once, within ten minutes."""
        _status, answer, _headers = await self._ask("POST", f"/v2/bot/user/{user_id}/linkToken")
        token = answer.get("linkToken")
        if not isinstance(token, str) or not token:
            raise ChannelError("no link token in the answer", permanent=False)
        return token

    async def quota(self) -> int | None:
        """How many messages this month may have; None: as many as you like."""
        _status, answer, _headers = await self._ask("GET", "/v2/bot/message/quota")
        return _number(answer, "value") if answer.get("type") == "limited" else None

    async def consumption(self) -> int:
        """How many messages of this month LINE has counted. About right: it counts with a delay."""
        _status, answer, _headers = await self._ask("GET", "/v2/bot/message/quota/consumption")
        return _number(answer, "totalUsage")

    async def _deliver(self, path: str, body: Mapping[str, Any], request: Request) -> str:
        status, _answer, headers = await self._ask("POST", path, body, retry_key=request.retry_key)
        if status == 409:
            return f"409 taken before as {headers.get('x-line-accepted-request-id', '?')}"
        return f"{status} {headers.get('x-line-request-id', '')}".strip()

    async def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, retry_key: str = ""
    ) -> tuple[int, dict[str, Any], httpx.Headers]:
        headers = {"X-Line-Retry-Key": retry_key} if retry_key else {}
        try:
            async with (
                asyncio.timeout(SECONDS_MOST),
                self._client.stream(method, path, json=body, headers=headers) as said,
            ):
                answer = _read(await _content(said))
        except (httpx.HTTPError, TimeoutError) as error:
            raise Uncertain(f"no answer: {type(error).__name__}", permanent=False) from error
        if said.status_code < 300 or (said.status_code == 409 and retry_key):
            return said.status_code, answer, said.headers
        raise refusal(said.status_code, answer, retry_after=said.headers.get("retry-after", ""))


@asynccontextmanager
async def line_api(settings: LineSettings) -> AsyncIterator[LineApi]:
    """The API over connections that are kept open until the end of the block."""
    async with httpx.AsyncClient(
        base_url=settings.base_url,
        headers={"Authorization": f"Bearer {settings.access_token}", "User-Agent": "gatepost"},
        timeout=SECONDS_MOST,
        limits=httpx.Limits(max_connections=settings.at_once, max_keepalive_connections=settings.at_once),
        trust_env=False,
    ) as client:
        yield LineApi(client)


async def _content(said: httpx.Response) -> bytes:
    content = b""
    async for piece in said.aiter_bytes():
        content += piece
        if len(content) > ANSWER_BYTES_MOST:
            raise httpx.DecodingError("answer too long")
    return content


def _read(content: bytes) -> dict[str, Any]:
    """A JSON object; an empty one where something on the way answered with a page of its own."""
    try:
        answer = json.loads(content)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _number(answer: Mapping[str, Any], name: str) -> int:
    number = answer.get(name)
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise ChannelError(f"no {name} in the answer", permanent=False)
    return number
