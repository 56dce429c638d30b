from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.demo import blueprint, cast
from gatepost.roster import school_list


@given(st.integers(1, 40), st.integers(0, 3_000), st.integers())
def test_a_city_has_exactly_the_schools_and_students_asked_for(schools: int, more: int, seed: int) -> None:
    plans = blueprint.draw(schools=schools, students=schools + more, seed=seed)

    assert len(plans) == schools
    assert sum(plan.students for plan in plans) == schools + more
    assert all(plan.students for plan in plans)


def test_a_whole_city_can_be_drawn_and_no_more_than_that() -> None:
    schools = len(school_list.schools())

    assert sum(plan.students for plan in blueprint.draw(schools=schools, students=300_000, seed=1)) == 300_000
    with pytest.raises(blueprint.TooMany, match=str(schools)):
        blueprint.draw(schools=schools + 1, students=300_000, seed=1)


@pytest.mark.parametrize(("schools", "students"), [(0, 10), (3, 2)])
def test_a_city_without_schools_or_with_empty_ones_is_refused(schools: int, students: int) -> None:
    with pytest.raises(ValueError, match="needs"):
        blueprint.draw(schools=schools, students=students, seed=1)


def test_a_larger_city_holds_the_schools_of_the_smaller_one() -> None:
    sizes = [[plan.entry.code for plan in blueprint.draw(schools=n, students=900, seed=1)] for n in (1, 3, 12, 60)]

    assert all(larger[: len(smaller)] == smaller for smaller, larger in pairwise(sizes))


def test_classes_are_full_but_not_crowded() -> None:
    for plan in blueprint.draw(schools=12, students=9_000, seed=3):
        for grade in plan.grades:
            sizes = [one.students for one in plan.of_grade(grade)]
            assert max(sizes) - min(sizes) <= 1
            assert max(sizes) <= blueprint.SEATS_IN_A_CLASS[plan.of_grade(grade)[0].stage]


def test_the_guardian_to_sign_in_as_has_two_children_in_two_schools() -> None:
    younger, elder = cast.seats(blueprint.draw(schools=3, students=1_200, seed=1))

    assert (younger.school, younger.grade, younger.number, younger.seat) == ("373602", 2, 1, 12)
    assert (elder.school, elder.grade, elder.number) == ("373503", 8, 3)


def test_in_a_single_school_they_sit_in_two_grades() -> None:
    younger, elder = cast.seats(blueprint.draw(schools=1, students=60, seed=1))

    assert younger.school == elder.school
    assert younger.grade != elder.grade


def test_a_city_of_one_student_has_a_guardian_with_one_child() -> None:
    assert len(cast.seats(blueprint.draw(schools=1, students=1, seed=1))) == 1
