"""The web process: granian in front of one ASGI application."""

import asyncio
import importlib
import os
import signal
from typing import Any

from granian.constants import Interfaces
from granian.log import LogLevels

BACKLOG = 1024
FINISH_SECONDS_MAX = 5


def serve(target: str, *, host: str, port: int, workers: int) -> None:
    """Serve `module:name` until SIGTERM or SIGINT, then finish what is in hand.

    One worker runs in this very process, which saves the memory of a second one; more of them are processes of
    their own.
    """
    options: dict[str, Any] = {
        "address": host,
        "port": port,
        "interface": Interfaces.ASGI,
        "backlog": BACKLOG,
        "websockets": False,
        "log_level": LogLevels.error,
    }
    if workers == 1:
        asyncio.run(_serve_here(_load(target), options))
        return
    from granian.server import Server

    Server(
        target, workers=workers, respawn_failed_workers=True, workers_kill_timeout=FINISH_SECONDS_MAX, **options
    ).serve()


async def _serve_here(application: Any, options: dict[str, Any]) -> None:
    from granian.server.embed import Server

    server: Any = Server(application, **options)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.stop()
        loop.call_later(FINISH_SECONDS_MAX, os._exit, 0)  # an answer without end, such as a live page, is cut off

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await server.serve()


def _load(target: str) -> Any:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gatepost.config.settings")
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
