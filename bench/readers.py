"""Readers that hand in given cards: as fast as they are answered, or so many requests a second (its own process)."""

import argparse
import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

TRIES = 20


class Refused(Exception):
    """A request was answered with something else than 200, again and again."""


async def hand_in(requests: Iterator[tuple[float, str, list[str]]], *, port: int, begin: float, log: list[str]) -> None:
    """Take requests (seconds after `begin`, key, cards) from the iterator one by one, and send each when it is due."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for due, key, cards in requests:
        if (ahead := begin + due - time.monotonic()) > 0:
            await asyncio.sleep(ahead)
        sent = time.monotonic()
        body = _body(cards)
        for _ in range(TRIES):
            writer.write(_head(key, len(body)) + body)
            if await _status(reader) == 200:
                break
            await asyncio.sleep(0.25)
        else:
            raise Refused(key)
        log += [f"{card} {sent}" for card in cards]
    writer.close()


def _body(cards: list[str]) -> bytes:
    now = datetime.now(UTC).isoformat()
    taps = ",".join(f'{{"nonce":"{uuid4()}","card":"{card}","read_at":"{now}"}}' for card in cards)
    return f'{{"sent_at":"{now}","queue":0,"taps":[{taps}]}}'.encode()


def _head(key: str, length: int) -> bytes:
    return (
        f"POST /v1/taps HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


async def _status(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    at = lower.find(b"content-length:")
    await reader.readexactly(int(lower[at + 15 :].split(b"\r\n", 1)[0]))
    return int(head[9:12])


async def run(plan: list[tuple[str, list[str]]], *, port: int, connections: int, per_second: float) -> list[str]:
    """Hand in everything; the moment each card was first sent, by the clock all processes of this machine share."""
    requests = ((index / per_second if per_second else 0.0, *one) for index, one in enumerate(plan))
    log: list[str] = []
    begin = time.monotonic()
    lanes = [hand_in(requests, port=port, begin=begin, log=log) for _ in range(connections)]
    await asyncio.gather(*lanes)
    return log


def main() -> None:
    """The plan is a file with a request a line: a reader's key, then its cards between commas."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--plan", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--per-second", type=float, default=0)
    given = parser.parse_args()
    lines = (line.split(" ") for line in given.plan.read_text().splitlines())
    plan = [(key, cards.split(",")) for key, cards in lines]
    log = asyncio.run(run(plan, port=given.port, connections=given.connections, per_second=given.per_second))
    given.log.write_text("\n".join(log))


if __name__ == "__main__":
    main()
