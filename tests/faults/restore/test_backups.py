"""Backups that are interrupted, damaged, foreign; databases that hold something already. One line each, and no harm."""

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from gatepost.config.schedule import make_partitions
from gatepost.roster.models import Student
from gatepost.up.keys import NAMES, new_keys
from gatepost.up.restore import _require_room
from gatepost.up.testing import leave
from gatepost.up.trouble import StartError
from tests import builders
from tests.faults.ground import Ground, wait_until
from tests.faults.length import Length
from tests.faults.tally import Counts

COMMAND = [sys.executable, "-m", "gatepost"]


def typed(ground: Ground, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command, with the environment of the ground but for what is given; an empty value takes one out."""
    told = {name: value for name, value in {**ground.environment, **environment}.items() if value}
    return subprocess.run([*COMMAND, *arguments], env=told, capture_output=True, text=True, timeout=120, check=False)


def refusal(ground: Ground, *arguments: str, **environment: str) -> str:
    """What a command refuses with: one line, and no line more."""
    done = typed(ground, *arguments, **environment)
    assert done.returncode == 1, done.stdout
    (line,) = done.stderr.splitlines()
    assert done.stdout == ""
    return line


def a_school_with_sealed_numbers() -> Student:
    student = builders.a_student(builders.a_class(builders.a_school("911111")))
    student.seal_id_number("A123456789", settings.KEY_RING)
    student.save(update_fields=["id_number_sealed", "id_number_digest"])
    return student


def schools(ground: Ground) -> list[str]:
    return [code for (code,) in ground.rows("SELECT code FROM roster_school ORDER BY code")]


def test_what_does_not_fit_is_refused_and_what_fits_is_restored_whole(ground: Ground, tmp_path: Path) -> None:
    student = a_school_with_sealed_numbers()
    file = tmp_path / "one.backup"
    done = typed(ground, "backup", str(file), "--with-keys")
    assert done.stdout.startswith("Backed up 1 students and 0 taps, as of "), done.stderr
    assert "The keys are inside" in done.stdout
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    builders.a_school("922222")
    ground.rows("SELECT setval('notify_delivery_id_seq', 500)")

    assert "connections are open on this database: stop web and worker first" in refusal(ground, "restore", str(file))
    leave(connection)
    assert "holds data already" in refusal(ground, "restore", str(file))
    strange = new_keys()
    assert "GATEPOST_SEAL_KEYS, GATEPOST_DIGEST_KEY in the environment is not the backup's" in refusal(
        ground, "restore", str(file), "--replace", **strange
    )
    damaged = tmp_path / "damaged.backup"
    damaged.write_bytes(file.read_bytes()[:-5000])
    assert "not a whole backup" in refusal(ground, "restore", str(damaged), "--replace")
    assert schools(ground) == ["911111", "922222"]

    done = typed(ground, "restore", str(file), "--replace")
    assert done.stdout.startswith("Restored 1 students and 0 taps, as of "), done.stderr
    assert schools(ground) == ["911111"]
    assert Student.objects.get().open_id_number(settings.KEY_RING) == "A123456789"
    assert ground.one("SELECT nextval('notify_delivery_id_seq')") > 1_000_000_000
    assert ground.rows("SELECT action FROM audit_entry") == [("database:restored",)]
    assert student.pk == Student.objects.get().pk


def test_who_is_just_leaving_does_not_stop_a_restore(ground: Ground) -> None:
    """PostgreSQL shows a connection for a moment after it was closed: our own last look, or that of a worker."""
    ground.as_superuser("CREATE DATABASE lost OWNER gatepost", database="postgres")
    lost = ground.postgres.url("lost")
    with psycopg.connect(lost) as leaving:
        closing = threading.Timer(0.3, leaving.close)
        closing.start()
        assert not _require_room(lost, replace=False)
        closing.join()
    with psycopg.connect(lost), pytest.raises(StartError, match="1 connections are open"):
        _require_room(lost, replace=False)


def test_an_empty_machine_needs_the_keys_or_a_backup_that_brings_them(ground: Ground, tmp_path: Path) -> None:
    a_school_with_sealed_numbers()
    without, inside = tmp_path / "without.backup", tmp_path / "inside.backup"
    assert typed(ground, "backup", str(without)).returncode == 0
    assert typed(ground, "backup", str(inside), "--with-keys").returncode == 0
    machine = tmp_path / "machine"
    empty = {"GATEPOST_VAR": str(machine), "DATABASE_URL": "", **dict.fromkeys(NAMES, "")}

    line = refusal(ground, "restore", str(without), **empty)
    assert line.startswith("gatepost: The keys are not here (")
    assert str(machine / "secrets.env") in line
    assert not machine.exists()

    done = typed(ground, "restore", str(inside), **empty)
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE((machine / "secrets.env").stat().st_mode) == 0o600
    assert all(os.environ[name] in (machine / "secrets.env").read_text() for name in NAMES)
    assert not (machine / "postgres/data/postmaster.pid").exists()
    assert "holds data already" in refusal(ground, "restore", str(inside), **empty)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_backup_leaves_nothing_under_its_name_and_nothing_behind(
    ground: Ground, tmp_path: Path, number: signal.Signals
) -> None:
    """A lock holds pg_dump up; then somebody loses patience, or the machine its power."""
    with psycopg.connect(ground.url) as locking:
        locking.execute("LOCK TABLE announcements_announcement IN ACCESS EXCLUSIVE MODE")
        # Ctrl-C is for who sits in front of it: a shell takes it from what it runs in the background, these tests too.
        with subprocess.Popen(
            [*COMMAND, "backup", str(tmp_path)],
            env=ground.environment,
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        ) as backup:
            wait_until(lambda: _working(ground, "LOCK TABLE"), "pg_dump waits")
            os.kill(backup.pid, number)
            assert backup.wait(30) == (130 if number == signal.SIGINT else -signal.SIGKILL)
    wait_until(lambda: not _working(ground, "LOCK TABLE"), "pg_dump is gone")
    assert not list(tmp_path.glob("*.backup"))

    assert typed(ground, "backup", str(tmp_path), "--keep", "1").returncode == 0
    (first,) = tmp_path.iterdir()
    time.sleep(1)  # names tell the second
    assert f"Deleted {first.name}" in typed(ground, "backup", str(tmp_path), "--keep", "1").stdout
    (second,) = tmp_path.iterdir()
    assert second.name > first.name


def test_a_long_backup_never_makes_taps_wait_behind_a_new_month(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    """pg_dump holds every table it reads; a statement that waits for it would let nobody pass."""
    soon = datetime.now(UTC) + timedelta(days=62)
    with psycopg.connect(ground.url) as reading, caplog.at_level("INFO"):
        reading.execute("LOCK TABLE gates_tap IN ACCESS SHARE MODE")
        began = time.monotonic()
        assert make_partitions(soon) == 0
        assert time.monotonic() - began < 10
        assert "months not made" in caplog.text
    assert make_partitions(soon) >= 5


def test_a_killed_restore_has_done_nothing_and_can_be_done_again(
    ground: Ground, tmp_path: Path, length: Length, counts: Counts
) -> None:
    a_school_with_sealed_numbers()
    ground.rows(_MANY_TAPS, length.of(60_000, 300_000))
    file = tmp_path / "one.backup"
    assert typed(ground, "backup", str(file)).returncode == 0
    taps = ground.one("SELECT count(*) FROM gates_tap")
    leave(connection)
    ground.as_superuser("CREATE DATABASE lost OWNER gatepost", database="postgres")
    lost = ground.postgres.url("lost")
    for what in ("COPY", "CREATE INDEX")[: length.of(1, 2)]:
        with subprocess.Popen(
            [*COMMAND, "restore", str(file)],
            env={**ground.environment, "DATABASE_URL": lost},
            stdout=subprocess.DEVNULL,
        ) as restore:
            wait_until(partial(_working, ground, what), f"the restore does {what}", every_seconds=0.002)
            restore.kill()
        wait_until(lambda: not _working(ground, ""), "psql is gone")
        with psycopg.connect(lost) as looking:
            assert looking.execute("SELECT count(*) FROM pg_class WHERE relname ~ 'gates'").fetchone() == (0,)
        counts.note(rounds=1, kills=1)

    done = typed(ground, "restore", str(file), DATABASE_URL=lost)
    assert done.returncode == 0, done.stderr
    with psycopg.connect(lost) as looking:
        assert looking.execute("SELECT count(*) FROM gates_tap").fetchone() == (taps,)


def _working(ground: Ground, query: str) -> bool:
    """Whether a program of backup or restore is at work on such a statement."""
    found = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND query LIKE %s"
    return bool(ground.one(found, "backup or restore", f"%{query}%"))


_MANY_TAPS = """
INSERT INTO gates_tap (month, school_id, reader_id, nonce, card, uid, tapped_at, received_at, skew_ms, reason)
SELECT date_trunc('month', now())::date, 1, gen_random_uuid(), gen_random_uuid(), '04A1B2C3', '04A1B2C3', now(),
    now(), 0, 'unknown_card'
FROM generate_series(1, %s) RETURNING 1
"""
