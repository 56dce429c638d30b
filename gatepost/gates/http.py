"""`/v1` on ASGI, for the process that serves the pages, too. `wire` is the same without a server in between."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from gatepost.gates import contract
from gatepost.gates.answers import Answer, Refusal, problem
from gatepost.gates.reception import BODY_SECONDS_MAX, OUR_FAULT, Reception, elsewhere, too_large, too_slow

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Gate:
    """The ASGI application of `/v1`."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if (scope["path"], scope["method"]) == ("/v1/taps", "POST"):
                answer = await self._take_taps(scope, receive)
            else:
                answer = elsewhere(scope["method"], scope["path"])
        except Refusal as refusal:
            answer = problem(refusal)
        except Exception:
            log.exception("intake failed")
            answer = problem(OUR_FAULT)
        await _send(send, answer)

    async def _take_taps(self, scope: Scope, receive: Receive) -> Answer:
        # The body first: who is still writing does not hear an answer, and a key may be revoked while a body drips in.
        body = await _body(scope, receive)
        if not self._reception.is_open:
            await self._reception.open()
        authorization = _header(scope, b"authorization")
        reader = self._reception.reader_at_hand(authorization) or await self._reception.reader(authorization)
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def then(answer: Answer) -> None:
            if not answered.done():  # else the request went away
                answered.set_result(answer)

        self._reception.take(reader, body, then)
        return await answered


def _header(scope: Scope, wanted: bytes) -> bytes:
    """The first of that name; nothing where there is none."""
    return next((value for name, value in scope["headers"] if name == wanted), b"")


async def _body(scope: Scope, receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    announced = _header(scope, b"content-length")
    _bound(int(announced) if announced.isdigit() else 0)
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refusal(400, "Cut off", "The body did not arrive.")
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
                _bound(size)
                if not message.get("more_body"):
                    return b"".join(chunks)
    except TimeoutError as error:
        raise too_slow() from error


def _bound(size: int) -> None:
    if size > contract.BODY_BYTES_MAX:
        raise too_large()


async def _send(send: Send, answer: Answer) -> None:
    headers = [*answer.headers, (b"content-length", str(len(answer.content)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.content})
