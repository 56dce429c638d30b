from collections import Counter
from datetime import date
from itertools import count, islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.accounts.models import Account
from gatepost.demo import names, people
from gatepost.demo.people import Child, Family, Guardian, Kin, Place
from gatepost.roster import identity_numbers, wordings
from gatepost.roster.identity_numbers import IdentityKind

NEIGHBOURHOOD = [Place("333601", grade, 60) for grade in range(1, 7)] + [
    Place("333502", grade, 60) for grade in (7, 8, 9)
]


def made(seed: int = 1, places: list[Place] = NEIGHBOURHOOD) -> list[Family]:
    return list(people.families(seed, places, school_year=115, serials=count(1)))


FAMILIES = made()
CHILDREN: list[Child] = [child for family in FAMILIES for child in family.children]
GUARDIANS: list[Guardian] = [guardian for family in FAMILIES for guardian in family.guardians]
MANY = made(2, [Place("333601", grade, 1500) for grade in range(1, 7)])


def test_the_same_seed_gives_the_same_city_and_another_seed_another() -> None:
    assert made() == FAMILIES
    assert made(seed=2) != FAMILIES


@settings(max_examples=20, deadline=None)
@given(
    st.integers(),
    st.lists(st.tuples(st.sampled_from(["313601", "313501", "423601"]), st.integers(1, 12), st.integers(0, 30))),
)
def test_every_seat_is_filled_exactly(seed: int, seats: list[tuple[str, int, int]]) -> None:
    wanted: Counter[tuple[str, int]] = Counter()
    for school, grade, free in seats:
        wanted[school, grade] += free
    filled = Counter(
        (child.school, child.grade)
        for family in made(seed, [Place(*seat) for seat in seats])
        for child in family.children
    )

    assert filled == +wanted


def test_every_person_has_an_identity_number_that_is_valid_invented_and_their_own() -> None:
    numbers = [child.id_number for child in CHILDREN] + [guardian.id_number for guardian in GUARDIANS]

    assert len(set(numbers)) == len(numbers)
    assert all(identity_numbers.is_invented(number) for number in numbers)


def test_people_from_two_calls_share_no_number_when_they_share_the_serials() -> None:
    serials = count(1)
    both = [
        guardian.id_number
        for seed in (1, 2)
        for family in people.families(seed, NEIGHBOURHOOD, school_year=115, serials=serials)
        for guardian in family.guardians
    ]

    assert len(set(both)) == len(both)


def test_the_number_tells_the_sex_of_the_child() -> None:
    assert all(child.id_number[1] in ("29" if child.girl else "18") for child in CHILDREN)


def test_nobody_can_be_called_or_written_to() -> None:
    assert all(guardian.mobile == wordings.mobile_number(guardian.mobile) for guardian in GUARDIANS if guardian.mobile)
    assert all(guardian.mobile.startswith("099") for guardian in GUARDIANS if guardian.mobile)
    assert all(
        guardian.email.endswith(".example") and guardian.email.isascii() for guardian in GUARDIANS if guardian.email
    )


@pytest.mark.parametrize(
    ("grade", "first", "last"),
    [(1, date(2019, 9, 2), date(2020, 9, 1)), (7, date(2013, 9, 2), date(2014, 9, 1))],
)
def test_a_grade_was_born_in_one_school_age_year(grade: int, first: date, last: date) -> None:
    assert people.birthdays(grade, school_year=115) == (first, last)
    assert all(first <= child.birthday <= last for child in CHILDREN if child.grade == grade)


def test_brothers_and_sisters_are_twins_or_born_a_year_apart_and_have_names_of_their_own() -> None:
    for family in MANY:
        assert len({child.name for child in family.children}) == len(family.children)
        born = sorted(child.birthday for child in family.children)
        gaps = [(later - earlier).days for earlier, later in pairwise(born)]
        assert all(gap == 0 or gap > 300 for gap in gaps)
    assert any(len({child.birthday for child in family.children}) < len(family.children) for family in MANY)


def test_brothers_and_sisters_share_a_surname_and_most_have_their_fathers() -> None:
    with_father = [
        (family.children[0].name[0], guardian.name[0])
        for family in MANY
        for guardian in family.guardians
        if guardian.kin is Kin.FATHER and names.REGISTER_DOT not in guardian.name
    ]

    assert all(
        len({child.name[0] for child in family.children}) == 1 for family in MANY if "‧" not in family.children[0].name
    )
    assert 0.9 < sum(own == fathers for own, fathers in with_father) / len(with_father) < 1


def test_about_half_the_children_have_a_brother_or_sister_at_school() -> None:
    with_siblings = sum(len(family.children) for family in MANY if len(family.children) > 1)

    assert 0.25 < with_siblings / sum(len(family.children) for family in MANY) < 0.65


def test_a_child_has_one_guardian_or_two_and_few_lack_an_address() -> None:
    assert {len(family.guardians) for family in FAMILIES} == {1, 2}
    assert 0.85 < sum(bool(guardian.email) for guardian in GUARDIANS) / len(GUARDIANS) < 1
    assert any(not guardian.mobile for guardian in GUARDIANS)


def test_guardians_read_the_languages_that_gatepost_speaks_and_most_read_chinese() -> None:
    languages = Counter(guardian.language for family in MANY for guardian in family.guardians)

    assert set(languages) == set(Account.Language.values)
    assert languages["zh-hant"] / languages.total() > 0.9


def test_names_come_in_all_the_ways_registers_write_them() -> None:
    everybody = [child.name for family in MANY for child in family.children]
    everybody += [guardian.name for family in MANY for guardian in family.guardians]

    assert {len(name) for name in everybody if name.isalpha() and not name.isascii()} >= {2, 3, 4}
    assert any("氏" in name for name in everybody)
    assert any(names.REGISTER_DOT in name for name in everybody)
    assert any(name.isascii() and name == name.upper() for name in everybody)
    assert all(name and name == name.strip() for name in everybody)


def test_some_guardians_have_residence_numbers_old_and_new() -> None:
    kinds = {identity_numbers.kind(guardian.id_number) for family in MANY for guardian in family.guardians}

    assert kinds == set(IdentityKind)


@pytest.mark.parametrize(
    ("kin", "to_a_boy", "to_a_girl"),
    [
        (Kin.FATHER, "父子", "父女"),
        (Kin.MOTHER, "母子", "母女"),
        (Kin.GRANDMOTHER, "祖孫", "祖孫"),
        (Kin.UNCLE, "伯叔姑姪甥", "伯叔姑姪甥"),
    ],
)
def test_the_relation_is_written_as_schools_write_it(kin: Kin, to_a_boy: str, to_a_girl: str) -> None:
    assert people.relation(kin, girl=False) == to_a_boy
    assert people.relation(kin, girl=True) == to_a_girl


def test_a_school_finds_as_many_adults_as_it_needs() -> None:
    staff = list(islice(people.adults(1, serials=count(1)), 100))

    assert staff == list(islice(people.adults(1, serials=count(1)), 100))
    assert len({adult.email for adult in staff}) == 100
    assert all(adult.email.endswith("@school.example") for adult in staff)
    assert {adult.female for adult in staff} == {True, False}
