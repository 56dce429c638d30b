"""An address counts as proven as long as something comes back from it now and then."""

from datetime import datetime, timedelta
from email import message_from_bytes
from typing import Any

import pytest

from gatepost.accounts.models import Account
from gatepost.channels.email.address import Mailbox
from gatepost.channels.email.bounce import return_address
from gatepost.channels.email.message import Envelope
from gatepost.notify import addresses, checks, losses, notices, proofs, receipts, recipients, topics
from gatepost.notify.mail import frame
from gatepost.notify.models import Address, Channel, Delivery, Notice
from gatepost.notify.queries import subscribed
from gatepost.portals.tests.visits import text_of, visit
from gatepost.roster.models import Student
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db

NOON = at("12:00")
DAY = timedelta(days=1)


@pytest.fixture
def child() -> Student:
    return builders.a_student(builders.a_class(builders.a_school()))


@pytest.fixture
def mother(child: Student) -> Account:
    """Her address was proven in September, and nothing came back since."""
    return builders.a_guardian(child)


def sent(now: datetime) -> None:
    Delivery.objects.filter(state="queued").update(state="sent", settled_at=now)


def link_in(notice: Notice) -> str:
    words = topics.get(notice.topic).words(notice.data, NOON)
    assert words.link in words.text
    return str(words.link).removeprefix("http://127.0.0.1:8000")


def test_an_address_that_was_silent_for_a_month_is_asked_once_and_the_answer_needs_no_sign_in(
    mother: Account, child: Student, settings: Any
) -> None:
    settings.SITE_URL = "http://127.0.0.1:8000"
    builders.an_address(mother, "second@example.org", proven=False)
    assert checks.follow(at("07:59")) == 0  # nobody is woken
    assert checks.follow(at("20:00")) == 0
    assert checks.follow(NOON) == 1
    assert checks.follow(NOON + timedelta(minutes=5)) == 0
    notice = Notice.objects.get(topic=checks.ADDRESS_CHECK)
    said = topics.get(notice.topic).words(notice.data, NOON)
    assert child.name not in said.text
    assert child.school.name not in said.text
    sent(NOON)
    url, browser = link_in(notice), visit(now=NOON + DAY)
    page = text_of(browser.get(url))
    assert mother.email not in page
    assert Address.objects.get(account=mother, target=mother.email).asked_at == NOON  # a mail program may look
    assert browser.get(url[:-3] + "xx/").status_code == 404
    assert browser.post(url).status_code == 200
    address = Address.objects.get(account=mother, target=mother.email)
    assert (address.proven_at, address.proven_by, address.asked_at) == (NOON + DAY, proofs.ANSWER, None)
    assert checks.follow(NOON + 9 * DAY) == 0


def test_the_link_can_be_pressed_in_the_mail_and_a_safety_message_has_none() -> None:
    slots = {"subject": "s", "headline": "h", "lines": "l", "link": "https://gate.example/reach/x/"}
    envelope = Envelope(sender=_box("gate"), to=_box("mother"), key="k", at=NOON)

    def html(*, linked: bool) -> str:
        mail = message_from_bytes(frame("en", optional=False, linked=linked).fill(slots, envelope))
        return "".join(bytes(part.get_payload(decode=True)).decode() for part in mail.walk() if not part.is_multipart())

    assert html(linked=True).count('href="https://gate.example/reach/x/"') == 1
    assert "href" not in html(linked=False)


def test_who_never_answers_is_asked_twice_then_shown_as_unconfirmed_and_still_told_of_danger(
    mother: Account, child: Student
) -> None:
    checks.follow(NOON)
    sent(NOON)
    assert checks.follow(NOON + 6 * DAY) == 0
    assert checks.follow(NOON + 7 * DAY) == 1
    sent(NOON + 7 * DAY)
    assert checks.follow(NOON + 14 * DAY) == 1
    for later in (15, 40, 80):
        assert checks.follow(NOON + later * DAY) == 0
    address = Address.objects.get(account=mother)
    assert (address.is_usable, address.is_proven) == (True, False)
    browser = visit(mother, now=NOON + 15 * DAY)
    assert "我們問過兩次" in text_of(browser.get("/family/settings/"))
    assert f"如果{child.name}沒有到校" in text_of(browser.get("/family/"))
    fresh = addresses.new_code(address, now=NOON + 15 * DAY)
    browser.post(f"/family/settings/addresses/{address.pk}/code/", {"code": fresh})
    assert "我們問過兩次" not in text_of(browser.get("/family/settings/"))
    assert f"如果{child.name}沒有到校" not in text_of(browser.get("/family/"))


def test_a_question_that_never_left_counts_as_not_asked(mother: Account) -> None:
    checks.follow(NOON)
    Delivery.objects.update(state="dropped", because="stale", settled_at=NOON)
    assert checks.follow(NOON + 7 * DAY) == 2  # forgotten, and asked anew
    assert Address.objects.get(account=mother).asked_at == NOON + 7 * DAY


def test_what_comes_back_anyway_spares_the_question(mother: Account) -> None:
    address = Address.objects.filter(account=mother)
    proofs.note_mailbox(mother.pk, mother.email.upper(), by=proofs.SIGN_IN, now=NOON - DAY)
    assert address.get().proven_by == proofs.SIGN_IN
    assert proofs.note(address, by=proofs.MESSAGE, now=NOON - DAY / 2) == 0  # once a day is enough
    assert checks.follow(NOON) == 0
    address.update(disabled_at=NOON, disabled_because="bounced")
    assert proofs.note(address, by=proofs.MESSAGE, now=NOON + 2 * DAY) == 0  # what is off takes a code


def test_numbers_are_never_asked_because_that_costs_money(mother: Account) -> None:
    proofs.note(Address.objects.filter(account=mother), by=proofs.MESSAGE, now=NOON)
    addresses.count_as_proven(mother, "+886912345678", channel=Channel.SMS, now=at("12:00") - 90 * DAY)
    assert checks.follow(NOON + DAY) == 0


class TestComplaints:
    """A mailbox provider reports that somebody called a mail of ours spam (RFC 5965)."""

    SECRET = b"secret"

    @pytest.fixture
    def delivery(self, mother: Account, child: Student) -> Delivery:
        notices.post([notices.Post("k", "arrived", child.pk, MONDAY, {}, at("13:00"))], now=NOON)
        sent(NOON)
        return Delivery.objects.get()

    def complaint(self, delivery: Delivery, *, kind: str = "abuse", secret: bytes = SECRET) -> bytes:
        ours = return_address(delivery.pk, delivery.on_date, secret=secret, domain="gatepost.example")
        return ARF.format(kind=kind, return_path=ours).encode()

    def came(self, message: bytes) -> str:
        return receipts.bounced(message, to="complaints@gatepost.example", secret=self.SECRET, now=NOON)

    def test_one_ends_what_is_optional_there_and_is_told_at_another_address(
        self, mother: Account, child: Student, delivery: Delivery
    ) -> None:
        there = Address.objects.get(account=mother)
        other = builders.an_address(mother, "second@example.org")
        assert self.came(self.complaint(delivery)) == "complained"
        assert subscribed(mother.pk, child.pk) == {("not_arrived", there.pk)}
        assert losses.follow(NOON) == 1
        assert losses.follow(NOON) == 0
        told = Delivery.objects.exclude(pk=delivery.pk).get()
        assert told.address_id == other.pk
        assert "垃圾郵件" in text_of(visit(mother).get("/family/settings/"))
        assert self.came(self.complaint(delivery)) == "known"
        wanted = [("arrived", Address.objects.get(pk=there.pk)), ("not_arrived", Address.objects.get(pk=there.pk))]
        recipients.subscribe(mother.pk, child.pk, choices=wanted)
        assert Address.objects.get(pk=there.pk).complained_at is None

    def test_who_does_not_hold_our_signature_and_what_is_no_complaint_end_nothing(
        self, mother: Account, child: Student, delivery: Delivery
    ) -> None:
        before = subscribed(mother.pk, child.pk)
        assert self.came(self.complaint(delivery, secret=b"guessed")) == "stranger"
        assert self.came(self.complaint(delivery, kind="not-spam")) == "stranger"
        assert subscribed(mother.pk, child.pk) == before


ARF = """\
From: <abuse@example.com>\r
Subject: FW: a mail\r
To: <complaints@gatepost.example>\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=feedback-report; boundary="part"\r
\r
--part\r
Content-Type: text/plain; charset="US-ASCII"\r
\r
This is an email abuse report.\r
--part\r
Content-Type: message/feedback-report\r
\r
Feedback-Type: {kind}\r
User-Agent: SomeGenerator/1.0\r
Version: 1\r
Original-Rcpt-To: <mother@example.com>\r
\r
--part\r
Content-Type: message/rfc822\r
Content-Disposition: inline\r
\r
Return-Path: <{return_path}>\r
From: <gatepost@gatepost.example>\r
Subject: h\r
\r
l\r
--part--\r
"""


def _box(name: str) -> Mailbox:
    return Mailbox(address=f"{name}@gatepost.example", name="")
