"""A morning, a sign-in and an import leave lines in the log, at every level, and nobody's name in any of them."""

import io
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import reverse

from gatepost.attendance import arrivals, sweep
from gatepost.gates.tests.conftest import Post, batch, tap
from gatepost.kit.logs import JsonLine, PlainLine
from gatepost.notify import sender
from gatepost.notify.mail import MailCarrier
from gatepost.portals.tests.visits import visit
from gatepost.roster.imports import run
from gatepost.roster.imports.plan import Request
from gatepost.roster.tests.conftest import NOW as SUMMER
from gatepost.roster.tests.packages import Package
from tests import builders
from tests.builders import at
from tests.conftest import Mailroom

pytestmark = pytest.mark.django_db(transaction=True)

CHILD, MOTHER = "葉奕廷", "葉芷涵"
PASSWORD, TYPED_PASSWORD = "harbour-and-kite-7", "kite-and-harbour-8"
ID_NUMBER, PHONE, EMAIL = "A123456789", "0912345678", "ye.mother@example.org"
CARD, ODD_CARD = "04A1B2C3", "0BADC0DE"


@pytest.fixture(params=[JsonLine, PlainLine])
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """Everything that anybody logs, down to DEBUG, in one of our forms."""
    stream, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(request.param())
    levels = {logger: logger.level for logger in (root, logging.getLogger("gatepost"), logging.getLogger("django"))}
    root.addHandler(handler)
    for logger in levels:
        logger.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    for logger, level in levels.items():
        logger.setLevel(level)


def test_no_line_holds_anything_of_a_person(
    written: io.StringIO, post: Post, carrier: MailCarrier, mailroom: Mailroom, tmp_path: Path
) -> None:
    school = builders.a_school()
    builders.a_school_day(school)
    student, other = (builders.a_student(builders.a_class(school, 2, number), CHILD) for number in (1, 2))
    account = builders.an_account(EMAIL, name=MOTHER, password=PASSWORD)
    builders.a_guardian(student, other, account=account)
    builders.a_card(student, CARD)
    _reader, key = builders.a_reader(school, heard_at=at("08:15"))
    _play(post, key, carrier, mailroom)
    session = _sign_in()
    _import(school.code, tmp_path)
    _break()
    text = written.getvalue()
    assert "refused" in text, "the morning left no line"
    assert "RuntimeError" in text, "the broken page left no line"
    secrets = [CHILD, MOTHER, EMAIL, PASSWORD, TYPED_PASSWORD, ID_NUMBER, PHONE, CARD, ODD_CARD, key, session, "沈"]
    secrets += ["ye.mother", key.removeprefix("gpr_"), "typed-token", "not here"]
    assert [secret for secret in secrets if secret in text] == []


def _play(post: Post, key: str, carrier: MailCarrier, mailroom: Mailroom) -> None:
    """Taps, known and unknown, lines that are none, a refused mail, and a child that nobody has seen."""
    post.now = at("08:12")
    lines = [tap(CARD, at=at("07:42")), tap(ODD_CARD, at=at("07:43")), tap(CHILD, at=at("07:43"))]
    assert post(key, batch(*lines, {"name": CHILD}, sent_at=post.now)).status_code == 200
    assert post("gpr_wrong", batch(sent_at=post.now)).status_code == 401
    assert post(key, content=CHILD.encode()).status_code == 400
    mailroom.script.answers["RCPT"] = f"550 5.1.1 <{EMAIL}> is not here"
    while arrivals.follow_taps(now=at("07:44")):
        pass
    while sender.send_due("email", carrier, now=at("07:45")):
        pass
    sweep.sweep_due(now=at("08:16"))
    sender.send_due("email", carrier, now=at("08:16") + timedelta(minutes=1))


def _sign_in() -> str:
    """Wrong, then right, then to pages that are and are not there. Returns the key of the session."""
    browser = visit()
    url = reverse("account_login")
    browser.post(url, {"login": EMAIL, "password": TYPED_PASSWORD})
    browser.post(url, {"login": EMAIL, "password": PASSWORD})
    session = browser.cookies["gatepost"].value
    browser.get("/family/")
    browser.get(f"/no/such/{CHILD}/?name={MOTHER}")
    browser.get("/unsubscribe/typed-token/")
    browser.get("/", headers={"Host": f"{ID_NUMBER}.example"})
    visit(enforce_csrf_checks=True).post(url, {"login": EMAIL, "password": PASSWORD})
    return str(session)


def _import(code: str, folder: Path) -> None:
    """A roster with a good row and a bad one."""
    package = Package()
    package.session()
    org = package.school(code)
    package.homeroom("c1", "2年01班", org=org)
    package.student("s1", "1001", "沈宥辰", org=org, class_="c1", id_number=ID_NUMBER, phone=PHONE)
    package.student("s2", "1002", "沈品妍", org=org, class_="none", id_number="A999999999", email="not here")
    path = package.write_zip(folder / "roster.zip")
    request = Request(path=path, now=SUMMER)
    run.look_through(request)
    run.take_over(request, skip_bad_lines=True, may_leave=2)


def _break() -> None:
    """A page fails with a name in its error, and a row that breaks a rule is quoted by PostgreSQL."""
    log = logging.getLogger("gatepost.portals")
    for fault in (RuntimeError(f"about {CHILD}"), ValueError(f"{ID_NUMBER} of {EMAIL}")):
        try:
            raise fault
        except (RuntimeError, ValueError):
            log.exception("page failed")
    try:
        builders.an_account(EMAIL, name=MOTHER)
    except Exception:
        log.exception("account not made")
