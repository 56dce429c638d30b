"""Counters only grow, whoever counts, whoever gathers, whatever is rolled back."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from gatepost.watch import tally
from gatepost.watch.models import Step

pytestmark = pytest.mark.django_db


def test_what_is_counted_is_there_before_and_after_it_is_gathered() -> None:
    tally.count({("mails", "email", "sent"): 3, ("mails", "email", ""): 1, ("plain",): 2})
    tally.count({("mails", "email", "sent"): 4})
    expected = {("mails", "email", "sent"): 7, ("mails", "email", ""): 1, ("plain",): 2}
    assert tally.totals() == expected
    assert tally.gather() == 4
    assert tally.totals() == expected
    assert tally.gather() == 0
    tally.count({("plain",): 1})
    assert tally.totals()[("plain",)] == 3


def test_what_is_rolled_back_was_not_counted() -> None:
    with transaction.atomic():
        tally.count({("plain",): 1})
        transaction.set_rollback(True)
    assert tally.totals() == {}


def test_nothing_to_count_asks_nothing(django_assert_num_queries: pytest.FixtureRequest) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        tally.count({("plain",): 0})


@pytest.mark.django_db(transaction=True)
def test_counting_and_gathering_at_once_loses_and_doubles_nothing() -> None:
    def counts() -> None:
        for _ in range(40):
            tally.count({("mails", "email"): 1, ("plain",): 2})
        connection.close()

    def gathers() -> None:
        while any(thread.is_alive() for thread in counting):
            tally.gather()
        connection.close()

    counting = [threading.Thread(target=counts) for _ in range(4)]
    gathering = [threading.Thread(target=gathers) for _ in range(2)]
    for thread in [*counting, *gathering]:
        thread.start()
    for thread in [*counting, *gathering]:
        thread.join()
    tally.gather()
    assert tally.totals() == {("mails", "email"): 160, ("plain",): 320}
    assert not Step.objects.exists()


def test_a_duration_falls_into_the_class_that_bounds_it() -> None:
    taken = [timedelta(milliseconds=number) for number in (-5, 100, 101, 2_000, 9_999_999)]
    assert tally.durations("handover", "email", taken=taken) == {
        ("handover", "email", "0.1"): 2,
        ("handover", "email", "0.25"): 1,
        ("handover", "email", "2.0"): 1,
        ("handover", "email", "+Inf"): 1,
        ("handover", "email", "sum_ms"): 0 + 100 + 101 + 2_000 + 9_999_999,
    }


class TestAnyLabels(TestCase):
    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), max_size=4))
    def test_labels_come_back_as_they_were(self, labels: list[str]) -> None:
        tally.count({("any", *labels): 1})
        assert tally.totals() == {("any", *labels): 1} or labels == [""]
