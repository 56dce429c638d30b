"""Many messages at once, over a few connections that stay open."""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

from gatepost.channels.errors import ChannelError
from gatepost.channels.line.api import LineApi, LineSettings, line_api
from gatepost.channels.line.messages import OutgoingText, Request, grouped, one_by_one
from gatepost.channels.line.replies import OutOfOrder, OverQuota, Uncertain

log = logging.getLogger(__name__)

# No request is begun later in one call: with the two tries of the last it is over while its lease holds.
BEGIN_SECONDS = 20.0
UNREACHABLE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`reply` is what LINE said on taking the message; `error` is why it was not taken."""

    error: ChannelError | None = None
    reply: str = ""


class LineTransport:
    """For one thread at a time. After trouble that no single message is to blame for, it is down for a while."""

    def __init__(self, settings: LineSettings, *, begin_seconds: float = BEGIN_SECONDS) -> None:
        self._settings = settings
        self._begin_seconds = begin_seconds
        self._runner = asyncio.Runner()
        self._open = AsyncExitStack()
        self._api: LineApi | None = None
        self._up_again_at = 0.0

    @property
    def is_down(self) -> bool:
        """Whether LINE took nothing a moment ago, for a reason that holds for every message."""
        return time.monotonic() < self._up_again_at

    def send_many(self, messages: Sequence[OutgoingText]) -> list[Outcome]:
        """Hand over each; the outcomes in the order of the messages. Raises for none of them.

        What was not tried any more, because LINE is down or slow, has an error that may be retried at once.
        """
        return self._runner.run(self._send_all(messages)) if messages else []

    def close(self) -> None:
        """Hang up."""
        self._runner.run(self._open.aclose())
        self._runner.close()

    async def _send_all(self, messages: Sequence[OutgoingText]) -> list[Outcome]:
        if self._api is None:
            self._api = await self._open.enter_async_context(line_api(self._settings))
        outcomes: dict[int, Outcome] = {}
        turn, until = asyncio.Semaphore(self._settings.at_once), time.monotonic() + self._begin_seconds
        self._up_again_at = 0.0

        async def send(request: Request) -> None:
            async with turn:
                outcome = await self._try(request, until)
            if _was_refused(outcome) and len(request.places) > 1:  # one of them spoiled it for all
                await asyncio.gather(*(send(single) for single in one_by_one(request, messages)))
            else:
                outcomes.update(dict.fromkeys(request.places, outcome))

        await asyncio.gather(*(send(request) for request in grouped(messages)))
        return [outcomes[place] for place in range(len(messages))]

    async def _try(self, request: Request, until: float) -> Outcome:
        assert self._api is not None  # noqa: S101 - made by the caller
        if self.is_down or time.monotonic() > until:
            return Outcome(ChannelError("not tried", permanent=False, retry_after=timedelta(0)))
        try:
            return Outcome(reply=await self._twice(self._api, request))
        except ChannelError as error:
            if isinstance(error, OutOfOrder | Uncertain):
                self._pause(error.retry_after or UNREACHABLE, str(error))
            return Outcome(error)

    async def _twice(self, api: LineApi, request: Request) -> str:
        """Where LINE may have taken it, ask again at once under the same key."""
        try:
            return await api.send(request)
        except Uncertain:
            return await api.send(request)

    def _pause(self, wait: timedelta, why: str) -> None:
        log.warning("LINE takes nothing just now seconds=%.0f because=%s", wait.total_seconds(), why)
        self._up_again_at = time.monotonic() + wait.total_seconds()


def _was_refused(outcome: Outcome) -> bool:
    """Whether LINE looked at this very request and did not take it."""
    return (
        outcome.error is not None
        and not isinstance(outcome.error, OutOfOrder | OverQuota | Uncertain)
        and (outcome.error.retry_after is None)
    )
