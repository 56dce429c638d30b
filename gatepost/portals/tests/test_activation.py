import re
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from gatepost.accounts import activation
from gatepost.accounts.models import Account, Activation, ActivationMail
from gatepost.channels.email.tests.relays import Script
from gatepost.notify import activations
from gatepost.notify.models import Address
from gatepost.portals.tests import mails
from gatepost.portals.tests.mails import link_in, text_in
from gatepost.portals.tests.visits import NOW, text_of, visit
from tests import builders

pytestmark = pytest.mark.django_db

EMAIL = "mother@example.org"
ID_NUMBER = "Y250000037"
PASSWORD = "gate-and-home-1"
BOTH = {"password": PASSWORD, "again": PASSWORD}


@pytest.fixture
def relay(settings: Any) -> Iterator[Script]:
    with mails.kept(settings) as script:
        yield script


@pytest.fixture
def approved(relay: Script) -> Activation:
    """Somebody was approved; the mail has left."""
    found = activation.ask(EMAIL, name="林淑芬", language="zh-hant", id_number=ID_NUMBER, now=NOW)
    activations.send_due(now=NOW)
    return found


def code_in(relay: Script) -> str:
    found = re.search(r"\b\d{6}\b", text_in(relay))
    assert found is not None
    return found[0]


class TestTheLink:
    def test_leads_to_a_password_and_signs_in(self, approved: Activation, relay: Script) -> None:
        browser = visit()
        assert browser.get(link_in(relay)).headers["Location"] == "/activate/"
        assert EMAIL in text_of(browser.get("/activate/"))
        assert browser.post("/activate/", BOTH).headers["Location"] == "/home/"
        assert browser.get("/home/").status_code == 200
        assert visit().post("/sign-in/", {"login": EMAIL, "password": PASSWORD}).headers["Location"] == "/home/"

    def test_makes_the_mailbox_a_proven_address(self, approved: Activation, relay: Script) -> None:
        browser = visit()
        browser.get(link_in(relay))
        browser.post("/activate/", BOTH)
        assert Address.objects.get(target=EMAIL).is_usable

    def test_nothing_is_open_before_it_is_used(self, approved: Activation) -> None:
        assert not Account.objects.filter(email=EMAIL).exists()

    def test_looking_at_it_does_not_use_it_up(self, approved: Activation, relay: Script) -> None:
        for _look in range(3):
            assert visit().get(link_in(relay)).status_code == 302

    def test_works_once(self, approved: Activation, relay: Script) -> None:
        link, browser = link_in(relay), visit()
        browser.get(link)
        browser.post("/activate/", BOTH)
        answer = visit().get(link)
        assert answer.status_code == 410
        assert 'href="/sign-in/"' in text_of(answer)

    def test_works_for_seven_days(self, approved: Activation, relay: Script) -> None:
        link = link_in(relay)
        assert visit(now=NOW + timedelta(days=7, seconds=-1)).get(link).status_code == 302
        answer = visit(now=NOW + timedelta(days=7)).get(link)
        assert answer.status_code == 410
        assert 'href="/activate/again/"' in text_of(answer)

    def test_one_that_was_cut_short_says_where_to_get_another(self, approved: Activation, relay: Script) -> None:
        answer = visit().get(link_in(relay)[:-2] + "/")
        assert answer.status_code == 404
        assert 'href="/activate/again/"' in text_of(answer)

    def test_is_kept_nowhere_in_clear(self, approved: Activation, relay: Script) -> None:
        token = link_in(relay).split("/")[2]
        assert token.encode() not in bytes(ActivationMail.objects.get().digest or b"")

    def test_in_the_session_of_somebody_else_opens_nothing(self, approved: Activation, relay: Script) -> None:
        browser = visit(builders.an_account("other@example.org"))
        answer = browser.get(link_in(relay), follow=True)
        assert answer.status_code == 403
        assert 'href="/sign-out/"' in text_of(answer)
        assert browser.post("/activate/", BOTH).status_code == 403
        assert not Account.objects.filter(email=EMAIL).exists()

    def test_a_second_browser_without_the_link_gets_no_form(self, approved: Activation) -> None:
        assert visit().get("/activate/").headers["Location"] == "/activate/again/"

    def test_the_form_is_good_for_an_hour(self, approved: Activation, relay: Script) -> None:
        browser = visit()
        browser.get(link_in(relay))
        later = visit(now=NOW + timedelta(hours=1))
        later.cookies = browser.cookies
        assert later.post("/activate/", BOTH).headers["Location"] == "/activate/again/"


class TestThePassword:
    @pytest.mark.parametrize("weak", ["short", "password123", "mother@example.org", ID_NUMBER, ID_NUMBER.lower()])
    def test_a_weak_one_is_refused(self, approved: Activation, relay: Script, weak: str) -> None:
        browser = visit()
        browser.get(link_in(relay))
        answer = browser.post("/activate/", {"password": weak, "again": weak})
        assert 'aria-invalid="true"' in text_of(answer)
        assert not Account.objects.filter(email=EMAIL).exists()

    def test_two_different_ones_are_refused(self, approved: Activation, relay: Script) -> None:
        browser = visit()
        browser.get(link_in(relay))
        assert 'role="alert"' in text_of(browser.post("/activate/", BOTH | {"again": PASSWORD + "2"}))


class TestAnEmailThatHasAnAccount:
    def test_is_confirmed_by_signing_in_and_keeps_its_password(self, approved: Activation, relay: Script) -> None:
        mother = builders.an_account(EMAIL, password=PASSWORD)
        browser = visit()
        answer = browser.get(link_in(relay), follow=True)
        assert 'href="/sign-in/?next=/activate/"' in text_of(answer)
        sign_in = {"login": EMAIL, "password": PASSWORD, "next": "/activate/"}
        assert browser.post("/sign-in/", sign_in).headers["Location"] == "/activate/"
        assert browser.post("/activate/").headers["Location"] == "/home/"
        approved.refresh_from_db()
        assert approved.account == mother

    def test_its_password_cannot_be_set_by_the_link(self, approved: Activation, relay: Script) -> None:
        mother = builders.an_account(EMAIL, password=PASSWORD)
        browser = visit()
        browser.get(link_in(relay))
        browser.post("/activate/", {"password": "another-word-7", "again": "another-word-7"})
        mother.refresh_from_db()
        assert mother.check_password(PASSWORD)
        approved.refresh_from_db()
        assert approved.used_at is None

    def test_the_mail_asks_to_confirm(self, relay: Script) -> None:
        builders.an_account(EMAIL)
        activation.ask(EMAIL.upper(), name="林淑芬", language="en", now=NOW)
        activations.send_due(now=NOW)
        assert "sign in to confirm" in text_in(relay)


class TestANewLink:
    def ask(self, email: str) -> str:
        answer = visit().post("/activate/again/", {"email": email})
        assert answer.status_code == 200
        return re.sub(r"csrf\S+ value=\S+", "", text_of(answer))

    def test_is_sent_and_the_answer_is_the_same_for_everybody(self, approved: Activation, relay: Script) -> None:
        builders.an_account("has@example.org")
        assert self.ask(EMAIL) == self.ask("nobody@example.org") == self.ask("has@example.org")
        activations.send_due(now=NOW)
        assert len(relay.mails) == 2
        assert visit().get(link_in(relay)).status_code == 302

    def test_five_a_day_are_enough_for_any_mailbox(self, approved: Activation) -> None:
        for email in (EMAIL, "nobody@example.org"):
            for _attempt in range(5):
                visit().post("/activate/again/", {"email": email})
            answer = visit().post("/activate/again/", {"email": email.upper()})
            assert 'aria-invalid="true"' in text_of(answer)


class TestTheFirstPassword:
    def first(self, email: str = EMAIL, number: str = ID_NUMBER[-6:]) -> Client:
        browser = visit()
        answer = browser.post("/first-sign-in/", {"email": email, "number": number})
        assert answer.headers["Location"] == "/first-sign-in/code/"
        activations.send_due(now=NOW)
        return browser

    def test_has_a_code_sent_and_then_a_password_is_set(self, approved: Activation, relay: Script) -> None:
        browser = self.first()
        assert browser.post("/first-sign-in/code/", {"code": code_in(relay)}).headers["Location"] == "/activate/"
        assert browser.post("/activate/", BOTH).headers["Location"] == "/home/"

    def test_never_signs_in_by_itself(self, approved: Activation) -> None:
        browser = self.first()
        assert browser.get("/activate/").headers["Location"] == "/activate/again/"
        assert visit().post("/sign-in/", {"login": EMAIL, "password": ID_NUMBER[-6:]}).status_code == 200

    def test_a_wrong_one_or_an_unknown_email_gets_the_same_page_and_no_code(
        self, approved: Activation, relay: Script
    ) -> None:
        self.first(number="000000")
        self.first("nobody@example.org")
        assert len(relay.mails) == 1

    def test_works_once(self, approved: Activation, relay: Script) -> None:
        browser = self.first()
        browser.post("/first-sign-in/code/", {"code": code_in(relay)})
        before = len(relay.mails)
        self.first()
        assert len(relay.mails) == before

    def test_is_bounded_in_time(self, approved: Activation, relay: Script) -> None:
        Activation.objects.update(first_password_until=NOW)
        self.first()
        assert len(relay.mails) == 1

    def test_five_tries_a_day_for_one_email(self, approved: Activation) -> None:
        for _attempt in range(5):
            self.first(number="000000")
        answer = visit().post("/first-sign-in/", {"email": EMAIL, "number": ID_NUMBER[-6:]})
        assert 'role="alert"' in text_of(answer)

    def test_sixty_an_hour_from_one_network_address(self, approved: Activation) -> None:
        for number in range(60):
            visit().post("/first-sign-in/", {"email": f"p{number}@example.org", "number": "000000"})
        form = {"email": "another@example.org", "number": "000000"}
        assert 'role="alert"' in text_of(visit().post("/first-sign-in/", form))
        assert visit(REMOTE_ADDR="192.0.2.9").post("/first-sign-in/", form).status_code == 302

    def test_after_five_wrong_codes_the_right_one_is_too_late(self, approved: Activation, relay: Script) -> None:
        browser = self.first()
        wrong = f"{(int(code_in(relay)) + 1) % 1_000_000:06d}"
        for _attempt in range(5):
            browser.post("/first-sign-in/code/", {"code": wrong})
        assert browser.post("/first-sign-in/code/", {"code": code_in(relay)}).status_code == 200

    def test_no_row_holds_the_number(self, approved: Activation) -> None:
        kept = Activation.objects.values().get()
        assert not [one for one in kept.values() if ID_NUMBER[-6:] in str(one)]

    def test_is_gone_with_its_mail_when_the_operator_switches_it_off(self, relay: Script, settings: Any) -> None:
        settings.FIRST_PASSWORD_BY_ID_NUMBER = False
        activation.ask(EMAIL, name="林淑芬", language="zh-hant", id_number=ID_NUMBER, now=NOW)
        activations.send_due(now=NOW)
        assert "/first-sign-in/" not in text_in(relay)
        assert visit().get("/first-sign-in/").status_code == 404
        assert "/first-sign-in/" not in text_of(visit().get("/sign-in/"))

    def test_stands_in_the_mail_after_the_link(self, approved: Activation, relay: Script) -> None:
        text = text_in(relay)
        assert 0 < text.index("/activate/") < text.index(reverse("first-sign-in"))


class TestTheMail:
    def test_comes_again_when_the_relay_was_away(self, relay: Script, settings: Any) -> None:
        port, settings.SMTP_PORT = settings.SMTP_PORT, 1
        activation.ask(EMAIL, name="林淑芬", language="zh-hant", now=NOW)
        activations.send_due(now=NOW)
        settings.SMTP_PORT = port
        activations.send_due(now=NOW + timedelta(seconds=29))
        assert not relay.mails
        activations.send_due(now=NOW + timedelta(seconds=31))
        assert visit().get(link_in(relay)).status_code == 302

    @pytest.mark.parametrize("language", ["zh-hant", "en", "vi", "id"])
    def test_speaks_the_language_of_the_applicant(self, relay: Script, language: str) -> None:
        activation.ask(EMAIL, name="Lan", language=language, now=NOW)
        activations.send_due(now=NOW)
        mail = message_from_bytes(relay.mails[-1].message, policy=policy.default)
        assert str(mail["Content-Language"]) == ("zh-Hant" if language == "zh-hant" else language)
        assert link_in(relay)
