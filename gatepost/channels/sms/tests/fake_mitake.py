"""A Mitake of our own, which answers as its document says: the real one sends real messages."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass
class FakeMitake:
    """`sent`: ClientID → the seven fields. What it does with a number, its last digits say: 0000 is none of anybody's.

    `hang_up_after`: take the next request and break the connection without an answer. `down`: answer with this status.
    """

    sent: dict[str, list[str]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, list[str]], bytes]] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)
    hang_up_after: int = 0
    down: int = 200
    url: str = ""

    def bulk(self, query: dict[str, list[str]], body: bytes) -> str:
        if query["password"] != ["secret"]:
            return "statuscode=e\r\nError=帳號、密碼錯誤\r\n"
        lines = [line for line in body.decode("utf-8").split("\r\n") if line]
        if len(lines) > 500:
            return "statuscode=x\r\n"
        return "".join(self._take(line.split("$$")) for line in lines) + "AccountPoint=126\r\n"

    def _take(self, fields: list[str]) -> str:
        key, to = fields[0], fields[1]
        if to.endswith("0000"):
            return f"[{key}]\r\nstatuscode=v\r\n"
        again = "Duplicate=Y\r\n" if key in self.sent else ""
        self.sent.setdefault(key, fields)
        reference = f"{list(self.sent).index(key) + 1:010d}"
        self.statuses.setdefault(reference, "1")
        return f"[{key}]\r\nmsgid={reference}\r\nstatuscode=1\r\n{again}"

    def query(self, form: dict[str, list[str]]) -> str:
        asked = form["msgid"][0].split(",")
        known = [one for one in reversed(asked) if one in self.statuses]
        return "".join(f"{one}\t{self.statuses[one]}\t20261128073105\r\n" for one in known)


@contextmanager
def mitake() -> Iterator[FakeMitake]:
    """It listens on a port of this machine until the block ends."""
    fake = FakeMitake()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            query = parse_qs(parts.query)
            fake.requests.append((parts.path, query, body))
            is_bulk = parts.path.endswith("SmBulkSend")
            text = fake.bulk(query, body) if is_bulk else fake.query(parse_qs(body.decode()))
            if fake.hang_up_after:
                fake.hang_up_after -= 1
                self.connection.close()
                return
            self.send_response(fake.down)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Not of interest."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()
