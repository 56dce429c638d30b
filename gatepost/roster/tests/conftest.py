from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gatepost.roster.imports import run
from gatepost.roster.imports.plan import Report, Request
from gatepost.roster.models import District, School

NOW = datetime(2026, 9, 1, 2, tzinfo=UTC)  # ten in the morning of the first school day of year 115


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def district(db: None) -> District:
    return District.objects.create(code="35", name="中正區", name_en="Zhongzheng", postal_code="100")


@pytest.fixture
def school(district: District) -> School:
    return _school(district, "353699", "試驗國小", "elementary")


@pytest.fixture
def other_school(district: District) -> School:
    return _school(district, "353698", "隔壁國小", "elementary")


@pytest.fixture
def junior_high(district: District) -> School:
    return _school(district, "353599", "試驗國中", "junior_high")


@pytest.fixture
def look() -> Callable[..., Report]:
    """Look through a file: `look(path, school=…)`."""

    def act(path: Path, **options: object) -> Report:
        return run.look_through(Request(path=path, **{"now": NOW, **options}))

    return act


@pytest.fixture
def take() -> Callable[..., Report]:
    """Take over a file: `take(path, school=…, skip_bad_lines=…, may_leave=…)`."""

    def act(path: Path, *, skip_bad_lines: bool = False, may_leave: int | None = None, **options: object) -> Report:
        request = Request(path=path, **{"now": NOW, **options})
        return run.take_over(request, skip_bad_lines=skip_bad_lines, may_leave=may_leave)

    return act


def _school(district: District, code: str, name: str, level: str) -> School:
    return School.objects.create(code=code, name=name, short_name=name, district=district, level=level)
