"""A newcomer's first minutes: a city, its processes, a morning, and the mails that families got.

Everything as it is typed and as it runs: `gatepost demo`, web, worker and mail catcher as processes on a database of
their own, then `gatepost simulate morning`. What is asked afterwards is asked of the tables, the catcher and the pages.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

import psycopg
import pytest
from psycopg.rows import tuple_row

from gatepost.up.testing import make_database

SCHOOL = "373602"
PATIENCE_SECONDS = 60

# The worker as it is, but for a question that comes every second: a morning of six seconds has no time for more.
WORKER = """
import dataclasses, django
django.setup()
from gatepost.config import schedule
usual = schedule.loops
schedule.loops = lambda carrier: [
    dataclasses.replace(loop, every_seconds=1) if loop.name == "sweep" else loop for loop in usual(carrier)
]
schedule.run_worker()
"""


class Town:
    """A demonstration city of one small school, and everything that runs for it."""

    def __init__(self, folder: Path) -> None:
        self.web, self.mail, self.smtp = _free_ports(3)
        ours = urlsplit(os.environ["DATABASE_URL"])
        make_database(f"{ours.path[1:]}_town")
        self.database = ours._replace(path=f"{ours.path}_town").geturl()
        self.environment = {
            **os.environ,
            "DATABASE_URL": self.database,
            "DJANGO_SETTINGS_MODULE": "gatepost.config.settings",
            "GATEPOST_DEMONSTRATION": "true",
            "GATEPOST_SECOND_FACTOR": "off",  # as `make up` sets it
            "GATEPOST_VAR": str(folder / "var"),
            "GATEPOST_URL": f"http://127.0.0.1:{self.web}",
            "GATEPOST_MAIL_PORT": str(self.mail),
            "GATEPOST_SMTP_PORT": str(self.smtp),
        }
        self.children: list[subprocess.Popen[bytes]] = []
        self._start("-m", "gatepost", "web", "--port", str(self.web))
        self._start("-c", WORKER)
        ports = ("--smtp-port", str(self.smtp), "--http-port", str(self.mail))
        self._start("-m", "gatepost.up.mailbox", *ports, "--folder", str(folder / "mails"))
        self.typed("demo", "--schools", "1", "--students", "60")
        self._keep_away_from_midnight()
        for port in (self.web, self.mail, self.smtp):
            _wait_for(port)

    def _start(self, *arguments: str) -> None:
        command = [sys.executable, *arguments]
        self.children.append(subprocess.Popen(command, env=self.environment, start_new_session=True))

    def _keep_away_from_midnight(self) -> None:
        """No morning is played over midnight: shortly before, the school moves to where the same day is at its noon."""
        with psycopg.connect(self.database) as connection:
            connection.execute(
                "UPDATE roster_school SET timezone = 'Etc/GMT+4'"
                " WHERE (now() AT TIME ZONE 'Asia/Taipei')::time > time '23:30'"
            )

    def stop(self) -> None:
        """End what was started."""
        for child in self.children:
            os.killpg(child.pid, signal.SIGTERM)
        for child in self.children:
            child.wait(timeout=PATIENCE_SECONDS)

    def typed(self, *arguments: str) -> str:
        """Type a command of `gatepost`; what it printed. Fails where it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "gatepost", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What stands in the tables."""
        with psycopg.connect(self.database, row_factory=tuple_row) as connection:
            return connection.execute(query, values).fetchall()

    def caught(self) -> list[dict[str, Any]]:
        """What the catcher has caught."""
        with urlopen(f"http://127.0.0.1:{self.mail}/api/mails?limit=1000", timeout=10) as answer:
            mails: list[dict[str, Any]] = json.load(answer)["mails"]
        return mails

    def empty_the_catcher(self) -> None:
        """Forget what was caught."""
        urlopen(Request(f"http://127.0.0.1:{self.mail}/api/mails", method="DELETE"), timeout=10).close()

    def page(self, path: str, *, email: str, password: str) -> str:
        """A page as somebody sees it who signs in."""
        browser = build_opener(HTTPCookieProcessor(CookieJar()))
        at = f"http://127.0.0.1:{self.web}"
        form = browser.open(f"{at}/sign-in/", timeout=10).read().decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
        assert token
        fields = {"csrfmiddlewaretoken": token[1], "login": email, "password": password}
        browser.open(Request(f"{at}/sign-in/", urlencode(fields).encode(), {"Referer": at}), timeout=10).close()
        text: str = browser.open(at + path, timeout=10).read().decode()
        return text


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[Town]:
    town = Town(tmp_path_factory.mktemp("town"))
    yield town
    town.stop()


def test_every_family_that_wants_to_know_reads_once_that_the_child_arrived(town: Town) -> None:
    town.empty_the_catcher()

    said = town.typed("simulate", "morning", "--school", SCHOOL, "--minutes", "0.1")

    assert "Taps sent" in said
    mails = Counter((mail["to"], mail["subject"]) for mail in town.caught())
    assert mails
    assert set(mails.values()) == {1}
    assert _arrival_mails(town) == Counter(_wanted(town))
    _nobody_on_leave_was_written_about(town)
    _no_tap_was_lost(town)
    assert town.rows(
        "SELECT decided_at IS NOT NULL FROM attendance_sweep WHERE decided_at > now() - interval '1 minute'"
    )


def test_a_reader_that_stays_offline_holds_the_alarm_and_the_page_says_why(town: Town) -> None:
    town.empty_the_catcher()

    said = town.typed("simulate", "morning", "--school", SCHOOL, "--minutes", "0.05", "--seed", "2", "--hold")

    assert f"The alarm of {SCHOOL} is held" in said
    page = town.page(f"/schools/{SCHOOL}/today/", email="office@gatepost.example", password="gate-0742-opens")
    ((reader,),) = town.rows(
        "SELECT gate.name || ' ' || reader.name FROM attendance_sweep sweep JOIN gates_reader reader"
        " ON sweep.held_facts->'readers' ? reader.id::text JOIN gates_gate gate ON gate.id = reader.gate_id"
        " WHERE sweep.decided_at IS NULL"
    )
    missing = town.rows(_NOT_SEEN)
    assert reader in page
    assert len(missing) > 2
    assert all(name in page for (name,) in missing)
    assert not town.rows(f"SELECT 1 FROM notify_notice WHERE topic = 'not_arrived' AND on_date = {_TODAY}")

    assert SCHOOL in town.typed("simulate", "reset", "--school", SCHOOL)
    assert town.rows("SELECT cutoff::text FROM attendance_rules") == [("08:10:00",)]


def _wanted(town: Town) -> list[str]:
    """The addresses of those who are to hear of an arrival today, once for each child that arrived."""
    found = town.rows(
        "SELECT address.target FROM attendance_day day"
        " JOIN notify_recipient recipient ON recipient.about = day.student_id AND recipient.ended_at IS NULL"
        " JOIN notify_subscription wish ON wish.recipient_id = recipient.id AND wish.topic = 'arrived'"
        " JOIN notify_address address ON address.id = wish.address_id AND address.disabled_at IS NULL"
        " WHERE day.arrived_at > now() - interval '2 minutes'"
    )
    return [target for (target,) in found]


def _arrival_mails(town: Town) -> Counter[str]:
    """To whom the mails in the catcher went that say a child arrived."""
    said = town.rows(
        "SELECT substring(delivery.response from 'kept as ([0-9]+)')::bigint FROM notify_delivery delivery"
        " JOIN notify_notice notice ON notice.id = delivery.notice_id AND notice.on_date = delivery.on_date"
        f" WHERE notice.topic = 'arrived' AND notice.on_date = {_TODAY}"
    )
    numbers = {number for (number,) in said}
    return Counter(mail["to"] for mail in town.caught() if mail["id"] in numbers)


def _nobody_on_leave_was_written_about(town: Town) -> None:
    away = f"SELECT student_id FROM attendance_leave WHERE {_TODAY} BETWEEN first_date AND last_date"

    assert town.rows(away)
    assert not town.rows(f"SELECT 1 FROM notify_delivery WHERE on_date = {_TODAY} AND about IN ({away})")


def _no_tap_was_lost(town: Town) -> None:
    """Every tap that can be used is an event; the offline reader handed in its own, too."""
    lost = town.rows(
        "SELECT tap.nonce FROM gates_tap tap LEFT JOIN attendance_event event ON event.nonce = tap.nonce"
        " WHERE tap.reason = '' AND event.id IS NULL"
    )
    late = town.rows("SELECT 1 FROM gates_tap WHERE received_at > tapped_at + interval '0.15 seconds'")

    assert not lost
    assert late, "the reader that was offline handed in nothing"


_TODAY = "(now() AT TIME ZONE (SELECT timezone FROM roster_school))::date"

_NOT_SEEN = f"""
SELECT student.name FROM roster_student student
LEFT JOIN attendance_day day ON day.student_id = student.id AND day.date = {_TODAY}
WHERE day.seen_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM attendance_leave leave
    WHERE leave.student_id = student.id AND {_TODAY} BETWEEN leave.first_date AND leave.last_date
)
"""


def _free_ports(many: int) -> list[int]:
    probes = [socket.socket() for _ in range(many)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _wait_for(port: int) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing answers on port {port}")
