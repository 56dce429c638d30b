"""As much of HTTP as a page on one's own machine needs, and who may ask.

A mail can hold anything, and any web page open in the same browser can send requests to 127.0.0.1. Therefore: only
names of this machine are answered (else a foreign name could be pointed here, "DNS rebinding"); nothing is changed for
a request that another site may have caused; and every answer says what its content may do, which is nothing.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

log = logging.getLogger(__name__)

HEAD_OCTETS_MAX = 16_384
BODY_OCTETS_MAX = 65_536
SECONDS_MAX = 10

_REASONS = {
    200: "OK",
    303: "See Other",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    413: "Content Too Large",
    421: "Misdirected Request",
    500: "Internal Server Error",
}
_THIS_MACHINE = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)


@dataclass(frozen=True)
class Request:
    """`headers` have names in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Response:
    body: bytes
    status: int = 200
    content_type: str = "text/plain; charset=utf-8"
    policy: str = "default-src 'none'; frame-ancestors 'none'"
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """A request that is not answered as it wished; the text is for whoever sent it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class HttpServer:
    """Answers one request on each connection with what `app` says."""

    def __init__(self, app: Callable[[Request], Response]) -> None:
        self._app = app

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """For `asyncio.start_server`."""
        method = ""
        try:
            async with asyncio.timeout(SECONDS_MAX):
                request = await _read(reader)
            method = request.method
            response = self._answer(request)
        except Refused as refused:
            response = _plain(refused)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            writer.close()
            return
        await _write(writer, response, with_body=method != "HEAD")

    def _answer(self, request: Request) -> Response:
        try:
            require_this_machine(request)
            if request.method not in ("GET", "HEAD"):
                require_own_page(request)
            return self._app(request)
        except Refused as refused:
            return _plain(refused)
        except Exception:
            log.exception("request failed")
            return _plain(Refused(500, "This went wrong."))


def require_this_machine(request: Request) -> None:
    """Refuse requests that were sent to a foreign name."""
    if not _THIS_MACHINE.fullmatch(request.headers.get("host", "")):
        raise Refused(421, "The mail catcher answers on this machine only: use http://127.0.0.1.")


def require_own_page(request: Request) -> None:
    """Refuse changes that another site may have caused.

    A browser says where a request comes from (Sec-Fetch-Site, or Origin in older ones). DELETE needs no such word: no
    browser lets another site send it without asking us first, and we never agree.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site not in (None, "same-origin") or origin not in (None, f"http://{request.headers['host']}"):
        raise Refused(403, "Another site may not do this.")
    if site is None and origin is None and request.method != "DELETE":
        raise Refused(403, "A browser says where a request comes from; this one did not.")


async def _read(reader: asyncio.StreamReader) -> Request:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.LimitOverrunError as error:
        raise Refused(413, "The head of the request is too long.") from error
    first, *lines = head.rstrip("\r\n").split("\r\n")
    words = first.split(" ")
    fields = [line.partition(":") for line in lines]
    if len(words) != 3 or not words[1].startswith("/") or not all(name and colon for name, colon, _ in fields):
        raise Refused(400, "This is not an HTTP request.")
    headers = {name.lower(): value.strip() for name, _, value in fields}
    await _skip_body(reader, headers)
    path, _, query = words[1].partition("?")
    return Request(words[0], unquote(path), dict(parse_qsl(query)), headers)


async def _skip_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> None:
    """Nothing here needs a body, but closing on one that was not read would cut off the answer."""
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > BODY_OCTETS_MAX or "transfer-encoding" in headers:
        raise Refused(413, "Requests have no body here.")
    await reader.readexactly(int(length))


async def _write(writer: asyncio.StreamWriter, response: Response, *, with_body: bool) -> None:
    headers = {
        "Content-Type": response.content_type,
        "Content-Length": str(len(response.body)),
        "Content-Security-Policy": response.policy,
        "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Connection": "close",
        **response.headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"HTTP/1.1 {response.status} {_REASONS[response.status]}\r\n{head}\r\n".encode("latin-1"))
    if with_body:
        writer.write(response.body)
    try:
        async with asyncio.timeout(SECONDS_MAX):
            await writer.drain()
            writer.close()
            await writer.wait_closed()
    except (TimeoutError, OSError):
        writer.transport.abort()


def _plain(refused: Refused) -> Response:
    return Response(str(refused).encode(), status=refused.status)
