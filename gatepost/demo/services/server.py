"""The two services over HTTP, on this machine alone."""

import errno
import signal
import sys
import threading
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from gatepost.demo.services import pages
from gatepost.demo.services.offers import HOST, OFFERS
from gatepost.demo.services.party import Failed, Party

BODY_BYTES_MAX = 20_000
QUIET_SECONDS_MAX = 20


def run(port: int, issuer: str) -> None:
    """Serve until SIGINT or SIGTERM. Ends the process with one line where the port is taken."""
    try:
        server = serving(port, issuer)
    except OSError as error:
        taken = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        sys.exit(f"Port {port} {taken}: set GATEPOST_SERVICES_PORT to another one.")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    sys.stdout.write(f"Services of the demonstration: http://{HOST}:{port}/\n")
    sys.stdout.flush()
    server.serve_forever()
    server.server_close()


def serving(port: int, issuer: str) -> ThreadingHTTPServer:
    """The server, listening; port 0 takes a free one."""
    server = ThreadingHTTPServer((HOST, port), Handler)
    server.daemon_threads = True
    taken = server.server_address[1]
    Handler.hosts = {f"{HOST}:{taken}", f"localhost:{taken}"}
    Handler.parties = {offer.path: Party(offer, port=taken, issuer=issuer) for offer in OFFERS}
    return server


class Handler(BaseHTTPRequestHandler):
    """One request. Addresses: /SERVICE/ and callback, sign-out, bye, logout under it."""

    parties: dict[str, Party]
    hosts: set[str]
    timeout = QUIET_SECONDS_MAX
    server_version, sys_version = "services", ""

    def do_GET(self) -> None:
        """A page, or the way to sign in."""
        party, page = self._asked()
        if party is None:
            return
        if page == "":
            self._home(party)
        elif page == "callback":
            self._callback(party)
        elif page == "bye":
            self._say(party, pages.said(party.offer, "已登出", "您已在這裡與 Gatepost 登出。"))
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """Sign out everywhere; or Gatepost tells that somebody did."""
        party, page = self._asked()
        if party is None:
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > BODY_BYTES_MAX:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        fields = dict(parse_qsl(self.rfile.read(int(length)).decode(errors="replace")))
        if page == "logout":
            self._told(party, fields.get("logout_token", ""))
        elif page == "sign-out" and self.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin":
            visit = party.forget(self._cookie(party, "visit"))
            self._lead(party.sign_out_address(visit) if visit else party.offer.address(party.port, "bye"))
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _home(self, party: Party) -> None:
        visit = party.visit(self._cookie(party, "visit"))
        if visit is not None:
            self._say(party, pages.known(party.offer, visit.claims))
            return
        try:
            address, state = party.begin()
        except Failed as failed:
            self._say(party, pages.said(party.offer, "目前無法登入", str(failed)), HTTPStatus.BAD_GATEWAY)
            return
        self._lead(address, self._setting(party, "state", state))

    def _callback(self, party: Party) -> None:
        answer = dict(parse_qsl(urlsplit(self.path).query))
        try:
            key = party.finish(answer, state=self._cookie(party, "state"))
        except Failed as failed:
            self._say(party, pages.said(party.offer, "沒有登入", str(failed)), HTTPStatus.BAD_REQUEST)
            return
        self._lead(party.offer.address(party.port), self._setting(party, "visit", key))

    def _told(self, party: Party, token: str) -> None:
        try:
            party.told(token)
        except Failed:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        self._answer(HTTPStatus.NO_CONTENT, {})

    def _asked(self) -> tuple[Party | None, str]:
        """The service and its page; answers itself where there is none. Other names would be of another site."""
        _, _, rest = urlsplit(self.path).path.partition("/")
        name, _, page = rest.partition("/")
        party = self.parties.get(name)
        if self.headers.get("Host") not in self.hosts or party is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return None, ""
        return party, page

    def _cookie(self, party: Party, what: str) -> str:
        try:
            found = SimpleCookie(self.headers.get("Cookie", "")).get(f"{party.offer.path}-{what}")
        except CookieError:
            return ""
        return found.value if found else ""

    def _setting(self, party: Party, what: str, value: str) -> dict[str, str]:
        name = f"{party.offer.path}-{what}"
        return {"Set-Cookie": f"{name}={value}; Path=/{party.offer.path}/; HttpOnly; SameSite=Lax"}

    def _lead(self, address: str, headers: dict[str, str] | None = None) -> None:
        self._answer(HTTPStatus.SEE_OTHER, {"Location": address, **(headers or {})})

    def _say(self, party: Party, page: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": pages.policy(party.offer)}
        self._answer(status, headers, page.encode())

    def _answer(self, status: HTTPStatus, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        fixed = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Length": str(len(body))}
        for name, value in {**fixed, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Nothing: codes stand in the addresses."""
