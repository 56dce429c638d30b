"""A push message is read by one browser only, taken by its service only from us, and refused in words we understand."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gatepost.channels.errors import ChannelError
from gatepost.channels.push import subscription
from gatepost.channels.push.encryption import TEXT_BYTES_MAX, encrypt
from gatepost.channels.push.service import PushMessage, PushSender, waiting
from gatepost.channels.push.subscription import PushSubscription, in_base64url, unpadded
from gatepost.channels.push.tests.service import PushedBrowser, PushService, a_push_service
from gatepost.channels.push.vapid import application_server_key

NOW = datetime(2026, 11, 23, 7, 42, tzinfo=UTC)
OURS = ec.generate_private_key(ec.SECP256R1())
SENDER = PushSender(contact="mailto:gatepost@gatepost.example", private_allowed=True, seconds=5)


@pytest.fixture
def service() -> Iterator[PushService]:
    with a_push_service() as running:
        yield running


def message(to: PushSubscription, text: bytes = b"07:42", **more: Any) -> PushMessage:
    return PushMessage(to=to, text=text, good_for=timedelta(hours=1), key=OURS, topic="arrived", **more)


def refusal(to: PushSubscription, sender: PushSender = SENDER) -> ChannelError:
    with pytest.raises(ChannelError) as refused:
        sender.send(message(to), now=NOW)
    return refused.value


def test_the_example_of_the_rfc_comes_out_byte_for_byte() -> None:
    """RFC 8291, section 5 and appendix A."""
    ours = int.from_bytes(unpadded("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big")
    to = PushSubscription(
        "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
        unpadded("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        unpadded("BTBZMqHH6r4Tts7J_aSIgg"),
    )
    body = encrypt(
        b"When I grow up, I want to be a watermelon",
        to,
        salt=unpadded("DGv6ra1nlYgDCS1FRnbzlw"),
        own=ec.derive_private_key(ours, ec.SECP256R1()),
    )
    assert in_base64url(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
        "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


class TestHandingOver:
    def test_the_service_takes_it_and_the_browser_reads_it(self, service: PushService) -> None:
        browser = service.a_browser()
        SENDER.send(message(browser.subscription, "小明 07:42 到校".encode()), now=NOW)
        taken = service.taken[0]
        assert browser.read(taken.body).decode() == "小明 07:42 到校"
        assert "小明".encode() not in taken.body
        assert (taken.headers["ttl"], taken.headers["topic"], taken.headers["urgency"]) == ("3600", "arrived", "normal")

    def test_it_is_signed_for_that_service_by_the_key_the_browser_knows(self, service: PushService) -> None:
        SENDER.send(message(service.a_browser().subscription), now=NOW)
        taken = service.taken[0]
        assert taken.key == application_server_key(OURS)
        assert taken.claims["sub"] == "mailto:gatepost@gatepost.example"
        assert NOW.timestamp() < taken.claims["exp"] <= (NOW + timedelta(hours=24)).timestamp()

    def test_no_two_messages_look_alike(self, service: PushService) -> None:
        browser = service.a_browser()
        assert SENDER.send_many([message(browser.subscription)] * 3, now=NOW) == [None, None, None]
        assert len({taken.body for taken in service.taken}) == 3

    def test_the_longest_text_arrives_and_one_byte_more_is_not_sent(self, service: PushService) -> None:
        browser = service.a_browser()
        SENDER.send(message(browser.subscription, b"x" * TEXT_BYTES_MAX), now=NOW)
        assert len(browser.read(service.taken[0].body)) == TEXT_BYTES_MAX
        with pytest.raises(ChannelError, match="bytes at most"):
            SENDER.send(message(browser.subscription, b"x" * (TEXT_BYTES_MAX + 1)), now=NOW)

    def test_one_that_fails_holds_up_no_other(self, service: PushService) -> None:
        nowhere = PushedBrowser("http://127.0.0.1:1/push/x").subscription
        first, second = SENDER.send_many([message(nowhere), message(service.a_browser().subscription)], now=NOW)
        assert first is not None
        assert second is None


class TestAnswers:
    @pytest.mark.parametrize("status", [404, 410])
    def test_a_subscription_that_is_gone_is_used_no_more(self, service: PushService, status: int) -> None:
        service.answer = (status, {})
        assert refusal(service.a_browser().subscription).permanent

    @pytest.mark.parametrize("status", [400, 401, 403, 413, 429, 500, 503, 302])
    def test_trouble_says_nothing_about_the_subscription(self, service: PushService, status: int) -> None:
        service.answer = (status, {"Location": "https://elsewhere.example/"})
        assert not refusal(service.a_browser().subscription).permanent

    def test_too_much_at_once_waits_as_long_as_it_is_told(self, service: PushService) -> None:
        service.answer = (429, {"Retry-After": "120"})
        assert refusal(service.a_browser().subscription).retry_after == timedelta(minutes=2)

    @pytest.mark.parametrize(
        ("written", "seconds"),
        [
            ("30", 30),
            ("Mon, 23 Nov 2026 07:43:00 GMT", 60),
            ("Mon, 23 Nov 2026 07:00:00 GMT", 0),
            ("999999999", 3600),
            ("", None),
            ("soon", None),
            ("-5", None),
        ],
    )
    def test_what_retry_after_asks_for(self, written: str, seconds: int | None) -> None:
        assert waiting(written, now=NOW) == (None if seconds is None else timedelta(seconds=seconds))


class TestWhereTo:
    def test_never_into_our_own_network(self, service: PushService) -> None:
        strict = PushSender(contact="mailto:gatepost@gatepost.example", seconds=1)
        for endpoint in ("https://127.0.0.1/x", "https://[::1]/x", "https://10.0.0.1/x", service.url):
            assert refusal(PushedBrowser(endpoint).subscription, strict).permanent
        assert service.taken == []

    def test_what_a_browser_writes_is_understood(self) -> None:
        written = PushedBrowser("https://push.example/abc").written
        found = subscription.read(written["endpoint"], **written["keys"])
        assert found.origin == "https://push.example"

    @pytest.mark.parametrize(
        ("endpoint", "p256dh", "auth"),
        [
            ("http://push.example/abc", None, None),
            ("https:///abc", None, None),
            ("https://somebody@push.example/abc", None, None),
            ("https://push.example/a b", None, None),
            ("https://push.example/" + "x" * 1_000, None, None),
            (None, "", None),
            (None, "AAAA", None),
            (None, in_base64url(b"\4" + b"\1" * 64), None),
            (None, "no base64 at all!", None),
            (None, None, "AAAA"),
            (None, None, "é"),
        ],
    )
    def test_anything_else_is_refused_for_good(
        self, endpoint: str | None, p256dh: str | None, auth: str | None
    ) -> None:
        right = PushedBrowser("https://push.example/abc").written
        keys = right["keys"]
        with pytest.raises(ChannelError) as refused:
            subscription.read(
                right["endpoint"] if endpoint is None else endpoint,
                keys["p256dh"] if p256dh is None else p256dh,
                keys["auth"] if auth is None else auth,
            )
        assert refused.value.permanent
