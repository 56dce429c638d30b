"""Codes exchanged for tokens, with the userinfo after it, a second: beside the library's own site as it comes."""

import base64
import hashlib
import itertools
import json
import os
import secrets
import subprocess
import sys
from datetime import timedelta

from bench.asking import Line, talks_a_second
from bench.figures import Figure, in_turn
from bench.stage import ROOT, Stage, free_port

PEOPLE = 400
A_RUN = 400
ROUNDS = 5
VERIFIER = secrets.token_urlsafe(40)
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
CALLBACK = "https://fees.example.org/callback"

REFERENCE = """
import sys
from gatepost.up.web import serve
serve('bench.toolkit:application', host='127.0.0.1', port=int(sys.argv[1]), workers=2)
"""


def figures(stage: Stage) -> list[Figure]:
    """Two web processes on both sides, the same PostgreSQL, PKCE, a confidential client, an RS256 ID token."""
    own = prepare(stage)
    other = _toolkit(stage)
    with (
        stage.process("-m", "gatepost", "web", "--port", str(own.port), "--workers", "2", port=own.port),
        stage.process("-c", REFERENCE, str(other.port), port=other.port, **other.environment),
    ):
        own.run(), other.run()  # plans and connections
        value, reference, ratio = in_turn(own.run, other.run, rounds=ROUNDS)
    return [
        Figure("exchange", value, "exchanges with userinfo/s", "django-oauth-toolkit alone", reference, ratio, 0.8, 1.0)
    ]


class Side:
    """One of the two: where it is, and how codes for it are made."""

    token, userinfo = "/sso/token", "/sso/userinfo"

    def __init__(self, client: dict[str, str]) -> None:
        self.port, self.made, self.environment = free_port(), itertools.count(0, A_RUN), dict[str, str]()
        proof = base64.b64encode(f"{client['id']}:{client['secret']}".encode()).decode()
        self.proof = {"Authorization": f"Basic {proof}"}

    def codes(self, start: int) -> list[str]:
        """`A_RUN` fresh ones."""
        from gatepost.sso.models import Grant, Service, ServiceSession

        sessions = list(ServiceSession.objects.order_by("pk"))
        service, made = Service.objects.get(), []
        from gatepost.kit.clock import utc_now

        for number in range(start, start + A_RUN):
            session = sessions[number % len(sessions)]
            made.append(
                Grant(
                    application=service,
                    user_id=session.account_id,
                    session=session,
                    code=f"code{number}",
                    expires=utc_now() + timedelta(hours=1),
                    redirect_uri=CALLBACK,
                    scope="openid profile",
                    code_challenge=CHALLENGE,
                    code_challenge_method="S256",
                    nonce="n",
                    claims="{}",
                )
            )
        Grant.objects.bulk_create(made)
        return [f"code{number}" for number in range(start, start + A_RUN)]

    def run(self) -> float:
        """Exchanges a second."""
        return talks_a_second(self.port, self.exchange, self.codes(next(self.made)))

    async def exchange(self, line: Line, code: str) -> None:
        """A code for tokens, and what the access token opens. Raises `RuntimeError` on anything but success."""
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        status, _head, body = await line.ask("POST", self.token, headers=self.proof, fields=fields)
        if status != 200:
            raise RuntimeError(f"a code was answered with {status} {body[:200]!r}")
        bearer = {"Authorization": f"Bearer {json.loads(body)['access_token']}"}
        status, _head, body = await line.ask("GET", self.userinfo, headers=bearer)
        if status != 200 or b'"sub"' not in body:
            raise RuntimeError(f"userinfo was answered with {status}")


class Toolkit(Side):
    """The library's own site."""

    token, userinfo = "/o/token/", "/o/userinfo/"

    def codes(self, start: int) -> list[str]:
        return list(_typed(self.environment, "codes", str(start), str(A_RUN), CHALLENGE))


def prepare(stage: Stage) -> Side:
    """People who are signed in and have given one service their name."""
    stage.fresh("bench_exchange")
    stage.use("bench_exchange")
    import django

    django.setup()
    from django.contrib.sessions.models import Session
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from gatepost.accounts.models import Account
    from gatepost.kit.clock import utc_now
    from gatepost.sso import keys, services
    from gatepost.sso.models import Consent, ServiceSession

    now = utc_now()
    keys.key_set(now)
    facts = services.Facts(
        name="學雜費",
        about="繳費。",
        reasons={"profile": "稱呼您。"},
        redirect_uris=[CALLBACK],
        answers_name="出納組",
        answers_email="fees@example.org",
    )
    service, secret = services.register(facts, by=None)
    people = [Account(email=f"person{number}@example.org", name="林淑芬") for number in range(PEOPLE)]
    Account.objects.bulk_create(people)
    ends = now + timedelta(days=1)
    Session.objects.bulk_create(Session(session_key=one.pk.hex, session_data="", expire_date=ends) for one in people)
    ServiceSession.objects.bulk_create(
        ServiceSession(
            service=service, account=one, session_key=one.pk.hex, signed_in_at=now, methods=["pwd"], opened_at=now
        )
        for one in people
    )
    Consent.objects.bulk_create(
        Consent(service=service, account=one, scopes=["openid", "profile"], given_at=now) for one in people
    )
    return Side({"id": service.client_id, "secret": secret})


def _toolkit(stage: Stage) -> Toolkit:
    from gatepost.sso.keys import new_pair

    pem = new_pair().export_to_pem(private_key=True, password=None).decode()
    environment = {"TOOLKIT_URL": stage.fresh("bench_toolkit"), "TOOLKIT_KEY": pem, "PYTHONPATH": str(ROOT)}
    environment["DJANGO_SETTINGS_MODULE"] = ""
    made = Toolkit(_typed(environment, "prepare", str(PEOPLE)))
    made.environment = environment
    return made


def _typed(environment: dict[str, str], *arguments: str) -> "dict[str, str]":
    command = [sys.executable, "-m", "bench.toolkit", *arguments]
    clean = {**os.environ, **environment}
    done = subprocess.run(command, env=clean, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]
