"""What stands where a page found no data."""

import json
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from gatepost.portals.tests.visits import text_of, visit
from tests import builders

pytestmark = pytest.mark.django_db

PAGE = {"Accept": "text/html,*/*;q=0.8"}
# As PostgreSQL names them: no room on the disk, too many connections, shutting down, took too long, writes nothing.
AWAY = ("53100", "53300", "57P01", "57014", "25006")
OURS = ("40P01", "23505", "22012")


def fails_with(sqlstate: str) -> Any:
    """Let PostgreSQL itself refuse the next question."""

    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        raising = f"DO $$ BEGIN RAISE EXCEPTION 'a secret of ours' USING ERRCODE = '{sqlstate}'; END $$"
        return execute(raising, None, many, context)

    return connection.execute_wrapper(refuse)


def asked(sqlstate: str, *, language: str = "zh-Hant", method: str = "get", **headers: str) -> Any:
    client = visit(raise_request_exception=False)
    with fails_with(sqlstate):
        return getattr(client, method)(reverse("announcements"), headers={"Accept-Language": language, **headers})


@pytest.mark.parametrize("sqlstate", AWAY)
def test_a_server_that_cannot_is_told_as_such_and_when_to_come_again(sqlstate: str) -> None:
    answer = asked(sqlstate, **PAGE)
    assert (answer.status_code, answer["Retry-After"], answer["Cache-Control"]) == (503, "60", "no-store")
    page = text_of(answer)
    assert "目前無法讀取資料" in page
    assert "刷卡紀錄不會遺失" in page
    assert "一分鐘" in page
    assert f'href="{reverse("status")}"' in answer.content.decode()
    assert "secret" not in page


@pytest.mark.parametrize("sqlstate", OURS)
def test_a_mistake_of_ours_is_not_blamed_on_the_database(sqlstate: str) -> None:
    answer = asked(sqlstate, **PAGE)
    assert answer.status_code == 500
    assert "Retry-After" not in answer
    assert "secret" not in text_of(answer)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Gatepost cannot read its data at the moment"),
        ("vi", "Gatepost tạm thời không đọc được dữ liệu"),
        ("id", "Gatepost saat ini tidak dapat membaca datanya"),
    ],
)
def test_it_speaks_the_visitors_language(language: str, said: str) -> None:
    assert said in text_of(asked(AWAY[0], language=language, **PAGE))


@pytest.mark.parametrize("accept", ["application/json", "*/*"])
def test_a_program_hears_a_problem_document(accept: str) -> None:
    answer = asked(AWAY[0], Accept=accept)
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
    assert (answer["Retry-After"], answer["Cache-Control"]) == ("60", "no-store")
    told = json.loads(answer.content)
    assert (told["status"], told["error"]) == (503, "temporarily_unavailable")
    assert "secret" not in answer.content.decode()


def test_what_was_sent_is_said_to_be_perhaps_unsaved_and_how_to_send_it_again() -> None:
    mother = builders.an_account()
    client = visit(mother, raise_request_exception=False)
    with fails_with(AWAY[0]):
        answer = client.post(reverse("set_language"), {"language": "vi"}, headers=PAGE)
    page = text_of(answer)
    assert answer.status_code == 503
    assert "可能沒有存到" in page
    assert "重新整理" in page
