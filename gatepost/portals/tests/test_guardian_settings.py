import email
import email.policy
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.urls import reverse

from gatepost.accounts.models import Account
from gatepost.allowances.models import Grant
from gatepost.attendance import digests
from gatepost.channels.email.tests.relays import Script, scripted
from gatepost.guardians import bonds, proofs
from gatepost.guardians.models import Guardianship, Right
from gatepost.guardians.restrictions import restrict
from gatepost.kit.clock import utc_now
from gatepost.notify import quiet
from gatepost.notify.models import Address, AddressProof, Subscription
from gatepost.notify.queries import subscribed
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.roster.identity_numbers import invented, mask
from gatepost.roster.models import GuardianRecord, Student
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db

SETTINGS = "/family/settings/"


@pytest.fixture
def child() -> Student:
    return builders.a_student(builders.a_class(builders.a_school()))


@pytest.fixture
def mother(child: Student) -> Account:
    wanted = ("arrived", "left", "not_arrived")
    return builders.a_guardian(child, account=builders.an_account("mother@example.org"), subscribed=wanted)


@pytest.fixture
def relay(settings: Any) -> Iterator[Script]:
    """A mail relay of our own."""
    script = Script()
    with scripted(script) as reached:
        settings.SMTP_HOST, settings.SMTP_PORT = reached.host, reached.port
        yield script


def chosen(child: Student, *choices: str, silent: bool = True) -> dict[str, list[str]]:
    """What the form posts; with `silent` its sender means it that no safety message is left."""
    return {f"child-{child.pk}": list(choices), "silent": [str(child.pk)] if silent else []}


class TestMatrix:
    def test_one_post_makes_the_subscriptions_what_was_chosen(self, mother: Account, child: Student) -> None:
        address = Address.objects.get(account=mother)
        answer = visit(mother).post(SETTINGS, chosen(child, f"arrived:{address.pk}"), follow=True)
        assert subscribed(mother.pk, child.pk) == {("arrived", address.pk)}
        assert 'role="status"' in text_of(answer)

    def test_saving_what_stands_says_that_nothing_changed(self, mother: Account, child: Student) -> None:
        address = Address.objects.get(account=mother)
        wanted = chosen(child, *(f"{topic}:{address.pk}" for topic in ("arrived", "left", "not_arrived")))
        before = set(Subscription.objects.values_list("pk", flat=True))
        visit(mother).post(SETTINGS, wanted)
        assert set(Subscription.objects.values_list("pk", flat=True)) == before

    def test_an_address_that_is_not_proven_gets_nothing_and_the_page_says_what_to_do(
        self, mother: Account, child: Student
    ) -> None:
        second = builders.an_address(mother, "second@example.org", proven=False)
        before = subscribed(mother.pk, child.pk)
        answer = visit(mother).post(SETTINGS, chosen(child, f"arrived:{second.pk}"))
        assert answer.status_code == 422
        assert 'role="alert"' in text_of(answer)
        assert reverse("address-code", args=[second.pk]) in text_of(answer)
        assert subscribed(mother.pk, child.pk) == before

    def test_an_address_of_somebody_else_cannot_be_chosen(self, mother: Account, child: Student) -> None:
        stranger = builders.an_address(builders.an_account())
        visit(mother).post(SETTINGS, chosen(child, f"arrived:{stranger.pk}"))
        assert subscribed(mother.pk, child.pk) == set()

    @pytest.mark.parametrize(
        "nonsense", ["", "arrived", "arrived:", "arrived:x", "arrived:²", "party:1", ":", "arrived:-1"]
    )
    def test_nonsense_chooses_nothing(self, mother: Account, child: Student, nonsense: str) -> None:
        assert visit(mother).post(SETTINGS, chosen(child, nonsense)).status_code == 302
        assert subscribed(mother.pk, child.pk) == set()

    def test_a_child_of_somebody_else_cannot_be_chosen(self, mother: Account, child: Student) -> None:
        other = builders.a_student(builders.a_class(builders.a_school()))
        address = Address.objects.get(account=mother)
        visit(mother).post(SETTINGS, chosen(other, f"arrived:{address.pk}"))
        assert subscribed(mother.pk, other.pk) == set()

    def test_what_stands_for_an_address_that_is_switched_off_waits_for_it(
        self, mother: Account, child: Student
    ) -> None:
        bounced = builders.an_address(mother, "second@example.org")
        visit(mother).post(SETTINGS, chosen(child, f"left:{bounced.pk}"))
        Address.objects.filter(pk=bounced.pk).update(disabled_at=NOW, disabled_because="bounced")
        visit(mother).post(SETTINGS, chosen(child))
        assert subscribed(mother.pk, child.pk) == {("left", bounced.pk)}

    def test_without_a_proven_address_each_cell_offers_to_add_one(self, child: Student) -> None:
        father = builders.an_account()
        Address.objects.filter(account=builders.a_guardian(child, account=father)).delete()
        page = text_of(visit(father).get(SETTINGS))
        assert 'class="matrix__add"' in page
        assert 'type="checkbox"' not in page

    def test_an_address_that_bounced_says_why_it_is_off(self, mother: Account) -> None:
        Address.objects.filter(account=mother).update(disabled_at=NOW, disabled_because="bounced")
        page = text_of(visit(mother).get(SETTINGS))
        assert 'data-state="failed"' in page

    def test_without_a_child_there_is_nothing_to_choose_yet(self) -> None:
        answer = visit(builders.an_account()).get(SETTINGS)
        assert answer.status_code == 200
        assert 'class="empty"' in text_of(answer)


class TestSaving:
    def test_it_says_which_child_which_event_and_which_address_and_is_taken_back_with_one_button(
        self, mother: Account, child: Student
    ) -> None:
        address = Address.objects.get(account=mother)
        second = builders.an_address(mother, "second@example.org")
        before = subscribed(mother.pk, child.pk)
        browser = visit(mother)
        keep = [f"{topic}:{address.pk}" for topic in ("arrived", "not_arrived")]
        said = text_of(browser.post(SETTINGS, chosen(child, *keep, f"left:{second.pk}", silent=False), follow=True))
        assert "王小明：已開啟 離校（Email 2）。" in said
        assert "王小明：已關閉 離校（Email 1）。" in said
        assert f'action="{reverse("family-settings-undo")}"' in said
        assert "已開啟" not in text_of(browser.get(SETTINGS))
        browser.post(reverse("family-settings-undo"))
        assert subscribed(mother.pk, child.pk) == before
        assert "沒有可以復原的變更" in text_of(browser.post(reverse("family-settings-undo"), follow=True))

    def test_what_can_no_longer_be_taken_back_says_so_and_changes_nothing(
        self, mother: Account, child: Student
    ) -> None:
        second = builders.an_address(mother, "second@example.org")
        browser = visit(mother)
        browser.post(SETTINGS, chosen(child, f"not_arrived:{second.pk}"))
        Address.objects.get(account=mother, target="mother@example.org").delete()
        answer = browser.post(reverse("family-settings-undo"), follow=True)
        assert "無法再復原" in text_of(answer)
        assert subscribed(mother.pk, child.pk) == {("not_arrived", second.pk)}

    def test_a_safety_message_ends_nowhere_only_when_somebody_says_so(self, mother: Account, child: Student) -> None:
        address = Address.objects.get(account=mother)
        before = subscribed(mother.pk, child.pk)
        answer = visit(mother).post(SETTINGS, chosen(child, f"left:{address.pk}", silent=False))
        assert answer.status_code == 422
        assert subscribed(mother.pk, child.pk) == before
        page = text_of(answer)
        assert f'name="silent" value="{child.pk}"' in page
        assert f'value="left:{address.pk}" id="{child.pk}-left-{address.pk}" checked' in page  # nothing chosen is lost
        visit(mother).post(SETTINGS, chosen(child, f"left:{address.pk}"))
        assert subscribed(mother.pk, child.pk) == {("left", address.pk)}
        assert "「未到校」沒有選擇聯絡方式" in text_of(visit(mother).get(SETTINGS))

    def test_arrivals_by_text_message_can_be_chosen_in_granted_months_alone(
        self, mother: Account, child: Student, settings: Any
    ) -> None:
        settings.CHANNELS = ["email", "sms"]
        phone = Address.objects.create(
            account=mother, channel="sms", target="+886912345678", label="0912…678", verified_at=NOW
        )
        cell, row = f'value="arrived:{phone.pk}"', f"not_arrived:{phone.pk}"
        page = text_of(visit(mother).get(SETTINGS))
        assert cell not in page
        assert f'value="{row}"' in page
        assert f'value="class_notice:{phone.pk}"' not in page  # never goes by text message
        refused = visit(mother).post(SETTINGS, chosen(child, row, f"arrived:{phone.pk}"))
        assert refused.status_code == 422
        assert ("arrived", phone.pk) not in subscribed(mother.pk, child.pk)
        granted = Grant.objects.create(
            school=child.school,
            student=child,
            account=mother,
            month=MONDAY.replace(day=1),
            asked_at=NOW,
            approved_at=NOW,
        )
        assert cell in text_of(visit(mother).get(SETTINGS))
        visit(mother).post(SETTINGS, chosen(child, row, f"arrived:{phone.pk}"))
        assert subscribed(mother.pk, child.pk) == {("arrived", phone.pk), ("not_arrived", phone.pk)}
        granted.delete()  # the month is over: what was chosen waits for the next
        visit(mother).post(SETTINGS, chosen(child, row))
        assert ("arrived", phone.pk) in subscribed(mother.pk, child.pk)


class TestQuietHours:
    PAGE = "/family/settings/quiet/"

    def test_they_are_kept_said_and_taken_off_again(self, mother: Account) -> None:
        browser = visit(mother)
        assert "聯絡方式已停用" in text_of(browser.get(self.PAGE))
        wanted = {"starts": "21:30", "ends": "06:45", "routine_off": "on"}
        assert "21:30–06:45" in text_of(browser.post(self.PAGE, wanted, follow=True))
        kept = quiet.of(mother)
        assert kept is not None
        assert (kept.timezone, kept.routine_off_since) == ("Asia/Taipei", NOW)
        browser.post(self.PAGE, {"none": "1"})
        assert quiet.of(mother) is None

    @pytest.mark.parametrize(
        ("starts", "ends", "said"),
        [("22:00", "22:00", "選擇另一個時間"), ("07:00", "22:00", "最多 14 小時"), ("late", "07:00", "07:42")],
    )
    def test_hours_that_cannot_be_kept_say_how_to_mend_them(
        self, mother: Account, starts: str, ends: str, said: str
    ) -> None:
        answer = visit(mother).post(self.PAGE, {"starts": starts, "ends": ends})
        assert answer.status_code == 422
        assert said in text_of(answer)
        assert f'value="{starts}"' in text_of(answer)
        assert quiet.of(mother) is None


class TestDailySummary:
    PAGE = "/family/settings/summary/"

    def test_choosing_it_takes_the_switches_of_the_single_messages_and_giving_it_up_brings_them_back(
        self, mother: Account, child: Student
    ) -> None:
        address, browser, before = Address.objects.get(account=mother), visit(mother), subscribed(mother.pk, child.pk)
        answer = text_of(browser.post(self.PAGE, {"at": "19:00", "address": address.pk}, follow=True))
        assert "19:00 寄到 mother@example.org" in answer
        assert "Email 1（每日摘要）" in answer
        assert f'value="arrived:{address.pk}"' not in answer
        assert f'value="not_arrived:{address.pk}"' in answer
        both = chosen(child, f"arrived:{address.pk}", f"not_arrived:{address.pk}")
        assert browser.post(SETTINGS, both).status_code == 422
        assert digests.of(mother) is not None
        browser.post(self.PAGE, {"none": "1"})
        assert digests.of(mother) is None
        assert subscribed(mother.pk, child.pk) == before

    @pytest.mark.parametrize("wanted", [{}, {"at": "03:00", "address": "1"}, {"at": "19:00", "address": "999999"}])
    def test_what_cannot_be_kept_is_said_beside_its_field(self, mother: Account, wanted: dict[str, str]) -> None:
        answer = visit(mother).post(self.PAGE, wanted)
        assert answer.status_code == 422
        assert 'class="errorlist"' in text_of(answer)
        assert digests.of(mother) is None


class TestWhatIsOnRecord:
    @pytest.fixture
    def number(self, child: Student, settings: Any) -> str:
        """The child's document number, and a birthday."""
        number = invented(7)
        child.seal_id_number(number, settings.KEY_RING)
        child.birthday = date(2018, 3, 14)
        child.save()
        builders.a_card(child)
        return number

    def test_the_page_says_all_of_the_child_with_the_document_number_masked(
        self, mother: Account, child: Student, number: str, settings: Any
    ) -> None:
        own = invented(9)
        record = GuardianRecord(student=child, name="林淑芬", relation="母女")
        record.seal_id_number(own, settings.KEY_RING)
        record.save()
        assert mask(own) not in text_of(visit(mother).get(SETTINGS))  # nothing says yet that it is she
        proofs.keep(mother, settings.KEY_RING.digest(own), how="review", by=None, now=NOW)
        page = text_of(visit(mother).get(SETTINGS))
        shown = (
            "國小",
            child.school.short_name,
            child.number,
            "2年01班",
            "2018-03-14",
            mask(number),
            mask(own),
            "使用中",
        )
        assert [one for one in shown if one not in page] == []
        assert number not in page
        assert own not in page

    def test_who_may_only_be_told_sees_no_details_and_who_may_only_see_chooses_nothing(
        self, child: Student, number: str
    ) -> None:
        aunt, uncle = builders.a_guardian(child), builders.a_guardian(child)
        for account, rights in ((aunt, [Right.TOLD]), (uncle, [Right.SEE])):
            bonds.set_rights(Guardianship.objects.get(account=account), rights, by=None, now=NOW)
        told, sees = text_of(visit(aunt).get(SETTINGS)), text_of(visit(uncle).get(SETTINGS))
        assert "王小明" in told
        assert mask(number) not in told
        assert child.number not in told
        assert mask(number) in sees
        assert 'role="switch"' not in sees

    def test_a_restricted_guardian_finds_nothing_of_the_child(
        self, mother: Account, child: Student, number: str
    ) -> None:
        restrict(mother.pk, child, by=None, now=utc_now())
        page = text_of(visit(mother).get(SETTINGS))
        assert [one for one in (child.name, child.number, mask(number), str(child.pk)) if one in page] == []


class TestProvingAnAddress:
    def ask(self, mother: Account, target: str = "second@example.org") -> Address:
        visit(mother).post(reverse("address-new"), {"target": target})
        return Address.objects.get(account=mother, target=target)

    def test_the_code_that_was_mailed_proves_the_address(self, mother: Account, relay: Script) -> None:
        address = self.ask(mother)
        assert not address.is_usable
        visit(mother).post(reverse("address-code", args=[address.pk]), {"code": code_in(relay)})
        address.refresh_from_db()
        assert address.is_usable

    def test_the_code_is_not_kept_where_it_could_be_read(self, mother: Account, relay: Script) -> None:
        self.ask(mother)
        assert code_in(relay).encode() not in bytes(AddressProof.objects.get().code_digest)

    def test_the_mail_comes_in_the_language_of_the_account(self, child: Student, relay: Script) -> None:
        mother = builders.a_guardian(child, language="en")
        self.ask(mother)
        assert "Gatepost code" in str(mail_of(relay)["Subject"])

    def test_a_wrong_code_proves_nothing(self, mother: Account, relay: Script) -> None:
        address = self.ask(mother)
        wrong = f"{(int(code_in(relay)) + 1) % 1_000_000:06d}"
        answer = visit(mother).post(reverse("address-code", args=[address.pk]), {"code": wrong})
        address.refresh_from_db()
        assert not address.is_usable
        assert 'aria-invalid="true"' in text_of(answer)

    def test_after_five_wrong_ones_the_right_one_is_too_late(self, mother: Account, relay: Script) -> None:
        address = self.ask(mother)
        page = reverse("address-code", args=[address.pk])
        wrong = f"{(int(code_in(relay)) + 1) % 1_000_000:06d}"
        for _try in range(5):
            visit(mother).post(page, {"code": wrong})
        visit(mother).post(page, {"code": code_in(relay)})
        address.refresh_from_db()
        assert not address.is_usable

    def test_a_code_is_good_for_a_quarter_of_an_hour(self, mother: Account, relay: Script) -> None:
        address = self.ask(mother)
        page, code = reverse("address-code", args=[address.pk]), code_in(relay)
        visit(mother, now=NOW + timedelta(minutes=15)).post(page, {"code": code})
        address.refresh_from_db()
        assert not address.is_usable
        visit(mother, now=NOW + timedelta(minutes=14)).post(page, {"code": code})
        address.refresh_from_db()
        assert address.is_usable

    def test_a_new_code_makes_the_old_one_worthless(self, mother: Account, relay: Script) -> None:
        address = self.ask(mother)
        page, old = reverse("address-code", args=[address.pk]), code_in(relay)
        visit(mother, now=NOW + timedelta(minutes=1)).post(page, {"again": "1"})
        assert len(relay.mails) == 2
        if code_in(relay) == old:  # one time in a million
            return
        visit(mother, now=NOW + timedelta(minutes=2)).post(page, {"code": old})
        address.refresh_from_db()
        assert not address.is_usable

    def test_nobody_can_flood_a_mailbox_with_codes(self, mother: Account, relay: Script) -> None:
        address = self.ask(mother)
        page = reverse("address-code", args=[address.pk])
        for minutes in range(1, 10):
            visit(mother, now=NOW + timedelta(minutes=minutes)).post(page, {"again": "1"})
        assert len(relay.mails) == 5

    def test_removing_and_adding_again_does_not_reset_the_counting(self, mother: Account, relay: Script) -> None:
        for _again in range(8):
            address = self.ask(mother)
            visit(mother).post(reverse("address-removal", args=[address.pk]))
        assert len(relay.mails) == 5

    def test_a_switched_off_address_comes_back_by_proving_it_again(self, mother: Account, relay: Script) -> None:
        address = Address.objects.get(account=mother)
        Address.objects.filter(pk=address.pk).update(disabled_at=NOW, disabled_because="bounced")
        page = reverse("address-code", args=[address.pk])
        visit(mother).post(page, {"again": "1"})
        visit(mother).post(page, {"code": code_in(relay)})
        address.refresh_from_db()
        assert address.is_usable

    @pytest.mark.parametrize(
        "written", ["", "mother", "mother@", "a b@example.org", "x@example.org\nBcc: y@example.org"]
    )
    def test_what_is_no_address_is_said_beside_the_field_and_stays_typed(
        self, mother: Account, relay: Script, written: str
    ) -> None:
        answer = visit(mother).post(reverse("address-new"), {"target": written})
        assert answer.status_code == 200
        assert 'aria-invalid="true"' in text_of(answer)
        assert relay.mails == []

    def test_an_address_that_the_relay_refuses_says_so(self, mother: Account, relay: Script) -> None:
        relay.answers["RCPT"] = "550 5.1.1 No such mailbox"
        answer = visit(mother).post(reverse("address-new"), {"target": "nobody@example.org"}, follow=True)
        assert answer.status_code == 200
        assert 'data-state="held"' in text_of(answer)

    def test_a_relay_that_is_away_does_not_break_the_page(self, mother: Account, settings: Any) -> None:
        settings.SMTP_HOST, settings.SMTP_PORT = "127.0.0.1", 1
        answer = visit(mother).post(reverse("address-new"), {"target": "second@example.org"}, follow=True)
        assert answer.status_code == 200

    def test_an_address_of_somebody_else_is_not_there(self, mother: Account) -> None:
        stranger = builders.an_address(builders.an_account(), proven=False)
        assert visit(mother).post(reverse("address-code", args=[stranger.pk]), {"code": "123456"}).status_code == 404
        assert visit(mother).post(reverse("address-removal", args=[stranger.pk])).status_code == 404


class TestRemovingAnAddress:
    def test_the_confirmation_says_what_stops(self, mother: Account) -> None:
        address = Address.objects.get(account=mother)
        page = text_of(visit(mother).get(reverse("address-removal", args=[address.pk])))
        assert '<span class="confirm__count">3</span>' in page
        assert Address.objects.filter(pk=address.pk).exists()

    def test_it_goes_with_its_subscriptions(self, mother: Account) -> None:
        address = Address.objects.get(account=mother)
        visit(mother).post(reverse("address-removal", args=[address.pk]))
        assert not Subscription.objects.exists()

    def test_a_day_can_still_be_read_after_its_address_has_gone(self, mother: Account, child: Student) -> None:
        from gatepost.attendance.models import Event

        builders.entered(child, Event.Side.IN, at("07:42"))
        visit(mother).post(reverse("address-removal", args=[Address.objects.get(account=mother).pk]))
        assert visit(mother).get(f"/family/children/{child.pk}/").status_code == 200


def mail_of(relay: Script) -> Any:
    return email.message_from_bytes(relay.mails[-1].message, policy=email.policy.default)


def code_in(relay: Script) -> str:
    """The six digits of the newest mail."""
    body = mail_of(relay).get_body(("plain",)).get_content()
    found = re.search(r"\b\d{6}\b", body)
    assert found is not None
    return found[0]
