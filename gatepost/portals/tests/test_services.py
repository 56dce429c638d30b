"""Services as the bureau registers them and as families see them."""

import io
from typing import Any

import pytest
from django.test import Client
from PIL import Image

from gatepost.audit.models import Entry
from gatepost.portals.tests.visits import text_of, visit
from gatepost.sso.models import Consent, Service
from gatepost.sso.tests.conversations import CALLBACK, a_browser, a_service, sent
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def bureau() -> Client:
    return visit(builders.a_role("bureau_officer"))


def form(**changes: str) -> dict[str, Any]:
    usual = {
        "name": "學雜費繳款",
        "about": "繳學費與雜費。",
        "answers_name": "出納組",
        "answers_email": "fees@example.org",
        "kind": "server",
        "redirect_uris": CALLBACK,
        "start_url": "https://fees.example.org/start",
        "reason_profile": "稱呼你。",
        "reason_children": "顯示孩子的費用。",
    }
    return {**usual, **changes}


class TestRegistering:
    def test_the_secret_is_shown_once_and_works(self, bureau: Client) -> None:
        page = text_of(bureau.post("/bureau/services/new/", form()))
        one = Service.objects.get()
        secret = page.partition("client_secret")[2].partition("</code>")[0].rpartition(">")[2]
        assert len(secret) == 64
        assert one.client_id in page
        assert secret not in text_of(bureau.get(f"/bureau/services/{one.pk}/"))
        assert secret not in one.client_secret
        assert one.scopes == ["profile", "children"]
        assert Entry.objects.filter(action="service:registered").exists()

    def test_an_app_has_no_secret_and_always_pkce(self, bureau: Client) -> None:
        assert "client_secret" not in text_of(bureau.post("/bureau/services/new/", form(kind="app", without_pkce="on")))
        assert Service.objects.get().pkce_required

    @pytest.mark.parametrize(
        "wrong",
        [
            {"name": ""},
            {"about": " "},
            {"answers_email": "nobody"},
            {"kind": "joke"},
            {"redirect_uris": ""},
            {"redirect_uris": "fees.example.org"},
            {"redirect_uris": "http://fees.example.org/callback"},
            {"redirect_uris": "https://fees.example.org"},
            {"redirect_uris": "https://*.example.org/callback"},
            {"redirect_uris": "https://fees.example.org/callback#top"},
            {"redirect_uris": "https://someone@fees.example.org/callback"},
            {"redirect_uris": "https://fees.example.org:port/callback"},
            {"redirect_uris": "https://[fees/callback"},
            {"redirect_uris": "javascript:alert(1)//"},
            {"redirect_uris": "https://學費.example.org/callback"},
            {"redirect_uris": "http://127.0.0.1:9500/callback"},
            {"redirect_uris": "\n".join(f"https://fees.example.org/{number}" for number in range(11))},
            {"redirect_uris": "https://fees.example.org/" + "x" * 500},
            {"post_logout_redirect_uris": "ftp://fees.example.org/"},
            {"start_url": "javascript:alert(1)"},
            {"start_url": "https://a.example.org/ https://b.example.org/"},
            {"backchannel_logout_uri": "http://fees.example.org/logout"},
            {"name": "\0"},
        ],
    )
    def test_a_mistake_registers_nothing_and_loses_nothing(self, bureau: Client, wrong: dict[str, str]) -> None:
        answer = bureau.post("/bureau/services/new/", form(**wrong))
        assert answer.status_code == 200
        assert 'aria-invalid="true"' in text_of(answer)
        assert "顯示孩子的費用。" in text_of(answer)
        assert not Service.objects.exists()

    def test_two_services_cannot_have_one_name(self, bureau: Client) -> None:
        bureau.post("/bureau/services/new/", form())
        assert 'aria-invalid="true"' in text_of(bureau.post("/bureau/services/new/", form()))
        assert Service.objects.count() == 1

    def test_a_picture_is_drawn_anew(self, bureau: Client) -> None:
        file = io.BytesIO()
        Image.new("RGB", (400, 200), "green").save(file, "JPEG", exif=b"Exif\0\0secret")
        file.seek(0)
        file.name = "logo.jpg"
        bureau.post("/bureau/services/new/", {**form(), "logo": file})
        answer = visit().get(f"/sso/logo/{Service.objects.get().pk}")
        assert answer.headers["Content-Type"] == "image/png"
        assert b"secret" not in answer.content
        assert Image.open(io.BytesIO(answer.content)).size == (128, 128)

    @pytest.mark.parametrize(
        "data", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x89PNG\r\n\x1a\n", b"x" * 600_000, b"GIF89a"]
    )
    def test_what_is_no_picture_is_not_kept(self, bureau: Client, data: bytes) -> None:
        file = io.BytesIO(data)
        file.name = "logo.png"
        assert 'aria-invalid="true"' in text_of(bureau.post("/bureau/services/new/", {**form(), "logo": file}))
        assert not Service.objects.exists()

    def test_a_device_has_neither_secret_nor_addresses(self, bureau: Client) -> None:
        page = text_of(bureau.post("/bureau/services/new/", form(kind="device", redirect_uris="", start_url="")))
        assert "client_secret" not in page
        assert Service.objects.get().is_device

    def test_a_machine_has_a_secret_and_asks_for_schools_alone(self, bureau: Client) -> None:
        fields = dict.fromkeys(["redirect_uris", "start_url", "reason_profile", "reason_children"], "")
        page = text_of(
            bureau.post("/bureau/services/new/", form(kind="machine", **fields, reason_schools="教室預約。"))
        )
        assert "client_secret" in page
        one = Service.objects.get()
        assert (one.is_machine, one.scopes) == (True, ["schools"])
        page = text_of(bureau.get(f"/bureau/services/{one.pk}/change/"))
        assert "reason_schools" in page
        assert "reason_children" not in page

    @pytest.mark.parametrize(
        "wrong",
        [
            {"kind": "device"},
            {"kind": "device", "redirect_uris": "", "start_url": "", "reason_schools": "x"},
            {"kind": "machine", "redirect_uris": "", "start_url": "", "reason_children": "", "reason_schools": "x"},
            {"kind": "machine", "redirect_uris": "", "start_url": "", "reason_children": "", "reason_profile": ""},
            {"reason_schools": "x"},
        ],
    )
    def test_what_its_kind_may_not_have_is_said(self, bureau: Client, wrong: dict[str, str]) -> None:
        answer = bureau.post("/bureau/services/new/", form(**wrong))
        assert 'aria-invalid="true"' in text_of(answer)
        assert not Service.objects.exists()


class TestAfterwards:
    def test_a_new_secret_closes_the_old_one(self, bureau: Client) -> None:
        rp, person = a_service(), a_browser(builders.an_account())
        page = text_of(bureau.post(f"/bureau/services/{rp.service.pk}/secret/"))
        code = rp.code(person)
        assert rp.redeem(code).status_code == 401
        rp.secret = page.partition("client_secret")[2].partition("</code>")[0].rpartition(">")[2]
        assert rp.redeem(code).status_code == 200

    def test_what_it_may_no_longer_ask_for_ends_at_once(self, bureau: Client) -> None:
        rp, mother = a_service(), builders.an_account()
        tokens = rp.tokens(a_browser(mother), scope="openid profile email")
        answer = bureau.post(f"/bureau/services/{rp.service.pk}/change/", form(reason_children=""))
        assert answer.status_code == 302
        assert rp.userinfo(tokens["access_token"]).status_code == 401
        assert Consent.objects.get().scopes == ["openid", "profile"]
        assert sent(rp.authorize(a_browser(mother), scope="openid email"))["error"] == "invalid_scope"

    def test_changing_its_words_ends_nothing(self, bureau: Client) -> None:
        rp = a_service()
        tokens = rp.tokens(a_browser(builders.an_account()))
        reasons = {f"reason_{scope}": "因為。" for scope in rp.service.scopes}
        bureau.post(f"/bureau/services/{rp.service.pk}/change/", form(**reasons))
        assert rp.userinfo(tokens["access_token"]).status_code == 200

    def test_stopping_asks_with_the_number_of_people(self, bureau: Client) -> None:
        rp = a_service()
        rp.code(a_browser(builders.an_account()))
        page = text_of(bureau.get(f"/bureau/services/{rp.service.pk}/stop/"))
        assert '<span class="confirm__count">1</span>' in page
        bureau.post(f"/bureau/services/{rp.service.pk}/stop/")
        assert Service.objects.get().stopped_at is not None
        assert bureau.get(f"/bureau/services/{rp.service.pk}/change/").status_code == 404
        assert rp.service.name in text_of(bureau.get("/bureau/services/"))


class TestTheFamilysPage:
    def test_services_with_a_beginning_have_a_tile(self) -> None:
        a_service("學雜費繳款", start_url="https://fees.example.org/start")
        a_service("社團報名")
        page = text_of(visit(builders.an_account()).get("/family/services/"))
        assert 'href="https://fees.example.org/start"' in page
        assert "社團報名" not in page

    def test_what_was_given_is_there_to_see(self) -> None:
        child = builders.a_student(builders.a_class(builders.a_school()))
        mother = builders.a_guardian(child)
        rp = a_service()
        rp.code(a_browser(mother), scope="openid profile children", children=[child])
        browser = visit(mother)
        assert f"/family/services/{rp.service.pk}/" in text_of(browser.get("/family/services/"))
        page = text_of(browser.get(f"/family/services/{rp.service.pk}/"))
        assert "To greet you by name." in page
        assert "To send receipts." not in page
        assert "checked" in page

    def test_a_stopped_service_is_not_there(self, bureau: Client) -> None:
        rp = a_service(start_url="https://fees.example.org/start")
        bureau.post(f"/bureau/services/{rp.service.pk}/stop/")
        assert rp.service.name not in text_of(visit(builders.an_account()).get("/family/services/"))
