"""Signing in with Taipei Pass, against its simulator: over HTTP there and back."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from gatepost.accounts.models import Account, ActivationMail
from gatepost.demo.identities.people import MOTHER_NUMBER, PEOPLE, Person
from gatepost.demo.identities.server import Call, Reply, Server
from gatepost.demo.identities.taipei_pass import TaipeiPass
from gatepost.guardians import proofs
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.upstream import configured
from gatepost.upstream.identity import number_digest
from gatepost.upstream.models import Link
from tests import builders

pytestmark = pytest.mark.django_db

PASSWORD = "gate-and-home-1"
BEGIN, BACK = "/sign-in/taipei-pass/", "/sign-in/taipei-pass/back/"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    city = TaipeiPass(client_id="gatepost", client_secret="secret", back="http://testserver" + BACK)
    one = Server(0, [city])
    threading.Thread(target=one.serve_forever, args=(0.02,), daemon=True).start()
    yield one
    one.shutdown()
    one.server_close()


@pytest.fixture
def city(server: Server, settings: Any) -> Server:
    """The other side, and settings that lead to it."""
    settings.DEMONSTRATION = True
    settings.TAIPEI_PASS = configured.TaipeiPass(
        f"{server.url}/tpcd", "city", "gatepost", "secret", frozenset({"1", "2"})
    )
    return server


@pytest.fixture
def mother() -> Account:
    """A guardian whose school has approved her ID number."""
    return who_has_proven(MOTHER_NUMBER, "mother@example.org")


def who_has_proven(number: str, email: str) -> Account:
    account = builders.an_account(email, password=PASSWORD)
    proofs.keep(account, number_digest(number), how="review", by=None, now=NOW)
    return account


def sent_away(browser: Client, address: str = BEGIN) -> dict[str, str]:
    """What the browser brings to the city."""
    asked = urlsplit(browser.get(address).headers["Location"])
    assert asked.path == "/tpcd/oauth2/authorize"
    return {name: values[0] for name, values in parse_qs(asked.query).items()}


def code_of(city: Server, key: str) -> str:
    there: Any = city.simulators[0]
    return str(there.code_for(PEOPLE[key]))


def come_back(city: Server, browser: Client, key: str = "mother", **answer: str) -> Any:
    asked = sent_away(browser)
    return browser.get(BACK, {"code": code_of(city, key), "state": asked["state"], **answer})


def is_signed_in(browser: Client) -> bool:
    return "_auth_user_id" in browser.session


def connect(city: Server, browser: Client, key: str = "mother") -> Any:
    assert browser.post("/ways/taipei_pass/connect/", {"password": PASSWORD}).status_code == 200
    return come_back(city, browser, key)


def test_the_sign_in_page_offers_it_where_it_is_switched_on(city: Server, settings: Any) -> None:
    assert BEGIN in text_of(visit().get("/sign-in/"))
    settings.TAIPEI_PASS = None
    assert BEGIN not in text_of(visit().get("/sign-in/"))
    assert visit().get(BEGIN).status_code == visit().get(BACK).status_code == 404


def test_a_gold_member_is_signed_in_to_the_one_account_that_has_proven_the_number(
    city: Server, mother: Account
) -> None:
    browser = visit()
    asked = sent_away(browser, f"{BEGIN}?next=/family/")
    answer = browser.get(BACK, {"code": code_of(city, "mother"), "state": asked["state"]})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/family/")
    assert browser.session["_auth_user_id"] == str(mother.pk)
    assert [one["method"] for one in browser.session["account_authentication_methods"]] == ["taipei_pass"]
    link = Link.objects.get()
    assert (link.account, link.by_number) == (mother, True)
    assert [(mail.kind, mail.about) for mail in ActivationMail.objects.all()] == [
        ("way_connected", "台北通 Taipei Pass")
    ]


def test_only_the_first_time_says_by_mail_that_it_is_a_way_in_now(city: Server, mother: Account) -> None:
    for _time in range(2):
        assert come_back(city, visit()).status_code == 302
    mails = ActivationMail.objects.order_by("pk").values_list("kind", flat=True)
    assert list(mails) == ["way_connected", "new_device"]  # the second browser is one that the account does not know
    assert Link.objects.count() == 1


def test_nobody_gets_an_account_by_it(city: Server, mother: Account) -> None:
    browser = visit()
    answer = come_back(city, browser, "stranger")
    assert answer.status_code == 403
    assert reverse("binding-schools") in text_of(answer)
    assert not is_signed_in(browser)
    assert Account.objects.count() == 1


def test_two_accounts_with_the_number_open_neither(city: Server, mother: Account) -> None:
    who_has_proven(MOTHER_NUMBER, "again@example.org")
    browser = visit()
    assert come_back(city, browser).status_code == 403
    assert not is_signed_in(browser)
    assert not Link.objects.exists()


def test_a_number_that_was_only_typed_opens_nothing(city: Server) -> None:
    child = builders.a_student(builders.a_class(builders.a_school()))
    mother = builders.a_guardian(child)
    mother.guardianships.update(person_digest=number_digest(MOTHER_NUMBER))
    assert come_back(city, visit()).status_code == 403


def test_a_basic_member_is_asked_to_become_a_gold_one(city: Server) -> None:
    father = who_has_proven(PEOPLE["basic"].number, "father@example.org")
    browser = visit()
    assert come_back(city, browser, "basic").status_code == 403
    assert not is_signed_in(browser)
    assert not Link.objects.filter(account=father).exists()


@pytest.mark.parametrize("level", ["", "9", None])
def test_a_level_that_the_settings_do_not_name_is_no_gold(city: Server, mother: Account, level: Any) -> None:
    person = Person("mother", "林雅惠", MOTHER_NUMBER, level, "")
    there: Any = city.simulators[0]
    browser = visit()
    asked = sent_away(browser)
    assert browser.get(BACK, {"code": there.code_for(person), "state": asked["state"]}).status_code == 403
    assert not is_signed_in(browser)


def test_who_says_no_there_is_told_that_nothing_happened(city: Server, mother: Account) -> None:
    browser = visit()
    asked = sent_away(browser)
    answer = browser.get(BACK, {"error": "access_denied", "state": asked["state"]})
    assert answer.status_code == 403
    assert BEGIN in text_of(answer)
    assert not is_signed_in(browser)


def test_who_comes_back_after_ten_minutes_begins_again(city: Server, mother: Account) -> None:
    browser = visit()
    asked = sent_away(browser)
    later = {"gatepost.now": NOW + timedelta(minutes=10)}
    answer = browser.get(BACK, {"code": code_of(city, "mother"), "state": asked["state"]}, **later)
    assert answer.status_code == 410
    assert not is_signed_in(browser)


def _of_another_browser(city: Server) -> dict[str, str]:
    return {"code": code_of(city, "mother"), "state": sent_away(visit())["state"]}


FORGED: list[Callable[[Server], dict[str, str]]] = [
    lambda city: {"code": code_of(city, "mother")},
    lambda city: {"code": code_of(city, "mother"), "state": "invented"},
    lambda city: {},
    _of_another_browser,
]


@pytest.mark.parametrize("answer", FORGED)
def test_what_this_browser_did_not_ask_for_signs_nobody_in(
    city: Server, mother: Account, answer: Callable[[Server], dict[str, str]]
) -> None:
    """Nor can somebody be signed in to a stranger's account by a link with the stranger's code."""
    browser = visit()
    sent_away(browser)
    assert browser.get(BACK, answer(city)).status_code == 403
    assert not is_signed_in(browser)


def test_an_answer_counts_once(city: Server, mother: Account) -> None:
    browser = visit()
    asked = sent_away(browser)
    answer = {"code": code_of(city, "mother"), "state": asked["state"]}
    held = dict(browser.session.items())
    browser.get(BACK, answer)
    thief = visit()
    session = thief.session
    session.update(held)
    session.save()
    assert thief.get(BACK, answer).status_code == 410
    assert not is_signed_in(thief)


def test_a_code_that_was_used_elsewhere_opens_nothing(city: Server, mother: Account) -> None:
    code = code_of(city, "mother")
    browser, other = visit(), visit()
    assert browser.get(BACK, {"code": code, "state": sent_away(browser)["state"]}).status_code == 302
    assert other.get(BACK, {"code": code, "state": sent_away(other)["state"]}).status_code == 410
    assert not is_signed_in(other)


class Stubborn:
    """A city that answers every question alike."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply

    def answer(self, call: Call) -> Reply | None:
        return self.reply


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (Reply(b"<html>maintenance</html>", 200), 503),
        (Reply(b"{}", 502), 503),
        (Reply(b'{"error": "invalid_client"}', 401, "application/json"), 503),
        (Reply(b"[]", 200, "application/json"), 403),
        (Reply(b'{"access_token": "t"}', 200, "application/json"), 403),  # a user without data
    ],
)
def test_nonsense_from_the_city_is_a_page_of_ours(
    city: Server, mother: Account, reply: Reply, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = visit()
    asked = sent_away(browser)
    monkeypatch.setattr(city, "simulators", [Stubborn(reply)])
    answer = browser.get(BACK, {"code": "c", "state": asked["state"]})
    assert answer.status_code == status
    assert not is_signed_in(browser)


def test_while_the_city_is_down_the_sign_in_page_is_there(city: Server, settings: Any) -> None:
    gone = Server(0, [])
    gone.server_close()
    settings.TAIPEI_PASS = configured.TaipeiPass(gone.url, "city", "gatepost", "secret", frozenset({"1"}))
    browser = visit()
    state = parse_qs(urlsplit(browser.get(BEGIN).headers["Location"]).query)["state"][0]
    assert browser.get(BACK, {"code": "c", "state": state}).status_code == 503
    assert browser.get("/sign-in/").status_code == 200


def test_an_installation_that_is_no_demonstration_asks_nobody_inside_its_own_network(
    city: Server, mother: Account, settings: Any
) -> None:
    settings.DEMONSTRATION = False
    assert come_back(city, visit()).status_code == 503


def test_whose_role_needs_a_second_factor_still_shows_it(city: Server) -> None:
    office = builders.an_office(builders.a_school())
    proofs.keep(office, number_digest(MOTHER_NUMBER), how="review", by=None, now=NOW)
    browser = visit()
    answer = come_back(city, browser)
    assert answer.headers["Location"].endswith("/sign-in/code/")
    assert not is_signed_in(browser)


def test_a_closed_account_stays_closed(city: Server, mother: Account) -> None:
    Account.objects.update(is_active=False)
    browser = visit()
    come_back(city, browser)
    assert not is_signed_in(browser)
    assert not Link.objects.exists()


def test_who_is_signed_in_connects_it_with_the_password_and_is_told_by_mail(city: Server) -> None:
    account = builders.an_account("mother@example.org", password=PASSWORD)
    browser = visit(account)
    assert browser.get(BEGIN).headers["Location"] == "/ways/"  # not without the password
    assert "aria-invalid" in text_of(browser.post("/ways/taipei_pass/connect/", {"password": "wrong"}))
    assert browser.get(BEGIN).headers["Location"] == "/ways/"
    assert connect(city, browser).headers["Location"] == "/ways/"
    assert "/ways/taipei_pass/disconnect/" in text_of(browser.get("/ways/"))
    assert [mail.kind for mail in ActivationMail.objects.all()] == ["way_connected"]
    assert proofs.digests(account.pk) == [number_digest(MOTHER_NUMBER)]
    other = visit()
    come_back(city, other)
    assert other.session["_auth_user_id"] == str(account.pk)


def test_disconnected_it_signs_nobody_in_and_proves_nothing(city: Server) -> None:
    account = builders.an_account("mother@example.org", password=PASSWORD)
    browser = visit(account)
    connect(city, browser)
    assert "aria-invalid" in text_of(browser.post("/ways/taipei_pass/disconnect/", {"password": "wrong"}))
    assert Link.objects.filter(ended_at=None).exists()
    assert browser.post("/ways/taipei_pass/disconnect/", {"password": PASSWORD}).status_code == 302
    assert proofs.digests(account.pk) == []
    assert come_back(city, visit()).status_code == 403
    assert [mail.kind for mail in ActivationMail.objects.order_by("pk")] == ["way_connected", "way_disconnected"]


def test_one_identity_opens_one_account(city: Server, mother: Account) -> None:
    come_back(city, visit())
    thief = visit(builders.an_account("thief@example.org", password=PASSWORD))
    assert connect(city, thief).status_code == 403
    assert Link.objects.get().account == mother


def test_an_account_is_one_person(city: Server, mother: Account) -> None:
    """Neither another number than the proven one, nor another member than the connected one."""
    browser = visit(mother)
    assert connect(city, browser, "stranger").status_code == 403
    connect(city, browser)
    assert connect(city, browser, "stranger").status_code == 403
    assert proofs.digests(mother.pk) == [number_digest(MOTHER_NUMBER)]


def test_who_signs_in_as_somebody_else_meanwhile_connects_nothing(city: Server, mother: Account) -> None:
    browser = visit(mother)
    browser.post("/ways/taipei_pass/connect/", {"password": PASSWORD})
    asked = sent_away(browser)
    browser.force_login(builders.an_account("other@example.org"), backend="gatepost.accounts.backend.Backend")
    assert browser.get(BACK, {"code": code_of(city, "mother"), "state": asked["state"]}).status_code == 403
    assert not Link.objects.exists()


def test_nobody_is_sent_on_to_another_site(city: Server, mother: Account) -> None:
    browser = visit()
    asked = sent_away(browser, f"{BEGIN}?next=https://evil.example/")
    answer = browser.get(BACK, {"code": code_of(city, "mother"), "state": asked["state"]})
    assert answer.headers["Location"] == "/home/"
