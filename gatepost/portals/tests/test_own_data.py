"""Take my data: all that is mine, nothing that is another guardian's, and nothing for who holds my phone."""

import json
from datetime import datetime, timedelta
from typing import Any

import pypdfium2
import pytest
from django.test import Client

from gatepost.accounts.models import Account, ActivationMail
from gatepost.attendance.models import Event
from gatepost.guardians.restrictions import restrict
from gatepost.personal import copies
from gatepost.personal.models import Copy, Piece
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.roster.models import Student
from tests import builders
from tests.builders import at

pytestmark = pytest.mark.django_db

PAGE, PASSWORD = "/family/own-data/", "a gate opens at 0742"
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def child() -> Student:
    school = builders.a_school()
    builders.a_school_day(school)
    found = builders.a_student(builders.a_class(school))
    builders.entered(found, Event.Side.IN, at("07:42"))
    return found


def a_parent(child: Student, email: str, name: str) -> Account:
    account = builders.an_account(email, name=name, password=PASSWORD)
    return builders.a_guardian(child, account=account)


def proven(account: Account, *, now: datetime = NOW) -> Client:
    """A browser in which the person has just typed their password again."""
    browser = visit(account, now=now)
    browser.post("/sign-in/again/", {"password": PASSWORD})
    return browser


def made(account: Account) -> Client:
    browser = proven(account)
    browser.post(PAGE)
    for _round in range(100):
        if not copies.follow(NOW):
            return browser
    raise AssertionError("it never ends")


def whole(browser: Client) -> Any:
    return json.loads(browser.get(f"{PAGE}json/").content)


def test_a_guardian_takes_all_that_is_theirs_and_nothing_of_the_other_guardian(child: Student) -> None:
    father = a_parent(child, "father@example.org", "趙另一方")
    mother = a_parent(child, "mother@example.org", "林淑芬")
    card = builders.a_card(child, "04A1B2C3D4")
    browser = proven(mother)
    browser.post(PAGE)
    copies.follow(NOW)
    assert "正在製作" in text_of(browser.get(PAGE))
    assert b"07:42" not in bytes(Piece.objects.all()[0].sealed_rows)
    assert browser.get(f"{PAGE}json/").status_code == 302  # not made yet
    browser = made(mother)
    text = browser.get(f"{PAGE}json/").content.decode()
    copy = json.loads(text)
    assert (copy["format"], copy["version"], copy["made_at"]) == ("gatepost-own-data", 1, "2026-11-23T00:12:40+00:00")
    assert copy["account"][0]["email"] == "mother@example.org"
    (mine,) = copy["children"]
    assert mine["child"][0]["name"] == child.name
    assert mine["events"][0]["at"] == "2026-11-22T23:42:00+00:00"
    assert [row["child"] for row in copy["bonds"]] == [child.name]
    for foreign in (father.email, father.name, str(father.pk), card.uid, PASSWORD, "pbkdf2", "argon"):
        assert foreign not in text
    pdf = pypdfium2.PdfDocument(browser.get(f"{PAGE}pdf/").content)
    printed = "".join(pdf[number].get_textpage().get_text_range() for number in range(len(pdf)))
    assert child.name in printed
    assert "mother@example.org" in printed
    assert not Piece.objects.exists()
    assert ActivationMail.objects.filter(account=mother, kind="copy_made", due_at__isnull=False).count() == 1
    assert text_of(browser.get(f"{PAGE}json/")).count("copy:asked") == 1


def test_one_a_day_for_one_day_and_only_for_who_has_just_proven_themself(child: Student) -> None:
    mother = a_parent(child, "mother@example.org", "林淑芬")
    borrowed = visit(mother)  # signed in, and the password is not known
    for answer in (borrowed.get(PAGE), borrowed.post(PAGE), borrowed.get(f"{PAGE}pdf/")):
        assert answer["Location"].startswith("/sign-in/again/")
    assert not Copy.objects.exists()
    browser = made(mother)
    assert borrowed.get(f"{PAGE}json/")["Location"].startswith("/sign-in/again/")
    first = Copy.objects.get().pk
    browser.post(PAGE)
    assert Copy.objects.get().pk == first
    stranger = proven(a_parent(child, "father@example.org", "趙另一方"))
    assert stranger.get(f"{PAGE}json/").status_code == 302  # has none of their own
    assert b"made_at" in browser.get(f"{PAGE}json/").content
    tomorrow = proven(mother, now=NOW + copies.GOOD_FOR)
    assert tomorrow.get(f"{PAGE}json/").status_code == 302
    copies.follow(NOW + copies.GOOD_FOR)
    assert not Copy.objects.exists()
    tomorrow.post(PAGE)
    assert Copy.objects.exists()


def test_a_restriction_closes_a_copy_made_before_it_and_the_next_one_has_nothing_of_the_child(child: Student) -> None:
    brother = builders.a_student(child.school_class or builders.a_class(child.school), "王大明")  # stays visible
    father = builders.a_guardian(brother, account=a_parent(child, "father@example.org", "趙另一方"))
    browser = made(father)
    assert len(whole(browser)["children"]) == 2
    restrict(father.pk, child, by=None, now=LATER)
    assert browser.get(f"{PAGE}json/").status_code == 302
    assert "副本已刪除" in text_of(browser.get(PAGE))
    assert not Copy.objects.exists()
    Copy.objects.create(
        account=father, language="en", asked_at=NOW, seen=[brother.pk, child.pk], told=[brother.pk, child.pk], pieces=99
    )  # asked for before, not begun: the worker comes after the restriction
    while copies.follow(NOW):
        pass
    assert browser.get(f"{PAGE}pdf/").status_code == 302
    Copy.objects.all().delete()
    next_day = proven(father, now=NOW + copies.EVERY)
    next_day.post(PAGE)
    while copies.follow(NOW + copies.EVERY):
        pass
    text = next_day.get(f"{PAGE}json/").content.decode()
    assert brother.name in text
    assert child.name not in text
    assert str(child.pk) not in text
