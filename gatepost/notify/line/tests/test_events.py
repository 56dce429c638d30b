from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from gatepost.accounts.models import Account
from gatepost.channels.line.tests.platform import Platform, user
from gatepost.notify import losses
from gatepost.notify.line import events, line_settings, links
from gatepost.notify.line.tests.linked import LINKED_AT, linked, tell
from gatepost.notify.models import Address, Channel, Delivery, LineEvent, LineLink
from gatepost.roster.models import Student
from tests import builders
from tests.builders import at

pytestmark = pytest.mark.django_db

NOW = at("07:42:05")
MOTHER = user(1)


@pytest.fixture
def child() -> Student:
    return builders.a_student(builders.a_class(builders.a_school()))


@pytest.fixture
def mother(child: Student) -> Account:
    return builders.a_guardian(child)


def token_in(text: str) -> str:
    return parse_qs(urlsplit(text.split()[-1]).query)["linkToken"][0]


def onward(token: str, nonce: str) -> str:
    return f"https://access.line.me/dialog/bot/accountLink?linkToken={token}&nonce={nonce}"


def line_of(account: Account) -> Address:
    return Address.objects.get(account=account, channel=Channel.LINE)


class TestLinking:
    def test_who_adds_our_account_is_sent_a_link_in_every_language(self, line: Platform) -> None:
        tell(line, line.follows(MOTHER, NOW), now=NOW)
        [(_token, text)] = line.replied
        assert line.link_tokens[token_in(text)] == MOTHER
        assert all(word in text for word in ("sign in", "đăng nhập", "masuk", "登入"))

    def test_a_link_that_line_vouches_for_is_a_proven_address(self, line: Platform, mother: Account) -> None:
        tell(line, line.follows(MOTHER, NOW), now=NOW)
        nonce = links.begin(mother, now=NOW)
        tell(line, line.links(MOTHER, onward(token_in(line.replied[0][1]), nonce), NOW), now=NOW)
        address = line_of(mother)
        assert (address.target, address.is_usable, address.label) == (MOTHER, True, "2026/11/23")
        assert len(line.replied) == 2  # and the chat says so

    def test_a_link_token_of_somebody_else_links_nothing(self, line: Platform, mother: Account) -> None:
        tell(line, line.follows(user(2), NOW), now=NOW)
        nonce = links.begin(mother, now=NOW)
        tell(line, line.links(MOTHER, onward(token_in(line.replied[0][1]), nonce), NOW), now=NOW)
        assert not Address.objects.filter(channel=Channel.LINE).exists()

    @pytest.mark.parametrize("late", [links.GOOD_FOR + timedelta(seconds=1), timedelta(hours=5)])
    def test_a_nonce_is_good_for_a_quarter_of_an_hour(self, mother: Account, late: timedelta) -> None:
        nonce = links.begin(mother, now=NOW)
        assert links.finish(links.digest(nonce), MOTHER, at=NOW + late, now=NOW + late) is None

    def test_a_nonce_is_good_once(self, mother: Account) -> None:
        nonce = links.digest(links.begin(mother, now=NOW))
        assert links.finish(nonce, MOTHER, at=NOW, now=NOW) is not None
        assert links.finish(nonce, user(2), at=NOW, now=NOW) is None
        assert line_of(mother).target == MOTHER

    def test_a_nonce_of_nobody_links_nothing(self, line: Platform) -> None:
        assert links.finish(links.digest("n0nce"), MOTHER, at=NOW, now=NOW) is None

    def test_the_nonce_itself_is_not_kept(self, mother: Account) -> None:
        nonce = links.begin(mother, now=NOW)
        assert len(nonce) >= 43
        assert nonce.encode() not in bytes(LineLink.objects.get().nonce_digest)

    def test_another_line_takes_the_place_of_the_first_with_what_was_chosen(
        self, line: Platform, mother: Account, child: Student
    ) -> None:
        before = linked(mother, MOTHER, child).subscriptions.count()
        linked(mother, user(2), when=NOW)
        address = line_of(mother)
        assert (address.target, address.subscriptions.count()) == (user(2), before)


class TestBlocking:
    def test_a_block_switches_the_address_off_and_tells_the_person_elsewhere(
        self, line: Platform, mother: Account, child: Student
    ) -> None:
        linked(mother, MOTHER, child)
        tell(line, line.blocks(MOTHER, NOW), now=NOW)
        assert line_of(mother).disabled_because == "unfollowed"
        assert losses.follow(NOW) == 1
        assert losses.follow(NOW + timedelta(minutes=1)) == 0  # once
        [delivery] = Delivery.objects.all()
        assert delivery.address_id == Address.objects.get(account=mother, channel=Channel.EMAIL).pk

    def test_somebody_without_another_address_is_told_nowhere(
        self, line: Platform, mother: Account, child: Student
    ) -> None:
        linked(mother, MOTHER, child)
        Address.objects.filter(channel=Channel.EMAIL).update(disabled_at=NOW - timedelta(days=3))
        tell(line, line.blocks(MOTHER, NOW), now=NOW)
        assert losses.follow(NOW) == 0

    def test_adding_us_again_is_not_enough_a_new_link_is(self, line: Platform, mother: Account) -> None:
        linked(mother, MOTHER)
        tell(line, line.blocks(MOTHER, NOW), now=NOW)
        tell(line, line.follows(MOTHER, NOW, again=True), now=NOW)
        assert not line_of(mother).is_usable
        nonce = links.begin(mother, now=NOW)
        tell(line, line.links(MOTHER, onward(token_in(line.replied[-1][1]), nonce), NOW), now=NOW)
        assert line_of(mother).is_usable

    def test_a_block_told_late_does_not_undo_a_newer_link(self, line: Platform, mother: Account) -> None:
        linked(mother, MOTHER)
        tell(line, line.blocks(MOTHER, LINKED_AT - timedelta(minutes=1)), now=NOW)
        assert line_of(mother).is_usable


class TestRepeats:
    def test_an_event_told_twice_is_one(self, line: Platform, mother: Account) -> None:
        linked(mother, MOTHER)
        block = line.blocks(MOTHER, NOW)
        assert tell(line, block, now=NOW) == 1
        linked(mother, MOTHER, when=NOW + timedelta(minutes=1))
        again = block | {"deliveryContext": {"isRedelivery": True}}
        assert tell(line, again, again, now=NOW + timedelta(minutes=2)) == 0
        assert line_of(mother).is_usable

    def test_an_event_of_long_ago_is_not_taken(self, line: Platform) -> None:
        assert tell(line, line.blocks(MOTHER, NOW - timedelta(days=4)), now=NOW) == 0

    def test_what_is_old_is_forgotten_and_what_could_be_repeated_is_not(self, line: Platform, mother: Account) -> None:
        tell(line, line.follows(MOTHER, NOW), now=NOW)
        links.begin(mother, now=NOW)
        assert events.forget(now=NOW + events.TOLD_LATE) == 0
        assert events.forget(now=NOW + timedelta(days=8)) == 2

    def test_events_are_followed_in_the_order_they_happened(self, line: Platform, mother: Account) -> None:
        nonce = links.begin(mother, now=NOW)
        line.link_tokens["t"] = MOTHER
        link = line.links(MOTHER, onward("t", nonce), NOW)
        tell(line, line.blocks(MOTHER, NOW + timedelta(seconds=5)), link, now=NOW + timedelta(seconds=6))
        assert not line_of(mother).is_usable


class TestChat:
    def test_what_somebody_writes_is_answered_and_not_kept(self, line: Platform, mother: Account) -> None:
        linked(mother, MOTHER)
        tell(line, line.says(MOTHER, "今天請假", NOW), now=NOW)
        assert len(line.replied) == 1
        row = LineEvent.objects.values().get()
        assert "今天請假" not in str(row)
        assert row["reply_token"] == ""

    def test_a_stranger_who_writes_gets_the_link_but_not_without_end(self, line: Platform) -> None:
        for number in range(10):
            tell(line, line.says(MOTHER, "?", NOW), now=NOW + timedelta(seconds=number))
        assert len(line.replied) == events.INVITATIONS_AN_HOUR

    def test_a_reply_that_line_refuses_changes_nothing(self, line: Platform, mother: Account) -> None:
        line.script.append((400, {"message": "Invalid reply token"}))
        assert tell(line, line.follows(MOTHER, NOW), now=NOW) == 1
        assert not LineEvent.objects.filter(settled_at=None).exists()

    def test_a_token_too_old_is_not_used(self, line: Platform) -> None:
        from gatepost.channels.line import webhook

        events.keep(webhook.read(line.callback(line.follows(MOTHER, NOW))[0]), now=NOW)
        events.follow(line_settings(), now=NOW + timedelta(minutes=2))
        assert line.asked == []


def test_a_mail_that_came_back_is_told_elsewhere_too(mother: Account, child: Student) -> None:
    second = builders.an_address(mother, "second@example.org")
    Address.objects.filter(pk=second.pk).update(disabled_at=NOW, disabled_because="bounced")
    assert losses.follow(NOW) == 1
    words = losses._words({"channel": "email", "because": "bounced", "address": "se…@example.org"}, NOW)
    assert "se…@example.org" in words.text
    assert not any("http" in line for line in words.lines)
