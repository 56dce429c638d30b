"""No page and no loop reads a large table from end to end, nor months it has no business with.

Every statement that the scenes below run is explained on its way, whoever wrote it, so a new one cannot be forgotten.
With sequential scans made dear, one that is left has no index to use instead.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client

import gatepost
from gatepost.allowances import rules
from gatepost.allowances.queries import not_sent
from gatepost.announcements.queries import HEADLINES
from gatepost.attendance import arrivals, days, facts, records, sweep
from gatepost.attendance.tests.taps import tapped
from gatepost.kit import prepared as kit
from gatepost.kit import questions
from gatepost.notify import checks, ladder, queries, reach, recipients, sender
from gatepost.notify.queries import TOLD_EACH
from gatepost.portals import moment
from gatepost.portals.tests.visits import sign_in
from tests import builders
from tests.builders import MONDAY, at

pytestmark = pytest.mark.django_db

# What grows with the city or with its days.
LARGE = {
    "gates_tap", "gates_tapqueue", "attendance_event", "attendance_day", "attendance_schoolday", "attendance_sweep",
    "attendance_leave", "notify_climb", "notify_rung", "notify_notice", "notify_delivery", "notify_recipient",
    "notify_subscription", "notify_address", "roster_student", "roster_guardianrecord", "cards_card",
    "accounts_account", "guardians_guardianship", "guardians_restriction", "django_session",
}  # fmt: skip
ONE_MONTH = {"attendance_event", "attendance_day"}  # asked for days near today only, by their date
# The modules that use `kit.prepared`.
KEEPING_PLANS = {
    "attendance.arrivals", "attendance.days", "attendance.missing", "attendance.sweep", "notify.notices",
}  # fmt: skip
VERBS = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")

Plan = dict[str, Any]


class Watch:
    """Explains what passes, and remembers what is wrong with it."""

    def __init__(self, *, months_most: int = 2) -> None:  # a week may lie in two months
        self.months_most = months_most
        self.seen: set[str] = set()
        self.faults: list[str] = []

    def look(self, statement: str, plan: Plan) -> None:
        self.seen.add(statement)
        months: dict[str, set[str]] = {}
        for node in _nodes(plan):
            relation = node.get("Relation Name", "")
            table = _parent(relation)
            if node["Node Type"] == "Seq Scan" and table in LARGE:
                self.faults.append(f"reads all of {relation}: {statement[:300]}")
            if "Scan" in node["Node Type"] and table in ONE_MONTH and not relation.endswith("_default"):
                months.setdefault(table, set()).add(relation)
        opened = [sorted(m) for m in months.values() if len(m) > self.months_most]
        self.faults += [f"opens {m}: {statement[:300]}" for m in opened]

    def on_its_way(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if not many and str(sql).lstrip().upper().startswith(VERBS):
            with psycopg.ClientCursor(connection.connection) as cursor:
                self.look(str(sql), _explained(cursor, str(sql), params))
        return execute(sql, params, many, context)

    def prepared(self, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        self._look_without_values(statement, values)
        return _run(statement, values)

    def asked(self, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        self._look_without_values(statement, values)
        return _ask(statement, values)

    def _look_without_values(self, statement: str, values: Mapping[str, Any]) -> None:
        with psycopg.ClientCursor(connection.connection) as cursor:
            cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            names = list(values)
            # A placeholder that is used twice is one parameter, as it is for the driver.
            numbered = statement % {name: f"${number}" for number, name in enumerate(names, 1)}
            cursor.execute(f"PREPARE watched AS {numbered}".encode())
            marks = ", ".join("%s" for _ in names)
            self.look(statement, _explained(cursor, f"EXECUTE watched({marks})", list(values.values())))
            cursor.execute("DEALLOCATE watched")


_run, _ask = kit.prepared, questions.ask


def _explained(cursor: psycopg.ClientCursor[Any], sql: str, params: Any) -> Plan:
    cursor.execute("SET LOCAL enable_seqscan = off")
    cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}".encode(), params)
    row = cursor.fetchone()
    cursor.execute("SET LOCAL enable_seqscan = on")
    found = row[0] if row else []
    plan: Plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return plan


def _nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for below in plan.get("Plans", []):
        yield from _nodes(below)


def _parent(relation: str) -> str:
    """The table a partition belongs to."""
    return next((table for table in LARGE if relation.startswith((f"{table}_2", f"{table}_default"))), relation)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    watch = Watch()
    for module in (
        "attendance.arrivals",
        "attendance.days",
        "attendance.missing",
        "attendance.sweep",
        "notify.notices",
    ):
        monkeypatch.setattr(f"gatepost.{module}.prepared", watch.prepared)
    with connection.execute_wrapper(watch.on_its_way):
        yield watch


@pytest.fixture
def scene() -> dict[str, Any]:
    school = builders.a_school()
    builders.a_school_day(school)
    children = [builders.a_student(builders.a_class(school, grade)) for grade in (1, 2)]
    reader = builders.a_reader(school, heard_at=at("08:10:05"))[0]
    guardian = builders.a_guardian(*children)
    return {"school": school, "children": children, "reader": reader, "guardian": guardian}


class Nobody:
    """A carrier that takes every mail."""

    def carry(self, deliveries: list[Any], *, now: Any) -> list[sender.Outcome]:
        return [sender.Outcome() for _ in deliveries]


def test_following_taps_and_sending_read_by_index(scene: dict[str, Any], watch: Watch) -> None:
    tapped(scene["reader"], builders.a_card(scene["children"][0]).uid, at("07:42"))
    tapped(scene["reader"], "FFFFFFFE", at("07:42"))
    watch.faults.clear()  # what only built the scene
    assert arrivals.follow_taps(now=at("07:43")) == 2
    sender.send_due("email", Nobody(), now=at("07:43"))
    assert {arrivals._LOCK_SHARDS, arrivals._TAKE_ANEW, days._FOLD_ANEW} <= watch.seen
    assert not watch.faults


def test_the_sweep_reads_by_index(scene: dict[str, Any], watch: Watch) -> None:
    assert sweep.sweep_due(now=at("08:11")) == 1
    assert not watch.faults


def test_the_ladder_reads_by_index(scene: dict[str, Any], watch: Watch) -> None:
    sweep.sweep_due(now=at("08:11"))
    watch.faults.clear()
    assert ladder.climb(rules.may_climb, now=at("08:16")) == 2
    assert ladder.seen(scene["guardian"].pk, [scene["children"][0].pk], on_date=MONDAY, now=at("08:17")) == 1
    assert {ladder._DUE, ladder._MAKE, ladder._OPEN} <= watch.seen
    assert not watch.faults


def test_asking_silent_addresses_reads_by_index(scene: dict[str, Any], watch: Watch) -> None:
    assert checks.follow(at("12:00")) == 1
    assert checks.SILENT in watch.seen
    assert not watch.faults


def test_a_guardians_home_and_a_schools_board_read_by_index(
    scene: dict[str, Any], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = builders.an_office(scene["school"])
    watch = Watch()
    monkeypatch.setattr("gatepost.kit.questions.ask", watch.asked)
    for who, url in ((scene["guardian"], "/family/"), (office, f"/schools/{scene['school'].code}/today/")):
        sign_in(client, who)
        with connection.execute_wrapper(watch.on_its_way):
            answer = client.get(url, **{moment.KEY: at("07:50", MONDAY)})
        assert answer.status_code == 200
    assert {facts.STATEMENT, TOLD_EACH, HEADLINES, reach.LACKING, reach.NOT_REACHED} <= watch.seen
    assert not watch.faults


def test_what_was_sent_about_a_child_is_found_by_its_notices(scene: dict[str, Any], watch: Watch) -> None:
    child, guardian = scene["children"][0], scene["guardian"]
    tapped(scene["reader"], builders.a_card(child).uid, at("07:42"))
    arrivals.follow_taps(now=at("07:43"))
    watch.faults.clear()
    assert [told.topic for told in queries.told_about(child.pk, MONDAY)] == ["arrived"]
    assert queries.unreached([child.pk], MONDAY) == []
    assert queries.last_sent(guardian.pk, [child.pk], today=MONDAY) == {}
    assert not_sent(scene["school"], MONDAY.replace(day=1)) == {}
    recipients.end_for(guardian.pk, child.pk, now=at("07:44"))
    assert [told.because for told in queries.told_about(child.pk, MONDAY)] == ["ended"]
    assert not watch.faults


def test_a_childs_month_reads_by_index_and_its_own_month_only(scene: dict[str, Any], client: Client) -> None:
    child, watch = scene["children"][0], Watch()
    sign_in(client, scene["guardian"])
    with connection.execute_wrapper(watch.on_its_way):
        answer = client.get(f"/family/children/{child.pk}/months/2026-11/", **{moment.KEY: at("07:50", MONDAY)})
    assert answer.status_code == 200
    assert records.OF_ONE in watch.seen
    assert not watch.faults


def test_a_terms_figures_read_by_index_and_the_months_of_the_term_only(scene: dict[str, Any], client: Client) -> None:
    office, child = builders.an_office(scene["school"]), scene["children"][0]
    sign_in(client, office)
    for path, statement in (("reports/", records.COUNT), (f"students/{child.pk}/terms/1151/", records.OF_ONE)):
        watch = Watch(months_most=4)  # August to November
        with connection.execute_wrapper(watch.on_its_way):
            answer = client.get(f"/schools/{scene['school'].code}/{path}", **{moment.KEY: at("07:50", MONDAY)})
        assert answer.status_code == 200
        assert statement in watch.seen
        assert not watch.faults


def test_every_kept_statement_is_watched() -> None:
    """A module that begins to keep plans joins the list in the fixture."""
    folder = Path(gatepost.__file__).parent
    users = {
        ".".join(file.relative_to(folder).with_suffix("").parts)
        for file in folder.rglob("*.py")
        if "import prepared" in file.read_text()
    }
    assert users == {
        "attendance.arrivals",
        "attendance.days",
        "attendance.missing",
        "attendance.sweep",
        "notify.notices",
    }
