"""A line of the log says what happened to which id, and nothing that belongs to a person."""

import io
import json
import logging
from collections.abc import Iterator
from types import SimpleNamespace

import psycopg
import pytest

from gatepost.kit.logs import JsonLine, PlainLine, request_id

PRIVATE = "wang@example.org"


class Written:
    """A logger with one of our forms, and what it wrote."""

    def __init__(self, form: logging.Formatter, name: str) -> None:
        self.stream = io.StringIO()
        self.log = logging.Logger(name, logging.DEBUG)
        handler = logging.StreamHandler(self.stream)
        handler.setFormatter(form)
        self.log.addHandler(handler)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def line(self) -> dict[str, object]:
        (line,) = self.text.splitlines()
        read: dict[str, object] = json.loads(line)
        return read


@pytest.fixture(params=[JsonLine, PlainLine])
def form(request: pytest.FixtureRequest) -> logging.Formatter:
    made: logging.Formatter = request.param()
    return made


@pytest.fixture
def numbered() -> Iterator[None]:
    token = request_id.set("5f3a")
    yield
    request_id.reset(token)


def test_our_line_becomes_an_event_with_fields(numbered: None) -> None:
    written = Written(JsonLine(), "gatepost.attendance.sweep")
    written.log.info("sweep held school=%d because=%s missing=%d", 7, "readers", 12)
    line = written.line
    assert line.pop("time")
    assert line == {
        "level": "INFO",
        "logger": "gatepost.attendance.sweep",
        "event": "sweep held",
        "school": 7,
        "because": "readers",
        "missing": 12,
        "request": "5f3a",
    }


def test_the_same_line_for_people(numbered: None) -> None:
    written = Written(PlainLine(), "gatepost.attendance.sweep")
    written.log.info("sweep held school=%d because=%s missing=%d", 7, "readers", 12)
    expected = "INFO gatepost.attendance.sweep sweep held school=7 because=readers missing=12 request=5f3a\n"
    assert written.text.endswith(expected)


def test_what_a_library_fills_in_is_left_out(form: logging.Formatter) -> None:
    written = Written(form, "somebody.elses")
    written.log.warning("could not send to %s", PRIVATE)
    assert PRIVATE not in written.text
    assert "could not send to" in written.text


def test_why_the_database_cannot_be_reached_is_kept(form: logging.Formatter) -> None:
    written = Written(form, "psycopg.pool")
    written.log.warning("error connecting in %r: %s", "pool-1", "connection refused")
    assert "connection refused" in written.text


def test_of_a_request_the_page_is_named_and_not_the_address(form: logging.Formatter) -> None:
    written = Written(form, "django.request")
    request = SimpleNamespace(method="GET", resolver_match=SimpleNamespace(view_name="unsubscribe"))
    secret = "/unsubscribe/secret-token/"
    written.log.warning("Not Found: %s", secret, extra={"request": request, "status_code": 404})
    assert "secret-token" not in written.text
    assert "unsubscribe" in written.text
    assert "404" in written.text


def test_of_an_error_the_kind_and_the_place_are_kept_and_not_the_text(form: logging.Formatter) -> None:
    written = Written(form, "gatepost.kit.worker")
    try:
        try:
            raise psycopg.errors.UniqueViolation(f"Key (email)=({PRIVATE}) already exists.")
        except psycopg.Error as error:
            raise RuntimeError(f"about {PRIVATE}") from error
    except RuntimeError:
        written.log.exception("loop failed name=%s", "mail")
    assert PRIVATE not in written.text
    assert "UniqueViolation 23505" in written.text
    assert "RuntimeError" in written.text
    assert "test_logs.py" in written.text


def test_nobody_writes_a_line_of_ours_by_what_they_send(form: logging.Formatter) -> None:
    written = Written(form, "gatepost.gates.http")
    written.log.info("asked what=%s", "x\n2026-11-23 CRITICAL gatepost all is lost\x1b[2J\u2028y")
    assert len(written.text.splitlines()) == 1
    assert "\x1b" not in written.text
