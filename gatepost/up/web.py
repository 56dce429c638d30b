"""The web process: granian in front of one ASGI application."""

import asyncio
import os
import signal
from typing import Any

import uvloop
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels

from gatepost.up.serving import FINISH_SECONDS_MAX, connections_max, load

BACKLOG = 1024
HEADERS_SECONDS_MAX = 30  # to say what is wanted; also how long a connection may stay open between two requests
HEADERS_BYTES_MAX = 64 * 1024


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
        "backpressure": connections_max(),
        "http": HTTPModes.http1,  # the proxy in front speaks HTTP/2 where it is wanted
        "http1_settings": HTTP1Settings(
            header_read_timeout=HEADERS_SECONDS_MAX * 1000, max_buffer_size=HEADERS_BYTES_MAX
        ),
        "websockets": False,
        "log_level": LogLevels.error,
    }
    if workers == 1:
        uvloop.run(_serve_here(load(target), options))
        return
    from granian.server import Server

    Server(
        target,
        workers=workers,
        loop=Loops.uvloop,
        respawn_failed_workers=True,
        workers_kill_timeout=FINISH_SECONDS_MAX,
        **options,
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
