import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from gatepost.roster import identity_numbers
from gatepost.roster.identity_numbers import IdentityKind, IdentityNumberError

NATIONAL, RESIDENT, RESIDENT_OLD = IdentityKind.NATIONAL, IdentityKind.RESIDENT, IdentityKind.RESIDENT_OLD


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("A123456789", NATIONAL),
        ("AB23456789", RESIDENT_OLD),
        ("AA00000009", RESIDENT_OLD),
        ("A800000014", RESIDENT),
        ("A900207177", RESIDENT),
        ("A870000015", RESIDENT),
        ("A880000018", RESIDENT),
        ("A890000011", RESIDENT),
    ],
)
def test_a_correct_number_tells_its_kind(number: str, kind: IdentityKind) -> None:
    assert identity_numbers.kind(number) is kind
    assert identity_numbers.is_valid(number)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("", "length"),
        ("A12345678", "length"),
        ("A1234567890", "length"),
        ("1123456789", "letter"),
        ("a123456789", "letter"),
        ("甲123456789", "letter"),
        ("A323456789", "second"),
        ("AE23456789", "second"),
        ("A12345678X", "digits"),
        ("A1234５6789", "digits"),
        ("A12345678²", "digits"),
        ("A123456788", "check"),
        ("A213456789", "check"),
        ("A800000000", "check"),
        ("AA00000000", "check"),
    ],
)
def test_a_wrong_number_says_what_is_wrong(number: str, code: str) -> None:
    with pytest.raises(IdentityNumberError) as caught:
        identity_numbers.kind(number)

    assert caught.value.code == code
    assert not identity_numbers.is_valid(number)


def test_an_error_says_how_to_mend_it_and_never_repeats_the_number() -> None:
    with pytest.raises(IdentityNumberError) as caught:
        identity_numbers.kind("A123456788")

    with translation.override("en"):
        assert "last digit" in str(caught.value.message)
    assert "A123456788" not in f"{caught.value} {caught.value.args}"


@pytest.mark.parametrize(
    "text",
    ["A123456789", " a123456789 ", "A-123-456-789", "Ａ１２３４５６７８９", "a1234 56789\u200b", "A—123456789\t"],
)
def test_every_way_of_writing_a_number_is_the_same_number(text: str) -> None:
    assert identity_numbers.normalise(text) == "A123456789"


@given(st.text())
def test_no_text_makes_anything_but_an_identity_error(text: str) -> None:
    number = identity_numbers.normalise(text)

    assert identity_numbers.normalise(number) == number
    assert identity_numbers.is_valid(number) in {True, False}
    assert not identity_numbers.is_invented(number) or identity_numbers.is_valid(number)


@pytest.mark.parametrize(
    ("number", "shown"),
    [("A123456789", "A1******89"), ("E12345678901X", "E1*********1X"), ("A12345", "******"), ("", "")],
)
def test_a_masked_number_shows_its_ends_only(number: str, shown: str) -> None:
    assert identity_numbers.mask(number) == shown


@given(st.text(min_size=1))
def test_a_masked_number_never_shows_more_than_four_characters(number: str) -> None:
    shown = identity_numbers.mask(number)

    assert len(shown) == len(number)
    assert len(shown) - shown.count("*") <= 4


@given(st.integers(0, 4_999_999), st.sampled_from(IdentityKind), st.booleans())
def test_an_invented_number_is_valid_and_known_as_invented(serial: int, kind: IdentityKind, female: bool) -> None:
    number = identity_numbers.invented(serial, kind, female=female)

    assert identity_numbers.kind(number) is kind
    assert identity_numbers.is_invented(number)


def test_every_serial_gives_another_number() -> None:
    numbers = {
        identity_numbers.invented(serial, kind, female=female)
        for serial in range(500)
        for kind in IdentityKind
        for female in (False, True)
    }

    assert len(numbers) == 500 * 3 * 2


def test_the_invented_range_has_an_end() -> None:
    assert identity_numbers.invented(4_999_999).startswith("Y19999999")
    with pytest.raises(ValueError, match="no invented"):
        identity_numbers.invented(5_000_000)
    with pytest.raises(ValueError, match="no invented"):
        identity_numbers.invented(-1)


@pytest.mark.parametrize("number", ["A123456789", "Y100000005", "AB23456789", "Y123456788", "not a number"])
def test_a_number_that_may_be_somebodys_is_not_called_invented(number: str) -> None:
    assert not identity_numbers.is_invented(number)
