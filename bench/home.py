"""The guardian's home page in a city with a year behind it, beside a Django page with one query."""

import asyncio
import itertools
import time

import psycopg

from bench import city
from bench.city import City
from bench.figures import Figure, in_turn
from bench.stage import ROOT, Stage, free_port, today

GUARDIANS = 400
CONNECTIONS = 8
SECONDS = 8.0
PACED_PER_SECOND = 100
PACED_SECONDS = 20.0

REFERENCE = """
import sys
from gatepost.up.web import serve
serve('bench.page:application', host='127.0.0.1', port=int(sys.argv[1]), workers=2)
"""


def figures(stage: Stage) -> list[Figure]:
    """Requests a second of many signed-in guardians, and the 99th percentile at a hundred a second."""
    return figures_at(stage, City())


def figures_at(stage: Stage, where: City, *, rounds: int = 3, paced: bool = True) -> list[Figure]:
    """The same in a city of any size. Two web processes on both sides."""
    url = city.ready(stage, where, today=today())
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_ARRIVED, {"day": today()})
        connection.execute("ANALYZE attendance_day")
    cookies = sign_in(where)
    port, other = free_port(), free_port()
    with (
        stage.process("-m", "gatepost", "web", "--port", str(port), "--workers", "2", port=port),
        stage.process("-c", REFERENCE, str(other), port=other, PYTHONPATH=str(ROOT), DJANGO_SETTINGS_MODULE=""),
    ):

        def ours() -> float:
            return len(ask(port, "/family/", cookies, seconds=SECONDS)) / SECONDS

        def plain() -> float:
            return len(ask(other, "/page", [""], seconds=SECONDS)) / SECONDS

        ask(port, "/family/", cookies, seconds=2)
        value, reference, ratio = in_turn(ours, plain, rounds=rounds)
        rows = [Figure("home", value, "pages/s", "a Django page with one query", reference, ratio, 0.5)]
        if paced:
            waits = sorted(ask(port, "/family/", cookies, seconds=PACED_SECONDS, per_second=PACED_PER_SECOND))
            p99 = 1000 * waits[int(len(waits) * 0.99)]
            rows.append(Figure("home_p99", p99, "ms at 100/s", must=150, lower_is_better=True))
    return rows


def sign_in(where: City) -> list[str]:
    """The cookies of guardians who are signed in, spread over the city."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from gatepost.accounts.models import Account

    step = max(1, where.students // GUARDIANS)
    emails = [f"guardian{student - student % 5}-0@example.org" for student in range(0, where.students, step)]
    cookies = []
    for account in Account.objects.filter(email__in=emails):
        session = SessionStore()
        session[SESSION_KEY] = str(account.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[1]
        session[HASH_SESSION_KEY] = account.get_session_auth_hash()
        session.create()
        cookies.append(f"{settings.SESSION_COOKIE_NAME}={session.session_key}")
    return cookies


def ask(port: int, path: str, cookies: list[str], *, seconds: float, per_second: float = 0) -> list[float]:
    """Ask for the page as another guardian each time; how long each answer took, in seconds.

    As fast as a few connections are answered, or `per_second`, however long the answers take. Raises `RuntimeError` on
    anything but a page.
    """
    return asyncio.run(_ask(port, path, cookies, seconds=seconds, per_second=per_second))


async def _ask(port: int, path: str, cookies: list[str], *, seconds: float, per_second: float) -> list[float]:
    begin = time.monotonic()
    turns = itertools.count()
    cycle = itertools.cycle(cookies)
    waits: list[float] = []
    lanes = 4 * CONNECTIONS if per_second else CONNECTIONS

    async def lane() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for turn in turns:
            due = begin + turn / per_second if per_second else time.monotonic()
            if due - begin >= seconds:
                break
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            writer.write(_request(path, next(cycle)))
            await _page(reader)
            waits.append(time.monotonic() - due)
        writer.close()

    await asyncio.gather(*(lane() for _ in range(lanes)))
    return waits


def _request(path: str, cookie: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\nAccept-Language: zh-TW\r\n\r\n".encode()


async def _page(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    at = lower.find(b"content-length:")
    if head[9:12] != b"200" or at < 0:
        raise RuntimeError(f"answered with {head[:60]!r}")
    await reader.readexactly(int(lower[at + 15 :].split(b"\r\n", 1)[0]))


_ARRIVED = """
INSERT INTO attendance_day (school_id, date, student_id, arrived_at, arrived_event_id, seen_at)
SELECT school, %(day)s, id, now(), serial, now() FROM bench_student WHERE serial %% 40 <> 7
"""
