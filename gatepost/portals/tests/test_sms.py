"""The service of short messages: a number, the family's months, the school's budget and its word."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

import pytest

from gatepost.accounts.models import Account
from gatepost.allowances import budgets, rules
from gatepost.allowances.models import Budget, Grant
from gatepost.attendance import notices as words
from gatepost.attendance.models import Day, Sweep
from gatepost.channels.sms.tests.fake_mitake import FakeMitake, mitake
from gatepost.notify import addresses, notices, recipients, sender, sms, sms_reports
from gatepost.notify.models import Address, AddressProof, Channel, Delivery, SmsPart
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.roster.models import School, Student
from tests import builders
from tests.builders import MONDAY

pytestmark = pytest.mark.django_db

NUMBER = {"target": "0912-345-678"}
MONTHS = "/family/text-messages/"
NEW = "/family/settings/numbers/new/"
NOVEMBER, DECEMBER = date(2026, 11, 1), date(2026, 12, 1)
BUDGET = {"month": "2026-11-01", "granted": "500", "price": "0.85", "monthly_fee": "30"}


@pytest.fixture
def child() -> Student:
    school = builders.a_school()
    builders.a_school_day(school)
    return builders.a_student(builders.a_class(school))


@pytest.fixture
def school(child: Student) -> School:
    return child.school


@pytest.fixture
def mother(child: Student) -> Account:
    return builders.a_guardian(child, subscribed=[])


@pytest.fixture(autouse=True)
def gateway(settings: Any) -> Iterator[FakeMitake]:
    """A city that sends over Mitake."""
    with mitake() as fake:
        settings.SMS, settings.SMS_URL, settings.SMS_USER, settings.SMS_PASSWORD = "mitake", fake.url, "city", "secret"
        settings.CHANNELS = ["email", "sms"]
        yield fake


def a_budget(school: School, month: date = NOVEMBER, fee: int = 30) -> Budget:
    return budgets.set_budget(school, month, granted=100, segment_price=85, monthly_fee=fee, by=None)


def page_of(school: School) -> str:
    return f"/schools/{school.code}/text-messages/"


class TestNumber:
    def test_a_number_counts_after_the_code_came_back_from_it(self, mother: Account, gateway: FakeMitake) -> None:
        browser = visit(mother)
        answer = browser.post(NEW, NUMBER, follow=True)
        assert "0912…678" in text_of(answer)
        (sent,) = gateway.sent.values()
        assert sent[1] == "0912345678"
        address = Address.objects.get(channel=Channel.SMS)
        assert not address.is_usable
        code = re.findall(r"\d{6}", sent[6])[0]
        assert "0912…678" in text_of(
            browser.post(f"/family/settings/numbers/{address.pk}/code/", {"code": code}, follow=True)
        )
        address.refresh_from_db()
        assert (address.is_usable, address.target, address.label) == (True, "+886912345678", "0912…678")

    @pytest.mark.parametrize("target", ["+44 7700 900123", "02-27208889", "hello"])
    def test_what_is_no_mobile_number_here_is_refused_and_nothing_is_sent(
        self, mother: Account, gateway: FakeMitake, target: str
    ) -> None:
        answer = text_of(visit(mother).post(NEW, {"target": target}))
        assert target in answer
        assert "0912-345-678" in answer
        assert not gateway.requests

    def test_who_has_no_child_here_gets_no_code(self, gateway: FakeMitake) -> None:
        visit(builders.an_account()).post(NEW, NUMBER)
        assert not gateway.requests

    def test_codes_are_bounded_and_proving_or_removing_does_not_reset_them(
        self, mother: Account, gateway: FakeMitake
    ) -> None:
        browser = visit(mother)
        for _ in range(6):
            browser.post(NEW, NUMBER)
            address = Address.objects.get(channel=Channel.SMS)
            code = re.findall(r"\d{6}", list(gateway.sent.values())[-1][6])[0]
            browser.post(f"/family/settings/numbers/{address.pk}/code/", {"code": code})
            Address.objects.filter(channel=Channel.SMS).delete()
        assert len(gateway.sent) == addresses.SMS_CODES_A_PERSON

    def test_everybody_together_has_a_bound_an_hour(self, mother: Account, gateway: FakeMitake, settings: Any) -> None:
        settings.SMS_CODES_AN_HOUR = 1
        AddressProof.objects.create(
            account=builders.an_account(), channel="sms", target="+886987654321", code_digest=b"", asked_at=NOW
        )
        visit(mother).post(NEW, NUMBER)
        assert not gateway.requests

    def test_a_city_without_short_messages_has_no_such_page(self, mother: Account, settings: Any) -> None:
        settings.CHANNELS = ["email"]
        assert visit(mother).get(NEW).status_code == 404
        assert NEW not in text_of(visit(mother).get("/family/settings/"))


class TestMonths:
    def test_a_family_applies_and_the_school_approves(self, mother: Account, child: Student, school: School) -> None:
        a_budget(school)
        a_budget(school, DECEMBER, fee=0)
        browser, office = visit(mother), visit(builders.an_office(school))
        page = text_of(browser.get(MONTHS))
        assert "30 元" in page
        assert "免費" in page
        browser.post(MONTHS, {"student": str(child.pk), "month": ["2026-11-01", "2026-12-01"]})
        assert [one.state for one in Grant.objects.order_by("month")] == ["waiting", "waiting"]
        assert "王小明" in text_of(office.get(page_of(school)))
        first = Grant.objects.get(month=NOVEMBER)
        office.post(page_of(school), {"answer": "approve", "grant": [first.pk], "because": ""})
        assert [one.state for one in Grant.objects.order_by("month")] == ["approved", "waiting"]
        assert "已核准" in text_of(browser.get(MONTHS))

    def test_a_refusal_needs_a_reason_that_the_family_reads_and_can_be_asked_again(
        self, mother: Account, child: Student, school: School
    ) -> None:
        a_budget(school)
        browser, office = visit(mother), visit(builders.an_office(school))
        browser.post(MONTHS, {"student": str(child.pk), "month": "2026-11-01"})
        asked = {"answer": "refuse", "grant": [Grant.objects.get().pk]}
        assert office.post(page_of(school), {**asked, "because": ""}).status_code == 422
        office.post(page_of(school), {**asked, "because": "本月已額滿"})
        assert "本月已額滿" in text_of(browser.get(MONTHS))
        browser.post(MONTHS, {"student": str(child.pk), "month": "2026-11-01"})
        assert Grant.objects.get().state == "waiting"

    def test_a_month_that_is_not_offered_cannot_be_asked_for(self, mother: Account, child: Student) -> None:
        for month in ("2026-11-01", "2030-01-01", "nonsense"):
            visit(mother).post(MONTHS, {"student": str(child.pk), "month": month})
        assert not Grant.objects.exists()

    def test_nobody_asks_for_another_familys_child_or_takes_back_another_familys_month(
        self, mother: Account, child: Student, school: School
    ) -> None:
        a_budget(school)
        stranger = builders.a_guardian(builders.a_student(child.school_class, "陳以樂"))
        visit(stranger).post(MONTHS, {"student": str(child.pk), "month": "2026-11-01"})
        assert not Grant.objects.exists()
        visit(mother).post(MONTHS, {"student": str(child.pk), "month": "2026-11-01"})
        visit(stranger).post(MONTHS, {"withdrawal": Grant.objects.get().pk})
        assert Grant.objects.count() == 1
        visit(mother).post(MONTHS, {"withdrawal": Grant.objects.get().pk})
        assert not Grant.objects.exists()

    def test_a_school_answers_its_own_families_only(self, mother: Account, child: Student, school: School) -> None:
        a_budget(school)
        visit(mother).post(MONTHS, {"student": str(child.pk), "month": "2026-11-01"})
        other = builders.a_school()
        asked = {"answer": "approve", "grant": [Grant.objects.get().pk], "because": ""}
        visit(builders.an_office(other)).post(page_of(other), asked)
        assert Grant.objects.get().state == "waiting"


class TestBudget:
    def test_the_school_sets_what_a_month_may_cost(self, school: School) -> None:
        office = visit(builders.an_office(school))
        office.post(page_of(school), BUDGET)
        budget = Budget.objects.get()
        assert (budget.granted, budget.segment_price, budget.monthly_fee) == (500, 85, 30)
        assert "500" in text_of(office.get(page_of(school)))

    def test_the_school_reads_what_one_message_counts_as_before_it_says_how_many(self, school: School) -> None:
        told = re.sub(
            r"<small>.*?</small>|<[^>]+>", " ", visit(builders.an_office(school)).get(page_of(school)).content.decode()
        )
        counted = re.search(r"未到校 +(\d) +(\d) +(\d) +(\d) ", told)
        assert counted, told
        assert counted.groups() == ("1", "2", "2", "2")

    @pytest.mark.parametrize(
        "wrong", [{"granted": "-1"}, {"granted": "many"}, {"price": "1000"}, {"month": "2020-01-01"}, {"price": "NaN"}]
    )
    def test_what_cannot_be_set_stays_in_the_form(self, school: School, wrong: dict[str, str]) -> None:
        answer = visit(builders.an_office(school)).post(page_of(school), BUDGET | wrong)
        assert answer.status_code == 422
        assert not Budget.objects.exists()


class TestConfirmation:
    @pytest.fixture
    def waiting(self, mother: Account, child: Student, school: School) -> str:
        """Home is told "not arrived" by email, and a short message waits."""
        number = addresses.count_as_proven(mother, "+886912345678", channel=Channel.SMS, now=NOW)
        recipients.subscribe(mother.pk, child.pk, choices=[(words.NOT_ARRIVED, number)])
        Sweep.objects.create(school=school, date=MONDAY, asked_at=NOW, decided_at=NOW, expected=20, missing=1)
        Day.objects.create(school_id=school.pk, date=MONDAY, student_id=child.pk, not_arrived_at=NOW)
        key = words.key(words.NOT_ARRIVED, child.pk, MONDAY)
        post = notices.Post(key, words.NOT_ARRIVED, child.pk, MONDAY, {}, NOW + timedelta(hours=1))
        notices.post([post], now=NOW)
        return page_of(school) + "confirmation/"

    def test_who_has_seen_the_names_confirms(self, waiting: str, child: Student, school: School) -> None:
        office = visit(builders.an_office(school))
        assert waiting in text_of(office.get(f"/schools/{school.code}/today/"))
        assert "王小明" in text_of(office.get(waiting))
        office.post(waiting, {"seen": str(child.pk)})
        assert Sweep.objects.get().confirmed_at == NOW
        assert waiting not in text_of(office.get(f"/schools/{school.code}/today/"))

    def test_names_that_nobody_has_seen_are_asked_about_again(self, waiting: str, school: School) -> None:
        visit(builders.an_office(school)).post(waiting, {"seen": ""})
        assert Sweep.objects.get().confirmed_at is None


class TestReports:
    """Mitake says what became of a message before it is asked."""

    @pytest.fixture
    def sent(self, mother: Account, child: Student, school: School, settings: Any) -> str:
        """A message went out, with the place where its report is taken. Returns that place, with the message's id."""
        settings.SMS_REPORTS_FROM = [ip_network("203.0.113.0/24")]
        a_budget(school)
        Grant.objects.create(
            school=school, student=child, account=mother, month=NOVEMBER, asked_at=NOW, approved_at=NOW
        )
        number = addresses.count_as_proven(mother, "+886912345678", channel=Channel.SMS, now=NOW)
        recipients.subscribe(mother.pk, child.pk, choices=[(words.ARRIVED, number)])
        data = {"student": child.name, "school": "雙園國小", "timezone": "Asia/Taipei", "at": NOW.isoformat()}
        data["source"] = "card"
        notices.post([notices.Post("a", words.ARRIVED, child.pk, MONDAY, data, NOW + timedelta(hours=1))], now=NOW)
        sender.send_due("sms", sms.SmsCarrier(sms.gateway(), rules.allow), now=NOW)
        return f"{urlsplit(sms_reports.address()).path}?msgid={SmsPart.objects.get().reference}"

    def test_a_report_is_kept_once_and_answered_as_mitake_wants(self, sent: str, gateway: FakeMitake) -> None:
        ((_key, *_fields, callback, _text),) = gateway.sent.values()
        assert callback == sms_reports.address()
        assert len(callback) <= 256
        at_mitake = visit(REMOTE_ADDR="203.0.113.7")
        for code, state in (("1", "sent"), ("4", "delivered"), ("6", "delivered"), ("4", "delivered")):
            answer = at_mitake.get(f"{sent}&StatusFlag={code}&statuscode=0&statusstr=DELIVRD&dstaddr=0912345678")
            assert text_of(answer).splitlines() == ["magicid=sms_gateway_rpack", "msgid=0000000001"]
            assert answer.headers["Content-Type"].startswith("text/plain")
            assert Delivery.objects.get().state == state
        assert Address.objects.get(channel=Channel.SMS).is_usable

    def test_a_number_of_nobodys_is_switched_off(self, sent: str) -> None:
        visit(REMOTE_ADDR="::ffff:203.0.113.7").get(f"{sent}&StatusFlag=6")
        assert Delivery.objects.get().because == "undelivered"
        assert not Address.objects.get(channel=Channel.SMS).is_usable

    def test_nobody_else_reports(self, sent: str, settings: Any) -> None:
        assert visit(REMOTE_ADDR="198.51.100.7").get(f"{sent}&StatusFlag=6").status_code == 403
        forwarded = visit(REMOTE_ADDR="198.51.100.7", HTTP_X_FORWARDED_FOR="203.0.113.7")
        assert forwarded.get(f"{sent}&StatusFlag=6").status_code == 403
        at_mitake = visit(REMOTE_ADDR="203.0.113.7")
        guessed = sent.replace(sms_reports.address()[-8:], "0123456/")
        assert guessed != sent
        assert at_mitake.get(f"{guessed}&StatusFlag=6").status_code == 404
        assert at_mitake.post(f"{sent}&StatusFlag=6").status_code == 405
        settings.SMS_REPORTS_FROM = []
        assert at_mitake.get(f"{sent}&StatusFlag=6").status_code == 404
        assert sms_reports.address() == ""
        assert Delivery.objects.get().state == "sent"

    @pytest.mark.parametrize("said", ["", "?msgid=0000000001", "?msgid=%00&StatusFlag=4", "?msgid=1&StatusFlag=%F0"])
    def test_what_mitake_would_not_say_is_refused(self, sent: str, said: str) -> None:
        assert visit(REMOTE_ADDR="203.0.113.7").get(f"{sent.partition('?')[0]}{said}").status_code == 400
        assert SmsPart.objects.count() == 1
