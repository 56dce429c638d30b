"""What real processes answer over real sockets: headers, cookies behind TLS, limits of intake, revoked keys."""

import contextlib
import http.client
import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit
from uuid import uuid4

import pytest
from django.urls import reverse

from gatepost.gates import keys
from gatepost.gates.contract import BODY_BYTES_MAX, TAPS_MAX
from gatepost.gates.models import Tap
from gatepost.kit.clock import utc_now
from gatepost.watch import tally
from tests import builders
from tests.served import Served, hear

pytestmark = pytest.mark.django_db(transaction=True)

Answer = http.client.HTTPResponse
REVOKED_SECONDS_MAX = 5.0
TOKEN = "a-token-for-the-tests-only"
HOST = "gatepost.example"
TLS = {"GATEPOST_URL": f"https://{HOST}", "GATEPOST_HOSTS": HOST, "GATEPOST_TRUSTED_PROXIES": "1"}
BEHIND_TLS = {"Host": HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}


@pytest.fixture
def key(transactional_db: None) -> str:
    return builders.a_reader(builders.a_school())[1]


@pytest.fixture
def gate(transactional_db: None) -> Iterator[Served]:
    served = Served("gate", {"GATEPOST_LOG_LEVEL": "debug"})
    yield served
    served.stop()


def batch(lines: int = 1) -> bytes:
    now = datetime.now(UTC).isoformat()
    taps = [{"nonce": str(uuid4()), "card": "04A1B2C3", "read_at": now} for _ in range(lines)]
    return json.dumps({"sent_at": now, "taps": taps}).encode()


def request(key: str, body: bytes, *more: str, length: bool = True, version: str = "1.1") -> bytes:
    lines = [f"POST /v1/taps HTTP/{version}", "Host: localhost", f"Authorization: Bearer {key}", *more]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def chunked(key: str, *chunks: bytes) -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])
    return request(key, body, "Transfer-Encoding: chunked", "Connection: close", length=False)


def status(answer: bytes) -> int:
    found = re.match(rb"HTTP/1\.[01] (\d{3}) ", answer)
    assert found, answer[:200]
    return int(found[1])


def ask(
    served: Served, path: str, method: str = "GET", headers: dict[str, str] | None = None, body: str = ""
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
    connection.request(method, path, body or None, headers or {})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


class TestHeaders:
    def test_behind_tls_browsers_are_told_to_come_back_by_it_and_cookies_are_tied_to_the_host(
        self, transactional_db: None
    ) -> None:
        builders.an_account("mother@example.org", password="a long enough one 7")
        web = Served("web", TLS)
        try:
            page = ask(web, reverse("account_login"), headers=BEHIND_TLS)
            static = ask(web, "/static/gatepost/gatepost.css", headers=BEHIND_TLS)
            readers = ask(web, "/v1/taps", "POST", headers=BEHIND_TLS)
            stranger = ask(web, "/", headers={**BEHIND_TLS, "Host": "evil.example"})
            language = ask(web, "/language/", "POST", headers=BEHIND_TLS, body="language=vi")
        finally:
            web.stop()
        for answer in (page, static, readers, stranger):
            assert answer.headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers.get_all("Server") == ["gatepost"]
            assert "X-Powered-By" not in answer.headers
        assert (page.status, static.status, readers.status, stranger.status) == (200, 200, 401, 400)
        assert language.status in {302, 403}
        cookies = page.headers.get_all("Set-Cookie") or []
        assert {cookie.partition("=")[0] for cookie in cookies} == {"__Host-csrf"}
        for cookie in cookies:
            assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
            assert "domain" not in cookie.lower()

    def test_over_http_nobody_is_promised_tls_and_nobody_says_what_serves(self, transactional_db: None) -> None:
        web = Served("web", {"GATEPOST_METRICS_TOKEN": TOKEN})
        try:
            answers = [ask(web, path) for path in ("/", "/no/such/page", "/healthz", "/v1/openapi.json", "/v1/none")]
            shown = ask(web, "/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
            refused = ask(web, "/metrics")
        finally:
            written = web.stop()
        for answer in answers:
            assert answer.headers.get_all("Server") == ["gatepost"]
            assert "Strict-Transport-Security" not in answer.headers
        assert (shown.status, refused.status) == (200, 401)
        assert TOKEN not in written


class TestLimits:
    def test_what_is_too_large_is_refused_and_nothing_is_kept(self, gate: Served, key: str) -> None:
        large = b" " * (BODY_BYTES_MAX + 1)
        assert status(gate.say(request(key, large, "Connection: close"))) == 413
        assert status(gate.say(chunked(key, large[:300_000], large[300_000:]))) == 413
        assert status(gate.say(request(key, batch(TAPS_MAX + 1), "Connection: close"))) == 422
        assert not Tap.objects.exists()

    def test_what_is_announced_as_too_large_is_not_waited_for(self, gate: Served, key: str) -> None:
        began = time.monotonic()
        answer = gate.say(request(key, b"", "Content-Length: 999999999", length=False), timeout=5)
        assert status(answer) == 413
        assert time.monotonic() - began < 5

    def test_what_is_within_bounds_is_taken_however_it_is_cut(self, gate: Served, key: str) -> None:
        body = batch(2)
        assert status(gate.say(chunked(key, *(body[n : n + 1] for n in range(len(body)))))) == 200
        assert status(gate.say(request(key, batch(), version="1.0"))) == 200
        together = gate.say(request(key, batch()) + request(key, batch()) + request(key, batch(), "Connection: close"))
        assert re.findall(rb"HTTP/1\.1 (\d{3})", together) == [b"200"] * 3
        assert Tap.objects.count() == 6

    @pytest.mark.parametrize(
        "spoilt",
        [
            lambda key: request(key, b"zz\r\nx\r\n0\r\n\r\n", "Transfer-Encoding: chunked", length=False),
            lambda key: request(key, batch(), "Content-Length: 3"),
            lambda key: request(key, batch(), *(f"X-{n}: y" for n in range(2_000))),
            lambda key: request(key, batch(), "X: " + "y" * 600_000),
            lambda key: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            lambda key: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ],
    )
    def test_what_is_no_request_is_refused_and_the_next_reader_is_served(
        self, gate: Served, key: str, spoilt: object
    ) -> None:
        answer = gate.say(spoilt(key), timeout=3)  # type: ignore[operator]
        assert answer == b"" or status(answer) in {400, 413, 431, 505}
        assert not Tap.objects.exists()
        assert status(gate.say(request(key, batch(), "Connection: close"))) == 200

    def test_a_length_beside_chunks_is_one_request_and_not_two(self, gate: Served, key: str) -> None:
        body = batch()
        answer = gate.say(chunked(key, body).replace(b"Connection: close", b"Content-Length: 4"), timeout=3)
        assert len(re.findall(rb"HTTP/1\.1 \d{3} ", answer)) == 1

    @pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "GET", "PUT", "DELETE", "TRACE", "PROPFIND"])
    def test_other_methods_are_refused(self, gate: Served, key: str, method: str) -> None:
        assert ask(gate, "/v1/taps", method, {"Authorization": f"Bearer {key}"}).status == 405

    def test_a_thousand_that_say_nothing_and_hundreds_that_drip_keep_nobody_out(self, gate: Served, key: str) -> None:
        quiet = [gate.connect() for _ in range(1_100)]
        dripping = [gate.connect() for _ in range(200)]
        try:
            for one in quiet:
                one.sendall(b"POST /v1/taps HTTP/1.1\r\nX-Slow: ")
            for one in dripping:
                one.sendall(request(key, batch())[:-10])
            began = time.monotonic()
            assert status(gate.say(request(key, batch(), "Connection: close"))) in {200, 429}
            other = builders.a_reader(builders.a_school())[1]
            time.sleep(2.1)
            assert status(gate.say(request(other, batch(), "Connection: close"))) == 200
            assert time.monotonic() - began < 10
            assert status(hear(dripping[0], quiet_seconds=25)) == 408
        finally:
            for one in [*quiet, *dripping]:
                one.close()


class TestHealth:
    def test_a_process_that_serves_readers_alone_says_how_it_is(self, gate: Served) -> None:
        assert ask(gate, "/healthz").status == 200
        assert ask(gate, "/readyz").status == 200
        assert ask(gate, "/readyz", "HEAD").status == 200
        assert ask(gate, "/metrics").status == 404

    def test_what_the_door_answered_is_counted(self, transactional_db: None, key: str) -> None:
        gate = Served("gate")
        assert ask(gate, "/v1/taps", "POST", {"Authorization": f"Bearer {key}"}, batch()).status == 200
        assert ask(gate, "/v1/taps", "POST", {"Authorization": "Bearer wrong"}).status == 401
        gate.stop()
        counted = tally.totals()
        assert (counted["gate_requests", "200"], counted["gate_requests", "401"]) == (1, 1)
        assert counted["taps_received", "stored"] == 1


class TestKeys:
    def test_a_key_counts_in_its_header_only_and_is_never_written_down(self, transactional_db: None) -> None:
        _reader, key = builders.a_reader(builders.a_school())
        gate = Served("gate", {"GATEPOST_LOG_LEVEL": "debug"})
        wrong = keys.new_key()
        asked = {
            "good": ask(gate, "/v1/taps", "POST", {"Authorization": f"Bearer {key}"}, batch()),
            "bad": ask(gate, "/v1/taps", "POST", {"Authorization": f"Bearer {wrong}"}),
            "in the address": ask(gate, f"/v1/taps?key={key}", "POST", body=batch()),
            "as a path": ask(gate, f"/v1/{key}", "POST"),
            "basic": ask(gate, "/v1/taps", "POST", {"Authorization": f"Basic {key}"}),
            "twice": ask(gate, "/v1/taps", "POST", {"Authorization": f"Bearer {key} {key}"}),
            "no batch": ask(gate, "/v1/taps", "POST", {"Authorization": f"Bearer {key}"}, key),
        }
        written = gate.stop()
        assert {name: answer.status for name, answer in asked.items()} == {
            "good": 200,
            "bad": 401,
            "in the address": 401,
            "as a path": 404,
            "basic": 401,
            "twice": 401,
            "no batch": 400,
        }
        for secret in (key, wrong, keys.digest(key).hex()):
            assert secret not in written
            assert secret.removeprefix("gpr_") not in written

    def test_a_key_revoked_while_its_body_drips_in_keeps_nothing(self, gate: Served, transactional_db: None) -> None:
        reader, key = builders.a_reader(builders.a_school())
        said = request(key, batch(), "Connection: close")
        with gate.connect() as dripping:
            dripping.sendall(said[:-10])
            time.sleep(0.5)
            keys.revoke(reader, by=None, now=utc_now())
            time.sleep(3)
            dripping.sendall(said[-10:])
            assert status(hear(dripping, quiet_seconds=5)) == 401
        assert not Tap.objects.exists()

    def test_a_revoked_key_opens_nothing_anywhere_after_five_seconds_though_the_database_is_slow(
        self, transactional_db: None, tmp_path: Path
    ) -> None:
        reader, key = builders.a_reader(builders.a_school())
        path = Path(f"/tmp/gpw-{os.getpid()}")
        road = Road(os.environ["DATABASE_URL"], path)
        gates = [Served("gate"), Served("gate", {"DATABASE_URL": road.url})]
        try:
            for gate in gates:
                assert heartbeat(gate, key) == 200
            time.sleep(2.2)  # the books are due to be read again
            road.delay_seconds = 3.0
            with ThreadPoolExecutor(80) as pool:
                first = pool.submit(heartbeat, gates[1], key)
                time.sleep(0.3)
                keys.revoke(reader, by=None, now=utc_now())
                revoked = time.monotonic()
                asked = []
                while time.monotonic() - revoked < 9:
                    after = time.monotonic() - revoked
                    asked += [(after, pool.submit(heartbeat, gate, key)) for gate in gates]
                    time.sleep(0.4)
                answers = [(after, answer.result()) for after, answer in asked]
                first.result()
        finally:
            for gate in gates:
                gate.kill()  # or it would wait for the database first
            road.close()
        assert {answer for after, answer in answers if after > REVOKED_SECONDS_MAX} <= {401, 503}
        assert 401 in {answer for _after, answer in answers}

    def test_a_process_that_hears_nothing_of_the_database_believes_no_key_after_five_seconds(
        self, transactional_db: None
    ) -> None:
        _reader, key = builders.a_reader(builders.a_school())
        road = Road(os.environ["DATABASE_URL"], Path(f"/tmp/gpw-{os.getpid()}"))
        gate = Served("gate", {"DATABASE_URL": road.url})
        try:
            assert heartbeat(gate, key) == 200
            road.delay_seconds = 60.0
            time.sleep(REVOKED_SECONDS_MAX)
            assert heartbeat(gate, key) == 503
            assert ask(gate, "/healthz").status == 200
            assert ask(gate, "/readyz").status == 503
        finally:
            gate.kill()
            road.close()


def heartbeat(served: Served, key: str) -> int:
    return ask(served, "/v1/taps", "POST", {"Authorization": f"Bearer {key}"}, batch(0)).status


class Road:
    """A way to the database on which answers can be made to take long."""

    def __init__(self, url: str, folder: Path) -> None:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        host = query["host"][0] if "host" in query else parts.hostname or "localhost"
        self._port = int(query.get("port", [str(parts.port or 5432)])[0])
        self._aim = f"{host}/.s.PGSQL.{self._port}" if host.startswith("/") else (host, self._port)
        self.delay_seconds = 0.0
        folder.mkdir(mode=0o700, exist_ok=True)
        self._place = folder / f".s.PGSQL.{self._port}"
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(self._place))
        self._door.listen(64)
        self._ends: list[socket.socket] = []
        user = f"{parts.username}{':' + parts.password if parts.password else ''}@" if parts.username else ""
        self.url = f"postgresql://{user}{parts.path}?host={quote(str(folder), safe='')}&port={self._port}"
        threading.Thread(target=self._take, daemon=True).start()

    def close(self) -> None:
        """Cut all that is under way, and let nobody on it."""
        for end in [self._door, *self._ends]:
            end.close()
        self._place.unlink(missing_ok=True)
        self._place.parent.rmdir()

    def _take(self) -> None:
        while True:
            try:
                near, _ = self._door.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX if isinstance(self._aim, str) else socket.AF_INET)
            far.connect(self._aim)
            self._ends += [near, far]
            threading.Thread(target=self._carry, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._carry, args=(far, near, True), daemon=True).start()

    def _carry(self, start: socket.socket, end: socket.socket, slowly: bool) -> None:
        try:
            while load := start.recv(65_536):
                if slowly:
                    time.sleep(self.delay_seconds)
                end.sendall(load)
        except OSError:
            pass
        finally:
            for one in (start, end):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
