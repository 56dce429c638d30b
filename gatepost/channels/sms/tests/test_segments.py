import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.channels.sms import segments


@pytest.mark.parametrize(
    ("text", "number", "left"),
    [
        ("", 0, 160),
        ("a" * 160, 1, 0),
        ("a" * 161, 2, 145),
        ("€" * 80, 1, 0),  # of the extension table: two septets each
        ("€" * 81, 2, 153 - 10),  # 76 of them in the first part: none is cut in two
        ("到" * 70, 1, 0),
        ("到" * 71, 2, 63),
        ("🙂" * 35, 1, 0),
        ("🙂" * 36, 2, 67 - 6),  # 33 in the first part: a surrogate pair is not cut in two
        ("小明 07:42 到校", 1, 59),
    ],
)
def test_what_a_text_costs(text: str, number: int, left: int) -> None:
    counted = segments.count(text)
    assert (counted.number, counted.left) == (number, left)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=400))
def test_the_parts_are_as_many_as_were_counted_and_none_is_too_long(text: str) -> None:
    counted, parts = segments.count(text), segments.parts(text)
    assert len(parts) == counted.number
    most = (160 if counted.is_gsm else 140) if len(parts) == 1 else (153 if counted.is_gsm else 134)
    assert max(map(len, parts)) <= most
    if not counted.is_gsm:
        assert "".join(part.decode("utf-16-be") for part in parts) == text


def test_the_alphabet_is_that_of_the_specification() -> None:
    assert segments.parts("@£Δ\n {€}") == [b"\x00\x01\x10\x0a\x20\x1b\x28\x1b\x65\x1b\x29"]


def test_a_text_that_no_header_can_count_is_refused() -> None:
    assert len(segments.parts("到" * 67 * 255)) == 255
    with pytest.raises(ValueError, match="too long"):
        segments.parts("到" * (67 * 255 + 1))
