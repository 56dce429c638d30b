"""The door for HTTP: `/v1` goes to intake, everything else to Django."""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gatepost.config.settings")

import django

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

django.setup(set_prefix=False)

from gatepost.config.door import Figures  # noqa: E402 - models need Django set up
from gatepost.config.pages import Pages  # noqa: E402
from gatepost.gates.http import Gate  # noqa: E402
from gatepost.gates.reception import Reception  # noqa: E402
from gatepost.kit.environment import env_url  # noqa: E402

_reception = Reception(env_url("DATABASE_URL", schemes=["postgresql", "postgres"]))
_gate = Gate(_reception)
_pages = Pages()
_figures = Figures(_reception)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """The whole of Gatepost over HTTP."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["path"].startswith("/v1/"):
        await _gate(scope, receive, _figures.watching(send))
    else:
        await _pages(scope, receive, send)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await _reception.close()
            await _figures.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
