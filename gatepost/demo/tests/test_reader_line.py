import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from gatepost.demo.morning_plan import PlannedSend, PlannedTap, TapKind
from gatepost.demo.reader_line import DoorClosed, Journal, ReaderLine
from gatepost.kit.clock import utc_now

Answer = tuple[int, dict[str, Any]]


class Door:
    """A server that answers as it is told, then stores everything. `bodies` is what it was sent and took."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.bodies: list[dict[str, Any]] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
                status, content = self._answer(json.loads(await reader.readexactly(length)))
                body = json.dumps(content).encode()
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        except asyncio.IncompleteReadError:
            writer.close()

    def _answer(self, body: dict[str, Any]) -> Answer:
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.bodies.append(body)
        results = [{"nonce": tap["nonce"], "status": "stored", "reason": None} for tap in body["taps"]]
        return status, {"received": len(results), "results": results}


def with_door(door: Door, act: Callable[[ReaderLine, Journal], Awaitable[None]]) -> Journal:
    async def run() -> Journal:
        server = await asyncio.start_server(door.serve, "127.0.0.1", 0)
        journal = Journal()
        line = ReaderLine(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "gpr_demo_x", journal)
        await act(line, journal)
        line.close()
        server.close()
        return journal

    return asyncio.run(run())


def a_tap(nonce: UUID | None = None) -> dict[str, Any]:
    return {"nonce": str(nonce or uuid4()), "card": "2A83155E", "read_at": utc_now().isoformat(), "direction": None}


def a_send(*, seconds: float, taps: int = 1, queue: int = 0) -> PlannedSend:
    at = utc_now() + timedelta(seconds=seconds)
    planned = tuple(PlannedTap(uuid4(), "2A83155E", at, None, "s", TapKind.FIRST) for _ in range(taps))
    return PlannedSend(at, "r", planned, queue)


def test_what_is_acknowledged_is_written_down() -> None:
    nonce = uuid4()

    journal = with_door(Door(), lambda line, _: line.hand_in([a_tap(nonce)], queue=0))

    assert journal.answers[nonce].status == "stored"
    assert journal.answers[nonce].answered >= journal.answers[nonce].sent


def test_a_reader_that_is_told_to_come_again_does_so_with_the_same_taps() -> None:
    door = Door(503, 429)

    journal = with_door(door, lambda line, _: line.hand_in([a_tap()], queue=0))

    assert journal.retries == 2
    assert len(door.bodies) == 1
    assert door.connections == 1


def test_taps_that_are_due_together_go_together_in_order() -> None:
    door = Door()
    sends = [a_send(seconds=-1, taps=3, queue=7), a_send(seconds=-0.5), a_send(seconds=0.2, taps=0)]

    with_door(door, lambda line, _: line.play(sends, {"2A83155E": "0713233758"}))

    assert [len(body["taps"]) for body in door.bodies] == [4, 0]
    assert {tap["card"] for tap in door.bodies[0]["taps"]} == {"0713233758"}
    assert [tap["nonce"] for tap in door.bodies[0]["taps"]] == [str(tap.nonce) for send in sends for tap in send.taps]


def test_a_door_that_does_not_know_the_reader_is_said_in_a_sentence() -> None:
    with pytest.raises(DoorClosed, match="GATEPOST_SECRET_KEY"):
        with_door(Door(401), lambda line, _: line.hand_in([], queue=0))


def test_a_door_that_is_not_there_is_said_in_a_sentence() -> None:
    line = ReaderLine("http://127.0.0.1:9", "gpr_demo_x", Journal())

    with pytest.raises(DoorClosed, match="start Gatepost first"):
        asyncio.run(line.hand_in([], queue=0, give_up_seconds=0))
