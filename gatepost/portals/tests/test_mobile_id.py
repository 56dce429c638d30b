"""Signing in by one's telephone number, against the portal's simulator."""

import re
import threading
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from gatepost.accounts.models import Account
from gatepost.demo.identities.mobile_id import MobileId
from gatepost.demo.identities.people import FATHER_NUMBER, MOTHER_NUMBER, PEOPLE
from gatepost.demo.identities.server import Server
from gatepost.guardians import proofs
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.upstream import askings, configured, mobile_id
from gatepost.upstream.identity import number_digest
from gatepost.upstream.models import Asking, Link
from tests import builders

pytestmark = pytest.mark.django_db

BEGIN, BACK, DONE = "/sign-in/mobile-id/", "/sign-in/mobile-id/back/", "/sign-in/mobile-id/done/"
KEY = "shared-with-the-portal"
PORTAL = MobileId(business_no="gatepost", key_no="1", key=KEY)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    one = Server(0, [PORTAL])
    threading.Thread(target=one.serve_forever, args=(0.02,), daemon=True).start()
    yield one
    one.shutdown()
    one.server_close()


@pytest.fixture
def portal(server: Server, settings: Any) -> Server:
    """The other side, and settings that lead to it."""
    settings.DEMONSTRATION = True
    settings.MOBILE_ID = configured.MobileId(f"{server.url}/mid/IDPortal", "gatepost", "1", KEY)
    return server


@pytest.fixture
def mother() -> Account:
    account = builders.an_account("mother@example.org", password="gate-and-home-1")
    proofs.keep(account, number_digest(MOTHER_NUMBER), how="review", by=None, now=NOW)
    return account


def begin(browser: Client, who: str = "mother", **typed: str) -> Any:
    person = PEOPLE[who]
    return browser.post(BEGIN, {"number": person.number, "phone": person.mobile, "operator": "CHT", **typed})


def fields_of(html: str) -> dict[str, str]:
    """The hidden fields of the first form that has a signature."""
    form = next(form for form in re.findall(r"<form.*?</form>", html, re.DOTALL) if "IdentifyNo" in form)
    return {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form)}


def at_the_portal(portal: Server, page: Any, *, agreed: bool = True) -> dict[str, str]:
    """What the portal posts back once the person has answered there."""
    carried = fields_of(text_of(page))
    asked = urllib.request.Request(f"{portal.url}/mid/IDPortal/DO", urlencode(carried).encode())
    shown = urllib.request.urlopen(asked, timeout=10).read().decode()
    assert fields_of(shown)["Token"] == carried["Token"]
    return PORTAL.found(carried["Token"], agreed=agreed)


def post_back(posted: dict[str, str], **more: Any) -> Any:
    """From another site: the browser sends no session along, and no token of ours."""
    return visit(enforce_csrf_checks=True).post(BACK, posted, **more)


def is_signed_in(browser: Client) -> bool:
    return "_auth_user_id" in browser.session


def test_the_sign_in_page_offers_it_where_it_is_switched_on(portal: Server, settings: Any) -> None:
    assert BEGIN in text_of(visit().get("/sign-in/"))
    settings.MOBILE_ID = None
    assert BEGIN not in text_of(visit().get("/sign-in/"))
    assert [visit().get(BEGIN).status_code, visit().post(BACK).status_code] == [404, 404]


def test_whose_number_it_is_is_signed_in(portal: Server, mother: Account) -> None:
    browser = visit()
    page = begin(browser)
    assert f"form-action 'self' {portal.url}" in page.headers["Content-Security-Policy"]
    answer = post_back(at_the_portal(portal, page))
    assert (answer.status_code, answer.headers["Location"]) == (303, DONE)
    assert "gatepost" not in answer.cookies  # it would take the place of the browser's own session
    assert not is_signed_in(browser)
    assert browser.get(DONE).status_code == 302
    assert browser.session["_auth_user_id"] == str(mother.pk)
    assert [one["method"] for one in browser.session["account_authentication_methods"]] == ["mobile_id"]
    assert Link.objects.get().provider == "mobile_id"


def test_no_table_holds_the_numbers(portal: Server) -> None:
    begin(visit())
    kept = str(askings.kept(Asking.objects.get()))
    assert MOTHER_NUMBER not in kept
    assert PEOPLE["mother"].mobile not in kept


@pytest.mark.parametrize(("typed", "agreed"), [({}, False), ({"phone": "0990 000 009"}, True)])
def test_who_says_no_or_types_anothers_number_is_not(
    portal: Server, mother: Account, typed: dict[str, str], agreed: bool
) -> None:
    browser = visit()
    assert post_back(at_the_portal(portal, begin(browser, **typed), agreed=agreed)).status_code == 303
    assert browser.get(DONE).status_code == 403
    assert not is_signed_in(browser)


def test_who_comes_back_by_the_browsers_button_begins_again(portal: Server, mother: Account) -> None:
    browser = visit()
    begin(browser)
    assert browser.get(DONE).status_code == 403
    assert not is_signed_in(browser)


@pytest.mark.parametrize(
    "forged", [{"ResultCode": "S", "ReturnCode": "0"}, {"IdentifyNo": ""}, {"Token": "another"}, {"VerifyNo": "x"}]
)
def test_a_result_that_the_portal_did_not_make_is_refused(
    portal: Server, mother: Account, forged: dict[str, str]
) -> None:
    browser = visit()
    refusal = at_the_portal(portal, begin(browser), agreed=False)
    assert post_back(refusal | forged).status_code == 403
    assert browser.get(DONE).status_code == 403
    assert not is_signed_in(browser)


def test_a_forged_result_does_not_end_what_is_under_way(portal: Server, mother: Account) -> None:
    browser = visit()
    right = at_the_portal(portal, begin(browser))
    assert post_back(right | {"IdentifyNo": "0" * 64}).status_code == 403
    assert post_back(right).status_code == 303
    assert browser.get(DONE).status_code == 302


def test_the_result_for_one_question_answers_no_other(portal: Server, mother: Account) -> None:
    """Signed by the portal, but the token of somebody else's question."""
    victim, thief = visit(), visit()
    begun, other = begin(victim), at_the_portal(portal, begin(thief, "stranger"))
    swapped = {**other, "VerifyNo": fields_of(text_of(begun))["VerifyNo"]}
    signed = mobile_id.identify({name: value for name, value in swapped.items() if name != "IdentifyNo"}, KEY)
    assert post_back(swapped | {"IdentifyNo": signed}).status_code == 403


def test_the_words_of_a_refusal_make_no_yes(portal: Server, mother: Account) -> None:
    """Nothing stands between the signed values, so a figure of the one can be passed off as one of the next."""
    browser = visit()
    no = at_the_portal(portal, begin(browser), agreed=False) | {"ReturnCodeDesc": "by S0"}
    signed = mobile_id.identify({name: value for name, value in no.items() if name != "IdentifyNo"}, KEY)
    moved = no | {"CAType": "12F7001by ", "ResultCode": "S", "ReturnCode": "0", "ReturnCodeDesc": ""}
    assert post_back(moved | {"IdentifyNo": signed}).status_code == 403
    assert browser.get(DONE).status_code == 403


def test_a_result_for_another_business_is_refused(portal: Server, mother: Account) -> None:
    right = at_the_portal(portal, begin(visit()))
    other = {**right, "BusinessNo": "another"}
    signed = mobile_id.identify({name: value for name, value in other.items() if name != "IdentifyNo"}, KEY)
    answer = post_back(other | {"IdentifyNo": signed})
    assert answer.status_code == 403


def test_another_browser_gets_nothing_of_it(portal: Server, mother: Account) -> None:
    post_back(at_the_portal(portal, begin(visit())))
    other = visit()
    assert other.get(DONE).status_code == 403
    assert not is_signed_in(other)


def test_a_result_counts_once_and_for_ten_minutes(portal: Server, mother: Account) -> None:
    browser, late = visit(), visit()
    right, old = at_the_portal(portal, begin(browser)), at_the_portal(portal, begin(late))
    post_back(right)
    browser.get(DONE)
    assert post_back(right).status_code == 410
    assert post_back(old, **{"gatepost.now": NOW + timedelta(minutes=10)}).status_code == 410


def test_nobody_gets_an_account_by_it(portal: Server, mother: Account) -> None:
    browser = visit()
    post_back(at_the_portal(portal, begin(browser, "stranger")))
    assert browser.get(DONE).status_code == 403
    assert Account.objects.count() == 1


def test_a_portal_that_is_down_or_does_not_know_us_is_a_page(portal: Server, settings: Any) -> None:
    there = settings.MOBILE_ID
    settings.MOBILE_ID = configured.MobileId(there.url, "gatepost", "1", "another key")
    assert begin(visit()).status_code == 503
    gone = Server(0, [])
    gone.server_close()
    settings.MOBILE_ID = configured.MobileId(f"{gone.url}/mid/IDPortal", "gatepost", "1", KEY)
    assert begin(visit()).status_code == 503
    assert visit().get("/sign-in/").status_code == 200


def test_a_number_that_cannot_be_right_is_an_error_of_the_form(portal: Server) -> None:
    for typed in ({"phone": "0212345678"}, {"number": MOTHER_NUMBER[:-1] + "9"}):
        assert 'aria-invalid="true"' in text_of(begin(visit(), **typed))
    assert not Asking.objects.exists()


def test_who_is_signed_in_connects_it(portal: Server) -> None:
    account = builders.an_account("father@example.org", password="gate-and-home-1")
    browser = visit(account)
    assert browser.get(BEGIN).headers["Location"] == "/ways/"
    browser.post("/ways/mobile_id/connect/", {"password": "gate-and-home-1"})
    post_back(at_the_portal(portal, begin(browser, "basic")))
    assert browser.get(DONE).headers["Location"] == "/ways/"
    assert proofs.digests(account.pk) == [number_digest(FATHER_NUMBER)]
