"""Our own requests never reach into our own network."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from gatepost.kit import outward
from gatepost.kit.outward import Unreachable


class Quiet(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
        ),
        *(
            "::1",
            "::",
            "fe80::1",
            "fe80::1%eth0",
            "fc00::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "ff02::1",
        ),
    ],
)
def test_a_private_address_is_known_whatever_it_is_wrapped_in(address: str) -> None:
    assert not outward.is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "140.112.8.116", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_a_public_one_is_known_too(address: str) -> None:
    assert outward.is_public(address)


def test_an_answer_is_heard(port: int) -> None:
    url = f"http://127.0.0.1:{port}/x?y=1"
    assert outward.post_form(url, {"a": "b"}, seconds=5, private_allowed=True) == 204


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://service.example/", "address"),
        ("ftp://service.example/", "address"),
        ("https:///x", "address"),
        ("https://service.example:99999/", "address"),
        ("https://127.0.0.1/", "private"),
        ("https://localhost/", "private"),
        ("https://[::ffff:10.0.0.1]/", "private"),
        ("https://2130706433/", "private"),  # 127.0.0.1 as one number
        ("https://no-such-name.invalid/", "unknown"),
    ],
)
def test_what_must_not_be_spoken_to_is_not(url: str, code: str) -> None:
    with pytest.raises(Unreachable) as refusal:
        outward.post_form(url, {"a": "b"}, seconds=1)
    assert refusal.value.code == code


def test_a_name_with_one_private_address_among_others_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in ("1.1.1.1", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found)
    with pytest.raises(Unreachable, match="private"):
        outward.post_form("https://service.example/", {}, seconds=1)


def test_the_address_that_was_looked_at_is_the_one_that_is_spoken_to(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that points elsewhere a moment later gains nothing."""
    asked: list[Any] = []
    real = socket.getaddrinfo

    def resolve(host: str, *args: Any, **more: Any) -> Any:
        asked.append(host)
        return real("127.0.0.1" if host == "service.example" else host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert outward.post_form(f"http://service.example:{port}/", {}, seconds=5, private_allowed=True) == 204
    assert asked.count("service.example") == 1


def test_silence_has_an_end() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        with pytest.raises(Unreachable, match="unreachable"):
            outward.post_form(url, {}, seconds=0.2, private_allowed=True)


def test_who_says_a_little_now_and_then_is_hung_up_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        gone = threading.Event()

        def drip() -> None:
            link, _address = listening.accept()
            with link:
                try:
                    for letter in b"HTTP/1.1 204 " + b"x" * 300 + b"\r\n\r\n":
                        link.sendall(bytes([letter]))
                        if gone.wait(0.02):
                            return
                except OSError:
                    pass

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
            with pytest.raises(Unreachable, match="unreachable"):
                outward.post_form(url, {}, seconds=0.2, private_allowed=True)
        finally:
            gone.set()
            dripping.join()
