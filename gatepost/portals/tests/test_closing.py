"""Closing an account: nobody is silenced by a borrowed phone, nothing personal stays, and no order is washed off."""

from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.test import Client

from gatepost.access.models import Role
from gatepost.accounts.models import Account, ActivationMail, Device, EmailChange
from gatepost.audit.models import Entry
from gatepost.guardians import bonds, proofs
from gatepost.guardians.bonds import BondRefused
from gatepost.guardians.models import Guardianship
from gatepost.guardians.restrictions import restrict
from gatepost.notify.models import Address, Recipient
from gatepost.personal import closings
from gatepost.personal.models import Closing
from gatepost.personal.removal import STEPS
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.roster.models import Student
from tests import builders

pytestmark = pytest.mark.django_db

PAGE, KEPT, PASSWORD = "/closing/", "/closing/kept/", "a gate opens at 0742"
DUE = NOW + closings.GRACE


@pytest.fixture
def child() -> Student:
    return builders.a_student(builders.a_class(builders.a_school()))


@pytest.fixture
def mother(child: Student) -> Account:
    return builders.a_guardian(child, account=builders.an_account("mother@example.org", password=PASSWORD))


def proven(account: Account) -> Client:
    browser = visit(account)
    browser.post("/sign-in/again/", {"password": PASSWORD})
    return browser


def test_closing_signs_out_everywhere_tells_by_mail_and_silences_nobody(mother: Account, child: Student) -> None:
    borrowed = visit(mother)  # signed in, and the password is not known
    assert borrowed.post(PAGE)["Location"].startswith("/sign-in/again/")
    assert not Closing.objects.exists()
    browser = proven(mother)
    assert "2026" in text_of(browser.get(PAGE))
    browser.post(PAGE)
    assert not Device.objects.filter(account=mother).exists()
    assert "/sign-in/" in borrowed.get("/family/")["Location"]
    assert ActivationMail.objects.filter(account=mother, kind="account_closing", due_at__isnull=False).count() == 1
    assert not closings.follow(DUE - timedelta(minutes=1))
    assert Recipient.objects.filter(account=mother, about=child.pk, ended_at=None).exists()
    again = visit(mother)
    for path in ("/family/", "/home/", f"/family/children/{child.pk}/"):
        assert again.get(path)["Location"] == KEPT
    assert "保留" in text_of(again.get(KEPT))
    again.post(KEPT)
    assert again.get("/family/").status_code == 200
    assert not closings.follow(DUE)


def test_nothing_leads_back_to_the_person_once_it_is_removed(mother: Account, child: Student) -> None:
    father = builders.a_guardian(child, name="趙另一方")
    proofs.keep(mother, b"m" * 32, how="review", by=None, now=NOW)
    proven(mother).post(PAGE)
    steps = 0
    while closings.follow(DUE):
        steps += 1
    assert steps == len(STEPS)
    mother.refresh_from_db()
    assert (mother.name, mother.is_active, mother.has_usable_password()) == ("", False, False)
    assert mother.email.endswith("@closed.invalid")
    assert not Address.objects.filter(account=mother).exists()
    bond = Guardianship.objects.get(account=mother)
    assert (bond.ended_at, bond.person_digest) == (DUE, None)
    assert not proofs.digests(mother.pk)
    assert Guardianship.objects.get(account=father).ended_at is None
    assert Entry.objects.filter(action="account:removed", facts__account=str(mother.pk)).count() == len(STEPS)
    assert not closings.keep(mother, now=DUE)
    builders.an_account("mother@example.org")  # the address is free for another account


def test_an_account_that_cannot_be_removed_keeps_no_other_waiting(
    mother: Account, child: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    father = builders.a_guardian(child, account=builders.an_account("father@example.org", password=PASSWORD))
    for account in (mother, father):
        proven(account).post(PAGE)
    name, step = next(iter(STEPS.items()))

    def broken(account: Account, now: datetime) -> None:
        if account == mother:
            raise RuntimeError("a row that nobody thought of")
        step(account, now)

    with monkeypatch.context() as patched:
        patched.setitem(STEPS, name, broken)
        while not Closing.objects.filter(account=father, removed_at=DUE).exists():
            assert closings.follow(DUE)
        with pytest.raises(ExceptionGroup, match="1 accounts could not be removed"):
            closings.follow(DUE)
        assert Closing.objects.get(account=mother).done == []
    while closings.follow(DUE):
        pass
    assert Closing.objects.get(account=mother).removed_at == DUE


def test_a_restriction_meets_the_next_account_of_who_closed_the_first(child: Student) -> None:
    father = builders.a_guardian(child, account=builders.an_account("father@example.org", password=PASSWORD))
    restrict(father.pk, child, by=None, now=NOW)
    proofs.keep(father, settings.KEY_RING.digest("A123456789"), how="review", by=None, now=NOW)
    proven(father).post(PAGE)
    while closings.follow(DUE):
        pass
    second = builders.an_account("father@example.org")
    number = settings.KEY_RING.digest("A123456789")
    with pytest.raises(BondRefused):
        bonds.open_bond(second, child, relation="父", source="test", by=None, now=DUE, person_digest=number)


def test_who_has_a_role_or_has_just_changed_the_email_cannot_close(mother: Account, child: Student) -> None:
    teacher = builders.an_account(password=PASSWORD)
    Role.objects.create(account=teacher, name="teacher", school=child.school, school_class=child.school_class)
    refused = proven(teacher).post(PAGE)
    assert refused.status_code == 409
    assert "學校管理者" in text_of(refused)
    mail = ActivationMail.objects.create(account=mother, kind="email_undo", asked_at=NOW)
    EmailChange.objects.create(
        account=mother,
        old="old@example.org",
        new=mother.email,
        asked_at=NOW,
        to_new=mail,
        to_old=mail,
        done_at=NOW,
        undo=mail,
    )
    assert proven(mother).post(PAGE).status_code == 409  # the thief changed the email first
    assert not Closing.objects.exists()
