"""Requests of ours to addresses that somebody typed: they never reach into our own network.

A name is resolved once, every address it has must be public, and that very address is connected to, so that a name
cannot point elsewhere a moment later. Redirections are not followed.
"""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

ANSWER_BYTES_MAX = 10_000


class Unreachable(Exception):
    """The request was not made, or not answered. `code`: address, private, unknown, unreachable."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def post_form(url: str, fields: Mapping[str, str], *, seconds: float, private_allowed: bool = False) -> int:
    """POST `fields` to `url` and give the status of the answer. Raises `Unreachable`.

    Https, unless `private_allowed`, which is for demonstrations and for services inside the city's own network.
    """
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise Unreachable("address") from error
    if not host or parts.scheme not in (("https", "http") if private_allowed else ("https",)):
        raise Unreachable("address")
    link = _connection(parts.scheme, host, _resolve(host, port, private_allowed=private_allowed), port, seconds)
    try:
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "gatepost", "Connection": "close"}
        link.request("POST", path, urlencode(fields), headers)
        answer = link.getresponse()
        answer.read(ANSWER_BYTES_MAX)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable("unreachable") from error
    finally:
        link.close()
    return answer.status


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


def _connection(scheme: str, host: str, address: str, port: int, seconds: float) -> http.client.HTTPConnection:
    """To `address`, speaking to `host`."""
    if scheme == "http":
        link = http.client.HTTPConnection(host, port, timeout=seconds)
    else:
        link = http.client.HTTPSConnection(host, port, timeout=seconds, context=ssl.create_default_context())
    # What the class would connect to is the name; this is the address that was looked at.
    link._create_connection = lambda _name, timeout, source: socket.create_connection((address, port), timeout, source)  # type: ignore[attr-defined]
    return link
