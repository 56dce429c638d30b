from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import authenticate
from django.db import connection, transaction
from django.test import Client
from pytest_django import DjangoDbBlocker, Settings

from gatepost.access import queries as access
from gatepost.accounts.models import Account
from gatepost.attendance import daylines, days
from gatepost.attendance.models import Day, Event, Leave, Rules, SchoolDay, Sweep
from gatepost.cards.models import Card
from gatepost.cards.numbers import CardRule, canonical, typed
from gatepost.demo import cast, city
from gatepost.demo.reader_keys import NoDemonstration, reader_key
from gatepost.gates import keys
from gatepost.gates.models import Reader
from gatepost.guardians import bonds
from gatepost.guardians.applications import claims
from gatepost.guardians.applications.claims import Named
from gatepost.guardians.models import Guardianship, Restriction
from gatepost.notify import queries as told
from gatepost.notify.models import Address, Recipient, Subscription
from gatepost.roster.identity_numbers import is_invented
from gatepost.roster.models import GuardianRecord, School, SchoolClass, Student
from gatepost.surveys import results, satisfaction
from gatepost.surveys.models import Answer
from tests.builders import MONDAY, at

NOW = at("06:00")
HASHERS = ["gatepost.accounts.passwords.DemonstrationArgon2id", *django_settings.PASSWORD_HASHERS]


def build(seed: int = 1, schools: int = 1, students: int = 60) -> city.City:
    return city.build(schools=schools, students=students, seed=seed, now=NOW)


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[city.City]:
    """A city that tests only look at, built once."""
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock(), transaction.atomic():
        patch.setattr(django_settings, "DEMONSTRATION", True)
        patch.setattr(django_settings, "PASSWORD_HASHERS", HASHERS)
        yield build(schools=3, students=240)
        transaction.set_rollback(True)


def test_everybody_asked_for_is_there(built: city.City) -> None:
    assert (built.schools, built.students) == (3, 240)
    assert Student.objects.filter(school_class__isnull=False, seat__isnull=False).count() == 240
    assert not SchoolClass.objects.filter(homeroom_teacher=None).exists()
    assert GuardianRecord.objects.values("student").distinct().count() == 240


def test_every_identity_number_opens_and_is_invented(built: city.City) -> None:
    ring = django_settings.KEY_RING
    numbers = [one.open_id_number(ring) for one in [*Student.objects.all(), *GuardianRecord.objects.all()]]

    assert all(number and is_invented(number) for number in numbers)


def test_no_mail_can_reach_anybody_real(built: city.City) -> None:
    assert not Account.objects.exclude(email__endswith=".example").exists()
    assert not Address.objects.exclude(target__endswith=".example").exists()


def test_only_verified_bonds_open_a_post_box(built: city.City) -> None:
    verified = set(bonds.in_force().values_list("account_id", "student_id"))

    assert set(Recipient.objects.filter(ended_at=None).values_list("account_id", "about")) == verified
    assert Guardianship.objects.filter(verified_at=None).exists()
    assert Subscription.objects.exists()
    assert not Subscription.objects.filter(address__verified_at=None).exists()


def test_one_guardian_is_restricted_and_hears_nothing(built: city.City) -> None:
    cut = Restriction.objects.in_force().get()

    assert Recipient.objects.get(account=cut.account, about=cut.student_id).ended_at == NOW
    assert not Subscription.objects.filter(recipient__account=cut.account, recipient__about=cut.student_id).exists()


def test_every_card_can_be_typed_by_every_reader_of_its_school(built: city.City) -> None:
    for school in School.objects.all():
        rules = [
            CardRule.from_json(rule) if rule else CardRule()
            for rule in school.readers.values_list("card_rule", flat=True)
        ]
        for uid in Card.objects.filter(student__school=school).values_list("uid", flat=True):
            assert {canonical(typed(uid, rule) or "", rule) for rule in rules} == {uid}


def test_readers_open_with_a_key_that_stands_nowhere(built: city.City) -> None:
    reader = Reader.objects.all()[0]

    assert bytes(reader.key_digest) == keys.digest(reader_key(reader.pk))


def test_the_past_two_weeks_are_what_their_events_say(built: city.City) -> None:
    before = list(Day.objects.order_by("pk").values())

    days.fold([(row["school_id"], row["date"], row["student_id"]) for row in before], now=NOW)

    assert before
    assert list(Day.objects.order_by("pk").values()) == before


def test_nobody_was_seen_while_on_leave(built: city.City) -> None:
    for leave in Leave.objects.filter(last_date__lt=MONDAY):
        assert not Event.objects.filter(
            student_id=leave.student_id, date__gte=leave.first_date, date__lte=leave.last_date
        ).exists()
    assert Leave.objects.filter(first_date=MONDAY).exists()


def test_past_sweeps_agree_with_who_was_told(built: city.City) -> None:
    for sweep in Sweep.objects.all():
        told_of = Day.objects.filter(school_id=sweep.school_id, date=sweep.date, not_arrived_at__isnull=False).count()
        assert sweep.missing == told_of
    assert Sweep.objects.count() == 3 * 10


def test_the_calendar_knows_the_whole_year_of_every_grade(built: city.City) -> None:
    for school in School.objects.all():
        grades = set(SchoolClass.objects.filter(school=school).values_list("grade", flat=True))
        known = SchoolDay.objects.filter(school=school, kind__in=SchoolDay.OPEN)
        assert set(known.values_list("grade", flat=True)) == grades
        assert 190 <= known.filter(grade=min(grades)).count() <= 215
        assert Rules.objects.filter(school=school).exists()


def test_today_is_still_to_come(built: city.City) -> None:
    assert not Event.objects.filter(date=MONDAY).exists()
    lines = daylines.day_lines(list(Student.objects.select_related("school")), now=NOW)
    assert {line.state for line in lines.values()} == {"waiting", "leave"}


def test_everybody_on_the_list_can_sign_in(built: city.City) -> None:
    for one in city.sign_ins():
        person = authenticate(email=one.email, password=one.password)
        assert person is not None, one.role
        assert person.email == one.email


def test_everybody_on_the_list_has_a_page_that_is_there_and_opens(
    built: city.City, client: Client, settings: Settings
) -> None:
    settings.SECOND_FACTOR = "off"  # as `gatepost up` has it for a demonstration
    for one in city.sign_ins():
        client.force_login(Account.objects.get(email=one.email))
        assert client.get(one.page.removeprefix(django_settings.SITE_URL)).status_code == 200, one.role


def test_each_sees_what_is_theirs(built: city.City) -> None:
    people = {part.role: Account.objects.get(email=part.email) for part in cast.PARTS}
    home = School.objects.get(code="373602")

    assert [child.name for child in access.children(people["guardian"])] == ["王小華", "王小明"]
    assert {s.school_class.name for s in access.students(people["teacher"], home) if s.school_class} == {"2年01班"}
    assert access.sees_whole_school(people["school administrator"], home)
    assert access.role_names(people["bureau officer"]) == {"bureau_officer"}
    assert people["operator"].is_superuser


def test_the_guardian_has_messages_of_the_past_days_to_look_at(built: city.City) -> None:
    guardian = Account.objects.get(email=cast.GUARDIAN.email)
    child = access.children(guardian)[0]
    day = Day.objects.filter(student_id=child.pk, arrived_at__isnull=False).latest("date")

    letters = told.told_about(child.pk, day.date, account_id=guardian.pk)

    assert (letters[0].topic, letters[0].state) == ("arrived", "sent")


def test_one_survey_has_results_and_another_waits_for_the_guardian_to_sign_in_as(built: city.City) -> None:
    standing, over = satisfaction.all_of_them()
    found = results.of(over, now=NOW)
    guardian = Account.objects.get(email=cast.GUARDIAN.email)

    assert found.is_over
    assert found.replies >= results.GROUP_MIN
    assert set(found.counts) == set(satisfaction.QUESTIONS)
    assert satisfaction.open_at(NOW) == standing
    assert satisfaction.reply_of(over, guardian.pk) is satisfaction.reply_of(standing, guardian.pk) is None


def snapshot() -> list[object]:
    students = Student.objects.order_by("number").values_list("id", "number", "name", "birthday", "id_number_digest")
    return [
        [(*row[:-1], bytes(row[-1])) for row in students],
        list(Card.objects.order_by("uid").values_list("uid", "student_id", "ended_as")),
        list(Account.objects.order_by("email").values_list("email", "name", "language")),
        list(Guardianship.objects.order_by("account", "student").values_list("account", "student", "verified_at")),
        list(Day.objects.order_by("pk").values_list("date", "student_id", "arrived_at", "left_at")),
        sorted(Reader.objects.values_list("pk", flat=True)),
        sorted(Answer.objects.values_list("reply__account", "question", "value")),
    ]


@pytest.mark.django_db
def test_the_same_seed_builds_the_same_city_and_another_seed_another(settings: Settings) -> None:
    settings.DEMONSTRATION = True
    cities = []
    for seed in (1, 1, 2):
        with transaction.atomic():
            build(seed)
            cities.append(snapshot())
            transaction.set_rollback(True)

    assert cities[0] == cities[1]
    assert cities[0][0] != cities[2][0]


@pytest.mark.django_db
def test_a_city_is_not_built_over_another(settings: Settings) -> None:
    settings.DEMONSTRATION = True
    build(students=6)

    with pytest.raises(city.CityStands, match="1 school"), transaction.atomic():
        build(students=6)


@pytest.mark.django_db
def test_nothing_is_built_outside_of_a_demonstration() -> None:
    with pytest.raises(NoDemonstration):
        build(students=6)

    assert not city.stands()
    assert city.sign_ins() == []


@pytest.mark.django_db
def test_the_known_password_opens_nothing_once_the_demonstration_is_over(settings: Settings) -> None:
    settings.DEMONSTRATION, settings.PASSWORD_HASHERS = True, HASHERS
    build(students=6)
    known = city.sign_ins()[0]

    assert authenticate(email=known.email, password=known.password)
    settings.DEMONSTRATION, settings.PASSWORD_HASHERS = False, HASHERS[1:]

    assert authenticate(email=known.email, password=known.password) is None


@pytest.mark.django_db
def test_a_city_stands_in_the_middle_of_summer_too(settings: Settings) -> None:
    settings.DEMONSTRATION = True
    built = city.build(schools=2, students=30, seed=1, now=at("21:00", MONDAY.replace(month=8, day=2)))

    assert built.students == 30
    assert not Day.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(issued_at) <= %s FROM cards_card", [NOW])
        assert cursor.fetchone()[0]


def test_the_guardian_to_sign_in_as_can_add_a_child_at_once(built: city.City) -> None:
    number, id_number, name, birthday = city.ADDED
    what = Named(Student.objects.get(number=number).school, number, name, id_number, birthday)
    guardian, ring = Account.objects.get(email=cast.GUARDIAN.email), django_settings.KEY_RING
    with transaction.atomic():
        claim = claims.begin(guardian, what, address="192.0.2.1", language="zh-hant", ring=ring, now=NOW)
        assert claims.bind_at_once(claim, now=NOW) is not None
        transaction.set_rollback(True)
