"""The database is away, takes no more connections or writes nothing: pages say so, and when to come again."""

import http.client
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from email.message import Message

import pytest
from django.conf import settings
from django.test import Client

from tests import builders
from tests.faults.ground import Ground
from tests.faults.test_database_trouble import read_only, restarted, without_connections

BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}
CANNOT = "目前無法讀取資料"
PERHAPS_UNSAVED = "可能沒有存到"
INTERNAL = ("psycopg", "Traceback", "OperationalError", "PGSQL", "postgres")


TOKEN = "a" * 32


@pytest.mark.parametrize("ground", [{"max_connections": "20"}], indirect=True)
def test_a_page_without_data_says_so_and_afterwards_it_is_there(ground: Ground) -> None:
    signed_in = {**BROWSER, "Cookie": f"{a_session()}; {settings.CSRF_COOKIE_NAME}={TOKEN}", "X-CSRFToken": TOKEN}
    program = {"Accept": "application/json"}
    web = ground.web()
    for trouble, read in ((restarted, 503), (without_connections, 503), (read_only, 200)):
        assert ask(web.port, "/family/", signed_in)[0] == 200
        with trouble(ground), ThreadPoolExecutor(3) as together:
            # One of them finds the connection cut on which a page was read before; the others get none.
            sent = together.submit(ask, web.port, "/language/", signed_in, "POST", "language=zh-hant")
            page = together.submit(ask, web.port, "/family/", signed_in)
            service = together.submit(ask, web.port, "/sso/userinfo", {**program, "Authorization": "Bearer 1"})
        for status, headers, text in (sent.result(), *([page.result(), service.result()] if read == 503 else [])):
            assert (status, headers["Retry-After"], headers["Cache-Control"]) == (503, "60", "no-store"), trouble
            assert not [word for word in INTERNAL if word in text], trouble
        assert CANNOT in sent.result()[2]
        assert PERHAPS_UNSAVED in sent.result()[2]
        assert page.result()[0] == read
        assert service.result()[0] == (503 if read == 503 else 401)
    assert ask(web.port, "/family/", signed_in)[0] == 200


def a_session() -> str:
    """The cookie of a guardian who is signed in."""
    client = Client()
    client.force_login(builders.a_guardian(builders.a_student(builders.a_class(builders.a_school()))))
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def ask(
    port: int, path: str, headers: Mapping[str, str], method: str = "GET", body: str = ""
) -> tuple[int, Message, str]:
    talk = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    talk.request(method, path, body or None, {**headers, **form})
    answer = talk.getresponse()
    said = answer.status, answer.headers, answer.read().decode()
    talk.close()
    return said
