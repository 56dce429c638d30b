"""What may be handed in as a file: bounds, encodings, lines."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gatepost.roster.imports.encodings import detect
from gatepost.roster.imports.faults import Faults, shown
from gatepost.roster.imports.files import package_files, single_file
from gatepost.roster.imports.plan import Report
from gatepost.roster.imports.refusals import ImportRefused
from gatepost.roster.imports.tables import Records, Table
from gatepost.roster.models import School
from gatepost.roster.tests.test_import_oneroster import small_package

Act = Callable[..., Report]


def encoding_of(path: Path, content: bytes, *, told: str | None = None) -> tuple[str, bool]:
    path.write_bytes(content)
    found = detect(single_file(path), told=told)
    return found.name, found.lossy


def refusal_of(path: Path, content: bytes) -> str:
    with pytest.raises(ImportRefused) as refused:
        encoding_of(path, content)
    return refused.value.code


def rows_of(path: Path, text: str) -> tuple[list[tuple[int, list[str]]], list[tuple[int, str]]]:
    path.write_bytes(text.encode())
    faults = Faults()
    rows = list(Table(single_file(path), faults).rows())
    return rows, [(fault.line, fault.code) for fault in faults.kept]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"a,b\n1,2\n", "UTF-8"),
        ("姓名\n王小明\n".encode(), "UTF-8"),
        ("姓名\n王小明\n".encode("utf-8-sig"), "UTF-8 (BOM)"),
        ("姓名\n王小明\n".encode("cp950"), "Big5 (CP950)"),
        ("姓名\n王小明\n".encode("utf-16"), "UTF-16"),
        (b"", "UTF-8"),
    ],
)
def test_the_encoding_is_read_off_the_bytes(tmp_path: Path, content: bytes, name: str) -> None:
    assert encoding_of(tmp_path / "a.csv", content) == (name, False)


def test_a_few_characters_of_the_schools_own_making_leave_a_file_readable(tmp_path: Path) -> None:
    content = ("姓名\n" + "王小明\n" * 100).encode("cp950") + b"\xfa\x40\n"
    assert encoding_of(tmp_path / "a.csv", content) == ("Big5 (CP950)", True)


def test_a_cell_cut_in_the_middle_of_a_character_leaves_a_file_readable(tmp_path: Path) -> None:
    content = ("姓名\n" + "王小明\n" * 100).encode() + "王".encode()[:2] + b"\n"
    assert encoding_of(tmp_path / "a.csv", content) == ("UTF-8", True)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("山田太郎さんのデータ、名簿\n".encode("shift_jis"), "encoding"),
        ("学生王晓明李晓华赵丽颖邓超杨颖\n".encode("gb18030"), "encoding"),
        (b"\xff\xff\xfe\xfa" * 10, "encoding"),
        (b"PNG\0\0\0", "binary"),
        ("學號,姓名\n1,\0\n".encode("utf-16"), "binary"),
        (b"x" * (3 << 20), "line_length"),
    ],
)
def test_what_is_no_text_we_know_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    assert refusal_of(tmp_path / "a.csv", content) == code


def test_an_encoding_that_was_named_is_used(tmp_path: Path) -> None:
    assert encoding_of(tmp_path / "a.csv", "碁銹裏墻恒".encode("cp950"), told="big5") == ("Big5 (CP950)", False)


def test_an_encoding_that_was_named_must_fit(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("王小明".encode("cp950"))
    with pytest.raises(ImportRefused):
        detect(single_file(tmp_path / "a.csv"), told="utf-8")


def test_text_in_utf_16_without_its_mark_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("學號,姓名\n".encode("utf-16-le"))
    with pytest.raises(ImportRefused) as caught:
        detect(single_file(tmp_path / "a.csv"), told="utf-16")
    assert caught.value.code == "encoding"


def test_rows_know_their_lines_past_line_ends_in_cells(tmp_path: Path) -> None:
    rows, faults = rows_of(tmp_path / "a.csv", 'a,b\n"1\r\n2",x\n\n3,"y\nz"\n4,w\n')
    assert rows == [(1, ["a", "b"]), (2, ["1\r\n2", "x"]), (5, ["3", "y\nz"]), (7, ["4", "w"])]
    assert faults == []


def test_a_quote_in_the_wrong_place_costs_its_line_only(tmp_path: Path) -> None:
    rows, faults = rows_of(tmp_path / "a.csv", 'a,b\n1,"x"y\n2,z\n')
    assert [row for row in rows if row[0] != 2] == [(1, ["a", "b"]), (3, ["2", "z"])]
    assert faults == [(2, "quotes")]


def test_a_quote_that_never_ends_is_told_where_it_began(tmp_path: Path) -> None:
    rows, faults = rows_of(tmp_path / "a.csv", 'a,b\n1,x\n2,"z\n3,w\n')
    assert rows == [(1, ["a", "b"]), (2, ["1", "x"])]
    assert faults == [(3, "quotes")]


def test_faults_after_thousands_of_rows_name_the_right_line(tmp_path: Path) -> None:
    lines = ["a,b", *(f"{n},x" for n in range(5_000)), '1,"x"y', "2,z"]
    rows, faults = rows_of(tmp_path / "a.csv", "\n".join(lines))
    assert faults == [(5_002, "quotes")]
    assert rows[-1] == (5_003, ["2", "z"])


def test_a_row_of_another_width_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1\n2,x\n3,y,z\n")
    faults = Faults()
    records = Records(Table(single_file(tmp_path / "a.csv"), faults), faults, {"a": ("a",), "c": ("c",)}, ["a"])
    assert [(line, cells) for line, _intact, cells in records] == [(3, ("2", ""))]
    assert [(fault.line, fault.code, fault.found) for fault in faults.kept] == [
        (2, "cells", "1 ≠ 2"),
        (4, "cells", "3 ≠ 2"),
    ]
    assert faults.unsure


@pytest.mark.parametrize(
    "name", ["../users.csv", "/etc/users.csv", "a/../../users.csv", "C:\\x\\users.csv", "__MACOSX/users.csv"]
)
def test_names_that_lead_out_of_a_zip_are_passed_over(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, "x")
        archive.writestr("in/orgs.csv", "y")
    with package_files(tmp_path / "a.zip") as files:
        assert list(files) == ["orgs.csv"]


def test_an_entry_without_a_name_is_passed_over(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("Xusers.csv", "x")  # a name ends at its first NUL
        archive.writestr("in/orgs.csv", "y")
    (tmp_path / "a.zip").write_bytes((tmp_path / "a.zip").read_bytes().replace(b"Xusers", b"\0users"))
    with package_files(tmp_path / "a.zip") as files:
        assert list(files) == ["orgs.csv"]


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_file_damaged_inside_its_zip_is_refused_however_it_is_packed(tmp_path: Path, packing: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", packing) as archive:
        archive.writestr("users.csv", "sourcedId,status\n" * 500)
    whole = bytearray((tmp_path / "a.zip").read_bytes())
    whole[50:70] = b"\xff" * 20
    (tmp_path / "a.zip").write_bytes(whole)
    with pytest.raises(ImportRefused) as refused, package_files(tmp_path / "a.zip") as files:
        list(Table(files["users.csv"], Faults()).rows())
    assert refused.value.code == "bad_zip"


def test_a_file_twice_in_a_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a/users.csv", "x")
        archive.writestr("b/Users.csv", "y")
    with pytest.raises(ImportRefused) as refused, package_files(tmp_path / "a.zip"):
        pass
    assert refused.value.code == "two_files"


def test_a_zip_that_would_unpack_to_a_hundredfold_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("users.csv", b"0," * (32 << 20))
    with pytest.raises(ImportRefused) as refused, package_files(tmp_path / "a.zip"):
        pass
    assert refused.value.code == "zip_bomb"


def test_a_zip_of_thousands_of_files_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for n in range(1_001):
            archive.writestr(f"{n}.csv", "")
    with pytest.raises(ImportRefused) as refused, package_files(tmp_path / "a.zip"):
        pass
    assert refused.value.code == "too_many"


@pytest.mark.django_db
@pytest.mark.usefixtures("school")
def test_a_damaged_zip_is_refused(tmp_path: Path, look: Act) -> None:
    path = small_package().write_zip(tmp_path / "a.zip")
    whole = path.read_bytes()
    for cut in (len(whole) // 2, 200):
        path.write_bytes(whole[:cut])
        with pytest.raises(ImportRefused) as refused:
            look(path)
        assert refused.value.code == "bad_zip"
    middle = whole.index(b"users.csv") + 60
    path.write_bytes(whole[:middle] + bytes(40) + whole[middle + 40 :])
    with pytest.raises(ImportRefused):
        look(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path, db: None, look: Act) -> None:
    with pytest.raises(ImportRefused) as refused:
        look(tmp_path / "nothing.csv")
    assert refused.value.code == "no_file"


def looked_through_or_refused(look: Act, path: Path, **options: object) -> str:
    """What came of it in words. Each try in a transaction of its own, as in real use."""
    try:
        with transaction.atomic():
            report = look(path, **options)
            transaction.set_rollback(True)
    except ImportRefused as refused:
        return refused.message
    return repr(report)


@given(content=st.binary(max_size=400))
@example(content=b"PK\x03\x04")
@example(content=b"PK\x05\x06" + bytes(18))
@example(content="學號,姓名\n,\n".encode())
@example(content="學號,姓名,班級\n1,\x07,2年1班\n".encode())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.django_db
def test_any_bytes_are_a_report_or_a_refusal(tmp_path: Path, school: School, look: Act, content: bytes) -> None:
    for name in ("a.csv", "a.zip", "a.xlsx"):
        path = tmp_path / name
        path.write_bytes(content)
        assert looked_through_or_refused(look, path, school=school)


CELLS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["1", "113001", "王小明", "2年1班", "Y150000014", "107/3/4", "\x00", "﻿", "“", "a" * 300, "𠮷", "\ud800"]
    ),
)


@given(rows=st.lists(st.lists(CELLS, min_size=8, max_size=8), max_size=6))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.django_db
def test_any_cells_of_a_table_are_a_report_or_a_refusal(
    tmp_path: Path, school: School, look: Act, rows: list[list[str]]
) -> None:
    lines = ["學號,姓名,班級,座號,身分證字號,出生年月日,監護人,監護人電話", *(",".join(row) for row in rows)]
    path = tmp_path / "a.csv"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    assert looked_through_or_refused(look, path, school=school)


@given(
    file=st.sampled_from(["orgs", "academicSessions", "classes", "users", "roles", "demographics", "enrollments"]),
    row=st.integers(0, 3),
    place=st.integers(0, 22),
    cell=CELLS,
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.django_db
def test_any_cell_of_a_package_is_a_report_or_a_refusal(
    tmp_path: Path, school: School, look: Act, file: str, row: int, place: int, cell: str
) -> None:
    package = small_package()
    rows, header = package.rows[file], package.headers[file]
    rows[row % len(rows)][header[place % len(header)]] = cell.encode("utf-8", "replace").decode()
    assert looked_through_or_refused(look, package.write_zip(tmp_path / "a.zip"))


@pytest.mark.parametrize("text", ["Y150000014", "1Y1500000142", "王Y150000014", "0912345678", "15000001"])
def test_long_runs_of_digits_are_never_shown(text: str) -> None:
    assert "50000" not in shown(text)
    assert "23456" not in shown(text)


def test_what_is_shown_is_short_and_printable() -> None:
    assert shown("二年一班") == "二年一班"
    assert shown("a\x1bb") == "a�b"
    assert len(shown("長" * 100)) == 30
