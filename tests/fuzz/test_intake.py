"""The gate, over its own contract and a real database: every line answered and kept, nothing stuck, memory bounded."""

import http.client
import json
import os
import random
import re
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import strategies as st

from gatepost.attendance.arrivals import follow_taps
from gatepost.gates import reception
from gatepost.gates.models import Reader, ReaderHealth, Tap, TapQueue
from gatepost.gates.tests.conftest import Post, batch, tap
from gatepost.gates.tests.conftest import post as post
from tests.faults.ground import Running, free_port
from tests.faults.length import Length
from tests.fuzz import nonsense
from tests.fuzz.conftest import Fuzz, seed
from tests.fuzz.seeds import SEEDS
from tests.fuzz.test_targets import near

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
GROWTH_MB_MOST = 64

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | nonsense.texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(nonsense.texts, inner, max_size=3),
    max_leaves=6,
)
times = st.one_of(
    st.datetimes(NOW.replace(tzinfo=None) - timedelta(days=40), NOW.replace(tzinfo=None) + timedelta(days=2)).map(
        lambda at: f"{at.isoformat()}+08:00"
    ),
    st.builds(
        lambda at, hours, sign, minutes: f"{at.isoformat()}{sign}{hours:02}:{minutes:02}",
        st.datetimes(),
        st.integers(0, 23),
        st.sampled_from("+-"),
        st.integers(0, 59),
    ),
    st.datetimes().map(lambda at: at.isoformat()),
)
lines = st.fixed_dictionaries(
    {
        "nonce": st.uuids().map(str) | st.sampled_from([str(UUID(int=number)) for number in range(3)]) | json_values,
        "card": st.just("04A1B2C3") | nonsense.texts | json_values,
        "read_at": times | json_values,
    },
    optional={"direction": st.sampled_from(["in", "out", None]) | json_values, "more": json_values},
)


@pytest.fixture(autouse=True)
def no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """One reader asks as often as it likes."""
    monkeypatch.setattr(reception, "REQUESTS_PER_SECOND", 1e9)
    monkeypatch.setattr(reception, "REQUESTS_AT_ONCE", 1e9)


def test_every_line_is_answered_and_kept_and_nothing_sticks(
    post: Post, reader_and_key: tuple[Reader, str], fuzz: Fuzz
) -> None:
    reader, key = reader_and_key
    post.now = NOW

    def is_kept(sent_at: str, queue: int, taps: list[Any]) -> None:
        content = json.dumps({"sent_at": sent_at, "queue": queue, "taps": taps}).encode()
        answer = post(key, content=content)
        assert answer.status_code in {200, 400, 422}, answer.text
        if answer.status_code != 200:
            return
        results = answer.json()["results"]
        assert len(results) == len(taps)
        for line, result in zip(taps, results, strict=True):
            assert result["status"] in {"stored", "refused", "repeat"}
            assert (result["reason"] is None) == (result["status"] != "refused")
            named = line.get("nonce") if isinstance(line, dict) else None
            if isinstance(named, str) and _is_uuid(named):
                assert Tap.objects.filter(reader_id=reader.pk, nonce=named).exists()
        kept = Tap.objects.count()
        again = post(key, content=content).json()["results"]
        assert {one["status"] for one in again} <= {"repeat", "refused"}
        assert Tap.objects.count() == kept

    fuzz(40, 6_000, sent_at=times, queue=st.integers(-1, 2**32), taps=st.lists(lines | json_values, max_size=5))(
        is_kept
    )
    nothing_sticks()


@pytest.mark.parametrize(
    "read_at", ["2026-11-23T07:31:05+23:59", "0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-08:00"]
)
def test_a_time_the_database_does_not_know_spoils_nothing(post: Post, key: str, read_at: str) -> None:
    wild = {**tap(), "read_at": read_at}
    answer = post(key, batch(wild, tap()))
    assert answer.status_code == 200
    assert answer.json()["results"][1]["status"] == "stored"
    nothing_sticks()


def test_any_body_has_an_answer(post: Post, key: str, fuzz: Fuzz) -> None:
    def is_answered(content: bytes) -> None:
        assert post(key, content=content).status_code in {200, 400, 413, 422}

    fuzz(80, 20_000, content=near(SEEDS["batch"]) | st.sampled_from([b"x" * 600_000, b"[" * 500_000]))(is_answered)
    assert post(key, batch(tap())).json()["results"][0]["status"] == "stored"
    nothing_sticks()


def test_a_million_lines_leave_memory_and_queue_as_they_were(
    post: Post, key: str, length: Length, tried: dict[str, int]
) -> None:
    chance = random.Random(seed())
    post.now = NOW
    before = 0
    for number in range(length.of(24, 1_050)):
        if number == length.of(8, 50):  # what is made once is made by now
            before = resident_mb()
        body, sent = a_mixed_batch(chance, 1_000 if number % 3 else chance.randrange(1, 1_000))
        answer = post(key, content=body)
        assert answer.status_code == 200, answer.text
        assert len(msgspec.json.decode(answer.content)["results"]) == sent
        tried["inputs"] += sent
        if number % 50 == 49:
            follow_taps(now=NOW, limit=100_000)
    tried["grown MB"] = resident_mb() - before
    assert tried["grown MB"] < GROWTH_MB_MOST
    nothing_sticks()


def test_whatever_comes_over_the_wire_the_process_lives(
    transactional_db: None, key: str, length: Length, tried: dict[str, int], running_gate: Running
) -> None:
    chance = random.Random(seed())
    assert hand_in(running_gate.port, key) == 200
    before = resident_mb(running_gate.process.pid)
    for number in range(length.of(len(WIRE), 1_500)):
        request = WIRE[number % len(WIRE)].replace(b"KEY", key.encode())
        for _ in range(0 if number < len(WIRE) else chance.randrange(4)):
            at = chance.randrange(len(request) + 1)
            request = request[:at] + chance.randbytes(chance.randrange(3)) + request[at + chance.randrange(4) :]
        said = over_the_wire(running_gate.port, request)
        assert not re.match(rb"HTTP/1.. 5", said), (request, said)
        if number in ANSWERED:
            assert said.startswith(b"HTTP/1.1 %d" % ANSWERED[number]), (request, said)
        tried["inputs"] += 1
    assert running_gate.alive
    assert hand_in(running_gate.port, key) == 200
    tried["grown MB"] = resident_mb(running_gate.process.pid) - before
    assert tried["grown MB"] < GROWTH_MB_MOST
    assert "Traceback" not in running_gate.said(), running_gate.said()
    nothing_sticks()


@pytest.fixture
def running_gate(tmp_path: Path) -> Iterator[Running]:
    """`gatepost gate` as a process of its own, on the database of this test."""
    port = free_port()
    environment = {**os.environ, "GATEPOST_VAR": str(tmp_path / "var")}
    command = [sys.executable, "-m", "gatepost", "gate", "--port", str(port)]
    running = Running("gate", command, environment, tmp_path / "gate.log", port)
    try:
        running.start()
        yield running
    finally:
        running.kill()


def nothing_sticks() -> None:
    """The worker works everything off, and what was kept can be read again."""
    for _ in range(10_000):
        if not follow_taps(now=NOW, limit=50_000) and not TapQueue.objects.exists():
            break
    assert not TapQueue.objects.exists()
    for row in (*Tap.objects.order_by("-nonce")[:20_000].iterator(), *ReaderHealth.objects.iterator()):
        assert row.pk


def a_mixed_batch(chance: random.Random, size: int) -> tuple[bytes, int]:
    """A body of `size` lines, a tenth of them nonsense, and how many there are."""
    kinds = [chance.randrange(10) for _ in range(size)]
    rows = [_NONSENSE[chance.randrange(len(_NONSENSE))] if kind == 9 else _a_line(chance, kind) for kind in kinds]
    return b'{"sent_at":"2026-11-23T08:00:00+08:00","queue":%d,"taps":[%s]}' % (
        chance.randrange(99),
        b",".join(rows),
    ), size


def _a_line(chance: random.Random, kind: int) -> bytes:
    nonce = UUID(int=chance.getrandbits(128))
    card = f"{chance.getrandbits(32):08X}" if kind else "\\u0000" + "9" * chance.randrange(200)
    return (
        f'{{"nonce":"{nonce}","card":"{card}","read_at":"2026-11-23T07:{chance.randrange(60):02}:05+08:00"}}'.encode()
    )


_NONSENSE = (
    b"null",
    b"7",
    b'"x"',
    b"[[]]",
    b"{}",
    b"1e999",
    b'"\xff\xfe"',
    b'{"nonce":7}',
    b'{"card":"' + b"x" * 300 + b'"}',
)

_BODY = b'{"sent_at":"2026-11-23T08:00:00+08:00","taps":[1]}'
_HEAD = b"POST /v1/taps HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer KEY\r\n"
WIRE = (
    _HEAD + b"Content-Length: %d\r\n\r\n" % len(_BODY) + _BODY,
    _HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(_BODY) + _BODY + b"\r\n0\r\n\r\n",
    _HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffff\r\n" + _BODY,
    _HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    _HEAD + b"Content-Length: 99999999999999999999\r\n\r\n" + _BODY,
    _HEAD + b"Content-Length: -1\r\n\r\n" + _BODY,
    _HEAD + b"Content-Length: 5000\r\n\r\n" + _BODY,  # the rest never comes
    _HEAD + b"Content-Length: 600000\r\n\r\n" + b"x" * 600_000,
    _HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    _HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b",
    b"POST /v1/taps HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer \xff\xfe\r\n\r\n",
    b"POST /v1/taps HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: \r\nAuthorization: Bearer KEY\r\n\r\n",
    b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"HEAD /v1/openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /v1/%00%ff/../taps?\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /v1/taps HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00" * 30,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50,
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 300 + b"\r\n",
    b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
)
# The status of some, by their place.
ANSWERED = {0: 200, 1: 200, 7: 413, 10: 401, 12: 200, 13: 200}


def over_the_wire(port: int, request: bytes) -> bytes:
    """What the server says before it closes, or in a fifth of a second where it waits for more."""
    with socket.create_connection(("127.0.0.1", port), timeout=0.2) as connection:
        said = b""
        try:
            connection.sendall(request)
            while part := connection.recv(65_536):
                said += part
        except OSError:
            pass
        return said


def hand_in(port: int, key: str) -> int:
    """The status that a good tap gets."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    now = datetime.now(UTC).isoformat()
    body = {"sent_at": now, "taps": [{"nonce": str(uuid4()), "card": "04A1B2C3", "read_at": now}]}
    connection.request("POST", "/v1/taps", json.dumps(body), {"Authorization": f"Bearer {key}"})
    return connection.getresponse().status


def resident_mb(pid: int | None = None) -> int:
    """The memory a process holds, this one by default."""
    pages = int(Path(f"/proc/{pid or 'self'}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
