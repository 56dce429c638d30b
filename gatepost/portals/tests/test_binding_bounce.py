"""An applicant's address that bounces: the family reads it beside the field, the school in the review."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client

from gatepost.channels.email.tests import relays
from gatepost.guardians.applications import approvals, emails, letters, review
from gatepost.guardians.applications.models import Applicant, Application
from gatepost.notify import receipts
from gatepost.notify.tests.test_receipts import PASSING, PERMANENT
from gatepost.portals.tests.test_binding import FATHER, MOTHER, NOW, at_people, child, said, submitted, typed
from gatepost.portals.tests.visits import text_of, visit
from gatepost.roster.models import Student
from tests import builders

__all__ = ["child"]  # the fixture
pytestmark = pytest.mark.django_db

GONE = "550 5.1.1 no such user"
FULL = "452 4.2.2 mailbox full"


@pytest.fixture(autouse=True)
def easy_human_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepost.portals.binding.human.COST", 1)


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[relays.Script]:
    """A mail server that the codes and letters go to."""
    script = relays.Script()
    with relays.scripted(script) as found:
        monkeypatch.setattr(settings, "SMTP_HOST", found.host)
        monkeypatch.setattr(settings, "SMTP_PORT", found.port)
        yield script


def with_email(child: Student) -> Client:
    """A family in front of proving its one applicant's email."""
    browser = at_people(child, "parent")
    browser.post("/apply/people/", typed(MOTHER))
    return browser


def review_of(child: Student) -> str:
    registrar = visit(builders.an_office(child.school, "registrar"), now=NOW)
    url = f"/schools/{child.school.code}/applications/"
    return said(registrar.get(url)) + said(registrar.get(f"{url}{Application.objects.get().pk}/"))


class TestTheCode:
    def test_refused_leads_back_to_the_field_which_says_so(self, child: Student, relay: relays.Script) -> None:
        relay.recipients["mother@example.org"] = GONE
        browser = with_email(child)
        answer = browser.post("/apply/email/1/", {"send": "1"})
        assert answer["Location"] == "/apply/people/"
        page = text_of(browser.get("/apply/people/"))
        before, _label, after = page.partition('for="id_p1-email"')
        assert "信被退回" in after
        assert 'value="mother@example.org"' in after
        assert 'value="林淑芬"' in before
        assert 'aria-invalid="true"' in after

    def test_another_address_is_a_fresh_start(self, child: Student, relay: relays.Script) -> None:
        relay.recipients["mother@example.org"] = GONE
        browser = with_email(child)
        browser.post("/apply/email/1/", {"send": "1"})
        answer = browser.post("/apply/people/", typed({**MOTHER, "email": "mama@example.org", "id_number": ""}))
        assert answer["Location"] == "/apply/email/1/"
        assert "信被退回" not in said(browser.get("/apply/email/1/"))
        browser.post("/apply/email/1/", {"send": "1"})
        assert [mail.recipient for mail in relay.mails] == ["mama@example.org"]

    def test_who_insists_can_have_another_code_sent(
        self, child: Student, relay: relays.Script, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        relay.recipients["mother@example.org"] = GONE
        browser = with_email(child)
        browser.post("/apply/email/1/", {"send": "1"})
        assert browser.post("/apply/people/", typed({**MOTHER, "id_number": ""}))["Location"] == "/apply/email/1/"
        assert "信被退回" in said(browser.get("/apply/email/1/"))
        del relay.recipients["mother@example.org"]
        monkeypatch.setattr("gatepost.guardians.applications.emails.secrets.randbelow", lambda most: 123456)
        browser.post("/apply/email/1/", {"send": "1"})
        assert browser.post("/apply/email/1/", {"code": "123456"})["Location"] == "/apply/summary/"
        assert Applicant.objects.get().email_refused_at is None

    def test_a_server_that_is_busy_says_nothing_of_the_address(self, child: Student, relay: relays.Script) -> None:
        relay.recipients["mother@example.org"] = FULL
        browser = with_email(child)
        assert browser.post("/apply/email/1/", {"send": "1"})["Location"] == "/apply/email/1/"
        assert Applicant.objects.get().email_refused_at is None

    def test_refused_it_cannot_be_submitted(self, child: Student, relay: relays.Script) -> None:
        browser = with_email(child)
        Applicant.objects.update(email_proven_at=NOW, email_refused_at=NOW)
        page = said(browser.post("/apply/summary/", {"version": str(Application.objects.get().version)}))
        assert "信被退回" in page
        assert Application.objects.get().submitted_at is None


class TestTheLetter:
    def test_refused_by_the_relay_the_school_and_the_family_read_it(self, child: Student, relay: relays.Script) -> None:
        relay.recipients["father@example.org"] = GONE
        browser = submitted(child)
        assert "被退回" not in review_of(child)
        letters.send_due(now=NOW)
        page = review_of(child)
        assert "Email 被退回" in page
        assert "寄到 father@example.org 的信於 2026/11/23 被退回" in page
        assert "寄到 mother@example.org" not in page
        assert "寄到 father@example.org 的信被退回。請告訴學校" in said(browser.get("/apply/status/"))

    def test_returned_the_family_corrects_it_and_only_then_submits(self, child: Student, relay: relays.Script) -> None:
        relay.recipients["father@example.org"] = GONE
        browser = submitted(child)
        letters.send_due(now=NOW)
        office = builders.an_office(child.school, "registrar")
        review.return_to_family(Application.objects.get(), "請更正 Email", by=office, now=NOW)
        assert "信被退回" in said(browser.get("/apply/people/"))
        right = {**FATHER, "email": "papa@example.org", "id_number": ""}
        browser.post("/apply/people/", typed({**MOTHER, "id_number": ""}, right))
        Applicant.objects.update(email_proven_at=NOW)
        browser.post("/apply/summary/", {"version": str(Application.objects.get().version)})
        assert Application.objects.get().state == "submitted"
        assert "被退回" not in review_of(child)

    def test_exact_matches_with_one_are_not_approved_together(
        self, child: Student, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        submitted(child)
        monkeypatch.setattr("gatepost.guardians.applications.compare.is_exact", lambda one, ring: True)
        queue = approvals._together(Application.objects.all())
        assert queue.exists()
        Applicant.objects.filter(position=2).update(email_refused_at=NOW)
        assert not queue.all().exists()


class TestWhatComesBackLater:
    """The relay took the mail; a report names the return address that the mail left with."""

    def left_with(self, child: Student, relay: relays.Script) -> dict[str, str]:
        submitted(child)
        letters.send_due(now=NOW)
        return {mail.recipient: mail.sender for mail in relay.mails}

    def came_back(self, to: str, message: bytes = PERMANENT) -> str:
        return receipts.bounced(message, to=to, secret=settings.MAIL_BOUNCE_SECRET, now=NOW)

    def test_the_school_reads_it_as_well(self, child: Student, relay: relays.Script) -> None:
        senders = self.left_with(child, relay)
        assert self.came_back(senders["father@example.org"]) == "disabled"
        assert "寄到 father@example.org 的信於" in review_of(child)

    def test_a_code_has_such_a_return_address_too(self, child: Student, relay: relays.Script) -> None:
        browser = with_email(child)
        browser.post("/apply/email/1/", {"send": "1"})
        assert self.came_back(relay.mails[0].sender) == "disabled"
        assert "信被退回" in said(browser.get("/apply/email/1/"))

    def test_a_full_mailbox_says_nothing_of_the_address(self, child: Student, relay: relays.Script) -> None:
        senders = self.left_with(child, relay)
        assert self.came_back(senders["father@example.org"], PASSING) == "failed"
        assert self.came_back(senders["father@example.org"], b"From: x\n\nThank you") == "chatter"
        assert not Applicant.objects.filter(email_refused_at__isnull=False).exists()

    def test_of_an_address_that_was_changed_meanwhile_it_says_nothing(
        self, child: Student, relay: relays.Script
    ) -> None:
        senders = self.left_with(child, relay)
        Applicant.objects.filter(position=2).update(email="papa@example.org")
        assert self.came_back(senders["father@example.org"]) == "known"
        assert not Applicant.objects.filter(email_refused_at__isnull=False).exists()

    def test_who_does_not_hold_our_signature_marks_nobody(self, child: Student, relay: relays.Script) -> None:
        senders = self.left_with(child, relay)
        mother, father = senders["mother@example.org"], senders["father@example.org"]
        forged = (
            f"{father.rpartition('.')[0].rpartition('.')[0]}.{mother.partition('@')[0].rpartition('.')[2]}@x.example"
        )
        assert self.came_back(forged) == "known"
        assert self.came_back("bounce+p.zzzzzzzzzzzzzzzzzzzzzzzzz.aaaaaaaaaaaaaaaaaaaa@x.example") == "stranger"
        assert not Applicant.objects.filter(email_refused_at__isnull=False).exists()

    def test_the_local_part_stays_within_64_octets(self, child: Student, relay: relays.Script) -> None:
        submitted(child)
        longest = emails.return_address(Applicant._meta.pk.to_python("f" * 32), "x@example.org")
        assert len(longest.partition("@")[0]) <= 64
