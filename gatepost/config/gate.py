"""`gatepost gate`: the readers' door alone, for a machine that does nothing else."""

import asyncio
import os
import signal
import socket

import uvloop

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gatepost.config.settings")

import django

django.setup(set_prefix=False)

from gatepost.config.door import HEADERS, Figures, Health  # noqa: E402 - models need Django set up
from gatepost.gates.reception import Reception  # noqa: E402
from gatepost.gates.wire import Wire  # noqa: E402
from gatepost.kit.environment import env_url  # noqa: E402

BACKLOG = 1024


def run(listening: socket.socket, *, connections_max: int, finish_seconds: float) -> None:
    """Serve readers on `listening` until SIGTERM or SIGINT, then finish what is in hand."""
    uvloop.run(_serve(listening, connections_max, finish_seconds))


async def _serve(listening: socket.socket, connections_max: int, finish_seconds: float) -> None:
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    reception = Reception(env_url("DATABASE_URL", schemes=["postgresql", "postgres"]))
    figures = Figures(reception)
    await reception.open()
    wire = Wire(
        reception,
        connections_max=connections_max,
        aside=Health().answer,
        headers=HEADERS,
        counted=figures.answered,
    )
    server = await loop.create_server(wire.conversation, sock=listening, backlog=BACKLOG)
    await told.wait()
    server.close()
    await wire.close(seconds=finish_seconds)
    await reception.close()
    await figures.close()
