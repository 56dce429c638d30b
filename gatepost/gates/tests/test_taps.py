import asyncio
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from uuid import uuid4

import msgspec
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost.gates import keys, readerbook, reception
from gatepost.gates.intake import Clerk, Overloaded, Stored
from gatepost.gates.lines import Row
from gatepost.gates.models import Reader, ReaderHealth, Tap, TapQueue
from gatepost.gates.taptable import Handful, Hearing
from gatepost.gates.tests.conftest import Post, batch, tap
from gatepost.kit.environment import env_url
from gatepost.kit.partitions import months_around


def test_a_tap_is_kept_with_its_queue_row_before_the_answer(post: Post, key: str) -> None:
    sent = tap()
    answer = post(key, batch(sent))
    assert answer.status_code == 200
    assert answer.json() == {
        "received": 1,
        "results": [{"nonce": sent["nonce"], "status": "stored", "reason": None}],
    }
    assert Tap.objects.get().uid == "04A1B2C3"
    assert str(TapQueue.objects.get().nonce) == sent["nonce"]


def test_a_repeat_is_acknowledged_and_does_nothing(post: Post, key: str) -> None:
    sent = tap()
    post(key, batch(sent))
    answer = post(key, batch(sent, sent))
    assert [one["status"] for one in answer.json()["results"]] == ["repeat", "repeat"]
    assert Tap.objects.count() == TapQueue.objects.count() == 1


def test_a_zone_that_the_database_does_not_know_holds_nobody_up(post: Post, key: str) -> None:
    far = datetime.now(timezone(timedelta(hours=20)))
    answer = post(key, batch(tap(at=far), sent_at=far))
    assert answer.json()["results"][0]["status"] == "stored"
    kept = Tap.objects.get().read_at
    assert kept is not None
    assert abs(kept - far) < timedelta(seconds=1)


def test_what_the_database_cannot_hold_spoils_its_own_request_only(reader_and_key: tuple[Reader, str]) -> None:
    reader, _ = reader_and_key
    now = datetime.now(UTC)

    def handful(card: str) -> Handful:
        row = Row(uuid4(), card, "", None, now, now.date().replace(day=1), None, "")
        return Handful(reader.school_id, [row], Hearing(reader.pk, now, now, 0, 0))

    async def hand_in() -> dict[str, Stored | Overloaded]:
        pool = reception.pool_for(env_url("DATABASE_URL", schemes=["postgresql", "postgres"]))
        await pool.open()
        clerk = Clerk(pool)
        clerk.start()
        said: dict[str, Stored | Overloaded] = {}
        for card in ("04A1B2C3", "no \0 text", "04D4E5F6"):
            clerk.keep(handful(card), partial(said.__setitem__, card))
        await clerk.stop()
        await pool.close()
        return said

    said = asyncio.run(hand_in())
    assert isinstance(said.pop("no \0 text"), Overloaded)
    assert said == {"04A1B2C3": None, "04D4E5F6": None}
    assert sorted(Tap.objects.values_list("card", flat=True)) == ["04A1B2C3", "04D4E5F6"]


def test_a_repeat_among_new_taps_does_not_hold_them_up(post: Post, key: str) -> None:
    old, new, twice = tap(), tap(), tap()
    post(key, batch(old))
    answer = post(key, batch(new, old, twice, twice))
    assert [one["status"] for one in answer.json()["results"]] == ["stored", "repeat", "stored", "stored"]
    assert {str(row.nonce) for row in TapQueue.objects.all()} == {one["nonce"] for one in (old, new, twice)}


def test_the_same_nonce_from_another_reader_is_another_tap(post: Post, reader_and_key: tuple[Reader, str]) -> None:
    reader, key = reader_and_key
    _, other_key = keys.enrol(reader.gate, "2 號機", by=None, now=datetime.now(UTC))
    sent = tap()
    assert post(key, batch(sent)).json()["results"][0]["status"] == "stored"
    assert post(other_key, batch(sent)).json()["results"][0]["status"] == "stored"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"nonce": str(uuid4()), "card": "no number", "read_at": datetime.now(UTC).isoformat()}, "bad_card"),
        ({"nonce": str(uuid4()), "card": "04A1B2C3", "read_at": "1970-01-01T00:00:00Z"}, "time_out_of_range"),
        ({"nonce": str(uuid4()), "card": "04A1B2C3", "read_at": "9999-12-31T23:59:59+08:00"}, "time_out_of_range"),
        ({"nonce": str(uuid4()), "card": "04A1B2C3", "read_at": "9999-12-31T23:59:59-08:00"}, "time_out_of_range"),
        ({"nonce": str(uuid4()), "card": "04A1B2C3", "read_at": "0001-01-01T00:00:00+08:00"}, "time_out_of_range"),
        ({"nonce": str(uuid4()), "card": "04A1B2C3", "read_at": "2026-09-01T07:31:05"}, "time_out_of_range"),
        ({"nonce": "not a uuid", "card": "04A1B2C3", "read_at": datetime.now(UTC).isoformat()}, "bad_line"),
        ({"nonce": str(uuid4()), "card": 7, "read_at": "yesterday"}, "bad_line"),
        ("a string", "bad_line"),
        (None, "bad_line"),
    ],
)
def test_what_cannot_be_used_is_kept_with_its_reason_and_acknowledged(
    post: Post, key: str, line: object, reason: str
) -> None:
    answer = post(key, {"sent_at": datetime.now(UTC).isoformat(), "taps": [line, tap()]})
    assert answer.status_code == 200
    assert [one["status"] for one in answer.json()["results"]] == ["refused", "stored"]
    assert answer.json()["results"][0]["reason"] == reason
    assert Tap.objects.filter(reason=reason).count() == 1
    assert TapQueue.objects.count() == 1


def test_a_bad_line_without_a_nonce_sent_again_is_kept_once(post: Post, key: str) -> None:
    body = {"sent_at": datetime.now(UTC).isoformat(), "taps": [{"card": "x"}]}
    post(key, body)
    post(key, body)
    assert Tap.objects.count() == 1


def test_a_clock_a_day_off_is_put_right_by_the_time_of_sending(post: Post, key: str) -> None:
    now = datetime.now(UTC)
    wrong = now - timedelta(days=1)
    post(key, batch(tap(at=wrong - timedelta(minutes=3)), sent_at=wrong))
    kept = Tap.objects.get()
    assert abs(kept.tapped_at - (now - timedelta(minutes=3))) < timedelta(seconds=5)
    assert kept.read_at == wrong - timedelta(minutes=3)
    assert abs(kept.skew_ms + 86_400_000) < 5_000


def test_a_small_skew_is_the_network_and_changes_no_hour(post: Post, key: str) -> None:
    now = datetime.now(UTC)
    post(key, batch(tap(at=now - timedelta(seconds=9)), sent_at=now - timedelta(seconds=4)))
    assert Tap.objects.get().tapped_at == now - timedelta(seconds=9)


def test_an_empty_list_is_a_heartbeat(post: Post, reader_and_key: tuple[Reader, str]) -> None:
    reader, key = reader_and_key
    ReaderHealth.objects.update(heard_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert post(key, batch(queue=7)).json() == {"received": 0, "results": []}
    health = ReaderHealth.objects.get(reader=reader)
    assert health.queue == 7
    assert datetime.now(UTC) - health.heard_at < timedelta(seconds=5)


def test_an_unknown_key_is_refused_and_nothing_is_kept(post: Post, key: str) -> None:
    for wrong in (None, "", "gpr_guess", key[:-1], key + "x"):
        answer = post(wrong, batch(tap()))
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"] == "Bearer"
    assert not Tap.objects.exists()


def test_a_revoked_key_stops_opening_within_the_refresh(
    post: Post, reader_and_key: tuple[Reader, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readerbook, "REFRESH_SECONDS", 0.0)
    reader, key = reader_and_key
    assert post(key, batch()).status_code == 200
    keys.revoke(reader, by=None, now=datetime.now(UTC))
    assert post(key, batch()).status_code == 401


def test_the_key_is_kept_nowhere_in_clear(reader_and_key: tuple[Reader, str]) -> None:
    _, key = reader_and_key
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(r)::text FROM gates_reader r UNION ALL SELECT facts::text FROM audit_entry")
        assert not any(key in row for (row,) in cursor.fetchall())


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{]", 400),
        (b"\xff\xfe", 400),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"sent_at": "2026-09-01T07:31:05", "taps": []}', 422),
        (b'{"sent_at": "2026-09-01T07:31:05Z", "taps": [], "queue": -1}', 422),
        (b'{"sent_at": "2026-09-01T07:31:05Z", "taps": [], "queue": 0.5}', 422),
        (b'{"sent_at": "2026-09-01T07:31:05Z", "taps": [], "queue": 1e300}', 422),
        (b'{"sent_at": "2026-09-01T07:31:05Z", "taps": 3}', 422),
        (b'{"sent_at": "2026-09-01T07:31:05Z", "taps": [' + b"1," * 1000 + b"1]}", 422),
        (b"x" * 600_000, 413),
        (b"[" * 200_000, 422),
    ],
)
def test_a_body_that_is_no_batch_is_refused_with_a_problem_document(
    post: Post, key: str, content: bytes, status: int
) -> None:
    answer = post(key, content=content)
    assert answer.status_code == status
    problem = answer.json()
    assert problem["status"] == status
    assert problem["detail"]
    assert not Tap.objects.exists()


def test_a_flood_from_one_reader_is_slowed_and_the_others_are_not(
    post: Post, reader_and_key: tuple[Reader, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reception, "REQUESTS_AT_ONCE", 3)
    monkeypatch.setattr(reception, "REQUESTS_PER_SECOND", 0.001)
    reader, key = reader_and_key
    _, other = keys.enrol(reader.gate, "2 號機", by=None, now=datetime.now(UTC))
    assert [post(key, batch()).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert post(key, batch()).headers["retry-after"]
    assert post(other, batch()).status_code == 200


def test_a_database_that_is_gone_is_a_503_and_the_reader_keeps_its_taps(
    post: Post, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(key, batch())
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE gates_tapqueue RENAME TO gates_tapqueue_away")
    try:
        answer = post(key, batch(sent := tap()))
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert not Tap.objects.exists()  # all or nothing
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE gates_tapqueue_away RENAME TO gates_tapqueue")
    assert post(key, batch(sent)).json()["results"][0]["status"] == "stored"


def test_other_addresses_and_methods_say_where_the_contract_is(post: Post, key: str) -> None:
    assert post(key, path="/v1/nothing").status_code == 404
    refused = post(key, path="/v1/openapi.json")
    assert refused.status_code == 405
    assert refused.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(("queue", "said"), [(b"0.0", 0), (b"3e0", 3), (b"7", 7)])
def test_a_count_is_a_count_however_it_is_written(
    post: Post, reader_and_key: tuple[Reader, str], queue: bytes, said: int
) -> None:
    reader, key = reader_and_key
    content = b'{"sent_at": "2026-09-01T07:31:05Z", "taps": [], "queue": %s}' % queue
    assert post(key, content=content).status_code == 200
    assert ReaderHealth.objects.get(reader=reader).queue == said


def test_taps_have_a_partition_for_every_month_around_now() -> None:
    months = months_around(datetime(2026, 1, 15, tzinfo=UTC).date())
    assert months[0].isoformat() == "2025-11-01"
    assert months[-1].isoformat() == "2026-07-01"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
tap_like = st.fixed_dictionaries(
    {
        "nonce": st.uuids().map(str) | json_values,
        "card": st.text(max_size=90) | st.just("04A1B2C3") | json_values,
        "read_at": st.datetimes().map(lambda at: at.isoformat() + "Z")
        | st.just(datetime.now(UTC).isoformat())
        | json_values,
    },
    optional={"direction": st.sampled_from(["in", "out", None]) | json_values, "more": json_values},
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(tap_like | json_values, max_size=6))
def test_whatever_a_reader_says_it_gets_an_answer_for_every_line(
    post: Post, key: str, monkeypatch: pytest.MonkeyPatch, lines: list[object]
) -> None:
    monkeypatch.setattr(reception, "REQUESTS_PER_SECOND", 1e9)
    content = msgspec.json.encode({"sent_at": datetime.now(UTC), "taps": lines})
    answer = post(key, content=content)
    assert answer.status_code == 200
    assert len(answer.json()["results"]) == len(lines)
    again = post(key, content=content).json()["results"]
    assert {one["status"] for one in again} <= {"repeat", "refused"}


def test_a_busy_reader_is_written_down_once_a_second_and_at_once_when_its_queue_changes(
    post: Post, reader_and_key: tuple[Reader, str]
) -> None:
    reader, key = reader_and_key

    def heard_at(second: float, queue: int = 0) -> datetime:
        post.now = datetime(2026, 11, 23, 0, 0, tzinfo=UTC) + timedelta(seconds=second, days=365)
        post(key, batch(sent_at=post.now, queue=queue))
        return ReaderHealth.objects.get(reader=reader).heard_at

    first = heard_at(0)
    assert heard_at(0.5) == first
    assert heard_at(0.6, queue=2) > first
    assert heard_at(1.7, queue=2) == first + timedelta(seconds=1.7)
