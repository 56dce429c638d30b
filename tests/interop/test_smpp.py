"""node-smpp's server takes what our SMPP client hands over, and tells what became of it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gatepost.channels.errors import ChannelError
from gatepost.channels.sms.gateway import Outcome, OutgoingSms, Receipt, Take
from gatepost.channels.sms.smpp import SmppGateway
from gatepost.channels.sms.smpp_link import SmppSettings
from tests.interop.carrier import Carrier, a_carrier

LONG = "雙園國小：" + "王小明 07:42 到校。" * 12 + "🙂"


@pytest.fixture
def carrier(node_modules: Path) -> Iterator[Carrier]:
    with a_carrier(node_modules) as carrier:
        yield carrier


@pytest.fixture
def settings(carrier: Carrier) -> SmppSettings:
    return SmppSettings("127.0.0.1", carrier.port, "gatepost", "secret", sender="68886", tls=False, pause_seconds=0)


@pytest.fixture
def gateway(settings: SmppSettings) -> Iterator[SmppGateway]:
    gateway = SmppGateway(settings)
    yield gateway
    gateway.close()


def send(gateway: SmppGateway, *messages: tuple[str, str]) -> list[Outcome]:
    return gateway.send_many([OutgoingSms(to, text, f"key-{place}") for place, (to, text) in enumerate(messages)])


def taken(gateway: SmppGateway, many: int) -> dict[str, Receipt]:
    found: dict[str, Receipt] = {}
    while len(found) < many:
        gateway.collect([], lambda receipt: found.__setitem__(receipt.reference, receipt))
    return found


def until_it_raises(gateway: SmppGateway, take: Take) -> None:
    while True:
        gateway.collect([], take)


def test_what_it_takes_is_told_of_by_receipts(carrier: Carrier, gateway: SmppGateway) -> None:
    outcomes = send(gateway, ("+886912345678", "Ming arrived {07:42}"), ("+886912344444", "小明 07:42 到校"))
    assert [one.references for one in outcomes] == [("m1",), ("m2",)]
    receipts = taken(gateway, 2)
    assert (receipts["m1"].delivered, receipts["m2"].delivered) == (True, False)
    assert receipts["m2"].said == "UNDELIV 000"
    assert carrier.until("receipt")["status"] == carrier.until("receipt")["status"] == 0
    first, second = (one for one in carrier.said if one["event"] == "submit")
    assert (first["text"], first["coding"], first["to"]) == ("Ming arrived {07:42}", 0, "886912345678")
    assert (second["text"], second["coding"], second["ton"], second["from"]) == ("小明 07:42 到校", 8, 1, "68886")
    assert {"event": "alive"} in carrier.said  # its own question was answered


def test_a_long_text_goes_in_parts_that_telephones_put_together(carrier: Carrier, gateway: SmppGateway) -> None:
    (outcome,) = send(gateway, ("+886912345678", LONG))
    assert outcome.references == ("m1", "m2", "m3")
    taken(gateway, 3)
    carrier.until("receipt")
    parts = [one for one in carrier.said if one["event"] == "submit"]
    assert "".join(one["text"] for one in parts) == LONG
    assert [one["header"][-2:] for one in parts] == ["01", "02", "03"]
    assert {one["esm"] for one in parts} == {0x40}


def test_a_long_text_goes_whole_where_the_carrier_wants_it_so(carrier: Carrier, settings: SmppSettings) -> None:
    gateway = SmppGateway(replace(settings, long="payload"))
    (outcome,) = send(gateway, ("+886912345678", LONG))
    assert outcome.references == ("m1",)
    assert carrier.until("submit")["text"] == LONG
    gateway.close()
    carrier.until("unbind")


def test_a_refused_number_is_permanent_and_holds_up_no_other(gateway: SmppGateway) -> None:
    refused, fine = send(gateway, ("+886912340000", "小明"), ("+886912345678", "小美"))
    assert refused.error is not None
    assert refused.error.permanent
    assert fine.sent


def test_a_number_abroad_never_reaches_the_carrier(carrier: Carrier, gateway: SmppGateway) -> None:
    abroad, fine = send(gateway, ("+447700900123", "x"), ("+886912345678", "x"))
    assert abroad.error is not None
    assert abroad.error.permanent
    assert fine.sent
    assert carrier.until("submit")["to"] == "886912345678"


def test_a_throttled_carrier_is_left_in_peace(gateway: SmppGateway) -> None:
    (throttled,) = send(gateway, ("+886912345858", "小明"))
    assert throttled.error is not None
    assert not throttled.error.permanent
    assert throttled.error.retry_after is not None
    assert gateway.is_down
    (later,) = send(gateway, ("+886912345678", "小美"))
    assert not later.sent


def test_a_broken_connection_is_trouble_of_ours_and_the_next_batch_binds_anew(gateway: SmppGateway) -> None:
    lost, behind = send(gateway, ("+886912349999", "小明"), ("+886912345678", "小美"))
    for outcome in (lost, behind):
        assert outcome.error is not None
        assert not outcome.error.permanent
    (again,) = send(gateway, ("+886912345678", "小美"))
    assert again.sent


def test_receipts_come_after_a_restart_of_the_carrier(carrier: Carrier, gateway: SmppGateway) -> None:
    send(gateway, ("+886912345678", "小明"))
    taken(gateway, 1)
    carrier.restart()
    with pytest.raises(ChannelError):
        taken(gateway, 1)
    send(gateway, ("+886912345678", "小明"))
    assert taken(gateway, 1)["m2"].delivered


def test_a_receipt_that_could_not_be_kept_is_not_acknowledged(carrier: Carrier, gateway: SmppGateway) -> None:
    send(gateway, ("+886912345678", "小明"))

    def full(_receipt: Receipt) -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        until_it_raises(gateway, full)
    assert carrier.until("receipt")["status"] == 0x64


def test_a_silent_connection_is_asked_whether_it_is_alive(carrier: Carrier, settings: SmppSettings) -> None:
    gateway = SmppGateway(replace(settings, idle_seconds=0))
    gateway.collect([], lambda _receipt: None)
    carrier.until("asked")
    gateway.close()


def test_a_wrong_password_is_trouble_of_ours(settings: SmppSettings) -> None:
    gateway = SmppGateway(replace(settings, password="wrong", pause_seconds=60))
    (refused,) = send(gateway, ("+886912345678", "小明"))
    assert refused.error is not None
    assert not refused.error.permanent
    assert "wrong" not in str(refused.error)
    assert gateway.is_down
