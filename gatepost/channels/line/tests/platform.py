"""LINE, as far as Gatepost knows it: an HTTP server of our own that answers as the real one documents.

`contract.py` holds everything that is said here, in both directions, against LINE's own description.
"""

import json
import re
import secrets
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gatepost.channels.line.api import LineSettings
from gatepost.channels.line.tests import contract
from gatepost.channels.line.webhook import signature

TOKEN, SECRET = "an-access-token", "a-channel-secret"
BOT = "U" + "b" * 32
LINK_TOKEN = re.compile(r"/v2/bot/user/(U[0-9a-f]{32})/linkToken")
Answer = tuple[int, dict[str, Any]]


def user(number: int) -> str:
    """The id of an invented LINE user."""
    return f"U{number:032x}"


@dataclass(frozen=True)
class Asked:
    """A request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Platform:
    """What LINE knows. Everybody exists who is in `users`; who is in `blocked` gets nothing, and nobody hears of it."""

    url: str = ""
    users: set[str] = field(default_factory=lambda: {user(number) for number in range(40)})
    blocked: set[str] = field(default_factory=set)
    quota: int | None = None
    used: int = 0
    got: list[tuple[str, str]] = field(default_factory=list)  # (user, text), as they read it
    replied: list[tuple[str, str]] = field(default_factory=list)  # (reply token, text)
    asked: list[Asked] = field(default_factory=list)
    link_tokens: dict[str, str] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)  # retry key → the request that was taken
    script: deque[Answer | str] = field(default_factory=deque)  # said instead of the truth; see `_Handler`
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def settings(self) -> LineSettings:
        return LineSettings(access_token=TOKEN, base_url=self.url)

    @property
    def paths(self) -> list[str]:
        return [one.path for one in self.asked]

    def texts(self, to: str) -> list[str]:
        """What a user reads, in order."""
        return [text for one, text in self.got if one == to]

    def event(self, kind: str, who: str, at: datetime, **more: Any) -> dict[str, Any]:
        """One event of a webhook, about the user `who`."""
        return {
            "type": kind,
            "mode": "active",
            "timestamp": int(at.timestamp() * 1000),
            "source": {"type": "user", "userId": who},
            "webhookEventId": "01" + secrets.token_hex(12).upper(),
            "deliveryContext": {"isRedelivery": False},
            **more,
        }

    def follows(self, who: str, at: datetime, *, again: bool = False) -> dict[str, Any]:
        """The user adds our account as a friend, or unblocks it."""
        self.blocked.discard(who)
        return self.event("follow", who, at, replyToken=secrets.token_hex(16), follow={"isUnblocked": again})

    def blocks(self, who: str, at: datetime) -> dict[str, Any]:
        """The user blocks our account."""
        self.blocked.add(who)
        return self.event("unfollow", who, at)

    def says(self, who: str, text: str, at: datetime) -> dict[str, Any]:
        """The user writes to our account."""
        message = {"type": "text", "id": "468789577898262530", "text": text, "quoteToken": secrets.token_hex(8)}
        return self.event("message", who, at, replyToken=secrets.token_hex(16), message=message)

    def links(self, who: str, address: str, at: datetime) -> dict[str, Any]:
        """The user opens `address`, to which our page sent them. LINE looks whether the token is this very user's."""
        asked = parse_qs(urlsplit(address).query)
        rightful = self.link_tokens.pop(asked["linkToken"][0], None) == who
        link = {"result": "ok" if rightful else "failed", "nonce": asked["nonce"][0]}
        more = {"replyToken": secrets.token_hex(16)} if rightful else {}
        return self.event("accountLink", who, at, link=link, **more)

    def callback(self, *events: dict[str, Any]) -> tuple[bytes, str]:
        """The body and the signature with which LINE tells us of `events`."""
        body = json.dumps({"destination": BOT, "events": list(events)}, ensure_ascii=False).encode()
        signed = signature(SECRET, body)
        contract.check_callback(body, signed, secret=SECRET)
        return body, signed

    def answer(self, asked: Asked) -> tuple[Answer, dict[str, str]]:
        """What LINE does about a request."""
        request_id = secrets.token_hex(16)
        headers = {"X-Line-Request-Id": request_id}
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return (401, {"message": "Authentication failed. Confirm that the access token is valid."}), headers
        linked = LINK_TOKEN.fullmatch(asked.path)
        if asked.method == "POST" and linked:
            return self._link_token(linked[1]), headers
        match asked.method, asked.path:
            case "GET", "/v2/bot/message/quota":
                return (
                    200,
                    {"type": "none"} if self.quota is None else {"type": "limited", "value": self.quota},
                ), headers
            case "GET", "/v2/bot/message/quota/consumption":
                return (200, {"totalUsage": self.used}), headers
            case "POST", "/v2/bot/message/reply":
                self.replied.append((asked.body["replyToken"], asked.body["messages"][0]["text"]))
                return (200, {"sentMessages": [{"id": "461230966842064897"}]}), headers
            case "POST", "/v2/bot/message/push":
                return self._send(asked, [asked.body["to"]], request_id, headers)
            case "POST", "/v2/bot/message/multicast":
                return self._send(asked, asked.body["to"], request_id, headers)
        return (404, {"message": "Not found"}), headers

    def _link_token(self, who: str) -> Answer:
        if who not in self.users or who in self.blocked:
            return 404, {"message": "Not found"}
        token = secrets.token_urlsafe(24)
        self.link_tokens[token] = who
        return 200, {"linkToken": token}

    def _send(
        self, asked: Asked, to: list[str], request_id: str, headers: dict[str, str]
    ) -> tuple[Answer, dict[str, str]]:
        key = asked.headers.get("x-line-retry-key", "")
        if key in self.accepted:
            headers["X-Line-Accepted-Request-Id"] = self.accepted[key]
            return (409, {"message": "The retry key is already accepted"}), headers
        if any(not re.fullmatch(r"U[0-9a-f]{32}", one) for one in to):
            return (
                400,
                {"message": "The property, 'to', in the request body is invalid (line: -, column: -)"},
            ), headers
        if any(one not in self.users for one in to):
            return (400, {"message": "Failed to send messages"}), headers
        if self.quota is not None and self.used + len(to) > self.quota:
            return (429, {"message": "You have reached your monthly limit."}), headers
        self.accepted[key] = request_id
        reached = [one for one in to if one not in self.blocked]
        self.used += len(reached)
        self.got += [(one, asked.body["messages"][0]["text"]) for one in reached]
        sent: dict[str, Any] = {"sentMessages": [{"id": "461230966842064897"}]}
        return (200, sent if isinstance(asked.body["to"], str) else {}), headers


def _handler(platform: Platform) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """`script` may hold: an answer; `lost` (taken, and the answer never comes); `hang up` (neither)."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, json.loads(content) if content else None)
            with platform.lock:
                platform.asked.append(asked)
                scripted = platform.script.popleft() if platform.script else None
                if scripted == "hang up":
                    self.close_connection = True
                    return
                more: dict[str, str] = {}
                if isinstance(scripted, tuple):
                    answer = scripted
                else:
                    answer, more = platform.answer(asked)
                if scripted == "lost":
                    self.close_connection = True
                    return
            contract.check_exchange(asked.method, asked.path, asked.headers, asked.body, *answer)
            said = json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            for name, value in {**more, "Content-Type": "application/json", "Content-Length": str(len(said))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_args: Any) -> None:
            pass

    return Handler


@contextmanager
def a_platform() -> Iterator[Platform]:
    """LINE on a port of this machine. What broke the contract meanwhile is raised at the end."""
    platform = Platform()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(platform))
    server.daemon_threads = True
    platform.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    contract.broken.clear()
    try:
        yield platform
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert not contract.broken, contract.broken
