"""A phone that is signed in lets a computer in: after a look at where and what, once, in time, and only there."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from allauth.account.internal.userkit import user_id_to_str
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from gatepost.accounts import phone_approvals, proofs
from gatepost.accounts.models import Account, PhoneApproval
from gatepost.audit.models import Entry
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.sso.tests.conversations import a_service
from tests import builders
from tests.builders import a_code

pytestmark = pytest.mark.django_db

SHOW = "/sign-in/phone/"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36"
PASSWORD = "gate-and-home-1"


@pytest.fixture
def mother() -> Account:
    account = builders.an_account("mother@example.org", name="林淑芬", password=PASSWORD, language="en")
    return builders.a_guardian(builders.a_student(builders.a_class(builders.a_school())), account=account)


@pytest.fixture
def computer() -> Client:
    return visit(HTTP_ACCEPT_LANGUAGE="en", HTTP_USER_AGENT=WINDOWS, REMOTE_ADDR="203.0.113.7")


def a_phone(account: Account, *, proven: datetime = NOW) -> Client:
    """Signed in, by a password that was typed at `proven`."""
    browser = visit(account, REMOTE_ADDR="198.51.100.4")
    session = browser.session
    session["account_authentication_methods"] = [{"method": "password", "at": proven.timestamp()}]
    session["account_authentication_methods_user"] = user_id_to_str(account)
    session.save()
    return browser


def link_on(computer: Client, **query: str) -> str:
    """What the QR code of the page holds: a path."""
    assert computer.get(SHOW, query).status_code == 200
    return f"{SHOW}{computer.session['phone-approval']['link']}/"


def match_on(computer: Client) -> str:
    found = re.search(r'class="match num">(\d\d)<', text_of(computer.get(f"{SHOW}?watch=")))
    assert found is not None
    return found[1]


def let_in(computer: Client, phone: Client, **query: str) -> None:
    """The phone opens the code and says yes."""
    link = link_on(computer, **query)
    assert phone.get(link).status_code == 200
    assert "Go on at the computer" in text_of(phone.post(link, {"match": match_on(computer)}))


def at(browser: Client, after: timedelta) -> Client:
    """The same browser at another time."""
    moved = visit(now=NOW + after, HTTP_ACCEPT_LANGUAGE="en", HTTP_USER_AGENT=WINDOWS)
    moved.cookies = browser.cookies
    return moved


def is_signed_in(browser: Client) -> bool:
    return browser.get("/home/").headers.get("Location") != "/sign-in/?next=/home/"


class TestLettingIn:
    def test_the_computer_goes_on_to_the_page_that_was_wanted(self, mother: Account, computer: Client) -> None:
        page = text_of(computer.get("/sign-in/?next=/family/settings/"))
        assert f'href="{SHOW}?next=%2Ffamily%2Fsettings%2F"' in page
        let_in(computer, a_phone(mother), next="/family/settings/")
        assert "Go on as 林淑芬?" in text_of(computer.get(f"{SHOW}?watch=waiting"))
        assert computer.post(SHOW).headers["Location"] == "/family/settings/"
        assert is_signed_in(computer)
        request = computer.get("/home/").wsgi_request
        assert proofs.of_session(request, mother, now=NOW).methods == ("mca",)
        assert set(Entry.objects.values_list("action", flat=True)) >= {
            "phone_approval:approved",
            "phone_approval:redeemed",
        }

    def test_the_phone_sees_where_and_what_before_it_says_yes(self, mother: Account, computer: Client) -> None:
        link = link_on(computer)
        page = text_of(a_phone(mother).get(link))
        assert "Chrome on Windows" in page
        assert "203.0.113.* (another one than this phone’s)" in page
        assert "08:12" in page
        assert "Say yes only to a screen in front of you" in page
        assert "Your phone has opened it" in text_of(computer.get(f"{SHOW}?watch=waiting"))

    def test_the_phone_sees_the_name_of_the_service(self, mother: Account, computer: Client) -> None:
        service = a_service("酷課雲").service
        link = link_on(computer, next=f"{reverse('sso-authorize')}?client_id={service.client_id}&scope=openid")
        assert "酷課雲" in text_of(a_phone(mother).get(link))

    def test_nobody_is_let_in_by_opening_the_code(self, mother: Account, computer: Client) -> None:
        a_phone(mother).get(link_on(computer))
        assert computer.post(SHOW).headers["Location"] == f"{SHOW}?watch=approved"
        assert not is_signed_in(computer)

    def test_the_computer_is_not_signed_in_before_its_person_goes_on(self, mother: Account, computer: Client) -> None:
        let_in(computer, a_phone(mother))
        computer.get(f"{SHOW}?watch=waiting")
        assert not is_signed_in(computer)

    def test_a_role_that_needs_a_second_factor_shows_it_at_the_computer(self, computer: Client) -> None:
        office = builders.an_office(
            builders.a_school(), account=builders.an_account("office@example.org", language="en")
        )
        let_in(computer, a_phone(office))
        assert computer.post(SHOW).headers["Location"] == "/sign-in/code/"
        assert not is_signed_in(computer)
        assert computer.post("/sign-in/code/", {"code": a_code(now=NOW)}).headers["Location"] == "/home/"

    def test_leads_to_no_other_house(self, mother: Account, computer: Client) -> None:
        let_in(computer, a_phone(mother), next="https://evil.example/")
        assert computer.post(SHOW).headers["Location"] == "/home/"


class TestSayingNo:
    def test_the_computer_says_so_and_looks_no_further(self, mother: Account, computer: Client) -> None:
        phone, link = a_phone(mother), link_on(computer)
        assert "You said no" in text_of(phone.post(link, {"refuse": "yes"}))
        page = text_of(computer.get(f"{SHOW}?watch=waiting"))
        assert "The phone said no" in page
        assert "hx-get" not in page
        assert "refresh" not in page
        assert "answered already" in text_of(phone.post(link, {"match": "00"}))
        assert not is_signed_in(computer)

    def test_a_wrong_number_is_a_no_for_good(self, mother: Account, computer: Client) -> None:
        phone, link = a_phone(mother), link_on(computer)
        match, asked = match_on(computer), PhoneApproval.objects.get()
        wrong = next(one for one in asked.choices if one != match)
        assert "not the number on the screen" in text_of(phone.post(link, {"match": wrong}))
        assert "answered already" in text_of(phone.post(link, {"match": match}))
        assert "The phone said no" in text_of(computer.get(f"{SHOW}?watch=seen"))

    @pytest.mark.parametrize("typed", ["", "xx"])
    def test_no_number_is_no_answer(self, mother: Account, computer: Client, typed: str) -> None:
        phone, link = a_phone(mother), link_on(computer)
        assert 'role="alert"' in text_of(phone.post(link, {"match": typed}))
        assert phone.post(link, {"match": match_on(computer)}).status_code == 200


class TestInTime:
    def test_the_code_is_good_for_two_minutes(self, mother: Account, computer: Client) -> None:
        link, match = link_on(computer), match_on(computer)
        late = at(a_phone(mother), phone_approvals.GOOD_FOR)
        answer = late.post(link, {"match": match})
        assert answer.status_code == 410
        assert "older than two minutes" in text_of(answer)
        page = text_of(at(computer, phone_approvals.GOOD_FOR).get(f"{SHOW}?watch=waiting"))
        assert "The time is over" in page
        assert "hx-get" not in page

    def test_a_clock_that_is_far_off_opens_nothing(self, mother: Account, computer: Client) -> None:
        link = link_on(computer)
        assert at(a_phone(mother), -timedelta(minutes=2)).get(link).status_code == 410

    def test_the_yes_is_good_for_a_minute(self, mother: Account, computer: Client) -> None:
        let_in(computer, a_phone(mother))
        assert "The time is over" in text_of(at(computer, phone_approvals.REDEEM_WITHIN).post(SHOW, follow=True))
        assert not is_signed_in(computer)

    def test_a_new_look_at_the_page_shows_the_same_code_while_it_is_good_and_then_another(
        self, computer: Client
    ) -> None:
        first = link_on(computer)
        assert link_on(computer) == first
        assert link_on(computer, next="/family/") != first  # it leads elsewhere
        later = at(computer, phone_approvals.GOOD_FOR)
        assert link_on(later) != first

    def test_looking_for_an_answer_costs_little_and_begins_nothing(self, computer: Client) -> None:
        link_on(computer)
        answer = computer.get(f"{SHOW}?watch=waiting", HTTP_HX_REQUEST="true")
        assert (answer.status_code, answer.content) == (204, b"")
        nobody = visit().get(f"{SHOW}?watch=waiting")
        assert nobody.headers["Location"] == "/sign-in/"
        assert PhoneApproval.objects.count() == 1

    def test_without_scripts_the_page_looks_again_by_itself(self, computer: Client) -> None:
        page = text_of(computer.get(SHOW))
        assert f'<noscript><meta http-equiv="refresh" content="5; url={SHOW}?watch=waiting"></noscript>' in page

    def test_who_begins_too_often_waits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(phone_approvals, "STARTS_AN_HOUR", 1)
        assert visit().get(SHOW).status_code == 200
        assert visit().get(SHOW).headers["Location"] == "/sign-in/"
        assert visit(REMOTE_ADDR="192.0.2.1").get(SHOW).status_code == 200

    def test_what_is_older_than_a_day_is_forgotten(self, computer: Client) -> None:
        link_on(computer)
        visit(now=NOW + timedelta(days=1, minutes=1)).get(SHOW)
        assert PhoneApproval.objects.count() == 1


class TestAttacks:
    def test_a_yes_is_of_use_only_in_the_browser_that_showed_the_code(self, mother: Account, computer: Client) -> None:
        let_in(computer, a_phone(mother))
        thief = visit()
        link_on(thief)
        session = thief.session
        session["phone-approval"] |= {"id": computer.session["phone-approval"]["id"]}
        session.save()
        assert thief.post(SHOW).headers["Location"] == "/sign-in/"
        assert not is_signed_in(thief)

    def test_a_yes_is_of_use_once(self, mother: Account, computer: Client) -> None:
        let_in(computer, a_phone(mother))
        kept = computer.session["phone-approval"]
        phone_approvals.redeem(kept["id"], kept["browser"], now=NOW)
        with pytest.raises(phone_approvals.ApprovalRefused):
            phone_approvals.redeem(kept["id"], kept["browser"], now=NOW)
        assert not is_signed_in(computer)

    def test_nobody_answers_what_another_account_has_opened(self, mother: Account, computer: Client) -> None:
        link, match = link_on(computer), match_on(computer)
        a_phone(mother).get(link)
        other = a_phone(builders.an_account("other@example.org", language="en"))
        answer = other.post(link, {"match": match})
        assert answer.status_code == 410
        assert "somebody else has opened it" in text_of(answer)
        assert PhoneApproval.objects.get().approved_at is None

    def test_a_phone_that_is_not_signed_in_signs_in_first(self, computer: Client) -> None:
        link = link_on(computer)
        assert visit().get(link).headers["Location"] == f"/sign-in/?next={link}"
        assert PhoneApproval.objects.get().seen_at is None

    def test_an_old_sign_in_proves_itself_again(
        self, mother: Account, computer: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        link = link_on(computer)
        match = match_on(computer)
        phone = a_phone(mother, proven=NOW - phone_approvals.FRESH_FOR - timedelta(seconds=1))
        again = phone.post(link, {"match": match}).headers["Location"]
        assert again.startswith("/sign-in/again/?next=")
        assert PhoneApproval.objects.get().approved_at is None
        assert phone.post(again, {"password": PASSWORD}).headers["Location"] == link
        assert phone.post(link, {"match": match}).status_code == 200
        assert PhoneApproval.objects.get().approved_at == NOW

    def test_a_form_of_another_site_neither_answers_nor_goes_on(self, mother: Account, computer: Client) -> None:
        link, match = link_on(computer), match_on(computer)
        phone = a_phone(mother)
        phone.get(link)
        for browser, where in ((phone, link), (computer, SHOW)):
            forged = Client(enforce_csrf_checks=True)
            forged.cookies = browser.cookies
            assert forged.post(where, {"match": match}).status_code == 403
        assert PhoneApproval.objects.get().approved_at is None

    def test_a_session_that_was_put_into_the_computer_is_not_the_one_that_is_signed_in(
        self, mother: Account, computer: Client
    ) -> None:
        let_in(computer, a_phone(mother))
        planted = computer.session.session_key or ""
        computer.post(SHOW)
        assert is_signed_in(computer)
        other = visit()
        other.cookies["gatepost"] = planted
        assert not is_signed_in(other)

    def test_an_account_that_is_closed_meanwhile_lets_nobody_in(self, mother: Account, computer: Client) -> None:
        let_in(computer, a_phone(mother))
        Account.objects.filter(pk=mother.pk).update(is_active=False)
        computer.post(SHOW)
        assert not is_signed_in(computer)

    def test_the_database_takes_no_second_answer_and_no_redemption_without_a_yes(
        self, mother: Account, computer: Client
    ) -> None:
        link_on(computer)
        row = PhoneApproval.objects.filter()
        seen: dict[str, Any] = {"seen_at": NOW, "account": mother}
        for values in ({"approved_at": NOW}, {"redeemed_at": NOW}, {**seen, "approved_at": NOW, "refused_at": NOW}):
            with pytest.raises(IntegrityError), transaction.atomic():
                row.update(**values)
