import json
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from django.db import connection

from gatepost.accounts.models import Account
from gatepost.audit.models import Entry
from gatepost.roster.commands import import_roster
from gatepost.roster.identity_numbers import invented
from gatepost.roster.imports.run import LOCK
from gatepost.roster.models import Import, School, Student
from gatepost.roster.tests.test_import_oneroster import small_package

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("school")]


def command(*arguments: object, language: str = "en_US.UTF-8") -> Result:
    return CliRunner(env={"LC_ALL": language, "COLUMNS": "200"}).invoke(
        import_roster, [str(part) for part in arguments]
    )


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return small_package().write_zip(tmp_path / "city.zip")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "roster.csv"
    path.write_text(f"學號,姓名,班級,身分證字號\n113001,王小明,2年1班,{invented(1)}\n", encoding="cp950")
    return path


def test_without_apply_nothing_is_changed_and_the_next_step_is_told(package: Path) -> None:
    result = command(package)
    assert result.exit_code == 0, result.output
    assert "add --apply" in result.output
    assert not Student.objects.exists()


def test_apply_takes_it_over_and_tells_how_to_undo_it(package: Path) -> None:
    result = command(package, "--apply")
    assert result.exit_code == 0, result.output
    assert f"--undo {Import.objects.get().pk}" in result.output
    assert Student.objects.count() == 2


def test_numbers_that_all_move_on_behind_one_wrong_line_are_told_line_by_line(tmp_path: Path) -> None:
    """Each waits for the number of the next; the last does not let go of its own."""

    def table(shift: int, *, last: str) -> Path:
        lines = [f"{1000 + n + shift},王小明,2年1班,{invented(n)}" for n in range(1, 70)]
        path = tmp_path / f"{shift}.csv"
        path.write_text("\n".join(["學號,姓名,班級,身分證字號", *lines, last]), encoding="utf-8-sig")
        return path

    done = command(table(0, last=f"1070,王小明,2年1班,{invented(70)}"), "--school", "353699", "--apply")
    assert done.exit_code == 0, done.output
    before = dict(Student.objects.values_list("pk", "number"))
    result = command(table(1, last="1070,王小明,2年1班,A100000000"), "--school", "353699", "--apply")
    assert result.exit_code == 1, result.output
    assert not isinstance(result.exception, AssertionError)
    assert dict(Student.objects.values_list("pk", "number")) == before


def test_an_import_is_undone_by_its_number(package: Path) -> None:
    command(package, "--apply")
    result = command("--undo", Import.objects.get().pk)
    assert result.exit_code == 0, result.output
    assert not Student.objects.exists()


def test_what_cannot_be_undone_is_one_line(package: Path) -> None:
    command(package, "--apply")
    import_id = Import.objects.get().pk
    command("--undo", import_id)
    result = command("--undo", import_id)
    assert result.exit_code == 1
    assert result.output == "Error: This import was undone already.\n"


def test_a_spreadsheet_is_read_for_its_school_and_the_encoding_is_told(table: Path, school: School) -> None:
    result = command(table, "--school", "353699", "--apply")
    assert result.exit_code == 0, result.output
    assert "Big5 (CP950)" in result.output
    assert Student.objects.get().school == school
    assert Import.objects.get().school == school


def test_a_school_that_is_not_known_is_one_line(table: Path) -> None:
    result = command(table, "--school", "000000")
    assert result.exit_code == 1
    assert result.output == "Error: No school with the code 000000 is known here.\n"


def test_bad_lines_are_a_table_and_an_exit_code(tmp_path: Path) -> None:
    package = small_package()
    package.rows["users"][0]["userIds"] = "{idno:Y15000001X}"
    path = package.write_zip(tmp_path / "city.zip")

    looked = command(path)
    assert looked.exit_code == 1
    assert "userIds" in looked.output
    assert "50000" not in looked.output

    held = command(path, "--apply")
    assert held.exit_code == 1
    assert "--skip-bad-lines" in held.output
    assert not Student.objects.exists()

    assert command(path, "--apply", "--skip-bad-lines").exit_code == 0
    assert Student.objects.count() == 1


def test_the_brake_is_opened_by_its_number(tmp_path: Path, package: Path) -> None:
    command(package, "--apply")
    smaller = small_package()
    for file in ("users", "roles", "enrollments", "demographics"):
        smaller.rows[file] = [row for row in smaller.rows[file] if "s2" not in row.values()]
    path = smaller.write_zip(tmp_path / "smaller.zip")

    held = command(path, "--apply")
    assert held.exit_code == 1
    assert "--more-may-leave 1" in held.output
    assert command(path, "--apply", "--more-may-leave", "1").exit_code == 0
    assert Student.objects.filter(left_on=None).count() == 1


def test_the_report_as_json_says_everything(package: Path) -> None:
    report = json.loads(command(package, "--apply", "--json").stdout)
    assert report["counts"]["students"] == {"new": 2, "changed": 0, "leaving": 0, "unchanged": 0, "bad": 0}
    assert report["applied"] == str(Import.objects.get().pk)
    assert report["refused"] is None
    assert {"name": "users.csv", "encoding": "UTF-8", "rows": 5} in report["files"]


def test_a_held_import_is_json_too(tmp_path: Path) -> None:
    package = small_package()
    package.rows["users"][0]["userIds"] = "{idno:A1}"
    result = command(package.write_zip(tmp_path / "city.zip"), "--apply", "--json")
    report = json.loads(result.stdout)
    assert result.exit_code == 1
    assert report["refused"]["code"] == "bad_lines"
    assert report["faults"][0]["line"] == 2


def test_the_report_is_in_chinese_for_whoever_works_in_chinese(package: Path) -> None:
    assert "加上 --apply" in command(package, language="zh_TW.UTF-8").output
    assert "add --apply" in command(package).output


def test_who_answers_for_it_is_kept(package: Path) -> None:
    account = Account.objects.create(email="registrar@example.org", name="註冊組")
    assert command(package, "--apply", "--by", "Registrar@example.org").exit_code == 0
    assert Import.objects.get().by == account
    entry = Entry.objects.get(action="roster:imported")
    assert (entry.actor_id, entry.facts) == (account.pk, {"import_id": str(Import.objects.get().pk)})


def test_without_a_file_the_command_says_what_it_needs() -> None:
    assert command().exit_code == 2


@pytest.mark.django_db(transaction=True)
def test_two_imports_do_not_run_at_once(package: Path) -> None:
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            taken.set()
            done.wait(10)
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])  # the connection goes back to its pool with it
        connection.close()

    other = threading.Thread(target=hold)
    other.start()
    taken.wait(10)
    try:
        result = command(package)
    finally:
        done.set()
        other.join()
    assert result.exit_code == 1
    assert "Another import is running" in result.output
