"""What stands around the readers' door: headers for its answers, figures of what it answered, and its health.

Figures are kept in memory and written every few seconds by the process itself, so that no tap waits for them. What was
not yet written when a process is killed is missing from the figures; the taps are not.
"""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, connection

from gatepost.gates.answers import Answer, good
from gatepost.gates.queries import ASKED, RECEIVED
from gatepost.gates.reception import Reception
from gatepost.kit.clock import utc_now
from gatepost.portals.public.health import readiness
from gatepost.watch import tally

log = logging.getLogger(__name__)

T = TypeVar("T")
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

WRITTEN_SECONDS = 10.0
READY_SECONDS_MAX = 5.0

HEADERS = [
    (b"server", b"gatepost"),  # or the server names itself
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    *([(b"strict-transport-security", b"max-age=63072000; includeSubDomains")] if settings.HTTPS else []),
]


class Figures:
    """Counts what the door answers, and what became of its taps, in one process."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self.steps: Counter[tally.Series] = Counter()
        self._task: asyncio.Task[None] | None = None

    def answered(self, status: int) -> None:
        """Count an answer. Needs a running event loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._write_for_ever())
        self.steps[ASKED, str(status)] += 1

    def watching(self, send: Send) -> Send:
        """`send`, with our headers, and counted."""

        async def watched(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self.answered(message["status"])
                message["headers"] = [*message["headers"], *HEADERS]
            await send(message)

        return watched

    async def close(self) -> None:
        """Write what is not written yet."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await self._write()

    async def _write_for_ever(self) -> None:
        while True:
            await asyncio.sleep(WRITTEN_SECONDS)
            await self._write()

    async def _write(self) -> None:
        steps, self.steps = self.steps, Counter()
        outcomes, self._reception.outcomes = self._reception.outcomes, Counter()
        steps.update({(RECEIVED, outcome): number for outcome, number in outcomes.items()})
        if not steps:
            return
        try:
            await asyncio.to_thread(_in_a_thread, lambda: tally.count(steps))
        except DatabaseError as error:
            log.warning("figures not written error=%s", type(error).__name__)
            self.steps.update(steps)


class Health:
    """`/healthz` and `/readyz` of a process that serves nothing but the door. One look at a time, however many ask."""

    def __init__(self) -> None:
        self._look: asyncio.Task[tuple[int, dict[str, Any]]] | None = None

    async def answer(self, method: str, path: str) -> Answer | None:
        """Answer a request for one of the two; None for any other."""
        if path not in {"/healthz", "/readyz"} or method not in {"GET", "HEAD"}:
            return None
        status, facts = (200, {"alive": True}) if path == "/healthz" else await self._ready()
        return good(json.dumps(facts).encode(), status)

    async def _ready(self) -> tuple[int, dict[str, Any]]:
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(asyncio.to_thread(_in_a_thread, lambda: readiness(now=utc_now())))
        try:
            return await asyncio.wait_for(asyncio.shield(self._look), READY_SECONDS_MAX)
        except TimeoutError:
            return 503, {"ready": False, "database": False}


def _in_a_thread(work: Callable[[], T]) -> T:
    """`work` with a connection that goes back afterwards: the thread belongs to nobody."""
    try:
        return work()
    finally:
        connection.close()
