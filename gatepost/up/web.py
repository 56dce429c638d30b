"""The web process: granian in front of one ASGI application."""

import asyncio
import gc
import importlib
import os
import resource
import signal
from typing import Any

import uvloop
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels

BACKLOG = 1024
# Connections that one process holds at a time. granian would take no more than the backlog, and a thousand that say
# nothing (or a city's readers, which keep theirs open) would shut out everybody else.
CONNECTIONS_MAX = 16_384
FILES_KEPT_FREE = 256  # for the database and for what else a process opens
HEADERS_SECONDS_MAX = 30  # to say what is wanted; also how long a connection may stay open between two requests
HEADERS_BYTES_MAX = 64 * 1024
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
        "backpressure": _connections_max(),
        "http": HTTPModes.http1,  # the proxy in front speaks HTTP/2 where it is wanted
        "http1_settings": HTTP1Settings(
            header_read_timeout=HEADERS_SECONDS_MAX * 1000, max_buffer_size=HEADERS_BYTES_MAX
        ),
        "websockets": False,
        "log_level": LogLevels.error,
    }
    if workers == 1:
        uvloop.run(_serve_here(_load(target), options))
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


def _connections_max() -> int:
    """As many as we may have files open, and no more than `CONNECTIONS_MAX`; asks for as many as we are allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX + FILES_KEPT_FREE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return CONNECTIONS_MAX if soft == resource.RLIM_INFINITY else max(64, min(CONNECTIONS_MAX, soft - FILES_KEPT_FREE))


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
    application = getattr(importlib.import_module(module), name)
    gc.collect()
    gc.freeze()  # what is loaded now stays: the collector need not walk it for every few hundred taps
    return application
