"""Sign-ins with email and password a second, beside bare verifications of argon2 on the same cores."""

import itertools
import multiprocessing
import re
import time
from collections.abc import Iterator

from bench.asking import Line, talks_a_second
from bench.figures import Figure, in_turn
from bench.stage import Stage, free_port

ACCOUNTS = 2_000
A_RUN = 300
SECONDS = 5.0
PASSWORD = "gate-0742-opens"  # noqa: S105 - of nobody
WORKERS = 2


def figures(stage: Stage) -> list[Figure]:
    """Families that sign in, each from an address of its own; two web processes."""
    prepare(stage)
    from gatepost.accounts.passwords import Argon2id

    encoded = Argon2id().encode(PASSWORD, "saltsaltsaltsalt").removeprefix("argon2")
    port, people = free_port(), itertools.cycle(range(ACCOUNTS))
    with stage.process(
        "-m", "gatepost", "web", "--port", str(port), "--workers", str(WORKERS), port=port, GATEPOST_TRUSTED_PROXIES="1"
    ):

        def ours() -> float:
            return talks_a_second(port, sign_in, itertools.islice(people, A_RUN))

        ours()
        value, reference, ratio = in_turn(ours, lambda: verifications_a_second(encoded))
    return [Figure("signin", value, "sign-ins/s", "argon2 verifications alone, on both cores", reference, ratio)]


def prepare(stage: Stage) -> None:
    """Accounts with one password, of which only the digest's bytes are the same."""
    stage.fresh("bench_signin")
    stage.use("bench_signin")
    import django

    django.setup()
    from django.contrib.auth.hashers import make_password
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    from gatepost.accounts.models import Account

    digest = make_password(PASSWORD)
    Account.objects.bulk_create(
        Account(email=f"person{number}@example.org", name="林淑芬", password=digest) for number in range(ACCOUNTS)
    )
    connection.close()


async def sign_in(line: Line, number: int) -> None:
    """The page, and the form on it. Raises `RuntimeError` unless somebody is signed in."""
    whence = {
        "X-Forwarded-For": f"10.{number // 65536}.{number // 256 % 256}.{number % 256}",
        "Accept-Language": "zh-TW",
    }
    _status, head, body = await line.ask("GET", "/sign-in/", headers=whence)
    crumbs = "; ".join(re.findall(r"(?im)^set-cookie: ([^;]+)", head))
    found = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', body)
    fields = {
        "csrfmiddlewaretoken": found[1].decode() if found else "",
        "login": f"person{number}@example.org",
        "password": PASSWORD,
    }
    status, head, _body = await line.ask("POST", "/sign-in/", headers={**whence, "Cookie": crumbs}, fields=fields)
    if status != 302:
        raise RuntimeError(f"a sign-in was answered with {status}")


def verifications_a_second(encoded: str) -> float:
    """As many processes as serve the pages, and nothing but the password's digest."""
    fork = multiprocessing.get_context("fork")
    with fork.Pool(WORKERS) as pool:
        return sum(pool.map(_verified, [encoded] * WORKERS))


def _verified(encoded: str) -> float:
    from argon2 import PasswordHasher

    hasher, begin = PasswordHasher(), time.perf_counter()
    for done in _counted():
        hasher.verify(encoded, PASSWORD)
        if (took := time.perf_counter() - begin) > SECONDS:
            return done / took
    raise AssertionError("it counts without end")


def _counted() -> Iterator[int]:
    return itertools.count(1)
