"""Every answer tells the browser to be careful: pages of every address, errors, static files, the admin's tables."""

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from gatepost.portals.tests.test_doors import City, addresses, city
from gatepost.portals.tests.visits import text_of, visit
from tests import builders

__all__ = ["city"]

pytestmark = pytest.mark.django_db

EXPECTED = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


def faults(response: HttpResponse) -> list[str]:
    """What is missing from, or too much in, the headers of an answer."""
    headers = response.headers
    found = [f"{name}: {headers.get(name)}" for name, value in EXPECTED.items() if headers.get(name) != value]
    policy = {part.strip() for part in headers.get("Content-Security-Policy", "").split(";")}
    found += [f"policy without {part}" for part in POLICY.split("; ") if part not in policy]
    found += ["unsafe policy"] if "unsafe" in headers.get("Content-Security-Policy", "") else []
    found += [f"no {name}" for name in ("Permissions-Policy", "Cache-Control", "X-Request-Id") if name not in headers]
    # Asking an old browser to filter scripts does more harm than good; who serves is nobody's business.
    found += [name for name in ("X-XSS-Protection", "X-Powered-By") if name in headers]
    found += ["says what serves"] if headers.get("Server") != "gatepost" else []
    # Over http the promise to come back by https only would lock a demonstration out.
    found += ["HSTS over http"] if "Strict-Transport-Security" in headers else []
    return found


@pytest.mark.parametrize("who", ["anonymous", "guardian", "teacher", "office", "bureau", "operator"])
def test_every_address_answers_with_them_whatever_it_answers(city: City, who: str) -> None:
    client = visit(city.people[who])
    for name, pattern in addresses():
        url = reverse(name, kwargs={key: city.arguments[key] for key in pattern.pattern.converters})
        response = client.get(url) if name != "account_logout" else client.head(url)
        assert faults(response) == [], (name, response.status_code)


@pytest.mark.parametrize("who", ["guardian", "teacher", "office", "bureau", "operator"])
def test_a_page_of_somebody_signed_in_is_kept_by_no_browser(city: City, who: str) -> None:
    client = visit(city.people[who])
    for name in ("home", "front", "announcements", "family", "operator-health"):
        assert client.get(reverse(name)).headers["Cache-Control"] == "no-store", name


def test_signing_in_is_kept_by_no_browser() -> None:
    mother = builders.an_account("mother@example.org", password="a long enough one 7")
    answer = visit().post(reverse("account_login"), {"login": mother.email, "password": "a long enough one 7"})
    assert answer.status_code == 302
    assert "no-store" in answer.headers["Cache-Control"]


class TestErrors:
    def test_an_address_that_is_none(self) -> None:
        answer = visit().get("/no/such/page/")
        assert (answer.status_code, faults(answer)) == (404, [])

    def test_a_page_for_others(self) -> None:
        answer = visit(builders.an_account()).get(reverse("bureau-today"))
        assert (answer.status_code, faults(answer)) == (403, [])

    def test_a_form_without_its_token(self) -> None:
        answer = visit(builders.an_account(), enforce_csrf_checks=True).post(reverse("address-new"))
        assert (answer.status_code, faults(answer)) == (403, [])

    def test_a_method_that_is_not_there(self) -> None:
        answer = visit().delete("/healthz")
        assert (answer.status_code, faults(answer)) == (405, [])

    def test_a_fault_of_ours(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(**_kwargs: object) -> None:
            raise RuntimeError("王小明 A123456789")

        monkeypatch.setattr("gatepost.announcements.queries.published", broken)
        client = visit()
        client.raise_request_exception = False
        answer = client.get("/")
        assert (answer.status_code, faults(answer)) == (500, [])
        assert "王小明" not in text_of(answer)
        assert "RuntimeError" not in text_of(answer)

    @pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost:80@evil.example", "a b", ""])
    def test_a_host_that_is_not_ours(self, host: str) -> None:
        answer = visit().get("/", headers={"Host": host})
        assert (answer.status_code, faults(answer)) == (400, [])
        assert "evil" not in text_of(answer)


@pytest.mark.parametrize("path", ["gatepost/gatepost.css", "gatepost/favicon.svg", "admin/css/base.css", "no/such.css"])
def test_static_files_have_them_too(path: str) -> None:
    answer = visit().get(f"/static/{path}")
    assert faults(answer) == []


@pytest.mark.parametrize(
    "name", ["admin:index", "admin:accounts_account_changelist", "admin:roster_student_changelist"]
)
def test_the_operators_tables_have_them_too(name: str) -> None:
    answer = visit(builders.a_role("operator")).get(reverse(name))
    assert (answer.status_code, faults(answer)) == (200, [])
    assert "no-store" in answer.headers["Cache-Control"]


class TestCookies:
    """Over http, as in a demonstration; over https see `tests/test_wire.py`."""

    def test_no_script_reads_them_and_no_other_site_sends_them(self) -> None:
        mother = builders.an_account("mother@example.org", password="a long enough one 7")
        client = Client()
        client.get(reverse("account_login"))
        client.post(reverse("account_login"), {"login": mother.email, "password": "a long enough one 7"})
        client.post(reverse("set_language"), {"language": "vi"})
        assert set(client.cookies) == {"gatepost", "gatepost-csrf", "gatepost-language", "gatepost-known"}
        for name, cookie in client.cookies.items():
            assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/"), name
            assert not cookie["domain"]

    def test_signing_in_gives_a_session_a_new_number(self) -> None:
        mother = builders.an_account("mother@example.org", password="a long enough one 7")
        client = Client()
        client.cookies["gatepost"] = planted = "a" * 32
        client.post(reverse("account_login"), {"login": mother.email, "password": "a long enough one 7"})
        first = client.cookies["gatepost"].value
        assert first not in {planted, ""}
        client.post(reverse("account_logout"))
        client.cookies["gatepost"] = first
        assert client.get(reverse("home")).headers["Location"].startswith(reverse("account_login"))


class TestWhereItSends:
    STRANGE = (
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "https:evil.example",
        "javascript:alert(1)",
    )

    @pytest.mark.parametrize("aim", STRANGE)
    def test_signing_in_leads_to_no_other_site(self, aim: str) -> None:
        mother = builders.an_account("mother@example.org", password="a long enough one 7")
        form = {"login": mother.email, "password": "a long enough one 7", "next": aim}
        answer = visit().post(reverse("account_login"), form)
        assert (answer.status_code, answer.headers["Location"]) == (302, reverse("home"))

    @pytest.mark.parametrize("aim", STRANGE)
    def test_choosing_a_language_leads_to_no_other_site(self, aim: str) -> None:
        answer = visit().post(reverse("set_language"), {"language": "vi", "next": aim})
        assert answer.status_code == 302
        assert "evil" not in answer.headers["Location"]
        assert "javascript" not in answer.headers["Location"]

    def test_a_page_of_ours_is_gone_back_to(self) -> None:
        mother = builders.an_account("mother@example.org", password="a long enough one 7")
        form = {"login": mother.email, "password": "a long enough one 7", "next": "/announcements/"}
        assert visit().post(reverse("account_login"), form).headers["Location"] == "/announcements/"


def test_without_a_proxy_of_ours_nobody_is_believed_about_the_way_they_came() -> None:
    spoofed = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example", "X-Forwarded-For": "192.0.2.7"}
    answer = visit().get("/announcements", headers={**spoofed, "X-Request-Id": "chosen-by-a-stranger"})
    assert answer.status_code == 301
    assert answer.headers["Location"] == "/announcements/"
    assert not answer.wsgi_request.is_secure()
    assert answer.wsgi_request.get_host() == "testserver"
    assert answer.headers["X-Request-Id"] != "chosen-by-a-stranger"
