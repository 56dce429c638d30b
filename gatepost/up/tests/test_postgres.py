import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from gatepost.up import account
from gatepost.up.postgres import EmbeddedPostgres, fits_a_socket, newest_programs, running_server, socket_url
from gatepost.up.testing import SETTINGS
from gatepost.up.trouble import StartError

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture(name="folder")
def _folder() -> Iterator[Path]:
    with short_folder() as path:
        yield path


@pytest.fixture(scope="module", name="original")
def _original() -> Iterator[Path]:
    with short_folder() as path:
        with postgres(path):
            pass
        yield path


@pytest.fixture
def made(folder: Path, original: Path) -> Path:
    """A folder with data in it already, which saves making it each time."""
    subprocess.run(["/bin/cp", "-a", original / "postgres", folder / "postgres"], check=True)
    return folder


@contextmanager
def short_folder() -> Iterator[Path]:
    """A short path that the account of PostgreSQL can walk to."""
    path = Path(tempfile.mkdtemp(prefix="gatepost-pg-"))
    path.chmod(0o755)
    yield path
    EmbeddedPostgres(path / "postgres").stop_left_over()
    shutil.rmtree(path)


def postgres(folder: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder / "postgres", settings=SETTINGS, dies_with_parent=True)


def one(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    return row and row[0]


def test_it_starts_from_nothing_and_keeps_its_data(folder: Path) -> None:
    with postgres(folder) as server:
        with psycopg.connect(server.dsn) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS seven")
        assert one(server.dsn, "SHOW server_encoding") == "UTF8"
        assert one(server.dsn, "SELECT upper('ấ')") == "Ấ"
        assert one(server.dsn, "SELECT usesuper FROM pg_user WHERE usename = current_user") is False
    with postgres(folder) as server:
        assert one(server.dsn, "SELECT seven FROM kept") == 7


def test_it_listens_on_no_network_and_lets_nobody_else_in(made: Path) -> None:
    with postgres(made) as server:
        assert one(server.dsn, "SHOW listen_addresses") == ""
        assert (made / "postgres/run").stat().st_mode & 0o007 == 0


def test_stopping_leaves_no_process_and_no_socket(made: Path) -> None:
    server = postgres(made)
    server.start()
    pid = server.pid
    server.stop()
    assert not Path(f"/proc/{pid}").exists()
    assert not list((made / "postgres/run").iterdir())


def test_stopping_what_does_not_run_is_harmless(folder: Path) -> None:
    postgres(folder).stop()


def test_a_server_that_was_left_running_is_taken_over_and_stopped(made: Path) -> None:
    left = postgres(made)
    left.start()
    taken = postgres(made)
    assert taken.start() == left.dsn
    assert taken.pid == left.pid
    taken.stop()
    assert not left.is_running()


def test_a_killed_server_recovers(made: Path) -> None:
    server = EmbeddedPostgres(made / "postgres")  # with the settings of real use: nothing may be lost
    with psycopg.connect(server.start()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS seven")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    while server.is_running():
        time.sleep(0.01)
    assert (made / "postgres/data/postmaster.pid").exists()
    server.start()
    assert one(server.dsn, "SELECT seven FROM kept") == 7
    server.stop()


def test_a_left_over_process_number_that_belongs_to_somebody_else_does_not_matter(made: Path) -> None:
    server = postgres(made)
    server.start()
    server.stop()
    other = subprocess.Popen(
        ["/bin/sleep", "60"], **account.run_options(account.Programs(made), account.account_for(made))
    )
    try:
        pid_file = made / "postgres/data/postmaster.pid"
        pid_file.write_text(f"{other.pid}\n{made / 'postgres/data'}\n1\n5432\n{made / 'postgres/run'}\n\n1 1\nready\n")
        assert running_server(made / "postgres/data") is None
        server.start()
        assert one(server.dsn, "SELECT 1") == 1
    finally:
        server.stop()
        other.kill()
        other.wait()


def test_a_half_made_data_folder_is_made_again(folder: Path) -> None:
    (folder / "postgres/data.new/base").mkdir(parents=True)
    with postgres(folder) as server:
        assert one(server.dsn, "SELECT 1") == 1
    assert not (folder / "postgres/data.new").exists()


def test_data_of_another_version_is_refused_in_one_line_and_left_alone(folder: Path) -> None:
    data = folder / "postgres/data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("11\n")
    os.chown(data, 65534, 65534) if os.geteuid() == 0 else None
    with pytest.raises(
        StartError, match=r"was made by PostgreSQL 11, and this Gatepost brings PostgreSQL \d+:"
    ) as trouble:
        postgres(folder).start()
    assert "\n" not in str(trouble.value)
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


def test_a_folder_that_holds_something_else_is_not_touched(folder: Path) -> None:
    data = folder / "postgres/data"
    data.mkdir(parents=True)
    os.chown(data, 65534, 65534) if os.geteuid() == 0 else None
    (data / "thesis.txt").write_text("do not delete")
    with pytest.raises(StartError, match="is not empty and holds no PostgreSQL data"):
        postgres(folder).start()
    assert (data / "thesis.txt").exists()


def test_a_setting_that_postgres_refuses_is_said_in_one_line(made: Path) -> None:
    server = EmbeddedPostgres(made / "postgres", settings={**SETTINGS, "shared_buffers": "much"})
    with pytest.raises(StartError, match="invalid value for parameter") as trouble:
        server.start()
    assert "\n" not in str(trouble.value)
    assert not server.is_running()


def test_a_long_path_has_its_socket_elsewhere(folder: Path) -> None:
    deep = folder / ("deep" * 25)
    with postgres(deep) as server:
        assert one(server.dsn, "SELECT 1") == 1
        sockets = server._sockets
        assert sockets is not None
        assert fits_a_socket(sockets)
    assert not sockets.exists()


def test_a_file_in_the_place_of_the_folder_is_said_in_one_line(folder: Path) -> None:
    (folder / "postgres").write_text("a file where the folder should be")
    with pytest.raises(StartError, match="Cannot start PostgreSQL: File exists"):
        postgres(folder).start()
    (folder / "postgres").unlink()


def test_the_url_keeps_capitals_and_odd_signs_of_the_folder() -> None:
    url = socket_url(Path("/srv/Gate post/ä?&"), "gatepost", user="gatepost")
    assert psycopg.conninfo.conninfo_to_dict(url)["host"] == "/srv/Gate post/ä?&"


@only_root
def test_root_runs_it_as_somebody_else(folder: Path) -> None:
    with postgres(folder) as server:
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0
        assert (folder / "postgres/data").stat().st_uid == Path(f"/proc/{server.pid}").stat().st_uid


@only_root
def test_the_owner_of_the_folder_owns_the_data_and_can_go_on_without_root(folder: Path) -> None:
    os.chown(folder, 65534, 65534)
    with postgres(folder) as server:
        assert Path(f"/proc/{server.pid}").stat().st_uid == 65534


@pytest.fixture
def closed(folder: Path) -> Path:
    """A folder that only root can enter, with the programs and the place for the data inside."""
    inside = folder / "closed"
    source = newest_programs()
    shutil.copytree(source, inside / source.parent.name / source.name, ignore=shutil.ignore_patterns("include"))
    shutil.copytree(source.parent.parent / account.LIBRARIES, inside / account.LIBRARIES)
    inside.chmod(0o700)
    return inside


@only_root
@pytest.mark.parametrize("setpriv", [True, False])
def test_it_runs_from_a_folder_that_its_account_cannot_enter(
    closed: Path, monkeypatch: pytest.MonkeyPatch, setpriv: bool
) -> None:
    source = newest_programs()
    monkeypatch.setattr("gatepost.up.postgres.newest_programs", lambda: closed / source.parent.name / source.name)
    if not setpriv:
        monkeypatch.setattr("gatepost.up.account.shutil.which", lambda name: None)
    with postgres(closed) as server:
        assert one(server.dsn, "SELECT 1") == 1
        copy = server._programs.copy if server._programs else None
    with postgres(closed) as server:
        assert one(server.dsn, "SELECT 1") == 1
    assert closed.stat().st_mode & 0o777 == 0o700
    assert copy is None or (not setpriv and not copy.exists())


@only_root
def test_data_that_belongs_to_root_is_refused_in_one_line(folder: Path) -> None:
    (folder / "postgres/data").mkdir(parents=True)
    with pytest.raises(StartError, match="belongs to root"):
        postgres(folder).start()
