"""As much of HTTP as the simulators need, on 127.0.0.1 and for names of this machine."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

HOST = "127.0.0.1"  # not a setting: nobody else is to sign in as these people
BODY_OCTETS_MAX = 65_536
SECONDS_MAX = 10
_THIS_MACHINE = re.compile(r"(127\.0\.0\.1|localhost)(:[0-9]{1,5})?", re.IGNORECASE)


@dataclass(frozen=True)
class Call:
    """A request. `fields`: of the address, and of a form in its body; `body`: as JSON, where it is an object."""

    method: str
    path: str
    fields: Mapping[str, str]
    body: Mapping[str, Any]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    body: bytes = b""
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


class Simulator(Protocol):
    """One of the other sides."""

    def answer(self, call: Call) -> Reply | None:
        """None where it has no such address."""


class Server(ThreadingHTTPServer):
    """Answers with the first of `simulators` that knows the address. `port` 0: one that is free."""

    daemon_threads = True

    def __init__(self, port: int, simulators: list[Simulator]) -> None:
        self.simulators = simulators
        super().__init__((HOST, port), _Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.server_address[1]}"


def told(values: Mapping[str, Any], *, status: int = 200) -> Reply:
    """A JSON answer."""
    return Reply(json.dumps(values, ensure_ascii=False).encode(), status, "application/json")


def sent_to(address: str) -> Reply:
    """A redirection."""
    return Reply(status=303, headers={"Location": address})


def page(title: str, body: str) -> Reply:
    """A page of a simulator, which says that it is one. `body` is HTML."""
    return Reply(_PAGE.format(title=escape(title), body=body).encode())


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = SECONDS_MAX

    def do_GET(self) -> None:
        self._speak()

    def do_POST(self) -> None:
        self._speak()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Addresses hold codes and numbers: they are written nowhere."""

    def _speak(self) -> None:
        reply = self._reply()
        self.send_response(reply.status)
        headers = {"Content-Type": reply.content_type, "Cache-Control": "no-store", "X-Frame-Options": "DENY"}
        for name, value in {**headers, **reply.headers, "Content-Length": str(len(reply.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    def _reply(self) -> Reply:
        if not _THIS_MACHINE.fullmatch(self.headers.get("Host", "")):
            return Reply(b"This machine only.", 421)
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > BODY_OCTETS_MAX:
            return Reply(b"Too long.", 413)
        call = _call(self.command, self.path, self.rfile.read(int(length)), self.headers)
        found = (simulator.answer(call) for simulator in self.server.simulators)
        return next((reply for reply in found if reply is not None), Reply(b"There is no such page.", 404))


def _call(method: str, target: str, body: bytes, headers: Any) -> Call:
    parts = urlsplit(target)
    kind = headers.get("Content-Type", "").partition(";")[0]
    fields = dict(parse_qsl(parts.query, keep_blank_values=True))
    if kind == "application/x-www-form-urlencoded":
        fields |= parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    read = _read(body) if kind == "application/json" else {}
    return Call(method, parts.path, fields, read, {name.lower(): value for name, value in headers.items()})


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


Route = Callable[[Call], Reply]

_PAGE = """<!doctype html>
<html lang="zh-Hant"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 26rem; padding: 1.5rem 1rem;
  color: #1a1a1a; background: #fff }}
h1 {{ font-size: 1.35rem; margin: 0 0 .25rem }}
.note {{ background: #fff4d6; border: 1px solid #c9a227; border-radius: .5rem; padding: .5rem; font-size: .875rem }}
button {{ display: block; width: 100%; min-height: 3rem; margin: .75rem 0; padding: .5rem 1rem; font: inherit;
  text-align: left; border: 1px solid #767676; border-radius: .5rem; background: #f6f6f6; color: inherit }}
button.first {{ background: #0b5d51; border-color: #0b5d51; color: #fff }} small {{ display: block; opacity: .85 }}
</style></head><body><h1>{title}</h1>
<p class="note">模擬畫面，人物皆為虛構。A simulator: nobody here is real.</p>{body}</body></html>
"""
