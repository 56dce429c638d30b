"""A guardian who is cut off, at every address: what a stranger with an account gets, and never the child's name."""

import pytest
from django.urls import reverse

from gatepost.accounts.models import Account
from gatepost.guardians.restrictions import restrict
from gatepost.portals.tests import test_doors
from gatepost.portals.tests.test_doors import City, answers, city
from gatepost.portals.tests.visits import NOW, visit
from gatepost.roster.models import Student
from tests import builders

pytestmark = pytest.mark.django_db

__all__ = ["city"]  # a fixture


@pytest.fixture
def father(city: City) -> Account:
    child = Student.objects.get(pk=city.arguments["student_id"])
    account = builders.a_guardian(child)
    restrict(account.pk, child, by=None, now=NOW)
    return account


def test_every_address_answers_as_to_a_stranger(city: City, father: Account) -> None:
    city.people |= {"restricted": father, "stranger": builders.an_account()}
    assert answers(city, "restricted") == answers(city, "stranger")


def test_no_page_holds_the_name_of_the_child(city: City, father: Account) -> None:
    name = Student.objects.get(pk=city.arguments["student_id"]).name
    browser = visit(father)
    for address, pattern in test_doors.addresses():
        url = reverse(address, kwargs={key: city.arguments[key] for key in pattern.pattern.converters})
        assert name not in browser.get(url, follow=True).content.decode(), address
