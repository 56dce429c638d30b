"""Taipei Pass as the city's own applications see it: authorize, token, user, logout."""

import secrets
import threading
import time
from html import escape
from urllib.parse import urlencode

from gatepost.demo.identities.people import PEOPLE, Person
from gatepost.demo.identities.server import Call, Reply, page, sent_to, told

BASE = "/tpcd"
CODE_SECONDS = 60
TOKEN_SECONDS = 3_600
KEPT_MOST = 1_000


class TaipeiPass:
    """One registered application. `back`: where its people return to, agreed beforehand."""

    def __init__(self, *, client_id: str, client_secret: str, back: str) -> None:
        self._client = (client_id, client_secret)
        self._back = back
        self._lock = threading.Lock()
        self._codes: dict[str, tuple[Person, float]] = {}
        self._tokens: dict[str, tuple[Person, float]] = {}

    def answer(self, call: Call) -> Reply | None:
        """As `Simulator` says."""
        routes = {
            ("GET", f"{BASE}/oauth2/authorize"): self._ask,
            ("POST", f"{BASE}/decide"): self._decide,
            ("POST", f"{BASE}/oauth/token"): self._token,
            ("GET", f"{BASE}/api/v1.0.9/user/my"): self._user,
            ("POST", f"{BASE}/oauth/logout"): self._logout,
        }
        route = routes.get((call.method, call.path))
        return route(call) if route else None

    def code_for(self, person: Person) -> str:
        """What the browser of `person` brings back once they have said yes."""
        return self._keep(self._codes, person, CODE_SECONDS)

    def _ask(self, call: Call) -> Reply:
        if call.fields.get("client_id") != self._client[0] or call.fields.get("response_type") != "code":
            return Reply(b"Unknown application.", 400)
        state = f'<input type="hidden" name="state" value="{escape(call.fields.get("state", ""))}">'
        people = "".join(_button(one, first=at == 0) for at, one in enumerate(PEOPLE.values()))
        no = '<button name="person" value="">取消 Cancel</button>'
        return page("台北通 Taipei Pass", f'<form method="post" action="{BASE}/decide">{state}{people}{no}</form>')

    def _decide(self, call: Call) -> Reply:
        person = PEOPLE.get(call.fields.get("person", ""))
        answer = {"code": self.code_for(person)} if person else {"error": "access_denied"}
        return sent_to(f"{self._back}?{urlencode({**answer, 'state': call.fields.get('state', '')})}")

    def _token(self, call: Call) -> Reply:
        if (call.fields.get("client_id"), call.fields.get("client_secret")) != self._client:
            return _error("invalid_client", "The application is not known.", status=401)
        person = self._taken(self._codes, call.fields.get("code", ""))
        if call.fields.get("grant_type") != "authorization_code" or person is None:
            return _error("invalid_grant", "The code is unknown, was used, or is too old.")
        token = self._keep(self._tokens, person, TOKEN_SECONDS)
        more = {"token_type": "bearer", "expires_in": TOKEN_SECONDS, "refresh_token": secrets.token_urlsafe(24)}
        return told({"access_token": token, **more, "scope": "user"})

    def _user(self, call: Call) -> Reply:
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        found = self._tokens.get(token)
        if found is None or found[1] < time.monotonic():
            return told({"status": "401", "data": None}, status=401)
        person = found[0]
        data = {"id": f"tp-{person.key}", "account": person.key, "idNo": person.number, "verifyLevel": person.level}
        return told({"status": "200", "data": data})

    def _logout(self, call: Call) -> Reply:
        self._tokens.pop(call.headers.get("authorization", "").removeprefix("Bearer "), None)
        return told({"status": "200"})

    def _keep(self, where: dict[str, tuple[Person, float]], person: Person, seconds: float) -> str:
        word = secrets.token_urlsafe(24)
        with self._lock:
            while len(where) >= KEPT_MOST:
                where.pop(next(iter(where)))
            where[word] = (person, time.monotonic() + seconds)
        return word

    def _taken(self, where: dict[str, tuple[Person, float]], word: str) -> Person | None:
        with self._lock:
            found = where.pop(word, None)
        return found[0] if found and found[1] >= time.monotonic() else None


def _button(person: Person, *, first: bool) -> str:
    kind = ' class="first"' if first else ""
    words = f"{escape(person.name)}<small>{escape(person.says)}</small>"
    return f'<button name="person" value="{person.key}"{kind}>{words}</button>'


def _error(code: str, words: str, *, status: int = 400) -> Reply:
    return told({"error": code, "error_description": words}, status=status)
