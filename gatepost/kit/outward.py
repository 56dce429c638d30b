"""Requests of ours to other machines, also at addresses that somebody typed: they never reach into our own network.

A name is resolved once, every address it has must be public, and that very address is connected to, so that a name
cannot point elsewhere a moment later. Redirections are not followed.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

ANSWER_BYTES_MAX = 10_000
FORM = "application/x-www-form-urlencoded"


class Unreachable(Exception):
    """The request was not made, or not answered. `code`: address, private, unknown, unreachable."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Answer:
    """`body`: no more of it than was asked for. `retry_after`: the header of that name, empty without one."""

    status: int
    body: bytes
    retry_after: str = ""


def post_form(url: str, fields: Mapping[str, str], *, seconds: float, private_allowed: bool = False) -> int:
    """POST `fields` to `url` and give the status of the answer, as `ask` does. Raises `Unreachable`."""
    headers = {"Content-Type": FORM}
    body = urlencode(fields).encode()
    return ask("POST", url, body, headers=headers, seconds=seconds, private_allowed=private_allowed).status


def ask(
    method: str,
    url: str,
    body: bytes | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    seconds: float,
    most: int = ANSWER_BYTES_MAX,
    private_allowed: bool = False,
) -> Answer:
    """Send one request to `url` and give its answer, `most` bytes of it at the most. Raises `Unreachable`.

    `seconds` is for the connection, and then for everything that is said on it: who answers a byte now and then is
    hung up on as well.

    Https, unless `private_allowed`, which is for demonstrations and for services inside the city's own network.
    """
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise Unreachable("address") from error
    if not host or parts.scheme not in (("https", "http") if private_allowed else ("https",)):
        raise Unreachable("address")
    address = _resolve(host, port, private_allowed=private_allowed)
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    sent = {"User-Agent": "gatepost", "Connection": "close", **(headers or {})}
    try:
        with socket.create_connection((address, port), seconds) as dialled, _hung_up_after(seconds, dialled) as late:
            link = _connection(parts.scheme, host, port, dialled)
            try:
                link.request(method, path, body, sent)
                answer = link.getresponse()
                heard = answer.read(most)
            finally:
                link.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable("unreachable") from error
    if late.is_set():  # the library takes what was cut off for an answer
        raise Unreachable("unreachable")
    return Answer(answer.status, heard, answer.headers.get("Retry-After", ""))


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the open internet, whatever it is wrapped in."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
    return ip.is_global and not ip.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _resolve(host: str, port: int, *, private_allowed: bool) -> str:
    try:
        found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        raise Unreachable("unknown") from error
    if not private_allowed and not all(is_public(address) for address in found):
        raise Unreachable("private")
    return found[0]


def _connection(scheme: str, host: str, port: int, dialled: socket.socket) -> http.client.HTTPConnection:
    """On `dialled`, speaking to `host`."""
    if scheme == "http":
        link = http.client.HTTPConnection(host, port)
    else:
        link = http.client.HTTPSConnection(host, port, context=ssl.create_default_context())
    # What the class would connect to is the name; this is the address that was looked at.
    link._create_connection = lambda *_args: dialled  # type: ignore[attr-defined]
    return link


@contextmanager
def _hung_up_after(seconds: float, dialled: socket.socket) -> Iterator[threading.Event]:
    """End what is said on `dialled`, whoever holds it by then, after `seconds`. The event says that it came to that.

    A socket's own time-out begins anew with each byte.
    """
    held, late = dialled.dup(), threading.Event()

    def hang_up() -> None:
        late.set()
        with suppress(OSError):  # gone already
            held.shutdown(socket.SHUT_RDWR)

    bell = threading.Timer(seconds, hang_up)
    bell.start()
    try:
        yield late
    finally:
        bell.cancel()
        held.close()
