"""A school knows whose family nobody could tell that a child did not arrive, why, and what to do."""

import csv
import io

import pytest

from gatepost.accounts.models import Account
from gatepost.audit.models import Entry
from gatepost.guardians.restrictions import restrict
from gatepost.notify import proofs, recipients
from gatepost.notify.models import Address
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.roster.models import School
from tests import builders
from tests.builders import at

pytestmark = pytest.mark.django_db

REACHED = "陳以樂"
WHY = {
    "王小明": "沒有可通知的監護人",
    "林宥廷": "還沒有任何驗證過的聯絡方式",
    "張心怡": "聯絡方式都已停用",
    "吳思妤": "很久沒有確認",
    "=周子晴": "「未到校」已關閉",
}


@pytest.fixture
def school() -> School:
    """One child for each reason, and one about whom somebody can be told."""
    school = builders.a_school()
    first, second = builders.a_class(school, 2, 1), builders.a_class(school, 2, 2)
    children = {name: builders.a_student(first, name) for name in [*WHY, REACHED]}
    children["=周子晴"].school_class = second
    children["=周子晴"].save()
    restrict(builders.a_guardian(children["王小明"]).pk, children["王小明"], by=None, now=at("07:00"))
    recipients.open_for(_without_proof().pk, children["林宥廷"].pk)
    _all_at(builders.a_guardian(children["張心怡"]), disabled_at=at("07:00"), disabled_because="bounced")
    asked = {"asked_at": at("07:00"), "reminded_at": at("07:01"), "lapsed_at": at("07:02")}
    _all_at(builders.a_guardian(children["吳思妤"]), **asked)
    builders.a_guardian(children["=周子晴"], subscribed=["arrived"])
    both = builders.a_guardian(children[REACHED])
    builders.a_guardian(children[REACHED], subscribed=["arrived"])
    Address.objects.filter(account=both).update(proven_at=at("07:00"), proven_by="message")
    return school


def test_each_child_nobody_could_be_told_about_is_listed_with_its_reason(school: School) -> None:
    browser, url = visit(builders.an_office(school)), f"/schools/{school.code}/unreachable/"
    page = text_of(browser.get(url))
    assert REACHED not in page
    for name, why in WHY.items():
        assert name in page
        assert why in page
    assert "信件被退回" in page  # why it is off
    assert "@example.org" not in page  # and not which address
    only = text_of(browser.get(f"{url}?reason=switched_off"))
    assert "張心怡" in only
    assert "林宥廷" not in only
    of_class = text_of(browser.get(f"{url}?class={school.classes.get(number=2).pk}"))
    assert "周子晴" in of_class
    assert "張心怡" not in of_class


def test_the_schools_today_counts_them_for_who_can_do_something(school: School) -> None:
    said, url = "5 位學生", f"/schools/{school.code}/today/"
    assert said in text_of(visit(builders.an_office(school)).get(url))
    assert said not in text_of(visit(builders.a_teacher(school.classes.get(number=1))).get(url))
    assert said in text_of(visit(builders.an_office(school)).get(f"/schools/{school.code}/deliveries/"))


def test_a_spreadsheet_program_reads_the_list_and_runs_nothing_of_it(school: School) -> None:
    office = builders.an_office(school)
    answer = visit(office).get(f"/schools/{school.code}/unreachable/list.csv")
    text = answer.content.decode()
    assert text.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert {row[3] for row in rows[1:]} == {"王小明", "林宥廷", "張心怡", "吳思妤", "'=周子晴"}
    assert [row[5] for row in rows if row[3] in ("王小明", "張心怡", "吳思妤")] == ["2026/11/23"] * 3
    assert Entry.objects.filter(action="unreachable:taken", actor_id=office.pk, school_code=school.code).exists()


def test_one_proof_is_enough_to_leave_the_list(school: School) -> None:
    address = Address.objects.exclude(lapsed_at=None).get()
    proofs.note(Address.objects.filter(pk=address.pk), by=proofs.SIGN_IN, now=NOW)
    assert "吳思妤" not in text_of(visit(builders.an_office(school)).get(f"/schools/{school.code}/unreachable/"))


def _all_at(account: Account, **facts: object) -> None:
    Address.objects.filter(account=account).update(**facts)


def _without_proof() -> Account:
    account = builders.an_account()
    builders.an_address(account, proven=False)
    return account
