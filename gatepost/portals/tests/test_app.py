"""Gatepost as an app: what a phone installs, and for whom it may keep anything."""

import json

import pytest
from django.test import Client

from gatepost.attendance.models import Event
from gatepost.guardians.restrictions import restrict
from gatepost.portals.app.kept import HEADER
from gatepost.portals.tests.visits import NOW, text_of, visit
from tests import builders
from tests.builders import at

pytestmark = pytest.mark.django_db

OPENED = {"Sec-Fetch-Mode": "navigate"}


def mark_of(client: Client, path: str = "/family/settings/") -> str | None:
    found: str | None = client.get(path, headers=OPENED).headers.get(HEADER)
    return found


@pytest.mark.parametrize(
    ("language", "name"), [("zh-hant", "校門口"), ("en", "Gatepost"), ("vi", "Gatepost"), ("id", "Gatepost")]
)
def test_the_app_is_named_in_the_readers_language(language: str, name: str) -> None:
    answer = visit().get("/manifest.webmanifest", headers={"Accept-Language": language})
    assert answer.headers["Content-Type"] == "application/manifest+json"
    manifest = json.loads(answer.content)
    assert manifest["name"].startswith(name)
    assert (manifest["start_url"], manifest["scope"], manifest["display"]) == ("/home/", "/", "standalone")
    for icon in manifest["icons"]:
        assert visit().get(icon["src"]).status_code == 200, icon


def test_the_worker_keeps_only_what_names_nobody() -> None:
    mother = builders.a_guardian(
        builders.a_student(builders.a_class(builders.a_school())), account=builders.an_account(name="林淑芬")
    )
    worker = text_of(visit(mother).get("/worker.js"))
    assert "no-cache" in visit().get("/worker.js").headers["Cache-Control"]
    assert "/family/" not in worker
    assert "林淑芬" not in text_of(visit(mother).get("/offline/"))


def test_what_is_kept_is_in_the_past_tense_with_its_moment() -> None:
    child = builders.a_student(builders.a_class(builders.a_school()))
    builders.a_school_day(child.school)
    builders.entered(child, Event.Side.IN, at("07:42"))
    page = text_of(visit(builders.a_guardian(child)).get("/family/"))
    kept = page[page.index('<template id="keep"') : page.index("</template>")]
    assert f"{NOW.astimezone(builders.at('00:00').tzinfo):%H:%M}" in kept
    assert "當時已於 07:42 到校" in kept


class TestForWhom:
    def test_a_page_says_it_to_who_opened_it(self) -> None:
        mother = visit(builders.a_guardian(builders.a_student(builders.a_class(builders.a_school()))))
        assert mark_of(mother)
        assert mark_of(mother) == mark_of(mother, "/family/")
        assert str(mark_of(mother)) in text_of(mother.get("/family/"))
        assert HEADER not in mother.get("/family/").headers  # what no browser opened

    def test_nobody_signed_in_is_nobody(self) -> None:
        assert mark_of(visit(), "/") is None

    def test_another_session_is_somebody_else(self) -> None:
        mother = builders.a_guardian(builders.a_student(builders.a_class(builders.a_school())))
        assert mark_of(visit(mother)) != mark_of(visit(mother))

    def test_a_child_less_is_somebody_else_at_the_next_page(self) -> None:
        ming, hua = (
            builders.a_student(builders.a_class(builders.a_school())),
            builders.a_student(builders.a_class(builders.a_school())),
        )
        account = builders.a_guardian(ming, hua)
        mother = visit(account)
        before = mark_of(mother)
        restrict(account.pk, ming, by=None, now=NOW)
        assert mark_of(mother) not in (before, None)
