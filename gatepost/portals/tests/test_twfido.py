"""Signing in with the mobile citizen certificate, against its simulator."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from gatepost.accounts.models import Account
from gatepost.demo.identities import twfido as simulated
from gatepost.demo.identities.people import FATHER_NUMBER, MOTHER_NUMBER, PEOPLE
from gatepost.demo.identities.server import Reply, Server
from gatepost.guardians import proofs
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.roster.identity_numbers import invented
from gatepost.upstream import askings, configured, twfido
from gatepost.upstream.identity import number_digest
from gatepost.upstream.models import Asking, Link
from tests import builders

pytestmark = pytest.mark.django_db

KEY = bytes(range(32))
BEGIN, WAIT, DONE = "/sign-in/twfido/", "/sign-in/twfido/wait/", "/sign-in/twfido/done/"
AFTER_A_POLL = NOW + timedelta(seconds=4)


class Ministry(simulated.TwFido):
    """The simulator, on the tests' clock. `spoils` changes what it answers."""

    moment: datetime = NOW
    spoils: Callable[[dict[str, Any]], None] | None = None

    def now(self) -> datetime:
        return self.moment + self.clock_off

    def answer(self, call: Any) -> Reply | None:
        reply = super().answer(call)
        if self.spoils is None or reply is None:
            return reply
        values = json.loads(reply.body)
        self.spoils(values)
        return Reply(json.dumps(values).encode(), reply.status, reply.content_type)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    one = Server(0, [])
    threading.Thread(target=one.serve_forever, args=(0.02,), daemon=True).start()
    yield one
    one.shutdown()
    one.server_close()


@pytest.fixture
def ministry(server: Server, settings: Any) -> Ministry:
    """The other side, and settings that lead to it."""
    one = Ministry(service_id="gatepost", key=KEY)
    server.simulators = [one]
    settings.DEMONSTRATION = True
    settings.TWFIDO = configured.TwFido(f"{server.url}/fido", "gatepost", KEY)
    return one


@pytest.fixture
def mother() -> Account:
    account = builders.an_account("mother@example.org", password="gate-and-home-1")
    proofs.keep(account, number_digest(MOTHER_NUMBER), how="review", by=None, now=NOW)
    return account


def begin(browser: Client, number: str = MOTHER_NUMBER, mode: str = twfido.SCAN) -> Any:
    return browser.post(BEGIN, {"number": number, "mode": mode})


def look(browser: Client, at: datetime = AFTER_A_POLL, **more: Any) -> Any:
    return browser.get(WAIT, **{"gatepost.now": at}, **more)


def finish(browser: Client) -> Any:
    return browser.get(DONE, **{"gatepost.now": AFTER_A_POLL})


def is_signed_in(browser: Client) -> bool:
    return "_auth_user_id" in browser.session


def test_the_sign_in_page_offers_it_where_it_is_switched_on(ministry: Ministry, settings: Any) -> None:
    assert BEGIN in text_of(visit().get("/sign-in/"))
    settings.TWFIDO = None
    assert BEGIN not in text_of(visit().get("/sign-in/"))
    assert {visit().get(address).status_code for address in (BEGIN, WAIT, DONE)} == {404}


@pytest.mark.parametrize(
    ("mode", "shown"), [(twfido.SCAN, 'class="qr"'), (twfido.APP_LINK, "mobilemoica://"), (twfido.PUSH, "hx-get")]
)
def test_whoever_confirms_on_the_phone_is_signed_in(ministry: Ministry, mother: Account, mode: str, shown: str) -> None:
    browser = visit()
    begin(browser, mode=mode)
    assert shown in text_of(look(browser, NOW))
    assert not is_signed_in(browser)
    ministry.decide("yes")
    assert look(browser).headers["Location"] == DONE
    assert finish(browser).status_code == 302
    assert browser.session["_auth_user_id"] == str(mother.pk)
    assert [one["method"] for one in browser.session["account_authentication_methods"]] == ["twfido"]
    assert Link.objects.get().provider == "twfido"


def test_no_table_holds_the_number(ministry: Ministry, mother: Account) -> None:
    begin(visit())
    assert MOTHER_NUMBER not in json.dumps(askings.kept(Asking.objects.get()))


def test_before_the_phone_has_answered_nobody_is_signed_in(ministry: Ministry, mother: Account) -> None:
    browser = visit()
    begin(browser)
    assert look(browser).status_code == 200
    assert finish(browser).headers["Location"] == WAIT
    assert not is_signed_in(browser)


def test_the_ministry_is_asked_every_four_seconds_at_the_most(ministry: Ministry, mother: Account) -> None:
    browser = visit()
    begin(browser)
    look(browser, NOW)
    ministry.decide("yes")
    assert look(browser, NOW + timedelta(seconds=3)).status_code == 200
    assert look(browser, NOW + timedelta(seconds=4)).status_code == 302


def test_the_page_goes_on_by_itself(ministry: Ministry, mother: Account) -> None:
    """What asks for a part of the page is told to open the whole one, whatever the answer is."""
    browser = visit()
    begin(browser)
    assert "HX-Redirect" not in look(browser, NOW, headers={"HX-Request": "true"}).headers
    ministry.decide("no")
    assert look(browser, headers={"HX-Request": "true"}).headers["HX-Redirect"] == WAIT
    assert look(browser).status_code == 403


def test_another_browser_gets_nothing_of_it(ministry: Ministry, mother: Account) -> None:
    begin(visit())
    ministry.decide("yes")
    other = visit()
    assert look(other).status_code == finish(other).status_code == 403
    assert not is_signed_in(other)


def test_an_answer_counts_once(ministry: Ministry, mother: Account) -> None:
    browser = visit()
    begin(browser)
    held = dict(browser.session.items())
    ministry.decide("yes")
    look(browser)
    finish(browser)
    thief = visit()
    session = thief.session
    session.update(held)
    session.save()
    assert finish(thief).status_code == look(thief).status_code == 410
    assert not is_signed_in(thief)


def test_nobody_is_told_whose_number_has_an_account_before_they_have_proven_it(
    ministry: Ministry, mother: Account
) -> None:
    known, unknown = visit(), visit()
    answers = begin(known), begin(unknown, PEOPLE["stranger"].number)
    assert {answer.headers["Location"] for answer in answers} == {WAIT}
    ministry.decide("yes")
    look(unknown)
    assert finish(unknown).status_code == 403
    assert Account.objects.count() == 1


def test_a_number_without_the_certificate_is_a_sentence(ministry: Ministry) -> None:
    assert begin(visit(), invented(77)).status_code == 403


def test_a_number_that_cannot_be_right_is_an_error_of_the_form(ministry: Ministry) -> None:
    page = text_of(begin(visit(), MOTHER_NUMBER[:-1] + "9"))
    assert 'aria-invalid="true"' in page
    assert not ministry.questions


def test_a_phone_rings_five_times_in_a_quarter_of_an_hour(ministry: Ministry) -> None:
    for _time in range(5):
        assert begin(visit(), mode=twfido.PUSH).status_code == 302
    assert begin(visit(), mode=twfido.PUSH).status_code == 429
    assert begin(visit(), FATHER_NUMBER).status_code == 302


def test_what_nobody_confirms_in_time_is_over(ministry: Ministry, mother: Account) -> None:
    browser = visit()
    begin(browser)
    ministry.moment = later = NOW + timedelta(minutes=6)
    try:
        assert look(browser, later).status_code == 410
    finally:
        ministry.moment = NOW
    assert not is_signed_in(browser)


@pytest.mark.parametrize("minutes", [-7, 7])
def test_a_clock_that_is_off_is_said(ministry: Ministry, minutes: int) -> None:
    ministry.clock_off = timedelta(minutes=minutes)
    assert begin(visit()).status_code == 503


def _of_somebody_else(values: dict[str, Any]) -> None:
    values["result"]["hashed_id_num"] = "0" * 64


def _without_checksum(values: dict[str, Any]) -> None:
    values["result"].pop("idp_checksum")


def _with_a_foreign_key(values: dict[str, Any]) -> None:
    values["result"]["idp_checksum"] = twfido.seal("whatever", bytes(32))


@pytest.mark.parametrize("spoils", [_of_somebody_else, _without_checksum, _with_a_foreign_key])
def test_a_forged_result_signs_nobody_in(
    ministry: Ministry, mother: Account, spoils: Callable[[dict[str, Any]], None]
) -> None:
    browser = visit()
    begin(browser)
    ministry.decide("yes")
    ministry.spoils = spoils
    assert look(browser).status_code == 403
    assert finish(browser).headers["Location"] == WAIT
    assert not is_signed_in(browser)


def test_the_answer_of_another_person_is_no_answer(ministry: Ministry, mother: Account) -> None:
    """Correctly sealed, but not by whose number was typed."""
    browser = visit()
    begin(browser)
    ministry.decide("yes")
    next(iter(ministry.questions.values())).person = PEOPLE["stranger"]
    assert look(browser).status_code == 403
    assert not is_signed_in(browser)


@pytest.mark.parametrize(
    ("field", "value", "status"), [("transaction_id", "another", 403), ("sp_service_id", "another", 403)]
)
def test_a_ticket_for_another_question_or_service_is_refused(
    ministry: Ministry, field: str, value: str, status: int
) -> None:
    def swap(values: dict[str, Any]) -> None:
        held = json.loads(base64.urlsafe_b64decode(values["result"]["sp_ticket"].split(".")[0] + "=="))
        coded = base64.urlsafe_b64encode(json.dumps(held | {field: value}).encode()).decode().rstrip("=")
        ticket = f"{coded}.x"
        state = held["transaction_id"]
        values["result"] = {"sp_ticket": ticket, "idp_checksum": twfido.seal(f"{state}0{ticket}", KEY)}

    ministry.spoils = swap
    assert begin(visit()).status_code == status


def test_our_own_checksum_is_looked_at_there(ministry: Ministry, settings: Any) -> None:
    settings.TWFIDO = configured.TwFido(settings.TWFIDO.url, "gatepost", bytes(32))
    assert begin(visit()).status_code == 503


def test_a_ministry_that_is_down_is_a_page_and_while_waiting_a_pause(
    ministry: Ministry, mother: Account, settings: Any
) -> None:
    browser, there = visit(), settings.TWFIDO
    begin(browser)
    gone = Server(0, [])
    gone.server_close()
    settings.TWFIDO = configured.TwFido(gone.url, "gatepost", KEY)
    assert begin(visit()).status_code == 503
    assert look(browser).status_code == 200
    settings.TWFIDO = there
    ministry.decide("yes")
    assert look(browser, NOW + timedelta(seconds=8)).status_code == 302


def test_who_is_signed_in_connects_it(ministry: Ministry) -> None:
    account = builders.an_account("father@example.org", password="gate-and-home-1")
    browser = visit(account)
    assert browser.get(BEGIN).headers["Location"] == "/ways/"
    browser.post("/ways/twfido/connect/", {"password": "gate-and-home-1"})
    begin(browser, FATHER_NUMBER)
    ministry.decide("yes")
    look(browser)
    assert finish(browser).headers["Location"] == "/ways/"
    assert proofs.digests(account.pk) == [number_digest(FATHER_NUMBER)]
