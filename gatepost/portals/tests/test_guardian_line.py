from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gatepost.accounts.models import Account
from gatepost.attendance.notices import ARRIVED, NOT_ARRIVED
from gatepost.channels.line.tests.platform import Platform, user
from gatepost.channels.line.webhook import BODY_BYTES_MOST
from gatepost.notify.line import budget, events, line_settings
from gatepost.notify.line.tests.linked import line as line
from gatepost.notify.line.tests.linked import linked, tell
from gatepost.notify.models import Address, Channel, Delivery, LineEvent, LineMonth, Notice
from gatepost.notify.queries import subscribed
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.roster.models import Student
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db

SETTINGS, CONNECT, LINK, WEBHOOK = (
    "/family/settings/",
    "/family/settings/line/",
    "/family/settings/line/link/",
    "/line/webhook",
)
MOTHER = user(1)


@pytest.fixture
def child() -> Student:
    return builders.a_student(builders.a_class(builders.a_school()))


@pytest.fixture
def mother(child: Student) -> Account:
    return builders.a_guardian(child, account=builders.an_account("mother@example.org"))


def post(line: Platform, *told: dict[str, Any], body: bytes = b"", signed: str = "") -> Any:
    """LINE tells us over HTTP."""
    said, signature = line.callback(*told)
    return visit().post(
        WEBHOOK, body or said, content_type="application/json", headers={"X-Line-Signature": signed or signature}
    )


def test_the_whole_way_from_the_settings_page_to_a_chosen_message(
    line: Platform, mother: Account, child: Student
) -> None:
    browser = visit(mother)
    assert CONNECT in text_of(browser.get(SETTINGS))
    assert "https://line.me/R/ti/p/%40123abcde" in text_of(browser.get(CONNECT))
    assert post(line, line.follows(MOTHER, NOW)).status_code == 200
    events.follow(line_settings(), now=NOW)
    address = line.replied[0][1].split()[-1]
    page = text_of(browser.get(address))
    assert mother.email in page
    onward = text_of(browser.post(address))
    [redirection] = [part for part in onward.split('"') if part.startswith("0; url=https://access.line.me/")]
    url = redirection.removeprefix("0; url=").replace("&amp;", "&")
    assert set(parse_qs(urlsplit(url).query)) == {"linkToken", "nonce"}
    post(line, line.links(MOTHER, url, NOW))
    events.follow(line_settings(), now=NOW)
    proven = Address.objects.get(account=mother, channel=Channel.LINE)
    chosen = {(topic, proven.pk) for topic in (ARRIVED, NOT_ARRIVED)}
    browser.post(SETTINGS, {f"child-{child.pk}": [f"{topic}:{address_pk}" for topic, address_pk in chosen]})
    assert subscribed(mother.pk, child.pk) == chosen


def test_a_link_without_its_token_says_how_to_get_another(line: Platform, mother: Account) -> None:
    for address in (LINK, f"{LINK}?linkToken=", f"{LINK}?linkToken=%3Cscript%3E"):
        answer = visit(mother).get(address)
        assert 'role="alert"' in text_of(answer)
        assert CONNECT in text_of(answer)
    assert 'role="alert"' in text_of(visit(mother).post(LINK))


def test_linking_is_not_tried_without_end(line: Platform, mother: Account) -> None:
    browser = visit(mother)
    answers = [browser.post(f"{LINK}?linkToken=0123456789").status_code for _ in range(11)]
    assert answers == [200] * 10 + [429]


def test_who_is_not_signed_in_comes_back_to_the_same_page(line: Platform) -> None:
    answer = visit().get(f"{LINK}?linkToken=0123456789")
    assert answer.status_code == 302
    assert "linkToken%3D0123456789" in answer.headers["Location"]


def test_the_settings_show_the_health_of_the_link(line: Platform, mother: Account, child: Student) -> None:
    address = linked(mother, MOTHER, child)
    said = {"topic": "arrived", "about": child.pk, "data": {}, "best_before": NOW, "posted_at": NOW}
    Notice.objects.create(pk=1, on_date=MONDAY, key="arrived", **said)
    Delivery.objects.create(
        pk=1, on_date=MONDAY, notice_id=1, address_id=address.pk, account_id=mother.pk, about=child.pk, channel="line",
        state="sent", due_at=NOW, settled_at=at("07:42:06"),
    )  # fmt: skip
    assert "11/23 07:42" in text_of(visit(mother).get(SETTINGS))
    tell(line, line.blocks(MOTHER, NOW), now=NOW)
    page = text_of(visit(mother).get(SETTINGS))
    assert f"/family/settings/addresses/{address.pk}/line/" in page
    again = visit(mother).get(f"/family/settings/addresses/{address.pk}/line/")
    assert again.headers["Location"] == CONNECT
    stranger = builders.an_account()
    assert visit(stranger).get(f"/family/settings/addresses/{address.pk}/line/").status_code == 404


def test_disconnecting_forgets_the_line_user(line: Platform, mother: Account, child: Student) -> None:
    address = linked(mother, MOTHER, child)
    visit(mother).post(f"/family/settings/addresses/{address.pk}/removal/")
    assert not Address.objects.filter(channel=Channel.LINE).exists()
    assert MOTHER not in text_of(visit(mother).get(SETTINGS))


def test_without_its_settings_there_is_no_line(mother: Account) -> None:
    browser = visit(mother)
    assert CONNECT not in text_of(browser.get(SETTINGS))
    assert browser.get(CONNECT).status_code == 404
    assert browser.get(f"{LINK}?linkToken=0123456789").status_code == 404
    assert visit().post(WEBHOOK, b"{}", content_type="application/json").status_code == 404


class TestWebhook:
    def test_what_line_signed_is_kept_once(self, line: Platform) -> None:
        block = line.blocks(MOTHER, NOW)
        assert [post(line, block).status_code for _again in range(3)] == [200] * 3
        assert LineEvent.objects.count() == 1

    def test_the_test_of_the_address_is_answered(self, line: Platform) -> None:
        assert post(line).status_code == 200

    def test_what_line_did_not_sign_is_refused(self, line: Platform) -> None:
        assert post(line, line.blocks(MOTHER, NOW), signed="AAAA").status_code == 403
        body, _signed = line.callback(line.blocks(MOTHER, NOW))
        assert visit().post(WEBHOOK, body, content_type="application/json").status_code == 403
        assert not LineEvent.objects.exists()

    def test_what_line_would_not_say_is_refused(self, line: Platform) -> None:
        from gatepost.channels.line.tests.platform import SECRET
        from gatepost.channels.line.webhook import signature

        assert post(line, body=b"[]", signed=signature(SECRET, b"[]")).status_code == 400
        assert post(line, body=b" " * (BODY_BYTES_MOST + 1)).status_code == 413


class TestOperatorsPage:
    def see(self) -> str:
        return text_of(visit(builders.a_role("operator")).get("/operator/"))

    def test_the_months_messages_and_their_forecast_are_shown(self, line: Platform) -> None:
        line.quota, line.used = 6_000, 1_600
        budget.ask(line_settings(), now=NOW)
        page = self.see()
        assert "1,600 / 6,000" in page
        assert "2,100" in page
        assert page.count('data-state="held"') == 0

    def test_a_month_that_will_not_last_is_marked(self, line: Platform) -> None:
        line.quota, line.used = 2_000, 1_600
        budget.ask(line_settings(), now=NOW)
        assert self.see().count('data-state="held"') == 1

    def test_a_month_that_is_used_up_says_so(self, line: Platform) -> None:
        LineMonth.objects.create(month=MONDAY.replace(day=1), quota=200, used=200, asked_at=NOW)
        assert self.see().count('data-state="held"') == 1

    def test_without_line_nothing_is_said_of_it(self) -> None:
        assert "LINE" not in self.see()
