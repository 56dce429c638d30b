"""The ground that all tests stand on."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from gatepost.roster.models import District
from gatepost.up import testing


@pytest.mark.django_db
def test_the_database_is_a_copy_of_its_own() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database(), usesuper FROM pg_user WHERE usename = current_user")
        row = cursor.fetchone()
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    assert row == (f"gatepost_test_{os.environ[testing.RUN]}_{worker}", False)
    assert settings.DATABASES["default"]["NAME"] == row[0]


@pytest.mark.django_db(transaction=True)
def test_what_a_test_commits_is_gone_in_the_next_one_1() -> None:
    assert not District.objects.exists()
    District.objects.create(code="63000010", name="松山區", name_en="Songshan", postal_code="105")


@pytest.mark.django_db(transaction=True)
def test_what_a_test_commits_is_gone_in_the_next_one_2() -> None:
    assert not District.objects.exists()


def test_the_environment_of_the_developer_is_not_seen() -> None:
    ours = {name for name in os.environ if name.startswith("GATEPOST_")}
    assert ours == {
        *(testing.RUN, testing.SERVER),
        *("GATEPOST_SECRET_KEY", "GATEPOST_SEAL_KEYS", "GATEPOST_DIGEST_KEY"),
    }


def test_what_a_killed_run_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(tempfile.mkdtemp(prefix=testing.FOLDER_PREFIX, dir=tmp_path))
    (folder / "lock").touch()
    (folder / "postgres/data").mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    testing.remove_left_folders(older_than_seconds=0)
    assert not folder.exists()


def test_a_folder_that_was_made_anew_meanwhile_is_not_taken_for_the_one_that_was_left(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with lock.open("a") as old:
        assert testing.is_lock_of(tmp_path, old)
        lock.unlink()
        assert not testing.is_lock_of(tmp_path, old)
        lock.touch()
        assert not testing.is_lock_of(tmp_path, old)


def test_what_another_run_uses_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(tempfile.mkdtemp(prefix=testing.FOLDER_PREFIX, dir=tmp_path))
    hold = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print(1, flush=True); sys.stdin.read()"
    other = subprocess.Popen(
        [sys.executable, "-c", hold, folder / "lock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    other.stdout.readline()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    testing.remove_left_folders(older_than_seconds=0)
    assert folder.exists()
    other.communicate()


def test_a_server_for_tests_ends_with_the_process_that_started_it(monkeypatch: pytest.MonkeyPatch) -> None:
    place = tempfile.mkdtemp(prefix="gatepost-")
    Path(place).chmod(0o711)
    monkeypatch.setattr(tempfile, "tempdir", place)
    code = (
        "import tempfile; from pathlib import Path\n"
        "from gatepost.up import testing; from gatepost.up.postgres import EmbeddedPostgres\n"
        "folder = Path(tempfile.mkdtemp(prefix=testing.FOLDER_PREFIX)); folder.chmod(0o711)\n"
        "(folder / 'lock').touch()\n"
        "server = EmbeddedPostgres(folder / 'postgres', settings=testing.SETTINGS, dies_with_parent=True)\n"
        "server.start(); print(server.pid, folder, flush=True); input()"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "TMPDIR": place},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    pid, folder = owner.stdout.readline().split()
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{pid}").exists()
    testing.remove_left_folders(older_than_seconds=0)
    assert not Path(folder).exists()
    Path(place).rmdir()
