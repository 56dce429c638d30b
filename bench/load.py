"""A closed loop of HTTP requests from one process: each connection asks again as soon as it is answered.

Sockets and bytes only: on two cores the load must cost as little as it can, or it measures itself.
"""

import argparse
import json
import re
import selectors
import socket
import time
from dataclasses import asdict, dataclass
from itertools import cycle
from uuid import uuid4

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())


@dataclass
class Measured:
    """`rate` is answered requests a second; times are in milliseconds."""

    requests: int
    refused: int
    seconds: float
    rate: float
    p50_ms: float
    p99_ms: float


def requests_of(keys: list[str], *, path: str, taps: int, connections: int, host: str) -> list["Lane"]:
    """One lane for each connection; each speaks as several of the readers in turn, as a school's switch does."""
    return [
        Lane(keys[index % len(keys) :: connections], path=path, taps=taps, host=host) for index in range(connections)
    ]


class Lane:
    """One connection, and the bytes it sends: only the nonces change from request to request."""

    def __init__(self, keys: list[str], *, path: str, taps: int, host: str) -> None:
        self.taps = taps
        self.asked_at = 0.0
        self.buffer = b""
        self.prefix = uuid4().hex[:20]
        self.count = 0
        self.heads = cycle(
            f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
            for key in keys
        )

    def next_request(self, now: str) -> bytes:
        """The next body, read at `now`."""
        lines = []
        for count in range(self.count + 1, self.count + 1 + self.taps):
            card = count % 0xFFFFF + 0x10000000
            lines.append(f'{{"nonce":"{self.prefix}{count:012x}","card":"{card:08X}","read_at":"{now}"}}')
        self.count += self.taps
        body = f'{{"sent_at":"{now}","taps":[{",".join(lines)}]}}'
        return f"{next(self.heads)}Content-Length: {len(body)}\r\n\r\n{body}".encode()

    def answered(self, data: bytes) -> int | None:
        """The status of the answer once it is whole, else None."""
        self.buffer += data
        head, blank, rest = self.buffer.partition(b"\r\n\r\n")
        if not blank:
            return None
        length = _LENGTH.search(head)
        if length and len(rest) < int(length[1]):
            return None
        self.buffer = b""  # one request at a time: nothing can follow its answer
        return int(head[9:12])


def run(lanes: list[Lane], *, host: str, port: int, seconds: float) -> Measured:
    """Ask on all lanes for `seconds`; requests answered in the first fifth are not counted."""
    selector = selectors.DefaultSelector()
    for lane in lanes:
        connection = socket.create_connection((host, port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ, lane)
        lane.asked_at = time.perf_counter()
        connection.sendall(lane.next_request(_now()))
    begin = time.perf_counter()
    counted_from, end = begin + seconds / 5, begin + seconds
    times: list[float] = []
    refused = 0
    while (now := time.perf_counter()) < end:
        told = _now()
        for key, _ in selector.select(timeout=1):
            lane: Lane = key.data
            data = key.fileobj.recv(262144)  # type: ignore[union-attr]
            if not data:
                raise ConnectionError("the server closed a connection")
            status = lane.answered(data)
            if status is None:
                continue
            now = time.perf_counter()
            if now >= counted_from:
                times.append(now - lane.asked_at)
                refused += status != 200
            lane.asked_at = now
            key.fileobj.sendall(lane.next_request(told))  # type: ignore[union-attr]
    for key in list(selector.get_map().values()):
        key.fileobj.close()  # type: ignore[union-attr]
    times.sort()
    counted = seconds * 4 / 5
    return Measured(
        len(times),
        refused,
        counted,
        len(times) / counted,
        1000 * times[len(times) // 2],
        1000 * times[int(len(times) * 0.99)],
    )


def main() -> None:
    """For a process of its own: print what was measured as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/v1/taps")
    parser.add_argument("--keys", required=True, help="a file with one reader's key a line")
    parser.add_argument("--taps", type=int, default=1)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5)
    given = parser.parse_args()
    with open(given.keys) as file:  # noqa: PTH123
        keys = file.read().split()
    lanes = requests_of(keys, path=given.path, taps=given.taps, connections=given.connections, host=given.host)
    print(json.dumps(asdict(run(lanes, host=given.host, port=given.port, seconds=given.seconds))))  # noqa: T201


if __name__ == "__main__":
    main()
