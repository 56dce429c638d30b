"""The status of the service as families read it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from gatepost.attendance.models import Event
from gatepost.portals.public import condition
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.roster.models import School
from gatepost.watch import beats
from tests import builders
from tests.builders import at

pytestmark = pytest.mark.django_db

MANY = "讀卡機沒有訊號"


@pytest.fixture(autouse=True)
def nobody_has_looked() -> Iterator[None]:
    condition.kept.forget()
    yield
    condition.kept.forget()


@pytest.fixture
def school() -> School:
    """A school with school today and one reader that was just heard."""
    school = builders.a_school()
    builders.a_school_day(school)
    builders.a_reader(school, heard_at=NOW - timedelta(seconds=20))
    return school


def a_message_waits_since(clock: str) -> None:
    student = builders.a_student(builders.a_class(builders.a_school()))
    builders.a_guardian(student)
    builders.entered(student, Event.Side.IN, at(clock), now=at(clock))


def test_a_morning_on_which_everything_works(school: School) -> None:
    page = text_of(visit().get("/status/"))
    assert "一切正常。" in page
    assert MANY not in page
    assert "校門刷卡" in page
    assert "1 所學校" in page


def test_late_messages_are_told_with_since_when_there_and_on_the_front_page() -> None:
    a_message_waits_since("08:08:40")
    said = "通知約延遲 4 分鐘：最早的一則從 08:08 等到現在。"
    for path in ("/status/", "/"):
        assert said in text_of(visit().get(path)), path
    condition.kept.forget()
    assert said not in text_of(visit(now=at("08:09")).get("/")), "not yet late"


def test_a_worker_that_stands_still_is_told_and_that_nothing_is_lost() -> None:
    beats.beat("arrivals-0", every_seconds=1, now=at("07:40"))
    assert "07:40 起通知暫停寄送。紀錄不會遺失。" in text_of(visit().get("/status/"))


def test_schools_with_a_silent_reader_are_counted_and_not_named(school: School) -> None:
    deaf = builders.a_school(short_name="聽不見國小", name="聽不見國小")
    builders.a_school_day(deaf)
    builders.a_reader(deaf, heard_at=NOW - timedelta(minutes=10))
    page = text_of(visit().get("/status/"))
    assert f"有 1 所學校的{MANY}" in page
    assert "聽不見" not in page
    assert MANY not in text_of(visit().get("/")), "with hundreds of schools there is always one"


def test_a_reader_that_is_off_when_there_is_no_school_disturbs_nobody(school: School) -> None:
    assert MANY not in text_of(visit(now=at("21:00")).get("/status/"))
    condition.kept.forget()
    assert MANY not in text_of(visit(now=at("10:00") + timedelta(days=60)).get("/status/"))


def refuse(*_: Any) -> Any:
    raise OperationalError("the database is away")


@pytest.mark.parametrize("signed_in", [False, True])
def test_without_a_database_the_page_stands_and_says_so(signed_in: bool) -> None:
    browser = visit(builders.an_account() if signed_in else None)
    with connection.execute_wrapper(refuse):
        answer = browser.get("/status/", headers={"Accept-Language": "zh-Hant"})
    assert answer.status_code == 503
    assert "目前無法讀取資料" in text_of(answer)
    assert "刷卡紀錄不會遺失" in text_of(answer)


def test_a_rush_of_visitors_asks_the_tables_once(school: School) -> None:
    visit().get("/status/")
    with connection.execute_wrapper(refuse):
        assert visit().get("/status/").status_code == 200
        later = visit(now=NOW + timedelta(seconds=condition.KEPT_SECONDS))
        assert later.get("/status/").status_code == 503
