"""The doctor's rounds: what is well is said in a few words, what is not comes with what to do."""

from datetime import timedelta

import pytest
from django.db import connection

from gatepost.gates import keys
from gatepost.kit.clock import utc_now
from gatepost.sso import keys as signing
from gatepost.sso.models import LogoutNotice, ServiceSession
from gatepost.sso.tests.conversations import a_service
from gatepost.up import rounds
from gatepost.up.trouble import StartError
from gatepost.watch import beats
from tests import builders
from tests.builders import at

pytestmark = pytest.mark.django_db

NOW = at("08:12")


def test_all_is_well_where_nothing_has_happened_yet() -> None:
    said = {about: look(utc_now()) for about, look in rounds.LOOKS}
    assert said["worker"] == "has not run on this database yet"
    assert (said["taps"], said["messages"], said["readers"]) == ("0 wait", "0 wait", "0 in use")


def test_a_loop_that_stopped_is_named() -> None:
    beats.beat("arrivals", every_seconds=1, now=NOW)
    assert rounds.worker(NOW) == "1 loops run"
    with pytest.raises(StartError, match=r"arrivals \(90 s ago\).*Is a worker running"):
        rounds.worker(NOW + timedelta(seconds=90))


def test_taps_may_wait_a_little_and_not_long() -> None:
    reader, _key = builders.a_reader(builders.a_school())
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO gates_tapqueue (shard, school_id, reader_id, nonce, uid, tapped_at, received_at)"
            " VALUES (0, %s, %s, gen_random_uuid(), '', %s, %s)",
            [reader.school_id, reader.pk, NOW, NOW],
        )
    assert rounds.taps(NOW + timedelta(seconds=30)) == "1 wait"
    with pytest.raises(StartError, match="1 taps wait, the oldest for 10 min"):
        rounds.taps(NOW + timedelta(minutes=10))


def test_a_reader_that_fell_silent_is_named_and_one_at_rest_is_not() -> None:
    school = builders.a_school(short_name="雙園國小")
    builders.a_reader(school, name="1 號機", heard_at=NOW)
    silent, _key = builders.a_reader(school, name="2 號機", heard_at=NOW - timedelta(minutes=20))
    with pytest.raises(StartError, match="1 fell silent: 雙園國小 南門 2 號機"):
        rounds.readers(NOW)
    keys.rest(silent, by=None, now=NOW)
    assert rounds.readers(NOW) == "1 in use"


def test_a_reader_that_has_long_been_off_is_counted_only() -> None:
    builders.a_reader(builders.a_school(), heard_at=NOW - timedelta(days=3))
    assert rounds.readers(NOW) == "1 in use, 1 not heard of for long"


def test_clocks_that_agree_are_said_to() -> None:
    assert "as in the database" in rounds.clock(NOW)


def test_clocks_that_are_apart_are_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "utc_now", lambda: utc_now() - timedelta(seconds=30))
    with pytest.raises(StartError, match="30 s apart: set up NTP"):
        rounds.clock(NOW)


def test_a_month_without_its_tables_is_trouble() -> None:
    assert rounds.months(utc_now()).startswith("ready for ")
    with pytest.raises(StartError, match="gates_tap_2040_02"):
        rounds.months(at("08:00").replace(year=2040, month=1))


def test_services_have_a_key_that_is_not_too_old() -> None:
    assert rounds.services(NOW) == "none is registered"
    a_service()
    assert rounds.services(NOW) == "1 in use"
    signing.key_set(NOW)
    assert rounds.services(NOW) == "1 in use"
    with pytest.raises(StartError, match="signing-keys --rotate"):
        rounds.services(NOW + timedelta(days=500))


def test_a_service_that_never_confirms_a_sign_out_is_named() -> None:
    service = a_service("社團報名").service
    session = ServiceSession.objects.create(
        service=service, account=builders.an_account(), session_key="x", signed_in_at=NOW, ended_at=NOW
    )
    notice = LogoutNotice.objects.create(session=session, asked_at=NOW, due_at=NOW)
    assert rounds.services(NOW) == "1 in use"
    LogoutNotice.objects.filter(pk=notice.pk).update(due_at=None)
    with pytest.raises(StartError, match="社團報名"):
        rounds.services(NOW)
