"""HTTP/1.1 for a process that serves readers and nothing else, without a server and tasks in between.

A general server hands each request from a thread of its own to a task of ours and back, which costs more than the tap.
Here a connection is one object that llhttp (`httptools`) tells what comes, and an answer is written where it is made.

Nobody can hold the process up: heads have a length, a number of fields and a time, bodies a length and a time, idle
connections and answers that nobody reads a time, and there are only so many connections. A sweep each second ends what
is late, so that no request pays for a timer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from gatepost.gates.answers import Answer
from gatepost.gates.conversation import Conversation
from gatepost.gates.reception import Reception

SWEEP_SECONDS: Final = 1.0

Aside = Callable[[str, str], Awaitable[Answer | None]]
"""Answers a method and a path that are no taps, or None."""


class Wire:
    """All conversations of one process.

    `aside` is asked first about whatever is no tap. `headers` go with every answer, and `counted` hears its status.
    """

    def __init__(
        self,
        reception: Reception,
        *,
        connections_max: int,
        aside: Aside,
        headers: list[tuple[bytes, bytes]],
        counted: Callable[[int], None],
    ) -> None:
        self.reception = reception
        self.aside = aside
        self.counted = counted
        self.is_closing = False
        self.conversations: set[Conversation] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.loop = asyncio.get_running_loop()
        self._connections_max = connections_max
        self._headers = headers
        self._heads: dict[tuple[object, ...], bytes] = {}
        self._date = b""
        self._sweeping = self.loop.call_soon(self._sweep)

    def conversation(self) -> Conversation:
        """For a new connection."""
        return Conversation(self)

    def welcome(self, conversation: Conversation) -> bool:
        """Whether there is room for one more."""
        if self.is_closing or len(self.conversations) >= self._connections_max:
            return False
        self.conversations.add(conversation)
        return True

    def written(self, answer: Answer, *, is_last: bool, without_content: bool) -> bytes:
        """`answer` as it goes over the wire."""
        head = self._head(answer, is_last)
        content = b"" if without_content else answer.content
        return b"%s%d\r\ndate: %s\r\n\r\n%s" % (head, len(answer.content), self._date, content)

    async def close(self, *, seconds: float) -> None:
        """Take nothing new, and wait so long for what is under way to be answered."""
        self.is_closing = True
        for one in tuple(self.conversations):
            one.finish()
        until = self.loop.time() + seconds
        while self.conversations and self.loop.time() < until:
            await asyncio.sleep(0.02)
        self._sweeping.cancel()
        for one in tuple(self.conversations):
            one.cut()

    def _head(self, answer: Answer, is_last: bool) -> bytes:
        """The same few again and again: they are put together once."""
        key = (answer.status, answer.headers, is_last)
        head = self._heads.get(key)
        if head is None:
            fields = [*answer.headers, *self._headers, *([(b"connection", b"close")] if is_last else [])]
            lines = [b"HTTP/1.1 %d %s" % (answer.status, HTTPStatus(answer.status).phrase.encode())]
            lines += [b"%s: %s" % field for field in fields]
            head = self._heads[key] = b"\r\n".join([*lines, b"content-length: "])
        return head

    def _sweep(self) -> None:
        self._date = formatdate(usegmt=True).encode()
        now = self.loop.time()
        for one in [one for one in self.conversations if one.until < now]:
            one.is_late()
        self._sweeping = self.loop.call_later(SWEEP_SECONDS, self._sweep)
