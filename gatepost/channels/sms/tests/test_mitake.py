from collections.abc import Iterator

import pytest

from gatepost.channels.errors import ChannelError
from gatepost.channels.sms.gateway import Outcome, OutgoingSms, Receipt
from gatepost.channels.sms.mitake import MitakeGateway, MitakeSettings, acknowledgement, read_status
from gatepost.channels.sms.tests.fake_mitake import FakeMitake, mitake

KEY = "7d5cf1d0-6d7c-5a55-a0c8-3f4b2a1c0d9e"


@pytest.fixture
def fake() -> Iterator[FakeMitake]:
    with mitake() as fake:
        yield fake


def gateway(fake: FakeMitake, password: str = "secret", callback: str = "", pause: float = 0.0) -> MitakeGateway:
    return MitakeGateway(MitakeSettings("school", password, url=fake.url, callback=callback, pause_seconds=pause))


def send(via: MitakeGateway, *to: str, text: str = "小明 07:42 到校") -> list[Outcome]:
    return via.send_many([OutgoingSms(number, text, f"{KEY[:-4]}{place:04d}") for place, number in enumerate(to)])


def test_a_line_has_the_seven_fields_of_the_document(fake: FakeMitake) -> None:
    via = gateway(fake, callback="https://gatepost.example/sms/x/")
    (outcome,) = send(via, "+886912345678", text="小明 07:42 到校\n雙園國小 $$")
    assert outcome.references == ("0000000001",)
    path, query, body = fake.requests[0]
    assert path == "/api/mtk/SmBulkSend"
    assert query == {"username": ["school"], "password": ["secret"], "Encoding_PostIn": ["UTF8"]}
    line = f"{KEY[:-4]}0000$$0912345678$$$$$$$$https://gatepost.example/sms/x/$$小明 07:42 到校\x06雙園國小 $ $\r\n"
    assert body == line.encode()


def test_five_hundred_go_together_and_no_more(fake: FakeMitake) -> None:
    outcomes = send(gateway(fake), *["+886912345678"] * 501)
    assert all(one.sent for one in outcomes)
    assert [body.count(b"\r\n") for _path, _query, body in fake.requests] == [500, 1]


def test_a_repeat_after_a_lost_answer_is_recognised(fake: FakeMitake) -> None:
    via = gateway(fake)
    fake.hang_up_after = 1
    (lost,) = send(via, "+886912345678")
    assert lost.error is not None
    assert not lost.error.permanent
    (again,) = send(via, "+886912345678")
    assert again.references == ("0000000001",)
    assert len(fake.sent) == 1


def test_a_number_of_nobodys_is_permanent_and_holds_up_no_other(fake: FakeMitake) -> None:
    nobody, abroad, fine = send(gateway(fake), "+886912340000", "+447700900123", "+886912345678")
    assert nobody.error is not None
    assert nobody.error.permanent
    assert abroad.error is not None
    assert abroad.error.permanent
    assert fine.sent
    assert all(b"7700900123" not in body for _path, _query, body in fake.requests)


def test_a_wrong_password_says_nothing_about_the_number_and_is_not_tried_on(fake: FakeMitake) -> None:
    via = gateway(fake, password="wrong-one", pause=60)
    (refused,) = send(via, "+886912345678")
    assert refused.error is not None
    assert not refused.error.permanent
    assert "wrong-one" not in str(refused.error)
    assert via.is_down
    send(via, "+886912345678")
    assert len(fake.requests) == 1


def test_an_answer_with_an_error_of_the_server_is_trouble_of_ours(fake: FakeMitake) -> None:
    fake.down = 503
    (refused,) = send(gateway(fake, pause=60), "+886912345678")
    assert refused.error is not None
    assert not refused.error.permanent


def test_what_became_of_them_is_asked_for_a_hundred_at_a_time(fake: FakeMitake) -> None:
    via = gateway(fake)
    references = [one.references[0] for one in send(via, *["+886912345678"] * 101)]
    fake.statuses |= {references[0]: "4", references[1]: "6", references[2]: "8"}
    seen: dict[str, Receipt] = {}
    assert via.collect(references, lambda receipt: seen.__setitem__(receipt.reference, receipt)) == 101
    assert len(fake.requests) == 3
    assert [seen[one].delivered for one in references[:4]] == [True, False, False, None]
    assert [seen[one].permanent for one in references[:4]] == [False, True, False, False]


def test_a_query_that_fails_says_so(fake: FakeMitake) -> None:
    fake.down = 500
    with pytest.raises(ChannelError):
        gateway(fake).collect(["0000000001"], lambda _receipt: None)


def test_a_callback_is_answered_with_the_magic_word() -> None:
    assert read_status("0000000013", "4").delivered is True
    assert acknowledgement("0000000013") == "magicid=sms_gateway_rpack\nmsgid=0000000013\n"
