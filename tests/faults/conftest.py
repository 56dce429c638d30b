"""Ground, chances and counts for the failures. `make faults` names this folder, so it prints the table at the end."""

import contextlib
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from gatepost.up.testing import leave
from tests.faults import length as lengths
from tests.faults import tally
from tests.faults.ground import Ground, prepared_ground, template_folder
from tests.faults.sink import Sink, open_sink

SEED = "FAULTS_SEED"

_told: dict[str, dict[str, int]] = {}
_outcomes: Counter[str] = Counter()
_began = time.monotonic()


def pytest_configure(config: pytest.Config) -> None:
    """One seed for the run: the workers of xdist inherit it."""
    os.environ.setdefault(SEED, str(lengths.seed()))


def pytest_report_header() -> str:
    """What it takes to play this run again."""
    form = "city" if lengths.length().is_city else "long" if lengths.length().is_long else "short"
    return f"faults: {form} form, {SEED}={os.environ[SEED]}"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Gather what the tests counted, from the workers of xdist as well."""
    if "tests/faults/" not in report.nodeid:
        return
    if report.when == "call" or report.outcome != "passed":
        _outcomes[report.outcome] += 1
    for name, counts in report.user_properties:
        if name == tally.PROPERTY:
            _told[report.nodeid.rpartition("::")[2]] = counts  # type: ignore[assignment]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table, and where it is kept."""
    if not _told:
        return
    seed = int(os.environ[SEED])
    terminalreporter.section(f"what the failures cost ({SEED}={seed})")
    for line in tally.table(_told):
        terminalreporter.write_line(line)
    if lengths.length().is_long:
        name = "city-morning" if lengths.length().is_city else "latest"
        kept = tally.keep(_told, name=name, outcomes=_outcomes, seconds=time.monotonic() - _began, seed=seed)
        terminalreporter.write_line(f"kept in {kept}")


def pytest_unconfigure(config: pytest.Config) -> None:
    """The template goes with the run; the process that was typed outlives its workers."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(template_folder(), ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Counts go with the report. A test that fails shows what the processes said, and what it took."""
    fixtures: dict[str, object] = getattr(item, "funcargs", {})
    if isinstance(counted := fixtures.get("counts"), tally.Counts):
        item.user_properties[:] = [(tally.PROPERTY, dict(counted))]
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if report.failed:
        if isinstance(ground := fixtures.get("ground"), Ground):
            report.sections.append(("what the processes said", ground.said()))
        report.sections.append(("to play it again", f"{SEED}={os.environ[SEED]}"))
    return report  # type: ignore[return-value]


@pytest.fixture
def length() -> lengths.Length:
    """Short or long."""
    return lengths.length()


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """The chances of this test: the same for the same seed and test."""
    return random.Random(f"{os.environ[SEED]} {request.node.name}")


@pytest.fixture
def counts() -> tally.Counts:
    """What this test counts; goes into the table, even when the test fails."""
    return tally.Counts()


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A mail server of our own."""
    with open_sink() as opened:
        yield opened


Grounds = Callable[..., contextlib.AbstractContextManager[Ground]]


@pytest.fixture
def grounds(django_db_blocker: DjangoDbBlocker) -> Grounds:
    """Makes a ground with the arguments of `prepared_ground`; Django (and so `tests.builders`) is at home there."""

    @contextlib.contextmanager
    def make(settings: Mapping[str, str] | None = None, *, data_on: Path | None = None) -> Iterator[Ground]:
        with prepared_ground(settings, data_on=data_on) as made, django_db_blocker.unblock(), at_home(made):
            yield made

    return make


@pytest.fixture
def ground(grounds: Grounds, request: pytest.FixtureRequest) -> Iterator[Ground]:
    """A PostgreSQL of this test's own, where Django (and so `tests.builders`) is at home as long as the test runs.

    Settings of PostgreSQL: `@pytest.mark.parametrize("ground", [{"max_connections": "30"}], indirect=True)`.
    """
    with grounds(getattr(request, "param", None)) as made:
        yield made


@contextlib.contextmanager
def at_home(ground: Ground) -> Iterator[None]:
    """Django's connection of this process goes to `ground` instead of the database of the other tests."""
    before = {name: connection.settings_dict[name] for name in ("NAME", "USER", "HOST", "PORT")}
    url = os.environ["DATABASE_URL"]
    leave(connection)
    place = {"NAME": "gatepost", "USER": "gatepost", "HOST": str(ground.socket_folder), "PORT": "5432"}
    connection.settings_dict.update(place)
    os.environ["DATABASE_URL"] = ground.url
    try:
        yield
    finally:
        leave(connection)
        connection.settings_dict.update(before)
        os.environ["DATABASE_URL"] = url
