"""The pages of LINE, text messages and the app at 360 px, by keyboard; and the code of push in the browser itself.

This Chromium has no push service of its own, so two things are played: what `subscribe` gives, and the hand of the push
service that wakes the worker. Everything between is ours and runs: the page, the server, the encryption, the worker.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import transaction
from playwright.sync_api import Page, Worker, expect

from gatepost.allowances import budgets
from gatepost.attendance import notices as words
from gatepost.channels.push.tests.service import PushedBrowser, PushService, a_push_service
from gatepost.channels.sms.tests.fake_mitake import mitake
from gatepost.notify import addresses, notices, sender
from gatepost.notify.models import Address, Channel, Delivery, PushReceiver
from gatepost.notify.push import PushCarrier, a_sender
from tests.browser.conftest import Site, check, sign_in
from tests.browser.scene import NOW, PASSWORD, Scene
from tests.builders import MONDAY

pytestmark = pytest.mark.django_db(transaction=True)

# The browser's half that is played: one subscription, known again on the next page.
SUBSCRIBING = """
const octets = (kept) => Uint8Array.from(JSON.parse(kept)).buffer;
const given = (kept) => ({toJSON: () => (GIVEN), options: {applicationServerKey: octets(kept)}});
PushManager.prototype.subscribe = async ({applicationServerKey}) => {
  localStorage.setItem("played", JSON.stringify([...applicationServerKey]));
  return given(localStorage.getItem("played"));
};
PushManager.prototype.getSubscription = async () => {
  const kept = localStorage.getItem("played");
  return kept && given(kept);
};
"""
SHOWN = "registration.getNotifications().then((shown) => shown.map((one) => one.title))"
RENEWED = "(given) => { PushManager.prototype.subscribe = async () => ({toJSON: () => given}); }"
CHANGE = """async (endpoint) => {
  dispatchEvent(new ExtendableEvent("pushsubscriptionchange"));
  const told = async () => (await (await caches.match("/told")).json()).endpoint;
  const soon = () => new Promise((done) => setTimeout(done, 100));
  for (let turn = 0; turn < 100 && await told() !== endpoint; turn++) await soon();
  return told();
}"""
CLICK = """registration.getNotifications().then((shown) => {
  const notification = shown.find((one) => one.data.url.startsWith("/family/children/"));
  dispatchEvent(new NotificationEvent("notificationclick", {notification}));
})"""


@pytest.fixture
def service(settings: Any) -> Iterator[PushService]:
    settings.CHANNELS = ["email", "line", "sms", "push"]
    settings.LINE_ACCOUNT, settings.LINE_CHANNEL_SECRET, settings.LINE_ACCESS_TOKEN = "@123abcde", "secret", "token"
    settings.PUSH_CONTACT, settings.PUSH_PRIVATE = "mailto:gatepost@gatepost.example", True
    with a_push_service() as service, mitake() as gateway:
        settings.SMS, settings.SMS_URL = "mitake", gateway.url
        settings.SMS_USER, settings.SMS_PASSWORD = "city", "secret"
        yield service


def deliver(page: Page, browser: PushedBrowser, service: PushService) -> None:
    """What the push service took last, as the browser's own push service would hand it to the worker."""
    control = page.context.new_cdp_session(page)
    with control_event(control, "ServiceWorker.workerRegistrationUpdated") as registrations:
        control.send("ServiceWorker.enable")
        page.wait_for_function("navigator.serviceWorker.controller")
    control.send(
        "ServiceWorker.deliverPushMessage",
        {
            "origin": "{0.scheme}://{0.netloc}".format(urlsplit(page.url)),
            "registrationId": registrations[-1]["registrationId"],
            "data": browser.read(service.taken[-1].body).decode(),
        },
    )


@contextmanager
def control_event(control: Any, name: str) -> Iterator[list[dict[str, Any]]]:
    """The registrations that Chromium tells of meanwhile."""
    told: list[dict[str, Any]] = []
    control.on(name, lambda event: told.extend(event["registrations"]))
    yield told
    assert told


def press(page: Page, name: str) -> None:
    """A button, by keyboard."""
    page.get_by_role("button", name=name, exact=True).focus()
    page.keyboard.press("Enter")


def test_messages_reach_the_lock_screen_and_lead_to_the_child(
    open_browser: Callable[..., Page], site: Site, scene: Scene, service: PushService
) -> None:
    browser, fresh = service.a_browser(), service.a_browser("fresh")
    page: Page = open_browser()
    page.context.grant_permissions(["notifications"], origin=site.url)
    page.context.add_init_script(SUBSCRIBING.replace("GIVEN", json.dumps(browser.written)))
    sign_in(page, scene.guardian.email, PASSWORD)

    # Asked for on the phone itself; names stay off.
    page.goto("/family/settings/push/new/")
    check(page)
    press(page, "在這支手機上接收通知")
    page.wait_for_url("**/test/")
    worker: Worker = page.context.service_workers[0]
    receiver = PushReceiver.objects.select_related("address").get()
    assert not receiver.address.is_usable
    deliver(page, browser, service)
    expect(page.locator("main")).to_contain_text("測試通知已送達")  # the worker said the word back, and told the page
    check(page)
    assert worker.evaluate(SHOWN) == ["這台裝置收得到通知"]

    # News of the child: shown without the name, said back, and a touch leads to the child.
    data = {"student": "王小明", "school": "雙園國小", "source": "card", "timezone": "Asia/Taipei"}
    data["at"] = NOW.isoformat()
    post = notices.Post("again", words.ARRIVED, scene.ming.pk, MONDAY, data, NOW + timedelta(minutes=40))
    with transaction.atomic():
        notices.post([post], now=NOW)
    sender.send_due("push", PushCarrier(a_sender()), now=NOW)
    with page.expect_navigation():  # the page hears of it from the worker, after the receipt was said back
        deliver(page, browser, service)
    assert "您的孩子 08:12 到校" in worker.evaluate(SHOWN)
    assert Delivery.objects.get(channel=Channel.PUSH).state == "delivered"
    worker.evaluate(CLICK)
    page.wait_for_url(f"**/family/children/{scene.ming.pk}/**")

    # At a visit the browser says that it is there; the worker then speaks for it when its subscription changes.
    PushReceiver.objects.update(session_key="another")
    with page.expect_response(lambda said: said.url.endswith("/push/receiver/") and said.status == 204):
        page.goto("/family/")
    assert PushReceiver.objects.get().session_key != "another"
    page.wait_for_function("caches.open('told').then((cache) => cache.match('/told'))")
    worker = page.context.service_workers[0]
    worker.evaluate(RENEWED, fresh.written)
    assert worker.evaluate(CHANGE, fresh.endpoint) == fresh.endpoint
    assert PushReceiver.objects.get().endpoint == fresh.endpoint
    assert Address.objects.get(channel=Channel.PUSH).is_usable


def test_line_and_text_messages_by_keyboard_at_phone_size(
    open_browser: Callable[..., Page], scene: Scene, service: PushService
) -> None:
    for month in (date(2026, 11, 1), date(2026, 12, 1)):
        budgets.set_budget(scene.school, month, granted=500, segment_price=85, monthly_fee=30, by=None)
    page: Page = open_browser()
    sign_in(page, scene.guardian.email, PASSWORD)
    for address in ("/family/settings/line/", "/family/settings/line/link/?linkToken=a-link-token"):
        page.goto(address)
        check(page)

    page.goto("/family/settings/numbers/new/")
    check(page)
    page.get_by_label("手機號碼").focus()
    page.keyboard.type("0912-345-678")
    page.keyboard.press("Enter")
    page.wait_for_url("**/code/")
    check(page)
    addresses.count_as_proven(scene.guardian, "+886912345678", channel=Channel.SMS, now=NOW)

    page.goto("/family/text-messages/")
    check(page)
    box = page.locator("input[name=month]").first
    box.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("收回")
    check(page)

    office: Page = open_browser()
    sign_in(office, scene.office.email, PASSWORD)
    office.goto(f"/schools/{scene.school.code}/text-messages/")
    check(office)
    press(office, "核准所選")
    expect(office.locator("main")).not_to_contain_text("核准所選")
    check(office)
