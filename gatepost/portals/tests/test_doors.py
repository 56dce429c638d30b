"""Every address for every kind of person, against a table that was written down and looked at.

A new address without a row fails, and so does a view without a rule. The table: `doors.csv`; 302 to the sign-in for
who is not signed in, 403 where one's roles never open the page, 404 for rows that are not one's own.
"""

import csv
import uuid
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from gatepost.access.doors import rule_of
from gatepost.access.invitations import Offer, invite
from gatepost.access.models import Role
from gatepost.accounts.models import Account, Device
from gatepost.attendance.models import Event, Sweep
from gatepost.guardians.applications import claims, invitations
from gatepost.guardians.applications.claims import Named
from gatepost.guardians.applications.models import Application, Desk, Document
from gatepost.guardians.models import Guardianship
from gatepost.guardians.restrictions import restrict
from gatepost.guardians.tests.test_applications import submitted
from gatepost.notify.mail import UNSUBSCRIBE_SALT
from gatepost.notify.models import Address
from gatepost.portals.tests.visits import NOW, visit
from gatepost.roster.identity_numbers import invented
from gatepost.roster.models import School, Student
from gatepost.sso import consents
from gatepost.sso.tests.conversations import a_service
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db

TABLE = Path(__file__).with_name("doors.csv")
METHODS = ("GET", "POST")
PEOPLE = (
    "anonymous",
    "guardian",
    "other guardian",
    "teacher",
    "other teacher",
    "office",
    "administrator",
    "other office",
    "bureau",
    "operator",
)


@dataclass
class City:
    people: dict[str, Account | None]
    arguments: dict[str, Any]


@pytest.fixture
def city() -> City:
    """One school with everything a page can be about, and everybody who may come to look."""
    school, other = builders.a_school(), builders.a_school()
    mine, next_door = builders.a_class(school, 2, 1), builders.a_class(school, 2, 2)
    child, neighbour = builders.a_student(mine), builders.a_student(next_door, "陳以樂")
    builders.a_school_day(school, other)
    mother = builders.a_guardian(child)
    reader, _key = builders.a_reader(school)
    event = builders.entered(child, Event.Side.IN, at("07:42"))
    Sweep.objects.create(school=school, date=MONDAY, asked_at=at("08:12"), held_at=at("08:12"), held_because="readers")
    address = builders.an_address(mother, "second@example.org", proven=False)
    return City(
        people={
            "anonymous": None,
            "guardian": mother,
            "other guardian": builders.a_guardian(neighbour),
            "teacher": builders.a_teacher(mine),
            "other teacher": builders.a_teacher(next_door),
            "office": builders.an_office(school, "student_affairs"),
            "administrator": builders.an_office(school, "school_administrator"),
            "other office": builders.an_office(other, "student_affairs"),
            "bureau": builders.a_role("bureau_officer"),
            "operator": builders.a_role("operator"),
        },
        arguments={
            "code": school.code,
            "student_id": child.pk,
            "day": MONDAY,
            "month": MONDAY.replace(day=1),
            "term": "1151",
            "event_id": event,
            "bond_id": Guardianship.objects.get(account=mother).pk,
            "restriction_id": restrict(builders.an_account().pk, child, by=None, now=NOW).pk,
            "application_id": (application := _application(neighbour)),
            "document_id": _document(application),
            "claim_id": _claim(mother, child).pk,
            "reader_id": reader.pk,
            "card_id": builders.a_card(child).pk,
            "passkey_id": builders.a_passkey(mother).pk,
            "address_id": address.pk,
            "announcement_id": builders.an_announcement().pk,
            "notice_id": (notice := builders.a_class_notice(child)).pk,
            "addressee_id": notice.addressees.get().pk,
            "message_id": builders.a_message(child).pk,
            "token": _token(mother, child.pk),
            "service_id": _service(mother, child),
            "position": 1,
            "letter_code": _letter(child, mother),
            "role_id": Role.objects.get(account=(registrar := builders.an_office(school, "registrar"))).pk,
            "account_id": registrar.pk,
            "invitation_id": _invitation(school),
            "device_id": _device(mother),
            "provider": "taipei_pass",
            "version": 1,
            "form": "json",
        },
    )


def test_every_address_has_a_row_and_every_row_an_address() -> None:
    named = {(name, method) for name, _pattern in addresses() for method in METHODS}
    assert set(table()) == named


def test_every_view_names_its_rule() -> None:
    assert [name for name, pattern in addresses() if rule_of(pattern.callback, name, []) is None] == []


@pytest.mark.parametrize("who", PEOPLE)
def test_every_address_opens_for_whom_the_table_says(city: City, who: str) -> None:
    assert answers(city, who) == {key: row[who] for key, row in table().items()}


@pytest.mark.parametrize("who", PEOPLE)
def test_the_tables_open_for_the_operator_only(city: City, who: str) -> None:
    expected = {"anonymous": 302, "operator": 200}.get(who, 403)
    client = visit(city.people[who])
    for name in ("admin:index", "admin:accounts_account_changelist", "admin:roster_student_changelist"):
        assert client.get(reverse(name)).status_code == expected


def addresses() -> Iterator[tuple[str, URLPattern]]:
    """Every named address but those of the tables, which have a test of their own."""
    return _walk(get_resolver().url_patterns)


def table() -> dict[tuple[str, str], dict[str, int]]:
    with TABLE.open(newline="", encoding="utf-8") as file:
        return {(row["address"], row["method"]): {who: int(row[who]) for who in PEOPLE} for row in csv.DictReader(file)}


def answers(city: City, who: str) -> dict[tuple[str, str], int]:
    """The status that `who` gets at each row of the table; what a request did is undone before the next."""
    patterns, found = dict(addresses()), {}
    with transaction.atomic():
        entered = visit(city.people[who]).cookies
        for name, method in table():
            url = reverse(name, kwargs={key: city.arguments[key] for key in patterns[name].pattern.converters})
            with transaction.atomic():
                browser = visit()
                browser.cookies = deepcopy(entered)
                found[name, method] = browser.generic(method, url).status_code
                transaction.set_rollback(True)
        transaction.set_rollback(True)
    return found


def _walk(patterns: list[Any]) -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            if pattern.namespace != "admin":
                yield from _walk(pattern.url_patterns)
        else:
            yield pattern.name or str(pattern.pattern), pattern


def _application(student: Student) -> uuid.UUID:
    """An application that waits for the student's school."""
    Desk.objects.create(school=student.school)
    return submitted(student).pk


def _claim(account: Account, student: Student) -> Application:
    """A child that somebody signed in asked for, not consented to yet."""
    named = Named(student.school, "999999", "王小美", invented(9), MONDAY)
    return claims.begin(account, named, address="192.0.2.1", language="zh-hant", ring=settings.KEY_RING, now=NOW)


def _invitation(school: School) -> uuid.UUID:
    """Somebody was invited to the school's office, and has not accepted yet."""
    offer = Offer(Role.Name.REGISTRAR, school)
    return invite("new@example.org", "張雅文", offer, by=None, about="", language="zh-hant", now=NOW).pk


def _device(account: Account) -> int:
    """Another browser in which `account` is signed in."""
    visit(account)
    return Device.objects.get(account=account).pk


def _document(application_id: uuid.UUID) -> uuid.UUID:
    """A paper handed in with the application."""
    paper = Document(
        application_id=application_id, kind="court", form="image/jpeg", size=2, sha256=bytes(32), added_at=NOW
    )
    paper.sealed_bytes = settings.KEY_RING.seal_bytes(b"\xff\xd8", place=paper.place)
    paper.save()
    return paper.pk


def _letter(student: Student, by: Account) -> str:
    """The code of a letter that is good."""
    drawn = invitations.draw([student], {student.pk: "zh-hant"}, now=NOW)
    invitations.keep(drawn, by=by, ring=settings.KEY_RING, seen_at=NOW, now=NOW)
    return drawn[0].code


def _service(guardian: Account, child: Student) -> uuid.UUID:
    """A service to which `guardian` gave `child`."""
    service = a_service(logo=b"png").service
    consents.give(guardian, service, ["openid", "children"], children=[child.pk], now=NOW)
    return uuid.UUID(str(service.pk))


def _token(account: Account, about: uuid.UUID) -> str:
    address = Address.objects.filter(account=account).first()
    assert address is not None
    return signing.dumps([str(account.pk), str(about), "arrived", address.pk], salt=UNSUBSCRIBE_SALT)
