"""What a watching program reads at `/metrics`: valid, true, closed to strangers, and about nobody in particular."""

import re
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from gatepost.attendance import arrivals
from gatepost.attendance.models import Sweep
from gatepost.channels.errors import ChannelError
from gatepost.gates.models import Gate
from gatepost.guardians import restrictions
from gatepost.notify import sender
from gatepost.portals.tests.visits import NOW, text_of, visit
from gatepost.watch import beats, tally
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db

TOKEN = "a-token-for-the-tests-only"
Samples = dict[tuple[str, ...], float]


@pytest.fixture(autouse=True)
def _token(settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN


def scrape() -> Samples:
    """Every sample by its name and the values of its labels (these by their names), read by Prometheus' own parser."""
    answer = visit().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = list(text_string_to_metric_families(text_of(answer)))
    found = [sample for family in families for sample in family.samples]
    samples = {(one.name, *(value for _name, value in sorted(one.labels.items()))): one.value for one in found}
    assert len(samples) == len(found), "the same sample twice"
    return samples


class Post:
    """Takes every mail but the first, whose address it refuses for good."""

    def carry(self, deliveries: list[sender.Leased], *, now: object) -> list[sender.Outcome]:
        refused = sender.Outcome(ChannelError("no such mailbox", permanent=True))
        return [refused, *(sender.Outcome(response="250 ok") for _one in deliveries[1:])]


def tap(school_id: int, reader_id: UUID, uid: str, *, seconds_ago: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO gates_tapqueue (shard, school_id, reader_id, nonce, uid, tapped_at, received_at)"
            " VALUES (%s %% 16, %s, %s, gen_random_uuid(), %s, %s, %s)",
            [school_id, school_id, reader_id, uid, NOW, NOW - timedelta(seconds=seconds_ago)],
        )


class TestWhoMayRead:
    @pytest.mark.parametrize("shown", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer ä"])
    def test_who_shows_no_token_gets_nothing(self, shown: str) -> None:
        answer = visit(builders.a_role("operator")).get("/metrics", headers={"Authorization": shown})
        assert (answer.status_code, answer.content) == (401, b"")
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    def test_without_a_token_in_the_settings_there_is_no_page(self, settings: Settings) -> None:
        settings.METRICS_TOKEN = ""
        for shown in ("", "Bearer ", f"Bearer {TOKEN}"):
            assert visit().get("/metrics", headers={"Authorization": shown}).status_code == 404


def test_a_morning_is_told_in_counters() -> None:
    school = builders.a_school()
    reader, _key = builders.a_reader(school)
    school_class = builders.a_class(school)
    builders.a_school_day(school)
    students = [builders.a_student(school_class) for _ in range(3)]
    for student in students:
        builders.a_guardian(student)
        tap(school.pk, reader.pk, builders.a_card(student).uid, seconds_ago=3)
    tap(school.pk, reader.pk, "00000000", seconds_ago=4)
    assert scrape()["gatepost_tap_queue",] == 4
    assert scrape()["gatepost_tap_queue_oldest_seconds",] == 3  # the first that came
    while arrivals.follow_taps(now=NOW):
        pass
    before = scrape()
    assert before["gatepost_taps_followed_total", "used"] == 3
    assert before["gatepost_taps_followed_total", "unknown_card"] == 1
    assert before["gatepost_tap_queue",] == 0
    assert before["gatepost_deliveries_due", "email", "queued"] == 3
    sender.send_due("email", Post(), now=NOW)
    tally.gather()
    after = scrape()
    assert after["gatepost_deliveries_due", "email", "queued"] == 0
    assert after["gatepost_deliveries_settled_total", "", "email", "sent"] == 2
    assert after["gatepost_deliveries_settled_total", "refused", "email", "failed"] == 1
    buckets = {bound: after["gatepost_tap_to_handover_seconds_bucket", "email", bound] for bound in ("2.0", "5.0")}
    assert buckets == {"2.0": 0, "5.0": 2}
    assert after["gatepost_tap_to_handover_seconds_count", "email"] == 2
    assert 6 <= after["gatepost_tap_to_handover_seconds_sum", "email"] < 8


def test_counters_only_grow_though_the_rows_they_counted_go() -> None:
    tally.count({("deliveries_settled", "email", "sent", ""): 5, ("tap_to_handover", "email", "0.5"): 5})
    tally.gather()
    first = scrape()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE notify_delivery, notify_notice, gates_tap")
    assert scrape() == first


def test_deliveries_that_are_taken_back_are_counted_too() -> None:
    school = builders.a_school()
    student = builders.a_student(builders.a_class(school))
    mother = builders.a_guardian(student)
    reader, _key = builders.a_reader(school)
    tap(school.pk, reader.pk, builders.a_card(student).uid, seconds_ago=1)
    arrivals.follow_taps(now=NOW)
    restrictions.restrict(mother.pk, student, document="115-1", by=None, now=NOW)
    assert scrape()["gatepost_deliveries_settled_total", "ended", "email", "dropped"] == 1


def test_readers_are_counted_by_school_and_state() -> None:
    school = builders.a_school("313601")
    builders.a_reader(school, heard_at=NOW)
    builders.a_reader(school, heard_at=NOW, queue=40)
    builders.a_reader(school, heard_at=NOW - timedelta(minutes=10))
    samples = scrape()
    states = {key[2]: value for key, value in samples.items() if key[:2] == ("gatepost_readers", "313601")}
    assert states == {"speaking": 1, "behind": 1, "silent": 1, "resting": 0}
    assert samples["gatepost_readers_holding_taps",] == 40
    assert samples["gatepost_readers_clock_wrong",] == 0


def test_a_held_alarm_and_a_stopped_loop_are_seen() -> None:
    Sweep.objects.create(
        school=builders.a_school(), date=MONDAY, asked_at=at("08:11"), held_at=at("08:11"), held_because="readers"
    )
    beats.beat("mail", every_seconds=1, now=NOW - timedelta(seconds=90))
    beats.beat("arrivals", every_seconds=1, now=NOW)
    samples = scrape()
    assert samples["gatepost_sweeps", "held"] == 1
    assert (samples["gatepost_loop_late", "mail"], samples["gatepost_loop_late", "arrivals"]) == (1, 0)
    assert samples["gatepost_loop_age_seconds", "mail"] == 90
    assert samples["gatepost_database_up",] == 1


def test_nothing_in_it_is_about_a_person() -> None:
    school = builders.a_school()
    student = builders.a_student(builders.a_class(school), "葉小明")
    mother = builders.a_guardian(student, name="葉淑芬")
    Gate.objects.create(school=school, name="北門")
    text = text_of(visit().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}))
    for private in (student.name, mother.name, mother.email, str(student.pk), str(mother.pk), school.name, "北門"):
        assert private not in text
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", text)
