"""Signing in to a device without a keyboard: it shows a code, a person types it, and says yes or no."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from gatepost.accounts.models import Account
from gatepost.kit.clock import utc_now
from gatepost.portals.tests.visits import text_of
from gatepost.sso import devices, sessions
from gatepost.sso.models import DeviceRequest
from gatepost.sso.services import Kind
from gatepost.sso.tests.conversations import ISSUER, Rp, a_browser, a_device, a_service, claims_of
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def board() -> Rp:
    return a_device()


@pytest.fixture
def mother() -> Account:
    return builders.an_account("mother@example.org")


@pytest.fixture
def browser(mother: Account) -> Client:
    return a_browser(mother)


def asked(board: Rp, **changes: str) -> dict[str, Any]:
    answer = board.post("/sso/device-authorization", {"scope": "openid profile", **changes})
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def poll(board: Rp, told: dict[str, Any]) -> Any:
    return board.post("/sso/token", {"grant_type": devices.GRANT, "device_code": told["device_code"]})


def answered(browser: Client, told: dict[str, Any], answer: str = "give", **more: Any) -> str:
    return text_of(browser.post("/device/", {"user_code": told["user_code"], "answer": answer, **more}))


def an_interval_later() -> None:
    DeviceRequest.objects.update(polled_at=utc_now() - timedelta(minutes=2))


def test_what_it_is_told_is_in_the_form_of_the_standard(board: Rp) -> None:
    told = asked(board)
    assert told["verification_uri"] == f"{ISSUER}/device/"
    assert told["verification_uri_complete"] == f"{ISSUER}/device/?user_code={told['user_code']}"
    assert (told["expires_in"], told["interval"]) == (600, 5)
    kept = DeviceRequest.objects.values_list("device_code", "user_code").get()
    assert told["device_code"] not in kept
    assert told["user_code"] not in kept


def test_a_person_types_the_code_reads_what_it_gets_and_says_yes(board: Rp, browser: Client) -> None:
    told = asked(board)
    assert poll(board, told).json()["error"] == "authorization_pending"
    typed = f" {told['user_code'].lower().replace('-', ' ')} "
    page = text_of(browser.post("/device/", {"user_code": typed}, follow=True))
    assert told["user_code"] in page
    assert "To greet you by name." in page
    answered(browser, told)
    tokens = poll(board, told).json()
    assert claims_of(tokens["id_token"])["sub"] == board.userinfo(tokens["access_token"]).json()["sub"]
    renewed = board.refresh(tokens["refresh_token"]).json()
    assert board.userinfo(renewed["access_token"]).status_code == 200


def test_who_is_not_signed_in_signs_in_first_and_comes_back_to_the_code(board: Rp) -> None:
    told = asked(board)
    answer = a_browser().get("/device/", {"user_code": told["user_code"]})
    assert answer.status_code == 302
    assert told["user_code"] in answer.headers["Location"]


def test_a_code_in_the_address_still_asks(board: Rp, browser: Client) -> None:
    told = asked(board)
    assert told["user_code"] in text_of(browser.get("/device/", {"user_code": told["user_code"]}))
    assert poll(board, told).json()["error"] == "authorization_pending"


def test_who_gave_it_before_is_asked_again_for_a_device(board: Rp, browser: Client) -> None:
    first, second = asked(board), asked(board)
    answered(browser, first)
    assert second["user_code"] in text_of(browser.get("/device/", {"user_code": second["user_code"]}))
    assert poll(board, second).json()["error"] == "authorization_pending"


def test_a_no_is_told(board: Rp, browser: Client) -> None:
    told = asked(board)
    answered(browser, told, "refuse")
    assert poll(board, told).json()["error"] == "access_denied"
    answered(browser, told)
    assert poll(board, told).json()["error"] == "access_denied", "a no stays one"


def test_an_old_request_is_over(board: Rp, browser: Client) -> None:
    told = asked(board)
    DeviceRequest.objects.update(expires_at=utc_now())
    answered(browser, told)
    assert poll(board, told).json()["error"] == "expired_token"
    assert sessions.forget(utc_now() + timedelta(days=2)) == 1


def test_who_asks_too_often_is_slowed_down(board: Rp, browser: Client) -> None:
    told = asked(board)
    assert [poll(board, told).json()["error"] for _time in range(3)] == [
        "authorization_pending",
        "slow_down",
        "slow_down",
    ]
    assert DeviceRequest.objects.get().interval == 15
    an_interval_later()
    assert poll(board, told).json()["error"] == "authorization_pending"
    answered(browser, told)
    assert poll(board, told).status_code == 200, "an answer is given at once"


def test_a_code_is_good_once_and_for_its_device_alone(board: Rp, browser: Client) -> None:
    told = asked(board)
    answered(browser, told)
    assert poll(a_device("另一個看板"), told).json()["error"] == "invalid_grant"
    assert poll(board, told).status_code == 200
    assert poll(board, told).json()["error"] == "invalid_grant"


def test_it_ends_with_the_browser_that_let_it_in(board: Rp, browser: Client) -> None:
    told, early = asked(board), asked(board)
    answered(browser, told)
    answered(browser, early)
    tokens = poll(board, told).json()
    browser.post("/sign-out/")
    assert board.userinfo(tokens["access_token"]).status_code == 401
    assert poll(board, early).json()["error"] == "invalid_grant"


def test_a_child_is_given_by_itself(board: Rp) -> None:
    child = builders.a_student(builders.a_class(builders.a_school()))
    browser = a_browser(builders.a_guardian(child))
    told = asked(board, scope="openid children")
    answered(browser, told, child=[str(child.pk)])
    assert [one["name"] for one in board.userinfo(poll(board, told).json()["access_token"]).json()["child"]] == [
        child.name
    ]


def test_a_strangers_page_cannot_say_yes(board: Rp, mother: Account) -> None:
    told = asked(board)
    browser = a_browser(mother, enforce_csrf_checks=True)
    assert browser.post("/device/", {"user_code": told["user_code"], "answer": "give"}).status_code == 403


def test_codes_are_not_to_be_guessed(board: Rp, browser: Client) -> None:
    told = asked(board)
    for _time in range(devices.TYPED_MOST):
        assert 'aria-invalid="true"' in text_of(browser.post("/device/", {"user_code": "BBBB-BBBB"}))
    page = text_of(browser.post("/device/", {"user_code": told["user_code"], "answer": "give"}))
    assert 'aria-invalid="true"' in page
    assert told["user_code"] in page, "what was typed is kept"
    assert poll(board, told).json()["error"] == "authorization_pending"


def test_nor_is_the_table_to_be_filled(board: Rp) -> None:
    for _time in range(devices.ASKED_MOST):
        asked(board)
    answer = board.post("/sso/device-authorization", {"scope": "openid"})
    assert (answer.status_code, answer.json()["error"]) == (429, "slow_down")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"client_id": "unknown"}, "invalid_client"),
        ({"client_id": "\0"}, "invalid_request"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"scope": "schools"}, "invalid_scope"),
    ],
)
def test_what_a_device_may_not_ask(board: Rp, fields: dict[str, str], code: str) -> None:
    assert board.post("/sso/device-authorization", fields).json()["error"] == code


def test_only_a_device_asks_in_this_way(board: Rp, browser: Client) -> None:
    app = a_service("校園 App", kind=Kind.APP)
    assert app.post("/sso/device-authorization", {}).json()["error"] == "unauthorized_client"
    told = asked(board)
    answered(browser, told)
    assert poll(app, told).json()["error"] == "unauthorized_client"
    assert board.authorize(browser).status_code == 400, "it has no address to be sent to"
