"""What people see of the ladder, and what counts as a sign that they saw it."""

from typing import Any

import pytest

from gatepost.accounts.models import Account
from gatepost.allowances import budgets, rules
from gatepost.allowances import queries as allowances
from gatepost.attendance import sweep
from gatepost.audit.models import Entry
from gatepost.notify import addresses, ladder
from gatepost.notify.models import Channel, Climb, Delivery
from gatepost.portals.tests.visits import text_of, visit
from gatepost.roster.models import Student
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db

TOLD = at("08:11")


@pytest.fixture(autouse=True)
def channels(settings: Any) -> None:
    settings.CHANNELS = ["email", "line", "sms"]


@pytest.fixture
def child() -> Student:
    student = builders.a_student(builders.a_class(builders.a_school()))
    builders.a_school_day(student.school)
    builders.a_reader(student.school, heard_at=at("08:10:30"))
    return student


@pytest.fixture
def mother(child: Student) -> Account:
    """She chose email; her number is proven besides. She was told that the child has not arrived."""
    account = builders.a_guardian(child)
    addresses.count_as_proven(account, "+886912345678", channel=Channel.SMS, label="0912…678", now=at("07:00"))
    sweep.sweep_due(now=TOLD)
    Delivery.objects.update(state="sent", settled_at=TOLD)
    return account


def ended() -> str:
    return Climb.objects.get().ended_because


def climb(clock: str) -> None:
    ladder.climb(rules.may_climb, now=at(clock))


class TestLook:
    @pytest.mark.parametrize("page", ["/family/", "/family/children/{}/"])
    def test_a_guardian_who_opens_the_page_has_seen_it(self, child: Student, mother: Account, page: str) -> None:
        browser = visit(mother)
        browser.head(page.format(child.pk))
        browser.get(page.format(child.pk), headers={"Sec-Purpose": "prefetch"})
        assert ended() == ""
        browser.get(page.format(child.pk))
        assert (ended(), Climb.objects.get().proven_by) == ("seen", mother.pk)

    def test_a_teachers_look_and_another_days_page_are_no_sign(self, child: Student, mother: Account) -> None:
        url = f"/schools/{child.school.code}/students/{child.pk}/"
        assert visit(builders.a_teacher(child.school_class)).get(url, follow=True).status_code == 200
        visit(mother).get(f"/family/children/{child.pk}/days/2026-11-20/")
        assert ended() == ""


def test_text_messages_of_the_ladder_wait_for_the_school_too(child: Student, mother: Account) -> None:
    school = child.school
    assert allowances.waiting(school, MONDAY) == 0
    budgets.set_budget(school, MONDAY.replace(day=1), granted=9, segment_price=85, monthly_fee=0, by=None)
    assert allowances.waiting(school, MONDAY) == 1
    climb("08:16")
    assert Delivery.objects.count() == 1
    sweep.confirm(school, by=builders.an_office(school), now=at("08:17"))
    assert allowances.waiting(school, MONDAY) == 0
    climb("08:21:30")
    assert list(Delivery.objects.order_by("pk").values_list("channel", flat=True)) == ["email", "sms"]


class TestTimeline:
    """Mother chose email, and father is told when nothing comes back."""

    @pytest.fixture
    def father(self, child: Student, mother: Account) -> Account:
        account = builders.a_guardian(child, name="王大明", subscribed=[])
        addresses.count_as_proven(account, "U4af4980629", channel=Channel.LINE, label="大明的LINE", now=at("07:00"))
        climb("08:16")
        Delivery.objects.filter(channel="line").update(state="sent", settled_at=at("08:16:02"))
        return account

    def page(self, who: Account, child: Student, *, clock: str) -> str:
        return text_of(visit(who, now=at(clock)).get(f"/family/children/{child.pk}/"))

    def of_school(self, child: Student, page: str, *, clock: str) -> str:
        office = builders.an_office(child.school)
        return text_of(visit(office, now=at(clock)).get(f"/schools/{child.school.code}/{page}/", follow=True))

    def test_each_guardian_reads_why_and_nothing_of_the_others_address(
        self, child: Student, mother: Account, father: Account
    ) -> None:
        fathers = self.page(father, child, clock="08:17")
        assert "5 分鐘後沒有回報，所以也通知下一位監護人。" in fathers
        assert mother.email not in fathers
        assert "pe…@" not in fathers
        mothers = self.page(mother, child, clock="08:18")
        assert "08:16 也已通知另一位監護人。" in mothers
        assert "大明" not in mothers
        assert "LINE" not in mothers
        assert "08:17" not in mothers  # when he looked
        assert "您在 08:17 看過這一頁。" in self.page(father, child, clock="08:19")
        schools = self.of_school(child, f"students/{child.pk}", clock="08:20")
        assert "大明的LINE" in schools
        assert "5 分鐘後沒有回報，所以也通知下一位監護人。" in schools
        assert "監護人在 08:17 看過網頁。" in schools

    def test_the_school_is_told_whom_to_telephone_until_somebody_has_confirmed(
        self, child: Student, mother: Account, father: Account
    ) -> None:
        assert "請打電話" not in self.of_school(child, "deliveries", clock="08:18")
        climb("08:21")
        climb("08:26")
        page = self.of_school(child, "deliveries", clock="08:27")
        assert "未到校 08:11，Email、LINE；到 08:26 沒有人回報" in page
        day = self.of_school(child, f"students/{child.pk}", clock="08:27")
        assert "到 08:26 已用過所有方式，仍沒有人回報。請打電話聯絡。" in day
        self.page(mother, child, clock="08:28")
        assert "沒有人回報" not in self.of_school(child, "deliveries", clock="08:29")

    def test_who_telephoned_is_noted_once_and_can_be_taken_back(
        self, child: Student, mother: Account, father: Account
    ) -> None:
        office = builders.an_office(child.school)
        Account.objects.filter(pk=office.pk).update(name="周學務")
        browser = visit(office, now=at("08:31"))
        url = f"/schools/{child.school.code}/deliveries/"
        called, not_called = f"{url}{child.pk}/called/", f"{url}{child.pk}/not-called/"
        assert "不在待電話聯絡" in text_of(browser.post(called, follow=True))  # there is a way left
        assert ended() == ""
        climb("08:21")
        climb("08:26")
        sent = Delivery.objects.count()
        page = text_of(browser.post(called, follow=True))
        assert ("到 08:26 沒有人回報" in page, "08:31 周學務" in page) == (False, True)
        assert (ended(), Climb.objects.get().proven_by) == ("called", office.pk)
        assert "學校在 08:31 以電話聯絡到監護人" in self.page(mother, child, clock="08:32")
        assert "不在待電話聯絡" in text_of(browser.post(called, follow=True))
        assert "到 08:26 沒有人回報" in text_of(browser.post(not_called, follow=True))
        assert "放回" not in text_of(browser.post(not_called, follow=True))  # it is there already
        climb("08:40")
        assert (ended(), Delivery.objects.count()) == ("over", sent)
        assert Entry.objects.filter(about=child.pk, action__in=["notice:called", "notice:not-called"]).count() == 2
