"""The review of applications with 10,000 in the queue of one school: how long each of its pages takes."""

import itertools
import time
from datetime import date, timedelta
from http.client import HTTPConnection
from typing import Any

from bench.figures import Figure
from bench.stage import Stage, free_port

WAITING = 10_000
ASKED = 40  # times each page
CODE = "990001"
EVERY_DIFFERENT, EVERY_WITH_DOCUMENT, EVERY_RESTRICTED = 3, 50, 100  # one in so many


def figures(stage: Stage) -> list[Figure]:
    """The 95th percentile of every page of the review, in milliseconds, one after the other in one browser."""
    cookie = prepare(stage)
    port = free_port()
    with stage.process("-m", "gatepost", "web", "--port", str(port), "--workers", "1", port=port):
        return [
            Figure(f"review_{name}", _p95(port, path, cookie), "ms", must=200, lower_is_better=True)
            for name, path in _pages().items()
        ]


def _pages() -> dict[str, str]:
    from gatepost.guardians.applications.models import Application

    queue = f"/schools/{CODE}/applications/"
    newest = Application.objects.latest("submitted_at")
    return {
        "queue": queue,
        "last_page": f"{queue}?page={WAITING // 50}",
        "late": f"{queue}?only=late",
        "documents": f"{queue}?only=document",
        "second_look": f"{queue}?only=second",
        "search": f"{queue}?q=生{WAITING // 2}號",
        "search_nothing": f"{queue}?q=沒有這個人",
        "exact": f"{queue}exact/",
        "one": f"{queue}{newest.pk}/",
        "return": f"{queue}{newest.pk}/return/",
    }


def _p95(port: int, path: str, cookie: str) -> float:
    from urllib.parse import quote

    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    waits = []
    for turn in range(ASKED + 3):
        begin = time.perf_counter()
        connection.request("GET", quote(path, safe="/?=&"), headers={"Cookie": cookie, "Accept-Language": "zh-TW"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} was answered with {answer.status}")
        if turn >= 3:  # the first ones make plans and connections
            waits.append(1000 * (time.perf_counter() - begin))
    connection.close()
    return sorted(waits)[int(len(waits) * 0.95)]


def prepare(stage: Stage) -> str:
    """A school where 10,000 families have applied; the cookie of its registrar."""
    stage.fresh("bench_review")
    stage.use("bench_review")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    from gatepost.kit.clock import utc_now
    from gatepost.roster.models import District, School

    district = District.objects.create(code="35", name="中正區", name_en="Zhongzheng", postal_code="100")
    school = School.objects.create(
        code=CODE, name="試驗國小", short_name="試驗國小", district=district, level="elementary", opened_at=utc_now()
    )
    _families(school, now=utc_now())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return _registrar(school)


def _families(school: Any, *, now: Any) -> None:
    from django.conf import settings

    from gatepost.guardians.applications.models import Applicant, Application, Desk
    from gatepost.guardians.models import Restriction
    from gatepost.roster.identity_numbers import invented
    from gatepost.roster.models import GuardianRecord, SchoolClass, SchoolYear, Student

    Desk.objects.create(school=school)
    year = SchoolYear.objects.create(year=115, starts_on=date(2026, 8, 1), ends_on=date(2027, 7, 31))
    school_class = SchoolClass.objects.create(
        school=school, school_year=year, stage="elementary", grade=1, number=1, name="1年01班"
    )
    students = [
        Student(
            school=school, number=f"{n:06d}", name=f"生{n}號", stage="elementary", grade=1, school_class=school_class
        )
        for n in range(WAITING)
    ]
    Student.objects.bulk_create(students)
    applications, applicants, records = [], [], []
    for n, student in enumerate(students):
        at = now - timedelta(minutes=n)
        kind = "other" if n % EVERY_WITH_DOCUMENT == 1 else "parents"
        application = Application(student=student, kind=kind, opened_at=at, data_confirmed_at=at, submitted_at=at)
        applications.append(application)
        for position in (1, 2)[: 1 if kind == "other" else 2]:
            number, relation = invented(2 * n + position), {1: "mother_son", 2: "father_son"}[position]
            name, email = f"親{n}之{position}", f"parent{n}-{position}@example.org"
            applicant = Applicant(
                application=application, position=position, name=name, relation=relation, mobile="0912345678",
                email=email, email_proven_at=at,
            )  # fmt: skip
            record = GuardianRecord(
                student=student, position=position, name="另一個人" if n % EVERY_DIFFERENT == 0 else name,
                relation={1: "母子", 2: "父子"}[position], mobile="0912345678", email=email,
            )  # fmt: skip
            for row in (applicant, record):
                row.seal_id_number(number, settings.KEY_RING)
            applicants.append(applicant)
            records.append(record)
    Application.objects.bulk_create(applications)
    Applicant.objects.bulk_create(applicants)
    GuardianRecord.objects.bulk_create(records)
    cut = itertools.islice(students, 0, None, EVERY_RESTRICTED)
    Restriction.objects.bulk_create(
        [Restriction(student=student, person_digest=bytes(32), placed_at=now, document="1") for student in cut]
    )


def _registrar(school: Any) -> str:
    from allauth.mfa.models import Authenticator
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    from gatepost.access.models import Role
    from gatepost.accounts import second_factor
    from gatepost.accounts.models import Account
    from gatepost.accounts.sessions import SessionStore

    account = Account.objects.create_user("registrar@example.org", "the-gate-opens-at-7", name="註冊組")
    Role.objects.create(account=account, name="registrar", school=school)
    data = {"secret": "", "last_used_step": 0}
    factor = Authenticator.objects.create(user=account, type=Authenticator.Type.TOTP, data=data)
    session = SessionStore()
    second_factor.remember(session, factor.pk)
    session[SESSION_KEY] = str(account.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[1]
    session[HASH_SESSION_KEY] = account.get_session_auth_hash()
    session.create()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"
