"""Lengths, seeds and counts. `make fuzz` names this folder, so it prints the table at the end."""

import os
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase

from gatepost.gates.tests.conftest import key as key
from gatepost.gates.tests.conftest import reader_and_key as reader_and_key
from gatepost.gates.tests.conftest import school as school
from tests.faults.length import Length
from tests.faults.length import length as asked_length

PROPERTY = "fuzz"
Fuzz = Callable[..., Callable[[Callable[..., None]], None]]

_told: dict[str, dict[str, int]] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Gather what the tests counted, from the workers of xdist as well."""
    for name, counts in report.user_properties:
        if name == PROPERTY:
            _told[report.nodeid.rpartition("::")[2]] = counts  # type: ignore[assignment]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How much was tried."""
    if not _told or not asked_length().is_long:
        return
    terminalreporter.section(f"bad input (seed {seed()})")
    for name, counts in sorted(_told.items()):
        told = ", ".join(f"{what} {number:,}" for what, number in counts.items())
        terminalreporter.write_line(f"{name:70} {told}")
    whole = sum(counts.get("inputs", 0) for counts in _told.values())
    terminalreporter.write_line(f"{'inputs together':70} {whole:,}")


def seed() -> int:
    """The same inputs each time, unless others are asked for."""
    return int(os.environ.get("FAULTS_SEED", "").strip() or 1)


@pytest.fixture
def length() -> Length:
    """Short or long."""
    return asked_length()


@pytest.fixture
def tried(record_property: Callable[[str, Any], None]) -> dict[str, int]:
    """What this test tried, for the table; `inputs` are summed."""
    counts: dict[str, int] = {"inputs": 0}
    record_property(PROPERTY, counts)
    return counts


@pytest.fixture
def fuzz(length: Length, tried: dict[str, int]) -> Fuzz:
    """Run a function with made-up arguments: `fuzz(short, long, name=strategy)(function)`."""

    def with_examples(short: int, long: int, **strategies: Any) -> Callable[[Callable[..., None]], None]:
        def run(promise: Callable[..., None]) -> None:
            def counted(**values: Any) -> None:
                tried["inputs"] += 1
                promise(**values)

            given = hypothesis.given(**strategies)(counted)
            hypothesis.seed(seed())(
                hypothesis.settings(
                    max_examples=length.of(short, long),
                    deadline=None,
                    database=None,
                    phases=(Phase.explicit, Phase.generate, Phase.shrink),
                    suppress_health_check=list(HealthCheck),
                )(given)
            )()

        return run

    return with_examples
