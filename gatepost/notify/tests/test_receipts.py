from datetime import date
from pathlib import Path

import pytest

from gatepost.channels.email import tests
from gatepost.channels.email.bounce import parse_bounce, return_address
from gatepost.notify import notices, receipts
from gatepost.notify.models import Address, Delivery
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db

SECRET = b"secret"
NOW = at("07:50")
REPORTS = [(path, path.read_bytes()) for path in sorted((Path(tests.__file__).parent / "reports").iterdir())]
PERMANENT = next(content for _, content in REPORTS if (report := parse_bounce(content)) and report.permanent)
PASSING = next(content for _, content in REPORTS if (report := parse_bounce(content)) and not report.permanent)


@pytest.fixture
def delivery(db: None) -> Delivery:
    student = builders.a_student(builders.a_class(builders.a_school()))
    builders.a_guardian(student)
    notices.post([notices.Post("k", "arrived", student.pk, MONDAY, {}, at("09:00"))], now=at("07:42"))
    Delivery.objects.update(state="sent", settled_at=at("07:42:02"))
    return Delivery.objects.get()


def came_back(delivery: Delivery, message: bytes, *, to: str = "") -> str:
    address = to or return_address(delivery.pk, delivery.on_date, secret=SECRET, domain="gatepost.example")
    return receipts.bounced(message, to=address, secret=SECRET, now=NOW)


def test_a_bounce_fails_the_delivery_and_switches_the_address_off(delivery: Delivery) -> None:
    assert came_back(delivery, PERMANENT) == "disabled"
    delivery.refresh_from_db()
    assert (delivery.state, delivery.because) == ("failed", "bounced")
    assert Address.objects.get().disabled_because == "bounced"


def test_a_full_mailbox_fails_the_mail_and_not_the_address(delivery: Delivery) -> None:
    assert came_back(delivery, PASSING) == "failed"
    assert Address.objects.get().disabled_at is None


def test_a_bounce_said_twice_changes_nothing_more(delivery: Delivery) -> None:
    came_back(delivery, PASSING)
    assert came_back(delivery, PERMANENT) == "known"
    assert Address.objects.get().disabled_at is None


@pytest.mark.parametrize("to", ["bounce+1.2.3@gatepost.example", "gatepost@gatepost.example", "", "x" * 3000])
def test_who_does_not_hold_our_signature_switches_nobody_off(delivery: Delivery, to: str) -> None:
    assert came_back(delivery, PERMANENT, to=to or "@") == "stranger"
    assert Address.objects.get().disabled_at is None


def test_the_signature_of_one_delivery_does_not_serve_another(delivery: Delivery) -> None:
    other = return_address(delivery.pk + 1, date(2026, 11, 23), secret=SECRET, domain="gatepost.example")
    assert came_back(delivery, PERMANENT, to=other) == "known"
    assert Address.objects.get().disabled_at is None


def test_an_out_of_office_reply_is_no_bounce(delivery: Delivery) -> None:
    assert came_back(delivery, b"Auto-Submitted: auto-replied\r\n\r\nI am away.") == "chatter"
    delivery.refresh_from_db()
    assert delivery.state == "sent"
