"""Bodies that are nearly batches, as fuzzing found them: each has an answer, and none is an error of ours."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from gatepost.gates import contract
from gatepost.gates.answers import Refusal

READER = uuid4()
NOW = b'{"sent_at": "2026-09-01T07:31:05Z", "taps": ['


def refusal(body: bytes) -> int:
    with pytest.raises(Refusal) as caught:
        contract.read(body, READER)
    return caught.value.status


@pytest.mark.parametrize(
    "end",
    [
        b"1, }",  # a wrong line, and then no JSON at all
        b'1], "more": "\\x"}',
        b'{"nonce": 1, "card": "\\ud800"}]}',
        b"[" * 100_000,
        b"[" * 1_100 + b"]" * 1_100 + b"]}",
    ],
)
def test_what_is_no_json_after_a_wrong_line_is_refused_as_no_json(end: bytes) -> None:
    assert refusal(NOW + end) == 400


@pytest.mark.parametrize("line", [b"1e999", b"9" * 5_000, b'"\xff"', b'{"nonce": "\xff"}', b"[" * 900 + b"]" * 900])
def test_a_line_that_cannot_be_understood_spoils_no_other(line: bytes) -> None:
    good = b'{"nonce": "5d652e30-241d-42aa-98d5-bbb47c68f948", "card": "04A1B2C3", "read_at": "2026-09-01T07:31:05Z"}'
    _, _, lines = contract.read(NOW + line + b", " + good + b"]}", READER)
    assert [type(one) for one in lines] == [contract.BadLine, contract.TapLine]
    assert lines[0] == contract.read(NOW + line + b"]}", READER)[2][0]  # the same name when it comes again


def test_a_line_is_named_by_what_it_says_not_by_its_spaces() -> None:
    close, wide = (contract.read(NOW + line + b"]}", READER)[2][0] for line in (b'{"card":"x"}', b'{ "card" : "x" }'))
    assert close.nonce == wide.nonce


@pytest.mark.parametrize(
    ("sent_at", "taken_as"),
    [("0001-01-01T00:00:00+08:00", contract.FIRST), ("9999-12-31T23:59:59-08:00", contract.LAST)],
)
def test_the_taps_of_a_reader_with_a_dead_clock_are_taken_all_the_same(sent_at: str, taken_as: datetime) -> None:
    assert contract.read(b'{"sent_at": "%s", "taps": []}' % sent_at.encode(), READER)[0] == taken_as


def test_the_time_of_sending_is_in_utc_whatever_its_offset() -> None:
    sent_at, _, _ = contract.read(b'{"sent_at": "2026-09-02T03:30:00+20:00", "taps": []}', READER)
    assert sent_at == datetime(2026, 9, 1, 7, 30, tzinfo=UTC)
    assert sent_at.tzinfo == UTC
