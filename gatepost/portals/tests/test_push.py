"""Messages to a phone: asked for there, proven by one that came, and ended with the session."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from gatepost.accounts.models import Account
from gatepost.channels.push.tests.service import PushedBrowser, PushService, a_push_service
from gatepost.guardians.restrictions import restrict
from gatepost.kit.clock import utc_now
from gatepost.notify import losses, notices, push_keys, sender, topics
from gatepost.notify.models import Address, Channel, Delivery, PushReceiver
from gatepost.notify.push import PushCarrier, a_sender
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.roster.models import Student
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db


@pytest.fixture
def service(settings: Any) -> Iterator[PushService]:
    settings.CHANNELS = ["email", "push"]
    settings.PUSH_CONTACT, settings.PUSH_PRIVATE = "mailto:gatepost@gatepost.example", True
    with a_push_service() as running:
        yield running


@pytest.fixture
def child(db: None) -> Student:
    return builders.a_student(builders.a_class(builders.a_school()))


@pytest.fixture
def mother(child: Student) -> Account:
    return builders.a_guardian(child)


def put_down(client: Client, browser: PushedBrowser, **more: str) -> Any:
    written = browser.written
    said = {"endpoint": written["endpoint"], **written["keys"], "key": push_keys.current(NOW).public, **more}
    return client.post(reverse("push-receiver"), said)


def renew(former: PushedBrowser, given: PushedBrowser, key: str = "") -> Any:
    """As the worker does it: without a cookie."""
    said = {"endpoint": given.endpoint, **given.written["keys"], "former_endpoint": former.endpoint}
    said |= {f"former_{name}": value for name, value in former.written["keys"].items()}
    return visit().post(reverse("push-renewal"), {"key": key or PushReceiver.objects.first().key.public, **said})


def last(service: PushService, browser: PushedBrowser) -> dict[str, str]:
    said: dict[str, str] = json.loads(browser.read(service.taken[-1].body))
    return said


def say_back(word: str) -> None:
    assert visit().post(reverse("push-receipt"), {"word": word}).status_code == 204


def a_proven(service: PushService, mother: Account, name: str = "one") -> tuple[Client, PushedBrowser]:
    client, browser = visit(mother), service.a_browser(name)
    put_down(client, browser)
    say_back(last(service, browser)["receipt"])
    return client, browser


def address(mother: Account) -> Address:
    return Address.objects.get(account=mother, channel=Channel.PUSH)


def say(child: Student) -> None:
    data = {"student": child.name, "school": "雙園國小", "source": "card", "place": "南門", "timezone": "Asia/Taipei"}
    post = notices.Post(
        key=f"arrived:{child.pk}",
        topic="arrived",
        about=child.pk,
        on_date=MONDAY,
        data={**data, "at": at("07:42").isoformat()},
        best_before=NOW + timedelta(minutes=40),
    )
    notices.post([post], now=NOW)


def send(service: PushService) -> None:
    sender.send_due("push", PushCarrier(a_sender()), now=NOW)


def pushed() -> Delivery:
    return Delivery.objects.get(channel=Channel.PUSH)


class TestSettingUp:
    def test_a_phone_counts_once_it_said_back_the_word_of_the_test(self, service: PushService, mother: Account) -> None:
        client, browser = visit(mother), service.a_browser()
        assert put_down(client, browser).status_code == 302
        assert not address(mother).is_usable
        word = last(service, browser)["receipt"]
        say_back(word)
        assert address(mother).is_usable
        assert address(mother).subscriptions.count() == len(topics.choosable())  # who asks for messages gets them
        assert "測試通知已送達" in text_of(client.get(reverse("push-test", args=[address(mother).pk])))

    def test_no_other_word_does(self, service: PushService, mother: Account) -> None:
        client, browser = visit(mother), service.a_browser()
        put_down(client, browser)
        first = last(service, browser)["receipt"]
        PushReceiver.objects.update(tested_at=None)
        client.post(reverse("push-test", args=[address(mother).pk]))  # its word takes the place of the first
        for word in ("", "x", first, first[:-2] + "xx", "x" * 5_000):
            say_back(word)
        assert not address(mother).is_usable
        say_back(last(service, browser)["receipt"])
        assert address(mother).is_usable

    def test_saying_it_again_at_each_visit_makes_no_second_one(self, service: PushService, mother: Account) -> None:
        client, browser = a_proven(service, mother)
        assert put_down(client, browser, quietly="").status_code == 204
        assert len(service.taken) == 1
        assert PushReceiver.objects.count() == 1

    def test_tests_do_not_follow_each_other_at_once(self, service: PushService, mother: Account) -> None:
        client, _browser = a_proven(service, mother)
        client.post(reverse("push-test", args=[address(mother).pk]))
        assert len(service.taken) == 1

    def test_nobody_tests_anothers_phone(self, service: PushService, mother: Account, child: Student) -> None:
        a_proven(service, mother)
        father = visit(builders.a_guardian(child))
        assert father.post(reverse("push-test", args=[address(mother).pk])).status_code == 404

    @pytest.mark.parametrize("endpoint", ["https://127.0.0.1/x", "ftp://push.example/", "", "x"])
    def test_an_address_that_is_no_push_service_never_counts(
        self, service: PushService, mother: Account, endpoint: str
    ) -> None:
        service.answer = (201, {})
        put_down(visit(mother), PushedBrowser(endpoint))
        assert not Address.objects.filter(channel=Channel.PUSH, verified_at__isnull=False).exists()

    def test_a_key_that_is_not_ours_is_refused(self, service: PushService, mother: Account) -> None:
        put_down(visit(mother), service.a_browser(), key="AAAA")
        assert not PushReceiver.objects.exists()

    def test_there_is_no_such_page_where_it_is_switched_off(self, mother: Account) -> None:
        assert visit(mother).get(reverse("push-new")).status_code == 404
        assert reverse("push-new") not in text_of(visit(mother).get(reverse("family-settings")))

    def test_the_settings_show_the_device_and_its_test(self, service: PushService, mother: Account) -> None:
        client, _browser = a_proven(service, mother)
        page = text_of(client.get(reverse("family-settings")))
        assert reverse("push-test", args=[address(mother).pk]) in page
        assert reverse("push-new") in page
        assert push_keys.current(NOW).public in text_of(client.get(reverse("push-new")))
        assert push_keys.current(NOW).public in text_of(client.get(reverse("family")))


class TestTelling:
    def test_the_fact_arrives_and_says_that_it_did(self, service: PushService, mother: Account, child: Student) -> None:
        _client, browser = a_proven(service, mother)
        say(child)
        send(service)
        taken, said = service.taken[-1], last(service, browser)
        assert said["title"] == "您的孩子 07:42 到校"
        assert said["body"] == ""  # a lock screen is read by others
        assert said["url"] == reverse("child", args=[child.pk])
        assert 0 < int(taken.headers["ttl"]) <= 40 * 60
        assert child.name.encode() not in taken.body
        assert pushed().state == "sent"
        say_back(said["receipt"])
        say_back(said["receipt"])
        assert pushed().state == "delivered"

    def test_a_phone_that_is_gone_is_spoken_to_no_more(
        self, service: PushService, mother: Account, child: Student
    ) -> None:
        client, _browser = a_proven(service, mother)
        service.answer = (410, {})
        say(child)
        send(service)
        assert (pushed().state, pushed().because) == ("failed", "refused")
        assert not address(mother).is_usable
        assert losses.follow(NOW) == 1  # by mail
        assert "必須在該裝置上重新設定" in text_of(client.get(reverse("family-settings")))

    def test_a_service_in_trouble_is_asked_again(self, service: PushService, mother: Account, child: Student) -> None:
        a_proven(service, mother)
        service.answer = (429, {"Retry-After": "90"})
        say(child)
        send(service)
        assert (pushed().state, pushed().due_at) == ("queued", NOW + timedelta(seconds=90))
        assert address(mother).is_usable

    def test_nothing_about_a_child_leaves_after_a_restriction(
        self, service: PushService, mother: Account, child: Student
    ) -> None:
        a_proven(service, mother)
        say(child)
        restrict(mother.pk, child, by=None, now=NOW)
        send(service)
        assert len(service.taken) == 1  # the test

    def test_a_lock_screen_names_the_child_where_its_owner_wants_it(
        self, service: PushService, mother: Account, child: Student
    ) -> None:
        client, browser = a_proven(service, mother)
        page = reverse("push-test", args=[address(mother).pk])
        client.post(page, {"names": "", "named": "on"})
        assert "checked" in text_of(client.get(page))
        say(child)
        send(service)
        assert last(service, browser)["title"] == f"{child.name} 07:42 到校"
        father = visit(builders.a_guardian(child))
        assert father.post(page, {"names": ""}).status_code == 404
        client.post(page, {"names": ""})
        assert "checked" not in text_of(client.get(page))


class TestRenewing:
    """A push service gave a browser another address: nobody is signed in, and the browser knows its former secret."""

    def test_who_knows_the_former_secret_goes_on_with_what_was_chosen(
        self, service: PushService, mother: Account, child: Student
    ) -> None:
        _client, browser = a_proven(service, mother)
        PushReceiver.objects.update(named_since=NOW)
        push_keys.make(now=NOW + timedelta(seconds=1))  # the browser keeps to the key it was given
        fresh = service.a_browser("fresh")
        assert renew(browser, fresh).status_code == 204
        assert renew(browser, fresh).status_code == 404  # once: the former one is unknown now
        say(child)
        send(service)
        assert last(service, fresh)["title"] == f"{child.name} 07:42 到校"
        assert PushReceiver.objects.count() == 1

    def test_nobody_else_turns_messages_to_a_browser_of_theirs(
        self, service: PushService, mother: Account, child: Student
    ) -> None:
        _client, browser = a_proven(service, mother)
        _other_client, other = a_proven(service, builders.a_guardian(child), "other")
        before = list(PushReceiver.objects.order_by("pk").values_list("endpoint", "p256dh"))
        thief = service.a_browser("thief")
        guessed = PushedBrowser(browser.endpoint)  # the address, and not the secret
        for former, given, key in (
            (guessed, thief, ""),
            (service.a_browser("unknown"), thief, ""),
            (browser, other, ""),
            (browser, thief, "AAAA"),
            (browser, PushedBrowser("ftp://push.example/"), ""),
        ):
            assert renew(former, given, key).status_code == 404
        assert list(PushReceiver.objects.order_by("pk").values_list("endpoint", "p256dh")) == before

    def test_one_that_was_found_dead_meanwhile_proves_itself_anew(self, service: PushService, mother: Account) -> None:
        _client, browser = a_proven(service, mother)
        Address.objects.filter(channel=Channel.PUSH).update(disabled_at=NOW, disabled_because="refused")
        PushReceiver.objects.update(tested_at=None)
        fresh = service.a_browser("fresh")
        renew(browser, fresh)
        assert not address(mother).is_usable
        say_back(last(service, fresh)["receipt"])
        assert address(mother).is_usable

    def test_who_signed_out_hears_nothing_of_it(self, service: PushService, mother: Account, child: Student) -> None:
        client, browser = a_proven(service, mother)
        client.post(reverse("account_logout"))
        renew(browser, service.a_browser("fresh"))
        say(child)
        send(service)
        assert len(service.taken) == 1  # the first test
        assert not address(mother).is_usable

    def test_a_device_that_was_removed_does_not_come_back_by_a_visit(
        self, service: PushService, mother: Account
    ) -> None:
        client, browser = a_proven(service, mother)
        client.post(reverse("address-removal", args=[address(mother).pk]))
        assert put_down(client, browser, quietly="").status_code == 204
        assert not Address.objects.filter(channel=Channel.PUSH).exists()


class TestSigningOut:
    def test_it_ends_messages_there_and_signing_in_begins_them_again(
        self, service: PushService, mother: Account, child: Student
    ) -> None:
        client, browser = a_proven(service, mother)
        client.post(reverse("account_logout"))
        assert address(mother).disabled_because == "signed_out"
        assert losses.follow(utc_now()) == 0  # whoever signs out knows
        say(child)
        send(service)
        assert len(service.taken) == 1
        put_down(visit(mother), browser, quietly="")
        assert address(mother).is_usable
        assert address(mother).subscriptions.count() == len(topics.choosable())

    def test_a_test_from_elsewhere_does_not_begin_them_again(self, service: PushService, mother: Account) -> None:
        client, _browser = a_proven(service, mother)
        client.post(reverse("account_logout"))
        PushReceiver.objects.update(tested_at=None)
        visit(mother).post(reverse("push-test", args=[address(mother).pk]))
        assert len(service.taken) == 1

    def test_a_session_that_only_ran_out_ends_nothing(self, service: PushService, mother: Account) -> None:
        client, _browser = a_proven(service, mother)
        session = client.session.model.objects.get(pk=client.session.session_key)  # type: ignore[attr-defined]
        session.expire_date = utc_now() - timedelta(days=1)
        session.save()
        session.delete()
        assert address(mother).is_usable

    def test_a_browser_takes_messages_for_one_person_only(
        self, service: PushService, mother: Account, child: Student
    ) -> None:
        _client, browser = a_proven(service, mother)
        father = builders.a_guardian(child)
        put_down(visit(father), browser)
        assert not Address.objects.filter(account=mother, channel=Channel.PUSH).exists()
        say(child)
        send(service)
        assert len(service.taken) == 2  # two tests; his is not proven yet


def test_a_new_key_is_given_at_the_next_visit_and_the_old_one_serves_until_then(
    service: PushService, mother: Account, child: Student
) -> None:
    client, browser = a_proven(service, mother)
    old, new = push_keys.current(NOW), push_keys.make(now=NOW + timedelta(seconds=1))
    say(child)
    send(service)
    assert service.taken[-1].key == old.public
    assert new.public in text_of(client.get(reverse("family")))
    put_down(client, browser, quietly="")
    assert PushReceiver.objects.get().key == new
