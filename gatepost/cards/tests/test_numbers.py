import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.cards import numbers
from gatepost.cards.numbers import AS_THE_CHIP, CARD_FORMS, CARD_RULES, CardNumberError, CardRule

FOUR, SEVEN = "2A83155E", "04C43BC21C2680"
TEN_DIGITS = CardRule("decimal", "8H10D", "chip", 4)
TEN_DIGITS_REVERSED = CardRule("decimal", "8H10D", "reversed", 4)

uids = st.binary(min_size=4, max_size=4) | st.binary(min_size=7, max_size=7)
whole_numbers = uids.filter(lambda uid: set(uid[:3]) | set(uid[-3:]) not in ({0}, {255})).map(
    lambda uid: uid.hex().upper()
)


@pytest.mark.parametrize(
    ("text", "rule", "uid"),
    [
        ("2A83155E", AS_THE_CHIP, "2A83155E"),
        ("2a:83:15:5e", AS_THE_CHIP, "2A83155E"),
        (" 2A 83 15 5E\r\n", AS_THE_CHIP, "2A83155E"),
        ("0x2A83155E", AS_THE_CHIP, "2A83155E"),
        ("２Ａ８３１５５Ｅ", AS_THE_CHIP, "2A83155E"),
        ("04c43bc21c2680", AS_THE_CHIP, "04C43BC21C2680"),
        ("5E15832A", CardRule(byte_order="reversed"), "2A83155E"),
        ("0713233758", TEN_DIGITS, "2A83155E"),
        ("1578468138", TEN_DIGITS_REVERSED, "2A83155E"),
        ("713233758", CardRule("decimal", "plain", "chip", 4), "2A83155E"),
        ("3536403172", TEN_DIGITS_REVERSED, "E43AC9D2"),
        ("1002701960", TEN_DIGITS_REVERSED, "8804C43B"),
        ("10883,05470", CardRule("decimal", "4H4H", "chip", 4), "2A83155E"),
        ("1088305470", CardRule("decimal", "4H4H", "chip", 4), "2A83155E"),
        ("10883,5470", CardRule("decimal", "4H4H", "chip", 4), "2A83155E"),
        ("111,27706", CardRule("decimal", "2H4H", "chip", 4), "6F6C3A"),
        ("08590686", CardRule("decimal", "6H8D", "chip", 4), "83155E"),
        ("01341660845581952", CardRule("decimal", "14H17D", "chip", 7), "04C43BC21C2680"),
    ],
)
def test_a_card_has_one_number_however_it_is_printed(text: str, rule: CardRule, uid: str) -> None:
    assert numbers.canonical(text, rule) == uid


@pytest.mark.parametrize(
    ("text", "rule", "code"),
    [
        ("", AS_THE_CHIP, "empty"),
        (" \n", AS_THE_CHIP, "empty"),
        ("2A83155", AS_THE_CHIP, "length"),
        ("2A83155E00", AS_THE_CHIP, "length"),
        ("2A83155E" * 9, AS_THE_CHIP, "length"),
        ("04C43BC21C2680", CardRule(width=4), "length"),
        ("2A83155G", AS_THE_CHIP, "characters"),
        ("00000000", AS_THE_CHIP, "blank"),
        ("FFFFFFFFFFFFFF", AS_THE_CHIP, "blank"),
        ("0000000000", TEN_DIGITS, "blank"),
        ("713233758", TEN_DIGITS, "length"),
        ("071323375E", TEN_DIGITS, "characters"),
        ("٠٧١٣٢٣٣٧٥٨", TEN_DIGITS, "characters"),
        ("4294967296", TEN_DIGITS, "range"),
        ("256,00001", CardRule("decimal", "2H4H", "chip", 4), "range"),
        ("1,2,3", CardRule("decimal", "2H4H", "chip", 4), "characters"),
        ("1234", CardRule("decimal", "4H4H", "chip", 4), "length"),
        (",", CardRule("decimal", "4H4H", "chip", 4), "length"),
    ],
)
def test_what_is_no_number_of_this_reader_says_why(text: str, rule: CardRule, code: str) -> None:
    with pytest.raises(CardNumberError) as caught:
        numbers.canonical(text, rule)

    assert caught.value.code == code
    assert str(caught.value)


@given(st.text() | st.text(alphabet="0123456789ABCDEFabcdef,:.- xX０"), st.sampled_from(CARD_RULES))
def test_no_text_makes_anything_but_a_card_error(text: str, rule: CardRule) -> None:
    try:
        number = numbers.canonical(text, rule)
    except CardNumberError as error:
        assert error.code in error.MESSAGES  # noqa: PT017 — any text may be refused, none may fail otherwise
    else:
        assert len(bytes.fromhex(number)) in {3, 4, 7}
        assert number == number.upper()


@given(whole_numbers, st.sampled_from(CARD_RULES))
def test_what_a_reader_types_is_read_back(uid: str, rule: CardRule) -> None:
    text, reading = numbers.typed(uid, rule), numbers.reading_of(uid, rule)

    assert (text is None) == (reading is None)
    if text is not None:
        assert numbers.canonical(text, rule) == reading


@given(whole_numbers)
def test_a_reader_that_drops_nothing_gives_the_whole_number(uid: str) -> None:
    whole = [rule for rule in CARD_RULES if rule.width in (None, len(uid) // 2) and not rule.drops_bytes]

    assert {numbers.reading_of(uid, rule) for rule in whole} == {uid}


def test_a_four_byte_reader_shows_a_seven_byte_card_as_the_cascade_tag_and_three_bytes() -> None:
    assert numbers.reading_of(SEVEN, TEN_DIGITS_REVERSED) == "8804C43B"
    assert numbers.typed(SEVEN, TEN_DIGITS_REVERSED) == "1002701960"


def test_a_seven_byte_reader_has_nothing_to_say_of_a_four_byte_card() -> None:
    rule = CardRule("decimal", "14H17D", "chip", 7)

    assert numbers.reading_of(FOUR, rule) is None
    assert numbers.typed(FOUR, rule) is None


def test_every_form_comes_with_its_example() -> None:
    for form in CARD_FORMS:
        width = form.widths[-1] if form.form == "14H17D" else form.widths[0]
        rule = CardRule(form.radix, form.form, "chip", width)
        assert numbers.typed(SEVEN if width == 7 else FOUR, rule) == form.example


def test_a_rule_is_learnt_from_two_known_cards() -> None:
    learnt = numbers.learn([("1578468138", "2A83155E"), ("3536403172", "E43AC9D2")])

    assert learnt == [TEN_DIGITS_REVERSED]


@pytest.mark.parametrize(
    ("pairs", "best"),
    [
        ([("2A83155E", "2A83155E")], AS_THE_CHIP),
        ([("5E15832A", "2A83155E"), ("80261CC23BC404", SEVEN)], CardRule(byte_order="reversed")),
        ([("8804C43B", SEVEN)], CardRule(width=4)),
        ([("1002701960", SEVEN)], TEN_DIGITS_REVERSED),
        ([("0713233758", FOUR), ("713233758", FOUR)], CardRule("decimal", "plain", "chip", 4)),
        ([("10883,05470", FOUR)], CardRule("decimal", "4H4H", "chip", 4)),
        ([("131,05470", FOUR)], CardRule("decimal", "2H4H", "chip", 4)),
        ([("21,33578", FOUR)], CardRule("decimal", "2H4H", "reversed", 4)),
    ],
)
def test_the_best_rule_that_fits_comes_first(pairs: list[tuple[str, str]], best: CardRule) -> None:
    assert numbers.learn(pairs)[0] == best


def test_a_card_that_reads_the_same_from_both_ends_leaves_both_orders_open() -> None:
    assert [rule.byte_order for rule in numbers.learn([("12ABAB12", "12ABAB12")])] == ["chip", "reversed"]


def test_texts_that_fit_no_rule_teach_nothing() -> None:
    assert numbers.learn([("0713233758", FOUR), ("0713233758", "E43AC9D2")]) == []
    assert numbers.learn([("nonsense", FOUR)]) == []
    assert numbers.learn([]) == []


def test_learning_needs_whole_known_numbers() -> None:
    with pytest.raises(CardNumberError) as caught:
        numbers.learn([("0713233758", "2a83155e")])

    assert caught.value.code == "uid"


@given(whole_numbers, st.sampled_from(CARD_RULES))
def test_a_learnt_rule_reads_the_cards_it_was_learnt_from(uid: str, rule: CardRule) -> None:
    text = numbers.typed(uid, rule)
    if text is not None:
        learnt = numbers.learn([(text, uid)])
        assert learnt
        assert all(numbers.canonical(text, other) == numbers.reading_of(uid, other) for other in learnt)


@pytest.mark.parametrize("rule", CARD_RULES)
def test_a_rule_survives_json(rule: CardRule) -> None:
    assert CardRule.from_json(json.loads(json.dumps(rule.to_json()))) == rule


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"radix": "hex"},
        {**AS_THE_CHIP.to_json(), "more": 1},
        {**AS_THE_CHIP.to_json(), "radix": "octal"},
        {**AS_THE_CHIP.to_json(), "form": ["plain"]},
        {**AS_THE_CHIP.to_json(), "byte_order": "sideways"},
        {**TEN_DIGITS.to_json(), "width": 7},
        {**TEN_DIGITS.to_json(), "width": 4.0},
        {**TEN_DIGITS.to_json(), "width": None},
        {**TEN_DIGITS.to_json(), "width": [4]},
    ],
)
def test_what_is_no_rule_is_refused(value: Any) -> None:
    with pytest.raises(CardNumberError) as caught:
        CardRule.from_json(value)

    assert caught.value.code == "rule"
