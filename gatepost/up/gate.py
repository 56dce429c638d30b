"""The processes of the readers' door: one that is ourselves, or several that we look after."""

import os
import signal
import socket
import time
import traceback
from collections.abc import Callable
from types import FrameType

from gatepost.up.processes import die_with_parent
from gatepost.up.serving import FINISH_SECONDS_MAX, connections_max, load

PAUSE_SECONDS = 1.0  # before a process that ended is started again
KILL_SECONDS = 2 * FINISH_SECONDS_MAX


def serve(target: str, *, host: str, port: int, workers: int) -> None:
    """Run `module:name` on `host` and `port` until SIGTERM or SIGINT, then let it finish what is in hand.

    Several workers are copies of this process, each with a door of its own at the same port: the kernel spreads the
    connections. Their doors stay ours, so that who knocks while one is started again waits for it.
    Raises `OSError` where the port cannot be had.
    """
    run = load(target)
    doors = _doors(host, port, workers)
    most = connections_max()

    def work(door: socket.socket) -> None:
        run(door, connections_max=most, finish_seconds=FINISH_SECONDS_MAX)

    if workers == 1:
        work(doors[0])
    else:
        _Crew([lambda door=door: work(door) for door in doors]).run()  # type: ignore[misc]


def _doors(host: str, port: int, count: int) -> list[socket.socket]:
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
    # Alone first: two installations must not share a port because both would.
    with socket.create_server((host, port), family=family) as first:
        port = first.getsockname()[1]
        if count == 1:
            return [first.dup()]
    return [socket.create_server((host, port), family=family, reuse_port=True) for _ in range(count)]


class _Crew:
    """Copies of this process, one for each of `works`, until we are told to end."""

    def __init__(self, works: list[Callable[[], None]]) -> None:
        self._works = works
        self._members: dict[int, int] = {}  # by process id, the work it does
        self._ending = False

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        for work in range(len(self._works)):
            self._start(work)
        while self._members:
            member, _ = os.wait()
            work = self._members.pop(member, -1)
            if not self._ending and work >= 0:
                time.sleep(PAUSE_SECONDS)
            if not self._ending and work >= 0:
                self._start(work)

    def _start(self, work: int) -> None:
        with_us = die_with_parent(signal.SIGTERM)
        member = os.fork()
        if member:
            self._members[member] = work
            if self._ending:  # the signal came while it was being made
                os.kill(member, signal.SIGTERM)
            return
        code = 1
        try:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
                signal.signal(number, signal.SIG_DFL)
            if with_us:
                with_us()
            self._works[work]()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._ending = True
        self._tell(signal.SIGTERM)
        signal.signal(signal.SIGALRM, lambda _number, _frame: self._tell(signal.SIGKILL))
        signal.alarm(KILL_SECONDS)

    def _tell(self, number: signal.Signals) -> None:
        for member in tuple(self._members):
            os.kill(member, number)
