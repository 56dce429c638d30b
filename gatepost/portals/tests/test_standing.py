"""The pages that always stand: in every language, alike, and with what the law asks for."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse
from pytest_django import Settings

from gatepost.portals.public import standing
from gatepost.portals.tests.visits import text_of, visit
from tests import builders

TEXTS = Path(standing.__file__).parent.parent / "templates" / "public" / "texts"
PICTURES = TEXTS.parents[2] / "static" / "guide"
LANGUAGES = [code for code, _name in settings.LANGUAGES]
NAMES = sorted({path.name.removesuffix(".zh-hant.html") for path in TEXTS.glob("*.zh-hant.html")})
PAGES = ("introduction", "guide", "faq", "lost-card", "no-card", "privacy")
# What Articles 8 and 9 of the Personal Data Protection Act want said before anything is collected.
BY_LAW = ("who", "purpose", "categories", "period", "area", "recipients", "manner", "rights", "not-given")


def skeleton(name: str, language: str) -> list[str]:
    """What a text is made of, without its words: elements with their ids, links, pictures."""
    text = (TEXTS / f"{name}.{language}.html").read_text(encoding="utf-8")
    return re.findall(r"<[a-z0-9]+(?: id=\"[^\"]+\")?|{% (?:url \S+|picture \"[^\"]+\")", text)


def test_every_text_is_there_in_every_language_and_no_other() -> None:
    expected = {f"{name}.{language}.html" for name in NAMES for language in LANGUAGES}
    assert {path.name for path in TEXTS.iterdir()} == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_the_same_things(language: str) -> None:
    assert {name: skeleton(name, language) for name in NAMES} == {name: skeleton(name, "zh-hant") for name in NAMES}


@pytest.mark.django_db
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_read_in_the_readers_language_and_says_what_it_is(language: str) -> None:
    titles = set()
    for name in PAGES:
        page = text_of(visit(headers={"Accept-Language": language}).get(reverse(name)))
        assert f'<html lang="{language}">' in page
        described = re.search(r'<meta name="description" content="([^"]+)">', page)
        assert described, name
        titles.add(described[1])
        titles.add(re.findall(r"<title>(.+)</title>", page)[0])
    assert len(titles) == 2 * len(PAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_picture_of_the_guide_is_there_small_and_no_other(language: str) -> None:
    text = (TEXTS / f"guide.{language}.html").read_text(encoding="utf-8")
    named = {f"{name}.webp" for name in re.findall(r'{% picture "([^"]+)" "[^"]{10,}" %}', text)}
    there = {path.name: path for path in (PICTURES / language).iterdir()}
    assert set(there) == named
    assert [name for name, path in there.items() if not path.read_bytes().startswith(b"RIFF")] == []
    assert [name for name, path in there.items() if path.stat().st_size > 40_000] == []


@pytest.mark.django_db
def test_the_privacy_notice_says_what_the_law_asks_for_and_its_version() -> None:
    page = text_of(visit().get("/privacy/"))
    assert [point for point in BY_LAW if f'id="{point}"' not in page] == []
    assert "第 1 版" in page
    assert visit().get("/privacy/1/").status_code == 200
    assert visit().get("/privacy/99/").status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "heading"),
    [
        ("zh-hant", "資料由誰負責"),
        ("en", "Who answers for the data"),
        ("vi", "Ai chịu trách nhiệm về dữ liệu"),
        ("id", "Siapa yang bertanggung jawab atas data"),
    ],
)
def test_the_privacy_notice_names_who_answers_for_it_and_whom_to_ask(
    settings: Settings, language: str, heading: str
) -> None:
    settings.PRIVACY_BODY, settings.PRIVACY_CONTACT = "某市<教育局>", "privacy@city.example 02-5550-0100"
    page = text_of(visit().get("/privacy/", headers={"Accept-Language": language}))
    assert heading in page
    assert "某市&lt;教育局&gt;" in page
    assert 'href="mailto:privacy@city.example"' in page
    assert "02-5550-0100" in page


@pytest.mark.django_db
def test_a_notice_without_a_name_leaves_no_empty_heading(settings: Settings) -> None:
    settings.PRIVACY_BODY = settings.PRIVACY_CONTACT = ""
    assert "資料由誰負責" not in text_of(visit().get("/privacy/"))


def test_every_version_of_the_privacy_notice_is_kept() -> None:
    kept = {int(name.partition("-")[2]) for name in NAMES if name.startswith("privacy-")}
    assert kept == set(standing.PRIVACY_VERSIONS)


@pytest.mark.django_db
def test_the_foot_of_every_page_leads_to_the_standing_pages() -> None:
    names = (*PAGES, "school-chooser", "announcements", "status")
    mother = builders.a_guardian(builders.a_student(builders.a_class(builders.a_school())))
    pages = [text_of(visit().get(path)) for path in ("/", "/sign-in/", "/apply/", "/status/", "/questions/")]
    for page in [*pages, text_of(visit(mother).get("/family/"))]:
        foot = page.partition('<footer class="foot')[2]
        assert [name for name in names if f'href="{reverse(name)}"' not in foot] == []


@pytest.mark.django_db
def test_the_lost_card_page_leads_to_where_a_card_is_frozen() -> None:
    assert f'href="{reverse("family-cards")}"' in text_of(visit().get("/card-lost/"))


def test_search_engines_are_kept_from_what_asks_for_a_sign_in_and_from_nothing_else() -> None:
    closed = re.findall(r"^Disallow: (.+)$", text_of(visit().get("/robots.txt")), re.MULTILINE)
    open_to_all = [reverse(name) for name in (*PAGES, "front", "account_login", "school-chooser", "announcements")]
    assert [path for path in open_to_all if path.startswith(tuple(closed))] == []
    private = [reverse(name) for name in ("family", "schools", "bureau-today", "operator-health", "home")]
    assert [path for path in private if not path.startswith(tuple(closed))] == []
