"""Following taps does not wait for the disk; a mail does."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import pytest
from django.db import connection

from gatepost.attendance import arrivals
from gatepost.attendance.tests.taps import tapped
from gatepost.notify import sender
from gatepost.notify.sender import Leased, Outcome
from tests import builders
from tests.builders import at

pytestmark = pytest.mark.django_db(transaction=True)


class Handover:
    """A carrier that looks how much of the server's log is on disk when a mail leaves."""

    def __init__(self) -> None:
        self.on_disk = ""

    def carry(self, deliveries: Sequence[Leased], *, now: datetime) -> list[Outcome]:
        self.on_disk = asked("SELECT pg_current_wal_flush_lsn()::text")
        return [Outcome() for _ in deliveries]


def asked(question: str, *values: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(question, values)
        return str(cursor.fetchone()[0])


@pytest.fixture
def as_in_service(transactional_db: None) -> Iterator[None]:
    """Commits wait for the disk, as they do outside of tests."""
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET synchronous_commit")


@pytest.mark.usefixtures("as_in_service")
def test_no_mail_leaves_before_what_queued_it_is_on_disk() -> None:
    """Or a crash would lose the delivery, follow the tap again and send the mail again."""
    school = builders.a_school()
    builders.a_school_day(school)
    student = builders.a_student(builders.a_class(school))
    builders.a_guardian(student)
    tapped(builders.a_reader(school)[0], builders.a_card(student).uid, at("07:42"))
    assert arrivals.follow_taps(now=at("07:43")) == 1
    followed = asked("SELECT pg_current_wal_insert_lsn()::text")
    handover = Handover()
    assert sender.send_due("email", handover, now=at("07:43")) == 1
    assert asked("SELECT (%s::pg_lsn >= %s::pg_lsn)::text", handover.on_disk, followed) == "true"


@pytest.mark.usefixtures("as_in_service")
def test_only_following_leaves_the_disk_behind() -> None:
    """The setting ends with the transaction."""
    school = builders.a_school()
    tapped(builders.a_reader(school)[0], "FFFFFFFE", at("07:42"))
    assert arrivals.follow_taps(now=at("07:43")) == 1
    assert asked("SHOW synchronous_commit") == "on"
